"""Why a gradient is what it is: the sum, over all paths, of products of local derivatives.

>>> from autograd import Value
>>> x = Value(3.0, label="x")
>>> print(explain(2 * x**2 + x, x).text())
∂v5/∂x = 13, the sum over 2 paths
  12   92.3%   6 × 2   x → v2 → v4 → v5
  1    7.7%    1       x → v5
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from autograd import Node, arrays

from ..diagram import describe, number
from ..steps import seed_of
from ..text import formulas, names
from ..words import printable
from .causes import Cause, causes
from .paths import Between, Edge, between, count, ranked, signed
from .told import Told, chained

_TINY = 1e-3  # a product or factor as small as that calls for a word
_SHOWN = 10  # causes


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the node asked about to the root. ``keys`` are places in topological order, as those of boxes and steps."""

    keys: tuple[int, ...]
    positions: tuple[int, ...]  # which operand of the next node each node is, but for the root
    names: tuple[str, ...]
    locals: tuple[float, ...]  # ∂next/∂node, likewise
    product: float  # of the locals, and of the cotangent started from
    share: float | None  # of the gradient; None where that is 0 or not finite


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Told):
    """A gradient as a sum over paths, largest products first: ``total = Σ path.product + rest``.

    A notebook shows it as a table; ``print(explanation.text())`` works anywhere.
    """

    root: str
    wrt: str
    seed: float  # the cotangent started from
    total: float  # what backward() adds to the gradient
    count: int  # of paths
    paths: tuple[Path, ...]  # those of the largest products
    rest: float  # what the other paths add up to, and the rounding of all
    positive: float  # what all paths of positive products add up to
    negative: float
    why: tuple[Cause, ...]  # it is 0, small, or not finite

    def text(self) -> str:
        """The paths in a table, and the causes of a gradient that is 0."""
        return "\n".join([self._title(), *_aligned(self._rows()), *[f"  {words}" for words in self._causes()]])

    def _title(self) -> str:
        seed = "" if self.seed == 1.0 else f" × {number(self.seed)}"
        title = f"∂{self.root}/∂{self.wrt}{seed} = {number(self.total)}"
        if not self.count:
            return f"{title}, with no path"
        if self.count == 1:
            return f"{title}, along the only path"
        signs = f": {number(self.positive)} and {number(self.negative)}" if self.positive and self.negative else ""
        return f"{title}, the sum over {_counted(self.count)} paths{signs}"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """Product, share, factors (but for those of 1) and nodes of each path shown, and of the others together."""
        rows = [
            (
                number(path.product),
                _percent(path.share),
                chained([number(x) for x in path.locals if x != 1.0], " × ") or "1",
                chained(path.names, " → "),
            )
            for path in self.paths
        ]
        others = self.count - len(self.paths)
        if others:
            told = f"{_counted(others)} other path{'s' if others > 1 else ''}"
            rows.append((number(self.rest), _percent(_share(self.rest, self.total)), "", told))
        return rows

    def _causes(self) -> list[str]:
        words = [cause.text for cause in self.why]
        return words if len(words) <= _SHOWN else [*words[: _SHOWN - 1], f"and {len(words) - _SHOWN + 1:,} more causes"]

    def _repr_html_(self) -> str:
        head = "".join([f'<th scope="col">{name}</th>' for name in ("product", "share", "factors", "path")])
        body = "".join(["<tr>" + "".join([f"<td>{escape(cell)}</td>" for cell in row]) + "</tr>" for row in self._rows()])
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
        why = "".join([f"<li>{escape(words)}</li>" for words in self._causes()])
        return f"<div><p>{escape(self._title())}</p>{table}{f'<ul>{why}</ul>' if why else ''}</div>"


def explain(root: Node, wrt: Node, *, paths: int = 5, grad: float | None = None) -> Explanation:
    """Why ``∂root/∂wrt`` is what it is: by the chain rule, the sum over all paths from ``wrt`` to ``root`` of the products of
    the local derivatives along each. Nodes have the names that ``draw(root).text()`` gives them. The graph is not touched.

    Args:
        root: the result, a Value.
        wrt: a Value, leaf or computed.
        paths: how many to show.
        grad: the cotangent to start from, a factor of every path; by default 1.

    Raises:
        TypeError: ``root`` or ``wrt`` is not a Value, or a path leads through a Tensor.
        ValueError: ``paths`` is less than 1.
        StaleGraphError, DomainError: as ``backward()``.

    Source: Bauer, *Computational graphs and rounding error* (1974), for the sum over paths.

    >>> from autograd import Value
    >>> x, y = Value(-1.0, label="x"), Value(0.0, label="y")
    >>> print(explain(x.relu() * y, x))
    ∂v3/∂x = 0, along the only path
      0   0 × 0   x → v1 → v3
      factor 0: ∂v3/∂v1 has the factor y = 0, in v3 = v1 * y
      closed gate: v1 = relu(x) passes nothing on to x, at x = -1
    """
    for role, node in (("root", root), ("wrt", wrt)):
        if not isinstance(node, Node):
            raise TypeError(f"explain: {role} is a Value, not {type(node).__name__}")
        if type(node).xp is arrays:
            raise TypeError(
                f"explain: {role} is a Tensor of shape {np.shape(node._data)}, and paths are followed from number to number; "
                "compute with Values (values() gives those of a Tensor), and ask about one of them"
            )
    if isinstance(paths, bool) or not isinstance(paths, int) or paths < 1:
        raise ValueError(f"explain: paths is how many to show, a whole number of at least 1, not {paths!r}")
    seed = seed_of(root, grad) if root.requires_grad else 1.0
    graph = between(root, wrt, seed)
    diagram = describe(root, max_nodes=len(graph.keys))
    called = [*names(diagram), printable(wrt.label) or number(wrt.data)]  # the last is of a node that is not behind the root
    found = [_path(product, edges, graph, called) for product, edges in ranked(graph, paths)]
    positive, negative = signed(graph)
    return Explanation(
        root=called[graph.end],
        wrt=called[graph.start],
        seed=seed,
        total=graph.total,
        count=count(graph),
        paths=tuple(found),
        rest=_rest(graph.total, [path.product for path in found]),
        positive=positive,
        negative=negative,
        why=_why(root, wrt, graph, called, formulas(diagram), found),
    )


def _path(product: float, edges: tuple[Edge, ...], graph: Between, called: Sequence[str]) -> Path:
    keys = (graph.start, *[edge.target for edge in edges])
    return Path(
        keys,
        tuple([edge.position for edge in edges]),
        tuple([called[key] for key in keys]),
        tuple([edge.local for edge in edges]),
        product,
        _share(product, graph.total),
    )


def _share(part: float, total: float) -> float | None:
    return part / total if total and math.isfinite(total) and math.isfinite(part / total) else None


def _rest(total: float, products: Sequence[float]) -> float:
    """``total - Σ products``, rounded once."""
    parts = [total, *[-product for product in products]]
    try:
        return math.fsum(parts)
    except (OverflowError, ValueError):  # on the way, or of infinities
        return sum(parts)


def _why(
    root: Node, wrt: Node, graph: Between, called: Sequence[str], written: Sequence[str], paths: Sequence[Path]
) -> tuple[Cause, ...]:
    end, start = called[graph.end], called[graph.start]
    if not (root.requires_grad and wrt.requires_grad):
        constant = start if root.requires_grad else end
        return (Cause("constant", f"constant: {constant} takes no gradient; it was made so, by detach(), or under no_grad()"),)
    if graph.start < 0:
        cut = "detach(), no_grad() and plain numbers such as .data leave no path"
        return (Cause("not connected", f"not connected: {end} was not computed from {start}; {cut}"),)
    if not math.isfinite(graph.total):
        return (Cause("not finite", "not finite: nonfinite() finds where that began"),)
    if not graph.seed:
        return (Cause("cotangent", "cotangent 0: that is what the backward pass starts from"),)
    return _small(graph, called, written, paths) if graph.total else causes(graph, called, written)


def _small(graph: Between, called: Sequence[str], written: Sequence[str], paths: Sequence[Path]) -> tuple[Cause, ...]:
    """The smallest factor on the first path, where the gradient is small and so is that."""
    first = paths[0]
    smallest = min(first.locals, key=abs, default=1.0)
    if abs(graph.total) > _TINY * abs(graph.seed) or abs(smallest) > _TINY:
        return ()
    i = first.locals.index(smallest)
    source, target = first.keys[i : i + 2]
    slope = f"∂{called[target]}/∂{called[source]} = {number(smallest)}"
    at = f"{called[source]} = {number(list(graph.keys)[source].data)}"
    text = f"small factor: {slope}, of {written[target]} at {at}"
    return (Cause("small factor", text, ((source, target, first.positions[i]),)),)


def _counted(n: int) -> str:
    return f"{n:,}" if n < 10**15 else f"about 10^{math.log10(n):.0f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:z.1%}" if abs(share) < 1000 else f"{number(100 * share)}%"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows under each other, empty columns left out."""
    columns = [column for column in zip(*rows) if any(column)]
    widths = [max(map(len, column)) for column in columns]
    return ["  " + "   ".join([f"{cell:<{width}}" for cell, width in zip(row, widths)]).rstrip() for row in zip(*columns)]
