"""A diagram as an SVG picture.

svg ...... the picture
Marks .... what it says beyond the diagram: emphasis, other numbers, labels on arrows
stage .... where all stands, for pictures of one diagram with different marks

The style is in presentation attributes, so that the picture survives where style sheets are cut. Kinds of node differ in
shape and stroke, not in colour alone. Same diagram, same bytes.
"""

import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from .diagram import Box, Diagram, number
from .layout import BETWEEN_ENDS, Layout, arrange
from .text import formulas, has_gradient

# Text on its ground, and lines on white, have a contrast of 4.5 and more (WCAG 2.1, AA).
PAPER, INK, _PALE_INK, _LINE = "#ffffff", "#1b2430", "#566170", "#64748b"
_FILL = {"op": "#ffffff", "leaf": "#eaf3fa", "constant": "#f5f5f4", "group": "#ffffff", "outside": "#ffffff"}
_STROKE = {
    "op": f'stroke="{_LINE}" stroke-width="1.2"',
    "leaf": 'stroke="#0072b2" stroke-width="2"',
    "constant": f'stroke="{_LINE}" stroke-width="1.2" stroke-dasharray="4 3"',
    "group": f'stroke="{_LINE}" stroke-width="1.2"',
    "outside": f'stroke="{_LINE}" stroke-width="1.2" stroke-dasharray="1 4"',
}
_ROUND = {"op": 7, "leaf": 16, "constant": 3, "group": 7, "outside": 7}
_SHEET = 4.0  # a group is a stack of sheets, each so much higher and further to the right than the one before it
_OP_INK, _OP_FILL = "#9a3c00", "#fdf0e6"

FONT = "'Open Sans', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_SIZE, _SMALL, _TINY = 14.0, 12.0, 10.5  # of text, in pixels
_PAD, _ROW, _LEAST_WIDTH = 12.0, 17.0, 72.0
_HEAD, _LABEL = 9.0, 14.0  # the length of an arrow's head, the height of its label


@dataclass(frozen=True, slots=True)
class Marks:
    """What a picture says beyond its diagram. Boxes are known by their keys, arrows by their place in the diagram."""

    data: Mapping[int, str] = field(default_factory=dict)  # in place of a box's own number
    grads: Mapping[int, str] = field(default_factory=dict)
    strong: Container[int] = ()  # boxes with a thick outline
    pale: Container[int] = ()  # boxes with a dotted outline
    labels: Mapping[int, str] = field(default_factory=dict)  # of arrows
    strong_arrows: Container[int] = ()
    dashed_arrows: Container[int] = ()


NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Stage:
    """A diagram with the sizes and places of all that is drawn of it."""

    diagram: Diagram
    sizes: tuple[tuple[float, float], ...]
    layout: Layout


def stage(diagram: Diagram, shown: Sequence[Marks] = (NO_MARKS,)) -> Stage:
    """Where all stands, with room for what any of the marks ``shown`` has."""
    labelled = {diagram.arrows[i].target for marks in shown for i in marks.labels}
    arriving = Counter([arrow.target for arrow in diagram.arrows if arrow.target in labelled])
    sizes = tuple([_size(box, shown, arriving[box.key]) for box in diagram.boxes])
    label = max((text_width(label, _TINY) for marks in shown for label in marks.labels.values()), default=0.0)
    layout = arrange(
        sizes,
        [(arrow.source, arrow.target) for arrow in diagram.arrows],
        run_up=label + 2 * _HEAD if label else 0.0,
        between_ends=_LABEL if label else BETWEEN_ENDS,
    )
    return Stage(diagram, sizes, layout)


def svg(diagram: Diagram, marks: Marks = NO_MARKS, title: str = "") -> str:
    """The picture as the text of an SVG file, on an opaque white ground, drawn from left to right.

    ``title`` says what it shows, in one sentence; by default its summary.
    """
    return svg_of(stage(diagram, [marks]), marks, title)


def svg_of(stage: Stage, marks: Marks, title: str = "") -> str:
    """The picture of a diagram that has its places."""
    diagram, layout = stage.diagram, stage.layout
    shown = escape(title or summary(diagram))
    w, h = f"{layout.width:.0f}", f"{layout.height:.0f}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" '
            f'aria-label="{shown}" font-family="{FONT}" font-size="{_SMALL:g}" fill="{INK}">',
            f"<title>{shown}</title>",
            "<desc>Operands stand to the left of results. Arrows lead from operand to result.</desc>",
            f'<rect width="{w}" height="{h}" fill="{PAPER}"/>',
            drawn(stage, marks),
            "</svg>\n",
        ]
    )


def drawn(stage: Stage, marks: Marks) -> str:
    """What stands on the ground of a picture: arrows, their labels, boxes."""
    told = formulas(stage.diagram)
    return "\n".join(
        [
            *_arrows(stage.layout, marks),
            *_labels(stage.layout, marks),
            *[
                _drawn(box, size, at, formula, marks)
                for box, size, at, formula in zip(stage.diagram.boxes, stage.sizes, stage.layout.centres, told, strict=True)
            ],
        ]
    )


def summary(diagram: Diagram) -> str:
    """What the picture shows, in one sentence, for who cannot see it."""
    root = diagram.boxes[-1]
    boxes, nodes = len(diagram.boxes), sum([box.nodes for box in diagram.boxes])
    ops = sum(box.kind == "op" for box in diagram.boxes)
    counts = f"{boxes} node{'s' * (boxes != 1)}, {ops} operation{'s' * (ops != 1)}"
    if boxes < nodes:
        counts = f"{nodes:,} nodes in {boxes} box{'es' * (boxes != 1)}"
    grad = "" if root.grad is None else f", grad {number(root.grad)}"
    return f"Computation graph of {formulas(diagram)[-1]}: {counts}; data {number(root.data)}{grad}"


def _arrows(layout: Layout, marks: Marks) -> list[str]:
    """Each edge as one path, its head two strokes of the same pen. Lines end horizontally, so all heads point right."""
    paths = []
    for i, ((x, y), *points) in enumerate(layout.lines):
        d = f"M{_n(x)} {_n(y)}"
        for u, v in points:
            bend = (x + u) / 2
            d += f"H{_n(u)}" if v == y else f"C{_n(bend)} {_n(y)} {_n(bend)} {_n(v)} {_n(u)} {_n(v)}"
            x, y = u, v
        style = f' stroke="{_OP_INK}" stroke-width="2.6"' if i in marks.strong_arrows else ""
        style += ' stroke-dasharray="4 4"' if i in marks.dashed_arrows else ""
        paths.append(f'<path d="{d}M{_n(x - 6)} {_n(y - 4)}L{_n(x - 1)} {_n(y)}L{_n(x - 6)} {_n(y + 4)}"{style}/>')
    return [
        f'<g fill="none" stroke="{_LINE}" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round">',
        *paths,
        "</g>",
    ]


def _labels(layout: Layout, marks: Marks) -> list[str]:
    """The label of each arrow, above its last stretch, on a halo of the ground's colour."""
    if not marks.labels:
        return []
    texts = []
    for i, label in sorted(marks.labels.items()):
        x, y = layout.lines[i][-1]
        weight = ' font-weight="bold"' if i in marks.strong_arrows else ""
        texts.append(f'<text x="{_n(x - _HEAD)}" y="{_n(y - 3)}"{weight}>{escape(label)}</text>')
    return [
        f'<g font-size="{_TINY:g}" text-anchor="end" fill="{_OP_INK}" stroke="{PAPER}" stroke-width="3" '
        'stroke-linejoin="round" paint-order="stroke">',
        *texts,
        "</g>",
    ]


def _numbers(box: Box, marks: Marks) -> list[tuple[str, str]]:
    """The rows of a box below its title, each with something to the left and something to the right."""
    if box.rows or box.kind == "outside":
        return [*box.rows]
    told = [(row, "") for row in (box.what, f"{box.nodes:,} nodes") if row] if box.kind == "group" else []
    told.append(("data", marks.data.get(box.key) or number(box.data)))
    return [*told, ("grad", marks.grads.get(box.key) or number(box.grad))] if has_gradient(box) else told


def _size(box: Box, shown: Iterable[Marks], arriving: int) -> tuple[float, float]:
    """Width and height of a box, at which so many arrows arrive that want room for labels."""
    title = text_width(box.label, _SIZE, bold=True) + (_chip(box) + 10 * bool(box.label) if box.symbol else 0.0)
    rows = [_numbers(box, marks) for marks in shown]
    widest = max((text_width(f"{name}  {value}", _SMALL) + 6 for its in rows for name, value in its), default=0.0)
    width = max(title, widest, _LEAST_WIDTH if has_gradient(box) else 0.0) + 2 * _PAD
    height = max((len(rows[0]) + bool(box.label or box.symbol)) * _ROW + 13, _LABEL * (arriving + 1) * (arriving > 1))
    stack = 2 * _SHEET if box.kind == "group" else 0.0
    return width + stack, height + stack


def _chip(box: Box) -> float:
    """The width of the coloured field around an op's symbol."""
    return max(text_width(box.symbol, _SMALL) + 12, 20.0)


def _drawn(box: Box, size: tuple[float, float], centre: tuple[float, float], formula: str, marks: Marks) -> str:
    w, h = size
    left, top, right = centre[0] - w / 2, centre[1] - h / 2, centre[0] + w / 2
    sheets = 3 if box.kind == "group" else 1
    w, h, right = w - (sheets - 1) * _SHEET, h - (sheets - 1) * _SHEET, right - (sheets - 1) * _SHEET
    parts = [f"<g><title>{escape(formula)}</title>"]
    for sheet in reversed(range(sheets)):
        x, y = left + sheet * _SHEET, top + (sheets - 1 - sheet) * _SHEET
        parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{_n(h)}" rx="{_ROUND[box.kind]}" '
            f'fill="{_FILL[box.kind]}" {_stroke(box, marks)}/>'
        )
    left, right, y = left + _PAD, right - _PAD, top + (sheets - 1) * _SHEET + 20
    if box.label:
        look = f'fill="{_PALE_INK}"' if box.kind == "outside" else 'font-weight="bold"'
        parts.append(f'<text x="{_n(left)}" y="{_n(y)}" font-size="{_SIZE:g}" {look}>{escape(box.label)}</text>')
    if box.symbol:
        chip = _chip(box)
        chip_left = right - chip if box.label else left
        parts.append(f'<rect x="{_n(chip_left)}" y="{_n(y - 14)}" width="{_n(chip)}" height="18" rx="9" fill="{_OP_FILL}"/>')
        parts.append(
            f'<text x="{_n(chip_left + chip / 2)}" y="{_n(y - 1)}" text-anchor="middle" font-weight="bold" fill="{_OP_INK}">'
            f"{escape(box.symbol)}</text>"
        )
    if box.label or box.symbol:
        y += _ROW + 1
    for name, value in _numbers(box, marks):
        parts.append(f'<text x="{_n(left)}" y="{_n(y)}" fill="{_PALE_INK}">{escape(name)}</text>')
        if value:
            parts.append(f'<text x="{_n(right)}" y="{_n(y)}" text-anchor="end">{escape(value)}</text>')
        y += _ROW
    return "".join([*parts, "</g>"])


def _stroke(box: Box, marks: Marks) -> str:
    if box.key in marks.strong:
        return f'stroke="{_OP_INK}" stroke-width="3.5"'
    return f'stroke="{_LINE}" stroke-width="1.2" stroke-dasharray="1 4"' if box.key in marks.pale else _STROKE[box.kind]


def text_width(text: str, size: float = _SMALL, *, bold: bool = False) -> float:
    """About how wide the text is in pixels, in whatever font; rather too wide than too narrow."""
    ems = sum(_EMS.get(c) or (1.25 if unicodedata.east_asian_width(c) in "WF" else 0.64) for c in text)
    return ems * size * (1.06 if bold else 1.0)


_EMS = dict.fromkeys("iljtf.,:;|!'()[] I", 0.36) | dict.fromkeys("mwMW@%…", 0.98) | dict.fromkeys("ABCDEFGHKNOPQRSUVXYZ", 0.74)


def _n(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")
