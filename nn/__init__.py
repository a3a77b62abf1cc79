"""A thin neural-network layer over the engine: modules, layers, losses, optimizers, and ``fit``.

>>> import nn
>>> model = nn.MLP(2, [8, 1], rng=0)
>>> history = nn.fit(model, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss=nn.bce_with_logits, epochs=200, verbose=False)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import diagnostics, init, optim
from .activations import ELU, GELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Step, Tanh
from .callbacks import Callback
from .history import History
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
)
from .losses import bce, bce_with_logits, cross_entropy, hinge, huber, kl_divergence, l1, l2, mae, mse
from .module import Module
from .optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
    RMSprop,
    clip_grad_norm,
    clip_grad_value,
)
from .record import Record

if TYPE_CHECKING:
    from . import data, onnx, schedules
    from .checkpoints import Checkpoint
    from .early_stopping import EarlyStopping
    from .ensemble import Ensemble, fit_ensemble
    from .evaluation import evaluate
    from .lr_range import lr_range_test
    from .metrics import accuracy
    from .saving import LoadError, load, save
    from .schedules import LearningRate, ReduceOnPlateau
    from .torch_names import from_torch, load_torch, save_torch, to_torch
    from .training import fit

# Loaded when first asked for: tqdm, zipfile and their like take longer to import than all the rest.
_PLACES = {
    "Checkpoint": "checkpoints", "EarlyStopping": "early_stopping", "Ensemble": "ensemble", "LearningRate": "schedules",
    "LoadError": "saving", "ReduceOnPlateau": "schedules", "accuracy": "metrics", "data": "", "evaluate": "evaluation",
    "fit": "training", "fit_ensemble": "ensemble", "from_torch": "torch_names", "load": "saving", "load_torch": "torch_names",
    "lr_range_test": "lr_range", "onnx": "", "save": "saving", "save_torch": "torch_names", "schedules": "", "sklearn": "",
    "tensorflow": "", "to_torch": "torch_names",
}  # fmt: skip

# Without sklearn, which asks for an extra, and tensorflow, which is for those who have its listings.
__all__ = [
    "ELU", "GELU", "MLP", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "AvgPool2d", "BatchNorm", "Callback", "Checkpoint",
    "Conv2d", "Dense", "Dropout", "EarlyStopping", "Embedding", "Ensemble", "Flatten", "GradientDescent", "History",
    "Identity", "LayerNorm", "LeakyReLU", "LearningRate", "LoadError", "MaxPool2d", "Module", "Momentum", "Nesterov",
    "Perceptron", "RMSProp", "RMSprop", "ReLU", "Record", "ReduceOnPlateau", "Residual", "Sequential", "SiLU", "Sigmoid",
    "Softmax", "Softplus", "Step", "Tanh", "accuracy", "bce", "bce_with_logits", "clip_grad_norm", "clip_grad_value",
    "cross_entropy", "data", "diagnostics", "evaluate", "fit", "fit_ensemble", "from_torch", "hinge", "huber", "init",
    "kl_divergence", "l1", "l2", "load", "load_torch", "lr_range_test", "mae", "mse", "onnx", "optim", "save", "save_torch",
    "schedules", "to_torch",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'nn' has no attribute '{name}'")
    place = _PLACES[name]
    value = getattr(import_module(f".{place}", __name__), name) if place else import_module(f".{name}", __name__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
