"""Loops are found again in straight-line statements, and unroll to exactly these."""

import ctypes
import math
import random
import re
import sys
from itertools import cycle, pairwise

import numpy as np
import pytest
from c_code import compile_c, needs_gcc
from compiled import bits
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from micrograd_gd import trace, value_and_grad, vmap
from micrograd_gd.compiler import listing, loop_listing, loop_text, loops
from micrograd_gd.compiler.c_source import write_function
from micrograd_gd.compiler.instructions import EncodedStatements, Guard, Instruction
from micrograd_gd.compiler.passes import scan_back
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.roll import roll
from micrograd_gd.compiler.rolled import Loop, size
from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.functional import mean, tanh, total
from micrograd_gd.table.ops import OPERATIONS, operation
from micrograd_gd.transforms.trees import flatten

ADD, MUL, EXP = (operation(name) for name in ("add", "mul", "exp"))

# An operand of a statement in loops: how far it is behind the result; or a number, and what it
# moves by in each loop; or a constant, or one for each time.
OPERANDS = st.one_of(
    st.integers(1, 9).map(lambda back: lambda result, _: max(result - back, 0)),
    st.tuples(st.integers(0, 250), st.lists(st.integers(0, 5), min_size=3, max_size=3)).map(
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


class Sum:
    """What was computed with it before, for each place in some of the loops a sum of its own."""

    def __init__(self, loops, start):
        self.loops = loops
        self.start = start
        self.last = {}

    def __call__(self, result, times):
        if result < max(self.last.values(), default=0):
            self.last = {}  # the statements are drawn once more
        place = tuple([times[i] for i in self.loops if i < len(times)])
        before = self.last.get(place, result - 1 if self.start is None else self.start)
        self.last[place] = result
        return before


SUMS = st.builds(
    Sum, st.lists(st.integers(0, 2), max_size=2, unique=True), st.sampled_from([0.0, 7, None])
)


def nest(statements):
    return st.recursive(
        st.lists(statements, min_size=1, max_size=4),
        lambda below: st.lists(
            st.tuples(st.integers(2, 9), below) | statements, min_size=1, max_size=3
        ),
        max_leaves=8,
    )  # fmt: skip


NESTS = nest(STATEMENTS)
NESTS_WITH_SUMS = nest(STATEMENTS | st.tuples(st.just(ADD), SUMS, OPERANDS))


BACK = [lambda result, _, back=back: max(result - back, 0) for back in range(32)]
GIVEN = lambda _, times: sum(times)  # noqa: E731 — it stands among others in a table
# What is used once, after a number that it is computed from has its next value.
OVERTAKEN = [
    (9, [(EXP, GIVEN), (MUL, BACK[3], BACK[2]), (ADD, BACK[4], GIVEN), (ADD, BACK[2], BACK[7])])
]


def stencil(columns, rows, body, moves):
    """Rows that end in a number of their own, each computed from that before it."""
    length = columns * len(body) + 1
    first = [(columns, [(EXP, GIVEN)] * len(body)), (MUL, GIVEN, GIVEN)]
    cell = [(op, *[BACK[dy * length + dx] for dx, dy in moves]) for op in body]
    return [(length, [(EXP, GIVEN)]), *first, (rows, [(columns, cell), (EXP, BACK[length])])]


STENCILS = st.builds(
    stencil,
    st.integers(3, 6),
    st.integers(3, 5),
    st.lists(st.sampled_from([ADD, MUL]), min_size=2, max_size=3),
    st.lists(
        st.tuples(st.integers(-3, 3), st.just(1)) | st.tuples(st.integers(1, 5), st.just(0)),
        min_size=2,
        max_size=2,
    ),
)
CORNERS = stencil(4, 5, [ADD, MUL], [(-1, 1), (0, 1)])  # reads what is beside a row and a column


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


MOST, TANH = operation("maximum"), operation("tanh")


def legal(statements):
    """What uses no results that are yet to come, and does not grow beyond all bounds."""
    result = 100
    for each in statements:
        operands = tuple([x if type(x) is float else min(x, result - 1) for x in each.operands])
        if isinstance(each, Guard):
            yield Guard(operands[0], "<", operands[1], holds=True)
        else:
            result += 1
            yield each._replace(operands=operands, op={MUL: MOST, EXP: TANH}.get(each.op, ADD))


def as_program(statements, most=9):
    """A program of 100 numbers, whose results are some of all numbers: the more, the fewer once."""
    results = [each.result for each in statements if isinstance(each, Instruction)]
    outputs = (*results[-most:], *results[:: -(len(results) // most + 1)], 5, 0.5)
    structures = [flatten([0.0] * n)[1] for n in (100, len(outputs))]
    return scan_back(Program((("x", structures[0]),), (), statements, outputs, structures[1], {}))


@needs_gcc
@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(st.lists(NESTS_WITH_SUMS | STENCILS, min_size=20, max_size=20))
def test_loops_in_c_have_the_bits_of_all_their_statements(tmp_path_factory, nests):
    """Whatever is used where: in the same run, the next, after the loop, in another one."""
    cases = [*zip(nests, cycle([1, 9]), strict=False), (OVERTAKEN, 1), (CORNERS, 9)]
    programs = [as_program((*legal(run(nest)),), most) for nest, most in cases]
    sources = [write_function(each, f"f{i}") for i, each in enumerate(programs)]
    x = [math.sin(i) for i in range(100)]
    library = compile_c(tmp_path_factory.mktemp("c"), "".join(sources))
    for i, program in enumerate(programs):
        y = (ctypes.c_double * len(program.outputs))()
        done = library[f"f{i}"]((ctypes.c_double * 100)(*x), y)
        expected = BACKENDS["python"](program).run(x)
        if isinstance(expected, int):
            assert done == expected
        else:
            assert done == -1
            assert bits(y[:]) == bits(expected)


@given(NESTS | STENCILS, st.sampled_from([(0, 1), (20, 30), (128, 64)]), st.sampled_from([0, 8]))
def test_loops_of_machine_code_have_the_bits_of_all_their_statements(nest, lengths, fewest):
    llvm = pytest.importorskip("micrograd_gd.compiler.backends.llvm")
    if not llvm.is_available():
        pytest.skip("llvmlite is not installed")
    program = as_program((*legal(run(nest)),))
    x = [math.sin(i) for i in range(100)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llvm, "SHORTER", 0)
        patch.setattr(llvm, "FEWEST_RUNS", fewest)
        patch.setattr(llvm.rolled, "SHORT", lengths[0])
        patch.setattr(llvm.rolled, "TOGETHER", lengths[1])
        verify(llvm, program)
        kernel = llvm.make_kernel(program, llvm.generate_code(program, 0))
    found, expected = kernel.run(x), BACKENDS["python"](program).run(x)
    if isinstance(expected, int):
        assert found == expected
    else:
        assert bits(found) == bits(expected)


def verify(llvm, program):
    """Have LLVM look for mistakes, which would end the process, or would go on with any number."""
    writer = llvm._choose_writer(program, 0, sys.maxsize)
    for text in writer.write(llvm.TOGETHER):
        llvm._load_binding().parse_assembly(text).verify()
    return writer


def test_guards_of_a_run_know_nothing_of_where_another_one_fails(monkeypatch):
    llvm = pytest.importorskip("micrograd_gd.compiler.backends.llvm")
    if not llvm.is_available():
        pytest.skip("llvmlite is not installed")

    def f(x):
        y = 0.0
        for each in x:
            y = y + each * each if each > 0.0 else y
            y = y * 1.5 if y < 1e6 else y
        return y

    x = [0.5 + 0.1 * math.sin(i) for i in range(60)]
    program = trace(f, x)
    monkeypatch.setattr(llvm, "SHORTER", 0)
    assert isinstance(verify(llvm, program), llvm.RolledWriter)
    kernel = llvm.make_kernel(program, llvm.generate_code(program, 0))
    for i in range(60):
        changed = [*x[:i], -1.0, *x[i + 1 :]]
        assert kernel.run(changed) == BACKENDS["python"](program).run(changed)


def read_listing(text, x):
    """What the text computes, which is nearly Python; an array is a dict."""
    arrays = {name: {} for name in re.findall(r"\b[as]\d*(?=\[)", text)}
    names = {name: op.on_floats(op.value) for name, op in OPERATIONS.items() if name in text}
    text = re.sub(r"guard (.*)", r"assert \1", text.replace("program(", "def program("))
    text = text.replace("x[0], x[1], …, x[99])", "x):")
    exec(text, names | arrays | {"nan": math.nan}, found := {})  # noqa: S102 — to see that it runs
    return found["program"](x)


@given(NESTS_WITH_SUMS | STENCILS, st.sampled_from([1, 9]), st.sampled_from([10, 20, 80]))
@example(OVERTAKEN, 1, 80)
@example(CORNERS, 9, 80)
def test_a_listing_reads_as_a_function_that_computes_the_same(nest, most, width):
    program = as_program((*legal(run(nest)),), most)
    x = [math.sin(i) for i in range(100)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "LONGEST", 0)
        patch.setattr(loop_listing, "MOST_ENTRIES", 10**6)
        patch.setattr(loop_text, "WIDTH", width)
        text = str(program)
    if "for" not in text:
        return
    expected = BACKENDS["python"](program).run(x)
    if isinstance(expected, int):
        with pytest.raises(AssertionError):
            read_listing(text, x)
    else:
        assert bits(read_listing(text, x)) == bits(expected)


def test_sums_are_called_like_no_argument():
    text = str(trace(lambda s1: sum(x * x for x in s1), DATA))
    assert "for i in range(50): s1_ += s1[i] * s1[i]" in text


def test_a_network_over_a_batch_prints_as_long_for_many_neurons_as_for_few():
    def loss(weights, points):
        def of_point(x):
            hidden = [tanh(sum(w * a for w, a in zip(row, x, strict=True))) for row in weights]
            return total(hidden) ** 2

        return mean(vmap(of_point)(points))

    points = np.linspace(-1.0, 1.0, 700).reshape(100, 7)
    texts = [str(trace(value_and_grad(loss), np.ones((n, 7)), points)) for n in (20, 30)]
    lines = texts[0].splitlines()
    assert len(lines) == len(texts[1].splitlines()) < 80
    inside = 0  # of a loop over the points
    for line in lines:
        depth = len(line) - len(line.lstrip())
        inside = 0 if depth <= inside else inside
        assert not (inside and " = sum(" in line), "a sum is complete behind the loop"
        inside = depth if "in range(n)" in line else inside


def test_a_long_program_without_loops_is_known_by_its_middle(monkeypatch):
    monkeypatch.setattr(loops, "SAMPLE", 500)
    x = [math.sin(i) for i in range(2000)]
    shuffled = random.Random(0).sample(x, 2000)
    for places in (range(2000), [*map(x.index, shuffled)]):
        program = trace(value_and_grad(lambda x, p=places: total(x[i] * x[i - 1] for i in p)), x)
        assert loops.has_loops(program) == isinstance(places, range)


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
    if isinstance(program.statements, EncodedStatements):
        assert roll(program.statements.records) == rolled


def test_what_differs_in_its_label_is_no_loop():
    statements = [Instruction(i + 1, EXP, (i,)) for i in range(9)]
    assert isinstance(roll(statements).items[0], Loop)
    labels = {i + 1: f"x{i}" for i in range(9)}
    assert len(roll(statements, labels).items) == 9
    assert len(roll(statements, dict.fromkeys(labels, "x")).items) == 1
