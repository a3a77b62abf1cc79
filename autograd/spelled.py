"""A row read as text: with operands that write down what is done to them, its rules give Python source.

Calling a rule costs more than the arithmetic in it. So the loop body that backpropagates through floats is written out once
per op, with the rules in place of the calls, and compiled: the same partials, from the same row.
"""

from collections.abc import Callable, Sequence
from typing import Any

from . import scalar


class Spelled:
    """An operand that is text, and turns into longer text under the operators."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    # fmt: off
    def __add__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} + {_text(other)})")
    def __radd__(self, other: Any) -> "Spelled": return Spelled(f"({_text(other)} + {self.text})")
    def __sub__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} - {_text(other)})")
    def __rsub__(self, other: Any) -> "Spelled": return Spelled(f"({_text(other)} - {self.text})")
    def __mul__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} * {_text(other)})")
    def __rmul__(self, other: Any) -> "Spelled": return Spelled(f"({_text(other)} * {self.text})")
    def __truediv__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} / {_text(other)})")
    def __rtruediv__(self, other: Any) -> "Spelled": return Spelled(f"({_text(other)} / {self.text})")
    def __neg__(self) -> "Spelled": return Spelled(f"(-{self.text})")
    def __lt__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} < {_text(other)})")
    def __le__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} <= {_text(other)})")
    def __gt__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} > {_text(other)})")
    def __ge__(self, other: Any) -> "Spelled": return Spelled(f"({self.text} >= {_text(other)})")
    def __eq__(self, other: Any) -> Any: return Spelled(f"({self.text} == {_text(other)})")
    __hash__ = None  # type: ignore[assignment]  # as for anything whose == is not an answer
    # fmt: on

    def __bool__(self) -> bool:
        raise TypeError("a rule branches through xp.where")


class _Functions:
    """The namespace: every function of ``autograd.scalar``, as text."""

    def where(self, condition: Any, x: Any, y: Any) -> Spelled:
        return Spelled(f"({_text(x)} if {_text(condition)} else {_text(y)})")

    def __getattr__(self, name: str) -> Callable[..., Spelled]:
        if not hasattr(scalar, name):
            raise AttributeError(f"autograd.scalar has no function '{name}'")
        return lambda *operands: Spelled(f"{name}({', '.join(map(_text, operands))})")


_FUNCTIONS = _Functions()


def _text(x: Any) -> str:
    if isinstance(x, Spelled):
        return x.text
    if type(x) is float or type(x) is int:
        return f"float('{x}')" if x - x != 0 else repr(x)
    raise TypeError(f"a rule for floats does arithmetic with floats, not {type(x).__name__}")


def pull_source(rules: Sequence[Callable[..., Any] | None]) -> str:
    """The source of ``pull(node)``, which adds ``node.grad · ∂z/∂x`` to the gradient of each operand ``x`` that takes one.

    Raises:
        Exception: whatever a rule raises that can't be read as text; it needs plain floats, for which ``math`` will do.
    """
    names = [f"x{i}" for i in range(len(rules))]
    operands = [Spelled(f"{name}._data") for name in names]
    lines = ["def pull(node):", f"    {', '.join(names)}, = node.inputs", "    g = node.grad"]
    for name, rule in zip(names, rules, strict=True):
        if rule:
            partial = _text(rule(_FUNCTIONS, Spelled("node._data"), *operands))
            lines += [f"    if {name}.requires_grad:", f"        {name}.grad += g * {partial}"]
    return "\n".join(lines)


def compile_pull(name: str, rules: Sequence[Callable[..., Any] | None]) -> Callable[[Any], None]:
    """``pull(node)`` for nodes that hold floats; see ``pull_source``."""
    names = dict(vars(scalar))
    exec(compile(pull_source(rules), f"<pull of {name}>", "exec"), names)
    pull: Callable[[Any], None] = names["pull"]
    return pull
