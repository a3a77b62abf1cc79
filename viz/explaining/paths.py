"""The paths from one node to another, and the local derivatives along them.

between ... all that lies between two nodes: edges, each with its local derivative and what it carries
ranked .... the paths of the largest products
count ..... how many paths there are
signed .... what those with a positive product add up to, and those with a negative one

>>> from autograd import Value
>>> x = Value(3.0)
>>> graph = between(x * x + x, x)
>>> count(graph), graph.total, [product for product, _ in ranked(graph, 2)]
(3, 7.0, [3.0, 3.0])
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from autograd import Node, arrays, topological_order
from autograd.graph import check_fresh, leaves_and_computed

from ..steps import handed_on


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` is operand number ``position`` (from 0) of ``target``; both are keys, places in topological order."""

    source: int
    target: int
    position: int
    local: float  # ∂target/∂source by way of this operand
    amount: float  # what backward() adds to the source's gradient along it


@dataclass(frozen=True, slots=True)
class Between:
    """What lies on paths from ``start`` to ``end``, and the gradients that ``backward()`` brings there."""

    keys: dict[Node, int]  # of all nodes behind the root, in topological order
    start: int  # -1 where no path leads from it, since it is not behind the root, or a constant
    end: int
    seed: float
    into: dict[int, tuple[Edge, ...]]  # the edges into each node that is reached, which come in topological order
    grads: dict[int, float]

    @property
    def total(self) -> float:
        """The gradient of the start."""
        return self.grads[self.start]

    @property
    def edges(self) -> Iterator[Edge]:
        """Every edge, by target in topological order, then position."""
        return (edge for edges in self.into.values() for edge in edges)


def between(root: Node, wrt: Node, seed: float = 1.0) -> Between:
    """All paths from ``wrt`` to ``root``, with the numbers of ``root.backward(seed)``. No node is touched.

    Raises:
        TypeError: a path leads through an array.
        StaleGraphError, DomainError: as ``backward()``.
    """
    check_fresh(*leaves_and_computed(root))
    nodes = topological_order(root)
    keys = {node: key for key, node in enumerate(nodes)}
    start = keys.get(wrt, -1) if wrt.requires_grad else -1
    reached = {start: None}
    for key in range(start + 1, len(nodes) if start >= 0 else 0):
        if any(keys[x] in reached for x in nodes[key].inputs):
            reached[key] = None
            if type(nodes[key]).xp is arrays:
                raise TypeError(
                    f"explain: a path leads through {nodes[key].name}, an array of shape {np.shape(nodes[key]._data)}, and "
                    "paths are followed from number to number; compute with Values alone (values() gives those of a Tensor)"
                )
    grads = dict.fromkeys(reached, 0.0)
    grads[len(nodes) - 1] = seed
    into: dict[int, tuple[Edge, ...]] = {start: ()}
    for key in reversed([key for key in reached if key != start]):
        node, edges = nodes[key], []
        local = dict(handed_on(node, 1.0))
        amounts = list(local.items()) if grads[key] == 1.0 else handed_on(node, grads[key])
        carried = dict(amounts)
        for position, amount in amounts:
            source = keys[node.inputs[position]]
            if source in reached:
                grads[source] += amount
        for position, x in enumerate(node.inputs):
            if keys[x] in reached:  # an op may give some operand nothing
                edges.append(Edge(keys[x], key, position, float(local.get(position, 0.0)), float(carried.get(position, 0.0))))
        into[key] = tuple(edges)
    in_order = {key: into[key] for key in reached}
    return Between(keys, start, len(nodes) - 1, seed, in_order, grads)


# A product is kept as mantissa and exponent, so that none overflows or underflows on the way and all can be compared.
_Product: TypeAlias = tuple[float, int]
_Partial: TypeAlias = tuple[
    _Product, Edge | None, int
]  # a path so far: its product, its last edge, its rank at the edge's source


def ranked(graph: Between, paths: int) -> list[tuple[float, tuple[Edge, ...]]]:
    """The ``paths`` paths of the largest absolute products, each with its product; of equals, first operands first.

    Rounding keeps order, so the best paths to a node are made of the best ones to its operands.
    """
    best: dict[int, list[_Partial]] = {graph.start: [(math.frexp(graph.seed), None, 0)]}
    for key, edges in graph.into.items():
        if key != graph.start:
            candidates: list[_Partial] = [
                (_times(product, edge.local), edge, rank)
                for edge in edges
                for rank, (product, _, _) in enumerate(best[edge.source])
            ]
            candidates.sort(key=_size, reverse=True)  # stable, also in reverse
            best[key] = candidates[:paths]
    found = []
    for (mantissa, exponent), last, rank in best.get(graph.end, []):
        edge, path = last, []
        while edge is not None:
            path.append(edge)
            _, edge, rank = best[edge.source][rank]
        found.append((_joined(mantissa, exponent), tuple(path[::-1])))
    return found


def _times(product: _Product, factor: float) -> _Product:
    mantissa, exponent = math.frexp(factor)
    mantissa, more = math.frexp(product[0] * mantissa)
    return mantissa, product[1] + exponent + more


def _size(partial: _Partial) -> tuple[float, float]:
    mantissa, exponent = partial[0]
    if mantissa == 0:
        return -math.inf, 0.0
    return (exponent, abs(mantissa)) if math.isfinite(mantissa) else (math.inf, 0.0)


def _joined(mantissa: float, exponent: int) -> float:
    try:
        return math.ldexp(mantissa, exponent)
    except OverflowError:
        return math.copysign(math.inf, mantissa)


def count(graph: Between) -> int:
    """How many paths there are; an operand used twice is on two."""
    uses = Counter([edge.source for edge in graph.edges])
    ways = {graph.start: 1}
    for key, edges in graph.into.items():
        if key != graph.start:
            ways[key] = sum([ways[edge.source] for edge in edges])
        for edge in edges:  # the numbers may be long: keep none for longer than it is needed
            uses[edge.source] -= 1
            if not uses[edge.source]:
                ways.pop(edge.source)
    return ways.get(graph.end, 0)


def signed(graph: Between) -> tuple[float, float]:
    """What the paths of positive products add up to, and those of negative ones."""
    up, down = {graph.start: max(graph.seed, 0.0)}, {graph.start: min(graph.seed, 0.0)}
    for key, edges in graph.into.items():
        if key != graph.start:
            up[key] = sum([(up if edge.local > 0 else down)[edge.source] * edge.local for edge in edges])
            down[key] = sum([(down if edge.local > 0 else up)[edge.source] * edge.local for edge in edges])
    return up.get(graph.end, 0.0), down.get(graph.end, 0.0)
