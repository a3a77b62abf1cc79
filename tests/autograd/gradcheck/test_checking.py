"""gradcheck from the outside: what goes in, what comes out, what is refused, and that nothing is left changed."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import Domain, Tensor, Value, elementwise
from autograd.gradcheck import assert_gradients, gradcheck
from autograd.graph import record

REAL = Domain("", ((-2.0, 2.0),))


@elementwise(lambda xp, z, x: (1.0 - z) * (1.0 - z), domain=(REAL,))
def checked_wrong_tanh(xp, x):
    return xp.tanh(x)


# -- what goes in ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "inputs", "places"),
    [
        (lambda x: x.sin(), 0.5, ["x"]),
        (lambda x, y: x * y, (0.5, 2.0), ["x", "y"]),
        (lambda x, y: x * y, [0.5, 2.0], ["x", "y"]),
        (lambda x, y: x * y, {"y": 0.5, "x": 2.0}, ["y", "x"]),
        (lambda *xs: ag.prod(list(xs)), (0.5, 2.0, 3.0), ["x0", "x1", "x2"]),
        (lambda xs: xs[0] * xs[1] * xs[2], [0.5, 2.0, 3.0], ["xs[0]", "xs[1]", "xs[2]"]),
        (lambda xs: xs[0] * xs[1], ([0.5, 2.0],), ["xs[0]", "xs[1]"]),
        (lambda xs: xs[0] * 2.0, [0.5], ["xs[0]"]),
        (lambda x: x * 2.0, [0.5], ["x"]),
        (lambda p: p["w"] * p["b"][1], {"w": 0.5, "b": [1.0, 2.0]}, ["p['w']", "p['b'][0]", "p['b'][1]"]),
        (lambda a: (a * a).sum(), np.ones((1, 2)), ["a[0, 0]", "a[0, 1]"]),
        (lambda a, s: (a * s).sum(), (np.ones(2), 3.0), ["a[0]", "a[1]", "s"]),
        (lambda x, power=2.0: x**power, (0.5,), ["x"]),
        (lambda x: x.sum(), Tensor([1.0, 2.0]), ["x[0]", "x[1]"]),
        (lambda x, c: x * c, (Value(0.5), Value(2.0, requires_grad=False)), ["x"]),
    ],
)
def test_inputs_come_by_place_by_name_and_nested(f, inputs, places):
    report = gradcheck(f, inputs)
    assert report, str(report)
    assert [row.place for row in report.rows] == places


def test_a_leaf_that_the_function_takes_from_around_it_is_moved_with_its_input():
    w = Value(0.5)
    assert gradcheck(lambda x: x * w, w)  # d(w²)/dw: both uses are of one leaf
    report = gradcheck(lambda x: x * w.data, w)
    assert report.verdict == "fail"
    assert report.rows[0].estimate == pytest.approx(1.0)


def test_nothing_is_left_changed():
    w, t = Value(0.5, label="w"), Tensor([1.0, 2.0])
    w.grad, t.grad = 7.0, [3.0, 4.0]
    before = w * 3.0 + w
    gradcheck(lambda a, b: checked_wrong_tanh(a) * b, (w, Value(1.0)))
    gradcheck(lambda a, b: (b * float(a)).sum(), (w, t))
    gradcheck(lambda a: a.relu(), Value(0.0))
    assert (w.data, w.grad, w.label) == (0.5, 7.0, "w")
    assert t.grad.tolist() == [3.0, 4.0]
    before.backward()  # the graph is not stale
    assert w.grad == 11.0  # 7 and 4


def test_it_leaves_the_gradients_of_other_leaves_alone():
    other = Value(2.0)
    other.grad = 5.0
    assert gradcheck(lambda x: x * other, 0.5)
    assert other.grad == 5.0


@pytest.mark.parametrize("claimed", [np.array([2.0, 4.0]), lambda x: 2 * x, [2.0, 4.0]])
def test_a_gradient_from_anywhere_is_checked(claimed):
    assert gradcheck(lambda x: float(np.sum(x**2)), np.array([1.0, 2.0]), claimed=claimed)


def test_a_claim_that_is_wrong_fails_and_says_by_what():
    report = gradcheck(lambda x, y: math.sin(x) * y, (0.5, 2.0), claimed=(math.cos(0.5) * 4.0, math.sin(0.5)))
    assert [row.verdict for row in report.rows] == ["fail", "pass"]
    assert report.rows[0].hint == "a factor of 2"
    assert report.blame is None


def test_a_claimed_function_is_looked_at_nearby_too():
    assert gradcheck(lambda x, y: x * x * y, (1.5, 0.0), claimed=(0.0, 2.25))
    report = gradcheck(lambda x, y: x * x * y, (1.5, 0.0), claimed=lambda x, y: (5 * x * y, x * x))
    assert report.verdict == "fail"
    assert "multiplied by 0" in report.note


@pytest.mark.oracle
def test_gradients_of_pytorch_are_checked():
    torch = pytest.importorskip("torch")
    f = lambda x: torch.tanh(torch.as_tensor(x)).sum()  # noqa: E731
    x = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    f(x).backward()
    assert gradcheck(f, np.array([0.3, -0.7]), claimed=x.grad)
    assert gradcheck(f, np.array([0.3, -0.7]), claimed=x.grad * 1.01).verdict == "fail"


# -- orders, exactness, tolerances -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_order_is_checked_in_its_own_rows(order):
    report = gradcheck(lambda x, y: (x * y).tanh() + x.exp(), (0.3, -0.7), order=order)
    assert report, str(report)
    assert [row.order for row in report.rows] == [k for k in range(1, order + 1) for _ in "xy"]


def test_second_derivatives_that_vanish_pass():
    assert gradcheck(lambda x, y: 2.0 * x + 3.0 * y, (0.3, -0.7), order=2)
    assert gradcheck(lambda x: x.relu() * 2.0, 0.4, order=2)


@elementwise(lambda xp, z, x: xp.cos(x) * (1.0 if isinstance(x, float) else 1.01), domain=(REAL,))
def checked_sine_wrong_on_nodes(xp, x):
    return xp.sin(x)


def test_a_rule_that_gives_other_numbers_on_nodes_is_found_and_named():
    assert gradcheck(lambda x: checked_sine_wrong_on_nodes(x) * x, 0.4)
    report = gradcheck(lambda x: checked_sine_wrong_on_nodes(x) * x, 0.4, order=2)
    assert report.verdict == "fail"
    assert report.blame.op == "checked_sine_wrong_on_nodes"
    assert "read with nodes" in report.blame.slip


def test_exact_reads_the_graph_with_decimals():
    f = lambda x, y: ((x * y).tanh() + x.exp()).log()  # noqa: E731
    for row in gradcheck(f, (0.3, 0.7), exact=True).rows:
        assert row.difference <= 1e-15
    assert gradcheck(lambda a, b: ((a @ b) ** 2).mean().log(), (np.ones((2, 2)), np.ones((2, 3))), exact=True)
    assert gradcheck(lambda x: checked_wrong_tanh(x), 0.6, exact=True).verdict == "fail"
    assert gradcheck(lambda x: x.relu(), 0.0, exact=True).verdict == "not differentiable"


def test_exact_says_so_where_an_op_has_no_decimals():
    report = gradcheck(lambda x: _sine_by_math(x), 0.4, exact=True)
    assert report
    assert "checked_sine_by_math" in report.note


@elementwise(lambda xp, z, x: xp.cos(x), domain=(REAL,))
def checked_sine_by_math(xp, x):
    return math.sin(x)


@elementwise(lambda xp, z, x: 2.001, domain=(REAL,))
def checked_double_and_a_bit(xp, x):
    return 2.0 * x


def _sine_by_math(x):
    return checked_sine_by_math(x) * 2.0


def test_tolerances_are_the_users():
    f = checked_double_and_a_bit
    assert gradcheck(f, 0.1).verdict == "fail"
    assert gradcheck(f, 0.1, atol=1.01e-3, rtol=0.0, eps=1e-6)
    assert gradcheck(f, 0.1, atol=0.99e-3, rtol=0.0).verdict == "fail"
    assert gradcheck(f, 0.1, rtol=1e-3)
    assert gradcheck(f, 0.1, rtol=1e-4).verdict == "fail"


def test_raise_exception_and_assert_gradients_raise_the_report():
    for check in (gradcheck, assert_gradients):
        with pytest.raises(AssertionError, match=r"gradcheck FAILED.*\n.*\n.*\(1 - y\)², not 1 - y²"):
            check(checked_wrong_tanh, 0.6, raise_exception=True)
    assert assert_gradients(ag.tanh, 0.6).verdict == "pass"


def test_the_module_is_callable_and_found_from_the_package():
    assert ag.gradcheck(ag.tanh, 0.6)
    assert ag.assert_gradients is assert_gradients
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_this_name'"):
        _ = ag.nothing_of_this_name


# -- what is refused, in words -----------------------------------------------------------------------------------------------


def _writes(x):
    x.data = x.data + 1.0
    return x * 2.0


def _writes_elements(t):
    t[0] = 5.0
    return t.sum()


def _depends():
    x = Value(2.0)
    return x, x * 2.0


def _twice():
    x = Value(2.0)
    return x, x


_SHARED = np.ones(4)


@pytest.mark.parametrize(
    ("f", "inputs", "error", "words"),
    [
        (lambda x: x * 2.0, np.ones(3), ValueError, r"array of shape \(3,\).*sum\(\)"),
        (lambda x: None, 1.0, TypeError, "gave None; does it return"),
        (lambda x: "three", 1.0, TypeError, "gave str, not one number"),
        (lambda x: Value(3.0), 1.0, ValueError, "gave a constant, 3"),
        (lambda x: 3.0, 1.0, ValueError, "gave a constant, 3"),
        (_writes, 2.0, ValueError, "wrote to its input x"),
        (_writes_elements, np.ones(3), ValueError, "wrote to its input t"),
        (lambda x: x * 2.0, 3, TypeError, r"input x is of int.*pass floats \(3.0\)"),
        (lambda a: a.sum(), np.array([1, 2]), TypeError, r"input a is of int64.*floats"),
        (lambda a: a, "one", TypeError, "input a is str"),
        (lambda a: a, True, TypeError, "input a is of bool"),
        (lambda a: a, None, TypeError, "input a is NoneType"),
        (lambda a: a.sum(), np.ones(2, complex), TypeError, "input a is complex128"),
        (lambda a: a.sum(), np.ones(2, np.float16), TypeError, "input a is of float16, too coarse"),
        (lambda a: a.sum(), np.ones((0, 2)), ValueError, "no input to differentiate in"),
        (lambda: Value(1.0), (), ValueError, "no input to differentiate in"),
        (lambda x, y: x * y, _depends(), ValueError, "input y was computed from input x"),
        (lambda x, y: x * y, _twice(), ValueError, "inputs x and y are one and the same"),
        (lambda a, b: (a * b).sum(), (_SHARED[:3], _SHARED[1:]), ValueError, "inputs a and b share memory"),
        (lambda c: c * 2.0, Value(1.0, requires_grad=False), ValueError, "no input to differentiate in"),
    ],
)
def test_what_can_not_be_checked_is_refused_in_words(f, inputs, error, words):
    with pytest.raises(error, match=words):
        gradcheck(f, inputs)


@pytest.mark.parametrize(
    ("f", "inputs", "claimed", "words"),
    [
        (lambda x: x.sum(), np.ones(3), np.ones(2), r"claimed for x has shape \(2,\), its input \(3,\)"),
        (lambda x, y: x * y, (1.0, 2.0), (1.0,), "claimed has 1 parts for 2 inputs"),
        (lambda x: x * np.ones(2), 1.0, 1.0, r"array of shape \(2,\), not one number"),
        (lambda x: x.fill(0) or x.sum(), np.ones(3), np.ones(3), "wrote to its input x"),
    ],
)
def test_so_are_claims_that_do_not_fit(f, inputs, claimed, words):
    with pytest.raises(ValueError, match=words):
        gradcheck(f, inputs, claimed=claimed)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="order is a whole number of at least 1, not 0"):
        gradcheck(ag.tanh, 0.5, order=0)
    with pytest.raises(ValueError, match="with claimed= there is none"):
        gradcheck(math.tanh, 0.5, claimed=1.0, exact=True)


def test_an_error_of_the_function_itself_comes_through():
    with pytest.raises(KeyError, match="missing"):
        gradcheck(lambda x: {}["missing"], 1.0)


def test_data_that_were_written_are_put_back():
    x, t = Value(2.0), Tensor([1.0, 2.0])
    for f, leaf in ((_writes, x), (_writes_elements, t)):
        with pytest.raises(ValueError, match="wrote"):
            gradcheck(f, leaf)
    assert x.data == 2.0
    assert t.data.tolist() == [1.0, 2.0]


# -- what it costs -----------------------------------------------------------------------------------------------------------


def test_the_evaluations_reported_are_those_made():
    runs = []

    def f(x):
        runs.append(x.data)
        return x.sin() * x

    report = gradcheck(f, 0.7)
    assert len(runs) <= report.evaluations <= len(runs) + 8  # and some of the graph alone
    many = gradcheck(lambda a: (a.tanh() ** 2).sum(), np.linspace(0.1, 1.0, 50))
    assert many.evaluations <= 50 + 20


def test_black_boxes_cost_the_runs_that_are_reported():
    runs = []
    report = gradcheck(lambda x: runs.append(x) or math.sin(x), 0.7, claimed=math.cos(0.7))
    assert report.evaluations == len(runs) <= 20


# -- what is easily overlooked -----------------------------------------------------------------------------------------------


@elementwise(lambda xp, z, x: xp.where(x >= 0, 1.0, 0.0), domain=(REAL,))
def checked_relu_of_another_convention(xp, x):
    return xp.maximum(x, 0.0)


@elementwise(lambda xp, z, x: xp.cos(x) * (1.0 + 1e-11), domain=(REAL,))
def checked_sine_a_hair_off(xp, x):
    return xp.sin(x)


def test_a_kink_is_one_by_either_convention():
    for f in (checked_relu_of_another_convention, ag.relu):
        assert gradcheck(f, 0.0).verdict == "not differentiable"
        assert gradcheck(lambda a, f=f: f(a).sum(), np.array([1.0, 0.0])).verdict == "not differentiable"


def test_a_fault_of_1e_11_is_seen_if_asked_for():
    assert gradcheck(checked_sine_a_hair_off, 0.4)
    assert gradcheck(checked_sine_a_hair_off, 0.4, rtol=1e-13).verdict == "fail"
    assert gradcheck(lambda x: x.sin(), 0.4, rtol=1e-13)


class _HandMade:
    """An op that is no row of any table: all it has is what ``backward`` asks for."""

    name = symbol = "hand_made"
    variadic = is_chain = False
    row = None

    def __init__(self, factor):
        self.factor = factor

    def pull(self, node):
        node.inputs[0]._grad += node._grad * self.factor


@pytest.mark.parametrize(("factor", "verdict"), [(2.0, "pass"), (3.0, "fail")])
def test_ops_that_are_no_rows_are_judged_by_differences(factor, verdict):
    def f(x):
        return record(Value, 2.0 * x.data, _HandMade(factor), (x,)) * 1.5

    report = gradcheck(f, 0.7)
    assert report.verdict == verdict
    assert report.rows[0].estimate == pytest.approx(3.0)
