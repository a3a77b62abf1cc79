"""How well a model does on examples, without learning from them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from autograd import Tensor

from .diagnostics import evaluated
from .examples import Examples
from .layers.making import size
from .losses import Loss
from .metrics import Metric, named
from .mixups import see_that_metrics_fit
from .module import Module, see_that_it_is_a_module

Judge: TypeAlias = Callable[[Any, Any], tuple[float, Any]]


def evaluate(
    model: Module,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    metrics: Mapping[str, Metric] | Iterable[Metric] = (),
    batch_size: int = 1024,
) -> dict[str, float]:
    """The mean loss of ``model`` over examples, and the mean of each metric, in evaluation mode and recording nothing.

    Args:
        model: what is judged; it is left as it was.
        x: the examples, as for ``fit``.
        y: their targets.
        loss: ``(predictions, targets) ->`` the mean over a batch.
        metrics: functions of predictions and targets as arrays, in a list or by name.
        batch_size: how many are passed through at once.

    Raises:
        ValueError: the numbers of examples and targets disagree or are 0, or ``batch_size`` is no whole number of at least 1;
            or ``nn.accuracy``, which takes logits, is asked beside ``nn.bce``, which takes probabilities.
        TypeError: the model is no Module, or the loss or a metric no function.

    >>> import nn
    >>> evaluate(nn.MLP(1, [1], rng=0), [[1.0], [2.0]], [0, 1], loss=nn.bce_with_logits, metrics=[nn.accuracy])["accuracy"]
    0.5
    """
    see_that_it_is_a_module("evaluate", model)
    see_that_it_is_a_loss("evaluate", loss)
    size("evaluate", "batch_size", batch_size)
    return means(model, Examples(model, x, y, "evaluate"), loss, named(metrics), batch_size)


def see_that_it_is_a_loss(asking: str, loss: Any) -> None:
    """TypeError if ``loss`` can't be called."""
    if not callable(loss):
        raise TypeError(f"{asking}: loss is a function of predictions and targets, such as nn.mse; not {loss!r}")


def means(model: Module, examples: Examples, loss: Loss, metrics: Mapping[str, Metric], batch: int) -> dict[str, float]:
    """The same of ``Examples``."""

    def judged(inputs: Any, targets: Any) -> tuple[float, Any]:
        predictions = model(inputs)
        see_that_metrics_fit(loss, metrics, predictions)
        return float(loss(predictions, targets)), predictions

    with evaluated(model), np.errstate(over="ignore", invalid="ignore"):  # a mean that is not finite says so itself
        return averaged(judged, examples.in_order(batch), metrics)


def averaged(judged: Judge, batches: Iterable[tuple[Any, Any]], metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The mean of the losses that ``judged`` gives for batches, beside predictions, and of metrics."""
    sums, n = {"loss": 0.0}, 0
    for inputs, targets in batches:
        loss, predictions = judged(inputs, targets)
        sums["loss"] += loss * len(targets)
        n += len(targets)
        add_metrics(sums, metrics, predictions, targets)
    return {name: total / n for name, total in sums.items()}


def add_metrics(sums: dict[str, float], metrics: Mapping[str, Metric], predictions: Any, targets: Any) -> None:
    """Add each metric of a batch, times its size, to its sum."""
    if metrics:
        numbers = predictions.data if isinstance(predictions, Tensor) else np.asarray(predictions, dtype=float)
        for name, metric in metrics.items():
            sums[name] = sums.get(name, 0.0) + float(metric(numbers, targets)) * len(targets)
