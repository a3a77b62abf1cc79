"""Steps of a training run: the loss and gradients of a batch, then the move of the parameters."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from autograd import Node, Tensor, Value, topological_order
from autograd.recording import witnessed

from .callbacks import Run
from .evaluation import means
from .examples import Examples, Rows
from .losses import Loss
from .metrics import Metric
from .mixups import see_that_metrics_fit, see_that_they_are_logits
from .module import Module, place


class Steps:
    """Steps as they are read: the model is called, the graph of the loss walked back, the optimizer told.

    Args:
        run: what they are steps of.
        examples: what is trained on.
        loss: ``(predictions, targets) ->`` the mean over a batch.
        metrics: what predictions are wanted for, beside the loss.
        batch: how many examples a step takes.
    """

    def __init__(self, run: Run, examples: Examples, loss: Loss, metrics: Mapping[str, Metric], batch: int) -> None:
        self.run = run
        self.model: Module = run.model
        self.optimizer = run.optimizer
        self.examples = examples
        self.loss = loss
        self.metrics = metrics
        self.batch = batch
        moving = set(self.optimizer.parameters)
        self.beside = [x for x in self.model.parameters() if x not in moving]  # what the optimizer does not move
        self._predictions_seen = False

    def measure(self, rows: Rows) -> tuple[Any, Any]:
        """The loss and its gradients for a batch, given by the places of its examples.

        Returns:
            Predictions (None, if no metric wants them) and targets.

        Raises:
            TypeError: the loss is no single Value or Tensor.
            FloatingPointError: it is not finite; the parameters are as before.
        """
        inputs, targets = self.examples[rows]
        predictions, error = self.predicted(inputs, targets)
        self.run.loss = _number(error, self.run, self.batch)
        self.zero_grad()
        error.backward()
        return predictions, targets

    def predicted(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """Predictions and the loss; at first it is seen that they go together."""
        predictions = self.model(inputs)
        error = self.loss(predictions, targets)
        _see_that_it_is_one_number(error)
        if not self._predictions_seen:
            with witnessed(None):
                see_that_metrics_fit(self.loss, self.metrics, predictions)
                self._predictions_seen = True
                see_that_they_are_logits(self.loss, predictions)
        return predictions, error

    def zero_grad(self) -> None:
        """Forget all gradients."""
        self.optimizer.zero_grad()
        for parameter in self.beside:
            parameter.zero_grad()

    def move(self) -> None:
        """Step along the gradients."""
        self.optimizer.step()

    def judge(self, held_out: Examples) -> dict[str, float]:
        """The mean loss over examples that are held out, and the mean of each metric."""
        return means(self.model, held_out, self.loss, self.metrics, self.batch)

    def show(self) -> None:
        """Let the model hold parameters and gradients as they stand; here it always does."""


def _see_that_it_is_one_number(error: Any) -> None:
    if not isinstance(error, Value | Tensor):
        raise TypeError(
            f"fit: the loss must come as a Value or a Tensor, so that it has a gradient; it came as {type(error).__name__}"
        )
    if isinstance(error, Tensor) and error.size != 1:
        raise TypeError(f"fit: the loss must be one number, and came in shape {error.shape}; take its mean()")


def _number(error: Any, run: Run, batch: int) -> float:
    """The loss as a plain number; it must be finite."""
    number: float = error.item()
    if not isfinite(number):
        raise FloatingPointError(f"fit: the loss is {number} in {where(run, batch)}{_first_nonfinite(error, run)}")
    return number


def where(run: Run, batch: int) -> str:
    """At which epoch and batch a run is, in words."""
    within = run.order is not None and run.seen < len(run.order)
    return f"epoch {run.epoch}, " + (f"batch {run.seen // batch + 1}" if within else "among the examples held out")


def advice(run: Run) -> str:
    """What may help a run that diverges, unless no step was taken yet."""
    return "; a smaller learning rate may help" if run.step else ""


def _first_nonfinite(root: Node, run: Run) -> str:
    """The first node behind ``root`` that holds a nan or an infinity, in words, and what may help."""
    node = next(node for node in topological_order(root) if not np.isfinite(node.data).all())
    names: dict[Node, str] = {parameter: name for name, parameter in run.model.named_parameters()}
    if node.op is None and node not in names:
        return f": there is a nan or an infinity among what was given, in {node.name}; look at the examples and their targets"
    if node.op is None:
        what = f"the parameter {names[node]}"
    else:
        what = node.name + (f", made in {place(node.module, node._note)}" if isinstance(node.module, Module) else "")
    return f"{advice(run)}. The first that is not finite is {what}"
