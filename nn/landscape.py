"""The loss around a model's parameters, on a plane through them: which plane, and how high the loss is there.

two parameters ................. weights_plane
where a run of training went ... path_plane
at random ...................... random_plane
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np

from .diagnostics import gradients
from .evaluation import means, see_that_it_is_a_loss
from .examples import Examples
from .kinds import Floats
from .losses import Loss
from .module import Module
from .progress import progress
from .rng import Rng

State = Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Plane:
    """The states ``centre + a · right + b · up``; ``names`` are those of the two axes."""

    centre: State
    right: State
    up: State
    names: tuple[str, str]

    def at(self, a: float, b: float) -> dict[str, Floats]:
        """The state at the coordinates ``(a, b)``."""
        return {name: self.centre[name] + a * self.right[name] + b * self.up[name] for name in self.centre}

    def coordinates(self, frames: State) -> Floats:
        """Where states, stacked as in a Record's ``values``, lie on the plane (their perpendiculars' feet), ``(n, 2)``."""
        axes = np.stack([_vector(self.right), _vector(self.up)], axis=1)
        feet = np.linalg.lstsq(axes, (_vectors(frames) - _vector(self.centre)).T)[0]
        return np.asarray(feet.T, dtype=np.float64)


def weights_plane(model: Module, names: tuple[str, str]) -> Plane:
    """The plane of two parameters, by name as in ``named_parameters``; coordinates are their values, all others stay.

    Raises:
        ValueError: there are no such two.
    """
    index = {name: i for i, name in enumerate(_names(model))}
    if len(names) != 2 or names[0] == names[1] or not index.keys() >= set(names):
        raise ValueError(f"weights: two names of parameters, such as {tuple(list(index)[:2])}; not {names!r}")
    centre = model.state_dict()
    rest, axes = _vector(centre), np.zeros((2, len(index)))
    for axis, name in zip(axes, names):
        rest[index[name]], axis[index[name]] = 0.0, 1.0
    return Plane(_state(rest, centre), _state(axes[0], centre), _state(axes[1], centre), names)


class Path(Protocol):
    """Where training went; a ``Record`` is one."""

    @property
    def values(self) -> State:
        """All that is kept at each moment, arrays of shape ``(frames, …)``, by name."""

    @property
    def gradients(self) -> State:
        """The gradients of what is trained."""


def path_plane(record: Path) -> Plane:
    """The plane that lies closest to the path of a Record: its end, and the first two principal directions of the frames
    about it. The names of the axes tell how much of the path's variance lies along each. What is not trained (running means)
    stays as it was at the end.

    Raises:
        ValueError: the record has fewer than 3 frames, or its parameters never moved.

    Source: Li, Xu, Taylor, Studer, Goldstein, *Visualizing the Loss Landscape of Neural Nets* (2018), section 7.2.
    """
    moves = {
        name: np.subtract(a, a[-1:], dtype=np.float64) if name in record.gradients else np.zeros(a.shape)
        for name, a in record.values.items()
    }
    frames = _vectors(moves) if moves else np.zeros((0, 0))
    if len(frames) < 3 or not frames.any():
        raise ValueError(f"the path of {record!r} spans no plane; record at least 2 steps that move the parameters")
    _, sizes, directions = np.linalg.svd(frames, full_matrices=False)
    if len(directions) < 2:
        raise ValueError("the path of a single parameter spans no plane; name two weights of a larger model")
    shares = (sizes / sizes[0]) ** 2  # so that no square overflows
    shares /= shares.sum()
    largest = directions[np.arange(len(directions)), abs(directions).argmax(axis=1)]
    directions *= np.sign(largest)[:, None]  # same on every machine
    like = {name: array[-1] for name, array in record.values.items()}
    names = tuple(f"PCA {i + 1}: {share:.1%} of variance" for i, share in enumerate(shares[:2].tolist()))
    return Plane(like, _state(directions[0], like), _state(directions[1], like), (names[0], names[1]))


def random_plane(model: Module, *, rng: Rng = None) -> Plane:
    """The plane through the model's parameters along two random directions, each scaled filter by filter.

    The part of a direction that belongs to one unit (a column of a weight matrix; a filter of a convolution; a vector as a
    whole) gets the length of that unit's weights, so that planes of different models can be compared. What is not trained
    (running means) stays.

    Raises:
        ValueError: the model has no parameters.

    Source: Li, Xu, Taylor, Studer, Goldstein, *Visualizing the Loss Landscape of Neural Nets* (2018), section 4.
    """
    rng = np.random.default_rng(rng)
    centre, trained = model.state_dict(), gradients(model)
    if not trained:
        raise ValueError(f"{model} has no parameters, so its loss has no landscape")

    def direction() -> dict[str, Floats]:
        still = {name: np.zeros_like(array) for name, array in centre.items()}
        return still | {name: _like_filters(rng.normal(size=centre[name].shape), centre[name]) for name in trained}

    return Plane(centre, direction(), direction(), ("random direction 1", "random direction 2"))


def _like_filters(direction: Floats, weights: Floats) -> Floats:
    axes = {2: (0,), 4: (1, 2, 3)}.get(weights.ndim)  # columns, or filters
    of_weights, of_direction = [np.hypot.reduce(x, axis=axes, keepdims=True) for x in (weights, direction)]
    return np.asarray(direction * (of_weights / of_direction))


def surface(
    model: Module, loss: Loss, x: Any, y: Any, plane: Plane, a: Sequence[float] | Floats, b: Sequence[float] | Floats
) -> Floats:
    """The loss of ``model`` on ``x`` and ``y``, as ``fit`` takes them, over a grid on ``plane``, shape ``(len(b), len(a))``;
    inf or nan where it overflows. The model has its own parameters again afterwards, whatever happens.

    Raises:
        ValueError: the numbers of examples and targets disagree or are 0, or the plane is of another model.
        TypeError: the loss is no function.
    """
    see_that_it_is_a_loss("surface", loss)
    examples = Examples(model, x, y, "surface")
    before = model.state_dict()

    def height(state: State) -> float:
        model.load_state_dict(state)
        try:
            return means(model, examples, loss, {}, batch=1024)["loss"]
        except ArithmeticError:
            return float("inf")

    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            heights = [
                height(plane.at(left, up))
                for up, left in progress(list(product(b, a)), desc="landscape", delay=1.0, leave=False)
            ]
    finally:
        model.load_state_dict(before)
    return np.array(heights).reshape(len(b), len(a))


def _names(model: Module) -> list[str]:
    """A name for each number of ``state_dict``, in order, as ``named_parameters`` writes them."""
    return [
        name + (f"[{', '.join(map(str, index))}]" if index else "")
        for name, array in model.state_dict().items()
        for index in np.ndindex(array.shape)
    ]


def _vector(state: State) -> Floats:
    return np.concatenate([array.ravel() for array in state.values()])


def _vectors(frames: State) -> Floats:
    return np.concatenate([array.reshape(len(array), -1) for array in frames.values()], axis=1)


def _state(vector: Floats, like: State) -> dict[str, Floats]:
    pieces = np.split(vector, np.cumsum([array.size for array in like.values()])[:-1])
    return {name: piece.reshape(array.shape) for piece, (name, array) in zip(pieces, like.items())}
