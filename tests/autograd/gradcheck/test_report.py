"""The report as text, as HTML, as data."""

import json
import math

import pytest

from autograd.gradcheck import Blame, GradcheckReport, Row, gradcheck


def _row(name="x", index=(), claimed=2.0, estimate=1.0, verdict="fail", **rest):
    return Row(name, index, claimed, estimate, rest.pop("error", 1e-12), 3, verdict, **rest)


def _passes(n):
    return tuple(_row(f"p{i}", (), 1.0, 1.0, "pass") for i in range(n))


def test_it_is_true_only_if_it_passes():
    assert GradcheckReport("f", "pass", _passes(1))
    for verdict in ("fail", "not differentiable", "cannot tell", "not deterministic", "not finite"):
        assert not GradcheckReport("f", verdict, ())


def test_a_pass_takes_one_line():
    text = str(GradcheckReport("loss", "pass", (_row("w", (0,), 1.0, 1.0 + 1e-12, "pass"), *_passes(12)), None, 182))
    assert text == "gradcheck PASSED  loss: 13 partials, worst agreement 1.0e-12, largest error bar 1.0e-12, 182 evaluations"


def test_of_many_rows_the_five_worst_are_shown_worst_first():
    rows = [_row(f"w{i}", (), 1.0 + i, 1.0) for i in range(1, 9)]
    text = str(GradcheckReport("f", "fail", (*_passes(90), *rows), None, 500))
    lines = text.splitlines()
    assert lines[0] == "gradcheck FAILED  f: 8 of 98 partials wrong"
    assert [line.split()[0] for line in lines[1:6]] == ["∂/∂w8", "∂/∂w7", "∂/∂w6", "∂/∂w5", "∂/∂w4"]
    assert lines[6] == "  … and 3 more"
    assert len(lines) == 7


def test_numbers_are_aligned_and_hints_follow():
    rows = (_row("w", (3, 1), -12.5, 0.25, hint="the sign"), _row("b", (), 2.0, 1.0, hint="a factor of 2"))
    assert str(GradcheckReport("f", "fail", rows)).splitlines()[1:] == [
        "  ∂/∂w[3, 1]  backward -12.5  true 0.25 ± 1e-12  the sign",
        "  ∂/∂b        backward     2  true    1 ± 1e-12  a factor of 2",
    ]


def test_fails_come_before_kinks_and_these_before_what_is_undecided():
    rows = (_row("a", verdict="cannot tell"), _row("b", verdict="not differentiable"), _row("c"), _row("d", verdict="pass"))
    report = GradcheckReport("f", "fail", rows)
    assert [row.name for row in report.worst] == ["c", "b", "a", "d"]
    assert "not differentiable" in str(report).splitlines()[2]


def test_blame_and_note_stand_below():
    blame = Blame("tanh", "hidden", "Dense(2, 3)", "net.py:41: y = tanh(x)", 0, 0.36, 0.8704, "looks like (1 - y)², not 1 - y²")
    text = str(GradcheckReport("f", "fail", (_row(),), blame, 9, "right at the point, wrong at x = 1.1"))
    assert text.splitlines()[2:] == [
        "  `tanh` 'hidden' (net.py:41: y = tanh(x), in Dense(2, 3)): its backward says 0.36, true is 0.8704 (operand 1); "
        "looks like (1 - y)², not 1 - y²",
        "  right at the point, wrong at x = 1.1",
    ]


def test_numbers_that_hardly_differ_are_shown_to_the_digit_where_they_do():
    text = str(Blame("sin", "", "", "", 0, 1.0000001, 1.0, "relative error 1e-07"))
    assert "says 1.0000001, true is 1;" in text.replace(" (operand 1)", "")


def test_a_report_without_rows_says_why():
    report = GradcheckReport("f", "not deterministic", (), None, 2, "f gave 0.1 and then 0.3")
    assert str(report) == "gradcheck NOT DETERMINISTIC  f: f gave 0.1 and then 0.3"


def test_the_part_on_one_input():
    report = GradcheckReport("f", "fail", (_row("w"), *_passes(2)), Blame("sin", "", "", "", 0, 1.0, 2.0, ""), 9, "note")
    assert report.of("w").verdict == "fail"
    assert report.of("w").blame
    assert report.of("p0").verdict == "pass"
    assert report.of("p0").blame is None
    whole = GradcheckReport("f", "not finite", (), None, 1, "f gives nan")
    assert whole.of("w").verdict == "not finite"
    elsewhere = GradcheckReport("f", "fail", _passes(2), None, 1, "computed on nodes it differs")
    assert elsewhere.of("p0").verdict == "fail"


def test_as_data_it_goes_through_json():
    report = gradcheck(lambda x: x.relu(), 0.0)
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["verdict"] == "not differentiable"
    assert data["rows"][0]["place"] == "x"
    row = GradcheckReport("f", "fail", (_row(claimed=math.nan),), Blame("a", "", "", "", -1, math.nan, math.inf, "", object()))
    data = json.loads(json.dumps(row.to_dict(), allow_nan=False))
    assert data["rows"][0]["claimed"] == "nan"
    assert "node" not in data["blame"]
    assert data["blame"]["true"] == "inf"


HOSTILE = "<script>alert('x')</script>&\"]]>"


def test_html_escapes_what_users_write():
    blame = Blame("tanh", HOSTILE, HOSTILE, HOSTILE, 0, 1.0, 2.0, HOSTILE)
    html = GradcheckReport(HOSTILE, "fail", (_row(HOSTILE, hint=HOSTILE),), blame, 3, HOSTILE)._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5
    assert "http" not in html


def test_html_shows_five_rows_and_says_how_many_more_there_are():
    html = GradcheckReport("f", "fail", tuple(_row(f"w{i}") for i in range(9)))._repr_html_()
    assert html.count("<tr>") == 6
    assert "4 more" in html


@pytest.mark.parametrize("order", [2, 3])
def test_higher_orders_are_marked(order):
    assert f"∂{'⁰¹²³'[order]}/∂x" in str(GradcheckReport("f", "fail", (_row(order=order),)))
