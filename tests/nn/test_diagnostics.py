"""Diagnostics: numbers beside the same computed in NumPy by hand."""

from functools import partial

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, Value, no_grad
from nn import diagnostics as dx
from nn.micrograd import MLP as Micrograd

X = np.random.default_rng(3).normal(size=(25, 2))
IMAGES = np.random.default_rng(4).normal(size=(5, 1, 4, 4))


def forward(model, x, g):
    """The outputs of each layer of a two-layer perceptron, in NumPy."""
    state = model.state_dict()
    hidden = g(x @ state["layers.0.weight"] + state["layers.0.bias"])
    return hidden, hidden @ state["layers.1.weight"] + state["layers.1.bias"]


def relu(z):
    return np.maximum(z, 0.0)


def twins(*args, **kwargs):
    """One perceptron of Values, and the same of Tensors."""
    return [nn.MLP(*args, **kwargs, kind=kind, rng=0) for kind in (Value, Tensor)]


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


def test_both_kinds_have_the_same_gradients():
    for model in (pair := twins(2, [3, 1], "tanh")):
        nn.mse(model(X), X[:, 0]).backward()
    by_value, by_tensor = map(dx.gradients, pair)
    assert by_value.keys() == by_tensor.keys()
    for name, grad in by_value.items():
        assert by_tensor[name] == pytest.approx(grad, rel=1e-12)


def test_gradients_of_a_float32_model_are_float32():
    model = nn.MLP(2, [3, 1], rng=0, kind=Tensor).astype(np.float32)
    assert {grad.dtype for grad in dx.gradients(model).values()} == {np.dtype(np.float32)}


def test_what_is_kept_and_not_trained_has_no_gradient():
    model = nn.BatchNorm(3, kind=Tensor)
    assert list(dx.gradients(model)) == ["weight", "bias"]
    assert {"running_mean", "running_var"} < model.state_dict().keys()


def test_the_flow_of_a_unit_is_that_of_its_column_or_filter():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, rng=0, kind=Tensor), nn.ReLU(), nn.Flatten(), nn.Dense(8, 3, rng=0, kind=Tensor))
    nn.mse(model(IMAGES), np.ones((5, 3))).backward()
    grads, flow = dx.gradients(model), dx.gradient_flow(model)
    assert flow["layers.0.weight"].units == pytest.approx(abs(grads["layers.0.weight"]).mean(axis=(1, 2, 3)), rel=1e-12)
    assert flow["layers.3.weight"].units == pytest.approx(abs(grads["layers.3.weight"]).mean(axis=0), rel=1e-12)
    assert flow["layers.3.bias"].units == pytest.approx(abs(grads["layers.3.bias"]), rel=1e-12)


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


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_frozen_layer_is_looked_at_like_any_other_and_stays_frozen(kind):
    model = nn.MLP(2, [3, 1], rng=0, kind=kind)
    layers = dx.activations(model, X)
    for parameter in model.layers[0].parameters():
        parameter.requires_grad = False
    assert {name: outputs.op for name, outputs in dx.activations(model, X).items()} == {
        name: outputs.op for name, outputs in layers.items()
    }
    assert model.layers[0].parameters() == []
    assert len(model.layers[1].parameters()) == (2 if kind is Tensor else 4)


def test_activations_are_found_under_no_grad_and_leave_the_model_as_it_was():
    model = nn.MLP(2, [3, 1], rng=0).train()
    before = {name: set(vars(module)) for name, module in model.named_modules()}
    with no_grad():
        assert dx.activations(model, X)["layers.0"].op == "relu"
    assert {name: set(vars(module)) - {"_scope"} for name, module in model.named_modules()} == before


def test_a_forward_of_a_modules_own_is_put_back():
    model = nn.Dense(2, 1, rng=0)
    model.forward = own = lambda x: [Value(1.0) + x[0]]
    assert dx.activations(model, [[1.0, 2.0]])["model"].data.tolist() == [[2.0]]
    assert vars(model)["forward"] is own


def test_a_model_that_fails_is_left_as_it_was():
    model = nn.MLP(2, [3, 1], rng=0)
    with pytest.raises(ValueError, match="takes 2 inputs, found 3"):
        dx.activations(model, np.ones((4, 3)))
    assert all("forward" not in vars(module) for _, module in model.named_modules())


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="there are no examples"):
        dx.activations(nn.MLP(2, [1], rng=0), np.empty((0, 2)))


@pytest.mark.parametrize("x", [[[1.0, 2.0], [3.0]], "ab", [["a", "b"]]])
def test_examples_that_are_no_rectangle_of_numbers_are_refused(x):
    with pytest.raises(ValueError, match=r"activations: examples are an array of numbers, of shape \(n, n_in\): "):
        dx.activations(nn.MLP(2, [1], rng=0), x)


@pytest.mark.parametrize("asked", [dx.gradients, dx.gradient_flow, partial(dx.activations, x=X), partial(dx.dead_units, x=X)])
def test_what_is_no_module_is_refused(asked):
    with pytest.raises(TypeError, match=r"model is a Module, such as nn.MLP\(2, \[8, 1\]\); not 4"):
        asked(4)


def test_outputs_that_are_no_values_are_refused():
    class Strange(nn.Module):
        def forward(self, x):
            return "no"

    with pytest.raises(TypeError, match="gives str; expected Values or a Tensor, or lists of them"):
        dx.activations(Strange(), X)


def test_units_without_a_number_are_refused():
    class Ragged(nn.Module):
        def forward(self, x):
            return [Value(x[0])] * (1 if x[0] > 0 else 2)

    with pytest.raises(ValueError, match="model gives more outputs for one example than for another"):
        dx.activations(Ragged(), X)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_both_kinds_have_the_same_activations(name):
    by_value, by_tensor = [dx.activations(model, X) for model in twins(2, [5, 3], name)]
    assert list(by_value) == list(by_tensor) == ["layers.0", "layers.1"]
    for layer, outputs in by_value.items():
        assert by_tensor[layer].data == pytest.approx(outputs.data, rel=1e-12)
    assert [outputs.op for outputs in by_tensor.values()] == [name, "linear"]


def test_examples_may_come_as_a_tensor():
    model = nn.MLP(2, [5, 1], rng=0, kind=Tensor).astype(np.float32)
    layer = dx.activations(model, Tensor(X))["layers.0"]
    assert layer.data.dtype == np.float32
    assert layer.data.tolist() == dx.activations(model, X)["layers.0"].data.tolist()


def test_a_column_that_is_taken_out_of_the_last_layer_is_not_another_layer():
    assert list(dx.activations(nn.MLP(2, [5, 1], rng=0, kind=Tensor), X)) == ["layers.0", "layers.1"]


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_the_units_of_a_convolution_are_its_channels(kind):
    model = nn.Sequential(nn.Conv2d(1, 2, 3, rng=0, kind=kind), nn.ReLU(), nn.Flatten(), nn.Dense(8, 3, rng=0, kind=kind))
    layers = dx.activations(model, IMAGES)
    assert {name: outputs.data.shape for name, outputs in layers.items()} == {
        "layers.0": (20, 2), "layers.1": (20, 2), "layers.3": (5, 3),
    }  # fmt: skip
    kernel, bias = model.state_dict()["layers.0.weight"], model.state_dict()["layers.0.bias"]
    seen = np.lib.stride_tricks.sliding_window_view(IMAGES[:, 0], (3, 3), axis=(1, 2))
    by_hand = np.einsum("nijkl,ckl->nijc", seen, kernel[:, 0]) + bias
    assert layers["layers.1"].data == pytest.approx(relu(by_hand).reshape(-1, 2), rel=1e-12, abs=1e-15)


def test_layers_are_watched_as_in_use_and_draw_no_random_numbers():
    layers = nn.Dense(2, 4, "relu", rng=0, kind=Tensor), nn.BatchNorm(4, kind=Tensor), nn.Dropout(0.5, rng=0)
    model = nn.Sequential(*layers).train()
    before, drawn = model.state_dict(), model.layers[2].rng.bit_generator.state
    found = dx.activations(model, X)
    assert list(found) == ["layers.0", "layers.1"]  # a dropout that passes all on makes nothing
    assert found["layers.1"].data == pytest.approx(found["layers.0"].data / np.sqrt(1 + 1e-5), rel=1e-12)
    assert all((array == before[name]).all() for name, array in model.state_dict().items())
    assert model.layers[2].rng.bit_generator.state == drawn
    assert model.layers[1].training


def test_a_way_round_and_what_it_goes_round_are_two():
    model = nn.Sequential(nn.Residual(nn.Dense(2, 2, "tanh", rng=0, kind=Tensor)), nn.Dense(2, 1, rng=1, kind=Tensor))
    layers = dx.activations(model, X)
    assert list(layers) == ["layers.0.layers.0", "layers.0", "layers.1"]
    assert layers["layers.0"].data == pytest.approx(X + layers["layers.0.layers.0"].data, rel=1e-12)


def test_places_of_an_embedding_are_examples():
    model = nn.Sequential(nn.Embedding(7, 3, rng=0, kind=Tensor), nn.Dense(3, 2, rng=1, kind=Tensor))
    layers = dx.activations(model, np.array([[0, 6], [3, 3]]))
    rows = model.state_dict()["layers.0.weight"][[0, 6, 3, 3]]
    assert layers["layers.0"].data.tolist() == rows.tolist()


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


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_dead_units_have_places_and_names(kind):
    model = nn.MLP(2, [4, 3, 1], rng=0, kind=kind)
    state = model.state_dict()
    state["layers.0.bias"][[1, 3]] = -100.0
    model.load_state_dict(state)
    units = dx.dead_units(model, X)
    assert units["layers.0"].which.tolist() == [1, 3]
    assert units["layers.0"].names == ["layers.0[1]", "layers.0[3]"]
    assert 0.5 <= units["layers.0"].mean < 1.0


def test_a_channel_is_dead_if_it_is_off_at_every_place():
    model = nn.Conv2d(1, 2, 3, activation="relu", rng=0, kind=Tensor)
    state = model.state_dict()
    state["bias"][:] = [-100.0, 100.0]
    model.load_state_dict(state)
    assert dx.dead_units(model, IMAGES)["model"].often.tolist() == [1.0, 0.0]


def test_a_unit_that_gives_little_is_not_off():
    model = nn.Dense(1, 1, "relu", rng=0)
    model.weight[0][0].data = 1.0
    assert dx.dead_units(model, [[1e-300], [5e-324]])["model"].mean == 0.0


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


@pytest.mark.parametrize(("name", "asked"), [("relu", dx.dead_units), ("tanh", dx.saturated_units)])
def test_of_a_unit_that_gives_nan_it_is_not_known_how_often_it_is_off(name, asked):
    model = nn.Dense(2, 3, name, rng=0, kind=Tensor)
    model.load_state_dict({"weight": np.zeros((2, 3)), "bias": [np.nan, 5.0, 0.1]})
    units = asked(model, X)["model"]
    assert np.isnan(units.often).tolist() == [True, False, False]
    assert units.always == (1 / 3 if name == "tanh" else 0)


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


def test_the_update_of_a_unit_is_that_of_its_column_or_filter():
    rng = np.random.default_rng(0)
    for shape, axis in (((4, 3), 0), ((2, 3, 3, 3), (1, 2, 3))):
        w, step = rng.normal(size=shape), rng.normal(size=shape)
        ratios = dx.unit_update_ratio({"w": w}, {"w": w + step})["w"]
        assert ratios == pytest.approx(np.log10(np.sqrt((step**2).sum(axis) / (w**2).sum(axis))), rel=1e-12)
    assert dx.unit_update_ratio({"b": [1.0, 2.0]}, {"b": [1.1, 2.0]})["b"] == pytest.approx([-1.0, -np.inf])


def test_a_difference_that_overflows_is_measured_too():
    assert dx.update_ratio({"a": [1e308]}, {"a": [-1e308]})["a"] == pytest.approx(np.log10(2.0))


@pytest.mark.parametrize("ratio", [dx.update_ratio, dx.unit_update_ratio])
def test_states_of_different_models_are_refused(ratio):
    with pytest.raises(ValueError, match="the states name different blocks: a, b"):
        ratio({"a": [1.0]}, {"b": [1.0]})
    with pytest.raises(ValueError, match=r"update_ratio: a has shape \(2,\) before and \(1,\) after"):
        ratio({"a": [1.0, 2.0]}, {"a": [1.0]})


def test_the_ratios_of_a_record_are_those_of_its_frames():
    model, record = nn.MLP(2, [3, 1], rng=0), nn.Record()
    nn.fit(model, X, X[:, 0], loss=nn.mse, epochs=2, rng=0, verbose=False, callbacks=[record])
    ratios = dx.update_ratios(record)
    for i in range(len(record) - 1):
        by_hand = dx.update_ratio(record[i].values, record[i + 1].values)
        assert {name: series[i] for name, series in ratios.items()} == pytest.approx(by_hand, abs=1e-9)


def test_running_means_are_no_updates():
    model, record = nn.Sequential(nn.Dense(2, 3, rng=0, kind=Tensor), nn.BatchNorm(3, kind=Tensor)), nn.Record()
    nn.fit(model, X, np.zeros((len(X), 3)), loss=nn.mse, epochs=2, rng=0, verbose=False, callbacks=[record])
    assert list(dx.update_ratios(record)) == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]


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
