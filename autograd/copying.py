"""Deep copies and pickles of graphs of any depth: nodes go in topological order, so that none recurses into its operands."""

import copy
from collections.abc import Callable
from threading import local
from typing import Any, TypeVar
from weakref import WeakSet

from .recording import Note, witness

N = TypeVar("N")
Walk = Callable[..., tuple[list[Any], list[Any]]]

# Restored nodes are older than anything written in this process; their order among themselves is kept.
_LONG_AGO = 2**62


def twin(node: N, inputs: tuple[N, ...]) -> N:
    """A node like ``node``, with these operands."""
    if (by := witness()) is not None:
        by.left(node)
    data, grad, op, _, requires_grad, time, note, own = _fields(node)
    return _make(type(node), (copy.copy(data), copy.copy(grad), op, inputs, requires_grad, time, note, own))


def deepcopy(root: N, leaves_and_computed: Walk, memo: dict[Any, Any]) -> N:
    """What ``copy.deepcopy`` does for a node. What it has copied before, it passes by."""
    leaves, computed = leaves_and_computed(root, memo.setdefault("autograd", set()))
    for node in leaves + computed:
        if id(node) not in memo:
            memo[id(node)] = twin(node, tuple([memo[id(x)] for x in _fields(node)[3]]))
    copied: N = memo[id(root)]
    return copied


class _Ancestors:
    """The nodes behind one that is being pickled, operands first, so that the pickler meets none before its operands."""

    def __init__(self, nodes: list[Any]) -> None:
        self.nodes = nodes
        self.waiting = {id(node) for node in nodes}

    def __reduce__(self) -> tuple[Any, ...]:
        return list, ([*self.nodes, _End(self)],)


class _End:
    """The last of the ancestors: when the pickler comes to it none is waiting, though it may have known some before."""

    def __init__(self, ancestors: _Ancestors) -> None:
        self.ancestors = ancestors

    def __reduce__(self) -> tuple[Any, ...]:
        self.ancestors.waiting.clear()
        _underway.pickles.discard(self.ancestors)
        return tuple, ()


class _Underway(local):
    def __init__(self) -> None:
        self.pickles: WeakSet[_Ancestors] = WeakSet()  # weak, for a pickle that fails on the way


_underway = _Underway()


def reduce(node: Any, topological_order: Callable[[Any], list[Any]]) -> tuple[Any, ...]:
    """What ``pickle`` does for a node.

    The first node a pickler meets hands it all nodes behind it in topological order; each of those then has only operands that
    the pickler has seen. Identity is kept as usual, also between several roots in one pickle.
    """
    data, grad, op, inputs, requires_grad, time, note, own = _fields(node)
    ancestors = None
    if inputs and not any(id(node) in ancestors.waiting for ancestors in _underway.pickles):
        ancestors = _Ancestors(topological_order(node)[:-1])
        _underway.pickles.add(ancestors)
    remark = note and Note(note.label, str(note.module) if note.module else None, None, note.line)
    return _restore, (ancestors, type(node), (data, grad, op, inputs, requires_grad, time - _LONG_AGO, remark, own))


def _restore(ancestors: object, kind: type[N], fields: tuple[Any, ...]) -> N:
    return _make(kind, fields)


def _fields(node: Any) -> tuple[Any, ...]:
    own = getattr(node, "__dict__", None)  # what a subclass of the user's has added
    return node._data, node._grad, node.op, node.inputs, node._requires_grad, node._time, node._note, own


def _make(kind: type[N], fields: tuple[Any, ...]) -> N:
    node: Any = object.__new__(kind)
    node._data, node._grad, node.op, node.inputs, node._requires_grad, node._time, node._note, own = fields
    if own:
        node.__dict__.update(own)
    made: N = node
    return made
