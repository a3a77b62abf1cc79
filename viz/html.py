"""A picture with its text, as HTML: a fragment for a notebook, a page for a file. No scripts, nothing to load."""

from base64 import b64encode
from html import escape


def fragment(svg: str, text: str, summary: str) -> str:
    """For a notebook's output: an image and, folded, its text. Both are left standing where a notebook is not trusted."""
    data = b64encode(svg.encode()).decode()
    return f'<div><img src="data:image/svg+xml;base64,{data}" alt="{escape(summary)}">{_folded(text)}</div>'


def page(svg: str, text: str, summary: str) -> str:
    """A whole page that needs no other file. The picture is part of it, so that its text can be searched and copied."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(summary)}</title>\n</head>\n<body style="margin:1rem;background:#fff;color:#1b2430">\n'
        f'<div style="overflow-x:auto">\n{svg}</div>\n{_folded(text)}\n</body>\n</html>\n'
    )


def _folded(text: str) -> str:
    return f"<details><summary>as text</summary><pre>{escape(text)}</pre></details>"
