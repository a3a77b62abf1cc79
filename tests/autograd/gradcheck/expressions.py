"""Random expressions over the op table, drawn from a seed, and the same with one op whose derivative is wrong."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import PRIMITIVES, Value
from autograd.primitive import Elementwise

from ..rows import variant

UNARY = (
    "exp", "expm1", "log", "log1p", "sqrt", "abs", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
    "sigmoid", "softplus", "relu", "gelu", "silu", "neg",
)  # fmt: skip
BINARY = ("add", "sub", "mul", "div", "pow", "maximum", "minimum", "leaky_relu", "elu")
VARIADIC = ("add_n", "weighted_sum", "logaddexp", "max_n", "min_n")


@dataclass(frozen=True)
class Instruction:
    """An op and which of the numbers before it are its operands."""

    op: str
    operands: tuple[int, ...]


@dataclass(frozen=True)
class Expression:
    """Inputs, constants, and instructions one after the other; the last number is the result."""

    inputs: tuple[float, ...]
    constants: tuple[float, ...]
    instructions: tuple[Instruction, ...]

    def function(self, wrong: tuple[int, Any] | None = None) -> Callable[..., Any]:
        """As a function of the inputs; the instruction ``wrong[0]`` done by the op ``wrong[1]`` instead."""

        def f(*inputs: Any) -> Any:
            known = [*inputs, *self.constants]
            for i, instruction in enumerate(self.instructions):
                op = wrong[1] if wrong and wrong[0] == i else PRIMITIVES[instruction.op].call
                known.append(op(*[known[j] for j in instruction.operands]))
            return known[-1]

        return f


def draw(rng: np.random.Generator) -> Expression:
    """An expression that is defined at its inputs, uses each of them, and whose numbers stay between 1e-12 and 1e12."""
    while True:
        inputs = tuple(float(x) for x in _numbers(rng, int(rng.integers(1, 7))))
        constants = tuple(float(x) for x in _numbers(rng, 2))
        known = [*inputs, *constants]
        instructions: list[Instruction] = []
        for _ in range(int(rng.integers(3, 41))):
            found = _instruction(rng, known)
            if found:
                instruction, number = found
                instructions.append(instruction)
                known.append(number)
        if not instructions:
            continue
        loose = _unused(len(inputs), len(known), instructions)
        if len(loose) > 1:
            instructions.append(Instruction("add_n", tuple(loose)))
            known.append(math.fsum(known[i] for i in loose))
        expression = Expression(inputs, constants, tuple(instructions))
        if math.isfinite(known[-1]) and _differentiable(expression):
            return expression


def _numbers(rng, n):
    return rng.choice([-1.0, 1.0], n) * np.exp(rng.normal(0.0, 1.0, n))


def _instruction(rng, known):
    """A random op of random operands, if it is defined there and gives a number of moderate size."""
    kind = rng.choice(3, p=[0.45, 0.4, 0.15])
    name = str(rng.choice((UNARY, BINARY, VARIADIC)[kind]))
    n = (1, 2, int(rng.integers(2, 6)))[kind]
    recent = len(known) - 1 - np.minimum(rng.geometric(0.25, n) - 1, len(known) - 1)
    operands = tuple(int(i) for i in recent)
    try:
        z = PRIMITIVES[name].call(*[known[i] for i in operands])
    except (ArithmeticError, ValueError):
        return None
    return (Instruction(name, operands), z) if 1e-12 < abs(z) < 1e12 else None


def _unused(inputs, n, instructions):
    used = {i for instruction in instructions for i in instruction.operands}
    return [i for i in range(n) if i not in used and (i < inputs or i >= inputs + 2)]


def gradient(f, inputs):
    """By ``backward``."""
    leaves = [Value(x) for x in inputs]
    f(*leaves).backward()
    return [x.grad for x in leaves]


def _differentiable(expression):
    try:
        found = gradient(expression.function(), expression.inputs)
    except (ArithmeticError, ValueError):
        return False
    return all(math.isfinite(g) and abs(g) < 1e12 for g in found) and any(found)


def spoil(expression: Expression, rng: np.random.Generator) -> tuple[Callable[..., Any], tuple[float, ...], str] | None:
    """The same expression with one op's derivative off by a relative error from 1e-7 to 1, if that shows in the gradient: as a
    function, its inputs, and the name of the op."""
    i = int(rng.integers(len(expression.instructions)))
    row = PRIMITIVES[expression.instructions[i].op]
    assert isinstance(row, Elementwise)
    error = 10.0 ** rng.uniform(-7, 0) * rng.choice([-1.0, 1.0])
    which = int(rng.integers(len(expression.instructions[i].operands)))
    op = variant(row, rules=_off(row, which, 1.0 + error))
    f = expression.function((i, op))
    right, wrong = gradient(expression.function(), expression.inputs), gradient(f, expression.inputs)
    shows = any(abs(a - b) > 1e-7 * max(abs(a), abs(b)) for a, b in zip(right, wrong))
    return (f, expression.inputs, op.primitive.name) if shows else None


def _off(row, which, factor):
    if row.variadic:
        return (lambda xp, z, xs: [p * factor if i == which else p for i, p in enumerate(row.rules[0](xp, z, xs))],)
    rule = row.rules[which]
    return (*row.rules[:which], lambda *a: rule(*a) * factor, *row.rules[which + 1 :])
