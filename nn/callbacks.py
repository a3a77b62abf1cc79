"""What looks on while ``fit`` trains: the run it sees, and the moments at which it is told.

>>> import nn
>>> class Shout(nn.Callback):
...     def after_epoch(self, run):
...         print(f"epoch {run.epoch}: {run.history.loss[-1]:.2f}")
>>> model = nn.MLP(1, [1], rng=0)
>>> _ = nn.fit(model, [[1.0], [2.0]], [2.0, 4.0], loss=nn.mse, epochs=2, callbacks=[Shout()], verbose=False)
epoch 1: 5.82
epoch 2: 0.62
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .examples import Examples
from .history import History
from .module import Module
from .optim import Optimizer
from .rng import Generator


@dataclass(eq=False)
class Run:
    """A run of ``fit``, as it stands at this moment.

    ``step`` steps of ``steps`` are taken, ``epoch`` is counted from 1, ``loss`` is that of the last batch, before its step; to
    set ``stop`` ends the run after this epoch.
    """

    _model: Module
    optimizer: Optimizer
    history: History
    callbacks: Sequence["Callback"]
    rng: Generator  # source of the order
    examples: Examples
    settings: Mapping[str, Any]  # those that an interrupted run has to go on with
    steps: int = 0  # that it will take in all
    epoch: int = 0  # counted from 1
    step: int = 0  # steps taken so far
    loss: float = nan  # of the last batch, before its step
    stop: bool = False  # set it, and the run ends after this epoch
    held: "NDArray[np.int64] | None" = None  # places of the examples that are held out
    order: "NDArray[np.int64] | None" = None  # of this epoch's examples; None between two epochs
    seen: int = 0  # of them
    sums: dict[str, float] = field(default_factory=dict)  # of loss and metrics, over those seen
    show: Callable[[], None] = lambda: None  # lets the model hold parameters and gradients as they stand

    @property
    def model(self) -> Module:
        """What is trained, as it stands."""
        self.show()
        return self._model


class Callback:
    """Told of each moment of a run; a kind of callback writes the methods it wants, and the others do nothing."""

    is_last = False  # whether it is to be told after those that are not
    by_run_only = False  # whether this very class looks at parameters and gradients by ``run.model`` alone

    def begin(self, run: Run) -> None:
        """Nothing is computed yet."""

    def before_step(self, run: Run) -> None:
        """Loss and gradients are there, and the parameters at which they were measured."""

    def after_step(self, run: Run) -> None:
        """The parameters have moved; the gradients are still those of the step."""

    def after_epoch(self, run: Run) -> None:
        """Every example was seen once more, and the history has grown."""

    def end(self, run: Run) -> None:
        """The run is over: done, stopped, interrupted or diverged."""

    def state_dict(self) -> dict[str, Any]:
        """What it must remember for an interrupted run to go on: numbers, strings, lists, dicts and arrays."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` gave; after ``begin``."""


class Together(Callback):
    """Several callbacks as one, told in order; those that are to be last, last.

    Raises:
        TypeError: ``callbacks`` holds anything else.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
        if not isinstance(callbacks, Iterable) or not all(isinstance(one, Callback) for one in self.callbacks):
            raise TypeError(f"fit: callbacks is a list of Callbacks, such as [nn.Record()]; not {callbacks!r}")
        self.callbacks.sort(key=lambda one: one.is_last)
        self._listening = {moment: [one for one in self.callbacks if _listens(one, moment)] for moment in _MOMENTS}

    def begin(self, run: Run) -> None:
        """Tell each."""
        self._tell("begin", run)

    def before_step(self, run: Run) -> None:
        """Tell each."""
        self._tell("before_step", run)

    def after_step(self, run: Run) -> None:
        """Tell each."""
        self._tell("after_step", run)

    def after_epoch(self, run: Run) -> None:
        """Tell each."""
        self._tell("after_epoch", run)

    def end(self, run: Run) -> None:
        """Tell each."""
        self._tell("end", run)

    def _tell(self, moment: str, run: Run) -> None:
        for callback in self._listening[moment]:
            if not vars(type(callback)).get("by_run_only"):
                run.show()
            getattr(callback, moment)(run)


_MOMENTS = ("begin", "before_step", "after_step", "after_epoch", "end")


def _listens(callback: Callback, moment: str) -> bool:
    return getattr(getattr(callback, moment), "__func__", None) is not getattr(Callback, moment)
