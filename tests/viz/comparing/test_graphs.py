"""Two graphs side by side: aligned, and compared step by step."""

import numpy as np
import pytest

from autograd import PRIMITIVES, Domain, StaleGraphError, Tensor, Value, elementwise, topological_order
from viz import diff
from viz.comparing.aligning import aligned
from viz.comparing.sides import Side
from viz.steps import walk

from .loops import neuron, random_graph


@pytest.fixture
def broken_tanh():
    @elementwise(lambda xp, y, x: 1 - y, domain=(Domain("", ((-2.0, 2.0),)),))
    def broken_tanh(xp, x):
        """``tanh`` with a wrong rule."""
        return xp.tanh(x)

    yield broken_tanh
    del PRIMITIVES["broken_tanh"]


def squared_error(activation, w=0.5):
    weight, x, b = Value(w, label="w"), Value(2.0, label="x"), Value(0.1, label="b")
    h = activation(weight * x + b)
    h.label = "h"
    loss = (h - 1) ** 2
    loss.label = "loss"
    return loss


@pytest.mark.parametrize("seed", range(10))
def test_a_graph_built_twice_is_the_same(seed):
    a, b = (random_graph(np.random.default_rng(seed)) for _ in range(2))
    difference = diff(a, b)
    assert difference.same
    assert not difference
    assert (difference.first, difference.changes, difference.structure) == (None, (), ())


def test_a_wrong_rule_is_found_in_its_step_and_named(broken_tanh):
    difference = diff(squared_error(Value.tanh), squared_error(broken_tanh))
    first = difference.first
    h = np.tanh(1.1)
    assert (first.number, first.node, first.operand, first.what) == (9, "h", "v4", "∂h/∂v4")
    assert (first.a, first.b) == pytest.approx((1 - h * h, 1 - h))
    assert first.looks_like == ("looks like 1 - y, not 1 - y²",)
    assert difference.structure == ("h = tanh(v4) in graph 1 is h = broken_tanh(v4) in graph 2",)
    assert [change.node for change in difference.changes if change.what == "data"] == []
    assert {change.node for change in difference.changes} == {"v4", "v2", "b", "w", "x"}


def test_before_and_after_a_training_step_changes_are_ranked():
    w = Value(0.5, label="w")
    x = Value(2.0, label="x", requires_grad=False)

    def loss():
        return (w * x - 3) ** 2

    root = loss()
    before = walk(root)
    root.backward()
    assert w.grad == 2 * (0.5 * 2 - 3) * 2
    w.descend(0.1 * w.grad)
    difference = diff(before, loss())
    first = difference.first
    assert (first.phase, first.number, first.operand, first.what, first.a, first.b) == ("forward", 1, "w", "data", 0.5, 1.3)
    distances = [change.distance for change in difference.changes]
    assert distances == sorted(distances, reverse=True)
    told = {(change.node, change.what): (change.a, change.b) for change in difference.changes}
    assert told["w", "gradient"] == pytest.approx((-8.0, 4 * (1.3 * 2 - 3)))
    assert told["w", "data"] == (0.5, 1.3)


def test_a_graph_whose_leaves_were_written_says_how_to_keep_it():
    w = Value(0.5, label="w")
    old = w * w
    w.data = 1.0
    with pytest.raises(StaleGraphError) as caught:
        diff(old, w * w)
    assert "take walk(root) before it" in caught.value.__notes__[0]


def test_a_detached_value_is_named():
    def graph(detach):
        w, x = Value(0.5, label="w"), Value(2.0, label="x")
        h = w * x
        return (h.detach() if detach else h) * w

    difference = diff(graph(False), graph(True))
    assert difference.first.looks_like == ("a constant takes no gradient: detached, or made under no_grad()",)
    assert (difference.first.operand, difference.first.b) == ("v2", None)
    assert "v2 = w * x in graph 1 is the constant 1 in graph 2" in difference.structure


def test_a_node_put_between_is_told_and_all_else_still_aligned():
    def graph(between):
        w, x = Value(0.5, label="w"), Value(2.0, label="x")
        h = w * x
        h.label = "h"
        return between(h) * w

    difference = diff(graph(lambda h: h), graph(lambda h: h.relu()))
    assert difference.first is None
    assert difference.structure == (
        "v3 = h * w in graph 1 has other operands in graph 2: v4 = v3 * w",
        "v3 = relu(h) is in graph 2 only",
    )
    assert difference
    assert not difference.same


def test_other_settings_of_an_op_are_told():
    x = Tensor(np.ones((3, 3)), label="x")
    difference = diff(x.sum(axis=0).sum(), x.sum(axis=1).sum())
    assert difference.structure == ("v1 = sum(x, axis=0) in graph 1 is v1 = sum(x, axis=1) in graph 2",)


def test_operands_the_other_way_round_are_compared_with_their_partners():
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    difference = diff(a * b, b * a)
    assert difference.first is None
    assert len(difference.structure) == 1


def test_without_labels_graphs_are_aligned_from_the_result_down():
    def graph():
        x, y = Value(2.0), Value(3.0)
        return (x * y + x) * (x * y)

    a, b = Side(walk(graph())), Side(walk(graph()))
    assert aligned(a, b) == {key: key for key in range(len(a.operands))}


@pytest.mark.parametrize("seed", range(10))
def test_no_two_nodes_have_the_same_partner(seed):
    a, b = (Side(walk(random_graph(np.random.default_rng(n)))) for n in (seed, seed + 100))
    pairs = aligned(a, b)
    assert len(pairs) > 5
    assert len(set(pairs.values())) == len(pairs)


def test_a_label_that_two_nodes_bear_aligns_nothing():
    def graph(first, second):
        x, y = Value(first, label="x"), Value(second, label="x")
        return x - y

    assert diff(graph(1.0, 2.0), graph(1.0, 2.0)).same
    assert [change.b for change in diff(graph(1.0, 2.0), graph(1.0, 7.0)).changes] == [7.0, -6.0]


def test_a_result_that_became_an_inner_node_is_known_by_its_label():
    def graph():
        w = Value(3.0, label="w")
        loss = w * w
        loss.label = "loss"
        return loss, w

    plain, _ = graph()
    loss, w = graph()
    difference = diff(plain, loss + w)
    assert difference.structure == ("v2 = loss + w is in graph 2 only",)
    assert (difference.first.what, difference.first.a, difference.first.b) == ("gradient before", 0.0, 1.0)


def test_not_a_number_beside_itself_is_no_difference():
    def graph(x):
        return Value(x, label="x") * Value(2.0, label="y")

    nan, inf = float("nan"), float("inf")
    assert diff(graph(nan), graph(nan)).same
    assert diff(graph(inf), graph(inf)).same
    assert diff(graph(inf), graph(-inf)).changes[0].distance == inf
    assert diff(graph(1.0), graph(nan)).first.operand == "x"


def test_another_cotangent_to_start_from_is_found_at_the_seed():
    root = neuron()
    first = diff(walk(root), walk(root, 2.0)).first
    assert (first.phase, first.a, first.b, first.looks_like) == ("seed", 1.0, 2.0, ("a factor of 2",))


def test_a_start_from_old_gradients_is_named():
    root = neuron()
    root.backward()
    first = diff(walk(root), walk(root, accumulate=True)).first
    assert first.what == "gradient before"
    assert first.looks_like == ("it started from the gradient of an earlier pass: zero_grad is missing",)


def test_tensors_of_other_shapes_are_told():
    def graph(n):
        return Tensor(np.ones(n), label="x").sum()

    first = diff(graph(2), graph(3)).first
    assert (first.operand, first.what, np.shape(first.a), np.shape(first.b)) == ("x", "data", (2,), (3,))


def chain(length, factor):
    y = Value(1.0, label="x")
    for _ in range(length):
        y = y * 1.00001
    return y * factor


def test_graphs_of_a_hundred_thousand_nodes_are_compared_without_recursion():
    difference = diff(chain(50_000, 1.0), chain(50_000, 2.0))
    assert (difference.first.number, difference.first.b) == (50_001, 2.0)
    assert difference.text().count("\n") < 40
    assert difference.svg.count("<g><title>") <= 80


def test_a_pass_through_a_deep_graph_is_judged_without_recursion():
    root = chain(5_000, 1.0)
    gradients = dict(zip(topological_order(root), Side(walk(root)).gradients, strict=True))
    assert diff(root, gradients).same
    gradients[topological_order(root)[0]] *= -1
    assert diff(root, gradients).first.looks_like == ("the sign",)


@pytest.mark.parametrize("side", [1.0, "x", None, b"x"])
def test_what_is_no_side_is_refused(side):
    with pytest.raises(TypeError, match=r"diff takes a node, walk\(node\), gradients .* not "):
        diff(neuron(), side)


def test_one_side_must_be_a_graph():
    x = Value(1.0)
    with pytest.raises(TypeError, match="one side is a graph"):
        diff({x: 1.0}, [(x, 1.0)])


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_must_be_one(tolerance):
    with pytest.raises(ValueError, match="tolerance is a number from 0 on"):
        diff(neuron(), neuron(), tolerance=tolerance)
