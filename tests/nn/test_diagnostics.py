"""Diagnostics: numbers beside the same computed in NumPy by hand."""

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value, no_grad
from nn import diagnostics as dx
from nn.micrograd import MLP as Micrograd

X = np.random.default_rng(3).normal(size=(25, 2))


def forward(model, x, g):
    """The outputs of each layer of a two-layer perceptron, in NumPy."""
    state = model.state_dict()
    hidden = g(x @ state["layers.0.weight"] + state["layers.0.bias"])
    return hidden, hidden @ state["layers.1.weight"] + state["layers.1.bias"]


def relu(z):
    return np.maximum(z, 0.0)


# -- gradients ---------------------------------------------------------------------------------------------------------------


def test_the_flow_is_that_of_a_gradient_by_hand():
    model = nn.Dense(2, 1, rng=0)
    y = X @ [1.0, -2.0]
    nn.mse(model(X), y).backward()
    w, b = model.state_dict().values()
    error = (X @ w)[:, 0] + b - y
    slopes = 2 * (error[:, None] * X).mean(axis=0)
    flow = dx.gradient_flow(model)
    assert list(flow) == ["weight", "bias"]
    assert flow["weight"].mean == pytest.approx(np.abs(slopes).mean(), rel=1e-12)
    assert flow["weight"].largest == pytest.approx(np.abs(slopes).max(), rel=1e-12)
    assert flow["bias"].largest == flow["bias"].mean == pytest.approx(abs(2 * error.mean()), rel=1e-12)


def test_gradients_have_the_names_and_shapes_of_the_state():
    model = nn.MLP(2, [3, 1], rng=0)
    assert {name: g.shape for name, g in dx.gradients(model).items()} == {
        name: a.shape for name, a in model.state_dict().items()
    }


def test_a_vanishing_gradient_shows():
    model = nn.MLP(2, [4] * 8 + [1], "sigmoid", rng=0)
    nn.mse(model(X), X[:, 0]).backward()
    flow = dx.gradient_flow(model)
    assert flow["layers.0.weight"].mean < 1e-3 * flow["layers.8.weight"].mean


def test_a_model_without_parameters_has_no_flow():
    with pytest.raises(ValueError, match=r"gradient_flow: ReLU\(\) has no parameters"):
        dx.gradient_flow(nn.ReLU())


# -- activations -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "g"), [("relu", relu), ("tanh", np.tanh)])
def test_activations_are_those_of_numpy(name, g):
    model = nn.MLP(2, [5, 1], name, rng=0)
    hidden, out = forward(model, X, g)
    layers = dx.activations(model, X)
    assert list(layers) == ["layers.0", "layers.1"]
    assert layers["layers.0"].data == pytest.approx(hidden, rel=1e-12)
    assert layers["layers.1"].data == pytest.approx(out, rel=1e-12)
    assert layers["layers.0"].op == name


def test_a_layer_and_its_activation_apart_are_two():
    model = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 2, rng=1))
    layers = dx.activations(model, X)
    assert list(layers) == ["layers.0", "layers.1", "layers.2"]
    assert layers["layers.1"].data == pytest.approx(np.tanh(layers["layers.0"].data), rel=1e-12)


def test_sequences_within_a_sequence_are_looked_into():
    inner = nn.Sequential(nn.Dense(2, 3, rng=0), nn.ReLU())
    model = nn.Sequential(inner, nn.Dense(3, 1, rng=1))
    assert list(dx.activations(model, X)) == ["layers.0.layers.0", "layers.0", "layers.1"]


def test_a_model_that_is_one_layer_is_called_model():
    assert list(dx.activations(nn.Dense(2, 3, "relu", rng=0), X)) == ["model"]


def test_a_model_whose_own_forward_ends_it_keeps_the_names_of_its_layers():
    class Doubles(nn.Module):
        def __init__(self):
            self.inside = nn.Dense(2, 1, rng=0)

        def forward(self, x):
            return self.inside(x)[0] * 2

    assert list(dx.activations(Doubles(), X)) == ["inside", "model"]


def test_micrograds_layers_are_found():
    layers = dx.activations(Micrograd(2, [4, 1]), X)
    assert {name: (outputs.data.shape, outputs.op) for name, outputs in layers.items()} == {
        "layers.0": ((25, 4), "relu"), "layers.1": ((25, 1), "weighted_sum"),
    }  # fmt: skip


def test_a_layer_that_is_used_twice_has_twice_the_units():
    class Twice(nn.Module):
        def __init__(self):
            self.layer = nn.Dense(2, 2, rng=0)

        def forward(self, x):
            return self.layer(self.layer(x))

    assert dx.activations(Twice(), X)["layer"].data.shape == (25, 4)


def test_activations_are_found_under_no_grad_and_leave_the_model_as_it_was():
    model = nn.MLP(2, [3, 1], rng=0)
    before = {name: set(vars(module)) for name, module in model.named_modules()}
    with no_grad():
        assert dx.activations(model, X)["layers.0"].op == "relu"
    assert {name: set(vars(module)) - {"_scope"} for name, module in model.named_modules()} == before


def test_a_model_that_fails_is_left_as_it_was():
    model = nn.MLP(2, [3, 1], rng=0)
    with pytest.raises(ValueError, match="takes 2 inputs, found 3"):
        dx.activations(model, np.ones((4, 3)))
    assert all("forward" not in vars(module) for _, module in model.named_modules())


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="there are no examples"):
        dx.activations(nn.MLP(2, [1], rng=0), np.empty((0, 2)))


def test_outputs_that_are_no_values_are_refused():
    class Strange(nn.Module):
        def forward(self, x):
            return "no"

    with pytest.raises(TypeError, match="gives str; expected Values, or lists of them"):
        dx.activations(Strange(), X)


def test_units_without_a_number_are_refused():
    class Ragged(nn.Module):
        def forward(self, x):
            return [Value(x[0])] * (1 if x[0] > 0 else 2)

    with pytest.raises(ValueError, match="model gives more outputs for one example than for another"):
        dx.activations(Ragged(), X)


# -- units -------------------------------------------------------------------------------------------------------------------


def test_a_planted_dead_unit_is_found_and_one_that_is_off_at_times_is_not():
    model = nn.MLP(2, [4, 1], rng=0)
    model.layers[0].bias[2].data = -100.0
    hidden, _ = forward(model, X, relu)
    units = dx.dead_units(model, X)
    assert list(units) == ["layers.0"]
    assert units["layers.0"].often == pytest.approx((hidden == 0).mean(axis=0))
    assert units["layers.0"].often[2] == 1.0
    assert units["layers.0"].always == 0.25
    assert units["layers.0"].mean == pytest.approx((hidden == 0).mean())


def test_a_unit_that_works_for_one_example_of_many_is_not_dead():
    model = nn.Dense(1, 1, "relu", rng=0)
    model.weight[0][0].data = 1.0
    units = dx.dead_units(model, [[1.0]] + [[-1.0]] * 99)["model"]
    assert units.often.tolist() == [0.99]
    assert units.always == 0.0


@pytest.mark.parametrize(
    ("name", "inverse", "edge"),
    [("tanh", np.arctanh, [-0.97, 0.97]), ("sigmoid", lambda y: np.log(y / (1 - y)), [0.015, 0.985])],
)
def test_units_saturate_beyond_the_edges_and_not_before(name, inverse, edge):
    model = nn.Dense(1, 1, name, rng=0)
    model.weight[0][0].data = 1.0
    low, high = inverse(np.array(edge))
    inside = [[low + 1e-3], [0.0], [high - 1e-3]]
    outside = [[low - 1e-3], [high + 1e-3], [high + 5]]
    assert dx.saturated_units(model, inside)["model"].mean == 0.0
    assert dx.saturated_units(model, outside)["model"].mean == dx.saturated_units(model, outside)["model"].always == 1.0
    assert dx.saturated_units(model, inside + outside)["model"].mean == 0.5


def test_ops_within_a_forward_of_ones_own_count():
    class Own(nn.Module):
        def __init__(self):
            self.w = [Value(1.0), Value(-1.0)]

        def forward(self, x):
            return [ag.relu(w * x[0]) for w in self.w]

    assert dx.dead_units(Own(), [[1.0], [2.0]])["model"].often.tolist() == [0.0, 1.0]


def test_where_no_layer_is_of_the_kind_the_kinds_are_told():
    with pytest.raises(
        ValueError, match=r"dead_units: no layer of MLP\(.*\) ends in relu; layers.0 in tanh, layers.1 in weighted_sum"
    ):
        dx.dead_units(nn.MLP(2, [3, 1], "tanh", rng=0), X)
    with pytest.raises(ValueError, match=r"saturated_units: no layer of .* ends in tanh or sigmoid"):
        dx.saturated_units(nn.MLP(2, [3, 1], rng=0), X)


# -- updates -----------------------------------------------------------------------------------------------------------------


def test_an_update_is_measured_against_the_size_of_what_it_moves():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(30, 20))
    step = rng.normal(size=(30, 20))
    ratio = dx.update_ratio({"w": w}, {"w": w + 1e-3 * step})["w"]
    assert ratio == pytest.approx(np.log10((1e-3 * step).std() / w.std()), abs=0.01)  # as with deviations, where means are 0


def test_blocks_that_were_zero_or_do_not_move_are_told_by_infinity():
    assert dx.update_ratio({"a": [0.0], "b": [1.0]}, {"a": [1.0], "b": [1.0]}) == {"a": np.inf, "b": -np.inf}
    assert np.isnan(dx.update_ratio({"a": [0.0]}, {"a": [0.0]})["a"])


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_very_small_and_very_large_blocks_are_measured_too(scale):
    assert dx.update_ratio({"a": [3 * scale, 4 * scale]}, {"a": [3 * scale, 4.005 * scale]})["a"] == pytest.approx(-3.0)


def test_states_of_different_models_are_refused():
    with pytest.raises(ValueError, match="the states name different blocks: a, b"):
        dx.update_ratio({"a": [1.0]}, {"b": [1.0]})


def test_the_ratios_of_a_record_are_those_of_its_frames():
    model, record = nn.MLP(2, [3, 1], rng=0), nn.Record()
    nn.fit(model, X, X[:, 0], loss=nn.mse, epochs=2, rng=0, verbose=False, callbacks=[record])
    ratios = dx.update_ratios(record)
    for i in range(len(record) - 1):
        by_hand = dx.update_ratio(record[i].values, record[i + 1].values)
        assert {name: series[i] for name, series in ratios.items()} == pytest.approx(by_hand, abs=1e-9)


# -- as in use ---------------------------------------------------------------------------------------------------------------


def test_a_model_is_evaluated_and_then_trained_again_part_by_part():
    model = nn.MLP(2, [3, 1], rng=0).train()
    model.layers[1].eval()
    with dx.evaluated(model):
        assert not any(module.training for _, module in model.named_modules())
        assert not model([1.0, 2.0]).requires_grad
    assert model.training
    assert model.layers[0].training
    assert not model.layers[1].training
    assert model([1.0, 2.0]).requires_grad
