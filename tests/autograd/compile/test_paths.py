"""A path through a function: what its run gives, and what it keeps."""

import gc

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, Value
from autograd.compile.paths import SIZES, are_equal, opened, plain


def only_path(step):
    (path,) = step.paths
    return path


def test_results_beside_the_root_come_in_plain_numbers_in_the_same_nesting():
    w = Value(2.0)
    step = ag.compile(lambda x: (w * x, {"a": w + x, "b": [np.array([[w, x, 1.0]], object), "text", None, 3]}), w)
    for x in (3.0, 4.0):
        value, beside = step.value_and_grad(x)[0]
        assert (value, beside["a"]) == (2 * x, 2 + x)
        assert type(beside["a"]) is float
        assert beside["b"][0].tolist() == [[2.0, x, 1.0]]
        assert beside["b"][1:] == ["text", None, 3]


@pytest.mark.parametrize("batch", [False, True])
def test_results_that_were_handed_out_do_not_change_later(batch):
    w = np.array([Value(1.0), Value(2.0), Value(3.0)])
    step = ag.compile(lambda x: (ag.sum(w * x), w * x, x), [w], batch=batch)
    xs = [np.full((4, 3), k) if batch else np.full(3, k) for k in (1.0, 2.0)]
    (value, product, x), (gradient,) = step.value_and_grad(xs[0])
    kept = value, product.copy(), x.copy(), gradient.copy()
    step.value_and_grad(xs[1])
    step.value_and_grad(xs[1], at=np.full(3, 9.0))
    step(xs[1])
    for now, then in zip((value, product, x, gradient), kept):
        np.testing.assert_array_equal(now, then)
    gradient[:] = np.nan  # nor does writing to them change what is computed
    product[:] = np.nan
    assert step.value_and_grad(xs[0])[0][0] == value


def test_a_value_taken_from_around_f_is_read_anew_and_takes_a_gradient_if_it_wants_one():
    w, scale, other = Value(2.0), Value(3.0, requires_grad=False), Value(5.0)
    step = ag.compile(lambda x: w * x * scale + other * x, [w])
    assert step(1.0) == 11.0
    assert (w.grad, scale.grad, other.grad) == (3.0, 0.0, 1.0)
    scale.data, other.data = 10.0, 7.0
    assert step.value_and_grad(2.0) == (54.0, [20.0])
    assert (w.grad, scale.grad, other.grad) == (3.0, 0.0, 1.0)
    scale.requires_grad, other.requires_grad = True, False
    assert step(1.0) == 27.0
    assert (w.grad, scale.grad, other.grad) == (13.0, 2.0, 1.0)
    assert len(step.paths) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda w, x: w,
        lambda w, x: x,
        lambda w, x: Value(3.0),
        lambda w, x: (w, x, x > 0),
        lambda w, x: x and w,
    ],
)
def test_the_root_may_be_a_parameter_an_argument_or_a_constant(f):
    w = Value(2.0)
    step = ag.compile(lambda x: f(w, x), w)
    for x in (1.0, 5.0, 0.0):
        value, gradient = step.value_and_grad(x)
        root, *_ = opened(f(w, Value(x)))
        assert value == root.data or value[0] == root.data
        assert gradient == float(root is w)


@pytest.mark.parametrize("result", [None, [Value(1.0)], "text", (), ("text", Value(1.0)), np.array([Value(1.0)])])
def test_what_gives_no_single_number_is_refused(result):
    with pytest.raises(TypeError, match=f"compile: f gives one number, a Value .*not {type(result).__name__}"):
        ag.compile(lambda: result, [])()


def test_programs_are_kept_for_some_numbers_of_examples_not_for_all():
    w = Value(2.0)
    step = ag.compile(lambda x: w * x, w, batch=True)
    for n in range(1, SIZES + 10):
        assert step.value_and_grad(np.ones(n)) == pytest.approx((2.0, 1.0), rel=1e-14)
    path = only_path(step)
    assert len(path.programs) == SIZES
    assert step.value_and_grad(np.ones(1)) == (2.0, 1.0)


def test_examples_that_part_make_programs_for_powers_of_2_alone():
    rng, w = np.random.default_rng(0), Value(2.0)
    step = ag.compile(lambda x: w * x if x > 0 else w * w * x, w, batch=True)
    for _ in range(30):
        x = rng.normal(size=77)
        value, gradient = step.value_and_grad(x)
        assert value == pytest.approx(np.where(x > 0, 2 * x, 4 * x).mean(), rel=1e-12)
        assert gradient == pytest.approx(np.where(x > 0, x, 4 * x).mean(), rel=1e-12)
    assert len(step.paths) == 2
    for path in step.paths:
        assert set(path.programs) <= {77, 1, 2, 4, 8, 16, 32, 64}


def test_the_collector_is_on_again_after_an_error():
    def f(x):
        assert not gc.isenabled()
        raise KeyError

    with pytest.raises(AssertionError):
        ag.compile(f, [])(1.0)  # raised in the eager run, in which it is on
    assert gc.isenabled()


def test_numbers_are_taken_out_of_nodes_and_arrays_of_them():
    assert plain(Value(2.0)) == 2.0
    assert plain(np.array([[Value(2.0), 3.0]], object)).tolist() == [[2.0, 3.0]]
    assert plain("text") == "text"


@pytest.mark.parametrize("x", [1.0, np.nan, True, "a", np.array([1.0, np.nan]), np.array(["a"]), None, object()])
def test_what_did_not_change_is_equal(x):
    assert are_equal(x, x)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (1.0, 2.0),
        (1.0, np.nan),
        ("a", "b"),
        (np.ones(2), np.ones(3)),
        (np.ones(2), np.zeros(2)),
        (None, object()),
        (Value(1.0), Value(1.0)),
    ],
)
def test_what_changed_is_not(x, y):
    assert not are_equal(x, y)


def test_a_plain_number_has_no_derivative_and_that_is_said():
    w = Value(2.0)
    step = ag.compile(lambda x: (w * x).data, w)
    with pytest.warns(RuntimeWarning, match="f gave a plain float, which nothing connects to the parameters"):
        assert step.value_and_grad(3.0) == (6.0, 0.0)


def test_a_tensor_from_values_is_refused_in_words():
    w = Value(2.0)
    with pytest.raises(TypeError, match="f gives a Tensor, and its parameters are Values"):
        ag.compile(lambda x: Tensor.of([w * x]).sum(), w)(3.0)
