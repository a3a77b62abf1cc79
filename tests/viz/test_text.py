"""A graph as text, line for line."""

from autograd import PRIMITIVES, Value
from viz import draw

HOSTILE = "a\n\x1b[2J\u202eb"


def test_each_node_has_a_line_with_its_formula_data_and_gradient():
    x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    z = -(x * y) + x**2
    z.label = "z"
    z.backward()
    assert draw(z).text().splitlines() == [
        "x             data 2    grad 7",
        "y             data -3   grad -2",
        "v2 = x * y    data -6   grad -1",
        "v3 = -v2      data 6    grad 1",
        "v5 = x ** 2   data 4    grad 1",
        "z = v3 + v5   data 10   grad 1",
    ]


def test_names_are_never_shared():
    a, b = Value(1.0, label="w"), Value(2.0, label="w")
    c, d = a * b, Value(1.0, label="v2")
    names = [line.split()[0] for line in draw(c + d).text().splitlines()]
    assert names == ["w#0", "w#1", "v2'", "v2", "v4"]


def test_operands_that_are_not_drawn_are_dots():
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    assert draw(w * x, hide={w}.__contains__).text().splitlines()[-1].startswith("v1 = … * x ")


def test_many_operands_are_shortened():
    xs = [Value(float(i), label=f"x{i}") for i in range(100)]
    last = draw(PRIMITIVES["add_n"].call(*xs)).text().splitlines()[-1]
    assert last == "v100 = add_n(x0, x1, x2, x3, …, x99)   data 4950   grad 0"


def test_a_lone_constant_is_shown():
    assert draw(Value(3.0, requires_grad=False)).text() == "3   data 3"


def test_a_label_cannot_break_a_line():
    text = draw(Value(1.0, label=HOSTILE)).text()
    assert len(text.splitlines()) == 1
    assert text.isprintable()


def test_a_deep_graph_is_not_indented():
    x = Value(1.0)
    for _ in range(5_000):
        x = x + 0
    assert max(map(len, draw(x, fold=False, max_nodes=20_000).text().splitlines())) < 60
