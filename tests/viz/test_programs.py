"""Pictures of compiled programs."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compile import compile
from viz import draw

from ..autograd.compile.demos import Demo, irregular

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def programs_of_arrays(monkeypatch):
    """Small programs too, which would be float code."""
    monkeypatch.setattr("autograd.compile.choice.FLOAT", np.inf)


@pytest.fixture(scope="module")
def demo():
    demo = Demo()
    demo.step = compile(demo.loss, demo.parameters)
    demo.step(demo.X, demo.y)
    return demo


def texts(drawing):
    return [x.text for x in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def edges(diagram):
    called = [box.label for box in diagram.boxes]
    return {(called[arrow.source], called[arrow.target]) for arrow in diagram.arrows}


def test_the_demos_program_is_three_layers_a_loss_and_decay(demo):
    diagram = draw(demo.step).diagram
    inputs = ["w0", "b0", "w1", "b1", "w2", "b2", "X", "y"]
    groups = ["0: sum", "1: sums", "2: relu", "3: sums", "4: relu", "5: sums", "6: sums", "7: relu", "8: sum", "9: sum"]
    assert sorted(box.label for box in diagram.boxes) == sorted([*inputs, *groups, "result"])
    assert edges(diagram) == {
        *[(name, "0: sum") for name in inputs[:6]],
        *[("w0", "1: sums"), ("b0", "1: sums"), ("X", "1: sums"), ("1: sums", "2: relu")],
        *[("w1", "3: sums"), ("b1", "3: sums"), ("2: relu", "3: sums"), ("3: sums", "4: relu")],
        *[("w2", "5: sums"), ("b2", "5: sums"), ("4: relu", "5: sums"), ("5: sums", "6: sums"), ("y", "6: sums")],
        *[("6: sums", "7: relu"), ("7: relu", "8: sum"), ("8: sum", "9: sum"), ("0: sum", "9: sum"), ("9: sum", "result")],
    }
    assert {box.label: box.kind for box in diagram.boxes if box.label in ("w0", "X")} == {"w0": "leaf", "X": "constant"}
    assert [box.label for box in diagram.boxes if box.symbol == "@"] == ["1: sums", "3: sums", "5: sums"]


def test_a_box_says_what_is_computed_how_and_at_what_cost(demo):
    shown = texts(draw(demo.step))
    at = shown.index("3: sums")
    assert shown[at : at + 8] == [
        "3: sums", "@", "of 16 products + a number", "100×16 @ 16×16", "nodes", "1,600", "FLOPs", "52,800 + 104,000",
    ]  # fmt: skip
    at = shown.index("w1")
    assert shown[at : at + 3] == ["w1", "parameters", "16×16"]


def test_arrows_of_gathered_operands_are_dashed_and_labelled():
    parameters = [Value(0.1 * i) for i in range(20)]
    step = compile(irregular(parameters), parameters)
    step(np.arange(4.0))
    drawing = draw(step)
    arrows = {
        (source, i)
        for i, part in enumerate(step.explain().paths[0].parts)
        for read in part.reads
        for source in read.sources
        if read.is_gathered
    }
    assert len(arrows) > 5
    assert drawing.svg.count('stroke-dasharray="4 4"') == len(arrows)
    assert texts(drawing).count("gathered") == len(arrows)
    assert drawing.to_dot().count("label=gathered") == len(arrows)


def test_nothing_is_dashed_where_nothing_is_gathered(demo):
    drawing = draw(demo.step)
    assert 'stroke-dasharray="4 4"' not in drawing.svg
    assert not drawing.labels


def test_the_text_is_what_explain_says(demo):
    (path,) = demo.step.explain().paths
    assert draw(demo.step).text() == f"Program of loss, paths[0]: {path.title}\n{path}"
    assert repr(draw(demo.step)) == f"<Program of loss, paths[0]: {path.title}>"


def test_every_format_has_the_program(demo, tmp_path):
    drawing = draw(demo.step)
    for suffix in (".svg", ".html", ".dot"):
        drawing.save(tmp_path / f"program{suffix}")
        text = (tmp_path / f"program{suffix}").read_text()
        assert "100×16 @ 16×16" in text
        assert "52,800 + 104,000" in text
    assert ElementTree.fromstring(drawing.svg).find(f"{SVG}title").text == drawing.title
    assert "<img" in drawing._repr_html_()
    pytest.importorskip("resvg_py")
    assert drawing.to_png().startswith(b"\x89PNG")


def test_each_path_has_its_picture():
    w = Value(2.0, label="w")

    def f(x):
        return ag.exp(w * x) if x > 0 else w * x

    step = compile(f, [w])
    step(1.0)
    step(-1.0)
    first, second = draw(step), draw(step, path=1)
    assert any("exp" in box.label for box in second.diagram.boxes)
    assert not any("exp" in box.label for box in first.diagram.boxes)
    assert "taken if True" in second.text()
    assert "guards" in [box.label for box in first.diagram.boxes]
    with pytest.raises(ValueError, match="draw: path is from 0 to 1, as explain"):
        draw(step, path=2)


def test_what_else_f_gives_is_drawn():
    w = Value(2.0, label="w")
    step = compile(lambda x: (w * w * x, w * x, w), [w])
    step(1.0)
    found = edges(draw(step).diagram)
    assert ("w", "further results") in found
    assert len([target for _, target in found if target == "further results"]) == 2


def test_labels_of_the_user_are_no_markup():
    w = Value(2.0, label="</text><script>{|}")
    step = compile(lambda x: w * x, [w])
    step(1.0)
    drawing = draw(step)
    assert "<script" not in drawing.svg + drawing.to_html()
    assert "</text><script>{|}" in texts(drawing)
    assert r"\{\|\}" in drawing.to_dot()


def test_float_code_is_one_box(monkeypatch):
    monkeypatch.setattr("autograd.compile.choice.FLOAT", 0.0)
    w = Value(2.0)
    step = compile(lambda x: ag.tanh(w * x) + 1.0, [w])
    step(1.0)
    drawing = draw(step)
    assert edges(drawing.diagram) == {("arguments", "program"), ("parameters", "program"), ("program", "result")}
    (path,) = step.explain().paths
    assert path.made_of in texts(drawing)
    assert path.made_of in drawing.text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fold": True}, "draw: fold is for graphs"),
        ({"depth": 1}, "draw: depth is for graphs"),
        ({"expand": "x"}, "draw: expand is for graphs"),
        ({"edges": "both"}, "draw: edges is for graphs"),
        ({"hide": bool}, "draw: hide is for graphs"),
        ({"max_nodes": 5}, "draw: these are 19 boxes and the limit is 5; raise the limit"),
        ({"path": -1}, "draw: path is from 0 to 0"),
        ({"path": "0"}, "draw: path is from 0 to 0, as explain() numbers them; not '0'"),
    ],
)
def test_what_is_no_option_for_a_program_is_refused(demo, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        draw(demo.step, **options)


def test_a_path_is_no_option_for_a_graph():
    with pytest.raises(ValueError, match="draw: path is for compiled steps"):
        draw(Value(1.0) * 2.0, path=0)


def test_a_step_without_a_program_is_refused():
    w = Value(2.0)
    with pytest.raises(ValueError, match="draw: compiled <lambda>: not called yet, so nothing is recorded"):
        draw(compile(lambda x: w * x, [w]))


def test_what_is_neither_graph_nor_step_is_refused():
    with pytest.raises(TypeError, match="draw takes a Value, a Tensor or a compiled step, not list; of several values"):
        draw([Value(1.0)])


def test_the_picture_is_the_same_every_time(demo):
    again = Demo()
    step = compile(again.loss, again.parameters)
    step(again.X, again.y)
    assert draw(step).svg == draw(demo.step).svg
