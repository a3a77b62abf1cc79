"""See the graph behind a value: as a picture in a notebook, in a file, in a terminal.

>>> draw(loss)  # doctest: +SKIP
>>> draw(loss).save("loss.svg")  # doctest: +SKIP
>>> print(draw(loss).text())  # doctest: +SKIP
"""

from .diagram import Diagram, describe
from .drawing import Drawing, draw
from .micrograd import draw_dot, trace
from .opened import opened

__all__ = ["Diagram", "Drawing", "describe", "draw", "draw_dot", "opened", "trace"]
