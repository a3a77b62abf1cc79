"""Tensor code, compiled: NumPy calls into arrays made beforehand, without a graph.

TensorParameters ... Tensors in any nesting, beside their numbers as one vector
TensorRun .......... one run of a function, recorded, with its gradient
TensorPath ......... the program of a run, and the decisions it depends on
TensorStep ......... a function of Tensors, compiled
"""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import accumulate, chain, pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import graph
from ..fitting import share
from ..graph import Node, constant, holding, leaves_and_computed, tick
from ..pullback import Pullback
from ..recording import record_anyhow, witnessed
from ..tensor import Tensor
from ..trees import flatten, flatten_to_arrays, leaves_like
from .arguments import Taken, is_number, taken
from .calls import Call, fill
from .explain import StepReport
from .paths import all_traced, are_equal, opened
from .record import NotCompilable
from .step import Found, Step
from .tensor_explain import explained_tensors
from .tensor_program import TensorProgram, TensorRecord, recorded
from .tensor_witness import RULES, TensorScribe, Wholes, open_places, traced
from .witness import Draws, Reader

Array = NDArray[Any]


class TensorParameters:
    """The Tensors in ``tree``, each once, in order.

    Raises:
        TypeError: it holds something else, or what was computed.
    """

    def __init__(self, tree: Any) -> None:
        blocks, self._nest = flatten_to_arrays(tree)
        for x in blocks:
            if not isinstance(x, Tensor) or x.op is not None:
                what = x.name if isinstance(x, Node) else type(x).__name__
                raise TypeError(f"compile: parameters are Tensors (or Values, not both) that were not computed; not {what}")
        places: dict[Tensor, int] = {}
        self._blocks = [places.setdefault(x, len(places)) for x in blocks]
        self.nodes = list(places)
        ends = [0, *accumulate(x.size for x in self.nodes)]
        self._slices = [slice(start, end) for start, end in pairwise(ends)]
        self._n = ends[-1]
        self.dtype = np.result_type(*[x.dtype for x in self.nodes]) if self.nodes else np.dtype(float)

    def read(self) -> Array:
        """Their numbers."""
        vector = np.empty(self._n, self.dtype)
        self.read_into(vector)
        return vector

    def read_into(self, vector: Array) -> None:
        """Write their numbers into ``vector``."""
        for part, x in zip(self.parts(vector), self.nodes):
            part[...] = x._data

    def trained(self) -> list[bool]:
        """Whether each takes a gradient."""
        return [x.requires_grad for x in self.nodes]

    def parts(self, vector: Array) -> list[Array]:
        """``vector`` as views in the shapes of the Tensors."""
        return [vector[there].reshape(x.shape) for there, x in zip(self._slices, self.nodes)]

    def vector(self, numbers: Any) -> Array:
        """``numbers``, nested like the parameters or a vector already, as a vector.

        Raises:
            ValueError: they are nested otherwise, or a shape differs.
        """
        if isinstance(numbers, np.ndarray) and numbers.shape == (self._n,):
            return np.asarray(numbers, self.dtype)
        arrays = leaves_like(self._nest(range(len(self._blocks))), numbers)
        shapes = [self.nodes[i].shape for i in self._blocks]
        if arrays is None or [np.shape(x) for x in arrays] != shapes:
            raise ValueError(
                f"compile: numbers for the parameters are nested like them, or a vector of {self._n}; expected shapes {shapes}"
            )
        vector = np.empty(self._n, self.dtype)
        parts = self.parts(vector)
        for i, x in zip(self._blocks, arrays):
            parts[i][...] = x
        return vector

    @contextmanager
    def holding(self, vector: Array) -> Iterator[None]:
        """The Tensors hold these numbers meanwhile."""
        with holding(self.nodes, [np.array(part, x.dtype) for x, part in zip(self.nodes, self.parts(vector))]):
            yield

    def nested(self, vector: Array) -> Any:
        """A vector as arrays, nested like the parameters."""
        parts = self.parts(np.array(vector))
        return self._nest([parts[i].astype(self.nodes[i].dtype, copy=False) for i in self._blocks])


class TensorRun:
    """One run of ``f`` on arguments, recorded, with its gradient.

    Raises:
        NotCompilable: ``f`` does what can't be done again from its record.
    """

    def __init__(self, f: Callable[..., Any], these: Taken, parameters: Sequence[Tensor], draws: Draws) -> None:
        since = tick()
        trained = [x for x in parameters if x.requires_grad]
        nodes = [traced(x, Wholes if isinstance(given, int) else None) for given, x in zip(_given(these), these.numbers)]
        scribe = TensorScribe(draws)
        with all_traced(parameters), record_anyhow(), witnessed(scribe), np.errstate(all="ignore"):
            root, others, self.nest = _opened(f(*these.with_numbers(nodes)))
            if graph.now != since:
                raise NotCompilable("f writes to a Tensor, which a program can't do")
            self.random = scribe.random
            guards = [guard for guard in scribe.guards.values() if guard.node.requires_grad]
            self.guards = [replace(guard, node=constant(Tensor, guard.node._data)) for guard in guards]
            self.checks = [(check, [_emptied(x) for x in operands]) for check, operands in scribe.checks]
            self.others = [_emptied(x) for x in others]
            checked = [x for _, operands in scribe.checks for x in operands if isinstance(x, Node)]
            results = [root, *[x for x in others if isinstance(x, Node)]]
            self.arguments = [*nodes, *[node for _, node in scribe.random]]
            self.origins = these.origins
            roots = [*[guard.node for guard in guards], *checked, *results]
            for node in _behind(roots)[1]:
                open_places(node)
            self.beyond = _leaves_around(roots, since, {*self.arguments, *parameters})
            self.sources = [*trained, *[x for x in self.beyond if x.requires_grad]]
            gradients = _gradients(root, self.sources)
            self.has_gradient = [g is not None for g in gradients]
            sections = [*[[guard.node] for guard in guards], checked, [*results, *[g for g in gradients if g is not None]]]
            self.record = recorded(sections, [*self.arguments, *parameters, *self.beyond])

    def is_same(self, record: TensorRecord, others: Sequence[Any]) -> bool:
        """Whether the same was computed, and given beside, as in another run."""
        return self.record.is_same(record) and all(map(are_equal, self.others, others))


def _given(these: Taken) -> list[Any]:
    """The numbers among the arguments as they came."""
    return [x for x in flatten(these.args)[0] if is_number(x)]


class _Empty:
    """What is filled with an array in each run."""


def _emptied(x: Any) -> Any:
    return _Empty() if isinstance(x, Node) else x


def _opened(result: Any) -> tuple[Tensor, list[Any], Callable[[Sequence[Any]], Any]]:
    root, others, nest = opened(result)
    if isinstance(root, Tensor) and root.size != 1:
        raise ValueError(f"compile: f gives one number, and came to a Tensor of shape {root.shape}; take its mean()")
    return root if isinstance(root, Tensor) else constant(Tensor, np.asarray(root._data)), others, nest


def _behind(roots: Sequence[Node]) -> tuple[list[Any], list[Any]]:
    """The leaves and the computed nodes behind ``roots``."""
    seen: set[Node] = set()
    found = [leaves_and_computed(root, seen) for root in roots]
    return [x for leaves, _ in found for x in leaves], [x for _, computed in found for x in computed]


def _leaves_around(roots: Sequence[Node], since: int, known: Set[Node]) -> list[Tensor]:
    """Tensors that are older than ``since`` and not ``known``: they may be written to before the next run."""
    leaves, computed = _behind(roots)
    if old := [x for x in computed if x._time < since]:
        raise NotCompilable(f"f uses {old[0].name}, which was computed before f was called; compute it in f")
    return [x for x in leaves if x._time < since and x not in known]


def _gradients(root: Tensor, sources: Sequence[Tensor]) -> list[Any]:
    """The derivatives of ``root`` by ``sources`` as nodes; None for those on which it does not depend."""
    if not root.requires_grad:
        return [None] * len(sources)
    try:
        return Pullback([root], sources).nodes([constant(Tensor, np.ones(root.shape, root.dtype))], RULES)
    except Exception as error:
        raise NotCompilable(f"a derivative can't be computed from Tensors: {error}") from None


class TensorPath:
    """The program of a run, for other numbers."""

    def __init__(self, run: TensorRun, parameters: TensorParameters, vector: Array) -> None:
        self.guards, self.random, self.nest = run.guards, run.random, run.nest
        self.record: TensorRecord | None = run.record  # until it is found that f does the same when it is run again
        self._checks, self.constants = run.checks, run.others
        self._arguments = [np.array(x._data) for x in run.arguments]
        parts = [(part, part.astype(x.dtype, copy=False)) for part, x in zip(parameters.parts(vector), parameters.nodes)]
        self._cast = [(part, array) for part, array in parts if array is not part]  # parameters of another dtype
        self._around = [(x, np.array(x._data)) for x in run.beyond]
        self._seen = [(-1, x._data) for x in run.beyond]
        self.gradient = np.zeros_like(vector)
        places = dict(zip(parameters.nodes, parameters.parts(self.gradient)))
        self.beyond = {x: np.zeros_like(x._data) for x in run.sources if x not in places}
        places.update(self.beyond)
        targets = [places[x] for x, has_one in zip(run.sources, run.has_gradient) if has_one]
        given = [*self._arguments, *[array for _, array in parts], *[array for _, array in self._around]]
        self.program = TensorProgram(run.record, given, targets)
        self.origins, self.read, self.n_gradients = run.origins, [*parameters.nodes, *run.beyond], len(targets)
        met = {id(array) for array in targets}
        self.program.sections[-1] += [Call(fill, (0.0,), array) for array in places.values() if id(array) not in met]
        self._outputs = self.program.outputs[len(run.guards) :]
        self._sections = [[call.bound() for call in calls] for calls in self.program.sections]

    @property
    def is_current(self) -> bool:
        """Whether what f takes from around it takes a gradient where it did."""
        return all(x.requires_grad == (x in self.beyond) for x, _ in self._around)

    def is_same(self, other: "TensorPath") -> bool:
        """Whether it is the other; what is an error in Tensors is not recorded again."""
        return self is other

    def draw(self, draws: Draws) -> bool:
        """Draw what f draws on this path, unless it was drawn already; False if that was for another."""
        known = draws.drawn[: len(self.random)]
        if any(x.shape != array.shape for x, array in zip(known, self._arguments[len(self._arguments) - len(self.random) :])):
            return False
        draws.drawn += [np.asarray(draw()) for draw, _ in self.random[len(known) :]]
        return True

    def run(self, numbers: Sequence[Any], draws: Draws) -> bool:
        """Forward and backward; False if it leaves the path."""
        for array, x in zip(self._arguments, chain(numbers, draws.drawn)):
            array[...] = x
        for part, array in self._cast:
            array[...] = part
        for i, (x, array) in enumerate(self._around):
            if self._seen[i][0] != x._time or self._seen[i][1] is not x._data:
                array[...] = x._data
                self._seen[i] = x._time, x._data
        *decisions, checks, rest = self._sections
        for guard, calls, array in zip(self.guards, decisions, self.program.outputs):
            _do(calls)
            if not _is_same(array, guard.outcome):
                del draws.drawn[guard.drawn :]  # on another path they may be others
                return False
        _do(checks)
        self._check()
        _do(rest)
        return True

    def _check(self) -> None:
        arrays = iter(self._outputs)
        for check, operands in self._checks:
            check(*[next(arrays) if isinstance(x, _Empty) else np.asarray(x) for x in operands])

    def result(self) -> Any:
        """After a run: what f gives, in plain numbers."""
        n_checked = sum(isinstance(x, _Empty) for _, operands in self._checks for x in operands)
        root, *arrays = self._outputs[n_checked:]
        found = iter(arrays)
        return self.nest([float(root.item()), *[plain(next(found)) if isinstance(x, _Empty) else x for x in self.constants]])


def _do(calls: Sequence[Callable[[], Any]]) -> None:
    for call in calls:
        call()


def _is_same(found: Array, outcome: Any) -> bool:
    if type(outcome) is bool:
        return bool(found) is outcome
    return np.array_equal(found, outcome, equal_nan=outcome.dtype.kind == "f")


def plain(x: Any) -> Any:
    """An array, or a node, as an array of its own, or a float if it has no axes."""
    array = np.array(x._data if isinstance(x, Node) else x)
    return array if array.ndim else array.item()


class TensorStep(Step):
    """``f``, a function of Tensors, compiled; see ``compile``.

    Numbers and arrays among the arguments come to ``f`` as Tensors: Python's floats (and whole numbers) in the dtype of the
    parameters, arrays in their own; arrays of whole numbers as Tensors too, which compare, count and name places. Arrays of
    truths stay arrays, and are part of the structure: others are recorded anew.
    """

    _parameters_of: ClassVar[Any] = TensorParameters
    parameters: TensorParameters

    def __init__(self, f: Callable[..., Any], parameters: Any, batch: bool = False) -> None:
        if batch:
            raise ValueError("compile: batch=True is for Values; of Tensors write f for the whole batch")
        super().__init__(f, parameters)

    def _add(self, found: Found) -> None:
        for x, g in chain(zip(self.parameters.nodes, self.parameters.parts(found.gradient)), found.beyond.items()):
            if x.requires_grad:
                share(x, g)

    def explain(self) -> StepReport:
        """The paths recorded so far and their programs, to be printed: what is computed how, from what, at what cost."""
        return explained_tensors(self._f, self.paths, self._eager.values())

    def taken(self, args: tuple[Any, ...]) -> Taken:
        """Arguments for several runs, in which their numbers stay as they are."""
        these = taken(args)
        dtype = self.parameters.dtype
        numbers = [np.asarray(x, dtype if type(x) is float or type(x) is int else None) for x in these.numbers]
        return Taken(args, numbers, (these.structure, *[x.dtype.char for x in numbers]))

    def _ran(self, these: Taken, vector: Array, draws: Draws, example: int) -> Any:
        with self.parameters.holding(vector):
            return TensorRun(self._f, these, self.parameters.nodes, draws)

    def _path(self, these: Taken, vector: Array, draws: Draws, example: int) -> Any:
        try:
            return TensorPath(self._ran(these, vector, draws, example), self.parameters, vector)
        except NotCompilable:
            raise
        except Exception as error:
            self._run_eagerly(these, vector, draws, these.numbers)  # which may well raise the same
            raise NotCompilable(f"f does with its arguments what only plain arrays can: {error}") from None

    def _run_path(self, path: Any, these: Taken, vector: Array, draws: Draws) -> Found | None:
        try:
            if not path.draw(draws) or not path.run(these.numbers, draws):
                return None
        except ArithmeticError:
            return self._run_eagerly(these, vector, draws, these.numbers)
        if not self._is_faithful(path, these, vector, draws):
            return None
        return Found(path.result(), path.gradient, path.beyond)

    def _run_eagerly(
        self, these: Taken, vector: Array, draws: Draws, numbers: Sequence[Any], plain: Callable[[Any], Any] = plain
    ) -> Found:
        before = self.parameters.read()
        with nullcontext() if np.array_equal(before, vector, True) else self.parameters.holding(vector):  # f may write to them
            nodes = [
                constant(Tensor, x) if x.dtype.kind == "f" and not isinstance(given, int) else given
                for given, x in zip(_given(these), numbers)
            ]
            with record_anyhow(), witnessed(Reader(Draws(draws.drawn))):
                root, others, nest = _opened(self._f(*these.with_numbers(nodes)))
            leaves = [x for x in leaves_and_computed(root)[0] if x.requires_grad]
            found = dict(zip(leaves, Pullback([root], leaves).numbers([np.ones(root.shape, root.dtype)])))
        gradient = np.zeros_like(vector)
        for x, part in zip(self.parameters.nodes, self.parameters.parts(gradient)):
            if (g := found.pop(x, None)) is not None:
                part[...] = g
        result = nest([float(root.item()), *[plain(x) if isinstance(x, Node) else x for x in others]])
        return Found(result, gradient, {x: g for x, g in found.items() if g is not None})
