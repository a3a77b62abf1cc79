"""Optimizer: what all kinds share: the step, the look for gradients that were not zeroed, and what is saved."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Any, ClassVar

import numpy as np

from .groups import Parameters, grouped
from .packs import Array, Pack, Part, UnzeroedGradientWarning, is_marked, mark, packs


class Optimizer:
    """What moves parameters, one step for each gradient.

    A kind of optimizer says what it remembers, hands its settings to ``__init__``, and writes ``rule``.

    Args:
        params: what moves, a model's ``parameters()``; or groups of it with settings of their own, such as
            ``[{"params": first, "lr": 1e-2}, {"params": others}]``.
        lr: learning rate, the length of a step per unit of what the rule makes of the gradient.
        accumulate: True where gradients are meant to be stepped on again, so that no warning comes.
        settings: further ones of the rule. A group has these where it does not name its own.

    Raises:
        ValueError: there are no parameters, or one comes twice; or a setting has no such name or lies outside its range.
        TypeError: ``params`` holds anything but leaves, or a setting is no number.

    >>> import nn
    >>> from autograd import Value
    >>> class SignSGD(Optimizer):
    ...     def rule(self, pack, t, lr):
    ...         return lr * np.sign(pack.gradient())
    >>> w = Value(3.0)
    >>> optimizer = SignSGD([w], lr=0.5)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    2.5
    """

    # Arrays like the parameters that the rule remembers, each with the setting that calls for it, "" for always.
    remembers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, params: Parameters, lr: float, *, accumulate: bool = False, **settings: Any) -> None:
        kind = type(self).__name__
        self.groups = grouped(kind, params, {"lr": lr, **settings})
        if lr == 0:
            raise ValueError(f"{kind}: lr must be a positive number, not {lr}")
        self.parameters = [w for group in self.groups for w in group["params"]]
        self.steps = 0
        self._packs = [packs(group["params"]) for group in self.groups]
        self._watching = not accumulate

    def rule(self, pack: Pack, t: int, **settings: Any) -> Array:
        """What step ``t``, counted from 1, takes from the parameters of ``pack``: a new array."""
        raise NotImplementedError(f"{type(self).__name__} has no rule(pack, t, **settings) yet; write one")

    def step(self) -> None:
        """Move every parameter once, along the gradient it has now; frozen ones (``requires_grad`` is False) stay.

        Warns:
            UnzeroedGradientWarning: once, if gradients were stepped on before and not zeroed since.
        """
        if self._watching:
            self._look_for_old_gradients()
        self.move(self._packs)
        self.mark_gradients()

    def move(self, packs: Sequence[Sequence[Pack]]) -> None:
        """A step, of the packs of each group."""
        self.steps += 1
        for group, packed in zip(self.groups, packs):
            settings = group.settings
            for pack in packed:
                pack.descend(self.rule(pack, self.steps, **settings))

    def mark_gradients(self) -> None:
        """Mark them as stepped on."""
        if self._watching:
            for pack in chain(*self._packs):
                mark(pack.parameters[0])

    def parts_of(self, vector: Array) -> list[list[Part]]:
        """The packs of each group, their parameters being those in ``vector``, in order; what is remembered is the same."""
        ends = accumulate([pack.size for pack in chain(*self._packs)])
        return [[Part(pack, vector, next(ends)) for pack in packed] for packed in self._packs]

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0."""
        for pack in chain(*self._packs):
            pack.zero_grad()

    def _look_for_old_gradients(self) -> None:
        # One parameter of each pack tells. A frozen one does not: a model's zero_grad passes it by.
        firsts = [pack.parameters[0] for pack in chain(*self._packs)]
        if any(is_marked(w) and w.requires_grad for w in firsts):
            self._watching = False
            warnings.warn(
                "step: these gradients still hold those of the step before; call optimizer.zero_grad() before backward() "
                "(zero_grad of the loss does not reach the parameters). If they are to add up, make the optimizer with "
                "accumulate=True",
                UnzeroedGradientWarning,
                stacklevel=3,
            )

    @property
    def lr(self) -> float:
        """The learning rate of all groups; to set it sets it in each.

        Raises:
            ValueError: groups have several; or the number set is negative or not finite.
        """
        rates = {group["lr"] for group in self.groups}
        if len(rates) > 1:
            raise ValueError(f"{type(self).__name__}: groups differ in lr; read groups[i]['lr']")
        (rate,) = rates
        return float(rate)

    @lr.setter
    def lr(self, lr: float) -> None:
        for group in self.groups:
            group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        """Copies of what the next step depends on besides the model, as nested dicts of numbers, strings and arrays.

        >>> from autograd import Value
        >>> import nn
        >>> nn.optim.Momentum([Value(1.0)], lr=0.1).state_dict()["groups"]["0"]["memory"]
        {'momentum_buffer': array([0.])}
        """
        groups = {
            str(i): {
                "settings": {name: np.array(x) if isinstance(x, tuple) else x for name, x in group.settings.items()},
                "memory": {name: _joined(packed, name) for name in self._remembered(group.settings)},
            }
            for i, (group, packed) in enumerate(zip(self.groups, self._packs))
        }
        return {"optimizer": type(self).__name__, "steps": self.steps, "groups": groups}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``, as ``state_dict`` gave it, bit for bit. Nothing is changed if anything does not fit.

        Raises:
            ValueError: it is damaged, or of another kind of optimizer or other parameters; all faults are listed.
        """
        faults: list[str] = []
        kind, steps, groups = _parts(state, ["optimizer", "steps", "groups"], "the state", faults)
        if kind != type(self).__name__:
            faults.append(f"it is of {kind}")
        if not isinstance(steps, int | np.integer) or steps < 0:
            faults.append(f"steps is {steps!r}, expected a whole number of at least 0")
        parts = _parts(groups, [str(i) for i in range(len(self.groups))], "groups", faults)
        read = [self._read(i, part, faults) for i, part in enumerate(parts)]
        if faults:
            raise ValueError(f"load_state_dict: this state is not of {self}: " + "; ".join(faults))
        self.steps = int(steps)
        for group, packed, (settings, memory) in zip(self.groups, self._packs, read):
            group.update(settings)
            for name, array in memory.items():
                _part_among(packed, name, array)

    def _read(self, i: int, part: Any, faults: list[str]) -> tuple[dict[str, Any], dict[str, Array]]:
        """The settings and the memory of group ``i``, as they are in ``part`` of a state."""
        given, arrays = _parts(part, ["settings", "memory"], f"group {i}", faults)
        settings = self.groups[i].settings
        for name, value in zip(settings, _parts(given, list(settings), f"settings of group {i}", faults)):
            try:
                settings[name] = self.groups[i].checked(name, value)
            except (TypeError, ValueError) as error:
                faults.append(str(error))
        names = self._remembered(settings)
        memory = dict(zip(names, _parts(arrays, names, f"memory of group {i}", faults)))
        dtype, size = _room(self._packs[i])
        for name, array in memory.items():
            if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != (size,):
                came = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
                faults.append(f"{name} of group {i} is {came}, expected {dtype} of shape ({size},)")
        return settings, memory

    def _remembered(self, settings: Mapping[str, Any]) -> list[str]:
        return [name for name, setting in self.remembers.items() if not setting or settings[setting]]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'; '.join(map(repr, self.groups))})"


def _parts(whole: Any, names: list[str], what: str, faults: list[str]) -> list[Any]:
    """What ``whole`` has by each of ``names``, None for what is missing; adds to ``faults`` if it has others."""
    if not isinstance(whole, Mapping):
        faults.append(f"{what}: {type(whole).__name__}, expected a dict")
        return [None] * len(names)
    faults += [f"{what}: missing {name}" for name in names if name not in whole]
    faults += [f"{what}: unknown {name}" for name in whole if name not in names]
    return [whole.get(name) for name in names]


def _room(packed: Sequence[Pack]) -> tuple[np.dtype[Any], int]:
    """The dtype and size of an array with a number for each of those in ``packed``."""
    return np.result_type(*[pack.dtype for pack in packed]), sum(pack.size for pack in packed)


def _joined(packed: Sequence[Pack], name: str) -> Array:
    return np.concatenate([pack[name] for pack in packed])


def _part_among(packed: Sequence[Pack], name: str, array: Array) -> None:
    ends = np.cumsum([pack.size for pack in packed])
    for pack, part in zip(packed, np.split(array, ends[:-1])):
        pack.memory[name] = part.astype(pack.dtype)  # a copy
