"""The ``stepgrad`` command; ``python -m viz`` does the same.

stepgrad demo ...... train a network of scalar Values, check its gradient, write a report
stepgrad check ..... check the gradient of a function of yours
stepgrad step ...... step through the backpropagation of an expression
stepgrad graph ..... draw the graph of an expression
stepgrad explain ... tell why the gradient of an expression is what it is
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import check_command, expression_commands

if TYPE_CHECKING:
    from .demo import Run

OK, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code is 0, 1 for a gradient that does not hold, 2 for unusable input (``check``: 3 for all
    that is neither a pass nor a fail), 130 after Ctrl-C."""
    options, unknown = _parser().parse_known_args(arguments)
    if hasattr(options, "numbers"):  # argparse does not know those that come after an option
        options.numbers = [*options.numbers, *[text for text in unknown if text[:1] != "-"]]
        unknown = [text for text in unknown if text[:1] == "-"]
    if unknown:
        hint = "; write -- before an expression that begins with a minus" if hasattr(options, "numbers") else ""
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where a terminal has no ∂
    try:
        return options.run(options)  # type: ignore[no-any-return]
    except BrokenPipeError:  # whoever read what we print has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (OSError, ValueError, FloatingPointError) as error:
        why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        print(f"stepgrad: {' '.join(why.split())}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("\nstepgrad: stopped", file=sys.stderr)
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    unusable = UNUSABLE  # its exit code

    def error(self, message: str) -> NoReturn:
        print(f"stepgrad: {' '.join(message.split())}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(self.unusable)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="stepgrad", description="Backprop you can step through.")
    parser.add_argument("--version", action="version", version=f"stepgrad {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="train a network of scalar Values, check its gradient, write a report",
        description="Train an MLP of scalar Values, check its gradient against central differences, and write index.html.",
    )
    demo.add_argument(
        "--data", default="moons", help="moons (default), digits, or a CSV file: numeric columns, the label in the last"
    )
    demo.add_argument("--hidden", type=_sizes, metavar="N,N,...", help="perceptrons in each hidden layer, such as 16,16")
    demo.add_argument("--epochs", type=_positive, metavar="N", help="times through the training examples")
    demo.add_argument("--lr", type=_rate, metavar="RATE", help="learning rate")
    demo.add_argument("--batch-size", type=_positive, default=16, metavar="N", help="examples in a step (default 16)")
    demo.add_argument(
        "--seed", type=_natural, default=0, metavar="N", help="of the data, the weights and the order (default 0)"
    )
    demo.add_argument(
        "--out", type=Path, default=Path("stepgrad-demo"), metavar="DIR", help="where to write (default stepgrad-demo)"
    )
    demo.set_defaults(run=_demo, parser=demo)
    check_command.add_to(commands)
    expression_commands.add_to(commands)
    return parser


def _version() -> str:
    try:
        return version("stepgrad")
    except PackageNotFoundError:
        return "(not installed)"


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return number


def _positive(text: str) -> int:
    return _whole(text, 1)


def _natural(text: str) -> int:
    return _whole(text, 0)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_positive(size.strip()) for size in text.split(","))


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return rate


def _demo(options: argparse.Namespace) -> int:
    from .demo import TOLERANCE, Run, Setup

    setup = Setup(options.data, options.hidden, options.epochs, options.lr, options.batch_size, options.seed, options.out)
    run = Run(setup)
    print(
        f"data      {setup.data}: {len(run.train)} examples to learn from, {len(run.test)} held out, {len(run.classes)} classes"
    )
    print(f"model     {run.model}")
    print(f"          {str(run.model.summary()).splitlines()[-1]}")
    run.check()
    if not run.worst <= TOLERANCE:
        worst = max(run.checks, key=lambda check: check.difference)
        print(
            f"stepgrad: the gradient of {worst.name} is {worst.backward:.9g} by backpropagation, "
            f"{worst.numeric:.9g} by central differences",
            file=sys.stderr,
        )
        return FAILED
    print(f"gradient  {len(run.checks)} partials agree with central differences; largest relative difference {run.worst:.1e}")
    try:
        run.fit()
    except KeyboardInterrupt:
        print(f"stopped   after {len(run.history.loss)} of {run.epochs} epochs; the report shows what was learnt so far")
        _report(run)
        return INTERRUPTED
    _report(run)
    return OK


def _report(run: "Run") -> None:
    from .demo_page import write

    path, accuracy = write(run)
    print(
        f"result    {accuracy:.1%} of {len(run.test)} held-out examples right, "
        f"after {len(run.history.loss)} epochs in {run.seconds:.1f} s"
    )
    print(f"report    {path}")
