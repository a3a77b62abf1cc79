"""What each side of ``bench_compile.py`` runs: the same work, as it is written there. All in float64, on one thread.

A side makes its own data, weights and program, and gives what runs so many steps, and numbers that all sides must agree on.
Ours runs on NumPy alone, unless its name has *extra*.
"""

from collections.abc import Callable
from functools import partial

from . import demo, digits, graph, recurrence
from .side import Program, Side

PROGRAMS: dict[str, Callable[[int], Program]] = {
    "batch of an MLP": demo.program,
    "random graph": graph.program,
    "recurrence": recurrence.program,
}

SIDES: dict[str, dict[str, Callable[[], Side]]] = {
    "demo": {
        "fit": demo.fit,
        "step": demo.step,
        "hand": demo.hand,
        "hand, in place": demo.tuned,
        "fit, extra": demo.fit,
        "step, extra": demo.step,
        "PyTorch": demo.torch,
        "PyTorch, compiled": demo.torch_fused,
        "PyTorch, backprop by hand, compiled": demo.torch_fused_hand,
        "JAX, jit": demo.jax,
        "CasADi": demo.casadi,
        "eager": demo.eager,
        "micrograd": demo.micrograd,
    },
    "digits": {"value_and_grad": digits.vector, "step": digits.step, "hand": digits.hand},
}
for module, name, kinds in (
    (graph, "graph", {"anywhere": None, "near": 1000}),
    (recurrence, "recurrence", {"tanh": "tanh", "plain": "plain"}),
):
    for kind, how in kinds.items():
        SIDES[f"{name}, {kind}"] = {
            "NumPy": partial(module.ours, how),
            "extra": partial(module.ours, how),
            "CasADi": partial(module.casadi, how),
            "eager": partial(module.eagerly, how),
        }
