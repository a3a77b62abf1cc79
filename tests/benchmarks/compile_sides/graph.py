"""A random graph: 200,000 nodes with no structure to find."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .side import Program, Side, call, call_in_buffers, compiled, eager

NODES = 200_000
LEAVES = 100
OPS = ("add", "sub", "mul", "tanh", "sin", "exp", "relu")


class Graph(NamedTuple):
    """A program of random ops on random operands. ``exp`` is that of ``-a²``, which is three nodes."""

    ops: list[str]
    left: list[int]
    right: list[int]
    ends: list[int]  # what no op uses

    def run(self, f: Any, leaves: Any) -> Any:
        """The sum of all ends over their number, by the functions of ``f``."""
        made = list(leaves)
        for op, i, j in zip(self.ops, self.left, self.right):
            made.append(f[op](made[i], made[j]))
        return f["sum"]([made[i] for i in self.ends]) * (1.0 / len(self.ends))


def graph(nodes: int, window: int | None) -> Graph:
    """So many nodes over 100 leaves, whose operands are any earlier ones, or among the last ``window``."""
    rng = np.random.default_rng(0)
    op = rng.integers(0, len(OPS), nodes)
    op = op[: np.searchsorted(np.cumsum(np.where(op == OPS.index("exp"), 3, 1)), nodes) + 1]
    made = np.arange(LEAVES, LEAVES + len(op))
    earliest = np.maximum(made - window, 0) if window else np.zeros_like(made)
    left, right = rng.integers(earliest, made), rng.integers(earliest, made)
    unused = np.ones(LEAVES + len(op), bool)
    unused[left] = unused[right[op < 3]] = False
    unused[:LEAVES] = False
    return Graph([OPS[o] for o in op], left.tolist(), right.tolist(), np.flatnonzero(unused).tolist())


def leaves() -> np.ndarray:
    """Where the leaves of a graph stand."""
    return np.random.default_rng(1).uniform(-1, 1, LEAVES)


def of(tanh: Any, sin: Any, exp: Any, relu: Any, sum: Any) -> dict[str, Any]:
    """What a graph asks of a kind of number."""
    return {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "tanh": lambda a, b: tanh(a),
        "sin": lambda a, b: sin(a), "exp": lambda a, b: exp(-(a * a)), "relu": lambda a, b: relu(a), "sum": sum,
    }  # fmt: skip


def scalars(nodes: int, window: int | None) -> tuple[list[Any], Callable[[], Any]]:
    """Parameters and root of a graph of Values."""
    import autograd as ag

    program = graph(nodes, window)
    parameters = [ag.Value(float(x)) for x in leaves()]
    functions = of(ag.tanh, ag.sin, ag.exp, ag.relu, lambda ends: ag.add_n(*ends))
    return parameters, lambda: program.run(functions, parameters)


def eagerly(window: int | None) -> Side:
    """Ours, not compiled."""
    return eager(*scalars(NODES, window))


def ours(window: int | None) -> Side:
    """Ours."""
    parameters, f = scalars(NODES, window)
    return call(compiled(f, parameters).value_and_grad)


def casadi(window: int | None) -> Side:
    """CasADi's virtual machine."""
    import casadi as ca

    symbols = ca.SX.sym("p", LEAVES)
    functions = of(ca.tanh, ca.sin, ca.exp, lambda a: ca.fmax(a, 0), lambda ends: ca.sum1(ca.vertcat(*ends)))
    root = graph(NODES, window).run(functions, ca.vertsplit(symbols))
    return call_in_buffers(ca, [symbols], root, symbols, [leaves()])


def program(nodes: int) -> Program:
    """A random graph, operands from anywhere."""
    parameters, f = scalars(nodes, None)
    return Program(f, parameters, [])
