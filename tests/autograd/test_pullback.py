"""Pullback: the chain rule from cotangents to cotangents, as numbers or as nodes, with nothing written to any node."""

import gc

import numpy as np
import pytest

import autograd as ag
from autograd import PRIMITIVES, Domain, DomainError, StaleGraphError, Tensor, Value, elementwise
from autograd.pullback import Pullback, as_node, basis, zeros


def test_cotangents_come_as_plain_numbers():
    x, y = Value(3.0), Value(5.0)
    found = Pullback([x * y + x], [x, y]).numbers([1.0])
    assert found == [6.0, 3.0]
    assert [type(c) for c in found] == [float, float]


def test_cotangents_come_as_plain_arrays_in_shape_and_dtype_of_their_sources():
    a, b = Tensor(np.ones((2, 3), np.float32)), Tensor(np.ones(3, np.float32))
    da, db = Pullback([a * b], [a, b]).numbers([np.full((2, 3), 2.0, np.float32)])
    assert (da.shape, da.dtype) == ((2, 3), np.float32)
    assert (db.shape, db.dtype) == ((3,), np.float32)
    assert db.tolist() == [4.0, 4.0, 4.0]


def test_cotangents_come_as_nodes_that_can_be_differentiated_again():
    x = Value(2.0)
    (first,) = Pullback([x**3], [x]).nodes([Value(1.0)])
    (second,) = Pullback([first], [x]).nodes([Value(1.0)])
    (third,) = Pullback([second], [x]).nodes([Value(1.0)])
    assert (first.data, second.data, third.data) == (12.0, 12.0, 6.0)


def test_a_cotangent_that_is_a_node_is_part_of_the_graph():
    x, g = Value(2.0), Value(5.0)
    (pulled,) = Pullback([x**2], [x]).nodes([g])
    assert Pullback([pulled], [g, x]).numbers([1.0]) == [4.0, 10.0]


def test_nothing_is_written_to_any_node():
    x, w = Value(2.0), Tensor([1.0, 2.0])
    x.grad, w.grad = 7.0, [3.0, 4.0]
    y = (w * 2).sum().values()[()] * x
    inner = y.inputs[0]
    Pullback([y], [x, w]).numbers([1.0])
    Pullback([y], [x, w]).nodes([Value(1.0)])
    assert (x.grad, w.grad.tolist(), inner.grad, y.grad) == (7.0, [3.0, 4.0], 0.0, 0.0)


def test_none_stands_for_a_source_that_nothing_reaches():
    x, y, z = Value(2.0), Value(3.0), Value(4.0)
    z * y  # of no account
    assert Pullback([x * x], [x, y, z]).numbers([1.0]) == [4.0, None, None]


def test_a_source_may_be_computed():
    x = Value(3.0)
    h = x * x
    assert Pullback([h * 5.0], [h]).numbers([1.0]) == [5.0]


def test_a_source_behind_another_gets_what_comes_past_it_unless_the_walk_may_stop_there():
    x = Value(3.0)
    h = x * x
    y = h * x
    assert Pullback([y], [h, x], opaque=[x]).numbers([1.0]) == [3.0, 27.0]
    assert Pullback([y], [h, x], opaque=[h, x]).numbers([1.0]) == [3.0, 9.0]


def test_a_root_may_be_a_source():
    x = Value(3.0)
    assert Pullback([x], [x]).numbers([5.0]) == [5.0]


def test_a_source_may_be_asked_for_twice():
    x = Value(3.0)
    assert Pullback([x * x], [x, x]).numbers([1.0]) == [6.0, 6.0]


def test_several_roots_add_up_and_one_root_may_come_twice():
    x = Value(3.0)
    y, z = x * x, x * 4
    assert Pullback([y, z], [x]).numbers([1.0, 10.0]) == [46.0]
    assert Pullback([y, y], [x]).numbers([1.0, 2.0]) == [18.0]


def test_a_root_behind_another_gets_both_cotangents():
    x = Value(3.0)
    y = x * x
    assert Pullback([y, y * 2], [x]).numbers([1.0, 1.0]) == [18.0]


def test_it_can_be_called_again_and_is_linear():
    x = Tensor([1.0, 2.0])
    back = Pullback([ag.exp(x)], [x])
    once, twice = back.numbers([np.array([1.0, 0.5])])[0], back.numbers([np.array([2.0, 1.0])])[0]
    assert twice == pytest.approx(2 * once)


def test_elements_of_a_tensor_come_together_again():
    t = Tensor([2.0, 5.0, 7.0])
    a, b, _ = t.values()
    (g,) = Pullback([a * b], [t]).numbers([1.0])
    assert g.tolist() == [5.0, 2.0, 0.0]
    (node,) = Pullback([a * b], [t]).nodes([Value(1.0)])
    assert isinstance(node, Tensor)
    assert node.data.tolist() == [5.0, 2.0, 0.0]


def test_a_leaf_that_was_written_since_is_refused_even_if_it_is_no_source():
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    y = x * w
    w.data = 4.0
    with pytest.raises(StaleGraphError, match="leaf 'w' was written after the mul node had used it"):
        Pullback([y], [x])


def test_a_chain_of_any_length_is_walked_without_recursion():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    assert Pullback([y], [x]).numbers([1.0]) == [1.0]
    (g,) = Pullback([y], [x]).nodes([Value(1.0)])
    assert g.data == 1.0
    del y, g
    gc.collect()


@pytest.fixture
def fragile():
    """An op whose rule must not be asked."""
    before = dict(PRIMITIVES)

    def fault(xp, z, x):
        raise AssertionError("a rule was asked that leads to no source")

    @elementwise(fault, domain=(Domain("", ((0.0, 1.0),)),))
    def untouchable(xp, x):
        return 2 * x

    yield untouchable
    PRIMITIVES.clear()
    PRIMITIVES.update(before)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_only_rules_that_lead_to_a_source_are_asked(fragile, kind):
    x, w = kind(2.0), kind(3.0)
    y = x * fragile(w) + fragile(x * 0 + w)
    z = x * fragile(w)
    with pytest.raises(AssertionError):
        Pullback([y], [x]).numbers([zeros(y)])
    assert float(Pullback([z], [x]).numbers([zeros(z) + 1])[0]) == 6.0
    assert float(Pullback([z], [x]).nodes([kind(1.0)])[0]) == 6.0


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_rules_of_what_no_root_needs_are_not_asked(fragile, kind):
    x = kind(2.0)
    fragile(x)
    assert float(Pullback([x * x], [x]).numbers([zeros(x) + 1])[0]) == 4.0


@pytest.mark.parametrize(
    ("node", "zero", "units"),
    [
        (Value(3.0), 0.0, [1.0]),
        (Tensor(3.0), np.zeros(()), [np.ones(())]),
        (Tensor(np.ones(2, np.float32)), np.zeros(2, np.float32), [np.array([1, 0], np.float32), np.array([0, 1], np.float32)]),
        (Tensor(np.ones((0, 2))), np.zeros((0, 2)), []),
        (Tensor(np.ones((2, 1))), np.zeros((2, 1)), [np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])]),
    ],
    ids=["a Value", "a number", "float32", "nothing", "a column"],
)
def test_zeros_and_unit_cotangents_have_the_shape_and_dtype_of_their_node(node, zero, units):
    for ours, expected in [(zeros(node), zero), *zip(basis(node), units, strict=True)]:
        assert np.shape(ours) == np.shape(expected)
        assert np.asarray(ours).dtype == np.asarray(expected).dtype
        assert np.array_equal(ours, expected)


def test_as_node_makes_a_constant_of_the_kind_and_leaves_nodes_alone():
    x, t = Value(1.0), Tensor([1.0])
    assert as_node(x, x) is x
    assert (type(as_node(2.0, x)), as_node(2.0, x).requires_grad) == (Value, False)
    assert (type(as_node(np.ones(1), t)), as_node(np.ones(1), t).requires_grad) == (Tensor, False)


def test_no_finite_derivative_is_named_as_backward_names_it():
    x = Value(0.0, label="x")
    y = ag.sqrt(x)
    with pytest.raises(DomainError, match="'sqrt' has no finite derivative at x = 0"):
        y.backward()
    with pytest.raises(DomainError, match="'sqrt' has no finite derivative at x = 0"):
        Pullback([y], [x]).numbers([1.0])
