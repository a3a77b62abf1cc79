"""Normalisation against PyTorch, finite differences and NumPy by hand."""

import re

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.kinds import block, numbers

from .comparing import DIGITS, KINDS, assert_kinds_agree, assert_torch_agrees, drawn, squares

TABLE = np.random.default_rng(1).normal(2.0, 3.0, size=(6, 3))
IMAGES = np.random.default_rng(2).normal(-1.0, 2.0, size=(2, 3, 3, 2))
NUMBERS = st.floats(-10, 10).map(lambda x: round(x, 2))


def torch_batch_norm(torch, x, **settings):
    return (torch.nn.BatchNorm1d if x.ndim < 4 else torch.nn.BatchNorm2d)(3, **settings)


# -- BatchNorm ---------------------------------------------------------------------------------------------------------------


@pytest.mark.oracle
@KINDS
@pytest.mark.parametrize("x", [TABLE, IMAGES[..., 0], IMAGES], ids=["features", "sequences", "images"])
def test_torch_agrees_with_batch_norm_over_5_steps_and_then_in_evaluation(kind, x):
    torch = pytest.importorskip("torch")
    layer, theirs = drawn(nn.BatchNorm(3, kind=kind), 0), torch_batch_norm(torch, x)
    for step in range(5):
        assert_torch_agrees(layer, theirs, kind, x * (step + 1) - step)
        state = theirs.state_dict()
        np.testing.assert_allclose(numbers(layer.running_mean), state["running_mean"].numpy(), **DIGITS)
        np.testing.assert_allclose(numbers(layer.running_var), state["running_var"].numpy(), **DIGITS)

    before = layer.state_dict()
    assert_torch_agrees(layer.eval(), theirs, kind, x)
    assert all((before[name] == array).all() for name, array in layer.state_dict().items())


@pytest.mark.oracle
@KINDS
def test_torch_agrees_with_other_settings_of_batch_norm(kind):
    torch = pytest.importorskip("torch")
    layer = nn.BatchNorm(3, momentum=0.5, eps=0.1, affine=False, kind=kind)
    assert layer.parameters() == []
    assert_torch_agrees(layer, torch_batch_norm(torch, TABLE, momentum=0.5, eps=0.1, affine=False), kind, TABLE)


@pytest.mark.oracle
def test_the_comparison_with_torch_sees_a_wrong_variance():
    torch = pytest.importorskip("torch")

    class Unbiased(nn.BatchNorm):
        def _normalised_over_batch(self, x, axes):
            return super()._normalised_over_batch(x, axes) * ((len(x.data) - 1) / len(x.data)) ** 0.5

    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_torch_agrees(Unbiased(3, kind=Tensor), torch_batch_norm(torch, TABLE), Tensor, TABLE)


@KINDS
def test_batch_norm_gives_each_feature_mean_0_and_variance_1(kind):
    y = numbers(nn.BatchNorm(3, eps=1e-12, kind=kind)(TABLE))
    assert y.mean(0) == pytest.approx(0, abs=1e-12)
    assert y.var(0) == pytest.approx(1, rel=1e-10)


@KINDS
@pytest.mark.parametrize("training", [True, False])
def test_gradcheck_agrees_with_normalisation(kind, training):
    batch_norm, layer_norm = drawn(nn.BatchNorm(3, kind=kind), 0), drawn(nn.LayerNorm(3, kind=kind), 0)
    batch_norm(TABLE)
    x = TABLE[:3] if kind is Value else TABLE
    for layer in (batch_norm, layer_norm):
        assert ag.check_module(layer, squares, x, training=training)
        layer.train(training)
        assert ag.gradcheck(lambda x, layer=layer: squares(layer(x)), Tensor(x) if kind is Tensor else block(kind, x))


@KINDS
def test_a_check_in_training_leaves_running_statistics_as_they_were(kind):
    layer = nn.BatchNorm(3, kind=kind)
    before = layer.state_dict()
    assert ag.check_module(layer, squares, TABLE[:3], training=True)
    assert all((before[name] == array).all() for name, array in layer.state_dict().items())


@given(npst.arrays(float, st.tuples(st.integers(2, 4), st.just(2)), elements=NUMBERS))
def test_both_kinds_of_normalisation_agree(x):
    assert_kinds_agree(lambda kind: nn.BatchNorm(2, eps=0.1, kind=kind), x)
    assert_kinds_agree(lambda kind: nn.LayerNorm(2, eps=0.1, kind=kind), x)


@KINDS
def test_in_evaluation_an_example_does_not_depend_on_the_others_and_may_come_alone(kind):
    layer = drawn(nn.BatchNorm(3, kind=kind), 0)
    layer(TABLE)
    layer.eval()
    together = numbers(layer(TABLE))
    assert numbers(layer(TABLE[2])) == pytest.approx(together[2], rel=1e-14)
    assert numbers(layer(TABLE[2:3])) == pytest.approx(together[2:3], rel=1e-14)


@KINDS
def test_running_statistics_are_saved_and_not_trained(kind):
    layer = nn.BatchNorm(3, kind=kind)
    layer(TABLE)
    state = layer.state_dict()
    assert list(state) == ["weight", "bias", "running_mean", "running_var"]
    assert {name.split("[")[0] for name, _ in layer.named_parameters()} == {"weight", "bias"}
    assert state["running_mean"] == pytest.approx(0.1 * TABLE.mean(0), rel=1e-14)
    assert state["running_var"] == pytest.approx(0.9 + 0.1 * TABLE.var(0, ddof=1), rel=1e-14)

    other = nn.BatchNorm(3, kind=kind).eval()
    other.load_state_dict(state)
    assert (numbers(other(TABLE)) == numbers(layer.eval()(TABLE))).all()


def test_the_gradient_of_a_batch_outlives_the_next_batch():
    layer = nn.BatchNorm(3, kind=Tensor)
    first = squares(layer(TABLE))
    layer(TABLE + 1.0)
    first.backward()
    assert layer.bias.grad.any()


@KINDS
def test_a_batch_of_no_examples_is_normalised_to_one_where_it_says_something(kind):
    assert nn.LayerNorm(3, kind=kind)(TABLE[:0]).shape == (0, 3)
    assert nn.BatchNorm(3, kind=kind).eval()(TABLE[:0]).shape == (0, 3)


def test_normalisation_keeps_float32():
    for layer in (nn.BatchNorm(3, kind=Tensor), nn.LayerNorm(3, kind=Tensor)):
        layer.astype(np.float32)
        for _ in range(2):
            assert layer(TABLE).dtype == np.float32
            layer.eval()
        assert {array.dtype for array in layer.state_dict().values()} == {np.dtype(np.float32)}


@KINDS
def test_a_batch_of_one_can_not_be_normalised_in_training(kind):
    model = nn.Sequential(nn.BatchNorm(3, kind=kind))
    before = model.state_dict()
    message = "layers.0 = BatchNorm(3) in training takes at least 2 numbers of each feature, found 1; pass a larger batch"
    for x in (TABLE[:1], TABLE[0], TABLE[:1, :, None]):
        with pytest.raises(ValueError, match=re.escape(message)):
            model(x)
    assert all((before[name] == array).all() for name, array in model.state_dict().items())
    assert numbers(model(IMAGES[:1])).shape == (1, 3, 3, 2)  # an image has several numbers of each channel


@KINDS
def test_normalisation_names_what_does_not_fit(kind):
    with pytest.raises(ValueError, match=re.escape("BatchNorm(4) takes (batch, 4) or (batch, 4, …), found shape (6, 3)")):
        nn.BatchNorm(4, kind=kind)(TABLE)
    with pytest.raises(ValueError, match=re.escape("LayerNorm(4) takes (…, 4), found shape (6, 3)")):
        nn.LayerNorm(4, kind=kind)(TABLE)
    with pytest.raises(ValueError, match=re.escape("LayerNorm((6, 4)) takes (…, 6, 4), found shape (6, 3)")):
        nn.LayerNorm((6, 4), kind=kind)(TABLE)
    for layer in (nn.BatchNorm(1, kind=kind), nn.LayerNorm(1, kind=kind)):
        with pytest.raises(ValueError, match=re.escape("found shape ()")):
            layer(kind(1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.BatchNorm(0), "BatchNorm: n must be a whole number of at least 1, not 0"),
        (lambda: nn.BatchNorm(2, momentum=1.5), "BatchNorm: momentum must be at least 0 and at most 1, not 1.5"),
        (lambda: nn.BatchNorm(2, momentum="x"), "BatchNorm: momentum must be at least 0 and at most 1, not 'x'"),
        (lambda: nn.BatchNorm(2, eps=None), "BatchNorm: eps must be a positive number, not None"),
        (lambda: nn.BatchNorm(2, eps=0), "BatchNorm: eps must be a positive number, not 0"),
        (lambda: nn.LayerNorm(2, eps=float("nan")), "LayerNorm: eps must be a positive number, not nan"),
        (lambda: nn.LayerNorm(()), "LayerNorm: n names at least one axis, such as 8 or (8, 8); not ()"),
        (lambda: nn.LayerNorm((2, 0)), "LayerNorm: n must be a whole number of at least 1, not 0"),
    ],
)
def test_sizes_and_settings_are_checked(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_normalisation_shows_what_it_is():
    layers = nn.BatchNorm(3), nn.BatchNorm(3, affine=False), nn.LayerNorm(3), nn.LayerNorm((3, 2))
    assert list(map(str, layers)) == ["BatchNorm(3)", "BatchNorm(3, affine=False)", "LayerNorm(3)", "LayerNorm((3, 2))"]


# -- LayerNorm ---------------------------------------------------------------------------------------------------------------


@pytest.mark.oracle
@KINDS
@pytest.mark.parametrize(
    ("n", "x"), [(3, TABLE), (3, TABLE[0]), (2, IMAGES), ((3, 2), IMAGES)], ids=["batch", "one", "last axis", "last axes"]
)
def test_torch_agrees_with_layer_norm(kind, n, x):
    torch = pytest.importorskip("torch")
    assert_torch_agrees(drawn(nn.LayerNorm(n, kind=kind), 0), torch.nn.LayerNorm(n), kind, x)


@KINDS
def test_layer_norm_is_the_same_in_training_and_evaluation(kind):
    layer = drawn(nn.LayerNorm(3, kind=kind), 0)
    assert (numbers(layer(TABLE)) == numbers(layer.eval()(TABLE))).all()
