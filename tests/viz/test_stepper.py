"""The stepper: moving, stopping, showing."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, Value
from viz import Stepper, step
from viz.breakpoints import above, gate_closes, nonfinite, second_contribution
from viz.transcript import transcript

from .graphs import random_graph

SVG = "{http://www.w3.org/2000/svg}"


def example():
    x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    y = (x * w + x).relu()
    y.label = "y"
    return y


def test_one_walks_on_and_back_and_stays_at_the_ends():
    stepper = step(example())
    assert len(stepper) == 7
    assert [stepper.next().number for _ in range(8)] == [2, 3, 4, 5, 6, 7, 7, 7]
    assert [stepper.back().number for _ in range(8)] == [6, 5, 4, 3, 2, 1, 1, 1]
    assert stepper.last() is stepper.walk.steps[-1]
    assert stepper.first() is stepper.walk.steps[0]
    assert [s.number for s in stepper] == list(range(1, 8))
    assert stepper.at == 1  # to go through all steps is not to move


def test_goto_takes_a_number_a_node_or_a_label():
    y = example()
    stepper = step(y)
    assert stepper.goto(5).phase == "backward"
    assert stepper.goto(y).number == 3  # from the beginning, for nothing after step 5 has to do with it
    assert [stepper.goto("x").number for _ in range(3)] == [6, 7, 6]


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        (0, IndexError, "numbered from 1 to 7; there is no step 0"),
        (8, IndexError, "no step 8"),
        ("z", LookupError, "goto: no step of this graph has to do with 'z'"),
        (Value(1.0, label="other"), LookupError, "has to do with 'other'; give a node or its name, or a step's number"),
        (2.5, TypeError, "goto takes a step's number, a node or a label, not float"),
    ],
)
def test_goto_refuses_what_is_not_there(where, error, words):
    stepper = step(example())
    with pytest.raises(error, match=words):
        stepper.goto(where)
    assert stepper.at == 1


def test_run_stops_at_breakpoints_both_ways():
    stepper = step(example(), breakpoints=["w"])
    assert stepper.hits == [7]
    assert stepper.run().number == 7
    assert stepper.run_back().number == 1
    stepper.break_at(lambda s: s.phase == "seed").break_at(stepper.walk.nodes[2])
    assert stepper.hits == [1, 4, 6, 7]
    assert [stepper.run().number for _ in range(4)] == [4, 6, 7, 7]
    assert [stepper.run_back().number for _ in range(4)] == [6, 4, 1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_forward_and_back_again_is_where_one_was(seed):
    values, _ = random_graph(np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    stepper = step(values[-1], breakpoints=[lambda s: abs(s.grad) > 1, lambda s: rng.random() < 0])
    hits = [s.number for s in stepper if abs(s.grad) > 1]

    assert stepper.hits == hits
    for start in range(1, len(stepper) + 1):
        before = stepper.goto(start), stepper.svg
        stepper.next()
        if start < len(stepper):
            stepper.back()
        assert (stepper.current, stepper.svg) == before


def test_predicates_are_asked_of_numbers_as_they_are_at_that_step():
    x = Value(3.0, label="x")
    y = x * x * 10.0
    assert step(y, breakpoints=[lambda s: abs(s.grad) > 5]).hits == [5]
    assert step(y, breakpoints=[above(29)]).hits == [5]
    assert step(y, breakpoints=[above(31)]).hits == [5]  # the gradient of x is 60 by then
    assert step(y, breakpoints=[above(61)]).hits == []
    assert step(y, breakpoints=[second_contribution]).hits == [5]


def test_a_closed_gate_stops_and_an_open_one_does_not():
    closed, opened = step(Value(-2.0).relu(), breakpoints=[gate_closes]), step(Value(2.0).relu(), breakpoints=[gate_closes])
    assert (closed.hits, opened.hits) == ([3], [])


def test_a_product_by_0_is_no_gate():
    assert step(Value(0.0) * Value(1.0), breakpoints=[gate_closes]).hits == []


def test_the_first_number_that_is_not_finite_stops():
    x = Value(1e200)
    stepper = step(x * x * 2.0, breakpoints=[nonfinite])
    assert stepper.run_back().number == 1
    assert stepper.hits[0] == 1
    t = Tensor([1.0, 0.0])
    with np.errstate(divide="ignore"):
        stepper = step((1.0 / t).sum(), breakpoints=[nonfinite])
        assert math.isinf(stepper.walk.steps[stepper.hits[0] - 1].data.max())


def test_a_breakpoint_is_a_node_a_label_or_a_function():
    with pytest.raises(TypeError, match="a breakpoint is a node, a label, or a function of a step, not int"):
        step(example(), breakpoints=[3])
    with pytest.raises(TypeError, match="not NoneType"):
        step(example()).break_at(None)


def test_a_breakpoint_by_itself_needs_no_list():
    y = example()
    for where in ("w", y, gate_closes):
        assert step(y, breakpoints=where).hits == step(y, breakpoints=[where]).hits != []


def test_a_breakpoint_that_is_not_part_of_the_graph_is_refused():
    for where in ("nope", Value(1.0, label="nope")):
        with pytest.raises(LookupError, match="breakpoint: 'nope' is not part of this graph; give a node"):
            step(example(), breakpoints=[where])


def test_a_breakpoint_may_be_on_what_is_given_nothing():
    c = Value(3.0, label="c", requires_grad=False)
    assert step(Value(2.0) * c, breakpoints=[c, "c"]).hits == []


def test_nodes_and_boxes_are_known_by_the_names_in_the_text():
    stepper = step(example())
    assert stepper.text().splitlines()[1].strip() == "1  v2 = x * w = 2 * -3 = -6"
    assert [stepper.goto("v2").number for _ in range(3)] == [6, 7, 1]
    folded = step(nn.MLP(2, [3, 3, 1], rng=0)([1.0, 2.0]), depth=1, breakpoints=["layers.1"])
    assert folded.hits == [2, 5, 6]


def test_a_predicate_holds_of_an_array_where_it_holds_of_an_element():
    y = (Tensor([1.0, 20.0], label="t") ** 2).sum()
    assert step(y, breakpoints=lambda s: abs(s.data) < 2).hits == [1, 5]


def test_no_gate_closes_on_a_gradient_of_0():
    x = Value(-1.0, label="x")
    assert step(x.relu() * 2.0, breakpoints=gate_closes).hits == [5]
    assert step(x.relu() * 0.0, breakpoints=gate_closes).hits == []


def test_play_prints_from_here_to_the_next_breakpoint(capsys):
    stepper = step(example(), breakpoints=[lambda s: s.phase == "seed"])
    assert stepper.play().number == 4
    assert capsys.readouterr().out.split("\n") == [*stepper.sentences[:4], ""]
    stepper.play()
    assert capsys.readouterr().out.split("\n")[-2] == stepper.sentences[-1].split("\n")[-1]
    assert stepper.at == 7


def test_it_holds_the_numbers_of_when_it_was_made():
    x = Value(2.0, label="x")
    stepper = step(x * x)
    text, html = stepper.text(), stepper.to_html()
    x.data = 5.0
    assert (stepper.text(), stepper.to_html()) == (text, html)


def test_its_text_is_the_transcript_and_its_repr_one_line():
    stepper = step(example())
    assert stepper.text() == transcript(stepper.walk)
    assert repr(stepper) == "<Backpropagation of y = relu(v3): 3 steps forward, 4 back; at 1 of 7>"
    assert stepper._repr_mimebundle_() == {"text/html": stepper._repr_html_(), "text/plain": stepper.text()}


def test_its_picture_is_that_of_the_step_it_stands_at():
    stepper = step(example())
    words = {}
    for _ in range(len(stepper)):
        picture = ElementTree.fromstring(stepper.svg)
        words[stepper.at] = [text.text for text in picture.iter(f"{SVG}text")]
        stepper.next()
    assert words[1].count("not yet") == 2 + 5
    assert words[4].count("not yet") == 4
    assert words[7].count("not yet") == 0


def test_a_gradient_of_0_is_not_one_that_is_not_there_yet():
    stepper = step(Value(0.0, label="x") * Value(1.0, label="w"))
    stepper.last()
    shown = [text.text for text in ElementTree.fromstring(stepper.svg).iter(f"{SVG}text")]
    assert "not yet" not in shown
    assert shown.count("0") == 3  # the data of x and of the product, the gradient of w


def test_the_film_has_each_nth_step_and_the_last(tmp_path):
    stepper = step(example())
    for n, frames in ((1, 7), (3, 3), (4, 3), (100, 2)):
        stepper.film(tmp_path / "strip.svg", every=n)
        picture = ElementTree.parse(tmp_path / "strip.svg").getroot()
        heads = [span.text for span in picture.iter(f"{SVG}tspan") if span.get("font-weight")]
        assert len(heads) == frames
        assert heads[-1] == "7 of 7, backward"
    told = "\n".join(span.text for span in picture.iter(f"{SVG}tspan"))
    assert stepper.sentences[-1] in told
    stepper.film(tmp_path / "strip.png")
    assert (tmp_path / "strip.png").read_bytes().startswith(b"\x89PNG")


def test_the_film_is_of_one_layout():
    picture = ElementTree.fromstring(step(example()).film().svg)
    frames = [[rect.get("x") for rect in frame.iter(f"{SVG}rect")] for frame in picture.findall(f"{SVG}g")]
    assert len(frames) == 7
    assert all(frame == frames[0] for frame in frames)


def test_each_frame_is_the_picture_of_its_step():
    stepper = step(example())
    frames = ElementTree.fromstring(stepper.film(every=3).svg).findall(f"{SVG}g")
    for frame, number in zip(frames, (1, 4, 7), strict=True):
        stepper.goto(number)
        alone = ElementTree.fromstring(stepper.svg).find(f"{SVG}g")
        assert [text.text for text in frame.iter(f"{SVG}text")] == [text.text for text in alone.iter(f"{SVG}text")]


def test_each_frame_names_the_pass_and_has_the_box_at_work_in_a_thick_line():
    for number, frame in enumerate(ElementTree.fromstring(step(example()).film().svg).findall(f"{SVG}g"), 1):
        head = next(frame.iter(f"{SVG}tspan")).text
        assert head == f"{number} of 7, {'forward' if number < 4 else 'backward'}"
        assert [rect.get("stroke-width") for rect in frame.iter(f"{SVG}rect")].count("3.5") == 1


@pytest.mark.parametrize(
    ("path", "every", "words"), [("a.gif", 1, "saved as .svg, .png or .html"), ("a.svg", 0, "at least 1, not 0")]
)
def test_a_film_that_cannot_be_is_refused(tmp_path, path, every, words):
    with pytest.raises(ValueError, match=words):
        step(example()).film(tmp_path / path, every=every)
    assert not list(tmp_path.iterdir())


def test_files_are_written_by_their_endings(tmp_path):
    stepper = step(example())
    for name in ("steps.html", "steps.svg", "steps.png"):
        stepper.save(tmp_path / name)
    assert (tmp_path / "steps.html").read_text(encoding="utf-8") == stepper.to_html()
    with pytest.raises(ValueError, match=r"a stepper is saved as \.svg, \.png or \.html"):
        stepper.save(tmp_path / "steps.txt")


def test_arrays_are_stepped_through_and_told_in_full():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]], label="t")
    stepper = step((t @ t).sum())
    assert isinstance(stepper, Stepper)
    html = stepper.to_html()
    assert re.search(
        r"arrays in full.*t\.data =\n\[\[1\. 2\.\]\n \[3\. 4\.\]\]\nt\.grad =\n\[\[ 7\. 11\.\]\n \[ 9\. 13\.\]\]",
        html,
        re.DOTALL,
    )


def test_a_large_graph_is_folded_unless_its_nodes_are_asked_for():
    y = Value(1.0)
    for _ in range(600):
        y = (y + 1.0).tanh()
    assert len(step(y)) < 50
    assert len(step(y, fold=False)) == 2 * 1200 + 1


def test_ops_of_the_user_are_stepped_through():
    @ag.elementwise(lambda xp, z, x: 3 * x * x, domain=(ag.Domain("", ((-2.0, 2.0),)),))
    def third_power(xp, x):
        return x * x * x

    try:
        assert step(third_power(Value(2.0, label="x"))).last().contributions[0].after == 12.0
    finally:
        del ag.PRIMITIVES["third_power"]
