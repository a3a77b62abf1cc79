"""How an op is entered into the table.

@elementwise ........... an op of a fixed number of operands, element by element: a partial for each
@variadic .............. an op of any number of operands, element by element: one rule for all
@primitive ............. an op that mixes the elements of arrays: a vjp for each operand
@variadic_primitive .... the same of any number of operands: one vjp for all
"""

import functools
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any

from .calling import call_many, call_one, call_two, call_with_settings, dated
from .held import locked
from .primitive import PRIMITIVES, Bound, Domain, Elementwise, Example, Operation, Primitive, Pull, Rule, Structural
from .pulling import pull_by_rules, pull_by_vjps, pull_on_first_use
from .spelled import compile_pull, compile_pull_on_arrays


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
        name = forward.__name__
        rules = tuple([rule and locked(rule) for rule in partials])
        row = Elementwise(name, locked(forward), rules, symbol or name, domain=domain)
        object.__setattr__(row, "on_arrays", Bound(row, {}, pull_on_first_use(row, compile_pull_on_arrays)))
        call = {1: call_one, 2: call_two}.get(len(partials), call_many)
        return _enter(row, call(row), pull_on_first_use(row, compile_pull))

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
        name = forward.__name__
        row = Elementwise(name, locked(forward), (locked(partials),), symbol or name, variadic=True, domain=(domain,))
        object.__setattr__(row, "on_arrays", Bound(row, {}, pull_by_rules))
        return _enter(row, call_many(row, push), pull or pull_by_rules)

    return enter


def primitive(*vjps: Rule | None, examples: Sequence[Example] = (), symbol: str = "") -> Callable[[Rule], Operation]:
    """Enter a function of arrays (or of numbers) whose derivative is given as vjps; it need not be of this library.

    Args:
        vjps: for each operand ``(xp, g, z, *operands, **settings)`` -> the cotangent of that operand, where ``g`` is that of
            the result ``z``; None where no derivative flows. Parameters of the function beyond the operands are settings.
            ``xp`` is ``autograd.arrays`` (or ``autograd.scalar``) where it works on numbers, and ``autograd.ops`` where it
            works on nodes, to be differentiated again: so written with ``xp``, operators, and other ops (this one too), a vjp
            serves every order. Broadcasting is undone by the caller, so no rule need think of it.
        examples: shapes and settings for the table's tests; ``autograd.example``.
        symbol: how a picture writes the op; its name, if not given.

    >>> @primitive(lambda xp, g, z, a, axis: g * 2.0 * a)
    ... def squares(xp, a, axis=-1):
    ...     return xp.sum(a * a, axis, keepdims=True)
    >>> import numpy as np
    >>> squares(np.array([3.0, 4.0]))
    array([25.])
    """

    if not vjps:
        raise TypeError("@primitive takes a vjp for each operand: @primitive(lambda xp, g, z, x: …)")

    def enter(forward: Rule) -> Operation:
        if not callable(forward):
            raise TypeError("@primitive takes the vjps first, and then the function: @primitive(lambda xp, g, z, x: …)")
        _, *parameters = signature(forward).parameters.values()
        if len(vjps) > len(parameters):
            raise TypeError(f"@primitive: {len(vjps)} vjps came; {forward.__name__} takes fewer operands")
        forward, rules = locked(forward), tuple([rule and locked(rule) for rule in vjps])
        defaults = {p.name: p.default for p in parameters[len(vjps) :]}
        name = forward.__name__
        row = Structural(name, forward, rules, symbol or name, settings=defaults, examples=tuple(examples))
        return _enter(row, call_with_settings(row, pull_by_vjps), pull_by_vjps)

    return enter


def variadic_primitive(vjp: Rule, *, examples: Sequence[Example] = (), symbol: str = "") -> Callable[[Rule], Operation]:
    """Enter a function of any number of arrays, ``forward(xp, operands, **settings)``. Callers pass them one by one.

    Args:
        vjp: ``(xp, g, z, operands, i, **settings)`` -> the cotangent of ``operands[i]``.
        examples: shapes and settings for the table's tests.
        symbol: how a picture writes the op; its name, if not given.
    """

    def enter(forward: Rule) -> Operation:
        _, _, *parameters = signature(forward).parameters.values()
        name = forward.__name__
        defaults = {p.name: p.default for p in parameters}
        row = Structural(name, locked(forward), (locked(vjp),), symbol or name, True, defaults, tuple(examples))
        return _enter(row, call_with_settings(row, pull_by_rules), pull_by_rules)

    return enter


def _enter(row: Primitive, call: Any, pull: Pull) -> Operation:
    known = PRIMITIVES.get(row.name)
    if known and known.forward.__module__ != row.forward.__module__:
        raise ValueError(f"the op table has a row '{row.name}' from {known.forward.__module__}; give yours another name")
    _, *operands = signature(row.forward).parameters.values()  # all but xp
    n = 1 if row.variadic else len(row.rules)
    kind = Parameter.VAR_POSITIONAL if row.variadic else Parameter.POSITIONAL_ONLY
    parameters = [operand.replace(kind=kind, annotation=Parameter.empty) for operand in operands[:n]]
    rest = Parameter.KEYWORD_ONLY if row.variadic else Parameter.POSITIONAL_OR_KEYWORD
    parameters += [setting.replace(kind=rest, annotation=Parameter.empty) for setting in operands[n:]]
    functools.update_wrapper(call, row.forward)
    if not (row.forward.__module__ or "").startswith("autograd."):
        call = functools.update_wrapper(dated(call), row.forward)
    call.__signature__ = Signature(parameters)
    call.primitive = row
    object.__setattr__(row, "call", call)
    object.__setattr__(row, "pull", pull)
    PRIMITIVES[row.name] = row
    return row.call
