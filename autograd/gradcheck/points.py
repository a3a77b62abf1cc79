"""Points of a function: where to look, and what is found there.

Coordinate .... one number among the inputs
Place ......... a point, with the function's number, gradient and graph, and a direction in which every input counts
jittered ...... a point nearby, or one with signs turned over
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..graph import Node
from .replay import Program
from .slopes import gradient_noise, value_noise
from .subject import Plain, Point, Subject, number

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Coordinate:
    """One number among the inputs."""

    name: str
    index: tuple[int, ...]
    leaf: int

    def of(self, point: Sequence[Any]) -> float:
        """Its number in ``point``, or in anything of that form."""
        x = point[self.leaf]
        return float(x[self.index]) if self.index or isinstance(x, np.ndarray) else float(x)

    def moved(self, point: Point, x: float) -> Point:
        """``point`` with ``x`` in its place."""
        return [*point[: self.leaf], self._put(point[self.leaf], x), *point[self.leaf + 1 :]]

    def unit(self, point: Point, length: float) -> list[Any]:
        """The direction along this coordinate alone."""
        zeros = [np.zeros(np.shape(x)) if isinstance(x, np.ndarray | np.generic) else 0.0 for x in point]
        return self.moved(zeros, length)

    def _put(self, whole: Any, x: float) -> Any:
        if not isinstance(whole, np.ndarray | np.generic):
            return x
        new = np.array(whole)
        new[self.index] = x
        return new


@dataclass
class Place:
    """A point, and what is known of the function there."""

    point: Point
    f0: float
    claimed: list[Any]
    root: Any  # the recorded result; a plain number where nothing was recorded
    program: Program | None = None
    noise: float = 0.0  # of the function, by its adjoints
    _gradient_noise: list[Any] | None = field(default=None, repr=False)
    _quick_noise: list[Any] | None = field(default=None, repr=False)

    @cached_property
    def direction(self) -> list[Any]:
        """A generic direction, along which every partial contributes about as much as any other."""
        lengths = [np.where(np.asarray(x) == 0, 1.0, np.abs(x)) for x in self.point]
        slopes = [np.where(np.isfinite(g), np.abs(g), 0.0) for g in self.claimed]
        largest = max((float(np.max(s * length, initial=0.0)) for s, length in zip(slopes, lengths)), default=0.0)
        found, k = [], 0
        for x, s, length in zip(self.point, slopes, lengths):
            weights = _sequence(k + length.size)[k:].reshape(length.shape)
            with np.errstate(all="ignore"):
                wanted = np.where(s > 0, largest / np.where(s > 0, s, 1.0), length)
            v = weights * np.clip(wanted, 0.0, 1e3 * length)
            found.append(v if isinstance(x, np.ndarray | np.generic) else float(v))
            k += length.size
        return found

    def gradient_noise(self, inputs: Sequence[Node], unit: float) -> list[Any]:
        """How far rounding may carry the gradient."""
        if self._gradient_noise is None:
            assert self.program is not None
            self._gradient_noise = gradient_noise(self.program, inputs, self.claimed, unit)
        return self._gradient_noise

    def quick_noise(self, inputs: Sequence[Node], unit: float) -> list[Any]:
        """The same from two looks: good enough for an error bar."""
        if self._quick_noise is None:
            assert self.program is not None
            self._quick_noise = gradient_noise(self.program, inputs, self.claimed, unit, looks=1)
        return self._quick_noise


def coordinates(subject: Subject | Plain) -> list[Coordinate]:
    """Every number among the inputs."""
    return [
        Coordinate(name, index, i)
        for i, (name, x) in enumerate(zip(subject.leaves, subject.point))
        for index in np.ndindex(np.shape(x))
    ]


def place_at(subject: Subject | Plain, point: Point) -> Place:
    """The function at ``point``: its number, its gradient (nan where ``backward`` has none), its graph.

    Raises:
        ArithmeticError, ValueError: it is not defined there.
        Unfit, TypeError: it can't be checked at all; see ``Subject.record``.
    """
    with subject.at(point):
        if isinstance(subject, Plain):
            return Place(point, subject.record(), subject.gradient(), None)
        root = subject.record()
        program = Program(root, subject.nodes) if isinstance(root, Node) and root.requires_grad else None
        if program is None or not program.depends:
            return Place(point, number(root), _everywhere(point, 0.0), root)
        subject.computes_in_single |= any(getattr(x._data, "dtype", None) == np.float32 for x in program.live)
        try:
            claimed = subject.gradient(root)
        except ArithmeticError:
            return Place(point, number(root), _everywhere(point, math.nan), root, program)
        return Place(point, number(root), claimed, root, program, value_noise(program, subject.resolution))


def _everywhere(point: Point, x: float) -> list[Any]:
    return [np.full(np.shape(data), x) if isinstance(data, np.ndarray | np.generic) else x for data in point]


def usable(there: Place) -> bool:
    """Whether the function and its gradient are finite there."""
    return math.isfinite(there.f0) and all(bool(np.all(np.isfinite(g))) for g in there.claimed)


def _sequence(n: int) -> Any:
    """A sequence of n numbers in [0.5, 1.5), low in discrepancy."""
    return 0.5 + (np.arange(1, n + 1) * _GOLDEN) % 1.0


def jittered(point: Point, size: float, flip: int) -> Point:
    """Every number moved by some ``size`` of its length; with ``flip``, every second one (1: the first, 2: the second) also
    with its sign turned over."""
    found, k = [], 0
    for x in point:
        flat = np.asarray(x).reshape(-1)
        shift = _sequence(k + flat.size)[k:]
        signs = np.where((np.arange(k, k + flat.size) + flip) % 2 == 0, 1.0, -1.0) if flip else np.ones(flat.size)
        moved = flat + size * shift * np.where(flat == 0, 1.0, np.abs(flat))
        moved = np.where(signs < 0, -moved, moved).astype(np.asarray(x).dtype).reshape(np.shape(x))
        found.append(moved if isinstance(x, np.ndarray | np.generic) else float(moved))
        k += flat.size
    return found
