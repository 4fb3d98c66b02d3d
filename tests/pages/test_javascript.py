"""The engine in JavaScript: its graphs, its sweeps and its language beside those in Python."""

import json
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from micrograd_gd import Value, formula, jvp, parse, value_and_grad
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.formula import leaf_names
from micrograd_gd.pages import write_engine
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.testing.strategies import expressions

pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is not installed")

import javascript
from special_numbers import SPECIAL

HELPERS = """
const { Value, parse, call, pullBack, pushForward, ROWS } = micrograd;

// The value; the gradient by the backward sweep, and again by the forward sweep.
function differentiate(text, inputs) {
    const f = parse(text);
    const leaves = inputs.map((x) => new Value(x));
    const y = f.evaluate(...leaves);
    if (!(y instanceof Value)) {
        return [[y], [], []];
    }
    y.backward();
    const slopes = leaves.map((leaf) => pushForward(y, new Map([[leaf, 1]])).get(y) ?? 0);
    return [[y.data], leaves.map((leaf) => leaf.grad), slopes];
}

function read(text, numbers) {
    try {
        const f = parse(text);
        return JSON.stringify([f.names, print(f.evaluate(...numbers.slice(0, f.names.length)))]);
    } catch (error) {
        if (!(error.constructor === Error)) throw error;
        return error.message;
    }
}
"""


@pytest.fixture(scope="module")
def v8():
    with javascript.start(write_engine(), HELPERS) as v8:
        yield v8


@given(st.lists(expressions(smooth=False), min_size=4, max_size=4))
def test_random_expressions_have_their_numbers_by_both_sweeps(v8, several):
    for f in several:
        graph = f(*map(Value, f.inputs))
        function = parse(formula(graph, max_length=10_000))
        leaves = leaf_names(graph)
        inputs = [leaves[name].data for name in function.names]
        text, places = function.text, range(len(inputs))
        y, gradient = value_and_grad(function, tuple(places))(*map(Value, inputs))
        slopes = [
            jvp(function, (*map(Value, inputs),), tuple(float(i == j) for j in places))[1]
            for i in places
        ]
        call = f"differentiate({json.dumps(text)}, {javascript.write(inputs)})"
        found = javascript.run(v8, call)
        for numbers, expected in zip(found, [[y], gradient, slopes], strict=True):
            for x, recorded in zip(numbers, expected, strict=True):
                there = getattr(recorded, "data", recorded)
                assert javascript.is_near(x, there, recorded), (text, inputs, x, there)


def test_every_row_has_the_partials_of_python_beside_plain_numbers(v8):
    """Also where a plain number makes the result a constant, and where a row folds."""
    generator = random.Random(1)
    nodes, calls = [], []
    for row in [row for row in OPERATIONS.values() for _ in range(30)]:
        numbers = [generator.choice(SPECIAL) for _ in range(row.arity(2))]
        active = [generator.random() < 0.6 for _ in numbers]
        active[generator.randrange(len(active))] = True
        operands = [Value(x) if on else x for x, on in zip(numbers, active, strict=True)]
        nodes.append(Value.record(row, *operands))
        written = [
            f"new Value({javascript.write(x)})" if on else javascript.write(x)
            for x, on in zip(numbers, active, strict=True)
        ]
        calls.append(f"call(ROWS.{row.name}, [{', '.join(written)}])")
    found = javascript.run(v8, f"[{', '.join(calls)}].map((node) => [node.data, ...node.partials])")
    for node, numbers, call in zip(nodes, found, calls, strict=True):
        for x, expected in zip(numbers, [node.data, *node.partials], strict=True):
            # The last digits are those of the table's test: this one is about which partials.
            assert javascript.ulps(x, expected) <= 1000, (call, x, expected)


def test_a_leaf_may_change_and_everything_follows(v8):
    lines = """(() => {
        const [a, b] = [new Value(2), new Value(-3)];
        const y = parse("tanh(a * b / 8) + a ** 2").evaluate(a, b);
        y.backward();
        a.data = 0.5;
        y.forward();
        const before = [a.grad, b.grad];
        y.backward();
        return [[y.data, a.grad - before[0], b.grad - before[1], y.grad]];
    })()"""
    a, b = Value(0.5), Value(-3.0)
    y = (a * b / 8).tanh() + a**2
    y.backward()
    ((*numbers, seed),) = javascript.run(v8, lines)
    assert numbers == pytest.approx([y.data, a.grad, b.grad], rel=1e-15)
    assert seed == 1


# Arithmetic alone, so that the numbers are equal to the last bit.
ATOMS = """
a b c_1 inf nan 0 1 2.5 .5 3. 1e3 1_0 0x1F 0b11 é
"""
OPERATORS = """
+ - * / // % < <= == != > >= and or
"""


def larger(parts):
    pairs = st.tuples(parts, parts)
    space = st.sampled_from(["", " ", "  "])
    return st.one_of(
        st.tuples(parts, st.sampled_from(OPERATORS.split()), parts).map(" ".join),
        st.tuples(parts, space, st.sampled_from(["+", "-", "*", "/"]), space, parts).map("".join),
        pairs.map(lambda p: f"({p[0]}) ** 2 < {p[1]} <= a"),
        st.tuples(parts, parts, parts).map(lambda p: f"{p[0]} if {p[1]} else {p[2]}"),
        parts.map(lambda p: f"({p})"),
        st.tuples(st.sampled_from(["-", "+", "not "]), parts).map("".join),
        st.tuples(st.sampled_from(["relu", "abs", "sqrt", "sign", "round"]), parts).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
        parts.map(lambda p: f"({p}).leaky_relu()"),
        pairs.map(lambda p: f"maximum({p[0]}, {p[1]},)"),
        pairs.map(lambda p: f"b = {p[0]}\n{p[1]} - b"),
    )


PIECES = """
a b 1 2. .5 1e 0x 01 00 1if ( ) , . + - * / ** // % < = == != <= not and or if else lambda in is
True constructor __proto__ toString( relu relu( .abs() pow( clip( inf nan é [ : # " _ __ 1__0 1j
"""


@given(
    st.recursive(st.sampled_from(ATOMS.split()), larger, max_leaves=8),
    st.lists(st.sampled_from(SPECIAL), min_size=4, max_size=4),
)
def test_a_formula_has_the_same_names_and_number(v8, text, numbers):
    check_reading(v8, text, numbers)


@given(
    st.lists(st.sampled_from([*PIECES.split(), "\n"]), min_size=1, max_size=6),
    st.sampled_from(["", " "]),
)
@example(["2 ** -1 + -a ** 2 + a ** -2 ** 2"], "")
@example(["not a == b", "and 1 < 2 < 1 or a if b else 1 if a else 2"], " ")
@example(["-" * 199, "a"], "")
@example(["-" * 198, "1"], "")
@example(["-" * 199, "1"], "")
@example(["1" * 100], "")
@example(["1" * 101], "")
@example(["a" * 101], "")
def test_what_is_no_formula_is_refused(v8, parts, between):
    check_reading(v8, between.join(parts), [2.0, -3.0, 0.5, 1.0])


def check_reading(v8, text, numbers):
    found = v8.eval(f"read({json.dumps(text)}, {javascript.write(numbers)})")
    try:
        f = parse(text)
    except ArgumentError:
        assert not found.startswith("["), (text, found)
        return
    names, number = json.loads(found)
    assert tuple(names) == f.names
    expected = f(*map(Value, numbers[: len(names)]))
    assert javascript.ulps(float(number), getattr(expected, "data", expected)) == 0, text
