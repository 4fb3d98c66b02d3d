"""The JavaScript source of a program runs as it stands, and gives Python's numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP, Value, functional, to_js, value_and_grad
from micrograd_gd.errors import ArgumentError
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.transforms.trees import flatten

pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is not installed")

import javascript

CALL = """
function call(f, x, size) {
    const y = new Float64Array(size);
    return [f(x, y), ...y];
}
"""


@pytest.fixture(scope="module")
def v8():
    with javascript.start(CALL) as v8:
        yield v8


def run_js(v8, source, inputs, size, name="compute"):
    """What the function returned, and the outputs; in a block, so that its name is free again."""
    (row,) = javascript.run(
        v8, f"(() => {{ {source} return [call({name}, {javascript.write(inputs)}, {size})]; }})()"
    )
    return int(row[0]), row[1:]


@given(st.lists(expressions(smooth=False), min_size=4, max_size=4))
def test_random_expressions_have_their_value_and_gradient(v8, several):
    for f in several:
        transformed = value_and_grad(f, tuple(range(len(f.inputs))))
        recorded = flatten(transformed(*map(Value, f.inputs)))[0]
        done, y = run_js(v8, to_js(transformed, *f.inputs), f.inputs, len(recorded))
        if done == -1:
            for x, there in zip(y, recorded, strict=True):
                assert javascript.is_near(
                    x, there.data if isinstance(there, Value) else there, there
                )


def test_source_closes_over_the_parameters_of_today(v8):
    model = MLP(2, [3, 1], seed=1)
    source = to_js(lambda x: [model(x), functional.total(x)], [0.5, -1.0])
    now = [model([0.1, 0.2]).data, 0.1 + 0.2]
    for parameter in model.parameters():
        parameter.data = 0.0
    assert run_js(v8, source, [0.1, 0.2], 2) == (-1, now)


def test_an_argument_may_be_called_like_a_function(v8):
    source = to_js(lambda exp, v0: exp.exp() / v0, 1.0, 2.0)
    assert run_js(v8, source, [0.0, 0.0], 1) == (-1, [math.inf])


def test_a_constant_may_be_any_float(v8):
    constants = [-0.0, math.inf, -math.inf, math.nan, 5e-324, 1e22, -1.5e-7]
    source = to_js(lambda x: [Value(c) if i else x for i, c in enumerate([0.0, *constants])], 1.0)
    assert [*map(repr, run_js(v8, source, [1.0], 8)[1])] == [*map(repr, [1.0, *constants])]


def test_the_source_tells_which_branch_was_not_taken(v8):
    source = to_js(lambda x: -x if x > 3 or x < 0 else x, 1.0)
    for x, done in [(2.0, -1), (4.0, 0), (-2.0, 1), (math.nan, -1)]:
        assert run_js(v8, source, [x], 1)[0] == done


TAKEN = "2x await class let yield arguments eval undefined NaN Math Object top ieee_exp value_mul"
FREE = ["name", "x", "y", "v0", "exp", "compute", "get", "of", "$f", "_"]


@pytest.mark.parametrize("name", ["", "a b", "a-b", "é", None, *TAKEN.split()])
def test_names_that_javascript_does_not_leave_free_are_refused(name):
    with pytest.raises(ArgumentError, match=r"expected the name of a JavaScript function"):
        to_js(lambda x: x, 1.0, name=name)


def test_several_functions_stand_in_one_script_and_in_one_module():
    gelu = value_and_grad(lambda x: functional.gelu(x) * x)
    script = "".join([to_js(gelu, 0.5, name=name) for name in FREE])
    for source in (script, f"'use strict'; {script}"):
        with javascript.start(CALL, source) as v8:
            rows = javascript.run(v8, f"[{', '.join(FREE)}].map((f) => call(f, [1.5], 2))")
        assert all(ulps_apart(row, [-1.0, *gelu(1.5)]) <= 4 for row in rows)


def ulps_apart(found, expected):
    return max(map(javascript.ulps, found, expected))


def test_every_name_is_refused_or_runs():
    """Those of the objects that a browser or Node has are asked for by those that V8 has."""
    with javascript.start() as v8:
        names = v8.eval("Object.getOwnPropertyNames(globalThis).join()").split(",")
    for name in names:
        try:
            source = to_js(lambda x: x.exp(), 1.0, name=name)
        except ArgumentError:
            continue
        with javascript.start(CALL) as v8:
            assert run_js(v8, source, [0.0], 1, name) == (-1, [1.0])
