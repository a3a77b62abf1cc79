"""Boxes for many nodes, one inside the other: the whole, modules, perceptrons, nodes that are alike, single nodes.

a box ......................... Group
what is directly inside ....... Groups.inside
    modules and perceptrons ... by where nodes were made
    the rest .................. Groups._few, step by step until few boxes are left
never a cycle ................. Groups._by_visits

The work is done on the graph of roles (``roles``), which is small where the graph of nodes is large.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Literal, TypeVar

from autograd import Node

from ..words import printable
from .roles import Place, Places, roles

FEW = 12  # boxes, where nodes are put together until few are left
_FEW_BESIDE = 8  # the same beside modules, which want room, too
MANY = 40  # boxes, where each is a thing of its own
_SUMS = {"weighted_sum", "sum", "add"}

L = TypeVar("L", bound=Hashable)

# For each role the box it goes into. A part of a module is known by its place, any other box by a number. Numbers are in
# topological order.
Label = Place | int
Labels = Mapping[int, Label]


@dataclass(frozen=True, slots=True)
class Group:
    """A box for some nodes of a graph, or for one. ``keys`` are their places in topological order."""

    name: str  # by which ``expand=`` knows it; empty for a single node
    what: str  # the module, "perceptron", or empty
    kind: Literal["module", "perceptron", "part", "node", "outside"]
    keys: tuple[int, ...]
    times: int = 1  # how often the same is there: 100 for a hundred examples
    module: object = None
    place: Place = field(default=(), repr=False)
    roles: tuple[int, ...] = field(default=(), repr=False)


class Groups:
    """The boxes that can be made of ``nodes``, which come in topological order."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._places = Places()
        self._roles = roles(nodes, self._places)
        self._names: dict[int, dict[int, str]] = {}  # of modules, by the number of the outermost one
        self.whole = Group("", "", "part", tuple(range(len(nodes))), roles=tuple(range(len(self._roles))))

    def inside(self, group: Group) -> list[Group]:
        """What is directly inside ``group``: a partition of its nodes, with no cycle between its boxes.

        A group may have been narrowed to some of its keys; ``times`` are then those of all of them.
        """
        if len(group.roles) < 2:
            return [Group("", "", "node", (key,)) for key in group.keys]
        depth = len(group.place)
        parts = {r: self._roles[r].place[: depth + 1] for r in group.roles if len(self._roles[r].place) > depth}
        rest = [r for r in group.roles if r not in parts]
        labels: Labels | None = None
        alike: Mapping[int, int] = {}
        if group.kind == "module" and not parts:
            labels = self._perceptrons(rest)
        if labels is None:
            labels, alike = self._few(parts, rest)
        boxes: dict[Hashable, list[int]] = {}
        for r, label in self._by_visits(labels).items():
            boxes.setdefault(label, []).append(r)
        made = [self._box(group, labels[members[0]], members, self._times(members, alike)) for members in boxes.values()]
        if sum(len(box.keys) for box in made) > len(group.keys):
            kept = set(group.keys)
            made = [replace(box, keys=keys) for box in made if (keys := tuple([key for key in box.keys if key in kept]))]
            made = [box if len(box.keys) > 1 else Group("", "", "node", box.keys) for box in made]
        return _told_apart(sorted(made, key=lambda box: box.keys))

    # -- boxes for what no part of a module made ------------------------------------------------------------------------------

    def _perceptrons(self, rest: Sequence[int]) -> Labels | None:
        """Each role with what leads to it alone, as weights, bias and sum do to an activation. None if that is no help."""
        labels = self._into_only_user({r: r for r in rest})
        return labels if 1 < len(set(labels.values())) <= MANY else None

    def _few(self, parts: Mapping[int, Place], rest: Sequence[int]) -> tuple[Labels, Mapping[int, int]]:
        """The ``rest`` in few boxes beside the ``parts``, by the first of the steps that will do; and which roles count as
        alike then."""
        few = _FEW_BESIDE if parts else FEW
        finer: Labels = {}
        as_finer: Mapping[int, int] = {}
        for labels, alike in self._steps(parts, rest):
            count = len({labels[r] for r in rest})
            if count <= few and not (count == 1 and finer and not parts):
                return labels, alike
            if count > few:
                finer, as_finer = labels, alike
        return finer if len(set(finer.values())) <= MANY else self._in_stretches(finer), as_finer

    def _steps(self, parts: Mapping[int, Place], rest: Sequence[int]) -> Iterator[tuple[Labels, Mapping[int, int]]]:
        """Coarser and coarser: each role; same op on the same boxes; what comes as often as its only user; all that has one."""
        yield self._each(parts, rest), {}
        alike = self._by_op(parts, rest)
        labels: Labels = {**parts, **alike}
        yield labels, alike
        times: Counter[Label] = Counter()
        for r in rest:
            if bool(self._roles[r].op) is (alike[r] >= 0):
                times[alike[r]] += self._roles[r].times
        yield self._into_only_user(labels, times), alike
        yield self._into_only_user(labels), alike

    def _each(self, parts: Mapping[int, Place], rest: Sequence[int]) -> Labels:
        """A number for each role, but one for all leaves that are used by the same parts alone: their inputs."""
        labels: dict[int, Label] = {**parts, **{r: r for r in rest}}
        inputs: dict[Hashable, int] = {}
        for r, users in self._leaves(labels, rest).items():
            if users and all(isinstance(user, tuple) for user in users):
                labels[r] = inputs.setdefault(users, r)
        return labels

    def _by_op(self, parts: Mapping[int, Place], rest: Sequence[int]) -> dict[int, int]:
        """One number for the roles that the same op made of the same boxes. A leaf goes to what alone uses it, or else to the
        leaves that are used by the same boxes; these have negative numbers."""
        numbers: dict[Hashable, int] = {}
        labels: dict[int, Label] = dict(parts)
        for r in rest:
            role = self._roles[r]
            if role.op:
                used = [(labels.get(x), self._roles[x].is_parameter) for x in role.operands if self._roles[x].op or x in parts]
                labels[r] = numbers.setdefault((role.op, frozenset(used)), len(numbers))
        leaves: dict[Hashable, int] = {}
        for r, users in self._leaves(labels, rest).items():
            only = next(iter(users)) if len(users) == 1 else ()
            labels[r] = only if isinstance(only, int) else leaves.setdefault(users, -1 - len(leaves))
        return {r: labels[r] for r in rest}  # type: ignore[misc]  # those of the rest are numbers

    def _leaves(self, labels: Labels, rest: Sequence[int]) -> dict[int, frozenset[Label]]:
        """The leaves among the ``rest``, each with the boxes that use it."""
        users: dict[int, set[Label]] = {r: set() for r in rest if not self._roles[r].op}
        for r, label in labels.items():
            for x in self._roles[r].operands:
                if x in users:
                    users[x].add(label)
        return {r: frozenset(boxes) for r, boxes in users.items()}

    def _into_only_user(self, labels: Labels, times: Mapping[Label, int] | None = None) -> dict[int, Label]:
        """Each numbered box put into the numbered box that alone uses it; given ``times``, if both have the same."""
        users: dict[Label, set[Label]] = {}
        for r, label in labels.items():
            for x in self._roles[r].operands:
                if labels.get(x, label) != label:
                    users.setdefault(labels[x], set()).add(label)
        into: dict[Label, Label] = {}
        for label in sorted([label for label in set(labels.values()) if isinstance(label, int)], reverse=True):
            ends = {into.get(user, user) for user in users.get(label, ())}
            if len(ends) == 1:
                (end,) = ends
                if isinstance(end, int) and (times is None or times[end] == times[label]):
                    into[label] = end
        return {r: into.get(label, label) for r, label in labels.items()}

    def _in_stretches(self, labels: Labels) -> dict[int, Label]:
        """The numbered boxes, in topological order, cut into a few stretches of the same length."""
        order = [label for label in operands_first(self._below(labels)) if isinstance(label, int)]
        stretch = {label: i * FEW // len(order) for i, label in enumerate(order)}
        return {r: label if isinstance(label, tuple) else stretch[label] for r, label in labels.items()}

    # -- no cycles ------------------------------------------------------------------------------------------------------------

    def _by_visits(self, labels: Labels) -> dict[int, tuple[Label, int]]:
        """The same boxes, but that one which is left and entered again is as many as there are visits to it."""
        component = _components(self._below(labels))
        visits: dict[int, int] = {}
        latest: dict[int, int] = {}  # visit at which a role may be, for what uses it
        first: dict[Label, int] = {}  # visit at which a box computes
        for r in sorted(labels):
            around = [x for x in self._roles[r].operands if x in labels and component[labels[x]] == component[labels[r]]]
            visits[r] = max([visits[x] + (labels[x] != labels[r]) for x in around], default=0)
            if self._roles[r].op:
                first[labels[r]] = min(visits[r], first.get(labels[r], visits[r]))
            for x in around:
                at = visits[r] - (labels[x] != labels[r])
                latest[x] = min(at, latest.get(x, at))
        for r, label in labels.items():  # leaves, which could be at the very first, wait for the rest of their box
            at = first.get(label, 0)
            if not self._roles[r].op and at <= latest.get(r, at):
                visits[r] = at
        return {r: (labels[r], visit) for r, visit in visits.items()}

    def _below(self, labels: Labels) -> dict[Label, list[Label]]:
        """For each box, those it takes operands from."""
        below: dict[Label, dict[Label, None]] = {}
        for r in sorted(labels):
            its = below.setdefault(labels[r], {})
            its.update(dict.fromkeys([labels[x] for x in self._roles[r].operands if labels.get(x, labels[r]) != labels[r]]))
        return {label: list(its) for label, its in below.items()}

    # -- what a box is --------------------------------------------------------------------------------------------------------

    def _times(self, members: Sequence[int], alike: Mapping[int, int]) -> int:
        """How often the same is there: what the counts of all that is computed have in common."""
        counts: Counter[int] = Counter()
        computed = [r for r in members if self._roles[r].op]
        for r in computed or members:
            counts[alike.get(r, r) if computed else r] += self._roles[r].times
        return gcd(*counts.values())

    def _box(self, outer: Group, label: Label, members: Sequence[int], times: int) -> Group:
        keys = tuple(sorted([key for r in members for key in self._roles[r].keys]))
        if len(keys) == 1:
            return Group("", "", "node", keys)
        if isinstance(label, tuple):
            module = self._places.modules[label[-1]]
            name, what = self._module_name(label), printable(str(module))
            return Group(name, what, "module", keys, times, module, label, tuple(members))
        sums = [r for r in members if self._roles[r].op in _SUMS]
        if outer.kind == "module" and any(self._roles[x].is_parameter for r in sums for x in self._roles[r].operands):
            return Group(outer.name, "perceptron", "perceptron", keys, times, None, outer.place, tuple(members))
        return Group(self._part_name(members), "", "part", keys, times, None, outer.place, tuple(members))

    def _module_name(self, place: Place) -> str:
        """As the outermost module names it, ``layers.0``; that one itself by its class."""
        root, module = (self._places.modules[place[i]] for i in (0, -1))
        if place[0] not in self._names:
            named = getattr(root, "named_modules", tuple)
            self._names[place[0]] = {id(part): name for name, part in named()}
        return printable(self._names[place[0]].get(id(module)) or type(module).__name__)

    def _part_name(self, members: Sequence[int]) -> str:
        """The label that all its results share; else the ops in it."""
        used = {x for r in members for x in self._roles[r].operands}
        labels = {self._nodes[key].label for r in members if r not in used for key in self._roles[r].keys}
        if len(labels) == 1 and (label := printable(labels.pop())):
            return label
        ops = list(dict.fromkeys([self._roles[r].op for r in members if self._roles[r].op]))
        if not ops:
            return "parameters" if all(self._roles[r].is_parameter for r in members) else "inputs"
        return printable(" ".join(ops if len(ops) < 4 else [*ops[:2], "…", ops[-1]]))


def operands_first(below: Mapping[L, Iterable[L]]) -> list[L]:
    """All that is in ``below`` or behind it, each after its operands if there is no cycle; depth-first without recursion."""
    order: list[L] = []
    seen: set[L] = set()
    for start in below:
        path = [] if start in seen else [(start, iter(below[start]))]
        seen.add(start)
        while path:
            label, operands = path[-1]
            for x in operands:
                if x not in seen:
                    seen.add(x)
                    path.append((x, iter(below[x])))
                    break
            else:
                order.append(label)
                path.pop()
    return order


def _components(below: Mapping[L, Sequence[L]]) -> dict[L, int]:
    """A number for each box, the same for those on a common cycle (Kosaraju's algorithm).

    Source: Sharir, *A Strong-Connectivity Algorithm and its Applications in Data Flow Analysis* (1981).
    """
    above: dict[L, list[L]] = {label: [] for label in below}
    for label, operands in below.items():
        for x in operands:
            above[x].append(label)
    component: dict[L, int] = {}
    for number, start in enumerate(reversed(operands_first(below))):
        waiting = [start]
        while waiting:
            label = waiting.pop()
            if label not in component:
                component[label] = number
                waiting += above[label]
    return component


def _told_apart(groups: Sequence[Group]) -> list[Group]:
    """Perceptrons of a layer get their number in it, and others of the same name one from 1."""
    met: Counter[tuple[str, str]] = Counter()
    of_a_name = Counter([(group.kind, group.name) for group in groups])
    apart = []
    for group in groups:
        which = (group.kind, group.name)
        if group.kind == "perceptron":
            group = replace(group, name=f"{group.name}[{met[which]}]")
        elif group.kind != "node" and of_a_name[which] > 1:
            group = replace(group, name=f"{group.name}#{met[which] + 1}")
        met[which] += 1
        apart.append(group)
    return apart
