"""A row read as terms: with operands that record what is done to them, a row gives what it computes as data.

So it can be written down in any language: in Python's, as here, and in those that pictures and pages speak.

Term ..... an operator or function, and its operands
Terms .... the namespace a row is read in; in one reading, equal terms are one
read ..... a row's forward and partials
needed ... the terms that others are made of
source ... a term as Python source

>>> from autograd import PRIMITIVES
>>> z, (by_x0, by_x1) = read(PRIMITIVES["div"], 2)
>>> z, by_x0, by_x1
((x0 / x1), (1.0 / x1), ((-z) / x1))
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from . import scalar
from .primitive import Elementwise, Primitive

COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))


class ReadingError(TypeError):
    """A row can't be read as terms: it mixes elements, or uses what takes floats only."""


class Term:
    """``op`` of ``operands``, which are terms and numbers. A term without operands is a leaf, and ``op`` is its name.

    ``op`` is an operator (``-`` of one operand negates it) or a function of ``autograd.scalar``. ``place`` counts the terms of
    a reading: that of a term is above those of its operands.
    """

    __slots__ = ("_terms", "op", "operands", "place")

    def __init__(self, terms: "Terms", op: str, operands: "tuple[Operand, ...]", place: int) -> None:
        self._terms = terms
        self.op = op
        self.operands = operands
        self.place = place

    # fmt: off
    def __add__(self, other: Any) -> "Term": return self._terms.make("+", self, other)
    def __radd__(self, other: Any) -> "Term": return self._terms.make("+", other, self)
    def __sub__(self, other: Any) -> "Term": return self._terms.make("-", self, other)
    def __rsub__(self, other: Any) -> "Term": return self._terms.make("-", other, self)
    def __mul__(self, other: Any) -> "Term": return self._terms.make("*", self, other)
    def __rmul__(self, other: Any) -> "Term": return self._terms.make("*", other, self)
    def __truediv__(self, other: Any) -> "Term": return self._terms.make("/", self, other)
    def __rtruediv__(self, other: Any) -> "Term": return self._terms.make("/", other, self)
    def __pow__(self, other: Any) -> "Term": return self._terms.pow(self, other)  # type: ignore[no-any-return]
    def __rpow__(self, other: Any) -> "Term": return self._terms.pow(other, self)  # type: ignore[no-any-return]
    def __neg__(self) -> "Term": return self._terms.make("-", self)
    def __pos__(self) -> "Term": return self
    def __abs__(self) -> "Term": return self._terms.make("abs", self)
    def __lt__(self, other: Any) -> "Term": return self._terms.make("<", self, other)
    def __le__(self, other: Any) -> "Term": return self._terms.make("<=", self, other)
    def __gt__(self, other: Any) -> "Term": return self._terms.make(">", self, other)
    def __ge__(self, other: Any) -> "Term": return self._terms.make(">=", self, other)
    def __eq__(self, other: Any) -> Any: return self._terms.make("==", self, other)
    def __ne__(self, other: Any) -> Any: return self._terms.make("!=", self, other)
    __hash__ = None  # type: ignore[assignment]  # as for anything whose == is not an answer
    # fmt: on

    def __bool__(self) -> bool:
        raise TypeError("a rule branches through xp.where")

    def __repr__(self) -> str:
        return source(self)


Operand: TypeAlias = Term | float


class Terms:
    """The namespace: every function of ``autograd.scalar``, of terms. A language that lacks one overrides it here."""

    def __init__(self) -> None:
        self._made: dict[tuple[str | int, ...], Term] = {}

    def make(self, op: str, *operands: Any) -> Term:
        """``op`` of ``operands``; a leaf by the name of ``op``, if there are none."""
        key = (op, *[x.place if isinstance(x, Term) else repr(_number(x)) for x in operands])
        if key not in self._made:
            self._made[key] = Term(self, op, operands, len(self._made))
        return self._made[key]

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """A choice; of a condition that is known, what it chooses."""
        return self.make("where", condition, x, y) if isinstance(condition, Term) else x if condition else y

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in scalar.__all__:
            raise AttributeError(f"autograd.scalar has no function '{name}'")
        return partial(self.make, name)


def read(
    row: Primitive, arity: int, functions: type[Terms] = Terms, known: Mapping[int, float] | None = None
) -> tuple[Operand, tuple[Operand | None, ...]]:
    """What ``row`` computes of so many operands, and its partial by each, None where no derivative flows.

    The operands are leaves by the names ``x0``, ``x1``, …; the result, in partials, is the leaf ``z``.

    Args:
        row: an elementwise row.
        arity: how many operands it is given.
        functions: the namespace to read it in.
        known: operands that are numbers, by position.

    Raises:
        ReadingError: the row mixes elements, or what it does can't be recorded.
    """
    if not isinstance(row, Elementwise):
        raise ReadingError(f"{row.name} mixes elements, so it can't be read as terms of one element")
    terms = functions()
    z, operands = terms.make("z"), [(known or {}).get(i, terms.make(f"x{i}")) for i in range(arity)]
    try:
        forward = checked(row.apply(terms, operands))
        partials = tuple([None if x is None else checked(x) for x in row.partials(terms, z, operands)])
    except Exception as error:
        raise ReadingError(
            f"{row.name} can't be read as terms ({error}); "
            "write it with operators and functions of xp, and let it branch through xp.where"
        ) from error
    return forward, partials


def checked(x: Any) -> Operand:
    """``x`` itself; TypeError unless it is a term or a number."""
    return x if isinstance(x, Term) else _number(x)


def needed(roots: Iterable[Operand | None]) -> list[Term]:
    """The terms that ``roots`` are made of, and those among them, each after its operands."""
    found: dict[int, Term] = {}
    waiting = [*roots]
    while waiting:
        x = waiting.pop()
        if isinstance(x, Term) and x.place not in found:
            found[x.place] = x
            waiting += x.operands
    return [found[place] for place in sorted(found)]


def source(x: Operand, where: str = "({1} if {0} else {2})", names: Mapping[int, str] | None = None) -> str:
    """``x`` as a Python expression, with ``where`` written so; terms that have ``names``, by place, are called by them."""
    texts = dict(names or {})

    def text(x: Operand) -> str:
        if isinstance(x, Term):
            return texts[x.place]
        return f"float('{x}')" if x - x != 0 else repr(x)

    for term in needed([x]):
        if term.place in texts:
            continue
        match term.op, [text(y) for y in term.operands]:
            case name, []:
                texts[term.place] = name
            case "where", operands:
                texts[term.place] = where.format(*operands)
            case name, operands if name in scalar.__all__:
                texts[term.place] = f"{name}({', '.join(operands)})"
            case sign, [operand]:
                texts[term.place] = f"({sign}{operand})"
            case sign, [left, right]:
                texts[term.place] = f"({left} {sign} {right})"
    return text(x)


def _number(x: Any) -> float:
    if type(x) is float or type(x) is int:
        return x
    raise TypeError(f"a rule for floats does arithmetic with floats, not {type(x).__name__}")
