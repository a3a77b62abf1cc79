"""From a Tensor to its Values and back, as ops on the graph, so that gradients cross over.

to_values ..... each element as a node of its own
from_values ... one node of many elements
"""

from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import ops
from .graph import Node, constant, fold, record
from .operands import as_array
from .primitive import PRIMITIVES, Bound, Structural

N = TypeVar("N", bound=Node)


class Scattered:
    """The cotangent of an array of which only some elements have got one yet; they come one by one."""

    def __init__(self, like: Any, elements: dict[tuple[int, ...], Any]) -> None:
        self.like = like
        self.elements = elements

    def __add__(self, other: "Scattered") -> "Scattered":
        for place, g in other.elements.items():
            self.elements[place] = self.elements[place] + g if place in self.elements else g
        return self

    def whole(self) -> Any:
        """The cotangent as an array or, where its elements are nodes, as a node."""
        whole = np.zeros(self.like.shape, object)
        for place, g in self.elements.items():
            whole[place] = g
        if any(isinstance(g, Node) for g in self.elements.values()):
            return from_values(type(self.like), whole, self.like.dtype)
        return whole.astype(self.like.dtype)


class _Gathered(np.ndarray[Any, np.dtype[Any]]):
    """A gradient that nobody else holds, so that element by element can be written to it."""


class _Element(Structural):
    def cotangents(self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool], **settings: Any) -> Any:
        return [Scattered(operands[0], {settings["place"]: g})]


class _Together(Structural):
    def cotangents(
        self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool], **settings: Any
    ) -> Iterable[Any]:
        cotangents = to_values(g, type(operands[0])) if isinstance(g, Node) else np.asarray(g)
        return cotangents.ravel().tolist()


def _pull_element(node: Node) -> None:
    (array,) = node.inputs
    if type(array._grad) is not _Gathered:
        grad = np.zeros_like(array._data) if type(array._grad) is float else np.array(array._grad)
        array._grad = grad.view(_Gathered)
    array._grad[node.op.settings["place"]] += node._grad  # type: ignore[union-attr]


def _pull_together(node: Node) -> None:
    if type(node._grad) is not float:
        for x, g in zip(node.inputs, np.asarray(node._grad).ravel().tolist(), strict=True):
            if x._requires_grad:
                x._grad += g


def _enter(row: Structural, pull: Any, call: Any) -> Structural:
    object.__setattr__(row, "pull", pull)
    object.__setattr__(row, "call", call)
    PRIMITIVES[row.name] = row
    return row


def _element(xp: Any, a: Any, place: tuple[int, ...] = ()) -> Any:
    return a[place]


def _together(xp: Any, operands: Sequence[Any], shape: tuple[int, ...] = (), dtype: Any = "float64") -> Any:
    return np.array(operands, dtype).reshape(shape)


ELEMENT = _Element("element", _element, (None,), "[ ]", settings={"place": ()})
TOGETHER = _Together("together", _together, (None,), "Tensor", True, {"shape": (), "dtype": "float64"})


def to_values(tensor: Any, kind: type[Node]) -> NDArray[np.object_]:
    """The elements of ``tensor`` as nodes of ``kind``, in an array of its shape."""
    elements = np.empty(tensor.shape, object)
    unpacked = ops.positive(tensor)
    numbers = np.asarray(tensor._data)
    for place in np.ndindex(*tensor.shape):
        number = float(numbers[place])
        if unpacked._requires_grad and unpacked.op:
            elements[place] = record(kind, number, Bound(ELEMENT, {"place": place}, _pull_element), (unpacked,))
        else:
            elements[place] = constant(kind, number)
    return elements


def from_values(kind: type[N], values: Any, dtype: Any = np.float64) -> N:
    """A node of ``kind`` with ``values``, in an array or nested lists, for elements."""
    held = as_array(f"{kind.__name__}.of", values)
    if held.dtype == object and (odd := [x for x in held.flat if not isinstance(x, Node | Real)]):
        raise TypeError(f"{kind.__name__}.of takes Values and numbers, not {type(odd[0]).__name__}")
    elements = held.ravel().tolist()
    kinds = {type(x) for x in elements if isinstance(x, Node)}
    if len(kinds) > 1 or any(hasattr(k, "shape") for k in kinds):
        raise TypeError(f"{kind.__name__}.of takes Values and numbers, not {', '.join(sorted(k.__name__ for k in kinds))}")
    if not kinds:
        return kind(held.astype(dtype))
    (of,) = kinds
    nodes = tuple([x if isinstance(x, Node) else constant(of, of.coerce(x)) for x in elements])
    data = _together(None, [x._data for x in nodes], held.shape, dtype)
    op = Bound(TOGETHER, {"shape": held.shape, "dtype": dtype}, _pull_together)
    return (record if any(x._requires_grad for x in nodes) else fold)(kind, data, op, nodes)


_enter(ELEMENT, _pull_element, lambda tensor, place: tensor[place])
_enter(TOGETHER, _pull_together, from_values)
