"""Programs and compiled functions are pickled."""

import pickle

import numpy as np
import pytest

from micrograd_gd import Value, functional, jit, trace, value_and_grad
from micrograd_gd.compiler.backends.python import build_function
from micrograd_gd.errors import OperationError
from micrograd_gd.table.ops import operation


def test_a_program_is_pickled():
    w = Value(2.0, label="w")
    x = np.array([1.0, -2.0])
    f = value_and_grad(lambda x: (functional.relu(x[0] * w) + abs(x[1])) ** 2)
    program = trace(f, x)
    again = pickle.loads(pickle.dumps(program))  # noqa: S301 — our own
    assert str(again) == str(program)
    assert {step.op for step in again.statements} == {step.op for step in program.statements}
    assert build_function(again)(1.0, -2.0)[0] == build_function(program)(1.0, -2.0)[0]


def power(x, n):
    assert type(n) is int, "static arguments come as they are"
    return x**n


by_name, by_place = jit(power, static_argnames="n"), jit(power, static_argnums=1)


@jit
def in_place(x):
    return x * x


def test_a_compiled_function_is_pickled_as_its_function_is():
    for compiled in (by_name, by_place):
        again = pickle.loads(pickle.dumps(compiled))  # noqa: S301 — our own
        assert again(1.5, 3) == compiled(1.5, 3) == 1.5**3
    assert pickle.loads(pickle.dumps(in_place)) is in_place  # noqa: S301 — our own


@pytest.mark.parametrize("name", ["drelu/dy", "dexp/dx", "dnothing/dx", "relu/dx", "d/d"])
def test_other_slopes_are_unknown(name):
    with pytest.raises(OperationError, match="no operation is called"):
        operation(name)
