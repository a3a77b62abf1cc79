"""A row of the table as NumPy calls that write into arrays made beforehand.

Call ....... a function, its operands, and the array that it writes to
run ........ does one after the other
Room ....... arrays for what is needed only for a moment
forward .... a row's result
backward ... its partials, times a cotangent
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..primitive import Elementwise
from ..terms import COMPARISONS, Operand, Term, needed, read
from .kernels import sum_by_product

Array = NDArray[Any]
BY_PLACE = frozenset((np.add, np.subtract, np.multiply, np.divide, np.negative, np.greater, np.matmul, np.exp, np.tanh, np.log))
PRODUCTS = (np.matmul, sum_by_product)


class Call(NamedTuple):
    """``function(*operands, out=out)``."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    out: Any

    def bound(self) -> Callable[[], Any]:
        """The call as a function of nothing, by whatever way is quickest: numbers as arrays, ``out`` by place, ``np.dot``."""
        operands, out = self.operands, self.out
        if isinstance(self.function, np.ufunc) and float in map(type, operands):
            dtype = next((x.dtype for x in operands if isinstance(x, np.ndarray)), None)
            if dtype is not None and dtype.kind == "f":
                operands = tuple([np.array(x, dtype) if type(x) is float else x for x in operands])
        if self.function in PRODUCTS and out.ndim <= 2 and out.flags.c_contiguous:
            return partial(np.dot, *operands, out)
        if self.function is np.matmul and out.ndim == 2 and out.T.flags.c_contiguous:
            return partial(np.dot, operands[1].T, operands[0].T, out.T)
        if self.function in BY_PLACE:
            return partial(self.function, *operands, out)
        return partial(self.function, *operands, out=out)


def run(calls: Iterable[Call]) -> None:
    """Do what the calls say, in order."""
    for function, operands, out in calls:
        function(*operands, out=out)


class Room:
    """Arrays for what is needed only for a moment; after ``free`` they are given again."""

    def __init__(self) -> None:
        self._held: list[NDArray[np.uint8]] = []
        self._given = 0

    def take(self, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
        """An array of that shape, with anything in it."""
        size = prod(shape) * np.dtype(dtype).itemsize
        if self._given == len(self._held):
            self._held.append(np.empty(size, np.uint8))
        elif len(self._held[self._given]) < size:
            self._held[self._given] = np.empty(size, np.uint8)
        self._given += 1
        return np.ndarray(shape, dtype, self._held[self._given - 1])

    def free(self) -> None:
        """What was taken is needed no more."""
        self._given = 0

    @property
    def nbytes(self) -> int:
        """How much it holds."""
        return sum(held.nbytes for held in self._held)


# -- what NumPy has no function with ``out`` for ----------------------------------------


def fill(number: float, out: Array) -> None:
    """``out`` is that number throughout."""
    out.fill(number)


def choose(condition: Any, x: Any, y: Any, out: Array) -> None:
    """``np.where``."""
    out[...] = np.where(condition, x, y)


def power(x: Array, y: Any, out: Array) -> None:
    """``x ** y``, by products for the usual whole numbers."""
    if type(y) is not float:
        np.power(x, y, out=out)
    elif y == 2.0:
        np.multiply(x, x, out=out)
    elif y == 3.0:
        np.multiply(x * x, x, out=out)
    elif y == -1.0:
        np.divide(1.0, x, out=out)
    else:
        np.power(x, y, out=out)


def copy(x: Any, out: Array) -> None:
    """``out`` takes over the numbers of ``x``."""
    out[...] = x


_FUNCTIONS: dict[tuple[str, int], Callable[..., Any]] = {
    ("+", 2): np.add,
    ("-", 2): np.subtract,
    ("*", 2): np.multiply,
    ("/", 2): np.divide,
    ("-", 1): np.negative,
    ("<", 2): np.less,
    ("<=", 2): np.less_equal,
    (">", 2): np.greater,
    (">=", 2): np.greater_equal,
    ("==", 2): np.equal,
    ("!=", 2): np.not_equal,
    ("where", 3): choose,
    ("pow", 2): power,
}


def function_of(term: Term) -> Callable[..., Any]:
    """The NumPy function that computes ``term`` from its operands."""
    return _FUNCTIONS.get((term.op, len(term.operands))) or getattr(np, term.op)


# -- rows --------------------------------------------------------------------------------


@cache
def reading(row: Elementwise, arity: int, known: tuple[tuple[int, float], ...]) -> tuple[Operand, tuple[Operand | None, ...]]:
    """What ``row`` computes as terms, operands that are numbers being ``known``."""
    return read(row, arity, known=dict(known))


class Evaluation:
    """Terms of arrays, each computed once.

    Args:
        leaves: the arrays by the names of the leaves.
        room: for what lies between.
        dtype: that of what lies between.
    """

    def __init__(self, leaves: Mapping[str, Array], room: Room, dtype: Any = np.float64) -> None:
        self.calls: list[Call] = []
        self._room = room
        self._dtype = dtype
        self._leaves = leaves
        self._found: dict[int, Array] = {}

    def write(self, x: Operand, out: Array) -> None:
        """Compute ``x`` into ``out``."""
        if not isinstance(x, Term):
            self.calls.append(Call(fill, (float(x),), out))
            return
        *inner, last = needed([x])
        for term in inner:
            self._compute(term)
        if last.place in self._found or not last.operands:
            self.calls.append(Call(copy, (self._of(last),), out))
        else:
            self.calls.append(self._call(last, out))

    def array(self, x: Term) -> Array:
        """Where ``x`` is, once computed; a truth, for a choice between 1 and 0."""
        match x.op, x.operands:
            case "where", (Term() as condition, float(1.0), float(0.0)) if condition.op in COMPARISONS:
                x = condition
        for term in needed([x]):
            self._compute(term)
        found: Array = self._of(x)
        return found

    def _compute(self, term: Term) -> None:
        if term.place in self._found or not term.operands:
            return
        operands = [self._of(x) for x in term.operands]
        out = self._room.take(np.broadcast_shapes(*map(np.shape, operands)), bool if term.op in COMPARISONS else self._dtype)
        self.calls.append(self._call(term, out))
        self._found[term.place] = out

    def _call(self, term: Term, out: Array) -> Call:
        return Call(function_of(term), tuple([self._of(x) for x in term.operands]), out)

    def _of(self, x: Operand) -> Any:
        if not isinstance(x, Term):
            return float(x)
        return self._found[x.place] if x.operands else self._leaves[x.op]


def _split(operands: Sequence[Any]) -> tuple[dict[str, Array], tuple[tuple[int, float], ...]]:
    """Operands that are arrays, by the names of leaves; and those that are numbers, by position."""
    leaves = {f"x{i}": x for i, x in enumerate(operands) if not isinstance(x, float)}
    return leaves, tuple([(i, x) for i, x in enumerate(operands) if isinstance(x, float)])


def forward(row: Elementwise, operands: Sequence[Any], out: Array, room: Room) -> list[Call]:
    """``out`` becomes the row's result of ``operands``, arrays and floats."""
    leaves, known = _split(operands)
    evaluation = Evaluation(leaves, room, out.dtype)
    evaluation.write(reading(row, len(operands), known)[0], out)
    return evaluation.calls


def backward(
    row: Elementwise,
    operands: Sequence[Any],
    z: Array,
    g: Array,
    wanted: Sequence[int],
    give: Callable[[int, Callable[..., Any], tuple[Any, ...]], list[Call]],
    room: Room,
) -> list[Call]:
    """For each operand that is ``wanted``, ``g`` times its partial, handed to ``give`` as a function and operands.

    Args:
        row: an elementwise row.
        operands: arrays and floats.
        z: its result.
        g: the cotangent of that.
        wanted: places among the operands.
        give: from a place, and what computes the cotangent there, to the calls that do so.
        room: for what lies between.
    """
    leaves, known = _split(operands)
    partials = reading(row, len(operands), known)[1]
    evaluation = Evaluation({"z": z, **leaves}, room)
    for i in wanted:
        partial = partials[i]
        if partial is None or (not isinstance(partial, Term) and partial == 0.0):
            continue
        if isinstance(partial, Term):
            factor = evaluation.array(partial)  # whose calls come before those that use it
            evaluation.calls += give(i, np.multiply, (g, factor))
        elif partial == 1.0:
            evaluation.calls += give(i, np.positive, (g,))
        else:
            evaluation.calls += give(i, np.multiply, (g, float(partial)))
    return evaluation.calls
