"""Pictures of planes: ground, border, examples and path lie where the numbers say."""

import re

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from viz import plots

from .reading import HOSTILE, SVG, dots, parsed, texts


def frame(picture):
    """Left, right, top and bottom of the frame in pixels."""
    box = next(rect for rect in picture.iter(f"{SVG}rect") if rect.get("fill") == "none")
    x, y, wide, high = (float(box.get(name)) for name in ("x", "y", "width", "height"))
    return x, x + wide, y, y + high


def border(picture):
    """The points of the line between two classes, in shares of the frame from its left bottom corner."""
    (path,) = [path for path in picture.iter(f"{SVG}path") if path.get("stroke-width") == "1.6"]
    left, right, top, bottom = frame(picture)
    points = np.array([[float(n) for n in point.split()] for point in re.findall(r"[\d.]+ [\d.]+", path.get("d"))]).reshape(
        -1, 2
    )
    return (points - [left, bottom]) / [right - left, top - bottom]


def ground(picture):
    """The rectangles of each colour: left, top, width, height."""
    cells = next(picture.iter(f"{SVG}g"))
    return {
        path.get("fill"): [tuple(map(int, r)) for r in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z", path.get("d"))]
        for path in cells
    }


def a_map(answers, classes=("no", "yes"), names=("width", "height"), x=None, y=None):
    x = np.array([[0.0, 0.0], [1.0, 1.0]]) if x is None else x
    y = np.arange(len(x)) % len(classes) if y is None else y
    return plots.decision_map(np.asarray(answers, dtype=float), (-1.0, 2.0, -1.0, 2.0), x, y, names, classes)


class Says(nn.Module):
    """A model that is any function of two numbers."""

    def __init__(self, function):
        self.function = function

    def forward(self, x):
        answer = self.function(*x)
        return [Value(a) for a in answer] if isinstance(answer, list) else Value(answer)


# -- what was said -----------------------------------------------------------------------------------------------------------


def test_the_map_shows_ground_border_examples_and_names():
    picture = parsed(a_map(np.tile(np.linspace(0, 1, 8), (6, 1))))
    assert {"width", "height", "no", "yes"} <= set(texts(picture))
    at = border(picture)
    assert at[:, 0] == pytest.approx(0.5, abs=0.01)  # where the answer is a half: in the middle
    assert np.ptp(at[:, 1]) > 0.9


def test_examples_lie_where_they_are_and_classes_differ_in_shape():
    picture = parsed(a_map(np.zeros((4, 5))))
    left, right, top, bottom = frame(picture)
    (circle,), (triangle,) = dots(picture).values()
    assert circle == pytest.approx((left + (right - left) / 3, bottom - (bottom - top) / 3), abs=0.1)
    assert triangle == pytest.approx((left + (right - left) * 2 / 3, bottom - (bottom - top) * 2 / 3), abs=0.1)


def test_a_model_that_always_says_the_same_has_no_border():
    for answer in (0.0, 1.0, 0.5, 0.49):
        assert len(border(parsed(a_map(np.full((4, 5), answer))))) == 0


def test_the_ground_covers_the_frame_once():
    picture = parsed(a_map(np.random.default_rng(0).uniform(size=(9, 7))))
    left, right, top, bottom = frame(picture)
    area = sum(wide * high for cells in ground(picture).values() for _, _, wide, high in cells)
    assert area == pytest.approx((right - left) * (bottom - top), rel=0.01)


def test_the_first_row_lies_at_the_bottom():
    answers = np.zeros((2, 4))
    answers[1] = 1.0
    cells = ground(parsed(a_map(answers)))
    lowest = {colour: max(top for _, top, _, _ in places) for colour, places in cells.items()}
    blue, orange = min(cells, key=lambda c: int(c[1:3], 16)), max(cells, key=lambda c: int(c[1:3], 16) - int(c[5:7], 16))
    assert lowest[blue] > lowest[orange]


def test_each_class_has_its_ground_where_its_score_is_largest():
    scores = np.zeros((1, 3, 3))
    scores[0, :, :] = np.eye(3)
    plot = a_map(scores, classes=("a", "b", "c"))
    assert len(ground(parsed(plot))) == 3
    assert "of the plane: a 33%, b 33%, c 33%" in plot.text()


def test_where_there_is_no_answer_it_is_grey():
    answers = np.zeros((4, 4))
    answers[:, 3] = np.nan
    assert "#9aa3ad" in ground(parsed(a_map(answers)))
    scores = np.random.default_rng(0).normal(size=(4, 4, 3))
    scores[:, 3, 0] = np.nan
    plot = a_map(scores, classes=("a", "b", "c"))
    assert "#9aa3ad" in ground(parsed(plot))
    grey, *shares = [int(share) for share in re.findall(r"(\d+)%", "{1}, {0}".format(*plot.charts[0].notes))]
    assert grey + sum(shares) == pytest.approx(100, abs=2)


def test_lines_go_on_straight_to_the_edge():
    columns, rows = np.meshgrid(np.linspace(0.1, 0.9, 5), np.linspace(0.1, 0.9, 5))
    at = border(parsed(a_map((columns + rows) / 2)))
    assert at.sum(axis=1) == pytest.approx(np.ones(len(at)), abs=0.01)
    assert np.ptp(at[:, 0]) > 0.95


def test_fifty_classes_and_thousands_of_examples_are_drawn():
    rng = np.random.default_rng(0)
    places = np.stack(np.meshgrid(np.linspace(-1, 2, 40), np.linspace(-1, 2, 30), [1.0]), axis=-1)[:, :, 0]
    scores = places @ rng.normal(size=(3, 50))
    plot = a_map(scores, classes=[f"class {i}" for i in range(50)], x=rng.uniform(-1, 2, (3000, 2)))
    assert "400 of the examples are drawn" in plot.text()
    assert {"class 0", "and 34 more"} <= set(texts(parsed(plot)))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_features_stay_text(name):
    assert len(texts(parsed(a_map(np.zeros((3, 3)), names=(name, name), classes=(name, "other"))))) >= 2


# -- what a model says -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "labels"),
    [
        (lambda a, b: 3.0 * (a - 1.0), [0, 1]),
        (lambda a, b: 3.0 * (a - 1.0), [-1, 1]),
        (lambda a, b: 1 / (1 + np.exp(-(a - 1.0))), [0, 1]),
        (lambda a, b: [1.0 - a, a - 1.0], [0, 1]),
    ],
    ids=["logit", "hinge", "probability", "two scores"],
)
def test_the_border_lies_where_the_model_changes_its_mind(score, labels):
    x = [[0.0, 0.0], [2.0, 2.0]]  # with a margin the plane goes from -0.2 to 2.2
    plot = plots.decision_boundary(Says(score), x, labels)
    if isinstance(score(0.0, 0.0), float):
        assert border(parsed(plot))[:, 0] == pytest.approx(1.2 / 2.4, abs=0.01)
    assert re.search(r"of the plane: \S+ 50%, \S+ 50%", plot.text())


def test_the_border_can_be_put_elsewhere():
    plot = plots.decision_boundary(Says(lambda a, b: a), [[0.0, 0.0], [2.0, 2.0]], [0, 1], at=1.4)
    assert border(parsed(plot))[:, 0] == pytest.approx(1.6 / 2.4, abs=0.01)


@pytest.mark.parametrize(("label", "counts"), [(0, "20"), (1, "02"), (-1, "20")])
def test_examples_of_one_class_are_of_the_class_that_their_label_says(label, counts):
    text = plots.decision_boundary(Says(lambda a, b: a), [[0, 0], [1, 1]], [label, label]).text()
    assert [f"{i}  {n} points" in text for i, n in enumerate(counts)] == [True, True]


def test_a_trained_model_has_the_examples_on_its_sides():
    data = nn.data.moons(40, noise=0.05, rng=0)
    model = nn.MLP(2, [8, 1], "tanh", rng=0)
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, optimizer=optimizer, epochs=60, rng=0, verbose=False)
    model.train()
    plot = plots.decision_boundary(model, data.x, data.y, names=data.features, classes=data.classes)
    assert model.training
    assert {"upper", "lower", "x", "y"} <= set(texts(parsed(plot)))
    assert plot.svg == plots.decision_boundary(model, data.x, data.y, names=data.features, classes=data.classes).svg


def test_both_kinds_draw_the_same_border():
    data = nn.data.moons(20, rng=0)
    pictures = [plots.decision_boundary(nn.MLP(2, [4, 1], rng=0, kind=kind), data).svg for kind in (Value, Tensor)]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_model_is_asked_as_in_use(kind):
    data = nn.data.moons(20, rng=0)
    model = nn.Sequential(nn.Dense(2, 4, "relu", rng=0, kind=kind), nn.Dropout(rng=0), nn.Dense(4, 1, rng=1, kind=kind))
    trained = plots.decision_boundary(model.train(), data).svg
    assert model.layers[1].training
    assert trained == plots.decision_boundary(model.eval(), data).svg


def test_a_model_of_tensors_is_given_a_batch():
    class Column(nn.Module):
        def __init__(self):
            self.inside = nn.Dense(2, 1, rng=0, kind=Tensor)

        def forward(self, x):
            return self.inside(x)[:, 0]

    data, model = nn.data.moons(20, rng=0), Column()
    assert plots.decision_boundary(model, data).svg == plots.decision_boundary(model.inside, data).svg


def test_a_model_of_tensors_is_asked_for_each_class():
    x, labels = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9) % 3
    pictures = [plots.decision_boundary(nn.MLP(2, [4, 3], rng=0, kind=kind), x, labels).svg for kind in (Value, Tensor)]
    assert pictures[0] == pictures[1]


def test_both_kinds_have_the_same_landscape():
    data, texts_of = nn.data.moons(20, rng=0), []
    for kind in (Value, Tensor):
        model, record = nn.MLP(2, [4, 1], rng=0, kind=kind), nn.Record()
        nn.fit(model, data.x, data.y, loss=nn.bce_with_logits, epochs=3, rng=0, verbose=False, callbacks=[record])
        plot = plots.loss_landscape(model, nn.bce_with_logits, data.x, data.y, record=record, n=3)
        texts_of.append(texts(parsed(plot)))
    assert texts_of[0] == texts_of[1]


def test_a_dataset_brings_labels_and_names():
    data = nn.data.moons(20, rng=0)
    model = nn.MLP(2, [3, 1], rng=0)
    plot = plots.decision_boundary(model, data)
    assert plot.svg == plots.decision_boundary(model, data.x, data.y, names=data.features, classes=data.classes).svg
    assert {"left", "upper"} <= set(texts(parsed(plots.decision_boundary(model, data, names=("left", "right")))))
    of_one_class = plots.decision_boundary(model, data[np.flatnonzero(data.y == 1)])
    assert "upper  0 points" in of_one_class.text()


def test_names_that_do_not_go_with_features_and_classes_are_refused():
    for names in ({"classes": ["a"]}, {"classes": ["a", "b", "c"]}, {"names": ["x"]}):
        with pytest.raises(ValueError, match="names of 2 features and 2 classes are expected; found names="):
            plots.decision_boundary(Says(lambda a, b: a), [[0, 0], [1, 1]], [0, 1], **names)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_examples_that_are_not_finite_are_refused(wrong):
    with pytest.raises(ValueError, match="decision_boundary: 1 of 2 examples are not finite; leave them out"):
        plots.decision_boundary(Says(lambda a, b: a), [[0, wrong], [1, 1]], [0, 1])


def test_scores_and_labels_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="gives one score, which parts two classes; y has 3 labels"):
        plots.decision_boundary(Says(lambda a, b: a), [[0, 0], [1, 1], [2, 2]], [0, 1, 2])
    with pytest.raises(ValueError, match="gives 2 scores, so labels are 0 to 1; y has"):
        plots.decision_boundary(Says(lambda a, b: [a, b]), [[0, 0], [1, 1]], [0, 5])


@pytest.mark.parametrize(("x", "y"), [([[1.0]], [1]), ([[1.0, 2.0]], [1, 0]), (np.empty((0, 2)), [])])
def test_what_is_no_plane_is_refused(x, y):
    with pytest.raises(ValueError, match=r"decision_boundary: x has shape \(n, 2\)"):
        plots.decision_boundary(Says(lambda a, b: a), x, y)


# -- the landscape -----------------------------------------------------------------------------------------------------------


def fitted(epochs=25):
    x = np.array([[-1.0], [0.5], [2.0]])
    y = 3 * x[:, 0] + 0.5
    model, record = nn.Dense(1, 1, rng=0), nn.Record()
    nn.fit(model, x, y, loss=nn.mse, epochs=epochs, batch_size=None, rng=0, verbose=False, callbacks=[record])
    return model, x, y, record


def test_the_landscape_of_two_weights_has_their_names_and_the_path_between_its_ends():
    model, x, y, record = fitted()
    plot = plots.loss_landscape(model, nn.mse, x, y, record=record, weights=("weight[0, 0]", "bias[0]"), n=7)
    picture = parsed(plot)
    assert {"weight[0, 0]", "bias[0]", "path of training", "start", "end"} <= set(texts(picture))
    assert f"start             at ({record.values['weight'][0].item():.3g}, 0)" in plot.text()
    assert f"end               at ({model.weight[0][0].data:.3g}, {model.bias[0].data:.3g})" in plot.text()
    path = record.values["weight"].ravel()
    margin = 0.3 * np.ptp(path)
    assert (plot.charts[0].x.low, plot.charts[0].x.high) == pytest.approx((path.min() - margin, path.max() + margin))
    assert all((array == record[-1].values[name]).all() for name, array in model.state_dict().items())


def test_without_weights_the_plane_is_that_of_the_path_and_says_how_much_of_it_is_seen():
    model, x, y, record = fitted()
    told = texts(parsed(plots.loss_landscape(model, nn.mse, x, y, record=record, n=5)))
    shares = [float(re.search(r"([\d.]+)% of variance", text)[1]) for text in told if "of variance" in text]
    assert sum(shares) == pytest.approx(100, abs=0.11)  # two parameters, so all of it


def test_without_a_record_the_plane_is_random_and_its_seed_decides():
    model, x, y, _ = fitted(2)
    one, same, other = (plots.loss_landscape(model, nn.mse, x, y, rng=seed, n=4).svg for seed in (0, 0, 1))
    assert one == same != other
    assert "the model" in one


def test_the_scale_rises_and_names_every_edge():
    model, x, y, record = fitted()
    picture = parsed(plots.loss_landscape(model, nn.mse, x, y, record=record, n=6))
    _, right, _, _ = frame(picture)
    scale = [(float(t.get("y")), float(t.text)) for t in picture.iter(f"{SVG}text") if float(t.get("x")) > right]
    assert len(scale) >= 5
    assert [number for _, number in sorted(scale, reverse=True)] == sorted(number for _, number in scale)


def test_where_the_loss_is_not_finite_it_is_grey_and_said():
    model, x, y, _ = fitted(1)

    def steep(predictions, targets):
        return nn.mse([(p * 2e2).exp() for (p,) in predictions], targets)

    plot = plots.loss_landscape(model, steep, x, y, weights=("weight[0, 0]", "bias[0]"), n=5)
    ((w,),), (b,) = model.weight, model.bias
    places = np.linspace(-0.8, 0.8, 5)  # middles of five cells around each weight
    heights = [max((w.data + across) * x[:, 0] + b.data + up) * 2e2 for across in places for up in places]
    lost = np.mean(np.array(heights) > np.log(1.7e308) / 2)  # where the square of exp overflows
    assert 0.5 < lost < 1
    assert f"grey: not finite, {lost:.0%} of the plane" in plot.text()
    parsed(plot)


def test_a_flat_landscape_is_drawn():
    model, x, y, _ = fitted(1)
    plot = plots.loss_landscape(model, lambda p, t: Value(1.0), x, y, rng=0, n=3)
    assert "loss from 1 to 1" in plot.text()
    parsed(plot)


def test_without_frames_or_parameters_there_is_no_landscape():
    model, x, y, _ = fitted(1)
    with pytest.raises(ValueError, match="loss_landscape: nothing was recorded; Record"):
        plots.loss_landscape(model, nn.mse, x, y, record=nn.Record(), weights=("weight[0, 0]", "bias[0]"))
    with pytest.raises(ValueError, match=r"ReLU\(\) has no parameters, so its loss has no landscape"):
        plots.loss_landscape(nn.ReLU(), nn.mse, x, y)


@pytest.mark.parametrize("n", [1, 0, 2.5])
def test_a_grid_has_at_least_two_points_along_each_axis(n):
    model, x, y, _ = fitted(1)
    with pytest.raises(ValueError, match="n is a whole number of at least 2"):
        plots.loss_landscape(model, nn.mse, x, y, n=n)
