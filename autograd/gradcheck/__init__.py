"""Gradients held against the truth: is it right, where is it wrong, and which op is to blame.

gradcheck ............ a report on the gradient of a function
assert_gradients ..... the same as an assertion
check_module ......... of a loss in the parameters of a model
check_ops ............ every row of the op table
compare .............. a gradient derived by hand beside that of ``backward``
central_difference ... one derivative by a finite difference
"""

import sys
from types import ModuleType
from typing import Any

from .checking import assert_gradients, gradcheck
from .comparing import compare
from .differences import central_difference
from .modules import check_module
from .report import Blame, GradcheckReport, Row
from .table import OpsReport, check_ops


class _Callable(ModuleType):
    """The module as the function of its name, so that ``autograd.gradcheck(f, inputs)`` is both found and short."""

    def __call__(self, *args: Any, **settings: Any) -> GradcheckReport:
        return gradcheck(*args, **settings)


sys.modules[__name__].__class__ = _Callable

__all__ = [
    "Blame",
    "GradcheckReport",
    "OpsReport",
    "Row",
    "assert_gradients",
    "central_difference",
    "check_module",
    "check_ops",
    "compare",
    "gradcheck",
]
