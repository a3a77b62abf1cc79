"""Rows of the op table as JavaScript, so that a page computes forward and backward by itself.

>>> from autograd import PRIMITIVES
>>> print(functions([(PRIMITIVES["mul"], 2), (PRIMITIVES["tanh"], 1)]))
[[x=>x[0]*x[1],(z,x)=>[x[1],x[0]]],[x=>Math.tanh(x[0]),z=>[1-z*z]]]
"""

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from math import isinf, isnan
from typing import Any

from autograd.primitive import Elementwise
from autograd.terms import COMPARISONS, Operand, Term, Terms, needed, read

from .notation import Binds, Notation, Written, signed


def functions(uses: Sequence[tuple[Elementwise, int]]) -> str:
    """An array of JavaScript: for each row and number of operands ``[x=>forward,(z,x)=>[partials]]``.

    ``x`` is the array of the operands' values and ``z`` the result; a function leaves out parameters it has no use for. Where
    no derivative flows, the partial is 0. What Python refuses, as the logarithm of 0, is ``Infinity`` or ``NaN`` there.

    Args:
        uses: rows, and with how many operands each is used.

    Raises:
        ReadingError: a row can't be read as terms.
    """
    return f"[{','.join([_pair(row, arity) for row, arity in uses])}]"


def _pair(row: Elementwise, arity: int) -> str:
    forward, partials = read(row, arity, _Functions)
    leaves = {term.op[0] for term in needed(partials) if not term.operands}
    parameters = "(z,x)" if "x" in leaves else "z" if leaves else "()"
    known = [0 if x is None else x for x in partials]
    return f"[{_function('x', [forward], '{}')},{_function(parameters, known, '[{}]')}]"


def _function(parameters: str, roots: Sequence[Operand], result: str) -> str:
    """An arrow function, with a constant for each term that is used more than once, or is so long that it had better be cut."""
    uses = Counter([x.place for x in chain(roots, *[term.operands for term in needed(roots)]) if isinstance(x, Term)])
    constants: list[str] = []

    def named(term: Term, written: Written) -> Written:
        if not term.operands or (uses[term.place] == 1 and len(written.text) < 1000):
            return written
        name = _name(len(constants))
        constants.append(f"{name}={written.text}")
        return Written(name)

    written = _JavaScript().write(roots, lambda leaf: Written(leaf if leaf == "z" else f"x[{leaf[1:]}]"), named)
    body = result.format(",".join([x.text for x in written]))
    if not constants:
        return f"{parameters}=>{body}"
    return f"{parameters}=>{{const {','.join(constants)};return{' ' * body[0].isalnum()}{body}}}"


_LETTERS = "abcdefghijklmnopqrstuvwy"


def _name(i: int) -> str:
    """Name number ``i`` of a constant: neither a parameter nor a word of the language."""
    turn, letter = divmod(i, len(_LETTERS))
    return f"{_LETTERS[letter]}{turn or ''}"


class _Functions(Terms):
    """What JavaScript lacks or does otherwise, made of what it has."""

    def where(self, condition: Any, x: Any, y: Any) -> Term:
        """A choice by a comparison; nan is true in Python."""
        if condition.op in COMPARISONS:
            return self.make("where", condition, x, y)
        return self.make("where", condition == 0, y, x)

    def maximum(self, x: Any, y: Any) -> Term:
        """The larger of two, ``x`` where they tie, and nan if either is."""
        return self._extreme(x < y, x, y)

    def minimum(self, x: Any, y: Any) -> Term:
        """The smaller of two, likewise."""
        return self._extreme(x > y, x, y)

    def _extreme(self, beyond: Any, x: Any, y: Any) -> Term:
        return self.where(beyond, y, x if not isinstance(y, Term) else self.where(y == y, x, y))

    def pow(self, x: Any, y: Any) -> Term:
        """The power by which 1 stays 1, though the exponent be nan."""
        power = self.make("pow", x, y)
        return self.where(x == 1, 1, power) if isinstance(x, Term) and isinstance(y, Term) else power


class _JavaScript(Notation):
    space = ""
    behind_minus = Binds.ATOM  # -a**b is no JavaScript

    def number(self, x: float) -> Written:
        if isnan(x):
            return Written("NaN")
        if isinf(x):
            return Written("1/0" if x > 0 else "-1/0", Binds.PRODUCT)
        return signed(_shortest(x))

    def apply(self, op: str, operands: Sequence[Written]) -> Written:
        match op, operands:
            case "where", [condition, x, y]:
                return Written(f"{condition.text}?{x.text}:{y.text}", Binds.CHOICE)
            case "-", [x, y] if y.text[0] == "-":
                return super().apply(op, [x, y._replace(text=f" {y.text}")])  # for -- is another operator
        return super().apply(op, operands)

    def call(self, function: str, arguments: Sequence[str]) -> Written:
        return super().call(f"Math.{function.replace('arc', 'a')}", arguments)


def _shortest(x: float) -> str:
    """The shortest text that is read as ``x``."""
    exact = Decimal(repr(float(x))).normalize()
    plain = re.sub(r"^(-?)0\.", r"\1.", f"{exact:f}")
    sign, digits, exponent = exact.as_tuple()
    return min(plain, f"{'-' * sign}{''.join(map(str, digits))}e{exponent}", key=len)
