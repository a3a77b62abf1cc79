"""``stepgrad check``."""

import json
import subprocess
import sys

import pytest

SOURCE = """
from autograd import Domain, elementwise, sum


@elementwise(lambda xp, z, x: (1.0 - z) * (1.0 - z), domain=(Domain("", ((-2.0, 2.0),)),))
def command_wrong_tanh(xp, x):
    return xp.tanh(x)


def right(w, x=2.0):
    return (w * x).tanh()


def wrong(w, x):
    return command_wrong_tanh(w * x)


def arrays(a, b):
    return sum((a @ b) ** 2)


def kink(x):
    return x.relu()


def raising(x):
    raise RuntimeError("no\\nway")


def constant(x):
    return 3.0


class Holder:
    @staticmethod
    def inner(x):
        return x.exp()


number = 3
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "losses.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "other.py").write_text(SOURCE)
    return tmp_path


def _check(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "viz", "check", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["losses:right", "--at", "w=0.5"],
        ["losses:right", "--at", "w=0.5", "--at", "x=-1.25e-1"],
        ["losses.py:right", "--at", "w=0.5"],
        ["deep/other.py:right", "--at", "w=0.5"],
        ["losses:Holder.inner", "--at", "x=0.5"],
        ["losses:arrays", "--at", "a=[[1,2],[3,4]]", "--at", "b=1,2"],
        ["losses:right", "--at", "w=0.5", "--exact", "--order", "2"],
    ],
)
def test_a_right_gradient_gives_0(folder, arguments):
    result = _check(folder, *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("gradcheck PASSED")
    assert result.stderr == ""


def test_a_wrong_one_gives_1_and_the_op(folder):
    result = _check(folder, "losses:wrong", "--at", "w=0.5", "--at", "x=-1")
    assert result.returncode == 1
    assert "gradcheck FAILED  wrong: 2 of 2 partials wrong" in result.stdout
    assert "`command_wrong_tanh` (losses.py:" in result.stdout


def test_a_kink_gives_3(folder):
    result = _check(folder, "losses:kink", "--at", "x=0")
    assert result.returncode == 3
    assert "slopes 0 from the left, 1 from the right" in result.stdout


def test_json_holds_every_row(folder):
    result = _check(folder, "losses:arrays", "--at", "a=[[1,2],[3,4]]", "--at", "b=1,2", "--json")
    data = json.loads(result.stdout)
    assert (data["verdict"], len(data["rows"])) == ("pass", 6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["losses"], "'losses' names no function; write module:function"),
        (["nowhere:f", "--at", "x=1"], "No module named 'nowhere'"),
        (["nowhere.py:f", "--at", "x=1"], "there is no file nowhere.py"),
        (["broken:f", "--at", "x=1"], "broken can't be imported: ZeroDivisionError"),
        (["losses:nothing", "--at", "x=1"], "losses has no 'nothing'; it has"),
        (["losses:number", "--at", "x=1"], "losses:number is int, not a function"),
        (["losses:wrong", "--at", "w=1"], "wrong(w, x) needs --at x=…"),
        (["losses:right", "--at", "w=1", "--at", "z=1"], "right(w, x=2.0) has no argument 'z'"),
        (["losses:right", "--at", "w=one"], "'one' is no number and no list of numbers"),
        (["losses:right", "--at", "w=[1,[2]]"], "is no number and no list of numbers"),
        (["losses:right", "--at", "w=__import__('os')"], "is no number and no list of numbers"),
        (["losses:right", "--at", "w"], "write name=value"),
        (["losses:right"], "right(w, x=2.0) needs --at w=…"),
        (["losses:raising", "--at", "x=1"], "raising raised RuntimeError: no way"),
        (["losses:constant", "--at", "x=1"], "gave a constant, 3"),
        (["losses:right", "--at", "w=1", "--order", "0"], "order is a whole number of at least 1"),
        (["losses:right", "--at", "w=1", "--order", "two"], "invalid int value"),
        (["losses:right", "--nonsense"], "unrecognized arguments"),
    ],
)
def test_all_else_gives_3_and_one_line(folder, arguments, words):
    result = _check(folder, *arguments)
    assert result.returncode == 3
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
