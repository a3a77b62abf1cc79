"""fit: the training loop."""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from autograd import DomainError, Node, Tensor, Value, topological_order

from .callbacks import Callback, Run, Together
from .checkpoints import restore
from .evaluation import add_metrics, means, see_that_it_is_a_loss
from .examples import Examples, Rows, hold_out
from .history import History
from .layers.making import size
from .losses import Loss
from .metrics import Metric, named
from .mixups import see_that_metrics_fit, see_that_they_are_logits
from .module import Module, place, see_that_it_is_a_module
from .optim import SGD, Optimizer
from .progress import progress
from .rng import Rng
from .saving import StrPath


def fit(
    model: Module,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int | None = 32,
    shuffle: bool = True,
    rng: Rng = None,
    validation: float | tuple[Any, Any] | None = None,
    metrics: Mapping[str, Metric] | Iterable[Metric] = (),
    tol: float | None = None,
    callbacks: Iterable[Callback] = (),
    history: History | None = None,
    resume: StrPath | None = None,
    verbose: bool = True,
) -> History:
    """Train ``model`` on examples ``x`` with targets ``y`` by gradient descent, batch by batch.

    Each epoch goes once through the examples in a new random order. For each batch: predict, measure the loss, backpropagate,
    step. The model is left in training mode; ``model.eval()`` switches its dropout off for use.

    Args:
        model: what is trained, in place; made of Values or of Tensors.
        x: the examples, an array or a list of shape ``(n, …)``.
        y: their targets, ``n`` of them.
        loss: ``(predictions, targets) ->`` the mean over a batch, as one Value or Tensor, such as ``nn.mse``.
        optimizer: by default ``SGD(model.parameters(), lr=0.1)``.
        epochs: how many times to go through the examples, at most.
        batch_size: examples in a step; None for all of them, 1 for one by one.
        shuffle: go through them in a new random order each time, not as they stand.
        rng: source of the order, a Generator or a seed.
        validation: examples that are not trained on, judged after each epoch: ``(x, y)``, or which share to hold out.
        metrics: functions of predictions and targets as arrays, in a list or by name, such as ``[nn.accuracy]``.
        tol: convergence: stop when the loss of an epoch differs from the one before by less than this.
        callbacks: told of each moment of the run, in order, such as ``nn.EarlyStopping()``.
        history: a History to go on with; an interrupted caller still holds it.
        resume: a file that ``nn.Checkpoint`` wrote: go on where it was written, to the same result bit for bit, as if never
            interrupted. Where there is none yet, and a Checkpoint among the callbacks is to write it, begin.
        verbose: show a progress bar with loss and metrics, on a terminal or in a notebook; a log stays clean.

    Returns:
        The History, always.

    Raises:
        ValueError: the numbers of examples and targets disagree or are 0, a setting is out of range, or the optimizer is not of
            this model.
        TypeError: the model is no Module, the optimizer no Optimizer, a callback no Callback or the history no History;
            examples or targets are no numbers; the loss or a metric is no function, or the loss does not give one Value or
            Tensor.
        FloatingPointError: the loss became infinite or nan; says in which epoch and batch, and at which node it began. The
            parameters are those before that step. Or a parameter did, in the last step.
        DomainError: an op on Values overflowed or left its domain; likewise.
        LoadError: what is at ``resume`` is damaged, or is no checkpoint of this model, optimizer and data. Nothing was changed.
        FileNotFoundError: there is nothing at ``resume``.

    Warns:
        UserWarning: a loss of logits is given probabilities, the outputs of a sigmoid or a softmax.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), algorithm 8.1.
    """
    see_that_it_is_a_module("fit", model)
    optimizer = SGD(model.parameters(), lr=0.1) if optimizer is None else optimizer
    _see_that_they_fit(model, loss, optimizer, epochs, batch_size, tol)
    if history is not None and not isinstance(history, History):
        raise TypeError(f"fit: history is a History to go on with, nn.History(); not {history!r}")
    metrics = named(metrics)
    watching = Together(callbacks)
    examples = Examples(model, x, y)
    history = History() if history is None else history
    history.diverged = False
    settings = {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "validation": "(x, y)" if isinstance(validation, tuple | list) else validation,
        "metrics": list(metrics),
    }
    run = Run(model, optimizer, history, watching.callbacks, np.random.default_rng(rng), examples, settings)
    remind = restore(run, resume) if resume is not None else None
    train, held_out = _divided(run, examples, validation)
    batch = batch_size or len(train)
    run.steps = epochs * -(-len(train) // batch)
    beside = set(model.parameters()).difference(optimizer.parameters)
    model.train()
    watching.begin(run)
    if remind:
        remind()
    first = run.step
    try:
        with _bar(run, verbose) as bar, np.errstate(over="ignore", invalid="ignore"):
            while not run.stop and (run.order is not None or run.epoch < epochs):
                for rows in _batches(run, len(train), batch, shuffle):
                    inputs, targets = train[rows]
                    predictions = model(inputs)
                    error = loss(predictions, targets)
                    run.loss = _number(error, run, batch)
                    if run.step == first:
                        see_that_they_are_logits(loss, predictions)
                        see_that_metrics_fit(loss, metrics, predictions)
                    optimizer.zero_grad()
                    for parameter in beside:  # what the optimizer does not move
                        parameter.zero_grad()
                    error.backward()
                    watching.before_step(run)
                    optimizer.step()
                    _count(run, rows, metrics, predictions, targets)
                    watching.after_step(run)
                    bar.update()
                _close_epoch(run, len(train), means(model, held_out, loss, metrics, batch) if held_out else {}, tol)
                bar.set_postfix(_shown(run), refresh=False)
                watching.after_epoch(run)
            _see_that_it_ended_well(model)
    except FloatingPointError:
        history.diverged = True
        raise
    except DomainError as error:
        history.diverged = True
        error.add_note(f"fit: this was in {_where(run, batch)}{_advice(run)}")
        raise
    finally:
        watching.end(run)
    return history


def _see_that_they_fit(
    model: Module, loss: Any, optimizer: Optimizer, epochs: int, batch_size: int | None, tol: float | None
) -> None:
    see_that_it_is_a_loss("fit", loss)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit: an optimizer has the parameters that it moves, nn.Adam(model.parameters()); not {optimizer!r}")
    size("fit", "epochs", epochs, 0)
    if batch_size is not None:
        size("fit", "batch_size", batch_size)
    if tol is not None and not (isinstance(tol, Real) and tol >= 0):
        raise ValueError(f"fit: tol is how little the loss of an epoch may change, at least 0; not {tol!r}")
    if set(optimizer.parameters).isdisjoint(model.parameters()):
        raise ValueError("fit: the optimizer moves none of the model's parameters; make it with model.parameters()")


def _divided(run: Run, examples: Examples, validation: Any) -> tuple[Examples, Examples | None]:
    """What is trained on, and what is held out. Of a share, a resumed run knows which ones."""
    if validation is None:
        return examples, None
    if isinstance(validation, tuple | list):
        if len(validation) != 2:
            raise ValueError(f"fit: validation is (x, y), or a share such as 0.2; not {len(validation)} parts")
        return examples, Examples(run.model, *validation)
    if run.held is None:
        run.held = hold_out(len(examples), validation, run.rng)
    return examples.part(np.setdiff1d(np.arange(len(examples)), run.held)), examples.part(run.held)


def _batches(run: Run, n: int, batch: int, shuffle: bool) -> Iterator[Rows]:
    """The places of the examples of each batch of an epoch; a resumed run goes on within its own."""
    if run.order is None:
        run.epoch += 1
        run.seen, run.sums = 0, {}
        run.order = run.rng.permutation(n) if shuffle else np.arange(n)
    while run.seen < n:
        yield run.order[run.seen : run.seen + batch]


def _count(run: Run, rows: Rows, metrics: Mapping[str, Metric], predictions: Any, targets: Any) -> None:
    run.step += 1
    run.seen += len(rows)
    run.sums["loss"] = run.sums.get("loss", 0.0) + run.loss * len(rows)
    add_metrics(run.sums, metrics, predictions, targets)


def _close_epoch(run: Run, n: int, held_out: Mapping[str, float], tol: float | None) -> None:
    """Write the epoch into the history."""
    run.order = None
    history = run.history
    for name, total in run.sums.items():
        history.add(name, total / n)
    for name, mean in held_out.items():
        history.add(f"val_{name}", mean)
    if tol is not None and len(history.loss) > 1 and abs(history.loss[-1] - history.loss[-2]) < tol:
        run.stop = True


def _number(error: Any, run: Run, batch: int) -> float:
    """The loss as a plain number; it must be one."""
    if not isinstance(error, Value | Tensor):
        raise TypeError(
            f"fit: the loss must come as a Value or a Tensor, so that it has a gradient; it came as {type(error).__name__}"
        )
    if isinstance(error, Tensor) and error.size != 1:
        raise TypeError(f"fit: the loss must be one number, and came in shape {error.shape}; take its mean()")
    number = error.item()
    if not isfinite(number):
        raise FloatingPointError(f"fit: the loss is {number} in {_where(run, batch)}{_first_nonfinite(error, run)}")
    return number


def _see_that_it_ended_well(model: Module) -> None:
    """After the last step no loss tells of a parameter that is not finite."""
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            raise FloatingPointError(
                f"fit: the last step left the parameter {name} infinite or nan; a smaller learning rate may help"
            )


def _where(run: Run, batch: int) -> str:
    within = run.order is not None and run.seen < len(run.order)
    return f"epoch {run.epoch}, " + (f"batch {run.seen // batch + 1}" if within else "among the examples held out")


def _advice(run: Run) -> str:
    """What may help, unless no step was taken yet."""
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
    return f"{_advice(run)}. The first that is not finite is {what}"


def _bar(run: Run, verbose: bool) -> Any:
    return progress(total=run.steps, initial=run.step, unit="step", shown=verbose)


def _shown(run: Run) -> dict[str, Any]:
    history = run.history
    return {"epoch": run.epoch, **{name: f"{history[name][-1]:.4g}" for name in history.names()}}
