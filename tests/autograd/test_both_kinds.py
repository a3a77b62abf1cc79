"""One program, written once: arrays, Tensors and arrays of Values give equal numbers, and the last two equal derivatives."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import PRIMITIVES, Tensor, Value, arrays, grad, hvp, objects, ops

from .rows import variant

# What a program is made of. Functions that grow get operands that don't, so that digits are not lost in large numbers.

UNARY = (
    "-{a}", "1.5 - {a}", "{a} / 3", "abs({a})", "ag.tanh({a}) ** 3", "2 / (3 + ag.sin({a}))", "1.5 ** ag.tanh({a})",
    "ag.exp(ag.tanh({a}))", "ag.expm1(ag.sin({a}))", "ag.log(1.5 + ag.sin({a}))", "ag.log1p(ag.sigmoid({a}))",
    "ag.sqrt(2 + ag.cos({a}))", "ag.tanh({a})", "ag.sinh(ag.cos({a}))", "ag.cosh(ag.tanh({a}))", "ag.tan(ag.tanh({a}))",
    "ag.arcsin(0.9 * ag.sin({a}))", "ag.arccos(0.9 * ag.sin({a}))", "ag.arctan({a})", "ag.sigmoid({a})", "ag.softplus({a})",
    "ag.relu({a})", "ag.leaky_relu({a}, 0.25)", "ag.elu({a})", "ag.gelu({a})", "ag.silu({a})", "ag.step({a})",
    "ag.clip({a}, -0.75, 0.5)", "ag.positive({a})",
)  # fmt: skip

BINARY = (
    "({a} + {b})", "({a} - {b})", "ag.tanh({a}) * {b}", "({a}) / (2 + ag.sin({b}))", "(1.5 + ag.sin({a})) ** ag.tanh({b})",
    "ag.maximum({a}, {b})", "ag.minimum({a}, ag.sin({b}))", "ag.where({a} > {b}, {a}, {b})", "ag.logaddexp({a}, {b})",
    "ag.add_n({a}, {b}, {a})", "ag.weighted_sum(ag.sin({a}), ag.cos({b}), {a})", "ag.outer(ag.tanh({a}), ag.sin({b}))",
)  # fmt: skip

ALONG = (
    "ag.sum(ag.tanh({a}), axis={axis}, keepdims={keepdims})", "ag.mean({a}, axis={axis}, keepdims={keepdims})",
    "ag.prod(ag.tanh({a}), axis={axis}, keepdims={keepdims})", "ag.max({a}, axis={axis}, keepdims={keepdims})",
    "ag.min({a}, axis={axis}, keepdims={keepdims})", "ag.logsumexp({a}, axis={axis}, keepdims={keepdims})",
    "ag.var({a}, axis={axis}, keepdims={keepdims})", "ag.norm(1 + ag.sigmoid({a}), axis={axis}, keepdims={keepdims})",
    "ag.std(ag.concatenate([{a}, {a} + 1], axis={axis}), axis={axis})", "ag.softmax({a}, axis={axis})",
    "ag.log_softmax({a}, axis={axis})", "ag.cumsum(ag.sin({a}), axis={axis})", "ag.flip({a}, axis={axis})",
    "ag.stack([{a}, 2 * {a}], axis={axis})", "ag.concatenate([{a}, ag.sin({a})], axis={axis})", "ag.split({a}, 1, {axis})[0]",
    "ag.take({a}, [0, 0, -1], axis={axis})", "ag.expand_dims({a}, {axis})", "ag.swapaxes({a}, 0, {axis})",
)  # fmt: skip

WHOLE = (
    "ag.ravel({a})", "ag.transpose({a})", "{a}[0]", "{a}[..., -1]", "{a}[[0, -1, 0]]", "{a}[::-1]", "{a}[..., None]",
    "{a}[np.ones({n}, bool)]", "ag.sum({a})", "ag.mean({a})", "ag.max({a})", "ag.pad({a}, 1, 'edge')", "ag.pad({a}, (0, 1))",
    "ag.broadcast_to({a}, (2, *ag.shape({a})))", "ag.diag(ag.ravel({a}))", "ag.reshape({a}, (-1, 1))",
    "ag.dot(ag.ravel(ag.sin({a})), ag.ravel({a}))", "(ag.tanh(ag.reshape({a}, ({n}, -1))) @ ag.reshape({a}, (-1, {n})))",
    "ag.einsum('i...,i...->...', ag.tanh({a}), {a})", "ag.inner(ag.cos({a}), {a})", "ag.tensordot(ag.sin({a}), {a}, 0)",
    "ag.max_pool({a}, 1)", "ag.conv1d(ag.reshape(ag.sin({a}), (1, 1, -1)), np.ones((1, 1, 1)), padding=1)",
    "ag.cross_entropy({a}, np.zeros(ag.shape({a})[:-1], int))",
)  # fmt: skip

NAMES = "xyz"
MOST = 24  # elements, so that arrays of Values stay quick


def read(text, *leaves):
    return eval(text, {"ag": ag, "np": np, **dict(zip(NAMES, leaves))})


@st.composite
def programs(draw):
    """The text of a program, and arrays for its leaves."""
    shapes = draw(st.lists(st.lists(st.integers(1, 3), max_size=3).map(tuple), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leaves = [np.asarray(rng.uniform(-2, 2, shape)) for shape in shapes]
    text = draw(st.sampled_from(NAMES[: len(leaves)]))
    for _ in range(draw(st.integers(1, 6))):
        longer = extended(draw, text, leaves)
        if np.size(read(longer, *leaves)) <= MOST:
            text = longer
    return text, leaves


def extended(draw, text, leaves):
    shape = np.shape(read(text, *leaves))
    kind = draw(st.sampled_from(["unary", "binary", "along", "whole"] if shape else ["unary", "binary"]))
    if kind == "unary":
        return draw(st.sampled_from(UNARY)).format(a=f"({text})")
    if kind == "whole":
        return draw(st.sampled_from(WHOLE)).format(a=f"({text})", n=shape[0])
    if kind == "along":
        axis, keepdims = draw(st.integers(-len(shape), len(shape) - 1)), draw(st.booleans())
        return draw(st.sampled_from(ALONG)).format(a=f"({text})", axis=axis, keepdims=keepdims)
    other = draw(st.sampled_from(NAMES[: len(leaves)]))
    if draw(st.booleans()):
        other = draw(st.sampled_from(UNARY)).format(a=other)
    try:
        np.broadcast_shapes(shape, np.shape(read(other, *leaves)))
    except ValueError:
        other = f"ag.mean({other})"
    both = [f"({text})", f"({other})"]
    a, b = both if draw(st.booleans()) else both[::-1]
    return draw(st.sampled_from(BINARY)).format(a=a, b=b)


def as_values(x):
    return np.frompyfunc(Value, 1, 1)(x)


def numbers(z, what="data"):
    z = np.asarray(z, object)
    return np.array([getattr(x, what) if isinstance(x, Value) else float(x) for x in z.ravel()]).reshape(z.shape)


def same(x, y, rtol=1e-12):
    scale = max(1.0, np.abs(y).max(initial=0.0))
    assert np.shape(x) == np.shape(y)
    assert np.all(np.abs(x - y) <= rtol * scale), (x, y)


def check(text, leaves):
    """Hold what a program gives for Tensors against what it gives for arrays of Values and for plain arrays."""
    tensors, values = [Tensor(x) for x in leaves], [as_values(x) for x in leaves]
    on_tensors, on_values = read(text, *tensors), read(text, *values)
    same(numbers(on_values), on_tensors.data)
    same(read(text, *leaves), on_tensors.data)

    weights = np.cos(np.arange(on_tensors.size)).reshape(on_tensors.shape)[()]
    on_tensors.backward(weights)
    total = ag.sum(on_values * weights)
    if isinstance(total, Value):
        total.backward()
    for t, v in zip(tensors, values, strict=True):
        same(numbers(v, "grad"), t.grad)
    if not isinstance(total, Value):  # only what was padded is left, and no derivative
        return

    number = lambda *xs: ag.sum(read(text, *xs) * weights)  # noqa: E731
    for t, c in zip(tensors, grad(number, tuple(range(len(leaves))))(*leaves), strict=True):
        same(c, t.grad)

    square = lambda *xs: ag.sum((z := read(text, *xs)) * z * weights)  # noqa: E731
    directions = [np.sin(x) for x in leaves]
    on_tensors = hvp(square, tuple(leaves), tuple(directions))
    on_values = hvp(square, tuple(values), tuple([np.asarray(v).astype(object)[()] for v in directions]))
    for t, v in zip(on_tensors, on_values, strict=True):
        same(numbers(v), np.asarray(t), rtol=1e-10)


@settings(max_examples=800, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs())
def test_a_program_gives_the_same_on_both_kinds_of_number(program):
    check(*program)


@pytest.mark.parametrize("reading", [arrays, objects, ops])
def test_a_difference_of_a_billionth_is_found(reading, monkeypatch):
    def off(f):
        return lambda xp, *operands, **settings: f(xp, *operands, **settings) * (1 + 1e-9 if xp is reading else 1.0)

    row = PRIMITIVES["softmax"]
    program = "ag.sum(ag.softmax(x) * ag.sin(x), axis=0)", [np.array([0.5, -1.0, 2.0])]
    check(*program)
    monkeypatch.setattr(ag, "softmax", variant(row, rules=[off(row.rules[0])], forward=off(row.forward)))
    with pytest.raises(AssertionError):
        check(*program)
