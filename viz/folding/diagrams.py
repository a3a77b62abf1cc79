"""A folding as a diagram: a box for each group, an arrow for all edges that lead from one group to another."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from autograd import DomainError, StaleGraphError

from ..diagram import Arrow, Box, Diagram, Spread, Total, box_of
from ..words import printable
from .boxes import Folding
from .flows import Carried, Label, Member, flow, labels
from .groups import Group

FEW_LINES = 3  # between two boxes
Edges = Literal["auto", "none"] | Carried  # what arrows are labelled with
EDGES = ("auto", "none", "partials", "contributions", "both")


def diagram_of(folding: Folding) -> tuple[Diagram, list[tuple[Member, ...]]]:
    """The diagram, and for each arrow the edges it stands for. Operands of a node that is shown keep an arrow each, but for
    many that come from one box."""
    results: dict[int, dict[int, None]] = {}  # of each box, by key: what others use
    arrows: list[Arrow] = []
    members: list[tuple[Member, ...]] = []
    arity = [0] * len(folding.groups)
    for edge in folding.edges:
        results.setdefault(edge.source, {}).update(dict.fromkeys([member.source for member in edge.members]))
        if folding.groups[edge.target].kind == "node":
            alone = folding.groups[edge.source].kind == "node" or len(edge.members) <= FEW_LINES
            bundles = [(member,) for member in edge.members] if alone else [edge.members]
            arrows += [Arrow(edge.source, edge.target, bundle[0].position) for bundle in bundles]
            members += bundles
        else:
            arrows.append(Arrow(edge.source, edge.target, arity[edge.target]))
            members.append(edge.members)
            arity[edge.target] += 1
    boxes = []
    for key, group in enumerate(folding.groups):
        if group.kind == "node":
            (k,) = group.keys
            boxes.append(replace(box_of(key, folding.nodes[k]), grad=folding.grad(k)))
        else:
            its = list(results.get(key) or folding.ends(key))
            boxes.append(_box(key, group, arity[key], folding, [k for k in its if folding.nodes[k].op is not None] or its))
    return Diagram(tuple(boxes), tuple(arrows)), members


def hint(diagram: Diagram) -> str:
    """What is folded, and how to see more; empty if nothing is."""
    groups = [box for box in diagram.boxes if box.kind == "group"]
    if not groups:
        return ""
    nodes = sum([box.nodes for box in diagram.boxes])
    name = max(groups, key=lambda box: (bool(box.what), box.nodes)).label
    return f"folded: {nodes:,} nodes in {len(diagram.boxes)} boxes; draw(..., fold=False) for all, expand={name!r} to open one"


def labels_of(folding: Folding, members: Sequence[Sequence[Member]], edges: Edges) -> dict[int, Label]:
    """The labels of the arrows. ``auto`` gives contributions where there are gradients and they are not out of date.

    Raises:
        StaleGraphError, DomainError: if more than ``auto`` is asked for.
    """
    if edges == "none":
        return {}
    if edges != "auto":
        return labels(folding.nodes, members, edges, folding.grad)
    grad = folding.grad(len(folding.nodes) - 1)
    if type(grad) is float and grad == 0:
        return {}
    try:
        return labels(folding.nodes, members, "contributions", folding.grad)
    except (StaleGraphError, DomainError):
        return {}


def _box(key: int, group: Group, arity: int, folding: Folding, ends: Sequence[int]) -> Box:
    results = [folding.nodes[k] for k in ends]
    if group.kind == "outside":
        label = group.name or printable(results[0].label) or (results[0].op.name if results[0].op else results[0].brief())
        return Box(key, label, "", "", False, 0, 0.0, 0.0, "outside")
    data, grads = flow([node._data for node in results]), flow([folding.grad(k) for k in ends])
    assert data is not None
    assert grads is not None
    grad = Total(grads.total, grads.norm) if len(results) > 1 else folding.grad(ends[0])
    return Box(
        key,
        group.name,
        "",
        f"×{group.times:,}" if group.times > 1 else "",
        False,
        arity,
        Spread(data.least, data.most),
        grad if any(node.requires_grad for node in results) else None,
        "group",
        what=group.what,
        nodes=len(group.keys),
    )
