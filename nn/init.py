"""Initialisers: how the weights of a layer start out.

Each is a function of ``(rng, n_in, n_out)`` and gives an array of shape ``(n_in, n_out)``; ``normal(σ)`` and ``uniform(…)``
make one.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .rng import Generator
from .settings import is_number

Weights: TypeAlias = NDArray[np.float64]
Initialiser: TypeAlias = Callable[["Generator", int, int], Weights]


def normal(sigma: float = 0.1) -> Initialiser:
    """Weights drawn from N(0, σ²), where σ is ``sigma``.

    Raises:
        ValueError: ``sigma`` is below 0.
    """
    if not (is_number(sigma) and sigma >= 0):
        raise ValueError(f"normal: sigma must be at least 0, not {sigma!r}")
    return lambda rng, n_in, n_out: rng.normal(scale=sigma, size=(n_in, n_out))


def uniform(low: float = -1.0, high: float = 1.0) -> Initialiser:
    """Weights drawn evenly from ``[low, high)``; micrograd's by default.

    Raises:
        ValueError: ``low`` exceeds ``high``.
    """
    if not (is_number(low) and is_number(high) and low <= high):
        raise ValueError(f"uniform: low and high are numbers, and low must not exceed high; not {low!r} and {high!r}")
    return lambda rng, n_in, n_out: rng.uniform(low, high, size=(n_in, n_out))


def glorot(rng: Generator, n_in: int, n_out: int) -> Weights:
    """Even weights of variance ``2 / (n_in + n_out)``: signals keep their size both ways through a sigmoid-like layer.

    Source: Glorot and Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural Networks* (2010), equation 16.
    """
    limit = (6.0 / (n_in + n_out)) ** 0.5
    return rng.uniform(-limit, limit, size=(n_in, n_out))


def he(rng: Generator, n_in: int, n_out: int) -> Weights:
    """Normal weights of variance ``2 / n_in``: signals keep their size through a rectifier, which passes half of them.

    Source: He et al., *Delving Deep into Rectifiers* (2015), equation 10.
    """
    return rng.normal(scale=(2.0 / n_in) ** 0.5, size=(n_in, n_out))
