"""Which of many numbers are the same.

NumPy's ``unique`` does this too, and loads masked arrays for it: that takes longer than a small program does to compile.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .form import Ids


def distinct(numbers: NDArray[Any]) -> tuple[Ids, Ids]:
    """For each number which of the distinct ones it is, in ascending order; and where each of these comes first.

    >>> distinct(np.array([7, 5, 7, 5]))
    (array([1, 0, 1, 0]), array([1, 0]))
    """
    order = np.argsort(numbers)
    ascending = numbers[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = ascending[1:] != ascending[:-1]
    which = np.empty(len(order), np.intp)
    which[order] = np.cumsum(is_new) - 1
    return which, np.minimum.reduceat(order, np.flatnonzero(is_new))
