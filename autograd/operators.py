"""Operators and methods of nodes, one line each, written once for both kinds of number."""

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Self, TypeAlias

from numpy.typing import NDArray

from . import ops
from .graph import Node
from .recording import witness

Operand: TypeAlias = float | Node | NDArray[Any]


class Operators(Node):
    """``+ - * / **``, comparisons on data, and the table's functions under NumPy's names (``np.exp(v)`` finds ``v.exp``)."""

    __slots__ = ()
    __array_priority__ = 1000.0  # NumPy's scalars and arrays leave binary operators to us

    # fmt: off
    def __add__(self, other: Operand) -> Self: return ops.add(self, other)
    def __radd__(self, other: float) -> Self: return ops.add(other, self)
    def __sub__(self, other: Operand) -> Self: return ops.sub(self, other)
    def __rsub__(self, other: float) -> Self: return ops.sub(other, self)
    def __mul__(self, other: Operand) -> Self: return ops.mul(self, other)
    def __rmul__(self, other: float) -> Self: return ops.mul(other, self)
    def __truediv__(self, other: Operand) -> Self: return ops.div(self, other)
    def __rtruediv__(self, other: float) -> Self: return ops.div(other, self)
    def __pow__(self, other: Operand) -> Self: return ops.pow(self, other)
    def __rpow__(self, other: float) -> Self: return ops.pow(other, self)
    def __neg__(self) -> Self: return ops.neg(self)
    def __pos__(self) -> Self: return self
    def __abs__(self) -> Self: return ops.abs(self)

    def __lt__(self, other: Operand) -> Any: return _compared(lt, self, other)
    def __le__(self, other: Operand) -> Any: return _compared(le, self, other)
    def __gt__(self, other: Operand) -> Any: return _compared(gt, self, other)
    def __ge__(self, other: Operand) -> Any: return _compared(ge, self, other)
    def __eq__(self, other: Any) -> Any: return _compared(eq, self, other)
    def __ne__(self, other: Any) -> Any: return _compared(ne, self, other)
    __hash__ = Node.__hash__  # a node is itself in sets and dicts, whatever its number

    def exp(self) -> Self: return ops.exp(self)
    def expm1(self) -> Self: return ops.expm1(self)
    def log(self) -> Self: return ops.log(self)
    def log2(self) -> Self: return ops.log(self) / 0.6931471805599453
    def log10(self) -> Self: return ops.log(self) / 2.302585092994046
    def log1p(self) -> Self: return ops.log1p(self)
    def sqrt(self) -> Self: return ops.sqrt(self)
    def abs(self) -> Self: return ops.abs(self)
    def sin(self) -> Self: return ops.sin(self)
    def cos(self) -> Self: return ops.cos(self)
    def tan(self) -> Self: return ops.tan(self)
    def sinh(self) -> Self: return ops.sinh(self)
    def cosh(self) -> Self: return ops.cosh(self)
    def tanh(self) -> Self: return ops.tanh(self)
    def arcsin(self) -> Self: return ops.arcsin(self)
    def arccos(self) -> Self: return ops.arccos(self)
    def arctan(self) -> Self: return ops.arctan(self)
    def sigmoid(self) -> Self: return ops.sigmoid(self)
    def softplus(self) -> Self: return ops.softplus(self)
    def relu(self) -> Self: return ops.relu(self)
    def leaky_relu(self, slope: Operand = 0.01) -> Self: return ops.leaky_relu(self, slope)
    def elu(self, alpha: Operand = 1.0) -> Self: return ops.elu(self, alpha)
    def gelu(self) -> Self: return ops.gelu(self)
    def silu(self) -> Self: return ops.silu(self)
    def step(self) -> Self: return ops.step(self)
    def conjugate(self) -> Self: return self  # np.var asks for it
    def clip(self, low: Operand, high: Operand) -> Self: return ops.clip(self, low, high)
    # fmt: on


def _compared(comparison: Callable[[Any, Any], Any], x: Node, y: Any) -> Any:
    if (by := witness()) is not None:
        return by.compared(comparison.__name__, x, y)
    return comparison(x._data, y._data if isinstance(y, Node) else y)
