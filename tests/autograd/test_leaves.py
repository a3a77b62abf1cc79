"""Leaves: whatever befalls any of them, the vectors kept of many say what they hold."""

import copy
import pickle
from contextlib import suppress
from threading import Thread

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import autograd as ag
import nn
from autograd import Tensor, Value, graph
from autograd.gradcheck import slopes
from autograd.gradcheck.subject import Subject, Unfit
from autograd.leaves import Leaves, _known, vector_of

N = 5
PLACES = st.integers(0, N - 1)
NUMBERS = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 3.0])
VECTORS = st.lists(NUMBERS, min_size=N, max_size=N).map(np.array)


class Befalling(RuleBasedStateMachine):
    """All that can happen to leaves, in any order, while their vectors are read in between."""

    def __init__(self):
        super().__init__()
        self.values = [Value(float(i)) for i in range(N)]
        self.all, self.some = Leaves.of(self.values), Leaves.of(self.values[3:0:-1])
        self.optimizer = nn.SGD(self.values, lr=0.5, accumulate=True)
        self.step = ag.compile(lambda x: sum(w * w for w in self.values) * x, self.values)

    @invariant()
    def vectors_are_what_leaves_hold(self):
        for leaves in (self.all, self.some):
            assert leaves.numbers().tolist() == [x.data for x in leaves.nodes]
            assert leaves.gradients().tolist() == [x.grad for x in leaves.nodes]
            assert leaves.trained() == [x.requires_grad for x in leaves.nodes]

    @rule(i=PLACES, number=NUMBERS)
    def a_number_is_written(self, i, number):
        self.values[i].data = number

    @rule(numbers=VECTORS)
    def many_are_written(self, numbers):
        graph.write(self.values, numbers.tolist())

    @rule(i=PLACES, number=NUMBERS)
    def a_gradient_is_written(self, i, number):
        self.values[i].grad = number

    @rule(i=PLACES)
    def a_gradient_is_added_to(self, i):
        self.values[i].gather(1.5)

    @rule(i=PLACES, trained=st.booleans())
    def one_is_frozen_or_freed(self, i, trained):
        self.values[i].requires_grad = trained

    @rule(i=PLACES)
    def one_is_watched_by_a_tape(self, i):
        with ag.GradientTape() as tape:
            tape.watch(self.values[i])
            self.vectors_are_what_leaves_hold()

    @rule()
    def a_graph_is_walked_back(self):
        if any(x.requires_grad for x in self.values):
            ag.add_n(*[x * x for x in self.values]).backward()

    @rule()
    def a_graph_of_tensors_is_walked_back(self):
        if any(x.requires_grad for x in self.values):
            Tensor.of(self.values).sum().backward()

    @rule()
    def a_walk_back_fails(self):
        self.values[0].requires_grad = True
        y = self.values[0] * 0.0
        with suppress(ag.DomainError):
            (y.sqrt() + self.values[1]).backward()

    @rule(i=PLACES)
    def one_is_zeroed(self, i):
        self.values[i].zero_grad()

    @rule()
    def all_are_zeroed(self):
        self.optimizer.zero_grad()

    @rule()
    def some_are_zeroed(self):
        self.some.zero_grad()

    @rule()
    def an_optimizer_steps(self):
        frozen = {x: x.data for x in self.values if not x.requires_grad}
        expected = [x.data - 0.5 * x.grad for x in self.values]
        self.optimizer.step()
        assert [x.data for x in self.values] == [frozen.get(x, new) for x, new in zip(self.values, expected)]

    @rule(number=NUMBERS)
    def a_compiled_step_runs(self, number):
        expected = [x.grad + 2 * x.data * number * x.requires_grad for x in self.values]
        self.step(number)
        assert [x.grad for x in self.values] == pytest.approx(expected, rel=1e-12)

    @rule(gradients=VECTORS)
    def gradients_are_added(self, gradients):
        expected = [x.grad + g for x, g in zip(self.values, gradients)]
        self.all.gather(gradients)
        assert [x.grad for x in self.values] == expected

    @rule(norm=st.sampled_from([0.1, 100.0]))
    def gradients_are_clipped(self, norm):
        nn.clip_grad_norm(self.values, norm)

    @rule(numbers=VECTORS)
    def they_hold_others_for_a_while(self, numbers):
        with graph.holding(self.values, numbers.tolist()):
            self.vectors_are_what_leaves_hold()

    @rule()
    def gradients_are_others_for_a_while(self):
        with graph.keeping_gradients(self.values):
            graph.zero_grad(self.values)
            self.vectors_are_what_leaves_hold()

    @rule()
    def a_gradient_is_checked(self):
        if all(x.requires_grad for x in self.values):
            ag.gradcheck(lambda values: ag.add_n(*values), self.values)


Befalling.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestBefalling = Befalling.TestCase


def test_who_asks_for_the_same_leaves_has_the_same_object_and_for_others_another():
    a, b = Value(1.0), Value(2.0)
    assert Leaves.of([a, b]) is Leaves.of(x for x in [a, b])
    assert Leaves.of([a, b]) is not Leaves.of([b, a])


def test_leaves_that_nobody_asks_for_any_more_are_forgotten():
    before = len(_known)
    for i in range(1000):  # each may come to lie where the last one did
        x = Value(float(i))
        assert Leaves.of([x]).numbers().tolist() == [i]
    assert len(_known) <= before


def test_nothing_is_read_twice_between_a_step_and_an_optimizer(monkeypatch):
    values = [Value(1.0), Value(2.0)]
    step, optimizer = ag.compile(lambda x: x * values[0] * values[1], values), nn.SGD(values)
    read = []
    monkeypatch.setattr("autograd.leaves.vector_of", lambda numbers: read.append(numbers) or vector_of(numbers))
    for i in range(5):
        optimizer.zero_grad()
        step(3.0)
        optimizer.step()
        if i == 1:  # by now f was run again, with other numbers for a while
            read.clear()
    assert not read


def test_a_graph_of_a_frozen_leaf_stays_fresh_while_others_move():
    moving, frozen = Value(1.0), Value(2.0, requires_grad=False)
    free = Value(3.0)
    y = frozen * free
    leaves = Leaves.of([moving, frozen])
    leaves.descend(np.ones(2))
    assert (moving.data, frozen.data) == (0.0, 2.0)
    assert leaves.numbers().tolist() == [0.0, 2.0]
    y.backward()
    assert free.grad == 2.0


def test_a_graph_of_a_leaf_that_moved_is_stale():
    x = Value(1.0)
    y = x * x
    Leaves.of([x]).descend(np.ones(1))
    with pytest.raises(ag.StaleGraphError):
        y.backward()


@pytest.mark.parametrize("odd", [None, "1.0", [1.0]])
def test_a_gradient_that_is_no_number_is_told_and_none_is_added_to(odd):
    a, b = Value(1.0), Value(2.0, label="b")
    a.grad, b.grad = 5.0, odd
    with pytest.raises(TypeError, match=r"grad of 'b' is .*; set it to 0 with zero_grad\(\)"):
        Leaves.of([a, b]).gather(np.ones(2))
    assert a.grad == 5.0
    b.zero_grad()
    Leaves.of([a, b]).gather(np.ones(2))
    assert (a.grad, b.grad) == (6.0, 1.0)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_a_copy_has_leaves_of_its_own(copied):
    values = [Value(1.0), Value(2.0)]
    leaves = Leaves.of(values)
    leaves.numbers()
    twin = copied(leaves)
    assert twin is Leaves.of(twin.nodes)
    twin.descend(np.ones(2))
    assert (twin.numbers().tolist(), leaves.numbers().tolist()) == ([0.0, 1.0], [1.0, 2.0])
    assert [x.data for x in twin.nodes] == [0.0, 1.0]


def test_what_another_thread_writes_meanwhile_is_not_missed():
    values = [Value(0.0) for _ in range(50)]
    leaves = Leaves.of(values)
    going = True

    def look():
        while going:
            leaves.numbers()
            leaves.gradients()

    looking = [Thread(target=look) for _ in range(3)]
    for thread in looking:
        thread.start()
    try:
        for i in range(300):
            leaves.descend(np.full(50, -1.0))
            leaves.gather(np.ones(50))
            values[i % 50].data = values[i % 50].data
            values[i % 50].grad = values[i % 50].grad
            assert leaves.numbers().tolist() == [i + 1.0] * 50
            assert leaves.gradients().tolist() == [i + 1.0] * 50
    finally:
        going = False
        for thread in looking:
            thread.join()


def test_what_two_threads_add_at_once_is_added_twice():
    values = [Value(0.0), Value(1.0)]
    leaves = Leaves.of(values)
    other = Thread(target=leaves.gather, args=(np.ones(2),))

    class Slow(np.ndarray):
        def tolist(self):
            if other.ident is None:
                other.start()
                other.join(0.05)
            return super().tolist()

    leaves.gather(np.ones(2).view(Slow))
    other.join()
    assert [x.grad for x in values] == leaves.gradients().tolist() == [2.0, 2.0]


def test_what_is_written_in_the_midst_of_adding_or_moving_is_not_missed():
    values = [Value(0.0), Value(1.0)]
    leaves = Leaves.of(values)

    class Meanwhile(np.ndarray):
        def tolist(self):
            first, second = super().tolist()
            yield first
            values[0].data = values[0].grad = 7.0
            yield second

    leaves.gather(np.ones(2).view(Meanwhile))
    assert leaves.gradients().tolist() == [x.grad for x in values] == [7.0, 1.0]
    leaves.descend(np.ones(2).view(Meanwhile))
    assert leaves.numbers().tolist() == [x.data for x in values] == [7.0, 0.0]


def test_what_is_handed_out_can_not_be_written_to():
    leaves = Leaves.of([Value(1.0), Value(2.0)])

    def handed_out():
        return leaves.numbers(), leaves.gradients()

    found = [*handed_out()]
    leaves.gather(np.ones(2))
    found += handed_out()
    leaves.zero_grad()
    leaves.descend(np.ones(2))
    found += handed_out()
    assert not any(vector.flags.writeable for vector in found)


class Interrupting(float):
    """A gradient at which the user loses patience."""

    def __add__(self, other):
        raise KeyboardInterrupt


def first_alone(x):
    yield x
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "interrupted",
    [
        lambda leaves: leaves.gather(np.ones(2)),
        lambda leaves: graph.zero_grad(first_alone(leaves.nodes[0])),
        lambda leaves: graph.write(leaves.nodes, first_alone(3.0)),
    ],
    ids=["adding", "zeroing", "writing"],
)
def test_who_breaks_in_leaves_no_vector_that_is_not_held(interrupted):
    values = a, b = Value(1.0), Value(2.0)
    leaves = Leaves.of(values)
    a.grad, b.grad = 5.0, Interrupting(7.0)
    leaves.numbers(), leaves.gradients()
    with pytest.raises(KeyboardInterrupt):
        interrupted(leaves)
    assert (a.data, a.grad) != (1.0, 5.0)
    assert leaves.numbers().tolist() == [x.data for x in values]
    assert leaves.gradients().tolist() == [x.grad for x in values]


def test_who_writes_in_the_midst_of_a_write_is_neither_locked_out_nor_missed():
    """As the handler of a signal may."""
    values = a, b = Value(1.0), Value(2.0)
    leaves = Leaves.of(values)

    def numbers():
        b.data = 20.0
        leaves.numbers()
        yield 10.0

    writing = Thread(target=graph.write, args=([a], numbers()), daemon=True)
    writing.start()
    writing.join(5.0)
    assert not writing.is_alive()
    assert leaves.numbers().tolist() == [x.data for x in values] == [10.0, 20.0]


def test_a_frozen_one_that_is_traced_for_a_while_stays_frozen_for_who_looked_meanwhile():
    moving, frozen = values = Value(1.0), Value(2.0, requires_grad=False)
    optimizer = nn.SGD(values, lr=1.0)

    def f(x):
        ag.compile(lambda y: y, values)  # looks at who is trained
        return moving * frozen * x

    ag.compile(f, [frozen, moving])(1.0)
    frozen.grad = 1.0
    optimizer.step()
    assert (moving.data, frozen.data) == (-1.0, 2.0)


def test_who_reads_while_rounding_is_tried_is_not_left_with_its_noise(monkeypatch):
    x = Value(3.0)
    leaves, seen = Leaves.of([x]), []
    tried = slopes._noisy_gradient
    monkeypatch.setattr(slopes, "_noisy_gradient", lambda *args: (seen.append(leaves.numbers()[0]), tried(*args))[1])
    assert ag.gradcheck(lambda x: ag.exp(x) / x, [x])
    assert len(set(seen)) > 1
    assert leaves.numbers().tolist() == [3.0]


def test_what_a_checked_function_wrote_and_read_is_taken_back():
    x = Value(3.0)
    leaves = Leaves.of([x])

    def writes():
        x.data = 4.0
        return leaves.numbers()[0] * x

    with pytest.raises(Unfit):
        Subject("f", writes, {"x": x}).record()
    assert leaves.numbers().tolist() == [x.data] == [3.0]


def test_none_are_empty_vectors():
    none = Leaves.of([])
    assert none.numbers().shape == none.gradients().shape == (0,)
    none.descend(np.zeros(0))
    none.gather(np.zeros(0))
