"""The judge on random expressions over the op table, right ones and such with one wrong op."""

import statistics

import numpy as np
import pytest

from autograd.gradcheck import gradcheck

from . import expressions

RIGHT, WRONG = 700, 500


@pytest.fixture(scope="module")
def right():
    rng = np.random.default_rng(11)
    drawn = [expressions.draw(rng) for _ in range(RIGHT)]
    return [(e, gradcheck(e.function(), e.inputs)) for e in drawn]


@pytest.fixture(scope="module")
def wrong():
    rng = np.random.default_rng(12)
    found = []
    while len(found) < WRONG:
        spoilt = expressions.spoil(expressions.draw(rng), rng)
        if spoilt:
            found.append(spoilt)
    return [(name, gradcheck(f, inputs)) for f, inputs, name in found]


def test_right_gradients_are_hardly_ever_called_wrong(right):
    alarms = [str(report) for _, report in right if report.verdict == "fail"]
    assert len(alarms) <= 0.003 * RIGHT, "\n".join(alarms)


def test_right_gradients_hardly_ever_stay_undecided(right):
    assert sum(not report for _, report in right) <= 0.005 * RIGHT


def test_a_handful_of_evaluations_a_coordinate_is_enough(right):
    assert statistics.median([report.evaluations / len(e.inputs) for e, report in right]) <= 8


def test_wrong_gradients_are_caught(wrong):
    assert sum(report.verdict == "fail" for _, report in wrong) >= 0.99 * WRONG


def test_the_wrong_op_is_named(wrong):
    failed = [(name, report.blame) for name, report in wrong if report.verdict == "fail"]
    assert [(name, blame) for name, blame in failed if blame is None or blame.op != name] == []
