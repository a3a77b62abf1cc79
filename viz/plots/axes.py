"""A chart on an Axes of matplotlib that the user hands in. Nothing of matplotlib is imported, nothing set beyond these axes."""

from typing import Any

import numpy as np

from .chart import Bars, Chart, Ground, Level, Line, Points
from .svg import COLOURS, INK, MARKERS

_DASHES = ("-", "--", ":", "-.", (0, (8, 3)), (0, (4, 2, 1, 2, 1, 2)))


def draw_on(ax: Any, chart: Chart) -> None:
    """Draw ``chart`` on ``ax``."""
    for mark in chart.marks:
        match mark:
            case Line():
                style = (0.8, 0.4) if mark.thin else (1.8, 1.0)
                ax.plot(
                    mark.x, mark.y, color=_colour(mark.look), linestyle="-" if mark.thin else _DASHES[mark.look % len(_DASHES)],
                    linewidth=style[0], alpha=style[1], label=_words(mark.name),
                )  # fmt: skip
            case Points():
                ax.scatter(
                    mark.x, mark.y, s=28, color=_colour(mark.look), marker=MARKERS[mark.look % len(MARKERS)],
                    edgecolors="white", linewidths=0.5, label=_words(mark.name), zorder=3,
                )  # fmt: skip
            case Bars():
                ax.bar(
                    np.arange(len(mark.heights)), mark.heights, width=mark.width, label=_words(mark.name),
                    color=_colour(mark.look), edgecolor=_colour(mark.look), alpha=0.3 if mark.width > 0.5 else 1.0,
                )  # fmt: skip
            case Ground():
                _ground(ax, mark)
            case Level():
                ax.axhline(mark.y, color=INK, linestyle=":", linewidth=1)
                ax.annotate(_words(mark.words), (1, mark.y), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    ax.set_xlabel(_words(chart.x.name))
    ax.set_ylabel(_words(chart.y.name))
    if chart.y.log:
        ax.set_yscale("log")
        ax.set_ylim(10.0**chart.y.low, 10.0**chart.y.high)
    else:
        ax.set_ylim(chart.y.low, chart.y.high)
    ax.set_xlim(chart.x.low, chart.x.high)
    if chart.x.categories:
        ax.set_xticks(range(len(chart.x.categories)), [*map(_words, chart.x.categories)], rotation=35, ha="right")
    handles, names = ax.get_legend_handles_labels()
    if any(names):
        ax.legend(*zip(*[(handle, name) for handle, name in zip(handles, names) if name]))


def _ground(ax: Any, ground: Ground) -> None:
    left, right, bottom, top = ground.extent
    rows, columns = ground.values.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    shades = np.array([[int(shade[i : i + 2], 16) for i in (1, 3, 5)] for shade in (*ground.shades, "#9aa3ad")], dtype=np.uint8)
    bands = np.where(np.isfinite(ground.values), np.searchsorted(ground.edges, ground.values, side="right"), -1)
    ax.imshow(shades[bands], origin="lower", extent=ground.extent, aspect="auto", interpolation="nearest")
    finite = ground.values[np.isfinite(ground.values)]
    levels = [level for level in ground.contours if finite.size and finite.min() < level < finite.max()]
    if levels and min(rows, columns) > 1:
        lines = ax.contour(x, y, np.ma.masked_invalid(ground.values), levels=levels, colors=INK, linewidths=0.8)
        if ground.scale:
            ax.clabel(lines, fmt=dict(zip(ground.edges, ground.scale)))


def _colour(look: int) -> str:
    return COLOURS[look % len(COLOURS)]


def _words(words: str) -> str:
    """Words that matplotlib takes as they are: it reads ``$`` as mathematics, and a name that begins with ``_`` as none."""
    plain = words.replace("$", r"\$")
    return f" {plain}" if plain.startswith("_") else plain
