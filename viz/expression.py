"""An expression as it is typed, ``tanh(x*w + b)``, read to the graph of its ops.

Python's parser reads the text, and nothing runs it: what comes out is looked at part by part, and only numbers, names, ``+ - *
/ **`` and the elementwise functions of the op table are known. So whatever is typed, the worst is an ``ExpressionError``.

>>> parse("tanh(x*w + b)", {"x": 2.0, "w": -3.0, "b": 6.5})
Value(0.462117, grad=0, label='y')

Parts can be named, and a number that is named is a variable too:

>>> loss = parse("w = -3; error = 2*w - 1; error**2", {})
>>> loss.backward()
>>> loss.inputs[0]
Value(-7, grad=-14, label='error')
"""

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from typing import Any, TypeAlias
from unicodedata import normalize

from autograd import PRIMITIVES, DomainError, Value, ops
from autograd.errors import callers_line
from autograd.primitive import Elementwise
from autograd.recording import Note

from .words import printable

Number: TypeAlias = Value | float

LONGEST = 4000  # characters, which bounds all that is made of them

_CONSTANTS = {"pi": math.pi, "e": math.e}
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: ops.add,
    ast.Sub: ops.sub,
    ast.Mult: ops.mul,
    ast.Div: ops.div,
    ast.Pow: ops.pow,
    ast.USub: ops.neg,
    ast.UAdd: lambda x: x,
}
_COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_PYTHONS_NAMES: dict[str, Callable[..., Any]] = {"sum": ops.add_n, "max": ops.max_n, "min": ops.min_n}
_CHOICE = "a choice is written where(x > 0, a, b)"
_ANOTHER_WAY: dict[type, str] = {
    ast.BitXor: "a power is written x**2",
    ast.Compare: _CHOICE,
    ast.IfExp: _CHOICE,
    ast.And: _CHOICE,
    ast.Or: _CHOICE,
    ast.Not: _CHOICE,
}


class ExpressionError(ValueError):
    """A text that is no expression, or has no gradient. The message is one line, and says where in the text."""


def parse(text: str, numbers: Mapping[str, float]) -> Value:
    """The result of an expression, with the graph behind it.

    Each name is one leaf, labelled with it. ``name = …;`` before the last part labels a part, or makes a leaf of a number. A
    result that has no label is called ``y``, unless something else is.

    Args:
        text: numbers, names, ``+ - * / **``, calls of the table's elementwise functions, also by the names ``sum``, ``max`` and
            ``min``, and ``where(x > 0, a, b)``; at most 4000 characters.
        numbers: one for each name. ``pi`` and ``e`` have theirs where no other is given.

    Raises:
        ExpressionError: the text says something else; a name has no number, or a number no name; a number is not finite; a
            function is out of its domain; or there is no variable to differentiate by.
    """
    source = _Source(text)
    parts = [(name, source.calls(part)) for name, part in source.parts()]
    free = _free(parts)
    numbers = {normalize("NFKC", name): number for name, number in numbers.items()}  # as Python reads names
    if missing := [name for name in free if name not in numbers and name not in _CONSTANTS]:
        raise source.error(free[missing[0]], f"no number for it; add {' '.join([f'{printable(name)}=…' for name in missing])}")

    scope: dict[str, Number] = {**_CONSTANTS, **_leaves(numbers, free)}
    for name, calls in parts:
        result = scope[name] = _labelled(source.value(calls, scope), name)
    if not isinstance(result, Value) or not result.requires_grad:
        raise ExpressionError(
            f"the expression is a constant, {float(result):.6g}; a gradient needs a variable, such as x, and x=…"
        )
    result.label = result.label or next((name for name in ("y", "z", "out") if name not in scope), "")
    return result


@dataclass(frozen=True, slots=True)
class _Call:
    """A part of the text, read as a function of other parts, of none if it is a number."""

    part: ast.expr
    function: Callable[..., Number] | None = None  # None for a name
    operands: Sequence[ast.expr] = ()


def _free(parts: Sequence[tuple[str, Sequence[_Call]]]) -> dict[str, ast.Name]:
    """The names that are read before a part is given them, in the order of reading."""
    free: dict[str, ast.Name] = {}
    given: set[str] = set()
    for name, calls in parts:
        for call in calls:
            if isinstance(call.part, ast.Name) and call.part.id not in given:
                free.setdefault(call.part.id, call.part)
        given.add(name)
    return free


def _leaves(numbers: Mapping[str, float], free: Mapping[str, Any]) -> dict[str, Value]:
    for name, number in numbers.items():
        if name not in free:
            there = ", ".join(map(printable, free)) or "none"
            raise ExpressionError(f"{printable(name)} has a number, but is no variable of the expression; there are: {there}")
        if not math.isfinite(number):
            raise ExpressionError(f"{printable(name)} is {number}; give it a finite number")
    return {name: Value(number, label=name) for name, number in numbers.items()}


def _labelled(x: Number, name: str) -> Number:
    """``x`` under the name, if it has none; a plain number as a leaf of that name."""
    if not name or (isinstance(x, Value) and x.label):
        return x
    if not isinstance(x, Value):
        return Value(x, label=name)
    x.label = name
    return x


class _Source:
    """A text, its syntax, and what it comes to."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ExpressionError(f"the expression has {len(text):,} characters, and may have {LONGEST:,}; write it in Python")
        self.lines = [line.strip() for line in text.splitlines()]
        self.text = "\n".join(self.lines)
        try:
            with warnings.catch_warnings(action="error"):  # nothing that Python warns of is an expression
                self.syntax = ast.parse(self.text)
        except SyntaxError as error:
            why = error.msg.partition(". ")[0]
            hint = "; a product is written 2*x" if why.startswith("invalid") else ""
            line, column = error.lineno or 1, (error.offset or 1) - 1
            raise ExpressionError(
                f"{self._at(line, column, ''.join(self.lines[line - 1 : line])[column:])}: {why}{hint}"
            ) from None
        except (MemoryError, RecursionError):
            raise ExpressionError("the expression is nested too deeply; name its parts: a = x*w; tanh(a)") from None
        except ValueError as error:
            raise ExpressionError(f"the expression is no text: {error}") from None

    def parts(self) -> Iterator[tuple[str, ast.expr]]:
        """The parts between semicolons, each with its name; the last may go without."""
        if not self.syntax.body:
            raise ExpressionError("the expression is empty; write one, such as tanh(x*w)")
        for part in self.syntax.body:
            match part:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield name, value
                case ast.Expr(value=value) if part is self.syntax.body[-1]:
                    yield "", value
                case ast.Expr():
                    raise self.error(part, "all but the last need a name: a = x*w; tanh(a)")
                case _:
                    raise self.error(part, "no expression, such as tanh(x*w)")

    def calls(self, part: ast.expr) -> list[_Call]:
        """``part`` and all within it, operands before results."""
        order, waiting = [], [part]
        while waiting:
            order.append(self._call(waiting.pop()))
            waiting += order[-1].operands
        return order[::-1]

    def _call(self, part: ast.expr) -> _Call:
        """What is known of expressions; all else is refused."""
        match part:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                x = self._float(part, number)
                return _Call(part, lambda: x)
            case ast.Name():
                return _Call(part)
            case ast.UnaryOp(op=op) if type(op) in _OPERATORS:
                return _Call(part, _OPERATORS[type(op)], [part.operand])
            case ast.BinOp(op=op) if type(op) in _OPERATORS:
                return _Call(part, _OPERATORS[type(op)], [part.left, part.right])
            case ast.Call(ast.Name("where"), [ast.Compare(left, [op], [right]), *choices], []) if type(op) in _COMPARISONS:
                holds = _COMPARISONS[type(op)]
                self._function(part, "where")
                return _Call(part, lambda a, b, *xs: ops.where(holds(a, b), *xs), [left, right, *choices])
            case ast.Call(ast.Name(name), operands, []):
                return _Call(part, self._function(part, name), operands)
        kind = type(getattr(part, "op", part))
        raise self.error(
            part, _ANOTHER_WAY.get(kind, "not known; there are numbers, names, + - * / **, and calls such as tanh(x)")
        )

    def _function(self, part: ast.Call, name: str) -> Callable[..., Number]:
        elementwise = {row.name: row.call for row in PRIMITIVES.values() if isinstance(row, Elementwise)}
        functions: dict[str, Callable[..., Number]] = {**elementwise, **_PYTHONS_NAMES}
        if name not in functions:
            near = get_close_matches(name, functions, 2)
            there = (
                f"did you mean {' or '.join(near)}?"
                if near
                else f"there are {', '.join(sorted([x for x in functions if hasattr(ops, x)]))}"
            )
            raise self.error(part, f"no function is called {printable(name)}; {there}")
        takes = signature(functions[name])
        try:
            fits = bool(takes.bind(*part.args).args)  # one of any number takes at least one
        except TypeError:
            fits = False
        if not fits:
            raise self.error(part, f"it is called as {name}({', '.join(map(str, takes.parameters.values()))})")
        return functions[name]

    def value(self, calls: Sequence[_Call], scope: Mapping[str, Number]) -> Number:
        """What the last of the calls comes to."""
        values: dict[ast.expr, Number] = {}
        for call in calls:
            part = call.part
            values[part] = (
                scope[part.id] if isinstance(part, ast.Name) else self._result(call, [values[x] for x in call.operands])
            )
        return values[calls[-1].part]

    def _float(self, part: ast.expr, number: float) -> float:
        try:
            if math.isfinite(number):
                return float(number)
        except OverflowError:
            pass
        raise self.error(part, "too large for a float, which ends at 1.8e308")

    def _result(self, call: _Call, operands: Sequence[Number]) -> Number:
        assert call.function is not None
        try:
            z = call.function(*operands)
        except DomainError as error:
            raise self.error(call.part, str(error).removesuffix(f" ({callers_line()})")) from None
        if isinstance(z, Value) and z.op is not None and z._note is None:
            z._note = Note(line=self._place(call.part))
        return z

    def error(self, part: ast.expr | ast.stmt, why: str) -> ExpressionError:
        """What is wrong with the part, after its place."""
        return ExpressionError(f"{self._place(part)}: {why}")

    def _place(self, part: ast.expr | ast.stmt) -> str:
        line = self.lines[part.lineno - 1].encode()  # the tree counts bytes
        end = part.end_col_offset if part.end_lineno == part.lineno else None
        return self._at(part.lineno, len(line[: part.col_offset].decode()), line[part.col_offset : end].decode())

    def _at(self, line: int, column: int, shown: str) -> str:
        where = f"line {line}, column {column + 1}" if len(self.lines) > 1 else f"column {column + 1}"
        return f"{where}, '{printable(shown)}'" if shown else where
