"""Layouts: regular programs are seen as views and matrix products, in whatever order their parameters come."""

import random
from itertools import pairwise

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compile import layout as module
from autograd.compile.arrays import ArrayProgram
from autograd.compile.canonical import canonical
from autograd.compile.layout import Layout, Pick
from autograd.compile.record import record

from .drafts import random_form
from .test_arrays import check_batch

RNG = np.random.default_rng(0)


def values(*shape):
    return np.vectorize(Value, otypes=[object])(RNG.normal(size=shape) / 2)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def affine(w, x, b):
    return [dot(row, x) + bias for row, bias in zip(w, b)]


class Network:
    """A function of one example in scalars, its parameters, and what the layout of a batch of it is to be."""

    def __init__(self, f, parameters, inputs, products, gathers=(0, 0)):
        self.f, self.inputs, self.products = f, inputs, products
        self.gathers = gathers  # written out, and as a batch
        self.parameters = [x for array in parameters for x in array.flat]


def _recurrent():
    w, u, b = values(5, 3), values(5, 5), values(5)

    def f(xs):
        h = [Value(0.0)] * 5
        for x in xs:
            h = [ag.tanh(dot(wi, x) + dot(ui, h) + bias) for wi, ui, bias in zip(w, u, b)]
        return dot(h, h)

    return Network(f, [w, u, b], (3, 3), {(5, 3), (5, 5)})


def _lstm():
    w, u, b = values(4, 3, 2), values(4, 3, 3), values(4, 3)

    def f(xs):
        h = c = [Value(0.0)] * 3
        for x in xs:
            i, f, o, g = [[dot(wi, x) + dot(ui, h) + bias for wi, ui, bias in zip(w[k], u[k], b[k])] for k in range(4)]
            c = [ag.sigmoid(f) * c + ag.sigmoid(i) * ag.tanh(g) for f, c, i, g in zip(f, c, i, g)]
            h = [ag.sigmoid(o) * ag.tanh(c) for o, c in zip(o, c)]
        return dot(h, h)

    return Network(f, [w, u, b], (3, 2), {(12, 2), (12, 3)})


def _residual():
    w, b, v, d = values(4, 4), values(4), values(4, 4), values(4)

    def f(x):
        x = [x + ag.tanh(z) for x, z in zip(x, affine(w, x, b))]
        x = [x + z for x, z in zip(x, affine(v, [ag.relu(x) for x in x], d))]
        return dot(x, x)

    return Network(f, [w, b, v, d], (4,), {(4, 4)})


def _softmax():
    w, b = values(5, 3), values(5)

    def f(x):
        z = affine(w, x[:3], b)
        m = z[0]
        for other in z[1:]:
            m = ag.maximum(m, other)
        e = [ag.exp(z - m) for z in z]
        s = sum(e)
        return -dot([ag.log(e / s) for e in e], x[3:])

    return Network(f, [w, b], (8,), {(5, 3)})


def _attention():
    q, k, v = values(4, 3), values(4, 3), values(4, 3)

    def f(tokens):
        qs, ks, vs = [[[dot(row, t) for row in w] for t in tokens] for w in (q, k, v)]
        out = 0
        for qi in qs:
            e = [ag.exp(dot(qi, kj) * 0.5) for kj in ks]
            s = sum(e)
            out = out + sum(dot([x / s for x in e], [v[c] for v in vs]) ** 2 for c in range(4))
        return out

    return Network(f, [q, k, v], (6, 3), {(12, 3)}, gathers=(2, 0))  # example, query and key are three directions


def _convolution():
    w, b = values(2, 3, 3), values(2)

    def f(image):
        windows = [(i, j) for i in range(4) for j in range(4)]
        out = [
            ag.relu(sum(w[c, p, q] * image[i + p][j + q] for p in range(3) for q in range(3)) + b[c])
            for c in range(2)
            for i, j in windows
        ]
        return dot(out, out)

    return Network(f, [w, b], (6, 6), {(2, 9)}, gathers=(1, 1))  # the windows overlap in two directions


def _scaled():
    w, b = values(6, 4), values(6)
    scales = RNG.uniform(0.5, 2.0, 6).tolist()

    def f(x):
        z = [ag.tanh(s * dot(row, x) - s * bias + 0.1 * i) for i, (s, row, bias) in enumerate(zip(scales, w, b))]
        return dot(z, z)

    return Network(f, [w, b], (4,), {(6, 4)})


NETWORKS = {make.__name__[1:]: make() for make in (_recurrent, _lstm, _residual, _softmax, _attention, _convolution, _scaled)}


def form_of(network, n, batch, shuffled):
    """The form of an example, or of the mean of ``n`` written out; the numbers of ``n`` examples, and of the parameters."""
    numbers = np.random.default_rng(1).normal(size=(n, *network.inputs))
    inputs = np.vectorize(Value, otypes=[object])(numbers)
    root = network.f(inputs[0]) if batch else sum(network.f(x) for x in inputs) * (1.0 / n)
    parameters = random.Random(2).sample(network.parameters, len(network.parameters)) if shuffled else network.parameters
    form = canonical(record([root], [*(inputs[0] if batch else inputs).flat], parameters), batch)
    return form, numbers.reshape(n, -1) if batch else numbers.reshape(1, -1), np.array([x.data for x in parameters])


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("batch", [False, True], ids=["written out", "batch"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_network_in_scalars_is_seen_as_matrix_products_of_views(network, batch, shuffled):
    form, arguments, parameters = form_of(network, 7, batch, shuffled)
    layout = Layout(form)
    blocks = [block for group in layout.groups for block in group.blocks if block.is_product and block.columns > 1]
    assert network.products <= {(block.columns, block.left.shape[2]) for block in blocks}
    assert layout.copies == network.gathers[batch]
    if batch:
        check_batch(form, arguments, parameters)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_batch_of_one_gives_what_values_give_too(network):
    form, arguments, parameters = form_of(network, 1, True, True)
    check_batch(form, arguments, parameters)


@pytest.mark.parametrize("seed", range(3))
def test_each_number_has_a_place_of_its_own(seed):
    form = random_form(np.random.default_rng(seed), 100)
    layout = Layout(form)
    for tape in (0, 1):
        places = layout.place[form.batched == bool(tape)]
        assert sorted(places) == list(range(layout.lengths[tape]))
    assert sorted(layout.arguments) == [0, 1, 2]
    assert sorted(layout.parameters) == [0, 1, 2, 3, 4]


def test_terms_of_one_sum_that_differ_from_example_to_example_where_another_does_not_stay_apart():
    x, y = Value(0.3), Value(-0.8)
    a, b = Value(0.7), Value(-1.2)
    u, v = ag.sin(a), ag.tanh(ag.exp(b))  # of two levels, the same for all examples
    p, q = x * u + v * ag.sin(v), x * ag.sin(v) + v * u
    r, s = x * u + v * ag.exp(ag.sin(v)), x * ag.exp(ag.sin(v)) + v * u
    form = canonical(record([ag.sin(p) * ag.tanh(q) + ag.sin(r) * ag.tanh(s) + y], [x, y], [a, b]), True)
    check_batch(form, np.random.default_rng(0).normal(size=(3, 2)), np.array([0.7, -1.2]))


def test_factors_whose_columns_share_one_are_seen_apart_and_lie_the_same_every_time():
    p = values(13)
    rows, columns = np.vectorize(ag.exp, otypes=[object])(p[5:]).reshape(4, 2), [[(2.0 + j) * p[0], p[1 + j]] for j in range(4)]
    z = [ag.tanh(dot(row, column)) for row in rows for column in columns]
    form = canonical(record([sum(random.Random(0).sample(z, 16))], [], p))
    layouts = [Layout(form) for _ in range(5)]
    block = next(block for group in layouts[0].groups for block in group.blocks)
    assert (block.left.shape, block.right.shape) == ((4, 1, 2), (1, 4, 2))
    assert len({tuple(layout.place) for layout in layouts}) == 1


@pytest.mark.parametrize(("stride", "dilation"), [(20, 1), (8, 13), (21, 34)])
def test_windows_that_overlap_are_a_view(stride, dilation):
    x = values(7 * stride + 19 * dilation + 1)
    y = [ag.exp(x) for x in x]
    root = sum(ag.sin(y[i * stride + j * dilation]) for i in range(8) for j in range(20))
    assert Layout(canonical(record([root, *y], [], x))).copies == 0


@pytest.mark.parametrize("places", [
    np.arange(12).reshape(2, 3, 2), np.arange(12)[::-1].reshape(2, 3, 2), np.arange(6).reshape(2, 3, 1),
    np.arange(12).reshape(3, 4, 1).transpose(1, 0, 2), np.zeros((2, 2, 1), int), np.array([[[0, 1, 2]], [[1, 2, 3]]]),
    np.array([[[5]]]), np.array([[[3, 8, 13]]]),
])  # fmt: skip
def test_affine_places_are_a_view(places):
    pick = Pick(places, False, True)
    tape = np.arange(100.0, 140.0)
    np.testing.assert_array_equal(pick.view(tape), tape[places])
    np.testing.assert_array_equal(pick.view(tape[2:], 2) if places.min() >= 2 else tape[places], tape[places])
    wide = np.random.default_rng(0).normal(size=(40, 3))
    np.testing.assert_array_equal(pick.view(wide), wide[places])
    assert pick.repeats == (len(set(places.flat)) < places.size)


@pytest.mark.parametrize("places", [[0, 1, 3, 2], [0, 2, 3, 4], [0, 1, 2, 4], [0, 1, 5, 7], [1, 1, 1, 2], [3, 1, 2, 0]])
def test_other_places_are_none(places):
    for shape in ((4, 1, 1), (1, 4, 1), (1, 1, 4), (2, 2, 1), (2, 1, 2), (1, 2, 2)):
        pick = Pick(np.array(places).reshape(shape), False, True)
        steps = [{b - a for a, b in pairwise(places)}, {places[1] - places[0], places[3] - places[2]}]
        if len(steps[max(shape) == 2]) > 1:
            assert pick.strides is None
            assert pick.view(np.zeros(9)) is None
        assert pick.repeats == (len(set(places)) < 4)


def test_only_what_is_all_the_same_is_held_once():
    repeats = np.array([[1, 1, 1], [1, 1, 1]])[..., None]
    for some in (repeats, repeats[:, :1], repeats[:1]):
        assert module._without_repeats(some).shape == (1, 1, 1)
    for odd in ([[1, 2, 1], [1, 2, 1]], [[1, 1, 1], [2, 2, 2], [1, 1, 1]]):
        assert np.broadcast_to(module._without_repeats(np.array(odd)[..., None]), (len(odd), 3, 1))[..., 0].tolist() == odd
    assert module._without_repeats(repeats * [1, 2]).shape == (1, 1, 2)  # terms stay


def test_a_gather_of_inputs_leads_to_another_order_of_inputs_only_if_that_saves_copies():
    network = NETWORKS["residual"]
    form, *_ = form_of(network, 2, True, False)
    layout = Layout(form)
    assert (layout.parameters == np.arange(form.n_parameters)).all()
    shuffled, *_ = form_of(network, 2, True, True)
    assert (Layout(shuffled).parameters != np.arange(form.n_parameters)).any()


def test_an_irregular_program_is_run_all_the_same():
    form = random_form(np.random.default_rng(5), 300, back=40)
    layout = Layout(form)
    assert layout.copies > 0
    assert len(ArrayProgram(layout, 2).forward_calls) > len(layout.groups)


def test_rows_that_are_mixed_to_one_number_are_still_told_apart(monkeypatch):
    class Zeros:
        def integers(self, *args, **kwargs):
            return np.zeros(2, np.int64)

    rows = np.array([[1, 4], [2, 3], [1, 4]])
    assert rows.sum(1).tolist() == [5, 5, 5]  # mixed by factors of 1
    monkeypatch.setattr(module, "_MIX", Zeros())
    assert module._distinct(rows).tolist() == [0, 1, 0]
