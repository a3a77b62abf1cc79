"""Parameters in any nesting, beside their numbers as one vector."""

from contextlib import suppress

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value
from autograd.compile.parameters import Parameters


@pytest.fixture
def values():
    return [Value(float(i)) for i in range(6)]


def nested(values):
    a, b, c, d, e, f = values
    return {"w": np.array([[a, b], [c, d]]), "b": [e, (f, b)]}


def test_each_is_in_the_vector_once_in_order(values):
    parameters = Parameters(nested(values))
    assert parameters.nodes == values
    assert parameters.read().tolist() == [0, 1, 2, 3, 4, 5]
    values[3].data = 10.0
    assert parameters.read().tolist() == [0, 1, 2, 10, 4, 5]


def test_a_vector_comes_nested_like_them_in_arrays_of_its_own(values):
    parameters = Parameters(nested(values))
    vector = np.arange(6.0)
    found = parameters.nested(vector)
    vector[:] = -1
    assert found["w"].tolist() == [[0, 1], [2, 3]]
    assert found["b"] == [4.0, (5.0, 1.0)]


@pytest.mark.parametrize("as_given", [dict, lambda tree: {"b": np.array(tree["b"], object), "w": tree["w"].tolist()}])
def test_numbers_may_be_given_in_the_same_nesting(values, as_given):
    tree = as_given({"w": np.array([[10.0, 11.0], [12.0, 13.0]]), "b": [14.0, (15.0, 11.0)]})
    if isinstance(tree["b"], np.ndarray):
        tree["b"] = [14.0, [15.0, 11.0]]
        tree["w"] = np.array(tree["w"])
    assert Parameters(nested(values)).vector(tree).tolist() == [10, 11, 12, 13, 14, 15]


def test_arrays_may_hold_them_in_any_order(values):
    a, b, c, *_ = values
    parameters = Parameters([a, np.array([c, a, b, c])])
    assert parameters.nodes == [a, c, b]
    _, array = parameters.nested(np.array([10.0, 12.0, 11.0]))
    assert array.tolist() == [12.0, 10.0, 11.0, 12.0]


def test_numbers_may_be_given_as_a_vector(values):
    vector = np.arange(6.0)
    assert Parameters(nested(values)).vector(vector) is vector
    assert Parameters(nested(values)).vector(np.arange(6)).dtype == float


@pytest.mark.parametrize("numbers", [1.0, [1.0], np.ones(5), {"w": np.ones(4), "b": [1.0, (1.0, 1.0)]}, {"w": 1.0}])
def test_numbers_of_another_shape_are_refused(values, numbers):
    with pytest.raises(ValueError, match=r"a vector of 6; expected shapes \[\(2, 2\), \(\), \(\), \(\)\]"):
        Parameters(nested(values)).vector(numbers)


def test_they_hold_other_numbers_meanwhile_and_their_own_again_after_an_error(values):
    parameters = Parameters(values)
    with parameters.holding(np.full(6, 7.0)):
        assert [x.data for x in values] == [7.0] * 6
    with suppress(ZeroDivisionError), parameters.holding(np.full(6, 7.0)):
        raise ZeroDivisionError
    assert [x.data for x in values] == [0, 1, 2, 3, 4, 5]


def test_none_are_an_empty_vector():
    assert Parameters([]).read().shape == (0,)
    assert Parameters({}).nested(np.zeros(0)) == {}


@pytest.mark.parametrize(
    ("tree", "what"),
    [
        ([1.0], "not float"),
        ([Value(1.0), None], "not NoneType"),
        ([Value(1.0) * 2], "not the mul node"),
        (iter([Value(1.0)]), "not list_iterator"),
        (nn.MLP(2, [1], rng=0), r"not MLP; pass its parameters\(\)"),
    ],
)
def test_what_is_no_parameter_is_refused(tree, what):
    with pytest.raises(TypeError, match=f"compile: parameters are Values that were not computed, in any nesting; {what}"):
        ag.compile(lambda x: x, tree)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ([1.0], "make it one, Value"),
        (nn.MLP(2, [1]).parameters, "call it"),
        (nn.MLP(2, [1]), "pass its parameters"),
        (iter([]), "pass a list"),
    ],
)
def test_what_is_no_value_is_refused_with_advice(given, advice):
    with pytest.raises(TypeError, match=advice):
        ag.compile(lambda x: x, given)
