"""Tensor beside its peers: the same work on each side, in turn, one thread. Prints Markdown tables.

    pip install -e . torch
    python -m venv peers && peers/bin/pip install autograd mygrad
    python tests/benchmarks/bench_arrays.py peers/bin/python

HIPS autograd has the import name of ours, so it and MyGrad are measured in an environment of their own, whose interpreter is
the argument; without it they are left out. Each figure comes from a process of its own: the least mean of many blocks of runs.
Times on a shared machine drift, so only ratios of figures taken in turn are worth quoting: each is the median over rounds.
"""

import os
import platform
import subprocess
import sys
from statistics import median
from time import perf_counter

import numpy as np

LENGTH = 50  # ops in a chain
ROUNDS = 5

# One op on 4 by 4 arrays: x is what came before, y a second leaf, f the functions of a side.
OPS = {
    "x + y": lambda f, x, y: x + y,
    "x * y": lambda f, x, y: x * y,
    "x / y": lambda f, x, y: x / y,
    "x ** 2": lambda f, x, y: x**2,
    "0.9 * x": lambda f, x, y: 0.9 * x,
    "exp": lambda f, x, y: f.exp(x),
    "tanh": lambda f, x, y: f.tanh(x),
    "relu": lambda f, x, y: f.relu(x),
    "x @ y": lambda f, x, y: f.matmul(x, y),
    "sum": lambda f, x, y: f.sum(x, 0) + y,  # and a broadcast sum, to come back to 4 by 4
    "transpose": lambda f, x, y: f.transpose(x),
    "reshape": lambda f, x, y: f.reshape(x, (4, 4)),
    "x[::-1]": lambda f, x, y: f.reverse(x),
}


def data():
    """The inputs of the training step: 64 examples of 784 numbers, labels of 10 classes, weights of 784-128-10."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 784)).astype(np.float32)
    labels = rng.integers(0, 10, 64)
    weights = [rng.normal(size=s).astype(np.float32) * np.float32(0.05) for s in ((784, 128), (128, 10))]
    return x, labels, [weights[0], np.zeros(128, np.float32), weights[1], np.zeros(10, np.float32)]


def hand():
    """NumPy, with backprop written by hand as one writes it, updates in place."""
    x, labels, (w1, b1, w2, b2) = data()
    rows = np.arange(64)
    lr = np.float32(0.1)

    def step():
        h = np.maximum(x @ w1 + b1, 0)
        z = h @ w2 + b2
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[rows, labels]).mean()
        p[rows, labels] -= 1
        p /= 64
        dh = (p @ w2.T) * (h > 0)
        for w, dw in ((w2, h.T @ p), (b2, p.sum(0)), (w1, x.T @ dh), (b1, dh.sum(0))):
            w -= lr * dw
        return float(loss)

    return step


def stepgrad():
    """Ours, as a user writes it."""
    import autograd as ag
    from nn.optim import SGD

    class functions(_Named):
        exp, tanh, relu, matmul, sum, transpose, reshape = ag.exp, ag.tanh, ag.relu, ag.matmul, ag.sum, ag.transpose, ag.reshape

    x, labels, parameters = data()
    x = ag.Tensor(x, requires_grad=False)
    parameters = w1, b1, w2, b2 = [ag.Tensor(w) for w in parameters]
    optimizer = SGD(parameters, lr=0.1)

    def step():
        optimizer.zero_grad()
        z = ag.relu(x @ w1 + b1) @ w2 + b2
        loss = ag.cross_entropy(z, labels).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    def chain(op):
        def run():
            x, y = ag.Tensor(START), ag.Tensor(OTHER)
            for _ in range(LENGTH):
                x = op(functions, x, y)
            x.sum().backward()

        return run

    return step, chain


def torch():
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(1)

    class functions(_Named):
        exp, tanh, relu, matmul = torch.exp, torch.tanh, torch.relu, torch.matmul
        sum, reshape = torch.sum, torch.reshape
        transpose = staticmethod(torch.t)
        reverse = staticmethod(lambda x: x.flip(0))

    x, labels, parameters = data()
    x, labels = torch.from_numpy(x), torch.from_numpy(labels)
    parameters = w1, b1, w2, b2 = [torch.from_numpy(w).requires_grad_() for w in parameters]
    optimizer = torch.optim.SGD(parameters, lr=0.1)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(torch.relu(x @ w1 + b1) @ w2 + b2, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    def chain(op):
        def run():
            x, y = torch.tensor(START, requires_grad=True), torch.tensor(OTHER, requires_grad=True)
            for _ in range(LENGTH):
                x = op(functions, x, y)
            x.sum().backward()

        return run

    return step, chain


def mygrad():
    """MyGrad, which guards arrays against writes as we do."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    class functions(_Named):
        exp, tanh, matmul, sum, transpose, reshape = mg.exp, mg.tanh, mg.matmul, mg.sum, mg.transpose, mg.reshape

    functions.relu = staticmethod(relu)
    x, labels, parameters = data()
    parameters = w1, b1, w2, b2 = [mg.tensor(w) for w in parameters]

    def step():
        loss = softmax_crossentropy(mg.matmul(relu(mg.matmul(x, w1) + b1), w2) + b2, labels)
        loss.backward()
        for w in parameters:
            w.data -= np.float32(0.1) * w.grad
        return float(loss)

    def chain(op):
        def run():
            x, y = mg.tensor(START), mg.tensor(OTHER)
            for _ in range(LENGTH):
                x = op(functions, x, y)
            x.sum().backward()

        return run

    return step, chain


def hips():
    """HIPS autograd."""
    import autograd.numpy as anp

    import autograd

    class functions(_Named):
        exp, tanh, matmul, sum, transpose, reshape = anp.exp, anp.tanh, anp.matmul, anp.sum, anp.transpose, anp.reshape
        relu = staticmethod(lambda x: anp.maximum(x, 0.0))

    x, labels, parameters = data()
    rows = np.arange(64)

    def loss(parameters):
        w1, b1, w2, b2 = parameters
        z = anp.dot(anp.maximum(anp.dot(x, w1) + b1, np.float32(0)), w2) + b2
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[rows, labels])

    both = autograd.value_and_grad(loss)

    def step():
        value, gradients = both(parameters)
        for w, dw in zip(parameters, gradients):
            w -= np.float32(0.1) * dw
        return float(value)

    def chain(op):
        def of(both):
            x, y = both
            for _ in range(LENGTH):
                x = op(functions, x, y)
            return anp.sum(x)

        slope = autograd.grad(of)
        return lambda: slope((START, OTHER))

    return step, chain


class _Named:
    """Functions by the names they have in OPS."""

    reverse = staticmethod(lambda x: x[::-1])

    def __init_subclass__(cls):
        for name, function in vars(cls).items():
            if callable(function):
                setattr(cls, name, staticmethod(function))


START = np.random.default_rng(1).uniform(0.2, 0.9, (4, 4))
OTHER = np.random.default_rng(2).uniform(0.9, 1.1, (4, 4)) / 4
SIDES = {"hand": hand, "stepgrad": stepgrad, "torch": torch, "mygrad": mygrad, "hips": hips}


def undisturbed(run, size: int, blocks: int) -> float:
    """The least mean of a block of runs, after one that is not counted."""
    times = []
    for _ in range(blocks + 1):
        start = perf_counter()
        for _ in range(size):
            run()
        times.append((perf_counter() - start) / size)
    return min(times[1:])


def one(side: str, work: str) -> None:
    """Print the seconds that one side takes for one work, for ``taken``."""
    if work == "check":
        step = SIDES[side]() if side == "hand" else SIDES[side]()[0]
        print([step() for _ in range(5)][-1])
    elif work == "step":
        step = SIDES[side]() if side == "hand" else SIDES[side]()[0]
        print(undisturbed(step, 50, 20))
    else:
        with np.errstate(all="ignore"):  # a chain of squares underflows
            print(undisturbed(SIDES[side]()[1](OPS[work]), 10, 20) / LENGTH)


def asked(python: str, side: str, work: str) -> float:
    """What ``one`` prints, in a process of its own on one thread."""
    command = [python, "-W", "ignore", os.path.abspath(__file__), side, work]
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return float(subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ | alone).stdout)


def taken(pythons: dict[str, str], work: str) -> dict[str, list[float]]:
    """What each side takes, in turn, round by round."""
    times: dict[str, list[float]] = {side: [] for side in pythons}
    for _ in range(ROUNDS):
        for side, python in pythons.items():
            times[side].append(asked(python, side, work))
    return times


def against(times: dict[str, list[float]], side: str) -> float:
    """Ours over that of a side, the median over rounds."""
    return median(ours / theirs for ours, theirs in zip(times["stepgrad"], times[side]))


def main(peers: str | None) -> None:
    """Measure all, and print."""
    pythons = dict.fromkeys(("hand", "stepgrad", "torch"), sys.executable)
    if peers:
        pythons |= {"mygrad": peers, "hips": peers}
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, one thread\n")
    losses = {side: asked(python, side, "check") for side, python in pythons.items()}
    assert max(losses.values()) - min(losses.values()) < 1e-4, losses  # after five steps, all sides have the same loss
    times = taken(pythons, "step")
    print("784-128-10, batch 64, float32: forward, softmax cross-entropy, backward, SGD\n")
    print("| side | µs a step | stepgrad takes |\n|---|---|---|")
    for side in pythons:
        ratio = "" if side == "stepgrad" else f"{against(times, side):.2f}×"
        print(f"| {side} | {median(times[side]) * 1e6:.0f} | {ratio} |", flush=True)
    del pythons["hand"]
    rivals = [side for side in pythons if side != "stepgrad"]
    print("\nOne op on 4 by 4 arrays of float64, forward and backward, in a chain of 50: µs, and what stepgrad takes of each\n")
    print("| op | stepgrad | " + " | ".join(f"{side} | of {side}" for side in rivals) + " |")
    print("|---|---|" + "---|---|" * len(rivals))
    every = {op: taken(pythons, op) for op in OPS}
    every["all"] = {side: [sum(every[op][side][i] for op in OPS) for i in range(ROUNDS)] for side in pythons}
    for op, times in every.items():
        cells = [f"{median(times[side]) * 1e6:.2f} | {against(times, side):.2f}×" for side in rivals]
        print(f"| `{op}` | {median(times['stepgrad']) * 1e6:.2f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    one(*sys.argv[1:]) if len(sys.argv) == 3 else main(*sys.argv[1:] or [None])
