"""Examples and their targets, as a model takes them: batch by batch, and held out."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor
from autograd.graph import constant

from .kinds import given
from .module import Module
from .rng import Generator

Rows = NDArray[np.int64]


class Examples:
    """``x`` and ``y`` as constants of the kind and dtype that ``model`` is made of; ``examples[rows]`` is a batch.

    An example is a row: of bare numbers, each is one of a single feature.

    Args:
        model: what is to take them.
        x: the examples.
        y: their targets.
        asking: in whose name to refuse them.

    Raises:
        ValueError: there is not one target for each example, or there is none; or examples differ in shape.
        TypeError: they are no numbers.
    """

    def __init__(self, model: Module, x: Any, y: Any, asking: str = "fit") -> None:
        like = next((block for _, block in model._blocks()), None)
        self._are_tensors = isinstance(like, Tensor)
        x, y = _rows(asking, "examples", x), _rows(asking, "targets", y)
        if len(x) != len(y) or not len(x):
            raise ValueError(
                f"{asking}: {len(x)} examples and {len(y)} targets; pass one target for each example, and at least one"
            )
        if x.ndim == 1:
            x = x[:, None]
        if isinstance(like, Tensor):
            self.x = x.astype(like.dtype, copy=False)
            self.y = y.astype(like.dtype, copy=False) if y.dtype.kind == "f" else y
        else:
            self.x, self.y = given(like, x), y

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def checksum(self) -> str:
        """What tells these examples from others."""
        digest = hashlib.sha256(repr((self.x.shape, self.y.shape)).encode())
        for array in (self.x, self.y):
            numbers = array if array.dtype != object else np.array([float(number) for number in array.flat])
            digest.update(np.ascontiguousarray(numbers).tobytes())
        return digest.hexdigest()

    def __getitem__(self, rows: Any) -> tuple[Any, Any]:
        x = self.x[rows]
        return constant(Tensor, x) if self._are_tensors else x, self.y[rows]

    def part(self, rows: Rows) -> "Examples":
        """Only these."""
        part: Examples = object.__new__(Examples)
        part.x, part.y, part._are_tensors = self.x[rows], self.y[rows], self._are_tensors
        return part

    def in_order(self, size: int) -> Iterator[tuple[Any, Any]]:
        """Batch after batch, as they stand."""
        return (self[start : start + size] for start in range(0, len(self), size))


def _rows(asking: str, what: str, rows: Any) -> NDArray[Any]:
    """``rows`` as an array of their own."""
    if hasattr(rows, "x") and hasattr(rows, "y"):
        raise TypeError(
            f"{asking}: {what} are an array or a list of numbers; of a {type(rows).__name__} pass data.x and data.y"
        )
    try:
        array = np.array(rows.data if isinstance(rows, Tensor) else rows)
    except ValueError:
        raise ValueError(f"{asking}: {what} differ in shape; pass a rectangle of numbers, one row for each example") from None
    except TypeError as error:
        raise TypeError(f"{asking}: {what} are an array or a list of numbers, not {type(rows).__name__}: {error}") from None
    if not array.ndim:
        raise TypeError(f"{asking}: {what} are an array or a list of numbers, not {type(rows).__name__}")
    if array.dtype.kind not in "biufO":
        way_out = "; number them: np.unique(y, return_inverse=True)" if what == "targets" else ""
        raise TypeError(f"{asking}: {what} are numbers, not {array.dtype.type.__name__}{way_out}")
    return array


def hold_out(n: int, share: Any, rng: Generator) -> Rows:
    """The places of those to judge by, drawn at random from ``n``.

    Raises:
        TypeError: ``share`` is no number.
        ValueError: it does not leave at least one on each side.
    """
    if isinstance(share, bool) or not isinstance(share, Real):
        way_out = "; of it pass (data.x, data.y)" if hasattr(share, "x") and hasattr(share, "y") else ""
        raise TypeError(f"fit: validation is (x, y), or a share such as 0.2; not {share!r}{way_out}")
    share = float(share)
    held = round(share * n) if 0 < share < 1 else 0
    if not 0 < held < n:
        raise ValueError(f"fit: validation={share} of {n} examples leaves none on one side; pass a share between 0 and 1")
    return np.sort(rng.permutation(n)[:held])
