"""Where the live view is used: a real JupyterLab, trusted and not, and the HTML that nbconvert makes."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import viz
from autograd import Value

from .watching import LOCAL, watched

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
TOKEN = "for-this-test-alone"
CELLS = [
    "from autograd import Value\nimport viz",
    "x, w = Value(2.0, label='x'), Value(-3.0, label='w')\no = (x * w + 7).tanh()\nviz.step(o, breakpoints=['x'])",
    "viz.draw(o)",
]


def run(command, home):
    """A module's command in an environment of its own, in the folder ``home``."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=home, env=environment(home), check=True, capture_output=True, timeout=100
    )


def environment(home):
    folders = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    return os.environ | folders | {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def home(chromium, tmp_path_factory):
    """A folder with a notebook that a real kernel has run, and copies of it that have not been run, or are trusted."""
    for module in ("jupyterlab", "nbconvert", "ipykernel"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    home = tmp_path_factory.mktemp("jupyter")
    cells = [
        {"cell_type": "code", "id": f"cell-{i}", "source": cell, "metadata": {}, "outputs": [], "execution_count": None}
        for i, cell in enumerate(CELLS)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    fresh = json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    (home / "fresh.ipynb").write_text(fresh)
    run(["nbconvert", "--to", "notebook", "--execute", "--output", "untrusted", "fresh.ipynb"], home)
    # Trust is of the contents: the copy must differ.
    (home / "trusted.ipynb").write_text((home / "untrusted.ipynb").read_text().replace("cell-0", "cell-trusted"))
    run(["jupyter", "trust", "trusted.ipynb"], home)
    return home


@pytest.fixture(scope="module")
def lab(home):
    """The address of a JupyterLab."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "IdentityProvider.token": TOKEN,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.allow_root": True,
        "ServerApp.root_dir": home,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
    }
    command = ["jupyterlab", "--no-browser", *[f"--{name}={setting}" for name, setting in settings.items()]]
    with (home / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", *command], cwd=home, env=environment(home), stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urlopen(f"{address}/api", timeout=1).close()
                break
            except (URLError, ConnectionError, TimeoutError):
                assert server.poll() is None, (home / "log").read_text()
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def notebook(chromium, lab):
    """Opens a notebook of ``home`` in JupyterLab. At the end, nothing may have been loaded, and nothing of ours have failed."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    complaints = watched(page, (*LOCAL, lab), ours=lambda message: "stepgrad" in message.text)

    def opened(name):
        workspace = name.removesuffix(".ipynb")  # of its own, for a workspace opens again what was open before
        page.goto(f"{lab}/lab/workspaces/{workspace}/tree/{name}?token={TOKEN}")
        page.locator(".jp-Notebook .jp-Cell").nth(2).wait_for()
        return page

    yield opened
    context.close()
    assert not complaints


def picture_and_text_are_left(cell):
    """The picture is seen, the steps are read, and no script has run."""
    picture = cell.locator("[data-stepgrad] > img, div > img").first
    picture.wait_for()
    assert picture.evaluate("async img => { await img.decode(); return img.naturalWidth }") > 100
    assert picture.bounding_box()["height"] > 50
    cell.locator("summary").first.click()
    assert cell.locator("li").first.inner_text() == "v2 = x * w = 2 * -3 = -6"
    assert cell.locator(".view").count() == 0


def it_is_live(view):
    view.wait_for()
    view.locator("[aria-label^='last step']").click()
    assert view.locator(".place").inner_text().startswith("7 of 7, backward")
    assert "w.grad += v2.grad" in view.locator(".words").inner_text()
    view.get_by_label("its value", exact=True).fill("1")
    assert "Δv5 = " in view.locator("output").inner_text()


def test_in_a_notebook_that_is_not_trusted_picture_and_text_are_left(notebook):
    page = notebook("untrusted.ipynb")
    cells = page.locator(".jp-Cell")
    picture_and_text_are_left(cells.nth(1))
    drawing = cells.nth(2).locator("img")
    assert drawing.evaluate("async img => { await img.decode(); return img.naturalWidth }") > 100


def test_in_a_notebook_that_is_trusted_it_is_live(notebook):
    page = notebook("trusted.ipynb")
    it_is_live(page.locator(".jp-Cell").nth(1).locator(".view"))


def test_once_run_it_is_live_and_keeps_its_keys(notebook):
    page = notebook("fresh.ipynb")
    page.get_by_text(re.compile(r"\| Idle$")).wait_for()  # the kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    view = page.locator(".jp-Cell").nth(1).locator(".view")
    page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea-output").wait_for()
    assert page.locator(".jp-Notebook [data-mime-type*=error]").all_inner_texts() == []
    it_is_live(view)

    page.locator(".jp-Cell").nth(2).locator("img").wait_for()
    cells = page.locator(".jp-Notebook .jp-Cell")
    before = cells.count(), page.locator(".jp-Cell.jp-mod-active").inner_text()
    view.locator("[aria-label^='first step']").focus()
    for key in ("Home", "a", "b", "j", "k", "d", "d", "x", "v", "ArrowDown", "ArrowUp", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert view.locator(".place").inner_text().startswith("3 of 7")
    page.keyboard.press("Enter")
    assert view.locator(".place").inner_text().startswith("1 of 7")
    view.locator("[role=button]").first.focus()
    for key in ("b", "Enter", "ArrowLeft", "d", "d"):
        page.keyboard.press(key)
    assert (cells.count(), page.locator(".jp-Cell.jp-mod-active").inner_text()) == before

    page.locator("[data-stepgrad]").evaluate("host => host.removeAttribute('data-lm-suppress-shortcuts')")  # a planted fault
    page.keyboard.press("b")
    cells.nth(before[0]).wait_for()


# -- pages made of a notebook ----------------------------------------


def test_in_colab_it_is_live_in_a_page_within_the_page(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    page.set_content(viz.step((x * w + 7).tanh())._repr_html_())
    it_is_live(page.frame_locator("iframe").locator(".view"))


def test_in_the_page_that_nbconvert_makes_it_is_live(home, chromium):
    run(["nbconvert", "--to", "html", "untrusted.ipynb"], home)
    page = chromium.new_page()
    elsewhere = re.compile("^https:")  # what nbconvert has of its own: require.js, MathJax
    page.route(elsewhere, lambda route: route.fulfill(body=""))
    complaints = watched(page, (*LOCAL, "https://cdnjs.cloudflare.com/"), ours=lambda message: "stepgrad" in message.text)
    page.goto((home / "untrusted.html").as_uri())
    it_is_live(page.locator(".view"))
    assert page.locator(".jp-Cell, .cell").last.locator("img").count() == 1
    page.close()
    assert not complaints


def test_where_nbconvert_cleans_up_the_transcript_can_be_read(home, page):
    run(["nbconvert", "--to", "html", "--HTMLExporter.sanitize_html=True", "--output", "clean", "untrusted.ipynb"], home)
    page.route(re.compile("^https:"), lambda route: route.fulfill(body=""))
    text = (home / "clean.html").read_text()
    page.set_content(re.sub(r"<script.*?</script>|<link[^>]*>", "", text, flags=re.DOTALL))
    assert page.locator(".view, [data-stepgrad] script").count() == 0
    assert "v2 = x * w = 2 * -3 = -6" in page.locator("body").inner_text()
