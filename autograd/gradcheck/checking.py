"""gradcheck: a verdict for every partial of a gradient, and for all of it.

The recorded graph is read with complex numbers, which gives each slope to the last digits, on both sides of a kink. That
the graph is the whole function is seen by running the function elsewhere and comparing number by number. Where the graph
can't be read so, or is not the whole function, finite differences of the function itself decide.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph import Node
from .blame import blame, is_rounding, tied, unlike_on_nodes, unrecorded
from .points import Coordinate, Place, coordinates, jittered, place_at, usable
from .replay import FLOATS, Program, difference
from .report import SEVERITY, Blame, GradcheckReport, Row, Verdict, shortened
from .rows import Judge, Settings
from .slopes import along, unreadable
from .subject import Plain, Point, Subject, Unfit, gradient_as_subject, subject_of, undefined

_JITTERS = (0.1, 1e-4, 1e-8)  # how far a neighbour is, in lengths of the inputs


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    claimed: Any = None,
    order: int = 1,
    exact: bool = False,
    rtol: float | None = None,
    need: float = 1e-3,
    rng: "np.random.Generator | int | None" = None,
    raise_exception: bool = False,
    eps: float | None = None,
    atol: float = 0.0,
    name: str | None = None,
) -> GradcheckReport:
    """Hold the gradient of ``f`` at ``inputs`` against its slopes.

    Args:
        f: gives one number. It gets plain numbers as Values (beside arrays as Tensors) and arrays as Tensors, in the nesting in
            which they are passed; leaves as they are.
        inputs: a tuple of arguments (or a list, if ``f`` takes as many); a dict of them by name; else the only argument.
        claimed: a gradient from anywhere (NumPy, another library, by hand), nested like ``inputs``, or a function that gives
            it. ``f`` then takes and gives plain numbers and arrays.
        order: also check the derivatives of the gradient (2), of those (3), …, along generic directions.
        exact: read the graph with decimals of 150 digits.
        rtol: the relative error to allow: by default 2e-9, for float32 1e-6.
        need: a partial passes only where an error this large (relative) would have been seen.
        rng: for the neighbours that are looked at too; by default fixed.
        raise_exception: raise AssertionError with the report unless it passes, as PyTorch's does.
        eps: taken for PyTorch's sake; steps are chosen for each number.
        atol: an absolute error to allow; by default none.
        name: of the function in the report.

    Returns:
        A report, true only if every partial passes.

    Raises:
        TypeError: an input is no floating number, or ``f`` gives none.
        ValueError: inputs depend on each other, ``f`` writes to them, gives several numbers or a constant.

    >>> bool(gradcheck(lambda x, y: (x * y).tanh(), (0.3, -0.7)))
    True
    """
    name = name or getattr(f, "__name__", type(f).__name__).replace("<lambda>", "f")
    if order < 1 or int(order) != order:
        raise ValueError(f"gradcheck: order is a whole number of at least 1, not {order!r}")
    subject: Subject | Plain
    if claimed is None:
        subject = _subject(f, inputs, name)
    elif order > 1 or exact:
        raise ValueError("gradcheck: order and exact need the graph of f; with claimed= there is none")
    else:
        subject = Plain(name, f, inputs, claimed)
    report = check(subject, order=order, exact=exact, rtol=rtol, need=need, atol=atol, rng=rng)
    if raise_exception and not report:
        raise AssertionError(str(report))
    return report


def _subject(f: Callable[..., Any], inputs: Any, name: str) -> Subject:
    """A list of one is the argument of a function of one list, if that function can't take what is in it."""
    subject = subject_of(f, inputs, name)
    if isinstance(inputs, list) and len(inputs) == 1:
        try:
            subject.record()
        except TypeError:
            return subject_of(f, (inputs,), name)
        except (ArithmeticError, ValueError):
            pass  # which the check itself will come upon
    return subject


def assert_gradients(f: Callable[..., Any], inputs: Any, **settings: Any) -> GradcheckReport:
    """``gradcheck`` that raises AssertionError, with the report for its text, unless the gradient passes."""
    __tracebackhide__ = True
    report = gradcheck(f, inputs, **settings)
    if not report:
        raise AssertionError(str(report))
    return report


def check(
    subject: Subject | Plain,
    *,
    order: int = 1,
    exact: bool = False,
    rtol: float | None = None,
    need: float = 1e-3,
    atol: float = 0.0,
    rng: "np.random.Generator | int | None" = None,
    chosen: Sequence[tuple[str, tuple[int, ...]]] | None = None,
) -> GradcheckReport:
    """The report on a subject; only on the partials ``chosen`` by name and index, if given."""
    settings = Settings(rtol, atol, need, exact, np.random.default_rng(0 if rng is None else rng))
    report = _Check(subject, settings, chosen).report()
    for k in range(2, order + 1):
        if not report:
            break
        assert isinstance(subject, Subject)
        weights = _weights(subject, settings)
        if fault := _unlike_on_nodes(subject, weights, settings):
            return replace(report, verdict="fail", note=fault[0], blame=fault[1])
        subject = gradient_as_subject(subject, weights)
        deeper = _Check(subject, settings, chosen).report()
        rows = tuple([replace(row, order=k) for row in deeper.rows])
        report = replace(
            deeper, function=report.function, rows=(*report.rows, *rows), evaluations=report.evaluations + deeper.evaluations
        )
    return report


def _weights(subject: Subject, settings: Settings) -> list[Any]:
    weights = [settings.rng.uniform(0.5, 1.5, np.shape(x)) for x in subject.point]
    return [w if isinstance(x, np.ndarray) else float(w) for w, x in zip(weights, subject.point)]


def _unlike_on_nodes(subject: Subject, weights: Sequence[Any], settings: Settings) -> tuple[str, Blame | None] | None:
    """What is wrong if the gradient computed on nodes, for higher orders, is not that of ``backward``."""
    root = subject.traced()
    claimed = subject.gradient(root)
    terms = [np.asarray(g) * np.asarray(w) for g, w in zip(claimed, weights)]
    said = sum(float(np.sum(t)) for t in terms)
    there = gradient_as_subject(subject, weights).value()
    if (
        abs(there - said)
        <= 10 * Judge(subject, settings, ()).rtol * sum(float(np.sum(np.abs(t))) for t in terms) + settings.atol
    ):
        return None
    note = f"in one direction the gradient is {said:.9g} by backward(), and {there:.9g} computed on nodes for higher orders"
    return note, unlike_on_nodes(Program(root, subject.nodes))


class _Check:
    """One check of first derivatives."""

    def __init__(self, subject: Subject | Plain, settings: Settings, chosen: Sequence[Any] | None) -> None:
        self.subject = subject
        self.settings = settings
        self._everywhere = coordinates(subject)
        wanted = None if chosen is None else set(chosen)
        self.coordinates = [c for c in self._everywhere if wanted is None or (c.name, c.index) in wanted]
        self.judge = Judge(subject, settings, self.coordinates)
        self._hides = False  # whether the graph is not all of the function

    @property
    def evaluations(self) -> int:
        return self.judge.evaluations

    # -- the whole ---------------------------------------------------------------------------------------------------------

    def report(self) -> GradcheckReport:
        try:
            here = place_at(self.subject, self.subject.point)
        except (ArithmeticError, ValueError) as error:
            if not undefined(error):
                raise
            return self._all_in_one("not finite", f"{self.subject.name} is not defined there: {error}")
        again = self.subject.value()
        if not _same(again, here.f0):
            return self._not_deterministic(here.f0, again)
        if not math.isfinite(here.f0):
            return self._all_in_one("not finite", f"{self.subject.name} gives {here.f0} there")
        report = self._by_differences(here, "") if isinstance(self.subject, Plain) else self._on_the_graph(here)
        last = self.subject.value()
        if not _same(last, here.f0):
            return self._not_deterministic(here.f0, last)
        return replace(report, evaluations=self.evaluations)

    def _not_deterministic(self, one: float, other: float) -> GradcheckReport:
        return self._all_in_one(
            "not deterministic",
            f"{self.subject.name} gave {one!r} and then {other!r} at the same point, {abs(one - other):.2g} apart; draw what "
            "is random outside of it, or seed it",
        )

    def _all_in_one(self, verdict: Verdict, note: str) -> GradcheckReport:
        return GradcheckReport(self.subject.name, verdict, (), None, self.evaluations, note)

    # -- on the graph ------------------------------------------------------------------------------------------------------

    def _on_the_graph(self, here: Place) -> GradcheckReport:
        if here.program is None:
            return self._without_graph(here)
        near, hidden = self._neighbour_that_follows(here)
        if hidden is not None:
            return self._with_hidden_use(here, hidden)
        if near is None:
            return self._by_differences(here, "")
        rows, by_slopes = self.judge.rows_by_slopes(here)
        if rows is None:
            return self._by_differences(here, self._unread(here), near)
        report = self._summed_up(here, rows, by_slopes)
        if report and by_slopes and self.judge.bend > 1e-9:  # though not along any single input
            return replace(report, verdict="not differentiable", note=self._tied(here))
        return self._at_neighbours(report, here, near) if report else report

    def _unread(self, here: Place) -> str:
        """What stood in the way of an exact reading, if one was asked for."""
        assert here.program is not None
        node = unreadable(here.program, self.subject.nodes) if self.settings.exact else None
        name = node.op.name if node is not None and node.op else ""
        return f"{name} can't be read with decimals, so finite differences decided" if name else ""

    def _without_graph(self, here: Place) -> GradcheckReport:
        """The result is a constant: right only if nothing moves it."""
        for point in self._moved_points(here):
            with self.subject.at(point):
                there = self.subject.value()
            if math.isfinite(there) and not _same(there, here.f0):
                left = "a plain number" if not isinstance(here.root, Node) else "a constant"
                report = self._by_differences(here, f"{self.subject.name} gave {left}, which nothing connects to its inputs")
                found = Blame(
                    "", "", "", "", -1, 0.0, math.nan, "the result has left the graph (detached, by .data or float())", None
                )
                return replace(report, blame=found if report.verdict == "fail" else None)
        if self.subject.may_be_constant:
            rows = [Row(c.name, c.index, 0.0, 0.0, 0.0, 0, "pass", "both 0") for c in self.coordinates]
            return GradcheckReport(self.subject.name, "pass", tuple(rows))
        raise ValueError(
            f"gradcheck: {self.subject.name} gave a constant, {here.f0:.6g}, which its inputs don't move; there is nothing to "
            "check. Does it use them?"
        )

    def _moved_points(self, here: Place) -> Iterator[Point]:
        for jitter in _JITTERS:
            yield jittered(here.point, jitter, flip=0)

    def _neighbour_that_follows(self, here: Place) -> tuple[Place | None, Node | None]:
        """A point nearby where the recorded graph gives what the function gives; or the node that shows it does not."""
        assert here.program is not None
        assert isinstance(self.subject, Subject)
        hidden = None
        for point in self._moved_points(here):
            self.judge.replays += 1
            try:  # the replay first: what an op keeps elsewhere is then still of the point
                replayed = here.program.run(FLOATS, dict(zip(self.subject.nodes, point)))
            except Exception:  # outside of its domain, or by an op that is no row of the table
                continue
            try:
                there = place_at(self.subject, point)
            except Unfit:
                raise
            except (ArithmeticError, ValueError):
                continue
            if there.program is None or not math.isfinite(there.f0):
                continue
            apart = difference(here.program, there.program, replayed)
            if isinstance(apart, Node):
                hidden = apart
            elif not apart:
                return there, None
        return None, hidden

    def _with_hidden_use(self, here: Place, hidden: Node) -> GradcheckReport:
        self._hides = True
        report = self._by_differences(here, "")
        if report:
            report = self._at_neighbours(report, here, None)
        if report.verdict != "fail":
            return report
        return replace(report, blame=report.blame or self._traced_twin(here, hidden))

    def _traced_twin(self, here: Place, hidden: Node) -> Blame:
        """The blame of ``hidden``, with the line that made it."""
        assert isinstance(self.subject, Subject)
        point = next(self._moved_points(here))
        with suppress(ArithmeticError, ValueError), self.subject.at(point):
            traced = Program(self.subject.traced(), self.subject.nodes)
            program = here.program
            assert program is not None
            apart = difference(program, traced, program.run(FLOATS, dict(zip(self.subject.nodes, point))))
            if isinstance(apart, Node):
                return unrecorded(apart)
        return unrecorded(hidden)

    # -- by finite differences ---------------------------------------------------------------------------------------------

    def _by_differences(self, here: Place, note: str, near: Place | None = None) -> GradcheckReport:
        rows = self.judge.rows_by_differences(here)
        report = replace(self._summed_up(here, rows, False), note=note)
        if report and near is not None:
            return self._at_neighbours(report, here, near)
        if report and isinstance(self.subject, Plain) and self.subject.follows:
            return self._at_neighbours(report, here, None)
        return report

    # -- elsewhere, and together ---------------------------------------------------------------------------------------------

    def _at_neighbours(self, report: GradcheckReport, here: Place, near: Place | None) -> GradcheckReport:
        """Look for errors that are multiplied by 0 at the point: only a fail counts there."""
        flips = [1, 2] if len(self._everywhere) > 1 else [1]
        if near is not None and usable(near) and (wrong := self._fault_at(near)):
            return self._masked(report, near, wrong)
        for flip in [0, *flips] if near is None else flips:
            try:
                there = place_at(self.subject, jittered(here.point, 0.1, flip))
            except Unfit:
                raise
            except (ArithmeticError, ValueError):
                continue
            if usable(there) and (wrong := self._fault_at(there)):
                return self._masked(report, there, wrong)
        return report

    def _fault_at(self, there: Place) -> list[Row]:
        """Rows that fail at a neighbour; sought only where one look along a generic direction shows that there are any."""
        with self.subject.at(there.point):
            if isinstance(self.subject, Plain) or there.program is None or self._hides:
                rows = self.judge.rows_by_differences(there)
                return [row for row in rows if row.verdict == "fail"]
            direction = there.direction
            said = sum(float(np.sum(np.asarray(g) * np.asarray(v))) for g, v in zip(there.claimed, direction))
            try:
                slope = along(there.program, self.subject.nodes, direction)
            except Exception:  # out of reach here alone, or altogether
                rows = [] if self.judge.readable else self.judge.rows_by_differences(there)
                return [row for row in rows if row.verdict == "fail"]
            self.judge.replays += 1
            size = sum(float(np.sum(np.abs(np.asarray(g) * np.asarray(v)))) for g, v in zip(there.claimed, direction))
            if abs(said - slope) <= self.judge.rtol * max(size, abs(slope)):
                return []
            try:
                rows = [self.judge.row_by_slopes(there, c, True) for c in self.coordinates]
            except Exception:
                return []
            return [row for row in rows if row.verdict == "fail"]

    def _masked(self, report: GradcheckReport, there: Place, wrong: list[Row]) -> GradcheckReport:
        first = wrong[0]
        at = Coordinate(first.name, first.index, list(self.subject.leaves).index(first.name)).of(there.point)
        note = (
            f"right at the point, wrong at {first.place} = {at:.4g} (and the others moved): there the error is multiplied by 0"
        )
        known = {(row.name, row.index): row for row in wrong}
        rows = tuple([known.get((row.name, row.index), row) for row in report.rows])
        return replace(report, verdict="fail", rows=rows, note=note, blame=self._blame(there, wrong))

    def _summed_up(self, here: Place, rows: Sequence[Row], by_slopes: bool) -> GradcheckReport:
        verdict: Verdict = min((row.verdict for row in rows), key=SEVERITY.__getitem__, default="pass")
        found = self._blame(here, rows) if verdict == "fail" else None
        note = ""
        if found and by_slopes and (excuse := self._excuse(here, found)):
            rows = [replace(row, verdict=excuse) if row.verdict == "fail" else row for row in rows]
            verdict, found = excuse, None
        if verdict == "not differentiable" and here.program is not None:
            note = self._tied(here)
        return GradcheckReport(self.subject.name, verdict, tuple(rows), found, self.evaluations, note)

    def _blame(self, there: Place, rows: Sequence[Row]) -> Blame | None:
        """The op behind the worst row that fails, from the graph recorded once more with its source lines."""
        if isinstance(self.subject, Plain) or there.program is None:
            return None
        wrong = [row for row in rows if row.verdict == "fail" and math.isfinite(row.claimed)]
        if not wrong:
            return None
        worst = max(wrong, key=lambda row: row.difference / max(abs(row.claimed), abs(row.estimate)))
        c = Coordinate(worst.name, worst.index, list(self.subject.leaves).index(worst.name))
        length = abs(c.of(there.point)) or 1.0
        with self.subject.at(there.point), np.errstate(all="ignore"):
            root = self.subject.traced()
            if not isinstance(root, Node) or not root.requires_grad:
                return None
            claimed = self.subject.gradient(root)
            program = Program(root, self.subject.nodes)
            error = (worst.estimate - worst.claimed) * length
            with suppress(Exception):  # by an op that can't be run on its own
                return blame(program, self.subject.nodes, claimed, c.unit(there.point, length), error)
            return None

    def _excuse(self, here: Place, found: Blame) -> Verdict | None:
        """A milder verdict, if the op to blame is at its kink or wrong by its own rounding alone."""
        with self.subject.at(here.point), suppress(ArithmeticError, ValueError):
            if is_rounding(found):
                return "pass" if abs(found.claimed - found.true) <= self.settings.need * abs(found.true) else "cannot tell"
        return "not differentiable" if self._is_convention(here, found) else None

    def _is_convention(self, here: Place, found: Blame) -> bool:
        """Whether the op to blame is at its kink, so that what it says there is a convention."""
        assert here.program is not None
        traced = Program(found.node, self.subject.nodes) if found.node is not None else None
        if traced is None or not traced.depends:
            return False
        with self.subject.at(here.point), suppress(Exception):
            return tied(traced, self.subject.nodes, here.direction) is found.node
        return False

    def _tied(self, here: Place) -> str:
        """Which op is exactly at its kink, in words; empty if it is not known."""
        if isinstance(self.subject, Plain) or here.program is None:
            return ""
        with self.subject.at(here.point), suppress(Exception):
            program = Program(self.subject.traced(), self.subject.nodes)
            node = tied(program, self.subject.nodes, here.direction)
            if node is not None and node.op:
                where = f" ({shortened(node.line)})" if node.line else ""
                label = f" '{node.label}'" if node.label else ""
                return f"{node.op.name}{label}{where} is exactly at its kink"
        return ""


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)
