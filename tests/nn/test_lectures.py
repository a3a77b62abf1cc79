"""The lectures' claims about training, each as a small experiment with its control beside it.

Margins are wide: with ``SEED`` from 0 to 9 every experiment comes out the same.
"""

from itertools import pairwise

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import DomainError, Tensor, Value

SEED = 0
CHANCE = np.log(2)  # the cross-entropy of who knows nothing, of two classes

MOONS = nn.data.moons(100, noise=0.1, rng=0)
SINE = nn.data.sine(100, rng=0)
A_STRAIGHT_LINE = 0.217  # the least squared error on SINE of a straight line; its noise alone is 0.01


def rng():
    return np.random.default_rng(SEED)


def fitted(model, data, optimizer, *, loss=nn.cross_entropy, epochs=40, batch_size=20, callbacks=()):
    """``model`` after training on ``data``."""
    nn.fit(
        model, data.x, data.y, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=batch_size, rng=SEED,
        callbacks=callbacks, verbose=False,
    )  # fmt: skip
    return model


def judged(model, data, name="loss"):
    return nn.evaluate(model, data.x, data.y, loss=nn.cross_entropy, metrics=[nn.accuracy])[name]


# -- why non-linear ----------------------------------------------------------------------------------------------------------


def classifier(activation, width=8):
    return nn.MLP(2, [width, width, 2], activation, kind=Tensor, rng=SEED)


@pytest.mark.parametrize("data", [nn.data.xor(100, noise=0.1, rng=0), nn.data.circles(100, rng=0)], ids=["xor", "circles"])
def test_linear_activations_draw_one_line_and_non_linear_ones_what_it_takes(data):
    linear, tanh = (
        fitted(model, data, nn.Adam(model.parameters(), lr=0.01)) for model in (classifier("linear"), classifier("tanh"))
    )
    assert judged(linear, data, "accuracy") <= 0.8  # no line has more than three corners of xor right
    assert judged(tanh, data, "accuracy") >= 0.95


def test_linear_layers_on_top_of_each_other_are_one():
    model = classifier("linear")
    first, second, third = (layer.weight.data for layer in model.layers)
    np.testing.assert_allclose(model(MOONS.x).data, MOONS.x @ (first @ second @ third), rtol=1e-12, atol=1e-12)


def test_a_step_perceptron_learns_nothing_by_gradients_and_a_sigmoid_one_does():
    data = nn.data.blobs(100, centers=[(-2, 0), (2, 0)], rng=0)
    for activation, learns in [("step", False), ("sigmoid", True)]:
        model = nn.Perceptron(2, activation, kind=Tensor, rng=SEED)
        before = model.state_dict()
        fitted(model, data, nn.SGD(model.parameters(), lr=0.5), loss=nn.mse)
        assert any(block.any() for block in nn.diagnostics.gradients(model).values()) == learns
        assert any((before[name] != block).any() for name, block in model.state_dict().items()) == learns


# -- losses ------------------------------------------------------------------------------------------------------------------


def test_softmax_gives_probabilities_and_cross_entropy_the_surprise_at_the_label():
    model = nn.Sequential(classifier("relu"), nn.Softmax())
    p = model(MOONS.x).data
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    surprise = -np.log(p[np.arange(len(MOONS)), MOONS.y])
    assert nn.cross_entropy(model.layers[0](MOONS.x), MOONS.y).item() == pytest.approx(surprise.mean(), rel=1e-12)


def test_who_is_sure_and_wrong_is_put_right_by_cross_entropy_and_not_by_squared_error():
    after = {}
    for loss in (nn.bce, nn.mse):
        neuron = nn.Perceptron(1, "sigmoid", kind=Tensor, rng=SEED)
        neuron.weight.data, neuron.bias.data = np.array([-10.0]), 0.0
        nn.fit(neuron, [[1.0]], [1.0], loss=loss, optimizer=nn.SGD(neuron.parameters(), lr=0.5), epochs=100, verbose=False)
        after[loss] = neuron([1.0]).item()
    assert after[nn.bce] > 0.9
    assert after[nn.mse] < 0.01


# -- gradient descent --------------------------------------------------------------------------------------------------------


def planes(n=60, noise=0.0):
    """Examples of ``y = x W``, and the ``W`` that least squares finds."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(n, 3))
    y = x @ [[2.0], [-1.0], [0.5]] + draw.normal(scale=noise, size=(n, 1))
    return x, y, np.linalg.lstsq(x, y)[0]


def test_gradient_descent_as_the_lecture_writes_it():
    x, y, best = planes(noise=0.3)
    lr = 0.1

    def compute_loss(weights):
        return nn.mse(ag.matmul(x, weights), y)

    def descend():
        weights = Tensor(nn.init.normal(1.0)(rng(), 3, 1))  # initialise weights randomly, N(0, σ²)
        while True:  # loop until convergence
            gradient = ag.grad(compute_loss)(weights)  # compute gradient, ∂J/∂W
            weights = weights - lr * gradient  # update weights, W ← W - η ∂J/∂W
            if np.abs(gradient.data).max() < 1e-10:
                return weights  # return weights

    np.testing.assert_allclose(descend().data, best, atol=1e-9)


def test_stochastic_gradient_descent_as_the_lecture_writes_it():
    x, y, best = planes()  # without noise, so that all examples agree on one W
    order = rng()
    weights = Tensor(nn.init.normal(1.0)(order, 3, 1))
    optimizer = nn.SGD([weights], lr=0.1)
    for _ in range(100):
        for some_x, some_y in nn.data.batches(x, y, size=8, rng=order):  # pick batch of B data points
            optimizer.zero_grad()
            nn.mse(ag.matmul(some_x, weights), some_y).backward()
            optimizer.step()
    np.testing.assert_allclose(weights.data, best, atol=1e-9)


def gradient(model, x, y):
    """The gradient of the mean loss over a batch, in one row."""
    model.zero_grad()
    nn.cross_entropy(model(x), y).backward()
    return np.concatenate([block.ravel() for block in nn.diagnostics.gradients(model).values()])


def gradients_of_each(model, data):
    """The gradient of each example's loss, a row each."""
    return np.array([gradient(model, data.x[[i]], data.y[[i]]) for i in range(len(data))])


def test_the_gradient_of_a_batch_is_the_mean_of_its_examples_gradients():
    model = classifier("tanh")
    each = gradients_of_each(model, MOONS)
    rows = rng().choice(len(MOONS), size=17, replace=False)
    np.testing.assert_allclose(gradient(model, MOONS.x[rows], MOONS.y[rows]), each[rows].mean(axis=0), atol=1e-14)


def test_a_batch_estimates_the_true_gradient_the_better_the_larger_it_is():
    model = classifier("tanh")
    each = gradients_of_each(model, MOONS)
    true, n, order = each.mean(axis=0), len(MOONS), rng()
    spread = ((each - true) ** 2).sum() / (n - 1)
    for size in (1, 4, 16, 64):
        errors = [
            gradient(model, x, y) - true for _ in range(100) for x, y in [next(nn.data.batches(MOONS, size=size, rng=order))]
        ]
        assert np.abs(np.mean(errors, axis=0)).max() < 4 * (spread / size / 100) ** 0.5  # right on average
        expected = spread / size * (1 - size / n)  # falls as 1/B; the last factor, since none is drawn twice
        assert np.mean(np.square(errors).sum(axis=1)) == pytest.approx(expected, rel=0.4)


def test_a_single_example_may_point_uphill_and_a_batch_does_not():
    model = fitted(classifier("tanh"), MOONS, None, epochs=2)
    each = gradients_of_each(model, MOONS)
    true, order = each.mean(axis=0), rng()
    batches = np.array([each[order.choice(len(each), size=32, replace=False)].mean(axis=0) for _ in range(100)])
    assert np.mean(each @ true < 0) > 0.1
    assert np.mean(batches @ true < 0) == 0.0


def test_batches_allow_for_larger_rates_than_single_examples():
    x = np.random.default_rng(0).normal(size=(64, 10))
    y = x @ np.ones(10)
    ends = {}
    for size in (1, None):
        model = nn.Perceptron(10, "linear", kind=Tensor, rng=SEED)
        settings = {"loss": nn.mse, "optimizer": nn.SGD(model.parameters(), lr=0.25), "epochs": 50, "batch_size": size}
        history = nn.History()
        try:
            nn.fit(model, x, y, **settings, history=history, rng=SEED, verbose=False)
        except FloatingPointError:
            history.add("loss", np.inf)
        ends[size] = history.loss[-1]
    assert ends[None] < 1e-3
    assert ends[1] == np.inf


# -- learning rates ----------------------------------------------------------------------------------------------------------


def walk(optimizer, steps=300):
    """Where it ends in a landscape with a false minimum at 1.13 and the true one at -1.30, from 2."""
    w = Value(2.0)
    optimizer = optimizer([w])
    for _ in range(steps):
        optimizer.zero_grad()
        (w**4 - 3 * w**2 + w).backward()
        optimizer.step()
    return w.data


def test_a_small_rate_is_caught_in_a_false_minimum_and_momentum_or_a_larger_rate_is_not():
    assert walk(lambda p: nn.GradientDescent(p, lr=0.01)) == pytest.approx(1.131, abs=1e-3)
    assert walk(lambda p: nn.GradientDescent(p, lr=0.1)) == pytest.approx(-1.301, abs=1e-3)
    assert walk(lambda p: nn.Momentum(p, lr=0.01)) == pytest.approx(-1.301, abs=1e-3)
    with pytest.raises(DomainError, match="too large for a float"):  # overshoots, further each time
        walk(lambda p: nn.GradientDescent(p, lr=0.3))


def after_1000_steps(optimizer, **settings):
    model = nn.MLP(1, [16, 16, 1], "tanh", kind=Tensor, rng=SEED)
    moves = optimizer(model.parameters(), **settings)
    fitted(model, SINE, moves, loss=nn.mse, epochs=100, batch_size=10)
    return nn.evaluate(model, SINE.x, SINE.y, loss=nn.mse)["loss"]


def test_a_small_rate_is_slow_and_a_stable_one_converges():
    assert after_1000_steps(nn.SGD, lr=1e-4) > A_STRAIGHT_LINE / 2
    assert after_1000_steps(nn.SGD, lr=0.03) < A_STRAIGHT_LINE / 5


def test_a_large_rate_overshoots_and_diverges():
    model, record = nn.MLP(1, [16, 1], "tanh", kind=Tensor, rng=SEED), nn.Record()
    optimizer = nn.SGD(model.parameters(), lr=3.0)
    with pytest.raises(FloatingPointError, match="a smaller learning rate may help"):
        fitted(model, SINE, optimizer, loss=nn.mse, epochs=200, batch_size=None, callbacks=[record])
    last = record.loss[np.isfinite(record.loss)][-20:]
    assert all(earlier < later for earlier, later in pairwise(last))


@pytest.mark.parametrize("optimizer", [nn.Adam, nn.AdamW, nn.Adagrad, nn.RMSprop, nn.Adadelta])
def test_adaptive_rates_converge_with_what_they_come_with(optimizer):
    assert after_1000_steps(optimizer) < A_STRAIGHT_LINE / 5


def test_an_adaptive_rate_suits_weights_of_different_scale():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(50, 2)) * [1, 30]
    y = x @ [2.0, 0.1]

    def error(optimizer, **settings):
        weights = Tensor([0.0, 0.0])
        moves = optimizer([weights], **settings)
        for _ in range(300):
            moves.zero_grad()
            nn.mse(ag.matmul(x, weights), y).backward()
            moves.step()
        return np.abs(weights.data - [2.0, 0.1]).max()

    assert error(nn.GradientDescent, lr=0.001) > 1  # stable, and slow along the small one
    assert error(nn.GradientDescent, lr=0.002) > 1e9  # and no larger rate is stable
    assert error(nn.Adam, lr=0.05) < 1e-3


# -- overfitting -------------------------------------------------------------------------------------------------------------


def test_dropout_and_early_stopping_narrow_the_gap():
    train, held_out, unseen = (nn.data.moons(n, noise=0.35, rng=[SEED, i]) for i, n in enumerate((40, 200, 500)))
    train_and_val = {}
    for how in ("plain", "dropout", "early stopping"):
        weights, masks = rng().spawn(2)
        p = 0.5 if how == "dropout" else 0.0
        model = nn.Sequential(
            nn.Dense(2, 64, "relu", kind=Tensor, rng=weights),
            nn.Dropout(p, rng=masks),
            nn.Dense(64, 64, "relu", kind=Tensor, rng=weights),
            nn.Dropout(p, rng=masks),
            nn.Dense(64, 2, kind=Tensor, rng=weights),
        )
        stop = [nn.EarlyStopping()] if how == "early stopping" else []
        validation = (held_out.x, held_out.y) if stop else None
        nn.fit(
            model, train.x, train.y, loss=nn.cross_entropy, optimizer=nn.Adam(model.parameters(), lr=0.01), epochs=150,
            batch_size=10, rng=SEED, validation=validation, callbacks=stop, verbose=False,
        )  # fmt: skip
        train_and_val[how] = judged(model, train), judged(model, unseen)
    gap = {how: unseen - train for how, (train, unseen) in train_and_val.items()}
    assert train_and_val["plain"][0] < 0.1  # learnt by heart
    assert gap["dropout"] < 0.7 * gap["plain"]
    assert gap["early stopping"] < 0.3 * gap["plain"]
    assert max(train_and_val[how][1] for how in ("dropout", "early stopping")) < train_and_val["plain"][1]


# -- deep networks -----------------------------------------------------------------------------------------------------------


def deep(layers, activation, init, *, skip):
    """A network of so many dense layers, 16 wide; with ``skip`` each of the inner ones has a way round it."""
    draw = rng()

    def dense(n_in, n_out, activation="linear"):
        return nn.Dense(n_in, n_out, activation, init=init, kind=Tensor, rng=draw)

    inner = [dense(16, 16, activation) for _ in range(layers - 2)]
    return nn.Sequential(dense(2, 16, activation), *[nn.Residual(f) if skip else f for f in inner], dense(16, 2))


def test_20_layers_train_with_skip_connections_and_not_without():
    init = nn.init.normal(0.1)  # N(0, σ²), as the lecture starts

    def end(layers, skip):
        model = deep(layers, "relu", init, skip=skip)
        return judged(fitted(model, MOONS, nn.Adam(model.parameters(), lr=0.003)), MOONS)

    assert end(20, skip=True) < 0.05
    assert end(20, skip=False) > 0.99 * CHANCE
    assert end(3, skip=False) < 0.5 * CHANCE  # it is the depth


def test_20_layers_that_start_well_still_learn_less_without_skip_connections():
    def end(skip):
        model = deep(20, "tanh", nn.init.glorot, skip=skip)
        return judged(fitted(model, MOONS, nn.SGD(model.parameters(), lr=0.1)), MOONS)

    assert end(skip=True) < 0.05
    assert end(skip=False) > 0.2  # about that of a straight line


def test_the_gradient_vanishes_on_its_way_through_20_layers_and_goes_round_them():
    reaches_first = {}
    for skip in (True, False):
        model = deep(20, "sigmoid", nn.init.glorot, skip=skip)
        gradient(model, MOONS.x, MOONS.y)
        first, *_, last = (flow.mean for name, flow in nn.diagnostics.gradient_flow(model).items() if name.endswith("weight"))
        reaches_first[skip] = first / last
    assert reaches_first[True] > 1e-4
    assert reaches_first[False] < 1e-9


def test_batch_norm_trains_at_a_rate_at_which_the_plain_net_does_not():
    def end(normalise, lr):
        draw, layers, n_in = rng(), [], 2
        for _ in range(6):
            norm = [nn.BatchNorm(16, kind=Tensor)] if normalise else []
            layers += [nn.Dense(n_in, 16, init=nn.init.he, kind=Tensor, rng=draw), *norm, nn.ReLU()]
            n_in = 16
        model = nn.Sequential(*layers, nn.Dense(16, 2, kind=Tensor, rng=draw))
        return judged(fitted(model, MOONS, nn.SGD(model.parameters(), lr=lr)), MOONS, "accuracy")

    assert end(normalise=True, lr=1.0) > 0.95
    assert end(normalise=False, lr=1.0) < 0.9
    assert end(normalise=False, lr=0.1) > 0.9  # it is the rate


# -- all of it together ------------------------------------------------------------------------------------------------------


def test_digits_are_read_with_97_of_100_right():
    data = nn.data.digits()
    train, held_out = nn.data.split(data, stratify=data.y, rng=SEED)
    weights, masks = rng().spawn(2)
    model = nn.Sequential(
        nn.Dropout(0.1, rng=masks),
        nn.Dense(64, 128, "relu", kind=Tensor, rng=weights),
        nn.Dropout(0.3, rng=masks),
        nn.Dense(128, 10, kind=Tensor, rng=weights),
    )
    epochs, batch_size = 40, 32
    schedule = nn.schedules.cosine(0.005, steps=epochs * -(-len(train) // batch_size))
    callbacks = [nn.LearningRate(schedule)]
    fitted(model, train, nn.Adam(model.parameters()), epochs=epochs, batch_size=batch_size, callbacks=callbacks)
    assert judged(model, held_out, "accuracy") >= 0.97
