"""Losses against their formulas and PyTorch, at the extremes, and where they refuse."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd import DomainError, Tensor, Value

RNG_SEED = 0


def values(array):
    return [values(row) for row in array] if isinstance(array, list | np.ndarray) else Value(float(array))


def leaves(nested):
    return [leaf for row in nested for leaf in leaves(row)] if isinstance(nested, list) else [nested]


def made(kind, array):
    return Tensor(np.asarray(array, float)) if kind is Tensor else values(array)


def numbers(result):
    return result.data if isinstance(result, Tensor) else np.array(result, float)


def gradients(predictions):
    if isinstance(predictions, Tensor):
        return predictions.grad
    array = np.array(predictions)
    return np.array([leaf.grad for leaf in array.ravel()]).reshape(array.shape)


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


# -- PyTorch -----------------------------------------------------------------------------------------------------------------


def distributions(rng, *shape):
    q = rng.uniform(0.05, 1.0, shape)
    return q / q.sum(-1, keepdims=True)


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def drawn(rng, scale):
    """For each loss: itself, predictions, targets, and PyTorch's function of both as tensors, with the same ``reduction``."""

    def by(name, **settings):
        return lambda f, p, t, reduction: getattr(f, name)(p, t, reduction=reduction, **settings)

    def hinge(f, s, y, reduction):
        return reduced(f.relu(1 - y * s), reduction)

    def divergence(f, log_p, q, reduction):
        return reduced(f.kl_div(log_p, q, reduction="none").sum(-1), reduction)

    z, z3 = scale * rng.normal(size=7), scale * rng.normal(size=(7, 3))
    t, t3, y, y3 = rng.normal(size=7), rng.normal(size=(7, 3)), rng.integers(0, 2, 7), rng.integers(0, 3, 7)
    q, q3, p = rng.uniform(size=7), distributions(rng, 7, 3), rng.uniform(0.01, 0.99, 7)
    smooth = partial(nn.cross_entropy, label_smoothing=0.1)
    return {
        "mse": (nn.mse, z, t, by("mse_loss")),
        "mse of rows": (nn.mse, z3, t3, by("mse_loss")),
        "mae": (nn.mae, z, t, by("l1_loss")),
        "huber": (nn.huber, z, t, by("huber_loss")),
        "huber, delta": (partial(nn.huber, delta=0.3), z3, t3, by("huber_loss", delta=0.3)),
        "hinge": (nn.hinge, z, 2.0 * y - 1, hinge),
        "bce": (nn.bce, p, 1.0 * y, by("binary_cross_entropy")),
        "bce, soft": (nn.bce, p, q, by("binary_cross_entropy")),
        "bce_with_logits": (nn.bce_with_logits, z, 1.0 * y, by("binary_cross_entropy_with_logits")),
        "bce_with_logits, soft": (nn.bce_with_logits, z, q, by("binary_cross_entropy_with_logits")),
        "cross_entropy": (nn.cross_entropy, z3, y3, by("cross_entropy")),
        "cross_entropy of one": (nn.cross_entropy, z3[0], y3[0], by("cross_entropy")),
        "cross_entropy, smooth": (smooth, z3, y3, by("cross_entropy", label_smoothing=0.1)),
        "cross_entropy, soft": (nn.cross_entropy, z3, q3, by("cross_entropy")),
        "cross_entropy, one-hot": (nn.cross_entropy, z3, np.eye(3)[y3], by("cross_entropy")),
        "cross_entropy, soft and smooth": (smooth, z3, q3, by("cross_entropy", label_smoothing=0.1)),
        "kl_divergence": (nn.kl_divergence, log_softmax(z3), q3, divergence),
        "kl_divergence of one": (nn.kl_divergence, log_softmax(z3)[0], q3[0], divergence),
        "kl_divergence, one-hot": (nn.kl_divergence, log_softmax(z3), np.eye(3)[y3], divergence),
    }


def reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()


NAMES = list(drawn(np.random.default_rng(0), 1.0))
every_kind = pytest.mark.parametrize("kind", [Value, Tensor])


@pytest.mark.oracle
@every_kind
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", NAMES)
def test_torch_agrees_on_value_and_gradient(name, reduction, kind):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(RNG_SEED)
    for scale in (0.5, 1.0, 50.0, 1000.0):
        loss, predictions, targets, theirs = drawn(rng, scale)[name]
        leaf = torch.tensor(predictions, requires_grad=True)
        expected = theirs(torch.nn.functional, leaf, torch.tensor(targets), reduction)
        weights = rng.uniform(0.5, 1.5, tuple(expected.shape))
        (expected * torch.tensor(weights)).sum().backward()

        nested = made(kind, predictions)
        result = loss(nested, targets, reduction=reduction)
        ag.sum(result * weights[()]).backward()
        assert np.shape(numbers(result)) == np.shape(weights)
        assert numbers(result) == pytest.approx(expected.detach().numpy(), rel=1e-10, abs=1e-12)
        assert gradients(nested) == pytest.approx(leaf.grad.numpy(), rel=1e-10, abs=1e-14)


# -- both kinds --------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 30.0, 1e3]), name=st.sampled_from(NAMES))
def test_values_and_tensors_agree(seed, scale, name):
    loss, predictions, targets, _ = drawn(np.random.default_rng(seed), scale)[name]
    values, tensor = made(Value, predictions), made(Tensor, predictions)
    by_values, by_tensor = loss(values, targets), loss(tensor, targets)
    by_values.backward()
    by_tensor.backward()
    assert isinstance(by_values, Value)
    assert isinstance(by_tensor, Tensor)
    assert by_tensor.shape == ()
    assert by_values.data == pytest.approx(by_tensor.item(), rel=1e-12, abs=1e-15 * scale + 1e-15)
    assert gradients(values) == pytest.approx(gradients(tensor), rel=1e-12, abs=1e-15)


@every_kind
@pytest.mark.parametrize("name", NAMES)
def test_gradcheck_agrees(name, kind):
    loss, predictions, targets, _ = drawn(np.random.default_rng(RNG_SEED), 1.0)[name]
    ag.gradcheck(lambda p: loss(p, targets), made(kind, predictions), raise_exception=True)


def test_gradcheck_rejects_a_wrong_loss():
    def wrong(p):
        return nn.mse(p, [1.0, 2.0]) + 0.001 * p[0].detach()

    with pytest.raises(AssertionError):
        ag.gradcheck(wrong, Tensor([0.5, 0.25]), raise_exception=True)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(name, reduction):
    loss, predictions, targets, _ = drawn(np.random.default_rng(RNG_SEED), 1.0)[name]
    leaf = Tensor(predictions, dtype=np.float32)
    result = loss(leaf, targets, reduction=reduction)
    assert result.dtype == np.float32
    ag.sum(result).backward()
    assert leaf.grad.dtype == np.float32


@pytest.mark.parametrize(("targets", "smoothing"), [([[0.2, 0.3, 0.5]], 0.0), ([1], 0.1), ([1], 0.0)])
def test_large_logits_in_float32_lose_no_digits(targets, smoothing):
    z = [[1000.0, 999.0, 998.5]]
    exact = nn.cross_entropy(Tensor(z), targets, label_smoothing=smoothing).item()
    found = nn.cross_entropy(Tensor(z, dtype=np.float32), targets, label_smoothing=smoothing).item()
    assert found == pytest.approx(exact, rel=1e-6)


def test_a_delta_of_numpys_does_not_widen_float32():
    assert nn.huber(Tensor([1.0, 3.0], dtype=np.float32), [0, 0], delta=np.float64(1.0)).dtype == np.float32


@every_kind
def test_targets_take_gradients_too(kind):
    q = made(kind, [0.25, 0.75])
    nn.kl_divergence(made(kind, np.log([0.5, 0.5])), q).backward()
    assert gradients(q) == pytest.approx(1 + np.log([0.25, 0.75]) - np.log([0.5, 0.5]))
    q = made(kind, [0.25, 0.75])
    nn.cross_entropy(made(kind, [1.0, 3.0]), q).backward()
    assert gradients(q)[0] - gradients(q)[1] == pytest.approx(2.0)  # of -Σ q ln p, along what keeps the sum of q at 1


def test_a_loss_of_values_is_few_nodes_to_look_at():
    z = [[Value(1.0), Value(2.0)], [Value(0.5), Value(-1.0)]]
    ops = [node.op.name for node in ag.topological_order(nn.cross_entropy(z, [0, 1])) if node.op]
    assert sorted(ops) == ["add_n", "logaddexp", "logaddexp", "mul", "sub", "sub"]
    ops = [node.op.name for node in ag.topological_order(nn.bce_with_logits(z[0], [0, 1])) if node.op]
    assert sorted(ops) == ["add_n", "bce_with_logits", "bce_with_logits", "mul"]
    ops = [node.op.name for node in ag.topological_order(nn.bce_with_logits(z[0][:1], [1])) if node.op]
    assert ops == ["bce_with_logits"]


def test_a_value_beside_tensors_is_refused():
    with pytest.raises(TypeError, match=r"Tensor\.of\(values\)"):
        nn.mse(Tensor([1.0, 2.0]), [Value(1.0), Value(2.0)])


# -- penalties ---------------------------------------------------------------------------------------------------------------


@every_kind
def test_penalties_are_sums_over_all_parameters(kind):
    w, b = np.array([[1.5, -2.0], [0.0, 3.0]]), np.array([-0.5, 4.0])
    for penalty, value, slope in [
        (nn.l1, np.abs(w).sum() + np.abs(b).sum(), np.sign),
        (nn.l2, (w**2).sum() + (b**2).sum(), lambda x: 2 * x),
    ]:
        parts = [made(kind, w), made(kind, b)]
        parameters = parts if kind is Tensor else leaves(parts)
        result = 0.5 * penalty(parameters)
        result.backward()
        assert type(result) is kind
        assert float(result) == pytest.approx(0.5 * value)
        assert gradients(parts[0]) == pytest.approx(0.5 * slope(w))
        assert gradients(parts[1]) == pytest.approx(0.5 * slope(b))


def test_penalties_take_a_model_or_one_layer():
    model = nn.MLP(2, [3, 1], rng=0)
    layer = model.layers[0].weight
    assert float(nn.l2(model.parameters())) == pytest.approx(sum(float(p) ** 2 for p in model.parameters()))
    assert float(nn.l1(layer)) == pytest.approx(np.abs(np.array(layer, float)).sum())
    assert nn.l2(Tensor([3.0, 4.0])).item() == 25.0
    assert nn.l2(iter([Value(3.0), Value(4.0)])).data == 25.0


@pytest.mark.parametrize("penalty", [nn.l1, nn.l2])
def test_a_penalty_of_nothing_is_refused(penalty):
    with pytest.raises(ValueError, match=f"{penalty.__name__}: there are no parameters; pass model.parameters"):
        penalty([])


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
    assert str(nn.bce(Tensor([1.0, 0.0]), [1, 0], reduction="none")) == "Tensor([0., 0.])"  # and not -0


@pytest.mark.parametrize(("p", "y"), [(0.0, 1), (1.0, 0), (0.0, 0.5), (1.0, 0.5)])
def test_a_certain_and_wrong_probability_is_an_error(p, y):
    for prediction in (Value(p), Tensor(p), Tensor([0.5, p])):
        with pytest.raises(DomainError, match="infinite where the label is"):
            nn.bce(prediction, [0, y] if np.ndim(numbers(prediction)) else y)


@pytest.mark.parametrize(("p", "y"), [(1.5, 1), (-0.5, 0), (1.5, 0), (-0.5, 1), (1.5, 0.5), (math.nan, 1)])
def test_what_is_no_probability_is_an_error(p, y):
    for predictions in ([Value(p)], Tensor([p])):
        with pytest.raises(DomainError, match="a probability must lie between 0 and 1"):
            nn.bce(predictions, [y])


# -- shapes and labels -------------------------------------------------------------------------------------------------------


def test_one_prediction_and_its_target_need_no_list():
    assert nn.mse(Value(3.0), 1).data == 4.0
    assert nn.hinge(Value(0.25), -1).data == 1.25
    assert nn.cross_entropy([Value(0.0), Value(0.0)], 1).data == pytest.approx(math.log(2))


def test_lists_of_one_count_as_their_element():
    for p, t in [([[1.0], [2.0]], [0, 4]), ([1.0, 2.0], [[0], [4]]), ([[1.0], [2.0]], np.array([[0], [4]]))]:
        assert nn.mse(values(p), t).data == 2.5
        assert nn.mse(made(Tensor, p), t).item() == 2.5
    assert nn.cross_entropy(Tensor(np.zeros((3, 2))), np.zeros((3, 1))).item() == pytest.approx(math.log(2))


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
        (nn.mse, [1.0, 2.0], [None, 1.0], "mse: predictions and targets are numbers, not NoneType"),
        (nn.mse, [1.0, 2.0], ["a", "b"], "predictions and targets are numbers, and <U1 is no kind of them"),
        (
            nn.bce_with_logits,
            [[1.0, 2.0]],
            [1],
            r"\(1, 2\), targets \(1,\); .*beside each row of logits there is cross_entropy",
        ),
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
        (nn.cross_entropy, 1.0, 0, "a list of logits, one a class"),
        (nn.cross_entropy, [[1.0], [2.0]], [0, 1], "a list of logits, one a class; for one logit use bce_with_logits"),
        (nn.cross_entropy, [[1.0], [2.0]], [[1.0], [1.0]], "for one logit use bce_with_logits"),
        (nn.cross_entropy, [1.0, 2.0], [[0], [1]], "for one logit use bce_with_logits"),
        (nn.cross_entropy, [[1.0, 2.0]], [math.inf], "label inf is not one of"),
        (nn.cross_entropy, [[[1.0, 2.0]]], [0, 1, 1], r"targets of shape \(3,\) came for logits of shape \(1, 1, 2\)"),
        (nn.cross_entropy, [[1.0, 2.0]], [[0.5, 0.6]], "must be a distribution, .* the sum of one is 1.1"),
        (nn.cross_entropy, [[1.0, 2.0]], [[1.5, -0.5]], r"its least number -0\.5"),
        (nn.cross_entropy, [[1.0, 2.0]], [["a"]], "predictions and targets are numbers, and <U1 is no kind of them"),
        (nn.cross_entropy, [[1.0, 2.0]], [{}], "predictions and targets are numbers, not dict"),
        (nn.kl_divergence, np.log([0.5, 0.5]), [0.5, 0.6], "kl_divergence: a row of targets must be a distribution"),
        (nn.kl_divergence, [0.5, 0.5], [0.5, 0.5], r"must be finite, .* the sum of one is 3\.29744, .*; pass log_softmax"),
        (nn.kl_divergence, [-5.0, -5.0], [0.5, 0.5], r"sum to 1; the sum of one is 0\.0134759, its least number -5"),
        (nn.kl_divergence, [1000.0, -1000.0], [0.5, 0.5], "its least number -1000; pass log_softmax"),
        (nn.kl_divergence, [-math.inf, 0.0], [0.5, 0.5], "must be finite, .* its least number -inf"),
        (nn.kl_divergence, [math.nan, 0.0], [0.5, 0.5], "must be finite, .* its least number nan"),
        (nn.kl_divergence, -0.5, 1.0, "wants a list of log-probabilities, one a class"),
        (nn.huber, [], [], "huber: the batch is empty"),
        (nn.mae, [[1.0, 2.0]], [1.0, 2.0], r"mae: predictions have shape \(1, 2\), targets \(2,\)"),
        (partial(nn.huber, delta=0.0), [1.0], [1.0], r"huber: delta must be above 0, not 0\.0"),
        (
            partial(nn.cross_entropy, label_smoothing=1.5),
            [[1.0, 2.0]],
            [0],
            "label_smoothing must lie between 0 and 1, not 1.5",
        ),
        (partial(nn.mse, reduction="avg"), [1.0], [1.0], 'mse: reduction is "mean", "sum" or "none", not \'avg\''),
    ],
)
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_what_does_not_fit_is_refused_in_words(kind, loss, predictions, targets, words):
    ragged = words.startswith("rows")  # of which no Tensor can be made
    with pytest.raises(ValueError, match=words):
        loss(made(Value if ragged else kind, predictions), targets)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.huber(Value(1.0), 0, delta="1"), "huber: delta is a number, not str"),
        (lambda: nn.cross_entropy([Value(1.0), Value(0.0)], 0, label_smoothing=None), "smoothing is a number, not NoneType"),
        (lambda: nn.l2(nn.MLP(2, [1], rng=0)), r"l2 takes a list of parameters, not MLP; pass model\.parameters\(\)"),
        (lambda: nn.l1([[Value(1.0)], [Value(2.0)]]), "l1: parameters are Values or Tensors, not list; pass model"),
        (lambda: nn.l2({"weight": Value(1.0)}), "l2: parameters are Values or Tensors, not str"),
    ],
)
def test_what_is_no_number_and_no_parameter_is_refused_in_words(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_lists_of_tensors_are_refused():
    with pytest.raises(TypeError, match="a list of Tensors is no batch; stack"):
        nn.mse([Tensor(1.0), Tensor(2.0)], [1.0, 2.0])


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int64, np.float32, object])
def test_whole_numbers_are_predictions_too(dtype):
    p, y = np.array([1, 0], dtype), np.array([0, 1], dtype)
    assert nn.mse(p, y).data == 1.0
    assert nn.bce_with_logits(p, y).data == pytest.approx((math.log(1 + math.e) + math.log(2)) / 2)
    assert nn.cross_entropy([p], [1]).data == pytest.approx(math.log(1 + math.e))
    assert nn.mse(Tensor([1.0, 0.0], dtype=np.float32), y).dtype == np.float32


def test_plain_numbers_have_a_loss_too():
    assert nn.mse([1.0, 2.0], [0.0, 0.0]).data == 2.5
    assert nn.cross_entropy(np.zeros((2, 2)), [0, 1]).data == pytest.approx(math.log(2))
    assert nn.mae([1.0, 2.0], [0.0, 0.0], reduction="none").tolist() == [1.0, 2.0]


def test_under_no_grad_a_loss_is_a_constant_of_its_kind():
    with ag.no_grad():
        by_values = nn.bce_with_logits([Value(1.0) * 2, Value(2.0)], [0, 1])
        by_tensor = nn.bce_with_logits(Tensor([2.0, 2.0]), [0, 1])
    assert (type(by_values), by_values.requires_grad) == (Value, False)
    assert (type(by_tensor), by_tensor.requires_grad) == (Tensor, False)
    assert by_values.data == pytest.approx(by_tensor.item())
