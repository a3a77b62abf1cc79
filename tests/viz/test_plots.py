"""The plots of a run: well-formed, readable, and whole for any numbers."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from viz import plots

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["<script>alert(1)</script>", "\"'><b>", "]]>", "a\nb\tc", "\x00\x08\x1b\ud800\ufffe", "&amp;&#0;", "é🙂漢∂", ""]


def parsed(svg):
    picture = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {
        "svg", "title", "rect", "g", "path", "text", "line", "polyline", "circle",
    }  # fmt: skip
    assert not any(name.startswith("on") or "href" in name for element in picture.iter() for name in element.attrib)
    assert not re.search(r"\b(nan|inf)\b", " ".join(v for e in picture.iter() for v in e.attrib.values()))
    return picture


def curve(picture):
    (line,) = picture.iter(f"{SVG}polyline")
    return [tuple(map(float, point.split(","))) for point in line.get("points").split()]


def loss_labels(picture):
    """The numbers beside the loss axis, with how high each stands."""
    return [(float(text.get("y")), float(text.text)) for text in picture.iter(f"{SVG}text") if text.get("text-anchor") == "end"]


# -- the loss ----------------------------------------------------------------------------------------------------------------


def test_the_line_has_a_point_for_each_epoch_and_falls_with_the_loss():
    points = curve(parsed(plots.loss_curve([1.0, 0.1, 0.01])))
    assert len(points) == 3
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    assert steps[0] == pytest.approx(steps[1], abs=0.11)  # a decade is as high as the next
    assert all(dx > 0 and dy > 0 for dx, dy in steps)


def test_the_marks_on_the_axis_stand_where_their_numbers_lie():
    picture = parsed(plots.loss_curve([2.0, 0.5, 0.03]))
    points = curve(picture)
    slope = (points[2][1] - points[0][1]) / (math.log10(0.03) - math.log10(2.0))
    labels = loss_labels(picture)
    assert len(labels) >= 2
    for y, number in labels:
        assert y - 4 == pytest.approx(points[0][1] + slope * (math.log10(number) - math.log10(2.0)), abs=0.3)


def test_the_title_says_it_in_words():
    assert parsed(plots.loss_curve([2.0, 0.5])).find(f"{SVG}title").text == "Loss over 2 epochs, from 2 to 0.5"


@pytest.mark.parametrize("loss", [[], [math.nan], [math.inf, -math.inf], [0.0, 0.0], [-1.0]])
def test_nothing_to_show_is_said(loss):
    picture = parsed(plots.loss_curve(loss))
    assert not list(picture.iter(f"{SVG}polyline"))
    assert "nothing to show" in picture.find(f"{SVG}title").text


@pytest.mark.parametrize(
    ("loss", "shown"),
    [
        ([0.7], 1),
        ([0.7] * 5, 5),
        ([1.0, math.nan, 0.5], 2),
        ([math.inf, 1.0, 0.5, 0.0], 2),
        ([1e-9, 1e9], 2),
        (list(np.linspace(1, 0.1, 5000)), 5000),
    ],
    ids=["one epoch", "constant", "nan", "inf and 0", "wide", "many"],
)
def test_every_loss_that_can_be_shown_is(loss, shown):
    points = curve(parsed(plots.loss_curve(loss)))
    assert len(points) == shown
    assert all(0 <= x <= 460 and 0 <= y <= 300 for x, y in points)


@given(st.lists(st.floats(), max_size=20))
@example([1e308, 1e-308])
@example([1.7e308])
@example([5e-324])
@example([5e-324, 1.0])
def test_no_numbers_are_too_odd_for_a_picture(loss):
    parsed(plots.loss_curve(loss))


@pytest.mark.parametrize("low", [1e-3, 1e-8, 1e-16, 1e-30, 1e-100, 1e-300])
def test_marks_on_the_axis_leave_room_for_each_other(low):
    heights = sorted(y for y, _ in loss_labels(parsed(plots.loss_curve([1.0, low]))))
    assert len(heights) >= 2
    assert min(b - a for a, b in pairwise(heights)) >= 11  # pixels; the letters are 12 high


@pytest.mark.parametrize("epochs", [1, 2, 7, 40, 60, 1000])
def test_epochs_are_marked_with_whole_numbers(epochs):
    texts = [t.text for t in parsed(plots.loss_curve([1.0] * epochs)).iter(f"{SVG}text") if t.get("text-anchor") == "middle"]
    marks = [int(text) for text in texts if text.isdecimal()]
    assert 1 <= len(marks) <= 8
    assert marks == sorted(set(marks))
    assert marks[0] >= 1
    assert marks[-1] <= epochs


# -- what the model says where -----------------------------------------------------------------------------------------------


def a_map(answers, classes=("no", "yes"), names=("width", "height"), x=None, y=None):
    x = np.array([[0.0, 0.0], [1.0, 1.0]]) if x is None else x
    y = np.arange(len(x)) % len(classes) if y is None else y
    return plots.decision_map(np.asarray(answers, dtype=float), (-1.0, 2.0, -1.0, 2.0), x, y, names, classes)


def half(rows=6, columns=8):
    """Sure of the second class on the right, of the first on the left."""
    return np.tile(np.linspace(0, 1, columns), (rows, 1))


def test_the_map_shows_ground_border_examples_and_names():
    picture = parsed(a_map(half()))
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"width", "height"} <= set(texts)
    assert (
        len(list(picture.iter(f"{SVG}circle"))) == 2
    )  # the example of class 0, and its mark in the legend; class 1 has triangles
    (border,) = [path for path in picture.iter(f"{SVG}path") if path.get("fill") == "none"]
    xs = [float(x) for x in re.findall(r"[ML]([\d.]+),", border.get("d"))]
    assert xs == pytest.approx([58 + (460 - 58 - 16) / 2] * len(xs), abs=0.2)  # where the answer is a half: in the middle
    assert len(xs) == 2 * 5


def test_a_model_that_always_says_the_same_has_no_border():
    for answer in (0.0, 1.0, 0.5, 0.49):
        picture = parsed(a_map(np.full((4, 5), answer)))
        (border,) = [path for path in picture.iter(f"{SVG}path") if path.get("fill") == "none"]
        assert border.get("d") == ""


def test_the_first_row_lies_at_the_bottom():
    answers = np.zeros((2, 4))
    answers[1] = 1.0
    ground = list(parsed(a_map(answers)).find(f"{SVG}g").iter(f"{SVG}rect"))
    assert len(ground) == 2
    assert float(ground[0].get("y")) > float(ground[1].get("y"))
    assert ground[0].get("fill") != ground[1].get("fill")


def test_equal_answers_beside_each_other_are_one_rectangle():
    answers = np.zeros((3, 80))
    answers[:, 40:] = 2
    picture = parsed(a_map(answers, classes=("a", "b", "c")))
    assert len(list(picture.find(f"{SVG}g").iter(f"{SVG}rect"))) == 6


def test_fifty_classes_are_drawn():
    x = np.random.default_rng(0).uniform(-1, 2, (50, 2))
    picture = parsed(a_map(np.arange(50).reshape(5, 10), classes=[str(i) for i in range(50)], x=x))
    shapes = [e for e in picture if e.get("stroke") == "#ffffff"]
    assert len(shapes) == 50 + 6  # and those of the legend


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_features_stay_text(name):
    picture = parsed(a_map(half(), names=(name, name), classes=(name, "other")))
    assert sum(element.tag == f"{SVG}text" for element in picture.iter()) >= 2
