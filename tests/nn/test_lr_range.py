"""The learning-rate range test: what it suggests trains, and it leaves everything as it was."""

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.data import moons
from nn.lr_range import lr_range_test

BOTH = pytest.mark.parametrize("kind", [Value, Tensor])


class Bowl(nn.Module):
    """``w``, whatever the input; its loss is ``h w² / 2``, which falls for rates up to ``2 / h``."""

    def __init__(self, start=1.0):
        self.w = Value(start)

    def forward(self, x):
        return self.w


def curved(h):
    return lambda w, y: 0.5 * h * w * w


def small(kind, **settings):
    return nn.MLP(2, [16, 16, 1], kind=kind, rng=0, **settings)


def trained(model, data, lr, epochs=30):
    optimizer = nn.SGD(model.parameters(), lr=lr)
    return nn.fit(
        model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, epochs=epochs, rng=0, verbose=False
    ).loss[-1]  # fmt: skip


# -- what it suggests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.1, 1.0, 7.0, 400.0])
def test_the_rate_suggested_for_a_bowl_is_below_its_limit_and_descends_well(h):
    test = lr_range_test(Bowl(), [[0.0]], [0.0], loss=curved(h), high=1e3)
    assert 0.02 / h < test.suggestion < 1 / h
    assert test.lr[-1] > 2 / h  # it went on until it diverged
    w = 1.0
    for _ in range(100):
        w -= test.suggestion * h * w
    assert abs(w) < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_suggested_for_moons_trains(seed):
    data = moons(300, rng=0)

    def model():
        return nn.MLP(2, [16, 16, 1], kind=Tensor, rng=seed)

    rate = lr_range_test(model(), data.x, data.y, loss=nn.bce_with_logits, rng=0).suggestion
    timid, found = (trained(model(), data, lr) for lr in (rate / 100, rate))
    assert found < 0.3 < timid


def test_both_kinds_get_the_same_suggestion():
    data = moons(100, rng=0)
    values, tensors = (lr_range_test(small(kind), data.x, data.y, loss=nn.bce_with_logits, rng=0) for kind in (Value, Tensor))
    assert tensors.suggestion == values.suggestion
    assert tensors.loss[:50] == pytest.approx(values.loss[:50], rel=1e-9)


def test_the_rate_suggested_is_not_on_the_brink():
    data = moons(200, rng=0)
    model = nn.MLP(2, [16, 16, 1], kind=Tensor, rng=2)
    test = lr_range_test(model, data.x, data.y, loss=nn.bce_with_logits, rng=2)
    steepest = test.lr[5:][np.gradient(test.smoothed)[5:].argmin()]
    assert trained(model, data, steepest) > 0.5  # only just not yet diverging in the test
    model = nn.MLP(2, [16, 16, 1], kind=Tensor, rng=2)
    assert trained(model, data, test.suggestion) < 0.3


def test_the_rate_suggested_for_momentum_is_smaller():
    data = moons(300, rng=0)

    def suggested(momentum):
        model = small(Tensor)
        optimizer = nn.SGD(model.parameters(), momentum=momentum)
        return lr_range_test(model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, rng=0).suggestion

    assert suggested(0.9) < suggested(0.0) / 2


def test_the_curve_pairs_each_rate_with_the_loss_before_its_step():
    test = lr_range_test(Bowl(), [[0.0]], [0.0], loss=curved(1.0), low=1e-3, high=1.0, steps=30)
    assert test.lr == pytest.approx(np.geomspace(1e-3, 1.0, 30), rel=1e-12)
    w = np.cumprod(np.r_[1.0, 1 - test.lr[:-1]])
    assert test.loss == pytest.approx(0.5 * w**2, rel=1e-12)
    assert len(test.smoothed) == 30
    slopes = np.gradient(test.smoothed)
    assert test.suggestion == min(test.lr[2:][slopes[2:].argmin()], test.lr[test.smoothed.argmin()] / 10)
    assert repr(test) == f"RangeTest(30 rates 0.001 to 1, suggestion {test.suggestion:.2g})"


def test_it_goes_on_until_the_running_mean_lies_above_4_times_its_lowest():
    losses = lr_range_test(Bowl(), [[0.0]], [0.0], loss=lambda w, y: 0.5 * w * w + 0.1, high=1e3).loss
    weights = np.exp(-np.arange(len(losses)) / 5)
    means = np.array([losses[: i + 1] @ weights[i::-1] / weights[: i + 1].sum() for i in range(len(losses))])
    assert len(losses) < 100
    assert means[-1] > 4 * means[5:].min() >= means[-2]


def test_a_blow_up_at_the_end_does_not_drown_the_descent():
    losses = []

    def loss(w, y):
        losses.append(0.5 * w * w + 0.1)
        return losses[-1] if len(losses) < 90 else 1e200 * losses[-1]

    test = lr_range_test(Bowl(), [[0.0]], [0.0], loss=loss)
    assert (len(test.loss), test.loss[-1] > 1e100) == (90, True)
    assert 0.02 < test.suggestion < 1
    assert test.smoothed.max() < 1.0


def test_an_overflow_ends_the_test_and_not_more():
    data = moons(64, rng=0)
    test = lr_range_test(small(Tensor), 5 * data.x, data.y, loss=nn.mse, high=1e12, rng=0)
    assert np.isfinite(test.loss).all()
    assert test.suggestion < test.lr[-1]


# -- what it can't suggest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_where_nothing_falls_nothing_is_suggested(seed):
    noise = np.random.default_rng(seed)

    def loss(w, y):
        return 0.0 * w + noise.uniform(0.5, 1.5)

    with pytest.raises(ValueError, match="fall clear of its noise; try other bounds"):
        lr_range_test(Bowl(), [[0.0]], [0.0], loss=loss)


def test_at_the_bottom_of_the_bowl_nothing_falls():
    with pytest.raises(ValueError, match="the loss, 0 at the start, fall clear"):
        lr_range_test(Bowl(start=0.0), [[0.0]], [0.0], loss=curved(1.0))


@pytest.mark.parametrize(
    "settings",
    [
        {"low": 0.0}, {"low": -1}, {"low": "1"}, {"low": 1.0, "high": 0.1}, {"high": np.inf}, {"high": None}, {"low": np.nan},
        {"steps": 9}, {"steps": 20.5},
    ],
    ids=str,
)  # fmt: skip
def test_rates_that_do_not_rise_are_refused(settings):
    with pytest.raises(ValueError, match="rates rise from low to high, above 0, in at least 10 steps"):
        lr_range_test(Bowl(), [[0.0]], [0.0], loss=curved(1.0), **settings)


def test_only_modules_are_tested():
    with pytest.raises(TypeError, match=r"lr_range_test: model is a Module, such as .* not 3"):
        lr_range_test(3, [[0.0]], [0.0], loss=curved(1.0))


@pytest.mark.parametrize(("x", "y"), [([], []), ([[0.0]], [0.0, 1.0])])
def test_what_fit_refuses_is_refused(x, y):
    with pytest.raises(ValueError, match=f"{len(x)} examples and {len(y)} targets"):
        lr_range_test(Bowl(), x, y, loss=curved(1.0))


def test_a_loss_that_is_not_finite_at_the_start_is_told():
    with pytest.raises(ArithmeticError):
        lr_range_test(Bowl(), [[0.0]], [0.0], loss=lambda w, y: w * 1e308 * 10)


@pytest.mark.parametrize("batch_size", [0, -1, -20])
def test_a_batch_of_nothing_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"batch_size .* at least 1.* {batch_size}"):
        lr_range_test(Bowl(), [[0.0]] * 10, [0.0] * 10, loss=curved(1.0), batch_size=batch_size)


# -- what it leaves ------------------------------------------------------------------------------------------------------------


class Noisy(nn.Module):
    """A layer with all that a layer can have: parameters, a running statistic, a generator."""

    def __init__(self, kind):
        self.dense = nn.Dense(2, 1, kind=kind, rng=0)
        self.seen = kind(1.0, requires_grad=False)
        self._rng = np.random.default_rng(0)

    def forward(self, x):
        if self.training:
            self.seen.data = 0.9 * self.seen.data + 0.1
        return self.dense(x) * self._rng.uniform(0.9, 1.1)


def everything(model, optimizer):
    state = optimizer.state_dict()
    return repr(
        [
            model.state_dict(), state, [str(leaf.grad) for leaf in model.parameters()], model._rng.bit_generator.state,
            [module.training for _, module in model.named_modules()],
        ]
    )  # fmt: skip


@BOTH
@pytest.mark.parametrize("ending", [None, KeyboardInterrupt, FloatingPointError, "nothing falls"], ids=str)
def test_model_and_optimizer_are_afterwards_as_they_were(kind, ending):
    data, model = moons(40, rng=0), Noisy(kind)
    model.dense.training = False
    optimizer = nn.SGD(model.parameters(), lr=0.123, momentum=0.9)
    ag.sum(model(data.x) ** 2).backward()
    optimizer.step()
    model.zero_grad()
    ag.sum(model(data.x) ** 2).backward()
    calls = 0

    def loss(predictions, targets):
        nonlocal calls
        calls += 1
        if calls == 30 and isinstance(ending, type):
            raise ending
        return nn.bce_with_logits(predictions, targets) if ending != "nothing falls" else ag.mean(predictions * 0.0)

    before = everything(model, optimizer)
    if ending is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            lr_range_test(model, data.x, data.y, loss=loss, optimizer=optimizer, batch_size=10, rng=0)
    elif ending == "nothing falls":
        with pytest.raises(ValueError, match="at no rate"):
            lr_range_test(model, data.x, data.y, loss=loss, optimizer=optimizer, batch_size=10, rng=0)
    else:
        try:
            lr_range_test(model, data.x, data.y, loss=loss, optimizer=optimizer, batch_size=10, rng=0)
        except ValueError:
            assert ending is FloatingPointError  # too early to have fallen
    assert calls >= 10
    assert everything(model, optimizer) == before


def test_the_comparison_sees_one_step():
    data, model = moons(40, rng=0), Noisy(Tensor)
    optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    before = everything(model, optimizer)
    nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, epochs=1, verbose=False)
    assert everything(model, optimizer) != before


@BOTH
def test_training_is_the_same_with_and_without_a_range_test_before(kind):
    data, runs = moons(40, rng=0), []
    for tested in (False, True):
        model = small(kind)
        optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if tested:
            lr_range_test(model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, rng=1)
        runs.append(
            nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, epochs=2, rng=0, verbose=False).loss
        )
    assert runs[0] == runs[1]


def test_the_same_seed_gives_the_same_curve():
    data = moons(100, rng=0)
    one, same, other = (
        lr_range_test(small(Tensor), data.x, data.y, loss=nn.bce_with_logits, rng=seed).loss for seed in (0, 0, 1)
    )
    assert (one == same).all()
    assert (one[:5] != other[:5]).any()
