"""exp, tanh, sin and cos as polynomials, of which LLVM makes vector code; functions of the C library it calls number by number.

They are right to three units in the last place, though sin(-0) is 0. Beyond a million, sin and cos are nan: more digits of π
would be needed.

Source: Cody, Waite, *Software Manual for the Elementary Functions* (1980), for numbers less a multiple of ln 2 or π/2.
"""

import math
import re
from collections.abc import Callable
from typing import TypeVar

import numpy as np

CALLED = re.compile(r"\b(exp|tanh|sin|cos)\(")

F = TypeVar("F", bound=Callable[..., object])

# In parts, of which all but the last have so few digits that multiples are exact
_LN_2 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_HALF_PI = 1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21
_LARGEST = 1e6

# Taylor's coefficients, highest power first
_EXPM1 = tuple([1 / math.factorial(i) for i in range(13, 1, -1)])  # of x² and above, over x
_SIN = tuple([(-1) ** i / math.factorial(2 * i + 1) for i in range(8, 0, -1)])  # of x³ and above, over x
_COS = tuple([(-1) ** i / math.factorial(2 * i) for i in range(8, 0, -1)])  # of x² and above


def compiled() -> dict[str, Callable[[float], float]]:
    """The functions, by name, compiled by Numba."""
    import numba

    def jit(f: F) -> F:
        made: F = numba.njit(f, fastmath={"contract"})  # x * y + z as one instruction, rounded once
        return made

    @jit
    def polynomial(x: float, coefficients: tuple[float, ...]) -> float:
        """That without a constant."""
        y = 0.0
        for c in coefficients:
            y = (y + c) * x  # the other way round LLVM makes no vector code of cos
        return y

    @jit
    def two_to(k: float) -> float:
        return np.int64((np.int64(k) + 1023) << 52).view(np.float64)

    @jit
    def parted(x: float) -> tuple[float, float]:
        """``k, y`` such that ``exp(x) = 2ᵏ (1 + y)``."""
        k = np.floor(x * (1 / math.log(2)) + 0.5)
        r = (x - k * _LN_2[0]) - k * _LN_2[1]
        return k, polynomial(r, _EXPM1) * r + r

    @jit
    def exp(x: float) -> float:
        k, y = parted(min(max(x, -750.0), 711.0))  # 0 below, infinite above
        half = np.floor(0.5 * k)
        return x if x != x else (1.0 + y) * two_to(half) * two_to(k - half)

    @jit
    def tanh(x: float) -> float:
        k, y = parted(-2.0 * min(abs(x), 20.0))  # 1 above
        power = two_to(k)
        expm1 = power * y + (power - 1.0)
        return x if x != x else math.copysign(expm1 / (2.0 + expm1), x)

    @jit
    def sin_at(x: float, quarters: int) -> float:
        """``sin(x + quarters · π/2)``."""
        known = abs(x) <= _LARGEST
        x = x if known else 0.0
        k = np.floor(x * (2 / math.pi) + 0.5)
        r = ((x - k * _HALF_PI[0]) - k * _HALF_PI[1]) - k * _HALF_PI[2]
        turn, square = np.int64(k) + quarters, r * r
        z = polynomial(square, _COS) + 1.0 if turn & 1 else polynomial(square, _SIN) * r + r
        z = -z if turn & 2 else z
        return z if known else np.nan

    @jit
    def sin(x: float) -> float:
        return sin_at(x, 0)

    @jit
    def cos(x: float) -> float:
        return sin_at(x, 1)

    return {"exp": exp, "tanh": tanh, "sin": sin, "cos": cos}
