"""check_module: the gradient of a loss in every parameter of a model, by name."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph import Node
from .checking import check
from .report import GradcheckReport
from .subject import Subject

SAMPLE = 300  # parameters, above which some are drawn


def check_module(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    *,
    sample: int = SAMPLE,
    training: bool = False,
    rng: "np.random.Generator | int | None" = None,
    **settings: Any,
) -> GradcheckReport:
    """``gradcheck`` of ``loss(model(x), y)`` in the parameters of ``model``, named as the model names them.

    Args:
        model: has ``named_parameters()``, as ``nn.Module`` has, and can be called.
        loss: takes the model's output and, if there are targets, these; gives one number.
        data: ``(x, y)``, or ``x`` alone for a loss that takes the output alone.
        sample: how many parameters to check. Of more than these some are drawn, as many from each block as its share, at least
            two; the report says so.
        training: check in training mode, with the generators that the modules keep (dropout's) set back before every run, so
            that each draws the same. By default the model is in evaluation mode, without dropout, while it is checked.
        rng: draws the sample; by default fixed.
        settings: those of ``gradcheck``: ``exact``, ``order``, ``rtol``, ``need``, ``atol``.

    Returns:
        A report whose rows are ``layers.0.weight[3, 1]`` and so on. The model is left as it was.

    Raises:
        TypeError: the model has no named parameters.
        ValueError: it has none at all, or ``sample`` is less than 1.
    """
    if not callable(getattr(model, "named_parameters", None)):
        raise TypeError(f"check_module takes a model with named_parameters(), not {type(model).__name__}; use gradcheck")
    if sample < 1:
        raise ValueError(f"check_module: sample is at least 1, not {sample}")
    leaves: dict[str, Node] = dict(model.named_parameters())
    if not leaves:
        raise ValueError(f"check_module: {model} has no parameters")
    x, targets = (data[0], data[1:]) if isinstance(data, tuple) else (data, ())
    subject = Subject(str(model), lambda: loss(model(x), *targets), leaves)
    everything = [(name, index) for name, leaf in leaves.items() for index in np.ndindex(np.shape(leaf._data))]
    chosen = _drawn(everything, sample, np.random.default_rng(0 if rng is None else rng))
    with _in_mode(model, training), _repeatable(model, subject), _unwritten(model):
        report = check(subject, chosen=chosen, rng=rng, **settings)
    return _named(report, len(everything), len(chosen))


def blocks(model: Any) -> list[str]:
    """The names of the model's blocks of parameters, ``layers.0.weight``, in order."""
    return list(dict.fromkeys(_block(name) for name, _ in model.named_parameters()))


def _drawn(everything: list[tuple[str, tuple[int, ...]]], sample: int, rng: "np.random.Generator") -> list[Any]:
    """As many of each block as its share of ``sample``, and at least two."""
    if len(everything) <= sample:
        return everything
    blocks: dict[str, list[Any]] = {}
    for name, index in everything:
        blocks.setdefault(_block(name), []).append((name, index))
    drawn = []
    for block in blocks.values():
        n = min(len(block), max(2, round(sample * len(block) / len(everything))))
        drawn += [block[i] for i in sorted(rng.choice(len(block), n, replace=False))]
    return drawn


def _block(name: str) -> str:
    return re.sub(r"\[[\d, ]*\]$", "", name)


@contextmanager
def _in_mode(model: Any, training: bool) -> Iterator[None]:
    modules = [module for _, module in model.named_modules()] if hasattr(model, "named_modules") else [model]
    before = [(module, module.training) for module in modules if hasattr(module, "training")]
    try:
        for module, _ in before:
            module.training = training
        yield
    finally:
        for module, was in before:
            module.training = was


@contextmanager
def _repeatable(model: Any, subject: Subject) -> Iterator[None]:
    """The generators that the model's modules keep are set back before every run, and at the end."""
    generators = _generators(model)
    states = [(g, copy.deepcopy(g.bit_generator.state)) for g in generators]
    run = subject._call

    def seeded() -> Any:
        for generator, state in states:
            generator.bit_generator.state = state
        return run()

    subject._call = seeded
    try:
        yield
    finally:
        for generator, state in states:
            generator.bit_generator.state = state


@contextmanager
def _unwritten(model: Any) -> Iterator[None]:
    """What a run in training mode writes, such as running means, is taken back at the end."""
    before = model.state_dict() if hasattr(model, "state_dict") else {}
    try:
        yield
    finally:
        if before and any(not np.array_equal(before[name], array) for name, array in model.state_dict().items()):
            model.load_state_dict(before)


def _generators(model: Any) -> "list[np.random.Generator]":
    modules = [module for _, module in model.named_modules()] if hasattr(model, "named_modules") else [model]
    found = [x for module in modules for x in vars(module).values() if isinstance(x, np.random.Generator)]
    return list({id(g): g for g in found}.values())


def _named(report: GradcheckReport, total: int, checked: int) -> GradcheckReport:
    """The report with places in blocks taken apart, and the sample stated."""
    rows = tuple([replace(row, **_apart(row.name, row.index)) for row in report.rows])
    sampled = f"{checked} of {total} parameters were drawn" if checked < total else ""
    return replace(report, rows=rows, note="; ".join(filter(None, [report.note, sampled])))


def _apart(name: str, index: tuple[int, ...]) -> Mapping[str, Any]:
    found = re.fullmatch(r"(.*)\[([\d, ]+)\]", name)
    if index or not found:
        return {}
    return {"name": found[1], "index": tuple(int(i) for i in found[2].split(","))}
