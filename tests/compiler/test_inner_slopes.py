"""An inner derivative that another derivative uses, of every operation, compiled."""

import numpy as np
import pytest
from compiled import AVAILABLE, bits

from micrograd_gd import Value, grad, jit, jvp, linearize, trace, value_and_grad, vjp, vmap
from micrograd_gd.compiler.arguments import Arguments, Signature
from micrograd_gd.functional import exp, sin, total
from micrograd_gd.losses import hinge, huber
from micrograd_gd.table import ops
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.transforms.trees import flatten, leaves, unflatten

STEPS = {
    "reverse": lambda g: grad(g)(0.25),
    "forward": lambda g: jvp(g, 0.25, 1.0)[1],
    "twice": lambda g: grad(grad(g))(0.25),
}


def line_search(loss, step):
    """A step along the gradient, as long as the loss's own slope and curvature along it say."""

    def f(w, x):
        direction = grad(loss)(w, x)
        slope = step(lambda s: loss(w - s * direction, x))
        return w - direction * slope

    return f


def on_values(point):
    given, structure = flatten(point)
    return unflatten(structure, [*map(Value, given)])


def use_value_and_slope(a):
    value, slope = value_and_grad(exp)(a)
    return value * sin(a) + slope * a + value * value


STANDING = {  # derivatives that are numbers which are there already
    "argument": lambda a: grad(lambda t: t * a)(1.3) * sin(a) + a * a,
    "tangent": lambda a: linearize(lambda t: t, 1.3)[1](a) * sin(a) + a * a,
    "value": use_value_and_slope,
}


@pytest.mark.parametrize("f", STANDING.values(), ids=STANDING)
def test_what_is_a_derivative_and_stands_elsewhere_too_has_its_slopes_added_alike(f):
    slope = grad(f)
    compiled = jit(slope, backend="python")
    points = [*np.linspace(-3.0, 3.0, 100), -0.0]
    assert bits([*map(compiled, points)]) == bits([*map(slope, points)])


NAMES = [name for name, op in OPERATIONS.items() if op.operands[0] != "n" and not op.is_internal]


@pytest.fixture(autouse=True)
def _kinked():
    """A row of one's own."""
    formulas = "y_ * y_ if y_ > 1 else y_", "2 * y_ if y > 1 else 1"
    ops.primitive("kinked", "y_", *formulas, "A parabola with a kink at 1.")


@pytest.mark.parametrize("batch", [False, True], ids=["number", "batch"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", [*NAMES, "kinked"])
def test_a_slope_along_a_slope_of_every_row(name, step, batch):
    row = OPERATIONS[name]
    count = row.arity(3)

    def one(w, x):
        return row(*[w * x + k for k in range(count)])

    def loss(w, x):
        return total(vmap(one, (None, 0))(w, x)) if batch else one(w, x)

    f = line_search(loss, STEPS[step])
    points = [(0.5, 1.5), (1.5, -1.0)]
    if batch:
        points = [(w, np.array([x, 0.25, -2.0])) for w, x in points]
    # Machine code takes a while, and the tape knows the rows of the C core alone.
    backends = AVAILABLE[:1] if name == "kinked" else AVAILABLE[:2]
    for point in points:
        (expected,) = leaves(f(*on_values(point)))
        for backend in backends:
            found = jit(f, backend=backend)(*point)
            assert found == pytest.approx(expected.data, rel=1e-12, nan_ok=True), backend
            assert batch or bits(found) == bits(expected), "a batch's sum has its own order"


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("loss", [hinge, huber])
def test_an_exact_line_search_with_the_package_s_own_losses(loss, backend):
    def of_all(w, x):
        return total(vmap(lambda w, x: loss([w * x], [1.0]), (None, 0))(w, x))

    point = (0.3, np.arange(8.0) - 3.0)
    for step in STEPS.values():
        f = line_search(of_all, step)
        expected = f(*on_values(point))
        assert jit(f, backend=backend)(*point) == pytest.approx(expected.data, rel=1e-12)


# What an inner derivative costs.

INNER = {
    "grad": lambda f, x: grad(f)(x),
    "twice": lambda f, x: grad(grad(f))(x),
    "jvp": lambda f, x: jvp(f, x, 1.0)[1],
    "vjp": lambda f, x: vjp(f, x)[1](1.0)[0],
}


def descend(steps, slope):
    """A function of a number: steps along the slope of functions that close over the last one."""

    def f(x):
        for _ in range(steps):
            x = x - 0.1 * slope(lambda t, x=x: t * t * sin(x), x)
        return x

    return f


@pytest.mark.parametrize("name", INNER)
def test_an_inner_derivative_goes_through_what_leads_from_its_arguments_alone(name):
    def count_events(steps):
        call = Arguments(Signature(descend(steps, INNER[name])), (0.5,), {})
        return len(call.trace([0.5]).events)

    assert count_events(80) < 2.5 * count_events(40)
    f = descend(20, INNER[name])
    for g, point in ((f, 0.5), (grad(f), 0.5), (grad(grad(f)), 0.5)):
        assert bits(jit(g, backend="python")(point)) == bits(g(Value(point)))
    batch = jit(vmap(grad(f)), backend="python")(np.array([0.5, 0.25]))
    assert bits(batch) == bits([grad(f)(0.5), grad(f)(0.25)])


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1.0, 0.1, 1e-20, 0, -2.5])
def test_a_constant_exponent_leaves_little_to_choose_in_a_batch(exponent):
    points = np.array([0.5, -2.0, 0.0, -0.0, 1e308, 1e-300, np.inf, -np.inf, np.nan])
    for g in (grad(lambda x: x**exponent), grad(grad(lambda x: x**exponent))):
        found = jit(vmap(g), backend="python")(points)
        assert bits(found) == bits([g(Value(x)) for x in points])
    program = trace(vmap(grad(grad(lambda x: x**exponent))), points)
    chosen = [each for each in program.instructions if each.op.name == "where"]
    assert not chosen or abs(exponent) <= 0.25
