"""Two graphs, or two backward passes, side by side: where they first part, by how much, and what that looks like.

numbers.py ......... when two numbers differ
sides.py ........... one side, as plain data
aligning.py ........ which node of one graph stands for which of the other
graphs.py .......... two walks compared step by step
own.py, looks.py ... a learner's own backward pass judged, and its slips by name
difference.py ...... the result, in words and as a picture

>>> from autograd import Value
>>> x = Value(3.0, label="x")
>>> y = x * x
>>> y.label = "y"
>>> diff({x: 3.0}, y).first.looks_like
('it took the place of what was there: = where += is meant', 'nothing came from here: detached, or left out')
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from autograd import Node, StaleGraphError

from ..steps import Walk, walk
from . import graphs
from .aligning import aligned, differences
from .difference import Difference
from .divergence import Change, Divergence
from .own import Own, judged
from .sides import Side

__all__ = ["Change", "Difference", "Divergence", "diff"]


def diff(a: Node | Walk[Any] | Own, b: Node | Walk[Any] | Own, *, tolerance: float = 1e-12) -> Difference:
    """Compare two graphs, or two backward passes, and find the first step in which they part.

    A side is one of these; not both may be of the last two kinds, which are a learner's own backward pass:

    - a node: the graph behind it, with the numbers that ``backward()`` gives;
    - a ``Walk``, which keeps the numbers of its moment; for before and after a training step, take ``walk(loss)`` before it;
    - gradients ``{node: gradient}`` of nodes of the other side, as they are when the pass is done;
    - the events of a loop in order, each a node and its gradient after it was given something: ``[(node, gradient), …]``.
      Of them the very first wrong step is found.

    Two graphs are aligned by labels that occur once in each, then from the results down, operand by operand. Each number of a
    learner's pass is judged from what the pass itself had before it, so another order of the steps is no fault.

    Args:
        a: one side. Between two graphs it is the one taken for right.
        b: the other side.
        tolerance: how far numbers may be apart, relative to their size, or to that of the numbers that were added.

    Raises:
        TypeError: a side is none of these, or both are a learner's pass.
        ValueError: ``tolerance`` is no number from 0 on, or a gradient is given of a node that is not in the graph.
        StaleGraphError, DomainError: as ``backward()``.

    >>> before = walk(loss)  # doctest: +SKIP
    >>> diff(before, model(x))  # after a training step: what moved most  # doctest: +SKIP
    >>> print(diff(loss, my_events).text())  # my own backward pass, in words  # doctest: +SKIP
    """
    if not 0 <= tolerance < float("inf"):
        raise ValueError(f"diff: tolerance is a number from 0 on, such as 1e-12, not {tolerance!r}")
    mine, theirs = _graph(a), _graph(b)
    if mine and theirs:
        return _graphs_compared(replace(mine, name="graph 1"), replace(theirs, name="graph 2"), tolerance)
    if mine:
        return _own_compared(mine, _own(b), tolerance)
    if theirs:
        return _own_compared(theirs, _own(a), tolerance).swapped()
    raise TypeError("diff: one side is a graph, a node or walk(node); gradients and events are judged against it")


def _graphs_compared(a: Side, b: Side, tolerance: float) -> Difference:
    pairs = aligned(a, b)
    first = next(graphs.divergences(a, b, pairs, tolerance), None)
    changes = graphs.changes(a, b, pairs, tolerance) if first else []
    return Difference(first, tuple(changes), tuple(differences(a, b, pairs)), a, b, pairs)


def _own_compared(right: Side, own: Own, tolerance: float) -> Difference:
    gradients, first = judged(right, own, tolerance)
    learners = Side(right.walk, gradients, "yours")
    pairs = {key: key for key in gradients}
    changes = graphs.changes(right, learners, pairs, tolerance) if first else []
    return Difference(first, tuple(changes), (), right, learners, pairs)


def _graph(side: Any) -> Side | None:
    if isinstance(side, Node):
        try:
            return Side(walk(side))
        except StaleGraphError as error:
            error.add_note("diff: to compare before and after a step, take walk(root) before it, and give that.")
            raise
    return Side(side) if isinstance(side, Walk) else None


def _own(side: Any) -> Own:
    if isinstance(side, Mapping) or (isinstance(side, Iterable) and not isinstance(side, str | bytes)):
        return side
    raise TypeError(
        "diff takes a node, walk(node), gradients {node: gradient} or events [(node, gradient), …], "
        f"not {type(side).__name__}"
    )
