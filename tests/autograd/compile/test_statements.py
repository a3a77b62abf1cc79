"""Rows as statements."""

from itertools import accumulate

import pytest

from autograd import PRIMITIVES
from autograd.compile.statements import statements

from ..rows import ROWS


def depth(text):
    """How deeply parentheses are nested."""
    return max(accumulate([(c == "(") - (c == ")") for c in text]), default=0)


@pytest.mark.parametrize("row", [row for row in ROWS if row.variadic], ids=lambda row: row.name)
def test_of_many_operands_nothing_is_nested_too_deeply_for_a_parser(row):
    written = statements(row, (True,) * 150)
    texts = [*written.before_z, written.z, *written.before_partials, *[text for _, text in written.partials]]
    assert max(map(depth, texts)) < 150
    compile("\n".join(["z = 0", *texts]), "", "exec")


def test_an_operand_that_takes_no_cotangent_gets_no_partial():
    assert statements(PRIMITIVES["mul"], (False, True)).partials == ((1, "x0"),)
    assert statements(PRIMITIVES["mul"], (False, False)).partials == ()


def test_a_partial_that_is_always_0_is_left_out():
    assert statements(PRIMITIVES["step"], (True,)).partials == ()
