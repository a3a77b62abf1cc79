"""What the documents say is run: the README's code, its picture, and the examples in docstrings."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
import viz

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [
    info.name
    for package in (autograd, nn, viz)
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not info.name.endswith("__main__")
]


def test_the_code_in_the_readme_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
    names = {}
    for indent, block in blocks:
        exec(compile(re.sub(f"^{indent}", "", block, flags=re.MULTILINE), "README.md", "exec"), names)

    assert len(blocks) == 13
    assert names["w1"].grad == pytest.approx(1.0019, abs=5e-5)
    assert names["cube"](autograd.Value(2.0)).data == 8.0
    assert names["third_of_squares"](np.array([3.0, 0.0])).tolist() == [3.0]
    printed = capsys.readouterr().out
    assert "337 parameters" in printed
    assert "gradcheck FAILED  loss: 2 of 2 partials wrong" in printed
    assert "[[ 802. -400.]\n [-400.  200.]]\n-1.0\n" in printed


def test_the_report_in_the_readme_is_what_its_code_prints(tmp_path):
    code = re.search(
        r"```python\n(from autograd import Domain, elementwise\nfrom autograd.gradcheck.*?)```", README, re.DOTALL
    )[1]
    (tmp_path / "check.py").write_text(code, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-X", "utf8", "check.py"], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=True
    )

    assert result.stdout == re.search(r"```text\n(gradcheck .*?)```", README, re.DOTALL)[1]


def test_pictures_and_steps_in_the_readme_are_what_its_code_gives(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec("".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[:2]), {})

    for name in ("neuron.svg", "steps.svg"):
        assert Path(name).read_bytes() == (ROOT / "notebooks/pictures" / name).read_bytes()
    assert re.search(r"```text\n(forward.*?)```", README, re.DOTALL)[1] in capsys.readouterr().out


def test_the_first_code_of_the_readme_is_eight_lines_long():
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]

    assert len([line for line in code.splitlines() if line]) == 8


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_links_in_the_readme_lead_somewhere(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name):
    if name == "nn.sklearn":
        pytest.importorskip("sklearn")
    module = importlib.import_module(name)
    names = {**vars(autograd), **vars(nn), **vars(viz), **vars(module)}

    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST)

    assert result.failed == 0
