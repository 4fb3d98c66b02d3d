"""What reaches a compiled function: copies that it may not change, and static arguments."""

import copy
import operator
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from compiled import AVAILABLE, bits

from micrograd_gd import Value, jit, trace, value_and_grad, vmap
from micrograd_gd.errors import ArgumentError, JitError
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


# Static arguments.

Flag = IntEnum("Flag", {"both": 3})
Word = StrEnum("Word", {"up": "up"})


class Point(NamedTuple):
    x: Any
    y: int


@dataclass(frozen=True)
class Config:
    x: Any


EQUAL = [
    [True, 1, 1.0, np.float64(1), np.float32(1), np.int64(1), Fraction(1), Decimal(1)],
    [False, 0, 0.0, -0.0, 0j, Decimal(0), Decimal("-0"), Decimal("0.00"), np.float64(-0.0)],
    [3, 3.0, Flag(3), Decimal("3.0"), Decimal("3.00")],
    ["up", Word("up")],
    [range(0, 3, 2), range(0, 4, 2)],
]
DEEP = [
    lambda x: x,
    lambda x: (x,),
    lambda x: ("a", (x, 2)),
    lambda x: frozenset([x]),
    Config,
    lambda x: Point(x, 1),
]


@pytest.mark.parametrize("wrap", DEEP)
@pytest.mark.parametrize("kinds", EQUAL)
def test_equal_static_arguments_that_differ_have_programs_of_their_own(kinds, wrap):
    """The function returns how its argument prints: a program that is shared would say another."""

    def f(x, mode):
        return x * sum(place * ord(letter) for place, letter in enumerate(repr(mode), 1))

    for options in ({"static_argnums": 1}, {"static_argnames": "mode"}):
        run = jit(f, **options)
        for _ in range(2):
            assert [run(1.0, wrap(each)) for each in kinds] == [f(1.0, wrap(x)) for x in kinds]
        assert len(run.variants) == len(kinds), "and each is traced once"


def test_a_static_nan_is_traced_once():
    run = jit(lambda x, n: x * n, static_argnums=1)
    for nan in (float("nan"), float("inf") - float("inf")):
        run(1.0, nan)
    assert len(run.variants) == 1


def test_keys_of_dicts_that_are_equal_and_differ_are_other_arguments():
    run = jit(lambda d: [x * (2 if type(key) is bool else 3) for key, x in d.items()])
    for _ in range(2):
        assert [run({1: 1.0}), run({True: 1.0}), run({1.0: 1.0})] == [[3.0], [2.0], [3.0]]
    assert len(run.variants) == 3


def by_place(x, n=1, /, mode="a", *, k=2):
    return x * n * k + (1 if mode == "a" else 2)


def by_anything(x, /, *rest, scale=1, **named):
    return x * scale * (1 + len(rest)) * (1 + len(named))


@pytest.mark.parametrize(
    ("static", "calls"),
    [
        ({"static_argnums": 1}, [((2.0,), {}), ((2.0, 3), {}), ((2.0, 3), {"k": 4})]),
        ({"static_argnames": "n"}, [((2.0, 3), {}), ((2.0, 4), {"k": 4})]),
        ({"static_argnums": -1}, [((2.0, 3, "b"), {}), ((2.0,), {"mode": "b"}), ((2.0,), {})]),
        ({"static_argnames": "mode"}, [((2.0, 3, "b"), {}), ((2.0,), {"mode": "a"})]),
        ({"static_argnames": ["k", "mode"]}, [((2.0, 3, "b"), {"k": 5}), ((2.0,), {"k": 3})]),
        ({"static_argnums": (1, 2)}, [((2.0, 3, "b"), {"k": 5.0}), ((2.0,), {"k": 3.0})]),
    ],
)
def test_static_arguments_by_place_by_name_and_by_default(static, calls):
    run = jit(by_place, **static)
    for args, kwargs in calls * 2:
        assert run(*args, **kwargs) == by_place(*args, **kwargs)


def test_a_name_is_not_that_of_an_argument_by_place_alone():
    run = jit(by_anything, static_argnames=["x", "scale"])
    assert [run(2.0, x="any", scale=3), run(3.0, 1.0, x="any", scale=3)] == [12.0, 36.0]
    assert [each.input_count for each in run.variants] == [1, 2]
    run = jit(by_anything, static_argnums=[2])
    assert run(2.0, 1.0, "any") == 6.0


@pytest.mark.parametrize("name", ["mode", "xs", ""])
def test_names_that_are_not_taken_are_refused(name):
    with pytest.raises(ArgumentError, match=f"static_argnames has '{name}', but .* takes "):
        jit(lambda *xs, scale=1: xs[0], static_argnames=["scale", name])
