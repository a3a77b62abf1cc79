"""The array that a node hands out: a copy, so that nothing written to it gets into the graph; and locked, so that nobody
believes it would.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Held(np.ndarray[Any, np.dtype[Any]]):
    """A read-only copy of a node's array. What is computed from it is an ordinary array.

    Gradients are computed from the arrays on the graph later, so only their nodes write to them. ``t.data -= step`` computes a
    new array, which the assignment then gives to the leaf, and ``t.data[0] = 1.0`` says what to write in its place.
    """

    def __setitem__(self, key: Any, value: Any) -> None:
        if not self.flags.writeable:
            raise ValueError("this array belongs to a Tensor and is read-only; write t[...] = value, or t.data = a new array")
        super().__setitem__(key, value)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else array.view(np.ndarray)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    # Each gives an array of another kind than it was given, which is the point of them.
    # fmt: off
    def __iadd__(self, other: Any) -> Any: return _fresh(np.add, self, other)  # type: ignore[misc]
    def __isub__(self, other: Any) -> Any: return _fresh(np.subtract, self, other)  # type: ignore[misc]
    def __imul__(self, other: Any) -> Any: return _fresh(np.multiply, self, other)  # type: ignore[misc]
    def __itruediv__(self, other: Any) -> Any: return _fresh(np.true_divide, self, other)  # type: ignore[misc]
    def __ipow__(self, other: Any) -> Any: return _fresh(np.power, self, other)  # type: ignore[misc, override]
    # fmt: on


def _fresh(function: np.ufunc, a: Held, other: Any) -> Any:
    """What the operator gives, in the dtype and shape of ``a`` as in any write into it."""
    plain = a.view(np.ndarray)
    return function(plain, other, out=plain if a.flags.writeable else np.empty_like(plain), casting="same_kind")


def locked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A user's function of arrays, which is kept from writing to those it is given; ours do not."""
    if (function.__module__ or "").startswith("autograd."):
        return function

    @functools.wraps(function)
    def called(xp: Any, *operands: Any, **settings: Any) -> Any:
        result = function(xp, *map(_to_read, operands), **settings)
        if type(result) is not np.ndarray:
            return result
        if result.dtype.kind not in "fO":
            raise TypeError(f"{function.__name__} gave an array of {result.dtype}, and a Tensor holds floats")
        return np.array(result)  # it may keep that, and write to it

    return called


def _to_read(x: Any) -> Any:
    if isinstance(x, list):
        return [*map(_to_read, x)]
    if type(x) is not np.ndarray:
        return x
    seen = x.view()
    seen.flags.writeable = False
    return seen


def held(array: NDArray[Any]) -> Held:
    """A read-only copy of ``array``."""
    copy = np.array(array).view(Held)
    copy.flags.writeable = False
    return copy
