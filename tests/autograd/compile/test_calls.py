"""Rows of the table as calls, against the rows themselves; and what calls are bound to."""

import numpy as np
import pytest

from autograd import PRIMITIVES, scalar
from autograd.compile import calls
from autograd.compile.calls import Call, Room, run
from autograd.compile.kernels import sum_by_product

from ..rows import ROWS, counts, draw


def taken_back(row, operands, z, g, wanted):
    """What ``backward`` hands to each operand."""
    found, room = {}, Room()

    def give(i, function, factors):
        found[i] = np.full(z.shape, np.nan)
        return [Call(function, factors, found[i])]

    run(calls.backward(row, operands, z, g, wanted, give, room))
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_computes_what_it_does_for_each_number_and_so_do_its_partials(row):
    rng = np.random.default_rng(0)
    for n in (1, 2, 3) if row.variadic else counts(row):
        points = np.array([draw(row, n, rng) for _ in range(5)])
        g = rng.normal(size=5)
        for known in range(-1, n):  # an operand that is a number
            if known >= 0:
                points[:, known] = points[0, known]
            operands = [float(x[0]) if i == known else x.copy() for i, x in enumerate(points.T)]
            z, room = np.full(5, np.nan), Room()
            if n - (known >= 0):
                run(calls.forward(row, operands, z, room))
                values = [row.apply(scalar, point) for point in points.tolist()]
                np.testing.assert_allclose(z, values, rtol=1e-14, atol=1e-300)
                wanted = [i for i in range(n) if i != known]
                found = taken_back(row, operands, z, g, wanted)
                for at, (value, point) in enumerate(zip(values, points.tolist())):
                    partials = row.partials(scalar, value, tuple(point))
                    for i in wanted:
                        got = found[i][at] if i in found else 0.0
                        assert got == pytest.approx(g[at] * (partials[i] or 0.0), rel=1e-12, abs=1e-300)


def test_operands_of_different_shapes_are_stretched():
    x, y, z = np.array([[0.3], [0.7]]), np.array([[1.0, 2.0, 3.0]]), np.zeros((2, 3))
    run(calls.forward(PRIMITIVES["pow"], [x, y], z, Room()))
    np.testing.assert_allclose(z, x**y, rtol=1e-15)


def test_a_row_that_gives_the_same_number_always_fills_it_in():
    z = np.full(3, np.nan)
    run(calls.forward(PRIMITIVES["pow"], [np.ones(3), 0.0], z, Room()))
    assert z.tolist() == [1.0] * 3


def test_no_cotangent_is_handed_to_operands_that_want_none_or_have_a_partial_of_zero():
    x = np.array([1.0, 2.0])
    assert list(taken_back(PRIMITIVES["mul"], [x, x], x * x, x, [1])) == [1]
    assert list(taken_back(PRIMITIVES["step"], [x], x, x, [0])) == []


def bound_alike(function, operands, out):
    want = out.copy()
    call = Call(function, operands, out)
    call.bound()()
    run([Call(function, operands, want)])
    np.testing.assert_array_equal(out, want)


def test_a_bound_call_does_what_the_call_does():
    rng = np.random.default_rng(0)
    a, b, v = rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=(4, 3))
    bound_alike(np.matmul, (a, b), np.zeros((4, 5)))
    bound_alike(np.matmul, (a, b), np.zeros((5, 4)).T)
    bound_alike(np.matmul, (a, b), np.zeros((4, 10))[:, ::2])
    bound_alike(np.matmul, (np.stack([a, v]), b), np.zeros((2, 4, 5)))
    bound_alike(np.matmul, (np.stack([a, v]), np.stack([v, a]).mT), np.zeros((2, 4, 4)))
    for out in (np.zeros(3), np.zeros(6)[::2]):
        bound_alike(sum_by_product, (np.ones(4), a), out)
    each = ((np.add, (a, 2.0)), (np.subtract, (1.0, a)), (np.tanh, (a,)), (np.maximum, (a, 0.5)), (np.vecdot, (a, v)))
    for function, operands in each:
        bound_alike(function, operands, np.zeros(4 if function is np.vecdot else (4, 3)))
    bound_alike(np.add.reduce, (a, 0), np.zeros(3))
    bound_alike(calls.fill, (2.5,), np.zeros(3))


def test_a_bound_call_reads_its_operands_anew():
    a, out = np.ones(3), np.zeros(3)
    call = Call(np.multiply, (a, 2.0), out).bound()
    a[:] = 5.0
    call()
    assert out.tolist() == [10.0] * 3


@pytest.mark.parametrize("exponent", [2.0, 3.0, -1.0, 0.5, 1.5, -2.0, np.array([2.0, 0.5, -1.0])])
def test_powers_are_those_of_numpy(exponent):
    x, out = np.array([0.5, 2.0, 3.7]), np.zeros(3)
    calls.power(x, exponent, out)
    np.testing.assert_allclose(out, x**exponent, rtol=1e-15)


def test_choose_is_where():
    out = np.zeros(3)
    calls.choose(np.array([1.0, 0.0, -2.0]), np.array([1.0, 2.0, 3.0]), 7.0, out)
    assert out.tolist() == [1.0, 7.0, 3.0]


def test_room_gives_what_was_freed_again_and_grows_where_it_must():
    room = Room()
    a, b = room.take((2, 3)), room.take((4,))
    assert not np.shares_memory(a, b)
    room.free()
    again, flags = room.take((6,)), room.take((5,), bool)
    assert np.shares_memory(a, again)
    assert np.shares_memory(b, flags)
    assert (again.shape, flags.dtype, flags.shape) == ((6,), bool, (5,))
    assert room.nbytes == 48 + 32
    room.free()
    larger = room.take((100,))
    larger[:] = 1.0  # who holds the smaller array keeps it
    assert not np.shares_memory(larger, a)
    assert room.nbytes == 800 + 32
