"""The loss, drawn while ``fit`` runs."""

import sys
from time import monotonic
from typing import Any

from nn.callbacks import Callback, Run

from .curves import loss_curves

_PAUSE = 0.3  # seconds from one picture to the next
_MOST = 4000  # losses kept


class Live(Callback):
    """Shows the loss of every step while ``fit`` runs in a notebook: one picture, which is replaced and never blinks.

    The last one stays, also where the run was interrupted. Elsewhere it does nothing: the progress bar says what it knows.

    >>> fit(model, x, y, loss=mse, callbacks=[viz.plots.Live()])  # doctest: +SKIP
    """

    by_run_only = True

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.loss: list[float] = []
        self._every = 1
        self._display: Any = None
        self._next = 0.0

    def begin(self, run: Run) -> None:
        """Look where we are."""
        self.steps, self.loss, self._every, self._next = [], [], 1, 0.0
        self._display = _display()

    def after_step(self, run: Run) -> None:
        """Note the loss, and show it if it is time."""
        if self._display is None or run.step % self._every:
            return
        self.steps.append(run.step)
        self.loss.append(run.loss)
        if len(self.loss) > _MOST:  # of a long run, every second one, and again
            del self.steps[::2], self.loss[::2]
            self._every *= 2
        if monotonic() >= self._next:
            self._display.update(loss_curves(self))
            self._next = monotonic() + _PAUSE

    def end(self, run: Run) -> None:
        """Show where it ended."""
        if self._display is not None:
            self._display.update(loss_curves(self))


def _display() -> Any:
    """A place for a picture in the notebook that runs us, or None. Where there is one, IPython is loaded."""
    ipython: Any = sys.modules.get("IPython")
    if not hasattr(ipython and ipython.get_ipython(), "kernel"):
        return None
    return ipython.display.display(loss_curves([]), display_id=True)
