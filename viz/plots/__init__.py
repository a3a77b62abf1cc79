"""Pictures of training and of the numbers behind it. Each function gives a ``Plot``; handed ``ax=``, it draws there instead.

>>> loss_curves(history)  # in a notebook a picture  # doctest: +SKIP
>>> print(loss_curves(history))  # in a terminal words and small curves  # doctest: +SKIP
>>> loss_curves(history).save("loss.svg")  # or .png, .html  # doctest: +SKIP
>>> loss_curves(history, ax=plt.gca())  # with matplotlib, as part of a figure of your own  # doctest: +SKIP

The numbers alone are in ``nn.diagnostics``.
"""

from .curves import learning_rates, loss_curves, lr_range, update_ratios
from .layers import dead_units, gradient_flow, histograms, saturated_units
from .live import Live
from .planes import decision_boundary, decision_map, loss_landscape
from .plot import Plot

__all__ = [
    "Live", "Plot", "dead_units", "decision_boundary", "decision_map", "gradient_flow", "histograms", "learning_rates",
    "loss_curves", "loss_landscape", "lr_range", "saturated_units", "update_ratios",
]  # fmt: skip
