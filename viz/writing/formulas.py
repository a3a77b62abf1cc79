"""How a node was computed, and what its op's derivatives are, as formulas: in plain text and in LaTeX.

formula, latex ................ a node, back to its leaves
partial_text, partial_latex ... ∂z/∂operand of one op

>>> from autograd import Value
>>> x, w = Value(3.0, label="x1"), Value(2.0, label="w1")
>>> y = (x * w + 1).tanh()
>>> print(formula(y))
tanh(x1 * w1 + 1)
>>> print(latex(y))
\\tanh(x_{1} \\cdot w_{1} + 1)
>>> partial_text(y.op, 0, "y", ["v"])
'1 - y * y'
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isinf, isnan

from autograd import Node, topological_order
from autograd.graph import Op
from autograd.primitive import Elementwise, Primitive
from autograd.terms import ReadingError, Term, needed, read

from ..diagram import Box, describe, number
from ..text import names
from ..words import printable
from .notation import Binds, Notation, Written, signed

_LONGEST = 400  # characters of one node's formula; with more it gets a line of its own
_LONGEST_PARTIAL = 4_000


def formula(root: Node, *, max_nodes: int = 1000) -> str:
    """How ``root`` was computed from its leaves, in plain text.

    A node without a label that is used once stands where it is used; any other is a line ``name = …``. The result is the last
    line, and without a label it has no name. Ops are written as in Python, and those that are more than one operator or
    function by their names: ``gelu(x)``.

    Args:
        root: the result.
        max_nodes: how many nodes are accepted.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: the graph has more nodes than ``max_nodes``.

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> print(formula(y - 1 / y))
    v1 = x * x
    v1 - 1 / v1
    """
    return "\n".join([f"{name} = {text}" if name else text for name, text in _lines(root, _Text(), "formula", max_nodes)])


def latex(root: Node, *, max_nodes: int = 1000) -> str:
    """How ``root`` was computed from its leaves, in LaTeX, without dollars around it.

    Its lines are those of ``formula``; several stand in an ``aligned``. It is written for any of LaTeX, MathJax and KaTeX.
    Labels like ``x1`` and ``w[0,1]`` get subscripts.

    Args:
        root: the result.
        max_nodes: how many nodes are accepted.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: the graph has more nodes than ``max_nodes``.

    >>> x = Value(3.0, label="x")
    >>> print(latex(x.exp() / (x + 1)))
    \\frac{e^{x}}{x + 1}
    """
    lines = _lines(root, _LaTeX(), "latex", max_nodes)
    if len(lines) == 1:
        return " = ".join(filter(None, lines[0]))
    rows = [f"{name} &= {text}" if name else f"& {text}" for name, text in lines]
    return "\n".join([r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}"])


def partial_text(
    op: Op, position: int, z_name: str, operand_names: Sequence[str], known: Mapping[int, float] | None = None
) -> str:
    """The derivative of ``op`` by one operand, read from its rule, in plain text.

    Args:
        op: an elementwise op, as ``node.op``.
        position: of the operand, from 0.
        z_name: what the result is called.
        operand_names: what the operands are called.
        known: operands that are numbers, by position.

    Raises:
        ValueError: the op mixes elements, has no such operand, or its derivative is too long to write out.
        ReadingError: its rule can't be read.

    >>> partial_text(PRIMITIVES["div"], 1, "z", ["a", "b"])
    '-z / b'
    >>> partial_text(PRIMITIVES["pow"], 0, "z", ["a", "2"], {1: 2.0})
    '2 * a ** 1'
    """
    return _partial(_Text(), op, position, z_name, operand_names, known)


def partial_latex(
    op: Op, position: int, z_name: str, operand_names: Sequence[str], known: Mapping[int, float] | None = None
) -> str:
    """The same as ``partial_text``, in LaTeX.

    >>> print(partial_latex(PRIMITIVES["div"], 1, "z", ["x1", "x2"]))
    \\frac{-z}{x_{2}}
    """
    return _partial(_LaTeX(), op, position, z_name, operand_names, known)


class _Formula(Notation):
    """What text and LaTeX must both say."""

    def name(self, text: str) -> Written:
        """What a node is called, by its label or by its number."""
        raise NotImplementedError

    def words(self, text: str) -> str:
        """``text`` as it is."""
        raise NotImplementedError

    def function(self, op: str, symbol: str) -> str:
        """What an op is called that is written as a function."""
        raise NotImplementedError


class _Text(_Formula):
    def name(self, text: str) -> Written:
        return signed(printable(text) or "?")

    def words(self, text: str) -> str:
        return printable(text)

    def function(self, op: str, symbol: str) -> str:
        return printable(op)

    def number(self, x: float) -> Written:
        return signed(number(x))

    def apply(self, op: str, operands: Sequence[Written]) -> Written:
        match op, operands:
            case "where", [condition, x, y]:
                first, last = self.within(x, Binds.COMPARISON), y.text
                return Written(f"{first} if {self.within(condition, Binds.COMPARISON)} else {last}", Binds.CHOICE)
        return super().apply({"maximum": "max", "minimum": "min", "⊙": "*"}.get(op, op), operands)


class _LaTeX(_Formula):
    def name(self, text: str) -> Written:
        text = printable(text)
        if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", text):
            return _decimal(text)
        indexed = re.fullmatch(r"([A-Za-z]+)_?(\d*)(?:\[([\d, ]+)\])?", text)
        if not indexed:
            return Written(f"{{{self.words(text)}}}")
        word, number, place = indexed.groups("")
        index = number + (f"[{place}]" if number and place else place).replace(" ", "")
        return Written((word if len(word) == 1 else rf"\mathrm{{{word}}}") + (f"_{{{index}}}" if index else ""))

    def words(self, text: str) -> str:
        # Specials stand outside of \text, where all of LaTeX, MathJax and KaTeX know them.
        runs = re.split(r"([\\{}$&#^_~%<>])", printable(text))
        return "".join([_SPECIAL.get(run, rf"\text{{{run}}}") for run in runs if run])

    def function(self, op: str, symbol: str) -> str:
        if symbol in _SYMBOL:
            return _SYMBOL[symbol]
        name = symbol if symbol.isascii() and symbol.isalpha() else op
        plain = re.fullmatch(r"\w+", name, re.ASCII)
        return rf"\operatorname{{{name.replace('_', chr(92) + '_') if plain else self.words(name)}}}"

    def number(self, x: float) -> Written:
        if isinf(x):
            return signed(r"\infty" if x > 0 else r"-\infty")
        return Written(r"\text{nan}") if isnan(x) else _decimal(number(x))

    def apply(self, op: str, operands: Sequence[Written]) -> Written:
        one = Written("1")
        match op, operands:
            case "*", [x, y] if x == y:
                return self.apply("pow", [x, Written("2")])
            case "/", [x, y]:
                return Written(rf"\frac{{{x.text}}}{{{y.text}}}", Binds.POWER)
            case "@", [x, y]:
                return Written(rf"{self.within(x, Binds.SIGN)}\,{self.within(y, Binds.POWER)}", Binds.SIGN)
            case "pow", [x, y]:
                return Written(f"{self.within(x, Binds.ATOM)}^{{{y.text}}}", Binds.POWER)
            case "exp", [x]:
                return self.apply("pow", [Written("e"), x])
            case "expm1", [x]:
                return self.apply("-", [self.apply("exp", [x]), one])
            case "log1p", [x]:
                return self.apply("log", [self.apply("+", [one, x])])
            case "sqrt", [x]:
                return Written(rf"\sqrt{{{x.text}}}")
            case "abs", [x]:
                return Written(rf"\left|{x.text}\right|")
            case "where", [condition, x, y]:
                holds = condition.text if condition.binds == Binds.COMPARISON else rf"{condition.text} \ne 0"
                otherwise = rf"{y.text} & \text{{otherwise}}{_END}"
                if y.binds == Binds.CHOICE:  # its cases follow on ours
                    otherwise = y.text.removeprefix(_BEGIN)
                return Written(rf"{_BEGIN}{x.text} & \text{{if }} {holds} \\ {otherwise}", Binds.CHOICE)
        return super().apply(_COMMAND.get(op, rf"\{op}" if op.isalpha() else op), operands)

    def infix(self, op: str, level: Binds, x: Written, y: Written) -> Written:
        if y.text[0] == "-" and level > Binds.COMPARISON:
            y = Written(self.parenthesised(y.text))
        elif op in "+*":  # where the order makes a difference to the last digit only
            y = y._replace(binds=Binds(level + 1)) if y.binds == level else y
        return super().infix(_SIGN.get(op, op), level, x, y)

    def parenthesised(self, text: str) -> str:
        return rf"\left({text}\right)" if r"\frac" in text or r"\begin" in text else f"({text})"


_BEGIN, _END = r"\begin{cases} ", r" \end{cases}"
_SIGN = {"*": r"\cdot", "⊙": r"\odot", "<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne"}
_COMMAND = {"maximum": r"\max", "minimum": r"\min"}
_SYMBOL = {"σ": r"\sigma", "Σ": r"\sum", "Π": r"\prod", "max": r"\max", "min": r"\min"}
_SPECIAL = {
    **{c: f"\\{c}" for c in "{}$&#_%"},
    **{"\\": r"{\backslash}", "^": r"{\wedge}", "~": r"{\sim}", "<": "{<}", ">": "{>}"},
}


def _decimal(text: str) -> Written:
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return signed(mantissa)
    power = f"10^{{{int(exponent)}}}"
    if mantissa in ("1", "-1"):
        return Written(power, Binds.POWER) if mantissa == "1" else Written(f"-{power}", Binds.SIGN)
    return Written(rf"{mantissa} \cdot {power}", Binds.PRODUCT)


def _lines(root: Node, notation: _Formula, who: str, max_nodes: int) -> list[tuple[str, str]]:
    """Names and formulas of the nodes that get a line; a result without a label, and a leaf, have no name."""
    if not isinstance(root, Node):
        raise TypeError(f"{who} takes a Value or a Tensor, not {type(root).__name__}")
    nodes = topological_order(root)
    if len(nodes) > max_nodes:
        raise ValueError(
            f"{who}: the graph has {len(nodes):,} nodes and the limit is {max_nodes:,}; "
            "write out a part of it (an inner node), or raise the limit (max_nodes=)"
        )
    diagram = describe(root, max_nodes=max_nodes)
    uses = Counter([x for node in nodes for x in node.inputs])
    written: dict[Node, Written] = {}
    lines: list[tuple[str, str]] = []
    for node, box, name in zip(nodes, diagram.boxes, names(diagram), strict=True):
        written[node] = notation.name(name)
        if box.kind == "constant" and not box.label and not getattr(box.data, "shape", ()):
            written[node] = notation.number(float(box.data))
        if node.op is not None:
            made = _made(notation, node, box, [written[x] for x in node.inputs])
            if node is root or box.label or uses[node] > 1 or len(made.text) > _LONGEST:
                lines.append((written[node].text, made.text))
            else:
                written[node] = made
    if not lines:
        return [("", written[root].text)]
    return lines if root.label else [*lines[:-1], ("", lines[-1][1])]


def _made(notation: _Formula, node: Node, box: Box, operands: Sequence[Written]) -> Written:
    """What ``node`` was made of, from operands that are written already."""
    op = node.op
    assert op is not None
    if op.name == "matmul":
        return notation.apply("@", operands)
    if op.name == "linear":
        return notation.apply("+", [notation.apply("@", operands[:2]), operands[2]])
    if op.name == "mul" and all(getattr(x.data, "shape", ()) for x in node.inputs):
        return notation.apply("⊙", operands)  # beside matrix products, this one is element by element
    term = _written_out(op.row, len(operands))
    if term is None:
        settings = [notation.words(box.settings)] if box.settings else []
        return notation.call(notation.function(op.name, op.symbol), [*[x.text for x in operands], *settings])
    (made,) = notation.write([term], lambda leaf: operands[int(leaf[1:])])
    return made


_read = lru_cache(256)(read)


def _written_out(row: Primitive, arity: int) -> Term | None:
    """What ``row`` computes, if that is one function of its operands, or is done by operators with each operand once."""
    try:
        forward, _ = _read(row, arity)
    except ReadingError:
        return None
    if not isinstance(forward, Term):
        return None
    terms = needed([forward])
    uses = Counter([x.place for term in terms for x in term.operands if isinstance(x, Term)])
    if any(term.operands and term.op.isalnum() for term in terms) or max(uses.values(), default=1) > 1:
        alone = [x.op if isinstance(x, Term) else x for x in forward.operands] == [f"x{i}" for i in range(arity)]
        return forward if alone else None
    return forward


def _partial(
    notation: _Formula, op: Op, position: int, z_name: str, operand_names: Sequence[str], known: Mapping[int, float] | None
) -> str:
    if not isinstance(op.row, Elementwise):
        raise ValueError(f"{op.name} mixes elements; its derivative is a vjp, and no formula of one element")
    if not 0 <= position < len(operand_names):
        raise ValueError(f"{op.name}: operand {position} of {len(operand_names)}; they are counted from 0")
    partial = read(op.row, len(operand_names), known=known)[1][position]

    def leaf(name: str) -> Written:
        return notation.name(z_name if name == "z" else operand_names[int(name[1:])])

    def bounded(term: Term, written: Written) -> Written:
        if len(written.text) > _LONGEST_PARTIAL:
            raise ValueError(f"the derivative of {op.name} takes more than {_LONGEST_PARTIAL:,} characters to write out")
        return written

    (written,) = notation.write([0.0 if partial is None else partial], leaf, bounded)
    return written.text
