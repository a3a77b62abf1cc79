"""A learner's own backward pass: each slip is found in its first step and named, and what is right is not accused."""

import numpy as np
import pytest

from autograd import Tensor, Value, topological_order
from viz import diff
from viz.steps import walk

from .loops import LOCAL, backward, by_label, neuron, random_graph

REPLACED = "it took the place of what was there: = where += is meant"
NEVER_CAME = "nothing came from here: detached, or left out"
TOO_EARLY = "handed on before all of its own contributions had come: not in reverse topological order"
NO_LOCAL = "the local derivative was forgotten: the upstream gradient was handed on as it is"
OLD_GRADIENT = "it started from the gradient of an earlier pass: zero_grad is missing"

# steps of neuron(): 1 to 6 forward, 7 the seed, 8 back through loss, 9 x * h, 10 h * h, 11 tanh, 12 the sum, 13 x * w
AT = {
    "=": (10, "h", 0, REPLACED),
    "zero_grad": (8, "v6", 0, OLD_GRADIENT),
    "order": (11, "v4", 0, TOO_EARLY),
    "local": (11, "v4", 0, NO_LOCAL),
    "sign": (11, "v4", 0, "the sign"),
    "detached": (9, "h", 1, NEVER_CAME),
    "twice": (11, "v4", 0, "a factor of 2"),
}


def passed(root, slip=""):
    return backward(root, slip, backward(root)[0] if slip == "zero_grad" else None)


@pytest.mark.parametrize("slip", AT)
def test_each_slip_in_a_loop_is_found_in_its_first_step_and_named(slip):
    root = neuron()
    first = diff(root, passed(root, slip)[1]).first
    assert (first.number, first.operand, first.position, *first.looks_like) == AT[slip]
    assert first.phase == "backward"


@pytest.mark.parametrize("slip", AT)
def test_from_the_gradients_alone_it_is_found_too_and_its_name_is_among_those_given(slip):
    root = neuron()
    first = diff(root, passed(root, slip)[0]).first
    number, operand, position, word = AT[slip]
    assert (first.number, first.operand, first.position) == (number, operand, position)
    assert word in first.looks_like
    assert len(first.looks_like) <= 2


def test_a_gradient_that_only_its_last_use_gave_was_most_likely_assigned():
    x, w = Value(3.0, label="x"), Value(2.0, label="w")
    first = diff(x * x, {x: 3.0}).first
    assert (first.number, first.position, first.looks_like) == (3, 1, (REPLACED, NEVER_CAME))
    first = diff(x * w + x, {x: 2.0}).first  # x * w comes last
    assert (first.node, first.position, first.looks_like[0]) == ("v2", 0, REPLACED)


def test_it_is_the_first_use_that_finds_a_gradient_there_which_is_blamed():
    x, last = Value(3.0, label="x"), Value(9.0, label="last")
    for last.data, blamed in ((9.0, 7.0), (0.0, 5.0)):  # the others come after it: 7, then 5
        first = diff(x * 5 + x * 7 + x * last, {x: 5.0}).first
        numbers = {what: right for what, right, _ in first.numbers}
        assert (first.looks_like[0], numbers["contribution"]) == (REPLACED, blamed)


def test_a_gradient_that_another_use_gave_alone_lacks_the_last():
    x, w = Value(3.0, label="x"), Value(2.0, label="w")
    first = diff(x * w + x, {x: 1.0}).first
    assert (first.node, first.looks_like) == ("v2", (NEVER_CAME, TOO_EARLY, REPLACED))


def test_of_gradients_alone_what_one_of_several_uses_gave_is_unknown():
    x = Value(3.0, label="x")
    assert ("contribution", 3.0, None) in diff(x * x, {x: 3.0}).first.numbers
    assert ("contribution", 2.0, 4.0) in diff(x * 2, {x: 4.0}).first.numbers


def test_the_numbers_of_the_step_stand_on_their_sides():
    root = neuron()
    events = passed(root, "sign")[1]
    theirs, mine = diff(root, events).first, diff(events, root).first
    h = by_label(root, "h")[0]
    upstream = 2 * h.data + 2.0
    numbers = {what: (a, b) for what, a, b in theirs.numbers}
    assert numbers["upstream"] == pytest.approx((upstream, upstream))
    assert numbers["contribution"] == pytest.approx((upstream * (1 - h.data**2), -upstream * (1 - h.data**2)))
    assert (theirs.a, theirs.b) == (mine.b, mine.a) == numbers[theirs.what]


@pytest.mark.parametrize("seed", range(30))
def test_a_right_pass_is_not_accused_in_whatever_order_it_goes(seed):
    rng = np.random.default_rng(seed)
    root = random_graph(rng)
    grads, events = backward(root)
    assert diff(root, grads).same
    assert diff(root, events).same
    assert diff(events, root).same
    assert diff(root, backward_in_another_order(root, rng)).same


def backward_in_another_order(root, rng):
    """Any node that is complete may be next, and its operands come in any order."""
    waiting = dict.fromkeys(topological_order(root), 0)
    for node in waiting:
        for x in node.inputs:
            waiting[x] += 1
    grads, events, ready = dict.fromkeys(waiting, 0.0) | {root: 1.0}, [], [root]
    while ready:
        node = ready.pop(int(rng.integers(len(ready))))
        uses = list(enumerate(node.inputs))
        rng.shuffle(uses)
        for position, x in uses:
            grads[x] += grads[node] * LOCAL[node.op.name](node.data, *[y.data for y in node.inputs])[position]
            events.append((x, grads[x]))
            waiting[x] -= 1
            if not waiting[x] and x.op is not None:
                ready.append(x)
    return events


@pytest.mark.parametrize("seed", range(30))
def test_one_wrong_number_anywhere_is_found_where_it_is(seed):
    rng = np.random.default_rng(seed)
    root = random_graph(rng)
    steps = walk(root)
    gradients = dict.fromkeys(steps.nodes, 0.0) | {root: 1.0}
    places = [(step, given) for step in steps.steps for given in step.contributions if given.amount]
    step, wrong = places[int(rng.integers(len(places)))]
    events = []
    for other in steps.steps:
        for given in other.contributions:
            node = steps.nodes[given.operand]
            # what follows is right again, from the wrong number on
            partial = given.amount / other.grad if other.grad else 0.0
            gradients[node] += partial * gradients[other.node] * (1.37 if given is wrong else 1.0)
            events.append((node, gradients[node]))
    first = diff(root, events, tolerance=1e-9).first
    assert first is not None
    assert (first.step.index, first.position) == (step.index, wrong.position)


def test_what_follows_a_slip_is_not_accused():
    root = neuron()
    grads, _ = passed(root, "local")
    difference = diff(root, {x: grads[x] for x in by_label(root, "w") + by_label(root, "h")} | {root.inputs[0]: 1.0})
    assert difference.first.operand == "w"
    assert diff(root, grads).first.operand == "v4"


def test_of_uses_that_give_the_same_it_is_the_one_in_hand():
    x = Value(3.0, label="x")
    p, q = x * Value(2.0, label="v"), x * Value(2.0, label="w")
    root = p + q
    for one, other in ((p, q), (q, p)):
        events = [(p, 1.0), (q, 1.0), (one.inputs[1], 3.0), (x, 2.0), (other.inputs[1], 3.0), (x, 7.0)]
        assert diff(root, events).first.step.node is other


def test_an_event_too_many_is_found():
    root = neuron()
    events = passed(root)[1]
    x = by_label(root, "w")[0]
    assert diff(root, [*events, (x, 17.0)]).first.looks_like == ("it was given once more than it is used",)


def test_a_wrong_start_is_found():
    root = neuron()
    first = diff(root, [(root, 2.0)]).first
    assert (first.phase, first.what, first.a, first.b, first.looks_like) == ("seed", "gradient", 1.0, 2.0, ("a factor of 2",))
    assert diff(root, {root: 0.0}).first.phase == "seed"


def test_an_unknown_head_start_is_told_in_numbers():
    root = neuron()
    w = by_label(root, "w")[0]
    events = [(node, g + 0.125 if node is w else g) for node, g in passed(root)[1]]
    assert diff(root, events).first.looks_like == ("as if it had started from 0.125: is zero_grad missing?",)


def test_a_walk_that_accumulates_is_compared_from_where_it_starts():
    root = neuron()
    root.backward()
    right = walk(root, accumulate=True)
    root.backward()
    leaves = [x for x in topological_order(root) if x.op is None]
    assert diff(right, {x: x.grad for x in leaves}).same
    assert diff(root, {x: x.grad for x in leaves}).first.looks_like == (OLD_GRADIENT,)


def test_nothing_but_zeros_is_no_difference_where_zero_is_right():
    x, y = Value(2.0, label="x"), Value(0.0, label="y")
    root = x * y
    assert diff(root, {x: 0.0, y: 2.0}).same
    assert diff(root, [(y, 2.0)]).same


def test_not_a_number_is_the_same_as_itself_and_as_nothing_else():
    x, y = Value(float("nan"), label="x"), Value(float("inf"), label="y")
    root = x * y
    assert diff(root, {x: float("inf"), y: float("nan")}).same
    assert diff(root, {x: float("-inf"), y: float("nan")}).first.operand == "x"
    assert diff(root, {y: 1.0}).first.operand == "y"
    assert diff(root, {x: 5.0}).changes[0].distance == float("inf")


def test_rounding_is_measured_by_what_was_added():
    x = Value(1.0, label="x")
    root = (x * 1e9 + x) - x * 1e9
    assert diff(root, {x: 1.0 + 1e-8}).same  # of numbers of size 1e9
    assert not diff(root, {x: 1.1}).same


def test_rounding_of_the_cotangent_is_no_change():
    x = Value(3.0, label="x")
    root = x * 2
    changes = diff(walk(root, grad=0.3), {root: 0.1 + 0.2, x: 1.0}).changes
    assert [change.node for change in changes] == ["x"]


def test_the_tolerance_is_the_users():
    x = Value(3.0, label="x")
    root = x * x
    assert not diff(root, {x: 6.001}).same
    assert diff(root, {x: 6.001}, tolerance=1e-3).same


class TestOfTensors:
    def graph(self):
        a, b = Tensor(np.arange(6.0).reshape(2, 3) / 5, label="a"), Tensor(np.ones(3), label="b")
        root = (a * b + b).sum()
        return a, b, root

    def test_the_element_that_is_farthest_apart_is_named(self):
        a, b, root = self.graph()
        right = np.ones((2, 3)) * b.data
        assert diff(root, {a: right, b: a.data.sum(0) + 2.0}).same
        wrong = right.copy()
        wrong[1, 2] = 3.0
        difference = diff(root, {a: wrong})
        assert (difference.changes[0].index, difference.changes[0].distance) == ((1, 2), 2.0)
        assert "at [1, 2]       1                       3" in difference.text()

    def test_a_gradient_that_was_not_summed_to_its_shape_is_named(self):
        _, b, root = self.graph()
        first = diff(root, {b: np.ones((2, 3))}).first
        assert first.looks_like == ("its shape is (2, 3), not (3,): not summed to that of the node",)

    def test_events_are_judged(self):
        a, b, root = self.graph()
        total, product = root.inputs[0], root.inputs[0].inputs[0]
        ones = np.ones((2, 3))
        events = [(total, ones), (product, ones), (b, ones.sum(0)), (a, ones * b.data), (b, ones.sum(0) + a.data.sum(0))]
        assert diff(root, events).same
        events[-1] = (b, a.data.sum(0))
        assert diff(root, events).first.looks_like == (REPLACED,)

    def test_a_transposed_gradient_is_named(self):
        w, x = Tensor([[1.0, 2.0], [3.0, 5.0]], label="w"), Tensor([[1.0, -1.0], [4.0, 0.5]], label="x")
        root = ((x @ w) ** 2).sum()
        root.backward()
        assert diff(root, {w: w.grad.T}).first.looks_like == ("transposed",)

    def test_numbers_in_single_precision_are_not_held_to_more_than_they_have(self):
        x = Tensor(np.array([0.1, 0.7], np.float32), label="x")
        root = x.tanh().sum()
        exact = 1 - np.tanh(np.array([0.1, 0.7])) ** 2
        assert diff(root, {x: exact}).same
        assert not diff(root, {x: exact * 1.001}).same


def test_gradients_may_be_values_and_numpy_numbers():
    x = Value(3.0, label="x")
    root = x * x
    assert diff(root, [(x, np.float64(3.0)), (x, Value(6.0))]).same


def test_constants_take_no_gradient_and_what_is_claimed_of_them_does_not_matter():
    x = Value(3.0, label="x")
    root = x * 2
    assert diff(root, [(x, 2.0), (root.inputs[1], 3.0)]).same


def test_a_node_of_another_graph_is_refused_unless_its_gradient_is_0():
    x, other = Value(3.0, label="x"), Value(1.0, label="other")
    root = x * x
    assert diff(root, {x: 6.0, other: 0.0}).same
    with pytest.raises(ValueError, match="'other' has a gradient, 2, and is not in the graph"):
        diff(root, {x: 6.0, other: 2.0})


@pytest.mark.parametrize("claim", [[1.0], [("x", 1.0)], [(Value(1.0), 1.0, 2.0)]])
def test_what_is_no_event_is_refused(claim):
    with pytest.raises(TypeError, match=r"an event is a node and its gradient after it, \(node, gradient\), not"):
        diff(Value(1.0) * 2, claim)


@pytest.mark.parametrize("gradient", [None, "1", object(), 1j])
def test_what_is_no_number_is_refused(gradient):
    x = Value(1.0, label="x")
    with pytest.raises(TypeError, match="the gradient of 'x' is a number or an array of them"):
        diff(x * 2, {x: gradient})
