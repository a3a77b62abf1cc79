"""Losses against their formulas and PyTorch, at the extremes, and where they refuse."""

import math

import numpy as np
import pytest

import nn
from autograd import DomainError, Value

RNG_SEED = 0


def values(array):
    return [values(row) for row in array] if isinstance(array, list | np.ndarray) else Value(float(array))


def leaves(nested):
    return [leaf for row in nested for leaf in leaves(row)] if isinstance(nested, list) else [nested]


def value_and_gradient(loss, predictions, targets):
    nested = values(predictions)
    result = loss(nested, targets)
    result.backward()
    return result.data, np.array([leaf.grad for leaf in leaves(nested)]).reshape(np.shape(predictions))


# -- formulas ----------------------------------------------------------------------------------------------------------------


def test_mse_is_the_mean_over_all_elements():
    p, t = np.random.default_rng(RNG_SEED).normal(size=(2, 5, 3))
    value, gradient = value_and_gradient(nn.mse, p, t)
    assert value == pytest.approx(np.mean((p - t) ** 2), rel=1e-13)
    assert gradient == pytest.approx(2 * (p - t) / 15, rel=1e-12)


def test_hinge_counts_what_lies_within_the_margin():
    value, gradient = value_and_gradient(nn.hinge, [2.0, 0.5, -3.0, -0.25], [1, 1, 1, -1])
    assert value == (0 + 0.5 + 4 + 0.75) / 4
    assert gradient.tolist() == [0, -0.25, -0.25, 0.25]


def test_bce_is_the_negative_log_likelihood():
    p, y = np.array([0.9, 0.2, 0.5, 0.3]), np.array([1, 0, 1, 0.25])
    value, gradient = value_and_gradient(nn.bce, p, y)
    assert value == pytest.approx(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), rel=1e-13)
    assert gradient == pytest.approx((p - y) / (p * (1 - p)) / 4, rel=1e-12)


def test_bce_with_logits_is_bce_of_the_sigmoid():
    z, y = np.array([2.0, -1.0, 0.0, 0.7]), np.array([1, 0, 1, 0.25])
    p = 1 / (1 + np.exp(-z))
    value, gradient = value_and_gradient(nn.bce_with_logits, z, y)
    assert value == pytest.approx(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), rel=1e-13)
    assert gradient == pytest.approx((p - y) / 4, rel=1e-12)


def test_cross_entropy_is_minus_the_log_of_the_softmax():
    z, labels = np.random.default_rng(RNG_SEED).normal(size=(5, 3)), [0, 2, 1, 1, 2]
    softmax = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    value, gradient = value_and_gradient(nn.cross_entropy, z, labels)
    assert value == pytest.approx(-np.mean(np.log(softmax[range(5), labels])), rel=1e-13)
    assert gradient == pytest.approx((softmax - np.eye(3)[labels]) / 5, rel=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("scale", [1.0, 50.0, 1000.0])
def test_torch_agrees(scale):
    torch = pytest.importorskip("torch")
    f, rng = torch.nn.functional, np.random.default_rng(RNG_SEED)
    z, z3 = scale * rng.normal(size=7), scale * rng.normal(size=(7, 3))
    y, y3, t = rng.integers(0, 2, 7), rng.integers(0, 3, 7), rng.normal(size=7)
    p = rng.uniform(0.01, 0.99, 7)
    cases = [
        (nn.mse, z, t, lambda a: f.mse_loss(a, torch.tensor(t))),
        (nn.bce, p, y, lambda a: f.binary_cross_entropy(a, torch.tensor(y, dtype=torch.float64))),
        (nn.bce_with_logits, z, y, lambda a: f.binary_cross_entropy_with_logits(a, torch.tensor(y, dtype=torch.float64))),
        (nn.cross_entropy, z3, y3, lambda a: f.cross_entropy(a, torch.tensor(y3))),
        (nn.hinge, z, 2 * y - 1, lambda a: torch.clamp(1 - torch.tensor(2 * y - 1) * a, min=0).mean()),
    ]
    for loss, predictions, targets, theirs in cases:
        leaf = torch.tensor(predictions, requires_grad=True)
        expected = theirs(leaf)
        expected.backward()
        value, gradient = value_and_gradient(loss, predictions, targets)
        assert value == pytest.approx(expected.item(), rel=1e-10), loss.__name__
        assert gradient == pytest.approx(leaf.grad.numpy(), rel=1e-8, abs=1e-14), loss.__name__


# -- extremes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logit", "label", "loss", "slope"),
    [
        (1000.0, 1, 0.0, 0.0),
        (1000.0, 0, 1000.0, 1.0),
        (-1000.0, 1, 1000.0, -1.0),
        (-1000.0, 0, 0.0, 0.0),
        (0.0, 1, math.log(2), -0.5),
        (1000.0, 0.5, 500.0, 0.5),
    ],
)
def test_logits_of_a_thousand_do_not_overflow(logit, label, loss, slope):
    assert value_and_gradient(nn.bce_with_logits, logit, label) == (loss, slope)


def test_logits_of_a_thousand_do_not_overflow_cross_entropy():
    value, gradient = value_and_gradient(nn.cross_entropy, [[1000.0, 0.0, -1000.0], [1000.0, 1000.0, -1000.0]], [1, 0])
    assert value == pytest.approx((1000 + math.log(2)) / 2)
    assert gradient == pytest.approx(np.array([[0.5, -0.5, 0.0], [-0.25, 0.25, 0.0]]))


def test_a_certain_and_right_probability_costs_nothing():
    assert value_and_gradient(nn.bce, [1.0, 0.0], [1, 0])[0] == 0.0


@pytest.mark.parametrize(("p", "y"), [(0.0, 1), (1.0, 0), (0.0, 0.5), (1.0, 0.5)])
def test_a_certain_and_wrong_probability_is_an_error(p, y):
    with pytest.raises(DomainError):
        nn.bce(Value(p), y)


@pytest.mark.parametrize(("p", "y"), [(1.5, 1), (-0.5, 0), (1.5, 0), (-0.5, 1), (1.5, 0.5)])
def test_what_is_no_probability_is_an_error(p, y):
    with pytest.raises(DomainError):
        nn.bce([Value(p)], [y])


# -- shapes and labels -------------------------------------------------------------------------------------------------------


def test_one_prediction_and_its_target_need_no_list():
    assert nn.mse(Value(3.0), 1).data == 4.0
    assert nn.hinge(Value(0.25), -1).data == 1.25
    assert nn.cross_entropy([Value(0.0), Value(0.0)], 1).data == pytest.approx(math.log(2))


def test_lists_of_one_count_as_their_element():
    for p, t in [([[1.0], [2.0]], [0, 0]), ([1.0, 2.0], [[0], [0]]), ([[1.0], [2.0]], np.zeros((2, 1)))]:
        assert nn.mse(values(p), t).data == 2.5


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_targets_may_be_arrays_lists_or_tuples(kind):
    assert nn.hinge(values([1.0, 0.0]), kind([1, -1])).data == 0.5
    assert nn.bce_with_logits(values([0.0, 0.0]), kind([1.0, 0.0])).data == pytest.approx(math.log(2))
    assert nn.cross_entropy(values([[0.0, 0.0], [0.0, 0.0]]), kind([1, 0])).data == pytest.approx(math.log(2))


def test_targets_may_be_values():
    target = Value(1.0)
    nn.mse([Value(3.0)], [target]).backward()
    assert target.grad == -4.0


@pytest.mark.parametrize(
    ("loss", "predictions", "targets", "words"),
    [
        (nn.mse, [1.0, 2.0], [1.0], r"mse: predictions have shape \(2,\), targets \(1,\); pass one target for each prediction"),
        (nn.mse, [[1.0, 2.0]], [[1.0], [2.0], [3.0]], r"shape \(1, 2\), targets \(3, 1\)"),
        (nn.mse, [[1.0, 2.0], [3.0]], [1.0, 2.0], "rows must be of one length"),
        (nn.mse, [], [], "mse: the batch is empty"),
        (nn.hinge, [1.0], [0], "hinge: labels must be -1 or 1, not 0"),
        (nn.hinge, [1.0, 1.0], [1], r"hinge: predictions have shape \(2,\), targets \(1,\)"),
        (nn.bce, [0.5], [2], "bce: labels must lie between 0 and 1; 2 does not"),
        (nn.bce_with_logits, [0.5], [-1], "bce_with_logits: labels must lie between 0 and 1; -1 does not"),
        (nn.bce_with_logits, [0.5], [math.nan], "nan does not"),
        (nn.bce_with_logits, [], [], "the batch is empty"),
        (nn.cross_entropy, [[1.0, 2.0]], [2], "cross_entropy: label 2 is not one of the 2 classes 0 to 1"),
        (nn.cross_entropy, [[1.0, 2.0]], [-1], "label -1 is not one of the 2 classes"),
        (nn.cross_entropy, [[1.0, 2.0]], [0.5], r"label 0\.5 is not one of"),
        (nn.cross_entropy, [[1.0, 2.0]], [math.nan], "label nan is not one of"),
        (nn.cross_entropy, [[1.0, 2.0]], [0, 1], "cross_entropy: 2 labels for 1 rows of logits; pass one label per row"),
        (nn.cross_entropy, [], [], "cross_entropy: the batch is empty"),
        (nn.cross_entropy, [1.0, 2.0], [0, 1], "a list of logits, one a class; for one logit use bce_with_logits"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(loss, predictions, targets, words):
    with pytest.raises(ValueError, match=words):
        loss(values(predictions), targets)


def test_plain_numbers_have_a_loss_too():
    assert nn.mse([1.0, 2.0], [0.0, 0.0]).data == 2.5
