"""fit: the training loop."""

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from autograd import Value

from .callbacks import Callback, History, Run, Together
from .losses import Loss
from .module import Module
from .optim import SGD
from .rng import Generator, Rng


def fit(
    model: Module,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: SGD | None = None,
    epochs: int = 10,
    batch_size: int | None = 32,
    rng: Rng = None,
    verbose: bool = True,
    history: History | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train ``model`` on examples ``x`` with targets ``y`` by mini-batch gradient descent.

    Each epoch goes once through the examples in a new random order. For each batch: predict, measure the loss, backpropagate,
    step.

    Args:
        model: what is trained, in place.
        x: the examples, an array or a list of shape ``(n, n_in)``.
        y: their targets, ``n`` of them.
        loss: ``(predictions, targets) -> Value``, such as ``nn.mse``.
        optimizer: by default ``SGD(model.parameters(), lr=0.1)``.
        epochs: how many times to go through the examples.
        batch_size: examples in a step; None for all of them, 1 for one by one.
        rng: source of the order, a Generator or a seed.
        verbose: show a progress bar with the loss.
        history: a History to go on with; an interrupted caller still holds it.
        callbacks: told of each moment of the run, in order, such as ``Record()``.

    Returns:
        The History, always.

    Raises:
        ValueError: the numbers of examples and targets disagree or are 0, ``epochs`` or ``batch_size`` is out of range, or the
            optimizer is not of this model.
        TypeError: the loss is no function, or does not give a Value; or a callback is no Callback.
        FloatingPointError: the loss became infinite or nan; the parameters are those before that step.
        DomainError: an op overflowed or left its domain; likewise.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), algorithm 8.1.
    """
    rows, targets = _examples(x), _plain(y)
    optimizer = optimizer or SGD(model.parameters(), lr=0.1)
    _see_that_they_fit(model, rows, targets, loss, optimizer, epochs, batch_size)
    history = History() if history is None else history
    rng = np.random.default_rng(rng)
    size = batch_size or len(rows)
    run = Run(model, optimizer, history, steps=epochs * -(-len(rows) // size))
    watching = Together(callbacks)
    model.train()
    watching.begin(run)
    try:
        with tqdm(total=run.steps, unit="step", disable=None if verbose else True, dynamic_ncols=True) as bar:
            for run.epoch in range(1, epochs + 1):
                total = 0.0
                for number, batch in enumerate(_batches(len(rows), size, rng), 1):
                    error = loss(model([rows[i] for i in batch]), [targets[i] for i in batch])
                    _see_that_it_is_a_loss(error, f"epoch {run.epoch}, batch {number}")
                    optimizer.zero_grad()
                    error.backward()
                    run.loss = error.data
                    watching.before_step(run)
                    optimizer.step()
                    run.step += 1
                    watching.after_step(run)
                    total += error.data * len(batch)
                    bar.update()
                history.loss.append(total / len(rows))
                bar.set_postfix(epoch=run.epoch, loss=f"{history.loss[-1]:.4g}", refresh=False)
                watching.after_epoch(run)
                if run.stop:
                    break
    finally:
        watching.end(run)
    return history


def _see_that_they_fit(
    model: Module, rows: Any, targets: Any, loss: Any, optimizer: SGD, epochs: int, batch_size: int | None
) -> None:
    if not callable(loss):
        raise TypeError(f"fit: loss is a function of predictions and targets, such as nn.mse; not {loss!r}")
    if len(rows) != len(targets) or not rows:
        raise ValueError(
            f"fit: {len(rows)} examples and {len(targets)} targets; pass one target for each example, and at least one"
        )
    if epochs != int(epochs) or epochs < 0 or (batch_size is not None and (batch_size != int(batch_size) or batch_size < 1)):
        raise ValueError(
            f"fit: epochs must be whole and at least 0, batch_size whole and at least 1; not {epochs} and {batch_size}"
        )
    if set(optimizer.parameters).isdisjoint(model.parameters()):
        raise ValueError("fit: the optimizer moves none of the model's parameters; make it with model.parameters()")


def _see_that_it_is_a_loss(error: Any, when: str) -> None:
    if not isinstance(error, Value):
        raise TypeError(f"fit: the loss must come as a Value, so that it has a gradient; it came as {type(error).__name__}")
    if not isfinite(error.data):
        raise FloatingPointError(f"fit: the loss is {error.data} in {when}; a smaller learning rate may help")


def _batches(n: int, size: int, rng: Generator) -> Iterator[list[int]]:
    order = rng.permutation(n).tolist()
    return (order[start : start + size] for start in range(0, n, size))


def _examples(x: Any) -> list[Sequence[Any]]:
    """The examples as lists of Values, made once, since every epoch reads them."""
    return [
        [
            e if isinstance(e, Value) else Value(e, requires_grad=False)
            for e in (row if isinstance(row, list | tuple) else [row])
        ]
        for row in map(_plain, _plain(x))
    ]


def _plain(x: Any) -> Any:
    return x.tolist() if isinstance(x, np.ndarray) else x
