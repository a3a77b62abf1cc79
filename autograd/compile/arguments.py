"""Arguments: the numbers in them, apart from how they are nested.

taken ..... numbers and arrays in a row, and the structure: what must be the same for the same program to do
Taken ..... the two, and the way back to what the function is called with
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Node
from ..trees import flatten

Array = NDArray[Any]
KINDS = "fiu"


@dataclass(slots=True, eq=False)
class Taken:
    """Arguments taken apart.

    ``numbers`` holds floats, whole numbers and arrays; ``structure`` compares equal for arguments that are nested alike, with
    numbers and arrays of the same shapes and kinds, and otherwise equal.
    """

    args: tuple[Any, ...]
    numbers: list[Any]
    structure: Hashable

    def with_numbers(self, new: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments with ``new`` in place of their numbers."""
        leaves, rebuild = flatten(self.args)
        numbers = iter(new)
        return rebuild([next(numbers) if is_number(leaf) else leaf for leaf in leaves])  # type: ignore[no-any-return]

    def numbers_of(self, example: int) -> list[Any]:
        """Those of one example of a batch."""
        return [x[example] if np.ndim(x) else x for x in self.numbers]

    @property
    def origins(self) -> list[int]:
        """For each of the numbers, which argument it is in."""
        return [i for i, x in enumerate(self.args) for leaf in flatten(x)[0] if is_number(leaf)]


def taken(args: tuple[Any, ...]) -> Taken:
    """``args`` taken apart."""
    numbers: list[Any] = []
    structure = tuple([_take(x, numbers.append) for x in args])
    return Taken(args, numbers, structure)


def taken_of_batch(args: tuple[Any, ...]) -> tuple[Taken, int]:
    """``args`` taken apart, whose arrays and lists have an example for each place along the first axis; and how many there are.

    The structure is that of one example. A single number is one for all examples.

    Raises:
        ValueError: their numbers of examples differ, or there are none; or a list is no rectangle.
    """
    args = tuple([_as_array(i, x) if isinstance(x, list | np.ndarray) else x for i, x in enumerate(args, 1)])
    numbers: list[Any] = []
    structure = tuple([_take(x, numbers.append, batch=True) for x in args])
    sizes = {len(x) for x in numbers if np.ndim(x)}
    if len(sizes) != 1 or 0 in sizes:
        found = f"arguments with {' and '.join(map(str, sorted(sizes)))} examples" if sizes else "no array"
        raise ValueError(
            f"compile: batch=True takes arrays with an example for each place along their first axis; found {found}"
        )
    return Taken(args, numbers, structure), sizes.pop()


def _as_array(i: int, x: Any) -> Any:
    if isinstance(x, np.ndarray) and x.dtype.kind in KINDS:
        return x
    try:
        array = np.array([e._data if isinstance(e, Node) else e for e in x])
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in KINDS:
        came = f"an array of {array.dtype}" if array.shape else "rows of different lengths"
        raise ValueError(f"compile: with batch=True argument {i} is a rectangle of numbers, an example in each row; not {came}")
    return array


def _take(x: Any, put: Callable[[Any], None], batch: bool = False) -> Hashable:
    kind = type(x)
    if kind is float:
        put(x)
        return float
    if kind is np.ndarray and x.dtype.kind in KINDS:
        put(x)
        return x.shape[batch:], x.dtype.kind == "f"
    if isinstance(x, dict):
        return kind, *[(key, _take(part, put, batch)) for key, part in x.items()]
    if isinstance(x, list | tuple):
        return kind, *[_take(part, put, batch) for part in x]
    if kind is np.ndarray and x.dtype == object:
        return x.shape, *[_take(part, put, batch) for part in x.ravel().tolist()]
    if is_number(x):
        x = x._data if isinstance(x, Node) else x
        put(x)
        return float if type(x) is float else (np.shape(x)[batch:], is_floating(x), bool(np.ndim(x)))
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype.str, x.tobytes()
    try:
        hash(x)
    except TypeError:
        raise TypeError(
            f"compile: arguments are numbers, arrays, lists, tuples and dicts of them, or what has a hash; not {kind.__name__}"
        ) from None
    return kind, x


def is_floating(x: Any) -> bool:
    """Whether a number or an array is one of floats, not of whole numbers."""
    return isinstance(x, float) or (isinstance(x, np.ndarray | np.generic) and x.dtype.kind == "f")


def is_number(x: Any) -> bool:
    """Whether ``x`` is a number, or an array of them, that a program reads anew in each run."""
    if isinstance(x, Node):
        return True
    if isinstance(x, bool | np.bool_):
        return False
    return isinstance(x, float | int | np.integer | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind in KINDS)
