"""The two kinds of number that a model is made of: Values, each scalar visible, and Tensors, fast.

A module keeps a block of parameters as one Tensor, or as an array of Values; the functions of ``autograd`` take both.

a new block ................. block
its leaves .................. leaves
its numbers and gradients ... numbers, gradient, write
what a model is given ....... given, elements, one_hot
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import autograd as ag
from autograd import Node, Tensor, Value

Kind: TypeAlias = type[Value] | type[Tensor]
Leaf: TypeAlias = Value | Tensor
Block: TypeAlias = Tensor | NDArray[np.object_]  # an array of Values

Floats: TypeAlias = NDArray[np.floating[Any]]


def block(kind: Kind, data: ArrayLike, label: str = "", *, requires_grad: bool = True) -> Any:
    """``data`` as parameters: a Tensor; or an array of Values, labelled ``w[0,1]``; or a Value, if it is one number.

    Raises:
        TypeError: ``kind`` is neither Value nor Tensor.
    """
    if not isinstance(kind, type) or not issubclass(kind, Value | Tensor):
        raise TypeError(f"kind is Value (each scalar visible) or Tensor (fast), not {kind!r}")
    array = np.asarray(data, dtype=np.float64)
    if issubclass(kind, Tensor) or not array.ndim:
        return kind(array if array.ndim else array[()], label=label, requires_grad=requires_grad)
    values = np.empty(array.shape, dtype=object)
    for place, number in np.ndenumerate(array):
        name = f"{label}[{','.join(map(str, place))}]" if label else ""
        values[place] = kind(number, label=name, requires_grad=requires_grad)
    return values


def leaves(block: Block) -> list[Any]:
    """The leaves that a block is made of."""
    return [block] if isinstance(block, Tensor) else block.ravel().tolist()


def numbers(block: Block) -> Floats:
    """A copy of a block's numbers."""
    return np.array(block.data) if isinstance(block, Tensor) else np.array(block, dtype=np.float64)


def write(block: Block, array: Floats) -> None:
    """Give each leaf of a block its part of ``array``."""
    data = [array] if isinstance(block, Tensor) else array.ravel().tolist()
    for leaf, datum in zip(leaves(block), data, strict=True):
        leaf.data = datum


def gradient(block: Block) -> Floats:
    """A copy of a block's gradient."""
    if isinstance(block, Tensor):
        return np.array(block.grad)
    return np.array([value.grad for value in block.ravel().tolist()], dtype=np.float64).reshape(block.shape)


def elements(x: Any) -> Any:
    """``x`` as the functions of ``autograd`` take it: a node as it is, nested lists as the array that they are.

    Raises:
        TypeError: it is a list of Tensors, which is no batch.
        ValueError: it is no rectangle.
    """
    if isinstance(x, Node | np.ndarray):
        return x
    first = x
    while isinstance(first, list | tuple | np.ndarray) and len(first):
        first = first[0]
    if isinstance(first, Tensor):
        raise TypeError("a list of Tensors is no batch; stack() them into one Tensor")
    try:
        return np.array(x)
    except ValueError:
        raise ValueError("lists that differ in length are no batch; pass a rectangle of numbers") from None


def given(like: Block | Value | None, x: Any) -> Any:
    """``x`` as operands beside parameters ``like``: numbers become constants of their kind and dtype (beside none, Values);
    nodes stay."""
    x = elements(x)
    if isinstance(x, Node):
        return x
    if isinstance(like, Tensor):
        return x if x.dtype == object else Tensor(x, dtype=like.dtype, requires_grad=False)
    if x.dtype == object and all(type(element) is Value for element in x.flat):
        return x
    values = (e if isinstance(e, Node) else Value(e, requires_grad=False) for e in x.ravel().tolist())
    return np.fromiter(values, object, x.size).reshape(x.shape)


def one_hot(places: Any, n: int, dtype: DTypeLike) -> Any:
    """Whole numbers below ``n`` as rows, 1 at the place and else 0. Of nodes they are computed, not looked up, since a compiled
    step is given other places each time."""
    if not isinstance(places, Tensor) and places.dtype == object:
        return 1.0 - ag.step(ag.abs(places[..., None] - np.arange(n).astype(object)))
    return (places[..., None] == np.arange(n)).astype(dtype)
