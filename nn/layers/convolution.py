"""Layers for images, ``(batch, channels, height, width)``: convolution, pooling, and the way from there to dense layers."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

import autograd as ag
from autograd import Value

from ..activations import Activation
from ..activations import activation as activation_of
from ..init import Initialiser
from ..kinds import Kind, block, elements
from ..module import Module, place
from ..rng import Rng
from .making import beside, first_weights, shown, size

Pair = int | Sequence[int]  # one number for both axes, or one for each


class Conv2d(Module):
    """A perceptron that looks at each place of an image through the same window, ``y = g(x ∗ weight + bias)``.

    Args:
        n_in: how many channels it takes.
        n_out: how many it gives, one for each filter.
        kernel_size: height and width of the window.
        stride: how far apart the windows lie.
        padding: how many zeros are put on either side.
        activation: ``g``, by name or as a function.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution, each filter's as that of a perceptron of ``n_in · height · width`` inputs; by default He's for
            rectifiers, else Glorot's. Biases start at 0.
        kind: Value or Tensor, what it is made of.

    ``weight`` has shape ``(n_out, n_in, height, width)``, ``bias`` ``(n_out,)``.

    Raises:
        ValueError: a size is not a whole number (of at least 1; a padding, 0), or two of them; there is no activation of that
            name; or ``init`` gives another shape.
        TypeError: ``init`` is no function, ``activation`` is a class, or ``kind`` is neither Value nor Tensor.

    Source: LeCun et al., *Gradient-Based Learning Applied to Document Recognition* (1998), section II.A.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        activation: Activation = "linear",
        *,
        rng: Rng = None,
        init: Initialiser | None = None,
        kind: Kind = Value,
    ) -> None:
        self.n_in = size("Conv2d", "n_in", n_in)
        self.n_out = size("Conv2d", "n_out", n_out)
        self.kernel_size = _pair("Conv2d", "kernel_size", kernel_size)
        self.stride = _pair("Conv2d", "stride", stride)
        self.padding = _pair("Conv2d", "padding", padding, least=0)
        self.activation = activation_of(activation)
        apart = f", stride={stride}" * (self.stride != (1, 1)) + f", padding={padding}" * (self.padding != (0, 0))
        self._shown = f"Conv2d({n_in}, {n_out}, {kernel_size}{apart}{shown(activation)})"
        filters = first_weights(self, init, self.activation, rng, self.n_in * prod(self.kernel_size), self.n_out).T
        self.weight = block(kind, filters.reshape(self.n_out, self.n_in, *self.kernel_size), "w")
        self.bias = block(kind, np.zeros(self.n_out), "b")

    def forward(self, x: Any) -> Any:
        """From ``(batch, n_in, h, w)`` to ``(batch, n_out, h', w')``, ``h' = (h + 2 padding - height) // stride + 1``.

        Raises:
            ValueError: the shape does not fit, or is smaller than the window.
            TypeError: ``x`` is made of the other kind.
        """
        x = beside(self, self.weight, x)
        shape = ag.shape(x)
        if len(shape) != 4 or shape[1] != self.n_in:
            raise ValueError(
                f"{place(self)} takes (batch, {self.n_in}, h, w), found shape {shape}{_way_to_images(shape, self.n_in)}"
            )
        return self.activation(ag.conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding))

    def __repr__(self) -> str:
        return self._shown


def _way_to_images(shape: tuple[int, ...], n: int) -> str:
    """How what has ``shape`` becomes a batch of images of ``n`` channels, if it can be told."""
    if len(shape) == 4:
        return "; channels come before height and width, x.transpose(0, 3, 1, 2)" if shape[3] == n else ""
    if len(shape) == 3 and shape[0] == n:
        return "; one image is a batch of one, x[None]"
    return f"; fold it so, x.reshape(-1, {n}, h, w)"


class _Pool2d(Module):
    def __init__(self, kernel_size: Pair, stride: Pair | None = None) -> None:
        self.kernel_size = _pair(type(self).__name__, "kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else _pair(type(self).__name__, "stride", stride)
        apart = f", stride={stride}" * (self.stride != self.kernel_size)
        self._shown = f"{type(self).__name__}({kernel_size}{apart})"

    def __repr__(self) -> str:
        return self._shown


class MaxPool2d(_Pool2d):
    """The largest number of each window, ``(…, h, w)`` to ``(…, (h - height) // stride + 1, …)``.

    Args:
        kernel_size: height and width of the window.
        stride: how far apart windows lie; by default they do not overlap.

    Raises:
        ValueError: a size is not a whole number of at least 1, or two of them; or, when called, a window does not fit.

    Source: Weng, Ahuja, Huang, *Learning Recognition and Segmentation of 3-D Objects from 2-D Images* (1993), section 3.
    """

    def forward(self, x: Any) -> Any:
        """The largest number of each window."""
        return ag.max_pool(elements(x), self.kernel_size, self.stride)


class AvgPool2d(_Pool2d):
    """The mean of each window, ``(…, h, w)`` to ``(…, (h - height) // stride + 1, …)``.

    Args:
        kernel_size: height and width of the window.
        stride: how far apart windows lie; by default they do not overlap.

    Raises:
        ValueError: a size is not a whole number of at least 1, or two of them; or, when called, a window does not fit.

    Source: LeCun et al., *Gradient-Based Learning Applied to Document Recognition* (1998), section II.B.
    """

    def forward(self, x: Any) -> Any:
        """The mean of each window."""
        return ag.avg_pool(elements(x), self.kernel_size, self.stride)


class Flatten(Module):
    """Each example as one row of numbers, ``(batch, …)`` to ``(batch, n)``. The first axis is always the batch, so one image is
    a batch of one, ``x[None]``.

    Raises:
        ValueError: when called, if what came has fewer than two axes.
    """

    def forward(self, x: Any) -> Any:
        """All axes but the first in one."""
        x = elements(x)
        shape = ag.shape(x)
        if len(shape) < 2:
            raise ValueError(f"{place(self)} takes a batch, (batch, …), found shape {shape}")
        return ag.reshape(x, (shape[0], prod(shape[1:])))


def _pair(layer: str, name: str, width: Pair, least: int = 1) -> tuple[int, int]:
    pair = tuple(width) if isinstance(width, Sequence) else (width, width)
    if len(pair) != 2:
        raise ValueError(f"{layer}: {name} is one whole number, or one for each of the two axes; not {width!r}")
    return size(layer, name, pair[0], least), size(layer, name, pair[1], least)
