"""Labels on edges: the local derivative, the contribution, in every format, and where they can be read."""

import re
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd import PRIMITIVES, DomainError, StaleGraphError, Tensor, Value
from viz import draw
from viz.diagram import describe
from viz.svg import Marks, stage, text_width

from ...benchmarks.bench_layout import perceptron

SVG = "{http://www.w3.org/2000/svg}"


def neuron():
    """13 nodes, as in micrograd's lecture."""
    x1, x2, w1, w2, b = (Value(v, label=name) for name, v in {"x1": 2.0, "x2": 0.5, "w1": -3.0, "w2": 1.0, "b": 6.5}.items())
    o = (x1 * w1 + x2 * w2 + b).tanh()
    loss = (o - 1) ** 2
    loss.backward()
    return loss


def spelled_out():
    loss = perceptron((2, 5, 1))
    loss.backward()
    return loss


def wide():
    xs = [Value(float(i), label=f"x{i}") for i in range(25)]
    y = PRIMITIVES["weighted_sum"].call(*xs)
    y.backward()
    return y


def with_constants():
    y = nn.Dense(6, 1, rng=0)([0.5] * 6)[0]
    y.backward()
    return y


def folded():
    data = nn.data.moons(20, rng=0)
    model = nn.MLP(2, [8, 4, 1], rng=0)
    loss = nn.mse(model(data.x), data.y) + 0.1 * sum(p * p for p in model.parameters())
    loss.backward()
    return loss


def test_an_edge_is_labelled_with_its_partial_and_its_contribution():
    x, y = Value(3.0, label="x"), Value(-2.0, label="y")
    z = x * y
    z.label = "z"
    (z * 5).backward()
    shown = {edges: draw(z, edges=edges).text().splitlines()[3:] for edges in ("partials", "contributions", "both")}
    assert shown == {
        "partials": ["    x: ×-2", "    y: ×3"],
        "contributions": ["    x: += -10", "    y: += 15"],
        "both": ["    x: ×-2, += -10", "    y: ×3, += 15"],
    }
    assert draw(z, edges="none").text() == draw(z).text()


def test_every_format_has_the_labels():
    drawing = draw(neuron(), edges="both")
    shown = [e.text for e in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text") if (e.text or "").startswith("×")]
    assert len(shown) == 11  # no gradient flows to the two constants
    for label in shown:
        assert f": {label}\n" in drawing.text() + "\n"
        assert f'label="{label}"' in drawing.to_dot()
    assert shown[0] in drawing.to_html()


def test_an_operand_used_twice_has_two_labels():
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    assert draw(y, edges="both").text().splitlines()[2:] == ["    x: ×3, += 3", "    x: ×3, += 3"]


def test_arrays_are_labelled_with_their_norms_and_what_mixes_elements_by_name():
    x, w = Tensor([[3.0, 4.0]], label="x"), Tensor([[1.0], [1.0]], label="w")
    y = (x * 2.0) @ w
    y.backward(np.ones((1, 1)))
    lines = draw(y, edges="both").text().splitlines()
    assert "    w: vjp, += ‖10‖" in lines
    assert "    x: ×2, += ‖2.828‖" in lines


def test_no_label_overlaps_a_box_or_another_label():
    cases = [(neuron(), {}), (spelled_out(), {}), (wide(), {}), (with_constants(), {})]
    cases += [(folded(), {"depth": 1}), (folded(), {"expand": "layers.0"})]
    for root, options in cases:
        drawing = draw(root, edges="both", **options)
        marks = Marks(labels={i: label.short for i, label in drawing.labels.items()})
        check_room(stage(drawing.diagram, [marks]), marks)


def check_room(staged, marks):
    boxes = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (x, y), (w, h) in zip(staged.layout.centres, staged.sizes, strict=True)
    ]
    labels = []
    for i, label in marks.labels.items():
        x, y = staged.layout.lines[i][-1]
        labels.append((x - 9 - text_width(label, 10.5), y - 12, x - 9, y - 2))
    assert labels
    for a, b in [*combinations(labels, 2), *((label, box) for label in labels for box in boxes)]:
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)


def test_the_check_for_room_finds_labels_that_overlap():
    diagram = describe(wide())
    marks = Marks(labels=dict.fromkeys(range(25), "×1, += 1"))
    with pytest.raises(AssertionError):
        check_room(stage(diagram), marks)  # set up without labels


def test_labels_stand_on_a_straight_stretch_of_their_line():
    drawing = draw(spelled_out(), edges="both")
    marks = Marks(labels={i: label.short for i, label in drawing.labels.items()})
    layout = stage(drawing.diagram, [marks]).layout
    for i, label in marks.labels.items():
        (x, y), (u, v) = layout.lines[i][-2:]
        assert y == v
        assert u - x >= text_width(label, 10.5)


def test_a_small_picture_without_labels_is_as_ever():
    plain = draw(neuron())
    assert plain.svg == draw(neuron(), fold=None, edges="none").svg
    assert "paint-order" not in plain.svg


def test_what_backward_refuses_is_refused_if_it_was_asked_for():
    x = Value(2.0, label="x")
    y = x * x
    y.backward()
    x.data = 3.0
    with pytest.raises(StaleGraphError, match="leaf 'x' was written"):
        draw(y, edges="contributions")
    assert draw(y, fold=True).labels == {}
    root = Value(0.0) ** 0.5
    root.grad = 1.0
    with pytest.raises(DomainError):
        draw(root, edges="both")
    assert draw(root, fold=True).labels == {}


def test_what_to_label_with_is_checked():
    with pytest.raises(ValueError, match="edges is 'partials', 'contributions', 'both', 'none' or 'auto', not 'all'"):
        draw(Value(1.0), edges="all")


def test_a_folded_edge_tells_how_many_it_stands_for():
    lines = draw(folded(), depth=1).text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("layers.1 = "))
    assert re.fullmatch(r"    layers\.0: \+= Σ \S+ of 640, from \S+ to \S+, mean \S+", lines[at + 1])
