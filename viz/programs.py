"""The program of a compiled step as a diagram: a box for each group, an arrow for each operand.

Arguments and parameters are boxes of their own, on the left; what is asked for is on the right.
"""

from typing import Literal

from autograd.compile import Step
from autograd.compile.explain import Part, PathReport, Source

from .diagram import Arrow, Box, Diagram


def report(step: Step, path: int) -> PathReport:
    """What a compiled step does on one of its paths.

    Raises:
        TypeError: it is no compiled step.
        ValueError: it has no such path.
    """
    if not isinstance(step, Step):
        raise TypeError(
            f"draw takes a Value, a Tensor or a compiled step, not {type(step).__name__}; "
            "of several values, draw one or their sum"
        )
    told = step.explain()
    if not told.paths:
        raise ValueError(f"draw: {told}; it has no program to draw")
    if path not in range(len(told.paths)):
        raise ValueError(f"draw: path is from 0 to {len(told.paths) - 1}, as explain() numbers them; not {path!r}")
    return told.paths[path]


def title(report: PathReport, path: int) -> str:
    """What the picture shows, in one sentence."""
    return f"Program of {report.name}, paths[{path}]: {report.title}"


def diagram_of(report: PathReport) -> tuple[Diagram, list[int]]:
    """The diagram, and which of its arrows stand for operands that are gathered."""
    if report.made_of:
        return _whole(report), []
    inputs = _inputs(report)
    keys = {source: key for key, source in enumerate(inputs)}
    boxes = [_input(key, source, shape) for key, (source, shape) in enumerate(inputs.items())]
    arrows: list[Arrow] = []
    gathered: list[int] = []
    for i, part in enumerate(report.parts):
        key = keys[Source("group", str(i))] = len(boxes)
        operands = dict.fromkeys([(source, read.is_gathered) for read in part.reads for source in read.sources])
        boxes.append(_group(key, i, part, len(operands)))
        for position, (source, is_gathered) in enumerate(operands):
            gathered += [len(arrows)] * is_gathered
            arrows.append(Arrow(keys[source], key, position))
    for what, sources in report.results:
        key = len(boxes)
        boxes.append(Box(key, what, "", "", False, len(sources), None, None, "outside"))
        arrows += [Arrow(keys[source], key, position) for position, source in enumerate(sources)]
    return Diagram(tuple(boxes), tuple(arrows)), gathered


def _whole(report: PathReport) -> Diagram:
    """A program that has no groups, as one box."""
    sources = [Source("arguments", "arguments"), Source("parameters", "parameters")]
    boxes = [_input(key, x, f"{n:,}") for key, (x, n) in enumerate(zip(sources, [report.arguments, report.parameters]))]
    boxes.append(Box(2, "program", "", "", False, 2, None, None, "group", rows=((report.made_of, ""),)))
    boxes.append(Box(3, "result", "", "", False, 1, None, None, "outside"))
    return Diagram(tuple(boxes), (Arrow(0, 2, 0), Arrow(1, 2, 1), Arrow(2, 3, 0)))


def _inputs(report: PathReport) -> dict[Source, str]:
    """Inputs that are read, and the shape in which a group reads one alone."""
    shapes: dict[Source, str] = {}
    for part in report.parts:
        for read in part.reads:
            alone = len(read.sources) == 1 and not read.is_gathered
            for source in read.sources:
                shapes[source] = shapes.get(source) or read.shape * alone
    for _, sources in report.results:
        for source in sources:
            shapes.setdefault(source, "")
    return {source: shape for source, shape in shapes.items() if source.kind != "group"}


def _input(key: int, source: Source, shape: str) -> Box:
    kind: Literal["leaf", "constant"] = "leaf" if source.kind == "parameters" else "constant"
    return Box(key, source.name, "", "", False, 0, None, None, kind, rows=((source.kind, shape),))


def _group(key: int, i: int, part: Part, arity: int) -> Box:
    word, _, rest = part.computes.partition(" ")
    rows = [(rest, ""), *[(how, "") for how in part.by], ("nodes", part.size)]
    rows.append(("FLOPs", f"{part.forward.flops:,} + {part.backward.flops:,}"))
    return Box(
        key,
        f"{i}: {word}",
        "",
        "@" * bool(part.matrix_products),
        False,
        arity,
        None,
        None,
        "group" if part.nodes > 1 else "op",
        nodes=part.nodes,
        rows=tuple([row for row in rows if row[0]]),
    )
