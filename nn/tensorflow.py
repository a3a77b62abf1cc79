"""TensorFlow's spellings, as far as an introductory lecture uses them, so that its listings run with only the import changed.

    import nn.tensorflow as tf

    weights = tf.Variable([tf.random.normal()])
    with tf.GradientTape() as g:
        loss = compute_loss(weights)
        gradient = g.gradient(loss, weights)

What they name is what stepgrad has: a ``Variable`` is a ``Tensor``, ``tf.math.sigmoid`` is ``autograd.sigmoid``, and a model is
made of the layers of ``nn``.
"""

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

import autograd as math
from autograd import GradientTape, Node, Tensor, matmul

from . import layers

__all__ = ["GradientTape", "Variable", "keras", "math", "matmul", "random"]

_rng = np.random.default_rng()


def Variable(initial_value: Any, *, name: str = "") -> Tensor:
    """A Tensor that takes gradients."""
    return Tensor(np.asarray(initial_value, dtype=float), label=name)


def _normal(shape: Sequence[int] = (), mean: float = 0.0, stddev: float = 1.0) -> Tensor:
    """Numbers drawn from N(mean, stddev²), as a constant."""
    return Tensor(_rng.normal(mean, stddev, tuple(shape)), requires_grad=False)


def _set_seed(seed: int) -> None:
    """Draw the same numbers from here on."""
    global _rng
    _rng = np.random.default_rng(seed)


class _Sequential(layers.Sequential):
    """``nn.Sequential`` of a list."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__(*layers)

    @property
    def trainable_variables(self) -> list[Any]:
        """Its parameters."""
        return self.parameters()


class _Descent:
    """Gradient descent that is handed its gradients."""

    def __init__(self, learning_rate: float = 0.01) -> None:
        self.learning_rate = learning_rate

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Node | None, Node]]) -> None:
        """Move each variable along its gradient; one without a gradient stays."""
        for gradient, variable in grads_and_vars:
            if gradient is not None:
                variable.descend(self.learning_rate * gradient.data)


random = SimpleNamespace(normal=_normal, set_seed=_set_seed)
keras = SimpleNamespace(
    Sequential=_Sequential, layers=SimpleNamespace(Dense=layers.Dense), optimizers=SimpleNamespace(SGD=_Descent)
)
