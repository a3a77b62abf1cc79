"""A comparison in words and as a picture."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from autograd import Value
from viz import diff

from .loops import backward, neuron

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><b>",
    "]]>",
    "a\nb\tc",
    "\x00\x1b\ud800",
    "\u202eevil\u2066",
    "&amp;&#0;",
    "é🙂漢∂",
    "x " * 9_000,
]


def shown(difference):
    return ElementTree.fromstring(difference.svg)


def test_the_text_says_where_why_and_what():
    root = neuron()
    assert diff(root, backward(root, "local")[1]).text() == (
        """\
graph and yours part at step 11, backward through h = tanh(v4), operand 1: v4
probably: the local derivative was forgotten: the upstream gradient was handed on as it is

                  graph    yours
upstream          0.7297   0.7297
∂h/∂v4            0.5966   –
contribution      0.4353   0.7297   ≠
gradient before   0        0
gradient after    0.4353   0.7297   ≠

                 data graph   data yours   grad graph   grad yours
x                2            2            -0.8528      -1           ≠
w                -0.5         -0.5         0.8707       1.459        ≠
v2 = x * w       -1           -1           0.4353       0.7297       ≠
b                0.25         0.25         0.4353       0.7297       ≠
v4 = v2 + b      -0.75        -0.75        0.4353       0.7297       ≠
h = tanh(v4)     -0.6351      -0.6351      0.7297       0.7297
v6 = h * h       0.4034       0.4034       1            1
v7 = x * h       -1.27        -1.27        1            1
loss = v6 + v7   -0.8669      -0.8669      1            1"""
    )


def test_numbers_that_differ_are_written_so_that_one_sees_it():
    x = Value(3.0, label="x")
    root = x * x
    assert "gradient after    6       6.00000001   ≠" in diff(root, {x: 6.00000001}).text()


def test_a_comparison_without_a_difference_says_so():
    assert diff(neuron(), neuron()).title == "graph 1 and graph 2 are the same: 9 nodes"
    assert repr(diff(neuron(), neuron())) == "<graph 1 and graph 2 are the same: 9 nodes>"


def test_both_pictures_have_the_same_places():
    root = neuron()
    picture = shown(diff(root, backward(root, "local")[0]))
    a, b = picture.findall(f"{SVG}g")
    places = [[(box.get("x"), box.get("y")) for box in panel.iter(f"{SVG}rect") if box.get("stroke")] for panel in (a, b)]
    assert places[0] == places[1]
    assert len(places[0]) == 9


def test_the_difference_is_marked_by_a_word_and_a_thick_outline_in_both():
    root = neuron()
    picture = shown(diff(root, backward(root, "local")[1]))
    for panel, number in zip(picture.findall(f"{SVG}g"), ("0.4353", "0.7297"), strict=True):
        assert f"first ≠ {number}" in [text.text for text in panel.iter(f"{SVG}text")]
        thick = [box for box in panel.iter(f"{SVG}rect") if float(box.get("stroke-width", 0)) > 3]
        assert len(thick) == 1


def test_a_number_in_the_forward_pass_is_marked_where_it_stands():
    x = Value(1.0, label="x")
    y = Value(2.0, label="x")
    texts = [text.text for text in shown(diff(x * 2, y * 2)).iter(f"{SVG}text")]
    assert {"1 ≠ first", "2 ≠ first", "2 ≠", "4 ≠"} <= set(texts)


def test_a_node_of_one_graph_only_is_dotted_and_says_so():
    def graph(f):
        h = Value(2.0, label="x") * 3
        h.label = "h"
        return f(h) + 1

    a, b = shown(diff(graph(lambda h: h), graph(lambda h: h.exp()))).findall(f"{SVG}g")
    dotted = [box for panel in (a, b) for box in panel.iter(f"{SVG}rect") if box.get("stroke-dasharray") == "1 4"]
    assert len(dotted) == 1
    assert "403.4 only in graph 2" in [text.text for text in b.iter(f"{SVG}text")]


def test_labels_that_changed_places_can_be_drawn():
    def graph(inner, outer):
        y = Value(1.0, label="x") * 2
        y.label = inner
        z = (y + 1).tanh()
        z.label = outer
        return z

    difference = diff(graph("p", "q"), graph("q", "p"))
    assert len(difference.structure) > 1
    assert len(shown(difference).findall(f"{SVG}g")) == 2


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_stays_text(label):
    def graph(data):
        x = Value(data, label=label)
        y = x * Value(2.0, label=f"{label}y")
        y.label = label * 2
        return y

    for difference in (diff(graph(1.0), graph(2.0)), diff(graph(1.0), graph(1.0))):
        tags = {element.tag.removeprefix(SVG) for element in shown(difference).iter()}
        assert tags <= {"svg", "title", "rect", "g", "path", "text", "tspan"}
        assert not re.search(r"\son\w+=|href|<script", difference.svg)
        assert set(re.findall(r"</?(\w+)", difference._repr_html_())) <= {"div", "img", "details", "summary", "pre"}
        assert len(difference.title) < 300
        assert difference.title.isprintable()
        difference.to_html().encode()


def test_the_same_graphs_give_the_same_bytes_in_another_process():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from loops import *; from viz import diff; root = neuron(); "
        "d = diff(root, backward(root, 'sign')[1]); sys.stdout.buffer.write((d.svg + d.text()).encode())"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second != b""


def test_it_is_saved_and_shown_as_pictures_are(tmp_path):
    difference = diff(neuron(), neuron())
    difference.save(tmp_path / "d.svg")
    assert (tmp_path / "d.svg").read_bytes().decode() == difference.svg
    difference.save(tmp_path / "d.html")
    assert difference._repr_mimebundle_()["text/plain"] == difference.text()
    with pytest.raises(ValueError, match=r"a difference is saved as \.svg, \.png or \.html"):
        difference.save(tmp_path / "d.dot")
