"""A progress bar wherever a program runs: a widget in a notebook, or text if it has no widgets; a line on a terminal; in a log
nothing."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def progress(*args: Any, shown: bool = True, **settings: Any) -> Any:
    """A tqdm bar with these arguments; ``shown=False`` shows none anywhere."""
    notebook = _in_notebook()
    kind = import_module("tqdm.notebook" if notebook and find_spec("ipywidgets") else "tqdm.std").tqdm
    return kind(*args, disable=not shown or (None if not notebook else False), dynamic_ncols=True, **settings)


def _in_notebook() -> bool:
    """Whether the program is the kernel of a notebook, whose output is no terminal and yet is looked at."""
    python = sys.modules.get("IPython")
    return python is not None and type(python.get_ipython()).__name__ == "ZMQInteractiveShell"
