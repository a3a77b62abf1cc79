"""A leaf is changed in the page, without a kernel: by typing, by dragging; and what that shows of a gradient."""

import re

import pytest

import autograd as ag
from autograd import Value
from viz.diagram import number
from viz.stepper import step

from .live import differences, expected, in_page, neuron, show

pytestmark = pytest.mark.browser

START = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.8813735870195432}


def choose(page, name):
    page.get_by_label("leaf").select_option(name)


def type_in(page, value):
    field = page.get_by_label("its value", exact=True)
    field.click()
    page.keyboard.press("Control+A")
    page.keyboard.type(value)


def books(page):
    return page.locator(".edit output").inner_text()


def all_is_as_in(page, stepper):
    assert not differences(in_page(page, "all(hosts[0])"), expected(stepper))


def gradient(name, **leaves):
    root = neuron(**leaves)
    root.backward()
    (leaf,) = [node for node in step(root).walk.nodes if node.label == name]
    return leaf.grad


@pytest.fixture
def stepper(page):
    stepper = step(neuron())
    show(page, stepper)
    return stepper


def test_every_leaf_can_be_chosen_and_no_constant(page):
    x, y = Value(2.0, label="x"), Value(4.0)
    show(page, step(x * 3 + y + Value(1.0, label="c").detach()))
    assert page.get_by_label("leaf").locator("option").all_text_contents() == ["x", "v3"]


def test_typing_a_value_computes_every_step_again(page, stepper):
    for name, value in (("w1", "-2.75"), ("x2", "1e-3"), ("b", "7")):
        choose(page, name)
        type_in(page, value)
    all_is_as_in(page, step(neuron(w1=-2.75, x2=1e-3, b=7.0)))


def test_each_key_typed_counts_and_what_is_no_number_waits(page, stepper):
    choose(page, "x1")
    type_in(page, "-1.5")
    all_is_as_in(page, step(neuron(x1=-1.5)))
    for unfinished in ("-", "", "-.", "1e999"):
        type_in(page, "3")
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(unfinished)
        all_is_as_in(page, step(neuron(x1=3.0)))


def test_dragging_computes_every_step_again(page, stepper):
    choose(page, "w1")
    track = page.get_by_label("its value, to drag").bounding_box()
    middle = track["x"] + track["width"] / 2, track["y"] + track["height"] / 2
    seen = set()
    page.mouse.move(*middle)
    page.mouse.down()
    for dx in (5, 10, 20, 30):
        page.mouse.move(middle[0] + dx, middle[1])
        seen.add(books(page))
    page.mouse.up()
    value = float(page.get_by_label("its value", exact=True).input_value())
    assert len(seen) == 4
    assert -3 < value < 3
    all_is_as_in(page, step(neuron(w1=value)))


def test_a_leaf_is_chosen_by_a_click_on_its_box(page, stepper):
    choose(page, "b")
    page.get_by_role("button", name=re.compile("^w2;")).click()
    assert page.get_by_label("leaf").input_value() == "4"
    assert page.get_by_label("its value", exact=True).input_value() == "1"


def test_reset_brings_back_what_python_told(page, stepper):
    for name, value in (("w1", "5"), ("x1", "5")):
        choose(page, name)
        type_in(page, value)
    assert differences(in_page(page, "all(hosts[0])"), expected(stepper))
    page.get_by_role("button", name="reset").click()
    all_is_as_in(page, stepper)
    assert books(page) == ""
    assert page.get_by_label("its value", exact=True).input_value() == "2"


def test_an_edit_stays_where_the_view_stands(page, stepper):
    in_page(page, "stand(hosts[0], 9)")
    type_in(page, "1")
    assert page.locator(".place").inner_text().startswith("9 of")
    assert page.locator(".words").inner_text() == step(neuron(x1=1.0)).sentences[8]


def test_seed_and_earlier_gradients_are_kept(page):
    root, edited = neuron(), neuron(w1=-2.5)
    for result in (root, edited):
        leaves = [node for node in step(result).walk.nodes if not node.op]
        for i, leaf in enumerate(leaves):
            leaf._grad = float(i)
    show(page, step(root, grad=-2.0, accumulate=True))
    choose(page, "w1")
    type_in(page, "-2.5")
    all_is_as_in(page, step(edited, grad=-2.0, accumulate=True))


def test_an_operand_that_an_edit_lets_win_gets_the_gradient(page):
    def extreme(x):
        values = [Value(v, label=name) for name, v in (("x", x), ("y", 2.0), ("z", -1.0))]
        return ag.max_n(*values) * ag.min_n(*values)

    show(page, step(extreme(1.0)))
    for value in (3.0, 2.0, -5.0):
        type_in(page, str(value))
        all_is_as_in(page, step(extreme(value)))


# -- the difference by hand ----------------------------------------


@pytest.mark.parametrize(("name", "value"), [("x1", 2.1), ("w1", -2.9), ("b", 0.5), ("x2", 1e-4)])
def test_the_books_compare_with_a_difference_that_python_makes(page, stepper, name, value):
    choose(page, name)
    type_in(page, str(value))
    moved, grad = value - START[name], gradient(name)
    rise = neuron(**{name: value}).data - neuron().data
    assert books(page) == (
        f"Δo = {number(rise)}, grad·Δ{name} = {number(grad * moved)}; "
        f"Δo/Δ{name} = {number(rise / moved)}, ∂o/∂{name} = {number(grad)}"
    )


def test_of_several_leaves_the_books_have_the_sum(page, stepper):
    for name, value in (("x1", "2.1"), ("b", "7")):
        choose(page, name)
        type_in(page, value)
    rise = neuron(x1=2.1, b=7.0).data - neuron().data
    by = gradient("x1") * (2.1 - 2.0) + gradient("b") * (7.0 - START["b"])
    assert books(page) == f"Δo = {number(rise)}, Σ grad·Δ = {number(by)}"


def test_the_smaller_the_step_the_nearer_the_difference_is_to_the_gradient(page, stepper):
    choose(page, "w1")
    off = []
    for digits in range(1, 6):
        type_in(page, str(-3 + 10**-digits))
        difference, derivative = [float(x) for x in re.findall(r"(?:Δo/Δw1|∂o/∂w1) = ([-\d.e]+)", books(page))]
        off.append(abs(difference / derivative - 1))
    assert off == sorted(off, reverse=True)
    assert off[0] > 0.05
    assert off[-1] < 1e-3


def test_negative_numbers_stand_in_parentheses_where_python_puts_them(page):
    def root(x):
        x = Value(x, label="x")
        return -x + x**2

    show(page, step(root(3.0)))
    type_in(page, "-3")
    all_is_as_in(page, step(root(-3.0)))
    assert "(-3) ** 2" in in_page(page, "all(hosts[0])[1].words")
