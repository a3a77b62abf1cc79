"""micrograd's spellings, ``Neuron``, ``Layer`` and ``MLP``, so that its notebooks run with only their import lines changed.

    from autograd import Value
    from nn.micrograd import Neuron, Layer, MLP

Weights start evenly between -1 and 1 and biases at 0, as there; they are drawn with Python's ``random``, so ``random.seed``
holds. A neuron's weighted sum is one ``dot`` node, where micrograd has a chain of products and sums.
"""

import random
from collections.abc import Sequence
from typing import Any

from autograd import Value, weighted_sum

from .module import Module


class Neuron(Module):
    """``relu(w · x + b)``, or without the relu if ``nonlin`` is False."""

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def forward(self, x: Sequence[Any]) -> Value:
        """From ``nin`` numbers to one Value."""
        if len(x) != len(self.w):
            raise ValueError(f"{self} takes {len(self.w)} inputs, found {len(x)}")
        act: Value = weighted_sum(*x, *self.w, self.b)
        return act.relu() if self.nonlin else act

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """``nout`` neurons that share their inputs; one output comes back bare."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        self.neurons = [Neuron(nin, nonlin) for _ in range(nout)]

    def forward(self, x: Sequence[Any]) -> Any:
        """From ``nin`` numbers to a list of ``nout`` Values, or to one bare Value."""
        out = [neuron.forward(x) for neuron in self.neurons]  # not called: one note, of the layer, is enough
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(str, self.neurons))}]"


class MLP(Module):
    """Layers one after the other, with relu on all but the last."""

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        sizes = [nin, *nouts]
        self.layers = [Layer(m, n, nonlin=i < len(nouts) - 1) for i, (m, n) in enumerate(zip(sizes, nouts, strict=False))]

    def forward(self, x: Any) -> Any:
        """From ``nin`` numbers to what the last layer gives."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(str, self.layers))}]"
