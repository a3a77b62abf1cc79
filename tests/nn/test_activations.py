"""Activations on both kinds of number, against PyTorch and finite differences."""

import re

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.kinds import block, gradient, numbers

KINDS = pytest.mark.parametrize("kind", [Value, Tensor])
X = np.random.default_rng(0).normal(0.0, 2.0, size=(3, 4))  # no kink among them
TORCH = {  # how PyTorch spells each
    nn.Identity: ("Identity", {}),
    nn.ReLU: ("ReLU", {}),
    nn.LeakyReLU: ("LeakyReLU", {}),
    nn.ELU: ("ELU", {}),
    nn.GELU: ("GELU", {"approximate": "tanh"}),
    nn.SiLU: ("SiLU", {}),
    nn.Sigmoid: ("Sigmoid", {}),
    nn.Softmax: ("Softmax", {"dim": -1}),
    nn.Softplus: ("Softplus", {"threshold": 200}),  # else linear from 20 on, which is rounded
    nn.Tanh: ("Tanh", {}),
}
ALL = [*TORCH, nn.Step]


@pytest.mark.oracle
@KINDS
@pytest.mark.parametrize("activation", TORCH)
@pytest.mark.parametrize("x", [X, 20 * X], ids=["usual", "large"])
def test_torch_agrees_with_an_activation(kind, activation, x):
    torch = pytest.importorskip("torch")
    name, settings = TORCH[activation]
    g = np.random.default_rng(1).normal(size=x.shape)
    theirs, ours = torch.tensor(x, requires_grad=True), block(kind, x)
    expected = getattr(torch.nn, name)(**settings)(theirs)
    (expected * torch.tensor(g)).sum().backward()
    found = activation()(ours)
    ag.sum(found * g).backward()

    np.testing.assert_allclose(numbers(found), expected.detach().numpy(), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(gradient(ours), theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.oracle
@KINDS
def test_torch_agrees_with_other_slopes(kind):
    torch = pytest.importorskip("torch")
    for ours, theirs in ((nn.LeakyReLU(0.2), torch.nn.LeakyReLU(0.2)), (nn.ELU(0.5), torch.nn.ELU(0.5))):
        found = numbers(ours(block(kind, X)))
        np.testing.assert_allclose(found, theirs(torch.tensor(X)).numpy(), rtol=1e-10, atol=1e-14)


@KINDS
def test_the_step_is_1_above_0_and_has_no_slope(kind):
    x = block(kind, [-2.0, 0.0, 3.0])
    y = nn.Step()(x)
    ag.sum(y).backward()
    assert numbers(y).tolist() == [0, 0, 1]
    assert gradient(x).tolist() == [0, 0, 0]


@KINDS
@pytest.mark.parametrize("activation", ALL)
def test_gradcheck_agrees_with_an_activation(kind, activation):
    x = block(kind, X[0])
    assert ag.gradcheck(lambda x: ag.sum(activation()(x) * np.arange(1.0, 5.0)), x)


@pytest.mark.parametrize("activation", [a for a in ALL if a is not nn.Softmax])
def test_an_activation_of_one_value_of_a_list_and_of_plain_numbers_is_the_same(activation):
    y = activation()
    expected = numbers(y(block(Value, X)))
    assert y(Value(X[0, 0])).data == expected[0, 0]
    assert (numbers(y(block(Value, X).tolist())) == expected).all()
    assert np.asarray(y(X.tolist()), float) == pytest.approx(expected, rel=1e-14)


@KINDS
def test_a_softmax_sums_to_1_however_large_its_inputs(kind):
    y = numbers(nn.Softmax()(block(kind, [[1e3, 1e3 + 1.0], [-1e3, 0.0]])))
    assert y.sum(-1) == pytest.approx(1, rel=1e-14)
    assert y[0, 1] / y[0, 0] == pytest.approx(np.e, rel=1e-12)


@KINDS
@pytest.mark.parametrize("activation", ALL)
def test_a_layer_takes_an_activation_by_name(kind, activation):
    name = {nn.Identity: "linear", nn.LeakyReLU: "leaky_relu"}.get(activation, activation.__name__.lower())
    x = X[:, :2]
    by_name, apart = nn.Dense(2, 3, name, rng=0, kind=kind), nn.Dense(2, 3, rng=0, kind=kind)
    apart.load_state_dict(by_name.state_dict())
    assert (numbers(by_name(x)) == numbers(activation()(apart(x)))).all()


def test_a_name_that_is_none_lists_those_that_are():
    with pytest.raises(
        ValueError, match=re.escape("elu, gelu, leaky_relu, linear, relu, sigmoid, silu, softmax, softplus, step")
    ):
        nn.Dense(2, 3, "reul")
    with pytest.raises(TypeError, match=re.escape("ReLU is a class; pass ReLU(), or a name, such as 'relu'")):
        nn.Dense(2, 3, nn.ReLU)
