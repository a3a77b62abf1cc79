"""Step: runs, tries paths, records new ones."""

import gc
import threading
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd import DomainError, Tensor, Value
from autograd.compile import step as module
from autograd.compile.canonical import canonical
from autograd.compile.step import MOST


@pytest.fixture
def w():
    return Value(2.0, label="w")


def counted(f):
    """``f``, which notes in ``calls`` with what it was called."""

    def counting(*args):
        counting.calls.append(args)
        return f(*args)

    counting.calls = []
    return counting


# -- what it gives ----------------------------------------------------------------------------------------------------------


def test_a_call_gives_a_float_and_adds_to_the_gradients(w):
    v = Value(3.0)
    step = ag.compile(lambda x: (w * x - v) ** 2, [w, v])
    for k in (1, 2, 3):
        loss = step(2.0)
        assert type(loss) is float
        assert loss == 1.0
        assert (w.grad, v.grad) == (4.0 * k, -2.0 * k)
    w.zero_grad()
    step(2.0)
    assert (w.grad, v.grad) == (4.0, -8.0)


def test_value_and_grad_touches_no_gradient(w):
    step = ag.compile(lambda x: w * x, {"w": [w, (w,)]})
    assert step.value_and_grad(3.0) == (6.0, {"w": [3.0, (3.0,)]})
    assert w.grad == 0.0


def test_numbers_for_the_parameters_may_be_given(w):
    v = Value(5.0)
    step = ag.compile(lambda x: w * x * v, {"a": w, "b": [v]})
    expected = (24.0, {"a": 8.0, "b": [6.0]})
    assert step.value_and_grad(2.0, at={"b": [4.0], "a": 3.0}) == expected
    assert step.value_and_grad(2.0, at=np.array([3.0, 4.0])) == expected
    step.vector[...] = 3.0, 4.0
    assert step.value_and_grad(2.0, at=step.vector) == expected
    assert step.value_and_grad(2.0) == (20.0, {"a": 10.0, "b": [4.0]})  # those they have, as ever
    assert (w.data, v.data) == (2.0, 5.0)


def test_parameters_that_come_twice_gather_their_gradient_once(w):
    step = ag.compile(lambda x: w * x, [w, w])
    step(3.0)
    assert w.grad == 3.0


def test_without_parameters_it_gives_the_value():
    assert ag.compile(lambda x: x * x, []).value_and_grad(3.0) == (9.0, [])


def test_parameters_are_read_anew(w):
    step = ag.compile(lambda x: w * w * x, w)
    for number in (1.0, 4.0, -3.0):
        w.data = number
        assert step.value_and_grad(2.0) == (2 * number**2, 4 * number)


def test_it_runs_under_no_grad_and_gives_plain_numbers_to_transforms(w):
    step = ag.compile(lambda x: w * x, w)
    with ag.no_grad():
        assert step(2.0) == step(2.0) == 4.0
    assert w.grad == 4.0
    assert ag.grad(lambda t: step(2.0) * t)(3.0) == 4.0


# -- who takes a gradient ---------------------------------------------------------------------------------------------------


def test_frozen_parameters_take_no_gradient_and_are_read_anew(w):
    frozen = Value(3.0, requires_grad=False)
    step = ag.compile(lambda x: w * frozen * x, [w, frozen])
    assert step.value_and_grad(1.0) == (6.0, [3.0, 0.0])
    frozen.data = 4.0
    assert step(1.0) == 8.0
    assert (w.grad, frozen.grad) == (4.0, 0.0)


def test_freezing_and_thawing_later_is_seen(w):
    v = Value(3.0)
    step = ag.compile(lambda x: w * v * x, [w, v])
    assert step.value_and_grad(1.0)[1] == [3.0, 2.0]
    v.requires_grad = False
    assert step.value_and_grad(1.0)[1] == [3.0, 0.0]
    w.requires_grad, v.requires_grad = False, True
    step(1.0)
    assert (w.grad, v.grad) == (0.0, 2.0)


def test_a_gradient_set_to_none_is_refused_before_any_is_changed(w):
    v = Value(3.0, label="v")
    step = ag.compile(lambda x: w * v * x, [w, v])
    v.grad = None
    with pytest.raises(TypeError, match=r"grad of 'v' is None; set it to 0 with zero_grad\(\)"):
        step(1.0)
    assert w.grad == 0.0


# -- runs and paths ---------------------------------------------------------------------------------------------------------


def test_f_runs_when_a_path_is_recorded_and_once_more_then_no_more(w):
    f = counted(lambda x: w * x if x > 0 else -w * x)
    step = ag.compile(f, w)
    for x in (1.0, 2.0, 3.0, 4.0):
        assert step.value_and_grad(x) == (2 * x, x)
    assert len(f.calls) == 2
    for x in (-1.0, -2.0, -3.0, 1.0):
        assert step.value_and_grad(x)[0] == abs(2 * x)
    assert len(f.calls) == 4
    assert len(step.paths) == 2


def test_another_structure_is_recorded_anew_and_both_are_kept(w):
    f = counted(lambda xs: sum(w * x for x in xs))
    step = ag.compile(f, w)
    for xs in ([1.0], [1.0, 2.0], [3.0], [4.0, 5.0], [1.0], [1.0, 1.0]):
        assert step.value_and_grad(xs) == (2 * sum(xs), sum(xs))
    assert len(step.paths) == 2
    assert len(f.calls) == 4


def test_the_path_taken_last_is_tried_first(w):
    step = ag.compile(lambda x: w * x if x > 0 else w, w)
    step(1.0)
    positive = step.paths[0]
    step(-1.0)
    assert step.paths[1] is positive
    step(1.0)
    assert step.paths[0] is positive


def test_structures_are_kept_up_to_a_number(w, monkeypatch):
    monkeypatch.setattr(module, "STRUCTURES", 4)
    step = ag.compile(lambda xs, name: sum((w * x for x in xs), w), w)
    kept = []
    for n in range(12):
        assert step.value_and_grad([1.0] * n, str(n)) == (2.0 + 2 * n, 1.0 + n)
        kept.append(weakref.ref(step.paths[-1]))
    assert len(step.paths) == 4
    gc.collect()
    assert sum(path() is not None for path in kept) == 4


def test_structures_that_run_eagerly_are_forgotten_too_and_warn_once(w, monkeypatch):
    monkeypatch.setattr(module, "STRUCTURES", 4)
    before = Value(2.0) * 1
    step = ag.compile(lambda xs: sum(w * x for x in xs) * before, w)
    with pytest.warns(UserWarning, match="computed before") as caught:
        found = [step.value_and_grad([1.0] * n) for n in range(1, 12)]
    assert found == [(4.0 * n, 2.0 * n) for n in range(1, 12)]
    assert len(caught) == 1
    assert len(step.reasons) == 4


def test_too_many_paths_give_way_to_eager_runs_after_one_warning_that_names_the_line(w):
    f = counted(lambda x: w * x if x < 100 and round(x.data) >= 0 else w)
    step = ag.compile(f, w)
    with pytest.warns(UserWarning, match=rf"at test_step.py:\d+: f = .*more than {MOST} ways.*runs eagerly") as caught:
        found = [step.value_and_grad(float(x)) for x in range(2 * MOST)]
    assert found == [(2.0 * x, x) for x in range(2 * MOST)]
    (warning,) = caught
    assert warning.filename == __file__
    assert step.paths == []
    assert step.reasons == [str(warning.message).removeprefix("compile: ").removesuffix(". It runs eagerly.")]


def test_plain_numbers_around_f_that_change_before_its_second_run_are_noticed(w):
    k = [1]
    step = ag.compile(lambda x: w * x * k[0], w)
    assert step.value_and_grad(1.0) == (2.0, 1.0)
    k[0] = 5
    with pytest.warns(UserWarning, match="plain numbers around it have changed"):
        assert step.value_and_grad(1.0) == (10.0, 5.0)
    k[0] = 7
    assert step.value_and_grad(1.0) == (14.0, 7.0)


def test_parameters_read_from_another_vector_do_not_stay(w):
    step = ag.compile(lambda x: w * x, w)
    step.value_and_grad(1.0, at=5.0)
    assert step(1.0) == 2.0


# -- errors -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "good", "bad"),
    [
        (lambda w, x: (w * x).log(), 1.0, -1.0),
        (lambda w, x: (w * x).sqrt(), 1.0, 0.0),  # in its derivative
        (lambda w, x: w / x, 1.0, 0.0),
        (lambda w, x: (w * x).exp(), 1.0, 1000.0),
    ],
)
@pytest.mark.parametrize("first", ["good", "bad"])
def test_errors_are_those_of_eager_code_and_do_no_harm(w, f, good, bad, first):
    step = ag.compile(lambda x: f(w, x), w)
    with pytest.raises(DomainError) as eager:
        f(w, Value(bad, requires_grad=False)).backward()
    w.zero_grad()
    f(w, Value(good)).backward()
    expected = w.grad
    w.zero_grad()
    numbers = [good, bad, good, bad] if first == "good" else [bad, good, bad, good]
    for x in numbers:
        if x == bad:
            with pytest.raises(DomainError) as raised:
                step(x)
            assert str(raised.value).split(" (")[0] == str(eager.value).split(" (")[0]
            assert w.grad == 0.0
        else:
            step(x)
            assert w.grad == pytest.approx(expected, rel=1e-14)
            w.zero_grad()
    assert not step.reasons
    assert len(step.paths) == 1


def test_numbers_overflow_to_infinity_as_they_do_eagerly(w):
    step = ag.compile(lambda x: w * x * 1e300, w)
    assert step.value_and_grad(1.0) == (2e300, 1e300)
    assert step.value_and_grad(1e10) == (np.inf, np.inf)
    assert step.value_and_grad(2.0) == (4e300, 2e300)
    value, gradient = step.value_and_grad(np.nan)
    assert np.isnan(value)
    assert np.isnan(gradient)
    assert not step.reasons


def test_an_exception_of_f_comes_through_and_nothing_is_left_behind(w):
    def f(x):
        if x > 0:
            raise KeyError("none of mine")
        return w * x

    step = ag.compile(f, w)
    for _ in range(2):
        with pytest.raises(KeyError, match="none of mine") as raised:
            step.value_and_grad(1.0, at=7.0)
        assert raised.value.__context__ is None
        assert w.data == 2.0
        assert step.value_and_grad(-1.0) == (-2.0, -1.0)
    assert gc.isenabled()
    assert (w * Value(2.0)).requires_grad


@pytest.mark.parametrize("f", [3, None, "text"])
def test_what_is_no_function_is_refused(f):
    with pytest.raises(TypeError, match="compile: f is a function, not"):
        ag.compile(f, [])


def test_arguments_that_do_not_fit_f_raise_as_they_do_in_a_call(w):
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        ag.compile(lambda x, y: w * x * y, w)(1.0)


# -- from elsewhere ---------------------------------------------------------------------------------------------------------


def test_a_function_that_calls_its_own_step_recurs_as_any_would(w):
    def f(n):
        return w if n <= 0 else w + step(n - 1)

    step = ag.compile(f, w)
    with pytest.warns(UserWarning, match="f calls a compiled step"):
        assert step.value_and_grad(3.0)[0] == 8.0


def test_threads_wait_for_each_other(w):
    xs = [np.random.default_rng(seed).normal(size=50) for seed in range(4)]
    step = ag.compile(lambda x: ag.sum((w * x).tanh() if hasattr(x, "tanh") else ag.tanh(w * x)), w)
    expected = [step.value_and_grad(x) for x in xs]
    wrong = []

    def run(i):
        wrong.extend(i for _ in range(200) if step.value_and_grad(xs[i]) != expected[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_warning_that_is_an_error_leaves_the_step_usable(w):
    before = Value(2.0) * 1
    step = ag.compile(lambda x: w * x * before, w)
    with pytest.raises(UserWarning, match="computed before"):  # warnings are errors in tests
        step(1.0)
    assert step.value_and_grad(1.0) == (4.0, 2.0)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_what_is_computed_from_frozen_numbers_alone_is_computed_anew(kind):
    w, s = kind(3.0), kind(4.0, requires_grad=False)
    step = ag.compile(lambda x: w * x * ag.sqrt(s + 1.0), w)
    for number in (3.0, 3.0, 8.0, 15.0):
        s.data = number
        value, gradient = step.value_and_grad(2.0)
        assert (value, float(gradient)) == pytest.approx((6.0 * (number + 1) ** 0.5, 2.0 * (number + 1) ** 0.5), rel=1e-15)


@pytest.mark.parametrize("batch", [False, True])
def test_labels_among_the_arguments_may_be_settings_of_an_op(batch):
    weights = [[Value(0.1 * i - 0.2 * j) for j in range(3)] for i in range(2)]

    def loss(x, label):
        z = ag.stack([ag.linear(row, np.array(weights), np.zeros(3)) for row in x]) if not batch else x @ np.array(weights)
        return ag.mean(ag.cross_entropy(z, label)) if not batch else ag.cross_entropy(z, label)

    step = ag.compile(loss, weights, batch=batch)
    x = np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -0.7]])
    for labels in ([0, 1, 2], [2, 1, 2], [0, 1, 2]):
        numbers = x @ np.array([[w.data for w in row] for row in weights])
        losses = np.log(np.exp(numbers).sum(1)) - numbers[np.arange(3), labels]
        assert step.value_and_grad(x, np.array(labels))[0] == pytest.approx(losses.mean(), rel=1e-12)


def test_gradients_add_to_those_that_are_there_and_take_the_place_of_zeros():
    w, b = Value(2.0), Value(1.0)
    step = ag.compile(lambda x: w * x + b, [w, b])
    for total in (1, 2, 3):
        step(5.0)
        assert (w.grad, b.grad) == (5.0 * total, 1.0 * total)
    w.zero_grad()
    step(5.0)
    assert (w.grad, b.grad) == (5.0, 4.0)


def test_no_garbage_is_looked_for_while_a_graph_is_turned_into_a_program(monkeypatch):
    seen = []
    monkeypatch.setattr("autograd.compile.paths.canonical", lambda *args: seen.append(gc.isenabled()) or canonical(*args))
    w = Value(2.0)
    ag.compile(lambda x: w * x, w)(1.0)
    assert seen == [False]
    assert gc.isenabled()


def test_one_that_was_frozen_while_numbers_were_given_is_trained_again():
    a, b = Value(2.0), Value(3.0)
    step = ag.compile(lambda x: a * b * x, [a, b])
    b.requires_grad = False
    assert step.value_and_grad(1.0, at=[2.0, 3.0]) == (6.0, [3.0, 0.0])
    b.requires_grad = True
    assert step.value_and_grad(1.0) == step.value_and_grad(1.0, at=step.vector) == (6.0, [3.0, 2.0])


def test_who_freezes_others_makes_nothing_be_recorded_anew():
    a, other = Value(2.0), Value(3.0)
    step = ag.compile(lambda x: a * a * x, [a])
    step(1.0)
    (path,) = step.paths
    other.requires_grad = False
    step(1.0)
    assert step.paths == [path]
