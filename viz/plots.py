"""The plots of a training run as small SVGs of our own: numbers in, text out.

loss_curve ....... the loss over the epochs, on a logarithmic scale
decision_map ..... what a model says at every point of a plane, with the examples on it
"""

from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby
from math import ceil, floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray

from .words import printable

Floats = NDArray[np.float64]

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 24, 44
_INNER_WIDTH, _INNER_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_INK, _FAINT, _LINE = "#1f2933", "#dfe3e8", "#0072b2"
_TWO = ("#0072b2", "#b34700")
_MANY = ("#0072b2", "#b34700", "#007a5a", "#8e3b82", "#5f6b00", "#a3194a", "#3b5fc0", "#6b4e00", "#00707f", "#555555")


class _Axes:
    """A frame, and where the data lie in it."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.x, self.y = x, y

    def across(self, value: float) -> float:
        low, high = self.x
        return _LEFT + (value - low) / (high - low) * _INNER_WIDTH

    def up(self, value: float) -> float:
        low, high = self.y
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * _INNER_HEIGHT

    def point(self, x: float, y: float) -> str:
        return f"{self.across(x):.1f},{self.up(y):.1f}"


def _svg(title: str, parts: Sequence[str]) -> str:
    name = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="12"><title>{name}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>' + "".join(parts) + "</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str = "middle", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}"{extra}>{escape(words)}</text>'


def _frame(axes: _Axes, x_name: str, y_name: str) -> list[str]:
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    return [
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_INNER_WIDTH}" height="{_INNER_HEIGHT}" fill="none" stroke="{_INK}"/>',
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_name),
        _text(14, middle, y_name, extra=f' transform="rotate(-90 14 {middle:.1f})"'),
    ]


def _ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from ``low`` to ``high``, at most about ``most``."""
    rough = (high - low) / most or 1.0
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough)
    return [step * i for i in range(ceil(low / step), floor(high / step) + 1)]


def loss_curve(loss: Sequence[float]) -> str:
    """The mean loss of each epoch as a line, logarithmic from the largest to the smallest; a picture without a line if there
    is none.

    Args:
        loss: one number an epoch; those that are not positive and finite are left out.
    """
    shown = [(epoch, log10(value)) for epoch, value in enumerate(loss, 1) if isfinite(value) and value > 0]
    if not shown:
        return _svg("Loss over epochs: nothing to show", [_text(_WIDTH / 2, _HEIGHT / 2, "no epoch was finished")])
    heights = [height for _, height in shown]
    low, high = min(heights) - 0.05, max(heights) + 0.05
    axes = _Axes((0.5, len(loss) + 0.5), (low, high))
    parts = []
    for power, number in _log_ticks(low, high):
        y = axes.up(power)
        parts += [
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_FAINT}"/>',
            _text(_LEFT - 6, y + 4, number, "end"),
        ]
    for epoch in _ticks(1, len(loss)):
        if epoch == int(epoch) and epoch >= 1:
            parts.append(_text(axes.across(epoch), _HEIGHT - _BOTTOM + 16, f"{epoch:g}"))
    line = " ".join(axes.point(*point) for point in shown)
    parts += [
        *_frame(axes, "epoch", "loss (log scale)"),
        f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="2" stroke-linejoin="round"/>',
        f'<circle cx="{axes.across(shown[-1][0]):.1f}" cy="{axes.up(shown[-1][1]):.1f}" r="4" fill="{_LINE}"/>',
    ]
    return _svg(f"Loss over {len(loss)} epochs, from {loss[0]:.4g} to {loss[-1]:.4g}", parts)


def _log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round numbers between two powers of ten, about 3 to 8 of them: the power of each, and how it is written."""
    decades = range(max(floor(low), -323), min(ceil(high), 308) + 1)
    stride = ceil(len(decades) / 8)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        ticks = [
            (decade + log10(digit), f"{float(f'{digit}e{decade}'):.3g}") for decade in decades[::stride] for digit in digits
        ]
        shown = [tick for tick in ticks if low <= tick[0] <= high]
        if len(shown) >= 3:
            break
    return shown


def decision_map(
    answers: Floats,
    extent: tuple[float, float, float, float],
    points: Floats,
    labels: NDArray[np.int64],
    names: tuple[str, str],
    classes: Sequence[str],
) -> str:
    """What a model says over a plane, with the examples on it.

    Args:
        answers: shape ``(rows, columns)``, the first row at the bottom, each at the middle of its cell. For two classes the
            probability of the second, else the number of the likeliest class.
        extent: left, right, bottom and top of the plane.
        points: examples, shape ``(n, 2)``.
        labels: their classes, shape ``(n,)``.
        names: of the two features.
        classes: names of the classes.
    """
    left, right, bottom, top = extent
    across, up = map(printable, names)
    axes = _Axes((left, right), (bottom, top))
    rows, columns = answers.shape
    wide, high = _INNER_WIDTH / columns, _INNER_HEIGHT / rows
    bands = np.floor(answers * 9.999) if len(classes) == 2 else answers
    parts = ['<g shape-rendering="crispEdges">']
    for i, row in enumerate(bands):
        start = 0
        for band, run in groupby(row.tolist()):
            length = len(list(run))
            x, y = _LEFT + start * wide, _HEIGHT - _BOTTOM - (i + 1) * high
            size = f'width="{length * wide:.2f}" height="{high + 0.3:.2f}"'
            parts.append(f'<rect x="{x:.2f}" y="{y:.2f}" {size} fill="{_shade(band, len(classes))}"/>')
            start += length
    parts.append("</g>")
    if len(classes) == 2:
        border = _contour(
            answers - 0.5,
            lambda column, row: f"{_LEFT + (column + 0.5) * wide:.1f},{_HEIGHT - _BOTTOM - (row + 0.5) * high:.1f}",
        )
        parts.append(f'<path d="{border}" fill="none" stroke="{_INK}" stroke-width="1.5"/>')
    colours = _TWO if len(classes) == 2 else _MANY
    for (a, b), label in zip(points.tolist(), labels.tolist()):
        parts.append(_marker(axes.across(a), axes.up(b), label, colours[label % len(colours)]))
    parts += _legend(classes, colours)
    parts += [_text(axes.across(v), _HEIGHT - _BOTTOM + 16, f"{v:.4g}") for v in _ticks(left, right)]
    parts += [_text(_LEFT - 6, axes.up(v) + 4, f"{v:.4g}", "end") for v in _ticks(bottom, top)]
    return _svg(f"What the model says over {across} and {up}, with {len(labels)} examples", parts + _frame(axes, across, up))


def _legend(classes: Sequence[str], colours: Sequence[str]) -> list[str]:
    """Marker and name of each class, in one line at the top; of many classes the first few."""
    shown = [printable(name) for name in classes[:6]]
    if sum(len(name) + 4 for name in shown) * 7 > _INNER_WIDTH:
        shown = [name[:6] for name in shown]
    parts, x = [], _LEFT + 12.0
    for i, name in enumerate(shown):
        parts += [_marker(x, 11, i, colours[i % len(colours)]), _text(x + 9, 15, name, "start")]
        x += 7.0 * len(name) + 30
    return parts + ([_text(x, 15, f"… {len(classes)} classes", "start")] if len(classes) > len(shown) else [])


def _shade(band: float, classes: int) -> str:
    """From pale blue over white to pale orange for two classes; else a tint of the class's colour."""
    if classes == 2:
        t = abs(band - 4.5) / 4.5
        return _tint(_TWO[0] if band < 5 else _TWO[1], 0.1 + 0.32 * t)
    return _tint(_MANY[int(band) % len(_MANY)], 0.25)


def _tint(colour: str, strength: float) -> str:
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (channel - 255) * strength):02x}" for channel in channels)


def _marker(x: float, y: float, label: int, colour: str) -> str:
    """Classes differ in shape as well as in colour."""
    style = f'fill="{colour}" stroke="#ffffff" stroke-width="0.8"'
    match label % 4:
        case 0:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" {style}/>'
        case 1:
            return f'<path d="M{x:.1f},{y - 4.4:.1f} l4.2,7.4 h-8.4 z" {style}/>'
        case 2:
            return f'<rect x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4" {style}/>'
        case _:
            return f'<path d="M{x:.1f},{y - 4.6:.1f} l4.6,4.6 l-4.6,4.6 l-4.6,-4.6 z" {style}/>'


def _contour(field: Floats, point: Callable[[float, float], str]) -> str:
    """Where ``field``, given at grid points, passes 0: one short line for each cell that it crosses (marching squares)."""
    lines = []
    rows, columns = field.shape
    for i in range(rows - 1):
        for j in range(columns - 1):
            corners = ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j))
            cuts = []
            for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1]):
                start, end = float(field[a, b]), float(field[c, d])
                if (start < 0) != (end < 0):
                    t = start / (start - end)
                    cuts.append(point(b + t * (d - b), a + t * (c - a)))
            lines += [f"M{one} L{other}" for one, other in zip(cuts[::2], cuts[1::2])]
    return " ".join(lines)
