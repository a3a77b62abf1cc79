"""Nested arguments and results: taken apart into leaves, and put together again in the same shape."""

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Tensor, Value
from autograd.trees import flatten

Point = namedtuple("Point", "x y")

LEAVES = st.one_of(st.floats(allow_nan=False), st.text(max_size=3), st.none(), st.booleans())
TREES = st.recursive(
    LEAVES,
    lambda inside: st.one_of(
        st.lists(inside, max_size=4),
        st.lists(inside, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=3), inside, max_size=4),
        st.builds(Point, inside, inside),
    ),
    max_leaves=20,
)


def leaves(tree):
    return flatten(tree)[0]


def with_each(function, tree):
    """``tree`` with ``function`` of each leaf in its place, written down a second time, by cases."""
    if isinstance(tree, Point):
        return Point(with_each(function, tree.x), with_each(function, tree.y))
    if isinstance(tree, dict):
        return {key: with_each(function, part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)([with_each(function, part) for part in tree])
    return function(tree)


@given(TREES)
def test_what_is_taken_apart_goes_together_again(tree):
    parts, rebuild = flatten(tree)
    assert rebuild(parts) == tree


@given(TREES)
def test_others_go_in_the_places_of_the_leaves_and_kinds_of_nesting_are_kept(tree):
    parts, rebuild = flatten(tree)
    assert repr(rebuild([[part] for part in parts])) == repr(with_each(lambda part: [part], tree))


@given(TREES)
def test_taking_apart_leaves_the_tree_as_it_was(tree):
    before = repr(tree)
    flatten(tree)
    assert repr(tree) == before


def test_leaves_come_in_the_order_in_which_they_are_written():
    assert leaves([1, (2, {"z": 3, "a": [4]}), Point(5, 6)]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("leaf", [1.0, 2, None, "text", True, np.float32(2.0), Value(1.0), object(), {1.0, 2.0}, range(3)])
def test_what_is_no_list_tuple_or_dict_is_a_leaf(leaf):
    parts, rebuild = flatten(leaf)
    assert len(parts) == 1
    assert parts[0] is leaf
    assert rebuild(["new"]) == "new"


@pytest.mark.parametrize("array", [np.array(2.0), np.array([1.0, 2.0]), np.array([[1, 2]]), np.zeros((0, 3)), np.array(["a"])])
def test_an_array_of_numbers_is_a_leaf(array):
    parts, _ = flatten([array])
    assert len(parts) == 1
    assert parts[0] is array


def test_a_tensor_is_a_leaf():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert leaves((t,))[0] is t


@pytest.mark.parametrize("empty", [[], (), {}, [[], ()], {"a": {}}])
def test_what_is_empty_has_no_leaves_and_comes_back_empty(empty):
    parts, rebuild = flatten(empty)
    assert parts == []
    assert rebuild([]) == empty


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 2, 2), (0,), (2, 0)])
def test_an_array_of_objects_is_a_nesting_of_its_own_shape(shape):
    array = np.empty(shape, object)
    for place in np.ndindex(*shape):
        array[place] = Value(float(sum(place)))
    parts, rebuild = flatten(array)
    assert [id(x) for x in parts] == [id(x) for x in array.ravel()]
    back = rebuild([x * 2 for x in parts])
    assert isinstance(back, np.ndarray)
    assert (back.dtype, back.shape) == (object, shape)
    assert [x.data for x in back.ravel()] == [2 * x.data for x in array.ravel()]


def test_a_value_that_comes_twice_is_two_leaves():
    x = Value(1.0)
    assert [id(leaf) for leaf in leaves([x, {"again": x}])] == [id(x), id(x)]


def test_a_tree_can_be_rebuilt_more_than_once():
    _, rebuild = flatten({"a": [1, 2], "b": (3,)})
    assert rebuild("xyz") == {"a": ["x", "y"], "b": ("z",)}
    assert rebuild([7, 8, 9]) == {"a": [7, 8], "b": (9,)}


PARTS = {
    "arrays of one length": [np.array([1.0, 2.0]), np.array([3.0, 4.0])],
    "arrays of two lengths": [np.array([1.0, 2.0]), np.array([3.0])],
    "lists": [[1.0, 2.0], [3.0, 4.0]],
    "Tensors": [Tensor([1.0, 2.0]), Tensor([3.0, 4.0])],
    "constant Tensors": [Tensor([1.0, 2.0], requires_grad=False), Tensor([3.0, 4.0], requires_grad=False)],
}


@pytest.mark.parametrize(
    "parts",
    PARTS.values(),
    ids=PARTS,
)
def test_what_goes_into_an_array_of_objects_may_have_a_length_of_its_own(parts):
    array = np.empty(2, object)
    array[0], array[1] = Value(1.0), Value(2.0)
    back = flatten(array)[1](parts)
    assert back.shape == (2,)
    assert back[0] is parts[0]
    assert back[1] is parts[1]
