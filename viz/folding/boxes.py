"""Fold a graph into boxes that can be read, and keep the books: what an edge hides is known to the last bit.

fold ...... the boxes: models, layers, perceptrons, nodes that are alike
Folding ... these, and the edges between them
Edge ...... all edges between two boxes; what they hand on is put together in a ``Flow``

>>> import nn
>>> layer = nn.Dense(2, 1, "tanh", rng=0)
>>> (a,), (b,), (c,) = layer([[0.5, -1.0], [1.0, 2.0], [0.0, 1.0]])
>>> loss = a + b + c
>>> loss.backward()
>>> folding = fold(loss, depth=0)
>>> [(group.name, group.times, len(group.keys)) for group in folding.groups]
[('inputs', 3, 6), ('Dense', 3, 9), ('sum', 1, 2)]
>>> folding.edges[-1].source, folding.edges[-1].target, folding.flows[-1].count, folding.flows[-1].total
(1, 2, 3, 3.0)
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from autograd import Node
from nn import Module

from ..diagram import Hide, visible
from ..words import printable
from .flows import Flow, Member, amounts, flow
from .groups import MANY, Group, Groups, operands_first

Expand = str | Node | Module | Callable[[Group], bool] | Iterable[str | Node | Module]

READABLE = 150  # nodes; a larger graph is folded
_AT_EASE = 12  # boxes that are taken in at a glance


@dataclass(frozen=True, slots=True)
class Edge:
    """All edges of the graph from one box to another."""

    source: int  # places in the list of boxes
    target: int
    members: tuple[Member, ...]


@dataclass(frozen=True, eq=False)
class Folding:
    """A graph in boxes. Boxes come in topological order, the root's last."""

    nodes: tuple[Node, ...]  # in topological order; their places are their keys
    groups: tuple[Group, ...]
    box_of: Mapping[int, int]  # from each key to the place of its box
    edges: tuple[Edge, ...]  # by target, then source
    _keys: Mapping[Node, int] = field(repr=False)
    _all: Groups = field(repr=False)
    _grads: Sequence[Any] | None = field(default=None, repr=False)
    _share: int = field(default=1, repr=False)  # how many of what is alike one of the shown stands for

    @cached_property
    def flows(self) -> tuple[Flow | None, ...]:
        """What ``backward()`` handed on along each edge, by the gradients that nodes hold; None along one to constants.

        Raises:
            StaleGraphError: a leaf was written after the graph was computed from it, so its edges have changed.
            DomainError: an op has no finite derivative there.
        """
        given = amounts(self.nodes, [member for edge in self.edges for member in edge.members], self.grad)
        return tuple([flow([given[member] for member in edge.members if member in given]) for edge in self.edges])

    def inside(self, box: int) -> "Folding":
        """What is in a box and, as boxes of kind "outside", where that takes its operands from.

        Of what is alike in the box, ×100, it is one.
        """
        group = self.groups[box]
        shown = self._one_of(box)
        share = self._share * group.times
        parts = self._all.inside(replace(group, keys=tuple(sorted(shown))))
        parts = [replace(part, times=max(part.times // share, 1)) for part in parts]
        around: dict[int, set[int]] = {}
        for key in shown:
            for x in self.nodes[key].inputs:
                if (source := self._keys.get(x, key)) not in shown:
                    around.setdefault(self.box_of[source], set()).add(source)
        for source, boundary in sorted(around.items()):
            parts.append(replace(self.groups[source], kind="outside", keys=tuple(sorted(boundary)), times=1))
        return replace(_folding(self.nodes, self._keys, parts, self._all, share), _grads=self._grads)

    def grad(self, key: int) -> Any:
        """The gradient of a node: that which it holds, unless others are told."""
        return self.nodes[key]._grad if self._grads is None else self._grads[key]

    def told(self, grads: Sequence[Any]) -> "Folding":
        """The same, with other gradients of its nodes, such as those of a walk."""
        return replace(self, _grads=grads)

    def ends(self, box: int) -> list[int]:
        """The keys of the nodes in a box that none of the others in it uses."""
        keys = self.groups[box].keys
        used = {self._keys.get(x) for key in keys for x in self.nodes[key].inputs}
        return [key for key in keys if key not in used]

    def _one_of(self, box: int) -> set[int]:
        """The keys of one of the things that are alike in a box: of some of its ends, and of what is behind them."""
        group, ends = self.groups[box], self.ends(box)
        mine = set(group.keys)
        waiting = ends[: max(len(ends) // group.times, 1)]
        shown: set[int] = set()
        while waiting:
            key = waiting.pop()
            if key in mine and key not in shown:
                shown.add(key)
                waiting += [self._keys.get(x, key) for x in self.nodes[key].inputs]
        return shown


def fold(root: Node, *, depth: int | None = None, expand: Expand = (), hide: Hide | None = None) -> Folding:
    """The graph behind ``root`` in few boxes, none of which hides what another needs: there is no cycle among them.

    Passes of one model through many examples are one, ×100; chains of sums are one sum; parameters are in the layer that has
    them; and what no module made is put together until little is left.

    Args:
        root: the result to look back from.
        depth: how deep modules are shown: 0 for the whole model in one box, 1 for its direct parts, and so on; by default as
            deep as can be read.
        expand: boxes to open: by name (``"layers.1"``), by a node in it, or by a function of the box; or several of these.
        hide: says of a node whether to leave it out, as in ``draw``.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: there is no box or node to expand as asked for, or ``depth`` is negative.
    """
    return _fold_nodes(visible(root, hide), depth, expand)


def folding_for(who: str, nodes: Sequence[Node], fold: bool | None, depth: int | None, expand: Expand | None) -> Folding | None:
    """What a picture of ``nodes`` shows as boxes, as its caller asks for it; None where every node is shown.

    Args:
        who: the caller.
        nodes: in topological order.
        fold: whether to fold; by default, if there are more than 150 nodes, or if ``depth`` or ``expand`` is given.
        depth: as for ``fold``.
        expand: as for ``fold``, None for nothing.

    Raises:
        ValueError: ``fold`` is False and there is a depth or something to expand; or as for ``fold``.
    """
    asked = depth is not None or expand is not None
    if fold is False and asked:
        raise ValueError(f"{who}: fold=False shows every node; leave it out, or leave out depth and expand")
    if not asked and not (len(nodes) > READABLE if fold is None else fold):
        return None
    return _fold_nodes(nodes, depth, () if expand is None else expand)


def _fold_nodes(nodes: Sequence[Node], depth: int | None, expand: Expand) -> Folding:
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ValueError(f"fold: depth is a whole number from 0, the whole model in one box; not {depth!r}")
    groups = Groups(nodes)
    boxes = groups.inside(groups.whole)
    boxes = _readable(groups, boxes) if depth is None else _down_to(depth, groups, boxes)
    keys = {node: key for key, node in enumerate(nodes)}
    wishes = [expand] if isinstance(expand, str | Node) or not isinstance(expand, Iterable) else expand
    return _folding(nodes, keys, _opened(groups, boxes, [_wish(keys, wish) for wish in wishes]), groups)


def _readable(groups: Groups, boxes: list[Group]) -> list[Group]:
    """Modules opened, level by level, while the boxes can be taken in; a model that stands alone is opened in any case, and a
    layer of Tensors, in which is nothing but single nodes, in none."""
    while modules := [box for box in boxes if box.kind == "module" and (len(box.place) == 1 or _has_boxes(groups, box))]:
        level = min(len(box.place) for box in modules)
        shallow = {id(box) for box in modules if len(box.place) == level}
        opened = [part for box in boxes for part in (groups.inside(box) if id(box) in shallow else [box])]
        if len(opened) > (_AT_EASE if len(modules) > 1 else MANY):
            break
        boxes = opened
    return boxes


def _has_boxes(groups: Groups, box: Group) -> bool:
    return any(part.kind != "node" for part in groups.inside(box))


def _down_to(depth: int, groups: Groups, boxes: list[Group]) -> list[Group]:
    """Modules opened until their parts are ``depth`` below the outermost. One without parts stays as it is."""
    waiting, found = boxes[::-1], []
    while waiting:
        box = waiting.pop()
        parts = groups.inside(box) if box.kind == "module" and len(box.place) <= depth else []
        if any(part.kind == "module" for part in parts):
            waiting += parts[::-1]
        else:
            found.append(box)
    return found


@dataclass(frozen=True, slots=True)
class _Wish:
    """A box to be opened. If it has a ``name``, it must be there, and modules around it are opened as well."""

    meets: Callable[[Group], bool]
    name: str = ""

    def opens(self, groups: Groups, box: Group) -> bool:
        """Whether ``box``, or one in it that is not seen yet, is what is wished."""
        waiting = [box]
        while waiting:
            box = waiting.pop()
            if self.meets(box):
                return True
            if self.name and box.kind == "module":
                waiting += groups.inside(box)
        return False


def _wish(keys: Mapping[Node, int], what: Any) -> _Wish:
    if isinstance(what, str):
        return _Wish(lambda box: what in (box.name, re.sub(r"#\d+$", "", box.name)), what)
    if isinstance(what, Node):
        if what not in keys:
            raise ValueError(f"fold: expand has {what.name}, which is no node of this graph")
        key = keys[what]
        return _Wish(lambda box: key in box.keys)
    if isinstance(what, Module):
        return _Wish(lambda box: box.module is what, str(what))
    if callable(what):
        return _Wish(what)
    raise TypeError(f"fold: expand takes names of boxes, modules, nodes, or a function of a box, not {type(what).__name__}")


def _opened(groups: Groups, boxes: Sequence[Group], wishes: Sequence[_Wish]) -> list[Group]:
    """The boxes, but for those wished to be open, of which there is what is inside. A name opens one of boxes in each other."""
    waiting: list[tuple[Group, frozenset[str]]] = [(box, frozenset()) for box in boxes[::-1]]
    found = []
    in_vain, names = {wish.name for wish in wishes}, []
    while waiting:
        box, fulfilled = waiting.pop()
        names.append(box.name)
        asking = [wish for wish in wishes if box.kind != "node" and wish.name not in fulfilled and wish.opens(groups, box)]
        if not asking:
            found.append(box)
            continue
        fulfilled |= {wish.name for wish in asking if wish.name and wish.meets(box)}
        in_vain -= fulfilled
        waiting += [(part, fulfilled) for part in groups.inside(box)[::-1]]
    if in_vain - {""}:
        name = min(in_vain - {""})
        near = get_close_matches(name, filter(None, names), 3, 0.0)
        raise ValueError(f"fold: there is no box '{printable(name)}' to expand; there are {', '.join(near)}")
    return found


def _folding(
    nodes: Sequence[Node], keys: Mapping[Node, int], boxes: Sequence[Group], groups: Groups, share: int = 1
) -> Folding:
    """The boxes in order, with the edges between them."""
    boxes = sorted(boxes, key=lambda box: box.keys)
    box_of = {key: box for box, group in enumerate(boxes) for key in group.keys}
    members: dict[tuple[int, int], list[Member]] = {}
    for target, group in enumerate(boxes):
        for key in group.keys if group.kind != "outside" else ():
            for position, x in enumerate(nodes[key].inputs):
                source = keys.get(x, key)
                if box_of[source] != target:
                    members.setdefault((target, box_of[source]), []).append(Member(source, key, position))
    below: dict[int, list[int]] = {box: [] for box in range(len(boxes))}
    for target, source in members:
        below[target].append(source)
    place = {box: i for i, box in enumerate(operands_first(below))}
    edges = [Edge(place[source], place[target], tuple(its)) for (target, source), its in members.items()]
    edges.sort(key=lambda edge: (edge.target, edge.members[0].target, edge.members[0].position))
    box_of = {key: i for i, box in enumerate(place) for key in boxes[box].keys}
    shown = tuple([boxes[box] for box in place])
    return Folding(tuple(nodes), shown, box_of, tuple(edges), keys, groups, _share=share)
