"""Which node of one graph stands for which of another, and where the two graphs are built differently."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping

from .sides import Side

Pairs = Mapping[int, int]  # keys of nodes of a, and of their partners in b


def aligned(a: Side, b: Side) -> dict[int, int]:
    """For nodes of ``a``, their partners in ``b``: the nodes that alone bear the same label in both, then the roots, then the
    operands of partners, place by place."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    waiting: deque[tuple[int, int]] = deque()

    def pair(x: int, y: int) -> None:
        if x not in pairs and y not in taken:
            pairs[x] = y
            taken.add(y)
            waiting.append((x, y))

    mine, theirs = _labelled(a), _labelled(b)
    for label, x in mine.items():
        if label in theirs:
            pair(x, theirs[label])
    pair(len(a.operands) - 1, len(b.operands) - 1)
    while waiting:
        x, y = waiting.popleft()
        for u, v in zip(a.operands[x], b.operands[y]):
            pair(u, v)
    return pairs


def differences(a: Side, b: Side, pairs: Pairs) -> Iterator[str]:
    """In words, what one graph has otherwise than the other."""
    for x in range(len(a.operands)):
        if x not in pairs:
            yield f"{a.formulas[x]} is in {a.name} only"
            continue
        y = pairs[x]
        mine, theirs = a.diagram.boxes[x], b.diagram.boxes[y]
        if (mine.op, mine.settings, mine.kind) != (theirs.op, theirs.settings, theirs.kind):
            yield f"{a.formulas[x]} in {a.name} is {_told(b, y)} in {b.name}"
        elif [pairs.get(u) for u in a.operands[x]] != list(b.operands[y]):
            yield f"{a.formulas[x]} in {a.name} has other operands in {b.name}: {b.formulas[y]}"
    partners = set(pairs.values())
    yield from [f"{b.formulas[y]} is in {b.name} only" for y in range(len(b.operands)) if y not in partners]


def _labelled(side: Side) -> dict[str, int]:
    """The nodes whose label no other node of the graph has."""
    labels = [node.label for node in side.walk.nodes]
    times = Counter(labels)
    return {label: key for key, label in enumerate(labels) if label and times[label] == 1}


def _told(side: Side, key: int) -> str:
    kind = side.diagram.boxes[key].kind
    return side.formulas[key] if kind == "op" else f"the {kind} {side.names[key]}"
