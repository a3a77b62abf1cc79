"""Open a node of many operands into the chain of elementary nodes it stands for."""

import copy
from contextvars import Context
from typing import TypeVar

from autograd import Node, ops, topological_order

N = TypeVar("N", bound=Node)


def opened(root: N) -> N:
    """A copy of the graph behind ``root`` with each ``weighted_sum``, ``add_n`` and ``logaddexp`` as its chain of nodes.

    All nodes keep label, data and gradient; the new ones have the gradients they would have had. The graph is not touched.

    Raises:
        TypeError: ``root`` is not a node.

    >>> y = weighted_sum(x1, x2, w1, w2)  # doctest: +SKIP
    >>> draw(opened(y))  # x1 * w1 + x2 * w2  # doctest: +SKIP
    """
    if not isinstance(root, Node):
        raise TypeError(f"opened takes a Value, not {type(root).__name__}")
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
    inner = [x for x in topological_order(chain) if x.inputs]
    for x in inner:
        x.inputs = tuple([operands.get(y, y) for y in x.inputs])
    node.op, node.inputs = chain.op, chain.inputs
    return [*inner[:-1], node]
