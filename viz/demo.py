"""The main job: train a network of scalar Values on real data, check its gradient, and report in one HTML file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EACCES, EISDIR, ENOTDIR
from html import escape
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
from autograd import Node, Value, no_grad, topological_order
from autograd.gradcheck import central_difference
from nn.data import Dataset

from . import plots, report
from .drawing import draw
from .files import write_whole
from .words import printable

CHECKED = 24  # partials held against central differences
TOLERANCE = 1e-6  # of their relative difference
MOST_NODES = 600  # in a picture
MOST_INPUTS = 8  # drawn beside them
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

        def loss() -> Value:
            return self.loss(self.model(x), y)

        self.model.zero_grad()
        loss().backward()
        named = [(name, parameter) for name, parameter in self.model.named_parameters() if parameter.grad]
        for i in sorted(self._rng.choice(len(named), min(CHECKED, len(named)), replace=False)):
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

    def predict(self, x: Any) -> NDArray[np.float64]:
        """For two classes the probability of the second, shape ``(n,)``; else every class's, shape ``(n, classes)``."""
        with no_grad():
            logits = np.array(self.model(x), dtype=np.float64)
        if len(self.classes) == 2:
            return np.exp(-np.logaddexp(0.0, -logits))
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return probabilities

    def confusion(self, part: Dataset) -> NDArray[np.int64]:
        """How often each class (row) was taken for each class (column)."""
        answers = self.predict(part.x)
        said = (answers > 0.5).astype(int) if len(self.classes) == 2 else answers.argmax(axis=1)
        counts = np.zeros((len(self.classes), len(self.classes)), dtype=np.int64)
        np.add.at(counts, (part.y, said), 1)
        return counts

    def write(self) -> tuple[Path, float]:
        """Write the report; where it is, and the accuracy on the held-out examples."""
        counts = self.confusion(self.test)
        accuracy = counts.trace() / counts.sum()
        self.setup.out.mkdir(parents=True, exist_ok=True)
        path = self.setup.out / "index.html"
        write_whole(path, self._page(counts, accuracy).encode())
        return path, accuracy

    def _page(self, counts: NDArray[np.int64], accuracy: float) -> str:
        summary = self.model.summary()
        learnt = self.confusion(self.train)
        example, x, loss = self._example()
        hidden = set(self.model.parameters())
        left_out = "its weights and bias"
        if len(self.test.features) > MOST_INPUTS:
            hidden.update(x)
            left_out += " and the inputs"
        sections = [
            report.figures(
                [
                    ("held-out accuracy", f"{accuracy:.1%}"),
                    ("training accuracy", f"{learnt.trace() / learnt.sum():.1%}"),
                    ("parameters", f"{summary.parameters:,}"),
                    ("epochs, seconds", f"{len(self.history.loss)}, {self.seconds:.1f}"),
                    ("gradient check", f"{self.worst:.1e}"),
                ]
            ),
            report.side_by_side(
                report.section(
                    "Loss", report.figure(plots.loss_curve(self.history.loss), "Mean loss of each epoch, on training data.")
                ),
                self._answers(counts),
            ),
            report.section(
                "The graph of one example",
                _graph(
                    loss,
                    f"{example} Every box is one Value: its number (data), and the derivative of the loss by it (grad). "
                    f"Each dot is a perceptron's weighted sum; {left_out} are left out here.",
                    hide=hidden.__contains__,
                ),
            ),
            report.section(
                "One perceptron of it, with its weights",
                self._perceptron(loss),
            ),
            report.section(
                "The gradient, checked",
                report.paragraph(
                    f"Before training, {len(self.checks)} of the {summary.parameters:,} partial derivatives, drawn at random, "
                    f"were held against central differences of the loss, near the start. "
                    f"The largest relative difference is {self.worst:.1e}."
                ),
                report.table(
                    ("parameter", "backward", "central difference", "relative difference"),
                    [(c.name, f"{c.backward:.9g}", f"{c.numeric:.9g}", f"{c.difference:.0e}") for c in self.checks],
                ),
            ),
            report.section("The network", f"<pre>{escape(str(summary))}</pre>"),
        ]
        sizes = f"{len(self.train)} examples to learn from, {len(self.test)} held out, {len(self.classes)} classes"
        lead = f"{self.model} on {self.setup.data}: {sizes}."
        return report.page("A network of scalar Values", lead, sections)

    @property
    def worst(self) -> float:
        """The largest relative difference between a partial and its central difference."""
        return max((check.difference for check in self.checks), default=float("nan"))

    def _example(self) -> tuple[str, list[Value], Value]:
        """The held-out example that it finds hardest: in words, its inputs, and its loss with the gradients behind it."""
        with no_grad():
            losses = [self.loss(self.model(x), y).data for x, y in zip(self.test.x, self.test.y)]
        hardest = int(np.argmax(losses))
        x = [Value(number, label=name) for number, name in zip(self.test.x[hardest].tolist(), self.test.features)]
        label = int(self.test.y[hardest])
        self.model.zero_grad()
        loss = self.loss(self.model(x), label)
        loss.label = "loss"
        loss.backward()
        return f"The held-out example that the network finds hardest, of class {self.classes[label]}.", x, loss

    def _perceptron(self, loss: Value) -> str:
        output, weighted_sum = _first_perceptron(loss)
        n = len(weighted_sum.inputs) // 2
        terms = list(zip(weighted_sum.inputs[:n], weighted_sum.inputs[n : 2 * n]))
        terms.sort(key=lambda term: -abs(term[0].data * term[1].data))
        caption = "The first perceptron of the first layer, in the same example"
        if n > MOST_INPUTS:
            caption += f", with the {MOST_INPUTS} largest of its {n} terms"
        small = {node for term in terms[MOST_INPUTS:] for node in term}
        return _graph(output, f"{caption}.", hide=small.__contains__)

    def _answers(self, counts: NDArray[np.int64]) -> str:
        if self.train.x.shape[1] != 2:
            return report.section("Held-out examples", report.confusion(counts, self.classes))
        both = np.concatenate([self.train.x, self.test.x])
        (left, bottom), (right, top) = both.min(axis=0) - 0.4, both.max(axis=0) + 0.4
        columns, rows = np.meshgrid(_middles(left, right, 80), _middles(bottom, top, 60))
        answers = self.predict(np.stack([columns.ravel(), rows.ravel()], axis=1))
        if len(self.classes) > 2:
            answers = answers.argmax(axis=1).astype(np.float64)
        names = (self.train.features[0], self.train.features[1])
        extent = (left, right, bottom, top)
        labels = np.concatenate([self.train.y, self.test.y])
        return report.section(
            "What it says where",
            report.figure(
                plots.decision_map(answers.reshape(rows.shape), extent, both, labels, names, self.classes),
                "The model's answer over the plane of the two features (standardised), with all examples.",
            ),
        )


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


def _middles(low: float, high: float, n: int) -> NDArray[np.float64]:
    """The middles of ``n`` cells from ``low`` to ``high``."""
    return low + (np.arange(n) + 0.5) * (high - low) / n


def _first_perceptron(loss: Node) -> tuple[Node, Node]:
    """The first perceptron's output, which is its activation if it has one, and its weighted sum."""
    order = topological_order(loss)
    weighted_sum = next(node for node in order if node.op and node.op.name == "dot")
    outputs = (node for node in order if len(node.inputs) == 1 and node.inputs[0] is weighted_sum)
    return next(outputs, weighted_sum), weighted_sum


def _graph(root: Node, caption: str, **options: Any) -> str:
    try:
        drawing = draw(root, max_nodes=MOST_NODES, **options)
        return report.wide_figure(drawing.svg, caption, drawing.text())
    except ValueError as error:
        return report.paragraph(f"Too large to read: {error}.")
