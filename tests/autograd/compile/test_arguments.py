"""Arguments, apart from how they are nested."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compile.arguments import taken, taken_of_batch

Pair = namedtuple("Pair", "x y")


def plain(numbers):
    return [x.tolist() if isinstance(x, np.ndarray) else x for x in numbers]


def test_numbers_and_arrays_come_in_a_row_and_go_back_to_where_they_were():
    args = (1.0, {"a": [2, Value(3.0)], "b": (np.array([4.0, 5.0]), "text", True, None)}, Pair(np.float32(6), np.int64(7)))
    these = taken(args)
    assert plain(these.numbers) == [1.0, 2, 3.0, [4.0, 5.0], 6.0, 7]
    assert these.origins == [0, 1, 1, 1, 2, 2]
    assert these.with_numbers("uvwxyz") == ("u", {"a": ["v", "w"], "b": ("x", "text", True, None)}, Pair("y", "z"))


def test_arrays_of_values_are_numbers_one_by_one():
    these = taken((np.array([[Value(1.0), 2.0]], object),))
    assert these.numbers == [1.0, 2.0]
    (array,) = these.with_numbers("xy")
    assert array.tolist() == [["x", "y"]]


ALIKE = [
    ((1.0,), (2.0,)),
    ((1.0,), (Value(2.0),)),
    ((1,), (2,)),
    ((np.float64(1),), (np.float64(2),)),
    (([1.0, (2.0,)],), ([3.0, (4.0,)],)),
    ((np.ones(3),), (np.zeros(3),)),
    ((np.ones(3, int),), (np.zeros(3, np.uint8),)),
    (({"a": 1.0},), ({"a": 2.0},)),
    (("text", np.array([True])), ("text", np.array([True]))),
]
UNLIKE = [
    ((1.0,), (1,)),
    ((1.0,), (1.0, 1.0)),
    ((1,), (True,)),
    ((1.0,), ([1.0],)),
    (([1.0],), ((1.0,),)),
    (([1.0, [2.0]],), ([[1.0], 2.0],)),
    ((np.ones(3),), (np.ones(4),)),
    ((np.ones(3),), (np.ones((3, 1)),)),
    ((np.ones(3),), (np.ones(3, int),)),
    (({"a": 1.0},), ({"b": 1.0},)),
    ((Pair(1.0, 2.0),), ((1.0, 2.0),)),
    (("text",), ("other",)),
    ((np.array([True]),), (np.array([False]),)),
    ((None,), (1.0,)),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_other_numbers_are_of_the_same_structure(one, other):
    assert taken(one).structure == taken(other).structure
    assert hash(taken(one).structure) == hash(taken(other).structure)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_what_is_nested_otherwise_or_of_another_kind_is_of_another_structure(one, other):
    assert taken(one).structure != taken(other).structure


@dataclass
class Batch:
    x: object


@pytest.mark.parametrize("x", [{1.0, 2.0}, Batch(1.0), bytearray(b"x")])
def test_what_may_change_unseen_is_refused(x):
    with pytest.raises(TypeError, match=f"compile: arguments are numbers, arrays, .* hash; not {type(x).__name__}"):
        taken((x,))


def test_a_batch_has_the_structure_of_one_example_however_many_there_are():
    x, y, scale = np.ones((4, 2)), [1, 2, 3, 4], 0.5
    these, n = taken_of_batch((x, y, scale))
    assert n == 4
    assert plain(these.numbers) == [x.tolist(), y, scale]
    assert plain(these.numbers_of(2)) == [[1.0, 1.0], 3, 0.5]
    assert these.structure == taken_of_batch((x[:1], y[:1], 2.0))[0].structure
    assert these.structure != taken_of_batch((np.ones((4, 3)), y, scale))[0].structure
    assert these.structure != taken_of_batch((x, [1.0] * 4, scale))[0].structure


def test_a_batch_may_be_nested_and_of_values():
    these, n = taken_of_batch(({"x": np.ones((3, 2)), "y": (np.ones(3),)}, [Value(1.0), 2.0, 3], np.array([Value(4.0)] * 3)))
    assert n == 3
    assert plain(these.numbers[2:]) == [[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((1.0, 2.0), "found no array"),
        ((np.ones(0),), "found arguments with 0 examples"),
        ((np.ones(3), [1.0, 2.0]), "found arguments with 2 and 3 examples"),
        ((np.ones(2), [[1.0], [2.0, 3.0]]), "argument 2 is a rectangle of numbers.*not rows of different lengths"),
        ((["a", "b"],), "argument 1 is a rectangle of numbers.*not an array of <U1"),
        ((np.array([True, False]),), "argument 1 is a rectangle of numbers.*not an array of bool"),
    ],
)
def test_what_is_no_batch_is_refused_with_a_reason(args, message):
    with pytest.raises(ValueError, match=message):
        ag.compile(lambda *x: Value(1.0), [], batch=True)(*args)
