"""From a Tensor to its Values and back: numbers, shapes and gradients cross over, in every order of derivative."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import StaleGraphError, Tensor, Value, grad, hessian, hvp, no_grad, topological_order

REAL = st.floats(-2, 2, allow_subnormal=False)


# -- there -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0), (1, 2, 2)], ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble], ids=lambda d: np.dtype(d).name)
def test_values_are_the_elements_in_an_array_of_the_shape(shape, dtype):
    data = np.arange(np.prod(shape, dtype=int), dtype=dtype).reshape(shape) / 3
    values = Tensor(data).values()
    assert (type(values), values.dtype, values.shape) == (np.ndarray, object, shape)
    for place in np.ndindex(*shape):
        assert type(values[place]) is Value
        assert values[place].data == float(data[place])
        assert values[place].requires_grad


def test_a_gradient_flows_from_each_value_to_its_element():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    (a, b), (c, d) = t.values()
    (a * b + c * c * c + 0 * d).backward()
    assert t.grad.tolist() == [[2.0, 1.0], [27.0, 0.0]]


def test_a_number_without_axes_is_one_value():
    t = Tensor(3.0)
    x = t.values()[()]
    (x * x).backward()
    assert (type(x), t.grad.shape, t.grad.item()) == (Value, (), 6.0)


def test_gradients_come_back_in_the_dtype_of_the_tensor():
    t = Tensor(np.float32([1, 2]))
    x, y = t.values()
    (x * y).backward()
    assert (t.grad.dtype, t.grad.tolist()) == (np.float32, [2.0, 1.0])


def test_values_of_a_computed_tensor_lead_on_to_its_leaves():
    t = Tensor([1.0, 2.0])
    x, y = (t * t).values()
    (x * y).backward()
    assert t.grad.tolist() == [2 * 1 * 4.0, 2 * 2 * 1.0]


def test_values_do_with_numpy_what_arrays_of_values_do():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    (np.exp(t.values()) @ np.array([1.0, 2.0])).sum().backward()
    assert t.grad == pytest.approx(np.exp(t.data) * [1.0, 2.0])


def test_asked_for_twice_they_are_other_values_of_the_same_tensor():
    t = Tensor([1.0, 2.0])
    first, second = t.values(), t.values()
    assert first[0] is not second[0]
    (first[0] * second[0] * second[1]).backward()
    assert t.grad.tolist() == [4.0, 1.0]


# -- and back ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrange", "shape"),
    [
        (lambda x, y: [x, y], (2,)), (lambda x, y: (x, y), (2,)), (lambda x, y: [[x], [y]], (2, 1)),
        (lambda x, y: np.array([x, y]), (2,)), (lambda x, y: np.array([[x, y], [y, x]]), (2, 2)), (lambda x, y: x, ()),
        (lambda x, y: np.array(x), ()), (lambda x, y: [x, 1, 2.5, np.float32(3), True, y], (6,)), (lambda x, y: [x] * 5, (5,)),
    ],
    ids=range(9),
)  # fmt: skip
def test_values_in_any_arrangement_make_a_tensor(arrange, shape):
    x, y = Value(2.0), Value(5.0)
    given = arrange(x, y)
    t = Tensor.of(given)
    assert (type(t), t.shape, t.dtype, t.requires_grad) == (Tensor, shape, np.float64, True)
    assert np.array_equal(t.data, np.vectorize(float, otypes=[float])(np.array(given)))
    weights = np.arange(1.0, t.size + 1).reshape(shape)
    (t * t * weights).sum().backward()
    for value in (x, y):
        where = np.vectorize(lambda other, value=value: other is value, otypes=[bool])(np.array(given, dtype=object))
        assert value.grad == 2 * value.data * weights[where].sum()


def test_numbers_alone_make_a_leaf():
    t = Tensor.of([[1, 2], [3, 4]])
    assert (t.data.tolist(), t.op, t.dtype) == ([[1.0, 2.0], [3.0, 4.0]], None, np.float64)
    assert Tensor.of([]).shape == (0,)
    assert Tensor.of(2).item() == 2.0
    t.sum().backward()
    assert t.grad.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_value_that_no_cotangent_reaches_keeps_its_gradient():
    x, y = Value(2.0), Value(3.0)
    Tensor.of([x, y])[0].backward()
    assert (x.grad, y.grad) == (1.0, 0.0)
    z = Tensor.of([x, y])
    (ag.step(z) + Tensor([1.0, 1.0])).sum().backward()
    assert (x.grad, y.grad) == (1.0, 0.0)


@given(st.lists(REAL, min_size=1, max_size=6), st.integers(0, 2))
def test_there_and_back_is_the_identity(numbers, times):
    t = Tensor(numbers)
    z = t
    for _ in range(times + 1):
        z = Tensor.of(z.values())
    seed = np.arange(1.0, t.size + 1)
    z.backward(seed)
    assert np.array_equal(z.data, t.data)
    assert np.array_equal(t.grad, seed)


def test_back_and_there_is_the_identity():
    values = [Value(1.0), Value(2.0)]
    again = Tensor.of(values).values()
    (again[0] * 3 + again[1] * 5).backward()
    assert [x.grad for x in values] == [3.0, 5.0]
    assert [x.data for x in again] == [1.0, 2.0]


# -- one function, both kinds of number --------------------------------------------------------------------------------------

FUNCTIONS = {
    "products": lambda x: ag.tanh(x[0] * x[1]) + x[2] * x[2] * x[0],
    "sums": lambda x: ag.log(ag.sum(ag.exp(x))) * ag.mean(x),
    "softmax": lambda x: ag.softmax(x)[1] + ag.logsumexp(x * 2),
    "matrix": lambda x: ag.sum(ag.sigmoid(np.array([[1.0, -2.0, 0.5], [0.3, 0.1, -1.0]]) @ x)),
    "shapes": lambda x: ag.sum(ag.concatenate([x, x[::-1] * x]) ** 2) / 3,
    "activations": lambda x: ag.sum(ag.gelu(x)) + ag.silu(x[0]) * ag.softplus(x[1]) - ag.elu(x[2], 1.0),
    "variance": lambda x: ag.var(x) + ag.dot(x, x) * ag.prod(ag.cos(x)),
}


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
@given(numbers=st.lists(REAL, min_size=3, max_size=3))
def test_a_function_has_the_same_gradient_on_values_on_tensors_and_across(f, numbers):
    t = Tensor(numbers)
    f(t).backward()
    values = [Value(x) for x in numbers]
    y = f(np.array(values))
    y.backward()
    across = Tensor(numbers)
    f(across.values()).backward()
    back = [Value(x) for x in numbers]
    z = f(Tensor.of(back))
    z.backward()
    assert z.item() == pytest.approx(y.data, rel=1e-12, abs=1e-12)
    for gradient in ([x.grad for x in values], across.grad.tolist(), [x.grad for x in back]):
        assert gradient == pytest.approx(t.grad.tolist(), rel=1e-9, abs=1e-12)


def crossing(t):
    """``x³y + y²`` plus a sum of squares, first as Values, then as a Tensor."""
    x, y = (t * 1.0).values()
    z = Tensor.of([x * x * x * y, y * y, 2.0])
    return (z * np.array([1.0, 1.0, 0.0])).sum() + (Tensor.of([[x], [y]]) ** 2).sum()


def test_derivatives_of_higher_order_cross_over():
    x, y = 0.7, -1.3
    at = np.array([x, y])
    assert grad(crossing)(at) == pytest.approx([3 * x * x * y + 2 * x, x**3 + 4 * y])
    matrix = np.array([[6 * x * y + 2, 3 * x * x], [3 * x * x, 4.0]])
    assert hessian(crossing)(at) == pytest.approx(matrix)
    assert hvp(crossing, at, np.array([1.0, 2.0])) == pytest.approx(matrix @ [1.0, 2.0])
    assert grad(lambda t: (grad(crossing)(t) * np.array([1.0, 0.0])).sum())(at) == pytest.approx(matrix[0])


def test_third_derivatives_cross_over():
    def cube(t):
        x = t.values()[()]
        return Tensor.of(x * x * x * x)

    assert grad(grad(grad(cube)))(np.array(2.0)) == pytest.approx(24 * 2.0)


def test_the_way_back_has_derivatives_of_higher_order_too():
    def f(x, y):
        return (Tensor.of([x * y, y]) ** 2).sum().values()[()]

    assert grad(f, argnum=(0, 1))(2.0, 3.0) == pytest.approx((2 * 2 * 9.0, 2 * 4 * 3.0 + 6))
    assert grad(grad(f), argnum=1)(2.0, 3.0) == pytest.approx(4 * 2 * 3.0)


# -- constants, labels, copies, staleness ------------------------------------------------------------------------------------


def test_constants_stay_constants():
    values = Tensor([1.0, 2.0], requires_grad=False).values()
    assert [(x.data, x.requires_grad, x.op) for x in values] == [(1.0, False, None), (2.0, False, None)]
    t = Tensor.of(values)
    assert (t.requires_grad, t.op) == (False, None)
    x = Value(3.0)
    mixed = Tensor.of([values[0], x])
    mixed.prod().backward()
    assert (mixed.requires_grad, x.grad, values[0].grad) == (True, 1.0, 0.0)


def test_under_no_grad_nothing_is_recorded():
    x, t = Value(1.0), Tensor([1.0, 2.0])
    with no_grad():
        values, back = t.values(), Tensor.of([x, 2.0])
    assert not any(v.requires_grad or v.op for v in values)
    assert (back.requires_grad, back.op) == (False, None)


def test_what_crosses_can_be_labelled_and_is_named_in_errors():
    x = Value(2.0, label="x")
    t = Tensor.of([x, 3.0])
    t.label = "t"
    element = t.values()[0]
    element.label = "first"
    assert (t.inputs[0].label, repr(t), repr(element)) == (
        "x",
        "Tensor([2., 3.], label='t')",
        "Value(2, grad=0, label='first')",
    )
    y = element * element
    x.data = 5.0
    with pytest.raises(StaleGraphError, match="leaf 'x' was written"):
        y.backward()


def test_a_written_tensor_makes_its_values_stale_and_a_written_value_its_tensor():
    t = Tensor([1.0, 2.0], label="t")
    x, y = t.values()
    z = x * y
    t[0] = 5.0
    with pytest.raises(StaleGraphError, match="leaf 't'"):
        z.backward()
    with pytest.raises(AttributeError, match="write to a leaf"):
        x.data = 3.0
    assert (x.data, t.grad.tolist()) == (1.0, [0.0, 0.0])


def test_backward_twice_accumulates_on_leaves_of_both_kinds_only():
    t, v = Tensor([1.0, 2.0]), Value(3.0)
    x, y = t.values()
    z = (Tensor.of([x * y, v, v]) ** 2).sum()
    for times in (1, 2):
        z.backward()
        assert t.grad.tolist() == [times * 2 * 2 * 2.0, times * 2 * 2 * 1.0]
        assert v.grad == times * 2 * 2 * 3.0
        assert (x.grad, y.grad) == (8.0, 4.0)
    t.zero_grad()
    z.backward()
    assert (t.grad.tolist(), v.grad) == ([8.0, 4.0], 36.0)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_a_graph_that_crosses_over_is_copied_and_pickled_whole(twin_of):
    t, v = Tensor([[1.0, 2.0]], label="t"), Value(3.0, label="v")
    x, y = t.values()[0]
    z = (Tensor.of([[x * y, v], [v, 1.0]]) @ np.ones(2)).prod()
    z.backward()
    twin = twin_of(z)
    leaves = {node.label: node for node in topological_order(twin) if node.label}
    assert (leaves["t"].grad.tolist(), leaves["v"].grad) == (t.grad.tolist(), v.grad)
    twin.backward()
    assert (leaves["t"].grad.tolist(), leaves["v"].grad) == ((2 * t.grad).tolist(), 2 * v.grad)
    leaves["t"].data = np.zeros((1, 2))
    with pytest.raises(StaleGraphError):
        twin.backward()
    z.backward()


@pytest.mark.parametrize("first", [True, False])
def test_what_values_are_taken_from_gathers_from_them_and_from_elsewhere(first):
    x = Tensor([1.0, 2.0])
    values = x.values()
    (whole,) = values[0].inputs
    terms = [(whole * whole).sum(), Tensor.of([10 * v for v in values]).sum()]
    (terms[0] + terms[1] if first else terms[1] + terms[0]).backward()
    assert x.grad.tolist() == [12.0, 14.0]


def test_what_values_are_taken_from_may_be_used_elsewhere():
    x, z = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    values = x.values()
    (whole,) = values[0].inputs
    w = z * 1.0
    loss = w.sum() + Tensor.of([10 * v for v in values]).sum() + (w + whole).sum()
    loss.backward()
    assert (x.grad.tolist(), z.grad.tolist()) == ([11.0, 11.0], [2.0, 2.0])


# -- what is refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        (Tensor([1.0]), TypeError, "takes Values and numbers, not Tensor"),
        ([Tensor([1.0]), Tensor([2.0])], TypeError, r"would leave the graph by becoming an array; .*stack\(\)"),
        ([Value(1.0), Tensor(2.0)], TypeError, "would leave the graph"),
        ([[Value(1.0)], [Value(1.0), 2.0]], ValueError, r"Tensor\.of: the lists in it differ in length; pass a rectangle"),
        ([[1.0], [1.0, 2.0]], ValueError, "differ in length"),
        ("1.5", TypeError, r"Tensor\.of takes Values.*not <U3"),
        (["a"], TypeError, "not <U1"),
        ([1j], TypeError, "not complex128"),
        ([Value(1.0), None], TypeError, "numbers?, not NoneType"),
        ([Value(1.0), "a"], TypeError, "numbers?, not str"),
        ([Value(1.0), 1j], TypeError, "numbers?, not complex"),
        ([None, 1.0], TypeError, "not NoneType"),
        (None, TypeError, "not NoneType"),
        (np.array(["1.5"], object), TypeError, "not str"),
    ],
    ids=range(14),
)
def test_what_holds_no_values_and_no_numbers_is_refused(given, error, match):
    with pytest.raises(error, match=match):
        Tensor.of(given)
