"""What users write, made fit to be shown in any format; escaping is left to each."""

import unicodedata

_LONGEST = 32
_JOINERS = "\u200c\u200d"  # emoji and some scripts are written with them


def printable(text: str) -> str:
    """At most 32 characters of ``text``, each of which is safe to print: nothing that breaks a line, reorders or ends text."""
    shown = "".join([_printable_character(c) for c in str(text)[: _LONGEST + 1]]).strip()
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _printable_character(c: str) -> str:
    if c.isspace():
        return " "
    return "\ufffd" if unicodedata.category(c)[0] == "C" and c not in _JOINERS else c
