"""Scalar reverse-mode automatic differentiation that you can step through.

>>> from autograd import Value
>>> x = Value(2.0, label="x")
>>> y = x**3 + 1
>>> y.backward()
>>> x.grad
12.0
"""

from .errors import DomainError, StaleGraphError
from .graph import Node, topological_order
from .ops import (
    abs,
    add,
    arccos,
    arcsin,
    arctan,
    clip,
    cos,
    cosh,
    div,
    dot,
    elu,
    exp,
    expm1,
    gelu,
    leaky_relu,
    log,
    log1p,
    logsumexp,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    relu,
    sigmoid,
    silu,
    sin,
    sinh,
    softplus,
    sqrt,
    step,
    sub,
    sum,
    tan,
    tanh,
    where,
)
from .primitive import PRIMITIVES, Domain, Primitive
from .recording import no_grad, source_lines
from .table import elementwise, variadic
from .value import Value

__all__ = [
    "PRIMITIVES", "Domain", "DomainError", "Node", "Primitive", "StaleGraphError", "Value", "abs", "add", "arccos",
    "arcsin", "arctan", "clip", "cos", "cosh", "div", "dot", "elementwise", "elu", "exp", "expm1", "gelu", "leaky_relu",
    "log", "log1p", "logsumexp", "maximum", "minimum", "mul", "neg", "no_grad", "pow", "relu", "sigmoid", "silu", "sin",
    "sinh", "softplus", "source_lines", "sqrt", "step", "sub", "sum", "tan", "tanh", "topological_order", "variadic",
    "where",
]  # fmt: skip
