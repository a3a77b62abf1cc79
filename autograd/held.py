"""The array that a node hands out: it can be read like any other, but not written behind the graph's back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Held(np.ndarray[Any, np.dtype[Any]]):
    """A read-only view of a node's array. What is computed from it is an ordinary array.

    Arrays on the graph are never written, since gradients are computed from them later; to write to a leaf is to replace its
    array. So ``t.data -= step`` computes a new array, which the assignment then gives to the leaf, and ``t.data[0] = 1.0`` says
    what to write in its place.
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
    """What the operator gives, in the dtype and shape of ``a`` as in any write into it; read-only, so it need not be copied."""
    if a.flags.writeable:
        return function(a, other, out=a)
    plain = a.view(np.ndarray)
    result = function(plain, other, out=np.empty_like(plain), casting="same_kind")
    result.flags.writeable = False
    return result


def held(array: NDArray[Any]) -> Held:
    """A read-only view of ``array``."""
    view = array.view(Held)
    view.flags.writeable = False
    return view


def own(array: NDArray[Any]) -> NDArray[Any]:
    """``array``, or a copy of it where someone else could write to it."""
    if type(array) is np.ndarray and array.base is None and not array.flags.writeable:
        return array
    return np.array(array)
