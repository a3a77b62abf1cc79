"""A row as Python statements: what is used twice is computed once, and nothing is nested deeply."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..primitive import Elementwise
from ..terms import Operand, Term, Terms, needed, read, source

_DEEPEST = 30  # Python's parser takes 200 parentheses


@dataclass(frozen=True)
class Statements:
    """A row of operands ``x0``, ``x1``, … that computes ``z``: assignments, and expressions below them."""

    before_z: tuple[str, ...]
    z: str
    before_partials: tuple[str, ...]
    partials: tuple[tuple[int, str], ...]  # the operands that are to take a cotangent and do, each with its partial


@cache
def statements(row: Elementwise, wants: tuple[bool, ...]) -> Statements:
    """``row`` of as many operands as ``wants`` says which take a cotangent.

    Raises:
        ReadingError: the row can't be read as terms.
    """
    z, partials = read(row, len(wants), FloatTerms)
    before_z, (text,) = _expressions([z])
    wanted = [(i, x) for i, (x, want) in enumerate(zip(partials, wants)) if want and x is not None]
    before_partials, texts = _expressions([x for _, x in wanted])
    handed = [(i, text) for (i, _), text in zip(wanted, texts) if text != "0.0"]
    return Statements(tuple(before_z), text, tuple(before_partials), tuple(handed))


class FloatTerms(Terms):
    """The namespace of floats, in which the commonest choices are written out: a call costs more than they do."""

    def maximum(self, x: Any, y: Any) -> Any:
        """The larger of two, as ``scalar.maximum`` has it."""
        return self.make("maximum", x, y) if isinstance(y, Term) else self.where(x < y, y, x)

    def minimum(self, x: Any, y: Any) -> Any:
        """The smaller of two, as ``scalar.minimum`` has it."""
        return self.make("minimum", x, y) if isinstance(y, Term) else self.where(x > y, y, x)


def _expressions(roots: Sequence[Operand]) -> tuple[list[str], list[str]]:
    """Assignments, and ``roots`` as expressions that use them."""
    found = [term for term in needed(roots) if term.operands]
    used = [x.place for term in found for x in term.operands if isinstance(x, Term)]
    uses = Counter(used + [x.place for x in roots if isinstance(x, Term)])
    lines: list[str] = []
    names: dict[int, str] = {}
    depth: Counter[int] = Counter()
    for term in found:
        depth[term.place] = 1 + max([depth[x.place] for x in term.operands if isinstance(x, Term)], default=0)
        if uses[term.place] > 1 or depth[term.place] > _DEEPEST:
            text, depth[term.place] = source(term, names=names), 0
            names[term.place] = name = f"t{len(lines)}"
            lines.append(f"{name} = {text}")
    return lines, [source(x, names=names) for x in roots]
