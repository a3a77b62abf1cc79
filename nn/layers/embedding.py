"""Embedding: a row of parameters for each of ``n`` things."""

from typing import Any

import numpy as np

import autograd as ag
from autograd import Node, Value

from ..init import Initialiser, normal
from ..kinds import Kind, block, elements, numbers
from ..module import Module, place
from ..rng import Rng
from .making import drawn, size


class Embedding(Module):
    """A table of ``n`` rows that are learned; ``y = weight[i]``. The gradients of a row that is taken twice add up.

    Args:
        n: how many things there are; they are named ``0 … n - 1``.
        dim: how many numbers stand for each.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution; by default N(0, 1).
        kind: Value or Tensor, what it is made of.

    Raises:
        ValueError: a size is not a whole number of at least 1, or ``init`` gives another shape.
        TypeError: ``init`` is no function, or ``kind`` is neither Value nor Tensor.

    Source: Bengio et al., *A Neural Probabilistic Language Model* (2003), section 2.
    """

    def __init__(self, n: int, dim: int, *, rng: Rng = None, init: Initialiser | None = None, kind: Kind = Value) -> None:
        self.n = size("Embedding", "n", n)
        self.dim = size("Embedding", "dim", dim)
        self.weight = block(kind, drawn(self, init or normal(1.0), rng, self.n, self.dim), "w")

    def forward(self, x: Any) -> Any:
        """From whole numbers of any shape to rows, ``(…, dim)``.

        Raises:
            TypeError: they are parameters or were computed from some: a place takes no gradient.
            ValueError: they are not whole, or not all in ``[0, n)``.
        """
        return ag.take(self.weight, self._places(x), 0)

    def _places(self, x: Any) -> Any:
        x = elements(x)
        if isinstance(x, Node) or x.dtype == object:
            if any(isinstance(e, Node) and e.requires_grad for e in ([x] if isinstance(x, Node) else x.flat)):
                raise TypeError(f"{place(self)} takes whole numbers, and found nodes with a gradient, which would end here")
            x = numbers(x)
        if x.dtype.kind not in "iuf":
            raise TypeError(f"{place(self)} takes whole numbers, not {x.dtype}")
        wrong = x[~((x >= 0) & (x < self.n) & (x == np.floor(x)))]
        if wrong.size:
            raise ValueError(f"{place(self)} takes whole numbers from 0 to {self.n - 1}, found {wrong.flat[0]}")
        return x.astype(int)

    def __repr__(self) -> str:
        return f"Embedding({self.n}, {self.dim})"
