"""Numbers over a plane.

decision_map ........ what was said at every point, with the examples
decision_boundary ... the same, asked of a model
loss_landscape ...... the loss around a model's parameters, and the way that training went
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import nn
from autograd import Tensor
from nn.diagnostics import evaluated
from nn.kinds import given
from nn.progress import progress

from ..words import printable
from .chart import Axis, Chart, Floats, Ground, Line, Mark, Points, counted, number
from .plot import shown
from .svg import COLOURS, tint

_MOST_EXAMPLES = 400  # drawn
_GRID = (45, 60)  # rows and columns of a ground


def decision_map(
    answers: Floats,
    extent: tuple[float, float, float, float],
    points: ArrayLike,
    labels: ArrayLike,
    names: Sequence[str],
    classes: Sequence[str],
    *,
    ax: Any = None,
) -> Any:
    """What a model says over a plane, with the examples on it.

    Args:
        answers: at the middle of each cell of a grid, the first row at the bottom: for two classes the probability of the
            second, shape ``(rows, columns)``; else a score for each class, shape ``(rows, columns, classes)``.
        extent: left, right, bottom and top of the plane.
        points: examples, shape ``(n, 2)``.
        labels: their classes, shape ``(n,)``, counted from 0.
        names: of the two features.
        classes: names of the classes.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        ValueError: there are more or fewer names than features or classes.
    """
    fine = _finer(np.asarray(answers, dtype=np.float64))
    scores = np.stack([1 - fine, fine], axis=2) if fine.ndim == 2 else fine
    if (len(names), len(classes)) != (2, scores.shape[2]):
        raise ValueError(
            f"names of 2 features and {scores.shape[2]} classes are expected; "
            f"found names={list(names)} and classes={list(classes)}"
        )
    said = np.where(np.isnan(scores).any(axis=2), np.nan, scores.argmax(axis=2))
    if fine.ndim == 2:
        edges = tuple((np.arange(1, 10) / 10).tolist())
        shades = [tint(COLOURS[0], 0.42 - 0.08 * i) for i in range(5)] + [tint(COLOURS[1], 0.1 + 0.08 * i) for i in range(5)]
        ground = Ground(fine, extent, edges, tuple(shades), contours=(0.5,))
    else:
        shades = [tint(COLOURS[i % len(COLOURS)], 0.25) for i in range(len(classes))]
        ground = Ground(said, extent, tuple(i - 0.5 for i in range(1, len(classes))), tuple(shades))
    where, which = np.asarray(points, dtype=np.float64), np.asarray(labels)
    kept = np.unique(np.linspace(0, len(which) - 1, min(len(which), _MOST_EXAMPLES)).astype(int))
    words = [printable(name) for name in classes]
    marks: list[Mark] = [ground]
    for look, word in enumerate(words):
        mine = kept[which[kept] == look]
        marks.append(Points(word or f"class {look}", where[mine, 0], where[mine, 1], look))
    shares = ", ".join(f"{word} {np.mean(said == i):.0%}" for i, word in enumerate(words))
    notes = [f"of the plane: {shares}"]
    if (broken := np.isnan(said).mean()) > 0:
        notes.append(f"grey: no number, {broken:.0%}")
    if len(kept) < len(which):
        notes.append(f"{len(kept)} of the examples are drawn")
    across, up = map(printable, names)
    chart = Chart(
        f"What the model says over {across} and {up}, with {counted(len(which), 'example')}",
        Axis(across, extent[0], extent[1]),
        Axis(up, extent[2], extent[3]),
        tuple(marks),
        tuple(notes),
    )
    return shown([chart], ax)


def decision_boundary(
    model: nn.Module,
    x: "ArrayLike | nn.data.Dataset",
    y: ArrayLike | None = None,
    *,
    at: float | None = None,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Where a model draws the line between classes, asked at 1,200 points of the plane around the examples.

    Args:
        model: takes two numbers (of Tensors, a batch of them); gives one score, or one for each class.
        x: examples, shape ``(n, 2)``; or a Dataset, which gives ``y``, ``names`` and ``classes`` too.
        y: their labels, shape ``(n,)``; for one score, two kinds of label such as 0 and 1, or -1 and 1.
        at: the score at which the classes meet; by default 0.5 if every score lies in [0, 1], as probabilities do, else 0.
        names: of the two features; by default ``x[0]`` and ``x[1]``.
        classes: names of the classes; by default the labels.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        ValueError: the examples are not points of a plane, or scores, labels and names do not go together.
    """
    if isinstance(x, nn.data.Dataset):
        y, names, classes, x = x.y if y is None else y, names or x.features, classes or x.classes, x.x
    points, labels = np.asarray(x, dtype=np.float64), np.asarray([] if y is None else y).ravel()
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(labels) or not len(points):
        raise ValueError(
            f"decision_boundary: x has shape (n, 2), points of a plane, and y n labels; not {points.shape} and {labels.shape}"
        )
    if not (whole := np.isfinite(points).all(axis=1)).all():
        raise ValueError(f"decision_boundary: {np.sum(~whole)} of {len(points)} examples are not finite; leave them out")
    kinds, which = np.unique(labels, return_inverse=True)
    (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
    wide, high = (right - left) * 0.1 or 0.5, (top - bottom) * 0.1 or 0.5
    extent = (float(left - wide), float(right + wide), float(bottom - high), float(top + high))
    ups, acrosses = _middles(extent[2], extent[3], 30), _middles(extent[0], extent[1], 40)
    scores = _asked(model, [[across, up] for up in ups for across in acrosses]).reshape(30, 40, -1)
    n = scores.shape[2]
    if n == 1:
        if len(kinds) > 2:
            raise ValueError(f"decision_boundary: {model} gives one score, which parts two classes; y has {len(kinds)} labels")
        answers = scores[:, :, 0]
        if at is not None or scores.min() < 0 or scores.max() > 1:  # no probabilities
            answers = 1 / (1 + np.exp(-np.clip(answers - (at or 0.0), -700, 700)))
        words = [str(kind) for kind in kinds] if len(kinds) == 2 else ["0", "1"]
        which = which if len(kinds) == 2 else (labels > 0).astype(int)
    else:
        if not np.isin(kinds, np.arange(n)).all():
            raise ValueError(f"decision_boundary: {model} gives {n} scores, so labels are 0 to {n - 1}; y has {kinds.tolist()}")
        answers, words, which = scores, [str(i) for i in range(n)], labels.astype(int)
    return decision_map(answers, extent, points, which, names or ("x[0]", "x[1]"), classes or words, ax=ax)


def loss_landscape(
    model: nn.Module,
    loss: Any,
    x: Any,
    y: Any,
    *,
    record: nn.Record | None = None,
    weights: tuple[str, str] | None = None,
    rng: Any = None,
    n: int = 25,
    ax: Any = None,
) -> Any:
    """The loss on a plane through the parameters, in contours, and the path that training took on it.

    The plane is that of two ``weights``, if they are named; else the one closest to the path in ``record`` (its principal
    components); else one of random directions, scaled filter by filter. The model keeps its parameters.

    Args:
        model: its parameters are the middle of a plane of weights or random directions; a path's plane goes through its end.
        loss: ``(predictions, targets) ->`` a Value or Tensor, such as ``nn.mse``.
        x: examples, as ``fit`` takes them.
        y: their targets.
        record: a Record of the run of ``fit``, for the path.
        weights: names of two parameters, such as ``("layers.0.weight[0, 0]", "layers.0.weight[1, 0]")``.
        rng: source of the random directions, a Generator or a seed.
        n: points along each axis; the loss is computed at ``n²`` of them.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        ValueError: no such weights, a record without a path, no parameters at all, or ``n`` below 2.

    Source: Li, Xu, Taylor, Studer, Goldstein, *Visualizing the Loss Landscape of Neural Nets* (2018).
    """
    from nn import landscape

    if n != int(n) or n < 2:
        raise ValueError(f"loss_landscape: n is a whole number of at least 2, not {n}")
    if record is not None and not len(record):
        raise ValueError(f"loss_landscape: nothing was recorded; {record!r}")
    if weights is not None:
        plane = landscape.weights_plane(model, weights)
    else:
        plane = landscape.random_plane(model, rng=rng) if record is None else landscape.path_plane(record)
    path = plane.coordinates(record.values if record else {name: a[None] for name, a in model.state_dict().items()})
    extent = _around(path)
    heights = landscape.surface(model, loss, x, y, plane, _middles(*extent[:2], n), _middles(*extent[2:], n))
    ground, notes = _heights(heights, extent)
    ends: tuple[Mark, ...] = (Points("the model", path[:, 0], path[:, 1], 1),)
    if record is not None:
        ends = (
            Line("path of training", path[:, 0], path[:, 1], 1),
            Points("start", path[[0], 0], path[[0], 1], 0),
            Points("end", path[[-1], 0], path[[-1], 1], 3),
        )
    across, up = map(printable, plane.names)
    chart = Chart(
        f"Loss landscape over {across} and {up}" + (f", with the path of {len(path)} frames" if record else ""),
        Axis(across, *extent[:2]),
        Axis(up, *extent[2:]),
        (ground, *ends),
        notes,
    )
    return shown([chart], ax)


def _around(path: Floats) -> tuple[float, float, float, float]:
    """A plane with the path in its middle, and 1 on each side where it has no width."""
    low, high = path.min(axis=0), path.max(axis=0)
    pad = np.where(high > low, (high - low) * 0.3, 1.0)
    (left, bottom), (right, top) = (low - pad).tolist(), (high + pad).tolist()
    return left, right, bottom, top


def _heights(heights: Floats, extent: tuple[float, float, float, float]) -> tuple[Ground, tuple[str, ...]]:
    """Ten bands that cover as much of the plane each, between round numbers."""
    finite = heights[np.isfinite(heights)]
    edges = sorted({float(f"{edge:.3g}") for edge in np.quantile(finite, np.arange(1, 10) / 10)}) if finite.size else []
    shades = tuple(tint(COLOURS[0], strength) for strength in np.linspace(0.04, 0.6, len(edges) + 1).tolist())
    notes: tuple[str, ...] = (
        (f"loss from {number(float(finite.min()))} to {number(float(finite.max()))}",)
        if finite.size
        else ("no loss is finite",)
    )
    if finite.size < heights.size:
        notes += (f"grey: not finite, {1 - finite.size / heights.size:.0%} of the plane",)
    fine = _finer(np.where(np.isfinite(heights), heights, np.nan))
    return Ground(fine, extent, tuple(edges), shades, tuple(edges), tuple(map(number, edges))), notes


def _finer(values: Floats) -> Floats:
    """The same field at the middles of a finer grid, by straight lines through the middles of the given one."""
    for axis, n in enumerate(_GRID):
        columns = np.moveaxis(values, axis, -1)
        given = (np.arange(-1, columns.shape[-1] + 1) + 0.5) / columns.shape[-1]
        with np.errstate(invalid="ignore", over="ignore"):
            before = 2 * columns[..., :1] - columns[..., :2][..., -1:]  # as it would go on beyond the edge
            after = 2 * columns[..., -1:] - columns[..., -2:][..., :1]
            columns = np.concatenate([before, columns, after], axis=-1)
            finer = np.array([np.interp(_middles(0.0, 1.0, n), given, c) for c in columns.reshape(-1, len(given))])
        values = np.moveaxis(finer.reshape(*columns.shape[:-1], n), -1, axis)
    return values


def _middles(low: float, high: float, n: int) -> Floats:
    """The middles of ``n`` cells from ``low`` to ``high``."""
    return low + (np.arange(n) + 0.5) * (high - low) / n


def _asked(model: nn.Module, places: list[list[float]]) -> Floats:
    """What a model gives at each place: of Tensors, asked for all at once."""
    like = next(iter(model.parameters()), None)
    with evaluated(model):
        if isinstance(like, Tensor):
            return np.array(model(given(like, places)).data, dtype=np.float64)
        return np.array([model(place) for place in progress(places, desc="mapping", delay=1.0, leave=False)], dtype=np.float64)
