"""What a picture shows at each step of a walk: which numbers are known by then, what is at work, what each edge carried.

The frames of a film strip are drawn from this, and the live page, which works it out by itself, is tested against it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .diagram import number
from .steps import Contribution, Walk
from .svg import Marks

NOT_YET = "not yet"


def moments(walk: Walk[Any]) -> list[Marks]:
    """The marks of each step, in order.

    A number that the walk has not come to is ``not yet``, which is not the same as 0. An edge is labelled with its local
    derivative from the step on in which it carries a contribution.
    """
    places = {(arrow.target, arrow.position): i for i, arrow in enumerate(walk.diagram.arrows)}
    into: dict[int, list[int]] = {}
    for i, arrow in enumerate(walk.diagram.arrows):
        into.setdefault(arrow.target, []).append(i)
    data = {step.key: NOT_YET for step in walk.steps if step.phase == "forward"}
    grads = {
        key: NOT_YET if type(g) is float and g == 0 else number(g)
        for key, g in enumerate(walk.start)
        if walk.diagram.boxes[key].kind != "constant"
    }
    labels: dict[int, str] = {}
    shown = []
    for step in walk.steps:
        at_work: list[int] = []
        if step.phase == "forward":
            data.pop(step.key)
            at_work = into.get(step.key, [])
        elif step.phase == "seed":
            grads[step.key] = number(step.grad)
        for c in step.contributions:
            grads[c.operand] = number(c.after)
            at_work.append(places[step.key, c.position])
            labels[at_work[-1]] = edge_label(c)
        waits = data if step.phase == "forward" else grads
        pale = frozenset([key for key, told in waits.items() if told is NOT_YET])
        shown.append(Marks(dict(data), dict(grads), frozenset([step.key]), pale, dict(labels), frozenset(at_work)))
    return shown


def last_moment(walk: Walk[Any]) -> Marks:
    """How all stands when the walk is over, with nothing at work. A gradient that nothing has reached is 0 then."""
    last = moments(walk)[-1]
    grads = {key: number(walk.start[key]) if told is NOT_YET else told for key, told in last.grads.items()}
    return Marks(grads=grads, labels=last.labels)


def edge_label(c: Contribution) -> str:
    """The local derivative that an edge multiplies by; of an array its norm. Of many edges, what they carry in all."""
    if c.count > 1:
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
