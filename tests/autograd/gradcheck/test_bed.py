"""The judge on a bed of hard cases: every verdict, every blame, and the error bars."""

import statistics
from collections import Counter

import pytest

from autograd.gradcheck import gradcheck

from .bed import CASES, KINK, MASKED, RIGHT, WRONG

_reports = {}


def _report(case):
    if case.name not in _reports:
        _reports[case.name] = gradcheck(case.f, case.inputs, name=case.name)
    return _reports[case.name]


def test_the_bed_is_large_and_names_no_case_twice():
    sizes = Counter(case.group for case in CASES)
    assert len({case.name for case in CASES}) == len(CASES) >= 200
    assert sizes[RIGHT] >= 100
    assert sizes[WRONG] >= 75
    assert sizes[KINK] >= 22
    assert sizes[MASKED] >= 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_the_verdict_is_one_of_the_fair_ones(case):
    report = _report(case)
    assert report.verdict in case.verdicts, str(report)


@pytest.mark.parametrize("case", [case for case in CASES if case.guilty], ids=lambda case: case.name)
def test_the_op_that_is_blamed_is_guilty(case):
    report = _report(case)
    assert report.blame is not None
    assert report.blame.op in case.guilty, str(report)


def test_nobody_is_blamed_for_a_right_gradient():
    assert [case.name for case in CASES if case.group in (RIGHT, KINK) and _report(case).blame] == []


@pytest.mark.parametrize("case", [c for c in CASES if c.group == RIGHT and c.exact], ids=lambda case: case.name)
def test_the_true_partial_lies_within_eight_bars(case):
    exact = case.gradient()
    for row, true in zip(_report(case).rows, exact, strict=True):
        if row.verdict == "pass":
            assert abs(row.estimate - true) <= 8 * row.error + 1e-29


def test_few_evaluations_are_needed_on_code_that_is_smooth():
    counts = [_report(case).evaluations / len(_report(case).rows) for case in CASES if case.group == RIGHT]
    assert statistics.median(counts) <= 15
