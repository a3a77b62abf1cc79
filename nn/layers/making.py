"""How a layer checks its sizes, draws its first weights, and takes its examples."""

from collections.abc import Callable
from numbers import Real
from typing import Any, Protocol

import numpy as np

from autograd import Tensor, Value

from ..activations import Activation, rectifies
from ..init import Initialiser, Weights, glorot, he
from ..kinds import Block, given
from ..module import Module, place
from ..rng import Rng


def size(layer: str, name: str, number: int, least: int = 1) -> int:
    """``number`` as a size; ValueError if it is none."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise ValueError(f"{layer}: {name} must be a whole number of at least {least}, not {number!r}")
    return int(number)


def first_weights(
    layer: Module, init: Initialiser | None, activation: Callable[[Any], Any], rng: Rng, n_in: int, n_out: int
) -> Weights:
    """Weights of shape ``(n_in, n_out)`` as ``init`` draws them; by default as suits the activation."""
    return drawn(layer, init or (he if rectifies(activation) else glorot), rng, n_in, n_out)


def drawn(layer: Module, init: Initialiser, rng: Rng, n_in: int, n_out: int) -> Weights:
    """What ``init`` draws, of shape ``(n_in, n_out)``."""
    if not callable(init):
        raise TypeError(
            f"{layer}: init is a function of (rng, n_in, n_out), such as nn.init.he or nn.init.normal(0.1); not {init!r}"
        )
    weights = np.asarray(init(np.random.default_rng(rng), n_in, n_out))
    if weights.shape != (n_in, n_out):
        raise ValueError(f"{layer}: init gave weights of shape {weights.shape}, expected {(n_in, n_out)}")
    return weights


def shown(activation: Activation) -> str:
    """An activation as a layer's repr shows it; nothing for the linear one."""
    if activation == "linear":
        return ""
    return f", {activation!r}" if isinstance(activation, str) else f", {getattr(activation, '__name__', activation)}"


def beside(layer: Module, block: Block, x: Any) -> Any:
    """``x`` as operands beside the parameters in ``block``: numbers become constants, nodes stay.

    Raises:
        TypeError: it is made of the other kind of number.
        ValueError: it is no rectangle.
    """
    try:
        x = given(block, x)
    except ValueError:
        raise ValueError(f"{place(layer)} takes a rectangle of numbers, and was given lists that differ in length") from None
    if isinstance(x, Tensor) != isinstance(block, Tensor):
        made, came = ("Tensors", "Values") if isinstance(block, Tensor) else ("Values", "a Tensor")
        raise TypeError(
            f"{place(layer)} is made of {made}, and was given {came}; make all layers of one kind, kind=Value or kind=Tensor, "
            "or pass plain numbers"
        )
    return x


class Layer(Protocol):
    """What takes ``n_in`` numbers, beside weights."""

    n_in: int
    weight: Any


def examples(layer: Any, x: Any) -> Any:
    """``x`` as what ``layer`` takes: one example, ``(n_in,)``, or a batch, ``(…, n_in)``. A bare number is an example of one.

    Raises:
        TypeError: it is no list of numbers.
        ValueError: an example has another size, or there is none.
    """
    if isinstance(x, Real | Value):
        x = [x]
    if isinstance(x, list | tuple):
        _see_that_rows_fit(layer, x)
    elif not isinstance(x, np.ndarray | Tensor):
        raise TypeError(_found(layer, x))
    x = beside(layer, layer.weight, x)
    if not x.ndim or x.shape[-1] != layer.n_in:
        images = f" in a batch of shape {x.shape}; nn.Flatten() before it makes rows of them" if x.ndim > 2 else ""
        raise ValueError(f"{place(layer)} takes {layer.n_in} inputs, found {x.shape[-1] if x.ndim else 1}{images}")
    if 0 in x.shape:
        raise ValueError(f"{place(layer)} takes {layer.n_in} inputs, found a batch of no examples")
    return x


def _see_that_rows_fit(layer: Any, x: Any) -> None:
    sequence = (list, tuple, np.ndarray)
    rows = x if x and isinstance(x[0], sequence) else [x]
    for row in rows:
        if not isinstance(row, sequence):
            raise TypeError(_found(layer, row))
        if len(row) != layer.n_in and not (len(row) and isinstance(row[0], sequence)):
            raise ValueError(f"{place(layer)} takes {layer.n_in} inputs, found {len(row)}")


def _found(layer: Any, x: Any) -> str:
    return f"{place(layer)} takes a list of {layer.n_in} numbers, or a list of such lists; found {type(x).__name__}"
