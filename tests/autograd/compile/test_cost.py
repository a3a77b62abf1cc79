"""What calls cost, against counts by hand."""

import numpy as np
import pytest

from autograd import ops
from autograd.compile import calls, kernels
from autograd.compile.calls import Call
from autograd.compile.cost import FREE, cost

A, B = np.ones((5, 3)), np.ones((3, 4))


@pytest.mark.parametrize(
    ("call", "flops", "numbers"),
    [
        (Call(np.matmul, (A, B), np.ones((5, 4))), 2 * 5 * 3 * 4, 15 + 12 + 20),
        (Call(np.matmul, (np.ones((2, 5, 3)), B), np.ones((2, 5, 4))), 2 * 2 * 5 * 3 * 4, 30 + 12 + 40),
        (Call(np.matmul, (np.ones((5, 1)), np.ones((1, 4))), np.ones((5, 4))), 20, 5 + 4 + 20),
        (Call(np.vecdot, (A, A), np.ones(5)), 2 * 15, 15 + 15 + 5),
        (Call(kernels.sum_of_products, (np.ones((5, 1, 3)), np.ones((1, 4, 3))), np.ones((5, 4))), 2 * 60, 15 + 12 + 20),
        (Call(np.add.reduce, (A, 0), np.ones(3)), 15, 15 + 3),
        (Call(kernels.sum_by_product, (np.ones(5), A), np.ones(3)), 15, 5 + 15 + 3),
        (Call(np.add, (A, 1.0), A), 15, 15 + 15),
        (Call(np.tanh, (A,), A), 15, 15 + 15),
        (Call(calls.power, (A, 3.0), A), 15, 15 + 15),
        (Call(np.multiply, (np.broadcast_to(np.ones(3), (5, 3)), A), A), 15, 3 + 15 + 15),
        (Call(kernels.gather, (np.ones(100), np.array([3, 5])), np.ones(2)), 0, 2 + 2 + 2),
        (Call(kernels.add_at, (np.array([3, 5]), np.ones(2)), np.ones(100)), 2, 2 + 2 + 2 * 2),
        (Call(kernels.reduce_along, (ops.max, np.ones((5, 1, 3))), np.ones((5, 1))), 15, 15 + 5),
        (Call(calls.copy, (A,), A), 0, 15 + 15),
        (Call(calls.fill, (0.0,), A), 0, 15),
        (Call(np.positive, (A,), A), 0, 15 + 15),
    ],
)
def test_a_call_costs_what_is_counted_by_hand(call, flops, numbers):
    assert cost([call]) == (flops, 8 * numbers)


def test_costs_add_up():
    call = Call(np.add, (A, A), A)
    assert cost([]) == FREE == (0, 0)
    assert cost([call, call]) == (30, 8 * 90)
