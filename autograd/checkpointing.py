"""checkpoint: compute a part of a graph again when its gradient is asked for, instead of keeping it.

Source: Chen, Xu, Zhang, Guestrin, *Training Deep Nets with Sublinear Memory Cost* (2016).
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from . import arrays, graph, ops
from .crossing import to_values
from .graph import Node, constant, record
from .primitive import PRIMITIVES, Bound, Structural
from .pullback import Pullback, is_watched, watching
from .pulling import pull_by_rules
from .recording import no_exit, record_anyhow
from .tensor import Tensor
from .trees import flatten


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, keeping only its arguments and results: what lies between is computed again in each backward pass.

    Gradients are the same, in the arguments and in the leaves that ``f`` uses of its own (the parameters of a model). Memory is
    saved for time: one more forward pass of ``f``.

    Args:
        f: takes and gives Values and Tensors, in any nesting. Called again it must give the same numbers, so randomness is
            to be drawn outside and handed in, and so is what a loop around it changes. What it does besides, it does again.

    Raises:
        TypeError: ``f`` gives something other than Values and Tensors.
        RuntimeError: in the backward pass, if ``f`` gave other numbers than before.

    >>> from autograd import Tensor
    >>> x = Tensor([0.5, 1.0])
    >>> checkpoint(lambda x: (x * x).exp())(x).sum().backward()
    >>> x.grad.round(3)
    array([1.284, 5.437])
    """

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        given, rebuild = flatten([args, kwargs])
        places = [i for i, x in enumerate(given) if isinstance(x, Node)]
        operands = [given[i] for i in places]
        plain = [None if isinstance(x, Node) else x for x in given]

        def run(nodes: Sequence[Node]) -> Any:
            filled = list(plain)
            for place, node in zip(places, nodes):
                filled[place] = node
            arguments, settings = rebuild(filled)
            return f(*arguments, **settings)

        # Nodes of their own, so that what lies behind is not kept; but on the graph, for what the function may keep elsewhere.
        inside = [ops.positive(x) if x.requires_grad else x.detach() for x in operands]
        since = graph.tick()
        with record_anyhow():
            results, shape = flatten(run(inside))
        for y in results:
            if not isinstance(y, Node):
                raise TypeError(f"checkpoint: the function gives Values and Tensors, not {type(y).__name__}")
        inputs = (*operands, *_borrowed(results, inside, since))
        numbers = [y._data for y in results]
        if not results or not any(x.requires_grad for x in inputs):
            return shape([constant(type(y), y._data) for y in results])
        return shape(_apart(_joined(run, len(operands), inputs, results, since), results, numbers))

    return of


def _leaf(kind: type[Node], data: Any, requires_grad: bool) -> Node:
    node = constant(kind, data)
    node._requires_grad = requires_grad
    return node


def _borrowed(results: Sequence[Node], inside: Sequence[Node], since: int) -> list[Node]:
    """What takes gradients without being among the arguments: what was there before the call, and leaves, whenever they were
    written or made. In the order in which the walk meets them, which is that of the next call too."""
    found: dict[Node, None] = {}
    seen = set(inside)
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node._time < since or node.op is None:
            if node.requires_grad:
                found[node] = None
        else:
            waiting += reversed(node.inputs)
    return list(found)


def _joined(run: Callable[..., Any], given: int, inputs: tuple[Node, ...], results: Sequence[Node], since: int) -> Any:
    """One node for all results, as a Tensor along one axis."""
    data = _flat([y._data for y in results])
    settings = {
        "_run": run,
        "_kinds": [type(x) for x in inputs[:given]],
        "_borrowed": inputs[given:],
        "_watched": is_watched(),
        "_since": since,
    }
    return record(Tensor, data, Bound(CHECKPOINT, settings, CHECKPOINT.pull), inputs)


def _apart(joined: Any, results: Sequence[Node], numbers: Sequence[Any]) -> list[Any]:
    """A node for each result, in its kind, shape and dtype."""
    starts = np.cumsum([0, *[np.size(x) for x in numbers]])
    scalars = [i for i, y in enumerate(results) if type(y).xp is not arrays]
    values = dict(zip(scalars, to_values(joined[starts[scalars]], type(results[scalars[0]])))) if scalars else {}
    return [
        values[i] if i in values else joined[starts[i] : starts[i + 1]].reshape(np.shape(x)).astype(np.asarray(x).dtype)
        for i, x in enumerate(numbers)
    ]


def _flat(numbers: Sequence[Any]) -> Any:
    return np.concatenate([np.ravel(x) for x in numbers])


def _forward(xp: Any, operands: Sequence[Any], **settings: Any) -> Any:
    inside = [constant(kind, x) for kind, x in zip(settings["_kinds"], operands)]
    with record_anyhow():
        return _flat([y._data for y in flatten(settings["_run"](inside))[0]])


class _Checkpoint(Structural):
    def cotangents(
        self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool], **settings: Any
    ) -> Iterable[Any]:
        """By running the function again, on nodes of its own, and walking back through what it then records."""
        kinds, on_nodes = settings["_kinds"], isinstance(z, Node)
        since = graph.tick()
        with record_anyhow(), no_exit(False), watching() if settings["_watched"] else nullcontext():
            if on_nodes:
                inside = [ops.positive(x) for x in operands[: len(kinds)]]
            else:
                inside = [_leaf(kind, x, want) for kind, x, want in zip(kinds, operands, wanted)]
            results = flatten(settings["_run"](inside))[0]
        numbers = [y._data for y in results]
        if not np.array_equal(_flat(numbers), z._data if on_nodes else z, equal_nan=True):
            raise RuntimeError(
                "checkpoint: called again, the function gave other numbers; draw what is random outside of it and hand it in, "
                "and so what it takes from a loop around it"
            )
        borrowed, before = _borrowed(results, inside, since), settings["_borrowed"]
        # A leaf that the function makes stands for the one it made before, but not for one that was there.
        if len(borrowed) != len(before) or any(
            new is not old and (new._time < since or old._time < settings["_since"] or (on_nodes and want))
            for new, old, want in zip(borrowed, before, wanted[len(kinds) :])
        ):
            raise RuntimeError(
                "checkpoint: called again, the function used other Values or Tensors of its own than before; "
                "hand them in as arguments"
            )
        sources = [*inside, *borrowed]
        back = Pullback(results, sources, opaque=sources)
        if on_nodes:
            return _wanted(back.nodes(_apart(g, results, numbers)), wanted)
        starts = np.cumsum([0, *[np.size(x) for x in numbers]])
        parts = [g[start:stop].reshape(np.shape(x)) for start, stop, x in zip(starts, starts[1:], numbers)]
        found = back.numbers([part if type(y).xp is arrays else float(part) for part, y in zip(parts, results)])
        return _wanted(found, wanted)


def _wanted(cotangents: Iterable[Any], wanted: Sequence[bool]) -> list[Any]:
    return [c if want else None for c, want in zip(cotangents, wanted, strict=True)]


_SETTINGS = {"_run": None, "_kinds": (), "_borrowed": (), "_watched": False, "_since": 0}
CHECKPOINT = _Checkpoint("checkpoint", _forward, (None,), "checkpoint", True, _SETTINGS)
object.__setattr__(CHECKPOINT, "pull", pull_by_rules)
object.__setattr__(CHECKPOINT, "call", checkpoint)
PRIMITIVES["checkpoint"] = CHECKPOINT
