"""The local derivatives of a walk as formulas: where a number such as 0.501 comes from.

>>> from autograd import Value
>>> from viz.steps import walk
>>> slopes(walk(Value(0.88, label="x").tanh()))
{(1, 0): '1 - v1 * v1'}
"""

import re
from functools import lru_cache
from typing import Any

import numpy as np

from autograd import Node
from autograd.graph import Op
from autograd.terms import ReadingError

from ..steps import Walk
from ..text import names, operands
from .formulas import partial_text

_LONGEST = 48  # characters


def slopes(walk: Walk[Any]) -> dict[tuple[int, int], str]:
    """For edges of the graph, by the key of the node and the operand's position, ``∂node/∂operand`` in words.

    None where the number says it all, as the derivative of a product by one factor is the other; nor where it takes many words.
    """
    called = names(walk.diagram)
    operands_of = operands(walk.diagram, called)
    found = {}
    for step in walk.steps:
        for c in step.contributions:
            if c.local is not None and not step.parts:
                assert step.node.op is not None
                z, xs = called[step.key], operands_of[step.key]
                known = tuple([(i, float(x.data)) for i, x in enumerate(step.node.inputs) if _is_number(x)])
                template = _slope(step.node.op.row, len(xs), c.position, known)
                text = _NAME.sub(lambda m, z=z, xs=xs: z if m[0] == "z" else xs[int(m[0][1:])], template)  # type: ignore[misc]
                if text and len(text) <= _LONGEST:
                    found[step.key, c.position] = text
    return found


_NAME = re.compile(r"\b(z|x\d+)\b")


@lru_cache(4096)
def _slope(row: Op, arity: int, position: int, known: tuple[tuple[int, float], ...]) -> str:
    """One partial, with ``z`` for the result and ``x0`` … for the operands; empty where it is one of these, or a number."""
    if row.variadic:
        return ""
    try:
        text = partial_text(row, position, "z", [f"x{i}" for i in range(arity)], dict(known))
    except (ValueError, ReadingError):
        return ""
    return "" if re.fullmatch(r"-?(x\d+|[\d.]+(e[+-]\d+)?)", text) else text


def _is_number(x: Node) -> bool:
    """Whether it is written as a number."""
    return x.op is None and not x.requires_grad and not x.label and not np.shape(x.data)
