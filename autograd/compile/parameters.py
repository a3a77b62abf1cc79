"""Parameters: Values in any nesting, beside their numbers as one vector."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np

from ..graph import Node, holding
from ..leaves import Leaves
from ..trees import flatten_to_arrays, leaves_like
from ..value import Value
from .form import Floats


class Parameters:
    """The Values in ``tree``, each once, in order.

    Raises:
        TypeError: it holds something else, or what was computed.
    """

    def __init__(self, tree: Any) -> None:
        blocks, self._nest = flatten_to_arrays(tree)
        places: dict[Node, int] = {}
        self._blocks: list[tuple[Any, tuple[int, ...]]] = []  # where each is in the vector, and its shape
        for block in blocks:
            leaves = block.ravel().tolist() if isinstance(block, np.ndarray) else [block]
            for x in leaves:
                if not isinstance(x, Value) or x.op is not None:
                    what = x.name if isinstance(x, Node) else type(x).__name__
                    hint = _hint(x)
                    raise TypeError(f"compile: parameters are Values that were not computed, in any nesting; not {what}{hint}")
                places.setdefault(x, len(places))
            found = [places[x] for x in leaves]
            shape = block.shape if isinstance(block, np.ndarray) else ()
            in_row = found == list(range(found[0], found[0] + len(found))) if found else False
            self._blocks.append((slice(found[0], found[0] + len(found)) if in_row else np.array(found, np.intp), shape))
        self.leaves = Leaves.of(places)
        self.nodes = self.leaves.nodes
        self._room = np.empty(len(self.nodes))

    def read(self) -> Floats:
        """Their numbers."""
        return self.leaves.numbers().copy()

    def read_into(self, vector: Floats) -> None:
        """Write their numbers into ``vector``."""
        vector[...] = self.leaves.numbers()

    def trained(self) -> list[bool]:
        """Whether each takes a gradient."""
        return self.leaves.trained()

    def vector(self, numbers: Any) -> Floats:
        """``numbers``, nested like the parameters or a vector already, as a vector, which is written to again next time.

        Raises:
            ValueError: they are nested otherwise, or a shape differs.
        """
        if isinstance(numbers, np.ndarray) and numbers.shape == (len(self.nodes),):
            return np.asarray(numbers, float)
        parts = leaves_like(self._nest(range(len(self._blocks))), numbers)
        shapes = [shape for _, shape in self._blocks]
        if parts is None or [np.shape(x) for x in parts] != shapes:
            raise ValueError(
                f"compile: numbers for the parameters are nested like them, or a vector of {len(self.nodes)}; "
                f"expected shapes {shapes}"
            )
        for (places, _), x in zip(self._blocks, parts):
            self._room[places] = np.ravel(x)
        return self._room

    @contextmanager
    def holding(self, vector: Floats) -> Iterator[None]:
        """The Values hold these numbers meanwhile."""
        with holding(self.nodes, vector.tolist()):
            yield

    def nested(self, vector: Floats) -> Any:
        """A vector as arrays and floats, nested like the parameters."""
        blocks = self._blocks
        return self._nest([np.array(vector[at]).reshape(shape) if shape else vector.item(at.start) for at, shape in blocks])


def _hint(x: Any) -> str:
    if hasattr(x, "parameters"):
        return "; pass its parameters()"
    if callable(x):
        return "; call it, and pass what it gives"
    if isinstance(x, Real):
        return "; make it one, Value(x)"
    return "; pass a list of it" if isinstance(x, Iterable) and not isinstance(x, Node) else ""
