"""Data made from a seed: small sets in the plane, each to show what some models can't learn."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from ..rng import Rng
from ..settings import is_number
from .dataset import Dataset, Floats, Labels, numeric


def moons(n: int = 200, noise: float = 0.15, *, rng: Rng = None) -> Dataset:
    """Two interleaved half circles of ``n`` points together, which no straight line can part.

    Args:
        n: number of points, at least 2.
        noise: standard deviation of the normal noise added to each coordinate.
        rng: its source, a Generator or a seed.

    Raises:
        ValueError: ``n`` or ``noise`` is out of range.
    """
    _see_that_they_are_in_range("moons", n, 2, noise)
    upper, lower = (np.linspace(0, np.pi, size) for size in _shares(n, 2))
    arcs = [np.c_[np.cos(upper), np.sin(upper)], np.c_[1 - np.cos(lower), 0.5 - np.sin(lower)]]
    return _in_classes(arcs, noise, ("upper", "lower"), rng)


def circles(n: int = 200, noise: float = 0.05, *, factor: float = 0.5, rng: Rng = None) -> Dataset:
    """A circle of radius 1 and one of radius ``factor`` inside it; one more feature, ``x² + y²``, would part them.

    Args:
        n: number of points together, at least 2.
        noise: standard deviation of the normal noise added to each coordinate.
        factor: radius of the inner circle, between 0 and 1.
        rng: source of the noise, a Generator or a seed.

    Raises:
        ValueError: an argument is out of range.
    """
    _see_that_they_are_in_range("circles", n, 2, noise)
    if not (is_number(factor) and 0 < factor < 1):
        raise ValueError(f"circles: factor must lie between 0 and 1, not {factor!r}")
    outer, inner = (np.linspace(0, 2 * np.pi, size, endpoint=False) for size in _shares(n, 2))
    return _in_classes([_polar(1.0, outer), _polar(factor, inner)], noise, ("outer", "inner"), rng)


def spirals(n: int = 200, noise: float = 0.02, *, classes: int = 2, turns: float = 1.0, rng: Rng = None) -> Dataset:
    """``classes`` arms wound about each other, from the middle out to radius 1; hard for a small network.

    Args:
        n: number of points together, at least one for each arm.
        noise: standard deviation of the normal noise added to each coordinate.
        classes: number of arms, at least 2.
        turns: how often an arm goes round, more than 0.
        rng: source of the noise, a Generator or a seed.

    Raises:
        ValueError: an argument is out of range.

    Source: Lang and Witbrock, *Learning to Tell Two Spirals Apart* (1988).
    """
    if not isinstance(classes, Integral) or classes < 2 or not (is_number(turns) and 0 < turns < float("inf")):
        raise ValueError(f"spirals: classes must be whole and at least 2, turns more than 0; not {classes!r} and {turns!r}")
    _see_that_they_are_in_range("spirals", n, classes, noise)
    arms = []
    for arm, size in enumerate(_shares(n, classes)):
        radius = np.arange(1, size + 1) / size
        arms.append(_polar(radius, 2 * np.pi * (turns * radius + arm / classes)))
    return _in_classes(arms, noise, tuple(f"arm {i}" for i in range(1, classes + 1)), rng)


def xor(n: int = 4, noise: float = 0.0, *, rng: Rng = None) -> Dataset:
    """Exclusive or: the corners of a square, told apart by whether their coordinates differ. A perceptron can't.

    Args:
        n: number of points, which take the four corners in turn.
        noise: standard deviation of the normal noise added to each coordinate.
        rng: its source, a Generator or a seed.

    Raises:
        ValueError: ``n`` is less than 4, or ``noise`` is out of range.

    Source: Minsky and Papert, *Perceptrons* (1969).

    >>> xor().x.tolist(), xor().y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    _see_that_they_are_in_range("xor", n, 4, noise)
    corner = np.arange(n) % 4
    bits = np.c_[corner // 2, corner % 2]
    return _noisy(bits.astype(np.float64), bits[:, 0] ^ bits[:, 1], noise, ("equal", "different"), rng)


def blobs(
    n: int = 200, noise: float = 1.0, *, centers: ArrayLike = ((-4.0, -2.0), (4.0, -2.0), (0.0, 4.0)), rng: Rng = None
) -> Dataset:
    """Round clouds of points, one about each centre; straight lines part them if they lie far apart.

    Args:
        n: number of points together, at least one for each cloud.
        noise: standard deviation of a cloud, in each coordinate.
        centers: where they lie, shape ``(classes, features)``.
        rng: source of the points, a Generator or a seed.

    Raises:
        ValueError: an argument is out of range.
    """
    middles = numeric("blobs: centers", centers)
    if middles.ndim != 2 or len(middles) < 2 or not middles.size or not np.isfinite(middles).all():
        raise ValueError(f"blobs: centers are at least 2 points, shape (classes, features), and finite; not {centers!r}")
    _see_that_they_are_in_range("blobs", n, len(middles), noise)
    clouds = [np.tile(middle, (size, 1)) for middle, size in zip(middles, _shares(n, len(middles)))]
    return _in_classes(clouds, noise, tuple(f"blob {i}" for i in range(1, len(middles) + 1)), rng)


def sine(n: int = 100, noise: float = 0.1, *, rng: Rng = None) -> Dataset:
    """Numbers to predict: ``y = sin x`` plus noise, at ``n`` even steps from -π to π.

    Args:
        n: number of points, at least 2.
        noise: standard deviation of the normal noise added to ``y``.
        rng: its source, a Generator or a seed.

    Raises:
        ValueError: ``n`` or ``noise`` is out of range.

    >>> sine(5, noise=0)
    Dataset(5 examples of 1 feature, targets -1 to 1)
    """
    _see_that_they_are_in_range("sine", n, 2, noise)
    x = np.linspace(-np.pi, np.pi, n)
    return Dataset(x[:, None], np.sin(x) + np.random.default_rng(rng).normal(scale=noise, size=n), ("x",))


def _see_that_they_are_in_range(name: str, n: int, least: int, noise: float) -> None:
    if not isinstance(n, Integral) or n < least or not (is_number(noise) and 0 <= noise < float("inf")):
        raise ValueError(f"{name}: n must be whole and at least {least} and noise at least 0, not {n!r} and {noise!r}")


def _shares(n: int, classes: int) -> list[int]:
    """``n`` points in ``classes`` parts as even as can be, the larger ones last."""
    return [(n + i) // classes for i in range(classes)]


def _polar(radius: float | Floats, angle: Floats) -> Floats:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _in_classes(parts: Sequence[Floats], noise: float, classes: tuple[str, ...], rng: Rng) -> Dataset:
    return _noisy(np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts]), noise, classes, rng)


def _noisy(x: Floats, y: Labels, noise: float, classes: tuple[str, ...], rng: Rng) -> Dataset:
    names = ("x", "y") if x.shape[1] == 2 else tuple(f"x{i}" for i in range(1, x.shape[1] + 1))
    return Dataset(x + np.random.default_rng(rng).normal(scale=noise, size=x.shape), y, names, classes)
