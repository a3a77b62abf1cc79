"""A model as an ONNX file, which other programs and devices run without Python.

    nn.onnx.export(model, "digits.onnx", data.x[:1])
    onnxruntime.InferenceSession("digits.onnx").run(None, {"x": data.x.astype("float32")})

Each layer is written by one function below, registered for the ``forward`` that it puts into ONNX's words: a class that
inherits its ``forward`` is written alike, one that overrides it is refused.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd as ag

from .activations import ELU, Elementwise, Identity, LeakyReLU, Softmax
from .atomic import write_atomically
from .ensemble import Ensemble
from .kinds import elements
from .layers import (
    MLP,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPool2d,
    Perceptron,
    Residual,
    Sequential,
)  # fmt: skip
from .modes import evaluated
from .module import Module
from .saving import StrPath, see_that_it_is_a_module

_OPSET = 20  # the first with Gelu
_IR_VERSION = 9  # of the same year, so that runtimes from then on read the file


def export(model: Module, path: StrPath, x: Any) -> None:
    """Write what ``model`` computes in evaluation as an ONNX graph from ``x`` to ``y``, for a batch of any size.

    Its numbers are float32, as runtimes expect; dropout is left out, and batch-norm uses its running statistics.

    Args:
        model: ``Sequential``, ``MLP`` or another layer of ``nn``, of Values or Tensors.
        path: the file, by custom ``.onnx``; written whole or not at all.
        x: a batch such as the model takes, for its shape; int64 in the graph where it goes to an ``Embedding``.

    Raises:
        TypeError: ``model`` is no Module, or there is no writer for a layer or an activation; it is named, and those that have
            one.
        ValueError: ``x`` is no batch that the model takes, or a parameter does not fit float32.
        ImportError: the extra ``[onnx]`` is not installed.

    Source: ONNX, *Operators*, opset 20 (2023).
    """
    try:
        import onnx
    except ImportError as missing:
        raise ImportError(f'onnx.export needs the package {missing.name}: pip install "stepgrad[onnx]"') from None
    see_that_it_is_a_module(model, "nn.onnx.export(model, path, x)")
    with evaluated(model):
        shape = ag.shape(model(x))
    batch = ag.shape(elements(x))
    whole = any(isinstance(layer, Embedding) for _, layer in model.named_modules())
    if len(batch) < (1 if whole else 2):
        raise ValueError(f"onnx.export: x is a batch, found shape {batch}; one example is a batch of one, x[None]")
    graph = _Graph(model)
    y = graph.write(model, "x")
    kind = onnx.TensorProto
    file = onnx.helper.make_model(
        onnx.helper.make_graph(
            [*graph.nodes, onnx.helper.make_node("Identity", [y], ["y"])],
            type(model).__name__,
            [onnx.helper.make_tensor_value_info("x", kind.INT64 if whole else kind.FLOAT, ["batch", *batch[1:]])],
            [onnx.helper.make_tensor_value_info("y", kind.FLOAT, ["batch", *shape[1:]])],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="stepgrad",
        doc_string=str(model),
    )
    try:
        onnx.checker.check_model(file, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as fault:
        raise ValueError(f"onnx.export: in ONNX this model can't take batches of shape {batch}: {fault}") from None
    write_atomically(path, file.SerializeToString())


class _Graph:
    """An ONNX graph in the making: its nodes in order, and its constants by name. An edge is the name of what it carries."""

    def __init__(self, model: Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def write(self, layer: Any, x: str) -> str:
        """The nodes of ``layer`` applied to ``x``; the name of its output."""
        writer = _WRITERS.get(type(layer).forward if isinstance(layer, Module) else layer)
        if writer is None:
            name = f"{self.names[layer]} = {layer}" if self.names.get(layer) else getattr(layer, "__name__", layer)
            known = ", ".join(written.__qualname__.removesuffix(".forward") for written in _WRITERS)
            raise TypeError(f"onnx.export: there is no writer for {name}; there are ones for {known}")
        return writer(self, layer, x)

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A new node; the name of its output."""
        from onnx.helper import make_node

        output = f"{op}_{len(self.nodes)}"
        self.nodes.append(make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, numbers: ArrayLike) -> str:
        """A constant, of float32 where ``numbers`` are floats; its name."""
        array = np.asarray(numbers)
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                narrow = array.astype(np.float32)
            if not np.array_equal(np.isfinite(narrow), np.isfinite(array)):
                raise ValueError(f"onnx.export: {name} holds numbers too large for float32, which is what ONNX files hold here")
            array = narrow
        self.constants[name] = array
        return name

    def parameters(self, layer: Module) -> dict[str, str]:
        """A layer's parameters as constants: their names in the graph by their names in the layer."""
        inside = self.names[layer]
        return {name: self.constant(f"{inside}.{name}".removeprefix("."), a) for name, a in layer.state_dict().items()}


_Writer: TypeAlias = Callable[[_Graph, Any, str], str]
_WRITERS: dict[Callable[..., Any], _Writer] = {}  # by the forward of a layer, or by the function


def _writes(*what: Any) -> Callable[[_Writer], _Writer]:
    def register(writer: _Writer) -> _Writer:
        _WRITERS.update({getattr(each, "forward", each): writer for each in what})
        return writer

    return register


# -- layers made of layers ---------------------------------------------------------------------------------------------------


@_writes(Sequential)
def _(graph: _Graph, layer: Sequential, x: str) -> str:
    for part in layer.layers:
        x = graph.write(part, x)
    return x


@_writes(MLP)
def _(graph: _Graph, layer: MLP, x: str) -> str:
    y = _WRITERS[Sequential.forward](graph, layer, x)
    n_out = [part.n_out for part in layer.layers if isinstance(part, Dense)][-1]
    return y if n_out > 1 else graph.node("Squeeze", y, graph.constant("last_axis", [-1]))


@_writes(Residual)
def _(graph: _Graph, layer: Residual, x: str) -> str:
    change = _WRITERS[Sequential.forward](graph, layer, x)
    return graph.node("Add", x if layer.shortcut is None else graph.write(layer.shortcut, x), change)


@_writes(Ensemble)
def _(graph: _Graph, layer: Ensemble, x: str) -> str:
    return graph.node("Mean", *[graph.write(layer.activation, graph.write(member, x)) for member in layer.members])


# -- layers ------------------------------------------------------------------------------------------------------------------


@_writes(Perceptron, Dense)
def _(graph: _Graph, layer: Perceptron | Dense, x: str) -> str:
    own = graph.parameters(layer)
    return graph.write(layer.activation, graph.node("Add", graph.node("MatMul", x, own["weight"]), own["bias"]))


@_writes(Conv2d)
def _(graph: _Graph, layer: Conv2d, x: str) -> str:
    own = graph.parameters(layer)
    y = graph.node("Conv", x, own["weight"], own["bias"], strides=layer.stride, pads=layer.padding * 2)
    return graph.write(layer.activation, y)


@_writes(MaxPool2d)
def _(graph: _Graph, layer: MaxPool2d, x: str) -> str:
    return graph.node("MaxPool", x, kernel_shape=layer.kernel_size, strides=layer.stride)


@_writes(AvgPool2d)
def _(graph: _Graph, layer: AvgPool2d, x: str) -> str:
    return graph.node("AveragePool", x, kernel_shape=layer.kernel_size, strides=layer.stride)


@_writes(Flatten)
def _(graph: _Graph, layer: Flatten, x: str) -> str:
    return graph.node("Flatten", x)


@_writes(BatchNorm)
def _(graph: _Graph, layer: BatchNorm, x: str) -> str:
    own = graph.parameters(layer)
    if not layer.affine:
        own |= {"weight": graph.constant(f"{layer.n}_ones", np.ones(layer.n))}
        own |= {"bias": graph.constant(f"{layer.n}_zeros", np.zeros(layer.n))}
    inputs = [own[name] for name in ("weight", "bias", "running_mean", "running_var")]
    return graph.node("BatchNormalization", x, *inputs, epsilon=layer.eps)


@_writes(LayerNorm)
def _(graph: _Graph, layer: LayerNorm, x: str) -> str:
    own = graph.parameters(layer)
    return graph.node("LayerNormalization", x, own["weight"], own["bias"], axis=-len(layer.shape), epsilon=layer.eps)


@_writes(Dropout)
def _(graph: _Graph, layer: Dropout, x: str) -> str:
    return x


@_writes(Embedding)
def _(graph: _Graph, layer: Embedding, x: str) -> str:
    return graph.node("Gather", graph.parameters(layer)["weight"], x)


# -- activations -------------------------------------------------------------------------------------------------------------


@_writes(Softmax)
def _(graph: _Graph, layer: Softmax, x: str) -> str:
    return graph.node("Softmax", x, axis=-1)


@_writes(LeakyReLU)
def _(graph: _Graph, layer: LeakyReLU, x: str) -> str:
    return graph.node("LeakyRelu", x, alpha=layer.slope)


@_writes(ELU)
def _(graph: _Graph, layer: ELU, x: str) -> str:
    return graph.node("Elu", x, alpha=layer.alpha)


@_writes(Elementwise)
def _(graph: _Graph, layer: Elementwise, x: str) -> str:
    return x if isinstance(layer, Identity) else graph.write(layer.function, x)


@_writes(ag.gelu)
def _(graph: _Graph, function: Any, x: str) -> str:
    return graph.node("Gelu", x, approximate="tanh")


@_writes(ag.silu)
def _(graph: _Graph, function: Any, x: str) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


@_writes(ag.step)
def _(graph: _Graph, function: Any, x: str) -> str:
    zero, one = graph.constant("zero", 0.0), graph.constant("one", 1.0)
    return graph.node("Where", graph.node("Greater", x, zero), one, zero)


def _writes_as(op: str, function: Any) -> None:
    _writes(function)(lambda graph, _, x: graph.node(op, x))


_writes_as("Relu", ag.relu)
_writes_as("Sigmoid", ag.sigmoid)
_writes_as("Softplus", ag.softplus)
_writes_as("Tanh", ag.tanh)
_writes_as("Abs", ag.abs)
_writes_as("Exp", ag.exp)
_writes_as("Sin", ag.sin)
_writes_as("Cos", ag.cos)
