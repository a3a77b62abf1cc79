"""Random scalar programs, as data: what they compute, where they are run, and whether a compiled step computes the same.

Program ....... instructions, and the points at which they are run, one call after the other
program ....... the Hypothesis strategy that draws them
Built ......... a program as a function of Values, with its parameters and what it takes from around
complaints .... where a value and gradients differ from those of eager code by more than rounding explains
complaints_of_mean, of a mean over a batch
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from itertools import combinations
from random import Random
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import autograd as ag
from autograd import DomainError, Value
from autograd.gradcheck.decimals import Exact, numbers
from autograd.gradcheck.replay import DECIMAL, applied
from autograd.gradcheck.replay import Program as Replay
from autograd.gradcheck.slopes import gradient_noise
from autograd.graph import leaves_and_computed
from autograd.ops import elementwise as domains
from autograd.trees import flatten

from ..rows import ROWS

# -- what an instruction may do: operands, and a number that chooses among variants, to a new number ------------------------

LITERALS = (0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 0.1, 1e-8, 1e8, 3)
EXPONENTS = (2, -1, 0.5, 3, 0, 1, -2, 1.5, 2.0, -0.5)
ACTIVATIONS = (ag.tanh, ag.relu, ag.sigmoid, ag.silu, ag.gelu, ag.softplus, ag.leaky_relu, ag.elu, ag.sin, ag.positive)


class Kind(NamedTuple):
    theme: str
    fewest: int
    most: int
    call: Callable[[Sequence[Any], int], Any]


KINDS: dict[str, Kind] = {}


def kind(theme, fewest, most=None):
    def enter(call):
        KINDS[call.__name__] = Kind(theme, fewest, most or fewest, call)
        return call

    return enter


# the rows of the table, by name; every other time their operands are brought into the domain first

_INTO = {
    domains.POSITIVE.intervals: lambda x: x * x + 0.25,
    domains.NONZERO.intervals: lambda x: ag.exp(0.1 * x),
    domains.ABOVE_MINUS_1.intervals: lambda x: 2.0 * ag.sigmoid(x) - 0.5,
    domains.INSIDE_1.intervals: lambda x: 0.9 * ag.tanh(x),
    domains.PROBABILITY.intervals: lambda x: ag.sigmoid(x),
}


def _enter_row(row):
    def call(xs, n):
        return row.call(*[into(x) for into, x in zip(maps, xs)] if n % 2 and not row.variadic else xs)

    maps = [_INTO.get(domain.intervals, lambda x: x) for domain in row.domain]

    fewest, most = (1, 6) if row.variadic else (len(row.rules),) * 2
    KINDS[row.name] = Kind("rows", fewest, most, call)


for _row in ROWS:
    _enter_row(_row)

# sums and products, by operators


@kind("sums", 2, 7)
def chain(xs, n):
    z = xs[0]
    for i, x in enumerate(xs[1:]):
        z = z - x if n >> i & 1 else z + x
    return z


@kind("sums", 2, 5)
def product(xs, n):
    z = xs[0]
    for i, x in enumerate(xs[1:]):
        z = z / x if n >> i & 1 else z * x
    return z


@kind("sums", 2)
def operators(xs, n):
    return (operator.add, operator.sub, operator.mul, operator.truediv)[n % 4](*xs)


@kind("sums", 1)
def with_literal(xs, n):
    (x,), c = xs, LITERALS[n % 10]
    return (lambda: x + c, lambda: c + x, lambda: x - c, lambda: c - x, lambda: x * c, lambda: c * x, lambda: x / c,
            lambda: c / x)[n // 10 % 8]()  # fmt: skip


@kind("sums", 1)
def scaled(xs, n):
    (x,) = xs
    return (-x, -(2.0 * -x), -(4 * -(x * 0.5)), (3 * x) / -3, +x, -(x * 0.1) * 0.3, (x * 0.0) + x, -(x * -1.0))[n % 8]


@kind("sums", 1)
def itself(xs, n):
    (x,) = xs
    return (x * x, x + x, x - x, x * x * x + x, x - x + x, x * (x + x), (x + x) * (x - 2 * x), x * x - x * x)[n % 8]


@kind("sums", 1)
def power(xs, n):
    return xs[0] ** EXPONENTS[n % 10]


@kind("sums", 1, 6)
def total(xs, n):
    return sum(xs)


@kind("sums", 1, 6)
def average(xs, n):
    return sum(xs, start=LITERALS[n % 6]) / len(xs)


@kind("sums", 2, 8)
def dot(xs, n):
    half = len(xs) // 2
    z = sum(x * w for x, w in zip(xs[:half], xs[half:]))
    return z + xs[-1] if n % 2 else xs[-1] - z


@kind("sums", 4)
def expanded(xs, n):
    a, b, c, d = xs
    return (
        (a + b) * (c - d),
        a * (b * c) * d,
        (a + b) + (c + d),
        a * b - c * d,
        (a - b) - (c - d),
        a * b + b * a - 2 * (c * d),
    )[n % 6]


@kind("sums", 2, 6)
def horner(xs, n):
    x, z = xs[0], xs[1]
    for c in xs[2:]:
        z = z * x + c
    return z


# loops, with regular and ragged structure


@kind("structure", 2, 8)
def layer(xs, n):
    """Units that see ever fewer inputs, or all of them."""
    act, h = ACTIVATIONS[n % 10], []
    for i in range(1 + n // 10 % 3):
        seen = xs[i % len(xs) :] if n % 2 else xs
        h.append(act(sum(0.25 * (j - i) * x * w for j, (x, w) in enumerate(zip(seen, reversed(xs)))) + xs[i % len(xs)]))
    return sum(h)


@kind("structure", 2, 8)
def perceptrons(xs, n):
    """Two layers of neurons in micrograd's way."""
    act, width = ACTIVATIONS[n % 10], 1 + n // 10 % 3
    hidden = [act(sum((w * x for w, x in zip(xs[i % 2 :], xs)), xs[-1])) for i in range(width)]
    return sum((h * w for h, w in zip(hidden, xs)), xs[0])


@kind("structure", 3)
def recurrence(xs, n):
    w, h, b = xs
    for i in range(1 + n % 12):
        h = ag.tanh(w * h + b) if n % 2 else 0.5 * h + ag.sin(w) * b - 0.1 * i
    return h


@kind("structure", 2, 8)
def softmax_loss(xs, n):
    powers = [ag.exp(ag.tanh(x)) for x in xs]
    whole = sum(powers)
    return -ag.log(powers[n % len(xs)] / whole)


@kind("structure", 2, 6)
def distances(xs, n):
    return sum((x - y) ** 2 for i, x in enumerate(xs) for y in xs[:i]) * (1.0 / len(xs))


@kind("structure", 2, 8)
def of_arrays(xs, n):
    half = len(xs) // 2
    a, b = (np.array([*some], object) for some in (xs[:half], xs[half : 2 * half]))
    return (lambda: a @ b, lambda: ag.sum(a * b - b), lambda: ag.mean(np.outer(a, b)), lambda: ag.logsumexp(a + b))[n % 4]()


@kind("structure", 1, 4)
def triangle(xs, n):
    """Sums of ever more terms."""
    sums = [sum((x * (i + 1.0) for i, x in enumerate((xs * 3)[: k + 1])), 0.0) for k in range(1 + n % 8)]
    return reduce(lambda a, b: ag.tanh(a) + b, sums)


# branches


@kind("branches", 3)
def either(xs, n):
    a, b, c = xs
    holds = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)[n % 6](a, b)
    return c * a + 1.0 if holds else c - b


@kind("branches", 2)
def against_number(xs, n):
    x, y = xs
    if x > LITERALS[n % 10]:
        return 2.0 * x
    return y if x < -1 else x * y


@kind("branches", 2)
def truth(xs, n):
    return xs[0] * 3.0 if xs[1] else xs[0] + 1.0


@kind("branches", 1, 6)
def extreme(xs, n):
    return (max if n % 2 else min)(xs)


@kind("branches", 2, 6)
def ranked(xs, n):
    ranks = sorted(xs, reverse=bool(n % 2))
    return sum(x * (i + 1.0) for i, x in enumerate(ranks))


@kind("branches", 1)
def halved(xs, n):
    (x,) = xs
    while abs(x) > 1.0:
        x = x * 0.25 - 0.05
    return x


@kind("branches", 2)
def series(xs, n):
    """Terms until they are small: their number depends on the data."""
    x, z = ag.tanh(xs[0]), xs[1]
    term, k = 1.0, 1
    while abs(term) > 1e-3 and k < 20:
        term = term * x / k
        z, k = z + term, k + 1
    return z


@kind("branches", 1, 5)
def hinges(xs, n):
    z = 0.0
    for i, x in enumerate(xs):
        margin = 1.0 - x if n >> i & 1 else 1.0 + x
        if margin > 0:
            z = z + margin * margin
    return z + xs[0]


@kind("branches", 2, 5)
def chosen(xs, n):
    best = max(range(len(xs)), key=lambda i: xs[i])
    return xs[best] * xs[(best + 1) % len(xs)]


# -- programs ---------------------------------------------------------------------------------------------------------------


class Instruction(NamedTuple):
    kind: str
    operands: tuple[int, ...]
    variant: int


class Point(NamedTuple):
    """Where a program is run."""

    arguments: tuple[float, ...]
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class Program:
    """What is known in the end: arguments, parameters, captured numbers and literals, then the result of each instruction.

    The result is the last number of all where ``bare``, else a sum of the last few.
    """

    instructions: tuple[Instruction, ...]
    points: tuple[Point, ...]
    visits: tuple[int, ...]  # of points, by number
    captured: tuple[float, ...]
    literals: tuple[float, ...]
    layout: int = 0
    returned: int = 1
    bare: bool = False

    def __str__(self) -> str:
        inputs = [len(self.points[0].arguments), len(self.points[0].parameters), len(self.captured)]
        names = [f"{letter}{i}" for letter, n in zip("apc", inputs) for i in range(n)] + [f"{x}" for x in self.literals]
        lines = []
        for kind, operands, n in self.instructions:
            names.append(f"v{len(lines)}")
            lines.append(f"{names[-1]} = {kind}({', '.join([names[i] for i in operands])}; {n})")
        end = names[-1] if self.bare else f"0.5 p0 + Σ (1, 2, …) of {names[-self.returned :]}"
        return "\n".join([*lines, f"return {end}", *map(str, self.points), f"{self.visits=} {self.captured=} {self.layout=}"])


class Built:
    """A program as a function, beside its parameters.

    Args:
        program: what it computes.
        lost: an instruction and one of its operands, through which no derivative flows.
    """

    def __init__(self, program, lost=None):
        self.program, self.lost = program, lost
        self.leaves = [Value(x, label=f"p{i}") for i, x in enumerate(program.points[0].parameters)]
        self.captured = [Value(x, requires_grad=bool(i % 2)) for i, x in enumerate(program.captured)]
        w, b = self.leaves[:-1], self.leaves[-1]
        self.parameters = ([*w, b], {"w": w, "b": b}, (np.array(self.leaves, object),))[program.layout % 3]

    def __call__(self, *arguments):
        known = [*flatten(list(arguments))[0], *self.leaves, *self.captured, *self.program.literals]
        for i, (name, operands, n) in enumerate(self.program.instructions):
            xs = [known[j] for j in operands]
            if self.lost and self.lost[0] == i and isinstance(x := xs[self.lost[1]], Value):
                xs[self.lost[1]] = Value(x.data)
            known.append(KINDS[name].call(xs, n))
        if self.program.bare:
            return known[-1]
        return sum((x * (i + 1.0) for i, x in enumerate(known[-self.program.returned :])), 0.5 * self.leaves[0])

    def arguments(self, point):
        """Those of ``point``, nested in one way or another."""
        x, layout = list(point.arguments), self.program.layout
        return (
            x, [x], [x[0], tuple(x[1:])], [{"x": x[0], "y": x[1:]}], [np.array(x)], [np.array([x])], [[x[:1], x[1:]]],
            [np.array(x[:2]), *x[2:]],
        )[layout % 8]  # fmt: skip

    def go_to(self, point):
        """Give the parameters the numbers of ``point``; the arguments there."""
        for leaf, x in zip(self.leaves, point.parameters):
            leaf.data = x
        return self.arguments(point)


def stacked(examples):
    """Arguments of several calls as those of one call with ``batch=True``."""

    def together(*parts):
        if isinstance(parts[0], list):
            return np.array(parts).tolist()
        leaves, (_, rebuild) = zip(*[flatten(part)[0] for part in parts]), flatten(parts[0])
        return rebuild([np.stack(some) for some in leaves])

    return [together(*parts) for parts in zip(*examples)]


def as_values(arguments, kind=Value, requires_grad=False):
    """Plain arguments as ``f`` sees them."""
    leaves, rebuild = flatten(arguments)

    def value(x):
        if isinstance(x, np.ndarray):
            return np.frompyfunc(value, 1, 1)(x)
        return kind(x, requires_grad=requires_grad)

    return rebuild([value(x) for x in leaves])


# -- drawing them -----------------------------------------------------------------------------------------------------------

CLOSE = 1e-6
LARGEST = 1e9


class Unclear(ArithmeticError):
    """Rounding may decide what happens."""


class Wary(Value):
    """A number that is not compared with one almost equal, unless neither was computed."""

    __slots__ = ()

    def _clear(self, other):
        x, y = self._data, other._data if isinstance(other, Value) else other
        if (self.op or getattr(other, "op", None)) and abs(x - y) <= CLOSE * max(abs(x), abs(y), CLOSE):
            raise Unclear
        return x, y

    def __lt__(self, other):
        return operator.lt(*self._clear(other))

    def __le__(self, other):
        return operator.le(*self._clear(other))

    def __gt__(self, other):
        return operator.gt(*self._clear(other))

    def __ge__(self, other):
        return operator.ge(*self._clear(other))

    def __eq__(self, other):
        return operator.eq(*self._clear(other))

    def __ne__(self, other):
        return operator.ne(*self._clear(other))

    def __bool__(self):
        return self != 0.0

    __hash__ = Value.__hash__


def _wary(numbers):
    return as_values(numbers, Wary, requires_grad=True)


def _clear(z, xs):
    """Whether ``z`` is a number of moderate size that is not what was left of larger ones, and so could be any."""
    size = max(abs(float(x)) for x in xs)
    return math.isfinite(z) and abs(z) < LARGEST and (z == 0 or abs(z) > CLOSE * min(size, 1.0))


class Draft:
    """Instructions joined one by one, if they are defined at each point."""

    def __init__(self, points, captured, literals):
        self.instructions = []
        self.known = [[*_wary([*point.arguments, *point.parameters, *captured]), *literals] for point in points]

    def join(self, name, references, variant):
        theme, fewest, most, call = KINDS[name]
        n = len(self.known[0])
        count = min(max(len(references), fewest), most)
        operands = tuple(n - 1 - references[i % len(references)] % n for i in range(count))
        results = []
        for known in self.known:
            xs = [known[i] for i in operands]
            if not any(isinstance(x, Value) for x in xs):
                return
            try:
                if theme == "rows" and any(x is not y and x == y for x, y in combinations(xs, 2)):
                    return  # a tie, which rows may decide by rounding
                z = call(xs, variant)
                if isinstance(z, Value):
                    z.backward()
            except (ArithmeticError, ValueError):
                return
            if not _clear(float(z), xs):
                return
            results.append(z)
        self.instructions.append(Instruction(name, operands, variant))
        for known, z in zip(self.known, results):
            known.append(z)


_NUMBERS = st.one_of(
    st.sampled_from([1.0, 0.0, -1.0, 0.5, 2.0, -0.3, 1e-6, 100.0]),
    st.floats(-3.0, 3.0, allow_subnormal=False).map(lambda x: round(x, 9)),
    st.floats(0.1, 3.0),
)


def _instruction(rng, mine):
    """A kind, how far back its operands are, and a variant."""
    name = rng.choice(mine if rng.random() < 0.75 else list(KINDS))
    references = [rng.randrange(rng.choice((4, 30))) for _ in range(rng.randint(1, 8))]
    return name, references, rng.randrange(80)


@st.composite
def program(draw, *themes, most=12, anywhere=False):
    """A program of kinds of these themes, three in four of them, and of any others; defined at its first point, and at all the
    others but for those ``anywhere``."""
    n_arguments, n_parameters = draw(st.integers(2, 4)), draw(st.integers(2, 5))
    captured = tuple(draw(st.lists(_NUMBERS, max_size=2)))
    literals = tuple(draw(st.lists(st.sampled_from(LITERALS), max_size=2)))

    def numbers(n):
        return st.lists(_NUMBERS, min_size=n, max_size=n).map(tuple)

    points = draw(st.lists(st.builds(Point, numbers(n_arguments), numbers(n_parameters)), min_size=2, max_size=3))
    if draw(st.booleans()):  # new arguments, old parameters
        points = [point._replace(parameters=points[0].parameters) for point in points]
    mine = [name for name, of in KINDS.items() if of.theme in themes]
    draft = Draft(points[:1] if anywhere else points, captured, literals)
    for _ in range(most):
        if seed := draw(st.integers(0, 2**32)):  # shrinks to no instruction
            draft.join(*_instruction(Random(seed), mine))
    more = draw(st.lists(st.integers(0, len(points) - 1), max_size=3))
    drawn = Program(
        tuple(draft.instructions), tuple(points), (*range(len(points)), 0, *more), captured, literals,
        layout=draw(st.integers(0, 23)), returned=draw(st.integers(1, 6)),
    )  # fmt: skip
    bare = replace(drawn, bare=True)
    return bare if draw(st.booleans()) and not anywhere and _has_a_gradient(bare) else drawn


def _has_a_gradient(program):
    built = Built(program)
    return all(getattr(built(*as_values(built.go_to(point))), "requires_grad", False) for point in program.points)


# -- the judge --------------------------------------------------------------------------------------------------------------

RELATIVE = 1e-12
UNIT = 2.0**-53


def flat(tree):
    """All the numbers in a nest of numbers and arrays."""
    return np.concatenate([np.ravel(x) for x in flatten(tree)[0]]).tolist()


def eager(f, leaves, arguments):
    """The number that ``f`` gives, and the gradient that ``backward`` brings to each leaf, whose own stays as it is."""
    before = [leaf.grad for leaf in leaves]
    try:
        for leaf in leaves:
            leaf.zero_grad()
        root = f(*as_values(arguments))
        root.backward()
        return root.data, [leaf.grad for leaf in leaves]
    finally:
        for leaf, grad in zip(leaves, before):
            leaf.grad = grad


def complaints(built, arguments, value, gradients):
    """What is wrong with a value and its gradients; nothing, if they are those of eager code up to rounding."""
    number, right = eager(built, built.leaves, arguments)
    found, wanted = [value, *flat(gradients)], [number, *right]
    if len(found) != len(wanted):
        return [f"{len(found) - 1} gradients of {len(right)} parameters"]
    names = ["value", *[leaf.label for leaf in built.leaves]]
    off = [i for i, (x, y) in enumerate(zip(found, wanted)) if not _near(x, y)]
    if not off:
        return []
    room = slack(built, arguments, wanted)
    return [
        f"{names[i]} is {found[i]!r}, eagerly {wanted[i]!r}: off by {found[i] - wanted[i]:.1e}, of which "
        f"rounding explains {room[i]:.1e}"
        for i in off
        if not abs(found[i] - wanted[i]) <= RELATIVE * abs(wanted[i]) + room[i]
    ]


def _near(x, y):
    return x == y or abs(x - y) <= RELATIVE * abs(y) or (math.isnan(x) and math.isnan(y))


def complaints_of_mean(built, examples, value, gradients):
    """The same of a mean over examples, each the arguments of one call."""
    found = np.array([value, *flat(gradients)])
    each = [[value, *gradient] for value, gradient in (eager(built, built.leaves, arguments) for arguments in examples)]
    right, size = ([math.fsum(column) / len(each) for column in np.transpose(some)] for some in (each, np.abs(each)))
    off = np.abs(found - right)
    room = RELATIVE * np.abs(right) + 8 * UNIT * np.array(size)
    if not np.all(off <= room):
        room += np.mean([slack(built, *run) for run in zip(examples, each)], 0)
    return [f"number {i} is {found[i]!r}, eagerly {right[i]!r}" for i in np.flatnonzero(~(off <= room))]


def slack(built, arguments, wanted):
    """How far rounding may carry the value and each gradient from eager code's: eight times what those are off, and may be.

    ``built`` is a function with ``leaves``, and with ``captured`` Values.
    """
    root, inputs, gradients = _watched(built, arguments)
    sizes = [*zip(inputs, gradients), *[(x, x.grad) for x in leaves_and_computed(root)[1]]]
    of_value = 2 * UNIT * math.fsum(abs(x.data * g) for x, g in sizes)
    noise = dict(zip(inputs, gradient_noise(Replay(root, inputs), inputs, gradients, UNIT)))
    bounds = [of_value, *[float(noise.get(leaf, 0.0)) for leaf in built.leaves]]
    return [8.0 * (abs(x - y) + bound) for x, y, bound in zip(wanted, _exact(root, built.leaves), bounds, strict=True)]


def _watched(built, arguments):
    """The root, with all on the graph that is computed of whatever is no literal; the inputs behind it, and their gradients."""
    given = [*built.leaves, *built.captured]
    before = [(x, x.grad, x.requires_grad) for x in given]
    try:
        for x in given:
            x.grad, x.requires_grad = 0.0, True
        try:
            root = built(*as_values(arguments, requires_grad=True))
            root.backward()
        except DomainError:  # as of a negative number to a power that is now no constant
            root = built(*as_values(arguments))
            root.backward()
        inputs = [x for x in leaves_and_computed(root)[0] if x.requires_grad]
        return root, inputs, [x.grad for x in inputs]
    finally:
        for x, grad, required in before:
            x.grad, x.requires_grad = grad, required


def _exact(root, leaves):
    """The value and the gradients of a recorded graph, by decimals of 150 digits."""
    behind, computed = leaves_and_computed(root)
    known = {x: Exact(Decimal(x._data)) for x in behind}
    for node in computed:
        known[node] = applied(node, DECIMAL, [known[x] for x in node.inputs])
    cotangents = {x: Exact(Decimal(0)) for x in {*behind, *computed, *leaves}}
    cotangents[root] += 1.0
    for node in reversed(computed):
        operands, wanted = [known[x] for x in node.inputs], [x.requires_grad for x in node.inputs]
        for x, g in zip(node.inputs, node.op.cotangents(numbers, cotangents[node], known[node], operands, wanted)):
            if g is not None:
                cotangents[x] += g
    return [float(x.d) for x in (known[root], *[cotangents[leaf] for leaf in leaves])]
