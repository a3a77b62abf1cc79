"""A thin neural-network layer over the engine: modules, layers, losses, optimizers, and ``fit``.

>>> import nn
>>> model = nn.MLP(2, [8, 1], rng=0)
>>> history = nn.fit(model, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss=nn.bce_with_logits, epochs=200, verbose=False)
"""

from typing import TYPE_CHECKING, Any

from . import diagnostics, init, optim
from .activations import ELU, GELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Step, Tanh
from .callbacks import Callback, History, Record
from .layers import MLP, Dense, Perceptron, Sequential
from .losses import bce, bce_with_logits, cross_entropy, hinge, mse
from .module import Module
from .optim import SGD

if TYPE_CHECKING:
    from . import data
    from .training import fit

__all__ = [
    "ELU", "GELU", "MLP", "SGD", "Callback", "Dense", "History", "Identity", "LeakyReLU", "Module", "Perceptron", "ReLU",
    "Record", "Sequential", "SiLU", "Sigmoid", "Softplus", "Step", "Tanh", "bce", "bce_with_logits", "cross_entropy", "data",
    "diagnostics", "fit", "hinge", "init", "mse", "optim",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """``fit`` and ``data`` on first use: tqdm and its notebook parts take longer to import than all the rest."""
    from importlib import import_module

    if name == "fit":
        value = import_module(".training", __name__).fit
    elif name == "data":
        value = import_module(".data", __name__)
    else:
        raise AttributeError(f"module 'nn' has no attribute '{name}'")
    globals()[name] = value
    return value
