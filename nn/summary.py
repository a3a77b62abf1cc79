"""A model's layers in a table, with what one forward pass costs."""

from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from autograd import Node, Tensor
from autograd.graph import leaves_and_computed
from autograd.primitive import Elementwise

from .modes import Modal, recorded, watched


class Model(Modal, Protocol):
    """What is asked of a model; a ``Module`` is one."""

    def __call__(self, x: Any, /) -> Any:
        """Pass an example through."""

    def parameters(self) -> list[Any]:
        """All that it learns."""


@dataclass(frozen=True)
class Row:
    """One module: its name, what it is, the shape it gives for an example, and how many parameters are its own or in it."""

    name: str
    module: str
    output: tuple[int, ...] | None  # None where it was not called, or gives something else than one array
    parameters: int


@dataclass(frozen=True)
class Summary:
    """The table; prints as text."""

    rows: tuple[Row, ...]
    parameters: int
    scalar_ops: int  # in one forward pass: a product of n pairs, summed with a bias, counts 2n
    nodes: int  # that it records, parameters and inputs included

    def __str__(self) -> str:
        table = [("", "", "output", "parameters"), *map(_cells, self.rows)]
        widths = [max(map(len, column)) for column in zip(*table)]
        lines = ["  ".join([*map(str.ljust, cells[:2], widths), *map(str.rjust, cells[2:], widths[2:])]) for cells in table]
        lines.append(
            f"{self.parameters:,} parameters; one forward pass: {self.scalar_ops:,} scalar ops, {self.nodes:,} graph nodes"
        )
        return "\n".join(lines)

    __repr__ = __str__


def _cells(row: Row) -> tuple[str, str, str, str]:
    module = row.module if len(row.module) <= 60 else row.module[:59] + "…"
    output = "" if row.output is None else "×".join(map(str, row.output)) or "1"
    return row.name, module, output, f"{row.parameters:,}"


def summarise(model: Model, x: Any = None) -> Summary:
    """What ``Module.summary`` gives.

    Raises:
        ValueError: no example is given and the first layer does not tell how many inputs it takes.
    """
    modules = list(model.named_modules())
    x = _zeros(modules) if x is None else x
    outputs: dict[Any, tuple[int, ...] | None] = {}

    def tell(module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        outputs[module] = _shape(output)

    with recorded(model), watched([module for _, module in modules], tell):
        nodes = _nodes(model(x))
    seen: set[Node] = set()
    for node in nodes:
        leaves_and_computed(node, seen)
    layers = {name.rpartition(".")[0] for name, _ in model._blocks()}  # an activation is part of the layer that has it
    rows = tuple(
        Row(name or "model", str(module), outputs.get(module), _count(module.parameters()))
        for name, module in modules
        if module.state_dict() or name.rpartition(".")[0] not in layers
    )
    total = _count(model.parameters())
    return Summary(rows, total, sum(map(_scalar_ops, seen)), len(seen))


def _zeros(modules: Any) -> Any:
    """An example of zeros; of Tensors, a batch of one."""
    first: Any = next((module for _, module in modules if "weight" in vars(module)), None)
    n_in = getattr(first, "n_in", None)
    if n_in is None or np.ndim(first.weight) > 2:
        raise ValueError("summary: no layer says how many inputs it takes; pass an example, summary(x)")
    return np.zeros((1, n_in)) if isinstance(first.weight, Tensor) else [0.0] * n_in


def _shape(output: Any) -> tuple[int, ...] | None:
    """The shape for one example: Tensors come as a batch."""
    if isinstance(output, Node):
        return output.shape[1:] if isinstance(output, Tensor) else ()
    return np.shape(output) if isinstance(output, np.ndarray) else None


def _count(parameters: Any) -> int:
    return sum([np.size(parameter.data) for parameter in parameters])


def _nodes(x: Any) -> list[Node]:
    if isinstance(x, list | tuple | np.ndarray):
        return [node for part in x for node in _nodes(part)]
    return [x] if isinstance(x, Node) else []


_MOVES = {
    "reshape", "transpose", "broadcast_to", "astype", "index", "concatenate_n", "pad_constant", "windows", "element",
    "together",
}  # fmt: skip


def _scalar_ops(node: Node) -> int:
    """How many numbers are computed on the way to those of a node from those of its operands.

    An elementwise op counts 1 for each number, and one of n operands n - 1. A sum of n products counts 2n - 1, and 2n with a
    bias: the multiply-adds of dense layers and convolutions, twice. A reduction (sum, mean, max, softmax, …) counts each number
    that it reads, and what only moves numbers nothing.
    """
    op: Any = node.op
    size = int(np.size(node.data))
    if op is None or op.name in _MOVES:
        return 0
    if isinstance(op.row, Elementwise):
        return size * max(len(node.inputs) - 1, 1) if op.is_chain else size
    shapes: list[tuple[int, ...]] = [np.shape(x.data) for x in node.inputs]
    if op.name == "linear":
        return size * 2 * shapes[0][-1]
    if op.name == "matmul":
        return size * (2 * shapes[0][-1] - 1)
    if op.name == "convolve":
        return size * (2 * prod(shapes[1][1:]) - 1)
    if op.name == "einsum_n":
        terms = op.settings["subscripts"].split("->")[0].split(",")
        lengths = {letter: n for term, shape in zip(terms, shapes) for letter, n in zip(term, shape)}
        return len(shapes) * prod(lengths.values()) - size
    return sum(map(prod, shapes))
