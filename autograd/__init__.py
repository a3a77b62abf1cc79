"""Scalar reverse-mode automatic differentiation that you can step through.

>>> from autograd import Value
>>> x = Value(2.0, label="x")
>>> y = x**3 + 1
>>> y.backward()
>>> x.grad
12.0
"""

from .checkpointing import checkpoint
from .errors import DomainError, StaleGraphError
from .graph import Node, topological_order
from .ops import (
    abs,
    add,
    add_n,
    arccos,
    arcsin,
    arctan,
    argmax,
    argmin,
    astype,
    avg_pool,
    broadcast_to,
    clip,
    concatenate,
    conv1d,
    conv2d,
    cos,
    cosh,
    cumsum,
    diag,
    diagonal,
    div,
    dot,
    einsum,
    elu,
    exp,
    expand_dims,
    expm1,
    flip,
    gelu,
    index,
    inner,
    leaky_relu,
    log,
    log1p,
    log_softmax,
    logaddexp,
    logsumexp,
    matmul,
    max,
    max_pool,
    maximum,
    mean,
    min,
    minimum,
    moveaxis,
    mul,
    ndim,
    neg,
    norm,
    outer,
    pad,
    positive,
    pow,
    prod,
    ravel,
    relu,
    reshape,
    shape,
    sigmoid,
    silu,
    sin,
    sinh,
    size,
    softmax,
    softplus,
    split,
    sqrt,
    squeeze,
    stack,
    std,
    step,
    sub,
    sum,
    swapaxes,
    take,
    tan,
    tanh,
    tensordot,
    trace,
    transpose,
    var,
    weighted_sum,
    where,
)
from .primitive import PRIMITIVES, Domain, Example, Primitive, example
from .recording import no_grad, source_lines
from .table import elementwise, primitive, variadic, variadic_primitive
from .tape import GradientTape
from .tensor import Tensor
from .transforms import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .value import Value

__all__ = [
    "Domain", "DomainError", "Example", "GradientTape", "Node", "PRIMITIVES", "Primitive", "StaleGraphError", "Tensor",
    "Value", "abs", "add", "add_n", "arccos", "arcsin", "arctan", "argmax", "argmin", "astype", "avg_pool", "broadcast_to",
    "checkpoint", "clip", "concatenate", "conv1d", "conv2d", "cos", "cosh", "cumsum", "diag", "diagonal", "div", "dot",
    "einsum", "elementwise", "elementwise_grad", "elu", "example", "exp", "expand_dims", "expm1", "flip", "gelu", "grad",
    "hessian", "hvp", "index", "inner", "jacobian", "jvp", "leaky_relu", "log", "log1p", "log_softmax", "logaddexp",
    "logsumexp", "matmul", "max", "max_pool", "maximum", "mean", "min", "minimum", "moveaxis", "mul", "ndim", "neg",
    "no_grad", "norm", "outer", "pad", "positive", "pow", "primitive", "prod", "ravel", "relu", "reshape", "shape", "sigmoid",
    "silu", "sin", "sinh", "size", "softmax", "softplus", "source_lines", "split", "sqrt", "squeeze", "stack", "std", "step",
    "sub", "sum", "swapaxes", "take", "tan", "tanh", "tensordot", "topological_order", "trace", "transpose", "value_and_grad",
    "var", "variadic", "variadic_primitive", "vjp", "weighted_sum", "where",
]  # fmt: skip
