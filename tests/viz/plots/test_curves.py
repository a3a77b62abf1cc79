"""Curves over training: drawn where the numbers lie, whole for any numbers, readable without colour."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import nn
from nn.lr_range import RangeTest
from viz import plots
from viz.plots.chart import smoothed

from .reading import HOSTILE, SVG, lines, parsed, texts


def recorded(epochs=12, every=1, lr=0.3):
    data = nn.data.moons(20, rng=0)
    model, record = nn.MLP(2, [4, 1], rng=0), nn.Record(every=every)
    optimizer = nn.SGD(model.parameters(), lr=lr)
    settings = {"loss": nn.bce_with_logits, "optimizer": optimizer, "epochs": epochs, "batch_size": 10, "rng": 0}
    return record, nn.fit(model, data.x, data.y, **settings, verbose=False, callbacks=[record])


def curve(picture):
    ((points, _),) = lines(picture)
    return points


def loss_labels(picture):
    """The numbers beside the loss axis, with how high each stands."""
    return [(float(text.get("y")), float(text.text)) for text in picture.iter(f"{SVG}text") if text.get("text-anchor") == "end"]


# -- the loss ----------------------------------------------------------------------------------------------------------------


def test_the_line_has_a_point_for_each_epoch_and_falls_with_the_loss():
    points = curve(parsed(plots.loss_curves([1.0, 0.1, 0.01])))
    assert len(points) == 3
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    assert steps[0] == pytest.approx(steps[1], abs=0.11)  # a decade is as high as the next
    assert all(dx > 0 and dy > 0 for dx, dy in steps)


def test_the_marks_on_the_axis_stand_where_their_numbers_lie():
    picture = parsed(plots.loss_curves([2.0, 0.5, 0.03]))
    points = curve(picture)
    slope = (points[2][1] - points[0][1]) / (math.log10(0.03) - math.log10(2.0))
    labels = loss_labels(picture)
    assert len(labels) >= 2
    for y, number in labels:
        assert y - 4 == pytest.approx(points[0][1] + slope * (math.log10(number) - math.log10(2.0)), abs=0.3)


def test_the_title_says_it_in_words():
    plot = plots.loss_curves(nn.History([2.0, 0.5]))
    assert parsed(plot).find(f"{SVG}title").text == plot.title == "Loss over 2 epochs, from 2 to 0.5"


def test_the_text_has_a_small_curve_and_the_numbers():
    assert str(plots.loss_curves({"a": [4.0, 2.0, 1.0], "b": [1.0, 1.0]})).splitlines() == [
        "Loss of 2 runs: a, b",
        "a: least 1 at epoch 3  █▅▁  4 → 1",
        "b: least 1 at epoch 1  ▄▄  1 → 1",
    ]


@pytest.mark.parametrize("loss", [[], [math.nan], [math.inf, -math.inf], [0.0, 0.0], [-1.0]])
def test_nothing_to_show_is_said(loss):
    plot = plots.loss_curves(loss)
    assert not lines(parsed(plot))
    assert "nothing to show" in plot.title
    assert "nothing to show" in plot.text()
    assert plots.loss_curves({}).title.endswith("nothing to show")


def test_what_is_left_out_is_counted():
    assert "loss: 3 of 5 not shown: not finite, or not above 0" in plots.loss_curves([1.0, 0.5, math.nan, 0.0, math.inf]).text()


@pytest.mark.parametrize(
    ("loss", "shown"),
    [([0.7] * 5, 5), ([1.0, math.nan, 0.5, 0.4], 3), ([math.inf, 1.0, 0.5, 0.0], 2), ([1e-9, 1e9], 2)],
    ids=["constant", "nan", "inf and 0", "wide"],
)
def test_every_loss_that_can_be_shown_is(loss, shown):
    points = curve(parsed(plots.loss_curves(loss)))
    assert len(points) == shown
    assert all(0 <= x <= 480 and 0 <= y <= 320 for x, y in points)


@given(st.lists(st.floats(), max_size=20))
@example([1e308, 1e-308])
@example([1.7e308])
@example([5e-324])
@example([5e-324, 1.0])
@example([1.7e308] * 60)
@settings(deadline=None, max_examples=60)
def test_no_numbers_are_too_odd_for_a_picture(loss):
    plot = plots.loss_curves(loss)
    parsed(plot)
    plot.text().encode()


@pytest.mark.parametrize("low", [1e-3, 1e-8, 1e-16, 1e-30, 1e-100, 1e-300])
def test_marks_on_the_axis_leave_room_for_each_other(low):
    heights = sorted(y for y, _ in loss_labels(parsed(plots.loss_curves([1.0, low]))))
    assert len(heights) >= 2
    assert min(b - a for a, b in pairwise(heights)) >= 11  # pixels; the letters are 12 high


def test_a_long_noisy_curve_is_thin_and_its_mean_lies_over_it():
    noisy = np.exp(np.random.default_rng(0).normal(size=200)) + 1
    (raw, thin), (smooth, thick) = lines(parsed(plots.loss_curves(noisy)))
    assert len(raw) == len(smooth) == 200
    assert float(thick["stroke-width"]) == 2
    assert "stroke-width" not in thin
    assert np.std([y for _, y in smooth]) < np.std([y for _, y in raw]) / 1.5


def test_the_mean_is_that_of_the_neighbours_that_are_numbers():
    losses = np.arange(100.0)
    losses[50] = np.nan
    means, width = smoothed(losses)
    assert width == 5
    assert means[10] == pytest.approx(np.mean([8, 9, 10, 11, 12]))
    assert means[0] == pytest.approx(np.mean([0, 1, 2]))
    assert means[49] == pytest.approx(np.mean([47, 48, 49, 51]))
    assert np.isnan(means[50])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_numbers_are_too_large_for_their_mean(sign):
    means, width = smoothed(sign * np.full(60, 1.5e308))
    assert width == 3
    assert means == pytest.approx(sign * np.full(60, 1.5e308))


def test_a_peak_of_a_very_long_curve_is_not_lost():
    losses = np.ones(30_000)
    losses[12_345] = 1e6
    (raw, _), _ = lines(parsed(plots.loss_curves(losses)))
    assert len(raw) <= 800
    assert min(y for _, y in raw) < min(y for _, y in raw[:3]) - 100


def test_the_least_loss_is_marked():
    plot = plots.loss_curves([3.0, 1.0, 2.0])
    assert "loss: least 1 at epoch 2" in texts(parsed(plot))


def test_the_loss_of_examples_held_out_stands_beside_that_of_the_others():
    plot = plots.loss_curves(nn.History([2.0, 0.5], [1.0, 3.0]))
    assert plot.title == "Loss over 2 epochs, from 2 to 0.5"
    assert str(plot).splitlines()[1:] == [
        "loss: least 0.5 at epoch 2    █▁  2 → 0.5",
        "val_loss: least 1 at epoch 1  ▁█  1 → 3",
    ]
    assert len(lines(parsed(plot))) == 2


def test_a_range_test_is_drawn_over_its_rates_with_the_one_suggested():
    test = RangeTest(np.array([0.01, 0.1, 1.0]), np.array([2.0, np.nan, 4.0]), np.array([2.0, 1.0, 4.0]), 0.1)
    plot = plots.lr_range(test)
    assert str(plot).splitlines() == [
        "Loss at 3 rising learning rates; suggested is 0.1",
        "loss, averaged with its neighbours  ▅▁█  2 → 4",
        "suggested: 0.1                      at (0.1, 1)",
        "1 of 3 not shown: not finite, or not above 0",
    ]
    a, b, c = next(points for points, _ in lines(parsed(plot)) if len(points) == 3)
    assert b[0] - a[0] == pytest.approx(c[0] - b[0], abs=0.11)  # a decade is as wide as the next
    with pytest.raises(TypeError, match=r"lr_range: it takes what nn.lr_range_test gives, not History"):
        plots.lr_range(nn.History([1.0]))


def test_a_record_is_drawn_over_its_steps():
    record, history = recorded()
    assert plots.loss_curves(record).title.startswith("Loss over 24 steps")
    assert plots.loss_curves(history).title.startswith("Loss over 12 epochs")
    with pytest.raises(ValueError, match="loss_curves: a counts steps, b counts epochs; pass Histories or Records, not both"):
        plots.loss_curves({"a": record, "b": history})


@pytest.mark.parametrize(
    "run", ["abc", None, 3.0, [[1.0, 2.0], [3.0, 4.0]], [nn.History([1.0, 2.0]), nn.History([3.0, 4.0])], {"a": ["b"]}]
)
def test_what_is_no_run_is_refused(run):
    with pytest.raises(TypeError, match=r"a run is a History, a Record or a sequence of losses, not .*; pass several by name"):
        plots.loss_curves(run)


def test_one_is_one():
    assert plots.loss_curves([2.0]).title == "Loss over 1 epoch, from 2 to 2"
    assert plots.learning_rates({1.0: [2.0]}).title == "Loss at 1 learning rate"


def test_curves_differ_in_dashes_not_in_colour_alone():
    drawn = lines(parsed(plots.loss_curves({f"run {i}": [1.0, 0.5 + i / 10] for i in range(12)})))
    looks = [(style["stroke"], style.get("stroke-dasharray")) for _, style in drawn]
    assert len(set(looks)) == 12
    assert len({dash for _, dash in looks[:6]}) == 6


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_runs_stay_text(name):
    plot = plots.loss_curves({name: [2.0, 1.0], "other": [1.0, 2.0]})
    assert len(texts(parsed(plot))) >= 4
    plot.text().encode()
    plot.to_html().encode()


def test_the_same_numbers_give_the_same_bytes():
    assert plots.loss_curves([2.0, 1.0]).svg == plots.loss_curves(np.array([2.0, 1.0])).svg


# -- learning rates ----------------------------------------------------------------------------------------------------------


def test_runs_that_diverged_are_marked_in_words_and_by_a_cross():
    runs = {
        0.1: [1.0, 0.5, 0.2],
        1.0: [1.0, 2.0, 3.0],
        10.0: [1.0],
        100.0: [],
        "wild": [0.9, math.inf, 0.8],
        "up": [1e9, 50.0, 20.0],
        "back": [0.9, 0.5, 1.2],
    }
    plot = plots.learning_rates(runs)
    assert plot.title == "Loss at 7 learning rates; 6 diverged: 1, 10, 100, wild, up, back"
    told = texts(parsed(plot))
    assert "lr 0.1: 0.2" in told
    assert {"lr 1: diverged", "lr 10: diverged", "lr 100: diverged at once", "lr wild: diverged"} <= set(told)
    assert plot.svg.count("l8 8m0 -8l-8 8") == 5  # a cross where each ended, but for the one that never began


def test_losses_far_above_do_not_flatten_the_good_runs():
    (good, _), _ = lines(parsed(plots.learning_rates({0.1: [1.0, 0.1], 9.0: [1e30, 1e30]})))
    assert good[1][1] - good[0][1] > 100


def test_real_runs_are_told_apart():
    runs = {}
    for lr in (0.05, 0.5, 1e4):
        runs[lr] = nn.History()
        model = nn.MLP(2, [4, 1], "tanh", rng=0)
        data = nn.data.moons(20, rng=0)
        optimizer = nn.SGD(model.parameters(), lr=lr)
        nn.fit(
            model,
            data.x,
            data.y,
            loss=nn.bce_with_logits,
            optimizer=optimizer,
            epochs=6,
            rng=0,
            verbose=False,
            history=runs[lr],
        )
    assert plots.learning_rates(runs).title == "Loss at 3 learning rates; 1 diverged: 10000"


def test_a_run_that_stopped_early_did_not_diverge():
    long, short, gone = nn.History([1.0, 0.5, 0.2]), nn.History([1.0, 0.3]), nn.History([1.0, 0.4], diverged=True)
    plot = plots.learning_rates({0.1: long, 0.2: short, 0.3: gone})
    assert plot.title == "Loss at 3 learning rates; 1 diverged: 0.3"


def test_records_are_drawn_over_their_steps():
    record, history = recorded()
    assert "step" in texts(parsed(plots.learning_rates({0.3: record})))
    assert "epoch" in texts(parsed(plots.learning_rates({0.3: history})))
    with pytest.raises(ValueError, match=r"learning_rates: 0.1 counts steps, 0.2 counts epochs; pass Histories or Records"):
        plots.learning_rates({0.1: record, 0.2: history})


def test_runs_without_their_rates_are_refused():
    with pytest.raises(TypeError, match=r"learning_rates: it takes runs by rate, such as .*; not list"):
        plots.learning_rates([[1.0, 0.5]])


def test_no_runs_are_fine():
    assert plots.learning_rates({}).title == "Loss at 0 learning rates"
    parsed(plots.learning_rates({0.1: []}))


# -- updates -----------------------------------------------------------------------------------------------------------------


def test_update_ratios_have_a_line_for_each_block_and_one_to_measure_by():
    record, _ = recorded()
    plot = plots.update_ratios(record)
    picture = parsed(plot)
    assert {"layers.0.weight", "layers.1.bias", "a thousandth"} <= set(texts(picture))
    assert len(lines(picture)) == 4
    assert "layers.0.bias: 1 of 24 not shown: it was 0, or did not move" in plot.text()


def test_of_many_steps_the_means_are_drawn():
    record, _ = recorded(epochs=60)
    plot = plots.update_ratios(record)
    ratios = nn.diagnostics.update_ratios(record)["layers.1.weight"]
    line = next(mark for mark in plot.charts[0].marks if getattr(mark, "name", "") == "layers.1.weight")
    assert line.y[60] == pytest.approx(ratios[58:63].mean())
    assert "smoothed over 5" in plot.text()


def test_the_words_of_a_level_lie_over_the_lines():
    svg = plots.update_ratios(recorded()[0]).svg
    assert svg.rindex("a thousandth") > svg.rindex('stroke-linejoin="round" fill="none"')


def test_what_is_no_record_has_no_ratios():
    for wrong in (nn.History([1.0]), {}, None):
        with pytest.raises(TypeError, match=r"update_ratios: it takes a Record, fit\(…, callbacks=\[record\]\); not"):
            plots.update_ratios(wrong)


def test_an_empty_record_has_no_ratios():
    with pytest.raises(ValueError, match="has fewer than two frames; pass it to fit"):
        plots.update_ratios(nn.Record())
