"""Groups: which parameters an optimizer moves, and the settings of each."""

from collections import UserDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from autograd import Tensor, Value

from ..kinds import Leaf

Parameters: TypeAlias = Iterable[Leaf] | Iterable[Mapping[str, Any]]

_SHARE = ("at least 0 and less than 1", lambda x: 0 <= x < 1)
_AMOUNT = ("at least 0 and finite", lambda x: 0 <= x < inf)
_RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "lr": _AMOUNT,  # a schedule may bring it down to 0
    "momentum": _SHARE,
    "dampening": _SHARE,
    "weight_decay": _AMOUNT,
    "lr_decay": _AMOUNT,
    "initial_accumulator_value": _AMOUNT,
    "eps": _AMOUNT,
    "rho": _SHARE,
    "alpha": _SHARE,
    "betas": _SHARE,
}
_SWITCHES = ("nesterov", "centered", "amsgrad")


class Group(UserDict[str, Any]):
    """Parameters and their settings, ``group["params"]``, ``group["lr"]``; a setting can be changed within its range.

    Raises:
        ValueError: a name is no setting of this kind of optimizer, or a number lies outside its range.
        TypeError: a setting is no number.
    """

    def __init__(self, kind: str, params: Sequence[Leaf], defaults: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        self.kind = kind
        self.data = {"params": tuple(params), **defaults}
        self.update({**defaults, **own})

    @property
    def settings(self) -> dict[str, Any]:
        """All but the parameters."""
        settings = self.data.copy()
        del settings["params"]
        return settings

    def checked(self, name: str, value: Any) -> Any:
        """``value`` as the setting of this name, in plain floats, whatever a schedule has computed with."""
        if name not in self.data or name == "params":
            raise ValueError(f"{self.kind}: {name!r} is no setting of a group; those are {', '.join(self.settings)}")
        if name in _SWITCHES:
            return self._switch(name, value)
        if name != "betas":
            return self._number(name, value)
        if np.asarray(value, dtype=object).shape != (2,):
            raise ValueError(f"{self.kind}: betas are two numbers, such as (0.9, 0.999), not {value!r}")
        return tuple([self._number(name, beta) for beta in value])

    def _switch(self, name: str, value: Any) -> bool:
        if np.asarray(value).dtype != bool or np.ndim(value):
            raise TypeError(f"{self.kind}: {name} is True or False, not {value!r}")
        return bool(value)

    def _number(self, name: str, value: Any) -> float:
        if not isinstance(value, Real) and (not isinstance(value, np.ndarray) or value.ndim or value.dtype.kind not in "fiu"):
            raise TypeError(f"{self.kind}: {name} is a number, not {type(value).__name__}")
        words, fits = _RANGES.get(name, ("a number", lambda x: True))
        if not fits(float(value)):
            raise ValueError(f"{self.kind}: {name} must be {words}, not {value}")
        return float(value)

    def __setitem__(self, name: str, value: Any) -> None:
        self.data[name] = self.checked(name, value)

    def __repr__(self) -> str:
        told = [f"{name}={value}" for name, value in self.settings.items() if value or name == "lr"]
        return ", ".join([f"{len(self['params'])} parameters", *told])


def grouped(kind: str, parameters: Parameters, defaults: Mapping[str, Any]) -> tuple[Group, ...]:
    """``parameters`` as groups: one of them all, or as they come with settings of their own."""
    listed = _listed(kind, parameters)
    if not listed or not all(isinstance(part, Mapping) for part in listed):
        return (Group(kind, leaves_of(kind, listed), defaults, {}),)
    for i, part in enumerate(listed):
        if "params" not in part:
            raise ValueError(f"{kind}: group {i} has no 'params'; pass {{'params': model.parameters(), ...}}")
    own = [{name: value for name, value in part.items() if name != "params"} for part in listed]
    groups = tuple(Group(kind, leaves_of(kind, part["params"]), defaults, mine) for part, mine in zip(listed, own))
    leaves_of(kind, [w for group in groups for w in group["params"]])  # none is in two
    return groups


def leaves_of(asking: str, parameters: Any) -> list[Any]:
    """``parameters`` as a list of leaves, each once; TypeError or ValueError in the name of who is ``asking``."""
    leaves = _listed(asking, parameters)
    for w in leaves:
        if not isinstance(w, Value | Tensor):
            raise TypeError(f"{asking}: parameters are Values or Tensors, not {type(w).__name__}; pass model.parameters()")
        if w.op is not None:
            raise ValueError(f"{asking}: {w.name} was computed, and only leaves are parameters; pass model.parameters()")
    if not leaves:
        raise ValueError(
            f"{asking}: there are no parameters; pass model.parameters(), and see that the model keeps them in its attributes"
        )
    seen: set[Leaf] = set()
    for w in leaves:
        if w in seen:
            raise ValueError(f"{asking}: {w.name} comes twice among the parameters; pass each once")
        seen.add(w)
    return leaves


def _listed(asking: str, parameters: Any) -> list[Any]:
    if not isinstance(parameters, Iterable) or isinstance(parameters, Tensor):
        raise TypeError(f"{asking} takes a list of parameters, not {type(parameters).__name__}; pass model.parameters()")
    return list(parameters)
