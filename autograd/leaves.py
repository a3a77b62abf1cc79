"""Leaves that hold plain numbers, as one vector.

Leaves ...... the numbers and gradients of many, read and written at once
vector_of ... any numbers so
"""

from collections.abc import Iterable, Sequence
from itertools import compress
from numbers import Real
from struct import error, pack
from threading import RLock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from . import graph, recording
from .graph import Node

Floats = NDArray[np.float64]


class Leaves:
    """Leaves in a row; the same object for all who ask for the same ones.

    A program reads them as a vector, and an optimizer moves them by one; to go through the leaves takes longer than either. So
    each vector is kept until any leaf is written to in that respect, and what one of the two has written the other need not
    read.

    >>> from autograd import Value
    >>> w = Leaves.of([Value(1.0), Value(2.0)])
    >>> w.descend(np.array([0.5, 0.0]))
    >>> w.nodes
    [Value(0.5, grad=0), Value(2, grad=0)]
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = list(nodes)
        # Each beside the graph's count, as it then was, of what would change it.
        self._numbers: tuple[int, Floats] = -1, np.zeros(0)
        self._gradients: tuple[int, Floats] = -1, np.zeros(0)
        self._trained: tuple[int, list[bool]] = -1, []

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> "Leaves":
        """Those of ``nodes``, in that order."""
        nodes = list(nodes)
        return _known.setdefault(tuple(map(id, nodes)), cls(nodes))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).of, (self.nodes,)

    # What befalls leaves is counted after it was done, and a count looked at before what it counts; what is done here counts as
    # one more than what was known. So nothing is missed that another thread does meanwhile.

    def numbers(self) -> Floats:
        """What they hold, to read."""
        return self._counted_numbers()[1]

    def gradients(self) -> Floats:
        """Their gradients, to read.

        Raises:
            TypeError: one is no number.
        """
        return self._counted_gradients()[1]

    def trained(self) -> list[bool]:
        """Whether each takes a gradient, to read."""
        known = self._trained
        if known[0] != (switches := graph.switches):
            known = self._trained = switches, [x._requires_grad for x in self.nodes]
        return known[1]

    def zero_grad(self) -> None:
        """``leaf.zero_grad()`` for each."""
        gathered = graph.gathered
        graph.zero_grad(self.nodes)
        self._gradients = gathered + 1, _to_read(np.zeros(len(self.nodes)))

    def gather(self, gradients: Floats) -> None:
        """Add to their gradients; to none, if one can't be added to.

        Raises:
            TypeError: one is no number.
        """
        with _adding:
            gathered, before = self._counted_gradients()
            try:
                if before.any():
                    for x, g in zip(self.nodes, gradients.tolist()):
                        x._grad += g
                else:
                    for x, g in zip(self.nodes, gradients.tolist()):
                        x._grad = g
            finally:  # who breaks in may leave some written
                graph.count_gathered()
            self._gradients = gathered + 1, _to_read(before + gradients)

    def descend(self, step: Floats) -> None:
        """``leaf.descend(step)`` for each, in one moment; frozen ones stay."""
        recording.acted("moves parameters")
        (now, before), trained = self._counted_numbers(), self.trained()
        after = before - step
        data = after.tolist()
        if all(trained):
            graph.write(self.nodes, data)
        else:
            after = np.where(trained, after, before)
            graph.write(compress(self.nodes, trained), compress(data, trained))
        self._numbers = now + 1, _to_read(after)

    def _counted_numbers(self) -> tuple[int, Floats]:
        known = self._numbers
        if known[0] != (now := graph.now):
            known = self._numbers = now, vector_of([x._data for x in self.nodes])
        return known

    def _counted_gradients(self) -> tuple[int, Floats]:
        known = self._gradients
        if known[0] != (gathered := graph.gathered):
            gradients = [x._grad for x in self.nodes]
            try:
                known = self._gradients = gathered, vector_of(gradients)
            except error:
                odd = next(x for x, g in zip(self.nodes, gradients) if not isinstance(g, Real))
                raise TypeError(f"grad of {odd.name} is {odd._grad!r}; set it to 0 with zero_grad()") from None
        return known


_known: WeakValueDictionary[tuple[int, ...], Leaves] = WeakValueDictionary()
_adding = RLock()  # else what one thread adds to gradients of 0, another writes over


def _to_read(vector: Floats) -> Floats:
    """``vector``, which nobody writes to from here on: others are given the same one."""
    vector.setflags(write=False)
    return vector


def vector_of(numbers: Sequence[float]) -> Floats:
    """Plain numbers as a vector, to read; struct takes a third of NumPy's time for it, and refuses None.

    Raises:
        struct.error: one is no number.
    """
    return np.frombuffer(pack(f"{len(numbers)}d", *numbers))
