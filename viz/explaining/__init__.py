"""Why a number is what it is.

explain ..... a gradient as a sum over paths, and why it is 0
nonfinite ... where the first nan or infinity was born
"""

from .explain import Explanation, explain
from .nonfinite import Nonfinite, nonfinite

__all__ = ["Explanation", "Nonfinite", "explain", "nonfinite"]
