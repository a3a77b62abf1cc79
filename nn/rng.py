"""How randomness is handed in: ``rng=`` takes a Generator, a seed, or None for a start that differs each time."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

# As text, since NumPy's random module takes long to import and most of a program's parts only pass it on.
Generator: TypeAlias = "np.random.Generator"
Rng: TypeAlias = "np.random.Generator | int | None"
