"""Reading a recorded graph with other numbers, and telling two recordings apart."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, Value
from autograd.gradcheck.replay import FLOATS, Program, difference
from autograd.gradcheck.slopes import along, exactly, gradient_noise, tangents, unreadable, value_noise


def _recorded(f, *numbers):
    leaves = [Value(x) if isinstance(x, float) else Tensor(x) for x in numbers]
    return Program(f(*leaves), leaves), leaves


def test_a_replay_gives_what_a_run_gives():
    f = lambda x, y: ((x * y).tanh() + y.exp()).log() * 0.5  # noqa: E731
    program, leaves = _recorded(f, 0.3, 0.7)
    found = program.run(FLOATS, {leaves[0]: 1.3, leaves[1]: -0.2})[program.root]
    assert found == f(Value(1.3), Value(-0.2)).data


def test_crossing_and_arrays_are_replayed_too():
    f = lambda a: Tensor.of([v * v for v in a.values()]).sum() + (a @ a)  # noqa: E731
    program, (a,) = _recorded(f, np.array([1.0, 2.0]))
    assert program.run(FLOATS, {a: np.array([3.0, 1.0])})[program.root] == pytest.approx(20.0)
    assert along(program, [a], [np.array([1.0, 0.0])]) == pytest.approx(4.0, rel=1e-15)
    assert exactly(program, [a], [np.array([0.0, 1.0])]) == pytest.approx((8.0, 8.0), rel=1e-15)


def test_two_runs_of_one_function_do_not_differ():
    x = Value(0.3)
    first = Program(x * x.sin() + 2.0, [x])
    x._data = 0.9
    second = Program(x * x.sin() + 2.0, [x])
    assert difference(first, second, first.run(FLOATS, {x: 0.9})) == ""


def _at_two(f):
    x = Value(0.3)
    first = Program(f(x), [x])
    x._data = 0.9
    second = Program(f(x), [x])
    return difference(first, second, first.run(FLOATS, {x: 0.9}))


def test_another_branch_is_told():
    assert _at_two(lambda x: x.sin() if x < 0.5 else x.cos()) == "other branch"
    assert _at_two(lambda x: x.sin() if x < 0.5 else x.sin().sin()) == "other branch"


def test_a_constant_that_moved_is_found_at_its_user():
    node = _at_two(lambda x: (x * x.data).sin())
    assert node.op.name == "mul"


def test_slopes_on_both_sides_of_a_kink():
    program, leaves = _recorded(lambda x: ag.maximum(x, 0.0) * 3.0 - x, 0.0)
    assert along(program, leaves, [1.0]) == 2.0
    assert along(program, leaves, [1.0], -1.0) == -1.0
    assert exactly(program, leaves, [1.0]) == (-1.0, 2.0)


def test_slopes_of_a_result_that_depends_on_nothing_are_0():
    x = Value(0.3)
    program = Program(Value(2.0).sin(), [x])
    assert along(program, [x], [1.0]) == 0.0
    assert exactly(program, [x], [1.0]) == (0.0, 0.0)


def test_tangents_are_those_of_every_node():
    program, (x,) = _recorded(lambda x: (x * x).sin(), 0.7)
    moves = tangents(program, [x], [1.0])
    assert [moves[node] for node in program.live] == pytest.approx([1.4, 1.4 * np.cos(0.49)], rel=1e-14)


def test_noise_of_a_cancellation_is_large_and_else_small():
    program, _ = _recorded(lambda x: (x + 1e10) - 1e10, 0.7)
    program.root.backward()
    assert 1e-7 < value_noise(program, 2.0**-53) < 1e-5
    saturated, inputs = _recorded(lambda x: x.tanh(), 18.0)
    saturated.root.backward()
    assert 1e-17 < gradient_noise(saturated, inputs, [inputs[0].grad], 2.0**-53)[0] < 1e-15
    smooth, inputs = _recorded(lambda x: x.sin(), 0.7)
    smooth.root.backward()
    assert gradient_noise(smooth, inputs, [inputs[0].grad], 2.0**-53)[0] < 1e-14


def test_noise_leaves_the_graph_as_it_was():
    program, leaves = _recorded(lambda x, y: ag.logaddexp(x, y) * x, 0.7, 0.2)
    program.root.backward()
    before = [(node._data, node._grad) for node in (*leaves, *program.computed)]
    gradient_noise(program, leaves, [x.grad for x in leaves], 2.0**-53)
    assert [(node._data, node._grad) for node in (*leaves, *program.computed)] == before


def test_an_op_that_has_no_decimals_is_named():
    program, leaves = _recorded(lambda x: ag.checkpoint(lambda v: v.sin())(x) * 2.0, 0.7)
    node = unreadable(program, leaves)
    assert node is not None
    assert node.op.name == "checkpoint"
    fine, leaves = _recorded(lambda x: x.sin(), 0.7)
    assert unreadable(fine, leaves) is None


def test_noise_of_a_chaotic_function_is_as_large_as_its_gradient():
    program, (x,) = _recorded(lambda x: (x * 1e40).cos() * 1e-40, 0.7)  # whose argument rounds by 10²⁴ turns
    program.root.backward()
    assert gradient_noise(program, [x], [x.grad], 2.0**-53)[0] > 1e-2 * abs(x.grad)
