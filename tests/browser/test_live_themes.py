"""Dark and light, small and large, and what a screen reader is told."""

import re

import pytest

from autograd import Tensor, Value
from viz.stepper import step

from .live import in_page, neuron, show

pytestmark = pytest.mark.browser

DARK, LIGHT = "rgb(20, 24, 29)", "rgb(255, 255, 255)"


def paper(page):
    """The ground of the view, once it is shown again."""
    page.locator(".stage").press("ArrowRight")
    return page.locator(".view").evaluate("view => getComputedStyle(view).backgroundColor")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_system_at_once(page, scheme):
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    show(page, step(neuron()))
    page.emulate_media(color_scheme=scheme)
    ground = page.locator(".view").evaluate("view => getComputedStyle(view).backgroundColor")
    assert ground == (DARK if scheme == "dark" else LIGHT)


@pytest.mark.parametrize(
    ("system", "mark", "ground"),
    [
        ("light", "document.body.dataset.jpThemeLight = 'false'", DARK),  # JupyterLab
        ("dark", "document.body.dataset.jpThemeLight = 'true'", LIGHT),
        ("light", "document.body.className = 'vscode-dark'", DARK),
        ("dark", "document.body.className = 'vscode-light'", LIGHT),
        ("light", "document.body.className = 'vscode-high-contrast'", DARK),
        ("dark", "document.body.className = 'vscode-high-contrast vscode-high-contrast-light'", LIGHT),
        ("light", "document.documentElement.setAttribute('theme', 'dark')", DARK),  # Colab
        ("light", "document.documentElement.className = 'dark'", DARK),  # marimo
        ("dark", "document.documentElement.className = 'light'", LIGHT),
    ],
)
def test_it_follows_the_notebook_rather_than_the_system(page, system, mark, ground):
    page.emulate_media(color_scheme=system)
    show(page, step(neuron()))
    page.evaluate(mark)
    assert paper(page) == ground


@pytest.mark.parametrize("width", [320, 600, 1000])
def test_nothing_juts_out_of_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    show(page, step(neuron(), breakpoints=["b"]))
    in_page(page, "edit(hosts[0], 0, 2.5)")
    for number in range(1, 12):
        in_page(page, "stand(hosts[0], argument)", number)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_slider_is_as_long_at_every_step(page):
    page.set_viewport_size({"width": 600, "height": 700})
    show(page, step(neuron(), breakpoints=["b"]))
    measure = "host => host.shadowRoot.querySelector('.track').getBoundingClientRect().width"
    assert len({in_page(page, f"(stand(hosts[0], argument), ({measure})(hosts[0]))", n) for n in range(1, 12)}) == 1


def test_the_box_at_work_comes_into_sight(page):
    page.set_viewport_size({"width": 400, "height": 700})
    stepper = step(sum((neuron(x1=i / 4) for i in range(4)), start=Value(0.0)))
    show(page, stepper)
    for number in range(1, len(stepper) + 1, 3):
        in_page(page, "stand(hosts[0], argument)", number)
        page.wait_for_function(
            """() => {
              const stage = document.querySelector("[data-stepgrad]").shadowRoot.querySelector(".stage");
              const parts = [stage, stage.querySelector("[stroke-width='3.5']")];
              const [room, box] = parts.map(part => part.getBoundingClientRect());
              return room.left <= box.left && box.right <= room.right && room.top <= box.top && box.bottom <= room.bottom;
            }"""
        )


# -- screen readers ----------------------------------------


def test_each_step_is_spoken_once(page):
    stepper = step(neuron(), breakpoints=["b"])
    show(page, stepper)
    live = page.locator("[aria-live]")
    assert live.count() == 1
    assert live.get_attribute("aria-live") == "polite"
    page.locator(".stage").press("End")
    assert live.inner_text() == stepper.sentences[-1]
    page.locator(".stage").press("Home")
    assert page.get_by_role("slider", name="step").get_attribute("aria-valuetext") == "1 of 11, forward"


def test_all_that_can_be_used_has_a_name_and_is_reached_by_tab(page):
    show(page, step(neuron() + 1, breakpoints=["b"]))
    focus = (
        "() => { const at = document.activeElement.shadowRoot?.activeElement; return at && (at.ariaLabel || at.textContent) }"
    )
    names = []
    while len(names) < 100 and (page.keyboard.press("Tab") or (name := page.evaluate(focus))):
        names.append(name)
    assert len(names) == 7 + 1 + 1 + 11 + 4  # buttons, slider, graph, nodes, editor
    assert "x1; data 2, grad not yet" in names
    assert page.get_by_role("group", name=re.compile("Backpropagation of v11 = o")).count() == 1


def test_what_is_at_work_and_what_is_not_yet_can_be_told_without_colour(page):
    show(page, step(neuron()))
    seen = in_page(page, "all(hosts[0])")
    assert all(len(state["strong"]) == 1 for state in seen)
    assert seen[0]["pale"]
    assert all(state["grads"][key] == "not yet" for state in seen[5:] for key in state["pale"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page, axe, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    array = Tensor([[1.0, 2.0], [3.0, 4.0]], label="w")
    show(page, step(neuron() * 2, breakpoints=["b"]), step((array @ array).sum()))
    page.evaluate("document.body.style.background = matchMedia('(prefers-color-scheme: dark)').matches ? '#111' : '#fff'")
    page.evaluate("document.body.style.color = matchMedia('(prefers-color-scheme: dark)').matches ? '#eee' : '#111'")
    page.locator("summary").first.click()
    for number in (1, 6, 8, 13):
        in_page(page, "hosts.forEach(host => stand(host, argument))", number)
        if number == 13:
            in_page(page, "edit(hosts[0], 0, 3)")
        assert axe() == []


def test_axe_finds_a_planted_fault(page, axe):
    show(page, step(Value(2.0, label="x") * 3))
    page.locator(".bar button").first.evaluate("button => { button.ariaLabel = null; button.title = '' }")
    assert "button-name" in axe()[0]
