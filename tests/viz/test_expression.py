"""Expressions as text: what they come to is what Python's own reading gives, and nothing typed does anything else."""

import ast
import math
import time
import warnings

import mpmath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, topological_order
from viz import expression
from viz.expression import LONGEST, ExpressionError, parse

NUMBERS = {"x": 0.75, "w": -1.5, "b": 0.25}


def labels(root):
    return [node.label for node in topological_order(root)]


def refused(text, numbers=NUMBERS):
    with pytest.raises(ExpressionError) as caught:
        parse(text, {name: number for name, number in numbers.items() if numbers is not NUMBERS or name in text})
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


# -- what is read ------------------------------------------------------------------------------------------------------------

SAME_IN_PYTHON = [
    "x + w*b - x/w",
    "-x**2 + (+w)",
    "2**x * x**3 - 7 / (1 + b)",
    "tanh(x*w + b) * sin(exp(x)) - sqrt(b) / log(x)",
    "x - w - b - 1 - x / w / b",
    "2 ** 3 ** 2 * x",
    "1_000 * x + 0x10 + 1e-3 + .5",
    "(x)",
    "cos(pi*x) ** 2 + e ** x",
    "max(x, w, b) * min(x, 0.5) + sum(x, w, x, 2) + abs(w)",
]


def compare_with_decimals(text):
    """The result and the gradients, beside those of the same text run by Python with decimals of fifty digits."""
    functions = {name: getattr(mpmath, name) for name in ("tanh", "sin", "cos", "exp", "sqrt", "log")}
    others = {"max": max, "min": min, "abs": abs, "sum": lambda *xs: sum(xs), "pi": math.pi, "e": math.e}
    read = {part.id for part in ast.walk(ast.parse(text)) if isinstance(part, ast.Name)}
    used = {name: number for name, number in NUMBERS.items() if name in read}

    def run(**numbers):
        return eval(text, {**functions, **others}, {name: mpmath.mpf(x) for name, x in numbers.items()})

    y = parse(text, used)
    y.backward()
    leaves = {node.label: node for node in topological_order(y) if node.op is None and node.label}

    assert leaves.keys() == used.keys()
    with mpmath.workdps(50):
        assert y.data == pytest.approx(float(run(**used)), rel=1e-12)
        for name, leaf in leaves.items():
            slope = mpmath.diff(lambda x, name=name: run(**{**used, name: x}), used[name])
            assert leaf.grad == pytest.approx(float(slope), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("text", SAME_IN_PYTHON)
def test_the_result_and_the_gradients_are_those_of_the_same_text_run_by_python(text):
    compare_with_decimals(text)


def test_the_comparison_fails_where_an_operator_is_read_as_another(monkeypatch):
    monkeypatch.setitem(expression._OPERATORS, ast.Sub, autograd.add)
    with pytest.raises(AssertionError):
        compare_with_decimals("x - w")


def test_a_name_is_one_leaf_however_often_it_is_read():
    y = parse("x*x + x", {"x": 3})
    y.backward()

    (x,) = [node for node in topological_order(y) if node.op is None]
    assert (x.label, x.data, x.grad) == ("x", 3.0, 7.0)


def test_the_result_is_called_y_unless_it_or_another_is():
    assert parse("x + 1", {"x": 1}).label == "y"
    assert parse("y + 1", {"y": 1}).label == "z"
    assert parse("y*z; ".join(["a = ", "a + y"]), {"y": 1, "z": 2}).label == "out"
    assert parse("loss = x + 1", {"x": 1}).label == "loss"
    assert parse("x", {"x": 1}).label == "x"


def test_parts_are_labelled_and_numbers_among_them_are_leaves():
    y = parse("a = 2; b = -3; c = a*b; c + a", {})
    y.backward()

    assert labels(y) == ["a", "b", "c", "y"]
    assert [node.grad for node in topological_order(y)] == [-2.0, 2.0, 1.0, 1.0]


def test_a_second_name_for_a_part_leaves_it_the_first():
    assert labels(parse("a = x; b = a*2; c = b; c + 1", {"x": 1}))[:3] == ["x", "", "b"]


def test_a_name_given_to_a_part_stands_for_the_number_before_and_for_the_part_after():
    assert parse("x = x + 1; x * 10", {"x": 1}).data == 20.0


def test_lines_part_an_expression_as_semicolons_do():
    y = parse("\n  a = x *\t2\n  tanh(a +\n    b)\n".replace("*\t", "*"), {"x": 1, "b": 0.5})

    assert y.data == math.tanh(2.5)


def test_where_compares_numbers_and_lets_derivatives_flow_into_what_was_chosen():
    y = parse("where(x <= w, x**2, 5*x) + where(x != w, w, 0)", {"x": 2, "w": 3})
    y.backward()

    assert {node.label: node.grad for node in topological_order(y) if node.op is None and node.label} == {"x": 4.0, "w": 1.0}


def test_a_function_takes_its_defaults():
    assert parse("leaky_relu(x) + leaky_relu(x, 0.5)", {"x": -1}).data == -0.51


def test_pi_and_e_may_be_given_other_numbers():
    assert parse("e * x", {"x": 2, "e": 5}).data == 10.0
    assert parse("pi = 3; pi * x", {"x": 2}).data == 6.0


def test_names_are_compared_as_python_compares_them():
    assert parse("ｘ + µ", {"x": 1, "μ": 2}).data == 3.0
    assert parse("x + μ", {"ｘ": 1, "µ": 2}).data == 3.0


def test_a_flat_sum_may_be_long():
    assert parse("x" + " + x" * 900, {"x": 1}).data == 901.0


def test_a_node_knows_where_in_the_text_it_was_made():
    (inner,) = [node for node in topological_order(parse("1 + sqrt(x)", {"x": 0})) if node.op and node.op.name == "sqrt"]

    assert inner.line == "column 5, 'sqrt(x)'"


# -- what is refused, and in which words ---------------------------------------------------------------------------------------

REFUSED = {
    "tahn(x)": "column 1, 'tahn(x)': no function is called tahn; did you mean tan or tanh?",
    "x + frobnicate(x)": "column 5, 'frobnicate(x)': no function is called frobnicate; there are abs, add,",
    "tanh(x, x)": "column 1, 'tanh(x, x)': it is called as tanh(x)",
    "clip(x)": "it is called as clip(x, low, high)",
    "where(x > 0, x)": "it is called as where(condition, x, y)",
    "sum()": "it is called as sum(*terms)",
    "x + q*v": "column 5, 'q': no number for it; add q=… v=…",
    "a = c; c = x; a": "column 5, 'c': no number for it; add c=…",
    "tanh": "column 1, 'tanh': no number for it; add tanh=…",
    "x^2": "column 1, 'x^2': a power is written x**2",
    "2x": "column 1, '2x': invalid decimal literal; a product is written 2*x",
    "2 x": "column 3, 'x': invalid syntax; a product is written 2*x",
    "(x + 1": "'(' was never closed",
    "x + ": "invalid syntax",
    "é = 1; é + q(x)": "column 12, 'q(x)'",
    "x\n+ é $": "line 2, column 5",
    "x > 0": "a choice is written where(x > 0, a, b)",
    "where(0 < x < 1, x, x)": "column 7, '0 < x < 1': a choice is written where(x > 0, a, b)",
    "tanh(x > 0)": "a choice is written where(x > 0, a, b)",
    "where(x, x > 0, x)": "a choice is written where(x > 0, a, b)",
    "x if x else x": "a choice is written where(x > 0, a, b)",
    "x and x": "a choice is written where(x > 0, a, b)",
    "not x": "a choice is written where(x > 0, a, b)",
    "x; x": "column 1, 'x': all but the last need a name: a = x*w; tanh(a)",
    "": "the expression is empty",
    " \n ": "the expression is empty",
    "# x": "the expression is empty",
    "2 * 3": "the expression is a constant, 6; a gradient needs a variable",
    "where(x > 0, 1, 2)": "the expression is a constant, 1; a gradient needs a variable",
    "log(x - 1)": "column 1, 'log(x - 1)': log(-0.25): operand 1 must be > 0",
    "1 + x / 0": "column 5, 'x / 0': div(x=0.75, 0): operand 2 must be ≠ 0",
    "x + exp(1000)": "the result is too large for a float",
    "9**9**9 + x": "column 1, '9**9**9': pow(9, 3.8742e+08): the result is too large for a float",
    "x ** 9 ** 9 ** 9": "the result is too large for a float",
    "1e999 * x": "column 1, '1e999': too large for a float",
    "9" * 400 + "*x": "too large for a float",
    "1j * x": "not known; there are numbers, names",
    "x // 2": "not known; there are numbers, names",
    "x % 2": "not known; there are numbers, names",
    "x @ x": "not known; there are numbers, names",
    "~x": "not known; there are numbers, names",
    "True * x": "not known; there are numbers, names",
    "None": "not known; there are numbers, names",
    "...": "not known; there are numbers, names",
    "'x'": "not known; there are numbers, names",
    "f'{x}'": "not known; there are numbers, names",
    "[x]": "not known; there are numbers, names",
    "(x, x)": "not known; there are numbers, names",
    "x[0]": "not known; there are numbers, names",
    "x.data": "not known; there are numbers, names",
    "x.__class__.__mro__": "not known; there are numbers, names",
    "().__class__": "not known; there are numbers, names",
    "tanh(*x)": "not known; there are numbers, names",
    "tanh(x=x)": "not known; there are numbers, names",
    "tanh(**x)": "not known; there are numbers, names",
    "tanh(x)(x)": "not known; there are numbers, names",
    "(lambda: x)()": "not known; there are numbers, names",
    "(a := x)": "not known; there are numbers, names",
    "sum(x for x in x)": "not known; there are numbers, names",
    "await x": "not known; there are numbers, names",
    "__import__(x)": "no function is called __import__",
    "eval(x)": "no function is called eval",
    "exec(x)": "no function is called exec",
    "matmul(x, x)": "no function is called matmul",
    "import os": "no expression, such as tanh(x*w)",
    "a = b = x": "no expression, such as tanh(x*w)",
    "a, b = x": "no expression, such as tanh(x*w)",
    "x.data = 3": "no expression, such as tanh(x*w)",
    "x += 1": "no expression, such as tanh(x*w)",
    "x: int = 1": "no expression, such as tanh(x*w)",
    "del x": "no expression, such as tanh(x*w)",
    "def f(): x": "no expression, such as tanh(x*w)",
    "for x in x: x": "no expression, such as tanh(x*w)",
    "x\x00": "null bytes",
    "x\ud800": "the expression is no text",
    "'\\d'": "invalid escape sequence",
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED.items(), ids=lambda text: ascii(text)[:30])
def test_anything_else_is_refused_in_one_line_that_says_where(text, words):
    assert words in refused(text, {"x": 0.75} if "x" in text and text not in ("# x", "'x'") else {})


def test_a_number_without_a_name_is_refused_with_the_names_there_are():
    assert refused("x*w", {"x": 1, "w": 2, "w1": 3}) == "w1 has a number, but is no variable of the expression; there are: x, w"
    assert refused("a = 1; a*2", {"a": 2}).endswith("there are: none")


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_not_finite_is_refused(number):
    assert refused("x*2", {"x": number}) == f"x is {number}; give it a finite number"


def test_hostile_names_are_printed_safely():
    message = refused("x", {"x": 1, "\u202e\n<script>" + "z" * 10_000: 2})

    assert message.startswith("\ufffd <script>zzz")


def test_a_text_may_not_be_longer_than_the_limit():
    assert parse("x" + " " * (LONGEST - 1), {"x": 1}).data == 1.0
    assert "4,001 characters" in refused("x" + " " * LONGEST)


BOMBS = [
    "-" * 3999 + "x",
    "(" * 4000,
    "(" * 1999 + "x" + ")" * 1999,
    "tanh(" * 190 + "x" + ")" * 190,
    "tanh(" * 600 + "x" + ")" * 600,
    "x**" * 1333 + "x",
    "x+" * 1999 + "x",
    "x<" * 1999 + "x",
    "x," * 2000,
    "x if x else " * 300 + "x",
    "not " * 999 + "x",
    "x=" * 1999 + "1",
    "x.y" * 1000,
    "f()" * 1300,
    "sum(" + "x," * 1900 + "x)",
    "a" * 3990 + "(x)",
    "9" * 3998 + "*x",
    "9" + "**9" * 1300,
    "[[" * 90 + "x for " * 90,
    "a=1;" * 900 + "a",
    "a=x*x;" + "a=a*a;" * 600 + "a",
]


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:12])
def test_bombs_are_read_or_refused_at_once(text):
    start = time.perf_counter()
    try:
        parse(text, {"x": 0.5} if "x" in text else {})
    except ExpressionError as error:
        assert "\n" not in str(error)  # noqa: PT017
    assert time.perf_counter() - start < 1.0


SIGNS = "xwb0129 .,;=()[]{}:'\"\\\n\t+-*/%^&|~<>!@#_é²"
WORDS = [
    "**", "==", "<=", ":=", "1e", "0x", "tanh(", "log(", "where(", "sum(", "max(", "pow(", "clip(", "lambda", "if", "else",
    "for", "in", "and", "not", "await", "import", "x.y", "pi", "e",
]  # fmt: skip
PIECES = st.sampled_from([*SIGNS, *WORDS, *[f" {word} " for word in WORDS]])


@settings(max_examples=500, deadline=1000)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join)))
@example("where(x<=w,x)")
@example("x\u2028+\x0c1")
def test_any_text_is_a_value_or_an_expression_error(text):
    names = {part for part in ("x", "w", "b") if part in text}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            y = parse(text, {name: NUMBERS[name] for name in sorted(names)})
    except ExpressionError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert isinstance(y, Value)
        assert y.requires_grad


LEAVES = st.sampled_from(["x", "w", "b", "2", "0.5"])
TERMS = st.recursive(
    LEAVES,
    lambda terms: st.one_of(
        st.tuples(terms, st.sampled_from("+-*"), terms).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["tanh", "sin", "cos"]), terms).map(lambda t: f"{t[0]}({t[1]})"),
        terms.map(lambda t: f"-{t}"),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(TERMS)
def test_any_expression_comes_to_what_python_makes_of_it(text):
    text = f"x*0 + w*0 + b*0 + {text}"
    assert parse(text, NUMBERS).data == eval(text, {"tanh": math.tanh, "sin": math.sin, "cos": math.cos}, dict(NUMBERS))
