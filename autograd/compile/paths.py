"""One path through a function: the program of what it computes when its comparisons come out in one way."""

import gc
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from math import prod
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import callers_depth
from ..graph import Node, constant, tick
from ..leaves import vector_of
from ..recording import record_anyhow, witnessed
from ..trees import flatten_to_arrays
from ..value import Value
from .arguments import Taken, is_floating, is_number
from .canonical import canonical
from .choice import Program, program_maker
from .form import Form, Ids
from .record import NotCompilable, Record, record
from .witness import Draws, Scribe, Whole, traced

Array = NDArray[Any]
SIZES = 24  # numbers of examples for which programs are kept


class Run:
    """One run of ``f`` on arguments (with ``batch``, on one example of them), recorded.

    Raises:
        NotCompilable: ``f`` does what can't be done again from its record.
    """

    def __init__(
        self, f: Callable[..., Any], taken: Taken, parameters: Sequence[Node], batch: bool, draws: Draws, example: int = 0
    ) -> None:
        since = tick()
        given = taken.numbers_of(example) if batch else taken.numbers
        nodes = [traced(x, Value if is_floating(x) else Whole) for x in given]
        scribe = Scribe(draws)
        with all_traced(parameters), record_anyhow(), witnessed(scribe):
            result = _called(f, taken.with_numbers(nodes))
            root, self.others, self.nest = opened(result)
        if not isinstance(root, Value):
            raise TypeError(
                "compile: f gives a Tensor, and its parameters are Values; give a Value, or pass Tensors as parameters"
            )
        if not root.requires_grad:
            _warn_of_no_derivative(result)
        self.random = scribe.random
        self.guards = [guard for guard in scribe.guards.values() if guard.node.requires_grad]
        self.checks = scribe.checks
        self.shared = [batch and not np.ndim(x) for x in taken.numbers]  # whether it is one number for all examples
        self.arguments = _nodes_in(x for x, one in zip(nodes, self.shared) if not one)
        self.origins = [i for i, x, one in zip(taken.origins, nodes, self.shared) if not one for _ in _nodes(x)]
        self.alone = _nodes_in(x for x, one in zip(nodes, self.shared) if one)
        checked = [node for _, operands in self.checks for node in _nodes_in(operands)]
        self.record = record(
            [root, *_nodes_in(self.others), *[guard.node for guard in self.guards], *checked],
            [*self.arguments, *_nodes_in(drawn for _, drawn in self.random)],
            [x for x in parameters if x.requires_grad],
            [*self.alone, *[x for x in parameters if not x.requires_grad]],
            since,
        )
        own = set(self.alone)
        read = [None if x in own else x for x in self.record.parameters]
        self.constants = [*read, *[None if _nodes(x) else x for x in self.others]]  # what has to be the same in another run

    def is_same(self, record: Record, constants: Sequence[Any]) -> bool:
        """Whether the same was computed, and given beside, as in another run."""
        return self.record.is_same(record) and all(map(are_equal, self.constants, constants))


def _called(f: Callable[..., Any], args: Sequence[Any]) -> Any:
    try:
        return f(*args)
    except NotCompilable:
        raise
    except Exception as error:
        with witnessed(None):
            why = f"{type(error).__name__}: {error}"
        raise NotCompilable(f"f does with its arguments what only plain numbers can ({why})") from error


def are_equal(x: Any, y: Any) -> bool:
    """Of what has no number, only that it is of one type."""
    if isinstance(x, Node):
        return x is y
    if not isinstance(x, Real | str | np.ndarray):
        return type(x) is type(y)
    a, b = np.asarray(x), np.asarray(y)
    return np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")


class Path:
    """The program of a run, for other numbers."""

    def __init__(self, run: Run, parameters: Sequence[Node], batch: bool) -> None:
        self.guards = run.guards
        self.random = run.random
        self.nest = run.nest
        self.record: Record | None = run.record  # until it is found that f does the same when it is run again
        self.constants = run.constants
        self._others = run.others
        self._shared = run.shared
        self._n_numbered, self._n_guards = len(_nodes_in(run.others)), len(run.guards)
        places = count(1)
        self._filled = [_Filled(x, places) if _nodes(x) else None for x in run.others]
        places = count(1 + self._n_numbered + self._n_guards)
        self._checks = [(check, [_Filled(x, places) for x in operands]) for check, operands in run.checks]
        given = set(run.arguments)
        self._checks_anew = [filled for filled, (_, xs) in zip(self._checks, run.checks) if not given.issuperset(_nodes_in(xs))]
        self.n_recorded = run.record.n_computed
        self.origins = run.origins  # for each number among the arguments of the program, in which argument of f it was
        self._drawn_at = [guard.drawn for guard in self.guards]
        self._shapes = [np.shape(drawn) for _, drawn in self.random]
        self._outcomes = np.array([float(guard.outcome) for guard in self.guards])
        self._is_truth = np.array([type(guard.outcome) is bool for guard in self.guards], bool)
        self._lay_out(run.record, [*parameters, *run.alone], len(parameters), batch)

    def _lay_out(self, found: Record, known: Sequence[Node], n: int, batch: bool) -> None:
        self.form: Form = canonical(found, batch)
        self._make, self._arguments, order = program_maker(self.form, batch)
        self._arguments_in_order = _is_in_order(self._arguments)
        places = {x: i for i, x in enumerate(known)}
        self.beyond = [x for x in found.parameters if x not in places]  # that f takes from around it
        places.update({x: len(known) + i for i, x in enumerate(self.beyond)})
        self.parameters = found.parameters
        self._parameters = np.array([places[found.parameters[i]] for i in order.tolist()], np.intp)
        self._n = len(known) + len(self.beyond)
        self._n_more = self._n - n  # numbers beside the parameters
        self._parameters_in_order = self._n == len(order) and _is_in_order(self._parameters)
        self._programs: dict[int | None, Program] = {}
        self._trained = [x.requires_grad for x in self.beyond]
        self.loaded: Taken | None = None  # where nothing is drawn, the arguments that the program holds

    def is_same(self, other: "Path") -> bool:
        """Whether it computes the same, and its comparisons come out the same."""
        return self.form.is_same(other.form) and np.array_equal(self._outcomes, other._outcomes)

    @property
    def is_current(self) -> bool:
        """Whether what f takes from around it takes a gradient where it did."""
        return [x.requires_grad for x in self.beyond] == self._trained

    @property
    def programs(self) -> Mapping[int | None, Program]:
        """Those made so far, by numbers of examples."""
        return self._programs

    def program(self, vector: Array, examples: int | None = None) -> Program:
        """The program, for so many examples at once; if it can, it reads the parameters where they are in ``vector``."""
        if examples not in self._programs:
            if len(self._programs) == SIZES:
                del self._programs[next(iter(self._programs))]
            self._programs[examples] = self._make(examples, vector if self._parameters_in_order and not self._n_more else None)
        return self._programs[examples]

    # -- a run --------------------------------------------------------------------------------------------------------------

    def drawn(self, before: Sequence[Array]) -> list[Array] | None:
        """What f draws on this path, of which it has drawn some ``before``; None if it goes another way."""
        more = [np.asarray(draw(), float) for draw, _ in self.random[len(before) :]]
        found = [*before, *more][: len(self.random)]
        return found if [x.shape for x in found] == self._shapes else None

    def sure(self, drawn: list[Array], outputs: Array | None = None) -> list[Array]:
        """Of what was drawn, all that was before the first comparison that came out otherwise; or, without ``outputs``, that
        might have."""
        failed = np.flatnonzero(~self._agree(outputs)) if outputs is not None else range(len(self.guards))
        return drawn[: self._drawn_at[failed[0]]] if len(failed) else drawn

    def load(
        self, program: Program, vector: Array, numbers: Sequence[Any], drawn: Sequence[Array], examples: int | None = None
    ) -> None:
        """Write arguments and parameters to where the program reads them."""
        parts = [*[x for x, one in zip(numbers, self._shared) if not one], *drawn[: len(self.random)]]
        into = program.arguments if self._arguments_in_order else np.empty_like(program.arguments)
        start = 0
        for x in map(np.asarray, parts):
            end = start + (x.size if examples is None else prod(x.shape[1:]))
            into[start:end] = x.reshape(-1) if examples is None else x.reshape(examples, -1).T
            start = end
        if into is not program.arguments:
            program.arguments[...] = into[self._arguments]
        self.load_parameters(program, vector, [x for x, one in zip(numbers, self._shared) if one])

    def load_parameters(self, program: Program, vector: Array, alone: Sequence[Any] = ()) -> None:
        """Write the parameters, and what else is one number for all examples, to where the program reads it."""
        if program.parameters is vector:
            return
        if self._n_more:
            vector = np.concatenate([vector, *[np.ravel(x) for x in alone], vector_of([x._data for x in self.beyond])])
        if self._parameters_in_order:
            program.parameters[...] = vector
        else:
            vector.take(self._parameters, 0, program.parameters, "clip")

    def gradient(self, program: Program, n: int) -> tuple[Array, dict[Node, float]]:
        """After ``backward``: by the first ``n`` parameters, as the program holds it; and by what f takes from around it."""
        if self._parameters_in_order and not self._n_more:
            return program.gradient[:n], {}
        whole = np.zeros(self._n)
        whole[self._parameters] = program.gradient
        last = whole[self._n - len(self.beyond) :].tolist()
        return whole[:n], {x: g for x, g in zip(self.beyond, last) if x.requires_grad}

    def holds(self, outputs: Array) -> Any:
        """Whether all comparisons came out as they did; of each example."""
        if not self._n_guards:
            return np.True_ if outputs.ndim == 1 else np.ones(outputs.shape[1], bool)
        return self._agree(outputs).all(0)

    def _agree(self, outputs: Array) -> Any:
        first = 1 + self._n_numbered
        found = outputs[first : first + self._n_guards]
        shape = (-1,) + (1,) * (outputs.ndim - 1)
        outcomes, is_truth = self._outcomes.reshape(shape), self._is_truth.reshape(shape)
        return np.where(is_truth, found != 0, found) == outcomes

    def check(self, outputs: Array, again: bool = False) -> None:
        """Let what f checks be checked; of the same arguments ``again``, what does not look at them alone."""
        for check, operands in self._checks_anew if again else self._checks:
            arrays = [x.of(outputs) for x in operands]
            if outputs.ndim == 1:
                check(*arrays)
            else:
                for example in zip(*arrays):
                    check(*example)

    def others(self, outputs: Array) -> list[Any]:
        """What f gives beside the root: numbers and arrays; for each example, along the first axis."""
        if not self._others:
            return []
        found = [x if filled is None else filled.of(outputs) for x, filled in zip(self._others, self._filled)]
        if outputs.ndim == 2:
            n = outputs.shape[1]
            return [for_each(x, n) if filled is None else x for x, filled in zip(found, self._filled)]
        return [float(x) if isinstance(x, np.ndarray) and not x.ndim else x for x in found]


class _Filled:
    """A node, or an array of some and of numbers; the nodes are the outputs at the next ``places``."""

    def __init__(self, x: Any, places: Iterator[int]) -> None:
        array = np.asarray(x, object)
        elements = array.ravel().tolist()
        self._shape = array.shape
        self._at = np.array([i for i, element in enumerate(elements) if isinstance(element, Node)], np.intp)
        self._places = np.array([next(places) for _ in self._at], np.intp)
        self._constants = np.array([0.0 if isinstance(element, Node) else element for element in elements], float)

    def of(self, outputs: Array) -> Array:
        """The numbers, as a new array; for each example, along the first axis."""
        examples = outputs.shape[1:]
        if len(self._at) == len(self._constants):
            numbers = outputs.take(self._places, 0)
        else:
            numbers = np.empty(self._constants.shape + examples)
            numbers.T[...] = self._constants
            numbers[self._at] = outputs[self._places]
        numbers = numbers.reshape(self._shape + examples)
        return np.moveaxis(numbers, -1, 0) if examples else numbers


def opened(result: Any) -> tuple[Node, list[Any], Callable[[Sequence[Any]], Any]]:
    """What a function gives: the root, whatever else, and how they are nested.

    Raises:
        TypeError: the root is no single number.
    """
    leaves, nest = flatten_to_arrays(result)
    if not isinstance(result, tuple | Node | Real) or not leaves or not isinstance(leaves[0], Node | Real):
        what = type(result).__name__
        raise TypeError(f"compile: f gives one number, a Value (or a tuple of it and whatever else is of interest), not {what}")
    root = leaves[0] if isinstance(leaves[0], Node) else constant(Value, float(leaves[0]))
    return root, leaves[1:], nest


def _warn_of_no_derivative(result: Any) -> None:
    root = result[0] if isinstance(result, tuple) else result
    if not isinstance(root, Node):
        warnings.warn(
            f"compile: f gave a plain {type(root).__name__}, which nothing connects to the parameters, so its gradient is 0; "
            "compute it with the functions of autograd (not math), and without float() and .data",
            RuntimeWarning,
            stacklevel=callers_depth(),
        )


def _nodes(x: Any) -> list[Node]:
    """The nodes in ``x``, which is one, or an array of some, or neither."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return [element for element in x.ravel().tolist() if isinstance(element, Node)]
    return [x] if isinstance(x, Node) else []


def _nodes_in(xs: Iterable[Any]) -> list[Node]:
    return [node for x in xs for node in _nodes(x)]


def plain(x: Any) -> Any:
    """A node, or an array of some, as numbers; anything else as it is."""
    if not _nodes(x):
        return x
    found = _Filled(x, count()).of(np.array([node._data for node in _nodes(x)], float))
    return found if found.ndim else float(found)


def for_each(x: Any, n: int) -> Any:
    """A number, or an array of some, once for each of ``n`` examples; anything else as it is."""
    return np.repeat(np.asarray(x)[None], n, 0) if is_number(x) else x


def _is_in_order(places: Ids) -> bool:
    return bool((places == np.arange(len(places))).all())


@contextmanager
def all_traced(parameters: Sequence[Node]) -> Iterator[None]:
    """Parameters that take no gradient are traced too: they may be written to before the next run."""
    frozen = [x for x in parameters if not x.requires_grad]
    for x in frozen:
        x.requires_grad = True
    try:
        yield
    finally:
        for x in frozen:
            x.requires_grad = False


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage is looked for meanwhile: a graph has no cycles, and looking takes longer the larger it grows."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
