"""Fold a large graph into few boxes, and keep the books.

which nodes are alike ........ roles
boxes in boxes ............... groups
the boxes that are shown ..... boxes: ``fold``, ``Folding``
what edges carry ............. flows
a folding as a picture ....... diagrams, and what is in its boxes: insides
a folding step by step ....... walks
"""

from .boxes import Folding, fold

__all__ = ["Folding", "fold"]
