"""Optimizers: how parameters move along their gradients."""

from collections.abc import Iterable
from typing import Any

from autograd import Tensor, Value


class SGD:
    """Stochastic gradient descent, ``w ← w - lr · ∂loss/∂w``; with momentum ``v ← momentum · v + ∂loss/∂w``, ``w ← w - lr ·
    v``.

    Args:
        parameters: what moves; a model's ``parameters()``.
        lr: learning rate, the length of a step per unit of gradient.
        momentum: how much of the last step's velocity is kept, from 0 up to but not including 1.

    Raises:
        ValueError: there are no parameters, or ``lr`` or ``momentum`` lies outside its range.

    Source: Robbins and Monro, *A Stochastic Approximation Method* (1951); Polyak, *Some Methods of Speeding Up Convergence*
    (1964).
    """

    def __init__(self, parameters: Iterable[Value | Tensor], lr: float = 0.01, momentum: float = 0.0) -> None:
        if not isinstance(parameters, Iterable):
            raise TypeError(f"SGD takes a list of parameters, not {type(parameters).__name__}; pass model.parameters()")
        self.parameters = list(parameters)
        for parameter in self.parameters:
            if not isinstance(parameter, Value | Tensor):
                raise TypeError(
                    f"SGD: parameters are Values or Tensors, not {type(parameter).__name__}; pass model.parameters()"
                )
        if not self.parameters:
            raise ValueError(
                "SGD: there are no parameters; pass model.parameters(), and see that the model keeps them in its attributes"
            )
        if not 0 < lr < float("inf"):
            raise ValueError(f"SGD: lr must be a positive number, not {lr}")
        if not 0 <= momentum < 1:
            raise ValueError(f"SGD: momentum must be at least 0 and less than 1, not {momentum}")
        self.lr = lr
        self.momentum = momentum
        self._velocity: list[Any] = [0.0] * len(self.parameters)

    def __repr__(self) -> str:
        return f"SGD({len(self.parameters)} parameters, lr={self.lr}, momentum={self.momentum})"

    def step(self) -> None:
        """Move every parameter once, along the gradient it has now."""
        for i, parameter in enumerate(self.parameters):
            velocity = parameter.grad
            if self.momentum:
                velocity = self._velocity[i] = self.momentum * self._velocity[i] + velocity
            parameter.descend(self.lr * velocity)

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0."""
        for parameter in self.parameters:
            parameter.zero_grad()
