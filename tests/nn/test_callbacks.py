"""Callbacks: told of each moment in order."""

import math

import pytest

import nn
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
