"""What an exported model computes in another program is what it computes here."""

import numpy as np
import pytest

import autograd as ag
import nn
import nn.onnx
from autograd import Tensor, Value
from nn.layers import AvgPool2d, BatchNorm, Conv2d, Dropout, Embedding, Flatten, LayerNorm, MaxPool2d, Residual
from nn.onnx import export

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(7, 4))
IMAGES = RNG.normal(size=(5, 2, 8, 6))
PLACES = RNG.integers(0, 10, size=(6, 3))


def settled(model):
    """``model`` with running statistics and all else drawn, so that nothing is at its start."""
    rng = np.random.default_rng(1)
    model.load_state_dict({name: abs(rng.normal(size=array.shape)) + 0.1 for name, array in model.state_dict().items()})
    return model


def here(model, x):
    y = model.eval()(x)
    return y.data if isinstance(y, Tensor) else np.array(y.tolist(), dtype=float)


def there(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x if x.dtype.kind == "i" else x.astype(np.float32)})[0]


def compare(model, path, x):
    export(model, path, x[:1])
    for batch in (x, x[:2], x[:1]):
        expected = here(model, batch if batch.dtype.kind == "i" else batch.astype(np.float32))
        given = there(path, batch)
        assert given.dtype == np.float32
        assert given.shape == expected.shape
        np.testing.assert_allclose(given, expected, rtol=1e-6, atol=1e-6)


def dense(*layers, kind=Tensor, **more):
    return nn.Dense(4, 4, *layers, rng=0, kind=kind, **more)


MODELS = {
    "MLP": (lambda: nn.MLP(4, [5, 3], rng=0, kind=Tensor), ROWS),
    "MLP with one output": (lambda: nn.MLP(4, [5, 1], "tanh", "sigmoid", rng=0, kind=Tensor), ROWS),
    "MLP of Values": (lambda: nn.MLP(4, [5, 1], rng=0), ROWS),
    "perceptron": (lambda: nn.Perceptron(4, rng=0, kind=Tensor), ROWS),
    "perceptron of Values": (lambda: nn.Perceptron(4, "step", rng=0), ROWS),
    "dense alone": (dense, ROWS),
    "dense over two axes": (dense, RNG.normal(size=(3, 5, 4))),
    "dropout": (lambda: nn.Sequential(dense(), Dropout(0.5, rng=0), dense()), ROWS),
    "batch-norm": (lambda: settled(nn.Sequential(dense(), BatchNorm(4, kind=Tensor))), ROWS),
    "batch-norm without weights": (lambda: settled(BatchNorm(4, affine=False, eps=0.1, kind=Tensor)), ROWS),
    "batch-norm of images": (lambda: settled(BatchNorm(2, kind=Tensor)), IMAGES),
    "layer-norm": (lambda: settled(nn.Sequential(LayerNorm(4, eps=0.1, kind=Tensor))), ROWS),
    "layer-norm over two axes": (lambda: settled(LayerNorm((8, 6), kind=Tensor)), IMAGES),
    "residual": (lambda: nn.Sequential(dense("tanh"), Residual(dense("relu"), dense()), dense()), ROWS),
    "residual with a shortcut": (
        lambda: Residual(nn.Dense(4, 2, rng=0, kind=Tensor), shortcut=nn.Dense(4, 2, rng=1, kind=Tensor)), ROWS,
    ),
    "ensemble": (lambda: nn.Ensemble(*[dense(init=nn.init.normal(i)) for i in (1.0, 2.0, 3.0)], activation="softmax"), ROWS),
    "ensemble in a model": (lambda: nn.Sequential(nn.Ensemble(dense("relu"), dense("tanh")), dense()), ROWS),
    "a layer used twice": (lambda: nn.Sequential(*[dense("tanh")] * 2), ROWS),
    "step at the jump": (lambda: nn.Sequential(nn.Step()), np.array([[-1.0, 0.0, 1.0], [0.0, -0.0, 1e-30]])),
    "softmax of images": (lambda: nn.Sequential(nn.Softmax()), IMAGES),
    "softmax": (lambda: nn.Sequential(dense(), nn.Softmax()), ROWS),
    "embedding": (
        lambda: nn.Sequential(Embedding(10, 4, rng=0, kind=Tensor), Flatten(), nn.Dense(12, 2, rng=0, kind=Tensor)), PLACES,
    ),
    "embedding of Values": (lambda: Embedding(10, 2, rng=0), PLACES),
    "embedding of one place each": (lambda: Embedding(10, 2, rng=0, kind=Tensor), PLACES[:, 0]),
    "images": (
        lambda: nn.Sequential(
            Conv2d(2, 3, 3, padding=1, activation="relu", rng=0, kind=Tensor), BatchNorm(3, kind=Tensor), MaxPool2d(2),
            Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0), rng=0, kind=Tensor), nn.GELU(), AvgPool2d(2, stride=1),
            Flatten(), nn.Dense(4, 3, rng=0, kind=Tensor),
        ), IMAGES,
    ),
    "images of Values": (
        lambda: nn.Sequential(Conv2d(2, 1, 3, stride=2, rng=0), MaxPool2d(2), Flatten(), nn.Dense(1, 2, rng=0)), IMAGES[:2],
    ),
    "pools that overlap": (lambda: nn.Sequential(MaxPool2d(3, stride=2), AvgPool2d((2, 1), stride=1)), IMAGES),
    **{f"activation {name}": (lambda name=name: nn.Sequential(dense(name)), 3 * ROWS) for name in nn.activations.NAMES},
    "activations with settings": (lambda: nn.Sequential(nn.LeakyReLU(0.2), dense(nn.ELU(0.7))), ROWS),
    "functions": (
        lambda: nn.Sequential(dense(ag.sin), ag.exp, ag.cos, ag.abs, ag.tanh), ROWS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_computes_the_same_for_batches_of_any_size(tmp_path, name):
    make, x = MODELS[name]
    model = make()
    if all(isinstance(p, Tensor) for p in model.parameters()):
        model.astype(np.float32)
    compare(model, tmp_path / "model.onnx", x)


def test_the_comparison_sees_a_wrong_writer(tmp_path, monkeypatch):
    monkeypatch.setitem(nn.onnx._WRITERS, ag.gelu, lambda graph, _, x: graph.node("Gelu", x))  # by erf, not tanh
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        compare(nn.Sequential(dense("gelu")), tmp_path / "model.onnx", 3 * ROWS)


def test_parameters_keep_their_names_and_the_file_says_what_it_is(tmp_path):
    model = nn.MLP(4, [3, 1], rng=0)
    export(model, tmp_path / "model.onnx", ROWS)
    file = onnx.load(tmp_path / "model.onnx")
    constants = {constant.name: onnx.numpy_helper.to_array(constant) for constant in file.graph.initializer}
    assert {name for name in constants if "." in name} == set(model.state_dict())
    np.testing.assert_array_equal(constants["layers.0.weight"], model.state_dict()["layers.0.weight"].astype(np.float32))
    (x,), (y,) = ([end.type.tensor_type.shape.dim for end in ends] for ends in (file.graph.input, file.graph.output))
    assert [axis.dim_param or axis.dim_value for axis in x] == ["batch", 4]
    assert [axis.dim_param for axis in y] == ["batch"]
    assert (file.producer_name, file.doc_string) == ("stepgrad", "MLP(4, [3, 1], 'relu')")


def test_the_model_is_exported_as_in_evaluation_and_stays_in_training(tmp_path):
    model = settled(nn.Sequential(BatchNorm(4, kind=Tensor), Dropout(0.5, rng=0)))
    before = model.state_dict()
    export(model, tmp_path / "model.onnx", ROWS)
    assert all(module.training for _, module in model.named_modules())
    assert all((array == before[name]).all() for name, array in model.state_dict().items())


class Doubled(nn.Dense):
    """Computes something else than its base."""

    def forward(self, x):
        return 2 * super().forward(x)


class Named(nn.Dense):
    """Computes what its base does."""


def test_a_class_that_overrides_forward_is_refused_and_one_that_inherits_it_is_not(tmp_path):
    compare(nn.Sequential(Named(4, 2, rng=0, kind=Tensor)).astype(np.float32), tmp_path / "model.onnx", ROWS)
    with pytest.raises(TypeError, match=r"no writer for layers.1 = Dense\(4, 2\); .* ones for Sequential, .*Dense, .*gelu"):
        export(nn.Sequential(dense(), Doubled(4, 2, rng=0, kind=Tensor)), tmp_path / "other.onnx", ROWS)
    assert not (tmp_path / "other.onnx").exists()


def test_a_function_of_ones_own_is_refused_by_name(tmp_path):
    def bent(x):
        return x * x

    for model in (dense(bent), nn.Sequential(dense(), bent)):
        with pytest.raises(TypeError, match=r"no writer for bent; "):
            export(model, tmp_path / "model.onnx", ROWS)


def test_what_is_no_batch_of_the_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"x is a batch, found shape \(4,\); one example is a batch of one, x\[None\]"):
        export(dense(), tmp_path / "model.onnx", ROWS[0])
    with pytest.raises(ValueError, match="takes 4 inputs, found 3"):
        export(dense(), tmp_path / "model.onnx", ROWS[:, :3])
    with pytest.raises(ValueError, match=r"in ONNX this model can't take batches of shape \(5, 8, 6\)"):
        export(nn.Sequential(MaxPool2d(2)), tmp_path / "model.onnx", IMAGES[:, 0])


def test_numbers_that_float32_does_not_hold_are_refused(tmp_path):
    model = dense()
    model.load_state_dict({"weight": np.full((4, 4), 1e300), "bias": np.zeros(4)})
    with pytest.raises(ValueError, match="weight holds numbers too large for float32"):
        export(model, tmp_path / "model.onnx", ROWS)


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "stepgrad\[onnx\]"'):
        export(dense(), tmp_path / "model.onnx", ROWS)


def test_arguments_the_wrong_way_round_are_seen(tmp_path):
    with pytest.raises(TypeError, match=r"nn.onnx.export\(model, path, x\): model is a Module, .*; not str"):
        export("model.onnx", dense(), ROWS)


def test_a_tensor_is_a_batch_too(tmp_path):
    for x in (Tensor(ROWS), ROWS):
        export(dense(), tmp_path / f"{type(x).__name__}.onnx", x)
    assert (tmp_path / "Tensor.onnx").read_bytes() == (tmp_path / "ndarray.onnx").read_bytes()


@pytest.mark.parametrize("n_out", [1, 2])
def test_an_mlp_whose_layers_were_added_to_is_exported_as_it_is(tmp_path, n_out):
    model = nn.MLP(4, [3, n_out], rng=0, kind=Tensor).astype(np.float32)
    model.layers.append(nn.Sigmoid())
    compare(model, tmp_path / "model.onnx", ROWS)


def test_a_list_of_whole_numbers_is_a_batch_like_any_other(tmp_path):
    corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    export(nn.MLP(2, [3, 1], rng=0), tmp_path / "model.onnx", corners)
    given = there(tmp_path / "model.onnx", np.array(corners, dtype=float))
    np.testing.assert_allclose(given, here(nn.MLP(2, [3, 1], rng=0), corners), rtol=1e-6, atol=1e-6)


def test_values_and_tensors_give_one_file(tmp_path):
    for kind in (Value, Tensor):
        export(nn.MLP(4, [3, 1], rng=0, kind=kind), tmp_path / f"{kind.__name__}.onnx", ROWS)
    assert (tmp_path / "Value.onnx").read_bytes() == (tmp_path / "Tensor.onnx").read_bytes()
