"""The numbers of torch.nn.Sequential, there and back."""

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from nn.layers import BatchNorm, Conv2d, Dropout, Embedding, Flatten, LayerNorm, MaxPool2d, Residual


def bits(model):
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in model.state_dict().items()}


def ours(kind, seed):
    return nn.Sequential(
        nn.MLP(2, [4, 3], rng=seed, kind=kind), nn.Tanh(), nn.Dense(3, 3, "sigmoid", rng=seed, kind=kind),
        nn.Perceptron(3, rng=seed, kind=kind),
    )  # fmt: skip


def theirs(torch):
    t = torch.nn
    inner = t.Sequential(t.Linear(2, 4), t.ReLU(), t.Linear(4, 3))
    return t.Sequential(inner, t.Tanh(), t.Linear(3, 3), t.Sigmoid(), t.Linear(3, 1), t.Sigmoid())


def test_an_activation_counts_as_a_layer():
    assert list(nn.to_torch(nn.MLP(2, [3, 3, 1], rng=0))) == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]
    assert list(nn.to_torch(nn.MLP(2, [3, 1], "linear", rng=0))) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_weights_of_dense_are_transposed_and_those_of_a_perceptron_are_a_row():
    dense, perceptron = nn.Dense(2, 3, rng=0), nn.Perceptron(4, rng=0)
    np.testing.assert_array_equal(nn.to_torch(dense)["0.weight"], dense.state_dict()["weight"].T)
    assert {name: array.shape for name, array in nn.to_torch(perceptron).items()} == {"0.weight": (1, 4), "0.bias": (1,)}


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_there_and_back_changes_no_bit(kind):
    model, other = ours(kind, 0), ours(kind, 1)
    nn.from_torch(other, nn.to_torch(model))
    assert bits(other) == bits(model)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_file_of_ours_gives_the_same_predictions_in_torch_and_one_of_torch_here(tmp_path, kind):
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    x = np.random.default_rng(0).normal(size=(5, 2))
    model, sequential = ours(kind, 0), theirs(torch).double()
    nn.save_torch(model, tmp_path / "ours.safetensors")
    sequential.load_state_dict(files.load_file(tmp_path / "ours.safetensors"))
    y = sequential(torch.tensor(x)).detach().numpy()[:, 0]
    np.testing.assert_allclose(np.array(model(x).tolist(), dtype=float) if kind is Value else model(x).data, y, rtol=1e-12)

    torch.manual_seed(0)
    files.save_file(theirs(torch).state_dict(), tmp_path / "theirs.safetensors")  # float32
    nn.load_torch(model, tmp_path / "theirs.safetensors")
    sequential.load_state_dict(files.load_file(tmp_path / "theirs.safetensors"))
    y = sequential(torch.tensor(x)).detach().numpy()[:, 0]
    np.testing.assert_allclose(np.array(model(x).tolist(), dtype=float) if kind is Value else model(x).data, y, rtol=1e-12)


def images(kind, seed):
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        Conv2d(1, 2, 3, padding=1, activation="relu", kind=kind), BatchNorm(2, kind=kind), MaxPool2d(2), Dropout(0.3),
        Conv2d(2, 3, (2, 1), stride=2, kind=kind), BatchNorm(3, affine=False, kind=kind), Flatten(), LayerNorm(6, kind=kind),
        nn.Dense(6, 2, kind=kind),
    )  # fmt: skip
    model.load_state_dict({name: abs(rng.normal(size=array.shape)) + 0.1 for name, array in model.state_dict().items()})
    return model.eval()


@pytest.mark.oracle
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_every_layer_that_torch_has_too_goes_there_and_back(tmp_path, kind):
    torch = pytest.importorskip("torch")
    t = torch.nn
    sequential = t.Sequential(
        t.Conv2d(1, 2, 3, padding=1), t.ReLU(), t.BatchNorm2d(2), t.MaxPool2d(2), t.Dropout(0.3),
        t.Conv2d(2, 3, (2, 1), stride=2), t.BatchNorm2d(3, affine=False), t.Flatten(), t.LayerNorm(6), t.Linear(6, 2),
    ).double().eval()  # fmt: skip
    model, other, x = images(kind, 0), images(kind, 1), np.random.default_rng(0).normal(size=(2, 1, 4, 8))
    sequential.load_state_dict({name: torch.tensor(array) for name, array in nn.to_torch(model).items()})
    y = model(x)
    y = y.data if kind is Tensor else np.array(y.tolist(), dtype=float)
    np.testing.assert_allclose(sequential(torch.tensor(x)).detach().numpy(), y, rtol=1e-10)
    nn.from_torch(other, sequential.state_dict())
    assert bits(other) == bits(model)


@pytest.mark.oracle
def test_an_embedding_goes_there_and_back():
    torch = pytest.importorskip("torch")
    model, other, table = Embedding(5, 3, rng=0), Embedding(5, 3, rng=1), torch.nn.Sequential(torch.nn.Embedding(5, 3)).double()
    table.load_state_dict({name: torch.tensor(array) for name, array in nn.to_torch(model).items()})
    nn.from_torch(other, table.state_dict())
    assert bits(other) == bits(model)


def test_a_residual_block_has_no_counterpart_since_torch_has_no_such_layer():
    with pytest.raises(ValueError, match=r"Residual\(Dense\(2, 2\)\) has no counterpart"):
        nn.to_torch(nn.Sequential(Residual(nn.Dense(2, 2))))


def test_more_than_ten_layers_keep_their_order_though_a_file_sorts_names_as_text():
    model, other = nn.MLP(1, [2] * 12, rng=0), nn.MLP(1, [2] * 12, rng=1)
    nn.from_torch(other, dict(sorted(nn.to_torch(model).items())))
    assert bits(other) == bits(model)


def test_layers_go_by_order_and_names_by_number():
    state = {"0.weight": np.ones((1, 2)), "0.bias": np.ones(1)}
    model = nn.Sequential(nn.ReLU(), nn.Dense(2, 1, rng=0))
    nn.from_torch(model, state)
    assert model.layers[1].state_dict()["weight"].tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda state: state | {"0.weight": np.ones((2, 3))}, r"0.weight has shape \(2, 3\), expected \(3, 2\) for Dense"),
        (lambda state: state | {"0.running_mean": np.ones(3)}, "unknown 0.running_mean for Dense"),
        (lambda state: {name: a for name, a in state.items() if name != "2.bias"}, r"missing 2.bias for Dense\(3, 1\)"),
        (lambda state: state | {"4.weight": np.ones(3)}, "this state is of 3 layers with parameters; MLP.* has 2"),
        (lambda state: state | {"head.weight": np.ones(3)}, "'head.weight', expected names of a torch.nn.Sequential"),
        (lambda state: state | {"2.bias": np.ones(1, dtype=complex)}, "layers.1.bias holds complex128"),
        (lambda state: {}, "this state is of 0 layers"),
        (lambda state: state | {"0.bias": [[1.0], [1.0, 2.0]]}, "has 0.bias, which is no array: .*inhomogeneous"),
        (lambda state: state | {"0.bias": Tensor([1.0])}, "has 0.bias, which is no array"),
        (lambda state: {0: np.ones(3)}, "has 0, expected names"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_changes_nothing(change, match):
    model = nn.MLP(2, [3, 1], rng=0)
    with pytest.raises(nn.LoadError, match=match):
        nn.from_torch(model, change(nn.to_torch(nn.MLP(2, [3, 1], rng=1))))
    assert bits(model) == bits(nn.MLP(2, [3, 1], rng=0))


def test_what_is_no_dict_is_refused():
    with pytest.raises(TypeError, match=r"state is a dict of arrays, such as sequential.state_dict\(\); not list"):
        nn.from_torch(nn.Dense(1, 1), [np.ones((1, 1)), np.ones(1)])
    with pytest.raises(TypeError, match="model is a Module"):
        nn.to_torch([nn.Dense(1, 1)])


@pytest.mark.oracle
def test_a_tensor_of_torch_that_numpy_can_not_read_is_refused_by_name():
    torch = pytest.importorskip("torch")
    model, linear = nn.Dense(1, 1, rng=0), torch.nn.Sequential(torch.nn.Linear(1, 1))
    with pytest.raises(nn.LoadError, match=r"has 0.weight, which is no array: .*detach\(\)"):
        nn.from_torch(model, dict(linear.named_parameters()))
    with pytest.raises(nn.LoadError, match=r"has 0.weight, which is no array: .*BFloat16"):
        nn.from_torch(model, linear.bfloat16().state_dict())
    assert bits(model) == bits(nn.Dense(1, 1, rng=0))


def test_a_layer_in_two_places_takes_the_same_numbers_from_both_or_none():
    shared = nn.Dense(2, 2, rng=0)
    model, state = nn.Sequential(shared, nn.ReLU(), shared), nn.to_torch(nn.Dense(2, 2, rng=1))
    twice = {f"{i}.{name[2:]}": array for i in (0, 2) for name, array in state.items()}
    nn.from_torch(model, twice)
    assert bits(shared) == bits(nn.Dense(2, 2, rng=1))
    with pytest.raises(nn.LoadError, match=r"2.weight differs from what Dense\(2, 2\), which stands in several places"):
        nn.from_torch(model, twice | {"2.weight": np.ones((2, 2))})
    assert bits(shared) == bits(nn.Dense(2, 2, rng=1))


def test_a_layer_that_torch_has_not_is_named():
    class Scale(nn.Module):
        def __init__(self):
            self.by = Tensor([2.0])

        def __repr__(self):
            return "Scale()"

    with pytest.raises(ValueError, match=r"Scale\(\) has no counterpart in torch.nn .* ones for Dense, Perceptron, Conv2d"):
        nn.to_torch(nn.Sequential(nn.Dense(1, 1), Scale()))


def test_each_way_of_loading_knows_the_file_of_the_other(tmp_path):
    model = nn.MLP(2, [2, 2], rng=0)  # square, so that a transposed weight would fit
    nn.save(model, tmp_path / "ours.npz")
    nn.save_torch(model, tmp_path / "torch.npz")
    with pytest.raises(nn.LoadError, match=r"written by nn.save, of MLP.*; read it by nn.load"):
        nn.load_torch(model, tmp_path / "ours.npz")
    with pytest.raises(nn.LoadError, match=r"not written by nn.save; for a file of PyTorch use nn.load_torch"):
        nn.load(model, tmp_path / "torch.npz")
