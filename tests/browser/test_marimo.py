"""The live view in marimo, which puts HTML that has a script into a frame of its own."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from autograd import Value
from viz import step

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from autograd import Value
    from viz import step

    x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    step(x * w + x)
    return
"""


@pytest.fixture
def address(tmp_path):
    """Of a marimo that runs the notebook."""
    pytest.importorskip("marimo", reason="marimo is not installed")
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "-q", "run", "notebook.py", "--headless", "--no-token", "--port", str(port)]
    settings = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urlopen(f"http://127.0.0.1:{port}", timeout=5).close()
                break
            except (URLError, ConnectionError):
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def test_the_view_is_live(chromium, address):
    page = chromium.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    view = page.frame_locator("iframe").locator("[data-stepgrad][data-ready]")
    view.get_by_role("button", name="last step").click()
    x, w = Value(2.0, label="x"), Value(-3.0, label="w")

    assert view.locator(".words").inner_text() == step(x * w + x).sentences[-1]
    page.close()
