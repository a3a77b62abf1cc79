"""Rows of one's own: an op entered with @elementwise or @variadic is as good as one of the table."""

import copy
import math
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import autograd as ag
from autograd import PRIMITIVES, Domain, DomainError, Value, elementwise, variadic

ANY = Domain("", ((-2.0, 2.0),))
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _the_table_is_left_as_it_was():
    before = dict(PRIMITIVES)
    yield
    PRIMITIVES.clear()
    PRIMITIVES.update(before)


def third_power():
    @elementwise(lambda xp, z, x: 3 * x * x, domain=(ANY,), symbol="³")
    def third(xp, x):
        """Third power."""
        return x * x * x

    return third


def test_a_users_op_is_computed_differentiated_named_and_in_the_table():
    third = third_power()
    x = Value(2.0)
    y = third(x) + 1
    y.backward()
    assert (y.data, x.grad) == (9.0, 12.0)
    assert (y.inputs[0].op.name, y.inputs[0]._op) == ("third", "³")
    assert PRIMITIVES["third"] is third.primitive
    assert (third.__name__, third.__doc__) == ("third", "Third power.")
    assert third(3.0) == 27.0


def test_a_rule_may_call_math():
    @elementwise(lambda xp, z, x: math.exp(-x * x) * 2 / math.sqrt(math.pi), domain=(ANY,))
    def erf(xp, x):
        return math.erf(x)

    x = Value(0.5)
    for _ in range(2):  # the second walk takes the way that the first has found
        x.zero_grad()
        erf(x).backward()
        assert x.grad == pytest.approx((math.erf(0.5 + 1e-6) - math.erf(0.5 - 1e-6)) / 2e-6, rel=1e-8)


@pytest.mark.parametrize(
    "rule",
    [
        lambda xp, z, x: 2.0 if x > 0 else -2.0,
        lambda xp, z, x: max(2.0, x) if x > 0 and x == x else min(-2.0, x),
        lambda xp, z, x: 2 * x**0 if x > 0 else -2 * x**0,
        lambda xp, z, x: 2.0 * abs(x) / x,
        lambda xp, z, x: float(f"{math.copysign(2.0, x)}"),
    ],
)
def test_a_rule_may_be_any_python(rule):
    @elementwise(rule, domain=(ANY,))
    def twice_abs(xp, x):
        return 2 * xp.abs(x)

    for start, slope in [(1.5, 2.0), (-1.5, -2.0), (1.0, 2.0)]:
        x = Value(start)
        twice_abs(x).backward()
        assert x.grad == slope


def test_an_operand_without_a_rule_gets_no_gradient():
    @elementwise(lambda xp, z, x, k: k, None, domain=(ANY, ANY))
    def scaled(xp, x, k):
        return k * x

    x, k = Value(2.0), Value(5.0)
    scaled(x, k).backward()
    assert (x.grad, k.grad) == (5.0, 0.0)


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_an_operand_may_have_a_default(extra):
    rules = [lambda xp, z, x, *rest: 3.0, *[lambda xp, z, x, *rest: 0.0] * extra]

    if extra == 0:

        def triple(xp, x):
            return 3.0 * x
    elif extra == 1:

        def triple(xp, x, a=1.0):
            return 3.0 * x
    else:

        def triple(xp, x, a=1.0, b=2.0):
            return 3.0 * x

    op = elementwise(*rules, domain=(ANY,) * (1 + extra))(triple)
    x = Value(2.0)
    y = op(x)
    y.backward()
    assert (y.data, x.grad) == (6.0, 3.0)


def test_a_variadic_op_of_ones_own():
    @variadic(lambda xp, z, xs: [z / x for x in xs], domain=Domain("≠ 0", ((0.5, 2.0),)))
    def product(xp, xs):
        z = xs[0]
        for x in xs[1:]:
            z = z * x
        return z

    xs = [Value(2.0), Value(3.0), Value(4.0)]
    y = product(*xs, 5.0)
    y.backward()
    assert y.data == 120.0
    assert [x.grad for x in xs] == [60.0, 40.0, 30.0]


def test_it_is_read_with_nodes_for_second_derivatives():
    third = third_power()
    x = Value(2.0)
    (first,) = third.primitive.partials(ag, third(x), [x])
    first.backward()
    assert x.grad == 12.0


def test_it_is_copied_and_pickled_by_name():
    third = third_power()
    y = third(Value(2.0))
    data = pickle.dumps(y)
    assert b"third" in data
    for twin in (pickle.loads(data), copy.deepcopy(y)):
        assert twin.op is third.primitive
        twin.backward()
        assert twin.inputs[0].grad == 12.0
    assert pickle.loads(pickle.dumps(third.primitive)) is third.primitive


def test_an_op_that_nobody_has_entered_yet_is_named():
    data = pickle.dumps(third_power()(Value(2.0)))
    program = "import pickle, sys, autograd\ntry: pickle.load(sys.stdin.buffer)\nexcept LookupError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.decode().startswith("this graph uses the op 'third', which is not in the table")


def test_a_row_of_another_module_is_not_replaced_but_ones_own_may_be_defined_again():
    with pytest.raises(ValueError, match=r"has a row 'exp' from autograd\.ops\.elementwise; give yours another name"):

        @elementwise(lambda xp, z, x: z, domain=(ANY,))
        def exp(xp, x):
            return xp.exp(x)

    assert ag.exp is PRIMITIVES["exp"].call
    first, second = third_power(), third_power()
    assert PRIMITIVES["third"] is second.primitive is not first.primitive


def test_a_fault_in_a_forward_is_a_domain_error_and_in_a_rule_leaves_the_leaves_alone():
    @elementwise(lambda xp, z, x: 1.0 / 0.0, domain=(Domain("≥ 1", ((1.0, 2.0),)),))
    def picky(xp, x):
        if x < 1:
            raise ValueError("too small")
        return x

    x = Value(0.5, label="x")
    with pytest.raises(DomainError, match=r"picky\(x=0.5\): operand 1 must be ≥ 1"):
        picky(x)
    x.data = 1.5
    with pytest.raises(DomainError, match=r"'picky' has no finite derivative at x = 1\.5"):
        picky(x).backward()
    assert x.grad == 0.0


def test_a_bug_in_a_rule_keeps_its_own_name():
    @elementwise(lambda xp, z, x: x.no_such_thing, domain=(ANY,))
    def buggy(xp, x):
        return x

    x = Value(1.0)
    with pytest.raises(AttributeError, match="no_such_thing"):
        buggy(x).backward()
    assert x.grad == 0.0
