"""Record: every number of a run of ``fit``, to be looked at and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .callbacks import Callback, Run
from .diagnostics import gradients
from .kinds import Floats
from .layers.making import size


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

    Numbers that are kept and not trained (running means) have values and no gradients. A dtype is that of the parameters.

    A frame takes 16 bytes for each parameter (of float32, 8), and a run takes ``steps / every`` frames: 1,000 parameters over
    10,000 steps are 160 MB, or 16 MB with ``every=10``. The room is set aside when the run begins. A new run begins a new
    record; one that is resumed goes on with the frames that its checkpoint holds.

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

    by_run_only = True

    def __init__(self, every: int = 1) -> None:
        self.every = size("Record", "every", every)
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
        """The gradients of those that are trained, likewise."""
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
        frames = max(run.steps, run.step) // self.every + 2
        state = run.model.state_dict()
        self._taken = 0
        self._steps = np.empty(frames, dtype=np.int64)
        self._loss = np.empty(frames)
        self._values = {name: np.empty((frames, *array.shape), array.dtype) for name, array in state.items()}
        self._gradients = {name: np.empty_like(self._values[name]) for name in gradients(run.model)}

    def before_step(self, run: Run) -> None:
        """Take a frame, if it is time."""
        if run.step % self.every == 0:
            self._take(run.step, run.loss, run.model.state_dict(), gradients(run.model))

    def end(self, run: Run) -> None:
        """Take the frame of where the run ended."""
        if not self._taken or self.steps[-1] < run.step:
            self._take(run.step, nan, run.model.state_dict(), dict.fromkeys(self._gradients, nan))

    def state_dict(self) -> dict[str, Any]:
        """All frames taken so far."""
        frames = {"steps": self.steps, "loss": self.loss, "values": self.values, "gradients": self.gradients}
        return {"every": self.every, **frames}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after these frames.

        Raises:
            ValueError: they were taken at other steps.
        """
        if state["every"] != self.every:
            raise ValueError(f"Record: its frames were taken every {state['every']} steps, not every {self.every}")
        for i, step in enumerate(state["steps"].tolist()):
            self._take(step, state["loss"][i], _of(state["values"], i), _of(state["gradients"], i))

    def _take(self, step: int, loss: float, values: Mapping[str, Any], slopes: Mapping[str, Any]) -> None:
        i = self._taken
        self._steps[i], self._loss[i] = step, loss
        for name in values:
            self._values[name][i] = values[name]
        for name in slopes:
            self._gradients[name][i] = slopes[name]
        self._taken += 1

    def __repr__(self) -> str:
        if not self._taken:
            return "Record(no frames yet; pass it to fit, callbacks=[record])"
        parameters = sum(array[0].size for array in self._gradients.values())
        first, last = self.steps[[0, -1]].tolist()
        return f"Record({self._taken} frames of steps {first} to {last}, {parameters:,} parameters)"


def _of(arrays: Mapping[str, Floats], i: int) -> dict[str, Floats]:
    return {name: array[i].copy() for name, array in arrays.items()}
