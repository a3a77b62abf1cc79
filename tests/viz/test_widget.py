"""The live view as it is written: small, safe, stable, readable where scripts are cut. tests/browser has what it does."""

import base64
import json
import re
import sys
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, Value
from viz import step
from viz.moments import last_moment, moment
from viz.svg import svg

from .elsewhere import outputs
from .test_svg import HOSTILE


def neuron(label="x1"):
    x1, w1 = Value(2.0, label=label), Value(-3.0, label="w1")
    x2, w2 = Value(0.0, label="x2"), Value(1.0, label="w2")
    o = (x1 * w1 + x2 * w2 + Value(6.88, label="b")).tanh()
    o.label = "o"
    e = o - 0.5
    loss = e * e
    loss.label = "L"
    return loss


class Parsed(HTMLParser):
    """Tags, attributes, the text of each list item, the scripts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.items, self.scripts, self.open = [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in ("img", "meta"):
            self.open.append(tag)
        if tag == "li":
            self.items.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "li":
            self.items[-1] += data
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


def what_is_told(parsed):
    """The part of the script that speaks of this walk."""
    return parsed.scripts[0][parsed.scripts[0].index("{at:") :]


def test_without_a_script_there_are_the_picture_and_every_step_in_words():
    stepper = step(neuron())
    parsed = Parsed(stepper._repr_html_())

    assert set(parsed.tags) == {"div", "img", "details", "summary", "ol", "li", "script"}
    assert tuple(parsed.items) == stepper.sentences
    picture = base64.b64decode(dict(parsed.attributes)["src"].partition(",")[2]).decode()
    filled = re.sub(r"<text [^>]*></text>\n", "", picture)  # but for room for the labels of arrows that carry nothing yet
    assert filled == svg(stepper.walk.diagram, last_moment(stepper.walk), "graph")
    assert "not yet" not in picture
    assert ("alt", stepper.title) in parsed.attributes


def test_nothing_is_loaded_and_no_name_is_taken_in_the_page():
    for html in (step(neuron())._repr_html_(), step(neuron()).to_html()):
        parsed = Parsed(html)
        rest = html.replace("http://www.w3.org", "")
        assert "http" not in rest
        assert "import(" not in rest
        assert not {name for name, _ in parsed.attributes} & {"id", "onclick", "onload", "onerror", "href"}


def test_thirteen_nodes_take_24_kilobytes_live_editing_included():
    stepper = step(neuron(), breakpoints=["w1"])
    html = stepper._repr_html_()
    assert len(stepper.walk.nodes) == 13
    assert "values:[2.0,-3.0,[0]" in html
    assert len(html.encode()) <= 24_000


@pytest.mark.parametrize(
    "label", [*HOSTILE, "</script><script>alert(1)</script>", "${alert(1)}`", "\u2028\u2029", "x" * 10_000]
)
def test_a_label_stays_a_label(label):
    for html in (step(neuron(label))._repr_html_(), step(neuron(label)).to_html()):
        parsed = Parsed(html)
        assert len(parsed.scripts) == 1
        assert "<" not in what_is_told(parsed)
        assert parsed.tags.count("img") == 1
        assert not [name for name, _ in parsed.attributes if name.startswith("on")]
        html.encode()


def test_the_same_graph_gives_the_same_bytes_in_another_process():
    program = (
        "from autograd import Value; from viz import step; x = Value(2.0, label='x'); y = x * x + x.tanh() / 3; "
        "import sys; sys.stdout.buffer.write(step(y).to_html().encode())"
    )
    first, second = outputs(program)
    assert first == second != b""


def told(html):
    """A few of the things that the script is told."""
    script = what_is_told(Parsed(html))
    return {name: json.loads(re.search(rf"[{{,]{name}:(\[.*?\]),[a-z]+:", script)[1]) for name in ("edges", "steps", "breaks")}


def test_breakpoints_are_marked_in_the_page():
    assert told(step(neuron(), breakpoints=["L"]).to_html())["breaks"] == [6, 7, 8]


def test_each_contribution_is_an_edge():
    stepper = step(neuron())
    html = stepper.to_html()
    known = told(html)
    assert f",forward:{sum(own.phase == 'forward' for own in stepper.walk.steps)}," in html
    for own, said in zip(stepper.walk.steps, known["steps"], strict=True):
        assert said[0] == own.key
        assert [known["edges"][arrow] for arrow in said[1:]] == [[c.operand, own.key] for c in own.contributions]


@pytest.mark.parametrize(
    "root",
    [
        lambda: (Tensor([1.0, 2.0], label="t") * 2.0).sum(),
        lambda: Value(2.0) * ag.matmul(np.array([Value(1.0)], object), np.array([Value(2.0)], object)),
    ],
    ids=["arrays", "values"],
)
def test_only_a_graph_of_numbers_can_be_edited(root):
    y = root()
    assert ("values:[" in step(y).to_html()) == isinstance(y, Value)


def test_an_op_that_cannot_be_read_is_shown_but_not_edited():
    @ag.elementwise(lambda xp, z, x: float(abs(x)) * 2.0, domain=(ag.Domain("", ((-2.0, 2.0),)),))
    def odd(xp, x):
        return x * float(abs(x))

    try:
        html = step(odd(Value(2.0, label="x"))).to_html()
    finally:
        del ag.PRIMITIVES["odd"]
    assert "values:[" not in html
    assert "odd(x) = odd(2) = 4" in unescape(html)


def test_colab_gets_a_page_within_the_page(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    html = step(neuron())._repr_html_()
    parsed = Parsed(html)
    assert parsed.tags == ["iframe"]
    assert dict(parsed.attributes)["srcdoc"] == step(neuron()).to_html()


def test_moments_go_from_nothing_known_to_all_known():
    stepper = step(neuron())
    shown = [moment(stepper.walk, s.number) for s in stepper]
    unknown = [sum(told == "not yet" for told in [*m.data.values(), *m.grads.values()]) for m in shown]

    assert unknown == sorted(unknown, reverse=True)
    assert unknown[0] == 6 + 12
    assert unknown[-1] == 0
    assert shown[-1].labels.keys() == last_moment(stepper.walk).labels.keys()
    assert all(len(m.strong) == 1 for m in shown)


def test_an_edge_is_labelled_with_its_local_derivative_be_it_0():
    x, w = Value(0.0, label="x"), Value(3.0, label="w")
    assert last_moment(step(x * w).walk).labels == {0: "×3", 1: "×0"}
    t = Tensor([3.0, 4.0], label="t")
    assert last_moment(step((t * t).sum()).walk).labels == {0: "×‖5‖", 1: "×‖5‖", 2: "vjp"}
