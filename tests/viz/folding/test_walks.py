"""A walk through a folded graph keeps the books of the walk through its nodes."""

import re
from math import fsum

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from viz import fold, step
from viz.folding.walks import fold_walk
from viz.moments import last_moment
from viz.steps import walk
from viz.transcript import sentences


def batch(n=12, hidden=(3, 3)):
    data = nn.data.moons(n, rng=0)
    model = nn.MLP(2, [*hidden, 1], rng=0)
    loss = nn.bce_with_logits(model(data.x), data.y)
    loss.label = "loss"
    return loss


def crossing(walked, folding):
    """What each box is given by the others, contribution by contribution, from the walk through the nodes."""
    given = {}
    for s in walked.steps:
        for c in s.contributions:
            boxes = folding.box_of[c.operand], folding.box_of[s.key]
            if boxes[0] != boxes[1]:
                given.setdefault(boxes, []).append(c.amount)
    return given


@pytest.mark.parametrize(
    "options", [{}, {"depth": 0}, {"depth": 1}, {"expand": "layers.1"}, {"expand": ["layers.0", "layers.2"]}]
)
def test_what_boxes_give_each_other_is_the_exact_sum_of_what_their_nodes_do(options):
    loss = batch()
    plain = walk(loss)
    folding = fold(loss, **options)
    folded = fold_walk(plain, folding)
    told = {}
    for s in folded.steps:
        for c in s.contributions:
            told.setdefault((c.operand, s.key), []).append(c)

    expected = crossing(plain, folding)
    assert told.keys() == expected.keys()
    for boxes, amounts in expected.items():
        assert sum(c.count or 1 for c in told[boxes]) == len(amounts)
        assert fsum(c.amount for c in told[boxes]) == pytest.approx(fsum(amounts), rel=1e-15, abs=1e-300)


def test_each_box_is_computed_once_before_what_it_needs_hands_on():
    loss = batch()
    folded = fold_walk(walk(loss), fold(loss))
    phases = [s.phase for s in folded.steps]
    forward = [s.key for s in folded.steps if s.phase == "forward"]
    backward = [s.key for s in folded.steps if s.phase == "backward"]
    assert phases == sorted(phases, key=["forward", "seed", "backward"].index)
    assert forward == sorted(set(forward))
    assert backward == forward[::-1]


def test_steps_know_the_steps_they_are_made_of():
    loss = batch()
    plain, folded = walk(loss), step(loss).walk
    assert sorted(part.index for s in folded.steps for part in s.parts) == [s.index for s in plain.steps]


def test_a_large_graph_folds_by_itself_and_a_small_one_does_not():
    assert len(step(batch())) < 30
    assert len(step(batch(), fold=False)) == len(walk(batch()).steps)
    assert not step(batch(2, (2,))).walk.steps[0].parts
    assert step(batch(2, (2,)), depth=0).walk.steps[0].parts


def test_breakpoints_hold_for_nodes_within_boxes():
    loss = batch()
    inner = next(s.node for s in walk(loss).steps if s.op == "weighted_sum")
    stepper = step(loss, breakpoints=[inner])
    assert stepper.hits
    assert all(
        any(part.node is inner or inner in part.node.inputs for part in stepper.walk.steps[n - 1].parts) for n in stepper.hits
    )
    assert stepper.goto(inner).number in stepper.hits


def test_a_folded_walk_is_told_in_words_and_shown():
    stepper = step(batch())
    told = sentences(stepper.walk)
    assert told[0].startswith("layers.0 = Dense(2, 3, 'relu') of ")
    assert any(" contributions of layers.2 = 0 + " in line for line in told)
    assert told[-1] == "layers.0 hands its gradient on within"
    assert stepper.svg.count("not yet") > 0
    assert "values:[" not in stepper.to_html()


def test_networks_of_arrays_fold_too():
    rng = np.random.default_rng(0)
    w, v = Tensor(rng.normal(size=(3, 2)), label="w"), Tensor(rng.normal(size=(2, 1)), label="v")
    loss = ((Tensor(rng.normal(size=(5, 3)), label="x") @ w).tanh() @ v).sum()
    plain, folding = walk(loss), fold(loss)
    folded = fold_walk(plain, folding)
    assert fsum(np.sum(c.amount) for s in folded.steps for c in s.contributions) == pytest.approx(
        fsum(np.sum(x) for amounts in crossing(plain, folding).values() for x in amounts), rel=1e-12
    )


def chain(links):
    y = Value(0.5, label="x")
    for _ in range(links):
        y = y.tanh() * 0.9 + 0.1
    return y


@pytest.mark.parametrize("root", [batch, lambda: chain(200)], ids=["batch", "chain"])
def test_upstream_times_local_is_told_only_where_it_is_the_contribution(root):
    folded = step(root(), fold=True).walk
    assert [s for s in folded.steps if s.phase == "backward" and len(s.parts) > 1]
    for s in folded.steps:
        for c in s.contributions:
            assert (c.count == 0) == (c.local is not None)
            assert c.local is None or c.amount == pytest.approx(s.grad * c.local, rel=1e-12)


def test_a_single_edge_between_boxes_is_told_as_what_it_carries():
    stepper = step(chain(200))
    lines = [line for line in stepper.text().splitlines() if ".grad += " in line]
    assert lines
    assert all(re.search(r"\.grad \+= 1 contribution of .* = 0 \+ (\S+) = \1$", line) for line in lines)
    assert "×" not in "".join(last_moment(stepper.walk).labels.values())


def test_a_lost_contribution_is_seen(monkeypatch):
    loss = batch()
    plain, folding = walk(loss), fold(loss)
    monkeypatch.setattr("viz.folding.walks._together", lambda amounts: fsum(amounts[1:]))
    folded = fold_walk(plain, folding)
    told = fsum(c.amount for s in folded.steps for c in s.contributions)
    assert told != pytest.approx(fsum(x for amounts in crossing(plain, folding).values() for x in amounts), rel=1e-12)


def test_gradients_held_before_are_counted_with():
    x = Value(2.0, label="x")
    y = (x * x).tanh()
    y.backward()
    held = x.grad
    folded = step(y, accumulate=True, fold=True).walk
    y.backward()

    assert held in folded.start
    assert x.grad in [c.after for s in folded.steps for c in s.contributions]


def test_gradients_held_by_what_a_box_keeps_to_itself_are_not_in_what_it_is_given():
    y = nn.MLP(2, [3, 1], rng=0)([1.0, 2.0])
    first = step(y, depth=1).walk
    y.backward()
    again = step(y, depth=1, accumulate=True).walk
    assert sentences(again) == sentences(first)


def test_what_is_in_boxes_has_the_gradients_of_the_walk_though_backward_was_never_called():
    loss, other = batch(), batch()
    other.backward()
    shown, expected = step(loss), step(other)

    assert loss.grad == 0.0
    assert shown.inside == expected.inside
    assert "<img" in shown.inside
