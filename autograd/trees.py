"""Nested lists, tuples, dicts and arrays of objects, as a flat list of what they hold and the way back."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Rebuild: TypeAlias = Callable[[Sequence[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of ``tree`` in order, and the function that puts others in their places; see ``flatten_to_arrays`` too.

    >>> leaves, rebuild = flatten({"a": [1.0, (2.0,)], "b": 3.0})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> rebuild("xyz")
    {'a': ['x', ('y',)], 'b': 'z'}
    """
    return _flattened(tree, _opened)


def flatten_to_arrays(tree: Any) -> tuple[list[Any], Rebuild]:
    """``flatten``, but arrays are leaves, those of objects too."""
    return _flattened(tree, lambda part: ([], None) if isinstance(part, np.ndarray) else _opened(part))


def _flattened(tree: Any, opened: Callable[[Any], tuple[list[Any], Any]]) -> tuple[list[Any], Rebuild]:
    parts, together = opened(tree)
    if together is None:
        return [tree], _the_one
    inside = [_flattened(part, opened) for part in parts]
    if all(part is _the_one for _, part in inside):
        return parts, together
    leaves = [leaf for some, _ in inside for leaf in some]
    counts = [len(some) for some, _ in inside]

    def rebuild(new: Sequence[Any]) -> Any:
        start, built = 0, []
        for count, (_, part) in zip(counts, inside):
            built.append(part(new[start : start + count]))
            start += count
        return together(built)

    return leaves, rebuild


def _the_one(leaves: Sequence[Any]) -> Any:
    return leaves[0]


def leaves_like(like: Any, tree: Any) -> list[Any] | None:
    """The leaves of ``tree`` in the order of those of ``like``; None if the two are nested otherwise.

    Dicts go by their keys; lists, tuples and arrays stand for each other.

    >>> leaves_like({"a": 1.0, "b": [2.0]}, {"b": (3.0,), "a": 4.0})
    [4.0, 3.0]
    """
    parts, together = _opened(like)
    others, also = _opened(tree)
    if together is None:
        return None if also else [tree]
    if isinstance(tree, np.ndarray) and also is None:
        others = list(tree)
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            return None
        others = [tree[key] for key in like]
    elif isinstance(tree, dict) or len(others) != len(parts):
        return None
    found: list[Any] = []
    for part, other in zip(parts, others):
        some = leaves_like(part, other)
        if some is None:
            return None
        found += some
    return found


def _opened(tree: Any) -> tuple[list[Any], Rebuild | None]:
    if isinstance(tree, dict):
        return list(tree.values()), lambda parts: dict(zip(tree, parts))
    if isinstance(tree, tuple) and hasattr(tree, "_make"):  # a namedtuple
        return list(tree), type(tree)._make
    if isinstance(tree, list | tuple):
        return list(tree), tuple if isinstance(tree, tuple) else list
    if isinstance(tree, np.ndarray) and tree.dtype == object:
        return [tree[place] for place in np.ndindex(tree.shape)], lambda parts: _array_of(parts, tree.shape)
    return [], None


def _array_of(parts: Sequence[Any], shape: tuple[int, ...]) -> Any:
    array = np.empty(len(parts), object)
    for i, part in enumerate(parts):  # one by one, for NumPy would unpack what has a length
        array[i] = part
    return array.reshape(shape)
