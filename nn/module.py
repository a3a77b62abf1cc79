"""Module: what has parameters, names them, saves them, and can be called."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autograd import Value
from autograd.recording import Note, Scope, current, leave

from .summary import Summary, summarise


class Module:
    """A part of a model: parameters and other modules in its attributes, and a ``forward``.

    Parameters are the leaves found in attributes and in lists, tuples, dicts and arrays of them, in the order in which the
    attributes were first set. Names that begin with an underscore are private and not looked into.
    """

    training = True
    _scope: Scope

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; to be written by each module."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(x) yet; write one")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``forward`` of the same arguments, noting on each node that this module made it."""
        try:
            token = self._scope.enter()
        except AttributeError:
            self._scope = Scope(self)
            token = self._scope.enter()
        try:
            return self.forward(*args, **kwargs)
        finally:
            leave(token)

    def parameters(self) -> list[Value]:
        """Every parameter, once."""
        blocks = (block.ravel().tolist() for _, block in self._blocks())
        return list(dict.fromkeys(value for block in blocks for value in block if value.requires_grad))

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Every parameter, once, with its name: ``layers.0.weight[3, 1]``."""
        seen: set[Value] = set()
        for name, block in self._blocks():
            for index, value in np.ndenumerate(block):
                if value.requires_grad and value not in seen:
                    seen.add(value)
                    yield name + (f"[{', '.join(map(str, index))}]" if index else ""), value

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """This module (its name is empty) and every module in it, once, with its name: ``layers.0``."""
        return ((name, part) for name, part in _parts(self) if isinstance(part, Module))

    def _blocks(self) -> Iterator[tuple[str, NDArray[np.object_]]]:
        """Every Value or rectangle of Values, once, as an array, with its name: ``layers.0.weight``."""
        return ((name, part) for name, part in _parts(self) if not isinstance(part, Module))

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, NDArray[np.float64]]:
        """Copies of all parameters as arrays, by name: ``{"layers.0.weight": (n_in, n_out), …}``."""
        return {name: np.array(block, dtype=np.float64) for name, block in self._blocks()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the numbers of ``state``, as ``state_dict`` gives them. Nothing is changed if anything does not fit.

        Raises:
            ValueError: names are missing or unknown, or a shape or a number does not fit; all of them are listed.
        """
        blocks = dict(self._blocks())
        faults = [f"missing {name}" for name in blocks if name not in state]
        faults += [f"unknown {name}" for name in state if name not in blocks]
        arrays: dict[str, NDArray[np.float64]] = {}
        for name in blocks.keys() & state.keys():
            try:
                arrays[name] = np.asarray(state[name]).astype(np.float64, casting="same_kind")
            except (TypeError, ValueError):
                faults.append(f"{name} is not an array of numbers")
                continue
            if arrays[name].shape != blocks[name].shape:
                faults.append(f"{name} has shape {arrays[name].shape}, expected {blocks[name].shape}")
        if faults:
            raise ValueError(f"load_state_dict: this state is not of {self}: " + "; ".join(sorted(faults)))
        for name, array in arrays.items():
            values: list[Value] = blocks[name].ravel().tolist()
            for value, number in zip(values, array.ravel().tolist(), strict=True):
                value.data = number

    def train(self, training: bool = True) -> Self:
        """Switch this module and all in it to training (or, with False, to evaluation)."""
        for _, module in self.named_modules():
            module.training = training
        return self

    def eval(self) -> Self:
        """Switch this module and all in it to evaluation."""
        return self.train(False)

    def summary(self, x: Any = None) -> Summary:
        """A table of the layers, their parameters, and what one forward pass costs in scalar ops and graph nodes.

        Args:
            x: an example to pass through; by default zeros, as many as the first layer takes.
        """
        return summarise(self, x)

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if name != "_scope"}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def place(module: Module, note: Note | None = None) -> str:
    """Where a module stands in the model that is being called, and what it is, for messages: ``layers.0 = Dense(2, 16)``; or
    in the one that was called when ``note`` was taken."""
    note = note or current().note
    while note and note.outer:
        note = note.outer
    if note and isinstance(note.module, Module):
        for name, part in note.module.named_modules():
            if part is module and name:
                return f"{name} = {module}"
    return str(module)


def _parts(root: Module) -> Iterator[tuple[str, Any]]:
    """Each module and each block of Values in ``root``, once, in order, named. Iterative, since modules may nest deep."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        name, part = stack.pop()
        if id(part) in seen or not isinstance(part, Module | Value | list | tuple | dict | np.ndarray):
            continue
        seen.add(id(part))
        inside: list[tuple[Any, Any]] = []
        if isinstance(part, Module):
            yield name, part
            inside = [(key, x) for key, x in vars(part).items() if not key.startswith("_")]
        elif isinstance(part, dict):
            inside = list(part.items())
        elif (block := _block(part)) is not None:
            yield name, block
        elif isinstance(part, list | tuple):
            inside = list(enumerate(part))
        stack += [(f"{name}.{key}" if name else str(key), x) for key, x in reversed(inside)]


def _block(part: Any) -> NDArray[np.object_] | None:
    """``part`` as an array, if it is a leaf or a rectangle of leaves; what a module computed and kept is no parameter."""
    try:
        block = np.array(part, dtype=object)
    except ValueError:  # arrays of several shapes
        return None
    return block if block.size and all(isinstance(x, Value) and x.op is None for x in block.flat) else None
