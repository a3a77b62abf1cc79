"""What NumPy calls cost, counted from the shapes of their operands.

A product with the addition that follows it counts for two operations, as everywhere; a sum for one with each number that it
takes; any other function for one with each number that it gives, a tanh as much as a +. Moving numbers is no operation.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from . import calls, kernels
from .calls import Call


class Cost(NamedTuple):
    """Floating-point operations, and bytes read and written."""

    flops: int
    nbytes: int


FREE = Cost(0, 0)


def cost(made: Iterable[Call]) -> Cost:
    """That of all the calls together."""
    each = [(_flops(call), _nbytes(call)) for call in made]
    return Cost(sum([flops for flops, _ in each]), sum([nbytes for _, nbytes in each]))


def _products(operands: tuple[Any, ...], out: Any) -> int:
    return 2 * int(np.prod(np.broadcast_shapes(operands[0].shape, operands[1].shape)))


_FLOPS: dict[Callable[..., Any], Callable[[tuple[Any, ...], Any], int]] = {
    np.matmul: lambda operands, out: int(np.size(out)) * (2 * operands[0].shape[-1] if operands[0].shape[-1] > 1 else 1),
    np.vecdot: _products,
    kernels.sum_of_products: _products,
    np.add.reduce: lambda operands, out: int(operands[0].size),
    kernels.sum_by_product: lambda operands, out: int(operands[1].size),
    kernels.reduce_along: lambda operands, out: int(operands[1].size),
    kernels.add_at: lambda operands, out: int(operands[1].size),
}
_MOVES = {kernels.gather, calls.copy, calls.fill, calls.choose, np.positive}


def _flops(call: Call) -> int:
    if call.function in _MOVES:
        return 0
    count = _FLOPS.get(call.function)
    return count(call.operands, call.out) if count else int(np.size(call.out))


def _nbytes(call: Call) -> int:
    if call.function is kernels.gather:
        _, places = call.operands
        return int(places.nbytes) + 2 * int(call.out.nbytes)
    if call.function is kernels.add_at:
        places, numbers = call.operands
        return int(places.nbytes) + 3 * int(numbers.nbytes)
    return sum([_extent(x) for x in (*call.operands, call.out) if isinstance(x, np.ndarray)])


def _extent(x: Any) -> int:
    """The bytes of an array; what it repeats, it holds once."""
    return int(np.prod([n for n, stride in zip(x.shape, x.strides) if stride])) * int(x.itemsize)
