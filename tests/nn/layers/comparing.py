"""What the tests of layers share: layers of both kinds beside one another, and beside PyTorch's with the same numbers."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, Value
from nn.kinds import block, gradient, numbers

KINDS = pytest.mark.parametrize("kind", [Value, Tensor])
DIGITS = {"rtol": 1e-10, "atol": 1e-12}


def drawn(layer, seed):
    """The layer with every parameter drawn anew, so that none is 0 or 1."""
    rng = np.random.default_rng(seed)
    trained = {name.split("[")[0] for name, _ in layer.named_parameters()}
    layer.load_state_dict(
        {name: rng.normal(size=array.shape) if name in trained else array for name, array in layer.state_dict().items()}
    )
    return layer


def run(layer, kind, x, g):
    """The output for ``x``, and the gradients of ``Σ g · output`` in ``x`` and in every parameter block, by name."""
    x = block(kind, x)
    layer.zero_grad()
    y = layer(x)
    ag.sum(y * g).backward()
    found = {"output": numbers(y), "x": gradient(x)}
    return found | {name: gradient(part) for name, part in layer._blocks() if name in _trained(layer)}


def _trained(layer):
    return {name.split("[")[0] for name, _ in layer.named_parameters()}


def assert_torch_agrees(layer, theirs, kind, x, seed=0):
    """Output and gradients are those of the PyTorch module that holds the same numbers under the same names."""
    torch = pytest.importorskip("torch")
    theirs = theirs.double().train(layer.training)
    missing = theirs.load_state_dict({name: torch.tensor(a) for name, a in layer.state_dict().items()}, strict=False)
    assert not missing.unexpected_keys
    assert {name.rpartition(".")[2] for name in missing.missing_keys} <= {"num_batches_tracked"}

    t = torch.tensor(x, requires_grad=True)
    theirs.zero_grad()
    y = theirs(t)
    g = np.random.default_rng(seed).normal(size=tuple(y.shape))
    (y * torch.tensor(g)).sum().backward()
    expected = {"output": y.detach(), "x": t.grad} | {name: p.grad for name, p in theirs.named_parameters()}
    found = run(layer, kind, x, g)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array.numpy(), **DIGITS, err_msg=name)


def assert_kinds_agree(make, x, seed=0):
    """A layer of Values and one of Tensors, with the same numbers, give the same output and gradients."""
    layers = {kind: drawn(make(kind), seed) for kind in (Value, Tensor)}
    g = np.random.default_rng(seed).normal(size=numbers(layers[Tensor](Tensor(x))).shape)
    ours, fast = (run(layer, kind, x, g) for kind, layer in layers.items())
    assert ours.keys() == fast.keys()
    for name, array in fast.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-9, atol=1e-9, err_msg=name)


def squares(y):
    """A loss in which every output weighs differently."""
    y = ag.reshape(y, -1)
    return ag.sum(y * y * np.linspace(0.5, 1.5, y.size))
