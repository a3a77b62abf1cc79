"""What a side of a work is, and what sides share."""

import gc
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

LR = 0.1


class Side(NamedTuple):
    """One side of one work."""

    run: Callable[[int], Any]  # so many steps
    state: Callable[[], Any]  # numbers to compare


class Program(NamedTuple):
    """What is to be compiled, and what to call it with."""

    f: Callable[..., Any]
    parameters: Any
    arguments: list[Any]
    batch: bool = False


def loop(step: Callable[[], Any], state: Callable[[], Any]) -> Side:
    """A side that has a function for one step."""

    def run(n: int) -> None:
        for _ in range(n):
            step()

    return Side(run, state)


def call(value_and_grad: Callable[[], tuple[Any, Any]]) -> Side:
    """A side that moves no parameters, so that the last result is what to compare."""
    last: list[Any] = []

    def step() -> None:
        last[:] = value_and_grad()

    return loop(step, lambda: last)


def eager(parameters: list[Any], f: Callable[[], Any]) -> Side:
    """A side that records anew each time; garbage is not looked for meanwhile, which is kinder to it."""

    def step():
        for p in parameters:
            p.zero_grad()
        root = f()
        root.backward()
        return root.data, [p.grad for p in parameters]

    gc.disable()
    return call(step)


def compiled(f: Any, parameters: Any, **how: Any) -> Any:
    """Our step."""
    import autograd

    return autograd.compile(f, parameters, **how)


def without_numba() -> None:
    """As if it were not installed."""
    sys.modules["numba"] = None  # type: ignore[assignment]


def flat(tree: Any) -> np.ndarray:
    """All numbers of nested lists of numbers and arrays."""
    if isinstance(tree, np.ndarray):
        return np.array(tree, float).ravel()
    return np.concatenate([flat(part) for part in tree]) if isinstance(tree, list | tuple) else np.array([tree], float)


def weights(*sizes: int, scale: float = 1.0) -> list[np.ndarray]:
    """``[w1, b1, w2, b2, …]``, the weights evenly between ``-scale`` and ``scale``, as micrograd's."""
    rng = np.random.default_rng(1337)
    pairs = [(rng.uniform(-scale, scale, (m, n)), np.zeros(n)) for m, n in pairwise(sizes)]
    return [array for pair in pairs for array in pair]


def values(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Arrays of Values."""
    from autograd import Value

    return [np.vectorize(Value, otypes=[object])(array) for array in arrays]


def chain(x: Any, w: Any, b: Any) -> Any:
    """A weighted sum, each product and sum a node."""
    return sum((wi * xi for wi, xi in zip(w, x)), b)


def network(x: Any, parameters: list[Any], perceptron: Any) -> list[Any]:
    """What the last layer gives for one example, a relu between layers."""
    for i, (w, b) in enumerate(zip(parameters[::2], parameters[1::2])):
        x = [z.relu() for z in x] if i else x
        x = [perceptron(x, column, bias) for column, bias in zip(w.T, b)]
    return x


def load(model: Any, arrays: list[np.ndarray]) -> None:
    """Give a model its weights."""
    model.load_state_dict(dict(zip(model.state_dict(), arrays, strict=True)))


def fitted(model: Any, x: Any, y: Any, loss: Any) -> Side:
    """A side whose steps are epochs of one batch of all examples, in a compiled ``fit``."""
    import nn

    optimizer = nn.SGD(model.parameters(), lr=LR)

    def run(n):
        nn.fit(
            model, x, y, loss=loss, optimizer=optimizer, epochs=n, batch_size=None, shuffle=False, compiled=True, verbose=False
        )  # fmt: skip

    return Side(run, lambda: flat(list(model.state_dict().values())))


def in_buffers(ca: Any, symbols: Any, loss: Any, parameters: Any, arrays: Any) -> Any:
    """A function of loss and gradient that reads and writes arrays, without a conversion."""
    function = ca.Function("f", symbols, [loss, ca.gradient(loss, parameters)])
    buffer, program = function.buffer()
    value, gradient = np.empty(1), np.empty(parameters.numel())
    for i, array in enumerate(arrays):
        buffer.set_arg(i, memoryview(array))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(gradient))
    program.keep = buffer, function, arrays  # else they are freed
    return program, value, gradient


def call_in_buffers(ca: Any, symbols: Any, root: Any, parameters: Any, arrays: Any) -> Side:
    """A side that moves no parameters, in CasADi's virtual machine."""
    program, value, gradient = in_buffers(ca, symbols, root, parameters, arrays)

    def step():
        program()
        return value, gradient

    return call(step)
