"""What is done to data before it is learnt: parted, put on one scale, its labels spread out, dealt out in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from numbers import Integral
from reprlib import repr as shortened
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Tensor

from ..rng import Rng
from ..settings import is_number
from .dataset import Dataset, Floats, numeric

Part = TypeVar("Part", Dataset, NDArray[Any])


@overload
def split(
    data: Dataset, /, *, held_out: float = 0.2, stratify: ArrayLike | None = None, rng: Rng = None
) -> tuple[Dataset, Dataset]: ...


@overload
def split(*arrays: Any, held_out: float = 0.2, stratify: ArrayLike | None = None, rng: Rng = None) -> tuple[Any, ...]: ...


def split(*data: Any, held_out: float = 0.2, stratify: ArrayLike | None = None, rng: Rng = None) -> tuple[Any, ...]:
    """The examples in two parts at random: to train on, and held out to judge by.

    ``train, test = split(data)`` of a Dataset; ``x_train, x_test, y_train, y_test = split(x, y)`` of arrays or lists.

    Args:
        data: a Dataset, or arrays or lists of one length, of at least 2 examples.
        held_out: the share that is held out, between 0 and 1; at least one example goes to each part.
        stratify: a label for each example, such as ``data.y``, so that each class is held out in proportion, as near as whole
            numbers can (by Sainte-Laguë's method of sharing out seats).
        rng: source of the order, a Generator or a seed.

    Raises:
        ValueError: the lengths disagree, there are fewer than 2 examples, or ``held_out`` is out of range.
        TypeError: what came is not a row of examples.
    """
    n = _length("split", data)
    if n < 2 or not (is_number(held_out) and 0 < held_out < 1):
        raise ValueError(f"split: it takes at least 2 examples and a share between 0 and 1, not {n} and {held_out!r}")
    order = np.random.default_rng(rng).permutation(n)
    turn: NDArray[Any] = np.arange(n)
    if stratify is not None:
        labels = np.asarray(stratify)
        if labels.shape != (n,):
            raise ValueError(f"split: stratify has shape {labels.shape}, expected one label for each of {n} examples")
        turn = _turns(labels[order])
    held = np.zeros(n, dtype=bool)
    held[np.argsort(turn, kind="stable")[: min(max(round(held_out * n), 1), n - 1)]] = True
    return tuple(_rows(part, rows) for part in data for rows in (order[~held], order[held]))


def _turns(labels: NDArray[Any]) -> Floats:
    """When each label's turn comes, so that among the first of any number every class has its share."""
    turns = np.empty(len(labels))
    classes = np.unique(labels, return_inverse=True)[1]
    for i in range(classes.max() + 1):
        (places,) = np.nonzero(classes == i)
        turns[places] = (np.arange(len(places)) + 0.5) / len(places)
    return turns


def batches(*data: Any, size: int = 32, shuffle: bool = True, rng: Rng = None) -> Iterator[tuple[Any, ...]]:
    """Once through the examples, ``size`` at a time; the last batch may be smaller.

    ``for x, y in batches(data)`` of a Dataset, or of arrays or lists ``batches(x, y)``: a batch is of the kind it came from.

    Args:
        data: a Dataset, or arrays or lists of one length.
        size: examples in a batch.
        shuffle: in random order; otherwise as they stand.
        rng: source of the order, a Generator or a seed. A Generator gives each pass a new order, a seed always the same.

    Raises:
        ValueError: the lengths disagree, or ``size`` is not a whole number of at least 1.
        TypeError: what came is not a row of examples.

    >>> [x for (x,) in batches([1, 2, 3, 4, 5], size=2, shuffle=False)]
    [[1, 2], [3, 4], [5]]
    """
    parts = (data[0].x, data[0].y) if len(data) == 1 and isinstance(data[0], Dataset) else data
    n = _length("batches", parts)
    if not isinstance(size, Integral) or size < 1:
        raise ValueError(f"batches: size must be a whole number of at least 1, not {size}")
    order = np.random.default_rng(rng).permutation(n) if shuffle else np.arange(n)
    return (tuple(_rows(part, order[i : i + size]) for part in parts) for i in range(0, n, size))


def _length(name: str, data: Sequence[Any]) -> int:
    """Of all parts alike."""
    for part in data:
        is_row = isinstance(part, Dataset | Sequence | np.ndarray | Tensor) and not isinstance(part, str | bytes)
        if not is_row or getattr(part, "shape", None) == ():
            raise TypeError(f"{name}: it takes a Dataset, or arrays or lists of examples; not {shortened(part)}")
    lengths = [len(part) for part in data]
    if len(set(lengths)) != 1:
        raise ValueError(f"{name}: it takes a Dataset, or arrays or lists of one length; these have lengths {lengths}")
    return lengths[0]


def _rows(part: Any, rows: NDArray[np.int64]) -> Any:
    return [part[i] for i in rows.tolist()] if isinstance(part, Sequence) else part[rows]


def standardise(train: Part, *others: Part) -> list[Part]:
    """All parts shifted and scaled alike, so that each feature of ``train`` has mean 0 and deviation 1 (or is all 0).

    Args:
        train: a Dataset or an array of shape ``(n, features)``: what the mean and deviation are taken of.
        others: more of the same kind, such as what is held out.

    Raises:
        ValueError: there are no examples, the features of the parts disagree, or the numbers of a feature are too large or not
            finite; it is named.
    """
    x, *rest = (_floats(part) for part in (train, *others))
    if not x.size or any(other.shape[1:] != x.shape[1:] for other in rest):
        shapes = ", ".join(str(other.shape) for other in (x, *rest))
        raise ValueError(f"standardise: it takes examples of the same features, shape (n, features); not {shapes}")
    with np.errstate(over="ignore", invalid="ignore"):
        varies = x.max(axis=0) > x.min(axis=0)
        mean = np.where(varies, x.mean(axis=0), x[0])  # of a constant, the constant itself, to the last digit
        centred = np.where(varies, x - mean, 1.0)
        largest = abs(centred).max(axis=0)  # taken out, so that no square overflows or underflows
        scale = np.where(varies, largest * np.sqrt(np.mean((centred / largest) ** 2, axis=0)), 1.0)
    names = train.features if isinstance(train, Dataset) else [f"column {i}" for i in range(1, x.shape[1] + 1)]
    for name, fine in zip(names, np.isfinite(scale) & np.isfinite(np.concatenate([x, *rest])).all(axis=0)):
        if not fine:
            raise ValueError(
                f"standardise: the numbers of feature {name!r} are too large or not finite; expected at most 1e300"
            )
    return [_with(part, (numbers - mean) / scale) for part, numbers in zip((train, *others), (x, *rest))]


def _floats(part: Any) -> Floats:
    x = numeric("standardise: examples", part.x if isinstance(part, Dataset) else part)
    if x.ndim != 2:
        raise ValueError(f"standardise: it takes examples of shape (n, features), not {x.shape}")
    return x.astype(np.float64)


def _with(part: Any, x: Floats) -> Any:
    if isinstance(part, Dataset):
        return replace(part, x=x)
    return x.astype(part.dtype) if getattr(part, "dtype", x.dtype) == np.float32 else x


def one_hot(labels: ArrayLike, classes: int | None = None) -> Floats:
    """A row for each label, 1 at its class and 0 elsewhere.

    Args:
        labels: whole numbers from 0, of any shape.
        classes: how many there are; by default one more than the largest label.

    Raises:
        ValueError: a label is not a whole number in ``[0, classes)``, or ``classes`` is none of at least 1.

    >>> one_hot([2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    numbers = numeric("one_hot: labels", labels)
    if not (np.isfinite(numbers) & (numbers == np.floor(numbers))).all():
        raise ValueError(f"one_hot: labels must be whole numbers from 0, not {shortened(labels)}")
    if classes is None:
        classes = int(numbers.max()) + 1 if numbers.size else 0
    elif not isinstance(classes, Integral) or classes < 1:
        raise ValueError(f"one_hot: classes must be a whole number of at least 1, not {classes!r}")
    if not ((numbers >= 0) & (numbers < classes)).all():
        raise ValueError(f"one_hot: labels must lie from 0 to {classes - 1}; these lie from {numbers.min()} to {numbers.max()}")
    rows: Floats = (numbers[..., None] == np.arange(classes)).astype(np.float64)
    return rows
