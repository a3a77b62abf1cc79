"""The judge on random programs of array ops, right ones and such with one wrong vjp."""

import numpy as np
import pytest

from autograd import PRIMITIVES, Tensor
from autograd.gradcheck import gradcheck

from ..rows import variant

COUNT = 150

STEPS = {  # each op by the name of its row, and how it is used on an array of one axis or more
    **{name: lambda op, t: op(t) for name in ("tanh", "sigmoid", "softplus", "relu", "abs", "transpose")},
    "exp": lambda op, t: op(t * 0.3),
    "mul": lambda op, t: op(t, t + 0.5),
    "maximum": lambda op, t: op(t, 0.1 - t),
    "sum": lambda op, t: op(t, -1, True),
    "prod": lambda op, t: op(t * 0.5, 0, True),
    **{name: lambda op, t: op(t, 0, keepdims=True) for name in ("mean", "var", "logsumexp")},
    **{name: lambda op, t: op(t, -1, keepdims=True) for name in ("max", "l2_norm")},
    **{name: lambda op, t: op(t, -1) for name in ("softmax", "log_softmax", "cumsum")},
    "matmul": lambda op, t: op(t, np.cos(np.arange(2.0 * t.shape[-1])).reshape(t.shape[-1], 2)),
}


class Program:
    """Some steps one after the other, and then one number."""

    def __init__(self, rng):
        self.x = rng.normal(size=tuple(rng.integers(1, 4, rng.integers(1, 4))))
        self.names = [str(name) for name in rng.choice(list(STEPS), rng.integers(2, 7))]

    def function(self, at=None, instead=None):
        """With the op ``instead`` in place of the one of step ``at``."""

        def f(a):
            for i, name in enumerate(self.names):
                a = STEPS[name](instead if i == at else PRIMITIVES[name].call, a)
            weights = np.cos(np.arange(1.0, a.size + 1)).reshape(a.shape)
            return (a * weights).sum() + (a * a).sum() * 0.1

        return f

    def gradient(self, f):
        a = Tensor(self.x)
        f(a).backward()
        return a.grad

    def spoilt(self, rng):
        """The function with one wrong op, and its name; None if that does not show."""
        at = int(rng.integers(len(self.names)))
        row, factor = PRIMITIVES[self.names[at]], 1.0 + 10.0 ** rng.uniform(-6, 0)
        op = variant(row, rules=tuple(_off(rule, factor) for rule in row.rules))
        f = self.function(at, op)
        right, wrong = self.gradient(self.function()), self.gradient(f)
        apart = np.abs(right - wrong) > 1e-7 * np.maximum(np.abs(right), np.abs(wrong)) + 1e-13 * np.max(np.abs(right))
        return (f, op.primitive.name) if np.any(apart) else None


def _off(rule, factor):
    return rule and (lambda *a, **settings: rule(*a, **settings) * factor)


PROGRAMS = [Program(np.random.default_rng(seed)) for seed in range(COUNT)]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: "-".join(program.names))
def test_right_programs_pass_and_wrong_ones_fail_with_the_op_named(program):
    report = gradcheck(program.function(), program.x)
    assert report, str(report)
    spoilt = program.spoilt(np.random.default_rng(0))
    if spoilt:
        f, name = spoilt
        report = gradcheck(f, program.x)
        assert report.verdict == "fail"
        assert report.blame.op == name, str(report)


def test_most_faults_show():
    assert sum(program.spoilt(np.random.default_rng(0)) is not None for program in PROGRAMS) > COUNT / 2
