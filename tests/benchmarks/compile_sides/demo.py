"""micrograd's demo step: 100 points of two moons, 2-16-16-1, hinge loss and L2, an update by SGD."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .side import LR, Program, Side, chain, compiled, fitted, flat, in_buffers, load, loop, network, values, weights

ALPHA = 1e-4


def moons() -> tuple[np.ndarray, np.ndarray]:
    """100 points of two half circles, labels -1 and 1."""
    import nn

    data = nn.data.moons(100, noise=0.1, rng=0)
    return data.x, 2.0 * data.y - 1


def views(vector: np.ndarray, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """``vector`` in the shapes of ``arrays``."""
    parts = np.split(vector, np.cumsum([a.size for a in arrays])[:-1])
    return [part.reshape(a.shape) for part, a in zip(parts, arrays)]


def hand() -> Side:
    """NumPy, with backprop written by hand as one writes it; parameters are views of one vector."""
    x, y = moons()
    start = weights(2, 16, 16, 1)
    parameters = flat(start)
    w1, b1, w2, b2, w3, b3 = views(parameters, start)

    def step():
        nonlocal parameters
        h1 = np.maximum(x @ w1 + b1, 0)
        h2 = np.maximum(h1 @ w2 + b2, 0)
        margins = 1 - y * (h2 @ w3 + b3)[:, 0]
        loss = np.maximum(margins, 0).mean() + ALPHA * (parameters @ parameters)
        ds = np.where(margins > 0, -y / len(y), 0)[:, None]
        dh2 = (ds @ w3.T) * (h2 > 0)
        dh1 = (dh2 @ w2.T) * (h1 > 0)
        gradient = np.concatenate([x.T @ dh1, dh1.sum(0), h1.T @ dh2, dh2.sum(0), h2.T @ ds, ds.sum(0)], axis=None)
        parameters -= LR * (gradient + 2 * ALPHA * parameters)
        return float(loss)

    return loop(step, lambda: parameters)


def tuned() -> Side:
    """The same with every array in place, masks as floats, and column sums as products: what NumPy can do at best."""
    x, y = moons()
    start = weights(2, 16, 16, 1)
    parameters = flat(start)
    gradient = np.empty_like(parameters)
    w1, b1, w2, b2, w3, b3 = views(parameters, start)
    dw1, db1, dw2, db2, dw3, db3 = views(gradient, start)
    h1, h2, dh1, dh2, mask = np.empty((5, 100, 16))
    scores, ds = np.empty((2, 100, 1))
    margins, slopes = scores[:, 0], ds[:, 0]
    wrong, ones, slope = np.empty(100, bool), np.ones(100), -y / 100

    def step():
        np.matmul(x, w1, out=h1)
        np.add(h1, b1, out=h1)
        np.maximum(h1, 0.0, out=h1)
        np.matmul(h1, w2, out=h2)
        np.add(h2, b2, out=h2)
        np.maximum(h2, 0.0, out=h2)
        np.matmul(h2, w3, out=scores)
        np.add(margins, b3, out=margins)
        np.multiply(margins, y, out=margins)
        np.subtract(1.0, margins, out=margins)
        np.greater(margins, 0.0, out=wrong)
        np.multiply(slope, wrong, out=slopes)
        np.maximum(margins, 0.0, out=margins)
        loss = margins.dot(ones) / 100 + ALPHA * parameters.dot(parameters)
        np.multiply(ds, w3.T, out=dh2)
        np.multiply(dh2, np.sign(h2, out=mask), out=dh2)
        np.matmul(dh2, w2.T, out=dh1)
        np.multiply(dh1, np.sign(h1, out=mask), out=dh1)
        np.matmul(x.T, dh1, out=dw1)
        np.matmul(ones, dh1, out=db1)
        np.matmul(h1.T, dh2, out=dw2)
        np.matmul(ones, dh2, out=db2)
        np.matmul(h2.T, ds, out=dw3)
        np.matmul(ones, ds, out=db3)
        np.multiply(gradient, LR, out=gradient)
        np.multiply(parameters, 1 - 2 * LR * ALPHA, out=parameters)
        np.subtract(parameters, gradient, out=parameters)
        return float(loss)

    return loop(step, lambda: parameters)


def scalars(Value: Any, MLP: Any) -> tuple[Any, Callable[[Any, Any], Any], Callable[[], np.ndarray]]:
    """A model in micrograd's spelling with the weights of all sides, the loss of its demo, and the weights as they stand."""
    model = MLP(2, [16, 16, 1])
    arrays = weights(2, 16, 16, 1)
    for layer, w, b in zip(model.layers, arrays[::2], arrays[1::2]):
        for neuron, column, bias in zip(layer.neurons, w.T, b):
            neuron.b.data = float(bias)
            for weight, number in zip(neuron.w, column):
                weight.data = float(number)

    def loss(x, y):
        scores = list(map(model, x))
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
        return sum(losses) * (1.0 / len(losses)) + ALPHA * sum(p * p for p in model.parameters())

    def state():
        layers = [[[n.w[i].data for n in layer.neurons] for i in range(len(layer.neurons[0].w))] for layer in model.layers]
        return flat([(w, [n.b.data for n in layer.neurons]) for w, layer in zip(layers, model.layers)])

    return model, loss, state


def micrograd() -> Side:
    """micrograd as shipped, by the loop of its demo notebook."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    x, y = moons()
    model, loss, state = scalars(Value, MLP)

    def step():
        total = loss([list(map(Value, row)) for row in x], y)
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= LR * p.grad
        return total.data

    return loop(step, state)


def eager() -> Side:
    """Ours, not compiled, by the same code; the optimizer is ours."""
    import nn.micrograd
    from autograd import Value

    x, y = moons()
    model, loss, state = scalars(Value, nn.micrograd.MLP)
    optimizer = nn.SGD(model.parameters(), lr=LR)

    def step():
        total = loss([list(map(Value, row)) for row in x], y)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return total.data

    return loop(step, state)


def step() -> Side:
    """Ours, the same code compiled, in an ordinary loop."""
    import nn.micrograd
    from autograd import Value

    x, y = moons()
    model, loss, state = scalars(Value, nn.micrograd.MLP)
    optimizer = nn.SGD(model.parameters(), lr=LR)
    compiled_step = compiled(loss, model.parameters())

    def step():
        optimizer.zero_grad()
        value = compiled_step(x, y)
        optimizer.step()
        return value

    return loop(step, state)


def fit() -> Side:
    """Ours, a model of Values in ``fit``."""
    import nn

    x, y = moons()
    model = nn.MLP(2, [16, 16, 1], rng=0)
    load(model, weights(2, 16, 16, 1))
    parameters = model.parameters()

    def loss(scores, y):
        return nn.hinge(scores, y) + ALPHA * sum(p * p for p in parameters)

    return fitted(model, x, y, loss)


def torch() -> Side:
    """PyTorch eager, by its usual loop."""
    torch, x, y, parameters = _torch_demo()
    parameters = [p.requires_grad_() for p in parameters]
    optimizer = torch.optim.SGD(parameters, lr=LR)

    def step():
        optimizer.zero_grad()
        loss = _torch_loss(parameters, x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return loop(step, lambda: flat([p.detach().numpy() for p in parameters]))


def torch_fused() -> Side:
    """PyTorch: loss, gradient and update as one function, compiled."""
    torch, x, y, parameters = _torch_demo()

    def update(parameters, x, y):
        gradients, loss = torch.func.grad_and_value(_torch_loss)(parameters, x, y)
        for p, g in zip(parameters, gradients):
            p.sub_(LR * g)
        return loss

    return _torch_compiled(torch, update, x, y, parameters)


def torch_fused_hand() -> Side:
    """PyTorch: the same with backprop written by hand, compiled, which is the fastest that was found."""
    torch, x, y, parameters = _torch_demo()

    def update(parameters, x, y):
        w1, b1, w2, b2, w3, b3 = parameters
        h1 = torch.relu(x @ w1 + b1)
        h2 = torch.relu(h1 @ w2 + b2)
        margins = 1 - y * (h2 @ w3 + b3)[:, 0]
        loss = torch.relu(margins).mean() + ALPHA * sum((p * p).sum() for p in parameters)
        ds = torch.where(margins > 0, -y / len(y), 0.0)[:, None]
        dh2 = (ds @ w3.T) * (h2 > 0)
        dh1 = (dh2 @ w2.T) * (h1 > 0)
        gradients = x.T @ dh1, dh1.sum(0), h1.T @ dh2, dh2.sum(0), h2.T @ ds, ds.sum(0)
        for p, g in zip(parameters, gradients):
            p.sub_(LR * (g + 2 * ALPHA * p))
        return loss

    return _torch_compiled(torch, update, x, y, parameters)


def _torch_demo() -> Any:
    import torch

    torch.set_num_threads(1)
    x, y = map(torch.from_numpy, moons())
    return torch, x, y, [torch.from_numpy(w) for w in weights(2, 16, 16, 1)]


def _torch_loss(parameters, x, y):
    w1, b1, w2, b2, w3, b3 = parameters
    h = (x @ w1 + b1).relu()
    h = (h @ w2 + b2).relu()
    scores = (h @ w3 + b3)[:, 0]
    return (1 - y * scores).relu().mean() + ALPHA * sum((p * p).sum() for p in parameters)


def _torch_compiled(torch: Any, update: Any, x: Any, y: Any, parameters: Any) -> Side:
    program = torch.compile(update, fullgraph=True, options={"cpp_wrapper": True, "max_autotune": True})

    @torch.no_grad()
    def step():
        return program(parameters, x, y).item()

    return loop(step, lambda: flat([p.numpy() for p in parameters]))


def jax() -> Side:
    """JAX: loss, gradient and update in one ``jit``."""
    jax = _jax()
    x, y = map(jax.numpy.asarray, moons())
    parameters = [jax.numpy.asarray(w) for w in weights(2, 16, 16, 1)]

    def loss(parameters, x, y):
        w1, b1, w2, b2, w3, b3 = parameters
        h = jax.nn.relu(x @ w1 + b1)
        h = jax.nn.relu(h @ w2 + b2)
        scores = (h @ w3 + b3)[:, 0]
        return jax.nn.relu(1 - y * scores).mean() + ALPHA * sum((p * p).sum() for p in parameters)

    def update(parameters, x, y):
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        return value, [p - LR * g for p, g in zip(parameters, gradients)]

    program = jax.jit(update, donate_argnums=0)

    def step():
        nonlocal parameters
        value, parameters = program(parameters, x, y)
        return float(value)

    return loop(step, lambda: flat([np.asarray(p) for p in parameters]))


def _jax() -> Any:
    """JAX in float64, held to one core, which is how it is held to one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def casadi() -> Side:
    """CasADi: the scalar graph of loss and gradient in its virtual machine; the update in NumPy."""
    import casadi as ca

    x, y = moons()
    start = weights(2, 16, 16, 1)
    parameters = flat(start)
    p, xs, ys = ca.SX.sym("p", parameters.size), ca.SX.sym("x", *x.shape), ca.SX.sym("y", len(y))
    ends = np.cumsum([0, *(w.size for w in start)])
    shaped = [ca.reshape(p[int(a) : int(b)], *w.T.reshape(len(w.T), -1).shape).T for a, b, w in zip(ends, ends[1:], start)]
    h = xs
    for w, b in zip(shaped[::2], shaped[1::2]):
        z = ca.mtimes(h, w) + ca.repmat(b, len(y), 1)
        h = ca.fmax(z, 0)
    loss = ca.sum1(ca.fmax(1 - ys * z, 0)) / len(y) + ALPHA * ca.sumsqr(p)
    program, value, gradient = in_buffers(ca, [p, xs, ys], loss, p, [parameters, x.ravel("F"), y])

    def step():
        nonlocal parameters
        program()
        parameters -= LR * gradient
        return float(value[0])

    return loop(step, lambda: parameters)


def program(nodes: int) -> Program:
    """micrograd's demo loss, each product and sum a node, over as many points as make about so many nodes."""
    rng = np.random.default_rng(0)
    points = nodes // 655
    parameters = values(weights(2, 16, 16, 1))

    def loss(x, y):
        losses = [(1 + -yi * network(row, parameters, chain)[0]).relu() for row, yi in zip(x, y)]
        return sum(losses) * (1.0 / points)

    return Program(loss, parameters, [rng.normal(size=(points, 2)), rng.choice([-1.0, 1.0], points)])
