"""GradientTape, in TensorFlow's spelling: the lecture's listings, and what tf.GradientTape promises."""

import contextvars
import gc
import threading

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import (
    GradientTape,
    Node,
    StaleGraphError,
    Tensor,
    Value,
    checkpoint,
    grad,
    hessian,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
)

KINDS = pytest.mark.parametrize("kind", [Value, Tensor])


@pytest.fixture(autouse=True)
def _no_tape_is_left_recording():
    yield
    assert not tape_of(lambda x: x * x, Value(3.0))[1].requires_grad


def tape_of(f, x):
    """A result, and its gradient in ``x`` by a tape of its own."""
    with GradientTape() as tape:
        y = f(x)
    return y, tape.gradient(y, x)


def apart(test):
    """Run a test in a context of its own, so that what it leaves behind is no business of others."""

    def run():
        contextvars.copy_context().run(test)

    run.__name__ = test.__name__
    return run


# -- the lecture ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [Value(-4.0), Tensor([-4.0]), Tensor(-4.0), Tensor([[-4.0, 7.0]])], ids=repr)
def test_the_lectures_loop_finds_the_lowest_loss(start):
    def compute_loss(weights):
        return (weights - 3.0) ** 2

    weights, lr = start, 0.1

    for _ in range(100):
        with GradientTape() as g:
            loss = compute_loss(weights)
            gradient = g.gradient(loss, weights)

        weights = weights - lr * gradient

    assert type(weights) is type(start)
    assert np.asarray(weights.data) == pytest.approx(3.0, abs=1e-8)


@pytest.mark.parametrize("inside", [True, False])
def test_the_lectures_training_loop_trains_a_model(inside):
    x, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
    model = nn.MLP(2, [4, 1], "tanh", rng=0)
    losses = []
    for _ in range(150):
        prediction = model(x)

        with GradientTape() as tape:
            if inside:
                prediction = model(x)
            loss = nn.mse(prediction, y)

        grads = tape.gradient(loss, model.parameters())
        for gradient, parameter in zip(grads, model.parameters()):
            parameter.data -= 0.3 * gradient.data
        losses.append(loss.data)
    assert losses[-1] < 0.02 < losses[0]


class Counted(Value):
    """A Value that counts how often a walk asks whether it has been seen."""

    __slots__ = ()
    asked = 0

    def __hash__(self):
        Counted.asked += 1
        return id(self)


def work_of_each_step(steps, sources):
    weights, counts = [Counted(5.0), Counted(-2.0)], []
    for _ in range(steps):
        Counted.asked = 0
        with GradientTape() as g:
            loss = (weights[0] - 3.0) ** 2 + (weights[1] + weights[0] * 0.1) ** 2
        gradients = g.gradient(loss, [weights[i] for i in sources])
        counts.append(Counted.asked)
        for i, gradient in zip(sources, gradients):
            weights[i] = weights[i] - 0.01 * gradient
    return counts


def test_the_two_thousandth_step_walks_no_further_than_the_second():
    counts = work_of_each_step(2000, [0])  # behind one of two sources the other could lie, so there it looks
    assert 0 < max(counts[1:]) == min(counts[1:])


@pytest.mark.parametrize("every", [1, 2], ids=["at each step", "by turns"])
def test_nor_does_it_where_weight_and_bias_move(every):
    moved, counts = [Counted(5.0), Counted(-2.0)], []
    for k in range(200):
        Counted.asked = 0
        with GradientTape() as g:
            loss = (moved[0] - 3.0) ** 2 + (moved[1] + moved[0] * 0.1) ** 2
        places = [0, 1] if every == 1 else [k % 2]
        gradients = g.gradient(loss, [moved[i] for i in places])
        counts.append(Counted.asked)
        for i, gradient in zip(places, gradients):
            moved[i] = moved[i] - 0.01 * gradient
    assert max(counts[4:]) < 2 * min(counts[4:])


def nodes_alive():
    gc.collect()
    return sum(issubclass(type(x), Node) for x in gc.get_objects())


def test_each_step_keeps_as_many_nodes_as_the_one_before():
    def steps(weights, n):
        for _ in range(n):
            with GradientTape() as g:
                loss = ag.exp(-weights) + weights * weights
                gradient = g.gradient(loss, weights)
            weights = weights - 0.01 * gradient
        return weights

    w = steps(Value(2.0), 3)
    before = nodes_alive()
    w = steps(w, 100)
    between = nodes_alive()
    w = steps(w, 100)
    assert nodes_alive() - between == between - before
    assert between - before <= 5 * 100  # the update itself, not the losses


# -- gradient -----------------------------------------------------------------------------------------------------------


@KINDS
def test_a_gradient_is_asked_for_inside_the_block_or_after_it(kind):
    x = kind(3.0)
    with GradientTape() as tape:
        y = x * x
        inside = tape.gradient(y, x)
    _, after = tape_of(lambda x: x * x, x)
    assert (inside.item(), after.item()) == (6.0, 6.0)
    assert (type(inside), type(after)) == (kind, kind)


def test_a_gradient_is_a_constant_and_no_gradient_is_left_on_leaves():
    x, t = Value(3.0), Tensor([1.0, 2.0])
    x.grad, t.grad = 5.0, [6.0, 7.0]
    with GradientTape() as tape:
        y = x * (t * t).sum().values()[()]
    dx, dt = tape.gradient(y, [x, t])
    assert not dx.requires_grad
    assert not dt.requires_grad
    assert (dx.data, dt.data.tolist()) == (5.0, [6.0, 12.0])
    assert (x.grad, t.grad.tolist(), y.grad) == (5.0, [6.0, 7.0], 0.0)


def test_sources_may_be_nested_and_gradients_come_likewise():
    a, b, t = Value(2.0), Value(5.0), Tensor([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        y = a * b * t.values()[1]
    found = tape.gradient(y, {"w": [a, (b,)], "t": t})
    assert (found["w"][0].data, found["w"][1][0].data, found["t"].data.tolist()) == (10.0, 4.0, [0.0, 10.0])
    first, again = tape.gradient(y, (a, a))
    assert (first.data, again.data) == (10.0, 10.0)
    values = np.array([a, b])
    assert [g.data for g in tape.gradient(y, values)] == [10.0, 4.0]
    assert tape.gradient(y, []) == []


def test_gradients_of_a_float32_tensor_are_float32():
    t = Tensor(np.ones(3, np.float32))
    assert tape_of(lambda t: (t * 2).sum(), t)[1].dtype == np.float32
    assert tape_of(lambda t: t * 2, t)[1].dtype == np.float32


def test_a_target_of_several_elements_counts_as_their_sum():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert tape_of(lambda t: t**2, t)[1].data.tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_several_targets_count_as_their_sum():
    x = Value(3.0)
    with GradientTape() as tape:
        y, z = x * x, x * 4
    assert tape.gradient([y, {"again": (z, z)}], x).data == 6.0 + 4.0 + 4.0


def test_a_target_that_is_the_source_has_gradient_one():
    x, t = Value(3.0), Tensor([1.0, 2.0])
    assert tape_of(lambda x: x, x)[1].data == 1.0
    assert tape_of(lambda t: t, t)[1].data.tolist() == [1.0, 1.0]


def test_none_stands_for_a_source_that_the_target_does_not_depend_on():
    x, y, t = Value(3.0), Value(4.0), Tensor([1.0])
    with GradientTape(persistent=True) as tape:
        z = x * x
    assert tape.gradient(z, y) is None
    dx, dy, (dt,) = tape.gradient(z, [x, y, (t,)])
    assert (dx.data, dy, dt) == (6.0, None, None)
    assert tape.gradient(Value(1.0), x) is None


def test_an_unconnected_gradient_may_be_asked_for_as_zero():
    x, y, t = Value(3.0), Value(4.0), Tensor(np.ones((2, 3), np.float32))
    with GradientTape() as tape:
        z = x * x
    dx, dy, dt = tape.gradient(z, [x, y, t], unconnected_gradients="zero")
    assert (dx.data, type(dy), dy.data) == (6.0, Value, 0.0)
    assert (dt.shape, dt.dtype, dt.data.any()) == ((2, 3), np.float32, np.False_)


@pytest.mark.parametrize("word", ["zeros", None, 0, "NONE"])
def test_what_to_give_for_an_unconnected_gradient_is_one_of_two_words(word):
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
    with pytest.raises(ValueError, match=rf"unconnected_gradients is 'none' or 'zero', not {word!r}"):
        tape.gradient(y, x, unconnected_gradients=word)


def test_output_gradients_are_the_cotangents_to_start_from():
    x, t = Value(3.0), Tensor([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        y, z, u = x * x, x * 4, t * t
    assert tape.gradient(y, x, output_gradients=10.0).data == 60.0
    assert tape.gradient(y, x, output_gradients=Value(10.0)).data == 60.0
    assert tape.gradient([y, z], x, output_gradients=[10.0, 1.0]).data == 64.0
    assert tape.gradient(u, t, output_gradients=np.array([1.0, 0.5])).data.tolist() == [2.0, 2.0]
    assert tape.gradient(u, t, output_gradients=Tensor([1, 0.5])).data.tolist() == [2.0, 2.0]


def test_a_source_may_be_computed_in_the_block():
    x = Value(3.0)
    with GradientTape(persistent=True) as tape:
        h = x * x
        y = h * h * x
    assert tape.gradient(y, h).data == 2 * 9.0 * 3.0
    dh, dx = tape.gradient(y, [h, x])
    assert (dh.data, dx.data) == (54.0, 5 * 81.0)
    dx, dh = tape.gradient(y, [x, h])
    assert (dh.data, dx.data) == (54.0, 5 * 81.0)


def test_a_source_may_have_been_computed_before_the_block():
    x = Value(3.0)
    h = x * x
    with GradientTape() as tape:
        y = h * h
    assert tape.gradient(y, h).data == 18.0


def test_a_gradient_does_not_depend_on_what_else_is_asked_for():
    x = Value(3.0)
    h = x * x
    with GradientTape(persistent=True) as tape:
        y = h * h
    alone, (beside, _) = tape.gradient(y, x), tape.gradient(y, [x, h])
    assert (alone and alone.data) == (beside and beside.data)


def test_a_source_that_was_written_since_is_refused():
    x, t = Value(3.0, label="x"), Tensor([1.0], label="t")
    for leaf, new in [(x, 4.0), (t, np.array([2.0]))]:
        with GradientTape() as tape:
            y = leaf * leaf
        leaf.data = new
        with pytest.raises(StaleGraphError, match=f"leaf '{leaf.label}' was written after the mul node had used it"):
            tape.gradient(y, leaf)


def test_a_leaf_that_is_written_in_the_block_before_it_is_used_is_fresh():
    x = Value(3.0)
    with GradientTape() as tape:
        x.data = 4.0
        y = x * x
    assert tape.gradient(y, x).data == 8.0


def test_what_is_computed_under_no_grad_is_unconnected():
    x = Value(3.0)
    with GradientTape() as tape, no_grad():
        y = x * x
    assert tape.gradient(y, x) is None


# -- persistent, watch ------------------------------------------------------------------------------------------------------


def test_a_tape_gives_gradients_once_unless_it_is_persistent():
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(
        RuntimeError, match=r"gradient\(\) was called before on this tape; make it GradientTape\(persistent=True\)"
    ):
        tape.gradient(y, x)


def test_a_persistent_tape_gives_gradients_again_inside_and_outside():
    x = Value(3.0)
    with GradientTape(persistent=True) as tape:
        y = x * x
        z = y * y
        inside = [tape.gradient(y, x).data, tape.gradient(z, x).data]
    assert inside == [tape.gradient(y, x).data, tape.gradient(z, x).data] == [6.0, 108.0]
    del tape  # as TensorFlow's guide has it


def test_a_call_that_fails_does_not_use_the_tape_up():
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
    with pytest.raises(TypeError):
        tape.gradient(y, 3.0)
    with pytest.raises(ValueError, match="unconnected_gradients"):
        tape.gradient(y, x, unconnected_gradients="nil")
    assert tape.gradient(y, x).data == 6.0


def test_a_call_with_a_wrong_output_gradient_does_not_use_the_tape_up():
    t = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = t * t
    with pytest.raises(ValueError, match="output gradient"):
        tape.gradient(y, t, output_gradients=np.ones(3))
    assert tape.gradient(y, t).data.tolist() == [2.0, 4.0]


@KINDS
def test_a_constant_is_watched_on_request_and_is_a_constant_again_after(kind):
    c = kind(3.0, requires_grad=False)
    assert tape_of(lambda c: c * c, c)[1] is None
    with GradientTape() as tape:
        tape.watch(c)
        y = c * c
    assert tape.gradient(y, c).item() == 6.0
    assert not c.requires_grad


def test_watch_takes_nests():
    c, d = Value(3.0, requires_grad=False), Tensor([2.0], requires_grad=False)
    with GradientTape() as tape:
        tape.watch([c, {"d": (d,)}])
        y = c * (d * d).sum().values()[()]
    dc, dd = tape.gradient(y, [c, d])
    assert (dc.data, dd.data.tolist()) == (4.0, [12.0])


def test_what_is_watched_twice_or_takes_gradients_anyway_stays_as_it_was():
    c, x = Value(3.0, requires_grad=False), Value(2.0)
    with GradientTape() as tape:
        tape.watch(c)
        tape.watch([c, x])
        y = c * x
    assert [g.data for g in tape.gradient(y, [c, x])] == [2.0, 3.0]
    assert (c.requires_grad, x.requires_grad) == (False, True)


@pytest.mark.parametrize("what", [3.0, np.ones(2), "x", None, [Value(1.0), 2.0]], ids=repr)
def test_only_nodes_can_be_watched(what):
    with GradientTape() as tape, pytest.raises(TypeError, match="watch takes Values and Tensors, not"):
        tape.watch(what)


def test_a_tape_may_follow_only_what_it_is_told_to():
    x, w = Value(3.0), Value(2.0)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = x * w
    dx, dw = tape.gradient(y, [x, w])
    assert (dx.data, dw) == (2.0, None)
    with GradientTape(watch_accessed_variables=False) as tape:
        y = x * w
    dx = tape.gradient(y, x, unconnected_gradients="zero")
    assert dx.data == 0.0


# -- tapes in tapes, tapes in transforms ----------------------------------------------------------------------------------


@KINDS
def test_nested_tapes_give_higher_orders(kind):
    x = kind(2.0)
    with GradientTape() as third, GradientTape() as second:
        with GradientTape() as first:
            y = x**4
        dy = first.gradient(y, x)
        d2y = second.gradient(dy, x)
    d3y = third.gradient(d2y, x)
    assert (dy.item(), d2y.item(), d3y.item()) == (32.0, 48.0, 48.0)


def test_an_inner_gradient_may_be_asked_for_inside_the_inner_block():
    x = Value(2.0)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = x**3
            dy = inner.gradient(y, x)
        z = dy * x
    assert outer.gradient(z, x).data == 36.0  # 3x³


def test_an_inner_gradient_that_is_asked_for_too_late_is_a_constant():
    x = Value(2.0)
    with GradientTape() as outer, GradientTape() as inner:
        y = x**3
    dy = inner.gradient(y, x)
    assert (dy.data, dy.requires_grad) == (12.0, False)
    assert outer.gradient(dy, x) is None


def test_one_tape_may_give_first_and_second_order_if_it_is_persistent():
    x = Value(2.0)
    with GradientTape(persistent=True) as tape:
        y = x**3
        dy = tape.gradient(y, x)
    assert tape.gradient(dy, x).data == 12.0


def test_a_hessian_by_nested_tapes_is_that_of_the_transform():
    t = Tensor([1.0, 2.0])
    with GradientTape(persistent=True) as outer:
        with GradientTape() as inner:
            y = t[0] ** 2 * t[1] + ag.exp(t).sum()
        g = inner.gradient(y, t)
        parts = [g[0], g[1]]
    rows = [outer.gradient(part, t).data for part in parts]
    assert np.allclose(rows, hessian(lambda t: t[0] ** 2 * t[1] + ag.exp(t).sum())(np.array([1.0, 2.0])))


def test_output_gradients_of_an_inner_tape_are_on_the_graph_of_the_outer():
    x, v = Value(3.0), Value(1.0)
    with GradientTape() as outer:  # a jvp, by pulling back twice
        with GradientTape() as inner:
            y = x * x
        g = inner.gradient(y, x, output_gradients=v)
    assert outer.gradient(g, v, output_gradients=10.0).data == 60.0


def by_tape(f):
    return lambda x: tape_of(f, x)[1]


@pytest.mark.parametrize(
    "transform",
    [
        grad,
        jacobian,
        lambda f: lambda x: value_and_grad(f)(x)[1],
        lambda f: lambda x: vjp(f, x)[1](1.0),
        lambda f: lambda x: jvp(f, x, 1.0)[1],
    ],
    ids=["grad", "jacobian", "value_and_grad", "vjp", "jvp"],
)
@pytest.mark.parametrize("x", [2.0, Value(2.0), np.array(2.0), Tensor(2.0)], ids=repr)
def test_a_tape_inside_a_transform_and_a_transform_inside_a_tape_are_differentiated(transform, x):
    def cube(x):
        return x**3

    assert float(transform(by_tape(cube))(x)) == 12.0
    assert float(transform(by_tape(by_tape(cube)))(x)) == 6.0
    node = x if isinstance(x, Node) else Value(2.0)
    assert by_tape(transform(cube))(node).item() == 12.0
    assert by_tape(by_tape(transform(cube)))(node).item() == 6.0


@pytest.mark.parametrize("inner", [grad, by_tape], ids=["a transform", "a tape"])
def test_a_captured_node_is_followed_through_the_derivative_of_a_function_of_a_plain_number(inner):
    w = Value(3.0)
    with GradientTape() as tape:
        y = w * inner(lambda x: w * x * x)(2.0 if inner is grad else Value(2.0))
    assert tape.gradient(y, w).data == 24.0  # w · 2wx


def test_a_checkpointed_function_is_differentiated_by_nested_tapes():
    x, block = Value(2.0), checkpoint(lambda x: x**3)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = block(x)
        dy = inner.gradient(y, x)
    assert (dy.data, outer.gradient(dy, x).data) == (12.0, 12.0)


# -- the block ----------------------------------------------------------------------------------------------------------------


def test_a_tape_may_be_entered_again_for_another_computation():
    x, tape = Value(3.0), GradientTape(persistent=True)
    with tape:
        y = x * x
    with tape:
        z = y * x
    assert tape.gradient(z, y).data == 3.0
    assert tape.gradient(z, x).data == 27.0


@apart
def test_entering_a_tape_within_itself_leaves_none_recording():
    tape = GradientTape()
    with tape, tape:
        pass
    assert not tape_of(lambda x: x * x, Value(3.0))[1].requires_grad


@apart
def test_tapes_may_end_in_any_order():
    x = Value(2.0)
    with GradientTape() as outer:
        y = x * x
        with GradientTape():
            outer.gradient(y, x)
    assert not tape_of(lambda x: x * x, Value(3.0))[1].requires_grad


def test_an_exception_in_the_block_ends_the_tape_and_its_watch():
    c = Value(3.0, requires_grad=False)
    tape = GradientTape()
    made = []

    def fails():
        with tape:
            tape.watch(c)
            made.append(c * c)
            raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        fails()
    assert not c.requires_grad
    assert tape.gradient(made[0], c).data == 6.0


def test_a_tape_of_one_thread_is_no_business_of_another():
    seen = []
    with GradientTape():
        thread = threading.Thread(target=lambda: seen.append(tape_of(lambda x: x**2, Value(3.0))[1]))
        thread.start()
        thread.join()
    assert (seen[0].data, seen[0].requires_grad) == (6.0, False)


def test_a_tape_without_a_block_takes_what_it_is_given():
    x = Value(3.0)
    assert GradientTape().gradient(x * x, x).data == 6.0


# -- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [3.0, None, "x", np.ones(2)], ids=repr)
def test_targets_and_sources_are_nodes(wrong):
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
    kind = type(wrong).__name__
    for target in (wrong, [y, wrong]):
        with pytest.raises(TypeError, match=f"gradient: a target is a Value or a Tensor, not {kind}"):
            tape.gradient(target, x)
    for source in (wrong, {"x": x, "w": wrong}):
        with pytest.raises(TypeError, match=f"gradient: a source is a Value or a Tensor, not {kind}"):
            tape.gradient(y, source)


def test_an_output_gradient_of_the_wrong_shape_is_refused():
    t = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = t * t
    message = r"gradient: an output gradient of shape \(3,\) came for a target of shape \(2,\)"
    with pytest.raises(ValueError, match=message):
        tape.gradient(y, t, output_gradients=np.ones(3))


@pytest.mark.parametrize("given", [[1.0, 2.0], [], np.ones(2), "text", 1j], ids=repr)
def test_an_output_gradient_that_does_not_fit_is_refused_by_name(given):
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
    with pytest.raises((TypeError, ValueError), match=r"output_gradient|output gradient"):
        tape.gradient(y, x, output_gradients=given)
