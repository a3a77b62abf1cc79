"""Whatever a label says: nothing of it is run, nothing breaks, and it is shown as it is told."""

import pytest

from autograd import Value
from viz import draw
from viz.stepper import step
from viz.words import printable

from ..viz.test_svg import HOSTILE
from .live import differences, expected, in_page
from .watching import watched

pytestmark = pytest.mark.browser

LABELS = [
    *HOSTILE,
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "</li></ol></details><iframe srcdoc=x>",
    "${alert(1)}`",
    "\\u003c\\",
    "'+alert(1)+'",
    "x\u2028alert(1)\u2029",
    "long" * 2_500,
    "👩‍🔬🇪🇺",
    "\u202eabc\u2066def",
    "عربي",
    "__proto__",
    "",
    " ",
]


def graph(label, x=2.0):
    a, b = Value(x, label=label), Value(-3.0, label=label)
    root = (a * b + a).tanh() * 0.5
    root.label = label
    return root


def open_saved(page, picture, path):
    picture.save(path)
    page.goto(path.as_uri())


def test_a_label_stays_text(page, tmp_path):
    for label in LABELS:
        stepper = step(graph(label), breakpoints=[label])
        open_saved(page, stepper, tmp_path / "page.html")
        assert page.locator("script").count() == 1, label
        assert page.locator("iframe, img[onerror]").count() == 0, label
        assert not differences(in_page(page, "all(hosts[0])"), expected(stepper))
        in_page(page, "edit(hosts[0], 0, 1.5)")
        assert not differences(in_page(page, "all(hosts[0])"), expected(step(graph(label, 1.5))))
        titles = page.locator(".stage title").all_text_contents()
        assert sum(title.startswith(printable(label)) for title in titles) >= 3, label


def test_nor_does_a_drawing_run_it(page, tmp_path):
    for label in LABELS:
        open_saved(page, draw(graph(label)), tmp_path / "page.html")
        assert page.locator("script, iframe").count() == 0, label
        assert page.locator("svg").count() == 1, label


# -- the watch is awake ----------------------------------------


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("console.error('no')", "error: no"),
        ("console.warn('no')", "warning: no"),
        ("throw new Error('no')", "page error: no"),
        ("alert('no')", "dialog: no"),
        ("new Image().src = 'http://example.invalid/x.png'", "request: http://example.invalid/x.png"),
    ],
)
def test_a_planted_fault_is_seen(chromium, fault, seen):
    page = chromium.new_page()
    complaints = watched(page)
    page.set_content(f"<script>{fault}</script>")
    page.wait_for_timeout(50)
    page.close()
    assert seen in complaints


def test_a_script_that_fails_leaves_the_picture_and_the_text(chromium):
    stepper = step(graph("x"))
    page = chromium.new_page()
    complaints = watched(page)
    page.set_content(stepper.to_html().replace("attachShadow", "attachNothing"))
    assert page.locator("img").evaluate("img => img.naturalWidth") > 100
    page.locator("summary").click()
    assert page.locator("li").all_inner_texts() == list(stepper.sentences)
    page.close()
    assert len(complaints) == 1
    assert "the picture stays as it is" in complaints[0]
