"""``stepgrad step "tanh(x*w + b)" x=2 w=-3 b=6.5``: an expression on the command line, stepped through, drawn, explained."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograd import Value

    from .stepper import Stepper

_KEYS = "Enter: on   b: back   r: run to the next breakpoint   rb: run back   g 3, g w: go to   a: all   q: quit"
_ON: Sequence[Sequence[str]] = ([], ["n"], ["\x1b[C"])  # the last is what a terminal sends for the arrow
_BACK: Sequence[Sequence[str]] = (["b"], ["\x1b[D"])


def add_to(commands: Any) -> None:
    """Add the commands to the parser's."""
    step = _command(commands, "step", "step through the backpropagation of an expression", _step)
    step.add_argument("--all", action="store_true", help="print all steps at once, as where the output is no terminal")
    step.add_argument("--break", action="append", default=[], metavar="NAME", dest="names", help="stop where NAME has a part")
    step.add_argument("--break-above", type=float, metavar="SIZE", help="stop where a gradient is larger than SIZE")
    step.add_argument("--html", type=Path, metavar="FILE", help="write the steps as a live page instead")
    step.add_argument("--film", type=Path, metavar="FILE", help="write them as a strip of pictures instead, .svg or .png")
    graph = _command(commands, "graph", "draw the graph of an expression, with its gradients", _graph)
    graph.add_argument("--latex", action="store_true", help="print the formula in LaTeX instead")
    graph.add_argument("--out", type=Path, metavar="FILE", help="write the picture instead: .svg, .png, .html or .dot")
    explain = _command(commands, "explain", "tell why the gradient of an expression is what it is", _explain)
    explain.add_argument("--wrt", action="append", default=[], metavar="NAME", help="by which variable (default: by each)")


def _command(commands: Any, name: str, what: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what.capitalize()}. Parts can be named: 'a = x*w; tanh(a)'.",
        epilog="Write -- before an expression that begins with a minus.",
    )
    command.add_argument("expression", metavar="EXPRESSION", help="such as 'tanh(x*w + b)', or 'where(x > 0, x, 0.1*x)'")
    command.add_argument(
        "numbers", nargs="*", default=[], metavar="NAME=NUMBER", help="a number for each name, such as x=2 w=-3 b=6.5"
    )
    command.set_defaults(run=run, parser=command)
    return command


def _root(options: argparse.Namespace) -> "Value":
    from .expression import parse

    return parse(options.expression, _numbers(options.numbers))


def _numbers(assignments: Sequence[str]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for text in assignments:
        name, equals, number = map(str.strip, text.partition("="))
        if not equals or not name.isidentifier():
            raise ValueError(f"'{text}': write name=number, such as x=0.5")
        if name in numbers:
            raise ValueError(f"{name} has two numbers, {numbers[name]:.6g} and {number}; give it one")
        try:
            numbers[name] = float(number)
        except ValueError:
            raise ValueError(f"{text}: '{number}' is no number; write {name}=0.5") from None
    return numbers


def _named(root: "Value") -> dict[str, "Value"]:
    """Variables and named parts, operands before results; of those that share a name, the last."""
    from autograd import topological_order

    return {node.label: node for node in topological_order(root) if node.label}


# -- step ------------------------------------------------------------------------------------------------------------------


def _step(options: argparse.Namespace) -> int:
    from .breakpoints import above
    from .files import write_whole
    from .stepper import step

    root = _root(options)
    named = _named(root)
    if unknown := [name for name in options.names if name not in named]:
        raise ValueError(f"--break {unknown[0]}: no part of the expression has that name; there are {', '.join(named)}")
    stepper = step(root, breakpoints=options.names)
    if options.break_above is not None:
        stepper.break_at(above(options.break_above))
    if options.html:
        write_whole(options.html, stepper.to_html().encode())
        print(f"page      {options.html}")
    if options.film:
        stepper.film(options.film)
        print(f"film      {options.film}")
    written = options.html or options.film
    if options.all or not (written or (sys.stdin.isatty() and sys.stdout.isatty())):
        print(stepper.text())
    elif not written:
        _interact(stepper)
    return 0


def _interact(stepper: "Stepper") -> None:
    """Move as the keys say, until ``q``, or one step on from the last."""
    print(_KEYS)
    told = True
    while True:
        if told:
            print(_told(stepper))
        try:
            keys = input("> ").split()
        except EOFError:
            print()
            return
        if keys == ["q"] or (keys in _ON and stepper.at == len(stepper)):
            return
        told = _moved(stepper, keys)


def _moved(stepper: "Stepper", keys: Sequence[str]) -> bool:
    """Do as the keys say; whether they were understood."""
    match keys:
        case ["g", where]:
            try:
                stepper.goto(int(where) if where.isdecimal() else where)
            except LookupError as error:
                print(error)
                return False
        case ["a"]:
            print(stepper.text())
        case _ if keys in _ON:
            stepper.next()
        case _ if keys in _BACK:
            stepper.back()
        case ["r"]:
            stepper.run()
        case ["rb"]:
            stepper.run_back()
        case _:
            print(_KEYS)
            return False
    return True


def _told(stepper: "Stepper") -> str:
    place = f"{stepper.at} of {len(stepper)}"
    return f"{place}  {stepper.told}".replace("\n", "\n" + " " * (len(place) + 2))


# -- graph and explain -----------------------------------------------------------------------------------------------------


def _graph(options: argparse.Namespace) -> int:
    from .drawing import draw
    from .writing import latex

    root = _root(options)
    root.backward()
    if options.out:
        draw(root).save(options.out)
        print(f"picture   {options.out}")
    if options.latex:
        print(latex(root))
    elif not options.out:
        print(draw(root).text())
    return 0


def _explain(options: argparse.Namespace) -> int:
    from autograd import Value

    from .explaining import explain

    root = _root(options)
    named = _named(root)
    apart = {name: Value(number, label=name) for name, number in _numbers(options.numbers).items()}  # such as in a condition
    known = {**apart, **named}
    if unknown := [name for name in options.wrt if name not in known]:
        raise ValueError(f"--wrt {unknown[0]}: no part of the expression has that name; there are {', '.join(known)}")
    wanted = options.wrt or [name for name, node in named.items() if node.op is None and node.requires_grad]
    print("\n\n".join([explain(root, known[name]).text() for name in wanted]))
    return 0
