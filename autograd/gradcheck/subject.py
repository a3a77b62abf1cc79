"""What is checked: a function and the numbers it is differentiated in, which can be moved and the function run again.

Subject ...... leaves on the graph, and what computes one number from them
Plain ........ plain numbers and arrays, and any function of them, with a gradient from elsewhere
subject_of ... either, from what a user passes
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np

from .. import arrays, ops
from ..graph import Node, constant, holding, keeping_gradients, tick, topological_order, zero_grad
from ..pullback import Pullback, watching
from ..recording import record_anyhow, source_lines
from ..tensor import Tensor
from ..trees import flatten, leaves_like
from ..value import Value

Point = list[Any]  # for each leaf a float, or an array


class Unfit(ValueError):
    """The function can't be checked as it is, wherever it is run."""


def undefined(error: Exception) -> bool:
    """Whether the error says that the function has no number there."""
    return isinstance(error, ArithmeticError) or "domain" in str(error) or "positive input" in str(error)


class _Movable:
    """What can be run at other points."""

    runs = 0
    nodes: Sequence[Node] = ()  # the leaves, if it is on the graph
    may_be_constant = False  # as a gradient may, where a function that is passed is a mistake
    computes_in_single = False  # somewhere within, whatever its inputs are

    @property
    def point(self) -> Point:
        """Where the inputs are."""
        raise NotImplementedError

    def record(self) -> Any:
        """What the function gives now."""
        raise NotImplementedError

    def value(self) -> float:
        """The number that the function gives now; nan where it is not defined."""
        try:
            return number(self.record())
        except Unfit:
            raise
        except (ArithmeticError, ValueError):
            return math.nan

    @property
    def resolution(self) -> float:
        """The unit roundoff of the coarsest number that it computes with, as far as is known."""
        single = self.computes_in_single or any(np.asarray(x).dtype.itemsize < 8 for x in self.point)
        return 2.0**-24 if single else 2.0**-53


def number(root: Any) -> float:
    """The result of a function as a plain float."""
    return float(np.asarray(root._data if isinstance(root, Node) else root).reshape(()))


class Subject(_Movable):
    """Leaves, and a function of no arguments that computes one number from them."""

    def __init__(
        self, name: str, call: Callable[[], Any], leaves: Mapping[str, Node], *, may_be_constant: bool = False
    ) -> None:
        self.name = name
        self.leaves = dict(leaves)
        self.may_be_constant = may_be_constant
        self.nodes = list(self.leaves.values())
        self._call = call

    @property
    def point(self) -> Point:
        """Where the leaves are."""
        return [x._data for x in self.nodes]

    @contextmanager
    def at(self, point: Point) -> Iterator[None]:
        """Let the leaves be at ``point`` for a while. Graphs that were computed from them do not get stale by it."""
        with holding(self.nodes, point):
            yield

    def record(self) -> Any:
        """What the function gives now.

        Raises:
            TypeError, ValueError: it gives no number, or several, or writes to its inputs.
        """
        self.runs += 1
        before = self.point
        with np.errstate(all="ignore"), record_anyhow():
            y = self._call()
        for (name, x), data in zip(self.leaves.items(), before):
            if x._data is not data:
                x._data = data
                tick()
                raise Unfit(
                    f"gradcheck: {self.name} wrote to its input {name}, so it gives another number each time; compute a new one"
                )
        if isinstance(y, Node):
            if np.size(y._data) == 1:
                return y
            raise Unfit(
                f"gradcheck: {self.name} gave an array of shape {np.shape(y._data)}, and a gradient is that of one number; "
                "reduce it, by sum() or by a sum with weights that differ"
            )
        return _plain_number(self.name, y)

    def traced(self) -> Any:
        """``record``, with the source line of every node."""
        with source_lines():
            return self.record()

    def gradient(self, root: Node) -> list[Any]:
        """What ``root.backward()`` leaves on the leaves, whose own gradients stay as they are."""
        leaves = {*self.nodes, *[x for x in topological_order(root) if x.op is None]}
        with keeping_gradients(leaves), np.errstate(all="ignore"):
            zero_grad(leaves)
            root.backward(*([np.ones(np.shape(root._data))] if type(root).xp is arrays else []))
            return [_copied(x) for x in self.nodes]


def _copied(x: Node) -> Any:
    return np.array(x.grad) if type(x).xp is arrays else float(x.grad)


def _plain_number(name: str, y: Any) -> float:
    if y is None:
        raise TypeError(f"gradcheck: {name} gave None; does it return its result?")
    if (isinstance(y, Real) and not isinstance(y, bool)) or (isinstance(y, np.ndarray) and y.size == 1):
        return float(np.asarray(y).reshape(()))
    if isinstance(y, np.ndarray):
        raise Unfit(f"gradcheck: {name} gave an array of shape {y.shape}, not one number; reduce it")
    raise TypeError(f"gradcheck: {name} gave {type(y).__name__}, not one number")


class Plain(_Movable):
    """Any function of plain numbers and arrays, and the gradient that is claimed for it."""

    def __init__(self, name: str, f: Callable[..., Any], inputs: Any, claimed: Any) -> None:
        self.name = name
        arguments, self._bind = _arguments(f, inputs)
        parts, self._rebuild = flatten(list(arguments.values()))
        names = _names(arguments)
        self._point: Point = [_plain(name, part) for name, part in zip(names, parts)]
        self.leaves = dict(zip(names, self._point))
        self._f, self._claimed, self._inputs = f, claimed, inputs

    @property
    def point(self) -> Point:
        """Where the inputs are."""
        return self._point

    @contextmanager
    def at(self, point: Point) -> Iterator[None]:
        """Let the inputs be at ``point`` for a while."""
        before, self._point = self._point, point
        try:
            yield
        finally:
            self._point = before

    def record(self) -> float:
        """What the function gives now.

        Raises:
            TypeError, ValueError: it gives no number, or several, or writes to its inputs.
        """
        self.runs += 1
        given = [np.array(x) if isinstance(x, np.ndarray) else x for x in self.point]
        with np.errstate(all="ignore"):
            y = self._bind(self._rebuild(given))
        for name, x, was in zip(self.leaves, given, self.point):
            if isinstance(x, np.ndarray) and not np.array_equal(x, was, equal_nan=True):
                raise Unfit(f"gradcheck: {self.name} wrote to its input {name}; let it work on a copy")
        if hasattr(y, "detach"):  # another library's number
            y = y.detach()
        return _plain_number(self.name, y._data if isinstance(y, Node) else np.asarray(y) if hasattr(y, "__array__") else y)

    @property
    def follows(self) -> bool:
        """Whether the gradient is known elsewhere than at the point too."""
        return callable(self._claimed)

    def gradient(self) -> list[Any]:
        """The gradient claimed here, an array or number for each input."""
        claimed = self._claimed
        if callable(claimed):
            arguments = self._rebuild([np.array(x) if isinstance(x, np.ndarray) else x for x in self.point])
            claimed = claimed(*arguments)
        return _matched(self._inputs, claimed, self.leaves)


def _matched(inputs: Any, claimed: Any, leaves: Mapping[str, Any]) -> list[Any]:
    parts = leaves_like(inputs, claimed)
    if parts is None:
        parts = flatten(claimed)[0]
    if len(leaves) == 1 and not isinstance(claimed, tuple):  # which then is the gradient of that one
        parts = flatten(claimed)[0] if isinstance(claimed, dict) else [claimed]
    if len(parts) != len(leaves):
        raise Unfit(f"gradcheck: claimed has {len(parts)} parts for {len(leaves)} inputs; nest it like them")
    found = []
    for (name, x), part in zip(leaves.items(), parts):
        if hasattr(part, "detach"):
            part = part.detach()
        array = np.asarray(part._data if isinstance(part, Node) else part, dtype=float)
        if array.shape != np.shape(x):
            raise Unfit(f"gradcheck: the gradient claimed for {name} has shape {array.shape}, its input {np.shape(x)}")
        found.append(array if array.ndim else float(array))
    return found


def subject_of(f: Callable[..., Any], inputs: Any, name: str) -> Subject:
    """``f`` of ``inputs`` on the graph: plain numbers as Values (among arrays, as Tensors), arrays as Tensors.

    Raises:
        TypeError: an input is no floating point number or array; or there is none.
        ValueError: an input was computed from another, or comes twice.
    """
    arguments, bind = _arguments(f, inputs)
    parts, rebuild = flatten(list(arguments.values()))
    names = _names(arguments)
    beside = [x.dtype for x in parts if isinstance(x, np.ndarray | Tensor)]
    _check_apart(names, parts)
    nodes = [_leaf(name, part, beside) for name, part in zip(names, parts)]
    given = rebuild(nodes)
    leaves = {name: x for name, x in zip(names, nodes) if x.requires_grad}
    if not any(np.size(x._data) for x in leaves.values()):
        raise Unfit(f"gradcheck: {name} has no input to differentiate in; pass floats, floating arrays, Values or Tensors")
    return Subject(name, lambda: bind(given), leaves)


def _leaf(name: str, x: Any, beside: Sequence[Any]) -> Node:
    if isinstance(x, Node):
        return x if x.op is None else type(x)(x._data, label=x.label)
    x = _plain(name, x)
    if isinstance(x, np.ndarray):
        return Tensor(x, label=name)
    return Tensor(x, label=name, dtype=np.result_type(*beside)) if beside else Value(x, label=name)


def _plain(name: str, x: Any) -> Any:
    """``x`` as a float, or as an array of its own of float32 or float64."""
    if isinstance(x, Node):
        x = np.array(x._data) if type(x).xp is arrays else x._data
    if hasattr(x, "detach"):
        x = x.detach().numpy()
    if isinstance(x, np.ndarray | np.floating) and x.dtype.kind == "f":
        if x.dtype.itemsize < 4:
            raise TypeError(f"gradcheck: input {name} is of {x.dtype}, too coarse to check in; pass it as float32 or float64")
        return np.array(x) if np.ndim(x) or x.dtype.itemsize < 8 else float(x)
    if isinstance(x, float):
        return float(x)
    if isinstance(x, int | np.integer) or (isinstance(x, np.ndarray) and x.dtype.kind in "iub"):
        kind = getattr(x, "dtype", type(x).__name__)
        raise TypeError(
            f"gradcheck: input {name} is of {kind}, and a derivative is that in real numbers; pass floats"
            f"{'' if isinstance(x, np.ndarray) else f' ({float(x)})'}, or bind what is not to be moved: lambda x: f(x, 3)"
        )
    kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
    raise TypeError(f"gradcheck: input {name} is {kind}; pass floats, floating arrays, Values and Tensors, nested")


def _check_apart(names: Sequence[str], parts: Sequence[Any]) -> None:
    """Raise ValueError if one input moves with another."""
    seen: dict[int, str] = {}
    for name, x in zip(names, parts):
        if isinstance(x, Node | np.ndarray) and id(x) in seen:
            raise Unfit(f"gradcheck: inputs {seen[id(x)]} and {name} are one and the same; pass a copy for one of them")
        seen[id(x)] = name
    for name, x in zip(names, parts):
        if isinstance(x, Node) and x.op is not None:
            for behind in topological_order(x)[:-1]:
                if id(behind) in seen:
                    raise Unfit(
                        f"gradcheck: input {name} was computed from input {seen[id(behind)]}, so one can't be moved without "
                        f"the other; compute {name} within the function, or pass {name}.detach()"
                    )
    blocks = [(name, x) for name, x in zip(names, parts) if isinstance(x, np.ndarray)]
    for i, (name, x) in enumerate(blocks):
        for other, y in blocks[:i]:
            if np.shares_memory(x, y):
                raise Unfit(f"gradcheck: inputs {other} and {name} share memory; pass a copy of one of them")


def _arguments(f: Callable[..., Any], inputs: Any) -> tuple[dict[str, Any], Callable[[Sequence[Any]], Any]]:
    """The arguments by name, and ``f`` as a function of their list."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # a function of another language
        parameters = []
    by_place = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in parameters if p.name in by_place and p.default is p.empty]
    any_number = not parameters or any(p.kind is p.VAR_POSITIONAL for p in parameters)
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if isinstance(inputs, dict) and inputs and (any_name or set(inputs) <= set(by_name)):
        keys = list(inputs)
        return dict(inputs), lambda given: f(**dict(zip(keys, given)))
    unpacked = isinstance(inputs, tuple) and not hasattr(inputs, "_make")
    if isinstance(inputs, list) and inputs:
        unpacked = any_number or len(needed) <= len(inputs) <= len(by_place)
    arguments = list(inputs) if unpacked else [inputs]
    names = [by_place[i] if i < len(by_place) else f"x{i}" for i in range(len(arguments))]
    return dict(zip(names, arguments)), lambda given: f(*given)


def _names(arguments: Mapping[str, Any]) -> list[str]:
    """A name for each leaf: of the argument, and its place in it."""
    return [name + path for name, tree in arguments.items() for path in _paths(tree)]


def _paths(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [f"[{key!r}]{path}" for key, part in tree.items() for path in _paths(part)]
    if isinstance(tree, list | tuple):
        return [f"[{i}]{path}" for i, part in enumerate(tree) for path in _paths(part)]
    if isinstance(tree, np.ndarray) and tree.dtype == object:
        return [f"[{', '.join(map(str, place))}]{path}" for place in np.ndindex(tree.shape) for path in _paths(tree[place])]
    return [""]


def gradient_as_subject(subject: Subject, weights: Sequence[Any]) -> Subject:
    """``Σ weights · ∇f`` as a function of the same leaves: its gradient is that of second derivatives."""

    def call() -> Any:
        with watching():
            root = subject.record()
            seed = constant(type(root), np.ones_like(root._data) if type(root).xp is arrays else 1.0)
            cotangents = Pullback([root], subject.nodes).nodes([seed])
        terms = [(g * w).sum() if type(g).xp is arrays else g * w for g, w in zip(cotangents, weights) if g is not None]
        return reduce(ops.add, terms, 0.0)

    return Subject(f"∇{subject.name}", call, subject.leaves, may_be_constant=True)
