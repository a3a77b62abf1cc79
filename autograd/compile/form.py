"""Form: a scalar program in canonical form, as arrays.

Every number has an id: first the constants, then the inputs (arguments, then parameters), then the nodes, each after those it
is computed from. A node is a sum of products, ``offset + Σ weight · left · right``, or a row of the table applied to operands.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..primitive import Elementwise

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]
Truths = NDArray[np.bool_]

SUM = -1  # in place of a row
NONE = -1  # in place of a second factor


@dataclass(frozen=True, eq=False)
class Form:
    """What is computed from what. Arrays called ``(N,)`` have an entry for each node, ``(T,)`` for each term or operand.

    Node ``i``, whose id is ``first_node + i``, has the terms or operands ``start[i]`` up to ``start[i + 1]``. A term is
    ``weight · left · right``, or ``weight · left`` where ``right`` is ``NONE``; an operand is its ``left``.
    """

    constants: Floats
    n_arguments: int
    n_parameters: int
    rows: tuple[Elementwise, ...]
    row: Ids  # (N,) into rows, or SUM
    offset: Floats  # (N,) of sums
    start: Ids  # (N + 1,)
    left: Ids  # (T,)
    right: Ids  # (T,)
    weight: Floats  # (T,)
    outputs: Ids  # ids of what is asked for; first the root, which is differentiated
    level: Ids  # for each id: how many nodes lie behind it on the longest way; 0 of constants and inputs
    active: Truths  # for each id: whether it depends on a parameter (or is one) and the root may depend on it
    batched: Truths  # for each id: whether it depends on an argument (or is one)

    @property
    def first_argument(self) -> int:
        """The id of the first argument."""
        return len(self.constants)

    @property
    def first_parameter(self) -> int:
        """The id of the first parameter."""
        return len(self.constants) + self.n_arguments

    @property
    def first_node(self) -> int:
        """The id of the first node."""
        return self.first_parameter + self.n_parameters

    def is_same(self, other: "Form") -> bool:
        """Whether both compute the same from the same constants."""
        if len(self) != len(other) or self.rows != other.rows or self.first_node != other.first_node:
            return False
        fields = ("constants", "row", "offset", "start", "left", "right", "weight", "outputs")
        return all(np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True) for name in fields)

    def __len__(self) -> int:
        return len(self.row)
