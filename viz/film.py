"""A walk as a strip of film: one picture for each step, all with the same layout, under the step in words.

frame ... the picture of one step
Film .... many, one below the other
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from .moments import extent, moment
from .picture import Picture
from .steps import Walk
from .svg import FONT, INK, PAPER, drawn, stage
from .transcript import sentences, title, transcript

_LINE, _PAD = 20.0, 16.0  # pixels
_BOLD = ("", ' font-weight="bold"')


@dataclass(frozen=True, repr=False)
class Film(Picture):
    """A strip of film: each ``every``-th step of a walk, and the last, one below the other.

    Raises:
        ValueError: ``every`` is not a whole number of at least 1.
    """

    walk: Walk[Any]
    every: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"film: every is a whole number of at least 1, not {self.every!r}")

    @cached_property
    def svg(self) -> str:
        """The strip as the text of an SVG file."""
        last = len(self.walk.steps)
        return _strip(self.walk, sorted({*range(1, last + 1, self.every), last}))

    @property
    def title(self) -> str:
        """What is shown, in one sentence."""
        return title(self.walk)

    def text(self) -> str:
        """Both passes in words."""
        return transcript(self.walk)


def frame(walk: Walk[Any], number: int) -> str:
    """The picture of step ``number`` (from 1) as the text of an SVG file."""
    return _strip(walk, [number])


def _strip(walk: Walk[Any], numbers: Sequence[int]) -> str:
    told = sentences(walk)
    set_up = stage(walk.diagram, extent(walk))
    width = max(set_up.layout.width, 640.0)
    frames: list[str] = []
    y = 0.0
    for number in numbers:
        phase = walk.steps[number - 1].phase
        lines = [
            f"{number} of {len(walk.steps)}, {'forward' if phase == 'forward' else 'backward'}",
            *told[number - 1].split("\n"),
        ]
        spans = "".join(
            f'<tspan x="{_PAD:g}" y="{_PAD + _LINE * (i + 0.5):g}"{_BOLD[i == 0]}>{escape(line)}</tspan>'
            for i, line in enumerate(lines)
        )
        top = _PAD + _LINE * len(lines)
        rule = f'<path d="M0 0H{width:g}" stroke="#cbd5e1"/>' if frames else ""
        frames.append(
            f'<g transform="translate(0 {y:.0f})">{rule}<text font-size="13">{spans}</text>\n'
            f'<g transform="translate(0 {top:g})">\n{drawn(set_up, moment(walk, number))}\n</g></g>'
        )
        y += top + set_up.layout.height
    name = escape(title(walk))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{y:.0f}" viewBox="0 0 {width:.0f} {y:.0f}" '
        f'role="img" aria-label="{name}" font-family="{FONT}" font-size="12" fill="{INK}">\n<title>{name}</title>\n'
        f'<rect width="{width:.0f}" height="{y:.0f}" fill="{PAPER}"/>\n' + "\n".join(frames) + "\n</svg>\n"
    )
