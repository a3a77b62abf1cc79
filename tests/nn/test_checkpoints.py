"""Interrupted runs: what is written, what is refused, and that nothing is lost, whenever the process is killed."""

import json
import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn.saving import LoadError, read_arrays, write_arrays

PROGRAM = Path(__file__).with_name("interrupted.py")
_spec = spec_from_file_location("interrupted", PROGRAM)
interrupted = module_from_spec(_spec)
_spec.loader.exec_module(interrupted)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return interrupted.run(tmp_path_factory.mktemp("whole") / "run.npz", resume=False, slow=False)


class Interrupt(nn.Callback):
    """Raise at one moment of the run."""

    def __init__(self, moment, step):
        self.moment, self.step = moment, step

    def at(self, moment, run):
        if (moment, run.step) == (self.moment, self.step):
            raise KeyboardInterrupt

    def before_step(self, run):
        self.at("before_step", run)

    def after_step(self, run):
        self.at("after_step", run)

    def after_epoch(self, run):
        self.at("after_epoch", run)


# -- nothing is lost ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX's")
def test_a_run_killed_at_20_random_moments_ends_as_if_never_interrupted(tmp_path, uninterrupted):
    result = tmp_path / "result.json"
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    kills = subprocess.check_output(
        [sys.executable, PROGRAM, tmp_path / "run.npz", result, "20"], env=one_thread, text=True, timeout=100
    )
    assert int(kills) == 20
    assert json.loads(result.read_text()) == json.loads(json.dumps(uninterrupted))


def small():
    rng = np.random.default_rng(0)
    first, last = nn.Dense(2, 3, "tanh", rng=rng, kind=Tensor), nn.Dense(3, 1, rng=rng, kind=Tensor)
    return nn.Sequential(first, nn.Dropout(0.2, rng=1), last)


def train(model, callbacks, **settings):
    data = nn.data.moons(36, rng=1)
    settings = {"epochs": 6, "batch_size": 4, "rng": 3, **settings}
    optimizer = nn.Adam(model.parameters(), lr=0.05)
    return nn.fit(
        model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, callbacks=callbacks, verbose=False, **settings
    )


@pytest.fixture(scope="module")
def whole():
    model = small()
    return train(model, []), interrupted.bits(model.state_dict())


@pytest.mark.parametrize("kind", ["before_step", "after_step", "after_epoch"])
@pytest.mark.parametrize("step", [1, 2, 8, 9, 10, 18, 45, 53])
def test_a_run_interrupted_at_any_moment_goes_on_to_the_same_end(tmp_path, whole, kind, step):
    see_that_it_goes_on(tmp_path / "run.npz", whole, kind, step)


def test_a_checkpoint_may_be_of_the_other_format(tmp_path, whole):
    pytest.importorskip("safetensors")
    see_that_it_goes_on(tmp_path / "run.safetensors", whole, "after_step", 13)


def see_that_it_goes_on(path, whole, kind, step):
    model = small()
    try:
        history = train(model, [nn.Checkpoint(path, every=2), Interrupt(kind, step)], resume=path)
    except KeyboardInterrupt:
        model = small()
        history = train(model, [nn.Checkpoint(path, every=2), Interrupt("never", 0)], resume=path)
    assert (history, interrupted.bits(model.state_dict())) == whole


def test_a_run_of_values_goes_on_too(tmp_path):
    def model():
        return nn.MLP(2, [3, 1], "tanh", rng=0)

    whole, again, path = model(), model(), tmp_path / "run.npz"
    expected = train(whole, [])
    with pytest.raises(KeyboardInterrupt):
        train(again, [nn.Checkpoint(path, every=5), Interrupt("after_step", 13)])
    again = model()
    history = train(again, [nn.Checkpoint(path, every=5), Interrupt("never", 0)], resume=path)
    assert history.loss == expected.loss
    assert interrupted.bits(again.state_dict()) == interrupted.bits(whole.state_dict())


def test_a_finished_run_can_be_made_longer(tmp_path):
    path = tmp_path / "run.npz"
    whole, model = small(), small()
    expected = train(whole, [], epochs=9)
    train(model, [nn.Checkpoint(path)], epochs=6)
    assert train(model, [nn.Checkpoint(path)], epochs=9, resume=path).loss == expected.loss
    assert interrupted.bits(model.state_dict()) == interrupted.bits(whole.state_dict())


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    path = tmp_path / "run.npz"

    def run(resume=None):
        model = small()
        stopping = nn.EarlyStopping("loss", patience=1, min_delta=10.0)
        return train(model, [stopping, nn.Checkpoint(path)], resume=resume), interrupted.bits(model.state_dict())

    (first, bits), (second, again) = run(), run(path)
    assert len(first.loss) == 2
    assert second.loss == first.loss
    assert bits == again


@pytest.mark.parametrize(("every", "step"), [(3, 6), (7, 7), (8, 0), (None, 0)])
def test_the_checkpoint_is_written_after_every_so_many_steps(tmp_path, every, step):
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        train(small(), [nn.Checkpoint(path, every), Interrupt("before_step", 7)])
    assert path.exists() == bool(step)
    assert not step or f'["step", {step}]' in read_arrays(path).metadata["checkpoint"]


def test_the_checkpoint_is_written_after_all_other_callbacks_were_told(tmp_path):
    path = tmp_path / "run.npz"
    stopping = nn.EarlyStopping("loss", patience=3)
    train(small(), [nn.Checkpoint(path), stopping], epochs=2)
    fresh = nn.EarlyStopping("loss", patience=3)
    train(small(), [nn.Checkpoint(path), fresh], epochs=2, resume=path)
    assert (fresh.best, fresh.best_epoch) == (stopping.best, stopping.best_epoch)


# -- what is refused ---------------------------------------------------------------------------------------------------------


def written(tmp_path):
    path = tmp_path / "run.npz"
    train(small(), [nn.Checkpoint(path)], epochs=2)
    return path


def refused(model, path, words, **settings):
    before = interrupted.bits(model.state_dict())
    with pytest.raises(LoadError, match=words):
        train(model, settings.pop("callbacks", [nn.Checkpoint(path)]), resume=path, **settings)
    assert interrupted.bits(model.state_dict()) == before


def test_a_checkpoint_of_another_run_is_refused_and_nothing_is_changed(tmp_path):
    path = written(tmp_path)
    refused(small(), path, "its batch_size was 4, not 5", batch_size=5)
    refused(small(), path, "its shuffle was True, not False", shuffle=False)
    refused(small(), path, "its validation was None, not 0.2", validation=0.2)
    refused(small(), path, r"its metrics was \[\], not \['accuracy'\]", metrics=[nn.accuracy])
    refused(nn.MLP(2, [3, 1], kind=Tensor), path, "generators")
    rng = np.random.default_rng(0)
    wider = nn.Sequential(nn.Dense(2, 4, rng=rng, kind=Tensor), nn.Dropout(0.2), nn.Dense(4, 1, rng=rng, kind=Tensor))
    refused(wider, path, r"is a checkpoint of another run: .*expected \(2, 4\)")
    refused(small(), path, "its callbacks were Checkpoint", callbacks=[nn.EarlyStopping("loss"), nn.Checkpoint(path)])


def test_a_record_taken_at_other_steps_is_refused_and_nothing_is_changed(tmp_path):
    path = tmp_path / "run.npz"
    train(small(), [nn.Record(), nn.Checkpoint(path)], epochs=2)
    words = "Record: its frames were taken every 1 steps, not every 10"
    refused(small(), path, words, callbacks=[nn.Record(every=10), nn.Checkpoint(path)])


def test_a_checkpoint_of_a_shared_generator_is_not_one_of_two(tmp_path):
    path, model = tmp_path / "run.npz", small()
    train(model, [nn.Checkpoint(path)], epochs=2, rng=model.layers[1].rng)
    refused(small(), path, r"it has 1 generators \(PCG64\)")


def test_a_checkpoint_of_another_optimizer_is_refused_and_nothing_is_changed(tmp_path):
    path = written(tmp_path)
    model = small()
    optimizer = nn.Adadelta(model.parameters())
    before, data = interrupted.bits(model.state_dict()), nn.data.moons(36, rng=1)
    with pytest.raises(LoadError, match="checkpoint of another run"):
        nn.fit(
            model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, batch_size=4, resume=path,
            callbacks=[nn.Checkpoint(path)], verbose=False,
        )  # fmt: skip
    assert interrupted.bits(model.state_dict()) == before
    assert optimizer.steps == 0


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    nn.save(small(), path)
    refused(small(), path, "is no checkpoint; one is written by callbacks=")


def test_a_checkpoint_is_no_file_of_a_model(tmp_path):
    with pytest.raises(LoadError, match=r"not written by nn.save; .* for a checkpoint nn.fit\(…, resume=path\)"):
        nn.load(small(), written(tmp_path))


def test_a_damaged_checkpoint_is_refused_at_every_length_and_flipped_byte(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for cut in rng.integers(0, len(whole), 30):
        path.write_bytes(whole[:cut])
        refused(small(), path, "damaged")
    for place in rng.integers(0, len(whole), 60):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        model = small()
        before = interrupted.bits(model.state_dict())
        try:
            train(model, [nn.Checkpoint(path)], epochs=2, resume=path)
        except LoadError:
            assert interrupted.bits(model.state_dict()) == before
        else:
            path.write_bytes(whole)  # a bit that says nothing, such as a date in the archive
            other = small()
            train(other, [nn.Checkpoint(path)], epochs=2, resume=path)
            assert interrupted.bits(model.state_dict()) == interrupted.bits(other.state_dict())


def test_a_checkpoint_whose_state_has_other_parts_is_refused(tmp_path):
    path = written(tmp_path)
    arrays, metadata = read_arrays(path)
    for text in ("[]", "{}", '{"dict": []}', "3", metadata["checkpoint"].replace('"generators"', '"generator"')):
        write_arrays(path, arrays, {**metadata, "checkpoint": text})
        refused(small(), path, "is no checkpoint that this stepgrad reads")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"has_uint32", 0', '"has_uint32", "no"'),
        ('"loss", [', '"losses", ['),
        ('["epoch", 2]', '["epochs", 2]'),
        ('["callbacks", [["Checkpoint"', '["callbacks", [["Checkpoint", 0'),
        ('"steps", 18', '"steps", -18'),
        ('{"dict": [["run"', "[" * 10**5),
    ],
)
def test_a_checkpoint_that_fits_in_part_changes_nothing(tmp_path, old, new):
    path = written(tmp_path)
    arrays, metadata = read_arrays(path)
    assert old in metadata["checkpoint"]
    write_arrays(path, arrays, {**metadata, "checkpoint": metadata["checkpoint"].replace(old, new)})
    rng, history, dropout = np.random.default_rng(5), nn.History([0.5]), np.random.default_rng(1)
    refused(small(), path, "is no checkpoint that this|is a checkpoint of another run", rng=rng, history=history)
    assert rng.random() == np.random.default_rng(5).random()
    assert history == nn.History([0.5])

    model = small()
    refused(model, path, "is no checkpoint that this|is a checkpoint of another run")
    assert model.layers[1].rng.random() == dropout.random()


def test_what_a_callback_remembers_and_no_file_can_keep_is_told_where_it_is(tmp_path):
    class Odd(nn.Callback):
        kept: ClassVar = None

        def state_dict(self):
            return {"a": [self.kept]}

    for kept, kind in (({1, 2}, "set"), (np.array([None]), "ndarray"), (b"", "bytes")):
        Odd.kept = kept
        with pytest.raises(TypeError, match=f"Checkpoint: run.callbacks.0.1.a.0 is {kind}; a file keeps numbers"):
            train(small(), [Odd(), nn.Checkpoint(tmp_path / "run.npz")])


def test_what_a_callback_remembers_comes_back_as_it_was(tmp_path):
    kept = {
        "numbers": [np.float32(0.5), np.int64(3), np.bool_(True), 1e300, float("inf"), -0.0, 10**30, None, "ä"],
        "by number": {1: (2.0, 3.0), 2: {}}, "arrays": {"array": np.arange(3, dtype=np.uint8), "dict": np.zeros((0, 2))},
    }  # fmt: skip
    got = []

    class Keeps(nn.Callback):
        def state_dict(self):
            return kept

        def load_state_dict(self, state):
            got.append(state)

    path = tmp_path / "run.npz"
    train(small(), [Keeps(), nn.Checkpoint(path)], epochs=1)
    train(small(), [Keeps(), nn.Checkpoint(path)], epochs=1, resume=path)
    (state,) = got
    assert repr(state["numbers"]) == repr([0.5, 3, True, 1e300, float("inf"), -0.0, 10**30, None, "ä"])
    assert state["by number"] == {1: [2.0, 3.0], 2: {}}
    assert {name: (array.dtype, array.tolist()) for name, array in state["arrays"].items()} == {
        "array": (np.uint8, [0, 1, 2]), "dict": (np.float64, []),
    }  # fmt: skip
    state["arrays"]["array"][0] = 1  # what comes back can be written to


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_a_run_with_any_kind_of_generator_goes_on(tmp_path, kind):
    path, whole, model = tmp_path / "run.npz", small(), small()
    expected = train(whole, [], rng=np.random.Generator(kind(7)))
    with pytest.raises(KeyboardInterrupt):
        train(model, [nn.Checkpoint(path, every=4), Interrupt("after_step", 14)], rng=np.random.Generator(kind(7)))
    model = small()
    callbacks = [nn.Checkpoint(path, every=4), Interrupt("never", 0)]
    assert train(model, callbacks, rng=np.random.Generator(kind(8)), resume=path).loss == expected.loss
    assert interrupted.bits(model.state_dict()) == interrupted.bits(whole.state_dict())
    refused(small(), path, r"it has 2 generators \(.*PCG64\)", callbacks=callbacks, rng=0)


def test_a_file_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at"):
        train(small(), [], resume=path)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at"):
        train(small(), [nn.Checkpoint(tmp_path / "other.npz")], resume=path)


@pytest.mark.parametrize(("path", "every"), [("run.pt", None), ("run", None), ("run.npz", 0), ("run.npz", 1.5)])
def test_settings_of_a_checkpoint_that_mean_nothing_are_refused(path, every):
    with pytest.raises(ValueError, match=r"a model's file ends in .npz or .safetensors|Checkpoint: every"):
        nn.Checkpoint(path, every)


def test_a_folder_that_is_not_there_is_told_before_anything_is_computed(tmp_path):
    history = nn.History()
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere; make it first"):
        train(small(), [nn.Checkpoint(tmp_path / "nowhere" / "run.npz")], history=history)
    assert not history.loss


def test_other_examples_are_refused(tmp_path):
    path = written(tmp_path)
    data, model = nn.data.moons(36, rng=2), small()
    with pytest.raises(LoadError, match="its examples are not these"):
        nn.fit(
            model, data.x, data.y, loss=nn.bce_with_logits, optimizer=nn.Adam(model.parameters()), batch_size=4, resume=path,
            callbacks=[nn.Checkpoint(path)], verbose=False,
        )  # fmt: skip
