"""lr_range_test: which learning rate to start with, tried out on a few hundred batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, exp, inf
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .callbacks import Callback, Run
from .losses import Loss
from .module import Module, generators, see_that_it_is_a_module
from .optim import SGD, Optimizer
from .progress import progress
from .rng import Rng
from .schedules import LearningRate, exponential
from .settings import is_number
from .training import fit

Floats = NDArray[np.float64]

CLEAR = 3.4  # standard errors that a fall must come to; where nothing falls, one run of some 100 does by accident


@dataclass(frozen=True, eq=False)
class RangeTest:
    """What each rate did: ``loss[i]`` is that of the batch on which a step of ``lr[i]`` was then taken.

    ``viz.plots.lr_range(test)`` shows it.
    """

    lr: Floats
    loss: Floats
    smoothed: Floats  # the losses, averaged with those about them
    suggestion: float  # the rate at which they fell most steeply, if a tenth of that at which they were lowest is no less

    def __repr__(self) -> str:
        return f"RangeTest({len(self.lr)} rates {self.lr[0]:.2g} to {self.lr[-1]:.2g}, suggestion {self.suggestion:.2g})"


def lr_range_test(
    model: Module,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Optimizer | None = None,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int | None = 32,
    rng: Rng = None,
) -> RangeTest:
    """Train for a few steps with ever larger rates, and suggest the one at which the loss falls most steeply.

    The rates rise geometrically, one mini-batch each, until the running mean of the losses lies above 4 times its lowest, or
    they are no longer finite. The suggestion is the rate of steepest descent, where ``∂ smoothed / ∂ log(lr)`` is lowest; but
    at most a tenth of the rate at which ``smoothed`` is, since there the steps are about to be too long. Model and optimizer
    (gradients, running statistics, modes and random generators included) are afterwards as they were, whatever happens.

    Args:
        model: what is to be trained.
        x: the examples, as ``fit`` takes them.
        y: their targets.
        loss: ``(predictions, targets) -> Value or Tensor``.
        optimizer: whose rate is sought; by default ``SGD(model.parameters())``.
        low: the first rate.
        high: the last rate.
        steps: how many rates to try, at least 10.
        batch_size: examples in a step; None for all of them.
        rng: source of the order, a Generator or a seed.

    Raises:
        ValueError: the rates or ``steps`` are out of range; or the loss nowhere falls by more than its noise, from batch to
            batch, so that no rate can be suggested; and as ``fit``.
        TypeError: as ``fit``.
        FloatingPointError, DomainError: the loss is not finite at the start.

    Source: Smith, *Cyclical Learning Rates for Training Neural Networks* (2017), section 3.3; for the two bounds, Gugger,
    *How Do You Find a Good Learning Rate* (2018).
    """
    see_that_it_is_a_module("lr_range_test", model)
    rising = is_number(low) and is_number(high) and 0 < low < high < inf
    if not rising or not isinstance(steps, Integral) or steps < 10:
        raise ValueError(
            f"lr_range_test: rates rise from low to high, above 0, in at least 10 steps; not {low!r} to {high!r} in {steps!r}"
        )
    rates = exponential(low, gamma=(high / low) ** (1 / (steps - 1)))
    optimizer = SGD(model.parameters(), lr=low) if optimizer is None else optimizer
    with _restored(model, optimizer), progress(total=steps, desc="learning rates", delay=1.0, leave=False) as bar:
        sweep = _Sweep(steps, bar)
        try:
            fit(
                model, x, y, loss=loss, optimizer=optimizer, epochs=steps, batch_size=batch_size, rng=rng, verbose=False,
                callbacks=[LearningRate(rates), sweep],
            )  # fmt: skip
        except _Over:
            pass
        except ArithmeticError:  # diverged before the running mean told
            if not sweep.losses:
                raise
    return _judged(np.array([rates(i) for i in range(len(sweep.losses))]), np.array(sweep.losses), sweep.lowest, sweep.width)


class _Over(Exception):
    """There is nothing more to be learnt from this run."""


class _Sweep(Callback):
    """Notes the loss of each batch, and breaks off when there are enough of them, or they rise too far."""

    by_run_only = True

    def __init__(self, steps: int, bar: Any) -> None:
        self.steps = steps
        self.width = steps / 20  # how many losses are averaged
        self.bar = bar
        self.losses: list[float] = []
        self.lowest = 0  # when their running mean was lowest
        self._best = inf
        self._sum = self._weight = 0.0

    def before_step(self, run: Run) -> None:
        self.losses.append(run.loss)
        self.bar.update()
        memory = exp(-1 / self.width)
        self._sum, self._weight = memory * self._sum + run.loss, memory * self._weight + 1.0
        mean, seen = self._sum / self._weight, len(self.losses)
        if seen > self.width and mean < self._best:
            self._best, self.lowest = mean, seen - 1
        if mean > self._best + 3 * abs(self._best) or seen == self.steps:
            raise _Over


@contextmanager
def _restored(model: Module, optimizer: Optimizer) -> Iterator[None]:
    """Afterwards all that training changes is as it was."""
    modes = [(module, module.training) for _, module in model.named_modules()]
    randomness = [(generator.bit_generator, generator.bit_generator.state) for generator in generators(model)]
    gradients = [(leaf, leaf.grad + 0.0) for leaf in dict.fromkeys([*model.parameters(), *optimizer.parameters])]
    parameters, progress = model.state_dict(), optimizer.state_dict()
    try:
        yield
    finally:
        model.load_state_dict(parameters)
        optimizer.load_state_dict(progress)
        for leaf, gradient in gradients:
            leaf.grad = gradient
        for bits, state in randomness:
            bits.state = state
        for module, training in modes:
            module.training = training


def _judged(lr: Floats, loss: Floats, lowest: int, width: float) -> RangeTest:
    """The curve with its steepest descent; ``lowest`` is where it turns, ``width`` how many neighbours smooth it."""
    descent = loss[: lowest + 1]
    smoothed = _smoothed(np.minimum(loss, descent.max()), width)  # a blow-up at the end would drown the descent before it
    first = ceil(width)  # those before have too few about them for a slope
    steepest = first + int(np.gradient(smoothed)[first : lowest + 1].argmin()) if lowest > first else 0
    fall = descent[: steepest + 1].mean() - smoothed.min()
    noise = abs(np.diff(descent)).mean() / 1.128 if lowest else 0.0  # standard deviation from batch to batch, were it normal
    if not steepest or fall <= CLEAR * noise / width**0.5:
        raise ValueError(
            f"lr_range_test: at no rate from {lr[0]:.2g} to {lr[-1]:.2g} does the loss, {loss[0]:.4g} at the start, fall clear "
            "of its noise; try other bounds, more steps or a larger batch_size, and see that the model can learn at all"
        )
    return RangeTest(lr, loss, smoothed, float(min(lr[steepest], lr[smoothed.argmin()] / 10)))


def _smoothed(loss: Floats, width: float) -> Floats:
    """Each with those about it, which weigh ``exp(-distance / width)``."""
    n = len(loss)
    weights = np.exp(-abs(np.arange(1 - n, n)) / width)
    sums, total = (np.convolve(numbers, weights)[n - 1 : 2 * n - 1] for numbers in (loss, np.ones(n)))
    smoothed: Floats = sums / total
    return smoothed
