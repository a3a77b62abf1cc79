"""NumPy's function names for plain floats: the namespace ``xp`` in which a row of the op table is read for a ``Value``.

Everything here takes and returns floats, and raises (``ValueError``, ``OverflowError``, ``ZeroDivisionError``)
where NumPy would warn and go on with ``nan`` or ``inf``.
"""

from builtins import abs
from math import acos as arccos
from math import asin as arcsin
from math import atan as arctan
from math import cos, cosh, exp, expm1, log, log1p, pow, sin, sinh, sqrt, tan, tanh

__all__ = [
    "abs", "arccos", "arcsin", "arctan", "cos", "cosh", "exp", "expm1", "log", "log1p", "maximum", "minimum", "pow",
    "sin", "sinh", "sqrt", "tan", "tanh", "where",
]  # fmt: skip


def where(condition: bool, x: float, y: float) -> float:
    """``x`` where the condition holds, else ``y``; both have been computed by then, as in NumPy."""
    return x if condition else y


def maximum(x: float, y: float) -> float:
    """The larger of the two; ``nan`` if either is, as in NumPy."""
    return x if x >= y or x != x else y


def minimum(x: float, y: float) -> float:
    """The smaller of the two; ``nan`` if either is, as in NumPy."""
    return x if x <= y or x != x else y
