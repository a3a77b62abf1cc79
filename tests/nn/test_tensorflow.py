"""The lecture's listings, word for word but for the import and the end of the loop."""

import re

import numpy as np
import pytest

import nn
import nn.tensorflow as tf

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
    x = np.random.default_rng(0).normal(size=(20, 2)).tolist()
    y = [[0.5 * a - b + 0.25] for a, b in x]
    listing = re.sub(r"\[\.\.\.\]", "[tf.keras.layers.Dense(2, 1, rng=0)]", TOGETHER).replace("SGD()", "SGD(0.1)")
    space, losses = run(listing, {"x": x, "y": y, "loss": lambda y, prediction: nn.mse(prediction, y)}, 200)

    assert losses[-1] < 1e-6 < losses[0]
    weight, bias = space["model"].state_dict().values()
    assert weight.ravel() == pytest.approx([0.5, -1.0], abs=1e-3)
    assert bias == pytest.approx([0.25], abs=1e-3)


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
