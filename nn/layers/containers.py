"""Modules made of modules: one after the other, and one beside another."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor, Value

from ..activations import Activation
from ..init import Initialiser
from ..kinds import Kind, elements, given, leaves
from ..module import Module, place
from ..rng import Rng
from .dense import Dense
from .making import shown


class Sequential(Module):
    """Modules, or functions, one after the other, ``y = fₙ(… f₂(f₁(x)))``.

    Args:
        layers: ``f₁`` to ``fₙ``, one by one; kept in the list ``layers``.

    Raises:
        TypeError: one of them can't be called.
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for layer in layers:
            _see_that_it_can_be_called(type(self).__name__, layer)
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        """Through every layer in turn."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(str, self.layers))})"


def _see_that_it_can_be_called(name: str, layer: Any) -> None:
    if isinstance(layer, type):
        raise TypeError(f"{name}: {layer.__name__} is a class; pass {layer.__name__}()")
    if not callable(layer):
        raise TypeError(f"{name}: {layer!r} is no layer; pass layers one by one, {name}(*layers)")


class Residual(Sequential):
    """Layers with a way round them, ``y = x + f(x)``: what they learn is the change, and gradients reach ``x`` unweakened.

    Args:
        layers: ``f``, one after the other.
        shortcut: what ``x`` passes through on the way round, such as a ``Dense`` without activation where ``f(x)`` has another
            shape; by default nothing.

    Raises:
        TypeError: one of them can't be called.

    Source: He et al., *Deep Residual Learning for Image Recognition* (2016), equations 1 and 2.
    """

    def __init__(self, *layers: Callable[[Any], Any], shortcut: Callable[[Any], Any] | None = None) -> None:
        super().__init__(*layers)
        if shortcut is not None:
            _see_that_it_can_be_called("Residual", shortcut)
        self.shortcut = shortcut

    def forward(self, x: Any) -> Any:
        """``x``, or what the shortcut makes of it, and to it what the layers make of it.

        Raises:
            ValueError: the two differ in shape.
        """
        change = super().forward(x)
        x = x if self.shortcut is None else self.shortcut(x)
        x = given(change, x) if isinstance(change, Tensor) else elements(x)
        if ag.shape(x) != ag.shape(change):
            raise ValueError(
                f"{place(self)} adds f(x) of shape {ag.shape(change)} to x of shape {ag.shape(x)}; give both one shape, by a "
                "shortcut, such as shortcut=Dense(n_in, n_out)"
            )
        return x + change

    def __repr__(self) -> str:
        shortcut = [] if self.shortcut is None else [f"shortcut={self.shortcut}"]
        return f"Residual({', '.join([*map(str, self.layers), *shortcut])})"


class MLP(Sequential):
    """A multi-layer perceptron: dense layers of the given sizes, with an activation between them; micrograd's by default.

    Args:
        n_in: how many inputs it takes.
        sizes: outputs of each layer; where the last is 1, that one output comes back bare, not in a list.
        activation: of all layers but the last.
        output: activation of the last.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution; by default He's for rectifiers, else Glorot's.
        kind: Value or Tensor, what it is made of.

    Raises:
        ValueError: ``sizes`` is no list of sizes; or as for ``Dense``.
        TypeError: as for ``Dense``.

    Source: Rumelhart, Hinton, Williams, *Learning Representations by Back-Propagating Errors* (1986).

    >>> model = MLP(2, [16, 16, 1], rng=0)
    >>> len(model.parameters())
    337
    """

    def __init__(
        self,
        n_in: int,
        sizes: Sequence[int],
        activation: Activation = "relu",
        output: Activation = "linear",
        *,
        rng: Rng = None,
        init: Initialiser | None = None,
        kind: Kind = Value,
    ) -> None:
        if isinstance(sizes, int) or not list(sizes):
            raise ValueError(f"MLP: sizes lists the outputs of each layer, such as [16, 16, 1]; not {sizes!r}")
        rng = np.random.default_rng(rng)
        *hidden, last = sizes
        widths = [n_in, *hidden]
        layers = [Dense(m, n, activation, rng=rng, init=init, kind=kind) for m, n in zip(widths, hidden)]
        layers.append(Dense(widths[-1], last, output, rng=rng, init=init, kind=kind))
        for i, layer in enumerate(layers):  # w[0,0] of layer 1 is w1[0,0]
            for parameter in leaves(layer.weight) + leaves(layer.bias):
                parameter.label = f"{parameter.label[0]}{i}{parameter.label[1:]}"
        super().__init__(*layers)
        self._shown = f"MLP({n_in}, {[layer.n_out for layer in layers]}{shown(activation)})"

    def forward(self, x: Any) -> Any:
        """From ``n_in`` numbers to as many as the last size says; from a batch of them, ``(…, n_in)``, to ``(…, n_out)``, or to
        ``(…)`` where that is 1."""
        y = super().forward(x)
        if y.shape[-1] > 1:
            return y
        return y[0] if y.ndim == 1 else y[..., 0]

    def __repr__(self) -> str:
        return self._shown
