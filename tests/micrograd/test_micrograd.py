"""Programs written for micrograd: what they do gives here what it gives there."""

import copy
import math
import pickle
import random

import micrograd.engine
import micrograd.nn
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_gd.micrograd.engine
import micrograd_gd.micrograd.nn
from micrograd_gd import Value, check_gradients, formula, grad, graph, jit, viz
from micrograd_gd.errors import GraphError

theirs, ours = micrograd, micrograd_gd.micrograd
both = pytest.mark.parametrize("of", [theirs, ours], ids=["micrograd", "micrograd_gd"])


def graph_of(root):
    """What is in the nodes below: their names, numbers, gradients, and how many operands they have.

    Each is sorted by itself, since an operand's place in a set is chance.
    """
    nodes, found = [root], {root}
    for node in nodes:
        nodes += node._prev - found
        found |= node._prev
    names = sorted((node._op, len(node._prev)) for node in nodes)
    return names, sorted(node.data for node in nodes), sorted(node.grad for node in nodes)


def through_pickle(thing):
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 — our own bytes


NUMBERS = st.floats(-3, 3).filter(lambda x: abs(x) > 0.01)


STEPS = [
    None,
    lambda x, y, _: x + y,
    lambda x, y, _: x * y,
    lambda x, y, _: x - y,
    lambda x, y, _: x / y,
    lambda x, *_: -x,
    lambda x, _, c: c + x,
    lambda x, _, c: c - x,
    lambda x, _, c: c * x,
    lambda _, y, c: c / y,
    lambda x, y, _: x.relu() + y,
]


@st.composite
def programs(draw):
    """A function of micrograd's operators on two values, and the numbers of these."""
    steps = draw(st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=8))
    c, exponent = draw(NUMBERS), draw(st.sampled_from([-1, 2, 3, 0.5]))

    def program(x, y):
        for step in steps:
            x = STEPS[step](x, y, c) if step else (y * y) ** exponent + x
        return x * 1

    return program, draw(NUMBERS), draw(NUMBERS)


@given(programs())
def test_the_graph_its_numbers_and_its_gradients_are_those_of_micrograd(drawn):
    program, *numbers = drawn
    found = []
    for of in (theirs, ours):
        x, y = map(of.engine.Value, numbers)
        root = program(x, y)
        root.backward()
        root.backward()  # which adds to all gradients once more, as they are there
        found.append(graph_of(root))
    (names, *numbers), (our_names, *our_numbers) = found
    assert names == our_names
    for one, other in zip(numbers, our_numbers, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)


@both
def test_the_lecture_goes_back_step_by_step(of):
    Value = of.engine.Value
    x1, x2, w1, w2, b = Value(2.0), Value(0.0), Value(-3.0), Value(1.0), Value(6.88)
    x1w1, x2w2 = x1 * w1, x2 * w2
    both_products = x1w1 + x2w2
    n = both_products + b
    o = n.relu()
    o.grad = 1.0
    for node in (o, n, b, both_products, x2w2, x1w1):
        node._backward()
    assert [x.grad for x in (x1, w1, x2, w2, b)] == [-3.0, 2.0, 1.0, 0.0, 1.0]


def tanh(self):
    t = math.tanh(self.data)
    out = type(self)(t, (self,), "tanh")

    def _backward():
        self.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


@both
def test_an_operation_of_ones_own_takes_part(of, monkeypatch):
    monkeypatch.setattr(of.engine.Value, "tanh", tanh, raising=False)
    x = of.engine.Value(0.5)
    y = (x * 2).tanh() + x
    y.backward()
    assert x.grad == pytest.approx(2 * (1 - math.tanh(1.0) ** 2) + 1)
    assert sorted(node._op for node in y._prev) == ["", "tanh"]


@both
def test_an_operation_without_a_backward_passes_nothing_on(of):
    x = of.engine.Value(0.5)
    (of.engine.Value(1.0, (x,), "step") + x).backward()
    assert x.grad == 1


@both
def test_a_subclass_gives_micrograds_arguments_on(of):
    class Weight(of.engine.Value):
        def __init__(self, data, _children=(), _op="", kind="free"):
            super().__init__(data, _children, _op)
            self.kind = kind

    w = Weight(3.0, kind="tied", _op="weight")
    y = w * w + 1
    y.backward()
    assert (w.grad, w.kind, w._op, type(y)) == (6, "tied", "weight", of.engine.Value)


@both
def test_values_take_any_attribute(of):
    x = of.engine.Value(1.0, _op="input")
    x.m, x._vis_color = 0.5, "red"
    assert (x.m, x._vis_color, x._op, x._prev) == (0.5, "red", "input", set())
    x._prev, x._op = {x}, "changed"
    assert (x._prev, x._op) == ({x}, "changed")


@both
def test_lists_of_values_are_searched_by_identity(of):
    a, b, zero = of.engine.Value(1.0), of.engine.Value(1.0), of.engine.Value(0.0)
    nodes = [a, b]
    assert nodes.index(b) == 1
    assert of.engine.Value(1.0) not in nodes
    assert a != b
    assert a != 1.0
    assert zero
    nodes.remove(b)
    assert nodes[0] is a
    assert len({a: 1, b: 2}) == 2


@both
def test_the_numbers_of_now_decide_on_the_way_back(of):
    x = of.engine.Value(4)
    y = x**3
    y.backward()
    x.data = 5
    y.backward()
    assert x.grad == 48 + 75


@pytest.mark.parametrize("seed", range(3))
def test_the_global_generator_draws_micrograds_weights(seed):
    models = []
    for of in (theirs, ours):
        random.seed(1337 + seed)
        models.append(of.nn.MLP(3, [4, 4, 1]))
    numbers = [[p.data for p in model.parameters()] for model in models]
    assert numbers[0] == numbers[1]
    assert repr(models[0]) == repr(models[1])
    rows = [[0.1, -2.0, 3.0], [1.0, 1.0, 0.0]]
    for make in (list, tuple, lambda row: map(ours.engine.Value, row)):
        found = [model(row).data for model in models for row in rows]
        assert found[:2] == pytest.approx(found[2:], rel=1e-12)
        numbers = [models[1](make(row)) for row in rows]
        assert all(isinstance(x, ours.engine.Value) for x in numbers)


def losses_of(of):
    random.seed(1)
    model = of.nn.MLP(2, [8, 1])
    points = [[random.uniform(-1, 1) for _ in range(2)] for _ in range(10)]
    for _ in range(5):
        inputs = [list(map(of.engine.Value, point)) for point in points]
        hinges = [(1 + -1.0 * score).relu() for score in map(model, inputs)]
        loss = sum(hinges) * (1.0 / 10) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        yield loss.data
        for p in model.parameters():
            p.data -= 0.5 * p.grad


def test_a_program_of_micrograd_has_the_same_losses():
    assert [*losses_of(ours)] == pytest.approx([*losses_of(theirs)], rel=1e-9)


@both
def test_neurons_of_ones_own_say_what_they_have(of):
    class Gated(of.nn.Neuron):
        def __init__(self, nin, gate):
            self.b, self.w = of.engine.Value(0.25), [of.engine.Value(1.0) for _ in range(nin)]
            self.nonlin, self.gate = False, of.engine.Value(gate)

    neuron = Gated(2, 3.0)
    assert neuron([1.0, 2.0]).data == 3.25
    assert [p.data for p in neuron.parameters()] == [1.0, 1.0, 0.25]
    assert repr(neuron) == "LinearNeuron(2)"
    assert of.nn.Module().parameters() == []
    assert isinstance(neuron, of.nn.Module)


# What micrograd does not have.


def test_every_operation_gives_a_value_of_micrograds_class():
    x = ours.engine.Value(0.5)
    for y in (x.exp(), x.tanh(), 2**x, x % 2, abs(x), Value(2.0) * x, x * Value(2.0), x.clip(0, 1)):
        assert type(y) is ours.engine.Value
    assert x.exp()._op == "exp"


def test_values_and_models_are_copied_and_pickled():
    random.seed(0)
    model = ours.nn.MLP(2, [3, 1])
    model.layers[0].neurons[0].b.m = 0.5
    for twin in (copy.deepcopy(model), through_pickle(model)):
        assert twin.layers[0].neurons[0].b.m == 0.5
        assert twin.layers[0].neurons[0].b is not model.layers[0].neurons[0].b
        y = twin([1.0, 2.0])
        y.backward()
        assert any(p.grad for p in twin.parameters())
        assert not any(p.grad for p in model.parameters())
        again = copy.deepcopy(y)
        assert type(again) is ours.engine.Value
        assert len(again.nodes()) == len(y.nodes())


def test_a_chain_of_any_depth_goes_back():
    x = y = ours.engine.Value(1.0)
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert x.grad == 20_001
    assert len(through_pickle(y).nodes()) == 20_001


def test_pictures_and_formulas_show_what_was_recorded():
    x = ours.engine.Value(0.5, label="x")
    y = tanh(x) * 2
    assert formula((x * x).exp()) == "exp(x * x)"
    assert "tanh" in formula(y)
    assert "tanh" in graph(y).svg()
    assert "relu" in viz.architecture(ours.nn.MLP(2, [2, 1])).svg()


def test_other_derivatives_of_an_operation_of_ones_own_are_refused():
    x = ours.engine.Value(0.5)
    own = tanh(x)
    with pytest.raises(GraphError, match="primitive or custom_vjp"):
        own.backward(create_graph=True)
    for transform in (grad, jit, lambda f: lambda x: check_gradients(f, x)):
        with pytest.raises(GraphError, match="primitive or custom_vjp"):
            transform(lambda x: ours.engine.Value(0.0, (x,)))(0.5)
    assert grad(lambda x: ours.engine.Value(2.0) * x)(3.0) == 2.0
