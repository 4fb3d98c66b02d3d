"""Rules by hand in compiled functions: the bits of eager derivatives.

Rules in arithmetic on values become instructions, on every backend; others are called back.
"""

import math
import warnings

import numpy as np
import pytest
from compiled import backends, bits

from micrograd_gd import custom_vjp, functional, grad, hessian, jit, trace, value_and_grad, vmap
from micrograd_gd.errors import ArgumentError, JitError, ShapeError
from micrograd_gd.table.ops import OPERATIONS


def written(f, fwd, bwd):
    made = custom_vjp(f)
    made.defvjp(fwd, bwd)
    return made


def newton(x):
    """The square root by Newton's method, which takes as many steps as it needs."""
    y = x
    while abs(y * y - x) > 1e-12 * x:
        y = 0.5 * (y + x / y)
    return y


root = written(newton, lambda x: (root(x), root(x)), lambda y, g: (g / (2 * y),))
log_of_sum = written(
    lambda a, b: functional.log(a + b),
    lambda a, b: (log_of_sum(a, b), a + b),
    lambda total, g: (g / total, g / total),
)
pair = written(
    lambda p, s: {"u": p[0] * s, "v": [p[1] * p[0]]},
    lambda p, s: (pair(p, s), (p, s)),
    lambda ps, g: (
        [g["u"] * ps[1] + g["v"][0] * ps[0][1], g["v"][0] * ps[0][0]],
        g["u"] * ps[0][0],
    ),
)
doubled = written(lambda x: x * x, lambda x: (x * x, x), lambda x, g: (4 * x * g,))
constant = written(lambda x, y: x, lambda x, y: (x, None), lambda _, g: (g, None))
in_python = written(
    lambda a, b: math.exp(a) * b,
    lambda a, b: (in_python(a, b), (a, b)),
    lambda ab, g: (g * math.exp(ab[0]) * ab[1], g * math.exp(ab[0])),
)
by_type = written(
    lambda x: x * 3.0 if type(x) is float else x * 2.0,
    lambda x: (by_type(x), None),
    lambda _, g: (3.0 * g,),
)

FUNCTIONS = {
    "arithmetic": lambda x: functional.sin(log_of_sum(x, x * x)) * x,
    "structures": lambda x: pair([x, x * 2], 3.0)["u"] * pair([x, 2.0], x)["v"][0],
    "a rule that is not the derivative": lambda x: doubled(x) * doubled(doubled(x)),
    "an argument without derivative": lambda x: constant(x * x, x) * constant(2.0, x) + x,
}
WITH_BRANCHES = {"a loop": lambda x: root(x) * x}
CALLED_BACK = {
    "Python code": lambda x: in_python(x, x * x) * in_python(x, 2.0),
    "what differs by type": lambda x: by_type(x) * x,
}
POINTS = [1.5, 0.25, 30.0, 2.0]


def compare(name, f, backend, transforms):
    for transform in transforms:
        g = transform(f)
        run = jit(g, backend=backend)
        for x in POINTS:
            assert bits(run(x)) == bits(g(x)), (name, x)


@backends
@pytest.mark.parametrize("name", [*FUNCTIONS, *WITH_BRANCHES])
def test_arithmetic_becomes_instructions(name, backend):
    f = (FUNCTIONS | WITH_BRANCHES)[name]
    compare(name, f, backend, [lambda f: f, value_and_grad, hessian])
    program = trace(value_and_grad(f), 1.5)
    assert {each.op for each in program.instructions} <= {*OPERATIONS.values()}


@pytest.mark.parametrize("backend", ["python", "auto"])
@pytest.mark.parametrize("name", CALLED_BACK)
def test_other_rules_are_called_back(name, backend):
    compare(name, CALLED_BACK[name], backend, [lambda f: f, value_and_grad])


@pytest.mark.parametrize("backend", ["tape", "llvm"])
def test_what_is_called_back_is_no_machine_code(backend):
    with pytest.raises(JitError, match="backend 'python'"):
        jit(lambda x: in_python(x, x), backend=backend)(1.0)


def test_arithmetic_is_needed_for_second_derivatives():
    with pytest.raises(JitError, match=r"math\.exp"):
        jit(hessian(lambda x: in_python(x, x)))(1.0)


@backends
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_batch_of_them(name, backend):
    f, x = FUNCTIONS[name], np.linspace(0.25, 2.0, 9)
    for g in (grad(f), f):
        assert bits(jit(vmap(g), backend=backend)(x)) == bits([g(each) for each in x.tolist()])

    def loss(w, x):
        return functional.mean(vmap(lambda a: f(w * a))(x))

    found = jit(value_and_grad(loss), backend=backend)(0.5, x)
    assert found == pytest.approx(value_and_grad(loss)(0.5, x), rel=1e-14)


def test_a_batch_is_called_back_sample_by_sample():
    x = np.linspace(0.25, 2.0, 9)
    found = jit(vmap(grad(CALLED_BACK["Python code"])), backend="python")(x)
    assert bits(found) == bits([grad(CALLED_BACK["Python code"])(each) for each in x.tolist()])


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (custom_vjp(lambda x: x), ArgumentError, "no rule"),
        (written(abs, abs, lambda x, g: (g,)), ShapeError, "must return the pair"),
        (written(abs, lambda x: (abs(x), x), lambda x, g: (g, g)), ShapeError, "must be like"),
        (written(abs, lambda x: (abs(x), x), lambda x, g: (abs(g) + 1,)), ArgumentError, "linear"),
    ],
)
def test_mistakes_are_named_as_without_a_program(made, error, message):
    for f in (grad(made), jit(made), jit(grad(made))):
        with pytest.raises(error, match=message), warnings.catch_warnings():
            f(1.5)
