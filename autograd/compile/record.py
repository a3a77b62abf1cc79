"""Record: one eager run of a function, as arrays."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..graph import Node
from ..primitive import Elementwise, Primitive
from ..terms import ReadingError
from . import calls
from .form import Floats, Ids

READABLE = frozenset(("add_n", "weighted_sum", "max_n", "min_n", "logaddexp"))  # however many operands; long ones take long
_CONSTANT, _ARGUMENT, _PARAMETER, _FIXED, _NODE = range(5)  # in the order of ids


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
    found = _numbered(outputs, [*arguments, *parameters, *fixed], since)
    rows = tuple([_readable(found.firsts[code]) for code in range(len(found.firsts))])
    lengths = np.fromiter(map(len, found.keys), np.intp, len(found.keys))
    flat = np.fromiter(chain.from_iterable(found.keys), np.intp, lengths.sum())
    starts = np.concatenate([[0], np.cumsum(lengths)])
    is_op = np.zeros(len(flat), bool)
    is_op[starts[:-1]] = True
    row = flat[is_op]
    for code, op in enumerate(rows):
        if op.name not in READABLE:
            for length in {*lengths[row == code].tolist()}:
                _see_that_it_reads(op, length - 1, found.numbers)
    # Ids are these numbers sorted by kind; those of one kind stay in their order.
    sizes = len(arguments), len(parameters), len(fixed)
    kind = np.full(found.n_inputs_and_nodes + len(found.constants), _NODE, np.int8)
    kind[: sum(sizes)] = np.repeat([_ARGUMENT, _PARAMETER, _FIXED], sizes)
    kind[[found.numbers[x] for x in found.late]] = [_PARAMETER if x.requires_grad else _FIXED for x in found.late]
    kind[found.n_inputs_and_nodes :] = _CONSTANT  # numbers below 0 count from the end
    ids = np.empty(len(kind), np.intp)
    ids[np.argsort(kind, kind="stable")] = np.arange(len(kind))
    fixed = [*fixed, *[x for x in found.late if not x.requires_grad]]
    return Record(
        np.array(found.constants[::-1], np.float64),
        len(arguments),
        (*parameters, *[x for x in found.late if x.requires_grad], *fixed),
        len(fixed),
        rows,
        row,
        starts - np.arange(len(starts)),
        ids[flat[~is_op]],
        ids[[found.numbers[x] for x in outputs]],
        found.n_computed,
        int((kind != _NODE).sum() + (kind[: found.end_of_root] == _NODE).sum()) - 1,
    )


class _Numbered(NamedTuple):
    """What lies behind some outputs, numbered: inputs and nodes from 0 up, constants from -1 down."""

    numbers: dict[Node, int]
    keys: Collection[tuple[int, ...]]  # of each node, in order, the code of its op and the numbers of its operands
    firsts: dict[int, Node]  # by the code of an op, the first node that it made
    constants: list[float]
    late: list[Node]  # leaves that were found to be inputs
    n_inputs_and_nodes: int
    n_computed: int
    end_of_root: int  # all behind the first output is numbered below it


def _numbered(outputs: Sequence[Node], given: Sequence[Node], since: int) -> _Numbered:
    """Number depth first, operands before results.

    A graph has no cycles, so what is on the way down is not met again, and only what has a number need be remembered.
    """
    numbers: dict[Node, int] = {x: i for i, x in enumerate(given)}
    n_leaves = unused = len(numbers)
    late: list[Node] = []
    constants: list[float] = []
    known: dict[Any, int] = {}

    def constant(x: float) -> int:
        key = str(x) if x == 0 or x != x else x  # -0.0 is not 0.0, and nan is nan
        if key not in known:
            constants.append(x)
            known[key] = -len(constants)
        return known[key]

    codes: dict[Any, int] = {}  # of ops
    firsts: dict[int, Node] = {}
    folds = False  # whether a node may be made of constants alone
    made: dict[tuple[int, ...], int] = {}
    ends = []
    for part in (outputs[:1], outputs[1:]):
        node: Any = None  # stands for what asks for the outputs
        operands, key = iter(part), [0]
        path: list[tuple[Any, Iterator[Node], list[int]]] = []  # on the way down, each with what it has still to visit
        while True:
            for x in operands:
                if (number := numbers.get(x)) is None:
                    if x.op is not None:
                        path.append((node, operands, key))
                        node, operands, key = x, iter(x.inputs), [codes.setdefault(x.op, len(codes))]
                        break
                    n_leaves += 1
                    if x._time < since:
                        late.append(x)
                        number = unused
                        unused += 1
                    else:
                        number = constant(x._data)
                        folds |= x._requires_grad
                    numbers[x] = number
                key.append(number)
            else:
                if node is None:
                    break
                if node._time < since:
                    raise NotCompilable(f"f uses {node.name}, which was computed before f was called; compute it in f")
                number = made.setdefault(tuple(key), unused)
                if number == unused:
                    firsts.setdefault(key[0], node)
                    if folds and max(key[1:]) < 0:
                        number = made[tuple(key)] = constant(node._data)
                    else:
                        unused += 1
                numbers[node] = number
                node, operands, key = path.pop()
                key.append(number)
        ends.append(unused)
    keys = [key for key, number in made.items() if number >= 0] if folds else made.keys()
    return _Numbered(numbers, keys, firsts, constants, late, unused, len(numbers) - n_leaves, ends[0])


def _readable(node: Node) -> Elementwise:
    op: Any = node.op
    row: Primitive = op.row
    if op is not row or not isinstance(row, Elementwise):
        raise NotCompilable(f"'{op.name}' on Values is not elementwise ({_place(node)})")
    return row


def _see_that_it_reads(row: Elementwise, arity: int, nodes: Iterable[Node]) -> None:
    try:
        calls.reading(row, arity, ())
    except ReadingError as error:
        node = next(node for node in nodes if node.op is row and len(node.inputs) == arity)
        raise NotCompilable(f"{error} ({_place(node)})") from None


def _place(node: Node) -> str:
    return f"made at {node.line}" if node.line else f"at {node.name}"
