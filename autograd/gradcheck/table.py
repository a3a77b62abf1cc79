"""check_ops: every row of the op table, each on its own, at random operands from its domain."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..primitive import PRIMITIVES, Elementwise, Primitive, Structural
from ..tensor import Tensor
from ..value import Value
from .checking import gradcheck
from .report import GradcheckReport

_APART = 0.02  # how far operands stay from each other, so that no tie lies within reach
_COUNTS = (1, 2, 3, 5)  # of the operands of a variadic row


@dataclass(frozen=True)
class OpsReport:
    """A report for each op and kind of number; true if all pass."""

    reports: Mapping[str, GradcheckReport]
    without: tuple[str, ...] = ()  # rows that say nowhere what they take

    def __bool__(self) -> bool:
        return bool(self.reports) and all(self.reports.values())

    @property
    def failed(self) -> dict[str, GradcheckReport]:
        """Those that did not pass."""
        return {name: report for name, report in self.reports.items() if not report}

    def __str__(self) -> str:
        ops = len({name.split(" ")[0] for name in self.reports})
        head = f"check_ops {'PASSED' if self else 'FAILED'}  {ops} ops, {len(self.reports) - len(self.failed)} of "
        head += f"{len(self.reports)} checks pass"
        rest = [f"{name}\n{_indented(str(report))}" for name, report in list(self.failed.items())[:5]]
        if self.without:
            rest.append(f"not checked, for want of examples: {', '.join(self.without)}")
        return "\n".join([head, *rest])

    __repr__ = __str__


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


def check_ops(
    rows: Iterable[Any] | None = None, *, order: int = 2, rng: "np.random.Generator | int | None" = None
) -> OpsReport:
    """``gradcheck`` of each row of the table on its own, on Values and on Tensors: a wrong rule is found before any graph is.

    Args:
        rows: ops (``ag.tanh``), their names or rows; by default all in the table, users' own too.
        order: up to which derivatives.
        rng: draws operands from the rows' domains; by default fixed.

    A row of arrays is tried on its ``examples``, and is listed as not checked if it has none.

    >>> bool(check_ops(["tanh", "matmul"]))
    True
    """
    found: dict[str, GradcheckReport] = {}
    without = []
    for row in _rows(rows):
        cases = list(_cases(row, np.random.default_rng(0 if rng is None else rng)))
        if not cases:
            without.append(row.name)
        for title, f, operands in cases:
            found[title] = _checked(row.name, f, operands, order)
    return OpsReport(found, tuple(without))


def _checked(name: str, f: Callable[..., Any], operands: list[Any], order: int) -> GradcheckReport:
    try:
        return gradcheck(f, tuple(operands), order=order, name=name)
    except Exception as error:  # a user's rule may do anything, and the other rows are to be checked all the same
        return GradcheckReport(name, "fail", (), None, 0, f"it raised {type(error).__name__}: {error}")


def _rows(rows: Iterable[Any] | None) -> list[Primitive]:
    if rows is None:
        return list(PRIMITIVES.values())
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        rows = [rows]
    found = []
    for row in rows:
        if isinstance(row, str):
            if row not in PRIMITIVES:
                raise ValueError(f"check_ops: the op table has no row '{row}'")
            row = PRIMITIVES[row]
        row = getattr(row, "primitive", row)
        if not isinstance(row, Primitive):
            raise TypeError(f"check_ops takes ops and their names, not {type(row).__name__}")
        found.append(row)
    return found


def _cases(row: Primitive, rng: "np.random.Generator") -> Iterator[tuple[str, Callable[..., Any], list[Any]]]:
    if isinstance(row, Elementwise):
        for n in _COUNTS if row.variadic else (len(row.rules),):
            many = f" of {n}" if row.variadic else ""
            yield _case(row, f"{row.name} on Values{many}", [Value(x) for x in _draw(row, n, rng)])
            columns = zip(*[_draw(row, n, rng) for _ in range(3)])
            yield _case(row, f"{row.name} on Tensors{many}", [Tensor(list(column)) for column in columns])
    elif isinstance(row, Structural):
        for i, example in enumerate(row.examples, 1):
            operands = [Tensor(_apart(shape, rng)) for shape in example.shapes]
            yield _case(row, f"{row.name} on Tensors, example {i}", operands, **example.settings)


def _case(row: Primitive, title: str, operands: list[Any], **settings: Any) -> tuple[str, Callable[..., Any], list[Any]]:
    """The row as a function that gives one number: the sum of its results and their squares, each with a weight of its own, so
    that second derivatives are seen too."""
    free = [i for i, rule in enumerate(row.rules * len(operands) if row.variadic else row.rules) if rule]
    held = [x.detach() for x in operands]

    def f(*moved: Any) -> Any:
        given = list(held)
        for i, x in zip(free, moved):
            given[i] = x
        z = row.call(*given, **settings)
        weights = np.cos(np.arange(1, np.size(z._data) + 1)).reshape(np.shape(z._data))
        if isinstance(z, Value):
            return z * float(weights) + z * z * 0.25
        return (z * weights).sum() + (z * z * (0.25 + weights * weights)).sum()

    return title, f, [operands[i] for i in free]


def _draw(row: Elementwise, n: int, rng: "np.random.Generator") -> list[float]:
    while True:
        domains = row.domain * n if row.variadic else row.domain
        chosen = [domain.intervals[rng.integers(len(domain.intervals))] for domain in domains]
        point = [float(rng.uniform(low, high)) for low, high in chosen]
        if all(abs(a - b) > _APART for a, b in combinations(point, 2)):
            return point


def _apart(shape: tuple[int, ...], rng: "np.random.Generator") -> Any:
    """Random numbers, in no order, none of them within 0.02 of another or of 0."""
    size = int(np.prod(shape, dtype=int))
    steps = rng.permutation(size) - size / 2 + 0.25
    return (0.15 * steps + rng.uniform(0, 0.03, size)).reshape(shape)
