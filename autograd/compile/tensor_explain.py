"""The report on a compiled step of Tensors: a part for each array, those of the gradient after those of the result."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from .cost import FREE, Cost
from .explain import Part, PathReport, Read, Source, StepReport, count, name_of, names_of_arguments, times, told
from .tensor_program import VIEWS, Cell

if TYPE_CHECKING:
    from .tensors import TensorPath

_PRODUCTS = ("matmul", "linear")


def explained_tensors(f: Callable[..., Any], paths: Sequence[Any], eager: Iterable[str] = ()) -> StepReport:
    """The report on what ``f`` was compiled to.

    Args:
        f: the function.
        paths: those recorded so far.
        eager: why it runs eagerly for some arguments.
    """
    return StepReport(name_of(f), tuple([_described(path, f) for path in paths]), tuple(dict.fromkeys(eager)))


def _described(path: "TensorPath", f: Callable[..., Any]) -> PathReport:
    program = path.program
    cells, given, asked = program.record.cells, program.record.given, program.record.sections[-1]
    sources = dict(zip(given, _inputs(path, f, len(given))))
    sources |= {cell: Source("group", str(i)) for i, cell in enumerate(cells)}
    results = asked[: len(asked) - path.n_gradients]
    end = 1 + max([i for i, cell in enumerate(cells) if cell in set(results)], default=-1)
    parts = [_part(cell, sources, i < end) for i, cell in enumerate(cells)]
    calls = sum(map(len, program.sections))
    return PathReport(
        name=name_of(f),
        stages=(f"{count(end, 'array')} forward", f"{len(cells) - end:,} backward", f"{calls:,} NumPy calls"),
        guards=told(path.guards),
        arguments=len(given) - len(path.read),
        parameters=len(path.read),
        parts=tuple(parts),
        results=(
            ("result", tuple([sources[cell] for cell in results if cell in sources])),
            ("gradient", tuple(dict.fromkeys([sources[cell] for cell in asked[len(results) :] if cell in sources]))),
        ),
        forward=_total([part.forward for part in parts]),
        backward=_total([part.backward for part in parts]),
        held=program.nbytes,
    )


def _inputs(path: "TensorPath", f: Callable[..., Any], n: int) -> list[Source]:
    """What is written before each run: arguments, what is drawn, and what Tensors hold."""
    names = names_of_arguments(f, max(path.origins, default=-1) + 1)
    arguments = [names[i] for i in path.origins]
    arguments += ["drawn"] * (n - len(arguments) - len(path.read))
    labels = [x.label or f"parameters[{i}]" for i, x in enumerate(path.read)]
    return [*[Source("arguments", name) for name in arguments], *[Source("parameters", label) for label in labels]]


def _part(cell: Cell, sources: Mapping[Cell, Source], is_forward: bool) -> Part:
    reads = [Read((sources[x],), times(x.shape), False) for x in cell.inputs if x in sources]
    spent = _cost(cell)
    forward, backward = (spent, FREE) if is_forward else (FREE, spent)
    is_product = cell.op.name in _PRODUCTS
    return Part(prod(cell.shape), 1, cell.op.name, (_how(cell),), int(is_product), tuple(reads), forward, backward)


def _how(cell: Cell) -> str:
    match cell.op.name:
        case "matmul" | "linear":
            return " @ ".join([times(x.shape) for x in cell.inputs[:2]])
        case "einsum_n":
            return str(cell.op.settings["subscripts"])
        case "convolve":
            return "convolution"
        case name if name in VIEWS:
            return "a view"
    return "elementwise" if prod(cell.shape) == _most(cell) else "reduction"


def _most(cell: Cell) -> int:
    return max([prod(x.shape) for x in (cell, *cell.inputs)])


def _cost(cell: Cell) -> Cost:
    """By the rules of ``cost``, from the shapes; what is neither elementwise nor a sum of products counts as a reduction."""
    size = prod(cell.shape)
    match cell.op.name:
        case "matmul" | "linear":
            flops = 2 * size * cell.inputs[0].shape[-1] + size * (len(cell.inputs) - 2)
        case "einsum_n":
            letters = cell.op.settings["subscripts"].partition("->")[0].split(",")
            lengths = {letter: n for axes, x in zip(letters, cell.inputs) for letter, n in zip(axes, x.shape)}
            flops = len(cell.inputs) * prod(lengths.values())
        case "convolve":
            flops = 2 * size * prod(cell.inputs[1].shape[1:])
        case name if name in VIEWS:
            return FREE
        case _:
            flops = _most(cell)
    return Cost(flops, sum([prod(x.shape) * x.dtype.itemsize for x in (cell, *cell.inputs)]))


def _total(costs: Iterable[Cost]) -> Cost:
    flops, nbytes = map(sum, zip(*costs, FREE))
    return Cost(flops, nbytes)
