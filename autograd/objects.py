"""NumPy's function names for arrays of Values: the namespace ``xp`` in which a structural row is read as scalar code.

A sum becomes one node of many operands, a matrix product a ``dot`` node for each element; the rest is NumPy's own handling of
objects. This is how a ``Tensor`` node opens into its scalar graph.
"""

import math
from collections.abc import Callable
from functools import reduce
from itertools import product
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
    one_hot,
    ones_like,
    overlap_add,
    pad,
    pick,
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
    "astype", "broadcast_to", "concatenate", "cumsum", "einsum", "flip", "index", "linear", "logsumexp", "matmul", "max",
    "mean", "min", "ndim", "one_hot", "ones_like", "overlap_add", "pad", "pick", "prod", "reshape", "scatter_add", "shape",
    "size", "softmax", "stack", "sum", "transpose", "windows", *scalar.__all__,
]  # fmt: skip

Objects = NDArray[np.object_]


def _over(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """A reduction over axes, given what it does to a list."""

    def reduction(a: Objects, axis: arrays.Axis = None, keepdims: bool = False) -> Any:
        a = np.asarray(a, object)  # one without axes is apt to be lost on the way
        axes = sorted(arrays.axes_of(axis, a.ndim)) if a.ndim else []
        kept = [i for i in range(a.ndim) if i not in axes]
        rows = a.transpose(*kept, *axes).reshape([math.prod([a.shape[i] for i in some]) for some in (kept, axes)])
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


def linear(x: Objects, weight: Objects, bias: Objects) -> Any:
    """``x @ weight + bias``, each element one ``dot`` node."""
    z_shape = x.shape[:-1] + weight.shape[1:]
    columns = np.atleast_2d(weight.T).tolist()
    pairs = product(x.reshape(-1, x.shape[-1]).tolist(), columns)
    dot = _op("weighted_sum")
    dots = (dot(*row, *column, b) for (row, column), b in zip(pairs, np.broadcast_to(bias, z_shape).flat))
    return np.fromiter(dots, object, math.prod(z_shape)).reshape(z_shape)[()]


def softmax(a: Objects, axis: arrays.Axis = -1) -> Any:
    """``exp(a) / Σ exp(a)``, the largest element taken out first."""
    powers = _elementwise("exp")(a - max(a, axis, keepdims=True))
    return powers / sum(powers, axis, keepdims=True)


def einsum(subscripts: str, *operands: Any) -> Any:
    """``np.einsum``, each element one ``dot`` node: of the last operand, and the product of those before."""
    letters, out = subscripts.split("->")
    lost = "".join(dict.fromkeys(letter for letter in letters if letter not in out + ","))  # that are summed over
    *factors, last = [_laid_out(a, term, out + lost) for a, term in zip(operands, letters.split(","))]
    if not factors:
        return sum(last, tuple(range(len(out), last.ndim))) if lost else last[()]
    if not lost:
        return reduce(times, factors) * last
    x, w = np.broadcast_arrays(reduce(times, factors), last)
    kept = x.shape[: len(out)]
    table = math.prod(kept), math.prod(x.shape[len(out) :])
    dot = _op("weighted_sum")
    dots = (dot(*row, *column) if row else 0.0 for row, column in zip(x.reshape(table).tolist(), w.reshape(table).tolist()))
    return np.fromiter(dots, object, table[0]).reshape(kept)[()]


def _laid_out(a: Any, term: str, letters: str) -> Objects:
    """``a``, whose axes are ``term``, with an axis for each of ``letters``, of length 1 where it has none."""
    a = np.asarray(a, object).transpose([term.index(letter) for letter in letters if letter in term])
    laid: Objects = a[..., *[slice(None) if letter in term else None for letter in letters]]
    return laid


def astype(a: Any, dtype: Any) -> Any:
    """``a`` itself: a Value holds a float, and no other number."""
    return a
