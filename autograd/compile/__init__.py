"""Scalar code at the speed of array operations: a function is recorded once, and its record turned into a short program.

compile ... a function, with its derivatives, as a Step
Step ...... runs it

How a program comes about, a file for each idea:

record ...... one eager run as arrays; what else it did is noted by a witness
canonical ... sums of products, of whatever adds, negates, scales and multiplies
groups ...... nodes of one level that do the same
layout ...... where each number lies, so that groups see rows of numbers, and matrix products appear
arrays ...... NumPy calls that run it forward, backward those that take cotangents back
floats ...... straight-line code, where a program is too narrow for arrays
machine ..... the same, faster, by numba, if it is installed; vectors has functions for it
choice ...... which of these, by measured cost
paths ....... a program and the comparisons it depends on
step ........ runs, tries paths, records new ones
tensors ..... the same for Tensor code

Source: Bergstra et al., *Theano: A CPU and GPU Math Compiler in Python* (2010), for programs from graphs; Neubig, Goldberg,
Dyer, *On-the-fly Operation Batching in Dynamic Computation Graphs* (2017), for groups by level and operation.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .step import Step, compile


class _Callable(ModuleType):
    """The module as the function of its name, so that ``autograd.compile(f, parameters)`` is both found and short."""

    def __call__(self, f: Callable[..., Any], parameters: Any, *, batch: bool = False) -> Step:
        return compile(f, parameters, batch=batch)


sys.modules[__name__].__class__ = _Callable

__all__ = ["Step", "compile"]
