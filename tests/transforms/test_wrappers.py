"""What a transform makes of a function is pickled as that is, and a method where that is one.

The reference is the transform itself, of a function that is written out.
"""

import copy
import gc
import multiprocessing
import pickle
import weakref
from functools import partial
from itertools import product

import numpy as np
import pytest
from compiled import bits

from micrograd_gd import (
    Value,
    custom_vjp,
    derivative,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    linearize,
    scipy_objective,
    value_and_grad,
    vjp,
    vmap,
)
from micrograd_gd.errors import JitError, MicrogradError


def curve(x):
    return (x * 0.5).sin() * x**3 if isinstance(x, Value) else x**3


def wave(x):
    return x * x * 0.5


class Rule:
    """The derivative of a wave, written down."""

    def forward(self, x):
        return wave(x), x

    def backward(self, x, g):
        return (x * g,)


def forward(x):
    return wave(x), x


def backward(x, g):
    return (x * g,)


def by_hand(f):
    """`f` with a rule, be it a function or a method."""
    made = custom_vjp(f)
    made.defvjp(forward, backward)
    return made


TRANSFORMS = {
    "grad": grad,
    "value_and_grad": value_and_grad,
    "jacobian": jacobian,
    "sparse jacobian": partial(jacobian, sparse=True),
    "jacfwd": jacfwd,
    "jacrev": jacrev,
    "hessian": hessian,
    "derivative": partial(derivative, order=2),
    "vmap": vmap,
    "jit": jit,
    "jit with arguments": jit(backend="python"),
    "hessp": lambda f: partial(scipy_objective(f).hessp, p=1.0),
    "custom_vjp": by_hand,
}
PAIRS = [*product(TRANSFORMS, repeat=2)]


def outcome(f, x):
    """What comes of a call: the bits of a result, or the kind of the error."""
    try:
        return bits(f(x))
    except (MicrogradError, TypeError) as error:
        return type(error)


def again(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301 — our own


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_every_transform_of_every_transform_is_pickled(outer, inner):
    f = curve if "custom_vjp" not in {outer, inner} else wave
    made = TRANSFORMS[outer](TRANSFORMS[inner](f))
    for x in (1.25, np.array([1.25, 2.0])):
        expected = outcome(made, x)  # which a compiled function takes along
        assert outcome(again(made), x) == expected
    assert again(again(made)).__class__ is made.__class__


def test_linear_maps_are_pickled():
    _, pull_back = vjp(curve, 1.25)
    _, push_forward = linearize(curve, 1.25)
    assert again(pull_back)(2.0) == pull_back(2.0)
    assert again(push_forward)(2.0) == push_forward(2.0)


def test_a_pool_of_processes_maps_a_gradient():
    points = [0.5, 1.0, 1.5]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        for f in (grad(curve), jit(value_and_grad(curve))):
            assert pool.map(f, points) == [*map(f, points)]


OFFSET = Value(2.0)


def shift(x):
    return x * OFFSET


class Line:
    def __init__(self, slope):
        self.slope = Value(slope)

    def __call__(self, x):
        return self.slope * x


def test_a_derivative_by_values_is_pickled_where_its_function_holds_them():
    line = Line(3.0)
    for wrt in ([line.slope], (line.slope,)):
        assert again(grad(line, wrt=wrt))(5.0) == [5.0]
        with pytest.raises(pickle.PicklingError, match="make them arguments"):
            pickle.dumps(grad(shift, wrt=[OFFSET]))


# Methods.


class Model:
    """A weight, and one transform of another as a method for each pair of them."""

    def __init__(self, weight):
        self.weight = weight


def method(self, x):
    return (x * self.weight).sin() * x if isinstance(x, Value) else x * self.weight


class Square(Model):
    @custom_vjp
    def square(self, x):
        return self.weight * x * x

    def rule(self, x):
        return self.square(x), x

    def slope(self, x, g):
        return (2 * self.weight * x * g,)

    square.defvjp(rule, slope)


NAMES = {
    (outer, inner): f"m{i}"
    for i, (outer, inner) in enumerate(PAIRS)
    if "hessp" not in {outer, inner} and "custom_vjp" not in {outer, inner}
}
for (outer, inner), name in NAMES.items():

    def plain(self, x):
        return method(self, x)

    plain.__name__, plain.__qualname__ = name, f"Model.{name}"
    setattr(Model, name, TRANSFORMS[outer](TRANSFORMS[inner](plain)))


@pytest.mark.parametrize(("outer", "inner"), NAMES)
def test_every_transform_of_every_transform_is_a_method(outer, inner):
    name = NAMES[outer, inner]
    models = Model(0.75), Model(1.5)
    for model, x in product(models, (1.25, np.array([1.25, 2.0]))):
        written = TRANSFORMS[outer](TRANSFORMS[inner](partial(method, model)))
        expected = outcome(written, x)
        for way in (model, again(model), copy.copy(model), copy.deepcopy(model)):
            assert outcome(getattr(way, name), x) == expected
        assert outcome(again(getattr(model, name)), x) == expected
    assert getattr(Model, name) is again(getattr(Model, name))


def test_a_rule_on_a_method_is_one_of_methods():
    square = Square(3.0)
    assert square.square(2.0) == 12.0
    assert grad(square.square)(2.0) == 12.0
    assert grad(grad(square.square))(2.0) == 6.0
    assert grad(again(square).square)(2.0) == grad(again(square.square))(2.0) == 12.0


class Compiled(Model):
    traces = 0

    @jit(static_argnames="power")
    def scale(self, x, power=1):
        Compiled.traces += 1
        return x**power * self.weight

    @staticmethod
    @jit
    def double(x):
        return 2 * x


def test_each_object_has_programs_which_go_with_it():
    one, two = Compiled(2.0), Compiled(3.0)
    Compiled.traces = 0
    assert [one.scale(5.0), two.scale(5.0), one.scale(6.0), two.scale(6.0)] == [10, 15, 12, 18]
    assert one.scale(5.0, power=2) == one.scale(5.0, power=2) == 50
    assert Compiled.traces == 3, "one for each object and static argument"
    assert len(one.scale.variants) == 2
    assert Compiled.double(4.0) == one.double(4.0) == 8.0
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
    assert len(Compiled.scale._of_objects) == 1
    Compiled.scale.clear()
    assert two.scale(5.0) == 15
    assert Compiled.traces == 4


class Slotted:
    __slots__ = ()

    @jit
    def f(self, x):
        return x


def test_objects_without_weak_references_are_refused():
    with pytest.raises(JitError, match="__weakref__"):
        Slotted().f(1.0)
