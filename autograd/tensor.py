"""Tensor: an array of real numbers on the graph."""

from collections.abc import Iterator
from sys import getrefcount
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import arrays, graph, ops
from .calling import as_places
from .crossing import from_values, to_values
from .fitting import share
from .held import held
from .numpy_protocol import array_function, array_ufunc
from .operators import Operand, Operators
from .recording import check_exit, witness
from .value import Value

Axis = arrays.Axis


class Tensor(Operators):
    """An array of floating point numbers that remembers how it was computed.

    Its functions, axes and broadcasting are NumPy's, and NumPy's own functions work on it: ``np.exp(t)``, ``np.sum(t, 0)``.

    Args:
        data: an array, a number, or nested lists of numbers, of a floating dtype; copied.
        label: the name it is drawn and reported under.
        requires_grad: False for a constant, which takes no gradient.
        dtype: to convert to; by default that of ``data`` is kept.

    Out of their domain functions give ``nan`` or ``inf`` and warn, as NumPy does (under ``np.errstate(all="raise")`` they raise
    ``DomainError``).

    Raises:
        TypeError: the dtype is not a floating one.
        ValueError: lists in ``data`` differ in length.

    >>> w = Tensor([[1.0, 2.0], [3.0, 4.0]], label="w")
    >>> (w @ w).sum().backward()
    >>> w.grad
    array([[ 7., 11.],
           [ 9., 13.]])
    """

    __slots__ = ()
    xp: ClassVar[Any] = arrays

    def __init__(self, data: Any, *, label: str = "", requires_grad: bool = True, dtype: DTypeLike | None = None) -> None:
        if dtype is not None:
            data = _converted(_as_array(data), dtype)
        super().__init__(data, label=label, requires_grad=requires_grad)

    @staticmethod
    def coerce(data: Any) -> NDArray[Any]:
        """``data`` as an array of its own."""
        array = _as_array(data)
        if array.dtype.kind != "f":
            _refuse_dtype(array.dtype)
        return array

    @classmethod
    def operand(cls, x: Any) -> Any:
        """``x`` as the datum of a constant: plain numbers stay plain, so that they take on the dtype of what they meet."""
        return x if isinstance(x, float | int) else _as_array(x)

    @property
    def data(self) -> Any:
        """The array, to read. Write to a leaf by ``t.data = array``, ``t.data -= step`` or ``t[key] = value``."""
        check_exit(self)
        return held(np.asarray(self._data))

    @data.setter
    def data(self, data: Any) -> None:
        array = self.coerce(data)
        if self.op is None and array.shape != self.shape:
            raise ValueError(f"data of {self.name} has shape {self.shape}; a new array must have it too, not {array.shape}")
        self._write(array.astype(self.dtype, copy=False))

    @property
    def grad(self) -> Any:
        """The gradient, an array of the same shape and dtype; zeros where none has come."""
        if type(self._grad) is not np.ndarray:
            self._grad = np.zeros(self.shape, self.dtype) if type(self._grad) is float else np.array(self._grad)
        if self.op is None:
            return self._grad
        seen = self._grad.view()  # others may hold the same array
        seen.flags.writeable = False
        return seen

    @grad.setter
    def grad(self, grad: Any) -> None:
        if grad is None:
            raise TypeError(f"grad of {self.name} is an array; to forget it call zero_grad()")
        array = np.array(grad, dtype=self.dtype)
        if array.shape not in ((), self.shape):
            raise ValueError(f"grad of {self.name} has its shape, {self.shape}, not {array.shape}")
        self._grad = np.array(np.broadcast_to(array, self.shape))

    def gather(self, cotangent: Any) -> None:
        """Add ``cotangent`` to the gradient."""
        share(self, cotangent)

    def descend(self, step: Any) -> None:
        """Take ``step``, an array made for this, from the numbers of a leaf: what an optimizer does."""
        # Written in place if nobody else holds the array: no view of it, no constant that shares it.
        alone = getrefcount(self._data) <= 2 and self.op is None
        self._write(np.subtract(self._data, step, out=self._data if alone else np.empty_like(self._data)))

    def backward(self, grad: Any = None) -> None:
        """Add ``d(self)/d(node) * grad`` to the gradient of every leaf behind this node, by the chain rule.

        Leaves accumulate until ``zero_grad``. Computed nodes get the gradient of this call alone, so calling twice is safe.

        Args:
            grad: the cotangent to start from, in the shape of this Tensor; 1, if it has a single element.

        Raises:
            ValueError: there are several elements and no cotangent, or it has another shape; or this node is a constant.
            StaleGraphError: a leaf was written after the graph was computed from it.

        Source: Griewank and Walther, *Evaluating Derivatives* (2008), section 3.2.
        """
        if grad is None:
            if self.size != 1:
                raise ValueError(
                    f"backward: {self.name} has shape {self.shape}, and a gradient is that of one number; reduce it first "
                    f"(sum(), mean()), or pass a cotangent of its shape, backward(array)"
                )
            graph.backward(self, np.ones(self.shape, self.dtype))
        else:
            graph.backward(self, _cotangent(grad, self))

    # -- what it is ------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """How long each axis is."""
        try:
            return self._data.shape
        except AttributeError:  # a plain number beside arrays
            return ()

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return np.ndim(self._data)

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(np.size(self._data))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The floating dtype of its elements."""
        return np.asarray(self._data).dtype

    def brief(self) -> str:
        """The number, if it is one, else the shape."""
        return f"{float(np.asarray(self._data).reshape(())):.6g}" if self.size == 1 else "×".join(map(str, self.shape))

    def item(self) -> float:
        """The only element as a plain float, out of the graph."""
        if self.size != 1:
            raise ValueError(f"item: {self.name} has shape {self.shape}, not one element")
        check_exit(self)
        return float(np.asarray(self._data).reshape(()))

    def __float__(self) -> float:
        return self.item()

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"the truth of {self.size} elements is not one; compare .data, and use any() or all()")
        if (by := witness()) is not None:
            by.decided(self)
        return bool(self._data)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __repr__(self) -> str:
        data = np.asarray(self._data)
        label = f", label={self.label!r}" if self.label else ""
        dtype = "" if data.dtype == np.float64 else f", {data.dtype}"
        if self.size > 12 or not self.size:
            return f"Tensor(shape={self.shape}{dtype}{label})"
        with np.printoptions(
            threshold=100,
            edgeitems=3,
            linewidth=75,
            legacy=False,
            precision=6,
            suppress=False,
            floatmode="maxprec",
            nanstr="nan",
            infstr="inf",
            sign="-",
        ):
            return f"Tensor({np.array2string(data, separator=', ', prefix='Tensor(')}{dtype}{label})"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a Tensor without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Self]:
        if not self.shape:
            raise TypeError("a Tensor without axes cannot be iterated over; item() gives its number")
        return (self[i] for i in range(len(self)))

    def __contains__(self, x: Any) -> bool:
        return bool(np.any(self._data == _numbers(x)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if self.requires_grad:
            raise TypeError(
                f"{self.name} would leave the graph by becoming an array; use .data for its numbers, stack() or "
                "concatenate() to join Tensors"
            )
        return np.array(self._data, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return array_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return array_function(func, args, kwargs)

    # -- elements --------------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Self:
        return ops.index(self, _places(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.op is not None:
            raise TypeError(
                f"{self.name} was computed, so it can't be written to; use where(), or compute a new Tensor from it"
            )
        if isinstance(value, Operators) or (isinstance(value, np.ndarray | list | tuple) and np.asarray(value).dtype == object):
            raise TypeError("writing nodes into a Tensor would cut their gradients; use where(), stack() or concatenate()")
        array = np.array(self._data)
        array[key] = _as_array(value)
        self._write(array)

    def values(self) -> NDArray[np.object_]:
        """Its elements as an array of Values of the same shape; gradients flow back through them.

        >>> t = Tensor([2.0, 5.0])
        >>> x, y = t.values()
        >>> (x * y).backward()
        >>> t.grad
        array([5., 2.])
        """
        return to_values(self, Value)

    @classmethod
    def of(cls, values: Any) -> Self:
        """A Tensor of Values (and plain numbers) in an array or nested lists; gradients flow back into them.

        >>> x, y = Value(2.0), Value(5.0)
        >>> Tensor.of([x, y]).prod().backward()
        >>> x.grad, y.grad
        (5.0, 2.0)
        """
        return from_values(cls, values)

    # -- operators and methods beyond those of a number ---------------------------------------------------------------------

    # fmt: off
    def __matmul__(self, other: Operand) -> Self: return ops.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Self: return ops.matmul(other, self)

    @property
    def T(self) -> Self: return ops.transpose(self)  # NumPy's name
    @property
    def mT(self) -> Self: return ops.swapaxes(self, -1, -2)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Self: return ops.sum(self, axis, keepdims)
    def mean(self, axis: Axis = None, keepdims: bool = False) -> Self: return ops.mean(self, axis, keepdims)
    def var(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Self:
        return ops.var(self, axis, ddof, keepdims)
    def std(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Self:
        return ops.std(self, axis, ddof, keepdims)
    def prod(self, axis: Axis = None, keepdims: bool = False) -> Self: return ops.prod(self, axis, keepdims)
    def max(self, axis: Axis = None, keepdims: bool = False) -> Self: return ops.max(self, axis, keepdims)
    def min(self, axis: Axis = None, keepdims: bool = False) -> Self: return ops.min(self, axis, keepdims)
    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Any: return ops.argmax(self, axis, keepdims)
    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Any: return ops.argmin(self, axis, keepdims)
    def cumsum(self, axis: int | None = None) -> Self: return ops.cumsum(self, axis)
    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Self: return ops.logsumexp(self, axis, keepdims)
    def softmax(self, axis: Axis = -1) -> Self: return ops.softmax(self, axis)
    def log_softmax(self, axis: Axis = -1) -> Self: return ops.log_softmax(self, axis)
    def norm(self, axis: Axis = None, keepdims: bool = False) -> Self: return ops.norm(self, None, axis, keepdims)
    def reshape(self, *shape: Any) -> Self: return ops.reshape(self, _shape(shape))
    def ravel(self) -> Self: return ops.reshape(self, -1)
    def flatten(self) -> Self: return ops.reshape(self, -1)
    def transpose(self, *axes: Any) -> Self: return ops.transpose(self, _shape(axes) if axes else None)
    def swapaxes(self, axis1: int, axis2: int) -> Self: return ops.swapaxes(self, axis1, axis2)
    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Self: return ops.squeeze(self, axis)
    def take(self, indices: Any, axis: int | None = None) -> Self: return ops.take(self, indices, axis)
    def dot(self, other: Operand) -> Self: return ops.dot(self, other)
    def diagonal(self, offset: int = 0) -> Self: return ops.diagonal(self, offset)
    def trace(self, offset: int = 0) -> Self: return ops.trace(self, offset)
    def astype(self, dtype: DTypeLike) -> Self: return ops.astype(self, dtype)
    # fmt: on


def _shape(shape: tuple[Any, ...]) -> Any:
    return shape[0] if len(shape) == 1 else shape


def _numbers(x: Any) -> Any:
    return x._data if isinstance(x, Operators) else x


def _places(key: Any) -> Any:
    """``key`` with its sequences as arrays of places or of truths."""
    if isinstance(key, tuple):
        return tuple([_places(part) for part in key])
    if isinstance(key, Operators):
        if (places := as_places(key)) is not None:
            return places
        raise TypeError(
            "a Tensor's place is named by whole numbers, slices or booleans, not by a node; pass its data as integers"
        )
    if key is None or key is ... or isinstance(key, int | np.integer | np.bool_ | slice | np.ndarray):
        return key
    if hasattr(key, "__index__"):
        return key.__index__()
    places = np.array(key)
    return places if places.size else places.astype(int)


def _cotangent(grad: Any, like: Tensor) -> NDArray[Any]:
    try:
        array = grad._data if isinstance(grad, Operators) else _as_array(grad)
    except (TypeError, ValueError) as error:
        raise type(error)(f"backward: of {like.name} the cotangent must be an array of numbers: {error}") from None
    if np.shape(array) != like.shape:
        raise ValueError(f"backward: the cotangent of {like.name} must have its shape, {like.shape}, not {np.shape(array)}")
    return np.array(array, like.dtype)


def _as_array(data: Any) -> NDArray[Any]:
    """Real numbers as an array of its own, whatever dtype they have."""
    if isinstance(data, Operators):
        raise TypeError(f"Tensor holds numbers, not a {type(data).__name__}; use it as it is, or its detach()")
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError("Tensor: the lists in data differ in length; pass a rectangle of numbers") from None
    if array.dtype.kind not in "fiub":
        _refuse_dtype(array.dtype)
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError("a Tensor has no mask; pass what is left, data.compressed(), or data.filled(number)")
    return array if isinstance(data, list | tuple) else np.array(array)


def _converted(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """``array`` in a floating dtype."""
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise TypeError(f"a Tensor is of a floating dtype, not {wanted}; for other numbers take those of .data")
    return array.astype(wanted)


def _refuse_dtype(dtype: np.dtype[Any]) -> NoReturn:
    ways = {
        "i": "pass floats, or dtype=float",
        "u": "pass floats, or dtype=float",
        "b": "pass floats, or dtype=float",
        "c": "pass the real and the imaginary part as two Tensors",
        "O": "for Values use Tensor.of(values); else pass a rectangle of numbers",
    }
    raise TypeError(f"Tensor holds floating point numbers, not {dtype}; {ways.get(dtype.kind, 'pass numbers')}")
