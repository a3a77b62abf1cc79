"""Learning rates that change: schedules of the steps taken, and the callbacks that set an optimizer's rate.

always the same ............... constant
falling in jumps .............. step
falling smoothly .............. exponential, cosine, inverse_time
rising first .................. warmup, in front of any of them
set before each step .......... LearningRate(schedule)
when the loss falls no more ... ReduceOnPlateau

A schedule is a function: it takes the number of steps taken so far and gives the rate of the next. Any function will do.

>>> from nn.schedules import cosine, warmup
>>> schedule = warmup(cosine(0.1, steps=100), steps=4)
>>> [round(schedule(step), 3) for step in (0, 1, 2, 3, 4, 54, 104)]
[0.02, 0.04, 0.06, 0.08, 0.1, 0.05, 0.0]
>>> schedule
warmup(schedule=cosine(lr=0.1, steps=100, min_lr=0.0), steps=4)
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from numbers import Integral
from typing import Any, Literal, TypeAlias

from .callbacks import Callback, Run
from .history import direction
from .settings import is_number

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class constant:
    """``lr``, always."""

    lr: float

    def __post_init__(self) -> None:
        _see_that(self, "lr must be positive", _are_positive(self.lr))

    def __call__(self, step: int) -> float:
        """The rate after so many steps."""
        return self.lr


@dataclass(frozen=True)
class step:
    """``lr · gamma^⌊step / every⌋``: times ``gamma`` after every so many steps."""

    lr: float
    every: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _see_that(self, "lr and gamma must be positive", _are_positive(self.lr, self.gamma))
        _see_that(self, "every must be whole and at least 1", isinstance(self.every, Integral) and self.every >= 1)

    def __call__(self, step: int) -> float:
        """The rate after so many steps."""
        return self.lr * self.gamma ** (step // self.every)


@dataclass(frozen=True)
class exponential:
    """``lr · gamma^step``: times ``gamma`` after each step."""

    lr: float
    gamma: float

    def __post_init__(self) -> None:
        _see_that(self, "lr and gamma must be positive", _are_positive(self.lr, self.gamma))

    def __call__(self, step: int) -> float:
        """The rate after so many steps."""
        return self.lr * self.gamma**step


@dataclass(frozen=True)
class cosine:
    """``min_lr + (lr - min_lr) · (1 + cos(π · step / steps)) / 2``: half a wave down to ``min_lr``, where it stays.

    Source: Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts* (2017), equation 5.
    """

    lr: float
    steps: int
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        fit = _are_positive(self.lr) and is_number(self.min_lr) and 0 <= self.min_lr <= self.lr
        _see_that(self, "lr must be positive and min_lr between 0 and lr", fit)
        _see_that(self, "steps must be at least 1", _are_positive(self.steps) and self.steps >= 1)

    def __call__(self, step: int) -> float:
        """The rate after so many steps."""
        return self.min_lr + (self.lr - self.min_lr) * (1 + math.cos(math.pi * min(step / self.steps, 1.0))) / 2


@dataclass(frozen=True)
class inverse_time:
    """``lr / (1 + decay · step)``: slow enough to get anywhere, fast enough to settle, as ``Σ lr = ∞`` and ``Σ lr² < ∞``.

    Source: Robbins and Monro, *A Stochastic Approximation Method* (1951).
    """

    lr: float
    decay: float

    def __post_init__(self) -> None:
        fit = _are_positive(self.lr) and is_number(self.decay) and 0 <= self.decay < inf
        _see_that(self, "lr must be positive and decay at least 0", fit)

    def __call__(self, step: int) -> float:
        """The rate after so many steps."""
        return self.lr / (1 + self.decay * step)


@dataclass(frozen=True)
class warmup:
    """``schedule`` after ``steps`` steps on which the rate rises in a line from 0 (which no step takes) to its first.

    Source: Goyal et al., *Accurate, Large Minibatch SGD* (2017), section 2.2.
    """

    schedule: Schedule
    steps: int

    def __post_init__(self) -> None:
        _see_that(self, "schedule must be one, such as cosine(0.1, steps=1000)", _is_schedule(self.schedule))
        _see_that(self, "steps must be whole and at least 0", isinstance(self.steps, Integral) and self.steps >= 0)

    def __call__(self, step: int) -> float:
        """The rate after so many steps."""
        if step >= self.steps:
            return self.schedule(step - self.steps)
        return self.schedule(0) * (step + 1) / (self.steps + 1)


def _is_schedule(schedule: Any) -> bool:
    return callable(schedule) and not isinstance(schedule, type)  # cosine, say, which makes one


def _are_positive(*numbers: Any) -> bool:
    return all(is_number(number) and 0 < number < inf for number in numbers)


def _see_that(schedule: Any, rule: str, holds: bool) -> None:
    if not holds:
        raise ValueError(f"{schedule!r}: {rule}")


class LearningRate(Callback):
    """Sets the optimizer's rate before each step by a schedule of the steps taken.

    With several parameter groups the schedule gives the first one's rate, and the others keep their proportion to it.

    Args:
        schedule: such as ``nn.schedules.cosine(0.1, steps=1000)``, or any function from steps taken to a rate.

    Raises:
        TypeError: ``schedule`` is no function.
        ValueError: in a run, if it gives no finite rate of at least 0, or the first group starts at 0 and others don't.

    >>> import nn
    >>> model = nn.MLP(1, [1], rng=0)
    >>> optimizer = nn.SGD(model.parameters(), lr=0.1)
    >>> rate = nn.LearningRate(nn.schedules.exponential(0.1, gamma=0.5))
    >>> x, y = [[1.0], [2.0]], [2.0, 4.0]
    >>> _ = nn.fit(model, x, y, loss=nn.mse, optimizer=optimizer, epochs=3, callbacks=[rate], verbose=False)
    >>> optimizer.lr
    0.025
    """

    by_run_only = True

    def __init__(self, schedule: Schedule) -> None:
        if not _is_schedule(schedule):
            raise TypeError(f"LearningRate takes a schedule, such as nn.schedules.constant(0.1); not {schedule!r}")
        self.schedule = schedule
        self._proportions: list[float] = []

    def begin(self, run: Run) -> None:
        """See how the groups' rates stand to each other."""
        first, *others = rates = [group["lr"] for group in run.optimizer.groups]
        if not first and any(others):
            raise ValueError(
                f"LearningRate: groups that start at rates {rates} have no proportion to the first; start it above 0"
            )
        self._proportions = [1.0 if rate == first else rate / first for rate in rates]

    def before_step(self, run: Run) -> None:
        """Set each group's rate."""
        rate = self.schedule(run.step)
        if not is_number(rate) or not 0 <= rate < inf:
            raise ValueError(
                f"LearningRate: {self.schedule!r} gives {rate!r} after {run.step} steps; a rate is finite, at least 0"
            )
        for group, proportion in zip(run.optimizer.groups, self._proportions):
            group["lr"] = float(rate) * proportion

    def state_dict(self) -> dict[str, Any]:
        """The groups' proportions."""
        return {"proportions": list(self._proportions)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them over, in a run that has begun."""
        self._proportions = list(state["proportions"])

    def __repr__(self) -> str:
        return f"LearningRate({self.schedule!r})"


class ReduceOnPlateau(Callback):
    """Multiplies the rate by ``factor`` when a run has not got better for more than ``patience`` epochs.

    Better is a loss below ``best · (1 - threshold)``, or ``best · (1 + threshold)`` where the best is negative. It stands in
    place of a ``LearningRate``, which sets the rate anew before each step.

    Args:
        factor: between 0 and 1.
        patience: how many epochs in a row may be no better.
        threshold: how much better counts, relative to the best.
        cooldown: epochs to wait after a reduction before they count again.
        min_lr: no rate is reduced below it.
        monitor: what is watched, by its name in the History: ``"loss"``, ``"val_loss"``, ``"val_accuracy"``.
        mode: whether ``"min"`` is better or ``"max"``; of a loss, ``"min"`` by default.

    Raises:
        ValueError: an argument is out of range, or ``mode`` is missing; or, after the first epoch, there is no ``monitor``.

    Source: PyTorch, ``torch.optim.lr_scheduler.ReduceLROnPlateau``, whose rule and names these are.
    """

    by_run_only = True

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        monitor: str = "loss",
        mode: Literal["min", "max"] | None = None,
    ) -> None:
        if not all(is_number(x) for x in (factor, threshold)) or not 0 < factor < 1 or not 0 <= threshold < 1:
            raise ValueError(
                f"ReduceOnPlateau: factor lies between 0 and 1, threshold from 0 up to 1; not {factor!r} and {threshold!r}"
            )
        amounts = (patience, cooldown, min_lr)
        if not all(is_number(x) and x >= 0 for x in amounts) or min_lr == inf:
            raise ValueError(f"ReduceOnPlateau: patience, cooldown and min_lr are at least 0; not {amounts}")
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.monitor = monitor
        self.sign = direction("ReduceOnPlateau", monitor, mode)
        self._forget()

    def _forget(self) -> None:
        self._best = inf  # times the sign: what is lower is better
        self._bad = 0  # epochs in a row that were no better
        self._cooling = 0  # epochs that do not count yet

    def begin(self, run: Run) -> None:
        """Forget an earlier run."""
        self._forget()

    def after_epoch(self, run: Run) -> None:
        """Compare the epoch with the best, and reduce the rate if it is time."""
        number = self.sign * run.history.last(self.monitor)
        if number < self._best * (1 - math.copysign(self.threshold, self._best)):
            self._best, self._bad = number, 0
        else:
            self._bad += 1
        if self._cooling:
            self._cooling, self._bad = self._cooling - 1, 0
        if self._bad > self.patience:
            for group in run.optimizer.groups:
                group["lr"] = max(group["lr"] * self.factor, min(self.min_lr, group["lr"]))
            self._cooling, self._bad = self.cooldown, 0

    def state_dict(self) -> dict[str, Any]:
        """The best so far, and the epochs since."""
        return {"best": self._best, "bad": self._bad, "cooling": self._cooling}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them over, in a run that has begun."""
        self._best, self._bad, self._cooling = state["best"], state["bad"], state["cooling"]

    def __repr__(self) -> str:
        return f"ReduceOnPlateau(factor={self.factor}, patience={self.patience}, monitor={self.monitor!r})"
