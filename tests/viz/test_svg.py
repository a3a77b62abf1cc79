"""The picture as SVG: well-formed, safe, stable, readable without colour."""

import re
from xml.etree import ElementTree

import pytest

from autograd import Value
from viz import draw

from .elsewhere import outputs

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><b>",
    "]]>",
    "a\nb\tc",
    "\x00\x08\x1b\ud800\ufffe",
    "\u202eevil\u2066",
    "&amp;&#0;",
    "é🙂漢∂",
]
SVG = "{http://www.w3.org/2000/svg}"


def example():
    x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    z = x * y + 1
    z.label = "z"
    z.backward()
    return z


@pytest.mark.parametrize("label", [*HOSTILE, "long " * 2_000])
def test_a_label_stays_text(label):
    x = Value(1.0, label=label)
    picture = ElementTree.fromstring(draw(x * x).svg)
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} == {
        "svg",
        "title",
        "desc",
        "rect",
        "g",
        "path",
        "text",
    }
    assert not any(name.startswith("on") or "href" in name for element in picture.iter() for name in element.attrib)
    shown = [element.text for element in picture.iter(f"{SVG}text") if element.get("font-weight") == "bold"]
    assert len(shown) == 2
    assert shown[0] == draw(x).diagram.boxes[0].label


def test_the_same_graph_gives_the_same_bytes_in_another_process():
    program = (
        "from autograd import Value; from viz import draw; x = Value(2.0, label='x'); y = x * x + x.tanh() / 3; "
        "import sys; sys.stdout.buffer.write(draw(y).svg.encode())"
    )
    first, second = outputs(program)
    assert first == second != b""


def test_a_value_used_twice_has_two_lines():
    x = Value(3.0)
    lines = re.findall(r'<path d="([^"]*)"', draw(x * x).svg)
    assert len(set(lines)) == 2


def test_numbers_have_four_significant_digits():
    shown = [element.text for element in ElementTree.fromstring(draw(Value(-1234.5678)).svg).iter(f"{SVG}text")]
    assert shown == ["data", "-1235", "grad", "0"]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), -0.0, 1e-300])
def test_any_float_can_be_drawn(number):
    ElementTree.fromstring(draw(Value(number)).svg)


def test_it_says_what_it_shows_to_who_cannot_see_it():
    picture = ElementTree.fromstring(draw(example()).svg)
    told = "Computation graph of z = v2 + 1: 5 nodes, 2 operations; data -5, grad 1"
    assert (picture.get("role"), picture.get("aria-label"), picture[0].text) == ("img", told, told)


def test_kinds_differ_without_colour():
    boxes = [e for e in ElementTree.fromstring(draw(example()).svg).iter(f"{SVG}rect") if e.get("stroke")]
    looks = {(e.get("rx"), e.get("stroke-width"), e.get("stroke-dasharray")) for e in boxes}
    assert len(looks) == 3


def test_it_brings_its_own_ground_and_loads_nothing():
    picture = draw(example()).svg
    ground = ElementTree.fromstring(picture)[2]
    assert (ground.get("fill"), ground.get("width")) == ("#ffffff", ElementTree.fromstring(picture).get("width"))
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"<style|<script|\bid=|url\(", picture)


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("#1b2430", "#eaf3fa"),
        ("#566170", "#eaf3fa"),
        ("#566170", "#f5f5f4"),
        ("#9a3c00", "#fdf0e6"),
        ("#64748b", "#ffffff"),
        ("#0072b2", "#ffffff"),
    ],
)
def test_colours_in_use_have_contrast(ink, ground):
    picture = draw(example()).svg
    assert ink in picture
    assert ground in picture
    assert (luminance(ground) + 0.05) / (luminance(ink) + 0.05) >= 4.5
