"""The black-box estimator against mpmath: values, error bars, kinks, edges, noise."""

import math
import statistics

import mpmath as mp
import numpy as np
import pytest

from autograd.gradcheck.differences import differentiate, judge, noise

CASES = {}


def case(name, f, exact, *points):
    for x in points:
        CASES[f"{name} at {x:g}"] = (f, exact, x)


case("sin", math.sin, mp.sin, 0.7, 3.0, 1e-8, 1e6, 0.0, 1e-300)
case("sin + 1e8", lambda x: math.sin(x) + 1e8, lambda x: mp.sin(x) + 10**8, 0.7)
case("exp", math.exp, mp.exp, 0.0, 1.0, -30.0, 300.0, 700.0, -700.0)
case("log", math.log, mp.log, 1e-10, 1.0, 1e10, 1e-300, 1e300)
case("sqrt", math.sqrt, mp.sqrt, 1e-12, 1.0, 1e12, 1e-200)
case("x²", lambda x: x * x, lambda x: x * x, 0.0, 1e-9, 1e9, 3.0, 1e150)
case("3x + 1", lambda x: 3 * x + 1, lambda x: 3 * x + 1, 0.0, 1e9, 1.0, 1e-12)
case("5", lambda x: 5.0, lambda x: mp.mpf(5), 1.0, 0.0)
case("0", lambda x: 0.0, lambda x: mp.mpf(0), 1.0, 0.0)
case("sin(1e6 x)", lambda x: math.sin(1e6 * x), lambda x: mp.sin(x * 10**6), 1.0)
case("ripple", lambda x: x + 1e-6 * math.sin(1e6 * x), lambda x: x + mp.mpf(1e-6) * mp.sin(x * 10**6), 0.7)
case("small ripple", lambda x: x * x + 1e-9 * math.sin(1e8 * x), lambda x: x * x + mp.mpf(1e-9) * mp.sin(x * 10**8), 0.75)
case("x|x|", lambda x: x * abs(x), lambda x: x * abs(x), 1e-9, 0.5)
case("x|x| + x", lambda x: x * abs(x) + x, lambda x: x * abs(x) + x, 1e-9)
case("|x - 1|", lambda x: abs(x - 1), lambda x: abs(x - 1), 1 + 1e-9, 1 + 1e-6, 1 - 1e-12, 1 + 1e-3)
case("relu + x", lambda x: max(x, 0.0) + x, lambda x: max(x, 0) + x, 1e-9, -1e-9, 1e-13)
case("√(1 - x)", lambda x: math.sqrt(1 - x), lambda x: mp.sqrt(1 - x), 1 - 1e-9, 0.5)
case("arcsin", math.asin, mp.asin, 0.999999999, 0.5)
case("exp(-1/x²)", lambda x: math.exp(-1 / (x * x)), lambda x: mp.exp(-1 / (x * x)), 0.05, 0.1, 0.3, 1.0)
case("tanh", math.tanh, mp.tanh, 5.0, 1e-5, 0.0)
case("bump", lambda x: math.exp(-((x / 1e-5) ** 2)), lambda x: mp.exp(-((x / mp.mpf(1e-5)) ** 2)), 1e-5, 3e-6)
case("1/x", lambda x: 1 / x, lambda x: 1 / x, 1e-8, 1e8, 1.0)
case("x⁹", lambda x: x**9, lambda x: x**9, 1e-3, 1.0, 100.0, 0.0)
case("cos", math.cos, mp.cos, 0.0, 1.0)
case("gauss", lambda x: math.exp(-x * x), lambda x: mp.exp(-x * x), 0.0, 5.0, 0.3)
case("log1p", math.log1p, mp.log1p, 1e-12, -0.999999)
case("1e300 sin", lambda x: 1e300 * math.sin(x), lambda x: mp.mpf(1e300) * mp.sin(x), 0.7)
case("1e-300 sin", lambda x: 1e-300 * math.sin(x), lambda x: mp.mpf(1e-300) * mp.sin(x), 0.7)
case("sin(1e12 x)", lambda x: math.sin(1e12 * x), lambda x: mp.sin(x * 10**12), 1e-12, 3e-12)
case("arctan(1e8 x)", lambda x: math.atan(1e8 * x), lambda x: mp.atan(x * 10**8), 0.0, 1e-8, 1e-3)
case("slow beside 1e12", lambda x: 1e12 * math.cos(x * 1e-6) + x, lambda x: 10**12 * mp.cos(x * mp.mpf(1e-6)) + x, 0.3)


def _true(exact, x):
    with mp.workdps(80):
        point = mp.mpf(x)
        h = (abs(point) or mp.mpf(1)) * mp.mpf(10) ** -35
        true = float(mp.re((exact(point + h) - exact(point - h)) / (2 * h)))
        return true if abs(true) > 1e-200 or x else 0.0  # the step itself shows in x⁹


def _estimated(f, x, claimed, runs=None):
    def phi(y):
        if runs is not None:
            runs.append(y)
        try:
            return f(y)
        except (ValueError, ArithmeticError):
            return math.nan

    f0 = f(x)
    return differentiate(phi, x, f0, claimed, noise(phi, x, f0))


@pytest.mark.parametrize("name", CASES)
def test_a_right_derivative_passes(name):
    f, exact, x = CASES[name]
    true = _true(exact, x)
    verdict, words = judge(_estimated(f, x, true), true, x)
    assert verdict == "pass", words


WRONG = [(name, factor) for name, (_, exact, x) in CASES.items() if _true(exact, x) for factor in (1.5, -1.0, 1.01, 0.0)]
WRONG.remove(("slow beside 1e12 at 0.3", 0.0))  # a slope of 0 is less than an ulp of 1e12 there


@pytest.mark.parametrize(("name", "factor"), WRONG)
def test_a_wrong_one_fails(name, factor):
    f, exact, x = CASES[name]
    true = _true(exact, x)
    estimate = _estimated(f, x, true * factor)
    assert judge(estimate, true * factor, x)[0] == "fail", estimate


@pytest.mark.parametrize("name", CASES)
def test_the_true_one_lies_within_eight_bars_whatever_is_claimed(name):
    f, exact, x = CASES[name]
    true = _true(exact, x)
    for claimed in (true, 1.3 * true, 1.0):
        estimate = _estimated(f, x, claimed)
        assert abs(estimate.value - true) <= 8 * estimate.error + 4e-16 * abs(true) + 1e-29


def test_a_smooth_one_takes_a_handful_of_runs():
    counts = []
    for f, exact, x in CASES.values():
        runs = []
        _estimated(f, x, _true(exact, x), runs)
        counts.append(len(runs))
    assert statistics.median(counts) <= 15


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (abs, 0.0, -1.0, 1.0),
        (lambda x: max(x, 0.0), 0.0, 0.0, 1.0),
        (lambda x: abs(x - 1), 1.0, -1.0, 1.0),
        (lambda x: abs(x - 0.3) + math.sin(x), 0.3, math.cos(0.3) - 1, math.cos(0.3) + 1),
        (lambda x: max(x, 0.0) * 1e-3 + x * x + 1e3, 0.0, 0.0, 1e-3),
    ],
)
@pytest.mark.parametrize("claimed", [0.0, 0.5, 1.0])
def test_a_kink_is_called_one_and_has_two_slopes(f, x, left, right, claimed):
    estimate = _estimated(f, x, claimed)
    assert estimate.kind == "kink"
    assert judge(estimate, claimed, x)[0] == "not differentiable"
    assert (estimate.left, estimate.right) == pytest.approx((left, right), rel=0.1, abs=1e-4)


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: math.sqrt(abs(x)), "kink"),
        (lambda x: math.copysign(abs(x) ** (1 / 3), x), "kink"),
        (lambda x: abs(x) ** (2 / 3), "kink"),
        (lambda x: 1.0 if x > 0 else 0.0, "kink"),
        (lambda x: 1e3 if x > 0 else x, "kink"),
        (lambda x: math.sqrt(x) if x >= 0 else math.nan, "edge"),
        (lambda x: abs(x) ** 1.5, "smooth"),
        (lambda x: x * x * math.copysign(1.0, x), "smooth"),
        (lambda x: math.exp(-1 / (x * x)) if x else 0.0, "smooth"),
    ],
)
@pytest.mark.parametrize("claimed", [0.0, 0.5])
def test_cusps_jumps_and_edges_at_0(f, kind, claimed):
    assert _estimated(f, 0.0, claimed).kind == kind


def test_a_derivative_that_is_no_number_fails_where_there_is_one():
    for claimed in (math.nan, math.inf):
        assert judge(_estimated(math.sin, 0.7, claimed), claimed, 0.7)[0] == "fail"
        assert judge(_estimated(abs, 0.0, claimed), claimed, 0.0)[0] == "not differentiable"


def test_what_rounding_hides_is_not_decided():
    f = lambda x: math.sin(x) + 1e15  # noqa: E731
    verdict, words = judge(_estimated(f, 0.7, 1.2), 1.2, 0.7)
    assert verdict == "cannot tell"
    assert "can't be seen" in words


def test_noise_is_of_the_size_of_rounding():
    rng = np.random.default_rng(0)
    assert noise(math.sin, 0.7, math.sin(0.7)) <= 4e-16
    assert 1e-10 < noise(lambda x: x + 1e-9 * rng.normal(), 0.7, 0.7) < 1e-8
    offset = lambda x: math.sin(x) + 1e6  # noqa: E731
    assert 1e-11 < noise(offset, 0.7, offset(0.7)) < 1e-9
    single = lambda x: float(np.sin(np.float32(x)))  # noqa: E731
    assert noise(single, 0.7, single(0.7)) >= 2e-8


def test_float32_functions_are_judged_by_their_own_precision():
    f = lambda x: float(np.sin(np.float32(x)))  # noqa: E731
    f0, x = f(0.7), float(np.float32(0.7))
    estimate = differentiate(f, x, f0, math.cos(0.7), noise(f, x, f0, single=True), single=True)
    assert judge(estimate, math.cos(0.7), x, rtol=1e-6)[0] == "pass"
    assert judge(estimate, math.cos(0.7) * 1.01, x, rtol=1e-6)[0] == "fail"


def test_a_bar_that_were_a_hundred_times_too_small_would_be_seen():
    """The test of honesty is itself put to the test."""
    caught = 0
    for f, exact, x in CASES.values():
        true = _true(exact, x)
        estimate = _estimated(f, x, true * 1.3 or 1.0)
        caught += abs(estimate.value - true) > 8 * estimate.error / 100 + 4e-16 * abs(true) + 1e-29
    assert caught >= 3
