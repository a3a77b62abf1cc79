"""Where the first NaN or infinity was born, with a fixture for each way it can be."""

import json
import math
import operator
import random

import numpy as np
import pytest

from autograd import (
    PRIMITIVES,
    StaleGraphError,
    Tensor,
    Value,
    exp,
    log,
    primitive,
    source_lines,
    sqrt,
    topological_order,
    where,
)
from nn import MLP
from viz.explaining.nonfinite import nonfinite

HOSTILE = "<script>alert(1)</script>\n\u202e]]>"


def labelled(**numbers):
    return [Value(float(x), label=name) for name, x in numbers.items()]


def quietly(compute):
    with np.errstate(all="ignore"):
        return compute()


# -- forward -----------------------------------------------------------------------------------------------------------


def test_where_all_is_finite_nothing_is_found():
    x, y = labelled(x=2, y=3)
    assert nonfinite(x * y + x) is None
    assert nonfinite(Tensor([1.0, 2.0]) * 3.0) is None
    assert nonfinite(Value(1.0, requires_grad=False)) is None


def test_a_birth_is_told_with_its_operands_and_how_it_spread():
    x, y = labelled(x=1e200, y=1)
    z = x * x
    found = nonfinite((z - z) * y)
    assert (found.phase, found.how, found.op, found.number, found.name) == ("forward", "born", "mul", "inf", "v1")
    assert found.operands == (("x", "1e+200"),)
    assert found.text().splitlines() == [
        "inf born in the forward pass: v1 = x * x",
        "  from x = 1e+200",
        "  spread: v1 = inf → v2 = nan → v4 = nan",
    ]


@pytest.mark.parametrize(
    ("compute", "op", "number"),
    [(lambda x: x + x, "add", "inf"), (lambda x: -x - x, "sub", "-inf"), (lambda x: x * 2, "mul", "inf")],
)
def test_every_op_that_overflows_is_found(compute, op, number):
    found = nonfinite(compute(Value(1.5e308)))
    assert (found.op, found.number) == (op, number)


def test_what_a_leaf_holds_is_given_not_born():
    x, y = labelled(x=math.nan, y=2)
    found = nonfinite(x * y + 1)
    assert (found.phase, found.how, found.label) == ("forward", "given", "x")
    assert found.text() == "nan given: x\n  spread: x = nan → v2 = nan → v4 = nan"


def test_the_module_and_the_source_line_are_told():
    model = MLP(2, [3, 1], rng=0)
    model.layers[1].weight[0][0].data = 1e300
    with source_lines():
        loss = model([1e10, -1e10])
    found = nonfinite(loss)
    assert found.module == "layers.1 = Dense(3, 1)"
    assert found.line.startswith("test_nonfinite.py:")
    assert "model([1e10, -1e10])" in found.line
    assert f"  in {found.module}\n  at {found.line}" in found.text()


def test_of_many_operands_the_largest_are_told():
    xs = labelled(**{f"x{i}": 1e308 if i in (3, 40) else i for i in range(50)})
    found = nonfinite(PRIMITIVES["add_n"].call(*xs))
    assert found.operands[:2] == (("x3", "1e+308"), ("x40", "1e+308"))
    assert len(found.operands) == 6


def test_of_arrays_the_numbers_that_met_are_told():
    t, b = Tensor([[1.0, 800.0], [2.0, 3.0]], label="t"), Tensor([[5.0], [1.0]], label="b")
    found = nonfinite(quietly(lambda: (exp(t) * b).sum()))
    assert found.text().splitlines() == [
        "1 inf of 4 born in the forward pass: v1 = exp(t)",
        "  from t[0, 1] = 800",
        "  spread: v1 = 1 inf of 4 → v3 = 1 inf of 4 → v4 = inf",
    ]
    assert nonfinite(quietly(lambda: b / (t - 2.0))).operands == (("b[1, 0]", "1"), ("v2[1, 0]", "0"))
    assert nonfinite(quietly(lambda: (t * 1e200) @ (t * 1e200))).operands[0] == ("v2", "array 2×2, 1e+200 to 8e+202")


def test_an_infinity_that_does_not_reach_the_root_comes_last():
    scores = Tensor([1.0, 5.0], label="scores")
    masked = where(np.array([1.0, 0.0]), scores, -np.inf)
    found = nonfinite(exp(masked).sum())
    assert (found.how, found.summary) == ("given", "-inf given: a constant")
    assert found.spread[-1][1] == "1 -inf of 2"
    born = nonfinite(quietly(lambda: exp(masked).sum() * 1e200 * 1e200))
    assert (born.how, born.op) == ("born", "mul")


# -- backward ----------------------------------------------------------------------------------------------------------


def test_a_contribution_that_overflows_is_a_backward_birth():
    a, b = labelled(a=1e-300, b=1e300)
    loss = (a * b) * 1e300
    found = nonfinite(loss)
    assert (found.phase, found.how, found.op) == ("backward", "born", "mul")
    assert found.text().splitlines() == [
        "inf born in the backward pass: what v2 = a * b gives to a.grad",
        "  from v2.grad = 1e+300, a = 1e-300, b = 1e+300",
    ]
    loss.backward()
    assert math.isinf(a.grad)


def test_contributions_that_overflow_together_are_a_backward_birth():
    (x,) = labelled(x=1e-300)
    found = nonfinite(x * 1e308 + x * 1e308)
    assert found.summary == "inf born in the backward pass: x.grad, by adding what v2 = x * 1e+308 gives to the rest"


def test_a_backward_birth_is_followed_to_a_leaf():
    x, y = labelled(x=1e-310, y=2)
    found = nonfinite(log(x * 1.0 * y))
    assert found.op == "log"
    assert [name for name, _ in found.spread] == ["v4.grad", "v2.grad", "x.grad"]


def test_where_an_op_has_no_finite_derivative_the_pass_is_said_to_stop():
    (x,) = labelled(x=0)
    found = nonfinite(sqrt(x) * 2)
    assert (found.phase, found.how, found.op, found.number) == ("backward", "stopped", "sqrt", "")
    assert found.summary == "the backward pass stops at v1 = sqrt(x), which has no finite derivative there"
    assert found.operands == (("v1.grad", "2"), ("x", "0"))


def test_of_arrays_a_backward_birth_has_its_place():
    t = Tensor([4.0, 0.0], label="t")
    found = nonfinite(sqrt(t))
    assert found.phase == "backward"
    assert found.operands == (("v1.grad", "array 2, 1 to 1"), ("t[1]", "0"))
    assert found.spread == (("t.grad", "1 inf of 2"),)


def test_zero_times_infinity_is_found_behind_a_finite_result():
    t = Tensor([1.0, 2.0], label="t")
    masked = where(np.array([1.0, 0.0]), t, -np.inf)
    found = nonfinite(quietly(lambda: exp(masked * t).sum()))
    assert (found.phase, found.op) == ("backward", "mul")
    assert "nan" in found.number


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr("autograd.table.PRIMITIVES", dict(PRIMITIVES))


@pytest.mark.usefixtures("table")
def test_a_users_rule_that_gives_nan_is_found():
    @primitive(lambda xp, g, z, x: g * math.nan)
    def wrong(xp, x):
        return x * 1.0

    (x,) = labelled(x=1)
    found = nonfinite(wrong(x) * 3)
    assert (found.phase, found.op, found.number) == ("backward", "wrong", "nan")


def test_a_cotangent_that_is_not_finite_is_given():
    x, y = labelled(x=1, y=2)
    found = nonfinite(x * y, math.inf)
    assert (found.phase, found.how) == ("backward", "given")
    assert found.spread == (("v2.grad", "inf"), ("x.grad", "inf"))


# -- all of them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(200))
def test_something_is_found_whenever_a_number_or_a_gradient_is_not_finite(seed):
    rng = random.Random(seed)
    nodes = labelled(a=10.0 ** rng.randint(-200, 200), b=-(10.0 ** rng.randint(-100, 100)), c=1)
    for _ in range(6):
        x, y = rng.choices(nodes[-4:], k=2)
        nodes.append(rng.choice([operator.mul, operator.add, operator.sub])(x, rng.choice([y, 1e150])))
    root = nodes[-1]
    found = nonfinite(root)
    root.backward()
    order = topological_order(root)
    by_data = [node for node in order if not math.isfinite(node.data)]
    by_grad = [node for node in order if not math.isfinite(node.grad)]
    assert (found is None) == (not by_data and not by_grad)
    if found and found.phase == "forward":
        assert order[found.key] is by_data[0]
        assert all(math.isfinite(x.data) for x in by_data[0].inputs)
    elif found:
        assert math.isfinite(order[found.key].grad) or found.how == "given"


def test_the_graph_is_not_touched_and_no_warning_escapes():
    t = Tensor([0.0, 1.0])
    y = quietly(lambda: log(t).sum())
    before = t.grad.copy()
    assert nonfinite(y).op == "log"
    assert (t.grad == before).all()
    assert np.geterr()["divide"] == "warn"


def test_depth_has_no_limit():
    x = Value(1.0)
    y = x * 1e308 * 1e308
    for _ in range(20_000):
        y = y + 1.0
    found = nonfinite(y)
    assert len(found.spread) == 20_001
    assert max(map(len, found.text().splitlines())) < 200


# -- words -------------------------------------------------------------------------------------------------------------


def test_labels_can_neither_break_nor_script_anything():
    x = Value(math.inf, label=HOSTILE)
    found = nonfinite(x * 2)
    assert all(line.isprintable() for line in found.text().splitlines())
    assert "<script" not in found._repr_html_()
    assert "&lt;script" in found._repr_html_()
    assert "\u202e" not in found._repr_html_()


def test_an_answer_is_plain_data_and_says_the_same_everywhere():
    x = Value(math.inf, label="x")
    found = nonfinite(x * 2)
    assert json.loads(json.dumps(found.to_dict()))["spread"] == [["x", "inf"], ["v2", "inf"]]
    assert str(found) == found.text()
    assert repr(found) == "<inf given: x>"
    assert "<li>spread: x = inf → v2 = inf</li>" in found._repr_html_()


def test_what_is_wrong_is_refused_in_words():
    with pytest.raises(TypeError, match="nonfinite takes a Value or a Tensor, not float"):
        nonfinite(1.0)
    with pytest.raises(ValueError, match="must have its shape"):
        nonfinite(Tensor([1.0, 2.0]) * 1.0, np.ones(3))
    x = Value(1.0)
    y = x * 2
    x.data = math.nan
    with pytest.raises(StaleGraphError):
        nonfinite(y)
