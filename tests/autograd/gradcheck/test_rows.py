"""A fault planted in each row of the op table, one at a time, must be found: on both kinds of number, in both orders."""

import numpy as np
import pytest

import autograd as ag
from autograd import PRIMITIVES, Tensor, Value
from autograd.gradcheck import gradcheck
from autograd.gradcheck.table import _cases
from autograd.graph import Node

from ..rows import ROWS, STRUCTURAL, variant

OFF = 1.001
INTERNAL = {"element", "together", "checkpoint"}  # written by hand in their own rooms, and tested there


def _scaled(row, on_nodes_alone):
    """The row with every rule 0.1 % off; or right in numbers, and off where it is read with nodes."""

    def off(rule):
        if rule is None:
            return None

        def wrong(xp, *operands, **settings):
            found = rule(xp, *operands, **settings)
            if on_nodes_alone and not any(isinstance(x, Node) for x in _flat(operands)):
                return found
            return [x * OFF for x in found] if isinstance(found, list) else found * OFF

        return wrong

    return variant(row, rules=tuple(map(off, row.rules)))


def _flat(operands):
    for x in operands:
        yield from x if isinstance(x, list | tuple) else [x]


def _checks(row, op, kind, order):
    """Reports on the op, in the place of the row, at operands of its own."""
    rng = np.random.default_rng(3)
    for title, f, operands in _cases(op.primitive, rng):
        if kind in title:
            yield gradcheck(f, tuple(operands), order=order, name=row.name)


def _moves(report):
    """Whether there is a derivative to be wrong (the variance of a single number has none)."""
    return any(row.claimed or row.estimate for row in report.rows)


def _has_derivative(row):
    return any(rule is not None for rule in row.rules) and row.name != "step"


KINDS = [(row, "on Values") for row in ROWS if _has_derivative(row)]
KINDS += [(row, "on Tensors") for row in [*ROWS, *STRUCTURAL] if _has_derivative(row) and row.name not in INTERNAL]
ids = [f"{row.name} {kind}" for row, kind in KINDS]


@pytest.mark.parametrize(("row", "kind"), KINDS, ids=ids)
def test_a_rule_that_is_a_thousandth_off_fails(row, kind):
    reports = [report for report in _checks(row, _scaled(row, on_nodes_alone=False), kind, order=1) if _moves(report)]
    assert reports
    for report in reports:
        assert report.verdict == "fail", str(report)
        assert report.blame is not None
        assert report.blame.op == f"wrong_{row.name}", str(report)


@pytest.mark.parametrize(("row", "kind"), KINDS, ids=ids)
def test_a_rule_that_is_off_in_the_second_order_alone_fails(row, kind):
    op = _scaled(row, on_nodes_alone=True)
    first, second = (list(_checks(row, op, kind, order)) for order in (1, 2))
    assert all(first), [str(report) for report in first]
    assert any(map(_moves, second))
    for report in filter(_moves, second):
        assert report.verdict == "fail", str(report)


@pytest.mark.parametrize(("row", "kind"), KINDS, ids=ids)
def test_the_row_as_it_is_passes(row, kind):
    for report in _checks(row, row.call, kind, order=2):
        assert report, str(report)


def test_the_step_has_no_derivative_to_be_wrong():
    assert gradcheck(lambda x: x.step() + x, 0.4)
    assert PRIMITIVES["step"].partials(None, 1.0, [0.4]) == [0.0]


def test_both_kinds_are_told_apart_by_their_titles():
    titles = [title for title, _, _ in _cases(ag.tanh.primitive, np.random.default_rng(0))]
    assert titles == ["tanh on Values", "tanh on Tensors"]
    kinds = [type(operands[0]) for _, _, operands in _cases(ag.tanh.primitive, np.random.default_rng(0))]
    assert kinds == [Value, Tensor]
