"""Activations, as modules, ``ReLU()``, and by name, ``activation("relu")``.

Each takes a Value, a list or an array of them, or a Tensor. All but ``Softmax`` apply one op of ``autograd`` to every element;
the op, such as ``autograd.gelu``, tells who proposed it.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

import autograd as ag

from .kinds import elements
from .module import Module

Activation: TypeAlias = "str | Callable[[Any], Any]"


def each(function: Callable[[Any], Any], x: Any) -> Any:
    """``function`` applied to a Value or a Tensor, or to every Value in an array or nested lists."""
    x = elements(x)
    return np.frompyfunc(function, 1, 1)(x) if isinstance(x, np.ndarray) and x.dtype == object else function(x)


class Elementwise(Module):
    """A function of one number, applied to each element; a function of your own is given single Values, or a Tensor."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def forward(self, x: Any) -> Any:
        """``function`` of each element."""
        return each(self.function, x)

    def __repr__(self) -> str:
        if type(self) is not Elementwise:
            return super().__repr__()
        return f"Elementwise({getattr(self.function, '__name__', self.function)})"


class Identity(Elementwise):
    """The linear activation, ``y = x``."""

    def __init__(self) -> None:
        super().__init__(_identity)


class ReLU(Elementwise):
    """``y = max(x, 0)``."""

    def __init__(self) -> None:
        super().__init__(ag.relu)


class LeakyReLU(Elementwise):
    """``y = x`` where ``x > 0``, else ``slope · x``.

    Args:
        slope: what is left of the rate on the other side.
    """

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__(ag.leaky_relu)
        self.slope = slope

    def __repr__(self) -> str:
        return f"LeakyReLU({self.slope})"

    def forward(self, x: Any) -> Any:
        """The op of each element, with this slope."""
        return each(lambda element: ag.leaky_relu(element, self.slope), x)


class ELU(Elementwise):
    """``y = x`` where ``x > 0``, else ``alpha · (eˣ - 1)``.

    Args:
        alpha: how far below 0 it goes, to ``-alpha``.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(ag.elu)
        self.alpha = alpha

    def __repr__(self) -> str:
        return f"ELU({self.alpha})"

    def forward(self, x: Any) -> Any:
        """The op of each element, with this alpha."""
        return each(lambda element: ag.elu(element, self.alpha), x)


class GELU(Elementwise):
    """``y = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))``."""

    def __init__(self) -> None:
        super().__init__(ag.gelu)


class SiLU(Elementwise):
    """``y = x · sigmoid(x)``."""

    def __init__(self) -> None:
        super().__init__(ag.silu)


class Sigmoid(Elementwise):
    """``y = 1 / (1 + e⁻ˣ)``."""

    def __init__(self) -> None:
        super().__init__(ag.sigmoid)


class Softmax(Module):
    """``yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)`` along the last axis: positive numbers that sum to 1. Losses that take logits
    have it inside.

    Source: Bridle, *Probabilistic Interpretation of Feedforward Classification Network Outputs* (1990).
    """

    def forward(self, x: Any) -> Any:
        """The softmax of each row."""
        return ag.softmax(elements(x))


class Softplus(Elementwise):
    """``y = ln(1 + eˣ)``."""

    def __init__(self) -> None:
        super().__init__(ag.softplus)


class Step(Elementwise):
    """``y = 1`` where ``x > 0``, else 0. Its derivative is 0, so nothing before it learns by gradient."""

    def __init__(self) -> None:
        super().__init__(ag.step)


class Tanh(Elementwise):
    """``y = tanh(x)``."""

    def __init__(self) -> None:
        super().__init__(ag.tanh)


def _identity(x: Any) -> Any:
    return x


NAMES: dict[str, Callable[[], Module]] = {
    "linear": Identity, "relu": ReLU, "leaky_relu": LeakyReLU, "elu": ELU, "gelu": GELU, "silu": SiLU, "sigmoid": Sigmoid,
    "softmax": Softmax, "softplus": Softplus, "step": Step, "tanh": Tanh,
}  # fmt: skip


_RECTIFIERS = (ag.relu, ag.leaky_relu, ag.elu, ag.gelu, ag.silu, ag.softplus)


def rectifies(activation: Callable[[Any], Any]) -> bool:
    """Whether about half of what comes in is stopped, so that weights should start larger."""
    return isinstance(activation, Elementwise) and activation.function in _RECTIFIERS


def activation(name: Activation) -> Callable[[Any], Any]:
    """The activation of that name. A module is passed through; any other function is applied to each element.

    Raises:
        ValueError: there is none of that name.
        TypeError: it is a class, not a module.
    """
    if isinstance(name, Module):
        return name
    if isinstance(name, type):
        raise TypeError(f"activation: {name.__name__} is a class; pass {name.__name__}(), or a name, such as 'relu'")
    if callable(name):
        return Elementwise(name)
    if not isinstance(name, str) or name not in NAMES:
        raise ValueError(f"activation must be one of {', '.join(sorted(NAMES))}, or a function; not {name!r}")
    return NAMES[name]()
