"""784-128-10, written for one example in scalars, and by hand for a batch of 64."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .side import LR, Program, Side, chain, compiled, loop, network, values, weights


def data() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """A batch of 64 examples of 784 numbers, labels of 10 classes, weights of 784-128-10."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(64, 784)), rng.integers(0, 10, 64), weights(784, 128, 10, scale=0.06)


def hand() -> Side:
    """NumPy, with backprop written by hand as one writes it."""
    x, labels, parameters = data()
    w1, b1, w2, b2 = parameters
    rows = np.arange(len(x))

    def step():
        h = np.maximum(x @ w1 + b1, 0)
        z = h @ w2 + b2
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[rows, labels]).mean()
        p[rows, labels] -= 1
        p /= len(x)
        dh = (p @ w2.T) * (h > 0)
        for w, dw in zip(parameters, (x.T @ dh, dh.sum(0), h.T @ p, p.sum(0))):
            w -= LR * dw
        return float(loss)

    return loop(step, lambda: parameters)


def node(x: Any, w: Any, b: Any) -> Any:
    """A weighted sum as one node."""
    import autograd as ag

    return ag.weighted_sum(*x, *w, b)


PERCEPTRONS = {"chains": chain, "weighted_sum": node}


def scalars(perceptron: Any = chain) -> tuple[list[np.ndarray], Callable[[Any, Any], Any]]:
    """Parameters, and the loss of one example with its label as one of ten numbers."""
    import autograd as ag

    parameters = values(data()[2])

    def loss(x, label):
        z = np.array(network(x, parameters, perceptron))
        return ag.logsumexp(z) - ag.sum(label * z)

    return parameters, loss


def vector() -> Side:
    """Ours, by ``value_and_grad`` at parameters in arrays, which are moved in NumPy."""
    x, labels, parameters = data()
    leaves, loss = scalars()
    program, one_hot = compiled(loss, leaves, batch=True), np.eye(10)[labels]

    def step():
        value, gradients = program.value_and_grad(x, one_hot, at=parameters)
        for w, dw in zip(parameters, gradients):
            w -= LR * dw
        return value

    return loop(step, lambda: parameters)


def step() -> Side:
    """Ours, in an ordinary loop, which reads and writes 101,770 Values in each step."""
    import nn

    x, labels, _ = data()
    parameters, loss = scalars()
    optimizer = nn.SGD([p for block in parameters for p in block.flat], lr=LR)
    compiled_step, one_hot = compiled(loss, parameters, batch=True), np.eye(10)[labels]

    def step():
        optimizer.zero_grad()
        value = compiled_step(x, one_hot)
        optimizer.step()
        return value

    return loop(step, lambda: parameters)


def program(spelling: str) -> Program:
    """One example of 784 numbers in a batch of 64."""
    x, labels, _ = data()
    parameters, loss = scalars(PERCEPTRONS[spelling])
    return Program(loss, parameters, [x, np.eye(10)[labels]], batch=True)
