"""Parameters: Values in any nesting, beside their numbers as one vector."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from struct import error, pack, pack_into
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Node
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
        self._blocks: list[tuple[slice | NDArray[np.intp], tuple[int, ...]]] = []  # where each is in the vector, and its shape
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
        self.nodes: list[Node] = list(places)
        self._room = np.empty(len(self.nodes))
        self._format = f"{len(self.nodes)}d"  # which is packed more quickly than NumPy reads floats one by one

    def read(self) -> Floats:
        """Their numbers."""
        return read(self.nodes)

    def read_into(self, vector: Floats) -> None:
        """Write their numbers into ``vector``."""
        pack_into(self._format, vector.data.cast("B"), 0, *[x._data for x in self.nodes])

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
        before = [x._data for x in self.nodes]
        for x, number in zip(self.nodes, vector.tolist()):
            x._data = number
        try:
            yield
        finally:
            for x, number in zip(self.nodes, before):
                x._data = number

    def nested(self, vector: Floats) -> Any:
        """A vector as arrays and floats, nested like the parameters."""
        arrays = [np.array(vector[places]).reshape(shape) for places, shape in self._blocks]
        return self._nest([x if x.ndim else float(x) for x in arrays])


def _hint(x: Any) -> str:
    if hasattr(x, "parameters"):
        return "; pass its parameters()"
    if callable(x):
        return "; call it, and pass what it gives"
    if isinstance(x, Real):
        return "; make it one, Value(x)"
    return "; pass a list of it" if isinstance(x, Iterable) and not isinstance(x, Node) else ""


def packed(numbers: Sequence[float]) -> bytes | None:
    """Numbers as a vector's bytes, which is quicker than through NumPy; None if something else is among them."""
    try:
        return pack(f"{len(numbers)}d", *numbers)
    except error:
        return None


def read(nodes: Sequence[Node]) -> Floats:
    """Their numbers."""
    return np.frombuffer(array("d", [x._data for x in nodes])) if nodes else np.zeros(0)  # sooner done than np.fromiter
