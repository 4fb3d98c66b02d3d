"""A derivative written by hand serves every transform, and its mistakes are named."""

import gc
import math
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import (
    Value,
    custom_vjp,
    derivative,
    functional,
    grad,
    hessian,
    jacobian,
    jvp,
    vjp,
)
from micrograd_gd.errors import ArgumentError, NotANumberError, ShapeError


def cube_by_hand():
    """x³ computed by what no graph can record."""
    calls = []

    @custom_vjp
    def cube(x):
        assert type(x) is float
        return math.pow(x, 3)

    def forward(x):
        calls.append(x)
        return cube(x), x

    def backward(x, g):
        return (3 * x * x * g,)

    cube.defvjp(forward, backward)
    return cube, calls


def pair_by_hand():
    """A structure in, a structure out: {"product": a b, "sines": [sin a]}."""

    @custom_vjp
    def pair(p, scale):
        a, b = p
        return {"product": scale * a * b, "sines": [math.sin(a)]}

    def forward(p, scale):
        a, b = p
        return {"product": scale * a * b, "sines": [functional.sin(a)]}, (a, b, scale)

    def backward(remembered, g):
        a, b, scale = remembered
        slope = functional.cos(a)
        return [
            (g["product"] * scale * b + g["sines"][0] * slope, g["product"] * scale * a),
            g["product"] * a * b,
        ]

    pair.defvjp(forward, backward)
    return pair


def pair_by_graph(p, scale):
    a, b = p
    return {"product": scale * a * b, "sines": [functional.sin(a)]}


@given(st.floats(-10, 10))
def test_it_is_an_operation_like_any_other(x):
    cube, _ = cube_by_hand()
    assert cube(x) == math.pow(x, 3)
    v = Value(x)
    y = cube(v) * 2
    y.backward()
    assert v.grad == 2 * (3 * x * x)
    assert grad(cube)(x) == 3 * x * x
    assert jvp(cube, x, 10.0)[1] == pytest.approx(30 * x * x)
    assert [derivative(cube, n)(x) for n in (2, 3, 4)] == pytest.approx([6 * x, 6.0, 0.0])


@pytest.mark.parametrize("x", [2.0, -0.0, math.inf, math.nan])
def test_its_slope_at_a_value_is_one(x):
    cube, _ = cube_by_hand()
    assert repr(grad(cube)(Value(x)).data) == repr(grad(cube)(x)) == repr(3 * x * x)


def test_it_is_called_once_for_a_node_and_all_its_partials():
    cube, calls = cube_by_hand()
    grad(cube)(2.0)
    assert calls == [2.0]


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.5, 2))
def test_structures_go_in_and_out(a, b, scale):
    by_hand = pair_by_hand()
    for transform in (
        lambda f: jacobian(f, (0, 1))((a, b), scale),
        lambda f: jacobian(f, mode="forward")((a, b), scale),
        lambda f: vjp(f, (a, b), scale)[1]({"product": 2.0, "sines": [3.0]}),
        lambda f: hessian(lambda *x: f(*x)["product"] * f(*x)["sines"][0])((a, b), scale),
        lambda f: jacobian(jacobian(lambda p: f(p, scale)["sines"]))((a, b)),
    ):
        assert leaves(transform(by_hand)) == pytest.approx(leaves(transform(pair_by_graph)))


def leaves(tree):
    from micrograd_gd.transforms import trees

    return trees.flatten(tree)[0]


def test_arrays_come_as_arrays():
    @custom_vjp
    def norm(x):
        return float(np.sqrt((x * x).sum()))

    def forward(x):
        length = functional.sqrt(functional.total(x * x))
        return length, (x, length)

    def backward(remembered, g):
        x, length = remembered
        return (x * (g / length),)

    norm.defvjp(forward, backward)
    point = np.array([3.0, 4.0])
    assert grad(norm)(point) == pytest.approx([0.6, 0.8])
    expected = (np.eye(2) - np.outer(point, point) / 25) / 5
    assert hessian(norm)(point) == pytest.approx(expected)


def test_arguments_may_come_by_name_and_be_left_out():
    @custom_vjp
    def scaled(x, scale=3.0):
        return x * scale

    scaled.defvjp(lambda x, scale: (x * scale, scale), lambda scale, g: (g * scale, None))
    assert grad(scaled)(2.0) == 3.0
    assert grad(lambda x: scaled(scale=5.0, x=x))(2.0) == 5.0
    assert grad(scaled, argnums=1)(2.0, 3.0) == 0.0


def test_every_call_asks_the_function_anew():
    scale = 1.0
    scaled = custom_vjp(lambda x: scale * x)
    scaled.defvjp(lambda x: (scale * x, scale), lambda scale, g: (g * scale,))
    assert grad(scaled)(3.0) == 1.0
    scale = 2.0
    assert (grad(scaled)(3.0), scaled(Value(3.0)).data) == (2.0, 6.0)


def test_dictionaries_of_cotangents_may_have_another_order():
    weighted = custom_vjp(lambda p: 10 * p["a"] + p["b"])
    weighted.defvjp(lambda p: (weighted(p), None), lambda _, g: ({"b": g, "a": 10 * g},))
    assert grad(weighted)({"a": 1.0, "b": 1.0}) == {"a": 10.0, "b": 1.0}


def test_a_result_of_many_numbers_takes_one_call():
    calls = []
    n = 300
    squares = custom_vjp(lambda xs: [x * x for x in xs])

    def fwd(xs):
        calls.append(None)
        return [x * x for x in xs], xs

    squares.defvjp(fwd, lambda xs, g: ([2 * x * each for x, each in zip(xs, g, strict=True)],))
    point = [0.1 * i for i in range(n)]
    assert grad(lambda xs: sum(squares(xs)))(point) == [2 * x for x in point]
    assert len(calls) == 1


def test_signed_zeros_are_two_points():
    @custom_vjp
    def reciprocal(x):
        return functional.reciprocal(x)

    reciprocal.defvjp(lambda x: (functional.reciprocal(x), x), lambda x, g: (g * x,))
    assert reciprocal(Value(0.0)).data == math.inf
    assert reciprocal(Value(-0.0)).data == -math.inf


def test_a_graph_that_is_gone_leaves_nothing_behind():
    square = with_rule(
        lambda x: (x.data**2 if isinstance(x, Value) else x**2, x), lambda x, g: (2 * x * g,)
    )
    x = Value(6.0)
    y = square(x)
    y.backward(create_graph=True)
    slope = weakref.ref(x.grad)
    assert slope().data == 12.0
    del x, y
    gc.collect()
    assert slope() is None


def without_rule():
    @custom_vjp
    def f(x):
        return x

    return f


def with_rule(forward, backward):
    f = without_rule()
    f.defvjp(forward, backward)
    return f


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (without_rule(), ArgumentError, "without_rule.*has no rule .* defvjp"),
        (with_rule(lambda x: x, lambda x, g: (g,)), ShapeError, r"must return the pair .* 2\.0"),
        (with_rule(lambda x: (x, x), lambda x, g: g), ShapeError, r"bwd .* like \(\*\)"),
        (with_rule(lambda x: (x, x), lambda x, g: (g, g)), ShapeError, r"is \(\*, \*\)"),
        (with_rule(lambda x: (x, x), lambda x, g: ("a",)), NotANumberError, "the bwd of"),
        (with_rule(lambda x: (x, x), lambda x, g: (min(g, 1.0),)), ArgumentError, "not linear"),
        (with_rule(lambda x: (x * Value(2.0), x), lambda x, g: (g,)), ArgumentError, "an argument"),
        (with_rule(lambda x: ("a", x), lambda x, g: (g,)), NotANumberError, "the result of"),
    ],
)
def test_mistakes_are_named(f, error, message):
    with pytest.raises(error, match=message):
        grad(f)(2.0)


def test_a_rule_that_is_no_arithmetic_has_no_second_derivative():
    f = with_rule(lambda x: (x, x), lambda x, g: (math.exp(x) * g,))
    assert grad(f)(0.0) == 1.0
    with pytest.raises(NotANumberError, match=r"v\.exp"):
        grad(grad(f))(0.0)


def test_without_a_value_it_is_the_function_itself():
    assert without_rule()(2.0) == 2.0
