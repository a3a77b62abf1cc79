"""The op table read with decimal numbers of 150 digits: a finite difference of them is as good as a derivative.

Exact ...... one such number; ``numbers`` are the functions of it
``arrays`` . the functions of arrays of such numbers
"""

from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

import numpy as np

from .. import arrays as real_arrays

DIGITS = 150
_context = Context(prec=DIGITS, Emax=10**9, Emin=-(10**9), traps=[DivisionByZero, InvalidOperation, Overflow])
_guarded = Context(prec=DIGITS + 20, Emax=10**9, Emin=-(10**9), traps=[DivisionByZero, InvalidOperation, Overflow])
_ONE, _TWO = Decimal(1), Decimal(2)


class Exact:
    """A decimal number that floats go into without rounding."""

    __slots__ = ("d",)
    shape, ndim, size = (), 0, 1  # beside arrays

    def __init__(self, d: Decimal) -> None:
        self.d = d

    # fmt: off
    def __add__(self, other: Any) -> "Exact": return Exact(_context.add(self.d, decimal(other)))
    def __sub__(self, other: Any) -> "Exact": return Exact(_context.subtract(self.d, decimal(other)))
    def __rsub__(self, other: Any) -> "Exact": return Exact(_context.subtract(decimal(other), self.d))
    def __mul__(self, other: Any) -> "Exact": return Exact(_context.multiply(self.d, decimal(other)))
    def __truediv__(self, other: Any) -> "Exact": return Exact(_context.divide(self.d, decimal(other)))
    def __rtruediv__(self, other: Any) -> "Exact": return Exact(_context.divide(decimal(other), self.d))
    def __pow__(self, other: Any) -> "Exact": return Exact(_context.power(self.d, decimal(other)))
    def __rpow__(self, other: Any) -> "Exact": return Exact(_context.power(decimal(other), self.d))
    def __neg__(self) -> "Exact": return Exact(_context.minus(self.d))
    def __pos__(self) -> "Exact": return self
    def __abs__(self) -> "Exact": return Exact(_context.abs(self.d))
    def __lt__(self, other: Any) -> bool: return self.d < decimal(other)
    def __le__(self, other: Any) -> bool: return self.d <= decimal(other)
    def __gt__(self, other: Any) -> bool: return self.d > decimal(other)
    def __ge__(self, other: Any) -> bool: return self.d >= decimal(other)
    def __eq__(self, other: Any) -> bool: return self.d == decimal(other)
    def __bool__(self) -> bool: return bool(self.d)
    __radd__, __rmul__ = __add__, __mul__
    __hash__ = None  # type: ignore[assignment]
    # fmt: on

    def __getattr__(self, name: str) -> Any:  # by which NumPy asks for its functions of arrays of objects
        if name not in _FUNCTIONS:
            raise AttributeError(name)
        return lambda: getattr(numbers, name)(self)


def decimal(x: Any) -> Decimal:
    """``x`` as a decimal number, to the last bit."""
    return x.d if type(x) is Exact else Decimal(float(x))


def _series(x: Decimal, term: Decimal, step: Callable[[int], Decimal]) -> Decimal:
    """``Σ termₙ`` with ``termₙ₊₁ = termₙ · step(n)``, until nothing is added any more."""
    total, n = term, 1
    while term and term.adjusted() > total.adjusted() - DIGITS - 20:
        term = _guarded.multiply(term, step(n))
        total = _guarded.add(total, term)
        n += 1
    return total


def _turn() -> Decimal:
    """π, by Machin's formula."""
    fifth, other = _arctan_of_small(_guarded.divide(_ONE, 5)), _arctan_of_small(_guarded.divide(_ONE, 239))
    return _guarded.subtract(_guarded.multiply(16, fifth), _guarded.multiply(4, other))


def _arctan_of_small(x: Decimal) -> Decimal:
    square, power, total, n = _guarded.multiply(x, x), x, x, 1
    while power and power.adjusted() > total.adjusted() - DIGITS - 20:
        power = _guarded.minus(_guarded.multiply(power, square))
        n += 2
        total = _guarded.add(total, _guarded.divide(power, n))
    return total


_PI = _turn()


def _sin(x: Decimal) -> Decimal:
    x = _guarded.remainder_near(x, _guarded.multiply(_TWO, _PI))
    square = _guarded.multiply(x, x)
    return _series(x, x, lambda n: _guarded.divide(square.copy_negate(), 2 * n * (2 * n + 1)))


def _cos(x: Decimal) -> Decimal:
    x = _guarded.remainder_near(x, _guarded.multiply(_TWO, _PI))
    square = _guarded.multiply(x, x)
    return _series(x, _ONE, lambda n: _guarded.divide(square.copy_negate(), 2 * n * (2 * n - 1)))


def _exp(x: Decimal) -> Decimal:
    return _guarded.exp(x)


def _expm1(x: Decimal) -> Decimal:
    if abs(x) > _ONE:
        return _guarded.subtract(_exp(x), _ONE)
    return _series(x, x, lambda n: _guarded.divide(x, n + 1))


def _log1p(x: Decimal) -> Decimal:
    """``ln(1 + x)``; one step of Newton's brings back what is lost in the sum for small ``x``."""
    y = _guarded.ln(Context(prec=3 * DIGITS).add(_ONE, x))
    return _guarded.add(y, _guarded.divide(_guarded.subtract(x, _expm1(y)), _exp(y)))


def _sinh(x: Decimal) -> Decimal:
    e = _expm1(x)  # sinh x = (e + e / (e + 1)) / 2
    return _guarded.divide(_guarded.add(e, _guarded.divide(e, _guarded.add(e, _ONE))), _TWO)


def _cosh(x: Decimal) -> Decimal:
    return _guarded.divide(_guarded.add(_exp(x), _exp(x.copy_negate())), _TWO)


def _tanh(x: Decimal) -> Decimal:
    e = _expm1(_guarded.multiply(_TWO, x.copy_abs().copy_negate()))
    return _guarded.divide(e.copy_negate(), _guarded.add(_TWO, e)).copy_sign(x)


def _arctan(x: Decimal) -> Decimal:
    if abs(x) > _ONE:
        return _guarded.subtract(_guarded.divide(_PI, _TWO).copy_sign(x), _arctan(_guarded.divide(_ONE, x)))
    halvings = 0
    while abs(x) > Decimal("0.05"):  # tan(a/2) = tan a / (1 + √(1 + tan² a))
        root = _guarded.sqrt(_guarded.add(_ONE, _guarded.multiply(x, x)))
        x = _guarded.divide(x, _guarded.add(_ONE, root))
        halvings += 1
    return _guarded.multiply(_arctan_of_small(x), 2**halvings)


def _arcsin(x: Decimal) -> Decimal:
    away = _guarded.sqrt(_guarded.multiply(_guarded.subtract(_ONE, x), _guarded.add(_ONE, x)))
    return _arctan(_guarded.divide(x, away)) if away else _guarded.divide(_PI, _TWO).copy_sign(x)


def _pow(x: Any, y: Any) -> Exact:
    base, exponent = decimal(x), decimal(y)
    return Exact(_context.power(base, exponent) if base or exponent else _ONE)


def _on_numbers(function: Callable[[Decimal], Decimal]) -> Callable[[Any], Exact]:
    return lambda x: Exact(_context.plus(function(decimal(x))))


class _Numbers:
    """The functions of ``autograd.scalar``, of Exact numbers."""

    abs = staticmethod(lambda x: Exact(_context.abs(decimal(x))))
    where = staticmethod(lambda condition, x, y: x if condition else y)
    maximum = staticmethod(lambda x, y: x if x >= y else y)
    minimum = staticmethod(lambda x, y: x if x <= y else y)
    pow = staticmethod(_pow)
    exp, log, sqrt = map(staticmethod, map(_on_numbers, (_exp, _guarded.ln, _guarded.sqrt)))
    expm1, log1p = map(staticmethod, map(_on_numbers, (_expm1, _log1p)))
    sin, cos = map(staticmethod, map(_on_numbers, (_sin, _cos)))
    tan = staticmethod(_on_numbers(lambda x: _guarded.divide(_sin(x), _cos(x))))
    sinh, cosh, tanh = map(staticmethod, map(_on_numbers, (_sinh, _cosh, _tanh)))
    arcsin, arctan = map(staticmethod, map(_on_numbers, (_arcsin, _arctan)))
    arccos = staticmethod(_on_numbers(lambda x: _guarded.subtract(_guarded.divide(_PI, _TWO), _arcsin(x))))


class _Arrays:
    """The functions of ``autograd.arrays``, of arrays of Exact numbers."""

    def __getattr__(self, name: str) -> Any:
        return getattr(real_arrays, name)

    def astype(self, x: Any, dtype: Any) -> Any:
        return x

    def mean(self, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        total = np.sum(a, axis, keepdims=keepdims)
        return total * Exact(_context.divide(_ONE * max(np.size(total), 1), Decimal(np.size(a))))

    def logsumexp(self, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        largest = np.max(a, axis, keepdims=True)
        z = np.log(np.sum(np.exp(a - largest), axis, keepdims=True)) + largest
        return z if keepdims else z.squeeze(axis)


_FUNCTIONS = {
    "exp", "log", "sqrt", "expm1", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
}  # fmt: skip
numbers = _Numbers()
arrays = _Arrays()
