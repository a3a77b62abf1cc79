"""A chain of a million additions: nothing that is done to a graph may recurse."""

import copy
import gc
import pickle
import sys

import pytest

import autograd as ag
from autograd import Value, topological_order
from autograd.graph import leaves_and_computed

LENGTH = 1_000_000


@pytest.fixture(scope="module")
def chain():
    """The leaf and the end of ``x + x + x + …``; the collector rests, to save time only."""
    gc.disable()
    x = Value(1.0, label="x")
    y = x
    for _ in range(LENGTH):
        y = y + x
    yield x, y
    gc.enable()


def test_backward(chain):
    x, y = chain
    x.zero_grad()
    y.backward()
    assert y.data == LENGTH + 1
    assert x.grad == LENGTH + 1
    assert y.inputs[0].grad == 1.0


def test_order(chain):
    x, y = chain
    order = topological_order(y)
    assert len(order) == LENGTH + 1
    assert order[0] is x
    assert order[-1] is y


def test_repr_is_short(chain):
    assert repr(chain[1]) == "Value(1e+06, grad=1)" or repr(chain[1]).startswith("Value(1e+06, grad=")
    assert len(repr(chain[1])) < 80


def test_deepcopy_and_release(chain):
    _, y = chain
    twin = copy.deepcopy(y)
    leaves, computed = leaves_and_computed(twin)
    assert [leaf.label for leaf in leaves] == ["x"]
    assert len(computed) == LENGTH
    assert twin is not y
    leaf = leaves[0]
    held = sys.getrefcount(leaf)
    del twin, leaves, computed  # a million nodes go, one after the other
    assert sys.getrefcount(leaf) < held - LENGTH / 2


def test_pickle(chain):
    x, y = chain
    x.zero_grad()
    y.backward()
    twin = pickle.loads(pickle.dumps(y))
    (leaf,), computed = leaves_and_computed(twin)
    assert (twin.data, leaf.grad, leaf.label, len(computed)) == (LENGTH + 1, LENGTH + 1, "x", LENGTH)
    twin.backward()
    assert leaf.grad == 2 * (LENGTH + 1)


def test_a_sum_of_very_many_operands_is_one_node():
    x = Value(1.0)
    y = ag.add_n(*[x] * LENGTH)
    y.backward()
    assert (y.data, x.grad, len(topological_order(y))) == (LENGTH, LENGTH, 2)


def test_a_deep_graph_survives_a_small_recursion_limit():
    x = Value(1.0)
    y = x
    for _ in range(5_000):
        y = (y + x) * 1.0
    limit = sys.getrecursionlimit()
    frame, depth = sys._getframe(), 0
    while frame:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + 40)
    try:
        y.backward()
        twins = copy.deepcopy(y), pickle.loads(pickle.dumps(y))
    finally:
        sys.setrecursionlimit(limit)
    assert x.grad == 5_001
    assert all(len(topological_order(twin)) == len(topological_order(y)) for twin in twins)
