"""Which of many numbers are the same."""

import subprocess
import sys

import numpy as np
import pytest

from autograd.compile.distinct import distinct


@pytest.mark.parametrize("size", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("dtype", [np.intp, float])
def test_numbers_are_told_apart_as_numpy_tells_them(size, dtype):
    numbers = np.random.default_rng(size).integers(-5, 50, size).astype(dtype)
    which, first = distinct(numbers)
    _, expected_first, expected = np.unique(numbers, return_index=True, return_inverse=True)
    assert (which == expected).all()
    assert (first == expected_first).all()


@pytest.mark.parametrize(
    "f", ["x * 2.0 + x", "autograd.add_n(*[(x * float(i)).tanh() for i in range(300)])"], ids=["floats", "arrays"]
)
def test_compiling_loads_no_masked_arrays(f):
    program = f"""
import sys, autograd
x = autograd.Value(1.0)
step = autograd.compile(lambda: {f}, [x])
step()
assert "numpy.ma" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
