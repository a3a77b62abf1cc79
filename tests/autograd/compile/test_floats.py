"""Straight-line float code: it gives what Values give, and what repeats is compiled once."""

import math

import numpy as np
import pytest

from autograd import PRIMITIVES, scalar
from autograd.compile.floats import FloatCode, period

from ..rows import ROWS, counts, draw, variant
from .drafts import Draft, by_values, check, random_form, recurrence


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_gives_its_value_and_its_partials(row):
    rng = np.random.default_rng(0)
    for n in (*counts(row), *([200] if row.variadic else [])):
        draft = Draft(0, n)
        code = FloatCode(draft.form(draft.row(row, *draft.parameters)))
        for _ in range(3):
            code.inputs[:] = point = draw(row, n, rng) if n < 200 else rng.uniform(-1, 1, n)
            z = row.apply(scalar, list(point))
            assert code.forward() == pytest.approx(z, rel=1e-14)
            code.backward()
            partials = [x or 0.0 for x in row.partials(scalar, z, list(point))]
            np.testing.assert_allclose(code.gradient, partials, rtol=1e-14)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("back", [None, 3, 30])
def test_random_forms_give_what_values_give(seed, back):
    rng = np.random.default_rng(seed)
    form = random_form(rng, int(rng.integers(1, 300)), back)
    code = FloatCode(form)
    for _ in range(3):
        check(code, form, rng.uniform(-1, 1, 8))


def test_a_form_too_irregular_to_write_out_gives_what_values_give():
    rng = np.random.default_rng(0)
    form = random_form(rng, 4000)
    code = FloatCode(form)
    assert code.n_texts < len(form) / 5
    check(code, form, rng.uniform(-1, 1, 8))


@pytest.mark.parametrize("n", [1, 2, 20, 21, 22, 300])
def test_a_recurrence_gives_what_values_give(n):
    form = recurrence(n)
    check(FloatCode(form), form, np.random.default_rng(0).uniform(-1, 1, n + 4))


def test_a_recurrence_of_any_length_is_at_most_two_functions():
    for n in (100, 1000, 5000):
        assert FloatCode(recurrence(n)).n_texts <= 2


def test_the_period_is_found_behind_a_beginning_of_another_kind():
    assert period(np.array([7, 7, 9, 8, *[1, 2, 3, 2, 5] * 40])) == 5
    assert period(np.arange(100)) == 1
    assert period(np.zeros(100)) == 1


def test_a_program_100_000_steps_deep_is_not_run_by_recursion():
    n, w, b = 100_000, 0.999, 0.01
    draft = Draft(0, 3)
    h = draft.parameters[2]
    for _ in range(n):
        h = draft.sum((1.0, h, draft.parameters[0]), (1.0, draft.parameters[1]))
    code = FloatCode(draft.form(h))
    code.inputs[:] = w, b, 1.0
    z, by_w, by_b = 1.0, 0.0, 0.0
    for _ in range(n):
        z, by_w, by_b = z * w + b, z + by_w * w, by_b * w + 1.0
    assert code.forward() == pytest.approx(z, rel=1e-12)
    code.backward()
    np.testing.assert_allclose(code.gradient[:2], [by_w, by_b], rtol=1e-11)


@pytest.mark.parametrize("n", [3, 99, 100, 101, 1000])
def test_sums_of_any_length_with_operands_that_repeat(n):
    draft = Draft(1, 2, constants=[3.0])
    (x,), (a, b) = draft.arguments, draft.parameters
    kinds = [(1.0, a, a), (-2.0, a, b), (-1.0, b), (0.5, x, b), (1.0, a), (1.0, x), (-1.0, b, 0), (0.1, 0)]
    form = draft.form(draft.row("tanh", draft.sum(*[kinds[i % 8] for i in range(n)], offset=-0.25)))
    check(FloatCode(form), form, [0.01, 0.02, -0.03])


def test_an_operand_that_takes_no_cotangent_asks_for_no_partial():
    draft = Draft(0, 1, constants=[3.0])
    form = draft.form(draft.row("pow", draft.parameters[0], 0))  # by the exponent it would take the logarithm of -2
    check(FloatCode(form), form, [-2.0])


def test_what_is_asked_for_may_be_an_input_a_constant_or_no_part_of_the_root():
    draft = Draft(1, 1, constants=[3.0])
    (x,), (a,) = draft.arguments, draft.parameters
    aside, of_x = draft.row("exp", a), draft.row("log", x)
    product = draft.sum((1.0, a, x))
    for outputs in [(product, x, a, 0, aside, product), (a, aside), (x,), (0, aside), (of_x, product)]:
        form = draft.form(*outputs)
        check(FloatCode(form), form, [0.5, 2.0])


def test_a_form_without_nodes_gives_its_inputs():
    draft = Draft(1, 2)
    form = draft.form(draft.parameters[1], draft.arguments[0])
    check(FloatCode(form), form, [1.0, 2.0, 3.0])


def test_an_empty_sum_is_its_offset():
    draft = Draft(0, 1)
    form = draft.form(draft.sum((1.0, draft.sum(offset=2.5), draft.parameters[0]), (1.0, draft.sum())))
    check(FloatCode(form), form, [2.0])


@pytest.mark.parametrize(("name", "x", "error"), [("log", -1.0, ValueError), ("exp", 1000.0, OverflowError)])
def test_forward_raises_where_a_function_of_floats_does_and_is_right_again_after(name, x, error):
    draft = Draft(0, 1)
    form = draft.form(draft.row(name, draft.parameters[0]))
    code = FloatCode(form)
    code.inputs[:] = x
    with pytest.raises(error):
        code.forward()
    check(code, form, [0.5])


def test_backward_raises_where_a_partial_does():
    draft = Draft(0, 1)
    code = FloatCode(draft.form(draft.row("sqrt", draft.parameters[0])))
    code.forward()
    with pytest.raises(ZeroDivisionError):
        code.backward()


def test_sums_and_products_overflow_silently():
    draft = Draft(0, 1)
    code = FloatCode(draft.form(draft.sum((1e300, draft.parameters[0], draft.parameters[0]))))
    code.inputs[:] = 1e10
    assert code.forward() == math.inf


def test_a_row_of_the_users_own_is_called_as_it_is():
    switched = variant(PRIMITIVES["tanh"], forward=lambda xp, x: xp.tanh(x) if x > 0 else 0.0).primitive
    draft = Draft(0, 2)
    form = draft.form(draft.sum(*[(1.0, draft.row(switched, x)) for x in draft.parameters]))
    check(FloatCode(form), form, [-2.0, 2.0])
    assert by_values(form, [-2.0, 2.0])[0] == math.tanh(2.0)


def test_a_node_that_nothing_uses_changes_nothing():
    foreign = variant(PRIMITIVES["tanh"], forward=lambda xp, x: xp.tanh(x) if x > 0 else 0.0).primitive
    draft = Draft(0, 1)
    (x,) = draft.parameters
    draft.row("sin", x)
    form = draft.form(draft.row("exp", draft.row(foreign, x)))
    check(FloatCode(form), form, [0.5])


def test_the_check_finds_a_wrong_derivative():
    wrong = variant(PRIMITIVES["tanh"], rules=(lambda xp, z, x: (1.0 - z * z) * (1 + 1e-9),)).primitive
    draft, other = Draft(0, 1), Draft(0, 1)
    code = FloatCode(draft.form(draft.row(wrong, *draft.parameters)))
    with pytest.raises(AssertionError):
        check(code, other.form(other.row("tanh", *other.parameters)), [0.5])
