"""What looks on while ``fit`` trains: the run it sees, the moments at which it is told, and the record of every number.

>>> import nn
>>> class Shout(nn.Callback):
...     def after_epoch(self, run):
...         print(f"epoch {run.epoch}: {run.history.loss[-1]:.2f}")
>>> model = nn.MLP(1, [1], rng=0)
>>> _ = nn.fit(model, [[1.0], [2.0]], [2.0, 4.0], loss=nn.mse, epochs=2, callbacks=[Shout()], verbose=False)
epoch 1: 5.82
epoch 2: 0.62
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .diagnostics import gradients
from .module import Module
from .optim import SGD

Floats = NDArray[np.float64]


@dataclass
class History:
    """What happened in each epoch, in order."""

    loss: list[float] = field(default_factory=list)  # mean over the epoch's examples, each before its batch's step

    def __repr__(self) -> str:
        return f"History({len(self.loss)} epochs" + (f", loss {self.loss[0]:.4g} → {self.loss[-1]:.4g})" if self.loss else ")")


@dataclass
class Run:
    """A run of ``fit``, as it stands at this moment."""

    model: Module
    optimizer: SGD
    history: History
    steps: int  # that it will take in all
    epoch: int = 0  # counted from 1
    step: int = 0  # steps taken so far
    loss: float = nan  # of the last batch, before its step
    stop: bool = False  # set it, and the run ends after this epoch


class Callback:
    """Told of each moment of a run; a kind of callback writes the methods it wants, and the others do nothing."""

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


class Together(Callback):
    """Several callbacks as one, told in order.

    Raises:
        TypeError: ``callbacks`` holds anything else.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
        if not isinstance(callbacks, Iterable) or not all(isinstance(one, Callback) for one in self.callbacks):
            raise TypeError(f"fit: callbacks is a list of Callbacks, such as [nn.Record()]; not {callbacks!r}")

    def begin(self, run: Run) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.begin(run)

    def before_step(self, run: Run) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.before_step(run)

    def after_step(self, run: Run) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.after_step(run)

    def after_epoch(self, run: Run) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.after_epoch(run)

    def end(self, run: Run) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.end(run)


@dataclass(frozen=True, eq=False)
class Frame:
    """The parameters after so many steps, and the loss and gradients of the next batch there (of the last frame, nan)."""

    step: int
    loss: float
    values: dict[str, Floats]
    gradients: dict[str, Floats]


class Record(Callback):
    """Every parameter's value and gradient during a run of ``fit``, by name, and the loss.

    Frame ``i`` was taken after ``steps[i]`` steps: ``values[name][i]`` are the parameters then, ``gradients[name][i]`` and
    ``loss[i]`` what the next batch gave at them. So ``values[i + 1] = values[i] - lr · gradients[i]`` under plain SGD. The
    last frame holds the parameters that the run ended with; no batch was tried there, and its loss and gradients are nan.

    Args:
        every: steps from one frame to the next.

    A frame takes 16 bytes for each parameter, and a run takes ``steps / every`` frames: 1,000 parameters over 10,000 steps
    are 160 MB, or 16 MB with ``every=10``. The room is set aside when the run begins. A new run begins a new record.

    Raises:
        ValueError: ``every`` is not a whole number of at least 1.

    >>> import nn
    >>> model, record = nn.MLP(1, [1], rng=0), nn.Record()
    >>> _ = nn.fit(model, [[1.0], [2.0]], [2.0, 4.0], loss=nn.mse, epochs=3, callbacks=[record], verbose=False)
    >>> record
    Record(4 frames of steps 0 to 3, 2 parameters)
    >>> record.values["layers.0.weight"].shape
    (4, 1, 1)
    """

    def __init__(self, every: int = 1) -> None:
        if every != int(every) or every < 1:
            raise ValueError(f"Record: every is a whole number of steps, at least 1; not {every!r}")
        self.every = int(every)
        self._taken = 0
        self._steps = np.empty(0, dtype=np.int64)
        self._loss: Floats = np.empty(0)
        self._values: dict[str, Floats] = {}
        self._gradients: dict[str, Floats] = {}

    @property
    def steps(self) -> NDArray[np.int64]:
        """How many steps had been taken at each frame."""
        return self._steps[: self._taken]

    @property
    def loss(self) -> Floats:
        """The loss of the next batch at each frame."""
        return self._loss[: self._taken]

    @property
    def values(self) -> dict[str, Floats]:
        """The parameters, ``{"layers.0.weight": (frames, n_in, n_out), …}``."""
        return {name: array[: self._taken] for name, array in self._values.items()}

    @property
    def gradients(self) -> dict[str, Floats]:
        """Their gradients, likewise."""
        return {name: array[: self._taken] for name, array in self._gradients.items()}

    def at(self, step: int) -> dict[str, Floats]:
        """The parameters after ``step`` steps, as ``load_state_dict`` takes them.

        Raises:
            ValueError: there is no frame of that step.
        """
        where = np.flatnonzero(self.steps == step)
        if not where.size:
            raise ValueError(f"Record: step {step} is not among the frames of {self!r}, taken every {self.every}")
        return self[int(where[0])].values

    def __len__(self) -> int:
        return self._taken

    def __getitem__(self, i: int) -> Frame:
        return Frame(int(self.steps[i]), float(self.loss[i]), _of(self.values, i), _of(self.gradients, i))

    def begin(self, run: Run) -> None:
        """Set the room aside."""
        frames = run.steps // self.every + 2
        state = run.model.state_dict()
        self._taken = 0
        self._steps = np.empty(frames, dtype=np.int64)
        self._loss = np.empty(frames)
        self._values = {name: np.empty((frames, *array.shape)) for name, array in state.items()}
        self._gradients = {name: np.empty((frames, *array.shape)) for name, array in state.items()}

    def before_step(self, run: Run) -> None:
        """Take a frame, if it is time."""
        if run.step % self.every == 0:
            self._take(run.step, run.loss, run.model.state_dict(), gradients(run.model))

    def end(self, run: Run) -> None:
        """Take the frame of where the run ended."""
        if not self._taken or self.steps[-1] < run.step:
            state = run.model.state_dict()
            self._take(run.step, nan, state, dict.fromkeys(state, nan))

    def _take(self, step: int, loss: float, values: Mapping[str, Any], slopes: Mapping[str, Any]) -> None:
        i = self._taken
        self._steps[i], self._loss[i] = step, loss
        for name in values:
            self._values[name][i], self._gradients[name][i] = values[name], slopes[name]
        self._taken += 1

    def __repr__(self) -> str:
        if not self._taken:
            return "Record(no frames yet; pass it to fit, callbacks=[record])"
        parameters = sum(array[0].size for array in self._values.values())
        first, last = self.steps[[0, -1]].tolist()
        return f"Record({self._taken} frames of steps {first} to {last}, {parameters:,} parameters)"


def _of(arrays: dict[str, Floats], i: int) -> dict[str, Floats]:
    return {name: array[i].copy() for name, array in arrays.items()}
