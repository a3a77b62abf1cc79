"""When two numbers, or two arrays of them, count as different, and by how much."""

from math import inf
from typing import Any

import numpy as np

from ..diagram import number

_LEAST_FOR_FLOAT32 = 1e-5


def apart(a: Any, b: Any) -> Any:
    """``|a - b|``, element by element: 0 where both are NaN or the same infinity; ``inf`` where only one is, where the shapes
    differ, and where one is None, which stands for no number."""
    if type(a) is type(b) is float:
        return 0.0 if a == b or (a != a and b != b) else _or_inf(abs(a - b))
    if a is None or b is None:
        return 0.0 if a is b else inf
    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.ndim and y.ndim and x.shape != y.shape:
        return inf
    with np.errstate(all="ignore"):
        distance = np.abs(x - y)
    alike = (x == y) | (np.isnan(x) & np.isnan(y))
    return np.where(alike, 0.0, np.where(np.isnan(distance), inf, distance))


def differ(a: Any, b: Any, scale: Any, tolerance: float) -> bool:
    """Whether any element is more than ``tolerance · scale`` apart. Arrays of float32 are not held to more than 1e-5."""
    distance = apart(a, b)
    if type(distance) is float:
        return distance > 0 and (distance == inf or bool(np.any(distance > tolerance * scale)))
    if np.float32 in (getattr(a, "dtype", None), getattr(b, "dtype", None)):
        tolerance = max(tolerance, _LEAST_FOR_FLOAT32)
    return bool(np.any((distance == inf) | (distance > tolerance * scale)))


def size(*numbers: Any) -> Any:
    """``Σ |x|``, element by element: what the rounding of a sum is measured by."""
    return sum([abs(x) for x in numbers if x is not None])


def farthest(a: Any, b: Any) -> tuple[float, tuple[int, ...]]:
    """The largest distance of two elements, and the index of these."""
    distance = np.asarray(apart(a, b))
    if not distance.size:
        return 0.0, ()
    at = int(np.argmax(distance))
    return float(distance.flat[at]), tuple(map(int, np.unravel_index(at, distance.shape)))


def told_apart(a: Any, b: Any, differ: bool) -> tuple[str, str]:
    """Both in words, in four digits or, where they ``differ``, in as few more as show it."""
    for digits in ("z.4g", ".8g", ".12g", ".17g"):
        one, other = ["–" if x is None else number(x, digits) for x in (a, b)]
        if not differ or one != other:
            break
    return one, other


def _or_inf(x: float) -> float:
    return x if x == x else inf
