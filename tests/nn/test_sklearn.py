"""The estimators, by scikit-learn's own checks, and beside its own networks."""

import importlib
import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import nn
from nn import data

pytest.importorskip("sklearn")

from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from nn.sklearn import MLPClassifier, MLPRegressor

BOTH = [MLPClassifier, MLPRegressor]
briefly = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def examples(n=60, classes=3, seed=0):
    """Points in four dimensions, and in which of three directions each lies furthest."""
    X = np.random.default_rng(seed).normal(size=(n, 4))
    return X, X[:, :classes].argmax(axis=1)


def targets(outputs=1, n=60):
    X, _ = examples(n)
    y = np.stack([X[:, 0] * X[:, 1], np.sin(X[:, 2])], axis=1)
    return X, y[:, :outputs].squeeze(axis=1) if outputs == 1 else y


def learn(kind, **settings):
    X, y = examples() if kind is MLPClassifier else targets()
    settings = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0, **settings}
    return kind(**settings).fit(X, y), X, y


def bits(learner):
    return [array.tobytes() for array in learner.coefs_ + learner.intercepts_]


# -- scikit-learn's own checks -----------------------------------------------------------------------------------------------


@briefly
@parametrize_with_checks([MLPClassifier(max_iter=40), MLPRegressor(max_iter=100)])
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    check(estimator)


def test_its_checks_reject_an_estimator_that_changes_its_arguments():
    class Wrong(MLPClassifier):
        def fit(self, X, y):
            self.alpha = 1.0
            return super().fit(X, y)

    found = check_estimator(Wrong(max_iter=2), on_fail=None, on_skip=None)

    failed = {check["check_name"] for check in found if check["status"] == "failed"}
    assert "check_dont_overwrite_parameters" in failed or "check_estimators_overwrite_params" in failed


# -- beside its own networks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BOTH)
def test_each_argument_has_the_name_and_default_that_it_has_there_and_one_is_ours(kind):
    there = getattr(theirs, kind.__name__)().get_params()

    assert kind().get_params().items() <= there.items() | {("compiled", False)}


def side_by_side(kind, X, y, max_iter=20, n_iter_no_change=20, alpha=0.3, **settings):
    """The losses of ours and theirs, epoch by epoch, from the same weights and through the same batches."""
    settings = {"hidden_layer_sizes": (7, 5), "shuffle": False, "batch_size": 25, "warm_start": True, **settings}
    other = getattr(theirs, kind.__name__)(max_iter=1, alpha=0.3, random_state=0, **settings).fit(X, y)
    ours = kind(max_iter=1, alpha=alpha, random_state=0, **settings).fit(X, y)
    other.coefs_, other.intercepts_ = [w.copy() for w in ours.coefs_], [b.copy() for b in ours.intercepts_]
    for network in (ours, other):
        network.set_params(max_iter=max_iter, n_iter_no_change=n_iter_no_change).fit(X, y)
    return np.array(ours.loss_curve_[1:]), np.array(other.loss_curve_[1:])


def apart(ours, other):
    return np.abs(ours - other).max()


@briefly
@pytest.mark.oracle
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_goes_as_it_goes_there(activation, momentum):
    settings = {"activation": activation, "momentum": momentum, "solver": "sgd", "learning_rate_init": 0.05}

    assert apart(*side_by_side(MLPClassifier, *examples(), **settings)) < 1e-12
    assert apart(*side_by_side(MLPRegressor, *targets(), **settings)) < 1e-12


@briefly
@pytest.mark.oracle
def test_with_adam_too_but_for_where_its_epsilon_stands():
    assert apart(*side_by_side(MLPClassifier, *examples())) < 1e-6
    assert apart(*side_by_side(MLPRegressor, *targets())) < 1e-6


@briefly
@pytest.mark.oracle
def test_it_ends_when_it_ends_there():
    settings = {"solver": "sgd", "learning_rate_init": 0.1, "max_iter": 1000, "n_iter_no_change": 5}
    ours, other = side_by_side(MLPClassifier, *examples(), tol=1e-3, **settings)

    assert len(ours) == len(other) < 1000
    assert apart(ours, other) < 1e-9


@briefly
@pytest.mark.oracle
def test_the_comparison_notices_another_penalty():
    assert apart(*side_by_side(MLPClassifier, *examples(), solver="sgd", alpha=0.301)) > 1e-6


@briefly
@pytest.mark.oracle
def test_digits_are_read_as_well_as_there():
    train, held = data.split(data.digits(), rng=0)
    networks = [kind((64,), max_iter=40, random_state=0) for kind in (MLPClassifier, theirs.MLPClassifier)]

    ours, other = (network.fit(train.x, train.y).score(held.x, held.y) for network in networks)

    assert ours > 0.95
    assert ours > other - 0.02


# -- what is learned ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["no", "yes"], ["a", "b", "c"]])
def test_classes_come_back_as_they_were_named(names):
    X, y = examples(classes=len(names))
    y = np.array(names)[y]
    learner = MLPClassifier((16,), learning_rate_init=0.05, random_state=0).fit(X, y)

    assert learner.classes_.tolist() == names
    assert learner.score(X, y) > 0.95
    assert learner.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(len(X)))
    assert (learner.classes_[learner.predict_proba(X).argmax(axis=1)] == learner.predict(X)).all()


@briefly
def test_the_logarithm_of_a_probability_stays_finite_where_the_probability_is_0():
    learner, X, _ = learn(MLPClassifier)
    far = 1e4 * X

    assert (learner.predict_proba(far) == 0).any()
    assert np.isfinite(learner.predict_log_proba(far)).all()
    assert np.exp(learner.predict_log_proba(X)) == pytest.approx(learner.predict_proba(X))


@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers_are_predicted_one_or_several_of_each_example(outputs):
    X, y = targets(outputs)
    learner = MLPRegressor((32,), "tanh", learning_rate_init=0.02, max_iter=1000, random_state=0).fit(X, y)

    assert learner.predict(X).shape == y.shape
    assert learner.score(X, y) > 0.98


@briefly
@pytest.mark.parametrize("kind", BOTH)
def test_precision_is_that_of_the_examples(kind):
    X, y = examples()
    learner = kind((8,), max_iter=2).fit(X.astype(np.float32), y)

    assert {array.dtype for array in learner.coefs_ + learner.intercepts_} == {np.dtype(np.float32)}
    if kind is MLPClassifier:
        assert learner.predict_proba(X).dtype == np.float32


@briefly
def test_the_network_and_its_history_can_be_opened():
    learner, X, y = learn(MLPClassifier)

    assert isinstance(learner.model_, nn.MLP)
    assert learner.loss_curve_ == learner.history_.loss
    assert learner.n_iter_ == 5
    assert not learner._outputs(X).requires_grad
    assert nn.accuracy(learner.model_(X).data, y) == learner.score(X, y)


@briefly
def test_without_hidden_layers_it_is_logistic_regression():
    assert [w.shape for w in learn(MLPClassifier, hidden_layer_sizes=())[0].coefs_] == [(4, 3)]
    assert [w.shape for w in learn(MLPClassifier, hidden_layer_sizes=6)[0].coefs_] == [(4, 6), (6, 3)]


@briefly
@pytest.mark.parametrize("solver", [nn.AdamW, nn.RMSprop, partial(nn.SGD, momentum=0.5)])
def test_any_optimizer_of_ours_is_a_solver(solver):
    assert learn(MLPRegressor, solver=solver, activation="gelu", max_iter=60)[0].loss_curve_[-1] < 0.5


@briefly
def test_a_step_takes_two_hundred_examples_if_it_is_not_told_how_many():
    X, y = examples(450)
    auto, told, fewer = (MLPClassifier((4,), batch_size=n, max_iter=1, random_state=0).fit(X, y) for n in ("auto", 200, 100))

    assert bits(auto) == bits(told) != bits(fewer)


@briefly
@pytest.mark.parametrize("verbose", [False, True])
def test_a_bar_is_shown_if_it_is_asked_for(capsys, monkeypatch, verbose):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    learn(MLPClassifier, verbose=verbose)

    assert ("5/5" in capsys.readouterr().err) == verbose


# -- randomness --------------------------------------------------------------------------------------------------------------


@briefly
@pytest.mark.parametrize("kind", BOTH)
def test_a_seed_makes_a_run_repeatable(kind):
    assert bits(learn(kind, random_state=1)[0]) == bits(learn(kind, random_state=1)[0])
    assert bits(learn(kind, random_state=1)[0]) != bits(learn(kind, random_state=2)[0])


@briefly
def test_a_random_state_is_drawn_from_and_so_is_numpys_own():
    state = np.random.RandomState(0)
    first, second = (bits(learn(MLPClassifier, random_state=state)[0]) for _ in range(2))
    np.random.seed(0)

    assert first != second
    assert bits(learn(MLPClassifier, random_state=np.random.RandomState(0))[0]) == first
    assert bits(learn(MLPClassifier, random_state=None)[0]) == first


# -- how long it trains ------------------------------------------------------------------------------------------------------


@briefly
def test_training_ends_when_the_loss_falls_no_more_and_keeps_the_best_weights():
    learner, _, _ = learn(MLPRegressor, learning_rate_init=0.05, tol=1e-2, n_iter_no_change=3, max_iter=1000, batch_size=60)
    losses = learner.loss_curve_
    best = int(np.argmin(losses))

    assert 4 < len(losses) < 1000
    assert min(losses[-4:]) > min(losses[:-4]) - 4e-2
    again = learn(MLPRegressor, learning_rate_init=0.05, max_iter=best + 1, n_iter_no_change=100, batch_size=60)
    assert bits(again[0]) == bits(learner)


def test_a_run_that_had_not_converged_says_so():
    with pytest.warns(ConvergenceWarning, match=r"after max_iter=5 epochs the loss still falls; raise max_iter"):
        learn(MLPClassifier)


@pytest.mark.parametrize("kind", BOTH)
def test_early_stopping_watches_examples_that_are_held_out(kind):
    learner, _, _ = learn(
        kind, early_stopping=True, validation_fraction=0.2, n_iter_no_change=2, learning_rate_init=0.05, max_iter=1000
    )
    held = learner.history_.val_loss

    assert len(held) == learner.n_iter_ < 1000
    assert (np.diff(np.minimum.accumulate(held))[-3:] > -learner.tol).all()


@briefly
@pytest.mark.parametrize("kind", BOTH)
def test_examples_that_are_held_out_are_judged_without_the_penalty(kind):
    history = learn(kind, early_stopping=True, alpha=1e4, max_iter=2)[0].history_

    assert max(history.val_loss) < 10 < min(history.loss)


@briefly
def test_warm_start_goes_on_and_without_it_fit_begins_anew():
    warm, X, y = learn(MLPClassifier, warm_start=True)
    cold, _, _ = learn(MLPClassifier)
    model, once = warm.model_, bits(cold)

    assert warm.fit(X, y).model_ is model
    assert warm.n_iter_ == 10
    assert bits(cold.fit(X, y)) == once
    assert cold.n_iter_ == 5


@briefly
@pytest.mark.parametrize("kind", BOTH)
def test_compiled_it_learns_the_same(kind):
    for settings in ({}, {"early_stopping": True, "batch_size": 20}, {"solver": "sgd", "activation": "tanh"}):
        eager, compiled = (learn(kind, compiled=compiled, **settings)[0] for compiled in (False, True))
        for ours, wanted in zip(compiled.coefs_ + compiled.intercepts_, eager.coefs_ + eager.intercepts_):
            np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(compiled.loss_curve_, eager.loss_curve_, rtol=1e-12)


@briefly
@pytest.mark.parametrize("kind", BOTH)
def test_partial_fits_are_the_epochs_of_a_fit(kind):
    whole, X, y = learn(kind, max_iter=4)
    parts = kind(**whole.get_params())
    classes = {"classes": [0, 1, 2]} if kind is MLPClassifier else {}

    for _ in range(4):
        parts.partial_fit(X, y, **classes)

    assert bits(parts) == bits(whole)
    assert parts.loss_curve_ == whole.loss_curve_


@briefly
@pytest.mark.parametrize("kind", BOTH)
def test_a_pickled_copy_goes_on_as_the_original_does(kind):
    learner, X, y = learn(kind)
    copy = pickle.loads(pickle.dumps(learner))

    assert (copy.predict(X) == learner.predict(X)).all()
    assert bits(copy.partial_fit(X, y)) == bits(learner.partial_fit(X, y))


# -- in company --------------------------------------------------------------------------------------------------------------


@briefly
def test_a_search_through_a_pipeline_finds_the_rate_that_learns():
    X, y = examples(120)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=30, random_state=0))
    grid = {"mlpclassifier__learning_rate_init": [1e-6, 0.05], "mlpclassifier__solver": ["adam", nn.AdamW]}

    search = GridSearchCV(pipeline, grid, cv=3).fit(100 * X, y)

    assert search.best_params_["mlpclassifier__learning_rate_init"] == 0.05
    assert search.best_score_ > 0.85


# -- what is refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("solver", "lbfgs", "'adam', 'sgd' or a kind of optimizer"),
        ("alpha", -1, "at least 0"),
        ("batch_size", 0, "'auto' or a whole number"),
        ("batch_size", "all", "'auto' or a whole number"),
        ("learning_rate_init", 0, "above 0"),
        ("learning_rate_init", "fast", "above 0"),
        ("max_iter", 0, "whole number of at least 1"),
        ("max_iter", 2.5, "whole number of at least 1"),
        ("tol", np.nan, "at least 0"),
        ("momentum", 1.0, "less than 1"),
        ("validation_fraction", 1.0, "between 0 and 1"),
        ("n_iter_no_change", 0, "whole number of at least 1"),
        ("activation", "rellu", "activation must be one of"),
        ("batch_size", True, "'auto' or a whole number"),
        ("hidden_layer_sizes", (8, 0), r"whole numbers of at least 1, such as \(100, 50\), not \(8, 0\)"),
        ("hidden_layer_sizes", None, "whole numbers of at least 1"),
        ("hidden_layer_sizes", (8.5,), "whole numbers of at least 1"),
    ],
)
def test_an_argument_out_of_range_is_named(name, value, words):
    with pytest.raises(ValueError, match=words) as caught:
        learn(MLPClassifier, **{name: value})
    assert name in str(caught.value)


def test_a_solver_that_makes_no_optimizer_is_refused():
    with pytest.raises(TypeError, match=r"solver=.* made no optimizer, but None"):
        learn(MLPClassifier, solver=lambda parameters, lr: None)


@pytest.mark.parametrize("kind", BOTH)
def test_after_a_first_attempt_that_was_refused_it_begins(kind):
    X, y = examples()
    learner = kind((4,), solver=lambda parameters, lr: None, random_state=0)
    classes = {"classes": [0, 1, 2]} if kind is MLPClassifier else {}

    with pytest.raises(TypeError, match="made no optimizer"):
        learner.partial_fit(X, y, **classes)
    assert learner.set_params(solver="adam").partial_fit(X, y, **classes).n_iter_ == 1


@briefly
def test_an_argument_that_was_changed_on_the_way_is_looked_at_again():
    learner, X, y = learn(MLPRegressor, warm_start=True)
    learner.set_params(alpha=-1)

    for train in (learner.fit, learner.partial_fit):
        with pytest.raises(ValueError, match="alpha must be a finite number of at least 0, not -1"):
            train(X, y)


@briefly
def test_labels_that_were_not_announced_are_refused():
    X, y = examples()
    learner = MLPClassifier((4,), random_state=0)

    with pytest.raises(ValueError, match="first call needs classes="):
        learner.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"\[2\] are not among its classes, \[0, 1\]"):
        learner.partial_fit(X, y, classes=[0, 1])
    learner.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"\[3\] are not among"):
        learner.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match=r"\[3\] are not among"):
        learner.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"y has one class, \[7\]"):
        learner.fit(X, np.full(len(X), 7))


def test_a_rate_that_is_too_large_ends_in_an_error():
    with pytest.raises(FloatingPointError, match="a smaller learning rate may help"):
        learn(MLPRegressor, solver="sgd", learning_rate_init=1e6, max_iter=100)


# -- where scikit-learn is not -----------------------------------------------------------------------------------------------


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "nn.sklearn")
    with pytest.raises(ImportError, match=r'pip install "stepgrad\[sklearn\]"'):
        importlib.import_module("nn.sklearn")


def test_nn_comes_without_it():
    code = "import sys, nn; nn.fit; assert 'sklearn' not in sys.modules; nn.sklearn.MLPClassifier"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
