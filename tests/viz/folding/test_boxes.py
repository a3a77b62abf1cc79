"""Folding: few boxes, no cycle among them, and no contribution lost."""

import shutil
from collections import defaultdict
from itertools import combinations
from math import fsum
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
import nn.micrograd
import viz.folding.flows
from autograd import StaleGraphError, Tensor, Value, add_n, no_grad, topological_order
from viz import draw, fold
from viz.diagram import describe
from viz.steps import walk

from ...benchmarks.bench_folding import Neuron, demo
from ..elsewhere import outputs


def check(loss, folding):
    """Each node is in one box, boxes are in topological order, and edges carry what ``walk`` says their nodes were given."""
    nodes = topological_order(loss)
    assert list(folding.nodes) == nodes
    assert sorted(key for group in folding.groups for key in group.keys) == list(range(len(nodes)))
    assert all(key in folding.groups[box].keys for key, box in folding.box_of.items())
    assert folding.box_of[len(nodes) - 1] == len(folding.groups) - 1
    assert all(edge.source < edge.target for edge in folding.edges)

    keys = {node: key for key, node in enumerate(nodes)}
    between = {(folding.box_of[keys[x]], folding.box_of[keys[node]]) for node in nodes for x in node.inputs}
    assert {(edge.source, edge.target) for edge in folding.edges} == {pair for pair in between if pair[0] != pair[1]}

    given, inside = defaultdict(list), defaultdict(list)
    for step in walk(loss).steps:
        for c in step.contributions:
            pair = folding.box_of[c.operand], folding.box_of[step.key]
            (inside if pair[0] == pair[1] else given)[pair].append(c.amount)
    for edge, flow in zip(folding.edges, folding.flows, strict=True):
        amounts = given.pop((edge.source, edge.target), [])
        if not amounts:
            assert flow is None
            continue
        assert flow is not None
        assert (flow.count, flow.least, flow.most) == (len(amounts), min(amounts), max(amounts))
        assert flow.total == pytest.approx(fsum(amounts), rel=1e-12, abs=1e-300)
        assert flow.mean == pytest.approx(fsum(amounts) / len(amounts), rel=1e-12, abs=1e-300)
        assert flow.norm == pytest.approx(np.linalg.norm(amounts), rel=1e-12)
    assert not given

    for box, group in enumerate(folding.groups):  # what comes in is what is there
        received = [flow.total for edge, flow in zip(folding.edges, folding.flows) if edge.source == box and flow]
        received += [*inside[box, box], 1.0 * (nodes[-1] is nodes[group.keys[-1]])]
        assert fsum(received) == pytest.approx(fsum(nodes[key].grad for key in group.keys), rel=1e-12, abs=1e-12)


def batch(points=4, sizes=(3, 2, 1)):
    """A loss of a small network on some points, its weights penalised."""
    data = nn.data.moons(points, rng=0)
    model = nn.MLP(2, [*sizes], rng=0)
    loss = nn.mse(model(data.x), data.y) + 0.1 * sum(p * p for p in model.parameters())
    loss.backward()
    return loss, model


def named(folding):
    return {group.name: group for group in folding.groups if group.kind != "node"}


# -- the books ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [None, 0, 1, 2, 9])
def test_no_contribution_is_lost_at_any_depth(depth):
    for loss in (batch()[0], demo(3, (3, 2, 1))):
        check(loss, fold(loss, depth=depth))


def test_no_contribution_is_lost_whichever_boxes_are_open():
    loss, _ = batch(3, (2, 1))
    names = [*named(fold(loss, depth=0)), "layers.0", "layers.1", "layers.0[1]"]
    states = set()
    for some in [names[:k] for k in range(len(names))] + [c for k in range(len(names) + 1) for c in combinations(names, k)]:
        folding = fold(loss, depth=0, expand=some)
        check(loss, folding)
        states.add(tuple(group.keys for group in folding.groups))
    assert len(states) > 20


@pytest.mark.parametrize(
    "fault",
    [lambda given: given[:-1], lambda given: [(position, amount * (1 + 1e-9)) for position, amount in given]],
    ids=["lost", "inexact"],
)
def test_the_check_finds_contributions_that_are_wrong(monkeypatch, fault):
    loss, _ = batch()
    honest = viz.folding.flows.handed_on
    monkeypatch.setattr(viz.folding.flows, "handed_on", lambda node, grad: fault(honest(node, grad)))
    with pytest.raises(AssertionError):
        check(loss, fold(loss))


def test_random_graphs_keep_their_books_folded_and_opened():
    rng = np.random.default_rng(0)
    for _ in range(30):
        nodes = [Value(x) for x in rng.normal(size=4)]
        for _ in range(60):
            x, y = (nodes[i] for i in rng.integers(len(nodes), size=2))
            nodes.append([x * y, x + y, x.tanh(), x - y][rng.integers(4)].tanh())
        nodes[-1].backward()
        folding = fold(nodes[-1])
        check(nodes[-1], folding)
        opened = {group.name for group in folding.groups if group.kind != "node" and rng.random() < 0.5}
        check(nodes[-1], fold(nodes[-1], expand=lambda group, opened=opened: group.name in opened))


def test_everything_opened_is_the_graph_itself():
    loss, _ = batch()
    folding = fold(loss, expand=lambda group: True)
    check(loss, folding)
    assert {group.kind for group in folding.groups} == {"node"}
    members = [member for edge in folding.edges for member in edge.members]
    assert {(m.source, m.target, m.position) for m in members} == {
        (arrow.source, arrow.target, arrow.position) for arrow in describe(loss).arrows
    }


# -- what is alike ------------------------------------------------------------------------------------------------------------


def test_the_demo_is_a_few_boxes_and_says_how_often():
    loss = demo()
    folding = fold(loss)
    assert len(folding.nodes) > 65_000
    assert [(group.name, group.times) for group in folding.groups] == [
        ("inputs", 100),
        ("layers.0", 100),
        ("layers.1", 100),
        ("layers.2", 100),
        ("mul add relu", 100),
        ("mul", 337),
        ("sum mul add", 1),
    ]
    total = next(flow for edge, flow in zip(folding.edges, folding.flows) if (edge.source, edge.target) == (1, 2))
    assert total.count == 16 * 16 * 100


def test_layers_hold_their_parameters_and_activations():
    loss, model = batch()
    groups = named(fold(loss, depth=1))
    layer = groups["layers.0"]
    assert (layer.kind, layer.module, layer.times) == ("module", model.layers[0], 4)
    assert layer.what == "Dense(2, 3, 'relu')"
    assert len(layer.keys) == 9 + 4 * 6  # parameters; dot and relu of each perceptron for each point


def test_a_layer_opens_into_its_perceptrons():
    loss, _ = batch()
    groups = named(fold(loss, depth=1, expand="layers.0"))
    assert [(name, group.what, group.times) for name, group in groups.items() if name.startswith("layers.0")] == [
        (f"layers.0[{i}]", "perceptron", 4) for i in range(3)
    ]


def test_a_layer_of_tensors_stays_a_box_until_it_is_opened():
    model = nn.Sequential(
        nn.MLP(2, [3, 3], kind=Tensor, rng=0), nn.BatchNorm(3, kind=Tensor), nn.Dense(3, 2, kind=Tensor, rng=1)
    )
    loss = nn.cross_entropy(model(np.ones((4, 2)) * np.arange(4)[:, None]), [0, 1, 1, 0])
    loss.backward()
    groups = named(fold(loss))
    assert list(groups) == ["inputs", "layers.0.layers.0", "layers.0.layers.1", "layers.1", "layers.2"]
    layer = groups["layers.0.layers.0"]
    assert (layer.what, len(layer.keys)) == ("Dense(2, 3, 'relu')", 4)  # weight, bias, affine map, relu
    assert list(named(fold(loss, expand="layers.2"))) == list(groups)[:-1]
    check_arrays(loss, fold(loss))


def test_a_layer_of_tensors_that_stands_alone_is_opened():
    layer = nn.Dense(2, 3, "relu", kind=Tensor, rng=0)
    assert not named(fold(nn.mse(layer(np.ones((4, 2))), np.ones((4, 3)))))


def check_arrays(loss, folding):
    """What flows from box to box is, in each shape, the sum that the walk adds up."""
    given = defaultdict(float)
    for step in walk(loss).steps:
        for c in step.contributions:
            pair = folding.box_of[c.operand], folding.box_of[step.key]
            given[pair] = given[pair] + np.linalg.norm(c.amount) ** 2
    for edge, flow in zip(folding.edges, folding.flows, strict=True):
        if flow is not None:
            assert flow.norm == pytest.approx(given[edge.source, edge.target] ** 0.5, rel=1e-9)


def test_modules_called_in_modules_are_parts_at_their_own_depth():
    groups = named(fold(demo(3, (3, 2, 1)), depth=2))
    neurons = [f"layers.{i}.neurons.{j}" for i, n in enumerate((3, 2, 1)) for j in range(n)]
    assert [name for name, group in groups.items() if group.kind == "module"] == neurons
    assert all(isinstance(groups[name].module, Neuron) for name in neurons)


def test_only_samples_of_one_structure_are_alike():
    data = nn.data.moons(10, rng=0)
    model = nn.MLP(2, [2, 1], rng=0)
    loss = add_n(*[(-z if y else z).softplus() for z, y in zip(model(data.x), data.y)])
    loss.backward()
    folding = fold(loss, depth=0)
    check(loss, folding)
    ones = int(sum(data.y))
    assert named(folding)["neg"].times == ones
    assert {group.times for name, group in named(folding).items() if name.startswith("softplus")} == {ones, 10 - ones}
    assert named(folding)["MLP"].times == 10


def test_two_models_are_not_alike():
    x = [Value(1.0), Value(2.0)]
    a, b = nn.MLP(2, [2, 1], rng=0), nn.MLP(2, [2, 1], rng=1)
    loss = a(x) * b(x)
    loss.backward()
    groups = named(fold(loss, depth=0))
    assert {name: group.module for name, group in groups.items() if group.kind == "module"} == {"MLP#1": a, "MLP#2": b}


def test_micrograds_models_fold_as_ours_do():
    model = nn.micrograd.MLP(2, [4, 4, 1])
    loss = sum((model([float(i), 1.0]) - 1) ** 2 for i in range(6))
    loss.backward()
    folding = fold(loss, depth=1)
    check(loss, folding)
    assert [group.times for name, group in named(folding).items() if name.startswith("layers.")] == [6, 6, 6]


def test_without_modules_what_is_alike_is_found_by_its_structure():
    rng = np.random.default_rng(0)
    weights = [[Value(w) for w in row] for row in rng.normal(size=(5, 3))]
    loss = Value(0.0)
    for _ in range(20):
        x = [Value(x, requires_grad=False) for x in rng.normal(size=3)]
        hidden = [sum((w * xi for w, xi in zip(row, x)), Value(0.0)).tanh() for row in weights]
        loss = loss + sum(h * h for h in hidden)
    loss.backward()
    folding = fold(loss)
    check(loss, folding)
    assert len(folding.groups) <= 12
    assert {group.times for group in folding.groups} >= {20 * 5 * 3, 20 * 5}


# -- never a cycle ------------------------------------------------------------------------------------------------------------


class Twice(nn.Module):
    def __init__(self):
        self.layer = nn.Dense(2, 2, "tanh", rng=0)
        self.other = nn.Dense(2, 2, "tanh", rng=1)

    def forward(self, x):
        a, b = self.layer(self.other(self.layer(x)))
        return a * b


class Recurrent(nn.Module):
    def __init__(self):
        self.inputs, self.state = nn.Dense(1, 2, rng=0), nn.Dense(2, 2, rng=1)

    def forward(self, xs):
        h = [0.0, 0.0]
        for x in xs:
            h = [(a + b).tanh() for a, b in zip(self.inputs([x]), self.state(h))]
        return h[0]


def test_a_layer_that_is_left_and_entered_again_is_one_box_for_each_visit():
    y = Twice()([1.0, -2.0])
    y.backward()
    folding = fold(y, depth=1)
    check(y, folding)
    assert [name for name, group in named(folding).items() if group.kind == "module"] == ["layer#1", "other", "layer#2"]
    opened = {"layer#1[0]", "layer#1[1]", "layer#2[0]", "layer#2[1]"}
    assert named(fold(y, depth=1, expand="layer")).keys() == {"inputs", "other", *opened}


def test_a_recurrent_network_is_unrolled_where_it_must_be():
    y = Recurrent()([1.0, 2.0, 3.0, 4.0])
    y.backward()
    folding = fold(y, depth=1)
    check(y, folding)
    modules = [name for name, group in named(folding).items() if group.kind == "module"]
    assert modules == ["inputs", "state#1", "state#2", "state#3"]  # the fourth visit is a single node
    check(y, fold(y, depth=0))


def test_a_parameter_that_two_layers_share_makes_no_cycle():
    first, last = nn.Dense(2, 2, rng=0), nn.Dense(2, 2, rng=1)
    first.weight = last.weight
    y = last(first([1.0, 2.0]))[0]
    y.backward()
    check(y, fold(y, depth=1))


# -- what may be asked for ----------------------------------------------------------------------------------------------------


def test_a_box_is_opened_by_name_module_node_or_function():
    loss, model = batch()
    by_name = fold(loss, depth=0, expand="layers.1")
    assert "layers.1[0]" in named(by_name)
    assert "layers.0" in named(by_name)
    for expand in (model.layers[1], [model.layers[1]], lambda group: group.name in ("MLP", "layers.1")):
        assert [group.keys for group in fold(loss, depth=0, expand=expand).groups] == [group.keys for group in by_name.groups]
    weight = model.layers[1].weight[0][0]
    shown = fold(loss, depth=0, expand=weight)
    check(loss, shown)
    assert shown.groups[shown.box_of[shown.nodes.index(weight)]].kind == "node"


def test_what_is_in_a_box_of_many_that_are_alike_is_one_of_them():
    loss, _ = batch()
    folding = fold(loss)
    (layer,) = [i for i, group in enumerate(folding.groups) if group.name == "layers.1"]
    assert folding.groups[layer].times == 4
    inside = [group for group in folding.inside(layer).groups if group.kind == "perceptron"]
    assert [(group.name, group.times) for group in inside] == [("layers.1[0]", 1), ("layers.1[1]", 1)]


def test_what_is_not_there_to_open_is_named_with_what_is():
    loss, _ = batch()
    with pytest.raises(ValueError, match=r"no box 'layer\.7' to expand; there are layers\."):
        fold(loss, expand="layer.7")
    with pytest.raises(ValueError, match="no node of this graph"):
        fold(loss, expand=Value(1.0, label="stranger"))
    with pytest.raises(ValueError, match="no box 'Dense"):
        fold(loss, expand=nn.Dense(2, 2))
    for nothing in (3, [3]):
        with pytest.raises(TypeError, match="not int"):
            fold(loss, expand=nothing)


@pytest.mark.parametrize("depth", [-1, 1.5, True, "1"])
def test_a_depth_is_a_whole_number(depth):
    with pytest.raises(ValueError, match=r"depth is a whole number from 0"):
        fold(Value(1.0), depth=depth)


def test_hidden_nodes_stay_hidden():
    loss, model = batch()
    hidden = set(model.parameters())
    folding = fold(loss, hide=hidden.__contains__)
    assert hidden.isdisjoint(folding.nodes)
    assert all(flow is not None for edge, flow in zip(folding.edges, folding.flows) if edge.source > 1)


def test_a_leaf_alone_is_one_box():
    assert [group.kind for group in fold(Value(1.0)).groups] == ["node"]


def test_edges_of_a_graph_that_is_out_of_date_have_no_flow():
    loss, model = batch()
    folding = fold(loss)
    model.layers[0].weight[0][0].data = 3.0
    with pytest.raises(StaleGraphError):
        _ = folding.flows


def test_constants_are_given_nothing():
    x = Value(2.0, requires_grad=False)
    y = (x * 3 + Value(1.0)) * Value(2.0)
    y.backward()
    check(y, fold(y, expand=lambda group: True))
    with no_grad():
        z = x * x
    assert fold(z).groups[0].kind == "node"


# -- large and strange --------------------------------------------------------------------------------------------------------


def test_a_deep_graph_folds_without_recursion():
    x = y = Value(0.5)
    for _ in range(7_000):
        x = (x * y).sin() + x
    x.backward()
    folding = fold(x)
    check(x, folding)
    assert len(folding.groups) <= 40


def test_a_deep_nest_of_modules_folds_without_recursion():
    model = nn.Dense(1, 1, rng=0)
    for _ in range(150):
        model = nn.Sequential(model)
    y = model([2.0])[0]
    y.backward()
    check(y, fold(y))
    check(y, fold(y, depth=100))


def test_arrays_are_summed_where_their_shapes_agree():
    class Layer(nn.Module):
        def __init__(self, n_in, n_out, rng):
            self.weight, self.bias = Tensor(rng.normal(size=(n_in, n_out))), Tensor(np.zeros(n_out))

        def parameters(self):
            return [self.weight, self.bias]

        def forward(self, x):
            return (x @ self.weight + self.bias).tanh()

    rng = np.random.default_rng(0)
    one, two = Layer(3, 4, rng), Layer(4, 4, rng)
    h = one(Tensor(rng.normal(size=(5, 3)), requires_grad=False))
    loss = (two(h) * h).sum() + (one.weight * one.weight).sum() + (one.bias * one.bias).sum()
    loss.backward()
    folding = fold(loss)
    groups = [group.name for group in folding.groups]
    flows = {(groups[edge.source], groups[edge.target]): flow for edge, flow in zip(folding.edges, folding.flows)}
    given = [c.amount for step in walk(loss).steps for c in step.contributions if folding.nodes[c.operand] is h]
    assert len(given) == 2
    received = [
        flow.total for (source, _), flow in flows.items() if source == "Layer#1" and np.shape(getattr(flow, "total", 0))
    ]
    assert any(total.shape == (5, 4) for total in received)
    assert len({np.shape(total) for total in received}) > 1
    mixed = fold(loss, depth=0, expand=lambda group: False)
    assert all(flow is None or flow.total is not None or flow.norm > 0 for flow in mixed.flows)


def test_contributions_of_different_shapes_have_a_norm_and_no_sum():
    flow = viz.folding.flows.flow([np.array([3.0]), np.array([[4.0, 0.0]])])
    assert (flow.count, flow.total, flow.norm, flow.least, flow.most) == (2, None, 5.0, 0.0, 4.0)
    flow = viz.folding.flows.flow([np.array([3.0, 1.0]), np.array([1.0, -1.0])])
    assert flow.total.tolist() == [4.0, 0.0]
    assert flow.mean == 1.0


@pytest.mark.parametrize("numbers", [[float("inf"), float("-inf")], [1e308, 1e308, 1e308], [float("nan"), 1.0]])
def test_sums_beyond_the_floats_are_what_floats_make_of_them(numbers):
    assert not np.isfinite(viz.folding.flows.flow(numbers).total)


def test_sums_are_exact():
    assert viz.folding.flows.flow([1e16, 1.0, -1e16]).total == 1.0


def test_the_same_graph_folds_alike_in_another_process():
    program = (
        "import sys; from tests.benchmarks.bench_folding import demo; from viz import draw; d = draw(demo(3, (3, 2, 1)));"
        "sys.stdout.buffer.write((d.svg + d.text() + d.to_dot() + d._repr_html_()).encode())"
    )
    first, second = outputs(program)
    assert first == second != b""


HOSTILE = "<script>alert('1')</script>&lt;\"]]>\\{|}\n\x00\x1b[31m\u202e\ud800"


class Hostile(nn.Module):
    def __init__(self):
        self.parts = {HOSTILE: nn.Dense(1, 2, rng=0)}

    def forward(self, x):
        (layer,) = self.parts.values()
        a, b = layer(x)
        c = a * b
        c.label = HOSTILE
        return c + 1

    def __repr__(self):
        return HOSTILE


def test_names_of_modules_are_text_in_every_format():
    model = Hostile()
    loss = sum(model([float(i)]) for i in range(5))
    loss.label = HOSTILE
    loss.backward()
    drawing = draw(loss, depth=1)
    for text in (drawing.svg, drawing.to_html(), drawing._repr_html_(), drawing.text()):
        text.encode()
    ElementTree.fromstring(drawing.svg)
    if shutil.which("dot"):
        ElementTree.fromstring(draw(loss, depth=1, edges="both", engine="dot").svg)
    assert "<script" not in drawing.svg + drawing.to_html() + drawing._repr_html_()
    assert all(line.isprintable() for line in drawing.text().splitlines())
