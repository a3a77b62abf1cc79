"""A row as the function that users call. This is the hot path of everything: each number of operands has a function of its own,
which takes nodes of one kind straight to the result and leaves the rest to ``apply_anyhow``.
"""

import copy
from collections.abc import Callable, MutableSequence, Sequence
from inspect import Parameter
from typing import Any

import numpy as np

from . import arrays, graph, scalar
from .graph import Node, constant, fold, record
from .operands import apply_anyhow
from .primitive import Bound, Elementwise, Pull, Rule, Structural
from .recording import witness

_NUMBER = (float, int, np.integer, np.floating)
_FAULTS = (ArithmeticError, ValueError, AttributeError)  # an op's own, and that of asking a number for its _data


def _defaults(row: Elementwise) -> tuple[Any, ...] | None:
    defaults: tuple[Any, ...] | None = getattr(row.forward, "__wrapped__", row.forward).__defaults__
    return defaults


def call_one(row: Elementwise) -> Callable[..., Any]:
    """A row of one operand as a function."""
    forward, on_arrays = row.forward, row.on_arrays

    def call(x: Any, /) -> Any:
        try:
            kind = type(x)
            xp = kind.xp
            data = forward(xp, x._data)
        except _FAULTS:
            return apply_anyhow(row, (x,))
        op = row if xp is scalar else on_arrays
        return (record if x._requires_grad else fold)(kind, data, op, (x,))

    return call


def call_two(row: Elementwise) -> Callable[..., Any]:
    """A row of two operands as a function."""
    forward, on_arrays = row.forward, row.on_arrays
    is_operator = not _defaults(row)  # which then does not mind a plain number in the first place

    def call(x: Any, y: Any, /) -> Any:
        kind = type(x)
        try:
            if type(y) is not kind:  # a node and a number, the commonest mixture
                if isinstance(y, _NUMBER):
                    y = constant(kind, kind.operand(y))
                elif isinstance(x, _NUMBER) and is_operator:
                    kind = type(y)
                    x = constant(kind, kind.operand(x))
                else:
                    return apply_anyhow(row, (x, y))
            xp = kind.xp
            data = forward(xp, x._data, y._data)
        except _FAULTS:
            return apply_anyhow(row, (x, y))
        if x._requires_grad or y._requires_grad:
            return record(kind, data, row if xp is scalar else on_arrays, (x, y))
        return fold(kind, data, row if xp is scalar else on_arrays, (x, y))

    call.__defaults__ = _defaults(row)
    return call


def call_many(row: Elementwise, push: Rule | None = None) -> Callable[..., Any]:
    """A row of more operands, or of any number, as a function; ``push`` computes its result from nodes that hold floats."""
    if push is None:

        def push(operands: Sequence[Any]) -> Any:
            return row.apply(scalar, [x._data for x in operands])

    defaults = _defaults(row) or ()

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
            if x._requires_grad:
                return record(type(x), data, row, operands)
        return fold(type(operands[0]), data, row, operands)

    return call


def dated(call: Callable[..., Any]) -> Callable[..., Any]:
    """A user's function as a function of nodes, dated from before it ran: it may write to a leaf on the way."""

    def called(*operands: Any, **settings: Any) -> Any:
        since = graph.now
        z = call(*operands, **settings)
        if isinstance(z, Node) and z.op is not None:
            z._time = since
        return z

    return called


def call_with_settings(row: Structural, pull: Pull) -> Callable[..., Any]:
    """A structural row as a function of nodes: what follows its operands are settings, by place or by name."""
    bind = _binder(row, pull)
    if row.variadic:
        return _several(row, bind)
    return {1: _one_with_settings, 2: _two_with_settings}.get(len(row.rules), _several)(row, bind)


def _one_with_settings(row: Structural, bind: Callable[..., Bound]) -> Callable[..., Any]:
    forward = row.forward

    def call(x: Any, /, *by_place: Any, **by_name: Any) -> Any:
        op = bind(by_place, by_name)
        kind = type(x)
        try:
            if kind.xp is not arrays:
                return apply_anyhow(op, (x,))
            data = forward(arrays, x._data, **op.settings)
            if data.dtype.kind != "f":
                return apply_anyhow(op, (x,))
        except (*_FAULTS, IndexError):
            return apply_anyhow(op, (x,))
        return (record if x._requires_grad else fold)(kind, data, op, (x,))

    return call


def _two_with_settings(row: Structural, bind: Callable[..., Bound]) -> Callable[..., Any]:
    forward = row.forward

    def call(x: Any, y: Any, /, *by_place: Any, **by_name: Any) -> Any:
        op = bind(by_place, by_name)
        kind = type(x)
        try:
            if kind.xp is not arrays or type(y) is not kind:
                return apply_anyhow(op, (x, y))
            data = forward(arrays, x._data, y._data, **op.settings)
            if data.dtype.kind != "f":
                return apply_anyhow(op, (x, y))
        except (*_FAULTS, IndexError):
            return apply_anyhow(op, (x, y))
        return (record if x._requires_grad or y._requires_grad else fold)(kind, data, op, (x, y))

    return call


def _several(row: Structural, bind: Callable[..., Bound]) -> Callable[..., Any]:
    n = None if row.variadic else len(row.rules)

    def call(*operands: Any, **by_name: Any) -> Any:
        op = bind(() if n is None else operands[n:], by_name)
        operands = operands[:n]
        try:
            kind = type(operands[0])
            if kind.xp is not arrays or {*map(type, operands)} != {kind}:
                return apply_anyhow(op, operands)
            data = op.apply(arrays, [x._data for x in operands])
            if data.dtype.kind != "f":
                return apply_anyhow(op, operands)
        except (*_FAULTS, IndexError, TypeError):
            return apply_anyhow(op, operands)
        for x in operands:
            if x._requires_grad:
                return record(kind, data, op, operands)
        return fold(kind, data, op, operands)

    return call


def _binder(row: Structural, pull: Pull) -> Callable[..., Bound]:
    """From the settings of a call, by place and by name, to the op bound to them; remembered, where they can be looked up."""
    known: dict[Any, Bound] = {}
    plain = None if Parameter.empty in row.settings.values() else Bound(row, row.settings, pull)

    def bind(by_place: tuple[Any, ...], by_name: dict[str, Any]) -> Bound:
        if plain and not by_place and not by_name:
            return plain
        key = _key(by_place, by_name)
        if key in known:
            return known[key]
        op = Bound(row, _settings(row, by_place, by_name), pull)
        if key is not None and len(known) < 1000:
            known[key] = op
        return op

    return bind


def _key(by_place: tuple[Any, ...], by_name: dict[str, Any]) -> tuple[Any, ...] | None:
    """What to look settings up by; None for what is not made of whole numbers, truths and names. 1 and True are two."""
    key: list[Any] = [len(by_place)]
    for x in (*by_place, *by_name, *by_name.values()) if by_name else by_place:
        kind = type(x)
        if kind is bool:
            key.append((x,))
        elif kind is int or x is None or kind is str or (kind is tuple and all(type(i) is int for i in x)):
            key.append((kind, x) if kind is tuple else x)
        else:
            return None
    return tuple(key)


def _settings(row: Structural, by_place: tuple[Any, ...], by_name: dict[str, Any]) -> dict[str, Any]:
    names = list(row.settings)[: len(by_place)]
    if len(names) < len(by_place):
        raise TypeError(f"{row.name} takes {len(row.rules)} operands and {len(row.settings)} settings, not more")
    if by_name and (twice := set(names) & set(by_name)):
        raise TypeError(f"{row.name} got '{twice.pop()}' twice")
    if by_name and (unknown := by_name.keys() - row.settings.keys()):
        raise TypeError(f"{row.name} has no setting '{unknown.pop()}'; it has {', '.join(row.settings) or 'none'}")
    settings = dict(row.settings)
    for name, x in (*zip(names, by_place), *by_name.items()):
        places = as_places(x) if isinstance(x, Node) else _of_places(x)
        if places is None and x is not None:
            raise TypeError(f"{row.name}: {name} is a setting, which takes no gradient, and can't be a {type(x).__name__}")
        settings[name] = frozen(places)
    if missing := [name for name, x in settings.items() if x is Parameter.empty]:
        raise TypeError(f"{row.name} needs {', '.join(missing)}")
    return settings


def as_places(node: Node) -> Any:
    """The numbers of ``node`` as an array that names places, from who compiles; None if nobody does, or they can't."""
    by = witness()
    return None if by is None else by.as_places(node)


def _of_places(setting: Any) -> Any:
    """An array of nodes as one of the places that they name to who compiles; anything else as it is."""
    if not isinstance(setting, np.ndarray) or setting.dtype != object or witness() is None:
        return setting
    places = [as_places(x) if isinstance(x, Node) else x for x in setting.ravel().tolist()]
    return setting if None in places else np.array(places).reshape(setting.shape)


def frozen(setting: Any) -> Any:
    """A setting that nobody can change any more: the graph keeps it for the way back."""
    if isinstance(setting, np.ndarray):
        return setting if hasattr(setting, "node") else np.array(setting)
    if isinstance(setting, MutableSequence):
        return [frozen(x) for x in setting]
    if isinstance(setting, dict | set):
        return copy.deepcopy(setting)
    return tuple([frozen(x) for x in setting]) if type(setting) is tuple else setting
