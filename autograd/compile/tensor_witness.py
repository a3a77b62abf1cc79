"""What a run of a function of Tensors does beside computing; ``witness`` says the same of Values.

Truths ......... the answers of a comparison, dynamic: asked whether they hold, they are a guard
Wholes ......... whole numbers among the arguments, which may also name places
TensorScribe ... notes it all, while a function is recorded
RULES .......... the namespace in which rules are read meanwhile
"""

from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from .. import arrays, ops
from ..errors import callers_line
from ..fitting import fit
from ..graph import Node, constant, record
from ..operators import Operators
from ..primitive import PRIMITIVES, Bound, Elementwise, Primitive, Settings, Structural
from ..pulling import pull_by_rules
from ..tensor import Tensor
from .witness import DETACHED, Guard, Scribe


def _bound(name: str, forward: Callable[..., Any], arity: int = 2) -> Bound:
    """An op on arrays that takes no gradient and is not in the table."""
    return Bound(Elementwise(name, forward, (None,) * arity, name), {}, pull_by_rules)


_COMPARED = {
    "lt": _bound("<", lambda xp, x, y: x < y),
    "le": _bound("<=", lambda xp, x, y: x <= y),
    "gt": _bound(">", lambda xp, x, y: x > y),
    "ge": _bound(">=", lambda xp, x, y: x >= y),
    "eq": _bound("==", lambda xp, x, y: x == y),
    "ne": _bound("!=", lambda xp, x, y: x != y),
}
_AND = _bound("and", lambda xp, x, y: x * y)
_OR = _bound("or", lambda xp, x, y: xp.maximum(x, y))
_NOT = _bound("not", lambda xp, x: x == 0, 1)
_PICK = Bound(Structural("pick", lambda xp, a, labels: xp.pick(a, labels), (None, None), "pick"), {}, pull_by_rules)
_DETACHED = Bound(DETACHED, {}, pull_by_rules)


def noted(kind: type[Tensor], op: Bound, *operands: Any) -> Any:
    """What ``op`` gives, as a node of a kind that holds other numbers than floats, too."""
    nodes = tuple([x if isinstance(x, Node) else constant(kind, np.asarray(x)) for x in operands])
    data = op.apply(arrays, [x._data for x in nodes])
    return record(kind, data, op, nodes) if any(x._requires_grad for x in nodes) else constant(kind, data)


BY_LABELS = ("cross_entropy",)  # rows that read their places by xp.pick and xp.one_hot alone


class Places(np.ndarray[Any, np.dtype[Any]]):
    """Whole numbers that an op keeps among its settings, and the node whose numbers they are."""

    node: Node


class PlacedOp(Bound):
    """A row with places among its settings, which are its last operands: they may be others in each run.

    Args:
        row: a row of the table.
        settings: its settings, with a ``Hole`` for each of the places.
        n: how many operands the row has.
    """

    __slots__ = ("n",)

    def __init__(self, row: Primitive, settings: Settings, n: int) -> None:
        super().__init__(row, settings, pull_by_rules)
        self.n = n

    @property
    def name(self) -> str:
        """The row's name, and that places are operands."""
        return f"{self.row.name} by places"

    def apply(self, xp: Any, operands: Sequence[Any]) -> Any:
        """The result."""
        return self.row.apply(xp, operands[: self.n], **self.filled(operands))

    def filled(self, operands: Sequence[Any]) -> dict[str, Any]:
        """The settings, with places from the operands."""
        return {name: _filled(x, operands[self.n :]) for name, x in self.settings.items()}

    def cotangents(self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool]) -> Iterable[Any]:
        """The cotangent of each operand: by the row's vjp, where that is written with ``xp`` throughout; else as a node of its
        own, for which the vjp is read with arrays in each run."""
        if self.row.name in BY_LABELS:
            row: Any = self.row
            found = row.cotangents(xp, g, z, operands[: self.n], wanted[: self.n], **self.filled(operands))
            return [*found, *[None] * (len(operands) - self.n)]
        return [noted(Tensor, _PlacedVjp(self, i), g, z, *operands) if want else None for i, want in enumerate(wanted)]


class _PlacedVjp(Bound):
    """The vjp of such a row, for one operand."""

    __slots__ = ("i", "of")

    def __init__(self, of: PlacedOp, i: int) -> None:
        super().__init__(of.row, {**of.settings, "cotangent of": i}, pull_by_rules)
        self.of, self.i = of, i

    @property
    def name(self) -> str:
        """The row's name, and what of it is computed."""
        return f"vjp of {self.of.name}"

    def apply(self, xp: Any, operands: Sequence[Any]) -> Any:
        """The cotangent."""
        g, z, *of_row = operands
        wanted = [i == self.i for i in range(self.of.n)]
        found: Any = self.of.row.cotangents(xp, g, z, of_row[: self.of.n], wanted, **self.of.filled(of_row))  # type: ignore[attr-defined]
        x = of_row[self.i]
        return fit(xp, found[self.i], x.shape, x.dtype)


class Hole(NamedTuple):
    """Where the ``i``-th of the places goes."""

    i: int


def _filled(setting: Any, places: Sequence[Any]) -> Any:
    if isinstance(setting, Hole):
        return places[setting.i]
    return tuple([_filled(x, places) for x in setting]) if type(setting) is tuple else setting


def open_places(node: Node) -> None:
    """Where an op keeps places among its settings, make them operands."""
    places: list[Node] = []

    def opened(setting: Any) -> Any:
        if isinstance(setting, Places):
            places.append(setting.node)
            return Hole(len(places) - 1)
        return tuple(map(opened, setting)) if type(setting) is tuple else setting

    op: Any = node.op
    settings = {name: opened(x) for name, x in op.settings.items()}
    if places:
        node.op, node.inputs = PlacedOp(op.row, settings, len(node.inputs)), (*node.inputs, *places)


class Truths(Tensor):
    """The answers of a comparison. Asked whether they hold, they are a guard."""

    __slots__ = ()

    # fmt: off
    def __and__(self, other: Any) -> Any: return noted(Truths, _AND, self, other)
    def __rand__(self, other: Any) -> Any: return noted(Truths, _AND, other, self)
    def __or__(self, other: Any) -> Any: return noted(Truths, _OR, self, other)
    def __ror__(self, other: Any) -> Any: return noted(Truths, _OR, other, self)
    def __xor__(self, other: Any) -> Any: return noted(Truths, _COMPARED["ne"], self, other)
    def __rxor__(self, other: Any) -> Any: return noted(Truths, _COMPARED["ne"], other, self)
    def __invert__(self) -> Any: return noted(Truths, _NOT, self)

    # fmt: on

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether one of them holds."""
        return noted(Truths, _row("max", axis=axis, keepdims=keepdims), self)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether all of them hold."""
        return noted(Truths, _row("min", axis=axis, keepdims=keepdims), self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """How many of them hold."""
        return self.astype(float).sum(axis, keepdims)

    def __getitem__(self, key: Any) -> Any:
        return _taken(self, key)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.data, dtype)

    def astype(self, dtype: Any) -> Any:
        """As numbers, 1 and 0."""
        return noted(Tensor, _row("astype", dtype=np.dtype(dtype)), self)


class Wholes(Tensor):
    """Whole numbers among the arguments, which may also name places."""

    __slots__ = ()

    def __index__(self) -> int:
        return int(self.item())

    def __getitem__(self, key: Any) -> Any:
        return _taken(self, key)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.data, dtype)

    def astype(self, dtype: Any) -> Any:
        """As numbers of a floating dtype, or as an array of another."""
        wanted = np.dtype(dtype)
        return noted(Tensor, _row("astype", dtype=wanted), self) if wanted.kind == "f" else np.array(self, dtype)

    def reshape(self, *shape: Any) -> Any:
        """The same numbers in another shape."""
        return noted(Wholes, _row("reshape", shape=shape[0] if len(shape) == 1 else shape), self)


def _taken(x: Any, key: Any) -> Any:
    return noted(type(x), _row("index", key=key), x)


def _row(name: str, **settings: Any) -> Bound:
    return Bound(PRIMITIVES[name], settings, pull_by_rules)


class TensorScribe(Scribe):
    """Notes what a function does beside computing with Tensors."""

    def compared(self, name: str, x: Node, y: Any) -> Any:
        """The answers, computed anew in each run."""
        if isinstance(x, Operators) and isinstance(y, Node | Real | np.number | np.ndarray):
            if not isinstance(y, Node):
                y = constant(Tensor, Tensor.operand(y))
            if x._requires_grad or y._requires_grad:
                return noted(Truths, _COMPARED[name], x, y)
        return super(Scribe, self).compared(name, x, y)

    def left(self, node: Node) -> None:
        """Its numbers have to come out again."""
        if node._requires_grad:
            self.guards[node] = Guard(node, np.array(node._data), callers_line(), len(self.random))

    def detached(self, node: Node) -> Node:
        """The same numbers, computed from it anew in each run."""
        z = constant(type(node), node._data)
        if node._requires_grad:
            z.op, z.inputs, z._requires_grad = _DETACHED, (node,), True
        return z

    def as_places(self, node: Node) -> Any:
        """Whole numbers as places that may be others in another run; truths and single numbers have to come out again."""
        if isinstance(node, Truths):
            self.left(node)
            return np.array(node._data)
        if isinstance(node, Wholes) and not node.shape:
            return int(node)
        if node._data.dtype.kind not in "iu":
            return None
        places = node._data.view(Places)
        places.node = node
        return places

    def drawn(self, draw: Callable[[], Any]) -> Any:
        """What is drawn, as a node."""
        node = traced(super(Scribe, self).drawn(draw))
        self.random.append((draw, node))
        return node

    def checked(self, check: Callable[..., None], operands: tuple[Any, ...]) -> None:
        """To be looked at in each run."""
        if any(isinstance(x, Node) and x._requires_grad for x in operands):
            self.checks.append((check, [*operands]))


_KINDS = {"f": Tensor, "i": Wholes, "u": Wholes, "b": Truths}


def traced(x: Any, kind: type[Tensor] | None = None) -> Any:
    """An array as a node, of which it is noted what is computed from it."""
    node = constant(kind or _KINDS[x.dtype.kind], np.asarray(x))
    node._requires_grad = True
    return node


class _Rules:
    """``autograd.ops``, but a choice between numbers has the dtype of what was compared, and a softmax is written out, so that
    it shares what it can."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ops, name)

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Any:
        """A choice."""
        if isinstance(condition, Truths) and type(x) is float and type(y) is float and condition.op:
            x = np.asarray(x, np.result_type(*[a._data for a in condition.inputs], 0.0))
        return ops.where(condition, x, y)

    @staticmethod
    def pick(a: Any, labels: Any) -> Any:
        """The labelled element of each row."""
        return noted(Tensor, _PICK, a, labels) if isinstance(labels, Tensor) else ops.pick(a, labels)

    @staticmethod
    def one_hot(labels: Any, classes: int) -> Any:
        """For each label a row of truths, of which that at the label holds."""
        if isinstance(labels, Tensor):
            column = noted(Wholes, _row("reshape", shape=(*labels.shape, 1)), labels)
            return noted(Truths, _COMPARED["eq"], column, np.arange(classes))
        return ops.one_hot(labels, classes)

    @staticmethod
    def softmax(a: Any, axis: Any = -1) -> Any:
        """``exp(a) / Σ exp(a)``."""
        powers = ops.exp(a - ops.max(a, axis, keepdims=True))
        return powers / ops.sum(powers, axis, keepdims=True)


RULES = _Rules()
