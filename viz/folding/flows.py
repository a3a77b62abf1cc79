"""What edges carry: the local derivative, and the contribution that ``backward()`` handed on along them.

amounts ... of edges, as numbers
Flow ...... of many edges, as one sum
labels .... in words, for pictures and text
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum, hypot, nan
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd import Node
from autograd.graph import check_fresh

from ..diagram import Total, number
from ..moments import edge_label
from ..steps import Contribution, handed_on, partials

Carried = Literal["partials", "contributions", "both"]


class Member(NamedTuple):
    """An edge of the graph: a node by its key, one it is operand of, and at which position."""

    source: int
    target: int
    position: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Contributions to gradients, put together."""

    count: int
    total: Any  # their sum, of floats exact to the last bit; of arrays an array, None if they differ in shape
    norm: float  # of all elements, as of least, mean and most
    least: float
    mean: float
    most: float


@dataclass(frozen=True, slots=True)
class Label:
    """What an arrow is labelled with in a picture, and what text says in full."""

    short: str
    full: str


def amounts(nodes: Sequence[Node], members: Iterable[Member], grad: Callable[[int], Any]) -> dict[Member, Any]:
    """What is handed on along each of these edges, given the gradient of a node by its key; nothing to constants.

    Raises:
        StaleGraphError: a leaf was written after the graph was computed from it, so its edges are not what they were.
        DomainError: an op has no finite derivative there.
    """
    members = [*members]
    targets = {member.target: nodes[member.target] for member in members}
    check_fresh([x for node in targets.values() for x in node.inputs if x.op is None], list(targets.values()))
    given = {key: dict(handed_on(node, grad(key))) for key, node in targets.items()}
    return {m: given[m.target][m.position] for m in members if m.position in given[m.target]}


def flow(amounts: Sequence[Any]) -> Flow | None:
    """The amounts put together; None if there are none."""
    if not amounts:
        return None
    shapes = {getattr(amount, "shape", ()) for amount in amounts}
    elements = np.array(amounts) if shapes == {()} else np.concatenate([np.ravel(amount) for amount in amounts])
    numbers: list[float] = elements.astype(float).tolist()
    exact = _sum(numbers)
    total = exact if shapes == {()} else sum(amounts[1:], amounts[0]) if len(shapes) == 1 else None
    least, most = (float(of(elements)) if numbers else nan for of in (np.min, np.max))
    return Flow(len(amounts), total, hypot(*numbers), least, exact / max(len(numbers), 1), most)


def labels(
    nodes: Sequence[Node], arrows: Sequence[Sequence[Member]], carried: Carried, grad: Callable[[int], Any]
) -> dict[int, Label]:
    """A label for each arrow along which a gradient flows, where an arrow stands for one edge or for many.

    Raises:
        StaleGraphError, DomainError: as ``amounts``.
    """
    given = amounts(nodes, [member for arrow in arrows for member in arrow], grad)
    locals_: dict[int, Sequence[Any]] = {}
    found = {}
    for i, arrow in enumerate(arrows):
        its = [given[member] for member in arrow if member in given]
        if len(arrow) > 1 and its:
            if carried != "partials":
                found[i] = _label_of_many(its)
        elif its:
            (member,), (amount,) = arrow, its
            if member.target not in locals_:
                locals_[member.target] = partials(nodes[member.target])
            local = locals_[member.target][member.position]
            found[i] = _label(Contribution(member.position, member.source, local, amount, 0.0, amount), carried)
    return found


def _label(c: Contribution, carried: Carried) -> Label:
    parts = {"partials": edge_label(c), "contributions": f"+= {_short(c.amount)}"}
    told = ", ".join(parts.values()) if carried == "both" else parts[carried]
    return Label(told, told)


def _label_of_many(amounts: Sequence[Any]) -> Label:
    its = flow(amounts)
    assert its is not None
    total = number(Total(its.total, its.norm))
    spread = f"from {number(its.least)} to {number(its.most)}, mean {number(its.mean)}"
    short = f"Σ {_short(its.total)}" if its.total is not None else total
    return Label(f"+= {short}", f"+= {total} of {its.count:,}, {spread}")


def _short(x: Any) -> str:
    return f"‖{number(np.linalg.norm(x))}‖" if getattr(x, "shape", ()) else number(x)


def _sum(numbers: Sequence[float]) -> float:
    try:
        return fsum(numbers)
    except (OverflowError, ValueError):  # it refuses to mix infinities, and what is beyond the largest float
        return sum(numbers)
