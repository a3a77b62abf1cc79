"""The benchmark that sets other checkers beside ours gives each of them a fair chance."""

import importlib.util
from pathlib import Path

import pytest

from autograd import PRIMITIVES

from ..rows import variant

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def bench():
    for name in ("torch", "scipy.differentiate", "numdifftools"):
        pytest.importorskip(name)
    path = Path(__file__).parents[2] / "benchmarks" / "bench_gradcheck.py"
    spec = importlib.util.spec_from_file_location("bench_gradcheck", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _wrong():
    op = variant(PRIMITIVES["sin"], rules=(lambda xp, z, x: 2.0 * xp.cos(x),))
    return lambda x, y: op(x) * y


@pytest.mark.parametrize(
    ("f", "verdict"), [(lambda x, y: x.sin() * y, "pass"), (_wrong(), "fail")], ids=["a right gradient", "a wrong one"]
)
def test_on_an_easy_case_every_tool_is_right(bench, f, verdict):
    inputs = (0.7, 1.3)
    judges = bench.judges()
    assert len(judges) == 7
    said = {title: bench.verdict_of(judge, bench.Vector(f, inputs), f, inputs) for title, judge in judges.items()}
    assert said == dict.fromkeys(judges, verdict)
