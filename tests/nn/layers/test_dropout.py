"""Dropout: what it drops, how it keeps the mean, and when it is off."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.kinds import block, gradient, numbers

from .comparing import KINDS, run, squares

X = np.random.default_rng(1).normal(size=(4, 5))


@KINDS
def test_numbers_are_dropped_or_scaled_up_and_gradients_with_them(kind):
    x = block(kind, X)
    y = nn.Dropout(0.25, rng=0)(x)
    ag.sum(y).backward()
    kept = np.random.default_rng(0).random(X.shape) >= 0.25
    assert 0 < kept.mean() < 1
    assert numbers(y) == pytest.approx(X * kept / 0.75, rel=1e-14)
    assert gradient(x) == pytest.approx(kept / 0.75, rel=1e-14)


@pytest.mark.oracle
def test_torch_drops_as_many_and_scales_the_others_alike():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x = np.ones((400, 500))
    ours, theirs = nn.Dropout(0.3, rng=0)(Tensor(x)).data, torch.nn.Dropout(0.3)(torch.tensor(x)).numpy()
    assert set(np.unique(ours)) == set(np.unique(theirs)) == {0.0, 1 / 0.7}
    four_sigmas = 4 * (0.3 * 0.7 / x.size) ** 0.5
    assert (ours == 0).mean() == pytest.approx(0.3, abs=four_sigmas)
    assert (theirs == 0).mean() == pytest.approx(0.3, abs=four_sigmas)


@given(st.floats(0, 0.9), st.integers(0, 1000))
def test_both_kinds_drop_the_same(p, seed):
    values, tensors = (run(nn.Dropout(p, rng=seed), kind, X, X) for kind in (Value, Tensor))
    assert all((values[name] == tensors[name]).all() for name in tensors)


@KINDS
def test_the_mean_is_kept(kind):
    layer, n = nn.Dropout(0.5, rng=0), 2000
    assert np.mean([numbers(layer(block(kind, [1.0]))) for _ in range(n)]) == pytest.approx(1, abs=4 / n**0.5)


@KINDS
def test_every_call_drops_others_and_a_seed_repeats_them(kind):
    x = block(kind, X)
    layer, again = nn.Dropout(rng=3), nn.Dropout(rng=3)
    first, second = numbers(layer(x)), numbers(layer(x))
    assert (first != second).any()
    assert (numbers(again(x)) == first).all()


@KINDS
def test_nothing_is_dropped_in_evaluation_or_at_p_0(kind):
    x = block(kind, X)
    layer = nn.Dropout(0.9, rng=0)
    assert layer.eval()(x) is x
    assert layer.rng.bit_generator.state == np.random.default_rng(0).bit_generator.state
    assert nn.Dropout(0.0)(x) is x


def test_a_dropped_value_is_a_product_with_0():
    x = block(Value, [1.0, 2.0, 3.0, 4.0])
    y = nn.Dropout(0.5, rng=0)(x)
    dropped = [v for v in y if v.data == 0]
    assert 0 < len(dropped) < 4
    assert {v.op.name for v in y} == {"mul"}
    assert {v.inputs[1].data for v in dropped} == {0.0}


def test_dropout_keeps_float32_and_takes_plain_numbers_and_one_value():
    assert nn.Dropout(rng=0)(Tensor(X, dtype=np.float32)).dtype == np.float32
    assert nn.Dropout(rng=0)(X.tolist()).dtype == np.float64
    assert nn.Dropout(rng=2)(Value(3.0)).data in (0.0, 6.0)


@KINDS
def test_gradcheck_agrees_while_units_are_dropped(kind):
    model = nn.Sequential(nn.Dense(5, 3, "tanh", rng=0, kind=kind), nn.Dropout(0.5, rng=1))
    assert ag.check_module(model, squares, X, training=True)


@pytest.mark.parametrize("p", [1, -0.1, float("nan"), "half", None])
def test_p_is_a_probability_below_1(p):
    with pytest.raises(ValueError, match=re.escape(f"Dropout: p must be at least 0 and less than 1, not {p!r}")):
        nn.Dropout(p)


def test_dropout_shows_its_p():
    assert str(nn.Dropout(0.2)) == "Dropout(0.2)"
    assert nn.Dropout(0.2).parameters() == []
