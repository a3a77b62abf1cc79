"""A picture with its text, as HTML: a fragment for a notebook, a page for a file. No scripts, nothing to load."""

import sys
from base64 import b64encode
from collections.abc import Callable
from html import escape


def fragment(svg: str, text: str, summary: str, inside: str = "") -> str:
    """For a notebook's output: an image and, folded, its text. Both are left standing where a notebook is not trusted.

    ``inside`` is more HTML, between the two.
    """
    return f"<div>{image(svg, summary)}{inside}{_folded(text)}</div>"


def live(fragment: Callable[[], str], page: Callable[[], str], title: str) -> str:
    """For a notebook's output, HTML that has a script: the fragment; in Colab, which cuts it, the page within the page."""
    if "google.colab" not in sys.modules:
        return fragment()
    return f'<iframe title="{escape(title)}" srcdoc="{escape(page())}" style="width:100%;height:600px;border:0"></iframe>'


def image(svg: str, summary: str) -> str:
    """The picture as an ``img``, which is left standing where ``svg`` is not."""
    data = b64encode(svg.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(summary)}">'


def page(svg: str, text: str, summary: str, inside: str = "") -> str:
    """A whole page that needs no other file. The picture is part of it, so that its text can be searched and copied."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(summary)}</title>\n</head>\n<body style="margin:1rem;background:#fff;color:#1b2430">\n'
        f'<div style="overflow-x:auto">\n{svg}</div>\n{inside}{_folded(text)}\n</body>\n</html>\n'
    )


def details(summary: str, content: str) -> str:
    """HTML ``content`` that is shown at a click on ``summary``."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def _folded(text: str) -> str:
    return details("as text", f"<pre>{escape(text)}</pre>")
