"""A diagram in the language of Graphviz, in the look of micrograd: a record for each node, a small ellipse for each op."""

import re
from typing import TYPE_CHECKING, Literal

from .diagram import Box, Diagram, number

if TYPE_CHECKING:
    import graphviz

Direction = Literal["LR", "TB"]


def digraph(diagram: Diagram, *, format: str = "svg", rankdir: Direction = "LR") -> "graphviz.Digraph":
    """The diagram as a ``graphviz.Digraph``. Making one needs no program; rendering it needs Graphviz's ``dot``.

    Args:
        diagram: what to draw.
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
    for arrow in diagram.arrows:
        drawing.edge(f"n{arrow.source}", f"op{arrow.target}")
    return drawing


def svg_by_dot(diagram: Diagram) -> str:
    """The picture that Graphviz's ``dot`` makes, as the text of an SVG file.

    Raises:
        graphviz.ExecutableNotFound: the program is not on the search path.
    """
    drawn: str = digraph(diagram).pipe(format="svg", encoding="utf-8")
    return drawn[drawn.index("<svg") :]  # without the prologue, so that it can stand within a page


def _record(box: Box) -> str:
    label = re.sub(r"([\\{}|<>])", r"\\\1", _entity_free(box.label))
    return f"{{ {label} | data {number(box.data, 'z.4f')} | grad {number(box.grad, 'z.4f')} }}"


def _entity_free(text: str) -> str:
    return text.replace("&", "&amp;")  # Graphviz reads &lt; as <
