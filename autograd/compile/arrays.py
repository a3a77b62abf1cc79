"""The program of a layout: NumPy calls, forward and backward, on arrays made beforehand."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..primitive import PRIMITIVES
from . import calls
from .backward import Backward
from .calls import Call, Room
from .kernels import Array, gather, reduce_along
from .layout import REDUCTIONS, Factor, Fixed, Layout, Pick, Placed
from .totals import total


class _Input:
    """Inputs in an array of their own, which have a place on a tape too."""

    def __init__(self, array: Array, tape: Array, first: int) -> None:
        self.array = array
        self._tape = tape
        self._first = first
        self.on_tape = tape[first : first + len(array)]

    def has(self, x: Pick, tape: Array) -> bool:
        """Whether ``x`` is a view of these alone."""
        return tape is self._tape and x.strides is not None and bool(self._are_here(x).all())

    def is_needed(self, x: Pick, tape: Array) -> bool:
        """Whether they must be on the tape for ``x``."""
        return tape is self._tape and not self.has(x, tape) and bool(self._are_here(x).any())

    def _are_here(self, x: Pick) -> Array:
        return (x.places >= self._first) & (x.places < self._first + len(self.array))

    def view(self, x: Pick) -> Array | None:
        """The numbers where they lie."""
        return x.view(self.array, self._first)


class ArrayProgram:
    """Runs a layout, for one batch size.

    Args:
        layout: where everything lies.
        examples: how many examples at once; None where nothing differs from example to example.
        parameters: an array to read the parameters from; by default one of its own.

    ``arguments``, ``(n,)`` or ``(n, examples)``, and ``parameters`` are to be written before ``forward``, in the order of the
    layout; ``gradient`` holds the derivatives by the parameters after ``backward``.
    """

    def __init__(self, layout: Layout, examples: int | None = None, parameters: Array | None = None) -> None:
        self.layout = layout
        self.examples = examples
        self.form = form = layout.form
        shapes = [(layout.lengths[0],), (layout.lengths[1], examples or 0)]
        self._tapes = [np.zeros(shape) for shape in shapes]
        self.gradients = [np.zeros(shape) for shape in shapes]
        self._tapes[0][: form.first_argument] = form.constants
        first, n = layout.parameters_start, form.n_parameters
        self.parameters: Array = np.zeros(n) if parameters is None else parameters
        self.gradient: Array = self.gradients[0][first : first + n]
        self._inputs = [_Input(self.parameters, self._tapes[0], first)]  # that are read where they are given, not on a tape
        first, n = layout.arguments_start, form.n_arguments
        if form.batched.any():  # as examples come, one in a row
            self.arguments: Array = np.zeros((examples or 0, n)).T
            self._inputs.append(_Input(self.arguments, self._tapes[1], first))
        else:
            self.arguments = self._tapes[0][first : first + n]
        self._places = layout.place[form.outputs]
        self._differ = np.flatnonzero(form.batched[form.outputs])
        self.room = Room()
        self.forward_parts = [self._forward(group) for group in layout.groups]  # the calls of each group
        self.forward_calls = [*self._brought(), *chain.from_iterable(self.forward_parts)]
        back = Backward(self)
        self.backward_parts, self.backward_calls = back.parts, back.calls
        self._run_forward = [call.bound() for call in self.forward_calls]
        self._run_backward = [call.bound() for call in self.backward_calls]

    def forward(self) -> Array:
        """Compute everything from arguments and parameters; the outputs, ``(n,)`` or ``(n, examples)``."""
        for call in self._run_forward:
            call()
        if not len(self._differ):
            return self._tapes[0].take(self._places)
        found = np.empty((len(self._places), self.examples or 0))
        found[...] = self._tapes[0].take(self._places, mode="clip")[:, None]
        found[self._differ] = self._tapes[1][self._places[self._differ]]
        return found

    def backward(self) -> None:
        """Compute the gradient, after ``forward``; that of the mean over the examples."""
        for call in self._run_backward:
            call()

    # -- forward ------------------------------------------------------------------------------------------------------------

    def results(self, group: Placed, of: Sequence[Array] | None = None) -> Array:
        """Where the results of a group lie (or, with the gradients' tapes, their cotangents), in rows and columns."""
        tape = (of or self._tapes)[int(group.batched)]
        n = len(group.nodes)
        return tape[group.start : group.start + n].reshape(group.shape + tape.shape[1:])

    def load(self, x: Factor | float, batched: bool, made: list[Call]) -> Any:
        """The numbers of an operand, ``(rows, columns, terms)``, and with an axis of examples beside what has one."""
        if isinstance(x, float):
            return x
        if isinstance(x, Fixed):
            array = x.numbers
        else:
            tape = self._tapes[int(x.batched)]
            seen = next((there.view(x) for there in self._inputs if there.has(x, tape)), x.view(tape))
            if seen is None:
                seen = self.room.take(x.shape + tape.shape[1:])
                made.append(Call(gather, (tape, x.places), seen))
            array = seen
        return array[..., None] if batched and not x.batched else array

    def _forward(self, group: Placed) -> list[Call]:
        self.room.free()
        made: list[Call] = []
        out = self.results(group)
        if group.row is None:
            made += total(self, group, out)
        elif group.reduces:
            x = self.stacked(group, made)
            made.append(Call(reduce_along, (PRIMITIVES[REDUCTIONS[group.row.name]], x), out))
        else:
            operands = [_without_terms(self.load(x, group.batched, made)) for x in group.operands]
            made += calls.forward(group.row, operands, out, self.room)
        return made

    def stacked(self, group: Placed, made: list[Call]) -> Array:
        """The operands of a reduction as one array, terms along the third axis."""
        parts = [self.load(x, group.batched, made) for x in group.operands]
        shape = (*group.shape, sum(part.shape[2] for part in parts), *self.shape_of(group)[2:])
        if len(parts) == 1 and parts[0].shape == shape:
            return parts[0]  # type: ignore[no-any-return]
        stack, end = self.room.take(shape), 0
        for part in parts:
            end += part.shape[2]
            made.append(Call(calls.copy, (part,), stack[:, :, end - part.shape[2] : end]))
        return stack

    def shape_of(self, group: Placed) -> tuple[int, ...]:
        """Rows, columns and, if it differs from example to example, examples."""
        return (*group.shape, self.examples) if group.batched else group.shape  # type: ignore[return-value]

    def _brought(self) -> list[Call]:
        """Inputs are copied onto the tape if something is gathered from there, or they are asked for themselves."""
        picks = [x for group in self.layout.groups for x in group.picks]
        needed = [there for there in self._inputs if any(there.is_needed(x, self._tapes[int(x.batched)]) for x in picks)]
        asked = self.form.outputs[self.form.outputs < self.form.first_node]
        needed += [there for there in self._inputs if there not in needed and len(asked)]
        return [Call(calls.copy, (there.array,), there.on_tape) for there in needed]

    @property
    def nbytes(self) -> int:
        """How much memory it holds."""
        return sum(tape.nbytes for tape in (*self._tapes, *self.gradients)) + self.room.nbytes


def _without_terms(x: Any) -> Any:
    return x if isinstance(x, float) else x[:, :, 0]
