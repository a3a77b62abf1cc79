"""What the engine notes while it computes, as settings of the running context (so threads and tasks keep their own).

record nothing .............. no_grad
record all the same ......... record_anyhow
note who made each node ..... Scope, leave (a module does so around its forward)
note the line of each node .. source_lines
let none become a number .... no_exit
tell who compiles it ........ witness, acted, drawn, checked (of what the nodes alone don't show)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Note:
    """What is known of a node beyond its numbers; one note may serve many nodes."""

    label: str = ""
    module: object = None  # that made the node
    outer: "Note | None" = None  # the module around that module
    line: str = ""  # of source that made the node


class Witness(Protocol):
    """Who compiles a function from its nodes, and so must be told of what they don't show."""

    def compared(self, name: str, x: Any, y: Any) -> Any:
        """The answer of a comparison, ``"lt"`` say."""

    def left(self, node: Any) -> None:
        """The number of ``node`` leaves the graph, and may decide anything."""

    def decided(self, node: Any) -> None:
        """Whether it is 0 leaves the graph."""

    def acted(self, what: str) -> None:
        """What is done is no computation: ``"writes to a Value"``, say."""

    def folded(self, node: Any, op: Any, inputs: tuple[Any, ...]) -> None:
        """``node`` is a constant, since all of ``inputs`` are."""

    def detached(self, node: Any) -> Any:
        """A node of the same number, into which no gradient flows."""

    def as_places(self, node: Any) -> Any:
        """The numbers of ``node`` as an array that names places, with its ``node``; None if they can't."""

    def drawn(self, draw: Callable[[], Any]) -> Any:
        """What ``draw`` gives, as something that is drawn anew each time."""

    def checked(self, check: Callable[..., None], operands: tuple[Any, ...]) -> None:
        """``check`` is to be called on the numbers of ``operands`` each time."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """How nodes are made at this moment."""

    on: bool = True
    lines: bool = False
    note: Note | None = None
    witness: Witness | None = None


_DEFAULT = Recording()
_recording: ContextVar[Recording] = ContextVar("recording", default=_DEFAULT)
current = _recording.get

# Until someone makes a setting, no op needs to ask for it. Later every op does, since a copied context may outlive a block.
in_use = False


def enter(state: Recording) -> Token[Recording]:
    """Compute under ``state`` from here on, until ``leave`` is called with what this returns."""
    global in_use
    in_use = True
    return _recording.set(state)


leave = _recording.reset


class Scope:
    """The settings inside a module, kept from call to call so that entering it is cheap."""

    __slots__ = ("_around", "_inside", "_module")

    def __init__(self, module: object) -> None:
        self._module = module
        self._around: Recording | None = None
        self._inside = Recording()

    def enter(self) -> Token[Recording]:
        """Nodes are made by the module from here on, until ``leave`` is called with what this returns."""
        around, inside = current(), self._inside
        if around is not self._around:
            self._inside = inside = replace(around, note=Note(module=self._module, outer=around.note))
            self._around = around
        return enter(inside)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results are constants, with no graph and no gradient.

    Works as a context manager and as a decorator.

    >>> with no_grad():
    ...     y = Value(3.0) * 2
    >>> y.requires_grad
    False
    """
    token = enter(replace(current(), on=False))
    try:
        yield
    finally:
        leave(token)


@contextmanager
def record_anyhow() -> Iterator[None]:
    """Compute with recording, under ``no_grad`` too."""
    if current().on:
        yield
        return
    token = enter(replace(current(), on=True))
    try:
        yield
    finally:
        leave(token)


def witness() -> Witness | None:
    """Who is to be told of what the nodes don't show, if anybody."""
    return current().witness if in_use else None


def acted(what: str) -> None:
    """Tell who compiles of what can't be done again by computing."""
    if (by := witness()) is not None:
        by.acted(what)


@contextmanager
def witnessed(by: Witness | None) -> Iterator[None]:
    """Tell ``by`` of what the nodes made within don't show."""
    token = enter(replace(current(), witness=by))
    try:
        yield
    finally:
        leave(token)


def drawn(draw: Callable[[], Any]) -> Any:
    """What ``draw`` gives, an array of random numbers. So a compiled function draws anew in each run, as it should.

    >>> from random import Random
    >>> drawn(Random(0).random)
    0.8444218515250481
    """
    by = witness()
    return draw() if by is None else by.drawn(draw)


def checked(check: Callable[..., None], *operands: Any) -> None:
    """Let ``check`` look at the numbers of ``operands``, which raises if it does not like them. A compiled function looks again
    in each run.

    Args:
        check: takes an array for each operand.
        operands: arrays, of numbers or of Values, and Tensors.
    """
    by = witness()
    with witnessed(None) if by else nullcontext():
        check(*[numbers_of(x) for x in operands])
    if by:
        by.checked(check, operands)


def numbers_of(x: Any) -> Any:
    """The numbers in ``x``, out of the graph."""
    if hasattr(x, "_data"):
        return np.asarray(x._data)
    return np.asarray(x, float if x.dtype == object else None)


_exit_closed: ContextVar[bool] = ContextVar("exit_closed", default=False)


@contextmanager
def no_exit(closed: bool = True) -> Iterator[None]:
    """No node turns into a plain number here: a rule that does so (by ``math``) has a derivative that would be lost."""
    token = _exit_closed.set(closed)
    try:
        yield
    finally:
        _exit_closed.reset(token)


def check_exit(node: Any) -> None:
    """``node`` is to become a plain number: raise TypeError where nodes do not, and tell who compiles."""
    if _exit_closed.get():
        raise TypeError("a rule turns a node into a plain number, which has no derivative; write it with xp, not with math")
    if in_use and (by := current().witness) is not None:
        by.left(node)


@contextmanager
def source_lines() -> Iterator[None]:
    """Note the source line that makes each node, in ``node.line``; costs some microseconds a node, so it is off by default."""
    token = enter(replace(current(), lines=True))
    try:
        yield
    finally:
        leave(token)
