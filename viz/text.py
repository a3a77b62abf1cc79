"""A graph in words: one line for each node, operands before results.

>>> from autograd import Value
>>> from viz import describe
>>> x = Value(3.0, label="x")
>>> z = x**2 + x
>>> z.backward()
>>> print(text(describe(z)))
x             data 3    grad 7
v2 = x ** 2   data 9    grad 1
v3 = v2 + x   data 12   grad 1
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from .diagram import Box, Diagram, number

_SHOWN = 6  # operands of one node


def text(diagram: Diagram, labels: Mapping[int, str] | None = None) -> str:
    """One line for each node: how it was computed, its data, its gradient. A nameless constant stands where it is used.

    Below it, indented, a line for each arrow to it that has a label.
    """
    rows = [
        (box.key, formula, f"data {number(box.data)}", f"grad {number(box.grad)}" if has_gradient(box) else "")
        for box, formula in zip(diagram.boxes, formulas(diagram), strict=True)
        if not _is_plain_number(box) or len(diagram.boxes) == 1
    ]
    first, second = max(len(row[1]) for row in rows), max(len(row[2]) for row in rows)
    carried: dict[int, list[str]] = {}
    if labels:
        called = names(diagram)
        for i, label in sorted(labels.items()):
            arrow = diagram.arrows[i]
            carried.setdefault(arrow.target, []).append(f"    {called[arrow.source]}: {label}")
    lines = []
    for key, formula, data, grad in rows:
        lines += [f"{formula:<{first}}   {data:<{second}}   {grad}".rstrip(), *carried.get(key, ())]
    return "\n".join(lines)


def formulas(diagram: Diagram) -> list[str]:
    """For each box, how it was computed: ``e = a * b``; of a leaf, its name.

    A node without a label is called after its place in the order. Operands that are not drawn are written ``…``.
    """
    called = names(diagram)
    return [_formula(box, name, xs) for box, name, xs in zip(diagram.boxes, called, operands(diagram, called), strict=True)]


def operands(diagram: Diagram, called: Sequence[str]) -> list[list[str]]:
    """For each box the names of its operands, ``…`` for one that is not drawn."""
    found = [["…"] * box.arity for box in diagram.boxes]
    for arrow in diagram.arrows:
        found[arrow.target][arrow.position] = called[arrow.source]
    return found


def _formula(box: Box, name: str, operands: list[str]) -> str:
    if box.kind == "group":
        told = [f"{name} = {box.what}" if box.what else name, "of" * bool(operands), ", ".join(_few(operands))]
        counts = ", ".join(filter(None, [box.symbol, f"{box.nodes:,} nodes"]))
        return f"{' '.join(filter(None, told))} ({counts})"
    return f"{name} = {expression(box, operands)}" if box.op else name


def expression(box: Box, operands: list[str]) -> str:
    """The op of ``box`` applied to ``operands``, as it is written: ``a * b``, ``tanh(a)``."""
    if box.is_operator:
        wants = operands[0][0] == "-" and (box.arity == 1 or box.symbol == "**")
        first = f"({operands[0]})" if wants else operands[0]
        return f"{box.symbol}{first}" if box.arity == 1 else f"{first} {box.symbol} {operands[1]}"
    shown = _few(operands)
    return f"{box.op}({', '.join([*shown, box.settings] if box.settings else shown)})"


def _few(operands: list[str]) -> list[str]:
    if len(operands) > _SHOWN:
        operands = [x for x, before in zip(operands, ["", *operands]) if not x == before == "…"]
    return operands if len(operands) <= _SHOWN else [*operands[: _SHOWN - 2], "…", operands[-1]]


def has_gradient(box: Box) -> bool:
    """Whether a picture tells the gradient of this box."""
    return box.kind not in ("constant", "outside") and box.grad is not None


def names(diagram: Diagram) -> list[str]:
    """A name for each box. No two boxes share one, but for constants without a label: they are called by their number, an
    array by its shape."""
    times = Counter([box.label for box in diagram.boxes])
    taken = {label for label, n in times.items() if n == 1}
    called = []
    for box in diagram.boxes:
        name = box.label
        if _is_plain_number(box):
            name = number(box.data).partition(",")[0]
        elif name not in taken or not name:
            name = f"{name}#{box.key}" if name else f"v{box.key}"
            while name in taken:
                name += "'"
            taken.add(name)
        called.append(name)
    return called


def _is_plain_number(box: Box) -> bool:
    return box.kind == "constant" and not box.label
