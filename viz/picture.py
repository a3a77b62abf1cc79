"""What every picture can do: be shown in a notebook, read in a terminal, saved to a file."""

from collections.abc import Callable, Container
from os import PathLike
from pathlib import Path

from . import html
from .files import write_whole
from .png import png


class Picture:
    """A picture and the same in words. A kind of picture gives ``svg``, ``title`` and ``text()``; the rest follows."""

    @property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        raise NotImplementedError(f"{type(self).__name__} has no svg yet; write one")

    @property
    def title(self) -> str:
        """What the picture shows, in one sentence, for who cannot see it."""
        raise NotImplementedError(f"{type(self).__name__} has no title yet; write one")

    def text(self) -> str:
        """What the picture shows, in lines of text."""
        raise NotImplementedError(f"{type(self).__name__} has no text() yet; write one")

    def to_html(self) -> str:
        """A page that needs no other file."""
        return html.page(self.svg, self.text(), self.title)

    def to_png(self) -> bytes:
        """The picture as the bytes of a PNG file.

        Raises:
            ImportError: the extra ``[png]`` is not installed.
        """
        return png(self.svg)

    def _formats(self) -> dict[str, Callable[[], bytes]]:
        """For each ending of a file's name, what goes into the file."""
        return {".svg": lambda: self.svg.encode(), ".png": self.to_png, ".html": lambda: self.to_html().encode()}

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to a file, in the format its name ends in: ``.svg``, ``.png`` or ``.html``; a drawing also ``.dot``.

        The file appears when it is complete; an older one of that name stays until then.

        Raises:
            ValueError: another ending.
            ImportError: for ``.png``, if the extra ``[png]`` is not installed.
            OSError: the file cannot be written.
        """
        path, formats = Path(path), self._formats()
        suffix = path.suffix.lower()
        if suffix not in formats:
            *most, last = formats
            raise ValueError(
                f"save: a {type(self).__name__.lower()} is saved as {', '.join(most)} or {last}, "
                f"not {suffix or 'without an ending'} ({path})"
            )
        write_whole(path, formats[suffix]())

    def _repr_html_(self) -> str:
        return html.fragment(self.svg, self.text(), self.title)

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        forms = {"text/html": self._repr_html_, "text/plain": self.text}
        return {
            mime: form()
            for mime, form in forms.items()
            if (include is None or mime in include) and (exclude is None or mime not in exclude)
        }

    def __repr__(self) -> str:
        """In one line, what is shown."""
        return f"<{self.title}>"
