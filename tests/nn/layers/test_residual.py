"""Residual: a way round the layers."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.kinds import block, numbers

from .comparing import KINDS, assert_kinds_agree, assert_torch_agrees, drawn, squares

X = np.random.default_rng(1).normal(size=(4, 3))


def with_shortcut(kind):
    return nn.Residual(nn.Dense(3, 2, "tanh", kind=kind), shortcut=nn.Dense(3, 2, kind=kind))


@pytest.mark.oracle
@KINDS
def test_torch_agrees_with_a_residual_block(kind):
    torch = pytest.importorskip("torch")

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.LayerNorm(3), torch.nn.Tanh(), torch.nn.LayerNorm(3))

        def forward(self, x):
            return x + self.layers(x)

    ours = nn.Residual(nn.LayerNorm(3, kind=kind), nn.Tanh(), nn.LayerNorm(3, kind=kind))
    assert_torch_agrees(drawn(ours, 0), Block(), kind, X)


@KINDS
def test_a_residual_adds_what_its_layers_give_to_what_they_got(kind):
    f = nn.Dense(3, 3, "tanh", rng=0, kind=kind)
    x = block(kind, X)
    assert numbers(nn.Residual(f)(x)) == pytest.approx(X + numbers(f(x)), rel=1e-14)
    assert numbers(nn.Residual(f, f)(X[0])) == pytest.approx(X[0] + numbers(f(f(X[0]))), rel=1e-14)


@KINDS
def test_a_shortcut_brings_x_into_the_shape_of_what_is_added(kind):
    block_of_layers = drawn(with_shortcut(kind), 0)
    expected = numbers(block_of_layers.shortcut(X)) + numbers(block_of_layers.layers[0](X))
    assert numbers(block_of_layers(X)) == pytest.approx(expected, rel=1e-14)
    assert list(block_of_layers.state_dict()) == ["layers.0.weight", "layers.0.bias", "shortcut.weight", "shortcut.bias"]


@KINDS
def test_gradcheck_agrees_with_a_residual(kind):
    model = nn.Sequential(nn.Residual(nn.Dense(3, 3, "tanh", rng=0, kind=kind)), drawn(with_shortcut(kind), 1))
    assert ag.check_module(model, squares, X)


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=3))
def test_both_kinds_of_residual_agree(x):
    assert_kinds_agree(with_shortcut, np.array(x, float))


@KINDS
def test_layers_that_give_0_pass_the_gradient_round(kind):
    layer = nn.Residual(nn.Dense(3, 3, "relu", init=nn.init.normal(0), kind=kind))
    x = block(kind, X)
    y = layer(x)
    assert (numbers(y) == X).all()
    ag.sum(y).backward()
    assert all((np.asarray(part.grad) == 1).all() for part in ([x] if kind is Tensor else x.flat))


@KINDS
def test_shapes_that_differ_are_both_named(kind):
    model = nn.Sequential(nn.Residual(nn.Dense(3, 2, kind=kind)))
    message = (
        "layers.0 = Residual(Dense(3, 2)) adds f(x) of shape (4, 2) to x of shape (4, 3); give both one shape, by a shortcut, "
        "such as shortcut=Dense(n_in, n_out)"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model(X)
    with pytest.raises(ValueError, match=re.escape("adds f(x) of shape (4, 1) to x of shape (4, 3)")):
        nn.Residual(nn.Dense(3, 1, kind=kind))(X)  # which would broadcast


@KINDS
def test_a_residual_of_plain_numbers_gives_plain_numbers_to_either_kind(kind):
    y = nn.Residual(nn.Dropout(0.5, rng=0))(X)
    assert y.dtype == np.float64
    assert nn.Sequential(nn.Residual(nn.Dropout(0.5)), nn.Dense(3, 2, kind=kind))(X).shape == (4, 2)


def test_a_residual_keeps_float32():
    model = nn.Residual(nn.Dense(3, 3, rng=0, kind=Tensor)).astype(np.float32)
    assert model(X).dtype == np.float32


def test_a_residual_shows_its_layers():
    assert str(nn.Residual(nn.Dense(3, 3), nn.ReLU())) == "Residual(Dense(3, 3), ReLU())"
    assert str(with_shortcut(Value)) == "Residual(Dense(3, 2, 'tanh'), shortcut=Dense(3, 2))"
