"""A plot as plain data: what lies where, in the units of the numbers shown. Knows no picture and no library."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, inf, isfinite, log10
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..words import printable

Floats: TypeAlias = NDArray[np.floating[Any]]

BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, eq=False)
class Line:
    """A curve; where ``y`` is nan it is broken. ``look`` chooses colour and dashes; a ``thin`` one is only a background."""

    name: str
    x: Floats
    y: Floats
    look: int = 0
    thin: bool = False


@dataclass(frozen=True, eq=False)
class Outline(Line):
    """The curve around a histogram."""


@dataclass(frozen=True, eq=False)
class Points:
    """Markers; ``look`` chooses colour and shape. Nameless ones stand for something that is named elsewhere."""

    name: str
    x: Floats
    y: Floats
    look: int = 0


@dataclass(frozen=True, eq=False)
class Bars:
    """One bar for each category of the x axis, from 0 up; wider ones lie behind narrower ones."""

    name: str
    heights: Floats
    look: int = 0
    width: float = 0.7


@dataclass(frozen=True, eq=False)
class Ground:
    """A number for each cell of a grid over the plane, the first row at the bottom, in bands between ``edges`` (ascending).

    ``shades`` has one colour for each band: below the first edge, between two, above the last. Where the numbers pass one of
    ``contours`` there is a line. ``scale`` names the edges in a legend, where they mean something.
    """

    values: Floats
    extent: tuple[float, float, float, float]  # left, right, bottom, top
    edges: tuple[float, ...]
    shades: tuple[str, ...]
    contours: tuple[float, ...] = ()
    scale: tuple[str, ...] = ()


@dataclass(frozen=True)
class Level:
    """A horizontal line to measure by, and what it says."""

    y: float
    words: str


Mark: TypeAlias = Line | Points | Bars | Ground | Level


@dataclass(frozen=True)
class Axis:
    """What is measured along it, from where to where. On a logarithmic one, ``low`` and ``high`` are powers of ten."""

    name: str
    low: float
    high: float
    log: bool = False
    categories: tuple[str, ...] = ()  # at 0, 1, 2, …

    def place(self, values: Any) -> Any:
        """Where numbers lie between the ends of the axis, from 0 to 1."""
        numbers = np.asarray(values, dtype=np.float64)
        return ((np.log10(numbers) if self.log else numbers) - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Chart:
    """A frame with marks in it. ``title`` says what is shown, in a sentence; ``notes`` say more, a line each."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    notes: tuple[str, ...] = field(default=())

    def text(self) -> str:
        """The title, a line for each mark that has a name, and the notes."""
        named = [mark for mark in self.marks if isinstance(mark, Line | Points | Bars) and mark.name]
        width = max((len(mark.name) for mark in named), default=0)
        return "\n".join(
            [self.title, *[f"{mark.name:<{width}}  {self._numbers(mark)}".rstrip() for mark in named], *self.notes]
        )

    def _numbers(self, mark: Line | Points | Bars) -> str:
        if isinstance(mark, Bars):
            return ", ".join(f"{name} {height:.3g}" for name, height in zip(self.x.categories, mark.heights.tolist()))
        if self.x.categories:
            pairs = zip(mark.x.tolist(), mark.y.tolist())
            return ", ".join(f"{self.x.categories[int(x)]} {y:.3g}" for x, y in pairs)
        if isinstance(mark, Points):
            return counted(len(mark.x), "point") if len(mark.x) != 1 else f"at ({mark.x[0]:.3g}, {mark.y[0]:.3g})"
        if isinstance(mark, Outline):
            return f"{sparkline(mark.y)}  from {mark.x[0]:.3g} to {mark.x[-1]:.3g}"
        shown = mark.y[np.isfinite(mark.y)]
        if not shown.size:
            return ""
        return f"{sparkline(np.log10(shown) if self.y.log else shown)}  {shown[0]:.4g} → {shown[-1]:.4g}"


def sparkline(values: Floats, most: int = 32) -> str:
    """Finite numbers as a row of blocks, lowest to highest, at most ``most`` of them.

    >>> sparkline(np.array([0.0, 1.0, 2.0, 3.0]))
    '▁▃▆█'
    """
    pieces = np.array([piece.mean() for piece in np.array_split(values, min(len(values), most))])
    low, high = float(pieces.min()), float(pieces.max())
    if high == low:
        return "▄" * len(pieces)
    return "".join(BLOCKS[1 + round(7 * share)] for share in ((pieces - low) / (high - low)).tolist())


def between(name: str, values: Iterable[Any], *, margin: float = 0.05) -> Axis:
    """A linear axis that holds all finite ones of the numbers, with a margin."""
    low, high = _ends(values)
    pad = (high - low) * margin or abs(high) * 0.05 or 1.0
    return Axis(name, low - pad, high + pad)


def powers(name: str, values: Iterable[Any]) -> Axis:
    """A logarithmic axis that holds all positive finite ones of the numbers."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = _ends([np.log10(np.asarray(part, dtype=np.float64)) for part in values])
    return Axis(name, low - 0.05, high + 0.05, log=True)


def per_category(name: str, categories: Sequence[str]) -> Axis:
    """An axis with a place for each category."""
    return Axis(name, -0.5, len(categories) - 0.5, categories=tuple(map(printable, categories)))


def _ends(values: Iterable[Any]) -> tuple[float, float]:
    parts = [np.asarray(part, dtype=np.float64).ravel() for part in values]
    numbers = np.concatenate([part[np.isfinite(part)] for part in parts]) if parts else np.empty(0)
    return (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)


def ticks(axis: Axis, most: int) -> list[tuple[float, str]]:
    """Round numbers on an axis, at most about ``most``: where they lie from 0 to 1, and how they are written."""
    if axis.categories:
        return [(float(axis.place(i)), name) for i, name in enumerate(axis.categories)]
    if axis.log:
        return [((power - axis.low) / (axis.high - axis.low), word) for power, word in _powers(axis.low, axis.high)]
    step = (axis.high - axis.low) / most
    unit = 10.0 ** floor(log10(step))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= step * (1 - 1e-9))
    numbers = [step * i for i in range(ceil(axis.low / step), floor(axis.high / step) + 1)]
    return [(float(axis.place(number)), f"{number:.4g}") for number in numbers]


def _powers(low: float, high: float) -> list[tuple[float, str]]:
    """Round numbers between two powers of ten, about 3 to 8 of them: the power of each, and how it is written."""
    decades = range(max(floor(low), -323), min(ceil(high), 308) + 1)
    stride = ceil(len(decades) / 8)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        found = [(d + log10(digit), f"{float(f'{digit}e{d}'):.3g}") for d in decades[::stride] for digit in digits]
        shown = [tick for tick in found if low <= tick[0] <= high]
        if len(shown) >= 3:
            break
    return shown


def positive(values: Any) -> Floats:
    """The numbers, with nan for each that a logarithmic axis has no place for."""
    numbers = np.array(values, dtype=np.float64).ravel()
    with np.errstate(invalid="ignore"):
        numbers[~((numbers > 0) & (numbers < inf))] = np.nan
    return numbers


def smoothed(values: Floats, above: int = 50) -> tuple[Floats, int]:
    """The mean of each number and its neighbours that are finite, and of how many; of fewer than ``above``, themselves."""
    if len(values) < above:
        return values, 0
    width = len(values) // 25 | 1
    whole = np.isfinite(values)
    top = np.max(np.abs(values), where=whole, initial=5e-324)  # so that no sum overflows
    kernel = np.ones(width)
    sums = np.convolve(np.where(whole, values / top, 0.0), kernel, mode="same")
    means = sums / np.maximum(np.convolve(whole, kernel, mode="same").round(), 1.0) * top
    return np.where(whole, means, np.nan), width


def left_out(values: Any, shown: Floats, why: str) -> tuple[str, ...]:
    """A note on how many numbers are not shown, if any."""
    n = int(np.size(values) - np.isfinite(shown).sum())
    return (f"{n} of {np.size(values)} not shown: {why}",) if n else ()


def counted(n: int, what: str) -> str:
    """How many of what: ``1 epoch``, ``2 epochs``."""
    return f"{n} {what}{'s' * (n != 1)}"


def number(value: float) -> str:
    """A number in few letters."""
    return f"{value:.3g}" if isfinite(value) else str(value)
