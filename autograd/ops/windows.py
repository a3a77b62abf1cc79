"""Ops over windows that slide along the last axes: convolution and pooling."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..primitive import example
from ..table import primitive
from .elementwise import XP, X
from .reductions import max, mean
from .shapes import anything, pad, reshape

Width: TypeAlias = int | Sequence[int]


@primitive(
    lambda xp, g, z, a, size, stride: xp.overlap_add(g, a.shape[-len(size) :], stride),
    examples=(example((5,), size=(2,), stride=(1,)), example((2, 5, 4), size=(2, 3), stride=(2, 1))),
)
def windows(xp: XP, a: X, size: Sequence[int] = (), stride: Sequence[int] = ()) -> X:
    """Every window of ``size`` over the last axes, ``stride`` apart: ``(…, *outer)`` gives ``(…, *places, *size)``."""
    return xp.windows(a, size, stride)


@primitive(
    lambda xp, g, z, a, outer, stride: xp.windows(g, a.shape[-len(outer) :], stride),
    examples=(example((4, 2), outer=(5,), stride=(1,)), example((2, 2, 2, 3), outer=(5, 4), stride=(2, 1))),
)
def overlap_add(xp: XP, a: X, outer: Sequence[int] = (), stride: Sequence[int] = ()) -> X:
    """Windows put back in their places and added up where they overlap: the transpose of ``windows``."""
    return xp.overlap_add(a, outer, stride)


# In both vjps b is the batch, c and o are channels in and out; the places and the size of windows follow.


def _letters(n: int) -> tuple[str, str]:
    return "xyz"[:n], "uvw"[:n]


def _convolve_left_vjp(xp: XP, g: X, z: X, a: X, w: X, stride: Sequence[int]) -> X:
    places, size = _letters(len(stride))
    spread = xp.einsum(f"bo{places},oc{size}->bc{places}{size}", g, w)
    return xp.overlap_add(spread, a.shape[-len(stride) :], stride)


def _convolve_right_vjp(xp: XP, g: X, z: X, a: X, w: X, stride: Sequence[int]) -> X:
    places, size = _letters(len(stride))
    seen = xp.windows(a, w.shape[2:], stride)
    return xp.einsum(f"bo{places},bc{places}{size}->oc{size}", g, seen)


@primitive(
    _convolve_left_vjp,
    _convolve_right_vjp,
    examples=(
        example((2, 1, 5), (3, 1, 2), stride=(1,)),
        example((1, 2, 4, 5), (3, 2, 2, 3), stride=(1, 1)),
        example((2, 1, 6, 5), (1, 1, 3, 2), stride=(2, 1)),
    ),
    symbol="∗",
)
def convolve(xp: XP, a: X, w: X, stride: Sequence[int] = ()) -> X:
    """Cross-correlation, as deep learning's convolution: each ``(c, *size)`` filter at each place of each example.

    ``a: (b, c, *outer)`` and ``w: (o, c, *size)`` give ``(b, o, *places)`` with ``places = (outer - size) // stride + 1``.
    """
    places, size = _letters(len(stride))
    return xp.einsum(f"bc{places}{size},oc{size}->bo{places}", xp.windows(a, w.shape[2:], stride), w)


def conv1d(x: Any, weight: Any, bias: Any = None, *, stride: Width = 1, padding: Width = 0) -> Any:
    """Convolution along one axis, as in deep learning (the filter is not turned round).

    Args:
        x: ``(batch, channels, n)``.
        weight: filters, ``(out, channels, k)``.
        bias: one for each filter, ``(out,)``, or None.
        stride: how far apart the windows lie.
        padding: how many zeros are put on either side.

    Returns:
        ``(batch, out, (n + 2 padding - k) // stride + 1)``.

    Raises:
        ValueError: shapes do not go together, or the filter is longer than the padded input.
    """
    return _convolved("conv1d", 1, x, weight, bias, stride, padding)


def conv2d(x: Any, weight: Any, bias: Any = None, *, stride: Width = 1, padding: Width = 0) -> Any:
    """Convolution over two axes, as in deep learning: ``x: (batch, channels, h, w)``, ``weight: (out, channels, k, l)``.

    Args and errors are those of ``conv1d``; ``stride`` and ``padding`` are one number, or one for each axis.

    Source: LeCun et al., *Gradient-Based Learning Applied to Document Recognition* (1998).
    """
    return _convolved("conv2d", 2, x, weight, bias, stride, padding)


def max_pool(x: Any, size: Width, stride: Width | None = None) -> Any:
    """The largest element of each window over the last axes, as many as ``size`` has; by default windows do not overlap.

    Elements that tie share the derivative evenly by convention.
    """
    seen, axes = _pooled("max_pool", x, size, stride)
    return max(seen, axes)


def avg_pool(x: Any, size: Width, stride: Width | None = None) -> Any:
    """The mean of each window over the last axes, as many as ``size`` has; by default windows do not overlap."""
    seen, axes = _pooled("avg_pool", x, size, stride)
    return mean(seen, axes)


def _convolved(name: str, n: int, x: Any, weight: Any, bias: Any, stride: Width, padding: Width) -> Any:
    x, weight = anything(x, name), anything(weight, name)
    if len(x.shape) != n + 2 or len(weight.shape) != n + 2 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"{name}: x of shape {x.shape} and weight of shape {weight.shape} don't go together; they are (batch, channels, "
            f"{'n' if n == 1 else 'h, w'}) and (out, channels, {'k' if n == 1 else 'k, l'})"
        )
    margins = _widths(name, "padding", padding, n, 0)
    if any(margins):
        x = pad(x, ((0, 0), (0, 0), *[(p, p) for p in margins]))
    steps = _widths(name, "stride", stride, n, 1)
    _check_room(name, x.shape[2:], weight.shape[2:])
    z = convolve(x, weight, stride=steps)
    if bias is None:
        return z
    bias = anything(bias, name)
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"{name}: bias of shape {bias.shape} came for {weight.shape[0]} filters; pass one number for each")
    return z + reshape(bias, (-1, *(1,) * n))


def _pooled(name: str, x: Any, size: Width, stride: Width | None) -> tuple[Any, tuple[int, ...]]:
    x = anything(x, name)
    n = 1 if isinstance(size, int | np.integer) else len(size)
    sizes = _widths(name, "size", size, n, 1)
    _check_room(name, x.shape[-n:], sizes)
    return windows(x, sizes, sizes if stride is None else _widths(name, "stride", stride, n, 1)), tuple(range(-n, 0))


def _widths(name: str, what: str, width: Width, n: int, least: int) -> tuple[int, ...]:
    widths = (int(width),) * n if isinstance(width, int | np.integer) else tuple(width)
    if len(widths) != n or any(w < least for w in widths):
        raise ValueError(f"{name}: {what} is {n} whole number{'s' * (n > 1)} of at least {least}, not {width}")
    return widths


def _check_room(name: str, outer: Sequence[int], size: Sequence[int]) -> None:
    if any(n < k for n, k in zip(outer, size)) or len(outer) != len(size):
        raise ValueError(f"{name}: windows of {tuple(size)} do not fit into {tuple(outer)}")
