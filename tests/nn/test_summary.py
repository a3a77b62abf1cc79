"""The summary: parameters, scalar ops and nodes, counted by hand."""

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, Value


def test_the_summary_counts_parameters_scalar_ops_and_nodes():
    summary = nn.MLP(2, [16, 16, 1], rng=0).summary()
    assert summary.parameters == 337
    assert summary.scalar_ops == 16 * 2 * 2 + 16 + 16 * 2 * 16 + 16 + 2 * 16  # products and sums of each dot, and relus
    assert summary.nodes == 337 + 2 + 16 * 2 + 16 * 2 + 1
    assert [(row.name, row.module, row.parameters) for row in summary.rows] == [
        ("model", "MLP(2, [16, 16, 1], 'relu')", 337),
        ("layers.0", "Dense(2, 16, 'relu')", 48),
        ("layers.1", "Dense(16, 16, 'relu')", 272),
        ("layers.2", "Dense(16, 1)", 17),
    ]
    text = str(summary)
    assert text.splitlines()[-1] == "337 parameters; one forward pass: 640 scalar ops, 404 graph nodes"
    assert len({len(line) for line in text.splitlines()[:-1]}) == 1


def test_the_summary_wants_an_example_where_no_layer_tells_its_width():
    with pytest.raises(ValueError, match=r"pass an example, summary\(x\)"):
        nn.Sequential(nn.Tanh()).summary()
    assert nn.Sequential(nn.Tanh()).summary([Value(1.0), Value(2.0)]).scalar_ops == 2


def test_both_kinds_take_the_same_scalar_ops():
    by_value, by_tensor = [nn.MLP(2, [16, 16, 1], "tanh", rng=0, kind=kind).summary() for kind in (Value, Tensor)]
    assert by_tensor.rows == by_value.rows
    assert (by_tensor.parameters, by_tensor.scalar_ops) == (by_value.parameters, by_value.scalar_ops)
    assert by_tensor.nodes == 6 + 1 + 3 + 2 + 1  # parameters, the batch, three affine maps, two activations, a column


def test_the_scalar_ops_of_a_convolution_are_its_products_and_sums():
    model = nn.Sequential(nn.Conv2d(3, 4, 2, rng=0, kind=Tensor), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    places = 4 * 8 * 8  # filters and windows
    products, sums = 3 * 2 * 2, 3 * 2 * 2  # the bias is the last summand
    assert model.summary(np.zeros((1, 3, 9, 9))).scalar_ops == places * (products + sums + 1) + 4 * 4 * 4 * 4
    with pytest.raises(ValueError, match=r"pass an example, summary\(x\)"):
        model.summary()


@pytest.mark.parametrize(
    ("compute", "ops"),
    [
        (lambda x: x @ x.T, 9 * (4 + 3)),
        (lambda x: ag.einsum("ij,kj->ik", x, x), 9 * (4 + 3)),
        (lambda x: x.sum(), 12),
        (lambda x: ag.add_n(x, x, x), 24),
        (lambda x: x.reshape(4, 3)[1:], 0),
    ],
)
def test_the_scalar_ops_of_arrays_are_counted_number_by_number(compute, ops):
    assert nn.Sequential(compute).summary(Tensor(np.ones((3, 4)))).scalar_ops == ops


def test_a_summary_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Dense(2, 3, rng=0, kind=Tensor), nn.BatchNorm(3, kind=Tensor), nn.Dropout(rng=0)).train()
    before, drawn = model.state_dict(), model.layers[2].rng.bit_generator.state
    model.summary()
    assert all((array == before[name]).all() for name, array in model.state_dict().items())
    assert model.layers[2].rng.bit_generator.state == drawn
    assert all(module.training for _, module in model.named_modules())


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_frozen_model_is_passed_an_example_of_its_kind(kind):
    model = nn.Dense(2, 3, rng=0, kind=kind)
    thawed = model.summary().scalar_ops
    for parameter in model.parameters():
        parameter.requires_grad = False
    assert (model.summary().parameters, model.summary().scalar_ops) == (0, thawed)


def test_a_frozen_layer_stays_in_the_table():
    model = nn.MLP(2, [3, 1], rng=0)
    for parameter in model.layers[0].parameters():
        parameter.requires_grad = False
    assert [(row.name, row.parameters) for row in model.summary().rows] == [("model", 4), ("layers.0", 0), ("layers.1", 4)]


def test_a_model_without_parameters_has_a_summary_too():
    lines = str(nn.ReLU().summary([Value(1.0)])).splitlines()
    assert [line.split() for line in lines[:2]] == [["output", "parameters"], ["model", "ReLU()", "1", "0"]]
    assert lines[2] == "0 parameters; one forward pass: 1 scalar ops, 2 graph nodes"


def test_each_layer_tells_the_shape_it_gives_for_an_example():
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, activation="relu", kind=Tensor),
        nn.MaxPool2d(2),
        nn.BatchNorm(8, kind=Tensor),
        nn.Flatten(),
        nn.Residual(nn.Dense(72, 72, kind=Tensor)),
        lambda x: (x, x),
    )
    rows = model.summary(np.zeros((2, 1, 8, 8))).rows
    assert [(row.name, row.output) for row in rows] == [
        ("model", None), ("layers.0", (8, 6, 6)), ("layers.1", (8, 3, 3)), ("layers.2", (8, 3, 3)), ("layers.3", (72,)),
        ("layers.4", (72,)), ("layers.4.layers.0", (72,)),
    ]  # fmt: skip
    assert "8×6×6" in str(model.summary(np.zeros((2, 1, 8, 8))))
    assert [row.output for row in nn.MLP(2, [3, 1], rng=0).summary().rows] == [(), (3,), (1,)]


def test_plain_numbers_take_no_nodes():
    summary = nn.Sequential(nn.ReLU()).summary([1.0, 2.0])
    assert (summary.scalar_ops, summary.nodes) == (0, 0)


def test_a_long_description_is_cut_short_in_the_table_and_whole_in_the_row():
    summary = nn.Sequential(*[nn.Dense(2, 2, "relu", rng=0) for _ in range(9)]).summary()
    first = str(summary).splitlines()[1]
    assert len(first) < 100
    assert "Sequential(Dense(2, 2, 'relu'), Dense" in first
    assert "… " in first
    assert summary.rows[0].module.endswith("Dense(2, 2, 'relu'))")
