"""A learner's own backward pass, judged against what the ops would give from the same state.

Each number is judged from what the learner's pass had before it, so that one slip is not held against all that follows it. Nor
is another order of the steps, as long as each node is complete before it hands on. The right numbers stand as ``a``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Node, Tensor
from autograd.gradcheck.slips import slip

from ..diagram import number
from ..steps import Contribution, Step, handed_on
from .divergence import Divergence, divergence
from .looks import HEAD_START, NEVER_CAME, NOT_REACHED, TOO_EARLY, TOO_OFTEN, Use, looks_like, weighed
from .numbers import differ, size
from .sides import Side

Own = Mapping[Node, Any] | Iterable[tuple[Node, Any]]
_TRIED = 32  # uses of a node that are looked at to find the one a number came from


def judged(side: Side, own: Own, tolerance: float) -> tuple[dict[int, Any], Divergence | None]:
    """The gradient of each node after the learner's pass, by key, and where that first goes wrong.

    Args:
        side: the graph, and what is right.
        own: the gradients of some nodes, or the events of a loop, each a node and its gradient after it was given something.
        tolerance: relative to the numbers that were added.

    Raises:
        TypeError, ValueError: it holds something else, or a node that is not in this graph.
    """
    claims = list(_claims(side, own.items() if isinstance(own, Mapping) else own))
    judge = _gradients_judged if isinstance(own, Mapping) else _events_judged
    gradients, divergences = judge(side, claims, tolerance)
    misshapen = {key: g for key, g in claims if np.shape(g) != np.shape(side.data[key])}
    wrong = any(differ(side.gradients[key], g, side.magnitudes[key], tolerance) for key, g in gradients.items())
    return gradients | misshapen, next(divergences, None) if wrong or misshapen else None


class _Rules:
    """What ops give from gradients that are the learner's."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[Any, dict[int, Any]]] = {}

    def use(self, step: Step, given: Contribution, upstream: Any) -> Use:
        """The use of an operand, where the gradient of its user is ``upstream``."""
        if type(upstream) is float and upstream == step.grad:
            return Use(step, given, upstream, given.amount)
        if step.key not in self.known or self.known[step.key][0] is not upstream:
            self.known[step.key] = upstream, dict(handed_on(step.node, upstream))
        return Use(step, given, upstream, self.known[step.key][1][given.position])


def _gradients_judged(
    side: Side, claims: list[tuple[int, Any]], tolerance: float
) -> tuple[dict[int, Any], Iterator[Divergence]]:
    """Of each node only the end is known; where it is not, it is what its users give."""
    claimed, start, rules = dict(claims), side.walk.start, _Rules()
    right = dict(enumerate(start)) | {side.root: side.seed.grad}
    gradients = dict(right)
    uses: dict[int, list[Use]] = {}
    for key in [*side.backward, *[key for key in right if key not in side.backward]]:
        gradients[key] = _fitting(side, key, claimed.get(key), right[key])
        for given in side.backward[key].contributions if key in side.backward else ():
            use = rules.use(side.backward[key], given, gradients[key])
            uses.setdefault(given.operand, []).append(use)
            right[given.operand] = right[given.operand] + use.amount

    def found() -> Iterator[Divergence]:
        yield from _seed_judged(side, gradients[side.root], tolerance)
        surplus = {key: gradients[key] - right[key] for key in claimed}
        wrong = [
            key
            for key in uses
            if key in claimed
            and differ(right[key], claimed[key], size(start[key], *[use.amount for use in uses[key]]), tolerance)
        ]
        for key in sorted(wrong, key=lambda key: uses[key][-1].place):
            slips = looks_like(side, key, claimed[key], start[key], uses[key])
            words = weighed([word for word, _ in slips], side, surplus)
            at = next((use for word, use in slips if word in words), uses[key][-1])
            yield _wrong_use(side, at, right[key] - at.amount, claimed[key], "gradient after", words)
        yield from _not_reached(side, claimed, tolerance)

    return gradients, found()


@dataclass(frozen=True, slots=True)
class _Event:
    place: int  # in the list
    upstream: Any  # of the user, at that time
    before: Any
    after: Any


def _events_judged(side: Side, claims: list[tuple[int, Any]], tolerance: float) -> tuple[dict[int, Any], Iterator[Divergence]]:
    gradients = dict(enumerate(side.walk.start)) | {side.root: side.seed.grad}
    waiting = {key: list(reversed(uses)) for key, uses in side.uses.items()}
    came: dict[tuple[int, int], _Event] = {}  # by the use's place
    too_often: dict[int, _Event] = {}
    last: dict[int, int] = {}  # event of each node
    surplus: dict[int, Any] = {}  # in the first event of each
    rules, user = _Rules(), side.root
    for place, (key, after) in enumerate(claims):
        before = expected = gradients[key]
        if waiting.get(key):
            use = _source(waiting[key], user, gradients, after, rules, tolerance)
            came[use.place] = _Event(place, use.upstream, before, after)
            user, expected = use.step.key, before + use.amount
        else:
            too_often.setdefault(key, _Event(place, None, before, after))
        gradients[key] = _fitting(side, key, after, expected)
        if key not in last:
            surplus[key] = gradients[key] - expected
        last[key] = place

    def found() -> Iterator[Divergence]:
        yield from _seed_judged(side, gradients[side.root], tolerance)
        for step in side.backward.values():
            for given in step.contributions:
                use = rules.use(step, given, gradients[step.key])
                if (event := came.get(use.place)) is None:
                    if np.any(use.amount):
                        yield _wrong_use(side, use, None, None, "contribution", [NEVER_CAME])
                elif differ(event.before + use.amount, event.after, size(event.before, use.amount), tolerance):
                    if event.place < last.get(step.key, -1):
                        words = [TOO_EARLY]
                    else:
                        slips = looks_like(side, given.operand, event.after, event.before, [use])
                        words = [word for word, _ in slips if word != TOO_EARLY] or _head_start(side, use, event)
                        words = weighed(words, side, surplus)
                    yield _wrong_use(side, use, event.before, event.after, "contribution", words, event.upstream)
                if given is side.uses[given.operand][-1][1] and (event := too_often.get(given.operand)):
                    yield _wrong_use(side, use, event.before - use.amount, event.after, "gradient after", [TOO_OFTEN])
        yield from _not_reached(side, {key: event.after for key, event in too_often.items()}, tolerance)

    return gradients, found()


def _source(
    waiting: list[tuple[Step, Contribution]], user: int, gradients: dict[int, Any], after: Any, rules: _Rules, tolerance: float
) -> Use:
    """The use that a node's new gradient came from, taken out of those ``waiting``, the first of which is last: one that gives
    just this number, if any does; rather one by ``user``, which gave the number before; rather the first."""
    places = range(len(waiting) - 1, max(-1, len(waiting) - 1 - _TRIED), -1)
    tried = [(i, rules.use(*waiting[i], gradients[waiting[i][0].key])) for i in places]
    tried.sort(key=lambda pair: pair[1].step.key != user)
    chosen = tried[0]
    for i, use in tried:
        before = gradients[use.given.operand]
        if not differ(before + use.amount, after, size(before, use.amount), tolerance):
            chosen = i, use
            break
    del waiting[chosen[0]]
    return chosen[1]


def _seed_judged(side: Side, claimed: Any, tolerance: float) -> Iterator[Divergence]:
    right = side.seed.grad
    if differ(right, claimed, size(right), tolerance):
        yield divergence(side, side.seed, None, [("gradient", right, claimed)], "gradient", [slip(claimed, right)])


def _not_reached(side: Side, claimed: Mapping[int, Any], tolerance: float) -> Iterator[Divergence]:
    for key, gradient in claimed.items():
        right = side.gradients[key]
        if key != side.root and key not in side.uses and differ(right, gradient, size(right), tolerance):
            step = next(step for step in side.backward.values() if key in side.operands[step.key])
            position = side.operands[step.key].index(key)
            yield divergence(side, step, (key, position), [("gradient", right, gradient)], "gradient", [NOT_REACHED])


def _wrong_use(
    side: Side, use: Use, before: Any, after: Any, what: str, looks_like: list[str], upstream: Any = None
) -> Divergence:
    """What an operand was given beside what it ought to be given."""
    is_known = what == "contribution" or len(side.uses[use.given.operand]) == 1  # else others may have given something wrong
    came = is_known and after is not None and np.shape(before + use.amount) == np.shape(after)
    numbers = [
        ("upstream", use.upstream, use.upstream if upstream is None else upstream),
        (f"∂{side.names[use.step.key]}/∂{side.names[use.given.operand]}", use.given.local, None),
        ("contribution", use.amount, after - before if came else None),
        ("gradient before", before, before),
        ("gradient after", before if before is None else before + use.amount, after),
    ]
    shown = [(name, right, mine) for name, right, mine in numbers if right is not None or mine is not None]
    return divergence(side, use.step, (use.given.operand, use.given.position), shown, what, looks_like)


def _head_start(side: Side, use: Use, event: _Event) -> list[str]:
    """Of the first event of a node that nothing else explains."""
    first = use.given.operand
    if np.shape(event.after) or not np.all(event.before == side.walk.start[first]):
        return []
    return [HEAD_START.format(number(event.after - use.amount))]


def _fitting(side: Side, key: int, claimed: Any, right: Any) -> Any:
    """``claimed`` where it has the shape of the node, so that ops can take it further."""
    return claimed if claimed is not None and np.shape(claimed) == np.shape(side.data[key]) else right


def _claims(side: Side, own: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """What is claimed of nodes that take a gradient, by key."""
    keys = {node: key for key, node in enumerate(side.walk.nodes)}
    for claim in own:
        match claim:
            case (Node() as node, gradient):
                pass
            case _:
                raise TypeError(f"diff: an event is a node and its gradient after it, (node, gradient), not {claim!r:.80}")
        x = _number(node, gradient)
        if node in keys and node.requires_grad:
            yield keys[node], x
        elif node not in keys and np.any(x):
            raise ValueError(
                f"diff: {node.name} has a gradient, {number(x)}, and is not in the graph of the other side; give its nodes"
            )


def _number(node: Node, gradient: Any) -> Any:
    gradient = gradient._data if isinstance(gradient, Node) else gradient
    if type(gradient) is float and not isinstance(node, Tensor):
        return gradient
    x = np.array(gradient)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"diff: the gradient of {node.name} is a number or an array of them, not {type(gradient).__name__}")
    if isinstance(node, Tensor):
        return x if x.ndim else np.full(np.shape(node._data), x[()])
    return float(x) if x.ndim == 0 else x
