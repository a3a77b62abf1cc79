"""Two graphs drawn one above the other, with nodes that stand for each other at the same place.

Where they part is marked by a word, a thick outline and a thick arrow; nodes of one graph only have a dotted outline.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from html import escape
from textwrap import wrap

from ..diagram import Arrow, Box, Diagram, number
from ..svg import FONT, INK, PAPER, Marks, Stage, drawn, stage
from .aligning import Pairs
from .divergence import Divergence
from .numbers import told_apart
from .sides import Side

_MANY, _SHOWN = 150, 40  # nodes: of graphs beyond which a part is drawn, and of this part
_LINE, _PAD, _CHARACTER, _LEAST_WIDTH = 20.0, 16.0, 7.2, 640.0  # pixels
_BOLD = ' font-weight="bold"'

Changed = Collection[tuple[int, str]]  # keys of nodes of a, with what is different: data or gradient


def panels(a: Side, b: Side, pairs: Pairs, first: Divergence | None, changed: Changed, heading: Sequence[str]) -> str:
    """The picture as the text of an SVG file, under the lines of ``heading``."""
    count = len(a.walk.nodes)
    known = {y: x for x, y in pairs.items()}  # a node of b has the place of its partner, or one of its own
    places = [list(range(count)), [known.get(y, count + y) for y in range(len(b.walk.nodes))]]
    near = _near((a, b), places, first.step.key if first else a.root)
    try:
        order = {place: i for i, place in enumerate(_ordered((a, b), places, near))}
    except CycleError:  # labels have changed their places, so nothing stands for anything
        return panels(a, b, {}, first, changed, heading)
    shown = [_Panel(a, places[0], order), _Panel(b, places[1], order)]
    pairs = {x: y for x, y in pairs.items() if x in order}
    numbers = _numbers(a, b, pairs, first, changed)
    marks = [_marks(panel, which, pairs, numbers, first) for which, panel in enumerate(shown)]
    if len(near) < (most := len({*places[0], *places[1]})):
        heading = [*heading, f"{len(near)} of {most:,} nodes are drawn, those about this step"]
    return _page(heading, [a.name, b.name], _stages(shown, marks), marks)


@dataclass(frozen=True)
class _Panel:
    """The part of a side that is drawn. ``places`` has the place of each node; ``order`` has the places that are drawn."""

    side: Side
    places: Sequence[int]
    order: Mapping[int, int]

    @cached_property
    def keys(self) -> dict[int, int]:
        """The nodes drawn, by key, and their keys in the diagram."""
        drawn = [key for key, place in enumerate(self.places) if place in self.order]
        return {key: i for i, key in enumerate(drawn)}

    @cached_property
    def edges(self) -> list[tuple[int, int, int]]:
        """Source, target and position of each arrow."""
        return [(x, key, position) for key in self.keys for position, x in enumerate(self.side.operands[key]) if x in self.keys]

    @cached_property
    def diagram(self) -> Diagram:
        """The part as a diagram of its own. All nodes but plain numbers bear their names, since the text speaks of them so."""
        boxes = []
        for key, i in self.keys.items():
            box = self.side.diagram.boxes[key]
            label = self.side.names[key] if box.label or box.kind != "constant" else ""
            boxes.append(replace(box, key=i, label=label, data=self.side.data[key], grad=self.side.gradients[key]))
        return Diagram(tuple(boxes), tuple([Arrow(self.keys[s], self.keys[t], position) for s, t, position in self.edges]))

    def place(self, key: int) -> int:
        """The place of a node in the order of all that are drawn."""
        return self.order[self.places[key]]


def _near(sides: Sequence[Side], places: Sequence[Sequence[int]], key: int) -> set[int]:
    """All places, or of many those about place ``key``."""
    neighbours: dict[int, list[int]] = {place: [] for where in places for place in where}
    if len(neighbours) <= _MANY:
        return set(neighbours)
    for side, where in zip(sides, places):
        for target, operands in enumerate(side.operands):
            for x in operands:
                neighbours[where[x]].append(where[target])
                neighbours[where[target]].append(where[x])
    near, waiting = {key}, deque([key])
    while waiting:
        for place in neighbours[waiting.popleft()]:
            if place not in near and len(near) < _SHOWN:
                near.add(place)
                waiting.append(place)
    return near


def _ordered(sides: Sequence[Side], places: Sequence[Sequence[int]], near: Collection[int]) -> Iterable[int]:
    """The places that are near, operands before results on both sides."""
    sources: dict[int, list[int]] = {}
    for side, where in zip(sides, places):
        for target, operands in enumerate(side.operands):
            if where[target] in near:
                sources.setdefault(where[target], []).extend([where[x] for x in operands if where[x] in near])
    return TopologicalSorter(sources).static_order()


def _numbers(
    a: Side, b: Side, pairs: Pairs, first: Divergence | None, changed: Changed
) -> dict[tuple[int, str], tuple[str, str]]:
    """How the numbers of a node of ``a`` and of its partner are written: what differs with a sign, the first with a word."""
    told = {}
    for x, y in pairs.items():
        for what, mine, theirs in (("data", a.data[x], b.data[y]), ("gradient", a.gradients[x], b.gradients[y])):
            differs = (x, what) in changed
            sign = " ≠ first" if first and (x, what) == (first.key, first.what) else " ≠" if differs else ""
            one, other = told_apart(mine, theirs, differs)
            told[x, what] = one + sign, other + sign
    return told


def _marks(
    panel: _Panel,
    which: int,
    paired: Collection[int],
    numbers: Mapping[tuple[int, str], tuple[str, str]],
    first: Divergence | None,
) -> Marks:
    data, grads = [
        {i: numbers[panel.places[key], what][which] for key, i in panel.keys.items() if panel.places[key] in paired}
        for what in ("data", "gradient")
    ]
    pale = {i: key for key, i in panel.keys.items() if panel.places[key] not in paired}
    data |= {i: f"{number(panel.side.data[key])} only in {panel.side.name}" for i, key in pale.items()}
    if first is None:
        return Marks(data, grads, pale=pale)
    at = first.key if first.phase == "forward" else first.step.key
    strong = [i for key, i in panel.keys.items() if panel.places[key] == at]
    ends = first.operand_key, first.step.key
    arrows = [i for i, (s, t, _) in enumerate(panel.edges) if (panel.places[s], panel.places[t]) == ends]
    if first.phase != "backward" or not arrows:
        return Marks(data, grads, strong, pale)
    arrow = next((i for i in arrows if panel.edges[i][2] == first.position), arrows[0])
    numbers_of_step = {what: (mine, theirs) for what, mine, theirs in first.numbers if mine is not None and theirs is not None}
    told = told_apart(*numbers_of_step.get("contribution", (first.a, first.b)), True)[which]
    return Marks(data, grads, strong, pale, {arrow: f"first ≠ {told.replace('–', 'nothing')}"}, [arrow])


def _stages(panels: Sequence[_Panel], marks: Sequence[Marks]) -> list[Stage]:
    """Each panel with the places it has where both are arranged as one."""
    boxes: dict[int, Box] = {}
    for panel in panels:
        for key, box in zip(panel.keys, panel.diagram.boxes):
            other = boxes.get(panel.place(key), box)
            boxes[panel.place(key)] = max(other, box, key=lambda box: (box.kind != "constant", len(box.label + box.symbol)))
    links = {(panel.place(s), panel.place(t), position) for panel in panels for s, t, position in panel.edges}
    edges = {link: i for i, link in enumerate(sorted(links, key=lambda link: (link[1], link[2], link[0])))}
    whole = Diagram(tuple([replace(boxes[i], key=i) for i in range(len(boxes))]), tuple([Arrow(*edge) for edge in edges]))
    room = [_moved(panel, mark, edges) for panel, mark in zip(panels, marks)]
    both = stage(whole, room)
    stages = []
    for panel in panels:
        at = [panel.place(key) for key in panel.keys]
        lines = [both.layout.lines[edges[panel.place(s), panel.place(t), position]] for s, t, position in panel.edges]
        layout = replace(both.layout, centres=tuple([both.layout.centres[i] for i in at]), lines=tuple(lines))
        stages.append(Stage(panel.diagram, tuple([both.sizes[i] for i in at]), layout))
    return stages


def _moved(panel: _Panel, marks: Marks, edges: Mapping[tuple[int, int, int], int]) -> Marks:
    """The texts among ``marks``, for boxes and arrows of the whole."""
    at = [panel.place(key) for key in panel.keys]
    arrows = [edges[panel.place(s), panel.place(t), position] for s, t, position in panel.edges]
    return Marks(
        {at[i]: text for i, text in marks.data.items()},
        {at[i]: text for i, text in marks.grads.items()},
        labels={arrows[i]: text for i, text in marks.labels.items()},
    )


def _page(heading: Sequence[str], names: Sequence[str], stages: Sequence[Stage], marks: Sequence[Marks]) -> str:
    layout = stages[0].layout
    width = max(layout.width, _LEAST_WIDTH)
    lines = [part for line in heading for part in wrap(line, int((width - 2 * _PAD) / _CHARACTER))]
    spans = "".join(
        f'<tspan x="{_PAD:g}" y="{_PAD + _LINE * (i + 0.5):g}"{"" if i else _BOLD}>{escape(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    parts, y = [f'<text font-size="13">{spans}</text>'], _PAD + _LINE * len(lines)
    for name, at, mark in zip(names, stages, marks):
        parts.append(
            f'<g transform="translate(0 {y + _LINE:g})"><path d="M0 {-_LINE:g}H{width:g}" stroke="#cbd5e1"/>'
            f'<text x="{_PAD:g}" y="4" font-size="16" font-weight="bold">{name}</text>\n{drawn(at, mark)}\n</g>'
        )
        y += layout.height + _LINE
    title = escape(heading[0])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{y:.0f}" viewBox="0 0 {width:.0f} {y:.0f}" '
        f'role="img" aria-label="{title}" font-family="{FONT}" font-size="12" fill="{INK}">\n<title>{title}</title>\n'
        f'<rect width="{width:.0f}" height="{y:.0f}" fill="{PAPER}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
