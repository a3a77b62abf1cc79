"""Drawing, showing, saving."""

import ast
import base64
import html
import os
import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import pytest

import nn
import viz.drawing
from autograd import Value, topological_order
from viz import draw
from viz.diagram import number


def example(label="x"):
    x = Value(2.0, label=label)
    y = x * x
    y.backward()
    return y


def test_a_notebook_gets_a_picture_and_its_text():
    drawing = draw(example())
    bundle = drawing._repr_mimebundle_()
    assert bundle == {"text/html": drawing._repr_html_(), "text/plain": drawing.text()}
    picture = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', bundle["text/html"])
    assert base64.b64decode(picture[1]).decode() == drawing.svg
    assert drawing._repr_mimebundle_(include=["text/plain"]).keys() == {"text/plain"}
    assert drawing._repr_mimebundle_(exclude=["text/plain"]).keys() == {"text/html"}


@pytest.mark.parametrize(
    "label", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</pre></details>", "]]>", "\x00\ud800\u202e"]
)
def test_html_has_no_tag_of_the_users(label):
    drawing = draw(example(label))
    assert set(re.findall(r"</?(\w+)", drawing._repr_html_())) <= {"div", "img", "details", "summary", "pre"}
    tags = set(re.findall(r"</?(\w+)", drawing.to_html()))
    page = {"html", "head", "meta", "title", "body", "div", "details", "summary", "pre"}
    assert tags <= page | {"svg", "desc", "rect", "g", "path", "text"}
    drawing.to_html().encode()


def test_the_representation_is_one_line():
    assert repr(draw(example())) == "<Computation graph of v1 = x * x: 2 nodes, 1 operation; data 4, grad 1>"


def test_svg_html_and_dot_files_hold_what_the_drawing_says(tmp_path):
    drawing = draw(example())
    for suffix, content in {
        ".svg": drawing.svg,
        ".html": drawing.to_html(),
        ".dot": drawing.to_dot(),
        ".SVG": drawing.svg,
    }.items():
        drawing.save(tmp_path / f"graph{suffix}")
        assert (tmp_path / f"graph{suffix}").read_bytes().decode() == content
    drawing.save(str(tmp_path / "text.svg"))
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("name", ["graph.gif", "graph", ".svg"])
def test_an_unknown_ending_is_refused_and_nothing_written(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.html or \.dot, not"):
        draw(example()).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "graph.svg"
    path.write_text("old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        draw(example()).save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_file_may_be_read_by_whom_the_user_lets(tmp_path):
    draw(example()).save(tmp_path / "graph.svg")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "graph.svg").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_without_the_program_dot_it_warns_and_draws_all_the_same(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.warns(UserWarning, match="install Graphviz") as caught:
        drawing = draw(example(), engine="dot")
    assert caught[0].filename == __file__
    assert drawing.svg == draw(example()).svg


def test_with_the_program_dot_it_draws(tmp_path):
    if not viz.drawing.shutil.which("dot"):
        pytest.skip("Graphviz is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing = draw(example(), engine="dot")
    assert drawing.svg != draw(example()).svg
    assert ElementTree.fromstring(drawing.svg).tag == "{http://www.w3.org/2000/svg}svg"
    drawing.save(tmp_path / "graph.html")


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="'auto' or 'dot', not 'neato'"):
        draw(example(), engine="neato")


def test_importing_viz_loads_no_drawing_library():
    program = "import sys, viz; print([m for m in ('graphviz', 'resvg_py', 'xml.etree', 'matplotlib') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert loaded.stdout.strip() == "[]"


# -- folded -------------------------------------------------------------------------------------------------------------------


def batch(points=20, sizes=(8, 4, 1)):
    data = nn.data.moons(points, rng=0)
    model = nn.MLP(2, [*sizes], rng=0)
    loss = nn.mse(model(data.x), data.y) + 0.1 * sum(p * p for p in model.parameters())
    loss.label = "loss"
    loss.backward()
    return loss, model


def chain(nodes):
    x = Value(1.0)
    for _ in range(nodes - 1):
        x = x.tanh()
    return x


def test_a_large_graph_is_folded_and_says_so():
    loss, _ = batch()
    drawing = draw(loss)
    assert "boxes" in repr(drawing)
    assert drawing.text().splitlines()[-1] == (
        "folded: 802 nodes in 7 boxes; draw(..., fold=False) for all, expand='layers.0' to open one"
    )
    assert len(draw(chain(150)).diagram.boxes) == 150
    assert len(draw(chain(151)).diagram.boxes) <= 40
    assert len(draw(chain(151), fold=False).diagram.boxes) == 151
    assert len(draw(chain(60), fold=True).diagram.boxes) < 60


def test_a_folded_drawing_speaks_of_contributions_only_after_a_pass_back():
    y = chain(200)
    assert not draw(y).labels
    y.backward()
    assert draw(y).labels


def test_the_call_that_the_hint_names_opens_the_box():
    loss, _ = batch()
    name = re.search(r"expand='(.*)'", draw(loss).text())[1]
    assert len(draw(loss, expand=name).diagram.boxes) > len(draw(loss).diagram.boxes)


def test_a_group_tells_what_it_stands_for():
    loss, _ = batch()
    lines = draw(loss, depth=1).text().splitlines()
    (line,) = (line for line in lines if line.startswith("layers.0 = "))
    assert re.fullmatch(r"layers\.0 = Dense\(2, 8, 'relu'\) of inputs \(×20, 344 nodes\) +data 0 … \S+ +grad Σ \S+", line)
    picture = ElementTree.fromstring(draw(loss, depth=1).svg)
    shown = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"layers.0", "×20", "Dense(2, 8, 'relu')", "344 nodes"} <= set(shown)


def test_a_group_differs_from_a_node_without_colour():
    loss, _ = batch()
    groups = ElementTree.fromstring(draw(loss, depth=1).svg).findall("{http://www.w3.org/2000/svg}g")
    sheets = [len([e for e in g.iter("{http://www.w3.org/2000/svg}rect") if e.get("stroke")]) for g in groups]
    assert set(sheets) >= {0, 3}  # arrows and labels; a stack of sheets


def test_dot_has_a_record_for_a_group_and_an_edge_for_all_that_it_hides():
    loss, _ = batch()
    source = draw(loss, depth=1).to_dot()
    assert "{ layers.0 ×20 | Dense(2, 8, 'relu') | 344 nodes | data " in source
    assert re.search(r'n\d -> n\d \[label="\+= Σ', source)


def test_a_saved_page_opens_boxes_without_a_script():
    loss, _ = batch()
    page = draw(loss).to_html()
    assert "<script" not in page
    summaries = re.findall(r"<summary>(.*?)</summary>", page)
    assert "layers.0 = Dense(2, 8, &#x27;relu&#x27;) ×20: 344 nodes" in summaries
    assert "layers.0[0] = perceptron: 5 nodes" in summaries
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)" alt="Inside of ([^"]*)"', page)
    (perceptron,) = (base64.b64decode(data).decode() for data, name in pictures if name == "layers.0[0]")
    shown = [e.text for e in ElementTree.fromstring(perceptron).iter("{http://www.w3.org/2000/svg}text")]
    assert {"inputs", "w0[0,0]", "w0[1,0]", "b0[0]", "dot", "ReLU"} <= set(shown)
    (layer,) = (base64.b64decode(data).decode() for data, name in pictures if name == "layers.0")
    shown = [e.text for e in ElementTree.fromstring(layer).iter("{http://www.w3.org/2000/svg}text")]
    relus = [node for node in topological_order(loss) if node.op and node.op.name == "relu"][:8]  # those of one example
    assert {number(node.data) for node in relus} <= set(shown)
    assert number(loss.data) not in shown


def test_what_is_inside_is_of_bounded_size():
    drawing = draw(batch(points=30, sizes=(30, 30, 30, 30, 1))[0])
    assert len(drawing.inside) < 300_000
    assert "draw(…, expand=[" in drawing.inside


def test_a_call_named_inside_opens_that_box():
    loss, _ = batch(points=30, sizes=(30, 30, 30, 30, 1))
    drawing = draw(loss)
    calls = re.findall(r"expand=(\[.*?\])\) shows", html.unescape(drawing.inside))
    assert calls
    for call in calls[:3]:
        assert len(draw(loss, expand=ast.literal_eval(call)).diagram.boxes) > len(drawing.diagram.boxes)


def test_fold_false_and_what_to_open_do_not_go_together():
    loss, _ = batch()
    with pytest.raises(ValueError, match="fold=False shows every node; leave it out"):
        draw(loss, fold=False, depth=1)


def test_too_many_boxes_are_refused_in_words():
    loss, _ = batch()
    with pytest.raises(ValueError, match=r"802 boxes and the limit is 100; .*expand less"):
        draw(loss, expand=lambda group: True, max_nodes=100)


def test_a_folded_drawing_keeps_to_the_moment_it_was_made():
    loss, model = batch()
    drawing = draw(loss)
    text, inside = drawing.text(), drawing.to_html()
    for parameter in model.parameters():
        parameter.data = 0.0
        parameter.zero_grad()
    assert (drawing.text(), drawing.to_html()) == (text, inside)
