"""A recorded graph as a program: the same ops, read with numbers of another kind, from inputs that have moved.

Program ....... the graph behind one result
Reading ....... with what numbers it is read: FLOATS, COMPLEX, DECIMAL
difference .... where two recordings of one function part: at an op, or at a number that neither of them recorded
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from .. import arrays, scalar
from ..crossing import ELEMENT, TOGETHER
from ..graph import Node, leaves_and_computed
from . import complexes, decimals

Data = Mapping[Node, Any]


@dataclass(frozen=True)
class Reading:
    """Namespaces for the two kinds of number, and how elements of an array become an array."""

    numbers: Any
    arrays: Any
    together: Callable[[Sequence[Any]], Any]
    element: Callable[[Any], Any]


def _complex_array(elements: Sequence[Any]) -> Any:
    return np.array([x.z if isinstance(x, complexes.Complex) else complex(x) for x in elements])


def _exact_array(elements: Sequence[Any]) -> Any:
    array = np.empty(len(elements), object)
    array[:] = [x if isinstance(x, decimals.Exact) else decimals.Exact(Decimal(float(x))) for x in elements]
    return array


FLOATS = Reading(scalar, arrays, np.array, float)
COMPLEX = Reading(complexes.numbers, complexes.arrays, _complex_array, lambda x: complexes.Complex(complex(x)))
DECIMAL = Reading(decimals.numbers, decimals.arrays, _exact_array, lambda x: x)


class Program:
    """The graph behind ``root``, of which ``inputs`` may be given other data."""

    def __init__(self, root: Node, inputs: Sequence[Node]) -> None:
        self.root = root
        self.leaves, self.computed = leaves_and_computed(root)
        reached = set(inputs)
        self.live: list[Node] = []  # what depends on the inputs, each after its operands
        for node in self.computed:
            if any(x in reached for x in node.inputs):
                reached.add(node)
                self.live.append(node)
        self.depends = root in reached

    def run(self, reading: Reading, moved: Data) -> dict[Node, Any]:
        """The data of every live node, given those of the inputs; what is not live keeps its own.

        Raises:
            Exception: whatever an op raises that can't be read so, or that leaves its domain.
        """
        found = dict(moved)
        with np.errstate(all="ignore"):
            for node in self.live:
                found[node] = applied(node, reading, [found.get(x, x._data) for x in node.inputs])
        return found


def applied(node: Node, reading: Reading, operands: Sequence[Any]) -> Any:
    """The op of ``node``, done on other operands with other numbers."""
    op: Any = node.op
    row = op.row
    settings = getattr(op, "settings", {})
    if row is ELEMENT:
        return reading.element(operands[0][settings["place"]])
    if row is TOGETHER:
        return reading.together(operands).reshape(settings["shape"])
    xp = reading.arrays if type(node).xp is arrays else reading.numbers
    forward = row.forward
    if reading is not FLOATS:  # the lock on a user's arrays is for floats
        forward = getattr(forward, "__wrapped__", forward)
    return forward(xp, operands, **settings) if row.variadic else forward(xp, *operands, **settings)


def difference(one: Program, other: Program, replayed: Data) -> Node | str:
    """How two recordings of a function differ, ``replayed`` being the first, run where the second was recorded.

    Returns:
        ``""`` if the first is a program of the function there too; ``"other branch"`` if their ops differ; else the first node
        of ``other`` whose number does not follow from its recorded operands and what was constant.
    """
    mine, yours = [*one.leaves, *one.computed], [*other.leaves, *other.computed]
    if len(mine) != len(yours) or len(one.leaves) != len(other.leaves):
        return "other branch"
    pairs = dict(zip(mine, yours))
    for a, b in zip(one.computed, other.computed):
        if _name(a) != _name(b) or len(a.inputs) != len(b.inputs):
            return "other branch"
        if any(pairs[x] is not y for x, y in zip(a.inputs, b.inputs)):
            return "other branch"
    moved = set(one.live)
    for a, b in zip(one.computed, other.computed):
        for x, y in zip(a.inputs, b.inputs):
            if x.op is None and x not in replayed and not _same(x._data, y._data):
                return b
        if a in moved and not _same(replayed[a], b._data):
            return b
        if a not in moved and not _same(a._data, b._data):
            return b
    return ""


def _name(node: Node) -> str:
    return node.op.name if node.op else ""


def _same(a: Any, b: Any) -> bool:
    """Whether two data are one, but for the last digits that the order of a sum in a library may change."""
    if type(a) is float and type(b) is float:
        return a == b or abs(a - b) <= 1e-13 * abs(b) or (a != a and b != b)
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or b.dtype.kind != "f":
        return a.shape == b.shape and bool(np.all(a == b))
    scale = np.max(np.abs(b), initial=0.0)
    tolerance = (1e-13 if b.dtype != np.float32 else 1e-5) * (scale if np.isfinite(scale) else 0.0)
    with np.errstate(invalid="ignore"):
        return bool(np.all((a == b) | (np.abs(a - b) <= tolerance) | ((a != a) & (b != b))))
