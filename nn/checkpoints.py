"""An interrupted run of ``fit``, in a file: everything it needs to go on as if it had never stopped.

written at each epoch or step ... Checkpoint
read by fit(..., resume=path) ... restore
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .atomic import see_that_there_is_a_folder
from .callbacks import Callback, Run
from .layers.making import size
from .module import generators
from .rng import Generator
from .saving import LoadError, StrPath, read_arrays, way, write_arrays

_KIND = "checkpoint"  # under what name the metadata has it


class Checkpoint(Callback):
    """Write the run to a file, so that ``fit(..., resume=path)`` can go on where it was: model, optimizer, order of the
    examples, generators, history and callbacks.

    The file is replaced whole or not at all: a run killed while it writes leaves the one before.

    Args:
        path: ends in ``.npz`` or ``.safetensors``.
        every: steps from one file to the next; by default one at the end of each epoch.

    Raises:
        ValueError: ``path`` ends otherwise, or ``every`` is not a whole number of at least 1.
        FileNotFoundError: when a run begins, there is no such folder.
    """

    by_run_only = True
    is_last = True  # of the callbacks to be told, since it writes what the others know

    def __init__(self, path: StrPath, every: int | None = None) -> None:
        way(path)
        self.path = path
        self.every = every if every is None else size("Checkpoint", "every", every)

    def begin(self, run: Run) -> None:
        """See that there will be somewhere to write, before anything is computed that would be lost."""
        see_that_there_is_a_folder(self.path)

    def after_step(self, run: Run) -> None:
        """Write, if it is time."""
        if self.every and run.step % self.every == 0:
            save(run, self.path)

    def after_epoch(self, run: Run) -> None:
        """Write."""
        save(run, self.path)

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}{f', every={self.every}' if self.every else ''})"


def save(run: Run, path: StrPath) -> None:
    """Write ``run`` to ``path``, whole or not at all.

    Raises:
        TypeError: a callback remembers something that is no number, string, list, dict or array.
        OSError: the file can't be written; an old one is still there.
    """
    callbacks = [[_name(callback), callback.state_dict()] for callback in run.callbacks]
    arrays: dict[str, Any] = {}
    text = json.dumps(_packed({**_state_of(run), "callbacks": callbacks}, "run", arrays))
    write_arrays(path, arrays, {_KIND: text, "of": repr(run.model)})


def restore(run: Run, path: StrPath) -> Callable[[], None]:
    """Take ``run``, its model, optimizer and generators to where they were when ``path`` was written.

    Returns:
        What gives its callbacks back what they remembered, to be called once they have begun; it raises LoadError likewise.
        Nothing happens if there is no file yet, and one of the callbacks is to write it.

    Raises:
        LoadError: the file is damaged, or of another run. Nothing was changed.
        FileNotFoundError: there is none, and nobody is to write it.
    """
    if not os.path.exists(path):
        if any(isinstance(one, Checkpoint) and os.path.abspath(one.path) == os.path.abspath(path) for one in run.callbacks):
            return lambda: None
        raise FileNotFoundError(f"fit: there is no checkpoint at {path} to resume from")
    arrays, metadata = read_arrays(path)
    if _KIND not in metadata:
        raise LoadError(f"fit: {path} is no checkpoint; one is written by callbacks=[nn.Checkpoint(path)]")
    before = _state_of(run)

    @contextmanager
    def wholly() -> Iterator[None]:
        try:
            yield
        except Exception as fault:  # of what is not as ``save`` writes it, anything may come
            _take_over(run, before)
            if isinstance(fault, ValueError):
                raise LoadError(f"fit: {path}, of {metadata['of']}, is a checkpoint of another run: {fault}") from None
            raise LoadError(f"fit: {path} is no checkpoint that this stepgrad reads: {fault!r}") from fault

    with wholly():
        state = _unpacked(json.loads(metadata[_KIND]), arrays)
        if faults := "; ".join(_misfits(run, state)):
            raise ValueError(faults)
        _take_over(run, state)

    @wholly()
    def remind() -> None:
        for callback, (_, its) in zip(run.callbacks, state["callbacks"]):
            callback.load_state_dict(its)

    return remind


_POSITION = ("epoch", "step", "stop", "held", "order", "seen", "sums")


def _state_of(run: Run) -> dict[str, Any]:
    """All but what its callbacks remember."""
    return {
        "run": {name: getattr(run, name) for name in _POSITION},
        "settings": dict(run.settings),
        "examples": run.examples.checksum,
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "generators": [generator.bit_generator.state for generator in _generators(run)],
        "history": dict(vars(run.history)),
    }


def _take_over(run: Run, state: Mapping[str, Any]) -> None:
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    for generator, its in zip(_generators(run), state["generators"]):
        generator.bit_generator.state = its
    for name in vars(run.history):
        setattr(run.history, name, state["history"][name])
    for name in _POSITION:
        setattr(run, name, state["run"][name])


def _misfits(run: Run, state: Mapping[str, Any]) -> Iterator[str]:
    """What of ``state`` is not of this run, in words."""
    if state["examples"] != run.examples.checksum:
        yield "its examples are not these"
    for name, ours in run.settings.items():
        if state["settings"][name] != ours:
            yield f"its {name} was {state['settings'][name]}, not {ours}"
    callbacks = [name for name, _ in state["callbacks"]]
    if callbacks != [_name(callback) for callback in run.callbacks]:
        yield f"its callbacks were {', '.join(callbacks)}"
    kinds = [its["bit_generator"] for its in state["generators"]]
    if kinds != [generator.bit_generator.state["bit_generator"] for generator in _generators(run)]:
        yield f"it has {len(kinds)} generators ({', '.join(kinds)})"


def _generators(run: Run) -> list[Generator]:
    """Where the run's randomness comes from: ``fit``'s generator and those that its modules keep, each once."""
    return [run.rng, *(generator for generator in generators(run.model) if generator is not run.rng)]


def _name(callback: Callback) -> str:
    return type(callback).__name__


def _packed(tree: Any, name: str, arrays: dict[str, Any]) -> Any:
    """``tree`` as JSON knows it, its arrays put aside under names. Dicts become pairs, whatever their keys are."""
    if isinstance(tree, np.ndarray) and not tree.dtype.hasobject:
        arrays[name] = tree
        return {"array": name}
    if isinstance(tree, np.generic):
        tree = tree.item()
    if isinstance(tree, Mapping):
        return {"dict": [[key, _packed(part, f"{name}.{key}", arrays)] for key, part in tree.items()]}
    if isinstance(tree, list | tuple):
        return [_packed(part, f"{name}.{i}", arrays) for i, part in enumerate(tree)]
    if isinstance(tree, bool | int | float | str | None):
        return tree
    raise TypeError(
        f"Checkpoint: {name} is {type(tree).__name__}; a file keeps numbers, strings, lists, dicts and arrays of numbers"
    )


def _unpacked(tree: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(tree, list):
        return [_unpacked(part, arrays) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return np.array(arrays[tree["array"]])
    return {key: _unpacked(part, arrays) for key, part in tree["dict"]}
