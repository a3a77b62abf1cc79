"""Where to stop on the way: a breakpoint is a node, a label, or a predicate of a step. Some predicates that are often wanted:

above ................ a gradient, or a contribution, larger than a bound
nonfinite ............ a number that is infinite or nan
second_contribution .. a gradient gets its second part, so that ``+=`` is not ``=``
gate_closes .......... a rectifier or a choice lets nothing through
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from autograd import Node
from autograd.terms import ReadingError, needed, read

from .steps import Step

Breakpoint: TypeAlias = Node | str | Callable[[Step], Any]


def predicate(where: Breakpoint) -> Callable[[Step], Any]:
    """A breakpoint as a predicate. A node stops the walk where it is computed, is given a contribution, or hands on.

    Raises:
        TypeError: it is no node, label or function.
    """
    if isinstance(where, Node):
        return lambda step: step.node is where or any(step.node.inputs[c.position] is where for c in step.contributions)
    if isinstance(where, str):
        return lambda step: any(
            node.label == where for node in (step.node, *[step.node.inputs[c.position] for c in step.contributions])
        )
    if callable(where):
        return where
    raise TypeError(f"a breakpoint is a node, a label, or a function of a step, not {type(where).__name__}")


def above(bound: float) -> Callable[[Step], bool]:
    """Stop where the gradient of the step's node, or what it gives to an operand, is larger than ``bound`` in size."""

    def exceeds(step: Step) -> bool:
        return any(bool(np.max(np.abs(x)) > bound) for x in _gradients(step))

    return exceeds


def nonfinite(step: Step) -> bool:
    """Stop where a number is infinite or nan: what was computed, a gradient, or a contribution."""
    return not all(bool(np.isfinite(x).all()) for x in (step.data, *_gradients(step)))


def second_contribution(step: Step) -> bool:
    """Stop where a gradient that already has a part of its sum is given another."""
    return any(not (type(c.before) is float and c.before == 0) for c in step.contributions)


def gate_closes(step: Step) -> bool:
    """Stop where an op that chooses (a rectifier, a maximum, ``where``) passes nothing of a gradient that is not 0."""
    shut = [c.position for c in step.contributions if c.local is not None and not np.any(c.local)]
    return bool(np.any(step.grad)) and any(_chooses(step.node, position) for position in shut)


def _chooses(node: Node, position: int) -> bool:
    """Whether the rule for an operand branches."""
    assert node.op is not None
    try:
        _, partials = read(node.op.row, len(node.inputs))
    except ReadingError:
        return False
    return any(term.op == "where" for term in needed([partials[position]]))


def _gradients(step: Step) -> list[Any]:
    return [step.grad, *[x for c in step.contributions for x in (c.amount, c.after)]]
