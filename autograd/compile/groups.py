"""Groups: nodes of one level that do the same to other numbers, so that one array operation does it for all.

A level holds what is as many nodes away from the inputs, so no two nodes of a group wait for each other.
"""

import numpy as np

from .distinct import distinct
from .form import NONE, SUM, Form, Ids

PLACES = 3  # operands of a row whose constants are told apart; only variadic rows have more


def grouped(form: Form) -> tuple[Ids, Ids]:
    """The ids of all nodes, group after group, each after those it needs; and where each begins, with the end."""
    n, first = len(form), form.first_node
    if not n:
        return np.zeros(0, np.intp), np.zeros(1, np.intp)
    counts = np.diff(form.start)
    owners = np.repeat(np.arange(n), counts)
    of_sum = form.row[owners] == SUM
    second = form.right != NONE
    batched_left = form.batched[form.left]
    batched_right = form.batched[np.maximum(form.right, 0)] & second
    key = _Key(n)
    key.add(form.level[first:])
    key.add(form.row + 1)
    kinds = [  # of terms: by how many factors, and how many of these differ from example to example
        ~second & ~batched_left,
        ~second & batched_left,
        second & ~batched_left & ~batched_right,
        second & (batched_left ^ batched_right),
        second & batched_left & batched_right,
    ]
    for kind in kinds:
        key.add(np.bincount(owners[kind & of_sum], minlength=n))
    key.add(np.where(form.row == SUM, 0, counts))
    slots = np.arange(len(owners)) - form.start[owners]
    for place in range(PLACES):
        here = np.flatnonzero(~of_sum & (slots == place) & (counts[owners] <= PLACES))
        told = np.zeros(n, np.intp)
        told[owners[here]] = np.where(form.left[here] < form.first_argument, form.left[here] + 2, batched_left[here])
        key.add(told)
    many = np.flatnonzero((form.row != SUM) & (counts > PLACES))
    if len(many) and form.batched.any():
        patterns: dict[bytes, int] = {}
        told = np.zeros(n, np.intp)
        for i in many.tolist():
            told[i] = patterns.setdefault(batched_left[form.start[i] : form.start[i + 1]].tobytes(), len(patterns))
        key.add(told)
    order = np.argsort(key.code, kind="stable")
    cuts = np.flatnonzero(np.diff(key.code[order])) + 1
    return first + order, np.concatenate([[0], cuts, [n]])


class _Key:
    """Several whole numbers for each node as one, in their order."""

    def __init__(self, n: int) -> None:
        self.code = np.zeros(n, np.intp)
        self._size = 1

    def add(self, column: Ids) -> None:
        size = int(column.max()) + 1
        if size == 1:
            return
        if self._size * size > 2**62:
            self.code, _ = distinct(self.code)
            self._size = int(self.code.max()) + 1
        self.code = self.code * size + column
        self._size *= size
