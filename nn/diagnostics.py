"""How a model fares, as plain numbers by name: gradients, activations, dead and saturated units, the size of updates.

each block's gradient ........ gradients, gradient_flow
each layer's outputs ......... activations
units that do not work ....... dead_units, saturated_units
how far a step goes .......... update_ratio, update_ratios, unit_update_ratio
the model as it will be used . evaluated
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Node, Tensor, Value

from .kinds import Block, Floats, given, gradient, leaves, numbers
from .modes import evaluated, recorded, watched
from .module import Module, see_that_it_is_a_module

__all__ = [
    "activations", "dead_units", "evaluated", "gradient_flow", "gradients", "saturated_units", "unit_update_ratio",
    "update_ratio", "update_ratios",
]  # fmt: skip


def gradients(model: Module) -> dict[str, Floats]:
    """Copies of all gradients as arrays, under the names and in the shapes of ``state_dict``; of what is trained alone, not of
    what is kept beside it (running means).

    Raises:
        TypeError: the model is no Module.
    """
    see_that_it_is_a_module("gradients", model)
    return {name: gradient(block) for name, block in model._blocks() if any(leaf.requires_grad for leaf in leaves(block))}


@dataclass(frozen=True, eq=False)
class Flow:
    """The gradient that reaches a block of parameters: mean and largest ``|∂loss/∂w|``, and the mean for each unit."""

    mean: float
    largest: float
    units: Floats = field(repr=False)


def gradient_flow(model: Module) -> dict[str, Flow]:
    """Mean and largest absolute gradient of each block of parameters, from the first layer to the last.

    Where they shrink towards the first layer, the gradient vanishes; where they grow, it explodes.

    A unit is a column of a matrix, a filter of a convolution, a number of a vector.

    Raises:
        ValueError: the model has no parameters.

    >>> model = MLP(1, [1], rng=0)
    >>> mse(model([[1.0], [2.0]]), [0.0, 0.0]).backward()
    >>> f"{gradient_flow(model)['layers.0.bias'].largest:.3f}"
    '1.423'
    """
    flow = {
        name: Flow(float(size.mean()), float(size.max()), _columns(size).mean(axis=0))
        for name, grad in gradients(model).items()
        if (size := abs(grad)).size
    }
    if not flow:
        raise ValueError(f"gradient_flow: {model} has no parameters")
    return flow


def _columns(weights: Floats) -> Floats:
    """A block as ``(weights, units)``."""
    if weights.ndim == 4:
        weights = np.moveaxis(weights, 0, -1)  # filters come first
    return weights.reshape(-1, weights.shape[-1] if weights.ndim else 1)


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a layer gave: ``data`` of shape ``(samples, units)``, and the op that made all of it (empty if several did).

    Of images, ``(n, channels, height, width)``, a unit is a channel, and each place is a sample; else a unit is an element of
    the last axis.
    """

    data: Floats
    op: str


def activations(model: Module, x: ArrayLike | Tensor) -> dict[str, Outputs]:
    """The outputs of each layer for the examples ``x``, in evaluation mode, in the order in which they are computed.

    What two parts give alike (a layer and its activation) stands once, under the name of the outer one; what only passes on or
    reshapes what it was given does not stand; the model itself, ``model``, stands only for what no layer in it gives.

    Args:
        model: of Tensors it takes all examples at once, and likewise if they have several axes, as images; else one at a time.
        x: examples, shape ``(n, …)``.

    Raises:
        ValueError: there are no examples, they are no rectangle of numbers, or a layer gives more outputs for one example than
            for another.
        TypeError: the model is no Module, or gives something else than Values or Tensors.

    >>> {name: outputs.data.shape for name, outputs in activations(MLP(2, [3, 1], rng=0), [[1.0, 2.0], [3.0, 4.0]]).items()}
    {'layers.0': (2, 3), 'layers.1': (2, 1)}
    """
    see_that_it_is_a_module("activations", model)
    try:
        rows = np.atleast_1d(np.asarray(x.data if isinstance(x, Tensor) else x, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f"activations: examples are an array of numbers, of shape (n, n_in): {error}") from None
    if not len(rows):
        raise ValueError("activations: there are no examples; pass an array of shape (n, n_in)")
    like: Any = next((block for _, block in model._blocks()), None)
    at_once = isinstance(like, Tensor) or rows.ndim > 2
    names = {module: name or "model" for name, module in model.named_modules()}
    is_layer = not any(module.parameters() for module in names if module is not model)
    passes: list[dict[str, list[Block]]] = []
    calls: list[Call] = []

    def tell(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        blocks = _blocks(module, output)
        if not _nodes(blocks) <= _nodes(inputs):  # it makes something
            calls.append((module, blocks))

    with recorded(model), watched(names, tell):
        for inputs in [given(like, rows if rows.ndim > 1 else rows[:, None])] if at_once else rows.tolist():
            calls.clear()
            model(inputs)
            passes.append({})
            for module, blocks in _outermost(calls, is_layer):
                passes[-1].setdefault(names[module], []).extend(blocks)
    return {name: _outputs(name, [by_name.get(name, []) for by_name in passes], at_once) for name in passes[0]}


Call = tuple[Module, list[Block]]  # what a call of a module gave


def _blocks(module: Module, output: Any) -> list[Block]:
    """The Tensors and arrays of Values in a nest of lists, in order."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, list | tuple) and not all(isinstance(part, Value) for part in output):
        return [block for part in output for block in _blocks(module, part)]
    block = np.array(output, dtype=object)
    if not all(isinstance(element, Value) for element in block.flat):
        raise TypeError(f"activations: {module} gives {type(output).__name__}; expected Values or a Tensor, or lists of them")
    return [block]


def _nodes(x: Any) -> set[Node]:
    """The nodes in a nest of lists and arrays; for one that only gives another its shape, the other."""
    if isinstance(x, np.ndarray):
        return {element for element in x.flat if isinstance(element, Node)} if x.dtype == object else set()
    if isinstance(x, list | tuple):
        return set().union(*map(_nodes, x))
    while isinstance(x, Tensor) and x.op and x.op.name in ("reshape", "index") and x.size == np.size(x.inputs[0].data):
        x = x.inputs[0]
    return {x} if isinstance(x, Node) else set()


def _outermost(calls: Sequence[Call], is_layer: bool) -> list[Call]:
    """The calls, without those whose outputs all came from a part around them. The model, whose call is the last, comes after
    its parts, so that a layer keeps its name, unless it is a layer itself.
    """
    known: set[Node] = set()
    kept = []
    *inner, whole = range(len(calls))
    for i in [whole, *reversed(inner)] if is_layer else [*reversed(inner), whole]:
        outputs = _nodes(calls[i][1])
        if not known.issuperset(outputs):
            kept.append(i)
            known.update(outputs)
    return [calls[i] for i in sorted(kept)]


def _outputs(name: str, passes: Sequence[Sequence[Block]], at_once: bool) -> Outputs:
    found = [[numbers(block) for block in blocks] for blocks in passes]
    alike = len({tuple([array.shape for array in arrays]) for arrays in found}) == 1
    columns = [_samples(arrays[0] if at_once else np.stack(arrays)) for arrays in zip(*found)] if alike else []
    if len({len(column) for column in columns}) != 1:
        raise ValueError(
            f"activations: {name} gives more outputs for one example than for another, so its units have no number"
        )
    made = [node for blocks in passes for block in blocks for node in leaves(block)]
    ops = {node.op.name if node.op else "" for node in made}
    return Outputs(np.concatenate(columns, axis=1), ops.pop() if len(ops) == 1 else "")


def _samples(outputs: Floats) -> Floats:
    """The outputs for a batch as ``(samples, units)``."""
    if outputs.ndim > 3:
        outputs = np.moveaxis(outputs, 1, -1)  # channels
    return outputs.reshape(-1, outputs.shape[-1] if outputs.ndim > 1 else 1)


@dataclass(frozen=True, eq=False)
class Units:
    """How often each unit of a layer is off (or saturated): ``often[i]`` is the share of the samples for which unit ``i`` is;
    nan if it gave nan.

    ``which`` are the units that are so for every sample (of a ReLU layer, the dead ones), ``names`` their names, ``always``
    their share of all units; ``mean`` is the share of all outputs.
    """

    layer: str
    often: Floats

    @property
    def which(self) -> NDArray[np.intp]:
        """The places of the units that are so for every sample: of a ReLU layer, the dead ones."""
        return np.flatnonzero(self.often == 1.0)

    @property
    def names(self) -> list[str]:
        """The names of these: ``layers.0[3]``."""
        return [f"{self.layer}[{i}]" for i in self.which]

    @property
    def always(self) -> float:
        """Their share of all units."""
        return len(self.which) / len(self.often)

    @property
    def mean(self) -> float:
        """The share of all outputs, over units and samples."""
        return float(self.often.mean())

    def __repr__(self) -> str:
        return f"Units({len(self.often)} units: {self.always:.0%} for every sample, {self.mean:.0%} of all outputs)"


def dead_units(model: Module, x: ArrayLike | Tensor) -> dict[str, Units]:
    """How often each ReLU unit is 0: off for some samples is its work, off for all of them is death, for nothing moves it.

    Args:
        model: as ``activations`` takes it; so units of a convolution are channels, dead if 0 at every place.
        x: examples, shape ``(n, …)``; the more, the surer the verdict.

    Returns:
        By layer; only layers whose outputs all come from ``relu``.

    Raises:
        ValueError: no layer is of that kind, or ``activations`` says so.

    >>> model = MLP(1, [2, 1], rng=0)
    >>> model.layers[0].weight[0, 0].data, model.layers[0].weight[0, 1].data = 1.0, -1.0
    >>> dead_units(model, [[1.0], [2.0]])
    {'layers.0': Units(2 units: 50% for every sample, 50% of all outputs)}
    >>> dead_units(model, [[1.0], [2.0]])["layers.0"].names
    ['layers.0[1]']
    """
    return _units("dead_units", model, x, {"relu": lambda y: y == 0.0})


def saturated_units(model: Module, x: ArrayLike | Tensor) -> dict[str, Units]:
    """How often each unit is so far out on its curve that little gradient passes: ``|tanh| > 0.97``, or a sigmoid below 0.015
    or above 0.985 (the same points of the curve, since ``tanh(z) = 2 sigmoid(2z) - 1``).

    Args:
        model: as ``activations`` takes it.
        x: examples, shape ``(n, …)``.

    Returns:
        By layer; only layers whose outputs all come from ``tanh`` or ``sigmoid``.

    Raises:
        ValueError: no layer is of that kind, or ``activations`` says so.

    Source: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010), section 3.
    """
    return _units("saturated_units", model, x, SATURATED)


SATURATED: dict[str, Callable[[Floats], NDArray[np.bool_]]] = {
    "tanh": lambda y: abs(y) > 0.97,
    "sigmoid": lambda y: abs(y - 0.5) > 0.485,
}


def _units(
    asked: str, model: Module, x: ArrayLike | Tensor, tests: Mapping[str, Callable[[Floats], NDArray[np.bool_]]]
) -> dict[str, Units]:
    layers = activations(model, x)
    units = {
        name: Units(name, np.where(np.isnan(layer.data), np.nan, tests[layer.op](layer.data)).mean(axis=0))
        for name, layer in layers.items()
        if layer.op in tests
    }
    if not units:
        ends = ", ".join(f"{name} in {layer.op or 'several ops'}" for name, layer in layers.items())
        raise ValueError(f"{asked}: no layer of {model} ends in {' or '.join(tests)}; {ends}")
    return units


def update_ratio(before: Mapping[str, ArrayLike], after: Mapping[str, ArrayLike]) -> dict[str, float]:
    """How far each block of parameters moved, relative to its size: ``log10(‖after - before‖ / ‖before‖)``.

    About -3 is healthy; -5 barely learns, -1 throws the weights about. Of a block that was 0 it is inf, or nan if it stayed
    so; of one that did not move, -inf.

    Args:
        before: arrays by name, as ``state_dict`` gives them.
        after: the same names later.

    Raises:
        ValueError: the names or the shapes differ.

    Source: Karpathy, *CS231n: Neural Networks Part 3* (2015), "Ratio of weights:updates".

    >>> update_ratio({"w": [3.0, 4.0]}, {"w": [3.0, 4.005]})
    {'w': -3.0}
    """
    return {name: round(float(_ratios(frames)[0]), 12) for name, frames in _moved("update_ratio", before, after).items()}


def unit_update_ratio(before: Mapping[str, ArrayLike], after: Mapping[str, ArrayLike]) -> dict[str, Floats]:
    """``update_ratio`` of each unit: of each column of a matrix, filter of a convolution, number of a vector.

    Args:
        before: arrays by name, as ``state_dict`` gives them.
        after: the same names later.

    Raises:
        ValueError: the names or the shapes differ.

    >>> unit_update_ratio({"w": [[3.0, 1.0], [4.0, 0.0]]}, {"w": [[3.0, 1.1], [4.005, 0.0]]})["w"].round(3).tolist()
    [-3.0, -1.0]
    """
    moved = _moved("unit_update_ratio", before, after)
    units = {name: np.stack([_columns(frame) for frame in frames], axis=-1) for name, frames in moved.items()}
    return {name: np.array([_ratios(frames)[0] for frames in columns.transpose(1, 2, 0)]) for name, columns in units.items()}


def _moved(asked: str, before: Mapping[str, ArrayLike], after: Mapping[str, ArrayLike]) -> dict[str, Floats]:
    if before.keys() != after.keys():
        raise ValueError(f"{asked}: the states name different blocks: {', '.join(sorted(before.keys() ^ after.keys()))}")
    pairs = {name: [np.asarray(state[name], dtype=np.float64) for state in (before, after)] for name in before}
    for name, (old, new) in pairs.items():
        if old.shape != new.shape:
            raise ValueError(f"{asked}: {name} has shape {old.shape} before and {new.shape} after; pass states of one model")
    return {name: np.stack(pair) for name, pair in pairs.items()}


class Moving(Protocol):
    """Parameters over time; a ``Record`` is one."""

    @property
    def values(self) -> dict[str, Floats]:
        """Arrays of shape ``(frames, …)``, by name."""

    @property
    def gradients(self) -> dict[str, Floats]:
        """Likewise, of what moves along a gradient."""


def update_ratios(record: Moving) -> dict[str, Floats]:
    """``update_ratio`` from each frame of a Record to the next; of one with ``every=k``, over ``k`` steps together. Running
    means are left out: no gradient moves them."""
    return {name: _ratios(record.values[name]) for name in record.gradients}


def _ratios(frames: Floats) -> Floats:
    halves = frames.reshape(len(frames), -1) / 2  # so that no difference overflows, as no square does in hypot
    moved, size = [np.hypot.reduce(rows, axis=1) for rows in (np.diff(halves, axis=0), halves[:-1])]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: Floats = np.log10(moved / size)
    return ratios
