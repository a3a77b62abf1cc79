"""Which op is to blame for a wrong gradient.

Move the inputs along a direction. Every node has a cotangent ``ḡ`` (what ``backward`` left on it) and a tangent ``ż`` (how it
moves). If an op's backward is right, the books of its node balance: ``⟨ḡ, ż⟩ = Σ ⟨cⱼ, ẋⱼ⟩`` over the cotangents ``cⱼ`` that it
hands to its operands. What is missing, summed over all nodes, is exactly the error of the gradient, so the node with the
largest gap is the guilty one. Where all of them balance, something was lost between them (a cotangent overwritten by another)
or was never recorded (a number taken out of the graph and put in again).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import arrays
from ..graph import Node, constant
from ..primitive import Elementwise
from ..pullback import Pullback, as_node
from .differences import roughness
from .replay import FLOATS, Program, applied
from .report import Blame
from .slips import slip
from .slopes import Direction, one_sided_tangents, tangents

_MOST = 300  # elements of an operand for which every partial is looked at


@dataclass(frozen=True)
class _Gap:
    size: float
    node: Node
    found: Callable[[], Blame]


def blame(program: Program, inputs: Sequence[Node], claimed: Sequence[Any], direction: Direction, error: float) -> Blame | None:
    """The op that explains the ``error`` of the derivative along ``direction``; None if the books of this graph balance."""
    moves = tangents(program, inputs, direction)
    gaps = [*_gaps_of_ops(program, moves), *_gaps_between(program, inputs, claimed, moves)]
    worst = max(gaps, key=lambda gap: gap.size, default=None)
    return worst.found() if worst and worst.size > 0.02 * abs(error) else None


def unrecorded(node: Node) -> Blame:
    """The blame of a node that uses a number which moved although it was not recorded."""
    return replace(_of(node), slip="it uses a number that depends on an input without being recorded (detached, or by .data)")


def unlike_on_nodes(program: Program) -> Blame | None:
    """The op whose rule gives other numbers when it is read with nodes, as for higher orders."""
    for node in program.live:
        alone = _alone(node)
        operands = [x for x in alone.root.inputs if x.requires_grad]
        on_nodes = Pullback([alone.root], operands).nodes([as_node(node._grad, alone.root)])
        found = dict(zip(operands, on_nodes))
        for i, (x, mine) in enumerate(zip(alone.root.inputs, _handed_on(node))):
            true = np.asarray(0.0 if found.get(x) is None else found[x]._data)
            apart = np.abs(true - mine)
            if np.max(apart, initial=0.0) > 1e-9 * np.max(np.abs(mine), initial=0.0):
                k = int(np.argmax(apart))
                numbers = float(np.broadcast_to(true, mine.shape).flat[k]), float(mine.flat[k])
                return _of(node, i, *numbers, "its rule gives another number when it is read with nodes")
    return None


def tied(program: Program, inputs: Sequence[Node], direction: Direction) -> Node | None:
    """The first node that moves otherwise to the left than to the right, though its operands do not."""
    right, left = one_sided_tangents(program, inputs, direction)
    for node in program.live:
        if not _even(right[node], left[node]) and all(_even(right[x], left[x]) for x in node.inputs if x in right):
            return node
    return None


def _even(right: Any, left: Any) -> bool:
    a, b = np.asarray(right), np.asarray(left)
    return bool(np.all(np.abs(a - b) <= 1e-9 * np.maximum(np.abs(a), np.abs(b))))


def _of(node: Node, operand: int = -1, claimed: float = float("nan"), true: float = float("nan"), how: str = "") -> Blame:
    module = "" if node.module is None else str(node.module)
    name = node.op.name if node.op else ""
    return Blame(name, node.label, module, node.line, operand, float(claimed), float(true), how, node)


def _inner(a: Any, b: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.sum(np.asarray(a) * np.asarray(b)))


def _gaps_of_ops(program: Program, moves: dict[Node, Any]) -> Iterator[_Gap]:
    for node in program.live:
        if not np.any(node._grad):
            continue
        handed = _handed_on(node)
        gap = _inner(node._grad, moves[node]) - sum(_inner(c, moves.get(x, 0.0)) for x, c in zip(node.inputs, handed))
        if gap:
            yield _Gap(abs(gap), node, lambda node=node, handed=handed: _wrong_rule(node, handed, moves))  # type: ignore[misc]


def _handed_on(node: Node, already: float = 0.0) -> list[Any]:
    """What the op's backward adds for each operand, each operand on its own, beside what is there ``already``."""
    twins = tuple([_twin(x, already) for x in node.inputs])
    _pull(node, twins)
    return [np.asarray(x._grad) - already for x in twins]


def _twin(x: Node, grad: float = 0.0) -> Node:
    twin = constant(type(x), x._data)
    twin.requires_grad = x.requires_grad
    if grad:
        twin._grad = np.full(np.shape(x._data), grad, x._data.dtype) if type(x).xp is arrays else grad
    return twin


def _pull(node: Node, operands: tuple[Node, ...]) -> None:
    twin = constant(type(node), node._data)
    twin.op, twin.inputs, twin._grad = node.op, operands, node._grad
    with np.errstate(all="ignore"):
        node.op.pull(twin)  # type: ignore[union-attr]


def _wrong_rule(node: Node, handed: list[Any], moves: dict[Node, Any]) -> Blame:
    """Where the rule of ``node`` is farthest from the truth, found by moving one operand at a time."""
    worst = (-1.0, 0, 0, np.asarray(0.0), np.asarray(0.0))
    for i, x in enumerate(node.inputs):
        if not np.any(moves.get(x, 0.0)) or handed[i].size > _MOST:
            continue
        true = _true_cotangent(node, i)
        apart = np.abs(handed[i] - true)
        k = int(np.argmax(apart)) if apart.size else 0
        if apart.size and apart.flat[k] > worst[0]:
            worst = (float(apart.flat[k]), i, k, handed[i], true)
    size, i, k, mine, theirs = worst
    if size < 0:
        return _of(node)
    shapes = {np.shape(x._data) for x in (node, *node.inputs)}
    if isinstance(node.op.row, Elementwise) and len(shapes) == 1 and (g := _element(node._grad, k)):  # type: ignore[union-attr]
        claimed, true_one = mine.flat[k] / g, theirs.flat[k] / g  # a partial is what people know it by
        operands = [_element(x._data, k) for x in node.inputs]
        return _of(node, i, claimed, true_one, slip(claimed, true_one, operands, _element(node._data, k)))
    return _of(node, i, float(mine.flat[k]), float(theirs.flat[k]), slip(mine, theirs))


def is_rounding(found: Blame) -> bool:
    """Whether the rule of the op to blame is off by no more than what it rounds itself, as where it cancels.

    Its values about the operand then are rough: their higher differences do not vanish.
    """
    node = found.node
    if node is None or found.operand < 0 or any(type(x).xp is arrays for x in (node, *node.inputs)):
        return False
    values = [_partial_about(node, found.operand, j * 1e-6) for j in range(-6, 7)]
    rough = min(roughness(values[i : i + 7]) for i in (0, 3, 6))  # a jump is on one side only
    return abs(found.claimed - found.true) <= 16 * rough


def _partial_about(node: Node, operand: int, moved: float) -> float:
    """What the rule says with one operand moved by a relative ``moved``."""
    twins = tuple([_twin(y) for y in node.inputs])
    twins[operand]._data *= 1.0 + moved
    there = constant(type(node), applied(node, FLOATS, [y._data for y in twins]))
    there.op, there.inputs, there._grad = node.op, twins, node._grad
    return float(_handed_on(there)[operand]) / float(node._grad)


def _element(x: Any, k: int) -> float:
    return float(np.broadcast_to(x, np.shape(x)).flat[k])


def _true_cotangent(node: Node, i: int) -> Any:
    """``J_iᵀ ḡ`` of the op alone, element by element of operand ``i``."""
    program = _alone(node)
    inputs = program.root.inputs
    shape = np.shape(inputs[i]._data)
    true = np.zeros(shape)
    for place in np.ndindex(*shape):
        x = float(np.asarray(inputs[i]._data)[place])
        unit = [np.zeros(np.shape(other._data)) if type(other).xp is arrays else 0.0 for other in inputs]
        length = abs(x) or 1.0
        if type(inputs[i]).xp is arrays:
            unit[i][place] = length  # type: ignore[index]
        else:
            unit[i] = length
        true[place] = _inner(node._grad, tangents(program, inputs, unit)[program.root]) / length
    return true


def _alone(node: Node) -> Program:
    """The op of ``node`` on operands that are leaves."""
    twin = constant(type(node), node._data)
    twin.op, twin.inputs = node.op, tuple([_twin(x) for x in node.inputs])
    return Program(twin, twin.inputs)


def _gaps_between(program: Program, inputs: Sequence[Node], claimed: Sequence[Any], moves: dict[Node, Any]) -> Iterator[_Gap]:
    """Nodes whose cotangent is not the sum of those handed to them."""
    given = dict(zip(inputs, claimed))
    sums: dict[Node, Any] = {}
    users: dict[Node, list[Node]] = {}
    for node in program.live:
        for x, c in zip(node.inputs, _handed_on(node) if np.any(node._grad) else [0.0] * len(node.inputs)):
            sums[x] = sums.get(x, 0.0) + c
            users.setdefault(x, []).append(node)
    for x in moves:
        if x is not program.root and x in sums:
            gap = _inner(sums[x] - np.asarray(given.get(x, x._grad)), moves[x])
            if gap:
                yield _Gap(abs(gap), x, lambda x=x: _lost(x, users[x], given.get(x, x._grad), sums[x]))  # type: ignore[misc]


def _lost(x: Node, users: Sequence[Node], claimed: Any, true: Any) -> Blame:
    """The user of ``x`` whose backward throws away what others have added; else ``x`` itself."""
    at = int(np.argmax(np.abs(np.asarray(claimed) - np.asarray(true))))
    numbers = float(np.asarray(claimed).reshape(-1)[at]), float(np.asarray(true).reshape(-1)[at])
    for node in dict.fromkeys(users):
        i = next(i for i, y in enumerate(node.inputs) if y is x)
        alone, beside = _handed_on(node)[i], _handed_on(node, already=1.0)[i]
        shared = _twin(x)
        _pull(node, tuple([shared if y is x else _twin(y) for y in node.inputs]))
        together = sum(c for y, c in zip(node.inputs, _handed_on(node)) if y is x)
        if not np.allclose(alone, beside, 1e-6, 1e-9) or not np.allclose(np.asarray(shared._grad), together, 1e-9, 1e-12):
            return _of(node, i, *numbers, "it overwrites what others have added to the gradient of its operand")
    return _of(x, -1, *numbers, "a use of it was lost: its gradient is not the sum over the ops that use it")
