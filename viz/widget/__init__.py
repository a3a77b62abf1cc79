"""A walk as a live view: for a notebook's output, or as a page of its own. No framework, no network, no kernel.

What is written is an image that any viewer shows, all steps as text, and one script that makes a live view of these two. Where
scripts are cut, image and text are left. Of a graph of Values the script also computes: a leaf can be changed in the page.

View ... a walk for a notebook, for a page of somebody else's, for a file of its own
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha1
from html import escape
from pathlib import Path
from typing import Any

from autograd import Value
from autograd.primitive import Elementwise
from autograd.pulling import pull_by_rules
from autograd.terms import ReadingError

from .. import html
from ..diagram import number
from ..moments import last_moment, numbers_of
from ..steps import Walk
from ..svg import svg
from ..text import names
from ..transcript import sentences, title
from ..writing import javascript
from ..writing.slopes import slopes

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class View:
    """A walk, and how it is shown."""

    walk: Walk[Any]
    breaks: Sequence[int] = ()  # numbers of the steps (from 1) with a breakpoint
    at: int = 1  # number of the step to begin with
    inside: str = ""  # more HTML, to stand below

    def output(self) -> str:
        """For a notebook."""
        return html.live(self.fragment, self.page, title(self.walk))

    def fragment(self) -> str:
        """A part of a page, which it leaves alone."""
        marks = last_moment(self.walk)
        marks = replace(marks, labels=dict.fromkeys(range(len(self.walk.diagram.arrows)), "") | dict(marks.labels))
        picture = b64encode(svg(self.walk.diagram, marks, "graph").encode()).decode()  # in full it is named by its alt
        steps = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences(self.walk))
        arrays = numbers_of(self.walk, names(self.walk.diagram))
        in_full = f"<details><summary>arrays in full</summary><pre>{escape(arrays)}</pre></details>" if arrays else ""
        told = _literal({"at": self.at - 1, "breaks": [n - 1 for n in self.breaks], **_told(self.walk)})
        name = sha1(f"{picture}{told}".encode()).hexdigest()[:10]
        return (
            f'<div data-stepgrad="{name}"><img src="data:image/svg+xml;base64,{picture}" alt="{escape(title(self.walk))}">'
            '<div slot="words"><details><summary>all steps as text</summary>'
            f'<ol style="white-space:pre-line">{steps}</ol></details>{in_full}{self.inside}</div>'
            f'<script>{{{_script()}live("{name}",{_literal(_style())},{told})}}</script></div>'
        )

    def page(self) -> str:
        """A whole page that needs no other file."""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title(self.walk))}</title>\n"
            "<style>:root{color-scheme:light dark}body{margin:1rem;font-family:system-ui}</style>\n"
            f"</head>\n<body>\n<main>\n{self.fragment()}\n</main>\n</body>\n</html>\n"
        )


def _told(walk: Walk[Any]) -> dict[str, Any]:
    """What the script is told of the walk: keys and places of arrows instead of nodes, and numbers as they are written."""
    places = {(arrow.target, arrow.position): i for i, arrow in enumerate(walk.diagram.arrows)}
    back = [step for step in walk.steps if step.phase != "forward"]
    return {
        "edges": [[arrow.source, arrow.target] for arrow in walk.diagram.arrows],
        "steps": [[step.key, *[places[step.key, c.position] for c in step.contributions]] for step in walk.steps],
        "forward": len(walk.steps) - len(back),
        "start": [_start(g) for g in walk.start],
        "told": [[number(back[0].grad)], *[[number(c.after) for c in step.contributions] for step in back[1:]]],
        **_live(walk),
    }


def _start(g: Any) -> Any:
    return g if type(g) is float else number(g)


def _live(walk: Walk[Any]) -> dict[str, Any]:
    """What the script needs in order to compute by itself; nothing, if it can't: of arrays, and of ops that can't be read."""
    if walk.steps[0].parts:  # boxes for many nodes
        return {}
    uses: dict[tuple[Elementwise, int], int] = {}
    forms, values = [], []
    for node, box in zip(walk.nodes, walk.diagram.boxes):
        if not isinstance(node, Value) or not (node.op is None or isinstance(node.op, Elementwise)):
            return {}
        if node.op is None:
            values.append(box.data if box.kind == "leaf" else json.dumps(box.data))
            continue
        use = (node.op, len(node.inputs))
        if use not in uses:
            uses[use] = len(uses)
            forms.append((box.symbol if len(node.inputs) == 1 else f" {box.symbol} ") if box.is_operator else f"{box.op}(")
        values.append([uses[use]])
    try:
        ops = javascript.functions(list(uses))
    except ReadingError:
        return {}
    skips = [i for (op, _), i in uses.items() if op.pull is pull_by_rules]  # where a partial is 0, these hand nothing on
    arrows = {(arrow.target, arrow.position): i for i, arrow in enumerate(walk.diagram.arrows)}
    return {
        "names": names(walk.diagram),
        "slopes": {arrows[edge]: text for edge, text in slopes(walk).items()},
        "values": values,
        "forms": forms,
        "skips": skips,
        "seed": _seed(walk),
        "ops": _Script(ops),
    }


def _seed(walk: Walk[Any]) -> Any:
    (seed,) = [step for step in walk.steps if step.phase == "seed"]
    return seed.grad - walk.start[seed.key]


class _Script(str):
    """Text that is JavaScript already."""


def _literal(x: Any) -> str:
    """``x`` in JavaScript, such that it can stand within a page: no ``<``, so that nothing ends the script."""
    if isinstance(x, _Script):
        return x
    if isinstance(x, Mapping):
        return f"{{{','.join([f'{key}:{_literal(value)}' for key, value in x.items()])}}}"
    written = json.dumps(x, ensure_ascii=False, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _script() -> str:
    return (_HERE / "live.min.js").read_text(encoding="utf-8").strip()


@cache
def _style() -> str:
    return re.sub(r"\s*([{}:;,])\s*|\s+", lambda m: m[1] or " ", (_HERE / "live.css").read_text(encoding="utf-8")).strip()
