"""Taking a node's cotangent back to its operands.

pull_by_rules ....... by the rules of its op
pull_by_vjps ........ the same, sooner done, for a structural row of so many operands
pull_on_first_use ... by what the partials of our own rows give as text
"""

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from . import arrays, scalar
from .errors import CotangentError
from .fitting import gather, share
from .graph import Node
from .primitive import Elementwise, Pull, Rule


def pull_by_rules(node: Node) -> None:
    """Add to the gradient of each operand the cotangent that the op's rules give it."""
    g, xp, op = node._grad, type(node).xp, node.op
    assert op is not None
    if xp is arrays and type(g) is float:  # no cotangent has come
        return
    operands = [x._data for x in node.inputs]
    wanted = [x._requires_grad for x in node.inputs]
    for x, c in zip(node.inputs, op.cotangents(xp, g, node._data, operands, wanted)):
        if c is not None:
            _hand_on(x, c, g)


def pull_by_vjps(node: Node) -> None:
    """Add to the gradient of each operand the cotangent that its vjp gives it."""
    g, xp, op = node._grad, type(node).xp, node.op
    if xp is arrays and type(g) is float:  # no cotangent has come
        return
    z, inputs = node._data, node.inputs
    settings = op.settings  # type: ignore[union-attr]  # it is bound
    operands = [x._data for x in inputs]
    for x, vjp in zip(inputs, op.row.rules):  # type: ignore[union-attr]
        if vjp and x._requires_grad:
            c = vjp(xp, g, z, *operands, **settings)
            if c is not None:
                _hand_on(x, c, g)


def _hand_on(x: Node, c: Any, g: Any) -> None:
    if type(c) is not np.ndarray or type(x).xp is scalar:
        check_cotangent(x, c)
    if type(x).xp is scalar:
        x._grad += float(c)
    elif c is g or c.base is not None:
        share(x, c)
    else:
        gather(x, c)


def check_cotangent(x: Node, c: Any) -> None:
    """Raise CotangentError unless ``c`` is of the kind of number that ``x`` is."""
    if type(x).xp is arrays:
        fits = isinstance(c, np.ndarray | np.floating | Node)
    else:
        fits = isinstance(c, Real) or (isinstance(c, Node) and type(c) is type(x))
    if not fits:
        raise CotangentError(f"its vjp gave {type(c).__name__} as the cotangent of {x.name}")


def pull_on_first_use(row: Elementwise, compiled: Callable[[str, Sequence[Rule | None]], Pull]) -> Pull:
    """A pull that puts the compiled one, or the rules, in its own place.

    A user's rules are not compiled: what they take from around them may change.
    """
    if not (row.forward.__module__ or "").startswith("autograd."):
        return pull_by_rules

    def first(node: Node) -> None:
        pull: Any
        try:
            pull = compiled(row.name, row.rules)
        except Exception:
            pull = pull_by_rules
        if row.pull is first:
            object.__setattr__(row, "pull", pull)
        else:
            row.on_arrays.pull = pull
        pull(node)

    return first
