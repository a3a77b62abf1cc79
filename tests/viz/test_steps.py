"""The steps of a walk are those of backward(): the same numbers, in the same order, bit for bit."""

import math

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import DomainError, StaleGraphError, Tensor, Value
from viz import steps
from viz.steps import walk

from .graphs import random_graph

LOG = []


class Logged(Value):
    """A Value that writes down each number that its gradient becomes."""

    __slots__ = ("held",)

    @property
    def _grad(self):
        return self.held

    @_grad.setter
    def _grad(self, grad):
        self.held = grad
        LOG.append((self, grad))

    grad = _grad


def logged_graph(rng):
    """A random graph of Logged: what is used twice is used by the same op too."""
    nodes = [Logged(float(x)) for x in rng.normal(size=3)]
    for _ in range(20):
        a, b, c = (nodes[i] for i in rng.integers(len(nodes), size=3))
        kinds = [
            lambda a, b, c: ag.weighted_sum(a, b, a, c, b, a, c),
            lambda a, b, c: ag.logaddexp(a, b, a),
            lambda a, b, c: (a * a).tanh() + b / (1.0 + c * c),
            lambda a, b, c: ag.add_n(a, b, b, c).sin(),
            lambda a, b, c: ag.where(a > b, a, c) * 0.3,
            lambda a, b, c: ag.maximum(a, a) * ag.max_n(b, c, b) * 0.2,
        ]
        nodes.append((kinds[rng.integers(len(kinds))](a, b, c) * 0.5).tanh())
    return nodes[-1] * nodes[-2] + nodes[0]


def given_in(walked):
    """What each gradient becomes, in order, in the steps of a walk."""
    log = []
    for step in walked.steps:
        if step.phase == "seed":
            log.append((step.key, step.grad))
        log += [(c.operand, c.after) for c in step.contributions]
    return log


@pytest.mark.parametrize("seed", range(200))
def test_gradients_grow_as_in_backward_number_by_number(seed):
    root = logged_graph(np.random.default_rng(seed))
    computed = sum(step.phase == "forward" for step in walk(root).steps)
    LOG.clear()
    root.backward()
    walked = walk(root)
    keys = {node: key for key, node in enumerate(walked.nodes)}
    heard = [(keys[node], grad) for node, grad in LOG if node in keys]  # the walk's own stand-ins are heard too

    told = given_in(walked)
    assert heard[computed : computed + len(told)] == told  # before, the gradients of computed nodes become 0


def test_the_log_would_see_another_order():
    root = logged_graph(np.random.default_rng(0))
    walked = walk(root)
    keys = {node: key for key, node in enumerate(walked.nodes)}
    LOG.clear()
    root.backward()

    told = given_in(walked)
    assert [(keys[node], grad) for node, grad in LOG][-len(told) :] != [*told[:-2], told[-1], told[-2]]


@pytest.mark.parametrize("seed", range(50))
def test_over_every_op_gradients_are_those_of_backward(seed):
    values, _ = random_graph(np.random.default_rng(seed))
    for x in values:
        x.zero_grad()
    values[-1].backward()
    walked = walk(values[-1])

    assert list(walked.end) == [node.grad for node in walked.nodes]


@pytest.mark.parametrize("seed", range(50))
def test_amounts_are_upstream_times_local_and_sums_are_sums(seed):
    values, _ = random_graph(np.random.default_rng(seed))
    for step in walk(values[-1]).steps:
        for c in step.contributions:
            assert c.after == c.before + c.amount
            assert c.amount == pytest.approx(step.grad * c.local, rel=1e-15, abs=0)


def test_arrays_give_what_backward_gives():
    rng = np.random.default_rng(0)
    w, x = Tensor(rng.normal(size=(3, 2)), label="w"), Tensor(rng.normal(size=(5, 3)))
    b = Tensor(rng.normal(size=2), label="b")
    loss = ((x @ w + b).tanh() * x[:, :2]).mean()
    walked = walk(loss)
    loss.backward()

    for ours, node in zip(list(walked.end), walked.nodes, strict=True):
        np.testing.assert_array_equal(ours, node.grad, strict=isinstance(ours, np.ndarray))
    matmul = next(step for step in walked.steps if step.phase == "backward" and step.op == "matmul")
    assert [c.local for c in matmul.contributions] == [None, None]
    assert [c.amount.shape for c in matmul.contributions] == [(5, 3), (3, 2)]


@pytest.mark.parametrize(
    "build",
    [
        lambda x, t: (t.values()[0] * x + t.values()[1]).tanh(),
        lambda x, t: (Tensor.of([x, x * x]) * t).sum(),
        lambda x, t: ag.checkpoint(lambda a: (a * a).exp() * x)(x),
        lambda x, t: ag.matmul(np.array([x, x * 2.0], object), np.array([x, 3.0], object)),
        lambda x, t: x + 0.0,
    ],
    ids=["values of a tensor", "tensor of values", "checkpoint", "dot of objects", "a constant beside it"],
)
def test_graphs_of_both_kinds_and_of_other_ops_are_walked_alike(build):
    x, t = Value(0.7, label="x"), Tensor([0.5, -1.5], label="t")
    root = build(x, t)
    walked = walk(root)
    root.backward()

    for ours, node in zip(list(walked.end), walked.nodes, strict=True):
        np.testing.assert_array_equal(ours, node.grad)


def test_the_graph_is_left_as_it_was():
    x = Value(2.0)
    y = (x * x).tanh()
    y.backward()
    before = x.grad, y.grad
    walk(y)

    assert (x.grad, y.grad) == before


def test_what_leaves_hold_can_be_added_to():
    x = Value(3.0)
    y = x * x * x
    y.backward()
    first, again = walk(y), walk(y, accumulate=True)
    y.backward()

    assert first.end[0] == 27.0
    assert again.start[0] == 27.0
    assert again.end[0] == x.grad == 54.0


def test_the_seed_is_the_cotangent_given():
    x, t = Value(3.0), Tensor([1.0, 2.0])
    assert walk(x * x, 0.5).end[0] == 3.0
    np.testing.assert_array_equal(walk(t * t, [1.0, 10.0]).end[0], [2.0, 40.0])
    assert [step.phase for step in walk(x).steps] == ["seed"]


def test_an_op_without_partials_has_slopes_where_it_works_on_numbers():
    @ag.primitive(lambda xp, g, z, x: g * 3.0 * x * x)
    def cubed(xp, x):
        return x * x * x

    try:
        (given,) = walk(cubed(Value(2.0))).steps[-1].contributions
    finally:
        del ag.PRIMITIVES["cubed"]
    assert (given.local, given.amount) == (12.0, 12.0)


def test_nan_and_infinity_are_told_as_they_are():
    x = Value(1e200)
    y = (x * x) * 0.0
    walked = walk(y)
    y.backward()

    assert walked.steps[0].data == math.inf
    assert math.isnan(walked.steps[1].data)
    np.testing.assert_array_equal(list(walked.end), [node.grad for node in walked.nodes])


@pytest.mark.parametrize(
    ("root", "error", "words"),
    [
        (3.0, TypeError, "step takes a Value or a Tensor, not float"),
        ([Value(1.0)], TypeError, "of several values, take one or their sum"),
        (Value(1.0).detach() * 2, ValueError, "is a constant, so it has no gradient"),
        (Tensor([1.0, 2.0]) * 2, ValueError, "cotangent"),
    ],
)
def test_what_cannot_be_walked_is_refused_in_words(root, error, words):
    with pytest.raises(error, match=words):
        walk(root)


def test_a_stale_graph_and_a_point_without_derivative_are_refused_as_by_backward():
    x = Value(2.0, label="x")
    y = x * x
    x.data = 3.0
    with pytest.raises(StaleGraphError, match="'x' was written"):
        walk(y)
    with pytest.raises(DomainError, match="'sqrt' has no finite derivative"):
        walk(Value(0.0).sqrt())


def test_only_slopes_that_are_asked_for_are_taken():
    (given,) = walk(Value(-2.0) ** 2).steps[-1].contributions  # in its exponent it has none
    assert given.local == -4.0


def test_a_chain_of_100_000_nodes_is_walked():
    y = Value(1.0)
    for _ in range(100_000):
        y = y + 0.0
    assert walk(y).end[0] == 1.0


def test_a_network_is_walked_as_backward_goes_through_it():
    data = nn.data.moons(20, rng=0)
    model = nn.MLP(2, [4, 4, 1], rng=0)
    loss = nn.bce_with_logits(model(data.x), data.y)
    walked = walk(loss)
    loss.backward()

    assert list(walked.end) == [node.grad for node in walked.nodes]


def test_what_is_handed_on_is_what_the_op_gives_and_not_more(monkeypatch):
    x = Value(2.0)
    y = x * x
    monkeypatch.setattr(steps, "handed_on", lambda node, grad: [(0, 1.0)])
    y.backward()

    assert walk(y).end[0] != x.grad
