"""micrograd's two drawing functions, under its names: ``draw_dot`` and ``trace``.

>>> draw_dot(loss).render("graph")  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, TypeVar

from autograd import Node

from .diagram import Hide, describe, visible
from .dot import Direction, digraph

if TYPE_CHECKING:
    import graphviz

N = TypeVar("N", bound=Node)


def draw_dot(
    root: Node, format: str = "svg", rankdir: Direction = "LR", *, hide: Hide | None = None, max_nodes: int = 1000
) -> "graphviz.Digraph":
    """The graph behind ``root`` for Graphviz; it needs the program ``dot`` to be seen (``draw`` needs none).

    Args:
        root: the result to look back from.
        format: what ``render`` makes of it: ``svg``, ``png``, ``pdf``, …
        rankdir: ``LR`` from left to right, ``TB`` from top to bottom.
        hide: as in ``draw``.
        max_nodes: as in ``draw``.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: another ``rankdir``, an unknown format, or too many nodes.
    """
    return digraph(describe(root, hide=hide, max_nodes=max_nodes), format=format, rankdir=rankdir)


def trace(root: N) -> tuple[list[N], list[tuple[N, N]]]:
    """The nodes behind ``root`` in topological order, and the edges as ``(operand, node)``; ``x * x`` has two.

    Raises:
        TypeError: ``root`` is not a node.
    """
    nodes = visible(root)
    return nodes, [(x, node) for node in nodes for x in node.inputs]
