"""The report on a compiled step."""

from inspect import currentframe
from itertools import pairwise

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value
from autograd.compile import compile
from autograd.compile.floats import FloatCode
from autograd.compile.kernels import gather
from autograd.recording import drawn

from .demos import Demo, irregular

MICROGRAD = """\
compiled loss: 1 path

paths[0]: 65,177 nodes recorded → 6,703 in canonical form → 10 groups → 16 + 18 NumPy calls
  group  nodes  computes                        by                   FLOPs  backward    bytes  reads
      0      1  sum of 337 products             dot product of 337     674       674   18,888  2× w0, b0, …, b2 (337)
      1  1,600  sums of 2 products + a number   100×2 @ 2×16         8,000     8,000   67,968  b0 (16); X (100×2); w0 (16×2)
      2  1,600  relu                            elementwise          1,600     3,200   67,200  group 1 (1,600)
      3  1,600  sums of 16 products + a number  100×16 @ 16×16      52,800   104,000  121,600  b1 (16); group 2 (100×16); w1 (16×16)
      4  1,600  relu                            elementwise          1,600     3,200   67,200  group 3 (1,600)
      5    100  sums of 16 products + a number  100×16 @ 16×1        3,300     4,900   44,400  b2; group 4 (100×16); w2 (16)
      6    100  sums of a product + a constant  elementwise            200       200    8,000  y (100); group 5 (100)
      7    100  relu                            elementwise            100       200    4,200  group 6 (100)
      8      1  sum of 100 numbers              sum along 100          100         0      808  group 7 (100)
      9      1  sum of 2 numbers                elementwise              3         0       56  group 0; group 8
  reads 300 arguments and 337 parameters; finds 3 matrix products; 19 views, 0 gathers
  68,377 FLOPs forward, 124,374 backward; 400,320 bytes moved, 130,304 held
"""  # noqa: E501


@pytest.fixture(autouse=True)
def programs_of_arrays(monkeypatch):
    """Small programs too, which would be float code."""
    monkeypatch.setattr("autograd.compile.choice.FLOAT", np.inf)


@pytest.fixture(scope="module")
def demo():
    demo = Demo()
    demo.step = compile(demo.loss, demo.parameters)
    demo.step(demo.X, demo.y)
    return demo


def the_path(step):
    (path,) = step.explain().paths
    return path


def here():
    return currentframe().f_back.f_lineno


def test_micrograds_demo_step_is_told_group_by_group(demo):
    assert f"{demo.step.explain()}\n" == MICROGRAD
    assert the_path(demo.step).matrix_products == 3
    assert repr(demo.step.explain()) == str(demo.step.explain())


@pytest.mark.parametrize(("widths", "n"), [((2, 16, 16, 1), 30), ((3, 5, 4, 1), 7), ((2, 8, 1), 20)])
def test_flops_are_those_of_backprop_by_hand(widths, n):
    demo = Demo(widths, n)
    step = compile(demo.loss, demo.parameters)
    step(demo.X, demo.y)
    layers = list(pairwise(widths))
    p = sum((n_in + 1) * n_out for n_in, n_out in layers)
    hidden = sum(widths[1:-1])
    forward = sum(2 * n * n_in * n_out + n * n_out for n_in, n_out in layers) + n * hidden  # matrix products, biases, relu
    forward += 2 * n + n + n + 2 * p + 3  # margins, hinge, their sum, decay, and the sum of both
    *others, (last, _) = layers
    backward = sum(2 * n * n_in * n_out * (1 + (i > 0)) + n * n_out for i, (n_in, n_out) in enumerate(others)) + 2 * n * hidden
    backward += n * last + 2 * n * last + n + 2 * n + 2 * n + 2 * p  # the last layer's by an outer product
    path = the_path(step)
    assert (path.forward.flops, path.backward.flops) == (forward, backward)
    assert path.matrix_products == len(layers)
    assert sum(part.forward.flops for part in path.parts) == forward


def test_gathers_are_the_operands_that_are_copied_before_use():
    parameters = [Value(0.1 * i) for i in range(20)]
    step = compile(irregular(parameters), parameters)
    step(np.arange(4.0))
    path = the_path(step)
    (program,) = step.paths[0].programs.values()
    copies = [call for call in program.forward_calls if call.function is gather]
    assert path.gathers == len(copies) > 0
    assert path.views == sum(1 for group in program.layout.groups for _ in group.picks) - len(copies) > 0
    assert str(path).count("gathered") == len(copies)


def test_a_guard_is_named_with_its_line_and_each_path_with_its_guards():
    w = Value(2.0)
    lines = []

    def f(x):
        z = w * x
        lines.append(here() + 1)
        if z > 1.0:
            return z * z
        return z

    step = compile(f, [w])
    step(3.0)
    step(-3.0)
    report = step.explain()
    assert [path.guards for path in report.paths] == [
        (f"{took} at test_explain.py:{lines[0]}: if z > 1.0:",) for took in (False, True)
    ]
    assert str(report).startswith("compiled f: 2 paths, last taken first\n")
    step(3.0)
    assert step.explain().paths[0].guards[0].startswith("True at")


def test_guards_of_one_line_are_counted():
    w = Value(2.0)

    def f(xs):
        return sum(w * x if x > 0 else -w * x for x in xs)

    step = compile(f, [w])
    step([1.0, -2.0, 3.0])
    first, second = the_path(step).guards
    assert first.startswith("2× True at test_explain.py:")
    assert second.startswith("False at test_explain.py:")


def test_a_number_that_is_read_is_told_as_a_guard():
    w = Value(2.0)

    def f(x):
        return w * int(x.data)

    step = compile(f, [w])
    step(3.0)
    assert the_path(step).guards[0].startswith("3 at test_explain.py:")


def test_a_batch_is_told_for_all_its_examples_and_for_each():
    demo = Demo()
    step = compile(demo.loss_of_one, demo.parameters, batch=True)
    for n in (4, 32):
        step(demo.X[:n], demo.y[:n])
        path = the_path(step)
        assert path.examples == n
        assert path.matrix_products == 3
        assert {part.size for part in path.parts} == {"1", f"1 × {n}", f"16 × {n}"}
        assert f"{n}×2 @ 2×16" in str(path)
        each = (path.forward.flops + path.backward.flops) / n
        assert str(path).endswith(f"{n} examples at once: {each:,.0f} FLOPs for each")


def test_parameters_are_called_by_their_labels_and_arguments_as_f_has_them():
    layer = nn.Dense(3, 2, "tanh", rng=0)

    def f(inputs, scale):
        return ag.sum(layer(inputs)) * scale + layer.bias[0]

    step = compile(f, layer.parameters())
    step(np.ones((4, 3)), 2.0)
    names = {source.name for part in the_path(step).parts for read in part.reads for source in read.sources}
    labels = {x.label.partition("[")[0] for x in layer.parameters()}
    assert names == {"inputs", "scale", *labels, *[name for name in names if name.isdigit()]}


def test_parameters_without_labels_are_called_by_their_places():
    w = [Value(float(i)) for i in range(8)]

    def f(x):
        return ag.exp(w[0]) * x + sum(p * p for p in w[4:])

    step = compile(f, w)
    step(1.0)
    names = {source.name for part in the_path(step).parts for read in part.reads for source in read.sources}
    assert {"parameters[0]", "parameters[4:8]"} <= names


def test_what_is_drawn_is_called_so():
    w = Value(2.0, label="w")
    rng = np.random.default_rng(0)

    def f(x):
        return w * x * drawn(lambda: rng.normal())

    step = compile(f, [w])
    step(1.0)
    assert "drawn" in str(step.explain())


def test_arguments_without_a_name_have_a_number():
    w = Value(2.0, label="w")
    step = compile(lambda *xs: w * xs[1], [w])
    step(3.0, 4.0)
    assert str(step.explain()).splitlines()[-3].endswith("  argument 2; w")


def test_a_step_that_was_not_called_says_so():
    w = Value(2.0)
    assert str(compile(lambda x: w * x, [w]).explain()) == "compiled <lambda>: not called yet, so nothing is recorded"


def test_the_report_says_why_a_function_runs_eagerly():
    w = Value(2.0)
    before = Value(1.0) * 3.0

    def f(x):
        return w * x + before

    step = compile(f, [w])
    with pytest.warns(UserWarning, match="runs eagerly"):
        step(1.0)
    assert str(step.explain()).splitlines()[:2] == [
        "compiled f: 0 paths",
        "runs eagerly for some arguments: f uses the mul node, which was computed before f was called; compute it in f",
    ]


def test_of_a_long_program_the_first_and_the_last_groups_are_shown():
    w = Value(0.5)

    def f(x):
        for _ in range(30):
            x = ag.tanh(w * x + 0.1)
        return x

    step = compile(f, [w])
    step(1.0)
    path = the_path(step)
    assert len(path.parts) == 60
    assert [row[0] for row in path.table] == [*map(str, range(20)), "…", *map(str, range(40, 60))]
    assert path.table[20][1] == "20 more"


def test_float_code_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr("autograd.compile.choice.FLOAT", 0.0)
    w = Value(2.0)
    step = compile(lambda x: ag.tanh(w * x) + 1.0, [w])
    step(1.0)
    (program,) = step.paths[0].programs.values()
    assert isinstance(program, FloatCode)
    assert str(step.explain()) == (
        "compiled <lambda>: 1 path\n\npaths[0]: 3 nodes recorded → 3 in canonical form\n"
        f"  {program.describe()}\n  reads 1 argument and 1 parameter"
    )


def test_a_notebook_gets_a_table_in_which_nothing_of_the_user_is_html(demo):
    w = Value(2.0, label="<i>w</i>")

    def f(x):
        return w * x if x < 5.0 else x

    f.__name__ = "<script>"
    step = compile(f, [w])
    step(1.0)
    shown = step.explain()._repr_html_()
    assert "<script>" not in shown
    assert "<i>" not in shown
    assert "&lt;i&gt;w" in shown
    assert shown.count("<tr>") == 1 + len(the_path(step).parts)
    assert demo.step.explain()._repr_html_().count("<tr>") == 11
