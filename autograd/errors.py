"""The errors of the engine, and where in the user's code they arose."""

import linecache
import os
import sys
from pathlib import Path
from types import FrameType

_OURS = tuple(str(Path(__file__).parent.with_name(package)) + os.sep for package in ("autograd", "nn", "viz"))


class DomainError(ArithmeticError, ValueError):
    """An op or its derivative was asked for a number it does not have: ``log(0)``, ``1/0``, ``exp(1000)``."""


class CotangentError(TypeError):
    """A vjp gave something that is no cotangent of its operand: of another shape, or no number at all."""


class StaleGraphError(RuntimeError):
    """A leaf changed after the graph was computed from it, so its gradient would mix old numbers with new ones."""


def callers_depth() -> int:
    """How many frames up from the function that asks the user's code is, as ``warnings.warn`` counts them."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        depth, frame = depth + 1, frame.f_back
    return depth


def callers_line() -> str:
    """Where the user's code is now, as ``file.py:12: the source of the line``; empty when no such line is known."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    if frame is None:
        return ""
    path, number = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(path, number).strip()
    return f"{Path(path).name}:{number}" + (f": {source}" if source else "")
