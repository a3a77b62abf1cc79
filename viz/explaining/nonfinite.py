"""Where the first number that is not finite was born, and how it spread.

>>> from autograd import Value
>>> x = Value(1e200, label="x")
>>> y = x * x
>>> print(nonfinite(y - y).text())
inf born in the forward pass: v1 = x * x
  from x = 1e+200
  spread: v1 = inf → v2 = nan
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, Literal, TypeAlias

import numpy as np

from autograd import DomainError, Node, arrays, topological_order
from autograd.graph import check_fresh, leaves_and_computed
from autograd.primitive import Elementwise
from nn import Module
from nn.module import place

from ..diagram import describe, number
from ..steps import handed_on, seed_of
from ..text import formulas, names
from ..words import printable
from .told import Told, chained

_SHOWN = 6  # operands of one node
Named: TypeAlias = tuple[str, str]  # something, and its number


@dataclass(frozen=True, slots=True, repr=False)
class Nonfinite(Told):
    """The first NaN or infinity of a graph: ``born`` of finite numbers, ``given`` by the user, or the end of a backward pass
    that ``stopped`` where an op has no finite derivative.

    A notebook shows it; ``print(found.text())`` works anywhere.
    """

    phase: Literal["forward", "backward"]
    how: Literal["born", "given", "stopped"]
    summary: str  # in one line
    key: int  # of the node: its place in topological order
    name: str
    label: str
    op: str
    formula: str  # how the node was computed
    number: str  # the first that is not finite: nan, inf or -inf; of an array, how many it has
    operands: tuple[Named, ...]  # what it came from; in the backward pass the gradient of the node is first
    module: str  # that made the node: layers.0 = Dense(2, 16)
    line: str  # of source that made the node, where source_lines() was on
    spread: tuple[Named, ...]  # towards the root; in the backward pass towards a leaf

    def text(self) -> str:
        """What and where it is, what it came from, who made it, and where it went."""
        return "\n  ".join([self.summary, *self._details()])

    def _details(self) -> list[str]:
        spread = chained([f"{name} = {x}" for name, x in self.spread], " → ")
        return [
            f"{word} {told}"
            for word, told in (
                ("from", ", ".join([f"{name} = {x}" for name, x in self.operands])),
                ("in", self.module),
                ("at", self.line),
                ("spread:", spread if len(self.spread) > 1 else ""),
            )
            if told
        ]

    def _repr_html_(self) -> str:
        details = "".join([f"<li>{escape(detail)}</li>" for detail in self._details()])
        return f"<div><p>{escape(self.summary)}</p><ul>{details}</ul></div>"


def nonfinite(root: Node, grad: Any = None) -> Nonfinite | None:
    """The first NaN or infinity behind ``root``, in the forward pass or else in the backward pass; None if all is finite.

    An infinity that does not reach ``root``, such as the ``-inf`` of a masked score, is spoken of only where nothing else is
    found. The graph is not touched.

    Args:
        root: the result to look back from.
        grad: the cotangent to start the backward pass from; by default 1, of an array in every element.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: ``grad`` has another shape than ``root``.
        StaleGraphError: a leaf was written after the graph was computed from it.

    >>> from autograd import Value, sqrt
    >>> x = Value(0.0, label="x")
    >>> print(nonfinite(sqrt(x)))
    the backward pass stops at v1 = sqrt(x), which has no finite derivative there
      from v1.grad = 1, x = 0
    """
    if not isinstance(root, Node):
        raise TypeError(f"nonfinite takes a Value or a Tensor, not {type(root).__name__}")
    with np.errstate(all="ignore"):  # here overflow is what is looked for
        graph = _Search(root)
        return graph.forward(graph.reaching) or graph.backward(grad) or graph.forward(graph.bad)


class _Search:
    """One graph, and how its nodes are called."""

    def __init__(self, root: Node) -> None:
        leaves, self.computed = leaves_and_computed(root)
        check_fresh(leaves, self.computed)
        self.root = root
        self.nodes = topological_order(root)
        self.keys = {node: key for key, node in enumerate(self.nodes)}

    @cached_property
    def bad(self) -> set[int]:
        """The keys of the numbers that are not finite."""
        return {key for key, node in enumerate(self.nodes) if not _is_finite(node._data)}

    @property
    def reaching(self) -> set[int]:
        """Those from which such numbers lead on to the root."""
        found = {len(self.nodes) - 1} & self.bad
        for key in reversed(range(len(self.nodes))):
            if key in found:
                found.update([self.keys[x] for x in self.nodes[key].inputs if self.keys[x] in self.bad])
        return found

    def forward(self, bad: set[int]) -> Nonfinite | None:
        """The first of the numbers at the keys ``bad``, none of which is finite."""
        if not bad:
            return None
        users: dict[int, int] = {}
        for key in sorted(bad):
            for x in self.nodes[key].inputs:
                users.setdefault(self.keys[x], key)
        first = min([key for key in bad if not any(self.keys[x] in bad for x in self.nodes[key].inputs)])
        node, called = self.nodes[first], self._called
        told, formula = _told(node._data), called[first][1]
        given = node.op is None
        return self._report(
            "forward",
            "given" if given else "born",
            f"{told} {'given' if given else 'born in the forward pass'}: {'a constant' if formula == told else formula}",
            first,
            told,
            [] if given else self._operands(node, node._data),
            [(called[key][0], _told(self.nodes[key]._data)) for key in _followed(first, users)],
        )

    def backward(self, grad: Any) -> Nonfinite | None:
        """The first gradient that is not finite, or the op that has no finite derivative."""
        if not self.root.requires_grad:
            return None
        seed = seed_of(self.root, np.ones_like(self.root._data) if grad is None and type(self.root).xp is arrays else grad)
        grads: dict[Node, Any] = dict.fromkeys(self.nodes, 0.0)
        grads[self.root] = seed
        born: tuple[Node, Node, Any] | None = None if _is_finite(seed) else (self.root, self.root, seed)
        receivers: dict[int, int] = {}  # of what is not finite
        for node in reversed(self.computed):
            try:
                amounts = handed_on(node, grads[node])
            except DomainError:
                if born:
                    break
                return self._stopped(node, grads[node])
            for position, amount in amounts:
                x = node.inputs[position]
                grads[x] = grads[x] + amount
                if not _is_finite(grads[x]):
                    born = born or (node, x, amount)
                    if not _is_finite(amount):
                        receivers.setdefault(self.keys[node], self.keys[x])
        return born and self._born(*born, grads, receivers)

    def _stopped(self, node: Node, grad: Any) -> Nonfinite:
        key, called = self.keys[node], self._called
        summary = f"the backward pass stops at {called[key][1]}, which has no finite derivative there"
        operands = [(f"{called[key][0]}.grad", _told(grad)), *self._operands(node, node._data)]
        return self._report("backward", "stopped", summary, key, "", operands, [])

    def _born(self, node: Node, x: Node, amount: Any, grads: Mapping[Node, Any], receivers: Mapping[int, int]) -> Nonfinite:
        key, called = self.keys[node], self._called
        to = self.keys[x]
        name, formula = called[key]
        spread = [(f"{called[k][0]}.grad", _told(grads[self.nodes[k]])) for k in _followed(to, receivers)]
        told = _told(grads[x] if _is_finite(amount) else amount)
        if node is x:
            return self._report("backward", "given", f"{told} given: the backward pass started from it", key, told, [], spread)
        operands = [(f"{name}.grad", _told(grads[node])), *self._operands(node, amount)]
        if _is_finite(amount):
            summary = f"{told} born in the backward pass: {called[to][0]}.grad, by adding what {formula} gives to the rest"
        else:
            summary = f"{told} born in the backward pass: what {formula} gives to {called[to][0]}.grad"
        return self._report("backward", "born", summary, key, told, operands, spread)

    def _report(
        self,
        phase: Literal["forward", "backward"],
        how: Literal["born", "given", "stopped"],
        summary: str,
        key: int,
        told: str,
        operands: Sequence[Named],
        spread: Sequence[Named],
    ) -> Nonfinite:
        node, (name, formula) = self.nodes[key], self._called[key]
        return Nonfinite(
            phase=phase,
            how=how,
            summary=summary,
            key=key,
            name=name,
            label=printable(node.label),
            op=node.op.name if node.op else "",
            formula=formula,
            number=told,
            operands=tuple(operands),
            module=printable(place(node.module, node._note)) if isinstance(node.module, Module) else "",
            line="".join([c if c.isprintable() else "\ufffd" for c in node.line]),
            spread=tuple(spread),
        )

    @cached_property
    def _called(self) -> list[Named]:
        """The name and the formula of each node."""
        diagram = describe(self.root, max_nodes=len(self.nodes))
        return [*zip(names(diagram), formulas(diagram))]

    def _operands(self, node: Node, result: Any) -> list[Named]:
        """The operands with their numbers, of many the largest; of arrays those that met where ``result`` is not finite."""
        assert node.op is not None
        shape = np.shape(node._data)
        elementwise = isinstance(node.op.row, Elementwise) and shape == np.shape(result) and not _is_finite(result)
        place = tuple(map(int, np.argwhere(~np.isfinite(result))[0])) if elementwise else ()
        told: list[Named] = []
        largest = set(sorted(dict.fromkeys(node.inputs), key=_size, reverse=True)[:_SHOWN])
        for x in dict.fromkeys(x for x in node.inputs if x in largest):
            name, data, shape = self._called[self.keys[x]][0], x._data, np.shape(x._data)
            if elementwise and shape:
                own = tuple([i if n > 1 else 0 for i, n in zip(place[-len(shape) :], shape)])
                name, data = f"{name}[{', '.join(map(str, own))}]", data[own]
            if name != _told(data):
                told.append((name, _told(data)))
        return told


def _followed(key: int, onward: Mapping[int, int]) -> list[int]:
    """``key``, and where it leads on, and on."""
    chain = [key]
    while chain[-1] in onward:
        chain.append(onward[chain[-1]])
    return chain


def _is_finite(x: Any) -> bool:
    return math.isfinite(x) if type(x) is float else bool(np.all(np.isfinite(x)))


def _size(x: Node) -> float:
    return float(np.max(np.nan_to_num(np.abs(x._data), nan=np.inf), initial=0.0))


def _told(x: Any) -> str:
    """A number; of an array, what is not finite in it, else its range."""
    if np.size(x) == 1:
        return number(np.reshape(x, ()))
    finite = np.isfinite(x)
    shape = "×".join(map(str, np.shape(x)))
    if finite.all():
        return f"array {shape}, {number(np.min(x))} to {number(np.max(x))}" if finite.size else f"array {shape}"
    counts = {"nan": np.isnan(x).sum(), "inf": np.isposinf(x).sum(), "-inf": np.isneginf(x).sum()}
    return f"{' and '.join([f'{n} {name}' for name, n in counts.items() if n])} of {finite.size}"
