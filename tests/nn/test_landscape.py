"""The loss on planes through the parameters, where its shape is known."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from nn import landscape
from nn.landscape import path_plane, random_plane, surface, weights_plane

X = np.array([[-1.0], [0.5], [2.0]])
Y = np.array([-2.5, 2.0, 6.5])  # 3x + 0.5


def fitted(epochs=30):
    model, record = nn.Dense(1, 1, rng=0), nn.Record()
    nn.fit(model, X, Y, loss=nn.mse, epochs=epochs, batch_size=None, rng=0, verbose=False, callbacks=[record])
    return model, record


def by_hand(a, b):
    """The loss of the line ``a x + b``, over a grid."""
    error = a[None, :, None] * X[:, 0] + b[:, None, None] - Y
    return (error**2).mean(axis=2)


def test_over_two_weights_the_loss_is_the_parabola_of_least_squares():
    a, b = np.linspace(1, 5, 6), np.linspace(-1, 2, 5)
    model = nn.Dense(1, 1, rng=0)
    heights = surface(model, nn.mse, X, Y, weights_plane(model, ("weight[0, 0]", "bias[0]")), a, b)
    assert heights == pytest.approx(by_hand(a, b), rel=1e-12)


def test_coordinates_on_a_plane_of_weights_are_their_values():
    model, record = fitted()
    feet = weights_plane(model, ("weight[0, 0]", "bias[0]")).coordinates(record.values)
    assert feet[:, 0] == pytest.approx(record.values["weight"][:, 0, 0], rel=1e-12)
    assert feet[:, 1] == pytest.approx(record.values["bias"][:, 0], rel=1e-12, abs=1e-14)


def test_the_plane_of_a_path_ends_it_in_the_middle_and_takes_the_principal_directions_of_numpy():
    model, record = nn.MLP(2, [3, 1], "tanh", rng=0), nn.Record()
    x = np.random.default_rng(0).normal(size=(20, 2))
    nn.fit(model, x, x[:, 0] * x[:, 1], loss=nn.mse, epochs=8, rng=0, verbose=False, callbacks=[record])
    frames = np.concatenate([array.reshape(len(record), -1) for array in record.values.values()], axis=1)
    values, vectors = np.linalg.eigh((frames - frames[-1]).T @ (frames - frames[-1]))
    plane = path_plane(record)
    for direction, vector in ((plane.right, vectors[:, -1]), (plane.up, vectors[:, -2])):
        flat = np.concatenate([array.ravel() for array in direction.values()])
        assert abs(flat @ vector) == pytest.approx(1.0, abs=1e-9)
        assert flat.max() == abs(flat).max()  # its sign is chosen, not left to chance
    assert plane.names[0] == f"PCA 1: {values[-1] / values.sum():.1%} of variance"
    assert plane.coordinates(record.values)[-1] == pytest.approx([0.0, 0.0], abs=1e-12)


def test_a_path_in_a_plane_is_seen_whole():
    _, record = fitted()
    plane = path_plane(record)
    for (a, b), frame in zip(plane.coordinates(record.values), record, strict=True):
        state = plane.at(a, b)
        assert all(state[name] == pytest.approx(array, abs=1e-12) for name, array in frame.values.items())


def test_the_path_of_a_run_that_exploded_has_its_shares():
    path = SimpleNamespace(values={"w": 1e200 * np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]])}, gradients={"w": None})
    shares = [float(re.search(r"([\d.]+)%", name)[1]) for name in path_plane(path).names]
    assert sum(shares) == pytest.approx(100, abs=0.11)


def test_a_random_direction_has_the_length_of_each_filter():
    model = nn.MLP(3, [4, 2], rng=0)
    plane = random_plane(model, rng=1)
    for direction in (plane.right, plane.up):
        for name, weights in model.state_dict().items():
            axis = 0 if weights.ndim == 2 else None  # a column belongs to one unit
            assert np.linalg.norm(direction[name], axis=axis) == pytest.approx(np.linalg.norm(weights, axis=axis), rel=1e-12)
    assert random_plane(model, rng=1).right["layers.0.weight"].tolist() == plane.right["layers.0.weight"].tolist()


def twins():
    return [nn.MLP(2, [3, 1], "tanh", rng=0, kind=kind) for kind in (Value, Tensor)]


def test_both_kinds_have_the_same_landscape():
    x = np.random.default_rng(0).normal(size=(7, 2))
    surfaces = []
    for model in twins():
        record = nn.Record()
        nn.fit(model, x, x[:, 0], loss=nn.mse, epochs=3, rng=0, batch_size=4, verbose=False, callbacks=[record])
        planes = (
            random_plane(model, rng=0),
            path_plane(record),
            weights_plane(model, ("layers.0.weight[1, 2]", "layers.1.bias[0]")),
        )
        surfaces.append([surface(model, nn.mse, x, x[:, 0], plane, [-1.0, 0.5], [0.0, 1.0, 2.0]) for plane in planes])
    assert surfaces[0][0].shape == (3, 2)
    assert np.stack(surfaces[1]) == pytest.approx(np.stack(surfaces[0]), rel=1e-6)


def test_the_filters_of_a_convolution_keep_their_lengths():
    model = nn.Conv2d(2, 3, 3, kind=Tensor, rng=0)
    direction = random_plane(model, rng=1).right["weight"]
    lengths = [np.sqrt((a**2).sum(axis=(1, 2, 3))) for a in (direction, model.state_dict()["weight"])]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-12)


def test_running_means_stay_where_they_are():
    model = nn.Sequential(
        nn.Dense(1, 3, "relu", kind=Tensor, rng=0), nn.BatchNorm(3, kind=Tensor), nn.Dense(3, 1, kind=Tensor, rng=1)
    )
    record = nn.Record()
    nn.fit(model, X, Y[:, None], loss=nn.mse, epochs=4, rng=0, verbose=False, callbacks=[record])
    before = model.state_dict()
    for plane in (random_plane(model, rng=0), path_plane(record)):
        for name in ("layers.1.running_mean", "layers.1.running_var"):
            assert plane.at(0.7, -0.3)[name].tolist() == before[name].tolist()
        assert np.isfinite(surface(model, nn.mse, X, Y[:, None], plane, [-1.0, 1.0], [0.0])).all()


def test_where_tensors_overflow_the_loss_is_infinite_and_nothing_warns():
    model = nn.Dense(1, 1, kind=Tensor, rng=0)
    plane = weights_plane(model, ("weight[0, 0]", "bias[0]"))
    heights = surface(model, lambda p, t: nn.mse(p.exp()[:, 0], t), X, Y, plane, [0.0, 1e4], [0.0])
    assert np.isfinite(heights[0, 0])
    assert heights[0, 1] == np.inf


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_examples_are_taken_as_fit_takes_them(kind):
    model = nn.Dense(1, 1, rng=0, kind=kind)
    plane = random_plane(model, rng=0)
    columns, bare = [surface(model, nn.mse, x, Y.tolist(), plane, [0.0, 1.0], [0.5]) for x in (X, X[:, 0].tolist())]
    assert columns.tolist() == bare.tolist()
    with pytest.raises(ValueError, match="surface: 3 examples and 2 targets"):
        surface(model, nn.mse, X, Y[:2], plane, [0.0], [0.0])
    with pytest.raises(TypeError, match=r"surface: loss is a function of predictions and targets.* not 'mse'"):
        surface(model, "mse", X, Y, plane, [0.0], [0.0])


@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 3, 2, 2)])
def test_directions_beside_very_large_weights_are_finite(shape):
    scaled = landscape._like_filters(np.ones(shape), np.full(shape, 1e200))
    assert scaled == pytest.approx(np.full(shape, 1e200), rel=1e-12)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_model_keeps_its_parameters_and_its_mode_whatever_happens(error):
    model = nn.Dense(1, 1, rng=0).train()
    before, calls = model.state_dict(), []

    def loss(predictions, targets):
        calls.append(1)
        if len(calls) == 3:
            raise error
        return nn.mse(predictions, targets)

    with pytest.raises(error):
        surface(model, loss, X, Y, random_plane(model, rng=0), [-1.0, 0.0, 1.0], [0.0, 1.0])
    assert all((array == before[name]).all() for name, array in model.state_dict().items())
    assert model.training


def test_the_model_is_asked_as_in_use():
    model, seen = nn.Dense(1, 1, rng=0).train(), []

    def loss(predictions, targets):
        error = nn.mse(predictions, targets)
        seen.append((model.training, error.requires_grad))
        return error

    surface(model, loss, X, Y, random_plane(model, rng=0), [0.0], [0.0])
    assert seen == [(False, False)]


def test_where_the_loss_overflows_it_is_infinite():
    model = nn.Dense(1, 1, rng=0)
    plane = weights_plane(model, ("weight[0, 0]", "bias[0]"))
    heights = surface(model, lambda p, t: nn.mse([q.exp() for (q,) in p], t), X, Y, plane, [0.0, 1e4], [0.0])
    assert np.isfinite(heights[0, 0])
    assert heights[0, 1] == np.inf


@pytest.mark.parametrize("names", [("weight[0, 0]", "weight[0, 0]"), ("weight[0, 0]", "no"), ("bias[0]",)])
def test_weights_that_are_not_there_are_refused_with_some_that_are(names):
    with pytest.raises(ValueError, match=r"two names of parameters, such as \('weight\[0, 0\]', 'bias\[0\]'\); not"):
        weights_plane(nn.Dense(1, 1, rng=0), names)


def test_a_path_that_goes_nowhere_spans_no_plane():
    with pytest.raises(ValueError, match="spans no plane; record at least 2 steps"):
        path_plane(fitted(epochs=1)[1])
    with pytest.raises(ValueError, match="spans no plane"):
        path_plane(nn.Record())
    with pytest.raises(ValueError, match="the path of a single parameter spans no plane; name two weights"):
        path_plane(SimpleNamespace(values={"w": np.array([[0.0], [1.0], [3.0]])}, gradients={"w": None}))


def test_names_are_those_of_the_models_parameters():
    model = nn.MLP(2, [3, 1], rng=0)
    assert landscape._names(model) == [name for name, _ in model.named_parameters()]
