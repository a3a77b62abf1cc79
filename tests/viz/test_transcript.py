"""Steps in words: complete, with the numbers as they are, stable, and safe to print."""

import re

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, Value
from viz.diagram import number
from viz.steps import walk
from viz.transcript import sentences, title, transcript

from .graphs import random_graph
from .test_svg import HOSTILE


def neuron():
    x1, w1 = Value(2.0, label="x1"), Value(-3.0, label="w1")
    o = (x1 * w1 + Value(6.88, label="b")).tanh()
    o.label = "o"
    return o


def test_a_neuron_is_told_in_full():
    assert transcript(walk(neuron())) == (
        "forward\n"
        "  1  v2 = x1 * w1 = 2 * -3 = -6\n"
        "  2  v4 = v2 + b = -6 + 6.88 = 0.88\n"
        "  3  o = tanh(v4) = tanh(0.88) = 0.7064\n"
        "backward\n"
        "  4  o.grad = 1\n"
        "  5  v4.grad += o.grad × ∂o/∂v4 = 0 + 1 × 0.501 = 0.501; ∂o/∂v4 = 1 - o * o\n"
        "  6  v2.grad += v4.grad × ∂v4/∂v2 = 0 + 0.501 × 1 = 0.501\n"
        "     b.grad += v4.grad × ∂v4/∂b = 0 + 0.501 × 1 = 0.501\n"
        "  7  x1.grad += v2.grad × ∂v2/∂x1 = 0 + 0.501 × -3 = -1.503\n"
        "     w1.grad += v2.grad × ∂v2/∂w1 = 0 + 0.501 × 2 = 1.002"
    )
    assert title(walk(neuron())) == "Backpropagation of o = tanh(v4): 3 steps forward, 4 back"


def test_the_form_of_the_textbook():
    o = Value(2.0, label="x1") * Value(-3.0, label="w1")
    o.label = "o"
    assert sentences(walk(o, 0.5))[-1].split("\n")[1] == "w1.grad += o.grad × ∂o/∂w1 = 0 + 0.5 × 2 = 1"


def test_a_leaf_alone_has_its_seed_alone():
    assert transcript(walk(Value(3.0, label="x"))) == "backward\n  1  x.grad = 1"


def test_what_was_gathered_before_is_told():
    x = Value(3.0, label="x")
    x.grad = 10.0
    assert transcript(walk(x, accumulate=True)).endswith("1  x.grad += 1")
    assert sentences(walk(x * 2.0, accumulate=True))[-1].endswith("= 10 + 1 × 2 = 12")


def test_arrays_are_told_by_shape_and_norm():
    t = Tensor([[3.0, 0.0], [0.0, 4.0]], label="t")
    told = sentences(walk((t @ t).sum()))
    assert told[0] == "v1 = t @ t = array 2×2, norm 18.36"
    assert told[-1] == (
        "t.grad += vjp of v1.grad = 0 + (array 2×2, norm 7.071) = (array 2×2, norm 7.071)\n"
        "t.grad += vjp of v1.grad = (array 2×2, norm 7.071) + (array 2×2, norm 7.071) = (array 2×2, norm 14.07)"
    )


def test_an_op_that_gives_nothing_says_so():
    y = ag.where(Value(1.0, label="c"), 2.0, 3.0)
    assert sentences(walk(y))[-1] == "v3 = where(c, 2, 3): no operand takes a gradient"


def test_of_many_operands_some_are_shown_but_each_contribution_is():
    xs = [Value(float(i), label=f"x{i}") for i in range(9)]
    told = sentences(walk(ag.add_n(*xs)))
    assert told[0].startswith("v9 = add_n(x0, x1, x2, x3, …, x8) = add_n(0, 1, 2, 3, …, 8) = 36")
    assert told[-1].count("\n") == 8


@pytest.mark.parametrize("seed", range(30))
def test_each_step_and_each_contribution_has_its_line_with_its_numbers(seed):
    values, _ = random_graph(np.random.default_rng(seed))
    walked = walk(values[-1])
    told = sentences(walked)

    assert len(told) == len(walked.steps)
    for step, sentence in zip(walked.steps, told, strict=True):
        if step.phase == "forward":
            assert sentence.endswith(f"= {number(step.data)}")
        elif step.contributions:
            for c, line in zip(step.contributions, sentence.split("\n"), strict=True):
                numbers = f"= {number(c.before)} + {number(step.grad)} × {number(c.local)} = {number(c.after)}"
                assert line.partition("; ")[0].endswith(numbers)


def test_a_negative_base_is_in_parentheses():
    x = Value(-3.0, label="x")
    assert sentences(walk(x**2))[0] == "v2 = x ** 2 = (-3) ** 2 = 9"
    assert sentences(walk(-x))[0] == "v1 = -x = -(-3) = 3"


@pytest.mark.parametrize("label", [*HOSTILE, "a" * 10_000, "a = b"])
def test_a_label_neither_breaks_a_line_nor_commands_the_terminal(label):
    x = Value(2.0, label=label)
    text = transcript(walk(x * x))
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]*", text)
    assert len(text.split("\n")) == 6
    assert max(map(len, text.split("\n"))) < 200
    text.encode()


def test_the_same_graph_gives_the_same_text():
    assert transcript(walk(neuron())) == transcript(walk(neuron()))


def test_an_array_without_a_name_is_called_by_its_shape():
    t = Tensor([3.0, 4.0], label="t")
    walked = walk((t * np.array([1.0, 2.0])).sum())
    assert sentences(walked)[0] == "v2 = t * array 2 = array 2, norm 8.544"
