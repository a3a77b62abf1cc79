"""Ensemble: several models as one, whose prediction is the mean of theirs; trained apart, on as many machines as there are.

the mean ............. Ensemble
making and training .. fit_ensemble
"""

from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor, as_completed
from copy import deepcopy
from functools import partial
from typing import Any, TypeAlias
from warnings import warn

import numpy as np

import autograd as ag
from autograd import Tensor

from .activations import Activation
from .activations import activation as activation_of
from .callbacks import Callback, Together
from .checkpoints import Checkpoint
from .history import History
from .layers.making import shown, size
from .losses import Loss
from .module import Module
from .progress import progress
from .rng import Generator, Rng
from .training import fit


class Ensemble(Module):
    """Several models as one, ``y = (g(f₁(x)) + … + g(fₙ(x))) / n``.

    Its loss is never above the mean of theirs where the loss is convex in the predictions, as mse is, and as cross-entropy is
    in logits and in probabilities (Jensen's inequality); how far below says how much they differ.

    Args:
        members: the models, all of Values or all of Tensors.
        activation: ``g``, by name or as a function. By default predictions are averaged as they come: of members that give
            logits, the logits. With ``"softmax"`` (or ``"sigmoid"``, where there are two classes) it is their probabilities.

    ``histories`` has how each member was trained, if ``fit_ensemble`` did it.

    Raises:
        ValueError: there is no member.
        TypeError: one can't be called, or they are not all of one kind.

    Source: Lakshminarayanan, Pritzel, Blundell, *Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles*
    (2017).

    >>> Ensemble(lambda x: 2 * x, lambda x: 4 * x)(np.array([1.0, 5.0]))
    array([ 3., 15.])
    """

    def __init__(self, *members: Callable[[Any], Any], activation: Activation = "linear") -> None:
        if not members:
            raise ValueError("Ensemble: there is no mean of no models; pass at least one, Ensemble(*models)")
        for member in members:
            if not callable(member):
                raise TypeError(f"Ensemble: {member!r} is no model; pass models one by one, Ensemble(*models)")
        blocks = [block for member in members if isinstance(member, Module) for _, block in member._blocks()]
        if len({isinstance(block, Tensor) for block in blocks}) > 1:
            raise TypeError("Ensemble: there are members of Values and members of Tensors; make all of one kind")
        self.members = list(members)
        self.activation = activation_of(activation)
        self.histories: list[History] = []
        self._shown = shown(activation)

    def forward(self, x: Any) -> Any:
        """The mean of what the members make of ``x``."""
        return ag.mean(ag.stack([self.activation(member(x)) for member in self.members]), 0)

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(map(str, self.members))}{self._shown})"


Member: TypeAlias = tuple[Module, History]


def fit_ensemble(
    make: Callable[..., Module],
    n: int,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Callable[[list[Any]], Any] | None = None,
    executor: Executor | None = None,
    rng: Rng = None,
    activation: Activation = "linear",
    callbacks: Iterable[Callback] = (),
    verbose: bool = True,
    **settings: Any,
) -> Ensemble:
    """Make ``n`` models, train each with ``fit`` from random weights of its own, and average them.

    Args:
        make: ``make(rng=…)`` gives a model with random weights, such as ``partial(nn.MLP, 64, [32, 10], kind=Tensor)``.
        n: how many.
        x: the examples; each member sees all of them, in an order of its own.
        y: their targets.
        loss: as for ``fit``.
        optimizer: gives a member's optimizer from its parameters, such as ``nn.Adam`` or ``partial(nn.Adam, lr=0.01)``.
        executor: who trains them: any ``concurrent.futures.Executor``, such as a ``ProcessPoolExecutor``, or Dask's
            (``client.get_executor()``) or MPI's for many machines. By default one after the other, here.
        rng: source of everything random, a Generator or a seed. Each member has a stream of its own, so the ensemble is the
            same, bit for bit, whoever trains its members, and in which order (on machines that round alike).
        activation: of the ``Ensemble``.
        callbacks: as for ``fit``; each member has copies of its own.
        verbose: show a progress bar of the members.
        settings: as for ``fit``: ``epochs``, ``batch_size``, ``validation`` …

    What goes to other processes is pickled, so functions must be found there by name: those of a module, and ``partial`` of
    them, but no lambdas, and those of a notebook only where processes are forked, or Dask's.

    A member whose worker dies is trained again: by the executor if it goes on without that worker, else here, with a warning.

    Returns:
        The Ensemble; its ``histories`` are what ``fit`` returned.

    Raises:
        ValueError: ``n`` is not a whole number of at least 1, ``make`` gave one model twice, or members would overwrite each
            other's ``nn.Checkpoint``.
        TypeError: ``make`` or ``optimizer`` is no function, the executor has no ``submit``, or a setting can't be of several.
        Exception: what went wrong in ``make`` or ``fit``, with a note that says in which member; the others are called off.

    >>> import nn
    >>> from functools import partial
    >>> x, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> model = fit_ensemble(partial(nn.Dense, 1, 1), 3, x, y, loss=nn.mse, epochs=90, rng=0, verbose=False)
    >>> model
    Ensemble(Dense(1, 1), Dense(1, 1), Dense(1, 1))
    >>> round(model([4.0])[0].data, 2)
    9.0
    """
    n = size("fit_ensemble", "n", n)
    callbacks = Together(callbacks).callbacks
    activation_of(activation)  # which refuses what is none, before all is trained
    _see_that_members_can_share(make, optimizer, executor, callbacks, settings)
    train = partial(_train, make, x, y, optimizer, {"loss": loss, **settings}, callbacks)
    todo = dict(enumerate(np.random.default_rng(rng).spawn(n)))
    trained: dict[int, Member] = {}
    with progress(total=n, unit="member", shown=verbose) as bar:

        def done(i: int, member: Member) -> None:
            if any(member[0] is model for model, _ in trained.values()):
                raise ValueError("fit_ensemble: make gave the same model again; it has to make a new one each time")
            trained[i] = member
            del todo[i]
            bar.update()

        if executor is not None and (accident := _ask(executor, train, todo, done, 1) and _ask(executor, train, todo, done, 2)):
            warn(
                f"fit_ensemble: the executor lost {', '.join(f'members.{i}' for i in todo)} "
                f"({type(accident).__name__}: {accident}); training what it lost here, one after the other",
                RuntimeWarning,
                stacklevel=2,
            )
        for i, stream in list(todo.items()):
            done(i, train(i, stream, 3))
    models, histories = zip(*(trained[i] for i in range(n)))
    ensemble = Ensemble(*models, activation=activation)
    ensemble.histories = list(histories)
    return ensemble


def _see_that_members_can_share(
    make: Any, optimizer: Any, executor: Any, callbacks: Iterable[Callback], settings: dict[str, Any]
) -> None:
    if not callable(make) or isinstance(make, Module):
        raise TypeError(
            f"fit_ensemble: make is a function that gives a new model, such as partial(nn.Dense, 1, 1); not {make!r}"
        )
    if optimizer is not None and not callable(optimizer):
        raise TypeError(
            f"fit_ensemble: each member needs an optimizer of its own; pass what makes one, such as nn.Adam or "
            f"partial(nn.Adam, lr=0.01), not {optimizer!r}"
        )
    if isinstance(executor, type) or (executor is not None and not callable(getattr(executor, "submit", None))):
        raise TypeError(f"fit_ensemble: executor is one with a method submit, such as ProcessPoolExecutor(); not {executor!r}")
    if of_one := settings.keys() & {"history", "resume"}:
        raise TypeError(f"fit_ensemble: {' and '.join(sorted(of_one))} would be of one member, and there are several")
    for callback in callbacks:
        if isinstance(callback, Checkpoint):
            raise ValueError(f"fit_ensemble: members would overwrite each other's {callback}; leave it out")


_MEMBER = "fit_ensemble: this was in members."


def _train(
    make: Callable[..., Module],
    x: Any,
    y: Any,
    optimizer: Callable[[list[Any]], Any] | None,
    settings: dict[str, Any],
    callbacks: list[Callback],
    i: int,
    rng: Generator,
    attempt: int,
) -> Member:
    """One member, in whatever process this is. What goes wrong bears its name. The number of the attempt makes it another call
    than the one before, or Dask would answer with what became of that one."""
    rng, callbacks = deepcopy((rng, callbacks))  # threads share them, and a second attempt begins like the first
    try:
        model = make(rng=rng)
        moves = optimizer(model.parameters()) if optimizer else None
        if optimizer and moves is None:  # which fit would take for its default
            raise TypeError(f"fit_ensemble: optimizer makes one of parameters, and {optimizer!r} gave None")
        return model, fit(model, x, y, optimizer=moves, rng=rng, callbacks=callbacks, verbose=False, **settings)
    except Exception as error:
        error.add_note(f"{_MEMBER}{i}")
        raise


def _ask(
    executor: Executor,
    train: Callable[[int, Generator, int], Member],
    todo: dict[int, Generator],
    done: Callable[[int, Member], None],
    attempt: int,
) -> Exception | None:
    """Have ``executor`` train what there is to do. Returns what befell it, if it lost members; raises what befell them."""
    accident: Exception | None = None
    futures = {}
    try:
        for i, stream in todo.items():
            futures[executor.submit(train, i, stream, attempt)] = i
        for future in as_completed(futures):
            try:
                member = future.result()
            except Exception as error:
                if any(note.startswith(_MEMBER) for note in getattr(error, "__notes__", ())):
                    raise
                accident = error
            else:
                done(futures[future], member)
    except BrokenExecutor as error:  # while it was still being asked
        accident = error
    finally:
        for future in futures:
            future.cancel()
    return accident
