"""The op table read with complex numbers: derivatives to the last digit, by a step so small that nothing cancels.

``f(x + ih) = f(x) + ih f'(x) + O(h²)``, so the imaginary part over ``h`` is the derivative. At a kink the order is that of the
real parts and, where they tie, of the imaginary parts: a step of ``+ih`` goes to the right, one of ``-ih`` to the left, and
each gives its one-sided derivative.

Complex .... one such number; ``numbers`` are the functions of it
``arrays`` . the functions of complex arrays, which NumPy orders in the same way

Source: Squire and Trapp, *Using Complex Variables to Estimate Derivatives of Real Functions* (1998).
"""

import cmath
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arrays as real_arrays


class Complex:
    """A complex number, ordered by its real part and then by its imaginary part."""

    __slots__ = ("z",)

    def __init__(self, z: complex) -> None:
        self.z = z

    # fmt: off
    def __add__(self, other: Any) -> "Complex": return Complex(self.z + _z(other))
    def __sub__(self, other: Any) -> "Complex": return Complex(self.z - _z(other))
    def __rsub__(self, other: Any) -> "Complex": return Complex(_z(other) - self.z)
    def __mul__(self, other: Any) -> "Complex": return Complex(self.z * _z(other))
    def __truediv__(self, other: Any) -> "Complex": return Complex(self.z / _z(other))
    def __rtruediv__(self, other: Any) -> "Complex": return Complex(_z(other) / self.z)
    def __pow__(self, other: Any) -> "Complex": return Complex(_pow(self.z, _z(other)))
    def __rpow__(self, other: Any) -> "Complex": return Complex(_pow(_z(other), self.z))
    def __neg__(self) -> "Complex": return Complex(-self.z)
    def __pos__(self) -> "Complex": return self
    def __abs__(self) -> "Complex": return -self if self < 0.0 else self
    def __lt__(self, other: Any) -> bool: return _ordered(self) < _ordered(other)
    def __le__(self, other: Any) -> bool: return _ordered(self) <= _ordered(other)
    def __gt__(self, other: Any) -> bool: return _ordered(self) > _ordered(other)
    def __ge__(self, other: Any) -> bool: return _ordered(self) >= _ordered(other)
    def __eq__(self, other: Any) -> bool: return _ordered(self) == _ordered(other)
    def __bool__(self) -> bool: return self.z != 0
    __radd__, __rmul__ = __add__, __mul__
    __hash__ = None  # type: ignore[assignment]
    # fmt: on


def _z(x: Any) -> complex:
    z: complex = x.z if type(x) is Complex else complex(x)
    return z


def _ordered(x: Any) -> tuple[float, float]:
    z = _z(x)
    return z.real, z.imag


def _pow(x: complex, y: complex) -> complex:
    if y.imag == 0 and y.real == int(y.real) and x.real < 0 and abs(y.real) > 100:  # else cmath goes by the argument of x
        return complex((-x) ** y.real * (-1.0) ** y.real)
    return complex(x**y.real if y.imag == 0 else x**y)


def _expm1(z: complex) -> complex:
    turn = 2.0 * math.sin(z.imag / 2) ** 2
    return complex(math.expm1(z.real) - math.exp(z.real) * turn, math.exp(z.real) * math.sin(z.imag))


def _log1p(z: complex) -> complex:
    return complex(math.log1p(z.real), math.atan2(z.imag, 1.0 + z.real))  # for |z.imag| ≪ 1


def _on_numbers(function: Callable[[complex], complex]) -> Callable[[Any], Complex]:
    return lambda x: Complex(function(_z(x)))


class _Numbers:
    """The functions of ``autograd.scalar``, of Complex numbers."""

    abs = staticmethod(lambda x: -x if x < 0.0 else x)
    where = staticmethod(lambda condition, x, y: x if condition else y)
    maximum = staticmethod(lambda x, y: x if x >= y else y)
    minimum = staticmethod(lambda x, y: x if x <= y else y)
    pow = staticmethod(lambda x, y: Complex(_pow(_z(x), _z(y))))
    expm1 = staticmethod(_on_numbers(_expm1))
    log1p = staticmethod(_on_numbers(_log1p))
    arcsin, arccos, arctan = map(staticmethod, map(_on_numbers, (cmath.asin, cmath.acos, cmath.atan)))
    exp, log, sqrt = map(staticmethod, map(_on_numbers, (cmath.exp, cmath.log, cmath.sqrt)))
    sin, cos, tan = map(staticmethod, map(_on_numbers, (cmath.sin, cmath.cos, cmath.tan)))
    sinh, cosh, tanh = map(staticmethod, map(_on_numbers, (cmath.sinh, cmath.cosh, cmath.tanh)))


class _Arrays:
    """The functions of ``autograd.arrays``; those that a complex array would take otherwise are given here."""

    def __getattr__(self, name: str) -> Any:
        return getattr(real_arrays, name)

    def abs(self, x: Any) -> Any:
        return np.where(x < 0, -x, x)

    def astype(self, x: Any, dtype: Any) -> Any:
        return x

    def logsumexp(self, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        largest = np.max(a, axis, keepdims=True)
        z = np.log(np.sum(np.exp(a - largest), axis, keepdims=True)) + largest
        return z if keepdims else z.squeeze(axis)


numbers = _Numbers()
arrays = _Arrays()
