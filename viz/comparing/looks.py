"""What a wrong gradient looks like: the slips that are made in a backward pass, each known by the number it gives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.gradcheck.slips import slip

from ..steps import Contribution, Step, handed_on
from .numbers import differ, size
from .sides import Side

_CLOSE = 1e-9
_MANY = 16  # uses of a node, beyond which nobody can tell which one it was

REPLACED = "it took the place of what was there: = where += is meant"
NEVER_CAME = "nothing came from here: detached, or left out"
NO_LOCAL = "the local derivative was forgotten: the upstream gradient was handed on as it is"
TOO_EARLY = "handed on before all of its own contributions had come: not in reverse topological order"
TOO_OFTEN = "it was given once more than it is used"
OLD_GRADIENT = "it started from the gradient of an earlier pass: zero_grad is missing"
HEAD_START = "as if it had started from {}: is zero_grad missing?"
NOT_REACHED = "no gradient flows to it"
CONSTANT = "a constant takes no gradient: detached, or made under no_grad()"


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a node as an operand: the step back through the user, and what it ought to give when its gradient is
    ``upstream``."""

    step: Step
    given: Contribution
    upstream: Any
    amount: Any

    @property
    def place(self) -> tuple[int, int]:
        """Where it is in the walk."""
        return self.step.index, self.given.position


def looks_like(side: Side, key: int, claimed: Any, base: Any, uses: Sequence[Use]) -> list[tuple[str, Use]]:
    """Each slip by which ``uses`` would have made ``claimed`` of ``base``, the gradient of node ``key`` before; with the use in
    which it was made. The likeliest is first: that the last use took the place of what was there, as ``=`` in a loop does."""
    shape = np.shape(side.data[key])
    if np.shape(claimed) not in ((), shape):
        return [(f"its shape is {np.shape(claimed)}, not {shape}: not summed to that of the node", uses[-1])]
    right = base + sum([use.amount for use in uses])
    scale = size(base, *[use.amount for use in uses])

    def is_(x: Any) -> bool:
        return not differ(claimed, x, scale, _CLOSE)

    if is_(right):  # too near to tell
        return []
    found = [(REPLACED, _first_that_adds(base, uses))] if is_(uses[-1].amount) else []
    unlikely = []
    for use in uses[:_MANY]:
        rest = base + sum([other.amount for other in uses if other is not use])
        words = [
            NEVER_CAME if is_(rest) else "",
            NO_LOCAL if np.shape(use.upstream) == np.shape(use.amount) and is_(rest + use.upstream) else "",
            TOO_EARLY if any(is_(rest + amount) for amount in _too_early(side, use)) else "",
        ]
        if is_(use.amount):  # it was the last, in another order
            unlikely.append((REPLACED, use))
        elif not any(words):
            words = [_wrong_rule(claimed - rest, use)]
        found += [(word, use) for word in words if word]
    if np.all(base == side.walk.start[key]) and is_(right + side.gradients[key]):
        found.append((OLD_GRADIENT, uses[0]))
    return found + unlikely


def _first_that_adds(base: Any, uses: Sequence[Use]) -> Use:
    """The first use that finds a gradient there already."""
    there = base
    for use in uses[:-1]:
        if np.any(there):
            return use
        there = there + use.amount
    return uses[-1]


def weighed(words: list[str], side: Side, surplus: Mapping[int, Any]) -> list[str]:
    """The words that the leaves do not speak against: where ``zero_grad`` is missing, each has its old gradient for a surplus,
    and where several have, that is no chance."""
    if OLD_GRADIENT not in words:
        return words
    started_old = [
        not differ(surplus[key], side.gradients[key], side.magnitudes[key], _CLOSE)
        for key in surplus
        if key not in side.backward and np.any(side.gradients[key])
    ]
    if all(started_old):
        return [OLD_GRADIENT] if len(started_old) > 1 else words
    return [word for word in words if word != OLD_GRADIENT] or words


def wrong_local(claimed: Any, true: Any, step: Step) -> str:
    """What a local derivative looks like beside the true one."""
    if type(step.data) is not float:
        return slip(claimed, true)
    return slip(claimed, true, step.operands, step.data)


def _wrong_rule(contribution: Any, use: Use) -> str:
    if type(use.given.local) is type(use.upstream) is float and use.upstream:
        word = wrong_local(contribution / use.upstream, use.given.local, use.step)
    else:
        word = slip(contribution, use.amount)
    return "" if word.startswith("relative error") or word.endswith("elements are wrong") else word


def _too_early(side: Side, use: Use) -> Iterator[Any]:
    """What this use would have given before all of the gradient of its node was there."""
    parts = [part.amount for _, part in side.uses.get(use.step.key, ())]
    if parts:
        yield 0.0
    if 2 <= len(parts) <= _MANY:
        for part in parts:
            for early in (part, use.upstream - part):
                yield dict(handed_on(use.step.node, early)).get(use.given.position, 0.0)
