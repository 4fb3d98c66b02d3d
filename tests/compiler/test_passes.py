"""Programs are written as they run, and the scans make them shorter without changing a bit."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from compiled import bits
from hypothesis import given
from hypothesis import strategies as st
from special_numbers import SPECIAL

from micrograd_gd import Value, hessian, trace, value_and_grad, vmap
from micrograd_gd.compiler import lanes, passes
from micrograd_gd.compiler.arguments import Arguments, Signature
from micrograd_gd.compiler.choices import Choices
from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.compiler.verify import verify
from micrograd_gd.compiler.writing import write_program
from micrograd_gd.errors import JitError
from micrograd_gd.functional import maximum
from micrograd_gd.table.ops import OPERATIONS, operation
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.transforms.trees import LEAF, flatten


def test_a_program_reads_as_it_was_written():
    def f(p, scale):
        h = p["w"] * p["x"][0]
        h.label = "h"
        return [h.tanh() * scale, h if h > 0 else -h]

    assert str(trace(f, {"w": 2.0, "x": [1.0, 3.0]}, 4.0)).splitlines() == [
        "program(p['w'], p['x'][0], p['x'][1], scale)",
        "    h = p['w'] * p['x'][0]",
        "    v5 = tanh(h)",
        "    v6 = v5 * scale",
        "    guard h > 0.0",
        "    return v6, h",
    ]


def test_a_captured_value_has_its_label():
    w = Value(2.0, label="w")
    lines = str(trace(lambda x: w * x, 1.0)).splitlines()
    assert lines == ["program(x)", "    w = captured", "    v2 = w * x", "    return v2"]


def program_of(*steps, outputs):
    """A program of one input, 0, with these steps."""
    structure = flatten([0.0] * len(outputs))[1]
    return Program((("x", LEAF),), (), tuple(steps), tuple(outputs), structure, {})


ADD, MUL, EXP = (operation(name) for name in ("add", "mul", "exp"))
SPREAD = Instruction(1, lanes.operation("spread", 3), (0,))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (program_of(Instruction(1, ADD, (0, 2)), outputs=[1]), "uses 2, which was not computed"),
        (program_of(Instruction(0, EXP, (0,)), outputs=[0]), "computes what was computed before"),
        (program_of(Guard(5, "<", 0.0, holds=True), outputs=[0]), "uses 5"),
        (program_of(SPREAD, Guard(1, "<", 0.0, holds=True), outputs=[0]), "from sample to sample"),
        (program_of(outputs=[1]), "the result uses 1"),
        (replace(program_of(outputs=[0]), outputs=(0, 0)), "cannot hold 2 outputs"),
    ],
)
def test_an_illegal_program_is_refused(program, message):
    with pytest.raises(JitError, match=message):
        verify(program)


def test_an_instruction_has_as_many_operands_as_its_operation():
    with pytest.raises(TypeError, match="cannot be called with the operands"):
        verify(program_of(Instruction(1, ADD, (0,)), outputs=[1]))


def test_constants_are_folded_by_the_same_functions():
    program = program_of(Instruction(1, EXP, (1.0,)), Instruction(2, MUL, (1, 0)), outputs=[2])
    assert passes.optimize(program).statements == (Instruction(2, MUL, (math.e, 0)),)


@pytest.mark.parametrize(
    ("name", "operands", "shorter"),
    [
        ("mul", (0, 1.0), True), ("mul", (1.0, 0), True), ("div", (0, 1.0), True),
        ("add", (0, -0.0), True), ("add", (-0.0, 0), True), ("sub", (0, 0.0), True),
        ("add", (0, 0.0), False), ("sub", (0, -0.0), False), ("sub", (0.0, 0), False),
        ("div", (1.0, 0), False), ("mul", (0, 0.0), False), ("pow", (0, 1.0), True),
        ("pow", (1.0, 0), False),
        ("atan2", (0, 1.0), False),
    ],
)  # fmt: skip
def test_neutral_elements_and_only_they_are_left_out(name, operands, shorter):
    program = passes.optimize(program_of(Instruction(1, operation(name), operands), outputs=[1]))
    assert program.outputs == ((0,) if shorter else (1,))
    if shorter:
        for x in SPECIAL:
            plain = [x if place == 0 and type(place) is int else place for place in operands]
            assert bits(operation(name)(*plain)) == bits(x)


@pytest.mark.parametrize("op", [op for op in OPERATIONS.values() if op.fixing], ids=str)
def test_what_is_the_same_for_all_numbers_is_a_constant(op):
    for place, number in op.fixing:
        operands: list[int | float] = [0, 0]
        operands[place] = number
        program = passes.optimize(program_of(Instruction(1, op, tuple(operands)), outputs=[1]))
        (constant,) = program.outputs
        for x in SPECIAL:
            assert bits(op(*[x if type(y) is int else y for y in operands])) == bits(constant)
        traced = trace(lambda x, xs=operands: op(*[x if type(y) is int else y for y in xs]), 0.5)
        assert traced.outputs == program.outputs, "by the passes in use"


CHOICES = [*map(operation, ["where", "where", "where", "less", "less_equal", "equal"])]
NUMBERS = [0.0, -0.0, 1.0, 0.5, math.nan]


def take(numbers, x, otherwise=None):
    """What a number is; 0.0 is none."""
    return x if type(x) is float else numbers.get(x, otherwise)


@given(st.data())
def test_choices_are_shortened_without_changing_a_bit(data):
    numbers = st.integers(0, 2)
    shorten, after, steps = Choices().shorten, {}, []
    for result in range(3, data.draw(st.integers(4, 16))):
        op = data.draw(st.sampled_from(CHOICES))
        operands = numbers | st.sampled_from(NUMBERS)
        pairs = st.sampled_from([(0.0, 1.0), (1.0, 0.0)]) | st.tuples(operands, operands)
        test = numbers | st.sampled_from([3.0, 4.0, 5.0])  # constants, and no results
        given = data.draw(test if op is CHOICES[0] else operands), *data.draw(pairs)
        steps.append(Instruction(result, op, given[-len(op.operands) :]))
        new = steps[-1]._replace(operands=tuple(take(after, x, x) for x in steps[-1].operands))
        found = shorten(new)
        after[result] = result if isinstance(found, Instruction) else found
        steps[-1] = steps[-1], found
        numbers = st.integers(0, 2) | st.integers(max(0, result - 3), result)
    for inputs in product(NUMBERS, repeat=3):
        before, now = dict(enumerate(inputs)), dict(enumerate(inputs))
        for step, found in steps:
            before[step.result] = step.op(*[take(before, x) for x in step.operands])
            if isinstance(found, Instruction):
                now[step.result] = found.op(*[take(now, x) for x in found.operands])
            else:
                now[step.result] = take(now, found)
            assert bits(now[step.result]) == bits(before[step.result])


def test_a_choice_stays_where_both_tests_may_hold():
    choices, where = Choices(), CHOICES[0]
    for x, y, is_shorter in (((0, 1), (1, 0), True), ((0, 1), (0, 2), False)):
        tests = [Instruction(3, operation("less"), x), Instruction(4, operation("less"), y)]
        steps = [*tests, Instruction(5, where, (4, 0.5, 1.0))]
        assert [*map(choices.shorten, steps)] == steps
        last = Instruction(6, where, (3, 1.0, 5))
        assert choices.shorten(last) == (5 if is_shorter else last)
    assert choices.shorten(Instruction(7, where, (4.0, 5, 0.0))) == 5, "4.0 is no test, and true"


def test_what_samples_a_derivative_is_there_for_is_asked_once():
    program = trace(vmap(hessian(lambda x: maximum(x[0], x[1]) ** 2)), np.ones((70, 2)))
    assert len(program.statements) < 45, "it would be 74"


def test_a_square_is_one_multiplication_of_the_same_bits():
    power = Instruction(1, operation("pow"), (0, 2.0))
    (step,) = passes.optimize(program_of(power, outputs=[1])).statements
    assert step == Instruction(1, operation("square"), (0,))
    for x in SPECIAL:
        assert bits(operation("pow")(x, 2.0)) == bits(operation("square")(x)) == bits(x * x)


def test_what_is_computed_twice_is_shared_but_zeros_are_told_apart():
    steps = [Instruction(i, MUL, (0, zero)) for i, zero in enumerate((0.0, -0.0, 0.0), 1)]
    assert passes.optimize(program_of(*steps, outputs=[1, 2, 3])).outputs == (1, 2, 1)


def test_what_nothing_depends_on_is_dropped_and_guards_stay():
    used, unused = Instruction(1, EXP, (0,)), Instruction(2, EXP, (1,))
    guard = Guard(1, "<", 2.0, holds=True)
    assert passes.optimize(program_of(used, unused, guard, outputs=[0])).statements == (used, guard)


def test_a_guard_stands_once():
    guard, other = Guard(0, "<", 2.0, holds=True), Guard(0, "<=", 2.0, holds=True)
    decided = Guard(1.0, "<", 2.0, holds=True)
    program = passes.optimize(program_of(guard, other, guard, decided, outputs=[0]))
    assert program.statements == (guard, other)


@given(expressions(smooth=False))
def test_no_scan_changes_a_bit(program):
    def f(*x):
        return program(*x)

    def run(optimized):
        return bits(BACKENDS["python"](verify(optimized)).run([*program.inputs]))

    arguments = Arguments(Signature(value_and_grad(f)), program.inputs, {})
    traced = arguments.trace(arguments.leaves, is_careful=True)
    written = write_program(traced)
    expected = bits(traced.result())
    assert run(written) == expected
    for scan in (passes.scan_forward, passes.scan_back, passes.optimize):
        assert run(scan(written)) == expected
