"""The report on a compiled step of Tensors."""

import re

import numpy as np
import pytest

import autograd as ag
import nn
import viz
from autograd import Tensor
from autograd.compile import compile

RNG = np.random.default_rng(0)


def path_of(step, *args):
    step(*args)
    (path,) = step.explain().paths
    return path


@pytest.fixture(scope="module")
def step():
    model = nn.MLP(2, [16, 3], kind=Tensor, rng=0)

    def loss(x, y):
        return ag.mean((model(x) - y) ** 2)

    step = compile(loss, model.parameters())
    step(RNG.normal(size=(8, 2)), RNG.normal(size=(8, 3)))
    return step


def test_an_mlp_is_told_array_by_array(step):
    (path,) = step.explain().paths
    forward = [part for part in path.parts if part.forward.nbytes]
    assert [(part.computes, part.by) for part in forward] == [
        ("linear", ("8×2 @ 2×16",)),
        ("relu", ("elementwise",)),
        ("linear", ("8×16 @ 16×3",)),
        ("sub", ("elementwise",)),
        ("pow", ("elementwise",)),
        ("mean", ("reduction",)),
    ]
    assert [str(read) for read in forward[0].reads] == ["x (8×2)", "w0 (2×16)", "b0 (16)"]
    assert [str(read) for read in forward[2].reads] == ["group 1 (8×16)", "w1 (16×3)", "b1 (3)"]
    assert re.fullmatch(r"\d+ arrays forward → \d+ backward → \d+ NumPy calls", path.title)
    assert str(step.explain()).startswith(f"compiled loss: 1 path\n\npaths[0]: {path.title}\n  group")


def test_matrix_products_are_those_of_backprop_by_hand(step):
    (path,) = step.explain().paths
    products = [part for part in path.parts if part.matrix_products]
    forward = [8 * 16 * (2 * 2 + 1), 8 * 3 * (2 * 16 + 1)]
    backward = [2 * 8 * 3 * 16, 2 * 8 * 16 * 3, 2 * 8 * 16 * 2]
    assert path.matrix_products == 5
    assert sorted(part.forward.flops for part in products if part.forward.flops) == sorted(forward)
    assert sorted(part.backward.flops for part in products if part.backward.flops) == sorted(backward)


def test_sums_of_products_count_each_product():
    w, u = Tensor(RNG.normal(size=(4, 3, 3, 3)), label="w"), Tensor(RNG.normal(size=(4, 3)), label="u")
    path = path_of(compile(lambda x: ag.sum(ag.conv2d(x, w) ** 2), [w]), RNG.normal(size=(2, 3, 8, 8)))
    (convolution,) = [part for part in path.parts if part.by == ("convolution",)]
    assert convolution.forward.flops == 2 * (2 * 4 * 6 * 6) * (3 * 3 * 3)
    path = path_of(compile(lambda x: ag.sum(ag.einsum("ij,kj->ik", x, u)), [u]), RNG.normal(size=(5, 3)))
    (products,) = [part for part in path.parts if part.by == ("ij,kj->ik",)]
    assert products.forward.flops == 2 * 5 * 3 * 4


def test_guards_are_named_with_their_line():
    w = Tensor(np.ones(3), label="w")

    def f(x):
        z = ag.sum(w * x)
        return z if z > 0 else -z

    path = path_of(compile(f, [w]), np.ones(3))
    assert path.guards[0].startswith("True at test_tensor_explain.py:")
    assert path.guards[0].endswith(": return z if z > 0 else -z")


def test_the_program_is_a_picture(step):
    diagram = viz.draw(step).diagram
    called = [box.label for box in diagram.boxes]
    edges = {(called[arrow.source], called[arrow.target]) for arrow in diagram.arrows}
    assert {"x", "y", "w0", "b0", "w1", "b1", "0: linear", "result", "gradient"} <= set(called)
    assert {("x", "0: linear"), ("w0", "0: linear"), ("0: linear", "1: relu")} <= edges
    assert len([source for source, target in edges if target == "result"]) == 1
    assert len([source for source, target in edges if target == "gradient"]) == 4
