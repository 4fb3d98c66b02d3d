"""Loops are found again in straight-line statements, and unroll to exactly these."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import trace, value_and_grad
from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.roll import roll
from micrograd_gd.compiler.rolled import Loop, size
from micrograd_gd.table.ops import operation

ADD, MUL, EXP = (operation(name) for name in ("add", "mul", "exp"))

# An operand of a statement in loops: how far it is behind the result; or a number, and what it
# moves by in each loop; or a constant, or one for each time.
OPERANDS = st.one_of(
    st.integers(1, 9).map(lambda back: lambda result, _: max(result - back, 0)),
    st.tuples(st.integers(0, 99), st.lists(st.integers(0, 5), min_size=3, max_size=3)).map(
        lambda x: lambda _, times: x[0] + sum(a * b for a, b in zip(x[1], times, strict=False))
    ),
    st.sampled_from([0.0, -0.0, math.nan, 2.0]).map(lambda x: lambda *_: x),
    st.sampled_from([1.0, 0.25]).map(lambda x: lambda _, times: math.sin(x * sum(times))),
)
STATEMENTS = st.one_of(
    st.tuples(st.sampled_from([ADD, MUL]), OPERANDS, OPERANDS),
    st.tuples(st.just(EXP), OPERANDS),
    st.tuples(st.just("<"), OPERANDS, OPERANDS),
)
NESTS = st.recursive(
    st.lists(STATEMENTS, min_size=1, max_size=4),
    lambda below: st.lists(
        st.tuples(st.integers(2, 9), below) | STATEMENTS, min_size=1, max_size=3
    ),
    max_leaves=8,
)  # fmt: skip


def run(nest, times=(), result=100):
    """The statements of loops in loops."""
    for first, *rest in nest:
        if isinstance(first, int):
            for i in range(first):
                for each in run(rest[0], (*times, i), result):
                    result += isinstance(each, Instruction)
                    yield each
        elif first == "<":
            left, right = (x(result, times) for x in rest)
            yield Guard(left, "<", right, holds=True)
        else:
            yield Instruction(result, first, tuple(x(result, times) for x in rest))
            result += 1


@given(NESTS)
def test_what_is_rolled_unrolls_to_the_same(nest):
    statements = [*run(nest)]
    rolled = roll(statements)
    assert repr([*rolled.unroll()]) == repr(statements)
    assert size(rolled.items) <= len(statements)


@given(st.lists(STATEMENTS, min_size=1, max_size=3), st.integers(8, 12))
def test_a_longer_loop_has_no_more_items(body, count):
    """Whatever moves in it, guards and tables of constants among that."""
    counts = (count, 3 * count)
    short, longer = (size(roll(run([(count, [(9, body)])])).items) for count in counts)
    assert longer == short


def rosenbrock(x):
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def product(a, b):
    columns = [*zip(*b, strict=True)]
    rows = [
        [sum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in a
    ]
    return sum(map(sum, rows))


def lorenz(x):
    for _ in range(100):
        slopes = [[0.0] * 3]
        for part in (0.005, 0.005, 0.01):
            a, b, c = (y + part * s for y, s in zip(x, slopes[-1], strict=True))
            slopes.append([10 * (b - a), a * (28 - c) - b, a * b - c])
        x = [y + 0.01 * sum(s) / 3 for y, *s in zip(x, *slopes, strict=True)]
    return x[0]


DATA = [math.sin(i) for i in range(50)]


@pytest.mark.parametrize(
    ("f", "arguments", "most"),
    [
        (value_and_grad(rosenbrock), [DATA], 40),
        (value_and_grad(product, (0, 1)), [[DATA[i : i + 9] for i in range(9)]] * 2, 40),
        (value_and_grad(lorenz), [[1.0, 2.0, 3.0]], 420),
        (value_and_grad(lambda w: sum((w * x - 1) ** 2 for x in DATA)), [0.5], 40),
    ],
)
def test_functions_have_their_loops_again(f, arguments, most):
    program = trace(f, *arguments)
    rolled = roll(program.statements)
    assert [*rolled.unroll()] == [*program.statements]
    assert size(rolled.items) <= most
    assert roll(tuple(program.statements)) == rolled, "encoded or not"


def test_what_differs_in_its_label_is_no_loop():
    statements = [Instruction(i + 1, EXP, (i,)) for i in range(9)]
    assert isinstance(roll(statements).items[0], Loop)
    labels = {i + 1: f"x{i}" for i in range(9)}
    assert len(roll(statements, labels).items) == 9
    assert len(roll(statements, dict.fromkeys(labels, "x")).items) == 1
