"""The rules: gradient descent and what was made of it, each as the few lines of its paper on arrays.

plain, and with velocity .......... SGD, GradientDescent, Momentum, Nesterov
a rate of its own for each weight . Adagrad, Adadelta, RMSprop
both .............................. Adam, AdamW

Names, defaults and equations are PyTorch's; only SGD's default rate is Keras's. In them ``w`` are the parameters, ``g`` their
gradients, ``t`` counts steps from 1, squares, roots and quotients are taken element by element, and what is remembered starts
at 0.
"""

from math import sqrt
from typing import Any, ClassVar

import numpy as np

from .groups import Parameters
from .optimizer import Optimizer
from .packs import Array, Pack


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum, dampening and weight decay.

        g ← g + weight_decay · w
        v ← momentum · v + (1 - dampening) · g      (at first, v ← g)
        w ← w - lr · v                              (nesterov: w ← w - lr · (g + momentum · v))

    Args:
        params: what moves, a model's ``parameters()``, or groups with settings of their own.
        lr: learning rate, the length of a step per unit of gradient.
        momentum: how much of the last step's velocity is kept, from 0 up to but not including 1.
        dampening: how much of the gradient the velocity leaves out.
        weight_decay: strength of an L2 penalty, ``weight_decay / 2 · ‖w‖²``.
        nesterov: look ahead along the velocity.
        accumulate: gradients are meant to be stepped on again, so that no warning comes.

    Raises:
        ValueError: there are no parameters, or one comes twice; a setting lies outside its range; or ``nesterov`` comes without
            momentum, or with dampening.

    Source: Robbins and Monro, *A Stochastic Approximation Method* (1951); Polyak, *Some Methods of Speeding Up the Convergence
    of Iteration Methods* (1964); Sutskever et al., *On the Importance of Initialization and Momentum in Deep Learning* (2013).
    """

    remembers: ClassVar = {"momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            accumulate=accumulate,
        )
        if any(group["nesterov"] and (not group["momentum"] or group["dampening"]) for group in self.groups):
            raise ValueError(f"{type(self).__name__}: nesterov needs a momentum and no dampening")

    def rule(  # type: ignore[override]
        self, pack: Pack, t: int, lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool
    ) -> Array:
        g = pack.gradient(weight_decay)
        if momentum:
            v = pack["momentum_buffer"]
            v *= momentum
            v += g if t == 1 else (1 - dampening) * g
            g = g + momentum * v if nesterov else v
        return lr * g


class GradientDescent(SGD):
    """Gradient descent, ``w ← w - lr · g``, where ``g`` is the gradient over all examples.

    What makes it SGD is to take a batch of them. Arguments and errors are those of ``SGD``.

    Source: Cauchy, *Méthode générale pour la résolution des systèmes d'équations simultanées* (1847).
    """

    def __init__(self, params: Parameters, lr: float = 0.01, *, accumulate: bool = False) -> None:
        super().__init__(params, lr, accumulate=accumulate)


class Momentum(SGD):
    """Gradient descent of a heavy ball, ``v ← momentum · v + g``, ``w ← w - lr · v``.

    Arguments and errors are those of ``SGD``.

    Source: Polyak, *Some Methods of Speeding Up the Convergence of Iteration Methods* (1964).
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(params, lr, momentum, weight_decay=weight_decay, accumulate=accumulate)


class Nesterov(SGD):
    """Momentum that looks ahead, ``v ← momentum · v + g``, ``w ← w - lr · (g + momentum · v)``.

    Arguments and errors are those of ``SGD``; without momentum there is nothing to look ahead along.

    Source: Nesterov, *A Method of Solving a Convex Programming Problem with Convergence Rate O(1/k²)* (1983); in this form
    Sutskever et al., *On the Importance of Initialization and Momentum in Deep Learning* (2013).
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(params, lr, momentum, weight_decay=weight_decay, nesterov=True, accumulate=accumulate)


class Adagrad(Optimizer):
    """Steps that shrink where gradients were large, by the sum ``s`` of all their squares.

        g ← g + weight_decay · w
        s ← s + g²                                  (s starts at initial_accumulator_value)
        w ← w - lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)

    Args:
        params: what moves, a model's ``parameters()``, or groups with settings of their own.
        lr: learning rate.
        lr_decay: how fast it falls.
        weight_decay: strength of an L2 penalty, ``weight_decay / 2 · ‖w‖²``.
        initial_accumulator_value: where the sum of squares starts.
        eps: keeps the quotient finite.
        accumulate: gradients are meant to be stepped on again, so that no warning comes.

    Raises:
        ValueError: there are no parameters, or one comes twice; or a setting lies outside its range.

    Source: Duchi, Hazan, Singer, *Adaptive Subgradient Methods for Online Learning and Stochastic Optimization* (2011).
    """

    remembers: ClassVar = {"sum": ""}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            accumulate=accumulate,
        )

    def rule(  # type: ignore[override]
        self, pack: Pack, t: int, lr: float, lr_decay: float, weight_decay: float, initial_accumulator_value: float, eps: float
    ) -> Array:
        g, s = pack.gradient(weight_decay), pack["sum"]
        if t == 1:
            s += initial_accumulator_value
        s += g * g
        return lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s) + eps)


class Adadelta(Optimizer):
    """Steps in the units of ``w``: gradients measured by their own size ``s``, steps by that ``u`` of steps before.

        g ← g + weight_decay · w
        s ← rho · s + (1 - rho) · g²
        δ = √(u + eps) / √(s + eps) · g
        u ← rho · u + (1 - rho) · δ²
        w ← w - lr · δ

    Args:
        params: what moves, a model's ``parameters()``, or groups with settings of their own.
        lr: learning rate; in the paper there is none.
        rho: how much of the averages of squares is kept, from 0 up to but not including 1.
        eps: keeps the quotient finite, and the first steps from being 0.
        weight_decay: strength of an L2 penalty, ``weight_decay / 2 · ‖w‖²``.
        accumulate: gradients are meant to be stepped on again, so that no warning comes.

    Raises:
        ValueError: there are no parameters, or one comes twice; or a setting lies outside its range.

    Source: Zeiler, *ADADELTA: An Adaptive Learning Rate Method* (2012).
    """

    remembers: ClassVar = {"square_avg": "", "acc_delta": ""}

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(params, lr, rho=rho, eps=eps, weight_decay=weight_decay, accumulate=accumulate)

    def rule(  # type: ignore[override]
        self, pack: Pack, t: int, lr: float, rho: float, eps: float, weight_decay: float
    ) -> Array:
        g = pack.gradient(weight_decay)
        s = _average(pack["square_avg"], rho, g * g)
        step = np.sqrt(pack["acc_delta"] + eps) / np.sqrt(s + eps) * g
        _average(pack["acc_delta"], rho, step * step)
        return lr * step


class RMSprop(Optimizer):
    """Gradients divided by the root of the running average ``s`` of their squares.

        g ← g + weight_decay · w
        s ← alpha · s + (1 - alpha) · g²
        u = g / (√s + eps)                          (centered: √(s - m²), with m ← alpha · m + (1 - alpha) · g)
        v ← momentum · v + u
        w ← w - lr · v

    Args:
        params: what moves, a model's ``parameters()``, or groups with settings of their own.
        lr: learning rate.
        alpha: how much of the running averages is kept, from 0 up to but not including 1.
        eps: keeps the quotient finite.
        weight_decay: strength of an L2 penalty, ``weight_decay / 2 · ‖w‖²``.
        momentum: how much of the last step's velocity is kept, from 0 up to but not including 1.
        centered: divide by the standard deviation of the gradients instead.
        accumulate: gradients are meant to be stepped on again, so that no warning comes.

    Raises:
        ValueError: there are no parameters, or one comes twice; or a setting lies outside its range.

    Source: Tieleman and Hinton, *Lecture 6.5: RMSProp*, Coursera (2012); centered, Graves, *Generating Sequences with Recurrent
    Neural Networks* (2013).
    """

    remembers: ClassVar = {"square_avg": "", "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Parameters,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            accumulate=accumulate,
        )

    def rule(  # type: ignore[override]
        self, pack: Pack, t: int, lr: float, alpha: float, eps: float, weight_decay: float, momentum: float, centered: bool
    ) -> Array:
        g = pack.gradient(weight_decay)
        s = _average(pack["square_avg"], alpha, g * g)
        if centered:
            m = _average(pack["grad_avg"], alpha, g)
            s = np.maximum(s - m * m, 0.0)  # of gradients that are alike, rounding would make it negative
        u = g / (np.sqrt(s) + eps)
        if momentum:
            v = pack["momentum_buffer"]
            v *= momentum
            v += u
            u = v
        return lr * u


RMSProp = RMSprop  # as the lectures spell it


class Adam(Optimizer):
    """Momentum ``m`` divided by the root of the running average ``v`` of squared gradients, both freed of their start at 0.

        g ← g + weight_decay · w
        m ← β₁ · m + (1 - β₁) · g,      m̂ = m / (1 - β₁ᵗ)
        v ← β₂ · v + (1 - β₂) · g²,     v̂ = v / (1 - β₂ᵗ)      (amsgrad: of the largest v so far)
        w ← w - lr · m̂ / (√v̂ + eps)

    Args:
        params: what moves, a model's ``parameters()``, or groups with settings of their own.
        lr: learning rate; about how far each number moves in a step.
        betas: how much of ``m`` and ``v`` is kept, from 0 up to but not including 1.
        eps: keeps the quotient finite.
        weight_decay: strength of an L2 penalty, ``weight_decay / 2 · ‖w‖²``; see ``AdamW``.
        amsgrad: never divide by less than before.
        accumulate: gradients are meant to be stepped on again, so that no warning comes.

    Raises:
        ValueError: there are no parameters, or one comes twice; or a setting lies outside its range.

    Source: Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015), algorithm 1; amsgrad, Reddi, Kale, Kumar, *On
    the Convergence of Adam and Beyond* (2018).
    """

    remembers: ClassVar = {"exp_avg": "", "exp_avg_sq": "", "max_exp_avg_sq": "amsgrad"}

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, accumulate=accumulate)

    def rule(  # type: ignore[override]
        self, pack: Pack, t: int, lr: float, betas: tuple[float, float], eps: float, weight_decay: float, amsgrad: bool
    ) -> Array:
        beta1, beta2 = betas
        g = pack.gradient(weight_decay)
        m = _average(pack["exp_avg"], beta1, g)
        v = _average(pack["exp_avg_sq"], beta2, g * g)
        if amsgrad:
            v = np.maximum(pack["max_exp_avg_sq"], v, out=pack["max_exp_avg_sq"])
        # The paper's quicker order (end of section 2): the two corrections are numbers, and the rest is done in place.
        scale1, scale2 = 1 - beta1**t, sqrt(1 - beta2**t)
        step = np.sqrt(v)
        step += eps * scale2
        np.divide(m, step, out=step)
        step *= lr * scale2 / scale1
        return step


class AdamW(Adam):
    """Adam with weight decay that is not divided by anything, ``w ← w - lr · (m̂ / (√v̂ + eps) + weight_decay · w)``.

    Arguments and errors are those of ``Adam``.

    Source: Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019), algorithm 2; as in PyTorch, ``lr`` scales the
    decay too.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        accumulate: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, accumulate=accumulate)

    def rule(self, pack: Pack, t: int, lr: float, weight_decay: float, **adams: Any) -> Array:  # type: ignore[override]
        return super().rule(pack, t, lr, weight_decay=0.0, **adams) + lr * weight_decay * pack.numbers()


def _average(mean: Array, kept: float, x: Array) -> Array:
    """The running average ``mean ← kept · mean + (1 - kept) · x``, in place."""
    mean *= kept
    mean += (1 - kept) * x
    return mean
