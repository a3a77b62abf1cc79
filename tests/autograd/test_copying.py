"""Deep copies and pickles of graphs: identity, gradients, labels, staleness."""

import copy
import io
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import nn
from autograd import StaleGraphError, Value, copying, source_lines, topological_order

ROOT = Path(__file__).parents[2]


def by_pickle(x):
    return pickle.loads(pickle.dumps(x))


def by_old_pickle(x):
    return pickle.loads(pickle.dumps(x, protocol=2))


both = pytest.mark.parametrize("twin_of", [copy.deepcopy, by_pickle, by_old_pickle], ids=["deepcopy", "pickle", "protocol 2"])


def example():
    x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    z = (x * y + x).tanh() * 0.5
    z.label = "z"
    z.backward()
    return x, y, z


def described(root):
    order = topological_order(root)
    place = {node: i for i, node in enumerate(order)}
    return [
        (node.data, node.grad, node.op, node.label, node.requires_grad, tuple(place[x] for x in node.inputs)) for node in order
    ]


@both
def test_a_twin_has_the_same_numbers_gradients_labels_and_edges(twin_of):
    _, _, z = example()
    twin = twin_of(z)
    assert described(twin) == described(z)
    assert not set(topological_order(twin)) & set(topological_order(z))


@both
def test_a_twin_goes_its_own_way(twin_of):
    x, _, z = example()
    before = described(z)
    twin = twin_of(z)
    leaf = next(node for node in topological_order(twin) if node.label == "x")
    twin.backward()
    assert leaf.grad == pytest.approx(2 * x.grad)
    leaf.data = 10.0
    leaf.label = "other"
    assert described(z) == before
    z.backward()


@both
def test_identity_is_kept_between_several_roots(twin_of):
    x = Value(2.0)
    shared = x * x
    roots = {"sum": shared + 1, "product": [shared * 3, shared], "leaf": x}
    twins = twin_of(roots)
    assert twins["sum"].inputs[0] is twins["product"][0].inputs[0] is twins["product"][1]
    assert twins["product"][1].inputs == (twins["leaf"], twins["leaf"])
    twins["sum"].backward()
    assert (twins["leaf"].grad, x.grad) == (4.0, 0.0)


@both
def test_a_smaller_graph_may_come_before_or_after_the_larger_one(twin_of):
    x = Value(2.0)
    nodes = [x]
    for _ in range(20):
        nodes.append(nodes[-1] * x)
    for roots in (nodes, nodes[::-1], [nodes[10], nodes[20], nodes[0]], [nodes[20]] * 3):
        twins = twin_of(roots)
        for one, other in zip(roots, twins, strict=True):
            assert described(one) == described(other)
        assert len({node for twin in twins for node in topological_order(twin)}) == 21


@both
def test_several_separate_graphs_share_one_pickle(twin_of):
    graphs = [example()[2] for _ in range(5)]
    twins = twin_of(graphs)
    assert [described(twin) for twin in twins] == [described(graph) for graph in graphs]
    assert len({node for twin in twins for node in topological_order(twin)}) == 5 * len(topological_order(graphs[0]))


@both
def test_an_operand_used_twice_stays_one_node(twin_of):
    x = Value(3.0)
    twin = twin_of(x * x)
    assert twin.inputs[0] is twin.inputs[1]
    twin.backward()
    assert twin.inputs[0].grad == 6.0


@both
def test_a_stale_graph_stays_stale_and_a_fresh_one_fresh(twin_of):
    x = Value(3.0, label="x")
    stale = x * x
    x.data = 4.0
    fresh = x * x
    stale_twin, fresh_twin = twin_of([stale, fresh])
    with pytest.raises(StaleGraphError, match="leaf 'x'"):
        stale_twin.backward()
    fresh_twin.backward()
    assert fresh_twin.inputs[0].grad == 8.0


@both
def test_a_leaf_of_a_twin_goes_stale_when_written_and_serves_new_expressions(twin_of):
    twin = twin_of(Value(3.0) * 2.0)
    leaf = twin.inputs[0]
    new = leaf * twin
    new.backward()
    assert leaf.grad == 6.0 + 2.0 * 3.0
    leaf.data = 5.0
    with pytest.raises(StaleGraphError):
        new.backward()


@both
def test_twins_of_twins_are_as_good(twin_of):
    x, _, z = example()
    again = twin_of(twin_of(twin_of(z)))
    assert described(again) == described(z)
    again.backward()
    assert next(node for node in topological_order(again) if node.label == "x").grad == pytest.approx(2 * x.grad)


@both
def test_notes_of_module_and_line_survive(twin_of):
    layer = nn.Dense(1, 1, rng=0)
    with source_lines():
        (y,) = layer([1.0])
    twin = twin_of(y)
    assert twin.line == y.line
    assert str(twin.module) == "Dense(1, 1)"


@both
def test_a_graph_inside_a_model_is_carried_along(twin_of):
    model = nn.MLP(2, [3, 1], rng=0)
    model.last = model([0.5, -0.5])
    model.last.backward()
    twin = twin_of(model)
    assert described(twin.last) == described(model.last)
    weights = [node for node in topological_order(twin.last) if node.label.startswith("w")]
    assert set(weights) <= set(twin.parameters())
    twin.last.backward()
    assert [p.grad for p in twin.parameters()] == pytest.approx([2 * p.grad for p in model.parameters()])


def test_a_shallow_copy_of_a_node_differentiates_like_the_node():
    x = Value(3.0)
    y = copy.copy(x * x)
    y.backward()
    assert x.grad == 6.0


def test_a_pickle_is_read_in_another_process_where_leaves_have_been_written():
    program = (
        "import pickle, sys; from autograd import Value\n"
        "for i in range(5): Value(0.0).data = 1.0\n"
        "y = pickle.load(sys.stdin.buffer); y.backward(); print(y.inputs[0].grad, y.inputs[0].label)"
    )
    x = Value(3.0, label="x")
    for _i in range(20):
        x.data = 3.0
    done = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(x * x), capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.split() == [b"6.0", b"x"]


def test_one_pickler_may_dump_a_growing_graph_while_others_work():
    x = Value(1.0)
    y = x
    for _ in range(3_000):
        y = y + x
    pickler = pickle.Pickler(io.BytesIO())
    pickler.dump(y)
    pickler.dump(y + x)  # the pickler remembers what it has seen
    assert len(topological_order(by_pickle(y))) == 3_001


def test_pickling_leaves_walks_no_graph(monkeypatch):
    monkeypatch.setattr(copying, "_Ancestors", None)  # to make one would be an error
    leaves = pickle.loads(pickle.dumps([Value(float(i)) for i in range(100)]))
    assert [leaf.data for leaf in leaves] == list(range(100))


def test_deepcopy_of_successive_results_copies_each_node_once():
    total, results = Value(0.0), []
    for _ in range(300):
        total = total + 1.0
        results.append(total)
    copies = copy.deepcopy(results)
    assert all(b.inputs[0] is a for a, b in pairwise(copies))
    assert copies[0] is not results[0]


def test_a_graph_from_an_older_process_is_stale_as_soon_as_its_leaf_is_written(tmp_path):
    x = Value(3.0, label="x")
    for _ in range(1000):
        x.data = 3.0  # this process is ahead of the next
    (tmp_path / "graph.pickle").write_bytes(pickle.dumps((x, x * x)))
    code = """
import pickle, sys
from autograd import StaleGraphError
x, y = pickle.load(open(sys.argv[1], "rb"))
y.backward()
assert x.grad == 6.0
x.data = 4.0
try:
    y.backward()
except StaleGraphError:
    print("stale")
"""
    run = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "graph.pickle")]
    assert subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT).stdout == "stale\n"


class Named(Value):
    pass


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_attributes_of_a_subclass_are_kept(duplicate):
    x = Named(3.0)
    x.origin = "sensor"
    y = x * x
    assert duplicate(x).origin == "sensor"
    assert duplicate(y).inputs[0].origin == "sensor"
