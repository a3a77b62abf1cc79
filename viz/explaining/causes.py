"""Why a gradient is 0: what stops it on its way back.

>>> from autograd import Value
>>> from viz.explaining.paths import between
>>> x = Value(-1.0, label="x")
>>> [cause] = causes(between(x.relu(), x), ["x", "y"], ["x", "y = relu(x)"])
>>> cause.kind, cause.edges
('closed gate', ((0, 1, 0),))
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autograd import Node, scalar

from ..diagram import number
from .paths import Between, Edge

Kind = Literal[
    "not connected",
    "constant",
    "not finite",
    "cotangent",
    "closed gate",
    "kink",
    "factor 0",
    "flat",
    "no derivative",
    "cancel",
    "underflow",
    "small factor",
]
_CHOICES = {"where", "maximum", "minimum"}  # a rule that calls only these is that of a gate
_NEAR_0 = 1e-6
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that stops a gradient. ``edges`` are those it stops, as (source, target, position)."""

    kind: Kind
    text: str
    edges: tuple[tuple[int, int, int], ...] = ()


def causes(graph: Between, names: Sequence[str], formulas: Sequence[str]) -> tuple[Cause, ...]:
    """What makes the gradient of the start 0, nearest to the root first. Nodes are spoken of by ``names`` and ``formulas``, one
    for each key."""
    told = _Words(graph, names, formulas)
    found: dict[object, Cause] = {}
    for edge in cut(graph):
        lit = graph.grads[edge.target] != 0
        if lit and edge.amount != 0:
            found.setdefault(edge.source, told.cancel(edge.source))
        elif lit and edge.local != 0:
            found[edge] = told.underflow(edge)
        else:
            found[edge] = told.closed(edge)
    return tuple(found.values())


def cut(graph: Between) -> list[Edge]:
    """The edges that block the way of a gradient of 0, nearest to the root first.

    An edge blocks if its local derivative is 0, or if what it carries comes to nothing, by underflow or against other
    contributions. A smallest set of them parts the start from the root: of those that lead from one block away from the root to
    none, the ones that the start reaches. Where every path is blocked twice there is another such set behind, and so on; all
    are given, and one edge of each must open before anything can come.
    """
    away = {graph.end: 0}  # how many blocks lie between a node and the root, at least
    waiting = deque([graph.end])
    while waiting:
        key = waiting.popleft()
        for edge in graph.into.get(key, ()):
            blocked = _blocks(edge, graph)
            if away[key] + blocked < away.get(edge.source, math.inf):
                away[edge.source] = away[key] + blocked
                (waiting.append if blocked else waiting.appendleft)(edge.source)
    if not away.get(graph.start):
        return []
    far = {graph.start: away[graph.start]}  # how far from the root the start can stay on the way to a node
    for key, edges in graph.into.items():
        if key != graph.start:
            far[key] = min(away[key], max([far[edge.source] for edge in edges]))
    found = [edge for edge in graph.edges if away[edge.source] == far[edge.source] == away[edge.target] + 1]
    return sorted([edge for edge in found if _blocks(edge, graph)], key=lambda edge: away[edge.target])


def _blocks(edge: Edge, graph: Between) -> bool:
    return edge.local == 0 or (graph.grads[edge.target] != 0 and graph.grads[edge.source] == 0)


def diagnosis(node: Node, position: int) -> tuple[Kind, int | None]:
    """Of what kind the op of ``node`` is where its derivative for an operand is 0; and of a factor 0, which operand is it.

    Found by moving the operands a little, since a row of the table says how much a derivative is, not why.
    """
    rule = _Rule(node, position)
    if rule.is_missing:
        return "no derivative", None
    xs = [x._data for x in node.inputs]
    beside = any(rule(_moved(xs, [position], towards)) for towards in (-math.inf, math.inf))
    if rule.calls and rule.calls <= _CHOICES:
        return ("kink" if beside else "closed gate"), None
    zeros = [i for i, x in enumerate(xs) if x == 0 and i != position]
    while len(zeros) > 1:  # halve them
        half = zeros[: len(zeros) // 2]
        zeros = half if rule(_moved(xs, half)) else zeros[len(half) :]
    if not beside and zeros and rule(_moved(xs, zeros)):
        return "factor 0", zeros[0]
    return "flat", None


def _moved(xs: Sequence[float], positions: Sequence[int], towards: float = math.inf) -> list[float]:
    """``xs`` with some of them the least bit larger, or smaller; a 0 moves further, so that its powers don't underflow."""
    moved = list(xs)
    for i in positions:
        moved[i] = math.nextafter(xs[i], towards) if xs[i] else math.copysign(_NEAR_0, towards)
    return moved


class _Rule:
    """The local derivative for one operand as a function of all, and which functions of ``xp`` it ``calls``."""

    def __init__(self, node: Node, position: int) -> None:
        assert node.op is not None
        self.op = node.op
        self.wanted = [i == position for i in range(len(node.inputs))]
        self.position = position
        self.calls: set[str] = set()
        rules = node.op.row.rules
        self.is_missing = rules[0 if node.op.variadic else position] is None

    def __getattr__(self, name: str) -> Any:
        """As ``xp``."""
        self.calls.add(name)
        return getattr(scalar, name)

    def __call__(self, xs: Sequence[float]) -> float:
        try:
            z = self.op.apply(scalar, xs)
            return float([*self.op.cotangents(self, 1.0, z, xs, self.wanted)][self.position] or 0.0)
        except (ArithmeticError, ValueError):  # it has none there
            return 0.0


class _Words:
    """What is said of each cause."""

    def __init__(self, graph: Between, names: Sequence[str], formulas: Sequence[str]) -> None:
        self.graph, self.names, self.formulas = graph, names, formulas
        self.nodes = list(graph.keys)

    def cancel(self, key: int) -> Cause:
        """Contributions that add up to 0."""
        edges = [edge for edge in self.graph.edges if edge.source == key and edge.amount != 0]
        given = _listed([f"{number(edge.amount, '+.4g')} by {self.formulas[edge.target]}" for edge in edges])
        return Cause("cancel", f"contributions cancel: {self.names[key]} is given {given}", tuple(map(_place, edges)))

    def underflow(self, edge: Edge) -> Cause:
        """A product too small for a float."""
        root, target, source = (self.names[key] for key in (self.graph.end, edge.target, edge.source))
        product = f"∂{root}/∂{target} × ∂{target}/∂{source} = {number(self.graph.grads[edge.target])} × {number(edge.local)}"
        return Cause("underflow", f"underflow: {product} is too small for a float", (_place(edge),))

    def closed(self, edge: Edge) -> Cause:
        """A local derivative that is 0."""
        node = self.nodes[edge.target]
        kind, guilty = diagnosis(node, edge.position)
        formula, source = self.formulas[edge.target], self.names[edge.source]
        match kind:
            case "factor 0":
                assert guilty is not None
                factor = self._with_number(node.inputs[guilty])
                text = f"factor 0: ∂{self.names[edge.target]}/∂{source} has the factor {factor}, in {formula}"
            case "closed gate":
                text = f"closed gate: {formula} passes nothing on to {source}, {self._at(node)}"
            case "kink":
                text = f"kink: {formula} has no slope there, and 0 stands for it by convention, {self._at(node)}"
            case "no derivative":
                text = f"no derivative: {formula} has none for {source}, its operand {edge.position + 1}"
            case _:
                text = f"flat: {formula} has slope 0 in {source}, {self._at(node)}"
        return Cause(kind, text, (_place(edge),))

    def _at(self, node: Node) -> str:
        """The operands and their numbers, but for those that are called by their number."""
        named = [x for x in dict.fromkeys(node.inputs) if self.names[self.graph.keys[x]] != number(x.data)]
        return "at " + _listed([self._with_number(x) for x in named])

    def _with_number(self, x: Node) -> str:
        name, shown = self.names[self.graph.keys[x]], number(x.data)
        return name if name == shown else f"{name} = {shown}"


def _place(edge: Edge) -> tuple[int, int, int]:
    return edge.source, edge.target, edge.position


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts if len(parts) <= _SHOWN else [*parts[: _SHOWN - 1], f"… ({len(parts) - _SHOWN + 1} more)"])
