"""What is inside the boxes of a folding, as HTML that opens at a click and needs no script."""

from collections import deque
from html import escape

from .. import html, svg
from .boxes import Folding
from .diagrams import Edges, diagram_of, labels_of
from .groups import MANY, Group

ROOM = 80_000  # bytes for all pictures together
MOST_ROLES = 2_000  # that a box may have to be looked into unasked


def insides(folding: Folding, edges: Edges, room: int = ROOM) -> str:
    """A ``<details>`` for each box, with a picture of one of what is alike in it, and again for each box in that.

    Level by level, the largest boxes come first, until there are ``room`` bytes of pictures; the others are named, with the
    call that opens them.
    """
    told: list[tuple[str, str, int]] = []  # of each box: its title, the picture, and which of these boxes it is in
    paths: list[list[str]] = []  # the names of the boxes around each, and its own
    waiting = deque([(folding, box, -1) for box in _largest_first(folding)])
    while waiting:
        around, box, outer = waiting.popleft()
        group = around.groups[box]
        paths.append([*(paths[outer] if outer >= 0 else []), group.name])
        inside = around.inside(box) if room > 0 and len(group.roles) <= MOST_ROLES else None
        content = ""
        if inside and len(inside.groups) <= MANY:
            content = html.image(_picture(group, inside, edges), f"Inside of {group.name}")
        if inside and 0 < len(content) <= room:
            room -= len(content)
            waiting += [(inside, inner, len(told)) for inner in _largest_first(inside)]
        else:
            content = f"<p>draw(…, expand={escape(repr(paths[-1]))}) shows it</p>" if len(group.roles) > 1 else ""
        told.append((_title(group), content, outer))
    within = [""] * (len(told) + 1)  # the last is for boxes that are in none
    for i in range(len(told) - 1, -1, -1):
        title, content, outer = told[i]
        within[outer] = html.details(title, content + within[i]) + within[outer]
    return within[-1]


def _largest_first(folding: Folding) -> list[int]:
    boxes = [box for box, group in enumerate(folding.groups) if group.kind not in ("node", "outside")]
    return sorted(boxes, key=lambda box: -len(folding.groups[box].keys))


def _picture(group: Group, inside: Folding, edges: Edges) -> str:
    diagram, members = diagram_of(inside)
    marks = svg.Marks(labels={i: label.short for i, label in labels_of(inside, members, edges).items()})
    return svg.svg(diagram, marks, f"Inside of {group.name}")


def _title(group: Group) -> str:
    what = f" = {group.what}" if group.what else ""
    times = f" ×{group.times:,}" if group.times > 1 else ""
    return f"{group.name}{what}{times}: {len(group.keys):,} nodes"
