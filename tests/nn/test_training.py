"""fit: it learns, it tells what happened, it stops cleanly."""

import math

import numpy as np
import pytest

import nn
from autograd import Value, no_grad

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


# -- learning ----------------------------------------------------------------------------------------------------------------


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


# -- batches and order -------------------------------------------------------------------------------------------------------


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


# -- history -----------------------------------------------------------------------------------------------------------------


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


# -- divergence --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [True, False])
def test_a_loss_that_is_no_number_stops_it_before_the_step(verbose):
    weights = []

    def loss(predictions, targets):
        weights.append(model.w.data)
        return nn.mse(predictions, targets) * (math.inf if len(weights) == 6 else 1.0)

    model, history = Watch(), nn.History()
    with pytest.raises(FloatingPointError, match="fit: the loss is inf in epoch 3, batch 2; a smaller learning rate may help"):
        nn.fit(model, [[1.0]] * 4, [1.0] * 4, loss=loss, epochs=5, batch_size=2, rng=0, verbose=verbose, history=history)
    assert model.w.data == weights[-1]
    assert len(history.loss) == 2


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


# -- what it refuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "settings", "words"),
    [
        ([[1.0]], [1.0, 2.0], {}, "fit: 1 examples and 2 targets; pass one target for each example"),
        ([], [], {}, "fit: 0 examples and 0 targets"),
        ([[1.0]], [1.0], {"epochs": -1}, "epochs must be whole and at least 0, batch_size whole and at least 1; not -1 and 32"),
        ([[1.0]], [1.0], {"batch_size": 0}, "not 10 and 0"),
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
