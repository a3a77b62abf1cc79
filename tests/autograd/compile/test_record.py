"""The record of a run: what it computes again, against the run itself; and what can't be recorded."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import Value, scalar
from autograd.compile.record import NotCompilable, record
from autograd.graph import tick
from autograd.primitive import Elementwise, Primitive

whole = Primitive("whole", lambda xp, x: xp.sum(x), (lambda xp, g, z, x: g,), "whole")
odd = Elementwise("odd", lambda xp, x: x if x > 0 else float(math.gamma(x)), (lambda xp, z, x: 1.0,), "odd")


def replayed(found, arguments, parameters):
    """The outputs of a record, for other inputs."""
    known = [*found.constants.tolist(), *arguments, *parameters]
    for i, row in enumerate(found.row):
        operands = found.operands[found.start[i] : found.start[i + 1]]
        known.append(found.rows[row].apply(scalar, [known[x] for x in operands]))
    return [known[x] for x in found.outputs]


def f(x, y, a, b):
    z = ag.tanh(a * x - b) / (1.5 + y * y)
    return ag.where(x < y, z, ag.maximum(z, b)) + ag.max_n(a, b, x, 0.25, y) - 2.0 * z


def test_it_computes_for_other_numbers_what_eager_code_does():
    x, y, a, b = [Value(v) for v in (0.3, -0.2, 1.1, 0.7)]
    found = record([f(x, y, a, b), a * x], [x, y], [a, b])
    assert (found.n_arguments, found.parameters) == (2, (a, b))
    for point in np.random.default_rng(0).uniform(-2, 2, (20, 4)).tolist():
        if (point[0] < point[1]) == (0.3 < -0.2):
            values = [Value(v) for v in point]
            assert replayed(found, point[:2], point[2:]) == [f(*values).data, point[0] * point[2]]


def test_each_operand_comes_before_what_uses_it():
    x, y, a, b = [Value(v) for v in (0.3, -0.2, 1.1, 0.7)]
    found = record([f(x, y, a, b)], [x, y], [a, b])
    owners = np.repeat(np.arange(len(found.row)), np.diff(found.start))
    assert (found.operands < found.first_node + owners).all()


def test_an_expression_that_comes_twice_is_one_node():
    a, b = Value(2.0), Value(3.0)
    root = ag.sin(a * b) + ag.cos(a * b) + ag.sin(a * b)
    found = record([root], [], [a, b])
    assert (len(found.row), found.n_computed) == (5, 8)
    assert len(record([a * b + b * a], [], [a, b]).row) == 3  # the order of operands tells them apart


def test_a_number_that_comes_twice_is_one_constant_and_zeros_of_both_signs_are_two():
    a = Value(2.0)
    signed = [float(np.copysign(1.0, x)) for x in record([a + 0.0 + (a * -0.0) + (a - 0.0)], [], [a]).constants]
    assert sorted(signed) == [-1.0, 1.0]
    assert record([a * 3.0 + 3.0], [], [a]).constants.tolist() == [3.0]
    assert len(record([(a + float("nan")) * float("nan")], [], [a]).constants) == 1


def test_what_is_made_of_constants_alone_is_a_constant():
    a, since = Value(2.0), tick()
    young = Value(0.5)
    found = record([a * ag.exp(young * 2.0)], [], [a], since=since)
    assert len(found.row) == 1
    assert math.e in found.constants


def test_older_leaves_are_inputs_and_younger_ones_constants():
    w, frozen, a = Value(2.0), Value(3.0, requires_grad=False), Value(4.0)
    since = tick()
    young = Value(5.0, requires_grad=False)
    found = record([a * w + frozen * a + young], [], [a], since=since)
    assert found.parameters == (a, w, frozen)
    assert (found.n_fixed, found.constants.tolist()) == (1, [5.0])


def test_whatever_is_found_last_ids_count_constants_arguments_parameters_and_nodes():
    a, x, w = Value(2.0), Value(3.0), Value(4.0)
    frozen, drawn = [Value(v, requires_grad=False) for v in (5.0, 6.0)]
    since = tick()
    two = Value(2.0)
    root = ag.sin(a * x) * (two * two + 7.0) - frozen * x
    later = ag.exp(root * w) + (two + 1.0) * frozen
    found = record([root, later, w, frozen * w], [x, Value(0.0)], [a], [drawn], since=since)
    assert (found.n_arguments, found.n_fixed, found.parameters) == (2, 2, (a, w, drawn, frozen))
    assert replayed(found, [3.0, 0.0], [2.0, 4.0, 6.0, 5.0]) == [root.data, later.data, 4.0, 20.0]
    assert found.last_of_root == found.outputs[0]
    assert len(found.row) == 5 + 5
    assert found.n_computed == 5 + 5 + 3  # of constants alone


def test_a_root_that_is_an_older_leaf_depends_on_no_node():
    a, w = Value(2.0), Value(4.0)
    since = tick()
    found = record([w, ag.sin(a) * w], [], [a], since=since)
    assert found.last_of_root == found.first_node - 1
    assert found.outputs[0] == found.first_node - 1


def test_a_node_that_was_computed_before_can_not_be_recorded():
    a = Value(2.0)
    before = ag.exp(a)
    since = tick()
    with pytest.raises(NotCompilable, match="computed before f was called; compute it in f"):
        record([before * a], [], [a], since=since)


def test_an_op_that_is_not_elementwise_or_can_not_be_read_can_not_be_recorded():
    a = Value(2.0)
    for row, why in ((whole, "'whole' on Values is not elementwise"), (odd, "odd")):
        first = ag.sin(a)
        later = ag.sin(first)
        first.label, first.op, later.op = "first", row, row
        with pytest.raises(NotCompilable, match=f"{why}.*at 'first'"):
            record([later], [], [a])


def test_an_op_of_any_number_of_operands_is_read_with_as_many_as_it_has():
    def forward(xp, terms):
        return sum(terms) if len(terms) < 8 else sum(terms) + math.gamma(terms[7])

    moody = Elementwise("moody", forward, (lambda xp, z, terms: [1.0] * len(terms),), "moody", variadic=True)
    a = Value(2.0)
    few, many = [ag.add_n(*[a] * n) for n in (7, 8)]
    few.op = many.op = moody
    few.label, many.label = "few", "many"
    assert len(record([few], [], [a]).row) == 1
    with pytest.raises(NotCompilable, match=r"moody can't be read.*at 'many'"):
        record([few, many], [], [a])


def test_the_root_depends_on_no_node_after_the_last_of_it():
    a = Value(2.0)
    root = ag.exp(a)
    found = record([root, ag.sin(a), root * a], [], [a])
    assert found.last_of_root == found.outputs[0] == found.first_node
    assert record([a, ag.sin(a)], [], [a]).last_of_root < found.first_node


def test_inputs_and_constants_can_be_asked_for():
    a, x = Value(2.0), Value(3.0)
    constant = Value(7.0, requires_grad=False)
    assert replayed(record([a, x, constant], [x], [a], since=-1), [5.0], [4.0]) == [4.0, 5.0, 7.0]


def test_a_chain_of_any_length_is_recorded_without_recursion():
    a = z = Value(0.5)
    for _ in range(20_000):
        z = ag.sin(z)
    assert len(record([z], [], [a]).row) == 20_000


def test_records_are_the_same_if_what_they_compute_from_what_constants_is():
    a, b = Value(2.0), Value(3.0)

    def of(z, parameters=(a, b)):
        return record([z], [], parameters)

    assert of(a * b + math.nan).is_same(of(a * b + math.nan))
    others = [a * b + 1.0, a * a + math.nan, a / b + math.nan, b * a + math.nan, ag.sin(a * b + math.nan)]
    assert not any(of(a * b + math.nan).is_same(of(z)) for z in others)
    assert not of(a * b).is_same(of(a * b, (b, a)))
    assert not record([a, b], [], [a, b]).is_same(record([b, a], [], [a, b]))
