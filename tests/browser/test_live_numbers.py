"""The live view says what Python says: every text at every step, told or computed, and the script's numbers in full."""

import re
import sys

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import PRIMITIVES, Tensor, Value, topological_order
from viz.diagram import number
from viz.stepper import step
from viz.widget import View

from ..autograd.rows import ROWS
from ..viz.graphs import USES, random_graph
from ..viz.writing.test_javascript import farthest
from .live import differences, expected, in_page, neuron, show

pytestmark = pytest.mark.browser

AT_ONCE = 25  # views in one page

# From here on the page writes each number in full, where it would write four digits.
IN_FULL = """<script>
window.exponential ??= Number.prototype.toExponential;
Number.prototype.toExponential = function (digits) { return digits == 3 ? exponential.call(this, 16) : "" };
Number.prototype.toFixed = function () { return String(this) };
</script>"""


def parts(items, n=AT_ONCE):
    return [items[i : i + n] for i in range(0, len(items), n)]


def again(leaves, steps):
    """The graph of ``random_graph`` with other leaves."""
    values = [Value(x) for x in leaves]
    for use, operands in steps:
        values.append(USES[use][0].call(*[values[i] for i in operands]))
    values[-1].backward()
    return values


def edited_graphs(n, rng):
    """``n`` random graphs: a stepper through each, the key and new value of a leaf, and the graph with that leaf."""
    drawn = []
    while len(drawn) < n:
        values, graph = random_graph(rng)
        stepper = step(values[-1])
        key, leaf = next((key, node) for key, node in enumerate(stepper.walk.nodes) if not node.op)
        leaves = [x.data * 1.03125 if x is leaf else x.data for x in values[:4]]
        try:
            root = again(leaves, graph["steps"])[-1]
            drawn.append((stepper, [key, repr(leaf.data * 1.03125)], step(root)))
        except ArithmeticError:
            continue
    return drawn


# -- texts ----------------------------------------


def test_every_text_of_every_step_of_200_random_graphs_is_pythons(page):
    rng = np.random.default_rng(0)
    steppers = [step(random_graph(rng)[0][-1]) for _ in range(200)]
    for some in parts(steppers):
        show(page, *some, hidden=True)
        for seen, stepper in zip(in_page(page, "hosts.map(all)"), some, strict=True):
            assert not differences(seen, expected(stepper)), stepper.text()


def test_so_is_every_text_that_the_page_computes(page):
    for some in parts(edited_graphs(100, np.random.default_rng(1))):
        show(page, *[stepper for stepper, _, _ in some], hidden=True)
        in_page(page, "hosts.forEach((host, i) => edit(host, ...argument[i]))", [change for _, change, _ in some])
        for seen, (_, _, wanted) in zip(in_page(page, "hosts.map(all)"), some, strict=True):
            assert not differences(seen, expected(wanted)), wanted.text()


@pytest.mark.parametrize(("right", "wrong"), [("x[0]+x[1]", "x[0]-x[1]"), ("[1-z*z]", "[1-z]"), ("×", "*")])
def test_the_comparison_sees_a_planted_fault(page, right, wrong):
    stepper = step(neuron(w2=0.5))
    told = View(stepper.walk).fragment()
    assert right in told
    for script, fault in ((told, False), (told.replace(right, wrong), True)):
        page.set_content(script)
        in_page(page, "edit(hosts[0], 1, -2.5)")
        seen = in_page(page, "all(hosts[0])")
        assert bool(differences(seen, expected(step(neuron(w1=-2.5, w2=0.5))))) == fault


def test_the_transcript_is_these_texts(page):
    stepper = step(neuron())
    show(page, stepper)
    lines = [line for seen in in_page(page, "all(hosts[0])") for line in seen["words"].split("\n")]
    assert lines == [line[6:] for line in stepper.text().splitlines() if line not in ("forward", "backward")]


def many(op, n):
    return op(*[Value(1.5 - i / 4, label=f"x{i}") for i in range(n)])


def accumulated():
    root = neuron()
    root.backward()
    return step(root, grad=-0.5, accumulate=True)


def special():
    x, inf, nan = Value(2.0, label="x"), Value(float("inf")).detach(), Value(float("nan")).detach()
    return step(ag.where(x > 0, x, nan) * inf)


@pytest.mark.parametrize(
    "make",
    [
        lambda: step(Value(3.0, label="x")),
        lambda: step(many(ag.add_n, 9)),
        lambda: step(-(many(ag.max_n, 1) ** 2)),
        lambda: step((Value(2.0) * 3 + 1) ** 2 + 0),
        lambda: step(ag.where(Value(1.0, label="c"), Value(2.0, label="c"), Value(2.0, label="v4"))),
        lambda: step(neuron(), grad=0.0),
        accumulated,
        special,
    ],
    ids=["a leaf", "many operands", "one operand", "constants", "one name twice", "seed 0", "accumulate", "special"],
)
def test_corners(page, make):
    stepper = make()
    show(page, stepper)
    assert not differences(in_page(page, "all(hosts[0])"), expected(stepper))
    key, leaf = next((key, node) for key, node in enumerate(stepper.walk.nodes) if not node.op and node.requires_grad)
    in_page(page, "edit(hosts[0], ...argument)", [key, "0.123"])
    in_page(page, "edit(hosts[0], ...argument)", [key, repr(leaf.data + 1e-12)])
    assert page.locator(".edit output").inner_text()
    assert not differences(in_page(page, "all(hosts[0])"), expected(stepper))


@pytest.mark.parametrize("accumulate", [False, True])
def test_arrays_are_told_and_shown_in_full(page, accumulate):
    rng = np.random.default_rng(0)
    x, w = Tensor(rng.normal(size=(3, 2)), label="x"), Tensor(rng.normal(size=(2, 2)), label="w")
    loss = ((x @ w).tanh() * 2).sum()
    loss.backward()
    stepper = step(loss, accumulate=accumulate)
    show(page, stepper)
    assert not differences(in_page(page, "all(hosts[0])"), expected(stepper))
    assert page.locator(".edit").count() == 0
    page.locator("summary", has_text="all steps").click()
    page.locator("summary", has_text="in full").click()
    shown = page.locator("details pre").inner_text()
    numbers = [float(x) for x in re.findall(r"-?\d+\.\d*", shown.split("w.data =\n")[1].split("w.grad")[0])]
    assert numbers == pytest.approx(w.data.ravel(), abs=1e-4)


def test_a_folded_graph_is_told(page):
    model = nn.MLP(2, [16, 16, 1], rng=np.random.default_rng(0))
    stepper = step((model([Value(1.0, label="x1"), Value(-2.0, label="x2")]) - 1) ** 2)
    assert len(stepper.walk.nodes) > 150 > 20 > len(stepper)
    show(page, stepper)
    assert not differences(in_page(page, "all(hosts[0])"), expected(stepper))
    assert page.locator(".edit").count() == 0


def test_an_op_that_cannot_be_read_is_told(page):
    @ag.elementwise(lambda xp, y, x: 2.0 if x > 0 else -1.0, domain=(PRIMITIVES["exp"].domain))
    def bent(xp, x):
        """A rule that branches as no row does."""
        return 2.0 * x if x > 0 else -x

    del PRIMITIVES["bent"]
    stepper = step(bent(Value(3.0, label="x")) * 2)
    show(page, stepper)
    assert not differences(in_page(page, "all(hosts[0])"), expected(stepper))
    assert page.locator(".edit").count() == 0


def test_not_yet_is_not_zero(page):
    x, y = Value(0.0, label="x"), Value(5.0, label="y")
    show(page, step(x * y))
    before, *_, after = in_page(page, "all(hosts[0])")
    assert (before["data"], before["grads"]) == (["0", "5", "0"], ["not yet"] * 3)
    assert after["grads"] == ["5", "0", "1"]


# -- numbers ----------------------------------------


def farthest_in_page(page, change=lambda script: script, n=500):
    """The largest relative difference between numbers of the page and of Python over ``n`` edited graphs, and their ops."""
    worst, ops = 0.0, set()
    for some in parts(edited_graphs(n, np.random.default_rng(2))):
        page.set_content(
            f"{IN_FULL}<main hidden>{''.join([change(View(stepper.walk).fragment()) for stepper, _, _ in some])}</main>"
        )
        last = "hosts.map((host, i) => { edit(host, ...argument[i]); stand(host, 1e9); return seen(host); })"
        for seen, (_, _, wanted) in zip(in_page(page, last, [edit for _, edit, _ in some]), some, strict=True):
            nodes = topological_order(wanted.walk.nodes[-1])
            ours = [[float(x) for x in seen["data"]], [0.0 if x == "not yet" else float(x) for x in seen["grads"]]]
            worst = max(worst, farthest([[[x.data for x in nodes], [x.grad for x in nodes]]], [ours]))
            ops |= {node.op.row for node in nodes if node.op}
    return worst, ops


def test_the_pages_own_engine_computes_pythons_numbers_on_500_random_graphs_over_every_op(page):
    worst, ops = farthest_in_page(page)
    assert ops == set(ROWS)
    assert worst < 1e-12


def test_and_no_others(page):
    worst, _ = farthest_in_page(page, lambda told: told.replace("x[0]*x[1]", "x[0]*x[1]*1.00000000001"), AT_ONCE)
    assert worst > 1e-12


def test_numbers_are_written_as_in_python(page):
    rng = np.random.default_rng(3)
    ties = [(n + 0.5) * 10.0**k for n in range(1000, 2000, 7) for k in (-6, -3, -2, 0, 3, 19)] + [n / 16 for n in range(999)]
    wide = rng.choice([-1.0, 1.0], 7_000) * 10.0 ** rng.uniform(-320, 308, 7_000)
    near = rng.normal(size=2_000) * 10.0 ** rng.integers(-6, 6, 2_000)
    corners = [0.0, -0.0, 1e22, 1e23, 5e-324, sys.float_info.max, sys.float_info.min, 1.0625, 0.00001234, 9999.5, 0.00099995]
    numbers = [float(x) for x in [*ties, *wide, *near, *corners, 1e-4, 9.9995e-5, 1e4, 99995.0, 0.1 + 0.2, 1 / 3]]
    assert len(numbers) > 10_000
    show(page, step(Value(1.0, label="x")), hidden=True)
    write = "argument.map(x => { edit(hosts[0], 0, x); return seen(hosts[0]).data[0]; })"
    seen = in_page(page, write, list(map(repr, numbers)))
    assert [(x, ours) for x, ours in zip(numbers, seen, strict=True) if ours != number(x)] == []


def test_infinities_and_nan_are_written_as_in_python(page):
    x = Value(1.0, label="x")
    show(page, step(x * -1e300 - x * 1e300 * -1))
    in_page(page, "edit(hosts[0], 0, 1e10)")
    data = in_page(page, "all(hosts[0]).at(-1).data")
    assert [number(float(x)) for x in ("-inf", "inf", "nan")] == [x for x in ("-inf", "inf", "nan") if x in data]
