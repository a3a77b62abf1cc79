"""How an op is entered into the table, and how its row is applied to nodes and to the cotangent of its result.

@elementwise ........... an op of a fixed number of operands, element by element: a partial for each
@variadic .............. an op of any number of operands, element by element: one rule for all
@primitive ............. an op that mixes the elements of arrays: a vjp for each operand
@variadic_primitive .... the same of any number of operands: one vjp for all
"""

import functools
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any

import numpy as np

from . import arrays, scalar
from .fitting import gather, share
from .graph import Node, constant, record
from .operands import apply_anyhow
from .primitive import PRIMITIVES, Bound, Domain, Elementwise, Example, Operation, Primitive, Pull, Rule, Structural
from .spelled import compile_pull, compile_pull_on_arrays

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
        name = forward.__name__
        row = Elementwise(name, forward, partials, symbol or name, domain=domain)
        pull = _on_first_use(row, compile_pull, _pull_each(row))
        pull_on_arrays = _on_first_use(row, compile_pull_on_arrays, _pull_each_on_arrays(row))
        _bind_to_arrays(row, pull_on_arrays)
        call = {1: _call_one, 2: _call_two}.get(len(partials), _call_many)
        return _enter(row, call(row), pull)

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
        row = Elementwise(name, forward, (partials,), symbol or name, variadic=True, domain=(domain,))
        _bind_to_arrays(row, _pull_all_on_arrays(partials))
        return _enter(row, _call_many(row, push), pull or _pull_all(partials))

    return enter


def primitive(*vjps: Rule | None, examples: Sequence[Example] = (), symbol: str = "") -> Callable[[Rule], Operation]:
    """Enter a function of arrays (or of numbers) whose derivative is given as vjps; it need not be of this library.

    Args:
        vjps: for each operand ``(xp, g, z, *operands, **settings)`` -> the cotangent of that operand, where ``g`` is that of
            the result ``z``; None where no derivative flows. Parameters of the function beyond the operands are settings.
            Written with ``xp`` and operators alone, a vjp is itself differentiable, to any order. Broadcasting is undone
            by the caller, so no rule need think of it.
        examples: shapes and settings for the table's tests; ``autograd.example``.
        symbol: how a picture writes the op; its name, if not given.

    >>> @primitive(lambda xp, g, z, a, axis: g * 2.0 * a)
    ... def squares(xp, a, axis=-1):
    ...     return xp.sum(a * a, axis, keepdims=True)
    >>> float(squares(np.array([3.0, 4.0]))[0])
    25.0
    """

    def enter(forward: Rule) -> Operation:
        _, *parameters = signature(forward).parameters.values()
        defaults = {p.name: p.default for p in parameters[len(vjps) :]}
        name = forward.__name__
        row = Structural(name, forward, vjps, symbol or name, settings=defaults, examples=tuple(examples))
        pull = pull_with_settings(row)
        return _enter(row, _call_with_settings(row, _binder(row, pull)), pull)

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
        row = Structural(name, forward, (vjp,), symbol or name, True, defaults, tuple(examples))
        pull = pull_with_settings(row)
        return _enter(row, _call_with_settings(row, _binder(row, pull)), pull)

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
    call.__signature__ = Signature(parameters)
    call.primitive = row
    object.__setattr__(row, "call", call)
    object.__setattr__(row, "pull", pull)
    PRIMITIVES[row.name] = row
    return row.call


def _bind_to_arrays(row: Elementwise, pull: Pull) -> None:
    object.__setattr__(row, "on_arrays", Bound(row, {}, pull))


# Applying a row is the hot path of everything, so each number of operands has a function of its own.


def _call_one(row: Elementwise) -> Callable[..., Any]:
    forward, on_arrays = row.forward, row.on_arrays

    def call(x: Any, /) -> Any:
        try:
            kind = type(x)
            xp = kind.xp
            data = forward(xp, x._data)
        except _FAULTS:
            return apply_anyhow(row, (x,))
        return record(kind, data, row if xp is scalar else on_arrays, (x,)) if x.requires_grad else constant(kind, data)

    return call


def _call_two(row: Elementwise) -> Callable[..., Any]:
    forward, on_arrays = row.forward, row.on_arrays

    def call(x: Any, y: Any, /) -> Any:
        kind = type(x)
        try:
            if type(y) is not kind:  # a node and a number, the commonest mixture
                if isinstance(y, _NUMBER):
                    y = constant(kind, kind.operand(y))
                elif isinstance(x, _NUMBER):
                    kind = type(y)
                    x = constant(kind, kind.operand(x))
                else:
                    return apply_anyhow(row, (x, y))
            xp = kind.xp
            data = forward(xp, x._data, y._data)
        except _FAULTS:
            return apply_anyhow(row, (x, y))
        if x.requires_grad or y.requires_grad:
            return record(kind, data, row if xp is scalar else on_arrays, (x, y))
        return constant(kind, data)

    call.__defaults__ = row.forward.__defaults__
    return call


def _call_many(row: Elementwise, push: Rule | None = None) -> Callable[..., Any]:
    if push is None:

        def push(operands: Sequence[Any]) -> Any:
            return row.apply(scalar, [x._data for x in operands])

    defaults = row.forward.__defaults__ or ()

    def call(*operands: Any) -> Any:
        if defaults and len(operands) < len(row.rules):
            operands += defaults[len(operands) - len(row.rules) :]
        try:
            if type(operands[0]).xp is not scalar:
                return apply_anyhow(row, operands)
            data = push(operands)
            if type(data) is not float:  # another kind of number is among them
                return apply_anyhow(row, operands)
        except (*_FAULTS, TypeError, IndexError):
            return apply_anyhow(row, operands)
        for x in operands:
            if x.requires_grad:
                return record(type(x), data, row, operands)
        return constant(type(operands[0]), data)

    return call


def _call_with_settings(row: Structural, bind: Callable[..., Bound]) -> Callable[..., Any]:
    if row.variadic:
        return _call_several(row, bind)
    return {1: _call_one_with_settings, 2: _call_two_with_settings}.get(len(row.rules), _call_several)(row, bind)


def _call_one_with_settings(row: Structural, bind: Callable[..., Bound]) -> Callable[..., Any]:
    forward = row.forward

    def call(x: Any, /, *by_place: Any, **by_name: Any) -> Any:
        op = bind(by_place, by_name)
        kind = type(x)
        try:
            if kind.xp is not arrays:
                return apply_anyhow(op, (x,))
            data = forward(arrays, x._data, **op.settings)
        except (*_FAULTS, IndexError):
            return apply_anyhow(op, (x,))
        return record(kind, data, op, (x,)) if x.requires_grad else constant(kind, data)

    return call


def _call_two_with_settings(row: Structural, bind: Callable[..., Bound]) -> Callable[..., Any]:
    forward = row.forward

    def call(x: Any, y: Any, /, *by_place: Any, **by_name: Any) -> Any:
        op = bind(by_place, by_name)
        kind = type(x)
        try:
            if kind.xp is not arrays or type(y) is not kind:
                return apply_anyhow(op, (x, y))
            data = forward(arrays, x._data, y._data, **op.settings)
        except (*_FAULTS, IndexError):
            return apply_anyhow(op, (x, y))
        return record(kind, data, op, (x, y)) if x.requires_grad or y.requires_grad else constant(kind, data)

    return call


def _call_several(row: Structural, bind: Callable[..., Bound]) -> Callable[..., Any]:
    n = None if row.variadic else len(row.rules)

    def call(*operands: Any, **by_name: Any) -> Any:
        op = bind(() if n is None else operands[n:], by_name)
        return apply_anyhow(op, operands[:n])

    return call


def _binder(row: Structural, pull: Pull) -> Callable[..., Bound]:
    """From the settings of a call, by place and by name, to the op bound to them; remembered, where they can be looked up."""
    known: dict[Any, Bound] = {}
    if Parameter.empty not in row.settings.values():
        known[()] = Bound(row, row.settings, pull)

    def bind(by_place: tuple[Any, ...], by_name: dict[str, Any]) -> Bound:
        try:
            key = (by_place, *by_name.items()) if by_name else by_place
            return known[key]
        except KeyError:
            if len(known) > 1000:
                known.clear()
            known[key] = op = Bound(row, _settings(row, by_place, by_name), pull)
            return op
        except TypeError:  # slices and arrays can't be looked up
            return Bound(row, _settings(row, by_place, by_name), pull)

    return bind


def _settings(row: Structural, by_place: tuple[Any, ...], by_name: dict[str, Any]) -> dict[str, Any]:
    names = list(row.settings)[: len(by_place)]
    if len(names) < len(by_place):
        raise TypeError(f"{row.name} takes {len(row.rules)} operands and {len(row.settings)} settings, not more")
    if twice := set(names) & set(by_name):
        raise TypeError(f"{row.name} got '{twice.pop()}' twice")
    settings = {**row.settings, **dict(zip(names, by_place)), **by_name}
    if unknown := settings.keys() - row.settings.keys():
        raise TypeError(f"{row.name} has no setting '{unknown.pop()}'; it has {', '.join(row.settings) or 'none'}")
    if missing := [name for name, x in settings.items() if x is Parameter.empty]:
        raise TypeError(f"{row.name} needs {', '.join(missing)}")
    return settings


# Pulling a cotangent through a row: by what its rules give as text where they can be read so (a user's may call ``math``),
# else by the rules themselves.


def _on_first_use(row: Elementwise, compiled: Callable[[str, Sequence[Rule | None]], Pull], plain: Pull) -> Pull:
    """A pull that on its first use puts the compiled one in its own place."""

    def first(node: Node) -> None:
        try:
            pull = compiled(row.name, row.rules)
        except Exception:
            pull = plain
        if row.pull is first:
            object.__setattr__(row, "pull", pull)
        else:
            row.on_arrays.pull = pull
        pull(node)

    return first


def _pull_each(row: Elementwise) -> Pull:
    def pull(node: Node) -> None:
        operands = [x._data for x in node.inputs]
        for x, partial in zip(node.inputs, row.rules, strict=True):
            if partial and x.requires_grad:
                x._grad += node._grad * partial(scalar, node._data, *operands)

    return pull


def _pull_each_on_arrays(row: Elementwise) -> Pull:
    def pull(node: Node) -> None:
        g = node._grad
        if type(g) is float:  # no cotangent has come
            return
        operands = [x._data for x in node.inputs]
        for x, partial in zip(node.inputs, row.rules, strict=True):
            if partial and x.requires_grad:
                gather(x, g * partial(arrays, node._data, *operands))

    return pull


def _pull_all(partials: Rule) -> Pull:
    def pull(node: Node) -> None:
        g = node._grad
        for x, partial in zip(node.inputs, partials(scalar, node._data, [x._data for x in node.inputs]), strict=True):
            if x.requires_grad:
                x._grad += g * partial

    return pull


def _pull_all_on_arrays(partials: Rule) -> Pull:
    def pull(node: Node) -> None:
        g = node._grad
        if type(g) is float:  # no cotangent has come
            return
        for x, partial in zip(node.inputs, partials(arrays, node._data, [x._data for x in node.inputs]), strict=True):
            if x.requires_grad:
                gather(x, g * partial)

    return pull


def pull_with_settings(row: Structural) -> Pull:
    """The pull of a structural row: its vjps, with the settings of the node's op."""
    only = None if row.variadic or len(row.rules) != 1 else row.rules[0]

    def pull(node: Node) -> None:
        g, xp = node._grad, type(node).xp
        if xp is arrays and type(g) is float:  # no cotangent has come
            return
        settings = node.op.settings  # type: ignore[union-attr]  # this row's op is bound
        if only:
            (x,) = node.inputs
            _hand_on(x, only(xp, g, node._data, x._data, **settings), g)
            return
        wanted = [x.requires_grad for x in node.inputs]
        operands = [x._data for x in node.inputs]
        for x, c in zip(node.inputs, row.cotangents(xp, g, node._data, operands, wanted, **settings)):
            if c is not None:
                _hand_on(x, c, g)

    return pull


def _hand_on(x: Node, c: Any, g: Any) -> None:
    if type(x).xp is scalar:
        x._grad += c
    elif c is g or c.base is not None:
        share(x, c)
    else:
        gather(x, c)
