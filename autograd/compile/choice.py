"""Which kind of program runs a form, by what a step of each was measured to cost."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..terms import ReadingError
from .arrays import ArrayProgram
from .floats import FloatCode, n_alone
from .form import Form, Ids
from .groups import grouped
from .layout import Layout
from .machine import Machine, available

Array = NDArray[Any]


class Program(Protocol):
    """What runs a form."""

    @property
    def form(self) -> Form:
        """What it runs."""

    @property
    def arguments(self) -> Array:
        """To be written before ``forward``."""

    @property
    def parameters(self) -> Array:
        """To be written before ``forward``."""

    @property
    def gradient(self) -> Array:
        """By the parameters, after ``backward``."""

    def forward(self) -> Array:
        """The outputs of the form."""

    def backward(self) -> None:
        """Compute the gradient."""


# Nanoseconds, forward and backward; see tests/benchmarks/README.md
CALLS = 8000.0  # of the NumPy calls of a group
TERM = 3.0  # of a term in rows of numbers,
GATHERED = 15.0  # of one that is gathered,
MULTIPLIED = 0.3  # of one in a matrix product
FLOAT = 170.0  # of a node in straight-line code,
ALONE = 550.0  # of one in code of its own
MACHINE = 5.0  # of a term on the machine
WORTH = 2e6  # what the machine must save in each step, since it takes a second or two to compile


def program_maker(form: Form, batch: bool) -> tuple[Callable[[int | None, Array | None], Program], Ids, Ids]:
    """What makes a program for a number of examples, to read parameters from an array if it can; and in which order it takes
    arguments and parameters."""
    groups = grouped(form)
    calls = (len(groups[1]) - 1) * CALLS
    in_order = np.arange(form.n_arguments), np.arange(form.n_parameters)
    if not batch and len(form) * FLOAT < calls:
        alone = n_alone(form)
        cost = (len(form) - alone) * FLOAT + alone * ALONE
        if cost < calls + len(form.left) * GATHERED:
            code: Program = _machine(form, cost) or FloatCode(form)
            return (lambda examples, parameters: code), *in_order
    layout = Layout(form, groups)
    if not batch and (machine := _machine(form, calls + _terms(layout))) is not None:
        return (lambda examples, parameters: machine), *in_order
    return partial(ArrayProgram, layout), layout.arguments, layout.parameters


def _terms(layout: Layout) -> float:
    """What the terms and operands of a layout cost."""
    products = [block for group in layout.groups for block in group.blocks if block.is_product]
    multiplied = sum(block.rows * block.columns * block.left.shape[2] for block in products)
    views = [(x.strides is not None, x.places.size) for group in layout.groups for x in group.picks]
    return MULTIPLIED * multiplied + sum(size * (TERM if seen else GATHERED) for seen, size in views)


def _machine(form: Form, cost: float) -> Program | None:
    """The machine, if it is there, and so much faster that it is worth while."""
    if cost - len(form.left) * MACHINE < WORTH or not available():
        return None
    try:
        return Machine(form)
    except ReadingError:  # too many operands, for one
        return None
