"""Step: a function compiled, with its derivatives.

A function is run eagerly once, and its record turned into a program. Each later run does what the program says; then it sees
whether every comparison came out as it did, and takes or records another path where one did not.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from threading import RLock
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import callers_depth
from ..graph import Node, leaves_and_computed
from ..leaves import Leaves
from ..pullback import Pullback
from ..recording import acted, record_anyhow, witnessed
from ..tensor import Tensor
from ..trees import flatten_to_arrays
from ..value import Value
from .arguments import Taken, is_floating, taken, taken_of_batch
from .explain import StepReport, explained
from .parameters import Parameters
from .paths import Path, Run, collector_off, for_each, opened, plain
from .record import NotCompilable
from .witness import Draws, Reader, Whole, lifted

Array = NDArray[Any]
Rows = NDArray[np.intp]
MOST = 32  # paths that are kept for arguments of one structure
STRUCTURES = 256  # of arguments, for which paths are kept


class Found(NamedTuple):
    """What a run gave."""

    result: Any  # as f gives it, in plain numbers
    gradient: Array  # by the parameters
    beyond: Mapping[Node, float]  # by what f takes from around it


class Step:
    """``f``, compiled; see ``compile``."""

    _parameters_of: ClassVar[Any] = Parameters

    def __init__(self, f: Callable[..., Any], parameters: Any, batch: bool = False) -> None:
        if not callable(f):
            raise TypeError(f"compile: f is a function, not {type(f).__name__}")
        if not isinstance(batch, bool):
            raise TypeError(f"compile: batch is True or False, not {batch!r}; how many examples there are, the arguments say")
        self.parameters = self._parameters_of(parameters)
        self.vector = self.parameters.read()  # what programs read; what is given as ``at`` and to ``run`` is copied here
        self._f = f
        self._batch = batch
        self._paths: dict[Hashable, list[Path]] = {}
        self._eager: dict[Hashable, str] = {}  # structures for which f is not compiled, and why
        self._new: set[Path] = set()  # not run yet
        self._trained = self.parameters.trained()
        self._lock = RLock()  # programs write to arrays of their own, so one thread runs at a time

    @property
    def paths(self) -> list[Path]:
        """The paths recorded so far."""
        return [path for paths in self._paths.values() for path in paths]

    def __repr__(self) -> str:
        paths = f"{len(self.paths)} path{'s' * (len(self.paths) != 1)}"
        return f"<compiled {getattr(self._f, '__name__', self._f)}: {len(self.vector)} parameters, {paths}>"

    @property
    def reasons(self) -> list[str]:
        """Why ``f`` runs eagerly, if it does for arguments of some structure."""
        return list(self._eager.values())

    def __call__(self, *args: Any) -> Any:
        """Run forward and backward; adds to ``grad`` of the parameters, as ``backward()`` does.

        Returns:
            What ``f`` gives, in plain numbers.
        """
        with self._lock:
            acted("calls a compiled step")
            self._see_who_is_trained()
            self.parameters.read_into(self.vector)
            found = self.run(args, self.vector)
            self._add(found)
        return found.result

    def value_and_grad(self, *args: Any, at: Any = None) -> tuple[Any, Any]:
        """What ``f`` gives, and the gradient, nested like the parameters; both in plain numbers and arrays.

        No ``grad`` is touched.

        Args:
            args: those of ``f``, by position.
            at: numbers for the parameters, nested like them or as one vector, in place of those they have. Nothing is copied
                where it is ``step.vector``, which may be written to.
        """
        with self._lock:
            acted("calls a compiled step")
            self._see_who_is_trained()
            if at is None:
                self.parameters.read_into(self.vector)
            found = self.run(args, self.vector if at is None else self.parameters.vector(at))
            return found.result, self.parameters.nested(found.gradient)

    def explain(self) -> StepReport:
        """The paths recorded so far and their programs, to be printed: what is computed how, from what, at what cost."""
        return explained(self._f, self.paths, self._eager.values())

    def _see_who_is_trained(self) -> None:
        """If others than before take a gradient, nothing recorded is right any more."""
        before, self._trained = self._trained, self.parameters.trained()
        if self._trained is not before and self._trained != before:
            self._paths.clear()
            self._eager.clear()

    def _add(self, found: Found) -> None:
        """Add the gradients to those of the Values; to none, if one can't be added to."""
        if found.beyond:
            leaves = Leaves.of([*self.parameters.nodes, *found.beyond])
            leaves.gather(np.concatenate([found.gradient, [*found.beyond.values()]]))
        else:
            self.parameters.leaves.gather(found.gradient)

    # -- runs ---------------------------------------------------------------------------------------------------------------

    def taken(self, args: tuple[Any, ...]) -> Any:
        """Arguments for several runs, in which their numbers stay as they are."""
        return args if self._batch else taken(args)

    def run(self, args: Any, vector: Array) -> Found:
        """Forward and backward for these arguments and numbers of the parameters; the arrays found are overwritten later.

        Args:
            args: a tuple, or what ``taken`` gave.
            vector: numbers of the parameters; nothing is copied where it is ``step.vector``.
        """
        if vector is not self.vector:
            self.vector[...] = vector
            vector = self.vector
        if self._batch:
            return self._run_batch(*taken_of_batch(args), vector)
        these = args if isinstance(args, Taken) else self.taken(args)
        paths = self._known(these.structure)
        draws = Draws()
        for path in paths:
            if (found := self._run_path(path, these, vector, draws)) is not None:
                if path is not paths[0]:
                    paths.remove(path)
                    paths.insert(0, path)
                return found
        if (new := self._recorded(these, vector, draws)) is not None:
            paths.insert(0, new)
            if (found := self._run_path(new, these, vector, draws)) is not None:
                return found
        return self._run_eagerly(these, vector, draws, these.numbers)

    def _known(self, structure: Hashable) -> list[Path]:
        """The paths for arguments of that structure, as far as they are right still."""
        paths = self._paths.get(structure)
        if paths is None:
            if len(self._paths) == STRUCTURES:
                oldest = next(iter(self._paths))
                self._new.difference_update(self._paths.pop(oldest))
                self._eager.pop(oldest, None)
            self._paths[structure] = paths = []
        elif not all(path.is_current for path in paths):
            paths[:] = [path for path in paths if path.is_current]
        return paths

    def _run_path(self, path: Path, these: Taken, vector: Array, draws: Draws) -> Found | None:
        """A run along ``path``; None if it leaves it, or does what is an error in Values."""
        if (drawn := path.drawn(draws.drawn)) is None:
            return None
        program = path.program(vector)
        again = path.loaded is these
        if again:
            path.load_parameters(program, vector)
        else:
            path.load(program, vector, these.numbers, drawn)
        path.loaded = None if path.random else these
        try:
            with np.errstate(all="raise", under="ignore"):
                outputs = program.forward()
                if not path.holds(outputs):
                    draws.keep(path.sure(drawn, outputs))
                    return None
                program.backward()
        except (ArithmeticError, ValueError):
            draws.keep(path.sure(drawn))
            return None
        draws.keep(drawn)
        path.check(outputs, again)
        if not self._is_faithful(path, these, vector, draws):
            return None
        return Found(path.nest([float(outputs[0]), *path.others(outputs)]), *path.gradient(program, len(vector)))

    def _run_eagerly(
        self, these: Taken, vector: Array, draws: Draws, numbers: Sequence[Any], plain: Callable[[Any], Any] = plain
    ) -> Found:
        """What f gives, and the gradient by whatever takes one."""
        before = self.parameters.read()
        with nullcontext() if np.array_equal(before, vector, True) else self.parameters.holding(vector):  # f may write to them
            root, others, nest = opened(self._called(these, draws, numbers))
            leaves = [x for x in leaves_and_computed(root)[0] if x.requires_grad]
            found = dict(zip(leaves, Pullback([root], leaves).numbers([1.0])))
        result = nest([plain(root), *map(plain, others)])
        gradient = np.array([found.pop(x, None) or 0.0 for x in self.parameters.nodes], float)
        return Found(result, gradient, {x: g for x, g in found.items() if g is not None})

    def _called(self, these: Taken, draws: Draws, numbers: Sequence[Any]) -> Any:
        """f, called with the numbers as constants."""
        nodes = [lifted(x, Value if is_floating(x) else Whole) for x in numbers]
        with record_anyhow(), witnessed(Reader(Draws(draws.drawn))):
            return self._f(*these.with_numbers(nodes))

    def _recorded(self, these: Taken, vector: Array, draws: Draws, example: int = 0) -> Path | None:
        """A new path, along which these arguments go; None if f can't be compiled, or if it is a known one, on which these
        arguments are an error in Values."""
        if these.structure in self._eager:
            return None
        paths = self._paths[these.structure]
        try:
            if len(paths) == MOST:
                raise NotCompilable(_too_many(paths))
            with collector_off():
                path = self._path(these, vector, draws, example)
        except NotCompilable as error:
            refused = error
        else:
            return self._unless_known(path, paths)
        if refused.__cause__ is not None:  # f itself raised it
            self._run_eagerly(
                these, vector, draws, these.numbers_of(example) if self._batch else these.numbers
            )  # which may well raise the same
        self._give_up(these, str(refused))
        return None

    def _unless_known(self, path: Path, paths: Sequence[Path]) -> Path | None:
        if any(path.is_same(other) for other in paths):
            return None
        self._new.add(path)
        return path

    def _path(self, these: Taken, vector: Array, draws: Draws, example: int) -> Path:
        return Path(self._ran(these, vector, draws, example), self.parameters.nodes, self._batch)

    def _ran(self, these: Taken, vector: Array, draws: Draws, example: int) -> Run:
        with self.parameters.holding(vector):
            return Run(self._f, these, self.parameters.nodes, self._batch, draws, example)

    def _is_faithful(self, path: Path, these: Taken, vector: Array, draws: Draws, example: int = 0) -> bool:
        """Whether f, when a path is taken for the second time, still does what it did the first time."""
        if path.record is None:
            return True
        if path in self._new:
            self._new.remove(path)
            return True
        try:
            with collector_off():
                same = self._ran(these, vector, Draws(draws.drawn), example).is_same(path.record, path.constants)
            if not same:
                raise NotCompilable(
                    "f did something else when it was run again, on what is no argument and no Value: it drew random numbers, "
                    "or plain numbers around it have changed; pass them as arguments"
                )
        except NotCompilable as error:
            self._give_up(these, str(error))
            return False
        path.record = None
        return True

    def _give_up(self, these: Taken, why: str) -> None:
        said = why in self._eager.values()
        self._eager[these.structure] = why
        self._paths[these.structure].clear()
        if not said:
            warnings.warn(f"compile: {why}. It runs eagerly.", UserWarning, stacklevel=callers_depth())

    # -- batches ------------------------------------------------------------------------------------------------------------

    def _run_batch(self, these: Taken, n: int, vector: Array) -> Found:
        paths = self._known(these.structure)
        whole = _Mean(n, vector)
        rows = np.arange(n)
        for path in [*paths]:
            rows = self._run_rows(path, these, rows, whole)
        while len(rows):
            new = self._recorded(these, vector, whole.draws[int(rows[0])], int(rows[0]))
            left = rows
            if new is not None:
                paths.insert(0, new)
                left = self._run_rows(new, these, rows, whole)
            if len(left) and left[0] == rows[0]:
                self._run_rows_eagerly(these, rows[:1], whole)
                left = left[1:]
            rows = left
        return whole.found()

    def _run_rows(self, path: Path, these: Taken, rows: Rows, whole: "_Mean") -> Rows:
        """Run some examples along ``path``; gives those that leave it."""
        n = len(rows)
        everything = n == whole.n
        if not everything and n & (n - 1):  # programs for all numbers of examples would be too many: for powers of 2
            parts = np.split(rows, [1 << (n.bit_length() - 1)])
            return np.sort(np.concatenate([self._run_rows(path, these, part, whole) for part in parts]))
        each = [path.drawn(whole.draws[i].drawn) for i in rows.tolist()] if path.random and n else []
        if not n or None in each:
            return rows
        numbers = these.numbers if everything else [x[rows] if np.ndim(x) else x for x in these.numbers]
        drawn = [np.array(some) for some in zip(*each)]
        program = path.program(whole.vector, n)
        path.load(program, whole.vector, numbers, drawn, n)
        try:
            with np.errstate(all="raise", under="ignore"):
                outputs = program.forward()
            stays = path.holds(outputs)
        except ArithmeticError:
            with np.errstate(all="ignore"):
                outputs = program.forward()
            stays = path.holds(outputs) & np.isfinite(outputs).all(0)
            if stays.all():
                return rows
        for i, found, sees in zip(rows.tolist(), each, outputs.T):
            whole.draws[i].keep(path.sure(found, sees))  # type: ignore[arg-type]  # none is None
        if not stays.all():
            left = self._run_rows(path, these, rows[stays], whole)
            return np.sort(np.concatenate([rows[~stays], left]))
        path.check(outputs)
        try:
            with np.errstate(all="raise", under="ignore"):
                program.backward()
        except ArithmeticError:
            return rows
        if not self._is_faithful(path, these, whole.vector, whole.draws[int(rows[0])], int(rows[0])):
            return rows
        whole.add(rows, path.nest([outputs[0], *path.others(outputs)]), *path.gradient(program, len(whole.vector)))
        return rows[:0]

    def _run_rows_eagerly(self, these: Taken, rows: Rows, whole: "_Mean") -> None:
        for i in rows.tolist():
            found = self._run_eagerly(these, whole.vector, whole.draws[i], these.numbers_of(i), lambda x: for_each(plain(x), 1))
            whole.add(np.array([i]), found.result, found.gradient, found.beyond)


class _Mean:
    """Gathers the results of ``n`` examples, some at a time, to their mean."""

    def __init__(self, n: int, vector: Array) -> None:
        self.n = n
        self.vector = vector  # the numbers of the parameters
        self._parts: list[tuple[Rows, Any]] = []
        self._gradient: Any = 0.0
        self._beyond: dict[Node, float] = {}
        self.draws: defaultdict[int, Draws] = defaultdict(Draws)  # of each example

    def add(self, rows: Rows, result: Any, gradient: Array, beyond: Mapping[Node, float]) -> None:
        """The results of some examples, and the gradient of their mean."""
        self._parts.append((rows, result))
        if len(rows) == self.n:
            self._gradient, self._beyond = gradient, dict(beyond)
            return
        share = len(rows) / self.n
        self._gradient = self._gradient + share * gradient
        for x, g in beyond.items():
            self._beyond[x] = self._beyond.get(x, 0.0) + share * g

    def found(self) -> Found:
        """The mean of the roots; whatever else for each example, along the first axis."""
        (_, result), *others = self._parts
        leaves, nest = flatten_to_arrays(result)
        if others:
            back = np.argsort(np.concatenate([rows for rows, _ in self._parts]), kind="stable")
            parts = zip(*[flatten_to_arrays(result)[0] for _, result in self._parts], strict=True)
            sizes = [len(rows) for rows, _ in self._parts]
            leaves = [_joined(some, sizes, back) for some in parts]
        return Found(nest([float(np.mean(leaves[0])), *leaves[1:]]), self._gradient, self._beyond)


def _joined(parts: Sequence[Any], sizes: Sequence[int], back: Rows) -> Any:
    """What came for so many examples each, as one; what is no number is given once, unless it differs."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)[back]
    return parts[0] if all(x == parts[0] for x in parts) else np.repeat(np.array(parts, object), sizes)[back]


def _too_many(paths: Sequence[Path]) -> str:
    guards = [guard for path in paths for guard in path.guards]
    lines = [line for line, _ in Counter(guard.line for guard in guards if guard.line).most_common(1)]
    where = f", at {lines[0]} for one" if lines else ""
    return f"f decides by its numbers{where}, and took more than {MOST} ways for arguments of one structure"


def compile(f: Callable[..., Any], parameters: Any, *, batch: bool = False) -> Step:
    """``f`` as a program of array operations, with its derivatives by ``parameters``.

    ``step(*args)`` runs it forward and backward and adds to ``grad`` of the parameters; ``step.value_and_grad(*args)`` gives
    plain numbers. The first run, and the first for arguments of another structure, is recorded: ``f`` runs eagerly, and what it
    computed is turned into a program. Later runs do what the program says, with other numbers.

    What is an argument, a parameter, or a Value that was there before, is read anew in each run; plain numbers that ``f`` takes
    from around it are constants. Comparisons of Values, and numbers that leave the graph (``float(v)``, ``v.data``), are
    guards: where one comes out otherwise, the other way is recorded too. Random numbers are drawn anew if ``f`` draws them
    through ``autograd.recording.drawn``, as our layers do.

    What a program can't do is left to eager runs, after one warning that says what and where: writing to Values,
    ``backward()``, printing them, a compiled step in another, too many ways. ``f`` runs once more when a path is taken for the
    second time, to see whether it draws elsewhere, or plain numbers around it change. What changes later is not seen, nor is
    what ``f`` does beside (printing texts, appending to lists), which happens in these two runs only.

    A step is for one thread at a time; others wait.

    Args:
        f: takes numbers, arrays, and any nesting of them, which come as Values in the same nesting; gives one Value, or a tuple
            of it and whatever else is of interest, which comes as plain numbers.
        parameters: Values, in any nesting; or Tensors, and then ``f`` sees numbers and arrays as Tensors, and gives one of one
            element. Arguments take no gradient.
        batch: ``f`` is written for one example, and run for all those along the first axis of its arguments; the result and its
            gradient are those of the mean. How many there are may change. For Values: Tensor code is for a batch as it is.

    What is in the graph but of no use to the result is not computed, so that it raises no errors either.

    Raises:
        TypeError: ``f`` is no function, or gives no single number; or a parameter is not a Value or a Tensor.
        ValueError: ``batch=True`` came with Tensors.

    >>> from autograd import Value, compile
    >>> w = Value(3.0)
    >>> step = compile(lambda x: (w * x - 1) ** 2, w)
    >>> step.value_and_grad(2.0), step.value_and_grad(1.0)
    ((25.0, 20.0), (4.0, 4.0))
    >>> compile(lambda x: (w * x - 1) ** 2, w, batch=True).value_and_grad([2.0, 1.0])
    (14.5, 12.0)
    """
    if any(isinstance(x, Tensor) for x in flatten_to_arrays(parameters)[0]):
        from .tensors import TensorStep  # which is a Step

        return TensorStep(f, parameters, batch)
    return Step(f, parameters, batch)
