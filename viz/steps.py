"""One pass forward and one pass back, step by step, as data: the numbers of ``backward()``, in its order.

handed_on ... what a node's op gives to its operands
walk ........ every step of both passes

>>> from autograd import Value
>>> x = Value(3.0, label="x")
>>> for step in walk(x * x).steps:
...     print(step.phase, step.key, step.grad, [c.amount for c in step.contributions])
forward 1 0.0 []
seed 1 1.0 []
backward 1 1.0 [3.0, 3.0]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from autograd import Node, Tensor, Value, arrays, topological_order
from autograd.graph import check_fresh, constant, explained, leaves_and_computed
from autograd.primitive import Elementwise

from .diagram import Diagram, describe, number

N = TypeVar("N", bound=Node)
Phase = Literal["forward", "seed", "backward"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one operand is given in a backward step: ``amount = upstream · local`` and ``after = before + amount``."""

    position: int  # of the operand in the call, from 0
    operand: int  # its key
    local: Any  # ∂node/∂operand; None where an op mixes the elements of an array, so that its rule is a vjp
    amount: Any
    before: Any
    after: Any
    count: int = 0  # between boxes for many nodes: of the contributions that are told as one sum


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One step: forward a node is computed, at the seed the result gets its gradient, backward a node hands its gradient on.

    ``key`` is the node's place in topological order. ``grad`` is its gradient at this moment, complete in a backward step, and
    0 in the forward pass.
    """

    index: int
    phase: Phase
    key: int
    node: Node
    operands: tuple[Any, ...]  # their numbers
    data: Any
    grad: Any = 0.0
    contributions: tuple[Contribution, ...] = ()
    parts: tuple["Step", ...] = ()  # where the step is that of a box for many nodes: their steps

    @property
    def number(self) -> int:
        """Its place in the walk, from 1."""
        return self.index + 1

    @property
    def label(self) -> str:
        """The node's label."""
        return self.node.label

    @property
    def op(self) -> str:
        """The name of the node's op, empty for a leaf."""
        return self.node.op.name if self.node.op else ""

    def __repr__(self) -> str:
        """In one line; in full it is told by whoever knows what the nodes are called, as ``stepper.told``."""
        happens = {"forward": f"is {number(self.data)}", "seed": "is where it starts", "backward": "hands on its gradient"}
        return f"<step {self.number}, {self.phase}: {self.node.name} {happens[self.phase]}>"


@dataclass(frozen=True, slots=True)
class Walk(Generic[N]):
    """All steps of both passes. ``nodes`` come in topological order, and so the root last, as do the boxes of ``diagram``."""

    nodes: tuple[N, ...]
    steps: tuple[Step, ...]
    start: tuple[Any, ...]  # the gradient of each node before the seed
    diagram: Diagram

    @property
    def end(self) -> tuple[Any, ...]:
        """The gradient of each node after the last step."""
        grads = list(self.start)
        for step in self.steps:
            if step.phase == "seed":
                grads[step.key] = step.grad
            for c in step.contributions:
                grads[c.operand] = c.after
        return tuple(grads)


def walk(root: N, grad: Any = None, *, accumulate: bool = False) -> Walk[N]:
    """Every step of the forward pass that made ``root`` and of the backward pass from it. The graph is not touched.

    Args:
        root: the result to look back from.
        grad: the cotangent to start from; by default 1.
        accumulate: start from the gradients that leaves hold now, as the next ``backward()`` would, not from 0.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: ``root`` is a constant, or an array that needs a cotangent to start from.
        StaleGraphError, DomainError: as ``backward()``.
    """
    if not isinstance(root, Node):
        raise TypeError(f"step takes a Value or a Tensor, not {type(root).__name__}; of several values, take one or their sum")
    seed = seed_of(root, grad)
    leaves, computed = leaves_and_computed(root)
    check_fresh(leaves, computed)
    nodes = topological_order(root)
    keys = {node: key for key, node in enumerate(nodes)}
    grads: dict[Node, Any] = dict.fromkeys(nodes, 0.0)
    if accumulate:
        grads.update({leaf: leaf._grad for leaf in leaves})
    start = tuple(grads.values())

    steps: list[Step] = []
    for node in computed:
        steps.append(Step(len(steps), "forward", keys[node], node, _numbers(node), node._data))
    grads[root] = _sum(root, grads[root], seed)
    steps.append(Step(len(steps), "seed", keys[root], root, _numbers(root), root._data, grads[root]))
    for node in reversed(computed):
        contributions = []
        given = handed_on(node, grads[node])
        slopes = partials(node)
        for position, amount in given:
            x = node.inputs[position]
            before = grads[x]
            grads[x] = _sum(x, before, amount)
            contributions.append(Contribution(position, keys[x], slopes[position], amount, before, grads[x]))
        steps.append(
            Step(len(steps), "backward", keys[node], node, _numbers(node), node._data, grads[node], tuple(contributions))
        )
    return Walk(tuple(nodes), tuple(steps), start, describe(root, max_nodes=len(nodes)))


def seed_of(root: Node, grad: Any = None) -> Any:
    """The cotangent that ``root.backward(grad)`` starts from.

    Raises:
        ValueError: ``root`` is a constant, or an array of several elements and ``grad`` is None, or of another shape.
    """
    if not root.requires_grad:
        raise ValueError(f"step: {root.name} is a constant, so it has no gradient; was it made by detach() or under no_grad()?")
    probe = _leaf_like(root)
    probe.backward(*(() if grad is None else (grad,)))
    return probe._grad


def handed_on(node: Node, grad: Any) -> list[tuple[int, Any]]:
    """What the op of ``node`` gives to its operands when the node's gradient is ``grad``: position and cotangent of each that
    takes one, in the order in which ``backward()`` adds them. An operand used twice is given two.

    Raises:
        DomainError: the op has no finite derivative there.
    """
    assert node.op is not None
    given: list[tuple[int, Any]] = []
    probes = [_probe(x, position, given) for position, x in enumerate(node.inputs)]
    stand_in = constant(type(node), node._data)
    stand_in.op, stand_in.inputs, stand_in._grad, stand_in._time = node.op, tuple(probes), grad, node._time
    try:
        node.op.pull(stand_in)
    except Exception as error:
        raise explained(error, node) from None
    given += [
        (position, probe._grad.view(np.ndarray) if isinstance(probe._grad, np.ndarray) else probe._grad)
        for position, probe in enumerate(probes)
        if type(probe) is not _Given and probe.requires_grad and type(probe._grad) is not float
    ]
    return given


def partials(node: Node) -> Sequence[Any]:
    """``∂node/∂operand`` for each operand that takes a gradient, else None; and None for an op that mixes elements."""
    assert node.op is not None
    row, numbers = node.op.row, [x._data for x in node.inputs]
    if isinstance(row, Elementwise) and row.variadic:
        return row.partials(type(node).xp, node._data, numbers)
    if isinstance(row, Elementwise):  # one by one: (-2) ** 2 has no slope in its exponent
        rules = zip(row.rules, node.inputs)
        return [rule(type(node).xp, node._data, *numbers) if rule and x.requires_grad else None for rule, x in rules]
    if type(node).xp is arrays or any(type(x).xp is arrays for x in node.inputs):
        return [None] * len(node.inputs)
    slopes = dict(handed_on(node, 1.0))  # a vjp of numbers, of the cotangent 1
    return [slopes.get(position) for position in range(len(node.inputs))]


class _Given(Value):
    """Stands for a Value among operands; writes down what is added to its gradient, in the order in which that comes."""

    __slots__ = ("given", "position")

    given: list[tuple[int, Any]]
    position: int

    @property
    def _grad(self) -> float:
        return -0.0  # the one number to which any other can be added and come out as it is

    @_grad.setter
    def _grad(self, cotangent: float) -> None:
        self.given.append((self.position, cotangent))


def _probe(x: Node, position: int, given: list[tuple[int, Any]]) -> Node:
    if type(x).xp is arrays or not x.requires_grad:
        return _leaf_like(x)
    probe = object.__new__(_Given)
    probe._data, probe.op, probe.inputs, probe.requires_grad, probe._time, probe._note = x._data, None, (), True, x._time, None
    probe.given, probe.position = given, position
    return probe


def _leaf_like(x: Node) -> Node:
    leaf = constant(type(x), x._data)
    leaf.requires_grad, leaf._time = x.requires_grad, x._time
    return leaf


def _numbers(node: Node) -> tuple[Any, ...]:
    return tuple([x._data for x in node.inputs])


def _sum(x: Node, before: Any, cotangent: Any) -> Any:
    """As ``x`` adds it: the first cotangent of an array is taken as it is."""
    return cotangent if isinstance(x, Tensor) and type(before) is float else before + cotangent
