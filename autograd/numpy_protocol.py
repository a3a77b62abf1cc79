"""NumPy's own functions on Tensors: each is answered by the op of the table that it names, or refused by name.

Source: NumPy enhancement proposals 13 (``__array_ufunc__``) and 18 (``__array_function__``).
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

import numpy as np

from . import ops
from .graph import Node


def _float_power(x: Any, y: Any) -> Any:
    wide = [ops.astype(a, "float64") if isinstance(a, Node) and a._data.dtype.itemsize < 8 else a for a in (x, y)]
    return ops.pow(*wide)


_RENAMED: dict[str, Callable[..., Any]] = {
    "subtract": ops.sub, "multiply": ops.mul, "true_divide": ops.div, "negative": ops.neg, "power": ops.pow,
    "float_power": _float_power, "absolute": ops.abs, "fabs": ops.abs, "square": lambda x: ops.mul(x, x),
    "reciprocal": lambda x: ops.div(1.0, x), "log2": lambda x: x.log2(), "log10": lambda x: x.log10(),
}  # fmt: skip

_NUMBERS_OF = (
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isfinite", "isnan", "isinf", "signbit",
)  # fmt: skip

_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    **{f: getattr(ops, name) for name in ops.__all__ if isinstance(f := getattr(np, name, None), np.ufunc)},
    **{getattr(np, name): op for name, op in _RENAMED.items()},
}

_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): ops.sum, (np.multiply, "reduce"): ops.prod, (np.maximum, "reduce"): ops.max,
    (np.minimum, "reduce"): ops.min, (np.add, "accumulate"): lambda a, axis=0: ops.cumsum(a, axis),
}  # fmt: skip

# Functions whose operands and settings stand under the same names here as there.
_ALIKE = (
    "argmax", "argmin", "broadcast_to", "concatenate", "cumsum", "diag", "diagonal", "dot", "einsum", "expand_dims", "flip",
    "inner", "max", "mean", "min", "moveaxis", "ndim", "outer", "pad", "prod", "ravel", "reshape", "shape", "size", "split",
    "squeeze", "stack", "std", "sum", "swapaxes", "take", "tensordot", "trace", "transpose", "var",
)  # fmt: skip

# Settings that change how a function computes, not what: they can be passed over.
_PASSED_OVER = {"optimize", "like", "subok"}


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    a = a if low is None else ops.maximum(a, low) if high is None else a
    return a if high is None else ops.minimum(a, high) if low is None else ops.clip(a, low, high)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return ops.where(condition, x, y)


def _hstack(tup: Any) -> Any:
    return ops.concatenate(tup, axis=0 if ops.ndim(tup[0]) == 1 else 1)


def _vstack(tup: Any) -> Any:
    return ops.concatenate([ops.expand_dims(a, 0) if ops.ndim(a) == 1 else a for a in tup])


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **{getattr(np, name): getattr(ops, name) for name in _ALIKE},
    np.amax: ops.max, np.amin: ops.min, np.clip: _clip, np.where: _where,
    np.linalg.norm: ops.norm, np.hstack: _hstack, np.vstack: _vstack,
}  # fmt: skip

# What asks for numbers, not for derivatives, and gives plain ones.
_PLAIN = {
    np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.allclose, np.isclose, np.array_equal, np.result_type,
    np.can_cast, np.array_repr, np.array_str, np.array2string,
}  # fmt: skip


def array_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """What a universal function of NumPy gives for Tensors."""
    if ufunc.__name__ in _NUMBERS_OF and method == "__call__":
        return ufunc(*map(_numbers, inputs), **settings)
    op = _UFUNCS.get(ufunc) if method == "__call__" else _METHODS.get((ufunc, method))
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if op is None:
        _refuse(name)
    if method == "reduce":
        settings = {"axis": 0, **settings}
    return op(*inputs, **_accepted(name, settings))


def array_function(function: Any, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """What any other function of NumPy gives for Tensors."""
    name = f"{function.__module__}.{function.__name__}".removeprefix("numpy.")
    if function in _PLAIN:
        return function(*map(_numbers, args), **{key: _numbers(x) for key, x in settings.items()})
    op = _FUNCTIONS.get(function)
    if op is None:
        _refuse(name)
    operands, names = _signature(function)
    if not names:
        return op(*args, **_accepted(name, settings))
    given = {**dict(zip(names, args)), **settings}
    return op(*[given.pop(name) for name in operands if name in given], **_accepted(name, given))


@cache
def _signature(function: Any) -> tuple[list[str], list[str]]:
    """The parameters without a default, and all that can be given by place; none if they have no names."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # written in C
        return [], []
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return [], []
    return (
        [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD],
        [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)],
    )


def _accepted(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that say something; TypeError for those that an op does not have."""
    said = {key: x for key, x in settings.items() if x is not np._NoValue and key not in _PASSED_OVER}
    for key in said.keys() & _FOREIGN - _OWN.get(name, set()):
        x = said.pop(key)
        if not (x is None or (isinstance(x, str) and x in ("K", "C", "same_kind", "raise"))):
            raise TypeError(f"np.{name}({key}=…) is not there for Tensors; leave {key} out" + _instead.get(key, ""))
    return said


_FOREIGN = {"out", "where", "dtype", "initial", "casting", "order", "correction", "mode"}  # settings that no op has
_OWN = {"pad": {"mode"}}  # but this one
_instead = {
    "out": ", and bind the result to a name",
    "where": ", and choose with np.where",
    "dtype": ", and convert with astype",
}


def _refuse(name: str) -> NoReturn:
    raise TypeError(
        f"np.{name} has no derivative here; for plain numbers call it on t.data, or give it one with @autograd.primitive"
    )


def _numbers(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return type(x)(map(_numbers, x))
    return np.asarray(x._data) if isinstance(x, Node) else x
