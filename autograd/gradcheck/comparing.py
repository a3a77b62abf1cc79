"""compare: a gradient derived by hand beside the one of ``backward``, as one does in a course."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Node


@dataclass(frozen=True)
class Comparison:
    """How two gradients compare; true if they agree approximately."""

    exact: bool
    approximate: bool
    difference: float  # the largest, absolute

    def __bool__(self) -> bool:
        return self.approximate


def compare(name: str, mine: Any, value: Any) -> Comparison:
    """Print and return how ``mine``, derived by hand, compares with the gradient of ``value``.

    Args:
        name: what it is the gradient of, for the line that is printed.
        mine: a number or an array.
        value: a node, whose ``.grad`` is meant, or a number or an array.

    They agree approximately if ``|a - b| ≤ 1e-8 + 1e-5 |b|`` in every element, as in ``np.allclose``.

    Raises:
        ValueError: their shapes differ.

    >>> from autograd import Value
    >>> x = Value(3.0)
    >>> (x * x).backward()
    >>> bool(compare("x", 6.0, x))
    x               | exact: True  | approximate: True  | max difference: 0.0
    True
    """
    a, b = (np.asarray(x.grad if isinstance(x, Node) else x, float) for x in (mine, value))
    if a.shape != b.shape:
        raise ValueError(f"compare: the gradient of {name} has shape {b.shape}, and yours {a.shape}")
    exact, approximate = bool(np.array_equal(a, b)), bool(np.allclose(a, b))
    difference = float(np.max(np.abs(a - b), initial=0.0))
    print(f"{name:<15} | exact: {exact!s:<5} | approximate: {approximate!s:<5} | max difference: {difference}")
    return Comparison(exact, approximate, difference)
