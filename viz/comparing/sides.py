"""The two things compared, as plain data: names, structure and numbers of each graph at its moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..diagram import Diagram
from ..steps import Contribution, Step, Walk
from ..text import formulas, names
from .numbers import size


@dataclass(frozen=True)
class Side:
    """A walk with what is asked of it again and again; nodes are known by their keys. ``claimed`` are gradients that hold in
    place of the walk's: those of a learner's own pass. ``name`` is what the side is called in words."""

    walk: Walk[Any]
    claimed: Mapping[int, Any] = field(default_factory=dict)
    name: str = "graph"

    @property
    def root(self) -> int:
        """The key of the root."""
        return len(self.walk.nodes) - 1

    @property
    def diagram(self) -> Diagram:
        """How the graph is built. Its gradients are those that nodes held: look into ``gradients`` instead."""
        return self.walk.diagram

    @cached_property
    def names(self) -> list[str]:
        """A name for each node."""
        return names(self.diagram)

    @cached_property
    def formulas(self) -> list[str]:
        """How each node was computed, in words."""
        return formulas(self.diagram)

    @cached_property
    def operands(self) -> list[tuple[int, ...]]:
        """The operands of each node."""
        keys = {node: key for key, node in enumerate(self.walk.nodes)}
        return [tuple([keys[x] for x in node.inputs]) for node in self.walk.nodes]

    @cached_property
    def data(self) -> list[Any]:
        """The number of each node."""
        data: list[Any] = [None] * len(self.walk.nodes)
        for step in self.walk.steps:
            data[step.key] = step.data
            for key, x in zip(self.operands[step.key], step.operands):
                data[key] = x
        return data

    @cached_property
    def gradients(self) -> list[Any]:
        """The gradient of each node when all is done."""
        gradients = list(self.walk.start)
        gradients[self.root] = self.seed.grad
        for step in self.backward.values():
            for given in step.contributions:
                gradients[given.operand] = given.after
        for key, gradient in self.claimed.items():
            gradients[key] = gradient
        return gradients

    @cached_property
    def magnitudes(self) -> list[Any]:
        """For each node the sum of the absolute values of all that its gradient is made of."""
        sums = [size(x) for x in self.walk.start]
        sums[self.root] = size(self.seed.grad)
        for step in self.backward.values():
            for given in step.contributions:
                sums[given.operand] = sums[given.operand] + size(given.amount)
        return sums

    @cached_property
    def seed(self) -> Step:
        """The step that sets the gradient of the root."""
        return next(step for step in self.walk.steps if step.phase == "seed")

    @cached_property
    def backward(self) -> Mapping[int, Step]:
        """The backward step of each computed node, in order."""
        return {step.key: step for step in self.walk.steps if step.phase == "backward"}

    @cached_property
    def uses(self) -> Mapping[int, Sequence[tuple[Step, Contribution]]]:
        """For each node that is given something in the backward pass, by whom and what, in order."""
        uses: dict[int, list[tuple[Step, Contribution]]] = {}
        for step in self.backward.values():
            for given in step.contributions:
                uses.setdefault(given.operand, []).append((step, given))
        return uses
