"""The course: notebooks are short, lead somewhere, and show what their code gives in a fresh kernel."""

import copy
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
MOST_LINES, MOST_BYTES, NEAR_THE_TOP = 19, 400_000, 4

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def outputs(cell):
    return cell.get("outputs", [])


def shown(output, kind):
    return "".join(output.get("data", {}).get(kind, ""))


def has_picture(cell):
    return "![" in source(cell) or any(
        "<img" in shown(output, "text/html") or shown(output, "image/png") for output in outputs(cell)
    )


def anchors(path):
    text = "\n".join(map(source, read(path)["cells"])) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(link, folder):
    path, _, anchor = link.partition("#")
    target = folder / path
    return target.exists() and (not anchor or anchor in anchors(target))


def faults(notebook, folder):
    """What a reader would stumble over, in words."""
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    words = [cell for cell in cells if cell["cell_type"] == "markdown"]
    if not source(cells[0]).startswith("# "):
        yield "no title"
    if "## Where to go next" not in source(cells[-1]):
        yield "ends without saying where to go next"
    if not any(map(has_picture, cells[:NEAR_THE_TOP])):
        yield "no picture near the top"
    if any(re.search(r"^\s*(import|from) ", source(cell), re.MULTILINE) for cell in code[1:]):
        yield "imports after the first cell of code"
    if [cell["execution_count"] for cell in code] != [*range(1, len(code) + 1)]:
        yield "not run once from top to bottom"
    for cell in code:
        if source(cell).count("\n") >= MOST_LINES:
            yield f"{cell['id']}: a long cell"
        if any(output["output_type"] == "error" or output.get("name") == "stderr" for output in outputs(cell)):
            yield f"{cell['id']}: an error or a warning"
    for link in [link for cell in words for link in re.findall(r"\]\((?!https?:)([^)]+)\)", source(cell))]:
        if not leads_somewhere(link, folder):
            yield f"{link} leads nowhere"


def told(notebook):
    """What a reader without pictures and scripts gets from each cell."""
    return {cell["id"]: [list(map(readable, forms(output))) for output in outputs(cell)] for cell in notebook["cells"]}


def forms(output):
    data = output.get("data", {})
    return ["".join(output.get("text", "")), *["".join(data[kind]) for kind in sorted(data) if kind.startswith("text/")]]


def readable(text):
    return unescape(re.sub(r"<script>.*?</script>|<[^>]*>", "\n", text, flags=re.DOTALL))


@each
def test_a_notebook_is_fit_to_be_read(path):
    assert not [*faults(read(path), path.parent)]
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.notebooks
@each
def test_a_fresh_kernel_shows_what_is_stored(path, tmp_path):
    for needed in ("nbclient", "ipykernel", "ipywidgets", "matplotlib"):
        pytest.importorskip(needed)
    run = [sys.executable, path.with_name("execute.py"), "--out", tmp_path, path]
    result = subprocess.run(run, capture_output=True, text=True, encoding="utf-8")

    assert result.returncode == 0, result.stderr
    fresh = tmp_path / path.name
    assert not [*faults(read(fresh), path.parent)]
    assert told(read(fresh)) == told(read(path)), "run notebooks/execute.py"


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("no title", lambda cells: cells.pop(0)),
        ("ends without", lambda cells: cells.pop()),
        ("no picture", lambda cells: [cell.update(outputs=[]) for cell in cells if "outputs" in cell]),
        ("imports after", lambda cells: cells[-2].update(source="import this")),
        ("not run once", lambda cells: cells[-2].update(execution_count=1)),
        ("a long cell", lambda cells: cells[-2].update(source="x\n" * 20)),
        ("an error", lambda cells: cells[-2].update(outputs=[{"output_type": "stream", "name": "stderr", "text": "Warning"}])),
        ("an error", lambda cells: cells[-2].update(outputs=[{"output_type": "error", "evalue": "no"}])),
        ("nowhere.ipynb leads", lambda cells: cells[0].update(source="# A [link](nowhere.ipynb)")),
        ("#nowhere leads", lambda cells: cells[0].update(source="# A [link](../README.md#nowhere)")),
    ],
)
def test_a_fault_is_found(fault, spoil):
    notebook = read(NOTEBOOKS[0])
    spoil(notebook["cells"])

    assert any(fault in found for found in faults(notebook, NOTEBOOKS[0].parent))


def test_another_number_is_another_text_and_another_script_is_not():
    stored = read(NOTEBOOKS[0])
    [steps] = [cell for cell in stored["cells"] if cell["id"] == "steps"]
    form = steps["outputs"][0]["data"]
    html = "".join(form["text/html"])
    assert told(stored) == told(copy.deepcopy(stored))

    before = told(stored)
    form["text/html"] = html.replace("<script>", "<script>alert();")
    assert told(stored) == before

    form["text/html"] = html.replace("0.7064", "0.7065")
    assert told(stored) != before
