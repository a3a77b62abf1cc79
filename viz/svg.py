"""A diagram as an SVG picture.

The style is in presentation attributes, so that the picture survives where style sheets are cut. Kinds of node differ in
shape and stroke, not in colour alone. Same diagram, same bytes.
"""

import unicodedata
from html import escape

from .diagram import Box, Diagram, number
from .layout import Layout, arrange
from .text import formulas

# Text on its ground, and lines on white, have a contrast of 4.5 and more (WCAG 2.1, AA).
_PAPER, _INK, _PALE_INK, _LINE = "#ffffff", "#1b2430", "#566170", "#64748b"
_FILL = {"op": "#ffffff", "leaf": "#eaf3fa", "constant": "#f5f5f4"}
_STROKE = {
    "op": f'stroke="{_LINE}" stroke-width="1.2"',
    "leaf": 'stroke="#0072b2" stroke-width="2"',
    "constant": f'stroke="{_LINE}" stroke-width="1.2" stroke-dasharray="4 3"',
}
_ROUND = {"op": 7, "leaf": 16, "constant": 3}
_OP_INK, _OP_FILL = "#9a3c00", "#fdf0e6"

_FONT = "'Open Sans', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_SIZE, _SMALL = 14.0, 12.0  # of text, in pixels
_PAD, _ROW, _LEAST_WIDTH = 12.0, 17.0, 72.0


def svg(diagram: Diagram) -> str:
    """The picture as the text of an SVG file, on an opaque white ground, drawn from left to right."""
    layout = arrange([_size(box) for box in diagram.boxes], [(arrow.source, arrow.target) for arrow in diagram.arrows])
    told = formulas(diagram)
    w, h = f"{layout.width:.0f}", f"{layout.height:.0f}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" '
            f'aria-label="{escape(summary(diagram))}" font-family="{_FONT}" font-size="{_SMALL:g}" fill="{_INK}">',
            f"<title>{escape(summary(diagram))}</title>",
            "<desc>Operands stand to the left of results. Arrows lead from operand to result.</desc>",
            f'<rect width="{w}" height="{h}" fill="{_PAPER}"/>',
            *_arrows(layout),
            *[_drawn(box, at, formula) for box, at, formula in zip(diagram.boxes, layout.centres, told, strict=True)],
            "</svg>\n",
        ]
    )


def summary(diagram: Diagram) -> str:
    """What the picture shows, in one sentence, for who cannot see it."""
    root = diagram.boxes[-1]
    nodes, ops = len(diagram.boxes), sum(box.kind == "op" for box in diagram.boxes)
    return (
        f"Computation graph of {formulas(diagram)[-1]}: {nodes} node{'s' * (nodes != 1)}, {ops} operation{'s' * (ops != 1)}; "
        f"data {number(root.data)}, grad {number(root.grad)}"
    )


def _arrows(layout: Layout) -> list[str]:
    """Each edge as one path, its head two strokes of the same pen. Lines end horizontally, so all heads point right."""
    paths = []
    for (x, y), *points in layout.lines:
        d = f"M{_n(x)} {_n(y)}"
        for u, v in points:
            bend = (x + u) / 2
            d += f"H{_n(u)}" if v == y else f"C{_n(bend)} {_n(y)} {_n(bend)} {_n(v)} {_n(u)} {_n(v)}"
            x, y = u, v
        paths.append(f'<path d="{d}M{_n(x - 6)} {_n(y - 4)}L{_n(x - 1)} {_n(y)}L{_n(x - 6)} {_n(y + 4)}"/>')
    return [
        f'<g fill="none" stroke="{_LINE}" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round">',
        *paths,
        "</g>",
    ]


def _numbers(box: Box) -> list[tuple[str, str]]:
    return [("data", number(box.data))] + ([("grad", number(box.grad))] if box.kind != "constant" else [])


def _size(box: Box) -> tuple[float, float]:
    title = _width(box.label, _SIZE, bold=True) + (_chip(box) + 10 * bool(box.label) if box.symbol else 0.0)
    widest = max(_width(f"{name}  {value}", _SMALL) + 6 for name, value in _numbers(box))
    rows = len(_numbers(box)) + bool(box.label or box.symbol)
    return max(title, widest, 0.0 if box.kind == "constant" else _LEAST_WIDTH) + 2 * _PAD, rows * _ROW + 13


def _chip(box: Box) -> float:
    """The width of the coloured field around an op's symbol."""
    return max(_width(box.symbol, _SMALL) + 12, 20.0)


def _drawn(box: Box, centre: tuple[float, float], formula: str) -> str:
    w, h = _size(box)
    left, top, right = centre[0] - w / 2, centre[1] - h / 2, centre[0] + w / 2
    parts = [
        f"<g><title>{escape(formula)}</title>",
        f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(w)}" height="{_n(h)}" rx="{_ROUND[box.kind]}" '
        f'fill="{_FILL[box.kind]}" {_STROKE[box.kind]}/>',
    ]
    left, right, y = left + _PAD, right - _PAD, top + 20
    if box.label:
        parts.append(f'<text x="{_n(left)}" y="{_n(y)}" font-size="{_SIZE:g}" font-weight="bold">{escape(box.label)}</text>')
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
    for name, value in _numbers(box):
        parts.append(f'<text x="{_n(left)}" y="{_n(y)}" fill="{_PALE_INK}">{name}</text>')
        parts.append(f'<text x="{_n(right)}" y="{_n(y)}" text-anchor="end">{escape(value)}</text>')
        y += _ROW
    return "".join([*parts, "</g>"])


def _width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide the text is in pixels, in whatever font; rather too wide than too narrow."""
    ems = sum(_EMS.get(c) or (1.25 if unicodedata.east_asian_width(c) in "WF" else 0.64) for c in text)
    return ems * size * (1.06 if bold else 1.0)


_EMS = dict.fromkeys("iljtf.,:;|!'()[] I", 0.36) | dict.fromkeys("mwMW@%…", 0.98) | dict.fromkeys("ABCDEFGHKNOPQRSUVXYZ", 0.74)


def _n(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")
