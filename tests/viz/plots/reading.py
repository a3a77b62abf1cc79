"""How tests read a plot: as XML, with the picture's rules checked on the way."""

import re
from itertools import combinations
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><b>",
    "]]>",
    "a\nb\tc",
    "\x00\x08\x1b\ud800\ufffe",
    "&amp;&#0;",
    "é🙂漢∂",
    "",
    "$x_{$",
    "_x",
]


def parsed(plot):
    """The picture as XML: only drawing elements, no script, no number that is none, below 30 KB, no words over words."""
    svg = plot.svg
    picture = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {
        "svg",
        "title",
        "rect",
        "g",
        "path",
        "text",
        "circle",
    }
    assert not any(name.startswith("on") or "href" in name or name == "id" for e in picture.iter() for name in e.attrib)
    assert not re.search(r"nan|inf\b", " ".join(v for e in picture.iter() for v in e.attrib.values()))
    assert len(svg.encode()) < 30_000
    boxes = [box(text) for text in picture.iter(f"{SVG}text") if text.text and "transform" not in text.attrib]
    for one, other in combinations(boxes, 2):
        assert not overlap(one, other), (one, other)
    assert all(left >= 0 and right <= float(picture.get("width")) + 8 for left, right, _, _, _ in boxes)
    return picture


def box(text):
    """About where words stand: left, right, top, bottom, at 6 pixels a letter; and the words."""
    x, y, wide = float(text.get("x")), float(text.get("y")), 6.0 * len(text.text)
    left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.get("text-anchor", "start")]
    return left, left + wide, y - 9, y + 2, text.text


def overlap(one, other):
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def texts(picture):
    return [text.text for text in picture.iter(f"{SVG}text")]


def lines(picture):
    """The curves: for each its points, and how it is drawn."""
    found = []
    for path in picture.iter(f"{SVG}path"):
        if path.get("stroke-linejoin") == "round":
            points = [tuple(map(float, point.split())) for point in re.findall(r"[\d.-]+ [\d.-]+", path.get("d"))]
            found.append((points, path.attrib))
    return found


def dots(picture):
    """Markers by colour, in pixels, without those in the legend: dots of a pen and outlines alike."""
    found = {}
    for path in picture.iter(f"{SVG}path"):
        colour = path.get("fill") if path.get("stroke") == "#ffffff" else path.get("stroke")
        wide = path.get("stroke-width")
        if (wide in ("7", "6", "2.5") and "stroke-linejoin" not in path.attrib) or (wide == ".8"):
            points = [tuple(map(float, p.split())) for p in re.findall(r"M([\d.-]+ [\d.-]+)", path.get("d"))]
            found.setdefault(colour, points)  # the legend is drawn last
    return found
