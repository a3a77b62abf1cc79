"""The calls that compute a group of sums of products."""

from typing import TYPE_CHECKING, Any

import numpy as np

from . import calls
from .calls import Call
from .kernels import Array, Function, sum_of_products
from .layout import Block, Fixed, Placed

if TYPE_CHECKING:
    from .arrays import ArrayProgram


def total(program: "ArrayProgram", group: Placed, out: Array) -> list[Call]:
    """``out`` becomes the sums of the group."""
    return _Total(program, group, out).made


class _Total:
    """A sum of products, block by block: the first is written where the sum is to be, the others are added."""

    def __init__(self, program: "ArrayProgram", group: Placed, out: Array) -> None:
        self.made: list[Call] = []
        self._room = program.room
        self._out = out
        self._held: tuple[Any, float] | None = None  # what is there yet, and its sign, if it is not at ``out``
        self._begun = False
        for block in group.blocks:
            left = program.load(block.left, group.batched, self.made)
            right = None if block.right is None else program.load(block.right, group.batched, self.made)
            weight: Any = block.weight
            if isinstance(weight, Fixed):
                scaled = program.load(weight, group.batched, self.made)
                both = self._room.take(np.broadcast_shapes(left.shape, scaled.shape))
                self.made.append(Call(np.multiply, (left, scaled), both))
                left, weight = both, 1.0
            if right is None and left.shape[2] == 1:
                self._add(left[:, :, 0], weight)
            else:
                self._compute(*_contraction(block, left, right), weight)
        self._finish(group.offset)

    def _compute(self, function: Function, operands: tuple[Any, ...], shape: tuple[int, ...], weight: float) -> None:
        if not self._begun and self._held is None and shape == self._out.shape:
            self.made.append(Call(function, operands, self._out))
            self._held, self._begun = (self._out, weight), True
            return
        term = self._room.take(shape)
        self.made.append(Call(function, operands, term))
        self._add(term, weight)

    def _add(self, term: Array, weight: float) -> None:
        if self._held is None:
            self._held = term, weight
            return
        there, before = self._held
        if abs(weight) != 1.0:
            scaled = self._room.take(term.shape)
            self.made.append(Call(np.multiply, (term, weight), scaled))
            term, weight = scaled, 1.0
        if before == 1.0:
            self.made.append(Call(np.add if weight == 1.0 else np.subtract, (there, term), self._out))
        elif weight == 1.0 and before == -1.0:
            self.made.append(Call(np.subtract, (term, there), self._out))
        else:
            self.made.append(Call(np.multiply, (there, before), self._out))
            self.made.append(Call(np.add if weight == 1.0 else np.subtract, (self._out, term), self._out))
        self._held = self._out, 1.0

    def _finish(self, offset: Any) -> None:
        there, weight = self._held or (offset, 1.0)
        some = self._held is not None and not (isinstance(offset, float) and offset == 0.0)
        if self._held is not None and isinstance(offset, np.ndarray):
            offset = offset.reshape(offset.shape + (1,) * (self._out.ndim - 2))
        if some and abs(weight) == 1.0:
            self.made.append(Call(np.add if weight == 1.0 else np.subtract, (offset, there), self._out))
            return
        if weight != 1.0:
            self.made.append(Call(np.multiply, (there, weight), self._out))
        elif there is not self._out:
            self.made.append(Call(calls.copy, (there,), self._out))
        if some:
            self.made.append(Call(np.add, (self._out, offset), self._out))


def _contraction(block: Block, left: Array, right: Array | None) -> tuple[Function, tuple[Any, ...], tuple[int, ...]]:
    """What computes ``Σ left · right`` over the third axis: a function, its operands, and the shape of what it gives."""
    if right is None:
        return np.add.reduce, (left, 2), left.shape[:2] + left.shape[3:]
    shape = np.broadcast_shapes(left.shape, right.shape)
    result = shape[:2] + shape[3:]
    if shape[2] == 1:
        return np.multiply, (left[:, :, 0], right[:, :, 0]), result
    if block.is_product and left.ndim == 3:
        return np.matmul, (left[:, 0], right[0].T), result
    if block.is_product:
        return np.matmul, (right[0, :, :, 0], left[:, 0]), result
    if left.ndim == 3:
        return np.vecdot, (left, right), result
    return sum_of_products, (left, right), result
