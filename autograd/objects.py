"""NumPy's function names for arrays of Values: the namespace ``xp`` in which a structural row is read as scalar code.

A sum becomes one node of many operands, a matrix product a ``dot`` node for each element; the rest is NumPy's own handling of
objects. This is how a ``Tensor`` node opens into its scalar graph.
"""

import math
from collections.abc import Callable
from functools import reduce
from operator import mul as times
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import arrays, scalar
from .arrays import (  # what NumPy does with any objects
    broadcast_to,
    concatenate,
    cumsum,
    flip,
    index,
    ndim,
    ones_like,
    overlap_add,
    pad,
    reshape,
    scatter_add,
    shape,
    size,
    stack,
    transpose,
    windows,
)
from .primitive import PRIMITIVES

__all__ = [
    "astype", "broadcast_to", "concatenate", "cumsum", "einsum", "flip", "index", "logsumexp", "matmul", "max", "mean",
    "min", "ndim", "ones_like", "overlap_add", "pad", "prod", "reshape", "scatter_add", "shape", "size", "softmax", "stack",
    "sum", "transpose", "windows", *scalar.__all__,
]  # fmt: skip

Objects = NDArray[np.object_]


def _over(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """A reduction over axes, given what it does to a list."""

    def reduction(a: Objects, axis: arrays.Axis = None, keepdims: bool = False) -> Any:
        a = np.asarray(a, object)  # one without axes is apt to be lost on the way
        axes = sorted(arrays.axes_of(axis, a.ndim)) if a.ndim else []
        kept = [i for i in range(a.ndim) if i not in axes]
        rows = a.transpose(*kept, *axes).reshape(math.prod([a.shape[i] for i in kept]), -1)
        z = np.empty(len(rows), object)
        z[:] = [function(row) for row in rows.tolist()]
        z = z.reshape([1 if i in axes else n for i, n in enumerate(a.shape)] if keepdims else [a.shape[i] for i in kept])
        return z if z.ndim else z[()]

    return reduction


def _op(name: str) -> Any:
    return PRIMITIVES[name].call


def _elementwise(name: str) -> Callable[..., Any]:
    return lambda *operands: _op(name)(*operands)


for _name in scalar.__all__:
    globals()[_name] = _elementwise(_name)

sum = _over(lambda xs: _op("add_n")(*xs) if len(xs) > 1 else xs[0] if xs else 0.0)
prod = _over(lambda xs: reduce(times, xs) if xs else 1.0)
max = _over(lambda xs: _op("max_n")(*xs))
min = _over(lambda xs: _op("min_n")(*xs))
logsumexp = _over(lambda xs: _op("logaddexp")(*xs))


def mean(a: Objects, axis: arrays.Axis = None, keepdims: bool = False) -> Any:
    """``np.mean``."""
    total = sum(a, axis, keepdims)
    return total * (1.0 / math.prod([np.shape(a)[i] for i in arrays.axes_of(axis, np.ndim(a))]))


def matmul(a: Objects, b: Objects) -> Any:
    """``np.matmul``, each element one ``dot`` node."""
    rows = a[..., None, :] if a.ndim > 1 and b.ndim > 1 else a
    columns = b if b.ndim == 1 else b.mT[..., None, :, :] if a.ndim > 1 else b.mT
    return np.vectorize(lambda x, w: _op("weighted_sum")(*x, *w), otypes=[object], signature="(k),(k)->()")(rows, columns)[()]


def softmax(a: Objects, axis: arrays.Axis = -1) -> Any:
    """``exp(a) / Σ exp(a)``, the largest element taken out first."""
    powers = _elementwise("exp")(a - max(a, axis, keepdims=True))
    return powers / sum(powers, axis, keepdims=True)


def einsum(subscripts: str, *operands: Any) -> Any:
    """``np.einsum``, product by product as it is written."""
    return np.einsum(subscripts, *operands, optimize=False)


def astype(a: Any, dtype: Any) -> Any:
    """``a`` itself: a Value holds a float, and no other number."""
    return a
