"""SGD by hand and beside PyTorch's."""

import numpy as np
import pytest

import nn
from autograd import Value


def test_a_step_goes_down_the_gradient():
    w = Value(1.0)
    w.grad = 4.0
    nn.SGD([w], lr=0.25).step()
    assert w.data == 0.0


def test_momentum_by_hand():
    w = Value(0.0)
    optimizer = nn.SGD([w], lr=0.1, momentum=0.5)
    track = []
    for grad in (1.0, 1.0, 0.0, -2.0):
        w.grad = grad
        optimizer.step()
        track.append(w.data)
    # velocities 1, 1.5, 0.75, -1.625
    assert track == pytest.approx([-0.1, -0.25, -0.325, -0.1625], rel=1e-14)


def test_without_momentum_the_past_is_forgotten():
    w = Value(0.0)
    optimizer = nn.SGD([w], lr=1.0)
    w.grad = 5.0
    optimizer.step()
    w.grad = 0.0
    optimizer.step()
    assert w.data == -5.0


def test_zero_grad_clears_only_its_own_parameters():
    w, other = Value(1.0), Value(1.0)
    w.grad = other.grad = 3.0
    nn.SGD([w]).zero_grad()
    assert (w.grad, other.grad) == (0.0, 3.0)


def rosenbrock(x, y):
    return (1 - x) ** 2 + 5 * (y - x * x) ** 2


def trajectory():
    x, y = Value(-0.5), Value(0.8)
    optimizer = nn.SGD([x, y], lr=0.01, momentum=0.9)
    track = []
    for _ in range(50):
        optimizer.zero_grad()
        rosenbrock(x, y).backward()
        optimizer.step()
        track.append((x.data, y.data))
    return track


@pytest.mark.oracle
def test_torch_takes_the_same_path():
    torch = pytest.importorskip("torch")
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-0.5, 0.8))
    optimizer = torch.optim.SGD([x, y], lr=0.01, momentum=0.9)
    track = []
    for _ in range(50):
        optimizer.zero_grad()
        rosenbrock(x, y).backward()
        optimizer.step()
        track.append((x.item(), y.item()))
    assert np.array(trajectory()) == pytest.approx(np.array(track), rel=1e-12)


def test_a_generator_of_parameters_is_kept():
    w = Value(1.0)
    optimizer = nn.SGD((p for p in [w]), lr=1.0)
    w.grad = 1.0
    optimizer.step()
    optimizer.step()
    assert w.data == -1.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr": 0.0}, "lr must be a positive number, not 0.0"),
        ({"lr": -1}, "not -1"),
        ({"lr": float("nan")}, "not nan"),
        ({"lr": float("inf")}, "not inf"),
        ({"momentum": 1.0}, "momentum must be at least 0 and less than 1, not 1.0"),
        ({"momentum": -0.1}, "not -0.1"),
        ({"momentum": float("nan")}, "not nan"),
    ],
)
def test_settings_without_meaning_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        nn.SGD([Value(1.0)], **settings)


def test_no_parameters_is_told_with_a_way_out():
    with pytest.raises(ValueError, match=r"there are no parameters; pass model\.parameters\(\)"):
        nn.SGD([])
