"""Compiled functions give the bits of the functions, whatever the numbers and the branches are."""

import contextvars
import functools
import itertools
import json
import math
import operator
import pickle
import re
import sys
import threading
import warnings
from collections import namedtuple

import numpy as np
import pytest
from compiled import AVAILABLE, backends, bits, eager, needs_llvmlite
from fpbench import program as fpbench_program
from hypothesis import given
from hypothesis import strategies as st
from special_numbers import SPECIAL

from micrograd_gd import (
    MLP,
    Value,
    detect_anomaly,
    explain,
    functional,
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    linearize,
    no_grad,
    parse,
    stop_gradient,
    to_c,
    to_js,
    trace,
    value_and_grad,
    vjp,
    vmap,
)
from micrograd_gd.compiler import specialization
from micrograd_gd.compiler.specialization import MOST_VARIANTS
from micrograd_gd.core.anomaly import PACKAGE
from micrograd_gd.errors import ArgumentError, JitError, NonFiniteError, NotANumberError, ShapeError
from micrograd_gd.functional import where
from micrograd_gd.losses import cross_entropy, mse
from micrograd_gd.optim import GradientDescent
from micrograd_gd.table.ops import OPERATIONS, Operation
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.transforms.trees import flatten, leaves, unflatten

NUMBERS = st.floats() | st.sampled_from(SPECIAL) | st.floats(-5, 5)

# The same bits.


@given(program=expressions(smooth=False), data=st.data())
def test_a_random_program_its_gradient_and_its_hessian(program, data):
    points = [list(program.inputs)]
    points += [[data.draw(NUMBERS) for _ in program.inputs] for _ in range(3)]

    def f(x):
        return program(*x)

    for g in (f, value_and_grad(f), hessian(f)):
        compiled = {name: jit(g, backend=name) for name in AVAILABLE}
        for point in points:
            expected = eager(g, point)
            assert g is f or bits(g(point)) == expected
            for name, run in compiled.items():
                assert bits(run(point)) == expected, name


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_row_at_every_kind_of_number(name):
    """One compiled function is called at all points, and grows a variant for each branch."""
    row = OPERATIONS[name]
    count = row.arity(3)
    gradient = value_and_grad(row, tuple(range(count)))
    compiled = {name: jit(gradient, backend=name) for name in AVAILABLE}
    kinds = [NUMBERS] * count
    if row.operands[0] == "n":
        kinds[0] = st.integers(0, 4).map(float)

    @given(st.lists(st.tuples(*kinds), min_size=3, max_size=3))
    def compare(points):
        for point in points:
            expected = bits(gradient(*point))
            for backend, run in compiled.items():
                assert bits(run(*point)) == expected, backend

    compare()


def test_the_programs_of_fpbench_with_their_branches_and_loops(cases):
    document = json.loads((cases / "fpbench" / "fpbench.json").read_text())
    for case in document["cases"]:
        f = fpbench_program(case, float)
        transforms = [value_and_grad(f)] if case["has_while"] else [value_and_grad(f), hessian(f)]
        points = [point["x"] for point in case["points"]]
        if case["name"] == "N Body Simulation":  # as large as all others together
            del points[1:]
        for g in transforms:
            expected = [bits(g(x)) for x in points]
            backends = AVAILABLE if g is transforms[0] else AVAILABLE[:2]  # machine code is slow
            for backend in backends:
                compiled = jit(g, backend=backend)
                for _ in range(2):
                    assert [bits(compiled(x)) for x in points] == expected, (case["name"], backend)


def test_the_formulas_of_feynman(cases):
    document = json.loads((cases / "feynman" / "feynman.json").read_text())
    for case in document["cases"]:
        # With an underscore no variable is called as an operation is.
        formula = parse(re.sub(rf"\b({'|'.join(case['vars'])}|pi)\b", r"_\1", case["formula"]))

        def f(x, formula=formula, case=case):
            named = {f"_{name}": number for name, number in zip(case["vars"], x, strict=True)}
            named["_pi"] = math.pi
            return formula(**{name: named[name] for name in formula.names})

        points = [point["x"] for point in case["points"]]
        expected = [bits(hessian(f)(x)) for x in points]
        for backend in AVAILABLE:
            compiled = jit(hessian(f), backend=backend)
            assert [bits(compiled(x)) for x in points] == expected, (case["formula"], backend)
            assert len(compiled.variants) == 1, case["formula"]


@backends
def test_a_chain_of_many_operations(backend):
    def chain(x):
        y = x
        for _ in range(6_000):
            y = y + y * 1e-6
        return y

    compiled = jit(value_and_grad(chain), backend=backend)
    for x in (1.0, 2.0, math.inf):
        assert bits(compiled(x)) == bits(value_and_grad(chain)(x))


@backends
def test_a_branch_far_down_a_long_program(backend):
    def f(x):
        y = x
        for _ in range(2_500):
            y = y * 0.999 + x
        return [y * x if y > 100 else x, {"y": y, "x": x}]

    compiled = jit(f, backend=backend)
    for x in (1.0, 0.01, 2.0, 0.02, math.nan):
        assert bits(compiled(x)) == eager(f, x)
    assert len(compiled.variants) == 2


TRANSFORMS = {
    "value_and_grad": value_and_grad,
    "jacobian": jacobian,
    "forward jacobian": lambda f: jacobian(f, mode="forward"),
    "hessian": hessian,
    "third": lambda f: jacobian(hessian(f)),
    "jvp": lambda f: lambda x: jvp(f, x, [1.0, -2.0]),
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.5),
    "hvp": lambda f: lambda x: hvp(f, x, [1.0, 2.0]),
    "linearize, used twice": lambda f: lambda x: [linearize(f, x)[1]([s, 1.0]) for s in (0.5, 2)],
    "gradient of a gradient's length": lambda f: grad(lambda x: sum(g * g for g in grad(f)(x))),
}


@backends
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_compiled_to_the_same_bits(backend, name):
    def f(x):
        a, b = x
        return functional.maximum(a, b) * functional.relu(a - b) + abs(a) ** b + where(a, b, a * b)

    transformed = TRANSFORMS[name](f)
    compiled = jit(transformed, backend=backend)
    for point in ([1.0, 2.0], [2.0, 1.0], [-1.0, 3.0], [0.0, 1.0], [2.0, 2.0], [math.nan, 1.0]):
        for _ in range(2):
            assert bits(compiled(point)) == bits(transformed(point))


# Branches.


def test_a_branch_that_changes_is_traced_again():
    compiled = jit(lambda x: x * 2 if x > 0 else -x)
    assert [compiled(x) for x in (1.0, 2.0, -1.0, 3.0, -4.0)] == [2.0, 4.0, 1.0, 6.0, 4.0]
    assert len(compiled.variants) == 2
    assert [guard.holds for program in compiled.variants for guard in program.guards] == [
        True,
        False,
    ]


def test_a_loop_runs_as_often_as_the_numbers_say():
    def halvings(x):
        n = 0
        while x > 1:
            x = x / 2
            n += 1
        return x + n

    compiled = jit(halvings)
    for x in (0.5, 3.0, 1000.0, 3.0, 17.0, 0.1):
        assert compiled(x) == halvings(x)
    assert len(compiled.variants) == 4


def test_truth_equality_and_order_are_guards():
    def f(a, b):
        return (a and b) + sum(sorted([a, b], reverse=True)) * 0.5 + max(a, b) + (a == b) + (a != 1)

    compiled = jit(f)
    for a in SPECIAL:
        for b in SPECIAL:
            assert bits(compiled(a, b)) == eager(f, a, b), (a, b)


def test_after_many_variants_calls_go_uncompiled_with_one_warning():
    calls = []

    def steps(x):
        calls.append(x)
        n = 0
        while x > n:
            n += 1
        return x * n

    compiled = jit(steps)
    for i in range(MOST_VARIANTS):
        compiled(i + 0.0)
    with pytest.warns(RuntimeWarning, match="steps took another branch in 64 calls: such calls"):
        assert compiled(1000.0) == 1000.0 * 1000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled(2000.0) == 2000.0 * 2000
        calls.clear()
        assert compiled(3.0) == 9.0
    assert not calls, "the programs there are stay in use"
    assert len(compiled.variants) == MOST_VARIANTS


def test_no_branch_is_taken_where_a_row_chooses():
    compiled = jit(grad(lambda x: functional.relu(x) + abs(x) + functional.maximum(x, 1.0)))
    for x in sorted(SPECIAL, key=math.isnan):
        compiled(x)
        assert len(compiled.variants) == 1 + math.isnan(x)  # nan is looked at with care
    chosen = jit(where)
    assert [chosen(1.0, 2.0, 3.0), chosen(0.0, 2.0, 3.0)] == [2.0, 3.0]
    assert len(chosen.variants) == 1


def test_a_path_that_no_derivative_takes_is_guarded():
    compiled = jit(grad(lambda x, c: where(c, 2.0, x)))
    assert [compiled(3.0, c) for c in (1.0, 0.0, 5.0, -0.0)] == [0.0, 1.0, 0.0, 1.0]
    assert len(compiled.variants) == 2


def test_a_softmax_is_one_program_for_all_numbers():
    compiled = jit(jacobian(functional.softmax))
    for point in ([1.0, 2.0, 3.0], [3.0, 1000.0, -1.0], [math.inf, 0.0, 0.0], [math.nan, 1.0, 2.0]):
        assert bits(compiled(point)) == bits(jacobian(functional.softmax)(point))
    assert len(compiled.variants) == 1


@needs_llvmlite
def test_python_code_is_no_machine_code():
    with pytest.raises(JitError, match="backend 'llvm' cannot run; backend 'python' can"):
        jit(SINE, backend="llvm")(1.0)


def test_without_llvmlite_the_backend_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    with pytest.raises(JitError, match="needs llvmlite: pip install"):
        jit(lambda x: x, backend="llvm")(1.0)


# What goes in and out.


Point = namedtuple("Point", "x y")  # noqa: PYI024 — as users have them


def test_structures_come_back_as_they_are():
    def f(p, scale=2.0):
        return {"sum": [p["a"][0] + p["b"], 1], "point": Point(p["b"], scale)}

    compiled = jit(f)
    for _ in range(2):
        assert compiled({"a": (1.0,), "b": 2.0}) == {"sum": [3.0, 1.0], "point": Point(2.0, 2.0)}
        assert compiled({"a": (1.0,), "b": 2}, scale=5) == {"sum": [3.0, 1], "point": Point(2, 5)}
    assert type(compiled({"a": (1.0,), "b": 2.0})["point"]) is Point
    assert len(compiled.variants) == 2


def test_arrays_go_in_and_out():
    def f(m, v):
        return (m @ v).sum()

    m, v = np.arange(6.0).reshape(2, 3), np.array([1.0, -2.0, 0.5])
    compiled = jit(value_and_grad(f, (0, 1)))
    for _ in range(2):
        value, (dm, dv) = compiled(m, v)
        assert value == (m @ v).sum()
        assert np.array_equal(dm, [v, v])
        assert np.array_equal(dv, m.sum(0))
    assert len(compiled.variants) == 1


def test_static_arguments_reach_the_function_as_they_are():
    def f(x, n, mode="double"):
        for _ in range(n):
            x = x * 2 if mode == "double" else x * 3
        return x

    compiled = jit(f, static_argnames=["n", "mode"])
    assert [compiled(1.0, 3), compiled(2.0, 3), compiled(1.0, 2, mode="triple")] == [8.0, 16.0, 9.0]
    assert len(compiled.variants) == 2
    with pytest.raises(JitError, match="told apart by their hash"):
        compiled(1.0, [])


def test_static_arguments_are_named_by_place_or_by_name():
    def power(x, n, offset=0):
        assert type(n) is int
        return x**n + offset

    for static in (
        {"static_argnums": 1, "static_argnames": "offset"},
        {"static_argnums": (1,), "static_argnames": ["offset"]},
        {"static_argnames": ("n", "offset")},
    ):
        compiled = jit(power, **static)
        assert compiled(2.0, 3) == compiled(2.0, n=3) == 8.0
        assert compiled(2.0, 3, offset=1) == 9.0
    again = pickle.loads(pickle.dumps(jit(operator.pow, static_argnums=1)))  # noqa: S301 — our own
    assert [again(2.0, 3), again(3.0, 2)] == [8.0, 9.0]
    scaled = jit(lambda x, mode: x * 2 if mode == "double" else x * 3, static_argnums=-1)
    assert [scaled(1.0, "double"), scaled(2.0, "triple"), scaled(3.0, mode="double")] == [2, 6, 6]
    assert jit(lambda *xs: xs[0] * len(xs[2]), static_argnums=(2,))(2.0, 1.0, "abc") == 6.0


@pytest.mark.parametrize(
    ("f", "options", "message"),
    [
        (3, {}, "expected a function, but was given 3"),
        (lambda x, n: x, {"static_argnums": 2}, "has 2, but .* takes 2 arguments by place; the f"),
        (lambda x, n: x, {"static_argnums": [-3]}, "has -3, but .*takes 2 arguments by place"),
        (lambda x, n: x, {"static_argnums": "n"}, "has 'n'; expected places of arguments, such as"),
        (lambda x, n: x, {"static_argnames": [1]}, "has 1; expected names of arguments; places go"),
        (lambda x, n: x, {"static_argnames": "mode"}, "has 'mode', but .*takes x, n"),
        (lambda: 1.0, {"static_argnames": "mode"}, "has 'mode', but .*takes no arguments"),
        (lambda *xs: 1.0, {"static_argnums": -1}, "any number of arguments: count from the first"),
    ],
)
def test_what_jit_cannot_take_is_refused_when_it_is_made(f, options, message):
    with pytest.raises(ArgumentError, match=message):
        jit(f, **options)


def test_what_is_no_function_is_not_traced():
    for read in (trace, to_c, to_js):
        with pytest.raises(ArgumentError, match="expected a function, but was given 2"):
            read(2.0, 1.0)
    with pytest.raises(ArgumentError, match="name is 'my f'; expected the name of a C function"):
        to_c(lambda x: x, 1.0, name="my f")


def test_without_static_arguments_a_word_is_no_number():
    with pytest.raises(NotANumberError, match="argument mode must be one real number"):
        jit(lambda x, mode: x)(1.0, "double")


def test_constants_and_arguments_may_be_the_result():
    compiled = jit(lambda a, b: [b, 1.5, a, -0.0, math.inf, -math.nan])
    for _ in range(2):
        assert bits(compiled(1.0, 2.0)) == bits([2.0, 1.5, 1.0, -0.0, math.inf, math.nan])


# What the function closes over.


def test_parameters_are_read_anew_on_every_call():
    def train(wrap):
        model = MLP(2, [3, 1], seed=1)
        points, targets = [[0.5, -1.0], [2.0, 0.3], [-0.7, 0.2]], [1.0, -1.0, 0.5]
        parameters = model.parameters()

        def loss(numbers):
            for parameter, number in zip(parameters, numbers, strict=True):
                assert parameter.data == number
            return mse([model(point) for point in points], targets)

        value = wrap(lambda: mse([model(point) for point in points], targets))
        history = []
        for _ in range(5):
            history.append(getattr(value(), "data", None) or value())
            fresh = mse([model(point) for point in points], targets)
            model.zero_grad()
            fresh.backward()
            GradientDescent(parameters, learning_rate=0.05).step()
        return history, value

    compiled, value = train(jit)
    assert compiled == train(lambda f: f)[0]
    assert len(value.variants) == 1
    assert len(value.variants[0].captured) == 13
    assert compiled[-1] < compiled[0]


def test_a_value_computed_before_keeps_its_number():
    a = Value(2.0)
    b = a * 3
    compiled = jit(lambda x: x * b)
    assert compiled(1.0) == 6.0
    a.data = 100.0
    assert compiled(1.0) == 6.0
    b.data = 7.0
    assert compiled(1.0) == 7.0


def test_a_gradient_of_what_is_closed_over_follows_it():
    w = Value(2.0)
    compiled = jit(lambda: grad(lambda x: w * x * x)(3.0))
    assert compiled() == 12.0
    w.data = 5.0
    assert compiled() == 30.0


# Composition.


def test_transforms_see_through_a_compiled_function():
    compiled = jit(lambda x: x * x * x)
    assert compiled(2.0) == 8.0
    assert grad(compiled)(2.0) == 12.0
    assert grad(grad(compiled))(2.0) == 12.0
    assert jit(grad(compiled))(2.0) == 12.0
    x = Value(2.0)
    y = compiled(x)
    y.backward()
    assert x.grad == 12.0
    inner = jit(lambda c: c * x)
    assert inner(3.0) == 6.0
    assert grad(lambda z: jit(lambda c: c * z)(3.0))(2.0) == 3.0


def test_a_stopped_gradient_is_stopped_and_not_today_s_number():
    compiled = jit(value_and_grad(lambda x: x * stop_gradient(x) + x.detach()))
    assert [compiled(3.0), compiled(5.0)] == [(12.0, 3.0), (30.0, 5.0)]


SINE = Operation(
    "a sine in Python", ("x",), math.sin, (lambda x, _: math.cos(x),), "Sine, as Python code."
)


def test_python_code_is_one_instruction():
    compiled = jit(value_and_grad(lambda x: SINE(x * 2)), backend="python")
    for x in (1.0, 2.0, -0.5):
        assert compiled(x) == value_and_grad(lambda x: SINE(x * 2))(x)
    assert len(compiled.variants) == 1


def test_blocks_around_a_call_are_minded():
    compiled = jit(lambda x: x.log() * 2)
    with no_grad():
        assert compiled(1.0) == 0.0
    with detect_anomaly(), pytest.raises(NonFiniteError, match=r"log\(0.0\) is -inf"):
        compiled(Value(0.0))
    assert compiled(0.0) == -math.inf


def count(x, n=0):
    while x > n:
        n += 1
    return n


def move(args, shift):
    leaves, structure = flatten(args)
    return unflatten(structure, [leaf + shift for leaf in leaves])


UNCOMPILED = {
    "number": (lambda x: x.tanh() * count(x), (2.5,)),
    "constant": (lambda x: 1.5, (2.5,)),
    "inner slope": (grad(lambda y: y.exp() * count(y)), (2.5,)),
    "list": (lambda x: {"y": [x[0].sin() * count(x[0]), 1]}, ([2.5, 1.0],)),
    "array": (lambda x: functional.total(row.exp() for row in x) * count(x[0]), (np.ones(3),)),
    "batch": (
        lambda w, x: vmap(lambda y: (w * y).cos())(x) * count(w),
        (2.5, np.arange(9.0)),
    ),
    "batch shared": (
        lambda w, x: vmap(lambda y: w.sin() * count(w))(x),
        (2.5, np.arange(9.0)),
    ),
}


@pytest.mark.parametrize("backend", AVAILABLE[:2])  # machine code takes a while
@pytest.mark.parametrize("way", ["after many variants", "in a watch"])
@pytest.mark.parametrize("transform", [lambda f: f, grad], ids=["value", "gradient"])
@pytest.mark.parametrize("name", UNCOMPILED)
@pytest.mark.filterwarnings("ignore:.*took another branch:RuntimeWarning")
def test_uncompiled_calls_run_on_values(name, transform, way, backend, monkeypatch):
    f, args = UNCOMPILED[name]
    if transform is grad and (name in {"list", "batch", "batch shared"}):
        f = functools.partial(lambda f, *args: functional.total(leaves(f(*args))), f)
    g = transform(f)
    expected = bits(jit(g, backend=backend)(*args))
    if way == "in a watch":
        with detect_anomaly():
            found = jit(g, backend=backend)(*args)
        assert leaves(found) == pytest.approx(leaves(jit(g, backend=backend)(*args)), rel=1e-15)
        assert "batch" in name or bits(found) == expected, "the order of a batch's sum is its own"
        return
    monkeypatch.setattr(specialization, "MOST_VARIANTS", 2)
    run = jit(g, backend=backend)
    others = [move(args, shift) for shift in (0.0, 1.0, 2.0, 3.0)]
    expected = [bits(jit(g, backend=backend)(*each)) for each in others]
    assert [bits(run(*each)) for each in others * 2] == expected * 2
    assert len(run.variants) <= 2


def test_a_trace_hears_of_its_own_thread_alone():
    elsewhere, shared = Value(3.0), []

    def f(x):
        thread = threading.Thread(target=lambda: shared.append((elsewhere * 2).exp().data))
        thread.start()
        thread.join()
        inner = contextvars.copy_context().run(lambda: x * 5)
        return inner + trace(lambda y: y.sin(), 1.0).size

    assert str(trace(f, 1.0)).splitlines() == [
        "program(x)",
        "    v1 = x * 5.0",
        "    v2 = v1 + 1.0",
        "    return v2",
    ]
    assert shared == [math.exp(6.0)]


# What cannot be compiled is refused.

HERE = f"at {__file__}, line "


def touching(what):
    def f(x):
        y = x * 2
        return what(x, y)

    return f


def stores(x, y):
    x.data = 1.0
    return y


def ungrads(x, y):
    with no_grad():
        return y * 2


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda x, y: y.data * x, "uses data, and a program would keep today's number"),
        (lambda x, y: y.grad * x, "uses grad,"),
        (lambda x, y: y.backward(), r"uses backward\(\),"),
        (stores, "uses data,"),
        (ungrads, r"uses no_grad\(\),"),
        (lambda x, y: x.__copy__(), "uses a copy,"),
        (lambda x, y: x * float(f"{y:.2f}"), r"uses format\(\),"),
        (lambda x, y: x * float(format(y, "g")), r"uses format\(\),"),
        (lambda x, y: x * len(f"{y}"), r"uses repr\(\),"),
        (lambda x, y: x * len(f"{y!r}"), r"uses repr\(\),"),
        (lambda x, y: x * len(str(y)), r"uses repr\(\),"),
        (lambda x, y: x * len(repr([y])), r"uses repr\(\),"),
        (lambda x, y: x * (y * y).partials[0], "uses partials,"),
        (lambda x, y: x * explain(y * y, wrt=y).gradient, r"uses explain\(\),"),
        (lambda x, y: math.exp(y), r"call v\.exp\(\) and the like"),
        (lambda x, y: float(y), r"call v\.exp\(\) and the like"),
        (lambda x, y: [x, x][y], "indices or counts in static_argnums"),
        (lambda x, y: sum(x for _ in range(y)), "indices or counts in static_argnums"),
    ],
)
def test_what_a_program_could_not_repeat_names_its_line(what, message):
    with pytest.raises(JitError, match=message) as caught:
        jit(touching(what))(1.0)
    assert HERE in str(caught.value)
    assert PACKAGE not in str(caught.value)
    x = Value(1.0)
    assert (x * 2).data == 2.0, "the trace is over"


@backends
@pytest.mark.parametrize("depth", [0, 1, 3], ids=["argument", "result", "deeper"])
@pytest.mark.parametrize("transform", [lambda f: f, grad], ids=["value", "gradient"])
@pytest.mark.parametrize("x", [2.0, math.nan])
def test_a_value_kept_from_another_trace_is_refused(transform, depth, x, backend):
    kept = []

    def keep(x):
        y = x
        for _ in range(depth):
            y = y * 2 + 1
        kept[:] = [y]
        return x * 3

    jit(transform(keep), backend=backend)(x)
    for use in (lambda x: x + kept[0], lambda x: kept[0], lambda x: x if x > kept[0] else -x):
        with pytest.raises(JitError, match="a value that was kept from the trace of another call"):
            jit(use, backend=backend)(1.0)
    weight = Value(2.0)
    doubled = weight * 2
    assert jit(lambda x: x * doubled + weight, backend=backend)(1.0) == 6.0
    kept.clear()


def test_the_package_may_print_values_in_its_own_errors():
    with pytest.raises(ShapeError, match="has_aux needs a pair as the result, not Value"):
        jit(grad(lambda x: x * 2, has_aux=True))(1.0)


@pytest.mark.parametrize("result", ["text", {1.0}, lambda: 1.0])
def test_a_result_is_made_of_numbers(result):
    with pytest.raises(JitError, match="cannot be compiled: the result must be one real number"):
        jit(lambda x: result)(1.0)


def test_a_class_has_to_be_known():
    def f(scores, t):
        return cross_entropy([scores], [t])

    for compiled in (jit(f), jit(value_and_grad(f))):
        with pytest.raises(JitError, match="in static_argnames, or map over samples with vmap"):
            compiled([1.0, 2.0], 1)
    assert jit(f, static_argnames="t")([0.0, 0.0], 1) == math.log(2)
    batch = jit(vmap(f))(np.zeros((3, 2)), np.array([0.0, 1.0, 1.0]))
    assert batch.tolist() == [math.log(2)] * 3
    assert jit(lambda scores: cross_entropy([scores], [1]))([0.0, 0.0]) == math.log(2)


SPARSE = {
    "rosenbrock": lambda x: sum(
        100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)
    ),
    "chosen": lambda x: (
        functional.relu(x[0]) * x[1] + functional.maximum(x[2], x[3]) ** 2 + x[4] ** 3
    ),
    "with a branch": lambda x: x[0] * x[1] if x[2] > 0 else x[0] * x[3],
}


@backends
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_derivatives_are_compiled(name, backend):
    """The entries are those of the dense derivative, and all that are not 0 are among them."""
    f = SPARSE[name]
    for sparse, dense in (
        (jacobian(grad(f), sparse=True), jacobian(grad(f))),
        (hessian(f, sparse=True), hessian(f)),
        (
            jacobian(lambda x: [f(x), x[0] * x[1]], sparse=True),
            jacobian(lambda x: [f(x), x[0] * x[1]]),
        ),
    ):
        run = jit(sparse, backend=backend)
        for point in ([0.5, -1.0, 2.0, 0.25, 1.0], [-0.5, 1.0, -2.0, 3.0, 0.0]):
            for x in (point, np.array(point)):
                found, matrix = run(x), np.array(dense(x))
                values, (rows, columns) = found.entries
                assert bits(values) == bits(matrix[rows, columns])
                assert found.shape == matrix.shape
                assert {type(i) for i in (*rows, *columns, *found.shape)} == {int}
                assert {*map(tuple, np.argwhere(matrix).tolist())} <= {
                    *zip(rows, columns, strict=True)
                }
                if name != "chosen":
                    assert bits(values) == bits(sparse(x).entries[0])
                    assert (rows, columns) == sparse(x).entries[1]


@backends
def test_sparse_derivatives_take_other_arguments_and_values_as_they_are(backend):
    weight, x, others = Value(0.5), [0.5, -1.0, 2.0], np.array([2.0, 3.0])

    def f(x, others, flag):
        return [weight * x[0] * others[0], x[1] * x[2] if flag > 0 else others[1], others[0]]

    sparse = jacobian(f, sparse=True)
    for flag in (1.0, -1.0):
        dense = np.array(jacobian(f)(x, others, flag))
        values, (rows, columns) = jit(sparse, backend=backend)(x, others, flag).entries
        assert bits(values) == bits(dense[rows, columns])
        assert {*map(tuple, np.argwhere(dense).tolist())} <= {*zip(rows, columns, strict=True)}


@backends
@pytest.mark.parametrize("rows", [None, 3, 80])
def test_errors_of_the_function_are_its_own(rows, backend):
    def f(x):
        if x > 1:
            raise KeyError("mine", f"{x} as {x:.3f}", x * 2)
        return x * x

    def loss(xs):
        return functional.total(vmap(f)(xs))

    def call(g, *args):
        with pytest.raises(KeyError) as caught:
            g(*args)
        return str(caught.value)

    low, high = (0.25, 3.0) if rows is None else (np.full(rows, 0.25), np.linspace(0.0, 3.0, rows))
    transform = grad(f if rows is None else loss)
    compiled = jit(transform, backend=backend)
    for _ in range(2):
        assert bits(compiled(low)) == bits(transform(low))
        assert call(compiled, high) == call(transform, high)


@pytest.mark.parametrize("look", [lambda x: f"{x:g}", lambda x: x.data, lambda x: x.backward()])
def test_what_is_refused_is_refused_where_the_function_catches_it(look):
    def f(x):
        try:
            look(x)
        except Exception:  # noqa: BLE001 — as people write it
            return x * 2
        return x

    with pytest.raises(JitError, match=r"uses .*, and a program would keep today's number"):
        jit(f)(3.0)


def test_an_unknown_backend():
    with pytest.raises(ArgumentError, match="backend is 'gpu'; expected one of auto, python"):
        jit(lambda x: x, backend="gpu")


@pytest.mark.parametrize("n", [1, 15, 16, 39])
def test_zeros_and_nan_are_found_at_each_place_of_many_derivatives(n):
    """They are looked through in vectors, at whose end some are left."""

    def f(x, weights):
        return sum(w * functional.relu(y.sqrt() - 1.0) for w, y in zip(weights, x, strict=True))

    compiled = jit(grad(f))
    compiled(np.full(n, 4.0), np.ones(n))
    for place in range(n):
        x, weights, expected = np.full(n, 4.0), np.ones(n), np.full(n, 0.25)
        weights[place], expected[place] = -0.0, 0.0
        assert bits(compiled(x, weights)) == bits(expected)
        x[place], weights[place] = 0.0, 1.0  # where the square root is infinitely steep
        assert bits(compiled(x, weights)) == bits(expected)


@backends
def test_derivatives_that_are_checked_together_may_be_infinite(backend):
    """Their sum is nan, and the program that takes more care gives the same."""

    def f(x, y):
        slopes = grad(lambda x, y: functional.relu(1.0 / x) - functional.relu(1.0 / y), (0, 1))
        return [2.0 * slope for slope in slopes(x, y)]

    compiled = jit(f, backend=backend)
    for point in [(1.0, 2.0), (1e-200, 1e-200), (1e-200, 1.0), (1e-200, 1e-200)]:
        assert bits(compiled(*point)) == bits(f(*point))
    assert len(compiled.variants) == 2


def test_tracing_does_not_let_numpy_warn():
    """Numbers of a trace stand for others, and later calls would be silent."""
    compiled = jit(lambda x: (x / (x - x)).sum() + (x * 1e300 * 1e300).sum())
    with np.errstate(all="raise"):
        assert compiled(np.array([1.0, 2.0])) == math.inf
