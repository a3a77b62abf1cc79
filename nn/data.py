"""Data to learn from: made (``moons``), shipped (``digits``), your own (``read_csv``), and what is done to it first.

Every source gives a ``Dataset``: examples as rows of floats, labels as whole numbers, and their names.
"""

import csv
from dataclasses import dataclass
from importlib import resources
from math import isfinite
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .rng import Rng

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

MAX_CLASSES = 50


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples with their labels.

    ``x`` has shape ``(n, features)``; ``y`` has shape ``(n,)`` and counts into ``classes``.
    """

    x: Floats
    y: Labels
    features: tuple[str, ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: NDArray[np.int64]) -> "Dataset":
        return Dataset(self.x[rows], self.y[rows], self.features, self.classes)


def moons(n: int = 200, noise: float = 0.15, *, rng: Rng = None) -> Dataset:
    """Two interleaved half circles of ``n`` points together, which no straight line can part.

    Args:
        n: number of points, at least 2.
        noise: standard deviation of the normal noise added to each coordinate.
        rng: its source, a Generator or a seed.
    """
    if n < 2 or not noise >= 0:
        raise ValueError(f"moons: n must be at least 2 and noise at least 0, not {n} and {noise}")
    upper = np.linspace(0, np.pi, n // 2)
    lower = np.linspace(0, np.pi, n - n // 2)
    x = np.concatenate([np.c_[np.cos(upper), np.sin(upper)], np.c_[1 - np.cos(lower), 0.5 - np.sin(lower)]])
    y = np.repeat([0, 1], [len(upper), len(lower)])
    return Dataset(x + np.random.default_rng(rng).normal(scale=noise, size=x.shape), y, ("x", "y"), ("upper", "lower"))


def digits() -> Dataset:
    """1,797 images of handwritten digits, 8×8 pixels row by row, from 0 (white) to 1 (black).

    Source: Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits* (UCI, 1998), CC BY 4.0.
    """
    with resources.files("nn").joinpath("datasets/digits.npz").open("rb") as file, np.load(file) as arrays:
        x, y = arrays["images"] / 16.0, arrays["labels"].astype(np.int64)
    names = tuple(f"pixel {row},{column}" for row in range(8) for column in range(8))
    return Dataset(x, y, names, tuple(str(digit) for digit in range(10)))


def read_csv(path: str | PathLike[str]) -> Dataset:
    """A table of your own: numeric columns, and the label in the last one. A first line of names is recognised.

    Args:
        path: a comma-separated file in UTF-8.

    Raises:
        OSError: the file can't be read.
        ValueError: the table is empty, ragged, not numeric, not finite, or has fewer than 2 or more than 50 classes; says
            where.
    """
    where = Path(path).name
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, strict=True)
            rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines if any(map(str.strip, row))]
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: not a text file in UTF-8 (byte {error.start})") from None
    except csv.Error as error:
        raise ValueError(f"{where}: not a comma-separated file ({error})") from None
    if not rows:
        raise ValueError(f"{where}: the file is empty; it wants rows of numbers with a label in the last column")
    width = len(rows[0][1])
    if width < 2:
        raise ValueError(
            f"{where}, line {rows[0][0]}: 1 column, expected at least 2: numbers, and a label in the last, with commas between"
        )
    for line, row in rows:
        if len(row) != width:
            raise ValueError(f"{where}, line {line}: {len(row)} columns, expected {width} as in line {rows[0][0]}")
    first, *others = [row for _, row in rows]
    named = not any(map(_is_number, first[:-1]))
    named |= bool(others) and not _is_number(first[-1]) and all(_is_number(row[-1]) for row in others)  # years, say, as names
    names = rows.pop(0)[1] if named else [""] * width
    names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    if not rows:
        raise ValueError(f"{where}: only a line of names; expected rows of numbers below it")
    x = np.array([[_number(where, line, name, cell) for name, cell in zip(names, row[:-1])] for line, row in rows])
    labels = [row[-1] for _, row in rows]
    for (line, _), label in zip(rows, labels):
        if not label or (_is_number(label) and not isfinite(float(label))):
            raise ValueError(f"{where}, line {line}, {names[-1]}: the label is {label or 'empty'!r}")
    if all(map(_is_number, labels)):
        labels = [f"{float(label):g}" for label in labels]  # 1 and 1.0 are one class
    classes = sorted(set(labels), key=lambda label: (float(label) if _is_number(label) else float("inf"), label))
    if len(classes) < 2:
        raise ValueError(f"{where}: {len(classes)} class in the last column, {names[-1]}; expected at least 2")
    if len(classes) > MAX_CLASSES:
        raise ValueError(
            f"{where}: {len(classes)} different labels in the last column, {names[-1]}; expected at most {MAX_CLASSES}"
        )
    return Dataset(x, np.array([classes.index(label) for label in labels]), tuple(names[:-1]), tuple(classes))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(where: str, line: int, name: str, cell: str) -> float:
    if not _is_number(cell):
        raise ValueError(f"{where}, line {line}, {name}: {cell!r} is not a number; only the last column may hold text")
    if not isfinite(float(cell)):
        raise ValueError(f"{where}, line {line}, {name}: {cell} is not finite")
    return float(cell)


def split(data: Dataset, held_out: float = 0.2, *, rng: Rng = None) -> tuple[Dataset, Dataset]:
    """The data in two parts at random: to train on, and held out to judge by.

    Args:
        data: at least 2 examples.
        held_out: the share that is held out, between 0 and 1; at least one example goes to each part.
        rng: source of the order, a Generator or a seed.
    """
    if len(data) < 2 or not 0 < held_out < 1:
        raise ValueError(f"split: it takes at least 2 examples and a share between 0 and 1, not {len(data)} and {held_out}")
    order = np.random.default_rng(rng).permutation(len(data))
    n = min(max(round(held_out * len(data)), 1), len(data) - 1)
    return data[order[n:]], data[order[:n]]


def standardise(train: Dataset, *others: Dataset) -> list[Dataset]:
    """All parts shifted and scaled alike, so that each feature of ``train`` has mean 0 and deviation 1 (or is all 0).

    Raises:
        ValueError: the numbers of a feature are too large to be squared; it is named.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        varies = train.x.max(axis=0) > train.x.min(axis=0)
        mean = np.where(varies, train.x.mean(axis=0), train.x[0])  # of a constant, the constant itself, to the last digit
        scale = np.where(varies, train.x.std(axis=0), 1.0)
    for name, number in zip(train.features, scale):
        if not isfinite(number):
            raise ValueError(f"standardise: the numbers of feature {name!r} are too large; expected at most about 1e150")
    return [Dataset((part.x - mean) / scale, part.y, part.features, part.classes) for part in (train, *others)]
