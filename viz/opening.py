"""Open what stands for many nodes into the elementary nodes it stands for.

opened .... a node of many operands, a weighted sum say, into its chain
scalars ... Tensors, into a graph of Values
"""

import copy
from collections.abc import Sequence
from contextvars import Context
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd import Node, Tensor, Value, objects, ops, topological_order, weighted_sum
from autograd.crossing import TOGETHER
from autograd.primitive import Elementwise
from autograd.recording import no_exit

N = TypeVar("N", bound=Node)
Objects = NDArray[np.object_]


def opened(root: N) -> N:
    """A copy of the graph behind ``root`` with each ``weighted_sum``, ``add_n`` and ``logaddexp`` as its chain of nodes.

    All nodes keep label, data and gradient; the new ones have the gradients they would have had. The graph is not touched.

    Raises:
        TypeError: ``root`` is not a node.

    >>> y = weighted_sum(x1, x2, w1, w2)  # doctest: +SKIP
    >>> draw(opened(y))  # x1 * w1 + x2 * w2  # doctest: +SKIP
    """
    if not isinstance(root, Node):
        raise TypeError(f"opened takes a Value or a Tensor, not {type(root).__name__}")
    twin = copy.deepcopy(root)
    waiting: list[Node] = [*topological_order(twin)]
    while waiting:
        node = waiting.pop()
        if node.op is not None and node.op.is_chain:
            waiting += _open(node)
    return twin


def _open(node: Node) -> list[Node]:
    """Put the chain in place of ``node``'s op; returns the nodes that are new, and ``node``, which may want opening again."""
    assert node.op is not None
    # Stand-ins for the operands keep the gradients that pass through the chain from reaching the rest of the graph.
    operands = {type(node)(x.data): x for x in node.inputs}
    # A row read with nodes for operands is its chain. An empty context records, whatever the caller's does.
    chain = Context().run(node.op.apply, ops, list(operands))
    if chain.op is None:  # one operand is its own sum
        return []
    chain.backward(node.grad)
    inner = _joined(chain, operands, node)
    node.op, node.inputs = chain.op, chain.inputs
    return [*inner[:-1], node]


def _joined(chain: Node, operands: dict[Any, Any], like: Node) -> list[Node]:
    """The computed nodes of ``chain``, made by the module of ``like``, with operands in the places of their stand-ins."""
    inner = [x for x in topological_order(chain) if x.inputs]
    for x in inner:
        x.inputs = tuple([operands.get(y, y) for y in x.inputs])
        x._note = like._note and replace(like._note, label="")
    return inner


def scalars(root: Tensor, *, max_nodes: int = 10_000) -> Any:
    """The graph behind a Tensor as a graph of Values, element by element: a matrix product as ``dot`` nodes, a sum as one node.

    Each Value has the gradient that its element holds, and those that are new the gradients they would have had. An element
    is labelled after its Tensor, ``w[0, 1]``. The graph is not touched.

    Args:
        root: the result to look back from.
        max_nodes: how many elements are accepted, in all Tensors together.

    Returns:
        A Value; of a root that has axes, an array of Values in its shape.

    Raises:
        TypeError: ``root`` is not a Tensor.
        ValueError: there are more elements than ``max_nodes``, or an op cannot be read element by element.

    >>> from autograd import Tensor
    >>> x = Tensor([1.0, 2.0], label="x")
    >>> scalars((x * x).sum())
    Value(5, grad=0)
    """
    if not isinstance(root, Tensor):
        raise TypeError(f"scalars takes a Tensor, not {type(root).__name__}")
    order: list[Node] = topological_order(root)
    size = sum([np.size(node._data) for node in order])
    if size > max_nodes:
        raise ValueError(
            f"scalars: the graph has {size:,} elements and the limit is {max_nodes:,}; "
            "open a part of it (an inner node), make the Tensors smaller, or raise the limit (max_nodes=)"
        )
    opened: dict[Node, Objects] = {}
    for node in order:
        opened[node] = _leaves(node) if node.op is None else _elements(node, [opened[x] for x in node.inputs])
    return opened[root][()]


def _leaves(node: Node) -> Objects:
    grads = np.broadcast_to(np.asarray(node._grad, float), np.shape(node._data))
    leaves = np.empty(np.shape(node._data), object)
    for place, x in np.ndenumerate(np.asarray(node._data)):
        leaf = Value(float(x), label=_label(node, place), requires_grad=node.requires_grad)
        leaf.grad = float(grads[place])
        leaves[place] = leaf
    return leaves


def _elements(node: Node, operands: Sequence[Objects]) -> Objects:
    """The elements of a computed node, with what lies between them and those of its operands."""
    real: dict[Any, Value] = {}  # by stand-in, as in _open
    stand_ins = []
    for array in operands:
        twins = np.empty(array.shape, object)
        for place, x in np.ndenumerate(array):
            twins[place] = Value(x._data, requires_grad=x.requires_grad)
            real[twins[place]] = x
        stand_ins.append(twins)
    elements = np.empty(np.shape(node._data), object)
    try:
        elements[...] = Context().run(no_exit()(_read), node, stand_ins)
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"scalars: '{node.op and node.op.name}' cannot be read element by element: {error}") from error
    for place, x in np.ndenumerate(elements):
        elements[place] = x if isinstance(x, Value) else Value(x, requires_grad=False)
    grads = np.broadcast_to(np.asarray(node._grad, float), elements.shape)
    made = [(x, float(grads[place]), place) for place, x in np.ndenumerate(elements) if x.op is not None]
    if made:
        # One pass back for all of them, from a sum in which each has its gradient for a weight.
        weights = [Value(grad, requires_grad=False) for _, grad, _ in made]
        total: Value = Context().run(weighted_sum, *[x for x, _, _ in made], *weights)
        total.backward()
        _joined(total, real, node)
        for x, _, place in made:
            x.label = _label(node, place)
    for place, x in np.ndenumerate(elements):
        elements[place] = real.get(x, x)
    return elements


def _read(node: Node, operands: Sequence[Objects]) -> Any:
    """The op of ``node`` of arrays of Values."""
    assert node.op is not None
    row = node.op.row
    if row is TOGETHER:
        return np.array([x[()] for x in operands], object).reshape(np.shape(node._data))
    if isinstance(row, Elementwise):
        shape = np.shape(node._data)
        z = np.empty(shape, object)
        columns = [np.broadcast_to(x, shape).ravel().tolist() for x in operands]
        z.ravel()[:] = [row.call(*xs) for xs in zip(*columns)]
        return z
    return node.op.apply(objects, operands)


def _label(node: Node, place: tuple[int, ...]) -> str:
    return f"{node.label}{list(place)}" if node.label and place else node.label
