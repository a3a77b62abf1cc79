"""The machine: it gives what Values give, for programs of any shape."""

import re

import numpy as np
import pytest

pytest.importorskip("numba")

from autograd import PRIMITIVES, scalar
from autograd.compile import machine
from autograd.compile.machine import _BLOCK, Machine
from autograd.terms import ReadingError

from ..rows import ROWS, counts, draw, variant
from .drafts import Draft, check, random_form, recurrence

pytestmark = pytest.mark.oracle


def test_every_row_gives_its_value_and_its_partials():
    rng = np.random.default_rng(0)
    used = [(row, n) for row in ROWS for n in ((3,) if row.variadic else counts(row))]
    draft = Draft(0, sum([n for _, n in used]))
    free = iter(draft.parameters)
    rows = [draft.row(row, *[next(free) for _ in range(n)]) for row, n in used]
    code = Machine(draft.form(draft.sum(*[(1.0, x) for x in rows]), *rows))
    for _ in range(3):
        points = [draw(row, n, rng) for row, n in used]
        code.inputs[:] = np.concatenate(points)
        values = [row.apply(scalar, point) for (row, _), point in zip(used, points)]
        np.testing.assert_allclose(code.forward()[1:], values, rtol=1e-14)
        code.backward()
        partials = [row.partials(scalar, z, point) for (row, _), z, point in zip(used, values, points)]
        np.testing.assert_allclose(code.gradient, [x or 0.0 for by in partials for x in by], rtol=1e-13)


def test_a_random_form_gives_what_values_give():
    rng = np.random.default_rng(0)
    form = random_form(rng, 300, 30)
    code = Machine(form)
    for _ in range(3):
        check(code, form, rng.uniform(-1, 1, 8))


def test_a_recurrence_gives_what_values_give():
    for n in (1, 300):
        form = recurrence(n)
        check(Machine(form), form, np.random.default_rng(0).uniform(-1, 1, n + 4))


def test_functions_that_have_vector_code_are_not_called_number_by_number():
    draft = Draft(0, 1)
    code = Machine(draft.form(draft.row("tanh", draft.row("sin", draft.row("exp", draft.parameters[0])))))
    (text,) = code._run_forward.inspect_asm().values()
    assert not re.search(r"\b(exp|tanh|sin)\b", text)
    check(code, code.form, [0.5])


@pytest.mark.parametrize("n", [_BLOCK - 1, _BLOCK, 2 * _BLOCK + 1])
def test_runs_of_any_length_give_what_values_give(n):
    rng = np.random.default_rng(0)
    draft = Draft(n, 2 * n)
    xs, ys = draft.parameters[:n], draft.parameters[n:]
    rows = [draft.row("maximum", draft.row("sin", x), draft.sum((1.0, y, z))) for x, y, z in zip(xs, ys, draft.arguments)]
    form = draft.form(draft.sum(*[(1.0, z, z) for z in rows]))
    check(Machine(form), form, rng.uniform(-1, 1, 3 * n))


def test_sums_with_operands_that_repeat_and_an_empty_sum():
    draft = Draft(1, 2, constants=[3.0])
    (x,), (a, b) = draft.arguments, draft.parameters
    kinds = [(1.0, a, a), (-2.0, a, b), (-1.0, b), (0.5, x, b), (1.0, a), (1.0, x), (-1.0, b, 0), (0.1, 0)]
    sums = [draft.sum(*kinds[i : i + n], offset=0.25 * (i % 2)) for n in range(5) for i in range(5)]
    form = draft.form(draft.sum(*[(1.0, z, z) for z in sums]))
    check(Machine(form), form, [0.5, 2.0, -3.0])


def test_it_matters_which_of_the_terms_is_subtracted():
    draft = Draft(0, 3)
    a, b, c = draft.parameters
    sums = [draft.sum((w, a, c), (-w, b, c)) for w in (1.0, -1.0)] + [draft.sum((w, a), (-w, b)) for w in (1.0, -1.0)]
    form = draft.form(draft.sum(*[(1.0, z, z) for z in sums]), *sums)
    check(Machine(form), form, [0.5, 2.0, -3.0])


def test_a_form_without_nodes_gives_its_inputs():
    draft = Draft(1, 2)
    form = draft.form(draft.parameters[1], draft.arguments[0])
    check(Machine(form), form, [1.0, 2.0, 3.0])


def test_an_operand_that_takes_no_cotangent_asks_for_no_partial():
    draft = Draft(0, 1, constants=[3.0])
    form = draft.form(draft.row("pow", draft.parameters[0], 0))  # by the exponent it would take the logarithm of -2
    check(Machine(form), form, [-2.0])


def test_what_is_asked_for_may_be_no_part_of_the_root():
    draft = Draft(1, 1, constants=[3.0])
    (x,), (a,) = draft.arguments, draft.parameters
    aside, of_x, product = draft.row("exp", a), draft.row("log", x), draft.sum((1.0, a, x))
    form = draft.form(product, x, a, 0, aside, product, of_x)
    check(Machine(form), form, [0.5, 2.0])


def test_a_number_that_is_not_finite_is_told_and_the_next_run_is_right():
    draft = Draft(0, 1)
    form = draft.form(draft.row("log", draft.parameters[0]))
    code = Machine(form)
    for x in (-1.0, 0.0):  # nan and -inf
        code.inputs[:] = x
        with pytest.raises(FloatingPointError, match="not finite"):
            code.forward()
    check(code, form, [0.5])


@pytest.mark.parametrize("n", [1, 7, 300])
@pytest.mark.parametrize("x", [-1.0, 0.0])
def test_a_number_that_is_not_finite_is_told_wherever_it_is_and_though_nobody_uses_it(n, x):
    draft = Draft(n, 1)
    code = Machine(draft.form(draft.parameters[0], *[draft.row("log", argument) for argument in draft.arguments]))
    for place in {0, n // 2, n - 1}:
        code.inputs[:] = 1.0
        code.forward()
        code.inputs[place] = x
        with pytest.raises(FloatingPointError, match="not finite"):
            code.forward()


def test_a_derivative_that_is_not_finite_is_told():
    draft = Draft(0, 1)
    code = Machine(draft.form(draft.row("sqrt", draft.parameters[0])))
    code.forward()
    with pytest.raises(FloatingPointError, match="not finite"):
        code.backward()


def test_programs_of_the_same_cases_share_a_machine():
    first = Machine(recurrence(10))
    compiled = machine._compiled.cache_info().misses
    second = Machine(recurrence(20))
    assert machine._compiled.cache_info().misses == compiled
    assert first._run_forward is second._run_forward


def test_a_row_that_branches_on_numbers_or_has_many_operands_is_refused():
    switched = variant(PRIMITIVES["tanh"], forward=lambda xp, x: xp.tanh(x) if x > 0 else 0.0).primitive
    draft = Draft(0, 1)
    with pytest.raises(ReadingError, match="can't be read"):
        Machine(draft.form(draft.row(switched, *draft.parameters)))
    draft = Draft(0, 50)
    with pytest.raises(ReadingError, match="at most 32 operands, not max_n of 50"):
        Machine(draft.form(draft.row("max_n", *draft.parameters)))
