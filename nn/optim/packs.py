"""Packs: parameters that move together, as one vector.

A rule is arithmetic on arrays, and a short array costs nearly as much as a long one. So many Values, or several small Tensors
of one dtype, are read into one vector and moved by one. A large Tensor is a pack by itself, and is not copied.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor, Value
from autograd.graph import zero_grad
from autograd.leaves import Leaves

from ..kinds import Leaf

Array = NDArray[Any]

LENGTH = 2**15  # numbers in a pack of several: all that a rule touches then stays in the processor's cache


class UnzeroedGradientWarning(UserWarning):
    """A step was taken on gradients that still held those of the step before."""


class Pack:
    """Parameters that move together; and by name what a rule remembers of them, vectors that are zeros at first."""

    def __init__(self, parameters: Sequence[Any], dtype: np.dtype[Any], size: int) -> None:
        self.parameters = parameters
        self.dtype = dtype
        self.size = size
        self.memory: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self.memory:
            self.memory[name] = np.zeros(self.size, self.dtype)
        return self.memory[name]

    def gradient(self, weight_decay: float = 0.0) -> Array:
        """``∂loss/∂w + weight_decay · w``, to read."""
        gradient = self._gradient()
        return gradient + weight_decay * self.numbers() if weight_decay else gradient

    def numbers(self) -> Array:
        """``w``, to read."""
        raise NotImplementedError

    def descend(self, step: Array) -> None:
        """Take ``step`` from the parameters, save those that are frozen."""
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Forget the gradient."""
        zero_grad(self.parameters)

    def _gradient(self) -> Array:
        raise NotImplementedError


class _Values(Pack):
    def __init__(self, parameters: Sequence[Value]) -> None:
        super().__init__(parameters, np.dtype(np.float64), len(parameters))
        self._leaves = Leaves.of(parameters)

    def numbers(self) -> Array:
        return self._leaves.numbers()

    def _gradient(self) -> Array:
        return self._leaves.gradients()

    def descend(self, step: Array) -> None:
        self._leaves.descend(step)

    def zero_grad(self) -> None:
        self._leaves.zero_grad()


class _Tensors(Pack):
    def __init__(self, parameters: Sequence[Tensor]) -> None:
        ends = list(accumulate([w.size for w in parameters]))
        super().__init__(parameters, parameters[0].dtype, ends[-1])
        self._places = [slice(end - w.size, end) for w, end in zip(parameters, ends)]

    def numbers(self) -> Array:
        return _end_to_end([w._data for w in self.parameters])

    def _gradient(self) -> Array:
        return _end_to_end([w.grad for w in self.parameters])

    def descend(self, step: Array) -> None:
        for w, place in zip(self.parameters, self._places):
            if w.requires_grad:
                w.descend(step[place].reshape(w.shape))


class Part(Pack):
    """The parameters of ``pack`` where they are not kept in leaves, but in a vector of many, up to ``end``.

    ``slopes``, the gradient there, is to be set before each step.
    """

    def __init__(self, pack: Pack, vector: Array, end: int) -> None:
        super().__init__(pack.parameters, pack.dtype, pack.size)
        self.memory = pack.memory
        self.place = slice(end - pack.size, end)
        self.slopes = self._numbers = vector[self.place]
        frozen = [np.full(np.shape(w._data), not w.requires_grad).ravel() for w in pack.parameters]
        self._frozen = np.concatenate(frozen) if any(not w.requires_grad for w in pack.parameters) else None

    def numbers(self) -> Array:
        """``w``, to read."""
        return self._numbers

    def _gradient(self) -> Array:
        return self.slopes

    def descend(self, step: Array) -> None:
        """Take ``step`` from the part of the vector."""
        if self._frozen is not None:
            step = np.where(self._frozen, 0, step)
        np.subtract(self._numbers, step, out=self._numbers)


def _end_to_end(arrays: Sequence[Array]) -> Array:
    """The arrays as one vector; a single one, if its numbers lie in a row, as it is."""
    return np.concatenate([a.ravel() for a in arrays]) if len(arrays) > 1 else arrays[0].ravel()


def packs(parameters: Iterable[Leaf]) -> list[Pack]:
    """``parameters`` in order, as packs of up to ``LENGTH`` numbers, or of one larger Tensor."""
    runs: list[list[Any]] = []
    last, room = "", 0
    for w in parameters:
        alike, size = ("Value", 1) if isinstance(w, Value) else (w.dtype.name, w.size)
        if alike != last or size > room:
            runs.append([])
            last, room = alike, LENGTH
        runs[-1].append(w)
        room -= size
    return [_Values(run) if isinstance(run[0], Value) else _Tensors(run) for run in runs]


# A gradient that was stepped on is marked. What zeroes it takes the mark away, and what is added to it does not. To read a
# Tensor's gradient takes it away too, since what was read may then be written to.


def mark(w: Any) -> None:
    """Mark the gradient of ``w`` as stepped on."""
    w._grad = _Spent(w._grad) if isinstance(w, Value) else w.grad.view(_SpentArray)


def is_marked(w: Any) -> bool:
    """Whether the gradient of ``w`` was stepped on and not zeroed since."""
    return isinstance(w._grad, _Spent | _SpentArray)


def replace_gradient(w: Any, gradient: Any) -> None:
    """Put ``gradient``, computed from that of ``w``, in its place; the mark stays."""
    if isinstance(w, Value):
        w.grad = _Spent(gradient) if isinstance(w._grad, _Spent) else gradient
    else:
        w._grad = gradient


class _Spent(float):
    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        total = float(self) + other
        return _Spent(total) if isinstance(total, float) else total

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)


class _SpentArray(np.ndarray[Any, np.dtype[Any]]):
    """Its sums are of its class."""

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()
