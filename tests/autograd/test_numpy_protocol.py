"""NumPy's own functions on Tensors: each gives what it gives on arrays, as a node of the graph, or is refused by name."""

import re

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, Value, numpy_protocol

# -- what works --------------------------------------------------------------------------------------------------------------

M, V, S = (2, 3), (3,), ()
UNARY = {np.exp: 0, np.expm1: 0, np.log: 0, np.log1p: 0, np.log2: 0, np.log10: 0, np.sqrt: 0, np.square: 0, np.reciprocal: 0,
         np.sin: 0, np.cos: 0, np.tan: 0, np.sinh: 0, np.cosh: 0, np.tanh: 0, np.arcsin: 0, np.arccos: 0, np.arctan: 0,
         np.abs: 0, np.fabs: 0, np.negative: 0, np.positive: 0}  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.power, np.float_power, np.maximum, np.minimum, np.logaddexp]

# For each function: calls, and the shapes of the operands. A call is given the function, NumPy's own or ours of that name.
CALLS = {
    **{f: [(lambda f, t: f(t), M), (lambda f, t: f(t), S)] for f in UNARY},
    **{f: [(lambda f, a, b: f(a, b), M, V), (lambda f, a: f(a, 2), V), (lambda f, a: f(0.7, a), M)] for f in BINARY},
    np.matmul: [(lambda f, a, b: f(a, b), M, V), (lambda f, a: f(np.ones((4, 2)), a), M), (lambda f, a: f(a, [1, 2, 3]), M)],
    np.sum: [
        (lambda f, t: f(t), M), (lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=-1, keepdims=True), M),
        (lambda f, t: f(t, axis=(0, 1)), M), (lambda f, t: f(t, axis=None, keepdims=True), M),
    ],
    np.mean: [(lambda f, t: f(t), M), (lambda f, t: f(t, 1), M), (lambda f, t: f(t, axis=(0, -1), keepdims=True), M)],
    np.prod: [(lambda f, t: f(t), M), (lambda f, t: f(t, axis=0), M), (lambda f, t: f(t, axis=1, keepdims=True), M)],
    np.max: [(lambda f, t: f(t), M), (lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=1, keepdims=True), M)],
    np.min: [(lambda f, t: f(t), M), (lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=1, keepdims=True), M)],
    np.var: [(lambda f, t: f(t), M), (lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=1, ddof=1, keepdims=True), M)],
    np.std: [(lambda f, t: f(t), M), (lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=1, ddof=1, keepdims=True), M)],
    np.cumsum: [(lambda f, t: f(t), M), (lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=-1), M)],
    np.reshape: [(lambda f, t: f(t, (3, 2)), M), (lambda f, t: f(t, -1), M), (lambda f, t: f(t, shape=(1, 6)), M)],
    np.ravel: [(lambda f, t: f(t), M)],
    np.transpose: [
        (lambda f, t: f(t), M), (lambda f, t: f(t, (1, 0)), M), (lambda f, t: f(t, axes=(2, 0, 1)), (2, 3, 4)),
        (lambda f, t: f(t, None), M),
    ],
    np.swapaxes: [(lambda f, t: f(t, 0, -1), (2, 3, 4)), (lambda f, t: f(t, axis1=0, axis2=1), M)],
    np.moveaxis: [(lambda f, t: f(t, -1, 0), (2, 3, 4)), (lambda f, t: f(t, source=[0, 1], destination=[1, 2]), (2, 3, 4))],
    np.squeeze: [
        (lambda f, t: f(t), (1, 3, 1)), (lambda f, t: f(t, 0), (1, 3, 1)), (lambda f, t: f(t, axis=(0, -1)), (1, 3, 1)),
    ],
    np.expand_dims: [(lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=(0, -1)), M)],
    np.broadcast_to: [(lambda f, t: f(t, (2, 3)), V), (lambda f, t: f(t, shape=(4, 2, 3)), M)],
    np.flip: [(lambda f, t: f(t), M), (lambda f, t: f(t, 0), M), (lambda f, t: f(t, axis=(0, 1)), M)],
    np.concatenate: [
        (lambda f, a, b: f([a, b]), M, (1, 3)), (lambda f, a, b: f((a, b), 1), M, (2, 1)),
        (lambda f, a, b: f([a, b, np.ones((2, 2))], axis=-1), M, M),
    ],
    np.stack: [
        (lambda f, a, b: f([a, b]), M, M), (lambda f, a, b: f((a, b), 1), M, M), (lambda f, a: f([a, np.ones(M)], axis=-1), M),
    ],
    np.split: [
        (lambda f, t: f(t, 3, 1)[2], M), (lambda f, t: f(t, 3, axis=-1)[0], M), (lambda f, t: f(t, [1, 2])[1], V),
        (lambda f, t: f(t, [1], axis=1)[1], M), (lambda f, t: f(t, 2)[1], M),
    ],
    np.pad: [
        (lambda f, t: f(t, 1), M), (lambda f, t: f(t, ((1, 0), (0, 2)), "constant", constant_values=3.0), M),
        *[(lambda f, t, mode=mode: f(t, (1, 2), mode=mode), (3, 4)) for mode in ("edge", "reflect", "symmetric", "wrap")],
    ],
    np.take: [
        (lambda f, t: f(t, [0, 5, 0]), M), (lambda f, t: f(t, [[0, -1]], 1), M), (lambda f, t: f(t, indices=1, axis=0), M),
    ],
    np.diag: [(lambda f, t: f(t), V), (lambda f, t: f(t, -1), (3, 3)), (lambda f, t: f(t, k=2), V)],
    np.diagonal: [(lambda f, t: f(t), (3, 3)), (lambda f, t: f(t, offset=1), M)],
    np.trace: [(lambda f, t: f(t), (3, 3)), (lambda f, t: f(t, offset=-1), (3, 3))],
    np.dot: [
        (lambda f, a, b: f(a, b), V, V), (lambda f, a, b: f(a, b), M, V), (lambda f, a: f(np.ones((2, 2)), a), M),
        (lambda f, a, b: f(a, b), M, (4, 3, 2)), (lambda f, a: f(a, 2.0), M),
    ],
    np.inner: [(lambda f, a, b: f(a, b), V, V), (lambda f, a, b: f(a, b), M, (4, 3)), (lambda f, a: f(a, 2.0), M)],
    np.outer: [(lambda f, a, b: f(a, b), V, M), (lambda f, a: f([1.0, 2.0], a), V)],
    np.tensordot: [
        (lambda f, a, b: f(a, b), M, M), (lambda f, a, b: f(a, b, 1), M, (3, 4)), (lambda f, a, b: f(a, b, axes=0), V, V),
        (lambda f, a, b: f(a, b, axes=([0, 1], [1, 0])), M, (3, 2)), (lambda f, a, b: f(a, b, ((0,), (0,))), M, M),
        (lambda f, a, b: f(a, b, (-1, 0)), M, V),
    ],
    np.einsum: [
        (lambda f, a, b: f("ij,j->i", a, b), M, V), (lambda f, t: f("ij->", t), M), (lambda f, t: f("ii->i", t), (3, 3)),
        (lambda f, a, b: f("...i,...i", a, b), M, M), (lambda f, a: f("ij,kj", a, np.ones((4, 3))), M),
        (lambda f, t: f("iij,j", t, np.arange(2.0)), (3, 3, 2)),
    ],
    np.where: [
        (lambda f, a, b: f(np.array([True, False, True]), a, b), M, V), (lambda f, a: f([1, 0, 1], a, 0.0), M),
        (lambda f, a: f(True, -1.0, a), V),
    ],
}  # fmt: skip

# The same of calls that our own functions spell in another way, or that have no function of ours.
NUMPYS = {
    np.clip: [
        (lambda f, t: f(t, 0.4, 0.6), M), (lambda f, t: f(t, 0.5, None), M), (lambda f, t: f(t, None, 0.5), M),
        (lambda f, t: f(t, a_min=0.4, a_max=0.6), M), (lambda f, t: f(t, min=0.5), M), (lambda f, t: f(t, max=0.5), M),
        (lambda f, a, b: f(a, b, 0.7), M, V), (lambda f, t: f([0.1, 0.5, 0.9], t, 0.95), V),
    ],
    np.linalg.norm: [
        (lambda f, t: f(t), M), (lambda f, t: f(t, axis=0), M), (lambda f, t: f(t, None, 1, True), M),
        (lambda f, t: f(t, 1), V), (lambda f, t: f(t, "fro"), M), (lambda f, t: f(t, ord=3, axis=1, keepdims=True), M),
        (lambda f, t: f(t, np.inf, 0), M),
        (lambda f, t: f(t, ord=-np.inf), V), (lambda f, t: f(t, axis=(0, 1)), M), (lambda f, t: f(x=t, ord=2, axis=-1), M),
    ],
    np.hstack: [(lambda f, a, b: f([a, b]), V, V), (lambda f, a, b: f((a, b)), M, (2, 1))],
    np.vstack: [(lambda f, a, b: f([a, b]), V, V), (lambda f, a, b: f((a, b)), M, V), (lambda f, a: f([a, [1, 2, 3]]), M)],
    np.var: [(lambda f, t: f(t, 0, None, None, 1, True), M), (lambda f, t: f(a=t, axis=1), M)],
    np.add.reduce: [
        (lambda f, t: f(t), M), (lambda f, t: f(t, 1), M), (lambda f, t: f(t, axis=None), M),
        (lambda f, t: f(t, axis=(0, 1), keepdims=True), M),
    ],
    np.multiply.reduce: [(lambda f, t: f(t), M), (lambda f, t: f(t, axis=1, keepdims=True), M)],
    np.maximum.reduce: [(lambda f, t: f(t), M), (lambda f, t: f(t, axis=None), M)],
    np.minimum.reduce: [(lambda f, t: f(t), M), (lambda f, t: f(t, axis=-1), M)],
    np.add.accumulate: [(lambda f, t: f(t), V), (lambda f, t: f(t, 1), M), (lambda f, t: f(t, axis=0), M)],
}  # fmt: skip

OURS = {
    np.subtract: ag.sub, np.multiply: ag.mul, np.divide: ag.div, np.power: ag.pow, np.float_power: ag.pow, np.abs: ag.abs,
    np.fabs: ag.abs, np.negative: ag.neg,
}  # fmt: skip


def name_of(f):
    return f"{f.__self__.__name__}.{f.__name__}" if hasattr(f, "__self__") and isinstance(f.__self__, np.ufunc) else f.__name__


def listed(calls):
    return [
        pytest.param(f, call, shapes, id=f"{name_of(f)} {i}")
        for f, cases in calls.items()
        for i, (call, *shapes) in enumerate(cases)
    ]


def operands(shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.uniform(0.2, 0.9, shape).astype(dtype) for shape in shapes]


def differences(f, arrays, i, step=1e-6):
    slope = np.empty(arrays[i].shape)
    for place in np.ndindex(*slope.shape):
        up, down = [[x.copy() for x in arrays] for _ in range(2)]
        up[i][place] += step
        down[i][place] -= step
        slope[place] = np.sum(f(*up) - f(*down)) / (2 * step)
    return slope


@pytest.mark.parametrize(("f", "call", "shapes"), [*listed(CALLS), *listed(NUMPYS)])
def test_a_function_of_numpys_gives_what_it_gives_on_arrays_as_a_node_with_its_gradient(f, call, shapes):
    arrays = operands(shapes)
    tensors = [Tensor(x) for x in arrays]
    z, expected = call(f, *tensors), call(f, *arrays)
    assert type(z) is Tensor
    assert z.op
    assert z.shape == expected.shape
    np.testing.assert_allclose(z.data, expected, rtol=1e-13)
    weights = np.random.default_rng(1).normal(size=z.shape)
    z.backward(weights)
    for i, x in enumerate(tensors):
        slope = differences(lambda *arrays: weights * call(f, *arrays), arrays, i)
        np.testing.assert_allclose(x.grad, slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("f", "call", "shapes"), [*listed(CALLS), *listed(NUMPYS)])
def test_it_keeps_float32_as_numpy_does(f, call, shapes):
    arrays = operands(shapes, np.float32)
    tensors = [Tensor(x) for x in arrays]
    z = call(f, *tensors)
    assert z.dtype == call(f, *arrays).dtype
    z.backward(np.ones(z.shape))
    assert {x.grad.dtype for x in tensors} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("f", "call", "shapes"),
    [
        pytest.param(*p.values, id=p.id, marks=p.marks)
        for p in listed({f: calls for f, calls in CALLS.items() if f in OURS or hasattr(ag, f.__name__)})
    ],
)
def test_our_function_of_that_name_takes_the_same_call(f, call, shapes):
    ours = OURS.get(f) or getattr(ag, f.__name__)
    arrays = operands(shapes)
    z = call(ours, *[Tensor(x) for x in arrays])
    assert z.shape == call(f, *arrays).shape
    np.testing.assert_allclose(z.data, call(f, *arrays), rtol=1e-13)


def test_every_function_that_is_answered_is_tried_here():
    tried = {*CALLS, *NUMPYS}
    constants = {np.argmax, np.argmin, np.ndim, np.shape, np.size, np.amax, np.amin}  # the last two: max and min of old
    assert set(numpy_protocol._FUNCTIONS) - constants <= tried
    assert set(numpy_protocol._UFUNCS) <= tried
    assert {getattr(f, method) for f, method in numpy_protocol._METHODS} <= tried


def test_the_old_names_of_max_and_min_are_known():
    x = Tensor([[1.0, 5.0], [7.0, 3.0]])
    assert np.amax(x, axis=0).data.tolist() == [7.0, 5.0]
    assert np.amin(x, axis=1).data.tolist() == [1.0, 3.0]


def test_axis_none_joins_all_elements():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.concatenate([x, x], axis=None).data.tolist() == [1.0, 2.0, 3.0, 4.0] * 2


def test_accumulate_goes_along_the_first_axis():
    x = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(np.add.accumulate(Tensor(x)).data, np.add.accumulate(x))


def test_a_mean_of_half_precision_does_not_overflow():
    x = np.full(70_000, 1.5, np.float16)
    with np.errstate(all="ignore"):
        assert np.mean(Tensor(x)).data == np.mean(x) == 1.5


def test_a_shape_may_be_a_number():
    assert np.broadcast_to(Tensor(1.0), 3).shape == (3,)


@pytest.mark.parametrize("f", [np.argmax, np.argmin])
def test_places_of_extremes_are_plain_whole_numbers(f):
    x = operands([M])[0]
    for settings in ({}, {"axis": 0}, {"axis": -1}):
        assert np.array_equal(f(Tensor(x), **settings), f(x, **settings))
        assert f(Tensor(x), **settings).dtype == np.intp
    assert np.array_equal(f(Tensor(x), 1), f(x, 1))


def test_places_of_extremes_keep_their_axis():
    x = operands([M])[0]
    assert np.argmax(Tensor(x), axis=1, keepdims=True).shape == (2, 1)


def test_shape_ndim_and_size_are_plain():
    x = Tensor(np.ones((2, 3)))
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((2, 3), 2, 6)


@pytest.mark.parametrize("f", [np.isnan, np.isinf, np.isfinite, np.signbit])
def test_questions_about_numbers_are_answered_plainly(f):
    data = np.array([-1.0, np.nan, np.inf])
    assert type(f(Tensor(data))) is np.ndarray
    assert np.array_equal(f(Tensor(data)), f(data))


@pytest.mark.parametrize("f", [np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal])
def test_comparisons_are_answered_plainly(f):
    data = np.array([1.0, 2.0, 3.0])
    for a, b in ((Tensor(data), 2), (data, Tensor(data[::-1])), (Tensor(data), [3.0, 2.0, 1.0])):
        answer = f(a, b)
        assert type(answer) is np.ndarray
        assert np.array_equal(answer, f(*[x.data if isinstance(x, Tensor) else x for x in (a, b)]))


def test_what_asks_for_the_shape_or_the_numbers_gives_plain_ones():
    x = Tensor(np.float32([[1, 2]]))
    assert (np.zeros_like(x).dtype, np.zeros_like(x).shape) == (np.float32, (1, 2))
    assert np.ones_like(x, dtype=int).tolist() == [[1, 1]]
    assert np.full_like(x, 7).tolist() == [[7.0, 7.0]]
    assert np.empty_like(x, shape=(3,)).shape == (3,)
    assert np.allclose(x, [[1, 2]])
    assert np.isclose(x, x.data + 1e-9, atol=1e-6).all()
    assert np.array_equal(x, x.detach())
    assert np.result_type(x, np.float64) == np.float64
    for like in (np.zeros_like, np.ones_like, np.empty_like):
        assert type(like(x)) is np.ndarray


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: np.zeros_like(a=x),
        lambda x: np.allclose(a=x, b=x),
        lambda x: np.array_equal(a1=x, a2=x),
    ],
    ids=["zeros_like", "allclose", "array_equal"],
)
def test_they_take_tensors_by_name(ask):
    ask(Tensor([1.0, 2.0]))


def test_constants_stay_constants():
    x = Tensor([1.0, 2.0], requires_grad=False)
    for y in (np.exp(x), np.sum(x), np.concatenate([x, x]), np.add.reduce(x), np.clip(x, 0, 1)):
        assert type(y) is Tensor
        assert not y.requires_grad


def test_settings_that_say_nothing_are_passed_over():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.sum(x, axis=0, dtype=None, out=None, keepdims=False).data.tolist() == [4.0, 6.0]
    assert np.ravel(x, order="C").shape == np.reshape(x, 4, order="C").shape == (4,)
    assert np.einsum("ij,ij->", x, x, optimize=True).item() == 30.0
    assert np.add(x, 1, out=None, casting="same_kind").data.tolist() == [[2.0, 3.0], [4.0, 5.0]]


# -- what is refused ---------------------------------------------------------------------------------------------------------

REFUSED = {
    "floor": np.floor, "ceil": np.ceil, "rint": np.rint, "trunc": np.trunc, "sign": np.sign, "round": np.round, "sort": np.sort,
    "argsort": np.argsort, "median": np.median, "unique": np.unique, "cumprod": np.cumprod, "cbrt": np.cbrt, "fft": np.fft.fft,
    "inv": np.linalg.inv, "det": np.linalg.det, "svd": np.linalg.svd, "nonzero": np.nonzero, "any": np.any, "copy": np.copy,
    "nan_to_num": np.nan_to_num, "floor_divide": lambda x: np.floor_divide(x, 2), "remainder": lambda x: x.data % x,
    "divmod": lambda x: np.divmod(x, 2), "solve": lambda x: np.linalg.solve(np.eye(2), x), "append": lambda x: np.append(x, 1),
    "hypot": lambda x: np.hypot(x, x), "copyto": lambda x: np.copyto(np.ones((2, 2)), x), "put": lambda x: np.put(x, [0], 1.0),
    "percentile": lambda x: np.percentile(x, 50), "interp": lambda x: np.interp(x, [0, 1], [0, 1]), "modf": np.modf,
    "add.at": lambda x: np.add.at(np.ones((2, 2)), 0, x[0]), "add.outer": lambda x: np.add.outer(x, x),
    "multiply.accumulate": np.multiply.accumulate, "add.reduceat": lambda x: np.add.reduceat(x, [0]),
    "subtract.reduce": np.subtract.reduce, "maximum.accumulate": np.maximum.accumulate,
    "bitwise_and": lambda x: np.bitwise_and(x, 1),
}  # fmt: skip


@pytest.mark.parametrize(("name", "f"), REFUSED.items(), ids=REFUSED)
def test_a_function_without_derivative_here_is_refused_by_name_with_a_way_out(name, f):
    with pytest.raises(
        TypeError, match=rf"^np\.([\w.]*\.)?{re.escape(name)} has no derivative here.*t\.data.*@autograd\.primitive"
    ):
        f(Tensor([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(
    ("name", "f"), [("np.linalg.inv", np.linalg.inv), ("np.fft.fft", np.fft.fft), ("np.linalg.det", np.linalg.det)]
)
def test_the_name_is_one_that_numpy_has(name, f):
    with pytest.raises(TypeError, match=re.escape(name)):
        f(Tensor(np.eye(2)))


SETTINGS = {
    "add out": ("add(out=…)", "bind the result", lambda x: np.add(x, 1, out=np.ones(2))),
    "exp out": ("exp(out=…)", "bind the result", lambda x: np.exp(x, np.ones(2))),
    "exp out node": ("exp(out=…)", "bind the result", lambda x: np.exp(x.data, out=x)),
    "array +=": ("add(out=…)", "bind the result", lambda x: np.ones(2).__iadd__(x)),
    "add where": ("add(where=…)", "np.where", lambda x: np.add(x, 1, where=[True, False])),
    "add dtype": ("add(dtype=…)", "astype", lambda x: np.add(x, 1, dtype=np.float32)),
    "sum dtype": ("sum(dtype=…)", "astype", lambda x: np.sum(x, dtype=np.float32)),
    "mean dtype": ("mean(dtype=…)", "astype", lambda x: np.mean(x, None, np.float32)),
    "sum where": ("sum(where=…)", "np.where", lambda x: np.sum(x, where=[True, False])),
    "sum initial": ("sum(initial=…)", "leave initial out", lambda x: np.sum(x, initial=1.0)),
    "sum out": ("sum(out=…)", "bind the result", lambda x: np.sum(x, out=np.ones(()))),
    "cumsum out": ("cumsum(out=…)", "bind the result", lambda x: np.cumsum(x, out=np.ones(2))),
    "clip out": ("clip(out=…)", "bind the result", lambda x: np.clip(x, 0, 1, out=np.ones(2))),
    "einsum out": ("einsum(out=…)", "bind the result", lambda x: np.einsum("i->i", x, out=np.ones(2))),
    "reduce out": ("add.reduce(out=…)", "bind the result", lambda x: np.add.reduce(x, out=np.ones(()))),
    "reshape order": ("reshape(order=…)", "leave order out", lambda x: np.reshape(x, 2, order="F")),
    "ravel order": ("ravel(order=…)", "leave order out", lambda x: np.ravel(x, "F")),
    "stack dtype": ("stack(dtype=…)", "astype", lambda x: np.stack([x, x], dtype=np.float32)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "way", "f"),
    SETTINGS.values(),
    ids=SETTINGS,
)
def test_a_setting_that_is_not_there_is_refused_by_name_with_a_way_out(setting, way, f):
    x = Tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=re.escape(f"np.{setting} is not there for Tensors") + f".*{re.escape(way)}"):
        f(x)
    assert x.data.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("f", "setting"),
    [
        (lambda x: np.var(x, correction=1), "correction"),
        (lambda x: np.var(x, mean=np.ones(())), "mean"),
        (lambda x: np.diagonal(x, 0, 1, 0), "axis1"),
        (lambda x: np.take(x, [0], mode="clip"), "mode"),
        (lambda x: np.reshape(x, 4, copy=True), "copy"),
        (lambda x: np.matmul(x, x, axes=[(0, 1)] * 3), "axes"),
        (lambda x: np.pad(x, 1, mode="reflect", reflect_type="odd"), "reflect_type"),
    ],
    ids=["correction", "mean", "axis1", "mode", "copy", "axes", "reflect_type"],
)
def test_no_setting_is_passed_over_that_would_change_the_result(f, setting):
    with pytest.raises(TypeError, match=setting):
        f(Tensor([[1.0, 2.0], [3.0, 4.0]]))


def test_a_mode_of_padding_that_computes_its_margin_is_refused():
    with pytest.raises(ValueError, match="mode is constant, edge, reflect, symmetric or wrap, not 'mean'"):
        np.pad(Tensor([1.0, 2.0]), 1, mode="mean")


def test_a_margin_that_takes_a_gradient_gets_one_or_is_refused():
    x, margin = Tensor([1.0, 2.0]), Tensor(3.0)
    try:
        y = np.pad(x, 1, constant_values=margin)
    except TypeError:
        return
    y.sum().backward()
    assert margin.grad == 2.0


@pytest.mark.parametrize(
    "become",
    [
        np.asarray, np.array, lambda x: np.array([x, x]), lambda x: np.array([[x[0], 1.0]]),
        lambda x: np.asarray(x, dtype=np.float32), lambda x: np.array([x], dtype=object), lambda x: np.sum([x, x]),
        lambda x: np.random.default_rng(0).normal(x), lambda x: np.ones(2).dot(x), lambda x: np.full(2, x[0]),
        lambda x: np.ones(4)[x], lambda x: np.zeros(2).__setitem__(slice(None), x),
        lambda x: np.zeros(2).__setitem__([0], x[:1]), lambda x: np.testing.assert_allclose(x, [1.0, 2.0]),
        lambda x: Tensor([x, x]), lambda x: x.data * [x[0], x[1]],
    ],
    ids=range(16),
)  # fmt: skip
def test_a_tensor_that_takes_a_gradient_does_not_become_an_array(become):
    with pytest.raises(
        TypeError, match=r"would leave the graph by becoming an array; use \.data.*stack\(\) or concatenate\(\)"
    ):
        become(Tensor([1.0, 2.0]))


@pytest.mark.parametrize(
    "leave",
    [lambda a, x: a.__setitem__(0, x[0]), lambda a, x: a.fill(x[0]), lambda a, x: np.fromiter(x, float)],
    ids=["a[0] = x[0]", "fill", "fromiter"],
)
def test_a_single_number_goes_into_an_array_as_float_gives_it(leave):
    array = np.zeros(3)
    left = leave(array, Tensor([1.0, 2.0, 3.0]))  # NumPy asks for its float, and that is the way out
    assert 1.0 in (array if left is None else left)


def test_constants_become_arrays_of_their_own():
    x = Tensor([1.0, 2.0], requires_grad=False)
    for array in (np.asarray(x), np.array(x), np.array([x, x])[0], np.asarray([x])[0], np.asarray(x, dtype=np.float32)):
        assert type(array) is np.ndarray
        array[0] = 9.0
    assert x.data.tolist() == [1.0, 2.0]
    assert np.asarray(x, dtype=int).dtype == int
    assert Tensor([x, x]).shape == (2, 2)
    np.testing.assert_allclose(x, [1.0, 2.0])


def test_numpys_own_assertions_and_files_take_the_data(tmp_path):
    x = Tensor([1.0, 2.0])
    np.testing.assert_allclose(x.data, [1.0, 2.0])
    np.testing.assert_array_equal(x.data, x.detach().data)
    np.savez(tmp_path / "x.npz", x=x.data)
    assert np.load(tmp_path / "x.npz")["x"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "f", [np.add, np.multiply, np.matmul, np.dot, np.outer, lambda a, b: np.concatenate([a, b]), lambda a, b: np.stack([b, a])]
)
def test_arrays_of_values_are_not_mixed_in(f):
    with pytest.raises(TypeError, match=r"Tensor\.of"):
        f(Tensor([1.0, 2.0]), np.array([Value(1.0), Value(2.0)]))
