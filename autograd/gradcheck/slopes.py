"""Slopes of a recorded graph: derivatives along a direction, to the last digits, and how far a gradient can round.

along ............. by complex numbers: the slope on one side
exactly ........... by decimals of 150 digits: on both sides
tangents .......... of every node, not only of the result
gradient_noise .... what rounding does to the gradient that ``backward`` gives
value_noise ....... and to the function itself
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from .. import arrays
from ..graph import Node, holding, keeping_gradients
from .complexes import Complex
from .decimals import Exact
from .replay import COMPLEX, DECIMAL, FLOATS, Program, applied

TINY = 2.0**-100  # the complex step, relative to a direction as long as the inputs are large
Direction = Sequence[Any]  # for each input a float, or an array


def along(program: Program, inputs: Sequence[Node], direction: Direction, side: float = 1.0) -> float:
    """The slope of the result along ``direction``, to the right (``side = 1``) or from the left (-1), by a complex step.

    Raises:
        Exception: whatever an op raises that can't be read with complex numbers.
        ArithmeticError: what came is no finite number.
    """
    if not program.depends:
        return 0.0
    slope = _imaginary(_complex_run(program, inputs, direction, side)[program.root]) / (side * TINY)
    slope = float(np.asarray(slope).reshape(()))
    if slope != slope:
        raise ArithmeticError("no finite slope")
    return slope


def _complex_run(program: Program, inputs: Sequence[Node], direction: Direction, side: float) -> dict[Node, Any]:
    moved: dict[Node, Any] = {}
    for x, v in zip(inputs, direction):
        if type(x).xp is arrays:
            moved[x] = np.asarray(x._data, np.float64) + 1j * (side * TINY * np.asarray(v))
        else:
            moved[x] = Complex(complex(x._data, side * TINY * v))
    return program.run(COMPLEX, moved)


def _imaginary(x: Any) -> Any:
    if isinstance(x, Complex):
        return x.z.imag
    return np.imag(x) if isinstance(x, np.ndarray | np.generic | complex) else 0.0


def exactly(program: Program, inputs: Sequence[Node], direction: Direction, step: str = "1e-40") -> tuple[float, float]:
    """The slopes of the result along ``direction``, from the left and to the right, by decimals and a step so small.

    Raises:
        Exception: whatever an op raises that can't be read with decimals.
    """
    if not program.depends:
        return 0.0, 0.0
    h = Decimal(step)
    left, here, right = (_decimal_run(program, inputs, direction, h * side) for side in (-1, 0, 1))
    return float((here - left) / h), float((right - here) / h)


def _decimal_run(program: Program, inputs: Sequence[Node], direction: Direction, step: Decimal) -> Any:
    moved = dict(zip(inputs, _decimal_inputs(inputs, direction, step)))
    z = program.run(DECIMAL, moved)[program.root]
    return (z if isinstance(z, Exact) else np.asarray(z, object).reshape(-1)[0]).d


def _decimal_inputs(inputs: Sequence[Node], direction: Direction, step: Decimal) -> list[Any]:
    moved: list[Any] = []
    for x, v in zip(inputs, direction):
        if type(x).xp is not arrays:
            moved.append(_shifted(x._data, v, step))
            continue
        array = np.empty(np.shape(x._data), object)
        for place in np.ndindex(array.shape):
            array[place] = _shifted(np.asarray(x._data)[place], np.asarray(v)[place], step)
        moved.append(array)
    return moved


def _shifted(x: Any, v: Any, step: Decimal) -> Exact:
    return Exact(Decimal(float(x))) + Exact(Decimal(float(v))) * Exact(step)


def unreadable(program: Program, inputs: Sequence[Node]) -> Node | None:
    """The first node whose op can't be read with decimals."""
    found: dict[Node, Any] = dict(
        zip(inputs, _decimal_inputs(inputs, [np.zeros(np.shape(x._data)) for x in inputs], Decimal(0)))
    )
    for node in program.live:
        try:
            found[node] = applied(node, DECIMAL, [found.get(x, x._data) for x in node.inputs])
        except Exception:  # whatever a user's function raises
            return node
    return None


def one_sided_tangents(program: Program, inputs: Sequence[Node], direction: Direction) -> tuple[dict[Node, Any], ...]:
    """For each live node how it moves along ``direction``, to the right and from the left."""
    runs = [(_complex_run(program, inputs, direction, side), side) for side in (1.0, -1.0)]
    return tuple([{node: _imaginary(x) / (side * TINY) for node, x in run.items()} for run, side in runs])


def tangents(program: Program, inputs: Sequence[Node], direction: Direction) -> dict[Node, Any]:
    """For each live node how it moves along ``direction``: by a complex step, else by a central difference."""
    try:
        run = _complex_run(program, inputs, direction, 1.0)
        return {node: _imaginary(x) / TINY for node, x in run.items()}
    except Exception:  # an op written for floats alone
        step = 2.0**-17
        up, down = (
            program.run(FLOATS, {x: x._data + side * step * v for x, v in zip(inputs, direction)}) for side in (1.0, -1.0)
        )
        return {node: (up[node] - down[node]) / (2 * step) for node in up}


def gradient_noise(program: Program, inputs: Sequence[Node], claimed: Sequence[Any], unit: float, looks: int = 4) -> list[Any]:
    """How far rounding may carry each element of the gradient: what it moves by when its numbers get errors at random.

    The results of the ops, and the cotangents on their way, get relative errors, as in Monte Carlo arithmetic: large ones, of
    which the effect is scaled back; and such of a unit or two, in the inputs too, which show what the ops themselves round, and
    where the scaling does not hold. Of those the second smallest counts, since one unit may flip a choice between two
    numbers that are all but equal.

    Source: Parker, *Monte Carlo Arithmetic* (1997).
    """
    rng = np.random.default_rng(0)
    much = 2.0**-34 if unit < 2.0**-30 else 2.0**-12
    choosing = {node for node in program.computed if _chooses(node)}
    scaled = [_moved_by(program, inputs, claimed, choosing, (much, 0.0), rng, math.nan) for _ in range(looks)]
    bare = [_moved_by(program, inputs, claimed, choosing, (2 * unit, 2 * unit), rng, math.inf) for _ in range(looks + 1)]
    return [
        np.fmax(np.fmax.reduce([m[i] for m in scaled]) * (unit / much), np.sort([m[i] for m in bare], axis=0)[1])
        + 4 * unit * np.max(np.abs(g), initial=0.0)  # arrays are computed to within a unit of their largest element
        for i, g in enumerate(claimed)
    ]


def _moved_by(
    program: Program,
    inputs: Sequence[Node],
    claimed: Sequence[Any],
    choosing: set[Node],
    sizes: tuple[float, float],
    rng: "np.random.Generator",
    beyond: float,
) -> list[Any]:
    """How far each element of the gradient moves under relative errors of results and of inputs; ``beyond`` where they leave
    the domain."""
    size, of_inputs = sizes
    before = [(node, node._data) for node in program.computed]
    try:
        with holding(inputs, [_noisy(x._data, of_inputs, rng) for x in inputs]):
            for node in program.computed:
                node._data = _noisy_result(node, size, node in choosing, rng)
            return [np.abs(new - g) for new, g in zip(_noisy_gradient(program, inputs, size, rng), claimed)]
    except (ArithmeticError, ValueError):
        return [np.full(np.shape(g), beyond) for g in claimed]
    finally:
        for node, data in before:
            node._data = data


def _noisy_result(node: Node, size: float, chosen: bool, rng: "np.random.Generator") -> Any:
    """The op done on what its operands are now, and rounded at random unless it only chooses among them or moves them."""
    with np.errstate(all="ignore"):
        z = applied(node, FLOATS, [x._data for x in node.inputs])
    return z if chosen else _noisy(z, size, rng)


def _chooses(node: Node) -> bool:
    """Whether the op gives one of its operands as it is, or elements of them: no rounding then."""
    rng = np.random.default_rng(1)
    try:
        with np.errstate(all="ignore"):
            marked = [_marked(x, rng) for x in node.inputs]
            z = applied(node, COMPLEX, marked)
    except Exception:  # an op written for floats alone
        return False
    return bool(np.all(np.isin(_plain(z), np.concatenate([np.ravel(_plain(x)) for x in marked]))))


def _marked(x: Node, rng: "np.random.Generator") -> Any:
    """The datum of ``x`` with an imaginary part that nothing else has."""
    if type(x).xp is arrays:
        return np.asarray(x._data, np.float64) + 1j * TINY * rng.uniform(1, 2, np.shape(x._data))
    return Complex(complex(x._data, TINY * float(rng.uniform(1, 2))))


def _plain(x: Any) -> Any:
    return x.z if isinstance(x, Complex) else x


def _noisy(x: Any, size: float, rng: "np.random.Generator") -> Any:
    if type(x) is float:
        return x * (1.0 + size * float(rng.uniform(-1, 1)))
    return (x * (1.0 + size * rng.uniform(-1, 1, np.shape(x)))).astype(np.asarray(x).dtype)


def _noisy_gradient(program: Program, inputs: Sequence[Node], size: float, rng: "np.random.Generator") -> list[Any]:
    touched = [*program.leaves, *program.computed]
    with keeping_gradients(touched), np.errstate(all="ignore"):
        for node in touched:
            node._grad = 0.0
        root = program.root
        root._grad = np.ones(np.shape(root._data), root._data.dtype) if type(root).xp is arrays else 1.0
        for node in reversed(program.computed):
            node._grad = _noisy(node._grad, size, rng)
            node.op.pull(node)  # type: ignore[union-attr]
        return [np.array(x._grad) + np.zeros(np.shape(x._data)) for x in inputs]


def value_noise(program: Program, unit: float) -> float:
    """A first-order bound of the rounding error of the result: ``Σ unit |v| |∂f/∂v|`` over the nodes, by their gradients.

    Source: Higham, *Accuracy and Stability of Numerical Algorithms* (2002), chapter 3.
    """
    with np.errstate(all="ignore"):
        total = sum(float(np.sum(np.abs(np.asarray(x._data) * np.asarray(x._grad)))) for x in program.computed)
    return 2.0 * unit * total if np.isfinite(total) else 0.0
