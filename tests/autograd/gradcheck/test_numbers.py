"""Complex and decimal readings of every row against the floats and mpmath."""

import math
from decimal import Decimal

import mpmath as mp
import numpy as np
import pytest

from autograd import arrays, scalar
from autograd.gradcheck import complexes, decimals

from ..rows import ROWS, counts, draw, exact

POINTS = [(row, n) for row in ROWS for n in counts(row)]
IDS = [f"{row.name} of {n}" for row, n in POINTS]


@pytest.mark.parametrize(("row", "n"), POINTS, ids=IDS)
def test_a_complex_step_gives_each_partial(row, n):
    rng = np.random.default_rng(0)
    for _ in range(3):
        point = draw(row, n, rng)
        z = row.apply(scalar, point)
        for i, partial in enumerate(row.partials(scalar, z, point)):
            if partial is None:
                continue
            h = 1e-30 * abs(point[i])
            moved = [complex(x, h if i == k else 0.0) for k, x in enumerate(point)]
            of_number = row.apply(complexes.numbers, [complexes.Complex(x) for x in moved])
            of_array = row.apply(complexes.arrays, [np.array([x]) for x in moved])
            number = of_number.z if isinstance(of_number, complexes.Complex) else complex(of_number)
            assert number.real == pytest.approx(z, rel=1e-14)
            assert number.imag / h == pytest.approx(partial, rel=1e-13, abs=1e-15)
            assert complex(np.asarray(of_array).reshape(-1)[0]).imag / h == pytest.approx(partial, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize(("row", "n"), POINTS, ids=IDS)
def test_decimals_give_each_row_to_a_hundred_digits(row, n):
    rng = np.random.default_rng(1)
    with mp.workdps(170):
        point = draw(row, n, rng)
        number = row.apply(decimals.numbers, [decimals.Exact(Decimal(x)) for x in point])
        ours = mp.mpf(str(number.d if isinstance(number, decimals.Exact) else number))
        # the constants of gelu are floats in the row
        if row.name != "gelu":
            true = exact(mp)[row.name](*[mp.mpf(x) for x in point])
            assert abs(ours - true) <= mp.mpf(10) ** -140 * max(1, abs(true))
        assert float(ours) == pytest.approx(row.apply(scalar, point), rel=1e-13)


def _in_domain(name, x):
    return {"log": x > 0, "sqrt": x > 0, "log1p": x > -1, "arcsin": abs(x) < 1, "arccos": abs(x) < 1}.get(name, True)


NUMBERS = (0.3, 1e-9, 0.9999, -0.4, -0.95, 1.5, 20.0, -30.0, 1e-30)


@pytest.mark.parametrize(("name", "x"), [(f, x) for f in sorted(decimals._FUNCTIONS) for x in NUMBERS if _in_domain(f, x)])
def test_decimal_functions_to_the_last_of_140_digits(name, x):
    theirs = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}.get(name, name)
    true_float = getattr(math, theirs)(x)
    with mp.workdps(400):
        exactly = {"expm1": lambda v: mp.exp(v) - 1, "log1p": lambda v: mp.log(1 + v)}.get(name) or getattr(mp, theirs)
        true = exactly(mp.mpf(x))
        ours = mp.mpf(str(getattr(decimals.numbers, name)(x).d))
        assert abs(ours - true) <= abs(true) * mp.mpf(10) ** -145
    assert float(ours) == pytest.approx(true_float, rel=1e-14)


def test_complex_numbers_are_ordered_by_real_then_imaginary_part():
    one, right, left = (complexes.Complex(z) for z in (1 + 0j, 1 + 1e-30j, 1 - 1e-30j))
    assert left < one < right
    assert right > 1.0
    assert not left > 1.0
    assert complexes.numbers.maximum(left, 1.0) == 1.0
    assert abs(complexes.Complex(-1e-30j)).z == 1e-30j
    array = np.array([1 + 1e-30j, 1 - 1e-30j])
    assert (array > 1).tolist() == [True, False]
    assert complexes.arrays.abs(array - 1).tolist() == [1e-30j, 1e-30j]


def test_powers_of_negative_numbers_keep_their_slope():
    for base, exponent in ((-2.0, 3.0), (-2.0, -3.0), (-1.01, 201.0), (-1.01, 202.0)):
        slope = complexes.numbers.pow(complexes.Complex(complex(base, 1e-30)), exponent).z.imag / 1e-30
        assert slope == pytest.approx(exponent * base ** (exponent - 1), rel=1e-12)


@pytest.mark.parametrize("name", ["exp", "tanh", "log", "sqrt", "sin"])
def test_arrays_of_decimals_go_through_numpy(name):
    a = np.array([[0.3, 1.2], [0.7, 2.0]])
    held = np.vectorize(lambda x: decimals.Exact(Decimal(x)), otypes=[object])(a)
    found = getattr(decimals.arrays, name)(held)
    np.testing.assert_allclose([float(x.d) for x in found.ravel()], getattr(arrays, name)(a).ravel(), rtol=1e-15)
    np.testing.assert_allclose(float(decimals.arrays.mean(held).d), a.mean(), rtol=1e-15)
    np.testing.assert_allclose([float(x.d) for x in decimals.arrays.logsumexp(held, 1)], arrays.logsumexp(a, 1), rtol=1e-15)
    np.testing.assert_allclose([float(x.d) for x in (held @ a).ravel()], (a @ a).ravel(), rtol=1e-15)
