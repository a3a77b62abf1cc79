"""The record of every number of a run."""

import math

import numpy as np
import pytest

import nn
from autograd import Tensor, Value

X = [[-1.0], [0.0], [0.5], [2.0]]
Y = [-2.5, 0.5, 2.0, 6.5]  # 3x + 0.5


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


def test_both_kinds_are_recorded_alike():
    records = []
    for kind in (Value, Tensor):
        records.append(nn.Record())
        train(records[-1], model=nn.MLP(1, [3, 1], "tanh", kind=kind, rng=0), epochs=5, batch_size=3)
    by_value, by_tensor = records
    assert by_value.steps.tolist() == by_tensor.steps.tolist()
    assert by_tensor.loss == pytest.approx(by_value.loss, rel=1e-12, nan_ok=True)
    for name, array in by_value.values.items():
        assert by_tensor.values[name] == pytest.approx(array, rel=1e-12)
        assert by_tensor.gradients[name] == pytest.approx(by_value.gradients[name], rel=1e-12, abs=1e-15, nan_ok=True)


def test_a_record_of_a_float32_model_is_of_float32():
    record = nn.Record()
    train(record, model=nn.MLP(1, [3, 1], kind=Tensor, rng=0).astype(np.float32))
    arrays = [*record.values.values(), *record.gradients.values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_running_means_are_recorded_without_gradients():
    record = nn.Record()
    model, _ = train(record, model=nn.Sequential(nn.Dense(1, 2, kind=Tensor, rng=0), nn.BatchNorm(2, kind=Tensor)), loss=first)
    assert record.values["layers.1.running_mean"][-1].tolist() == model.layers[1].running_mean.data.tolist()
    assert record.gradients.keys() == record.values.keys() - {"layers.1.running_mean", "layers.1.running_var"}
    assert repr(record) == "Record(3 frames of steps 0 to 2, 8 parameters)"
    model.load_state_dict(record.at(0))


def first(predictions, targets):
    return nn.mse(predictions[:, 0], targets)


def test_a_resumed_run_goes_on_with_the_frames_of_its_checkpoint(tmp_path):
    whole, broken, resumed = nn.Record(), nn.Record(), nn.Record()
    train(whole, epochs=6, batch_size=3)
    train(broken, nn.Checkpoint(tmp_path / "run.npz"), epochs=4, batch_size=3)
    train(resumed, nn.Checkpoint(tmp_path / "run.npz"), epochs=6, batch_size=3, resume=tmp_path / "run.npz")
    assert resumed.steps.tolist() == whole.steps.tolist()
    for frame, same in zip(resumed, whole, strict=True):
        assert frame.loss == same.loss or (math.isnan(frame.loss) and math.isnan(same.loss))
        assert all(np.array_equal(frame.values[name], array) for name, array in same.values.items())
    train(resumed, nn.Checkpoint(tmp_path / "run.npz"), epochs=1, batch_size=3, resume=tmp_path / "run.npz")
    assert len(resumed) == len(whole)  # there is nothing left to do


def test_an_empty_record_says_how_to_fill_it():
    assert repr(nn.Record()) == "Record(no frames yet; pass it to fit, callbacks=[record])"
    assert len(nn.Record()) == 0


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", None, True])
def test_the_distance_of_frames_is_a_whole_number(every):
    with pytest.raises(ValueError, match="Record: every must be a whole number of at least 1"):
        nn.Record(every=every)
