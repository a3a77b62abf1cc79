"""Training beside its peers: digits, 64-128-10, batch 64, Adam, one thread. Prints a Markdown table.

    pip install -e ".[sklearn]" torch
    python tests/benchmarks/bench_training.py

Each side trains as its user writes it: ours by ``fit``, PyTorch's by its usual loop, scikit-learn's by ``MLPClassifier.fit``;
beside them stands NumPy by hand. The weights start alike in size, the numbers are float32 on all sides, the settings the same,
and so is what is counted: whole epochs, shuffling and the mean loss included. Each figure comes from a process of its own, the
least epoch of many. Times on a shared machine drift, so only ratios of figures taken in turn are worth quoting: each is the
median over rounds.
"""

import json
import os
import platform
import subprocess
import sys
import warnings
from statistics import median
from time import perf_counter

import numpy as np

BATCH = 64
EPOCHS = 30  # timed by each process, after two that are not
ROUNDS = 9


def data():
    """1,437 digits to train on, 360 to judge by."""
    import nn

    train, test = nn.data.split(nn.data.digits(), rng=0)
    return train.x.astype(np.float32), train.y, test.x.astype(np.float32), test.y


def stepgrad(compiled=False):
    """Ours, by ``fit``."""
    import nn
    from autograd import Tensor

    x, y, _, _ = data()
    model = nn.MLP(64, [128, 10], kind=Tensor, rng=0).astype(np.float32)
    optimizer = nn.Adam(model.parameters(), lr=1e-3)
    clock = Clock()

    class Watch(nn.Callback):
        by_run_only = True  # so that parameters need not be written out for it

        def after_epoch(self, run):
            clock.tick(run.history.loss[-1])

    nn.fit(
        model, x, y, loss=nn.cross_entropy, optimizer=optimizer, epochs=EPOCHS + 2, batch_size=BATCH, rng=0,
        callbacks=[Watch()], compiled=compiled, verbose=False,
    )  # fmt: skip
    return clock


def compiled():
    """Ours, by ``fit(compiled=True)``."""
    return stepgrad(compiled=True)


def hand():
    """NumPy, with backprop and Adam by hand on one vector of parameters, all in place: what NumPy can do at best."""
    x, y, _, _ = data()
    rng = np.random.default_rng(0)
    sizes = [(64, 128), (128,), (128, 10), (10,)]
    ends = np.cumsum([int(np.prod(size)) for size in sizes])
    w, g, m, v, step, root = np.zeros((6, ends[-1]), np.float32)
    w1, b1, w2, b2 = [part.reshape(size) for part, size in zip(np.split(w, ends[:-1]), sizes)]
    dw1, db1, dw2, db2 = [part.reshape(size) for part, size in zip(np.split(g, ends[:-1]), sizes)]
    w1[...] = rng.normal(scale=(2 / 64) ** 0.5, size=w1.shape)
    w2[...] = rng.normal(scale=(2 / 138) ** 0.5, size=w2.shape)
    one, t, clock = np.float32(1), 0, Clock()
    for _ in range(EPOCHS + 2):
        total = 0.0
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            batch = order[start : start + BATCH]
            xs, labels, rows = x[batch], y[batch], np.arange(len(batch))
            h = xs @ w1
            h += b1
            np.maximum(h, 0, out=h)
            z = h @ w2
            z += b2
            z -= z.max(1, keepdims=True)
            chosen = z[rows, labels]
            p = np.exp(z, out=z)
            sums = p.sum(1, keepdims=True)
            total += float((np.log(sums[:, 0]) - chosen).sum())
            p /= sums
            p[rows, labels] -= one
            p /= np.float32(len(batch))
            dh = p @ w2.T
            dh *= h > 0
            np.matmul(h.T, p, out=dw2)
            np.matmul(xs.T, dh, out=dw1)
            p.sum(0, out=db2)
            dh.sum(0, out=db1)
            t += 1
            m *= np.float32(0.9)
            m += np.multiply(g, np.float32(0.1), out=step)
            v *= np.float32(0.999)
            np.multiply(g, g, out=step)
            v += np.multiply(step, np.float32(0.001), out=step)
            np.sqrt(v, out=root)
            root /= np.float32((1 - 0.999**t) ** 0.5)
            root += np.float32(1e-8)
            np.divide(m, root, out=step)
            w -= np.multiply(step, np.float32(1e-3 / (1 - 0.9**t)), out=step)
        clock.tick(total / len(x))
    return clock


def torch():
    """PyTorch, eager, by the loop of its tutorials."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y, _, _ = data()
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    clock = Clock()
    for _ in range(EPOCHS + 2):
        total = 0.0
        order = torch.randperm(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        clock.tick(total / len(x))
    return clock


def sklearn():
    """scikit-learn's MLPClassifier; its epochs are told apart by two runs of different length."""
    from sklearn.neural_network import MLPClassifier

    x, y, _, _ = data()

    def fitted(epochs):
        model = MLPClassifier(
            (128,), batch_size=BATCH, learning_rate_init=1e-3, alpha=0.0, max_iter=epochs, tol=0.0, n_iter_no_change=10**6,
            random_state=0,
        )  # fmt: skip
        start = perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            model.fit(x, y)
        return perf_counter() - start, model.loss_

    clock = Clock()
    for _ in range(5):
        short, _ = fitted(2)
        long, _ = fitted(2 + 8)
        clock.times.append((long - short) / 8)
    clock.loss = fitted(EPOCHS + 2)[1]
    return clock


class Clock:
    """What each epoch took, and the last one's loss."""

    def __init__(self):
        self.times = []
        self.last = perf_counter()
        self.loss = None

    def tick(self, loss):
        """An epoch is over."""
        now = perf_counter()
        self.times.append(now - self.last)
        self.last, self.loss = now, loss


SIDES = {"stepgrad": stepgrad, "compiled": compiled, "hand": hand, "torch": torch, "sklearn": sklearn}


def one(side: str) -> None:
    """Print the seconds of the least epoch of one side, and its last loss, for ``asked``."""
    clock = SIDES[side]()
    print(json.dumps([min(clock.times[2:]), clock.loss]))


def asked(side: str) -> tuple[float, float]:
    """What ``one`` prints, in a process of its own on one thread."""
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, os.path.abspath(__file__), side]
    result = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ | alone)
    seconds, loss = json.loads(result.stdout)
    return seconds, loss


def main() -> None:
    """Measure all in turn, and print."""
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    losses = {}
    for _ in range(ROUNDS):
        for side in SIDES:
            seconds, losses[side] = asked(side)
            times[side].append(seconds)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, one thread\n")
    print(f"digits, 64-128-10, batch {BATCH}, Adam, float32; the loss is that of epoch {EPOCHS + 2}\n")
    print("| side | ms an epoch | loss | of stepgrad's time |\n|---|---|---|---|")
    for side, theirs in times.items():
        ratio = median(other / ours for other, ours in zip(theirs, times["stepgrad"]))
        print(f"| {side} | {median(theirs) * 1e3:.2f} | {losses[side]:.3f} | {ratio:.2f}× |")


if __name__ == "__main__":
    one(sys.argv[1]) if len(sys.argv) == 2 else main()
