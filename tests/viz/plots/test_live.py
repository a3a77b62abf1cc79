"""Live: one picture that is replaced while fit runs in a notebook, and nothing elsewhere."""

import sys
from types import SimpleNamespace

import pytest

import nn
from viz import plots
from viz.plots import live


def train(watch, epochs=20, then=lambda n: None):
    class Then(nn.Callback):
        def after_step(self, run):
            then(run.step)

    return nn.fit(
        nn.Dense(1, 1, rng=0), [[1.0], [2.0]], [3.0, 5.0], loss=nn.mse, epochs=epochs, batch_size=1, rng=0, verbose=False,
        callbacks=[watch, Then()],
    )  # fmt: skip


@pytest.fixture
def notebook(monkeypatch):
    """A stand-in for IPython in a notebook; notes what is shown and how."""
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(("update", picture))

    def display(picture, display_id):
        shown.append(("display", picture))
        assert display_id is True
        return Handle()

    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()), display=SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return shown


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on by 0.1 s at each step."""
    now = [0.0]
    monkeypatch.setattr(live, "monotonic", lambda: now[0])
    return now


def test_one_picture_is_shown_and_then_replaced_at_most_every_third_of_a_second(notebook, clock):
    def tick(step):
        clock[0] += 0.1

    train(plots.Live(), then=tick)
    kinds = [kind for kind, _ in notebook]
    assert kinds == ["display"] + ["update"] * (len(kinds) - 1)
    assert 40 / 4 <= len(kinds) <= 40 / 3 + 3  # steps of 0.1 s, a picture each 0.3 s, and the first and the last


def test_the_last_picture_has_every_step(notebook, clock):
    train(plots.Live())
    assert notebook[-1][1].title.startswith("Loss over 40 steps")
    assert len(notebook) == 3  # the clock stood still: empty, first, last


def test_the_last_picture_is_shown_where_the_run_was_interrupted(notebook, clock):
    def interrupt(step):
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(plots.Live(), then=interrupt)
    assert notebook[-1][1].title.startswith("Loss over 7 steps")


def test_a_second_run_gets_its_own_picture(notebook, clock):
    watch = plots.Live()
    train(watch)
    train(watch, epochs=3)
    assert [kind for kind, _ in notebook].count("display") == 2
    assert notebook[-1][1].title.startswith("Loss over 6 steps")


def test_of_a_long_run_every_second_loss_is_kept(notebook, clock, monkeypatch):
    monkeypatch.setattr(live, "_MOST", 10)
    watch = plots.Live()
    train(watch)
    assert len(watch.loss) <= 11
    assert watch.steps[-1] >= 36
    assert len({b - a for a, b in zip(watch.steps, watch.steps[1:], strict=False)}) == 1


@pytest.mark.parametrize(
    "ipython", [None, SimpleNamespace(get_ipython=lambda: None), SimpleNamespace(get_ipython=lambda: object())]
)
def test_elsewhere_it_does_nothing(monkeypatch, ipython, capsys):
    if ipython:
        monkeypatch.setitem(sys.modules, "IPython", ipython)
    else:
        monkeypatch.delitem(sys.modules, "IPython", raising=False)
    watch = plots.Live()
    train(watch)
    assert watch.loss == []
    assert capsys.readouterr().out == ""


@pytest.mark.notebooks
def test_in_a_real_kernel_one_picture_is_left_and_short_work_leaves_no_bar():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        "import nn\nfrom viz import plots\ndata, model = nn.data.moons(20, rng=0), nn.MLP(2, [3, 1], rng=0)",
        "_ = nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, epochs=40, batch_size=5, rng=0, verbose=False,"
        " callbacks=[plots.Live()])",
        "plots.decision_boundary(model, data)",
        "plots.loss_landscape(model, nn.bce_with_logits, data.x, data.y, n=3)",
    ]
    told = []

    class Client(nbclient.NotebookClient):
        def process_message(self, message, cell, number):
            if "display" in message["msg_type"]:
                told.append((message["msg_type"], message["content"]["transient"].get("display_id")))
            return super().process_message(message, cell, number)

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    Client(notebook, timeout=120).execute()
    assert [kind for kind, _ in told[:2]] == ["display_data", "update_display_data"]
    assert {kind for kind, _ in told[1:]} == {"update_display_data"}
    assert len({place for _, place in told}) == 1
    _, trained, *pictures = [[output["data"]["text/plain"] for output in cell.outputs] for cell in notebook.cells]
    assert trained[0].startswith("Loss over 160 steps")
    assert [len(outputs) for outputs in (trained, *pictures)] == [1, 1, 1]
