"""What the engine notes while it computes, as settings of the running context (so threads and tasks keep their own).

record nothing .............. no_grad
record all the same ......... record_anyhow
note who made each node ..... Scope, leave (a module does so around its forward)
note the line of each node .. source_lines
let none become a number .... no_exit
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, eq=False)
class Note:
    """What is known of a node beyond its numbers; one note may serve many nodes."""

    label: str = ""
    module: object = None  # that made the node
    outer: "Note | None" = None  # the module around that module
    line: str = ""  # of source that made the node


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """How nodes are made at this moment."""

    on: bool = True
    lines: bool = False
    note: Note | None = None


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


_exit_closed: ContextVar[bool] = ContextVar("exit_closed", default=False)


@contextmanager
def no_exit(closed: bool = True) -> Iterator[None]:
    """No node turns into a plain number here: a rule that does so (by ``math``) has a derivative that would be lost."""
    token = _exit_closed.set(closed)
    try:
        yield
    finally:
        _exit_closed.reset(token)


def check_exit() -> None:
    """Raise TypeError where nodes do not turn into plain numbers."""
    if _exit_closed.get():
        raise TypeError("a rule turns a node into a plain number, which has no derivative; write it with xp, not with math")


@contextmanager
def source_lines() -> Iterator[None]:
    """Note the source line that makes each node, in ``node.line``; costs some microseconds a node, so it is off by default."""
    token = enter(replace(current(), lines=True))
    try:
        yield
    finally:
        leave(token)
