"""The lectures' listings, word for word but for the import and the end of the loop."""

import re

import numpy as np
import pytest

import autograd as ag
import nn
import nn.tensorflow as tf
from autograd import Tensor

DESCENT = """
weights = tf.Variable([tf.random.normal()])

while True:  # loop forever
    with tf.GradientTape() as g:
        loss = compute_loss(weights)
        gradient = g.gradient(loss, weights)

    weights = weights - lr * gradient
"""

TOGETHER = """
model = tf.keras.Sequential([...])

# pick your favorite optimizer
optimizer = tf.keras.optimizers.SGD()

while True:  # loop forever
    # forward pass through the network
    prediction = model(x)

    with tf.GradientTape() as tape:
        # compute the loss
        loss = compute_loss(y, prediction)

    # update the weights using the gradient
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
"""


BY_HAND = """
class MyDenseLayer(tf.keras.layers.Layer):
    def __init__(self, input_dim, output_dim):
        super(MyDenseLayer, self).__init__()

        # Initialize weights and bias
        self.W = self.add_weight([input_dim, output_dim])
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        # Forward propagate the inputs
        z = tf.matmul(inputs, self.W) + self.b

        # Feed through a non-linear activation
        output = tf.math.sigmoid(z)

        return output
"""  # the last line stands one level further left in the lecture, where it is a SyntaxError

DENSE = "Layer = tf.keras.layers.Dense(units = 2)"

DROPOUT = "layer = tf.keras.layers.Dropout(p=0.5)"


class EnoughError(Exception):
    pass


def run(listing, names, times):
    """Run the listing until its loss has been computed so many times."""
    losses = []

    def compute_loss(*args):
        if len(losses) == times:
            raise EnoughError
        losses.append(names["loss"](*args))
        return losses[-1]

    space = {**names, "tf": tf, "compute_loss": compute_loss}
    with pytest.raises(EnoughError):
        exec(listing, space)
    return space, [float(np.asarray(loss.data).sum()) for loss in losses]


def test_gradient_descent_finds_the_lowest_loss():
    tf.random.set_seed(0)
    space, losses = run(DESCENT, {"lr": 0.1, "loss": lambda w: (w - 3.0) ** 2}, 100)

    assert losses[-1] < 1e-12 < losses[0]
    assert space["weights"].data == pytest.approx([3.0])


def test_putting_it_all_together_trains_a_model():
    tf.random.set_seed(0)
    x = np.random.default_rng(0).normal(size=(20, 2)).tolist()
    y = [[0.5 * a - b + 0.25] for a, b in x]
    listing = re.sub(r"\[\.\.\.\]", "[tf.keras.layers.Dense(units=1)]", TOGETHER).replace("SGD()", "SGD(0.1)")
    space, losses = run(listing, {"x": x, "y": y, "loss": lambda y, prediction: nn.mse(prediction, y)}, 200)

    assert losses[-1] < 1e-6 < losses[0]
    weight, bias = space["model"].state_dict().values()
    assert weight.ravel() == pytest.approx([0.5, -1.0], abs=1e-3)
    assert bias == pytest.approx([0.25], abs=1e-3)


def my_dense_layer():
    space = {"tf": tf}
    exec(BY_HAND, space)
    return space["MyDenseLayer"]


def test_my_dense_layer_is_a_dense_layer():
    tf.random.set_seed(0)
    layer = my_dense_layer()(3, 2)
    assert [w.shape for w in layer.trainable_variables] == [(3, 2), (1, 2)]
    x = np.random.default_rng(1).normal(size=(4, 3))
    dense = nn.Dense(3, 2, "sigmoid", kind=Tensor)
    dense.load_state_dict({"weight": layer.W.data, "bias": layer.b.data[0]})

    y = layer(x)
    assert y.data == pytest.approx(1 / (1 + np.exp(-(x @ layer.W.data + layer.b.data))), rel=1e-14)
    assert y.data == pytest.approx(dense(x).data, rel=1e-14)
    (y * y).sum().backward()
    (dense(x) ** 2).sum().backward()
    assert layer.W.grad == pytest.approx(dense.weight.grad, rel=1e-12)
    assert ag.check_module(layer, lambda y: (y * y).sum(), x)


def test_my_dense_layer_from_scratch_as_a_module_is_the_same():
    class MyDenseLayer(nn.Module):
        def __init__(self, input_dim, output_dim, rng):
            self.W = Tensor(nn.init.glorot(rng, input_dim, output_dim))
            self.b = Tensor(np.zeros((1, output_dim)))

        def forward(self, inputs):
            z = ag.matmul(inputs, self.W) + self.b
            return ag.sigmoid(z)

    ours, theirs = MyDenseLayer(3, 2, np.random.default_rng(0)), my_dense_layer()(3, 2)
    theirs.load_state_dict(ours.state_dict())
    x = np.random.default_rng(1).normal(size=(4, 3))
    assert (ours(x).data == theirs(x).data).all()
    assert [name for name, _ in ours.named_parameters()] == ["W", "b"]


def test_my_dense_layers_learn_together():
    tf.random.set_seed(0)
    x, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0], [1.0], [1.0], [0.0]]
    layers = "[MyDenseLayer(2, 8), MyDenseLayer(8, 1)]"
    listing = re.sub(r"\[\.\.\.\]", layers, TOGETHER).replace("SGD()", "Adam(0.1)")
    names = {"x": x, "y": y, "MyDenseLayer": my_dense_layer(), "loss": lambda y, prediction: nn.mse(prediction, y)}
    _, losses = run(listing, names, 300)

    assert losses[-1] < 0.01 < losses[0]


def test_dense_finds_its_inputs_at_the_first_call():
    tf.random.set_seed(0)
    space = {"tf": tf}
    exec(DENSE, space)
    layer = space["Layer"]
    assert str(layer) == "Dense(units=2)"
    assert layer.trainable_variables == []
    x = np.random.default_rng(1).normal(size=(4, 3))
    y = layer(x)

    assert {name: array.shape for name, array in layer.state_dict().items()} == {"kernel": (3, 2), "bias": (2,)}
    assert y.data == pytest.approx(x @ layer.kernel.data + layer.bias.data, rel=1e-14)
    assert (layer(x).data == y.data).all()
    relu = tf.keras.layers.Dense(2, activation="relu")
    assert (relu(x).data == np.maximum(x @ relu.kernel.data, 0)).all()


@pytest.mark.parametrize("x", [3.0, [], np.zeros((4, 0))], ids=str)
def test_dense_wants_some_inputs(x):
    with pytest.raises(
        ValueError, match=re.escape("Dense(units=2) takes a list of numbers, or a list of such lists; found shape")
    ):
        tf.keras.layers.Dense(2)(x)


def test_gradients_may_be_plain_numbers():
    v, w = tf.Variable(2.0), tf.Variable([1.0, 2.0])
    tf.keras.optimizers.SGD(1.0).apply_gradients([(0.5, v), (np.array([1.0, 3.0]), w)])
    assert v.data == 1.5
    assert w.data.tolist() == [0.0, -1.0]
    assert v.grad == 0  # used up


def test_dropout_drops_half_in_training():
    tf.random.set_seed(0)
    space = {"tf": tf}
    exec(DROPOUT, space)
    model = tf.keras.Sequential([space["layer"]])
    ones = tf.Variable(np.ones(1000))
    y = model(ones).data

    assert set(np.unique(y)) == {0.0, 2.0}
    assert y.mean() == pytest.approx(1, abs=0.15)
    assert (model.eval()(ones).data == 1).all()
    tf.random.set_seed(0)
    assert (tf.keras.layers.Dropout(0.5)(ones).data == y).all()


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: tf.keras.optimizers.SGD(0.1), lambda w: nn.SGD(w, 0.1)),
        (lambda: tf.keras.optimizers.SGD(0.1, 0.9, nesterov=True), lambda w: nn.Nesterov(w, 0.1)),
        (lambda: tf.keras.optimizers.Adam(beta_1=0.8), lambda w: nn.Adam(w, 0.001, (0.8, 0.999), 1e-7)),
        (lambda: tf.keras.optimizers.Adadelta(), lambda w: nn.Adadelta(w, 0.001, 0.95, 1e-7)),
        (lambda: tf.keras.optimizers.Adagrad(), lambda w: nn.Adagrad(w, 0.001, 0, 0, 0.1, 1e-7)),
        (lambda: tf.keras.optimizers.RMSprop(centered=True), lambda w: nn.RMSprop(w, 0.001, 0.9, 1e-7, centered=True)),
    ],
    ids=["SGD", "Nesterov", "Adam", "Adadelta", "Adagrad", "RMSprop"],
)
def test_optimizers_step_as_ours_do(make, rule):
    theirs, ours = [tf.Variable([3.0, -2.0]), tf.Variable(1.0)], [Tensor([3.0, -2.0]), Tensor(1.0)]
    optimizer, expected = make(), rule(ours)
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = (theirs[0] ** 4).sum() + theirs[1] ** 2
        optimizer.apply_gradients(zip(tape.gradient(loss, theirs), theirs, strict=True))
        expected.zero_grad()
        ((ours[0] ** 4).sum() + ours[1] ** 2).backward()
        expected.step()
    for a, b in zip(theirs, ours, strict=True):
        assert a.data == pytest.approx(b.data, rel=1e-14)


def test_a_learning_rate_that_is_changed_counts_from_the_next_step():
    v = tf.Variable(2.0)
    optimizer = tf.keras.optimizers.SGD(1.0)
    optimizer.apply_gradients([(tf.Variable(1.0), v)])
    optimizer.learning_rate = 0.25
    optimizer.apply_gradients([(tf.Variable(1.0), v)])
    assert v.data == 0.75


def test_a_layer_by_hand_names_what_is_missing_or_unknown():
    with pytest.raises(NotImplementedError, match=re.escape("_Layer has no call(inputs) yet; write one")):
        tf.keras.layers.Layer()([1.0])
    with pytest.raises(ValueError, match=re.escape("initializer is one of glorot_uniform, zeros, ones; not 'he'")):
        tf.keras.layers.Layer().add_weight([2, 3], "he")
    with pytest.raises(ValueError, match=re.escape("Glorot's rule is for weights of shape (n_in, n_out), not (3,)")):
        tf.keras.layers.Layer().add_weight([3])


def test_a_weight_that_is_not_trainable_is_kept_and_not_trained():
    layer = tf.keras.layers.Layer()
    layer.scale = layer.add_weight([3], "ones", trainable=False, name="scale")
    assert layer.trainable_variables == []
    assert layer.scale.label == "scale"
    assert layer.state_dict()["scale"].tolist() == [1, 1, 1]


def test_what_has_no_gradient_stays():
    v = tf.Variable(2.0, name="v")
    tf.keras.optimizers.SGD(1.0).apply_gradients([(None, v)])

    assert v.label == "v"
    assert v.data == 2.0


def test_a_seed_gives_the_same_numbers():
    draws = []
    for _ in range(2):
        tf.random.set_seed(7)
        draws.append(tf.random.normal((2, 3), mean=1.0).data)

    assert draws[0].shape == (2, 3)
    assert (draws[0] == draws[1]).all()
