"""Rules compiled: the loop body that backpropagates through numbers, written out once per op.

Calling a rule costs more than the arithmetic in it. So rules are read as terms, and their source stands in place of the calls:
the same partials, from the same row.

compile_pull ............. for nodes that hold floats
compile_pull_on_arrays ... for nodes that hold arrays
"""

from collections.abc import Callable, Sequence
from typing import Any

from . import arrays, scalar
from .fitting import gather, share
from .terms import COMPARISONS, Operand, Term, Terms, checked, source

Rules = Sequence[Callable[..., Any] | None]


def pull_source(rules: Rules) -> str:
    """The source of ``pull(node)``, which adds ``node.grad · ∂z/∂x`` to the gradient of each operand ``x`` that takes one.

    Raises:
        Exception: whatever a rule raises that can't be read as terms; it needs plain floats, for which ``math`` will do.
    """
    names, partials = _partials(rules)
    lines = ["def pull(node):", f"    {', '.join(names)}, = node.inputs", "    g = node._grad"]
    for name, partial in partials:
        lines += [f"    if {name}._requires_grad:", f"        {name}._grad += {_scaled(source(partial))}"]
    return "\n".join(lines)


def pull_source_on_arrays(rules: Rules) -> str:
    """The source of ``pull(node)`` where the numbers are arrays. A node that no cotangent has reached hands nothing on."""
    names, partials = _partials(rules)
    lines = [
        "def pull(node):",
        f"    {', '.join(names)}, = node.inputs",
        "    g = node._grad",
        "    if type(g) is float: return",
    ]
    for name, partial in partials:
        product = _scaled(source(_as_factor(partial), where="where({0}, {1}, {2})"))
        lines += [f"    if {name}._requires_grad:", f"        {'share' if product == 'g' else 'gather'}({name}, {product})"]
    return "\n".join(lines)


def _partials(rules: Rules) -> tuple[list[str], list[tuple[str, Operand]]]:
    terms = Terms()
    names = [f"x{i}" for i in range(len(rules))]
    z, operands = terms.make("node._data"), [terms.make(f"{name}._data") for name in names]
    return names, [(name, checked(rule(terms, z, *operands))) for name, rule in zip(names, rules, strict=True) if rule]


def _as_factor(partial: Operand) -> Operand:
    """For 1 where a comparison holds and 0 elsewhere, the comparison: a product by booleans is the quickest."""
    match partial:
        case Term(op="where", operands=(Term() as condition, float(x), float(y))) if condition.op in COMPARISONS and (x, y) == (
            1,
            0,
        ):
            return condition
    return partial


def _scaled(partial: str) -> str:
    return {"1.0": "g", "-1.0": "-g"}.get(partial, f"g * {partial}")


def compile_pull(name: str, rules: Rules) -> Callable[[Any], None]:
    """``pull(node)`` for nodes that hold floats; see ``pull_source``."""
    return _compiled(name, pull_source(rules), vars(scalar))


def compile_pull_on_arrays(name: str, rules: Rules) -> Callable[[Any], None]:
    """``pull(node)`` for nodes that hold arrays; see ``pull_source_on_arrays``."""
    return _compiled(name, pull_source_on_arrays(rules), {**vars(arrays), "gather": gather, "share": share})


def _compiled(name: str, source: str, functions: dict[str, Any]) -> Callable[[Any], None]:
    names = dict(functions)
    exec(compile(source, f"<pull of {name}>", "exec"), names)
    pull: Callable[[Any], None] = names["pull"]
    return pull
