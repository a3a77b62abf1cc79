"""A row read as terms: what is recorded is what the row does."""

import math

import numpy as np
import pytest

from autograd import PRIMITIVES, scalar
from autograd.terms import ReadingError, Term, Terms, needed, read, source

from .rows import ROWS, counts, draw, variant


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_terms_give_the_very_numbers_of_the_row(row):
    rng = np.random.default_rng(0)
    for n in counts(row):
        forward, partials = read(row, n)
        for _ in range(5):
            point = draw(row, n, rng)
            z = row.apply(scalar, point)
            leaves = {**vars(scalar), "z": z, **{f"x{i}": x for i, x in enumerate(point)}}
            assert eval(source(forward), leaves) == z
            got = [x if x is None else eval(source(x), leaves) for x in partials]
            assert got == row.partials(scalar, z, point)


def test_every_operator_is_recorded_with_its_operands_in_order():
    terms = Terms()
    x, y = terms.make("x"), terms.make("y")
    told = [x + y, 1 + x, x - y, 1 - x, x * y, 2 * x, x / y, 1 / x, -x, +x, abs(x), x**y, 2**x]
    assert list(map(repr, told)) == [
        "(x + y)", "(1 + x)", "(x - y)", "(1 - x)", "(x * y)", "(2 * x)", "(x / y)", "(1 / x)", "(-x)", "x", "abs(x)",
        "pow(x, y)", "pow(2, x)",
    ]  # fmt: skip
    compared = [x < y, x <= y, x > y, x >= y, x == y, x != y, 1 < x]  # noqa: SIM300
    assert list(map(repr, compared)) == ["(x < y)", "(x <= y)", "(x > y)", "(x >= y)", "(x == y)", "(x != y)", "(x > 1)"]


def test_equal_terms_are_one_and_stand_after_their_operands():
    terms = Terms()
    x = terms.make("x")
    y = terms.exp(-x) + terms.exp(-x)
    assert y.operands[0] is y.operands[1]
    assert [term.op for term in needed([y])] == ["x", "-", "exp", "+"]
    assert all(x.place < term.place for term in needed([y]) for x in term.operands)


def test_numbers_that_are_equal_but_not_the_same_are_kept_apart():
    terms = Terms()
    x = terms.make("x")
    assert len({(x * c).place for c in (0.0, -0.0, 0, 1, 1.0, math.nan, math.inf)}) == 7
    assert (x * math.nan).place == (x * math.nan).place


def test_a_row_of_many_operands_is_not_read_by_recursion():
    n = 100_000
    forward, partials = read(PRIMITIVES["add_n"], n)
    assert len(needed([forward])) == 2 * n - 1
    assert partials == (1.0,) * n


@pytest.mark.parametrize(
    "forward",
    [
        lambda xp, x: math.exp(x),
        lambda xp, x: x if x > 0 else 0.0,
        lambda xp, x: np.float64(2),
        lambda xp, x: None,
        lambda xp, x: xp.nosuch(x),
        lambda xp, x: 1 / 0,
    ],
)
def test_a_row_that_cannot_be_read_says_so_by_its_name(forward):
    with pytest.raises(ReadingError, match=r"^wrong_tanh can't be read as terms \(.*xp\.where$"):
        read(variant(PRIMITIVES["tanh"], forward=forward).primitive, 1)


def test_a_rule_that_cannot_be_read_says_so_too():
    rule = lambda xp, z, x: math.cos(x)  # noqa: E731
    with pytest.raises(ReadingError, match="can't be read"):
        read(variant(PRIMITIVES["sin"], rules=(rule,)).primitive, 1)


def test_a_row_that_mixes_elements_is_not_read():
    with pytest.raises(ReadingError, match="matmul mixes elements"):
        read(PRIMITIVES["matmul"], 2)


def test_a_term_is_neither_true_nor_false():
    with pytest.raises(TypeError, match=r"branches through xp\.where"):
        bool(Terms().make("x"))


def test_no_derivative_is_none_and_a_number_stays_one():
    forward, partials = read(PRIMITIVES["where"], 3)
    assert isinstance(forward, Term)
    assert [x if x is None else repr(x) for x in partials] == [None, "(1.0 if x0 else 0.0)", "(0.0 if x0 else 1.0)"]
    assert read(PRIMITIVES["sub"], 2)[1] == (1.0, -1.0)
