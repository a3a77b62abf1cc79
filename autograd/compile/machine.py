"""A Form on a small machine that Numba compiles, for programs too narrow or irregular for arrays.

Code written out for every node would keep LLVM busy for minutes. So the machine knows a few cases, sums by their shape and each
row in use, and the program is data: runs of nodes of one case, in which nothing is left to decide, and the streams of operands
and weights that they read. The fewer bytes those have, the faster it is.

Machine ..... forward and backward
available ... whether Numba is installed
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from .. import scalar
from ..primitive import Elementwise
from ..terms import ReadingError
from . import vectors
from .distinct import distinct
from .form import NONE, SUM, Floats, Form, Ids, Truths
from .statements import Statements, statements

_WRITTEN_OUT = 3  # terms, in sums of a shape that is common: others are loops
_COMMON = 1 / 64  # of the nodes: a case takes LLVM a fifth of a second
_MANY = 32  # operands of a row, which keep LLVM busy too
_BLOCK = 128  # nodes of a row that are done together


def available() -> bool:
    """Whether Numba is installed."""
    return find_spec("numba") is not None


class Machine:
    """A Form as a machine's program.

    ``inputs`` (``arguments``, then ``parameters``) are written by the caller before ``forward``; ``backward``, after it,
    overwrites ``gradient``. Both raise FloatingPointError if they come to a number that is not finite. A machine takes a second
    or two to compile, a fifth for each case, and runs all programs of the same cases. It needs ``stepgrad[fast]``.

    Raises:
        ReadingError: a row can't be read as terms, or has very many operands.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        first, n = form.first_node, len(form)
        terms = _Terms(form)
        cases, case = _cases(form, terms)
        sizes = np.stack([terms.products, terms.arity + terms.products, np.where(terms.weighted, 1 + terms.arity, 0)])
        kinds = np.stack([form.level[first:], case, form.active[first:], *sizes])  # what is the same throughout a run
        order = np.lexsort(kinds[::-1])
        kinds = kinds[:, order]
        runs = np.flatnonzero(np.concatenate([np.ones(min(n, 1), bool), (kinds[:, 1:] != kinds[:, :-1]).any(0)]))
        places = np.concatenate([np.arange(first), np.empty(n, np.intp)])  # of each id
        places[first + order] = first + np.arange(n)
        by_place = np.argsort(places[first + terms.owner], kind="stable")
        operands = np.stack([terms.left, terms.right], axis=1)[by_place].ravel()
        starts = np.cumsum(terms.arity[order]) - terms.arity[order]
        numbers = np.insert(terms.weight[by_place], starts, form.offset[order])
        _, kind, active, *sizes_of_run = np.ascontiguousarray(kinds[:, runs])
        self._program = (
            first,
            np.append(runs[1:], n)[: len(runs)] + first,
            kind,
            active != 0,
            *sizes_of_run,
            places[operands[operands != NONE]].astype(np.uint32),
            numbers[np.repeat(terms.weighted[order], 1 + terms.arity[order])],
        )
        self._run_forward, self._run_backward = _compiled(cases)
        self._n_cases = len(cases)
        self._data = np.zeros(first + n)
        self._data[: form.first_argument] = form.constants
        self._grad = np.zeros(first + n)
        self._outputs = places[form.outputs]
        self.inputs: Floats = self._data[form.first_argument : first]
        self.arguments, self.parameters = self.inputs[: form.n_arguments], self.inputs[form.n_arguments :]
        self.gradient: Floats = self._grad[form.first_parameter : first]

    def forward(self) -> Floats:
        """The numbers of the form's outputs."""
        if not self._run_forward(self._data, *self._program):
            raise FloatingPointError("a number is not finite")
        outputs: Floats = self._data[self._outputs]
        return outputs

    def backward(self) -> None:
        """The derivative of the root by each parameter, into ``gradient``."""
        self._grad[: self.form.first_node] = 0.0  # the machine leaves 0 for the others
        self._grad[self._outputs[0]] = 1.0
        self._run_backward(self._grad, self._data, *self._program)
        if not np.isfinite(self.gradient).all():
            raise FloatingPointError("a derivative is not finite")

    def describe(self) -> str:
        """What it is made of, in a line."""
        return f"{len(self.form)} nodes in {len(self._program[1])} runs of {self._n_cases} cases on a compiled machine"


class _Terms:
    """The terms of a form; in each sum products come first, and of them and of the rest those that are subtracted last."""

    def __init__(self, form: Form) -> None:
        n = len(form)
        self.arity = np.diff(form.start)
        owner = np.repeat(np.arange(n), self.arity)
        self.of_sum = (form.row == SUM)[owner]
        order = np.lexsort((self.of_sum & (form.weight < 0), self.of_sum & (form.right == NONE), owner))
        self.owner, self.left = owner, form.left[order]
        self.right = np.where(self.of_sum, form.right[order], NONE)
        self.weight = form.weight[order]
        minus = self.of_sum & (self.weight < 0)
        self.products = self._count(self.right != NONE)
        odd = (form.offset != 0) | (self._count(abs(self.weight) != 1) > 0) | (self.arity == 0)
        signs = np.where(odd, 0, 16 * self._count(minus & (self.right != NONE)) + 64 * self._count(minus) + 256)
        shapes = self.arity + 4 * self.products + signs  # a number for each, where the arity is below 4
        which, _ = distinct(shapes)
        counts = np.bincount(which)
        is_sum = form.row == SUM
        self.long = is_sum & ((self.arity > _WRITTEN_OUT) | (counts[which] < n * _COMMON))
        self.weighted = is_sum & (odd | self.long)  # weights are read, and an offset
        self.shape = np.where(self.long, -1, shapes)

    def _count(self, which: Truths) -> Ids:
        return np.bincount(self.owner[which], minlength=len(self.arity))


class _Case(Protocol):
    """What a machine does with the nodes of a run, from ``begin`` to ``end``: lines of source.

    They read ``v``, the numbers computed so far; ``operand[o]`` and following, which say where operands are; and ``number[n]``
    and following, an offset and weights. They move ``o`` and ``n`` on, in backward back. ``g`` are cotangents.
    """

    def forward(self) -> list[str]: ...
    def backward(self) -> list[str]: ...


def _each(operands: int | str, numbers: int | str, lines: Sequence[str]) -> list[str]:
    """Do it for each node ``i``, which has so many operands and numbers."""
    return ["for i in range(begin, end):", *_indented(*lines, f"o += {operands}", f"n += {numbers}")]


def _each_back(operands: int | str, numbers: int | str, lines: Sequence[str]) -> list[str]:
    """The same, last node first."""
    return ["for i in range(end - 1, begin - 1, -1):", *_indented(f"o -= {operands}", f"n -= {numbers}", *lines)]


def _indented(*lines: str) -> list[str]:
    return [f"    {line}" for line in lines]


@dataclass(frozen=True)
class _Sum:
    """A few terms, of which the first are products. Each has its sign or, where there are none, its weight."""

    products: int
    singles: int
    signs: str

    @property
    def _sizes(self) -> tuple[int, int]:
        return 2 * self.products + self.singles, 0 if self.signs else 1 + self.products + self.singles

    def forward(self) -> list[str]:
        terms = [f"v[operand[o + {2 * i}]] * v[operand[o + {2 * i + 1}]]" for i in range(self.products)]
        terms += [f"v[operand[o + {2 * self.products + i}]]" for i in range(self.singles)]
        if self.signs:
            text = " ".join([f"{sign} {term}" for sign, term in zip(self.signs, terms)])
        else:
            text = " + ".join(["number[n]", *[f"number[n + {i}] * {term}" for i, term in enumerate(terms, 1)]])
        return _each(*self._sizes, [f"v[i] = {text}"])

    def backward(self) -> list[str]:
        shares = [f"{sign}g[i]" for sign in self.signs] or [
            f"g[i] * number[n + {i + 1}]" for i in range(self.products + self.singles)
        ]
        lines = [_pull_product(f"o + {2 * i}", share) for i, share in enumerate(shares[: self.products])]
        singles = enumerate(shares[self.products :], 2 * self.products)
        return _each_back(*self._sizes, [*lines, *[f"g[operand[o + {i}]] += {share}" for i, share in singles]])


@dataclass(frozen=True)
class _LongSum:
    """An offset and as many products and single numbers as the run says, each with its weight."""

    def forward(self) -> list[str]:
        lines = [
            "z = number[n]",
            "for j in range(products[r]):",
            "    z += number[n + 1 + j] * v[operand[o + 2 * j]] * v[operand[o + 2 * j + 1]]",
            "for j in range(products[r], n_numbers[r] - 1):",
            "    z += number[n + 1 + j] * v[operand[o + products[r] + j]]",
            "v[i] = z",
        ]
        return _each("n_operands[r]", "n_numbers[r]", lines)

    def backward(self) -> list[str]:
        lines = [
            "for j in range(products[r]):",
            f"    {_pull_product('o + 2 * j', 'g[i] * number[n + 1 + j]')}",
            "for j in range(products[r], n_numbers[r] - 1):",
            "    g[operand[o + products[r] + j]] += g[i] * number[n + 1 + j]",
        ]
        return _each_back("n_operands[r]", "n_numbers[r]", lines)


def _pull_product(at: str, share: str) -> str:
    return f"x, y, c = operand[{at}], operand[{at} + 1], {share}; g[x] += c * v[y]; g[y] += c * v[x]"


@dataclass(frozen=True)
class _Row:
    """A row of the table; ``wants`` are the operands that take a cotangent."""

    row: Elementwise
    wants: tuple[bool, ...]

    @cached_property
    def _written(self) -> Statements:
        return statements(self.row, self.wants)

    def forward(self) -> list[str]:
        lines = [*self._operands(), *self._written.before_z, f"v[i] = {self._written.z}"]
        return _each(len(self.wants), 0, lines)

    def backward(self) -> list[str]:
        adds = [f"g[operand[o + {j}]] += g[i] * {partial}" for j, partial in self._written.partials]
        return _each_back(len(self.wants), 0, [*self._operands(), "z = v[i]", *self._written.before_partials, *adds])

    def _operands(self) -> list[str]:
        return [f"x{j} = v[operand[o + {j}]]" for j in range(len(self.wants))]


class _DearRow(_Row):
    """A row that calls functions which have vector code.

    In a block of nodes operands are collected first, and cotangents added last, so that LLVM makes vector code of what lies
    between.
    """

    def forward(self) -> list[str]:
        blocks = self._blocks([*self._written.before_z, f"v[a + j] = {self._written.z}"])
        return [*blocks, f"o += {len(self.wants)} * (end - begin)"]

    def backward(self) -> list[str]:
        shares = [f"held[{i}, j] = g[a + j] * {partial}" for i, partial in self._written.partials]
        adds = [f"g[operand[p + {i}]] += held[{i}, j]" for i, _ in self._written.partials]
        blocks = self._blocks(["z = v[a + j]", *self._written.before_partials, *shares], adds)
        return [f"o -= {len(self.wants)} * (end - begin)", *blocks]

    def _blocks(self, compute: Sequence[str], after: Sequence[str] = ()) -> list[str]:
        n = len(self.wants)
        place = f"p = o + {n} * (a - begin + j)"
        return [
            f"for a in range(begin, end, {_BLOCK}):",
            *_indented(
                f"size = min({_BLOCK}, end - a)",
                "for j in range(size):",
                *_indented(place, *[f"held[{i}, j] = v[operand[p + {i}]]" for i in range(n)]),
                "for j in range(size):",
                *_indented(*[f"x{i} = held[{i}, j]" for i in range(n)], *compute),
                "for j in range(size):",
                *_indented(place, *after),
            ),
        ]


def _row(row: Elementwise, wants: tuple[bool, ...]) -> _Row:
    written = statements(row, wants)
    text = " ".join([*written.before_z, written.z, *written.before_partials, *[partial for _, partial in written.partials]])
    return (_DearRow if vectors.CALLED.search(text) else _Row)(row, wants)


def _cases(form: Form, terms: _Terms) -> tuple[tuple[_Case, ...], Ids]:
    """The cases of a form, and which of them each node is."""
    n, arity, is_sum = len(form), terms.arity, form.row == SUM
    many = np.flatnonzero(~is_sum & (arity > _MANY))
    if len(many):
        name = form.rows[form.row[many[0]]].name
        raise ReadingError(f"the machine takes rows of at most {_MANY} operands, not {name} of {arity[many[0]]}")
    place = np.minimum(np.arange(len(terms.owner)) - form.start[terms.owner], _MANY)
    wants = np.bincount(terms.owner, np.where(terms.of_sum, 0, form.active[terms.left] * 2.0**place), n).astype(np.intp)
    codes = np.zeros(n, np.intp)
    for part in (form.row, np.where(is_sum, terms.shape, arity), wants):
        which, firsts = distinct(part)
        codes = codes * len(firsts) + which
    case, examples = distinct(codes)
    cases: list[_Case] = []
    for i in examples.tolist():
        of_node = slice(form.start[i], form.start[i + 1])
        if terms.long[i]:
            cases.append(_LongSum())
        elif is_sum[i]:
            signs = "" if terms.weighted[i] else "".join(["-" if w < 0 else "+" for w in terms.weight[of_node]])
            cases.append(_Sum(int(terms.products[i]), int(arity[i] - terms.products[i]), signs))
        else:
            cases.append(_row(form.rows[form.row[i]], tuple(form.active[terms.left[of_node]].tolist())))
    return tuple(cases), case


# Forward tells whether all numbers are finite, by the largest of their bits without the sign: LLVM makes vector code of that,
# if it is found run by run and through a view.
_FORWARD = """
def forward(v, first, stop, case, active, products, n_operands, n_numbers, operand, number):
    o, n, begin = 0, 0, first
    held = empty({held})
    bits, largest = v.view(int64), 0
    for r in range(case.shape[0]):
        end = stop[r]
        {cases}
        made, top = bits[begin:end], 0
        for i in range(made.shape[0]):
            size = made[i] & 0x7FFFFFFFFFFFFFFF
            top = size if size > top else top
        largest = top if top > largest else largest
        begin = end
    return largest < 0x7FF0000000000000
"""

_BACKWARD = """
def backward(g, v, first, stop, case, active, products, n_operands, n_numbers, operand, number):
    o, n, end = operand.shape[0], number.shape[0], stop[-1]
    held = empty({held})
    for r in range(case.shape[0] - 1, -1, -1):
        begin = stop[r - 1] if r else first
        if not active[r]:
            o -= n_operands[r] * (end - begin)
            n -= n_numbers[r] * (end - begin)
        {cases}
        g[begin:end] = 0.0
        end = begin
"""


def _source(cases: tuple[_Case, ...]) -> str:
    held = (max([len(case.wants) for case in cases if isinstance(case, _Row)], default=0), _BLOCK)
    forward, backward = [], []
    for j, case in enumerate(cases):
        forward += [f"{'el' * (j > 0)}if case[r] == {j}:", *_indented(*case.forward())]
        backward += [f"elif case[r] == {j}:", *_indented(*case.backward())]
    parts = [(_FORWARD, forward), (_BACKWARD, backward)]
    return "".join([text.format(held=held, cases="\n        ".join(lines)) for text, lines in parts])


@cache
def _compiled(cases: tuple[_Case, ...]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Forward and backward of the machine that knows these cases."""
    if not cases:
        return (lambda *_: True), (lambda *_: True)
    import numba

    names = {**vars(scalar), **vectors.compiled(), "empty": np.empty, "int64": np.int64}
    names |= {"maximum": numba.njit(scalar.maximum), "minimum": numba.njit(scalar.minimum)}
    exec(compile(_source(cases), "<machine>", "exec"), names)
    floats, ids, truths, places = numba.float64[::1], numba.intp[::1], numba.boolean[::1], numba.uint32[::1]
    program = (numba.intp, ids, ids, truths, ids, ids, ids, places, floats)
    forward = numba.njit([(floats, *program)], error_model="numpy")(names["forward"])
    backward = numba.njit([(floats, floats, *program)], error_model="numpy")(names["backward"])
    return forward, backward
