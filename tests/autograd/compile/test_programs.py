"""Compiled steps against eager code: on random scalar programs and on MLPs of random shape."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import DomainError, Tensor, Value
from autograd.compile import choice
from autograd.gradcheck.replay import FLOATS
from autograd.gradcheck.replay import Program as Replay
from autograd.trees import flatten

from .programs import ACTIVATIONS, Built, as_values, complaints, complaints_of_mean, eager, flat, program, stacked


def trying(n):
    return settings(
        max_examples=n, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )  # fmt: skip


def check(drawn, compile):
    """Every call of a compiled program gives what eager code gives."""
    built = Built(drawn)
    step = compile(built, built.parameters)
    for visit in drawn.visits:
        arguments = built.go_to(drawn.points[visit])
        found = complaints(built, arguments, *step.value_and_grad(*arguments))
        assert not found, "\n".join([*found, str(drawn)])
    for leaf in built.leaves:
        assert leaf.grad == 0
        leaf.grad = 0.25
    value = step(*arguments)
    once = step.value_and_grad(*arguments)
    assert [value, *[leaf.grad for leaf in built.leaves]] == [once[0], *[0.25 + g for g in flat(once[1])]], str(drawn)


def check_both(drawn):
    """As straight-line code, and as calls of NumPy."""
    with pytest.MonkeyPatch.context() as patch:
        for cost in (0.0, math.inf):
            patch.setattr(choice, "FLOAT", cost)
            patch.setattr(choice, "ALONE", cost)
            check(drawn, ag.compile)


# -- against eager code -----------------------------------------------------------------------------------------------------


@trying(500)
@given(program("rows", "sums"))
def test_every_scalar_op_computes_what_it_does_eagerly(drawn):
    check_both(drawn)


@trying(400)
@given(program("sums"))
def test_sums_and_products_of_shared_and_repeated_numbers_do(drawn):
    check_both(drawn)


@trying(400)
@given(program("structure", "sums", most=8))
def test_loops_of_regular_and_ragged_structure_do(drawn):
    check_both(drawn)


@trying(400)
@given(program("branches", "sums"))
def test_either_side_of_a_branch_does_whichever_was_recorded_first(drawn):
    check_both(drawn)


@trying(300)
@given(program("branches", "structure", "sums", "rows"))
def test_a_batch_does_whose_examples_go_different_ways(drawn):
    if drawn.layout % 8 == 6:  # ragged lists are no batch
        drawn = replace(drawn, layout=drawn.layout - 1)
    drawn = replace(drawn, points=tuple(point._replace(parameters=drawn.points[0].parameters) for point in drawn.points))
    built = Built(drawn)
    examples = [built.go_to(drawn.points[visit]) for visit in drawn.visits]
    assume(not any(raised_by(eager, built, built.leaves, arguments) for arguments in examples))
    step = ag.compile(built, built.parameters, batch=True)
    for some in (examples, examples[1:], examples * 3):
        found = complaints_of_mean(built, some, *step.value_and_grad(*stacked(some)))
        assert not found, "\n".join([*found, str(drawn)])


@trying(200)
@given(program("rows", "sums", "branches", most=6, anywhere=True))
def test_where_eager_code_raises_a_step_raises_the_same_and_then_goes_on(drawn):
    drawn = replace(drawn, returned=len(drawn.instructions) or 1)  # no dead code, which is free not to be run
    built = Built(drawn)
    step = ag.compile(built, built.parameters)
    for visit in drawn.visits:
        arguments = built.go_to(drawn.points[visit])
        refusal = raised_by(eager, built, built.leaves, arguments)
        if refusal:
            assert raised_by(step.value_and_grad, *arguments) == refusal, str(drawn)
        else:
            found = complaints(built, arguments, *step.value_and_grad(*arguments))
            assert not found, "\n".join([*found, str(drawn)])


def raised_by(call, *arguments):
    try:
        call(*arguments)
    except DomainError as error:
        return str(error)
    return ""


def test_a_captured_number_is_what_it_is_now():
    w, scale, other = Value(2.0), Value(3.0, requires_grad=False), Value(5.0)
    step = ag.compile(lambda x: w * x * scale + other, [w])
    assert step.value_and_grad(1.0) == (11.0, [3.0])
    scale.data, other.data = 10.0, 7.0
    assert step.value_and_grad(1.0) == (27.0, [10.0])


# -- MLPs -------------------------------------------------------------------------------------------------------------------


class Network:
    """A multilayer perceptron and its squared error, in plain loops over Values, and as the same in Tensors."""

    def __init__(self, widths, act, seed):
        rng = np.random.default_rng(seed)
        self.act, self.widths = act, widths
        self.arrays = [(rng.normal(size=(n, m)), rng.normal(size=m)) for n, m in pairwise(widths)]
        self.values = [(as_values([w.tolist(), b.tolist()], requires_grad=True)) for w, b in self.arrays]
        self.tensors = [(Tensor(w), Tensor(b)) for w, b in self.arrays]

    def batch(self, rng, n):
        return rng.normal(size=(n, self.widths[0])), rng.normal(size=(n, self.widths[-1]))

    def example(self, x, y):
        for i, (w, b) in enumerate(self.values):
            z = [sum((xi * row[j] for xi, row in zip(x, w)), bias) for j, bias in enumerate(b)]
            x = z if i == len(self.values) - 1 else [self.act(v) for v in z]
        return sum((a - t) ** 2 for a, t in zip(x, y))

    def written_out(self, xs, ys):
        return sum(self.example(x, y) for x, y in zip(xs, ys)) / len(xs)

    def in_tensors(self, x, y):
        for i, (w, b) in enumerate(self.tensors):
            x = x @ w + b
            x = x if i == len(self.tensors) - 1 else self.act(x)
        return ag.sum((x - y) ** 2) * (1.0 / len(y.data))

    __call__ = example
    captured = ()

    @property
    def leaves(self):
        return flatten(self.values)[0]


networks = st.builds(
    Network, st.lists(st.integers(1, 8), min_size=2, max_size=4), st.sampled_from(ACTIVATIONS), st.integers(0, 999)
)


@trying(30)
@given(networks, st.lists(st.integers(1, 8), min_size=2, max_size=4))
def test_a_batch_written_out_in_scalars_is_that_of_eager_code(network, sizes):
    step = ag.compile(network.written_out, network.values)
    rng = np.random.default_rng(0)
    for n in sizes:
        x, y = network.batch(rng, n)
        assert not complaints_of_mean(network, [*zip(x, y)], *step.value_and_grad(x, y))
        assert not complaints_of_mean(network, [*zip(x, y)], *step.value_and_grad(x.tolist(), y.tolist()))


@trying(30)
@given(networks, st.lists(st.one_of(st.sampled_from([1, 2, 257]), st.integers(1, 257)), min_size=2, max_size=3))
def test_one_example_written_in_scalars_is_run_for_batches_of_any_size(network, sizes):
    step = ag.compile(network.example, network.values, batch=True)
    rng = np.random.default_rng(0)
    for n in sizes:
        x, y = network.batch(rng, n)
        assert not complaints_of_mean(network, [*zip(x, y)], *step.value_and_grad(x, y))
        root = network.in_tensors(Tensor(x), Tensor(y))
        for block in flatten(network.tensors)[0]:
            block.zero_grad()
        root.backward()
        assert not complaints_of_mean(network, [*zip(x, y)], root.item(), [[w.grad, b.grad] for w, b in network.tensors])
    assert len(step.paths) == 1


@trying(30)
@given(networks, st.lists(st.integers(1, 257), min_size=2, max_size=3))
def test_compiled_tensor_code_gives_what_it_gives_eagerly(network, sizes):
    step = ag.compile(network.in_tensors, network.tensors)
    rng = np.random.default_rng(0)
    for n in sizes:
        x, y = network.batch(rng, n)
        assert not complaints_of_mean(network, [*zip(x, y)], *step.value_and_grad(x, y))


def test_a_mean_over_a_batch_that_is_off_by_1e_10_is_caught():
    network = Network([3, 4, 2], ag.tanh, 0)
    x, y = network.batch(np.random.default_rng(0), 7)
    value, gradient = eager(network.written_out, network.leaves, (x, y))
    assert not complaints_of_mean(network, [*zip(x, y)], value, gradient)
    for i in range(len(gradient)):
        wrong = [g * (1 + 1e-10 * (i == j)) for j, g in enumerate(gradient)]
        assert len(complaints_of_mean(network, [*zip(x, y)], value, wrong)) == 1


# -- the judge is judged ----------------------------------------------------------------------------------------------------


class Eagerly:
    """A step that runs ``f`` as it is: what a compiled one is to be like."""

    def __init__(self, f, parameters):
        self.f, self.parameters = f, parameters

    def value_and_grad(self, *arguments):
        leaves, rebuild = flatten(self.parameters)
        value, gradients = eager(self.f, leaves, arguments)
        return value, rebuild(self.spoil(gradients))

    def __call__(self, *arguments):
        value, gradients = self.value_and_grad(*arguments)
        for leaf, g in zip(flatten(self.parameters)[0], flat(gradients)):
            leaf.grad += g
        return value

    def spoil(self, gradients):
        return gradients


class SlightlyOff(Eagerly):
    def spoil(self, gradients):
        i = int(np.argmax(np.abs(gradients)))
        return [g * (1 + 1e-9) if j == i else g for j, g in enumerate(gradients)]


class WrongSign(Eagerly):
    def spoil(self, gradients):
        i = int(np.argmax(np.abs(gradients)))
        return [-g if j == i else g for j, g in enumerate(gradients)]


class LostUse(Eagerly):
    """No derivative flows through one operand of one instruction."""

    def __init__(self, f, parameters):
        twin = Built(f.program, lost=_a_use(f.program))
        twin.leaves, twin.captured = f.leaves, f.captured
        super().__init__(twin, parameters)


def _a_use(program):
    """The last use of a parameter in an instruction."""
    first = len(program.points[0].arguments)
    uses = [(i, j) for i, (_, xs, _) in enumerate(program.instructions) for j, x in enumerate(xs) if 0 <= x - first < 2]
    return uses[-1] if uses else None


class StaleBranch(Eagerly):
    """The branches taken at first are taken for ever."""

    replay = None

    def value_and_grad(self, *arguments):
        inputs = as_values(arguments, requires_grad=True)
        given = [x for part in flatten(list(inputs))[0] for x in np.ravel(part)]
        if self.replay is None:
            self.inputs = given
            self.replay = Replay(self.f(*inputs), [*given, *self.f.leaves])
        moved = dict(zip([*self.inputs, *self.f.leaves], [x.data for x in [*given, *self.f.leaves]]))
        return self.replay.run(FLOATS, moved).get(self.replay.root, 0.0), super().value_and_grad(*arguments)[1]


@trying(200)
@given(program("rows", "sums", "structure", "branches"))
def test_eager_code_itself_passes(drawn):
    check(drawn, Eagerly)


def caught(fault, strategy, n=60):
    """Of ``n`` programs in which the fault changes a number by more than 1e-10, the share in which it is found.

    Where it is not, the program is ill-conditioned: rounding alone may change the number by as much.
    """
    tally = []

    @trying(n)
    @given(strategy)
    def judge(drawn):
        built = Built(drawn)
        right, wrong = Eagerly(built, built.parameters), fault(built, built.parameters)
        for visit in drawn.visits:
            arguments = built.go_to(drawn.points[visit])
            x, y = [np.array([value, *flat(g)]) for value, g in (step.value_and_grad(*arguments) for step in (right, wrong))]
            if np.any(np.abs(x - y) > 1e-10 * np.abs(x)):
                tally.append(bool(complaints(built, arguments, y[0], y[1:])))

    judge()
    assert len(tally) > n / 4
    return sum(tally) / len(tally)


@pytest.mark.parametrize("fault", [SlightlyOff, WrongSign, LostUse])
def test_a_wrong_gradient_is_caught(fault):
    assert caught(fault, program("rows", "sums", "structure")) >= 0.9


def test_a_stale_branch_is_caught():
    assert caught(StaleBranch, program("branches")) >= 0.99
