"""check_module, check_ops, compare."""

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import PRIMITIVES, Domain, Value
from autograd.gradcheck import check_module, check_ops, compare

from ..rows import OURS, variant

REAL = Domain("", ((-2.0, 2.0),))
X, Y = np.array([[0.3, -0.4], [1.2, 0.8], [-0.5, 0.1]]), np.array([1.0, 0.0, 1.0])


def _model(**settings):
    return nn.MLP(2, [3, 1], activation="tanh", rng=0, **settings)


def test_every_parameter_is_checked_by_its_name():
    model = _model()
    report = check_module(model, nn.bce_with_logits, (X, Y))
    assert report, str(report)
    assert [row.place for row in report.rows] == [name for name, _ in model.named_parameters()]
    assert report.rows[0].place == "layers.0.weight[0, 0]"
    assert (report.rows[0].name, report.rows[0].index) == ("layers.0.weight", (0, 0))


def test_the_model_is_left_as_it_was():
    model = _model()
    model.train()
    for parameter in model.parameters():
        parameter.grad = 3.0
    before = model.state_dict()
    check_module(model, nn.mse, (X, Y))
    after = model.state_dict()
    assert all((before[name] == after[name]).all() for name in before)
    assert {parameter.grad for parameter in model.parameters()} == {3.0}
    assert model.training


def test_a_wrong_layer_fails():
    wrong = variant(PRIMITIVES["tanh"], rules=(lambda xp, z, x: 1.001 * (1.0 - z * z),))
    report = check_module(nn.MLP(2, [3, 1], activation=wrong, rng=0), nn.mse, (X, Y))
    assert report.verdict == "fail"
    assert report.blame.op == "wrong_tanh"
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"layers.0.weight", "layers.0.bias"}


def test_of_many_parameters_a_sample_is_drawn_from_each_block_and_stated():
    model = _model()
    report = check_module(model, nn.mse, (X, Y), sample=6, rng=1)
    assert report
    assert report.note == f"{len(report.rows)} of 13 parameters were drawn"
    assert {row.name for row in report.rows} == {"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"}
    assert [row.place for row in report.rows] == [r.place for r in check_module(model, nn.mse, (X, Y), sample=6, rng=1).rows]


class _Dropping(nn.Module):
    def __init__(self):
        self.inner = _model()
        self.dice = np.random.default_rng(5)

    def forward(self, x):
        y = self.inner(x)
        if not self.training:
            return y
        return [v * float(self.dice.random() > 0.4) * 2.0 for v in y]


def test_dropout_is_off_or_draws_the_same():
    model = _Dropping()
    state = model.dice.bit_generator.state
    assert check_module(model, nn.mse, (X, Y))
    assert check_module(model, nn.mse, (X, Y), training=True)
    assert model.dice.bit_generator.state == state
    assert model.training


def test_a_loss_may_take_the_output_alone():
    assert check_module(_model(), lambda y: ag.sum([v * v for v in y]), X)


class _Tensors:
    """A model of Tensors with names of its own."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.weight, self.bias = ag.Tensor(rng.normal(size=(2, 3))), ag.Tensor(np.zeros(3))

    def named_parameters(self):
        yield "weight", self.weight
        yield "bias", self.bias

    def __call__(self, x):
        return ag.tanh(x @ self.weight + self.bias)


def test_parameters_may_be_tensors():
    report = check_module(_Tensors(), lambda y: (y * y).mean(), X)
    assert report
    assert [row.place for row in report.rows][:2] == ["weight[0, 0]", "weight[0, 1]"]


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match=r"takes a model with named_parameters\(\), not function"):
        check_module(lambda x: x, nn.mse, (X, Y))
    with pytest.raises(ValueError, match="sample is at least 1, not 0"):
        check_module(_model(), nn.mse, (X, Y), sample=0)
    with pytest.raises(ValueError, match="has no parameters"):
        check_module(nn.Sequential(), nn.mse, (X, Y))


# -- the table ---------------------------------------------------------------------------------------------------------------


def test_every_row_of_ours_passes_to_second_order():
    report = check_ops(row.name for row in OURS)
    assert report, str(report)
    assert report.without == ("element", "together", "checkpoint")
    assert {title.split(" ")[0] for title in report.reports} == {row.name for row in OURS} - set(report.without)
    assert str(report).splitlines()[0].startswith("check_ops PASSED")


def test_rows_of_users_are_checked_too():
    @ag.elementwise(lambda xp, z, x: 2.0 * x, domain=(REAL,))
    def table_square(xp, x):
        return x * x

    @ag.primitive(lambda xp, g, z, a: g * 2.0 * a * 1.001, examples=(ag.example((3,)),))
    def table_wrong_squares(xp, a):
        return a * a

    @ag.elementwise(lambda xp, z, x: {}["missing"], domain=(REAL,))
    def table_raising(xp, x):
        return x + 1.0

    try:
        report = check_ops()
        assert {name.split(" ")[0] for name in report.failed} >= {"table_wrong_squares", "table_raising"}
        assert "table_square on Values" in report.reports
        assert report.reports["table_square on Values"]
        assert "it raised KeyError" in str(report.reports["table_raising on Values"])
        assert "check_ops FAILED" in str(report)
    finally:
        for name in ("table_square", "table_wrong_squares", "table_raising"):
            del PRIMITIVES[name]


@pytest.mark.parametrize(
    ("rows", "error", "words"), [("nothing", ValueError, "no row 'nothing'"), ([3.0], TypeError, "takes ops and their names")]
)
def test_what_is_no_row_is_refused(rows, error, words):
    with pytest.raises(error, match=words):
        check_ops(rows)


# -- compare -----------------------------------------------------------------------------------------------------------------


def test_compare_prints_a_line_and_is_true_if_they_agree(capsys):
    x = Value(3.0)
    (x * x).backward()
    assert compare("x", 6.0, x)
    found = compare("x", 6.0 + 1e-9, x)
    assert (found.exact, found.approximate) == (False, True)
    assert found.difference == pytest.approx(1e-9)
    assert not compare("x", 6.1, x)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "x               | exact: True  | approximate: True  | max difference: 0.0"
    assert "exact: False | approximate: False" in lines[2]


def test_compare_takes_arrays_and_refuses_other_shapes():
    t = ag.Tensor(np.ones((2, 3)))
    (t * t).sum().backward()
    assert compare("t", np.full((2, 3), 2.0), t).exact
    assert compare("t", np.ones(2), np.ones(2)).exact
    with pytest.raises(ValueError, match=r"gradient of t has shape \(2, 3\), and yours \(3, 2\)"):
        compare("t", np.ones((3, 2)), t)
