"""Local derivatives as formulas: right, and only where they say something."""

import math

import numpy as np
import pytest

from autograd import Tensor, Value, add_n, gelu, maximum
from viz.steps import walk
from viz.writing.slopes import slopes

from ..graphs import random_graph
from ..test_svg import HOSTILE


@pytest.mark.parametrize("seed", range(60))
def test_a_formula_gives_the_number_of_its_edge(seed):
    values, _ = random_graph(np.random.default_rng(seed))
    walked = walk(values[-1])
    numbers = {f"v{key}": node.data for key, node in enumerate(walked.nodes)}
    told = slopes(walked)

    for step in walked.steps:
        for c in step.contributions:
            if text := told.get((step.key, c.position)):
                assert eval(text, dict(vars(math)), numbers) == pytest.approx(
                    c.local, rel=2e-3, abs=1e-12
                )  # constants have 4 digits


def test_the_check_would_see_another_formula():
    x = Value(0.5)
    (text,) = slopes(walk(x.tanh())).values()
    assert eval(text, {}, {"v1": math.tanh(0.5)}) != pytest.approx(1 - math.tanh(0.5), rel=2e-3)


@pytest.mark.parametrize(
    ("build", "texts"),
    [
        (lambda x, y: x.tanh(), {(1, 0): "1 - v1 * v1"}),
        (lambda x, y: x.exp(), {(1, 0): "v1"}),
        (lambda x, y: x / y, {(2, 0): "1 / y", (2, 1): "-v2 / y"}),
        (lambda x, y: x**3, {(2, 0): "3 * x ** 2"}),
        (lambda x, y: x.leaky_relu(), {(2, 0): "1 if x > 0 else 0.01"}),
        (lambda x, y: maximum(x, 0.0), {(2, 0): "1 if x > 0 else 0.5 if x == 0 else 0"}),
        (lambda x, y: x * y + 1.0 - 2.0 * y, {}),
        (lambda x, y: gelu(x) + add_n(x, y, x), {}),
    ],
    ids=["tanh", "exp", "division", "power", "leaky relu", "maximum", "factors and terms", "too long"],
)
def test_formulas_stand_where_the_number_does_not_say_it_all(build, texts):
    assert slopes(walk(build(Value(2.0, label="x"), Value(4.0, label="y")))) == texts


def test_an_op_of_arrays_has_the_same_formula_and_one_that_mixes_elements_none():
    t = Tensor([[0.5, 1.0], [2.0, 0.1]], label="t")
    assert slopes(walk((t @ t).tanh().sum())) == {(2, 0): "1 - v2 * v2"}
    assert slopes(walk((t**2).sum())) == {(2, 0): "2 * t ** 1"}


@pytest.mark.parametrize("label", [*HOSTILE, "z", "x0", "x1"])
def test_labels_are_put_in_as_they_are(label):
    x = Value(2.0, label=label)
    (text,) = slopes(walk(x.log())).values()
    name = walk(x).diagram.boxes[0].label or "v0"
    assert text == f"1 / {name}"
