"""Embedding: rows by number, against PyTorch and finite differences."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.kinds import gradient, numbers

from .comparing import DIGITS, KINDS, squares


@pytest.mark.oracle
@KINDS
@pytest.mark.parametrize("places", [[1, 3, 1], [[0, 2], [2, 2]], 3], ids=str)
def test_torch_agrees_with_an_embedding(kind, places):
    torch = pytest.importorskip("torch")
    layer, theirs = nn.Embedding(4, 3, rng=0, kind=kind), torch.nn.Embedding(4, 3).double()
    theirs.load_state_dict({name: torch.tensor(a) for name, a in layer.state_dict().items()})
    y = theirs(torch.tensor(places))
    g = np.random.default_rng(1).normal(size=tuple(y.shape))
    (y * torch.tensor(g)).sum().backward()
    found = layer(places)
    ag.sum(found * g).backward()

    assert (numbers(found) == y.detach().numpy()).all()
    np.testing.assert_allclose(gradient(layer.weight), theirs.weight.grad.numpy(), **DIGITS)


@KINDS
def test_a_row_that_is_taken_twice_gets_both_gradients(kind):
    layer = nn.Embedding(3, 2, rng=0, kind=kind)
    ag.sum(layer([2, 0, 2])).backward()
    assert gradient(layer.weight).tolist() == [[1, 1], [0, 0], [2, 2]]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_both_kinds_of_embedding_agree(places):
    grads = []
    for kind in (Value, Tensor):
        layer = nn.Embedding(4, 2, rng=0, kind=kind)
        squares(layer(places)).backward()
        grads.append(gradient(layer.weight))
    assert grads[0] == pytest.approx(grads[1], rel=1e-14)


@KINDS
def test_gradcheck_agrees_with_an_embedding(kind):
    model = nn.Sequential(nn.Embedding(4, 3, rng=0, kind=kind), nn.Dense(3, 2, "tanh", rng=1, kind=kind))
    assert ag.check_module(model, squares, np.array([1, 3, 1]))


@KINDS
def test_whole_numbers_may_come_as_floats_or_as_constants(kind):
    layer = nn.Embedding(4, 2, rng=0, kind=kind)
    expected = numbers(layer([3, 0]))
    constants = [Value(3.0, requires_grad=False), Value(0.0, requires_grad=False)]
    for places in ([3.0, 0.0], np.uint8([3, 0]), Tensor([3.0, 0.0], requires_grad=False), constants):
        assert (numbers(layer(places)) == expected).all()
    assert (numbers(layer(constants[0])) == expected[0]).all()
    assert layer([]).shape == (0, 2)


@KINDS
@pytest.mark.parametrize(
    ("places", "found"), [([4], "4"), ([0, -1], "-1"), ([0.5], "0.5"), ([float("nan")], "nan"), ([[1, 2], [3, 7]], "7")]
)
def test_what_names_no_row_is_refused(kind, places, found):
    model = nn.Sequential(nn.Embedding(4, 2, kind=kind))
    message = f"layers.0 = Embedding(4, 2) takes whole numbers from 0 to 3, found {found}"
    with pytest.raises(ValueError, match=re.escape(message)):
        model(places)


@KINDS
def test_words_truths_and_what_has_a_gradient_are_refused(kind):
    layer = nn.Embedding(4, 2, kind=kind)
    with pytest.raises(TypeError, match=re.escape("Embedding(4, 2) takes whole numbers, not <U3")):
        layer(["cat"])
    with pytest.raises(TypeError, match=re.escape("Embedding(4, 2) takes whole numbers, not bool")):
        layer([True])
    for places in (Tensor([1.0]), Value(1.0), [Value(1.0)]):
        with pytest.raises(TypeError, match="found nodes with a gradient, which would end here"):
            layer(places)


@KINDS
def test_rows_start_normal_or_as_they_are_told(kind):
    rows = numbers(nn.Embedding(50, 40, rng=0, kind=kind).weight)
    assert (rows == np.random.default_rng(0).normal(size=(50, 40))).all()
    assert (numbers(nn.Embedding(5, 4, init=nn.init.normal(0), kind=kind).weight) == 0).all()
    with pytest.raises(ValueError, match=re.escape("Embedding: n must be a whole number of at least 1, not 0")):
        nn.Embedding(0, 2, kind=kind)
    with pytest.raises(TypeError, match=re.escape("Embedding(5, 4): init is a function of (rng, n_in, n_out)")):
        nn.Embedding(5, 4, init="he", kind=kind)
