"""Layers against NumPy, PyTorch and micrograd; sizes, names and starts."""

import functools
import random
import re

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value

NUMPY = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "step": lambda x: (x > 0) * 1.0,
    "tanh": np.tanh,
}


def numbers(nested):
    return np.array(nested, dtype=float)


def arrays_of(layer):
    return numbers(layer.weight), numbers(layer.bias)


# -- forward and gradient ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMPY)
def test_dense_is_an_affine_map_and_an_activation(name):
    layer = nn.Dense(3, 4, name, rng=0)
    for j, b in enumerate(layer.bias):
        b.data = 0.1 * (j - 1)
    weight, bias = arrays_of(layer)
    x = np.random.default_rng(1).normal(size=(5, 3))
    assert numbers(layer(x)) == pytest.approx(NUMPY[name](x @ weight + bias), rel=1e-12, abs=1e-15)


def test_the_gradient_of_dense_is_that_of_numpy_by_hand():
    layer, rng = nn.Dense(3, 2, "tanh", rng=0), np.random.default_rng(1)
    x, g = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    y = layer(x)
    ag.add_n(*[v * c for row, cs in zip(y, g.tolist(), strict=True) for v, c in zip(row, cs, strict=True)]).backward()

    delta = g * (1 - numbers(y) ** 2)
    assert np.array([[w.grad for w in row] for row in layer.weight]) == pytest.approx(x.T @ delta, rel=1e-12)
    assert np.array([b.grad for b in layer.bias]) == pytest.approx(delta.sum(axis=0), rel=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in NUMPY if name != "step"])
def test_torch_agrees_with_an_mlp(name):
    torch = pytest.importorskip("torch")
    model = nn.MLP(3, [4, 2], name, rng=0)
    x = np.random.default_rng(1).normal(size=(6, 3))
    f = torch.nn.functional
    act = {
        "linear": lambda t: t,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "gelu": lambda t: f.gelu(t, approximate="tanh"),
    }.get(name)
    act = act or getattr(f, name)
    theirs = [torch.tensor(a, requires_grad=True) for layer in model.layers for a in arrays_of(layer)]
    out = act(torch.tensor(x) @ theirs[0] + theirs[1]) @ theirs[2] + theirs[3]
    (out**2).mean().backward()
    y = model(x)
    nn.mse(y, np.zeros((6, 2))).backward()

    assert numbers(y) == pytest.approx(out.detach().numpy(), rel=1e-10)
    ours = np.array([p.grad for p in model.parameters()])
    assert ours == pytest.approx(np.concatenate([t.grad.numpy().ravel() for t in theirs]), rel=1e-10, abs=1e-14)


def test_a_perceptron_is_a_dot_a_bias_and_an_activation():
    p = nn.Perceptron(3, "tanh", rng=0)
    p.bias.data = 0.25
    x = [0.5, -1.0, 2.0]
    y = p(x)
    assert y.data == pytest.approx(np.tanh(np.dot(x, numbers(p.weight)) + 0.25), rel=1e-14)
    assert y.inputs[0].op.name == "weighted_sum"
    assert [v.data for v in p([x, x])] == [y.data, y.data]
    assert repr(p) == "Perceptron(3, 'tanh')"


def test_rosenblatts_perceptron_answers_with_a_step():
    p = nn.Perceptron(2, "step", rng=0)
    for w, number in zip([*p.weight, p.bias], [1.0, 1.0, -1.5], strict=True):
        w.data = number
    assert [y.data for y in p([[0, 0], [0, 1], [1, 0], [1, 1]])] == [0.0, 0.0, 0.0, 1.0]


def test_micrograds_mlp_has_337_parameters_relu_between_and_a_bare_linear_output():
    model = nn.MLP(2, [16, 16, 1], rng=0)
    assert len(model.parameters()) == 337
    assert [type(layer.activation) for layer in model.layers] == [nn.ReLU, nn.ReLU, nn.Identity]
    y = model([1.0, -2.0])
    assert isinstance(y, Value)
    assert y.op.name == "weighted_sum"
    hidden = np.array([1.0, -2.0])
    for layer in model.layers[:2]:
        weight, bias = arrays_of(layer)
        hidden = np.maximum(hidden @ weight + bias, 0)
    weight, bias = arrays_of(model.layers[2])
    assert y.data == pytest.approx((hidden @ weight + bias).item(), rel=1e-12)


def test_several_outputs_come_in_a_list():
    model = nn.MLP(2, [4, 3], rng=0)
    assert len(model([1.0, 2.0])) == 3
    assert [len(row) for row in model([[1.0, 2.0]] * 4)] == [3] * 4


@pytest.mark.parametrize(
    "model", [nn.MLP(2, [4, 1], rng=0), nn.MLP(2, [4, 3], rng=0), nn.Dense(2, 1, rng=0), nn.Perceptron(2, rng=0)], ids=repr
)
@pytest.mark.parametrize("kind", ["array", "lists", "tuples", "list of arrays", "values", "object array"])
def test_a_batch_is_its_examples_one_by_one(model, kind):
    x = np.random.default_rng(0).normal(size=(5, 2))
    values = [[Value(e) for e in row] for row in x.tolist()]
    batch = {
        "array": x, "lists": x.tolist(), "tuples": tuple(map(tuple, x.tolist())), "list of arrays": list(x), "values": values,
        "object array": np.array(values, dtype=object),
    }[kind]  # fmt: skip
    assert (numbers(model(batch)) == np.array([numbers(model(row)) for row in x.tolist()])).all()


def test_inputs_that_are_values_get_gradients():
    x = [Value(0.5), Value(-1.5)]
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    model(x).backward()
    (w1, b1), (w2, _) = map(arrays_of, model.layers)
    expected = w1 @ ((1 - np.tanh(np.array([0.5, -1.5]) @ w1 + b1) ** 2) * w2[:, 0])
    assert [v.grad for v in x] == pytest.approx(expected, rel=1e-12)


def test_a_layer_of_one_input_takes_a_bare_number():
    layer = nn.Dense(1, 2, rng=0)
    assert [y.data for y in layer(3.0)] == [y.data for y in layer([3.0])]
    assert len(nn.Dense(1, 2, rng=0)(Value(3.0))) == 2


# -- what does not fit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0], [1.0, 2.0, 3.0]], np.zeros((4, 3)), [], 1.0])
def test_a_wrong_size_names_the_layer_what_it_takes_and_what_came(x):
    found = 3 if np.size(np.array(x, dtype=object)) >= 2 else np.size(x)
    with pytest.raises(ValueError, match=re.escape(f"layers.0 = Dense(2, 4, 'relu') takes 2 inputs, found {found}")):
        nn.MLP(2, [4, 1], rng=0)(x)


def test_the_place_of_an_inner_layer_is_told_from_the_outermost_model():
    class Model(nn.Module):
        def __init__(self):
            self.parts = {"head": nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dense(4, 1, rng=0))}

        def forward(self, x):
            return self.parts["head"](x)

    with pytest.raises(ValueError, match=re.escape("parts.head.layers.1 = Dense(4, 1) takes 4 inputs, found 3")):
        Model()([1.0, 2.0])
    with pytest.raises(ValueError, match=r"^Dense\(4, 1\) takes 4 inputs, found 1"):
        nn.Dense(4, 1, rng=0)([1.0])


def test_inputs_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match="not str"):
        nn.Dense(1, 1, rng=0)(["a"])


@pytest.mark.parametrize("size", [0, -1, 2.0, "2", None, True])
def test_sizes_are_whole_numbers_of_at_least_1(size):
    for make, name in [
        (lambda: nn.Dense(size, 1, rng=0), "n_in"),
        (lambda: nn.Dense(1, size, rng=0), "n_out"),
        (lambda: nn.Perceptron(size, rng=0), "n_in"),
        (lambda: nn.MLP(2, [size, 1], rng=0), "n_out"),
        (lambda: nn.MLP(size, [1], rng=0), "n_in"),
    ]:
        with pytest.raises(ValueError, match=re.escape(f"{name} must be a whole number of at least 1, not {size!r}")):
            make()


@pytest.mark.parametrize("sizes", [[], 3])
def test_an_mlp_wants_a_list_of_sizes(sizes):
    with pytest.raises(ValueError, match=r"MLP: sizes lists the outputs of each layer, such as \[16, 16, 1\]"):
        nn.MLP(2, sizes)


def test_an_unknown_activation_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"one of elu, gelu, leaky_relu, linear, relu, .*; not 'rellu'"):
        nn.Dense(1, 1, "rellu")


# -- activations -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMPY)
def test_an_activation_module_takes_a_value_a_list_and_a_batch(name):
    module = nn.activations.activation(name)
    x = np.array([[-2.0, 0.5], [0.0, 3.0]])
    values = [[Value(e) for e in row] for row in x.tolist()]
    assert numbers(module(values)) == pytest.approx(NUMPY[name](x), rel=1e-14)
    assert numbers(module(values[0])) == pytest.approx(NUMPY[name](x[0]), rel=1e-14)
    assert float(module(values[0][1])) == pytest.approx(float(NUMPY[name](x[0, 1])), rel=1e-14)
    assert len(module([])) == 0


def test_activations_with_settings():
    assert repr(nn.Sequential(nn.LeakyReLU(0.2), nn.ELU(0.5))) == "Sequential(LeakyReLU(0.2), ELU(0.5))"
    assert [y.data for y in nn.LeakyReLU(0.5)([Value(-2.0), Value(2.0)])] == [-1.0, 2.0]
    assert nn.ELU(2.0)(Value(-1.0)).data == pytest.approx(2 * np.expm1(-1))


def test_any_function_of_a_value_is_an_activation():
    layer = nn.Dense(2, 3, lambda v: v * v + 1, rng=0)
    weight, _ = arrays_of(layer)
    assert numbers(layer([1.0, 2.0])) == pytest.approx((np.array([1.0, 2.0]) @ weight) ** 2 + 1)
    assert repr(nn.Dense(2, 3, ag.tanh, rng=0)) == "Dense(2, 3, tanh)"
    assert repr(nn.Dense(2, 3, nn.Tanh(), rng=0)) == "Dense(2, 3, Tanh())"


def test_a_partial_function_is_shown_too():
    layer = nn.Dense(1, 1, functools.partial(ag.maximum, 0.5), rng=0)
    assert layer([0.0])[0].data == 0.5
    assert "maximum" in repr(layer.activation)


def test_a_sequence_runs_its_parts_in_order():
    model = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1), lambda y: y[0] * 2)
    (w1, _), (w2, _) = arrays_of(model.layers[0]), arrays_of(model.layers[2])
    assert model([1.0, 2.0]).data == pytest.approx(2 * (np.tanh(np.array([1.0, 2.0]) @ w1) @ w2).item(), rel=1e-12)
    assert repr(nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh())) == "Sequential(Dense(2, 3), Tanh())"


# -- starts ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda rng: nn.MLP(3, [4, 2], rng=rng), lambda rng: nn.Dense(3, 4, rng=rng), lambda rng: nn.Perceptron(3, rng=rng)]
)
def test_the_same_rng_gives_the_same_weights(make):
    def start(rng):
        return [p.data for p in make(rng).parameters()]

    assert start(7) == start(7) == start(np.random.default_rng(7))
    assert start(7) != start(8)
    assert start(None) != start(None)
    rng = np.random.default_rng(7)
    assert start(rng) != start(rng)


def test_layers_of_one_mlp_start_differently():
    first, second = nn.MLP(3, [3, 3], rng=0).layers
    assert (numbers(first.weight) != numbers(second.weight)).all()


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        (nn.init.normal(0.3), 0.09),
        (nn.init.normal(), 0.01),
        (nn.init.uniform(-2, 4), 3.0),
        (nn.init.uniform(), 1 / 3),
        (nn.init.glorot, 2 / 500),
        (nn.init.he, 2 / 300),
    ],
)
def test_initialisers_have_the_spread_they_promise(init, variance):
    weights = init(np.random.default_rng(0), 300, 200)
    assert weights.shape == (300, 200)
    assert weights.var() == pytest.approx(variance, rel=0.03)
    centre = 1.0 if variance == 3.0 else 0.0
    assert weights.mean() == pytest.approx(centre, abs=5 * (variance / weights.size) ** 0.5)


def test_initialisers_have_the_shape_they_promise():
    rng = np.random.default_rng(0)
    assert abs(nn.init.glorot(rng, 300, 200)).max() <= (6 / 500) ** 0.5
    share = np.mean(abs(nn.init.he(rng, 300, 200)) < (2 / 300) ** 0.5)
    assert share == pytest.approx(0.6827, abs=0.01)  # of a normal distribution, within one standard deviation


@pytest.mark.parametrize(
    ("activation", "variance"),
    [
        *((name, 2 / 300) for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")),
        ("tanh", 2 / 320),
        ("linear", 2 / 320),
        ("sigmoid", 2 / 320),
    ],
)
def test_the_start_suits_the_activation(activation, variance):
    layer = nn.Dense(300, 20, activation, rng=0)
    assert numbers(layer.weight).var() == pytest.approx(variance, rel=0.05)
    assert numbers(layer.bias).tolist() == [0.0] * 20


def test_an_initialiser_can_be_chosen():
    model = nn.MLP(2, [3, 1], rng=0, init=lambda rng, n_in, n_out: np.full((n_in, n_out), 0.5))
    assert {w.data for layer in model.layers for row in layer.weight for w in row} == {0.5}


def test_initialisers_refuse_what_has_no_meaning():
    with pytest.raises(ValueError, match="sigma must be at least 0, not -1"):
        nn.init.normal(-1)
    with pytest.raises(ValueError, match="sigma must be at least 0, not 'small'"):
        nn.init.normal("small")
    with pytest.raises(ValueError, match="low must not exceed high; not 2 and 1"):
        nn.init.uniform(2, 1)
    with pytest.raises(ValueError, match=r"low and high are numbers, .* not None and 1"):
        nn.init.uniform(None, 1)


# -- micrograd ---------------------------------------------------------------------------------------------------------------


def hinge_and_l2(model, x, y):
    scores = list(map(model, x))
    data = sum((1 + -yi * s).relu() for yi, s in zip(y, scores, strict=True)) * (1.0 / len(scores))
    return data + 1e-4 * sum(p * p for p in model.parameters())


def demo_data():
    rng = np.random.default_rng(3)
    return rng.normal(size=(12, 2)).tolist(), rng.choice([-1, 1], size=12).tolist()


def test_micrograds_program_gives_micrograds_numbers():
    engine, theirs = pytest.importorskip("micrograd.engine"), pytest.importorskip("micrograd.nn")
    from nn import micrograd as ours

    results = []
    for library, kind in [(theirs, engine.Value), (ours, Value)]:
        random.seed(1337)
        model = library.MLP(2, [16, 16, 1])
        x, y = demo_data()
        losses = []
        for _ in range(3):
            loss = hinge_and_l2(model, [list(map(kind, row)) for row in x], y)
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.data -= 0.5 * p.grad
            losses.append(loss.data)
        results.append((losses, [p.grad for p in model.parameters()], repr(model)))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-12)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-9, abs=1e-12)
    assert results[0][2] == results[1][2]


def test_micrograds_spellings():
    from nn.micrograd import MLP, Layer, Neuron

    random.seed(0)
    n = Neuron(2)
    assert [p.data for p in n.parameters()] == [0.6888437030500962, 0.515908805880605, 0.0]
    assert n([1.0, -1.0]).data == pytest.approx(0.1729348971694912, rel=1e-12)
    assert n([-1.0, -1.0]).data == 0.0
    assert Neuron(2, nonlin=False)([-1.0, -1.0]).op.name == "weighted_sum"
    assert repr(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert repr(MLP(2, [2, 1])) == "MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]"
    assert len(MLP(2, [16, 16, 1]).parameters()) == 337
    assert isinstance(MLP(2, [2, 1])([1.0, 2.0]), Value)
    assert len(MLP(2, [2, 3])([1.0, 2.0])) == 3
    with pytest.raises(ValueError, match=r"ReLUNeuron\(2\) takes 2 inputs, found 3"):
        n([1.0, 2.0, 3.0])


def test_an_initialiser_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"Dense\(2, 3\): init gave weights of shape \(3, 2\), expected \(2, 3\)"):
        nn.Dense(2, 3, init=lambda rng, n_in, n_out: np.zeros((n_out, n_in)))


@pytest.mark.parametrize("init", ["he", 3])
def test_an_initialiser_is_a_function(init):
    with pytest.raises(TypeError, match=r"init is a function of \(rng, n_in, n_out\)"):
        nn.Dense(2, 3, init=init)


def test_an_activation_given_as_a_class_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"pass ReLU\(\), or a name"):
        nn.Dense(2, 3, nn.ReLU)


def test_an_empty_batch_is_refused_as_what_it_is():
    with pytest.raises(ValueError, match="found a batch of no examples"):
        nn.MLP(2, [3, 1], rng=0)(np.zeros((0, 2)))


@pytest.mark.parametrize("x", ["ab", None, {0: 1.0}, [[1.0, 2.0], 3.0]])
def test_what_is_no_list_of_numbers_is_refused_by_its_type(x):
    with pytest.raises(TypeError, match=r"takes a list of 2 numbers, or a list of such lists; found (str|NoneType|dict|float)"):
        nn.Dense(2, 3, rng=0)(x)


def test_parameters_of_an_mlp_are_labelled_by_layer():
    labels = {parameter.label for parameter in nn.MLP(2, [2, 1], rng=0).parameters()}
    assert {"w0[1,0]", "b0[1]", "w1[1,0]", "b1[0]"} <= labels
    assert len(labels) == 9


def test_a_module_may_take_several_arguments():
    class Add(nn.Module):
        def forward(self, x, y, *, scale=1.0):
            return (x + y) * scale

    assert Add()(Value(1.0), Value(2.0), scale=2.0).data == 6.0


@pytest.mark.parametrize("kind", [Value, ag.Tensor])
def test_an_activation_may_have_parameters_of_its_own(kind):
    class PReLU(nn.Module):
        def __init__(self):
            self.slope = kind(0.25)

        def forward(self, x):
            return ag.maximum(x, 0.0) + self.slope * ag.minimum(x, 0.0)

    model = nn.MLP(2, [3, 3, 1], PReLU(), rng=0, kind=kind)
    assert [name for name, _ in model.named_parameters() if "slope" in name] == ["layers.0.activation.slope"]
    assert model.layers[0].activation.slope.label == ""
    assert ag.check_module(model, lambda y: ag.sum(y * y), [[1.0, -1.0], [0.5, 2.0]])


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (([nn.Tanh()],), r"Sequential: \[Tanh\(\)\] is no layer; pass layers one by one, Sequential\(\*layers\)"),
        ((nn.Tanh(), "relu"), "'relu' is no layer"),
        ((nn.Tanh, nn.ReLU()), r"Sequential: Tanh is a class; pass Tanh\(\)"),
    ],
)
def test_a_sequence_is_of_what_can_be_called(parts, words):
    with pytest.raises(TypeError, match=words):
        nn.Sequential(*parts)
    with pytest.raises(TypeError, match=words.replace("Sequential", "Residual")):
        nn.Residual(*parts)
    with pytest.raises(TypeError, match=r"Residual: .* is (no layer|a class)"):
        nn.Residual(nn.Tanh(), shortcut=next(part for part in parts if not isinstance(part, nn.Module)))


def test_sizes_may_come_from_numpy():
    assert repr(nn.MLP(2, np.array([3, 1]), rng=0)) == "MLP(2, [3, 1], 'relu')"


@pytest.mark.parametrize("kind", [Value, ag.Tensor])
def test_only_parameters_are_differentiated_by(kind):
    model = nn.MLP(2, [3, 1], "tanh", rng=0, kind=kind)
    loss = nn.mse(model([[1.0, -1.0], [0.5, 2.0]]), [0.0, 1.0])
    assert {node for node in ag.topological_order(loss) if node.op is None and node.requires_grad} == set(model.parameters())


def test_plain_numbers_take_the_dtype_of_the_layer():
    layer = nn.Dense(2, 3, rng=0, kind=ag.Tensor).astype(np.float32)
    assert {layer(x).dtype for x in ([1.0, 2.0], np.zeros((4, 2)), np.zeros((4, 2), int))} == {np.dtype(np.float32)}


def test_a_list_of_tensors_is_no_batch():
    with pytest.raises(TypeError, match=r"a list of Tensors is no batch; stack\(\) them into one Tensor"):
        nn.ReLU()([ag.Tensor([1.0]), ag.Tensor([2.0])])


def test_a_perceptron_is_a_sigmoid_of_a_weighted_sum_whose_bias_starts_at_0():
    neuron = nn.Perceptron(3, rng=0)
    assert neuron.bias.data == 0.0
    neuron.bias.data = 0.5
    x = np.array([1.0, -2.0, 0.5])
    assert neuron(x).data == pytest.approx(1 / (1 + np.exp(-(x @ numbers(neuron.weight) + 0.5))), rel=1e-14)
