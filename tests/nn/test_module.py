"""Module: what it finds, how it names it, saves it, copies it."""

import copy
import pickle
import time

import numpy as np
import pytest

import nn
from autograd import Tensor, Value


def names(module):
    return [name for name, _ in module.named_parameters()]


class Bag(nn.Module):
    def __init__(self, **things):
        for name, thing in things.items():
            setattr(self, name, thing)

    def forward(self, x):
        return x


# -- finding -----------------------------------------------------------------------------------------------------------------


def test_parameters_are_found_wherever_they_are_kept():
    bag = Bag(
        one=Value(1.0),
        many=[Value(2.0), Value(3.0)],
        pair=(Value(4.0),),
        table={"a": Value(5.0), "b": [[Value(6.0)], [Value(7.0)]]},
        array=np.array([[Value(8.0), Value(9.0)]], dtype=object),
        ragged=[[Value(10.0)], [Value(11.0), Value(12.0)]],
        inner=Bag(w=Value(13.0)),
        list_of_modules=[Bag(w=Value(14.0)), {"deep": (Bag(w=Value(15.0)),)}],
    )
    assert {name: p.data for name, p in bag.named_parameters()} == {
        "one": 1.0, "many[0]": 2.0, "many[1]": 3.0, "pair[0]": 4.0, "table.a": 5.0, "table.b[0, 0]": 6.0, "table.b[1, 0]": 7.0,
        "array[0, 0]": 8.0, "array[0, 1]": 9.0, "ragged.0[0]": 10.0, "ragged.1[0]": 11.0, "ragged.1[1]": 12.0, "inner.w": 13.0,
        "list_of_modules.0.w": 14.0, "list_of_modules.1.deep.0.w": 15.0,
    }  # fmt: skip
    assert [p.data for p in bag.parameters()] == [float(i) for i in range(1, 16)]
    assert type(bag.parameters()) is list


def test_an_mlps_parameters_are_named_by_layer_part_and_place():
    found = names(nn.MLP(5, [4, 2], rng=0))
    assert found[:5] == [
        "layers.0.weight[0, 0]",
        "layers.0.weight[0, 1]",
        "layers.0.weight[0, 2]",
        "layers.0.weight[0, 3]",
        "layers.0.weight[1, 0]",
    ]
    assert "layers.0.weight[3, 1]" in found
    assert found[-2:] == ["layers.1.bias[0]", "layers.1.bias[1]"]
    assert len(found) == 5 * 4 + 4 + 4 * 2 + 2


def test_what_is_shared_is_counted_once():
    w = Value(1.0)
    row = [w, Value(2.0)]
    inner = Bag(row=row)
    bag = Bag(first=w, again=w, row=row, inner=inner, twice=inner)
    assert names(bag) == ["first", "row[1]"]
    assert bag.parameters() == row
    assert [name for name, _ in bag.named_modules()] == ["", "inner"]


def test_a_module_that_holds_itself_is_no_riddle():
    bag = Bag(w=Value(1.0))
    bag.me = bag
    bag.things = [bag, [bag]]
    assert names(bag) == ["w"]


def test_frozen_values_are_saved_but_not_learnt():
    bag = Bag(w=Value(1.0), scale=Value(2.0, requires_grad=False), row=[Value(3.0), Value(4.0, requires_grad=False)])
    assert names(bag) == ["w", "row[0]"]
    assert {name: array.tolist() for name, array in bag.state_dict().items()} == {"w": 1.0, "scale": 2.0, "row": [3.0, 4.0]}


def test_what_is_no_parameter_is_passed_by():
    bag = Bag(
        w=Value(1.0), size=3, name="x", nothing=None, numbers=np.zeros(3), empty=[], mixed=[1, "a", None], function=len,
        rows=[[1.0, 2.0], [3.0, 4.0]], _private=Value(2.0),
    )  # fmt: skip
    assert names(bag) == ["w"]
    assert list(bag.state_dict()) == ["w"]


def test_arrays_of_several_shapes_are_passed_by_too():
    assert names(Bag(w=Value(1.0), buffers=[np.zeros((2, 2)), np.zeros((2, 3))])) == ["w"]


def test_parameters_among_other_things_in_an_array_are_found():
    mixed = np.array([[Value(1.0), None], [2.0, Value(3.0)]], dtype=object)
    assert names(Bag(mixed=mixed, late=[None, Value(4.0)])) == ["mixed.0.0", "mixed.1.1", "late.1"]
    assert names(Bag(both=[Value(1.0), Tensor([2.0])])) == ["both.0", "both.1"]


def test_a_large_array_of_numbers_costs_nothing_to_pass_by():
    bag = Bag(w=Value(1.0), images=np.zeros((1000, 1000)), parts=[np.zeros((1000, 1000))])
    began = time.perf_counter()
    assert names(bag) == ["w"]
    assert time.perf_counter() - began < 0.01  # to turn a million numbers into objects takes longer


def test_what_was_computed_and_kept_is_no_parameter():
    value, tensor = Value(1.0), Tensor([1.0, 2.0])
    bag = Bag(value=value, tensor=tensor, kept=value * 2, also=[value * 3, value * 4], last=tensor * 2)
    assert names(bag) == list(bag.state_dict()) == ["value", "tensor"]


def test_another_dtype_forgets_the_gradients():
    model = nn.Dense(2, 1, rng=0, kind=Tensor)
    model([1.0, 2.0]).sum().backward()
    assert model.astype(np.float32) is model
    assert [(p.data.dtype, p.grad.dtype, p.grad.any()) for p in model.parameters()] == [(np.float32, np.float32, False)] * 2
    with pytest.raises(TypeError, match=r"astype: Dense\(2, 1\) is made of Values"):
        nn.Dense(2, 1, rng=0).astype(np.float32)


def test_named_modules_come_outside_in():
    model = nn.Sequential(nn.Dense(2, 2, rng=0), nn.Tanh(), nn.Sequential(nn.Dense(2, 1, rng=0)))
    assert [name for name, _ in model.named_modules()] == [
        "", "layers.0", "layers.0.activation", "layers.1", "layers.2", "layers.2.layers.0", "layers.2.layers.0.activation",
    ]  # fmt: skip


def test_zero_grad_clears_every_parameter():
    model = nn.MLP(2, [3, 1], rng=0)
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * 13


def test_train_and_eval_reach_every_part():
    model = nn.MLP(2, [3, 1], rng=0)
    assert model.training
    assert model.eval() is model
    assert not any(module.training for _, module in model.named_modules())
    assert model.train() is model
    assert all(module.training for _, module in model.named_modules())


def test_a_module_without_a_forward_says_what_to_write():
    class Unfinished(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Unfinished has no forward\(x\) yet"):
        Unfinished()(1.0)


# -- state -------------------------------------------------------------------------------------------------------------------


def test_state_goes_out_and_comes_back():
    model, other = nn.MLP(3, [4, 2], rng=0), nn.MLP(3, [4, 2], rng=1)
    state = model.state_dict()
    assert {name: array.shape for name, array in state.items()} == {
        "layers.0.weight": (3, 4), "layers.0.bias": (4,), "layers.1.weight": (4, 2), "layers.1.bias": (2,),
    }  # fmt: skip
    x = [0.1, -0.2, 0.3]
    assert [y.data for y in model(x)] != [y.data for y in other(x)]
    other.load_state_dict(state)
    assert [y.data for y in model(x)] == [y.data for y in other(x)]
    assert all(a is not b for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_a_state_is_a_copy():
    model = nn.Dense(1, 1, rng=0)
    state = model.state_dict()
    before = state["weight"].copy()
    model.weight[0][0].data = 99.0
    assert state["weight"] == before
    state["bias"][0] = 7.0
    assert model.bias[0].data == 0.0
    model = nn.Dense(1, 1, rng=0, kind=Tensor)
    model.state_dict()["bias"][0] = 7.0
    assert model.bias.data == 0.0


def test_plain_lists_are_a_state_too():
    model = nn.Dense(2, 1, rng=0)
    model.load_state_dict({"weight": [[1], [2]], "bias": [3]})
    assert model([1.0, 1.0])[0].data == 6.0


GOOD = {"weight": [[1.0], [2.0]], "bias": [3.0]}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"weight": [[1.0], [2.0]]}, ["missing bias"]),
        ({**GOOD, "extra": [1.0]}, ["unknown extra"]),
        ({**GOOD, "weight": [[1.0, 2.0]]}, ["weight has shape (1, 2), expected (2, 1)"]),
        ({**GOOD, "bias": 3.0}, ["bias has shape (), expected (1,)"]),
        ({**GOOD, "bias": ["x"]}, ["bias is not an array of numbers"]),
        ({**GOOD, "bias": ["3.0"]}, ["bias is not an array of numbers"]),
        ({**GOOD, "bias": [3j]}, ["bias is not an array of numbers"]),
        ({**GOOD, "weight": [[1.0], [2.0, 3.0]]}, ["weight is not an array of numbers"]),
        (
            {"weights": [[1.0], [2.0]], "bias": [[3.0]]},
            ["missing weight", "unknown weights", "bias has shape (1, 1), expected (1,)"],
        ),
        ({}, ["missing bias", "missing weight"]),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing_and_lists_every_fault(state, words):
    model = nn.Dense(2, 1, rng=0)
    before = {name: array.tolist() for name, array in model.state_dict().items()}
    with pytest.raises(ValueError, match="load_state_dict: this state is not of Dense") as caught:
        model.load_state_dict(state)
    assert all(word in str(caught.value) for word in words)
    assert {name: array.tolist() for name, array in model.state_dict().items()} == before


def test_what_is_no_state_is_refused():
    with pytest.raises(TypeError, match=r"load_state_dict: a state is a dict of arrays, as state_dict\(\) gives it; not 3"):
        nn.Dense(2, 1, rng=0).load_state_dict(3)


def test_what_is_loaded_makes_older_graphs_stale():
    from autograd import StaleGraphError

    model = nn.Dense(1, 1, rng=0)
    (y,) = model([1.0])
    model.load_state_dict(model.state_dict())
    with pytest.raises(StaleGraphError):
        y.backward()


# -- copies ------------------------------------------------------------------------------------------------------------------


def by_pickle(x):
    return pickle.loads(pickle.dumps(x))


both = pytest.mark.parametrize("twin_of", [copy.deepcopy, by_pickle], ids=["deepcopy", "pickle"])


@both
def test_a_twin_computes_the_same_and_learns_on_its_own(twin_of):
    model = nn.MLP(2, [4, 1], "tanh", rng=0)
    data = nn.data.moons(20, rng=0)
    nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, epochs=2, rng=0, verbose=False)
    twin = twin_of(model)
    x = [0.3, -0.7]
    before = model(x).data
    assert twin(x).data == before
    assert repr(twin) == repr(model)
    assert names(twin) == names(model)
    assert [p.label for p in twin.parameters()] == [p.label for p in model.parameters()]
    nn.fit(twin, data.x, data.y, loss=nn.bce_with_logits, epochs=1, rng=0, verbose=False)
    assert model(x).data == before
    assert twin(x).data != before


@both
def test_a_twin_of_a_model_and_its_optimizer_stay_together(twin_of):
    model = nn.MLP(2, [3, 1], rng=0)
    model, optimizer = twin_of((model, nn.SGD(model.parameters(), lr=0.1, momentum=0.5)))
    assert all(a is b for a, b in zip(model.parameters(), optimizer.parameters, strict=True))
    before = model([1.0, 1.0]).data
    model([1.0, 1.0]).backward()
    optimizer.step()
    assert model([1.0, 1.0]).data < before


@both
def test_shared_parameters_stay_shared(twin_of):
    w = Value(1.0)
    twin = twin_of(Bag(a=[w, Value(2.0)], b=w))
    assert twin.a[0] is twin.b


@both
def test_a_thousand_layers_are_copied_and_named(twin_of):
    model = nn.MLP(1, [1] * 1000, "tanh", rng=0)
    y = model([0.5])
    y.backward()
    twin = twin_of(model)
    assert len(twin.parameters()) == 2000
    assert names(twin)[-1] == "layers.999.bias[0]"
    assert twin([0.5]).data == y.data
    graph = twin_of(y)
    assert graph.data == y.data


def test_every_activation_module_is_pickled():
    for name in nn.activations.NAMES:
        layer = nn.Dense(2, 2, name, rng=0)
        assert [y.data for y in by_pickle(layer)([1.0, -1.0])] == [y.data for y in layer([1.0, -1.0])]
