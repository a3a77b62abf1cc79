"""Plot: what a function of this package gives, unless it is handed axes of matplotlib to draw on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..picture import Picture
from . import svg
from .axes import draw_on
from .chart import Chart


@dataclass(frozen=True, repr=False)
class Plot(Picture):
    """Numbers as a picture: a notebook shows it, ``print(plot)`` says it in words, ``plot.save("loss.svg")`` keeps it."""

    charts: tuple[Chart, ...]

    @cached_property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return svg.svg(self.charts, self.title)

    @property
    def title(self) -> str:
        """What is shown, in one sentence."""
        return "; ".join(chart.title for chart in self.charts)

    def text(self) -> str:
        """What is shown: titles, a small curve and numbers for each line, notes."""
        return "\n".join(chart.text() for chart in self.charts)

    __repr__ = text


def shown(charts: Sequence[Chart], ax: Any) -> Any:
    """A Plot of the charts; with ``ax``, an Axes or one for each chart, they are drawn there, and it is returned.

    Raises:
        ValueError: ``ax`` is another number of Axes.
        TypeError: it is none.
    """
    if ax is None:
        return Plot(tuple(charts))
    each = [ax] if hasattr(ax, "plot") else list(getattr(ax, "flat", ax))
    if len(each) != len(charts):
        raise ValueError(f"ax: this plot has {len(charts)} panels, so it takes as many Axes; found {len(each)}")
    for one, chart in zip(each, charts):
        if not hasattr(one, "set_xlabel"):
            raise TypeError(f"ax is an Axes of matplotlib, such as plt.subplots() gives; not {type(one).__name__}")
        draw_on(one, chart)
    return ax
