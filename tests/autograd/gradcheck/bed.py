"""A bed of hard cases for a gradient checker: gradients that are right but hard to confirm, wrong, at kinks, masked, noisy.

Each case says what a fair judge may answer; where there is a formula in closed form, mpmath gives the exact gradient, and
where an op is wrong, its name is known.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

import autograd as ag
from autograd import PRIMITIVES, Tensor, Value, no_grad
from autograd.primitive import Domain

from ..rows import variant

RIGHT, WRONG, KINK, MASKED, NOISY = "right", "wrong", "kink", "masked", "noisy"
PASS, FAIL, NOT_DIFFERENTIABLE = frozenset({"pass"}), frozenset({"fail"}), frozenset({"not differentiable"})
REAL = Domain("", ((-2.0, 2.0),))


@dataclass(frozen=True)
class Case:
    """A function, where to check it, and what is known of it."""

    name: str
    group: str
    f: Callable[..., Any]
    inputs: tuple[Any, ...]
    verdicts: frozenset[str]
    exact: Callable[..., Any] | None = None  # the same function of mpmath's numbers
    guilty: frozenset[str] = frozenset()

    def gradient(self) -> list[float] | None:
        """The exact partials, rounded; None where no formula is known."""
        if self.exact is None:
            return None
        with mp.workdps(80):
            point = [mp.mpf(float(x)) for x in self.inputs]
            return [float(mp.re(_slope(self.exact, point, i))) for i in range(len(point))]


def _slope(f, point, i):
    h = (abs(point[i]) or mp.mpf(1)) * mp.mpf(10) ** -30
    up, down = ([*point[:i], point[i] + side * h, *point[i + 1 :]] for side in (1, -1))
    return (f(*up) - f(*down)) / (2 * h)


CASES: list[Case] = []


def add(group, name, f, *inputs, exact=None, guilty=(), verdicts=None):
    """Enter a case."""
    usual = {RIGHT: PASS, WRONG: FAIL, KINK: NOT_DIFFERENTIABLE, MASKED: FAIL, NOISY: frozenset({"not deterministic"})}
    CASES.append(Case(name, group, f, inputs, verdicts or usual[group], exact, frozenset(guilty)))


# -- right, but hard to confirm ----------------------------------------------------------------------------------------------

for offset in (1e4, 1e8, 1e12, 1e15):
    add(RIGHT, f"sin + {offset:g}", lambda x, c=offset: x.sin() + c, 0.7, exact=lambda x, c=offset: mp.sin(x) + mp.mpf(c))
for x in (1e-300, 1e-30, 1e-9, 1e6, 0.0, math.pi / 2):
    add(RIGHT, f"sin at {x:g}", lambda x: x.sin(), x, exact=mp.sin)
for x in (1e-300, 1e-12, 1e12, 1e300):
    add(RIGHT, f"log at {x:g}", lambda x: x.log(), x, exact=mp.log)
    add(RIGHT, f"sqrt at {x:g}", lambda x: x.sqrt(), x, exact=mp.sqrt)
for x in (-700.0, -30.0, 300.0, 700.0):
    add(RIGHT, f"exp at {x:g}", lambda x: x.exp(), x, exact=mp.exp)
for k in (1e3, 1e6, 1e9):
    add(RIGHT, f"sin({k:g} x)", lambda x, k=k: (x * k).sin(), 0.7, exact=lambda x, k=k: mp.sin(x * mp.mpf(k)))
    add(RIGHT, f"ripple of {k:g}", lambda x, k=k: x * x + (x * k).sin() / k, 0.7,
        exact=lambda x, k=k: x * x + mp.sin(x * mp.mpf(k)) / mp.mpf(k))  # fmt: skip
for d in (1e-3, 1e-6, 1e-9, 1e-12):
    add(RIGHT, f"kink {d:g} away", lambda x: (x - 1.0).abs() + x, 1.0 + d, exact=lambda x: abs(x - 1) + x)
    add(RIGHT, f"relu {d:g} below", lambda x: x.relu() + x.sin(), -d, exact=lambda x: max(x, 0) + mp.sin(x))
for d in (1e-3, 1e-9, 1e-12):
    add(RIGHT, f"edge {d:g} away", lambda x: (1.0 - x).sqrt(), 1.0 - d, exact=lambda x: mp.sqrt(1 - x))
    add(RIGHT, f"arcsin {d:g} from 1", lambda x: x.arcsin(), 1.0 - d, exact=mp.asin)
for w in (1e-2, 1e-5, 1e-8):
    add(RIGHT, f"bump of width {w:g}", lambda x, w=w: (-((x / w) ** 2)).exp(), w,
        exact=lambda x, w=w: mp.exp(-((x / mp.mpf(w)) ** 2)))  # fmt: skip
for x in (0.0, 1e-9, 0.5):
    add(RIGHT, f"x|x| at {x:g}", lambda x: x * x.abs(), x, exact=lambda x: x * abs(x) if x else x * 0)
    add(RIGHT, f"relu² at {x:g}", lambda x: x.relu() ** 2, x, exact=lambda x: max(x, 0) ** 2 if x else x * 0)
for x in (5.0, 10.0, 18.0, 25.0):
    add(RIGHT, f"tanh at {x:g}", lambda x: x.tanh(), x, exact=mp.tanh)
    add(RIGHT, f"sigmoid at -{x:g}", lambda x: (-x).sigmoid(), x, exact=lambda x: 1 / (1 + mp.exp(x)))
for name in ("softplus", "sigmoid", "silu", "gelu", "tanh"):
    add(RIGHT, f"{name} at 0, tied within", lambda x, op=name: getattr(x, op)(), 0.0)
add(RIGHT, "flat", lambda x: (-1.0 / (x * x)).exp(), 0.05, exact=lambda x: mp.exp(-1 / (x * x)))
add(RIGHT, "x² at 0", lambda x: x * x, 0.0, exact=lambda x: x * x)
add(RIGHT, "x⁹ at 0", lambda x: x**9, 0.0, exact=lambda x: x**9)
add(RIGHT, "times 0", lambda x, y: x * 0.0 + y, 2.0, 3.0, exact=lambda x, y: 0 * x + y)
add(RIGHT, "huge", lambda x: x.sin() * 1e300, 0.7, exact=lambda x: mp.sin(x) * mp.mpf(1e300))
add(RIGHT, "tiny", lambda x: x.sin() * 1e-300, 0.7, exact=lambda x: mp.sin(x) * mp.mpf(1e-300))
add(RIGHT, "1e12 beside 1", lambda x, y: x * 1e12 + y.sin(), 3.0, 0.5, exact=lambda x, y: x * 10**12 + mp.sin(y))
add(RIGHT, "partials of 1e-12 and 1e12", lambda x, y: x.sin() * 1e12 + y.exp() * 1e-12, 0.3, 0.4,
    exact=lambda x, y: mp.sin(x) * 10**12 + mp.exp(y) * mp.mpf(1e-12))  # fmt: skip
add(RIGHT, "cancellation", lambda x: (x + 1e10) - 1e10, 0.7, exact=lambda x: x)
add(RIGHT, "difference of squares", lambda x, y: (x * x - y * y) / (x - y), 1.0, 1.0 + 1e-7,
    exact=lambda x, y: x + y, verdicts=frozenset({"pass", "cannot tell"}))  # fmt: skip
add(RIGHT, "max + min at a tie", lambda x, y: ag.maximum(x, y) + ag.minimum(x, y), 1.0, 1.0, exact=lambda x, y: x + y)
add(RIGHT, "|x| - |x| at 0", lambda x: x.abs() - x.abs() + x, 0.0, exact=lambda x: x)
add(RIGHT, "max(x, x)", lambda x: ag.maximum(x, x) * 2.0, 0.4, exact=lambda x: 2 * x)
add(RIGHT, "where, away", lambda x: ag.where(x > 0, x.exp(), x.sin()), 0.2, exact=mp.exp)
add(RIGHT, "branch, away", lambda x: x.exp() if x > 0 else x.sin(), 1e-7, exact=mp.exp)
add(RIGHT, "sinc by a branch, at 0", lambda x: x.sin() / x if x != 0 else 1.0 + 0.0 * x, 0.0)
add(RIGHT, "softmax of large logits", lambda *x: ag.logsumexp(x), 1000.0, 999.0, -1000.0,
    exact=lambda *x: 1000 + mp.log(mp.fsum(mp.exp(v - 1000) for v in x)))  # fmt: skip
add(RIGHT, "logaddexp at 1e17", lambda x, y: ag.logaddexp(x, y), 1e17, 1e17,
    exact=lambda x, y: x + mp.log(1 + mp.exp(y - x)),
    verdicts=frozenset({"pass", "cannot tell", "not differentiable"}))  # in floats it is max(x, y)  # fmt: skip
add(RIGHT, "gelu in its tail", lambda x: x.gelu(), -6.0,
    exact=lambda x: x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))))  # fmt: skip


def _chain(x, n=300):
    for _ in range(n):
        x = x.sin() + 0.5
    return x


def _loop(x):
    y = x
    while y < 100.0:
        y = y * y + 1.0
    return y.log()


def _newton(a):
    x = a
    for _ in range(8):
        x = 0.5 * (x + a / x)
    return x


add(RIGHT, "a chain of 300", _chain, 0.3)
add(RIGHT, "a loop that ends by a condition", _loop, 1.3)
add(RIGHT, "Newton's iteration for a root", _newton, 2.0, exact=mp.sqrt)
add(RIGHT, "product of 30", lambda *x: ag.prod(list(x)), *[0.5 + 0.1 * i for i in range(30)])
add(RIGHT, "product with a zero", lambda x, y, z: x * y * z, 0.0, 2.0, 3.0, exact=lambda x, y, z: x * y * z)
add(RIGHT, "pow", lambda x, y: x**y, 1.7, -3.3, exact=lambda x, y: x**y)
_scales = (1e8, 1e4, 1.0, 1e-4, 1e-8)
add(RIGHT, "scales from 1e-8 to 1e8", lambda *x: ag.sum([(v * s).sin() for v, s in zip(x, _scales)]), *reversed(_scales),
    exact=lambda *x: mp.fsum(mp.sin(v * mp.mpf(s)) for v, s in zip(x, _scales)))  # fmt: skip
add(RIGHT, "dict of inputs", lambda p: p["w"] * p["b"][0] + p["b"][1].exp(), {"w": 0.3, "b": [0.2, -0.4]})

_rng = np.random.default_rng(7)
_A, _B = _rng.normal(size=(3, 4)), _rng.normal(size=(4, 2))
_image, _filter = _rng.normal(size=(1, 2, 5, 5)), _rng.normal(size=(3, 2, 3, 3))


def _attention(q, k, v):
    return (ag.softmax(q @ ag.transpose(k) / 2.0, -1) @ v).sum()


def _batch_norm(x, gain):
    y = (x - ag.mean(x, 0)) / ag.sqrt(ag.var(x, 0) + 1e-5)
    return ((y * gain) ** 3).sum()


def _mlp(x, w, v):
    return ag.mean(ag.tanh(x @ w) @ v)


add(RIGHT, "matrix product", lambda a, b: ((a @ b) ** 2).sum(), _A, _B)
add(RIGHT, "matrix product of float32", lambda a, b: ((a @ b).tanh()).sum(), _A.astype("f"), _B.astype("f"))
add(RIGHT, "float32 within", lambda a: ag.astype(a, np.float32).tanh().sum(), _A)
add(RIGHT, "float32 at 1e4", lambda a: (a * 1e-4).sin().sum(), (_A * 1e4).astype("f"))
add(RIGHT, "float32 sum of squares", lambda a: (a * a).mean(), _rng.normal(size=40).astype("f"))
add(RIGHT, "attention", _attention, _A, _A[::-1].copy(), _A * 0.5)
add(RIGHT, "batch norm", _batch_norm, _A, np.ones(4))
add(RIGHT, "MLP on Tensors", _mlp, _A, _B, _rng.normal(size=(2, 1)))
add(RIGHT, "convolution", lambda x, w: ag.conv2d(x, w, stride=2).tanh().sum(), _image, _filter)
add(RIGHT, "max pooling", lambda x: (ag.max_pool(x, 2) ** 2).sum(), _image)
add(RIGHT, "cross entropy", lambda z: ag.cross_entropy(z, np.array([0, 3, 1])).sum(), _A * 30)
add(RIGHT, "log softmax of 1e4", lambda z: (ag.log_softmax(z) * _A).sum(), _A * 1e4)
add(RIGHT, "norm", lambda a: ag.norm(a), _A)
add(RIGHT, "standard deviation", lambda a: ag.std(a), _A + 1e6)
add(RIGHT, "places named twice", lambda a: (a[[0, 0, 2]] ** 2).sum(), _A)
add(RIGHT, "einsum", lambda a, b: (ag.einsum("ij,jk->ki", a, b) ** 2).sum(), _A, _B)
add(RIGHT, "prod with zeros", lambda a: ag.prod(a), np.array([0.0, 2.0, 0.0, 1.0]))
add(RIGHT, "crossing", lambda a: ag.prod(list(a.values())) * 2.0, np.array([0.5, 2.0, -1.0]))
add(RIGHT, "and back", lambda x, y: (Tensor.of([x, y]) ** 3).sum(), 0.4, -0.7, exact=lambda x, y: x**3 + y**3)
add(RIGHT, "checkpointed", lambda x: ag.checkpoint(lambda v: (v * v).exp())(x) * 2.0, 0.4,
    exact=lambda x: 2 * mp.exp(x * x))  # fmt: skip
add(RIGHT, "a gradient in it", lambda x: ag.grad(lambda v: v**3)(x) * x, 0.6, exact=lambda x: 3 * x**3)


@ag.elementwise(lambda xp, z, x: xp.cos(x), domain=(REAL,))
def bed_sine_by_math(xp: Any, x: Any) -> Any:
    """Sine, for floats alone."""
    return math.sin(x)


add(RIGHT, "an op for floats alone", lambda x: bed_sine_by_math(x) * x, 0.4, exact=lambda x: mp.sin(x) * x)

# -- wrong -------------------------------------------------------------------------------------------------------------------


def _scaled(name, factor):
    return variant(PRIMITIVES[name], rules=tuple(lambda *a, r=r: r(*a) * factor for r in PRIMITIVES[name].rules))


_hard = {"exp": 0.3, "log": 1.7, "sqrt": 2.3, "sin": 0.4, "tanh": 0.6, "sigmoid": -0.3, "gelu": 0.8, "arctan": -1.1}
for (name, x), factor in itertools.product(_hard.items(), (2.0, -1.0, 1.001, 1.0 + 1e-6)):
    op = _scaled(name, factor)
    add(
        WRONG,
        f"{name} times {factor:.7g}",
        lambda x, y, op=op: op(x * 1.0) * y + (x * y).sin(),
        x,
        0.7,
        guilty=[f"wrong_{name}"],
    )
_slips = {
    "tanh: (1 - y)²": ("tanh", (lambda xp, z, x: (1.0 - z) * (1.0 - z),), (0.6,)),
    "tanh: 1 - y": ("tanh", (lambda xp, z, x: 1.0 - z,), (0.6,)),
    "sigmoid: 1 - y²": ("sigmoid", (lambda xp, z, x: 1.0 - z * z,), (0.6,)),
    "sigmoid: y": ("sigmoid", (lambda xp, z, x: z,), (0.6,)),
    "mul: x for y": ("mul", (lambda xp, z, x, y: x, lambda xp, z, x, y: y), (0.6, -1.2)),
    "div: the sign": ("div", (lambda xp, z, x, y: 1.0 / y, lambda xp, z, x, y: z / y), (0.6, -1.2)),
    "div: y for y²": ("div", (lambda xp, z, x, y: 1.0 / y, lambda xp, z, x, y: -x / y), (0.6, -1.2)),
    "sub: the sign": ("sub", (lambda xp, z, x, y: 1.0, lambda xp, z, x, y: 1.0), (0.6, -1.2)),
    "pow: x for x^(y-1)": ("pow", (lambda xp, z, x, y: y * x, lambda xp, z, x, y: z * xp.log(x)), (0.6, 3.0)),
    "pow: no log": ("pow", (lambda xp, z, x, y: y * z / x, lambda xp, z, x, y: z), (0.6, 3.0)),
    "sqrt: no half": ("sqrt", (lambda xp, z, x: 1.0 / z,), (0.6,)),
    "log: no inverse": ("log", (lambda xp, z, x: x,), (0.6,)),
    "exp: x eˣ": ("exp", (lambda xp, z, x: x * z,), (0.6,)),
    "cos: no minus": ("cos", (lambda xp, z, x: xp.sin(x),), (0.6,)),
    "relu: everywhere": ("relu", (lambda xp, z, x: 1.0,), (-0.6,)),
    "relu: nowhere": ("relu", (lambda xp, z, x: 0.0,), (0.6,)),
    "abs: no sign": ("abs", (lambda xp, z, x: 1.0,), (-0.6,)),
    "maximum: both": ("maximum", (lambda xp, z, x, y: 1.0, lambda xp, z, x, y: 1.0), (0.6, 0.2)),
    "arctan: 1 - x²": ("arctan", (lambda xp, z, x: 1.0 / (1.0 + x * x * x),), (0.6,)),
    "softplus: σ(-x)": ("softplus", (lambda xp, z, x: 1.0 / (1.0 + xp.exp(x)),), (0.6,)),
    "silu: a term lost": ("silu", (lambda xp, z, x: 1.0 / (1.0 + xp.exp(-x)),), (0.6,)),
    "weighted_sum: swapped": ("weighted_sum", (lambda xp, z, x: [*x[: len(x) // 2], *x[len(x) // 2 : len(x) // 2 * 2], 1.0],),
                              (0.3, 0.6, -0.2, 0.9, 0.1)),
    "logaddexp: no max": ("logaddexp", (lambda xp, z, x: [1.0 / len(x)] * len(x),), (0.3, 0.6, -0.2)),
}  # fmt: skip
for title, (name, rules, point) in _slips.items():
    op = variant(PRIMITIVES[name], rules=rules)
    add(WRONG, title, lambda *x, op=op: (op(*[v * 1.0 for v in x]) * 0.7).exp(), *point, guilty=[f"wrong_{name}"])
add(WRONG, "tiny gradient, wholly wrong", lambda x, op=_scaled("sin", 3.0): op(x) * 1e-9, 0.4, guilty=["wrong_sin"])
add(WRONG, "beside an offset of 1e12", lambda x, op=_scaled("sin", 2.0): op(x) + 1e12, 0.4, guilty=["wrong_sin"])
add(WRONG, "one of 64", lambda *x, op=_scaled("sin", 1.01): ag.sum([op(v) if i == 40 else v.sin() for i, v in enumerate(x)]),
    *[0.1 + 0.02 * i for i in range(64)], guilty=["wrong_sin"])  # fmt: skip
add(WRONG, "orthogonal to (1, 1)", lambda x, y: _skew(x, y), 0.4, 0.4, guilty=["bed_skew"])
add(WRONG, "deep in a chain", lambda x, op=_scaled("sin", 1.0001): _chain(op(_chain(x, 5)), 5), 0.3, guilty=["wrong_sin"])
add(WRONG, "beside a steep one", lambda x, y, op=_scaled("sin", 1.0001): x * 1e9 + op(y), 0.3, 0.5, guilty=["wrong_sin"])
for title, f in {
    "detach": lambda x: x * x.detach() + x,
    "Value of its data": lambda x: x * Value(x.data) + x,
    "float of it": lambda x: x * float(x) + x,
    "a rounded factor": lambda x: x * (2.0 * x.data) + x.sin(),
}.items():
    add(WRONG, f"detached: {title}", f, 0.7, guilty=["mul"])


def _in_part(x):
    with no_grad():
        scale = x.exp()
    return x.sin() / scale


def _normalised(x):
    return (x / float(np.max(x.data))).sum()


add(WRONG, "detached: under no_grad", _in_part, 0.7, guilty=["div"])
add(WRONG, "detached: all of it", lambda x: x.detach() * 2.0, 0.7)
add(WRONG, "detached: plain numbers", lambda x: x.data * 2.0, 0.7)
add(WRONG, "detached: a maximum", _normalised, np.array([0.3, 0.9, -0.4]), guilty=["div"])
add(WRONG, "detached: mean of a Tensor", lambda a: ((a - a.data.mean()) ** 2 * _A).sum(), _A + 0.3, guilty=["sub"])


def _overwrite(node):
    for x, g in zip(node.inputs, [1.0] * len(node.inputs)):
        x._grad = node._grad * g


@ag.variadic(lambda xp, z, terms: [1.0] * len(terms), domain=REAL, pull=_overwrite)
def bed_overwriting_sum(xp: Any, terms: Any) -> Any:
    """A sum whose backward overwrites."""
    return sum(terms[1:], terms[0])


@ag.elementwise(lambda xp, z, x, y: 2.0 * x - y, lambda xp, z, x, y: 2.0 * y - x, domain=(REAL, REAL))
def bed_skew(xp: Any, x: Any, y: Any) -> Any:
    """``x² + y²``, its partials off by ``-y`` and ``-x``."""
    return x * x + y * y


def _skew(x, y):
    return bed_skew(x, y)


add(WRONG, "overwritten: a leaf used before", lambda x: bed_overwriting_sum(x, x.exp()) * x.sin(), 0.4,
    guilty=["bed_overwriting_sum"])  # fmt: skip
add(WRONG, "overwritten: an inner node", lambda x: _twice((x * 1.0).sin()), 0.4, guilty=["bed_overwriting_sum"])
add(WRONG, "overwritten: twice in one", lambda x: bed_overwriting_sum(x, x), 0.4, guilty=["bed_overwriting_sum"])


def _twice(y):
    return bed_overwriting_sum(y, y * y) * y.exp()


def _primitive(forward, *vjps, examples=()):
    op = ag.primitive(*vjps)(forward)
    del PRIMITIVES[op.primitive.name]
    return op


def _matmul(xp, a, b):
    return xp.matmul(a, b)


def _sum_rows(xp, a):
    return xp.sum(a, 0)


def _mean_of(xp, a):
    return xp.mean(a)


def _take(xp, a):
    return a[::-1]


_right, _left = (lambda xp, g, z, a, b: g @ b.mT), (lambda xp, g, z, a, b: a.mT @ g)
_S = _rng.normal(size=(3, 3))
for title, op, operands, name in (
    ("matmul: transposed", _primitive(_matmul, lambda xp, g, z, a, b: (g @ b.mT).mT, _left), (_S, _S[::-1].copy()), "_matmul"),
    ("matmul: no transpose", _primitive(_matmul, lambda xp, g, z, a, b: g @ b, _left), (_S, _S[::-1].copy()), "_matmul"),
    ("matmul: times 1.001", _primitive(_matmul, _right, lambda xp, g, z, a, b: a.mT @ g * 1.001), (_A, _B), "_matmul"),
    ("matmul: one got nothing", _primitive(_matmul, _right, lambda xp, g, z, a, b: b * 0.0), (_A, _B), "_matmul"),
    ("sum: along the other axis", _primitive(_sum_rows, lambda xp, g, z, a: xp.broadcast_to(xp.reshape(g, (3, 1)), a.shape)),
     (_S,), "_sum_rows"),
    ("mean: 1/n lost", _primitive(_mean_of, lambda xp, g, z, a: xp.broadcast_to(g, a.shape)), (_A,), "_mean_of"),
    ("flip: not flipped back", _primitive(_take, lambda xp, g, z, a: g), (_S,), "_take"),
):  # fmt: skip
    add(WRONG, title, lambda *a, op=op: (op(*a).tanh() * 0.9).sum() + (a[0] * a[0]).sum(), *operands, guilty=[name])
_hidden = {"factor": 1.0}


def _reads_outside(x):
    _hidden["factor"] = x.data
    return bed_scaled_by_hidden(x)


@ag.elementwise(lambda xp, z, x: _hidden["factor"], domain=(REAL,))
def bed_scaled_by_hidden(xp: Any, x: Any) -> Any:
    """``x`` times a number that comes from outside."""
    return x * _hidden["factor"]


add(WRONG, "hidden: an op that reads a global", _reads_outside, 0.7, guilty=["bed_scaled_by_hidden"])

# -- kinks -------------------------------------------------------------------------------------------------------------------

for title, f, point in (
    ("relu", lambda x: x.relu() * 2.0, (0.0,)),
    ("abs", lambda x: x.abs(), (0.0,)),
    ("abs beside an offset", lambda x: x.abs() + 1e6, (0.0,)),
    ("abs, small beside sin", lambda x: x.abs() * 1e-4 + x.sin(), (0.0,)),
    ("abs at 1", lambda x: (x - 1.0).abs() + x, (1.0,)),
    ("maximum at a tie", lambda x, y: ag.maximum(x, y), (0.7, 0.7)),
    ("minimum at a tie", lambda x, y: ag.minimum(x, y) * y, (0.7, 0.7)),
    ("max_n at a tie", lambda x, y, z: ag.max_n(x, y, z), (0.7, 0.2, 0.7)),
    ("clip at its edge", lambda x: x.clip(-1.0, 1.0), (1.0,)),
    ("leaky relu", lambda x: x.leaky_relu(0.1), (0.0,)),
    ("elu of alpha 2", lambda x: x.elu(2.0), (0.0,)),
    ("where", lambda x: ag.where(x > 0, x * 3.0, x), (0.0,)),
    ("a branch at 0", lambda x: x * 2.0 if x > 0 else x * 0.5, (0.0,)),
    ("a branch with a constant", lambda x: x * (2.0 if x > 0 else 0.5), (0.0,)),
    ("a branch on its data", lambda x: x * 2.0 if x.data > 0 else x * 0.5, (0.0,)),
    ("√x²", lambda x: (x * x).sqrt(), (0.0,)),
    ("relu of a sum", lambda x, y: (x + y).relu() + x, (0.5, -0.5)),
    ("nested", lambda x: (x.abs() + 1.0).log().exp(), (0.0,)),
    ("max(min(x, y), 0)", lambda x, y: ag.maximum(ag.minimum(x, y), 0.0), (0.0, 0.0)),
    ("step", lambda x: x.step() + x, (0.0,)),
    ("one of many", lambda *x: ag.sum([v.relu() for v in x]), (0.3, -0.2, 0.0, 0.9)),
    ("norm at 0", lambda a: ag.norm(a), (np.zeros(3),)),
    ("max of a Tensor", lambda a: ag.max(a) * 2.0, (np.array([0.1, 0.9, 0.9]),)),
    ("max pooling at a tie", lambda a: ag.max_pool(a, 2).sum(), (np.array([[[1.0, 1.0, 0.5, 0.2]]]),)),
    ("relu of a Tensor", lambda a: (ag.relu(a) * 3.0).sum(), (np.array([0.4, 0.0, -0.3]),)),
):
    add(KINK, title, f, *point)
add(KINK, "√x at its edge", lambda x: x.sqrt(), 0.0)
add(KINK, "a cusp", lambda x: x.abs().sqrt(), 0.0)

# -- right at the point, for the error is multiplied by 0 there --------------------------------------------------------------

_sq = variant(PRIMITIVES["mul"], rules=(lambda xp, z, x, y: y * 1.5, lambda xp, z, x, y: x * 0.5))
add(MASKED, "equal inputs", lambda x, y: _sq(x, y) - _sq(y, x) + x, 0.7, 0.7, guilty=["wrong_mul"])
add(MASKED, "times an input of 0", lambda x, y, op=_scaled("sin", 1.5): op(x) * y, 0.7, 0.0, guilty=["wrong_sin"])
add(MASKED, "at 0 of a cube", lambda x, op=_scaled("mul", 2.0): op(x, x) * x + x, 0.0, guilty=["wrong_mul"])
add(MASKED, "behind a dead relu", lambda x, op=_scaled("sin", 1.5): op(x.relu()) + x, -0.7, guilty=["wrong_sin"])
add(
    MASKED,
    "behind a dead relu of two",
    lambda x, y, op=_scaled("exp", 2.0): op((x + y).relu()) * x,
    -0.7,
    -0.2,
    guilty=["wrong_exp"],
)
add(MASKED, "in the branch not taken", lambda x, op=_scaled("sin", 1.5): op(x) if x < 0 else x.exp(), 0.7, guilty=["wrong_sin"])
add(
    MASKED,
    "in where's other side",
    lambda x, op=_scaled("sin", 1.5): ag.where(x < 0, op(x), x.exp()),
    0.7,
    guilty=["wrong_sin"],
)
add(MASKED, "relu: right for the dead", lambda x, op=_scaled("relu", 2.0): op(x) + x, -0.7, guilty=["wrong_relu"])
add(MASKED, "cos at 0", lambda x, op=_scaled("cos", 2.0): op(x) + x, 0.0, guilty=["wrong_cos"])
add(MASKED, "a difference of 0", lambda x, y, op=_scaled("mul", 2.0): op(x - y, x - y) + x, 0.4, 0.4, guilty=["wrong_mul"])
add(MASKED, "detached times 0", lambda x, y: x * x.detach() * y + y, 0.4, 0.0, guilty=["mul"])
add(
    MASKED,
    "a Tensor's zeros",
    lambda a, b, op=_scaled("sin", 1.5): (op(a) * b).sum(),
    _A,
    np.zeros_like(_A),
    guilty=["wrong_sin"],
)
add(
    MASKED,
    "max: right for the smaller",
    lambda x, y, op=_scaled("maximum", 2.0): op(x * 0.0, x) * y,
    0.7,
    0.0,
    guilty=["wrong_maximum"],
)

# -- noisy, random, undefined ------------------------------------------------------------------------------------------------

_dice = np.random.default_rng(3)
_count = itertools.count()


def _solved(x):
    y = 1.0
    for _ in range(60):
        y -= (y**5 + y - float(x)) / (5 * y**4 + 1)
    return x * 0.0 + y  # by iteration on floats: its gradient is lost


add(NOISY, "a random factor", lambda x: x * float(_dice.normal()), 0.7)
add(NOISY, "dropout", lambda *x: ag.sum([v * float(_dice.random() > 0.5) for v in x]), 0.7, 0.3, 0.2, 0.9, -0.4, 0.8, 1.1, -0.9)
add(NOISY, "noise of 1e-9", lambda x: x.sin() + 1e-9 * float(_dice.normal()), 0.7)
add(NOISY, "noise of 1e-14", lambda x: x.sin() + 1e-14 * float(_dice.normal()), 0.7)
add(NOISY, "a counter", lambda x: x * float(next(_count)), 0.7)
add(NOISY, "a state", lambda x: x + _hidden.setdefault("state", 0.0) if not _hidden.update(state=_dice.random()) else x, 0.7)
add(NOISY, "random choice of a branch", lambda x: x.sin() if _dice.random() < 0.5 else x.cos(), 0.7,
    verdicts=frozenset({"not deterministic", "fail"}))  # fmt: skip
add(NOISY, "log of -1", lambda x: x.log(), -1.0, verdicts=frozenset({"not finite"}))
add(NOISY, "infinite", lambda x: x * 1e308 * 10.0, 1.0, verdicts=frozenset({"not finite"}))
add(NOISY, "nan of a Tensor", lambda a: ag.log(a).sum(), np.array([1.0, -1.0]), verdicts=frozenset({"not finite"}))
add(NOISY, "division by 0", lambda x: 1.0 / x, 0.0, verdicts=frozenset({"not finite"}))
add(NOISY, "solved by iteration on floats", _solved, 0.7, verdicts=FAIL)
