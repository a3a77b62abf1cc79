"""fit: it learns, it tells what happened, it stops cleanly."""

import math
import re
from functools import partial

import numpy as np
import pytest

import nn
from autograd import DomainError, Tensor, Value, no_grad
from nn.examples import hold_out

XOR = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]


def line(n=12):
    x = np.linspace(-1, 1, n)
    return x[:, None], 3 * x + 0.5


def fit_line(model=None, **settings):
    model = model or nn.Dense(1, 1, rng=0)
    x, y = line()
    return model, nn.fit(model, x, y, **{"loss": nn.mse, "epochs": 3, "rng": 0, "verbose": False, **settings})


class Watch(nn.Module):
    """A model that keeps what it is given, and may do something on the way."""

    def __init__(self, then=lambda n: None):
        self.w = Value(0.0)
        self.seen = []
        self.then = then

    def forward(self, batch):
        self.seen.append([row[0].data for row in batch])
        self.then(len(self.seen))
        return [row[0] * self.w for row in batch]


class Exponential(nn.Module):
    """Too large for a float where an example is 1."""

    def __init__(self):
        self.w = Value(800.0)

    def forward(self, x):
        return [(self.w * row[0]).exp() for row in x]


# -- learning -----------------------------------------------------------------------------------------------------------------


def test_it_learns_xor():
    model = nn.MLP(2, [8, 1], "tanh", rng=0)
    history = nn.fit(
        model, *XOR, loss=nn.bce_with_logits, optimizer=nn.SGD(model.parameters(), lr=0.5), epochs=300, rng=0, verbose=False
    )
    assert [y.data > 0 for y in model(XOR[0])] == [False, True, True, False]
    assert history.loss[-1] < 0.05 < history.loss[0]


def test_it_learns_the_moons():
    train, test = nn.data.standardise(*nn.data.split(nn.data.moons(150, rng=0), rng=0))
    model = nn.MLP(2, [12, 12, 1], rng=0)
    nn.fit(
        model,
        train.x,
        train.y,
        loss=nn.bce_with_logits,
        optimizer=nn.SGD(model.parameters(), lr=0.4),
        epochs=30,
        batch_size=10,
        rng=0,
        verbose=False,
    )
    with no_grad():
        right = [(y.data > 0) == bool(label) for y, label in zip(model(test.x), test.y, strict=True)]
    assert np.mean(right) >= 0.9


def test_a_line_is_found_by_every_size_of_batch():
    for size in (1, 5, 12, 100, None):
        model, history = fit_line(epochs=150, batch_size=size)
        assert [model.weight[0][0].data, model.bias[0].data] == pytest.approx([3.0, 0.5], abs=1e-2)
        assert len(history.loss) == 150


def test_one_full_batch_step_is_gradient_descent_by_hand():
    x, y = line()
    model = nn.Dense(1, 1, rng=0)
    w = model.weight[0][0].data
    history = nn.fit(
        model, x, y, loss=nn.mse, optimizer=nn.SGD(model.parameters(), lr=0.1), epochs=1, batch_size=None, verbose=False
    )
    error = x[:, 0] * w - y
    assert history.loss == pytest.approx([np.mean(error**2)], rel=1e-12)
    assert model.weight[0][0].data == pytest.approx(w - 0.1 * 2 * np.mean(error * x[:, 0]), rel=1e-12)
    assert model.bias[0].data == pytest.approx(-0.1 * 2 * np.mean(error), rel=1e-12)


# -- batches and order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4, 5, 11, 12, None])
def test_each_epoch_goes_through_every_example_once_in_a_new_order(size):
    model = Watch()
    x = [[float(i)] for i in range(12)]
    nn.fit(
        model, x, [0.0] * 12, loss=nn.mse, optimizer=nn.SGD([model.w], lr=1e-3), epochs=3, batch_size=size, rng=0, verbose=False
    )
    per_epoch = math.ceil(12 / (size or 12))
    assert len(model.seen) == 3 * per_epoch
    epochs = [[e for batch in model.seen[i : i + per_epoch] for e in batch] for i in range(0, 3 * per_epoch, per_epoch)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert all(len(batch) == (size or 12) for i, batch in enumerate(model.seen) if (i + 1) % per_epoch)


def test_examples_keep_their_targets():
    pairs = []

    def loss(predictions, targets):
        pairs.extend((p.inputs[0].data, t) for p, t in zip(predictions, targets, strict=True))
        return nn.mse(predictions, targets)

    model = Watch()
    nn.fit(
        model,
        [[float(i)] for i in range(10)],
        [10.0 * i for i in range(10)],
        loss=loss,
        epochs=1,
        batch_size=3,
        rng=0,
        verbose=False,
    )
    assert sorted(pairs) == [(float(i), 10.0 * i) for i in range(10)]


def test_the_loss_of_an_epoch_is_the_mean_over_examples_not_batches():
    model = Watch()
    history = nn.fit(model, [[0.0]] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], loss=nn.mse, epochs=1, batch_size=2, rng=0, verbose=False)
    assert history.loss == pytest.approx([(1 + 4 + 9 + 16 + 25) / 5])


def test_the_same_seed_gives_the_same_result():
    def weights(seed):
        model, history = fit_line(rng=seed, batch_size=4)
        return [p.data for p in model.parameters()], history.loss

    assert weights(0) == weights(0) == weights(np.random.default_rng(0))
    assert weights(0) != weights(1)


def test_gradients_from_before_do_not_leak_into_the_first_step():
    model = nn.Dense(1, 1, rng=0)
    for p in model.parameters():
        p.grad = 1e6
    _, dirty = fit_line(model)
    _, clean = fit_line(nn.Dense(1, 1, rng=0))
    assert dirty.loss == clean.loss


def test_it_trains_a_model_that_was_evaluated():
    model = nn.Dense(1, 1, rng=0).eval()
    fit_line(model)
    assert model.training


@pytest.mark.parametrize("kind", ["arrays", "lists", "bare numbers", "rows of arrays"])
def test_examples_may_come_in_any_shape_of_list(kind):
    x, y = line()
    x, y = {
        "arrays": (x, y), "lists": (x.tolist(), y.tolist()), "bare numbers": (x[:, 0], y),
        "rows of arrays": (list(x), tuple(y)),
    }[kind]  # fmt: skip
    history = nn.fit(nn.Dense(1, 1, rng=0), x, y, loss=nn.mse, epochs=2, rng=0, verbose=False)
    assert history.loss == fit_line(epochs=2)[1].loss


# -- history ------------------------------------------------------------------------------------------------------------------


def test_a_history_is_returned_always():
    _, history = fit_line(epochs=0)
    assert isinstance(history, nn.History)
    assert history.loss == []
    assert repr(history) == "History(0 epochs)"


def test_a_history_can_be_gone_on_with():
    model, history = fit_line(epochs=2)
    _, again = fit_line(model, epochs=3, history=history)
    assert again is history
    assert len(history.loss) == 5
    assert repr(history) == f"History(5 epochs, loss {history.loss[0]:.4g} → {history.loss[-1]:.4g})"


def test_an_interrupt_keeps_the_history_and_leaves_sound_weights():
    def interrupt(n):
        if n == 9:  # in the third epoch of four batches
            raise KeyboardInterrupt

    model, history = Watch(interrupt), nn.History()
    with pytest.raises(KeyboardInterrupt):
        nn.fit(model, [[1.0]] * 8, [1.0] * 8, loss=nn.mse, epochs=5, batch_size=2, rng=0, verbose=False, history=history)
    assert len(history.loss) == 2
    assert 0 < model.w.data < 1


# -- divergence ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [True, False])
def test_a_loss_that_is_no_number_stops_it_before_the_step(verbose):
    weights = []

    def loss(predictions, targets):
        weights.append(model.w.data)
        return nn.mse(predictions, targets) * (1e308 if len(weights) == 6 else 1.0) * 1e10

    model, history = Watch(), nn.History()
    with pytest.raises(FloatingPointError, match="fit: the loss is inf in epoch 3, batch 2; a smaller learning rate may help"):
        nn.fit(model, [[1.0]] * 4, [1.0] * 4, loss=loss, epochs=5, batch_size=2, rng=0, verbose=verbose, history=history)
    assert model.w.data == weights[-1]
    assert len(history.loss) == 2
    assert history.diverged


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_what_is_wrong_before_the_first_step_is_no_fault_of_the_learning_rate(kind):
    with pytest.raises(DomainError) as told:
        nn.fit(nn.Dense(1, 1, rng=0, kind=kind), [[1.0], [-1.0]], [0, 1], loss=nn.bce, verbose=False)
    assert told.value.__notes__ == ["fit: this was in epoch 1, batch 1"]
    with pytest.raises(
        FloatingPointError, match=r"the loss is inf in epoch 1, batch 1\. The first that is not finite is"
    ) as told:
        nn.fit(nn.Dense(1, 1, rng=0, kind=Tensor), [[1e200]], [0], loss=nn.mse, verbose=False)
    assert "learning rate" not in str(told.value)


@pytest.mark.parametrize("loss", [nn.mse, nn.hinge], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("lr", [10.0, 1e150])
def test_a_learning_rate_far_too_large_is_told_as_divergence(loss, lr):
    class Quartic(Watch):
        def forward(self, batch):
            return [self.w * self.w * self.w * (1 + row[0]) for row in batch]

    model = Quartic() if loss is nn.hinge else nn.Dense(1, 1, rng=0)
    if loss is nn.hinge:
        model.w.data = -1.0
    with pytest.raises(FloatingPointError, match="a smaller learning rate may help"):
        nn.fit(
            model,
            [[1.0], [2.0], [3.0]],
            [1, -1, 1],
            loss=loss,
            optimizer=nn.SGD(model.parameters(), lr=lr),
            epochs=2000,
            rng=0,
            verbose=False,
        )


# -- what it refuses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "settings", "words"),
    [
        ([[1.0]], [1.0, 2.0], {}, "fit: 1 examples and 2 targets; pass one target for each example"),
        ([], [], {}, "fit: 0 examples and 0 targets"),
        ([[1.0]], [1.0], {"epochs": -1}, "fit: epochs must be a whole number of at least 0, not -1"),
        ([[1.0]], [1.0], {"epochs": 2.0}, "fit: epochs must be a whole number of at least 0, not 2.0"),
        ([[1.0]], [1.0], {"batch_size": 0}, "fit: batch_size must be a whole number of at least 1, not 0"),
        ([[1.0]], [1.0], {"batch_size": 4.0}, "not 4.0"),
        ([[1.0, 2.0]], [1.0], {}, r"Dense\(1, 1\) takes 1 inputs, found 2"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(x, y, settings, words):
    with pytest.raises(ValueError, match=words):
        nn.fit(nn.Dense(1, 1, rng=0), x, y, loss=nn.mse, verbose=False, **settings)


def test_a_model_without_parameters_is_refused():
    with pytest.raises(ValueError, match="there are no parameters"):
        nn.fit(nn.Tanh(), [[1.0]], [1.0], loss=nn.mse, verbose=False)


def test_examples_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match="not str"):
        nn.fit(nn.Dense(1, 1, rng=0), [["a"]], [1.0], loss=nn.mse, verbose=False)


def test_an_optimizer_of_other_parameters_is_refused():
    model = nn.MLP(1, [1], rng=0)
    with pytest.raises(ValueError, match="moves none of the model's parameters"):
        nn.fit(model, [[1.0]], [1.0], loss=nn.mse, optimizer=nn.SGD([Value(1.0)]), verbose=False)


@pytest.mark.parametrize(("loss", "message"), [("mse", "such as nn.mse; not 'mse'"), (lambda p, t: 1.0, "it came as float")])
def test_a_loss_must_be_a_function_that_gives_a_value(loss, message):
    with pytest.raises(TypeError, match=message):
        nn.fit(nn.MLP(1, [1], rng=0), [[1.0]], [1.0], loss=loss, verbose=False)


# -- Tensors ------------------------------------------------------------------------------------------------------------------


def moons_run(kind, **settings):
    data = nn.data.moons(60, rng=0)
    model = nn.MLP(2, [6, 1], "tanh", rng=0, kind=kind)
    settings = {"epochs": 4, "batch_size": 16, "rng": 0, "verbose": False, **settings}
    optimizer = nn.Adam(model.parameters(), lr=0.02)
    history = nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, **settings)
    return model, history


def test_values_and_tensors_are_trained_to_the_same_numbers():
    (values, one), (tensors, other) = [
        moons_run(kind, validation=0.25, metrics=[nn.accuracy], callbacks=[nn.EarlyStopping()]) for kind in (Value, Tensor)
    ]
    assert one.names() == other.names() == ["loss", "val_loss", "accuracy", "val_accuracy"]
    for name in one.names():
        assert one[name] == pytest.approx(other[name], rel=1e-9)
    for name, array in values.state_dict().items():
        assert array == pytest.approx(tensors.state_dict()[name], rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_keeps_its_dtype_whatever_that_of_the_data(dtype):
    model = nn.MLP(2, [4, 1], rng=0, kind=Tensor).astype(dtype)
    x = np.random.default_rng(0).normal(size=(20, 2))
    nn.fit(model, x, x[:, 0], loss=nn.mse, optimizer=nn.Adam(model.parameters()), epochs=2, verbose=False)
    assert {array.dtype for array in model.state_dict().values()} == {np.dtype(dtype)}


@pytest.mark.parametrize("y", [[1, 0], [True, False], [1.0, 0.0]])
def test_targets_have_the_models_dtype_if_they_are_fractions_and_their_own_if_not(y):
    got = []

    def loss(predictions, targets):
        got.append(targets.dtype)
        return nn.mse(predictions, targets)

    nn.fit(nn.MLP(1, [1], kind=Tensor).astype(np.float32), [1.0, 2.0], y, loss=loss, epochs=1, verbose=False)
    assert got == [np.float32 if isinstance(y[0], float) else np.array(y).dtype]


def test_images_come_in_any_shape():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 1, 4, 4)), rng.integers(0, 3, 12)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, rng=rng, kind=Tensor), nn.ReLU(), nn.Flatten(), nn.Dense(8, 3, rng=rng, kind=Tensor)
    )
    optimizer = nn.Adam(model.parameters(), lr=0.05)
    history = nn.fit(model, x, y, loss=nn.cross_entropy, optimizer=optimizer, epochs=30, batch_size=None, rng=0, verbose=False)
    assert history.loss[-1] < 0.1 * history.loss[0]


def test_a_step_of_adam_on_tensors_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(48, 5)), rng.integers(0, 3, 48)
    model = nn.MLP(5, [7, 3], rng=0, kind=Tensor)
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3)).double()
    with torch.no_grad():
        for parameter, array in zip(theirs.parameters(), model.state_dict().values(), strict=True):
            parameter.copy_(torch.from_numpy(array.T))
    nn.fit(
        model, x, y, loss=nn.cross_entropy, optimizer=nn.Adam(model.parameters(), lr=0.01), epochs=5, batch_size=8,
        shuffle=False, verbose=False,
    )  # fmt: skip
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for start in [*range(0, 48, 8)] * 5:
        rows = slice(start, start + 8)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(theirs(torch.from_numpy(x[rows])), torch.from_numpy(y[rows])).backward()
        optimizer.step()
    for parameter, array in zip(theirs.parameters(), model.state_dict().values(), strict=True):
        np.testing.assert_allclose(array.T, parameter.detach().numpy(), rtol=1e-9, atol=1e-12)


# -- examples held out, metrics, convergence ----------------------------------------------------------------------------------


def test_without_shuffling_batches_come_as_the_examples_stand():
    model = Watch()
    nn.fit(model, [[float(i)] for i in range(5)], [0.0] * 5, loss=nn.mse, epochs=2, batch_size=2, shuffle=False, verbose=False)
    assert model.seen == [[0.0, 1.0], [2.0, 3.0], [4.0]] * 2


def test_what_is_held_out_is_never_trained_on_and_judged_after_each_epoch():
    model = Watch()
    optimizer = nn.SGD([model.w], lr=0.01)
    x = np.arange(1.0, 11.0)
    history = nn.fit(
        model, x, 2 * x, loss=nn.mse, optimizer=optimizer, epochs=3, batch_size=4, validation=0.3, rng=0, verbose=False
    )
    epochs = [model.seen[i : i + 3] for i in range(0, 9, 3)]  # two batches of 7 examples, and one of 3
    held = [epoch[2] for epoch in epochs]
    assert held[0] == held[1] == held[2]
    assert all(sorted(epoch[0] + epoch[1] + epoch[2]) == x.tolist() for epoch in epochs)
    error = (model.w.data - 2) * np.array(held[0])
    assert history.val_loss[-1] == pytest.approx(np.mean(error**2), rel=1e-12)
    assert len(history.val_loss) == 3


def test_a_share_is_rounded_and_drawn_at_random():
    first, other = [hold_out(100, 0.29, np.random.default_rng(seed)).tolist() for seed in (0, 1)]
    assert len(first) == len(set(first)) == 29  # 0.29 · 100 is a little less
    assert first == sorted(first) != list(range(29))
    assert first != other


def test_examples_to_judge_by_may_be_given():
    model, history = fit_line(validation=([[0.0], [2.0]], [0.5, 6.5]), epochs=200)
    (w,), (b,) = model.state_dict()["weight"], model.state_dict()["bias"].reshape(1, 1)
    assert history.val_loss[-1] == pytest.approx(np.mean([(b - 0.5) ** 2, (2 * w + b - 6.5) ** 2]), rel=1e-9)


def test_the_model_is_judged_in_evaluation_mode_and_trained_on_in_training_mode():
    modes = []

    class Modes(Watch):
        def forward(self, batch):
            modes.append(self.training)
            return super().forward(batch)

    nn.fit(Modes(), [[1.0]] * 4, [1.0] * 4, loss=nn.mse, epochs=2, batch_size=None, validation=0.25, verbose=False)
    assert modes == [True, False, True, False]


def test_metrics_are_means_over_the_examples_seen_and_those_held_out():
    def largest(predictions, targets):
        assert isinstance(predictions, np.ndarray)
        assert predictions.dtype == float
        return float(targets.max())

    model = Watch()
    history = nn.fit(
        model, [[0.0]] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], loss=nn.mse, epochs=1, batch_size=2, shuffle=False,
        metrics={"top": largest}, validation=([[0.0]], [7.0]), verbose=False,
    )  # fmt: skip
    assert history["top"] == [pytest.approx((2 * 2 + 2 * 4 + 5) / 5)]
    assert history["val_top"] == [7.0]
    assert "val_top 7" in repr(history)


def test_each_metric_has_one_number_an_epoch():
    _, history = fit_line(metrics={"worst": lambda p, t: float(abs(p[:, 0] - t).max())}, validation=0.25)
    assert [len(history[name]) for name in ("loss", "worst", "val_loss", "val_worst")] == [3] * 4
    assert history["worst"][0] > history["worst"][-1]


def test_it_stops_where_the_loss_no_longer_changes():
    _, history = fit_line(epochs=5000, batch_size=None, tol=1e-9)
    changes = -np.diff(history.loss)
    assert len(history.loss) < 1000
    assert changes[-1] < 1e-9 <= changes[:-1].min()


def test_one_bar_shows_steps_loss_and_metrics(monkeypatch):
    import io

    from nn import training

    out = io.StringIO()
    out.isatty = lambda: True
    drawn = partial(training.progress, file=out, mininterval=0, ncols=100)
    monkeypatch.setattr(training, "progress", drawn)
    fit_line(epochs=2, verbose=True, validation=0.25, metrics={"worst": lambda p, t: float(abs(p[:, 0] - t).max())})
    last = out.getvalue().split("\r")[-1]
    assert all(word in last for word in ("2/2", "epoch=2", "loss=", "val_loss=", "worst=", "val_worst="))
    assert out.getvalue().count("\n") == 1


def test_the_bar_of_a_resumed_run_starts_where_it_was(tmp_path, monkeypatch):
    from nn import training

    bars, progress, path = [], training.progress, tmp_path / "run.npz"
    monkeypatch.setattr(training, "progress", lambda **settings: bars.append(settings) or progress(**settings))
    fit_line(epochs=2, callbacks=[nn.Checkpoint(path)])
    fit_line(epochs=5, callbacks=[nn.Checkpoint(path)], resume=path)
    assert [(bar["initial"], bar["total"]) for bar in bars] == [(0, 2), (2, 5)]


def test_a_resumed_run_needs_no_seed_again(tmp_path):
    path = tmp_path / "run.npz"
    _, whole = fit_line(epochs=5, batch_size=4, validation=0.25)
    fit_line(epochs=2, batch_size=4, validation=0.25, callbacks=[nn.Checkpoint(path)])
    _, resumed = fit_line(epochs=5, batch_size=4, validation=0.25, callbacks=[nn.Checkpoint(path)], resume=path, rng=None)
    assert resumed == whole


@pytest.mark.parametrize("change", ["x", "y", "shape"])
def test_a_run_is_not_resumed_with_other_examples(tmp_path, change):
    path, (x, y) = tmp_path / "run.npz", line()
    nn.fit(nn.Dense(1, 1, rng=0), x, y, loss=nn.mse, epochs=1, callbacks=[nn.Checkpoint(path)], verbose=False)
    x, y = {"x": (x + 1, y), "y": (x, y + 1), "shape": (x[:, None], y[:, None, None])}[change]
    with pytest.raises(nn.LoadError, match="its examples are not these"):
        nn.fit(nn.Dense(1, 1), x, y, loss=nn.mse, epochs=2, callbacks=[nn.Checkpoint(path)], resume=path, verbose=False)


def test_a_log_stays_clean(capsys):
    fit_line(verbose=True)
    assert capsys.readouterr() == ("", "")


# -- divergence, told ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_the_first_number_that_is_not_finite_is_named_with_its_layer(kind):
    class Twice(nn.Module):
        def __init__(self):
            self.inner = nn.Dense(1, 2, rng=0, kind=kind)

        def forward(self, x):
            y = self.inner(x) * 1e200
            return (y * y)[:, 0]

    with pytest.raises(FloatingPointError) as caught:
        nn.fit(Twice(), [[1.0], [2.0]], [1.0, 2.0], loss=nn.mse, verbose=False)
    assert "the loss is inf in epoch 1, batch 1" in str(caught.value)
    assert re.search(r"The first that is not finite is the mul node, made in Twice\(\)$", str(caught.value))


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_layer_within_the_model_is_named_by_its_place(kind):
    model = nn.Sequential(nn.Dense(1, 2, rng=0, kind=kind), nn.Sequential(nn.Dense(2, 1, rng=0, kind=kind)))
    model.layers[1].layers[0].load_state_dict({"weight": [[1e200], [0.0]], "bias": [0.0]})
    with pytest.raises(FloatingPointError, match=r"node, made in layers\.1\.layers\.0 = Dense\(2, 1\)$"):
        nn.fit(model, [[1e200]], [1.0], loss=nn.mse, verbose=False)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_parameter_or_an_input_that_is_not_finite_is_named(kind):
    model = nn.Dense(1, 1, rng=0, kind=kind)
    model.load_state_dict({"weight": [[1.0]], "bias": [math.inf]})
    name = "bias" if kind is Tensor else r"bias\[0\]"
    with pytest.raises(FloatingPointError, match=f"is the parameter {name}$"):
        nn.fit(model, [[1.0]], [1.0], loss=nn.mse, verbose=False)
    with pytest.raises(
        FloatingPointError, match=r"epoch 1, batch 1: there is a nan .* in (Value|Tensor).*; look at the examples"
    ):
        nn.fit(nn.Dense(1, 1, rng=0, kind=kind), [[math.nan]], [1.0], loss=nn.mse, verbose=False)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_last_step_that_goes_too_far_is_told(kind):
    model = nn.Dense(1, 1, rng=0, kind=kind)
    name = "weight" if kind is Tensor else r"weight\[0, 0\]"
    with pytest.raises(FloatingPointError, match=f"the last step left the parameter {name} infinite or nan"):
        nn.fit(model, [[1e3]], [1.0], loss=nn.mse, optimizer=nn.SGD(model.parameters(), lr=1e308), epochs=1, verbose=False)


def test_an_op_that_leaves_its_domain_says_in_which_batch():
    model, history = Exponential(), nn.History()
    settings = {"loss": nn.mse, "batch_size": 1, "shuffle": False, "verbose": False, "history": history}
    with pytest.raises(DomainError, match="too large") as caught:
        nn.fit(model, [[0.0], [1.0]], [1.0, 1.0], **settings)
    assert any("fit: this was in epoch 1, batch 2" in note for note in caught.value.__notes__)
    assert history.diverged
    nn.fit(model, [[0.0]], [1.0], epochs=1, **settings)
    assert not history.diverged  # the run that goes on does not


# -- settings it refuses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"validation": 0.01}, ValueError, "validation=0.01 of 12 examples leaves none on one side"),
        ({"validation": 1.0}, ValueError, "leaves none on one side; pass a share between 0 and 1"),
        ({"validation": "x"}, TypeError, r"validation is \(x, y\), or a share such as 0.2; not 'x'"),
        ({"validation": True}, TypeError, "or a share such as 0.2; not True"),
        ({"validation": ([[1.0]],)}, ValueError, "not 1 parts"),
        ({"validation": ([[1.0]], [])}, ValueError, "1 examples and 0 targets"),
        ({"tol": -1.0}, ValueError, "tol is how little the loss of an epoch may change, at least 0; not -1.0"),
        ({"tol": "1"}, ValueError, "at least 0; not '1'"),
        ({"optimizer": nn.Adam}, TypeError, r"nn.Adam\(model.parameters\(\)\); not <class"),
        ({"callbacks": nn.Record()}, TypeError, "callbacks is a list of Callbacks"),
        ({"history": []}, TypeError, r"history is a History to go on with, nn.History\(\); not \[\]"),
        ({"metrics": nn.mse}, TypeError, r"metrics is a list of functions of predictions and targets, such as \[nn.accuracy\]"),
        ({"metrics": [3]}, TypeError, "metrics is a list of functions"),
        ({"metrics": {"loss": nn.accuracy}}, ValueError, "loss and val_… are taken"),
        ({"metrics": {"val_loss": nn.accuracy}}, ValueError, "loss and val_… are taken"),
        ({"metrics": [nn.accuracy, nn.accuracy]}, ValueError, "metrics need names of their own"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        fit_line(**settings)


def test_a_loss_of_several_numbers_is_refused():
    model = nn.Dense(1, 1, rng=0, kind=Tensor)
    with pytest.raises(TypeError, match=r"the loss must be one number, and came in shape \(4, 1\); take its mean\(\)"):
        nn.fit(model, [[1.0]] * 4, [[1.0]] * 4, loss=lambda p, t: (p - t) ** 2, verbose=False)


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ([[1.0], [1.0, 2.0]], ValueError, "differ in shape"),
        (["a", "b"], TypeError, "are numbers, not str_"),
        ([1j, 2.0], TypeError, "are numbers, not complex128"),
        (3.0, TypeError, "are an array or a list of numbers, not float"),
        (None, TypeError, ".* not NoneType"),
        (iter([1.0, 2.0]), TypeError, ".* not list_iterator"),
        (nn.data.moons(2, rng=0), TypeError, r".*; of a Dataset pass data.x and data.y"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(kind, bad, error, words):
    model, good = nn.Dense(1, 1, rng=0, kind=kind), [[1.0], [2.0]]
    with pytest.raises(error, match=f"fit: examples {words}"):
        nn.fit(model, bad, good, loss=nn.mse, verbose=False)
    with pytest.raises(error, match=f"fit: targets {words}"):
        nn.fit(model, good, bad, loss=nn.mse, verbose=False)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_whole_numbers_truths_and_tensors_are_examples_too(kind):
    def end(x, y):
        model = nn.MLP(2, [2, 1], "tanh", rng=0, kind=kind)
        nn.fit(model, x, y, loss=nn.bce_with_logits, epochs=2, rng=0, verbose=False)
        return [array.tolist() for array in model.state_dict().values()]

    x, y = np.array([[0, 1], [1, 1], [1, 0]]), np.array([1, 0, 1])
    expected = end(x.astype(float), y.astype(float))
    others = [(x, y), (x.astype(bool), y.astype(bool)), (x.astype(np.float32), y.astype(np.int8)), (x.tolist(), y.tolist())]
    assert all(end(*other) == expected for other in [*others, (Tensor(x.astype(float)), Tensor(y.astype(float)))])


def test_what_is_trained_on_is_left_as_it_was_and_may_change_on_the_way():
    x, y = line()
    before = x.copy(), y.copy()

    class Spoil(nn.Callback):
        def begin(self, run):
            x[:], y[:] = np.nan, np.nan

    _, expected = fit_line()
    model = nn.Dense(1, 1, rng=0, kind=Tensor)
    history = nn.fit(model, x, y, loss=nn.mse, epochs=3, rng=0, callbacks=[Spoil()], verbose=False)
    assert history.loss == pytest.approx(expected.loss)
    x, y = line()
    nn.fit(model, x, y, loss=nn.mse, epochs=1, verbose=False)
    assert (x == before[0]).all()
    assert (y == before[1]).all()


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize(
    ("outputs", "end", "loss"),
    [(1, "sigmoid", nn.bce_with_logits), (2, "softmax", nn.cross_entropy)],
    ids=["sigmoid", "softmax"],
)
def test_a_loss_of_logits_that_is_given_probabilities_is_told_once(kind, outputs, end, loss):
    model = nn.MLP(2, [4, outputs], output=end, rng=0, kind=kind)
    with pytest.warns(UserWarning, match=f"fit: {loss.__name__} takes logits, .* leave out the model's last sigmoid") as told:
        nn.fit(model, *XOR, loss=loss, epochs=3, verbose=False)
    assert len(told) == 1
    assert told[0].filename == __file__


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_probabilities_are_known_behind_a_change_of_shape(kind):
    model = nn.Sequential(nn.Dense(2, 1, "sigmoid", rng=0, kind=kind), lambda p: p.reshape(-1))
    with pytest.warns(UserWarning, match="bce_with_logits takes logits, and the model gives probabilities"):
        nn.fit(model, *XOR, loss=nn.bce_with_logits, epochs=1, verbose=False)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_logits_are_not_taken_for_probabilities(kind):
    for outputs, loss in ((1, nn.bce_with_logits), (2, nn.cross_entropy)):
        nn.fit(nn.MLP(2, [4, outputs], "sigmoid", rng=0, kind=kind), *XOR, loss=loss, epochs=1, verbose=False)
    model = nn.MLP(2, [4, 1], output="sigmoid", rng=0, kind=kind)
    nn.fit(model, *XOR, loss=nn.bce, epochs=1, verbose=False)


def test_accuracy_of_probabilities_is_refused_with_the_way_out():
    model = nn.MLP(2, [4, 1], output="sigmoid", rng=0, kind=Tensor)
    with pytest.raises(
        ValueError, match=r"accuracy takes logits, and bce goes with probabilities; .*nn.accuracy\(p - 0.5, y\)"
    ):
        nn.fit(model, *XOR, loss=nn.bce, metrics=[nn.accuracy], verbose=False)
    halves = {"accuracy": lambda p, y: nn.accuracy(p - 0.5, y)}
    assert nn.fit(model, *XOR, loss=nn.bce, metrics=halves, epochs=1, verbose=False).last("accuracy") <= 1


def test_one_example_left_over_for_batch_norm_asks_for_another_batch_size():
    model = nn.Sequential(nn.Dense(1, 2, rng=0, kind=Tensor), nn.BatchNorm(2, kind=Tensor), nn.Dense(2, 1, rng=0, kind=Tensor))
    x, y = line(9)
    with pytest.raises(ValueError, match=r"found 1; .* choose a batch_size that does not leave one example over"):
        nn.fit(model, x, y, loss=nn.mse, batch_size=4, verbose=False)


def test_a_dataset_is_no_share_to_hold_out():
    data = nn.data.moons(4, rng=0)
    with pytest.raises(TypeError, match=r"validation is \(x, y\), .*; of it pass \(data.x, data.y\)"):
        nn.fit(nn.Dense(2, 1, rng=0), data.x, data.y, loss=nn.mse, validation=data, verbose=False)


def test_only_modules_are_trained():
    with pytest.raises(TypeError, match=r"fit: model is a Module, such as nn.MLP\(2, \[8, 1\]\); not <function"):
        nn.fit(lambda x: x, [[1.0]], [1.0], loss=nn.mse, verbose=False)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_gradients_of_what_the_optimizer_does_not_move_do_not_add_up(kind):
    model = nn.Sequential(nn.Dense(1, 2, "tanh", rng=0, kind=kind), nn.Dense(2, 1, rng=1, kind=kind))
    x, y = line()
    before = model.layers[0].state_dict()
    optimizer = nn.SGD(model.layers[1].parameters(), lr=0.1)
    nn.fit(model, x, y, loss=nn.mse, optimizer=optimizer, epochs=3, batch_size=None, shuffle=False, verbose=False)
    assert all((array == before[name]).all() for name, array in model.layers[0].state_dict().items())

    found = nn.diagnostics.gradients(model)["layers.0.weight"]
    twin = nn.Sequential(nn.Dense(1, 2, "tanh", rng=0, kind=kind), nn.Dense(2, 1, rng=1, kind=kind))
    nn.fit(twin, x, y, loss=nn.mse, optimizer=nn.SGD(twin.layers[1].parameters(), lr=0.1), epochs=2, batch_size=None,
           shuffle=False, verbose=False)  # fmt: skip
    twin.zero_grad()
    nn.mse(twin(x), y).backward()
    np.testing.assert_allclose(found, nn.diagnostics.gradients(twin)["layers.0.weight"], rtol=1e-12)


def test_an_op_that_leaves_its_domain_on_what_is_held_out_says_so():
    with pytest.raises(DomainError, match="too large") as caught:
        nn.fit(Exponential(), [[0.0]], [1.0], loss=nn.mse, validation=([[1.0]], [1.0]), verbose=False)
    assert any("in epoch 1, among the examples held out" in note for note in caught.value.__notes__)
