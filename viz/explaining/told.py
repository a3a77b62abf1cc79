"""Answers in words: what they share."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

_SHOWN = 8


class Told:
    """An answer that is read, in a terminal or a notebook: a dataclass with a ``text()``."""

    __slots__ = ()

    def text(self) -> str:
        """All of it in words."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers, strings, lists and dicts."""
        return plain(asdict(self))  # type: ignore[no-any-return, call-overload]

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        """The first line."""
        return f"<{self.text().splitlines()[0]}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text())


def plain(x: Any) -> Any:
    """``x`` with its tuples as lists, as in JSON."""
    if isinstance(x, dict):
        return {name: plain(part) for name, part in x.items()}
    return [*map(plain, x)] if isinstance(x, list | tuple) else x


def chained(parts: Sequence[str], link: str) -> str:
    """``parts`` one after the other; of more than eight, the first four and the last three."""
    return link.join(parts if len(parts) <= _SHOWN else [*parts[: _SHOWN // 2], "…", *parts[1 - _SHOWN // 2 :]])
