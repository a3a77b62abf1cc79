"""Compiled Tensor code against eager code: every row, and what functions do besides computing."""

import itertools
import math
import warnings

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, recording
from autograd.compile import tensor_program

from ..rows import ROWS, STRUCTURAL, counts, draw

EXAMPLES = [(row, example) for row in STRUCTURAL for example in row.examples]


@pytest.fixture(autouse=True)
def quiet():
    """A function that is not compiled says so; here it must not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def eager(f, parameters, *args):
    """What ``f`` gives, and its gradient, by ``backward``."""
    for x in parameters:
        x.zero_grad()
    result = f(*[Tensor(x, requires_grad=False) if is_floats(x) else x for x in args])
    root = result[0] if isinstance(result, tuple) else result
    root.backward()
    return root.item(), [np.array(x.grad) for x in parameters]


def is_floats(x):
    return isinstance(x, float) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def agree(step, f, parameters, *args, rtol=1e-12):
    """One call of ``step`` against eager code."""
    value, gradients = step.value_and_grad(*args)
    expected, by = eager(f, parameters, *args)
    np.testing.assert_allclose(value[0] if isinstance(value, tuple) else value, expected, rtol, rtol)
    gradients = gradients if isinstance(gradients, list) else [gradients]
    for found, g, x in zip(gradients, by, parameters, strict=True):
        assert (found.dtype, found.shape) == (x.dtype, x.shape)
        np.testing.assert_allclose(found, g, rtol, rtol * max(1.0, np.abs(g).max(initial=0.0)))


def weighted(z, rng):
    """A sum of the elements of ``z`` with weights, so that each has a cotangent of its own."""
    return (z * rng.normal(size=z.shape)).sum()


# -- every row ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("shapes", [((3, 2),), ((3, 1), (2,)), ((), (3, 2))], ids=["alike", "stretched", "beside a number"])
def test_every_elementwise_row_computes_what_it_does_eagerly(row, shapes):
    rng = np.random.default_rng(0)
    n = counts(row)[-1]

    def points(i):
        return np.array([draw(row, n, rng)[i] for _ in range(math.prod(shapes[i % len(shapes)]))]).reshape(
            shapes[i % len(shapes)]
        )

    parameters = [Tensor(points(i)) for i in range(n)]
    step = ag.compile(lambda: weighted(row.call(*parameters), np.random.default_rng(1)), parameters)
    for _ in range(3):
        agree(step, lambda: weighted(row.call(*parameters), np.random.default_rng(1)), parameters)
        for i, x in enumerate(parameters):
            x.data = points(i)
    assert len(step.paths) == 1


@pytest.mark.parametrize(("row", "example"), EXAMPLES, ids=[f"{row.name}-{row.examples.index(e)}" for row, e in EXAMPLES])
def test_every_structural_row_does(row, example):
    rng = np.random.default_rng(0)
    parameters = [Tensor(rng.normal(size=shape)) for shape in example.shapes]

    def f():
        return weighted(row.call(*parameters, **example.settings), np.random.default_rng(1))

    step = ag.compile(f, parameters)
    for _ in range(3):
        agree(step, f, parameters)
        for x in parameters:
            x.data = rng.normal(size=x.shape)
    assert len(step.paths) == 1


@pytest.mark.parametrize("reduction", [ag.sum, ag.mean, ag.max, ag.min, ag.prod], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "shape", [(3, 2), (2, 2, 2), (1, 3), (3, 1), (2, 1, 3), (0, 3), (3, 0, 2), (2, 2000), (2000, 2), (40, 3, 2)]
)
def test_reductions_over_any_axes_come_out_as_numpys(reduction, shape):
    x = Tensor(np.random.default_rng(0).normal(size=shape))
    sets = [axes for n in range(1, len(shape) + 1) for axes in itertools.combinations(range(len(shape)), n)]
    for axes in sets:
        if reduction in (ag.max, ag.min, ag.mean) and any(shape[i] == 0 for i in axes):
            continue
        turned = tuple([len(shape) - 1 - i for i in axes])
        step = ag.compile(lambda: (ag.sum(x), reduction(x, axes), reduction(x.transpose(), turned)), x)  # noqa: B023
        (_, straight, across), _ = step.value_and_grad()
        expected = getattr(np, reduction.__name__)(x.data, axes)
        np.testing.assert_allclose(straight, expected, 1e-12, 1e-12)
        np.testing.assert_allclose(across, expected.T, 1e-12, 1e-12)


def test_whole_numbers_meet_plain_ones_as_they_are():
    w = Tensor([0.5, 2.0, 1.0])

    def f(numbers):
        return ag.sum(w * ag.leaky_relu(numbers)) + ag.sum(w * (numbers * 0.5)) + ag.sum(w * ag.sigmoid(numbers))

    step = ag.compile(f, w)
    for numbers in (np.array([-3, 4, -1]), np.array([2, -7, 0])):
        agree(step, f, [w], numbers)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.variadic], ids=lambda row: row.name)
def test_rows_of_float32_stay_in_float32(row):
    rng = np.random.default_rng(0)
    n = len(row.rules)
    parameters = [Tensor(np.array([draw(row, n, rng)[i] for _ in range(4)], np.float32)) for i in range(n)]
    step = ag.compile(lambda: row.call(*parameters).sum(), parameters)
    agree(step, lambda: row.call(*parameters).sum(), parameters, rtol=1e-5)
    made = {call.out.dtype for section in step.paths[0].program.sections for call in section}
    assert made <= {np.dtype(np.float32), np.dtype(bool)}


def test_a_planted_fault_is_caught():
    x = Tensor([1.0, 2.0])
    step = ag.compile(lambda: (x * x).sum(), x)
    step.value_and_grad()
    (path,) = step.paths
    path._sections[-1][0] = path.program.sections[-1][0]._replace(function=np.add).bound()
    with pytest.raises(AssertionError):
        agree(step, lambda: (x * x).sum(), [x])


# -- programs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu", "leaky_relu"])
def test_an_mlp_trains_to_the_same_weights(dtype, rtol, activation):
    rng = np.random.default_rng(0)
    model, other = [nn.MLP(6, [8, 3], activation, kind=Tensor, rng=0).astype(dtype) for _ in range(2)]

    def loss(model):
        return lambda x, labels: ag.cross_entropy(model(x), labels).mean()

    step = ag.compile(loss(model), list(model.parameters()))
    optimizers = [nn.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in (model, other)]
    for _ in range(5):
        x, labels = rng.normal(size=(7, 6)).astype(dtype), rng.integers(0, 3, 7)
        model.zero_grad()
        value = step(x, labels)
        other.zero_grad()
        error = loss(other)(Tensor(x, requires_grad=False), labels)
        error.backward()
        np.testing.assert_allclose(value, error.item(), rtol)
        for optimizer in optimizers:
            optimizer.step()
    for mine, its in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(mine.data, its.data, rtol, rtol)
    assert len(step.paths) == 1


def test_views_and_shared_subexpressions_are_computed_once_and_in_place():
    w = Tensor(np.arange(12.0).reshape(3, 4))

    def f(x):
        a = ag.exp(x * w)
        q, k = a[:, :2], a[:, 2:]
        return (q @ k.T).sum() + ag.exp(x * w).reshape(4, 3).T[1].sum() + a[0, 0]

    step = ag.compile(f, w)
    for x in (0.1, 0.2, -0.3):
        agree(step, f, [w], x)
    names = [cell.op.name for cell in step.paths[0].program.cells]
    assert names.count("exp") == 1


def test_a_parameter_that_is_used_in_many_ways_gathers_all_cotangents():
    w, u = Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([0.5, 0.25])
    f = lambda: ((w @ u + u) * w[0] + w.T[1] * u[::-1] + w.max() - w[[0, 0], [1, 1]]).sum() + (u * u).sum()  # noqa: E731
    agree(ag.compile(f, [w, u]), f, [w, u])


def test_the_same_array_may_be_the_gradient_of_two():
    a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    f = lambda: ag.tanh(a + b).sum()  # noqa: E731
    step = ag.compile(f, {"a": a, "b": [b]})
    _, gradients = step.value_and_grad()
    np.testing.assert_array_equal(gradients["a"], gradients["b"][0])
    gradients["a"][0] = 9
    assert gradients["b"][0][0] != 9


def test_a_parameter_on_which_nothing_depends_has_gradient_0():
    a, b = Tensor([1.0, 2.0]), Tensor(3.0)
    step = ag.compile(lambda: (a * a).sum(), [a, b])
    assert [g.tolist() for g in step.value_and_grad()[1]] == [[2.0, 4.0], 0.0]
    step.run((), step.vector).gradient[:] = 7.0  # whoever clips it in place
    assert [g.tolist() for g in step.value_and_grad()[1]] == [[2.0, 4.0], 0.0]


def test_parameters_of_two_dtypes_keep_theirs():
    a, b = Tensor([1.0, 2.0]), Tensor(np.float32([3.0, 4.0]))
    agree(ag.compile(lambda: (a * b).sum(), [a, b]), lambda: (a * b).sum(), [a, b])


def test_what_is_frozen_takes_no_gradient_and_is_read_anew():
    a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=False)
    step = ag.compile(lambda: (a * b * b).sum(), [a, b])
    assert step() == 1 * 9 + 2 * 16
    assert b.grad.tolist() == [0.0, 0.0]
    b.data = [1.0, 1.0]
    assert step() == 3.0
    assert a.grad.tolist() == [10.0, 17.0]


def test_a_tensor_around_f_is_read_anew_and_takes_a_gradient():
    a, around = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    step = ag.compile(lambda: (a * around).sum(), a)
    assert step() == 11.0
    around.data = [1.0, 1.0]
    assert step() == 3.0
    assert around.grad.tolist() == [2.0, 4.0]
    assert a.grad.tolist() == [4.0, 5.0]


def test_numbers_for_the_parameters_may_be_given():
    a, b = Tensor([1.0, 2.0]), Tensor(3.0)
    step = ag.compile(lambda: (a * b).sum(), {"a": a, "b": b})
    value, gradients = step.value_and_grad(at={"a": np.array([2.0, 2.0]), "b": 5.0})
    assert (value, gradients["b"]) == (20.0, 4.0)
    assert step.value_and_grad(at=np.array([2.0, 2.0, 5.0]))[0] == 20.0
    with pytest.raises(ValueError, match="nested like them, or a vector of 3"):
        step.value_and_grad(at=[1.0])
    assert a.data.tolist() == [1.0, 2.0]


def test_results_beside_the_root_come_as_plain_arrays():
    w = Tensor([1.0, -2.0])
    step = ag.compile(lambda x: ((w * x).sum(), {"scores": w * x, "positive": w > 0, "n": 3}), w)
    for x in (1.0, 2.0, 3.0):
        value, others = step.value_and_grad(x)[0]
        assert value == -x
        assert {name: np.array(x).tolist() for name, x in others.items()} == {
            "scores": [x, -2 * x],
            "positive": [True, False],
            "n": 3,
        }
    kept = others["scores"]
    step.value_and_grad(7.0)
    assert kept.tolist() == [3.0, -6.0]


def test_large_elementwise_chains_run_part_by_part_and_alike(monkeypatch):
    monkeypatch.setattr(tensor_program, "PART", 64)
    monkeypatch.setattr(tensor_program, "LARGE", 256)
    rng = np.random.default_rng(0)
    for shape in ((1000,), (40, 25), (3, 500), (1, 1, 999)):
        w, b = Tensor(rng.normal(size=shape)), Tensor(rng.normal(size=shape[-1:]))
        for f in (
            lambda x, w=w, b=b: (ag.gelu(w * x) * ag.silu(w)).sum() + b.sum(),
            lambda x, w=w, b=b: ag.mean(ag.softplus(ag.gelu(w + b) * x) - ag.tanh(w)),
        ):
            step = ag.compile(f, [w, b])
            agree(step, f, [w, b], 0.5)
            agree(step, f, [w, b], rng.normal(size=shape))


def random_function(rng, parameters):
    """A function of ``(3, 4)`` arrays and their like, whose results are shared, viewed and broadcast at random."""
    choices = [
        lambda a, b: a * b + a, lambda a, b: ag.tanh(a - b), lambda a, b: ag.where(a > b, a, b * 0.5),
        lambda a, b: a @ b.T @ b * 0.1, lambda a, b: ag.softmax(a) + b.mean(0), lambda a, b: a[::-1] * b[:, :1],
        lambda a, b: ag.concatenate([a[:2], b[:1]]), lambda a, b: (a.T * b.reshape(4, 3)).T, lambda a, b: ag.relu(a) - b.max(),
        lambda a, b: a.reshape(-1)[::-1].reshape(3, 4) + b, lambda a, b: ag.gelu(a) / (b * b + 1.0), lambda a, b: -a,
        lambda a, b: a / a.sum(1, keepdims=True).detach(), lambda a, b: ag.sigmoid(a)[[0, 2, 0]] * b, lambda a, b: a + b,
    ]  # fmt: skip
    steps = [(rng.integers(len(choices)), *rng.integers(1, 9, 2)) for _ in range(12)]
    last = rng.integers(1, 6, 3)

    def f(x):
        made = [x * p for p in parameters]
        for choice, i, j in steps:
            made.append(choices[choice](made[-min(i, len(made))], made[-min(j, len(made))]))
        return sum(ag.tanh(made[-i]).sum() for i in last)

    return f


@pytest.mark.parametrize("part", [4, None], ids=["in parts", "whole"])
@pytest.mark.parametrize("seed", range(40))
def test_memory_that_is_given_on_is_needed_no_more(seed, part, monkeypatch):
    if part:
        monkeypatch.setattr(tensor_program, "PART", part)
        monkeypatch.setattr(tensor_program, "LARGE", 8)
    rng = np.random.default_rng(seed)
    parameters = [Tensor(rng.normal(size=(3, 4))) for _ in range(3)]
    f = random_function(rng, parameters)
    step = ag.compile(f, parameters)
    for _ in range(3):
        agree(step, f, parameters, float(rng.normal()))
        for x in parameters:
            x.data = rng.normal(size=(3, 4))
    assert len(step.paths) == 1


def test_memory_given_on_too_soon_is_caught(monkeypatch):
    monkeypatch.setattr(tensor_program.TensorProgram, "_used", lambda self, cell: [
        self._pool.give(x.memory) for x in cell.inputs if x.memory
    ])  # fmt: skip
    w = Tensor([1.0, 2.0])
    step = ag.compile(lambda: (ag.tanh(w) * ag.sin(w) + ag.tanh(w) * ag.cos(w)).sum(), w)
    with pytest.raises(AssertionError):
        agree(step, lambda: (ag.tanh(w) * ag.sin(w) + ag.tanh(w) * ag.cos(w)).sum(), [w])


# -- arguments ---------------------------------------------------------------------------------------------------------------


def test_whole_numbers_name_labels_and_places_without_being_recorded_anew():
    rng = np.random.default_rng(0)
    table, w = Tensor(rng.normal(size=(5, 3))), Tensor(rng.normal(size=(3, 4)))

    def f(tokens, labels, scale):
        x = table[tokens] + ag.take(table, tokens, 0) + table[tokens, 1].reshape(-1, 1)
        return scale * ag.cross_entropy(x @ w, labels).mean()

    step = ag.compile(f, [table, w])
    for _ in range(4):
        agree(step, f, [table, w], rng.integers(0, 5, 6), rng.integers(0, 4, 6), 2)
    assert len(step.paths) == 1
    agree(step, f, [table, w], rng.integers(0, 5, 7), rng.integers(0, 4, 7), 2)
    assert len(step.paths) == 2


def test_a_label_out_of_range_raises_as_it_does_eagerly():
    z = Tensor(np.zeros((2, 3)))
    step = ag.compile(lambda labels: ag.cross_entropy(z, labels).mean(), z)
    step(np.array([0, 2]))
    with pytest.raises(ValueError, match="labels lie from 0 to 3; there are 3 classes"):
        step(np.array([0, 3]))
    with pytest.raises(ValueError, match="labels lie from -1"):
        step(np.array([0, -1]))


def test_whole_numbers_as_targets_and_counts():
    w = Tensor([1.0, 2.0, 3.0])
    f = lambda y, n: (sum((w * y - y) ** 2 for _ in range(n)) * (y == 2)).sum()  # noqa: E731
    step = ag.compile(f, w)
    for y in ([1, 2, 2], [2, 0, 1], [5, 2, 1]):
        agree(step, f, [w], np.array(y), 2)
    assert len(step.paths) == 1
    agree(step, f, [w], np.array(y), 3)
    assert len(step.paths) == 2


def test_truths_among_the_arguments_are_structure():
    w = Tensor([1.0, 2.0, 3.0])
    step = ag.compile(lambda mask: w[mask].sum(), w)
    for mask in ([True, False, True], [False, False, True], [True, False, True]):
        assert step.value_and_grad(np.array(mask))[0] == np.sum(w.data[mask])
    assert len(step.paths) == 2


def test_another_shape_or_dtype_is_recorded_anew():
    w = Tensor([1.0, 2.0])
    step = ag.compile(lambda x: (w * x).sum(), w)
    for x in (np.ones(2), np.ones((3, 2)), np.ones(2, np.float32), 1.0):
        agree(step, lambda x: (w * x).sum(), [w], x)
    assert len(step.paths) == 4


# -- decisions ---------------------------------------------------------------------------------------------------------------


def test_comparisons_of_elements_stay_dynamic():
    w = Tensor([1.0, -2.0, 3.0])

    def f(x):
        t = w * x
        mask = (t > 0) & ~(t >= 2.5) | (t == -2.0)
        return (ag.where(mask, t * t, -t) + (t < x) * t + (t != 1.0) * w).sum() + (t > 0).mean() * w[0] + (t <= 0).sum() * w[1]

    step = ag.compile(f, w)
    for x in (1.0, -1.0, 0.5, 2.0):
        agree(step, f, [w], x)
    assert len(step.paths) == 1


def test_a_decision_is_a_guard_and_both_ways_are_kept():
    w = Tensor([1.0, 2.0])

    def f(x):
        if (w * x).sum() > 0:
            return ag.log(w * x).sum()
        return (w * w).sum() if (w > x).any() else w.sum()

    step = ag.compile(f, w)
    for x in (1.0, -1.0, 2.0, -3.0, 0.5):
        agree(step, f, [w], x)
    assert len(step.paths) == 2
    agree(step, f, [w], -0.0)
    agree(step, lambda x: f(x), [w], -5.0)
    assert step.paths[0].guards[0].line.endswith("if (w * x).sum() > 0:")


def test_numbers_that_leave_the_graph_have_to_come_out_again():
    w = Tensor([1.0, 2.0])
    f = lambda x: (w * float(x > 1)).sum() + (w * x.data).sum() + w.sum() * round(x.item())  # noqa: E731
    step = ag.compile(f, w)
    for x in (1.0, 2.0, 1.0, 3.0):
        agree(step, f, [w], x)
    assert len(step.paths) == 3


def test_what_decides_by_its_numbers_too_often_runs_eagerly_after_one_warning():
    w = Tensor([1.0, 2.0])
    f = lambda x: (w * x.item()).sum()  # noqa: E731
    step = ag.compile(f, w)
    for x in range(32):
        agree(step, f, [w], float(x))
    with pytest.warns(UserWarning, match="took more than 32 ways.*runs eagerly"):
        agree(step, f, [w], 32.0)
    agree(step, f, [w], 33.0)
    assert not step.paths


def test_detached_numbers_are_computed_anew_and_take_no_gradient():
    w = Tensor([1.0, 2.0])

    def f(x):
        with ag.no_grad():
            largest = (w * x).max()
        return ((w - largest) * (w * x).detach()).sum()

    step = ag.compile(f, w)
    for x in (1.0, 2.0, -1.0):
        agree(step, f, [w], x)
    assert len(step.paths) == 1


# -- randomness and checks ----------------------------------------------------------------------------------------------------


def test_dropout_draws_the_same_masks_as_eager_code():
    def losses(compiled):
        layers = nn.Dense(5, 8, "relu", kind=Tensor, rng=0), nn.Dropout(0.5, rng=1), nn.Dense(8, 1, kind=Tensor, rng=2)
        model = nn.Sequential(*layers)
        x = np.random.default_rng(3).normal(size=(6, 5))
        f = lambda x: (model(x) ** 2).mean()  # noqa: E731
        step = ag.compile(f, list(model.parameters()))
        return [step.value_and_grad(x)[0] if compiled else f(Tensor(x)).item() for _ in range(4)]

    assert losses(True) == pytest.approx(losses(False), rel=1e-12)
    assert len(set(losses(True))) == 4


def test_another_path_draws_for_itself_after_the_ways_part():
    w, rng = Tensor([2.0]), np.random.default_rng(0)

    def f(x):
        if x > 0:
            return (w * recording.drawn(lambda: rng.random(3))).sum()
        return (w * recording.drawn(lambda: 100 + rng.random(2))).sum()

    step = ag.compile(f, w)
    for x in (1.0, -1.0, 1.0, -1.0, -1.0, 1.0):
        (gradient,) = step.value_and_grad(x)[1]
        assert gradient < 3 if x > 0 else gradient > 200
    assert len(step.paths) == 2


def test_masks_of_truths_may_be_drawn():
    rng = np.random.default_rng(0)
    w = Tensor(np.ones(20))
    step = ag.compile(lambda: (w * recording.drawn(lambda: rng.random(20) < 0.5)).sum(), w)
    assert len({step.value_and_grad()[0] for _ in range(6)}) > 1
    assert len(step.paths) == 1


def test_checks_look_again_in_each_run():
    w = Tensor([1.0, 2.0])

    def positive(x):
        if (x <= 0).any():
            raise ValueError("not positive")

    def f(x):
        recording.checked(positive, x * w)
        return (w * x).sum()

    step = ag.compile(f, w)
    step(1.0), step(2.0)
    with pytest.raises(ValueError, match="not positive"):
        step(-1.0)
    assert step(3.0) == 9.0


def test_random_numbers_drawn_behind_its_back_are_noticed():
    rng = np.random.default_rng(0)
    w = Tensor(np.ones(3))
    step = ag.compile(lambda: (w * rng.random(3)).sum(), w)
    step()
    with pytest.warns(UserWarning, match="did something else when it was run again"):
        step()
    assert step.value_and_grad()[0] != step.value_and_grad()[0]


# -- what does not compile -----------------------------------------------------------------------------------------------------


def test_errors_are_those_of_eager_code():
    w = Tensor([1.0, 2.0])
    step = ag.compile(lambda x: (w @ x).sum(), w)
    step(np.ones(2))
    with pytest.raises(ValueError, match=r"matmul: operands of shape \(2,\) and \(3,\)"):
        step(np.ones(3))
    with pytest.raises(TypeError, match="f gives one number"):
        ag.compile(lambda: "loss", w)()
    with pytest.raises(ValueError, match=r"of shape \(2,\); take its mean"):
        ag.compile(lambda: w * w, w)()
    with pytest.raises(TypeError, match="parameters are Tensors"):
        ag.compile(lambda: w.sum(), [w, 3.0])
    with pytest.raises(TypeError, match="the mul node"):
        ag.compile(lambda: w.sum(), [w, w * 2])
    with pytest.raises(ValueError, match="batch=True is for Values"):
        ag.compile(lambda x: w.sum(), w, batch=True)


def test_numbers_outside_a_domain_warn_or_raise_as_they_do_eagerly():
    w = Tensor([1.0, 2.0])
    step = ag.compile(lambda x: ag.log(w * x).sum(), w)
    step(1.0), step(1.0)
    with np.errstate(all="raise"), pytest.raises(ag.DomainError):
        step(-1.0)
    assert w.grad.tolist() == [2.0, 1.0]
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert math.isnan(step(-1.0))


def test_writing_and_old_results_are_refused_with_a_reason():
    w, count = Tensor([1.0, 2.0]), Tensor(0.0, requires_grad=False)

    def f(x):
        count.data = count.data + 1.0
        return (w * x).sum()

    with pytest.warns(UserWarning, match="f writes to a Tensor.*runs eagerly"):
        assert ag.compile(f, w)(2.0) == 6.0
    old = w * 2
    with pytest.warns(UserWarning, match="the mul node, which was computed before f was called"):
        assert ag.compile(lambda: old.sum(), w)() == 6.0


def test_a_parameter_may_be_frozen_and_thawed_between_two_runs():
    w, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    step = ag.compile(lambda: ag.sum(w * w * b), [w, b])
    for is_trained in (True, False, True):
        b.requires_grad = is_trained
        _, (_, g) = step.value_and_grad()
        np.testing.assert_array_equal(g, [1.0, 4.0] if is_trained else [0.0, 0.0])


def test_elements_chosen_by_truths_are_others_when_the_truths_are():
    w = Tensor([1.0, -2.0, 3.0])

    def f(x):
        z = w * x
        return ag.sum(z[z > 0] ** 2)

    step = ag.compile(f, w)
    for numbers in (np.ones(3), -np.ones(3), 2 * np.ones(3)):
        agree(step, f, [w], numbers)


def test_a_number_given_beside_that_changes_is_noticed():
    w, calls = Tensor([1.0, 2.0]), itertools.count()
    step = ag.compile(lambda: (ag.sum(w * w), float(next(calls))), w)
    with pytest.warns(UserWarning, match="something else"):
        found = [step.value_and_grad()[0][1] for _ in range(4)]
    assert found[1:] == sorted(set(found[1:]))


def test_what_f_writes_stays_written_where_it_runs_eagerly():
    w = Tensor([1.0, 2.0])

    def f():
        w.data = w.data * 0.5
        return ag.sum(w * w)

    step = ag.compile(f, w)
    with pytest.warns(UserWarning, match="writes to a Tensor"):
        step()
    after = np.array(w.data)
    w.zero_grad()
    step()
    np.testing.assert_array_equal(w.data, after / 2)
    np.testing.assert_array_equal(w.grad, after)


def test_what_only_plain_arrays_can_do_runs_eagerly_and_says_so():
    w = Tensor([1.0, 2.0])
    with pytest.warns(UserWarning, match="runs eagerly"):
        assert ag.compile(lambda x: (w * x[x > 0].sum()).sum() + np.asarray(x).sum(), w)(np.array([1.0, -1.0])) == 3.0


@pytest.mark.oracle
def test_a_small_transformer_block_has_torchs_gradient():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    shapes = [(6, 4), (4, 12), (4, 4), (4, 6)]
    numbers = [rng.normal(size=shape) * 0.5 for shape in shapes]
    parameters = table, qkv, out, head = [Tensor(x) for x in numbers]

    def f(tokens, targets):
        x = table[tokens]
        y = x @ qkv
        q, k, v = y[:, :4], y[:, 4:8], y[:, 8:]
        scores = q @ k.T / 2.0
        scores = ag.where(np.tri(5) == 1, scores, -1e9)
        x = x + ag.softmax(scores, -1) @ v @ out
        x = (x - x.mean(-1, keepdims=True)) / ag.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return ag.cross_entropy(ag.gelu(x) @ head, targets).mean()

    step = ag.compile(f, parameters)
    for _ in range(3):
        tokens, targets = rng.integers(0, 6, (2, 5))
        value, gradients = step.value_and_grad(tokens, targets)
        theirs = [torch.tensor(x, requires_grad=True) for x in numbers]
        t, a, o, h = theirs
        x = t[tokens]
        q, k, v = (x @ a).split(4, 1)
        scores = (q @ k.T / 2.0).masked_fill(torch.tensor(np.tri(5) == 0), -1e9)
        x = x + scores.softmax(-1) @ v @ o
        x = torch.nn.functional.layer_norm(x, (4,))
        loss = torch.nn.functional.cross_entropy(torch.nn.functional.gelu(x, approximate="tanh") @ h, torch.tensor(targets))
        loss.backward()
        assert value == pytest.approx(loss.item(), rel=1e-12)
        for g, their in zip(gradients, theirs, strict=True):
            np.testing.assert_allclose(g, their.grad.numpy(), 1e-9, 1e-12)
    assert len(step.paths) == 1
