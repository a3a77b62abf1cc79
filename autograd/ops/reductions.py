"""Ops that take many elements of an array to one, along axes named as in NumPy."""

from math import prod as times
from typing import Any

import numpy as np

from ..arrays import Axis, axes_of, labelled
from ..arrays import one_hot as one_hot
from ..primitive import example
from ..table import primitive
from .elementwise import XP, X, where
from .elementwise import abs as absolute
from .shapes import anything, index

_EXAMPLES = (
    example((2, 3)),
    example((3,), axis=0),
    example((2, 3), axis=1, keepdims=True),
    example((2, 3, 2), axis=(0, -1)),
    example((2, 1, 3), axis=(-2,)),
)


def kept(xp: XP, x: X, a: X, axis: Axis) -> X:
    """A result of reducing ``a`` along ``axis``, with the axes it lost put back, of length 1, so that the two broadcast."""
    shape = a.shape
    if axis is None or not shape:
        return x  # one number broadcasts as it is
    lost = (axis % len(shape),) if type(axis) is int else axes_of(axis, len(shape))
    return x.reshape(tuple([1 if i in lost else n for i, n in enumerate(shape)]))


def count(a: X, axis: Axis) -> int:
    """How many elements of ``a`` make one result."""
    if axis is None or not a.shape:
        return int(a.size)
    return times([a.shape[i] for i in axes_of(axis, len(a.shape))])


def _sum_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, keepdims: bool) -> X:
    return xp.broadcast_to(kept(xp, g, a, axis), a.shape)


@primitive(_sum_vjp, examples=_EXAMPLES, symbol="Σ")
def sum(xp: XP, a: X, axis: Axis = None, keepdims: bool = False) -> X:
    """Sum of the elements along ``axis`` (all axes, if None). Of Values, one node of many operands."""
    return xp.sum(a, axis, keepdims)


def _mean_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, keepdims: bool) -> X:
    return xp.broadcast_to(kept(xp, g, a, axis) * (1.0 / count(a, axis)), a.shape)


@primitive(_mean_vjp, examples=_EXAMPLES)
def mean(xp: XP, a: X, axis: Axis = None, keepdims: bool = False) -> X:
    """Arithmetic mean along ``axis``, ``z = Σ a / n``."""
    return xp.mean(a, axis, keepdims)


_DDOF = (*_EXAMPLES, example((4,), ddof=1), example((3, 4), axis=0, ddof=1, keepdims=True))


def _var_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, ddof: float, keepdims: bool) -> X:
    apart = a - xp.mean(a, axis, keepdims=True)
    return kept(xp, g, a, axis) * apart * (2.0 / (count(a, axis) - ddof))


@primitive(_var_vjp, examples=_DDOF)
def var(xp: XP, a: X, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> X:
    """Variance along ``axis``, ``z = Σ (a - mean)² / (n - ddof)``."""
    apart = a - xp.mean(a, axis, keepdims=True)
    z = xp.sum(apart * apart, axis, keepdims)
    return z / (count(a, axis) - ddof)


def _std_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, ddof: float, keepdims: bool) -> X:
    apart = a - xp.mean(a, axis, keepdims=True)
    return kept(xp, g / (xp.where(z == 0, 1.0, z) * (count(a, axis) - ddof)), a, axis) * apart


@primitive(_std_vjp, examples=[e for e in _DDOF if e.shapes != ((2, 1, 3),)])  # of one element it is 0, and has a kink
def std(xp: XP, a: X, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> X:
    """Standard deviation along ``axis``, ``z = √var``; where it is 0, its derivative is 0 by convention."""
    apart = a - xp.mean(a, axis, keepdims=True)
    z = xp.sum(apart * apart, axis, keepdims)
    return xp.sqrt(z / (count(a, axis) - ddof))


def _norm_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, keepdims: bool) -> X:
    return kept(xp, g / xp.where(z == 0, 1.0, z), a, axis) * a


@primitive(_norm_vjp, examples=_EXAMPLES, symbol="‖·‖")
def l2_norm(xp: XP, a: X, axis: Axis = None, keepdims: bool = False) -> X:
    """Euclidean norm along ``axis``, ``z = √Σ a²``; where it is 0, its derivative is 0 by convention."""
    return xp.sqrt(xp.sum(a * a, axis, keepdims))


def _extreme_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, keepdims: bool) -> X:
    chosen = xp.where(a == kept(xp, z, a, axis), 1.0, 0.0)
    return kept(xp, g, a, axis) * (chosen / xp.sum(chosen, axis, keepdims=True))


@primitive(_extreme_vjp, examples=_EXAMPLES)
def max(xp: XP, a: X, axis: Axis = None, keepdims: bool = False) -> X:
    """Largest element along ``axis``; those that tie share the derivative evenly by convention."""
    return xp.max(a, axis, keepdims)


@primitive(_extreme_vjp, examples=_EXAMPLES)
def min(xp: XP, a: X, axis: Axis = None, keepdims: bool = False) -> X:
    """Smallest element along ``axis``; those that tie share the derivative evenly by convention."""
    return xp.min(a, axis, keepdims)


def _product_of_others(xp: XP, a: X) -> X:
    """For each element along the first axis, the product of all the others, without a division: right at zeros too.

    Pairs are multiplied up a tree; then each element gets what its parent was multiplied with, times its sibling.
    """
    levels = [a]
    while levels[-1].shape[0] > 1:
        x = levels[-1]
        if x.shape[0] % 2:
            levels[-1] = x = xp.concatenate([x, xp.ones_like(x[:1])])
        levels.append(x[0::2] * x[1::2])
    others = xp.ones_like(levels.pop())
    for x in reversed(levels):
        pairs = xp.stack([x[1::2] * others[: x.shape[0] // 2], x[0::2] * others[: x.shape[0] // 2]], axis=1)
        others = xp.reshape(pairs, x.shape)
    return others[: a.shape[0]]


def _prod_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, keepdims: bool) -> X:
    shape = a.shape
    if not shape:
        return g
    axes = axes_of(axis, len(shape))
    order = (*axes, *[i for i in range(len(shape)) if i not in axes])
    moved = xp.transpose(a, order)
    others = _product_of_others(xp, xp.reshape(moved, (times(moved.shape[: len(axes)]), *moved.shape[len(axes) :])))
    back = tuple([order.index(i) for i in range(len(shape))])
    return kept(xp, g, a, axis) * xp.transpose(xp.reshape(others, moved.shape), back)


@primitive(_prod_vjp, examples=(*_EXAMPLES, example((1,)), example((5, 2), axis=0)), symbol="Π")
def prod(xp: XP, a: X, axis: Axis = None, keepdims: bool = False) -> X:
    """Product of the elements along ``axis``. Its derivative is right at zeros too: no division is made."""
    return xp.prod(a, axis, keepdims)


def _cumsum_vjp(xp: XP, g: X, z: X, a: X, axis: int | None) -> X:
    return xp.reshape(xp.flip(xp.cumsum(xp.flip(g, axis), axis), axis), a.shape)


@primitive(_cumsum_vjp, examples=(example((4,)), example((2, 3)), example((2, 3), axis=0), example((2, 3), axis=-1)))
def cumsum(xp: XP, a: X, axis: int | None = None) -> X:
    """Running sum along ``axis``; of all elements in order, if it is None."""
    return xp.cumsum(a, axis)


def _logsumexp_vjp(xp: XP, g: X, z: X, a: X, axis: Axis, keepdims: bool) -> X:
    return kept(xp, g, a, axis) * xp.softmax(a, axis)


@primitive(_logsumexp_vjp, examples=_EXAMPLES)
def logsumexp(xp: XP, a: X, axis: Axis = None, keepdims: bool = False) -> X:
    """``z = ln Σ exp(a)`` along ``axis``, the largest element taken out first, so that nothing overflows."""
    return xp.logsumexp(a, axis, keepdims)


_ALONG = (example((3,)), example((2, 3)), example((2, 3), axis=0), example((2, 3, 2), axis=(0, 2)), example((2, 2), axis=None))


def _softmax_vjp(xp: XP, g: X, z: X, a: X, axis: Axis) -> X:
    return z * (g - xp.sum(g * z, axis, keepdims=True))


@primitive(_softmax_vjp, examples=_ALONG)
def softmax(xp: XP, a: X, axis: Axis = -1) -> X:
    """``z = exp(a) / Σ exp(a)`` along ``axis``, the largest element taken out first, so that nothing overflows."""
    return xp.softmax(a, axis)


def _log_softmax_vjp(xp: XP, g: X, z: X, a: X, axis: Axis) -> X:
    return g - xp.exp(z) * xp.sum(g, axis, keepdims=True)


@primitive(_log_softmax_vjp, examples=_ALONG)
def log_softmax(xp: XP, a: X, axis: Axis = -1) -> X:
    """``z = a - ln Σ exp(a)`` along ``axis``: the logarithm of softmax, without its underflow."""
    below = a - xp.max(a, axis, keepdims=True)
    return below - xp.log(xp.sum(xp.exp(below), axis, keepdims=True))


def _cross_entropy_vjp(xp: XP, g: X, z: X, a: X, labels: Any) -> X:
    return kept(xp, g, a, -1) * (xp.softmax(a, -1) - xp.one_hot(labels, a.shape[-1]))


@primitive(
    _cross_entropy_vjp,
    examples=(example((4,), labels=2), example((2, 3), labels=[2, 0]), example((1, 2, 2), labels=[[0, 1]])),
)
def cross_entropy(xp: XP, a: X, labels: Any = 0) -> X:
    """Softmax cross-entropy of each row of logits, ``z = logsumexp(a) - a[label]`` along the last axis.

    ``labels`` are whole numbers, in the shape of ``a`` without its last axis. The derivative is ``softmax(a)``, less 1 at the
    label.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.3.
    """
    below = a - xp.max(a, -1, keepdims=True)  # first, or the digits of large logits would swallow those of the result
    return xp.log(xp.sum(xp.exp(below), -1)) - xp.pick(below, labels)


def pick(a: Any, labels: Any) -> Any:
    """The labelled element of each row."""
    return index(a, labelled(np.asarray(labels)))


def norm(a: Any, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """``np.linalg.norm``: of all elements, or of vectors along ``axis``.

    Args:
        a: an array.
        ord: None or ``"fro"`` for the Euclidean norm; of vectors also a number ``p``, for ``(Σ |a|ᵖ)^(1/p)``, or ``±inf``.
        axis: of the vectors.
        keepdims: keep reduced axes as axes of length 1.

    Raises:
        ValueError: a norm of matrices that needs singular values or sums of rows, which is not here.
    """
    a = anything(a, "norm")
    of_matrices = (isinstance(axis, tuple) and len(axis) > 1) or (axis is None and len(a.shape) > 1)
    if ord is None or ord == "fro" or (ord == 2 and not of_matrices):
        return l2_norm(a, axis, keepdims)
    if of_matrices or isinstance(ord, str):
        raise ValueError(f"norm: ord={ord!r} is a norm of vectors; pass the axis they lie along, or ravel() a matrix first")
    if ord == 0:
        raise ValueError("norm: ord=0 counts elements, which has no derivative; count them in .data")
    if ord in (np.inf, -np.inf):
        return (max if ord > 0 else min)(absolute(a), axis, keepdims)
    if ord == 1:
        return sum(absolute(a), axis, keepdims)
    powers = sum(absolute(a) ** ord, axis, keepdims)
    return where(powers == 0, 0.0, where(powers == 0, 1.0, powers) ** (1.0 / ord))  # so that its derivative at 0 is 0


def argmax(a: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the largest element lies, as plain whole numbers: no derivative flows."""
    return np.argmax(_numbers(a, "argmax"), axis, keepdims=keepdims)


def argmin(a: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the smallest element lies, as plain whole numbers: no derivative flows."""
    return np.argmin(_numbers(a, "argmin"), axis, keepdims=keepdims)


def _numbers(a: Any, name: str) -> Any:
    a = anything(a, name)
    return getattr(a, "_data", a)
