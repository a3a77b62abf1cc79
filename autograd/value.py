"""Value: one real number on the graph."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np

from . import scalar
from .errors import DomainError
from .operators import Operators
from .recording import acted, check_exit, witness


class Value(Operators):
    """One real number that remembers how it was computed.

    Args:
        data: the number; kept as a float.
        label: the name it is drawn and reported under.
        requires_grad: False for a constant, which takes no gradient.

    Functions out of their domain, or too large for a float, raise ``DomainError``; ``+``, ``-`` and ``*`` overflow to ``inf``,
    as floats do.

    Raises:
        TypeError: if ``data`` is not a real number.
        DomainError: if it is too large for a float.

    >>> x = Value(3.0, label="x")
    >>> y = x * x * x
    >>> y.backward()
    >>> x
    Value(3, grad=27, label='x')
    """

    __slots__ = ()
    xp: ClassVar[Any] = scalar

    @staticmethod
    def coerce(data: Any) -> float:
        """``data`` as a float."""
        if type(data) is float:
            return data
        if isinstance(data, Real | np.bool_):
            try:
                return float(data)
            except OverflowError:
                raise DomainError("Value: the number is too large for a float, which ends at 1.8e308") from None
        if isinstance(data, np.ndarray):
            hint = "; make a Value of each element"
        else:
            hint = "; use it as it is, or its detach()" if isinstance(data, Value) else ""
        raise TypeError(f"Value holds a real number, not {type(data).__name__}{hint}")

    def item(self) -> float:
        """The number as a plain float, out of the graph."""
        return float(self)

    def __float__(self) -> float:
        check_exit(self)
        return float(self._data)

    def __bool__(self) -> bool:
        if (by := witness()) is not None:
            by.decided(self)
        return bool(self._data)

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        acted("makes text of a Value")
        return format(self._data, spec)

    def __repr__(self) -> str:
        acted("makes text of a Value")
        label = f", label={self.label!r}" if self.label else ""
        return f"Value({self._data:.6g}, grad={self.grad:.6g}{label})"

    # micrograd's names for what a node came from
    @property
    def _prev(self) -> tuple["Value", ...]:
        return self.inputs

    @property
    def _op(self) -> str:
        return self.op.symbol if self.op else ""
