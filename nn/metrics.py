"""What is reported beside the loss: functions of predictions and targets, as arrays, that give a plain number."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Metric: TypeAlias = Callable[[Any, Any], float]


def accuracy(logits: ArrayLike, labels: ArrayLike) -> float:
    """The share of examples whose label is the one with the largest logit.

    Args:
        logits: shape ``(n, classes)``; or, of two classes, ``(n,)``, where the sign decides. Of probabilities, half decides:
            ``lambda p, y: accuracy(p - 0.5, y)``.
        labels: whole numbers, ``(n,)``, or a distribution a row, ``(n, classes)``, whose largest is the label, such as one-hot;
            0 or 1 (or -1 or 1) beside single logits.

    Raises:
        ValueError: there is not one label for each example, or a label can't be one.

    >>> accuracy([[2.0, -1.0], [0.5, 0.6]], [0, 0])
    0.5
    """
    z, y = _column(np.asarray(logits, dtype=float)), _column(np.asarray(labels))
    if not y.size or z.shape[: y.ndim] != y.shape or z.ndim > y.ndim + 1:
        raise ValueError(f"accuracy: logits have shape {z.shape}, labels {y.shape}; pass one label for each example")
    if z.ndim > y.ndim:
        right = z.argmax(axis=-1) == y
    elif z.ndim > 1:
        if not np.allclose(y.sum(axis=-1), 1.0):
            raise ValueError(
                "accuracy: a row of labels in the shape of the logits must sum to 1; pass one label for each example"
            )
        right = z.argmax(axis=-1) == y.argmax(axis=-1)
    else:
        if not np.isin(y, (-1, 0, 1)).all():
            raise ValueError(f"accuracy: beside single logits a label is 0 or 1 (or -1 or 1); these are {np.unique(y)}")
        right = (z > 0) == (y > 0)
    return float(np.mean(right))


def _column(array: NDArray[Any]) -> NDArray[Any]:
    """A column as a row."""
    return array[..., 0] if array.ndim > 1 and array.shape[-1] == 1 else array


def named(metrics: Mapping[str, Metric] | Iterable[Metric]) -> dict[str, Metric]:
    """Metrics by name; functions in a list go by their own.

    Raises:
        TypeError: one is no function.
        ValueError: two have one name, or one is called loss or val_….
    """
    pairs: list[tuple[str, Any]] = []
    if isinstance(metrics, Mapping):
        pairs = list(metrics.items())
    elif isinstance(metrics, Iterable):
        pairs = [(getattr(metric, "__name__", str(metric)), metric) for metric in metrics]
    if not isinstance(metrics, Iterable) or not all(callable(metric) for _, metric in pairs):
        raise TypeError(f"metrics is a list of functions of predictions and targets, such as [nn.accuracy]; not {metrics!r}")
    found = dict(pairs)
    if len(found) < len(pairs) or any(name == "loss" or name.startswith("val_") for name in found):
        raise ValueError(
            f"metrics need names of their own, and loss and val_… are taken; found {', '.join(name for name, _ in pairs)}"
        )
    return found
