"""A run of training to move about in: a slider over its steps, with the loss, and each block's values and gradients there.

>>> record = nn.Record()  # doctest: +SKIP
>>> fit(model, x, y, loss=mse, callbacks=[record])  # doctest: +SKIP
>>> replay(record)  # live, as the last line of a notebook's cell  # doctest: +SKIP
>>> replay(record).save("run.html")  # the same as a page that needs no other file  # doctest: +SKIP
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nn import Record

from .. import html, report
from ..picture import Picture
from ..plots.chart import Floats, counted, number
from ..plots.curves import loss_curves
from ..plots.svg import COLOURS, FAINT, WIDTH, Frame, svg
from ..words import printable

_MOST_FRAMES, _MOST_BLOCKS, _MOST_BARS, _MOST_ROWS = 120, 12, 48, 21
_WIDE, _HIGH, _ROW, _LEFT, _RIGHT = 164.0, 20.0, 68.0, 16.0, WIDTH / 2 + 8
_SCRIPT = Path(__file__).with_name("replay.js")


class Replay(Picture):
    """A recorded run. As a picture it shows the whole run and its last step, as text some moments of it; as HTML it can be
    moved about in.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.frames = _evenly(len(record), _MOST_FRAMES)
        tried = [k for k, i in enumerate(self.frames) if np.isfinite(record.loss[i])]
        self.shown = max(tried, default=len(self.frames) - 1)  # at first; the end, where no batch was tried, has no gradients
        self.blocks = [_Block(name, record, self.frames) for name in list(record.values)[:_MOST_BLOCKS]]
        self._chart = loss_curves(record).charts[0]

    @property
    def title(self) -> str:
        """What is replayed, in one sentence."""
        return f"Replay of training: {counted(int(self.record.steps[-1]), 'step')} in {counted(len(self.frames), 'moment')}"

    @cached_property
    def told(self) -> list[str]:
        """Each moment in words."""
        return [_told(self.record, i) for i in self.frames]

    def text(self) -> str:
        """The title, and some of the moments, first and last among them."""
        return "\n".join([self.title, *[self.told[i] for i in _evenly(len(self.told), _MOST_ROWS)], *self._left_out()])

    def _left_out(self) -> list[str]:
        more = len(self.record.values) - len(self.blocks)
        return [f"not shown: {counted(more, 'more block')}"] if more > 0 else []

    @cached_property
    def svg(self) -> str:
        """The run and its last step, as the text of an SVG file."""
        rows = "".join(block.drawn(self.shown, i * _ROW + 30) for i, block in enumerate(self.blocks))
        heads = "".join(
            f'<text x="{x:.0f}" y="12" font-weight="bold">{word}</text>'
            for x, word in ((_LEFT, "value"), (_RIGHT, "∂loss/∂value"))
        )
        more = "".join(
            f'<text x="{_LEFT:.0f}" y="{len(self.blocks) * _ROW + 34:.0f}">{line}</text>' for line in self._left_out()
        )
        place = self._marks[self.shown]
        mark = f'<circle data-mark="" r="5" fill="{COLOURS[1]}" stroke="#ffffff" transform="translate({place})"/>'
        picture = svg([self._chart], self.title, heads + rows + more, len(self.blocks) * _ROW + 44)
        return picture.replace("</svg>", f"{mark}</svg>")

    @cached_property
    def _marks(self) -> list[str]:
        """Where the mark stands on the curve at each moment; where there is no loss, where it stood before."""
        frame = Frame(self._chart)
        places = [f"{frame.left:.1f} {frame.bottom:.1f}"]
        for i in self.frames:
            step, loss = float(self.record.steps[i]), float(self.record.loss[i])
            if 0 < loss < float("inf"):
                places.append(f"{frame.across(step):.1f} {frame.up(loss):.1f}")
            else:
                places.append(places[-1])
        return places[1:]

    def _repr_html_(self) -> str:
        return html.live(self._fragment, self.to_html, self.title)

    def _fragment(self) -> str:
        run = {
            "told": self.told,
            "shown": self.shown,
            "marks": self._marks,
            "strips": [b64encode(strip.tobytes()).decode() for block in self.blocks for strip in (block.values, block.slopes)],
            "wide": _WIDE,
            "high": _HIGH,
        }
        data = escape(json.dumps(run, ensure_ascii=False, separators=(",", ":")))
        still = html.fragment(self.svg, self.text(), self.title)
        return f'<div data-stepgrad-replay="{data}">{still}</div><script>{_SCRIPT.read_text(encoding="utf-8")}</script>'

    def to_html(self) -> str:
        """A live page that needs no other file."""
        lead = "Move the slider, or press ←, →, Home and End. Bars are numbers, up for positive and down for negative."
        return report.page("Replay of training", lead, [self._fragment()])


class _Block:
    """A block of parameters at each moment, in 127ths of its largest value and of its largest gradient."""

    def __init__(self, name: str, record: Record, frames: Sequence[int]) -> None:
        values = record.values[name]
        slopes = record.gradients.get(name, np.zeros_like(values))  # of what is not trained
        values, slopes = (array.reshape(len(record), -1)[frames] for array in (values, slopes))
        chosen = _evenly(values.shape[1], _MOST_BARS)
        self.name = printable(name) + (f" ({len(chosen)} of {values.shape[1]})" if len(chosen) < values.shape[1] else "")
        (self.values, self.largest), (self.slopes, self.steepest) = _scaled(values[:, chosen]), _scaled(slopes[:, chosen])

    def drawn(self, moment: int, y: float) -> str:
        """Both strips at a moment."""
        values, slopes = self.values[moment], self.slopes[moment]
        left = _strip(self.name, self.largest, values, _LEFT, y, COLOURS[0])
        return left + _strip("", self.steepest, slopes, _RIGHT, y, COLOURS[1])


def _scaled(numbers: Floats) -> tuple[NDArray[np.int8], float]:
    """Numbers in 127ths of the largest finite one; nan is 0."""
    largest = float(np.max(np.abs(numbers), where=np.isfinite(numbers), initial=0.0))
    shares = np.clip(np.nan_to_num(numbers, nan=0.0) / (largest or 1.0), -1.0, 1.0)
    return np.rint(127 * shares).astype(np.int8), largest


def _strip(name: str, scale: float, bars: NDArray[np.int8], x: float, y: float, colour: str) -> str:
    """A bar for each number, from the middle line up or down; at the right, what the longest stand for."""
    wide = _WIDE / len(bars)
    d = "".join(f"M{(k + 0.5) * wide:.1f} 0v{-bar * _HIGH / 127:.1f}" for k, bar in enumerate(bars.tolist()))
    frame = f'y="{-_HIGH:.0f}" width="{_WIDE:.0f}" height="{2 * _HIGH:.0f}"'
    return (
        f'<text x="{x:.0f}" y="{y + 2:.0f}">{escape(name)}</text><g transform="translate({x:.0f} {y + 8 + _HIGH:.0f})">'
        f'<rect {frame} fill="none" stroke="{FAINT}"/><path d="M0 0h{_WIDE:.0f}" stroke="#8a949e"/>'
        f'<text x="{_WIDE + 4:.0f}" y="4">±{number(scale)}</text>'
        f'<path data-strip="" d="{d}" stroke="{colour}" stroke-width="{max(wide * 0.7, 1):.1f}"/></g>'
    )


def _told(record: Record, i: int) -> str:
    step, loss = int(record.steps[i]), float(record.loss[i])
    slopes = {name: float(np.abs(array[i]).max()) for name, array in record.gradients.items()}
    if all(np.isnan(slope) for slope in slopes.values()):
        return f"Step {step}: the end; no further batch was tried."
    steepest = max(slopes, key=lambda name: slopes[name])
    return f"Step {step}: loss {number(loss)}; largest gradient {number(slopes[steepest])}, in {printable(steepest)}."


def _evenly(n: int, most: int) -> list[int]:
    """At most ``most`` of the numbers below ``n``, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)).tolist() if n else []


def replay(record: Record) -> Replay:
    """A run of ``fit`` to move about in, step by step.

    Shown are at most 120 moments, 12 blocks of parameters, and 48 parameters of each, evenly chosen.

    Args:
        record: a Record that the run was given, ``fit(…, callbacks=[record])``.

    Raises:
        TypeError: it is none.
        ValueError: it is empty.
    """
    if not isinstance(record, Record):
        raise TypeError(f"replay: it takes a Record, which fit(…, callbacks=[record]) has filled; not {type(record).__name__}")
    if not len(record):
        raise ValueError(f"replay: nothing was recorded; {record!r}")
    return Replay(record)
