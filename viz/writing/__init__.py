"""The op table and the graph written down: as formulas in plain text and in LaTeX, and as JavaScript.

Each reads a row of the table as terms (``autograd.terms``) and says only how its language writes them (``notation``).
"""

from .formulas import formula, latex, partial_latex, partial_text

__all__ = ["formula", "latex", "partial_latex", "partial_text"]
