"""``stepgrad step``, ``stepgrad graph`` and ``stepgrad explain``."""

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from viz import cli
from viz.expression import parse

NEURON = ["tanh(x1*w1 + x2*w2 + b)", "x1=2", "w1=-3", "x2=0", "w2=1", "b=6.88"]
COMMANDS = ["step", "graph", "explain"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd):
    """The command, in this process: exit code, stdout, stderr."""

    def run(*arguments):
        try:
            code = cli.main([*arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capfd.readouterr()

    return run


def _process(*arguments, **settings):
    command = [sys.executable, "-W", "error", "-m", "viz", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, **settings)


# -- what they print -----------------------------------------------------------------------------------------------------------


def test_step_prints_every_step_of_both_passes(run):
    assert run("step", "x*w", "x=2", "w=-3") == (
        0,
        "forward\n"
        "  1  y = x * w = 2 * -3 = -6\n"
        "backward\n"
        "  2  y.grad = 1\n"
        "  3  x.grad += y.grad × ∂y/∂x = 0 + 1 × -3 = -3\n"
        "     w.grad += y.grad × ∂y/∂w = 0 + 1 × 2 = 2\n",
        "",
    )


def test_graph_prints_every_number_with_its_gradient(run):
    code, out, err = run("graph", "a = x*w; a + x", "x=2", "w=-3")

    assert (code, err) == (0, "")
    assert out == (
        "x           data 2    grad -2\n"
        "w           data -3   grad 2\n"
        "a = x * w   data -6   grad 1\n"
        "y = a + x   data -4   grad 1\n"
    )


def test_graph_prints_the_formula_in_latex(run):
    assert run("graph", "x1 / 2", "x1=3", "--latex") == (0, "y = \\frac{x_{1}}{2}\n", "")


def test_explain_tells_of_every_variable_in_turn(run):
    code, out, err = run("explain", *NEURON)

    assert (code, err) == (0, "")
    assert [re.match(r"∂y/∂(\w+) = ", part)[1] for part in out.split("\n\n")] == ["x1", "w1", "x2", "w2", "b"]


def test_explain_tells_of_the_variables_and_parts_asked_for_alone(run):
    code, out, err = run("explain", "a = x*w; a*x", "--wrt", "a", "x=2", "--wrt", "w", "w=3")

    assert (code, err) == (0, "")
    assert [part.split(",")[0] for part in out.split("\n\n")] == ["∂y/∂a = 2", "∂y/∂w = 4"]


def test_explain_says_that_a_condition_is_not_connected(run):
    code, out, err = run("explain", "where(x > 0, w, 2*w)", "--wrt", "x", "x=1", "w=3")

    assert (code, err) == (0, "")
    assert out.startswith("∂y/∂x = 0")
    assert "not connected" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_numbers_may_stand_before_between_and_after_options(run, command):
    option = {"step": ["--break", "w"], "graph": ["--latex"], "explain": ["--wrt", "w"]}[command]
    texts = {
        run(command, *arguments)
        for arguments in (
            ["x*w", "x=2", "w=-3", *option],
            ["x*w", "x=2", *option, "w=-3"],
            ["x*w", *option, "x=2", "w=-3"],
            [*option, "x*w", "x=2", "w=-3"],
        )
    }

    assert [(code, err) for code, _, err in texts] == [(0, "")]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_expression_may_begin_with_a_minus_after_two_dashes(run, command):
    code, out, err = run(command, "--", "-x", "x=1")

    assert (code, err) == (0, "")
    assert "-1" in out


def test_numbers_that_overflow_are_printed_as_what_they_are(run):
    code, out, err = run("step", "x * 1e308 * 10", "x=10")

    assert (code, err) == (0, "")
    assert "y = v2 * 10 = inf * 10 = inf" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_whole_power_of_a_negative_number_has_a_gradient(run, command):
    code, out, err = run(command, "x**2", "x=-3")

    assert (code, err) == (0, "")
    assert "-6" in out


@pytest.mark.parametrize("number", ["2", "2.0", "+2", "2e0", " 2 ", "0.2e+1"])
def test_a_number_may_be_written_in_any_usual_way(run, number):
    assert run("graph", "x*1", f"x={number}") == run("graph", "x*1", "x=2")


# -- what they write -----------------------------------------------------------------------------------------------------------


def test_step_writes_a_page_and_a_strip_of_film(run):
    assert run("step", *NEURON, "--html", "steps.html", "--film", "strip.svg", "--break", "w1") == (
        0,
        "page      steps.html\nfilm      strip.svg\n",
        "",
    )
    page = Path("steps.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "w1.grad += " in page
    ElementTree.fromstring(Path("strip.svg").read_bytes())
    assert sorted(os.listdir()) == ["steps.html", "strip.svg"]


def test_step_prints_the_steps_beside_the_files_where_all_is_asked_for(run):
    _, out, _ = run("step", *NEURON, "--html", "steps.html", "--all")

    assert out == "page      steps.html\n" + run("step", *NEURON)[1]


@pytest.mark.parametrize("name", ["graph.svg", "graph.html", "graph.dot"])
def test_graph_writes_the_picture_and_no_text(run, name):
    assert run("graph", *NEURON, "--out", name) == (0, f"picture   {name}\n", "")
    assert all(label in Path(name).read_text(encoding="utf-8") for label in ("x1", "w1", "x2", "w2", "b", "tanh"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["step", "x*2", "x=1", "--html", "no/where.html"], "where.html: No such file or directory"),
        (["step", "x*2", "x=1", "--html", "."], "Is a directory"),
        (["step", "x*2", "x=1", "--film", "old.gif"], "not .gif"),
        (["graph", "x*2", "x=1", "--out", "old.gif"], "not .gif"),
        (["graph", "log(x)", "x=0", "--out", "old.svg"], "log(x=0): operand 1 must be > 0"),
        (["step", "sqrt(x)", "x=0", "--html", "old.svg"], "no finite derivative at x = 0 (made at column 1, 'sqrt(x)')"),
    ],
)
def test_what_cannot_be_written_leaves_the_files_as_they_were(run, arguments, words):
    for name in ("old.svg", "old.gif"):
        Path(name).write_text("old")
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert {path.name: path.read_text() for path in Path().iterdir()} == {"old.svg": "old", "old.gif": "old"}


# -- what they refuse ----------------------------------------------------------------------------------------------------------


REFUSED = {
    ("tahn(x)", "x=1"): "stepgrad: column 1, 'tahn(x)': no function is called tahn; did you mean tan or tanh?",
    ("x*w3",): "stepgrad: column 1, 'x': no number for it; add x=… w3=…",
    ("x*2", "x=1", "z=2"): "stepgrad: z has a number, but is no variable of the expression; there are: x",
    ("x*2", "x"): "stepgrad: 'x': write name=number, such as x=0.5",
    ("x*2", "2x=1"): "stepgrad: '2x=1': write name=number, such as x=0.5",
    ("x*2", "x=two"): "stepgrad: x=two: 'two' is no number; write x=0.5",
    ("x*2", "x="): "stepgrad: x=: '' is no number; write x=0.5",
    ("x*2", "x=1", "x=2"): "stepgrad: x has two numbers, 1 and 2; give it one",
    ("x*2", "x=nan"): "stepgrad: x is nan; give it a finite number",
    ("x*2", "x=-inf"): "stepgrad: x is -inf; give it a finite number",
    ("log(x)", "x=-1"): "stepgrad: column 1, 'log(x)': log(x=-1): operand 1 must be > 0",
    ("sqrt(x)", "x=0"): "stepgrad: backward: 'sqrt' has no finite derivative at x = 0 (made at column 1, 'sqrt(x)')",
    ("__import__('os').system('ls')",): "stepgrad: column 1, '__import__('os').system('ls')': not known;",
    ("x\x1b[31m", "x=1"): "stepgrad: column 2",
    ("",): "stepgrad: the expression is empty",
    (): "stepgrad: the following arguments are required: EXPRESSION",
    ("x*2", "x=1", "--nonsense"): "unrecognized arguments: --nonsense; ",
    ("-x", "x=1"): "unrecognized arguments: -x; write -- before an expression that begins with a minus; see stepgrad ",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("arguments", "words"), REFUSED.items(), ids=lambda x: ascii(" ".join(x)) if isinstance(x, tuple) else ""
)
def test_what_cannot_be_used_gets_one_line_and_exit_code_2(run, command, arguments, words):
    code, out, err = run(command, *arguments)

    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["step", "x*w", "x=1", "w=2", "--break", "q"],
            "--break q: no part of the expression has that name; there are x, w, y",
        ),
        (["step", "x*w", "x=1", "w=2", "--break-above", "big"], "argument --break-above"),
        (["explain", "x*w", "x=1", "w=2", "--wrt", "q"], "--wrt q: no part of the expression has that name; there are x, w, y"),
    ],
)
def test_a_name_or_a_size_that_is_none_is_refused(run, arguments, words):
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


# -- in a process of their own -------------------------------------------------------------------------------------------------


def test_a_process_prints_and_exits_as_the_function_does(run):
    done = _process("step", *NEURON)

    assert (done.returncode, done.stdout, done.stderr) == run("step", *NEURON)


def test_a_failing_process_prints_one_line_and_no_traceback():
    done = _process("explain", "tahn(x)", "x=1")

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_terminal_without_the_signs_gets_question_marks():
    done = _process("step", "x*2", "x=1", env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert (done.returncode, done.stderr) == (0, "")
    assert "x.grad += y.grad ? ?y/?x = 0 + 1 ? 2 = 2" in done.stdout


# -- at a terminal -------------------------------------------------------------------------------------------------------------


class Terminal:
    """The command at a terminal of its own, as a person would meet it."""

    def __init__(self, *arguments):
        pty = pytest.importorskip("pty")
        ours, theirs = pty.openpty()
        self.ours = ours
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-X", "utf8", "-m", "viz", "step", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def read(self):
        """What it says up to its next prompt, or to its end."""
        said = b""
        while not said.endswith(b"\n> "):
            assert select.select([self.ours], [], [], 30)[0], f"nothing more came after {said!r}"
            try:
                more = os.read(self.ours, 4096)
            except OSError:  # it has left
                break
            if not more:
                break
            said += more
        return said.decode().replace("\r\n", "\n").removesuffix("> ")

    def type(self, keys):
        """Type ``keys``; what it answers, without their echo."""
        os.write(self.ours, keys.encode())
        return self.read().partition("\n")[2]

    def interrupt(self):
        """Send the signal of Ctrl-C, until it answers: one that comes just before it begins to wait for a key is not heard."""
        for _ in range(60):
            os.kill(self.process.pid, signal.SIGINT)
            if select.select([self.ours], [], [], 0.5)[0]:
                return

    def leave(self):
        """Its exit code."""
        code = self.process.wait(timeout=30)
        os.close(self.ours)
        return code


@pytest.fixture
def terminal():
    opened = []

    def start(*arguments):
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield start
    for each in opened:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def test_a_person_steps_forward_and_back(terminal):
    at = terminal("a = x*w; a + x", "x=2", "w=-3")

    hello = at.read()
    assert hello.startswith("Enter: on ")
    assert hello.endswith("1 of 5  a = x * w = 2 * -3 = -6\n")
    assert at.type("\n") == "2 of 5  y = a + x = -6 + 2 = -4\n"
    assert at.type("n\n") == "3 of 5  y.grad = 1\n"
    assert at.type("b\n") == "2 of 5  y = a + x = -6 + 2 = -4\n"
    assert at.type("g 5\n") == (
        "5 of 5  x.grad += a.grad × ∂a/∂x = 1 + 1 × -3 = -2\n        w.grad += a.grad × ∂a/∂w = 0 + 1 × 2 = 2\n"
    )
    assert at.type("\n") == ""
    assert at.leave() == 0


def test_a_person_runs_between_breakpoints_and_goes_to_a_name(terminal):
    at = terminal("a = x*w; a + x", "x=2", "w=-3", "--break", "w", "--break-above", "1.5")
    at.read()

    assert at.type("r\n").startswith("5 of 5")
    assert at.type("rb\n").startswith("1 of 5")
    assert at.type("g y\n").startswith("2 of 5")
    assert at.type("g q\n").startswith("goto: no step of this graph has to do with 'q'")
    assert at.type("g 99\n").startswith("goto: steps are numbered from 1 to 5")
    assert at.type("what\n").startswith("Enter: on ")
    assert "forward\n  1  a = x * w" in at.type("a\n")
    assert at.type("q\n") == ""
    assert at.leave() == 0


def test_the_end_of_input_ends_it(terminal):
    at = terminal("x*2", "x=1")
    at.read()

    at.type("\x04")
    assert at.leave() == 0


def test_ctrl_c_ends_it_in_one_line(terminal):
    at = terminal("x*2", "x=1")
    at.read()

    at.interrupt()
    assert at.read() == "\nstepgrad: stopped\n"
    assert at.leave() == 130


def test_all_prints_every_step_at_a_terminal_too(terminal):
    at = terminal("x*2", "x=1", "--all")

    assert at.read().startswith("forward\n  1  y = x * 2")
    assert at.leave() == 0


def test_the_example_of_the_help_is_read():
    assert parse("where(x > 0, x, 0.1*x)", {"x": -1}).data == -0.1
