"""Step through backprop: forward and back, with breakpoints, in a notebook, a page, a terminal, a strip of film.

>>> from autograd import Value
>>> x, w = Value(2.0, label="x"), Value(-3.0, label="w")
>>> stepper = step(x * w, breakpoints=["w"])
>>> print(stepper.text())
forward
  1  v2 = x * w = 2 * -3 = -6
backward
  2  v2.grad = 1
  3  x.grad += v2.grad × ∂v2/∂x = 0 + 1 × -3 = -3
     w.grad += v2.grad × ∂v2/∂w = 0 + 1 × 2 = 2
>>> stepper.run().number, stepper.at
(3, 3)
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np

from autograd import Node

from . import transcript
from .breakpoints import Breakpoint, predicate
from .film import Film, frame
from .folding.boxes import Expand, folding_for
from .folding.insides import ROOM, insides
from .folding.walks import fold_walk
from .picture import Picture
from .steps import Step, Walk, walk
from .text import names
from .widget import View
from .words import printable

ROOM_AN_EDGE = 40  # bytes of pictures of what is in boxes, for each edge of the graph


class Stepper(Picture):
    """One forward and one backward pass, step by step. Steps are numbered from 1, as in ``text()``; ``at`` is where it stands.

    It holds the numbers of the moment when it was made. As the last line of a notebook's cell it is a live view.
    """

    def __init__(self, walk: Walk[Any], breakpoints: Breakpoint | Iterable[Breakpoint] = (), inside: str = "") -> None:
        self.walk = walk
        self.inside = inside  # HTML: what is in the boxes of a folded graph
        self.at = 1
        self.breakpoints: list[Breakpoint] = []
        for where in [breakpoints] if isinstance(breakpoints, str | Node) or callable(breakpoints) else breakpoints:
            self.break_at(where)

    # -- moving about -------------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Step:
        """The step it stands at."""
        return self.walk.steps[self.at - 1]

    def next(self) -> Step:
        """One step on; at the last it stays."""
        return self._move(self.at + 1)

    def back(self) -> Step:
        """One step back; at the first it stays."""
        return self._move(self.at - 1)

    def first(self) -> Step:
        """To the first step."""
        return self._move(1)

    def last(self) -> Step:
        """To the last step."""
        return self._move(len(self))

    def goto(self, where: int | str | Node) -> Step:
        """To the step of that number; or to the next step, from the beginning after the end, that has to do with a node.

        Args:
            where: a step's number, a node, or its label or name, as the text has it.

        Raises:
            IndexError: there is no step of that number.
            LookupError: no step has to do with that node or label.
            TypeError: it is none of these.
        """
        if isinstance(where, int):
            if not 1 <= where <= len(self):
                raise IndexError(f"goto: steps are numbered from 1 to {len(self)}; there is no step {where}")
            return self._move(where)
        if not isinstance(where, str | Node):
            raise TypeError(f"goto takes a step's number, a node or a label, not {type(where).__name__}")
        touches = self._test(where)
        for number in [*range(self.at + 1, len(self) + 1), *range(1, self.at + 1)]:
            if touches(self.walk.steps[number - 1]):
                return self._move(number)
        raise LookupError(
            f"goto: no step of this graph has to do with {_called(where)}; give a node or its name, or a step's number"
        )

    def play(self, seconds: float = 0.0) -> Step:
        """Print each step from here to the next breakpoint, or to the last, ``seconds`` apart."""
        print(self.told)
        stops = set(self.hits)
        while self.at < len(self):
            time.sleep(seconds)
            self.next()
            print(self.told)
            if self.at in stops:
                break
        return self.current

    # -- breakpoints --------------------------------------------------------------------------------------------------------

    def break_at(self, where: Breakpoint) -> "Stepper":
        """Set a breakpoint: a node, its label or name, or a function of a step, ``lambda step: abs(step.grad) > 10``.

        Raises:
            LookupError: that node or name is not part of the graph.
            TypeError: it is none of these.
        """
        predicate(where)
        if isinstance(where, str | Node) and not self._has(where):
            raise LookupError(f"breakpoint: {_called(where)} is not part of this graph; give a node of it or its name")
        self.breakpoints.append(where)
        return self

    @property
    def hits(self) -> list[int]:
        """The numbers of the steps at which a breakpoint holds."""
        tests = list(map(self._test, self.breakpoints))
        return [step.number for step in self.walk.steps if any(test(step) for test in tests)]

    def run(self) -> Step:
        """On to the next breakpoint; without one, to the last step."""
        return self._move(next((number for number in self.hits if number > self.at), len(self)))

    def run_back(self) -> Step:
        """Back to the breakpoint before; without one, to the first step."""
        return self._move(next((number for number in reversed(self.hits) if number < self.at), 1))

    def _test(self, where: Breakpoint) -> Callable[[Step], bool]:
        """A breakpoint as a test of a step of this walk."""
        holds, key = predicate(where), self._keys.get(where, -1) if isinstance(where, str) else -1
        return lambda step: _holds(holds, step) or step.key == key or any(c.operand == key for c in step.contributions)

    def _has(self, where: str | Node) -> bool:
        if isinstance(where, str):
            return where in self._keys or any(node.label == where for node in self.walk.nodes)
        return any(node is where for node in self.walk.nodes)

    @cached_property
    def _keys(self) -> dict[str, int]:
        """The keys of nodes and boxes by the names they have in the text."""
        return {name: key for key, name in enumerate(names(self.walk.diagram))}

    def _move(self, number: int) -> Step:
        self.at = min(max(number, 1), len(self))
        return self.current

    def __iter__(self) -> Iterator[Step]:
        return iter(self.walk.steps)

    def __len__(self) -> int:
        return len(self.walk.steps)

    # -- showing ------------------------------------------------------------------------------------------------------------

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """Each step in words."""
        return transcript.sentences(self.walk)

    @property
    def told(self) -> str:
        """The step it stands at, in words."""
        return self.sentences[self.at - 1]

    @property
    def title(self) -> str:
        """What is stepped through, in one line."""
        return transcript.title(self.walk)

    def text(self) -> str:
        """Both passes in words, one step after the other."""
        return transcript.transcript(self.walk)

    @property
    def svg(self) -> str:
        """The picture of the step it stands at."""
        return frame(self.walk, self.at)

    def film(self, path: str | PathLike[str] | None = None, *, every: int = 1) -> Film:
        """A strip of film, one picture below the other: each ``every``-th step and the last; written to ``path``, if given.

        Raises:
            ValueError: ``path`` has another ending than ``.svg``, ``.png`` or ``.html``, or ``every`` is not at least 1.
            OSError: the file cannot be written.
        """
        strip = Film(self.walk, every)
        if path is not None:
            strip.save(path)
        return strip

    @property
    def _view(self) -> View:
        return View(self.walk, self.hits, self.at, self.inside)

    def to_html(self) -> str:
        """A live page that needs no other file."""
        return self._view.page()

    def _repr_html_(self) -> str:
        return self._view.output()

    def __repr__(self) -> str:
        """In one line, what is stepped through, and where it stands."""
        return f"<{self.title}; at {self.at} of {len(self)}>"


def _holds(test: Callable[[Step], Any], step: Step) -> bool:
    """Whether a predicate holds of a step; of that of a box, whether it holds of a step of one of its nodes; of an array,
    whether it holds of one of its elements."""
    return any(np.any(x) if isinstance(x, np.ndarray) else x for x in map(test, step.parts or (step,)))


def _called(where: str | Node) -> str:
    return where.name if isinstance(where, Node) else f"'{printable(where)}'"


def step(
    root: Node,
    grad: Any = None,
    *,
    accumulate: bool = False,
    breakpoints: Breakpoint | Iterable[Breakpoint] = (),
    fold: bool | None = None,
    depth: int | None = None,
    expand: Expand | None = None,
) -> Stepper:
    """Step through the computation of ``root`` and through ``root.backward()``, with every number. The graph is not touched.

    A graph of more than 150 nodes is folded: a step is then that of a box, and what a box is given is one sum.

    Args:
        root: the result to look back from.
        grad: the cotangent to start from; by default 1.
        accumulate: start from the gradients that leaves hold now, as the next ``backward()`` would, not from 0.
        breakpoints: a node, a label, or a function of a step, or several of these, where ``run()`` stops; see
            ``viz.breakpoints``.
        fold: whether to fold the graph; by default, if it is large, or if ``depth`` or ``expand`` is given.
        depth: how deep modules are shown; see ``viz.fold``.
        expand: boxes to open, by name (``"layers.1"``), module, node, or a function of the box; see ``viz.fold``.

    Raises:
        TypeError: ``root`` is not a node, or a breakpoint is none.
        ValueError: ``root`` is a constant, or an array that needs a cotangent to start from; or there is nothing to fold or
            expand as asked for.
        LookupError: a node or label given as a breakpoint is not part of the graph.
        StaleGraphError, DomainError: as ``backward()``.

    >>> step(loss)  # a live view, as the last line of a notebook's cell  # doctest: +SKIP
    >>> step(loss).save("steps.html")  # the same as a page of its own  # doctest: +SKIP
    """
    walked = walk(root, grad, accumulate=accumulate)
    if folding := folding_for("step", walked.nodes, fold, depth, expand):
        edges = sum([len(node.inputs) for node in walked.nodes])
        inside = insides(folding.told(walked.end), "contributions", min(ROOM, ROOM_AN_EDGE * edges))
        return Stepper(fold_walk(walked, folding), breakpoints, inside)
    return Stepper(walked, breakpoints)
