"""no_grad and source_lines: what is recorded, for whom, and until when."""

import asyncio
import contextvars
import threading
from pathlib import Path

import pytest

import nn
from autograd import Value, no_grad, recording, source_lines

HERE = Path(__file__).name


@pytest.fixture(autouse=True)
def _no_settings_are_left_behind():
    before = recording.current()
    yield
    assert recording.current() is before


def recorded():
    return (Value(2.0) * 3).requires_grad


def test_under_no_grad_results_are_constants():
    x = Value(2.0)
    with no_grad():
        y = (x * 3).exp() + x
    assert (y.requires_grad, y.inputs, y.op) == (False, (), None)
    with pytest.raises(ValueError, match="constant"):
        y.backward()
    assert recorded()


def test_leaves_made_under_no_grad_still_take_gradients_later():
    with no_grad():
        x = Value(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def test_what_was_made_under_no_grad_is_a_constant_of_later_graphs():
    x = Value(2.0)
    with no_grad():
        c = x * x
    y = x * c
    y.backward()
    assert x.grad == 4.0


def test_no_grad_decorates_functions():
    @no_grad()
    def predict(x):
        """Doc."""
        return x * 2

    assert not predict(Value(1.0)).requires_grad
    assert not predict(Value(1.0)).requires_grad
    assert (predict.__name__, predict.__doc__) == ("predict", "Doc.")
    assert recorded()


def test_no_grad_nests():
    with no_grad():
        with no_grad():
            assert not recorded()
        assert not recorded()
    assert recorded()


def test_an_error_ends_no_grad():
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert recorded()


def test_no_grad_in_one_thread_is_no_business_of_another():
    inside, done, seen = threading.Event(), threading.Event(), []

    def quiet():
        with no_grad():
            inside.set()
            done.wait(10)
            seen.append(recorded())

    thread = threading.Thread(target=quiet)
    thread.start()
    assert inside.wait(10)
    assert recorded()
    done.set()
    thread.join()
    assert seen == [False]


def test_a_new_thread_starts_out_recording():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(recorded()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_tasks_keep_their_own_settings():
    async def quiet(turns):
        with no_grad():
            for _ in range(3):
                turns.append(("quiet", recorded()))
                await asyncio.sleep(0)

    async def loud(turns):
        for _ in range(3):
            turns.append(("loud", recorded()))
            await asyncio.sleep(0)

    async def both():
        turns = []
        await asyncio.gather(quiet(turns), loud(turns))
        return turns

    assert set(asyncio.run(both())) == {("quiet", False), ("loud", True)}


def test_a_context_copied_under_no_grad_is_under_no_grad():
    with no_grad():
        context = contextvars.copy_context()
        assert not context.run(recorded)
    assert not context.run(recorded)


def test_a_new_node_knows_the_module_that_made_it():
    layer = nn.Dense(1, 1, "relu", rng=0)
    (y,) = layer([1.0])
    assert y.module is layer.activation
    assert y.inputs[0].module is layer
    assert (Value(1.0) * 2).module is None
    assert layer.weight[0][0].module is None


def test_modules_and_no_grad_do_not_disturb_each_other():
    layer = nn.Dense(1, 1, rng=0)
    with no_grad():
        assert not layer([1.0])[0].requires_grad
    assert layer([1.0])[0].requires_grad
    assert layer([1.0])[0].module is layer


def test_a_failing_module_is_left_all_the_same():
    layer = nn.Dense(2, 1, rng=0)
    with pytest.raises(ValueError, match="takes 2 inputs"):
        layer([1.0])
    assert (Value(1.0) * 2).module is None


def test_lines_are_noted_on_request():
    x = Value(2.0)
    assert (x * 3).line == ""
    with source_lines():
        y = x * 3 + 1  # the line
    number = test_lines_are_noted_on_request.__code__.co_firstlineno + 4
    assert y.line == f"{HERE}:{number}: y = x * 3 + 1  # the line"
    assert y.inputs[0].line == y.line
    assert (x * 3).line == ""


def test_the_line_is_the_users_not_that_of_the_layer():
    layer = nn.Dense(1, 1, "tanh", rng=0)
    with source_lines():
        (y,) = layer([1.0])
    assert y.line.startswith(f"{HERE}:")
    assert y.line.endswith("(y,) = layer([1.0])")
    assert y.module is layer.activation


def test_source_lines_and_no_grad_mix():
    with source_lines(), no_grad():
        assert not recorded()
    with no_grad(), source_lines():
        assert not recorded()


def test_a_label_does_not_cost_a_node_its_line():
    with source_lines():
        y = Value(2.0) * 3
    y.label = "y"
    assert y.label == "y"
    assert y.line.startswith(f"{HERE}:")
