"""EarlyStopping: when it stops, and what it leaves."""

import math

import pytest

import nn
from nn.callbacks import Run
from nn.history import History


class Told(nn.Module):
    """A model of one number, which the epochs count up."""

    def __init__(self):
        from autograd import Value

        self.w = Value(0.0)

    def forward(self, x):
        return x


def told(stopping, numbers, name="val_loss"):
    """The epochs that run when ``name`` is each of ``numbers`` in turn, and the weight at the end."""
    model = Told()
    run = Run(model, None, History(), [stopping], None, None, {})
    stopping.begin(run)
    for run.epoch, number in enumerate(numbers, 1):
        model.w.data = float(run.epoch)
        run.history.add(name, number)
        stopping.after_epoch(run)
        if run.stop:
            break
    stopping.end(run)
    return run.epoch, model.w.data


@pytest.mark.parametrize(
    ("patience", "numbers", "stops", "best"),
    [
        (1, [3.0, 2.0, 2.5, 1.0], 3, 2),
        (2, [3.0, 2.0, 2.5, 1.0, 1.5, 1.0, 0.5], 6, 4),
        (3, [3.0, 2.0, 1.0], 3, 3),
        (1, [1.0, 1.0], 2, 1),
        (1, [math.nan, 1.0, 2.0], 3, 2),
    ],
)
def test_it_stops_after_so_many_epochs_that_were_no_better_with_the_best_weights(patience, numbers, stops, best):
    stopping = nn.EarlyStopping(patience=patience)
    assert told(stopping, numbers) == (stops, best)
    assert stopping.best_epoch == best
    assert stopping.best == numbers[best - 1]


def test_what_is_better_by_less_than_min_delta_does_not_count():
    assert told(nn.EarlyStopping(patience=2, min_delta=0.5), [3.0, 2.8, 2.6, 1.0]) == (3, 1)


def test_more_can_be_better():
    assert told(nn.EarlyStopping("accuracy", patience=1, mode="max"), [0.5, 0.7, 0.6, 0.9], "accuracy") == (3, 2)


def test_a_run_that_is_interrupted_has_the_best_weights_too():
    class Interrupts(nn.Callback):
        def after_epoch(self, run):
            if run.epoch == 4:
                raise KeyboardInterrupt

    model, history, stopping = nn.Dense(1, 1, rng=0), nn.History(), nn.EarlyStopping("loss", patience=9)
    with pytest.raises(KeyboardInterrupt):
        nn.fit(
            model, [[1.0], [2.0]], [1.0, -2.0], loss=nn.mse, optimizer=nn.SGD(model.parameters(), lr=0.5), epochs=9,
            batch_size=None, callbacks=[stopping, Interrupts()], history=history, verbose=False,
        )  # fmt: skip
    assert history.loss[stopping.best_epoch - 1] == min(history.loss) == stopping.best


def test_what_is_not_there_to_be_watched_is_told_with_the_way_out():
    model = nn.Dense(1, 1, rng=0)
    with pytest.raises(ValueError, match="there is no val_loss in loss; pass validation= to fit"):
        nn.fit(model, [[1.0]], [1.0], loss=nn.mse, callbacks=[nn.EarlyStopping()], verbose=False)
    with pytest.raises(ValueError, match=r"there is no val_acc in loss, val_loss$"):
        nn.fit(
            model, [[1.0]] * 2, [1.0] * 2, loss=nn.mse, validation=0.5, verbose=False,
            callbacks=[nn.EarlyStopping("val_acc", mode="max")],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"patience": 0}, "EarlyStopping: patience must be a whole number of at least 1, not 0"),
        ({"patience": 1.5}, "not 1.5"),
        ({"mode": "less"}, "say which val_loss is better, mode='min' or mode='max'; not 'less'"),
        ({"monitor": "val_accuracy"}, "say which val_accuracy is better"),
        ({"min_delta": -1.0}, "min_delta is a number of at least 0, not -1.0"),
        ({"min_delta": math.nan}, "min_delta is a number of at least 0, not nan"),
        ({"min_delta": "0.1"}, "min_delta is a number of at least 0, not '0.1'"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        nn.EarlyStopping(**settings)


def test_what_is_never_a_number_never_gets_better():
    assert told(nn.EarlyStopping(patience=2), [math.nan] * 9)[0] == 3
    assert told(nn.EarlyStopping("score", 2, mode="max"), [0.5, math.nan, math.nan, 1.0], "score") == (3, 1)


def test_a_second_run_begins_anew():
    stopping = nn.EarlyStopping(patience=1)
    told(stopping, [1.0, 2.0])
    assert told(stopping, [5.0, 4.0, 6.0]) == (3, 2)


def test_its_repr_tells_the_best():
    stopping = nn.EarlyStopping(patience=1)
    told(stopping, [3.0, 2.0, 2.5])
    assert repr(stopping) == "EarlyStopping('val_loss', patience=1; best 2 in epoch 2)"


def test_it_does_not_take_back_what_another_stopped():
    class Stops(nn.Callback):
        def after_epoch(self, run):
            run.stop = run.epoch == 2

    model = nn.Dense(1, 1, rng=0)
    callbacks = [Stops(), nn.EarlyStopping("loss", min_delta=100.0)]
    history = nn.fit(model, [[1.0]], [1.0], loss=nn.mse, epochs=9, callbacks=callbacks, verbose=False)
    assert len(history.loss) == 2


def test_its_patience_goes_on_where_the_run_was_interrupted():
    first, second = [nn.EarlyStopping("score", patience=3, mode="max") for _ in range(2)]
    assert first.best == -math.inf
    told(first, [0.5, 0.9, 0.8, 0.7], "score")
    second.load_state_dict(first.state_dict())
    assert (second.best, second.best_epoch, second.waited) == (0.9, 2, 2)
    assert second.state_dict()["weights"] == {"w": 2.0}
