"""Explain: what a compiled step does, in words and numbers.

explained .... the report on a step, to be printed
StepReport ... all paths, and why the rest runs eagerly
PathReport ... a path: where it branches, and its program, group by group
Part ......... a group: what it computes, how, from what, and what that costs
Read ......... an operand of a group: seen where it lies, or gathered
Source ....... where numbers come from
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from inspect import signature
from textwrap import indent, shorten
from typing import Any, Literal, NamedTuple

import numpy as np

from .arrays import ArrayProgram
from .cost import FREE, Cost, cost
from .form import Ids
from .layout import Block, Fixed, Pick, Placed
from .paths import Path
from .witness import Guard

_SHOWN = 40  # groups of a program; more help nobody
_NAMES = 8  # of parameters in one operand
_HEAD = ("group", "nodes", "computes", "by", "FLOPs", "backward", "bytes", "reads")
_RIGHT = {0, 1, 4, 5, 6}  # columns of numbers


class Source(NamedTuple):
    """Where numbers come from: group 3, or of the parameters ``w0``; if these have no names, ``parameters[0:32]``."""

    kind: Literal["constants", "arguments", "parameters", "group"]
    name: str


@dataclass(frozen=True)
class Read:
    """Numbers that a group reads: a view of where they lie, or gathered, which is a copy."""

    sources: tuple[Source, ...]
    shape: str
    is_gathered: bool

    def __str__(self) -> str:
        groups = [source.name for source in self.sources if source.kind == "group"]
        told = [source.name for source in self.sources if source.kind != "group"]
        told += [f"group{'s' * (len(groups) > 1)} {_few(groups)}"] if groups else []
        how = [self.shape] * (self.shape != "1") + ["gathered"] * self.is_gathered
        return _few(told) + f" ({', '.join(how)})" * bool(how)


@dataclass(frozen=True, eq=False)
class Part:
    """A group of nodes that are computed at once."""

    nodes: int  # for each example
    examples: int  # 1 where they are the same for all
    computes: str
    by: tuple[str, ...]
    matrix_products: int
    reads: tuple[Read, ...]
    forward: Cost
    backward: Cost

    @property
    def size(self) -> str:
        """How many nodes, and for how many examples."""
        return f"{self.nodes:,}" + f" × {self.examples:,}" * (self.examples > 1)


@dataclass(frozen=True, eq=False)
class PathReport:
    """What is computed along a path.

    Its ``parts`` are empty where the program is none of arrays; ``made_of`` says in a line what it is made of then.
    """

    name: str  # of the function
    stages: tuple[str, ...]  # from what was recorded to what is run
    guards: tuple[str, ...]
    arguments: int
    parameters: int
    examples: int | None = None  # at once
    parts: tuple[Part, ...] = ()
    results: tuple[tuple[str, tuple[Source, ...]], ...] = ()  # what is asked for, and where it comes from
    forward: Cost = FREE
    backward: Cost = FREE
    held: int = 0  # bytes
    made_of: str = ""

    @property
    def matrix_products(self) -> int:
        """How many were found."""
        return sum([part.matrix_products for part in self.parts])

    @property
    def views(self) -> int:
        """How many operands are seen where they lie."""
        return sum([not read.is_gathered for part in self.parts for read in part.reads])

    @property
    def gathers(self) -> int:
        """How many operands are copied together before use."""
        return sum([read.is_gathered for part in self.parts for read in part.reads])

    @property
    def title(self) -> str:
        """From what was recorded to what is run."""
        return " → ".join(self.stages)

    @property
    def totals(self) -> list[str]:
        """The sums of the table, in sentences."""
        reads = f"reads {count(self.arguments, 'argument')} and {count(self.parameters, 'parameter')}"
        if self.made_of:
            return [self.made_of, reads]
        flops, moved = self.forward.flops + self.backward.flops, self.forward.nbytes + self.backward.nbytes
        lines = [
            f"{reads}; finds {count(self.matrix_products, 'matrix product')}; "
            f"{count(self.views, 'view')}, {count(self.gathers, 'gather')}",
            f"{self.forward.flops:,} FLOPs forward, {self.backward.flops:,} backward; "
            f"{moved:,} bytes moved, {self.held:,} held",
        ]
        if self.examples:
            lines.append(f"{count(self.examples, 'example')} at once: {flops / self.examples:,.0f} FLOPs for each")
        return lines

    @property
    def table(self) -> list[tuple[str, ...]]:
        """A row of cells for each group; of a long program for the first and the last."""
        rows: list[tuple[str, ...]] = [
            (
                str(i),
                part.size,
                part.computes,
                ", ".join(part.by),
                f"{part.forward.flops:,}",
                f"{part.backward.flops:,}",
                f"{part.forward.nbytes + part.backward.nbytes:,}",
                "; ".join(_counted(map(str, part.reads))),
            )
            for i, part in enumerate(self.parts)
        ]
        if len(rows) <= _SHOWN:
            return rows
        half = _SHOWN // 2
        return [*rows[:half], ("…", f"{len(rows) - _SHOWN:,} more", *[""] * 6), *rows[-half:]]

    def __str__(self) -> str:
        """The table and what stands around it."""
        return "\n".join([*[f"taken if {guard}" for guard in self.guards], *_aligned(self.table), *self.totals])

    def to_html(self) -> str:
        """The same as HTML."""
        guards = [_line(f"taken if {guard}") for guard in self.guards]
        return "".join([*guards, _html_table(self.table) if self.parts else "", *map(_line, self.totals)])


@dataclass(frozen=True, repr=False, eq=False)
class StepReport:
    """What a step does; printed, or shown by a notebook, a table for each path."""

    name: str  # of the function
    paths: tuple[PathReport, ...]
    eager: tuple[str, ...] = ()  # why it runs eagerly for some arguments

    @property
    def title(self) -> str:
        """What is reported on."""
        if not self.paths and not self.eager:
            return f"compiled {self.name}: not called yet, so nothing is recorded"
        return f"compiled {self.name}: {count(len(self.paths), 'path')}" + ", last taken first" * (len(self.paths) > 1)

    def __str__(self) -> str:
        lines = [self.title, *self._eager_lines]
        for i, path in enumerate(self.paths):
            lines += ["", f"paths[{i}]: {path.title}", indent(str(path), "  ")]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        parts = [f"<b>{escape(self.title)}</b>", *map(_line, self._eager_lines)]
        for i, path in enumerate(self.paths):
            head = f"<b>paths[{i}]</b>: {escape(path.title)}"
            parts.append(f'<div style="margin-top:8px">{head}</div>{path.to_html()}')
        return f'<div style="color:inherit;font-family:sans-serif">{"".join(parts)}</div>'

    @property
    def _eager_lines(self) -> list[str]:
        return [f"runs eagerly for some arguments: {why}" for why in self.eager]


def explained(f: Callable[..., Any], paths: Sequence[Path], eager: Iterable[str] = ()) -> StepReport:
    """The report on what ``f`` was compiled to.

    Args:
        f: the function.
        paths: those recorded so far.
        eager: why it runs eagerly for some arguments.
    """
    return StepReport(name_of(f), tuple([_described(path, f) for path in paths]), tuple(dict.fromkeys(eager)))


def _described(path: Path, f: Callable[..., Any]) -> PathReport:
    """The report on a path; of its programs for several numbers of examples, on that made last."""
    made: list[tuple[int | None, Any]] = list(path.programs.items())
    examples, program = made[-1]
    form = path.form
    report = PathReport(
        name=name_of(f),
        stages=(f"{count(path.n_recorded, 'node')} recorded", f"{len(form):,} in canonical form"),
        guards=told(path.guards),
        arguments=form.n_arguments,
        parameters=form.n_parameters,
        examples=examples,
    )
    if not isinstance(program, ArrayProgram):
        return replace(report, made_of=program.describe())
    sources = _Sources(path, f, program)
    calls = f"{len(program.forward_calls):,} + {len(program.backward_calls):,} NumPy calls"
    return replace(
        report,
        stages=(*report.stages, count(len(program.layout.groups), "group"), calls),
        parts=tuple(_parts(program, sources)),
        results=tuple([(what, sources.of(ids)) for what, ids in _asked(path) if len(ids)]),
        forward=cost(program.forward_calls),
        backward=cost(program.backward_calls),
        held=program.nbytes,
    )


def _parts(program: ArrayProgram, sources: "_Sources") -> Iterator[Part]:
    for group, forward, backward in zip(program.layout.groups, program.forward_parts, program.backward_parts):
        examples = (program.examples or 1) if group.batched else 1
        hows = [_how(group, block, examples) for block in group.blocks] or [_how_of_row(group)]
        yield Part(
            len(group.nodes),
            examples,
            _computed(group),
            tuple(dict.fromkeys([how for how in hows if how != "elementwise"])) or ("elementwise",),
            sum(["@" in how for how in hows]),
            tuple([sources.read(pick) for pick in group.picks]),
            cost(forward),
            cost(backward),
        )


def _asked(path: Path) -> Iterator[tuple[str, Ids]]:
    """What is asked for, and its ids."""
    ends = np.cumsum([1, path._n_numbered, path._n_guards])
    yield from zip(["result", "further results", "guards", "checks"], np.split(path.form.outputs, ends))


class _Sources:
    """Where the numbers of a program come from."""

    def __init__(self, path: Path, f: Callable[..., Any], program: ArrayProgram) -> None:
        form, layout = path.form, program.layout
        self._form = form
        names = names_of_arguments(f, max(path.origins, default=-1) + 1)
        self._arguments = [names[i] for i in path.origins] + ["drawn"] * (form.n_arguments - len(path.origins))
        self._parameters = [x.label.partition("[")[0] for x in path.parameters]
        self._ids = [np.zeros(length, np.intp) for length in layout.lengths]  # by place on each tape
        for tape, ids in enumerate(self._ids):
            its = np.flatnonzero((form.batched == tape) & (layout.place >= 0))
            ids[layout.place[its]] = its
        self._group = np.zeros(form.first_node + len(form), np.intp)
        for i, group in enumerate(layout.groups):
            self._group[group.nodes] = i

    def read(self, pick: Pick) -> Read:
        """An operand."""
        gathered = pick.strides is None
        return Read(self.of(self._ids[pick.batched][pick.places], gathered), times(pick.shape), gathered)

    def of(self, ids: Ids, gathered: bool = False) -> tuple[Source, ...]:
        """Where these numbers come from, each once; those gathered from unnamed inputs, from all of them."""
        form, ids = self._form, np.unique(ids)
        constants, arguments, parameters, nodes = np.split(
            ids, np.searchsorted(ids, [form.first_argument, form.first_parameter, form.first_node])
        )
        return (
            *[Source("constants", "constants")][: len(constants)],
            *_inputs("arguments", (arguments - form.first_argument).tolist(), self._arguments, gathered),
            *_inputs("parameters", (parameters - form.first_parameter).tolist(), self._parameters, gathered),
            *[Source("group", str(i)) for i in np.unique(self._group[nodes]).tolist()],
        )


def _inputs(kind: Literal["arguments", "parameters"], its: list[int], labels: Sequence[str], gathered: bool) -> list[Source]:
    """Inputs by their labels, ``w0`` for all of ``w0[0,0]``, ``w0[0,1]`` …; if they have none by their numbers."""
    if not its:
        return []
    names = dict.fromkeys([labels[i] for i in its])
    if "" in names or len(names) > _NAMES:
        first, last = its[0], its[-1]
        if gathered or len(its) == len(labels):
            names = {kind: None}
        elif first == last:
            names = {f"{kind}[{first}]": None}
        else:
            names = {f"{kind}[{first}:{last + 1}]" if len(its) == last - first + 1 else f"{kind}[{first}…{last}]": None}
    return [Source(kind, name) for name in names]


# -- what a group computes, and how -----------------------------------------------------------------------------------------


def _computed(group: Placed) -> str:
    if group.row is not None:
        return group.row.name
    products = sum([_terms(block) for block in group.blocks if block.right is not None])
    numbers = sum([_terms(block) for block in group.blocks if block.right is None])
    shifted = isinstance(group.offset, np.ndarray) or group.offset != 0.0
    many = "s" * (len(group.nodes) > 1)
    if products + numbers + shifted == 1:
        return f"product{many}" if products else f"scaled number{many}" if numbers else "constant"
    terms = [_number_of(products, "product"), _number_of(numbers, "number"), "a constant" * shifted]
    return f"sum{many} of {' + '.join(filter(None, terms))}"


def _number_of(n: int, what: str) -> str:
    return f"a {what}" if n == 1 else count(n, what) if n else ""


def _terms(block: Block) -> int:
    return max([x.shape[2] for x in (block.left, block.right, block.weight) if isinstance(x, Pick | Fixed)])


def _how(group: Placed, block: Block, examples: int) -> str:
    """How a block of a sum is computed."""
    n, (rows, columns) = _terms(block), group.shape
    if n == 1:
        return "elementwise"
    if block.right is None:
        return f"sum along {n:,}"
    rows *= examples
    if not block.is_product:
        return f"{rows * columns:,} dot products of {n:,}"
    if rows * columns == 1:
        return f"dot product of {n:,}"
    return f"{rows}×{n} @ {n}×{columns}"


def _how_of_row(group: Placed) -> str:
    terms = sum([x.shape[2] for x in group.operands if isinstance(x, Pick | Fixed)])
    along = any(x.shape[2] > 1 for x in group.operands if isinstance(x, Pick | Fixed))
    return f"reduction of {terms:,}" if along else "elementwise"


# -- words ------------------------------------------------------------------------------------------------------------------


def name_of(f: Callable[..., Any]) -> str:
    """What a function is called."""
    return getattr(f, "__name__", type(f).__name__)


def names_of_arguments(f: Callable[..., Any], n: int) -> list[str]:
    """What it calls its arguments, of which there were ``n``."""
    try:
        names = [name for name, x in signature(f).parameters.items() if x.kind <= x.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"argument {i + 1}" for i in range(n)]


def told(guards: Iterable[Guard]) -> tuple[str, ...]:
    """What has to come out again, and where."""
    return tuple(_counted(map(_told, guards)))


def _told(guard: Guard) -> str:
    outcome = str(guard.outcome) if type(guard.outcome) is bool else f"{guard.outcome:.6g}"
    return f"{outcome} at {shorten(guard.line, 90, placeholder='…')}" if guard.line else f"a comparison is {outcome}"


def _counted(texts: Iterable[str]) -> list[str]:
    """Each text once, with how often it comes."""
    return [f"{n:,}× " * (n > 1) + text for text, n in Counter(texts).items()]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= 4 else [*names[:2], "…", names[-1]])


def times(shape: Iterable[int]) -> str:
    """A shape without its axes of length 1."""
    return "×".join([f"{n:,}" for n in shape if n > 1]) or "1"


def count(n: int, what: str) -> str:
    """So many of them."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    rows = [_HEAD, *rows]
    widths = [max([len(row[i]) for row in rows]) for i in range(len(_HEAD))]
    return [
        "  ".join([f"{x:{'>' if i in _RIGHT else '<'}{width}}" for i, (x, width) in enumerate(zip(row, widths))]).rstrip()
        for row in rows
    ]


def _html_table(rows: Sequence[Sequence[str]]) -> str:
    cell = 'style="padding:2px 10px;text-align:{};border-bottom:1px solid rgba(128,128,128,.3)"'
    cells = [cell.format("right" if i in _RIGHT else "left") for i in range(len(_HEAD))]
    top = "".join([f"<th {style}>{name}</th>" for style, name in zip(cells, _HEAD)])
    body = "".join(
        ["<tr>" + "".join([f"<td {style}>{escape(x)}</td>" for style, x in zip(cells, row)]) + "</tr>" for row in rows]
    )
    style = "border-collapse:collapse;color:inherit;font-variant-numeric:tabular-nums"
    return f'<div style="overflow-x:auto"><table style="{style}"><tr>{top}</tr>{body}</table></div>'


def _line(text: str) -> str:
    return f"<div>{escape(text)}</div>"
