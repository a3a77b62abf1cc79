"""What a function does beside computing, and what comes of it when it is compiled."""

import copy
import math
import operator
import random
from collections import deque

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compile import choice
from autograd.leaves import Leaves
from autograd.recording import drawn, witness

COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
NUMBERS = [1.0, -1.0, 0.0, math.nan, math.inf, -math.inf, 2.0, math.nan, 1.0]


def eager(f, number, *args):
    """What f gives, and its derivative by a Value of this number, from backward()."""
    w = Value(number)
    z = f(w, *args)
    z.backward()
    return z.data, w.grad


def check(f, calls, paths=None, number=2.0):
    """Each call of a compiled function gives what eager code gives; it is compiled, in so many paths."""
    w = Value(number)
    step = ag.compile(lambda *args: f(w, *args), w)
    for args in calls:
        assert step.value_and_grad(*args) == pytest.approx(eager(f, number, *map(Value, args)), rel=1e-14, nan_ok=True), args
    assert not step.reasons
    if paths is not None:
        assert len(step.paths) == paths
    return step


def refused(f, *match):
    """The warning with which a compiled function of one parameter and one argument runs eagerly, and its step."""
    w = Value(2.0)
    step = ag.compile(lambda x: f(w, x), w)
    with pytest.warns(UserWarning, match="runs eagerly") as caught:
        deque((step.value_and_grad(random.random()) for _ in range(40)), 0)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    for text in match:
        assert text in str(caught[0].message)
    assert step.paths == []
    return step, w


# -- comparisons ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compare", COMPARISONS)
def test_a_branch_is_taken_as_the_numbers_say_be_they_infinite_or_nan(compare):
    check(lambda w, x: w * 5 if compare(x, 0) else w * 7, [(x,) for x in NUMBERS], 2)
    check(lambda w, x: w * 5 if compare(0, x * w) else w * 7, [(x,) for x in NUMBERS], 2)
    check(lambda w, x, y: w * 5 if compare(x, y) else w * 7, [(x, y) for x in NUMBERS for y in NUMBERS], 2)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_an_answer_that_is_only_computed_with_needs_no_other_path(compare):
    check(lambda w, x: w * compare(x, 1) + sum([compare(x, 0), compare(2, x)]) * w, [(x,) for x in NUMBERS], 1)
    check(lambda w, x: w * compare(w * x, 1) + w * x, [(x,) for x in NUMBERS], 1)  # nor has it a derivative


def test_constants_are_compared_as_ever():
    check(lambda w, x: {True: w * x, False: w}[Value(2.0, requires_grad=False) > 1], [(1.0,), (2.0,)], 1)


def test_comparisons_beyond_the_range_of_floats_do_not_overflow():
    check(lambda w, x, y: w * 5 if x < y else w * 7, [(-1.5e308, 1.5e308), (1.5e308, -1.5e308)], 2)


@pytest.mark.parametrize(
    "combine",
    [
        lambda p, q: p & q, lambda p, q: p | q, lambda p, q: p ^ q, lambda p, q: ~p & True, lambda p, q: True & ~q | p,
        lambda p, q: False ^ p, lambda p, q: False | p, lambda p, q: p and not q, lambda p, q: any([p, q]), lambda p, q: p == q,
    ],
)  # fmt: skip
def test_answers_are_combined_as_truths_are(combine):
    w = Value(2.0)
    step = ag.compile(lambda x, y: w * 5 if combine(x > 0, y > 0) else w * 7, w)
    for x in (1.0, -1.0):
        for y in (1.0, -1.0):
            truths = np.bool_(x > 0), np.bool_(y > 0)
            assert step.value_and_grad(x, y)[1] == (5.0 if combine(*truths) else 7.0)


def test_an_answer_names_a_place():
    check(lambda w, x: [w, w * w][x > 1] * x, [(1.0,), (2.0,), (1.0,)], 2)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_value_is_compared_with_each_number_of_an_array(swapped):
    bounds = np.array([0.0, 2.0])

    def f(w, x):
        return w * (1 + sum((bounds < x if swapped else x > bounds).astype(float)))

    check(f, [(1.0,), (3.0,), (-1.0,), (1.0,)])


def test_the_largest_and_the_order_are_those_of_the_numbers():
    calls = [(1.0, 2.0), (2.0, 1.0), (-3.0, 1.0), (1.0, 1.0)]
    check(lambda w, x, y: max(x * w, y) + w * sorted([x, y, w])[1] + w * int(np.argmax([x, y])), calls)


def test_a_value_is_true_unless_it_is_0():
    check(lambda w, x: w if x else w * 3, [(1.0,), (0.0,), (-2.0,), (0.0,)], 2)


def test_what_only_plain_truths_can_do_runs_eagerly_and_says_so():
    step, _ = refused(lambda w, x: w * {True: 1.0, False: 2.0}[x > 0.5], "what only plain numbers can", "runs eagerly")
    assert step.value_and_grad(0.25) == (4.0, 2.0)
    assert step.value_and_grad(0.75) == (2.0, 1.0)


# -- numbers that leave the graph -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "leave",
    [
        float, math.floor, math.exp, copy.copy, copy.deepcopy,
        lambda x: x.data, lambda x: x.item(), lambda x: float(np.array([x], float)[0]),
    ],
)  # fmt: skip
def test_a_number_that_leaves_the_graph_has_to_come_out_again(leave):
    w = Value(2.0)
    step = ag.compile(lambda x: w * leave(x) * x, w)
    for x in (1.0, 1.0, 2.5, 1.0, 2.5, 3.0):
        expected = eager(lambda w, x: w * leave(x) * x, 2.0, Value(x))
        assert step.value_and_grad(x) == expected
    assert not step.reasons
    assert len(step.paths) == 3


def test_a_parameter_that_leaves_the_graph_is_read_anew():
    w = Value(2.0)
    step = ag.compile(lambda x: w * x * w.data, w)
    assert step.value_and_grad(1.0) == (4.0, 2.0)
    w.data = 3.0
    assert step.value_and_grad(1.0) == (9.0, 3.0)


def test_what_decides_by_its_numbers_too_often_runs_eagerly_and_names_the_line():
    step, _ = refused(lambda w, x: w * float(x), "more than 32 ways", "test_witness.py:", "float(x)")
    assert step.value_and_grad(5.0) == (10.0, 5.0)


def test_whole_numbers_among_the_arguments_name_places_and_count():
    w = Value(2.0)
    step = ag.compile(lambda x, i: [w * x, w * w * x, x / w][i] + sum(w for _ in range(i)), w)
    found = [step.value_and_grad(3.0, i) for i in (0, 1, np.int64(2), 0)]
    assert found == [(6.0, 3.0), (14.0, 13.0), (5.5, 1.25), (6.0, 3.0)]
    assert len(step.paths) == 3


@pytest.mark.parametrize("detached", [lambda v: v.detach(), ag.no_grad()(lambda v: v * 1.0)])
def test_detached_numbers_are_computed_anew_and_take_no_gradient(detached):
    check(lambda w, x: detached(w * x) * w, [(1.0,), (2.0,), (3.0,)], 1)


# -- what a program can't do ------------------------------------------------------------------------------------------------


def test_writing_to_a_value_runs_eagerly_and_is_done_once_a_call():
    w, count = Value(2.0), Value(0.0)

    def f(x):
        count.data = count._data + 1  # which f does not read otherwise
        return w * x

    step = ag.compile(f, w)
    with pytest.warns(
        UserWarning, match=r"f writes to a Value, .* \(test_witness.py:\d+: count.data = .*runs eagerly"
    ) as caught:
        step(1.0)
    assert caught[0].filename == __file__
    step(1.0)
    assert count.data == 2.0
    assert w.grad == 2.0


def test_a_parameter_that_f_writes_to_keeps_what_was_written_unless_it_ran_at_other_numbers():
    w = Value(2.0)

    def f(x):
        w.data = w._data + 1
        return w * x

    step = ag.compile(f, w)
    with pytest.warns(UserWarning, match="f writes to a Value"):
        assert [step.value_and_grad(1.0)[0] for _ in range(3)] == [3.0, 4.0, 5.0]
    assert step.value_and_grad(1.0, at=10.0) == (11.0, 1.0)
    assert w.data == 5.0


def test_backward_within_runs_eagerly():
    def f(w, x):
        z = w * x * w
        z.backward()
        return z

    step, w = refused(f, "f calls backward()")
    w.zero_grad()
    assert step(1.0) == 4.0
    assert w.grad == 8.0  # twice, as it does eagerly


@pytest.mark.parametrize(("text", "printed"), [(repr, "Value(2, grad=0)\n"), (lambda w: f"{w * 3:.1f}", "6.0\n")])
def test_printing_a_value_runs_eagerly(text, printed, capsys):
    step, _ = refused(
        lambda w, x: print(text(w)) or w * x, "f makes text of a Value", "print(text(w))" if text is repr else "w * 3"
    )
    assert capsys.readouterr().out == printed * 40
    assert step.value_and_grad(1.0) == (2.0, 1.0)


def test_moving_parameters_within_runs_eagerly():
    _, w = refused(lambda w, x: Leaves.of([w]).descend(np.ones(1)) or w * x, "f moves parameters")
    assert w.data == -38.0


def test_a_compiled_step_within_another_runs_eagerly():
    inner_w = Value(3.0)
    inner = ag.compile(lambda x: inner_w * x, inner_w)
    step, _ = refused(lambda w, x: w * inner(x), "f calls a compiled step")
    inner_w.zero_grad()
    assert step.value_and_grad(2.0) == (12.0, 6.0)
    assert inner_w.grad == 2.0


def test_a_result_from_before_runs_eagerly():
    before = Value(2.0) * 3
    step, _ = refused(lambda w, x: before * w, "the mul node, which was computed before f was called")
    assert step.value_and_grad(1.0) == (12.0, 6.0)


def test_a_derivative_within_is_compiled():
    check(lambda w, x: w * ag.grad(lambda t: t * t * w)(x), [(1.0,), (2.0,)], 1)


def test_nobody_is_told_when_nobody_compiles():
    seen = []
    ag.compile(lambda x: seen.append(witness()) or x, [])(1.0)
    assert seen[0] is not None
    assert witness() is None


# -- random numbers ---------------------------------------------------------------------------------------------------------


def test_random_numbers_that_are_asked_for_are_drawn_anew_from_the_same_stream():
    w, ours, theirs = Value(2.0), np.random.default_rng(0), np.random.default_rng(0)
    step = ag.compile(lambda x: sum(x * d * w for d in drawn(lambda: ours.random(3))) + w * drawn(ours.normal), w)
    for _ in range(5):
        assert step.value_and_grad(2.0)[1] == pytest.approx(2 * theirs.random(3).sum() + theirs.normal(), rel=1e-14)
    assert len(step.paths) == 1


def test_random_numbers_drawn_behind_its_back_are_noticed():
    rng, same = random.Random(0), random.Random(0)
    w = Value(2.0)
    step = ag.compile(lambda x: w * x * rng.random(), w)
    numbers = [same.random() for _ in range(4)]
    assert step.value_and_grad(1.0)[1] == numbers[0]
    with pytest.warns(UserWarning, match="f did something else when it was run again.*pass them as arguments.*runs eagerly"):
        assert step.value_and_grad(1.0)[1] == numbers[2]
    assert step.value_and_grad(1.0)[1] == numbers[3]


def test_a_plain_number_given_beside_the_root_is_noticed_when_it_changes():
    calls = []
    w = Value(2.0)
    step = ag.compile(lambda x: (w * x, calls.append(x) or len(calls)), w)
    assert step.value_and_grad(1.0)[0] == (2.0, 1)
    with pytest.warns(UserWarning, match="f did something else"):
        step.value_and_grad(1.0)
    assert step.value_and_grad(1.0)[0] == (2.0, len(calls))


def test_another_path_is_given_what_was_drawn_before_the_ways_part_and_draws_the_rest_itself():
    rng, w = np.random.default_rng(0), Value(2.0)
    seen = []

    def f(x):
        seen.append(drawn(lambda: rng.random(2)))
        if x > 0:
            return w * sum(drawn(lambda: rng.random(3)))
        return w * drawn(lambda: 100 + rng.random())

    step = ag.compile(f, w)
    gradients = [step.value_and_grad(x)[1] for x in (1.0, -1.0, 1.0, -1.0, 1.0)]
    assert [g > 99 for g in gradients] == [False, True, False, True, False]
    assert all(g < 3 for g in gradients[::2])
    assert len(step.paths) == 2


def test_a_path_that_draws_otherwise_is_passed_by():
    rng, w = np.random.default_rng(0), Value(2.0)

    def f(x):
        if x < 0:
            return w * drawn(rng.random)
        some = drawn(lambda: rng.random(3))
        return w * 10 * x if some[0] < 0.5 else w * 20 * (x + drawn(rng.random))

    step = ag.compile(f, w)
    for x in [-1.0, 1.0, 1.0, 1.0] * 10:
        gradient = step.value_and_grad(x)[1]
        assert gradient < 1 if x < 0 else gradient == 10 or 20 < gradient < 40
    assert len(step.paths) == 3


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("decide", [bool, float])
def test_what_was_drawn_decides_as_often_as_it_should(decide, batch):
    rng, w, n = np.random.default_rng(0), Value(2.0), 4000

    def f(x):
        u, v = drawn(rng.random), drawn(rng.random)
        if decide(u < 0.25):
            return w * x * (v < 0.5)
        return w * 0.0 * drawn(rng.random)

    step = ag.compile(f, w, batch=batch)
    shares = step.value_and_grad(np.ones(n))[1] if batch else np.mean([step.value_and_grad(1.0)[1] for _ in range(n)])
    assert shares == pytest.approx(0.125, abs=4 * math.sqrt(0.125 * 0.875 / n))


def test_what_was_drawn_decides_as_often_as_it_should_where_the_other_way_would_be_an_error():
    rng, w, n = np.random.default_rng(0), Value(2.0), 2000

    def f():
        u = drawn(rng.random)
        return w * (0.5 - u).log() * 0 if u < 0.5 else w

    step = ag.compile(f, w)
    assert np.mean([step.value_and_grad()[1] for _ in range(n)]) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(n))


@pytest.mark.parametrize("batch", [False, True])
def test_where_numbers_overflow_what_was_drawn_is_not_drawn_again(batch, monkeypatch):
    monkeypatch.setattr(choice, "FLOAT", math.inf)  # programs of arrays leave it to eager runs
    ours, theirs, w = np.random.default_rng(0), np.random.default_rng(0), Value(2.0)
    step = ag.compile(lambda x: (w * x * 1e300, drawn(ours.random)), w, batch=batch)
    for x in (1.0, 1e10, 2.0, 1e10):
        _, u = step.value_and_grad(np.array([x]) if batch else x)[0]
        assert u == theirs.random()


def test_arguments_taken_apart_once_do_for_several_runs_that_draw_anew():
    ours, theirs, w = np.random.default_rng(0), np.random.default_rng(0), Value(2.0)
    step = ag.compile(lambda x: w * x * drawn(ours.random), w)
    these = step.taken((3.0,))
    for _ in range(4):
        assert step.run(these, step.vector).gradient[0] == pytest.approx(3 * theirs.random(), rel=1e-14)
