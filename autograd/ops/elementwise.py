"""Ops that work element by element: numbers to a number, arrays to an array.

A row is the forward function, written for any namespace ``xp``, and one partial per operand, ``(xp, z, *operands) ->
∂z/∂operand``, which may use the result ``z``. Rows branch through ``xp.where``, never with ``if``, so that they can be read
with arrays and with nodes. At a kink the partial is a convention, stated in the row.
"""

from typing import Any, TypeAlias

from ..primitive import Domain
from ..table import elementwise

XP: TypeAlias = Any  # a namespace: autograd.scalar, autograd.arrays, autograd.ops, …
X: TypeAlias = Any  # what it works on: floats, arrays, nodes, …

REAL = Domain("", ((-2.0, -0.1), (0.1, 2.0)))
POSITIVE = Domain("> 0", ((0.2, 3.0),))
NONZERO = Domain("≠ 0", ((-3.0, -0.3), (0.3, 3.0)))
ABOVE_MINUS_1 = Domain("> -1", ((-0.8, 2.0),))
INSIDE_1 = Domain("between -1 and 1", ((-0.9, -0.1), (0.1, 0.9)))
PROBABILITY = Domain("between 0 and 1", ((0.05, 0.95),))
CONDITION = Domain("", ((-1.0, -1.0), (0.0, 0.0)))

# -- arithmetic ----------------------------------------


@elementwise(
    lambda xp, z, x, y: 1.0,
    lambda xp, z, x, y: 1.0,
    domain=(REAL, REAL),
    symbol="+",
)
def add(xp: XP, x: X, y: X) -> X:
    """Sum, ``z = x + y``."""
    return x + y


@elementwise(
    lambda xp, z, x, y: 1.0,
    lambda xp, z, x, y: -1.0,
    domain=(REAL, REAL),
    symbol="-",
)
def sub(xp: XP, x: X, y: X) -> X:
    """Difference, ``z = x - y``."""
    return x - y


@elementwise(
    lambda xp, z, x, y: y,  # ∂z/∂x
    lambda xp, z, x, y: x,  # ∂z/∂y
    domain=(REAL, REAL),
    symbol="*",
)
def mul(xp: XP, x: X, y: X) -> X:
    """Product, ``z = x · y``."""
    return x * y


@elementwise(
    lambda xp, z, x, y: 1.0 / y,
    lambda xp, z, x, y: -z / y,
    domain=(REAL, NONZERO),
    symbol="/",
)
def div(xp: XP, x: X, y: X) -> X:
    """Quotient, ``z = x / y``."""
    return x / y


@elementwise(lambda xp, z, x: 1.0, domain=(REAL,), symbol="+")
def positive(xp: XP, x: X) -> X:
    """``z = x``, as a node of its own."""
    return +x


@elementwise(lambda xp, z, x: -1.0, domain=(REAL,), symbol="-")
def neg(xp: XP, x: X) -> X:
    """Negation, ``z = -x``."""
    return -x


@elementwise(
    lambda xp, z, x, y: y * xp.pow(x, xp.where(y == 0, 1.0, y - 1.0)),  # x⁰ is flat, at x = 0 too
    lambda xp, z, x, y: z * xp.log(xp.where(x == 0, 1.0, x)),  # 0ʸ is flat
    domain=(Domain("> 0 (or operand 2 whole, and > 0 at 0)", POSITIVE.intervals), REAL),
    symbol="**",
)
def pow(xp: XP, x: X, y: X) -> X:
    """Power, ``z = x ** y``. A negative ``x`` takes a whole, constant ``y``."""
    return xp.pow(x, y)


# -- exponentials and logarithms ----------------------------------------


@elementwise(lambda xp, z, x: z, domain=(REAL,))
def exp(xp: XP, x: X) -> X:
    """Exponential, ``z = eˣ``."""
    return xp.exp(x)


@elementwise(lambda xp, z, x: xp.exp(x), domain=(REAL,))
def expm1(xp: XP, x: X) -> X:
    """``z = eˣ - 1``, exact for small ``x``."""
    return xp.expm1(x)


@elementwise(lambda xp, z, x: 1.0 / x, domain=(POSITIVE,))
def log(xp: XP, x: X) -> X:
    """Natural logarithm, ``z = ln x``."""
    return xp.log(x)


@elementwise(lambda xp, z, x: 1.0 / (1.0 + x), domain=(ABOVE_MINUS_1,))
def log1p(xp: XP, x: X) -> X:
    """``z = ln(1 + x)``, exact for small ``x``."""
    return xp.log1p(x)


@elementwise(lambda xp, z, x: 0.5 / z, domain=(POSITIVE,))
def sqrt(xp: XP, x: X) -> X:
    """Square root, ``z = √x``; at 0 there is no finite derivative."""
    return xp.sqrt(x)


@elementwise(
    lambda xp, z, x: xp.where(x > 0, 1.0, xp.where(x < 0, -1.0, 0.0)),
    domain=(REAL,),
    symbol="|x|",
)
def abs(xp: XP, x: X) -> X:
    """Absolute value, ``z = |x|``; at the kink ``∂z/∂x = 0`` by convention."""
    return xp.abs(x)


# -- trigonometric and hyperbolic ----------------------------------------


@elementwise(lambda xp, z, x: xp.cos(x), domain=(REAL,))
def sin(xp: XP, x: X) -> X:
    """Sine of ``x`` radians."""
    return xp.sin(x)


@elementwise(lambda xp, z, x: -xp.sin(x), domain=(REAL,))
def cos(xp: XP, x: X) -> X:
    """Cosine of ``x`` radians."""
    return xp.cos(x)


@elementwise(lambda xp, z, x: 1.0 + z * z, domain=(INSIDE_1,))
def tan(xp: XP, x: X) -> X:
    """Tangent of ``x`` radians."""
    return xp.tan(x)


@elementwise(lambda xp, z, x: xp.cosh(x), domain=(REAL,))
def sinh(xp: XP, x: X) -> X:
    """Hyperbolic sine."""
    return xp.sinh(x)


@elementwise(lambda xp, z, x: xp.sinh(x), domain=(REAL,))
def cosh(xp: XP, x: X) -> X:
    """Hyperbolic cosine."""
    return xp.cosh(x)


@elementwise(lambda xp, z, x: 1.0 - z * z, domain=(REAL,))
def tanh(xp: XP, x: X) -> X:
    """Hyperbolic tangent, ``z = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)``."""
    return xp.tanh(x)


@elementwise(lambda xp, z, x: 1.0 / xp.sqrt(1.0 - x * x), domain=(INSIDE_1,))
def arcsin(xp: XP, x: X) -> X:
    """Inverse sine, in radians; at ±1 there is no finite derivative."""
    return xp.arcsin(x)


@elementwise(lambda xp, z, x: -1.0 / xp.sqrt(1.0 - x * x), domain=(INSIDE_1,))
def arccos(xp: XP, x: X) -> X:
    """Inverse cosine, in radians; at ±1 there is no finite derivative."""
    return xp.arccos(x)


@elementwise(lambda xp, z, x: 1.0 / (1.0 + x * x), domain=(REAL,))
def arctan(xp: XP, x: X) -> X:
    """Inverse tangent, in radians."""
    return xp.arctan(x)


# -- activations ----------------------------------------


def _logistic(xp: XP, x: X) -> X:
    e = xp.exp(-xp.abs(x))  # at most 1, so nothing overflows
    return xp.where(x >= 0, 1.0, e) / (1.0 + e)


@elementwise(lambda xp, z, x: z * (1.0 - z), domain=(REAL,), symbol="σ")
def sigmoid(xp: XP, x: X) -> X:
    """Logistic function, ``z = 1 / (1 + e⁻ˣ)``, for any ``x`` without overflow."""
    return _logistic(xp, x)


@elementwise(lambda xp, z, x: _logistic(xp, x), domain=(REAL,))
def softplus(xp: XP, x: X) -> X:
    """Smooth rectifier, ``z = ln(1 + eˣ)``, for any ``x`` without overflow.

    Source: Dugas et al., *Incorporating Second-Order Functional Knowledge for Better Option Pricing* (2001).
    """
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


@elementwise(lambda xp, z, x: xp.where(x > 0, 1.0, 0.0), domain=(REAL,), symbol="ReLU")
def relu(xp: XP, x: X) -> X:
    """Rectifier, ``z = max(x, 0)``; at the kink ``∂z/∂x = 0`` by convention.

    Source: Nair and Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines* (2010).
    """
    return xp.maximum(x, 0.0)


@elementwise(
    lambda xp, z, x, slope: xp.where(x > 0, 1.0, slope),
    lambda xp, z, x, slope: xp.where(x > 0, 0.0, x),
    domain=(REAL, REAL),
)
def leaky_relu(xp: XP, x: X, slope: X = 0.01) -> X:
    """``z = x`` where ``x > 0``, else ``slope · x``; at the kink ``∂z/∂x = slope``. The slope may be learnt.

    Source: He et al., *Delving Deep into Rectifiers* (2015).
    """
    return xp.where(x > 0, x, slope * x)


@elementwise(
    lambda xp, z, x, alpha: xp.where(x > 0, 1.0, alpha * xp.exp(xp.minimum(x, 0.0))),
    lambda xp, z, x, alpha: xp.expm1(xp.minimum(x, 0.0)),
    domain=(REAL, REAL),
)
def elu(xp: XP, x: X, alpha: X = 1.0) -> X:
    """Exponential linear unit, ``z = x`` where ``x > 0``, else ``alpha · (eˣ - 1)``.

    Source: Clevert, Unterthiner, Hochreiter, *Fast and Accurate Deep Network Learning by ELUs* (2016).
    """
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0.0)))


def _gelu_argument(xp: XP, x: X) -> X:
    return 1.5957691216057308 * (x + 0.044715 * x * x * x)  # 2 √(2/π)


def _gelu_partial(xp: XP, z: X, x: X) -> X:
    x = xp.minimum(xp.maximum(x, -50.0), 50.0)  # beyond, it is 0 or 1 to the last digit, and x³ might overflow
    v = _gelu_argument(xp, x)
    s = _logistic(xp, v)
    return s + x * s * _logistic(xp, -v) * 1.5957691216057308 * (1.0 + 0.134145 * x * x)


@elementwise(_gelu_partial, domain=(REAL,))
def gelu(xp: XP, x: X) -> X:
    """Gaussian error linear unit in its tanh form, ``z = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))``.

    It is computed as ``x σ(2√(2/π) (x + 0.044715 x³))``, which is the same, and exact for large negative ``x`` too.

    Source: Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016), section 2.
    """
    return x * _logistic(xp, _gelu_argument(xp, x))


def _silu_partial(xp: XP, z: X, x: X) -> X:
    s = _logistic(xp, x)
    return s * (1.0 + x * (1.0 - s))


@elementwise(_silu_partial, domain=(REAL,))
def silu(xp: XP, x: X) -> X:
    """Sigmoid linear unit (swish), ``z = x / (1 + e⁻ˣ)``.

    Source: Elfwing, Uchibe, Doya, *Sigmoid-Weighted Linear Units* (2018).
    """
    return x * _logistic(xp, x)


@elementwise(lambda xp, z, x: 0.0, domain=(REAL,))
def step(xp: XP, x: X) -> X:
    """Heaviside step, 1 where ``x > 0``, else 0: the perceptron's own activation. Its derivative is 0, at the jump by
    convention.

    Source: Rosenblatt, *The Perceptron* (1958).
    """
    zero = xp.minimum(xp.abs(x), 0.0)  # of the dtype of x
    return xp.where(x > 0, 1.0, zero)


# -- losses ----------------------------------------


@elementwise(
    lambda xp, z, p, y: (1.0 - y) / (1.0 - xp.where(y == 1, 0.0, p)) - y / xp.where(y == 0, 1.0, p),
    lambda xp, z, p, y: xp.log1p(-p) - xp.log(p),
    domain=(PROBABILITY, PROBABILITY),
)
def bce(xp: XP, p: X, y: X = 1.0) -> X:
    """Binary cross-entropy of a probability, ``z = -(y ln p + (1 - y) ln(1 - p))``, where ``0 ln 0 = 0``; for a label ``y``.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2.
    """
    return -y * xp.log(xp.where(y == 0, 1.0, p)) - (1.0 - y) * xp.log1p(-xp.where(y == 1, 0.0, p))


def _bce_with_logits_partial(xp: XP, z: X, x: X, y: X) -> X:
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0 - y - y * e, (1.0 - y) * e - y) / (1.0 + e)  # σ(x) - y, without its digits cancelling


@elementwise(_bce_with_logits_partial, lambda xp, z, x, y: -x, domain=(REAL, PROBABILITY))
def bce_with_logits(xp: XP, x: X, y: X = 1.0) -> X:
    """Binary cross-entropy of ``σ(x)``, ``z = ln(1 + eˣ) - x · y``, for any ``x`` without overflow.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2.
    """
    return (xp.maximum(x, 0.0) - x * y) + xp.log1p(xp.exp(-xp.abs(x)))


@elementwise(
    lambda xp, z, e, delta: xp.where(e > 0, 1.0, -1.0) * xp.minimum(xp.abs(e), delta),
    lambda xp, z, e, delta: xp.maximum(xp.abs(e) - delta, 0.0),
    domain=(REAL, POSITIVE),
)
def huber(xp: XP, e: X, delta: X = 1.0) -> X:
    """Huber's loss of an error, ``z = e² / 2`` where ``|e| ≤ delta``, else ``delta (|e| - delta / 2)``.

    Source: Huber, *Robust Estimation of a Location Parameter* (1964).
    """
    c = xp.minimum(xp.abs(e), delta)
    return c * (xp.abs(e) - 0.5 * c)  # both cases at once


# -- choices ----------------------------------------


@elementwise(
    lambda xp, z, x, y: xp.where(x > y, 1.0, xp.where(x == y, 0.5, 0.0)),
    lambda xp, z, x, y: xp.where(y > x, 1.0, xp.where(x == y, 0.5, 0.0)),
    domain=(REAL, REAL),
    symbol="max",
)
def maximum(xp: XP, x: X, y: X) -> X:
    """The larger of two; at a tie each gets half by convention."""
    return xp.maximum(x, y)


@elementwise(
    lambda xp, z, x, y: xp.where(x < y, 1.0, xp.where(x == y, 0.5, 0.0)),
    lambda xp, z, x, y: xp.where(y < x, 1.0, xp.where(x == y, 0.5, 0.0)),
    domain=(REAL, REAL),
    symbol="min",
)
def minimum(xp: XP, x: X, y: X) -> X:
    """The smaller of two; at a tie each gets half by convention."""
    return xp.minimum(x, y)


@elementwise(
    lambda xp, z, x, low, high: xp.where(x < low, 0.0, xp.where(x > high, 0.0, 1.0)),
    lambda xp, z, x, low, high: xp.where(x < low, xp.where(low > high, 0.0, 1.0), 0.0),
    lambda xp, z, x, low, high: xp.where(xp.maximum(x, low) > high, 1.0, 0.0),
    domain=(REAL, Domain("", ((-1.9, -0.2),)), Domain("", ((0.2, 1.9),))),
)
def clip(xp: XP, x: X, low: X, high: X) -> X:
    """``x`` held within ``[low, high]``; on an edge the derivative is that of ``x``. Where ``low > high``, ``z = high``."""
    return xp.minimum(xp.maximum(x, low), high)


@elementwise(
    None,
    lambda xp, z, condition, x, y: xp.where(condition, 1.0, 0.0),
    lambda xp, z, condition, x, y: xp.where(condition, 0.0, 1.0),
    domain=(CONDITION, REAL, REAL),
)
def where(xp: XP, condition: X, x: X, y: X) -> X:
    """``x`` where the condition holds (is not 0), else ``y``. No derivative flows into the condition."""
    return xp.where(condition, x, y)
