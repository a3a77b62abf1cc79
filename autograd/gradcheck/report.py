"""What a check found: a verdict for each partial and for all of them, as text, as HTML, as data."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from math import isfinite, nan
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["pass", "fail", "not differentiable", "cannot tell", "not deterministic", "not finite"]

SEVERITY: dict[Verdict, int] = {
    "fail": 0, "not deterministic": 1, "not finite": 2, "not differentiable": 3, "cannot tell": 4, "pass": 5,
}  # fmt: skip
_SHOWN = 5  # rows at most; a whole Jacobian helps nobody
_HEADS: dict[Verdict, str] = {
    "pass": "PASSED", "fail": "FAILED", "not differentiable": "NOT DIFFERENTIABLE", "cannot tell": "CANNOT TELL",
    "not deterministic": "NOT DETERMINISTIC", "not finite": "NOT FINITE",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One partial derivative, as claimed and as it is."""

    name: str  # of the input
    index: tuple[int, ...]  # in it; empty for a number
    claimed: float
    estimate: float  # by complex steps, decimals or differences
    error: float  # bar of the estimate
    evaluations: int
    verdict: Verdict
    hint: str = ""
    order: int = 1  # of the derivative
    left: float = nan  # one-sided slopes, where they differ
    right: float = nan

    @property
    def place(self) -> str:
        """Which number was moved: ``w[3, 1]``."""
        return self.name + (f"[{', '.join(map(str, self.index))}]" if self.index else "")

    @property
    def difference(self) -> float:
        """Of what is claimed from the estimate, absolute."""
        return abs(self.claimed - self.estimate)

    @property
    def relative(self) -> float:
        """The same relative to the larger of the two; inf where one is no finite number."""
        size = max(abs(self.claimed), abs(self.estimate))
        return (self.difference / size if size else 0.0) if isfinite(self.difference) else float("inf")


@dataclass(frozen=True)
class Blame:
    """The op that makes a gradient wrong."""

    op: str  # its name in the table; empty where the result has left the graph
    label: str  # of its node
    module: str  # that made the node
    line: str  # of source that made it
    operand: int  # in which it is wrong, counted from 0; -1 for the node itself
    claimed: float  # what its backward says
    true: float
    slip: str  # what it looks like
    node: Any = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        name = f"`{self.op}`" if self.op else "the result"
        if self.label:
            name += f" '{self.label}'"
        where = ", ".join(filter(None, [shortened(self.line), f"in {self.module}" if self.module else ""]))
        said = "its backward says {}, true is {}".format(*_apart(self.claimed, self.true)) if isfinite(self.true) else ""
        if said and self.operand >= 0:
            said += f" (operand {self.operand + 1})"
        looks = f"this is {self.slip}" if self.slip.startswith(("a factor", "the sign")) else self.slip
        return f"{name}{f' ({where})' if where else ''}: " + "; ".join(filter(None, [said, looks]))


@dataclass(frozen=True, repr=False)
class GradcheckReport:
    """The outcome of a gradcheck; true only if every partial passes.

    Printed, it shows the five worst rows, each with the number that decided it; all of them are in ``rows``.
    """

    function: str
    verdict: Verdict
    rows: tuple[Row, ...]
    blame: Blame | None = None
    evaluations: int = 0  # of the function, and of its graph in other numbers
    note: str = ""  # on the whole

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    @property
    def worst(self) -> list[Row]:
        """The rows in the order of interest: by verdict, then by how far claimed and estimate are apart."""
        return sorted(self.rows, key=lambda row: (SEVERITY[row.verdict], -row.relative))

    def of(self, name: str) -> "GradcheckReport":
        """The part that speaks of one input."""
        rows = tuple([row for row in self.rows if row.name == name])
        explained = any(row.verdict == self.verdict for row in self.rows)
        verdict = min([row.verdict for row in rows], key=SEVERITY.__getitem__) if rows and explained else self.verdict
        return replace(
            self,
            function=f"{self.function}, {name}",
            rows=rows,
            verdict=verdict,
            blame=self.blame if verdict == self.verdict else None,
            note=self.note if verdict == self.verdict else "",
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "\n".join([f"gradcheck {_HEADS[self.verdict]}  {self.function}: {self._summary()}", *self._details()])

    def _summary(self) -> str:
        n = len(self.rows)
        partials = f"{n} partial{'s' * (n != 1)}"
        if not self.rows:
            return self.note or "nothing to check"
        if self.verdict == "pass":
            visible = max((max(row.error, row.difference) for row in self.rows), default=0.0)
            return (
                f"{partials}, worst agreement {max(row.relative for row in self.rows):.1e}, "
                f"largest error bar {visible:.1e}, {self.evaluations} evaluations"
            )
        count = sum(row.verdict == self.verdict for row in self.rows)
        what = {"fail": "wrong", "not differentiable": "at a kink or an edge", "cannot tell": "not decided"}.get(
            self.verdict, ""
        )
        return f"{count} of {partials} {what}" if count else self.note

    def _details(self) -> list[str]:
        lines = []
        if self.verdict != "pass":
            shown = [row for row in self.worst if row.verdict != "pass"][:_SHOWN]
            lines += _table(shown)
            left = sum(row.verdict != "pass" for row in self.rows) - len(shown)
            lines += [f"  … and {left} more"] if left else []
        if self.blame:
            lines.append(f"  {self.blame}")
        if self.note and self.rows and self.note not in self._summary():
            lines.append(f"  {self.note}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data for JSON; numbers that are not finite come as text."""
        return {
            "function": self.function,
            "verdict": self.verdict,
            "evaluations": self.evaluations,
            "note": self.note,
            "rows": [
                {name: _plain(x) for name, x in vars(row).items()} | {"place": row.place, "index": list(row.index)}
                for row in self.rows
            ],
            "blame": {name: _plain(x) for name, x in vars(self.blame).items() if name != "node"} if self.blame else None,
        }

    def _repr_html_(self) -> str:
        head = f"<b>gradcheck {_HEADS[self.verdict]}</b> &ensp;{escape(self.function)}: {escape(self._summary())}"
        shown = self.worst[:_SHOWN]
        cell = 'style="padding:2px 10px;text-align:{};border-bottom:1px solid rgba(128,128,128,.3)"'
        names = ("partial", "backward", "true", "± error", "verdict", "")
        top = "".join(f"<th {cell.format('left' if i in (0, 4, 5) else 'right')}>{name}</th>" for i, name in enumerate(names))
        body = "".join(
            "<tr>" + "".join(f"<td {cell.format('left' if i in (0, 4, 5) else 'right')}>{escape(text)}</td>"
            for i, text in enumerate((_partial(row), *_numbers(row), row.verdict, row.hint))) + "</tr>"
            for row in shown
        )  # fmt: skip
        rest = [line.strip() for line in self._details() if self.blame and line.strip() == str(self.blame)]
        rest += [self.note] if self.note and self.rows else []
        rest += [f"… {len(self.rows) - len(shown)} more in .rows"] if len(self.rows) > len(shown) else []
        style = "border-collapse:collapse;color:inherit;font-variant-numeric:tabular-nums"
        table = f'<table style="{style}"><tr>{top}</tr>{body}</table>'
        notes = "".join(f"<div>{escape(text)}</div>" for text in rest)
        return f'<div style="color:inherit;font-family:sans-serif">{head}{table if shown else ""}{notes}</div>'


def shortened(line: str) -> str:
    """A source line that is not too long for a message."""
    return line if len(line) <= 72 else line[:71] + "…"


def _partial(row: Row) -> str:
    return f"∂{_power(row.order)}/∂{row.place}"


def _power(order: int) -> str:
    return "" if order == 1 else "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(order))


def _numbers(row: Row) -> tuple[str, str, str]:
    """What is claimed, what is true, and the bar of that; at a kink there is nothing that would be true."""
    if row.verdict == "not differentiable":
        return f"{row.claimed:.9g}", "–", "–"
    return f"{row.claimed:.9g}", f"{row.estimate:.9g}", f"{row.error:.1g}"


def _table(rows: Sequence[Row]) -> list[str]:
    """Rows as aligned lines."""
    cells = [(_partial(row), *_numbers(row)) for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(4)] if cells else []
    return [
        f"  {a:<{widths[0]}}  backward {b:>{widths[1]}}  true {c:>{widths[2]}} ± {d:<{widths[3]}}  {_said(row)}".rstrip()
        for (a, b, c, d), row in zip(cells, rows)
    ]


def _said(row: Row) -> str:
    """The hint, after the verdict unless that goes without saying."""
    return ": ".join(filter(None, ["" if row.verdict == "fail" else row.verdict, row.hint]))


def _apart(a: float, b: float) -> tuple[str, str]:
    """Both with as many digits as it takes to see that they differ."""
    for digits in range(4, 17):
        texts = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if texts[0] != texts[1]:
            return texts
    return repr(a), repr(b)


def _plain(x: Any) -> Any:
    return str(x) if isinstance(x, float) and not isfinite(x) else x
