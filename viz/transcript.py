"""Steps in words: the one text that the terminal, the page, the strip of film and the screen reader all give.

>>> from autograd import Value
>>> from viz.steps import walk
>>> x = Value(3.0, label="x")
>>> y = x**2
>>> print(transcript(walk(y)))
forward
  1  v2 = x ** 2 = 3 ** 2 = 9
backward
  2  v2.grad = 1
  3  x.grad += v2.grad × ∂v2/∂x = 0 + 1 × 6 = 6; ∂v2/∂x = 2 * x ** 1
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .diagram import number
from .steps import Contribution, Step, Walk
from .text import expression, formulas, names
from .writing.slopes import slopes


def transcript(walk: Walk[Any]) -> str:
    """Both passes, one step after the other, each under its number from 1."""
    told = sentences(walk)
    width = len(str(len(told))) + 2
    lines = ["forward"] if walk.steps[0].phase == "forward" else []
    for step, sentence in zip(walk.steps, told):
        if step.phase == "seed":
            lines.append("backward")
        first, *others = sentence.split("\n")
        lines += [f"{step.index + 1:>{width}}  {first}", *[f"{'':{width}}  {other}" for other in others]]
    return "\n".join(lines)


def sentences(walk: Walk[Any]) -> tuple[str, ...]:
    """Each step in words, with its numbers. A step that gives to several operands has a line for each."""
    called, written, formula_of = names(walk.diagram), formulas(walk.diagram), slopes(walk)
    return tuple([_sentence(step, walk, called, written, formula_of) for step in walk.steps])


def _sentence(
    step: Step, walk: Walk[Any], called: Sequence[str], written: Sequence[str], formula_of: Mapping[tuple[int, int], str]
) -> str:
    name = called[step.key]
    is_group = walk.diagram.boxes[step.key].kind == "group"
    match step.phase:
        case "forward" if is_group:
            return f"{written[step.key]}: {number(step.data)}"
        case "forward":
            numbers = list(map(number, step.operands))
            computed = expression(walk.diagram.boxes[step.key], numbers) if _are_numbers(step.operands) else ""
            return " = ".join(dict.fromkeys([written[step.key], computed or number(step.data), number(step.data)]))
        case "seed":
            before = walk.start[step.key]
            return f"{name}.grad = {number(step.grad)}" if _is_zero(before) else f"{name}.grad += {number(step.grad - before)}"
        case _:
            given = [
                _given(c, name, called[c.operand], step, formula_of.get((step.key, c.position), "")) for c in step.contributions
            ]
            return "\n".join(given) or (
                f"{name} hands its gradient on within" if is_group else f"{written[step.key]}: no operand takes a gradient"
            )


def _given(c: Contribution, name: str, operand: str, step: Step, slope: str) -> str:
    upstream, before, after = _short(step.grad), _short(c.before), _short(c.after)
    if c.count:
        counted = f"{c.count:,} contribution{'s' * (c.count != 1)}"
        return f"{operand}.grad += {counted} of {name} = {before} + {_short(c.amount)} = {after}"
    if c.local is None:
        return f"{operand}.grad += vjp of {name}.grad = {before} + {_short(c.amount)} = {after}"
    told = f"{operand}.grad += {name}.grad × ∂{name}/∂{operand} = {before} + {upstream} × {_short(c.local)} = {after}"
    return f"{told}; ∂{name}/∂{operand} = {slope}" if slope else told


def _short(x: Any) -> str:
    return f"({number(x)})" if getattr(x, "shape", ()) else number(x)


def _are_numbers(operands: Sequence[Any]) -> bool:
    return not any(getattr(x, "shape", ()) for x in operands)


def _is_zero(x: Any) -> bool:
    return type(x) is float and x == 0


def title(walk: Walk[Any]) -> str:
    """In one line, what is stepped through."""
    forward = sum(step.phase == "forward" for step in walk.steps)
    steps = f"{forward} step{'s' * (forward != 1)} forward, {len(walk.steps) - forward} back"
    return f"Backpropagation of {formulas(walk.diagram)[-1]}: {steps}"
