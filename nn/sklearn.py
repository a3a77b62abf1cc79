"""Estimators for scikit-learn: a network that stands in its pipelines, searches and cross-validations.

Arguments and attributes have the names and defaults that they have in ``sklearn.neural_network``. What is trained is an
``nn.MLP`` of Tensors, by ``nn.fit``; ``model_`` and ``history_`` are there to be opened. It needs scikit-learn:
``pip install "stepgrad[sklearn]"``.

Source: Pedregosa et al., *Scikit-learn: Machine Learning in Python* (2011).
"""

import warnings
from collections.abc import Callable
from math import inf
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd as ag
from autograd import Tensor

from .callbacks import Run
from .early_stopping import EarlyStopping
from .history import History
from .layers import MLP
from .losses import cross_entropy, l2, mse
from .modes import evaluated
from .optim import SGD, Adam, Optimizer
from .settings import is_number
from .training import fit

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as missing:
    raise ImportError('nn.sklearn needs scikit-learn, at least 1.6: pip install "stepgrad[sklearn]"') from missing

__all__ = ["MLPClassifier", "MLPRegressor"]

Array = NDArray[Any]

_DTYPES = (np.float64, np.float32)
_NAMES = {"identity": "linear", "logistic": "sigmoid"}  # scikit-learn's, and ours


def _sizes(x: Any) -> list[Any]:
    return list(np.ravel(x).tolist())


def _is_count(x: Any) -> bool:
    return isinstance(x, Integral) and not isinstance(x, bool) and int(x) >= 1


_AMOUNT = ("a finite number of at least 0", lambda x: is_number(x) and 0 <= x < inf)
_COUNT = ("a whole number of at least 1", _is_count)
_RANGES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "hidden_layer_sizes": ("whole numbers of at least 1, such as (100, 50)", lambda x: all(map(_is_count, _sizes(x)))),
    "solver": ("'adam', 'sgd' or a kind of optimizer, such as nn.AdamW", lambda x: callable(x) or x in ("adam", "sgd")),
    "alpha": _AMOUNT,
    "batch_size": ("'auto' or a whole number of at least 1", lambda x: x == "auto" or _is_count(x)),
    "learning_rate_init": ("a finite number above 0", lambda x: is_number(x) and 0 < x < inf),
    "max_iter": _COUNT,
    "tol": _AMOUNT,
    "momentum": ("at least 0 and less than 1", lambda x: is_number(x) and 0 <= x < 1),
    "validation_fraction": ("between 0 and 1", lambda x: is_number(x) and 0 < x < 1),
    "n_iter_no_change": _COUNT,
}


class _Convergence(EarlyStopping):
    """EarlyStopping by scikit-learn's rule: any better epoch is the best, but to count it must be better by ``tol``."""

    by_run_only = True

    def __init__(self, monitor: str, patience: int, tol: float) -> None:
        super().__init__(monitor, patience)
        self.tol = tol

    def after_epoch(self, run: Run) -> None:
        """Compare with the best before."""
        best, waited = self.best, self.waited
        super().after_epoch(run)
        if self.best > best - self.tol:
            self.waited = waited + 1
            run.stop |= self.waited >= self.patience


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both share: the network, and how it is trained. A kind of estimator says by which loss, and on which targets."""

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        compiled: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.compiled = compiled

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on examples ``X``, ``(n, n_features)``, and their targets ``y``: anew, or with ``warm_start`` from where it is.

        Raises:
            ValueError: an argument is out of range, or the examples and targets are not of one length, or not finite.
            FloatingPointError: the loss became infinite or nan.
        """
        self._see_that_they_fit()
        first = not (self.warm_start and self._has_begun)
        X, y, n_out = self._examples(X, y, first)
        if first:
            self._begin(X, n_out)
        self._optimizer = self._new_optimizer()
        monitor, share = ("val_loss", self.validation_fraction) if self.early_stopping else ("loss", None)
        stopping = _Convergence(monitor, self.n_iter_no_change + 1, self.tol)
        self._train(X, y, self.max_iter, validation=share, callbacks=[stopping])
        if stopping.waited < stopping.patience:
            warnings.warn(
                f"{type(self).__name__}: after max_iter={self.max_iter} epochs the {monitor} still falls; raise max_iter or "
                "learning_rate_init",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    @property
    def n_iter_(self) -> int:
        """How many epochs it has been trained."""
        return len(self.history_.loss)

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of each epoch, the penalty on weights with it."""
        return self.history_.loss

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, ``(n_in, n_out)``."""
        return [layer.weight.data for layer in self._layers]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, ``(n_out,)``."""
        return [layer.bias.data for layer in self._layers]

    @property
    def _layers(self) -> list[Any]:
        return self.model_.layers

    @property
    def _has_begun(self) -> bool:
        return hasattr(self, "_optimizer")

    def _examples(self, X: Any, y: Any, first: bool) -> tuple[Array, Array, int]:
        """Examples and targets as arrays, and how many outputs they want."""
        raise NotImplementedError

    def _loss(self, predictions: Any, targets: Any) -> Any:
        """Of a batch, its mean."""
        raise NotImplementedError

    def _see_that_they_fit(self) -> None:
        for name, (words, fits) in _RANGES.items():
            if not fits(value := getattr(self, name)):
                raise ValueError(f"{type(self).__name__}: {name} must be {words}, not {value!r}")

    def _begin(self, X: Array, n_out: int) -> None:
        self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        activation = _NAMES.get(str(self.activation), self.activation)
        sizes = [*_sizes(self.hidden_layer_sizes), n_out]
        self.model_ = MLP(X.shape[1], sizes, activation, kind=Tensor, rng=self._rng).astype(X.dtype)
        self.history_ = History()

    def _new_optimizer(self) -> Optimizer:
        parameters, lr = self.model_.parameters(), self.learning_rate_init
        if self.solver == "sgd":
            return SGD(parameters, lr, self.momentum, nesterov=self.momentum > 0)
        make: Callable[..., Optimizer] = Adam if self.solver == "adam" else self.solver
        if not isinstance(optimizer := make(parameters, lr=lr), Optimizer):
            raise TypeError(f"{type(self).__name__}: solver={self.solver!r} made no optimizer, but {optimizer!r}")
        return optimizer

    def _objective(self, predictions: Any, targets: Any) -> Any:
        """The loss, and in training the penalty on weights."""
        error = self._loss(predictions, targets)
        if self.model_.training and self.alpha:
            error = error + self.alpha / (2 * len(targets)) * l2([layer.weight for layer in self._layers])
        return error

    def _train(self, X: Array, y: Array, epochs: int, **settings: Any) -> None:
        fit(
            self.model_,
            X,
            y,
            loss=self._objective,
            optimizer=self._optimizer,
            epochs=epochs,
            batch_size=200 if self.batch_size == "auto" else self.batch_size,
            shuffle=self.shuffle,
            rng=self._rng,
            history=self.history_,
            compiled=self.compiled,
            verbose=bool(self.verbose),
            **settings,
        )

    def _train_once(self, X: Array, y: Array, n_out: int) -> Self:
        self._see_that_they_fit()
        if not self._has_begun:
            self._begin(X, n_out)
            self._optimizer = self._new_optimizer()
        self._train(X, y, epochs=1)
        return self

    def _outputs(self, X: ArrayLike) -> Tensor:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_DTYPES, reset=False)
        with evaluated(self.model_):
            outputs: Tensor = self.model_(X)
        return outputs


class MLPClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A multi-layer perceptron that tells classes apart: ``nn.MLP`` with a logit for each, trained by cross-entropy.

    Args:
        hidden_layer_sizes: outputs of each layer but the last, such as ``(100, 50)``.
        activation: of those layers: ``"relu"``, ``"tanh"``, ``"logistic"``, ``"identity"``, or any other of ``nn``'s.
        solver: ``"adam"``; ``"sgd"``, with Nesterov's momentum; or what makes an optimizer of parameters and ``lr=``, such as
            ``nn.AdamW`` or ``functools.partial(nn.SGD, momentum=0.5)``.
        alpha: strength of an L2 penalty on weights, not on biases: ``alpha / 2 · ‖W‖²``, over the examples in a step.
        batch_size: examples in a step; ``"auto"`` for 200, or for all of fewer.
        learning_rate_init: the learning rate.
        max_iter: how many epochs to train, at most.
        shuffle: go through the examples in a new random order in each.
        random_state: source of first weights and order, a seed or a ``RandomState``.
        tol: by how much the loss must get better, to count.
        verbose: show a progress bar.
        warm_start: ``fit`` goes on from the weights that are there.
        momentum: of ``"sgd"``.
        early_stopping: hold examples out, and watch the loss on them in place of the training loss.
        validation_fraction: which share of them.
        n_iter_no_change: how many epochs may pass without getting better. After one more training ends, with the best weights
            there were.
        compiled: run each step as a program; see ``nn.fit``. Worth it for runs of some hundred steps.

    Attributes:
        model_: the ``nn.MLP``.
        history_: the ``nn.History`` of its training.
        classes_: the labels, in the order of the logits.
        n_features_in_, feature_names_in_: how many features ``X`` had, and their names if it was a data frame.
        n_iter_, loss_curve_, coefs_, intercepts_: what ``history_`` and ``model_`` hold, under scikit-learn's names.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = make_pipeline(StandardScaler(), MLPClassifier([16], batch_size=10, learning_rate_init=0.01, random_state=0))
    >>> learner.fit(X, y).score(X, y) > 0.96
    True
    >>> learner[-1].model_
    MLP(4, [16, 3], 'relu')
    """

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Train for one more epoch, on these examples.

        Args:
            X: examples, ``(n, n_features)``.
            y: their labels.
            classes: all labels that will ever come; the first call needs them.

        Raises:
            ValueError: a label is none of the classes; or as for ``fit``.
        """
        first = not self._has_begun
        if first and classes is None:
            raise ValueError("partial_fit: the first call needs classes=, all labels that will ever come")
        return self._train_once(*self._examples(X, y, first, classes))

    def predict(self, X: ArrayLike) -> Array:
        """The likeliest class of each example."""
        chosen = self._outputs(X).data.argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each class, ``(n, n_classes)``, in the order of ``classes_``."""
        return np.array(ag.softmax(self._outputs(X)).data)

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Its logarithm, finite also where the probability rounds to 0."""
        return np.array(ag.log_softmax(self._outputs(X)).data)

    def _loss(self, predictions: Any, targets: Any) -> Any:
        return cross_entropy(predictions, targets)

    def _examples(self, X: Any, y: Any, first: bool, classes: ArrayLike | None = None) -> tuple[Array, Array, int]:
        X, y = validate_data(self, X, y, dtype=_DTYPES, reset=first)
        check_classification_targets(y)
        named = np.unique(y if classes is None else classes)
        if first:
            self.classes_ = named
        if len(self.classes_) < 2:
            raise ValueError(f"MLPClassifier tells at least two classes apart, and y has one class, {named.tolist()}")
        if (unknown := np.setdiff1d(np.union1d(named, y), self.classes_)).size:
            raise ValueError(f"MLPClassifier: {unknown.tolist()} are not among its classes, {self.classes_.tolist()}")
        return X, np.searchsorted(self.classes_, y), len(self.classes_)


class MLPRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A multi-layer perceptron that predicts numbers, one or several: ``nn.MLP``, trained by half the mean squared error.

    Arguments and attributes are those of ``MLPClassifier``, but for ``classes_``.

    >>> import numpy as np
    >>> X = np.linspace(-3, 3, 100)[:, None]
    >>> learner = MLPRegressor([32], "tanh", batch_size=10, learning_rate_init=0.01, random_state=0)
    >>> learner.fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])) > 0.98
    True
    """

    def partial_fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train for one more epoch, on these examples ``X``, ``(n, n_features)``, and their targets.

        Raises:
            ValueError: as for ``fit``.
        """
        return self._train_once(*self._examples(X, y, not self._has_begun))

    def predict(self, X: ArrayLike) -> Array:
        """The numbers predicted of each example, ``(n,)`` or ``(n, n_outputs)``."""
        return np.array(self._outputs(X).data)

    def _loss(self, predictions: Any, targets: Any) -> Any:
        return 0.5 * mse(predictions, targets)

    def _examples(self, X: Any, y: Any, first: bool) -> tuple[Array, Array, int]:
        X, y = validate_data(self, X, y, dtype=_DTYPES, multi_output=True, y_numeric=True, reset=first)
        if y.ndim == 1 or y.shape[1] > 1:
            return X, y, 1 if y.ndim == 1 else y.shape[1]
        return X, column_or_1d(y, warn=True), 1

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
