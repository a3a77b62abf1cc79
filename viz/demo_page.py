"""The report of a demo run: its numbers and pictures on one HTML page."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Node, Value, topological_order

from . import plots, report
from .demo import Run
from .drawing import draw
from .files import write_whole

MOST_NODES = 600  # in a picture
MOST_INPUTS = 8  # drawn beside them


def write(run: Run) -> tuple[Path, float]:
    """Write the page; where it is, and the accuracy on the held-out examples."""
    answers = run.predict(run.test.x, "testing")
    path = run.setup.out / "index.html"
    page = _page(run, answers)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page.encode())
    return path, _accuracy(_confusion(run, answers, run.test.y))


def _page(run: Run, answers: NDArray[np.float64]) -> str:
    counts = _confusion(run, answers, run.test.y)
    learnt = _confusion(run, run.predict(run.train.x, "looking back"), run.train.y)
    summary = run.model.summary()
    x, label, loss = _hardest_example(run, answers)
    hidden = set(run.model.parameters())
    left_out = "its weights and bias"
    if len(x) > MOST_INPUTS:
        hidden.update(x)
        left_out += " and the inputs"
    sizes = f"{len(run.train)} examples to learn from, {len(run.test)} held out, {len(run.classes)} classes"
    return report.page(
        "A network of scalar Values",
        f"{run.model} on {run.setup.data}: {sizes}.",
        [
            report.figures(
                [
                    ("held-out accuracy", f"{_accuracy(counts):.1%}"),
                    ("training accuracy", f"{_accuracy(learnt):.1%}"),
                    ("parameters", f"{summary.parameters:,}"),
                    ("epochs, seconds", f"{len(run.history.loss)}, {run.seconds:.1f}"),
                    ("gradient check", f"{run.worst:.1e}"),
                ]
            ),
            report.side_by_side(
                report.section(
                    "Loss", report.figure(plots.loss_curves(run.history).svg, "Mean loss of each epoch, on training data.")
                ),
                _map(run) if run.train.x.shape[1] == 2 else _table(run, counts),
            ),
            report.section(
                "The graph of one example",
                _graph(
                    loss,
                    f"The held-out example that the network finds hardest, of class {label}. Every box is one Value: its "
                    "number (data), and the derivative of the loss by it (grad). Each dot is a perceptron's weighted sum; "
                    f"{left_out} are left out here.",
                    hide=hidden.__contains__,
                ),
            ),
            report.section("One perceptron of it, with its weights", _perceptron(loss)),
            report.section(
                "The gradient, checked",
                report.paragraph(
                    f"Before training, {len(run.checks)} of the {summary.parameters:,} partial derivatives, drawn at random, "
                    "were held against central differences of the loss, near the start. "
                    f"The largest relative difference is {run.worst:.1e}."
                ),
                report.table(
                    ("parameter", "backward", "central difference", "relative difference"),
                    [(c.name, f"{c.backward:.9g}", f"{c.numeric:.9g}", f"{c.difference:.0e}") for c in run.checks],
                ),
            ),
            report.section("The network", f"<pre>{escape(str(summary))}</pre>"),
        ],
    )


def _confusion(run: Run, answers: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each class (row) was taken for each class (column)."""
    said = (answers > 0.5).astype(int) if len(run.classes) == 2 else answers.argmax(axis=1)
    counts = np.zeros((len(run.classes), len(run.classes)), dtype=np.int64)
    np.add.at(counts, (labels, said), 1)
    return counts


def _accuracy(counts: NDArray[np.int64]) -> float:
    return float(counts.trace() / counts.sum())


def _hardest_example(run: Run, answers: NDArray[np.float64]) -> tuple[list[Value], str, Value]:
    """The held-out example whose class was thought least likely: its inputs, its class, and its loss, backpropagated."""
    likely = np.stack([1 - answers, answers], axis=1) if len(run.classes) == 2 else answers
    hardest = int(likely[np.arange(len(run.test)), run.test.y].argmin())
    x = [Value(number, label=name) for number, name in zip(run.test.x[hardest].tolist(), run.test.features)]
    label = int(run.test.y[hardest])
    run.model.zero_grad()
    loss = run.loss(run.model(x), label)
    loss.label = "loss"
    loss.backward()
    return x, run.classes[label], loss


def _perceptron(loss: Node) -> str:
    """The picture of a perceptron of the first layer, of its largest terms up to its activation if it has one."""
    order = topological_order(loss)
    first_layer = [node for node in order if node.op and node.op.name == "weighted_sum" and not any(x.op for x in node.inputs)]
    weighted_sum = max(first_layer, key=lambda node: abs(node.grad))
    outputs = (node for node in order if len(node.inputs) == 1 and node.inputs[0] is weighted_sum)
    n = len(weighted_sum.inputs) // 2
    terms = list(zip(weighted_sum.inputs[:n], weighted_sum.inputs[n : 2 * n]))
    terms.sort(key=lambda term: -abs(term[0].data * term[1].data))
    caption = "The perceptron of the first layer that had the largest gradient in the same example"
    if n > MOST_INPUTS:
        caption += f", with the {MOST_INPUTS} largest of its {n} terms"
    small = {node for term in terms[MOST_INPUTS:] for node in term}
    return _graph(next(outputs, weighted_sum), f"{caption}.", hide=small.__contains__)


def _graph(root: Node, caption: str, **options: Any) -> str:
    try:
        drawing = draw(root, max_nodes=MOST_NODES, **options)
    except ValueError as error:
        return report.paragraph(f"Too large to read: {error}.")
    return report.wide_figure(drawing.svg, caption, drawing.text())


def _table(run: Run, counts: NDArray[np.int64]) -> str:
    return report.section("Held-out examples", report.confusion(counts, run.classes))


def _map(run: Run) -> str:
    points = np.concatenate([run.train.x, run.test.x])
    labels = np.concatenate([run.train.y, run.test.y])
    (left, bottom), (right, top) = points.min(axis=0) - 0.4, points.max(axis=0) + 0.4
    columns, rows = np.meshgrid(_middles(left, right, 40), _middles(bottom, top, 30))
    answers = run.predict(np.stack([columns.ravel(), rows.ravel()], axis=1), "mapping")
    names = (run.train.features[0], run.train.features[1])
    ground = answers.reshape(*rows.shape, *answers.shape[1:])
    return report.section(
        "What it says where",
        report.figure(
            plots.decision_map(ground, (left, right, bottom, top), points, labels, names, run.classes).svg,
            "The model's answer over the plane of the two features (standardised), with all examples.",
        ),
    )


def _middles(low: float, high: float, n: int) -> NDArray[np.float64]:
    """The middles of ``n`` cells from ``low`` to ``high``."""
    return low + (np.arange(n) + 0.5) * (high - low) / n
