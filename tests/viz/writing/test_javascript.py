"""The op table as JavaScript: short, safe, and the same numbers as Python's."""

import json
import math
import re
import shutil
import subprocess
from itertools import product

import numpy as np
import pytest

from autograd import PRIMITIVES, scalar
from autograd.terms import ReadingError
from viz.writing.javascript import functions

from ...autograd.rows import ROWS, draw, variant
from ..graphs import USES, random_graph

NODE = shutil.which("node")
SPECIAL = (-math.inf, -2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, math.inf, math.nan)

WALK = """
const text = x => Object.is(x, -0) ? "-0" : String(x)
const walk = ({leaves, steps}) => {
  const data = [...leaves], at = leaves.length
  for (const [op, operands] of steps) data.push(ops[op][0](operands.map(i => data[i])))
  const grads = data.map(() => 0)
  grads[grads.length - 1] = 1
  for (let k = steps.length - 1; k >= 0; k--) {
    const [op, operands] = steps[k], z = at + k
    ops[op][1](data[z], operands.map(i => data[i])).forEach((partial, j) => { grads[operands[j]] += grads[z] * partial })
  }
  return [data.map(text), grads.map(text)]
}
console.log(JSON.stringify(graphs.map(walk)))
"""


def in_node(ops, graphs):
    """Data and gradients of every node of every graph, by one run of ``node``."""
    program = f"const ops = {ops}, graphs = {json.dumps(graphs)}\n{WALK}"
    run = subprocess.run([NODE, "-"], input=program, capture_output=True, check=True, encoding="utf-8")
    return [[[float(x) for x in numbers] for numbers in graph] for graph in json.loads(run.stdout)]


def of_one_op(use, point):
    """The graph of one op at a point, for ``in_node``."""
    return {"leaves": point, "steps": [(use, [*range(len(point))])]}


def farthest(ours, theirs):
    """The largest difference, relative to the number where that is above 1e-3, of two lists of graphs."""
    pairs = [
        (a, b) for x, y in zip(ours, theirs, strict=True) for p, q in zip(x, y, strict=True) for a, b in zip(p, q, strict=True)
    ]
    return max(abs(a - b) / max(abs(a), abs(b), 1e-3) for a, b in pairs)


def expected(row, point):
    """Data and gradients of a graph of one op, read from the row in Python."""
    z = row.apply(scalar, point)
    return [[*point, z], [*[p or 0.0 for p in row.partials(scalar, z, point)], 1.0]]


# -- numbers ----------------------------------------

needs_node = pytest.mark.skipif(NODE is None, reason="JavaScript is run by node, which is not on the path")


@needs_node
def test_every_row_gives_pythons_numbers():
    rng = np.random.default_rng(0)
    points = [(use, draw(row, n, rng)) for use, (row, n) in enumerate(USES) for _ in range(20)]
    theirs = in_node(functions(USES), [of_one_op(use, point) for use, point in points])
    ours = [expected(USES[use][0], point) for use, point in points]
    assert farthest(ours, theirs) < 1e-12


@needs_node
def test_zeros_infinities_nan_and_ties_are_treated_as_in_python():
    points, ours = [], []
    for use, (row, n) in enumerate(USES):
        for point in product(SPECIAL, repeat=n) if n < 4 else ():
            try:
                ours.append((row.name, point, expected(row, point)))
            except (ArithmeticError, ValueError):
                continue  # where Python refuses, anything goes
            points.append(of_one_op(use, point))
    theirs = in_node(functions(USES), points)
    differ = [
        (name, point, wanted, got)
        for (name, point, wanted), got in zip(ours, theirs, strict=True)
        if not np.allclose(wanted, got, rtol=1e-12, atol=0, equal_nan=True)
        or any(a == b == 0 and math.copysign(1, a) != math.copysign(1, b) for a, b in zip(wanted[0], got[0], strict=True))
    ]
    assert len(points) > 3_000
    assert not differ


@needs_node
def test_forward_and_backward_of_500_random_graphs_are_pythons():
    rng = np.random.default_rng(1)
    drawn = [random_graph(rng) for _ in range(500)]
    theirs = in_node(functions(USES), [graph for _, graph in drawn])
    ours = [[[x.data for x in values], [x.grad for x in values]] for values, _ in drawn]
    assert {USES[use][0].name for _, graph in drawn for use, _ in graph["steps"]} == {row.name for row in ROWS}
    assert farthest(ours, theirs) < 1e-12


@needs_node
@pytest.mark.parametrize(
    ("name", "right", "wrong"), [("tanh", "z=>[1-z*z]", "z=>[1-z]"), ("mul", "x[0]*x[1]", "x[0]*x[1]*1.000000000002")]
)
def test_the_comparison_sees_a_planted_fault(name, right, wrong):
    row = PRIMITIVES[name]
    n = len(row.rules)
    text = functions([(row, n)])
    assert right in text
    point = [0.5, -1.5][:n]
    ours = [expected(row, point)]
    assert farthest(ours, in_node(text, [of_one_op(0, point)])) < 1e-12
    assert farthest(ours, in_node(text.replace(right, wrong), [of_one_op(0, point)])) > 1e-12


# -- text ----------------------------------------


def one(rule, forward=lambda xp, x: xp.tanh(x)):
    """The text of an op of one operand."""
    return functions([(variant(PRIMITIVES["tanh"], rules=(rule,), forward=forward).primitive, 1)])[2:-2]


def test_a_neurons_ops_are_short():
    assert functions([(PRIMITIVES[name], n) for name, n in (("mul", 2), ("add", 2), ("tanh", 1))]) == (
        "[[x=>x[0]*x[1],(z,x)=>[x[1],x[0]]],[x=>x[0]+x[1],()=>[1,1]],[x=>Math.tanh(x[0]),z=>[1-z*z]]]"
    )


def test_the_whole_table_is_a_few_kilobytes():
    assert len(functions([(row, n) for row, n in USES if n < 4])) < 5_000


def test_what_is_used_twice_is_written_once():
    assert functions([(PRIMITIVES["silu"], 1)]).count("Math.exp") == 2  # one forward, one backward
    lengths = [len(functions([(PRIMITIVES["logaddexp"], n)])) for n in (100, 200, 400)]
    assert lengths[2] - lengths[1] < 2.2 * (lengths[1] - lengths[0])


def test_very_many_operands_are_no_trouble():
    assert functions([(PRIMITIVES["add_n"], 20_000)]).count("+") == 19_999


def test_a_partial_that_does_not_exist_is_0():
    assert functions([(PRIMITIVES["where"], 3)]).endswith("return[0,a?0:1,a?1:0]}]]")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (lambda xp, z, x: 1.0 - (x - 0.5), "1-(x[0]-.5)"),
        (lambda xp, z, x: (1.0 - x) - 0.5, "1-x[0]-.5"),
        (lambda xp, z, x: (x + 1) * (x * 2), "(x[0]+1)*(x[0]*2)"),
        (lambda xp, z, x: x / (x / x), "x[0]/(x[0]/x[0])"),
        (lambda xp, z, x: x - -z, "x[0]- -z"),
        (lambda xp, z, x: x - -1e-5, "x[0]- -1e-5"),
        (lambda xp, z, x: -(-x), "-(-x[0])"),  # noqa: B002
        (lambda xp, z, x: -(x * z), "-(x[0]*z)"),
        (lambda xp, z, x: -(x**2), "-(x[0]**2)"),
        (lambda xp, z, x: (-x) ** -2, "(-x[0])**-2"),
        (lambda xp, z, x: (-2.0) ** x, "(-2)**x[0]"),
        (lambda xp, z, x: xp.where((x < z) == (z < x), 1.0, 2.0) + 1, "((x[0]<z)==(z<x[0])?1:2)+1"),
        (lambda xp, z, x: x * math.inf - math.nan, "x[0]*(1/0)-NaN"),
        (lambda xp, z, x: xp.where(x == -math.inf, 1, 0), "x[0]==-1/0?1:0"),
    ],
)
def test_parentheses_stand_where_they_must(rule, text):
    assert one(rule).partition("=>[")[2] == f"{text}]"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"), (-0.0, "-0"), (0.0, "0"), (0.5, ".5"), (-0.25, "-.25"), (1e5, "1e5"), (1e-5, "1e-5"), (1.5e-7, "15e-8"),
        (5e-324, "5e-324"), (120.0, "120"), (1.7976931348623157e308, "17976931348623157e292"), (10, "10"),
        (0.1 + 0.2, ".30000000000000004"),
    ],
)  # fmt: skip
def test_numbers_are_as_short_as_can_be_and_exact(number, text):
    written = one(lambda xp, z, x: z * number).partition("*")[2][:-1]
    assert written == text
    assert float(written) == number


@pytest.mark.parametrize("name", ["</script>", "`${alert(1)}`", "]]>", "x\u2028y", "constructor"])
def test_nothing_of_a_name_or_symbol_reaches_the_script(name):
    hostile = variant(PRIMITIVES["tanh"]).primitive
    object.__setattr__(hostile, "name", name)
    object.__setattr__(hostile, "symbol", name)
    assert functions([(hostile, 1)]) == functions([(PRIMITIVES["tanh"], 1)])


def test_the_table_has_no_tag_and_no_comment():
    text = functions(USES)
    assert re.fullmatch(r"[\w.,=<>()\[\]{};:?+\-*/ ]+", text)
    assert not re.search(r"</|<!|-->|//|/\*|--|\+\+", text)


def test_an_op_that_cannot_be_written_is_refused():
    with pytest.raises(ReadingError, match="wrong_tanh can't be read"):
        one(lambda xp, z, x: math.cos(x))
    with pytest.raises(ReadingError, match="matmul mixes elements"):
        functions([(PRIMITIVES["matmul"], 2)])


def test_the_same_uses_give_the_same_text():
    assert functions(USES) == functions(USES)
