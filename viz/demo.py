"""The main job: train a network of scalar Values on real data, and check its gradient on the way. Its report: ``demo_page``."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EACCES, EISDIR, ENOTDIR
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
from autograd import Value, no_grad
from autograd.gradcheck import central_difference
from nn.data import Dataset
from nn.progress import progress

from .words import printable

CHECKED = 24  # partials held against central differences
TOLERANCE = 1e-6  # of their relative difference
MOST_PARAMETERS = 2_000_000  # each is an object of some 200 bytes


@dataclass(frozen=True)
class Setup:
    """What to train, and how. None stands for a setting that suits the data."""

    data: str = "moons"
    hidden: tuple[int, ...] | None = None
    epochs: int | None = None
    lr: float | None = None
    batch_size: int = 16
    seed: int = 0
    out: Path = Path("stepgrad-demo")


@dataclass(frozen=True)
class Check:
    """A partial by backpropagation beside the same by central differences."""

    name: str
    backward: float
    numeric: float

    @property
    def difference(self) -> float:
        """Relative to the larger of the two; absolute where both are small."""
        return abs(self.backward - self.numeric) / max(abs(self.backward), abs(self.numeric), 1e-3)


class Run:
    """One training run, from data to report."""

    def __init__(self, setup: Setup) -> None:
        """Fetch the data and build the model.

        Raises:
            OSError, ValueError: the data can't be read or used, or a setting is out of range; says which.
        """
        self.setup = setup
        rng = np.random.default_rng(setup.seed)
        data, hidden, self.epochs, lr = _defaults(setup, rng)
        if len(data) < 10:
            raise ValueError(f"{setup.data}: {len(data)} examples are too few to train on; expected at least 10")
        _see_that_it_can_be_written_to(setup.out)
        self.train, self.test = nn.data.standardise(*nn.data.split(data, rng=rng))
        self.classes = tuple(map(printable, data.classes))
        binary = len(self.classes) == 2
        widths = [data.x.shape[1], *hidden, len(self.classes)]
        if (parameters := sum(m * n for m, n in pairwise(widths))) > MOST_PARAMETERS:
            raise ValueError(
                f"this network would have {parameters:,} weights, more than {MOST_PARAMETERS:,}; choose a smaller --hidden"
            )
        self.loss = nn.bce_with_logits if binary else nn.cross_entropy
        self.model = nn.MLP(data.x.shape[1], [*hidden, 1 if binary else len(self.classes)], rng=rng)
        self.optimizer = nn.SGD(self.model.parameters(), lr=lr)
        self.history = nn.History()
        self.checks: list[Check] = []
        self.seconds = 0.0
        self._rng = rng

    def check(self) -> None:
        """Hold some partials of the loss of a small batch, at random among those that are not 0, against central differences.

        The parameters are moved a little first: at the start all biases are 0, so an input of zeros puts each ReLU on its kink.
        """
        x, y = self.train.x[:8], self.train.y[:8]
        before = self.model.state_dict()
        for parameter in self.model.parameters():
            parameter.data += self._rng.normal(scale=0.01)

        def loss() -> Any:
            return self.loss(self.model(x), y)

        self.model.zero_grad()
        loss().backward()
        named = [(name, parameter) for name, parameter in self.model.named_parameters() if parameter.grad]
        chosen = sorted(self._rng.choice(len(named), min(CHECKED, len(named)), replace=False)) if named else []
        for i in progress(chosen, desc="checking", leave=False):
            name, parameter = named[i]
            start = parameter.data

            def at(number: float, parameter: Value = parameter) -> float:
                parameter.data = number
                with no_grad():
                    return float(loss())

            self.checks.append(Check(name, parameter.grad, central_difference(at, start)))
            parameter.data = start
        self.model.load_state_dict(before)
        self.model.zero_grad()

    def fit(self) -> None:
        """Train, with a progress bar."""
        start = perf_counter()
        try:
            nn.fit(
                self.model, self.train.x, self.train.y, loss=self.loss, optimizer=self.optimizer, epochs=self.epochs,
                batch_size=self.setup.batch_size, rng=self._rng, history=self.history,
            )  # fmt: skip
        finally:
            self.seconds = perf_counter() - start

    def predict(self, x: NDArray[np.float64], doing: str) -> NDArray[np.float64]:
        """For two classes the probability of the second, shape ``(n,)``; else every class's, shape ``(n, classes)``."""
        with no_grad():
            logits = np.array([self.model(row) for row in progress(x, desc=doing, leave=False)], dtype=np.float64)
        probabilities: NDArray[np.float64]
        if len(self.classes) == 2:
            probabilities = np.exp(-np.logaddexp(0.0, -logits))
        else:
            odds = np.exp(logits - logits.max(axis=1, keepdims=True))
            probabilities = odds / odds.sum(axis=1, keepdims=True)
        return probabilities

    @property
    def worst(self) -> float:
        """The largest relative difference between a partial and its central difference."""
        return max((check.difference for check in self.checks), default=float("nan"))


def _defaults(setup: Setup, rng: np.random.Generator) -> tuple[Dataset, Sequence[int], int, float]:
    """The data, and the settings that suit them where none were given."""
    hidden: tuple[int, ...]
    if setup.data == "moons":
        data, hidden, epochs, lr = nn.data.moons(rng=rng), (16, 16), 60, 0.5
    elif setup.data == "digits":
        data, hidden, epochs, lr = nn.data.digits(), (32,), 8, 0.2
    else:
        data, hidden, epochs, lr = nn.data.read_csv(setup.data), (16,), 40, 0.1
    return (
        data,
        hidden if setup.hidden is None else setup.hidden,
        epochs if setup.epochs is None else setup.epochs,
        lr if setup.lr is None else setup.lr,
    )


def _see_that_it_can_be_written_to(folder: Path) -> None:
    """Before any work is done for it; nothing is made yet."""
    place = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not place.is_dir():
        raise NotADirectoryError(ENOTDIR, "is a file, where the report wants a folder", str(place))
    if (folder / "index.html").is_dir():
        raise IsADirectoryError(EISDIR, "is a folder, where the report wants a file", str(folder / "index.html"))
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(EACCES, "may not be written to", str(place))
