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
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Literal

from autograd import Node

from . import dot, html, svg, text
from .diagram import Diagram, Hide, describe
from .files import write_whole
from .png import png


@dataclass(frozen=True)
class Drawing:
    """A graph as it was when it was drawn. A notebook shows it as a picture; ``print(drawing.text())`` works anywhere."""

    diagram: Diagram
    _render: Callable[[Diagram], str] = field(default=svg.svg, repr=False)

    @cached_property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return self._render(self.diagram)

    def text(self) -> str:
        """One line for each node: how it was computed, its data, its gradient."""
        return text.text(self.diagram)

    def to_dot(self) -> str:
        """The source for Graphviz, to take it to any tool that reads it."""
        return str(dot.digraph(self.diagram).source)

    def to_html(self) -> str:
        """A page that needs no other file."""
        return html.page(self.svg, self.text(), svg.summary(self.diagram))

    def to_png(self) -> bytes:
        """The picture as the bytes of a PNG file.

        Raises:
            ImportError: the extra ``[png]`` is not installed.
        """
        return png(self.svg)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the drawing to a file, in the format its name ends in: ``.svg``, ``.png``, ``.html`` or ``.dot``.

        The file appears when it is complete; an older one of that name stays until then.

        Raises:
            ValueError: another ending.
            ImportError: for ``.png``, if the extra ``[png]`` is not installed.
            OSError: the file cannot be written.
        """
        path = Path(path)
        match path.suffix.lower():
            case ".svg":
                content = self.svg.encode()
            case ".png":
                content = self.to_png()
            case ".html":
                content = self.to_html().encode()
            case ".dot":
                content = self.to_dot().encode()
            case suffix:
                raise ValueError(
                    f"save: a drawing is saved as .svg, .png, .html or .dot, not {suffix or 'without an ending'} ({path})"
                )
        write_whole(path, content)

    def _repr_html_(self) -> str:
        return html.fragment(self.svg, self.text(), svg.summary(self.diagram))

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        forms = {"text/html": self._repr_html_, "text/plain": self.text}
        return {
            mime: form()
            for mime, form in forms.items()
            if (include is None or mime in include) and (exclude is None or mime not in exclude)
        }

    def __repr__(self) -> str:
        """In one line, what is drawn."""
        return f"<{svg.summary(self.diagram)}>"


def draw(root: Node, *, engine: Literal["auto", "dot"] = "auto", hide: Hide | None = None, max_nodes: int = 1000) -> Drawing:
    """Draw the graph behind ``root`` as it is now.

    Args:
        root: the result to look back from.
        engine: ``auto`` needs no other program; ``dot`` lets Graphviz draw, where it is installed.
        hide: says of a node whether to leave it out, with what leads nowhere else; ``set(model.parameters()).__contains__``.
        max_nodes: how many nodes are accepted; above about 100 a picture is hard to read.

    Raises:
        TypeError: ``root`` is not a node.
        ValueError: an unknown engine, or more nodes than ``max_nodes``.

    Warns:
        UserWarning: ``dot`` is asked for and not installed; the drawing is then made without it.
    """
    if engine not in ("auto", "dot"):
        raise ValueError(f"draw: engine is 'auto' or 'dot', not {engine!r}")
    diagram = describe(root, hide=hide, max_nodes=max_nodes)
    if engine == "auto":
        return Drawing(diagram)
    if shutil.which("dot"):
        return Drawing(diagram, dot.svg_by_dot)
    warnings.warn(
        "draw: engine='dot' needs the program dot, which is not on the search path, so engine='auto' drew this; to get it, "
        "install Graphviz: apt install graphviz, brew install graphviz, conda install graphviz, or https://graphviz.org/download",
        UserWarning,
        stacklevel=2,
    )
    return Drawing(diagram)
