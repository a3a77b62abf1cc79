"""Draw the graph behind a value: in a notebook, a file, a terminal.

>>> draw(loss)  # a picture, as the last line of a notebook's cell  # doctest: +SKIP
>>> draw(loss).save("loss.svg")  # or .png, .html, .dot  # doctest: +SKIP
>>> from autograd import Value
>>> x, y = Value(2.0, label="x"), Value(3.0, label="y")
>>> print(draw(x * y).text())
x            data 2   grad 0
y            data 3   grad 0
v2 = x * y   data 6   grad 0
"""

import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from autograd import Node

from . import dot, html, svg, text
from .diagram import Diagram, Hide, describe, visible
from .folding.boxes import Expand, Folding, folding_for
from .folding.diagrams import EDGES, Edges, diagram_of, hint, labels_of
from .folding.flows import Label, Member, labels
from .folding.insides import insides
from .picture import Picture

if TYPE_CHECKING:
    from autograd.compile import Step


def _by_svg(diagram: Diagram, labels: Mapping[int, str]) -> str:
    return svg.svg(diagram, svg.Marks(labels=labels))


@dataclass(frozen=True, repr=False)
class Drawing(Picture):
    """A graph as it was when it was drawn. A notebook shows it as a picture; ``print(drawing.text())`` works anywhere."""

    diagram: Diagram
    labels: Mapping[int, Label] = field(default_factory=dict, repr=False)  # of arrows, by their place in the diagram
    inside: str = field(default="", repr=False)  # HTML: what is in the boxes, to be opened at a click
    _render: Callable[[Diagram, Mapping[int, str]], str] = field(default=_by_svg, repr=False)
    _title: str = field(default="", repr=False)  # in place of the graph's
    _text: str = field(default="", repr=False)

    @cached_property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return self._render(self.diagram, self._short_labels)

    @property
    def title(self) -> str:
        """What the picture shows, in one sentence."""
        return self._title or svg.summary(self.diagram)

    def text(self) -> str:
        """One line for each node: how it was computed, its data, its gradient; below it one for each arrow that has a label.

        Of a program, what ``explain()`` says of it.
        """
        if self._text:
            return self._text
        lines = text.text(self.diagram, {i: label.full for i, label in self.labels.items()})
        return "\n".join(filter(None, [lines, hint(self.diagram)]))

    def to_dot(self) -> str:
        """The source for Graphviz, to take it to any tool that reads it."""
        return str(dot.digraph(self.diagram, self._short_labels).source)

    def to_html(self) -> str:
        """A page that needs no other file."""
        return html.page(self.svg, self.text(), self.title, self.inside)

    def _repr_html_(self) -> str:
        return html.fragment(self.svg, self.text(), self.title, self.inside)

    @property
    def _short_labels(self) -> dict[int, str]:
        return {i: label.short for i, label in self.labels.items()}

    def _formats(self) -> dict[str, Callable[[], bytes]]:
        return super()._formats() | {".dot": lambda: self.to_dot().encode()}


def draw(
    root: "Node | Step",
    *,
    path: int | None = None,
    fold: bool | None = None,
    depth: int | None = None,
    expand: Expand | None = None,
    edges: Edges = "auto",
    engine: Literal["auto", "dot"] = "auto",
    hide: Hide | None = None,
    max_nodes: int = 1000,
) -> Drawing:
    """Draw the graph behind ``root`` as it is now; of a compiled step its program, a box for each group.

    A graph of more than 150 nodes is folded: layers, perceptrons and nodes that are alike are boxes, which open at a click. An
    arrow between boxes is labelled with the sum of the contributions to gradients that it hides.

    Args:
        root: the result to look back from, or a compiled step.
        path: which of the ``paths`` of a step; by default the first, which was taken last.
        fold: whether to fold the graph; by default, if it is large, or if ``depth`` or ``expand`` is given.
        depth: how deep modules are shown; see ``viz.fold``.
        expand: boxes to open, by name (``"layers.1"``), module, node, or a function of the box; see ``viz.fold``.
        edges: what to label arrows with: ``partials`` (×2), ``contributions`` to gradients (+= 1), ``both`` or ``none``; by
            default contributions, if the graph is folded and has gradients.
        engine: ``auto`` needs no other program; ``dot`` lets Graphviz draw, where it is installed.
        hide: says of a node whether to leave it out, with what leads nowhere else; ``set(model.parameters()).__contains__``.
        max_nodes: how many boxes are accepted; above about 100 a picture is hard to read.

    Raises:
        TypeError: ``root`` is neither.
        ValueError: an argument that is out of range, nothing to expand as asked for, or more boxes than ``max_nodes``.
        StaleGraphError, DomainError: with ``edges`` given, as ``backward()``.

    Warns:
        UserWarning: ``dot`` is asked for and not installed; the drawing is then made without it.
    """
    if engine not in ("auto", "dot"):
        raise ValueError(f"draw: engine is 'auto' or 'dot', not {engine!r}")
    if edges not in EDGES:
        raise ValueError(f"draw: edges is 'partials', 'contributions', 'both', 'none' or 'auto', not {edges!r}")
    if isinstance(root, Node):
        _see_that_none_is_given("compiled steps", path=path)
    if not isinstance(root, Node):
        carried = None if edges == "auto" else edges
        _see_that_none_is_given("graphs", fold=fold, depth=depth, expand=expand, edges=carried, hide=hide)
        drawing = _of_program(root, path or 0, max_nodes)
    elif folding := folding_for("draw", nodes := visible(root, hide), fold, depth, expand):
        drawing = _folded(folding, edges, max_nodes)
    else:
        diagram = describe(root, hide=hide, max_nodes=max_nodes)
        members = [(Member(arrow.source, arrow.target, arrow.position),) for arrow in diagram.arrows]
        drawing = Drawing(
            diagram, {} if edges == "auto" or edges == "none" else labels(nodes, members, edges, lambda key: nodes[key]._grad)
        )
    if engine == "auto":
        return drawing
    if shutil.which("dot"):
        return replace(drawing, _render=dot.svg_by_dot)
    warnings.warn(
        "draw: engine='dot' needs the program dot, which is not on the search path, so engine='auto' drew this; to get it, "
        "install Graphviz: apt install graphviz, brew install graphviz, conda install graphviz, or https://graphviz.org/download",
        UserWarning,
        stacklevel=2,
    )
    return drawing


def _see_that_none_is_given(what_for: str, **options: object) -> None:
    if given := [name for name, x in options.items() if x is not None]:
        raise ValueError(f"draw: {given[0]} is for {what_for}; leave it out")


def _of_program(step: "Step", path: int, max_nodes: int) -> Drawing:
    from . import programs

    report = programs.report(step, path)
    diagram, gathered = programs.diagram_of(report)
    _see_that_they_fit(diagram, max_nodes, "")
    title = programs.title(report, path)
    return Drawing(
        diagram,
        {i: Label("gathered", "gathered") for i in gathered},
        _render=lambda diagram, labels: svg.svg(diagram, svg.Marks(labels=labels, dashed_arrows=gathered), title),
        _title=title,
        _text=f"{title}\n{report}",
    )


def _folded(folding: Folding, edges: Edges, max_nodes: int) -> Drawing:
    diagram, members = diagram_of(folding)
    _see_that_they_fit(diagram, max_nodes, "expand less, lower the depth, or ")
    return Drawing(diagram, labels_of(folding, members, edges), insides(folding, edges))


def _see_that_they_fit(diagram: Diagram, max_nodes: int, ways_out: str) -> None:
    if len(diagram.boxes) > max_nodes:
        raise ValueError(
            f"draw: these are {len(diagram.boxes):,} boxes and the limit is {max_nodes:,}; "
            f"{ways_out}raise the limit (max_nodes=)"
        )
