"""Formulas: plain text that computes the node's number again, and LaTeX that any label leaves whole."""

import math
import re

import mpmath
import numpy as np
import pytest

from autograd import PRIMITIVES, Tensor, Value, ops
from autograd.terms import ReadingError
from viz.writing.formulas import formula, latex, partial_latex, partial_text

from ...autograd.rows import ROWS, counts, draw, exact, variant
from ..graphs import random_graph
from ..test_svg import HOSTILE

SPECIALS = r"\ { } $ & # ^ _ ~ % \end{aligned} \input{x} a^b_c {{{ }}} $$ %"
LABELS = [*HOSTILE, *SPECIALS.split(), SPECIALS, "long " * 2_000, "x1", "w[0,1]", "loss", "layers.0.weight", "a b", "-3", "θ₁"]

# What the text says, by Python's own functions; ops that it names only, by mpmath.
NAMED = {
    **{name: lambda *xs, f=f: float(f(*xs)) for name, f in exact(mpmath).items()},
    **{name: getattr(math, name) for name in dir(math) if name in PRIMITIVES},
    "arcsin": math.asin, "arccos": math.acos, "arctan": math.atan, "abs": abs, "max": max, "min": min, "inf": math.inf,
}  # fmt: skip


def evaluated(text, **names):
    """The number that a formula gives, line by line."""
    for line in text.splitlines():
        name, equals, expression = line.partition(" = ")
        names[name] = eval(expression if equals else line, {**NAMED, **names})
    return names[name]


# -- plain text ----------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_text_of_a_partial_gives_what_mpmath_finds(row):
    rng, f = np.random.default_rng(0), exact(mpmath)[row.name]
    for n in counts(row):
        point = draw(row, n, rng)
        names = {f"x{i}": x for i, x in enumerate(point)}
        z = float(f(*point))
        for i in range(n):
            text = partial_text(row, i, "z", [*names])
            if not row.variadic and row.rules[i] is None:
                assert text == "0"
                continue
            slope = mpmath.diff(f, tuple(point), tuple(int(i == j) for j in range(n)))
            digits = 1e-3 if row.name == "gelu" else 1e-9  # its constants are shown in four digits
            assert eval(text, {**NAMED, **names, "z": z}) == pytest.approx(float(slope), rel=digits, abs=digits)


def test_the_formulas_of_200_random_graphs_give_their_numbers():
    rng = np.random.default_rng(3)
    for _ in range(200):
        values, graph = random_graph(rng)
        leaves = dict(zip("abcd", graph["leaves"], strict=True))
        for name, x in zip(leaves, values, strict=False):
            x.label = name
        assert evaluated(formula(values[-1]), **leaves) == pytest.approx(values[-1].data, rel=1e-9)


def test_a_formula_that_is_wrong_does_not_give_the_number():
    a, b, c = Value(2.0, label="a"), Value(3.0, label="b"), Value(5.0, label="c")
    z = a - (b - c)
    assert formula(z) == "a - (b - c)"
    assert evaluated("a - (b - c)", a=2, b=3, c=5) == z.data != evaluated("a - b - c", a=2, b=3, c=5)


@pytest.mark.parametrize(
    ("make", "text", "in_latex"),
    [
        (lambda x, y: x + (y + x), "x + (y + x)", "x + y + x"),
        (lambda x, y: ops.neg(-x), "-(-x)", "-(-x)"),
        (lambda x, y: x * (y / 2), "x * (y / 2)", r"x \cdot \frac{y}{2}"),
        (lambda x, y: (x + y) * (x - y), "(x + y) * (x - y)", r"(x + y) \cdot (x - y)"),
        (lambda x, y: x / (y * x), "x / (y * x)", r"\frac{x}{y \cdot x}"),
        (lambda x, y: -(x + y), "-(x + y)", "-(x + y)"),
        (lambda x, y: -(x * y), "-x * y", r"-x \cdot y"),
        (lambda x, y: x - -y, "x - -y", "x - (-y)"),
        (lambda x, y: (-x) ** 2, "(-x) ** 2", "(-x)^{2}"),
        (lambda x, y: -(x**2), "-x ** 2", "-x^{2}"),
        (lambda x, y: (x**y) ** 2, "(x ** y) ** 2", "(x^{y})^{2}"),
        (lambda x, y: x ** (y**2), "x ** y ** 2", "x^{y^{2}}"),
        (lambda x, y: (x / y) ** 2, "(x / y) ** 2", r"\left(\frac{x}{y}\right)^{2}"),
        (lambda x, y: (-3.0) ** ops.positive(Value(2.0, label="n")), "(-3) ** n", "(-3)^{n}"),
        (lambda x, y: (x * y).exp(), "exp(x * y)", r"e^{x \cdot y}"),
        (lambda x, y: ops.expm1(x) * y, "expm1(x) * y", r"(e^{x} - 1) \cdot y"),
        (lambda x, y: ops.log1p(x), "log1p(x)", r"\log(1 + x)"),
        (lambda x, y: (x / y).tanh(), "tanh(x / y)", r"\tanh\left(\frac{x}{y}\right)"),
        (lambda x, y: ops.sqrt(abs(x)), "sqrt(abs(x))", r"\sqrt{\left|x\right|}"),
        (lambda x, y: ops.sigmoid(x) + x.relu(), "sigmoid(x) + relu(x)", r"\sigma(x) + \operatorname{ReLU}(x)"),
        (lambda x, y: ops.leaky_relu(x), "leaky_relu(x, 0.01)", r"\operatorname{leaky\_relu}(x, 0.01)"),
        (lambda x, y: ops.maximum(x, y), "max(x, y)", r"\max(x, y)"),
        (lambda x, y: ops.max_n(x, y, 1.0), "max_n(x, y, 1)", r"\max(x, y, 1)"),
        (lambda x, y: ops.weighted_sum(x, y, x), "x + x * y", r"x + x \cdot y"),
        (
            lambda x, y: ops.where(x, x, y) + 1,
            "(x if x else y) + 1",
            r"\left(\begin{cases} x & \text{if } x \ne 0 \\ y & \text{otherwise} \end{cases}\right) + 1",
        ),
        (lambda x, y: x * 1e-5, "x * 1e-05", r"x \cdot 10^{-5}"),
        (lambda x, y: x + 1.5e10, "x + 1.5e+10", r"x + 1.5 \cdot 10^{10}"),
        (lambda x, y: x + 1 / 3, "x + 0.3333", "x + 0.3333"),
        (lambda x, y: x + math.inf, "x + inf", r"x + \infty"),
        (lambda x, y: x, "x", "x"),
    ],
)
def test_parentheses_stand_where_they_must_and_nowhere_else(make, text, in_latex):
    z = make(Value(1.5, label="x"), Value(2.5, label="y"))
    assert formula(z) == text
    assert latex(z) == in_latex


def test_what_has_a_label_or_is_used_twice_gets_a_line():
    x, w = Value(2.0, label="x1"), Value(3.0, label="w[0,1]")
    v = x * w
    y = v.tanh() - v
    assert formula(y).splitlines() == ["v2 = x1 * w[0,1]", "tanh(v2) - v2"]
    assert latex(y).splitlines()[1:-1] == [r"v_{2} &= x_{1} \cdot w_{0,1} \\", r"& \tanh(v_{2}) - v_{2}"]
    v.label, y.label = "pre", "loss"
    assert formula(y).splitlines() == ["pre = x1 * w[0,1]", "loss = tanh(pre) - pre"]
    assert latex(y).splitlines() == [
        r"\begin{aligned}",
        r"\mathrm{pre} &= x_{1} \cdot w_{0,1} \\",
        r"\mathrm{loss} &= \tanh(\mathrm{pre}) - \mathrm{pre}",
        r"\end{aligned}",
    ]
    assert latex(v) == r"\mathrm{pre} = x_{1} \cdot w_{0,1}"


def test_a_graph_that_is_used_over_and_over_stays_short():
    x = Value(1.0, label="x")
    for _ in range(60):
        x = x + x * 0.5
    assert len(formula(x)) < 2_000
    assert len(latex(x)) < 3_000


def test_a_deep_graph_is_cut_into_lines():
    x = Value(1.0, label="x")
    for _ in range(20_000):
        x = (x + 1).tanh()
    lines = formula(x, max_nodes=100_000).splitlines()
    assert max(map(len, lines)) < 600
    assert len(lines) > 400


def test_a_graph_that_is_too_large_is_refused_in_words():
    x = Value(1.0)
    for _ in range(20):
        x = x + 1
    with pytest.raises(ValueError, match=r"^latex: the graph has 41 nodes and the limit is 40; write out a part"):
        latex(x, max_nodes=40)
    with pytest.raises(TypeError, match="formula takes a Value or a Tensor, not float"):
        formula(3.0)


# -- arrays and ops of one's own ----------------------------------------


def test_tensors_are_written_too():
    x, w = Tensor(np.ones((2, 3)), label="x"), Tensor(np.ones((3, 2)), label="W")
    z = ops.sum(((x + 1) @ w).tanh(), axis=0)
    assert formula(z) == "sum(tanh((x + 1) @ W), axis=0)"
    assert latex(z) == r"\sum(\tanh((x + 1)\,W), \text{axis=0})"
    assert latex(x @ (w @ x) * 2 - (x * x) @ (w @ x)) == r"x\,(W\,x) \cdot 2 - (x \odot x)\,(W\,x)"
    affine = ops.linear(x + 1, w, Tensor(np.ones(2), label="b"))
    assert (formula(affine), latex(affine)) == ("(x + 1) @ W + b", r"(x + 1)\,W + b")


def test_an_op_that_cannot_be_read_is_written_by_its_name():
    op = variant(PRIMITIVES["tanh"], forward=lambda xp, x: math.tanh(x))
    z = op(Value(1.0, label="x")) + 1
    assert formula(z) == "wrong_tanh(x) + 1"
    assert latex(z) == r"\operatorname{wrong\_tanh}(x) + 1"
    rule = lambda xp, z, x: math.cos(x)  # noqa: E731
    with pytest.raises(ReadingError):
        partial_text(variant(PRIMITIVES["sin"], rules=(rule,)).primitive, 0, "z", ["x"])


# -- partials ----------------------------------------


def test_partials_are_those_of_the_rule_under_the_names_given():
    assert partial_text(PRIMITIVES["tanh"], 0, "y", ["x"]) == "1 - y * y"
    assert partial_latex(PRIMITIVES["tanh"], 0, "y", ["x"]) == "1 - y^{2}"
    assert partial_text(PRIMITIVES["mul"], 0, "z", ["x1", "w1"]) == "w1"
    assert partial_latex(PRIMITIVES["mul"], 0, "z", ["x1", "w1"]) == "w_{1}"
    assert partial_text(PRIMITIVES["mul"], 0, "z", ["x1", "-3"]) == "-3"
    assert partial_text(PRIMITIVES["pow"], 1, "z", ["-2", "n"]) == "z * log(1 if -2 == 0 else -2)"
    assert partial_latex(PRIMITIVES["abs"], 0, "z", ["x"]) == (
        r"\begin{cases} 1 & \text{if } x > 0 \\ -1 & \text{if } x < 0 \\ 0 & \text{otherwise} \end{cases}"
    )


def test_a_planted_rule_is_what_is_written():
    assert partial_text(variant(PRIMITIVES["tanh"], rules=(lambda xp, z, x: 1 - z,)).primitive, 0, "y", ["x"]) == "1 - y"


def test_the_op_of_a_node_of_either_kind_will_do():
    for x in (Value(1.0), Tensor([1.0, 2.0])):
        assert partial_text(x.tanh().op, 0, "y", ["x"]) == "1 - y * y"


def test_a_partial_that_has_no_formula_is_refused_in_words():
    with pytest.raises(ValueError, match="matmul mixes elements; its derivative is a vjp"):
        partial_text(PRIMITIVES["matmul"], 0, "z", ["a", "b"])
    with pytest.raises(ValueError, match="mul: operand 2 of 2; they are counted from 0"):
        partial_latex(PRIMITIVES["mul"], 2, "z", ["a", "b"])
    with pytest.raises(ValueError, match="the derivative of logaddexp takes more than 4,000 characters"):
        partial_text(PRIMITIVES["logaddexp"], 0, "z", [f"x{i}" for i in range(500)])


# -- LaTeX ----------------------------------------


def unescaped(text):
    return re.sub(r"\\[\\{}$&#_%]", "", text)


def is_whole(text):
    """Whether braces balance and never close too soon, and no special of LaTeX stands bare."""
    rest, depth = unescaped(text), 0
    for c in rest:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    bare = re.sub(r"\\[a-zA-Z]+|[_^]\{", "", re.sub(r"\n& |&=|\n", "", rest))
    return depth == 0 and not re.search(r"[\\$&#^_~%<>](?!\})", bare)


@pytest.mark.parametrize("label", LABELS)
def test_a_label_leaves_latex_whole(label):
    x = Value(1.0, label=label)
    y = (x * 2 + x) ** 2
    y.label = label
    for text in (latex(y * y), partial_latex(PRIMITIVES["div"], 1, label, [label, label])):
        assert is_whole(text)
        assert set(re.findall(r"\\[a-zA-Z]+", text)) <= {
            r"\begin", r"\end", r"\cdot", r"\text", r"\mathrm", r"\frac", r"\backslash", r"\wedge", r"\sim",
        }  # fmt: skip
        assert not re.search(r"<\s*[a-zA-Z/!?]", text)
        assert text.isprintable() or text.count("\n") == len(text.splitlines()) - 1


@pytest.mark.parametrize("text", ["}{", r"\text{a", "a}", "a_b", "50%", "{#}x#", "$x$", r"a\\_b", "<b"])
def test_broken_latex_is_seen(text):
    assert not is_whole(text)


@pytest.mark.parametrize("label", LABELS)
def test_a_label_stays_on_its_line_of_text(label):
    x = Value(1.0, label=label)
    assert len(formula(x * x).splitlines()) == 1
    assert formula(x * x).isprintable()


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("x", "x"), ("x1", "x_{1}"), ("x_1", "x_{1}"), ("x12", "x_{12}"), ("w[0,1]", "w_{0,1}"), ("w[0, 1]", "w_{0,1}"),
        ("loss", r"\mathrm{loss}"), ("loss2", r"\mathrm{loss}_{2}"), ("a_b", r"{\text{a}\_\text{b}}"),
        ("h 1", r"{\text{h 1}}"), ("θ", r"{\text{θ}}"), ("100%", r"{\text{100}\%}"),
        ("a\\b", r"{\text{a}{\backslash}\text{b}}"),
    ],
)  # fmt: skip
def test_labels_become_names(label, name):
    assert latex(Value(1.0, label=label)) == name


def test_matplotlib_reads_what_has_no_cases():
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    x, y = Value(0.5, label="x1"), Value(0.25, label="rate_b %")
    for row in ROWS:
        n = 3 if row.variadic else len(row.rules)
        z = row.call(*[x, y, x][:n])
        texts = [latex(z / (x + 1))]
        if row.name not in ("gelu", "logaddexp"):
            texts += [partial_latex(row, i, "z", ["x1", "w[0,1]", "b"][:n]) for i in range(n)]
        for text in texts:
            if r"\begin" not in text:
                parser.parse(f"${text}$")
    with pytest.raises(ValueError, match="Expected"):
        parser.parse(r"$\frac{a$")


def test_the_same_graph_gives_the_same_formula():
    def one():
        x = Value(1.0, label="x")
        y = x * x
        return latex(y.tanh() / y)

    assert one() == one()
