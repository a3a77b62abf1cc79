"""Functions that turn a function into its derivatives.

value_and_grad, grad ... of a number, by one walk back
elementwise_grad ....... of a function that works element by element
vjp, jvp ............... products with the Jacobian, from the left and from the right
jacobian, hessian ...... all of it
hvp .................... the product with the Hessian, without it

Arguments may be numbers (which the function then sees as Values or, among arrays, as Tensors), floating arrays (as Tensors),
nodes, and nested lists, tuples and dicts of them. Derivatives come in the same nesting, as plain numbers and arrays for plain
ones and as nodes for nodes, and transforms nest for higher orders: ``grad(grad(f))``.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from . import arrays, ops
from .errors import callers_depth
from .graph import Node, constant
from .pullback import Pullback, as_node, basis, is_watched, watching, zeros
from .recording import current, record_anyhow
from .tensor import Tensor
from .trees import Rebuild, flatten, leaves_like
from .value import Value

Function: TypeAlias = Callable[..., Any]
Argnum: TypeAlias = int | tuple[int, ...]


def value_and_grad(f: Function, argnum: Argnum = 0) -> Function:
    """``f`` and its gradient at once: a function that gives ``(f(…), ∂f/∂argument)``.

    Args:
        f: gives one number, a Value or a Tensor of one element.
        argnum: which argument to differentiate in, or a tuple of several (then the gradients come as a tuple).

    From plain arguments come plain numbers, which end the graph: for a gradient that is to be differentiated again in Values or
    Tensors that ``f`` takes from around it (a penalty in the parameters of a model), pass ``x`` as a Value or Tensor, or
    differentiate it all by a transform or tape around this one.

    Raises:
        TypeError: an argument holds something other than floats, or ``f`` gives something other than one number.
        ValueError: ``f`` gives a Tensor of several elements.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        run = _run("grad", f, argnum, args, kwargs)
        y = run.one_number()
        return run.as_result(y), run.gradient([_ones(y)])

    return of


def grad(f: Function, argnum: Argnum = 0) -> Function:
    """The gradient of ``f`` as a function; see ``value_and_grad``.

    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """
    both = value_and_grad(f, argnum)

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return of


def elementwise_grad(f: Function, argnum: Argnum = 0) -> Function:
    """The derivative of a function that works element by element, at every element: the gradient of the sum of its results.

    >>> elementwise_grad(lambda x: x**2)(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        run = _run("elementwise_grad", f, argnum, args, kwargs)
        return run.gradient([_ones(y) for y in run.results])

    return of


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """``f(*primals)``, and the function that takes a cotangent ``g`` of the result to ``gᵀ J``, one for each argument.

    With a single argument its cotangent comes bare, else as a tuple. The function may be called again.

    Raises:
        ValueError: a cotangent has not the shape of its result.

    >>> y, pull = vjp(lambda x, y: x * y, 2.0, 5.0)
    >>> y, pull(1.0)
    (10.0, (5.0, 2.0))
    """
    run = _run("vjp", f, tuple(range(len(primals))) if len(primals) != 1 else 0, primals, {})

    def pull(g: Any) -> Any:
        return run.gradient(_matched("vjp", g, run.results, run.shown()))

    return run.shown(), pull


def jvp(f: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """``f(*primals)`` and its derivative along ``tangents``, ``J v``.

    It is computed as the derivative of the vjp, which is linear in its cotangent, by that cotangent; so one table of rules
    serves both directions.

    Args:
        f: the function.
        primals: a tuple of arguments; something else, a list too, is the only argument.
        tangents: the direction, nested like ``primals``.

    Raises:
        ValueError: a tangent has not the shape of its primal.

    Source: Townsend, *A new trick for calculating Jacobian vector products* (2017).

    >>> jvp(lambda x: x**2, 3.0, 1.0)
    (9.0, 6.0)
    """
    primals, tangents = _as_arguments(primals), _as_arguments(tangents)
    run = _run("jvp", f, tuple(range(len(primals))), primals, {})
    directions = _matched("jvp", tangents, run.sources, primals)
    with record_anyhow():
        any_cotangents = [type(y)(_ones(y)) for y in run.results]
        pulled = Pullback(run.results, run.sources).nodes(any_cotangents)
    pairs = [(g, v) for g, v in zip(pulled, directions) if g is not None]
    back = Pullback([g for g, _ in pairs], any_cotangents)
    along = run.walked(back, [v for _, v in pairs], any_cotangents)
    return run.shown(), run.rebuild([as_given(d, run.plain) for d in along])


def hvp(f: Function, primals: Any, tangents: Any) -> Any:
    """The product of the Hessian of ``f`` with ``tangents``, ``H v``, without the Hessian: two walks for any number of inputs.

    Args:
        f: gives one number.
        primals: a tuple of arguments; something else is the only argument.
        tangents: the direction, nested like ``primals``.

    Returns:
        The product, nested like ``primals``.

    Raises:
        ValueError: a tangent has not the shape of its primal.

    Source: Pearlmutter, *Fast Exact Multiplication by the Hessian* (1994).

    >>> hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    arguments = _as_arguments(primals)
    every = tuple(range(len(arguments)))
    run = _run("hvp", grad(f, every), every, arguments, {})
    product = run.gradient(_matched("hvp", _as_arguments(tangents), run.results, arguments))
    return product if isinstance(primals, tuple) else product[0]


def jacobian(f: Function, argnum: Argnum = 0) -> Function:
    """All first derivatives: of a result of shape ``m`` in an argument of shape ``n`` an array of shape ``(*m, *n)``.

    Nested results and arguments give an array for each pair: the nesting of the results and, in each place, that of the
    argument.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    """

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        run = _run("jacobian", f, argnum, args, kwargs)
        blocks = []
        for y in run.results:
            back = Pullback([y], run.sources)
            rows = [run.walked(back, [unit], run.sources) for unit in basis(y)]
            blocks.append(
                run.arranged(
                    [
                        _block(y, x, [row[i] for row in rows], plain)
                        for i, (x, plain) in enumerate(zip(run.sources, run.given_plain))
                    ]
                )
            )
        return run.rebuild(blocks)

    return of


def hessian(f: Function, argnum: Argnum = 0) -> Function:
    """All second derivatives of a function that gives one number: in an argument of shape ``n`` an array of shape ``(*n, *n)``.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f, argnum), argnum)


@dataclass(frozen=True)
class _Run:
    """One call of a function whose derivative is asked for."""

    name: str  # of the transform
    sources: list[Node]  # the numbers to differentiate in
    given_plain: list[bool]  # which of them came as plain numbers or arrays
    gather: Rebuild  # sources in the nesting of the arguments
    results: list[Node]
    rebuild: Rebuild  # results in the nesting of what the function gave
    onward: bool  # derivatives are to be differentiated again

    @property
    def plain(self) -> bool:
        """Whether everything came as plain numbers, and so results go out as such."""
        return all(self.given_plain)

    def one_number(self) -> Node:
        """The only result; an error if there are several or it has several elements."""
        if len(self.results) != 1:
            raise TypeError(
                f"{self.name} differentiates a function that gives one number, not {len(self.results)}; use jacobian"
            )
        (y,) = self.results
        if type(y).xp is arrays and np.size(y._data) != 1:
            raise ValueError(
                f"{self.name} differentiates a function that gives one number, not an array of shape {np.shape(y._data)}; use "
                "jacobian or elementwise_grad, or sum() it"
            )
        return y

    def shown(self) -> Any:
        """What the function gave, in the kinds of number it was given."""
        return self.rebuild([self.as_result(y) for y in self.results])

    def as_result(self, y: Node) -> Any:
        """A result in the kinds of number that were given; a node all the same, if it may be differentiated again."""
        if self.plain:
            return as_given(y if self.onward else y.detach(), plain=True)
        return y if current().on else y.detach()

    def gradient(self, seeds: Sequence[Any]) -> Any:
        """The cotangents of the arguments, nested like them, given those of the results."""
        return self.arranged(self.walked(Pullback(self.results, self.sources), seeds, self.sources))

    def walked(self, back: Pullback, seeds: Sequence[Any], sources: Sequence[Node]) -> list[Any]:
        """Cotangents of ``sources``, as nodes if they are to be differentiated again; 0 where none comes."""
        if not (self.onward or is_watched() or any(isinstance(x, Node) for x in seeds)):
            cotangents = back.numbers(seeds)
            return [zeros(x) if c is None else c for x, c in zip(sources, cotangents)]
        nodes = back.nodes([as_node(seed, root) for seed, root in zip(seeds, back.roots)])
        return [constant(type(x), zeros(x)) if c is None else c for x, c in zip(sources, nodes)]

    def arranged(self, derivatives: Sequence[Any]) -> Any:
        """One derivative for each source, in the nesting of the arguments."""
        return self.gather([as_given(c, plain) for c, plain in zip(derivatives, self.given_plain)])


def as_given(x: Any, plain: bool) -> Any:
    """``x`` as a plain number or array where plain ones came, unless it is a node that may yet be differentiated."""
    if not plain or (isinstance(x, Node) and x.requires_grad):
        return x
    x = x._data if isinstance(x, Node) else x
    return float(x) if np.ndim(x) == 0 else np.array(x)


def _run(name: str, f: Function, argnum: Argnum, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Run:
    several = list(argnum) if isinstance(argnum, tuple | list) else None
    chosen = _places(name, [argnum] if several is None else several, len(args))
    given, gather = flatten([args[i] for i in dict.fromkeys(chosen)])
    onward = is_watched() or any(isinstance(x, Node) for x in given)
    with watching(), record_anyhow():
        beside = [x.dtype for x in flatten([args, kwargs])[0] if isinstance(x, np.ndarray | Tensor)]
        sources = [_source(name, x, beside) for x in given]
        lifted = dict(zip(dict.fromkeys(chosen), gather(sources)))
        y = f(*[lifted.get(i, x) for i, x in enumerate(args)], **kwargs)
    results, rebuild = flatten(y)
    return _Run(
        name,
        sources,
        [not isinstance(x, Node) for x in given],
        _answering(gather, chosen, several is None),
        [_result(name, x) for x in results],
        rebuild,
        onward,
    )


def _answering(gather: Rebuild, chosen: tuple[int, ...], one: bool) -> Rebuild:
    """From a derivative for each source to one for each argument asked for: bare for one, a tuple for a tuple."""
    order = list(dict.fromkeys(chosen))

    def arranged(parts: Sequence[Any]) -> Any:
        whole = gather(parts)
        return whole[0] if one else tuple([whole[order.index(i)] for i in chosen])

    return arranged


def _source(name: str, x: Any, beside: Sequence[Any]) -> Node:
    """``x`` as a node of its own, so that uses of it outside of the function are not mistaken for uses within.

    Among arrays (of the dtypes ``beside``) a plain number becomes an array too.
    """
    if isinstance(x, Node):
        return ops.positive(x) if x.requires_grad else type(x)(x._data)
    if isinstance(x, np.ndarray):
        try:
            return Tensor(x)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
    if isinstance(x, Real) and not isinstance(x, bool):
        if not beside:
            return Value(float(x))
        floats = [dtype for dtype in beside if dtype.kind == "f"]
        return Tensor(float(x), dtype=np.result_type(*floats) if floats else float)
    raise TypeError(
        f"{name} differentiates in numbers, floating arrays, Values and Tensors (and lists of them), not {type(x).__name__}"
    )


def _result(name: str, y: Any) -> Node:
    if isinstance(y, Node):
        return y
    if not isinstance(y, Real | np.ndarray):
        raise TypeError(f"{name}: the function gave {type(y).__name__}, not a number")
    warnings.warn(
        f"{name}: the function gave a plain {type(y).__name__}, which nothing connects to its arguments, so its derivative is "
        "taken to be 0; compute it with the functions of autograd (not math), and without float() and .data",
        RuntimeWarning,
        stacklevel=callers_depth(),
    )
    return constant(Tensor, np.asarray(y)) if isinstance(y, np.ndarray) else constant(Value, float(y))


def _ones(y: Node) -> Any:
    return np.ones_like(y._data) if type(y).xp is arrays else 1.0


def _as_arguments(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def _places(name: str, argnum: Sequence[Any], n: int) -> tuple[int, ...]:
    """Which arguments are meant, counted from the first."""
    for i in argnum:
        if isinstance(i, bool) or not isinstance(i, int | np.integer):
            raise TypeError(f"{name}: argnum is a whole number or a tuple of them, not {i!r}")
        if not -n <= i < n:
            raise TypeError(f"{name}: argnum {i} names no argument; the function was called with {n} by place")
    return tuple([int(i) % n for i in argnum])


def _matched(name: str, vector: Any, nodes: Sequence[Node], like: Any) -> list[Any]:
    """The leaves of ``vector``, which is nested like ``like``, each in the shape and dtype of its node."""
    n = len(flatten(vector)[0])
    parts = leaves_like(like, vector)
    if parts is None and n != len(nodes):
        raise ValueError(
            f"{name}: the vector has {n} part{'s' * (n != 1)} for {len(nodes)} numbers or arrays; nest it like them"
        )
    if parts is None:
        raise ValueError(f"{name}: the vector is nested otherwise than what it belongs to; nest it like {_shown(like)}")
    return [_as_vector(name, part, node) for part, node in zip(parts, nodes, strict=True)]


def _as_vector(name: str, part: Any, node: Node) -> Any:
    try:
        array = np.asarray(part._data if isinstance(part, Node) else part)
    except ValueError:  # lists that differ in length
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: a vector holds real numbers, not {type(part).__name__ if array.ndim == 0 else array.dtype}")
    if array.shape != np.shape(node._data):
        raise ValueError(
            f"{name}: a vector of shape {array.shape} came for a number of shape {np.shape(node._data)}; it must have "
            "that shape"
        )
    if isinstance(part, Node):
        return part
    return array.astype(np.asarray(node._data).dtype) if type(node).xp is arrays else float(array)


def _shown(tree: Any) -> str:
    """The nesting of ``tree``, for messages."""
    leaves, rebuild = flatten(tree)
    shown = str(rebuild(["…"] * len(leaves))).replace("'…'", "…")
    return shown if len(shown) < 60 else shown[:59] + "…"


def _block(y: Node, x: Node, rows: list[Any], given_plain: bool) -> Any:
    """The derivatives of the elements of ``y`` in ``x``, as one array (or node)."""
    if type(y).xp is not arrays:
        return rows[0]
    shape = (*np.shape(y._data), *np.shape(x._data))
    if not rows or not isinstance(rows[0], Node):
        block = np.array(rows, np.asarray(y._data).dtype).reshape(shape)
        return block if given_plain else constant(Tensor, block)
    stacked = ops.stack(rows) if type(x).xp is arrays else Tensor.of(rows)
    return ops.reshape(stacked, shape)
