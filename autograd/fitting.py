"""How a cotangent is fitted to its node: broadcasting undone, dtype restored. Here, so that no rule thinks of it.

fit ...... a cotangent in a given shape and dtype, read with any namespace
gather ... add it to the gradient of a node that holds an array
share .... the same, of an array that is also kept elsewhere
"""

from typing import Any

import numpy as np

from . import arrays


def fit(xp: Any, c: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """``c`` summed over the axes along which ``shape`` was broadcast, and in ``dtype``."""
    extra = len(c.shape) - len(shape)
    stretched = tuple([i for i, n in enumerate(c.shape) if i < extra or (shape[i - extra] == 1 and n != 1)])
    if stretched:
        c = xp.sum(c, axis=stretched, keepdims=True)
    if c.shape != shape:
        if extra < 0 or c.shape[extra:] != shape:
            raise TypeError(f"a cotangent of shape {c.shape} came for a number of shape {shape}; look at the vjp of the op")
        c = xp.reshape(c, shape)
    return c if c.dtype == dtype else xp.astype(c, dtype)


def gather(x: Any, c: Any) -> None:
    """Add ``c``, an array made for this, to the gradient of ``x``. Sums are new arrays: a gradient may be seen elsewhere."""
    data = x._data
    if c.shape != data.shape or c.dtype != data.dtype:
        c = fit(arrays, c, data.shape, data.dtype)
    before = x._grad
    x._grad = c if type(before) is float else before + c


def share(x: Any, c: Any) -> None:
    """Add ``c``, which others see too, to the gradient of ``x``. A leaf keeps an array of its own: users may write to it."""
    gather(x, np.array(c) if x.op is None else c)
