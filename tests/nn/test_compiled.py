"""fit(compiled=True) gives what fit gives."""

import warnings
from functools import partial

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import DomainError, Tensor, Value
from autograd.compile import compile

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
NUMBERS = RNG.normal(size=(12, 2))
SIGNS = np.where(X[:, 0] > 0, 1.0, -1.0)
BITS = (X[:, 0] > 0).astype(int)
LABELS = RNG.integers(0, 3, 12)
SHARES = RNG.dirichlet(np.ones(3), 12)
EPOCHS = 4


def mlp(n_out=2, **settings):
    return nn.MLP(3, [4, n_out], activation="tanh", rng=0, **settings)


def fitted(model, y, loss, optimizer=None, *, compiled, epochs=EPOCHS, batch_size=5, rng=0, **settings):
    """The History, the parameters afterwards, and their gradients."""
    history = nn.fit(
        model,
        X,
        y,
        loss=loss,
        optimizer=optimizer and optimizer(model),
        epochs=epochs,
        batch_size=batch_size,
        rng=rng,
        compiled=compiled,
        verbose=False,
        **settings,
    )
    return history, model.state_dict(), [x.grad for x in model.parameters()]


def check_same(make, y, loss, optimizer=None, *, settings=lambda model: {}, rtol=1e-12, **others):
    """Trained compiled and as it is, a model made by ``make`` comes out the same."""
    models = make(), make()
    eager, compiled = (
        fitted(model, y, loss, optimizer, compiled=compiled, **settings(model), **others)
        for model, compiled in zip(models, (False, True))
    )
    close = partial(np.testing.assert_allclose, rtol=rtol, atol=rtol / 100)
    assert compiled[0].names() == eager[0].names()
    for name in eager[0].names():
        close(compiled[0][name], eager[0][name])
    for name, array in eager[1].items():
        assert compiled[1][name].dtype == array.dtype
        close(compiled[1][name], array, err_msg=name)
    for ours, theirs in zip(compiled[2], eager[2], strict=True):
        close(ours, theirs, rtol=10 * rtol, atol=rtol)


OPTIMIZERS = {
    "sgd": lambda w: nn.SGD(w, lr=0.1),
    "momentum": lambda w: nn.SGD(w, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda w: nn.SGD(w, lr=0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda w: nn.optim.Adagrad(w, lr=0.1, lr_decay=0.01),
    "adadelta": lambda w: nn.optim.Adadelta(w),
    "rmsprop": lambda w: nn.optim.RMSprop(w, lr=0.01, momentum=0.5, centered=True),
    "adam": lambda w: nn.Adam(w, lr=0.01),
    "amsgrad": lambda w: nn.Adam(w, lr=0.01, amsgrad=True, weight_decay=0.1),
    "adamw": lambda w: nn.optim.AdamW(w, lr=0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_every_optimizer_takes_the_same_steps(optimizer):
    check_same(mlp, NUMBERS, nn.mse, lambda model: optimizer(model.parameters()))


LOSSES = {
    "mse": (mlp, NUMBERS, nn.mse),
    "mae": (mlp, NUMBERS, nn.mae),
    "huber": (mlp, NUMBERS, lambda p, t: nn.huber(p, t, delta=0.5)),
    "hinge": (lambda: mlp(1), SIGNS, nn.hinge),
    "bce": (lambda: nn.Sequential(mlp(1), nn.Sigmoid()), BITS, nn.bce),
    "bce_with_logits": (lambda: mlp(1), BITS, nn.bce_with_logits),
    "bce_with_logits of truths": (lambda: mlp(1), BITS == 1, nn.bce_with_logits),
    "cross_entropy": (lambda: mlp(3), LABELS, nn.cross_entropy),
    "cross_entropy of floats": (lambda: mlp(3), LABELS * 1.0, nn.cross_entropy),
    "cross_entropy, smoothed": (lambda: mlp(3), LABELS, lambda p, t: nn.cross_entropy(p, t, label_smoothing=0.1)),
    "cross_entropy of distributions": (lambda: mlp(3), SHARES, nn.cross_entropy),
    "kl_divergence": (lambda: mlp(3), SHARES, lambda p, t: nn.kl_divergence(ag.log_softmax(p, -1), t)),
    "a sum": (mlp, NUMBERS, lambda p, t: nn.mse(p, t, reduction="sum")),
    "one's own": (mlp, NUMBERS, lambda p, t: ((p - t) ** 4).mean()),
}


@pytest.mark.parametrize(("make", "y", "loss"), LOSSES.values(), ids=LOSSES.keys())
def test_every_loss_comes_out_the_same(make, y, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_same(make, y, loss)


@pytest.mark.parametrize("batch_size", [None, 1, 5, 12])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_batch_size_and_order_comes_out_the_same(batch_size, shuffle):
    check_same(mlp, NUMBERS, nn.mse, batch_size=batch_size, shuffle=shuffle, epochs=2)


def test_a_difference_would_be_seen():
    rates = iter([0.1, 0.1 + 1e-9])
    with pytest.raises(AssertionError):
        check_same(mlp, NUMBERS, nn.mse, lambda model: nn.SGD(model.parameters(), lr=next(rates)))


# -- layers ------------------------------------------------------------------------------------------------------------------


def stack(*layers):
    return lambda: nn.Sequential(nn.Dense(3, 4, "tanh", rng=0), *[layer() for layer in layers], nn.Dense(4, 2, rng=1))


LAYERS = {name: stack(nn.activations.NAMES[name]) for name in nn.activations.NAMES}
LAYERS |= {
    "LayerNorm": stack(lambda: nn.LayerNorm(4)),
    "BatchNorm": stack(lambda: nn.BatchNorm(4)),
    "Residual": stack(lambda: nn.Residual(nn.Dense(4, 4, rng=2))),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
def test_every_layer_comes_out_the_same(make):
    check_same(make, NUMBERS, nn.mse)


def test_dropout_draws_the_same_numbers_bit_for_bit():
    models = []
    for compiled in (False, True):
        model = stack(lambda: nn.Dropout(0.5, rng=3))()
        fitted(model, NUMBERS, nn.mse, compiled=compiled)
        models.append(model)
    assert models[0].layers[1].rng.random() == models[1].layers[1].rng.random()
    check_same(stack(lambda: nn.Dropout(0.5, rng=3)), NUMBERS, nn.mse)


def test_one_generator_may_shuffle_and_drop():
    def settings():
        rng = np.random.default_rng(0)
        made.append(stack(lambda: nn.Dropout(0.5, rng=rng))())
        return {"rng": rng}

    made = []
    results = [nn.fit(made[-1], X, NUMBERS, loss=nn.mse, epochs=3, batch_size=5, compiled=c, verbose=False, **s).loss
               for c in (False, True) if (s := settings())]  # fmt: skip
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_an_embedding_takes_other_places_in_other_batches():
    places = np.random.default_rng(0).integers(0, 5, (12, 3))

    def train(compiled):
        model = nn.Sequential(nn.Embedding(5, 2, rng=0), nn.Flatten(), nn.Dense(6, 2, rng=0))
        nn.fit(model, places, NUMBERS, loss=nn.mse, epochs=3, batch_size=5, rng=0, compiled=compiled, verbose=False)
        return model.state_dict()

    for eager, compiled in zip(train(False).values(), train(True).values()):
        np.testing.assert_allclose(compiled, eager, rtol=1e-12)


# -- whose parameters count ---------------------------------------------------------------------------------------------------


def test_metrics_and_examples_held_out_come_out_the_same():
    check_same(lambda: mlp(3), LABELS, nn.cross_entropy, validation=0.25, metrics=[nn.accuracy])


def test_examples_held_out_are_judged_by_the_running_means_as_they_stand():
    check_same(lambda: stack(lambda: nn.BatchNorm(4))(), NUMBERS, nn.mse, validation=0.25)


def test_parameters_of_two_dtypes_keep_theirs():
    def make():
        model = tensors()()
        model.layers[0].astype(np.float32)
        return model

    check_same(make, NUMBERS, nn.mse, lambda model: nn.Adam(model.parameters()), rtol=1e-5)


def test_parameters_that_are_frozen_or_not_the_optimizers_stay():
    def make():
        model = mlp()
        for w in model.layers[0].weight.flat:
            w.requires_grad = False
        return model

    check_same(make, NUMBERS, nn.mse, lambda model: nn.Adam(model.parameters(), weight_decay=0.1))
    check_same(mlp, NUMBERS, nn.mse, lambda model: nn.SGD(model.layers[1].parameters(), lr=0.1, momentum=0.9))
    everything = lambda model: [w for _, block in model._blocks() for w in block.flat]  # noqa: E731
    check_same(make, NUMBERS, nn.mse, lambda model: nn.SGD(everything(model), lr=0.1, weight_decay=0.1))


def test_groups_keep_their_own_settings():
    def groups(model):
        first, last = model.layers
        return nn.SGD([{"params": first.parameters(), "lr": 0.2}, {"params": last.parameters(), "momentum": 0.5}], lr=0.1)

    check_same(mlp, NUMBERS, nn.mse, groups)


def test_parameters_beside_the_model_gather_their_gradients():
    scales = [Value(1.0), Value(1.0)]
    for scale, compiled in zip(scales, (False, True)):
        fitted(mlp(), NUMBERS, lambda p, t, scale=scale: scale * nn.mse(p, t), compiled=compiled)
    assert scales[1].grad == pytest.approx(scales[0].grad, rel=1e-12)
    assert scales[0].grad > 1


def callbacks(model):
    return {"callbacks": [nn.schedules.LearningRate(nn.schedules.cosine(0.1, 12)), nn.EarlyStopping("loss", patience=1)]}


def test_schedules_and_early_stopping_do_as_ever():
    check_same(mlp, NUMBERS, nn.mse, settings=callbacks)
    check_same(mlp, NUMBERS, nn.mse, settings=lambda model: {"callbacks": [nn.schedules.ReduceOnPlateau(patience=0)]})


def test_a_record_holds_the_same_frames():
    records = []
    for compiled in (False, True):
        records.append(nn.Record(every=2))
        fitted(mlp(), NUMBERS, nn.mse, compiled=compiled, callbacks=records[-1:])
    for name, values in records[0].values.items():
        np.testing.assert_allclose(records[1].values[name], values, rtol=1e-12)
        np.testing.assert_allclose(records[1].gradients[name], records[0].gradients[name], rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(records[1].loss, records[0].loss, rtol=1e-12)


class Does(nn.Callback):
    """Does something to a model of which it knows, at one moment."""

    def __init__(self, model, **moments):
        self.model = model
        for moment, act in moments.items():
            setattr(self, moment, lambda run, act=act: act(self.model))


def when(**moments):
    return lambda model: {"callbacks": [Does(model, **moments)]}


def clip(model):
    nn.clip_grad_norm(model.parameters(), 0.1)


def shrink(model):
    for w in model.parameters():
        w.data *= 0.5


def freeze(model):
    for w in model.layers[0].parameters():
        w.requires_grad = False


@pytest.mark.parametrize("moment", ["before_step", "after_step", "after_epoch"])
def test_what_a_callback_does_to_parameters_counts(moment):
    check_same(mlp, NUMBERS, nn.mse, lambda model: nn.Adam(model.parameters()), settings=when(**{moment: shrink}))
    check_same(mlp, NUMBERS, nn.mse, lambda model: nn.Adam(model.parameters()), settings=when(**{moment: freeze}))


class Tempered(nn.Module):
    """Its outputs are divided by a number that is not trained, but written to by a callback."""

    def __init__(self, kind):
        self.inner = mlp(kind=kind)
        self.heat = kind(1.0, requires_grad=False)

    def forward(self, x):
        return self.inner(x) / ag.sqrt(self.heat + 1.0)


def warm(model):
    model.heat.data = model.heat.data * 1.5


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_what_is_not_trained_is_read_anew_when_a_callback_has_written_to_it(kind):
    check_same(lambda: Tempered(kind), NUMBERS, nn.mse, settings=when(after_epoch=warm), epochs=6, validation=0.25)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_after_an_error_no_gradient_is_one_of_two_steps(kind):
    model = mlp(3, kind=kind)
    with pytest.raises(ValueError, match="label 3"):
        fitted(model, np.where(np.arange(12) == 11, 3, LABELS), nn.cross_entropy, compiled=True, shuffle=False)
    assert not any(np.any(x.grad) for x in model.parameters())


def test_gradients_are_there_to_be_clipped_before_a_step():
    check_same(mlp, NUMBERS, nn.mse, lambda model: nn.SGD(model.parameters(), momentum=0.5), settings=when(before_step=clip))


def test_dropout_that_a_callback_switches_off_stays_off():
    dropping = stack(lambda: nn.Dropout(0.5, rng=3))
    check_same(dropping, NUMBERS, nn.mse, settings=when(after_epoch=lambda model: model.eval()))


def test_a_callback_that_only_looks_costs_no_accuracy():
    seen = []
    settings = when(after_step=lambda model: seen.append([(w.data, w.grad) for w in model.parameters()]))
    check_same(mlp, NUMBERS, nn.mse, lambda model: nn.Adam(model.parameters()), settings=settings)
    eager, compiled = np.split(np.array(seen), 2)
    np.testing.assert_allclose(compiled, eager, rtol=1e-10, atol=1e-14)


def test_a_kind_of_our_callbacks_may_look_by_itself():
    class Sums(nn.EarlyStopping):
        def __init__(self, model):
            super().__init__("loss", patience=9)
            self.model, self.sums = model, []

        def after_epoch(self, run):
            self.sums.append(sum(w.data for w in self.model.parameters()))
            super().after_epoch(run)

    models = mlp(), mlp()
    eager, compiled = (Sums(model) for model in models)
    for model, one in zip(models, (eager, compiled)):
        fitted(model, NUMBERS, nn.mse, compiled=one is compiled, callbacks=[one])
    assert compiled.sums == pytest.approx(eager.sums, rel=1e-12)


def test_an_optimizer_with_a_step_of_its_own_is_asked_for_it():
    class Signs(nn.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, 0.1)

        def step(self):
            for w in self.parameters:
                w.data -= 0.1 * np.sign(w.grad)

    check_same(mlp, NUMBERS, nn.mse, lambda model: Signs(model.parameters()))


@pytest.mark.parametrize("resumed", [False, True], ids=["goes on as it is", "goes on compiled"])
def test_a_checkpoint_of_a_compiled_run_is_resumed(tmp_path, resumed):
    def run(model, compiled, interrupted=False, **settings):
        callbacks = [Interrupt(interrupted), nn.Checkpoint(tmp_path / "run.npz", every=2)]
        return fitted(model, NUMBERS, nn.mse, adam, compiled=compiled, callbacks=callbacks, **settings)

    def adam(model):
        return nn.Adam(model.parameters(), lr=0.01)

    whole = run(mlp(), False)
    with pytest.raises(KeyboardInterrupt):
        run(mlp(), True, interrupted=True)
    rest = run(nn.MLP(3, [4, 2], activation="tanh", rng=7), resumed, resume=tmp_path / "run.npz")
    np.testing.assert_allclose(rest[0].loss, whole[0].loss, rtol=1e-12)
    for name, array in whole[1].items():
        np.testing.assert_allclose(rest[1][name], array, rtol=1e-12)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_run_goes_on_between_the_last_step_of_an_epoch_and_its_judgement(tmp_path, kind):
    def run(compiled, interrupted=False, **settings):
        callbacks = [Interrupt(interrupted, "after_epoch", 4), nn.Checkpoint(tmp_path / "run.npz", every=2)]
        model = mlp(kind=kind)
        return fitted(model, NUMBERS, nn.mse, compiled=compiled, validation=0.25, callbacks=callbacks, **settings)[0]

    whole = run(False)
    with pytest.raises(KeyboardInterrupt):
        run(True, interrupted=True)
    assert run(True, resume=tmp_path / "run.npz").val_loss == pytest.approx(whole.val_loss, rel=1e-12)


class Interrupt(nn.Callback):
    """Break off at a moment after some steps, if it is to."""

    def __init__(self, interrupted, moment="after_step", step=5):
        self.interrupted, self.step = interrupted, step
        setattr(self, moment, self.act)

    def act(self, run):
        if self.interrupted and run.step == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_who_breaks_in_finds_parameters_and_gradients_as_they_stand(kind):
    models = [mlp(kind=kind), mlp(kind=kind)]
    for model, compiled in zip(models, (False, True)):
        with pytest.raises(KeyboardInterrupt):
            fitted(model, NUMBERS, nn.mse, compiled=compiled, callbacks=[Interrupt(True)])
    for eager, compiled in zip(*[model.parameters() for model in models]):
        np.testing.assert_allclose(compiled.data, eager.data, rtol=1e-12)
        np.testing.assert_allclose(compiled.grad, eager.grad, rtol=1e-10, atol=1e-14)


def test_a_second_step_on_the_same_gradients_warns_as_ever():
    model = mlp()
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    fitted(model, NUMBERS, nn.mse, lambda model: optimizer, compiled=True)
    with pytest.warns(nn.optim.UnzeroedGradientWarning):
        optimizer.step()


# -- what goes wrong ----------------------------------------------------------------------------------------------------------


def both_raise(kind, make, y, loss, **settings):
    """The same error comes compiled and as it is; gives its text, and what the parameters are afterwards."""
    found = []
    for compiled in (False, True):
        model = make()
        with pytest.raises(kind) as caught:
            fitted(model, y, loss, lambda model: nn.SGD(model.parameters(), lr=30.0), compiled=compiled, **settings)
        found.append(([str(caught.value), *getattr(caught.value, "__notes__", [])], model.state_dict()))
    assert found[0][0] == found[1][0]
    for name, array in found[0][1].items():
        np.testing.assert_allclose(found[1][1][name], array, rtol=1e-9)
    return found[1][0]


def test_a_run_that_diverges_says_so_and_leaves_the_parameters_before_the_step():
    make = lambda: nn.MLP(3, [4, 2], activation="relu", rng=0)  # noqa: E731
    assert any("epoch" in line for line in both_raise(ArithmeticError, make, NUMBERS, nn.mse, epochs=200))


class Exponential(nn.Module):
    """Too large for a float where an example is large."""

    def __init__(self, scale):
        self.w = Value(scale)

    def forward(self, x):
        return np.array([ag.exp(self.w * row[0]) for row in x])


def test_an_op_out_of_its_domain_is_told_with_its_place():
    told = both_raise(DomainError, lambda: Exponential(700.0), X[:, 0], nn.mae, shuffle=False)
    assert "exp" in told[0]
    assert "epoch 1, batch" in told[1]
    far = X + 999, X[:, 0]
    told = both_raise(DomainError, lambda: Exponential(1.0), X[:, 0], lambda p, t: 1e-9 * nn.mae(p, t), validation=far)
    assert "exp" in told[0]
    assert "held out" in told[1]


def test_labels_that_are_none_are_refused():
    assert "-1 or 1" in both_raise(ValueError, lambda: mlp(1), BITS, nn.hinge)[0]
    odd = np.where(np.arange(12) == 11, 3, LABELS)
    assert "label 3" in both_raise(ValueError, lambda: mlp(3), odd, nn.cross_entropy, shuffle=False)[0]


def test_a_loss_that_is_no_number_is_refused_in_the_same_words():
    assert "came as float" in both_raise(TypeError, mlp, NUMBERS, lambda p, t: 1.0)[0]


def test_logits_that_are_probabilities_are_told_once():
    with pytest.warns(UserWarning, match="takes logits") as caught:
        fitted(nn.Sequential(mlp(1), nn.Sigmoid()), BITS, nn.bce_with_logits, compiled=True)
    assert len(caught) == 1


class Counts(nn.Module):
    """It keeps a running number in a Value that it also reads, which no program can do."""

    def __init__(self):
        self.inner = mlp()
        self.calls = Value(0.0, requires_grad=False)

    def forward(self, x):
        self.calls.data = self.calls._data + 1
        return self.inner(x) * self.calls


def test_what_can_not_be_compiled_runs_as_it_is_and_says_why_once():
    model = Counts()
    with pytest.warns(UserWarning, match="something else|writes") as caught:
        compiled = fitted(model, NUMBERS, nn.mse, compiled=True)
    assert len(caught) == 1
    assert model.calls.data == 12
    eager = fitted(Counts(), NUMBERS, nn.mse, compiled=False)
    assert compiled[0].loss == pytest.approx(eager[0].loss, rel=1e-12)


class Noisy(nn.Module):
    """It draws behind the compiler's back."""

    def __init__(self, kind):
        self.inner, self.rng = mlp(kind=kind), np.random.default_rng(0)

    def forward(self, x):
        return self.inner(x) + self.rng.normal()


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_noise_that_is_drawn_elsewhere_comes_out_the_same_after_one_warning(kind):
    with pytest.warns(UserWarning, match="something else") as caught:
        check_same(lambda: Noisy(kind), NUMBERS, nn.mse)
    assert len(caught) == 1


def test_a_judgement_that_can_not_be_compiled_is_made_as_ever_and_says_why_once():
    def loss_of(model):
        def loss(p, t):
            if not model.training:
                assert not np.isnan(t).any()  # which takes no Values
            return nn.mse(p, t)

        return loss

    histories = []
    for compiled in (False, True):
        model = mlp()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            histories.append(fitted(model, NUMBERS, loss_of(model), compiled=compiled, validation=0.25)[0])
        assert len(told) == compiled
    assert histories[1].val_loss == pytest.approx(histories[0].val_loss, rel=1e-12)


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("y", [LABELS, BITS == 1], ids=["labels", "truths"])
def test_there_is_a_program_for_each_size_of_batch_and_not_for_each_batch(kind, y):
    class Count(nn.Callback):
        def end(self, run):
            self.n = len(run.show.__self__._step.paths)

    count = Count()
    loss = nn.cross_entropy if y is LABELS else nn.bce_with_logits
    fitted(mlp(3 if y is LABELS else 1, kind=kind), y, loss, compiled=True, callbacks=[count])
    assert count.n == 2


def test_a_loss_of_too_many_branches_runs_as_it_is_after_a_while():
    loss = lambda p, t: nn.mse(p, t) if float(p[0, 0]) > 1e9 else nn.mae(p, t)  # noqa: E731
    with pytest.warns(UserWarning, match="ways") as caught:
        check_same(mlp, NUMBERS, loss, epochs=20)
    assert len(caught) == 1


def test_a_branch_of_the_loss_is_taken_as_the_numbers_say():
    check_same(mlp, NUMBERS, lambda p, t: nn.mse(p, t) if ag.sum(p) > 0 else nn.mae(p, t), epochs=10)


# -- Tensors -----------------------------------------------------------------------------------------------------------------


def tensors(n_out=2, dtype=np.float64):
    return lambda: mlp(n_out, kind=Tensor).astype(dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_tensors_take_the_same_steps_with_every_optimizer(optimizer):
    check_same(tensors(), NUMBERS, nn.mse, lambda model: optimizer(model.parameters()))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("y", [LABELS, LABELS.astype(float), SHARES], ids=["labels", "floats", "distributions"])
def test_tensors_learn_classes_in_their_dtype(y, dtype):
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    check_same(tensors(3, dtype), y, nn.cross_entropy, rtol=rtol, metrics=[nn.accuracy], validation=0.25)


TENSOR_LAYERS = {
    "batch norm": lambda: nn.Sequential(nn.Dense(3, 4, rng=0, kind=Tensor), nn.BatchNorm(4, kind=Tensor), nn.ReLU(), _last()),
    "dropout": lambda: nn.Sequential(nn.Dense(3, 4, "gelu", rng=0, kind=Tensor), nn.Dropout(0.3, rng=1), _last()),
    "layer norm": lambda: nn.Sequential(nn.Dense(3, 4, "silu", rng=0, kind=Tensor), nn.LayerNorm(4, kind=Tensor), _last()),
}


def _last():
    return nn.Dense(4, 2, rng=1, kind=Tensor)


@pytest.mark.parametrize("make", TENSOR_LAYERS.values(), ids=TENSOR_LAYERS.keys())
def test_layers_of_tensors_come_out_the_same(make):
    check_same(make, NUMBERS, nn.huber)
    check_same(lambda: make().astype(np.float32), NUMBERS, nn.huber, rtol=1e-5)


def test_a_callback_may_change_tensors():
    for moment in ("before_step", "after_step", "after_epoch"):
        check_same(tensors(), NUMBERS, nn.mse, settings=when(**{moment: shrink}))


def test_a_loss_of_tensors_that_is_no_longer_finite_is_told_where_it_began():
    texts = both_raise(FloatingPointError, lambda: nn.MLP(3, [4, 2], rng=0, kind=Tensor), NUMBERS, nn.mse, epochs=200)
    assert "The first that is not finite is" in texts[0]


def test_other_labels_need_no_other_program():
    for kind in (Value, Tensor):
        model = mlp(3, kind=kind)
        step = compile(lambda x, y, model=model: nn.cross_entropy(model(x), y), model.parameters())
        for labels in (LABELS, LABELS[::-1].copy(), np.zeros(12, int)):
            value, _ = step.value_and_grad(X, labels)
            assert value == pytest.approx(float(nn.cross_entropy(model(X), labels)), rel=1e-12)
        assert len(step.paths) == 1
        with pytest.raises(ValueError, match="label 3 is not one of the 3 classes"):
            step.value_and_grad(X, LABELS + 1)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_loss_that_looks_up_labels_gives_the_right_numbers_all_the_same(kind):
    def loss(z, labels):
        rows = np.arange(len(labels))
        return ag.mean(ag.logsumexp(z, -1) - z[rows, labels.astype(int)])

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_same(lambda: mlp(3, kind=kind), LABELS, loss, epochs=20)
    assert len(told) == 1
