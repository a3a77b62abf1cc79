"""How a cotangent is fitted to its node: broadcasting undone, dtype restored. Here, so that no rule thinks of it.

fit ...... a cotangent in a given shape and dtype, read with any namespace
gather ... add it to the gradient of a node that holds an array
share .... the same, of an array that is also kept elsewhere
"""

from typing import Any

import numpy as np

from . import arrays
from .errors import CotangentError


def fit(xp: Any, c: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """``c`` summed over the axes along which ``shape`` was broadcast, and in ``dtype``."""
    given = c.shape
    extra = len(given) - len(shape)
    if extra > 0:
        c = xp.sum(c, 0 if extra == 1 else tuple(range(extra)))
    if c.shape != shape:
        stretched = tuple([i for i, (m, n) in enumerate(zip(c.shape, shape)) if n == 1 and m != 1])
        c = xp.sum(c, stretched, True) if extra >= 0 and stretched else c
        if c.shape != shape:
            raise CotangentError(f"a cotangent of shape {given} came for a number of shape {shape}; look at the vjp")
    if c.dtype == dtype:
        return c
    if c.dtype.kind != "f":
        raise CotangentError(f"a cotangent of {c.dtype} came, which is not made of floats")
    return xp.astype(c, dtype)


def gather(x: Any, c: Any) -> None:
    """Add ``c``, an array made for this, to the gradient of ``x``. Sums are new arrays: a gradient may be seen elsewhere."""
    data = x._data
    if c.shape != data.shape or c.dtype is not data.dtype:
        c = fit(arrays, c, data.shape, data.dtype)
    before = x._grad
    x._grad = c if type(before) is float else before + c


def share(x: Any, c: Any) -> None:
    """Add ``c``, which others see too, to the gradient of ``x``. A leaf keeps an array of its own: users may write to it."""
    if c.shape != x._data.shape:
        gather(x, c)  # which makes another of it
    else:
        gather(x, np.array(c) if x.op is None else c)
