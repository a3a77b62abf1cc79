"""Derivatives by finite differences of a function that is a black box, with an honest error bar.

differentiate ........ the derivative at a point, its error bar, and whether there is one at all
noise ................ how far rounding moves the function
judge ................ whether a claimed derivative agrees
central_difference ... the plain formula, with one step
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from .report import Verdict

Phi = Callable[[float], float]  # nan or inf outside of the domain
_SINGLE, _DOUBLE = 2.0**-24, 2.0**-53


@dataclass(frozen=True)
class Estimate:
    """A derivative as differences show it; the true one lies within some multiples of ``error``."""

    value: float
    error: float
    kind: Literal["smooth", "kink", "edge", "unseen"]  # edge: finite on one side only; unseen: no two levels agree
    left: float = math.nan  # one-sided slopes, at a kink or an edge
    right: float = math.nan
    size: float = 0.0  # of the function about the point


@dataclass(frozen=True)
class _Level:
    """What one step to either side shows."""

    h: float
    left: float  # slope of the chord to the left
    right: float
    central: float
    rho: float  # how far rounding moves the slopes
    doubt: float  # the same, if x too is rounded on its way, as in sin(1e12 x)

    @property
    def finite(self) -> bool:
        return math.isfinite(self.left) and math.isfinite(self.right)

    @property
    def gap(self) -> float:
        """Between the one-sided slopes: of the order ``h`` where the function is smooth, constant at a kink."""
        return abs(self.right - self.left)


class _Levels:
    """Differences of ``phi`` at ``x`` with steps that are powers of two, each computed once."""

    def __init__(self, phi: Phi, x: float, f0: float, delta: float, single: bool) -> None:
        self.x, self.f0, self.delta = x, f0, delta
        self._phi, self._single = phi, single
        self._known: dict[float, _Level] = {}
        self.size = abs(f0)
        self.ulp = float(np.spacing(np.float32(abs(x)))) if single else math.ulp(abs(x))

    def at(self, h: float) -> _Level:
        h = 2.0 ** round(math.log2(h))
        if h not in self._known:
            self._known[h] = self._measured(h)
        return self._known[h]

    def _measured(self, h: float) -> _Level:
        x, f0 = self.x, self.f0
        up, down = self._held(x + h), self._held(x - h)
        if up == x or down == x:
            return _Level(h, math.nan, math.nan, math.nan, math.inf, math.inf)
        above, below = self._phi(up), self._phi(down)
        unit = _SINGLE if self._single else _DOUBLE
        size = max((abs(f) for f in (above, below) if math.isfinite(f)), default=0.0)
        if h <= max(abs(x), 1.0):
            self.size = max(self.size, size)
        central = (above - below) / (up - down)
        rho = 2.0 * max(self.delta, unit * size) / h
        through_x = 2.0 * unit * abs(x * central) / h if math.isfinite(central) else 0.0
        return _Level(h, (f0 - below) / (x - down), (above - f0) / (up - x), central, rho, max(rho, through_x))

    def _held(self, x: float) -> float:
        return float(np.float32(x)) if self._single else x

    def ladder(self, scales: Iterable[float]) -> list[_Level]:
        """One level a decade around each scale, from large to small."""
        least, most = 16 * self.ulp, 2e4 * max(abs(self.x), 1.0)
        wanted = {
            round(math.log2(scale) + k * math.log2(10)) for scale in scales if 0 < scale < math.inf for k in range(-16, 5)
        }
        steps = sorted((2.0**k for k in wanted if -1070 < k < 1020), reverse=True)
        return [self.at(h) for h in _thinned(steps) if least <= h <= most]


def _thinned(steps: Sequence[float]) -> list[float]:
    """Without steps that are less than a factor of four from one that is kept."""
    kept: list[float] = []
    for h in steps:
        if not kept or h <= kept[-1] / 4:
            kept.append(h)
    return kept


def differentiate(phi: Phi, x: float, f0: float, claimed: float, delta: float, *, single: bool = False) -> Estimate:
    """The derivative of ``phi`` at ``x`` by central differences.

    Three levels of Romberg's at the function's own scale and a fine one that must agree; where that does not confirm what is
    claimed, a ladder of levels, one a decade.

    Args:
        phi: the function; nan or inf where it is not defined.
        x: where.
        f0: its number there.
        claimed: the derivative that is to be checked. It sets the scale ``|f0 / claimed|`` at which to begin, and whether the
            quick look suffices; it does not enter the estimate.
        delta: by how much rounding moves ``phi``.
        single: whether ``x`` is a float32.

    Source: Ridders, *Accurate computation of F'(x) and F'(x) F''(x)* (1982), for the extrapolation with an error bar.
    """
    levels = _Levels(phi, x, f0, delta, single)
    own = abs(f0 / claimed) if claimed and math.isfinite(claimed) and f0 else math.inf
    length = min(abs(x) or 1.0, own, max(abs(x), 1.0))
    found = _quick(levels, length, claimed) if math.isfinite(claimed) else None
    if found is None:
        ladder = levels.ladder({1.0, abs(x), own, length})
        found = _break(ladder) or _best(levels, [level for level in ladder if level.finite])
    return replace(found, size=levels.size)


def _romberg(a: _Level, b: _Level, c: _Level) -> tuple[float, float]:
    """Two extrapolations of central differences, and how far they moved the result; steps go down by one factor."""
    square = (a.h / b.h) ** 2
    one = b.central + (b.central - a.central) / (square - 1)
    two = c.central + (c.central - b.central) / (square - 1)
    value = two + (two - one) / (square**2 - 1)
    return value, abs(value - two)


def _quick(levels: _Levels, length: float, claimed: float) -> Estimate | None:
    """The estimate at the scale ``length``, if it confirms what is claimed."""
    h = max(length / 50, 1e5 * levels.ulp, 1e-290)
    a, b, c = levels.at(h), levels.at(h / 4), levels.at(h / 16)
    if not (a.finite and b.finite and c.finite):
        return None
    value, moved = _romberg(a, b, c)
    first, second = b.central - a.central, c.central - b.central
    if second and 2.5 < first / second < 9:  # the curvature jumps: differences converge in the first order of h² only
        value = c.central + second**2 / (first - second)
        moved = abs(value - c.central)
    error = moved + 1.2 * c.rho
    size = max(abs(claimed), abs(value))
    natural = levels.size / max(abs(levels.x), 1.0)
    sure = error <= 1e-6 * size or (abs(claimed) <= 8 * _DOUBLE * natural and size <= 8 * error <= 1e-9 * natural)
    if not sure or abs(claimed - value) > 8 * error + 2e-9 * size:
        return None
    if not (c.gap <= a.gap / 4 or c.gap <= 4 * c.rho):
        return None
    fine = levels.at(max(64 * levels.ulp, 1000 * levels.delta / size if size else length / 1e4, 1e-11 * length))
    if fine.h >= c.h:
        return Estimate(value, error, "smooth")
    if not fine.finite or abs(fine.central - value) > 2 * fine.rho + 8 * error or fine.gap > c.gap + 4 * fine.rho:
        return None  # ripples, or a kink nearby
    return Estimate(value, error, "smooth")


def _break(ladder: Sequence[_Level]) -> Estimate | None:
    """A kink, a jump, a cusp, or an edge of the domain, if that is what the finest levels show."""
    seen = [level for level in reversed(ladder) if math.isfinite(level.rho)]  # from fine to coarse
    finest = seen[:3]
    if len(finest) == 3 and not any(level.finite for level in finest):
        (left, right) = finest[0].left, finest[0].right
        if all(math.isfinite(level.left) for level in finest) or all(math.isfinite(level.right) for level in finest):
            return Estimate(right if math.isfinite(right) else left, math.inf, "edge", left, right)
    finite = [level for level in seen if level.finite]
    gap = _order(finite, lambda level: level.gap)
    slope = _order(finite, lambda level: abs(level.central))
    for found, most in ((gap, 0.3), (slope, -0.3)):  # a slope that grows without end is a vertical tangent
        if found and found[0] <= most:
            level = found[1]
            return Estimate(level.central, level.gap / 2, "kink", level.left, level.right)
    return None


def _order(finite: Sequence[_Level], measure: Callable[[_Level], float]) -> tuple[float, _Level] | None:
    """With what power of ``h`` a quantity goes to 0, over the three finest levels that show it above noise; None if it is
    gone at a finer level, where noise would have let it be seen."""
    loud = [i for i, level in enumerate(finite) if measure(level) > 5 * level.doubt]
    if len(loud) < 3:
        return None
    first = loud[0]
    if any(5 * level.doubt < 0.3 * measure(finite[first]) for level in finite[:first]):
        return None
    three = [finite[i] for i in loud[:3]]
    powers = [math.log(measure(b) / measure(a)) / math.log(b.h / a.h) for a, b in pairwise(three) if measure(a) > 0]
    return max(powers), three[0]


def _best(levels: _Levels, ladder: Sequence[_Level]) -> Estimate:
    """The extrapolation with the smallest error bar among those that all finer levels agree with."""
    best: tuple[float, float, _Level] | None = None
    before: float | None = None
    moved_before = math.inf
    for i, (a, b) in enumerate(pairwise(ladder)):  # from coarse to fine
        if a.h > 100 * b.h:  # the ladder goes on at another scale
            before, moved_before = None, math.inf
            continue
        value = b.central + (b.central - a.central) / ((a.h / b.h) ** 2 - 1)
        moved = abs(value - before) if before is not None else math.inf
        error = max(moved, 0.01 * moved_before if math.isfinite(moved_before) else 0.0) + 1.2 * b.rho
        before, moved_before = value, moved
        shrinks = b.gap <= a.gap / 2 or b.gap <= 4 * b.rho
        finer = ladder[i + 2 :]
        if not shrinks or any(abs(level.central - value) > 4 * level.rho + 8 * error for level in finer):
            continue
        if math.isfinite(error) and (best is None or error < best[1]):
            best = value, error, a
    if best is None:
        return Estimate(math.nan, math.inf, "unseen")
    return _refined(levels, *best, ladder)


def _refined(levels: _Levels, value: float, error: float, level: _Level, ladder: Sequence[_Level]) -> Estimate:
    """Romberg's scheme around the best pair, believed only as far as two of them agree."""
    for h in (level.h * 4, level.h, level.h / 4, level.h / 16, level.h / 64):
        a, b, c, d = (levels.at(h / 2**k) for k in range(4))
        if not (a.finite and b.finite and c.finite and d.finite):
            continue
        one, moved = _romberg(a, b, c)
        two, moved_too = _romberg(b, c, d)
        bar = max(abs(two - one), 0.1 * moved, 0.1 * moved_too) + 1.5 * d.rho
        if bar < error and abs(two - value) <= 8 * error:
            finer = [x for x in ladder if x.h < d.h]
            if all(abs(x.central - two) <= 4 * x.rho + 8 * bar for x in finer):
                value, error = two, bar
    return Estimate(value, error, "smooth")


def noise(phi: Phi, x: float, f0: float, *, single: bool = False) -> float:
    """By how much rounding moves ``phi`` around ``x``, from the differences of seven values that lie close together.

    They lie an odd number of units in the last place apart, so that scalings do not stay exact. Where they jump they are taken
    on one side.

    Source: Moré and Wild, *Estimating Computational Noise* (2011).
    """
    spacing = float(np.spacing(np.float32(abs(x) or 1.0))) if single else math.ulp(abs(x) or 1.0)
    apart = (3 if single else 619) * spacing
    values = _row_of(phi, x, f0, range(-3, 4), apart, single)
    unit = _SINGLE if _computed_in_single(values) else _DOUBLE
    found = roughness(values)
    if found > 1e-7 * max(map(abs, values)):
        sides = [_row_of(phi, x, f0, places, apart, single) for places in (range(-6, 1), range(7))]
        found = min(found, *map(roughness, sides))
    return max(unit * abs(f0), found)


def _row_of(phi: Phi, x: float, f0: float, places: Iterable[int], apart: float, single: bool) -> list[float]:
    moved = [(j, x + j * apart) for j in places]
    return [f0 if j == 0 else phi(float(np.float32(y)) if single else y) for j, y in moved]


def roughness(values: Sequence[float]) -> float:
    """The smallest of the scaled third to fifth differences; 0 where they are not finite."""
    found, differences = [], values
    for k in range(1, 6):
        differences = [b - a for a, b in pairwise(differences)]
        if k >= 3:
            scale = math.factorial(k) ** 2 / math.factorial(2 * k)
            found.append(math.sqrt(scale / len(differences)) * math.hypot(*differences))
    smallest = min(found)
    return smallest if math.isfinite(smallest) else 0.0


def _computed_in_single(values: Sequence[float]) -> bool:
    """Whether all are float32 numbers, and not just simple fractions."""
    fine = [v for v in values if math.isfinite(v)]
    return all(map(_is_single, fine)) and any(v * 4096 != math.floor(v * 4096) for v in fine)


def _is_single(v: float) -> bool:
    return abs(v) < 3e38 and float(np.float32(v)) == v


def judge(estimate: Estimate, claimed: float, x: float, *, rtol: float = 2e-9, need: float = 1e-3) -> tuple[Verdict, str]:
    """Whether ``claimed`` agrees, and the number that decides, in words."""
    value, error = estimate.value, estimate.error
    if estimate.kind == "kink":
        return "not differentiable", f"slopes {estimate.left:.6g} from the left, {estimate.right:.6g} from the right"
    if estimate.kind == "edge":
        return "not differentiable", "the function is defined on one side only"
    if not math.isfinite(claimed):
        return "fail", f"it is {claimed}"
    if estimate.kind == "unseen":
        return "cannot tell", "no two step sizes agree on a slope"
    size = max(abs(claimed), abs(value))
    tolerance = 8 * error + rtol * size
    if abs(claimed - value) > tolerance:
        return "fail", ""
    natural = estimate.size / max(abs(x), 1.0)
    nothing = abs(claimed) <= 8 * _DOUBLE * natural and error <= 1e-8 * natural  # less than an ulp of the function
    if error <= need * size or nothing:
        return "pass", f"agrees to {abs(claimed - value) / size:.1e}" if size else "both 0"
    return "cannot tell", f"rounding and step leave ± {error:.1g}; smaller errors can't be seen"


def central_difference(f: Callable[..., float], *vals: float, arg: int = 0, epsilon: float = 1e-6) -> float:
    """The derivative of ``f`` in one argument, ``(f(x + h) - f(x - h)) / (x + h - (x - h))`` with ``h = epsilon · max(1,
    |x|)``.

    Args:
        f: takes ``vals`` and gives a number (a Value counts as its number).
        vals: where to differentiate.
        arg: which of them to move.
        epsilon: how far, relative to it.

    Source: Nocedal and Wright, *Numerical Optimization* (2006), section 8.1.

    >>> round(central_difference(lambda x, y: x * y, 2.0, 5.0, arg=1), 6)
    2.0
    """
    x = vals[arg]
    h = epsilon * max(1.0, abs(x))
    above, below = x + h, x - h
    up = float(f(*vals[:arg], above, *vals[arg + 1 :]))
    down = float(f(*vals[:arg], below, *vals[arg + 1 :]))
    return (up - down) / (above - below)
