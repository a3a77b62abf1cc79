"""Nodes, their order, and the walk back through them; knows no op.

a number that remembers .. Node
operands before results .. topological_order
the chain rule ........... backward
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import Any, ClassVar, Protocol, Self, TypeVar

from . import copying, recording
from .errors import CotangentError, DomainError, StaleGraphError, callers_line
from .recording import Note

N = TypeVar("N", bound="Node")

# Time is counted in writes to leaves. A node carries the time it was made, a leaf the time it was last written.
now = 0
# What else befalls leaves is counted too, for who remembers it of many. Each is counted after it was done.
gathered = 0  # writes of their gradients; all of one backward() are one
switches = 0  # how often one was frozen, or freed again
_writing = RLock()  # a signal's handler may write in the midst of a write
_NOTHING = Note()
_new = object.__new__


def tick() -> int:
    """Let time go on by one; what time it is then."""
    global now
    with _writing:
        now += 1
        return now


def count_gathered() -> None:
    """Count gradients of leaves as written just now."""
    global gathered
    with _writing:
        gathered += 1


class Node:
    """A datum, its gradient, and the op and operands it came from (a leaf has neither).

    A subclass is a kind of number. It says which functions an op calls on its data (``xp``), how it holds a datum
    (``coerce``), what it takes beside itself (``operand``), and how it adds a cotangent to its gradient (``gather``).
    """

    __slots__ = ("_data", "_grad", "_note", "_requires_grad", "_time", "inputs", "op")

    xp: ClassVar[Any]

    _data: Any
    _grad: Any
    op: "Op | None"
    inputs: tuple[Self, ...]
    _requires_grad: bool
    _time: int
    _note: Note | None

    def __init__(self, data: Any, *, label: str = "", requires_grad: bool = True) -> None:
        self._data = self.coerce(data)
        self._grad = 0.0
        self.op = None
        self.inputs = ()
        self._requires_grad = requires_grad
        self._time = now
        self._note = Note(str(label)) if label else None

    @staticmethod
    def coerce(data: Any) -> Any:
        """``data`` as this kind of number holds it; TypeError for what it refuses."""
        raise NotImplementedError

    @classmethod
    def operand(cls, x: Any) -> Any:
        """``x`` as the datum of a constant beside a node of this kind; TypeError for what it refuses."""
        return cls.coerce(x)

    def gather(self, cotangent: Any) -> None:
        """Add ``cotangent`` to the gradient."""
        self._grad += cotangent
        count_gathered()

    def brief(self) -> str:
        """The number in few words, for messages."""
        return f"{self._data:.6g}"

    @property
    def data(self) -> Any:
        """The number itself. Writing it is for leaves: a computed node's number follows from its operands."""
        if (by := recording.witness()) is not None:
            by.left(self)
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        self._write(self.coerce(data))

    def _write(self, data: Any) -> None:
        if self.op is not None:
            raise AttributeError(
                f"data of {self.name} was computed by {self.op.name}; write to a leaf and compute again, or detach() it first"
            )
        recording.acted(f"writes to a {type(self).__name__}")
        self._data = data
        self._time = tick()

    def descend(self, step: Any) -> None:
        """Take ``step`` from the number of a leaf: what an optimizer does."""
        self._write(self._data - step)

    @property
    def grad(self) -> Any:
        """The gradient: of a leaf the sum of what has come since ``zero_grad``, of a computed node that of the last call."""
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        self._grad = grad
        count_gathered()

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is taken into it. A leaf is frozen by setting it to False."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        global switches
        self._requires_grad = bool(requires_grad)
        with _writing:
            switches += 1

    @property
    def label(self) -> str:
        """The name it is drawn and reported under."""
        return (self._note or _NOTHING).label

    @label.setter
    def label(self, label: str) -> None:
        self._note = replace(self._note or _NOTHING, label=str(label))

    @property
    def module(self) -> object:
        """The module that made this node, or None."""
        return (self._note or _NOTHING).module

    @property
    def line(self) -> str:
        """The source line that made this node, where ``source_lines()`` was on; else empty."""
        return (self._note or _NOTHING).line

    @property
    def name(self) -> str:
        """How a message speaks of this node: by its label, else by what it is."""
        if self.label:
            return f"'{self.label}'"
        return f"{type(self).__name__}({self.brief()})" if self.op is None else f"the {self.op.name} node"

    def zero_grad(self) -> None:
        """Forget the gradient gathered so far. A computed node starts anew in each ``backward()``; only leaves gather."""
        self._grad = 0.0
        count_gathered()

    def detach(self) -> Self:
        """The same number as a constant: no graph behind it, no gradient into it."""
        by = recording.witness()
        return constant(type(self), self._data) if by is None else by.detached(self)

    def backward(self, grad: Any = 1.0) -> None:
        """Add ``d(self)/d(node) * grad`` to the gradient of every leaf behind this node, by the chain rule.

        Leaves accumulate until ``zero_grad``. Computed nodes get the gradient of this call alone, so calling twice is safe.

        Args:
            grad: the cotangent to start from.

        Raises:
            StaleGraphError: a leaf was written after the graph was computed from it.
            DomainError: an op has no finite derivative at its operands. No leaf is changed then.
            ValueError: this node is a constant.
            TypeError: the gradient of a leaf was set to None, as is the habit elsewhere.

        Source: Griewank and Walther, *Evaluating Derivatives* (2008), section 3.2.
        """
        recording.acted("calls backward()")
        backward(self, self.coerce(grad))

    def __copy__(self) -> Self:
        return copying.twin(self, self.inputs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copying.deepcopy(self, leaves_and_computed, memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return copying.reduce(self, topological_order)


class Op(Protocol):
    """What is asked of the op that made a node; a ``Primitive`` is one."""

    @property
    def name(self) -> str:
        """Its name in the table."""

    @property
    def symbol(self) -> str:
        """How a picture writes it."""

    @property
    def variadic(self) -> bool:
        """Whether it takes any number of operands."""

    @property
    def is_chain(self) -> bool:
        """Whether it stands for a chain of ops of two operands, which its forward, read with nodes, gives."""

    @property
    def pull(self) -> Callable[[Any], None]:
        """Adds a node's cotangent, times each partial, to the gradients of its operands."""

    @property
    def row(self) -> Any:
        """The row of the table it is."""

    def apply(self, xp: Any, operands: Sequence[Any]) -> Any:
        """The result, read with the functions of ``xp``."""

    def partials(self, xp: Any, z: Any, operands: Sequence[Any]) -> list[Any]:
        """``∂z/∂operand`` for each operand of an elementwise op, read with the functions of ``xp``."""

    def cotangents(self, xp: Any, g: Any, z: Any, operands: Sequence[Any], wanted: Sequence[bool]) -> Iterable[Any]:
        """The cotangent of each operand, None where it is not wanted or there is none, read with the functions of ``xp``."""


def zero_grad(leaves: Iterable[Node]) -> None:
    """``leaf.zero_grad()`` for many; it is counted once."""
    try:
        for leaf in leaves:
            leaf._grad = 0.0
    finally:
        count_gathered()


def write(leaves: Iterable[Node], data: Iterable[Any]) -> None:
    """Give each leaf its datum, of its shape and dtype, in one moment."""
    global now
    with _writing:
        time = now + 1
        try:
            for leaf, datum in zip(leaves, data):
                leaf._data = datum
                leaf._time = time
        finally:
            now += 1


@contextmanager
def holding(leaves: Sequence[Node], data: Iterable[Any]) -> Iterator[None]:
    """Let each leaf hold another datum for a while. Graphs that were computed before do not get stale by it."""
    before = [leaf._data for leaf in leaves]
    try:
        for leaf, datum in zip(leaves, data):
            leaf._data = datum
        tick()
        yield
    finally:
        for leaf, datum in zip(leaves, before):
            leaf._data = datum
        tick()


@contextmanager
def keeping_gradients(nodes: Iterable[Node]) -> Iterator[None]:
    """Their gradients are afterwards as they were before."""
    before = [(node, node._grad) for node in nodes]
    try:
        yield
    finally:
        for node, grad in before:
            node._grad = grad
        count_gathered()


def constant(kind: type[N], data: Any) -> N:
    """A leaf that takes no gradient."""
    node = _new(kind)
    node._data = data
    node._grad = 0.0
    node.op = None
    node.inputs = ()
    node._requires_grad = False
    node._time = now
    node._note = None
    return node


def fold(kind: type[N], data: Any, op: "Op", inputs: tuple[Any, ...]) -> N:
    """The result of constants alone: a constant. Who compiles is told, since they may be written to before the next run."""
    node = constant(kind, data)
    if (by := recording.witness()) is not None:
        by.folded(node, op, inputs)
    return node


def record(kind: type[N], data: Any, op: Op, inputs: tuple[Any, ...]) -> N:
    """A node that remembers ``op`` and ``inputs``; a constant where nothing is recorded.

    Made without ``__init__`` and without a look at its parts: this is the hot path.
    """
    node = _new(kind)
    node._data = data
    node._grad = 0.0
    node.op = op
    node.inputs = inputs
    node._requires_grad = True
    node._time = now
    node._note = None
    if recording.in_use:
        state = recording.current()
        if not state.on:
            return constant(kind, data) if state.witness is None else state.witness.detached(node)
        node._note = replace(state.note or _NOTHING, line=callers_line()) if state.lines else state.note
    return node


def leaves_and_computed(root: N, seen: set[N] | None = None) -> tuple[list[N], list[N]]:
    """Every node behind ``root``, and ``root``: the leaves, and the others each after its operands, first operands first.

    Depth-first without recursion: ``path`` holds the nodes on the way down, each with the operands still to visit. Nodes that
    are ``seen`` beforehand are left out, and the others join them.
    """
    seen = set() if seen is None else seen
    if root in seen:
        return [], []
    seen.add(root)
    if root.op is None:
        return [root], []
    leaves: list[N] = []
    computed: list[N] = []
    path: list[tuple[N, Iterator[N]]] = []
    node, operands = root, iter(root.inputs)
    while True:
        for x in operands:
            if x not in seen:
                seen.add(x)
                if x.op is not None:
                    path.append((node, operands))
                    node, operands = x, iter(x.inputs)
                    break
                leaves.append(x)
        else:
            computed.append(node)
            if not path:
                return leaves, computed
            node, operands = path.pop()


def topological_order(root: N) -> list[N]:
    """Every node behind ``root``, each after its operands, a leaf just before the first node that uses it; last, ``root``."""
    order: dict[N, None] = {}
    for node in leaves_and_computed(root)[1]:
        for x in node.inputs:
            order.setdefault(x)
        order[node] = None
    return list(order) or [root]


def backward(root: Node, seed: Any) -> None:
    """The chain rule, from ``root`` to its leaves: each node hands on its cotangent times its op's partials."""
    if not root._requires_grad:
        raise ValueError(
            f"backward: {root.name} is a constant, so it has no gradient; was it made by detach() or under no_grad()?"
        )
    leaves, computed = leaves_and_computed(root)
    check_fresh(leaves, computed)
    for node in computed:
        node._grad = 0.0
    before = [leaf._grad for leaf in leaves]
    for leaf, grad in zip(leaves, before):
        if grad is None:
            raise TypeError(f"backward: grad of {leaf.name} is None; set it to 0 with zero_grad()")
    try:
        root.gather(seed)
        for node in reversed(computed):
            node.op.pull(node)  # type: ignore[union-attr]  # a computed node has an op
    except BaseException as error:
        for leaf, grad in zip(leaves, before):
            leaf._grad = grad
        raise explained(error, node) from None
    finally:
        count_gathered()


def check_fresh(leaves: Sequence[Node], computed: Sequence[Node]) -> None:
    """Raise StaleGraphError if a leaf was written after one of the nodes was computed from it."""
    written = max([leaf._time for leaf in leaves], default=0)
    for node in computed:
        if node._time < written:
            for leaf in node.inputs:
                if leaf.op is None and leaf._time > node._time:
                    raise StaleGraphError(
                        f"backward: leaf {leaf.name} was written after {node.name} had used it, so old and new numbers "
                        "would mix; compute the expression again before backward()"
                    )


def explained(error: BaseException, node: Node) -> BaseException:
    """The error that came up while a cotangent was taken back through ``node``, in terms of its op."""
    assert node.op is not None
    if isinstance(error, ArithmeticError) or (isinstance(error, ValueError) and type(node._data) is float):
        return DomainError(_no_derivative(node))
    if isinstance(error, CotangentError):
        return CotangentError(f"{node.op.name}: {error}")
    if isinstance(error, Exception):
        error.add_note(f"This was while the cotangent of {node.name} went back through '{node.op.name}'.")
    return error


def _no_derivative(node: Node) -> str:
    assert node.op is not None
    operands = ", ".join(f"{x.label or 'operand'} = {x.brief()}" for x in node.inputs[:6])
    made = f"made at {node.line}" if node.line else "compute it under source_lines() to see the line"
    return f"backward: '{node.op.name}' has no finite derivative at {operands} ({made})"
