"""compile beside its peers: the same step on each side, in turn, one thread. Prints Markdown tables.

    pip install -e . numba torch jax casadi micrograd
    python tests/benchmarks/bench_compile.py [demo digits graph recurrence compiling]

Each side runs in a process of its own, which lives until its work is measured and is asked for one time after the other, in
turn with the others. A time is the difference between a long run and a short one, over the steps between them, so that what a
run costs once is not in it. Times on a shared machine drift, so only ratios of figures taken in turn are worth quoting: each is
the median over rounds. (Of what is compiled, which is no difference, it is the least, since what else a machine does only adds
to it.) Before that, all sides must agree on the parameters after five steps. What each side runs is written in
``compile_sides``; a peer that is not installed is left out, and its row says so.
"""

import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from compile_sides import PROGRAMS, SIDES, digits, graph
from compile_sides.side import Program, Side, compiled, flat, values, without_numba

ROUNDS = 15
ATTENTION = 0.2  # seconds between the short run and the long one, at least
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


# ------------------------------------------------ in the process of a side


def difference(side: Side, n: int) -> float:
    """Seconds by which ``4 n`` steps are longer than ``n``."""
    start = perf_counter()
    side.run(n)
    middle = perf_counter()
    side.run(4 * n)
    return perf_counter() - middle - (middle - start)


def answer(work: str, name: str) -> None:
    """Say what is there after five steps, in three numbers; then, as often as asked, the seconds of a step."""
    try:
        side = made(name, SIDES[work][name])
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), flush=True)
        return
    side.run(5)
    state = flat(side.state())
    print(json.dumps([state.sum(), np.linalg.norm(state), state @ np.cos(np.arange(state.size))]), flush=True)
    n = 1
    while difference(side, n) < ATTENTION:
        n *= 2
    for _ in sys.stdin:
        print(difference(side, n) / (3 * n), flush=True)


def made(name: str, make: Callable[[], Any]) -> Any:
    """What a side makes, with numba or without."""
    if name.endswith("extra"):
        import numba  # noqa: F401  if it is missing, the row says so
    else:
        without_numba()
    return make()


def weigh(name: str, program: str, nodes: int) -> None:
    """Print nodes, seconds to record, seconds to compile, and the process's most bytes, of one program compiled.

    Compiling is the first call without what ``f`` takes, without a later call, and without loading the package, once a process.
    """
    import_module("autograd.compile")
    try:
        what: Program = made(name, lambda: PROGRAMS[program](nodes) if nodes else digits.program(program))
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}))
        return
    recorded = 0.0

    def watched(*arguments):
        nonlocal recorded
        start = perf_counter()
        root = what.f(*arguments)
        recorded += perf_counter() - start
        return root

    start = perf_counter()
    step = compiled(watched, what.parameters, **({"batch": True} if what.batch else {}))
    step.value_and_grad(*what.arguments)
    first, recording = perf_counter() - start, recorded
    later = []
    for _ in range(4):  # a step may look closer at its first runs
        start = perf_counter()
        step.value_and_grad(*what.arguments)
        later.append(perf_counter() - start)
    print(json.dumps([counted(what), recording, first - recording - min(later), most_bytes()]))


def most_bytes() -> int:
    """The most memory that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def counted(program: Program) -> int:
    """Nodes of one eager run, without leaves."""
    from autograd import topological_order

    arguments = [a[0] for a in program.arguments] if program.batch else program.arguments
    root = program.f(*values(arguments))
    return sum(node.op is not None for node in topological_order(root))


# ------------------------------------------------ in the process that asks


class Asked:
    """The process of one side."""

    def __init__(self, work: str, name: str) -> None:
        command = [sys.executable, os.path.abspath(__file__), "side", work, name]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ALONE
        )
        first = self.read()
        self.missing = first["missing"] if isinstance(first, dict) else None
        self.state = first
        self.times: list[float] = []

    def read(self) -> Any:
        """What it says next."""
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[-2:]} ended with status {self.process.wait()}")
        return json.loads(line)

    def ask(self) -> None:
        """One time more."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.times.append(self.read())

    def end(self) -> None:
        """Let it go."""
        self.process.communicate()


def taken(work: str, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """What a step takes each side, in turn, round by round; of a side whose package is missing, nothing."""
    sides = {name: Asked(work, name) for name in SIDES[work]}
    there = {name: side for name, side in sides.items() if not side.missing}
    right = np.array(there[next(iter(there))].state)
    for name, side in there.items():
        if not np.allclose(side.state, right, rtol=1e-9, atol=1e-12):
            warnings.warn(f"{work}: {name} computes something else: {side.state}, not {right}", stacklevel=2)
    for _ in range(rounds):
        for side in there.values():
            side.ask()
    for side in there.values():
        side.end()
    return {name: side.times for name, side in sides.items()}


def over(times: dict[str, list[float]], name: str, other: str) -> str:
    """How many times as long a step of one side takes as that of another, the median over rounds; nothing if one is missing."""
    if not times[name] or not times[other]:
        return ""
    ratio = median(a / b for a, b in zip(times[name], times[other]))
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.2f}×"


def seconds(times: list[float]) -> str:
    """The median, in words."""
    return microseconds(median(times)) if times else "not installed"


def microseconds(time: float) -> str:
    """A time with as many places as mean something."""
    return f"{time * 1e6:.1f} µs" if time < 1e-3 else f"{time * 1e3:.1f} ms" if time < 0.1 else f"{time:.2f} s"


def row(*cells: Any) -> None:
    """A row of a Markdown table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def table(*heads: str) -> None:
    """The head of a Markdown table."""
    print()
    row(*heads)
    print("|" + "---|" * len(heads), flush=True)


def demo() -> None:
    """micrograd's demo step."""
    print("\nmicrograd's demo step, update included: 100 points, 2-16-16-1, hinge and L2, float64, SGD")
    times = taken("demo")
    goals = {"hand": "1×, of `step` 0.5×", "PyTorch": "4×", "CasADi": "4×", "micrograd": "10,000×"}
    table("side", "a step", "of `fit`", "of `step`", "to beat")
    for name, theirs in times.items():
        row(name, seconds(theirs), over(times, name, "fit"), over(times, name, "step"), goals.get(name, ""))


def digits_step() -> None:
    """A larger net, written for one example in scalars."""
    print("\n784-128-10, softmax cross-entropy, written for one example in scalars; batch 64, float64, SGD")
    times = taken("digits")
    table("side", "a step", "of hand", "to beat")
    for name, theirs in times.items():
        row(name, seconds(theirs), over(times, name, "hand"), "" if name == "hand" else "≤ 1.3×")
    print("\nThe same, recorded and compiled; to beat: 5 s and 1 GB in all")
    table("spelled in", "nodes", "record", "compile", "peak memory")
    for spelling in digits.PERCEPTRONS:
        nodes, record, compiling, peak = weighed("NumPy", spelling, 0)
        row(spelling, f"{nodes:,}", f"{record:.2f} s", f"{compiling:.2f} s", f"{peak / 1e6:.0f} MB")


def random_graph() -> None:
    """Random graphs."""
    print(f"\nA random graph of {graph.NODES:,} nodes over 100 leaves, forward and backward: ns a node")
    columns(
        "graph, {}",
        {"anywhere": "operands anywhere", "near": "among the last 1,000"},
        {"NumPy": "≤ 40", "extra": "≤ 5"},
        lambda times: f"{median(times) / graph.NODES * 1e9:.1f}" if times else "not installed",
    )


def long_recurrence() -> None:
    """Long recurrences."""
    print("\nA scalar recurrence of 100,000 steps, forward and backward")
    columns(
        "recurrence, {}", {"tanh": "`tanh(w*h + u*x + b)`", "plain": "`h*w + b`"}, {"NumPy": "≥ 5×", "extra": "≥ 50×"}, seconds
    )


def columns(work: str, kinds: dict[str, str], goals: dict[str, str], shown: Callable[[list[float]], str]) -> None:
    """Two works beside each other, and how much faster than eager."""
    table("side", *(head for kind in kinds.values() for head in (kind, "eager takes")), "to beat")
    each = [taken(work.format(kind), 7) for kind in kinds]
    for name in each[0]:
        row(name, *(cell for times in each for cell in (shown(times[name]), over(times, "eager", name))), goals.get(name, ""))


def weighed(name: str, program: str, nodes: int) -> Any:
    """What ``weigh`` prints, in a process of its own."""
    command = [sys.executable, os.path.abspath(__file__), "weigh", name, program, str(nodes)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=os.environ | ALONE).stdout)


def compiling(rounds: int = 5) -> None:
    """How long compiling takes."""
    print(f"\nCompiling: µs a node, the least of {rounds} processes, recording and loading the package apart; to beat: 5 µs")
    table("program", "side", "nodes", "record", "compile", "peak memory")
    for program in PROGRAMS:
        for name in ("NumPy", "extra"):
            for nodes in (10**4, 10**5, 10**6):
                runs = [weighed(name, program, nodes) for _ in range(rounds)]
                if isinstance(runs[0], dict):
                    row(program, name, f"{runs[0]['missing']} is not installed", "", "", "")
                    break
                count, record, compiling, peak = map(min, zip(*runs))
                each = [f"{time / count * 1e6:.2f}" for time in (record, compiling)]
                row(program, name, f"{count:,}", *each, f"{peak / 1e6:.0f} MB")


CASES = {"demo": demo, "digits": digits_step, "graph": random_graph, "recurrence": long_recurrence, "compiling": compiling}


def main(*cases: str) -> None:
    """Measure all, or only these, and print."""
    shown = [f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "torch", "jax", "casadi", "micrograd"):
        try:
            shown.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            shown.append(f"no {package}")
    print(f"{', '.join(shown)}; {platform.machine()}, one thread")
    for case in cases or CASES:
        CASES[case]()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["side", work, name]:
            answer(work, name)
        case ["weigh", name, program, nodes]:
            weigh(name, program, int(nodes))
        case cases:
            main(*cases)
