"""What programs call that NumPy has no function with ``out`` for."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrays as xp
from .form import Ids

Array = NDArray[Any]
Function = Callable[..., Any]


def gather(tape: Array, places: Ids, out: Array) -> None:
    """``out`` takes over what lies at ``places``."""
    tape.take(places, 0, out, "clip")  # not "raise", which copies once more


def add_at(places: Ids, numbers: Array, out: Array) -> None:
    """Add each of ``numbers`` to its place, as often as it is named."""
    np.add.at(out, places, numbers.reshape(-1))


def reduce_along(row: Any, x: Array, out: Array) -> None:
    """A reduction of the table along the axis of the terms."""
    out[...] = row.apply(xp, (x,), **{**row.settings, "axis": 2})


def cotangent_along(row: Any, g: Array, z: Array, x: Array, out: Array) -> None:
    """Its vjp."""
    (out[...],) = row.cotangents(xp, g, z, (x,), (True,), **{**row.settings, "axis": 2})


def sum_of_products(left: Array, right: Array, out: Array) -> None:
    """``Σ left · right`` over the third axis."""
    np.add.reduce(left * right, 2, out=out)


def sum_by_product(ones: Array, x: Array, out: Array) -> None:
    """The sum over the first axis, as the product with a row of ones: of short rows sooner done."""
    np.matmul(ones, x, out)
