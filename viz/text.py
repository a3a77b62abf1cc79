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

from .diagram import Box, Diagram, number

_SHOWN = 6  # operands of one node


def text(diagram: Diagram) -> str:
    """One line for each node: how it was computed, its data, its gradient. A nameless constant stands where it is used."""
    rows = [
        (formula, f"data {number(box.data)}", "" if box.kind == "constant" else f"grad {number(box.grad)}")
        for box, formula in zip(diagram.boxes, formulas(diagram), strict=True)
        if not _is_plain_number(box) or len(diagram.boxes) == 1
    ]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join([f"{formula:<{first}}   {data:<{second}}   {grad}".rstrip() for formula, data, grad in rows])


def formulas(diagram: Diagram) -> list[str]:
    """For each box, how it was computed: ``e = a * b``; of a leaf, its name.

    A node without a label is called after its place in the order. Operands that are not drawn are written ``…``.
    """
    names = _names(diagram)
    operands = [["…"] * box.arity for box in diagram.boxes]
    for arrow in diagram.arrows:
        operands[arrow.target][arrow.position] = names[arrow.source]
    return [
        f"{name} = {_expression(box, xs)}" if box.op else name
        for box, name, xs in zip(diagram.boxes, names, operands, strict=True)
    ]


def _expression(box: Box, operands: list[str]) -> str:
    if box.is_operator:
        return f"{box.symbol}{operands[0]}" if box.arity == 1 else f"{operands[0]} {box.symbol} {operands[1]}"
    shown = operands if len(operands) <= _SHOWN else [*operands[: _SHOWN - 2], "…", operands[-1]]
    return f"{box.op}({', '.join([*shown, box.settings] if box.settings else shown)})"


def _names(diagram: Diagram) -> list[str]:
    """A name for each box. No two boxes share one, but for constants without a label, which are called by their number."""
    times = Counter([box.label for box in diagram.boxes])
    taken = {label for label, n in times.items() if n == 1}
    names = []
    for box in diagram.boxes:
        name = box.label
        if _is_plain_number(box):
            name = number(box.data)
        elif name not in taken or not name:
            name = f"{name}#{box.key}" if name else f"v{box.key}"
            while name in taken:
                name += "'"
            taken.add(name)
        names.append(name)
    return names


def _is_plain_number(box: Box) -> bool:
    return box.kind == "constant" and not box.label
