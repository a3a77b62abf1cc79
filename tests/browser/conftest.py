"""A real Chromium. Where it or playwright is absent, the tests of this room are skipped."""

import shutil

import pytest

from .watching import watched

ARGUMENTS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
]


@pytest.fixture(scope="module")  # while it runs, nothing else can have an event loop
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="pages are driven by playwright, which is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("pages are shown by chromium, which is not on the path")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """An empty page. At the end, nothing may have been complained of in it, and nothing loaded."""
    context = chromium.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints = watched(page)
    yield page
    context.close()
    assert not complaints


@pytest.fixture
def axe(page):
    """The serious faults that axe-core finds in the page."""
    sync = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with axe-playwright-python")

    def faults():
        found = sync.Axe().run(page).response["violations"]
        return [
            f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    return faults
