"""Numbers over the course of training.

loss_curves ...... the loss, of one run or several
learning_rates ... the same for several rates, and which of them diverged
lr_range ......... the loss as the rate rises, and the rate suggested
update_ratios .... how far each step goes, relative to what it moves
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nn.diagnostics import Moving
from nn.diagnostics import update_ratios as ratios_of

from ..words import printable
from .chart import (
    Axis,
    Chart,
    Floats,
    Level,
    Line,
    Mark,
    Points,
    between,
    counted,
    left_out,
    number,
    positive,
    powers,
    smoothed,
)
from .plot import shown

if TYPE_CHECKING:
    from nn.lr_range import RangeTest

Losses: TypeAlias = Any  # a sequence of floats, or what has one in ``loss``: a History, a Record

_CROSS = 5  # the look of markers for what went wrong
_WHY = "not finite, or not above 0"


def loss_curves(history: Losses, *, ax: Any = None) -> Any:
    """The loss over the epochs, on a logarithmic scale, its least value marked; of a Record, over the steps.

    Beside a History's loss stands that of the examples held out, if it has one: where it rises again, the model overfits. A
    curve of 50 points or more is drawn thin, and over it the mean of each point and its neighbours.

    Args:
        history: a History, a Record or a sequence of losses; or several by name, ``{"train": history, "validation": losses}``.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        TypeError: a run is nothing of that kind.
        ValueError: some runs count epochs and others steps.

    >>> print(loss_curves([2.0, 0.5, 1.0]))
    Loss over 3 epochs, from 2 to 1
    loss: least 0.5 at epoch 2  █▁▅  2 → 1
    """
    runs = dict(history) if isinstance(history, Mapping) else {"loss": history}
    unit = _unit("loss_curves", runs)
    title = _title(runs, unit)
    if held_out := getattr(history, "val_loss", None):
        runs["val_loss"] = held_out
    marks: list[Mark] = []
    notes: tuple[str, ...] = ()
    for look, (name, run) in enumerate(runs.items()):
        steps, losses = _course(run)
        shown_losses, label = positive(losses), printable(name)
        smooth, width = smoothed(shown_losses)
        least = _least(steps, shown_losses, unit)
        if width:
            marks.append(Line("", steps, shown_losses, look, thin=True))
            least += f", smoothed over {width}"
        marks.append(Line(f"{label}: {least}", steps, smooth, look))
        if np.isfinite(shown_losses).any():
            best = int(np.nanargmin(shown_losses))
            marks.append(Points("", steps[[best]], shown_losses[[best]], look))
        notes += tuple(f"{label}: {note}" for note in left_out(losses, shown_losses, _WHY))
    return shown([_chart(title, unit, marks, notes)], ax)


def _title(runs: Mapping[str, Losses], unit: str) -> str:
    if len(runs) != 1:
        return f"Loss of {len(runs)} runs: {', '.join(map(printable, runs))}" if runs else "Loss: no runs, nothing to show"
    (run,) = runs.values()
    steps, losses = _course(run)
    finite = losses[np.isfinite(losses)]
    if not (finite > 0).any():
        return f"Loss over {unit}s: nothing to show"
    return f"Loss over {counted(len(steps), unit)}, from {finite[0]:.4g} to {finite[-1]:.4g}"


def _unit(asked: str, runs: Mapping[Any, Losses]) -> str:
    """What the runs count, ``epoch`` or ``step``."""
    units = ["step" if hasattr(run, "steps") else "epoch" for run in runs.values()]
    if len(set(units)) > 1:
        told = ", ".join(f"{printable(str(name))} counts {unit}s" for name, unit in zip(runs, units))
        raise ValueError(f"{asked}: {told}; pass Histories or Records, not both")
    return units[0] if units else "epoch"


def _course(run: Losses) -> tuple[Floats, Floats]:
    """Epochs or steps, and the loss at each. A Record's last frame has no loss, and is no part of it."""
    try:
        losses = np.asarray(getattr(run, "loss", run), dtype=np.float64)
    except (TypeError, ValueError):
        losses = np.empty((0, 0))
    if losses.ndim != 1:
        raise TypeError(
            f"a run is a History, a Record or a sequence of losses, not {type(run).__name__} {printable(repr(run))}; "
            'pass several by name, such as {"train": history}'
        )
    if hasattr(run, "steps"):
        steps = np.asarray(run.steps, dtype=np.float64)
        n = len(losses) - int(bool(len(losses)) and bool(np.isnan(losses[-1])))
        return steps[:n], losses[:n]
    return np.arange(1.0, len(losses) + 1), losses


def _least(steps: Floats, losses: Floats, unit: str) -> str:
    if not np.isfinite(losses).any():
        return "nothing to show"
    best = int(np.nanargmin(losses))
    return f"least {number(float(losses[best]))} at {unit} {steps[best]:g}"


def _chart(title: str, unit: str, marks: Sequence[Mark], notes: tuple[str, ...]) -> Chart:
    lines = [mark for mark in marks if isinstance(mark, Line)]
    x = between(unit, [line.x for line in lines], margin=0.03) if any(len(line.x) for line in lines) else Axis(unit, 0.5, 1.5)
    return Chart(title, x, powers("loss (log scale)", [line.y for line in lines]), tuple(marks), notes)


def learning_rates(runs: Mapping[float | str, Losses], *, ax: Any = None) -> Any:
    """The loss curves of the same training at several learning rates. A run that diverged ends in a cross and says so.

    A run has diverged where its loss ended above that at which the better half of the runs began, or stopped being finite, or
    where ``fit`` gave up, as a History knows; of mere numbers, where there are fewer than of the others. Losses above four
    times those of the good runs are drawn there.

    Args:
        runs: a History, or a sequence of losses, for each rate: ``{0.01: history, 0.1: …}``.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        TypeError: a run is nothing of that kind, or no rate is given for it.
        ValueError: some runs count epochs and others steps.

    >>> print(learning_rates({0.1: [1.0, 0.5, 0.2], 10.0: [1.0, 7.0]}))
    Loss at 2 learning rates; 1 diverged: 10
    lr 0.1: 0.2      █▅▁  1 → 0.2
    lr 10: diverged  ▁█  1 → 4
    losses above 4 are drawn there
    """
    if not isinstance(runs, Mapping):
        raise TypeError(f"learning_rates: it takes runs by rate, such as {{0.1: history}}; not {type(runs).__name__}")
    names = {rate: f"{rate:g}" if isinstance(rate, int | float) else printable(str(rate)) for rate in runs}
    unit = _unit("learning_rates", runs)
    courses = {rate: _course(run) for rate, run in runs.items()}
    bad = _diverged(runs, {rate: losses for rate, (_, losses) in courses.items()})
    good = [positive(losses) for rate, (_, losses) in courses.items() if rate not in bad]
    ceiling = 4 * max((float(np.nanmax(losses)) for losses in good if np.isfinite(losses).any()), default=np.inf)
    marks: list[Mark] = []
    for look, (rate, (steps, losses)) in enumerate(courses.items()):
        drawn = np.minimum(positive(losses), ceiling)
        whole = np.flatnonzero(np.isfinite(drawn))
        end = "diverged" if rate in bad else number(float(drawn[whole[-1]])) if whole.size else "nothing to show"
        marks.append(
            Line(f"lr {names[rate]}: {end}" + (" at once" if rate in bad and not whole.size else ""), steps, drawn, look)
        )
        if rate in bad:
            marks.append(Points("", steps[whole[-1:]], drawn[whole[-1:]], _CROSS))
    title = f"Loss at {counted(len(runs), 'learning rate')}" + (
        f"; {len(bad)} diverged: {', '.join(names[r] for r in bad)}" if bad else ""
    )
    over = any((positive(losses) > ceiling).any() for _, losses in courses.values())
    notes = (f"losses above {number(ceiling)} are drawn there",) if over else ()
    return shown([_chart(title, unit, marks, notes)], ax)


def _diverged(runs: Mapping[Any, Losses], losses: Mapping[Any, Floats]) -> list[Any]:
    """The rates whose runs went wrong, by the rule that ``learning_rates`` gives."""
    longest = max(map(len, losses.values()), default=0)
    firsts = sorted(float(its[0]) for its in losses.values() if len(its))
    start = firsts[(len(firsts) - 1) // 2] if firsts else np.inf
    return [
        rate
        for rate, its in losses.items()
        if getattr(runs[rate], "diverged", len(its) < longest)
        or (len(its) and not (its[-1] <= start and np.isfinite(its).all()))
    ]


def lr_range(test: "RangeTest", *, ax: Any = None) -> Any:
    """The loss at each rate that ``nn.lr_range_test`` tried, thin; its running mean over it; and the rate suggested.

    Args:
        test: what ``nn.lr_range_test`` gave.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        TypeError: it is nothing of that kind.
    """
    if not hasattr(test, "suggestion"):
        raise TypeError(f"lr_range: it takes what nn.lr_range_test gives, not {type(test).__name__}")
    losses, means = positive(test.loss), positive(test.smoothed)
    chosen = np.array([test.suggestion])
    chart = Chart(
        f"Loss at {counted(len(test.lr), 'rising learning rate')}; suggested is {number(test.suggestion)}",
        powers("learning rate (log scale)", [test.lr]),
        powers("loss (log scale)", [losses, means]),
        (
            Line("", test.lr, losses, 0, thin=True),
            Line("loss, averaged with its neighbours", test.lr, means, 0),
            Points(f"suggested: {number(test.suggestion)}", chosen, np.interp(chosen, test.lr, means), 1),
        ),
        left_out(test.loss, losses, _WHY),
    )
    return shown([chart], ax)


def update_ratios(record: Moving, *, ax: Any = None) -> Any:
    """How far each block of parameters moves in a step, relative to its size, as ``log10(‖Δw‖ / ‖w‖)``; about -3 is healthy.

    Of 50 steps or more, each point is the mean of a step and its neighbours.

    Args:
        record: a Record of the run; of one with ``every=k``, each point stands for ``k`` steps together.
        ax: an Axes of matplotlib to draw on, which is then returned.

    Raises:
        TypeError: it is no record.
        ValueError: it has fewer than two frames.

    Source: Karpathy, *CS231n: Neural Networks Part 3* (2015), "Ratio of weights:updates".
    """
    if not isinstance(getattr(record, "values", None), Mapping):
        raise TypeError(f"update_ratios: it takes a Record, fit(…, callbacks=[record]); not {type(record).__name__}")
    blocks = ratios_of(record)
    n = max(map(len, blocks.values()), default=0)
    if not n:
        raise ValueError(f"update_ratios: {record!r} has fewer than two frames; pass it to fit, callbacks=[record]")
    steps = np.asarray(getattr(record, "steps", np.arange(n + 1)), dtype=np.float64)[1:]
    finite = {name: np.where(np.isfinite(ratios), ratios, np.nan) for name, ratios in blocks.items()}
    means = {name: smoothed(ratios) for name, ratios in finite.items()}
    width = max(width for _, width in means.values())
    notes = [f"smoothed over {width}"] if width else []
    notes += [
        f"{printable(name)}: {note}"
        for name, ratios in blocks.items()
        for note in left_out(ratios, finite[name], "it was 0, or did not move")
    ]
    chart = Chart(
        f"Update to weight ratio of {counted(len(blocks), 'block')} over {counted(int(steps[-1]), 'step')}",
        between("step", [steps], margin=0.03),
        between("log10 of update : weight", [*[mean for mean, _ in means.values()], [-3.3, -2.7]]),
        (
            *[Line(printable(name), steps, mean, look) for look, (name, (mean, _)) in enumerate(means.items())],
            Level(-3.0, "a thousandth"),
        ),
        tuple(notes),
    )
    return shown([chart], ax)
