"""Cotangents fitted to their nodes: broadcasting undone, dtype and precision kept, no memory shared with anything seen."""

import operator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import autograd as ag
from autograd import PRIMITIVES, DomainError, Tensor, primitive
from autograd.primitive import Elementwise

SHAPES = mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=3)


@pytest.fixture
def _table():
    before = dict(PRIMITIVES)
    yield
    PRIMITIVES.clear()
    PRIMITIVES.update(before)


def collected(cotangent, shape):
    """What comes to each element of an array of ``shape`` that was broadcast to meet ``cotangent``, element by element."""
    places = np.broadcast_to(np.arange(np.prod(shape, dtype=int)).reshape(shape), cotangent.shape)
    return np.bincount(places.ravel(), cotangent.ravel(), np.prod(shape, dtype=int)).reshape(shape)


# -- broadcasting ------------------------------------------------------------------------------------------------------------


@given(SHAPES, st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv, ag.maximum])
def test_each_element_collects_what_came_to_its_copies(op, shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = [rng.uniform(0.5, 2, shape) for shape in shapes.input_shapes]
    g = rng.normal(size=shapes.result_shape)
    x, y = Tensor(a), Tensor(b)
    z = op(x, y)
    assert z.shape == shapes.result_shape
    z.backward(g)
    partials = {
        operator.add: (1 + 0 * b, 1 + 0 * a), operator.sub: (1 + 0 * b, -1 + 0 * a), operator.mul: (b, a),
        operator.truediv: (1 / b, -a / b**2), ag.maximum: ((a > b) * 1.0, (b > a) * 1.0),
    }[op]  # fmt: skip
    for node, partial in zip((x, y), partials):
        assert (node.grad.shape, node.grad.dtype) == (node.shape, np.float64)
        np.testing.assert_allclose(node.grad, collected(g * partial, node.shape), rtol=1e-12, atol=1e-12)


@given(SHAPES, st.integers(0, 2**32 - 1))
def test_a_plain_array_on_either_side_stretches_a_tensor(shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = [rng.normal(size=shape) for shape in shapes.input_shapes]
    g = rng.normal(size=shapes.result_shape)
    for op in (lambda x: x * b, lambda x: b * x, lambda x: np.multiply(b, x)):
        x = Tensor(a)
        op(x).backward(g)
        np.testing.assert_allclose(x.grad, collected(g * b, a.shape), rtol=1e-12, atol=1e-12)


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), st.integers(0, 2**32 - 1))
def test_three_operands_are_fitted_each_to_its_own_shape(shapes, seed):
    rng = np.random.default_rng(seed)
    condition, a, b = [rng.normal(size=shape) for shape in shapes.input_shapes]
    condition = condition > 0
    g = rng.normal(size=shapes.result_shape)
    x, y = Tensor(a), Tensor(b)
    ag.where(condition, x, y).backward(g)
    np.testing.assert_allclose(x.grad, collected(g * condition, a.shape), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(y.grad, collected(g * ~condition, b.shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [((2, 3, 4), (5, 1, 4, 2), (5, 2, 3, 2)), ((4, 1, 2, 3), (5, 3, 2), (4, 5, 2, 2)), ((3,), (4, 3, 2), (4, 2))],
)
def test_stacks_of_matrices_are_fitted_too(left, right, result):
    rng = np.random.default_rng(0)
    a, b, g = [rng.normal(size=shape) for shape in (left, right, result)]
    x, y = Tensor(a), Tensor(b)
    (x @ y).backward(g)
    for node in (x, y):
        slope = np.empty(node.shape)
        for place in np.ndindex(*node.shape):
            one = np.zeros(node.shape)
            one[place] = 1.0
            slope[place] = np.sum(g * (one @ b if node is x else a @ one))
        np.testing.assert_allclose(node.grad, slope, rtol=1e-10, atol=1e-12)


def test_a_number_meets_an_array_of_any_size():
    for shape in ((), (0,), (1,), (70, 70), (5, 1, 1000)):
        x, y = Tensor(2.0), Tensor(np.ones(shape))
        (x * y).backward(np.ones(shape))
        assert (x.grad, x.grad.shape) == (np.prod(shape), ())
        assert np.array_equal(y.grad, np.full(shape, 2.0))


def test_the_same_leaf_may_be_stretched_in_several_ways_at_once():
    x = Tensor([[1.0, 2.0, 3.0]])
    (x * x.T).backward(np.arange(9.0).reshape(3, 3))
    g = np.arange(9.0).reshape(3, 3)
    assert np.array_equal(x.grad, [[1, 2, 3] @ g + g @ [1, 2, 3]])


# -- dtype and precision -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("narrow", [np.float16, np.float32], ids=["float16", "float32"])
@pytest.mark.parametrize("wide", [np.float32, np.float64, np.longdouble], ids=["float32", "float64", "longdouble"])
def test_each_gradient_has_the_dtype_of_its_node(narrow, wide):
    x, y = Tensor(np.array([1, 2], narrow)), Tensor(np.array([[3], [4]], wide))
    h = x * y
    z = (h @ Tensor(np.ones(2, narrow))).sum() + x.sum()
    z.backward()
    assert z.dtype == h.dtype == np.result_type(narrow, wide)
    for node in (x, y, h, z):
        assert node.grad.dtype == node.dtype
    assert (x.grad.tolist(), y.grad.tolist()) == ([8.0, 8.0], [[3.0], [3.0]])


MIXED = {
    "x * a": (lambda x, a: x * a, lambda x, a: a),
    "x / a": (lambda x, a: x / a, lambda x, a: 1 / a),
    "a / x": (lambda x, a: a / x, lambda x, a: -a / x**2),
    "x ** a": (lambda x, a: x**a, lambda x, a: a * x ** (a - 1)),
    "a ** x": (lambda x, a: a**x, lambda x, a: a**x * np.log(a)),
    "x @ a": (lambda x, a: x @ a, lambda x, a: a),
    "logaddexp": (ag.logaddexp, lambda x, a: 1 / (1 + np.exp(a - x))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=["float32", "float16"])
@pytest.mark.parametrize(
    ("op", "partial"),
    MIXED.values(),
    ids=MIXED,
)
def test_beside_an_array_of_less_precision_the_gradient_is_as_precise_as_the_result(op, partial, dtype):
    data, beside = np.array([0.3, 0.7, 1.1]), np.array([1.3, 0.7, 0.9], dtype)
    x = Tensor(data)
    z = op(x, beside)
    assert z.dtype == np.float64
    z.sum().backward()
    np.testing.assert_allclose(x.grad, partial(data, beside.astype(float)), rtol=1e-12)


# -- whose memory a gradient is ----------------------------------------------------------------------------------------------


def drawn(row, rng):
    """Operands and settings to try a row with."""
    if isinstance(row, Elementwise):
        domains = row.domain * 3 if row.variadic else row.domain
        yield [rng.uniform(*domain.intervals[-1], size=(2, 3)) for domain in domains], {}
        yield [np.array(rng.uniform(*domain.intervals[-1])) for domain in domains], {}
    for example in getattr(row, "examples", ()):
        yield [rng.uniform(0.5, 2, size=shape) for shape in example.shapes], example.settings


ROWS = [
    row
    for row in PRIMITIVES.values()
    if row.forward.__module__.startswith("autograd.") and (isinstance(row, Elementwise) or row.examples)
]


def everything_seen(leaves, roots, but):
    """Every array that a user may hold, except the gradient of ``but``."""
    for node in {n for root in roots for n in ag.topological_order(root)} | set(leaves):
        yield node.data
        if node is not but:
            yield node.grad


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_gradient_of_a_leaf_shares_no_memory_and_may_be_written(row):
    for arrays, settings in drawn(row, np.random.default_rng(0)):
        leaves = [Tensor(x) for x in arrays]
        seed = np.ones(row.call(*leaves, **settings).shape)
        for z in (
            row.call(*leaves, **settings),
            (h := row.call(*leaves, **settings)) + h * 2.0,
            row.call(*leaves, **settings) + 1,
        ):
            z.backward(seed)
            for x in leaves:
                assert x.grad.flags.writeable
                assert x.grad.shape == x.shape
                assert not np.shares_memory(x.grad, seed)
                for array in everything_seen(leaves, [z], x):
                    assert not np.shares_memory(x.grad, array)


PASSED_ON = {
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "+ at several": lambda x, y: x + x + y,
    "add_n": lambda x, y: ag.add_n(x, y, x),
    "relu": lambda x, y: ag.relu(x) + y, "maximum": lambda x, y: ag.maximum(x, y), "y only": lambda x, y: y + 0.0,
    "where": lambda x, y: ag.where(np.ones((2, 3), bool), x, y), "positive": lambda x, y: ag.positive(x) + ag.positive(y),
    "reshape": lambda x, y: x.reshape(-1) + y.reshape(-1), "transpose": lambda x, y: x.T + y.T,
    "broadcast": lambda x, y: x + y[0], "large": lambda x, y: ag.broadcast_to(x + y, (1000, 2, 3)),
    "squeeze": lambda x, y: (x[None] + y[None]).squeeze(0), "index": lambda x, y: x[0] + y[0],
    "concatenate": lambda x, y: ag.concatenate([x, y, x]), "stack": lambda x, y: ag.stack([x, y]),
    "split": lambda x, y: sum(ag.split(x, 2)) + y, "pad": lambda x, y: ag.pad(x, 1) + ag.pad(y, 1),
    "sum": lambda x, y: (x + y).sum(), "mean": lambda x, y: x.mean(0) + y, "einsum": lambda x, y: ag.einsum("ij->ji", x) + y.T,
    "astype": lambda x, y: x.astype(np.float32) + y.astype(np.float64), "checkpoint": ag.checkpoint(lambda x, y: x + y),
    "values": lambda x, y: Tensor.of((x + y).values()),
}  # fmt: skip


@pytest.mark.parametrize("f", PASSED_ON.values(), ids=PASSED_ON)
def test_where_a_cotangent_is_passed_on_as_it_is_each_leaf_gets_a_copy(f):
    def gradients(x, y):
        z = f(x, y)
        z.backward(seed := np.full(z.shape, 2.0))
        return z, seed

    x, y = [Tensor(np.random.default_rng(0).normal(size=(2, 3))) for _ in range(2)]
    z, seed = gradients(x, y)
    expected = x.grad.copy(), y.grad.copy()
    for node in (x, y):
        for array in (*everything_seen([x, y], [z], node), seed):
            assert not np.shares_memory(node.grad, array)
    x.grad[...] = -7.0
    assert np.array_equal(y.grad, expected[1])
    y.grad *= 0
    seed[...] = 0.0
    for node in (x, y):
        node.zero_grad()
    gradients(x, y)
    assert np.array_equal((x.grad, y.grad), expected)


def test_a_gradient_that_was_taken_out_is_not_written_by_later_walks():
    x = Tensor([1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    first = x.grad
    y.backward()
    x.zero_grad()
    y.backward()
    assert first.tolist() == [2.0, 4.0]


def test_the_gradient_of_the_root_is_a_copy_of_the_seed():
    for x in (Tensor([1.0, 2.0]), Tensor([1.0, 2.0]) * 2):
        seed = np.array([3.0, 4.0])
        x.backward(seed)
        seed[...] = 0.0
        assert x.grad.tolist() == [3.0, 4.0]


def test_a_gradient_that_is_set_is_copied():
    x = Tensor([1.0, 2.0])
    given = np.array([5.0, 6.0])
    x.grad = given
    given[...] = 0.0
    assert x.grad.tolist() == [5.0, 6.0]


def test_to_write_to_the_gradient_of_a_computed_node_changes_no_others():
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    h, k = x * 1, y * 1
    z = h + k
    z.sum().backward()
    with suppress(ValueError):  # it may be read-only
        h.grad[...] = 9.0
    assert (k.grad.tolist(), z.grad.tolist()) == ([1.0, 1.0], [1.0, 1.0])


# -- rules that are wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_table")
def test_a_cotangent_that_does_not_fit_its_node_is_named():
    @primitive(lambda xp, g, z, a: xp.reshape(g, (1,)) * np.ones(5))
    def total(xp, a):
        return xp.sum(a)

    x = Tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"a cotangent of shape \(5,\) came for a number of shape \(2,\); look at the vjp"):
        total(x).backward()
    assert not x.grad.any()


@pytest.mark.usefixtures("_table")
def test_a_rule_that_fails_says_why():
    @primitive(lambda xp, g, z, a: g * np.ones((2, 3)) @ np.ones((2, 3)))
    def total(xp, a):
        return xp.sum(a)

    with pytest.raises(Exception, match="matmul") as caught:
        total(Tensor([1.0, 2.0])).backward()
    assert not isinstance(caught.value, DomainError)


@pytest.mark.usefixtures("_table")
def test_a_function_of_ones_own_may_give_a_plain_number():
    @primitive(lambda xp, g, z, a: g * xp.ones_like(a))
    def total(xp, a):
        return float(np.sum(a))

    x = Tensor([1.0, 2.0])
    y = total(x)
    assert (y.shape, y.dtype) == ((), np.float64)
    (y * 2).backward()
    assert x.grad.tolist() == [2.0, 2.0]
