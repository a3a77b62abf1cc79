"""Two walks side by side: the first step in which their numbers differ, and what is different in the end."""

from collections.abc import Iterator
from typing import Any

from autograd.gradcheck.slips import slip

from ..steps import Contribution, Step
from .aligning import Pairs
from .divergence import Change, Divergence, divergence
from .looks import CONSTANT, OLD_GRADIENT, wrong_local
from .numbers import differ, farthest, size
from .sides import Side


def divergences(a: Side, b: Side, pairs: Pairs, tolerance: float) -> Iterator[Divergence]:
    """Each place where ``b`` parts from ``a``, in the order of the steps of ``a``."""
    for step in a.walk.steps:
        if step.key in pairs:
            compared = _handed_on if step.phase == "backward" else _computed
            yield from compared(a, b, step, pairs, tolerance)


def changes(a: Side, b: Side, pairs: Pairs, tolerance: float) -> list[Change]:
    """What nodes have otherwise in the end, the largest difference first."""
    found = []
    for x, y in sorted(pairs.items()):
        for what, mine, theirs, scale in (
            ("data", a.data[x], b.data[y], size(a.data[x])),
            ("gradient", a.gradients[x], b.gradients[y], a.magnitudes[x]),
        ):
            if differ(mine, theirs, scale, tolerance):
                found.append(Change(x, a.names[x], what, mine, theirs, *farthest(mine, theirs)))
    return sorted(found, key=lambda change: -change.distance)


def _computed(a: Side, b: Side, step: Step, pairs: Pairs, tolerance: float) -> Iterator[Divergence]:
    """A node as it is computed, after the leaves that it uses; at the seed, the gradient of the result."""
    read = [(key, position) for position, key in enumerate(a.operands[step.key]) if not a.operands[key]]
    for operand in [*read, None]:
        x = step.key if operand is None else operand[0]
        if x in pairs and differ(a.data[x], b.data[pairs[x]], size(a.data[x]), tolerance):
            yield divergence(a, step, operand, [("data", a.data[x], b.data[pairs[x]])], "data")
    if step.phase == "seed" and pairs[step.key] == b.root and differ(step.grad, b.seed.grad, size(step.grad), tolerance):
        yield divergence(a, step, None, [("gradient", step.grad, b.seed.grad)], "gradient", [slip(b.seed.grad, step.grad)])


def _handed_on(a: Side, b: Side, step: Step, pairs: Pairs, tolerance: float) -> Iterator[Divergence]:
    """What operands are given, each beside what its partner is given."""
    other = b.backward.get(pairs[step.key])
    theirs = {given.position: given for given in other.contributions} if other else {}
    free = list(enumerate(b.operands[pairs[step.key]]))
    for given in step.contributions:
        partner = pairs.get(given.operand)
        places = [position for position, key in free if key == partner]
        if partner is None or not places:
            continue
        position = given.position if given.position in places else places[0]
        free.remove((position, partner))
        numbers = _numbers(a, step, given, other, theirs.get(position))
        for what, mine, yours in numbers:
            scale = size(given.before, given.amount) if what == "gradient after" else size(mine)
            if differ(mine, yours, scale, tolerance):
                word = _looks_like(what, mine, yours, step)
                if position not in theirs and not b.walk.nodes[partner].requires_grad:
                    word = CONSTANT
                yield divergence(a, step, (given.operand, given.position), numbers, what, [word])
                break


def _numbers(
    a: Side, step: Step, given: Contribution, other: Step | None, theirs: Contribution | None
) -> list[tuple[str, Any, Any]]:
    local = f"∂{a.names[step.key]}/∂{a.names[given.operand]}"
    return [
        ("upstream", step.grad, other and other.grad),
        *([(local, given.local, theirs and theirs.local)] if given.local is not None else []),
        ("contribution", given.amount, theirs and theirs.amount),
        ("gradient before", given.before, theirs and theirs.before),
        ("gradient after", given.after, theirs and theirs.after),
    ]


def _looks_like(what: str, right: Any, claimed: Any, step: Step) -> str:
    """Of the first number that differs between steps that are alike until then."""
    if claimed is None or what in ("upstream", "gradient after"):
        return ""
    if what == "gradient before":
        return OLD_GRADIENT
    return wrong_local(claimed, right, step) if what[0] == "∂" else slip(claimed, right)
