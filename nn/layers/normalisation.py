"""Normalisation: numbers brought to mean 0 and variance 1, then scaled and shifted as is learned."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

import autograd as ag
from autograd import Value

from ..aside import keep
from ..kinds import Floats, Kind, block, numbers, write
from ..module import Module, place
from ..settings import is_number
from .making import beside, size


class BatchNorm(Module):
    """Each feature normalised over the batch, ``y = weight · (x - mean) / √(var + eps) + bias``.

    In training ``mean`` and ``var`` are those of the batch, and ``running_mean`` and ``running_var`` follow them, ``running ←
    (1 - momentum) · running + momentum · batch``, the variance as ``Σ (x - mean)² / (n - 1)``. In evaluation they stand in for
    the batch, so that an example's output does not depend on the others.

    Args:
        n: how many features; in images, channels.
        momentum: how fast the running statistics follow.
        eps: keeps a feature that never varies from a division by 0.
        affine: learn ``weight`` and ``bias``.
        kind: Value or Tensor, what it is made of.

    Raises:
        ValueError: ``n`` is not a whole number of at least 1, or ``momentum`` or ``eps`` is out of range.
        TypeError: ``kind`` is neither Value nor Tensor.

    Source: Ioffe and Szegedy, *Batch Normalization* (2015), algorithms 1 and 2.
    """

    def __init__(self, n: int, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True, *, kind: Kind = Value) -> None:
        self.n = size("BatchNorm", "n", n)
        if not (is_number(momentum) and 0 <= momentum <= 1):
            raise ValueError(f"BatchNorm: momentum must be at least 0 and at most 1, not {momentum!r}")
        self.momentum = momentum
        self.eps = _positive("BatchNorm", eps)
        self.affine = affine
        if affine:
            self.weight = block(kind, np.ones(self.n), "w")
            self.bias = block(kind, np.zeros(self.n), "b")
        self.running_mean = block(kind, np.zeros(self.n), "mean", requires_grad=False)
        self.running_var = block(kind, np.ones(self.n), "var", requires_grad=False)

    def forward(self, x: Any) -> Any:
        """The same shape: a batch, ``(batch, n)`` or of images ``(batch, n, h, w)``; in evaluation one example too, ``(n,)``.

        Raises:
            ValueError: the shape does not fit, or in training a feature has a single number, whose variance says nothing.
            TypeError: ``x`` is made of the other kind.
        """
        x = beside(self, self.running_mean, x)
        shape = ag.shape(x)
        axis = 1 if len(shape) > 1 else 0
        if not shape or shape[axis] != self.n:
            raise ValueError(f"{place(self)} takes (batch, {self.n}) or (batch, {self.n}, …), found shape {shape}")

        def along(features: Any) -> Any:
            return features if len(shape) < 3 else ag.reshape(features, (-1, *(1,) * (len(shape) - 2)))

        if self.training:
            y = self._normalised_over_batch(x, tuple([i for i in range(len(shape)) if i != axis]))
        else:
            y = (x - along(self.running_mean)) / ag.sqrt(along(self.running_var) + self.eps)
        return y * along(self.weight) + along(self.bias) if self.affine else y

    def _normalised_over_batch(self, x: Any, axes: tuple[int, ...]) -> Any:
        n = x.size // self.n
        if n < 2:
            raise ValueError(
                f"{place(self)} in training takes at least 2 numbers of each feature, found {n}; pass a larger batch (in fit, "
                "choose a batch_size that does not leave one example over), or switch to evaluation by eval()"
            )
        y, mean, var = normalised(x, axes, self.eps)
        keep(partial(self._follow, n), mean, var)
        return y

    def _follow(self, n: int, mean: Floats, var: Floats) -> None:
        for running, batch in ((self.running_mean, mean), (self.running_var, var * n / (n - 1))):
            write(running, (1 - self.momentum) * numbers(running) + self.momentum * batch.ravel())

    def __repr__(self) -> str:
        return f"BatchNorm({self.n}{'' if self.affine else ', affine=False'})"


class LayerNorm(Module):
    """Each example normalised over its own features, ``y = weight · (x - mean) / √(var + eps) + bias``; in training and in
    evaluation alike.

    Args:
        n: how many features, or the shape of the last axes, which are normalised together.
        eps: keeps an example whose features are all equal from a division by 0.
        kind: Value or Tensor, what it is made of.

    Raises:
        ValueError: ``n`` is not one or several whole numbers of at least 1, or ``eps`` is out of range.
        TypeError: ``kind`` is neither Value nor Tensor.

    Source: Ba, Kiros, Hinton, *Layer Normalization* (2016), equation 4.
    """

    def __init__(self, n: int | Sequence[int], eps: float = 1e-5, *, kind: Kind = Value) -> None:
        self.shape = tuple([size("LayerNorm", "n", m) for m in (n if isinstance(n, Sequence) else [n])])
        if not self.shape:
            raise ValueError("LayerNorm: n names at least one axis, such as 8 or (8, 8); not ()")
        self.eps = _positive("LayerNorm", eps)
        self.weight = block(kind, np.ones(self.shape), "w")
        self.bias = block(kind, np.zeros(self.shape), "b")

    def forward(self, x: Any) -> Any:
        """The same shape, ``(…, *n)``: one example or a batch.

        Raises:
            ValueError: the last axes are not ``n``.
            TypeError: ``x`` is made of the other kind.
        """
        x = beside(self, self.weight, x)
        axes = tuple(range(-len(self.shape), 0))
        if ag.shape(x)[axes[0] :] != self.shape:
            raise ValueError(f"{place(self)} takes (…, {', '.join(map(str, self.shape))}), found shape {ag.shape(x)}")
        y, _, _ = normalised(x, axes, self.eps)
        return y * self.weight + self.bias

    def __repr__(self) -> str:
        return f"LayerNorm({self.shape[0] if len(self.shape) == 1 else self.shape})"


def normalised(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """``(x - mean) / √(var + eps)`` with mean and variance over ``axes``, and these two."""
    mean = ag.mean(x, axes, keepdims=True)
    centred = x - mean
    var = ag.mean(centred * centred, axes, keepdims=True)
    return centred / ag.sqrt(var + eps), mean, var


def _positive(layer: str, eps: float) -> float:
    if not (is_number(eps) and 0 < eps < float("inf")):
        raise ValueError(f"{layer}: eps must be a positive number, not {eps!r}")
    return eps
