"""The chain rule once more, as a function from cotangents to cotangents that writes to no node.

``backward`` leaves gradients on nodes, to be looked at. ``Pullback`` returns them, and only those that are asked for: as plain
numbers or, its rules read with nodes, as nodes that can be differentiated again. That is all that higher orders need.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from . import arrays, ops
from .crossing import Scattered
from .fitting import fit
from .graph import Node, check_fresh, constant, explained, leaves_and_computed
from .pulling import check_cotangent
from .recording import no_exit

# How many transforms and tapes are at work around here, each of which may differentiate what is computed now.
_watching: ContextVar[int] = ContextVar("watching", default=0)


def is_watched() -> bool:
    """Whether a derivative computed now may itself be differentiated by a transform or a tape around it."""
    return _watching.get() > 0


@contextmanager
def watching() -> Iterator[None]:
    """Derivatives computed within are to be differentiable."""
    _watching.set(_watching.get() + 1)
    try:
        yield
    finally:
        _watching.set(max(_watching.get() - 1, 0))  # not reset: tapes may end in any order


class _Seen(set[Node]):
    """The nodes that a walk has seen, or that it need not see: those made before a time."""

    since = -1

    def __contains__(self, node: object) -> bool:
        return super().__contains__(node) or node._time < self.since  # type: ignore[attr-defined]


class Pullback:
    """From cotangents of ``roots`` to those of ``sources``.

    Args:
        roots: results.
        sources: nodes behind them, leaves or computed.
        opaque: sources behind which the walk need not look, since no other source lies there.
        since: nodes made before that time need not be looked at either.

    Raises:
        StaleGraphError: a leaf was written after the results were computed from it.
    """

    def __init__(
        self, roots: Sequence[Node], sources: Sequence[Node], opaque: Sequence[Node] | None = None, since: int = -1
    ) -> None:
        seen = _Seen(sources if opaque is None else opaque)
        seen.since = since
        leaves = [x for x in seen if x.op is None]
        computed: list[Node] = []
        for root in dict.fromkeys(roots):
            more_leaves, more = leaves_and_computed(root, seen)
            leaves += more_leaves
            computed += more
        check_fresh(leaves, computed)
        reached = set(sources)
        self.roots = list(roots)
        self._sources = list(sources)
        self._order: list[tuple[Node, list[bool]]] = []
        for node in computed:
            wanted = [x in reached for x in node.inputs]
            if any(wanted) and _has_derivative(node):
                reached.add(node)
                self._order.append((node, wanted))
        self._order.reverse()
        self._reached = reached

    def numbers(self, cotangents: Sequence[Any]) -> list[Any]:
        """Cotangents of the sources as plain numbers and arrays, None where none comes, given those of the roots likewise."""
        return self._walk(cotangents, on_nodes=None)

    def nodes(self, cotangents: Sequence[Node], xp: Any = ops) -> list[Any]:
        """The same as nodes, computed on the graph from nodes, by rules read with ``xp``."""
        with no_exit():
            return self._walk(cotangents, on_nodes=xp)

    def _walk(self, cotangents: Sequence[Any], on_nodes: Any) -> list[Any]:
        arrived: dict[Node, Any] = {}
        sources = set(self._sources)
        for root, g in zip(self.roots, cotangents, strict=True):
            if root in self._reached:
                arrived[root] = arrived[root] + g if root in arrived else g
        for node, wanted in self._order:
            if node not in arrived:
                continue
            g = arrived[node]
            if isinstance(g, Scattered):
                g = arrived[node] = g.whole()
            if node not in sources:  # it has been of use
                del arrived[node]
            try:
                for x, c in _handed_on(node, g, wanted, on_nodes):
                    arrived[x] = arrived[x] + c if x in arrived else c
            except Exception as error:
                raise explained(error, node) from None
        found = [arrived.get(x) for x in self._sources]
        return [g.whole() if isinstance(g, Scattered) else g for g in found]


def _has_derivative(node: Node) -> bool:
    """Whether it holds real numbers, not truths or whole numbers, as some that are compiled do."""
    dtype = getattr(node._data, "dtype", None)
    return dtype is None or dtype.kind == "f"


def _handed_on(node: Node, g: Any, wanted: list[bool], on_nodes: Any) -> Iterator[tuple[Node, Any]]:
    """The operands of ``node`` that want a cotangent, each with what the cotangent ``g`` of the node makes of it."""
    op: Any = node.op
    if on_nodes is None:
        cotangents = op.cotangents(type(node).xp, g, node._data, [x._data for x in node.inputs], wanted)
    else:
        cotangents = op.cotangents(on_nodes, g, node, node.inputs, wanted)
    for x, want, c in zip(node.inputs, wanted, cotangents, strict=True):
        if want and c is not None:
            if not isinstance(c, Scattered):
                check_cotangent(x, c)
                if type(x).xp is arrays:
                    c = fit(on_nodes or arrays, c, np.shape(x._data), x._data.dtype)
            yield x, c


def zeros(node: Node) -> Any:
    """The cotangent 0 of ``node``, as a plain number or array."""
    return np.zeros_like(node._data) if type(node).xp is arrays else 0.0


def basis(node: Node) -> list[Any]:
    """The unit cotangents of ``node``, as plain numbers or arrays, one for each of its elements."""
    if type(node).xp is not arrays:
        return [1.0]
    shape = np.shape(node._data)
    units = np.eye(int(np.prod(shape, dtype=int)), dtype=np.asarray(node._data).dtype)
    return [unit.reshape(shape) for unit in units]


def as_node(x: Any, like: Node) -> Node:
    """``x`` as a constant of the kind of ``like``."""
    return x if isinstance(x, Node) else constant(type(like), x)
