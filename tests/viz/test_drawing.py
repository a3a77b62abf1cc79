"""Drawing, showing, saving."""

import base64
import os
import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import pytest

import viz.drawing
from autograd import Value
from viz import draw


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
