"""fit: the training loop."""

from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np

from autograd import DomainError

from .callbacks import Callback, Run, Together
from .checkpoints import restore
from .evaluation import add_metrics, see_that_it_is_a_loss
from .examples import Examples, Rows, hold_out
from .history import History
from .layers.making import size
from .losses import Loss
from .metrics import Metric, named
from .module import Module, see_that_it_is_a_module
from .optim import SGD, Optimizer
from .progress import progress
from .rng import Rng
from .saving import StrPath
from .steps import Steps, advice, where


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
    compiled: bool = False,
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
        compiled: run each step as a program made of its record (see ``autograd.compile``), optimizer included, to the same
            numbers but for rounding. What a forward does besides, such as counting its calls, it does only when it is recorded;
            plain numbers that it reads are taken to stay as they are.
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
        UserWarning: a loss of logits is given probabilities, the outputs of a sigmoid or a softmax; or the step can't be
            compiled, and runs as it is.

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
    steps = _kind_of_steps(compiled)(run, train, loss, metrics, batch)
    model.train()
    watching.begin(run)
    if remind:
        remind()
    try:
        with _bar(run, verbose) as bar, np.errstate(over="ignore", invalid="ignore"):
            while not run.stop and (run.order is not None or run.epoch < epochs):
                for rows in _batches(run, len(train), batch, shuffle):
                    predictions, targets = steps.measure(rows)
                    watching.before_step(run)
                    steps.move()
                    _count(run, rows, metrics, predictions, targets)
                    watching.after_step(run)
                    bar.update()
                _close_epoch(run, len(train), steps.judge(held_out) if held_out else {}, tol)
                if not bar.disable:
                    bar.set_postfix(_shown(run), refresh=False)
                watching.after_epoch(run)
            steps.show()
            _see_that_it_ended_well(model)
    except FloatingPointError:
        history.diverged = True
        raise
    except DomainError as error:
        history.diverged = True
        error.add_note(f"fit: this was in {where(run, batch)}{advice(run)}")
        raise
    finally:
        steps.show()
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


def _kind_of_steps(compiled: bool) -> type[Steps]:
    if not isinstance(compiled, bool):
        raise TypeError(f"fit: compiled is True or False, not {compiled!r}")
    if not compiled:
        return Steps
    from .compiled import CompiledSteps  # which loads the compiler

    return CompiledSteps


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


def _see_that_it_ended_well(model: Module) -> None:
    """After the last step no loss tells of a parameter that is not finite."""
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            raise FloatingPointError(
                f"fit: the last step left the parameter {name} infinite or nan; a smaller learning rate may help"
            )


def _bar(run: Run, verbose: bool) -> Any:
    return progress(total=run.steps, initial=run.step, unit="step", shown=verbose)


def _shown(run: Run) -> dict[str, Any]:
    history = run.history
    return {"epoch": run.epoch, **{name: f"{history[name][-1]:.4g}" for name in history.names()}}
