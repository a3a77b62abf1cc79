"""The report of a training run: one HTML file that opens from disk, with nothing to load and no script."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --paper: #ffffff; --faint: #5a6672; --rule: #dfe3e8; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --paper: #14181d; --faint: #a3adb8; --rule: #323a44; --card: #1c2229; }
}
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1rem 4rem; font: 16px/1.55 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
p { max-width: 44rem; }
details { margin-top: .3rem; }
.lead, figcaption, summary { color: var(--faint); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .8rem; margin: 1.6rem 0; }
dl div { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .7rem .9rem; }
dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.two { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.two > section { flex: 1 1 24rem; min-width: 0; }
figure { margin: 0; max-width: 100%; }
figure svg { max-width: 100%; height: auto; border-radius: .5rem; }
.wide { overflow-x: auto; background: #ffffff; border: 1px solid var(--rule); border-radius: .5rem; padding: .5rem; }
.wide svg { max-width: none; display: block; margin: auto; }
figcaption { font-size: .9rem; margin-top: .4rem; max-width: 44rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); }
th { color: var(--faint); font-weight: 500; white-space: nowrap; }
td.hit { color: #ffffff; background: #0a5c94; font-weight: 600; }
td.miss { color: #ffffff; background: #a33c00; }
code { font-size: .92em; background: var(--card); padding: .1em .3em; border-radius: .25em; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .8rem; overflow-x: auto; }
"""


def page(title: str, lead: str, sections: Sequence[str]) -> str:
    """A whole HTML page. ``title`` and ``lead`` are plain text; sections are HTML, such as the functions below make."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main><h1>{escape(title)}</h1>"
        f'<p class="lead">{escape(lead)}</p>\n' + "\n".join(sections) + "\n</main></body></html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """A heading (plain text) and what stands under it (HTML)."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def figures(numbers: Sequence[tuple[str, str]]) -> str:
    """Numbers to see first, each under its name."""
    return (
        "<dl>" + "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(number)}</dd></div>" for name, number in numbers) + "</dl>"
    )


def paragraph(words: str) -> str:
    """Plain text."""
    return f"<p>{escape(words)}</p>"


def figure(svg: str, caption: str) -> str:
    """A picture, given as SVG, and what it shows."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def wide_figure(svg: str, caption: str, text: str) -> str:
    """A picture in its own size, scrolling sideways where the page is narrower; folded below it, the same as ``text``."""
    box = f'<div class="wide" tabindex="0" role="region" aria-label="picture, scrolls sideways">{svg}</div>'
    words = f"<details><summary>the same as text</summary><pre>{escape(text)}</pre></details>"
    return f"<figure>{box}<figcaption>{escape(caption)}</figcaption>{words}</figure>"


def side_by_side(*parts: str) -> str:
    """Parts beside each other where there is room."""
    return f'<div class="two">{"".join(parts)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table of plain text."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div style="overflow-x:auto"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def confusion(counts: NDArray[np.int64], classes: Sequence[str]) -> str:
    """How often each class (row) was taken for each class (column)."""
    top = '<th scope="col">true ↓ said →</th>' + "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    body = ""
    for i, name in enumerate(classes):
        cells = ""
        for j, count in enumerate(counts[i].tolist()):
            mark = ' class="hit"' if i == j and count else ' class="miss"' if count else ""
            cells += f"<td{mark}>{count or '·'}</td>"
        body += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    return f'<div style="overflow-x:auto"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
