"""EarlyStopping: stop before the model learns its examples by heart."""

from collections.abc import Mapping
from math import inf, isnan
from typing import Any, Literal

from .callbacks import Callback, Run
from .history import direction
from .layers.making import size
from .settings import is_number


class EarlyStopping(Callback):
    """Stop a run that has not got better for ``patience`` epochs, and give the model the best weights it had.

    Args:
        monitor: what is watched, by its name in the History: ``"val_loss"``, ``"loss"``, ``"val_accuracy"``.
        patience: how many epochs may pass without getting better.
        min_delta: by how much it must get better, to count.
        mode: whether ``"min"`` is better or ``"max"``; of a loss, ``"min"`` by default.

    However the run ends (done, stopped, interrupted, diverged), the model has its best weights afterwards; ``best`` is what was
    reached and ``best_epoch`` when. It needs examples held out, ``fit(..., validation=0.2)``, unless it watches ``"loss"``.

    Raises:
        ValueError: a setting is out of range, or ``mode`` is missing; or, after the first epoch, nothing is called ``monitor``.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), algorithm 7.1.
    """

    by_run_only = True

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        mode: Literal["min", "max"] | None = None,
    ) -> None:
        if not (is_number(min_delta) and min_delta >= 0):
            raise ValueError(f"EarlyStopping: min_delta is a number of at least 0, not {min_delta!r}")
        self.sign = direction("EarlyStopping", monitor, mode)
        self.monitor = monitor
        self.patience = size("EarlyStopping", "patience", patience)
        self.min_delta = float(min_delta)
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch, self.waited = self.sign * inf, 0, 0
        self._weights: dict[str, Any] = {}

    def begin(self, run: Run) -> None:
        """Forget an earlier run."""
        self._forget()

    def after_epoch(self, run: Run) -> None:
        """Keep the weights if they are the best so far; stop if they have not been for long."""
        number = run.history.last(self.monitor)
        better = self.sign * number < self.sign * self.best - self.min_delta
        if better or not self._weights:
            self.best, self.best_epoch, self.waited = self.sign * inf if isnan(number) else number, run.epoch, 0
            self._weights = run.model.state_dict()
        else:
            self.waited += 1
            run.stop |= self.waited >= self.patience

    def end(self, run: Run) -> None:
        """Give the model its best weights."""
        if self._weights:
            run.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The best so far, its weights, and how long ago it was."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited, "weights": self._weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        self.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]
        self._weights = dict(state["weights"])

    def __repr__(self) -> str:
        return f"EarlyStopping({self.monitor!r}, patience={self.patience}; best {self.best:.4g} in epoch {self.best_epoch})"
