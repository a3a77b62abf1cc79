"""Opening nodes of many operands: the chain has the numbers of the same expression written by hand."""

import numpy as np
import pytest

import autograd
import nn
from autograd import PRIMITIVES, Tensor, Value, no_grad, topological_order
from viz import fold, opened
from viz.diagram import describe
from viz.opening import scalars

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
    with pytest.raises(TypeError, match="opened takes a Value or a Tensor, not list"):
        opened([Value(1.0)])


# -- Tensors into Values ------------------------------------------------------------------------------------------------------


def mlp(xp, x, w, b, v):
    """Two layers, a softmax and a sum, as numpy, Tensors and arrays of Values all have them."""
    h = xp.tanh(x @ w + b)
    return xp.sum(xp.softmax(h @ v) * xp.reshape(h, (2, 3))[:, :2])


def tensors(rng):
    shapes = {"x": (2, 4), "w": (4, 3), "b": (3,), "v": (3, 2)}
    return {name: Tensor(rng.normal(size=shape), label=name, requires_grad=name != "x") for name, shape in shapes.items()}


def test_scalars_have_the_numbers_and_gradients_of_their_elements():
    operands = tensors(np.random.default_rng(0))
    y = mlp(autograd, *operands.values())
    y.backward()
    root = scalars(y)
    assert isinstance(root, Value)
    assert root.data == pytest.approx(y.item(), rel=1e-14)
    found = {node.label: node for node in topological_order(root)}
    for name, tensor in operands.items():
        for place, x in np.ndenumerate(tensor.data):
            leaf = found[f"{name}{list(place)}"]
            assert (leaf.data, leaf.requires_grad) == (x, name != "x")
            if name != "x":
                assert leaf.grad == tensor.grad[place]


def test_gradients_filled_in_are_those_of_a_backward_pass_through_the_scalars():
    y = mlp(autograd, *tensors(np.random.default_rng(1)).values())
    y.backward()
    root = scalars(y)
    order = topological_order(root)
    filled = [node.grad for node in order]
    for node in order:
        node.grad = 0.0
    root.backward()
    assert filled == pytest.approx([node.grad for node in order], rel=1e-12, abs=1e-15)
    spoilt = [g + 1e-6 for g in filled]
    assert spoilt != pytest.approx([node.grad for node in order], rel=1e-12, abs=1e-15)


def test_a_product_of_matrices_is_a_dot_for_each_element_and_opens_further():
    a, b = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 2)))
    root = scalars((a @ b).sum())
    ops = [node.op.name for node in topological_order(root) if node.op]
    assert sorted(ops) == ["add_n", *["weighted_sum"] * 4]
    assert {node.op.name for node in topological_order(opened(root)) if node.op} == {"add", "mul"}


def test_a_root_with_axes_is_an_array_of_values():
    x = Tensor([[1.0, 2.0]])
    y = scalars(x * 2.0)
    assert (y.shape, y.dtype, [v.data for v in y.flat]) == ((1, 2), object, [2.0, 4.0])
    (leaf,) = scalars(Tensor([3.0], label="t")).tolist()
    assert (leaf.data, leaf.label) == (3.0, "t[0]")


def test_what_only_moves_elements_makes_no_nodes():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    y = scalars(x.T.reshape(6)[::2].sum())
    assert [node.op.name for node in topological_order(y) if node.op] == ["add_n"]


def test_values_and_tensors_of_one_graph_open_together():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    t = Tensor.of([a * b, b])
    p, q = (t * t).values()
    y = Tensor.of([p * q, p]).sum()
    y.backward()
    root = scalars(y)
    assert root.data == 36.0 * 9.0 + 36.0
    found = {node.label: node for node in topological_order(root)}
    assert (found["a"].grad, found["b"].grad) == (a.grad, b.grad)


def test_scalars_of_a_model_fold_by_its_modules():
    class Layer(nn.Module):
        def __init__(self):
            self.weight = Tensor(np.ones((2, 2)), label="w")

        def forward(self, x):
            return (x @ self.weight).tanh()

    y = Layer()(Tensor(np.ones((3, 2)), requires_grad=False)).sum()
    assert any(group.name == "Layer" for group in fold(scalars(y), depth=0).groups)


def test_too_many_elements_are_refused_before_any_is_made():
    big = Tensor(np.ones((1_000, 1_000)))
    with pytest.raises(ValueError, match=r"2,000,002 elements and the limit is 10,000; open a part .*max_nodes="):
        scalars((big * 2.0).sum())


def test_an_op_without_elements_of_its_own_is_named():
    @autograd.primitive(lambda xp, g, z, a: g)
    def opaque(xp, a):
        return np.fft.fft(np.asarray(a, float)).real

    with pytest.raises(ValueError, match="'opaque' cannot be read element by element"):
        scalars(opaque(Tensor([1.0, 2.0])).sum())


def test_scalars_leave_the_graph_as_it_was():
    y = mlp(autograd, *tensors(np.random.default_rng(2)).values())
    y.backward()
    before = [(node.op, node.inputs, np.array(node.data), np.array(node.grad)) for node in topological_order(y)]
    scalars(y)
    after = [(node.op, node.inputs, np.array(node.data), np.array(node.grad)) for node in topological_order(y)]
    for was, now in zip(before, after, strict=True):
        assert was[:2] == now[:2]
        assert np.array_equal(was[2], now[2])
        assert np.array_equal(was[3], now[3])


def test_scalars_are_of_tensors():
    with pytest.raises(TypeError, match="scalars takes a Tensor, not Value"):
        scalars(Value(1.0))
