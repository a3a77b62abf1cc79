"""See the graph behind a value, and step through its backward pass: in a notebook, a file, a terminal.

draw ........ the graph as a picture; ``draw(loss).save("loss.svg")``, ``print(draw(loss).text())``; or a compiled program
step ........ backprop step by step: live, with breakpoints, as a page, a strip of film, a transcript
explain ..... why a gradient is what it is, path by path, and why it is 0
nonfinite ... where the first nan or infinity was born
diff ........ two graphs or two backward passes side by side, the first divergence marked
latex ....... how a node was computed, as a formula; ``formula`` in plain text
textbook .... the graph with stable ops written out as a textbook has them
fold ........ a large graph in few boxes; ``opened`` and ``scalars`` the other way
walk ........ the steps of both passes as data
plots ....... pictures of training; ``replay`` goes through a recorded one step by step
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import breakpoints, plots
    from .comparing import Difference, diff
    from .diagram import Diagram, describe
    from .drawing import Drawing, draw
    from .explaining import Explanation, Nonfinite, explain, nonfinite
    from .folding import Folding, fold
    from .micrograd import draw_dot, trace
    from .opening import opened, scalars
    from .replaying import Replay, replay
    from .rewriting import TEXTBOOK, textbook
    from .stepper import Stepper, step
    from .steps import walk
    from .writing import formula, latex, partial_latex, partial_text

__all__ = [
    "TEXTBOOK",
    "Diagram",
    "Difference",
    "Drawing",
    "Explanation",
    "Folding",
    "Nonfinite",
    "Replay",
    "Stepper",
    "breakpoints",
    "describe",
    "diff",
    "draw",
    "draw_dot",
    "explain",
    "fold",
    "formula",
    "latex",
    "nonfinite",
    "opened",
    "partial_latex",
    "partial_text",
    "plots",
    "replay",
    "scalars",
    "step",
    "textbook",
    "trace",
    "walk",
]

# A program uses few of these, so each is loaded when it is first asked for.
_PLACES = {
    "comparing": ("Difference", "diff"),
    "diagram": ("Diagram", "describe"),
    "drawing": ("Drawing", "draw"),
    "explaining": ("Explanation", "Nonfinite", "explain", "nonfinite"),
    "folding": ("Folding", "fold"),
    "micrograd": ("draw_dot", "trace"),
    "opening": ("opened", "scalars"),
    "replaying": ("Replay", "replay"),
    "rewriting": ("TEXTBOOK", "textbook"),
    "stepper": ("Stepper", "step"),
    "steps": ("walk",),
    "writing": ("formula", "latex", "partial_latex", "partial_text"),
}
_PLACE = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("breakpoints", "plots"):
        return import_module(f".{name}", __name__)
    if name not in _PLACE:
        raise AttributeError(f"module 'viz' has no attribute {name!r}")
    return getattr(import_module(f".{_PLACE[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
