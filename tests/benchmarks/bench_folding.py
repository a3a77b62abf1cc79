"""Time to fold large graphs, and to put together what their edges carry: ``python tests/benchmarks/bench_folding.py``.

Goal: the 65,818 nodes of micrograd's demo in at most 12 boxes in less than 1 s, contributions included.
"""

import random
from time import perf_counter

import nn
from autograd import Value
from viz import draw, fold

POINTS = 100


class Neuron(nn.Module):
    """micrograd's, product by product and sum by sum."""

    def __init__(self, nin, nonlin=True):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def forward(self, x):
        act = sum((wi * xi for wi, xi in zip(self.w, x)), self.b)
        return act.relu() if self.nonlin else act


class Layer(nn.Module):
    def __init__(self, nin, nout, **options):
        self.neurons = [Neuron(nin, **options) for _ in range(nout)]

    def forward(self, x):
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out


class MLP(nn.Module):
    def __init__(self, nin, nouts):
        sizes = [nin, *nouts]
        self.layers = [Layer(m, n, nonlin=i < len(nouts) - 1) for i, (m, n) in enumerate(zip(sizes, nouts))]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def demo(points=POINTS, sizes=(16, 16, 1)):
    """The loss of micrograd's demo, after ``backward()``: moons, hinge loss and L2."""
    data = nn.data.moons(points, noise=0.1, rng=0)
    random.seed(1337)
    model = MLP(2, [*sizes])
    inputs = [list(map(Value, row)) for row in data.x]
    losses = [(1 + -yi * score).relu() for yi, score in zip(2 * data.y - 1, map(model, inputs))]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = 1e-4 * sum(p * p for p in model.parameters())
    total = data_loss + reg_loss
    total.backward()
    return total


def batch():
    """The same loss by ``nn``, whose weighted sums are one node each."""
    data = nn.data.moons(POINTS, noise=0.1, rng=0)
    model = nn.MLP(2, [16, 16, 1], rng=0)
    loss = nn.hinge(model(data.x), 2 * data.y - 1) + 1e-4 * sum(p * p for p in model.parameters())
    loss.backward()
    return loss


def chain(nodes=100_000):
    """One long chain, with nothing alike in it."""
    x = y = Value(0.5)
    for _ in range(nodes // 3):
        x = (x + y).tanh() * y
    x.backward()
    return x


def seconds(run):
    begin = perf_counter()
    result = run()
    return perf_counter() - begin, result


def main():
    print(f"{'graph':<10}{'nodes':>9}{'boxes':>7}{'fold s':>9}{'flows s':>9}{'draw s':>9}{'HTML bytes':>12}")
    for make in (demo, batch, chain):
        loss = make()
        folded, folding = min((seconds(lambda loss=loss: fold(loss)) for _ in range(3)), key=lambda run: run[0])
        flowed, _ = seconds(lambda folding=folding: folding.flows)
        drawn, drawing = seconds(lambda loss=loss: draw(loss))
        row = f"{make.__name__:<10}{len(folding.nodes):>9,}{len(folding.groups):>7}{folded:>9.2f}{flowed:>9.2f}{drawn:>9.2f}"
        print(f"{row}{len(drawing._repr_html_()):>12,}")


if __name__ == "__main__":
    main()
