"""How an op meets operands that are not simply nodes of one kind, and how it refuses what it cannot take.

Numbers beside nodes become constants; plain numbers alone give a plain number; arrays are taken element by element.
"""

from numbers import Real
from typing import Any, NoReturn

import numpy as np

from . import scalar
from .errors import DomainError, callers_line
from .graph import Node, constant, record
from .primitive import Primitive


def apply_anyhow(row: Primitive, operands: tuple[Any, ...]) -> Any:
    """Apply ``row`` to any mixture of nodes, numbers and arrays.

    Args:
        row: the op.
        operands: what the caller passed.

    Raises:
        TypeError: an operand is no number, two kinds of number are mixed, or their count is wrong.
        DomainError: the op is not defined there, or its result is too large.
    """
    if not operands or (len(operands) != len(row.rules) and not row.variadic):
        count = "at least 1 operand" if row.variadic else f"{len(row.rules)} operands"
        raise TypeError(f"{row.name} takes {count}, not {len(operands)}")
    kinds = {type(x) for x in operands if isinstance(x, Node)}
    if len(kinds) > 1:
        raise TypeError(
            f"{row.name}: {' and '.join(sorted(kind.__name__ for kind in kinds))} don't mix; turn one into the other first"
        )
    if any(isinstance(x, np.ndarray) for x in operands):
        return _apply_to_arrays(row, operands)
    if not kinds:
        return _apply_to_numbers(row, operands)
    (kind,) = kinds
    nodes = tuple([x if isinstance(x, Node) else constant(kind, kind.coerce(x)) for x in operands])
    try:
        data = row.apply(kind.xp, [x._data for x in nodes])
    except (ArithmeticError, ValueError) as error:
        _refuse(row, nodes, error)
    return record(kind, data, row, nodes) if any(x.requires_grad for x in nodes) else constant(kind, data)


def _apply_to_numbers(row: Primitive, operands: tuple[Any, ...]) -> Any:
    for x in operands:
        if not isinstance(x, Real | np.bool_):
            hint = (
                f"; pass what is in it one by one, {row.name}(*values)" if isinstance(x, list | tuple) and row.variadic else ""
            )
            raise TypeError(f"{row.name} takes Values, real numbers or arrays of them, not {type(x).__name__}{hint}")
    try:
        return row.apply(scalar, operands)
    except (ArithmeticError, ValueError) as error:
        _refuse(row, operands, error)


def _apply_to_arrays(row: Primitive, operands: tuple[Any, ...]) -> Any:
    if any(isinstance(x, Node) or np.asarray(x).dtype == object for x in operands):
        return np.frompyfunc(lambda *elements: row.call(*elements), len(operands), 1)(*operands)
    return row.apply(np, operands)


def _refuse(row: Primitive, operands: tuple[Any, ...], error: Exception) -> NoReturn:
    domains = row.domain * len(operands) if row.variadic else row.domain
    if isinstance(error, OverflowError):
        why = "the result is too large for a float"
    else:
        why = "; ".join(f"operand {i} must be {d.words}" for i, d in enumerate(domains, 1) if d.words) or str(error)
    line = callers_line()
    raise DomainError(f"{written(row, operands)}: {why}" + (f" ({line})" if line else "")) from None


def written(row: Primitive, operands: tuple[Any, ...]) -> str:
    """The op applied to its operands by label and value, for messages: ``log(x=0)``."""
    shown = [f"{x.label}={x.data:.6g}" if getattr(x, "label", "") else f"{float(x):.6g}" for x in operands[:6]]
    return f"{row.name}({', '.join(shown)}{', …' if len(operands) > 6 else ''})"
