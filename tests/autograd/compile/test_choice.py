"""Which kind of program runs what: on machines as they were measured, and with each cost turned up or down."""

import numpy as np
import pytest

from autograd.compile import choice
from autograd.compile.arrays import ArrayProgram
from autograd.compile.choice import program_maker
from autograd.compile.floats import FloatCode

from .drafts import Draft, check, random_form, recurrence


def kind_of(form, batch=False):
    """The kind of program that is chosen for a form."""
    return type(program_maker(form, batch)[0](2 if batch else None, None))


def wide(n=400):
    draft = Draft(0, n)
    return draft.form(draft.sum(*[(1.0, draft.row("tanh", x)) for x in draft.parameters]))


class Quick:
    """Stands in for the machine."""

    def __init__(self, form):
        self.form = form


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr(choice, "available", lambda: True)
    monkeypatch.setattr(choice, "Machine", Quick)
    monkeypatch.setattr(choice, "WORTH", 1e5)


@pytest.fixture
def no_machine(monkeypatch):
    monkeypatch.setattr(choice, "available", lambda: False)


@pytest.mark.usefixtures("no_machine")
def test_wide_programs_are_arrays_and_deep_ones_code():
    assert kind_of(wide()) is ArrayProgram
    assert kind_of(recurrence(300)) is FloatCode
    assert kind_of(Draft(0, 1).form(0)) is ArrayProgram


@pytest.mark.usefixtures("no_machine")
def test_deep_programs_in_which_nothing_repeats_are_not_turned_into_code_that_is_thrown_away(monkeypatch):
    form = random_form(np.random.default_rng(0), 3000, back=600)
    form.batched[:] = False
    monkeypatch.setattr(choice, "ALONE", 1e9)
    monkeypatch.setattr(choice, "FloatCode", None)
    assert kind_of(form) is ArrayProgram


@pytest.mark.usefixtures("machine")
def test_a_batch_is_arrays():
    assert kind_of(recurrence(300), batch=True) is ArrayProgram


@pytest.mark.usefixtures("machine")
def test_the_machine_takes_what_is_long_and_dear_alone(monkeypatch):
    assert kind_of(recurrence(150)) is FloatCode
    assert kind_of(recurrence(2000)) is Quick
    assert kind_of(wide()) is ArrayProgram
    monkeypatch.setattr(choice, "WORTH", -1e9)
    assert kind_of(wide()) is Quick


def test_without_a_machine_what_is_long_is_code(no_machine):
    assert kind_of(recurrence(2000)) is FloatCode


@pytest.mark.usefixtures("machine")
def test_what_the_machine_can_not_read_is_run_otherwise(monkeypatch):
    def refuse(form):
        raise choice.ReadingError("too many operands")

    monkeypatch.setattr(choice, "Machine", refuse)
    assert kind_of(recurrence(2000)) is FloatCode
    monkeypatch.setattr(choice, "WORTH", -1e9)
    assert kind_of(wide()) is ArrayProgram


def test_inputs_are_taken_in_the_order_that_is_told(no_machine):
    draft = Draft(2, 30)
    shuffled = np.random.default_rng(0).permutation(draft.parameters).tolist()
    terms = [(1.0, draft.row("tanh", x)) for x in shuffled[:20]]
    form = draft.form(draft.sum(*terms, (1.0, draft.arguments[1], shuffled[25])))
    make, arguments, parameters = program_maker(form, False)
    program = make(None, None)
    assert sorted(parameters) == list(range(30))

    class InOrder:
        inputs = np.zeros(32)

        def forward(self):
            program.arguments[...], program.parameters[...] = self.inputs[:2][arguments], self.inputs[2:][parameters]
            return program.forward()

        def backward(self):
            program.backward()
            self.gradient = np.zeros(30)
            self.gradient[parameters] = program.gradient

    form.batched[:] = False
    check(InOrder(), form, np.random.default_rng(1).normal(size=32))


def test_a_program_reads_the_parameters_from_an_array_that_it_is_given():
    vector = np.full(400, 0.5)
    program = program_maker(wide(), False)[0](None, vector)
    assert program.parameters is vector
    assert program.forward()[0] == pytest.approx(400 * np.tanh(0.5), rel=1e-14)
    vector[:] = 0.0
    assert program.forward()[0] == 0.0


def test_what_products_and_gathers_cost_is_counted():
    draft = Draft(0, 6 + 8)
    w, x = np.array(draft.parameters[:6]).reshape(2, 3), np.array(draft.parameters[6:12]).reshape(2, 3)
    sums = [draft.sum(*[(1.0, a, b) for a, b in zip(row, xs)]) for row in w.tolist() for xs in x.tolist()]
    layout = choice.Layout(draft.form(draft.sum(*[(1.0, z) for z in sums])))
    assert choice._terms(layout) == pytest.approx(choice.MULTIPLIED * 12 + choice.TERM * (6 + 6 + 4))
    draft = Draft(0, 4)
    a, b, c, d = draft.parameters
    rows = [draft.row("where", *xs) for xs in ((a, b, c), (b, a, d), (d, c, c), (a, d, b))]
    assert choice._terms(choice.Layout(draft.form(*rows))) == choice.TERM * 8 + choice.GATHERED * 4
