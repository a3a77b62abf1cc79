"""Finite differences: derivatives by moving the input, to hold derivatives by the chain rule against."""

from collections.abc import Callable


def central_difference(f: Callable[..., float], *vals: float, arg: int = 0, epsilon: float = 1e-6) -> float:
    """The derivative of ``f`` in one argument, ``(f(x + h) - f(x - h)) / (x + h - (x - h))`` with ``h = epsilon · max(1,
    |x|)``.

    Args:
        f: takes ``vals`` and gives a number (a Value counts as its number).
        vals: where to differentiate.
        arg: which of them to move.
        epsilon: how far, relative to it.

    Source: Nocedal and Wright, *Numerical Optimization* (2006), section 8.1.

    >>> round(central_difference(lambda x, y: x * y, 2.0, 5.0, arg=1), 6)
    2.0
    """
    x = vals[arg]
    h = epsilon * max(1.0, abs(x))
    above, below = x + h, x - h
    up = float(f(*vals[:arg], above, *vals[arg + 1 :]))
    down = float(f(*vals[:arg], below, *vals[arg + 1 :]))
    return (up - down) / (above - below)
