"""Callbacks: told of each moment in order, and the record of every number of a run."""

import math

import numpy as np
import pytest

import nn
from autograd import Value
from nn.callbacks import Together

X = [[-1.0], [0.0], [0.5], [2.0]]
Y = [-2.5, 0.5, 2.0, 6.5]  # 3x + 0.5


class Diary(nn.Callback):
    """Writes down what it is told, and where the run stands then."""

    def __init__(self):
        self.pages = []

    def begin(self, run):
        self.write("begin", run)

    def before_step(self, run):
        self.write("before", run)

    def after_step(self, run):
        self.write("after", run)

    def after_epoch(self, run):
        self.write("epoch", run)

    def end(self, run):
        self.write("end", run)

    def write(self, moment, run):
        self.pages.append((moment, run.epoch, run.step, [p.data for p in run.model.parameters()], run.loss))


def train(*callbacks, model=None, lr=0.1, **settings):
    model = model or nn.Dense(1, 1, rng=0)
    settings = {"loss": nn.mse, "epochs": 2, "batch_size": None, "rng": 0, "verbose": False, **settings}
    optimizer = nn.SGD(model.parameters(), lr=lr)
    return model, nn.fit(model, X, Y, optimizer=optimizer, callbacks=callbacks, **settings)


def descent(w, b, steps, lr=0.1):
    """The same line fitted by hand in NumPy: parameters before each step, their gradients and the loss there."""
    x, y, path = np.array(X)[:, 0], np.array(Y), []
    for _ in range(steps):
        error = w * x + b - y
        slopes = 2 * np.mean(error * x), 2 * np.mean(error)
        path.append((w, b, *slopes, np.mean(error**2)))
        w, b = w - lr * slopes[0], b - lr * slopes[1]
    return np.array(path), (w, b)


# -- being told --------------------------------------------------------------------------------------------------------------


def test_a_callback_is_told_of_each_moment_in_order():
    diary = Diary()
    train(diary, batch_size=2)
    assert [page[:3] for page in diary.pages] == [
        ("begin", 0, 0),
        ("before", 1, 0), ("after", 1, 1), ("before", 1, 1), ("after", 1, 2), ("epoch", 1, 2),
        ("before", 2, 2), ("after", 2, 3), ("before", 2, 3), ("after", 2, 4), ("epoch", 2, 4),
        ("end", 2, 4),
    ]  # fmt: skip


def test_parameters_move_between_before_and_after_only():
    diary = Diary()
    train(diary)
    parameters = {f"{moment}{step}": data for moment, _, step, data, _ in diary.pages}
    assert parameters["begin0"] == parameters["before0"] != parameters["after1"]
    assert parameters["after1"] == parameters["before1"] != parameters["after2"] == parameters["end2"]


def test_the_loss_is_that_of_the_batch_and_nan_before_the_first():
    diary = Diary()
    _, history = train(diary)
    assert math.isnan(diary.pages[0][-1])
    assert [page[-1] for page in diary.pages if page[0] == "after"] == history.loss


def test_several_callbacks_are_told_in_the_order_in_which_they_stand():
    told = []

    class Says(nn.Callback):
        def __init__(self, name):
            self.name = name

        def after_epoch(self, run):
            told.append(self.name)

    train(Says("a"), Says("b"))
    assert told == ["a", "b", "a", "b"]


def test_a_callback_can_stop_the_run_after_an_epoch():
    class Enough(nn.Callback):
        def after_step(self, run):
            run.stop = run.step >= 3

    diary = Diary()
    _, history = train(Enough(), diary, epochs=10, batch_size=2)
    assert len(history.loss) == 2
    assert diary.pages[-1][:3] == ("end", 2, 4)


def test_the_end_is_told_where_a_run_diverges_or_is_interrupted():
    class Interrupts(nn.Callback):
        def after_step(self, run):
            raise KeyboardInterrupt

    diary = Diary()
    with pytest.raises(KeyboardInterrupt):
        train(diary, Interrupts())
    assert [page[0] for page in diary.pages] == ["begin", "before", "after", "end"]
    with pytest.raises(FloatingPointError):
        train(diary, lr=1e200)
    assert diary.pages[-1][0] == "end"


def test_training_is_the_same_with_and_without_callbacks():
    assert train(Diary(), nn.Record(every=2), epochs=5)[1].loss == train(epochs=5)[1].loss


@pytest.mark.parametrize("wrong", [nn.Record(), [nn.Record], [print]])
def test_what_is_no_callback_is_refused(wrong):
    with pytest.raises(TypeError, match=r"fit: callbacks is a list of Callbacks, such as \[nn.Record\(\)\]; not"):
        nn.fit(nn.Dense(1, 1, rng=0), X, Y, loss=nn.mse, callbacks=wrong, verbose=False)


def test_no_callbacks_at_all_are_fine():
    assert Together([]).callbacks == []


# -- the record --------------------------------------------------------------------------------------------------------------


def test_a_record_holds_the_numbers_of_gradient_descent_by_hand():
    record, model = nn.Record(), nn.Dense(1, 1, rng=0)
    start = model.weight[0][0].data
    train(record, model=model, epochs=20)
    path, end = descent(start, 0.0, 20)
    assert record.steps.tolist() == list(range(21))
    assert record.values["weight"][:-1, 0, 0] == pytest.approx(path[:, 0], rel=1e-12)
    assert record.values["bias"][:-1, 0] == pytest.approx(path[:, 1], rel=1e-12)
    assert record.gradients["weight"][:-1, 0, 0] == pytest.approx(path[:, 2], rel=1e-12, abs=1e-15)
    assert record.gradients["bias"][:-1, 0] == pytest.approx(path[:, 3], rel=1e-12, abs=1e-15)
    assert record.loss[:-1] == pytest.approx(path[:, 4], rel=1e-12)
    assert [record.values["weight"][-1].item(), record.values["bias"][-1].item()] == pytest.approx(end, rel=1e-12)


def test_the_last_frame_is_where_the_run_ended_and_knows_no_gradient():
    record = nn.Record()
    model, _ = train(record)
    assert all((record[-1].values[name] == array).all() for name, array in model.state_dict().items())
    assert math.isnan(record.loss[-1])
    assert all(np.isnan(array[-1]).all() for array in record.gradients.values())


@pytest.mark.parametrize(
    ("every", "steps", "frames"), [(1, 4, [0, 1, 2, 3, 4]), (2, 4, [0, 2, 4]), (3, 4, [0, 3, 4]), (9, 4, [0, 4]), (2, 0, [0])]
)
def test_every_k_th_step_is_kept_and_the_end(every, steps, frames):
    full, record = nn.Record(), nn.Record(every=every)
    train(full, record, epochs=steps)
    assert record.steps.tolist() == frames
    assert len(record) == len(frames) == len(record.loss)
    for step in frames:
        assert all((record.at(step)[name] == array).all() for name, array in full.at(step).items())


def test_a_state_of_a_record_can_be_loaded():
    record = nn.Record()
    model, _ = train(record, epochs=5)
    model.load_state_dict(record.at(2))
    assert model.state_dict()["weight"].tolist() == record.values["weight"][2].tolist()


def test_frames_can_be_gone_through():
    record = nn.Record()
    train(record)
    assert [frame.step for frame in record] == [0, 1, 2]
    with pytest.raises(IndexError):
        record[3]
    frame = record[0]
    frame.values["weight"][:] = 7.0
    assert (record.values["weight"] != 7.0).all()  # a frame is a copy


def test_a_step_that_was_not_kept_is_told():
    record = nn.Record(every=3)
    train(record, epochs=4)
    with pytest.raises(ValueError, match=r"Record: step 2 is not among the frames of Record\(3 frames of steps 0 to 4"):
        record.at(2)


def test_a_new_run_begins_a_new_record():
    record = nn.Record()
    model, _ = train(record, epochs=5)
    train(record, model=model, epochs=2)
    assert record.steps.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("moment", "tried"), [("before_step", 3), ("after_step", 2)])
def test_a_run_that_was_stopped_leaves_the_frames_until_then_and_none_twice(monkeypatch, moment, tried):
    def interrupt(run):
        if run.step == 2:
            raise KeyboardInterrupt

    record, interrupts = nn.Record(), nn.Callback()
    monkeypatch.setattr(interrupts, moment, interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(record, interrupts, epochs=9)
    assert record.steps.tolist() == [0, 1, 2]
    assert np.isfinite(record.loss).sum() == tried


def test_of_a_run_that_diverged_the_last_sound_parameters_are_kept():
    record = nn.Record()
    with pytest.raises(FloatingPointError):
        train(record, lr=1e200)
    assert record.steps.tolist()[-1] == len(record) - 1


def test_a_single_value_is_recorded_too():
    class Scale(nn.Module):
        def __init__(self):
            self.w = Value(1.0)

        def forward(self, batch):
            return [self.w * row[0] for row in batch]

    record = nn.Record()
    train(record, model=Scale())
    assert record.values["w"].shape == (3,)


def test_an_empty_record_says_how_to_fill_it():
    assert repr(nn.Record()) == "Record(no frames yet; pass it to fit, callbacks=[record])"
    assert len(nn.Record()) == 0


@pytest.mark.parametrize("every", [0, -1, 1.5])
def test_the_distance_of_frames_is_a_whole_number(every):
    with pytest.raises(ValueError, match="every is a whole number of steps, at least 1"):
        nn.Record(every=every)
