"""Who is blamed: node, label, module and line, what its backward says and what is true, and what the slip looks like."""

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import PRIMITIVES, Domain, Value
from autograd.gradcheck import check_module, gradcheck
from autograd.gradcheck.slips import slip

from ..rows import variant

REAL = Domain("", ((-2.0, 2.0),))


def _wrong(name, *rules):
    return variant(PRIMITIVES[name], rules=rules)


tanh = _wrong("tanh", lambda xp, z, x: (1.0 - z) * (1.0 - z))


def test_the_node_is_named_with_its_label_and_line():
    def f(w, x):
        hidden = tanh(w * x)
        hidden.label = "hidden"
        return hidden * 3.0

    found = gradcheck(f, (0.5, -1.2)).blame
    assert (found.op, found.label, found.operand) == ("wrong_tanh", "hidden", 0)
    assert found.line.startswith("test_blame.py:")
    assert "tanh(w * x)" in found.line
    z = np.tanh(-0.6)
    assert found.claimed == pytest.approx((1 - z) ** 2, rel=1e-12)
    assert found.true == pytest.approx(1 - z**2, rel=1e-12)
    assert found.slip == "looks like (1 - y)², not 1 - y²"
    assert found.node.label == "hidden"


def test_the_module_is_named():
    model = nn.MLP(2, [3, 1], activation=tanh, rng=0)
    report = check_module(model, nn.mse, (np.array([[0.3, -0.4]]), np.array([1.0])))
    assert report.verdict == "fail"
    assert report.blame.op == "wrong_tanh"
    assert report.blame.module == "Elementwise(wrong_tanh)"
    assert "in Elementwise(wrong_tanh)" in str(report)


def test_of_two_wrong_ops_the_one_that_weighs_more_is_named():
    small = _wrong("sin", lambda xp, z, x: 1.0001 * xp.cos(x))
    assert gradcheck(lambda x: small(x) + tanh(x), 0.6).blame.op == "wrong_tanh"


def test_a_right_op_behind_a_wrong_one_is_not_named():
    assert gradcheck(lambda x: tanh(x.sin().exp()).exp().log(), 0.2).blame.op == "wrong_tanh"


def test_the_operand_is_told():
    wrong = _wrong("div", lambda xp, z, x, y: 1.0 / y, lambda xp, z, x, y: z / y)
    found = gradcheck(lambda x, y: wrong(x * 1.0, y * 1.0), (0.6, -1.2)).blame
    assert (found.operand, found.slip) == (1, "the sign")


def test_in_arrays_the_worst_element_is_shown():
    found = gradcheck(lambda a: (tanh(a) * 2.0).sum(), np.array([0.1, 0.9, 0.5])).blame
    assert found.slip == "looks like (1 - y)², not 1 - y²"
    assert found.claimed != found.true


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x * x.detach() + x, "without being recorded"),
        (lambda x: x * Value(x.data), "without being recorded"),
        (lambda x: x.detach() * 2.0, "has left the graph"),
        (lambda x: float(x) * 2.0, "has left the graph"),
    ],
)
def test_what_left_the_graph_is_called_so(f, words):
    assert words in gradcheck(f, 0.7).blame.slip


def _overwrite(node):
    for x in node.inputs:
        x._grad = node._grad


def test_who_overwrites_the_sum_of_others_is_found():
    @ag.variadic(lambda xp, z, terms: [1.0] * len(terms), domain=REAL, pull=_overwrite)
    def blamed_sum(xp, terms):
        return sum(terms[1:], terms[0])

    found = gradcheck(lambda x: blamed_sum(x, x.exp()) * x.sin(), 0.4).blame
    assert found.op == "blamed_sum"
    assert "overwrites" in found.slip


def test_the_tied_op_is_named_at_a_kink():
    report = gradcheck(lambda x, y: (x * y).exp() + (x + y).relu(), (0.5, -0.5))
    assert report.verdict == "not differentiable"
    assert report.blame is None
    assert report.note.startswith("relu (test_blame.py:")
    assert report.note.endswith("is exactly at its kink")


def test_blame_leaves_the_graph_of_the_user_alone():
    x = Value(0.6)
    y = tanh(x)
    y.backward()
    before = (x.grad, y.grad)
    gradcheck(lambda v: tanh(v) * 2.0, x)
    assert (x.grad, y.grad) == before


# -- slips -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claimed", "true", "words"),
    [
        (2.0, 1.0, "a factor of 2"),
        (1.0, 2.0, "a factor of 1/2"),
        (1.0, 7.0, "a factor of 1/7"),
        (-1.0, 1.0, "the sign"),
        (-3.0, 1.0, "a factor of 3 and the sign"),
        (0.0, 1.0, "the gradient never arrived (0)"),
        (float("nan"), 1.0, "it is no finite number"),
        (1.001, 1.0, "relative error 0.001"),
        (1.0, 0.0, ""),
    ],
)
def test_factors_and_signs(claimed, true, words):
    assert slip(claimed, true) == words


@pytest.mark.parametrize(
    ("claimed", "true", "operands", "z", "words"),
    [
        (0.3 * 0.3, 1 - 0.7**2, (0.87,), 0.7, "looks like (1 - y)², not 1 - y²"),
        (1 - 0.7**2, 0.7 * 0.3, (0.85,), 0.7, "looks like 1 - y², not y (1 - y)"),
        (3.1, 1 / 3.1, (3.1,), 1.13, "it says operand 1 itself"),
        (5.3 * 1.7, 1.7, (9.1, 5.3), 0.2, "a factor of operand 2"),
        (1.7 / 5.3, 1.7, (9.1, 5.3), 0.2, "a factor of 1 / operand 2"),
        (1.7 * 0.23, 1.7, (9.1,), 0.23, "a factor of the result"),
    ],
)
def test_formulas_gone_wrong(claimed, true, operands, z, words):
    assert slip(claimed, true, operands, z) == words


def test_arrays_transposed_permuted_scaled():
    a = np.array([[1.0, 2.0], [3.0, 5.0]])
    assert slip(a.T, a) == "transposed"
    assert slip(a * 3, a) == "a factor of 3"
    assert slip(a * 1.001, a) == "relative error 0.001 in every element"
    assert slip(a[::-1], a) == "permuted: the right numbers at the wrong places"
    assert slip(np.where(a > 2, 0.0, a), a) == "2 of 4 elements got nothing"
    assert slip(np.where(a > 2, 9.0, a), a) == "2 of 4 elements are wrong"
    wide = np.arange(1.0, 7.0).reshape(2, 3)
    assert slip(wide.T.reshape(2, 3), wide) == "transposed, and reshaped back"
    assert slip(np.ones(3), np.ones(2)) == ""
