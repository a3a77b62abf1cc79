"""The program of a graph of Tensors: NumPy calls, forward only, on arrays made beforehand.

A gradient is computed from nodes like anything else, so it needs no walk of its own, and what it shares with the forward is
computed once. An array that is needed no more gives its memory to a later one. Elementwise calls in a row on large arrays run
part by part, so that what passes between them stays in the cache.

Cell ............ an array of the program: how it is computed, and where it lies
recorded ........ the cells of a graph: equal nodes are one, and what hangs on constants alone is a constant
TensorProgram ... the calls
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrays
from ..arrays import axes_of, is_basic
from ..graph import Node, leaves_and_computed
from ..primitive import PRIMITIVES, Bound, Elementwise
from ..terms import ReadingError
from . import calls
from .calls import Call, Room
from .record import NotCompilable
from .tensor_witness import RULES, Truths

Array = NDArray[Any]

PART = 1 << 14  # elements that are worked on at a time: best, or nearly, for gelu and silu of 10⁶ numbers
LARGE = 4 * PART
_EXPANDED = ("cross_entropy", "log_softmax", "softmax")  # rows whose forward shares much with their derivative
_FOREIGN = ("checkpoint", "element", "together")  # rows that hold nodes, or Values
VIEWS = ("reshape", "transpose", "index", "broadcast_to", "windows", "positive", "detach", "astype")


@dataclass(eq=False)
class Cell:
    """An array of the program."""

    op: Any  # what computes it; None of what is there before a run
    inputs: "tuple[Cell, ...]"
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_truth: bool = False
    is_fixed: bool = False  # a constant, the same in all runs
    array: Any = None  # where its numbers are
    memory: "_Memory | None" = None  # what it lies in, where others may lie later


# -- the graph -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TensorRecord:
    """What computes what."""

    given: tuple[Cell, ...]  # what is written before each run
    sections: tuple[tuple[Cell, ...], ...]  # what is asked for, in the order in which it is
    cells: tuple[Cell, ...]  # what is computed, each after what it is computed from, section by section

    def is_same(self, other: "TensorRecord") -> bool:
        """Whether it does the same, on the same constants."""
        return self._signature() == other._signature()

    def _signature(self) -> Hashable:
        places = {cell: i for i, cell in enumerate(chain(self.given, self.cells))}

        def name(x: Cell) -> Hashable:
            return _key(np.asarray(x.array)) if x.is_fixed else places[x]

        computed = tuple([(cell.op.row, _key(cell.op.settings), *map(name, cell.inputs)) for cell in self.cells])
        return computed, tuple([tuple(map(name, section)) for section in self.sections])


def recorded(sections: Sequence[Sequence[Node]], given: Sequence[Node]) -> TensorRecord:
    """The graph behind what each section asks for, besides what those before it did, down to what is ``given``.

    Equal nodes are one, and what hangs on constants alone is a constant.

    Raises:
        NotCompilable: an op holds nodes, or works on Values.
    """
    cells = {x: _cell(x) for x in given}
    made: dict[Hashable, Cell] = {}
    order: list[Cell] = []
    seen: set[Node] = set(given)

    def enter(root: Node) -> None:
        leaves, computed = leaves_and_computed(root, seen)
        for leaf in leaves:
            cells[leaf] = _cell(leaf, is_fixed=True, array=leaf._data)
        for node in computed:
            op: Any = node.op
            if op.row.name in _EXPANDED:
                spelled = op.apply(RULES, node.inputs)
                enter(spelled)
                cells[node] = cells[spelled]
            else:
                cells[node] = made_of(node, op)

    def made_of(node: Node, op: Any) -> Cell:
        if op.name in _FOREIGN:
            raise NotCompilable(f"'{op.name}' is not compiled on Tensors")
        inputs = tuple([cells[x] for x in node.inputs])
        if all(x.is_fixed for x in inputs):
            return _cell(node, is_fixed=True, array=node._data)
        if op.name == "mul":
            inputs = tuple(map(_as_factor, inputs))
        if op.name in _REDUCED:
            return reduced(node, op, inputs)
        return computed_by(op, inputs, node)

    def reduced(node: Node, op: Any, inputs: tuple[Cell, ...]) -> Cell:
        """With axes of length 1 for those that are lost, so that reductions of both kinds are one."""
        (x,) = inputs
        axes = axes_of(op.settings["axis"], len(x.shape))
        full = computed_by(Bound(op.row, {"axis": axes, "keepdims": True}, op.pull), inputs, node)
        full.shape = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
        if full.shape == node._data.shape:
            return full
        return computed_by(Bound(PRIMITIVES["reshape"], {"shape": node._data.shape}, op.pull), (full,), node)

    def computed_by(op: Any, inputs: tuple[Cell, ...], node: Node) -> Cell:
        key = (op.row, _key(op.settings), *map(id, inputs))
        if key not in made:
            made[key] = _cell(node, op, inputs)
            order.append(made[key])
        return made[key]

    for section in sections:
        for root in section:
            enter(root)
    asked = tuple([tuple([cells[x] for x in section]) for section in sections])
    return TensorRecord(tuple([cells[x] for x in given]), asked, _needed(order, asked))


def _cell(node: Node, op: Any = None, inputs: tuple[Cell, ...] = (), *, is_fixed: bool = False, array: Any = None) -> Cell:
    data = node._data
    if is_fixed and type(data) is not float and type(data) is not int:
        array = np.asarray(array)
    return Cell(op, inputs, np.shape(data), np.asarray(data).dtype, isinstance(node, Truths), is_fixed, array)


def _as_factor(x: Cell) -> Cell:
    """For 1 where something holds and 0 elsewhere, whether it holds: a product by truths is the quickest."""
    if x.op and x.op.name == "where":
        condition, yes, no = x.inputs
        known = yes.is_fixed and no.is_fixed and bool(np.all(yes.array == 1.0) and np.all(no.array == 0.0))
        if known and condition.is_truth and condition.shape == x.shape:
            return condition
    return x


def _needed(order: Sequence[Cell], asked: Sequence[Sequence[Cell]]) -> tuple[Cell, ...]:
    needed = {cell for section in asked for cell in section}
    for cell in reversed(order):
        if cell in needed:
            needed.update(cell.inputs)
    return tuple([cell for cell in order if cell in needed])


def _key(setting: Any) -> Hashable:
    """A setting as something that compares."""
    if isinstance(setting, np.ndarray):
        return setting.shape, setting.dtype.str, setting.tobytes()
    if isinstance(setting, list | tuple):
        return type(setting), *map(_key, setting)
    if isinstance(setting, dict):
        return tuple([(name, _key(x)) for name, x in setting.items()])
    if isinstance(setting, slice):
        return slice, setting.start, setting.stop, setting.step
    try:
        hash(setting)
    except TypeError:
        return id(setting)
    return type(setting), setting


# -- memory ---------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Memory:
    """Bytes, and how many cells lie in them that are still to be read."""

    raw: NDArray[np.uint8]
    cells: int = 0


class _Pool:
    """Memory that is taken and given back."""

    def __init__(self) -> None:
        self._free: defaultdict[int, list[_Memory]] = defaultdict(list)
        self.nbytes = 0

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, _Memory]:
        """An array with anything in it, and the memory it lies in."""
        size = prod(shape) * dtype.itemsize
        if free := self._free[size]:
            memory = free.pop()
        else:
            memory = _Memory(np.empty(size, np.uint8))
            self.nbytes += size
        return memory.raw.view(dtype).reshape(shape), memory

    def give(self, memory: _Memory) -> None:
        """It is needed no more."""
        self._free[memory.raw.nbytes].append(memory)


# -- the program -----------------------------------------------------------------------------------------------------------


class TensorProgram:
    """Runs a graph of Tensors, one section after the other.

    Args:
        record: what computes what.
        given: where what is given is written before each run.
        targets: where to put the last of what is asked for.

    ``outputs`` are the arrays of what is asked for, in order.
    """

    def __init__(self, record: TensorRecord, given: Sequence[Array], targets: Sequence[Array]) -> None:
        asked = [cell for section in record.sections for cell in section]
        ends = asked[len(asked) - len(targets) :]
        for cell, array in zip(record.given, given):
            cell.array = array
        self.record = record
        self.cells = record.cells
        self._uses = Counter([*asked, *[x for cell in record.cells for x in cell.inputs]])
        self._targets: dict[Cell, Array] = {}
        for cell, array in zip(ends, targets):
            if cell.op and cell.op.name == "reshape":
                (cell,) = cell.inputs
            if cell.op and cell.dtype == array.dtype and not _is_view(cell):
                self._targets.setdefault(cell, array.reshape(cell.shape))
        self._pool, self._room = _Pool(), Room()
        self.sections: list[list[Call]] = []
        places = {cell: i for i, cell in enumerate(record.cells, 1)}
        done = 0
        for section in record.sections:
            self._calls: list[Call] = []
            end = max([done, *[places.get(cell, 0) for cell in section]])
            self._plan(record.cells[done:end])
            done = end
            self.sections.append(self._calls)
        self.outputs = [np.asarray(cell.array) for cell in asked]
        for cell, array in zip(ends, targets):
            if not np.may_share_memory(cell.array, array):
                self._calls.append(Call(calls.copy, (cell.array,), array))

    @property
    def nbytes(self) -> int:
        """How much memory it holds."""
        return self._pool.nbytes + self._room.nbytes

    # -- where things lie -------------------------------------------------------------------------------------------------

    def _place(self, cell: Cell) -> Array:
        if cell in self._targets:
            cell.array = self._targets[cell]
        else:
            cell.array, cell.memory = self._pool.take(cell.shape, cell.dtype)
            cell.memory.cells = 1
        return cell.array  # type: ignore[no-any-return]

    def _used(self, cell: Cell) -> None:
        """``cell`` has been computed: its operands have been of use."""
        for x in cell.inputs:
            self._uses[x] -= 1
            if not self._uses[x] and x.memory:
                x.memory.cells -= 1
                if not x.memory.cells:
                    self._pool.give(x.memory)

    # -- what is called ---------------------------------------------------------------------------------------------------

    def _plan(self, cells: Sequence[Cell]) -> None:
        start = 0
        while start < len(cells):
            end = start
            while end < len(cells) and cells[end].shape == cells[start].shape and _is_large(cells[end]):
                end += 1
            if end == start or not self._in_parts(cells[start:end]):
                end = max(end, start + 1)
                for cell in cells[start:end]:
                    self._whole(cell)
            start = end

    def _whole(self, cell: Cell) -> None:
        if (seen := _view(cell)) is not None:
            cell.array, cell.memory = seen, cell.inputs[0].memory
            if cell.memory:
                cell.memory.cells += 1
            self._used(cell)
        elif _is_read(cell):
            self._used(cell)  # before, so that the result may take the place of an operand
            out = self._place(cell)
            self._room.free()
            self._calls += calls.forward(cell.op.row, _operands(cell, [x.array for x in cell.inputs]), out, self._room)
        else:
            self._room.free()
            self._calls += _mixing(cell, [x.array for x in cell.inputs], self._place(cell), self._room)
            self._used(cell)

    def _in_parts(self, cells: Sequence[Cell]) -> bool:
        """Compute elementwise ``cells`` of one shape, part by part; False where they can't be parted."""
        shape = cells[0].shape
        here = set(cells)
        beyond = [x for x in dict.fromkeys(x for cell in cells for x in cell.inputs) if x not in here]
        flat = all(np.size(x.array) == 1 or (np.shape(x.array) == shape and x.array.flags.c_contiguous) for x in beyond)
        rest = () if flat else shape[1:]
        rows = max(PART // prod(rest), 1)
        length = prod(shape) if flat else shape[0]
        if rows * prod(rest) > LARGE or length <= rows:
            return False
        uses = Counter([x for cell in cells for x in cell.inputs])
        arrays_: dict[Cell, Any] = {x: _flat(x.array) if flat else x.array for x in beyond}
        passing = {}
        for cell in cells:
            if uses[cell] == self._uses[cell]:  # nobody else reads it
                passing[cell] = self._pool.take((rows, *rest), cell.dtype)
            else:
                arrays_[cell] = _flat(self._place(cell)) if flat else self._place(cell)

        def part(x: Cell, start: int) -> Any:
            if x in passing:
                return passing[x][0][: min(rows, length - start)]
            array = arrays_[x]
            is_whole = np.ndim(array) <= len(rest) or np.shape(array)[0] == 1
            return array if is_whole else array[start : start + rows]

        for start in range(0, length, rows):
            for cell in cells:
                self._room.free()
                operands = _operands(cell, [part(x, start) for x in cell.inputs])
                self._calls += calls.forward(cell.op.row, operands, part(cell, start), self._room)
        for cell in cells:
            self._used(cell)
        for _, memory in passing.values():
            self._pool.give(memory)
        return True


def _flat(array: Any) -> Any:
    """All elements in a row; of a single one, a number without axes."""
    return array if np.ndim(array) == 0 else array.reshape(-1 if array.size > 1 else ())


def _is_read(cell: Cell) -> bool:
    """Whether it is elementwise, and can be read as terms."""
    row = cell.op.row
    if not isinstance(row, Elementwise):
        return False
    try:
        calls.reading(row, len(cell.inputs), ())
    except ReadingError:
        return False
    return True


def _is_large(cell: Cell) -> bool:
    return prod(cell.shape) >= LARGE and not _is_view(cell) and _is_read(cell)


def _operands(cell: Cell, found: Sequence[Any]) -> list[Any]:
    """``found``, with numbers that take on the dtype of what they meet as plain ones."""
    met = [x.dtype for x in cell.inputs if x.shape or not x.is_fixed]
    dtype = np.result_type(*met)

    def plain(x: Cell) -> bool:
        return x.is_fixed and not x.shape and dtype.kind == "f" and (type(x.array) in (float, int) or x.dtype == dtype)

    return [float(array) if plain(x) else array for x, array in zip(cell.inputs, found)]


def _is_view(cell: Cell) -> bool:
    """Whether it may be a view of its operand."""
    return cell.op.name in VIEWS


def _view(cell: Cell) -> Array | None:
    """Its array as a view of its operand, where it can be one."""
    if not _is_view(cell):
        return None
    array, settings = cell.inputs[0].array, cell.op.settings
    match cell.op.name:
        case "broadcast_to":
            return np.broadcast_to(array, cell.shape)
        case "positive" | "detach":
            return array  # type: ignore[no-any-return]
        case "astype":
            return array if array.dtype == cell.dtype else None
        case "index":
            return array[_spread(settings["key"])].reshape(cell.shape) if is_basic(settings["key"]) else None
    seen = cell.op.apply(arrays, [array])
    return seen if np.may_share_memory(seen, array) else None


def _spread(key: Any) -> tuple[Any, ...]:
    """A key of slices and places that gives a view, of one element too."""
    parts = key if isinstance(key, tuple) else (key,)
    return parts if any(part is ... for part in parts) else (*parts, ...)


# -- rows that mix elements ---------------------------------------------------------------------------------------------------


def _mixing(cell: Cell, operands: Sequence[Any], out: Array, room: Room) -> list[Call]:
    """The calls of a row that is not elementwise: NumPy's own with ``out``, or whatever the row does, copied."""
    settings = cell.op.settings
    match cell.op.name:
        case "matmul":
            return [Call(np.matmul, tuple(operands), out)]
        case "linear":
            x, weight, bias = operands
            return [Call(np.matmul, (x, weight), out), Call(np.add, (out, bias), out)]
        case "sum" | "mean" | "prod" | "max" | "min" as name if out.dtype != np.float16:
            return _reduced(name, operands[0], out, settings["axis"], room)
        case "pick":
            *rows, _ = arrays.labelled(operands[1])
            return [Call(partial(_picked, rows=rows), tuple(operands), out)]
        case "concatenate_n":
            return [Call(partial(_joined, axis=settings["axis"]), tuple(operands), out)]
        case "scatter_add":
            key = settings["key"]
            if is_basic(key):
                return [Call(calls.fill, (0.0,), out), Call(calls.copy, tuple(operands), out[_spread(key)])]
            return [Call(calls.fill, (0.0,), out), Call(partial(_add_at, key=key), tuple(operands), out)]
    return [Call(partial(_applied, cell.op), tuple(operands), out)]


_REDUCED: dict[str, Any] = {"sum": np.add, "mean": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}
SHORT = 16  # up to so many along the last axis, it is quicker to transpose them first
LONG = 1 << 10  # up to so many, a sum is rounded no worse by BLAS, which adds in a row, than by NumPy, which adds in pairs


def _reduced(name: str, x: Array, out: Array, axes: tuple[int, ...], room: Room) -> list[Call]:
    """A reduction that keeps its axes, with length 1, by the quickest way."""
    if name in ("sum", "mean") and (product := _as_product(x, out, name == "mean")):
        return [product]
    if axes == (x.ndim - 1,) and 0 < x.shape[-1] <= SHORT and x.dtype == out.dtype:
        across = room.take((x.shape[-1], out.size), x.dtype)
        into = across.reshape(x.shape[-1], *x.shape[:-1])
        calls_ = [Call(calls.copy, (np.moveaxis(x, -1, 0),), into)]
        calls_.append(Call(partial(_REDUCED[name].reduce, axis=0), (across,), out.reshape(-1)))
    else:
        calls_ = [Call(partial(_REDUCED[name].reduce, axis=axes, keepdims=True), (x,), out)]
    scale = out.size / x.size if x.size else np.inf  # of nothing a mean is 0 · inf, which is nan
    return [*calls_, *[Call(np.multiply, (out, scale), out)] * (name == "mean")]


def _as_product(x: Array, out: Array, is_mean: bool) -> Call | None:
    """A sum (or mean) over the first or the last axes as a product with equal weights, which BLAS has sooner; else None."""
    n = x.size // out.size if out.size else 0
    if x.dtype != out.dtype or not x.flags.c_contiguous or not 0 < n <= LONG:
        return None
    weights = np.full(n, 1 / n if is_mean else 1.0, x.dtype)
    is_summed = [before != after for before, after in zip(x.shape, out.shape)]
    if is_summed == sorted(is_summed):  # the last ones
        return Call(np.matmul, (x.reshape(-1, n), weights[:, None]), out.reshape(-1, 1))
    if is_summed[::-1] == sorted(is_summed):
        return Call(np.matmul, (weights[None], x.reshape(n, -1)), out.reshape(1, -1))
    return None


def _picked(a: Array, labels: Array, out: Array, rows: Sequence[Array]) -> None:
    arrays.see_labels(a, labels)
    out[...] = a[(*rows, labels)]


def _joined(*operands: Any, out: Array, axis: int) -> None:
    np.concatenate(operands, axis, out)


def _add_at(numbers: Any, out: Array, key: Any) -> None:
    np.add.at(out, key, numbers)


def _applied(op: Any, *operands: Any, out: Array) -> None:
    out[...] = op.apply(arrays, operands)
