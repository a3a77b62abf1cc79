"""What a wrong derivative looks like, in words: a factor, a sign, a transposed matrix, a well-known formula gone wrong."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf, isfinite, nan, prod
from typing import Any

import numpy as np

_CLOSE = 1e-6


def slip(claimed: Any, true: Any, operands: Sequence[float] = (), z: float = nan) -> str:
    """The likely slip behind ``claimed`` where ``true`` is right, of numbers or of arrays; empty if none is known.

    Args:
        claimed: a derivative, or an array of them.
        true: the right one.
        operands: of the op, if it is one of numbers.
        z: its result.
    """
    claimed, true = np.asarray(claimed, float), np.asarray(true, float)
    if claimed.shape != true.shape or not np.all(np.isfinite(true)):
        return ""
    if not np.all(np.isfinite(claimed)):
        return "it is no finite number"
    if not np.any(claimed):
        return "the gradient never arrived (0)"
    if true.size == 1:
        return _of_numbers(float(claimed.reshape(())), float(true.reshape(())), operands, z)
    return _of_arrays(claimed, true)


def _alike(a: Any, b: Any) -> bool:
    scale = np.max(np.abs(b), initial=0.0)
    return bool(scale > 0 and np.all(np.abs(np.asarray(a) - b) <= _CLOSE * scale))


def _of_numbers(claimed: float, true: float, operands: Sequence[float], z: float) -> str:
    for formula, instead in _formulas(true, z):
        if _alike(claimed, formula[0]) and not _alike(claimed, true):
            return f"looks like {formula[1]}, not {instead}"
    ratio = claimed / true if true else inf
    if word := _factor(ratio):
        return word
    for i, x in enumerate(operands):
        for value, word in ((x, f"operand {i + 1}"), (1.0 / x if x else nan, f"1 / operand {i + 1}")):
            if isfinite(value) and _alike(ratio, value):
                return f"a factor of {word}"
            if isfinite(value) and _alike(claimed, value):
                return f"it says {word} itself"
    if isfinite(z) and (_alike(ratio, z) or (z and _alike(ratio, 1 / z))):
        return "a factor of the result" if _alike(ratio, z) else "a factor of 1 / the result"
    return f"relative error {abs(ratio - 1):.2g}" if isfinite(ratio) else ""


def _formulas(true: float, z: float) -> Iterator[tuple[tuple[float, str], str]]:
    if _alike(1 - z * z, true):
        for value, text in (((1 - z) ** 2, "(1 - y)²"), (1 - z, "1 - y"), (1 + z * z, "1 + y²"), (z * (1 - z), "y (1 - y)")):
            yield (value, text), "1 - y²"
    if _alike(z * (1 - z), true):
        for value, text in ((1 - z * z, "1 - y²"), (1 - z, "1 - y"), (z, "y"), (z * z, "y²")):
            yield (value, text), "y (1 - y)"


def _factor(ratio: float) -> str:
    if not isfinite(ratio):
        return ""
    if _alike(ratio, -1.0):
        return "the sign"
    for n in range(2, 65):
        for value, word in ((float(n), f"{n}"), (1.0 / n, f"1/{n}")):
            if _alike(abs(ratio), value):
                return f"a factor of {word}" + (" and the sign" if ratio < 0 else "")
    return ""


def _of_arrays(claimed: Any, true: Any) -> str:
    there = np.abs(true) > 1e-9 * np.max(np.abs(true))
    ratios = claimed[there] / true[there]
    if _alike(ratios, np.full(ratios.shape, ratios[0])) and _alike(claimed, true * ratios[0]):
        return _factor(float(ratios[0])) or f"relative error {abs(ratios[0] - 1):.2g} in every element"
    if true.ndim >= 2 and any(
        true.shape[a] == true.shape[b] and _alike(np.swapaxes(claimed, a, b), true) for a, b in pairwise(range(true.ndim))
    ):
        return "transposed"
    if true.ndim >= 2 and prod(true.shape) == claimed.size and _alike(claimed.reshape(true.shape[::-1]).T, true):
        return "transposed, and reshaped back"
    if _alike(np.sort(claimed, None), np.sort(true, None)):
        return "permuted: the right numbers at the wrong places"
    wrong = np.abs(claimed - true) > _CLOSE * np.max(np.abs(true))
    if wrong.sum() < true.size and not np.any(claimed[wrong]):
        return f"{int(wrong.sum())} of {true.size} elements got nothing"
    return f"{int(wrong.sum())} of {true.size} elements are wrong"
