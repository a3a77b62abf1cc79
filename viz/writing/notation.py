"""Writing terms with no more parentheses than precedence asks for. What a language writes in its own way, a subclass says.

Written .... text, and how tightly it binds
Notation ... how operators, functions and numbers are written
"""

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from autograd.terms import Operand, Term, needed


class Binds(IntEnum):
    """How tightly text holds together beside an operator, the loosest first."""

    CHOICE, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(7)


class Written(NamedTuple):
    """``text``, and how tightly it holds together."""

    text: str
    binds: Binds = Binds.ATOM


Then = Callable[[Term, Written], Written]

_LEVEL = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), Binds.COMPARISON),
    **dict.fromkeys("+-", Binds.SUM),
    **dict.fromkeys("*⊙/@", Binds.PRODUCT),
}


class Notation:
    """The notation that most languages share: infix operators with spaces around them, ``f(x, y)``, numbers in full."""

    space = " "  # around an operator
    behind_minus = Binds.PRODUCT  # the least that stands behind a minus without parentheses

    def number(self, x: float) -> Written:
        """A number."""
        return signed(repr(x))

    def apply(self, op: str, operands: Sequence[Written]) -> Written:
        """``op`` of operands that are written already."""
        match operands:
            case [x] if op == "-":
                if x.binds < self.behind_minus or x.text[0] == "-":
                    x = Written(self.parenthesised(x.text))
                return Written(f"-{x.text}", min(x.binds, Binds.SIGN))
            case [x, y] if op in _LEVEL:
                return self.infix(op, _LEVEL[op], x, y)
            case [x, y] if op == "pow":
                power = f"{self.within(x, Binds.ATOM)}{self.space}**{self.space}{self.within(y, Binds.SIGN)}"
                return Written(power, Binds.POWER)
        return self.call(op, [x.text for x in operands])

    def infix(self, op: str, level: Binds, x: Written, y: Written) -> Written:
        """``x op y``. Sums and products are read from the left, and comparisons don't follow on each other."""
        first = Binds(level + (level == Binds.COMPARISON))
        return Written(f"{self.within(x, first)}{self.space}{op}{self.space}{self.within(y, Binds(level + 1))}", level)

    def call(self, function: str, arguments: Sequence[str]) -> Written:
        """``function(arguments)``."""
        return Written(f"{function}{self.parenthesised(', '.join(arguments))}")

    def within(self, x: Written, least: Binds) -> str:
        """The text of ``x``, in parentheses if it holds together less tightly than ``least``."""
        return x.text if x.binds >= least else self.parenthesised(x.text)

    def parenthesised(self, text: str) -> str:
        """``text`` in parentheses."""
        return f"({text})"

    def write(
        self, roots: Iterable[Operand], leaf: Callable[[str], Written], then: Then = lambda term, text: text
    ) -> list[Written]:
        """Each of ``roots``, with leaves as ``leaf`` writes them by name; ``then`` may put something else in a term's place."""
        texts: dict[int, Written] = {}

        def text(x: Operand) -> Written:
            return texts[x.place] if isinstance(x, Term) else self.number(x)

        roots = [*roots]
        for term in needed(roots):
            written = self.apply(term.op, [text(x) for x in term.operands]) if term.operands else leaf(term.op)
            texts[term.place] = then(term, written)
        return [text(root) for root in roots]


def signed(text: str) -> Written:
    """A number or a name of one: what begins with a minus is a negation."""
    return Written(text, Binds.SIGN if text[0] == "-" else Binds.ATOM)
