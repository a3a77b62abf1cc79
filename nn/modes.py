"""A model as it is used, for a while.

computing as in use ............. evaluated
the same, with each op to see ... recorded
hearing what each part gives .... watched
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from autograd import no_grad
from autograd.recording import record_anyhow

from .kinds import Block, leaves


class Modal(Protocol):
    """What has parts that train or evaluate; a ``Module`` is one."""

    def named_modules(self) -> Iterator[tuple[str, Any]]:
        """It and its parts, by name."""

    def _blocks(self) -> Iterator[tuple[str, Block]]:
        """What it keeps, by name."""

    def eval(self) -> Any:
        """Switch all to evaluation."""


@contextmanager
def evaluated(model: Modal) -> Iterator[None]:
    """Within, the model computes as in use: in evaluation mode, recording nothing. Afterwards each part is in its old mode."""
    modes = [(module, module.training) for _, module in model.named_modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def recorded(model: Modal) -> Iterator[None]:
    """Within, the model computes as in use, and each op is recorded, also those on parameters that are frozen."""
    frozen = [leaf for _, block in model._blocks() for leaf in leaves(block) if not leaf.requires_grad]
    try:
        for leaf in frozen:
            leaf.requires_grad = True
        with evaluated(model), record_anyhow():
            yield
    finally:
        for leaf in frozen:
            leaf.requires_grad = False


@contextmanager
def watched(modules: Iterable[Any], tell: Callable[[Any, tuple[Any, ...], Any], None]) -> Iterator[None]:
    """Within, ``tell(module, inputs, output)`` hears of each call of one of ``modules``, after those inside it."""

    def watching(module: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            output = forward(*args, **kwargs)
            tell(module, (*args, *kwargs.values()), output)
            return output

        return watched

    before = {module: vars(module).get("forward") for module in modules}
    try:
        for module in before:
            vars(module)["forward"] = watching(module, module.forward)
        yield
    finally:
        for module, forward in before.items():
            if forward is None:
                vars(module).pop("forward", None)
            else:
                vars(module)["forward"] = forward
