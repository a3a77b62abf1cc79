"""Graphviz source and micrograd's functions."""

import shutil
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from autograd import Value
from viz import draw, draw_dot, trace

HOSTILE = [
    "<script>",
    "<b>bold</b>",
    '"quoted"',
    "a|b{c}",
    "ends with \\",
    "\\N\\G\\n",
    "&lt;&amp;",
    "a\nb",
    "]]>",
    "\x00\u202e",
    "🙂",
    "x" * 10_000,
]


def test_source_is_the_same_as_ever():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b + 10
    c.label = "c"
    c.backward()
    assert draw_dot(c).source.split("\n") == [
        "digraph {",
        "\tgraph [rankdir=LR]",
        '\tn0 [label="{ a | data 2.0000 | grad -3.0000 }" shape=record]',
        '\tn1 [label="{ b | data -3.0000 | grad 2.0000 }" shape=record]',
        '\tn2 [label="{  | data -6.0000 | grad 1.0000 }" shape=record]',
        '\top2 [label="*"]',
        "\top2 -> n2",
        '\tn3 [label="{  | data 10.0000 | grad 0.0000 }" shape=record]',
        '\tn4 [label="{ c | data 4.0000 | grad 1.0000 }" shape=record]',
        '\top4 [label="+"]',
        "\top4 -> n4",
        "\tn0 -> op2",
        "\tn1 -> op2",
        "\tn2 -> op4",
        "\tn3 -> op4",
        "}",
        "",
    ]


def test_direction_and_format_are_micrograds():
    drawing = draw_dot(Value(1.0), format="png", rankdir="TB")
    assert drawing.format == "png"
    assert "rankdir=TB" in drawing.source
    with pytest.raises(ValueError, match=r"'LR' .* or 'TB' .*, not 'BT'"):
        draw_dot(Value(1.0), rankdir="BT")


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_read_back_as_it_was_written(label):
    if not shutil.which("dot"):
        pytest.skip("Graphviz is not installed")
    x = Value(1.0, label=label)
    drawn = ElementTree.fromstring(draw(x * x, engine="dot").svg)
    texts = [" ".join(element.text.split()) for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert " ".join(draw(x).diagram.boxes[0].label.split()) in texts


@pytest.mark.parametrize("symbol", ["<b>", "a\\b", "&lt;", '"'])
def test_a_symbol_of_the_users_own_op_is_read_back_too(monkeypatch, symbol):
    if not shutil.which("dot"):
        pytest.skip("Graphviz is not installed")
    y = -Value(1.0)
    monkeypatch.setattr(y, "op", SimpleNamespace(name="neg", symbol=symbol, variadic=False))
    drawn = ElementTree.fromstring(draw(y, engine="dot").svg)
    assert symbol in [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_trace_gives_nodes_in_order_and_edges_with_their_repeats():
    x = Value(3.0)
    y = x * x
    nodes, edges = trace(y)
    assert [node is expected for node, expected in zip(nodes, [x, y], strict=True)] == [True, True]
    assert [(a is x, b is y) for a, b in edges] == [(True, True), (True, True)]


def test_too_many_nodes_are_refused_as_in_draw():
    with pytest.raises(ValueError, match="2 nodes and the limit is 1"):
        draw_dot(-Value(1.0), max_nodes=1)
