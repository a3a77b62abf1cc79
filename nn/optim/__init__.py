"""Optimizers: how parameters move along their gradients.

>>> import nn
>>> from autograd import Value
>>> w = Value(0.0)
>>> optimizer = nn.Adam([w], lr=0.1)
>>> for _ in range(200):
...     optimizer.zero_grad()
...     ((w - 3.0) ** 2).backward()
...     optimizer.step()
>>> round(w.data, 3)
3.0
"""

from .clipping import clip_grad_norm, clip_grad_value
from .groups import Group
from .optimizer import Optimizer
from .packs import Pack, UnzeroedGradientWarning
from .rules import (
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
)

__all__ = [
    "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "GradientDescent", "Group", "Momentum", "Nesterov", "Optimizer", "Pack",
    "RMSProp", "RMSprop", "UnzeroedGradientWarning", "clip_grad_norm", "clip_grad_value",
]  # fmt: skip
