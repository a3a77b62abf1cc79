"""Each optimizer beside PyTorch's, step by step."""

import inspect
from itertools import pairwise

import numpy as np
import pytest

import autograd as ag
import nn.optim
from autograd import Tensor, Value

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

STEPS = 200
WIDTHS = {Tensor: (3, 5, 2), Value: (2, 2, 1)}

RULES = [  # ours, torch's, settings
    ("SGD", "SGD", {"lr": 0.2}),
    ("SGD", "SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", "SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", "SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("GradientDescent", "SGD", {"lr": 0.2}),
    ("Momentum", "SGD", {"lr": 0.01, "momentum": 0.9}),
    ("Momentum", "SGD", {"lr": 0.01, "momentum": 0.8, "weight_decay": 0.01}),
    ("Nesterov", "SGD", {"lr": 0.01, "momentum": 0.9}),
    ("Nesterov", "SGD", {"lr": 0.01, "momentum": 0.8, "weight_decay": 0.01}),
    ("Adagrad", "Adagrad", {}),
    ("Adagrad", "Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.01, "initial_accumulator_value": 0.1, "eps": 1e-6}),
    ("Adadelta", "Adadelta", {}),
    ("Adadelta", "Adadelta", {"lr": 0.5, "rho": 0.95, "eps": 1e-7, "weight_decay": 0.01}),
    ("RMSprop", "RMSprop", {"lr": 1e-3}),
    ("RMSprop", "RMSprop", {"lr": 1e-3, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.01, "momentum": 0.9}),
    ("RMSprop", "RMSprop", {"lr": 1e-3, "centered": True, "momentum": 0.5}),
    ("Adam", "Adam", {}),
    ("Adam", "Adam", {"lr": 0.02, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.01}),
    ("Adam", "Adam", {"lr": 0.05, "amsgrad": True}),
    ("AdamW", "AdamW", {}),
    ("AdamW", "AdamW", {"lr": 0.02, "weight_decay": 0.1, "amsgrad": True}),
]
NAMES = [f"{ours} {' '.join(f'{k}={v}' for k, v in settings.items())}".strip() for ours, _, settings in RULES]


def start(widths, seed=0):
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(widths))
    arrays = [rng.normal(size=shape) for n_in, n_out in pairs for shape in ((n_in, n_out), (n_out,))]
    return arrays, rng.normal(size=(6, widths[0])), rng.normal(size=(6, widths[-1]))


def loss_of(weights, x, y, tanh):
    w1, b1, w2, b2 = weights
    error = tanh(x @ w1 + b1) @ w2 + b2 - y
    return (error * error).sum() / len(y)


def leaves(block):
    return [block] if isinstance(block, Tensor) else block.ravel().tolist()


def together(blocks):
    return [leaf for block in blocks for leaf in block]


def our_track(make, kind, dtype=np.float64, steps=STEPS):
    """The parameters after each step, ``(steps, n)``; ``make`` takes the four blocks, each a list of leaves."""
    arrays, x, y = start(WIDTHS[kind])
    x, y = x.astype(dtype), y.astype(dtype)
    blocks = [Tensor(a, dtype=dtype) if kind is Tensor else np.vectorize(Value, otypes=[object])(a) for a in arrays]
    optimizer = make([leaves(block) for block in blocks])
    track = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(blocks, x, y, ag.tanh).backward()
        optimizer.step()
        track.append(np.concatenate([np.ravel(w.data) for block in blocks for w in leaves(block)]))
    return np.array(track)


def torch_track(make, widths, dtype=np.float64, steps=STEPS):
    arrays, x, y = start(widths)
    blocks = [torch.tensor(a.astype(dtype), requires_grad=True) for a in arrays]
    x, y = torch.tensor(x.astype(dtype)), torch.tensor(y.astype(dtype))
    optimizer = make([[block] for block in blocks])
    track = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(blocks, x, y, torch.tanh).backward()
        optimizer.step()
        track.append(np.concatenate([block.detach().numpy().ravel() for block in blocks]))
    return np.array(track)


def check_that_it_follows(ours, theirs, settings, kind):
    track = our_track(lambda blocks: ours(together(blocks), **settings), kind)
    expected = torch_track(lambda blocks: theirs(together(blocks), **settings), WIDTHS[kind])
    assert np.abs(expected[-1] - expected[0]).max() > 1e-2, "it has to go somewhere"
    np.testing.assert_allclose(track, expected, rtol=0, atol=1e-8)


def with_torchs_names(ours, settings):
    return {**settings, "nesterov": True} if ours == "Nesterov" else settings


@pytest.mark.parametrize("kind", [Tensor, Value])
@pytest.mark.parametrize(("ours", "theirs", "settings"), RULES, ids=NAMES)
def test_it_follows_torch_for_200_steps(ours, theirs, settings, kind):
    check_that_it_follows(
        getattr(nn.optim, ours),
        lambda parameters, **s: getattr(torch.optim, theirs)(parameters, **with_torchs_names(ours, s)),
        settings,
        kind,
    )


class Uncorrected(nn.optim.Adam):
    def rule(self, pack, t, **settings):
        return super().rule(pack, 10**6, **settings)


class Late(nn.optim.Adagrad):
    def rule(self, pack, t, **settings):
        return super().rule(pack, t + 1, **settings)


@pytest.mark.parametrize(
    ("wrong", "right", "settings"),
    [(Uncorrected, "Adam", {"lr": 0.01}), (Late, "Adagrad", {"lr_decay": 0.01})],
)
def test_the_check_notices_a_wrong_rule(wrong, right, settings):
    with pytest.raises(AssertionError, match="Not equal"):
        check_that_it_follows(wrong, getattr(torch.optim, right), settings, Tensor)


def in_groups(optimizer, **settings):
    return lambda blocks: optimizer(
        [{"params": blocks[0] + blocks[1], "lr": 0.01}, {"params": blocks[2] + blocks[3], "weight_decay": 0.1}], **settings
    )


@pytest.mark.parametrize("kind", [Tensor, Value])
@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW"])
def test_groups_have_settings_of_their_own_as_in_torch(name, kind):
    track = our_track(in_groups(getattr(nn.optim, name), lr=0.02), kind)
    expected = torch_track(in_groups(getattr(torch.optim, name), lr=0.02), WIDTHS[kind])
    np.testing.assert_allclose(track, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("ours", "theirs", "settings"), RULES, ids=NAMES)
def test_float32_stays_float32_and_near_torchs(ours, theirs, settings):
    track = our_track(lambda blocks: getattr(nn.optim, ours)(together(blocks), **settings), Tensor, np.float32, 50)
    expected = torch_track(
        lambda blocks: getattr(torch.optim, theirs)(together(blocks), **with_torchs_names(ours, settings)),
        WIDTHS[Tensor],
        np.float32,
        50,
    )
    assert track.dtype == np.float32
    np.testing.assert_allclose(track, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW"])
def test_names_order_and_defaults_are_torchs(name):
    ours = inspect.signature(getattr(nn.optim, name)).parameters.values()
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    plain = [p for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in plain] == [n for n in theirs if n in {p.name for p in plain}]
    assert {p.name for p in plain if p.default != theirs[p.name].default} <= ({"lr"} if name == "SGD" else set())


@pytest.mark.parametrize("max_norm", [0.5, 5.0, 1e3])
def test_clipping_by_norm_is_torchs(max_norm):
    gradients = [np.random.default_rng(0).normal(size=shape) for shape in ((3, 4), (4,))]
    ours, theirs = [Tensor(g) for g in gradients], [torch.tensor(g, requires_grad=True) for g in gradients]
    for w, v, g in zip(ours, theirs, gradients):
        w.grad, v.grad = g, torch.tensor(g)
    norm = nn.optim.clip_grad_norm(ours, max_norm)
    assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, max_norm).item(), rel=1e-14)
    for w, v in zip(ours, theirs):
        np.testing.assert_allclose(w.grad, v.grad.numpy(), rtol=1e-5)  # torch divides by the norm + 1e-6


def test_clipping_by_value_is_torchs():
    gradient = np.random.default_rng(0).normal(size=(3, 4))
    w, v = Tensor(gradient), torch.tensor(gradient, requires_grad=True)
    w.grad, v.grad = gradient, torch.tensor(gradient)
    nn.optim.clip_grad_value([w], 0.3)
    torch.nn.utils.clip_grad_value_([v], 0.3)
    assert np.array_equal(w.grad, v.grad.numpy())
