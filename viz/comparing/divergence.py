"""Where two passes part, and what is different in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from ..steps import Phase, Step
from .sides import Side

Numbers = Sequence[tuple[str, Any, Any]]


@dataclass(frozen=True)
class Divergence:
    """The first step in which numbers differ.

    ``numbers`` are those of this step: what each is, then it in ``a`` and in ``b``; None if there is none or it is unknown.
    ``what`` says which of them differs first, and ``looks_like`` names the slips that give just this number.
    """

    step: Step
    formula: str  # of the node that is computed, or that hands its gradient on
    node: str  # that node
    operand: str  # that is read, or takes a gradient; empty where it is about the node itself
    operand_key: int | None
    position: int | None  # of the operand in the call, from 0
    numbers: tuple[tuple[str, Any, Any], ...]
    what: str
    looks_like: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """The number of the step, from 1, as in the transcript."""
        return self.step.index + 1

    @property
    def key(self) -> int:
        """Of the node whose number it is: one that is computed, or an operand that is read or given something."""
        return self.step.key if self.operand_key is None else self.operand_key

    @property
    def phase(self) -> Phase:
        """Of the step."""
        return self.step.phase

    @property
    def a(self) -> Any:
        """The number that differs, in ``a``."""
        return next(a for what, a, _ in self.numbers if what == self.what)

    @property
    def b(self) -> Any:
        """The number that differs, in ``b``."""
        return next(b for what, _, b in self.numbers if what == self.what)

    @property
    def place(self) -> str:
        """Where it is, in words."""
        operand = f", operand {self.position + 1}: {self.operand}" if self.position is not None else ""
        match self.phase:
            case "forward":
                return f"step {self.number}, forward through {self.formula}{operand}"
            case "seed":
                return f"step {self.number}, where backward starts at {self.node}"
            case _:
                return f"step {self.number}, backward through {self.formula}{operand}"

    def swapped(self) -> Self:
        """With ``a`` and ``b`` exchanged."""
        return replace(self, numbers=tuple([(what, b, a) for what, a, b in self.numbers]))


def divergence(
    side: Side, step: Step, operand: tuple[int, int] | None, numbers: Numbers, what: str, looks_like: Sequence[str] = ()
) -> Divergence:
    """What parts in ``step`` of a walk; ``operand`` is the key and the position of the one that it is about, if any."""
    key, position = operand or (None, None)
    name = "" if key is None else side.names[key]
    told = tuple(dict.fromkeys(word for word in looks_like if word))
    return Divergence(step, side.formulas[step.key], side.names[step.key], name, key, position, tuple(numbers), what, told)


@dataclass(frozen=True)
class Change:
    """One number of a node that is not the same in the end."""

    key: int
    node: str
    what: str  # data or gradient
    a: Any
    b: Any
    distance: float  # |a - b|, of the elements that are farthest apart
    index: tuple[int, ...]  # of these elements; empty for numbers
