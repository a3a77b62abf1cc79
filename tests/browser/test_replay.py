"""The replay of a run in a browser: every key and control, two in one page, and less motion where it is wanted."""

import re

import pytest

import nn
from viz.replaying import replay

pytestmark = pytest.mark.browser


@pytest.fixture
def view():
    data = nn.data.moons(20, rng=0)
    model, record = nn.MLP(2, [4, 1], rng=0), nn.Record()
    nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, batch_size=10, rng=0, verbose=False, callbacks=[record])
    return replay(record)


@pytest.fixture
def two(page, view, tmp_path):
    """Both copies of the view in one page."""
    fragment = view._repr_html_()
    (tmp_path / "two.html").write_text(f"<!doctype html><meta charset=utf-8><body>{fragment}{fragment}", encoding="utf-8")
    page.goto((tmp_path / "two.html").as_uri())
    return page.locator("[data-stepgrad-replay]").all()


def test_every_key_and_control_moves_it(page, view, two):
    first, second = two
    said, slider, bars = (first.locator(part).first for part in ("p", "input", "[data-strip]"))
    assert said.inner_text() == view.told[19]  # the last with gradients
    slider.focus()
    page.keyboard.press("End")
    ended = bars.get_attribute("d")
    for key, moment in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 20), ("ArrowRight", 20)):
        page.keyboard.press(key)
        assert said.inner_text() == view.told[moment] == slider.get_attribute("aria-valuetext")
    assert bars.get_attribute("d") == ended
    slider.fill("5")
    assert said.inner_text() == view.told[5]
    assert bars.get_attribute("d") != ended
    assert second.locator("p").inner_text() == view.told[19]  # the other one did not move
    assert first.locator("details").is_visible()


def test_what_is_drawn_at_first_is_what_the_picture_shows(view, two):
    drawn = two[0].locator("[data-strip]").evaluate_all("paths => paths.map(path => path.getAttribute('d'))")
    numbers = [[float(n) for n in re.findall(r"-?[\d.]+", d)] for d in drawn]
    still = [[float(n) for n in re.findall(r"-?[\d.]+", d)] for d in re.findall(r'data-strip="" d="([^"]*)"', view.svg)]
    for live, picture in zip(numbers, still, strict=True):
        assert live == pytest.approx(picture, abs=0.11)
    mark = two[0].locator("[data-mark]").get_attribute("transform")
    assert f'transform="{mark}"' in view.svg


def test_it_keeps_its_keys_to_itself(page, two):
    page.evaluate("document.addEventListener('keydown', (event) => (document.title += event.key))")
    two[0].locator("input").focus()
    page.keyboard.press("Home")
    page.keyboard.press("x")
    assert page.title() == "x"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page, view, axe, tmp_path, scheme):
    page.emulate_media(color_scheme=scheme)
    view.save(tmp_path / "run.html")
    page.goto((tmp_path / "run.html").as_uri())
    page.locator("summary").click()
    assert axe() == []
    page.locator("button").click()
    assert axe() == []


def test_it_plays_to_the_end_in_silence_and_stops(page, two):
    first = two[0]
    said, button = first.locator("p"), first.locator("button")
    button.click()
    assert (button.inner_text(), said.get_attribute("aria-live")) == ("Pause", "off")
    page.wait_for_function("(p) => p.textContent.startsWith('Step 20')", arg=said.element_handle())
    page.wait_for_function("(b) => b.textContent === 'Play'", arg=button.element_handle())
    assert said.get_attribute("aria-live") == "polite"


def test_it_can_be_paused(page, two):
    button, slider = two[0].locator("button"), two[0].locator("input")
    button.click()
    page.wait_for_timeout(300)
    button.click()
    stood = slider.input_value()
    page.wait_for_timeout(300)
    assert slider.input_value() == stood != "20"


def test_it_plays_slowly_where_less_motion_is_wanted(page, two):
    page.emulate_media(reduced_motion="reduce")
    two[0].locator("button").click()
    page.wait_for_timeout(500)
    assert two[0].locator("input").input_value() == "0"


def test_where_something_is_wrong_the_picture_stays(page, view, tmp_path):
    broken = view._repr_html_().replace('data-stepgrad-replay="{', 'data-stepgrad-replay="', 1)
    (tmp_path / "broken.html").write_text(f"<!doctype html><meta charset=utf-8>{broken}", encoding="utf-8")
    page.add_init_script("console.warn = () => {}")  # it says so, which is expected here
    page.goto((tmp_path / "broken.html").as_uri())
    assert page.locator("img").is_visible()
