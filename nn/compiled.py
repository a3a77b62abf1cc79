"""Compiled steps of a training run: a program on one vector of all parameters, which the optimizer's rule moves.

The model's own parameters stay behind meanwhile. Who looks at them is shown first how they stand; from then on they are what
counts, for who looks may also write, until the next batch.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain
from math import isfinite
from typing import Any

import numpy as np

from autograd import Tensor, Value
from autograd.compile import compile
from autograd.compile.record import NotCompilable
from autograd.errors import callers_depth
from autograd.graph import write as write_all

from .aside import put_off
from .callbacks import Run
from .evaluation import averaged
from .examples import Examples, Rows
from .kinds import Floats, leaves, numbers, write
from .losses import Loss
from .metrics import Metric
from .modes import evaluated
from .module import Module, generators
from .optim import Optimizer
from .steps import Steps


class CompiledSteps(Steps):
    """Steps by a program; or, where none can be made, as they are read, with one warning that says why."""

    def __init__(self, run: Run, examples: Examples, loss: Loss, metrics: Mapping[str, Metric], batch: int) -> None:
        super().__init__(run, examples, loss, metrics, batch)
        self._inputs, self._targets = _plain(examples.x), _plain(examples.y)
        self._held_out: list[Any] = []  # batches of what is held out
        self._shuffled = run.settings["shuffle"]
        self._batches: dict[int, Any] = {}  # what those begin with that come again in each epoch
        self._nodes = [*self.optimizer.parameters, *self.beside]
        known, everything = set(self._nodes), [x for _, block in self.model._blocks() for x in leaves(block)]
        self._read = [*self._nodes, *[x for x in everything if x not in known]]  # frozen ones too, which may be written to
        self._by_rule = type(self.optimizer).step is Optimizer.step and type(self.optimizer).zero_grad is Optimizer.zero_grad
        self._compiles = True
        self._trials = 2  # steps still to try: when it is run again, it is seen whether it does the same
        self._settled: Any = None  # what the program takes for settled
        self._shown = True  # whether the model's parameters are what counts, not the vector
        self._gradient: Floats | None = None
        self._moved = False  # whether the optimizer has stepped along it
        run.show = self.show

    def measure(self, rows: Rows) -> tuple[Any, Any]:
        """The loss and its gradients for a batch, given by the places of its examples."""
        if not self._compiles:
            return super().measure(rows)
        undo, raised = _undo(self.model) if self._trials else None, None
        try:
            found = self._measure(rows)
        except _Raised as error:
            raised = error
        else:
            if not self._step.reasons:
                self._trials = max(self._trials - 1, 0)
                return found
        if undo:
            undo()
        self._give_up()
        if not undo and not raised:
            return found
        found = super().measure(rows)  # which raises what is no fault of the compiler's
        _warn(raised)
        return found

    def _give_up(self) -> None:
        self._compiles = False
        self.show()

    def _measure(self, rows: Rows) -> tuple[Any, Any]:
        if self._shown:
            self._take_over()
        self._gradient, self._moved = None, False
        found = self._step.run(self._given(rows), self._step.vector)
        error, predictions, kept = found.result if isinstance(found.result, tuple) else (found.result, None, ())
        if not isfinite(error):
            self.show()
            return super().measure(rows)  # which says where it began
        self.run.loss = error
        self._gradient = found.gradient
        for leaf, gradient in found.beyond.items():
            leaf.gather(gradient)
        for function, operands in kept:
            function(*operands)
        return predictions, self.examples.y[rows] if self.metrics else None

    def _given(self, rows: Rows) -> Any:
        """The arguments; where examples come in the same order in each epoch, they are taken apart once."""
        if self._shuffled:
            return self._inputs.take(rows, 0), self._targets.take(rows, 0)
        first = self.run.seen
        if first not in self._batches:
            there = slice(first, first + len(rows))
            self._batches[first] = self._step.taken((self._inputs[there], self._targets[there]))
        return self._batches[first]

    def _f(self, inputs: Any, targets: Any) -> Any:
        """What is compiled."""
        with put_off() as kept, _named():
            predictions, error = self.predicted(inputs, targets)
        if not self.metrics and not kept:
            return error
        return error, predictions if self.metrics else None, kept

    def move(self) -> None:
        """Step along the gradients."""
        if not self._by_rule:
            self.show()
        if self._shown:
            super().move()
            return
        assert self._gradient is not None
        for part in chain(*self._parts):
            part.slopes = self._gradient[part.place]
        self.optimizer.move(self._parts)
        self._moved = True

    def judge(self, held_out: Examples) -> dict[str, float]:
        """The mean loss over examples that are held out, and the mean of each metric; of Values, by a program too."""
        self.show()
        if not self._compiles or not isinstance(self._nodes[0], Value):
            return super().judge(held_out)
        if not self._held_out:
            ends = range(self.batch, len(held_out), self.batch)
            self._held_out = [*zip(np.split(_plain(held_out.x), ends), np.split(_plain(held_out.y), ends))]
            self._judging = compile(self._judged, self._read)
        vector = self._judging.parameters.read()
        try:
            with evaluated(self.model):
                return averaged(lambda *batch: self._judging.run(batch, vector).result, self._held_out, self.metrics)
        except _Raised as error:
            raised = error
        self._give_up()
        found = super().judge(held_out)
        _warn(raised)
        return found

    def _judged(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        with _named():
            predictions = self.model(inputs)
            return self.loss(predictions, targets), predictions

    # -- whose parameters count ---------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Let the model hold parameters and gradients as they stand, and let its parameters count from here on."""
        if self._shown:
            return
        write_all(self._nodes, _apart(self._step.vector, self._nodes))
        self.zero_grad()
        if self._gradient is not None:
            for leaf, gradient in zip(self._nodes, _apart(self._gradient, self._nodes)):
                if leaf.requires_grad:
                    leaf.gather(gradient)
            if self._moved:
                self.optimizer.mark_gradients()
        self._shown = True  # at last: who breaks in before is shown all of it later

    def _take_over(self) -> None:
        """Let the vector count."""
        settled = [x.requires_grad for x in self._read], [part.training for _, part in self.model.named_modules()]
        if settled != self._settled:
            self._settled = settled
            self._step = compile(self._f, self._read)
            self._parts = self.optimizer.parts_of(self._step.vector)
        self._step.vector[...] = self._step.parameters.read()
        self._shown = False


class _Raised(Exception):
    """The model or the loss raised its cause, when it was given what a program is made from."""


@contextmanager
def _named() -> Iterator[None]:
    """What is raised within comes as ``_Raised``, so that the compiler's own faults are told from it."""
    try:
        yield
    except NotCompilable:
        raise
    except Exception as error:
        raise _Raised(f"{type(error).__name__}: {error}") from error


def _warn(raised: _Raised | None) -> None:
    if raised:
        warnings.warn(f"fit: the step can't be compiled, and runs eagerly ({raised})", stacklevel=callers_depth())


def _plain(rows: Any) -> Any:
    """Examples or targets as an array of numbers, which a program is given anew in each run."""
    return rows.astype({"O": float, "b": int}.get(rows.dtype.kind, rows.dtype), copy=False)


def _apart(vector: Floats, nodes: Sequence[Any]) -> list[Any]:
    """A copy of the part of each leaf, in its shape and dtype."""
    if not isinstance(nodes[0], Tensor):
        return [*vector.tolist()]
    ends = accumulate([x.size for x in nodes])
    return [vector[end - x.size : end].reshape(x.shape).astype(x.dtype) for x, end in zip(nodes, ends)]


def _undo(model: Module) -> Callable[[], None]:
    """What brings back how the model stands, save its parameters: what it keeps beside them, and its generators."""
    kept = [(block, numbers(block)) for _, block in model._blocks()]
    states = [(generator.bit_generator, generator.bit_generator.state) for generator in generators(model)]

    def undo() -> None:
        for block, array in kept:
            write(block, array)
        for bits, state in states:
            bits.state = state

    return undo
