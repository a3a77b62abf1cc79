"""Rows that mix elements: vjps against finite differences, also on Values; conventions; dtypes and third derivatives of all."""

import math
from itertools import product

import numpy as np
import pytest

import autograd as ag
from autograd import PRIMITIVES, Tensor, Value, arrays, elementwise_grad, grad, hessian, hvp, ops, topological_order, vjp
from autograd.primitive import Elementwise

from .rows import ROWS, STRUCTURAL, counts, domains, draw, exact, variant

TRIED = [row for row in STRUCTURAL if row.examples]
EXAMPLES = [(row, example) for row in TRIED for example in row.examples]
every_row = pytest.mark.parametrize("row", TRIED, ids=lambda row: row.name)
EXAMPLE_IDS = [f"{row.name}-{row.examples.index(example)}" for row, example in EXAMPLES]
every_example = pytest.mark.parametrize(("row", "example"), EXAMPLES, ids=EXAMPLE_IDS)

STEP = 1e-3  # of the finite differences


def test_every_structural_row_gives_examples_but_those_that_hold_nodes_in_their_settings():
    assert {row.name for row in STRUCTURAL if not row.examples} == {"element", "together", "checkpoint"}


# -- vjps against finite differences -----------------------------------------------------------------------------------------


def operands_of(example, rng):
    """Numbers from 0.3 to 2, of either sign, no two of them within reach of a step, nor of another size and sign."""
    sizes = [math.prod(shape) for shape in example.shapes]
    numbers = rng.permutation(np.linspace(0.3, 2.0, sum(sizes))) * rng.choice([-1.0, 1.0], sum(sizes))
    return [part.reshape(shape) for part, shape in zip(np.split(numbers, np.cumsum(sizes)[:-1]), example.shapes)]


def five_point(f, h=STEP):
    """The derivative at 0 of a function of one number."""
    return (f(-2 * h) - 8 * f(-h) + 8 * f(h) - f(2 * h)) / (12 * h)


def slopes_of(f, operands):
    """The gradient of ``f`` in each operand, element by element."""
    gradients = []
    for i, x in enumerate(operands):
        moved = lambda step, i=i: f(*operands[:i], operands[i] + step, *operands[i + 1 :])  # noqa: E731
        units = np.eye(x.size).reshape(x.size, *x.shape)
        gradients.append(np.array([five_point(lambda t: moved(t * unit)) for unit in units]).reshape(x.shape))  # noqa: B023
    return gradients


def check_vjps(op, example, rng):
    """Hold the rules of an op, by either walk, against finite differences of its forward."""
    row, settings = op.primitive, example.settings
    operands = operands_of(example, rng)
    z = row.apply(arrays, operands, **settings)
    g = rng.normal(size=np.shape(z))
    slopes = slopes_of(lambda *xs: float(np.sum(row.apply(arrays, xs, **settings) * g)), operands)

    nodes = [Tensor(x) for x in operands]
    for node in nodes:
        node.grad = 0.5
    op(*nodes, **settings).backward(g)
    for node, slope in zip(nodes, slopes, strict=True):
        assert node.grad == pytest.approx(0.5 + slope, rel=1e-6, abs=1e-8), f"backward of {row.name}"

    _, pull = vjp(lambda *xs: op(*xs, **settings), *operands)
    pulled = pull(g) if len(operands) > 1 else [pull(g)]
    for c, slope in zip(pulled, slopes, strict=True):
        assert c == pytest.approx(slope, rel=1e-6, abs=1e-8), f"vjp of {row.name}"


def check_second_order(op, example, rng):
    """Hold Hessian-vector products of a smooth function of an op against finite differences of its gradient."""
    operands = operands_of(example, rng)
    directions = [rng.normal(size=x.shape) for x in operands]
    g = rng.normal(size=np.shape(op.primitive.apply(arrays, operands, **example.settings)))

    def smooth(*xs):
        return ag.sum(ag.sin(op(*xs, **example.settings)) * g)

    every = tuple(range(len(operands)))
    gradient = lambda t: grad(smooth, every)(*[x + t * v for x, v in zip(operands, directions)])  # noqa: E731
    products = hvp(smooth, tuple(operands), tuple(directions))
    for i, h in enumerate(products):
        bent = five_point(lambda t, i=i: np.asarray(gradient(t)[i]))
        assert h == pytest.approx(bent, rel=1e-6, abs=1e-7), f"hvp of {op.primitive.name}"


@every_example
def test_vjps_match_finite_differences_of_the_forward(row, example):
    check_vjps(row.call, example, np.random.default_rng(0))


@every_example
def test_hessian_vector_products_match_finite_differences_of_the_gradient(row, example):
    check_second_order(row.call, example, np.random.default_rng(1))


@pytest.mark.parametrize("start", [0.0, np.array(0.0)], ids=["values", "tensors"])
@every_example
def test_third_derivatives_along_a_line_match_finite_differences_of_the_second(row, example, start):
    rng = np.random.default_rng(10)
    operands = operands_of(example, rng)
    directions = [0.3 * rng.normal(size=x.shape) for x in operands]
    g = rng.normal(size=np.shape(row.apply(arrays, operands, **example.settings)))

    def along(t):
        z = row.call(*[x + v * t for x, v in zip(operands, directions)], **example.settings)
        return ag.sum(ag.sin(z) * g)

    bent = five_point(lambda h: grad(grad(along))(start + h))
    assert grad(grad(grad(along)))(start) == pytest.approx(bent, rel=1e-6, abs=1e-7)


# -- the check is checked ----------------------------------------------------------------------------------------------------


def turned(xp, a):
    """The elements of ``a`` the other way round, in its shape."""
    return xp.reshape(xp.flip(xp.reshape(a, (-1,)), 0), np.shape(a))


FAULTS = {
    "0.1 % too large": lambda xp, c: c * 1.001,
    "of the wrong sign": lambda xp, c: -c,
    "zero": lambda xp, c: c * 0.0,
    "turned round": turned,
}


def changed(row, i, of_result=lambda xp, c: c, of_g=lambda xp, g: g):
    """The op of a row whose cotangent of operand ``i`` is changed, or the cotangent it is computed from."""

    def change(rule, mine):
        def of(xp, g, z, *operands, **settings):
            if not mine(operands):
                return rule(xp, g, z, *operands, **settings)
            return of_result(xp, rule(xp, of_g(xp, g), z, *operands, **settings))

        return of

    if row.variadic:
        return variant(row, [change(row.rules[0], lambda operands: operands[1] == i)])
    return variant(row, [change(rule, lambda operands, j=j: i == j) for j, rule in enumerate(row.rules)])


def results(row, i):
    """Of the examples in which the row has an operand ``i``, how many numbers the largest result holds."""
    zs = [row.call(*map(np.ones, e.shapes), **e.settings) for e in row.examples if len(e.shapes) > i]
    return max(map(np.size, zs), default=0)


RULES = [(row, i) for row in TRIED for i in range(9) if results(row, i)]
every_rule = pytest.mark.parametrize(("row", "i"), RULES, ids=lambda x: getattr(x, "name", None))


def check_all(check, op, row):
    for example in row.examples:
        check(op, example, np.random.default_rng(0))


@every_rule
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_check_vjps_rejects_a_cotangent_that_is(row, i, fault):
    with pytest.raises(AssertionError, match=f"backward of wrong_{row.name}"):
        check_all(check_vjps, changed(row, i, of_result=fault), row)


@pytest.mark.parametrize(
    ("row", "i"), [(row, i) for row, i in RULES if results(row, i) > 1], ids=lambda x: getattr(x, "name", None)
)
def test_check_vjps_rejects_a_rule_that_takes_its_cotangent_turned_round(row, i):
    with pytest.raises(AssertionError, match=f"backward of wrong_{row.name}"):
        check_all(check_vjps, changed(row, i, of_g=turned), row)


@every_rule
def test_check_vjps_rejects_a_missing_rule(row, i):
    if row.variadic:
        missing = changed(row, i, of_result=lambda xp, c: None)
    else:
        missing = variant(row, [*row.rules[:i], None, *row.rules[i + 1 :]])
    with pytest.raises(AssertionError, match=f"backward of wrong_{row.name}"):
        check_all(check_vjps, missing, row)


@every_rule
def test_check_second_order_rejects_a_rule_that_is_wrong_only_when_read_with_nodes(row, i):
    wrong = changed(row, i, of_result=lambda xp, c: c * 1.001 if xp is ops else c)
    check_all(check_vjps, wrong, row)
    with pytest.raises(AssertionError, match=f"hvp of wrong_{row.name}"):
        check_all(check_second_order, wrong, row)


@pytest.mark.parametrize("row", [row for row, i in RULES if i == 1], ids=lambda row: row.name)
def test_check_vjps_rejects_swapped_rules(row):
    if row.variadic:
        (rule,) = row.rules
        swapped = [lambda xp, g, z, operands, i, **settings: rule(xp, g, z, operands, len(operands) - 1 - i, **settings)]
    else:
        swapped = row.rules[::-1]
    with pytest.raises((AssertionError, TypeError, ValueError)):  # the engine itself refuses a cotangent of another shape
        check_all(check_vjps, variant(row, swapped), row)


# -- the same rows on Values -------------------------------------------------------------------------------------------------


def as_values(x):
    return np.frompyfunc(Value, 1, 1)(x)


def numbers(z, what="data"):
    z = np.asarray(z, object)
    return np.array([getattr(x, what) if isinstance(x, Value) else float(x) for x in z.ravel()]).reshape(z.shape)


@every_example
def test_read_with_arrays_of_values_a_row_gives_the_numbers_and_gradients_of_tensors(row, example):
    rng = np.random.default_rng(2)
    operands = operands_of(example, rng)
    tensors, values = [Tensor(x) for x in operands], [as_values(x) for x in operands]
    z, many = row.call(*tensors, **example.settings), row.call(*values, **example.settings)
    g, h = rng.normal(size=(2, *z.shape))
    z.backward(g)
    ag.sum(many * g).backward()

    assert numbers(many) == pytest.approx(z.data, rel=1e-13, abs=1e-14)
    for t, v in zip(tensors, values, strict=True):
        assert numbers(v, "grad") == pytest.approx(t.grad, rel=1e-12, abs=1e-14)

    number = lambda *xs: ag.sum((z := row.call(*xs, **example.settings)) * (g + h * z))  # noqa: E731
    v = [rng.normal(size=x.shape) for x in operands]
    on_tensors = hvp(number, tuple(operands), tuple(v))
    on_values = hvp(number, tuple(values), tuple([x.astype(object) for x in v]))
    for t, v in zip(on_tensors, on_values, strict=True):
        assert numbers(v) == pytest.approx(t, rel=1e-11, abs=1e-13)


@every_example
def test_read_with_arrays_of_values_a_row_opens_into_ops_of_numbers(row, example):
    values = [as_values(x) for x in operands_of(example, np.random.default_rng(3))]
    many = np.asarray(row.call(*values, **example.settings), object)
    nodes = [node for z in many.ravel() if isinstance(z, Value) for node in topological_order(z)]
    assert all(isinstance(node, Value) for node in nodes)
    assert all(node.op is None or isinstance(node.op.row, Elementwise) for node in nodes)


# -- conventions -------------------------------------------------------------------------------------------------------------


def gradient(f, *operands):
    """Of the sum of the results, by ``backward`` and, the same, by ``vjp``."""
    nodes = [Tensor(x) for x in operands]
    z = f(*nodes)
    z.backward(np.ones(z.shape))
    found = [x.grad for x in nodes]
    _, pull = vjp(f, *[np.asarray(x, float) for x in operands])
    pulled = pull(np.ones(z.shape))
    for x, c in zip(found, pulled if len(found) > 1 else [pulled], strict=True):
        assert np.array_equal(x, c)
    return found if len(found) > 1 else found[0]


@pytest.mark.parametrize("extreme", [ag.max, ag.min])
def test_elements_that_tie_share_the_derivative_evenly(extreme):
    sign = 1.0 if extreme is ag.max else -1.0
    assert gradient(extreme, sign * np.array([1.0, 2.0, 2.0])).tolist() == [0.0, 0.5, 0.5]
    assert gradient(extreme, np.full((2, 2), 3.0)).tolist() == [[0.25, 0.25], [0.25, 0.25]]
    along = lambda a: extreme(a, axis=1)  # noqa: E731
    assert gradient(along, sign * np.array([[1.0, 1.0, 0.0], [1.0, 2.0, 3.0]])).tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    across = lambda a: extreme(a, axis=(0, -1), keepdims=True)  # noqa: E731
    assert gradient(across, sign * np.array([[[1.0, 0.0], [5.0, 4.0]], [[1.0, 0.5], [3.0, 5.0]]])).tolist() == [
        [[0.5, 0.0], [0.5, 0.0]],
        [[0.5, 0.0], [0.0, 0.5]],
    ]


@pytest.mark.parametrize("extreme", [ag.max, ag.min])
def test_three_that_tie_share_to_the_last_digit(extreme):
    assert gradient(extreme, np.ones(3)) == pytest.approx([1 / 3] * 3, rel=1e-15)


@pytest.mark.parametrize("extreme", [ag.max, ag.min])
def test_three_values_that_tie_share_evenly_too(extreme):
    values = [Value(1.0) for _ in range(3)]
    extreme(values).backward()
    assert [x.grad for x in values] == pytest.approx([1 / 3] * 3, rel=1e-15)


@pytest.mark.parametrize("op", [ag.norm, ag.std], ids=["norm", "std"])
def test_the_derivative_of_a_norm_or_deviation_that_is_0_is_0(op):
    assert gradient(op, np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    assert gradient(lambda a: op(a, axis=0, keepdims=True), np.zeros((2, 2))).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    of_both = gradient(lambda a: op(a, axis=1), np.array([[0.0, 0.0], [3.0, -3.0]]))
    assert of_both[0].tolist() == [0.0, 0.0]
    assert of_both[1] == pytest.approx(np.array([1.0, -1.0]) / (math.sqrt(2) if op is ag.norm else 2), rel=1e-14)


def test_the_deviation_of_equal_numbers_has_derivative_0():
    assert gradient(ag.std, np.full(4, 2.5)).tolist() == [0.0] * 4
    assert gradient(lambda a: ag.std(a, ddof=1), np.full(4, 2.5)).tolist() == [0.0] * 4


def products_of_others(x, k):
    """For each ``k`` places the product of all elements elsewhere; 0 where a place comes twice."""
    of = lambda places: np.prod(np.delete(x, places)) if len(set(places)) == k else 0.0  # noqa: E731
    return np.array([of(list(places)) for places in product(range(len(x)), repeat=k)]).reshape((len(x),) * k)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [3, 4, 5, 7])
def test_the_derivatives_of_a_product_are_right_with_any_number_of_zeros(zeros, n):
    x = np.random.default_rng(zeros).permutation([0.0] * zeros + [1.5, -2.0, 0.5, 3.0, -0.25, 1.25, 2.0][: n - zeros])
    assert gradient(ag.prod, x) == pytest.approx(products_of_others(x, 1), rel=1e-14)
    assert hessian(ag.prod)(x) == pytest.approx(products_of_others(x, 2), rel=1e-14)

    values = as_values(x)
    ag.prod(values).backward()
    assert numbers(values, "grad") == pytest.approx(products_of_others(x, 1), rel=1e-14)


def test_each_row_of_a_product_has_zeros_of_its_own():
    a = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0], [2.0, 4.0, 8.0]])
    assert gradient(lambda a: ag.prod(a, axis=1), a).tolist() == [[6.0, 0.0, 0.0], [0.0, 0.0, 0.0], [32.0, 16.0, 8.0]]
    assert gradient(lambda a: ag.prod(a, axis=-1, keepdims=True), a[::-1].copy())[0].tolist() == [32.0, 16.0, 8.0]


@pytest.mark.parametrize(
    ("x", "value", "softmax"),
    [
        ([1000.0, 1000.0], 1000 + math.log(2), [0.5, 0.5]),
        ([-1000.0, -1000.0], -1000 + math.log(2), [0.5, 0.5]),
        ([1000.0, -1000.0, 0.0], 1000.0, [1.0, 0.0, 0.0]),
        ([-math.inf, 0.0], 0.0, [0.0, 1.0]),
        ([-math.inf, 3.0, 3.0], 3 + math.log(2), [0.0, 0.5, 0.5]),
        ([-math.inf, -1000.0], -1000.0, [0.0, 1.0]),
    ],
)
def test_logsumexp_and_softmax_neither_overflow_nor_lose_digits(x, value, softmax):
    x = np.array(x)
    with np.errstate(all="raise", under="ignore"):
        assert ag.logsumexp(Tensor(x)).item() == pytest.approx(value, rel=1e-15)
        assert gradient(ag.logsumexp, x) == pytest.approx(softmax, rel=1e-12)
        assert ag.softmax(Tensor(x)).data == pytest.approx(softmax, rel=1e-12)
        assert ag.log_softmax(Tensor(x)).data == pytest.approx(x - value, rel=1e-12, abs=1e-300)
        jacobian = np.diag(softmax) - np.outer(softmax, softmax)
        assert ag.jacobian(ag.softmax)(x) == pytest.approx(jacobian, rel=1e-12)
        assert hessian(ag.logsumexp)(x) == pytest.approx(jacobian, rel=1e-12)
        assert ag.jacobian(ag.log_softmax)(x) == pytest.approx(np.eye(len(x)) - np.array(softmax), rel=1e-12)
        for label in np.flatnonzero(np.isfinite(x)):
            assert ag.cross_entropy(Tensor(x), labels=int(label)).item() == pytest.approx(
                value - x[label], rel=1e-12, abs=1e-300
            )
            slope = gradient(lambda a: ag.cross_entropy(a, labels=int(label)), x)  # noqa: B023
            assert slope == pytest.approx(np.array(softmax) - (np.arange(len(x)) == label), rel=1e-12)


def test_logsumexp_of_nothing_but_minus_infinities_is_minus_infinity():
    assert ag.logsumexp(Tensor([-math.inf, -math.inf])).item() == -math.inf
    along = ag.logsumexp(Tensor([[-math.inf, -math.inf], [0.0, -math.inf]]), axis=1)
    assert along.data.tolist() == [-math.inf, 0.0]


def test_logaddexp_and_logsumexp_of_minus_infinities_are_minus_infinity_on_both_kinds():
    nothing = -math.inf
    assert ag.logaddexp(Tensor([nothing, 0.0]), Tensor([nothing, nothing])).data.tolist() == [nothing, 0.0]
    assert ag.logaddexp(Value(nothing), Value(nothing)).data == nothing
    assert ag.logsumexp([Value(nothing), Value(nothing)]).data == nothing


def test_einsum_takes_three_arrays_of_values():
    x = as_values(np.array([2.0, 3.0]))
    z = ag.einsum("i,i,j->", x, x, x)
    z.backward()
    assert z.data == 65.0
    assert numbers(x, "grad").tolist() == [13.0 + 4.0 * 5.0, 13.0 + 6.0 * 5.0]


@pytest.mark.parametrize(
    ("spec", "shapes", "name"),
    [
        ("ij,jk->ik", [(2, 3), (3, 2)], "weighted_sum"), ("ij,j->i", [(2, 3), (3,)], "weighted_sum"),
        ("i,i,i->", [(3,)] * 3, "weighted_sum"), ("ij->i", [(2, 3)], "add_n"), ("i,j->ij", [(2,), (3,)], "mul"),
    ],
)  # fmt: skip
def test_einsum_of_values_is_one_node_an_element(spec, shapes, name):
    rng = np.random.default_rng(0)
    operands = [rng.normal(size=shape) for shape in shapes]
    z = ag.einsum(spec, *[as_values(a) for a in operands])
    assert {node.op.name for node in np.ravel(z)} == {name}
    assert numbers(np.asarray(z, object), "data") == pytest.approx(np.einsum(spec, *operands), rel=1e-12)


def test_einsum_over_nothing_is_0():
    assert ag.einsum("i,k->k", np.ones(0), as_values(np.ones(3))).tolist() == [0.0, 0.0, 0.0]


def test_einsum_takes_single_values_beside_arrays_of_them():
    x, y, z = Value(2.0), Value(3.0), as_values(np.array([5.0]))
    assert ag.einsum(",,i->", x, y, z).data == 30.0


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        ("ij,i->ij", [(2, 3), (1,)]),
        ("i,i->", [(3,), (1,)]),
        ("ij,jk->ik", [(2, 1), (3, 2)]),
    ],
)
def test_einsum_broadcasts_axes_of_length_1_as_numpy_does(spec, shapes):
    rng = np.random.default_rng(12)
    operands = [rng.normal(size=shape) for shape in shapes]
    slopes = slopes_of(lambda *xs: float(np.einsum(spec, *xs).sum()), operands)
    for found, slope in zip(gradient(lambda *xs: ag.einsum(spec, *xs), *operands), slopes, strict=True):
        assert found == pytest.approx(slope, rel=1e-8)


def test_a_stride_may_be_a_number_of_numpys():
    x, w = Tensor(np.ones((1, 1, 5))), np.ones((1, 1, 2))
    assert ag.conv1d(x, w, stride=np.int64(2)).shape == ag.conv1d(x, w, stride=2).shape
    assert ag.max_pool(x, np.int64(2)).shape == ag.max_pool(x, 2).shape


@pytest.mark.parametrize("ord", [1.5, 3])
def test_the_derivative_of_any_norm_that_is_0_is_0(ord):
    assert gradient(lambda a: ag.norm(a, ord), np.zeros(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("op", [ag.sum, ag.mean, ag.max, ag.prod, ag.logsumexp, ag.norm])
def test_an_array_without_axes_takes_the_axes_that_numpy_lets_it(op):
    assert gradient(lambda a: op(a, axis=-1), 3.0) == 1.0


def test_an_element_named_twice_gets_both_cotangents():
    a = np.array([1.0, 2.0, 3.0])
    assert gradient(lambda a: a[[0, 0, 2, 0]], a).tolist() == [3.0, 0.0, 1.0]
    assert gradient(lambda a: a[np.array([[0, -3], [2, -1]])], a).tolist() == [2.0, 0.0, 2.0]
    assert gradient(lambda a: ag.take(a, [1, 1, 1]), a).tolist() == [0.0, 3.0, 0.0]
    assert gradient(lambda a: a[[0, 1, 0], [1, 1, 1]], np.ones((2, 2))).tolist() == [[0.0, 2.0], [0.0, 1.0]]
    assert hessian(lambda a: (a[[0, 0, 1]] ** 3).sum())(a).tolist() == [[12.0, 0.0, 0.0], [0.0, 12.0, 0.0], [0.0, 0.0, 0.0]]


def test_the_cotangent_of_each_mention_arrives():
    t = Tensor([1.0, 2.0])
    t[[1, 0, 1]].backward(np.array([1.0, 10.0, 100.0]))
    assert t.grad.tolist() == [10.0, 101.0]


def test_a_mask_picks_elements_and_the_rest_get_0():
    a = np.array([[1.0, -2.0], [-3.0, 4.0]])
    assert gradient(lambda t: t[a > 0], a).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert gradient(lambda t: t[t > 0] * t[t < 0], a).tolist() == [[-2.0, 1.0], [4.0, -3.0]]
    assert gradient(lambda t: t[np.array([False, True])], a).tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert gradient(lambda t: t[:, np.array([True, False])], a).tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert gradient(lambda t: t[np.zeros((2, 2), bool)], a).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert gradient(lambda t: t[True], a).tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    ("f", "shape", "result"),
    [
        (ag.sum, (0,), 0.0),
        (ag.prod, (0,), 1.0),
        (ag.norm, (0,), 0.0),
        (lambda a: ag.sum(a, axis=0), (0, 3), [0.0, 0.0, 0.0]),
        (lambda a: ag.sum(a, axis=1), (0, 3), []),
        (lambda a: ag.mean(a, axis=1), (0, 3), []),
        (lambda a: ag.prod(a, axis=0), (0, 2), [1.0, 1.0]),
        (lambda a: ag.max(a, axis=1), (0, 3), []),
        (lambda a: ag.logsumexp(a, axis=1), (0, 3), []),
        (lambda a: ag.softmax(a, axis=1), (0, 3), np.zeros((0, 3))),
        (ag.cumsum, (0,), []),
        (ag.transpose, (0, 3), np.zeros((3, 0))),
        (lambda a: a[:0], (3,), []),
        (lambda a: a[np.zeros(0, int)], (3,), []),
        (lambda a: a[[]], (3,), []),
        (lambda a: ag.concatenate([a, np.ones(2)]), (0,), [1.0, 1.0]),
        (lambda a: ag.stack([a, a]), (0,), np.zeros((2, 0))),
        (lambda a: ag.pad(a, 1), (0,), [0.0, 0.0]),
        (lambda a: ag.broadcast_to(a, (0, 2)), (2,), np.zeros((0, 2))),
        (lambda a: a @ np.ones((0, 2)), (3, 0), np.zeros((3, 2))),
        (lambda a: a @ np.ones(0), (0,), 0.0),
        (lambda a: ag.einsum("ij,jk->ik", a, np.ones((0, 2))), (1, 0), np.zeros((1, 2))),
        (lambda a: ag.tensordot(a, np.ones((0, 2)), 1), (3, 0), np.zeros((3, 2))),
        (lambda a: ag.inner(a, np.ones((2, 0))), (3, 0), np.zeros((3, 2))),
        (lambda a: ag.dot(a, np.ones((2, 0, 1))), (0,), np.zeros((2, 1))),
        (lambda a: ag.conv1d(a, np.ones((2, 1, 2))), (0, 1, 4), np.zeros((0, 2, 3))),
        (ag.exp, (0, 2), np.zeros((0, 2))),
        (lambda a: a * np.ones((3, 1)), (0,), np.zeros((3, 0))),
    ],
)  # fmt: skip
def test_empty_arrays_work_as_in_numpy(f, shape, result):
    a = np.zeros(shape)
    t = Tensor(a)
    z = f(t)
    assert np.array_equal(z.data, result)
    assert z.shape == np.shape(result)
    assert np.array_equal(gradient(f, a), np.zeros(shape))
    assert np.array_equal(hvp(lambda a: ag.sum(f(a) ** 2), a, a), np.zeros(shape))


def test_an_empty_axis_parts_into_empty_pieces():
    assert [part.shape for part in ag.split(Tensor(np.zeros((2, 0))), 2, axis=1)] == [(2, 0), (2, 0)]


@pytest.mark.parametrize("condition", [np.array([2.0, 0.0, -1.0]), np.array([3, 0, -7]), Tensor([0.5, 0.0, -0.5])])
def test_a_condition_holds_unless_it_is_0_and_how_large_it_is_is_no_matter(condition):
    x, y = Tensor([1.0, 2.0, 3.0]), Tensor([4.0, 5.0, 6.0])
    z = ag.where(condition, x, y)
    z.backward(np.ones(3))
    assert z.data.tolist() == [1.0, 5.0, 3.0]
    assert x.grad.tolist() == [1.0, 0.0, 1.0]
    assert y.grad.tolist() == [0.0, 1.0, 0.0]


def test_plain_numbers_keep_their_digits_where_they_are_chosen():
    x = Tensor([1.0, -1.0])
    assert gradient(ag.leaky_relu, [1.0, -1.0]).tolist() == [1.0, 0.01]
    assert ag.where(x, 0.1, 0.2).data.tolist() == [0.1, 0.1]


def test_a_diagonal_is_not_touched_by_what_lies_beside_it():
    a = np.array([[1.0, math.nan], [math.inf, 4.0]])
    assert ag.einsum("ii->i", Tensor(a)).data.tolist() == [1.0, 4.0]


@pytest.mark.parametrize(
    "op",
    [
        ag.sum, ag.mean, ag.var, ag.std, ag.norm, ag.prod, ag.max, ag.min, ag.logsumexp, ag.softmax, ag.log_softmax,
    ],
    ids=lambda op: op.__name__,
)  # fmt: skip
def test_a_reduction_takes_one_value_for_an_array_without_axes(op):
    x = Value(3.0)
    z = op(x, axis=None)
    assert numbers(z) == {"var": 0.0, "std": 0.0, "softmax": 1.0, "log_softmax": 0.0}.get(op.__name__, 3.0)


@pytest.mark.parametrize(
    "name",
    ["sum", "mean", "var", "std", "prod", "max", "min", "logsumexp", "l2_norm", "softmax", "log_softmax", "cumsum"],
)
def test_an_axis_may_be_a_number_of_numpys(name):
    op, a = variant(PRIMITIVES[name]), np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 8.0]])  # an op that remembers no other axis
    expected = gradient(lambda a: PRIMITIVES[name].call(a, axis=1), a)
    assert np.array_equal(gradient(lambda a: op(a, axis=np.int64(1)), a), expected)


T23 = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("keys", [(1, True), (True, 1), (0, False), ((1,), (True,))])
def test_a_place_and_a_truth_are_two_keys_in_any_order(keys):
    index, t = variant(PRIMITIVES["index"]), Tensor(T23)
    for key in keys:
        assert np.array_equal(index(t, key).data, T23[key])


@pytest.mark.parametrize(
    "f",
    [
        lambda a: ag.sum(a, axis=2), lambda a: ag.softmax(a, axis=-3), lambda a: ag.transpose(a, (0, 2)),
        lambda a: ag.cumsum(a, axis=2), lambda a: ag.moveaxis(a, 0, 2), lambda a: ag.expand_dims(a, 4),
        lambda a: ag.concatenate([a, a], axis=2), lambda a: ag.max(a, axis=(0, 2)), lambda a: ag.squeeze(a, 2),
        lambda a: ag.flip(a, 2), lambda a: ag.take(a, [0], 2), lambda a: ag.split(a, 1, 2), lambda a: ag.swapaxes(a, 0, 2),
        lambda a: ag.tensordot(a, a, ([1], [5])),
    ],
)  # fmt: skip
def test_an_axis_that_is_not_there_is_refused(f):
    with pytest.raises(ValueError, match="ax"):  # NumPy's AxisError is one
        f(Tensor(T23))


@pytest.mark.parametrize(
    "f",
    [
        lambda a: ag.reshape(a, (4, 2)), lambda a: ag.transpose(a, (0, 0)), lambda a: ag.broadcast_to(a, (2, 2)),
        lambda a: ag.concatenate([a, a[0]]), lambda a: ag.stack([a, a[0]]), lambda a: ag.split(a, 2, 1), lambda a: a @ a,
        lambda a: ag.einsum("ij,jk->ik", a, a), lambda a: ag.einsum("ijk->k", a), lambda a: ag.einsum("ij", a, a),
        lambda a: ag.trace(a[0]), lambda a: ag.pad(a, -1), lambda a: ag.pad(a, 1, "mean"), lambda a: ag.max_pool(a, 4),
        lambda a: ag.conv1d(a, a), lambda a: ag.cross_entropy(a, labels=[0]), lambda a: ag.norm(a, 1), lambda a: ag.stack([]),
        lambda a: ag.conv1d(a[None], np.ones((1, 2, 2)), np.ones(3)), lambda a: ag.pad(a, 1.5), lambda a: ag.split(a, -2),
        lambda a: ag.split(a, 0), lambda a: ag.concatenate([]), lambda a: ag.tensordot(a, a, 1),
        lambda a: ag.norm(ag.ravel(a), 0),
        lambda a: ag.tensordot(a, ag.reshape(a, (3, 2)), 2),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(f):
    with pytest.raises((ValueError, TypeError)) as refused:
        f(Tensor(T23))
    assert refused.type is ValueError or "pad" in str(refused.value)


def blocks(kind, *shapes):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes]
    return [Tensor(a) if kind is Tensor else np.vectorize(Value, otypes=[object])(a) for a in arrays]


def of(kind, x):
    """The numbers of a Tensor, or of Values."""
    return x.data if kind is Tensor else np.asarray(x, dtype=float)


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (
            ((5, 3), (1, 2), (2,)),
            r"for x of shape \(…, k\), not \(1, 2\) for \(5, 3\)",
        ),  # 3 + 1 + 1 numbers make a dot of 2 and 1
        (((5, 1), (3, 2), (2,)), r"not \(3, 2\) for \(5, 1\)"),
        (((3,), (2,), ()), r"not \(2,\) for \(3,\)"),
        (((2, 4, 3), (2, 3, 2), (2,)), r"not \(2, 3, 2\) for \(2, 4, 3\)"),
        (((), (3, 2), (2,)), r"not \(3, 2\) for \(\)"),
        (((3,), (), ()), r"not \(\) for \(3,\)"),
        (((5, 3), (3, 2), (3,)), "broadcast"),
        (((5, 3), (3, 2), (4, 5, 2)), "broadcast|more dimensions"),
        (((3,), (3,), (3,)), "broadcast"),  # its rules would give wrong gradients
    ],
)
def test_an_affine_map_of_shapes_that_do_not_go_together_is_refused(kind, shapes, words):
    with pytest.raises(ValueError, match=words):
        ag.linear(*blocks(kind, *shapes))


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("bias", [(), (1,), (2,), (5, 1), (5, 2)])
def test_the_bias_of_an_affine_map_may_be_broadcast(kind, bias):
    x, w, b = blocks(kind, (5, 3), (3, 2), bias)
    assert of(kind, ag.linear(x, w, b)) == pytest.approx(of(kind, x) @ of(kind, w) + of(kind, b), rel=1e-14)
    assert ag.gradcheck(lambda *operands: ag.sum(ag.linear(*operands) * np.arange(1.0, 11.0).reshape(5, 2)), (x, w, b))


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("plain", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_an_affine_map_takes_plain_numbers_beside_nodes(kind, plain):
    nodes = blocks(kind, (4, 3), (3, 2), (2,))
    operands = [of(kind, x).tolist() if i in plain else x for i, x in enumerate(nodes)]
    x, w, b = map(of, [kind] * 3, nodes)
    assert of(kind, ag.linear(*operands)) == pytest.approx(x @ w + b, rel=1e-14)
    assert ag.linear(x, w, b) == pytest.approx(x @ w + b, rel=1e-14)
    assert (ag.linear(x, w, b) == ag.linear(x.tolist(), w.tolist(), b.tolist())).all()


def test_an_affine_map_of_values_is_one_node_an_element():
    x, w, b = blocks(Value, (4, 3), (3, 2), (2,))
    assert {(z.op.name, len(z.inputs)) for z in ag.linear(x, w, b).flat} == {("weighted_sum", 7)}
    z = ag.linear(x[0], w[:, 0], b[0])
    assert (z.op.name, list(z.inputs)) == ("weighted_sum", [*x[0], *w[:, 0], b[0]])


def test_an_affine_map_leaves_its_operands_as_they_were_and_takes_the_wider_dtype():
    x, w, b = [Tensor(a.data, dtype=np.float32) for a in blocks(Tensor, (4, 3), (3, 2), (2,))]
    before = [a.data.copy() for a in (x, w, b)]
    assert ag.linear(x, w, b).data.dtype == ag.linear(x, w, 1.0).data.dtype == np.float32
    wide = ag.linear(x, w, Tensor(b.data, dtype=np.float64))
    assert wide.data.dtype == np.float64
    assert ag.linear(Tensor(x.data, dtype=np.float64), w, b).data.dtype == np.float64
    assert all((a.data == was).all() for a, was in zip((x, w, b), before))


def test_take_takes_places_and_not_a_mask():
    assert ag.take(Tensor([5.0, 6.0, 7.0]), [True, False, True]).data.tolist() == [6.0, 5.0, 6.0]


@pytest.mark.parametrize("op", [ag.sum, ag.mean, ag.prod, ag.logsumexp, ag.norm, ag.var, ag.std], ids=lambda op: op.__name__)
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_a_row_is_as_right_on_large_arrays(op, axis):
    rng = np.random.default_rng(11)
    a, v = 1 + 0.01 * rng.normal(size=(120, 60)), rng.normal(size=(120, 60))
    t = Tensor(a)
    z = op(t, axis=axis)
    g = rng.normal(size=z.shape)
    for _ in range(2):  # gradients of leaves accumulate
        z.backward(g)
    along = five_point(lambda h: float(np.sum(op(a + h * v, axis=axis) * g)), 1e-4)
    assert float(np.sum(t.grad * v)) == pytest.approx(2 * along, rel=1e-7)
    t.grad[0, 0] = 0.0  # and are theirs to write to


# -- dtypes ------------------------------------------------------------------------------------------------------------------


def columns(row, n, rng, dtype=np.float64):
    """Three points of a row, as an array for each operand."""
    return [np.array(column, dtype) for column in zip(*[draw(row, n, rng) for _ in range(3)], strict=True)]


def dtypes(f, operands):
    """Of what ``f`` gives, and of the gradient of each operand; by ``backward``, by ``vjp`` and on the way to an ``hvp``."""
    nodes = [Tensor(x) for x in operands]
    z = f(*nodes)
    ag.sum(z).backward()
    found = [x.grad.dtype for x in nodes]
    result, pull = vjp(f, *operands)
    pulled = pull(np.ones(z.shape))
    assert [np.asarray(c).dtype for c in (pulled if len(operands) > 1 else [pulled])] == found
    products = hvp(lambda *xs: ag.sum(f(*xs) ** 2), tuple(operands), tuple(operands))
    assert [np.asarray(c).dtype for c in products] == found
    assert type(result) is float if z.ndim == 0 else result.dtype == z.dtype
    return z.dtype, found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_elementwise_row_keeps_its_dtype(row, dtype):
    for n in counts(row):
        operands = columns(row, n, np.random.default_rng(4), dtype)
        assert dtypes(row.call, operands) == (dtype, [dtype] * n)
        exactly = row.apply(arrays, [x.astype(np.float64) for x in operands])
        assert row.call(*map(Tensor, operands)).data == pytest.approx(exactly, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_example
def test_a_structural_row_keeps_its_dtype(row, example, dtype):
    operands = [x.astype(dtype) for x in operands_of(example, np.random.default_rng(5))]
    f = lambda *xs: row.call(*xs, **example.settings)  # noqa: E731
    result, gradients = dtypes(f, operands)
    assert result == (np.float64 if row.name == "astype" else dtype)
    assert gradients == [dtype] * len(operands)


@pytest.mark.parametrize("row", [row for row in ROWS if row.variadic or len(row.rules) > 1], ids=lambda row: row.name)
def test_beside_python_numbers_float32_stays_float32(row):
    for n in counts(row):
        operands = columns(row, n, np.random.default_rng(6), np.float32)
        for i, x in enumerate(operands):
            if row.name == "where" and i == 0:  # a condition says nothing about the dtype
                continue
            before, after = ([float(other[0]) for other in some] for some in (operands[:i], operands[i + 1 :]))
            assert dtypes(lambda x, a=before, b=after: row.call(*a, x, *b), [x]) == (np.float32, [np.float32])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + 1, lambda x: 1 - x, lambda x: x * 0.1, lambda x: 2 / x, lambda x: x / 3, lambda x: x**2, lambda x: x**0.5,
        lambda x: 2**x, lambda x: x.clip(0, 1), lambda x: x.leaky_relu(), lambda x: x.elu(), lambda x: x.leaky_relu(0.1),
        lambda x: ag.maximum(x, 0), lambda x: ag.where(x > 1, x, 0.1), lambda x: ag.where(x > 1, 0.1, x), lambda x: x.log2(),
        lambda x: ag.norm(x, 3), lambda x: ag.norm(x, 1), lambda x: ag.norm(x, np.inf), lambda x: x.var(ddof=1),
        lambda x: ag.pad(x, 1, constant_values=0.1), lambda x: ag.stack([x, x]), lambda x: ag.concatenate([x, x]),
        lambda x: ag.outer(x, x), lambda x: ag.inner(x, x), lambda x: ag.dot(x, x), lambda x: ag.tensordot(x, x, 0),
        lambda x: ag.diag(x), lambda x: ag.trace(ag.diag(x)), lambda x: ag.max_pool(x, 2), lambda x: ag.avg_pool(x, 2),
        lambda x: ag.einsum("i,i->", x, x), lambda x: ag.conv1d(x[None, None], x[None, None, :2], padding=1),
        lambda x: ag.checkpoint(ag.exp)(x), lambda x: x[0], lambda x: x.sum() * 2.0, lambda x: 0.1 * x.mean(),
        lambda x: ag.einsum("ii->i", ag.outer(x, x)),
    ],
)  # fmt: skip
def test_functions_keep_float32(f):
    assert dtypes(f, [np.array([0.5, 1.5, 2.5], np.float32)]) == (np.float32, [np.float32])


def test_float32_beside_float64_gives_float64_and_each_leaf_keeps_its_own():
    tried = [(row.call, columns(row, n, np.random.default_rng(7))) for row in ROWS for n in counts(row) if n > 1]
    for row, example in EXAMPLES:
        if len(example.shapes) > 1:
            f = lambda *xs, call=row.call, settings=example.settings: call(*xs, **settings)  # noqa: E731
            tried.append((f, operands_of(example, np.random.default_rng(8))))
    assert len(tried) > 30
    for f, operands in tried:
        for i in range(len(operands)):
            mixed = [x.astype(np.float32) if i == j else x for j, x in enumerate(operands)]
            assert dtypes(f, mixed) == (np.float64, [x.dtype for x in mixed])


# -- third derivatives -------------------------------------------------------------------------------------------------------


def directions(row, n, rng):
    """Along each operand that can be moved, and along all of them."""
    moves = np.array([float(any(low < high for low, high in domain.intervals)) for domain in domains(row, n)])
    return [*np.diag(moves)[moves > 0], moves * rng.normal(size=n)] if n > 1 else [moves]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_third_derivatives_are_right_on_both_kinds_of_number(row):
    mp = pytest.importorskip("mpmath")
    rng = np.random.default_rng(9)
    for n in counts(row):
        points = np.array([draw(row, n, rng) for _ in range(3)])
        for v in directions(row, n, rng):

            def moved(t, xs, v=v):
                return row.call(*[x + w * t if w else x for x, w in zip(xs, v)])

            with mp.workdps(60):
                forward = exact(mp)[row.name]
                expected = [
                    float(mp.diff(lambda t, x=x: forward(*[mp.mpf(a) + mp.mpf(w) * t for a, w in zip(x, v)]), 0, 3))  # noqa: B023
                    for x in points
                ]
            on_values = [grad(grad(grad(lambda t, x=x: moved(t, x.tolist()))))(0.0) for x in points]
            third = elementwise_grad(elementwise_grad(elementwise_grad(lambda t: moved(t, points.T))))  # noqa: B023
            assert on_values == pytest.approx(expected, rel=1e-9, abs=1e-10), (points, v)
            assert third(np.zeros(3)) == pytest.approx(expected, rel=1e-9, abs=1e-10), (points, v)
