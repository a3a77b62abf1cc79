"""A Form as straight-line code over Python's own floats, for programs too narrow and deep for arrays.

The nodes are cut into chunks. Each is a generator: it runs forward and yields the numbers that others use, waits with all the
rest in its local variables, and is sent their cotangents when its turn comes in backward.

    def run(e0, e1, e2):  # numbers from outside
        v0 = e0 * e1 + e2
        v1 = tanh(v0)
        (g1,) = yield v1,  # forward ends here
        g0 = g1 * (1.0 - (v1 * v1))
        c0 = g0 * e1
        c1 = g0 * e0
        c2 = g0
        yield c0, c1, c2

Compiling source is dear, some ten microseconds a line, so chunks of the same text share one function, and a chunk is as long
as the program's period, or a multiple of it: a recurrence of any length is one function. Where nothing repeats, a node stands
alone, and has two functions without a generator, of which one pushes its number onto those known, and one pulls its cotangent.

FloatCode ... forward and backward
n_alone ..... how much of it would serve for nothing else
period ...... after how many nodes a program repeats itself
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, pairwise
from operator import itemgetter, mul
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import scalar
from ..primitive import Elementwise
from .distinct import distinct
from .form import NONE, SUM, Floats, Form, Ids, Truths
from .statements import Statements, statements

Frame: TypeAlias = Generator[Sequence[float], Sequence[float], None]
Run: TypeAlias = Callable[..., Frame]
Slots: TypeAlias = Sequence[int]

_LENGTH = 64  # of a chunk, where the period allows: its call then costs little beside what it does
_MANY = 100  # operands, from which a node is not written out
_LONGEST = 4096  # period looked for
_OWN_NAME = re.compile(r"\b(?:x\d+|z)\b")  # of a row as it is written
_ONE, _MINUS_ONE = 0, 1  # ids of numbers that every program has


class FloatCode:
    """A Form as chunks of Python.

    ``inputs`` (``arguments``, then ``parameters``) are written by the caller before ``forward``; ``backward``, once after each
    ``forward``, overwrites ``gradient``. Both raise ArithmeticError or ValueError where a function of floats does.
    """

    def __init__(self, form: Form) -> None:
        program = _Program.of(form)
        self.form = form
        parts, slots, self.n_texts = program.parts(program.cuts())
        self._forward = [(part.push, part.reads) for part in parts]
        self._backward = [(part.pull, part.reaches) for part in reversed(parts) if part.reaches]
        self._numbers = program.numbers.tolist()
        self._n_slots = int(slots[-1]) + 1
        self._outputs = slots[program.outputs].tolist()
        first = program.first_node - form.n_parameters
        self._of_parameters = slice(first, program.first_node)
        self._known: list[float] = []
        self.inputs: Floats = np.zeros(form.n_arguments + form.n_parameters)
        self.arguments, self.parameters = self.inputs[: form.n_arguments], self.inputs[form.n_arguments :]
        self.gradient: Floats = np.zeros(form.n_parameters)

    def forward(self) -> Floats:
        """The numbers of the form's outputs."""
        known = self._known = [*self._numbers, *self.inputs.tolist()]
        for push, slots in self._forward:
            push(known, *slots)
        return np.array([known[i] for i in self._outputs])

    def backward(self) -> None:
        """The derivative of the root by each parameter, into ``gradient``."""
        g = [0.0] * self._n_slots
        g[self._outputs[0]] = 1.0
        known = self._known
        for pull, slots in self._backward:
            pull(known, g, *slots)
        self.gradient[:] = g[self._of_parameters]

    def describe(self) -> str:
        """What it is made of, in a line."""
        return f"{len(self.form)} nodes in {len(self._forward)} chunks of float code, of {self.n_texts} texts"


class _Part(NamedTuple):
    """A chunk: ``push(known, *reads)`` adds its numbers, and ``pull(known, g, *reaches)`` hands its cotangents on."""

    push: Callable[..., None]
    reads: Slots
    pull: Callable[..., None]
    reaches: Slots  # none, if it takes no cotangent


class _Chunk:
    """A generator, from when it runs forward until it runs backward."""

    def __init__(self, run: Run, slots: list[int], out: slice, into: list[int]) -> None:
        self._run, self._take, self._out = run, _gatherer(slots), out
        self._frame: Frame
        self.part = _Part(self._push, (), self._pull, into)

    def _push(self, known: list[float]) -> None:
        frame = self._frame = self._run(*self._take(known))
        known += next(frame)

    def _pull(self, known: list[float], g: list[float], *into: int) -> None:
        for slot, c in zip(into, self._frame.send(g[self._out])):
            g[slot] += c


def n_alone(form: Form) -> int:
    """How many nodes would be chunks of their own."""
    return int((np.diff(_Program.of(form).cuts()) == 1).sum())


def period(signatures: NDArray[Any]) -> int:
    """The distance after which most signatures come again; 1 if there is none."""
    order = np.argsort(signatures, kind="stable")
    again = signatures[order[1:]] == signatures[order[:-1]]
    counts = np.bincount(np.minimum(np.diff(order)[again], _LONGEST), minlength=_LONGEST + 1)[:_LONGEST]
    scores = {int(p): float(np.mean(signatures[p:] == signatures[:-p])) for p in np.argsort(counts)[-8:] if counts[p]}
    good = [p for p, score in scores.items() if score > max(0.5, 0.95 * max(scores.values()))]
    return min(good, default=1)


@dataclass(frozen=True)
class _Program:
    """A Form in which every term is a product of three numbers, most of them 1, and every number has an id, weights too.

    The ids are those of the form, after those of ``weights``.
    """

    numbers: Floats  # weights, then constants
    first_node: int
    rows: tuple[Elementwise, ...]
    kind: Ids  # (N,) into rows, or SUM
    start: Ids  # (N + 1,)
    factors: Ids  # (T, 3)
    outputs: Ids
    active: Truths

    @staticmethod
    def of(form: Form) -> "_Program":
        is_sum = form.row == SUM
        owner = np.repeat(np.arange(len(form)), np.diff(form.start))
        bare = np.flatnonzero(is_sum & ((form.offset != 0) | (np.diff(form.start) == 0)))  # offsets that make a term
        weight = np.concatenate([np.where(is_sum[owner], form.weight, 1.0), form.offset[bare]])
        places, first = distinct(weight)
        weights = np.concatenate([[1.0, -1.0], weight[first]])
        n, ids = len(weights), np.where(weight == 1, _ONE, np.where(weight == -1, _MINUS_ONE, places + 2))
        left = np.concatenate([form.left + n, np.full(len(bare), _ONE)])
        right = np.concatenate([np.where(is_sum[owner] & (form.right != NONE), form.right + n, _ONE), np.full(len(bare), _ONE)])
        order = np.argsort(np.concatenate([owner, bare]), kind="stable")
        return _Program(
            numbers=np.concatenate([weights, form.constants]),
            first_node=form.first_node + n,
            rows=form.rows,
            kind=form.row,
            start=form.start + np.searchsorted(bare, np.arange(len(form) + 1)),
            factors=np.stack([left, right, ids], axis=1)[order],
            outputs=form.outputs + n,
            active=np.concatenate([np.zeros(n, bool), form.active]),
        )

    @cached_property
    def owner(self) -> Ids:
        """The node of each term."""
        return np.repeat(np.arange(len(self.kind)), np.diff(self.start))

    @cached_property
    def unwritten(self) -> Truths:
        """Nodes that are not written out: of many operands, or of a row that its user may change."""
        foreign = [not (row.forward.__module__ or "").startswith("autograd.") for row in self.rows] + [False]  # SUM is -1
        return np.array(foreign)[self.kind] | (np.diff(self.start) > _MANY)

    def signatures(self) -> NDArray[np.uint64]:
        """A number for each node, the same where equal things are done to operands equally far back."""
        back = self.owner[:, None] + self.first_node - self.factors
        near = (back <= _LONGEST) & (self.factors >= self.first_node)
        place = np.arange(len(self.factors)) - self.start[self.owner]
        told = np.where(near, back, np.where(self.factors <= _MINUS_ONE, -1 - self.factors, -3)).astype(np.uint64)
        odd = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
        mixed = (told * odd).sum(1) * (2 * place + 1).astype(np.uint64) * odd[0]
        told_of_node: NDArray[np.uint64] = (
            np.add.reduceat(mixed ^ (mixed >> np.uint64(29)), self.start[:-1]) + self.kind.astype(np.uint64) * odd[1]
        )
        return told_of_node

    def cuts(self) -> Ids:
        """Where chunks begin, and the end. Chunks whose text is not worth its time are cut into single nodes."""
        n = len(self.kind)
        if not n:
            return np.zeros(1, np.intp)
        p = period(self.signatures())
        alone = np.flatnonzero(self.unwritten)
        is_cut = np.zeros(n + 1, bool)
        is_cut[:: p * max(1, _LENGTH // p)] = is_cut[alone] = is_cut[alone + 1] = is_cut[n] = True
        cuts = np.flatnonzero(is_cut)
        keys = [codes.tobytes() for codes, _ in self.chunks(cuts)[0]]
        size = np.diff(cuts)
        worth = _worth_compiling(keys, size.tolist(), n)
        singly = np.repeat(np.array([key not in worth for key in keys]), size)
        is_cut[:n] |= singly
        return np.flatnonzero(is_cut)

    def chunks(self, cuts: Ids) -> tuple[list[tuple[NDArray[np.int32], Ids]], Truths]:
        """Each chunk as codes, equal where its text is, with the ids of its numbers from outside; and which nodes are carried.

        A row of codes is a term: its factors (see ``_Text``) and, for its node, kind and flags.
        """
        chunk = np.repeat(np.arange(len(cuts) - 1), np.diff(cuts))[self.owner]
        base = (self.first_node + cuts[chunk])[:, None]
        codes = np.where(self.factors <= _MINUS_ONE, -1 - self.factors, self.factors - base)
        outside = (self.factors > _MINUS_ONE) & (self.factors < base)
        ids = self.factors[outside]
        where = np.broadcast_to(chunk[:, None], codes.shape)[outside]
        n = self.first_node + len(self.kind)
        keys = where * n + ids
        inverse, first = distinct(keys)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        found = keys[first[order]]
        begin = np.searchsorted(found // n, np.arange(len(cuts)))  # they stand by chunk
        codes[outside] = -3 - (2 * (rank[inverse] - begin[where]) + self.active[ids])
        carried = np.zeros(n, bool)
        carried[ids] = carried[self.outputs] = True
        carried = carried[self.first_node :]
        flags = 4 * (self.kind + 1) + 2 * carried + self.active[self.first_node :]
        is_first = np.zeros(len(codes), np.intp)
        is_first[self.start[:-1]] = 1
        table = np.column_stack([codes, 2 * flags[self.owner] + is_first]).astype(np.int32)
        terms, outer = self.start[cuts].tolist(), begin.tolist()
        found %= n
        return [(table[a:b], found[c:d]) for (a, b), (c, d) in zip(pairwise(terms), pairwise(outer))], carried

    def parts(self, cuts: Ids) -> tuple[list[_Part], Ids, int]:
        """For each chunk what is done; the slot of each id; and how many texts there are."""
        chunks, carried = self.chunks(cuts)
        slots = np.concatenate([np.arange(self.first_node), self.first_node + np.cumsum(carried) - 1])
        ends = (self.first_node + np.concatenate([[0], np.cumsum(carried)]))[cuts].tolist()
        written: dict[bytes, _Text] = {}
        parts = []
        alone = self.unwritten[cuts[:-1]].tolist()
        keys, sizes = [codes.tobytes() for codes, _ in chunks], np.diff(cuts).tolist()
        worth = _worth_compiling([key for key, size in zip(keys, sizes) if size == 1], itertools.repeat(1), len(self.kind))
        for i, (key, (codes, ids), (a, b)) in enumerate(zip(keys, chunks, pairwise(ends))):
            if alone[i] or (sizes[i] == 1 and key not in worth):
                run, ids, wants = self._unwritten(int(cuts[i]))
                into = slots[ids].tolist()
                parts.append(_Chunk(run, into, slice(a, b), [*compress(into, wants)]).part)
                continue
            if key not in written:
                written[key] = _Text(codes.tolist(), self.rows)
            text, into = written[key], slots[ids].tolist()
            if sizes[i] == 1 and a < b:
                push, pull = text.pair
                parts.append(_Part(push, into, pull, [a, *into] if any(text.wants) else []))
            else:
                parts.append(_Chunk(text.run, into, slice(a, b), [*compress(into, text.wants)]).part)
        return parts, slots, len(written)

    def _unwritten(self, i: int) -> tuple[Run, Ids, list[bool]]:
        terms = self.factors[self.start[i] : self.start[i + 1]]
        ids = terms.T.ravel() if self.kind[i] == SUM else terms[:, 0]
        wants = (self.active[ids] & self.active[self.first_node + i]).tolist()
        return _run_sum(wants) if self.kind[i] == SUM else _run_row(self.rows[self.kind[i]], wants), ids, wants


def _worth_compiling(keys: list[bytes], sizes: Iterable[int], n: int) -> set[bytes]:
    """The texts that come most often, up to a share of ``n`` nodes, which bounds the time it takes to compile them."""
    size_of = dict(zip(keys, sizes))
    counts = Counter(keys).most_common()
    total = np.cumsum([size_of[key] for key, _ in counts])
    return {key for (key, _), so_far in zip(counts, total.tolist()) if so_far <= 300 + n // 20}


def _gatherer(slots: list[int]) -> Callable[[list[float]], Any]:
    return itemgetter(*slots, *slots[: len(slots) == 1], *[_ONE] * (2 * (not slots)))  # of two at least it gives a tuple


def _run_sum(wants: list[bool]) -> Run:
    n = len(wants) // 3

    def run(*operands: float) -> Frame:
        x, y, w = operands[:n], operands[n : 2 * n], operands[2 * n :]
        (g,) = yield (sum(map(mul, map(mul, x, y), w)),)
        by_x = [g * b * c for b, c in zip(y, w)]
        by_y = [g * a * c for a, c in zip(x, w)]
        yield [*compress(by_x + by_y, wants)]

    return run


def _run_row(row: Elementwise, wants: list[bool]) -> Run:
    def run(*operands: float) -> Frame:
        operands = operands[: len(wants)]
        z = row.apply(scalar, operands)
        (g,) = yield (z,)
        yield [c or 0.0 for c in compress(row.cotangents(scalar, g, z, operands, wants), wants)]

    return run


def _compiled(head: str, lines: Sequence[str]) -> Callable[..., Any]:
    names = dict(vars(scalar))
    exec(compile("\n    ".join([f"def {head}:", *lines]), "<float code>", "exec"), names)
    run: Callable[..., Any] = names["run"]
    return run


class _Text:
    """The source of a chunk, from its codes.

    A code of at least 0 is a number of the chunk, -1 and -2 are the numbers 1 and -1, and those below are numbers from outside,
    two for each: the first where it is not active, the second where it is.
    """

    def __init__(self, codes: list[list[int]], rows: Sequence[Elementwise]) -> None:
        self._rows = rows
        self._lines: list[str] = []
        nodes: list[tuple[int, list[list[int]]]] = []
        for *factors, told in codes:
            if told & 1:
                nodes.append((told >> 1, []))
            nodes[-1][1].append(factors)
        self._active = [bool(flags & 1) for flags, _ in nodes]
        carried = [i for i, (flags, _) in enumerate(nodes) if flags & 2]
        n_operands = max([_rank(code) + 1 for factors in codes for code in factors[:3]])
        for i, (flags, terms) in enumerate(nodes):
            self._forward(i, (flags >> 2) - 1, terms)
        self._first, self._lines = self._lines, []
        self._reached = {f"g{i}" for i in carried}  # cotangents of which there is a part already
        for i, (flags, terms) in reversed([*enumerate(nodes)]):
            if self._active[i] and f"g{i}" in self._reached:
                self._backward(i, (flags >> 2) - 1, terms)
        self.wants = [f"c{i}" in self._reached for i in range(n_operands)]
        self._carried = carried

    @cached_property
    def run(self) -> Run:
        """The generator."""
        operands = [f"e{i}" for i in range(len(self.wants))]
        sent = "".join([f"g{i}, " for i in self._carried])
        lines = [
            *self._first,
            f"{f'({sent}) = ' * bool(sent)}yield ({''.join([f'v{i}, ' for i in self._carried])})",
            *self._lines,
            f"yield ({''.join([f'c{i}, ' for i in compress(range(len(self.wants)), self.wants)])})",
        ]
        return _compiled(f"run({', '.join([*operands, '*_'])})", lines)

    @cached_property
    def pair(self) -> tuple[Callable[..., None], Callable[..., None]]:
        """Of a node that stands alone, what pushes its number, and what pulls its cotangent."""
        slots = [f"i{i}" for i in range(len(self.wants))]
        read = [f"e{i} = known[i{i}]" for i in range(len(self.wants))]
        add = [f"g[i{i}] += c{i}" for i in compress(range(len(self.wants)), self.wants)]
        push = _compiled(f"run({', '.join(['known', *slots])})", [*read, *self._first, "known.append(v0)"])
        pull = ["v0, g0 = known[i], g[i]", *read, *self._lines, *add]
        return push, _compiled(f"run({', '.join(['known', 'g', 'i', *slots])})", pull)

    def _forward(self, i: int, kind: int, terms: list[list[int]]) -> None:
        if kind == SUM:
            text = "".join([self._product([], factors) for factors in terms])
            self._lines.append(f"v{i} = {text.removeprefix(' + ')}")
        else:
            written, named = self._of_row(i, kind, terms)
            self._lines += [named(line) for line in written.before_z]
            self._lines.append(f"v{i} = {named(written.z)}")

    def _backward(self, i: int, kind: int, terms: list[list[int]]) -> None:
        g = f"g{i}"
        if kind == SUM:
            for x, y, w in terms:
                self._hand_on(x, self._product([g], [y, w]))
                self._hand_on(y, self._product([g], [x, w]))
        else:
            written, named = self._of_row(i, kind, terms)
            self._lines += [named(line) for line in written.before_partials]
            for j, partial in written.partials:
                self._hand_on(terms[j][0], {"1.0": f" + {g}", "-1.0": f" - {g}"}.get(partial, f" + {g} * {named(partial)}"))

    def _of_row(self, i: int, kind: int, terms: list[list[int]]) -> tuple[Statements, Callable[[str], str]]:
        """The row written out, and what puts our names in place of its own."""
        names = {"z": f"v{i}", **{f"x{j}": _name(code) for j, (code, *_) in enumerate(terms)}}
        wants = tuple([bool(self._cotangent(code)) for code, *_ in terms])
        return statements(self._rows[kind], wants), lambda text: _OWN_NAME.sub(lambda found: names[found[0]], text)

    def _hand_on(self, code: int, text: str) -> None:
        name = self._cotangent(code)
        if name in self._reached:
            self._lines.append(f"{name} {text[1]}= {text[3:]}")
        elif name:
            self._reached.add(name)
            self._lines.append(f"{name} = {text.removeprefix(' + ')}")

    def _cotangent(self, code: int) -> str:
        """The name of the number's cotangent; empty if it takes none."""
        if code >= 0:
            return f"g{code}" if self._active[code] else ""
        return f"c{_rank(code)}" if code <= -3 and code % 2 == 0 else ""

    def _product(self, names: list[str], codes: list[int]) -> str:
        names = names + [_name(code) for code in codes if code not in (-1, -2)]
        return f" {'+-'[codes.count(-2) % 2]} {' * '.join(names) or '1.0'}"


def _rank(code: int) -> int:
    return (-3 - code) // 2 if code <= -3 else -1


def _name(code: int) -> str:
    return f"v{code}" if code >= 0 else {-1: "1.0", -2: "-1.0"}.get(code, f"e{_rank(code)}")
