"""The elementary functions that LLVM makes vector code of, against those of a library of any precision."""

import math

import numpy as np
import pytest

pytest.importorskip("numba")

from mpmath import mp

from autograd.compile import vectors

pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)
POINTS = [
    *(RNG.choice([-1.0, 1.0], 2000) * 10 ** RNG.uniform(-300, 5.9, 2000)),
    *RNG.uniform(-1, 1, 1000),
    *RNG.uniform(-750, 712, 2000),
    *(np.arange(-200, 200) * math.pi / 4),
    *(np.arange(-20, 20) * math.log(2) / 2),
    *[0.0, 20.0, -20.0, 1e6, -1e6, 709.78, 709.79, -745.13, -745.14, 5e-324],
]  # fmt: skip


@pytest.fixture(scope="module")
def functions():
    return vectors.compiled()


@pytest.mark.parametrize("name", ["exp", "tanh", "sin", "cos"])
def test_a_function_is_right_to_three_units_in_the_last_place(functions, name):
    f, exact = functions[name], getattr(mp, name)
    for x in map(float, POINTS):
        if name in ("sin", "cos") and abs(x) > 1e6:
            continue
        with mp.workdps(40):
            true = exact(mp.mpf(x))
            if true > np.finfo(float).max:
                assert f(x) == math.inf
            else:
                assert abs(mp.mpf(f(x)) - true) <= 3 * math.ulp(float(true)), x


@pytest.mark.parametrize("name", ["exp", "tanh", "sin", "cos"])
def test_of_nan_and_infinity_it_gives_what_numpy_gives(functions, name):
    for x in (math.nan, math.inf, -math.inf):
        with np.errstate(invalid="ignore"):
            np.testing.assert_equal(functions[name](x), float(getattr(np, name)(x)))


def test_of_too_large_numbers_sines_are_nan(functions):
    for x in (1.01e6, -1e300):
        assert math.isnan(functions["sin"](x))
        assert math.isnan(functions["cos"](x))
