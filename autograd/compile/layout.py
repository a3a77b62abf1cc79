"""Layout: where each number lies, so that what a group needs lies in rows, and is seen there, not copied.

Two tapes hold all numbers: one those that are the same for every example, one those that differ (without ``batch`` it holds
none). On each, constants and inputs come first, then the results of each group, one after the other. Within a group the order
is free, and is chosen by its operands: a sum of products whose factors on the left are those of a row ``i``, and on the right
those of a row ``j``, lies as a matrix; others as the operands do.

Pick ....... numbers on a tape, as an array: a view where their places are affine, else a copy
Fixed ...... numbers that never change
Block ...... terms of a sum, alike in where their factors come from
Placed ..... a group, with its place, its shape and its operands
Layout ..... all of them
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..primitive import Elementwise
from .distinct import distinct
from .form import NONE, SUM, Floats, Form, Ids
from .groups import PLACES, grouped

Array = NDArray[Any]
FEW = 3  # blocks that a sum is cut into in any case; more only if each has much to do
MUCH = 64
MANY = 10  # copies of other numbers for one of inputs, at which their order hardly matters
FAR = 256  # places that are looked at to see whether they can be equally far apart,
DISTANCES = 12  # and distances there may be among them: of rows and columns two, and 0; where rows overlap, a few more
REDUCTIONS = {
    "max_n": "max",
    "min_n": "min",
    "logaddexp": "logsumexp",
}  # rows of any number of operands, by those along an axis


@dataclass(frozen=True, eq=False)
class Pick:
    """Numbers on a tape in the shape of ``places``, ``(rows, columns, terms)``; of length 1 along what they do not vary in."""

    places: Ids
    batched: bool
    active: bool

    @cached_property
    def strides(self) -> tuple[int, ...] | None:
        """How far it is on the tape from one to the next along each axis; None if that varies."""
        return _strides(self.places)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns, terms."""
        return self.places.shape

    @cached_property
    def repeats(self) -> bool:
        """Whether a number comes more than once."""
        if self.strides is not None:
            reach = 0
            for stride, n in sorted((abs(s), n) for s, n in zip(self.strides, self.shape) if n > 1):
                if stride <= reach:
                    break
                reach += stride * (n - 1)
            else:
                return False
        places = np.sort(self.places, None)
        return bool((places[1:] == places[:-1]).any())

    def is_same(self, other: "Pick") -> bool:
        """Whether it picks the same numbers."""
        return self.batched == other.batched and np.array_equal(self.places, other.places)

    def view(self, tape: Array, start: int = 0) -> Array | None:
        """The numbers where they lie, if they lie so; with the examples along the last axis, if the tape has them.

        ``tape`` is the part of the tape from ``start`` on, in one piece.
        """
        if self.strides is None:
            return None
        step = tape.strides[0]
        strides = *[stride * step for stride in self.strides], *tape.strides[1:]
        first = self.places.item(0) - start
        return np.ndarray(self.shape + tape.shape[1:], tape.dtype, tape, first * step, strides)


@dataclass(frozen=True, eq=False)
class Fixed:
    """Numbers that never change, shaped as a ``Pick``."""

    numbers: Array
    batched = False
    active = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns, terms."""
        return self.numbers.shape


Factor: TypeAlias = Pick | Fixed


@dataclass(frozen=True, eq=False)
class Block:
    """``Σ weight · left · right`` over the last axis, or without ``right``."""

    left: Pick
    right: Factor | None
    weight: "float | Fixed"

    @property
    def rows(self) -> int:
        """How many rows there are on the left."""
        return self.left.shape[0]

    @property
    def columns(self) -> int:
        """How many columns there are on the right."""
        return 1 if self.right is None else self.right.shape[1]

    @property
    def is_product(self) -> bool:
        """Whether it is a matrix product: what is on the left varies by rows only, what is on the right by columns only."""
        if self.right is None or isinstance(self.weight, Fixed) or (self.left.batched and self.right.batched):
            return False
        return self.left.shape[1] == 1 and self.right.shape[0] == 1 and max(self.left.shape + self.right.shape) > 1


@dataclass(frozen=True, eq=False)
class Placed:
    """A group, its results at ``start`` on its tape, in rows and columns."""

    nodes: Ids  # in that order
    row: Elementwise | None  # None for sums of products
    reduces: bool  # whether operands lie along an axis, and the row reduces it
    batched: bool
    active: bool
    start: int
    shape: tuple[int, int]
    operands: tuple[Factor | float, ...]  # of a row; of a reduction, along the last axis
    blocks: tuple[Block, ...]  # of a sum
    offset: Any  # of a sum: a float, or one for each

    @property
    def picks(self) -> Iterator[Pick]:
        """Whatever it reads from the tapes."""
        for x in (*self.operands, *(factor for block in self.blocks for factor in (block.left, block.right))):
            if isinstance(x, Pick):
                yield x


class Layout:
    """Where everything lies.

    Args:
        form: the program.
        groups: its nodes, as ``grouped`` gives them.
    """

    def __init__(self, form: Form, groups: tuple[Ids, Ids] | None = None) -> None:
        self.form = form
        nodes, starts = grouped(form) if groups is None else groups
        self._groups = [nodes[a:b] for a, b in pairwise(starts.tolist())]
        n = len(self._groups)
        rank = np.full(form.first_node + len(form), n + 2, np.intp)  # of constants
        rank[form.first_argument : form.first_parameter] = -1
        rank[form.first_parameter : form.first_node] = n + 1
        rank[nodes] = np.repeat(np.arange(n), np.diff(starts))
        self._apart = 2 * n + 10  # more than there are numbers of a precedence
        self._left, self._right, self._source = self._of_terms(np.where(form.batched, rank, rank + n + 4))
        self._lay(np.arange(form.first_argument, form.first_node))
        wanted = sum(x.strides is None and self._is_of_inputs(x) for group in self.groups for x in group.picks)
        copies = self.copies
        if wanted and MANY * wanted >= copies:
            kept = self.__dict__.copy()
            self._lay(self._inputs_as_used())
            if self.copies >= copies:
                self.__dict__.update(kept)

    @property
    def copies(self) -> int:
        """How many operands have to be copied together before use."""
        return sum(x.strides is None for group in self.groups for x in group.picks)

    def _is_of_inputs(self, x: Pick) -> bool:
        inputs = self._input_at[int(x.batched)]
        return x.places.item(0) < len(inputs) and bool((x.places < len(inputs)).all() and (inputs[x.places] >= 0).all())

    def _inputs_as_used(self) -> Ids:
        """The inputs in the order in which the nodes, as recorded, use them."""
        form = self.form
        used = np.stack([form.left, form.right], 1).ravel()
        used = used[(used >= form.first_argument) & (used < form.first_node)]
        ids = np.concatenate([used, np.arange(form.first_argument, form.first_node)])
        return ids[np.sort(distinct(ids)[1])]

    def _lay(self, inputs: Ids) -> None:
        """Lay the inputs out in the order given, then group by group."""
        form = self.form
        arguments, parameters = inputs[inputs < form.first_parameter], inputs[inputs >= form.first_parameter]
        self.arguments, self.parameters = arguments - form.first_argument, parameters - form.first_parameter
        self.place = np.full(form.first_node + len(form), -1, np.intp)
        batched = int(form.batched[arguments].any())
        lengths = [0, 0]

        def put(ids: Ids, tape: int) -> int:
            start = lengths[tape]
            self.place[ids] = start + np.arange(len(ids))
            lengths[tape] += len(ids)
            return start

        put(np.arange(form.first_argument), 0)
        self.arguments_start = put(arguments, batched)
        self.parameters_start = put(parameters, 0)
        self._input_at = [np.full(form.first_node, -1, np.intp) for _ in lengths]
        self._input_at[batched][self.place[arguments]] = arguments
        self._input_at[0][self.place[parameters]] = parameters
        self.groups: list[Placed] = []
        for nodes in self._groups:
            self.groups.append(self._placed(nodes, lengths))
            put(self.groups[-1].nodes, int(self.groups[-1].batched))
        self.lengths = tuple(lengths)  # of the tape of all examples, and of that of each

    def _of_terms(self, precedence: Ids) -> tuple[Ids, Ids, Ids]:
        """Of each term the factor that comes first, the other, and a number that says where the two come from.

        What differs from example to example comes first, and parameters last.
        """
        left, right, batched = self.form.left, self.form.right, self.form.batched
        second = right != NONE
        swap = second & (precedence[right] < precedence[left])
        left, right = np.where(swap, right, left), np.where(swap, left, right)
        # Apart in any case: one factor or two, the same for all examples or not.
        kind = second * 4 + ~batched[left] * 2 + (second & ~batched[right])
        kind = kind * self._apart + np.where(second, precedence[right] + 2, 0)
        return left, right, kind * self._apart + precedence[left] + 2

    # -- a group ------------------------------------------------------------------------------------------------------------

    def _placed(self, nodes: Ids, lengths: Sequence[int]) -> Placed:
        form = self.form
        i = nodes - form.first_node
        batched = bool(form.batched[nodes[0]])
        row = int(form.row[i[0]])
        reduces = row != SUM and form.rows[row].name in REDUCTIONS and form.start[i[0] + 1] - form.start[i[0]] > PLACES
        if row == SUM or reduces:
            columns = self._terms(i)
        else:
            arity = form.start[i[0] + 1] - form.start[i[0]]
            columns = [(form.left[form.start[i][:, None] + [k]], None, None) for k in range(arity)]
        order, shape = self._order(columns)
        columns = [tuple([x if x is None else x[order] for x in column]) for column in columns]
        operands: tuple[Any, ...] = ()
        blocks: tuple[Block, ...] = ()
        if row == SUM:
            blocks = tuple([self._block(left, right, weight, shape) for left, right, weight in columns])
        else:
            operands = tuple([(self._factor if reduces else self._operand)(left, shape) for left, _, _ in columns])
        offset: Any = form.offset[i[order]]
        return Placed(
            nodes[order],
            None if row == SUM else form.rows[row],
            reduces,
            batched,
            bool(form.active[nodes].any()),
            lengths[int(batched)],
            shape,
            operands,
            blocks,
            float(offset[0]) if (offset == offset[0]).all() else offset.reshape(shape),
        )

    def _terms(self, i: Ids) -> list[Any]:
        """The terms of sums alike, cut where their factors come from elsewhere: left, right and weight, ``(nodes, terms)``."""
        form = self.form
        at = form.start[i][:, None] + np.arange(form.start[i[0] + 1] - form.start[i[0]])
        left, right, weight, source = self._left[at], self._right[at], form.weight[at], self._source[at]
        alike = bool((source == source[0]).all())
        if not alike:
            by_source = np.argsort(source, axis=1, kind="stable") + np.arange(0, at.size, at.shape[1])[:, None]
            left, right, weight, source = [x.ravel()[by_source] for x in (left, right, weight, source)]
            alike = bool((source == source[0]).all())
        elif (source[0, 1:] < source[0, :-1]).any():
            order = np.argsort(source[0], kind="stable")
            left, right, source = [x.take(order, 1) for x in (left, right, source)]
            weight = weight.take(order, 1)
        cuts = _breaks(source[0])
        if not alike or (len(cuts) >= FEW and at.size < MUCH * len(cuts)):
            cuts = _breaks(source[0] // self._apart**2)
        parts = [slice(a, b) for a, b in pairwise([0, *cuts, source.shape[1]]) if a < b]
        return [
            self._in_place(left[:, part], None if right[0, part.start] == NONE else right[:, part], weight[:, part])
            for part in parts
        ]

    def _in_place(self, left: Ids, right: Ids | None, weight: Floats) -> tuple[Ids, Ids | None, Floats]:
        """Terms in the order in which their factors lie, where that makes them equally far apart; inputs can still be moved."""
        places = self.place[left[0]]
        if len(places) == 1 or not _is_even(np.sort(places)) or _is_even(places):
            return left, right, weight
        order = np.argsort(places)
        return left[:, order], None if right is None else right[:, order], weight[:, order]

    def _order(self, columns: Sequence[Any]) -> tuple[Ids, tuple[int, int]]:
        """In which order to lay the nodes of a group, and in how many rows and columns."""
        n = len(columns[0][0]) if columns else 1
        if n == 1:
            return np.zeros(1, np.intp), (1, 1)
        for left, right, _ in sorted((c for c in columns if c[1] is not None), key=lambda c: -c[0].size):
            often = [np.count_nonzero((x == x[0]).all(1)) for x in (left, right)]
            if often[0] * often[1] != n:  # in a product a row comes as often as there are columns, a column as there are rows
                continue
            rows, columns_of = _distinct(left), _distinct(right)
            n_rows, n_columns = rows.max() + 1, columns_of.max() + 1
            if n_rows * n_columns == n and left.size > n // max(n_rows, n_columns):
                i = _ranked(rows, self.place[left[:, 0]])
                j = _ranked(columns_of, self.place[right[:, 0]])
                order = np.argsort(i * n_columns + j, kind="stable")
                if ((i * n_columns + j)[order] == np.arange(n)).all():
                    return order, (int(n_rows), int(n_columns))
        places = [self.place[x] for column in columns for x in column[:2] if x is not None and not self._are_constant(x)]
        orders = self._orders(places, n)
        best: tuple[int, Any, tuple[int, int]] = (0, next(orders), (n, 1))
        if regular := [x for x in places if _may_be_strided(x)]:
            for order in chain([best[1]], orders):
                for width in self._widths(regular, order, n):
                    shape = n // width, width
                    seen = sum(_strides(x[order].reshape(*shape, -1)) is not None for x in regular)
                    if seen > best[0]:
                        best = seen, order, shape
                    if seen == len(regular):
                        return order, shape
        return best[1], best[2]

    def _are_constant(self, ids: Ids) -> bool:
        first = self.form.first_argument
        return bool(ids.item(0) < first and (ids < first).all())

    def _orders(self, places: Sequence[Ids], n: int) -> Iterator[Ids]:
        """Orders to try: as each operand lies, and as recorded."""
        for x in places[:3]:
            yield np.argsort(x[:, 0], kind="stable")
        yield np.arange(n)

    def _widths(self, places: Sequence[Ids], order: Ids, n: int) -> list[int]:
        """Numbers of columns to try: 1, and those at which an operand breaks off."""
        widths = [1]
        for x in places:
            in_order = x[order, 0]
            steps = in_order[1:] - in_order[:-1]
            width = int((steps != steps[0]).argmax()) + 1
            if width > 1 and n % width == 0 and width not in widths:
                widths.append(width)
        return widths

    # -- operands -------------------------------------------------------------------------------------------------------------

    def _pick(self, ids: Ids, shape: tuple[int, int]) -> Pick:
        places = _without_repeats(self.place[ids].reshape(*shape, -1))
        return Pick(places, bool(self.form.batched[ids.item(0)]), bool(self.form.active[ids].any()))

    def _operand(self, ids: Ids, shape: tuple[int, int]) -> Factor | float:
        """An operand of a row; a float, where it is one number."""
        found = self._factor(ids, shape)
        return float(found.numbers.item()) if isinstance(found, Fixed) and found.numbers.size == 1 else found

    def _factor(self, ids: Ids, shape: tuple[int, int]) -> Factor:
        return _fixed(self.form.constants[ids], shape) if self._are_constant(ids) else self._pick(ids, shape)

    def _block(self, left: Ids, right: Ids | None, weight: Floats, shape: tuple[int, int]) -> Block:
        one = (weight == weight[0, 0]).all()
        if right is None and one:
            return Block(self._pick(left, shape), None, float(weight[0, 0]))
        if right is None:
            return Block(self._pick(left, shape), _fixed(weight, shape), 1.0)
        if one:
            return Block(self._pick(left, shape), self._pick(right, shape), float(weight[0, 0]))
        return Block(self._pick(left, shape), self._pick(right, shape), _fixed(weight, shape))


def _fixed(numbers: Floats, shape: tuple[int, int]) -> Fixed:
    return Fixed(np.ascontiguousarray(_without_repeats(numbers.reshape(*shape, -1))))


def _without_repeats(x: Array) -> Array:
    """Of rows that are all the same one, and so of columns."""
    if len(x) > 1 and x.item(0) == x[-1].item(0) and (x == x[:1]).all():
        x = x[:1]
    if x.shape[1] > 1 and x.item(0) == x[0, -1].item(0) and (x == x[:, :1]).all():
        x = x[:, :1]
    return x


def _is_even(places: Ids) -> bool:
    """Whether each is as far from the next as any other."""
    return bool((places[1:] - places[:-1] == places[1] - places[0]).all())


def _may_be_strided(places: Ids) -> bool:
    """Whether rows and columns may be equally far apart in any order: then there are only a few distances."""
    near = np.sort(places[:, 0])[: FAR + 1]
    return len(set((near[1:] - near[:-1]).tolist())) <= min(DISTANCES, 3 + len(near) // 4)


def _breaks(numbers: Ids) -> list[int]:
    """Where a number is another one than that before."""
    breaks: list[int] = (np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).tolist()
    return breaks


def _strides(places: Ids) -> tuple[int, ...] | None:
    """The strides of an affine array of places; None if it is none."""
    strides: list[int] = []
    while places.ndim:  # if along one axis all are equally far apart, the rest is known by its first
        n, first = len(places), places.item(0)
        strides.append(stride := places[1].item(0) - first if n > 1 else 0)
        if n > 1 and (places[-1].item(0) != first + stride * (n - 1) or (places[1:] - places[:-1] != stride).any()):
            return None
        places = places[0]
    return tuple(strides)


_MIX = np.random.default_rng(0)


def _distinct(rows: Ids) -> Ids:
    """For each row which of the distinct ones it is."""
    if rows.shape[1] == 1:
        return distinct(rows[:, 0])[0]
    odd = _MIX.integers(1, 2**62, rows.shape[1], dtype=np.int64) * 2 + 1
    with np.errstate(over="ignore"):
        mixed = rows @ odd
    which, first = distinct(mixed)
    if (rows[first][which] == rows).all():
        return which
    return np.unique(rows, axis=0, return_inverse=True)[1]  # two rows were mixed to one number


def _ranked(which: Ids, place: Ids) -> Ids:
    """``which``, numbered by the least ``place`` of each; where that is the same, by which comes first."""
    least = np.full(which.max() + 1, np.iinfo(np.intp).max)
    np.minimum.at(least, which, place * len(which) + np.arange(len(which)))
    rank = np.empty(len(least), np.intp)
    rank[np.argsort(least)] = np.arange(len(least))
    return rank[which]
