"""TensorFlow's spellings, as far as an introductory lecture uses them, so that its listings run with only the import changed.

    import nn.tensorflow as tf

    weights = tf.Variable([tf.random.normal()])
    with tf.GradientTape() as g:
        loss = compute_loss(weights)
        gradient = g.gradient(loss, weights)

What they name is what stepgrad has: a ``Variable`` is a ``Tensor``, ``tf.math.sigmoid`` is ``autograd.sigmoid``, layers are
modules, made of Tensors, and optimizers are those of ``nn.optim`` under Keras's argument names and with its defaults. Dropout
drops until the model is told ``model.eval()``.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

import autograd as math
from autograd import GradientTape, Node, Tensor, matmul

from . import init, layers, optim
from .activations import activation as activation_of
from .layers.making import size
from .module import Module, place

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

    trainable_variables = property(Module.parameters)

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__(*layers)


class _Layer(Module):
    """A layer written by hand: its weights come from ``add_weight``, in ``__init__`` or, where they depend on what the layer is
    given, in ``build``; its formula is ``call``."""

    built = False
    trainable_variables = property(Module.parameters)

    def add_weight(
        self, shape: Sequence[int], initializer: str = "glorot_uniform", trainable: bool = True, name: str = ""
    ) -> Tensor:
        """A new weight, which starts as Glorot's rule, ``"zeros"`` or ``"ones"`` say."""
        if initializer not in _STARTS:
            raise ValueError(f"add_weight: initializer is one of {', '.join(_STARTS)}; not {initializer!r}")
        return Tensor(_STARTS[initializer](tuple(shape)), label=name, requires_grad=trainable)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make what depends on the shape of the inputs; called once, before the first ``call``."""

    def call(self, inputs: Any) -> Any:
        """What the layer computes; to be written by each layer."""
        raise NotImplementedError(f"{type(self).__name__} has no call(inputs) yet; write one")

    def forward(self, inputs: Any) -> Any:
        """``call``, after ``build``."""
        if not self.built:
            self.build(math.shape(inputs))
            self.built = True
        return self.call(inputs)


def _glorot(shape: tuple[int, ...]) -> Any:
    if len(shape) != 2:
        raise ValueError(
            f"add_weight: Glorot's rule is for weights of shape (n_in, n_out), not {shape}; pass initializer='zeros'"
        )
    return init.glorot(_rng, *shape)


_STARTS: dict[str, Callable[[tuple[int, ...]], Any]] = {"glorot_uniform": _glorot, "zeros": np.zeros, "ones": np.ones}


class _Dense(_Layer):
    """``nn.Dense`` that finds out how many inputs it has from the first that it is given."""

    def __init__(self, units: int, activation: Any = None) -> None:
        self.units = size("Dense", "units", units)
        self.activation = activation_of(activation or "linear")

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Weights for that many inputs."""
        if not input_shape or not input_shape[-1]:
            raise ValueError(f"{place(self)} takes a list of numbers, or a list of such lists; found shape {input_shape}")
        self.kernel = self.add_weight([input_shape[-1], self.units])
        self.bias = self.add_weight([self.units], "zeros")

    def call(self, inputs: Any) -> Any:
        """``activation(inputs @ kernel + bias)``."""
        return self.activation(math.linear(inputs, self.kernel, self.bias))

    def __repr__(self) -> str:
        return f"Dense(units={self.units})"


def _dropout(p: float = 0.5) -> layers.Dropout:
    """``nn.Dropout`` whose masks ``set_seed`` repeats."""
    return layers.Dropout(p, rng=_rng)


class _Optimizer:
    """An optimizer that is handed its gradients. Each variable has one to itself, since not all come every time."""

    def __init__(self, rule: Callable[..., optim.Optimizer], learning_rate: float, **settings: Any) -> None:
        self.learning_rate = learning_rate
        self._new = partial(rule, lr=learning_rate, **settings)
        self._movers: dict[Node, optim.Optimizer] = {}

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> None:
        """Move each variable along its gradient; one without a gradient stays."""
        for gradient, variable in grads_and_vars:
            if gradient is None:
                continue
            if variable not in self._movers:
                self._movers[variable] = self._new([variable])
            mover = self._movers[variable]
            mover.lr = self.learning_rate
            variable.grad = gradient.data if isinstance(gradient, Node) else gradient
            mover.step()
            mover.zero_grad()


def _sgd(learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> _Optimizer:
    return _Optimizer(optim.SGD, learning_rate, momentum=momentum, nesterov=nesterov)


def _adam(learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> _Optimizer:
    return _Optimizer(optim.Adam, learning_rate, betas=(beta_1, beta_2), eps=epsilon)


def _adadelta(learning_rate: float = 0.001, rho: float = 0.95, epsilon: float = 1e-7) -> _Optimizer:
    return _Optimizer(optim.Adadelta, learning_rate, rho=rho, eps=epsilon)


def _adagrad(learning_rate: float = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7) -> _Optimizer:
    return _Optimizer(optim.Adagrad, learning_rate, initial_accumulator_value=initial_accumulator_value, eps=epsilon)


def _rmsprop(
    learning_rate: float = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7, centered: bool = False
) -> _Optimizer:
    return _Optimizer(optim.RMSprop, learning_rate, alpha=rho, momentum=momentum, eps=epsilon, centered=centered)


random = SimpleNamespace(normal=_normal, set_seed=_set_seed)
keras = SimpleNamespace(
    Sequential=_Sequential,
    layers=SimpleNamespace(Layer=_Layer, Dense=_Dense, Dropout=_dropout),
    optimizers=SimpleNamespace(SGD=_sgd, Adam=_adam, Adadelta=_adadelta, Adagrad=_adagrad, RMSprop=_rmsprop),
)
