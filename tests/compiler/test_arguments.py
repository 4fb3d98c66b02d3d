"""What reaches a compiled function: copies that it may not change, and static arguments."""

import copy
import operator

import numpy as np
import pytest
from compiled import AVAILABLE, bits

from micrograd_gd import Value, jit, trace, value_and_grad, vmap
from micrograd_gd.errors import JitError
from micrograd_gd.functional import total

# Changes in place.

CHANGES = {
    "list": (
        operator.methodcaller("append", 1.0),
        operator.methodcaller("pop"),
        operator.methodcaller("pop", 0),
        operator.methodcaller("clear"),
        operator.methodcaller("reverse"),
        operator.methodcaller("sort"),
        operator.methodcaller("extend", [2.0]),
        operator.methodcaller("insert", 0, 0.5),
        lambda x: x.append(x[0]),
        lambda x: operator.setitem(x, 0, x[0] - 0.1 * x[1]),
        lambda x: operator.setitem(x, 0, 5.0),
        lambda x: operator.setitem(x, 1, [x[1]]),
        lambda x: operator.setitem(x, slice(0, 2), [x[1], x[0]]),
        lambda x: operator.setitem(x, 0, "text"),
        lambda x: operator.delitem(x, 1),
        lambda x: operator.iadd(x, [1.0]),
        lambda x: operator.imul(x, 2),
        lambda x: x[1] + x[0],
        lambda x: operator.setitem(x, 0, x[0]),
        sorted,
        lambda x: x + x,
    ),
    "dict": (
        operator.methodcaller("pop", "a"),
        operator.methodcaller("popitem"),
        operator.methodcaller("clear"),
        operator.methodcaller("update", c=1.0),
        operator.methodcaller("setdefault", "c", 1.0),
        operator.methodcaller("setdefault", "a", 1.0),
        lambda x: operator.setitem(x, "a", x["a"] * 0.5),
        lambda x: operator.setitem(x, "c", None),
        lambda x: operator.ior(x, {"b": 0.0}),
        lambda x: x | {"b": 0.0},
        lambda x: operator.setitem(x, "a", x.pop("a")),
    ),
    "array": (
        lambda x: operator.setitem(x, 0, x[0] - 0.1 * x[1]),
        lambda x: operator.setitem(x, slice(None), 0.0),
        lambda x: operator.isub(x, 0.1 * x),
        lambda x: operator.imul(x, 2.0),
        lambda x: np.multiply(x, 2.0, out=x),
        lambda x: x.fill(3.0),
        lambda x: np.copyto(x, x[::-1]),
        lambda x: x - 0.1 * x,
        lambda x: x[::-1],
    ),
}
ARGUMENTS = {"list": [3.0, 1.0], "dict": {"b": 2.0, "a": 1.0}, "array": np.array([3.0, 1.0])}
EACH_CHANGE = [(kind, change) for kind, changes in CHANGES.items() for change in changes]


def on_values(x):
    if isinstance(x, np.ndarray):
        return np.array([*map(Value, x)], dtype=object)
    return {k: Value(v) for k, v in x.items()} if isinstance(x, dict) else [*map(Value, x)]


def same_items(x, y):
    if isinstance(x, dict):
        return [*x] == [*y] and all(x[key] is y[key] for key in x)
    return len(x) == len(y) and all(map(operator.is_, x, y))


@pytest.mark.parametrize("nested", [False, True], ids=["bare", "nested"])
@pytest.mark.parametrize(("kind", "change"), EACH_CHANGE)
def test_an_argument_changed_in_place_is_refused_by_name(kind, change, nested):
    """Where the function leaves its argument as it was, nothing is refused."""

    def f(scale, weights):
        x = weights["inside"][0] if nested else weights
        change(x)
        return scale * 2

    x = on_values(ARGUMENTS[kind])
    before = copy.copy(x)
    change(x)
    given = {"inside": (ARGUMENTS[kind],)} if nested else ARGUMENTS[kind]
    if same_items(x, before):
        assert jit(f)(1.0, given) == 2.0
        return
    message = "f cannot be compiled: it changes its argument weights in place"
    for run in (jit(f), jit(value_and_grad(f)), lambda *args: trace(f, *args)):
        with pytest.raises(JitError, match=message):
            run(1.0, given)
    assert bits(given) == bits({"inside": (ARGUMENTS[kind],)} if nested else ARGUMENTS[kind])


@pytest.mark.parametrize("change", CHANGES["array"])
def test_a_sample_changed_in_place_is_refused(change):
    def f(x):
        change(x)
        return total(x)

    x = on_values(ARGUMENTS["array"])
    before = x.copy()
    change(x)
    run = jit(vmap(f))
    if same_items(x, before):
        assert bits(run(np.ones((3, 2)))) == bits([2.0] * 3)
    else:
        with pytest.raises(JitError, match="it changes its argument 0 in place"):
            run(np.ones((3, 2)))


@pytest.mark.parametrize("backend", AVAILABLE)
def test_a_change_on_one_branch_is_refused_there(backend):
    def f(x):
        x.sort()
        return x[0]

    run = jit(f, backend=backend)
    assert run([1.0, 2.0]) == 1.0
    with pytest.raises(JitError, match="it changes its argument x in place"):
        run([2.0, 1.0])
