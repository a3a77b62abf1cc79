"""A row read as text: with operands that write down what is done to them, its rules give Python source.

Calling a rule costs more than the arithmetic in it. So the loop body that backpropagates through numbers is written out once
per op, with the rules in place of the calls, and compiled: the same partials, from the same row.

compile_pull ............. for nodes that hold floats
compile_pull_on_arrays ... for nodes that hold arrays
"""

from collections.abc import Callable, Sequence
from typing import Any

from . import arrays, scalar
from .fitting import gather, share

Rules = Sequence[Callable[..., Any] | None]


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
    def __lt__(self, other: Any) -> "Spelled": return Comparison(f"({self.text} < {_text(other)})")
    def __le__(self, other: Any) -> "Spelled": return Comparison(f"({self.text} <= {_text(other)})")
    def __gt__(self, other: Any) -> "Spelled": return Comparison(f"({self.text} > {_text(other)})")
    def __ge__(self, other: Any) -> "Spelled": return Comparison(f"({self.text} >= {_text(other)})")
    def __eq__(self, other: Any) -> Any: return Comparison(f"({self.text} == {_text(other)})")
    __hash__ = None  # type: ignore[assignment]  # as for anything whose == is not an answer
    # fmt: on

    def __bool__(self) -> bool:
        raise TypeError("a rule branches through xp.where")


class Comparison(Spelled):
    """What is true or false."""

    __slots__ = ()


class Mask(Spelled):
    """1 where ``condition`` holds, and 0 elsewhere."""

    __slots__ = ("condition",)

    def __init__(self, text: str, condition: str) -> None:
        super().__init__(text)
        self.condition = condition


class _OnFloats:
    """The namespace: every function of ``autograd.scalar``, as text."""

    def where(self, condition: Any, x: Any, y: Any) -> Spelled:
        return Spelled(f"({_text(x)} if {_text(condition)} else {_text(y)})")

    def __getattr__(self, name: str) -> Callable[..., Spelled]:
        if not hasattr(scalar, name):
            raise AttributeError(f"autograd.scalar has no function '{name}'")
        return lambda *operands: Spelled(f"{name}({', '.join(map(_text, operands))})")


class _OnArrays(_OnFloats):
    """The same functions by the same names, which are then those of ``autograd.arrays``."""

    def where(self, condition: Any, x: Any, y: Any) -> Spelled:
        text = f"where({_text(condition)}, {_text(x)}, {_text(y)})"
        if isinstance(condition, Comparison) and (_text(x), _text(y)) == ("1.0", "0.0"):
            return Mask(text, condition.text)
        return Spelled(text)


def _text(x: Any) -> str:
    if isinstance(x, Spelled):
        return x.text
    if type(x) is float or type(x) is int:
        return f"float('{x}')" if x - x != 0 else repr(x)
    raise TypeError(f"a rule for floats does arithmetic with floats, not {type(x).__name__}")


def pull_source(rules: Rules) -> str:
    """The source of ``pull(node)``, which adds ``node.grad · ∂z/∂x`` to the gradient of each operand ``x`` that takes one.

    Raises:
        Exception: whatever a rule raises that can't be read as text; it needs plain floats, for which ``math`` will do.
    """
    names, partials = _partials(rules, _OnFloats())
    lines = ["def pull(node):", f"    {', '.join(names)}, = node.inputs", "    g = node._grad"]
    for name, partial in partials:
        lines += [f"    if {name}.requires_grad:", f"        {name}._grad += {_scaled(partial)}"]
    return "\n".join(lines)


def pull_source_on_arrays(rules: Rules) -> str:
    """The source of ``pull(node)`` where the numbers are arrays. A node that no cotangent has reached hands nothing on."""
    names, partials = _partials(rules, _OnArrays())
    lines = [
        "def pull(node):",
        f"    {', '.join(names)}, = node.inputs",
        "    g = node._grad",
        "    if type(g) is float: return",
    ]
    for name, partial in partials:
        product = _scaled(partial)
        lines += [f"    if {name}.requires_grad:", f"        {'share' if product == 'g' else 'gather'}({name}, {product})"]
    return "\n".join(lines)


def _partials(rules: Rules, functions: Any) -> tuple[list[str], list[tuple[str, Any]]]:
    names = [f"x{i}" for i in range(len(rules))]
    operands = [Spelled(f"{name}._data") for name in names]
    return names, [
        (name, rule(functions, Spelled("node._data"), *operands)) for name, rule in zip(names, rules, strict=True) if rule
    ]


def _scaled(partial: Any) -> str:
    if isinstance(partial, Mask):
        return f"g * {partial.condition}"  # a product by booleans is the quickest
    text = _text(partial)
    return {"1.0": "g", "-1.0": "-g"}.get(text, f"g * {text}")


def compile_pull(name: str, rules: Rules) -> Callable[[Any], None]:
    """``pull(node)`` for nodes that hold floats; see ``pull_source``."""
    return _compiled(name, pull_source(rules), vars(scalar))


def compile_pull_on_arrays(name: str, rules: Rules) -> Callable[[Any], None]:
    """``pull(node)`` for nodes that hold arrays; see ``pull_source_on_arrays``."""
    return _compiled(name, pull_source_on_arrays(rules), {**vars(arrays), "gather": gather, "share": share})


def _compiled(name: str, source: str, functions: dict[str, Any]) -> Callable[[Any], None]:
    names = dict(functions)
    exec(compile(source, f"<pull of {name}>", "exec"), names)
    pull: Callable[[Any], None] = names["pull"]
    return pull
