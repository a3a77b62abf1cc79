"""What a live view weighs, and how long an explanation takes: ``python tests/benchmarks/bench_stepping.py``.

Goals: a fragment of at most 24 kB at 13 nodes, live editing included, and 60 kB more for 1,000 edges; all paths of a
2-16-16-1 perceptron ranked in 0.1 s.
"""

import base64
import re
import time

import numpy as np

import nn
from autograd import Value
from viz import explain, opened, step


def neuron():
    """The neuron of micrograd's lecture with a squared error: 13 nodes."""
    x1, w1, x2, w2 = (Value(v, label=name) for v, name in ((2.0, "x1"), (-3.0, "w1"), (0.0, "x2"), (1.0, "w2")))
    o = (x1 * w1 + x2 * w2 + Value(6.88, label="b")).tanh()
    e = o - 0.5
    return e * e


def perceptron(*sizes):
    """A network on one example."""
    return nn.MLP(2, [*sizes, 1], rng=0)([Value(0.5, label="x1"), Value(-1.0, label="x2")])


def batch(n):
    """The loss of a small network on ``n`` examples."""
    data = nn.data.moons(n, rng=0)
    return nn.bce_with_logits(nn.MLP(2, [4, 4, 1], rng=0)(data.x), data.y)


def weigh(name, root, **options):
    """One line of the table of weights."""
    start = time.perf_counter()
    stepper = step(root, **options)
    html = stepper._repr_html_()
    seconds = time.perf_counter() - start
    edges = sum(len(node.inputs) for node in stepper.walk.nodes)
    pictures = sum(map(len, re.findall(r"base64,([^\"]*)", html)))
    print(
        f"{name:<34} {len(stepper.walk.nodes):>6,} {edges:>7,} {len(stepper.walk.diagram.boxes):>6} "
        f"{len(html.encode()):>9,} {pictures:>9,} {24_000 + 60 * max(edges - 13, 0):>9,} {seconds:>8.2f}"
    )
    assert base64.b64decode(re.search(r"base64,([^\"]*)", html)[1]).startswith(b"<svg")


def rank(name, root, wrt):
    """One line of the table of times."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        told = explain(root, wrt)
        told.text()
        seconds.append(time.perf_counter() - start)
    print(f"{name:<34} {told.count:>6,} {1e3 * min(seconds):>8.1f} {1e3 * float(np.median(seconds)):>8.1f}")


def main():
    print(f"{'live view':<34} {'nodes':>6} {'edges':>7} {'boxes':>6} {'bytes':>9} {'pictures':>9} {'goal':>9} {'seconds':>8}")
    weigh("neuron", neuron())
    weigh("(2, 5, 1)", perceptron(5))
    weigh("(2, 16, 16, 1)", perceptron(16, 16))
    weigh("(2, 16, 16, 1), products apart", opened(perceptron(16, 16)))
    weigh("(2, 4, 4, 1), 100 examples", batch(100))
    weigh("(2, 16, 16, 1), each node", perceptron(16, 16), fold=False)
    print(f"\n{'explain':<34} {'paths':>6} {'best ms':>8} {'median':>8}")
    for name, root in (("(2, 16, 16, 1)", perceptron(16, 16)), ("the same, products apart", opened(perceptron(16, 16)))):
        x1 = next(node for node in step(root, fold=False).walk.nodes if node.label == "x1")
        rank(name, root, x1)


if __name__ == "__main__":
    main()
