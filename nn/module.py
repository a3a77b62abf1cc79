"""Module: what has parameters, names them, saves them, and can be called."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from autograd import Node, Tensor, Value
from autograd.graph import zero_grad
from autograd.recording import Note, Scope, current, leave

from .kinds import Block, Floats, Leaf, leaves, numbers, write
from .rng import Generator
from .summary import Summary, summarise


class Module:
    """A part of a model: parameters and other modules in its attributes, and a ``forward``.

    Parameters are the leaves found in attributes and in lists, tuples, dicts and arrays of them, in the order in which the
    attributes were first set. Names that begin with an underscore are private and not looked into. A leaf whose
    ``requires_grad`` is False is kept and saved, and not trained; so a layer is frozen by ``for p in layer.parameters():
    p.requires_grad = False``.

    A layer of your own has its parameters as attributes, and is called by ``forward``:

    >>> import autograd as ag
    >>> class Scale(Module):
    ...     def __init__(self, n):
    ...         self.scale = Tensor([1.0] * n)
    ...     def forward(self, x):
    ...         return ag.tanh(self.scale * x)
    >>> list(Scale(2).named_parameters())
    [('scale', Tensor([1., 1.]))]
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

    def parameters(self) -> list[Any]:
        """Every parameter, once: Tensors, or single Values."""
        found = (leaf for _, block in self._blocks() for leaf in leaves(block))
        return list(dict.fromkeys(leaf for leaf in found if leaf.requires_grad))

    def named_parameters(self) -> Iterator[tuple[str, Leaf]]:
        """Every parameter, once, with its name: ``layers.0.weight`` of a Tensor, ``layers.0.weight[3, 1]`` of a Value."""
        seen: set[Node] = set()
        for name, block in self._blocks():
            parts = [((), block)] if isinstance(block, Tensor) else np.ndenumerate(block)
            for index, leaf in parts:
                if leaf.requires_grad and leaf not in seen:
                    seen.add(leaf)
                    yield name + (f"[{', '.join(map(str, index))}]" if index else ""), leaf

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """This module (its name is empty) and every module in it, once, with its name: ``layers.0``."""
        return ((name, part) for name, part in _parts(self) if isinstance(part, Module))

    def _blocks(self) -> Iterator[tuple[str, Block]]:
        """Every Tensor, Value or rectangle of Values, once, with its name: ``layers.0.weight``; Values come as arrays."""
        return ((name, part) for name, part in _parts(self) if not isinstance(part, Module))

    def zero_grad(self) -> None:
        """Forget the gradient of every parameter."""
        zero_grad(self.parameters())

    def astype(self, dtype: DTypeLike) -> Self:
        """Turn every Tensor in this module into one of ``dtype``, in place; gradients are forgotten.

        Raises:
            TypeError: it is made of Values, which are floats, or ``dtype`` is no floating one.
        """
        blocks: list[Any] = [block for _, block in self._blocks()]
        if not all(isinstance(block, Tensor) for block in blocks):
            raise TypeError(f"astype: {self} is made of Values, which hold Python's floats; make it with kind=Tensor")
        for block in blocks:
            converted = Tensor(block.data, dtype=dtype)
            block._write(converted._data)
            block.zero_grad()
        return self

    def state_dict(self) -> dict[str, Floats]:
        """Copies of all parameters (and of what else is kept, such as running means) as arrays, by name:
        ``{"layers.0.weight": (n_in, n_out), …}``."""
        return {name: numbers(block) for name, block in self._blocks()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the numbers of ``state``, as ``state_dict`` gives them. Nothing is changed if anything does not fit.

        Raises:
            ValueError: names are missing or unknown, or a shape or a number does not fit; all of them are listed.
            TypeError: ``state`` is no dict.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict: a state is a dict of arrays, as state_dict() gives it; not {state!r}")
        blocks = dict(self._blocks())
        faults = [f"missing {name}" for name in blocks if name not in state]
        faults += [f"unknown {name}" for name in state if name not in blocks]
        arrays: dict[str, Floats] = {}
        for name in blocks.keys() & state.keys():
            block = blocks[name]
            dtype = block.dtype if isinstance(block, Tensor) else np.float64
            try:
                arrays[name] = np.asarray(state[name]).astype(dtype, casting="same_kind")
            except (TypeError, ValueError):
                faults.append(f"{name} is not an array of numbers")
                continue
            if arrays[name].shape != block.shape:
                faults.append(f"{name} has shape {arrays[name].shape}, expected {block.shape}")
        if faults:
            raise ValueError(f"load_state_dict: this state is not of {self}: " + "; ".join(sorted(faults)))
        for name, array in arrays.items():
            write(blocks[name], array)

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


def see_that_it_is_a_module(asking: str, model: Any) -> None:
    """TypeError if ``model`` is something else."""
    if not isinstance(model, Module):
        raise TypeError(f"{asking}: model is a Module, such as nn.MLP(2, [8, 1]); not {model!r}")


def generators(model: Module) -> list[Generator]:
    """The random generators that ``model`` and the modules in it keep, Dropout's for one; one that two share comes once."""
    kept = [part for _, module in model.named_modules() for part in vars(module).values()]
    return list({id(part): part for part in kept if isinstance(part, np.random.Generator)}.values())


def _parts(root: Module) -> Iterator[tuple[str, Any]]:
    """Each module and each block in ``root``, once, in order, named. Iterative, since modules may nest deep."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        name, part = stack.pop()
        if id(part) in seen or not isinstance(part, Module | Node | list | tuple | dict | np.ndarray):
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
        elif isinstance(part, list | tuple) or (isinstance(part, np.ndarray) and part.dtype == object and part.ndim):
            inside = list(enumerate(part))
        stack += [(f"{name}.{key}" if name else str(key), x) for key, x in reversed(inside)]


def _block(part: Any) -> Block | None:
    """``part`` as a block, if it is a leaf or a rectangle of Values; what a module computed and kept is no parameter."""
    if isinstance(part, Tensor):
        return part if part.op is None else None
    first = part
    while isinstance(first, list | tuple | np.ndarray):
        first = next(iter(first.flat if isinstance(first, np.ndarray) else first), None)
    if not isinstance(first, Value):
        return None
    try:
        block = np.array(part, dtype=object)
    except (TypeError, ValueError):  # rows of several lengths, or Tensors among them
        return None
    return block if block.size and all(isinstance(x, Value) and x.op is None for x in block.flat) else None
