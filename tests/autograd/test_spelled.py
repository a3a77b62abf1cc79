"""Rules read as text: the compiled walk computes what the rules say."""

import math

import numpy as np
import pytest

from autograd import PRIMITIVES, Tensor, Value, arrays, scalar
from autograd.graph import record
from autograd.primitive import Elementwise
from autograd.spelled import compile_pull, compile_pull_on_arrays, pull_source

ROWS = [
    row
    for row in PRIMITIVES.values()
    if isinstance(row, Elementwise) and row.forward.__module__.startswith("autograd.ops") and not row.variadic
]


def node_of(row, point, frozen=()):
    operands = tuple(Value(x, requires_grad=i not in frozen) for i, x in enumerate(point))
    node = record(Value, row.apply(scalar, point), row, operands)
    node.grad = 1.0
    return node


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_compiled_walk_gives_the_very_numbers_of_the_rules(row):
    pull, rng = compile_pull(row.name, row.rules), np.random.default_rng(0)
    for _ in range(10):
        point = [float(rng.uniform(*domain.intervals[rng.integers(len(domain.intervals))])) for domain in row.domain]
        node = node_of(row, point)
        pull(node)
        expected = [partial or 0.0 for partial in row.partials(scalar, node.data, point)]
        assert [x.grad for x in node.inputs] == expected


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.rules) > 1], ids=lambda row: row.name)
def test_frozen_operands_are_passed_by(row):
    point = [0.5, 1.5, 2.0][: len(row.rules)]
    for i in range(len(row.rules)):
        node = node_of(row, point, frozen={i})
        compile_pull(row.name, row.rules)(node)
        assert node.inputs[i].grad == 0.0


def test_a_rule_that_a_frozen_operand_would_need_is_not_even_computed():
    node = node_of(PRIMITIVES["pow"], [-2.0, 3.0], frozen={1})
    compile_pull("pow", PRIMITIVES["pow"].rules)(node)  # ln(-2) does not exist
    assert node.inputs[0].grad == 12.0


def test_the_source_reads_like_the_rule():
    assert pull_source(PRIMITIVES["mul"].rules).splitlines() == [
        "def pull(node):",
        "    x0, x1, = node.inputs",
        "    g = node._grad",
        "    if x0._requires_grad:",
        "        x0._grad += g * x1._data",
        "    if x1._requires_grad:",
        "        x1._grad += g * x0._data",
    ]


@pytest.mark.parametrize(
    ("rule", "at", "value"),
    [
        (lambda xp, z, x: 1 - x, 3.0, -2.0),
        (lambda xp, z, x: 1 - (x - 2), 3.0, 0.0),
        (lambda xp, z, x: x - (1 - x), 3.0, 5.0),
        (lambda xp, z, x: 12 / (x / 2), 3.0, 8.0),
        (lambda xp, z, x: -(x + 1) * 2, 3.0, -8.0),
        (lambda xp, z, x: -x - -x, 3.0, 0.0),
        (lambda xp, z, x: 2 + x * 3, 3.0, 11.0),
        (lambda xp, z, x: xp.where(x == 3, 5.0, 7.0) + xp.where(x <= 2, 1.0, 2.0) + xp.where(x <= 3, 10.0, 20.0), 3.0, 17.0),
        (lambda xp, z, x: xp.where(x > 1, xp.where(x < 2, 1.0, 2.0), 3.0), 3.0, 2.0),
        (
            lambda xp, z, x: xp.maximum(x, math.inf) + xp.minimum(-math.inf, x) * 0 if False else xp.minimum(x, math.inf),
            3.0,
            3.0,
        ),
        (lambda xp, z, x: xp.maximum(-math.inf, x), 3.0, 3.0),
        (lambda xp, z, x: 1e-300 * x, 3.0, 3e-300),
        (lambda xp, z, x: np.float64(2) * x, 3.0, 6.0),
        (lambda xp, z, x: 5, 3.0, 5.0),
        (lambda xp, z, x: z, 3.0, 3.0),
        (lambda xp, z, x: x**2 - 2**x, 3.0, 1.0),
        (lambda xp, z, x: abs(-x) + +x, 3.0, 6.0),
        (lambda xp, z, x: 1.0 * (x != 0), 3.0, 1.0),
    ],
)
def test_what_is_spelled_is_what_is_computed(rule, at, value):
    x = Value(at)
    node = record(Value, at, PRIMITIVES["neg"], (x,))
    node.grad = 1.0
    compile_pull("rule", [rule])(node)
    assert x.grad == value == rule(scalar, at, at)


@pytest.mark.parametrize(
    "rule",
    [
        lambda xp, z, x: xp.where(x > 1, 1.0, 0.0),
        lambda xp, z, x: xp.where(x > 1, 0.0, 1.0),
        lambda xp, z, x: xp.where(x > 1, 1.0, 1.0),
        lambda xp, z, x: xp.where(x, 1.0, 0.0),
    ],
)
def test_a_choice_of_1_or_0_is_made_on_arrays_too(rule):
    x = Tensor([0.0, 0.5, 3.0])
    node = record(Tensor, x.data, PRIMITIVES["neg"], (x,))
    node.grad = np.array([2.0, 4.0, 8.0])
    compile_pull_on_arrays("rule", [rule])(node)
    assert x.grad.tolist() == (node.grad * rule(arrays, x.data, x.data)).tolist()


def test_a_constant_that_is_not_finite_is_spelled():
    x = Value(1.0)
    node = record(Value, 1.0, PRIMITIVES["neg"], (x,))
    node.grad = 1.0
    compile_pull("rule", [lambda xp, z, x: math.nan * x])(node)
    assert math.isnan(x.grad)


@pytest.mark.parametrize(
    "rule",
    [
        lambda xp, z, x: math.exp(x),
        lambda xp, z, x: 1.0 if x > 0 else 2.0,
        lambda xp, z, x: 0 < x < 1,
        lambda xp, z, x: float(x),
        lambda xp, z, x: np.float64(2),
        lambda xp, z, x: True,
        lambda xp, z, x: None,
        lambda xp, z, x: "1; import os",
        lambda xp, z, x: x in (1.0, 2.0),
        lambda xp, z, x: {x: 1}[x],
        lambda xp, z, x: xp.nosuch(x),
    ],
)
def test_what_cannot_be_spelled_says_so_and_is_not_guessed(rule):
    with pytest.raises((TypeError, AttributeError)):
        pull_source([rule])
