"""How an op is entered into the table, and how its row is applied to nodes and to the cotangent of its result.

@elementwise ... an op of a fixed number of operands, one rule for each
@variadic ...... an op of any number of operands, one rule for all
"""

import functools
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any

import numpy as np

from .graph import Node, constant, record
from .operands import apply_anyhow
from .primitive import PRIMITIVES, Domain, Operation, Primitive, Pull, Rule
from .spelled import compile_pull

_NUMBER = (float, int, np.integer, np.floating)
_FAULTS = (ArithmeticError, ValueError, AttributeError)  # an op's own, and that of asking a number for its _data


def elementwise(*partials: Rule | None, domain: tuple[Domain, ...], symbol: str = "") -> Callable[[Rule], Operation]:
    """Enter an op of a fixed number of operands into the table.

    Args:
        partials: for each operand ``(xp, z, *operands) -> ∂z/∂operand``, or None where no derivative flows (a condition).
        domain: for each operand, where it may lie.
        symbol: how a picture writes the op; its name, if not given.

    >>> @elementwise(lambda xp, z, x: 2 * x, domain=(Domain("", ((-2.0, 2.0),)),))
    ... def square(xp, x):
    ...     return x * x
    >>> square(3.0)
    9.0
    """

    def enter(forward: Rule) -> Operation:
        row = Primitive(forward.__name__, forward, partials, domain, symbol or forward.__name__)
        call = {1: _call_one, 2: _call_two}.get(len(partials), _call_many)
        return _enter(row, call(row), _pull_each(row))

    return enter


def variadic(
    partials: Rule, *, domain: Domain, symbol: str = "", push: Rule | None = None, pull: Pull | None = None
) -> Callable[[Rule], Operation]:
    """Enter an op of any number of operands into the table. Callers pass them one by one; its rules get them as one sequence.

    Args:
        partials: ``(xp, z, operands) -> [∂z/∂operand, …]``.
        domain: where each operand may lie.
        symbol: how a picture writes the op; its name, if not given.
        push: the forward as one loop over nodes that hold floats, ``(nodes) -> float``, for an op hot enough to want it.
        pull: the partials as one loop over the operands of such a node, likewise.
    """

    def enter(forward: Rule) -> Operation:
        row = Primitive(forward.__name__, forward, (partials,), (domain,), symbol or forward.__name__, variadic=True)
        return _enter(row, _call_many(row, push), pull or _pull_all(partials))

    return enter


def _enter(row: Primitive, call: Any, pull: Pull) -> Operation:
    known = PRIMITIVES.get(row.name)
    if known and known.forward.__module__ != row.forward.__module__:
        raise ValueError(f"the op table has a row '{row.name}' from {known.forward.__module__}; give yours another name")
    _, *operands = signature(row.forward).parameters.values()  # all but xp
    kind = Parameter.VAR_POSITIONAL if row.variadic else Parameter.POSITIONAL_ONLY
    operands = [operand.replace(kind=kind, annotation=Parameter.empty) for operand in operands]
    functools.update_wrapper(call, row.forward)
    call.__signature__ = Signature(operands)
    call.primitive = row
    object.__setattr__(row, "call", call)
    object.__setattr__(row, "pull", pull)
    PRIMITIVES[row.name] = row
    return row.call


# Applying a row is the hot path of everything, so each number of operands has a function of its own.


def _call_one(row: Primitive) -> Callable[..., Any]:
    forward = row.forward

    def call(x: Any, /) -> Any:
        try:
            kind = type(x)
            data = forward(kind.xp, x._data)
        except _FAULTS:
            return apply_anyhow(row, (x,))
        return record(kind, data, row, (x,)) if x.requires_grad else constant(kind, data)

    return call


def _call_two(row: Primitive) -> Callable[..., Any]:
    forward = row.forward

    def call(x: Any, y: Any, /) -> Any:
        kind = type(x)
        try:
            if type(y) is not kind:  # a node and a number, the commonest mixture
                if isinstance(y, _NUMBER):
                    y = constant(kind, kind.coerce(y))
                elif isinstance(x, _NUMBER):
                    kind = type(y)
                    x = constant(kind, kind.coerce(x))
                else:
                    return apply_anyhow(row, (x, y))
            data = forward(kind.xp, x._data, y._data)
        except _FAULTS:
            return apply_anyhow(row, (x, y))
        return record(kind, data, row, (x, y)) if x.requires_grad or y.requires_grad else constant(kind, data)

    call.__defaults__ = row.forward.__defaults__
    return call


def _call_many(row: Primitive, push: Rule | None = None) -> Callable[..., Any]:
    if push is None:

        def push(operands: Sequence[Any]) -> Any:
            return row.apply(type(operands[0]).xp, [x._data for x in operands])

    defaults = row.forward.__defaults__ or ()

    def call(*operands: Any) -> Any:
        if defaults and len(operands) < len(row.rules):
            operands += defaults[len(operands) - len(row.rules) :]
        try:
            data = push(operands)
            if type(data) is not type(operands[0]._data):  # another kind of number is among them
                return apply_anyhow(row, operands)
        except (*_FAULTS, TypeError, IndexError):
            return apply_anyhow(row, operands)
        for x in operands:
            if x.requires_grad:
                return record(type(x), data, row, operands)
        return constant(type(operands[0]), data)

    return call


def _pull_each(row: Primitive) -> Pull:
    """On first use it puts a compiled twin in its own place, if the rules can be read as source; a user's may call ``math``."""

    def pull_by_rules(node: Node) -> None:
        operands = [x._data for x in node.inputs]
        for x, partial in zip(node.inputs, row.rules, strict=True):
            if partial and x.requires_grad:
                x.grad += node.grad * partial(type(x).xp, node._data, *operands)

    def first_pull(node: Node) -> None:
        try:
            pull = compile_pull(row.name, row.rules)
        except Exception:
            pull = pull_by_rules
        object.__setattr__(row, "pull", pull)
        pull(node)

    return first_pull


def _pull_all(partials: Rule) -> Pull:
    def pull(node: Node) -> None:
        g = node.grad
        for x, partial in zip(node.inputs, partials(type(node).xp, node._data, [x._data for x in node.inputs]), strict=True):
            if x.requires_grad:
                x.grad += g * partial

    return pull
