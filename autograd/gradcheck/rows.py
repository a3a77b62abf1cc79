"""A verdict for each partial: by slopes of the recorded graph, or by finite differences of the function."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from .differences import differentiate, judge, noise
from .points import Coordinate, Place
from .report import SEVERITY, Row
from .slips import slip
from .slopes import along, exactly
from .subject import Plain, Point, Subject


@dataclass(frozen=True)
class Settings:
    """How strictly to judge."""

    rtol: float | None  # None for what suits the precision of the function
    atol: float
    need: float
    exact: bool
    rng: "np.random.Generator"


class Judge:
    """Judges the partials of one subject, and counts how often its function or its graph is run for that."""

    def __init__(self, subject: Subject | Plain, settings: Settings, coordinates: Sequence[Coordinate]) -> None:
        self.subject = subject
        self.settings = settings
        self.coordinates = coordinates
        self.replays = 0
        self.bend = 0.0  # by how much the slopes along the generic direction differ at the point, relative to them
        self.readable = False  # whether the graph at the point could be read with complex numbers

    @property
    def evaluations(self) -> int:
        """How often the function was run, or its graph with other numbers."""
        return self.subject.runs + self.replays

    @property
    def rtol(self) -> float:
        """The relative error to allow."""
        if self.settings.rtol is not None:
            return self.settings.rtol
        return 2e-9 if self.subject.resolution < 2.0**-30 else 1e-6

    # -- by slopes ---------------------------------------------------------------------------------------------------------

    def rows_by_slopes(self, here: Place) -> tuple[list[Row] | None, bool]:
        """A row for each coordinate, from slopes of the graph; None where it can't be read with other numbers."""
        inputs = self.subject.nodes
        assert here.program is not None
        direction = here.direction
        try:
            right, left = (along(here.program, inputs, direction, side) for side in (1.0, -1.0))
        except Exception:  # an op that can't be read with complex numbers
            return None, False
        self.readable = True
        self.replays += 2
        self.bend = abs(right - left) / (max(abs(right), abs(left)) or 1.0)
        kinked = self.bend > 1e-11
        try:
            rows = [self.row_by_slopes(here, c, kinked) for c in _with_bar(self.coordinates)]
        except Exception:
            return None, False
        if kinked or self._glance(here, direction, right):
            return rows, True
        return [_worse(row, self.row_by_differences(here, c)) for row, c in zip(rows, self.coordinates)], True

    def _glance(self, here: Place, direction: Sequence[Any], slope: float) -> bool:
        """Whether the function itself, run a little to both sides, moves as the graph says, and alike on both sides."""
        longest = max(float(np.max(np.abs(v) / _length(x), initial=0.0)) for x, v in zip(here.point, direction))
        step = 1e-5 / max(1.0, longest)
        up, down = (self._run_along(here.point, direction, side * step) for side in (1.0, -1.0))
        if not (math.isfinite(up) and math.isfinite(down)):
            return True  # an edge: nothing is learnt of the graph
        rough = 8.0 * (here.noise + self.subject.resolution * abs(here.f0)) / step
        right, left = (up - here.f0) / step, (here.f0 - down) / step
        size = abs(slope) + rough
        return abs((right + left) / 2 - slope) <= 1e-2 * size + rough and abs(right - left) <= 0.2 * size + rough

    def _run_along(self, point: Point, direction: Sequence[Any], step: float) -> float:
        moved = [
            (x + step * v).astype(x.dtype) if isinstance(x, np.ndarray) else float(x + step * v)
            for x, v in zip(point, direction)
        ]
        with self.subject.at(moved):
            return self.subject.value()

    def row_by_slopes(self, here: Place, c: Coordinate, kinked: bool) -> Row:
        """The verdict on one partial, from the slopes of the graph; both, where it may be at a kink.

        Raises:
            Exception: whatever an op raises that can't be read with other numbers.
        """
        inputs = self.subject.nodes
        before = self.evaluations
        assert here.program is not None
        x, g = c.of(here.point), c.of(here.claimed)
        length = abs(x) if abs(x) > 0 else 1.0
        unit = c.unit(here.point, length)
        if self.settings.exact:
            left, right = (slope / length for slope in exactly(here.program, inputs, unit))
            self.replays += 3
        else:
            right = along(here.program, inputs, unit) / length
            left = along(here.program, inputs, unit, -1.0) / length if kinked else right
            self.replays += 2 if kinked else 1
        if abs(right - left) > 1e-9 * max(abs(right), abs(left)) and kinked:
            return self._kinked(c, g, left, right, before)
        true = (left + right) / 2
        error = abs(g - true) + c.of(here.quick_noise(inputs, self.subject.resolution))
        if abs(g - true) <= self.rtol * max(abs(g), abs(true)) + self.settings.atol:
            return Row(c.name, c.index, g, true, error, self.evaluations - before, "pass", _agreement(g, true))
        return self._disputed(here, c, g, true, unit, length, before)

    def _kinked(self, c: Coordinate, g: float, left: float, right: float, before: int) -> Row:
        hint = f"slopes {left + 0.0:.6g} from the left, {right + 0.0:.6g} from the right"
        middle, half = (left + right) / 2, abs(right - left) / 2
        count = self.evaluations - before
        return Row(c.name, c.index, g, middle, half, count, "not differentiable", hint, left=left, right=right)

    def _disputed(self, here: Place, c: Coordinate, g: float, true: float, unit: list[Any], length: float, before: int) -> Row:
        """A row whose two derivatives differ: by rounding, or is the claimed one wrong?"""
        inputs, settings = self.subject.nodes, self.settings
        assert here.program is not None
        if not math.isfinite(g):
            return self.row_by_differences(here, c)
        step_error = 0.0
        with suppress(Exception):  # the sharpest reading, if the ops allow it
            slopes = [exactly(here.program, inputs, unit, step) for step in ("1e-40", "1e-50")]
            (left, right), before_last = ([side / length for side in pair] for pair in reversed(slopes))
            self.replays += 6
            step_error = max(abs(left - before_last[0]), abs(right - before_last[1]))
            true = (left + right) / 2
            if abs(right - left) > 1e-9 * max(abs(right), abs(left)) + 8 * step_error:
                return self._kinked(c, g, left, right, before)
        rounding = c.of(here.gradient_noise(inputs, self.subject.resolution)) + step_error
        size = max(abs(g), abs(true))
        error = 4 * 2.0**-53 * abs(true)
        count = self.evaluations - before
        if not abs(g - true) <= 8 * rounding + self.rtol * size + settings.atol:
            return Row(c.name, c.index, g, true, error, count, "fail", slip(g, true))
        x = c.of(here.point)
        visible = 8 * rounding <= settings.need * size + settings.atol or g == true
        if visible or 8 * rounding <= 1e-8 * abs(here.f0) / max(abs(x), 1.0):
            return Row(c.name, c.index, g, true, max(error, rounding), count, "pass", f"the gradient rounds by {rounding:.1g}")
        why = f"the gradient itself rounds by {rounding:.1g}"
        return Row(c.name, c.index, g, true, max(error, rounding), count, "cannot tell", why)

    # -- by finite differences ---------------------------------------------------------------------------------------------

    def rows_by_differences(self, here: Place) -> list[Row]:
        """A row for each coordinate, from finite differences of the function."""
        return [self.row_by_differences(here, c) for c in self.coordinates]

    def row_by_differences(self, here: Place, c: Coordinate) -> Row:
        """The verdict on one partial, from finite differences of the function."""
        before = self.evaluations
        x, g = c.of(here.point), c.of(here.claimed)
        coarse = np.asarray(here.point[c.leaf]).dtype.itemsize < 8

        def phi(new: float) -> float:
            with self.subject.at(c.moved(here.point, new)):
                return self.subject.value()

        rough = max(noise(phi, x, here.f0, single=coarse), here.noise)
        estimate = differentiate(phi, x, here.f0, g, rough, single=coarse)
        verdict, hint = judge(estimate, g, x, rtol=self.rtol, need=self.settings.need)
        if verdict == "fail" and abs(g - estimate.value) <= self.settings.atol:
            verdict = "pass"
        if verdict == "fail":
            hint = slip(g, estimate.value) or hint
        return Row(
            c.name, c.index, g, estimate.value, estimate.error, self.evaluations - before, verdict, hint,
            left=estimate.left, right=estimate.right,
        )  # fmt: skip


def _with_bar(coordinates: Sequence[Coordinate]) -> Iterable[Coordinate]:
    if len(coordinates) < 500:
        return coordinates
    from tqdm.auto import tqdm  # only here, for it takes long to import

    bar: Iterable[Coordinate] = tqdm(coordinates, desc="gradcheck", leave=False, disable=None)
    return bar


def _length(x: Any) -> Any:
    return np.where(np.asarray(x) == 0, 1.0, np.abs(x))


def _worse(by_slopes: Row, by_differences: Row) -> Row:
    """What of the two counts: a difference that can't tell does not."""
    undecided = by_differences.verdict == "cannot tell"
    return by_slopes if undecided or SEVERITY[by_slopes.verdict] <= SEVERITY[by_differences.verdict] else by_differences


def _agreement(g: float, true: float) -> str:
    if g == true:
        return "equal" if g else "both 0"
    return f"agrees to {abs(g - true) / max(abs(g), abs(true)):.1e}"
