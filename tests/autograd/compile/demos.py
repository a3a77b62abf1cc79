"""Functions whose programs are known by hand."""

import random
from itertools import pairwise

import numpy as np

import autograd as ag
from autograd import Value


class Demo:
    """micrograd's demo: an MLP of neurons, hinge loss on 100 points, and decay; in its way, one Value at a time."""

    def __init__(self, widths=(2, 16, 16, 1), n=100):
        draw = random.Random(0)
        self.widths, self.n = widths, n
        self.layers = [
            [
                ([Value(draw.uniform(-1, 1), label=f"w{i}") for _ in range(n_in)], Value(0.0, label=f"b{i}"))
                for _ in range(n_out)
            ]
            for i, (n_in, n_out) in enumerate(pairwise(widths))
        ]
        self.parameters = [p for layer in self.layers for w, b in layer for p in [*w, b]]
        rng = np.random.default_rng(0)
        self.X, self.y = rng.normal(size=(n, widths[0])), rng.choice([-1.0, 1.0], n)

    def score(self, x):
        for layer in self.layers:
            x = [sum((wi * xi for wi, xi in zip(w, x)), b) for w, b in layer]
            if layer is not self.layers[-1]:
                x = [ag.relu(s) for s in x]
        return x[0]

    def loss(self, X, y):
        losses = [ag.relu(1 + -yi * self.score(x)) for x, yi in zip(X, y)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in self.parameters)

    def loss_of_one(self, x, y):
        return ag.relu(1 + -y * self.score(x)) + 1e-4 * sum(p * p for p in self.parameters)


def irregular(parameters, n=60, seed=1):
    """A random graph on parameters and ``x``, in which next to nothing repeats."""

    def f(x):
        draw = random.Random(seed)
        nodes = [*parameters, *x]
        for _ in range(n):
            a, b = draw.sample(nodes, 2)
            nodes.append(draw.choice([lambda a, b: a * b, lambda a, b: ag.tanh(a), lambda a, b: a - b])(a, b))
        return sum(nodes[-10:])

    return f
