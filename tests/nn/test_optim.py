"""Optimizers: by hand, in groups, packed, saved, and watching for gradients that were not zeroed."""

import copy
import json
import pickle
import warnings

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, Value
from nn import optim
from nn.optim import packs


def test_a_step_goes_down_the_gradient():
    w = Value(1.0)
    w.grad = 4.0
    nn.SGD([w], lr=0.25).step()
    assert w.data == 0.0


def test_momentum_by_hand():
    w = Value(0.0)
    optimizer = nn.SGD([w], lr=0.1, momentum=0.5)
    track = []
    for grad in (1.0, 1.0, 0.0, -2.0):
        w.grad = grad
        optimizer.step()
        track.append(w.data)
    # velocities 1, 1.5, 0.75, -1.625
    assert track == pytest.approx([-0.1, -0.25, -0.325, -0.1625], rel=1e-14)


def test_without_momentum_the_past_is_forgotten():
    w = Value(0.0)
    optimizer = nn.SGD([w], lr=1.0)
    w.grad = 5.0
    optimizer.step()
    w.grad = 0.0
    optimizer.step()
    assert w.data == -5.0


def test_zero_grad_clears_only_its_own_parameters():
    w, other = Value(1.0), Value(1.0)
    w.grad = other.grad = 3.0
    nn.SGD([w]).zero_grad()
    assert (w.grad, other.grad) == (0.0, 3.0)


def test_a_generator_of_parameters_is_kept():
    w = Value(1.0)
    optimizer = nn.SGD((p for p in [w]), lr=1.0, accumulate=True)
    w.grad = 1.0
    optimizer.step()
    optimizer.step()
    assert w.data == -1.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr": 0.0}, "lr must be a positive number, not 0.0"),
        ({"lr": -1}, "not -1"),
        ({"lr": float("nan")}, "not nan"),
        ({"lr": float("inf")}, "not inf"),
        ({"momentum": 1.0}, "momentum must be at least 0 and less than 1, not 1.0"),
        ({"momentum": -0.1}, "not -0.1"),
        ({"momentum": float("nan")}, "not nan"),
    ],
)
def test_settings_without_meaning_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        nn.SGD([Value(1.0)], **settings)


def test_no_parameters_is_told_with_a_way_out():
    with pytest.raises(ValueError, match=r"there are no parameters; pass model\.parameters\(\)"):
        nn.SGD([])


RULES = [
    (optim.SGD, {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    (optim.GradientDescent, {}),
    (optim.Nesterov, {}),
    (optim.Adagrad, {"initial_accumulator_value": 0.1, "lr_decay": 0.1}),
    (optim.Adadelta, {"weight_decay": 0.01}),
    (optim.RMSprop, {"centered": True, "momentum": 0.5}),
    (optim.Adam, {"amsgrad": True, "weight_decay": 0.01}),
    (optim.AdamW, {}),
]
each_rule = pytest.mark.parametrize(("rule", "settings"), RULES, ids=lambda x: getattr(x, "__name__", ""))


def mixture(seed=0, like=(6, 3, 2)):
    """Parameters of both kinds and two dtypes, and a function that gives them new gradients."""
    rng = np.random.default_rng(seed)
    tensors = [Tensor(rng.normal(size=(3, like[1])), dtype=np.float32), Tensor(rng.normal(size=like[2]), dtype=np.float32)]
    parameters = [*map(Value, rng.normal(size=like[0])), *tensors, Tensor(rng.normal(size=(2, 5))), Value(1.0)]

    def backward():
        for w in parameters:
            w.grad = rng.normal(size=w.shape) if isinstance(w, Tensor) else rng.normal()

    return parameters, backward


def numbers(parameters):
    return [np.array(w.data) for w in parameters]


def identical(a, b):
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def run(rule, settings, steps=7, **how):
    parameters, backward = mixture(**how)
    optimizer = rule(parameters, **settings)
    for _ in range(steps):
        backward()
        optimizer.step()
    return numbers(parameters)


# -- one vector or many numbers --------------------------------------------------------------------------------------------


@each_rule
def test_packed_and_alone_agree_bit_for_bit(rule, settings, monkeypatch):
    together = run(rule, settings)
    monkeypatch.setattr(packs, "LENGTH", 1)
    assert identical(run(rule, settings), together)


def test_small_parameters_of_a_kind_and_dtype_share_a_pack_and_a_large_one_is_alone():
    small, large = [Tensor(np.zeros((64, 128))), Tensor(np.zeros(10))], Tensor(np.zeros((300, 300)))
    found = packs.packs([Value(1.0), Value(2.0), *small, large, Tensor(np.zeros(3)), Tensor([1.0], dtype=np.float32)])
    assert [len(pack.parameters) for pack in found] == [2, 2, 1, 1, 1]


@each_rule
def test_the_order_of_the_numbers_in_memory_does_not_matter(rule, settings):
    a = np.random.default_rng(0).normal(size=(4, 3))
    track = []
    for array in (a, np.asfortranarray(a)):
        w = Tensor(array)
        optimizer = rule([w], **settings)
        for _ in range(3):
            w.grad = array
            optimizer.step()
        track.append(w.data)
    assert np.array_equal(*track)


@each_rule
def test_a_parameter_without_a_gradient_counts_as_one_of_gradient_zero(rule, settings):
    tracks = []
    for given in (False, True):
        w, b = Tensor([1.0, 2.0]), Value(3.0)
        optimizer = rule([w, b], **settings)
        if given:
            w.grad, b.grad = np.zeros(2), 0.0
        optimizer.step()
        tracks.append(numbers([w, b]))
    assert identical(*tracks)


@each_rule
def test_frozen_parameters_stay(rule, settings):
    parameters, backward = mixture()
    optimizer = rule(parameters, **settings)
    frozen = parameters[1::2]
    for w in frozen:
        w.requires_grad = False
    before, others = numbers(frozen), numbers(parameters[::2])
    backward()
    optimizer.step()
    assert identical(numbers(frozen), before)
    assert not any(np.array_equal(x, y) for x, y in zip(numbers(parameters[::2]), others))


@pytest.mark.parametrize("parameters", [[Value(2.0), Value(1.0)], [Tensor([2.0]), Tensor([1.0])]], ids=["Value", "Tensor"])
def test_after_a_step_what_was_computed_before_is_stale(parameters):
    loss = parameters[0] * parameters[1]
    loss.backward()
    optim.Adam(parameters).step()
    with pytest.raises(ag.StaleGraphError):
        loss.backward()


def test_a_step_leaves_arrays_that_others_hold_alone():
    w = Tensor([1.0, 2.0])
    seen, constant = w.data, w.detach()
    w.grad = [1.0, 1.0]
    optim.SGD([w], lr=1.0).step()
    assert seen.tolist() == constant.data.tolist() == [1.0, 2.0]
    assert w.data.tolist() == [0.0, 1.0]


def test_centered_rmsprop_lives_through_gradients_that_are_all_alike():
    w = Tensor(np.zeros(50, np.float32))
    optimizer = optim.RMSprop([w], lr=1e-9, alpha=0.5, centered=True)
    gradient = np.random.default_rng(0).normal(size=50)
    for _ in range(100):
        w.grad = gradient
        optimizer.step()
    assert np.isfinite(w.data).all()


@pytest.mark.parametrize("rule", [optim.Adagrad, optim.Adadelta, optim.RMSprop, optim.Adam])
def test_no_gradient_at_all_moves_nothing(rule):
    w = Tensor([1.0, -2.0])
    rule([w]).step()
    assert w.data.tolist() == [1.0, -2.0]


# -- groups and settings ------------------------------------------------------------------------------------------------------


def test_groups_take_the_common_settings_where_they_name_none():
    a, b = Value(1.0), Value(2.0)
    optimizer = optim.Adam([{"params": [a], "lr": 1e-2}, {"params": (p for p in [b])}], lr=1e-3, eps=1e-6)
    assert [(g["params"], g["lr"], g["eps"]) for g in optimizer.groups] == [((a,), 1e-2, 1e-6), ((b,), 1e-3, 1e-6)]
    assert optimizer.parameters == [a, b]
    assert repr(optimizer) == (
        "Adam(1 parameters, lr=0.01, betas=(0.9, 0.999), eps=1e-06; 1 parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-06)"
    )


def test_a_changed_rate_counts_from_the_next_step_on():
    a, b = Value(0.0), Value(0.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b]}], lr=1.0)
    optimizer.groups[1]["lr"] = np.float64(0.5)
    a.grad = b.grad = 1.0
    optimizer.step()
    assert (a.data, b.data) == (-1.0, -0.5)
    optimizer.lr = 0
    optimizer.zero_grad()
    a.grad = b.grad = 1.0
    optimizer.step()
    assert (a.data, b.data, optimizer.lr) == (-1.0, -0.5, 0.0)


def test_a_numpy_rate_does_not_widen_float32():
    parameters, backward = mixture()
    optimizer = optim.Adam(parameters, lr=np.float64(0.1))
    optimizer.lr = np.float64(0.2)
    backward()
    optimizer.step()
    assert [w.dtype for w in parameters if isinstance(w, Tensor)] == [np.float32, np.float32, np.float64]
    assert type(optimizer.groups[0]["lr"]) is float


def test_one_rate_of_groups_that_differ_is_not_made_up():
    optimizer = optim.SGD([{"params": [Value(1.0)], "lr": 0.1}, {"params": [Value(2.0)], "lr": 0.2}])
    with pytest.raises(ValueError, match=r"SGD: groups differ in lr; read groups\[i\]\['lr'\]"):
        optimizer.lr  # noqa: B018


w = Value(1.0, label="w")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: optim.Adam([w], betas=(0.9, 1.0)), ValueError, "Adam: betas must be at least 0 and less than 1, not 1.0"),
        (lambda: optim.Adam([w], betas=0.9), ValueError, "betas are two numbers, such as (0.9, 0.999), not 0.9"),
        (lambda: optim.Adam([w], betas=(0.9, [0.999])), TypeError, "Adam: betas is a number, not list"),
        (lambda: optim.Adam([w], eps=-1e-8), ValueError, "eps must be at least 0 and finite, not -1e-08"),
        (lambda: optim.Adam([w], amsgrad="yes"), TypeError, "amsgrad is True or False, not 'yes'"),
        (lambda: optim.Adam([w], lr="0.1"), TypeError, "lr is a number, not str"),
        (lambda: optim.Adadelta([w], rho=1), ValueError, "rho must be at least 0 and less than 1, not 1"),
        (lambda: optim.SGD([w], nesterov=True), ValueError, "SGD: nesterov needs a momentum and no dampening"),
        (lambda: optim.SGD([w], 0.1, 0.9, 0.1, nesterov=True), ValueError, "nesterov needs a momentum and no dampening"),
        (lambda: optim.SGD([{"params": [w], "decay": 1}]), ValueError, "SGD: 'decay' is no setting of a group; those are lr, "),
        (lambda: optim.SGD([{"lr": 1}]), ValueError, "SGD: group 0 has no 'params'"),
        (lambda: optim.SGD([{"params": [w]}, w]), TypeError, "parameters are Values or Tensors, not dict"),
        (lambda: optim.SGD([w, Value(1.0), w]), ValueError, "SGD: 'w' comes twice among the parameters"),
        (lambda: optim.SGD([{"params": [w]}, {"params": [w]}]), ValueError, "'w' comes twice"),
        (lambda: optim.SGD([w * 2]), ValueError, "SGD: the mul node was computed, and only leaves are parameters"),
        (lambda: optim.SGD(Tensor([1.0])), TypeError, "SGD takes a list of parameters, not Tensor; pass model.parameters()"),
        (lambda: optim.SGD(w), TypeError, "SGD takes a list of parameters, not Value"),
        (lambda: optim.SGD([w]).groups[0].update(Lr=1), ValueError, "'Lr' is no setting of a group"),
        (lambda: optim.SGD([w]).groups[0].update(params=[]), ValueError, "'params' is no setting of a group"),
        (lambda: setattr(optim.SGD([w]), "lr", -1), ValueError, "SGD: lr must be at least 0 and finite, not -1"),
    ],
)
def test_what_has_no_meaning_is_refused_with_a_way_out(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert words in str(caught.value)


def test_a_gradient_of_none_is_told_with_a_way_out():
    a, b = Value(1.0), Value(2.0, label="b")
    a.grad, b.grad = 1.0, None
    with pytest.raises(TypeError, match=r"grad of 'b' is None; set it to 0 with zero_grad\(\)"):
        optim.SGD([a, b]).step()
    assert a.data == 1.0


def test_a_rule_of_ones_own_is_one_method():
    class SignDescent(optim.Optimizer):
        def rule(self, pack, t, lr):
            return lr * np.sign(pack.gradient())

    a, b = Value(1.0), Tensor([1.0, 2.0])
    a.grad, b.grad = 5.0, [-3.0, 0.0]
    SignDescent([a, b], 0.5).step()
    assert (a.data, b.data.tolist()) == (0.5, [1.5, 2.0])


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_rule_need_not_look_at_the_gradient(kind):
    class Walk(optim.Optimizer):
        def rule(self, pack, t, lr):
            return lr * np.ones(pack.size)

    w = kind(1.0)
    Walk([w], 0.25).step()
    assert float(w) == 0.75


def test_a_parameter_without_numbers_is_no_trouble():
    w, empty = Tensor([1.0]), Tensor(np.zeros((0, 3)))
    w.grad = [1.0]
    optim.SGD([empty, w], lr=1.0).step()
    assert (w.data.tolist(), empty.shape) == ([0.0], (0, 3))


# -- saved and loaded -------------------------------------------------------------------------------------------------------


@each_rule
def test_a_saved_run_goes_on_bit_for_bit(rule, settings):
    parameters, backward = mixture()
    optimizer = rule([{"params": parameters[:7]}, {"params": parameters[7:], "lr": 0.03}], **settings)
    for _ in range(3):
        backward()
        optimizer.step()
    state, twins = optimizer.state_dict(), copy.deepcopy(parameters)
    before = copy.deepcopy(state)
    other = rule([{"params": twins[:7]}, {"params": twins[7:]}], **settings)
    other.load_state_dict(state)
    for _ in range(4):
        backward()
        for w, twin in zip(parameters, twins):
            twin.grad = w.grad
        optimizer.step()
        other.step()
    assert identical(numbers(parameters), numbers(twins))
    assert (state["steps"], other.steps, other.groups[1]["lr"]) == (3, 7, 0.03)
    assert identical([np.array(x) for _, x in flat(state)], [np.array(x) for _, x in flat(before)])  # it took copies


def flat(state, name=""):
    for key, x in state.items():
        if isinstance(x, dict):
            yield from flat(x, f"{name}{key}.")
        else:
            yield f"{name}{key}", x


@each_rule
def test_a_state_is_numbers_strings_and_arrays_of_its_own(rule, settings):
    parameters, backward = mixture()
    optimizer = rule(parameters, **settings)
    backward()
    optimizer.step()
    state = optimizer.state_dict()
    plain = {name: x.tolist() if isinstance(x, np.ndarray) else x for name, x in flat(state)}
    assert json.loads(json.dumps(plain)) == plain
    for _, x in flat(state):
        if isinstance(x, np.ndarray):
            x[...] = np.nan
    assert not any(np.isnan(x).any() for _, x in flat(optimizer.state_dict()) if isinstance(x, np.ndarray))


def test_a_state_does_not_depend_on_how_parameters_were_packed(monkeypatch):
    parameters, backward = mixture()
    optimizer = optim.Adam(parameters)
    backward()
    optimizer.step()
    monkeypatch.setattr(packs, "LENGTH", 1)
    alone = optim.Adam(parameters)
    alone.load_state_dict(optimizer.state_dict())
    for (name, x), (other, y) in zip(flat(alone.state_dict()), flat(optimizer.state_dict()), strict=True):
        assert name == other
        assert np.array_equal(x, y)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda s: {}, ["missing optimizer", "missing steps", "missing groups"]),
        (lambda s: [], ["the state: list, expected a dict"]),
        (lambda s: {**s, "optimizer": "SGD"}, ["it is of SGD"]),
        (lambda s: {**s, "steps": -1}, ["steps is -1"]),
        (lambda s: {**s, "steps": "many"}, ["steps is 'many'"]),
        (lambda s: {**s, "more": 1}, ["the state: unknown more"]),
        (lambda s: {**s, "groups": {"0": s["groups"]["0"], "1": s["groups"]["0"]}}, ["groups: unknown 1"]),
        (lambda s: s["groups"]["0"]["settings"].update(lr=-1.0, eps="x") or s, ["lr must be at least 0", "eps is a number"]),
        (lambda s: s["groups"]["0"]["settings"].update(betas=np.zeros(3)) or s, ["betas are two numbers"]),
        (lambda s: s["groups"]["0"].update(memory={}) or s, ["memory of group 0: missing exp_avg", "missing exp_avg_sq"]),
        (
            lambda s: s["groups"]["0"]["memory"].update(exp_avg=np.zeros(3), exp_avg_sq="0") or s,
            ["exp_avg of group 0 is float64 of shape (3,), expected float64 of shape (2,)", "exp_avg_sq of group 0 is str"],
        ),
        (
            lambda s: s["groups"]["0"]["memory"].update(exp_avg=np.zeros(2, np.float32)) or s,
            ["exp_avg of group 0 is float32 of shape (2,), expected float64 of shape (2,)"],
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing_and_all_faults_are_told(damage, words):
    optimizer = optim.Adam([Value(1.0), Value(2.0)])
    optimizer.step()
    before = dict(flat(optimizer.state_dict()))
    with pytest.raises(ValueError, match="load_state_dict: this state is not of Adam") as caught:
        optimizer.load_state_dict(damage(optimizer.state_dict()))
    assert [word for word in words if word not in str(caught.value)] == []
    after = dict(flat(optimizer.state_dict()))
    assert all(np.array_equal(after[name], x) for name, x in before.items())


# -- gradients that were not zeroed --------------------------------------------------------------------------------------------


def model_and_backward(kind):
    w, b = (Value(1.0), Value(0.5)) if kind is Value else (Tensor([1.0, 2.0]), Tensor([0.5]))

    class Line(nn.Module):
        def __init__(self):
            self.w, self.b = w, b

    model = Line()

    def backward():
        loss = w * w * b
        (loss if kind is Value else loss.sum()).backward()

    return model, [w, b], backward


def caught_in(steps):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in steps:
            step()
    return caught


both = pytest.mark.parametrize("kind", [Value, Tensor])


@both
def test_a_step_on_old_gradients_warns_once_and_tells_the_fix(kind):
    _, parameters, backward = model_and_backward(kind)
    optimizer = optim.SGD(parameters, lr=1e-3)
    caught = caught_in([backward, optimizer.step] * 4)
    assert [w.category for w in caught] == [optim.UnzeroedGradientWarning]
    assert "call optimizer.zero_grad() before backward()" in str(caught[0].message)
    assert caught[0].filename == __file__


@both
@pytest.mark.parametrize("rule", [*dict(RULES), optim.Momentum], ids=lambda rule: rule.__name__)
def test_accumulate_says_that_it_is_meant(rule, kind):
    _, parameters, backward = model_and_backward(kind)
    optimizer = rule(parameters, lr=1e-3, accumulate=True)
    assert caught_in([backward, optimizer.step] * 4) == []


def test_to_zero_the_loss_does_not_help_and_is_told():
    x = Value(1.0)
    optimizer = optim.SGD([x])
    loss = x * x
    loss.backward()
    optimizer.step()
    loss = x * x
    loss.zero_grad()
    loss.backward()
    with pytest.warns(optim.UnzeroedGradientWarning, match="zero_grad of the loss does not reach the parameters"):
        optimizer.step()


def fill_with_zero(parameters):
    for w in parameters:
        if isinstance(w, Tensor):
            w.grad.fill(0.0)
        else:
            w.grad *= 0.0


ZEROING = {
    "optimizer.zero_grad()": lambda model, optimizer: optimizer.zero_grad(),
    "model.zero_grad()": lambda model, optimizer: model.zero_grad(),
    "p.zero_grad()": lambda model, optimizer: [p.zero_grad() for p in optimizer.parameters],
    "p.grad = 0.0": lambda model, optimizer: [setattr(p, "grad", 0.0) for p in optimizer.parameters],
    "in place": lambda model, optimizer: fill_with_zero(optimizer.parameters),
}


@both
@pytest.mark.parametrize("zero", ZEROING.values(), ids=ZEROING)
@pytest.mark.parametrize("reads", [False, True])
def test_no_way_of_zeroing_warns(kind, zero, reads):
    model, parameters, backward = model_and_backward(kind)
    optimizer = optim.Adam(parameters)

    def read():
        return [p.grad + 1.0 for p in parameters] if reads else None

    def zero_all():
        zero(model, optimizer)

    assert caught_in([zero_all, read, backward, read, optimizer.step, read] * 3) == []  # zeroed before backward
    assert caught_in([zero_all, backward, backward, optimizer.step] * 3) == []  # two batches for a step
    assert caught_in([zero_all, *[backward, optimizer.step, read, zero_all] * 3]) == []  # zeroed after the step


@both
def test_a_parameter_frozen_on_the_way_does_not_warn(kind):
    model, parameters, backward = model_and_backward(kind)
    optimizer = optim.SGD(parameters, lr=1e-3)
    backward()
    optimizer.step()
    parameters[0].requires_grad = False
    assert caught_in([model.zero_grad, backward, optimizer.step] * 3) == []


@both
def test_clipping_keeps_the_mark(kind):
    _, parameters, backward = model_and_backward(kind)
    optimizer = optim.SGD(parameters, lr=1e-3)
    clip = lambda: (optim.clip_grad_norm(parameters, 0.1), optim.clip_grad_value(parameters, 0.05))  # noqa: E731
    assert len(caught_in([backward, clip, optimizer.step] * 3)) == 1


@both
@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_a_twin_of_an_optimizer_in_use_steps_alike(kind, twin_of):
    _, parameters, backward = model_and_backward(kind)
    optimizer = optim.Adam(parameters)
    backward()
    optimizer.step()
    twins, twin = twin_of((parameters, optimizer))
    assert twins == twin.parameters
    assert [np.array(v.grad).tolist() for v in twins] == [np.array(w.grad).tolist() for w in parameters]
    for w, v in zip(parameters, twins):
        w.grad = v.grad = 1.0
    optimizer.step()
    twin.step()
    assert identical(numbers(parameters), numbers(twins))


@both
def test_a_pickle_holds_plain_gradients(kind):
    _, parameters, backward = model_and_backward(kind)
    backward()
    optim.SGD(parameters).step()
    assert any(packs.is_marked(w) for w in parameters)
    assert b"Spent" not in pickle.dumps(parameters)


# -- clipping ------------------------------------------------------------------------------------------------------------------


def with_gradients(*gradients):
    parameters = [Tensor(np.zeros(np.shape(g))) if np.ndim(g) else Value(0.0, label="w") for g in gradients]
    for w, g in zip(parameters, gradients):
        w.grad = g
    return parameters


def test_clip_grad_norm_scales_both_kinds_by_one_factor():
    w, v = with_gradients(3.0, [0.0, 4.0])
    assert nn.optim.clip_grad_norm([w, v], 2.5) == 5.0
    assert (w.grad, v.grad.tolist()) == (1.5, [0.0, 2.0])
    assert nn.optim.clip_grad_norm([w, v], 2.5) == 2.5
    assert (w.grad, v.grad.tolist()) == (1.5, [0.0, 2.0])


def test_the_norm_of_large_float32_gradients_does_not_overflow():
    w = Tensor([0.0, 0.0], dtype=np.float32)
    w.grad = [3e30, 4e30]
    assert nn.optim.clip_grad_norm([w], 1.0) == pytest.approx(5e30)
    assert w.grad.dtype == np.float32
    assert w.grad.tolist() == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("clip", [optim.clip_grad_norm, optim.clip_grad_value])
@pytest.mark.parametrize("most", [1, np.float64(1.0)])
def test_a_limit_of_any_kind_of_number_leaves_gradients_of_theirs(clip, most):
    w, v = Tensor([1.0, 2.0], dtype=np.float32), Value(1.0)
    w.grad, v.grad = [3.0, 4.0], 5.0
    clip([w, v], most)
    assert (w.grad.dtype, type(v.grad)) == (np.float32, float)


def test_a_gradient_that_never_came_has_norm_zero():
    w = Tensor([1.0])
    assert nn.optim.clip_grad_norm([w], 1.0) == 0.0
    nn.optim.clip_grad_value([w], 1.0)
    assert w.grad.tolist() == [0.0]


def test_clip_grad_value_brings_each_number_into_its_range():
    w, v = with_gradients(-3.0, [0.5, -0.5, np.inf])
    nn.optim.clip_grad_value([w, v], 1.0)
    assert (w.grad, v.grad.tolist()) == (-1.0, [0.5, -0.5, 1.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clipping_refuses_a_norm_that_is_not_finite_and_changes_nothing(bad):
    w, v = with_gradients(bad, [3.0, 4.0])
    with pytest.raises(FloatingPointError, match="clip_grad_norm: the gradient of 'w' is not finite; no gradient was changed"):
        nn.optim.clip_grad_norm([w, v], 1.0)
    assert v.grad.tolist() == [3.0, 4.0]


def test_clipping_refuses_what_has_no_meaning():
    w, v = with_gradients(np.nan, [2.0])
    with pytest.raises(FloatingPointError, match="clip_grad_value: the gradient of 'w' is not finite"):
        nn.optim.clip_grad_value([w, v], 1.0)
    with pytest.raises(ValueError, match="max_norm must be a positive number, not 0"):
        nn.optim.clip_grad_norm([w], 0)
    with pytest.raises(ValueError, match="clip_value must be a positive number, not nan"):
        nn.optim.clip_grad_value([w], np.nan)
    with pytest.raises(TypeError, match="clip_value is a number, not str"):
        nn.optim.clip_grad_value([w], "1")
    with pytest.raises(ValueError, match="'w' comes twice"):
        nn.optim.clip_grad_norm([w, w], 1.0)
    w.grad = None
    with pytest.raises(TypeError, match="clip_grad_norm: grad of 'w' is None"):
        nn.optim.clip_grad_norm([w], 1.0)
