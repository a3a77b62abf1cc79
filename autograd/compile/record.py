"""Record: one eager run of a function, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from ..graph import Node, leaves_and_computed
from ..primitive import Elementwise, Primitive
from ..terms import ReadingError
from . import calls
from .form import Floats, Ids

READABLE = frozenset(("add_n", "weighted_sum", "max_n", "min_n", "logaddexp"))  # however many operands; long ones take long


class NotCompilable(Exception):
    """What a function did can't be done again from its record; the text says what, and where."""


@dataclass(frozen=True, eq=False)
class Record:
    """What computed what. Ids count constants, arguments, parameters, then nodes, as in a ``Form``; equal nodes are one."""

    constants: Floats
    n_arguments: int
    parameters: tuple[Node, ...]
    n_fixed: int  # of the parameters, how many at the end take no gradient
    rows: tuple[Elementwise, ...]
    row: Ids  # of each node
    start: Ids  # where its operands begin
    operands: Ids
    outputs: Ids
    n_computed: int  # before equal nodes were one
    last_of_root: int  # the root depends on no node with a greater id, and on all others

    @property
    def first_node(self) -> int:
        """The id of the first node."""
        return len(self.constants) + self.n_arguments + len(self.parameters)

    def is_same(self, other: "Record") -> bool:
        """Whether the same was computed from the same constants, and from as many parameters."""
        arrays = [(x.row, x.start, x.operands, x.outputs) for x in (self, other)]
        return (
            (self.rows, len(self.parameters)) == (other.rows, len(other.parameters))
            and np.array_equal(self.constants, other.constants, equal_nan=True)
            and all(np.array_equal(a, b) for a, b in zip(*arrays))
        )


def record(
    outputs: Sequence[Node],
    arguments: Sequence[Node],
    parameters: Sequence[Node],
    fixed: Sequence[Node] = (),
    since: int = -1,
) -> Record:
    """The graph behind ``outputs``, of which the first is the root.

    Leaves that are older than ``since`` join the parameters, or the fixed ones if they take no gradient: they may be written to
    before the next run. Younger ones nobody else can know, so they are constants.

    It takes as many steps as there are nodes and edges. An expression that comes twice, with the same operands, is one node
    (common subexpression elimination), and what is computed from constants alone is a constant.

    Raises:
        NotCompilable: an op is not elementwise on numbers, or can't be read as terms; or a node is older than ``since``.
    """
    seen: set[Node] = set()
    leaves: list[Node] = []
    computed: list[Node] = []
    ends = []
    for root in outputs:
        more_leaves, more = leaves_and_computed(root, seen)
        leaves += more_leaves
        computed += more
        ends.append(len(computed))
    known_leaves = {*arguments, *parameters, *fixed}
    old = [leaf for leaf in leaves if leaf._time < since and leaf not in known_leaves]
    parameters = [*parameters, *[leaf for leaf in old if leaf.requires_grad]]
    fixed = [*fixed, *[leaf for leaf in old if not leaf.requires_grad]]
    # While it is not known how many constants there are, they count down from -1, and inputs up from 0.
    ids: dict[Node, int] = {x: i for i, x in enumerate(chain(arguments, parameters, fixed))}
    n_inputs = len(ids)
    constants: list[float] = []
    known: dict[Any, int] = {}

    def constant(number: float) -> int:
        key = (number, str(number)) if number == 0 or number != number else number  # -0.0 is not 0.0
        if key not in known:
            constants.append(number)
            known[key] = -len(constants)
        return known[key]

    for leaf in leaves:
        if leaf not in ids:
            ids[leaf] = constant(leaf._data)
    codes: dict[Any, int] = {}  # of ops
    firsts: list[Node] = []  # of each op, the first node that it made
    folds = any(leaf.requires_grad and ids[leaf] < 0 for leaf in leaves)  # or else no node is made of constants alone
    made: dict[tuple[int, ...], int] = {}  # by op and operands
    find = ids.__getitem__
    number = n_inputs
    last_of_root = -1
    for part in (computed[: ends[0]], computed[ends[0] :]):
        for node in part:
            op, inputs = node.op, node.inputs
            if node._time < since:
                raise NotCompilable(f"f uses {node.name}, which was computed before f was called; compute it in f")
            if op not in codes:
                codes[op] = len(codes)
                firsts.append(node)
            if len(inputs) == 2:  # most have two, and so it is sooner done
                x, y = inputs
                key: tuple[int, ...] = codes[op], ids[x], ids[y]
            else:
                key = codes[op], *map(find, inputs)
            ids[node] = place = made.setdefault(key, number)
            if place == number:
                if folds and max(key[1:]) < 0:
                    ids[node] = made[key] = constant(node._data)
                else:
                    number += 1
        last_of_root = number - 1 if last_of_root < 0 else last_of_root
    rows = tuple([_readable(node) for node in firsts])
    shift = len(constants)
    keys = [key for key, place in made.items() if place >= 0] if folds else made
    lengths = np.fromiter(map(len, keys), np.intp, len(keys))
    flat = np.fromiter(chain.from_iterable(keys), np.intp, lengths.sum())
    starts = np.concatenate([[0], np.cumsum(lengths)])
    is_op = np.zeros(len(flat), bool)
    is_op[starts[:-1]] = True
    row = flat[is_op]
    for code, op in enumerate(rows):
        if op.name not in READABLE:
            for length in {*lengths[row == code].tolist()}:
                _see_that_it_reads(op, length - 1, computed)
    return Record(
        np.array(constants[::-1], np.float64),  # so that -1 - k becomes shift - 1 - k
        len(arguments),
        (*parameters, *fixed),
        len(fixed),
        rows,
        row,
        starts - np.arange(len(starts)),
        flat[~is_op] + shift,
        np.array([ids[x] for x in outputs], np.intp) + shift,
        len(computed),
        shift + last_of_root,
    )


def _readable(node: Node) -> Elementwise:
    op: Any = node.op
    row: Primitive = op.row
    if op is not row or not isinstance(row, Elementwise):
        raise NotCompilable(f"'{op.name}' on Values is not elementwise ({_place(node)})")
    return row


def _see_that_it_reads(row: Elementwise, arity: int, computed: Sequence[Node]) -> None:
    try:
        calls.reading(row, arity, ())
    except ReadingError as error:
        node = next(node for node in computed if node.op is row and len(node.inputs) == arity)
        raise NotCompilable(f"{error} ({_place(node)})") from None


def _place(node: Node) -> str:
    return f"made at {node.line}" if node.line else f"at {node.name}"
