"""What a forward keeps beside what it computes, as a running mean that follows each batch.

keep ...... let a function have some numbers, now
put_off ... or later: a compiled step computes them like all else, and hands them over after each run
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from autograd.recording import numbers_of

Kept: TypeAlias = list[tuple[Callable[..., None], tuple[Any, ...]]]

_put_off: ContextVar[Kept | None] = ContextVar("put_off", default=None)


def keep(function: Callable[..., None], *operands: Any) -> None:
    """``function`` of the numbers of ``operands``, which are Tensors or arrays of Values."""
    later = _put_off.get()
    if later is None:
        function(*map(numbers_of, operands))
    else:
        later.append((function, operands))


@contextmanager
def put_off() -> Iterator[Kept]:
    """Nothing is handed over within, but gathered."""
    kept: Kept = []
    token = _put_off.set(kept)
    try:
        yield kept
    finally:
        _put_off.reset(token)
