"""No gradient is silently wrong: whatever is written after an expression was computed, backward is right or raises."""

import array
import copy
import io
import pickle
import re
from collections import UserList
from contextlib import suppress

import numpy as np
import pytest

import autograd as ag
from autograd import PRIMITIVES, Domain, StaleGraphError, Tensor, checkpoint, elementwise, no_grad, primitive

DATA = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.fixture(autouse=True)
def _the_table_is_left_as_it_was():
    before = dict(PRIMITIVES)
    yield
    PRIMITIVES.clear()
    PRIMITIVES.update(before)


def gradient(x, y):
    x.zero_grad()
    y.backward(np.arange(1.0, y.size + 1).reshape(y.shape))
    return x.grad.copy()


def check_never_wrong(build, write):
    """Whether, after a write, backward raises or gives the gradient of the expression as it was computed.

    ``build`` gives a leaf, what was computed from it, and the thing to ``write`` to.
    """
    x, y, _ = build()
    expected = gradient(x, y)
    x, y, thing = build()
    write(thing)
    try:
        found = gradient(x, y)
    except (StaleGraphError, RuntimeError):
        return
    np.testing.assert_array_equal(found, expected)


# -- reading -----------------------------------------------------------------------------------------------------------------


def test_data_is_an_array_to_read():
    x = Tensor(DATA)
    assert isinstance(x.data, np.ndarray)
    assert not x.data.flags.writeable
    assert np.array_equal(x.data, DATA)
    assert (repr(x.data), str(x.data)) == (repr(DATA), str(DATA))
    assert (x.data.tolist(), x.data[0, 1], x.data.T.shape) == (DATA.tolist(), 2.0, (3, 2))
    assert (f"{Tensor(2.0).data:.3f}", Tensor(2.0).data.item(), float(Tensor(2.0).data)) == ("2.000", 2.0, 2.0)


@pytest.mark.parametrize(
    "compute",
    [
        lambda d: d * 2, lambda d: d - d, lambda d: 1 / d, lambda d: -d, lambda d: d @ d.T, lambda d: np.exp(d),
        lambda d: d.sum(0), lambda d: d.cumsum(1), lambda d: d > 2,
        lambda d: d.max(axis=1), lambda d: np.where(d > 2, d, 0), lambda d: np.concatenate([d, d]), lambda d: np.stack([d]),
        lambda d: np.array(d), lambda d: np.linalg.svd(d)[1], lambda d: np.mean(d, axis=0),
        lambda d: d.mean(1, keepdims=True), lambda d: np.maximum(d, 0), lambda d: divmod(d, 2)[0],
    ],
    ids=range(19),
)  # fmt: skip
def test_what_is_computed_from_it_is_an_ordinary_array(compute):
    result = compute(Tensor(DATA).data)
    assert type(result) is np.ndarray
    assert result.flags.writeable
    assert np.array_equal(result, compute(DATA))


def test_reductions_of_it_are_ordinary_numbers():
    d = Tensor(DATA).data
    for number in (d.sum(), np.mean(d), d[0, 0], d.max(), np.linalg.norm(d), d[0] @ d[1], np.dot(d[0], d[0])):
        assert type(number) is np.float64


@pytest.mark.parametrize(
    "copied",
    [lambda d: d.copy(), np.copy, copy.copy, copy.deepcopy, lambda d: d.astype(np.float32), lambda d: d[[0, 1]], np.sort,
     lambda d: pickle.loads(pickle.dumps(d)), lambda d: d.flatten(), lambda d: d[d > 2], lambda d: d.repeat(2)],
    ids=range(11),
)  # fmt: skip
def test_a_copy_of_it_is_its_owners_to_write_in_place(copied):
    x = Tensor(DATA)
    mine = copied(x.data)
    kept = mine
    mine[...] = 0.0
    mine += 2
    mine *= 3
    mine[:1] -= 1
    assert set(kept.ravel()) <= {5.0, 6.0}
    assert np.array_equal(x.data, DATA)


def test_an_array_taken_out_goes_its_own_way():
    x = Tensor(DATA)
    mine = x.data
    mine -= 1
    assert np.array_equal(mine, DATA - 1)
    assert np.array_equal(x.data, DATA)
    x.data = DATA * 2
    assert np.array_equal(mine, DATA - 1)


def test_what_was_read_before_a_write_stays_as_it_was():
    x = Tensor(DATA)
    before, part, plain, y, constant = x.data, x.data[0], np.asarray(x.data), x.reshape(-1), x.detach()
    for write in (lambda: setattr(x, "data", x.data * 2), lambda: x.__setitem__(0, 9.0), lambda: x.descend(np.ones_like(DATA))):
        write()
    assert not np.array_equal(x.data, DATA)
    for array_before in (before, plain, constant.data):
        assert np.array_equal(array_before, DATA)
    assert part.tolist() == [1.0, 2.0, 3.0]
    assert y.data.tolist() == DATA.ravel().tolist()


# -- writing to a leaf -------------------------------------------------------------------------------------------------------


def assign(x):
    x.data = DATA + 10


def assign_itself(x):
    x.data = x.data


def add(x):
    x.data += 10


def subtract(x):
    x.data -= np.array([1.0, 2.0, 3.0])


def multiply(x):
    x.data *= 2


def divide(x):
    x.data /= 4


def raise_to_a_power(x):
    x.data **= 2


def write_a_row(x):
    x[0] = 9.0


def write_all(x):
    x[...] = DATA[::-1]


def write_where(x):
    x[x > 2] = 0.0


def write_places(x):
    x[[0, 1], [1, 2]] = [7, 8]


def descend(x):
    x.descend(np.full(DATA.shape, 0.5))


WRITTEN = {
    assign: DATA + 10, assign_itself: DATA, add: DATA + 10, subtract: DATA - [1, 2, 3], multiply: DATA * 2, divide: DATA / 4,
    raise_to_a_power: DATA**2, write_a_row: [[9, 9, 9], [4, 5, 6]], write_all: DATA[::-1], write_where: [[1, 2, 0], [0, 0, 0]],
    write_places: [[1, 7, 3], [4, 5, 8]], descend: DATA - 0.5,
}  # fmt: skip
writes = pytest.mark.parametrize(("write", "after"), WRITTEN.items(), ids=lambda f: getattr(f, "__name__", ""))


@writes
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_a_leaf_can_be_written_and_serves_new_expressions(write, after, dtype):
    x = Tensor(np.array(DATA, dtype), label="x")
    write(x)
    assert np.array_equal(x.data, np.array(after, dtype))
    assert (x.dtype, x.shape, x.label, x.op, x.requires_grad) == (dtype, (2, 3), "x", None, True)
    assert np.array_equal(gradient(x, (x * x).sum()), 2 * np.array(after, dtype))


@writes
def test_what_was_computed_before_is_stale_then(write, after):
    x, other = Tensor(DATA, label="x"), Tensor(DATA)
    other_before = (other * x).sum()
    y = (x * x).sum()
    write(x)
    for stale in (y, other_before, y * 2 + (x * 3).sum()):
        with pytest.raises(
            StaleGraphError, match=r"leaf 'x' was written after the mul node had used it.*compute the expression"
        ):
            stale.backward()
    assert not x.grad.any()
    assert not other.grad.any()


@writes
@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(-1), lambda x: x.T, lambda x: x[:, 1:], lambda x: x[0], lambda x: x[::-1], lambda x: x[None],
        lambda x: ag.broadcast_to(x, (4000, 2, 3)), lambda x: ag.expand_dims(x, 0), lambda x: ag.squeeze(x[None]), np.diag,
        lambda x: ag.split(x, 2)[0], lambda x: ag.swapaxes(x, 0, 1), lambda x: ag.max_pool(x, (1, 2), 1), lambda x: x.ravel(),
        lambda x: ag.moveaxis(x, 0, 1), lambda x: ag.einsum("ij->ji", x), lambda x: ag.flip(x), lambda x: x[..., -1],
        lambda x: x.astype(np.float64), lambda x: ag.take(x, 0, 0), checkpoint(lambda x: x.reshape(3, 2)),
    ],
    ids=range(21),
)  # fmt: skip
def test_so_is_what_is_a_view_of_it(write, after, view):
    x = Tensor(DATA, label="x")
    y = view(x)
    numbers = y.data.copy()
    z = y * y
    write(x)
    assert np.array_equal(y.data, numbers)
    for node in (y, z):
        with pytest.raises(StaleGraphError, match="leaf 'x'"):
            node.backward(np.ones(node.shape))


@writes
def test_constants_taken_from_it_before_keep_their_numbers(write, after):
    x, w = Tensor(DATA), Tensor(np.ones((2, 3)))
    with no_grad():
        view = x.reshape(3, 2).T
    for constant, numbers in ((x.detach(), DATA), (x.T.detach().T, DATA), (view, DATA.reshape(3, 2).T)):
        y = (w * constant).sum()
        z = (x * constant).sum()
        write(x)
        assert np.array_equal(constant.data, numbers)
        assert np.array_equal(gradient(w, y), numbers)
        with pytest.raises(StaleGraphError):
            z.backward()
        x = Tensor(DATA)


def test_a_constant_is_a_leaf_too_and_its_graph_goes_stale():
    x, c = Tensor(DATA), Tensor(DATA, requires_grad=False, label="c")
    y = (x * c).sum()
    c[0] = 0.0
    with pytest.raises(StaleGraphError, match="leaf 'c'"):
        y.backward()
    detached = x.detach()
    y = (x * x).sum()
    detached[...] = 0.0
    assert np.array_equal(gradient(x, y), 2 * DATA)


def test_a_leaf_is_written_by_copy():
    x = Tensor(DATA)
    source = DATA * 2
    for write in (lambda: setattr(x, "data", source), lambda: x.__setitem__(..., source)):
        write()
        y = (x * x).sum()
        source[...] = 7.0
        assert np.array_equal(gradient(x, y), 4 * DATA)
        source[...] = DATA * 2
    u = Tensor(DATA)
    x.data = u.data
    u[...] = 0.0
    assert np.array_equal(x.data, DATA)


def test_a_write_keeps_shape_and_dtype():
    x = Tensor(np.float32(DATA), label="x")
    x.data = DATA * 3
    assert x.dtype == np.float32
    x.data = (DATA / 2).tolist()
    assert np.array_equal(x.data, DATA / 2)
    x.data -= np.float64(0.5)
    assert x.dtype == np.float32
    for wrong in (DATA[0], DATA[None], 1.0, DATA.T):
        with pytest.raises(
            ValueError, match=re.escape(f"data of 'x' has shape (2, 3); a new array must have it too, not {np.shape(wrong)}")
        ):
            x.data = wrong
    for wrong, kind in ((np.ones((2, 3), int), "int64"), (np.ones((2, 3), complex), "complex128"), (DATA > 2, "bool")):
        with pytest.raises(TypeError, match=f"floating point numbers, not {kind}"):
            x.data = wrong
    for wrong in (Tensor(DATA), Tensor(DATA).detach()):
        with pytest.raises(TypeError, match="holds numbers, not a Tensor"):
            x.data = wrong
    with pytest.raises(ValueError, match="broadcast"):
        x.data += np.ones(4)
    with pytest.raises(TypeError, match="complex"):
        x.data *= 1j
    assert np.array_equal(x.data, np.float32(DATA / 2 - 0.5))


@pytest.mark.parametrize("value", [Tensor(1.0), Tensor(DATA[0]).detach(), np.array([ag.Value(1.0)] * 3)], ids=range(3))
def test_nodes_are_not_written_into_a_leaf(value):
    x = Tensor(DATA)
    with pytest.raises(TypeError, match=r"writing nodes into a Tensor would cut their gradients; use where\(\), stack\(\)"):
        x[0] = value
    with pytest.raises(TypeError, match=r"leave the graph|cut their gradients"):
        x[0] = [Tensor(1.0), 2.0, 3.0]
    assert np.array_equal(x.data, DATA)


def test_what_was_computed_is_not_written():
    x = Tensor(DATA, label="x")
    y = x * 2
    with pytest.raises(AttributeError, match="computed by mul; write to a leaf"):
        y.data = DATA
    with pytest.raises(AttributeError, match="computed by mul"):
        y.data -= 1
    with pytest.raises(AttributeError, match="computed by mul"):
        y.descend(np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"was computed, so it can't be written to; use where\(\)"):
        y[0] = 1.0
    assert np.array_equal(gradient(x, y.sum()), np.full((2, 3), 2.0))


@pytest.mark.parametrize("update", ["x.data //= 2", "x.data %= 2", "x.data @= np.eye(3)", "x.data[0] -= 1", "x.data[0, 0] = 1"])
def test_other_ways_to_write_through_data_raise(update):
    x = Tensor(DATA)
    with pytest.raises(ValueError, match="read-only"):
        exec(update)
    assert np.array_equal(x.data, DATA)


def test_the_message_says_how_to_write():
    x = Tensor(DATA)
    for write in (
        lambda: x.data.__setitem__(0, 1.0),
        lambda: x.data.T.__setitem__(0, 1.0),
        lambda: x.data[0].__setitem__(0, 1.0),
    ):
        with pytest.raises(ValueError, match=re.escape("read-only; write t[...] = value, or t.data = a new array")):
            write()


# -- what an optimizer does --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [subtract, multiply], ids=lambda f: f.__name__)
def test_a_leaf_that_was_written_through_data_can_still_descend(write):
    x = Tensor(DATA)
    write(x)
    after = x.data.copy()
    x.descend(np.ones((2, 3)))
    assert np.array_equal(x.data, after - 1)


def test_a_number_can_descend_while_someone_looks():
    x = Tensor(3.0)
    seen = x.data
    x.descend(0.5 * np.float64(1.0))
    assert (x.item(), seen.item()) == (2.5, 3.0)


@pytest.mark.parametrize("step", [np.ones((2, 3)), np.ones(3, np.float32)], ids=["dtype", "shape"])
def test_a_descent_keeps_shape_and_dtype_while_someone_looks(step):
    x = Tensor(np.float32(DATA))
    seen = x.data
    x.descend(step)
    assert (x.dtype, x.shape) == (np.float32, (2, 3))
    assert np.array_equal(x.data, DATA - 1)
    assert np.array_equal(seen, DATA)


def test_a_loop_of_updates_is_never_stale():
    x = Tensor(DATA)
    for write in (assign, write_all, descend, write_where, descend):
        loss = (x * x).sum()
        x.zero_grad()
        loss.backward()
        assert np.array_equal(x.grad, 2 * x.data)
        write(x)


# -- writing behind its back -------------------------------------------------------------------------------------------------


def unlock(d):
    d.flags.writeable = True
    d[...] = 9.0


def unlock_a_view(d):
    plain = np.asarray(d)
    plain.setflags(write=True)
    plain[...] = 9.0


def walk(d):
    with np.nditer(d, op_flags=["readwrite"]) as places:
        for place in places:
            place[...] = 9.0


NINE = np.full((2, 3), 9.0)
BEHIND = {
    "d[0] = ": lambda d: d.__setitem__(0, 9.0), "d[1:] = ": lambda d: d.__setitem__(slice(1, None), 9.0),
    "d[d > 2] = ": lambda d: d.__setitem__(d > 2, 9.0), "d[[0]] = ": lambda d: d.__setitem__([0], 9.0),
    "fill": lambda d: d.fill(9.0), "sort": lambda d: d[:, ::-1].sort(axis=1),
    "partition": lambda d: d[:, ::-1].partition(0), "put": lambda d: d.put([0], 9.0),
    "flat": lambda d: d.flat.__setitem__(0, 9.0), "T": lambda d: d.T.__setitem__(0, 9.0),
    "real": lambda d: d.real.__setitem__(0, 9.0), "ravel": lambda d: d.ravel().__setitem__(0, 9.0),
    "reshape": lambda d: d.reshape(-1).__setitem__(0, 9.0), "view": lambda d: d.view(np.ndarray).__setitem__(0, 9.0),
    "view as int": lambda d: d.view(np.int64).__setitem__(0, 9), "diagonal": lambda d: d.diagonal().__setitem__(0, 9.0),
    "asarray": lambda d: np.asarray(d).__setitem__(0, 9.0), "split": lambda d: np.split(d, 2)[0].__setitem__(0, 9.0),
    "copyto": lambda d: np.copyto(d, 9.0), "np.put": lambda d: np.put(d, [0], 9.0),
    "putmask": lambda d: np.putmask(d, [True], 9.0),
    "place": lambda d: np.place(d, np.ones(d.shape, bool), 9.0), "fill_diagonal": lambda d: np.fill_diagonal(d, 9.0),
    "out": lambda d: np.add(d, 1, out=d), "out of a view": lambda d: np.add(d, 1, out=np.asarray(d)[...]),
    "matmul out": lambda d: np.matmul(np.ones((2, 2)), NINE, out=d), "cumsum out": lambda d: np.cumsum(NINE, axis=0, out=d),
    "clip out": lambda d: d.clip(0, 1, out=d), "take out": lambda d: np.take(d, [[0] * 3] * 2, out=d),
    "einsum out": lambda d: np.einsum("ij->ij", NINE, out=d), "shuffle": lambda d: np.random.default_rng(1).shuffle(d),
    "random out": lambda d: np.random.default_rng(0).standard_normal(out=d), "byteswap": lambda d: d.byteswap(inplace=True),
    "nan_to_num": lambda d: np.nan_to_num(d, copy=False), "setfield": lambda d: d.setfield(9.0, np.float64), "nditer": walk,
    "as_strided": lambda d: np.lib.stride_tricks.as_strided(d, (1,)).__setitem__(0, 9.0),
    "sliding": lambda d: np.lib.stride_tricks.sliding_window_view(d, (1, 1), writeable=True).__setitem__(..., 9.0),
    "frombuffer": lambda d: np.frombuffer(d).__setitem__(0, 9.0),
    "memoryview": lambda d: memoryview(d).__setitem__((0, 0), 9.0),
    "readinto": lambda d: io.BytesIO(bytes(48)).readinto(d), "shape": lambda d: setattr(d, "shape", (3, 2)),
    "resize": lambda d: d.resize((1,)), "+=": lambda d: d.__iadd__(1), "//=": lambda d: d.__ifloordiv__(1),
    "part -=": lambda d: d[0].__isub__(1), "exec": lambda d: exec("d[1:] += 1", {"d": d}), "setflags": unlock,
    "setflags of a view": unlock_a_view, "base": lambda d: d.base.__setitem__(..., 9.0),
    "add.at": lambda d: np.add.at(d, (0, [0, 1]), 1.0), "multiply.at": lambda d: np.multiply.at(d, 0, 2.0),
}  # fmt: skip


@pytest.mark.parametrize("write", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("whose", ["leaf", "computed"])
def test_nothing_is_written_through_data_that_was_handed_out(write, whose):
    def build():
        x = Tensor(DATA)
        h = x * 1.0
        return x, h.exp() * x, h if whose == "computed" else x

    def attempt(node):
        with suppress(ValueError, TypeError):  # most ways are refused; the others reach a copy
            write(node.data)
        np.testing.assert_array_equal(node.data, DATA)

    check_never_wrong(build, attempt)


def test_the_gradient_of_a_leaf_may_be_written_and_harms_nothing():
    check_never_wrong(lambda: (x := Tensor(DATA), x * x, x.grad), lambda g: g.fill(9.0))


# -- arrays that were handed in ----------------------------------------------------------------------------------------------

OPERANDS = {
    "*": lambda x, a: x * a, "right *": lambda x, a: a * x, "/": lambda x, a: x / a, "**": lambda x, a: x**a,
    "right **": lambda x, a: a**x, "@": lambda x, a: x @ a.T, "right @": lambda x, a: a.T @ x, "np.multiply": np.multiply,
    "view": lambda x, a: x * a[:1], "transposed": lambda x, a: x.T * a.T,
    "broadcast": lambda x, a: x * np.broadcast_to(a[:1], (2, 3)),
    "where": lambda x, a: ag.where(a > 5, x, x * x), "condition": lambda x, a: ag.where(a - 4, x * x, x),
    "concatenate": lambda x, a: ag.concatenate([x, a]) ** 2, "stack": lambda x, a: ag.stack([a, x]) ** 2,
    "einsum": lambda x, a: ag.einsum("ij,ij->j", x, a), "dot": lambda x, a: ag.dot(x, a.T),
    "inner": ag.inner, "outer": ag.outer,
    "tensordot": lambda x, a: ag.tensordot(a, x, axes=([0], [0])), "maximum": lambda x, a: ag.maximum(2 * x - 1, a),
    "clip": lambda x, a: ag.clip(3 * x, a - 2, a), "logaddexp": ag.logaddexp, "weighted_sum": ag.weighted_sum,
    "leaky_relu": lambda x, a: ag.leaky_relu(x - 3, a), "conv": lambda x, a: ag.conv1d(x[None], a[None, :, :2]),
    "checkpoint": lambda x, a: checkpoint(lambda x: x * a)(x), "checkpoint argument": lambda x, a: checkpoint(ag.mul)(x, a),
}  # fmt: skip


@pytest.mark.parametrize("op", OPERANDS.values(), ids=OPERANDS)
@pytest.mark.parametrize("write", [lambda a: a.fill(0.5), lambda a: np.add(a, 1, out=a), lambda a: a[::-1].sort(axis=0)])
def test_an_array_that_was_an_operand_may_be_written_later(op, write):
    def build():
        a = DATA * 2
        x = Tensor(DATA)
        return x, op(x, a), a

    check_never_wrong(build, write)


class Wrapped:
    """Something of another library that NumPy asks for its array."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


HANDED_IN = {
    "data": lambda a: (x := Tensor(a), x * x), "data with dtype": lambda a: (x := Tensor(a, dtype=float), x * x),
    "operand": lambda a: (x := Tensor(DATA), x * a),
    "data set": lambda a: (x := Tensor(DATA), setattr(x, "data", a), x * x)[::2],
    "data written": lambda a: (x := Tensor(DATA), x.__setitem__(..., a), x * x)[::2],
}  # fmt: skip
SOURCES = {
    "array": lambda a: (a, a), "view": lambda a: (a[:], a), "transposed": lambda a: (a.T.copy().T, a),
    "list": lambda a: ([a], a),
    "list of rows": lambda a: (list(a), a), "memoryview": lambda a: (memoryview(a), a),
    "locked view": lambda a: (np.lib.stride_tricks.as_strided(a, a.shape, a.strides, writeable=False), a),
    "locked after a view was taken": lambda a: (a, (a[:], a.setflags(write=False))[0]),
    "locked and unlocked again": lambda a: (a.setflags(write=False), a, a)[1:],
    "__array__": lambda a: (Wrapped(a), a), "broadcast": lambda a: (np.broadcast_to(a, (2, 3)), a),
}  # fmt: skip


@pytest.mark.parametrize("give", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("use", HANDED_IN.values(), ids=HANDED_IN)
def test_what_was_handed_in_may_be_written_later(use, give):
    def build():
        given, thing = give(DATA.copy())
        if isinstance(given, list) and np.ndim(given) == 3:
            given = given[0]
        x, y = use(given)
        return x, y, thing

    def write(thing):
        if not thing.flags.writeable:
            thing.setflags(write=True)
        thing[...] = 0.0

    check_never_wrong(build, write)


def test_writing_to_a_list_or_another_kind_of_array_changes_nothing_either():
    for numbers in ([1.0, 2.0], array.array("d", [1.0, 2.0])):
        x = Tensor(numbers)
        y = x * numbers
        numbers[0] = 9.0
        assert gradient(x, y).tolist() == [1.0, 4.0]


@pytest.mark.oracle
def test_writing_to_a_tensor_of_torch_changes_nothing_either():
    torch = pytest.importorskip("torch")
    for use in HANDED_IN.values():

        def build(use=use):
            a = torch.tensor(DATA)
            return (*use(a), a)

        check_never_wrong(build, lambda a: a.zero_())


# -- places and other settings that were handed in ---------------------------------------------------------------------------

PLACES = {
    "t[i]": lambda x, i: x[i], "t[:, i]": lambda x, i: x[:, i], "t[i, i]": lambda x, i: x[i, i],
    "t.take": lambda x, i: x.take(i, 0),
    "ag.take": lambda x, i: ag.take(x, i, 1), "np.take": lambda x, i: np.take(x, i, axis=0),
    "ag.index": lambda x, i: ag.index(x, i),
    "labels": lambda x, i: ag.cross_entropy(ag.concatenate([x, x[:1]]), i),
}  # fmt: skip
_OF = {"array": np.array, "list": list, "array.array": lambda i: array.array("q", i), "UserList": UserList}


@pytest.mark.parametrize(
    ("ask", "of"),
    [pytest.param(ask, of, id=f"{name}, {kind}") for name, ask in PLACES.items() for kind, of in _OF.items()],
)
def test_places_may_be_written_later(ask, of):
    def build():
        places = of([0, 1, 0])
        x = Tensor(DATA)
        return x, ask(x, places) ** 2, places

    def write(places):
        places[0], places[1] = 1, 0

    check_never_wrong(build, write)


def test_a_mask_may_be_written_later():
    check_never_wrong(lambda: (x := Tensor(DATA), x[mask := DATA > 2], mask), lambda mask: mask.fill(True))


ORDERS = {
    "transpose": lambda x, p: x.transpose(p), "np.transpose": np.transpose,
    "moveaxis": lambda x, p: ag.moveaxis(x, p, [0, 1, 2]),
    "flip": lambda x, p: ag.flip(x, p[:2]), "split": lambda x, p: ag.split(x, p[1:])[0], "reshape": lambda x, p: x.reshape(p).T,
    "pad": lambda x, p: ag.pad(x, [p[:2]] * 3), "tile": lambda x, p: ag.broadcast_to(x, p),
    "tensordot": lambda x, p: ag.tensordot(x, np.arange(8.0).reshape(2, 2, 2), (p, [0, 1, 2])),
}  # fmt: skip


@pytest.mark.parametrize("of", [list, np.array], ids=["list", "array"])
@pytest.mark.parametrize("ask", ORDERS.values(), ids=ORDERS)
def test_an_order_of_axes_or_a_shape_may_be_written_later(ask, of):
    def build():
        order = of({ORDERS["reshape"]: [4, 2, 1], ORDERS["tile"]: [2, 2, 2]}.get(ask, [2, 0, 1]))
        x = Tensor(np.arange(8.0).reshape(2, 2, 2))
        return x, ask(x, order), order

    def write(order):
        order[0], order[1], order[2] = 0, 1, 2

    check_never_wrong(build, write)


def test_an_array_that_was_a_setting_of_ones_own_function_may_be_written_later():
    @primitive(lambda xp, g, z, a, weights: g * weights)
    def weighted(xp, a, weights=None):
        return xp.sum(a * weights)

    def build():
        weights = np.array([1.0, 2.0, 3.0])
        x = Tensor([1.0, 1.0, 1.0])
        return x, weighted(x, weights), weights

    check_never_wrong(build, lambda weights: weights.fill(9.0))


def test_a_function_of_ones_own_does_not_write_to_its_operand_unnoticed():
    @primitive(lambda xp, g, z, a: 2 * g * a)
    def square(xp, a):
        a *= a
        return a

    x = Tensor(DATA)
    try:
        y = square(x)
    except ValueError:
        return
    assert np.array_equal(x.data, DATA)
    assert np.array_equal(gradient(x, y.sum()), 2 * DATA)


def test_nor_does_one_that_works_element_by_element():
    @elementwise(lambda xp, z, x: 2 * x, domain=(Domain("", ((-2.0, 2.0),)),))
    def square(xp, x):
        x *= x
        return x

    x = Tensor(DATA)
    try:
        y = square(x)
    except ValueError:
        return
    assert np.array_equal(x.data, DATA)
    assert np.array_equal(gradient(x, y.sum()), 2 * DATA)


def test_a_function_of_ones_own_may_give_the_same_array_each_time():
    buffer = np.empty(2)

    @primitive(lambda xp, g, z, a: g * z)
    def exponential(xp, a):
        return np.exp(a, out=buffer)

    x = Tensor([0.0, 1.0])
    y = exponential(x)
    exponential(Tensor([5.0, 5.0]))
    assert gradient(x, y.sum()) == pytest.approx(np.exp([0.0, 1.0]))


def test_a_rule_of_ones_own_may_give_an_array_that_it_keeps():
    weights = np.array([1.0, 2.0])

    @primitive(lambda xp, g, z, a: weights if g == 1 else g * weights)
    def weighted(xp, a):
        return np.dot(a, weights)

    x = Tensor([0.0, 1.0])
    weighted(x).backward()
    x.grad *= 0.5
    assert weights.tolist() == [1.0, 2.0]
