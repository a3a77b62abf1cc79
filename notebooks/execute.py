"""Run notebooks from a fresh kernel and store what they show: ``python notebooks/execute.py``, with the extra ``[notebook]``.

The same code gives the same bytes: nothing of this machine, of the hour or of the run is kept.
"""

import argparse
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
_PROGRESS = "application/vnd.jupyter.widget-view+json"  # a bar, which says how long it took


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with the outputs of a fresh kernel, which runs in a folder of its own.

    Raises:
        CellExecutionError: a cell raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=120,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        done = client.execute()
    done.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in done.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _PROGRESS not in output.get("data", {})]
    return done


def main() -> None:
    """Execute the notebooks that are named, or all, in place or to another folder."""
    parser = argparse.ArgumentParser(description="Run notebooks from a fresh kernel and store what they show.")
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(HERE.glob("*.ipynb")), metavar="NOTEBOOK")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write there, and leave the notebooks as they are")
    options = parser.parse_args()
    for path in options.notebooks:
        target = (options.out or path.parent) / path.name
        target.write_text(nbformat.writes(executed(nbformat.read(path, as_version=4))) + "\n", encoding="utf-8")
        print(f"{path.name}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
