"""Time and crossings of viz's own layout, and of Graphviz's where it is installed: ``python tests/benchmarks/bench_layout.py``.

The graphs are multi-layer perceptrons in which every multiplication and addition is a node. Crossings count each pair of
edges once, and leave out pairs that share an end.

Goals: 0.1 s for 1,000 nodes, 1.5 s for 7,000; at most twice Graphviz's crossings.
"""

import shutil
import subprocess
import time
from itertools import pairwise
from random import Random

import numpy as np

from autograd import Value
from viz import describe
from viz.layout import arrange

SIZE = (96.0, 64.0)


def perceptron(widths, samples=1):
    """The sum of the outputs of a network of ``widths`` on some samples, as one graph of scalars."""
    rng = Random(0)
    layers = [
        [([Value(rng.uniform(-1, 1)) for _ in range(n_in)], Value(0.0)) for _ in range(n_out)]
        for n_in, n_out in pairwise(widths)
    ]
    outputs = []
    for _ in range(samples):
        x = [Value(rng.uniform(-1, 1)) for _ in range(widths[0])]
        for layer in layers:
            sums = []
            for weights, total in layer:
                for w, xi in zip(weights, x, strict=True):
                    total = total + w * xi
                sums.append(total.relu() if layer is not layers[-1] else total)
            x = sums
        outputs += x
    total = outputs[0]
    for output in outputs[1:]:
        total = total + output
    return total


def sampled(bezier, steps=8):
    """Points on a chain of cubic curves, given by their control points."""
    t = np.linspace(0, 1, steps + 1)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3])
    curves = [weights @ np.array(bezier[i : i + 4]) for i in range(0, len(bezier) - 3, 3)]
    return np.vstack([curves[0], *[curve[1:] for curve in curves[1:]]])


def bezier(points):
    """The control points of a line of ours."""
    controls = [points[0]]
    for (x, y), (u, v) in pairwise(points):
        controls += [((x + u) / 2, y), ((x + u) / 2, v), (u, v)]
    return controls


def side(p, q, r):
    """On which side of the line through ``p`` and ``q`` lies ``r``."""
    return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])


def crossings(lines, edges):
    """How many pairs of lines cross."""
    start, end = np.concatenate([line[:-1] for line in lines]), np.concatenate([line[1:] for line in lines])
    owner = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in lines])
    left, right = np.minimum(start, end)[:, 0], np.maximum(start, end)[:, 0]
    order = np.argsort(left, kind="stable")
    start, end, owner, left, right = start[order], end[order], owner[order], left[order], right[order]
    pairs = set()
    for i in range(len(start)):
        others = slice(i + 1, np.searchsorted(left, right[i], side="right"))
        p, q, r, s = start[i], end[i], start[others], end[others]
        cross = (side(p, q, r) * side(p, q, s) < 0) & (side(r, s, p) * side(r, s, q) < 0)
        for j in owner[others][cross]:
            if edges[owner[i]][0] != edges[j][0] and edges[owner[i]][1] != edges[j][1]:
                pairs.add((min(owner[i], j), max(owner[i], j)))
    return len(pairs)


def by_dot(n, edges):
    """Seconds and crossings of Graphviz."""
    width, height = (length / 72 for length in SIZE)
    nodes = "".join(f"{i};" for i in range(n))
    source = f"digraph {{rankdir=LR; node [shape=box fixedsize=true width={width} height={height} label=x]; {nodes}"
    source += "".join(f"{u}->{v};" for u, v in edges) + "}"
    begin = time.perf_counter()
    drawn = subprocess.run(["dot", "-Tplain"], input=source, capture_output=True, text=True, check=True).stdout
    seconds = time.perf_counter() - begin
    rows = [row.split() for row in drawn.splitlines() if row.startswith("edge")]
    lines = [sampled(np.array(row[4 : 4 + 2 * int(row[3])], dtype=float).reshape(-1, 2)) for row in rows]
    return seconds, crossings(lines, [(row[1], row[2]) for row in rows])


def main():
    print(f"{'graph':<22}{'nodes':>7}{'edges':>7}{'seconds':>9}{'crossings':>11}{'dot s':>8}{'dot crossings':>15}")
    for widths, samples in [((2, 5, 1), 1), ((3, 4, 4, 1), 1), ((2, 16, 16, 1), 1), ((2, 24, 24, 1), 1), ((2, 16, 16, 1), 10)]:
        diagram = describe(perceptron(widths, samples), max_nodes=100_000)
        edges = [(arrow.source, arrow.target) for arrow in diagram.arrows]
        begin = time.perf_counter()
        layout = arrange([SIZE] * len(diagram.boxes), edges)
        seconds = time.perf_counter() - begin
        row = f"{f'{widths} x {samples}':<22}{len(diagram.boxes):>7,}{len(edges):>7,}{seconds:>9.3f}"
        if len(diagram.boxes) < 3_000:
            row += f"{crossings([sampled(bezier(line)) for line in layout.lines], edges):>11,}"
            if shutil.which("dot"):
                theirs, crossed = by_dot(len(diagram.boxes), edges)
                row += f"{theirs:>8.2f}{crossed:>15,}"
        print(row)


if __name__ == "__main__":
    main()
