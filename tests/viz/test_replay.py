"""Replay: a recorded run as picture, text and live page, all with the same numbers."""

import base64
import html
import json
import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from viz.replaying import replay

SVG = "{http://www.w3.org/2000/svg}"


def recorded(epochs=10, model=None, lr=0.1):
    data = nn.data.moons(20, rng=0)
    model, record = model or nn.MLP(2, [4, 1], rng=0), nn.Record()
    optimizer = nn.SGD(model.parameters(), lr=lr)
    settings = {"loss": nn.bce_with_logits, "optimizer": optimizer, "epochs": epochs, "batch_size": 10, "rng": 0}
    nn.fit(model, data.x, data.y, **settings, verbose=False, callbacks=[record])
    return record


def payload(fragment):
    return json.loads(html.unescape(re.search(r'data-stepgrad-replay="([^"]*)"', fragment)[1]))


def strips(view):
    """The bars of each strip at each moment, in 127ths."""
    run = payload(view._repr_html_())
    return [np.frombuffer(base64.b64decode(s), dtype=np.int8).reshape(len(run["told"]), -1) for s in run["strips"]]


def test_each_moment_is_told_with_its_loss_and_largest_gradient():
    record = recorded()
    told = payload(replay(record)._repr_html_())["told"]
    assert len(told) == 21
    for i in range(20):
        step, loss, slope, name = re.fullmatch(r"Step (\d+): loss (\S+); largest gradient (\S+), in (\S+)\.", told[i]).groups()
        assert int(step) == i
        assert float(loss) == pytest.approx(record.loss[i], rel=5e-3)
        assert float(slope) == pytest.approx(max(abs(g[i]).max() for g in record.gradients.values()), rel=5e-3)
        assert float(slope) == pytest.approx(abs(record.gradients[name][i]).max(), rel=5e-3)
    assert told[-1] == "Step 20: the end; no further batch was tried."


def test_bars_are_the_values_and_gradients_in_127ths_of_the_largest():
    record = recorded()
    found = strips(replay(record))
    arrays = [a[name].reshape(len(record), -1) for name in record.values for a in (record.values, record.gradients)]
    for bars, array in zip(found, arrays, strict=True):
        largest = np.nanmax(np.abs(array))
        assert bars == pytest.approx(np.nan_to_num(array) / largest * 127, abs=0.51)


def test_the_picture_shows_the_last_step_that_was_taken():
    view = replay(recorded())
    picture = ElementTree.fromstring(view.svg)
    drawn = [path.get("d") for path in picture.iter(f"{SVG}path") if "data-strip" in path.attrib]
    last = [bars[-2] for bars in strips(view)]  # after it, there are no gradients
    assert all(bars.any() for bars in last)
    for d, bars in zip(drawn, last, strict=True):
        heights = [float(h) for h in re.findall(r"v(-?[\d.]+)", d)]
        assert heights == pytest.approx((-bars.astype(float) * 20 / 127).tolist(), abs=0.06)


def test_the_mark_stands_on_the_curve_and_at_the_end_where_it_stood():
    view = replay(recorded())
    *marks, end = payload(view._repr_html_())["marks"]
    curve = next(path for path in ElementTree.fromstring(view.svg).iter(f"{SVG}path") if path.get("stroke-linejoin") == "round")
    points = re.findall(r"[\d.]+ [\d.]+", curve.get("d"))
    assert end == marks[-1]
    for mark, point in zip(marks, points, strict=True):
        assert [float(n) for n in mark.split()] == [float(n) for n in point.split()]


def test_without_script_picture_and_text_are_left():
    view = replay(recorded())
    fragment = re.sub(r"<script>.*?</script>", "", view._repr_html_(), flags=re.DOTALL)
    assert set(re.findall(r"<(\w+)", fragment)) == {"div", "img", "details", "summary", "pre"}
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', fragment)
    assert base64.b64decode(image[1]).decode() == view.svg
    assert html.unescape(re.search(r"<pre>(.*)</pre>", fragment, re.DOTALL)[1]) == view.text()


def test_in_colab_it_is_a_page_within_the_page(monkeypatch):
    view = replay(recorded())
    monkeypatch.setitem(sys.modules, "google.colab", object())
    title, page = re.fullmatch(r'<iframe title="([^"]*)" srcdoc="([^"]*)" style="[^"]*"></iframe>', view._repr_html_()).groups()
    assert (html.unescape(title), html.unescape(page)) == (view.title, view.to_html())
    assert "<iframe" not in view.to_html()


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    replay(recorded()).save(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?:[^\s\"'<]*", page)) <= {"http://www.w3.org/2000/svg"}
    assert page.count("<script>") == page.count("</script>") == 1


def test_a_long_run_of_a_large_model_stays_small_and_says_what_is_left_out():
    record = recorded(epochs=100, model=nn.MLP(2, [20, 5, 5, 5, 5, 5, 1], rng=0), lr=0.01)
    view = replay(record)
    told = payload(view._repr_html_())["told"]
    assert len(told) == 120
    assert told[0].startswith("Step 0:")
    assert told[-1].startswith("Step 200:")
    assert len(view._repr_html_()) < 180_000
    assert "not shown: 2 more blocks" in view.text()
    assert "layers.1.weight (48 of 100)" in view.svg
    assert len(view.text().splitlines()) == 1 + 21 + 1


@pytest.mark.parametrize(
    "name", ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "]]>", "\u202e\ud800"]
)
def test_names_stay_text(name):
    class Odd(nn.Module):
        def __init__(self):
            self.parts = {name: Value(0.5), "b": Value(0.1)}

        def forward(self, batch):
            return [self.parts[name] * row[0] + self.parts["b"] for row in batch]

    view = replay(recorded(model=Odd()))
    assert view.to_html().count("<script>") == 1
    assert "<img src=x" not in view.to_html()
    ElementTree.fromstring(view.svg)
    view.text().encode()


def test_a_run_that_diverged_is_replayed_up_to_its_end():
    record = nn.Record()
    with pytest.raises(ArithmeticError):
        _diverge(record)
    view = replay(record)
    ElementTree.fromstring(view.svg)
    assert not re.search("nan|inf", " ".join(payload(view._repr_html_())["marks"]))


def _diverge(record):
    model = nn.Dense(1, 1, rng=0)
    optimizer = nn.SGD(model.parameters(), lr=50.0)
    nn.fit(model, [[1.0], [9.0]], [1.0, 2.0], loss=nn.mse, optimizer=optimizer, epochs=900, verbose=False, callbacks=[record])


def test_a_run_of_no_steps_is_a_picture_too():
    view = replay(recorded(epochs=0))
    assert view.title == "Replay of training: 0 steps in 1 moment"
    ElementTree.fromstring(view.svg)


def test_the_same_record_gives_the_same_bytes():
    record = recorded()
    assert replay(record).to_html() == replay(record).to_html()


def test_what_is_no_record_or_empty_is_refused():
    with pytest.raises(
        TypeError, match=r"replay: it takes a Record, which fit\(…, callbacks=\[record\]\) has filled; not list"
    ):
        replay([1.0])
    with pytest.raises(ValueError, match="replay: nothing was recorded; Record"):
        replay(nn.Record())


def test_both_kinds_replay_alike():
    views = [replay(recorded(model=nn.MLP(2, [4, 1], rng=0, kind=kind))) for kind in (Value, Tensor)]
    assert views[0].text() == views[1].text()
    assert all((abs(a.astype(int) - b) <= 1).all() for a, b in zip(*map(strips, views), strict=True))


def test_running_means_are_replayed_and_have_no_gradient():
    model = nn.Sequential(nn.Dense(2, 3, rng=0, kind=Tensor), nn.BatchNorm(3, kind=Tensor), nn.Dense(3, 1, rng=1, kind=Tensor))
    view = replay(recorded(model=nn.Sequential(model, Column())))
    block = next(block for block in view.blocks if block.name.endswith("running_var"))
    assert block.values.any()
    assert not block.slopes.any()


class Column(nn.Module):
    def forward(self, x):
        return x[:, 0]
