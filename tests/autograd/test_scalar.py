"""NumPy's names for floats do what NumPy's functions do, and raise where those would warn."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograd import scalar

UNARY = [
    "abs",
    "arccos",
    "arcsin",
    "arctan",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", [0.05, 0.3, 0.95])
def test_functions_are_numpys(name, x):
    assert getattr(scalar, name)(x) == pytest.approx(float(getattr(np, name)(x)), rel=1e-14)
    assert type(getattr(scalar, name)(x)) is float


@given(st.floats(), st.floats())
@example(math.nan, 1.0)
@example(1.0, math.nan)
@example(-0.0, 0.0)
@example(math.inf, -math.inf)
def test_maximum_and_minimum_are_numpys_for_every_float(x, y):
    for name in ("maximum", "minimum"):
        ours, theirs = getattr(scalar, name)(x, y), float(getattr(np, name)(x, y))
        assert ours == theirs or (math.isnan(ours) and math.isnan(theirs))


def test_where_picks():
    assert (scalar.where(True, 1.0, 2.0), scalar.where(0.0, 1.0, 2.0)) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("name", "x"), [("log", 0.0), ("sqrt", -1.0), ("exp", 1000.0), ("arcsin", 2.0), ("log1p", -1.0), ("cosh", 1000.0)]
)
def test_what_has_no_finite_answer_raises(name, x):
    with pytest.raises((ValueError, OverflowError)):
        getattr(scalar, name)(x)


def test_all_lists_what_there_is():
    assert all(callable(getattr(scalar, name)) for name in scalar.__all__)
    assert {*UNARY, "maximum", "minimum", "pow", "where"} == set(scalar.__all__)
