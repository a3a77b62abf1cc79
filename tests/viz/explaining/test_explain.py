"""Why a gradient is what it is: paths against brute force, books that add up, and a fixture for each cause of a 0."""

import dataclasses
import json
import math
import random
import time

import pytest

from autograd import (
    DomainError,
    StaleGraphError,
    Tensor,
    Value,
    clip,
    elementwise,
    logaddexp,
    maximum,
    no_grad,
    primitive,
    sqrt,
    step,
    tanh,
    topological_order,
    weighted_sum,
    where,
)
from autograd.primitive import PRIMITIVES, Domain
from nn import MLP
from viz import draw, opened
from viz.explaining.explain import explain

HOSTILE = "<script>alert(1)</script>\n\u202e]]>"


# -- an oracle: small programs, with derivatives written by hand, and every path walked ----------------------------------

RULES = {
    "add": lambda x, y: (1.0, 1.0),
    "sub": lambda x, y: (1.0, -1.0),
    "mul": lambda x, y: (y, x),
    "tanh": lambda x: (1 / math.cosh(x) ** 2,),
    "relu": lambda x: (float(x > 0),),
    "weighted_sum": lambda x, y, w, v, b: (w, v, x, y, 1.0),
}
ARITY = {"add": 2, "sub": 2, "mul": 2, "tanh": 1, "relu": 1, "weighted_sum": 5}


def random_graph(seed, draw_number, n=9, ops=tuple(RULES)):
    """A root over three leaves, the first of which it depends on."""
    rng = random.Random(seed)
    nodes = [Value(draw_number(rng), label=f"x{i}") for i in range(3)]
    for _ in range(n):
        op = rng.choice(ops)
        nodes.append(PRIMITIVES[op].call(*[rng.choice(nodes[-5:]) for _ in range(ARITY[op])]))
    return nodes[-1] + nodes[0] * nodes[-2], nodes[0]


def every_path(root, wrt):
    """Each path as its edges with their local derivatives, found by walking them all."""
    order = topological_order(root)
    keys = {node: key for key, node in enumerate(order)}
    paths = []

    def walk(node, path):
        if node is wrt:
            paths.append(path)
        elif node.op is not None:
            locals_ = RULES[node.op.name](*[x.data for x in node.inputs])
            for position, (x, local) in enumerate(zip(node.inputs, locals_, strict=True)):
                walk(x, {**path, (keys[x], keys[node], position): local})

    walk(root, {})
    return paths


def products_of(paths):
    return [math.prod(path.values()) for path in paths]


def check_books(explanation, grad):
    """What is shown and the rest make up the gradient."""
    products = [path.product for path in explanation.paths]
    assert explanation.total == grad
    assert math.fsum([*products, explanation.rest]) == grad
    for path in explanation.paths:
        assert math.prod(path.locals) * explanation.seed == pytest.approx(path.product, rel=1e-12)
        if path.share is not None:
            assert path.share * grad == pytest.approx(path.product, rel=1e-12)


def gauss(rng):
    return rng.gauss(0.0, 1.0)


@pytest.mark.parametrize("seed", range(200))
def test_the_sum_over_all_paths_is_the_gradient(seed):
    root, x = random_graph(seed, gauss)
    products = products_of(every_path(root, x))
    root.backward()

    found = explain(root, x, paths=len(products) + 1)

    scale = math.fsum(map(abs, products))
    assert found.count == len(products) == len(found.paths)
    assert math.fsum(products) == pytest.approx(x.grad, rel=1e-12, abs=1e-12 * scale)
    assert math.fsum([path.product for path in found.paths]) == pytest.approx(x.grad, rel=1e-12, abs=1e-12 * scale)
    assert found.positive == pytest.approx(math.fsum([p for p in products if p > 0]), rel=1e-12)
    assert found.negative == pytest.approx(math.fsum([p for p in products if p < 0]), rel=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_the_paths_shown_are_the_largest_of_all(seed):
    root, x = random_graph(seed, gauss)
    largest = sorted(map(abs, products_of(every_path(root, x))), reverse=True)[:5]
    root.backward()

    found = explain(root, x)

    assert [abs(path.product) for path in found.paths] == pytest.approx(largest, rel=1e-12)
    if abs(found.rest) <= abs(x.grad):  # else no float makes up the difference
        check_books(found, x.grad)


def test_the_check_of_the_books_rejects_a_wrong_rest_and_a_wrong_product():
    x = Value(3.0)
    found = explain(x * x * x, x, paths=2)
    check_books(found, 27.0)
    wrong = dataclasses.replace(found.paths[0], product=9.5)
    for fault in ({"rest": 9.5}, {"total": 27.5}, {"paths": (wrong, found.paths[1])}):
        with pytest.raises(AssertionError):
            check_books(dataclasses.replace(found, **fault), 27.0)


# -- paths -------------------------------------------------------------------------------------------------------------


def test_an_operand_used_twice_is_on_two_paths():
    x = Value(3.0, label="x")
    found = explain(x * x, x)
    assert [(path.positions, path.product) for path in found.paths] == [((0,), 3.0), ((1,), 3.0)]


def test_paths_lead_from_a_computed_node_too_and_from_the_root_itself():
    x = Value(3.0)
    y = x * 2
    z = y * y
    assert explain(z, y).total == 12.0
    assert explain(z, y).count == 2
    assert explain(z, z).text() == "∂v3/∂v3 = 1, along the only path\n  1   100.0%   1   v3"


def test_of_equal_paths_those_of_first_operands_come_first():
    x = Value(1.0)
    y = x + x
    found = explain(y + y, x, paths=3)
    assert [path.positions for path in found.paths] == [(0, 0), (1, 0), (0, 1)]


def test_a_cotangent_is_a_factor_of_every_path():
    x = Value(3.0, label="x")
    y = x * x + x
    y.backward(0.5)
    found = explain(y, x, grad=0.5)
    check_books(found, x.grad)
    assert found.text().splitlines()[0] == "∂v2/∂x × 0.5 = 3.5, the sum over 3 paths"


def test_products_are_compared_beyond_the_range_of_floats():
    x = Value(1.0, label="x")
    up, down = Value(1e200, label="up"), Value(1e-200, label="down")
    y = x * down * down * up * up + x * 1e-3
    assert [path.product for path in explain(y, x).paths] == pytest.approx([1.0, 1e-3])


def test_the_graph_is_not_touched():
    root, x = random_graph(0, gauss)
    root.backward(3.0)
    before = [(node.data, node.grad) for node in topological_order(root)]
    explain(root, x).text()
    assert [(node.data, node.grad) for node in topological_order(root)] == before


@pytest.mark.parametrize("spelled_out", [False, True])
def test_a_network_is_explained_within_a_tenth_of_a_second(spelled_out):
    y = MLP(2, [16, 16, 1], "tanh", rng=0)([Value(1.0, label="x"), Value(-2.0)])
    y = opened(y) if spelled_out else y
    (x,) = [node for node in topological_order(y) if node.label == "x"]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        found = explain(y, x)
        found.text()
        times.append(time.perf_counter() - start)
    y.backward()
    assert found.count == 256
    assert found.total == x.grad
    assert min(times) < 0.1


def test_depth_and_numbers_of_paths_have_no_limit():
    x = Value(1.0)
    y = x
    for _ in range(20_000):
        y = (y + y) * 0.5
    found = explain(y, x, paths=2)
    assert found.count == 2**20_000
    assert found.total == 1.0
    assert "about 10^6021 paths" in found.text()
    assert max(map(len, found.text().splitlines())) < 200


# -- words -------------------------------------------------------------------------------------------------------------


def test_the_text_ranks_paths_and_sums_up_the_others():
    x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    z = x * y + x * x * x
    z.label = "z"
    assert explain(z, x, paths=2).text().splitlines() == [
        "∂z/∂x = 9, the sum over 4 paths: 12 and -3",
        "  4   44.4%   2 × 2   x → v3 → v4 → z",
        "  4   44.4%   2 × 2   x → v3 → v4 → z",
        "  1   11.1%           2 other paths",
    ]


def test_nodes_are_named_as_in_the_text_of_a_drawing():
    a, b = Value(1.0, label="w"), Value(2.0, label="w")
    y = tanh(a * b) * a
    drawn = {line.split()[0] for line in draw(y).text().splitlines()}
    found = explain(y, b)
    assert found.wrt == "w#1"
    assert {name for path in found.paths for name in path.names} <= drawn


def test_labels_can_neither_break_nor_script_anything():
    x = Value(-1.0, label=HOSTILE)
    found = explain(x.relu() * x, x)
    assert all(line.isprintable() for line in found.text().splitlines())
    html = found._repr_html_()
    assert "<script" not in html
    assert "&lt;script" in html
    assert "\u202e" not in html
    assert "alert" in explain(Value(1.0), x).text()


def test_html_says_what_the_text_says():
    x = Value(3.0, label="x")
    found = explain(x * x, x)
    html = found._repr_html_()
    for words in ("∂v1/∂x = 6, the sum over 2 paths", "<td>x → v1</td>", "<td>50.0%</td>"):
        assert words in html
    assert str(found) == found.text()
    assert repr(found) == "<∂v1/∂x = 6, the sum over 2 paths>"


def test_an_explanation_is_plain_data():
    x = Value(0.0, label="x")
    found = json.loads(json.dumps(explain(x.relu() * 2 + x * x, x).to_dict()))
    assert found["paths"][0]["names"] == ["x", "v1", "v3", "v5"]
    assert [cause["kind"] for cause in found["why"]] == ["kink", "factor 0", "factor 0"]


# -- why is it 0? ------------------------------------------------------------------------------------------------------


def kinds(root, wrt, **settings):
    return [cause.kind for cause in explain(root, wrt, **settings).why]


def the_cause(root, wrt):
    found = explain(root, wrt)
    (cause,) = found.why
    assert found.total == 0
    assert found.text().endswith("\n  " + cause.text)
    return cause.text


def labelled(**numbers):
    return [Value(float(x), label=name) for name, x in numbers.items()]


def test_a_node_that_is_not_behind_the_root_is_not_connected():
    x, y = labelled(x=1, y=2)
    assert kinds(y * 2, x) == ["not connected"]
    assert kinds(x.detach() * y, x) == ["not connected"]
    assert kinds(x.data * y, x) == ["not connected"]
    assert explain(y * 2, x).text().startswith("∂v2/∂x = 0, with no path\n  not connected: v2 was not computed from x")


def test_a_constant_takes_no_gradient():
    x, y = labelled(x=1, y=2)
    c = Value(5.0, label="c", requires_grad=False)
    with no_grad():
        z = x * y
    assert the_cause(c * y, c).startswith("constant: c takes no gradient")
    assert kinds(z, x) == ["constant"]


def test_a_closed_gate_is_named():
    x, y, c = labelled(x=-1, y=2, c=0)
    assert the_cause(x.relu() * y, x) == "closed gate: v1 = relu(x) passes nothing on to x, at x = -1"
    assert the_cause(maximum(x, y), x) == "closed gate: v2 = maximum(x, y) passes nothing on to x, at x = -1, y = 2"
    assert the_cause(clip(x, 0, 1), x) == "closed gate: v3 = clip(x, 0, 1) passes nothing on to x, at x = -1"
    assert the_cause(where(c, x, y), x).startswith("closed gate: v3 = where(c, x, y) passes nothing on to x, at c = 0")
    assert the_cause(PRIMITIVES["max_n"].call(x, y, c), c).startswith("closed gate: v3 = max_n(x, y, c)")


def test_a_kink_is_told_from_a_closed_gate():
    (x,) = labelled(x=0)
    assert the_cause(x.relu(), x).startswith("kink: v1 = relu(x) has no slope there, and 0 stands for it by convention")
    assert kinds(abs(x), x) == ["kink"]


def test_a_factor_of_0_is_named():
    x, zero = labelled(x=2, zero=0)
    assert the_cause(x * zero, x) == "factor 0: ∂v2/∂x has the factor zero = 0, in v2 = x * zero"
    assert the_cause(x * 0, x) == "factor 0: ∂v2/∂x has the factor 0, in v2 = x * 0"
    assert the_cause(x**zero, x) == "factor 0: ∂v2/∂x has the factor zero = 0, in v2 = x ** zero"
    assert the_cause(zero / x, x) == "factor 0: ∂v2/∂x has the factor zero = 0, in v2 = zero / x"


def test_of_many_zeros_the_one_that_is_the_factor_is_found():
    xs = labelled(**{f"x{i}": i % 2 for i in range(40)})
    ws = labelled(**{f"w{i}": 0 for i in range(40)})
    found = explain(weighted_sum(*xs, *ws), xs[17])
    assert "has the factor w17 = 0" in found.why[0].text


def test_a_flat_op_is_told_from_a_gate():
    (x, z, far) = labelled(x=30, z=0, far=-800)
    assert the_cause(tanh(x), x) == "flat: v1 = tanh(x) has slope 0 in x, at x = 30"
    assert the_cause(z**2, z) == "flat: v2 = z ** 2 has slope 0 in z, at z = 0"
    assert kinds(step(x), x) == ["flat"]
    assert kinds(logaddexp(x, far), far) == ["flat"]


def test_an_operand_that_takes_no_derivative_is_told_apart():
    x, y = labelled(x=1, y=2)
    assert the_cause(where(x, y, 3.0), x) == "no derivative: v3 = where(x, y, 3) has none for x, its operand 1"


def test_contributions_that_cancel_are_named():
    x, y = labelled(x=1, y=3)
    assert the_cause(x * y - x * 3, x) == "contributions cancel: x is given +3 by v2 = x * y, -3 by v4 = x * 3"
    z = x * 2
    assert the_cause(z - z, x).startswith("contributions cancel: v2 is given +1 by")
    assert explain(x * y - x * 3, x).text().splitlines()[0] == "∂v5/∂x = 0, the sum over 2 paths: 3 and -3"


def test_underflow_is_named_with_its_edge():
    (x,) = labelled(x=1)
    y = x * 1e-200 * 1e-200
    assert the_cause(y, x) == "underflow: ∂v4/∂v2 × ∂v2/∂x = 1e-200 × 1e-200 is too small for a float"


def test_a_cotangent_of_0_is_named():
    (x,) = labelled(x=1)
    assert kinds(x * 2, x, grad=0.0) == ["cotangent"]


def test_a_small_factor_is_named_where_the_gradient_is_small():
    (x,) = labelled(x=10)
    assert explain(tanh(x) * 3, x).why[0].text == "small factor: ∂v1/∂x = 8.245e-09, of v1 = tanh(x) at x = 10"
    assert explain(tanh(x) * 1e9, x).why == ()
    assert explain(tanh(x) * 1e9, x, grad=1e-5).why == ()  # small by its cotangent alone


def test_what_is_not_finite_is_left_to_nonfinite():
    (x,) = labelled(x=1e200)
    found = explain(x * x * x, x)
    assert [cause.kind for cause in found.why] == ["not finite"]
    assert found.text()


def test_all_causes_of_a_mixture_are_named_nearest_to_the_root_first():
    x, zero = labelled(x=-1, zero=0)
    y = x.relu() * 5 + x * zero + tanh(x * 40)
    found = explain(y, x)
    assert [cause.kind for cause in found.why] == ["closed gate", "factor 0", "flat"]
    twice = explain(x.relu() * zero, x)
    assert [cause.text.partition(":")[0] for cause in twice.why] == ["factor 0", "closed gate"]


def test_of_many_causes_some_are_shown_and_all_are_kept():
    (x,) = labelled(x=-1)
    y = PRIMITIVES["add_n"].call(*[(x * i).relu() for i in range(1, 31)])
    found = explain(y, x)
    assert len(found.why) == 30
    assert found.text().splitlines()[-1] == "  and 21 more causes"


def test_books_that_would_overflow_are_kept():
    (x,) = labelled(x=1)
    y = PRIMITIVES["add_n"].call(*[x * big for big in (1.5e308, -1.4e308, 1.5e308, -1.4e308)])
    found = explain(y, x)
    y.backward()
    assert found.total == x.grad
    assert found.text()


def test_what_is_not_on_the_way_is_not_named():
    x, y, zero = labelled(x=-1, y=2, zero=0)
    gate = x.relu()
    assert len(explain(gate * y + gate * zero, x).why) == 1


def is_open(path, opened=()):
    return all(local != 0 or edge in opened for edge, local in path.items())


def check_cut(named, paths):
    """Every path is blocked by named edges, opening these lets one through, and none is named in vain."""
    blocks = min(sum([local == 0 for local in path.values()]) for path in paths)
    assert min(len(named & set(path)) for path in paths) >= blocks
    assert any(is_open(path, named) for path in paths)
    if blocks == 1:
        assert all(any(named & set(path) == {edge} for path in paths) for edge in named)


@pytest.mark.parametrize("seed", range(300))
def test_the_named_edges_are_a_smallest_set_that_blocks(seed):
    numbers = [-1.0, 0.0, 0.0, 0.5]
    root, x = random_graph(seed, lambda rng: rng.choice(numbers), ops=("add", "mul", "relu", "weighted_sum"))
    paths = every_path(root, x)
    if not any(is_open(path) for path in paths):
        check_cut({edge for cause in explain(root, x).why for edge in cause.edges}, paths)


def test_the_check_of_the_named_edges_rejects_one_too_few_too_many_or_elsewhere():
    x, zero = labelled(x=-1, zero=0)
    y = x.relu() * 5 + x * zero
    paths = every_path(y, x)
    gate, factor = [edge for cause in explain(y, x).why for edge in cause.edges]
    check_cut({gate, factor}, paths)
    for wrong in ({gate}, set(), {gate, factor, next(iter(paths[0]))}, set(list(paths[0])[:2])):
        with pytest.raises(AssertionError):
            check_cut(wrong, paths)


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_arrays_are_refused_with_the_way_to_go():
    t = Tensor([1.0, 2.0], label="t")
    x = Value(1.0)
    with pytest.raises(TypeError, match=r"root is a Tensor of shape \(\).*values\(\)"):
        explain((t * t).sum(), t)
    with pytest.raises(TypeError, match=r"wrt is a Tensor of shape \(2,\)"):
        explain(x * 2, t)
    with pytest.raises(TypeError, match="a path leads through"):
        explain(Tensor.of([x, x]).values()[0] * 2, x)
    a, b = t.values()
    assert explain(a * b, a).total == 2.0


def test_wrong_arguments_are_refused_in_words():
    x = Value(1.0)
    with pytest.raises(TypeError, match="explain: root is a Value, not float"):
        explain(1.0, x)
    with pytest.raises(TypeError, match="explain: wrt is a Value, not str"):
        explain(x, "x")
    for wrong in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="paths is how many to show"):
            explain(x, x, paths=wrong)


def test_what_backward_refuses_is_refused():
    x = Value(0.0)
    with pytest.raises(DomainError, match="sqrt"):
        explain(sqrt(x), x)
    y = x * 2
    x.data = 1.0
    with pytest.raises(StaleGraphError):
        explain(y, x)


# -- ops of users ------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr("autograd.table.PRIMITIVES", dict(PRIMITIVES))


@pytest.mark.usefixtures("table")
def test_ops_of_users_are_diagnosed_too():
    @elementwise(lambda xp, z, x: xp.where(x > 1, 1.0, 0.0), domain=(Domain("", ((2.0, 3.0),)),))
    def shrink(xp, x):
        return xp.where(x > 1, x - 1.0, 0.0)

    @primitive(lambda xp, g, z, x, y: g * y, lambda xp, g, z, x, y: g * x)
    def times(xp, x, y):
        return x * y

    @elementwise(lambda xp, z, x, y: x + y, lambda xp, z, x, y: x, domain=(Domain("", ((0.0, 1.0),)),) * 2)
    def half_square(xp, x, y):
        return x * (x / 2 + y)

    x, zero, other = labelled(x=0.5, zero=0, other=0)
    assert kinds(shrink(x), x) == ["closed gate"]
    assert kinds(half_square(zero, other), zero) == ["flat"]  # a sum that is 0 has no factor
    assert the_cause(times(x, zero), x).startswith("factor 0: ∂v2/∂x has the factor zero = 0")
