"""Finite differences, held against derivatives known by heart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value
from autograd.gradcheck import central_difference


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (math.sin, 0.7, math.cos(0.7)),
        (math.exp, -1.0, math.exp(-1)),
        (math.log, 0.3, 1 / 0.3),
        (lambda x: x**5, 2.0, 80.0),
        (abs, -3.0, -1.0),
    ],
)
def test_it_gives_the_derivative(f, x, slope):
    assert central_difference(f, x) == pytest.approx(slope, rel=1e-8)


@given(st.floats(-1e8, 1e8), st.floats(-10, 10))
def test_of_a_parabola_it_is_exact_but_for_rounding(x, a):
    assert central_difference(lambda t: a * t, x) == pytest.approx(a, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("x", [0.1, 1 / 3, 1e-9, 12345.678, 1e9, 1e15, -1e15])
def test_it_divides_by_the_step_that_was_really_made(x):
    assert central_difference(lambda t: t, x) == 1.0


def test_it_moves_the_argument_it_is_told_to():
    def f(x, y, z):
        return x + 10 * y + 100 * z

    assert [central_difference(f, 1.0, 2.0, 3.0, arg=i) for i in range(3)] == pytest.approx([1, 10, 100], rel=1e-8)


def test_the_others_stay_exactly_where_they_are():
    seen = []
    central_difference(lambda x, y: seen.append((x, y)) or 0.0, 0.1, 0.2, arg=0)
    assert [y for _, y in seen] == [0.2, 0.2]
    assert seen[0][0] > 0.1 > seen[1][0]


def test_a_large_step_shows_the_error_of_the_method():
    # for x³ the central difference is 3x² + h²
    assert central_difference(lambda x: x**3, 1.0, epsilon=0.1) == pytest.approx(3.01, rel=1e-12)
    assert central_difference(lambda x: x**3, 2.0, epsilon=0.1) == pytest.approx(12.04, rel=1e-12)


def test_at_a_kink_it_takes_the_mean_of_both_sides():
    assert central_difference(abs, 0.0) == 0.0
    assert central_difference(lambda x: max(x, 0.0), 0.0) == pytest.approx(0.5)


def test_a_value_counts_as_its_number():
    assert central_difference(lambda x: Value(x) * x, 3.0) == pytest.approx(6.0, rel=1e-9)


def test_it_agrees_with_backward():
    def f(x, y):
        return (x * y).tanh() + x / y

    x, y = Value(0.4), Value(-1.3)
    f(x, y).backward()
    numeric = [central_difference(lambda a, b: f(Value(a), Value(b)), 0.4, -1.3, arg=i) for i in range(2)]
    assert [x.grad, y.grad] == pytest.approx(numeric, rel=1e-8)
