"""Rows of one's own: an op that a user enters, element by element or with vjps, is as good as one of the table."""

import copy
import gc
import importlib.util
import inspect
import math
import pickle
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
import viz
from autograd import (
    PRIMITIVES,
    Domain,
    DomainError,
    GradientTape,
    StaleGraphError,
    Tensor,
    Value,
    checkpoint,
    elementwise,
    example,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    primitive,
    variadic,
    variadic_primitive,
)

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


# -- functions of arrays, and of anything, with vjps ------------------------------------------------------------------------

THEIRS = '''
"""A file of a user's own."""

import numpy as np

from autograd import primitive, variadic_primitive


def _by_matrix(xp, g, z, a, b):
    return -xp.reshape(solve(xp.transpose(a), g), (-1, 1)) * z


@primitive(_by_matrix, lambda xp, g, z, a, b: solve(xp.transpose(a), g))
def solve(xp, a, b):
    """The ``z`` for which ``a @ z = b``, a vector."""
    return np.linalg.solve(a, b)


@primitive(lambda xp, g, z, a: -xp.transpose(z) @ g @ xp.transpose(z))
def inverse(xp, a):
    """The inverse of a matrix."""
    return np.linalg.inv(a)


@primitive(lambda xp, g, z, a: g * xp.transpose(inverse(a)))
def log_determinant(xp, a):
    """``ln |det a|``."""
    return np.linalg.slogdet(a)[1]


@primitive(lambda xp, g, z, x: 3.0 * g * x * x, symbol="x³")
def cubic(xp, x):
    """Third power, ``z = x³``."""
    return x * x * x


@primitive(lambda xp, g, z, a, power, axis: xp.reshape(g, (-1, 1)) * power * a ** (power - 1))
def powers(xp, a, power, axis=1):
    """``z = Σ aᵖ`` along the last axis of a matrix."""
    return xp.sum(a**power, axis)


@variadic_primitive(lambda xp, g, z, operands, i, weights=(0.5, 0.5): g * weights[i])
def blend(xp, operands, weights=(0.5, 0.5)):
    """``z = Σ wᵢ xᵢ``."""
    return sum([x * w for x, w in zip(operands, weights)])
'''

A, B = np.array([[2.0, 0.5, 0.1], [0.3, 1.5, -0.2], [0.0, 0.4, 1.2]]), np.array([1.0, -2.0, 0.5])


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """The user's file as a module."""
    path = tmp_path / "their_ops.py"
    path.write_text(THEIRS, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("their_ops", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "their_ops", module)
    spec.loader.exec_module(module)
    return module


def slope(f, x, v, h=1e-5):
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def test_a_function_of_the_users_is_computed_on_arrays_and_tensors(theirs):
    assert np.allclose(A @ theirs.solve(A, B), B)
    assert type(theirs.solve(A, B)) is np.ndarray
    z = theirs.solve(Tensor(A), B)
    assert isinstance(z, Tensor)
    assert np.allclose(A @ z.data, B)
    assert theirs.log_determinant(Tensor(A)).shape == ()
    assert theirs.log_determinant(A.tolist()) == pytest.approx(math.log(np.linalg.det(A)))


def test_it_is_in_the_table_with_name_and_docstring_and_signature(theirs):
    assert PRIMITIVES["solve"] is theirs.solve.primitive
    assert (theirs.solve.__name__, theirs.solve.__doc__[:9]) == ("solve", "The ``z``")
    assert str(inspect.signature(theirs.powers)) == "(a, /, power, axis=1)"
    assert str(inspect.signature(theirs.blend)) == "(*operands, weights=(0.5, 0.5))"


SCALARS = {
    "solve": lambda ops: lambda a: (ops.solve(a, B) ** 2).sum(),
    "inverse": lambda ops: lambda a: (ops.inverse(a) * A).sum(),
    "log_determinant": lambda ops: lambda a: ops.log_determinant(a) ** 2,
    "cubic": lambda ops: lambda a: ops.cubic(a).sum() ** 2,
    "powers": lambda ops: lambda a: (ops.powers(a, 3) ** 2).sum(),
    "blend": lambda ops: lambda a: (ops.blend(a * a, ag.exp(a), weights=(2.0, 0.5)) ** 2).sum(),
    "together": lambda ops: lambda a: ops.log_determinant(a @ ag.transpose(a)) + (ops.solve(a, ops.cubic(a[0])) * B).sum(),
}


@pytest.mark.parametrize("name", SCALARS)
def test_derivatives_of_a_users_function_match_finite_differences_to_third_order(theirs, name):
    f, (v, w) = SCALARS[name](theirs), np.random.default_rng(0).normal(size=(2, 3, 3))

    def close(ours, differences):
        assert np.allclose(ours, differences, rtol=1e-5, atol=1e-6 * (1 + np.abs(differences).max()))

    close((grad(f)(A) * v).sum(), slope(lambda a: f(Tensor(a)).item(), A, v))
    close(jvp(f, A, v)[1], slope(lambda a: f(Tensor(a)).item(), A, v))
    close(hvp(f, A, v), slope(grad(f), A, v))
    close(np.tensordot(hessian(f)(A), v), slope(grad(f), A, v))
    close(grad(lambda a: (hvp(f, a, v) * w).sum())(A), slope(lambda a: hvp(f, a, w), A, v))


@pytest.mark.oracle
def test_derivatives_of_solve_and_log_determinant_are_those_of_torch(theirs):
    torch = pytest.importorskip("torch")
    b = torch.tensor(B)
    pairs = [
        (SCALARS["solve"](theirs), lambda a: (torch.linalg.solve(a, b) ** 2).sum()),
        (SCALARS["log_determinant"](theirs), lambda a: torch.slogdet(a)[1] ** 2),
        (
            lambda a: (theirs.solve(Tensor(A), a[0]) ** 3).sum(),
            lambda a: (torch.linalg.solve(torch.tensor(A), a[0]) ** 3).sum(),
        ),
    ]
    for ours, expected in pairs:
        a = torch.tensor(A, requires_grad=True)
        (first,) = torch.autograd.grad(expected(a), a)
        np.testing.assert_allclose(grad(ours)(A), first.numpy(), rtol=1e-10, atol=1e-12)
        second = torch.autograd.functional.hessian(expected, torch.tensor(A)).numpy()
        np.testing.assert_allclose(hessian(ours)(A), second, rtol=1e-9, atol=1e-10)


def test_a_users_function_works_on_numbers_values_arrays_and_tensors_as_far_as_it_allows(theirs):
    cubic = theirs.cubic
    assert cubic(2.0) == 8.0
    assert cubic(np.array([1.0, 2.0])).tolist() == [1.0, 8.0]
    x = Value(2.0)
    y = cubic(x)
    y.backward()
    assert (type(y), y.data, x.grad) == (Value, 8.0, 12.0)
    t = Tensor(np.array([1.0, 2.0], np.float32))
    z = cubic(t)
    z.sum().backward()
    assert (z.dtype, z.data.tolist(), t.grad.dtype, t.grad.tolist()) == (np.float32, [1.0, 8.0], np.float32, [3.0, 12.0])
    values = np.array([Value(1.0), Value(2.0)])
    assert [y.data for y in cubic(values)] == [1.0, 8.0]
    a, b = theirs.powers(np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]), 2)
    assert (a.data, b.data) == (5.0, 25.0)
    assert theirs.blend(Value(1.0), 3.0).data == 2.0


def test_a_users_function_of_numbers_has_derivatives_of_any_order(theirs):
    f, found = theirs.cubic, []
    for _ in range(4):
        f = grad(f)
        found.append(f(2.0))
    assert found == [12.0, 12.0, 6.0, 0.0]
    x = Value(2.0)
    hessian(theirs.cubic)(x).backward()
    assert x.grad == 6.0
    assert grad(theirs.blend, (0, 1))(1.0, 2.0) == (0.5, 0.5)


def test_a_users_function_goes_through_checkpoints_and_tapes(theirs):
    f = SCALARS["together"](theirs)
    np.testing.assert_allclose(hessian(lambda a: checkpoint(f)(a))(A), hessian(f)(A), rtol=1e-10, atol=1e-10)
    a = Tensor(A)
    with GradientTape() as tape:
        y = f(a)
    np.testing.assert_allclose(tape.gradient(y, a).data, grad(f)(A), rtol=1e-12)


def test_a_users_function_is_drawn(theirs):
    a, b = Tensor(A, label="a"), Tensor(B, label="b")
    y = theirs.solve(a, b).sum()
    assert "solve(a, b)" in viz.draw(y).text()
    assert ">solve<" in viz.draw(y).svg
    y = theirs.cubic(Value(2.0, label="x"))
    assert "cubic(x)" in viz.draw(y).text()
    assert ">x³<" in viz.draw(y).svg
    assert "power=3" in viz.draw(theirs.powers(a, 3)).text()


def test_a_users_function_is_copied_and_pickled_with_its_settings(theirs):
    a = Tensor(A)
    y = theirs.powers(a, 3).sum()
    for y2 in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        y2.backward()
        (a2,) = y2.inputs[0].inputs
        assert np.allclose(a2.grad, 3 * A**2)
        assert y2.inputs[0].op.row is theirs.powers.primitive
    assert not a.grad.any()


def test_examples_are_kept_for_tests(theirs):
    @primitive(lambda xp, g, z, a, k: g * k, examples=[example((2, 3), k=2.0), example((), k=1.0)])
    def scaled(xp, a, k):
        return a * k

    assert [(e.shapes, e.settings) for e in scaled.primitive.examples] == [(((2, 3),), {"k": 2.0}), (((),), {"k": 1.0})]


def test_broadcasting_is_undone_for_it():
    @primitive(lambda xp, g, z, a, b: g * b, lambda xp, g, z, a, b: g * a)
    def times(xp, a, b):
        return a * b

    a, b = Tensor(np.ones((2, 3))), Tensor(np.array([[2.0], [3.0]]))
    times(a, b).sum().backward()
    assert a.grad.tolist() == [[2.0] * 3, [3.0] * 3]
    assert b.grad.tolist() == [[3.0], [3.0]]
    assert grad(lambda b: times(np.ones((4, 2, 3)), b).sum())(np.array(2.0)) == 24.0


def test_an_operand_without_a_vjp_gets_no_gradient():
    @primitive(lambda xp, g, z, a, k: g * k, None)
    def scaled_by(xp, a, k):
        return a * k

    a, k = Tensor([1.0, 2.0]), Tensor(3.0)
    scaled_by(a, k).sum().backward()
    assert (a.grad.tolist(), k.grad.tolist()) == ([3.0, 3.0], 0.0)
    assert grad(lambda a, k: scaled_by(a, k).sum(), (0, 1))(np.ones(2), 3.0)[1] == 0.0


@pytest.mark.parametrize("walk", ["grad", "jacobian", "hessian"])
def test_a_vjp_may_give_none_for_no_derivative(walk):
    @primitive(lambda xp, g, z, a: None)
    def rounded(xp, a):
        return np.round(a)

    assert not WALKS[walk](rounded, np.array([1.2, 2.7])).any()


@pytest.mark.parametrize("enter", ["elementwise", "primitive"])
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_leaf_that_the_function_writes_on_the_way_is_stale(enter, kind):
    w = kind(1.0)

    def forward(xp, x):
        y = x * x
        w.data = 9.0
        return y

    if enter == "elementwise":
        square = elementwise(lambda xp, z, x: 2 * x, domain=(ANY,))(forward)
    else:
        square = primitive(lambda xp, g, z, x: g * 2 * x)(forward)
    with pytest.raises(StaleGraphError):
        square(w).backward()
    assert grad(lambda x: square(x))(3.0) == 6.0


def test_a_vjp_may_give_none_in_backward():
    @primitive(lambda xp, g, z, a: None)
    def rounded(xp, a):
        return np.round(a)

    x = Tensor([1.2, 2.7])
    (rounded(x) * x).sum().backward()
    assert x.grad.tolist() == [1.0, 3.0]


# -- settings -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scaled():
    @primitive(lambda xp, g, z, a, factor, shift: g * factor)
    def scaled(xp, a, factor, shift=0.0):
        return a * factor + shift

    return scaled


@pytest.mark.parametrize("x", [2.0, Value(2.0), np.array([2.0]), Tensor([2.0])], ids=repr)
def test_settings_go_by_place_or_by_name(scaled, x):
    calls = [
        scaled(x, 3.0),
        scaled(x, factor=3.0),
        scaled(x, 3.0, 0.0),
        scaled(x, 3.0, shift=0.0),
        scaled(x, shift=0.0, factor=3.0),
    ]
    assert [float(np.asarray(getattr(z, "data", z)).item()) for z in calls] == [6.0] * 5
    if isinstance(x, ag.Node):
        z = scaled(x, 3.0, 1.0)
        assert z.op.settings == {"factor": 3.0, "shift": 1.0}
        z.backward()
        assert float(np.asarray(x.grad).item()) == 3.0


@pytest.mark.parametrize("x", [2.0, Value(2.0), np.array([2.0]), Tensor([2.0])], ids=repr)
def test_wrong_settings_are_refused_by_name(scaled, x):
    with pytest.raises(TypeError, match="scaled has no setting 'faktor'; it has factor, shift"):
        scaled(x, faktor=3.0)
    with pytest.raises(TypeError, match="scaled got 'factor' twice"):
        scaled(x, 3.0, factor=3.0)
    with pytest.raises(TypeError, match="scaled takes 1 operands and 2 settings, not more"):
        scaled(x, 3.0, 1.0, 2.0)
    with pytest.raises(TypeError, match="scaled needs factor"):
        scaled(x)
    with pytest.raises(TypeError, match="scaled needs factor"):
        scaled(x, shift=1.0)


def test_an_op_without_settings_takes_none(theirs):
    with pytest.raises(TypeError, match="cubic has no setting 'k'; it has none"):
        theirs.cubic(Value(1.0), k=3.0)
    with pytest.raises(TypeError, match="cubic takes 1 operands and 0 settings, not more"):
        theirs.cubic(Value(1.0), 3.0)
    with pytest.raises(TypeError, match="solve"):
        theirs.solve(Tensor(A))
    with pytest.raises(TypeError, match="blend has no setting 'weight'; it has weights"):
        theirs.blend(Value(1.0), weight=(1.0,))
    with pytest.raises(TypeError, match="blend takes at least 1 operand, not 0"):
        theirs.blend()


def test_a_setting_is_the_one_of_this_call_not_an_equal_one_of_a_call_before(scaled):
    x = Tensor(np.ones(2, np.float32))
    assert scaled(x, np.float64(2.0)).dtype == np.float64  # as NumPy has it
    assert scaled(x, 2.0).dtype == np.float32


def test_a_sign_of_zero_among_settings_is_not_mistaken():
    @primitive(lambda xp, g, z, a, like: g * np.copysign(1.0, like))
    def signed(xp, a, like):
        return a * np.copysign(1.0, like)

    x = Tensor([1.0])
    assert (signed(x, 0.0).data[0], signed(x, -0.0).data[0]) == (1.0, -1.0)


def test_a_setting_is_let_go_with_its_node():
    class Table:
        numbers = np.ones(3)

    @primitive(lambda xp, g, z, a, table: g * table.numbers)
    def weighed(xp, a, table):
        return a * table.numbers

    table = Table()
    watch = weakref.ref(table)
    weighed(Tensor(np.ones(3)), table)
    del table
    gc.collect()
    assert watch() is None


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_node_for_a_setting_is_refused(scaled, kind):
    with pytest.raises(TypeError, match="factor"):
        scaled(kind(2.0), kind(3.0))


# -- faults of the user's -----------------------------------------------------------------------------------------------------

WALKS = {
    "backward": lambda f, x: f(Tensor(x)).sum().backward(),
    "grad": lambda f, x: grad(lambda x: f(x).sum())(x),
    "jacobian": lambda f, x: jacobian(f)(x),
    "hessian": lambda f, x: hessian(lambda x: f(x).sum())(x),
}
SHAPED = {
    "too long": lambda xp, g, z, a: np.ones(5),
    "too short": lambda xp, g, z, a: np.ones(2),
    "a transpose": lambda xp, g, z, a: np.ones((3, 4)),
    "a number": lambda xp, g, z, a: np.ones(()),
}


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("rule", SHAPED)
def test_a_cotangent_of_the_wrong_shape_is_refused(walk, rule):
    @primitive(SHAPED[rule])
    def doubled(xp, a):
        return 2.0 * a

    with pytest.raises(TypeError, match=r"a cotangent of shape \(.*\) came for a number of shape \(3,\); look at the vjp"):
        WALKS[walk](doubled, np.ones(3))


@pytest.mark.parametrize("walk", WALKS)
def test_a_cotangent_of_the_wrong_shape_is_refused_by_the_name_of_the_op_and_its_own_shape(walk):
    @primitive(lambda xp, g, z, a: np.ones((3, 4)))
    def doubled(xp, a):
        return 2.0 * a

    with pytest.raises((TypeError, ValueError), match=r"doubled.*\(3, 4\)|\(3, 4\).*doubled"):
        WALKS[walk](doubled, np.ones(3))


@pytest.mark.parametrize("walk", ["backward", "grad"])
@pytest.mark.parametrize("cotangent", [2.0, [2.0, 2.0, 2.0], "text"], ids=repr)
def test_a_vjp_that_gives_no_array_is_refused_by_the_name_of_the_op(walk, cotangent):
    @primitive(lambda xp, g, z, a: cotangent)
    def doubled(xp, a):
        return 2.0 * a

    with pytest.raises((TypeError, ValueError), match="doubled"):
        WALKS[walk](doubled, np.ones(3))


@pytest.mark.parametrize("walk", [lambda f: f(Value(1.0)).backward(), lambda f: grad(f)(1.0)], ids=["backward", "grad"])
def test_a_vjp_that_gives_no_number_for_a_value_is_refused_by_the_name_of_the_op(walk):
    @primitive(lambda xp, g, z, x: np.ones(2))
    def doubled(xp, x):
        return 2.0 * x

    with pytest.raises((TypeError, ValueError), match="doubled"):
        walk(doubled)


def test_a_bug_in_a_vjp_keeps_its_own_name_and_leaves_the_leaves_alone():
    rules = [(lambda xp, g, z, a: g.no_such_thing, AttributeError), (lambda xp, g, z: g, TypeError)]
    rules += [(lambda xp, g, z, a: {}[a.shape], KeyError), (lambda xp, g, z, a: g + np.ones(5), ValueError)]
    for rule, error in rules:

        @primitive(rule)
        def doubled(xp, a):
            return 2.0 * a

        x = Tensor(np.ones(3))
        with pytest.raises(error):
            (doubled(x) * x).sum().backward()
        assert not x.grad.any()
        with pytest.raises(error):
            WALKS["grad"](doubled, np.ones(3))


def test_a_function_that_writes_to_its_operands_or_a_vjp_to_its_cotangent_is_refused():
    @primitive(lambda xp, g, z, a: g)
    def writing(xp, a):
        a += 1.0
        return a

    @primitive(lambda xp, g, z, a: np.multiply(g, 2.0, out=g))
    def doubled(xp, a):
        return 2.0 * a

    x, w = Tensor([1.0, 2.0]), Tensor([1.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        writing(x)
    with pytest.raises(ValueError, match="read-only"):
        (doubled(x) + w).sum().backward()
    with pytest.raises(ValueError, match="read-only"):
        grad(lambda x: (doubled(x) + w).sum())(np.ones(2))
    assert x.data.tolist() == [1.0, 2.0]
    assert not x.grad.any()
    assert not w.grad.any()


def test_a_function_that_gives_its_operand_back_does_not_tie_the_two_together():
    @primitive(lambda xp, g, z, a: g)
    def itself(xp, a):
        return a

    x = Tensor([1.0, 2.0])
    y = itself(x)
    x.data -= 1.0
    x[0] = 9.0
    assert (y.data.tolist(), x.data.tolist()) == ([1.0, 2.0], [9.0, 1.0])


RESULTS = {"None": lambda a: None, "a tuple": np.linalg.slogdet, "whole numbers": np.argmax, "text": lambda a: "text"}


@pytest.mark.parametrize("result", RESULTS)
def test_a_forward_that_gives_no_floating_array_is_refused_by_the_name_of_the_op(result):
    @primitive(lambda xp, g, z, a: g)
    def peculiar(xp, a):
        return RESULTS[result](a)

    with pytest.raises(TypeError, match="peculiar"):
        peculiar(Tensor(A))


def test_a_fault_in_a_forward_names_the_op(theirs):
    singular = np.array([[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(ValueError, match=r"solve: .*Singular matrix"):
        theirs.solve(Tensor(singular), np.ones(2))
    with pytest.raises(ValueError, match=r"solve: operands of shape \(2, 3\) and \(2,\) don't go together"):
        theirs.solve(Tensor(np.ones((2, 3))), np.ones(2))


def test_a_function_that_cannot_take_values_says_so(theirs):
    with pytest.raises(TypeError, match=r"log_determinant.*Tensor"):
        theirs.log_determinant(Tensor(A).values())


def test_values_reach_a_function_of_arrays_as_a_tensor(theirs):
    values = Tensor(A).values()
    found = grad(lambda v: theirs.log_determinant(Tensor.of(v)))(values)
    assert np.allclose(found.astype(float), np.linalg.inv(A).T)


def test_a_name_of_the_tables_is_taken():
    for name, module in [("sum", "autograd.ops.reductions"), ("checkpoint", "autograd.checkpointing"), ("exp", "autograd.ops")]:

        def forward(xp, a):
            return a

        forward.__name__ = name
        with pytest.raises(ValueError, match=f"has a row '{name}' from {module}.*; give yours another name"):
            primitive(lambda xp, g, z, a: g)(forward)
        with pytest.raises(ValueError, match="give yours another name"):
            variadic_primitive(lambda xp, g, z, operands, i: g)(forward)
    assert float(ag.sum(Tensor([1.0, 2.0]))) == 3.0


def test_a_name_of_another_of_the_users_files_is_taken_and_one_of_the_same_is_replaced(theirs):
    def enter():
        @primitive(lambda xp, g, z, x: g)
        def fourth(xp, x):
            return x

        return fourth

    first, second = enter(), enter()
    assert PRIMITIVES["fourth"] is second.primitive is not first.primitive
    with pytest.raises(ValueError, match="has a row 'cubic' from their_ops; give yours another name"):

        @primitive(lambda xp, g, z, x: g)
        def cubic(xp, x):
            return x

    assert theirs.cubic(2.0) == 8.0


def test_a_decorator_without_its_vjps_says_what_it_wants():
    def bare(xp, a):
        return a

    with pytest.raises(TypeError, match="vjp"):
        primitive(bare)(Tensor([1.0]))


def test_a_function_without_a_vjp_says_what_it_wants():
    def without(xp, a):
        return a

    with pytest.raises(TypeError, match="vjp"):
        primitive()(without)(Tensor([1.0]))


def test_more_vjps_than_operands_are_refused_when_the_op_is_entered():
    with pytest.raises(TypeError, match="vjp"):
        primitive(lambda xp, g, z, a: g, lambda xp, g, z, a: g)(lambda xp, a: a)


# -- a vjp that is not written with xp ----------------------------------------------------------------------------------------


def refused_or(call):
    """What the call gives, or the TypeError by which it refuses."""
    try:
        return call()
    except TypeError as error:
        return error


def test_a_vjp_written_with_numpy_gives_first_derivatives_and_refuses_second_ones():
    @primitive(lambda xp, g, z, a: g * np.linalg.inv(a).T)
    def by_numpy(xp, a):
        return np.linalg.slogdet(a)[1]

    assert np.allclose(grad(by_numpy)(A), np.linalg.inv(A).T)
    a = Tensor(A)
    by_numpy(a).backward()
    assert np.allclose(a.grad, np.linalg.inv(A).T)
    with pytest.raises(TypeError, match=r"np\..*inv has no derivative here; .*@autograd\.primitive"):
        hessian(by_numpy)(A)
    with pytest.raises(TypeError, match="inv has no derivative here"):
        hvp(by_numpy, A, A)


def test_a_vjp_written_with_functions_of_numpy_that_tensors_answer_has_all_orders():
    @primitive(lambda xp, g, z, x: g * np.exp(x))
    def by_numpy(xp, x):
        return np.exp(x)

    assert hessian(lambda x: by_numpy(x).sum())(np.array([0.0, 1.0])) == pytest.approx(np.diag([1.0, math.e]))
    assert grad(grad(by_numpy))(1.0) == pytest.approx(math.e)


def test_a_vjp_that_turns_its_operands_into_arrays_refuses_second_derivatives_of_tensors():
    @primitive(lambda xp, g, z, x: g * np.asarray(x))
    def half_square(xp, x):
        return 0.5 * x * x

    assert grad(lambda x: half_square(x).sum())(np.ones(2)).tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="would leave the graph by becoming an array"):
        hessian(lambda x: half_square(x).sum())(np.ones(2))


@pytest.mark.parametrize("enter", ["elementwise", "primitive"])
def test_a_vjp_written_with_math_gives_right_second_derivatives_or_none(enter):
    def forward(xp, x):
        return math.exp(x)

    if enter == "elementwise":
        by_math = elementwise(lambda xp, z, x: math.exp(x), domain=(ANY,))(forward)
    else:
        by_math = primitive(lambda xp, g, z, x: g * math.exp(x))(forward)
    assert grad(by_math)(1.0) == pytest.approx(math.e)
    found = refused_or(lambda: grad(grad(by_math))(1.0))
    assert isinstance(found, TypeError) or found == pytest.approx(math.e)
