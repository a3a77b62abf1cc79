"""Numbers by layer, at one moment of training.

gradient_flow ................ how much gradient reaches each block of parameters
histograms ................... how weights, gradients and activations are spread
dead_units, saturated_units .. which share of each layer does not work
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nn import Module, diagnostics
from nn.diagnostics import SATURATED, Units

from ..words import printable
from .chart import (
    Axis,
    Bars,
    Chart,
    Floats,
    Line,
    Mark,
    Outline,
    Points,
    between,
    counted,
    number,
    per_category,
    positive,
    powers,
)
from .plot import shown

_MOST_OUTLINES = 10
_BINS = 30
_LARGEST = 1e150  # whose square is a number still


def gradient_flow(model: Module, *, ax: Any = None) -> Any:
    """Mean and largest absolute gradient of each block of parameters, from first to last, on a logarithmic scale.

    Lines join blocks of a kind, weights with weights and biases with biases. One that falls towards the left is a gradient
    that vanishes on its way back; one that rises there, that explodes.

    Args:
        model: after ``backward()``.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        ValueError: the model has no parameters.
    """
    flow = diagnostics.gradient_flow(model)
    x, kinds = np.arange(float(len(flow))), np.array([name.rpartition(".")[2] for name in flow])
    largest, mean = positive([f.largest for f in flow.values()]), positive([f.mean for f in flow.values()])
    y = powers("|∂loss/∂w| (log scale)", [largest, mean])
    marks: list[Mark] = []
    for look, (word, sizes) in enumerate((("largest", largest), ("mean", mean))):
        marks += [Line("", x[kinds == kind], sizes[kinds == kind], look) for kind in dict.fromkeys(kinds.tolist())]
        marks.append(Points(word, x, sizes, look))
    zero = np.flatnonzero([f.largest == 0 for f in flow.values()])
    lost = np.flatnonzero([not np.isfinite(f.largest) for f in flow.values()])
    for words, blocks, height in (("0 everywhere", zero, y.low + 0.03), ("not finite", lost, y.high - 0.03)):
        if blocks.size:
            marks.append(Points(words, x[blocks], np.full(blocks.size, 10.0**height), 5))
    return shown(
        [Chart(f"Gradient flow through {counted(len(flow), 'block')}", per_category("block", list(flow)), y, tuple(marks))], ax
    )


def histograms(model: Module, x: ArrayLike | None = None, *, ax: Any = None) -> Any:
    """How the weights and the gradients of each block are spread, and, for examples ``x``, the activations of each layer.

    The legend gives mean and standard deviation, and which share of a tanh or sigmoid layer is saturated.

    Args:
        model: the gradients are those of the last ``backward()``.
        x: examples, shape ``(n, …)``.
        ax: Axes of matplotlib to draw on, which are then returned: two, or three with ``x``.

    Raises:
        ValueError: the model has no parameters, or as ``nn.diagnostics.activations``.
    """
    state = model.state_dict()
    if not state:
        raise ValueError(f"histograms: {model} has no parameters")
    charts = [_outlines("weight", state), _outlines("gradient", diagnostics.gradients(model))]
    if x is not None:
        layers = diagnostics.activations(model, x)
        saturated = {
            name: f", {SATURATED[layer.op](layer.data).mean():.0%} saturated"
            for name, layer in layers.items()
            if layer.op in SATURATED
        }
        charts.append(_outlines("activation", {name: layer.data for name, layer in layers.items()}, saturated))
    return shown(charts, ax)


def _outlines(what: str, arrays: Mapping[str, Floats], more: Mapping[str, str] | None = None) -> Chart:
    """The outline of a histogram of each array, all over the same bins."""
    marks, notes = [], []
    numbers = {name: array[abs(array) < _LARGEST] for name, array in list(arrays.items())[:_MOST_OUTLINES]}
    edges = _edges(np.concatenate(list(numbers.values())))
    for look, (name, finite) in enumerate(numbers.items()):
        words = printable(name)
        if (lost := arrays[name].size - finite.size) > 0:
            notes.append(f"{words}: {lost} of {arrays[name].size} not shown: not finite, or beyond {_LARGEST:g}")
        if finite.size:
            words += f": mean {number(float(finite.mean()))}, std {number(float(finite.std()))}" + (more or {}).get(name, "")
        share = np.concatenate([[0.0], np.histogram(finite, bins=edges)[0] / max(finite.size, 1), [0.0]])
        marks.append(Outline(words, np.repeat(edges, 2), np.repeat(share, 2)[1:-1], look))
    if len(arrays) > _MOST_OUTLINES:
        notes.append(f"{len(arrays) - _MOST_OUTLINES} more are not shown")
    top = max(float(mark.y.max()) for mark in marks)
    title = f"Spread of the {what}s of {counted(len(arrays), 'layer' if what == 'activation' else 'block')}"
    return Chart(
        title, between(what, [edges]), Axis("share of the numbers", 0.0, top * 1.05 or 1.0), tuple(marks), tuple(notes)
    )


def _edges(numbers: Floats) -> Floats:
    """The edges of the bins for all the numbers, however close they lie."""
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)
    least = 1e-9 * max(abs(low), abs(high)) or 1.0
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    return np.linspace(low, high, _BINS + 1)


def dead_units(model: Module, x: ArrayLike, *, ax: Any = None) -> Any:
    """The share of each ReLU layer that is 0 for every example (dead), beside the share of its outputs that are 0 (off).

    Args:
        model: as ``nn.diagnostics.activations`` takes it.
        x: examples, shape ``(n, …)``.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        ValueError: as ``nn.diagnostics.dead_units``.
    """
    return shown([_idle(diagnostics.dead_units(model, x), "off", "dead: 0 for every example")], ax)


def saturated_units(model: Module, x: ArrayLike, *, ax: Any = None) -> Any:
    """The share of each tanh or sigmoid layer that is saturated for every example, beside the share of its outputs that are.

    Args:
        model: as ``nn.diagnostics.activations`` takes it.
        x: examples, shape ``(n, …)``.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        ValueError: as ``nn.diagnostics.saturated_units``.
    """
    return shown([_idle(diagnostics.saturated_units(model, x), "saturated", "saturated for every example")], ax)


def _idle(layers: Mapping[str, Units], now: str, always: str) -> Chart:
    return Chart(
        f"Units that are {now}, in {counted(len(layers), 'layer')}",
        per_category("layer", list(layers)),
        Axis("%", 0.0, 105.0),
        (
            Bars(f"{now} for an example: % of outputs", np.array([100 * units.mean for units in layers.values()]), 0, 0.7),
            Bars(f"{always}: % of units", np.array([100 * units.always for units in layers.values()]), 1, 0.35),
        ),
    )
