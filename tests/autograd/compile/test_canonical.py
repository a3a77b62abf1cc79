"""The canonical form: which sums of products come of what was written, and that they compute the same."""

import math
from decimal import Decimal
from itertools import product
from math import prod

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compile import choice
from autograd.compile.canonical import canonical
from autograd.compile.form import NONE, SUM
from autograd.compile.record import record

from .drafts import by_values

A, B, C = "abc"


def form_of(f, *points, batch=False):
    """The form of ``f`` of three parameters, shown to compute at ``points`` what f does."""
    parameters = [Value(x) for x in (1.3, -0.7, 0.4)]
    form = canonical(record([f(*parameters)], [], parameters), batch)
    for point in [(1.3, -0.7, 0.4), (0.3, 2.0, -1.1), *points]:
        values = [Value(x) for x in point]
        root = f(*values)
        root.backward()
        found, gradient = by_values(form, point)
        np.testing.assert_allclose(found, [root.data], rtol=1e-13)
        np.testing.assert_allclose(gradient, [x.grad for x in values], rtol=1e-13, atol=1e-300)
    return form


def sums(form):
    """Each sum as its offset and terms, ``(weight, *factors)``, with the names of parameters and the numbers of constants."""
    names = [*form.constants.tolist(), *"abc"[: form.n_parameters], *[f"n{i}" for i in range(len(form))]]
    found = []
    for i in np.flatnonzero(form.row == SUM):
        terms = range(form.start[i], form.start[i + 1])
        factors = [[x for x in (form.left[t], form.right[t]) if x != NONE] for t in terms]
        found.append((form.offset[i], sorted((form.weight[t], *[names[x] for x in xs]) for t, xs in zip(terms, factors))))
    return found


def alike(terms):
    return sorted((sorted(map(str, factors)), weight) for weight, *factors in terms)


@pytest.mark.parametrize(
    ("f", "offset", "terms"),
    [
        (lambda a, b, c: a + b - c + 2.0, 2.0, [(-1.0, C), (1.0, A), (1.0, B)]),
        (lambda a, b, c: a - (b - (c - 1.0)), -1.0, [(-1.0, B), (1.0, A), (1.0, C)]),
        (lambda a, b, c: a * b + c * c, 0.0, [(1.0, A, B), (1.0, C, C)]),
        (lambda a, b, c: 3.0 * (a * b) - c / 4.0, 0.0, [(-0.25, C), (3.0, A, B)]),
        (lambda a, b, c: -(2.0 * a) * (b * -0.5) + c, 0.0, [(1.0, A, B), (1.0, C)]),
        (lambda a, b, c: a**2 - b * 3.0 + c * 0.0, 0.0, [(-3.0, B), (0.0, C), (1.0, A, A)]),
        (lambda a, b, c: sum([a, b, c]), 0.0, [(1.0, A), (1.0, B), (1.0, C)]),
        (lambda a, b, c: ag.add_n(a, b, c, 5.0), 5.0, [(1.0, A), (1.0, B), (1.0, C)]),
        (lambda a, b, c: ag.weighted_sum(a, b, c, c, 2.0, a, 0.5), 0.5, [(2.0, B), (2.0, A, C)]),
        (lambda a, b, c: a + b + a + c + a, 0.0, [(1.0, B), (1.0, C), (3.0, A)]),
        (lambda a, b, c: a * b + c - b * a, 0.0, [(1.0, C)]),
        (lambda a, b, c: a * b + c + b * a, 0.0, [(1.0, C), (2.0, A, B)]),
        (lambda a, b, c: (a + b) + c * 1e100, 0.0, [(1.0, A), (1.0, B), (1.0, C, 1e100)]),  # too large for a weight
    ],
)  # fmt: skip
def test_additions_and_products_written_in_any_way_are_one_sum(f, offset, terms):
    ((found, found_terms),) = sums(form_of(f))
    assert found == offset
    assert alike(found_terms) == alike(terms)


def test_a_sum_or_product_that_is_used_twice_is_computed_once():
    form = form_of(lambda a, b, c: (a + b) * ag.tanh(a + b) + ag.tanh(a * b) * (a * b))
    assert len(form) == 5
    assert len(sums(form)) == 3


def test_a_sum_that_is_asked_for_stays():
    a, b = Value(2.0), Value(3.0)
    inner = a + b
    form = canonical(record([inner + a, inner], [], [a, b]))
    assert len(form) == 2
    assert by_values(form, [2.0, 3.0])[0].tolist() == [7.0, 5.0]


def test_a_sum_of_several_terms_is_not_multiplied_out():
    assert [len(terms) for _, terms in sums(form_of(lambda a, b, c: 3.0 * (a + b) + c))] == [2, 2]
    assert [len(terms) for _, terms in sums(form_of(lambda a, b, c: 3.0 * (a + 1.0) + c))] == [1, 2]


def test_a_number_times_one_is_that_number():
    form = form_of(lambda a, b, c: ag.tanh(+(a * 1.0) - 0.0) + ag.sin(-(-1.0 * b)) * c)
    assert [len(terms) for _, terms in sums(form)] == [2]


def test_a_row_of_a_scaled_number_is_given_it_scaled():
    form = form_of(lambda a, b, c: ag.tanh(-a) + ag.tanh(-a * 2.0) * ag.sin(-a))
    assert len(form) == 6


@pytest.mark.parametrize("cost", [0.0, math.inf], ids=["floats", "arrays"])
def test_chains_of_extreme_constants_neither_overflow_nor_vanish(cost, monkeypatch):
    monkeypatch.setattr(choice, "FLOAT", cost)
    monkeypatch.setattr(choice, "ALONE", cost)
    extremes = [1e300, 1e-300, 1e89, 1e-89, 1e91, 1e150, -1e-150, -1e-200, 5e-324, 0.0, -0.0]
    steps = (1e89,) * 4 + (1e-89,) * 4 + (1e-60, 1e80, 1e-80)
    point = (1.3, -0.7, 0.4)
    a, b, c = map(Decimal, point)
    tried = 0
    for first, second in product(extremes, extremes):

        def f(a, b, c, first=first, second=second):
            z = a * b * first * second
            for step in steps:
                z = z * step + 0.0
            return z + (a * a * first) * c

        parameters = [Value(x) for x in point]
        root = f(*parameters)
        root.backward()
        k, last = Decimal(first) * Decimal(second) * prod(map(Decimal, steps)), Decimal(first)
        exact = [float(x) for x in (a * b * k + a * a * last * c, b * k + 2 * a * last * c, a * k, a * a * last)]
        if np.allclose([root.data, *[x.grad for x in parameters]], exact, rtol=1e-13, atol=0.0):
            value, gradient = ag.compile(lambda f=f, xs=parameters: f(*xs), parameters).value_and_grad()
            np.testing.assert_allclose([value, *gradient], exact, rtol=1e-12)
            tried += 1
    assert tried > 30


def test_scaling_that_is_too_much_for_one_weight_loses_no_term():
    form_of(lambda a, b, c: 1e89 * (1e89 * (a * a * -1e-200)) + (-0.0))
    form_of(lambda a, b, c: c + 1e80 * (1e80 * (1e-80 * (1e-80 * (a * b)))))


CANCELLED = {
    "t + (a - a)": lambda t, a, b: t + (a - a),
    "(a - a) + t": lambda t, a, b: (a - a) + t,
    "t - ((a + b) - (b + a))": lambda t, a, b: t - ((a + b) - (b + a)),
    "t + (ab - ba)": lambda t, a, b: t + (a * b - b * a),
    "t b + (0.1 a - a 0.1)": lambda t, a, b: t * b + (a * 0.1 - 0.1 * a),
    "sum([a, -a, t])": lambda t, a, b: sum([a, -a, t]),
    "t + (2 a - a - a)": lambda t, a, b: t + (2 * a - a - a),
}


@pytest.mark.parametrize("f", CANCELLED.values(), ids=CANCELLED)
@pytest.mark.parametrize("back_end", ["floats", "arrays", "machine"])
def test_what_cancels_leaves_no_trace_on_any_back_end(f, back_end, monkeypatch):
    if back_end == "machine":
        pytest.importorskip("numba")
    monkeypatch.setattr(choice, "WORTH", -1e30 if back_end == "machine" else 1e30)
    monkeypatch.setattr(choice, "FLOAT", math.inf if back_end == "arrays" else 0.0)
    monkeypatch.setattr(choice, "ALONE", 0.0)
    t = Value(1e-6)
    step = ag.compile(lambda a, b: f(t, a, b), [t])
    assert step.value_and_grad(-0.3, 1.7)[0] == f(Value(1e-6), Value(-0.3), Value(1.7)).data


def test_terms_that_cancel_each_other_altogether_leave_a_zero():
    form_of(lambda a, b, c: ag.exp(a * b - b * a) + c)
    form_of(lambda a, b, c: ag.exp(a - a + b - b) * c)


def test_several_terms_that_cancel_altogether_do_so_side_by_side(monkeypatch):
    monkeypatch.setattr(choice, "FLOAT", math.inf)
    xs = [Value(0.1 * i) for i in range(6)]
    step = ag.compile(lambda: sum(ag.tanh(x * y - y * x + i) for i, (x, y) in enumerate(zip(xs[:3], xs[3:]))), xs)
    assert step.value_and_grad() == (math.tanh(1.0) + math.tanh(2.0), [0.0] * 6)


def test_active_is_what_depends_on_a_parameter_and_may_be_behind_the_root():
    a, frozen, x = Value(2.0), Value(3.0, requires_grad=False), Value(4.0)
    root = ag.tanh(a * frozen)
    form = canonical(record([root, ag.exp(root), ag.sin(x) * frozen], [x], [a], [frozen]))
    names = ["x", "a", "frozen", *[form.rows[r].name if r != SUM else "sum" for r in form.row]]
    assert {name for name, active in zip(names, form.active) if active} == {"a", "sum", "tanh"}
    assert not form.active[form.outputs[1:]].any()


def test_batched_is_what_depends_on_an_argument_of_a_batch():
    a, x = Value(2.0), Value(4.0)
    found = record([ag.tanh(a) * ag.sin(x), ag.exp(a)], [x], [a])
    form = canonical(found, batch=True)
    assert form.batched[form.outputs].tolist() == [True, False]
    assert form.batched[: form.first_node].tolist() == [True, False]
    assert not canonical(found).batched.any()


def test_levels_count_the_nodes_behind():
    form = form_of(lambda a, b, c: ag.tanh(ag.sin(a) * b) + ag.exp(c))
    names = ["sum" if row == SUM else form.rows[row].name for row in form.row]
    levels = dict(zip(names, form.level[form.first_node :].tolist()))
    assert (levels["sin"], levels["tanh"], levels["exp"], form.level[form.outputs[0]]) == (1, 3, 1, 4)


def test_a_form_is_the_same_as_one_of_the_same_code():
    of = [
        form_of(lambda a, b, c, k=k, row=row: row(a * b * k + c) - k)
        for k, row in ((2.0, ag.tanh), (2.0, ag.tanh), (3.0, ag.tanh), (2.0, ag.sin))
    ]
    assert [of[0].is_same(other) for other in of] == [True, True, False, False]
