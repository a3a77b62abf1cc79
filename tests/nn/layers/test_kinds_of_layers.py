"""Layers of either kind, and what comes of mixing the two."""

import re

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from nn.kinds import block

from .comparing import KINDS

X = np.random.default_rng(0).normal(size=(4, 3))
MAKE = {
    "Dense(3, 2)": lambda kind: nn.Dense(3, 2, kind=kind),
    "BatchNorm(3)": lambda kind: nn.BatchNorm(3, kind=kind),
    "LayerNorm(3)": lambda kind: nn.LayerNorm(3, kind=kind),
    "Conv2d(2, 1, 2)": lambda kind: nn.Conv2d(2, 1, 2, kind=kind),
}


@KINDS
@pytest.mark.parametrize("name", MAKE)
def test_a_layer_names_the_other_kind_of_number_and_stays_as_it_is(kind, name):
    layer = MAKE[name](kind)
    before = layer.state_dict()
    made, came, other = ("Tensors", "Values", Value) if kind is Tensor else ("Values", "a Tensor", Tensor)
    x = np.ones((1, 2, 3, 3)) if name.startswith("Conv") else X
    message = (
        f"layers.0 = {name} is made of {made}, and was given {came}; make all layers of one kind, kind=Value or kind=Tensor"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        nn.Sequential(layer)(block(other, x))
    assert all((before[key] == array).all() for key, array in layer.state_dict().items())


@KINDS
@pytest.mark.parametrize("name", [name for name in MAKE if not name.startswith("Dense")])
def test_lists_that_differ_in_length_are_no_batch(kind, name):
    with pytest.raises(ValueError, match=re.escape(f"{name} takes a rectangle of numbers, and was given lists that")):
        MAKE[name](kind)([[1.0, 2.0, 3.0], [1.0, 2.0]])


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Flatten(), nn.Embedding(4, 2)], ids=str)
def test_lists_that_differ_in_length_are_no_batch_for_a_layer_without_a_kind_either(layer):
    with pytest.raises(ValueError, match="lists that differ in length are no batch; pass a rectangle of numbers"):
        layer([[1.0, 2.0, 3.0], [1.0, 2.0]])


@pytest.mark.parametrize("name", MAKE)
def test_a_layer_is_of_values_or_of_tensors(name):
    with pytest.raises(TypeError, match=re.escape("kind is Value (each scalar visible) or Tensor (fast), not 'Tensor'")):
        MAKE[name]("Tensor")


@KINDS
def test_a_model_of_all_layers_trains(kind):
    y = (X[:, 0] > 0).astype(float)
    model = nn.Sequential(
        nn.Dense(3, 4, "tanh", rng=0, kind=kind),
        nn.BatchNorm(4, kind=kind),
        nn.Residual(nn.Dense(4, 4, "relu", rng=1, kind=kind), nn.Dropout(0.2, rng=2)),
        nn.LayerNorm(4, kind=kind),
        nn.MLP(4, [1], rng=3, kind=kind),
    )
    history = nn.fit(model, X, y, loss=nn.bce_with_logits, epochs=60, batch_size=None, verbose=False, rng=0)
    assert history.loss[-1] < 0.3 * history.loss[0]
