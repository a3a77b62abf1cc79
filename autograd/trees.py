"""Nested lists, tuples, dicts and arrays of objects, as a flat list of what they hold and the way back."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Rebuild: TypeAlias = Callable[[Sequence[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of ``tree`` in order, and the function that puts others in their places.

    >>> leaves, rebuild = flatten({"a": [1.0, (2.0,)], "b": 3.0})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> rebuild("xyz")
    {'a': ['x', ('y',)], 'b': 'z'}
    """
    parts, together = _opened(tree)
    if together is None:
        return [tree], lambda leaves: leaves[0]
    inside = [flatten(part) for part in parts]
    leaves = [leaf for some, _ in inside for leaf in some]
    counts = [len(some) for some, _ in inside]

    def rebuild(new: Sequence[Any]) -> Any:
        start, built = 0, []
        for count, (_, part) in zip(counts, inside):
            built.append(part(new[start : start + count]))
            start += count
        return together(built)

    return leaves, rebuild


def _opened(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any] | None]:
    if isinstance(tree, dict):
        return list(tree.values()), lambda parts: dict(zip(tree, parts))
    if isinstance(tree, tuple) and hasattr(tree, "_make"):  # a namedtuple
        return list(tree), type(tree)._make
    if isinstance(tree, list | tuple):
        return list(tree), tuple if isinstance(tree, tuple) else list
    if isinstance(tree, np.ndarray) and tree.dtype == object:
        return tree.ravel().tolist(), lambda parts: _array_of(parts, tree.shape)
    return [], None


def _array_of(parts: Sequence[Any], shape: tuple[int, ...]) -> Any:
    array = np.empty(len(parts), object)
    array[:] = parts
    return array.reshape(shape)
