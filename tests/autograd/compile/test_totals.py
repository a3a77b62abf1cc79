"""Sums of products as calls: how many, and that signs, weights and offsets come out right."""

import numpy as np
import pytest

from autograd.compile.kernels import sum_of_products

from .drafts import Draft
from .test_arrays import Alone, check, check_batch


def functions(form):
    """What is called for the last group."""
    return [call.function for call in Alone(form).program.forward_parts[-1]]


def layer(*more, offset=0.0, n=4):
    """``w x`` of a ``(4, 3)`` matrix, and terms beside it, each a weight and how many parameters."""
    draft = Draft(0, 3 * n + 3 + n * len(more))
    parameters = iter(draft.parameters)
    x, w = [next(parameters) for _ in range(3)], [[next(parameters) for _ in range(3)] for _ in range(n)]
    biases = [[next(parameters) for _ in range(n)] for _ in more]
    rows = [[(1.0, a, b) for a, b in zip(row, x)] + [(c, b[i]) for c, b in zip(more, biases)] for i, row in enumerate(w)]
    sums = [draft.sum(*terms, offset=offset) for terms in rows]
    return draft, sums


@pytest.mark.parametrize(
    ("more", "offset", "called"),
    [
        ((), 0.0, [np.matmul]),
        ((1.0,), 0.0, [np.matmul, np.add]),
        ((-1.0,), 0.0, [np.matmul, np.subtract]),
        ((1.0,), 2.0, [np.matmul, np.add, np.add]),
        ((0.5,), 0.0, [np.matmul, np.multiply, np.add]),
    ],
)
def test_a_layer_takes_few_calls(more, offset, called):
    draft, sums = layer(*more, offset=offset)
    assert functions(draft.form(*sums)) == called


WEIGHTS = (1.0, -1.0, 0.5, -2.0)


@pytest.mark.parametrize("offset", [0.0, 1.5])
@pytest.mark.parametrize("first", WEIGHTS)
@pytest.mark.parametrize("second", WEIGHTS)
def test_weights_and_offsets_of_any_sign_come_out_right(first, second, offset):
    rng = np.random.default_rng(0)
    for rows in (1, 4):
        draft = Draft(2, 2 + 3 * rows)
        (x, y), (a, b, *rest) = draft.arguments, draft.parameters
        sums = [draft.sum((first, x, rest[i]), (second, rest[rows + i]), offset=offset) for i in range(rows)]
        sums += [draft.sum((first, x), (second, y, y), (first, rest[2 * rows + i]), offset=offset * i) for i in range(rows)]
        sums += [draft.sum((first, a), offset=offset), draft.sum((second, a, b), offset=offset), draft.sum(offset=offset)]
        sums += [draft.sum((first, x), offset=offset), draft.sum((first, x, y), (second, x, a), (second, y, b), offset=offset)]
        form = draft.form(draft.sum(*[(0.3 + i, z, z) for i, z in enumerate(sums)]))
        numbers = rng.normal(size=form.n_parameters)
        check_batch(form, rng.normal(size=(3, 2)), numbers)
        check(Alone(form), form, [0.3, -0.7, *numbers])


def test_weights_that_differ_from_node_to_node_and_from_term_to_term_are_those_of_each():
    rng = np.random.default_rng(0)
    draft = Draft(4, 24)
    w = np.array(draft.parameters).reshape(6, 4).tolist()
    sums = [
        draft.sum(*[(float(rng.normal()), a, x) for a, x in zip(row, draft.arguments)], offset=i) for i, row in enumerate(w)
    ]
    sums += [draft.sum(*[(float(rng.normal()), a) for a in row], offset=-i) for i, row in enumerate(w)]
    form = draft.form(draft.sum(*[(0.3 + i, z, z) for i, z in enumerate(sums)]))
    check_batch(form, rng.normal(size=(3, 4)), rng.normal(size=24))
    check(Alone(form), form, rng.normal(size=28))


def test_products_of_two_numbers_that_differ_from_example_to_example_are_summed_for_each():
    rng = np.random.default_rng(0)
    draft = Draft(8, 2)
    xs, (a, b) = draft.arguments, draft.parameters
    z = draft.row("tanh", draft.sum((1.0, xs[0], a)))
    dots = [
        draft.sum(*[(1.0, x, y) for x, y in zip(xs[:4], xs[4:])]),
        draft.sum(*[(1.0, x, y) for x, y in zip(xs[:4], xs[3:7])]),
    ]
    form = draft.form(draft.sum(*[(1.0, d, z) for d in dots], (2.0, b)))
    check_batch(form, rng.normal(size=(3, 8)), rng.normal(size=2))
    form = draft.form(*dots)
    program = Alone(form).program
    assert sum_of_products not in [call.function for call in program.forward_calls]  # one example: vecdot or a product
