"""NumPy's function names for arrays: the namespace ``xp`` in which a row of the op table is read for a ``Tensor``.

Most are NumPy's own. The others are those whose plain form is quicker, keeps the dtype, or is missing there.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy import (
    abs,
    arccos,
    arcsin,
    arctan,
    concatenate,
    cos,
    cosh,
    cumsum,
    exp,
    expm1,
    flip,
    isfinite,
    log,
    log1p,
    matmul,
    maximum,
    minimum,
    ndim,
    ones_like,
    pad,
    reshape,
    shape,
    sin,
    sinh,
    size,
    sqrt,
    stack,
    tan,
    tanh,
    transpose,
)
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

__all__ = [
    "abs", "arccos", "arcsin", "arctan", "astype", "axes_of", "broadcast_to", "concatenate", "cos", "cosh", "cumsum",
    "einsum", "exp", "expm1", "flip", "index", "isfinite", "linear", "log", "log1p", "logsumexp", "matmul", "max", "maximum",
    "mean", "min", "minimum", "ndim", "one_hot", "ones_like", "overlap_add", "pad", "pick", "pow", "prod", "reshape",
    "scatter_add", "shape", "sin", "sinh", "size", "softmax", "sqrt", "stack", "sum", "tan", "tanh", "transpose", "where",
    "windows",
]  # fmt: skip

Array: TypeAlias = NDArray[Any]
Axis: TypeAlias = int | tuple[int, ...] | None

_sum: Any = np.add.reduce
_prod: Any = np.multiply.reduce
_max: Any = np.maximum.reduce
_min: Any = np.minimum.reduce


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """``axis`` as counted from the first, all if it is None; AxisError for what is not there or comes twice."""
    if axis is None:
        return tuple(range(ndim))
    axes: tuple[int, ...] = normalize_axis_tuple(axis, ndim)
    return axes


def pow(x: Any, y: Any) -> Any:
    """``x ** y``; the operator, unlike ``np.power``, has short ways for the usual whole numbers."""
    return x**y


def linear(x: Any, weight: Any, bias: Any) -> Any:
    """``x @ weight + bias``, in the shape of ``x @ weight``; the bias is added in place where the dtype allows."""
    z = matmul(x, weight)
    if z.shape and z.shape[-1:] == bias.shape and z.dtype == bias.dtype:
        return np.add(z, bias, out=z)
    return z + broadcast_to(bias, z.shape)


def where(condition: Any, x: Any, y: Any) -> Any:
    """``np.where``, but of plain numbers the choice itself, so that it stays one."""
    if type(condition) is bool and isinstance(x, float | int) and isinstance(y, float | int):
        return x if condition else y
    return np.where(condition, x, y)


def sum(a: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """``np.sum``."""
    return _sum(a, axis, None, None, keepdims)


def mean(a: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """``np.mean``, of floats."""
    if a.dtype == np.float16:  # whose sums overflow soon
        return np.mean(a, axis, keepdims=keepdims)
    total = _sum(a, axis, None, None, keepdims)
    return total * (total.size / a.size) if a.size else total / 0.0


def prod(a: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """``np.prod``."""
    return _prod(a, axis, None, None, keepdims)


def max(a: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """``np.max``."""
    return _max(a, axis, None, None, keepdims)


def min(a: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """``np.min``."""
    return _min(a, axis, None, None, keepdims)


def logsumexp(a: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """``ln Σ exp(a)``, the largest element taken out first."""
    largest = max(a, axis, keepdims=True)
    if math.isfinite(sum(largest)):
        z = log(sum(exp(a - largest), axis, keepdims=True)) + largest
    else:
        shift = np.where(isfinite(largest), largest, 0.0)  # of infinities none is taken out: inf - inf is no number
        with np.errstate(divide="ignore"):  # ln 0 = -inf is meant
            z = log(sum(exp(a - shift), axis, keepdims=True)) + shift
    return z if keepdims else z.squeeze(axis)


def softmax(a: Array, axis: Axis = -1) -> Any:
    """``exp(a) / Σ exp(a)``, the largest element taken out first."""
    powers = exp(a - max(a, axis, keepdims=True))
    powers /= sum(powers, axis, keepdims=True)
    return powers


def broadcast_to(a: Any, shape: tuple[int, ...]) -> Array:
    """``np.broadcast_to``; a small array, of which a copy costs less than a view."""
    if math.prod(shape) > 4096:
        return np.broadcast_to(a, shape)
    filled = np.empty(shape, a.dtype)
    filled[...] = a
    return filled


def astype(a: Any, dtype: Any) -> Any:
    """``a`` in another dtype."""
    return np.asarray(a).astype(dtype)


def einsum(subscripts: str, *operands: Any) -> Any:
    """``np.einsum``; by matrix products, where there is so much to do that looking for them pays."""
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1 and math.prod([a.size for a in operands]) > 10_000)


def index(a: Any, key: Any) -> Any:
    """``a[key]``."""
    return a[key]


def pick(a: Any, labels: Any) -> Any:
    """The labelled element of each row of ``a``.

    Raises:
        ValueError: there is not one label a row, or one is none of the places.
    """
    labels = np.asarray(labels)
    see_labels(a, labels)
    return a[labelled(labels)]


def see_labels(a: Any, labels: Array) -> None:
    """See that there is one of the places in a row for each row of ``a``; raises like ``pick``."""
    if labels.dtype.kind not in "iu" or labels.shape != a.shape[:-1]:
        raise ValueError(
            f"labels of shape {labels.shape} ({labels.dtype}) came for logits of shape {a.shape}; pass one whole number a row"
        )
    if not are_below(labels, a.shape[-1]):
        raise ValueError(f"labels lie from {labels.min()} to {labels.max()}; there are {a.shape[-1]} classes, from 0")


def are_below(labels: Array, n: int) -> bool:
    """Whether all these whole numbers lie in ``[0, n)``."""
    return not labels.size or bool(np.maximum.reduce(labels.view(f"u{labels.itemsize}"), None) < n)  # below 0 is large then


def labelled(labels: Array) -> tuple[Array, ...]:
    """The key of the labelled element of each row."""
    n = labels.ndim
    return (*[np.arange(m).reshape((m,) + (1,) * (n - i - 1)) for i, m in enumerate(labels.shape)], labels)


def one_hot(labels: Any, classes: int) -> Any:
    """For each label a row of truths, of which that at the label holds."""
    return np.asarray(labels)[..., None] == np.arange(classes)


def scatter_add(a: Any, key: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of ``shape`` to which ``a`` is added at ``key``, as often as it names a place: what indexing undoes."""
    total = np.zeros(shape, np.asarray(a).dtype)
    if is_basic(key) or (isinstance(key, np.ndarray) and key.dtype == bool):
        total[key] = a
    else:
        np.add.at(total, key, a)
    return total


def is_basic(key: Any) -> bool:
    """Whether ``a[key]`` is made of slices and single places, so that it names none twice."""
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, bool) or not (part is None or part is ... or isinstance(part, int | np.integer | slice)):
            return False
    return True


def windows(a: Array, size: Sequence[int], stride: Sequence[int]) -> Array:
    """Every window of ``size`` over the last axes, as a view: ``(..., *outer)`` gives ``(..., *places, *size)``."""
    n = len(size)
    outer, steps = a.shape[-n:], a.strides[-n:]
    places = [(m - k) // s + 1 for m, k, s in zip(outer, size, stride)]
    return as_strided(
        a,
        (*a.shape[:-n], *places, *size),
        (*a.strides[:-n], *[step * s for step, s in zip(steps, stride)], *steps),
        writeable=False,
    )


def overlap_add(a: Array, outer: Sequence[int], stride: Sequence[int]) -> Array:
    """The sum of overlapping windows, each put back in its place: the transpose of ``windows``."""
    n = len(outer)
    places, size = a.shape[-2 * n : -n], a.shape[-n:]
    total = np.zeros((*a.shape[: -2 * n], *outer), a.dtype)
    for offset in np.ndindex(*size):
        there: Any = (..., *[slice(o, o + s * (p - 1) + 1, s) for o, s, p in zip(offset, stride, places)])
        total[there] += a[(..., *offset)]
    return total
