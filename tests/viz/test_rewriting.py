"""The textbook's graph has the numbers of the stable one, and says where it cannot."""

from contextlib import suppress
from functools import partial

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import PRIMITIVES, DomainError, StaleGraphError, Tensor, Value, no_grad, topological_order
from autograd.primitive import Elementwise
from viz import TEXTBOOK, draw, explain, formula, latex, step, textbook, walk

from ..autograd.rows import counts
from ..autograd.rows import draw as operands_of

RNG_SEED = 0


def check_formulas(root, leaves, formulas=TEXTBOOK):
    """Hold the rewritten graph against the graph: no stable op is left, and value and gradients are the same."""
    plain = textbook(root, formulas)
    assert not {node.op.name for node in topological_order(plain) if node.op} & TEXTBOOK.keys()
    found = []
    for y in (root, plain):
        for leaf in leaves:
            leaf.zero_grad()
        y.backward()
        found.append([np.array(y.data), *[np.array(leaf.grad) for leaf in leaves]])
    for ours, theirs in zip(*found, strict=True):
        assert theirs == pytest.approx(ours, rel=1e-9, abs=1e-12)


def one(name, kind):
    """A number computed by the op of that name, and the leaves that it was computed from."""
    row, rng = PRIMITIVES[name], np.random.default_rng(RNG_SEED)
    if not isinstance(row, Elementwise):
        leaves = [Tensor(rng.normal(size=example.shapes[0])) for example in row.examples]
        each = [row.call(leaf, **example.settings) for leaf, example in zip(leaves, row.examples, strict=True)]
        return ag.add_n(*[ag.sum(z * rng.normal(size=z.shape)) for z in each]), leaves
    n = counts(row)[-1]
    point = np.array([operands_of(row, n, rng) for _ in range(3)]).T
    leaves = [kind(x if kind is Tensor else x[0]) for x in point]
    z = row.call(*leaves)
    return (ag.sum(z * rng.normal(size=z.shape)) if kind is Tensor else z), leaves


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("name", TEXTBOOK)
def test_each_formula_gives_value_and_gradients_of_its_op(name, kind):
    check_formulas(*one(name, kind))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("softplus", lambda x: ag.log(2.0 + ag.exp(x))),
        ("sigmoid", lambda x: 1.0 / (1.0 + ag.exp(x))),
        ("logaddexp", lambda *xs: ag.add_n(*xs)),
        ("softmax", lambda a, axis: ag.exp(a) / ag.sum(ag.exp(a))),
        ("cross_entropy", lambda a, labels: -a[..., 0]),
        ("bce_with_logits", lambda x, y: -y * ag.log(1.0 / (1.0 + ag.exp(-x)))),
        ("gelu", ag.silu),
    ],
)
def test_a_wrong_formula_is_caught(name, wrong):
    with pytest.raises(AssertionError):
        check_formulas(*one(name, Tensor), {**TEXTBOOK, name: wrong})


LOSSES = {
    "mse": (nn.mse, [[0.5, -1.0], [2.0, 0.25]], [[1.0, 0.0], [1.5, 0.0]]),
    "mae": (nn.mae, [0.5, -1.0], [1.0, 0.0]),
    "huber": (nn.huber, [0.5, -3.0], [1.0, 0.0]),
    "hinge": (nn.hinge, [0.5, -1.0], [1, -1]),
    "bce": (nn.bce, [0.25, 0.75, 0.5], [1, 0, 0.3]),
    "bce_with_logits": (nn.bce_with_logits, [2.0, -1.5, 0.5], [1, 0, 0.3]),
    "cross_entropy": (nn.cross_entropy, [[1.0, 2.0, -1.0], [0.0, 0.5, 3.0]], [2, 0]),
    "cross_entropy of one": (nn.cross_entropy, [1.0, 2.0, -1.0], 2),
    "cross_entropy, smooth": (partial(nn.cross_entropy, label_smoothing=0.2), [[1.0, 2.0], [0.0, 0.5]], [1, 0]),
    "cross_entropy, soft": (nn.cross_entropy, [[1.0, 2.0], [0.0, 0.5]], [[0.3, 0.7], [1.0, 0.0]]),
    "l1": (lambda w, _: nn.l1(w), [0.5, -1.0], None),
    "l2": (lambda w, _: nn.l2(w), [0.5, -1.0], None),
    "kl_divergence": (nn.kl_divergence, np.log([[0.2, 0.8], [0.5, 0.5]]), [[0.3, 0.7], [1.0, 0.0]]),
}


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_rewritten_with_its_value_and_gradients(name, kind):
    loss, predictions, targets = LOSSES[name]
    if kind is Tensor:
        predictions = Tensor(predictions)
        leaves = [predictions]
    else:
        predictions = np.vectorize(Value, otypes=[object])(predictions)
        leaves = predictions.ravel().tolist()
    check_formulas(loss(predictions, targets), leaves)


def test_the_formulas_are_those_of_textbooks():
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    assert formula(textbook(a.softplus())) == "log(1 + exp(a))"
    assert formula(textbook(a.sigmoid())) == "1 / (1 + exp(-a))"
    assert formula(textbook(a.silu())) == "a / (1 + exp(-a))"
    assert formula(textbook(nn.cross_entropy([a, b], 0))) == "log(exp(a) + exp(b)) - a"
    z = Tensor([1.0, 2.0], label="z")
    rewritten = formula(textbook(nn.cross_entropy(z, 0)))
    assert rewritten == "v1 = exp(z)\n-log(index(v1 / sum(v1, axis=-1, keepdims=True), key=(array(0),)))"


# -- what is kept ------------------------------------------------------------------------------------------------------------


def test_leaves_are_the_same_and_the_graph_is_not_touched():
    x, w = Value(0.5, label="x"), Value(2.0, label="w")
    y = (x * w).softplus()
    y.label = "y"
    y.backward()
    before = [(node, node.op, node.inputs, node.data, node.grad, node.label) for node in topological_order(y)]
    plain = textbook(y)
    assert [(node, node.op, node.inputs, node.data, node.grad, node.label) for node in topological_order(y)] == before
    assert {node for node in topological_order(plain) if node.op is None and node.requires_grad} == {x, w}
    assert not {node for node in topological_order(plain) if node.op} & set(topological_order(y))
    assert [node.label for node in topological_order(plain) if node.op and node.label] == ["y"]


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_gradients_come_along_and_leaves_keep_theirs(kind):
    x = kind(0.5)
    product = x * 2.0
    product.label = "product"
    y = product.softplus()
    y.backward(3.0) if kind is Value else y.backward(np.array(3.0))
    plain = textbook(y)
    (twin,) = [node for node in topological_order(plain) if node.label == "product"]
    assert float(plain.grad) == 3.0
    assert float(twin.grad) == pytest.approx(float(product.grad))
    assert float(x.grad) == pytest.approx(float(product.grad) * 2)
    assert all(float(node.grad) == 0.0 for node in topological_order(textbook((x * 2.0).softplus())) if node.op)


def test_nodes_stay_with_the_modules_that_made_them():
    model = nn.MLP(2, [3, 1], activation="softplus", rng=0)
    y = nn.bce_with_logits(model([[1.0, 2.0], [0.5, -1.0]]), [1, 0])
    before = {id(node.module) for node in topological_order(y)}
    plain = textbook(y)
    assert {id(node.module) for node in topological_order(plain)} == before
    exps = [node for node in topological_order(plain) if node.op and node.op.name == "exp"]
    assert len(exps) == 2 * 3 + 2
    assert sum(node.module is not None for node in exps) == 6


@pytest.mark.parametrize("logit", [0.5, 1000.0])
def test_what_is_made_later_has_no_module(logit):
    y = nn.Dense(1, 1, activation="softplus", rng=0)([Value(logit)])[0]
    with suppress(DomainError):
        textbook(y)
    assert Value(1.0).exp().module is None


def test_without_a_backward_none_is_tried():
    y = Value(0.0).sqrt().sigmoid()  # of infinite slope
    assert textbook(y).data == 0.5


def test_what_is_used_twice_is_rewritten_once():
    x = Value(0.5)
    s = x.sigmoid()
    assert sum(node.op is not None and node.op.name == "exp" for node in topological_order(textbook(s * s))) == 1


def test_values_out_of_a_tensor_are_rewritten_on_the_way():
    t = Tensor([0.5, -1.0])
    a, b = ag.sigmoid(t).values()
    check_formulas(a.softplus() * b, [t])
    x, y = Value(0.5), Value(-1.0)
    check_formulas(ag.logsumexp(Tensor.of([x.sigmoid(), y])), [x, y])


def test_a_graph_of_thousands_of_nodes_in_a_row_is_rewritten():
    y = Value(0.5)
    for _ in range(5000):
        y = y.sigmoid()
    assert textbook(y).data == pytest.approx(y.data)


def test_no_grad_around_does_not_matter():
    y = Value(0.5, label="x").softplus()
    with no_grad():
        assert formula(textbook(y)) == "log(1 + exp(x))"


def test_a_leaf_is_its_own_textbook():
    x = Value(2.0)
    assert textbook(x) is x


def test_a_leaf_that_was_written_since_is_read_again():
    x = Value(0.5)
    y = x.softplus() * 2.0
    x.data = 1.5
    assert textbook(y).data == pytest.approx(2.0 * x.softplus().data)
    textbook(y).backward()
    with pytest.raises(StaleGraphError):
        y.backward()


# -- shown, and refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_it_can_be_drawn_stepped_explained_and_written(kind):
    x = kind(0.5, label="x")
    plain = textbook(nn.bce_with_logits(x, 1.0))
    plain.backward()
    assert "exp" in draw(plain).svg
    assert "log" in draw(plain).text()
    assert r"\log" in latex(plain)
    assert walk(plain).steps
    assert step(plain) is not None
    if kind is Value:
        assert "x" in explain(plain, x).text()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Value(1000.0, label="x").softplus(), r"softplus\(x=1000\) fails here, at exp\(x=1000\): .* too large"),
        (lambda: Tensor([1000.0, 0.0], label="x").softplus(), r"softplus\(x=2\) fails here, at exp\(x=2\): overflow"),
        (lambda: nn.bce_with_logits(Value(40.0), 0), r"bce_with_logits\(40, 0\) fails here, at log\(0\)"),
        (lambda: nn.bce_with_logits(Tensor([40.0]), [0]), r"bce_with_logits\(40, 0\) fails here, at log\(0\)"),
        (lambda: nn.bce_with_logits(Tensor([-1000.0]), [0]), r"bce_with_logits\(-1000, 0\) fails here, at exp"),
        (lambda: nn.cross_entropy(Tensor([1000.0, 0.0]), 0), "cross_entropy.* is computed in a stable form, which does not"),
        (lambda: nn.cross_entropy([Value(1000.0), Value(0.0)], 0), r"logaddexp\(1000, 0\) fails here"),
    ],
)
def test_where_the_textbook_overflows_it_says_so(make, words):
    with pytest.raises(DomainError, match=words):
        textbook(make())


def test_what_is_no_node_is_refused():
    with pytest.raises(TypeError, match="textbook takes a Value or a Tensor, not float"):
        textbook(1.0)
    with pytest.raises(TypeError, match="the formula of relu gave float, not a node of its operands"):
        textbook(Value(1.0).relu(), {"relu": lambda x: 2.0})


def test_a_formula_that_gives_its_operand_back_does_not_rename_it():
    x = Value(1.0, label="x")
    y = x.relu()
    y.label = "y"
    y.backward()
    assert textbook(y, {"relu": lambda x: x}) is x
    assert (x.label, x.grad) == ("x", 1.0)
