"""A diagram in the language of Graphviz, in the look of micrograd: a record for each node, a small ellipse for each op."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from .diagram import Box, Diagram, number

if TYPE_CHECKING:
    import graphviz

Direction = Literal["LR", "TB"]


def digraph(
    diagram: Diagram, labels: Mapping[int, str] | None = None, *, format: str = "svg", rankdir: Direction = "LR"
) -> "graphviz.Digraph":
    """The diagram as a ``graphviz.Digraph``. Making one needs no program; rendering it needs Graphviz's ``dot``.

    Args:
        diagram: what to draw.
        labels: of arrows, by their place in the diagram.
        format: what ``render`` makes of it: ``svg``, ``png``, ``pdf``, …
        rankdir: ``LR`` from left to right, ``TB`` from top to bottom.

    Raises:
        ValueError: another ``rankdir``, or a format Graphviz does not know.
    """
    import graphviz

    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir is 'LR' (left to right) or 'TB' (top to bottom), not {rankdir!r}")
    drawing = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    for box in diagram.boxes:
        drawing.node(f"n{box.key}", _record(box), shape="record")
        if box.op:
            drawing.node(f"op{box.key}", graphviz.escape(_entity_free(box.symbol)))
            drawing.edge(f"op{box.key}", f"n{box.key}")
    for i, arrow in enumerate(diagram.arrows):
        target = f"op{arrow.target}" if diagram.boxes[arrow.target].op else f"n{arrow.target}"
        label = labels.get(i) if labels else None
        drawing.edge(f"n{arrow.source}", target, label and graphviz.escape(_entity_free(label)))
    return drawing


def svg_by_dot(diagram: Diagram, labels: Mapping[int, str] | None = None) -> str:
    """The picture that Graphviz's ``dot`` makes, as the text of an SVG file.

    Raises:
        graphviz.ExecutableNotFound: the program is not on the search path.
    """
    drawn: str = digraph(diagram, labels).pipe(format="svg", encoding="utf-8")
    return drawn[drawn.index("<svg") :]  # without the prologue, so that it can stand within a page


def _record(box: Box) -> str:
    if box.rows or box.kind == "outside":
        told = [f"{box.label} {box.symbol}".rstrip(), *[f"{name} {value}".rstrip() for name, value in box.rows]]
        return f"{{ {' | '.join(map(_escaped, told))} }}"
    numbers = [f"data {number(box.data, 'z.4f')}"] + ([] if box.grad is None else [f"grad {number(box.grad, 'z.4f')}"])
    if box.kind != "group":
        return f"{{ {' | '.join([_escaped(box.label), *numbers])} }}"
    told = [f"{box.label} {box.symbol}".rstrip(), *filter(None, [box.what]), f"{box.nodes:,} nodes"]
    return f"{{ {' | '.join([*map(_escaped, told), *numbers])} }}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\{}|<>])", r"\\\1", _entity_free(text))


def _entity_free(text: str) -> str:
    return text.replace("&", "&amp;")  # Graphviz reads &lt; as <
