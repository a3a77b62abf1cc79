"""The progress bar: seen where somebody looks, and nowhere else."""

import io
import sys
from types import SimpleNamespace

import pytest

from nn import progress as room
from nn.progress import progress


class ZMQInteractiveShell:
    """What a notebook's kernel runs in; known by its name."""


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=ZMQInteractiveShell))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drawn(file, **settings):
    for _ in progress(range(3), file=file, mininterval=0, **settings):
        pass
    return file.getvalue()


def test_on_a_terminal_it_is_a_line():
    assert "3/3" in drawn(Terminal(), ncols=60)


def test_in_a_log_there_is_none():
    assert drawn(io.StringIO()) == ""


@pytest.mark.parametrize("file", [Terminal, io.StringIO])
def test_none_is_shown_where_none_is_wanted(file, notebook):
    assert drawn(file(), shown=False) == ""


def test_in_a_notebook_without_widgets_it_is_text_and_nothing_warns(notebook, monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    assert "3/3" in drawn(io.StringIO(), ncols=60)


def test_in_a_notebook_with_widgets_it_is_one(notebook, monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda name: name)
    monkeypatch.setattr(room, "import_module", lambda name: SimpleNamespace(tqdm=lambda disable, **_: (name, disable)))
    assert progress() == ("tqdm.notebook", False)


def test_a_shell_that_is_no_notebook_is_a_terminal(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert drawn(io.StringIO()) == ""
