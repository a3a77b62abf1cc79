"""Tables of one's own: numeric columns, and in the last one what to predict."""

import csv
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .dataset import Dataset

MAX_CLASSES = 50


def read_csv(path: str | PathLike[str]) -> Dataset:
    """A table of your own: numeric columns, and the label in the last one. A first line of names is recognised.

    Args:
        path: a comma-separated file in UTF-8.

    Raises:
        OSError: the file can't be read.
        ValueError: the table is empty, ragged, not numeric, not finite, or has fewer than 2 or more than 50 classes; says
            where.
    """
    table = _read(path)
    x = _numbers(table, len(table.names) - 1)
    labels = [row[-1] for _, row in table.rows]
    for (line, _), label in zip(table.rows, labels):
        if not label or (_is_number(label) and not isfinite(float(label))):
            raise ValueError(f"{table.where}, line {line}, {table.names[-1]}: the label is {label or 'empty'!r}")
    if all(map(_is_number, labels)):
        labels = [str(float(label)).removesuffix(".0") for label in labels]  # 1 and 1.0 are one class
    classes = sorted(set(labels), key=lambda label: (float(label) if _is_number(label) else float("inf"), label))
    if len(classes) < 2:
        raise ValueError(f"{table.where}: {len(classes)} class in the last column, {table.names[-1]}; expected at least 2")
    if len(classes) > MAX_CLASSES:
        raise ValueError(
            f"{table.where}: {len(classes)} different labels in the last column, {table.names[-1]}; expected at most "
            f"{MAX_CLASSES}; numbers to predict are read by read_csv_regression"
        )
    y = np.array([classes.index(label) for label in labels])
    return Dataset(x, y, tuple(table.names[:-1]), tuple(classes))


def read_csv_regression(path: str | PathLike[str]) -> Dataset:
    """A table of your own: numeric columns, and the number to predict in the last one. A first line of names is recognised.

    Args:
        path: a comma-separated file in UTF-8.

    Raises:
        OSError: the file can't be read.
        ValueError: the table is empty, ragged, not numeric or not finite; says where.
    """
    table = _read(path)
    numbers = _numbers(table, len(table.names))
    return Dataset(numbers[:, :-1], numbers[:, -1], tuple(table.names[:-1]))


class _Table(NamedTuple):
    where: str  # the file's name
    names: list[str]
    rows: list[tuple[int, list[str]]]  # with their lines


def _read(path: str | PathLike[str]) -> _Table:
    """Cells as text, in a rectangle of at least one row."""
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
    if not rows:
        raise ValueError(f"{where}: only a line of names; expected rows of numbers below it")
    return _Table(where, [name or f"column {i}" for i, name in enumerate(names, 1)], rows)


def _numbers(table: _Table, columns: int) -> NDArray[np.float64]:
    """The first so many columns, as numbers."""
    names = table.names[:columns]
    return np.array([[_number(table, line, name, cell) for name, cell in zip(names, row)] for line, row in table.rows])


def _number(table: _Table, line: int, name: str, cell: str) -> float:
    place = f"{table.where}, line {line}, {name}"
    if not _is_number(cell):
        raise ValueError(f"{place}: {cell!r} is not a number; only the last column may hold text, as labels for read_csv")
    if not isfinite(float(cell)):
        raise ValueError(f"{place}: {cell} is not finite")
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # 1_000 is a number to Python alone
