"""Opening nodes of many operands: the chain has the numbers of the same expression written by hand."""

import numpy as np
import pytest

from autograd import PRIMITIVES, Value, no_grad, topological_order
from viz import opened
from viz.diagram import describe

dot, total, logsumexp = (PRIMITIVES[name] for name in ("weighted_sum", "add_n", "logaddexp"))


def made(row, *operands):
    return row.call(*operands)


def leaves(rng, n, name):
    return [Value(x, label=f"{name}{i}") for i, x in enumerate(rng.normal(size=n))]


def numbers(root):
    return sorted((box.op, round(box.data, 12), round(box.grad, 12)) for box in describe(root).boxes)


def test_an_opened_dot_is_the_chain_written_by_hand():
    rng = np.random.default_rng(0)
    xs, ws, b = leaves(rng, 3, "x"), leaves(rng, 3, "w"), Value(0.5, label="b")
    by_dot = made(dot, *xs, *ws, b).tanh()
    by_dot.backward()
    shown = numbers(opened(by_dot))
    for leaf in [*xs, *ws, b]:
        leaf.zero_grad()
    by_hand = (b + xs[0] * ws[0] + xs[1] * ws[1] + xs[2] * ws[2]).tanh()
    by_hand.backward()
    assert shown == numbers(by_hand)
    assert len(shown) == 7 + 3 + 3 + 1


@pytest.mark.parametrize("row", [dot, total, logsumexp], ids=lambda row: row.name)
def test_no_variadic_node_remains_and_gradients_still_flow(row):
    xs = leaves(np.random.default_rng(1), 6, "x")
    y = made(row, *xs)
    y.label = "y"
    y = y * y
    y.backward()
    chain = opened(y)
    assert not any(node.op and node.op.variadic for node in topological_order(chain))
    assert [node.label for node in topological_order(chain) if node.op and node.label] == ["y"]
    twins = {node.label: node for node in topological_order(chain) if node.op is None}
    assert [twins[x.label].grad for x in xs] == [x.grad for x in xs]
    for twin in twins.values():
        twin.zero_grad()
    chain.backward()
    assert [twins[x.label].grad for x in xs] == pytest.approx([x.grad for x in xs])


def test_the_graph_itself_is_left_as_it_was():
    x, w = Value(2.0), Value(3.0)
    y = made(dot, x, w, Value(1.0))
    y.backward()
    before = [(node.op, node.inputs, node.data, node.grad) for node in topological_order(y)]
    assert opened(y) is not y
    assert [(node.op, node.inputs, node.data, node.grad) for node in topological_order(y)] == before


def test_one_operand_used_twice_stays_one_leaf():
    x = Value(3.0)
    y = made(total, x, x)
    y.backward()
    chain = opened(y)
    assert chain.inputs[0] is chain.inputs[1]
    assert chain.inputs[0].grad == 2.0


def test_a_sum_of_one_stays_as_it_is():
    y = made(total, Value(3.0))
    assert opened(y).data == 3.0


def test_frozen_operands_and_no_grad_keep_the_chain():
    x = Value(2.0, requires_grad=False)
    y = made(dot, x, x.detach(), Value(1.0))
    with no_grad():
        chain = opened(y)
    assert [node.op.symbol for node in topological_order(chain) if node.op] == ["*", "+"]


def test_a_deep_graph_opens_without_recursion():
    y = Value(1.0)
    for _ in range(5_000):
        y = made(total, y, Value(0.0))
    assert opened(y).data == 1.0


def test_what_is_no_node_is_refused_by_name():
    with pytest.raises(TypeError, match="opened takes a Value, not list"):
        opened([Value(1.0)])
