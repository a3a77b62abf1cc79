"""The way back: cotangents that are known, that come first, that are added, and those of numbers named more than once."""

import numpy as np
import pytest

from autograd.compile.arrays import ArrayProgram
from autograd.compile.backward import Cotangents
from autograd.compile.kernels import add_at
from autograd.compile.layout import Layout

from .drafts import Draft, check
from .test_arrays import Alone, check_batch


def filled(cotangents):
    for function, operands, out in cotangents.fills():
        function(*operands, out=out)
    return cotangents.tape.tolist()


def test_what_is_written_first_is_not_filled_and_what_is_added_to_first_is():
    cotangents = Cotangents(np.full(6, 9.0))
    first, second, known = np.array([0, 1]), np.array([1, 2]), np.array([4])
    assert cotangents.are_fresh(first)
    cotangents.write(first, first=True)
    assert not cotangents.are_fresh(second)
    cotangents.write(second, first=False)
    assert cotangents.know(known, 0.5)
    assert cotangents.know(known, 0.25)
    assert cotangents.known(known) == 0.75
    cotangents.write(known, first=False)
    assert cotangents.known(known) is None
    assert not cotangents.know(known, 1.0)
    assert [filled(cotangents)[i] for i in (0, 1, 2, 4, 5)] == [9.0, 9.0, 0.0, 0.75, 9.0]


def test_cotangents_that_differ_are_not_known_as_one():
    cotangents = Cotangents(np.zeros(3))
    cotangents.know(np.array([0]), 1.0)
    assert cotangents.known(np.array([0, 1])) is None
    assert cotangents.come(np.array([0, 1]))
    assert not cotangents.come(np.array([1, 2]))
    cotangents.know(np.array([1]), 2.0)
    assert cotangents.known(np.array([0, 1])) is None


def test_nothing_between_two_that_are_far_apart_is_filled():
    cotangents = Cotangents(np.full(5000, 9.0))
    cotangents.write(np.array([0, 4000]), first=False)
    assert np.flatnonzero(np.array(filled(cotangents)) == 0.0).tolist() == [0, 4000]


def test_the_cotangents_of_a_mean_are_not_computed():
    draft = Draft(0, 50)
    form = draft.form(draft.sum(*[(0.02, draft.row("tanh", x)) for x in draft.parameters]))
    code = Alone(form)
    check(code, form, np.linspace(-1, 2, 50))
    assert [len(part) for part in code.program.backward_parts][-1] == 0


def test_a_root_that_is_a_parameter_an_argument_or_a_constant_has_a_gradient():
    for root, gradient in ((2, [1.0, 0.0]), (1, [0.0, 0.0]), (0, [0.0, 0.0])):
        draft = Draft(1, 2, constants=[3.0])
        form = draft.form(root, draft.row("tanh", draft.parameters[0]))
        code = Alone(form)
        check(code, form, [0.5, 0.25, 4.0])
        assert code.gradient.tolist() == gradient
        check_batch(draft.form(root), np.array([[0.5], [0.7]]), np.array([0.25, 4.0]))


def test_parameters_that_are_not_used_or_behind_other_outputs_alone_have_a_gradient_of_zero():
    draft = Draft(0, 4)
    a, b, c, _ = draft.parameters
    form = draft.form(draft.row("tanh", a), draft.row("sin", b), draft.sum((1.0, a, c)))
    code = Alone(form)
    check(code, form, [0.3, 0.4, 0.5, 0.6])
    assert code.gradient[1:].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("batch", [False, True])
def test_a_number_that_a_group_names_often_is_given_all_its_cotangents(batch):
    rng = np.random.default_rng(0)
    draft = Draft(3, 4)
    xs, ps = draft.arguments, draft.parameters
    picked = [([*ps, *xs] if not batch else [ps, xs][n % 2])[k] for n, k in enumerate(rng.integers(0, 3, 20))]
    rows = [draft.row("sin", x) for x in picked]
    squares = [draft.sum((0.5 + n, x, x)) for n, x in enumerate(picked)]
    mixed = [draft.sum((1.0, x, y), (0.3 * n, y)) for n, (x, y) in enumerate(zip(rows, picked[::-1]))]
    reduced = [draft.row("max_n", *xs) for xs in (rows[:5], rows[2:7], mixed[:5])] + [draft.row("logaddexp", *picked[:6])]
    form = draft.form(draft.sum(*[(0.7 ** (n % 9), z) for n, z in enumerate([*rows, *squares, *mixed, *reduced])]))
    if batch:
        check_batch(form, rng.normal(size=(4, 3)), rng.normal(size=4))
        check_batch(form, rng.normal(size=(1, 3)), rng.normal(size=4))
    else:
        check(Alone(form), form, rng.normal(size=7))


def test_numbers_picked_in_no_order_are_scattered_back():
    draft = Draft(0, 40)
    first = [draft.row("tanh", x) for x in draft.parameters]
    picked = np.random.default_rng(0).permutation(first)[:25].tolist()
    second = [draft.row("sin", x) for x in picked] + [draft.row("exp", x) for x in picked[::-1]]
    form = draft.form(draft.sum(*[(1.0 + n, z) for n, z in enumerate(second)]))
    code = Alone(form)
    check(code, form, np.random.default_rng(1).normal(size=40))
    assert any(call.function is add_at for call in ArrayProgram(Layout(form)).backward_calls)


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(("rows", "columns", "terms"), [(1, 5, 3), (5, 1, 3), (4, 3, 2), (4, 3, 1), (1, 1, 6), (6, 6, 6)])
def test_a_matrix_product_hands_on_to_both_factors_whatever_stands_beside_it(rows, columns, terms, batch):
    rng = np.random.default_rng(0)
    draft = Draft(rows * terms * batch, rows * terms * (not batch) + columns * terms + columns + rows)
    free = iter([*draft.arguments, *draft.parameters])
    left, right = [np.array([next(free) for _ in range(n * terms)]).reshape(n, terms).tolist() for n in (rows, columns)]
    bias, by_row = [next(free) for _ in range(columns)], [next(free) for _ in range(rows)]
    grid = [
        draft.sum(*[(1.0, x, w) for x, w in zip(xs, ws)], (-2.0, b), (0.5, r), offset=0.25 * i)
        for xs, r in zip(left, by_row)
        for i, (ws, b) in enumerate(zip(right, bias))
    ]
    form = draft.form(draft.sum(*[(1.0 + 0.1 * n, draft.row("tanh", z), z) for n, z in enumerate(grid)]))
    if batch:
        check_batch(form, rng.normal(size=(3, rows * terms)), rng.normal(size=form.n_parameters))
    else:
        check(Alone(form), form, rng.normal(size=form.n_parameters))


@pytest.mark.parametrize("picked", [[0, 0, 0, 0, 0], [0, 1, 0, 0, 2], [0, 0, 1, 1, 2], [2, 1, 0, 2, 1]])
def test_known_cotangents_of_numbers_that_several_share_are_added_up(picked):
    draft = Draft(0, 8)
    shared = [draft.row("positive", x) for x in draft.parameters[5:]]
    sums = [draft.sum((1.0, x), (2.0, shared[n])) for x, n in zip(draft.parameters, picked)]
    form = draft.form(draft.sum(*[(0.5, z) for z in sums]))
    code = Alone(form)
    check(code, form, np.linspace(-1, 2, 8))
    assert code.gradient.tolist() == [0.5] * 5 + [float(picked.count(n)) for n in range(3)]


@pytest.mark.parametrize("batch", [False, True])
def test_windows_that_overlap_add_up(batch):
    rng = np.random.default_rng(0)
    draft = Draft(1, 9)
    first = (
        [draft.row("tanh", draft.sum((1.0, x, draft.arguments[0]))) for x in draft.parameters] if batch else draft.parameters
    )
    plain = [draft.sum(*[(0.1 + k, first[i + k]) for k in range(3)]) for i in range(7)]
    even = [draft.sum(*[(1.0, first[i + k], draft.parameters[k]) for k in range(3)]) for i in range(7)]
    form = draft.form(draft.sum(*[(1.0 + i, z, z) for i, z in enumerate([*plain, *even])]))
    if batch:
        check_batch(form, rng.normal(size=(3, 1)), rng.normal(size=9))
    else:
        check(Alone(form), form, rng.normal(size=10))


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_squares_of_one_weight_hand_back_twice_their_factor(weight):
    draft = Draft(0, 5)
    rows = [draft.row("sin", x) for x in draft.parameters]
    form = draft.form(draft.sum(*[(weight, z, z) for z in rows]))
    check(Alone(form), form, np.linspace(-1, 2, 5))
