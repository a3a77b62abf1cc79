"""Dataset: examples, what to predict of each, and their names."""

from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

NAMED = 10  # classes whose counts a repr tells


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples ``x`` and what to predict of each, ``y``: the number of its class; or, without ``classes``, any number.

    Args:
        x: shape ``(n, features)``.
        y: shape ``(n,)``; counts into ``classes``.
        features: the names of the columns of ``x``.
        classes: the names of the classes; empty if ``y`` is not a class but a number.

    Raises:
        ValueError: the shapes disagree, there are other things than numbers, or a label is none of the classes.
    """

    x: Floats
    y: NDArray[Any]  # of whole numbers if there are classes, else of floats
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        x, y = numeric("Dataset: x", self.x).astype(np.float64, copy=False), numeric("Dataset: y", self.y)
        n, k = len(y) if y.ndim else 0, len(self.features)
        if x.shape != (n, k) or y.shape != (n,):
            raise ValueError(
                f"Dataset: x has shape {x.shape} and y {y.shape}; of {k} features and {n} targets expected {(n, k)} and {(n,)}"
            )
        if self.classes and not np.isin(y, range(len(self.classes))).all():
            raise ValueError(f"Dataset: labels count into the {len(self.classes)} classes, from 0; these are {np.unique(y)}")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y.astype(np.int64 if self.classes else np.float64, copy=False))

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any]) -> "Dataset":
        if isinstance(rows, int | np.integer):
            raise TypeError(f"Dataset: index several rows, data[[{rows}]]; one example is data.x[{rows}], data.y[{rows}]")
        return Dataset(self.x[rows], self.y[rows], self.features, self.classes)

    def __repr__(self) -> str:
        return f"Dataset({_count(len(self), 'example')} of {_count(len(self.features), 'feature')}, {self._targets()})"

    def _targets(self) -> str:
        if self.classes:
            sizes = np.bincount(self.y, minlength=len(self.classes))
            named = [f"{name} {size}" for name, size in zip(self.classes, sizes)]
            return f"{_count(len(named), 'class', 'classes')}: " + ", ".join(named[:NAMED]) + ", …" * (len(named) > NAMED)
        return f"targets {self.y.min():.4g} to {self.y.max():.4g}" if len(self) else "no targets"


def numeric(name: str, data: Any) -> NDArray[Any]:
    """``data`` as an array of numbers; ValueError if it is none."""
    try:
        array = np.asarray(data)
    except ValueError:  # rows that differ in length
        array = np.asarray("")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numbers in a rectangle, not {shortened(data)}")
    return array


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
