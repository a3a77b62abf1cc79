"""A walk through a folded graph: a step is that of a box, and what a box is given is one sum, exact to the last bit.

>>> import nn
>>> from viz import fold
>>> from viz.steps import walk
>>> from viz.transcript import transcript
>>> y = nn.MLP(1, [2, 1], init=lambda rng, m, n: [[0.5] * n] * m)(2.0)
>>> print(transcript(fold_walk(walk(y), fold(y, depth=1))))  # doctest: +SKIP
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..diagram import Arrow, Total
from ..steps import Contribution, Phase, Step, Walk
from .boxes import Folding
from .diagrams import diagram_of
from .flows import flow


def fold_walk(walk: Walk[Any], folding: Folding) -> Walk[Any]:
    """The same walk, box by box. ``folding`` is of the graph that ``walk`` goes through, and hides nothing of it.

    A step knows those it is made of as its ``parts``. What goes from node to node within a box is not told.
    """
    diagram, members = diagram_of(folding)
    arrow_of = {(member.target, member.position): i for i, edges in enumerate(members) for member in edges}
    parts: dict[tuple[Phase, int], list[Step]] = {}
    for step in walk.steps:
        parts.setdefault((step.phase, folding.box_of[step.key]), []).append(step)
    told = {len(walk.nodes) - 1, *[member.source for edges in members for member in edges]}  # who is given from without
    received = [
        [walk.start[key] for key in group.keys if key in told and not _is_zero(walk.start[key])] for group in folding.groups
    ]
    start = tuple(map(_together, received))

    steps: list[Step] = []

    def take(phase: Phase, box: int, own: Sequence[Step], contributions: Sequence[Contribution] = ()) -> None:
        data, operands = diagram.boxes[box].data, own[-1].operands if folding.groups[box].kind == "node" else ()
        grad = 0.0 if phase == "forward" else _together(received[box])
        steps.append(Step(len(steps), phase, box, own[-1].node, operands, data, grad, tuple(contributions), tuple(own)))

    boxes = range(len(folding.groups))
    for box in boxes:
        if own := parts.get(("forward", box)):
            take("forward", box, own)
    root = boxes[-1]
    (seed,) = parts["seed", root]
    received[root].append(seed.grad)
    take("seed", root, [seed])
    for box in reversed(boxes):
        if own := parts.get(("backward", box)):
            given: dict[int, list[Contribution]] = {}
            for step in own:
                for c in step.contributions:
                    if folding.box_of[c.operand] != box:
                        given.setdefault(arrow_of[step.key, c.position], []).append(c)
            alone = folding.groups[box].kind == "node"
            take("backward", box, own, [_as_one(diagram.arrows[i], cs, received, alone) for i, cs in given.items()])
    return Walk(walk.nodes, tuple(steps), start, diagram)


def _as_one(arrow: Arrow, contributions: Sequence[Contribution], received: list[list[Any]], alone: bool) -> Contribution:
    """The contributions along an arrow as one. That of a node ``alone`` is upstream times local; the upstream of others is
    within a box."""
    amounts = [c.amount for c in contributions]
    before = _together(received[arrow.source])
    received[arrow.source] += amounts
    single = alone and len(contributions) == 1
    local = contributions[0].local if single else None
    after = _together(received[arrow.source])
    count = 0 if single else len(amounts)
    return Contribution(arrow.position, arrow.source, local, _together(amounts), before, after, count)


def _together(amounts: Sequence[Any]) -> Any:
    """One number, or array, for several."""
    if len(amounts) == 1:
        return amounts[0]
    its = flow(amounts)
    if its is None:
        return 0.0
    return Total(None, its.norm) if its.total is None else its.total


def _is_zero(x: Any) -> bool:
    return not np.any(x)
