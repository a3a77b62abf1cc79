"""Learning rates that change: each schedule against torch's and its formula, and the callbacks in a run."""

import copy
import json
import math
import pickle
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

import nn
from nn.schedules import (
    LearningRate,
    ReduceOnPlateau,
    constant,
    cosine,
    exponential,
    inverse_time,
    step,
    warmup,
)

ALL = [
    constant(0.1), step(0.1, every=7, gamma=0.3), exponential(0.1, gamma=0.97), cosine(0.1, steps=50, min_lr=0.001),
    inverse_time(0.1, decay=0.05), warmup(cosine(0.1, steps=50), steps=10), warmup(warmup(constant(0.1), 3), 5),
]  # fmt: skip


def stub(*rates):
    """A run whose optimizer is nothing but its groups."""
    return SimpleNamespace(optimizer=SimpleNamespace(groups=[{"lr": rate} for rate in rates]), history=nn.History(), step=0)


def rates(run):
    return [group["lr"] for group in run.optimizer.groups]


# -- schedules -----------------------------------------------------------------------------------------------------------------


def follows_torch(schedule, make, steps=120):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.lr if hasattr(schedule, "lr") else 0.1)
    theirs = make(torch.optim.lr_scheduler, optimizer)
    for i in range(steps):
        assert schedule(i) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12, abs=1e-12)
        optimizer.step()
        theirs.step()


PEERS = {
    "constant": (constant(0.1), lambda t, o: t.ConstantLR(o, factor=1.0)),
    "step": (step(0.1, every=7, gamma=0.3), lambda t, o: t.StepLR(o, 7, gamma=0.3)),
    "exponential": (exponential(0.1, 0.97), lambda t, o: t.ExponentialLR(o, 0.97)),
    "cosine": (cosine(0.1, steps=120, min_lr=0.01), lambda t, o: t.CosineAnnealingLR(o, 120, eta_min=0.01)),
    "warm-up": (warmup(constant(0.1), 9), lambda t, o: t.LinearLR(o, start_factor=0.1, total_iters=9)),
    "warm-up, then steps": (
        warmup(step(0.1, every=20), 9),
        lambda t, o: t.SequentialLR(
            o, [t.LinearLR(o, start_factor=0.1, total_iters=9), t.StepLR(o, 20)], milestones=[9]
        ),
    ),
    "1/t": (inverse_time(0.1, decay=0.05), lambda t, o: t.LambdaLR(o, lambda i: 1 / (1 + 0.05 * i))),
}  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("name", PEERS)
def test_a_schedule_is_torchs(name):
    follows_torch(*PEERS[name])


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["step", "exponential", "cosine", "warm-up"])
def test_the_comparison_sees_a_schedule_that_is_one_step_late(name):
    schedule, make = PEERS[name]
    with pytest.raises(AssertionError):
        follows_torch(lambda i: schedule(max(i - 1, 0)), make)


def test_a_cosine_stays_at_its_end():
    assert [cosine(0.1, steps=10, min_lr=0.02)(i) for i in (10, 11, 20, 10**9)] == [0.02] * 4


def test_one_over_t_gets_anywhere_and_settles():
    lr = np.array([inverse_time(1.0, decay=1.0)(i) for i in range(100_000)])
    assert lr.sum() > math.log(100_000)
    assert (lr**2).sum() == pytest.approx(math.pi**2 / 6, abs=1e-4)


def test_warm_up_rises_evenly_from_0_and_meets_its_schedule():
    lr = [warmup(constant(0.6), 5)(i) for i in range(7)]
    assert lr == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6])
    assert [warmup(exponential(0.6, gamma=0.5), 5)(i) for i in range(7)] == pytest.approx([*lr[:6], 0.3])
    assert warmup(cosine(0.1, steps=9), 0)(3) == cosine(0.1, steps=9)(3)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_a_schedule_is_pure_and_says_all_that_it_is(schedule):
    before = [schedule(i) for i in range(60)]
    for other in (schedule, pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule), eval(repr(schedule))):
        assert other == schedule
        assert [other(i) for i in reversed(range(60))] == before[::-1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: constant(0.0), r"constant\(lr=0.0\): lr must be positive"),
        (lambda: constant(float("nan")), "lr must be positive"),
        (lambda: constant(float("inf")), "lr must be positive"),
        (lambda: constant("0.1"), r"constant\(lr='0.1'\): lr must be positive"),
        (lambda: step(0.1, every=0), "every must be whole and at least 1"),
        (lambda: step(0.1, every=2.5), "every must be whole and at least 1"),
        (lambda: step(0.1, every=5, gamma=-1), "lr and gamma must be positive"),
        (lambda: exponential(0.1, gamma=0), "lr and gamma must be positive"),
        (lambda: exponential(0.1, gamma=None), "lr and gamma must be positive"),
        (lambda: cosine(0.1, steps=0), "steps must be at least 1"),
        (lambda: cosine(0.1, steps="10"), "steps must be at least 1"),
        (lambda: cosine(0.1, steps=10, min_lr=0.2), "min_lr between 0 and lr"),
        (lambda: cosine(0.1, steps=10, min_lr=None), "min_lr between 0 and lr"),
        (lambda: inverse_time(0.1, decay=-1), "decay at least 0"),
        (lambda: inverse_time(0.1, decay="1"), "decay at least 0"),
        (lambda: warmup(0.1, 10), r"warmup\(schedule=0.1, steps=10\): schedule must be one"),
        (lambda: warmup(cosine, 10), "schedule must be one, such as cosine"),
        (lambda: warmup(constant(0.1), -1), "steps must be whole and at least 0"),
    ],
)
def test_a_schedule_refuses_what_has_no_meaning(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# -- LearningRate --------------------------------------------------------------------------------------------------------------


def test_the_rate_is_set_before_each_step_by_the_steps_taken():
    run, rate = stub(0.3), LearningRate(exponential(1.0, gamma=0.5))
    rate.begin(run)
    for run.step in range(5):
        rate.before_step(run)
        assert rates(run) == [0.5**run.step]


def test_groups_keep_their_proportion():
    run, rate = stub(0.1, 0.01, 0.3), LearningRate(step(1.0, every=1, gamma=0.5))
    rate.begin(run)
    for run.step in range(3):
        rate.before_step(run)
        assert rates(run) == pytest.approx([0.5**run.step, 0.1 * 0.5**run.step, 3 * 0.5**run.step], rel=1e-15)


def test_a_run_that_goes_on_keeps_the_proportions_bit_for_bit():
    whole, rate = stub(0.1, 0.007), LearningRate(exponential(0.1, gamma=0.937))
    rate.begin(whole)
    for whole.step in range(20):
        rate.before_step(whole)
        if whole.step == 9:
            state, half = json.loads(json.dumps(rate.state_dict())), rates(whole)
    resumed, other = stub(*half), LearningRate(exponential(0.1, gamma=0.937))
    other.begin(resumed)
    other.load_state_dict(state)
    for resumed.step in range(10, 20):
        other.before_step(resumed)
    assert rates(resumed) == rates(whole)


def test_any_function_is_a_schedule():
    run, rate = stub(0.1), LearningRate(lambda step: np.float64(1.0) / (step + 1))
    rate.begin(run)
    rate.before_step(run)
    assert rates(run) == [1.0]
    assert type(rates(run)[0]) is float


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, None, "0.1"])
def test_a_rate_that_is_none_is_told_with_the_step(bad):
    run, rate = stub(0.1), LearningRate(lambda step: bad)
    rate.begin(run)
    run.step = 7
    with pytest.raises(ValueError, match="after 7 steps"):
        rate.before_step(run)
    assert rates(run) == [0.1]


def test_no_proportion_to_a_rate_of_0():
    with pytest.raises(ValueError, match=r"\[0.0, 0.1\] have no proportion"):
        LearningRate(constant(0.1)).begin(stub(0.0, 0.1))


def test_neither_a_number_nor_a_kind_of_schedule_is_one():
    with pytest.raises(TypeError, match=r"such as nn.schedules.constant\(0.1\); not 0.1"):
        LearningRate(0.1)
    with pytest.raises(TypeError, match=r"not <class 'nn.schedules.constant'>"):
        LearningRate(constant)


# -- ReduceOnPlateau -----------------------------------------------------------------------------------------------------------

LOSSES = np.random.default_rng(0).normal(size=(6, 60)).cumsum(axis=1) * 0.05 + 10


def plateau(settings, losses):
    run, callback = stub(0.1, 0.03), ReduceOnPlateau(**settings)
    callback.begin(run)
    for loss in losses:
        run.history.add(callback.monitor, float(loss))
        callback.after_epoch(run)
        yield rates(run)


def plateau_follows_torch(settings, losses, ours):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in (0.1, 0.03)])
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
    for loss, mine in zip(losses, ours, strict=True):
        theirs.step(loss)
        assert mine == pytest.approx([group["lr"] for group in optimizer.param_groups], rel=1e-12)
    return optimizer.param_groups[0]["lr"]


SETTINGS = [
    {}, {"factor": 0.5, "patience": 2}, {"factor": 0.9, "patience": 0}, {"factor": 0.5, "patience": 3, "cooldown": 4},
    {"factor": 0.5, "patience": 2, "threshold": 0.01}, {"factor": 0.3, "patience": 1, "min_lr": 0.01},
    {"factor": 0.7, "patience": 1, "threshold": 0.0, "cooldown": 1}, {"factor": 0.5, "patience": 3, "mode": "max"},
]  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_plateau_is_found_where_torch_finds_it(settings):
    ends = [plateau_follows_torch(settings, losses, plateau(settings, losses)) for losses in LOSSES]
    assert min(ends) < 0.1


@pytest.mark.oracle
@pytest.mark.parametrize("fault", [{"patience": 3}, {"threshold": 0.02}, {"cooldown": 1}, {"factor": 0.51}], ids=str)
def test_the_comparison_sees_a_wrong_setting(fault):
    right = {"factor": 0.5, "patience": 2, "threshold": 1e-4, "cooldown": 0}
    with pytest.raises(AssertionError):
        plateau_follows_torch(right, LOSSES[0], plateau(right | fault, LOSSES[0]))


def test_a_loss_below_0_can_be_a_plateau_too():
    assert list(plateau({"patience": 1}, [-1.0] * 4))[-1] == pytest.approx([0.01, 0.003])
    assert list(plateau({"patience": 1}, [-1.0, -1.1, -1.2, -1.3]))[-1] == [0.1, 0.03]


def test_a_loss_that_is_no_number_is_no_better():
    assert list(plateau({"patience": 1}, [1.0, math.nan, math.nan]))[-1] == pytest.approx([0.01, 0.003])


def test_a_rate_below_the_least_is_left_alone():
    assert list(plateau({"patience": 0, "min_lr": 0.05}, [1.0] * 3))[-1] == [0.05, 0.03]


@pytest.mark.parametrize("settings", [{"monitor": "val_loss"}, {"monitor": "val_accuracy", "mode": "max"}], ids=str)
def test_any_number_of_the_history_can_be_watched(settings):
    assert list(plateau({"patience": 1, **settings}, [1.0] * 3))[-1] == pytest.approx([0.01, 0.003])
    run = stub(0.1)
    run.history.add("loss", 1.0)
    with pytest.raises(ValueError, match=f"there is no {settings['monitor']} in loss; pass validation= to fit"):
        ReduceOnPlateau(**settings).after_epoch(run)


@pytest.mark.parametrize("cut", range(1, 60, 4))
def test_a_plateau_goes_on_from_its_state(cut):
    settings = {"factor": 0.5, "patience": 2, "cooldown": 3}
    whole = list(plateau(settings, LOSSES[0]))
    run, first = stub(0.1, 0.03), ReduceOnPlateau(**settings)
    first.begin(run)
    for i, loss in enumerate(LOSSES[0]):
        if i == cut:
            state = json.loads(json.dumps(first.state_dict()))
            first = ReduceOnPlateau(**settings)
            first.begin(run)
            first.load_state_dict(state)
        run.history.loss.append(float(loss))
        first.after_epoch(run)
        assert rates(run) == whole[i]


def test_a_new_run_forgets_the_best_of_the_last():
    callback = ReduceOnPlateau(patience=0)
    for _ in range(2):
        run = stub(0.1)
        callback.begin(run)
        run.history.loss.append(1.0)
        callback.after_epoch(run)
        assert rates(run) == [0.1]


@pytest.mark.parametrize(
    "settings",
    [
        {"factor": 1.0}, {"factor": 0.0}, {"threshold": -1}, {"threshold": 1.0}, {"patience": -1}, {"cooldown": -1},
        {"min_lr": -1}, {"min_lr": math.nan}, {"mode": "lowest"}, {"factor": "0.5"}, {"threshold": None}, {"patience": "2"},
    ],
    ids=str,
)  # fmt: skip
def test_a_plateau_refuses_what_has_no_meaning(settings):
    with pytest.raises(ValueError, match=f"ReduceOnPlateau.*{next(iter(settings))}.*{next(iter(settings.values()))}"):
        ReduceOnPlateau(**settings)


# -- in fit --------------------------------------------------------------------------------------------------------------------


def test_fit_steps_at_the_rates_of_the_schedule():
    class Rates(nn.Callback):
        def __init__(self):
            self.seen, self.weights, self.slopes = [], [], []

        def after_step(self, run):
            self.seen.append(run.optimizer.lr)
            self.weights.append(run.model.weight[0, 0].data)
            self.slopes.append(run.model.weight[0, 0].grad)

    model, watch, schedule = nn.Dense(1, 1, rng=0), Rates(), warmup(cosine(0.1, steps=6), steps=3)
    nn.fit(
        model, [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], loss=nn.mse, optimizer=nn.SGD(model.parameters(), lr=5.0), epochs=3,
        batch_size=1, rng=0, callbacks=[LearningRate(schedule), watch], verbose=False,
    )  # fmt: skip
    assert watch.seen == [schedule(i) for i in range(9)]
    for i, (before, after) in enumerate(pairwise(watch.weights), 1):
        assert after == pytest.approx(before - schedule(i) * watch.slopes[i], rel=1e-12)


def test_a_plateau_of_what_is_no_loss_must_be_told_which_is_better():
    with pytest.raises(ValueError, match="ReduceOnPlateau: say which val_accuracy is better, mode='min' or mode='max'"):
        ReduceOnPlateau(monitor="val_accuracy")
