"""Dropout: units left out at random, so that no other comes to rely on them."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autograd as ag
from autograd import Tensor
from autograd.recording import drawn

from ..kinds import Floats, elements
from ..module import Module
from ..rng import Rng
from ..settings import is_number


class Dropout(Module):
    """In training each number is set to 0 with probability ``p``, the others are divided by ``1 - p``; in evaluation nothing.

    ``y = x · mask / (1 - p)``, the mask drawn anew in each call. What is expected of ``y`` is then ``x`` (inverted dropout).

    Args:
        p: how likely a number is dropped, from 0 up to but not including 1.
        rng: source of the masks, a Generator or a seed; kept as ``rng``.

    Raises:
        ValueError: ``p`` lies outside its range.

    Source: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting* (2014), section 10.
    """

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        if not (is_number(p) and 0 <= p < 1):
            raise ValueError(f"Dropout: p must be at least 0 and less than 1, not {p!r}")
        self.p = p
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Any) -> Any:
        """The same shape, some of it 0."""
        x = elements(x)
        if not self.training or not self.p:
            return x
        return x * drawn(partial(self._mask, ag.shape(x), x.dtype if isinstance(x, Tensor) else float))

    def _mask(self, shape: tuple[int, ...], dtype: DTypeLike) -> Floats:
        """0 for what is dropped, ``1 / (1 - p)`` for the others."""
        return ((self.rng.random(shape) >= self.p) / (1 - self.p)).astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"
