"""The result of a comparison: in words, and as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from ..diagram import number
from ..picture import Picture
from .aligning import Pairs
from .divergence import Change, Divergence
from .numbers import farthest, told_apart
from .panels import panels
from .sides import Side

_MANY_NODES, _MANY_LINES = 40, 20


@dataclass(frozen=True, repr=False)
class Difference(Picture):
    """Where two graphs, or two passes, part. True if they do. A notebook shows both graphs; ``text()`` says it in words.

    ``first`` is the first step in which numbers differ; ``changes`` are the data and gradients that differ in the end, the
    largest difference first; ``structure`` says what is built differently.
    """

    first: Divergence | None
    changes: tuple[Change, ...]
    structure: tuple[str, ...]
    _a: Side = field(repr=False)
    _b: Side = field(repr=False)
    _pairs: Pairs = field(repr=False)

    @property
    def same(self) -> bool:
        """Whether neither numbers nor structure differ."""
        return self.first is None and not self.structure

    def __bool__(self) -> bool:
        return not self.same

    @property
    def title(self) -> str:
        """Where they part, in one line."""
        both = " and ".join(self._names)
        if self.first:
            return f"{both} part at {self.first.place}"
        n = len(self._a.walk.nodes)
        nodes = f"{n:,} node{'s' * (n != 1)}"
        alike = "are the same" if self.same else "have the same numbers, but are built differently"
        return f"{both} {alike}: {nodes}"

    def text(self) -> str:
        """Where they part, and what that looks like; the numbers of that step; what is built differently; then all nodes, or of
        many those that differ most."""
        parts = [[self.title]]
        parts[0] += self._looks()
        if self.first:
            parts.append(
                _table([("", *self._names, ""), *[row for x in self.first.numbers for row in _rows(*x, self.first.what)]])
            )
        parts.append(_some(self.structure))
        parts.append(self._nodes() if len(self._a.walk.nodes) <= _MANY_NODES else self._changes())
        return "\n\n".join(["\n".join(part) for part in parts if part])

    @cached_property
    def svg(self) -> str:
        """Both graphs, one above the other, with nodes that stand for each other at the same place; of a large one, a part."""
        return panels(self._a, self._b, self._pairs, self.first, self._changed, [self.title, *self._looks()])

    def swapped(self) -> Self:
        """With ``a`` and ``b`` exchanged."""
        return replace(
            self,
            first=self.first and self.first.swapped(),
            changes=tuple([replace(change, a=change.b, b=change.a) for change in self.changes]),
            _a=self._b,
            _b=self._a,
            _pairs={y: x for x, y in self._pairs.items()},
        )

    @property
    def _names(self) -> tuple[str, str]:
        return self._a.name, self._b.name

    @property
    def _changed(self) -> set[tuple[int, str]]:
        return {(change.key, change.what) for change in self.changes}

    def _looks(self) -> list[str]:
        words = self.first.looks_like if self.first else ()
        return [f"{'or' if i else 'probably'}: {word}" for i, word in enumerate(words)]

    def _nodes(self) -> list[str]:
        rows = [("", *[f"{what} {name}" for what in ("data", "grad") for name in self._names], "")]
        for key, other in sorted(self._pairs.items()):
            box = self._a.diagram.boxes[key]
            if box.label or box.op or box.kind == "leaf":
                data = told_apart(self._a.data[key], self._b.data[other], (key, "data") in self._changed)
                grads = told_apart(self._a.gradients[key], self._b.gradients[other], (key, "gradient") in self._changed)
                mark = "≠" if {(key, "data"), (key, "gradient")} & self._changed else ""
                rows.append((self._a.formulas[key], *data, *grads, mark))
        return _table(rows)

    def _changes(self) -> list[str]:
        told = [
            row for change in self.changes[:_MANY_LINES] for row in _rows(f"{change.node} {change.what}", change.a, change.b)
        ]
        return [*_table([("largest changes", *self._names, ""), *told]), *_some(self.changes)[_MANY_LINES:]] if told else []


def _rows(what: str, a: Any, b: Any, differs: str = "") -> Iterator[tuple[str, ...]]:
    known = a is not None and b is not None
    differ = what == differs or not differs or (known and number(a) != number(b))
    yield what, *told_apart(a, b, differ), "≠" if differ else ""
    if differ and known and np.ndim(a) and np.shape(a) == np.shape(b):
        _, at = farthest(a, b)
        yield f"  at {list(at)}", *told_apart(float(a[at]), float(b[at]), True), "farthest apart"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["   ".join([f"{cell:<{width}}" for cell, width in zip(row, widths)]).rstrip() for row in rows]


def _some(lines: Sequence[Any]) -> list[Any]:
    more = len(lines) - _MANY_LINES
    return [*lines[:_MANY_LINES], *([f"… and {more:,} more"] if more > 0 else [])]
