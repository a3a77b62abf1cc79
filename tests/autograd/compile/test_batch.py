"""``batch=True``: f is written for one example, and run for many."""

import numpy as np
import pytest

import autograd as ag
from autograd import DomainError, Value
from autograd.recording import drawn

X = np.array([1.0, -2.0, 3.0, -4.0, 5.0])


@pytest.fixture
def w():
    return Value(2.0)


def one_by_one(f, w, *arrays):
    """The mean of what f gives for each example, and of the gradients, from backward()."""
    values, gradients = [], []
    for numbers in zip(*arrays):
        w.zero_grad()
        z = f(
            *[Value(x, requires_grad=False) if np.ndim(x) == 0 else [Value(e, requires_grad=False) for e in x] for x in numbers]
        )
        z.backward()
        values.append(z.data)
        gradients.append(w.grad)
    w.zero_grad()
    return np.mean(values), np.mean(gradients)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_value_and_gradient_are_those_of_the_mean(w, n):
    y = np.arange(10.0).reshape(5, 2)
    step = ag.compile(lambda x, y: (w * x * y[0] - y[1]) ** 2, w, batch=True)
    expected = one_by_one(lambda x, y: (w * x * y[0] - y[1]) ** 2, w, X[:n], y[:n])
    assert step.value_and_grad(X[:n], y[:n]) == pytest.approx(expected, rel=1e-13)
    assert step.value_and_grad(X[:n].tolist(), y[:n].tolist()) == pytest.approx(expected, rel=1e-13)
    assert step(X[:n], y[:n]) == pytest.approx(expected[0], rel=1e-13)
    assert w.grad == pytest.approx(expected[1], rel=1e-13)


def test_the_number_of_examples_may_change_without_recording_again(w):
    calls = []
    step = ag.compile(lambda x: calls.append(x) or w * x, w, batch=True)
    for n in (5, 3, 1, 4, 5):
        assert step.value_and_grad(X[:n]) == pytest.approx((2 * X[:n].mean(), X[:n].mean()), rel=1e-14)
    assert len(calls) == 2
    assert len(step.paths) == 1


def test_examples_go_their_own_ways(w):
    def f(x):
        return w * x if x > 0 else w * w * x if x > -3 else -x + 0 * w

    step = ag.compile(f, w, batch=True)
    for xs in (X, X[::-1], X[:1], X[1:2], np.tile(X, 7), np.abs(X)):
        assert step.value_and_grad(xs) == pytest.approx(one_by_one(f, w, xs), rel=1e-13)
    assert len(step.paths) == 3


def test_what_is_given_beside_comes_for_each_example_in_order(w):
    def f(x):
        return w * x, {"twice": x * 2, "pair": np.array([w, x], object)}, 3, "positive" if x > 0 else "negative", None

    step = ag.compile(f, w, batch=True)
    for xs in (X, X[:3]):
        value, beside, three, sign, none = step.value_and_grad(xs)[0]
        assert value == pytest.approx(2 * xs.mean())
        assert beside["twice"].tolist() == (2 * xs).tolist()
        assert beside["pair"].tolist() == [[2.0, x] for x in xs]
        assert three.tolist() == [3] * len(xs)
        assert sign.tolist() == ["positive" if x > 0 else "negative" for x in xs]
        assert none is None


def test_beside_the_root_some_ways_may_give_a_constant(w):
    step = ag.compile(lambda x: (w * x, x * w if x > 0 else 0.0), w, batch=True)
    for xs in (X, -X):
        assert step.value_and_grad(xs)[0][1].tolist() == np.maximum(2 * xs, 0).tolist()


def test_it_comes_alike_where_f_runs_eagerly(w):
    before = Value(1.0) * 1
    step = ag.compile(lambda x: (w * x * before, x * 2, 3, "text", w), w, batch=True)
    with pytest.warns(UserWarning, match="computed before f was called"):
        (value, twice, three, text, same), gradient = step.value_and_grad(X)
    assert (value, gradient) == pytest.approx((2 * X.mean(), X.mean()))
    assert twice.tolist() == (2 * X).tolist()
    assert three.tolist() == [3] * 5
    assert (text, same.tolist()) == ("text", [2.0] * 5)


def test_a_single_number_is_one_for_all_examples_and_may_change(w):
    step = ag.compile(lambda x, scale: w * x * scale, w, batch=True)
    for scale in (10.0, 20.0, -1.0):
        assert step.value_and_grad(X, scale) == pytest.approx((2 * scale * X.mean(), scale * X.mean()))
    assert len(step.paths) == 1


def test_whole_numbers_choose_a_way_for_each_example(w):
    ways = [lambda x: w * x, lambda x: w * w * x, lambda x: x / w]
    labels = np.array([0, 1, 2, 1, 0])
    step = ag.compile(lambda x, i: ways[i](x), w, batch=True)
    expected = (
        np.mean([[2 * x, 4 * x, x / 2][i] for x, i in zip(X, labels)]),
        np.mean([[x, 4 * x, -x / 4][i] for x, i in zip(X, labels)]),
    )
    for _ in range(3):
        assert step.value_and_grad(X, labels) == pytest.approx(expected, rel=1e-13)
    assert len(step.paths) == 3


def test_values_from_around_f_take_the_gradient_of_the_mean(w):
    around = Value(3.0)
    step = ag.compile(lambda x: w * x if x > 0 else around * x, w, batch=True)
    step(X)
    assert around.grad == pytest.approx(np.where(X > 0, 0, X).mean())
    assert w.grad == pytest.approx(np.where(X > 0, X, 0).mean())
    around.data = 4.0
    assert step.value_and_grad(X)[0] == pytest.approx(np.where(X > 0, 2 * X, 4 * X).mean())


def test_each_example_draws_for_itself_in_the_order_of_a_loop(w):
    ours, theirs = np.random.default_rng(0), np.random.default_rng(0)

    def f(x, rng):
        noise = drawn(lambda: rng.normal(size=2))
        return w * x * noise[0] + noise[1] * drawn(rng.random)

    step = ag.compile(lambda x: f(x, ours), w, batch=True)
    for n in (5, 3, 5):
        expected = one_by_one(lambda x: f(x, theirs), w, X[:n])
        assert step.value_and_grad(X[:n]) == pytest.approx(expected, rel=1e-13)
    assert len(step.paths) == 1


def test_ways_that_part_by_what_was_drawn_keep_what_they_saw(w):
    rng, seen = np.random.default_rng(0), []

    def f(x):
        u = drawn(rng.random)
        return w * x * u if u < 0.5 else w * (u + drawn(lambda: 10 + rng.random(2)).sum())

    step = ag.compile(lambda x: (f(x), 1.0), w, batch=True)
    for _ in range(200):
        value, gradient = step.value_and_grad(np.zeros(8))
        assert gradient == pytest.approx(value[0] / 2, rel=1e-13)
        seen.append(gradient)
    assert np.mean(seen) == pytest.approx(0.5 * 21.75, rel=0.1)  # four times its deviation
    assert len(step.paths) == 2


def test_an_example_on_which_eager_code_raises_raises_the_same_and_does_no_harm(w):
    step = ag.compile(lambda x: (w * x).log(), w, batch=True)
    good = np.array([1.0, 2.0, 3.0])
    assert step(good) == pytest.approx(np.log(2 * good).mean())
    for bad in (np.array([1.0, -2.0, 3.0]), np.array([0.0])):
        with pytest.raises(DomainError, match=r"log\(-4\)|log\(0\)"):
            step(bad)
        assert w.grad == pytest.approx(0.5)
    assert step.value_and_grad(good[:2])[1] == pytest.approx(0.5)
    assert len(step.paths) == 1


def test_an_example_that_overflows_does_so_alone(w):
    calls = []
    step = ag.compile(lambda x: calls.append(x) or (w * x * 1e300, x * w), w, batch=True)
    for xs in (np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.array([1.0, 1e10, 2.0]), np.array([np.nan, 1.0])):
        (value, beside), gradient = step.value_and_grad(xs)
        with np.errstate(over="ignore"):
            assert value == pytest.approx(np.mean(xs * 2 * 1e300), nan_ok=True)
            assert gradient == pytest.approx(np.mean(xs * 1e300), nan_ok=True)
        assert beside == pytest.approx(2 * xs, nan_ok=True)
    assert len(calls) == 4  # two at first, and two for the one that overflows


def test_writing_runs_eagerly_for_each_example(w):
    total = Value(0.0)

    def f(x):
        total.data = total._data + 1
        return w * x

    step = ag.compile(f, w, batch=True)
    with pytest.warns(UserWarning, match="f writes to a Value") as caught:
        assert step.value_and_grad(X) == pytest.approx((2 * X.mean(), X.mean()))
    assert len(caught) == 1
    assert total.data == 5.0
