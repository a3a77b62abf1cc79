"""Convolution, pooling and flattening against PyTorch, finite differences and loops by hand."""

import re

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.kinds import block, numbers

from .comparing import KINDS, assert_kinds_agree, assert_torch_agrees, drawn, run, squares

IMAGES = np.random.default_rng(1).normal(size=(2, 2, 5, 4))


@pytest.mark.oracle
@KINDS
@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": (3, 2), "stride": (2, 1)},
        {"kernel_size": 2, "stride": 3, "padding": (0, 1)},
    ],
    ids=str,
)
def test_torch_agrees_with_a_convolution(kind, settings):
    torch = pytest.importorskip("torch")
    layer = drawn(nn.Conv2d(2, 3, **settings, kind=kind), 0)
    assert_torch_agrees(layer, torch.nn.Conv2d(2, 3, **settings), kind, IMAGES)


@pytest.mark.oracle
@KINDS
@pytest.mark.parametrize("settings", [{"kernel_size": 2}, {"kernel_size": (3, 2), "stride": 1}], ids=str)
def test_torch_agrees_with_pooling(kind, settings):
    torch = pytest.importorskip("torch")
    for ours, theirs in ((nn.MaxPool2d, torch.nn.MaxPool2d), (nn.AvgPool2d, torch.nn.AvgPool2d)):
        assert_torch_agrees(ours(**settings), theirs(**settings), kind, IMAGES)


@pytest.mark.oracle
@KINDS
def test_torch_agrees_with_a_convolutional_network(kind):
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, rng=0, kind=kind), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LayerNorm(8, kind=kind)
    )
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.LayerNorm(8)
    )
    named = {f"layers.{name}": part for name, part in theirs.named_children()}
    theirs = torch.nn.Sequential()
    theirs.layers = torch.nn.Sequential(*named.values())
    assert_torch_agrees(ours, theirs, kind, IMAGES[:, :1, :4])


@pytest.mark.oracle
def test_the_comparison_with_torch_sees_filters_turned_round():
    torch = pytest.importorskip("torch")

    class Turned(nn.Conv2d):
        def forward(self, x):
            return ag.conv2d(x, ag.flip(self.weight, (2, 3)), self.bias)

    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_torch_agrees(drawn(Turned(2, 3, 2, kind=Tensor), 0), torch.nn.Conv2d(2, 3, 2), Tensor, IMAGES)


@KINDS
def test_a_convolution_is_a_perceptron_at_each_place(kind):
    layer = drawn(nn.Conv2d(2, 3, (2, 3), activation="tanh", kind=kind), 0)
    weight, bias = numbers(layer.weight), numbers(layer.bias)
    y = numbers(layer(IMAGES))
    assert y.shape == (2, 3, 4, 2)
    for b, o, i, j in np.ndindex(*y.shape):
        expected = np.tanh(bias[o] + (weight[o] * IMAGES[b, :, i : i + 2, j : j + 3]).sum())
        assert y[b, o, i, j] == pytest.approx(expected, rel=1e-12)


def test_a_convolution_of_values_is_a_dot_and_a_bias_at_each_place():
    y = nn.Conv2d(1, 2, 3, rng=0)(IMAGES[:, :1])
    dots = [node.inputs[0] for node in y.flat]
    assert {node.op.name for node in y.flat} == {"add"}
    assert {(dot.op.name, len(dot.inputs)) for dot in dots} == {("weighted_sum", 18)}
    assert len(set(dots)) == y.size == 2 * 2 * 3 * 2


@KINDS
def test_gradcheck_agrees_with_convolution_and_pooling(kind):
    model = nn.Sequential(
        nn.Conv2d(1, 2, 2, activation="tanh", rng=0, kind=kind), nn.MaxPool2d((2, 1)), nn.AvgPool2d((1, 2), 1), nn.Flatten()
    )
    x = IMAGES[:1, :1]
    assert ag.check_module(model, squares, x)
    assert ag.gradcheck(lambda x: squares(model(x)), Tensor(x) if kind is Tensor else block(kind, x))


@settings(max_examples=20)
@given(
    npst.arrays(float, st.tuples(st.just(1), st.just(2), st.integers(2, 4), st.integers(2, 4)), elements=st.integers(-9, 9)),
    st.integers(1, 2),
    st.integers(0, 1),
)
def test_both_kinds_of_convolution_agree(x, stride, padding):
    assert_kinds_agree(lambda kind: nn.Conv2d(2, 2, 2, stride, padding, "tanh", kind=kind), x)


@settings(max_examples=20)
@given(npst.arrays(float, (1, 2, 3, 4), elements=st.integers(-2, 2)))
def test_both_kinds_of_pooling_agree_where_numbers_tie_too(x):
    for pool in (nn.MaxPool2d(2), nn.AvgPool2d(2)):
        g = np.arange(1.0, 5.0).reshape(1, 2, 1, 2)
        values, tensors = run(pool, Value, x, g), run(pool, Tensor, x, g)
        assert all(values[name] == pytest.approx(tensors[name], abs=1e-12) for name in tensors)


@KINDS
def test_filters_start_as_the_weights_of_a_perceptron_of_that_many_inputs(kind):
    filters = numbers(nn.Conv2d(2, 50, 3, activation="relu", rng=0, kind=kind).weight)
    assert filters.shape == (50, 2, 3, 3)
    assert (filters == nn.init.he(np.random.default_rng(0), 18, 50).T.reshape(50, 2, 3, 3)).all()
    assert abs(numbers(nn.Conv2d(2, 5, 3, rng=0, kind=kind).weight)).max() <= (6 / (18 + 5)) ** 0.5
    assert (numbers(nn.Conv2d(2, 5, 3, init=nn.init.normal(0), kind=kind).weight) == 0).all()


@KINDS
def test_flatten_keeps_the_first_axis(kind):
    x = block(kind, IMAGES)
    assert (numbers(nn.Flatten()(x)) == IMAGES.reshape(2, -1)).all()
    assert nn.Flatten()(IMAGES[0, 0]).shape == (5, 4)
    assert nn.Flatten()(IMAGES.tolist()).shape == (2, 40)
    assert nn.Flatten()(IMAGES[:0]).shape == (0, 40)


def test_a_small_convolutional_network_learns_digits():
    digits = nn.data.digits()
    x, y = digits.x[:300].reshape(-1, 1, 8, 8), digits.y[:300]
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, activation="relu", rng=0, kind=Tensor),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dense(72, 10, rng=1, kind=Tensor),
    )
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        nn.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert (model(x).data.argmax(1) == y).mean() > 0.95


def test_layers_for_images_name_what_does_not_fit():
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    message = "layers.0 = Conv2d(3, 2, 3) takes (batch, 3, h, w), found shape (2, 2, 5, 4)"
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        model(IMAGES)
    with pytest.raises(ValueError, match=re.escape("conv2d: windows of (6, 6) do not fit into (5, 4)")):
        nn.Conv2d(2, 2, 6)(IMAGES)
    with pytest.raises(ValueError, match=re.escape("max_pool: windows of (5, 5) do not fit into (5, 4)")):
        nn.MaxPool2d(5)(IMAGES)
    with pytest.raises(ValueError, match=re.escape("Flatten() takes a batch, (batch, …), found shape (3,)")):
        nn.Flatten()([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("shape", "way"),
    [
        ((3, 5, 4), "one image is a batch of one, x[None]"),
        ((2, 60), "fold it so, x.reshape(-1, 3, h, w)"),
        ((2, 5, 4), "fold it so, x.reshape(-1, 3, h, w)"),
        ((2, 5, 4, 3), "channels come before height and width, x.transpose(0, 3, 1, 2)"),
    ],
)
def test_a_convolution_says_how_images_are_brought_into_shape(shape, way):
    with pytest.raises(ValueError, match=re.escape(f"found shape {shape}; {way}")):
        nn.Conv2d(3, 2, 3, kind=Tensor)(np.zeros(shape))


def test_a_dense_layer_behind_a_convolution_asks_for_flatten():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, kind=Tensor), nn.Dense(72, 1, kind=Tensor))
    message = (
        "layers.1 = Dense(72, 1) takes 72 inputs, found 6 in a batch of shape (4, 2, 6, 6); nn.Flatten() before it makes rows"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model(np.zeros((4, 1, 8, 8)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(0, 1, 1), "Conv2d: n_in must be a whole number of at least 1, not 0"),
        (lambda: nn.Conv2d(1, 1, 1.5), "Conv2d: kernel_size must be a whole number of at least 1, not 1.5"),
        (lambda: nn.Conv2d(1, 1, (1, 2, 3)), "Conv2d: kernel_size is one whole number, or one for each of the two axes"),
        (lambda: nn.Conv2d(1, 1, 1, stride=0), "Conv2d: stride must be a whole number of at least 1, not 0"),
        (lambda: nn.Conv2d(1, 1, 1, padding=-1), "Conv2d: padding must be a whole number of at least 0, not -1"),
        (lambda: nn.MaxPool2d(0), "MaxPool2d: kernel_size must be a whole number of at least 1, not 0"),
        (lambda: nn.AvgPool2d(2, stride=0), "AvgPool2d: stride must be a whole number of at least 1, not 0"),
    ],
)
def test_sizes_are_checked(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_layers_for_images_show_what_they_are():
    assert str(nn.Conv2d(1, 8, 3)) == "Conv2d(1, 8, 3)"
    assert str(nn.Conv2d(1, 8, (3, 2), 2, 1, "relu")) == "Conv2d(1, 8, (3, 2), stride=2, padding=1, 'relu')"
    assert str(nn.MaxPool2d(2)) == "MaxPool2d(2)"
    assert str(nn.AvgPool2d(3, stride=2)) == "AvgPool2d(3, stride=2)"
