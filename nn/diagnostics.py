"""How a model fares, as plain numbers by name: gradients, activations, dead and saturated units, the size of updates.

each block's gradient ........ gradients, gradient_flow
each layer's outputs ......... activations
units that do not work ....... dead_units, saturated_units
how far a step goes .......... update_ratio, update_ratios
the model as it will be used . evaluated
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Value, no_grad
from autograd.recording import record_anyhow

from .module import Module

Floats = NDArray[np.float64]


def gradients(model: Module) -> dict[str, Floats]:
    """Copies of all gradients as arrays, under the names and in the shapes of ``state_dict``."""
    return {
        name: np.array([value.grad for value in block.ravel().tolist()], dtype=np.float64).reshape(block.shape)
        for name, block in model._blocks()
    }


@dataclass(frozen=True)
class Flow:
    """The gradient that reaches a block of parameters: mean and largest ``|∂loss/∂w|``."""

    mean: float
    largest: float


def gradient_flow(model: Module) -> dict[str, Flow]:
    """Mean and largest absolute gradient of each block of parameters, from the first layer to the last.

    Where they shrink towards the first layer, the gradient vanishes; where they grow, it explodes.

    Raises:
        ValueError: the model has no parameters.

    >>> model = MLP(1, [1], rng=0)
    >>> mse(model([[1.0], [2.0]]), [0.0, 0.0]).backward()
    >>> f"{gradient_flow(model)['layers.0.bias'].largest:.3f}"
    '1.423'
    """
    flow = {
        name: Flow(float(size.mean()), float(size.max())) for name, grad in gradients(model).items() if (size := abs(grad)).size
    }
    if not flow:
        raise ValueError(f"gradient_flow: {model} has no parameters")
    return flow


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a layer gave: ``data`` of shape ``(samples, units)``, and the op that made all of it (empty if several did)."""

    data: Floats
    op: str


def activations(model: Module, x: ArrayLike) -> dict[str, Outputs]:
    """The outputs of each layer for the examples ``x``, in the order in which they are computed.

    What two parts give alike (a layer and its activation) stands once, under the name of the outer one; the model itself,
    ``model``, stands only for what no layer in it gives.

    Args:
        model: takes one example at a time.
        x: examples, shape ``(n, n_in)``.

    Raises:
        ValueError: there are no examples, or a layer gives more outputs for one example than for another.
        TypeError: the model gives something else than Values.

    >>> {name: outputs.data.shape for name, outputs in activations(MLP(2, [3, 1], rng=0), [[1.0, 2.0], [3.0, 4.0]]).items()}
    {'layers.0': (2, 3), 'layers.1': (2, 1)}
    """
    rows = np.atleast_1d(np.asarray(x, dtype=np.float64))
    if not len(rows):
        raise ValueError("activations: there are no examples; pass an array of shape (n, n_in)")
    names = {module: name or "model" for name, module in model.named_modules()}
    is_layer = not any(module.parameters() for module in names if module is not model)
    seen: dict[str, list[list[Value]]] = {}
    calls: list[tuple[Module, list[Value]]] = []
    with _watched(names, lambda module, output: calls.append((module, _values(module, output)))), record_anyhow():
        for row in rows:
            calls.clear()
            model(row.tolist())
            for module, outputs in _outermost(calls, is_layer):
                seen.setdefault(names[module], []).append(outputs)
    return {name: _outputs(name, samples, len(rows)) for name, samples in seen.items()}


@contextmanager
def _watched(modules: Mapping[Module, str], tell: Callable[[Module, Any], None]) -> Iterator[None]:
    """Within, ``tell`` hears what each module's ``forward`` returns."""

    def watching(module: Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            output = forward(*args, **kwargs)
            tell(module, output)
            return output

        return watched

    before = {module: vars(module).get("forward") for module in modules}
    try:
        for module in modules:
            vars(module)["forward"] = watching(module, module.forward)
        yield
    finally:
        for module, forward in before.items():
            if forward is None:
                vars(module).pop("forward", None)
            else:
                vars(module)["forward"] = forward


def _values(module: Module, output: Any) -> list[Value]:
    """The Values in a nest of lists, in order."""
    found, stack = [], [output]
    while stack:
        part = stack.pop()
        if isinstance(part, list | tuple):
            stack += reversed(part)
        elif isinstance(part, Value):
            found.append(part)
        else:
            raise TypeError(f"activations: {module} gives {type(part).__name__}; expected Values, or lists of them")
    return found


def _outermost(calls: list[tuple[Module, list[Value]]], is_layer: bool) -> list[tuple[Module, list[Value]]]:
    """The calls, without those whose outputs all came from a part around them. The model, whose call is the last, comes after
    its parts, so that a layer keeps its name, unless it is a layer itself.
    """
    known: set[Value] = set()
    kept = []
    *inner, whole = range(len(calls))
    for i in [whole, *reversed(inner)] if is_layer else [*reversed(inner), whole]:
        outputs = calls[i][1]
        if not known.issuperset(outputs):
            kept.append(i)
            known.update(outputs)
    return [calls[i] for i in sorted(kept)]


def _outputs(name: str, samples: list[list[Value]], n: int) -> Outputs:
    if len({len(units) for units in samples}) > 1 or len(samples) % n:
        raise ValueError(
            f"activations: {name} gives more outputs for one example than for another, so its units have no number"
        )
    ops = {value.op.name if value.op else "" for units in samples for value in units}
    data = np.array([[value.data for value in units] for units in samples], dtype=np.float64)
    return Outputs(data.reshape(n, -1), ops.pop() if len(ops) == 1 else "")


@dataclass(frozen=True, eq=False)
class Units:
    """How often each unit of a layer is off (or saturated): ``often[i]`` is the share of the samples for which unit ``i`` is.

    ``always`` is the share of units that are so for every sample; ``mean`` the share of all outputs.
    """

    often: Floats

    @property
    def always(self) -> float:
        """The share of units that are so for every sample: of a ReLU layer, the dead ones."""
        return float(np.mean(self.often == 1.0))

    @property
    def mean(self) -> float:
        """The share of all outputs, over units and samples."""
        return float(self.often.mean())

    def __repr__(self) -> str:
        return f"Units({len(self.often)} units: {self.always:.0%} for every sample, {self.mean:.0%} of all outputs)"


def dead_units(model: Module, x: ArrayLike) -> dict[str, Units]:
    """How often each ReLU unit is 0: off for some samples is its work, off for all of them is death, for nothing moves it.

    Args:
        model: takes one example at a time.
        x: examples, shape ``(n, n_in)``; the more, the surer the verdict.

    Returns:
        By layer; only layers whose outputs all come from ``relu``.

    Raises:
        ValueError: no layer is of that kind, or ``activations`` says so.

    >>> model = MLP(1, [2, 1], rng=0)
    >>> model.layers[0].weight[0][0].data, model.layers[0].weight[0][1].data = 1.0, -1.0
    >>> dead_units(model, [[1.0], [2.0]])
    {'layers.0': Units(2 units: 50% for every sample, 50% of all outputs)}
    """
    return _units("dead_units", model, x, {"relu": lambda y: y == 0.0})


def saturated_units(model: Module, x: ArrayLike) -> dict[str, Units]:
    """How often each unit is so far out on its curve that little gradient passes: ``|tanh| > 0.97``, or a sigmoid below 0.015
    or above 0.985 (the same points of the curve, since ``tanh(z) = 2 sigmoid(2z) - 1``).

    Args:
        model: takes one example at a time.
        x: examples, shape ``(n, n_in)``.

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
    asked: str, model: Module, x: ArrayLike, tests: Mapping[str, Callable[[Floats], NDArray[np.bool_]]]
) -> dict[str, Units]:
    layers = activations(model, x)
    units = {name: Units(tests[layer.op](layer.data).mean(axis=0)) for name, layer in layers.items() if layer.op in tests}
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
        ValueError: the names differ.

    Source: Karpathy, *CS231n: Neural Networks Part 3* (2015), "Ratio of weights:updates".

    >>> update_ratio({"w": [3.0, 4.0]}, {"w": [3.0, 4.005]})
    {'w': -3.0}
    """
    if before.keys() != after.keys():
        raise ValueError(f"update_ratio: the states name different blocks: {', '.join(sorted(before.keys() ^ after.keys()))}")
    return {name: round(float(_ratios(np.stack([before[name], after[name]]))[0]), 12) for name in before}


class Moving(Protocol):
    """Parameters over time; a ``Record`` is one."""

    @property
    def values(self) -> dict[str, Floats]:
        """Arrays of shape ``(frames, …)``, by name."""


def update_ratios(record: Moving) -> dict[str, Floats]:
    """``update_ratio`` from each frame of a Record to the next; of one with ``every=k``, over ``k`` steps together."""
    return {name: _ratios(frames) for name, frames in record.values.items()}


def _ratios(frames: Floats) -> Floats:
    flat = frames.reshape(len(frames), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: Floats = np.log10(_norms(np.diff(flat, axis=0)) / _norms(flat[:-1]))
    return ratios


def _norms(rows: Floats) -> Floats:
    """The length of each row; no square of a number overflows or underflows on the way."""
    largest = abs(rows).max(axis=1, initial=0.0)
    norms: Floats = largest * np.linalg.norm(rows / np.where(largest > 0, largest, 1.0)[:, None], axis=1)
    return norms


@contextmanager
def evaluated(model: Module) -> Iterator[None]:
    """Within, the model computes as in use: in evaluation mode, recording nothing. Afterwards each part is in its old mode."""
    modes = [(module, module.training) for _, module in model.named_modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
