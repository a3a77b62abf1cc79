"""Losses: how wrong the predictions of a batch are, as one Value, the mean over its examples (the empirical risk).

Each takes one prediction and its target, or a batch of both. Logits come first, unnormalised; the exponentials are kept from
overflowing.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

import autograd as ag
from autograd import DomainError, Value

Loss: TypeAlias = Callable[[Any, Any], Value]


def mse(predictions: Any, targets: Any) -> Value:
    """Mean squared error, ``mean((p - t)²)``, over all elements.

    Args:
        predictions: Values, one for each example or a list for each.
        targets: numbers, in the same shape.

    Raises:
        ValueError: the shapes disagree.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 5.1.2.
    """
    errors = [p - t for p, t in _pairs("mse", predictions, targets)]
    return _mean([error * error for error in errors])


def hinge(scores: Any, labels: Any) -> Value:
    """Margin loss, ``mean(max(0, 1 - y · s))``, for labels ``y`` of -1 and 1.

    Args:
        scores: Values, one for each example.
        labels: -1 or 1, as many.

    Raises:
        ValueError: the numbers disagree, or a label is neither -1 nor 1.

    Source: Cortes and Vapnik, *Support-Vector Networks* (1995).
    """
    return _mean([ag.relu(1.0 - _one_of("hinge", y, (-1, 1)) * s) for s, y in _pairs("hinge", scores, labels)])


def bce(probabilities: Any, labels: Any) -> Value:
    """Binary cross-entropy, ``-mean(y ln p + (1 - y) ln(1 - p))``, of probabilities; ``bce_with_logits`` is safer near 0 and 1.

    Args:
        probabilities: Values between 0 and 1, one for each example.
        labels: 0 or 1, or a probability in between, as many.

    Raises:
        ValueError: the numbers disagree, or a label lies outside [0, 1].
        DomainError: a probability is 0 or 1 and the label says otherwise, so the loss is infinite; or it lies outside [0, 1].

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2.
    """
    return _mean([_bce(p, _probability("bce", y)) for p, y in _pairs("bce", probabilities, labels)])


def _bce(p: Any, y: float) -> Any:
    if not 0.0 <= float(p) <= 1.0:
        raise DomainError(
            f"bce: a probability must lie between 0 and 1; {float(p):.6g} does not. For logits use bce_with_logits"
        )
    if y in (0.0, 1.0):  # leave out the other term, which is 0 times a logarithm that may not exist
        return -(ag.log(p) if y else ag.log1p(-p))
    return -(y * ag.log(p) + (1.0 - y) * ag.log1p(-p))


def bce_with_logits(logits: Any, labels: Any) -> Value:
    """Binary cross-entropy of ``sigmoid(logits)``, ``mean(softplus(z) - y z)``, for any logit without overflow.

    Args:
        logits: Values, one for each example.
        labels: 0 or 1, or a probability in between, as many.

    Raises:
        ValueError: the numbers disagree, or a label lies outside [0, 1].

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2.
    """
    return _mean(
        [_bce_with_logits(z, _probability("bce_with_logits", y)) for z, y in _pairs("bce_with_logits", logits, labels)]
    )


def _bce_with_logits(z: Any, y: float) -> Any:
    if y in (0.0, 1.0):  # exact where softplus(z) and z would cancel
        return ag.softplus(-z if y else z)
    return ag.softplus(z) - y * z


def cross_entropy(logits: Any, labels: Any) -> Value:
    """Mean negative log-likelihood of the labels under ``softmax(logits)``, ``mean(logsumexp(z) - z[label])``.

    Args:
        logits: a list of Values, one a class, for each example: shape ``(batch, classes)``, or ``(classes,)``.
        labels: a whole number in ``[0, classes)`` for each example: shape ``(batch,)``, or a number.

    Raises:
        ValueError: the numbers disagree, or a label is not one of the classes.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.3.
    """
    wanted, shape = _flat("cross_entropy", labels)
    rows = _plain(logits) if shape else [logits]
    if len(rows) != len(wanted):
        raise ValueError(f"cross_entropy: {len(wanted)} labels for {len(rows)} rows of logits; pass one label per row")
    if not rows:
        raise ValueError("cross_entropy: the batch is empty")
    return _mean([_negative_log_likelihood(_plain(row), label) for row, label in zip(rows, wanted)])


def _negative_log_likelihood(row: Any, label: Any) -> Any:
    if not isinstance(row, list | tuple):
        raise ValueError("cross_entropy: each example wants a list of logits, one a class; for one logit use bce_with_logits")
    number = _number("cross_entropy", label)
    if not 0 <= number < len(row) or number != int(number):
        raise ValueError(f"cross_entropy: label {label} is not one of the {len(row)} classes 0 to {len(row) - 1}")
    return ag.logaddexp(*row) - row[int(number)]


def _mean(terms: Sequence[Any]) -> Value:
    mean: Value = ag.add_n(*terms) * (1.0 / len(terms)) if len(terms) > 1 else terms[0]
    return mean if isinstance(mean, Value) else Value(mean, requires_grad=False)


def _plain(x: Any) -> Any:
    return x.tolist() if isinstance(x, np.ndarray) else x


def _pairs(loss: str, predictions: Any, targets: Any) -> list[tuple[Any, Any]]:
    """Predictions and targets, element by element; rows of one element count as their element."""
    (p, p_shape), (t, t_shape) = _flat(loss, predictions), _flat(loss, targets)
    if _without_ones(p_shape) != _without_ones(t_shape):
        raise ValueError(f"{loss}: predictions have shape {p_shape}, targets {t_shape}; pass one target for each prediction")
    if not p:
        raise ValueError(f"{loss}: the batch is empty")
    return list(zip(p, t))


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return _without_ones(shape[:-1]) if shape[-1:] == (1,) else shape


def _flat(loss: str, x: Any) -> tuple[list[Any], tuple[int, ...]]:
    """The elements of a number, a list or a list of lists, and its shape."""
    x = _plain(x)
    if not isinstance(x, list | tuple):
        return [x], ()
    rows = [_plain(row) for row in x]
    if not any(isinstance(row, list | tuple) for row in rows):
        return rows, (len(rows),)
    if len({len(row) if isinstance(row, list | tuple) else -1 for row in rows}) > 1:
        raise ValueError(f"{loss}: rows must be of one length, and these differ")
    elements = [element for row in rows for element in row]
    if any(isinstance(element, list | tuple) for element in elements):
        raise ValueError(f"{loss}: a batch is a list of numbers or of rows of numbers; this one is nested deeper")
    return elements, (len(rows), len(rows[0]))


def _number(loss: str, label: Any) -> float:
    try:
        return float(label)
    except (TypeError, ValueError):
        raise ValueError(f"{loss}: a label must be a number, not {label!r}") from None


def _one_of(loss: str, label: Any, labels: Sequence[float]) -> float:
    number = _number(loss, label)
    if number not in labels:
        raise ValueError(f"{loss}: labels must be {' or '.join(map(str, labels))}, not {label}")
    return number


def _probability(loss: str, label: Any) -> float:
    number = _number(loss, label)
    if not 0 <= number <= 1:
        raise ValueError(f"{loss}: labels must lie between 0 and 1; {label} does not")
    return number
