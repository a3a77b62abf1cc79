"""What a setting may be."""

from numbers import Real
from typing import Any


def is_number(x: Any) -> bool:
    """Whether ``x`` is a real number, Python's or NumPy's, which can be held against bounds."""
    return isinstance(x, Real)
