"""The graph behind a node, rewritten as a textbook would have it.

TEXTBOOK ... op by op, the formula that its numerically stable form stands for
textbook ... a graph, with these formulas in the places of the ops
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

import autograd as ag
from autograd import DomainError, Node, topological_order
from autograd.graph import Op, keeping_gradients, record
from autograd.operands import written
from autograd.recording import Recording, enter, leave

N = TypeVar("N", bound=Node)
Formula = Callable[..., Any]


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + ag.exp(-x))


def _softmax(a: Any, axis: Any) -> Any:
    powers = ag.exp(a)
    return powers / ag.sum(powers, axis, keepdims=True)


def _cross_entropy(a: Any, labels: Any) -> Any:
    labels = np.asarray(labels)
    return -ag.log(ag.index(_softmax(a, -1), (*np.indices(labels.shape), labels)))


def _bce(p: Any, y: Any) -> Any:
    return -(y * ag.log(p) + (1.0 - y) * ag.log(1.0 - p))


TEXTBOOK: dict[str, Formula] = {
    "expm1": lambda x: ag.exp(x) - 1.0,
    "log1p": lambda x: ag.log(1.0 + x),
    "sigmoid": _sigmoid,
    "softplus": lambda x: ag.log(1.0 + ag.exp(x)),
    "elu": lambda x, alpha: ag.where(x > 0, x, alpha * (ag.exp(x) - 1.0)),
    "silu": lambda x: x / (1.0 + ag.exp(-x)),
    "gelu": lambda x: 0.5 * x * (1.0 + ag.tanh((2.0 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "logaddexp": lambda *xs: ag.log(ag.add_n(*[ag.exp(x) for x in xs])),
    "logsumexp": lambda a, axis, keepdims: ag.log(ag.sum(ag.exp(a), axis, keepdims)),
    "softmax": _softmax,
    "log_softmax": lambda a, axis: ag.log(_softmax(a, axis)),
    "huber": lambda e, delta: ag.where(abs(e) <= delta, e * e / 2.0, delta * (abs(e) - delta / 2.0)),
    "bce": _bce,
    "bce_with_logits": lambda x, y: _bce(_sigmoid(x), y),
    "cross_entropy": _cross_entropy,
}


def textbook(root: N, formulas: Mapping[str, Formula] = TEXTBOOK) -> N:
    """The graph behind ``root`` with each op that is there to be numerically stable as its textbook's formula.

    ``softplus(x)`` becomes ``log(1 + exp(x))``, the cross-entropy of a Tensor ``-log(softmax(z)[label])`` with its softmax
    written out, and so on. It is a new graph on the same leaves, computed again: draw it, step through it, or compare its
    numbers. Nodes keep their labels and modules, and have the gradients that a ``backward`` of ``root`` has brought; the graph
    is not touched. What was scalar code from the start, such as a softmax of Values, stays as it was written.

    Args:
        root: the result to look back from.
        formulas: by the name of an op, a function of its operands and settings.

    Raises:
        TypeError: ``root`` is not a node, or a formula does not give one.
        DomainError: a formula overflows or leaves its domain here; that is what the stable op is for.

    >>> from autograd import Value
    >>> from viz import formula
    >>> x = Value(2.0, label="x")
    >>> print(formula(textbook(x.softplus())))
    log(1 + exp(x))
    """
    if not isinstance(root, Node):
        raise TypeError(f"textbook takes a Value or a Tensor, not {type(root).__name__}")
    twins: dict[Node, Any] = {}
    for node in topological_order(root):
        operands = [twins[x] for x in node.inputs]
        twins[node] = node if node.op is None else _rewritten(node, node.op, operands, formulas.get(node.op.name))
    twin: N = twins[root]
    if twin is not root:
        _bring_gradients(root, twin)
    return twin


def _rewritten(node: Node, op: Op, operands: Sequence[Node], formula: Formula | None) -> Node:
    """A node like ``node``, of these operands; by the formula, if there is one."""
    # What is computed in between was made by the same module, and bears no label.
    token = enter(Recording(note=node._note and replace(node._note, label="")))
    try:
        if formula is None:
            data = op.apply(type(node).xp, [x._data for x in operands])
            twin = record(type(node), data, op, tuple(operands))
        else:
            with _no_overflow():
                twin = formula(*operands, **getattr(op, "settings", {}))
            if not isinstance(twin, Node):
                raise TypeError(f"textbook: the formula of {op.name} gave {type(twin).__name__}, not a node of its operands")
    except DomainError as error:
        raise DomainError(
            f"textbook: the formula of {written(op, node.inputs)} fails here, at {error}; "
            "the op itself is computed in a stable form, which does not"
        ) from None
    finally:
        leave(token)
    if not any(twin is x for x in operands):
        twin._note = node._note
    return twin


def _no_overflow() -> np.errstate:
    """Arrays raise where numbers do."""
    return np.errstate(over="raise", divide="raise", invalid="raise")


def _bring_gradients(root: Node, twin: Node) -> None:
    """To the nodes behind ``twin`` the gradients of a ``backward`` that has come to ``root``; leaves have theirs."""
    if not np.any(root._grad):
        return
    leaves = [x for x in topological_order(twin) if x.op is None]
    with keeping_gradients(leaves), _no_overflow():
        twin.backward(root._grad)
