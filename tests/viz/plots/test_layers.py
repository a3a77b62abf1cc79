"""Pictures by layer: heights are the numbers of ``nn.diagnostics``, and what can't be shown is said."""

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from nn import diagnostics
from nn.micrograd import MLP as Micrograd
from viz import plots

from .reading import SVG, dots, lines, parsed, texts

X = np.random.default_rng(0).normal(size=(20, 2))


def model(activation="relu", sizes=(5, 4, 1)):
    net = nn.MLP(2, list(sizes), activation, rng=0)
    nn.mse(net(X), X[:, 0]).backward()
    return net


# -- gradient flow -----------------------------------------------------------------------------------------------------------


def test_markers_stand_at_the_logarithm_of_each_blocks_gradient():
    net = model()
    flow = diagnostics.gradient_flow(net).values()
    picture = parsed(plots.gradient_flow(net))
    numbers = [f.largest for f in flow], [f.mean for f in flow]
    marks = list(dots(picture).values())
    slope, start = np.polyfit(np.log10(numbers[0]), [y for _, y in marks[0]], 1)
    assert slope < 0
    for points, sizes in zip(marks, numbers, strict=True):
        assert [y for _, y in points] == pytest.approx(start + slope * np.log10(sizes), abs=0.2)


def test_lines_join_weights_with_weights_and_biases_with_biases():
    picture = parsed(plots.gradient_flow(model()))
    largest, mean = dots(picture).values()
    assert [points for points, _ in lines(picture)] == [largest[::2], largest[1::2], mean[::2], mean[1::2]]


def test_blocks_are_named_from_first_to_last():
    names = [t for t in texts(parsed(plots.gradient_flow(model()))) if t.startswith("layers")]
    assert names == list(model().state_dict())


def test_a_gradient_of_zero_and_one_that_is_not_finite_are_said():
    net = model()
    net.layers[0].bias[0].grad = np.inf
    for value in net.layers[1].bias:
        value.grad = 0.0
    plot = plots.gradient_flow(net)
    assert {"0 everywhere", "not finite"} <= set(texts(parsed(plot)))
    assert "0 everywhere  layers.1.bias" in plot.text()


def test_before_backward_all_is_zero_and_said():
    assert "0 everywhere" in plots.gradient_flow(nn.MLP(2, [3, 1], rng=0)).text()
    parsed(plots.gradient_flow(nn.MLP(2, [3, 1], rng=0)))


def test_of_many_blocks_as_many_are_named_as_have_room():
    net = Micrograd(2, [16, 16, 1])
    names = [t for t in parsed(plots.gradient_flow(net)).iter(f"{SVG}text") if "rotate(-35" in t.get("transform", "")]
    xs = [float(t.get("x")) for t in names]
    assert min(np.diff(xs)) >= 12
    assert len(names) >= 15


# -- histograms --------------------------------------------------------------------------------------------------------------


def test_an_outline_holds_all_numbers_of_its_block():
    weights, gradients = plots.histograms(model()).charts
    for chart, arrays in ((weights, model().state_dict()), (gradients, diagnostics.gradients(model()))):
        for mark, array in zip(chart.marks, arrays.values(), strict=True):
            assert mark.y[1::2].sum() == pytest.approx(1.0)  # shares of the bins
            shares, edges = np.histogram(array, bins=30, range=(mark.x[0], mark.x[-1]))
            assert mark.x[::2] == pytest.approx(edges)
            assert mark.y[1:-1:2] == pytest.approx(shares / array.size)


def test_the_legend_has_mean_deviation_and_what_is_saturated():
    net = model("tanh", (6, 1))
    for row in net.layers[0].weight:
        for w in row:
            w.data *= 4
    outputs = diagnostics.activations(net, X)["layers.0"].data
    told = texts(parsed(plots.histograms(net, X)))
    assert f"layers.0: mean {outputs.mean():.3g}, std {outputs.std():.3g}, {(abs(outputs) > 0.97).mean():.0%} saturated" in told
    assert {"weight", "gradient", "activation"} <= set(told)


def test_numbers_that_are_not_finite_are_counted_not_drawn():
    net = model()
    net.layers[0].weight[0][0].grad = np.nan
    net.layers[2].bias[0].grad = np.inf
    plot = plots.histograms(net)
    parsed(plot)
    assert "layers.0.weight: 1 of 10 not shown: not finite, or beyond 1e+150" in plot.text()
    assert "layers.2.bias: 1 of 1 not shown: not finite" in plot.text()


@pytest.mark.parametrize(
    "numbers", [(1e16, 1e16 + 2), (1e308, -1e308), (1e149, -1e149), (5e-324, 0.0), (1.0, 1.0 + 2**-52), (0.0, 0.0)]
)
def test_no_numbers_are_too_far_apart_or_too_close_for_bins(numbers):
    net = nn.Dense(1, 1, rng=0)
    net.weight[0][0].data, net.bias[0].data = numbers
    plot = plots.histograms(net)
    parsed(plot)
    drawn = [mark for mark in plot.charts[0].marks if mark.y.any()]
    assert len(drawn) == (0 if abs(numbers[0]) > 1e150 else 2)
    assert all(mark.y[1::2].sum() == pytest.approx(1.0) for mark in drawn)


def test_blocks_beyond_ten_are_counted():
    plot = plots.histograms(Micrograd(2, [16, 1]), X)
    parsed(plot)
    assert "24 more are not shown" in plot.text()


def test_a_model_without_parameters_has_no_histograms():
    with pytest.raises(ValueError, match=r"histograms: .* has no parameters"):
        plots.histograms(nn.ReLU())


# -- units -------------------------------------------------------------------------------------------------------------------


def test_bars_are_as_high_as_the_shares():
    net = model()
    net.layers[0].bias[1].data = -100.0
    units = diagnostics.dead_units(net, X)
    picture = parsed(plots.dead_units(net, X))
    bars = [r for r in picture.iter(f"{SVG}rect") if r.get("stroke-width") == "1.5" and float(r.get("height")) != 12.0]
    heights = [float(bar.get("height")) * 105 / 232 for bar in bars]
    off, dead = [100 * u.mean for u in units.values()], [100 * u.always for u in units.values()]
    assert heights == pytest.approx(off + dead, abs=0.05)
    assert dead[0] == pytest.approx(20)


def test_the_two_kinds_of_bar_are_named():
    assert "dead: 0 for every example: % of units" in texts(parsed(plots.dead_units(model(), X)))
    assert "saturated for every example: % of units" in texts(parsed(plots.saturated_units(model("tanh"), X)))


@pytest.mark.parametrize("plot", [plots.gradient_flow, plots.histograms, plots.dead_units])
def test_both_kinds_give_the_same_picture(plot):
    pictures = []
    for kind in (Value, Tensor):
        net = nn.MLP(2, [5, 4, 1], rng=0, kind=kind)
        nn.mse(net(X), X[:, 0]).backward()
        pictures.append(plot(net, X) if plot is not plots.gradient_flow else plot(net))
    assert parsed(pictures[0]) is not None
    by_value, by_tensor = [dots(parsed(picture)) or sorted(texts(parsed(picture))) for picture in pictures]
    assert by_value == by_tensor


def test_what_is_kept_and_not_trained_is_in_no_spread_of_gradients():
    net = nn.Sequential(nn.Dense(2, 3, rng=0, kind=Tensor), nn.BatchNorm(3, kind=Tensor))
    nn.mse(net(X), np.ones((20, 3))).backward()
    gradients = plots.histograms(net).charts[1]
    assert "running" not in " ".join(mark.name for mark in gradients.marks)
    assert len(gradients.marks) == 4


def test_where_no_unit_can_die_it_is_said():
    with pytest.raises(ValueError, match=r"dead_units: no layer of .* ends in relu"):
        plots.dead_units(model("tanh"), X)
