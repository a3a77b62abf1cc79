"""Array programs of forms written by hand, against Values: alone, and for the examples of a batch."""

from dataclasses import replace

import numpy as np
import pytest

from autograd.compile.arrays import ArrayProgram
from autograd.compile.layout import Layout

from ..rows import ROWS, counts, draw
from .drafts import Draft, by_values, check, random_form


class Alone:
    """The array program of a form in which nothing differs from example to example; its inputs in the order of the form."""

    def __init__(self, form):
        form.batched[:] = False
        layout = Layout(form)
        self.program = ArrayProgram(layout)
        self.layout, self.n = layout, form.n_arguments
        self.inputs = np.zeros(form.n_arguments + form.n_parameters)

    def forward(self):
        self.program.arguments[...] = self.inputs[: self.n][self.layout.arguments]
        self.program.parameters[...] = self.inputs[self.n :][self.layout.parameters]
        return self.program.forward()

    def backward(self):
        self.program.backward()

    @property
    def gradient(self):
        found = np.zeros(self.layout.form.n_parameters)
        found[self.layout.parameters] = self.program.gradient
        return found


def check_batch(form, arguments, parameters, rtol=1e-12):
    """That the program for all rows of ``arguments`` at once gives the outputs of each, and the gradient of the mean."""
    layout = Layout(form)
    program = ArrayProgram(layout, len(arguments))
    each = [by_values(form, [*x, *parameters]) for x in arguments]
    for _ in range(2):  # the second run finds what the first has left
        program.arguments[...] = arguments.T[layout.arguments]
        program.parameters[...] = parameters[layout.parameters]
        found = program.forward()
        found = found if found.ndim == 2 else np.tile(found[:, None], len(arguments))
        np.testing.assert_allclose(found.T, [values for values, _ in each], rtol=rtol, atol=1e-14)
        program.backward()
        mean = np.mean([gradient for _, gradient in each], 0)[layout.parameters]
        np.testing.assert_allclose(program.gradient, mean, rtol=rtol, atol=1e-14 * max([1.0, *abs(mean)]))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_gives_its_value_and_its_partials_for_many_nodes_at_once(row):
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 5) if row.variadic else counts(row):
        points = np.array([draw(row, n, rng) for _ in range(7)])
        draft = Draft(0, points.size)
        operands = np.array(draft.parameters).reshape(points.shape).tolist()
        rows = [draft.row(row, *xs) for xs in operands]
        weights = rng.uniform(0.5, 2.0, 7)
        form = draft.form(draft.sum(*zip(weights, rows)), *rows)
        check(Alone(form), form, points.ravel())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_does_for_operands_that_differ_from_example_to_example_and_that_do_not(row):
    rng = np.random.default_rng(1)
    for n in (2, 3, 5) if row.variadic else counts(row):
        for pattern in {(1 << n) - 1, 1, (1 << n) - 2, 1 << n >> 1} - {0}:
            of_examples = [bool(pattern >> i & 1) for i in range(n)]
            points = np.array([draw(row, n, rng) for _ in range(4)])
            points[:, [not x for x in of_examples]] = points[0, [not x for x in of_examples]]
            draft = Draft(sum(of_examples), n - sum(of_examples) + 1)
            arguments, parameters = iter(draft.arguments), iter(draft.parameters[1:])
            z = draft.row(row, *[next(arguments) if x else next(parameters) for x in of_examples])
            form = draft.form(draft.sum((1.0, z, draft.parameters[0])))
            rest = points[0, [not x for x in of_examples]]
            check_batch(form, points[:, of_examples], np.array([0.7, *rest]))


@pytest.mark.parametrize(("n", "back"), [(30, None), (200, None), (200, 12)])
@pytest.mark.parametrize("seed", range(4))
def test_random_forms_give_what_values_give(n, back, seed):
    rng = np.random.default_rng(seed)
    form = random_form(rng, n, back)
    check_batch(form, rng.uniform(-1, 1, (3, 3)), rng.uniform(-1, 1, 5))
    check_batch(form, rng.uniform(-1, 1, (1, 3)), rng.uniform(-1, 1, 5))
    form = replace(form, outputs=form.outputs[:2])  # so that inputs are copied only where they are gathered
    check_batch(form, rng.uniform(-1, 1, (2, 3)), rng.uniform(-1, 1, 5))
    code = Alone(form)
    for _ in range(2):
        check(code, form, rng.uniform(-1, 1, 8))
