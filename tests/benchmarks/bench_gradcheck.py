"""gradcheck beside torch's gradcheck, scipy and numdifftools, on the same cases: verdicts, not seconds.

    python tests/benchmarks/bench_gradcheck.py [RANDOM]

prints the counts on the bed of hard cases (tests/autograd/gradcheck/bed.py) and, if RANDOM is given, on as many random
expressions. Peers that are not installed are left out. Every tool gets the same function of a vector and the same gradient,
that of ``backward``; our own is run once as it is, and once as they are, on plain numbers with a claimed gradient.
"""

import importlib
import sys
import time
import types
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from autograd import Tensor, Value
from autograd.gradcheck import gradcheck
from autograd.graph import Node
from autograd.trees import flatten

TESTS = Path(__file__).parents[1]


def _tests(name):
    """A module of the tests, which are no package."""
    parts = "stepgrad_tests", "stepgrad_tests.autograd", "stepgrad_tests.autograd.gradcheck"
    for part, folder in zip(parts, (TESTS, TESTS / "autograd", TESTS / "autograd" / "gradcheck")):
        module = sys.modules.setdefault(part, types.ModuleType(part))
        module.__path__ = [str(folder)]
    return importlib.import_module(f"{parts[-1]}.{name}")


class Vector:
    """A case as a function of one vector of float64, with its gradient by ``backward``."""

    def __init__(self, f, inputs):
        self.f = f
        self.parts, self.rebuild = flatten(list(inputs))
        self.x = np.concatenate([np.ravel(np.asarray(p, float)) for p in self.parts])

    def _leaves(self, x):
        leaves, start = [], 0
        for part in self.parts:
            n = np.size(part)
            data = np.asarray(x[start : start + n]).reshape(np.shape(part))
            beside = any(isinstance(p, np.ndarray) for p in self.parts)
            leaves.append(Tensor(data.astype(np.asarray(part).dtype)) if beside else Value(float(data)))
            start += n
        return leaves

    def value(self, x):
        """nan where it is not defined."""
        try:
            with np.errstate(all="ignore"):
                y = self.f(*self.rebuild(self._leaves(x)))
        except (ArithmeticError, ValueError):
            return float("nan")
        return float(np.asarray(y._data if isinstance(y, Node) else y).reshape(()))

    def along(self, t, i):
        """With the numbers of the array ``t`` in place ``i``, one after the other."""
        moved = [np.concatenate([self.x[:i], [v], self.x[i + 1 :]]) for v in np.ravel(t)]
        return np.array([self.value(x) for x in moved]).reshape(np.shape(t))

    def gradient(self, x):
        """Zeros where the result has left the graph."""
        leaves = self._leaves(x)
        try:
            with np.errstate(all="ignore"):
                y = self.f(*self.rebuild(leaves))
                if isinstance(y, Node) and y.requires_grad:
                    y.backward()
        except (ArithmeticError, ValueError):
            return np.full(len(self.x), np.nan)
        return np.concatenate([np.ravel(np.asarray(leaf.grad, float)) for leaf in leaves])


def ours(vector, case_f, inputs):
    """As it is meant."""
    return gradcheck(case_f, inputs).verdict


def ours_on_numbers(vector, case_f, inputs):
    """As a black box."""
    return gradcheck(vector.value, (vector.x,), claimed=lambda x: vector.gradient(x)).verdict


def by_torch(torch, **mode):
    """``torch.autograd.gradcheck`` with its defaults."""

    def judge(vector, case_f, inputs):
        class Case(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.gradient = torch.from_numpy(vector.gradient(x.detach().numpy()))
                return torch.tensor(vector.value(x.detach().numpy()), dtype=torch.float64)

            @staticmethod
            def backward(ctx, g):
                return g * ctx.gradient

        x = torch.tensor(vector.x, requires_grad=True)
        return "pass" if torch.autograd.gradcheck(Case.apply, (x,), raise_exception=False, **mode) else "fail"

    return judge


def by_check_grad(optimize):
    """``scipy.optimize.check_grad``, with the 1e-6 its users compare with."""
    return lambda vector, *_: "pass" if optimize.check_grad(vector.value, vector.gradient, vector.x) <= 1e-6 else "fail"


def by_differentiate(differentiate):
    """``scipy.differentiate.derivative`` in each coordinate; where it does not succeed it abstains."""

    def judge(vector, *_):
        claimed, verdicts = vector.gradient(vector.x), []
        for i in range(len(vector.x)):
            found = differentiate.derivative(lambda t, i=i: vector.along(t, i), vector.x[i])
            bar = 8 * float(found.error) + 1e-6 * abs(float(found.df))
            agrees = "pass" if abs(claimed[i] - float(found.df)) <= bar else "fail"
            verdicts.append(agrees if found.success else "cannot tell")
        return "fail" if "fail" in verdicts else "cannot tell" if "cannot tell" in verdicts else "pass"

    return judge


def by_numdifftools(numdifftools):
    """``numdifftools.Derivative`` in each coordinate, with its own error estimate."""

    def judge(vector, *_):
        claimed = vector.gradient(vector.x)
        for i in range(len(vector.x)):
            found = numdifftools.Derivative(lambda t, i=i: vector.along(t, i), full_output=True)(vector.x[i])
            value, error = float(found.estimate), float(found.error_estimate)
            if not abs(claimed[i] - value) <= 8 * error + 1e-6 * abs(value):
                return "fail"
        return "pass"

    return judge


def judges():
    """Every tool that is installed, by name."""
    found = {"stepgrad": ours, "stepgrad, claimed=": ours_on_numbers}
    for title, module, make in (
        ("torch gradcheck", "torch", by_torch),
        ("torch gradcheck, fast", "torch", lambda torch: by_torch(torch, fast_mode=True)),
        ("scipy check_grad", "scipy.optimize", by_check_grad),
        ("scipy.differentiate", "scipy.differentiate", by_differentiate),
        ("numdifftools", "numdifftools", by_numdifftools),
    ):
        try:
            found[title] = make(importlib.import_module(module))
        except ImportError:
            print(f"{title}: not installed", file=sys.stderr)
    return found


def verdict_of(judge, vector, f, inputs):
    """An error raised counts as a verdict too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return judge(vector, f, inputs)
        except Exception as error:
            return f"raised {type(error).__name__}"


def on_the_bed():
    """One line of the table for each tool."""
    cases = _tests("bed").CASES
    print(f"{len(cases)} cases: {dict(Counter(case.group for case in cases))}\n")
    print("| tool | right verdicts | false alarms | abstains | missed faults | kinks said | masked faults found | noisy |")
    print("|---|---|---|---|---|---|---|---|")
    for title, judge in judges().items():
        said = [(case, verdict_of(judge, Vector(case.f, case.inputs), case.f, case.inputs)) for case in cases]
        groups = "right", "wrong", "kink", "masked", "noisy"
        of = {group: [(c, v) for c, v in said if c.group == group] for group in groups}
        n = {group: len(pairs) for group, pairs in of.items()}
        good = {group: sum(v in c.verdicts for c, v in pairs) for group, pairs in of.items()}
        alarms = sum(v == "fail" for _, v in of["right"])
        undecided = n["right"] - good["right"] - alarms
        print(
            f"| {title} | {sum(good.values())} / {len(cases)} | {alarms} / {n['right']} | {undecided} "
            f"| {sum(v == 'pass' for _, v in of['wrong'])} / {n['wrong']} | {good['kink']} / {n['kink']} "
            f"| {good['masked']} / {n['masked']} | {good['noisy']} / {n['noisy']} |"
        )


def on_random_expressions(count):
    """False alarms on right ones, faults of 1e-7 to 1 caught, the op named."""
    expressions = _tests("expressions")
    print(f"\n{count} random expressions, right, and those of them in which a wrong op shows:\n")
    print("| tool | false alarms | undecided | faults caught | op named | seconds |")
    print("|---|---|---|---|---|---|")
    for title, judge in judges().items():
        rng = np.random.default_rng(20)
        right, wrong, named, start = Counter(), Counter(), 0, time.perf_counter()
        for _ in range(count):
            expression = expressions.draw(rng)
            f = expression.function()
            right[verdict_of(judge, Vector(f, expression.inputs), f, expression.inputs)] += 1
            spoilt = expressions.spoil(expression, rng)
            if not spoilt:
                continue
            f, inputs, name = spoilt
            if judge is ours:
                report = gradcheck(f, inputs)
                wrong[report.verdict] += 1
                named += report.blame is not None and report.blame.op == name
            else:
                wrong[verdict_of(judge, Vector(f, inputs), f, inputs)] += 1
        faults, seconds = sum(wrong.values()), time.perf_counter() - start
        print(
            f"| {title} | {right['fail']} ({right['fail'] / count:.2%}) | {count - right['fail'] - right['pass']} "
            f"| {wrong['fail']} / {faults} ({wrong['fail'] / faults:.2%}) | {named or '–'} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    on_the_bed()
    if len(sys.argv) > 1:
        on_random_expressions(int(sys.argv[1]))
