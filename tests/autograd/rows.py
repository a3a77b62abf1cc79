"""The table for its tests: points to try a row at, faults to plant, and the same functions by mpmath and by PyTorch."""

from functools import reduce, wraps
from itertools import combinations

import autograd as ag
from autograd import PRIMITIVES
from autograd.primitive import Elementwise, Structural

OURS = [row for row in PRIMITIVES.values() if row.forward.__module__.startswith("autograd.")]
ROWS = [row for row in OURS if isinstance(row, Elementwise)]
VARIADIC = [row for row in ROWS if row.variadic]
STRUCTURAL = [row for row in OURS if isinstance(row, Structural)]

APART = 0.02  # how far operands are kept from each other, so that no tie lies within reach of a step


def counts(row):
    return (1, 2, 3, 5) if row.variadic else (len(row.rules),)


def domains(row, n):
    return row.domain * n if row.variadic else row.domain


def draw(row, n, rng):
    """Operands from the row's own intervals, no two of them close to each other."""
    while True:
        point = []
        for domain in domains(row, n):
            low, high = domain.intervals[rng.integers(len(domain.intervals))]
            point.append(float(rng.uniform(low, high)))
        if all(abs(a - b) > APART for a, b in combinations(point, 2)):
            return point


def variant(row, rules=None, forward=None):
    """The op of a row that is like ``row`` but for its rules or its forward, and that the table has forgotten again."""
    inner = forward or row.forward

    @wraps(row.forward)
    def of(*operands, **settings):
        return inner(*operands, **settings)

    of.__name__, of.__module__ = f"wrong_{row.name}", __name__
    if isinstance(row, Elementwise):
        enter = ag.variadic if row.variadic else ag.elementwise
        rest = {"domain": row.domain[0] if row.variadic else row.domain}
    else:
        enter = ag.variadic_primitive if row.variadic else ag.primitive
        rest = {"examples": row.examples}
    op = enter(*(rules or row.rules), **rest)(of)
    del PRIMITIVES[of.__name__]
    return op


def exact(mp):
    """Every forward once more, in arbitrary precision and in the textbook's form, which need not be stable."""
    one = mp.mpf(1)
    logistic = lambda x: one / (one + mp.exp(-x))  # noqa: E731
    return {
        **{name: getattr(mp, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
        "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
        "neg": lambda x: -x, "positive": lambda x: x, "pow": mp.power, "abs": abs,
        "expm1": lambda x: mp.exp(x) - 1, "log1p": lambda x: mp.log(1 + x),
        "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan,
        "sigmoid": logistic, "softplus": lambda x: mp.log(1 + mp.exp(x)), "relu": lambda x: max(x, 0),
        "leaky_relu": lambda x, s: x if x > 0 else s * x,
        "elu": lambda x, a: x if x > 0 else a * (mp.exp(x) - 1),
        "gelu": lambda x: x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))),
        "silu": lambda x: x * logistic(x), "step": lambda x: one if x > 0 else 0 * one, "maximum": max, "minimum": min,
        "clip": lambda x, low, high: min(max(x, low), high), "where": lambda c, x, y: x if c else y,
        "add_n": lambda *xs: mp.fsum(xs), "max_n": lambda *xs: max(xs), "min_n": lambda *xs: min(xs),
        "weighted_sum": lambda *xs: mp.fdot(zip(xs[: len(xs) // 2], xs[len(xs) // 2 :])) + xs[-1] * (len(xs) % 2),
        "logaddexp": lambda *xs: mp.log(mp.fsum(map(mp.exp, xs))),
        "huber": lambda e, d: e * e / 2 if abs(e) <= d else d * (abs(e) - d / 2),
        "bce": lambda p, y: -(y * mp.log(p) + (1 - y) * mp.log(1 - p)),
        "bce_with_logits": lambda x, y: mp.log(1 + mp.exp(x)) - x * y,
    }  # fmt: skip


def torchs(torch):
    """Every forward by PyTorch, for numbers and for arrays."""
    f = torch.nn.functional
    alike = (
        "add", "sub", "mul", "div", "neg", "positive", "pow", "exp", "expm1", "log", "log1p", "sqrt", "abs", "sin", "cos",
        "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "sigmoid", "relu", "maximum", "minimum",
    )  # fmt: skip
    return {
        **{name: getattr(torch, name) for name in alike},
        "softplus": f.softplus, "silu": f.silu, "gelu": lambda x: f.gelu(x, approximate="tanh"),
        "leaky_relu": lambda x, s: torch.where(x > 0, x, s * x), "elu": lambda x, a: torch.where(x > 0, x, a * torch.expm1(x)),
        "step": lambda x: torch.heaviside(x.detach(), torch.zeros((), dtype=x.dtype)) + 0 * x,
        "clip": lambda *xs: torch.clip(*torch.broadcast_tensors(*xs)), "where": lambda c, x, y: torch.where(c != 0, x, y),
        "add_n": lambda *xs: reduce(torch.add, xs),
        "max_n": lambda *xs: torch.amax(torch.stack(torch.broadcast_tensors(*xs)), 0),
        "min_n": lambda *xs: torch.amin(torch.stack(torch.broadcast_tensors(*xs)), 0),
        "weighted_sum": lambda *xs: sum(map(torch.mul, xs[: len(xs) // 2], xs[len(xs) // 2 :]), xs[-1] * (len(xs) % 2)),
        "logaddexp": lambda *xs: torch.logsumexp(torch.stack(torch.broadcast_tensors(*xs)), 0),
        "huber": lambda e, d: torch.where(e.abs() <= d, e * e / 2, d * (e.abs() - d / 2)),
        "bce": lambda p, y: -(torch.special.xlogy(y, p) + torch.special.xlog1py(1 - y, -p)),
        "bce_with_logits": lambda x, y: f.binary_cross_entropy_with_logits(*torch.broadcast_tensors(x, y), reduction="none"),
    }  # fmt: skip
