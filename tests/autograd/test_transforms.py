"""grad, value_and_grad, elementwise_grad, vjp, jvp, hvp, jacobian, hessian: what they take, what they give, how they nest."""

import functools
import itertools
import math
import threading
from collections import namedtuple
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import autograd as ag
import nn
from autograd import (
    DomainError,
    StaleGraphError,
    Tensor,
    Value,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    recording,
    value_and_grad,
    vjp,
)
from autograd.trees import flatten, leaves_like

Pair = namedtuple("Pair", "w b")


def cube(x):
    return x**3


def same(ours, expected):
    """Whether two nestings agree in shape and kind of nesting, and their numbers to rounding."""
    (mine, rebuild), (theirs, _) = flatten(ours), flatten(expected)
    assert repr(rebuild([0] * len(mine))) == repr(flatten(expected)[1]([0] * len(theirs)))
    for x, y in zip(mine, theirs, strict=True):
        x, y = [z.data if isinstance(z, ag.Node) else z for z in (x, y)]
        assert np.shape(x) == np.shape(y)
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


@pytest.fixture(autouse=True)
def _no_state_is_left_behind():
    before = recording.current()
    w = Value(2.0)
    yield
    assert recording.current() is before
    assert type(grad(lambda y: w * y)(1.0)) is float  # as at the top level, where nothing is differentiated again


# -- what goes in, and what comes out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [2.0, 2, np.float64(2), np.float32(2), np.int64(2), Fraction(2), np.array(2.0)], ids=repr)
def test_a_plain_number_gives_a_plain_number(x):
    y, g = value_and_grad(cube)(x)
    assert (y, g) == (8.0, 12.0)
    assert (type(y), type(g)) == (float, float)
    assert type(grad(grad(cube))(x)) is float
    assert hessian(cube)(x) == 12.0
    assert jacobian(cube)(x) == 12.0
    assert elementwise_grad(cube)(x) == 12.0
    assert jvp(cube, x, 1.0) == (8.0, 12.0)
    assert hvp(cube, x, 1.0) == 12.0
    y, pull = vjp(cube, x)
    assert (y, pull(1.0)) == (8.0, 12.0)


def test_a_number_is_seen_as_a_value_and_among_arrays_as_a_tensor():
    seen = []

    def f(x, *others):
        seen.append(type(x))
        return x * 1.0

    grad(f)(2.0)
    grad(f)(2.0, np.arange(3))
    grad(f)(2.0, {"data": [Tensor([1.0])]})
    grad(f)(2.0, Value(1.0))
    grad(f)([2.0][0], "text", None)
    assert seen == [Value, Tensor, Tensor, Value, Value]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_array_gives_an_array_of_its_dtype(dtype):
    x = np.array([1.0, 2.0], dtype)
    v = np.array([1, 0])
    found = [
        grad(lambda x: (x**3).sum())(x),
        elementwise_grad(cube)(x),
        jacobian(cube)(x),
        hessian(lambda x: (x**3).sum())(x),
        hvp(lambda x: (x**3).sum(), x, v),
        *jvp(cube, x, v),
        vjp(cube, x)[1](v),
    ]
    expected = [[3, 12], [3, 12], [[3, 0], [0, 12]], [[6, 0], [0, 12]], [6, 0], [1, 8], [3, 0], [3, 0]]
    assert [g.tolist() for g in found] == expected
    assert {type(g) for g in found} == {np.ndarray}
    assert {g.dtype for g in found} == {np.dtype(dtype)}


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (1, 2, 1), (0,), (2, 0)])
def test_shapes_of_derivatives_follow_from_those_of_arguments_and_results(shape):
    x = np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)
    v = np.ones(shape)
    assert np.shape(grad(lambda x: (x**3).sum())(x)) == shape
    assert np.shape(elementwise_grad(cube)(x)) == shape
    assert np.shape(jacobian(lambda x: x.reshape(-1, 1))(x)) == (x.size, 1, *shape)
    assert np.shape(hessian(lambda x: (x**3).sum())(x)) == shape + shape
    assert np.shape(hvp(lambda x: (x**3).sum(), x, v)) == shape
    assert [np.shape(part) for part in jvp(cube, x, v)] == [shape, shape]
    y, pull = vjp(cube, x)
    assert (np.shape(y), np.shape(pull(v))) == (shape, shape)


def test_an_empty_array_has_an_empty_gradient_and_no_second_derivatives():
    x = np.zeros((0, 2), np.float32)
    g = grad(lambda x: x.sum() + 1)(x)
    assert (g.shape, g.dtype) == ((0, 2), np.float32)
    assert jacobian(lambda x: x * 2)(x).shape == (0, 2, 0, 2)
    assert jacobian(lambda x: x.sum(axis=0))(x).shape == (2, 0, 2)


@pytest.mark.parametrize("order", ["C", "F", "reversed", "read-only"])
def test_how_an_array_lies_in_memory_does_not_matter(order):
    x = np.arange(1.0, 7.0).reshape(2, 3)
    given = {"C": x, "F": np.asfortranarray(x), "reversed": x[::-1, ::-1][::-1, ::-1], "read-only": x.view()}[order]
    given.flags.writeable = order != "read-only"
    assert np.array_equal(grad(lambda x: (x**3).sum())(given), 3 * x**2)


def test_the_argument_is_left_alone_and_the_result_is_the_callers():
    x = np.array([1.0, 2.0])
    y, pull = vjp(lambda x: x * 1.0, x)
    first = pull(np.ones(2))
    x[0] = y[0] = first[0] = 100.0
    assert pull(np.ones(2)).tolist() == [1.0, 1.0]
    g = grad(lambda x: (x * x).sum())(x)
    g += 1.0
    assert x.tolist() == [100.0, 2.0]


@pytest.mark.parametrize("x", [Value(2.0, label="x"), Value(2.0, requires_grad=False), Tensor(2.0), Tensor([2.0])], ids=repr)
def test_a_node_gives_nodes_of_its_kind(x):
    one = np.ones(x.shape) if isinstance(x, Tensor) else 1.0
    y, g = value_and_grad(lambda x: x**3)(x)
    z, pull = vjp(cube, x)
    found = [y, g, z, pull(one), *jvp(cube, x, one), hvp(lambda x: x**3, x, one), elementwise_grad(cube)(x)]
    assert {type(node) for node in found} == {type(x)}
    assert [node.item() for node in found] == [8.0, 12.0, 8.0, 12.0, 8.0, 12.0, 12.0, 12.0]
    assert type(jacobian(cube)(x)) is type(x)
    assert type(hessian(lambda x: x**3)(x)) is type(x)
    assert not isinstance(x, Tensor) or hessian(lambda x: (x**3).sum())(x).shape == x.shape * 2


@pytest.mark.parametrize("x", [Value(2.0), Tensor(2.0)], ids=repr)
def test_derivatives_that_are_nodes_can_be_differentiated_again(x):
    for derivative in (
        grad(cube)(x),
        value_and_grad(cube)(x)[1],
        vjp(cube, x)[1](1.0),
        jvp(cube, x, 1.0)[1],
        jacobian(cube)(x),
        elementwise_grad(cube)(x),
    ):
        x.zero_grad()
        derivative.backward()
        assert float(x.grad) == 12.0
    for second in (hessian(cube)(x), hvp(cube, x, 1.0), grad(grad(cube))(x)):
        x.zero_grad()
        second.backward()
        assert float(x.grad) == 6.0


def test_the_value_that_comes_with_a_gradient_is_on_the_graph_too():
    x = Value(3.0)
    y, _ = value_and_grad(cube)(x)
    y.backward()
    assert x.grad == 27.0


def test_an_argument_that_does_not_matter_has_derivative_zero_of_its_shape():
    a, t, v = np.ones((2, 3), np.float32), Tensor(np.ones(2)), Value(1.0)
    ga, gt, gv, gx = grad(lambda a, t, v, x: (x * 3).sum(), (0, 1, 2, 3))(a, t, v, Tensor(2.0))
    assert (ga.shape, ga.dtype, ga.any()) == ((2, 3), np.float32, np.False_)
    assert (type(gt), gt.data.tolist()) == (Tensor, [0.0, 0.0])
    assert (type(gv), gv.data, gx.data) == (Value, 0.0, 3.0)


NESTED = [
    ([2.0, 5.0], lambda x: x[0] * x[1], [5.0, 2.0]),
    ((2.0, 5.0), lambda x: x[0] * x[1], (5.0, 2.0)),
    ({"b": 2.0, "a": 5.0}, lambda x: x["b"] * x["a"], {"b": 5.0, "a": 2.0}),
    (Pair(2.0, 5.0), lambda x: x.w * x.b, Pair(5.0, 2.0)),
    ([[2.0], {"k": (5.0, [])}], lambda x: x[0][0] * x[1]["k"][0], [[5.0], {"k": (2.0, [])}]),
    (np.array([2.0, 5.0], object), lambda x: x[0] * x[1], np.array([5.0, 2.0], object)),
    ([np.array([2.0]), np.array([[5.0]])], lambda x: (x[0] * x[1]).sum(), [np.array([5.0]), np.array([[2.0]])]),
    ({"w": np.array([2.0, 1.0]), "b": 5.0}, lambda x: x["w"][0] * x["b"], {"w": np.array([5.0, 0.0]), "b": 2.0}),
]


@pytest.mark.parametrize(("x", "f", "expected"), NESTED, ids=[repr(x) for x, _, _ in NESTED])
def test_a_gradient_is_nested_like_its_argument(x, f, expected):
    same(grad(f)(x), expected)
    same(vjp(f, x)[1](1.0), expected)
    same(jacobian(f)(x), expected)
    same(hvp(f, (x,), (x,))[0], expected)  # a bilinear form times its own argument
    y, along = jvp(f, (x,), (x,))
    assert (y, along) == (10.0, 20.0)


def test_an_array_of_values_gives_an_array_of_values():
    v = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    g = grad(lambda v: ag.sum(v @ v))(v)
    assert (g.shape, g.dtype, {type(x) for x in g.flat}) == ((2, 2), object, {Value})
    assert np.array_equal(g.astype(float), [[7.0, 11.0], [9.0, 13.0]])
    g[0, 0].backward()  # Σ (V²)ij  ->  ∂/∂v00 = 2 v00 + v01 + v10
    assert [x.grad for x in v.flat] == [2.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("kind", ["arrays", "Tensors"])
def test_an_array_of_objects_may_hold_arrays(kind):
    parts = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    holder = np.empty(2, object)
    for i, part in enumerate(parts):
        holder[i] = part if kind == "arrays" else Tensor(part)
    g = grad(lambda v: (v[0] * v[1]).sum())(holder)
    assert [np.asarray(x.data if kind == "Tensors" else x).tolist() for x in g] == [[3.0, 4.0], [1.0, 2.0]]


def test_a_tensor_computed_from_an_array_of_values_has_a_jacobian():
    found = jacobian(lambda v: (Tensor.of(v) ** 2).sum())(np.array([Value(1.0), Value(2.0)]))
    assert [g.item() for g in found] == [2.0, 4.0]


def test_a_node_that_stands_in_two_places_has_a_derivative_in_each():
    x = Value(3.0)
    a, b = grad(lambda p: p[0] * p[0] * p[1])([x, x])
    assert (a.data, b.data) == (18.0, 9.0)


def test_results_may_be_nested():
    def f(x):
        return {"s": x * x, "l": [x, (Value(7.0),)], "p": Pair(x**3, x)}

    expected = {"s": 6.0, "l": [1.0, (0.0,)], "p": Pair(27.0, 1.0)}
    same(jacobian(f)(3.0), expected)
    y, along = jvp(f, 3.0, 1.0)
    same(y, {"s": 9.0, "l": [3.0, (7.0,)], "p": Pair(27.0, 3.0)})
    same(along, expected)
    y, pull = vjp(f, 3.0)
    same(y, {"s": 9.0, "l": [3.0, (7.0,)], "p": Pair(27.0, 3.0)})
    assert pull({"s": 1.0, "l": [10.0, (5.0,)], "p": Pair(0.0, 100.0)}) == 116.0
    assert elementwise_grad(f)(3.0) == 35.0


def test_a_jacobian_of_nests_is_nested_by_result_and_then_by_argument():
    found = jacobian(lambda x, y: {"s": x * y, "l": [x.sum()]}, (0, 1))(np.array([1.0, 2.0]), 3.0)
    same(
        found,
        {
            "s": (np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([1.0, 2.0])),
            "l": [(np.array([1.0, 1.0]), 0.0)],
        },
    )


def test_a_hessian_of_nests_is_nested_twice():
    p = {"a": np.array([1.0, 2.0]), "b": [3.0]}
    found = hessian(lambda p: (p["a"] ** 2).sum() * p["b"][0])(p)
    same(
        found,
        {
            "a": {"a": np.array([[6.0, 0.0], [0.0, 6.0]]), "b": [np.array([2.0, 4.0])]},
            "b": [{"a": np.array([2.0, 4.0]), "b": [0.0]}],
        },
    )


def test_a_result_may_be_an_argument_or_the_same_number_twice():
    same(jacobian(lambda x: [x, x])(2.0), [1.0, 1.0])
    same(jvp(lambda x: (x, x), 2.0, 5.0), ((2.0, 2.0), (5.0, 5.0)))
    assert vjp(lambda x: (x, x), 2.0)[1]((1.0, 10.0)) == 11.0
    assert grad(lambda x: x)(2.0) == 1.0


def test_values_and_tensors_may_cross_inside():
    rows = jacobian(lambda x: x.values()[0] * x.values()[1])(np.array([2.0, 5.0]))
    assert rows.tolist() == [5.0, 2.0]
    assert jacobian(lambda x: Tensor.of([x, x * x, 4.0]))(Value(3.0)).data.tolist() == [1.0, 6.0, 0.0]
    assert hessian(lambda x: ag.sum(x.values() ** 3))(np.array([1.0, 2.0])).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    assert hessian(lambda x: (Tensor.of([x, x * x]) ** 2).sum())(3.0) == 2.0 + 12.0 * 9.0
    a, b = grad(lambda a, b: a * b.sum().values()[()], (0, 1))(Value(2.0), Tensor([1.0, 2.0]))
    assert (a.data, b.data.tolist()) == (3.0, [2.0, 2.0])
    y, dy = jvp(lambda x: Tensor.of([x.values()[1], 1.0]) * x, np.array([2.0, 5.0]), np.array([1.0, 1.0]))
    assert (y.tolist(), dy.tolist()) == ([10.0, 5.0], [7.0, 1.0])


# -- arguments ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argnum", "expected"),
    [(0, 12.0), (1, 4.0), (-1, 4.0), (-2, 12.0), ((0, 1), (12.0, 4.0)), ((1, 0), (4.0, 12.0)), ((-1,), (4.0,)), ([0], (12.0,))],
    ids=repr,
)
def test_argnum_names_an_argument_or_several(argnum, expected):
    def f(x, y):
        return x * x * y

    assert grad(f, argnum)(2.0, 3.0) == expected
    assert grad(f, argnum=argnum)(2.0, 3.0) == expected
    assert value_and_grad(f, argnum)(2.0, 3.0) == (12.0, expected)
    assert elementwise_grad(f, argnum)(2.0, 3.0) == expected
    assert jacobian(f, argnum)(2.0, 3.0) == expected


def test_hessian_in_several_arguments_is_a_block_for_each_pair():
    assert hessian(lambda x, y: x * x * y, (0, 1))(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))
    assert hessian(lambda x, y: x * x * y, -1)(2.0, 3.0) == 0.0


def test_other_arguments_and_keywords_go_through_as_they_are():
    seen = []

    def f(x, labels, *rest, scale, mode="sum"):
        seen.append((labels, rest, scale, mode))
        return scale * x * (mode == "sum")

    labels = {"data": np.array([1, 2]), "names": ("a", None)}
    assert grad(f)(2.0, labels, "text", 3, scale=5.0) == 5.0
    assert seen[0][0] is labels
    assert seen[0][1:] == (("text", 3), 5.0, "sum")


def test_plain_data_beside_an_argument_may_have_any_dtype():
    x, onehot, places = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0, 1], [1, 0]]), np.array([1, 0])
    chosen = np.array([True, False])
    g = grad(lambda x, onehot, places, chosen: (x * onehot).sum() + x[np.arange(2), places].sum() + x[chosen].sum())(
        x, onehot, places, chosen
    )
    assert g.tolist() == [[1.0, 3.0], [2.0, 0.0]]


def test_a_default_argument_a_partial_a_method_a_class_and_a_module_are_functions():
    class Square:
        def __call__(self, x):
            return x * x

        def method(self, x):
            return x * x

    assert grad(lambda x, y=4.0: x * y)(3.0) == 4.0
    assert grad(functools.partial(lambda a, b: a * a * b, 2.0))(3.0) == 4.0
    assert grad(Square())(3.0) == grad(Square().method)(3.0) == 6.0
    assert grad(ag.exp)(0.0) == grad(np.exp)(0.0) == 1.0
    model = nn.MLP(2, [1], rng=0)
    assert grad(model)([1.0, 2.0]) == [w.data for (w,) in model.layers[0].weight]


def test_a_transform_keeps_name_and_docstring_of_its_function():
    def power(x):
        """Third power."""
        return x**3

    for transform in (grad, value_and_grad, elementwise_grad, jacobian, hessian):
        assert (transform(power).__name__, transform(power).__doc__) == ("power", "Third power.")


def test_vjp_gives_a_bare_cotangent_for_one_argument_and_a_tuple_for_several():
    assert vjp(cube, 2.0)[1](1.0) == 12.0
    assert vjp(lambda x, y: x * y, 2.0, 5.0)[1](1.0) == (5.0, 2.0)
    assert vjp(lambda: Value(3.0))[1](1.0) == ()


def test_vjp_can_pull_more_than_once():
    _, pull = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    assert pull(np.array([1.0, 0.0])).tolist() == [2.0, 0.0]
    assert pull(np.array([0, 1])).tolist() == [0.0, 4.0]


def test_jvp_takes_a_tuple_of_arguments_and_anything_else_as_the_only_one():
    assert jvp(lambda x, y: x * y, (2.0, 5.0), (1.0, 0.0)) == (10.0, 5.0)
    assert jvp(lambda p: p[0] * p[1], [2.0, 5.0], [0.0, 1.0]) == (10.0, 2.0)
    assert jvp(lambda p: p[0] * p[1], ((2.0, 5.0),), ((0.0, 1.0),)) == (10.0, 2.0)


def test_hvp_gives_a_product_nested_like_its_primals():
    assert hvp(lambda x, y: x * x * y, (2.0, 3.0), (1.0, 0.0)) == (6.0, 4.0)
    assert hvp(lambda p: p[0] ** 2 * p[1], [2.0, 3.0], [1.0, 0.0]) == [6.0, 4.0]
    assert hvp(lambda x: x**3, (2.0,), (1.0,)) == (12.0,)


# -- products and matrices agree ------------------------------------------------------------------------------------------


def on_tensors(x, y):
    """Arrays of shape (2, 3) and (3,)."""
    return {
        "product": x @ y,
        "joined": [ag.concatenate([ag.sin(x), (x * y)[:1]]), ag.exp(y).sum() * x[0]],
        "soft": ag.softmax(x, axis=-1).T @ ag.log_softmax(x * x, axis=0),
        "whole": ag.logsumexp(y) * ag.norm(x + 3.0),
        "crossed": Tensor.of([v * x.sum().values()[()] for v in y.values()]),
        "kept": checkpoint(lambda x: ag.tanh(x) @ y)(x),
    }


def on_values(p):
    a, (b, c) = p["a"], p["bc"]
    return [a * b * c, {"e": ag.exp(a - c), "t": (ag.tanh(b), ag.add_n(a, b, b, c) ** 2)}, ag.weighted_sum(a, b, c, c, a)]


def inner(u, v):
    return sum(float(np.vdot(x, y)) for x, y in zip(flatten(u)[0], leaves_like(u, v), strict=True))


NUMBERS = st.floats(-2, 2)
ARRAYS = st.tuples(npst.arrays(float, (2, 3), elements=NUMBERS), npst.arrays(float, 3, elements=NUMBERS))
POINTS = st.fixed_dictionaries({"a": NUMBERS, "bc": st.tuples(NUMBERS, NUMBERS)})


def drawn_like(tree, rng):
    parts, rebuild = flatten(tree)
    return rebuild([rng.normal(size=np.shape(part))[()] for part in parts])


@settings(deadline=None, max_examples=60)
@given(ARRAYS, ARRAYS, st.integers(0, 10**6))
def test_on_arrays_jvp_and_vjp_are_adjoint(primals, tangents, seed):
    y, along = jvp(on_tensors, primals, tangents)
    same(y, vjp(on_tensors, *primals)[0])
    u = drawn_like(y, np.random.default_rng(seed))
    assert inner(u, along) == pytest.approx(inner(vjp(on_tensors, *primals)[1](u), tangents), rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(POINTS, POINTS, st.integers(0, 10**6))
def test_on_numbers_jvp_and_vjp_are_adjoint(primal, tangent, seed):
    y, along = jvp(on_values, primal, tangent)
    u = drawn_like(y, np.random.default_rng(seed))
    assert inner(u, along) == pytest.approx(inner(vjp(on_values, primal)[1](u), tangent), rel=1e-9, abs=1e-9)


def flat_map(x):
    """From 5 numbers to an array of shape (2, 2)."""
    w = ag.reshape(x[:4], (2, 2))
    return ag.tanh(w @ w.T) * x[4] + ag.exp(w)


FIVE = npst.arrays(float, 5, elements=NUMBERS)


@settings(deadline=None, max_examples=30)
@given(FIVE)
def test_rows_of_a_jacobian_are_vjps_and_columns_are_jvps(x):
    full = jacobian(flat_map)(x)
    assert full.shape == (2, 2, 5)
    y, pull = vjp(flat_map, x)
    for place in np.ndindex(2, 2):
        unit = np.zeros_like(y)
        unit[place] = 1.0
        np.testing.assert_allclose(full[place], pull(unit), rtol=1e-12, atol=1e-12)
    for i, unit in enumerate(np.eye(5)):
        np.testing.assert_allclose(full[..., i], jvp(flat_map, x, unit)[1], rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(FIVE, FIVE)
def test_a_hessian_is_symmetric_and_its_product_is_hvp(x, v):
    def f(x):
        return (flat_map(x) ** 2).sum() * ag.cos(x[0] * x[3])

    full = hessian(f)(x)
    np.testing.assert_allclose(full, full.T, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(hvp(f, x, v), full @ v, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(jvp(grad(f), x, v)[1], full @ v, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(grad(lambda x: grad(f)(x) @ v)(x), full @ v, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(jacobian(jacobian(f))(x), full, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(FIVE)
def test_numbers_and_arrays_have_the_same_derivatives(x):
    def on_array(x):
        return ag.sum(ag.exp(x[:2]) * ag.tanh(x[2:4])) * x[4] ** 2

    def on_numbers(x):
        a, b, c, d, e = x
        return (ag.exp(a) * ag.tanh(c) + ag.exp(b) * ag.tanh(d)) * e**2

    np.testing.assert_allclose(grad(on_numbers)(x.tolist()), grad(on_array)(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(hessian(on_numbers)(x.tolist()), hessian(on_array)(x), rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(FIVE, FIVE)
def test_jvp_agrees_with_central_differences(x, v):
    h = 1e-5
    differences = (jvp(flat_map, x + h * v, v)[0] - jvp(flat_map, x - h * v, v)[0]) / (2 * h)
    along = jvp(flat_map, x, v)[1]
    np.testing.assert_allclose(along, differences, rtol=1e-5, atol=1e-5 * (1 + np.abs(along).max()))


# -- higher orders ------------------------------------------------------------------------------------------------------


def over(x):
    return 1.0 / x


SMOOTH = {
    "x**5": (lambda x: x**5, lambda x: x**5),
    "x**2.5": (lambda x: x**2.5, lambda x: x**2.5),
    "1/x": (over, over),
    "2**x": (lambda x: 2.0**x, lambda x: mpmath.mpf(2) ** x),
    "x**x": (lambda x: x**x, lambda x: x**x),
    "exp": (ag.exp, mpmath.exp),
    "log": (ag.log, mpmath.log),
    "sqrt": (ag.sqrt, mpmath.sqrt),
    "sin": (ag.sin, mpmath.sin),
    "tan": (ag.tan, mpmath.tan),
    "tanh": (ag.tanh, mpmath.tanh),
    "arctan": (ag.arctan, mpmath.atan),
    "arcsin": (ag.arcsin, mpmath.asin),
    "cosh": (ag.cosh, mpmath.cosh),
    "sigmoid": (ag.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x))),
    "softplus": (ag.softplus, lambda x: mpmath.log1p(mpmath.exp(x))),
    "logaddexp": (lambda x: ag.logaddexp(x, x * x), lambda x: mpmath.log(mpmath.exp(x) + mpmath.exp(x * x))),
    "exp(sin x²)": (lambda x: ag.exp(ag.sin(x * x)), lambda x: mpmath.exp(mpmath.sin(x * x))),
    "x/(1+x²)": (lambda x: x / (1 + x * x), lambda x: x / (1 + x * x)),
}


@pytest.mark.parametrize("at", [0.3, 0.8])
@pytest.mark.parametrize("name", SMOOTH)
def test_the_first_four_derivatives_match_mpmath(name, at):
    ours, theirs = SMOOTH[name]
    derivative = on_array = ours
    for order in range(1, 5):
        with mpmath.workdps(60):
            expected = float(mpmath.diff(theirs, mpmath.mpf(at), order))
        derivative, on_array = grad(derivative), elementwise_grad(on_array)
        assert derivative(at) == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert on_array(np.array([at, 0.5]))[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_polynomial_runs_out_of_derivatives():
    f, found = cube, []
    for _ in range(5):
        f = grad(f)
        found.append(f(2.0))
    assert found == [12.0, 12.0, 6.0, 0.0, 0.0]


D = {
    "grad": lambda f: grad(f),
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "elementwise_grad": elementwise_grad,
    "jacobian": jacobian,
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0),
    "jvp": lambda f: lambda x: jvp(f, x, 1.0)[1],
}


PAIRS = list(itertools.product(D, D))
STARTS = {"a number": float, "an array": np.array, "a Value": Value, "a Tensor": Tensor}


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize(("outer", "inner"), PAIRS, ids=["-of-".join(pair) for pair in PAIRS])
def test_every_transform_nests_in_every_other_without_confusing_whose_derivative_it_is(outer, inner, kind):
    d, e, start = D[outer], D[inner], STARTS[kind]
    plain = np.array if kind in ("an array", "a Tensor") else float  # a number beside a captured node, of the same kind
    assert float(d(e(lambda x: x**4))(start(2.0))) == 48.0
    # Siskind and Pearlmutter, *Perturbation Confusion and Referential Transparency* (2005)
    assert float(d(lambda x: x * e(lambda y: x + y)(plain(1.0)))(start(1.0))) == 1.0
    assert float(d(lambda x: x * e(lambda y: x + y)(x))(start(1.0))) == 1.0
    assert float(d(lambda x: x * e(lambda y: x * y)(plain(2.0)))(start(3.0))) == 6.0
    assert float(d(lambda x: e(lambda y: x * y * y)(x))(start(3.0))) == 12.0
    assert float(d(lambda x: e(lambda y: x * y)(plain(1.0)) * e(lambda y: x * x * y)(x))(start(2.0))) == 12.0
    assert float(d(lambda x: x * e(lambda y: y * y)(plain(5.0)))(start(2.0))) == 10.0


@pytest.mark.parametrize(("outer", "inner"), PAIRS, ids=["-of-".join(pair) for pair in PAIRS])
def test_a_derivative_taken_by_shifting_the_argument_can_be_taken_again(outer, inner):
    """Manzyuk, Pearlmutter, Radul, Rush, Siskind, *Perturbation confusion in forward automatic differentiation of higher-order
    functions* (2019): the derivative at a plain 0 of a shift, of a function that is one itself."""

    def shifted(d):
        return lambda f: lambda x: d(lambda u: f(x + u))(0.0)

    f = shifted(D[outer])(shifted(D[inner])(ag.exp))
    assert float(f(1.0)) == pytest.approx(math.e)
    assert float(shifted(D[outer])(f)(1.0)) == pytest.approx(math.e)
    assert float(D[outer](f)(1.0)) == pytest.approx(math.e)


def test_three_variables_do_not_get_confused():
    def f(x):
        return grad(lambda y: y * grad(lambda z: x * y * z * z)(y))(x)  # y · 2xy² = 2xy³ -> 6xy² = 6x³

    assert f(2.0) == 48.0
    assert grad(f)(2.0) == 72.0
    assert grad(lambda x: grad(lambda y: grad(lambda z: x * y * z)(1.0))(1.0))(5.0) == 1.0


def test_jacobian_and_hessian_inside_a_function_are_differentiated():
    x = np.array([1.0, 2.0])
    assert grad(lambda x: (jacobian(lambda y: y * y * x)(x) ** 2).sum())(x).tolist() == [16.0, 128.0]
    assert grad(lambda x: (jacobian(lambda y: y * y * x)(np.ones(2)) ** 2).sum())(x).tolist() == [8.0, 16.0]
    assert grad(lambda x: hessian(lambda y: (y**3).sum())(x).sum())(x).tolist() == [6.0, 6.0]
    assert grad(lambda x: hessian(lambda y: (y**3 * x).sum())(np.ones(2)).sum())(x).tolist() == [6.0, 6.0]
    assert grad(lambda x: hvp(lambda y: (y**3).sum(), x, x).sum())(x).tolist() == [12.0, 24.0]
    assert hessian(lambda x: x * grad(cube)(x))(2.0) == 36.0
    assert hessian(lambda x: grad(lambda y: x * y**3)(x))(2.0) == 36.0


def test_tangents_and_cotangents_may_carry_the_derivative():
    assert grad(lambda x: jvp(cube, 2.0, x * x)[1])(3.0) == 72.0
    assert grad(lambda x: vjp(cube, 2.0)[1](x * x))(3.0) == 72.0
    assert grad(lambda x: hvp(cube, 2.0, x * x))(3.0) == 72.0
    assert jvp(lambda g: vjp(cube, 2.0)[1](g), 1.0, 5.0) == (12.0, 60.0)


@pytest.mark.filterwarnings("ignore:grad. the function gave a plain float")
def test_a_pull_that_was_made_outside_is_a_function_like_any_other():
    _, pull = vjp(cube, 2.0)
    assert grad(lambda g: g * pull(g))(1.0) == 24.0
    assert grad(pull)(1.0) == 12.0
    assert jvp(pull, 1.0, 5.0) == (12.0, 60.0)


def test_a_node_in_a_tangent_or_cotangent_stays_on_the_graph():
    for along in (lambda v: jvp(cube, 2.0, v)[1], lambda v: vjp(cube, 2.0)[1](v), lambda v: hvp(cube, 2.0, v)):
        v = Value(3.0)
        along(v).backward()
        assert v.grad == 12.0


def test_a_node_may_come_as_tangent_or_cotangent():
    assert jvp(cube, Value(2.0), Value(3.0))[1].data == 36.0
    assert vjp(lambda x: x * 2, np.ones(2))[1](Tensor([1.0, 2.0])).data.tolist() == [2.0, 4.0]
    assert hvp(cube, 2.0, Value(3.0)).data == 36.0


# -- what surrounds a transform ---------------------------------------------------------------------------------------------


def test_gradients_of_leaves_are_not_touched():
    x, w, t = Value(2.0), Value(3.0), Tensor([1.0, 2.0])
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    x.grad, w.grad, t.grad = 5.0, 6.0, [7.0, 8.0]

    def f(x):
        return model([x, w]) * x + checkpoint(lambda x: x * w)(x) + (t * t).sum().values()[()] * x

    f(x).backward()
    before = [p.grad for p in (x, w, *model.parameters())], t.grad.tolist()
    for transform in (grad, value_and_grad, elementwise_grad, jacobian, hessian, lambda f: grad(grad(f))):
        transform(f)(x)
        transform(f)(2.0)
    vjp(f, x)[1](1.0)
    jvp(f, x, 1.0)
    hvp(f, x, 1.0)
    assert ([p.grad for p in (x, w, *model.parameters())], t.grad.tolist()) == before


def test_under_no_grad_derivatives_are_computed_all_the_same():
    x = np.array([1.0, 2.0])
    with no_grad():
        assert grad(grad(cube))(2.0) == 12.0
        assert hessian(lambda x: (x**3).sum())(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
        assert jacobian(lambda x: jacobian(cube)(x).sum(axis=0))(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
        assert jvp(cube, 2.0, 1.0) == (8.0, 12.0)
        assert hvp(cube, 2.0, 1.0) == 12.0
        assert vjp(cube, 2.0)[1](1.0) == 12.0
        assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(3.0) == 6.0
        g = grad(cube)(Value(2.0))
    assert (g.data, g.requires_grad) == (12.0, False)


def test_what_is_computed_under_no_grad_inside_counts_as_constant():
    def f(x):
        with no_grad():
            c = x * x
        return c * x

    assert grad(f)(3.0) == 9.0
    assert hessian(f)(3.0) == 0.0

    def g(x):
        with no_grad():
            c = grad(lambda y: y * y * x)(x)
        return c * x

    assert grad(g)(3.0) == 18.0


def test_detach_makes_a_constant_inside():
    assert grad(lambda x: x.detach() * x)(3.0) == 3.0


def test_a_captured_leaf_that_is_written_between_forward_and_pull_is_refused():
    w = Tensor([2.0], label="w")
    _, pull = vjp(lambda x: x * w, np.array([3.0]))
    w.data = np.array([5.0])
    with pytest.raises(StaleGraphError, match="'w' was written"):
        pull(np.array([1.0]))


def test_an_argument_that_is_written_between_forward_and_pull_does_not_mix_old_and_new():
    x = Value(3.0)
    y, pull = vjp(lambda x: x * x, x)
    x.data = 100.0
    assert (y.data, pull(1.0).data) == (9.0, 6.0)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_exception_leaves_no_state_behind(depth):
    def fails(x):
        raise ZeroDivisionError("on purpose")

    f = fails
    for transform in (grad, jacobian, lambda f: lambda x: jvp(f, x, 1.0)[1])[:depth]:
        f = functools.partial(lambda transform, f, x: x * transform(f)(x * 2.0), transform, f)
    w = Value(2.0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="on purpose"):
            grad(f)(1.0)
        assert type(grad(lambda y: w * y)(1.0)) is float
    with no_grad(), pytest.raises(ZeroDivisionError):
        grad(f)(1.0)
    assert (Value(1.0) * 2).requires_grad


def test_a_fault_inside_keeps_its_own_name_and_a_rule_without_a_derivative_is_named():
    with pytest.raises(DomainError, match=r"log\(-1\): operand 1 must be > 0"):
        grad(ag.log)(-1.0)
    with pytest.raises(DomainError, match="sqrt"):
        grad(ag.sqrt)(0.0)
    with pytest.raises(DomainError, match="sqrt"):
        grad(grad(ag.sqrt))(Value(0.0))


def test_threads_do_not_disturb_each_other():
    start, faults = threading.Barrier(4), []

    def work(i):
        try:
            start.wait(10)
            for _ in range(20):
                if i % 2:
                    with no_grad():
                        assert grad(lambda x: x * grad(lambda y: x * y * y)(1.0))(float(i)) == 4.0 * i
                        assert not (Value(1.0) * 2).requires_grad
                else:
                    assert hessian(lambda x: (x**3).sum())(np.full(2, float(i))).tolist() == [[6.0 * i, 0.0], [0.0, 6.0 * i]]
                    assert (Value(1.0) * 2).requires_grad
                assert type(grad(cube)(2.0)) is float
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_long_chain_is_differentiated_without_recursion():
    def f(x):
        y = x
        for _ in range(20_000):
            y = y * 1.0
        return y * x

    assert grad(f)(3.0) == 6.0
    assert hessian(f)(3.0) == 2.0


def test_transforms_and_checkpoints_nest_either_way():
    block = checkpoint(lambda x: ag.tanh(x) * x)
    x = 0.7
    for order in (grad, lambda f: grad(grad(f)), hessian, lambda f: grad(grad(grad(f)))):
        assert order(block)(x) == pytest.approx(order(lambda x: ag.tanh(x) * x)(x), rel=1e-12)
    derivative = checkpoint(grad(lambda x: ag.tanh(x) * x))
    assert grad(derivative)(x) == pytest.approx(hessian(lambda x: ag.tanh(x) * x)(x), rel=1e-12)
    assert hessian(derivative)(x) == pytest.approx(grad(grad(grad(lambda x: ag.tanh(x) * x)))(x), rel=1e-12)


# -- networks -----------------------------------------------------------------------------------------------------------


def parameters_of(model):
    return [([[w.data for w in row] for row in layer.weight], [b.data for b in layer.bias]) for layer in model.layers]


def set_parameters(model, parameters):
    for layer, (weight, bias) in zip(model.layers, parameters, strict=True):
        layer.weight, layer.bias = weight, bias


def loss_of(model, x, y):
    """The loss as a function of the nested list of the model's parameters."""

    def loss(parameters):
        own = [(layer.weight, layer.bias) for layer in model.layers]
        set_parameters(model, parameters)
        try:
            return nn.bce_with_logits(model(x), y)
        finally:
            set_parameters(model, own)

    return loss


def test_the_gradient_of_a_model_in_its_nested_parameters_is_what_backward_leaves_on_them():
    rng = np.random.default_rng(0)
    model, x, y = nn.MLP(2, [4, 3, 1], "tanh", rng=0), rng.normal(size=(5, 2)).tolist(), [0, 1, 1, 0, 1]
    loss = loss_of(model, x, y)
    value, found = value_and_grad(loss)(parameters_of(model))
    assert all(p.grad == 0.0 for p in model.parameters())
    backward = nn.bce_with_logits(model(x), y)
    backward.backward()
    assert value == backward.data
    expected = [([[w.grad for w in row] for row in layer.weight], [b.grad for b in layer.bias]) for layer in model.layers]
    same(found, expected)

    numbers, rebuild = flatten(parameters_of(model))
    direction, h = rng.normal(size=len(numbers)), 1e-5
    ahead, behind = [
        np.array(flatten(grad(loss)(rebuild((np.array(numbers) + step * direction).tolist())))[0]) for step in (h, -h)
    ]
    product = hvp(loss, parameters_of(model), rebuild(direction.tolist()))
    np.testing.assert_allclose(flatten(product)[0], (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-7)


def test_a_gradient_penalty_reaches_the_parameters_if_its_input_is_a_node():
    w = Tensor([1.0, 2.0])
    g = grad(lambda x: ((w * x) ** 2).sum())(Tensor([3.0, 1.0], requires_grad=False))
    (g**2).sum().backward()  # Σ (2w²x)², whose derivative is 16 w³x²
    assert w.grad.tolist() == [16.0 * 9.0, 16.0 * 8.0]


def test_plain_in_gives_plain_out_even_if_leaves_are_captured():
    w = Value(3.0)
    assert type(grad(lambda y: w * y * y)(2.0)) is float
    assert type(value_and_grad(lambda y: w * y * y)(2.0)[0]) is float


def rosenbrock(x):
    return ag.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_of_numbers(x):
    return ag.add_n(*[100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in itertools.pairwise(x)])


def close(ours, theirs, tolerance=1e-10):
    theirs = np.asarray(theirs)
    assert np.shape(ours) == theirs.shape
    assert np.abs(np.asarray(ours) - theirs).max() <= tolerance * np.abs(theirs).max()


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(3))
def test_the_hessian_of_rosenbrocks_function_is_that_of_torch(seed):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(seed).normal(size=6)

    def theirs(x):
        return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    expected = torch.autograd.functional.hessian(theirs, torch.tensor(x)).numpy()
    close(hessian(rosenbrock)(x), expected)
    close(hessian(rosenbrock_of_numbers)(x.tolist()), expected)
    close([[h.data for h in row] for row in hessian(rosenbrock_of_numbers)([Value(z) for z in x])], expected)
    close(hessian(rosenbrock)(Tensor(x)).data, expected)


@pytest.mark.oracle
def test_the_hessian_of_a_logistic_loss_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(30, 4)), rng.integers(0, 2, 30), rng.normal(size=4)

    def theirs(w):
        logits = torch.tensor(x) @ w
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(y, dtype=torch.float64)) + 0.1 * w @ w

    def on_arrays(w, x, y):
        z = x @ w
        return (ag.softplus(z) - y * z).mean() + 0.1 * (w @ w)

    def on_numbers(w):
        logits = [ag.weighted_sum(*w, *row) for row in x.tolist()]
        return nn.bce_with_logits(logits, y) + 0.1 * ag.weighted_sum(*w, *w)

    expected = torch.autograd.functional.hessian(theirs, torch.tensor(w)).numpy()
    close(hessian(on_arrays)(w, x, y), expected)
    close(hessian(on_numbers)(w.tolist()), expected)
    close([hvp(on_numbers, w.tolist(), unit.tolist()) for unit in np.eye(4)], expected)


SHAPES = ((2, 16), (16,), (16, 1), (1,))


def unpacked(theta, reshape):
    places = np.cumsum([0, *[int(np.prod(shape)) for shape in SHAPES]])
    return [reshape(theta[start:stop], shape) for start, stop, shape in zip(places, places[1:], SHAPES)]


@pytest.mark.oracle
def test_the_hessian_of_a_2_16_1_mlp_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(20, 2)), rng.integers(0, 2, (20, 1)), rng.normal(size=65)

    def theirs(theta):
        w1, b1, w2, b2 = unpacked(theta, torch.reshape)
        logits = torch.tanh(torch.tensor(x) @ w1 + b1) @ w2 + b2
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(y, dtype=torch.float64))

    def on_arrays(parameters):
        w1, b1, w2, b2 = parameters
        z = ag.tanh(x @ w1 + b1) @ w2 + b2
        return (ag.softplus(z) - y * z).mean()

    expected = torch.autograd.functional.hessian(theirs, torch.tensor(theta)).numpy()
    close(hessian(lambda theta: on_arrays(unpacked(theta, ag.reshape)))(theta), expected)
    blocks = hessian(on_arrays)(unpacked(theta, np.reshape))
    sizes = [int(np.prod(shape)) for shape in SHAPES]
    close(np.block([[block.reshape(m, n) for block, n in zip(row, sizes)] for row, m in zip(blocks, sizes)]), expected)


@pytest.mark.oracle
def test_the_hessian_of_a_2_16_1_mlp_of_values_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    model, x, y = nn.MLP(2, [16, 1], "tanh", rng=0), rng.normal(size=(6, 2)), rng.integers(0, 2, 6)
    parameters = parameters_of(model)
    theta = np.concatenate([np.ravel(part) for layer in parameters for part in layer])

    def theirs(theta):
        w1, b1, w2, b2 = unpacked(theta, torch.reshape)
        logits = (torch.tanh(torch.tensor(x) @ w1 + b1) @ w2 + b2)[:, 0]
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(y, dtype=torch.float64))

    expected = torch.autograd.functional.hessian(theirs, torch.tensor(theta)).numpy()
    found = hessian(loss_of(model, x.tolist(), y.tolist()))(parameters)
    close(np.array(flatten(found)[0]).reshape(65, 65), expected)


@pytest.mark.oracle
def test_the_gradient_through_five_steps_of_descent_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y, held_x, held_y = rng.normal(size=(8, 3)), rng.normal(size=8), rng.normal(size=(4, 3)), rng.normal(size=4)
    start, lr = rng.normal(size=3), 0.1

    def meta(start, lr):
        w = start
        for _ in range(5):
            w = w - lr * grad(lambda w: ((ag.tanh(x @ w) - y) ** 2).mean())(w)
        return ((ag.tanh(held_x @ w) - held_y) ** 2).mean()

    w = begin = torch.tensor(start, requires_grad=True)
    rate = torch.tensor(lr, dtype=torch.float64, requires_grad=True)
    for _ in range(5):
        loss = ((torch.tanh(torch.tensor(x) @ w) - torch.tensor(y)) ** 2).mean()
        w = w - rate * torch.autograd.grad(loss, w, create_graph=True)[0]
    outer = ((torch.tanh(torch.tensor(held_x) @ w) - torch.tensor(held_y)) ** 2).mean()
    outer.backward()
    value, (d_start, d_lr) = value_and_grad(meta, (0, 1))(start, lr)
    assert value == pytest.approx(outer.item(), rel=1e-12)
    close(d_start, begin.grad.numpy())
    assert d_lr == pytest.approx(rate.grad.item(), rel=1e-10)


@pytest.mark.oracle
@pytest.mark.parametrize("inputs", ["plain and captured", "a node"])
def test_a_gradient_penalty_is_that_of_torch(inputs):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, w, v = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)

    def penalty(w, v):
        given = x if inputs == "plain and captured" else Tensor(x)
        g = grad(lambda x: ag.sum(ag.tanh(x @ w) @ v))(given)
        return ((ag.norm(g, axis=1) - 1.0) ** 2).mean()

    tx, tw, tv = (torch.tensor(z, requires_grad=True) for z in (x, w, v))
    (g,) = torch.autograd.grad((torch.tanh(tx @ tw) @ tv).sum(), tx, create_graph=True)
    loss = ((g.norm(dim=1) - 1.0) ** 2).mean()
    loss.backward()
    value, (dw, dv) = value_and_grad(penalty, (0, 1))(w, v)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    close(dw, tw.grad.numpy())
    close(dv, tv.grad.numpy())


@pytest.mark.oracle
@settings(deadline=None, max_examples=25)
@given(FIVE, FIVE)
def test_jvp_and_hvp_are_those_of_torch(x, v):
    torch = pytest.importorskip("torch")

    def theirs(x):
        w = x[:4].reshape(2, 2)
        return torch.tanh(w @ w.T) * x[4] + torch.exp(w)

    functional = torch.autograd.functional
    y, along = functional.jvp(theirs, torch.tensor(x), torch.tensor(v))
    found = jvp(flat_map, x, v)
    np.testing.assert_allclose(found[0], y.numpy(), rtol=1e-12)
    np.testing.assert_allclose(found[1], along.numpy(), rtol=1e-10, atol=1e-10)
    _, product = functional.hvp(lambda x: (theirs(x) ** 2).sum(), torch.tensor(x), torch.tensor(v))
    np.testing.assert_allclose(hvp(lambda x: (flat_map(x) ** 2).sum(), x, v), product.numpy(), rtol=1e-10, atol=1e-9)


# -- errors --------------------------------------------------------------------------------------------------------------


ONE_NUMBER = [grad, value_and_grad, hessian, lambda f: lambda x: hvp(f, x, x)]


@pytest.mark.parametrize("transform", ONE_NUMBER, ids=["grad", "value_and_grad", "hessian", "hvp"])
@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: [x, x], TypeError, r"grad differentiates a function that gives one number, not 2; use jacobian"),
        (lambda x: {"a": x, "b": (x, x)}, TypeError, r"gives one number, not 3; use jacobian"),
        (lambda x: [], TypeError, r"gives one number, not 0"),
        (lambda x: None, TypeError, r"grad: the function gave NoneType, not a number"),
        (lambda x: "text", TypeError, r"grad: the function gave str, not a number"),
        (lambda x: (x for _ in "ab"), TypeError, r"grad: the function gave generator, not a number"),
        (lambda x: lambda y: y, TypeError, r"grad: the function gave function, not a number"),
        (lambda x: 1j, TypeError, r"grad: the function gave complex, not a number"),
        (lambda x: [x, None], TypeError, r"grad: the function gave NoneType, not a number"),
    ],
    ids=[
        "a list",
        "a dict",
        "an empty list",
        "None",
        "text",
        "a generator",
        "a function",
        "a complex number",
        "None in a list",
    ],
)
def test_a_function_that_does_not_give_one_number_is_refused(transform, f, error, message):
    with pytest.raises(error, match=message):
        transform(f)(2.0)


@pytest.mark.parametrize("transform", ONE_NUMBER, ids=["grad", "value_and_grad", "hessian", "hvp"])
def test_a_function_that_gives_an_array_is_refused_and_told_what_to_use(transform):
    message = r"one number, not an array of shape \(2,\); use jacobian or elementwise_grad, or sum\(\) it"
    with pytest.raises(ValueError, match=message):
        transform(lambda x: x * x)(np.ones(2))


def test_an_array_of_one_element_is_one_number():
    assert grad(lambda x: x * x)(np.array([[3.0]])).tolist() == [[6.0]]
    assert hessian(lambda x: x**3)(np.array([2.0])).tolist() == [[12.0]]


CUT = r"{}: the function gave a plain {}, which nothing connects to its arguments, so its derivative is taken to be 0"


@pytest.mark.parametrize(
    ("transform", "name"),
    [
        (lambda f: grad(f)(2.0), "grad"),
        (lambda f: jacobian(f)(2.0), "jacobian"),
        (lambda f: elementwise_grad(f)(2.0), "elementwise_grad"),
        (lambda f: vjp(f, 2.0)[1](1.0), "vjp"),
        (lambda f: jvp(f, 2.0, 1.0)[1], "jvp"),
    ],
    ids=["grad", "jacobian", "elementwise_grad", "vjp", "jvp"],
)
@pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: float(x) ** 2, math.exp, lambda x: 7, lambda x: x > 1], ids=range(5))
def test_a_plain_number_for_a_result_is_warned_of_and_its_derivative_is_zero(transform, name, f):
    with pytest.warns(RuntimeWarning, match=CUT.format(name, "(float|int|bool)")):
        assert transform(f) == 0.0


def test_a_plain_array_for_a_result_is_warned_of_too():
    with pytest.warns(RuntimeWarning, match=CUT.format("jacobian", "ndarray")):
        assert jacobian(lambda x: np.asarray(x.data))(np.ones(2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_constant_node_for_a_result_is_meant():
    assert grad(lambda x: Value(3.0))(2.0) == 0.0
    assert hessian(lambda x: 3 * x)(2.0) == 0.0
    assert jvp(lambda x: Tensor([1.0, 2.0]), 2.0, 1.0)[1].tolist() == [0.0, 0.0]


def warned_at(call):
    with pytest.warns(RuntimeWarning) as caught:
        call()
    return caught[0].filename


def test_the_warning_of_a_plain_result_points_to_the_line_that_asked():
    def f(x):
        return 3.0

    calls = [
        lambda: value_and_grad(f)(2.0),
        lambda: grad(f)(2.0),
        lambda: jacobian(f)(2.0),
        lambda: elementwise_grad(f)(2.0),
        lambda: vjp(f, 2.0),
        lambda: jvp(f, 2.0, 1.0),
        lambda: hessian(f)(2.0),
        lambda: hvp(f, 2.0, 1.0),
    ]
    assert [warned_at(call) for call in calls] == [__file__] * len(calls)


@pytest.mark.parametrize("argnum", [2, -3, (0, 5), (0, -9)], ids=repr)
def test_an_argnum_out_of_range_is_refused(argnum):
    wrong = argnum if isinstance(argnum, int) else argnum[1]
    for transform in (grad, value_and_grad, elementwise_grad, jacobian, hessian):
        with pytest.raises(TypeError, match=rf"argnum {wrong} names no argument; the function was called with 2"):
            transform(lambda x, y: x * y, argnum)(2.0, 3.0)


def test_an_argument_by_keyword_cannot_be_differentiated_in():
    with pytest.raises(TypeError, match="argnum 0 names no argument; the function was called with 0"):
        grad(lambda x: x)(x=2.0)


@pytest.mark.parametrize("argnum", [1.0, "x", None, ("x",), (0, 1.0), {"x": 0}], ids=repr)
def test_an_argnum_that_is_no_whole_number_is_refused(argnum):
    with pytest.raises(TypeError, match="argnum"):
        grad(lambda x, y: x * y, argnum)(2.0, 3.0)


def test_a_whole_number_of_numpy_is_an_argnum():
    assert grad(lambda x, y: x * x * y, np.int64(1))(2.0, 3.0) == 4.0
    assert grad(lambda x, y: x * x * y, (np.int64(1), np.int32(0)))(2.0, 3.0) == (4.0, 12.0)


@pytest.mark.parametrize("argnum", [(0, 0), (0, -1), (0, 1, 0)], ids=repr)
def test_an_argument_that_is_named_twice_is_answered_twice(argnum):
    def f(*xs):
        return xs[0] ** 2 * math.prod(xs[1:])

    args = (3.0,) if argnum == (0, -1) else (3.0, 1.0)
    assert grad(f, argnum)(*args) == tuple(grad(f, i)(*args) for i in argnum)


NUMBERS_ONLY = r"differentiates in numbers, floating arrays, Values and Tensors \(and lists of them\), not {}"


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (1j, NUMBERS_ONLY.format("complex")),
        ("abc", NUMBERS_ONLY.format("str")),
        (True, NUMBERS_ONLY.format("bool")),
        (np.True_, NUMBERS_ONLY.format("bool")),
        (None, NUMBERS_ONLY.format("NoneType")),
        ({1.0}, NUMBERS_ONLY.format("set")),
        ([1.0, "a"], NUMBERS_ONLY.format("str")),
        ([[1.0], {"k": None}], NUMBERS_ONLY.format("NoneType")),
        (np.array([1, 2]), r"holds floating point numbers, not int64; pass floats"),
        (np.array([True]), r"holds floating point numbers, not bool; pass floats"),
        (np.array([1j]), r"holds floating point numbers, not complex128; pass the real and the imaginary part"),
        (np.array(["a"]), r"holds floating point numbers, not <U1; pass numbers"),
        ([1.0, np.array([1, 2])], r"holds floating point numbers, not int64; pass floats"),
    ],
    ids=repr,
)
def test_what_is_no_real_number_cannot_be_differentiated_in(x, message):
    def f(x):
        raise AssertionError("called with what it cannot take")

    calls = {
        "grad": lambda: grad(f)(x),
        "jacobian": lambda: jacobian(f)(x),
        "elementwise_grad": lambda: elementwise_grad(f)(x),
        "vjp": lambda: vjp(f, x),
        "jvp": lambda: jvp(f, (x,), (1.0,)),
    }
    for name, call in calls.items():
        with pytest.raises(TypeError, match=rf"^{name}:? .*{message}"):
            call()


@pytest.mark.parametrize("vector", [1.0, np.ones(3), np.ones((1, 2)), np.ones((2, 1)), Tensor(np.ones(3))], ids=repr)
def test_a_vector_of_the_wrong_shape_is_refused(vector):
    x, came = np.ones(2), str(np.shape(getattr(vector, "data", vector))).replace("(", r"\(").replace(")", r"\)")
    message = rf"a vector of shape {came} came for a number of shape \(2,\); it must have that shape"
    with pytest.raises(ValueError, match="jvp: " + message):
        jvp(lambda x: x * x, x, vector)
    with pytest.raises(ValueError, match="vjp: " + message):
        vjp(lambda x: x * x, x)[1](vector)
    with pytest.raises(ValueError, match="hvp: " + message):
        hvp(lambda x: (x * x).sum(), x, vector)


def test_a_vector_of_another_number_of_parts_is_refused():
    message = r"the vector has {} parts? for {} numbers or arrays; nest it like them"
    with pytest.raises(ValueError, match="jvp: " + message.format(1, 2)):
        jvp(lambda x, y: x * y, (2.0, 3.0), 1.0)
    with pytest.raises(ValueError, match="jvp: " + message.format(3, 2)):
        jvp(lambda p: p[0] * p[1], [2.0, 3.0], [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="vjp: " + message.format(1, 2)):
        vjp(lambda x: [x, x], 2.0)[1](1.0)
    with pytest.raises(ValueError, match="hvp: " + message.format(0, 1)):
        hvp(cube, 2.0, [])


def test_a_dict_among_vectors_is_read_by_its_keys():
    def f(p):
        return {"square": p["a"] ** 2, "product": p["a"] * p["b"]}

    x = {"a": 2.0, "b": 1.0}
    same(jvp(f, x, {"b": 0.0, "a": 1.0})[1], {"square": 4.0, "product": 1.0})
    same(vjp(f, x)[1]({"product": 0.0, "square": 1.0}), {"a": 4.0, "b": 0.0})
    same(hvp(lambda p: p["a"] ** 2 * p["b"], x, {"b": 0.0, "a": 1.0}), {"a": 2.0, "b": 4.0})


@pytest.mark.parametrize("vector", [{"x": 1.0, "y": 0.0}, [1.0, 0.0], {"a": [1.0, 0.0]}, {"a": 1.0, "c": 0.0}], ids=repr)
def test_a_vector_in_another_nesting_is_refused(vector):
    with pytest.raises((TypeError, ValueError, KeyError), match="nest it like"):
        jvp(lambda p: p["a"] * p["b"], {"a": 2.0, "b": 1.0}, vector)


VECTORS = {
    "jvp": lambda x, vector: jvp(cube, x, vector),
    "vjp": lambda x, vector: vjp(cube, x)[1](vector),
    "hvp": lambda x, vector: hvp(cube, x, vector),
}


@pytest.mark.parametrize("vector", [None, "abc", 1j], ids=repr)
@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_of_no_real_numbers_is_refused_by_the_name_of_the_transform(name, vector):
    with pytest.raises((TypeError, ValueError), match=name):
        VECTORS[name](2.0, vector)


def test_a_complex_array_for_a_vector_is_refused_not_cut_to_its_real_part():
    with pytest.raises(TypeError, match="jvp"):
        jvp(lambda x: x * 2, np.ones(2), np.array([1j, 1.0]))
    with pytest.raises(TypeError, match="vjp"):
        vjp(lambda x: x * 2, np.ones(2))[1](np.array([1j, 1.0]))


def test_a_plain_number_among_float32_arrays_leaves_them_float32():
    w = np.ones(2, np.float32)
    y, pull = vjp(lambda w, s: w * s, w, 2.0)
    assert y.dtype == np.float32
    assert pull(np.ones(2, np.float32))[0].dtype == np.float32
    assert jvp(lambda w, s: w * s, (w, 2.0), (w, 1.0))[1].dtype == np.float32


def test_a_jacobian_without_rows_is_a_node_like_any_other():
    found = jacobian(lambda x: x * 2)(Tensor(np.zeros((0, 2))))
    assert isinstance(found, Tensor)
    assert found.shape == (0, 2, 0, 2)
