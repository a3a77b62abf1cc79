"""A model's layers in a table, with what one forward pass costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from autograd import Node, Value
from autograd.graph import leaves_and_computed


class Model(Protocol):
    """What is asked of a model; a ``Module`` is one."""

    def __call__(self, x: Any, /) -> Any:
        """Pass an example through."""

    def named_modules(self) -> Iterator[tuple[str, Any]]:
        """It and its parts, by name."""

    def parameters(self) -> list[Value]:
        """All that it learns."""


@dataclass(frozen=True)
class Row:
    """One module: its name, what it is, and how many parameters are its own or in it."""

    name: str
    module: str
    parameters: int


@dataclass(frozen=True)
class Summary:
    """The table; prints as text."""

    rows: tuple[Row, ...]
    parameters: int
    scalar_ops: int  # in one forward pass: a dot of n pairs and a bias counts 2n
    nodes: int  # that it records, parameters and inputs included

    def __str__(self) -> str:
        width = max(len(row.name) for row in self.rows)
        breadth = max(len(row.module) for row in self.rows)
        lines = [f"{row.name:<{width}}  {row.module:<{breadth}}  {row.parameters:>9,}" for row in self.rows]
        lines.append(
            f"{self.parameters:,} parameters; one forward pass: {self.scalar_ops:,} scalar ops, {self.nodes:,} graph nodes"
        )
        return "\n".join(lines)

    __repr__ = __str__


def summarise(model: Model, x: Any = None) -> Summary:
    """What ``Module.summary`` gives.

    Raises:
        ValueError: no example is given and no layer tells how many inputs it takes.
    """
    modules = list(model.named_modules())
    if x is None:
        n_in = next((module.n_in for _, module in modules if hasattr(module, "n_in")), None)
        if n_in is None:
            raise ValueError("summary: no layer says how many inputs it takes; pass an example, summary(x)")
        x = [0.0] * n_in
    nodes: dict[Node, None] = {}
    for output in _leaves_of(model(x)):
        leaves, computed = leaves_and_computed(output)
        nodes.update(dict.fromkeys(leaves + computed))
    ops = sum(max(len(node.inputs) - 1, 1) if node.op.is_chain else 1 for node in nodes if node.op)
    rows = tuple(Row(name or "model", str(module), len(module.parameters())) for name, module in modules if module.parameters())
    return Summary(rows, len(model.parameters()), ops, len(nodes))


def _leaves_of(x: Any) -> list[Node]:
    return [node for part in x for node in _leaves_of(part)] if isinstance(x, list | tuple) else [x]
