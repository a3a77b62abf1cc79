"""A recurrence of 100,000 steps, each waiting for the one before."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .side import Program, Side, call, call_in_buffers, compiled, eager

STEPS = 100_000


def recurrence(kind: str, tanh: Any, n: int, h: Any, x: Any, w: Any, b: Any, u: Any = 0.0) -> Any:
    """``h ← tanh(w h + u x + b)``, or the plain ``h ← h w + b``."""
    for t in range(n):
        h = tanh(w * h + u * x[t] + b) if kind == "tanh" else h * w + b
    return h


def start(kind: str, n: int = STEPS) -> tuple[np.ndarray, list[float]]:
    """The numbers that it takes, and the parameters ``w, b, u``."""
    return np.random.default_rng(0).normal(size=n), [0.9, 0.1, 0.5] if kind == "tanh" else [0.9999, 0.5]


def scalars(kind: str, n: int) -> tuple[np.ndarray, list[Any], Callable[..., Any]]:
    """The numbers, the parameters as Values, and the last ``h`` as a function of the numbers."""
    import autograd as ag

    x, numbers = start(kind, n)
    parameters = [ag.Value(p) for p in numbers]
    return x, parameters, lambda x=None: recurrence(kind, ag.tanh, n, 0.0, x, *parameters)


def eagerly(kind: str) -> Side:
    """Ours, not compiled."""
    x, parameters, f = scalars(kind, STEPS)
    numbers = x.tolist()
    return eager(parameters, lambda: f(numbers))


def ours(kind: str) -> Side:
    """Ours."""
    x, parameters, f = scalars(kind, STEPS)
    arguments = [x] if kind == "tanh" else []
    step = compiled(f, parameters)
    return call(lambda: step.value_and_grad(*arguments))


def casadi(kind: str) -> Side:
    """CasADi's virtual machine."""
    import casadi as ca

    x, numbers = start(kind)
    xs, symbols = ca.SX.sym("x", STEPS), ca.SX.sym("p", len(numbers))
    root = recurrence(kind, ca.tanh, STEPS, 0.0, ca.vertsplit(xs), *ca.vertsplit(symbols))
    return call_in_buffers(ca, [symbols, xs], root, symbols, [np.array(numbers), x])


def program(nodes: int) -> Program:
    """``h ← tanh(w h + u x + b)``, which is five nodes."""
    x, parameters, f = scalars("tanh", nodes // 5)
    return Program(f, parameters, [x])
