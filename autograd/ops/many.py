"""Ops of any number of operands, element by element, each one node. Read with nodes, a forward gives the chain of two-operand
ops that the node stands for.
"""

from builtins import sum as add_up
from collections.abc import Sequence
from functools import reduce
from itertools import chain
from math import inf
from operator import mul as times

from ..graph import Node
from ..table import variadic
from .elementwise import REAL, XP, X


@variadic(lambda xp, z, terms: [1.0] * len(terms), domain=REAL, symbol="sum")
def add_n(xp: XP, terms: Sequence[X]) -> X:
    """Sum of many terms, ``z = Σ xᵢ``."""
    return add_up(terms[1:], terms[0])


def _dot_partials(xp: XP, z: X, operands: Sequence[X]) -> list[X]:
    n = len(operands) // 2
    return [*operands[n : 2 * n], *operands[:n], *[1.0] * (len(operands) % 2)]


def _dot_push(operands: Sequence[Node]) -> float:
    n = len(operands) // 2
    z: float = operands[-1]._data if len(operands) % 2 else 0.0
    for x, w in zip(operands, operands[n : 2 * n]):
        z += x._data * w._data
    return z


def _dot_pull(node: Node) -> None:
    operands = node.inputs
    g = node._grad
    n = len(operands) // 2
    for x, w in zip(operands, operands[n : 2 * n]):
        if x._requires_grad:
            x._grad += g * w._data
        if w._requires_grad:
            w._grad += g * x._data
    if len(operands) % 2 and operands[-1]._requires_grad:
        operands[-1]._grad += g


@variadic(_dot_partials, push=_dot_push, pull=_dot_pull, domain=REAL, symbol="dot")
def weighted_sum(xp: XP, operands: Sequence[X]) -> X:
    """Weighted sum, ``z = b + Σ xᵢ wᵢ``: a perceptron's, as one node.

    Its operands are ``x₁ … xₙ, w₁ … wₙ`` and, where their number is odd, ``b``.
    """
    n = len(operands) // 2
    terms = chain(operands[2 * n :], map(times, operands[:n], operands[n : 2 * n]))
    return add_up(terms, next(terms))


def _extreme_partials(xp: XP, z: X, operands: Sequence[X]) -> list[X]:
    chosen = [xp.where(x == z, 1.0, 0.0) for x in operands]
    ties = add_up(chosen[1:], chosen[0])
    return [here / ties for here in chosen]


@variadic(_extreme_partials, domain=REAL, symbol="max")
def max_n(xp: XP, operands: Sequence[X]) -> X:
    """The largest of many; those that tie share the derivative evenly by convention."""
    return reduce(xp.maximum, operands)


@variadic(_extreme_partials, domain=REAL, symbol="min")
def min_n(xp: XP, operands: Sequence[X]) -> X:
    """The smallest of many; those that tie share the derivative evenly by convention."""
    return reduce(xp.minimum, operands)


def _powers(xp: XP, operands: Sequence[X]) -> tuple[X, X, list[X]]:
    """Whether all are -inf, what is taken out of each, and ``exp`` of the rest."""
    largest = reduce(xp.maximum, operands)
    nothing = largest == -inf  # then none is taken out, and no logarithm taken
    taken = xp.where(nothing, 0.0, largest)
    return nothing, largest, [xp.exp(x - taken) for x in operands]


def _softmax(xp: XP, z: X, operands: Sequence[X]) -> list[X]:
    _, _, powers = _powers(xp, operands)  # not exp(x - z): where z is large, ln Σ is lost in it
    total = add_up(powers[1:], powers[0])
    return [power / total for power in powers]


@variadic(_softmax, domain=REAL, symbol="logsumexp")
def logaddexp(xp: XP, operands: Sequence[X]) -> X:
    """``z = ln Σ exp(xᵢ)``, the largest ``xᵢ`` taken out first, so that nothing overflows. Its partials are the softmax."""
    nothing, largest, powers = _powers(xp, operands)
    total = add_up(powers)
    return xp.where(nothing, largest, largest + xp.log(xp.where(nothing, 1.0, total)))
