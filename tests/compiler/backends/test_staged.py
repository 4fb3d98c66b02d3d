"""Machine code of batches in loops: over statements, and over blocks of samples."""

import math
from itertools import pairwise, product
from operator import add, mul

import numpy as np
import pytest
from compiled import bits
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

from micrograd_gd import trace, value_and_grad, vmap
from micrograd_gd.compiler.backends import llvm
from micrograd_gd.compiler.backends.llvm import in_lanes, tiles
from micrograd_gd.compiler.instructions import Guard, Instruction
from micrograd_gd.compiler.lanes import is_reduction, operation
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.compiler.verify import verify
from micrograd_gd.functional import relu, total
from micrograd_gd.table import ops
from micrograd_gd.transforms.trees import Structure, array_structure, flatten

GIVEN, COLUMNS = 60, 40  # single numbers, and numbers of each sample
ADD, MOST, TANH = (ops.operation(name) for name in ("add", "maximum", "tanh"))
SUM, LARGEST = (operation(kind, -1) for kind in ("sum", "largest"))
OPERATIONS = [(ADD, 2), (MOST, 2), (TANH, 1), (SUM, 1)] * 3 + [(LARGEST, 1), ("<", 2)]


def draw_operand(draw, arrays, sizes, back):
    """Where it is found in the first runs, and how it moves in each loop.

    It is an entry of an array, or, below 0, the result of a statement so far back.
    """
    if draw(st.integers(0, 3)) == 0:
        return -draw(st.sampled_from(back)), (0, 0)
    start, shape, strides = draw(st.sampled_from([*arrays[:2], *arrays[-5:]]))
    moves = [0, 0]
    for entries, stride in zip(shape, strides, strict=True):
        loops = [i for i, size in enumerate(sizes) if size <= entries]
        loop = draw(st.sampled_from([None, *loops]))
        if loop is None:
            start += stride * draw(st.integers(0, entries - 1))
        else:
            moves[loop] += stride
    return start, tuple(moves)


@st.composite
def statements(draw):
    """What loops in loops compute, from the inputs and from what loops before them computed."""
    arrays = [(0, (GIVEN,), (1,)), (GIVEN, (COLUMNS,), (1,))]  # first number, sizes, strides
    lines, result = [], GIVEN + COLUMNS + 1
    for _ in range(draw(st.integers(1, 4))):
        sizes = tuple(draw(st.lists(st.integers(3, 9), min_size=1, max_size=2)))
        body = draw(st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=3))
        count = sum(op != "<" for op, _ in body)
        back = [1, max(count, 1), 2 * count + 1]
        operands = [
            [draw_operand(draw, arrays, sizes, back) for _ in range(each)] for _, each in body
        ]
        strides = tuple([count * math.prod(sizes[i + 1 :]) for i in range(len(sizes))])
        arrays += [(result + i, sizes, strides) for i in range(count)]
        for times in product(*map(range, sizes)):
            for (op, _), places in zip(body, operands, strict=True):
                found = tuple([
                    result + start if start < 0 else start + sum(map(mul, moves, times))
                    for start, moves in places
                ])  # fmt: skip
                if op == "<":
                    lines.append(Guard(found[0], "<", found[1], holds=True))
                else:
                    lines.append(Instruction(result, op, found))
                    result += 1
    return lines


def make_program(lines):
    """The program of statements, those that depend on no sample without what sums need."""
    varying, legal = {*range(GIVEN, GIVEN + COLUMNS)}, []
    for each in lines:
        is_varying = not varying.isdisjoint(each.operands)
        if isinstance(each, Guard):
            legal += [] if is_varying else [each]
        elif is_reduction(each.op):
            legal.append(each if is_varying else each._replace(op=TANH))
        else:
            legal.append(each)
            varying |= {each.result} if is_varying else set()
    results = [each.result for each in legal if isinstance(each, Instruction)]
    used = dict.fromkeys([*results[-9:], *results[:: -(len(results) // 9 + 1)], 5])
    once = [x for x in used if x not in varying]
    columns = [*(x for x in used if x in varying), GIVEN + 10, 6, 0.5]
    below = flatten([0.0] * len(once))[1], array_structure((-1, len(columns)))
    structure = Structure(tuple, below=below, size=len(once) + len(columns))
    arguments = ("x", flatten([0.0] * GIVEN)[1]), ("y", array_structure((-1, COLUMNS)))
    outputs = (*once, *columns)
    return verify(Program(arguments, (), tuple(legal), outputs, structure, {}, lengths=(64,)))


def compare(program, leaves, fewest):
    """The numbers of machine code in loops of so many runs beside those of Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llvm, "SHORTER", 0)
        patch.setattr(llvm, "FEWEST_RUNS", fewest)
        kernel = llvm.make_kernel(program, llvm.generate_code(program, 0))
    found, expected = (each.run(leaves) for each in (kernel, BACKENDS["python"](program)))
    assert bits(found) == bits(expected)


@settings(max_examples=2)
@given(st.lists(st.sampled_from([3, 10]), min_size=4, max_size=4), st.sampled_from([1, 4, 9]))
def test_any_network_has_the_bits_of_all_its_statements(sizes, fewest):
    def score(layers, x):
        for layer in layers:
            x = [relu(sum(map(mul, row, x), bias)) for *row, bias in layer]
        return x[0] * x[-1]

    def loss(layers, points):
        return total(vmap(score, in_axes=(None, 0))(layers, points))

    draw = np.random.default_rng(sizes).normal
    layers = [draw(size=(b, a + 1)) for a, b in pairwise(sizes)]
    points = draw(size=(100, sizes[0]))
    program = trace(value_and_grad(loss), layers, points)
    compare(program, [*np.concatenate([x.ravel() for x in layers]).tolist(), points[:9]], fewest)


def test_what_an_inner_loop_hands_to_one_before_it_is_there_in_time():
    def score(w, x):
        so_far = x = [*x]
        for _ in range(9):
            so_far = [*map(add, so_far, x)]
            x = [each * w for each in x]
        return sum(map(mul, so_far, x))

    points = np.cos(np.arange(640.0)).reshape(64, 10)
    program = trace(lambda w, points: total(vmap(score, (None, 0))(w, points)), 1.5, points)
    compare(program, [1.5, points], 3)


@given(
    statements(),
    st.sampled_from([(0, 1), (128, 64)]),
    st.sampled_from([0, 3]),
    st.sampled_from([(1, 64), (2**21, 4), (2**21, 64)]),
    st.integers(1, 90),
)
def test_any_loops_have_the_bits_of_all_their_statements(lines, sizes, fewest, tile, samples):
    program = make_program(lines)
    x = [math.sin(i) for i in range(GIVEN)]
    y = np.cos(np.arange(float(COLUMNS * samples))).reshape(samples, COLUMNS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llvm, "SHORTER", 0)
        patch.setattr(llvm, "FEWEST_RUNS", fewest)
        patch.setattr(in_lanes, "SHORT", sizes[0])
        patch.setattr(in_lanes, "TOGETHER", sizes[1])
        patch.setattr(tiles, "TILE", tile[0])
        patch.setattr(tiles, "MOST_BLOCKS", tile[1])
        kernel = llvm.make_kernel(program, llvm.generate_code(program, 0))
    found, expected = (each.run([*x, y]) for each in (kernel, BACKENDS["python"](program)))
    assert found == expected if isinstance(expected, int) else bits(found) == bits(expected)
