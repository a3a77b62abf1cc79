"""Evaluation and metrics."""

import numpy as np
import pytest

import nn
from autograd import Tensor, Value


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_model_is_judged_by_its_mean_over_examples_whatever_the_batches(kind, size):
    model = nn.MLP(2, [3, 1], "tanh", rng=0, kind=kind)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 2)), rng.normal(size=7)
    w1, b1, w2, b2 = model.state_dict().values()
    predictions = (np.tanh(x @ w1 + b1) @ w2 + b2)[:, 0]
    found = nn.evaluate(model, x, y, loss=nn.mse, metrics={"error": lambda p, t: float(np.mean(p - t))}, batch_size=size)
    assert found == pytest.approx({"loss": np.mean((predictions - y) ** 2), "error": np.mean(predictions - y)}, rel=1e-12)


def test_a_model_is_left_as_it_was():
    model = nn.Sequential(nn.Dense(1, 4, rng=0, kind=Tensor), nn.BatchNorm(4, kind=Tensor), nn.Dropout(0.5, rng=0))
    model.layers[2].eval()
    before = model.state_dict()
    first, second = [nn.evaluate(model, [[1.0], [2.0]], np.zeros((2, 4)), loss=nn.mse) for _ in range(2)]
    assert first == second
    assert [layer.training for layer in model.layers] == [True, True, False]
    assert all((model.state_dict()[name] == array).all() for name, array in before.items())
    assert all(not parameter.grad.any() for parameter in model.parameters())


def test_accuracy_of_classes_and_of_signs():
    assert nn.accuracy(np.eye(3), [0, 1, 1]) == pytest.approx(2 / 3)
    assert nn.accuracy([2.0, -1.0, 0.5], [1, 0, 0]) == pytest.approx(2 / 3)
    assert nn.accuracy([2.0, -1.0], [1, -1]) == 1.0
    assert nn.accuracy([[2.0], [-1.0]], [1, 1]) == nn.accuracy([2.0, -1.0], [[1], [1]]) == 0.5
    assert nn.accuracy([2.0, -1.0], [True, True]) == 0.5
    assert nn.accuracy([0.0], [0]) == 1.0
    assert nn.accuracy(np.eye(3), [[0], [1], [1]]) == pytest.approx(2 / 3)
    assert nn.accuracy(np.zeros((2, 3, 4)), np.zeros((2, 3), int)) == 1.0


@pytest.mark.parametrize(
    ("logits", "labels"), [(np.zeros((3, 2)), [0, 1]), ([1.0], [[1, 0]]), ([], []), (np.zeros((2, 2, 2)), [0, 1])]
)
def test_accuracy_wants_one_label_for_each_example(logits, labels):
    with pytest.raises(ValueError, match=r"accuracy: logits have shape .* pass one label for each example"):
        nn.accuracy(logits, labels)


def test_accuracy_takes_distributions_by_their_largest_share():
    logits = [[2.0, 1.0, -1.0], [0.0, 1.0, 3.0]]
    assert nn.accuracy(logits, [[0, 1, 0], [0, 0, 1]]) == 0.5
    assert nn.accuracy(logits, [[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]]) == 1.0
    with pytest.raises(ValueError, match="must sum to 1; pass one label for each example"):
        nn.accuracy(logits, [[1, 1, 0], [0, 0, 1]])


def test_beside_single_logits_a_label_is_one_of_two():
    with pytest.raises(ValueError, match=r"beside single logits a label is 0 or 1 \(or -1 or 1\); these are \[1 2\]"):
        nn.accuracy([1.0, -1.0], [1, 2])


def test_metrics_may_come_from_a_generator():
    found = nn.evaluate(nn.Tanh(), [1.0], [1], loss=nn.mse, metrics=(metric for metric in [nn.accuracy]))
    assert found == pytest.approx({"loss": (np.tanh(1) - 1) ** 2, "accuracy": 1.0})


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_frozen_model_is_judged_too(kind):
    model = nn.Dense(2, 1, rng=0, kind=kind)
    expected = nn.evaluate(model, [[1.0, 2.0]], [0.5], loss=nn.mse)
    for parameter in model.parameters():
        parameter.requires_grad = False
    assert nn.evaluate(model, [[1.0, 2.0]], [0.5], loss=nn.mse) == expected


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"batch_size": 0}, ValueError, "evaluate: batch_size must be a whole number of at least 1, not 0"),
        ({"loss": "mse"}, TypeError, "evaluate: loss is a function of predictions and targets, such as nn.mse; not 'mse'"),
        ({"y": [1.0, 2.0]}, ValueError, "evaluate: 1 examples and 2 targets"),
        ({"metrics": "accuracy"}, TypeError, r"metrics is a list of functions"),
        ({"model": 3}, TypeError, r"evaluate: model is a Module, such as nn.MLP\(2, \[8, 1\]\); not 3"),
    ],
)
def test_what_cannot_be_judged_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        nn.evaluate(**{"model": nn.Dense(1, 1, rng=0), "x": [[1.0]], "y": [1.0], "loss": nn.mse, **settings})


def test_accuracy_beside_bce_is_that_of_logits_and_refused_for_single_probabilities():
    model, x = nn.Dense(1, 1, "sigmoid", rng=0, kind=Tensor), [[1.0], [2.0]]
    with pytest.raises(ValueError, match="accuracy takes logits, and bce goes with probabilities"):
        nn.evaluate(model, x, [0, 1], loss=nn.bce, metrics=[nn.accuracy])
    rows = nn.Dense(1, 2, "sigmoid", rng=0, kind=Tensor)
    expected = float((rows(x).data.argmax(1) == [0, 1]).mean())
    assert nn.evaluate(rows, x, np.eye(2), loss=nn.bce, metrics=[nn.accuracy])["accuracy"] == expected


def test_a_model_that_overflows_has_an_infinite_loss_and_no_warning():
    model = nn.MLP(1, [1], kind=Tensor, rng=0)
    model.load_state_dict({"layers.0.weight": [[1e200]], "layers.0.bias": [0.0]})
    assert nn.evaluate(model, [[1.0]], [0.0], loss=nn.mse) == {"loss": np.inf}
