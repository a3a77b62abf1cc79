"""The calls that take the root's cotangent back to the parameters.

What is first written to is not filled with zeros before: whoever comes first writes, others add. Cotangents that are the same
number in every run, as those of the terms of a mean, are known beforehand, and not computed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..primitive import PRIMITIVES
from . import calls
from .calls import Call
from .form import Floats, Ids, Truths
from .kernels import Array, Function, add_at, cotangent_along, sum_by_product
from .layout import REDUCTIONS, Block, Fixed, Pick, Placed

if TYPE_CHECKING:
    from .arrays import ArrayProgram

Places: TypeAlias = Ids | slice
GAP = 1000  # numbers between two to be filled, from which they are filled apart


class Cotangents:
    """The cotangents on a tape, while the calls that compute them are put together.

    Each is untouched as yet, known, or written by a call; one that is added to before it is written starts with a number that
    is filled in at the beginning.
    """

    def __init__(self, tape: Array) -> None:
        self.tape = tape
        self._written: Truths = np.zeros(len(tape), bool)
        self._known: Floats = np.full(len(tape), np.nan)
        self._start: Floats = np.full(len(tape), np.nan)

    def know(self, places: Ids, number: float) -> bool:
        """Add a known number to cotangents that are known or untouched; False if some are not."""
        if self._written[places].any():
            return False
        before = self._known[places]
        self._known[places] = np.where(np.isnan(before), 0.0, before) + number
        return True

    def are_fresh(self, places: Ids) -> bool:
        """Whether nothing has come to any of them."""
        return not self._written[places].any() and bool(np.isnan(self._known[places]).all())

    def write(self, places: Places, first: bool) -> None:
        """A call writes to them, or (if it is not the ``first``) adds to what is there."""
        if not first and not (written := self._written[places]).all():
            places = np.arange(places.start, places.stop) if isinstance(places, slice) else places
            others = places[~written]
            known = self._known[others]
            self._start[others] = np.where(np.isnan(known), 0.0, known)
        self._known[places] = np.nan
        self._written[places] = True

    def known(self, places: Places) -> float | None:
        """The number that all of them are known to be, if they are."""
        numbers = self._known[places]
        return float(numbers[0]) if (numbers == numbers[0]).all() else None

    def come(self, places: Places) -> bool:
        """Whether something has come to any of them."""
        return bool(self._written[places].any()) or not np.isnan(self._known[places]).all()

    def fills(self) -> list[Call]:
        """The calls that fill in what cotangents start with; what lies between, and is written to later, is filled too."""
        made = []
        places = np.flatnonzero(~np.isnan(self._start))
        numbers = self._start[places]
        cuts = np.flatnonzero((np.diff(places) > GAP) | (np.diff(numbers) != 0)) + 1
        for run in np.split(places, cuts) if len(places) else []:
            made.append(Call(calls.fill, (float(self._start[run[0]]),), self.tape[run[0] : run[-1] + 1]))
        return made


class Backward:
    """The calls of each group of a program, ``parts``, and all of them in order, ``calls``."""

    def __init__(self, program: "ArrayProgram") -> None:
        self._program = program
        self._room = program.room
        self._on = [Cotangents(tape) for tape in program.gradients]
        layout, form = program.layout, program.form
        root = form.outputs[0]
        self.parts: list[list[Call]] = []
        if form.active[root]:
            examples = program.examples if form.batched[root] else 1
            self._on[int(form.batched[root])].know(layout.place[[root]], 1.0 / (examples or 1))
        for group in reversed(layout.groups):
            self._made: list[Call] = []
            cotangents, places = self._on[int(group.batched)], slice(group.start, group.start + len(group.nodes))
            if group.active and cotangents.come(places):
                self._room.free()
                if (g := cotangents.known(places)) is None:
                    cotangents.write(places, first=False)
                self._take_back(group, g)
            self.parts.append(self._made)
        self.parts.reverse()
        self._on[0].write(slice(layout.parameters_start, layout.parameters_start + form.n_parameters), first=False)
        fills = [call for cotangents in self._on for call in cotangents.fills()]
        self.calls = fills + [call for part in reversed(self.parts) for call in part]

    def _take_back(self, group: Placed, known: float | None) -> None:
        program = self._program
        g = program.results(group, program.gradients) if known is None else np.full(program.shape_of(group), known)
        if group.row is None:
            for block in group.blocks:
                self._block(group, block, g, known)
            return
        z = program.results(group)
        if group.reduces:
            self._reduction(group, g, z)
            return
        picks: Any = group.operands
        operands = [x if isinstance(x, float) else x[:, :, 0] for x in self._loaded(picks, group.batched)]
        wanted = [i for i, x in enumerate(picks) if isinstance(x, Pick) and x.active]
        shape = (*z.shape[:2], 1, *z.shape[2:])

        def give(i: int, function: Function, factors: tuple[Any, ...]) -> list[Call]:
            before, self._made = self._made, []
            self._give(picks[i], function, factors, shape, z.shape)
            made, self._made = self._made, before
            return made

        self._made += calls.backward(group.row, operands, z, g, wanted, give, self._room)

    def _loaded(self, picks: Sequence[Any], batched: bool) -> list[Any]:
        return [self._program.load(x, batched, self._made) for x in picks]

    def _reduction(self, group: Placed, g: Array, z: Array) -> None:
        x = self._program.stacked(group, self._made)
        c = self._room.take(x.shape)
        assert group.row is not None
        self._made.append(Call(cotangent_along, (PRIMITIVES[REDUCTIONS[group.row.name]], g, z, x), c))
        end = 0
        for pick in group.operands:
            assert not isinstance(pick, float)
            end += pick.shape[2]
            if isinstance(pick, Pick) and pick.active:
                self._give_array(pick, c[:, :, end - pick.shape[2] : end], x.shape[:2] + pick.shape[2:] + x.shape[3:])

    # -- sums of products -----------------------------------------------------------------------------------------------------

    def _block(self, group: Placed, block: Block, g: Array, known: float | None) -> None:
        left, right, weight = block.left, block.right, block.weight
        right_wanted = isinstance(right, Pick) and right.active
        if not (left.active or right_wanted):
            return
        if right_wanted and isinstance(right, Pick) and left.is_same(right):  # of a square, both at once
            right_wanted, weight = False, 2.0 * weight if isinstance(weight, float) else Fixed(2.0 * weight.numbers)
        if isinstance(weight, float) and weight != 1.0:
            known = None if known is None else known * weight
            g = self._scaled(g, weight) if known is None else np.full(g.shape, known)
        shape = (*g.shape[:2], left.shape[2], *g.shape[2:])
        if known is not None and right is None and isinstance(weight, float) and self._give_known(left, known, shape):
            return
        if block.is_product and max(block.columns, block.rows) > 1:
            self._product(block, g, group.batched, right_wanted)
            return
        wide = g[:, :, None]
        if isinstance(weight, Fixed):
            wide = self._scaled(wide, self._program.load(weight, group.batched, self._made))
        if left.active and right is None:
            self._give_array(left, wide, shape)
        elif left.active:
            self._give(left, np.multiply, (wide, *self._loaded([right], group.batched)), shape, shape)
        if right_wanted and isinstance(right, Pick):
            self._give(right, np.multiply, (wide, *self._loaded([left], group.batched)), shape, shape)

    def _scaled(self, g: Array, weight: Any) -> Array:
        scaled = self._room.take(np.broadcast_shapes(g.shape, np.shape(weight)))
        self._made.append(Call(np.multiply, (g, weight), scaled))
        return scaled

    def _product(self, block: Block, g: Array, batched: bool, right_wanted: bool) -> None:
        """Of a matrix product: the cotangent times the other factor."""
        left, right, rows, columns = block.left, block.right, block.rows, block.columns
        assert right is not None
        terms = left.shape[2]
        if repeated := tuple(
            [i for i, n in enumerate((rows, columns)) if g.shape[i] != n]
        ):  # neither factor varies along these
            total = self._room.take((rows, columns, *g.shape[2:]))
            self._sum(g, repeated, total)
            g = total
        if left.active:
            other = self._program.load(right, False, self._made)[0]
            examples = g.shape[2:]
            operands = (other.T, g) if examples else (g, other)
            self._give(left, np.matmul, operands, (rows, 1, terms, *examples), (rows, terms, *examples))
        if right_wanted and isinstance(right, Pick):
            (seen,) = self._loaded([left], batched)
            other = seen[:, 0]
            if g.ndim == 3 and rows > 1:
                self._give(right, np.matmul, (g, other.mT), (rows, columns, terms), (rows, columns, terms))
            else:
                operands = (g.T, other) if g.ndim == 2 else (g[0], other[0].T)
                self._give(right, np.matmul, operands, (1, columns, terms), (columns, terms))

    # -- what becomes of a cotangent ----------------------------------------------------------------------------------------

    def _give_known(self, pick: Pick, number: float, shape: tuple[int, ...]) -> bool:
        """Add a known number to the cotangent of each that was picked; False if it can't be known beforehand."""
        often = int(np.prod(shape)) // (int(np.prod(pick.shape)) * ((self._program.examples or 1) if pick.batched else 1))
        return not pick.repeats and self._on[int(pick.batched)].know(pick.places.ravel(), number * often)

    def _give(
        self, pick: Pick, function: Function, operands: tuple[Any, ...], shape: tuple[int, ...], computed: tuple[int, ...]
    ) -> None:
        """Add what ``function`` gives to the cotangent of what was picked, summed where that was stretched.

        What it gives has as many numbers as ``shape``, which has the axes of a pick; it gives them in the shape ``computed``.
        """
        cotangents = self._on[int(pick.batched)]
        there = _apart(pick, cotangents.tape)
        if there is not None and there.shape == shape and cotangents.are_fresh(pick.places.ravel()):
            cotangents.write(pick.places.ravel(), first=True)
            self._made.append(Call(function, operands, there.reshape(computed)))
            return
        found = self._room.take(computed)
        self._made.append(Call(function, operands, found))
        self._give_array(pick, found.reshape(shape), shape)

    def _give_array(self, pick: Pick, found: Array, shape: tuple[int, ...]) -> None:
        """The same, of what is there already, and may be stretched to ``shape``."""
        cotangents = self._on[int(pick.batched)]
        tape, places = cotangents.tape, pick.places.ravel()
        there = _apart(pick, tape)
        goal = pick.shape + tape.shape[1:]
        fresh = there is not None and cotangents.are_fresh(places)
        cotangents.write(places, first=fresh)
        axes = tuple([i for i, n in enumerate(shape) if i >= len(goal) or (n != 1 and goal[i] == 1)])
        if axes:
            assert there is not None or not fresh
            into: Any = there if fresh else self._room.take(goal)
            self._sum(_stretched(found, shape), axes, into)
            if fresh:
                return
            found = into
        if fresh:
            self._made.append(Call(calls.copy, (found,), there))
        elif there is not None:
            self._made.append(Call(np.add, (there, found), there))
        elif pick.batched:
            examples = tape.shape[1]
            every = (places[:, None] * examples + np.arange(examples)).ravel()
            self._made.append(Call(add_at, (every, _stretched(found, goal)), tape.reshape(-1)))
        else:
            self._made.append(Call(add_at, (places, _stretched(found, goal)), tape))

    def _sum(self, found: Array, axes: tuple[int, ...], into: Array) -> None:
        """Sum over ``axes`` into an array of as many numbers as are left."""
        left = [n for i, n in enumerate(found.shape) if i not in axes]
        first = [n for i, n in enumerate(found.shape) if i <= axes[-1]]
        rows = int(np.prod(first))
        ahead = all(found.shape[i] == 1 for i in range(axes[-1]) if i not in axes)  # nothing that stays comes before
        if ahead and found.flags.c_contiguous and (into.flags.c_contiguous or len(left) == 1):
            flat = into.reshape(-1 if into.flags.c_contiguous else left)
            self._made.append(Call(sum_by_product, (np.ones(rows), found.reshape(rows, -1)), flat))
        else:
            self._made.append(Call(np.add.reduce, (found, axes), into.reshape(left)))


def _apart(pick: Pick, tape: Array) -> Array | None:
    """What was picked, where it lies, if each lies there for itself: so that all can be written at once."""
    return None if pick.strides is None or pick.repeats else pick.view(tape)


def _stretched(x: Array, shape: tuple[int, ...]) -> Array:
    return x if x.shape == shape else np.broadcast_to(x, shape)
