"""Arrays against PyTorch: every row of the table, and every function composed of rows, over drawn shapes, axes and places.

A case is a function with its settings, and operands. On each the value, the gradient (by ``backward`` and by ``vjp``) and a
Hessian-vector product must be PyTorch's, on Tensors and, if the operands are few, on arrays of Values. How many cases were
drawn is counted, and the count is a test too.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import autograd as ag
from autograd import PRIMITIVES, Tensor, Value, arrays, hvp, objects, ops, scalar, vjp

from .rows import OURS, ROWS, torchs, variant

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

CASES = 150  # of each function
ON_VALUES = 10  # at least so many of them
FEW = 9  # numbers in all operands, with which a case is tried on Values as well


# -- a case, and how it is held against PyTorch ------------------------------------------------------------------------------


@dataclass
class Case:
    """``ours`` and ``theirs`` take the operands as nodes and as PyTorch's tensors, and give one array or a list of them."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    operands: list[Any]
    rng: np.random.Generator
    values: bool = True  # whether it may be tried on Values
    rtol: float = 1e-10


@dataclass
class Count:
    """Of cases that agreed."""

    on_tensors: int = 0  # and had numbers to compare
    on_values: int = 0
    empty: int = 0  # arrays without elements, which agree in their shapes

    def agree(self, case):
        """Hold ``case`` against PyTorch, and count it."""
        oracle = Oracle(case)
        on_tensors(case, oracle)
        sizes = [np.size(x) for x in case.operands]
        if any(sizes) or oracle.size:
            self.on_tensors += 1
        else:
            self.empty += 1
        if case.values and oracle.size and all(sizes) and sum(sizes) <= FEW:
            on_values(case, oracle)
            self.on_values += 1


class Oracle:
    """What PyTorch gives: values, the gradient for cotangents ``g``, and a Hessian-vector product along ``v`` of the sum of
    ``z (g + h z)``, which is not linear even if the function is."""

    def __init__(self, case):
        random = lambda shape: reals(case.rng, shape)  # noqa: E731
        xs = [torch.tensor(x, requires_grad=True) for x in case.operands]
        self.z = parts(case.theirs(*xs))
        self.g, self.h = ([random(tuple(z.shape)) for z in self.z] for _ in range(2))
        self.v = [random(np.shape(x)) for x in case.operands]
        g, h, v = ([torch.tensor(x) for x in some] for some in (self.g, self.h, self.v))
        self.gradient = slopes(sum((c * z).sum() for z, c in zip(self.z, g)), xs)
        curved = slopes(sum((z * (c + d * z)).sum() for z, c, d in zip(self.z, g, h)), xs)
        self.product = slopes(sum((c * d).sum() for c, d in zip(curved, v)), xs)
        self.size = sum(z.numel() for z in self.z)


def slopes(y, xs):
    """PyTorch's derivatives of ``y``, which it does not know to be 0 where nothing leads from ``xs`` to ``y``."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in xs]
    return torch.autograd.grad(y, xs, create_graph=True, materialize_grads=True)


def on_tensors(case, oracle):
    nodes = [Tensor(x) for x in case.operands]
    results = parts(case.ours(*nodes))
    same("value", [numbers(z) for z in results], oracle.z, case.rtol)
    for z, g in zip(results, oracle.g, strict=True):
        if isinstance(z, Tensor):
            z.backward(g)
        elif z.size:  # an array of Values
            ag.sum(z * g).backward()
    same("gradient by backward", [x.grad for x in nodes], oracle.gradient, case.rtol)

    z, pull = vjp(case.ours, *case.operands)
    pulled = pull(oracle.g if isinstance(z, list) else oracle.g[0].astype(getattr(z, "dtype", float)))
    same("gradient by vjp", pulled if len(nodes) > 1 else [pulled], oracle.gradient, case.rtol)
    same("hvp", hvp(summed(case, oracle), tuple(case.operands), tuple(oracle.v)), oracle.product, case.rtol)


def on_values(case, oracle):
    nodes = [as_values(x) for x in case.operands]
    results = parts(case.ours(*nodes))
    same("value on Values", [numbers(z) for z in results], oracle.z, case.rtol)
    total = ag.add_n(*[ag.sum(z * g[()]) for z, g in zip(results, oracle.g, strict=True)])
    if not isinstance(total, ag.Node):  # nothing leads there, say from what lies between the strides of a window
        nothing = [np.zeros_like(x) for x in case.operands]
        same("gradient on Values", nothing, oracle.gradient, case.rtol)
        same("hvp on Values", nothing, oracle.product, case.rtol)
        return
    total.backward()
    same("gradient on Values", [numbers(x, "grad") for x in nodes], oracle.gradient, case.rtol)
    products = hvp(summed(case, oracle), tuple(nodes), tuple([v.astype(object)[()] for v in oracle.v]))
    same("hvp on Values", [numbers(x) for x in products], oracle.product, case.rtol)


def summed(case, oracle):
    def number(*xs):
        terms = zip(parts(case.ours(*xs)), oracle.g, oracle.h, strict=True)
        return ag.add_n(*[ag.sum(z * (g[()] + h[()] * z)) for z, g, h in terms])

    return number


def same(what, ours, theirs, rtol):
    for i, (x, t) in enumerate(zip(ours, theirs, strict=True)):
        x, t = np.asarray(x), t.detach().numpy()
        assert x.shape == t.shape, f"{what} {i}"
        scale = np.maximum(1.0, np.abs(t).max(initial=0.0))  # where terms cancel, the last digits of the terms are left
        assert (np.abs(x - t) <= rtol * np.abs(t) + 1e-3 * rtol * scale).all(), f"{what} {i}: {x} is not {t}"


def parts(z):
    return list(z) if isinstance(z, list | tuple) else [z]


def as_values(x):
    return np.frompyfunc(Value, 1, 1)(x)


def numbers(z, what="data"):
    """The numbers (or gradients) of a Tensor, of a Value or of an array of Values."""
    if isinstance(z, Tensor):
        return z.data
    z = np.asarray(z, object)
    return np.array([getattr(x, what) if isinstance(x, Value) else float(x) for x in z.ravel()]).reshape(z.shape)


# -- drawing -----------------------------------------------------------------------------------------------------------------

STRATEGIES = {}  # by the name of the function: of cases


def drawn_by(*names):
    """Enter a builder, ``(draw, rng, name) -> (ours, theirs, operands)``, maybe followed by more fields of the Case."""

    def enter(build):
        for name in names:
            assert name not in STRATEGIES
            STRATEGIES[name] = cases(build, name)
        return build

    return enter


@st.composite
def cases(draw, build, name):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ours, theirs, operands, *rest = build(draw, rng, name)
    constants = {i: operands[i] for i in draw(st.just(()) | places_of(operands))}
    operands = [x for i, x in enumerate(operands) if i not in constants]
    return Case(filled(ours, constants), filled(theirs, constants, torch.tensor), operands, rng, **dict(*rest))


@st.composite
def places_of(draw, operands):
    """All operands but at least one, to be plain numbers and arrays beside the nodes."""
    kept = draw(st.integers(0, len(operands) - 1))
    return [i for i in range(len(operands)) if i != kept and draw(st.booleans())]


def filled(f, constants, hold=lambda x: x[()]):
    """``f`` with operands in their places already, given those that are left."""
    if not constants:
        return f
    held = {i: hold(x) for i, x in constants.items()}

    def of(*xs):
        left = iter(xs)
        return f(*[held[i] if i in held else next(left) for i in range(len(xs) + len(held))])

    return of


def shapes(least=0, most=4, shortest=0, longest=3):
    lengths = [n for n in (2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 0) if shortest <= n <= longest]
    return st.integers(least, most).flatmap(lambda n: st.tuples(*[st.sampled_from(lengths)] * n))


def broadcastable(n=None, most=4, signature=None):
    number = {"signature": signature} if signature else {"num_shapes": n}
    shortest = st.sampled_from([1, 1, 1, 1, 1, 0])
    several = shortest.flatmap(lambda m: npst.mutually_broadcastable_shapes(**number, max_dims=most, min_side=m, max_side=3))
    return several.map(lambda shapes: shapes.input_shapes)


def reals(rng, shape):
    """Numbers from 0.3 to 2 and from -2 to -0.3: no two alike, and none near a kink at 0."""
    return np.asarray(rng.uniform(0.3, 2.0, shape) * rng.choice([-1.0, 1.0], shape))


def within(rng, domain, shape):
    low, high = np.moveaxis(np.array(domain.intervals)[rng.integers(len(domain.intervals), size=shape)], -1, 0)
    return np.asarray(low + (high - low) * rng.random(shape))


def one_of(draw, *choices):
    return draw(st.sampled_from(choices))


def axis_of(draw, n, least=0):
    """None, one axis or several, counted from either end."""
    several = npst.valid_tuple_axes(n, min_size=least)
    return draw(st.none() | several | st.integers(-n, n - 1) if n else st.none() | several)


def several(axis, n):
    return range(n) if axis is None else [i % n for i in (axis if isinstance(axis, tuple) else (axis,))]


def split_by(axis, n):
    lost = several(axis, n)
    return [i for i in range(n) if i not in lost], sorted(lost)


def along(reduce):
    """A function of PyTorch that reduces the last axis, for any axes."""

    def of(a, axis=None, keepdims=False, **rest):
        kept, lost = split_by(axis, a.ndim)
        z = reduce(
            a.permute((*kept, *lost)).reshape([a.shape[i] for i in kept] + [math.prod([a.shape[i] for i in lost])]), **rest
        )
        return z.reshape([1 if i in lost else n for i, n in enumerate(a.shape)]) if keepdims else z

    return of


def along_and_back(function):
    """A function of PyTorch that works along the last axis and keeps it, for any axes."""

    def of(a, axis=-1):
        kept, lost = split_by(axis, a.ndim)
        turned = a.permute((*kept, *lost))
        z = function(turned.reshape([*turned.shape[: len(kept)], math.prod(turned.shape[len(kept) :])]))
        return z.reshape(turned.shape).permute(tuple(np.argsort([*kept, *lost]).tolist()))

    return of


# -- elementwise rows --------------------------------------------------------------------------------------------------------


@drawn_by(*[row.name for row in ROWS])
def elementwise(draw, rng, name):
    row, theirs = PRIMITIVES[name], torchs(torch)[name]
    n = draw(st.integers(1, 5)) if row.variadic else len(row.rules)
    domains = row.domain * n if row.variadic else row.domain
    drawn_shapes = draw(broadcastable(n)) if n > 1 else [draw(shapes())]
    operands = [within(rng, domain, shape) for domain, shape in zip(domains, drawn_shapes)]
    if row.forward.__defaults__ and draw(st.booleans()):
        (default,) = row.forward.__defaults__
        return row.call, lambda x: theirs(x, torch.tensor(default, dtype=x.dtype)), operands[:1]
    if name == "pow" and draw(st.booleans()):  # of any base
        k = draw(st.integers(-2, 4))
        return lambda x: x**k, lambda x: x**k, [reals(rng, operands[0].shape)]
    if name == "where" and draw(st.booleans()):  # a condition of booleans
        condition = operands[0] != 0
        return lambda x, y: ops.where(condition, x, y), lambda x, y: theirs(torch.tensor(condition), x, y), operands[1:]
    return row.call, theirs, operands


# -- reductions --------------------------------------------------------------------------------------------------------------

REDUCTIONS = {  # with how few elements a result is made of
    "sum": (lambda a: a.sum(-1), 0), "mean": (lambda a: a.mean(-1), 1), "prod": (lambda a: a.prod(-1), 0),
    "max": (lambda a: a.amax(-1), 1), "min": (lambda a: a.amin(-1), 1), "logsumexp": (lambda a: a.logsumexp(-1), 1),
    "l2_norm": (lambda a: torch.linalg.vector_norm(a, dim=-1), 1),
    "var": (lambda a, ddof: a.var(-1, correction=ddof), 2), "std": (lambda a, ddof: a.std(-1, correction=ddof), 2),
    "norm": (lambda a, ord: torch.linalg.vector_norm(a, ord, -1), 1),
}  # fmt: skip


def reducible(draw, rng, fewest):
    """An array and axes along which it has at least ``fewest`` elements."""
    shape = list(draw(shapes(least=fewest > 1, shortest=fewest > 1)))
    axis = axis_of(draw, len(shape), least=fewest > 1)
    if math.prod([shape[i] for i in several(axis, len(shape))]) < fewest:
        for i in several(axis, len(shape)):
            shape[i] = max(shape[i], fewest)
    return reals(rng, shape), axis


@drawn_by(*[name for name in REDUCTIONS if name != "norm"])
def reduction(draw, rng, name):
    theirs, fewest = REDUCTIONS[name]
    a, axis = reducible(draw, rng, fewest)
    rest = {"ddof": draw(st.integers(0, 1))} if name in ("var", "std") else {}
    tied = name in ("max", "min") and draw(st.booleans())
    if tied:
        a = np.sign(a)
    if name == "prod" and draw(st.booleans()):
        a = a * (rng.random(a.shape) < 0.6)
    given = {"axis": axis, "keepdims": draw(st.booleans()), **rest}
    ours = getattr(ops, name, None) or PRIMITIVES[name].call
    return lambda a: ours(a, **given), lambda a: along(theirs)(a, **given), [a]


@drawn_by("norm")
def norm(draw, rng, name):
    a, axis = reducible(draw, rng, 1)
    ord = one_of(draw, None, "fro", 2, 1, 1.5, 3, -1, np.inf, -np.inf)
    if (isinstance(axis, tuple) and len(axis) != 1) or (axis is None and a.ndim != 1):
        ord = one_of(draw, None, "fro")
    given = {"axis": axis, "keepdims": draw(st.booleans())}
    p = 2 if ord in (None, "fro") else ord
    return lambda a: ops.norm(a, ord, **given), lambda a: along(REDUCTIONS[name][0])(a, ord=p, **given), [a]


@drawn_by("cumsum")
def cumsum(draw, rng, name):
    shape = draw(shapes())
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1)) if shape else None
    theirs = lambda a: a.reshape(-1).cumsum(0) if axis is None else a.cumsum(axis)  # noqa: E731
    return lambda a: ops.cumsum(a, axis), theirs, [reals(rng, shape)]


@drawn_by("softmax", "log_softmax")
def softmax(draw, rng, name):
    a, axis = reducible(draw, rng, 1)
    theirs = along_and_back(lambda a: getattr(torch, name)(a, -1))
    return lambda a: getattr(ops, name)(a, axis), lambda a: theirs(a, axis), [a]


@drawn_by("cross_entropy")
def cross_entropy(draw, rng, name):
    shape = draw(shapes(least=1, most=3))
    shape = (*shape[:-1], max(shape[-1], 1))
    labels = rng.integers(shape[-1], size=shape[:-1])

    def theirs(a):
        rows = a.reshape(labels.size, shape[-1])
        return torch.nn.functional.cross_entropy(rows, torch.tensor(labels.reshape(-1)), reduction="none").reshape(labels.shape)

    return lambda a: ops.cross_entropy(a, labels), theirs, [reals(rng, shape)]


# -- shapes ------------------------------------------------------------------------------------------------------------------


@drawn_by("reshape")
def reshape(draw, rng, name):
    shape = draw(shapes())
    new = list(draw(st.permutations(shape)))
    if len(new) > 1 and draw(st.booleans()):
        new[:2] = [math.prod(new[:2])]
    if draw(st.booleans()):
        new.insert(draw(st.integers(0, len(new))), 1)
    if new and all(new) and draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
    to = new[0] if len(new) == 1 else tuple(new)
    return lambda a: ops.reshape(a, to), lambda a: a.reshape(new), [reals(rng, shape)]


@drawn_by("ravel")
def ravel(draw, rng, name):
    return ops.ravel, torch.ravel, [reals(rng, draw(shapes()))]


@drawn_by("transpose")
def transpose(draw, rng, name):
    shape = draw(shapes())
    n = len(shape)
    axes = draw(st.none() | st.permutations(range(n)).map(tuple))
    theirs = tuple(reversed(range(n))) if axes is None else axes
    if axes and draw(st.booleans()):
        axes = tuple([i - n for i in axes])
    return lambda a: ops.transpose(a, axes), lambda a: a.permute(theirs), [reals(rng, shape)]


@drawn_by("swapaxes")
def swapaxes(draw, rng, name):
    shape = draw(shapes(least=1))
    i, j = (draw(st.integers(-len(shape), len(shape) - 1)) for _ in range(2))
    return lambda a: ops.swapaxes(a, i, j), lambda a: a.swapaxes(i, j), [reals(rng, shape)]


@drawn_by("moveaxis")
def moveaxis(draw, rng, name):
    shape = draw(shapes(least=1))
    n = len(shape)
    if draw(st.booleans()):
        source, to = (draw(st.integers(-n, n - 1)) for _ in range(2))
    else:
        count = draw(st.integers(0, n))
        source, to = (tuple(draw(st.permutations(range(n))))[:count] for _ in range(2))
    return lambda a: ops.moveaxis(a, source, to), lambda a: torch.moveaxis(a, source, to), [reals(rng, shape)]


@drawn_by("expand_dims")
def expand_dims(draw, rng, name):
    shape = draw(shapes(most=3))
    n = len(shape)
    if draw(st.booleans()):
        axis = draw(st.integers(-n - 1, n))
        return lambda a: ops.expand_dims(a, axis), lambda a: a.unsqueeze(axis), [reals(rng, shape)]
    axes = draw(npst.valid_tuple_axes(n + 2, min_size=2, max_size=2))

    def theirs(a):
        for i in sorted([i % (n + 2) for i in axes]):
            a = a.unsqueeze(i)
        return a

    return lambda a: ops.expand_dims(a, axes), theirs, [reals(rng, shape)]


@drawn_by("squeeze")
def squeeze(draw, rng, name):
    shape = draw(shapes(longest=2))
    of_1 = [i - len(shape) * draw(st.booleans()) for i, n in enumerate(shape) if n == 1]
    axis = draw(st.none() | st.lists(st.sampled_from(of_1), unique=True).map(tuple)) if of_1 else None
    if axis and draw(st.booleans()):
        axis = axis[0]
    theirs = lambda a: a.squeeze() if axis is None else a.squeeze(axis)  # noqa: E731
    return lambda a: ops.squeeze(a, axis), theirs, [reals(rng, shape)]


@drawn_by("flip")
def flip(draw, rng, name):
    shape = draw(shapes())
    axis = axis_of(draw, len(shape))
    return lambda a: ops.flip(a, axis), lambda a: a.flip(list(several(axis, len(shape)))), [reals(rng, shape)]


@drawn_by("broadcast_to")
def broadcast_to(draw, rng, name):
    shape, beside = draw(broadcastable(2, most=3))
    to = np.broadcast_shapes(shape, beside)
    return lambda a: ops.broadcast_to(a, to), lambda a: a.broadcast_to(to), [reals(rng, shape)]


@drawn_by("astype")
def astype(draw, rng, name):
    dtype = one_of(draw, "float64", "float32", np.float32)
    theirs = getattr(torch, np.dtype(dtype).name)
    narrow = theirs is torch.float32  # with the digits of float32; a Value has always those of float64
    numbers = reals(rng, draw(shapes()))
    return (
        lambda a: ops.astype(a, dtype),
        lambda a: a.to(theirs),
        [numbers],
        {"values": not narrow, "rtol": 1e-6 if narrow else 1e-10},
    )


def key_of(draw, shape):
    """A key of slices and places, of whole numbers, of booleans, or of slices beside whole numbers."""
    kind = one_of(draw, "basic", "whole", "boolean", "mixed") if shape and all(shape) else "basic"
    if kind == "basic":
        return draw(npst.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    covered = shape[: draw(st.integers(1, len(shape)))]
    if kind == "boolean":
        return draw(npst.arrays(bool, covered))
    if kind == "whole":
        key = draw(npst.integer_array_indices(covered, result_shape=npst.array_shapes(max_dims=2, min_side=0, max_side=3)))
        as_list = len(key) == 1 and key[0].ndim == 1 and key[0].size and draw(st.booleans())
        return key[0].tolist() if as_list else key
    length = draw(st.integers(0, 3))
    slices = slice(None), slice(None, None, -1), slice(0, 1)
    return tuple([one_of(draw, *slices, -1, draw(npst.arrays(int, length, elements=st.integers(-n, n - 1)))) for n in covered])


def place_of(key, shape):
    """Where the elements that ``key`` names lie among all, by NumPy."""
    return torch.tensor(np.array(np.arange(math.prod(shape)).reshape(shape)[key]))


@drawn_by("index")
def index(draw, rng, name):
    shape = draw(shapes())
    key = key_of(draw, shape)
    there = place_of(key, shape)
    by_brackets = shape and draw(st.booleans())  # a Value takes none
    return lambda a: a[key] if by_brackets else ops.index(a, key), lambda a: a.reshape(-1)[there], [reals(rng, shape)]


@drawn_by("scatter_add")
def scatter_add(draw, rng, name):
    shape = draw(shapes())
    key = key_of(draw, shape)
    there = place_of(key, shape)

    def theirs(a):
        total = torch.zeros(math.prod(shape), dtype=a.dtype).index_add(
            0, there.reshape(-1), a.broadcast_to(there.shape).reshape(-1)
        )
        return total.reshape(shape)

    given = there.shape if draw(st.booleans()) else there.shape[1:]
    return lambda a: ops.scatter_add(a, key, shape), theirs, [reals(rng, given)]


@drawn_by("take")
def take(draw, rng, name):
    shape = draw(shapes(least=1, shortest=1, most=3))
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    n = math.prod(shape) if axis is None else shape[axis]
    places = draw(npst.arrays(int, shapes(most=2), elements=st.integers(-n, n - 1)))
    given = places.tolist() if places.size and draw(st.booleans()) else places
    before = 0 if axis is None else axis % len(shape)

    def theirs(a):
        a = a.reshape(-1) if axis is None else a
        z = a.index_select(before, torch.tensor(places.reshape(-1) % n))
        return z.reshape([*a.shape[:before], *places.shape, *a.shape[before + 1 :]])

    return lambda a: ops.take(a, given, axis), theirs, [reals(rng, shape)]


def joinable(draw, rng):
    shape = draw(shapes(least=1, most=3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    parts = [list(shape) for _ in range(draw(st.integers(1, 3)))]
    for part in parts:
        part[axis] = draw(st.integers(0, 3))
    return [reals(rng, part) for part in parts], axis


@drawn_by("concatenate_n")
def concatenate_n(draw, rng, name):
    operands, axis = joinable(draw, rng)
    call = PRIMITIVES[name].call
    return lambda *xs: call(*xs, axis=axis), lambda *xs: torch.concatenate(xs, axis), operands


@drawn_by("concatenate")
def concatenate(draw, rng, name):
    if draw(st.booleans()):
        operands, axis = joinable(draw, rng)
        return lambda *xs: ops.concatenate(xs, axis), lambda *xs: torch.concatenate(xs, axis), operands
    operands = [reals(rng, draw(shapes(most=2))) for _ in range(draw(st.integers(1, 3)))]
    return lambda *xs: ops.concatenate(list(xs), None), lambda *xs: torch.concatenate([x.reshape(-1) for x in xs]), operands


@drawn_by("stack")
def stack(draw, rng, name):
    shape = draw(shapes(most=3))
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    operands = [reals(rng, shape) for _ in range(draw(st.integers(1, 3)))]
    return lambda *xs: ops.stack(xs, axis), lambda *xs: torch.stack(xs, axis), operands


@drawn_by("split")
def split(draw, rng, name):
    shape = draw(shapes(least=1, most=3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    if draw(st.booleans()):
        sections = one_of(draw, *[k for k in (1, 2, 3) if shape[axis] % k == 0])
    else:
        sections = sorted(draw(st.lists(st.integers(0, 4), max_size=3)))
    return lambda a: ops.split(a, sections, axis), lambda a: torch.tensor_split(a, sections, axis), [reals(rng, shape)]


@drawn_by("pad_constant", "pad")
def pad(draw, rng, name):
    shape = draw(shapes(least=1, most=3))
    widths = tuple([tuple([draw(st.integers(0, 3)) for _ in range(2)]) for _ in shape])
    mode = one_of(draw, "constant", "edge", "reflect", "symmetric", "wrap") if name == "pad" and all(shape) else "constant"
    if mode != "constant":
        there = torch.tensor(np.pad(np.arange(math.prod(shape)).reshape(shape), widths, mode=mode))
        return lambda a: ops.pad(a, widths, mode), lambda a: a.reshape(-1)[there], [reals(rng, shape)]
    value = one_of(draw, 0.0, 1.5)
    flat = [width for pair in reversed(widths) for width in pair]
    call = (
        PRIMITIVES[name].call if name == "pad_constant" else lambda a, widths, value: ops.pad(a, widths, constant_values=value)
    )
    return lambda a: call(a, widths, value), lambda a: torch.nn.functional.pad(a, flat, value=value), [reals(rng, shape)]


@drawn_by("diagonal", "diag", "trace")
def diagonals(draw, rng, name):
    shape = draw(shapes(least=1 if name == "diag" else 2, most=2))
    offset = draw(st.integers(-3, 3))
    theirs = {"diag": torch.diag, "diagonal": torch.diagonal, "trace": lambda a, k: torch.diagonal(a, k).sum()}[name]
    return lambda a: getattr(ops, name)(a, offset), lambda a: theirs(a, offset), [reals(rng, shape)]


# -- products ----------------------------------------------------------------------------------------------------------------


@drawn_by("matmul")
def matmul(draw, rng, name):
    by_operator = draw(st.booleans())
    ours = (lambda a, b: a @ b) if by_operator else ops.matmul
    return ours, torch.matmul, [reals(rng, shape) for shape in draw(broadcastable(most=2, signature=np.matmul.signature))]


@drawn_by("linear")
def linear(draw, rng, name):
    *batch, n_in, n_out = draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)))
    batch = batch[: draw(st.integers(0, 2))]
    weight = draw(st.sampled_from([(n_in, n_out), (n_in,)]))
    operands = [reals(rng, (*batch, n_in)), reals(rng, weight), reals(rng, weight[1:] or (1,) * len(batch[:1]))]
    return ops.linear, lambda x, w, b: x @ w + b, operands


@drawn_by("dot")
def dot(draw, rng, name):
    a, b = draw(shapes(most=3)), list(draw(shapes(most=3)))
    if a and b:
        b[max(len(b) - 2, 0)] = a[-1]

    def theirs(a, b):
        if a.ndim == 0 or b.ndim == 0:
            return a * b
        return torch.tensordot(a, b, ([-1], [max(b.ndim - 2, 0)]))

    return ops.dot, theirs, [reals(rng, a), reals(rng, b)]


@drawn_by("inner")
def inner(draw, rng, name):
    a, b = draw(shapes(most=3)), draw(shapes(most=3))
    if a and b:
        b = (*b[:-1], a[-1])
    return ops.inner, torch.inner, [reals(rng, a), reals(rng, b)]


@drawn_by("outer")
def outer(draw, rng, name):
    operands = [reals(rng, draw(shapes(most=2))) for _ in range(2)]
    return ops.outer, lambda a, b: torch.outer(a.reshape(-1), b.reshape(-1)), operands


@drawn_by("tensordot")
def tensordot(draw, rng, name):
    a, b = list(draw(shapes(most=3))), list(draw(shapes(most=3)))
    n = draw(st.integers(0, min(len(a), len(b))))
    if draw(st.booleans()):
        a[len(a) - n :] = b[:n]
        axes = n
    else:
        axes = [list(draw(st.permutations(range(len(x)))))[:n] for x in (a, b)]
        for i, j in zip(*axes):
            b[j] = a[i]
        axes = [[i - len(x) * draw(st.booleans()) for i in some] for x, some in zip((a, b), axes)]
    return lambda a, b: ops.tensordot(a, b, axes), lambda a, b: torch.tensordot(a, b, axes), [reals(rng, a), reals(rng, b)]


@drawn_by("einsum_n", "einsum")
def einsum(draw, rng, name):
    """Any letters: for the row each once in an operand, and for the function also diagonals, ``...``, and no ``->``."""
    public = name == "einsum"
    lengths = dict(zip("abcd", draw(st.tuples(*[st.integers(0 if draw(st.booleans()) else 1, 3)] * 4))))
    n = draw(st.integers(1, 3))
    dots = draw(broadcastable(n, most=2)) if public and draw(st.booleans()) else [None] * n
    terms, operands = [], []
    for dot in dots:
        letters = draw(st.lists(st.sampled_from("abcd"), max_size=3, unique=not public))
        term = "".join(letters)
        shape = [lengths[letter] for letter in letters]
        if dot is not None:
            at = draw(st.integers(0, len(term)))
            term = term[:at] + "..." + term[at:]
            shape[at:at] = dot
        terms.append(term)
        operands.append(reals(rng, shape))
    used = sorted(set("".join(terms)) - {"."})
    out = "".join(draw(st.permutations(used))[: draw(st.integers(0, len(used)))])
    if dots[0] is not None:
        at = draw(st.integers(0, len(out)))
        out = out[:at] + "..." + out[at:]
    spec = ",".join(terms) + ("" if public and draw(st.booleans()) else "->" + out)
    ours = (lambda *xs: ops.einsum(spec, *xs)) if public else (lambda *xs: PRIMITIVES[name].call(*xs, subscripts=spec))
    return ours, lambda *xs: torch.einsum(spec, *xs), operands


# -- windows -----------------------------------------------------------------------------------------------------------------


def sliding(draw, n, margins=(0, 0, 0)):
    """Lengths, sizes of windows that fit into them with margins, and strides."""
    outer = [draw(st.integers(1, 5 if n == 1 else 4)) for _ in range(n)]
    size = [draw(st.integers(1, k + 2 * m)) for k, m in zip(outer, margins)]
    return outer, tuple(size), tuple([draw(st.integers(1, 3)) for _ in range(n)])


@drawn_by("windows")
def windows(draw, rng, name):
    outer, size, stride = sliding(draw, draw(st.integers(1, 3)))

    def theirs(a):
        for k, s in zip(size, stride):
            a = a.unfold(a.ndim - len(size), k, s)
        return a

    return lambda a: ops.windows(a, size, stride), theirs, [reals(rng, (*draw(shapes(most=2)), *outer))]


@drawn_by("overlap_add")
def overlap_add(draw, rng, name):
    outer, size, stride = sliding(draw, draw(st.integers(1, 3)))
    there = np.arange(math.prod(outer)).reshape(outer)
    there = np.lib.stride_tricks.sliding_window_view(there, size)[tuple([slice(None, None, s) for s in stride])]
    before = draw(shapes(most=2))
    flat = torch.tensor(there.reshape(-1))

    def theirs(a):
        total = torch.zeros(math.prod(before), math.prod(outer), dtype=a.dtype)
        return total.index_add(1, flat, a.reshape(math.prod(before), len(flat))).reshape(*before, *outer)

    return lambda a: ops.overlap_add(a, tuple(outer), stride), theirs, [reals(rng, (*before, *there.shape))]


@drawn_by("convolve", "conv1d", "conv2d")
def convolution(draw, rng, name):
    n = {"conv1d": 1, "conv2d": 2}.get(name) or draw(st.integers(1, 2))
    padding = [0] * n if name == "convolve" else [draw(st.integers(0, 2)) for _ in range(n)]
    same = name != "convolve" and draw(st.booleans())  # one number for all axes
    outer, size, stride = sliding(draw, n, padding[:1] * n if same else padding)
    batch, channels, out = (draw(st.integers(1, 2)) for _ in range(3))
    operands = [reals(rng, (batch, channels, *outer)), reals(rng, (out, channels, *size))]
    function = getattr(torch.nn.functional, f"conv{n}d")
    if name == "convolve":
        return lambda x, w: ops.convolve(x, w, stride), lambda x, w: function(x, w, stride=stride), operands
    if draw(st.booleans()):
        operands.append(reals(rng, out))
    given = {"stride": stride[0], "padding": padding[0]} if same else {"stride": stride, "padding": tuple(padding)}
    return lambda *xs: getattr(ops, name)(*xs, **given), lambda *xs: function(*xs, **given), operands


@drawn_by("max_pool", "avg_pool")
def pool(draw, rng, name):
    n = draw(st.integers(1, 2))
    outer, size, stride = sliding(draw, n)
    function = getattr(torch.nn.functional, f"{name}{n}d")
    before = draw(shapes(most=3, shortest=1, longest=2))
    if draw(st.booleans()):
        stride = None
    given = size[0] if n == 1 and draw(st.booleans()) else size

    def theirs(a):
        z = function(a.reshape(1, math.prod(before), *outer), size, stride)
        return z.reshape(*before, *z.shape[2:])

    return lambda a: getattr(ops, name)(a, given, stride), theirs, [reals(rng, (*before, *outer))]


# -- rows of another kind ----------------------------------------------------------------------------------------------------


@drawn_by("element")
def element(draw, rng, name):
    """Tensors to Values."""
    ours = lambda a: a.values() if isinstance(a, Tensor) else Tensor.of(a).values()  # noqa: E731
    return ours, torch.clone, [reals(rng, draw(shapes(shortest=1, most=3, longest=2)))]


@drawn_by("together")
def together(draw, rng, name):
    """Values to Tensors."""
    ours = lambda a: Tensor.of(a.values() if isinstance(a, Tensor) else a)  # noqa: E731
    return ours, torch.clone, [reals(rng, draw(shapes(shortest=1, most=3, longest=2)))]


@drawn_by("checkpoint")
def checkpoint(draw, rng, name):
    def inside(xp):
        return lambda x, y: xp.tanh(x * y) + xp.exp(x) * y

    theirs = torch.utils.checkpoint.checkpoint
    operands = [reals(rng, shape) for shape in draw(broadcastable(2, most=2))]
    return ag.checkpoint(inside(ag)), lambda x, y: theirs(inside(torch), x, y, use_reentrant=False), operands


# -- functions whose results are plain numbers -------------------------------------------------------------------------------

PLAIN = {
    "shape": lambda a: tuple(a.shape), "ndim": lambda a: a.ndim, "size": torch.numel, "ones_like": torch.ones_like,
    "argmax": torch.argmax, "argmin": torch.argmin,
}  # fmt: skip


@st.composite
def plain_cases(draw, name):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    along = name.startswith("arg")
    shape = draw(shapes(shortest=along))
    axes = [draw(st.none() | st.integers(-len(shape), len(shape) - 1))] if along and shape else []
    values = name != "ones_like"  # of floats
    return Case(lambda a: getattr(ops, name)(a, *axes), lambda a: PLAIN[name](a, *axes), [reals(rng, shape)], rng, values)


# -- the tests ---------------------------------------------------------------------------------------------------------------


def drawn(name, strategy, examples):
    """Decorator: call the function with so many draws, which are always the same."""
    alike = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}
    return lambda check: seed(crc32(name.encode()))(settings(max_examples=examples, **alike)(given(strategy)(check)))()


@cache
def count_of(name):
    """How many cases of a function were drawn and agreed; an AssertionError if one did not."""
    count = Count()
    drawn(name, STRATEGIES[name], CASES)(lambda case: count.agree(case))
    return count


def test_every_row_and_every_function_is_held_against_torch():
    assert STRATEGIES.keys() | PLAIN.keys() == {row.name for row in OURS} | set(ops.__all__)
    assert not STRATEGIES.keys() & PLAIN.keys()


@pytest.mark.parametrize("name", STRATEGIES)
def test_torch_agrees_on_value_gradient_and_hvp_of(name):
    count = count_of(name)
    assert count.on_tensors + count.empty >= CASES
    assert count.on_tensors >= CASES // 2
    assert count.on_values >= ON_VALUES


@pytest.mark.parametrize("name", PLAIN)
def test_torch_agrees_on_the_plain_numbers_of(name):
    @drawn(name, plain_cases(name), CASES // 2)
    def check(case):
        (a,) = case.operands
        theirs = np.asarray(case.theirs(torch.tensor(a)))
        for ours in (case.ours(Tensor(a)), case.ours(as_values(a)) if case.values and a.size else theirs):
            assert not isinstance(ours, ag.Node)
            assert np.array_equal(ours, theirs)


# -- the harness is tested ---------------------------------------------------------------------------------------------------

FAULTS = {  # in which reading of its rules, and of its forward, a row gives a thousandth too much; and what then disagrees
    "its value": (lambda xp: False, lambda xp: xp is arrays, "value 0"),
    "its scalar code": (lambda xp: False, lambda xp: xp in (objects, scalar), "value on Values"),
    "its derivative": (lambda xp: True, lambda xp: False, "gradient by backward"),
    "the derivative of its derivative": (lambda xp: xp is ops, lambda xp: False, "hvp"),
}
PLANTED = {
    "tanh": (torch.tanh, [(2,)]),
    "matmul": (torch.matmul, [(2, 2), (2,)]),
    "softmax": (lambda a: torch.softmax(a, -1), [(3,)]),
}


def with_fault(row, in_rules, in_forward):
    """The op of a row that is like ``row``, but for a thousandth too much in the readings that are faulty."""

    def wrong(f, faulty):
        return lambda xp, *operands, **settings: f(xp, *operands, **settings) * (1.001 if faulty(xp) else 1.0)

    return variant(row, [wrong(rule, in_rules) for rule in row.rules], wrong(row.forward, in_forward))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", PLANTED)
def test_a_fault_is_found_in(name, fault):
    theirs, shapes = PLANTED[name]
    *readings, found = FAULTS[fault]
    rng = np.random.default_rng(0)
    case = Case(with_fault(PRIMITIVES[name], *readings), theirs, [reals(rng, shape) for shape in shapes], rng)
    with pytest.raises(AssertionError, match=found):
        Count().agree(case)
    Count().agree(dataclasses.replace(case, ours=PRIMITIVES[name].call))


# -- the figure --------------------------------------------------------------------------------------------------------------


def test_ten_thousand_cases_and_more_agree_with_torch(capsys):
    counts = {name: count_of(name) for name in STRATEGIES}  # drawn by now, unless this test runs alone
    on_tensors, on_values, empty = map(sum, zip(*map(dataclasses.astuple, counts.values())))
    shown = [f"{name:>13} {count.on_tensors:>4} {count.on_values:>4}" for name, count in counts.items()]
    with capsys.disabled():
        print(f"\n{on_tensors} cases on Tensors, {on_values} of them on Values too, agree with torch; {empty} more were empty:")
        for i in range(0, len(shown), 5):
            print(*shown[i : i + 5])
    assert on_tensors >= 10_000
    assert on_values >= 2_000
