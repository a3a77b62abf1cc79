"""A graph as plain data: what a drawing needs to know, and nothing that can change or be called.

>>> from autograd import Value
>>> x = Value(3.0, label="x")
>>> diagram = describe(x * x)
>>> [box.label or box.symbol for box in diagram.boxes], len(diagram.arrows)
(['x', '*'], 2)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from autograd import Node, topological_order
from autograd.graph import Op
from autograd.primitive import Bound

from .words import printable

N = TypeVar("N", bound=Node)
Hide = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Box:
    """One node, or a group of many. ``key`` is its place in the order of boxes, which is topological.

    ``label`` is printable, on one line, and short.
    """

    key: int
    label: str
    op: str  # the op's name, empty for a leaf
    symbol: str  # how a picture writes the op
    is_operator: bool  # the symbol is written between or before operands, as in a * b
    arity: int  # operands of the node, drawn or not
    data: Any
    grad: Any  # None for a group of constants
    kind: Literal["leaf", "constant", "op", "group", "outside"]
    settings: str = ""  # of the op, as they stand in a call: axis=0
    what: str = ""  # a group is: the module, "perceptron", or empty
    nodes: int = 1
    rows: tuple[tuple[str, str], ...] = ()  # told in place of data and gradient: something to the left, something to the right


@dataclass(frozen=True, slots=True)
class Arrow:
    """``source`` is operand number ``position`` (from 0) of ``target``; both are keys of boxes."""

    source: int
    target: int
    position: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The numbers of several nodes, from the least to the most."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Total:
    """The gradients of several nodes: their sum or, where they are arrays of several shapes, their norm."""

    sum: Any
    norm: float


@dataclass(frozen=True, slots=True)
class Diagram:
    """A graph at one moment. Boxes come in topological order, so the root is last; arrows come by target, then position."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def describe(root: Node, *, hide: Hide | None = None, max_nodes: int = 1000) -> Diagram:
    """The graph behind ``root`` as it is now.

    Args:
        root: the result to look back from.
        hide: says of a node whether to leave it out, with all that only leads to it. The root is never left out.
        max_nodes: how many nodes are accepted.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: the graph has more nodes than ``max_nodes``.

    >>> len(describe(loss, hide=set(model.parameters()).__contains__).boxes)  # doctest: +SKIP
    """
    nodes = visible(root, hide)
    if len(nodes) > max_nodes:
        raise ValueError(
            f"draw: the graph has {len(nodes):,} nodes and the limit is {max_nodes:,}; "
            "draw a part of it (an inner node), leave nodes out (hide=), or raise the limit (max_nodes=)"
        )
    keys = {node: key for key, node in enumerate(nodes)}
    arrows = [Arrow(keys[x], keys[node], position) for node in nodes for position, x in enumerate(node.inputs) if x in keys]
    return Diagram(tuple([box_of(key, node) for key, node in enumerate(nodes)]), tuple(arrows))


def visible(root: N, hide: Hide | None = None) -> list[N]:
    """The nodes to draw, each after its operands, first operands first; ``root`` is last.

    Raises:
        TypeError: ``root`` is not a node.
    """
    if not isinstance(root, Node):
        raise TypeError(f"draw takes a Value or a Tensor, not {type(root).__name__}; of several values, draw one or their sum")
    order = topological_order(root)
    if hide is None:
        return order
    reached = {root}
    drawn = []
    for node in reversed(order):
        if node in reached and (node is root or not hide(node)):
            drawn.append(node)
            reached.update(node.inputs)
    return drawn[::-1]


def number(x: Any, digits: str = "z.4g") -> str:
    """A datum or gradient in four significant digits, or as ``digits`` has it; an array by its shape and Euclidean norm."""
    if isinstance(x, Spread):
        return " … ".join(dict.fromkeys([format(x.least, digits), format(x.most, digits)]))
    if isinstance(x, Total):
        return f"norm {format(x.norm, digits)}" if x.sum is None else f"Σ {number(x.sum, digits)}"
    shape = getattr(x, "shape", ())
    if not shape:
        return format(float(x), digits)
    norm = float(np.linalg.norm(np.asarray(x, float)))
    return f"array {'×'.join(map(str, shape))}, norm {format(norm, digits)}"


def box_of(key: int, node: Node) -> Box:
    """The box for a single node."""
    label, op = printable(node.label), node.op
    if op is None:
        return Box(key, label, "", "", False, 0, node.data, node.grad, "leaf" if node.requires_grad else "constant")
    symbol = printable(op.symbol)
    is_operator = len(node.inputs) < 3 and not op.variadic and len(symbol) < 3 and not any(c.isalnum() for c in symbol)
    return Box(key, label, op.name, symbol, is_operator, len(node.inputs), node.data, node.grad, "op", _settings(op))


def _settings(op: Op) -> str:
    """The settings that differ from their defaults, as they stand in a call."""
    if not isinstance(op, Bound):
        return ""
    defaults = getattr(op.row, "settings", {})
    told = [name for name, x in op.settings.items() if name[0] != "_" and repr(x) != repr(defaults[name])]
    return ", ".join([f"{name}={_short(op.settings[name])}" for name in told])


def _short(x: Any) -> str:
    if isinstance(x, slice):
        parts = ["" if part is None else str(part) for part in (x.start, x.stop, x.step)]
        return ":".join(parts[: 2 + (x.step is not None)])
    if isinstance(x, tuple) and any(isinstance(part, slice) or part is ... for part in x):
        return f"[{', '.join(map(_short, x))}]"
    if isinstance(x, np.ndarray):
        return f"array {'×'.join(map(str, x.shape))}"
    written = "..." if x is ... else str(x) if isinstance(x, np.dtype) else repr(x)
    return printable(written if len(written) <= 24 else written[:23] + "…")
