"""Which nodes of a graph are alike: a hundred passes of one model through a hundred examples are one pass, a hundred times.

made in which module ......... Places
a sum of sums is one sum ..... _tops
alike ........................ _alike
their graph .................. roles

Two nodes are alike if the same op, with the same settings, made them in the same module of operands that are alike. A
parameter is like nothing but itself; other leaves are told apart by what uses them.
"""

from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd import Node
from autograd.graph import Op
from autograd.recording import Note

Place = tuple[int, ...]  # numbers of modules, the outermost first; empty outside all modules
CHAINS = {"add": "sum", "add_n": "sum", "mul": "product"}  # ops whose chains read as one


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """Nodes that are alike. ``operands`` are other roles, as places in the list of all, each before this one."""

    keys: tuple[int, ...]  # of its nodes, in order; a chain has several
    times: int  # how many are alike, a chain counted once
    op: str  # its name, or that of the chain; empty for leaves
    place: Place
    operands: tuple[int, ...]
    is_parameter: bool


class Places:
    """Where nodes were made. Modules are numbered in the order in which they are met."""

    def __init__(self) -> None:
        self.modules: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._known: dict[Note | None, Place] = {None: ()}

    def of(self, note: Note | None) -> Place:
        """The modules around a node with this note."""
        fresh: list[Note] = []
        while note is not None and note not in self._known:
            fresh.append(note)
            note = note.outer
        place = self._known[note]
        for inner in reversed(fresh):
            place = self._known[inner] = place if inner.module is None else (*place, self._number(inner.module))
        return place

    def owners(self) -> dict[Node, Place]:
        """The parameters of the modules met so far, each with the innermost module that has it."""
        met = dict.fromkeys(place[:depth] for place in self._known.values() for depth in range(len(place), 0, -1))
        owners: dict[Node, Place] = {}
        for place in sorted(met, key=len, reverse=True):
            parameters = getattr(self.modules[place[-1]], "parameters", list)
            for parameter in parameters():
                owners.setdefault(parameter, place)
        return owners

    def layers(self, owners: Iterable[Place]) -> dict[Place, Place]:
        """For each place the one it is shown at: an activation, which has no parameters, as part of the layer that has some."""
        direct = set(owners)
        around = {place[:depth] for place in direct for depth in range(len(place) + 1)}
        layers = {}
        for place in set(self._known.values()):
            layer = next(place[:depth] for depth in range(len(place), -1, -1) if place[:depth] in around or not depth)
            layers[place] = layer if layer in direct else place
        return layers

    def _number(self, module: object) -> int:
        if id(module) not in self._numbers:
            self._numbers[id(module)] = len(self.modules)
            self.modules.append(module)
        return self._numbers[id(module)]


def roles(nodes: Sequence[Node], places: Places) -> list[Role]:
    """The roles of ``nodes``, which come in topological order, as the roles do. Linear in the number of edges."""
    keys = {node: key for key, node in enumerate(nodes)}
    operands = [[keys[x] for x in node.inputs if x in keys] for node in nodes]
    notes = {note: places.of(note) for note in dict.fromkeys([node._note for node in nodes if node.op is not None])}
    owned = places.owners()
    layers = places.layers(owned.values())
    shown = {note: layers[place] for note, place in notes.items()}
    made_in = [() if node.op is None else shown[node._note] for node in nodes]
    parameters = set()
    for node, place in owned.items():
        if node.op is None and node in keys:
            parameters.add(keys[node])
            made_in[keys[node]] = place
    chains = [CHAINS.get(node.op.name, "") if node.op else "" for node in nodes]
    tops = _tops(operands, chains, made_in)
    alike, used = _alike(nodes, operands, made_in, parameters, chains, tops)
    members: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}  # members without the inner nodes of chains
    for key, number in enumerate(alike):
        members.setdefault(number, []).append(key)
        if tops[key] == key:
            ends.setdefault(number, []).append(key)
    # Leaves first: some are met later than what uses their like.
    order = sorted(ends, key=lambda number: (nodes[ends[number][0]].op is not None, ends[number][0]))
    rank = {number: i for i, number in enumerate(order)}
    listed = []
    for number in order:
        its, last = members[number], ends[number][0]
        op = nodes[last].op
        name = "" if op is None else chains[last] if len(its) > len(ends[number]) else op.name
        xs = tuple([rank[x] for x in used.get(number, ())])
        listed.append(Role(tuple(its), len(ends[number]), name, made_in[last], xs, last in parameters))
    return listed


def _tops(operands: Sequence[Sequence[int]], chains: Sequence[str], made_in: Sequence[Place]) -> list[int]:
    """For each node the last of its chain: itself, unless it is used once, and that by another of its kind."""
    uses = [0] * len(operands)
    for xs in operands:
        for x in xs:
            uses[x] += 1
    tops = list(range(len(operands)))
    for key in range(len(operands) - 1, -1, -1):
        if chains[key]:
            for x in operands[key]:
                if uses[x] == 1 and chains[x] == chains[key] and made_in[x] == made_in[key]:
                    tops[x] = tops[key]
    return tops


def _alike(
    nodes: Sequence[Node],
    operands: Sequence[Sequence[int]],
    made_in: Sequence[Place],
    parameters: Container[int],
    chains: Sequence[str],
    tops: Sequence[int],
) -> tuple[list[int], dict[int, list[int]]]:
    """A number for each node, the same for those that are alike; and for each such number those of the operands."""
    numbers: dict[Hashable, int] = {}
    alike = [-1] * len(nodes)
    used: dict[int, list[int]] = {}
    users: dict[int, set[tuple[int, int]]] = {}  # of each nameless leaf: what uses it, and at which position
    nameless: set[int] = set()  # the numbers that such leaves have for a while, by what they are alone
    terms: dict[int, list[int]] = {}  # of each chain, by its last node
    ops: dict[int, Hashable] = {}
    for key, node in enumerate(nodes):
        if node.op is None:
            if key in parameters:
                alike[key] = numbers.setdefault(key, len(numbers))
            else:
                users[key] = set()
                alike[key] = numbers.setdefault((type(node), node.requires_grad, _shape(node)), len(numbers))
                nameless.add(alike[key])
            continue
        top = tops[key]
        xs = [alike[x] for x in operands[key] if tops[x] != top]
        if chains[key]:
            terms.setdefault(top, []).extend(xs)
            if key != top:
                continue
            xs = sorted(terms.pop(key))
        if id(node.op) not in ops:
            ops[id(node.op)] = _identity(node.op)
        what = (ops[id(node.op)], _shape(node), made_in[key], tuple(xs))
        alike[key] = number = numbers.setdefault(what, len(numbers))
        if number not in used:
            used[number] = [x for x in dict.fromkeys(xs) if x not in nameless]
    for key, its in enumerate(operands):
        number = alike[key] = alike[tops[key]]
        for position, x in enumerate(its):
            if x in users:
                users[x].add((number, -1 if chains[key] == "sum" else position))
    for key, uses in users.items():
        role = (alike[key], frozenset(uses))
        if role not in numbers:
            numbers[role] = len(numbers)
            for user in sorted({user for user, _ in uses}):
                used[user].append(numbers[role])
        alike[key] = numbers[role]
    return alike, used


def _identity(op: Op) -> Hashable:
    """What two ops have in common if they are one op with the same settings."""
    return (op.name, "" if op is op.row else repr(op))


def _shape(node: Node) -> tuple[int, ...]:
    shape: tuple[int, ...] = getattr(node._data, "shape", ())
    return shape
