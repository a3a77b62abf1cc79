"""Ops that move elements and leave them as they are: shapes, joins, places."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays import axes_of
from ..calling import as_places
from ..graph import Node
from ..operands import as_array
from ..primitive import example
from ..table import primitive, variadic_primitive
from .elementwise import XP, X


@primitive(
    lambda xp, g, z, a, shape: xp.reshape(g, a.shape),
    examples=(example((2, 3), shape=(3, 2)), example((4,), shape=(2, 1, -1)), example((1,), shape=())),
)
def reshape(xp: XP, a: X, shape: tuple[int, ...] | int = -1) -> X:
    """The same elements in the same order, in another shape; one length may be -1, for what is left."""
    return a.reshape(shape)


def _transpose_vjp(xp: XP, g: X, z: X, a: X, axes: tuple[int, ...] | None) -> X:
    if axes is None:
        return xp.transpose(g)
    n = len(a.shape)
    order = [int(i) % n for i in axes]
    return xp.transpose(g, tuple([order.index(i) for i in range(n)]))


@primitive(_transpose_vjp, examples=(example((2, 3)), example((2, 3, 4), axes=(2, 0, 1)), example((2, 3, 2), axes=(-1, 0, 1))))
def transpose(xp: XP, a: X, axes: tuple[int, ...] | None = None) -> X:
    """The axes in another order; in reverse, if ``axes`` is None."""
    return a.transpose(axes)


@primitive(lambda xp, g, z, a, shape: g, examples=(example((3,), shape=(2, 3)), example((2, 1), shape=(4, 2, 3))))
def broadcast_to(xp: XP, a: X, shape: tuple[int, ...] | int = ()) -> X:
    """``a`` repeated along new axes and axes of length 1, as in NumPy's broadcasting."""
    return xp.broadcast_to(a, (shape,) if isinstance(shape, int) else tuple(shape))


@primitive(lambda xp, g, z, a, dtype: g, examples=(example((3,), dtype="float64"),))
def astype(xp: XP, a: X, dtype: Any = "float64") -> X:
    """The same numbers in another floating dtype."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(
            f"astype: a Tensor is of a floating dtype, not {np.dtype(dtype)}; for other numbers take those of .data"
        )
    return xp.astype(a, np.dtype(dtype))


def _index_vjp(xp: XP, g: X, z: X, a: X, key: Any) -> X:
    return xp.scatter_add(g, key, a.shape)


@primitive(
    _index_vjp,
    examples=(
        example((4,), key=2),
        example((4, 3), key=slice(None, None, -2)),
        example((4, 3), key=(..., None, 1)),
        example((3, 2), key=[0, 0, 2, 0]),
        example((3, 3), key=([0, 1, 1], [2, 0, 0])),
    ),
    symbol="[ ]",
)
def index(xp: XP, a: X, key: Any = ...) -> X:
    """``a[key]``; an element that is named twice gets both cotangents."""
    return a[key]


@primitive(
    lambda xp, g, z, a, key, shape: xp.index(g, key),
    examples=(example((3, 2), key=[0, 1, 0], shape=(3, 2)), example((2,), key=(slice(1, 3), 0), shape=(4, 2))),
)
def scatter_add(xp: XP, a: X, key: Any = ..., shape: tuple[int, ...] = ()) -> X:
    """Zeros of ``shape`` to which ``a`` is added at ``key``, as often as it names a place: the transpose of indexing."""
    return xp.scatter_add(a, key, shape)


def _concatenate_vjp(xp: XP, g: X, z: X, operands: Sequence[X], i: int, axis: int) -> X:
    start = sum([x.shape[axis] for x in operands[:i]])
    there = slice(start, start + operands[i].shape[axis])
    return g[(slice(None),) * (axis % len(g.shape)) + (there,)]


@variadic_primitive(_concatenate_vjp, examples=(example((2,), (3,)), example((2, 1), (2, 3), (2, 2), axis=-1)), symbol="join")
def concatenate_n(xp: XP, operands: Sequence[X], axis: int = 0) -> X:
    """Arrays one after the other along ``axis``."""
    return xp.concatenate(operands, axis)


def _pad_vjp(xp: XP, g: X, z: X, a: X, widths: tuple[tuple[int, int], ...], value: float) -> X:
    return g[tuple([slice(before, before + n) for (before, _), n in zip(widths, a.shape)])]


@primitive(_pad_vjp, examples=(example((2, 3), widths=((1, 0), (0, 2))), example((2,), widths=((1, 1),), value=3.0)))
def pad_constant(xp: XP, a: X, widths: tuple[tuple[int, int], ...] = (), value: float = 0.0) -> X:
    """``a`` within a margin of ``value``, ``(before, after)`` wide along each axis."""
    return xp.pad(a, widths, constant_values=value)


# -- under NumPy's names, by the rows above ----------------------------------------


def anything(a: Any, name: str) -> Any:
    """A node or an array as it is; a list or a number as an array."""
    return a if isinstance(a, np.ndarray) or (isinstance(a, Node) and hasattr(a, "shape")) else as_array(name, a)


def shape(a: Any) -> tuple[int, ...]:
    """How long each axis is."""
    return anything(a, "shape").shape  # type: ignore[no-any-return]


def ndim(a: Any) -> int:
    """How many axes it has."""
    return len(shape(a))


def size(a: Any) -> int:
    """How many elements it has."""
    return int(np.prod(shape(a), dtype=int))


def ones_like(a: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Ones of the shape (or of the given one) and dtype of ``a``, as a plain array."""
    return np.ones(a.shape if shape is None else shape, a.dtype)


def ravel(a: Any) -> Any:
    """All elements along one axis."""
    return reshape(anything(a, "ravel"), -1)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """``a`` with two axes exchanged."""
    a = anything(a, "swapaxes")
    order = list(range(len(a.shape)))
    ((i,), (j,)) = axes_of(axis1, len(order)), axes_of(axis2, len(order))
    order[i], order[j] = j, i
    return transpose(a, tuple(order))


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """``a`` with axes moved to other places, the rest in order."""
    a = anything(a, "moveaxis")
    places = np.moveaxis(np.broadcast_to(0, range(1, len(a.shape) + 1)), source, destination).shape
    return transpose(a, tuple([n - 1 for n in places]))


def expand_dims(a: Any, axis: int | tuple[int, ...]) -> Any:
    """``a`` with new axes of length 1 at ``axis`` of the result."""
    a = anything(a, "expand_dims")
    return reshape(a, np.expand_dims(np.empty(a.shape, bool), axis).shape)


def squeeze(a: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """``a`` without its axes of length 1, or without those given."""
    a = anything(a, "squeeze")
    return reshape(a, np.squeeze(np.broadcast_to(0, a.shape), axis).shape)


def flip(a: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """``a`` with the order of elements turned round along ``axis``."""
    a = anything(a, "flip")
    n = len(a.shape)
    turned = axes_of(axis, n)
    return index(a, tuple([slice(None, None, -1) if i in turned else slice(None) for i in range(n)]))


def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    """Arrays one after the other along ``axis``; raveled first, if it is None."""
    parts = [anything(a, "concatenate") for a in arrays]
    if not parts:
        raise ValueError("concatenate: there are no arrays; pass at least one")
    if axis is None:
        return concatenate_n(*[ravel(a) for a in parts])
    return concatenate_n(*parts, axis=axes_of(axis, len(parts[0].shape))[0])


def stack(arrays: Any, axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new ``axis``. Values make an array of Values."""
    parts = [anything(a, "stack") for a in arrays]
    if not parts:
        raise ValueError("stack: there are no arrays; pass at least one")
    if len({a.shape for a in parts}) != 1:
        raise ValueError(f"stack: arrays must have one shape, not {', '.join([str(a.shape) for a in parts])}")
    return concatenate_n(*[expand_dims(a, axis) for a in parts], axis=axis)


def split(a: Any, sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """``a`` cut along ``axis`` into so many equal parts, or before the given places."""
    a = anything(a, "split")
    (axis,) = axes_of(axis, len(a.shape))
    n = a.shape[axis]
    if isinstance(sections, int | np.integer):
        if sections < 1 or n % sections:
            raise ValueError(f"split: an axis of length {n} does not part into {sections} equal parts")
        sections = [n // sections * i for i in range(1, int(sections))]
    before = (slice(None),) * axis
    return [index(a, (*before, slice(start, stop))) for start, stop in pairwise([0, *sections, n])]


def pad(a: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0.0) -> Any:
    """``np.pad``: a margin around ``a``, of a constant or (by another of NumPy's modes that repeat elements) of its elements.

    Raises:
        ValueError: a mode that computes its margin (``mean``, ``linear_ramp``, …).
    """
    a = anything(a, "pad")
    given = np.broadcast_to(pad_width, (len(a.shape), 2))
    if given.dtype.kind not in "iu" or (given < 0).any():
        raise ValueError(f"pad: pad_width is made of whole numbers of at least 0, not {pad_width!r}")
    widths = tuple([(int(before), int(after)) for before, after in given])
    if mode == "constant":
        if isinstance(constant_values, Node):
            raise TypeError("pad: constant_values takes no gradient; pass a plain number, or concatenate() the margin")
        return pad_constant(a, widths, float(constant_values))
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(f"pad: mode is constant, edge, reflect, symmetric or wrap, not {mode!r}")
    places = [np.pad(np.arange(n), width, mode=mode) for n, width in zip(a.shape, widths)]  # type: ignore[call-overload]
    return index(a, np.ix_(*places))


def take(a: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements (or slices along ``axis``) at ``indices``."""
    a = ravel(a) if axis is None else anything(a, "take")
    places = as_places(indices) if isinstance(indices, Node) else None
    if places is None:
        places = np.asarray(indices)
        if places.dtype.kind not in "iub" and places.size:
            raise TypeError(f"take: indices are whole numbers, not {places.dtype}")
        places = places.astype(int)
    return index(a, (slice(None),) * axes_of(axis or 0, len(a.shape))[0] + (places,))


def diagonal(a: Any, offset: int = 0) -> Any:
    """The diagonal of a matrix; with an offset, one above or (negative) below it."""
    a = anything(a, "diagonal")
    if len(a.shape) != 2:
        raise ValueError(f"diagonal: takes a matrix, not an array of shape {a.shape}")
    return index(a, _on_diagonal(a.shape, offset))


def diag(a: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix with ``a`` on its diagonal."""
    a = anything(a, "diag")
    if len(a.shape) != 1:
        return diagonal(a, k)
    n = a.shape[0] + abs(k)
    return scatter_add(a, _on_diagonal((n, n), k), (n, n))


def trace(a: Any, offset: int = 0) -> Any:
    """The sum of the diagonal of a matrix."""
    return diagonal(a, offset).sum()


def _on_diagonal(shape: tuple[int, int], offset: int) -> tuple[Any, Any]:
    n = max(min(shape[0] + min(offset, 0), shape[1] - max(offset, 0)), 0)
    places = np.arange(n)
    return places - min(offset, 0), places + max(offset, 0)
