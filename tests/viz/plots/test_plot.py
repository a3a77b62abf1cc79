"""A Plot as a picture, as text, as a file; on axes of matplotlib; its colours; contours."""

import re
import subprocess
import sys

import numpy as np
import pytest

import nn
from nn.lr_range import RangeTest
from viz import plots
from viz.plots import svg
from viz.plots.chart import Ground, Line, ticks
from viz.plots.chart import between as axis

from .reading import HOSTILE, overlap

DATA = nn.data.moons(16, rng=0)


@pytest.fixture(scope="module")
def trained():
    model, record = nn.MLP(2, [4, 1], rng=0), nn.Record()
    history = nn.fit(model, DATA.x, DATA.y, loss=nn.bce_with_logits, epochs=5, rng=0, verbose=False, callbacks=[record])
    return model, record, history


def all_plots(model, record, history, ax=lambda n: None):
    """Every kind of plot, each on ``ax(panels)``."""
    yield plots.loss_curves(dict.fromkeys(HOSTILE, history), ax=ax(1))
    yield plots.learning_rates({0.1: history, 1.0: [1.0]}, ax=ax(1))
    yield plots.lr_range(RangeTest(np.array([0.1, 1.0]), np.array([2.0, 1.0]), np.array([2.0, 1.5]), 0.1), ax=ax(1))
    yield plots.update_ratios(record, ax=ax(1))
    yield plots.gradient_flow(model, ax=ax(1))
    yield plots.histograms(model, DATA.x, ax=ax(3))
    yield plots.dead_units(model, DATA.x, ax=ax(1))
    yield plots.decision_boundary(model, DATA.x, DATA.y, names=("$", "_"), ax=ax(1))
    yield plots.loss_landscape(model, nn.bce_with_logits, DATA.x, DATA.y, record=record, n=3, ax=ax(1))


def test_every_plot_is_a_picture_with_its_text(trained, tmp_path):
    for i, plot in enumerate(all_plots(*trained)):
        assert plot._repr_mimebundle_() == {"text/html": plot._repr_html_(), "text/plain": plot.text()}
        assert repr(plot) == plot.text()
        assert plot.text().startswith(plot.charts[0].title)
        plot.save(tmp_path / f"{i}.svg")
        assert (tmp_path / f"{i}.svg").read_bytes().decode() == plot.svg
        plot.save(tmp_path / f"{i}.html")
        assert plot.svg in (tmp_path / f"{i}.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"save: a plot is saved as \.svg, \.png or \.html, not \.gif"):
        plot.save(tmp_path / "plot.gif")


def test_a_plot_is_saved_as_png(trained, tmp_path):
    pytest.importorskip("resvg_py")
    pytest.importorskip("ttf_opensans")
    plots.loss_curves(trained[2]).save(tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


# -- with matplotlib ---------------------------------------------------------------------------------------------------------


def figure():
    """A figure that can be looked at, without pyplot and without a window."""
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return FigureCanvasAgg(Figure()).figure


@pytest.mark.filterwarnings("ignore:Glyph")  # its fonts have not every letter
def test_every_plot_can_be_drawn_on_axes_of_matplotlib(trained):
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    given = []

    def axes(n):
        given.append(figure().subplots(n))
        return given[-1]

    for plot, ax in zip(all_plots(*trained, ax=axes), given, strict=True):
        assert plot is ax
        for one in np.atleast_1d(ax):
            assert one.get_xlabel()
            assert one.lines or one.patches or one.images or one.collections
        np.atleast_1d(ax)[0].figure.canvas.draw()
    assert dict(matplotlib.rcParams) == before


def test_a_curve_on_axes_has_the_numbers_of_the_run():
    ax = plots.loss_curves([4.0, 2.0, 1.0], ax=figure().subplots())
    assert ax.lines[0].get_ydata().tolist() == [4.0, 2.0, 1.0]
    assert ax.get_yscale() == "log"
    assert 0.5 < ax.get_ylim()[0] < 1 < 4 < ax.get_ylim()[1] < 8
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss: least 1 at epoch 3"]


def test_a_plane_on_axes_has_its_colours_where_they_belong():
    answers = np.tile(np.array([[0.0], [0.0], [1.0]]), (1, 4))  # the first row at the bottom
    ax = plots.decision_map(answers, (0, 1, 0, 3), [[0.5, 0.5]], [0], "xy", "ab", ax=figure().subplots())
    ax.figure.canvas.draw()
    seen = np.asarray(ax.figure.canvas.buffer_rgba())
    low, high = (
        seen[len(seen) - round(y), round(x), :3].astype(int) for x, y in ax.transData.transform([[0.2, 0.5], [0.2, 2.8]])
    )
    assert (low[2] > low[0], high[2] < high[0]) == (True, True)  # blue below, orange above


def test_what_is_no_axes_or_too_few_is_refused(trained):
    with pytest.raises(TypeError, match=r"ax is an Axes of matplotlib, such as plt.subplots\(\) gives; not int"):
        plots.loss_curves([1.0], ax=[3])

    class Axes:
        def plot(self):
            pass

    with pytest.raises(ValueError, match="this plot has 3 panels, so it takes as many Axes; found 1"):
        plots.histograms(trained[0], DATA.x, ax=Axes())


def test_matplotlib_and_ipython_are_not_loaded_unless_used():
    program = (
        "import sys, viz.plots as p, nn; r = nn.History([1.0, 0.5]); p.loss_curves(r).svg; p.Live();"
        "print([m for m in ('matplotlib', 'IPython', 'tqdm', 'resvg_py') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert loaded.stdout.strip() == "[]"


# -- the drawing itself ------------------------------------------------------------------------------------------------------


def contrast(one, other):
    """WCAG 2.1's ratio of two colours."""

    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_on_white_have_the_contrast_of_text():
    assert min(contrast(colour, "#ffffff") for colour in (*svg.COLOURS, svg.INK)) >= 4.5
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # as WebAIM's checker says
    assert len({(i % len(svg.COLOURS), i % len(svg.DASHES)) for i in range(30)}) == 30


def test_a_contour_of_a_disc_is_one_closed_line_around_it():
    y, x = np.mgrid[-2:2:41j, -2:2:41j]
    path = svg.contour(np.hypot(x, y) - 1.3, lambda column, row: (10 * column - 200, 10 * row - 200))
    assert path.count("M") == 1
    points = np.array([[float(n) for n in p.split()] for p in re.findall(r"-?[\d.]+ -?[\d.]+", path)])
    assert np.hypot(*points.T) == pytest.approx(130, abs=0.6)
    assert points[0].tolist() == points[-1].tolist()


def test_a_contour_skips_what_is_no_number():
    field = np.array([[-1.0, 1.0], [np.nan, np.inf]])
    assert "nan" not in svg.contour(field, lambda column, row: (column, row))


def test_the_scale_of_a_ground_names_the_edges_between_its_shades():
    ground = Ground(np.zeros((2, 2)), (0, 1, 0, 1), (1.0,), ("#ffffff", "#000000"), scale=("1",))
    chart = plots.loss_curves([1.0]).charts[0]
    assert ">1</text>" in svg._scale(ground, svg.Frame(chart))


def test_thinning_keeps_ends_and_peaks():
    y = np.zeros(5000)
    y[[1234, 4321]] = 9.0, -9.0
    x, thinned = svg._thinned(np.arange(5000.0), y, 100)
    assert len(x) <= 101
    assert {0.0, 4999.0, 1234.0, 4321.0} <= set(x.tolist())
    assert thinned.max() == 9.0


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 3), (0, 1e-9), (1e6, 1e6 + 3), (-1e300, 1e300)])
def test_a_linear_axis_has_a_few_round_marks(low, high):
    marks = ticks(axis("x", [[low, high]]), 6)
    assert 2 <= len(marks) <= 8
    assert all(0 <= place <= 1 for place, _ in marks)


def test_a_line_is_broken_where_it_has_no_number():
    frame = svg.Frame(plots.loss_curves([1.0, 2.0, 3.0, 4.0]).charts[0])
    line = Line("", np.arange(1.0, 5.0), np.array([1.0, np.nan, 2.0, 3.0]))
    assert svg._line(line, frame).count("M") == 2


def test_the_check_for_words_over_words_finds_them():
    assert overlap((0, 10, 0, 10, "a"), (5, 15, 5, 15, "b"))
    assert not overlap((0, 10, 0, 10, "a"), (11, 15, 5, 15, "b"))
