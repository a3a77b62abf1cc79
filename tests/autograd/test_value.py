"""Value: micrograd's spelling, how it shows itself, what it refuses, and how it lives with NumPy."""

import math
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd import DomainError, Tensor, Value, source_lines

HERE = Path(__file__).name


# -- a number ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x", [3, 3.0, True, np.float64(3), np.float32(3), np.int8(3), np.bool_(True), Fraction(6, 2)], ids=repr
)
def test_a_value_holds_any_real_number_as_a_float(x):
    assert type(Value(x).data) is float
    assert Value(x).data == float(x)


@pytest.mark.parametrize(
    "x", ["3", None, 1j, [3.0], (3.0,), np.array([3.0]), np.array(3.0), Value(3.0), Decimal(3), {}, b"3"], ids=repr
)
def test_a_value_refuses_what_is_no_real_number_and_says_what_came(x):
    with pytest.raises(TypeError, match=f"Value holds a real number, not {type(x).__name__}"):
        Value(x)


def test_for_an_array_there_is_a_way_out():
    with pytest.raises(TypeError, match="make a Value of each element"):
        Value(np.zeros(3))


@pytest.mark.parametrize("x", ["3", None, 1j, [3.0], Decimal(3), object()], ids=lambda x: type(x).__name__)
@pytest.mark.parametrize(
    "apply",
    [
        lambda v, x: v + x,
        lambda v, x: x * v,
        lambda v, x: v**x,
        lambda v, x: ag.maximum(v, x),
        lambda v, x: ag.clip(v, x, 1.0),
        lambda v, x: ag.weighted_sum(v, v, x),
    ],
    ids=["+", "*", "**", "maximum", "clip", "weighted_sum"],
)
def test_an_op_refuses_it_too(apply, x):
    with pytest.raises(TypeError, match=f"not {type(x).__name__}"):
        apply(Value(1.0), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ag.exp("x"), "exp takes Values, Tensors, real numbers or arrays of them, not str"),
        (lambda: ag.add_n([Value(1.0)]), "add_n takes Values, Tensors, real numbers or arrays of them, not list"),
        (lambda: ag.add_n(), "add_n takes at least 1 operand, not 0"),
        (lambda: ag.weighted_sum(), "weighted_sum takes at least 1 operand, not 0"),
        (lambda: ag.clip(Value(1.0), 0.0), "clip takes 3 operands, not 2"),
        (lambda: ag.where(True, Value(1.0), 2.0, 3.0), "where takes 3 operands, not 4"),
    ],
)
def test_a_wrong_call_says_what_the_op_takes(call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call()


def test_two_kinds_of_number_do_not_mix():
    with pytest.raises(TypeError, match="add: Tensor and Value don't mix"):
        Value(1.0) + Tensor(2.0)


def test_a_subclass_goes_together_with_values():
    class Other(Value):
        __slots__ = ()

    x, y = Value(3.0), Other(2.0)
    (x * y + y).backward()
    assert (x.grad, y.grad) == (2.0, 4.0)


# -- operators ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (lambda v: v + 2, 5.0), (lambda v: 2 + v, 5.0), (lambda v: v - 2, 1.0), (lambda v: 2 - v, -1.0), (lambda v: v * 2, 6.0),
        (lambda v: 2 * v, 6.0), (lambda v: v / 2, 1.5), (lambda v: 2 / v, 2 / 3), (lambda v: v**2, 9.0), (lambda v: 2**v, 8.0),
        (lambda v: -v, -3.0), (lambda v: +v, 3.0), (lambda v: abs(-v), 3.0), (lambda v: v + True, 4.0),
    ],
)  # fmt: skip
def test_operators_take_plain_numbers_on_either_side(expression, value):
    y = expression(Value(3.0))
    assert isinstance(y, Value)
    assert y.data == value


def test_sum_of_a_list_works():
    xs = [Value(1.0), Value(2.0), Value(3.0)]
    total = sum(xs)
    total.backward()
    assert total.data == 6.0
    assert [x.grad for x in xs] == [1.0] * 3


METHODS = [
    "exp", "expm1", "log", "log1p", "sqrt", "abs", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
    "sigmoid", "softplus", "relu", "leaky_relu", "elu", "gelu", "silu", "step",
]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_the_op_of_its_name(name):
    y = getattr(Value(0.5), name)()
    assert y.op is ag.PRIMITIVES[name]
    assert y.data == getattr(ag, name)(0.5)


def test_methods_with_settings():
    assert Value(-2.0).leaky_relu(0.1).data == -0.2
    assert Value(-2.0).elu(2.0).data == 2 * math.expm1(-2)
    assert Value(5.0).clip(-1, 1).data == 1.0


def test_comparisons_are_of_numbers():
    x, y = Value(2.0), Value(3.0)
    assert x < y
    assert x <= 2
    assert y > 2.5
    assert y >= y
    assert x == 2.0
    assert x == Value(2.0)
    assert x != y
    assert 1 < x < 3
    assert not x == y  # noqa: SIM201
    assert x != None  # noqa: E711
    assert x != "2"
    assert max(x, y) is y
    assert sorted([y, x]) == [x, y]


def test_equal_values_are_different_keys():
    x, y = Value(2.0), Value(2.0)
    assert {x: "x", y: "y"}[x] == "x"
    assert len({x, y, x}) == 2
    assert hash(x) == hash(x)
    before = hash(x)
    x.data = 7.0
    assert hash(x) == before


def test_a_value_turns_into_plain_numbers():
    x = Value(2.5)
    assert (float(x), x.item(), bool(x), bool(Value(0.0))) == (2.5, 2.5, True, False)
    assert type(x.item()) is float
    assert math.floor(x) == 2
    assert round(math.sqrt(Value(2.25)), 3) == 1.5


def test_it_shows_itself_in_one_short_line():
    x = Value(-0.123456789, label="x")
    assert repr(x) == "Value(-0.123457, grad=0, label='x')"
    assert str(x) == repr(x)
    assert repr(Value(3.0)) == "Value(3, grad=0)"
    assert repr(Value(1e300) * 2) == "Value(2e+300, grad=0)"
    assert repr(Value(1.0, label="a\nb")) == "Value(1, grad=0, label='a\\nb')"


def test_it_is_formatted_like_its_number():
    assert f"{Value(2.0):.3f} {Value(1234.5):>9,.1f}" == "2.000   1,234.5"
    assert f"{Value(2.0)}" == "Value(2, grad=0)"


def test_micrograds_names_for_where_a_node_came_from():
    a, b = Value(2.0), Value(3.0)
    assert (a * b)._prev == (a, b)
    assert [(a * b)._op, (a + b)._op, (a - b)._op, (a / b)._op, (a**b)._op, a.relu()._op, a._op] == [
        "*",
        "+",
        "-",
        "/",
        "**",
        "ReLU",
        "",
    ]


def test_a_value_has_no_room_for_misspelt_attributes():
    with pytest.raises(AttributeError):
        Value(1.0).gard = 0.0


# -- out of domain -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda x: (x - x).log(), ["log(0)", "operand 1 must be > 0"]),
        (lambda x: x.log(), ["log(x=-2)", "must be > 0"]),
        (lambda x: 1 / (x + 2), ["div(1, 0)", "operand 2 must be ≠ 0"]),
        (lambda x: x / 0, ["div(x=-2, 0)", "operand 2 must be ≠ 0"]),
        (lambda x: x**0.5, ["pow(x=-2, 0.5)", "operand 1 must be > 0", "whole"]),
        (lambda x: (x + 2) ** -1, ["pow(0, -1)"]),
        (lambda x: x.sqrt(), ["sqrt(x=-2)", "must be > 0"]),
        (lambda x: x.arcsin(), ["arcsin(x=-2)", "between -1 and 1"]),
        (lambda x: x.log1p(), ["log1p(x=-2)", "> -1"]),
        (lambda x: (x * -500).exp(), ["exp(1000)", "too large"]),
        (lambda x: (x * -500).cosh(), ["cosh(1000)", "too large"]),
        (lambda x: (x * 500) ** 200, ["pow(-1000, 200)", "too large"]),
    ],
)
def test_out_of_its_domain_an_op_names_itself_its_operands_and_the_line(compute, words):
    with pytest.raises(DomainError) as caught:
        compute(Value(-2.0, label="x"))
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert re.search(rf"\({HERE}:\d+: .*lambda", message), message
    assert "\n" not in message


def test_a_domain_error_is_what_python_raises_for_plain_numbers_too():
    for wanted in (ArithmeticError, ValueError):
        with pytest.raises(wanted):
            Value(0.0).log()


@pytest.mark.parametrize(
    "compute", [lambda: ag.log(0.0), lambda: ag.exp(1000.0), lambda: ag.div(1.0, 0.0), lambda: ag.sqrt(-1)]
)
def test_plain_numbers_out_of_domain_raise_the_same_error(compute):
    with pytest.raises(DomainError):
        compute()


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda x: x.sqrt(), "'sqrt' has no finite derivative at x = 0"),
        (lambda x: x**0.5, "'pow' has no finite derivative at x = 0, operand = 0.5"),
        (lambda x: (x + 1).arcsin(), "'arcsin' has no finite derivative at operand = 1"),
        (lambda x: (x - 1).arccos(), "'arccos' has no finite derivative at operand = -1"),
    ],
)
def test_where_a_derivative_is_infinite_backward_says_so(compute, words):
    x = Value(0.0, label="x")
    y = compute(x)
    with pytest.raises(DomainError, match=re.escape(words)):
        y.backward()
    assert x.grad == 0.0


def test_backward_names_the_line_that_made_the_node_where_lines_are_noted():
    x = Value(0.0, label="x")
    with source_lines():
        y = x.sqrt() * 3  # here it was made
    with pytest.raises(DomainError, match=rf"made at {HERE}:\d+: y = x.sqrt\(\) \* 3  # here it was made"):
        y.backward()


def test_the_line_in_an_error_is_the_users_also_under_numpy_and_nn():
    import nn

    with pytest.raises(DomainError, match=rf"{HERE}:\d+: np\.log"):
        np.log(Value(0.0))
    with pytest.raises(DomainError, match=rf"{HERE}:\d+: nn\.bce"):
        nn.bce(Value(0.0), 1)


# -- NumPy -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", [np.float64(4), np.float32(4), np.int64(4), np.array(4.0)], ids=lambda x: f"{type(x).__name__} {x.dtype}"
)
def test_numpys_scalars_work_on_either_side(number):
    x = Value(2.0)
    results = [number * x, x * number, number + x, number - x, x - number, number / x, x / number, number**x, x**number]
    assert [float(y) for y in results] == [8.0, 8.0, 6.0, 2.0, -2.0, 2.0, 0.5, 16.0, 16.0]
    assert all(isinstance(y, Value) and y.requires_grad for y in results)


@pytest.mark.parametrize(
    "name",
    ["exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log1p", "expm1", "abs"],
)
def test_numpys_functions_find_the_method_of_a_value_and_of_arrays_of_them(name):
    x = Value(0.5)
    y = getattr(np, name)(x)
    assert isinstance(y, Value)
    assert y.op is ag.PRIMITIVES[name]
    assert y.data == pytest.approx(getattr(np, name)(0.5), rel=1e-15)
    array = getattr(np, name)(np.array([[x, x * 0.5]], dtype=object))
    assert array.shape == (1, 2)
    assert [v.data for v in array.flat] == pytest.approx(getattr(np, name)(np.array([0.5, 0.25])), rel=1e-15)


def test_a_value_and_an_array_make_an_array_of_values():
    x, numbers = Value(2.0), np.array([1.0, 3.0])
    for array, expected in [
        (x * numbers, [2, 6]),
        (numbers * x, [2, 6]),
        (numbers - x, [-1, 1]),
        (x - numbers, [1, -1]),
        (x**numbers, [2, 8]),
    ]:
        assert array.dtype == object
        assert [v.data for v in array] == expected
    np.sum(numbers * x).backward()
    assert x.grad == 4.0


def test_matrix_products_of_object_arrays_are_scalar_code():
    rng = np.random.default_rng(0)
    numbers, x = rng.normal(size=(3, 2)), rng.normal(size=2)
    w = np.array([[Value(n) for n in row] for row in numbers], dtype=object)
    b = np.array([Value(0.5) for _ in range(3)], dtype=object)
    y = np.tanh(w @ x + b)
    np.sum(y).backward()

    slope = 1 - np.tanh(numbers @ x + 0.5) ** 2
    assert [v.data for v in y] == pytest.approx(np.tanh(numbers @ x + 0.5), rel=1e-14)
    assert np.array([[v.grad for v in row] for row in w]) == pytest.approx(np.outer(slope, x), rel=1e-12)
    assert [v.grad for v in b] == pytest.approx(slope, rel=1e-12)


def test_numpys_reductions_of_object_arrays():
    xs = [Value(1.0), Value(4.0), Value(2.0)]
    array = np.array(xs, dtype=object)
    assert np.sum(array).data == 7.0
    assert np.prod(array).data == 8.0
    assert np.mean(array).data == pytest.approx(7 / 3)
    assert np.max(array) is xs[1]
    (array @ array).backward()
    assert [x.grad for x in xs] == [2.0, 8.0, 4.0]


def test_ops_take_arrays_of_values_and_of_numbers():
    x = Value(2.0)
    array = ag.maximum(np.array([x, x * 2], dtype=object), np.array([3.0, 3.0]))
    assert [v.data for v in array] == [3.0, 4.0]
    assert ag.softplus(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, math.log(2), 1000.0]
    assert ag.where(np.array([True, False]), x, 5.0)[1].data == 5.0
    assert ag.weighted_sum(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 1.0).tolist() == [4.0, 9.0]


def test_ops_of_plain_numbers_give_plain_numbers():
    assert ag.tanh(0.5) == math.tanh(0.5)
    assert ag.add(1, 2) == 3
    assert ag.maximum(np.float64(2), 1.0) == 2.0
    assert ag.add_n(1.0, 2, 3) == 6.0
    assert ag.relu(-1) == 0.0


def test_numpy_makes_numbers_of_values_where_it_is_told_to():
    assert np.array([Value(1.0), Value(2.0)], dtype=float).tolist() == [1.0, 2.0]
    assert np.array([Value(1.0)]).dtype == object


def test_array_comparisons_are_of_numbers():
    assert (np.array([1.0, 2.0]) == Value(1.0)).tolist() == [True, False]
    assert (np.array([Value(1.0), Value(3.0)], dtype=object) < 2).tolist() == [True, False]
