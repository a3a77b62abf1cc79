"""Forms written by hand, and the same computed with Values."""

import numpy as np

from autograd import PRIMITIVES, Value
from autograd.compile.form import NONE, SUM, Form


class Draft:
    """A form under way. Ids count constants, arguments, parameters, then nodes."""

    def __init__(self, n_arguments, n_parameters, constants=()):
        self.sizes, self.constants = (n_arguments, n_parameters), list(constants)
        self.first = len(self.constants) + n_arguments + n_parameters
        self.arguments = list(range(len(self.constants), len(self.constants) + n_arguments))
        self.parameters = list(range(len(self.constants) + n_arguments, self.first))
        self.nodes = []

    def sum(self, *terms, offset=0.0):
        """``offset + Σ weight · left · right`` of terms ``(weight, left)`` and ``(weight, left, right)``."""
        return self._add(None, offset, [(left, right[0] if right else NONE, weight) for weight, left, *right in terms])

    def row(self, row, *operands):
        """A row of the table, by name, or another."""
        return self._add(PRIMITIVES[row] if isinstance(row, str) else row, 0.0, [(x, NONE, 1.0) for x in operands])

    def _add(self, *node):
        self.nodes.append(node)
        return self.first + len(self.nodes) - 1

    def form(self, *outputs):
        """The form that asks for ``outputs``, the root first."""
        rows = tuple(dict.fromkeys([row for row, _, _ in self.nodes if row]))
        n = self.first + len(self.nodes)
        level, active, needed, batched = np.zeros(n, np.intp), np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, bool)
        active[self.parameters] = batched[self.arguments] = needed[outputs[0]] = True
        operands = [[x for left, right, _ in terms for x in (left, right) if x != NONE] for _, _, terms in self.nodes]
        for i, xs in enumerate(operands, self.first):
            level[i] = 1 + level[xs].max(initial=0)
            active[i], batched[i] = active[xs].any(), batched[xs].any()
        for i in reversed(range(len(operands))):
            needed[operands[i]] |= needed[self.first + i]
        terms = [term for _, _, terms in self.nodes for term in terms]
        return Form(
            constants=np.array(self.constants, float),
            n_arguments=self.sizes[0],
            n_parameters=self.sizes[1],
            rows=rows,
            row=np.array([rows.index(row) if row else SUM for row, _, _ in self.nodes], np.intp),
            offset=np.array([offset for _, offset, _ in self.nodes], float),
            start=np.cumsum([0, *[len(terms) for _, _, terms in self.nodes]]),
            left=np.array([left for left, _, _ in terms], np.intp),
            right=np.array([right for _, right, _ in terms], np.intp),
            weight=np.array([weight for _, _, weight in terms], float),
            outputs=np.array(outputs),
            level=level,
            active=active & needed,
            batched=batched,
        )


def by_values(form, inputs):
    """The outputs of a form, and the gradient of the first, as Values and ``backward`` give them."""
    known = [Value(x, requires_grad=False) for x in [*form.constants, *inputs[: form.n_arguments]]]
    parameters = [Value(x) for x in inputs[form.n_arguments :]]
    known += parameters
    for i, kind in enumerate(form.row):
        terms = range(form.start[i], form.start[i + 1])
        if kind != SUM:
            known.append(form.rows[kind].call(*[known[form.left[t]] for t in terms]))
            continue
        z = Value(form.offset[i], requires_grad=False)
        for t in terms:
            z = z + form.weight[t] * known[form.left[t]] * (1.0 if form.right[t] == NONE else known[form.right[t]])
        known.append(z)
    outputs = [known[i] for i in form.outputs]
    if outputs[0].requires_grad:
        outputs[0].backward()
    return np.array([x.data for x in outputs]), np.array([x.grad for x in parameters])


def check(code, form, inputs, rtol=1e-12):
    """That ``code`` of a form gives what Values give."""
    values, gradient = by_values(form, inputs)
    code.inputs[:] = inputs
    np.testing.assert_allclose(code.forward(), values, rtol=rtol, atol=1e-300)
    code.backward()
    np.testing.assert_allclose(code.gradient, gradient, rtol=rtol, atol=1e-14 * max([1.0, *abs(gradient)]))


def random_form(rng, n, back=None):
    """Sums and rows of any numbers before, or of the last so many; three arguments, five parameters and three outputs.

    Numbers stay below 2, if inputs are below 1.
    """
    draft = Draft(3, 5, constants=[0.7, -0.5])
    ends = set()
    for _ in range(n):
        last = draft.first + len(draft.nodes)
        earliest = 0 if back is None else max(last - back, 0)
        xs = rng.integers(earliest, last, rng.integers(1, 6)).tolist()
        name = str(rng.choice(["mean", "mean", "sum", "sum", "tanh", "sin", "sigmoid", "relu", "maximum", "where", "max_n"]))
        if name in ("mean", "sum"):
            terms = [
                (float(rng.choice([-1.0, 1.0])), x, *rng.integers(earliest, last, int(rng.integers(2))).tolist()) for x in xs
            ]
            ends -= {x for _, *factors in terms for x in factors}
            if name == "sum":
                made = draft.row("tanh", draft.sum(*terms))
            else:
                made = draft.sum(
                    *[(0.5 * w / len(xs), *factors) for w, *factors in terms], offset=float(rng.choice([0.0, 0.3]))
                )
        else:
            operands = (xs * 3)[: {"maximum": 2, "where": 3, "max_n": len(xs)}.get(name, 1)]
            ends -= set(operands)
            made = draft.row(name, *operands)
        ends.add(made)
    root = draft.sum(*[(1.0 / len(ends), x) for x in sorted(ends)])
    return draft.form(root, draft.first, draft.parameters[0])


def recurrence(n):
    """``h = tanh(w h + u x + b)``, then ``h = h w + b``, for each argument ``x``; parameters w, u, b and the first h."""
    draft = Draft(n, 4)
    w, u, b, h = draft.parameters
    for x in draft.arguments:
        h = draft.row("tanh", draft.sum((1.0, w, h), (1.0, u, x), (1.0, b)))
        h = draft.sum((1.0, h, w), (1.0, b))
    return draft.form(h)
