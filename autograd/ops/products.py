"""Products of arrays: matrices, and any sum of products that letters can name."""

import string
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..arrays import axes_of
from ..primitive import example
from ..table import primitive, variadic_primitive
from .elementwise import XP, X, mul
from .shapes import anything, index, reshape, transpose


def _matmul_left_vjp(xp: XP, g: X, z: X, a: X, b: X) -> X:
    if len(b.shape) == 1:
        return xp.reshape(g, (*g.shape, 1)) * b  # (m)(k) -> (m, k)
    if len(a.shape) == 1:
        g = xp.reshape(g, (*g.shape[:-1], 1, g.shape[-1]))
        c = g @ b.mT  # (1, n)(n, k) -> (1, k)
        return xp.reshape(c, (*c.shape[:-2], c.shape[-1]))
    return g @ b.mT  # (m, n)(n, k) -> (m, k)


def _matmul_right_vjp(xp: XP, g: X, z: X, a: X, b: X) -> X:
    if len(a.shape) == 1 == len(b.shape):
        return a * g
    if len(a.shape) == 1:
        return xp.reshape(a, (-1, 1)) * xp.reshape(g, (*g.shape[:-1], 1, g.shape[-1]))  # (k, 1)(1, n) -> (k, n)
    if len(b.shape) == 1:
        return xp.sum(a * xp.reshape(g, (*g.shape, 1)), tuple(range(len(a.shape) - 1)))  # (m, k)(m, 1) -> (k)
    return a.mT @ g  # (k, m)(m, n) -> (k, n)


@primitive(
    _matmul_left_vjp,
    _matmul_right_vjp,
    examples=(
        example((2, 3), (3, 4)),
        example((3,), (3,)),
        example((3,), (3, 2)),
        example((2, 3), (3,)),
        example((2, 2, 3), (3, 2)),
        example((2, 1, 2, 3), (4, 3, 2)),
        example((3,), (2, 3, 2)),
        example((2, 2, 3), (3,)),
    ),
    symbol="@",
)
def matmul(xp: XP, a: X, b: X) -> X:
    """Matrix product, ``z = a @ b``, for ``a: (…, m, k)`` and ``b: (…, k, n)``; a vector is a row on the left, a column on the
    right, and stacks of matrices broadcast."""
    return xp.matmul(a, b)


@primitive(
    lambda xp, g, z, x, weight, bias: _matmul_left_vjp(xp, g, z, x, weight),
    lambda xp, g, z, x, weight, bias: _matmul_right_vjp(xp, g, z, x, weight),
    lambda xp, g, z, x, weight, bias: g,
    examples=(
        example((2, 3), (3, 4), (4,)),
        example((3,), (3, 2), (2,)),
        example((2, 2, 3), (3, 2), (2,)),
        example((2, 3), (3,), (2,)),
    ),
)
def linear(xp: XP, x: X, weight: X, bias: X) -> X:
    """Affine map, ``z = x @ weight + bias``, for ``x: (…, k)``, ``weight: (k, n)`` and ``bias: (n,)``; or for one output alone,
    ``weight: (k,)`` and ``bias: ()``. Of Values, each element is one ``dot`` node."""
    shape = weight.shape
    if x.shape[-1:] != shape[:1] or not 0 < len(shape) < 3:
        raise ValueError(f"linear wants weight of shape (k, n) or (k,) for x of shape (…, k), not {shape} for {x.shape}")
    return xp.linear(x, weight, bias)


def _einsum_vjp(xp: XP, g: X, z: X, operands: Sequence[X], i: int, subscripts: str) -> X:
    letters, out = subscripts.split("->")
    terms = letters.split(",")
    mine, others = terms[i], [*terms[:i], *terms[i + 1 :]]
    known = set("".join(others)) | set(out)
    lonely = "".join([letter for letter in mine if letter not in known])  # summed in this operand alone
    lengths = dict(zip(mine, operands[i].shape))
    ones = [xp.ones_like(g, shape=tuple([lengths[letter] for letter in lonely]))] if lonely else []
    spelled = ",".join([out, *others, *[lonely] * len(ones)]) + "->" + mine
    return xp.einsum(spelled, g, *operands[:i], *operands[i + 1 :], *ones)


@variadic_primitive(
    _einsum_vjp,
    examples=(
        example((2, 3), (3, 2), subscripts="ij,jk->ik"),
        example((2, 3), subscripts="ij->j"),
        example((2, 3), (3,), (2,), subscripts="ij,j,i->"),
        example((2, 2, 3), (2, 3, 2), subscripts="bij,bjk->bik"),
    ),
)
def einsum_n(xp: XP, operands: Sequence[X], subscripts: str = "") -> X:
    """Sum of products of operands whose axes are named by letters, each once in an operand: ``ij,jk->ik``."""
    return xp.einsum(subscripts, *operands)


def einsum(subscripts: str, *operands: Any) -> Any:
    """``np.einsum``: the sum of products that the letters name, ``einsum("ij,jk->ik", a, b)``.

    Args:
        subscripts: a name for each axis of each operand, ``...`` for axes that broadcast, and those of the result.
        operands: arrays.

    Raises:
        ValueError: letters and axes differ in number.
    """
    if not isinstance(subscripts, str):
        raise TypeError(f"einsum takes subscripts such as 'ij,jk->ik' first, not {type(subscripts).__name__}")
    seen = [anything(x, "einsum") for x in operands]
    shapes = [x.shape for x in seen]
    terms, out = _spelled_out(subscripts, shapes)
    plain = _without_stretched([_on_diagonals(x, term) for x, term in zip(seen, terms)])
    return einsum_n(*[x for x, _ in plain], subscripts=",".join([term for _, term in plain]) + "->" + out)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """``np.tensordot``: the sum of products over ``axes`` of each; the last ``n`` and the first ``n``, if it is a number."""
    a, b = anything(a, "tensordot"), anything(b, "tensordot")
    if isinstance(axes, int):
        axes = (range(len(a.shape) - axes, len(a.shape)), range(axes))
    lost_a, lost_b = [axes_of(_several(some), len(x.shape)) for x, some in zip((a, b), axes, strict=True)]
    if [a.shape[i] for i in lost_a] != [b.shape[i] for i in lost_b]:
        raise ValueError(f"tensordot: shapes {a.shape} and {b.shape} don't go together along axes {lost_a} and {lost_b}")
    left = [i for i in range(len(a.shape)) if i not in lost_a]
    right = [i for i in range(len(b.shape)) if i not in lost_b]
    n = prod([a.shape[i] for i in lost_a])
    flat_a = reshape(transpose(a, (*left, *lost_a)), (prod([a.shape[i] for i in left]), n))
    flat_b = reshape(transpose(b, (*lost_b, *right)), (n, prod([b.shape[i] for i in right])))
    return reshape(flat_a @ flat_b, (*[a.shape[i] for i in left], *[b.shape[i] for i in right]))


def dot(a: Any, b: Any) -> Any:
    """``np.dot``: of numbers the product, of vectors the sum of products, of matrices the matrix product, of larger arrays the
    sum over the last axis of ``a`` and the last but one of ``b``. Of Values, one node of many operands.

    A perceptron's sum with its bias is ``weighted_sum``.
    """
    a, b = anything(a, "dot"), anything(b, "dot")
    if not a.shape or not b.shape:
        return mul(a, b)
    return matmul(a, b) if len(a.shape) <= 2 and len(b.shape) <= 2 else tensordot(a, b, (-1, max(len(b.shape) - 2, 0)))


def inner(a: Any, b: Any) -> Any:
    """``np.inner``: the sum of products over the last axis of each."""
    a, b = anything(a, "inner"), anything(b, "inner")
    return tensordot(a, b, (-1, -1)) if a.shape and b.shape else mul(a, b)


def outer(a: Any, b: Any) -> Any:
    """``np.outer``: every product of an element of ``a`` and one of ``b``."""
    return mul(reshape(anything(a, "outer"), (-1, 1)), reshape(anything(b, "outer"), (1, -1)))


def _several(axes: Any) -> tuple[int, ...]:
    return (axes,) if isinstance(axes, int) else tuple(axes)


def _spelled_out(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with ``...`` replaced by letters and the result written down.

    Raises:
        ValueError: operands and letters differ in number.
    """
    subscripts = subscripts.replace(" ", "")
    letters, arrow, out = subscripts.partition("->")
    terms = letters.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: '{subscripts}' names {len(terms)} operands and got {len(shapes)}")
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    widths = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes)]
    for term, width, shape in zip(terms, widths, shapes):
        if width < 0 or (width and "..." not in term):
            raise ValueError(f"einsum: '{term}' names {len(term.replace('...', ''))} axes of an operand of shape {shape}")
    widest = max([width for term, width in zip(terms, widths) if "..." in term], default=0)
    dots = "".join(free[:widest])
    if not arrow:
        plain = letters.replace(",", "").replace("...", "")
        out = ("..." if "..." in letters else "") + "".join(sorted(x for x in set(plain) if plain.count(x) == 1))
    terms = [term.replace("...", dots[len(dots) - width :]) for term, width in zip(terms, widths)]
    return terms, out.replace("...", dots)


def _without_stretched(operands: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """The operands without axes of length 1 that stand for longer ones of the same name."""
    longest: dict[str, int] = {}
    for a, term in operands:
        for letter, n in zip(term, a.shape):
            longest[letter] = max(n, longest.get(letter, 1))
    plain = []
    for a, term in operands:
        if any(n == 1 < longest[letter] for letter, n in zip(term, a.shape)):
            left = [(letter, n) for letter, n in zip(term, a.shape) if not n == 1 < longest[letter]]
            a, term = reshape(a, tuple([n for _, n in left])), "".join([letter for letter, _ in left])
        plain.append((a, term))
    return plain


def _on_diagonals(a: Any, term: str) -> tuple[Any, str]:
    """``a`` with axes of one name taken along their diagonal, and its letters, of which none comes twice."""
    for letter in dict.fromkeys(term):
        places = [i for i, other in enumerate(term) if other == letter]
        if len(places) > 1:
            lengths = {a.shape[i] for i in places}
            if len(lengths) > 1:
                raise ValueError(f"einsum: '{letter}' names axes of lengths {' and '.join(map(str, sorted(lengths)))}")
            rest = [i for i in range(len(term)) if i not in places]
            along = np.arange(lengths.pop())
            a = index(transpose(a, (*places, *rest)), (along,) * len(places))
            term = letter + "".join([term[i] for i in rest])
    return a, term
