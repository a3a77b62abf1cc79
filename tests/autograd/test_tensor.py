"""Tensor: what it holds and refuses, how it shows itself, its operators beside anything, and what backward promises."""

import copy
import operator
import pickle
import re
from array import array
from collections import UserList

import numpy as np
import pytest

import autograd as ag
from autograd import DomainError, StaleGraphError, Tensor, Value, no_grad, source_lines, topological_order
from autograd.graph import leaves_and_computed

FLOATS = [np.float16, np.float32, np.float64, np.longdouble]

floats = pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: np.dtype(d).name)


def differences(f, x, step=1e-6):
    """The gradient of ``f``, a number, at the array ``x``: central differences."""
    slope = np.empty(x.shape)
    for i in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        slope[i] = (f(up) - f(down)) / (2 * step)
    return slope


# -- what it holds -----------------------------------------------------------------------------------------------------------


@floats
def test_a_floating_dtype_is_kept_forward_and_backward(dtype):
    x = Tensor(np.array([[0.5, 1.5]], dtype))
    y = ((x * 2 + 1.0) / 3).tanh().sum()
    y.backward()
    assert (x.dtype, x.data.dtype, y.dtype, x.grad.dtype) == (dtype,) * 4


UNARY = [
    "exp", "expm1", "log", "log2", "log10", "log1p", "sqrt", "abs", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin",
    "arccos", "arctan", "sigmoid", "softplus", "relu", "leaky_relu", "elu", "gelu", "silu", "step",
]  # fmt: skip


@pytest.mark.parametrize("method", UNARY)
def test_a_method_keeps_every_dtype(method):
    for dtype in FLOATS:
        x = Tensor(np.array([0.25, 0.5], dtype))
        y = getattr(x, method)()
        y.sum().backward()
        assert (y.dtype, x.grad.dtype) == (dtype, dtype)


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (1.5, ()),
        (np.float32(1.5), ()),
        ([], (0,)),
        (np.empty((0, 3)), (0, 3)),
        ([1.5], (1,)),
        ([[1.0, 2.0]], (1, 2)),
        (((1.0, 2), (3, 4)), (2, 2)),
        (np.zeros((2, 1, 3)), (2, 1, 3)),
        ([np.float64(1), 2.0], (2,)),
    ],
    ids=str,
)
def test_a_tensor_has_the_shape_of_its_data(data, shape):
    x = Tensor(data)
    assert (x.shape, x.ndim, x.size) == (shape, len(shape), np.prod(shape, dtype=int))
    assert np.array_equal(x.data, data)
    assert (x.label, x.requires_grad, x.op, x.inputs) == ("", True, None, ())


@pytest.mark.parametrize("of", [list, tuple, np.array, lambda x: np.array(x)[:], lambda x: np.array(x).T], ids=range(5))
def test_data_is_copied_so_that_writing_to_the_callers_changes_nothing(of):
    data = of([1.0, 2.0])
    x = Tensor(data)
    if not isinstance(data, tuple):
        data[0] = 9.0
    assert x.data.tolist() == [1.0, 2.0]


def test_dtype_converts_what_would_be_refused_otherwise():
    assert Tensor([1, 2], dtype=float).data.tolist() == [1.0, 2.0]
    assert Tensor([True], dtype=np.float32).dtype == np.float32
    assert Tensor([0.1], dtype="float16").dtype == np.float16
    data = np.ones(2)
    x = Tensor(data, dtype=np.float64)
    data[0] = 9.0
    assert x.data.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("data", "came", "way"),
    [
        ([1, 2], "int64", "dtype=float"),
        (3, "int64", "dtype=float"),
        (np.array([1], np.uint8), "uint8", "dtype=float"),
        ([True, False], "bool", "dtype=float"),
        ([1j], "complex128", "two Tensors"),
        ([Value(1.0)], "object", "Tensor.of"),
        (np.array([None]), "object", "rectangle of numbers"),
        (None, "object", "numbers"),
        ({1.0}, "object", "numbers"),
        ("1.5", "<U3", "pass numbers"),
        (["a"], "<U1", "pass numbers"),
        (b"a", "|S1", "pass numbers"),
        (np.datetime64("2020-01-01"), "datetime64", "pass numbers"),
    ],
    ids=str,
)
def test_what_is_not_of_a_floating_dtype_is_refused_with_a_way_out(data, came, way):
    with pytest.raises(TypeError, match=f"floating point numbers, not {re.escape(came)}.*{re.escape(way)}"):
        Tensor(data)


@pytest.mark.parametrize("data", [[[1.0], [1.0, 2.0]], [1.0, [2.0]], [[[1.0]], [[1.0, 2.0]]]], ids=str)
@pytest.mark.parametrize("dtype", [None, float], ids=["", "dtype="])
def test_ragged_lists_are_refused_with_a_way_out(data, dtype):
    with pytest.raises(ValueError, match="lists in data differ in length; pass a rectangle"):
        Tensor(data, dtype=dtype)


def test_a_node_is_no_datum():
    for node in (Value(1.0), Tensor(1.0), Tensor(1.0, requires_grad=False), Tensor(1.0) * 2):
        with pytest.raises(TypeError, match=f"holds numbers, not a {type(node).__name__}; use it as it is, or its detach"):
            Tensor(node)


def test_a_dtype_that_is_not_floating_is_refused():
    with pytest.raises(TypeError, match=r"float.* not int64"):
        Tensor([1.5], dtype=int)


@pytest.mark.parametrize("dtype", [int, bool, complex, object], ids=lambda d: d.__name__)
def test_astype_refuses_what_is_not_floating(dtype):
    with pytest.raises(TypeError, match="float"):
        Tensor([1.5]).astype(dtype)


@floats
def test_astype_converts_and_hands_the_gradient_back_in_the_old_dtype(dtype):
    x = Tensor([1.5, 2.5])
    y = x.astype(dtype) * 3
    y.sum().backward()
    assert (y.dtype, x.grad.dtype, x.grad.tolist()) == (dtype, np.float64, [3.0, 3.0])


@pytest.mark.parametrize("data", [[1 + 2j], "1.5", None, ["2"]], ids=str)
def test_dtype_does_not_make_numbers_of_what_is_none(data):
    with pytest.raises(TypeError, match="Tensor"):
        Tensor(data, dtype=float)


# -- how it shows itself -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (Tensor([1.0, 2.5]), "Tensor([1. , 2.5])"),
        (Tensor([[1.0, 2.0], [3.0, 4.0]]), "Tensor([[1., 2.],\n        [3., 4.]])"),
        (Tensor(3.0), "Tensor(3.)"),
        (Tensor(np.float32(0.1)), "Tensor(0.1, float32)"),
        (Tensor(np.float32([1 / 3]), label="w"), "Tensor([0.333333], float32, label='w')"),
        (Tensor([1.0], label="it's"), 'Tensor([1.], label="it\'s")'),
        (Tensor(np.zeros(13)), "Tensor(shape=(13,))"),
        (Tensor(np.zeros((32, 8), np.float16), label="W"), "Tensor(shape=(32, 8), float16, label='W')"),
        (Tensor([np.nan, np.inf, -0.0]), "Tensor([nan, inf, -0.])"),
        (Tensor([]), "Tensor(shape=(0,))"),
        (Tensor([1.0, 2.0]) * 2, "Tensor([2., 4.])"),
    ],
    ids=range(11),
)
def test_repr_is_short_and_says_what_is_unusual(x, text):
    assert repr(x) == str(x) == text


def test_repr_of_an_empty_tensor_tells_its_shape():
    assert "(0, 3)" in repr(Tensor(np.empty((0, 3))))


def test_repr_does_not_change_with_numpys_print_options():
    x = Tensor([1.23456789, 2.0, 3.0])
    usual = repr(x)
    with np.printoptions(precision=2, threshold=1, edgeitems=1):
        assert repr(x) == usual


def test_format_is_that_of_the_only_number():
    assert f"{Tensor(1.23456):.3f} {Tensor([[2.5]]):.1e} {Tensor([1.0, 2.0])}" == "1.235 2.5e+00 Tensor([1., 2.])"
    with pytest.raises(ValueError, match=re.escape("has shape (2,), not one element")):
        format(Tensor([1.0, 2.0]), ".2f")


def test_item_and_float_give_the_only_number():
    for x in (Tensor(1.5), Tensor([1.5]), Tensor([[np.float32(1.5)]]), Tensor([0.75]) * 2):
        assert (x.item(), float(x), type(x.item())) == (1.5, 1.5, float)
    for x in (Tensor([1.0, 2.0]), Tensor([])):
        with pytest.raises(ValueError, match=r"item: .* not one element"):
            float(x)


def test_the_truth_is_that_of_the_only_number():
    assert Tensor(2.0)
    assert not Tensor([[0.0]])
    for x in (Tensor([1.0, 2.0]), Tensor([])):
        with pytest.raises(ValueError, match=f"the truth of {x.size} elements"):
            bool(x)


def test_it_has_a_length_is_walked_through_and_unpacked():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    first, second = x
    assert len(x) == 2
    assert [row.data.tolist() for row in x] == [[1.0, 2.0], [3.0, 4.0]]
    assert [row.data.tolist() for row in reversed(x)] == [[3.0, 4.0], [1.0, 2.0]]
    (sum(first * 2) + second[0]).backward()
    assert x.grad.tolist() == [[2.0, 2.0], [1.0, 0.0]]


def test_without_axes_it_has_no_length():
    for ask in (len, iter, list):
        with pytest.raises(TypeError, match="without axes"):
            ask(Tensor(1.0))


def test_in_asks_for_a_number_among_the_elements():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert 3.0 in x
    assert Tensor(4.0) in x
    assert 5.0 not in x


def test_a_tensor_is_itself_in_sets_and_dicts():
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    assert len({x, y, x}) == 2
    assert {x: "x", y: "y"}[y] == "y"
    assert hash(x) != hash(y)
    assert [x, y].index(x) == 0


compare = pytest.mark.parametrize("op", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])


@compare
@pytest.mark.parametrize(
    "other", [2.0, 2, np.float32(2), True, [1.0, 2.0, 3.0], np.array([1, 2, 3]), np.array([[2.0], [1.0]])], ids=repr
)
def test_comparisons_give_plain_booleans(op, other):
    data = np.array([3.0, 2.0, 1.0])
    x = Tensor(data)
    for answer, expected in (
        (op(x, other), op(data, other)),
        (op(other, x), op(np.asarray(other), data)),
        (op(x, Tensor(np.array(other, float))), op(data, other)),
    ):
        assert type(answer) is np.ndarray
        assert answer.dtype == bool
        assert np.array_equal(answer, expected)


@compare
def test_comparisons_of_single_numbers_serve_as_conditions(op):
    assert bool(op(Tensor(1.0), 2.0)) is op(1.0, 2.0)
    assert bool(op(Tensor(1.0), Tensor(1.0))) is op(1.0, 1.0)


def test_what_is_no_number_is_unequal():
    x = Tensor([1.0])
    assert not np.any(x == None)  # noqa: E711
    assert np.all(x != "a")


# -- operators on mixtures ---------------------------------------------------------------------------------------------------

BESIDE = {
    "int": 2, "float": 2.5, "bool": True, "np.float32": np.float32(2.5), "np.float64": np.float64(2.5), "np.int64": np.int64(2),
    "np.uint8": np.uint8(2), "np.bool": np.True_, "0-d": np.array(2.5), "float16[]": np.array([1.5, 2.5], np.float16),
    "float32[]": np.array([1.5, 2.5], np.float32), "float64[]": np.array([[1.5], [2.5], [0.5]]), "int64[]": np.array([1, 2]),
    "uint8[]": np.array([1, 2], np.uint8), "bool[]": np.array([True, True]), "list": [1.5, 2.5], "ints": [1, 2],
    "tuple": (1.5, 2.5), "nested": [[1.5], [2.5]], "empty axis": np.ones((0, 1)),
}  # fmt: skip
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@floats
@pytest.mark.parametrize("op", ARITHMETIC)
@pytest.mark.parametrize("other", BESIDE.values(), ids=BESIDE)
def test_an_operator_gives_numpys_numbers_and_dtype_on_either_side(op, other, dtype):
    data = np.array([0.75, 1.25], dtype)
    x = Tensor(data)
    right = other if isinstance(other, int | float | np.generic) else np.asarray(other)
    for result, expected in ((op(x, other), op(data, right)), (op(other, x), op(right, data))):
        assert type(result) is Tensor
        assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
        assert np.array_equal(result.data, expected)
        result.backward(np.ones(result.shape))
        assert (x.grad.dtype, x.grad.shape) == (dtype, (2,))


@pytest.mark.parametrize("op", ARITHMETIC)
@pytest.mark.parametrize("other", BESIDE.values(), ids=BESIDE)
def test_an_operators_gradient_is_the_slope_beside_anything(op, other):
    data = np.array([0.75, 1.25])
    right = np.asarray(other)
    x = Tensor(data)
    op(x, other).sum().backward()
    op(other, x).sum().backward()
    slope = differences(lambda a: op(a, right).sum() + op(right, a).sum(), data)
    assert x.grad == pytest.approx(slope, rel=2e-3 if right.dtype == np.float16 else 1e-6)


@pytest.mark.parametrize("op", [*ARITHMETIC, operator.matmul])
def test_an_operator_takes_two_tensors_and_both_get_gradients(op):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.5, 2, (2, 2))[:, :, None] * rng.uniform(0.5, 2, (2, 2, 2))
    x, y = Tensor(a), Tensor(b)
    z = op(x, y)
    assert np.array_equal(z.data, op(a, b))
    z.sum().backward()
    assert x.grad == pytest.approx(differences(lambda a: op(a, b).sum(), a), rel=1e-6)
    assert y.grad == pytest.approx(differences(lambda b: op(a, b).sum(), b), rel=1e-6)


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (3,)), ((3,), (3, 2)), ((3,), (3,)), ((2, 3), (3, 4)), ((4, 2, 3), (3,)), ((2, 1, 2, 3), (5, 3, 2))],
)
def test_the_matrix_product_takes_arrays_and_lists_on_either_side(left, right):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=left), rng.normal(size=right)
    x, y = Tensor(a), Tensor(b)
    for z in (x @ b, a @ y, x @ y, x @ b.tolist(), a.tolist() @ y):
        assert type(z) is Tensor
        assert z.data == pytest.approx(a @ b)
        z.sum().backward()
    assert x.grad == pytest.approx(3 * differences(lambda a: (a @ b).sum(), a), rel=1e-6)
    assert y.grad == pytest.approx(3 * differences(lambda b: (a @ b).sum(), b), rel=1e-6)


def test_signs_and_absolute_value():
    x = Tensor([-2.0, 0.0, 3.0])
    ((-x) * 2 + abs(x) + (+x)).sum().backward()
    assert x.grad.tolist() == [-2.0, -1.0, 0.0]


def test_pythons_own_sum_and_max_work():
    x = Tensor([1.0, 3.0, 2.0])
    (sum(x) * max(x)).backward()
    assert x.grad.tolist() == [3.0, 9.0, 3.0]


def test_an_operator_with_assignment_binds_a_new_tensor_and_leaves_the_old_one():
    x = Tensor([1.0, 2.0])
    y = kept = x * 3
    z = y * y
    y += 1
    y *= 2
    assert (kept.data.tolist(), y.data.tolist(), x.data.tolist()) == ([3.0, 6.0], [8.0, 14.0], [1.0, 2.0])
    (y + z).sum().backward()
    assert x.grad.tolist() == [6 + 2 * 9 * 1.0, 6 + 2 * 9 * 2.0]


def test_an_array_is_not_written_by_a_tensor():
    data = np.ones(2)
    with pytest.raises(TypeError, match="out"):
        data += Tensor([1.0, 2.0])
    assert data.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("op", [*ARITHMETIC, operator.matmul])
@pytest.mark.parametrize(("a", "b"), [((2,), (3,)), ((2, 3), (2,)), ((4, 1, 2), (3, 3))])
def test_shapes_that_do_not_go_together_are_both_named(op, a, b):
    x, y = np.ones(a), np.ones(b)
    for left, right in (
        (Tensor(x), Tensor(y)),
        (Tensor(x), y),
        (x, Tensor(y)),
        (Tensor(x), y.tolist()),
        (x.tolist(), Tensor(y)),
    ):
        with pytest.raises(ValueError, match=f"{re.escape(str(a))} and {re.escape(str(b))} don't go together"):
            op(left, right)


@pytest.mark.parametrize("op", [*ARITHMETIC, operator.matmul])
def test_values_and_tensors_do_not_mix(op):
    for left, right in ((Tensor([1.0]), Value(1.0)), (Value(1.0), Tensor([1.0]))):
        with pytest.raises(TypeError, match=r"Tensor and Value don't mix.*values\(\).*Tensor\.of"):
            op(left, right)
    with pytest.raises(TypeError, match=r"not object; for Values use Tensor\.of"):
        op(Tensor([1.0]), np.array([Value(1.0)]))
    with pytest.raises(TypeError, match=r"not object; for Values use Tensor\.of"):
        op(np.array([Value(1.0)]), Tensor([1.0]))


@pytest.mark.parametrize("op", [operator.add, operator.mul, operator.pow])
@pytest.mark.parametrize(
    ("other", "error"),
    [
        ("a", TypeError),
        (None, TypeError),
        (1j, TypeError),
        ([1j], TypeError),
        ({}, TypeError),
        ([[1.0], [1.0, 2.0]], ValueError),
        (object(), TypeError),
        (np.array("a"), TypeError),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_no_number_is_refused_on_either_side(op, other, error):
    for left, right in ((Tensor([1.0, 2.0]), other), (other, Tensor([1.0, 2.0]))):
        with pytest.raises(error, match="numbers"):
            op(left, right)


def test_a_subclass_goes_together_with_tensors():
    class Parameter(Tensor):
        pass

    w = Parameter([2.0, 3.0])
    for y in (w * Tensor([1.0, 1.0]), Tensor([[1.0, 1.0]]) @ w):
        y.sum().backward()
    assert w.grad.tolist() == [2.0, 2.0]


def test_out_of_its_domain_a_function_follows_numpy():
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert np.isnan(Tensor([-1.0]).log().data).all()
    with pytest.warns(RuntimeWarning, match="divide"):
        assert np.isinf((1 / Tensor([0.0])).data).all()
    with np.errstate(all="raise"), pytest.raises(DomainError, match="log"):
        Tensor([-1.0]).log()


# -- elements and axes -------------------------------------------------------------------------------------------------------

_PLACES = np.array([2, 0, 2])
KEYS = {
    "int": 1, "negative": -1, "np.int64": np.int64(2), "ints": (1, 2), "slice": slice(None, None, -2), "...": ..., "None": None,
    "mixed": (..., None, slice(1, None)), "list": [0, 0, 2], "array": _PLACES, "matrix": np.array([[0, 1], [1, 1]]),
    "lists": ([0, 0, 1], [1, 1, 2]), "places and slice": (slice(None), _PLACES),
    "place and places": (1, _PLACES), "places, None": (_PLACES, None, 1), "np.ix_": np.ix_([0, 0], [1, 2, 1]),
    "broadcast places": (np.array([[0], [0]]), _PLACES), "list of bool": [True, False, True],
    "mask": np.arange(12).reshape(3, 4) % 3 == 0, "mask of rows": np.array([True, False, True]),
    "mask and place": (np.array([True, False, True]), 1), "empty": np.zeros(0, int), "no rows": np.zeros(3, bool),
    "uint8": np.array([1, 1], np.uint8), "range": range(2), "range and places": (range(2), [1, 1]), "()": (),
    "tuple of places": ((0, 0, 1), slice(None)), "tuples of places": ((0, 0), (1, 1)), "array.array": array("q", [1, 1]),
    "UserList": (UserList([0, 0]), 1),
}  # fmt: skip


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_an_element_gets_a_cotangent_for_each_time_it_is_named(key):
    data = np.random.default_rng(0).normal(size=(3, 4))
    x = Tensor(data)
    y = x[key]
    assert np.array_equal(y.data, data[key])
    g = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(g)
    expected = np.zeros((3, 4))
    np.add.at(expected, key, g)
    assert np.array_equal(x.grad, expected)


def test_what_says_that_it_is_a_whole_number_names_a_place():
    class One:
        def __index__(self):
            return 1

    x = Tensor([1.0, 2.0])
    x[One()].backward()
    assert x.grad.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (5, IndexError),
        ((0, 0, 0), IndexError),
        ("a", IndexError),
        (1.5, IndexError),
        ([0.5], IndexError),
        (np.array([True]), IndexError),
        (Tensor([1.0]), TypeError),
        (Value(1.0), TypeError),
    ],
    ids=repr,
)
def test_a_place_that_is_not_there_is_refused(key, error):
    with pytest.raises(error):
        Tensor([[1.0, 2.0], [3.0, 4.0]])[key]


def test_an_empty_list_of_places_gives_nothing():
    x = Tensor([1.0, 2.0])
    assert x[[]].shape == (0,)


def test_true_and_false_are_masks_and_not_places():
    x = Tensor([1.0, 2.0, 3.0])
    assert (x[1].shape, x[0].shape) == ((), ())  # asked first, so that what they are remembered as is right
    assert x[True].shape == (1, 3)
    assert x[False].shape == (0, 3)


def test_a_float_is_no_place_even_after_the_whole_number_was_asked_for():
    x = Tensor([1.0, 2.0])
    assert x[1].item() == 2.0
    with pytest.raises(IndexError):
        x[1.0]


AXES = {
    "sum": lambda t, i: t.sum(i), "mean": lambda t, i: t.mean(i), "var": lambda t, i: t.var(i), "max": lambda t, i: t.max(i),
    "prod": lambda t, i: t.prod(i), "argmax": lambda t, i: t.argmax(i), "cumsum": lambda t, i: t.cumsum(i),
    "softmax": lambda t, i: t.softmax(i), "logsumexp": lambda t, i: t.logsumexp(i), "norm": lambda t, i: t.norm(i),
    "concatenate": lambda t, i: ag.concatenate([t, t], i), "stack": lambda t, i: ag.stack([t, t], i + 1 if i > 0 else i - 1),
    "squeeze": lambda t, i: t.squeeze(i), "expand_dims": lambda t, i: ag.expand_dims(t, i + 1 if i > 0 else i - 1),
    "moveaxis": lambda t, i: ag.moveaxis(t, i, 0), "transpose": lambda t, i: t.transpose(i, 0),
    "flip": lambda t, i: ag.flip(t, i), "take": lambda t, i: t.take([0], i),
    "tensordot": lambda t, i: ag.tensordot(t, t, ([i], [0])), "swapaxes": lambda t, i: t.swapaxes(0, i),
    "split": lambda t, i: ag.split(t, 1, i),
}  # fmt: skip


@pytest.mark.parametrize("axis", [2, -3])
@pytest.mark.parametrize("name", AXES)
def test_an_axis_that_is_not_there_is_refused(name, axis):
    with pytest.raises((ValueError, IndexError), match=r"ax[ei]s"):
        AXES[name](Tensor(np.ones((2, 2))), axis)


@pytest.mark.parametrize("name", [name for name in AXES if name not in ("stack", "transpose", "swapaxes", "tensordot")])
def test_an_axis_may_be_a_numpy_integer(name):
    data = np.arange(1.0, 5.0).reshape(1, 1, 1, 1, 1, 1, 1, 1, 4)  # an axis that no other test asks for
    axis = 7 if name == "squeeze" else 8
    gradients = []
    for i in (np.int64(axis), axis):
        x = Tensor(data)
        z = AXES[name](x, i)
        if name != "argmax":
            z = z[0] if isinstance(z, list) else z
            z.backward(np.arange(1.0, z.size + 1).reshape(z.shape))
        gradients.append(x.grad)
    assert np.array_equal(*gradients)


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (lambda x: x.reshape(5), r"\(2, 3\).*\(5,\)"),
        (lambda x: ag.stack([x, x.T]), r"one shape, not \(2, 3\), \(3, 2\)"),
        (lambda x: ag.concatenate([x, x.T]), r"\(2, 3\) and \(3, 2\)"),
        (lambda x: ag.broadcast_to(x, (3, 3)), r"\(2, 3\).*\(3, ?3\)"),
        (lambda x: ag.einsum("ij,ij,k->", x, x), "names 3 operands and got 2"),
        (lambda x: ag.einsum("ijk->i", x), r"names 3 axes of an operand of shape \(2, 3\)"),
        (lambda x: x.squeeze(0), "size not equal to one|not 1|one"),
        (lambda x: ag.split(x, 2, 1), "length 3 does not part into 2"),
        (lambda x: ag.diagonal(x[0]), r"takes a matrix, not an array of shape \(3,\)"),
        (lambda x: ag.conv2d(x, x), r"\(2, 3\) and weight of shape \(2, 3\)"),
        (lambda x: ag.max_pool(x, 4), r"windows of \(4,\) do not fit into \(3,\)"),
        (lambda x: ag.tensordot(x, x, 1), r"don't go together"),
        (lambda x: ag.where(np.ones(2, bool), x, x), r"\(2,\) and \(2, 3\)"),
        (lambda x: ag.norm(x, "nuc"), "norm of vectors"),
        (lambda x: x[0].mT, "axes|axis"),
    ],
    ids=range(15),
)
def test_shapes_and_settings_that_make_no_sense_are_refused_by_what_came(ask, match):
    with pytest.raises((ValueError, IndexError), match=match):
        ask(Tensor(np.ones((2, 3))))


# -- backward ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [3.0, [3.0], [[3.0]], [3.0, 1.0, 2.0]], ids=str)
def test_backward_twice_accumulates_on_leaves_and_once_more_after_zero_grad(data):
    x = Tensor(data)
    square = x * x
    y = (square * x).sum()
    slope = 3 * np.square(data)
    for times in (1, 2):
        y.backward()
        assert np.array_equal(x.grad, times * slope)
        assert np.array_equal(square.grad, data)
    x.zero_grad()
    y.backward()
    assert np.array_equal(x.grad, slope)


@floats
def test_before_backward_and_after_zero_grad_the_gradient_is_zeros(dtype):
    for shape in ((), (0,), (2, 3)):
        x = Tensor(np.ones(shape, dtype))
        for node in (x, x * 2, x.detach()):
            assert (type(node.grad), node.grad.dtype, node.grad.shape) == (np.ndarray, dtype, shape)
            assert not node.grad.any()
        (x * 2).sum().backward()
        x.zero_grad()
        assert (x.grad.shape, x.grad.any()) == (shape, False)


def test_a_leaf_that_was_not_used_keeps_zeros():
    x, unused = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    (x * x).sum().backward()
    assert unused.grad.tolist() == [0.0, 0.0]
    first, second = ag.split(Tensor([1.0, 2.0]), 2)
    first.backward()
    assert second.grad.tolist() == [0.0]


def test_a_node_that_no_cotangent_reaches_hands_on_nothing():
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    (
        ag.where((y * x).exp() > 0, x * 2, x) + ag.step(y * 2)
    ).sum().backward()  # neither a condition nor a step hands anything on
    assert (x.grad.tolist(), y.grad.tolist()) == ([2.0, 2.0], [0.0, 0.0])


@pytest.mark.parametrize("kind", [bool, int, float, Tensor], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("numbers", [[1, 0, 1], [2, 0, -3]], ids=["0 and 1", "other numbers"])
def test_any_number_but_zero_serves_as_a_condition_and_does_not_scale_the_gradient(kind, numbers):
    condition = Tensor(np.array(numbers, float)) if kind is Tensor else np.array(numbers, kind)
    x, y = Tensor([1.0, 2.0, 3.0]), Tensor([4.0, 5.0, 6.0])
    z = ag.where(condition, x, y)
    assert z.data.tolist() == [1.0, 5.0, 3.0]
    z.sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([1.0, 0.0, 1.0], [0.0, 1.0, 0.0])


def test_diamonds_and_many_uses_of_one_tensor_add_up():
    x = Tensor([1.0, 2.0])
    y = x * 2
    ((y + y * y) * (y + x) + x).sum().backward()
    slope = differences(lambda x: ((2 * x + 4 * x * x) * (3 * x) + x).sum(), np.array([1.0, 2.0]))
    assert x.grad == pytest.approx(slope, rel=1e-6)
    x.zero_grad()
    ag.concatenate([x] * 1000).sum().backward()
    assert x.grad.tolist() == [1000.0, 1000.0]
    x.zero_grad()
    ag.einsum("i,i,i->", x, x, x).backward()
    assert x.grad.tolist() == [3.0, 12.0]


def test_any_node_may_be_the_root():
    x = Tensor([1.0, 2.0])
    y = x * x
    z = y.sum() * 3
    z.backward()
    y.backward([1.0, 10.0])
    assert x.grad.tolist() == [6.0 + 2.0, 12.0 + 40.0]
    assert y.grad.tolist() == [1.0, 10.0]
    assert z.grad == 1.0  # as the last walk through it left it
    x.backward([5.0, 5.0])
    assert x.grad.tolist() == [13.0, 57.0]


def test_the_gradient_of_a_computed_node_is_that_of_the_last_walk():
    x = Tensor([1.0, 2.0])
    y = x * x
    for factor in (2.0, 3.0):
        (y * factor).sum().backward()
        assert y.grad.tolist() == [factor, factor]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_element_needs_no_seed(shape):
    x = Tensor(np.full(shape, 3.0))
    (x * x).backward()
    assert np.array_equal(x.grad, np.full(shape, 6.0))


@pytest.mark.parametrize("shape", [(2,), (0,), (2, 3)])
def test_several_elements_need_a_seed(shape):
    y = Tensor(np.ones(shape)) * 2
    with pytest.raises(ValueError, match=rf"the mul node has shape {re.escape(str(shape))}.*reduce it first.*or pass"):
        y.backward()


@pytest.mark.parametrize("seed", [1.0, [1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], np.ones((2, 2)), Tensor(1.0)], ids=repr)
def test_a_seed_of_another_shape_is_refused(seed):
    x = Tensor([1.0, 2.0], label="x")
    with pytest.raises(ValueError, match=re.escape(f"must have its shape, (2,), not {np.shape(getattr(seed, 'data', seed))}")):
        (x * 2).backward(seed)
    assert not x.grad.any()


@pytest.mark.parametrize("seed", [[1, 2], (1.0, 2.0), np.array([1, 2]), np.float32([1, 2]), Tensor([1.0, 2.0])], ids=repr)
def test_a_seed_may_be_any_array_of_the_shape(seed):
    x = Tensor(np.float32([3, 4]))
    (x * x).backward(seed)
    assert x.grad.tolist() == [6.0, 16.0]
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("seed", [[1.0, [2.0]], ["a", "b"], [1j, 1.0], [None, 1.0]], ids=str)
def test_a_seed_that_is_no_array_of_numbers_is_refused_by_name(seed):
    with pytest.raises((TypeError, ValueError), match=r"backward: .*cotangent"):
        (Tensor([1.0, 2.0]) * 2).backward(seed)


def test_a_constant_has_no_gradient_to_give():
    x = Tensor([1.0], requires_grad=False)
    with no_grad():
        y = Tensor([2.0]) * 3
    for node in (x, x * 2, y, Tensor([1.0]).detach()):
        with pytest.raises(ValueError, match=r"is a constant.*detach\(\) or under no_grad"):
            node.backward()


def test_constants_get_no_gradient_and_cut_what_is_behind_them():
    x, c = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=False)
    y = x * c + (x * x).detach() * x
    y.sum().backward()
    assert x.grad.tolist() == [3.0 + 1.0, 4.0 + 4.0]
    assert not c.grad.any()
    assert not (c * c).requires_grad
    assert (c * c).inputs == ()


def test_under_no_grad_nothing_is_recorded():
    x = Tensor([1.0, 2.0])
    with no_grad():
        for y in (x * 2, x.sum(), x[0], x @ x, ag.stack([x, x]), np.exp(x), x.reshape(2, 1), -x):
            assert (y.requires_grad, y.op, y.inputs) == (False, None, ())
    assert (x * 2).requires_grad


def test_a_failed_backward_leaves_the_gradients_of_leaves_as_they_were():
    x, y = Tensor([0.0, 1.0], label="x"), Tensor([2.0, 3.0])
    (x * y).sum().backward()
    before = x.grad, y.grad
    z = (x.sqrt() * y).sum()
    with np.errstate(all="raise"), pytest.raises(DomainError, match="'sqrt' has no finite derivative at x = 2"):
        z.backward()
    assert x.grad is before[0]
    assert y.grad is before[1]
    assert (x.grad.tolist(), y.grad.tolist()) == ([2.0, 3.0], [0.0, 1.0])
    with np.errstate(all="ignore"):
        z.backward()
    assert y.grad.tolist() == [0.0, 2.0]


def test_a_gradient_may_be_written_and_set():
    x = Tensor(np.float32([1, 2]))
    x.grad += 1
    x.grad[0] = 5.0
    (x * 2).sum().backward()
    assert x.grad.tolist() == [7.0, 3.0]
    x.grad = [1, 2]
    assert (x.grad.tolist(), x.grad.dtype) == ([1.0, 2.0], np.float32)
    x.grad = 0
    assert x.grad.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=re.escape("has its shape, (2,), not (3,)")):
        x.grad = np.ones(3)
    with pytest.raises(TypeError, match=r"to forget it call zero_grad\(\)"):
        x.grad = None


@pytest.mark.parametrize("update", [lambda w: setattr(w, "data", w.data - 0.1 * w.grad), "-=", "[...]"], ids=range(3))
def test_gradient_descent_finds_the_least_squares(update):
    rng = np.random.default_rng(0)
    data, target = rng.normal(size=(20, 3)), rng.normal(size=20)
    w = Tensor(np.zeros(3))
    for _ in range(300):
        w.zero_grad()
        ((data @ w - target) ** 2).mean().backward()
        if update == "-=":
            w.data -= 0.1 * w.grad
        elif update == "[...]":
            w[...] = w.data - 0.1 * w.grad
        else:
            update(w)
    assert w.data == pytest.approx(np.linalg.lstsq(data, target)[0], abs=1e-6)


def test_a_term_that_was_computed_before_the_loop_is_stale_in_its_second_round():
    w = Tensor([1.0, 2.0], label="w")
    penalty = (w * w).sum()
    ((w * 3).sum() + penalty).backward()
    w.data -= 0.1 * w.grad
    with pytest.raises(StaleGraphError, match="leaf 'w' was written after the mul node had used it"):
        ((w * 3).sum() + penalty).backward()


def test_nodes_know_the_line_that_made_them():
    with source_lines():
        y = Tensor([1.0]) * 2  # here
    assert y.line.endswith("# here")


# -- copies and pickles ------------------------------------------------------------------------------------------------------


def by_pickle(x):
    return pickle.loads(pickle.dumps(x))


twins = pytest.mark.parametrize("twin_of", [copy.deepcopy, by_pickle], ids=["deepcopy", "pickle"])


def network():
    """A graph whose ops have settings of every kind."""
    rng = np.random.default_rng(0)
    x, w = Tensor(rng.normal(size=(3, 4)), label="x"), Tensor(np.float32(rng.normal(size=(4, 2))), label="w")
    h = (x[:, [0, 0, 2, 3]] @ w).transpose(1, 0).sum(axis=0, keepdims=True)
    h = ag.concatenate([h, x[..., ::-1][:1, 1:]], axis=-1).reshape(2, 3).softmax(axis=0)
    h = ag.pad(h, ((1, 0), (0, 2)), constant_values=2.0) + ag.einsum("ij,kj->i", x, x)[:, None]
    z = ag.where(h.data > 1, h, -h).var(axis=(0, -1), ddof=1) + x[x.data > 0].prod()
    z.label = "z"
    return x, w, z


@twins
def test_a_twin_has_the_same_numbers_gradients_labels_and_settings(twin_of):
    _x, _w, z = network()
    z.backward()
    twin = twin_of(z)
    for a, b in zip(topological_order(z), topological_order(twin), strict=True):
        assert a is not b
        assert (a.label, a.dtype, a.requires_grad, a.op and a.op.name) == (
            b.label,
            b.dtype,
            b.requires_grad,
            b.op and b.op.name,
        )
        assert repr(a.op) == repr(b.op)
        assert np.array_equal(a.data, b.data)
        assert np.array_equal(a.grad, b.grad)


@twins
def test_a_twin_shares_no_number_with_the_first_and_goes_its_own_way(twin_of):
    x, _w, z = network()
    z.backward()
    twin = twin_of(z)
    leaf = next(node for node in topological_order(twin) if node.label == "x")
    for a in topological_order(z):
        for b in topological_order(twin):
            assert not np.shares_memory(a.data, b.data)
            assert not np.shares_memory(a.grad, b.grad)
    before = x.grad.copy()
    twin.backward()
    assert leaf.grad == pytest.approx(2 * before, rel=1e-12)
    leaf.data = np.zeros(leaf.shape)
    with pytest.raises(StaleGraphError):
        twin.backward()
    z.backward()
    assert x.grad == pytest.approx(2 * before, rel=1e-12)


@twins
def test_identity_is_kept_among_several_roots(twin_of):
    x = Tensor([1.0, 2.0])
    shared = x * x
    roots = {"a": shared.sum(), "b": [shared, shared * 2], "leaf": x}
    twins = twin_of(roots)
    assert twins["a"].inputs[0] is twins["b"][0] is twins["b"][1].inputs[0]
    assert twins["b"][0].inputs == (twins["leaf"], twins["leaf"])
    twins["a"].backward()
    assert (twins["leaf"].grad.tolist(), x.grad.tolist()) == ([2.0, 4.0], [0.0, 0.0])


def test_a_shallow_copy_is_the_same_node_once_more():
    x = Tensor([1.0, 2.0], label="x")
    y = x * x
    again = copy.copy(y)
    assert (again.inputs, again.op) == ((x, x), y.op)
    again.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    other = copy.copy(x)
    other.data = [5.0, 6.0]
    assert (other.label, x.data.tolist()) == ("x", [1.0, 2.0])
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_a_stale_graph_stays_stale_in_a_twin():
    x = Tensor([1.0, 2.0], label="x")
    y = (x * x).sum()
    x[0] = 5.0
    for twin in (copy.deepcopy(y), by_pickle(y)):
        with pytest.raises(StaleGraphError, match="leaf 'x'"):
            twin.backward()


def test_a_chain_of_fifty_thousand_nodes_needs_no_recursion():
    length = 50_000
    x = Tensor([1.0, 2.0], label="x")
    y = x
    for _ in range(length):
        y = y + x
    y.sum().backward()
    assert x.grad.tolist() == [length + 1.0] * 2
    for twin in (by_pickle(y), copy.deepcopy(y)):
        (leaf,), computed = leaves_and_computed(twin)
        assert (leaf.label, len(computed), twin.data.tolist()) == ("x", length, y.data.tolist())
        twin.backward([1.0, 0.0])
        assert leaf.grad.tolist() == [2.0 * (length + 1), length + 1.0]
    assert len(repr(y)) < 80
