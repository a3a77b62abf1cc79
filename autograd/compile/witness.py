"""What a run of a function does beside computing: where it decides, draws, checks, and where numbers leave the graph.

Scribe ... notes it all, while a function is recorded
Reader ... gives what was drawn once more, while a function is run again
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .. import graph, ops, scalar
from ..errors import callers_line
from ..graph import Node, constant
from ..primitive import Domain, Elementwise
from ..value import Value
from .record import NotCompilable

_ANYWHERE = Domain("", ((-1.0, 1.0),))

# A number from which no gradient flows: what detach() and no_grad() give.
DETACHED = Elementwise("detach", lambda xp, x: +x, (lambda xp, z, x: 0.0,), "detach", domain=(_ANYWHERE,))


def _comparison(symbol: str, compare: Callable[[Any, Any], Any]) -> Elementwise:
    """A row that is 1 where a comparison holds, else 0."""
    return Elementwise(
        symbol, lambda xp, x, y: xp.where(compare(x, y), 1.0, 0.0), (None, None), symbol, domain=(_ANYWHERE,) * 2
    )


COMPARED = {
    "lt": _comparison("<", operator.lt),
    "le": _comparison("<=", operator.le),
    "gt": _comparison(">", operator.gt),
    "ge": _comparison(">=", operator.ge),
    "eq": _comparison("==", operator.eq),
    "ne": _comparison("!=", operator.ne),
}


class Whole(Value):
    """A whole number among the arguments, which may also name a place."""

    __slots__ = ()

    def __index__(self) -> int:
        return operator.index(int(self.item()))


class Truth(Value):
    """The answer of a comparison, 1 or 0. Asked whether it holds, it is a guard."""

    __slots__ = ()

    # fmt: off
    def __and__(self, other: Any) -> Any: return ops.mul(self, other)
    def __rand__(self, other: Any) -> Any: return ops.mul(other, self)
    def __or__(self, other: Any) -> Any: return ops.maximum(self, other)
    def __ror__(self, other: Any) -> Any: return ops.maximum(other, self)
    def __xor__(self, other: Any) -> Any: return ops.abs(self - other)
    def __rxor__(self, other: Any) -> Any: return ops.abs(other - self)
    def __invert__(self) -> Any: return as_kind(Truth, 1.0 - self)
    def __index__(self) -> int: return int(bool(self))
    # fmt: on


def as_kind(kind: type[Value], x: Value) -> Value:
    """The same node as another kind of Value."""
    z = constant(kind, x._data)
    z.op, z.inputs, z._requires_grad, z._time, z._note = x.op, x.inputs, x._requires_grad, x._time, x._note
    return z


def noted(kind: type[Value], row: Elementwise, *operands: Any) -> Any:
    """What ``row``, which need not be in the table, gives of Values and numbers."""
    nodes = tuple([x if isinstance(x, Node) else constant(Value, float(x)) for x in operands])
    z = constant(kind, row.apply(scalar, [x._data for x in nodes]))
    if any(x._requires_grad for x in nodes):
        z.op, z.inputs, z._requires_grad = row, nodes, True  # type: ignore[assignment]
    return z


@dataclass(frozen=True, eq=False)
class Guard:
    """What must come out again for the same path to be taken: whether ``node`` is not 0, or its number (its array)."""

    node: Node
    outcome: Any
    line: str
    drawn: int = 0  # how often f had drawn by then


class Draws:
    """Random numbers in the order in which they are asked for; remembered, so that another run may be given the same."""

    def __init__(self, drawn: Sequence[Any] = ()) -> None:
        self.drawn = list(drawn)
        self._given = 0

    def keep(self, drawn: Sequence[Any]) -> None:
        """So much is known to be drawn, on whatever path."""
        if len(drawn) > len(self.drawn):
            self.drawn = list(drawn)

    def next(self, draw: Callable[[], Any]) -> Any:
        """The next of them; drawn, if there is none yet."""
        if self._given == len(self.drawn):
            self.drawn.append(np.asarray(draw()))
        self._given += 1
        return self.drawn[self._given - 1][()]  # a number, if it has no axes


class Reader:
    """Lets a function run again with what was drawn before."""

    def __init__(self, draws: Draws) -> None:
        self.draws = draws

    def compared(self, name: str, x: Node, y: Any) -> Any:
        """The answer of a comparison."""
        return getattr(operator, name)(x._data, y._data if isinstance(y, Node) else y)

    def left(self, node: Node) -> None:
        """Nothing comes of it."""

    def decided(self, node: Node) -> None:
        """Nothing comes of it."""

    def acted(self, what: str) -> None:
        """Nothing comes of it."""

    def folded(self, node: Node, op: Any, inputs: tuple[Any, ...]) -> None:
        """It stays a constant."""

    def detached(self, node: Node) -> Node:
        """The same number as a constant."""
        return constant(type(node), node._data)

    def as_places(self, node: Node) -> Any:
        """The place that a whole number names."""
        return node.__index__() if isinstance(node, Whole) else None

    def drawn(self, draw: Callable[[], Any]) -> Any:
        """What was drawn there before."""
        return self.draws.next(draw)

    def checked(self, check: Callable[..., None], operands: tuple[Any, ...]) -> None:
        """It has been looked at."""


class Scribe(Reader):
    """Notes what a function does beside computing with Values."""

    def __init__(self, draws: Draws) -> None:
        super().__init__(draws)
        self._since = graph.now
        self.guards: dict[Node, Guard] = {}
        self.random: list[tuple[Callable[[], Any], Any]] = []  # what draws, and what it drew, as nodes
        self.checks: list[tuple[Callable[..., None], list[Any]]] = []

    def compared(self, name: str, x: Node, y: Any) -> Any:
        """The answer, as a number that is computed anew in each run."""
        if isinstance(y, np.ndarray):
            return array_of([self.compared(name, x, element) for element in y.ravel().tolist()], y.shape)
        if not isinstance(y, Value | Real | np.number):
            return super().compared(name, x, y)
        truth = noted(Truth, COMPARED[name], x, y)
        return truth if truth._requires_grad else super().compared(name, x, y)

    def decided(self, node: Node) -> None:
        """Whether it is 0 has to come out again."""
        self.guards.setdefault(node, Guard(node, bool(node._data), callers_line(), len(self.random)))

    def left(self, node: Node) -> None:
        """Its number has to come out again."""
        drawn = self.guards[node].drawn if node in self.guards else len(self.random)
        self.guards[node] = Guard(node, float(node._data), callers_line(), drawn)

    def acted(self, what: str) -> None:
        """A program does nothing but compute."""
        raise NotCompilable(f"f {what}, which a program can't do ({callers_line()})")

    def folded(self, node: Node, op: Any, inputs: tuple[Any, ...]) -> None:
        """Computed anew in each run, if it comes from leaves that were there before, for these may be written to."""
        if any(x._time < self._since for x in inputs):
            node.op, node.inputs, node._requires_grad = op, inputs, True

    def detached(self, node: Node) -> Node:
        """The same number, computed from it anew in each run."""
        return noted(type(node), DETACHED, node)  # type: ignore[arg-type, no-any-return]

    def drawn(self, draw: Callable[[], Any]) -> Any:
        """What is drawn, as nodes."""
        nodes = traced(super().drawn(draw))
        self.random.append((draw, nodes))
        return nodes

    def checked(self, check: Callable[..., None], operands: tuple[Any, ...]) -> None:
        """To be looked at in each run."""
        if any(isinstance(x, np.ndarray) and x.dtype == object for x in operands):
            self.checks.append((check, [*operands]))


def traced(x: Any, kind: type[Value] = Value) -> Any:
    """A number as a Value, an array as one of Values, of which it is noted what is computed from them."""
    return lifted(x, kind, trace=True)


def lifted(x: Any, kind: type[Value] = Value, trace: bool = False) -> Any:
    """A number as a Value, an array as one of Values; constants, unless what is computed from them is to be noted."""
    if not isinstance(x, np.ndarray):
        node = constant(kind, float(x))
        node._requires_grad = trace
        return node
    nodes = [constant(kind, number) for number in x.ravel().astype(float).tolist()]
    for node in nodes:
        node._requires_grad = trace
    return array_of(nodes, x.shape)


def array_of(elements: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """An array that holds them as they are."""
    array = np.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape)
