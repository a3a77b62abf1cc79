"""The engine beside micrograd: the same user code on both, interleaved in one run, one thread. Prints a Markdown table.

    pip install -e . micrograd
    python tests/benchmarks/bench_engine.py

Times on a shared machine drift, so only ratios of figures taken in turn are worth quoting: each is the median over rounds.
"""

import gc
import platform
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import contextmanager
from statistics import mean, median
from time import perf_counter

import micrograd.engine
import micrograd.nn
import numpy as np

import autograd
import nn.micrograd

POINTS = 100


def moons():
    """100 points of two half circles, labels -1 and 1."""
    data = nn.data.moons(POINTS, noise=0.1, rng=0)
    return data.x, 2 * data.y - 1


def demo_step(Value, MLP) -> Callable[[], object]:
    """One step of micrograd's demo notebook, without the update: forward and backward over 100 points, hinge loss and L2."""
    x, y = moons()
    random.seed(1337)
    model = MLP(2, [16, 16, 1])

    def step():
        inputs = [list(map(Value, row)) for row in x]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        model.zero_grad()
        total_loss.backward()
        return total_loss

    return step


def chain(Value, nodes: int) -> Callable[[], object]:
    """A chain of products and sums, forward and backward; at most about 1,000 nodes for micrograd, which recurses."""

    def run():
        x, y, z = Value(1.0001), Value(0.5), Value(1.0)
        for _ in range(nodes // 2):
            z = z * x + y
        z.backward()
        return z

    return run


def seconds(run: Callable[[], object]) -> float:
    """One run; what it leaves behind is freed outside the time."""
    start = perf_counter()
    left = run()
    taken = perf_counter() - start
    del left
    return taken


@contextmanager
def collector_off():
    """Garbage is collected before, not during."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def seconds_with_collector_off(run: Callable[[], object]) -> float:
    """One run, all earlier garbage gone."""
    with collector_off():
        return seconds(run)


def undisturbed(measure: Callable[[], float], blocks: int, size: int) -> float:
    """The least mean of a block of runs, after one that is not counted: with its share of collections, little else."""
    measure()
    return min(mean(measure() for _ in range(size)) for _ in range(blocks))


def ratios(work: str, rounds: int, off: bool) -> tuple[float, float, float]:
    """Times of both sides, taken in turn, each in a process of its own, and their ratio: the median over rounds."""

    def take(side: str) -> float:
        command = [sys.executable, __file__, work, side, "off" if off else "on"]
        return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    pairs = [(take("theirs"), take("ours")) for _ in range(rounds)]
    return median(t for t, _ in pairs), median(o for _, o in pairs), median(t / o for t, o in pairs)


def one(work: str, side: str, collector: str) -> None:
    """Print the time of one side, for ``ratios``."""
    value, mlp = (micrograd.engine.Value, micrograd.nn.MLP) if side == "theirs" else (autograd.Value, nn.micrograd.MLP)
    # A full collection comes once in many runs of ours, so a block holds enough of them.
    run = demo_step(value, mlp) if work == "demo" else chain(value, 900)
    blocks, size = (40, 10) if work == "chain" else (2, 8) if side == "theirs" else (8, 10)
    measure = seconds if collector == "on" else seconds_with_collector_off
    print(undisturbed(lambda: measure(run), blocks, size))


def bytes_per_node(nodes: int = 100_000) -> float:
    """What a chain of products and sums holds after backward, as counted by tracemalloc."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    z = chain(autograd.Value, nodes)()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del z
    return (after - before) / nodes


def per_node(nodes: int, rounds: int) -> float:
    """Nanoseconds a node, forward and backward: the median of rounds."""
    return median(seconds(chain(autograd.Value, nodes)) for _ in range(rounds)) / nodes * 1e9


def flatness(off: bool) -> tuple[list[float], float]:
    """Nanoseconds a node at 10⁴, 10⁵ and 10⁶ nodes, and the largest over the smallest."""
    rounds = []
    for _ in range(3):
        if off:
            with collector_off():
                rounds.append([per_node(10**4, 15), per_node(10**5, 3), per_node(10**6, 1)])
        else:
            rounds.append([per_node(10**4, 15), per_node(10**5, 3), per_node(10**6, 1)])
    times = [median(column) for column in zip(*rounds)]
    return times, max(times) / min(times)


def import_milliseconds(rounds: int = 9) -> float:
    """What ``import autograd, nn, viz`` costs over ``import numpy``, each round in a fresh process."""
    code = "import time, numpy; a = time.perf_counter(); import autograd, nn, viz; print(time.perf_counter() - a)"
    return (
        median(
            float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
            for _ in range(rounds)
        )
        * 1e3
    )


def main() -> None:
    """Measure all, and print."""
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}\n")
    print("| work | micrograd | stepgrad | ratio | to beat |\n|---|---|---|---|---|")
    theirs, ours = (demo_step(m.Value, n.MLP) for m, n in ((micrograd.engine, micrograd.nn), (autograd, nn.micrograd)))
    assert abs(theirs().data - ours().data) < 1e-12, "both sides must compute the same loss"
    for off, target in ((False, "60×"), (True, "5×")):
        t, o, r = ratios("demo", 5, off)
        print(
            f"| demo step, collector {'off' if off else 'on'} | {t * 1e3:.0f} ms | {o * 1e3:.1f} ms | {r:.1f}× | ≥ {target} |",
            flush=True,
        )
    t, o, r = ratios("chain", 5, True)
    print(
        f"| chain of `*` and `+`, 900 nodes, collector off | {t / 900 * 1e9:.0f} ns a node | {o / 900 * 1e9:.0f} ns a node "
        f"| {r:.2f}× | ≥ 1.5× |",
        flush=True,
    )
    print(f"| bytes a node, after backward | | {bytes_per_node():.0f} | | ≤ 200 |", flush=True)
    for off in (True, False):
        times, ratio = flatness(off)
        shown = ", ".join(f"{time:.0f}" for time in times)
        print(
            f"| ns a node at 10⁴, 10⁵, 10⁶ nodes, collector {'off' if off else 'on'} | | {shown} | {ratio:.2f}× | ≤ 1.5× |",
            flush=True,
        )
    print(f"| `import autograd, nn, viz` over `import numpy` | | {import_milliseconds():.0f} ms | | ≤ 60 ms |")


if __name__ == "__main__":
    one(*sys.argv[1:]) if sys.argv[1:] else main()
