"""How an op meets operands that are not simply nodes of one kind, and how it refuses what it cannot take.

Numbers and arrays beside nodes become constants; plain ones alone give plain ones; arrays of Values are scalar code.
"""

from collections.abc import Sequence
from numbers import Real
from typing import Any, NoReturn

import numpy as np

from . import arrays, objects, scalar
from .errors import DomainError, callers_line
from .graph import Node, Op, constant, fold, record
from .primitive import Bound, Elementwise

_SEQUENCE = (np.ndarray, list, tuple)


def apply_anyhow(op: Op, operands: tuple[Any, ...]) -> Any:
    """Apply ``op`` to any mixture of nodes, numbers and arrays.

    Args:
        op: a row of the table, or one bound to its settings.
        operands: what the caller passed.

    Raises:
        TypeError: an operand is no number, two kinds of number are mixed, or their count is wrong.
        ValueError: the shapes of arrays don't go together.
        DomainError: the op is not defined there, or its result is too large.
    """
    row = op.row
    if not operands or (len(operands) != len(row.rules) and not row.variadic):
        count = "at least 1 operand" if row.variadic else f"{len(row.rules)} operand{'s' * (len(row.rules) > 1)}"
        raise TypeError(f"{op.name} takes {count}, not {len(operands)}")
    kinds = {type(x) for x in operands if isinstance(x, Node)}
    if len(kinds) > 1:
        kinds = {kind for kind in kinds if all(issubclass(other, kind) for other in kinds)} or _refuse_mixture(op, kinds)
    if any(kind.xp is arrays for kind in kinds):
        return _apply_to_nodes(op, kinds.pop(), operands)
    if any(isinstance(x, _SEQUENCE) for x in operands) and not (isinstance(row, Elementwise) and _without_arrays(operands)):
        return _apply_to_arrays(op, operands)
    if not kinds:
        return _apply_to_numbers(op, operands)
    if isinstance(op, Bound):
        return _apply_or_open(op, kinds.pop(), operands)
    return _apply_to_nodes(op, kinds.pop(), operands)


def _apply_to_nodes(op: Op, kind: type[Node], operands: tuple[Any, ...]) -> Any:
    nodes = tuple([x if isinstance(x, Node) else constant(kind, kind.operand(x)) for x in operands])
    if kind.xp is arrays:
        _give_dtype(nodes)
    try:
        data = op.apply(kind.xp, [x._data for x in nodes])
    except (ArithmeticError, ValueError, IndexError) as error:
        _refuse(op, nodes, error)
    if kind.xp is arrays:
        op = op.row.on_arrays if isinstance(op.row, Elementwise) else op
        data = _floating(op, data)
        for x, given in zip(nodes, operands):
            if x is not given and isinstance(x._data, np.ndarray) and x._data.dtype.kind == "f":
                x._data = x._data.astype(data.dtype, copy=False)  # partials are to be as precise as the result
    elif not isinstance(data, Real):
        raise TypeError(f"{op.name} gave {type(data).__name__} for Values, not a number")
    if not any(x._requires_grad for x in nodes):
        return fold(kind, data, op, nodes)
    if kind.xp is arrays and not hasattr(data, "dtype"):
        data = np.float64(data)
    return record(kind, data, op, nodes)


def _give_dtype(nodes: Sequence[Node]) -> None:
    """Plain numbers take on the dtype of the arrays beside them, for two of them might meet in a forward."""
    floats = [x._data.dtype for x in nodes if hasattr(x._data, "dtype") and x._data.dtype.kind == "f"]
    for x in nodes:
        if type(x._data) is float or type(x._data) is int:
            x._data = np.asarray(x._data, np.result_type(*floats) if floats else float)


def _floating(op: Op, data: Any) -> Any:
    """What a forward gave; TypeError if it is no floating array."""
    if type(data) is float or type(data) is int:  # of constants that are plain numbers
        return data
    if getattr(getattr(data, "dtype", None), "kind", "") != "f":
        came = getattr(data, "dtype", None) or type(data).__name__
        raise TypeError(f"{op.name} gave {came}, not an array of floats; a Tensor holds nothing else")
    return data


def _apply_or_open(op: Bound, kind: type[Node], operands: tuple[Any, ...]) -> Any:
    """A structural op on Values: one node if its function is written for numbers too, else the scalar code it stands for."""
    try:
        return _apply_to_nodes(op, kind, operands)
    except (AttributeError, TypeError):  # autograd.scalar has no such function, or a number no such method
        return _apply_to_arrays(op, operands)


def _apply_to_numbers(op: Op, operands: tuple[Any, ...]) -> Any:
    for x in operands:
        if not isinstance(x, Real | np.bool_):
            raise TypeError(
                f"{op.name} takes Values, Tensors, real numbers or arrays of them, not {type(x).__name__}{_hint(op, x)}"
            )
    try:
        return op.apply(scalar, operands)
    except (ArithmeticError, ValueError) as error:
        _refuse(op, operands, error)
    except (AttributeError, TypeError):
        if not isinstance(op, Bound):
            raise
        return op.apply(arrays, [np.asarray(x, np.float64) for x in operands])


def _hint(op: Op, x: Any) -> str:
    if isinstance(x, list | tuple) and op.variadic:
        return f"; pass what is in it one by one, {op.name}(*values)"
    return ""


def _apply_to_arrays(op: Op, operands: Sequence[Any]) -> Any:
    held = [x if isinstance(x, np.ndarray) else as_array(op.name, x) for x in operands]
    if all(x.dtype != object for x in held):
        return op.apply(arrays, held)
    for kind in {type(element) for x in held if x.dtype == object for element in x.flat}:
        if issubclass(kind, Node) and kind.xp is arrays:
            raise TypeError(f"{op.name}: an array holds {kind.__name__}s, which are arrays themselves; stack() them into one")
    if isinstance(op.row, Elementwise):
        return np.frompyfunc(lambda *elements: op.row.call(*elements), len(held), 1)(*operands)
    try:
        return op.apply(objects, [x if x.dtype == object else x.astype(object) for x in held])
    except (AttributeError, TypeError) as error:
        if (op.row.forward.__module__ or "").startswith("autograd."):
            raise
        raise TypeError(f"{op.name} takes no Values ({error}); make a Tensor of them, Tensor.of(values)") from None


def as_array(name: str, x: Any) -> Any:
    """``x`` as an array; of Values, as an array of objects. TypeError or ValueError for what is no rectangle of numbers."""
    if isinstance(x, Node):
        held = np.empty((), object)
        held[()] = x
        return held
    try:
        held = np.array(x)
    except ValueError:
        raise ValueError(f"{name}: the lists in it differ in length; pass a rectangle of numbers") from None
    if held.dtype.kind not in "fiubO":
        raise TypeError(f"{name} takes Values, Tensors, real numbers or arrays of them, not {held.dtype}")
    return held


def _without_arrays(operands: Sequence[Any]) -> bool:
    return not any(isinstance(x, np.ndarray) for x in operands)


def _refuse_mixture(op: Op, kinds: set[type[Node]]) -> NoReturn:
    raise TypeError(
        f"{op.name}: {' and '.join(sorted(kind.__name__ for kind in kinds))} don't mix; turn one into the other first: "
        "t.values() gives the Values of a Tensor, Tensor.of(values) is the way back"
    )


def _refuse(op: Op, operands: Sequence[Any], error: Exception) -> NoReturn:
    if any(isinstance(x, Node) and type(x).xp is arrays for x in operands) and not isinstance(error, ArithmeticError):
        shapes = " and ".join([str(np.shape(x._data)) for x in operands[:6]])
        if len(operands) == 1:
            raise type(error)(f"{op.name} of an array of shape {shapes}: {error}") from None
        raise type(error)(f"{op.name}: operands of shape {shapes} don't go together: {error}") from None
    row = op.row
    if isinstance(error, OverflowError):
        why = "the result is too large for a float"
    elif isinstance(row, Elementwise):
        domains = row.domain * len(operands) if row.variadic else row.domain
        why = "; ".join(f"operand {i} must be {d.words}" for i, d in enumerate(domains, 1) if d.words) or str(error)
    else:
        why = str(error)
    line = callers_line()
    raise DomainError(f"{written(op, operands)}: {why}" + (f" ({line})" if line else "")) from None


def written(op: Op, operands: Sequence[Any]) -> str:
    """The op applied to its operands by label and value, for messages: ``log(x=0)``."""
    shown = [(f"{x.label}=" if x.label else "") + x.brief() if isinstance(x, Node) else f"{float(x):.6g}" for x in operands[:6]]
    return f"{op.name}({', '.join(shown)}{', …' if len(operands) > 6 else ''})"
