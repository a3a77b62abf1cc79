"""What a row of the op table is.

PRIMITIVES ... the table, by name
Primitive .... a row: forward, partials, domain, symbol
Operation .... the row as the function that users call

A row is written for a namespace ``xp`` and for operands with operators, and so can be read with anything that has both: floats
and ``autograd.scalar``, arrays and ``numpy``, nodes and ``autograd.ops``, text and what spells it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, overload

from .graph import Node

N = TypeVar("N", bound=Node)
Rule = Callable[..., Any]
Pull = Callable[[Any], None]

PRIMITIVES: "dict[str, Primitive]" = {}


@dataclass(frozen=True)
class Domain:
    """Where an operand may lie: in words that complete "must be …" (empty for anywhere), and as intervals to draw from."""

    words: str
    intervals: tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Primitive:
    """One row of the table: a function whose derivative is given, not derived."""

    name: str
    forward: Rule
    rules: tuple[Rule | None, ...]  # a partial for each operand, None where no derivative flows; if variadic, one for all
    domain: tuple[Domain, ...]
    symbol: str  # how a picture writes it
    variadic: bool = False
    call: "Operation" = field(init=False, repr=False)  # the function that users call
    pull: Pull = field(init=False, repr=False)  # adds a node's cotangent, times each partial, to the gradients of its operands

    def apply(self, xp: Any, operands: Sequence[Any]) -> Any:
        """The result, read with the functions of ``xp``."""
        return self.forward(xp, operands) if self.variadic else self.forward(xp, *operands)

    def partials(self, xp: Any, z: Any, operands: Sequence[Any]) -> list[Any]:
        """``∂z/∂operand`` for each operand, None for one that takes no derivative, read with the functions of ``xp``."""
        if self.variadic:
            return list(self.rules[0](xp, z, operands)) if self.rules[0] else []
        return [rule and rule(xp, z, *operands) for rule in self.rules]

    def __reduce__(self) -> tuple[Any, ...]:
        return _row_named, (self.name,)


class Operation(Protocol):
    """A row as a function: nodes give a node, plain numbers a plain number; over arrays it works element by element."""

    primitive: Primitive

    @overload
    def __call__(self, x: N, /, *others: Any) -> N: ...
    @overload
    def __call__(self, x: float, y: N, /, *others: Any) -> N: ...
    @overload
    def __call__(self, *operands: Any) -> Any: ...


def _row_named(name: str) -> Primitive:
    if name not in PRIMITIVES:
        raise LookupError(f"this graph uses the op '{name}', which is not in the table; import the module that enters it first")
    return PRIMITIVES[name]
