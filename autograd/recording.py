"""What the engine notes while it computes, as settings of the running context (so threads and tasks keep their own).

record nothing .............. no_grad
note who made each node ..... Scope, leave (a module does so around its forward)
note the line of each node .. source_lines
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from threading import Lock


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

# How many threads and tasks have settings of their own. While it is 0, as mostly, no op needs to ask for the current ones.
contexts = 0
_counting = Lock()


def _set(state: Recording) -> Token[Recording]:
    global contexts
    token = _recording.set(state)
    if token.old_value is Token.MISSING:
        with _counting:
            contexts += 1
    return token


def leave(token: Token[Recording]) -> None:
    """Back to the settings before the call that returned ``token``."""
    global contexts
    _recording.reset(token)
    if token.old_value is Token.MISSING:
        with _counting:
            contexts -= 1


class Scope:
    """The settings inside a module, kept from call to call so that entering it is cheap."""

    __slots__ = ("_around", "_inside", "_module")

    def __init__(self, module: object) -> None:
        self._module = module
        self._around: Recording | None = None
        self._inside = _DEFAULT

    def enter(self) -> Token[Recording]:
        """From here on nodes are made by the module, until ``leave`` is called with what this returns."""
        around = current()
        if around is not self._around:
            self._inside = replace(around, note=Note(module=self._module, outer=around.note))
            self._around = around
        return _set(self._inside)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results are constants, with no graph and no gradient.

    Works as a context manager and as a decorator.

    >>> with no_grad():
    ...     y = Value(3.0) * 2
    >>> y.requires_grad
    False
    """
    token = _set(replace(current(), on=False))
    try:
        yield
    finally:
        leave(token)


@contextmanager
def source_lines() -> Iterator[None]:
    """Note the source line that makes each node, in ``node.line``; costs some microseconds a node, so it is off by default."""
    token = _set(replace(current(), lines=True))
    try:
        yield
    finally:
        leave(token)
