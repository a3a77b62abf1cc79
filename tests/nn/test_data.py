"""Data: made, shipped, read; and everything that can be wrong with a table of one's own."""

import re
from pathlib import Path

import numpy as np
import pytest

import nn
from nn.data import Dataset, digits, moons, read_csv, split, standardise


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


def test_digits_are_1797_images_of_64_pixels():
    data = digits()
    assert data.x.shape == (1797, 64)
    assert data.y.shape == (1797,)
    assert data.classes == tuple("0123456789")
    assert len(data.features) == len(set(data.features)) == 64
    assert (data.x.min(), data.x.max()) == (0.0, 1.0)
    assert np.bincount(data.y).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]  # as UCI and scikit-learn have them
    assert set(np.unique(data.x * 16)) == set(range(17))
    assert data.x[:, 0].max() == 0.0  # the corner is never inked


def test_the_first_digit_is_the_0_of_the_papers():
    image = (digits().x[0] * 16).reshape(8, 8)
    assert digits().y[0] == 0
    assert image[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert image[3].tolist() == [0, 4, 12, 0, 0, 8, 8, 0]


# -- split and standardise ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "share", "held"), [(10, 0.2, 2), (10, 0.5, 5), (2, 0.01, 1), (2, 0.99, 1), (100, 0.333, 33), (3, 0.9, 2)]
)
def test_split_parts_the_examples_without_loss(n, share, held):
    data = dataset(np.arange(n)[:, None], np.arange(n) % 2)
    train, test = split(data, share, rng=0)
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
        split(dataset(np.zeros((n, 1))), share)


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
    data = read_csv(table('"a, the first","line\nbreak",kind\n1,2,"big, red"\n3,4,"say ""hi"""\n'))
    assert data.features == ("a, the first", "line\nbreak")
    assert data.classes == ("big, red", 'say "hi"')


def test_labels_that_are_numbers_are_put_in_order_as_numbers(table):
    data = read_csv(table("1,10\n2,9\n3,-1\n4,9\n"))
    assert data.classes == ("-1", "9", "10")
    assert data.y.tolist() == [2, 1, 0, 1]


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


def test_numbers_too_large_to_square_are_refused_by_name():
    data = nn.data.Dataset(np.array([[1e200, 1.0], [-1e200, 2.0]]), np.array([0, 1]), ("huge", "small"), ("a", "b"))
    with pytest.raises(ValueError, match="feature 'huge' are too large"):
        nn.data.standardise(data)
