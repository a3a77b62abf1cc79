"""Data: made, shipped, read; and everything that can be wrong with a table of one's own."""

import re
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn.data import (
    Dataset,
    batches,
    blobs,
    circles,
    digits,
    moons,
    one_hot,
    read_csv,
    read_csv_regression,
    sine,
    spirals,
    split,
    standardise,
    xor,
)


def dataset(x, y=None):
    x = np.asarray(x, dtype=float)
    y = np.zeros(len(x), dtype=int) if y is None else np.asarray(y)
    return Dataset(x, y, tuple(f"f{i}" for i in range(x.shape[1])), ("a", "b"))


# -- made and shipped --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 7, 200])
def test_moons_are_two_half_circles(n):
    data = moons(n, noise=0.0)
    assert len(data) == n
    assert np.bincount(data.y).tolist() == [n // 2, n - n // 2]
    upper, lower = data.x[data.y == 0], data.x[data.y == 1]
    assert np.hypot(*upper.T) == pytest.approx(1.0)
    assert np.hypot(*(lower - [1.0, 0.5]).T) == pytest.approx(1.0)
    assert (upper[:, 1] >= -1e-12).all()
    assert (lower[:, 1] <= 0.5 + 1e-12).all()


def test_noise_is_normal_and_as_strong_as_asked():
    clean, noisy = moons(4000, 0.0), moons(4000, 0.2, rng=0)
    assert (noisy.x - clean.x).std() == pytest.approx(0.2, rel=0.03)
    assert (noisy.x == moons(4000, 0.2, rng=0).x).all()
    assert (noisy.x != moons(4000, 0.2, rng=1).x).any()


@pytest.mark.parametrize(("n", "noise"), [(1, 0.1), (10, -0.1), (10, float("nan"))])
def test_moons_refuse_what_has_no_meaning(n, noise):
    with pytest.raises(ValueError, match=f"not {n} and {noise}"):
        moons(n, noise)


def test_circles_lie_in_each_other():
    data = circles(101, noise=0.0, factor=0.3)
    assert data.classes == ("outer", "inner")
    assert np.hypot(*data.x[data.y == 0].T) == pytest.approx(1.0)
    assert np.hypot(*data.x[data.y == 1].T) == pytest.approx(0.3)
    assert data.x.mean(axis=0) == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize(("n", "classes", "turns"), [(200, 2, 1.0), (100, 3, 0.7), (61, 5, 2.0)])
def test_spirals_are_one_arm_turned(n, classes, turns):
    data = spirals(n, noise=0.0, classes=classes, turns=turns)
    assert len(data) == n
    assert data.classes == tuple(f"arm {i}" for i in range(1, classes + 1))
    sizes = np.bincount(data.y)
    assert sizes.max() - sizes.min() <= 1
    for arm in range(classes):
        z = data.x[data.y == arm] @ [1, 1j]
        z *= np.exp(-2j * np.pi * arm / classes)
        assert abs(z) == pytest.approx(np.arange(1, sizes[arm] + 1) / sizes[arm])
        assert np.angle(z * np.exp(-2j * np.pi * turns * abs(z))) == pytest.approx(0.0, abs=1e-9)


def test_xor_is_the_four_points_or_a_cloud_about_each():
    assert xor().x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert xor().y.tolist() == [0, 1, 1, 0]
    data = xor(4000, noise=0.1, rng=0)
    near = data.x.round().astype(int)
    assert (data.x - xor(4000).x).std() == pytest.approx(0.1, rel=0.03)
    assert (near[:, 0] ^ near[:, 1]).tolist() == data.y.tolist()
    assert np.unique(near, axis=0, return_counts=True)[1].tolist() == [1000] * 4


def test_blobs_lie_about_their_centres():
    centers = [[0.0, 0.0, 5.0], [5.0, 0.0, 0.0]]
    data = blobs(5001, 0.5, centers=centers, rng=0)
    assert (data.features, data.classes) == (("x1", "x2", "x3"), ("blob 1", "blob 2"))
    assert np.bincount(data.y).tolist() == [2500, 2501]
    for i, center in enumerate(centers):
        assert data.x[data.y == i].mean(axis=0) == pytest.approx(center, abs=0.04)
        assert data.x[data.y == i].std(axis=0) == pytest.approx([0.5] * 3, rel=0.05)
    assert len(blobs().classes) == 3


def test_a_sine_has_numbers_to_predict():
    data = sine(1000, noise=0.2, rng=0)
    assert (data.features, data.classes, data.y.dtype) == (("x",), (), float)
    assert data.x[[0, -1], 0] == pytest.approx([-np.pi, np.pi])
    assert (data.y - np.sin(data.x[:, 0])).std() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("make", [moons, circles, spirals, xor, blobs, sine])
def test_what_is_made_comes_from_its_seed(make):
    one, same, other = (make(50, 0.1, rng=seed) for seed in (0, 0, 1))
    assert (one.x == same.x).all()
    assert (one.y == same.y).all()
    assert (one.x != other.x).any() or (one.y != other.y).any()
    assert (make(50, 0.1, rng=np.random.default_rng(0)).x == one.x).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: circles(1), "circles: n must be whole and at least 2 .* not 1 and 0.05"),
        (lambda: circles(10, factor=1.0), "circles: factor must lie between 0 and 1, not 1.0"),
        (lambda: circles(10, factor="half"), "circles: factor must lie between 0 and 1, not 'half'"),
        (lambda: circles(10, noise=None), "circles: .* noise at least 0, not 10 and None"),
        (lambda: spirals(turns="1"), "turns more than 0; not 2 and '1'"),
        (lambda: spirals(classes=1), "spirals: classes must be whole and at least 2"),
        (lambda: spirals(classes=2.0), "spirals: classes must be whole"),
        (lambda: spirals(turns=0), "turns more than 0; not 2 and 0"),
        (lambda: spirals(2, classes=3), "spirals: n must be whole and at least 3"),
        (lambda: xor(3), "xor: n must be whole and at least 4"),
        (lambda: xor(4.0), "xor: n must be whole"),
        (lambda: blobs(noise=-1), "blobs: .* noise at least 0, not 200 and -1"),
        (lambda: blobs(centers=[1, 2]), r"blobs: centers are at least 2 points.* not \[1, 2\]"),
        (lambda: blobs(centers=[[1, 2], [3]]), r"blobs: centers must be numbers in a rectangle, not \[\[1, 2\], \[3\]\]"),
        (lambda: blobs(centers=[[1, 2]]), "blobs: centers are at least 2 points"),
        (lambda: blobs(centers=[[1, 2], [np.nan, 0]]), "finite"),
        (lambda: sine(100, np.inf), "sine: .* not 100 and inf"),
    ],
)
def test_what_cannot_be_made_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("make", [circles, spirals, xor, moons, blobs])
def test_what_is_made_can_be_learnt(make):
    (data,) = standardise(make(rng=0))
    model = nn.MLP(2, [32, 32, len(data.classes)], kind=Tensor, rng=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    nn.fit(model, data.x, data.y, loss=nn.cross_entropy, optimizer=optimizer, epochs=150, batch_size=50, rng=0, verbose=False)
    assert (model(data.x).data.argmax(axis=1) == data.y).mean() > 0.97


# -- Dataset -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: moons(5, rng=0), "Dataset(5 examples of 2 features, 2 classes: upper 2, lower 3)"),
        (lambda: moons(5, rng=0)[:1], "Dataset(1 example of 2 features, 2 classes: upper 1, lower 0)"),
        (digits, "Dataset(1,797 examples of 64 features, 10 classes: 0 178, 1 182, 2 177, 3 183, 4 181, 5 182, 6 181, 7 179, "
                 "8 174, 9 180)"),
        (lambda: spirals(12, classes=12), "Dataset(12 examples of 2 features, 12 classes: "
                                          + ", ".join(f"arm {i} 1" for i in range(1, 11)) + ", …)"),
        (lambda: sine(3, noise=0)[[0, 1]], "Dataset(2 examples of 1 feature, targets -1.225e-16 to 0)"),
        (lambda: sine()[[]], "Dataset(0 examples of 1 feature, no targets)"),
    ],
)  # fmt: skip
def test_a_dataset_says_what_is_in_it(data, words):
    assert repr(data()) == words


def test_a_dataset_takes_lists():
    data = Dataset([[1, 2], [3, 4], [5, 6]], [0, 1, 0], ("a", "b"), ("u", "v"))
    assert (data.x.dtype, data.y.dtype) == (np.float64, np.int64)
    assert data[np.array([False, True, True])].x.tolist() == [[3, 4], [5, 6]]
    assert data[[2, 0]].y.tolist() == [0, 0]
    assert Dataset([[1]], [2], ("a",)).y.dtype == np.float64


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dataset([[1.0], [2.0]], [0]), r"x has shape (2, 1) and y (1,); of 1 features and 1 targets expected (1, 1)"),
        (lambda: Dataset([1.0, 2.0], [0, 1], ("a",), ("u", "v")), "x has shape (2,) and y (2,)"),
        (lambda: Dataset([[1.0]], [0], ("a", "b"), ("u", "v")), "of 2 features and 1 targets expected (1, 2)"),
        (lambda: Dataset([[1.0]], [[0]], ("a",)), "y (1, 1)"),
        (lambda: Dataset([[1.0]], 0, ("a",)), "y ()"),
        (lambda: Dataset([["a"]], [0], ("a",)), "Dataset: x must be numbers in a rectangle, not [['a']]"),
        (
            lambda: Dataset([[1.0], [2.0, 3.0]], [0, 1], ("a",)),
            "Dataset: x must be numbers in a rectangle, not [[1.0], [2.0, 3.0]]",
        ),
        (lambda: Dataset([[1.0]], ["cat"], ("a",), ("cat", "dog")), "Dataset: y must be numbers in a rectangle, not ['cat']"),
        (lambda: Dataset([[1.0]], [1j], ("a",)), "Dataset: y must be numbers"),
        (lambda: dataset([[1.0], [2.0]], [0, 2]), "labels count into the 2 classes, from 0; these are [0 2]"),
        (lambda: dataset([[1.0], [2.0]], [0, -1]), "these are [-1  0]"),
        (lambda: dataset([[1.0], [2.0]], [0, 0.5]), "these are [0.  0.5]"),
    ],
)
def test_a_dataset_that_does_not_fit_together_is_refused(make, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        make()


def test_one_example_is_no_dataset():
    with pytest.raises(TypeError, match=r"data\[\[3\]\]; one example is data.x\[3\], data.y\[3\]"):
        moons()[3]


def test_digits_are_1797_images_of_64_pixels():
    data = digits()
    assert data.x.shape == (1797, 64)
    assert data.y.shape == (1797,)
    assert data.classes == tuple("0123456789")
    assert len(data.features) == len(set(data.features)) == 64
    assert (data.x.min(), data.x.max()) == (0.0, 1.0)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as UCI and scikit-learn have them
    assert np.bincount(data.y).tolist() == counts
    assert set(np.unique(data.x * 16)) == set(range(17))
    assert data.x[:, 0].max() == 0.0  # the corner is never inked


def test_the_first_digit_is_the_0_of_the_papers():
    image = (digits().x[0] * 16).reshape(8, 8)
    assert digits().y[0] == 0
    assert image[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert image[3].tolist() == [0, 4, 12, 0, 0, 8, 8, 0]


class ByColumn:
    """A table as pandas has them: what is asked of it by number may be a column."""

    def __len__(self):
        return 3

    def __getitem__(self, columns):
        return self

    def __repr__(self):
        return "by column"


# -- split ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "share", "held"), [(10, 0.2, 2), (10, 0.5, 5), (2, 0.01, 1), (2, 0.99, 1), (100, 0.333, 33), (3, 0.9, 2)]
)
def test_split_parts_the_examples_without_loss(n, share, held):
    data = dataset(np.arange(n)[:, None], np.arange(n) % 2)
    train, test = split(data, held_out=share, rng=0)
    assert (len(train), len(test)) == (n - held, held)
    together = np.concatenate([train.x, test.x])[:, 0]
    assert sorted(together) == list(range(n))
    assert (np.concatenate([train.y, test.y]) == together % 2).all()
    assert (train.features, train.classes) == (data.features, data.classes)


def test_split_is_random_and_repeatable():
    data = dataset(np.arange(50)[:, None])
    assert (split(data, rng=0)[1].x == split(data, rng=0)[1].x).all()
    assert (split(data, rng=0)[1].x != split(data, rng=1)[1].x).any()


@pytest.mark.parametrize(("n", "share"), [(1, 0.5), (0, 0.5), (10, 0.0), (10, 1.0), (10, -1), (10, float("nan"))])
def test_split_refuses_what_leaves_a_part_empty(n, share):
    with pytest.raises(ValueError, match=f"not {n} and {share}"):
        split(dataset(np.zeros((n, 1))), held_out=share)


def test_split_takes_arrays_and_lists_together():
    x, y = np.arange(20).reshape(10, 2), [f"example {i}" for i in range(10)]
    x_train, x_test, y_train, y_test = split(x, y, held_out=0.3, rng=0)
    assert (x_train.shape, x_test.shape, len(y_train), len(y_test)) == ((7, 2), (3, 2), 7, 3)
    assert [f"example {row[0] // 2}" for row in [*x_train, *x_test]] == y_train + y_test
    assert sorted(y_train + y_test) == y


def test_split_takes_any_sequence():
    train, test = split(range(10), rng=0)
    assert sorted(train + test) == list(range(10))
    assert all(isinstance(part, list) for part in split((1, 2, 3), rng=0))


def test_labels_that_are_nan_are_one_class_to_stratify_by():
    labels = np.repeat([1.0, np.nan], 10)
    _, held = split(labels, stratify=labels, held_out=0.5, rng=0)
    assert np.isnan(held).sum() == 5


def test_split_parts_a_dataset_as_its_arrays():
    data = moons(50, rng=0)
    train, test = split(data, rng=0)
    for part, array in zip((train.x, test.x, train.y, test.y), split(data.x, data.y, rng=0)):
        assert (part == array).all()


@pytest.mark.parametrize("sizes", [(50, 50), (90, 10), (5, 15, 80), (3, 3, 3, 3), (33, 33, 34), (1, 99)], ids=str)
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.8])
def test_a_stratified_split_holds_out_of_each_class_its_share(sizes, share):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    train, test = split(labels, held_out=share, stratify=labels, rng=1)
    assert len(test) == round(share * len(labels))
    assert (abs(np.bincount(test, minlength=len(sizes)) - share * np.array(sizes)) < 1).all()
    assert sorted([*train, *test]) == sorted(labels)


def test_a_plain_split_may_miss_a_class_and_a_stratified_one_does_not():
    labels = np.repeat(["rare", "common"], [10, 90])
    plain = [(split(labels, rng=seed)[1] == "rare").sum() for seed in range(100)]
    stratified = [(split(labels, stratify=labels, rng=seed)[1] == "rare").sum() for seed in range(100)]
    assert set(stratified) == {2}
    assert min(plain) == 0


def test_a_stratified_split_is_as_random_as_the_plain_one():
    labels = np.arange(100) % 2
    held = np.zeros(100)
    for seed in range(400):
        held[split(np.arange(100), stratify=labels, rng=seed)[1]] += 1
    assert abs(held / 400 - 0.2).max() < 0.08  # 4 standard deviations
    train, _ = split(labels, stratify=labels, rng=0)
    assert 20 < (train[1:] != train[:-1]).sum() < 60  # the classes do not alternate, either


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((np.zeros(3), np.zeros(4)), {}, ValueError, "these have lengths [3, 4]"),
        ((), {}, ValueError, "these have lengths []"),
        ((np.zeros(3), 0.5), {}, TypeError, "split: it takes a Dataset, or arrays or lists of examples; not 0.5"),
        (("text",), {}, TypeError, "not 'text'"),
        ((b"bytes",), {}, TypeError, "not b'bytes'"),
        (({0: "a", 1: "b"},), {}, TypeError, "not {0: 'a', 1: 'b'}"),
        ((Tensor(1.0),), {}, TypeError, "not Tensor(1.)"),
        ((ByColumn(),), {}, TypeError, "arrays or lists of examples; not by column"),
        ((np.zeros(3),), {"held_out": "half"}, ValueError, "a share between 0 and 1, not 3 and 'half'"),
        ((np.zeros(3),), {"stratify": [0, 1]}, ValueError, "stratify has shape (2,), expected one label for each of 3"),
    ],
)
def test_split_refuses_what_is_no_row_of_examples(arguments, options, error, words):
    with pytest.raises(error, match=re.escape(words)):
        split(*arguments, **options)


# -- batches -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "size", "sizes"), [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 32, [3]), (3, 1, [1] * 3), (0, 2, [])]
)
def test_batches_go_once_through_the_data(n, size, sizes):
    x, y = np.arange(n)[:, None] * 1.0, list(range(n))
    dealt = list(batches(x, y, size=size, rng=0))
    assert [len(labels) for _, labels in dealt] == sizes
    assert [row for rows, _ in dealt for row in rows[:, 0]] == [label for _, labels in dealt for label in labels]
    assert sorted(label for _, labels in dealt for label in labels) == y


def test_batches_are_of_the_kind_they_come_from():
    data, tensor = moons(10, rng=0), Tensor(np.arange(20.0).reshape(10, 2))
    (x, y), *_ = batches(data, size=4, rng=0)
    (of_tensor, of_list, of_data), *_ = batches(tensor, data.y.tolist(), data, size=4, rng=0)
    assert [type(part) for part in (x, y, of_tensor, of_list, of_data)] == [np.ndarray, np.ndarray, Tensor, list, Dataset]
    assert (of_data.x == x).all()
    assert of_list == y.tolist()


def test_the_order_of_batches_comes_from_their_source():
    def order(rng):
        return [i for (some,) in batches(list(range(20)), size=6, rng=rng) for i in some]

    rng = np.random.default_rng(0)
    assert order(0) == order(0) == order(rng) != order(rng)
    assert [i for (some,) in batches(list(range(20)), size=6, shuffle=False) for i in some] == list(range(20))


@pytest.mark.parametrize("size", [0, -1, 2.5, None])
def test_batches_refuse_at_once_what_has_no_meaning(size):
    with pytest.raises(ValueError, match=f"size must be a whole number of at least 1, not {size}"):
        batches([1, 2, 3], size=size)
    with pytest.raises(ValueError, match=re.escape("these have lengths [3, 2]")):
        batches([1, 2, 3], [1, 2])


def test_batches_make_the_loop_of_the_lecture():
    data, rng, slope = sine(64, noise=0.0), np.random.default_rng(0), 0.0
    for _ in range(20):
        for x, y in batches(data, size=8, rng=rng):
            slope -= 0.01 * np.mean(2 * (slope * x[:, 0] - y) * x[:, 0])
    assert slope == pytest.approx((data.x[:, 0] @ data.y) / (data.x[:, 0] @ data.x[:, 0]), abs=0.03)


# -- one-hot -------------------------------------------------------------------------------------------------------------------


def test_one_hot_is_a_row_of_the_identity():
    labels = np.random.default_rng(0).integers(0, 5, (3, 4))
    assert (one_hot(labels, 5) == np.eye(5)[labels]).all()
    assert one_hot([1, 0, 2.0]).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert one_hot(1, 3).tolist() == [0, 1, 0]
    assert one_hot([True, False]).tolist() == [[0, 1], [1, 0]]
    assert one_hot(np.uint8([255])).tolist() == [[0] * 255 + [1]]
    assert one_hot([]).shape == (0, 0)
    assert one_hot(np.zeros(0, dtype=int), 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        ([0, 3], 3, "labels must lie from 0 to 2; these lie from 0 to 3"),
        ([0, -1], None, "labels must lie from 0 to 0; these lie from -1 to 0"),
        ([0.5], None, "labels must be whole numbers from 0, not [0.5]"),
        ([np.nan], None, "labels must be whole numbers"),
        ([np.inf], None, "labels must be whole numbers"),
        (["cat"], None, "labels must be numbers in a rectangle, not ['cat']"),
        ([[0], [1, 2]], None, "labels must be numbers in a rectangle, not [[0], [1, 2]]"),
        ([0, 1], 2.5, "classes must be a whole number of at least 1, not 2.5"),
        ([0, 1], 0, "classes must be a whole number of at least 1, not 0"),
    ],
)
def test_one_hot_refuses_what_is_no_class(labels, classes, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        one_hot(labels, classes)


# -- standardise ---------------------------------------------------------------------------------------------------------------


def test_standardise_takes_plain_arrays():
    rng = np.random.default_rng(0)
    train, test = rng.normal(5, 3, (200, 2)), rng.normal(-1, 10, (50, 2))
    a, b = standardise(train, test)
    expected, _ = standardise(dataset(train), dataset(test))
    assert (a == expected.x).all()
    assert b == pytest.approx((test - train.mean(axis=0)) / train.std(axis=0))
    assert standardise(train.astype(np.float32))[0].dtype == np.float32
    assert standardise([[1, 2], [3, 4]])[0].tolist() == [[-1, -1], [1, 1]]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((np.zeros((0, 2)),), "examples of the same features, shape (n, features); not (0, 2)"),
        ((np.zeros((4, 2)), np.zeros((4, 3))), "not (4, 2), (4, 3)"),
        ((np.zeros(4),), "examples of shape (n, features), not (4,)"),
        ((np.array([["a"]]),), "standardise: examples must be numbers in a rectangle, not array([['a']]"),
        ((np.array([[1.0], [np.nan]]),), "the numbers of feature 'column 1' are too large or not finite"),
        ((np.array([[1.0, 1.0], [1.0, np.inf]]),), "the numbers of feature 'column 2' are too large or not finite"),
        ((np.eye(2), np.array([[1.0, np.inf]])), "the numbers of feature 'column 2' are too large or not finite"),
        ((np.full((2, 1), np.inf),), "the numbers of feature 'column 1' are too large or not finite"),
        ((np.array([[1.7e308], [1.6e308], [0.0]]),), "the numbers of feature 'column 1' are too large or not finite"),
    ],
)
def test_standardise_refuses_what_has_no_scale(parts, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        standardise(*parts)


@pytest.mark.parametrize("size", [1e-300, 1e-155, 1e200, 1e307])
def test_numbers_whose_squares_no_float_holds_are_standardised_all_the_same(size):
    (x,) = standardise(np.array([[-1.0], [-1.0], [1.0], [3.0]]) * size)
    assert x[:, 0] == pytest.approx(np.array([-1.5, -1.5, 0.5, 2.5]) / 2.75**0.5, rel=1e-12)


def test_standardise_takes_its_measure_from_the_training_part():
    rng = np.random.default_rng(0)
    train, test = dataset(rng.normal(5, 3, (200, 2))), dataset(rng.normal(-1, 10, (50, 2)))
    a, b = standardise(train, test)
    assert a.x.mean(axis=0) == pytest.approx([0, 0], abs=1e-12)
    assert a.x.std(axis=0) == pytest.approx([1, 1], rel=1e-12)
    assert b.x == pytest.approx((test.x - train.x.mean(axis=0)) / train.x.std(axis=0))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, 5.1, -7.3, 1e9 + 0.1, 1e-12])
@pytest.mark.parametrize("n", [7, 10, 100, 160])
def test_a_feature_that_never_changes_becomes_0(constant, n):
    (data,) = standardise(dataset(np.full((n, 1), constant)))
    assert (data.x == 0.0).all()


# -- tables of one's own -----------------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_table_with_names(table):
    data = read_csv(table("width,height,kind\n1,2.5,cat\n-3,4e1,dog\n0.5,.5,cat\n"))
    assert data.x.tolist() == [[1, 2.5], [-3, 40], [0.5, 0.5]]
    assert data.y.tolist() == [0, 1, 0]
    assert (data.features, data.classes) == (("width", "height"), ("cat", "dog"))


def test_a_table_without_names(table):
    data = read_csv(table("1,2,0\n3,4,1\n"))
    assert data.x.tolist() == [[1, 2], [3, 4]]
    assert (data.features, data.classes) == (("column 1", "column 2"), ("0", "1"))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa,b,c\n1,2,x\n3,4,y\n",
        b"a,b,c\r\n1,2,x\r\n3,4,y\r\n",
        b"a,b,c\r1,2,x\r3,4,y\r",
        b"\n\na,b,c\n\n1,2,x\n , ,\n3,4,y\n\n",
        b'"a","b","c"\n"1","2","x"\n3,"4","y"',
        b" a , b , c \n 1 , 2 , x \n 3 , 4 , y ",
    ],
    ids=["BOM", "CRLF", "CR", "blank lines", "quotes", "spaces"],
)
def test_tables_as_programs_write_them(table, content):
    data = read_csv(table(content))
    assert data.x.tolist() == [[1, 2], [3, 4]]
    assert (data.features, data.classes, data.y.tolist()) == (("a", "b"), ("x", "y"), [0, 1])


def test_quoted_cells_may_hold_commas_quotes_and_line_breaks(table):
    data = read_csv(table('"a, the first","line\r\nbreak",kind\n1,2,"big, red"\n3,4,"say ""hi"""\n'))
    assert data.features == ("a, the first", "line\r\nbreak")
    assert data.classes == ("big, red", 'say "hi"')


def test_labels_that_are_numbers_are_put_in_order_as_numbers(table):
    data = read_csv(table("1,10\n2,9\n3,-1\n4,9\n"))
    assert data.classes == ("-1", "9", "10")
    assert data.y.tolist() == [2, 1, 0, 1]


def test_large_numbers_that_differ_are_classes_that_differ(table):
    assert read_csv(table("1,1000001\n2,1000002\n3,1000001.0\n4,1e6\n")).classes == ("1000000", "1000001", "1000002")
    assert read_csv(table("1,0.1\n2,1e-7\n")).classes == ("1e-07", "0.1")


def test_what_is_a_number_to_python_alone_is_text(table):
    assert read_csv(table("1,1_0\n2,2_0\n")).classes == ("1_0", "2_0")
    with pytest.raises(ValueError, match="line 2, b: '1_0' is not a number"):
        read_csv(table("a,b,c\n1,1_0,x\n2,3,y\n"))


def test_labels_in_any_script(table):
    assert read_csv(table("größe,art\n1,кот\n2,犬\n")).classes == ("кот", "犬")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "table.csv: the file is empty"),
        ("\n\n  \n", "table.csv: the file is empty"),
        ("1\n2\n", "table.csv, line 1: 1 column, expected at least 2"),
        ("a;b;c\n1;2;x\n", "table.csv, line 1: 1 column, expected at least 2"),
        ("a,b,c\n1,2,x\n1,2\n", "table.csv, line 3: 2 columns, expected 3 as in line 1"),
        ("a,b,c\n\n1,2,x\n1,2,3,x\n", "table.csv, line 4: 4 columns, expected 3 as in line 1"),
        ("a,b,c\n1,2,x\n1,two,y\n", "table.csv, line 3, b: 'two' is not a number; only the last column may hold text"),
        ("a,b,c\n1,,x\n", "table.csv, line 2, b: '' is not a number"),
        ("1,2,x\n1,2;3,y\n", "table.csv, line 2, column 2: '2;3' is not a number"),
        ("a,b,c\n1,NaN,x\n", "table.csv, line 2, b: NaN is not finite"),
        ("a,b,c\n1,-inf,x\n", "table.csv, line 2, b: -inf is not finite"),
        ("a,b,c\n1,1e999,x\n", "table.csv, line 2, b: 1e999 is not finite"),
        ("a,b,c\n1,2,x\n1,2,\n", "table.csv, line 3, c: the label is 'empty'"),
        ("a,b,c\n1,2,x\n1,2,nan\n", "table.csv, line 3, c: the label is 'nan'"),
        ("a,b,c\n1,2,1\n1,2,inf\n", "table.csv, line 3, c: the label is 'inf'"),
        ("a,b,c\n1,2,x\n3,4,x\n", "table.csv: 1 class in the last column, c; expected at least 2"),
        ("a,b,c\n", "table.csv: only a line of names"),
        ("a,c\n" + "".join(f"{i},k{i}\n" for i in range(51)), "table.csv: 51 different labels in the last column, c"),
        ('a,b,c\n1,2,"x\n', "table.csv: not a comma-separated file"),
        ('a,b,c\n1,"2"3,x\n', "table.csv: not a comma-separated file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xd8", "table.csv: not a text file in UTF-8 (byte 0)"),
        ("1,2,é\n".encode("latin-1"), "table.csv: not a text file in UTF-8 (byte 4)"),
        ("a,b\n1,2\n".encode("utf-16"), "table.csv: not a text file in UTF-8 (byte 0)"),
        (b"\x00" * 100, "table.csv, line 1: 1 column"),
    ],
)  # fmt: skip
def test_a_table_that_will_not_do_is_told_with_file_line_and_column(table, content, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_csv(table(content))
    assert "\n" not in str(caught.value)


def test_a_table_of_numbers_to_predict(table):
    data = read_csv_regression(table("size,rooms,price\n50,2,120.5\n80,3,-1e3\n20,1,.5\n"))
    assert data.x.tolist() == [[50, 2], [80, 3], [20, 1]]
    assert data.y.tolist() == [120.5, -1000, 0.5]
    assert (data.features, data.classes) == (("size", "rooms"), ())
    assert read_csv_regression(table("1,2\n3,4\n")).y.tolist() == [2, 4]
    assert len(read_csv_regression(table("".join(f"{i},{i}\n" for i in range(99))))) == 99


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,cat\n2,dog\n", "table.csv, line 2, b: 'cat' is not a number"),
        ("a,b\n1,2\n2,\n", "table.csv, line 3, b: '' is not a number"),
        ("a,b\n1,inf\n2,3\n", "table.csv, line 2, b: inf is not finite"),
        ("", "table.csv: the file is empty"),
    ],
)
def test_a_target_that_is_no_number_is_told_with_its_line(table, content, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        read_csv_regression(table(content))


def test_fifty_classes_are_still_read(table):
    assert len(read_csv(table("".join(f"{i},k{i}\n" for i in range(50)))).classes) == 50


@pytest.mark.parametrize("name", ["missing.csv", ".", "missing/table.csv"])
def test_a_file_that_cannot_be_opened_is_an_os_error_with_its_name(tmp_path, name):
    with pytest.raises(OSError) as caught:  # noqa: PT011
        read_csv(tmp_path / name)
    assert Path(caught.value.filename) == tmp_path / name


def test_what_is_read_can_be_learnt(table):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 2))
    content = "a,b,side\n" + "".join(f"{x},{y},{'left' if x < 0 else 'right'}\n" for x, y in rows)
    data = read_csv(table(content))
    model = nn.Dense(2, 1, rng=0)
    history = nn.fit(
        model,
        data.x,
        data.y,
        loss=nn.bce_with_logits,
        optimizer=nn.SGD(model.parameters(), lr=1.0),
        epochs=20,
        rng=0,
        verbose=False,
    )
    assert history.loss[-1] < 0.25


def test_names_that_are_numbers_are_names_if_only_their_label_is_text(tmp_path):
    (tmp_path / "years.csv").write_text("2019,2020,label\n1,2,0\n3,4,1\n")
    data = nn.data.read_csv(tmp_path / "years.csv")
    assert (data.features, data.classes, len(data)) == (("2019", "2020"), ("0", "1"), 2)


def test_a_column_without_a_name_is_named_by_its_number(tmp_path):
    (tmp_path / "index.csv").write_text(",a,label\n0,1,x\n1,2,y\n")
    assert nn.data.read_csv(tmp_path / "index.csv").features == ("column 1", "a")


def test_numbers_too_large_to_add_are_refused_by_name():
    data = nn.data.Dataset(
        np.array([[1.7e308, 1.0], [1.7e308, 2.0], [-1.0, 0.0]]), np.array([0, 1, 0]), ("huge", "small"), ("a", "b")
    )
    with pytest.raises(ValueError, match="feature 'huge' are too large"):
        nn.data.standardise(data)
