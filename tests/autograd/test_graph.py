"""Nodes, their order, and the walk back: micrograd's numbers, PyTorch's numbers, and what must never go wrong."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import DomainError, Node, StaleGraphError, Value, topological_order
from autograd.graph import record

# -- known numbers -----------------------------------------------------------------------------------------------------------


def readme(a, b, relu):
    """micrograd's README expression."""
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + relu(b + a))
    d = d + (3 * d + relu(b - a))
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


def sanity_check(x, relu):
    """The expression of micrograd's ``test_sanity_check``."""
    z = 2 * x + 2 + x
    q = relu(z) + z * x
    h = relu(z * z)
    return h + q + q * x


def more_ops(a, b, relu):
    """The expression of micrograd's ``test_more_ops``: the README.s, with in-place sums."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


PUBLISHED = {  # expression, where, its value and its gradient as PyTorch has them
    "readme": (readme, (-4.0, 2.0), 24.70408163265306, (138.83381924198252, 645.5772594752186)),
    "test_sanity_check": (sanity_check, (-4.0,), -20.0, (46.0,)),
    "test_more_ops": (more_ops, (-4.0, 2.0), 24.70408163265306, (138.83381924198252, 645.5772594752186)),
}
published = pytest.mark.parametrize(("expression", "where", "value", "gradient"), PUBLISHED.values(), ids=PUBLISHED)


@published
def test_micrograds_expressions_give_pytorchs_numbers(expression, where, value, gradient):
    leaves = [Value(x) for x in where]
    y = expression(*leaves, lambda v: v.relu())
    y.backward()
    assert y.data == pytest.approx(value, rel=1e-14)
    assert [x.grad for x in leaves] == pytest.approx(gradient, rel=1e-14)


@pytest.mark.oracle
@published
def test_torch_gives_these_numbers(expression, where, value, gradient):
    torch = pytest.importorskip("torch")
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in where]
    y = expression(*leaves, torch.relu)
    y.backward()
    assert y.item() == pytest.approx(value, rel=1e-14)
    assert [x.grad.item() for x in leaves] == pytest.approx(gradient, rel=1e-14)


def test_the_numbers_of_micrograds_readme():
    a, b = Value(-4.0), Value(2.0)
    g = readme(a, b, ag.relu)
    g.backward()
    assert (f"{g.data:.4f}", f"{a.grad:.4f}", f"{b.grad:.4f}") == ("24.7041", "138.8338", "645.5773")


# -- backward again and again ------------------------------------------------------------------------------------------------


def test_leaves_accumulate_until_zero_grad_27_54_27():
    x = Value(3.0)
    y = x * x * x
    y.backward()
    assert x.grad == 27.0
    y.backward()
    assert x.grad == 54.0
    x.zero_grad()
    assert x.grad == 0.0
    y.backward()
    assert x.grad == 27.0


def test_computed_nodes_hold_the_gradient_of_the_last_backward_alone():
    x = Value(3.0)
    square = x * x
    y = square * 5.0
    for _ in range(3):
        y.backward()
        assert (square.grad, y.grad) == (5.0, 1.0)
    square.backward()
    assert square.grad == 1.0
    assert x.grad == 3 * 30 + 6


def test_two_roots_over_one_graph_add_up_on_the_leaf():
    x = Value(2.0)
    shared = x * x
    one, other = shared * 3.0, shared.exp()
    one.backward()
    other.backward()
    assert x.grad == pytest.approx(3 * 4 + 4 * math.exp(4), rel=1e-15)


def test_backward_of_a_leaf_adds_to_its_own_gradient():
    x = Value(3.0)
    x.backward()
    x.backward(2.5)
    assert x.grad == 3.5


def test_the_seed_is_a_real_number():
    x = Value(3.0)
    (x * x).backward(np.float32(0.5))
    assert x.grad == 3.0
    with pytest.raises(TypeError, match="real number, not str"):
        (x * x).backward("1")
    assert x.grad == 3.0


def test_every_gradient_starts_at_zero():
    x = Value(3.0)
    y = x * 2 + 1
    assert [node.grad for node in topological_order(y)] == [0.0] * 5


# -- order -------------------------------------------------------------------------------------------------------------------


def test_operands_come_in_the_order_they_were_written():
    x, y = Value(2.0), Value(5.0)
    assert (x - y).inputs[0] is x
    assert (x - y).inputs[1] is y
    assert (1.0 - y).inputs[0].data == 1.0
    assert [v.data for v in ag.weighted_sum(x, y, y, x, 3.0).inputs] == [2.0, 5.0, 5.0, 2.0, 3.0]


def test_x_times_x_has_two_edges():
    x = Value(3.0)
    square = x * x
    assert len(square.inputs) == 2
    assert square.inputs[0] is x
    assert square.inputs[1] is x
    assert len(topological_order(square)) == 2
    square.backward()
    assert x.grad == 6.0


def random_expression(rng, leaves, size, functions):
    """A random graph in which everything may be used again, with numbers kept near 1."""
    nodes = list(leaves)
    for _ in range(size):
        x, y = (nodes[i] for i in rng.integers(len(nodes), size=2))
        nodes.append(functions[rng.integers(len(functions))](x, y))
    return functions[0](nodes[-1], nodes[-2])


def smooth():
    """Bounded and smooth, for Values as for floats."""
    return [
        lambda x, y: ag.tanh(x + y),
        lambda x, y: ag.sin(x * y),
        lambda x, y: ag.tanh(x - 2.0 * y),
        lambda x, y: x / (1.0 + y * y),
        lambda x, y: ag.weighted_sum(x, y, y, 0.5, 0.1),
        lambda x, y: 0.3 * ag.logaddexp(x, y, x),
        lambda x, y: ag.exp(-x * x) * y,
    ]


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_each_node_comes_once_and_after_its_operands(seed, size):
    rng = np.random.default_rng(seed)
    order = topological_order(random_expression(rng, [Value(x) for x in rng.normal(size=3)], size, smooth()))
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[x] < place[node] for node in order for x in node.inputs)
    for leaf in (node for node in order if node.op is None):
        users = [place[node] for node in order if any(x is leaf for x in node.inputs)]
        between = order[place[leaf] + 1 : min(users)]
        assert all(node.op is None for node in between), "a leaf stands just before the first node that uses it"


def test_the_order_of_equal_graphs_is_equal():
    orders = []
    for _ in range(2):
        rng = np.random.default_rng(0)
        root = random_expression(rng, [Value(x) for x in rng.normal(size=3)], 40, smooth())
        orders.append([(node.data, node.op) for node in topological_order(root)])
    assert orders[0] == orders[1]


def test_a_graph_whose_paths_multiply_is_walked_in_time_proportional_to_its_nodes():
    x = Value(1.0)
    y = x
    for _ in range(300):  # 2**300 paths
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad == 1.0


# -- gradients of whole expressions ------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(1, 25))
def test_random_expressions_match_forward_differences(seed, size):
    def f(point):
        return random_expression(np.random.default_rng(seed), point, size, smooth())

    start = np.random.default_rng(seed + 1).normal(size=3).tolist()
    leaves = [Value(x) for x in start]
    f(leaves).backward()
    h = 1e-6
    for i, leaf in enumerate(leaves):
        moved = [x + h * (i == j) for j, x in enumerate(start)]
        numeric = (f(moved) - f(start)) / h
        assert leaf.grad == pytest.approx(numeric, rel=1e-3, abs=1e-3)


@given(*[st.floats(-3, 3)] * 4)
def test_backward_is_linear_in_its_seed(x, y, g, h):
    def gradient(seed):
        a, b = Value(x), Value(y)
        (ag.tanh(a * b) + a.sin() / (1 + b * b)).backward(seed)
        return np.array([a.grad, b.grad])

    assert gradient(g + h) == pytest.approx(gradient(g) + gradient(h), rel=1e-9, abs=1e-9)
    assert gradient(2 * g) == pytest.approx(2 * gradient(g), rel=1e-12)
    assert gradient(0.0).tolist() == [0.0, 0.0]


@given(*[st.floats(-3, 3)] * 2)
def test_a_shared_subexpression_is_worth_as_much_as_one_written_out(x, y):
    a, b = Value(x), Value(y)
    s = a * b + 1
    (s * s + s.tanh()).backward()
    c, d = Value(x), Value(y)
    ((c * d + 1) * (c * d + 1) + (c * d + 1).tanh()).backward()
    assert [a.grad, b.grad] == pytest.approx([c.grad, d.grad], rel=1e-9, abs=1e-12)


# -- what takes no gradient --------------------------------------------------------------------------------------------------


def test_constants_get_no_gradient():
    x, c = Value(3.0), Value(5.0, requires_grad=False)
    y = x * c + 7
    y.backward()
    assert x.grad == 5.0
    assert [node.grad for node in topological_order(y) if not node.requires_grad] == [0.0, 0.0]


@pytest.mark.parametrize("op", [ag.add, ag.mul, ag.pow, ag.div], ids=lambda op: op.__name__)
def test_either_operand_may_be_the_constant(op):
    for i in range(2):
        operands = [Value(2.0, requires_grad=i != j) for j in range(2)]
        op(*operands).backward()
        assert operands[i].grad == 0.0
        assert operands[1 - i].grad != 0.0


def test_constants_alone_give_a_constant_with_no_graph_behind_it():
    c = Value(2.0, requires_grad=False)
    y = (c * 3 + c).exp()
    assert not y.requires_grad
    assert y.inputs == ()
    with pytest.raises(ValueError, match=r"backward: Value\(2980\.96\) is a constant.*detach\(\) or under no_grad\(\)"):
        y.backward()


def test_detach_keeps_the_number_and_drops_the_graph():
    x = Value(3.0, label="x")
    y = x * x
    d = y.detach()
    assert (d.data, d.requires_grad, d.inputs, d.op) == (9.0, False, (), None)
    (y * d).backward()
    assert x.grad == 54.0
    assert d.grad == 0.0


# -- stale leaves ------------------------------------------------------------------------------------------------------------


def test_a_leaf_written_after_it_was_used_is_named():
    x, w = Value(3.0, label="x"), Value(2.0, label="weight")
    y = x * w
    w.data = 5.0
    with pytest.raises(
        StaleGraphError, match=r"leaf 'weight' was written after the mul node had used it.*compute the expression again"
    ):
        y.backward()
    assert (x.grad, w.grad) == (0.0, 0.0)


def test_a_nameless_stale_leaf_is_told_by_its_number():
    x = Value(3.0)
    y = x + 1.0
    x.data = 4.5
    with pytest.raises(StaleGraphError, match=r"Value\(4\.5\)"):
        y.backward()


def test_a_leaf_written_before_it_is_used_is_fresh():
    x = Value(3.0)
    x.data = 4.0
    y = x * x
    y.backward()
    assert x.grad == 8.0


def test_computing_again_makes_a_stale_graph_fresh():
    x = Value(3.0)
    y = x * x
    x.data = 4.0
    y = x * x
    y.backward()
    assert (y.data, x.grad) == (16.0, 8.0)


def test_part_of_a_graph_may_be_stale_and_another_not():
    x, w = Value(3.0), Value(2.0)
    old = x * w
    w.data = 5.0
    new = x * w
    new.backward()
    assert (x.grad, w.grad) == (5.0, 3.0)
    with pytest.raises(StaleGraphError):
        (old + new).backward()
    assert (x.grad, w.grad) == (5.0, 3.0)


def test_writing_a_leaf_of_another_graph_harms_nothing():
    x, other = Value(3.0), Value(1.0)
    y = x * x
    other.data = 2.0
    y.backward()
    assert x.grad == 6.0


def test_writing_the_same_number_counts_as_writing():
    x = Value(3.0)
    y = x * x
    x.data = 3.0
    with pytest.raises(StaleGraphError):
        y.backward()


def test_a_step_of_descent_in_a_loop_is_never_stale():
    x = Value(3.0)
    for _ in range(50):
        x.zero_grad()
        ((x - 1) ** 2).backward()
        x.data -= 0.25 * x.grad
    assert x.data == pytest.approx(1.0, abs=1e-12)


def test_a_computed_nodes_number_is_not_written():
    x = Value(3.0)
    y = x * x
    y.label = "y"
    with pytest.raises(
        AttributeError, match=r"data of 'y' was computed by mul; write to a leaf and compute again, or detach\(\)"
    ):
        y.data = 1.0
    assert y.data == 9.0


def test_what_is_written_to_a_leaf_must_be_a_number():
    x = Value(3.0)
    y = x * x
    with pytest.raises(TypeError, match="not NoneType"):
        x.data = None
    y.backward()
    assert (x.data, x.grad) == (3.0, 6.0)


# -- a backward that fails ---------------------------------------------------------------------------------------------------


def test_leaves_are_untouched_by_a_backward_that_has_no_derivative_in_the_middle():
    x, bad = Value(3.0), Value(0.0, label="bad")
    x.grad, bad.grad = 1.25, 0.5
    y = (x * x + bad.sqrt()) * x
    with pytest.raises(DomainError, match=r"backward: 'sqrt' has no finite derivative at bad = 0"):
        y.backward()
    assert (x.grad, bad.grad) == (1.25, 0.5)


def test_leaves_are_untouched_by_ctrl_c(monkeypatch):
    x = Value(3.0)
    x.grad = 1.25
    square = x * x

    def interrupted(node):
        x.grad += 99.0
        raise KeyboardInterrupt

    class Row:
        name = "row"
        pull = staticmethod(interrupted)

    inner = record(Value, 1.0, Row, (square, x))
    y = inner * x
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    assert x.grad == 1.25


def test_after_a_failing_backward_the_next_one_is_right():
    x, zero = Value(3.0), Value(0.0)
    shared = x * x
    with pytest.raises(DomainError):
        (shared + zero.sqrt()).backward()
    (shared * 2.0).backward()
    assert x.grad == 12.0


# -- labels and notes --------------------------------------------------------------------------------------------------------


def test_a_label_can_be_given_later_and_changed():
    x = Value(1.0)
    assert x.label == ""
    x.label = "x"
    y = x * 2
    y.label = "y"
    assert (x.label, y.label) == ("x", "y")
    y.label = ""
    assert y.label == ""


def test_labelling_a_node_leaves_its_neighbours_alone():
    import nn

    layer = nn.Dense(2, 2, rng=0)
    a, b = layer([1.0, 2.0])
    a.label = "mine"
    assert b.label == ""
    assert a.module is b.module is layer


def test_name_is_the_label_or_else_what_a_node_is():
    x = Value(2.5)
    assert x.name == "Value(2.5)"
    assert (x * x).name == "the mul node"
    x.label = "x"
    assert x.name == "'x'"


def test_a_node_of_a_bare_kind_refuses_to_hold_anything():
    with pytest.raises(NotImplementedError):
        Node(1.0)


def test_threads_may_walk_graphs_of_their_own_at_once():
    results = {}

    def work(k):
        x = Value(float(k))
        for _ in range(200):
            x.zero_grad()
            x.data = float(k)
            (x * x * x).backward()
        results[k] = x.grad

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: 3.0 * k * k for k in range(8)}


def test_a_gradient_set_to_none_is_told_what_to_do():
    x = Value(3.0, label="x")
    y = x * 2
    x.grad = None
    with pytest.raises(TypeError, match=r"grad of 'x' is None; set it to 0 with zero_grad\(\)"):
        y.backward()
