"""GradientTape: gradients in TensorFlow's spelling.

>>> from autograd import Value
>>> w = Value(3.0)
>>> with GradientTape() as tape:
...     loss = w * w
>>> tape.gradient(loss, w)
Value(6, grad=0)
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Self

import numpy as np

from . import arrays
from .graph import Node, constant, tick
from .pullback import Pullback, as_node, is_watched, watching, zeros
from .trees import flatten


class GradientTape:
    """Differentiates what is computed in its ``with`` block. Here every node records anyway, so the tape only marks the start.

    Args:
        persistent: ``gradient`` may be called more than once.
        watch_accessed_variables: every node that takes a gradient is watched; if False, only those passed to ``watch``.

    Gradients are Values and Tensors: constants, unless a tape or a transform around this one is at work, so that they nest for
    higher orders. What a target owes to numbers computed before the block counts too.

    >>> x = Value(2.0)
    >>> with GradientTape(persistent=True) as outer:
    ...     with GradientTape() as inner:
    ...         y = x**3
    ...     slope = inner.gradient(y, x)
    >>> outer.gradient(slope, x), outer.gradient(y, x)
    (Value(12, grad=0), Value(12, grad=0))

    Source: the interface of ``tf.GradientTape``.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watches_all = watch_accessed_variables
        self._watched: dict[Node, bool] = {}  # and whether each took a gradient before
        self._watching = ExitStack()
        self._used = False

    def __enter__(self) -> Self:
        tick()
        self._watching.enter_context(watching())
        return self

    def __exit__(self, *error: object) -> None:
        self._watching.close()
        for node, before in self._watched.items():
            node.requires_grad = before

    def watch(self, tensor: Any) -> None:
        """Follow constants too: those given, in any nesting, take gradients within the block.

        Raises:
            TypeError: something is not a Value or Tensor.
        """
        for node in flatten(tensor)[0]:
            if not isinstance(node, Node):
                raise TypeError(f"watch takes Values and Tensors, not {type(node).__name__}; make one of it first")
            self._watched.setdefault(node, node._requires_grad)
            node.requires_grad = True

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none") -> Any:
        """``∂target/∂source`` for each source, nested like ``sources``; None where the target does not depend on it.

        Args:
            target: what was computed; a target of several elements (or several targets) counts as their sum.
            sources: Values and Tensors, in any nesting.
            output_gradients: cotangents of the targets, by default 1.
            unconnected_gradients: ``"zero"`` for 0 in place of None.

        Raises:
            RuntimeError: a second call of a tape that is not persistent.
            TypeError: a target or source is not a Value or Tensor.
            StaleGraphError: a source was written after the target was computed from it.
        """
        if self._used and not self._persistent:
            raise RuntimeError("gradient() was called before on this tape; make it GradientTape(persistent=True)")
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(f"unconnected_gradients is 'none' or 'zero', not {unconnected_gradients!r}")
        roots, nodes = flatten(target)[0], flatten(sources)[0]
        for what, some in (("target", roots), ("source", nodes)):
            for x in some:
                if not isinstance(x, Node):
                    raise TypeError(f"gradient: a {what} is a Value or a Tensor, not {type(x).__name__}")
        cotangents = _seeds(output_gradients, roots)
        self._used = True
        if not self._persistent:
            self._watching.close()
        # Behind what is older than every source no source lies. That may be a long way, as in a loop of steps.
        oldest = -1 if any(x.op is None for x in nodes) else min([x._time for x in nodes], default=-1)
        back = Pullback(roots, nodes, opaque=nodes if len(nodes) == 1 else (), since=oldest)
        if is_watched() or any(isinstance(g, Node) and g._requires_grad for g in cotangents):
            found = back.nodes([as_node(g, root) for g, root in zip(cotangents, roots)])
        else:
            numbers = back.numbers([g._data if isinstance(g, Node) else g for g in cotangents])
            found = [g if g is None else constant(type(x), g) for g, x in zip(numbers, nodes)]
        if not self._watches_all:
            found = [g if x in self._watched else None for g, x in zip(found, nodes)]
        if unconnected_gradients == "zero":
            found = [constant(type(x), zeros(x)) if g is None else g for g, x in zip(found, nodes)]
        return flatten(sources)[1](found)


def _seeds(output_gradients: Any, roots: Sequence[Node]) -> list[Any]:
    """A cotangent for each target: 1, or what was given for it."""
    if output_gradients is None:
        return [np.ones_like(root._data) if type(root).xp is arrays else 1.0 for root in roots]
    given = flatten(output_gradients)[0]
    if len(given) != len(roots):
        raise ValueError(f"gradient: {len(given)} output gradients came for {len(roots)} targets; pass one for each")
    return [_seed(seed, root) for seed, root in zip(given, roots)]


def _seed(seed: Any, root: Node) -> Any:
    if seed is None:
        return _seeds(None, [root])[0]
    try:
        array = seed._data if isinstance(seed, Node) else np.asarray(seed)
    except ValueError:
        array = np.asarray(None)
    if np.asarray(array).dtype.kind not in "fiub":
        raise TypeError(f"gradient: an output gradient is made of real numbers, not {type(seed).__name__}")
    if np.shape(array) != np.shape(root._data):
        shapes = f"{np.shape(array)} came for a target of shape {np.shape(root._data)}"
        raise ValueError(f"gradient: an output gradient of shape {shapes}")
    if isinstance(seed, Node):
        return seed
    return array.astype(np.asarray(root._data).dtype) if type(root).xp is arrays else float(array)
