"""Deep copies and pickles of graphs of any depth: nodes go in topological order, so that none recurses into its operands."""

import copy
from collections.abc import Callable
from threading import local
from typing import Any, TypeVar
from weakref import WeakSet

from .recording import Note

N = TypeVar("N")

# Restored nodes are older than anything written in this process; their order among themselves is kept.
_LONG_AGO = 2**62


def deepcopy(root: N, order: list[N], memo: dict[int, Any]) -> N:
    """What ``copy.deepcopy`` does for a node: ``order`` holds the nodes behind ``root``, operands first."""
    for node in order:
        if id(node) not in memo:
            data, grad, op, inputs, requires_grad, time, note = _fields(node)
            fields = (copy.copy(data), copy.copy(grad), op, tuple([memo[id(x)] for x in inputs]), requires_grad, time, note)
            memo[id(node)] = _make(type(node), fields)
    twin: N = memo[id(root)]
    return twin


class _Ancestors:
    """The nodes behind one that is being pickled. The pickler keeps this while it works, and meets each after its operands."""

    def __init__(self, nodes: list[Any]) -> None:
        self.nodes = nodes
        self.waiting = {id(node) for node in nodes}

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self.nodes,)


class _Underway(local):
    def __init__(self) -> None:
        self.pickles: WeakSet[_Ancestors] = WeakSet()


_underway = _Underway()


def reduce(node: Any, topological_order: Callable[[Any], list[Any]]) -> tuple[Any, ...]:
    """What ``pickle`` does for a node.

    The first node a pickler meets hands it all nodes behind it in topological order; each of those then has only operands that
    the pickler has seen. Identity is kept as usual, also between several roots in one pickle.
    """
    ancestors = None
    for ancestry in _underway.pickles:
        if id(node) in ancestry.waiting:
            ancestry.waiting.discard(id(node))
            break
    else:
        ancestors = _Ancestors(topological_order(node)[:-1])
        _underway.pickles.add(ancestors)
    data, grad, op, inputs, requires_grad, time, note = _fields(node)
    remark = note and (note.label, str(note.module or ""), note.line)
    return _restore, (ancestors, type(node), (data, grad, op, inputs, requires_grad, time - _LONG_AGO), remark)


def _restore(ancestors: object, kind: type[N], fields: tuple[Any, ...], remark: tuple[str, str, str] | None) -> N:
    if remark is None:
        return _make(kind, (*fields, None))
    label, module, line = remark
    return _make(kind, (*fields, Note(label=label, module=module or None, line=line)))


def _fields(node: Any) -> tuple[Any, ...]:
    return node._data, node.grad, node.op, node.inputs, node.requires_grad, node._time, node._note


def _make(kind: type[N], fields: tuple[Any, ...]) -> N:
    node: Any = object.__new__(kind)
    node._data, node.grad, node.op, node.inputs, node.requires_grad, node._time, node._note = fields
    made: N = node
    return made
