"""Losses: how wrong the predictions of a batch are, as one number, the mean over its examples (the empirical risk).

mse, mae, huber ........ of numbers
hinge .................. of scores, for two classes
bce, bce_with_logits ... of probabilities, or of logits, for two classes
cross_entropy .......... of logits, for many classes
kl_divergence .......... of log-probabilities, from other distributions
l1, l2 ................. of parameters: penalties, to be added to a loss

Each takes Tensors; or Values, in arrays or lists or alone; and gives one of the kind that it was given. Predictions come first,
logits unnormalised. ``reduction`` says what becomes of a batch: its ``"mean"``, its ``"sum"``, or with ``"none"`` the loss of
each element (of each example, where an example is a row of classes).

All are computed so that nothing overflows. ``viz.draw(viz.textbook(loss))`` shows one as textbooks write it:

>>> from autograd import Value
>>> from viz import formula, textbook
>>> z = Value(2.0, label="z")
>>> print(formula(textbook(bce_with_logits(z, 1.0))))
v6 = 1 / (1 + exp(-z))
-(1 * log(v6) + 0 * log(1 - v6))
"""

from collections.abc import Callable, Iterable
from functools import partial
from numbers import Real
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import DomainError, Node, Tensor, Value, ops
from autograd.arrays import are_below
from autograd.errors import callers_line
from autograd.recording import checked

from .kinds import Floats, elements, one_hot

Loss: TypeAlias = Callable[[Any, Any], Any]
Reduction: TypeAlias = Literal["mean", "sum", "none"]

_TOLERANCE = 1e-3  # of the sum of a distribution, which float16 may hold


def mse(predictions: Any, targets: Any, *, reduction: Reduction = "mean") -> Any:
    """Mean squared error, ``(p - t)²``, over all elements.

    Args:
        predictions: Values or a Tensor, of any shape.
        targets: numbers, in the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes disagree.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 5.1.4.
    """
    p, t = _pair("mse", predictions, targets)
    error = p - t
    return _reduced("mse", error * error, reduction)


def mae(predictions: Any, targets: Any, *, reduction: Reduction = "mean") -> Any:
    """Mean absolute error, ``|p - t|``, over all elements; where ``p = t`` its derivative is 0 by convention.

    Args:
        predictions: Values or a Tensor, of any shape.
        targets: numbers, in the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes disagree.

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 1.5.5.
    """
    p, t = _pair("mae", predictions, targets)
    return _reduced("mae", ag.abs(p - t), reduction)


def huber(predictions: Any, targets: Any, *, delta: float = 1.0, reduction: Reduction = "mean") -> Any:
    """Huber's loss: of an error ``e = p - t``, ``e² / 2`` up to ``|e| = delta``, and from there on ``delta (|e| - delta / 2)``.

    Args:
        predictions: Values or a Tensor, of any shape.
        targets: numbers, in the same shape.
        delta: the error at which the parabola goes over into a line, above 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes disagree, or ``delta`` is not above 0.
        TypeError: ``delta`` is no number.

    Source: Huber, *Robust Estimation of a Location Parameter* (1964).
    """
    if not (delta := _number("huber: delta", delta)) > 0:
        raise ValueError(f"huber: delta must be above 0, not {delta}")
    p, t = _pair("huber", predictions, targets)
    return _reduced("huber", ops.huber(p - t, delta), reduction)


def hinge(scores: Any, targets: Any, *, reduction: Reduction = "mean") -> Any:
    """Margin loss, ``max(0, 1 - y s)``, for labels ``y`` of -1 and 1.

    Args:
        scores: Values or a Tensor, one number for each example.
        targets: -1 or 1, in the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes disagree, or a label is neither -1 nor 1.

    Source: Cortes and Vapnik, *Support-Vector Networks* (1995).
    """
    s, y = _pair("hinge", scores, targets)
    checked(_see_signs, y)
    return _reduced("hinge", ag.relu(1.0 - y * s), reduction)


def bce(probabilities: Any, targets: Any, *, reduction: Reduction = "mean") -> Any:
    """Binary cross-entropy of probabilities, ``-(y ln p + (1 - y) ln(1 - p))``; ``bce_with_logits`` is safer near 0 and 1.

    Args:
        probabilities: Values or a Tensor, numbers from 0 to 1, one for each example.
        targets: 0 or 1, or a probability in between, in the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes disagree, or a label lies outside [0, 1].
        DomainError: a probability is 0 or 1 and the label says otherwise, so the loss is infinite; or it lies outside [0, 1].

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2.
    """
    p, y = _pair("bce", probabilities, targets)
    checked(partial(_see_shares, "bce"), y)
    checked(_see_probabilities, p, y)
    return _reduced("bce", ops.bce(p, y), reduction)


def bce_with_logits(logits: Any, targets: Any, *, reduction: Reduction = "mean") -> Any:
    """Binary cross-entropy of ``sigmoid(logits)``, ``ln(1 + exp(z)) - y z``, for any logit without overflow.

    Its textbook form is ``-(y ln p + (1 - y) ln(1 - p))``, where ``p = 1 / (1 + exp(-z))``.

    Args:
        logits: Values or a Tensor, one number for each example.
        targets: 0 or 1, or a probability in between, in the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes disagree, or a label lies outside [0, 1].

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2.
    """
    z, y = _pair("bce_with_logits", logits, targets)
    checked(partial(_see_shares, "bce_with_logits"), y)
    return _reduced("bce_with_logits", ops.bce_with_logits(z, y), reduction)


def cross_entropy(logits: Any, targets: Any, *, label_smoothing: float = 0.0, reduction: Reduction = "mean") -> Any:
    """Negative log-likelihood of labels under ``softmax(logits)``, ``logsumexp(z) - z[label]``; its mean over the examples.

    Its textbook form is ``-ln p[label]``, where ``p = exp(z) / Σ exp(z)``. A target may also be a distribution ``q`` over the
    classes, one-hot say; then it is ``-Σ q ln p``.

    Args:
        logits: Values or a Tensor, a row with one number a class, of two or more, for each example: ``(batch, classes)``, or
            ``(classes,)``.
        targets: a whole number in ``[0, classes)`` for each example: ``(batch,)``, or a number; or distributions, in the shape
            of the logits.
        label_smoothing: the share of each target that is spread evenly over all classes.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the loss of each example.

    Raises:
        ValueError: the shapes disagree, a label is not one of the classes, a distribution does not sum to 1, or
            ``label_smoothing`` lies outside [0, 1].
        TypeError: ``label_smoothing`` is no number.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), sections 6.2.2.3 and 7.5.1.
    """
    z, t = _floats(_given("cross_entropy", logits)), _given("cross_entropy", targets)
    if not 0 <= (label_smoothing := _number("cross_entropy: label_smoothing", label_smoothing)) <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie between 0 and 1, not {label_smoothing}")
    of_distributions = z.shape == t.shape and (z.ndim > 1 or t.dtype.kind not in "iub")
    if z.shape[-1:] in ((), (1,)) or (z.ndim == 1 and z.shape == _without_ones(t.shape) and not of_distributions):
        raise ValueError("cross_entropy: each example wants a list of logits, one a class; for one logit use bce_with_logits")
    if of_distributions:
        checked(partial(_see_distributions, "cross_entropy"), t)
        return _reduced("cross_entropy", _of_distributions(z, t, label_smoothing), reduction)
    labels = _labels(z, t)
    if label_smoothing or labels.dtype.kind in "fO":  # which place no element
        hot = one_hot(labels, z.shape[-1], z.dtype if isinstance(z, Tensor) else float)
        return _reduced("cross_entropy", _of_distributions(z, hot, label_smoothing), reduction)
    if isinstance(z, Tensor):
        return _reduced("cross_entropy", ag.cross_entropy(z, labels), reduction)
    chosen = np.take_along_axis(z, labels[..., None], -1)[..., 0]
    return _reduced("cross_entropy", ag.logsumexp(z, -1) - chosen, reduction)


def _of_distributions(z: Any, q: Any, smoothing: float) -> Any:
    if smoothing:
        q = (1.0 - smoothing) * q + smoothing / z.shape[-1]
    q = _floats(q, z)
    if isinstance(z, Tensor):  # its float32 may have no digits to lose
        return -ag.sum(q * ag.log_softmax(z, -1), -1)
    return ag.logsumexp(z, -1) - ag.sum(q * z, -1)


def kl_divergence(log_probabilities: Any, targets: Any, *, reduction: Reduction = "mean") -> Any:
    """Kullback-Leibler divergence of predicted distributions ``p`` from targets ``q``, ``KL(q ‖ p) = Σ q (ln q - ln p)``.

    Predictions come as ``ln p``, which ``ag.log_softmax(logits)`` gives without overflow, and targets as ``q``. That is how
    PyTorch's ``kl_div`` takes them; the mean here is over examples, which it calls ``"batchmean"``.

    Args:
        log_probabilities: Values or a Tensor, a row with ``ln p`` of each class for each example: ``(batch, classes)``, or
            ``(classes,)``.
        targets: distributions, in the same shape.
        reduction: ``"mean"``, ``"sum"``, or ``"none"`` for the divergence of each example.

    Raises:
        ValueError: the shapes disagree, or a target does not sum to 1.
        DomainError: log-probabilities are not finite, or not those of a distribution.

    Source: Kullback and Leibler, *On Information and Sufficiency* (1951).
    """
    log_p, q = _pair("kl_divergence", log_probabilities, targets)
    if not log_p.shape:
        raise ValueError("kl_divergence: each example wants a list of log-probabilities, one a class")
    checked(_see_log_probabilities, log_p)
    checked(partial(_see_distributions, "kl_divergence"), q)
    log_q = ag.log(q + (1.0 - ag.step(q)))  # so that 0 ln 0 is 0
    return _reduced("kl_divergence", ag.sum(q * (log_q - log_p), -1), reduction)


# -- penalties ---------------------------------------------------------------------------------------------------------------


def l1(parameters: Any) -> Any:
    """Sum of absolute values, ``Σ |w|``, which drives weights to 0; at 0 its derivative is 0 by convention.

    Args:
        parameters: Values or Tensors, such as ``model.parameters()``.

    Raises:
        ValueError: there are none.
        TypeError: ``parameters`` holds anything else.

    Source: Tibshirani, *Regression Shrinkage and Selection via the Lasso* (1996).
    """
    return _total([ag.sum(ag.abs(w)) for w in _vectors("l1", parameters)])


def l2(parameters: Any) -> Any:
    """Sum of squares, ``Σ w²``, which keeps weights small: ``loss + 1e-4 * nn.l2(model.parameters())``.

    Args:
        parameters: Values or Tensors, such as ``model.parameters()``.

    Raises:
        ValueError: there are none.
        TypeError: ``parameters`` holds anything else.

    Source: Hoerl and Kennard, *Ridge Regression* (1970).
    """
    return _total([ag.dot(w, w) for w in _vectors("l2", parameters)])


def _vectors(penalty: str, parameters: Any) -> list[Any]:
    """Each Tensor, and all Values together, along one axis."""
    parameters = [parameters] if isinstance(parameters, Node) else parameters
    if not isinstance(parameters, Iterable):
        raise TypeError(f"{penalty} takes a list of parameters, not {type(parameters).__name__}; pass model.parameters()")
    vectors: list[Any] = []
    values: list[Any] = []
    for part in parameters:
        if isinstance(part, Tensor):
            vectors.append(part.ravel())
        else:
            values += part.ravel().tolist() if isinstance(part, np.ndarray) else [part]
    if odd := [x for x in values if not isinstance(x, Value | Real)]:
        raise TypeError(f"{penalty}: parameters are Values or Tensors, not {type(odd[0]).__name__}; pass model.parameters()")
    if values:
        vectors.append(np.fromiter(values, object, len(values)))
    if not vectors:
        raise ValueError(f"{penalty}: there are no parameters; pass model.parameters()")
    return vectors


def _total(terms: list[Any]) -> Any:
    return ag.add_n(*terms) if len(terms) > 1 else terms[0]


# -- what they are given, and what they give ---------------------------------------------------------------------------------


def _reduced(loss: str, losses: Any, reduction: Reduction) -> Any:
    if reduction == "none":
        return losses
    if reduction not in ("mean", "sum"):
        raise ValueError(f'{loss}: reduction is "mean", "sum" or "none", not {reduction!r}')
    if isinstance(losses, np.ndarray) and losses.size == 1:
        losses = losses.item()
    if isinstance(losses, Tensor | np.ndarray) and losses.shape:
        losses = (ag.mean if reduction == "mean" else ag.sum)(losses)
    return losses if isinstance(losses, Node) else Value(losses, requires_grad=False)


def _given(loss: str, x: Any) -> Any:
    """A Tensor; or an array, of Values or of numbers."""
    try:
        array: Any = x if isinstance(x, Tensor) else np.asarray(elements(x))
    except ValueError:
        raise ValueError(f"{loss}: rows must be of one length, and these differ") from None
    if array.dtype == object:
        kinds = set(map(type, array.ravel().tolist()))
        if odd := [kind.__name__ for kind in kinds if not issubclass(kind, Value | Real)]:
            raise ValueError(f"{loss}: predictions and targets are numbers, not {min(odd)}")
        if not any(issubclass(kind, Value) for kind in kinds):
            array = array.astype(float)
    if array.dtype.kind not in "fiubO":
        raise ValueError(f"{loss}: predictions and targets are numbers, and {array.dtype} is no kind of them")
    if not array.size:
        raise ValueError(f"{loss}: the batch is empty")
    return array


def _pair(loss: str, predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Predictions, and targets in the same shape and dtype; axes of length 1 at the end count for nothing."""
    p, t = _floats(_given(loss, predictions)), _given(loss, targets)
    if p.shape != t.shape:
        if _without_ones(p.shape) != _without_ones(t.shape):
            rows = p.shape[:-1] == t.shape and loss in ("bce", "bce_with_logits")
            way_out = "; for a label beside each row of logits there is cross_entropy" if rows else ""
            raise ValueError(
                f"{loss}: predictions have shape {p.shape}, targets {t.shape}; pass one target for each prediction{way_out}"
            )
        t = t.reshape(p.shape)
    return p, _floats(t, p)


def _floats(x: Any, like: Any = None) -> Any:
    """Plain numbers in the dtype of a Tensor ``like``, so that the loss has it too; else as Python's floats. Nodes stay."""
    if isinstance(x, Tensor) or x.dtype == object:
        return x
    return x.astype(like.dtype if isinstance(like, Tensor) else float, copy=False)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return _without_ones(shape[:-1]) if shape[-1:] == (1,) else shape


def _number(setting: str, x: Any) -> float:
    if not isinstance(x, Real):
        raise TypeError(f"{setting} is a number, not {type(x).__name__}")
    return float(x)


def _labels(z: Any, t: Any) -> Any:
    """Whole numbers, one for each row of logits."""
    rows = z.shape[:-1]
    if t.shape != rows and _without_ones(t.shape) != _without_ones(rows):
        _refuse(z, t)
    labels = t if t.shape == rows else t.reshape(rows)
    checked(partial(_see_labels, z.shape[-1]), labels)
    return labels if isinstance(labels, Tensor) or labels.dtype == object else labels.astype(np.intp, copy=False)


def _refuse(z: Any, t: Any) -> NoReturn:
    if len(z.shape) == 2 and len(t.shape) == 1:
        raise ValueError(f"cross_entropy: {len(t)} labels for {len(z)} rows of logits; pass one label per row")
    raise ValueError(
        f"cross_entropy: targets of shape {t.shape} came for logits of shape {z.shape}; pass one label for each row, of shape "
        f"{z.shape[:-1]}, or a distribution over the classes for each, in the shape of the logits"
    )


# -- checks of numbers, out of the graph -------------------------------------------------------------------------------------


def _see_signs(labels: Floats) -> None:
    if (odd := np.abs(labels) != 1).any():
        raise ValueError(f"hinge: labels must be -1 or 1, not {_first(labels, odd)}")


def _see_shares(loss: str, labels: Floats) -> None:
    if (odd := ~((labels >= 0) & (labels <= 1))).any():
        raise ValueError(f"{loss}: labels must lie between 0 and 1; {_first(labels, odd)} does not")


def _see_probabilities(p: Floats, labels: Floats) -> None:
    if (odd := ~((p >= 0) & (p <= 1))).any():
        raise _out_of_domain(
            f"bce: a probability must lie between 0 and 1; {_first(p, odd)} does not. For logits use bce_with_logits"
        )
    if (odd := ((p == 0) & (labels > 0)) | ((p == 1) & (labels < 1))).any():
        raise _out_of_domain(
            f"bce: the loss of a probability of {_first(p, odd)} is infinite where the label is {_first(labels, odd)}; "
            "use bce_with_logits, before the sigmoid"
        )


def _see_labels(classes: int, labels: NDArray[Any]) -> None:
    if labels.dtype.kind in "iu" and are_below(labels, classes):
        return
    odd = (labels < 0) | (labels >= classes)
    if labels.dtype.kind == "f":
        odd |= np.trunc(labels) != labels  # of nan too
    if odd.any():
        raise ValueError(f"cross_entropy: label {_first(labels, odd)} is not one of the {classes} classes 0 to {classes - 1}")


def _see_distributions(loss: str, q: Floats) -> None:
    sums = q.sum(-1)
    if (odd := ~((q >= 0).all(-1) & (np.abs(sums - 1) <= _TOLERANCE))).any():
        raise ValueError(
            f"{loss}: a row of targets must be a distribution, numbers of at least 0 whose sum is 1; "
            f"the sum of one is {_first(sums, odd)}, its least number {_first(q.min(-1), odd)}"
        )


def _see_log_probabilities(log_p: Floats) -> None:
    sums = np.exp(np.minimum(log_p, 1.0)).sum(-1)
    if (odd := ~(np.isfinite(log_p).all(-1) & (np.abs(sums - 1) <= _TOLERANCE))).any():
        raise _out_of_domain(
            "kl_divergence: a row of log-probabilities must be finite, and its probabilities sum to 1; "
            f"the sum of one is {_first(sums, odd)}, its least number {_first(log_p.min(-1), odd)}; "
            "pass log_softmax(logits), or the log of probabilities"
        )


def _first(numbers: NDArray[Any], chosen: NDArray[np.bool_]) -> str:
    return f"{numbers[chosen][0]:.6g}"


def _out_of_domain(what: str) -> DomainError:
    line = callers_line()
    return DomainError(what + (f" ({line})" if line else ""))
