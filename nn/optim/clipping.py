"""Clipping: gradients kept from being too long, between ``backward()`` and ``step()``. In ``fit`` that is ``before_step``:

>>> import nn
>>> class Clip(nn.Callback):
...     def before_step(self, run):
...         nn.clip_grad_norm(run.model.parameters(), max_norm=1.0)
>>> model = nn.MLP(1, [1], rng=0)
>>> _ = nn.fit(model, [[1e3], [2e3]], [0.0, 0.0], loss=nn.mse, epochs=9, callbacks=[Clip()], verbose=False)
"""

from collections.abc import Iterable
from math import hypot, inf
from numbers import Real
from typing import Any, NoReturn

import numpy as np

from autograd import Value

from ..kinds import Leaf
from .groups import leaves_of
from .packs import replace_gradient


def clip_grad_norm(parameters: Iterable[Leaf], max_norm: float) -> float:
    """Scale all gradients together so that their norm is at most ``max_norm``: ``g ← g · min(1, max_norm / ‖g‖)``.

    Args:
        parameters: whose gradients; a model's ``parameters()``.
        max_norm: the longest that the gradient, as one vector of all of them, may be.

    Returns:
        The norm before.

    Raises:
        ValueError: ``max_norm`` is not a positive number, or a parameter comes twice.
        FloatingPointError: the norm is infinite or nan. No gradient is changed then.

    >>> from autograd import Value
    >>> a, b = Value(0.0), Value(0.0)
    >>> a.grad, b.grad = 30.0, 40.0
    >>> clip_grad_norm([a, b], 5.0)
    50.0
    >>> a.grad, b.grad
    (3.0, 4.0)

    Source: Pascanu, Mikolov, Bengio, *On the Difficulty of Training Recurrent Neural Networks* (2013).
    """
    leaves, max_norm = _to_clip("clip_grad_norm", parameters, "max_norm", max_norm)
    norm = hypot(*[w.grad if isinstance(w, Value) else np.linalg.norm(np.asarray(w._grad, float)) for w in leaves])
    if not norm < inf:
        _refuse("clip_grad_norm", leaves)
    if norm > max_norm:
        for w in leaves:
            replace_gradient(w, w._grad * (max_norm / norm))
    return norm


def clip_grad_value(parameters: Iterable[Leaf], clip_value: float) -> None:
    """Bring each number of each gradient into ``[-clip_value, clip_value]``.

    Args:
        parameters: whose gradients; a model's ``parameters()``.
        clip_value: the largest that one number may be.

    Raises:
        ValueError: ``clip_value`` is not a positive number, or a parameter comes twice.
        FloatingPointError: a gradient is nan. No gradient is changed then.
    """
    leaves, clip_value = _to_clip("clip_grad_value", parameters, "clip_value", clip_value)
    if any(np.isnan(w._grad).any() for w in leaves):
        _refuse("clip_grad_value", leaves)
    for w in leaves:
        g = w._grad
        clipped = np.clip(g, -clip_value, clip_value) if isinstance(g, np.ndarray) else max(-clip_value, min(clip_value, g))
        replace_gradient(w, clipped)


def _to_clip(function: str, parameters: Iterable[Leaf], name: str, most: float) -> tuple[list[Any], float]:
    leaves = leaves_of(function, parameters)
    if not isinstance(most, Real):
        raise TypeError(f"{function}: {name} is a number, not {type(most).__name__}")
    if not most > 0:
        raise ValueError(f"{function}: {name} must be a positive number, not {most}")
    if without := [w.name for w in leaves if w._grad is None]:
        raise TypeError(f"{function}: grad of {without[0]} is None; set it to 0 with zero_grad()")
    return leaves, float(most)  # a number of NumPy's would widen float32


def _refuse(function: str, leaves: list[Any]) -> NoReturn:
    odd = [w.name for w in leaves if not np.isfinite(w._grad).all()]
    which = f"the gradient of {odd[0]}" + (f" and of {len(odd) - 1} more" if odd[1:] else "") if odd else "the norm"
    raise FloatingPointError(f"{function}: {which} is not finite; no gradient was changed. A smaller learning rate may help")
