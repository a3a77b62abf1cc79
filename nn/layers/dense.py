"""Perceptrons: one, and a layer of them."""

from typing import Any

import autograd as ag
from autograd import Value

from ..activations import Activation
from ..activations import activation as activation_of
from ..init import Initialiser
from ..kinds import Kind, block
from ..module import Module
from ..rng import Rng
from .making import examples, first_weights, shown, size


class Perceptron(Module):
    """One artificial neuron, ``y = g(b + Σ xᵢ wᵢ)``: a dot product, a bias, a non-linearity.

    Args:
        n_in: how many inputs it takes.
        activation: ``g``, by name or as a function; ``"step"`` is Rosenblatt's.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution; by default He's for rectifiers, else Glorot's.
        kind: Value or Tensor, what it is made of.

    Raises:
        ValueError: a size is not a whole number of at least 1, there is no activation of that name, or ``init`` gives another
            shape.
        TypeError: ``init`` is no function, ``activation`` is a class, or ``kind`` is neither Value nor Tensor.

    Source: Rosenblatt, *The Perceptron* (1958).
    """

    def __init__(
        self,
        n_in: int,
        activation: Activation = "sigmoid",
        *,
        rng: Rng = None,
        init: Initialiser | None = None,
        kind: Kind = Value,
    ) -> None:
        self.n_in = size("Perceptron", "n_in", n_in)
        self.activation = activation_of(activation)
        self._shown = f"Perceptron({n_in}{shown(activation)})"
        self.weight = block(kind, first_weights(self, init, self.activation, rng, self.n_in, 1)[:, 0], "w")
        self.bias = block(kind, 0.0, "b")

    def forward(self, x: Any) -> Any:
        """From ``n_in`` numbers to one; from a batch of them, ``(…, n_in)``, to ``(…)``.

        Raises:
            ValueError: an example has another size, or there is none.
            TypeError: ``x`` is no list of numbers, or is made of the other kind.
        """
        return self.activation(ag.linear(examples(self, x), self.weight, self.bias))

    def __repr__(self) -> str:
        return self._shown


class Dense(Module):
    """A layer of perceptrons that share their inputs, ``y = g(x W + b)``; of Values, each weighted sum is one ``dot`` node.

    Args:
        n_in: how many inputs it takes.
        n_out: how many outputs it gives.
        activation: ``g``, by name or as a function.
        rng: source of the first weights, a Generator or a seed.
        init: their distribution; by default He's for rectifiers, else Glorot's. Biases start at 0.
        kind: Value or Tensor, what it is made of.

    ``weight``, of shape ``(n_in, n_out)``, leads from input ``i`` to output ``j`` by ``weight[i, j]``; ``bias[j]`` belongs to
    output ``j``.

    Raises:
        ValueError: a size is not a whole number of at least 1, there is no activation of that name, or ``init`` gives another
            shape.
        TypeError: ``init`` is no function, ``activation`` is a class, or ``kind`` is neither Value nor Tensor.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.3.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: Activation = "linear",
        *,
        rng: Rng = None,
        init: Initialiser | None = None,
        kind: Kind = Value,
    ) -> None:
        self.n_in = size("Dense", "n_in", n_in)
        self.n_out = size("Dense", "n_out", n_out)
        self.activation = activation_of(activation)
        self._shown = f"Dense({n_in}, {n_out}{shown(activation)})"
        self.weight = block(kind, first_weights(self, init, self.activation, rng, self.n_in, self.n_out), "w")
        self.bias = block(kind, [0.0] * self.n_out, "b")

    def forward(self, x: Any) -> Any:
        """From ``n_in`` numbers to ``n_out``; from a batch of them, ``(…, n_in)``, to ``(…, n_out)``.

        Raises:
            ValueError: an example has another size, or there is none.
            TypeError: ``x`` is no list of numbers, or is made of the other kind.
        """
        return self.activation(ag.linear(examples(self, x), self.weight, self.bias))

    def __repr__(self) -> str:
        return self._shown
