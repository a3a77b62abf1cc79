"""The stepgrad command: the main job from end to end, and every way in which it may not go."""

import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import viz.demo
from viz import cli

ROOT = Path(__file__).parent.parent
QUICK = ["--hidden", "3", "--epochs", "2"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd):
    """The command, in this process: exit code, lines of stdout, lines of stderr."""

    def run(*arguments):
        try:
            code = cli.main([*map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        out, err = capfd.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def table(path, n=40, features=2, classes=3, header=None, seed=0):
    """A CSV whose classes lie apart along the first feature."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    x = rng.normal(size=(n, features))
    x[:, 0] += 4 * labels
    lines = [",".join([*map(repr, row), f"k{label}"]) for row, label in zip(x.tolist(), labels, strict=True)]
    Path(path).write_text("\n".join(([header] if header else []) + lines) + "\n", encoding="utf-8")
    return path


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.html, self.tags, self.text = html, [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def page_at(directory):
    """The report, once it is seen to be one whole file that loads and runs nothing."""
    assert [path.name for path in Path(directory).iterdir()] == ["index.html"]
    html = (Path(directory) / "index.html").read_text(encoding="utf-8")
    page = Page(html)
    assert html.endswith("</html>\n")
    assert set(re.findall(r"https?:[^\s\"'<]*", html)) <= {"http://www.w3.org/2000/svg"}
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "img", "image", "base", "form", "a", "use")
        assert not any(name.startswith("on") or name in ("src", "href", "xlink:href") for name in attributes)
    assert "url(" not in html
    assert "@import" not in html
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(svg)
    return page


def nothing_was_written():
    return not [path for path in Path().rglob("*") if path.suffix != ".csv"]


# -- the main job ------------------------------------------------------------------------------------------------------------


def test_the_demo_trains_checks_and_writes_a_page_that_stands_alone(run):
    code, out, err = run("demo", *QUICK, "--out", "report")
    page = page_at("report")
    assert (code, err) == (0, [])
    assert [line.split()[0] for line in out if not line.startswith(" ")] == ["data", "model", "gradient", "result", "report"]
    assert "160 examples to learn from, 40 held out, 2 classes" in out[0]
    accuracy = re.search(r"([\d.]+%) of 40 held-out examples right, after 2 epochs", "\n".join(out))[1]
    assert accuracy in page.text
    assert "MLP(2, [3, 1], 'relu') on moons" in page.text
    assert page.html.count("<svg") == 4  # loss, map, graph, perceptron
    assert "partials agree with central differences" in "\n".join(out)
    assert str(Path("report") / "index.html") in out[-1]


def test_with_its_own_settings_it_learns_the_moons(run):
    code, out, _ = run("demo", "--epochs", "25")
    accuracy = float(re.search(r"([\d.]+)% of 40 held-out", "\n".join(out))[1])
    assert code == 0
    assert accuracy >= 90
    page_at("stepgrad-demo")


def test_the_same_seed_gives_the_same_page_but_for_the_time(run):
    pages = []
    for seed in (3, 3, 4):
        run("demo", *QUICK, "--seed", seed, "--out", "report")
        pages.append(re.sub(r"<dd>2, [\d.]+</dd>", "", page_at("report").html))
    assert pages[0] == pages[1] != pages[2]


def test_a_table_of_two_features_and_three_classes(run):
    code, out, err = run(
        "demo",
        "--data",
        table("mine.csv", n=120, header="width,height,kind"),
        "--hidden",
        "6",
        "--epochs",
        20,
        "--out",
        "report",
    )
    page = page_at("report")
    assert (code, err) == (0, [])
    assert "3 classes" in out[0]
    assert float(re.search(r"([\d.]+)% of 24 held-out", "\n".join(out))[1]) >= 75
    assert "What it says where" in page.text
    assert "width" in page.text


def test_a_table_of_five_features_has_a_confusion_table_instead_of_a_map(run):
    code, _, err = run("demo", "--data", table("mine.csv", features=5), *QUICK, "--out", "report")
    page = page_at("report")
    assert (code, err) == (0, [])
    assert "What it says where" not in page.text
    assert "Held-out examples" in page.text
    assert sum(tag == "td" and attributes.get("class") in ("hit", "miss", None) for tag, attributes in page.tags) >= 9


def test_a_table_of_many_features_leaves_inputs_out_of_the_graph(run):
    code, _, _ = run("demo", "--data", table("mine.csv", features=12, classes=2), *QUICK, "--out", "report")
    assert code == 0
    assert "its weights and bias and the inputs are left out" in page_at("report").text


def test_a_table_of_one_feature_and_fifty_classes(run):
    code, _, err = run("demo", "--data", table("mine.csv", n=150, features=1, classes=50), *QUICK, "--out", "report")
    assert (code, err) == (0, [])
    page_at("report")


def test_digits_are_read(run):
    code, out, err = run("demo", "--data", "digits", "--hidden", "2", "--epochs", "1", "--batch-size", "100", "--out", "report")
    assert (code, err) == (0, [])
    assert "1438 examples to learn from, 359 held out, 10 classes" in out[0]
    page_at("report")


def test_a_report_from_before_is_replaced(run):
    run("demo", *QUICK, "--out", "report")
    first = page_at("report").html
    run("demo", *QUICK, "--seed", 1, "--out", "report")
    assert page_at("report").html != first


def test_a_deep_output_directory_is_made(run):
    assert run("demo", *QUICK, "--out", "a/b/c")[0] == 0
    page_at("a/b/c")


@pytest.mark.parametrize(
    "header",
    [
        "<script>alert(1)</script>,<img src=x onerror=alert(1)>,</svg><script>",
        '"""><b onclick=alert(1)>",\'x\',]]>',
        "&lt;b&gt;,&#0;&amp;,--><!--",
        "\x1b[31mred,a\x00b\x08,\ufffe",
        '"two\nlines",\u202eevil\u2066,漢🙂',
    ],
)
@pytest.mark.parametrize("features", [2, 10])
def test_names_in_a_table_cannot_script_or_break_the_page(run, header, features):
    names = header.rsplit(",", 1)
    filler = "".join(f",f{i}" for i in range(features - 2))
    path = table("mine.csv", features=features, header=f"{names[0]}{filler},{names[1]}")
    code, _, err = run("demo", "--data", path, *QUICK, "--out", "report")
    assert (code, err) == (0, [])
    page_at("report")


def test_labels_in_a_table_cannot_script_the_page_either(run):
    lines = [f"{i},{i % 7},{'<script>alert(1)</script>' if i % 2 else '</svg><img src=x onerror=alert(1)>'}" for i in range(20)]
    Path("mine.csv").write_text("\n".join(lines))
    assert run("demo", "--data", "mine.csv", *QUICK, "--out", "report")[0] == 0
    page_at("report")
    Path("mine.csv").write_text("\n".join(f"0,{line}" for line in lines))
    assert run("demo", "--data", "mine.csv", *QUICK, "--out", "report")[0] == 0
    assert "<script>alert(1)</script>" in page_at("report").text


def test_the_name_of_the_file_cannot_script_the_page(run):
    path = table("<img src=x onerror=alert(1)>.csv")
    assert run("demo", "--data", path, *QUICK, "--out", "report")[0] == 0
    page_at("report")


# -- sound data, however odd -------------------------------------------------------------------------------------------------


def one_hot(rng):
    return np.eye(4)[rng.integers(0, 4, 40)]


ODD = {
    "features that never change": lambda rng: np.full((40, 3), 2.0),
    "all zeros": lambda rng: np.zeros((40, 2)),
    "a grid": lambda rng: np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)] * 5, dtype=float)[:40],
    "yes and no": lambda rng: rng.integers(0, 2, (40, 2)).astype(float),
    "one-hot": one_hot,
    "far outliers": lambda rng: rng.standard_cauchy((40, 3)) ** 3,
    "large": lambda rng: rng.normal(size=(40, 2)) * 1e150,
    "small": lambda rng: rng.normal(size=(40, 2)) * 1e-150,
    "far from 0": lambda rng: 1e9 + rng.normal(size=(40, 2)),
    "hardly ever changing": lambda rng: np.eye(40)[:, :2],
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_sound_data_passes_the_gradient_check_and_trains(run, make, seed):
    rng = np.random.default_rng(0)
    x = make(rng)
    Path("odd.csv").write_text("\n".join(",".join([*map(repr, row), f"k{rng.integers(2)}"]) for row in x.tolist()))
    code, _, err = run("demo", "--data", "odd.csv", "--hidden", "4", "--epochs", "1", "--seed", seed, "--out", "report")
    assert (code, err) == (0, [])
    page_at("report")


def test_the_gradient_check_holds_for_every_seed():
    for seed in range(40):
        job = viz.demo.Run(viz.demo.Setup(hidden=(6,), seed=seed))
        job.check()
        assert job.worst <= viz.demo.TOLERANCE, seed


# -- what it refuses ---------------------------------------------------------------------------------------------------------


BAD_TABLES = {
    "empty": ("", "bad.csv: the file is empty"),
    "ragged": ("1,2,a\n1,2\n", "bad.csv, line 2: 2 columns, expected 3"),
    "text": ("a,b,c\n1,x,a\n", "bad.csv, line 2, b: 'x' is not a number"),
    "nan": ("1,2,a\n1,nan,b\n", "bad.csv, line 2, column 2: nan is not finite"),
    "inf": ("1,2,a\n1,inf,b\n", "bad.csv, line 2, column 2: inf is not finite"),
    "one class": ("1,2,a\n" * 20, "bad.csv: 1 class"),
    "one column": ("1\n2\n", "bad.csv, line 1: 1 column"),
    "too many classes": ("".join(f"1,k{i}\n" for i in range(60)), "bad.csv: 60 different labels"),
    "too few examples": ("1,2,a\n3,4,b\n", "bad.csv: 2 examples are too few to train on; expected at least 10"),
    "binary": ("\udcff\udcfe\x00\x01", "bad.csv: not a text file in UTF-8"),
    "an open quote": ('1,2,"a\n', "bad.csv: not a comma-separated file"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table_gets_one_line_exit_code_2_and_nothing_written(run, content, words):
    Path("bad.csv").write_bytes(content.encode(errors="surrogateescape"))
    code, out, err = run("demo", "--data", "bad.csv", *QUICK)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith("stepgrad: ")
    assert words in err[0]
    assert nothing_was_written()


@pytest.mark.parametrize("name", ["nowhere.csv", "moon", ".", "", "no/where.csv", "a\nb.csv", "nul\x00.csv"])
def test_a_file_that_is_not_there_gets_one_line(run, name):
    code, out, err = run("demo", "--data", name)
    assert (code, out, len(err)) == (2, [], 1)
    assert nothing_was_written()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train"],
        ["demo", "--hidden", "0"],
        ["demo", "--hidden", "-4"],
        ["demo", "--hidden", "16,-1"],
        ["demo", "--hidden", "16,,4"],
        ["demo", "--hidden", ""],
        ["demo", "--hidden", "a"],
        ["demo", "--hidden", "1.5"],
        ["demo", "--epochs", "0"],
        ["demo", "--epochs", "-1"],
        ["demo", "--epochs", "ten"],
        ["demo", "--lr", "0"],
        ["demo", "--lr", "-0.1"],
        ["demo", "--lr", "nan"],
        ["demo", "--lr", "inf"],
        ["demo", "--lr", "fast"],
        ["demo", "--batch-size", "0"],
        ["demo", "--batch-size", "-8"],
        ["demo", "--seed", "-1"],
        ["demo", "--seed", "x"],
        ["demo", "--colour", "red"],
        ["demo", "--colour\nred"],
        ["demo", "--data"],
    ],
    ids=lambda a: " ".join(a) or "nothing",
)
def test_a_bad_argument_gets_one_line_exit_code_2_and_nothing_written(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith("stepgrad: ")
    assert "help" in err[0]
    assert nothing_was_written()


def test_a_bad_argument_is_named_with_what_came(run):
    assert "argument --hidden: '-4' is not a whole number of at least 1" in run("demo", "--hidden", "16,-4")[2][0]
    assert "argument --lr: 'nan' is not a positive number" in run("demo", "--lr", "nan")[2][0]


def test_a_rate_far_too_large_gets_one_line_and_no_report(run):
    code, _, err = run("demo", "--lr", "1e300", *QUICK)
    assert (code, len(err)) == (2, 1)
    assert "a smaller learning rate may help" in err[0]
    assert nothing_was_written()


@pytest.mark.parametrize("out", ["taken.csv", "taken.csv/below"])
def test_an_output_that_is_a_file_is_refused_before_anything_is_computed(run, monkeypatch, out):
    def not_yet(self):
        raise AssertionError("training has begun")

    monkeypatch.setattr(viz.demo.Run, "fit", not_yet)
    Path("taken.csv").write_text("mine")
    code, _, err = run("demo", *QUICK, "--out", out)
    assert (code, len(err)) == (2, 1)
    assert "taken.csv" in err[0]
    assert Path("taken.csv").read_text() == "mine"


def test_an_output_that_is_a_file_is_left_as_it_is(run):
    Path("taken.csv").write_text("mine")
    code, _, err = run("demo", *QUICK, "--out", "taken.csv")
    assert (code, len(err)) == (2, 1)
    assert "taken.csv" in err[0]
    assert Path("taken.csv").read_text() == "mine"
    assert nothing_was_written()


def test_a_report_that_cannot_be_written_leaves_no_half_of_one(run):
    Path("report/index.html").mkdir(parents=True)
    code, _, err = run("demo", *QUICK, "--out", "report")
    assert (code, len(err)) == (2, 1)
    assert [path.name for path in Path("report").iterdir()] == ["index.html"]


def test_a_gradient_that_does_not_hold_is_exit_code_1(run, monkeypatch):
    true = viz.demo.central_difference
    monkeypatch.setattr(viz.demo, "central_difference", lambda f, x: 1.001 * true(f, x) + 1e-5)
    code, out, err = run("demo", *QUICK)
    assert (code, len(err)) == (1, 1)
    assert re.search(
        r"the gradient of layers\.\d\.\w+\[[\d, ]+\] is \S+ by backpropagation,? (and )?\S+ by central differences", err[0]
    )
    assert not any(line.startswith("gradient") for line in out)
    assert nothing_was_written()


def test_a_gradient_that_is_no_number_does_not_hold_either(run, monkeypatch):
    monkeypatch.setattr(viz.demo, "central_difference", lambda f, x: float("nan"))
    code, _, err = run("demo", *QUICK)
    assert (code, len(err)) == (1, 1)
    assert nothing_was_written()


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [1, 3])
def test_ctrl_c_while_training_reports_what_was_learnt(run, monkeypatch, epochs):
    step, batches = viz.demo.nn.SGD.step, iter(range(10 * epochs + 4))  # of ten batches an epoch

    def interrupted(self):
        if next(batches, None) is None:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(viz.demo.nn.SGD, "step", interrupted)
    code, out, err = run("demo", "--hidden", "3", "--epochs", "9", "--out", "report")
    assert (code, err) == (130, [])
    assert any(line.startswith(f"stopped   after {epochs} of 9 epochs") for line in out)
    page = page_at("report")
    assert f"Loss over {epochs} epoch" in page.html


@pytest.mark.parametrize("where", ["check", "predict"])
def test_ctrl_c_at_another_time_stops_in_one_line_and_writes_nothing(run, monkeypatch, where):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(viz.demo.Run, where, interrupted)
    code, _, err = run("demo", *QUICK)
    assert code == 130
    assert [line for line in err if line] == ["stepgrad: stopped"]
    assert nothing_was_written()


def test_a_real_ctrl_c():
    command = [sys.executable, "-u", "-m", "viz", "demo", "--hidden", "3", "--epochs", "1000000", "--out", "report"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    head = ""
    while "gradient" not in head:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        head += line
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert int(re.search(r"stopped   after (\d+) of 1000000 epochs", out)[1]) >= 1
    page_at("report")


# -- as a program ------------------------------------------------------------------------------------------------------------


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


def test_python_m_viz_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "viz", "demo", *QUICK, "--out", "report"], capture_output=True, text=True, env=environment()
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "held-out examples right" in done.stdout
    page_at("report")


def test_a_program_that_fails_says_so_to_the_shell():
    done = subprocess.run(
        [sys.executable, "-m", "viz", "demo", "--data", "nowhere.csv"], capture_output=True, text=True, env=environment()
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "stepgrad: nowhere.csv: No such file or directory\n")


def test_help_and_version_are_told(run):
    code, out, _ = run("demo", "--help")
    assert code == 0
    assert all(
        option in "\n".join(out) for option in ("--data", "--hidden", "--epochs", "--lr", "--batch-size", "--seed", "--out")
    )
    code, out, _ = run("--version")
    assert code == 0
    assert re.fullmatch(r"stepgrad (\d+\.\d+\.\d+|\(not installed\))", out[0])


def test_the_picture_of_one_perceptron_has_its_bias_and_eight_of_its_terms(tmp_path):
    rng = np.random.default_rng(0)
    rows = [",".join(f"{x:.4f}" for x in rng.normal(size=12)) + f",{i % 2}" for i in range(40)]
    (tmp_path / "wide.csv").write_text("\n".join(["," * 12 + "label", *rows]))
    assert (
        cli.main(["demo", "--data", str(tmp_path / "wide.csv"), "--epochs", "1", "--hidden", "4", "--out", str(tmp_path)]) == 0
    )

    page = (tmp_path / "index.html").read_text()
    perceptron = page[page.index("One perceptron of it") : page.index("The gradient, checked")]
    text = perceptron[perceptron.index("<pre>") :]
    assert "with the 8 largest of its 12 terms" in perceptron
    assert text.count("column ") >= 8
    assert re.search(r"b0\[\d\]", text)
    graph = page[page.index("The graph of one example") : page.index("One perceptron of it")]
    assert graph.count("ReLU") >= 4  # a name that no column has hides nothing


def test_numbers_too_large_to_standardise_are_bad_input(tmp_path, capsys):
    (tmp_path / "huge.csv").write_text("a,b,label\n" + "".join(f"1.{i % 2 + 6}e308,{i},{i % 2}\n" for i in range(20)))
    assert cli.main(["demo", "--data", str(tmp_path / "huge.csv"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_network_too_large_to_build_is_bad_input(tmp_path, capsys):
    assert cli.main(["demo", "--hidden", "1000000,1000000", "--out", str(tmp_path / "out")]) == 2
    assert "weights, more than" in capsys.readouterr().err
