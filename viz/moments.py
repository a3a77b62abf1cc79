"""What a picture shows at each step of a walk: which numbers are known by then, what is at work, what each edge carried.

The frames of a film strip are drawn from this, and the live page, which works it out by itself, is tested against it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .diagram import Box, number
from .steps import Contribution, Walk
from .svg import Marks, text_width

NOT_YET = "not yet"


def moment(walk: Walk[Any], number_of_step: int) -> Marks:
    """The marks of a step, counted from 1.

    A number that the walk has not come to is ``not yet``, which is not the same as 0. An edge is labelled with its local
    derivative from the step on in which it carries a contribution.
    """
    places = _places(walk)
    step = walk.steps[number_of_step - 1]
    data = {later.key: NOT_YET for later in walk.steps[number_of_step:] if later.phase == "forward"}
    grads = {box.key: NOT_YET if _is_zero(g) else number(g) for box, g in zip(walk.diagram.boxes, walk.start) if _counts(box)}
    labels: dict[int, str] = {}
    for past in walk.steps[:number_of_step]:
        if past.phase == "seed":
            grads[past.key] = number(past.grad)
        for c in past.contributions:
            grads[c.operand] = number(c.after)
            labels[places[past.key, c.position]] = edge_label(c)
    if step.phase == "forward":
        at_work = [i for (target, _), i in places.items() if target == step.key]
    else:
        at_work = [places[step.key, c.position] for c in step.contributions]
    waits = data if step.phase == "forward" else grads
    pale = frozenset([key for key, told in waits.items() if told is NOT_YET])
    return Marks(data, grads, frozenset([step.key]), pale, labels, frozenset(at_work))


def extent(walk: Walk[Any]) -> list[Marks]:
    """Marks that between them want as much room as the moments do."""
    widest = {box.key: NOT_YET for box in walk.diagram.boxes if _counts(box)}
    for step in walk.steps:
        for c in step.contributions:
            widest[c.operand] = max(widest[c.operand], number(c.after), key=text_width)
    nothing = dict.fromkeys(widest, NOT_YET)
    return [Marks(dict.fromkeys([step.key for step in walk.steps], NOT_YET), nothing), Marks(grads=widest), last_moment(walk)]


def last_moment(walk: Walk[Any]) -> Marks:
    """How all stands when the walk is over, with nothing at work. A gradient that nothing has reached is 0 then."""
    places = _places(walk)
    labels = {places[step.key, c.position]: edge_label(c) for step in walk.steps for c in step.contributions}
    return Marks(grads=dict(enumerate(map(number, walk.end))), labels=labels)


def _places(walk: Walk[Any]) -> dict[tuple[int, int], int]:
    """Which arrow leads to a box, and stands for its operand at a position."""
    return {(arrow.target, arrow.position): i for i, arrow in enumerate(walk.diagram.arrows)}


def _counts(box: Box) -> bool:
    return box.kind != "constant"


def _is_zero(g: Any) -> bool:
    return type(g) is float and g == 0


def edge_label(c: Contribution) -> str:
    """The local derivative that an edge multiplies by; of an array its norm. Of edges between boxes, what they carry in all."""
    if c.count:
        return f"+= {number(c.amount)}"
    return "vjp" if c.local is None else f"×{_magnitude(c.local)}"


def _magnitude(x: Any) -> str:
    return f"‖{number(np.linalg.norm(x))}‖" if getattr(x, "shape", ()) else number(x)


def numbers_of(walk: Walk[Any], names: Sequence[str], most: int = 200) -> str:
    """The arrays among the numbers of a walk, in full up to ``most`` elements each; empty if there are none."""
    parts = []
    for box, called, grad in zip(walk.diagram.boxes, names, walk.end):
        for name, x in (("data", box.data), ("grad", grad)):
            if getattr(x, "shape", ()):
                parts.append(f"{called}.{name} =\n{np.array2string(np.asarray(x), precision=4, threshold=most)}")
    return "\n".join(parts)
