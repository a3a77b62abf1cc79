"""Logits and probabilities are easily mixed up, and the numbers that come of it look sound: so it is told.

what a loss of logits is given ...... see_that_they_are_logits
what stands beside a loss ........... see_that_metrics_fit
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.errors import callers_depth

from .losses import Loss, bce, bce_with_logits, cross_entropy
from .metrics import Metric, accuracy


def see_that_they_are_logits(loss: Loss, predictions: Any) -> None:
    """Whether a loss of logits is given probabilities, as far as it can be told.

    Warns:
        UserWarning: it is given the outputs of a sigmoid or a softmax.
    """
    if loss is bce_with_logits:
        squashed = _made_by(predictions) == "sigmoid"
    elif loss is cross_entropy:
        rows = predictions.data if isinstance(predictions, Tensor) else np.asarray(predictions, dtype=float)
        squashed = bool((rows >= 0).all()) and np.allclose(rows.sum(-1), 1.0)
    else:
        squashed = False
    if squashed:
        warnings.warn(
            f"fit: {loss.__name__} takes logits, and the model gives probabilities, which it would squash a second time: the "
            "loss could not come near 0; leave out the model's last sigmoid or softmax",
            stacklevel=callers_depth(),
        )


def see_that_metrics_fit(loss: Loss, metrics: Mapping[str, Metric], predictions: Any) -> None:
    """ValueError if ``accuracy`` would take the probabilities of ``bce``, one for each example, for logits."""
    if loss is bce and accuracy in metrics.values() and np.shape(predictions)[1:] in ((), (1,)):
        raise ValueError(
            "metrics: accuracy takes logits, and bce goes with probabilities; leave out the sigmoid and pass "
            'loss=nn.bce_with_logits, or metrics={"accuracy": lambda p, y: nn.accuracy(p - 0.5, y)}'
        )


def _made_by(predictions: Any) -> str:
    """The name of the op that gave the first of them."""
    node: Any = predictions if isinstance(predictions, Tensor) else np.asarray(predictions).flat[0]
    while getattr(node, "op", None) is not None:
        if node.op.name not in ("index", "reshape"):
            return str(node.op.name)
        node = node.inputs[0]
    return ""
