"""Layers, from one perceptron to a multi-layer perceptron.

A layer takes one example, a list of ``n_in`` numbers or Values, or a batch, a list of examples; it gives a list, or a list of
lists.
"""

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from autograd import Node, Value, weighted_sum

from .activations import Activation, rectifies
from .activations import activation as activation_of
from .init import Initialiser, glorot, he
from .module import Module, place
from .rng import Rng

_SEQUENCE = (list, tuple)


class Perceptron(Module):
    """One artificial neuron, ``y = g(b + Σ xᵢ wᵢ)``: a dot product, a bias, a non-linearity.

    Args:
        n_in: how many inputs it takes.
        activation: ``g``, by name or as a function; ``"step"`` is Rosenblatt's.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution; by default He's for rectifiers, else Glorot's.

    Source: Rosenblatt, *The Perceptron* (1958).
    """

    def __init__(
        self,
        n_in: int,
        activation: Activation = "sigmoid",
        *,
        rng: Rng = None,
        init: Initialiser | None = None,
    ) -> None:
        self.n_in = _size("Perceptron", "n_in", n_in)
        self.activation = activation_of(activation)
        self._named = _name_of(activation)
        start = _first_weights(self, init, rng, 1)
        self.weight = [Value(w, label=f"w[{i}]") for i, (w,) in enumerate(start)]
        self.bias = Value(0.0, label="b")

    def forward(self, x: Any) -> Any:
        """From ``n_in`` numbers to one Value; from a batch of them to a list of Values."""
        return _by_example(self, x, lambda example: self.activation(weighted_sum(*example, *self.weight, self.bias)))

    def __repr__(self) -> str:
        return f"Perceptron({self.n_in}{self._named})"


class Dense(Module):
    """A layer of perceptrons that share their inputs, ``y = g(x W + b)``: each weighted sum is one ``dot`` node.

    Args:
        n_in: how many inputs it takes.
        n_out: how many outputs it gives.
        activation: ``g``, by name or as a function.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution; by default He's for rectifiers, else Glorot's. Biases start at 0.

    ``weight[i][j]`` leads from input ``i`` to output ``j``; ``bias[j]`` belongs to output ``j``.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: Activation = "linear",
        *,
        rng: Rng = None,
        init: Initialiser | None = None,
    ) -> None:
        self.n_in = _size("Dense", "n_in", n_in)
        self.n_out = _size("Dense", "n_out", n_out)
        self.activation = activation_of(activation)
        self._named = _name_of(activation)
        start = _first_weights(self, init, rng, self.n_out)
        self.weight = [[Value(w, label=f"w[{i},{j}]") for j, w in enumerate(row)] for i, row in enumerate(start)]
        self.bias = [Value(0.0, label=f"b[{j}]") for j in range(self.n_out)]

    def forward(self, x: Any) -> Any:
        """From ``n_in`` numbers to a list of ``n_out`` Values; from a batch of them to a list of lists."""
        neurons = list(zip(zip(*self.weight), self.bias))
        return _by_example(self, x, lambda example: self.activation([weighted_sum(*example, *w, b) for w, b in neurons]))

    def __repr__(self) -> str:
        return f"Dense({self.n_in}, {self.n_out}{self._named})"


class Sequential(Module):
    """Modules one after the other, ``y = fₙ(… f₂(f₁(x)))``."""

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        """Through every layer in turn."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(str, self.layers))})"


class MLP(Sequential):
    """A multi-layer perceptron: dense layers of the given sizes, with an activation between them. micrograd's, made of Values.

    Args:
        n_in: how many inputs it takes.
        sizes: outputs of each layer; where the last is 1, that one output comes back bare, not in a list.
        activation: of all layers but the last.
        output: activation of the last.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution; by default He's for rectifiers, else Glorot's.

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
    ) -> None:
        if isinstance(sizes, int) or not list(sizes):
            raise ValueError(f"MLP: sizes lists the outputs of each layer, such as [16, 16, 1]; not {sizes!r}")
        rng = np.random.default_rng(rng)
        *hidden, last = sizes
        widths = [n_in, *hidden]
        layers = [Dense(m, n, activation, rng=rng, init=init) for m, n in zip(widths, hidden)]
        layers.append(Dense(widths[-1], last, output, rng=rng, init=init))
        for i, layer in enumerate(layers):  # w[0,0] of layer 1 is w1[0,0]
            for parameter in layer.parameters():
                parameter.label = f"{parameter.label[0]}{i}{parameter.label[1:]}"
        super().__init__(*layers)
        self._shown = f"MLP({n_in}, {list(sizes)}{_name_of(activation)})"

    def forward(self, x: Any) -> Any:
        """From ``n_in`` numbers to a list of Values, or to one bare Value; from a batch of them to a list of these."""
        y = super().forward(x)
        if isinstance(y[0], list):
            return [row[0] for row in y] if len(y[0]) == 1 else y
        return y[0] if len(y) == 1 else y

    def __repr__(self) -> str:
        return self._shown


def _by_example(layer: Perceptron | Dense, x: Any, compute: Callable[[Sequence[Any]], Any]) -> Any:
    """``compute`` of the one example ``x``, or of each example in the batch ``x``."""
    if isinstance(x, np.ndarray):
        if x.ndim > 1 and not len(x):
            raise ValueError(f"{place(layer)} takes {layer.n_in} inputs an example, found a batch of no examples")
        x = x.tolist()
    if isinstance(x, (Node, Real)):
        x = [x]
    if isinstance(x, _SEQUENCE) and x and isinstance(x[0], (*_SEQUENCE, np.ndarray)):
        return [compute(_example(layer, example)) for example in x]
    return compute(_example(layer, x))


def _example(layer: Perceptron | Dense, x: Any) -> Sequence[Any]:
    if isinstance(x, np.ndarray):
        x = x.tolist()
    if not isinstance(x, _SEQUENCE):
        raise TypeError(
            f"{place(layer)} takes a list of {layer.n_in} numbers, or a list of such lists; found {type(x).__name__}"
        )
    if len(x) != layer.n_in:
        raise ValueError(f"{place(layer)} takes {layer.n_in} inputs, found {len(x)}")
    for element in x:
        if type(element) is not Value:
            return [e if isinstance(e, Node) else Value(e, requires_grad=False) for e in x]
    return x


def _size(layer: str, name: str, size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"{layer}: {name} must be a whole number of at least 1, not {size!r}")
    return int(size)


def _first_weights(layer: Perceptron | Dense, init: Initialiser | None, rng: Rng, n_out: int) -> list[list[float]]:
    start = init or (he if rectifies(layer.activation) else glorot)
    if not callable(start):
        raise TypeError(
            f"{layer}: init is a function of (rng, n_in, n_out), such as nn.init.he or nn.init.normal(0.1); not {init!r}"
        )
    weights = np.asarray(start(np.random.default_rng(rng), layer.n_in, n_out))
    if weights.shape != (layer.n_in, n_out):
        raise ValueError(f"{layer}: init gave weights of shape {weights.shape}, expected {(layer.n_in, n_out)}")
    rows: list[list[float]] = weights.tolist()
    return rows


def _name_of(activation: Activation) -> str:
    if activation == "linear":
        return ""
    return f", {activation!r}" if isinstance(activation, str) else f", {getattr(activation, '__name__', activation)}"
