"""Canonical form: whatever adds, subtracts, negates, scales and multiplies becomes sums of products.

A chain of sums of which each is used once is one sum; a product used once, in a sum, is a term of it; negation and scaling are
weights. Done for all nodes at once: what a node hangs on is found by doubling the steps up, as in pointer jumping.

Source: pointer jumping, JáJá, *An Introduction to Parallel Algorithms* (1992), section 2.2.
"""

from dataclasses import dataclass

import numpy as np

from .distinct import distinct
from .form import NONE, SUM, Floats, Form, Ids, Truths
from .record import Record

ARGUMENT, PARAMETER = 1, 2  # what a number depends on
SIGNS = {"add": (1.0, 1.0), "sub": (1.0, -1.0), "neg": (-1.0,), "positive": (1.0,), "add_n": None}


@dataclass
class _Terms:
    """``weight · left · right`` for ``owner``."""

    owner: Ids
    weight: Floats
    left: Ids
    right: Ids

    def __getitem__(self, chosen: Ids | Truths) -> "_Terms":
        return _Terms(self.owner[chosen], self.weight[chosen], self.left[chosen], self.right[chosen])


def canonical(record: Record, batch: bool = False) -> Form:
    """``record`` in canonical form; with ``batch``, arguments differ from example to example."""
    first, n = record.first_node, len(record.row)
    counts = np.diff(record.start)
    is_sum, offset, terms = _sums(record)
    # A sum of one term of one factor is another number, scaled: what uses it may use that one.
    terms_of = np.bincount(terms.owner, minlength=n)
    alone = np.zeros(first + n, bool)
    of_lone = (terms_of[terms.owner] == 1) & (terms.right == NONE) & (offset[terms.owner] == 0.0)
    alone[first + terms.owner[of_lone]] = True
    base, scale = np.arange(first + n), np.ones(first + n)
    base[first + terms.owner[of_lone]] = terms.left[of_lone]
    scale[first + terms.owner[of_lone]] = terms.weight[of_lone]
    _jump(base, scale, alone)
    of_alone = alone[first + terms.owner]
    itself = first + terms.owner[of_alone]
    terms.weight = terms.weight * scale[terms.left] * np.where(terms.right == NONE, 1.0, scale[terms.right])
    terms.left, terms.right = base[terms.left], np.where(terms.right == NONE, NONE, base[terms.right])
    terms.weight[of_alone], terms.left[of_alone] = scale[itself], base[itself]
    # Rows, and what is asked for, want the number itself.
    owners = np.repeat(np.arange(n), counts)
    of_row = ~is_sum[owners]
    operands = record.operands.copy()
    operands[of_row] = _itself(operands[of_row], base, scale)
    outputs = _itself(record.outputs, base, scale)
    asked = np.concatenate([operands[of_row], outputs, terms.left[~of_alone], terms.right[terms.right != NONE]])
    kept = ~alone[first:]
    kept[asked[asked >= first] - first] = True
    while (more := terms.left[of_alone & kept[terms.owner]]).size and not kept[(more := more[more >= first] - first)].all():
        kept[more] = True  # whose scale was too large to follow further
    # Sums used once, in a sum, join it.
    terms = terms[kept[terms.owner]]
    used = [terms.left, terms.right[terms.right != NONE], operands[of_row & kept[owners]], outputs, outputs]
    uses = np.bincount(np.concatenate(used), minlength=first + n)
    joins = np.flatnonzero((terms.right == NONE) & (terms.left >= first) & (uses[terms.left] == 1))
    inner = terms.left[joins] - first
    many = terms_of + (offset != 0.0) > 1
    least = np.ones(n)
    least[terms.owner] = terms.weight  # of those that have one term, its weight
    is_product = np.zeros(n, bool)
    is_product[terms.owner[terms.right != NONE]] = True
    is_product &= ~many
    alike = _is_tame(terms.weight[joins]) & _is_tame(least)[inner] & is_product[inner]
    fit = is_sum[inner] & ((np.abs(terms.weight[joins]) == 1.0) | alike)
    joins, inner = joins[fit], inner[fit]
    whole, factor = np.arange(n), np.ones(n)
    joined = np.zeros(n, bool)
    joined[inner] = True
    whole[inner], factor[inner] = terms.owner[joins], terms.weight[joins]
    _jump(whole, factor, joined)
    total = np.bincount(whole, offset * factor, n).astype(float)
    stays = np.ones(len(terms.owner), bool)
    stays[joins] = False
    terms = terms[stays]
    terms.weight, terms.owner = terms.weight * factor[terms.owner], whole[terms.owner]
    kept &= ~joined
    return _numbered(record, batch, is_sum, kept, total, _merged(terms), owners, of_row, operands, outputs)


def _merged(terms: _Terms) -> _Terms:
    """Terms of the same factors as one, so that what cancels does so without a trace."""
    a, b = np.minimum(terms.left, terms.right), np.maximum(terms.left, terms.right)
    order = np.lexsort((b, a, terms.owner))
    owner, a, b = terms.owner[order], a[order], b[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (owner[1:] != owner[:-1]) | (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    if is_new.all():
        return terms
    which = np.empty(len(order), np.intp)
    which[order] = np.cumsum(is_new) - 1
    first = order[is_new]
    weight = np.bincount(which, terms.weight)
    gone = (np.bincount(which) > 1) & (weight == 0.0)
    owner = terms.owner[first]
    gone &= (np.bincount(owner)[owner] > np.bincount(owner, gone)[owner]) | ~_is_first(owner)  # a sum keeps one term
    stays = np.sort(first[~gone])
    merged = terms[stays]
    merged.weight = weight[which[stays]]
    return merged


def _is_first(owner: Ids) -> Truths:
    """Of each of the owners the first place."""
    first = np.zeros(len(owner), bool)
    first[distinct(owner)[1]] = True
    return first


def _itself(ids: Ids, base: Ids, scale: Floats) -> Ids:
    """``ids``, or what each is equal to."""
    return np.where(scale[ids] == 1.0, base[ids], ids)


def _jump(target: Ids, factor: Floats, moves: Truths) -> None:
    """Follow ``target`` to the ends, multiplying factors on the way, as far as they stay tame."""
    moving = np.flatnonzero(moves & moves[np.where(moves, target, 0)])
    while len(moving):
        ahead = target[moving]
        product = factor[moving] * factor[ahead]
        tame = _is_tame(product)
        moving, ahead = moving[tame], ahead[tame]
        factor[moving] = product[tame]
        target[moving] = target[ahead]
        moving = moving[moves[target[moving]]]


def _is_tame(weights: Floats) -> Truths:
    """Whether a few of them can be multiplied without leaving the range of floats."""
    size = np.abs(weights)
    return np.asarray((size < 1e90) & ((size > 1e-90) | (size == 0.0)))


def _sums(record: Record) -> tuple[Truths, Floats, _Terms]:
    """Which nodes are sums of products, their offsets, and their terms in order."""
    n, c = len(record.row), len(record.constants)
    names = [row.name for row in record.rows]
    counts = np.diff(record.start)
    owners = np.repeat(np.arange(n), counts)
    slots = np.arange(len(owners)) - record.start[owners]
    of = record.row[owners]
    numbers = np.append(record.constants, 1.0)  # by id; past the end, for what is no constant
    number_of = numbers[np.minimum(record.operands, c)]
    is_number = record.operands < c

    def code(name: str) -> int:
        return names.index(name) if name in names else -2

    parts: list[tuple[Ids, Floats, Ids, Ids]] = []  # place among the edges, weight, left, right
    linear = np.zeros(len(names) + 1, bool)
    sign = np.ones(len(owners))
    for name, signs in SIGNS.items():
        if (i := code(name)) >= 0:
            linear[i] = True
            if signs:
                here = of == i
                sign[here] = np.array(signs)[slots[here]]
    edges = np.flatnonzero(linear[of])
    parts.append((edges, sign[edges], record.operands[edges], np.full(len(edges), NONE)))

    def pairs(lefts: Ids, rights: Ids) -> None:
        parts.append((lefts, np.ones(len(lefts)), record.operands[lefts], record.operands[rights]))

    of_mul = np.flatnonzero(record.row == code("mul"))
    pairs(record.start[of_mul], record.start[of_mul] + 1)
    if (i := code("weighted_sum")) >= 0:
        linear[i] = True
        of_dot, half = of == i, counts[owners] // 2
        lefts = np.flatnonzero(of_dot & (slots < half))
        pairs(lefts, lefts + half[lefts])
        biases = np.flatnonzero(of_dot & (slots == 2 * half))
        parts.append((biases, np.ones(len(biases)), record.operands[biases], np.full(len(biases), NONE)))
    seconds = record.start[:-1] + 1
    has_two = counts == 2
    of_div = np.flatnonzero((record.row == code("div")) & has_two)
    with np.errstate(all="ignore"):
        inverse = 1.0 / number_of[seconds[of_div]]
    fit = is_number[seconds[of_div]] & _is_tame(inverse) & (inverse != 0.0)
    of_div, inverse = of_div[fit], inverse[fit]
    parts.append((record.start[of_div], inverse, record.operands[record.start[of_div]], np.full(len(of_div), NONE)))
    of_pow = np.flatnonzero((record.row == code("pow")) & has_two)
    of_pow = of_pow[is_number[seconds[of_pow]] & (number_of[seconds[of_pow]] == 2.0)]
    pairs(record.start[of_pow], record.start[of_pow])

    places, weight, left, right = map(np.concatenate, zip(*parts))
    order = np.argsort(places, kind="stable")
    places, weight, left, right = places[order], weight[order], left[order], right[order]
    is_sum = np.zeros(n, bool)
    is_sum[linear[record.row]] = True
    for some in (of_mul, of_div, of_pow):
        is_sum[some] = True
    # Constants among the factors are weights, and terms of nothing else are offsets.
    second = right != NONE
    tame = np.append(_is_tame(record.constants), False)  # others stay factors
    turned = second & (left < c)
    left[turned], right[turned] = right[turned], left[turned]
    of_right = second & (right < c) & tame[np.minimum(right, c)]
    weight[of_right] *= numbers[right[of_right]]
    right[of_right] = NONE
    of_left = ~second & (left < c)
    weight[of_left] *= numbers[left[of_left]]
    left[of_left] = NONE
    owner = owners[places]
    plain = left == NONE
    offset = np.bincount(owner[plain], weight[plain], n).astype(float)
    return is_sum, offset, _Terms(owner, weight, left, right)[~plain]


def _numbered(
    record: Record,
    batch: bool,
    is_sum: Truths,
    kept: Truths,
    offset: Floats,
    terms: _Terms,
    owners: Ids,
    of_row: Truths,
    operands: Ids,
    outputs: Ids,
) -> Form:
    """The form of what is kept, numbered anew."""
    first = record.first_node
    ids = np.concatenate([np.arange(first), first + np.cumsum(kept) - 1])
    edges = np.flatnonzero(of_row & kept[owners])
    owner = np.concatenate([owners[edges], terms.owner])
    order = np.argsort(owner, kind="stable")
    left = np.concatenate([operands[edges], terms.left])[order]
    right = np.concatenate([np.full(len(edges), NONE), terms.right])[order]
    weight = np.concatenate([np.ones(len(edges)), terms.weight])[order]
    nodes = np.flatnonzero(kept)
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(kept))[nodes])]).astype(np.intp)
    left, right = ids[left], np.where(right == NONE, NONE, ids[right])
    row = np.where(is_sum, SUM, record.row)[nodes]
    depends_on = np.zeros(first, np.intp)
    depends_on[len(record.constants) :] = ARGUMENT if batch else 0
    depends_on[first - len(record.parameters) :] = 0
    depends_on[first - len(record.parameters) : first - record.n_fixed] = PARAMETER
    level, depends_on = _walk(depends_on, start, left, right)
    active = depends_on & PARAMETER > 0
    active[ids[record.last_of_root] + 1 :] = False
    return Form(
        record.constants,
        record.n_arguments,
        len(record.parameters),
        record.rows,
        row,
        offset[nodes],
        start,
        left,
        right,
        weight,
        ids[outputs],
        level,
        active,
        depends_on & ARGUMENT > 0,
    )


def _walk(inputs: Ids, start: Ids, left: Ids, right: Ids) -> tuple[Ids, Ids]:
    """For each id how many nodes lie behind it on the longest way, and which kinds of input."""
    found = inputs.tolist()  # both as one number, the level times 4 and the kinds
    if (right != NONE).any():
        second = right != NONE
        start = np.concatenate([[0], np.cumsum(1 + second)])[start]
        factors = np.empty(start[-1], np.intp)
        places = np.cumsum(1 + second) - 1
        factors[places] = np.where(second, right, left)
        factors[places[second] - 1] = left[second]
    else:
        factors = left
    of, place = factors.tolist(), 0
    for end in start.tolist()[1:]:
        deepest = kinds = 0
        while place < end:  # sooner done than a loop over a slice
            both = found[of[place]]
            kinds |= both
            if both > deepest:
                deepest = both
            place += 1
        found.append((deepest | 3) + 1 + (kinds & 3))
    both_of_each = np.array(found, np.intp)
    return both_of_each >> 2, both_of_each & 3
