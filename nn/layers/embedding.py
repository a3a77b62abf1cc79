"""Embedding: a row of parameters for each of ``n`` things."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import Node, Value
from autograd.recording import Note, checked, current, numbers_of, witness

from ..init import Initialiser, normal
from ..kinds import Kind, block, elements, one_hot
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
        x = elements(x)
        nodes = [x] if isinstance(x, Node) else x.ravel().tolist() if x.dtype == object else []
        differing = any(isinstance(e, Node) and e.requires_grad for e in nodes)
        if differing and (witness() is None or any(isinstance(e, Node) and e.op for e in nodes)):
            raise TypeError(f"{place(self)} takes whole numbers, and found nodes with a gradient, which would end here")
        checked(partial(self._see_places, current().note), x)
        if differing:  # the arguments of what is compiled
            return ag.matmul(one_hot(x, self.n, self.weight.dtype), self.weight)
        return ag.take(self.weight, numbers_of(x).astype(int), 0)

    def _see_places(self, note: Note | None, x: NDArray[Any]) -> None:
        if x.dtype.kind not in "iuf":
            raise TypeError(f"{place(self, note)} takes whole numbers, not {x.dtype}")
        wrong = x[~((x >= 0) & (x < self.n) & (x == np.floor(x)))]
        if wrong.size:
            raise ValueError(f"{place(self, note)} takes whole numbers from 0 to {self.n - 1}, found {wrong.flat[0]}")

    def __repr__(self) -> str:
        return f"Embedding({self.n}, {self.dim})"
