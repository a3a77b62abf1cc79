"""Ensemble: the mean of its members, and the same members whoever trains them, even if a worker is killed on the way."""

import importlib
import logging
import multiprocessing
import os
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, Value
from nn.ensemble import Ensemble, fit_ensemble

KINDS = pytest.mark.parametrize("kind", [Value, Tensor])

DEADLY = """
import os, pathlib, signal
import nn
from autograd import Tensor

def deadly(flag, spare, *, rng):
    '''A model; but the first process to make one is killed. The one to be spared, never.'''
    try:
        pathlib.Path(flag).touch(exist_ok=False)
    except FileExistsError:
        return nn.MLP(2, [8, 1], kind=Tensor, rng=rng)
    assert os.getpid() != spare
    os.kill(os.getpid(), signal.SIGKILL)
"""


def models(n=3, sizes=(4, 3), kind=Tensor):
    return [nn.MLP(2, list(sizes), "tanh", rng=i, kind=kind) for i in range(n)]


def numbers(prediction):
    return prediction.data if isinstance(prediction, Tensor) else np.asarray(prediction, dtype=float)


def points(n=5):
    return np.random.default_rng(0).normal(size=(n, 2))


SMALL = partial(nn.MLP, 2, [8, 1], kind=Tensor)
ONE = SMALL(rng=0)


def trained(make=SMALL, **settings):
    """Four small models of forty points, trained with all that is random: weights, order, validation."""
    data = nn.data.moons(40, rng=0)
    chosen = {"n": 4, "loss": nn.bce_with_logits, "optimizer": partial(nn.Adam, lr=0.01), "epochs": 3, "rng": 7}
    return fit_ensemble(make, x=data.x, y=data.y, **{**chosen, "validation": 0.2, "verbose": False, **settings})


def assert_same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])
    assert one.histories == other.histories


@pytest.fixture(scope="module")
def alone():
    return trained()


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def deadly(tmp_path_factory):
    """``deadly``, in a module that other processes can import."""
    place = tmp_path_factory.mktemp("deadly")
    (place / "deadly_model.py").write_text(DEADLY)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield importlib.import_module("deadly_model").deadly


@pytest.fixture(scope="module")
def cluster(deadly):
    """A local Dask cluster of two processes, quiet about those that are killed."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster


@pytest.fixture
def dask(cluster):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(cluster) as client, client.get_executor() as executor:
        yield executor


# -- the mean ----------------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("sizes", [(4, 3), (4, 1)])
def test_its_prediction_is_the_mean_of_its_members(kind, sizes):
    members = models(3, sizes, kind)
    for x in (points(), points().tolist(), points()[0]):
        each = [numbers(member(x)) for member in members]
        mean = Ensemble(*members)(x)
        assert numbers(mean) == pytest.approx((each[0] + each[1] + each[2]) / 3, rel=1e-14)


@KINDS
def test_with_softmax_it_averages_probabilities(kind):
    members = models(kind=kind)
    z = np.array([numbers(member(points())) for member in members])
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    mean = numbers(Ensemble(*members, activation="softmax")(points()))
    assert mean == pytest.approx(p.mean(0), rel=1e-12)
    assert mean.sum(-1) == pytest.approx(1)


@KINDS
@pytest.mark.parametrize("activation", ["linear", "softmax"])
def test_gradients_reach_every_member_and_are_those_of_finite_differences(kind, activation):
    ensemble = Ensemble(*models(2, kind=kind), activation=activation)
    assert ag.check_module(ensemble, nn.mse, (points(), points()[:, [0, 1, 0]]))
    nn.mse(ensemble(points()), points()[:, [0, 1, 0]]).backward()
    for member in ensemble.members:
        assert any(np.any(parameter.grad) for parameter in member.parameters())


def test_it_is_a_module_like_others():
    ensemble = Ensemble(*models(2))
    assert [name for name, _ in ensemble.named_parameters()][::4] == ["members.0.layers.0.weight", "members.1.layers.0.weight"]
    other = Ensemble(*models(3)[1:])
    other.load_state_dict(ensemble.state_dict())
    assert numbers(other(points())) == pytest.approx(numbers(ensemble(points())), rel=0)
    assert not ensemble.eval().members[1].training


def test_it_can_be_trained_as_one_model():
    ensemble = Ensemble(*models(2, (4, 1)))
    history = nn.fit(ensemble, points(20), points(20).sum(1), loss=nn.mse, epochs=30, rng=0, verbose=False)
    assert history.loss[-1] < 0.3 * history.loss[0]


def test_its_repr_shows_its_members():
    assert repr(Ensemble(nn.Dense(1, 2), nn.Dense(1, 2), activation="softmax")) == (
        "Ensemble(Dense(1, 2), Dense(1, 2), 'softmax')"
    )


# -- why it is better --------------------------------------------------------------------------------------------------------


def test_its_squared_error_is_below_its_mean_members_by_their_variance():
    """Krogh and Vedelsby, *Neural Network Ensembles, Cross Validation, and Active Learning* (1995)."""
    members, targets = models(4), points()[:, [0, 1, 0]]
    ensemble = Ensemble(*members)
    each = [nn.mse(member(points()), targets).item() for member in members]
    variance = np.var([member(points()).data for member in members], axis=0).mean()
    assert variance > 0.01
    assert nn.mse(ensemble(points()), targets).item() == pytest.approx(np.mean(each) - variance, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_its_cross_entropy_is_below_its_mean_members_whether_logits_or_probabilities_are_averaged(seed):
    rng = np.random.default_rng(seed)
    members = [nn.Dense(2, 3, rng=rng, kind=Tensor) for _ in range(4)]
    x, labels = rng.normal(size=(6, 2)), rng.integers(3, size=6)
    each = np.mean([nn.cross_entropy(member(x), labels).item() for member in members])
    assert nn.cross_entropy(Ensemble(*members)(x), labels).item() < each
    probabilities = Ensemble(*members, activation="softmax")(x)
    assert nn.cross_entropy(ag.log(probabilities), labels).item() < each


@pytest.mark.parametrize("seed", range(3))
def test_it_beats_its_mean_member_and_its_best_on_digits_that_none_has_seen(seed):
    data = nn.data.digits()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(data))
    seen, unseen = rows[:100], rows[100:]
    labels = data.y[seen].copy()
    labels[:10] = rng.integers(10, size=10)  # a small set, and a noisy one
    ensemble = fit_ensemble(
        partial(nn.MLP, 64, [16, 10], kind=Tensor), 5, data.x[seen], labels,
        loss=nn.cross_entropy, optimizer=partial(nn.Adam, lr=0.03), epochs=40, batch_size=None, rng=seed, verbose=False,
    )  # fmt: skip
    judged = partial(nn.evaluate, x=data.x[unseen], y=data.y[unseen], loss=nn.cross_entropy, metrics=[nn.accuracy])
    each = [judged(member) for member in ensemble.members]
    together = judged(ensemble)
    assert together["loss"] < 0.9 * np.mean([one["loss"] for one in each])
    assert together["accuracy"] > np.mean([one["accuracy"] for one in each]) + 0.01
    assert together["accuracy"] > max(one["accuracy"] for one in each)


# -- whoever trains it -------------------------------------------------------------------------------------------------------


def test_members_differ_and_the_seed_decides_them(alone):
    assert_same(trained(), alone)
    assert_same(trained(rng=np.random.default_rng(7)), alone)
    with pytest.raises(AssertionError):
        assert_same(trained(rng=8), alone)
    weights = [member.layers[0].weight.data for member in alone.members]
    assert len({weight.tobytes() for weight in weights}) == 4
    assert [len(history.val_loss) for history in alone.histories] == [3, 3, 3, 3]


def test_a_member_does_not_depend_on_how_many_there_are(alone):
    few = trained(n=2)
    two = Ensemble(*alone.members[:2])
    two.histories = alone.histories[:2]
    assert_same(few, two)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_threads_train_the_same_ensemble(alone, workers):
    with ThreadPoolExecutor(workers) as threads:
        assert_same(trained(executor=threads), alone)


def test_spawned_processes_train_the_same_ensemble(alone, pool):
    assert_same(trained(executor=pool), alone)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
def test_forked_processes_train_the_same_ensemble(alone):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        assert_same(trained(executor=pool), alone)


def test_dask_trains_the_same_ensemble(alone, dask):
    assert_same(trained(executor=dask), alone)


def test_values_travel_too(pool):
    make = partial(nn.MLP, 2, [3, 1])
    assert_same(trained(make, n=2, executor=pool), trained(make, n=2))


def test_the_activation_is_that_of_the_ensemble(alone):
    probabilities = [1 / (1 + np.exp(-member(points()).data)) for member in alone.members]
    assert trained(activation="sigmoid")(points()).data == pytest.approx(np.mean(probabilities, axis=0), rel=1e-12)


def test_each_member_has_callbacks_of_its_own(alone):
    stopping = nn.EarlyStopping(patience=1, min_delta=10.0)
    with ThreadPoolExecutor(4) as threads:
        stopped = trained(executor=threads, callbacks=[stopping])
    assert_same(stopped, trained(callbacks=[stopping]))
    assert [len(history.loss) for history in stopped.histories] == [2, 2, 2, 2]
    assert stopping.best_epoch == 0


def test_a_bar_counts_the_members(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    trained(verbose=True)
    assert "4/4" in capsys.readouterr().err


# -- accidents ---------------------------------------------------------------------------------------------------------------


def test_members_of_a_killed_process_are_trained_here_with_one_warning(alone, deadly, tmp_path):
    make = partial(deadly, tmp_path / "flag", os.getpid())
    with (
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool,
        pytest.warns(
            RuntimeWarning, match=r"the executor lost members\.\d.*BrokenProcessPool.*training what it lost here"
        ) as said,
    ):
        ensemble = trained(make, executor=pool)
    assert_same(ensemble, alone)
    assert len(said) == 1
    assert (tmp_path / "flag").exists()


@pytest.mark.parametrize("allowed", [3, 0])  # with 0 Dask gives up what its worker was at, and has to be asked again
def test_dask_goes_on_without_a_killed_worker(alone, deadly, dask, cluster, tmp_path, allowed):
    cluster.scheduler.allowed_failures = allowed
    assert_same(trained(partial(deadly, tmp_path / "flag", os.getpid()), executor=dask), alone)
    assert (tmp_path / "flag").exists()


def test_what_cannot_be_sent_to_a_process_is_trained_here_with_a_warning(alone, pool):
    with pytest.warns(RuntimeWarning, match=r"lost members\.0, members\.1, members\.2, members\.3 .*pickle") as said:
        ensemble = trained(lambda rng: SMALL(rng=rng), executor=pool)
    assert_same(ensemble, alone)
    assert said[0].lineno == trained.__code__.co_firstlineno + 4  # where fit_ensemble was called


@pytest.mark.parametrize("where", ["here", "threads", "processes"])
def test_divergence_says_in_which_member(pool, where):
    with ThreadPoolExecutor(1) as threads:
        executor = {"here": None, "threads": threads, "processes": pool}[where]
        with pytest.raises(FloatingPointError, match="the loss is nan in epoch") as caught:
            trained(optimizer=partial(nn.SGD, lr=1e300), executor=executor)
    assert caught.value.__notes__[-1].startswith("fit_ensemble: this was in members.")


def test_dask_says_in_which_member(dask):
    with pytest.raises(FloatingPointError) as caught:
        trained(optimizer=partial(nn.SGD, lr=1e300), executor=dask)
    assert caught.value.__notes__[-1].startswith("fit_ensemble: this was in members.")


class Stub(Executor):
    """The first that it is asked for ends in ``error``; the others wait for ever."""

    def __init__(self, error):
        self.error = error
        self.futures = []

    def submit(self, *call):
        future = Future()
        if not self.futures:
            future.set_exception(self.error)
        self.futures.append(future)
        return future


class Forgetful(Executor):
    """Does what it is asked for, here, and loses the result."""

    def submit(self, task, *operands):
        task(*operands)
        future = Future()
        future.set_exception(OSError("the line is dead"))
        return future


def test_a_second_attempt_begins_like_the_first(alone):
    with pytest.warns(RuntimeWarning, match=r"lost members.0.* \(OSError: the line is dead\)"):
        assert_same(trained(executor=Forgetful()), alone)


def test_an_interruption_calls_off_what_is_pending():
    stub = Stub(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        trained(executor=stub)
    assert [future.cancelled() for future in stub.futures] == [False, True, True, True]


def test_an_error_in_one_member_calls_off_the_others():
    error = ZeroDivisionError()
    error.add_note("fit_ensemble: this was in members.0")
    stub = Stub(error)
    with pytest.raises(ZeroDivisionError):
        trained(executor=stub)
    assert [future.cancelled() for future in stub.futures] == [False, True, True, True]


def test_an_executor_that_was_shut_down_says_so():
    with ThreadPoolExecutor(1) as threads:
        pass
    with pytest.raises(RuntimeError, match="after shutdown"):
        trained(executor=threads)


# -- misuse ------------------------------------------------------------------------------------------------------------------


def test_no_members_and_no_models_are_refused():
    with pytest.raises(ValueError, match="no mean of no models"):
        Ensemble()
    with pytest.raises(TypeError, match=r"pass models one by one, Ensemble\(\*models\)"):
        Ensemble(models())


def test_members_that_disagree_in_shape_are_refused():
    with pytest.raises(ValueError, match=r"one shape, not \(5, 3\), \(5, 2\)"):
        Ensemble(nn.Dense(2, 3, kind=Tensor), nn.Dense(2, 2, kind=Tensor))(points())


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"n": 0}, ValueError, "n must be a whole number of at least 1, not 0"),
        ({"make": nn.Dense(2, 1)}, TypeError, r"make is a function that gives a new model.*not Dense\(2, 1\)"),
        ({"optimizer": nn.Adam([Tensor(1.0)])}, TypeError, "pass what makes one, such as nn.Adam"),
        ({"executor": 4}, TypeError, "executor is one with a method submit.*not 4"),
        ({"history": nn.History()}, TypeError, "history would be of one member"),
        ({"resume": "run.npz"}, TypeError, "resume would be of one member"),
        ({"callbacks": [nn.Checkpoint("run.npz")]}, ValueError, "overwrite each other's Checkpoint"),
        ({"callbacks": [4]}, TypeError, "list of Callbacks"),
        ({"executor": ThreadPoolExecutor}, TypeError, "executor is one with a method submit"),
        ({"optimizer": lambda parameters: None}, TypeError, "optimizer makes one of parameters, and .* gave None"),
        ({"make": lambda rng: ONE}, ValueError, "make gave the same model again"),
        ({"epoch": 4}, TypeError, "unexpected keyword argument 'epoch'"),
    ],
)
def test_misuse_says_what_to_do(settings, error, words):
    with pytest.raises(error, match=words):
        trained(**settings)


def test_an_activation_that_is_none_is_refused_before_all_is_trained():
    made = []
    with pytest.raises(ValueError, match="activation must be one of"):
        trained(lambda rng: made.append(rng), activation="rellu")
    assert not made


def test_members_of_both_kinds_are_refused():
    with pytest.raises(TypeError, match="members of Values and members of Tensors; make all of one kind"):
        Ensemble(nn.Dense(2, 3), nn.Dense(2, 3, kind=Tensor))
