"""What a row of the op table is.

PRIMITIVES .... the table, by name
Elementwise ... a row whose rules are partials
Structural .... a row that mixes elements: its rules are vjps, and it has settings (an axis, a shape)
Bound ......... a row with its settings, as the node of an array carries it
Operation ..... the row as the function that users call

A row is written for a namespace ``xp`` and for operands with operators, and so can be read with anything that has both: floats
and ``autograd.scalar``, arrays and ``autograd.arrays``, nodes and ``autograd.ops``, text and what spells it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, overload

from .graph import Node

N = TypeVar("N", bound=Node)
Rule = Callable[..., Any]
Pull = Callable[[Any], None]
Settings = Mapping[str, Any]

PRIMITIVES: "dict[str, Primitive]" = {}


@dataclass(frozen=True)
class Domain:
    """Where an operand may lie: in words that complete "must be …" (empty for anywhere), and as intervals to draw from."""

    words: str
    intervals: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Example:
    """Shapes of operands, and settings, with which a structural row is tried by the table's tests."""

    shapes: tuple[tuple[int, ...], ...]
    settings: Settings


def example(*shapes: tuple[int, ...], **settings: Any) -> Example:
    """Operands of these shapes, with these settings."""
    return Example(shapes, settings)


@dataclass(frozen=True, eq=False)
class Primitive:
    """One row of the table: a function whose derivative is given, not derived."""

    name: str
    forward: Rule
    rules: tuple[Rule | None, ...]  # one for each operand, None where no derivative flows; if variadic, one for all
    symbol: str  # how a picture writes it
    variadic: bool = False
    call: "Operation" = field(init=False, repr=False)  # the function that users call
    pull: Pull = field(init=False, repr=False)  # adds a node's cotangent, taken through the rules, to its operands' gradients

    @property
    def row(self) -> "Primitive":
        """Itself: what a node's op is a row of."""
        return self

    @property
    def is_chain(self) -> bool:
        """Whether it stands for a chain of ops of two operands, which its forward, read with nodes, gives."""
        return False

    def apply(self, xp: Any, operands: Sequence[Any], **settings: Any) -> Any:
        """The result, read with the functions of ``xp``."""
        return self.forward(xp, operands, **settings) if self.variadic else self.forward(xp, *operands, **settings)

    def __reduce__(self) -> tuple[Any, ...]:
        return _row_named, (self.name,)


@dataclass(frozen=True, eq=False)
class Elementwise(Primitive):
    """A row that takes numbers to a number, and arrays element by element. A rule is a partial, ``(xp, z, *operands) ->
    ∂z/∂operand``; where the row is variadic, ``(xp, z, operands) -> [∂z/∂operand, …]``."""

    domain: tuple[Domain, ...] = ()
    on_arrays: "Bound" = field(init=False, repr=False)  # the op of a node that holds an array

    @property
    def is_chain(self) -> bool:
        """Whether it stands for a chain of ops of two operands, which its forward, read with nodes, gives."""
        return self.variadic

    def partials(self, xp: Any, z: Any, operands: Sequence[Any]) -> list[Any]:
        """``∂z/∂operand`` for each operand, None for one that takes no derivative, read with the functions of ``xp``."""
        if self.variadic:
            return list(self.rules[0](xp, z, operands)) if self.rules[0] else []
        return [rule and rule(xp, z, *operands) for rule in self.rules]

    def cotangents(self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool]) -> Iterable[Any]:
        """For each operand ``g · ∂z/∂operand``, None where it is not wanted or is 0 everywhere."""
        if self.variadic:
            return [_scaled(g, partial) if want else None for want, partial in zip(wanted, self.partials(xp, z, operands))]
        return [
            _scaled(g, rule(xp, z, *operands)) if want and rule else None for want, rule in zip(wanted, self.rules, strict=True)
        ]


def _scaled(g: Any, partial: Any) -> Any:
    """``g · partial``, with nothing recorded for a product by 1 or by 0."""
    if type(partial) is float and partial in (1.0, -1.0, 0.0):
        return g if partial == 1.0 else -g if partial else None
    return g * partial


@dataclass(frozen=True, eq=False)
class Structural(Primitive):
    """A row that mixes the elements of arrays. A rule is a vjp, ``(xp, g, z, *operands, **settings)`` -> the cotangent of one
    operand; where the row is variadic, ``(xp, g, z, operands, i, **settings)`` -> that of operand ``i``."""

    settings: Settings = field(default_factory=dict)  # with their defaults
    examples: tuple[Example, ...] = ()

    def cotangents(
        self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool], **settings: Any
    ) -> Iterable[Any]:
        """The cotangent of each operand, None where it is not wanted or there is none."""
        if self.variadic:
            (rule,) = self.rules
            assert rule is not None
            return [rule(xp, g, z, operands, i, **settings) if want else None for i, want in enumerate(wanted)]
        return [rule(xp, g, z, *operands, **settings) if want and rule else None for want, rule in zip(wanted, self.rules)]


class Bound:
    """A row with its settings: the op of a node that holds an array, or that a structural row made."""

    __slots__ = ("pull", "row", "settings")

    def __init__(self, row: Primitive, settings: Settings, pull: Pull) -> None:
        self.row = row
        self.settings = settings
        self.pull = pull

    @property
    def name(self) -> str:
        """The row's name in the table."""
        return self.row.name

    @property
    def symbol(self) -> str:
        """How a picture writes it."""
        return self.row.symbol

    @property
    def variadic(self) -> bool:
        """Whether it takes any number of operands."""
        return self.row.variadic

    @property
    def is_chain(self) -> bool:
        """Whether it stands for a chain of ops of two operands, which its forward, read with nodes, gives."""
        return self.row.is_chain

    def apply(self, xp: Any, operands: Sequence[Any]) -> Any:
        """The result, read with the functions of ``xp``."""
        return self.row.apply(xp, operands, **self.settings)

    def partials(self, xp: Any, z: Any, operands: Sequence[Any]) -> list[Any]:
        """``∂z/∂operand`` for each operand of an elementwise row."""
        if not isinstance(self.row, Elementwise):
            raise TypeError(f"{self.name} mixes elements, so it has no partials; ask for its cotangents")
        return self.row.partials(xp, z, operands)

    def cotangents(self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool]) -> Iterable[Any]:
        """The cotangent of each operand, None where it is not wanted or there is none."""
        row: Any = self.row
        return row.cotangents(xp, g, z, operands, wanted, **self.settings)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"<op {self.name}{settings}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound, (self.row, dict(self.settings))


def _bound(row: Primitive, settings: Settings) -> Bound:
    return row.on_arrays if isinstance(row, Elementwise) else Bound(row, settings, row.pull)


class Operation(Protocol):
    """A row as a function: nodes give a node, plain numbers a plain number, arrays an array."""

    primitive: Primitive

    @overload
    def __call__(self, x: N, /, *others: Any, **settings: Any) -> N: ...
    @overload
    def __call__(self, x: float, y: N, /, *others: Any, **settings: Any) -> N: ...
    @overload
    def __call__(self, *operands: Any, **settings: Any) -> Any: ...


def _row_named(name: str) -> Primitive:
    if name not in PRIMITIVES:
        raise LookupError(f"this graph uses the op '{name}', which is not in the table; import the module that enters it first")
    return PRIMITIVES[name]
