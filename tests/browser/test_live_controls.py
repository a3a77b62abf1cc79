"""Every control and every key of the live view."""

import re

import pytest

from viz.stepper import step

from .live import in_page, neuron, show

pytestmark = pytest.mark.browser

BUTTONS = [
    "first step (home)",
    "back to the breakpoint before",
    "one step back (left arrow)",
    "play or pause (space)",
    "one step on (right arrow)",
    "on to the next breakpoint",
    "last step (end)",
]


@pytest.fixture
def stepper(page):
    """A neuron of ten nodes, with a breakpoint on b: it shows step 1 of 11."""
    stepper = step(neuron(), breakpoints=["b"])
    show(page, stepper)
    return stepper


def at(page, host=0):
    """The number of the step that is shown; words, place and slider agree on it."""
    view = page.locator("[data-stepgrad]").nth(host)
    number = int(view.locator(".track input").input_value())
    assert view.locator(".place").inner_text().startswith(f"{number} of ")
    assert view.locator(".words").inner_text() == view.locator("li").all_text_contents()[number - 1]
    return number


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def stand(page, number):
    in_page(page, "hosts.forEach(host => stand(host, argument))", number)


def box(page, name):
    """The box of a node, by the beginning of what a screen reader says of it."""
    return page.get_by_role("button", name=re.compile(f"^{name}( =|;)"))


# -- buttons and slider ----------------------------------------


def test_the_buttons_are_these(page, stepper):
    bar = page.locator(".bar")
    assert [button.get_attribute("aria-label") for button in bar.get_by_role("button").all()] == BUTTONS
    assert all(button.bounding_box()["width"] >= 24 for button in bar.get_by_role("button").all())  # WCAG 2.2, 2.5.8


def test_each_button_moves_as_the_stepper_does(page, stepper):
    presses = [("last step", stepper.last), ("first step", stepper.first), ("one step on", stepper.next)]
    presses += [("on to the next breakpoint", stepper.run)] * 4
    presses += [("one step back", stepper.back), ("one step on", stepper.next), ("one step on", stepper.next)]
    presses += [("back to the breakpoint", stepper.run_back)] * 3 + [("one step back", stepper.back)] * 2
    for name, move in presses:
        page.locator(f".bar [aria-label^='{name}']").click()
        move()
        assert at(page) == stepper.at, name


def test_without_breakpoints_there_are_no_buttons_for_them(page):
    show(page, step(neuron()))
    assert page.locator(".bar button").count() == len(BUTTONS) - 2
    assert page.locator(".marks i").count() == 0


def test_the_slider_is_dragged(page, stepper):
    track = page.locator(".track input").bounding_box()
    y = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + 8, y)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] / 2, y, steps=5)
    assert at(page) == 6
    page.mouse.move(track["x"] + track["width"], y, steps=5)
    page.mouse.up()
    assert at(page) == 11


def test_breakpoints_are_marked_on_the_slider_and_in_words(page, stepper):
    track = page.locator(".track input").bounding_box()
    for number, mark in zip(stepper.hits, page.locator(".marks i").all(), strict=True):
        middle = mark.bounding_box()["x"] + 5
        assert middle == pytest.approx(track["x"] + 8 + (track["width"] - 16) * (number - 1) / 10, abs=1)
    for number in range(1, 12):
        stand(page, number)
        assert ("breakpoint" in page.locator(".place").inner_text()) == (number in stepper.hits)


# -- keys ----------------------------------------


@pytest.mark.parametrize("focus", [".stage", ".track input", ".bar button >> nth=0", "[role=button] >> nth=2"])
def test_keys_step_wherever_the_focus_is(page, stepper, focus):
    page.locator(focus).focus()
    for key, wanted in [("End", 11), ("ArrowLeft", 10), ("ArrowLeft", 9), ("Home", 1), ("ArrowLeft", 1), ("ArrowRight", 2)]:
        press(page, key)
        assert at(page) == wanted


def test_keys_move_nothing_else_in_the_page(page, stepper):
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div style=height:3000px>')")
    page.evaluate("heard = []; addEventListener('keydown', event => heard.push(event.key))")
    page.locator(".stage").focus()
    press(page, "End", "Home", " ", " ", "ArrowRight", "x")
    assert page.evaluate("[scrollY, heard]") == [0, ["x"]]


@pytest.mark.parametrize("modifier", ["Alt", "Control", "Meta", "Shift"])
def test_keys_with_a_modifier_are_left_alone(page, stepper, modifier):
    page.evaluate("addEventListener('keydown', event => { stopped = event.defaultPrevented; event.preventDefault() })")
    stand(page, 5)
    page.locator(".stage").focus()
    for key in ("ArrowRight", "ArrowLeft", "Home", "End"):
        press(page, f"{modifier}+{key}")
        assert not page.evaluate("stopped")
    assert at(page) == 5


def test_keys_are_not_stolen_from_who_types(page, stepper):
    stand(page, 5)
    page.get_by_label("its value", exact=True).focus()
    press(page, "End", "ArrowLeft", "Home", "ArrowRight", "Delete", "5")  # of "2", the end
    press(page, "Home", "-")
    assert page.get_by_label("its value", exact=True).input_value() == "-25"
    page.get_by_label("leaf").focus()
    press(page, "End", "Home")
    page.get_by_label("its value, to drag").focus()
    press(page, "ArrowRight", "Home")
    assert page.locator(".track input").input_value() == "5"


# -- boxes ----------------------------------------


@pytest.mark.parametrize("how", ["click", "Enter", " "])
def test_a_box_leads_to_the_next_step_that_has_to_do_with_it(page, stepper, how):
    for name, node in (("b", "b"), ("o", "o"), ("x1", "x1"), ("v5", stepper.walk.nodes[5])):
        for start in (4, 11):
            stand(page, start)
            stepper.goto(start)
            target = box(page, name)
            for _ in range(2):
                if how == "click":
                    target.click()
                else:
                    target.press(how)
                stepper.goto(node)
                assert at(page) == stepper.at


def test_a_constant_is_no_button(page):
    show(page, step(neuron() + 1))
    assert page.locator(".stage [role=button]").count() == 11
    assert page.locator(".stage [role=img]").all_text_contents() == ["1data1"]


# -- play ----------------------------------------


def test_it_plays_to_the_next_breakpoint_as_python_does(page, stepper, capsys):
    page.clock.install()
    page.locator(".stage").focus()
    press(page, " ")
    for wanted in (2, 3, 4):
        page.clock.run_for(900)
        assert at(page) == wanted
    page.clock.run_for(20_000)
    assert at(page) == stepper.play().number == 8


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_play_pauses_and_begins_again_from_the_end(page, motion):
    page.emulate_media(reduced_motion=motion)
    show(page, step(neuron()))
    page.clock.install()
    play = page.locator("[aria-label^=play]")
    triangle = play.locator("path").get_attribute("d")
    play.click()
    assert play.locator("path").get_attribute("d") != triangle
    page.clock.run_for(1_900)
    play.click()
    page.clock.run_for(5_000)
    assert at(page) == 3
    assert play.locator("path").get_attribute("d") == triangle
    stand(page, 11)
    play.press(" ")
    assert at(page) == 1
    page.clock.run_for(20_000)
    assert at(page) == 11
    assert play.locator("path").get_attribute("d") == triangle


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
def test_motion_is_reduced_on_request(page, stepper, motion, moves):
    page.emulate_media(reduced_motion=motion)
    page.set_viewport_size({"width": 400, "height": 700})
    moving = page.locator(".stage rect").first.evaluate("rect => getComputedStyle(rect).transitionDuration")
    assert (moving != "0s") == moves
    page.evaluate("Element.prototype.scrollBy = options => { asked = options.behavior }, 0")
    stand(page, 6)
    assert page.evaluate("asked") == ("smooth" if moves else "auto")


# -- more than one ----------------------------------------


def test_two_views_of_one_graph_and_one_of_another_are_independent(page):
    one = step(neuron(), breakpoints=["b"])
    show(page, one, one, step(neuron(x1=1.0)))
    assert page.locator(".view").count() == 3
    page.locator(".stage").nth(1).focus()
    press(page, "ArrowRight", "ArrowRight")
    page.locator(".stage").nth(2).focus()
    press(page, "End")
    assert [at(page, host) for host in range(3)] == [1, 3, 11]
    in_page(page, "edit(hosts[0], 0, 7)")
    assert in_page(page, "hosts.map(host => seen(host).data[0])") == ["7", "2", "1"]


def test_an_output_put_in_twice_at_once_comes_to_life_twice(page):
    """As where a notebook shows one output in two places: the markup first, its scripts afterwards."""
    show(page, step(neuron()))
    page.evaluate(
        """() => {
          const main = document.querySelector("main"), output = main.innerHTML;
          main.innerHTML = output + output;
          main.querySelectorAll("[data-ready]").forEach(host => host.removeAttribute("data-ready"));
          for (const old of main.querySelectorAll("script")) {
            const fresh = document.createElement("script");
            fresh.textContent = old.textContent;
            old.replaceWith(fresh);
          }
        }"""
    )
    assert page.locator(".view").count() == 2
    page.locator(".stage").nth(1).focus()
    press(page, "End")
    assert [at(page, host) for host in range(2)] == [1, 11]


def test_a_saved_page_needs_nothing_else(page, stepper, tmp_path):
    stepper.save(tmp_path / "steps.html")
    page.goto((tmp_path / "steps.html").as_uri())
    page.locator(".stage").focus()
    press(page, "End")
    assert at(page) == 11
    assert page.title() == stepper.title


def test_the_view_opens_where_the_stepper_stands(page):
    stepper = step(neuron())
    stepper.goto(9)
    page.set_content(stepper.to_html())
    assert page.locator(".words").inner_text() == stepper.told
