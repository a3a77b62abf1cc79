"""``stepgrad check module:function --at x=0.5``: the gradient of a function in a file, checked on the command line."""

import argparse
import ast
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autograd.gradcheck import GradcheckReport

PASSED, FAILED, NEITHER = 0, 1, 3


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    check = commands.add_parser(
        "check",
        help="check the gradient of a function of yours",
        description="Check the gradient of a function against its slopes, and name the op that is wrong. "
        "The exit code is 0 if it passes, 1 if it fails, and 3 for anything else.",
    )
    check.add_argument("target", metavar="MODULE:FUNCTION", help="such as losses:hinge, or path/to/losses.py:hinge")
    check.add_argument(
        "--at", action="append", default=[], metavar="NAME=VALUE",
        help="where, for each argument: a number, 1,2,3 or [[1,2],[3,4]] for an array",
    )  # fmt: skip
    check.add_argument("--exact", action="store_true", help="read the graph with decimals of 150 digits")
    check.add_argument("--order", type=int, default=1, metavar="N", help="check derivatives up to this order (default 1)")
    check.add_argument("--json", action="store_true", help="print the report as JSON, with every row")
    check.unusable = NEITHER
    check.set_defaults(run=run, parser=check)


def run(options: argparse.Namespace) -> int:
    """Check, print the report, give the exit code."""
    try:
        f = _function(options.target)
        inputs = _inputs(f, options.target, options.at)
        report = _report(f, inputs, options)
    except _Unusable as error:
        print(f"stepgrad check: {' '.join(str(error).split())}", file=sys.stderr)
        return NEITHER
    print(json.dumps(report.to_dict(), indent=2) if options.json else report)
    return {"pass": PASSED, "fail": FAILED}.get(report.verdict, NEITHER)


class _Unusable(Exception):
    """In words for whoever typed the command."""


def _report(f: Callable[..., Any], inputs: dict[str, Any], options: argparse.Namespace) -> "GradcheckReport":
    from autograd.gradcheck import gradcheck

    name = options.target.rpartition(":")[2]
    try:
        return gradcheck(f, inputs, order=options.order, exact=options.exact, name=name)
    except Exception as error:  # the function is the user's, and may raise anything
        raise _Unusable(_words(error, name)) from None


def _words(error: Exception, name: str) -> str:
    text = str(error)
    return text if text.startswith("gradcheck:") else f"{name} raised {type(error).__name__}: {text}"


def _function(target: str) -> Callable[..., Any]:
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise _Unusable(f"'{target}' names no function; write module:function, or path/to/file.py:function")
    found: Any = _module(place)
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key, x in vars(found).items() if inspect.isfunction(x) and not key.startswith("_")]
            raise _Unusable(f"{place} has no '{part}'; it has {', '.join(known[:8]) or 'no functions'}")
        found = getattr(found, part)
    if not callable(found):
        raise _Unusable(f"{target} is {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def _module(place: str) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        path = Path(place)
        if not path.is_file():
            raise _Unusable(f"there is no file {place}")
        sys.path.insert(0, str(path.parent.resolve()))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module
    except _Unusable:
        raise
    except ModuleNotFoundError as error:
        raise _Unusable(f"{error}; is it in this folder, or installed?") from None
    except Exception as error:  # the module is the user's, and may raise anything
        raise _Unusable(f"{place} can't be imported: {type(error).__name__}: {error}") from None


def _inputs(f: Callable[..., Any], target: str, given: Sequence[str]) -> dict[str, Any]:
    values = dict(_assignment(text) for text in given)
    try:
        parameters = inspect.signature(f).parameters
    except (TypeError, ValueError):  # a function of another language
        return values
    wants = f"{target.rpartition(':')[2]}{inspect.signature(f)}"
    free = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if unknown := [name for name in values if name not in parameters and not free]:
        raise _Unusable(f"{wants} has no argument '{unknown[0]}'")
    needed = [
        name for name, p in parameters.items() if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if missing := [name for name in needed if name not in values]:
        raise _Unusable(f"{wants} needs {' '.join(f'--at {name}=…' for name in missing)}")
    if not values:
        raise _Unusable(f"{wants}: say where, with --at name=value")
    return values


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise _Unusable(f"--at {text}: write name=value, such as x=0.5")
    try:
        read = ast.literal_eval(value.strip())
        array = np.array(read, float)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _Unusable(
            f"--at {text}: '{value}' is no number and no list of numbers; write 0.5, or 1,2,3, or [[1,2],[3,4]]"
        ) from None
    return name.strip(), array if array.ndim else float(array)
