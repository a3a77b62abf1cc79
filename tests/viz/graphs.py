"""Random graphs over every elementwise row of the table."""

import numpy as np

from autograd import Value, topological_order

from ..autograd.rows import ROWS

USES = [(row, n) for row in ROWS for n in (range(1, 8) if row.variadic else [len(row.rules)])]


def random_graph(rng):
    """Leaves, and ops of earlier nodes, drawn until there are twelve: as Values, and for ``in_node``."""
    values = [Value(float(x)) for x in rng.choice([-1.0, 1.0], 4) * np.exp(rng.normal(0.0, 0.5, 4))]
    leaves, steps = [x.data for x in values], []
    while len(steps) < 12:
        use = int(rng.integers(len(USES)))
        row, n = USES[use]
        operands = [int(i) for i in rng.integers(0, len(values), n)]
        for x in values:
            x.zero_grad()
        try:
            z = row.call(*[values[i] for i in operands])
            z.backward()
        except ArithmeticError:
            continue
        numbers = [abs(x) for node in topological_order(z) for x in (node.data, node.grad)]
        if 1e-2 < abs(z.data) < 10 and max(numbers) < 1e3:
            values.append(z)
            steps.append((use, operands))
    for x in values:
        x.zero_grad()
    values[-1].backward()
    return values, {"leaves": leaves, "steps": steps}
