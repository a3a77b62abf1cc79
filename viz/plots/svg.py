"""Charts, one below the other, as an SVG picture of our own: a few kilobytes, no style sheet, same charts, same bytes.

Lines differ in colour and in dashes, markers in colour and in shape, and each is named in words.
"""

import unicodedata
from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby
from math import pi, sin

import numpy as np

from .chart import Bars, Chart, Floats, Ground, Level, Line, Points, ticks

# Of 4.5 and more on white (WCAG 2.1, AA for text; lines need 3).
INK, FAINT = "#1f2933", "#dfe3e8"
COLOURS = ("#0072b2", "#b34700", "#007a5a", "#8e3b82", "#5f6b00", "#a3194a", "#3b5fc0", "#6b4e00", "#00707f", "#555555")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2 1 2")
MARKERS = "o^sDvX"  # as matplotlib names them: circle, triangle, square, diamond, triangle, cross
BROKEN = "#9aa3ad"  # of cells without a number

WIDTH, INNER_HEIGHT = 480, 232
_RIGHT, _SLANT = 16, 35 * pi / 180
_HALO = ' paint-order="stroke" stroke="#ffffff" stroke-width="4" stroke-linejoin="round"'
_MOST_POINTS, _MOST_ON_A_LINE, _MOST_NAMES = 1600, 800, 16


def svg(charts: Sequence[Chart], title: str, below: str = "", height: float = 0.0) -> str:
    """The picture, on an opaque white ground. What is drawn ``below`` the charts takes ``height`` and begins at 0."""
    parts, y = [], 0.0
    for chart in charts:
        frame = Frame(chart, y)
        parts.append(_chart(frame))
        y = frame.end
    if below:
        parts.append(f'<g transform="translate(0 {y:.0f})">{below}</g>')
        y += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" width="{WIDTH}" height="{y:.0f}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{y:.0f}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


class Frame:
    """Where a chart and its data lie on the paper, from ``start`` down to ``end``."""

    def __init__(self, chart: Chart, start: float = 0.0) -> None:
        self.chart = chart
        self.numbers = ticks(chart.y, 6)
        scale = (
            max((_wide(word) for mark in chart.marks if isinstance(mark, Ground) for word in mark.scale), default=-40.0) + 40
        )
        self.left = max([_wide(word) for _, word in self.numbers], default=0) + 36
        self.right = WIDTH - _RIGHT - scale
        self.legend, above = _legend(chart, start + 8)
        self.top = start + above + 14
        self.bottom = self.top + INNER_HEIGHT
        self.names, below = _bottom(self)
        self.end = self.bottom + below

    def across(self, values: Floats | float) -> Floats:
        """How far right numbers lie."""
        return np.asarray(self.left + self.chart.x.place(values) * (self.right - self.left))

    def up(self, values: Floats | float) -> Floats:
        """How far down they lie."""
        return np.asarray(self.bottom - self.chart.y.place(values) * INNER_HEIGHT)


def _chart(frame: Frame) -> str:
    drawn = [_draw(mark, frame) for mark in sorted(frame.chart.marks, key=_layer)]
    return "".join([_levels(frame), *drawn, _box(frame), frame.names, frame.legend])


def _layer(mark: object) -> int:
    """Grounds lie lowest; over the lines, levels and their words; markers on top."""
    return next(i for i, kind in enumerate((Ground, Bars, Line, Level, Points)) if isinstance(mark, kind))


# -- around the frame ----------------------------------------------------------------------------------------------------


def _box(frame: Frame) -> str:
    size = f'width="{frame.right - frame.left:.1f}" height="{INNER_HEIGHT}"'
    middle = (frame.top + frame.bottom) / 2
    name = _text(14, middle, frame.chart.y.name, "middle", f' transform="rotate(-90 14 {middle:.1f})"')
    return f'<rect x="{frame.left:.1f}" y="{frame.top:.1f}" {size} fill="none" stroke="{INK}"/>{name}'


def _levels(frame: Frame) -> str:
    """The numbers of the y axis, with a faint line each."""
    parts = []
    for share, word in frame.numbers:
        y = frame.bottom - share * INNER_HEIGHT
        parts.append(f'<path d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}" stroke="{FAINT}"/>')
        parts.append(_text(frame.left - 6, y + 4, word, "end"))
    return "".join(parts)


def _bottom(frame: Frame) -> tuple[str, float]:
    """The numbers or names of the x axis, and its own name; how much room they take."""
    axis, width = frame.chart.x, frame.right - frame.left
    marks = ticks(axis, 6)
    if not axis.categories:
        texts = [_text(frame.left + share * width, frame.bottom + 16, word) for share, word in marks]
        return "".join(texts) + _text(frame.left + width / 2, frame.bottom + 36, axis.name), 44.0
    shown = [mark for i, mark in enumerate(marks) if i % -(-len(marks) * 16 // int(width)) == 0]  # as many as have room
    level = max(_wide(word) for _, word in shown) < width / len(shown) - 6
    texts = []
    for share, word in shown:
        x, y = frame.left + share * width, frame.bottom + 16
        turned = "" if level else f' transform="rotate(-35 {x + 4:.1f} {y:.1f})"'
        texts.append(_text(x if level else x + 4, y, word, "middle" if level else "end", turned))
    room = 20.0 if level else max(_wide(word) for _, word in shown) * sin(_SLANT) + 20
    return "".join(texts) + _text(frame.left + width / 2, frame.bottom + room + 16, axis.name), room + 24


def _legend(chart: Chart, top: float) -> tuple[str, float]:
    """A sample and the name of each mark that has one, in rows, of very many the first; how much room they take."""
    parts, x, y = [], 16.0, top + 6
    named = [mark for mark in chart.marks if isinstance(mark, Line | Points | Bars) and mark.name]
    for mark in named[:_MOST_NAMES]:
        room = 36 + _wide(mark.name)
        if x + room > WIDTH - 8 and x > 16:
            x, y = 16.0, y + 18
        parts.append(_sample(mark, x, y) + _text(x + 30, y + 4, mark.name, "start"))
        x += room + 14
    if len(named) > _MOST_NAMES:
        y += 18
        parts.append(_text(16, y + 4, f"and {len(named) - _MOST_NAMES} more", "start"))
    return "".join(parts), y + 6 - top if named else 0.0


def _sample(mark: Line | Points | Bars, x: float, y: float) -> str:
    if isinstance(mark, Line):
        return f'<path d="M{x:.1f} {y:.1f}h24" {_pen(mark)}/>'
    if isinstance(mark, Points):
        return _markers(np.array([x + 12]), np.array([y]), mark.look)
    return f'<rect x="{x + 4:.1f}" y="{y - 6:.1f}" width="16" height="12" {_fill(mark)}/>'


def _text(x: float, y: float, words: str, anchor: str = "middle", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def _wide(words: str) -> float:
    """About how wide the words are in pixels; rather too wide than too narrow."""
    return 12.0 * sum(
        1.05 if unicodedata.east_asian_width(c) in "WF" else 0.36 if c in " .,:;|'()[]il-" else 0.62 for c in words
    )


# -- in the frame --------------------------------------------------------------------------------------------------------


def _draw(mark: object, frame: Frame) -> str:
    match mark:
        case Ground():
            return _ground(mark, frame)
        case Bars():
            return _bars(mark, frame)
        case Line():
            return _line(mark, frame)
        case Points():
            return _markers(frame.across(mark.x), frame.up(mark.y), mark.look)
        case Level():
            y = float(frame.up(mark.y))
            line = f'<path d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}" stroke="{INK}" stroke-dasharray="2 4"/>'
            return line + _text(frame.right - 6, y - 5, mark.words, "end", _HALO)
    raise TypeError(f"no mark: {mark!r}")


def _pen(line: Line) -> str:
    colour = COLOURS[line.look % len(COLOURS)]
    if line.thin:
        return f'fill="none" stroke="{tint(colour, 0.4)}" stroke-linecap="round"'
    dash = DASHES[line.look % len(DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'fill="none" stroke="{colour}" stroke-width="2" stroke-linecap="{"butt" if dash else "round"}"{dashes}'


def _line(line: Line, frame: Frame) -> str:
    lines = sum(isinstance(mark, Line) for mark in frame.chart.marks)
    x, y = _thinned(line.x, line.y, min(_MOST_POINTS // lines, _MOST_ON_A_LINE))
    xs, ys = frame.across(x).tolist(), frame.up(y).tolist()
    path = ""
    for whole, run in groupby(zip(xs, ys), key=lambda point: point[1] == point[1]):
        if whole:
            points = [f"{_n(x)} {_n(y)}" for x, y in run]
            path += f"M{points[0]}" + ("L" + " ".join(points[1:]) if len(points) > 1 else "h.1")
    return f'<path d="{path}" stroke-linejoin="round" {_pen(line)}/>' if path else ""


def _thinned(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """At most ``most`` of the points: of each stretch the lowest and the highest, so that no peak is lost; and both ends."""
    if len(x) <= most:
        return x, y
    kept = {0, len(x) - 1}
    for stretch in np.array_split(np.arange(len(x)), max(most // 2 - 1, 1)):
        part = y[stretch]
        if np.isfinite(part).any():
            kept |= {int(stretch[np.nanargmin(part)]), int(stretch[np.nanargmax(part)])}
    order = sorted(kept)
    return x[order], y[order]


def _markers(xs: Floats, ys: Floats, look: int) -> str:
    """All markers of a kind as one path. Round and square ones are dots of a thick pen, laid on wider dots of white."""
    colour, shape = COLOURS[look % len(COLOURS)], MARKERS[look % len(MARKERS)]
    at = [f"M{_n(x)} {_n(y)}" for x, y in zip(xs.tolist(), ys.tolist()) if x == x and y == y]
    if not at:
        return ""
    if shape in "os":
        dots, cap = "h0".join([*at, ""]), "round" if shape == "o" else "square"
        pens = (("#ffffff", 9), (colour, 7)) if shape == "o" else (("#ffffff", 8), (colour, 6))
        return "".join(f'<path d="{dots}" stroke="{ink}" stroke-width="{wide}" stroke-linecap="{cap}"/>' for ink, wide in pens)
    if shape == "X":
        crosses = "".join(f"{point}m-4 -4l8 8m0 -8l-8 8" for point in at)
        return f'<path d="{crosses}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
    outline = {"D": "m0 -5l5 5-5 5-5-5z", "v": "m0 5l-5-8.5h10z", "^": "m0 -5l5 8.5h-10z"}[shape]
    return f'<path d="{outline.join([*at, ""])}" fill="{colour}" stroke="#ffffff" stroke-width=".8"/>'


def _fill(bars: Bars) -> str:
    colour = COLOURS[bars.look % len(COLOURS)]
    return f'fill="{tint(colour, 0.2 if bars.width > 0.5 else 1.0)}" stroke="{colour}" stroke-width="1.5"'


def _bars(bars: Bars, frame: Frame) -> str:
    parts = []
    wide = min((frame.right - frame.left) / max(len(bars.heights), 1), 120.0) * bars.width
    for i, height in enumerate(bars.heights.tolist()):
        y, foot = float(frame.up(height)), float(frame.up(0.0))
        x = float(frame.across(float(i))) - wide / 2
        parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{foot - y:.1f}" {_fill(bars)}/>')
    return "".join(parts)


def _ground(ground: Ground, frame: Frame) -> str:
    """Equal cells beside each other are one rectangle; all rectangles of a band are one path."""
    left, right, bottom, top = ground.extent
    rows, columns = ground.values.shape
    xs = np.rint(frame.across(np.linspace(left, right, columns + 1))).astype(int).tolist()
    ys = np.rint(frame.up(np.linspace(bottom, top, rows + 1))).astype(int).tolist()
    bands = np.where(np.isfinite(ground.values), np.searchsorted(ground.edges, ground.values, side="right"), -1)
    paths: dict[int, list[str]] = {}
    for i, row in enumerate(bands.tolist()):
        start = 0
        for band, run in groupby(row):
            end = start + len(list(run))
            wide = xs[end] - xs[start]
            paths.setdefault(band, []).append(f"M{xs[start]} {ys[i + 1]}h{wide}v{ys[i] - ys[i + 1]}h{-wide}z")
            start = end
    shades = [*ground.shades, BROKEN]
    parts = [f'<path d="{"".join(path)}" fill="{shades[band]}"/>' for band, path in sorted(paths.items())]
    middles_x = frame.across(left + (np.arange(columns) + 0.5) * (right - left) / columns)
    middles_y = frame.up(bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows)

    def point(column: float, row: float) -> tuple[float, float]:
        return float(np.interp(column, range(columns), middles_x)), float(np.interp(row, range(rows), middles_y))

    for level in ground.contours:
        path = contour(ground.values - level, point)
        parts.append(
            f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="{1.6 if len(ground.contours) == 1 else 0.6}"/>'
        )
    return f'<g shape-rendering="crispEdges">{"".join(parts[: len(paths)])}</g>{"".join(parts[len(paths) :])}' + _scale(
        ground, frame
    )


def _scale(ground: Ground, frame: Frame) -> str:
    """Beside the frame, a column of the shades with the edges between them."""
    if not ground.scale:
        return ""
    x, step = frame.right + 12, INNER_HEIGHT / len(ground.shades)
    parts = [
        f'<rect x="{x:.1f}" y="{frame.bottom - (i + 1) * step:.1f}" width="14" height="{step + 0.3:.1f}" fill="{shade}"/>'
        for i, shade in enumerate(ground.shades)
    ]
    parts += [_text(x + 19, frame.bottom - (i + 1) * step + 4, word, "start") for i, word in enumerate(ground.scale)]
    return (
        "".join(parts)
        + f'<rect x="{x:.1f}" y="{frame.top:.1f}" width="14" height="{INNER_HEIGHT}" fill="none" stroke="{INK}"/>'
    )


def contour(field: Floats, point: Callable[[float, float], tuple[float, float]]) -> str:
    """Where ``field``, given at grid points, passes 0: a path of short lines, chained where they meet (marching squares)."""
    neighbours: dict[str, list[str]] = {}
    rows, columns = field.shape
    numbers = field.tolist()
    for i in range(rows - 1):
        for j in range(columns - 1):
            corners = ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j))
            cuts = []
            for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1]):
                start, end = numbers[a][b], numbers[c][d]
                if (start < 0) != (end < 0) and abs(start) + abs(end) < float("inf"):
                    if (a, b) > (c, d):  # the same cut has the same digits in both of its cells
                        (a, b), (c, d), start, end = (c, d), (a, b), end, start
                    t = start / (start - end)
                    x, y = point(b + t * (d - b), a + t * (c - a))
                    cuts.append(f"{_n(x)} {_n(y)}")
            for one, other in zip(cuts[::2], cuts[1::2]):
                if one != other:
                    neighbours.setdefault(one, []).append(other)
                    neighbours.setdefault(other, []).append(one)
    return "".join(f"M{chain[0]}L{' '.join(chain[1:])}" for chain in _chains(neighbours))


def _chains(neighbours: dict[str, list[str]]) -> list[list[str]]:
    """Every line between neighbours once, as few chains as a walk finds: first from loose ends, then around loops."""
    chains = []
    for start in sorted(neighbours, key=lambda place: len(neighbours[place]) != 1):
        while neighbours[start]:
            chain = [start]
            while neighbours[chain[-1]]:
                chain.append(neighbours[chain[-1]].pop())
                neighbours[chain[-1]].remove(chain[-2])
            chains.append(chain)
    return chains


def _n(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def tint(colour: str, strength: float) -> str:
    """A colour thinned with white."""
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (channel - 255) * strength):02x}" for channel in channels)
