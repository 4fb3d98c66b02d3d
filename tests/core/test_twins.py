"""What runs in C when a function is traced gives the program of the reference in Python."""

import contextlib
import gc
import math
import operator
import pickle
import struct
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd import (
    Value,
    engine_name,
    functional,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vmap,
)
from micrograd_gd.compiler import lanes, passes
from micrograd_gd.compiler.arguments import Arguments, Arrays, Signature
from micrograd_gd.compiler.instructions import EncodedStatements
from micrograd_gd.compiler.verify import verify
from micrograd_gd.compiler.writing import write_program
from micrograd_gd.core import sweep
from micrograd_gd.errors import JitError
from micrograd_gd.table.ops import OPERATIONS, Operation
from micrograd_gd.testing.strategies import expressions

if engine_name() != "native":
    pytest.skip("there is nothing in C on the Python engine", allow_module_level=True)

from micrograd_gd.core.native import extension  # there only then

TRANSFORMS = {
    "value_and_grad": value_and_grad,
    "hessian": hessian,
    "third": lambda f: jacobian(hessian(f)),
    "jvp": lambda f: lambda x: jvp(f, x, [0.5] * len(x)),
    "hvp": lambda f: lambda x: hvp(f, x, [0.5] * len(x)),
}


def make_trace(f, *args):
    call = Arguments(Signature(f), args, {})
    return call.trace(call.leaves)


def in_python(job):
    """What the job gives where nothing of it runs in C."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_pull_back_in_c", None)
        patch.setattr(sweep, "_push_forward_in_c", None)
        return job()


@pytest.mark.parametrize("name", TRANSFORMS)
@given(expressions(smooth=False))
def test_a_trace_of_a_derivative(name, program):
    f = TRANSFORMS[name](lambda x: program(*x))

    def text():
        return str(write_program(make_trace(f, list(program.inputs))))

    assert text() == in_python(text)


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
@settings(max_examples=settings().max_examples // 2)  # of each row
def test_every_partial_of_every_row(name, data):
    """All places, with values and with plain numbers beside the ones that are differentiated."""
    row = OPERATIONS[name]
    count = row.arity(3)
    numbers = st.sampled_from([0.0, -0.0, 1.0, 0.5, 2.0, -3.0, 1e300, float("nan")])
    point = data.draw(st.lists(numbers, min_size=count, max_size=count))
    plain = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    if row.operands[0] == "n":
        point[0] = 2.0

    def f(x):
        return row(*[a if p else b for a, b, p in zip(point, x, plain, strict=True)]) * x[0]

    for transformed in (value_and_grad(f), hessian(f)):

        def text(g=transformed):
            return str(write_program(make_trace(g, point)))

        assert text() == in_python(text)


@given(expressions(smooth=False))
def test_sweeps_without_a_trace(program):
    def found(job):
        derivatives = {key: getattr(x, "data", x) for key, x in job().items()}
        assert derivatives.keys() <= {*nodes}
        return [derivatives.get(node) for node in nodes]

    inputs = [Value(x) for x in program.inputs]
    root = program(*inputs)
    nodes = [*dict.fromkeys([*root.nodes(), *inputs])]
    seeds = dict.fromkeys(inputs, 0.5)
    for differentiable in (False, True):
        for job in (
            lambda d=differentiable: sweep.adjoints(root, 2.0, differentiable=d),
            lambda d=differentiable: sweep.tangents(root, seeds, differentiable=d),
        ):
            assert repr(found(job)) == repr(in_python(lambda j=job: found(j)))


SINE = Operation("a sine", ("x",), lambda x: x, (lambda x, _: x * 2.0,), "As Python code.")


class Labelled(Value):
    """A subclass, whose operators are its own."""

    def __rmul__(self, other):
        return super().__rmul__(other) + 1.0


def test_python_code_and_subclasses_go_the_way_of_python():
    weight = Labelled(3.0)
    f = value_and_grad(lambda x: SINE(x * x) * weight + functional.relu(x) * weight)

    def text():
        return str(write_program(make_trace(f, 2.0)))

    assert text() == in_python(text)


def test_a_gradient_of_a_gradient_closes_over_the_outer_one():
    def f(x):
        return grad(lambda y: (y * x).sin() * x)(x * 2)

    def text():
        return str(write_program(make_trace(value_and_grad(f), 0.7)))

    assert text() == in_python(text)


# From a trace to a program.


def same_program(trace):
    """The program that C finds, which must be that of the passes in Python to the last detail."""
    found, expected = passes.optimize_trace(trace), passes.optimize(write_program(trace))
    assert type(found.statements) is EncodedStatements
    assert repr([*found.statements]) == repr([*expected.statements])  # where nan is like nan
    assert repr(found.outputs) == repr(expected.outputs)
    assert found.captured == expected.captured
    assert all(a is b for a, b in zip(found.captured, expected.captured, strict=True))
    assert (found.labels, found.structure) == (expected.labels, expected.structure)
    assert found.arguments == expected.arguments
    assert len(found.statements) == len(expected.statements)
    assert found.statements.guards == len(expected.guards)
    assert str(found) == str(expected)
    return verify(found)


@pytest.mark.parametrize("name", TRANSFORMS)
@given(expressions(smooth=False))
def test_the_program_of_a_derivative(name, program):
    f = TRANSFORMS[name](lambda x: program(*x))
    same_program(make_trace(f, list(program.inputs)))


def row(name, operands, value):
    letters = tuple(operands.split())
    return Operation(name, letters, value, ("None",) * len(letters), "Of the tests.")


STRANGE = [
    row("a copy", "x", "x"),
    row("the first", "a b", "a"),
    row("turned round", "b a", "a - b"),
    row("turned power", "b a", "a ** b"),
    row("another sum", "a b", "a + b"),
    row("nested", "a b", "exp(a) if a < b else relu(b) ** 2"),
    Operation("sine in Python", ("x",), lambda x: x * 2, (lambda x, y: 2.0,), "Of the tests."),
]
OPERANDS = {"total": 3, "dot": 5}


@given(data=st.data())
def test_the_program_of_anything(data):
    """Operations on constants alone, neutral elements, what stood before, guards, labels."""
    rows = [*STRANGE, *(OPERATIONS[name] for name in ("add", "sub", "mul", "div", "pow"))]
    rows += [OPERATIONS[name] for name in ("exp", "relu", "maximum", "where", "total", "dot")]
    constants = [0.0, -0.0, 1.0, 1, 2.0, -1.0, 0.5, math.inf, math.nan, -math.nan]
    closed = [Value(2.0), Value(3.0, label="w")]

    def f(x, y):
        known = [x, y, *closed]

        def operand():
            return data.draw(st.sampled_from([*known[-4:], *closed, *constants]))

        recorded = []
        for _ in range(data.draw(st.integers(1, 12))):
            if recorded and data.draw(st.booleans()):
                op, operands = data.draw(st.sampled_from(recorded))
            else:
                op = data.draw(st.sampled_from(rows))
                count = OPERANDS.get(op.name, len(op.operands))
                operands = [operand() for _ in range(count)]
            node = Value.record(op, *operands)
            recorded.append((op, operands))
            known.append(node)
            if data.draw(st.integers(0, 5)) == 0:
                node.label = data.draw(st.sampled_from(["h", "x", ""]))
            if data.draw(st.integers(0, 3)) == 0:
                relation = data.draw(st.sampled_from(["lt", "le", "eq", "ne", "gt", "ge"]))
                getattr(operator, relation)(data.draw(st.sampled_from(known)), operand())
        return [operand() for _ in range(data.draw(st.integers(0, 4)))]

    same_program(make_trace(f, 0.5, -3.0))


@given(expressions(smooth=False), st.integers(-1, 1))
def test_the_program_of_a_batch(program, way):
    """Sums of what varies from sample to sample, and of what does not; the largest; ways."""
    count = len(program.inputs)
    rows = np.array(program.inputs) + way * np.linspace(0, 1, 64 * count).reshape(64, count)

    def f(w):
        ys = vmap(lambda x: [program(*x), program(*w), w[0]])(rows)
        most = [max(each) for each in ys]
        return functional.total(ys[0]) * w[0] + functional.mean(ys[1]) + sum(ys[2]) + sum(most)

    given = Signature(value_and_grad(f)), (list(program.inputs),), {}
    same_program(Arrays().use(given, lambda call: call.trace(call.leaves)))


@pytest.mark.parametrize("count", [63, 64, 65, 1000])
def test_a_program_of_guards(count):
    statements = same_program(
        make_trace(lambda x: sum(x > -i for i in range(count)), 1.0)
    ).statements
    assert statements.guards == len(statements) == count


def test_a_program_without_statements():
    assert str(same_program(make_trace(lambda x: [x, 1.0, math.nan], 2.0))).splitlines() == [
        "program(x)",
        "    return x, 1.0, nan",
    ]


def test_statements_are_read_as_a_tuple_is():
    statements = same_program(make_trace(lambda x: (x * 2).exp() if x > 0 else x, 1.0)).statements
    assert len(statements) == 3
    assert statements == tuple(statements)
    assert tuple(statements) == statements
    assert hash(statements) == hash(tuple(statements))
    assert statements[0] == next(iter(statements))
    assert statements[1:] == tuple(statements)[1:]
    assert pickle.loads(pickle.dumps(statements)) == statements  # noqa: S301 — our own
    assert [statements.code[:4], len(statements.constants), statements.outputs] == [
        struct.pack("i", -10),
        16,
        struct.pack("i", 2),
    ]


def test_gradients_and_walks_are_as_before():
    x, w = Value(2.0), Value(3.0)
    x.grad, w.grad = 5.0, 7.0
    y = x * w

    def f(z):
        return z * w * y

    trace = make_trace(value_and_grad(f), 1.0)
    for event in trace.events:
        event.grad = 0.25
    same_program(trace)
    assert [x.grad, w.grad, {event.grad for event in trace.events}] == [5.0, 7.0, {0.25}]
    y.backward()
    assert [x.grad, w.grad] == [8.0, 9.0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda trace: trace.events.append(trace.events[0]), "computes what was computed before"),
        (lambda trace: trace.events.reverse(), "which was not computed before it"),
        (lambda trace: trace.events[0].forget(), "has an operation"),
        (lambda trace: trace.events.append("nonsense"), "no attribute 'left'"),
    ],
)
def test_what_is_unusual_is_left_to_python(spoil, message):
    trace = make_trace(lambda x: (x * 2).exp(), 1.0)
    spoil(trace)
    with pytest.raises((JitError, AssertionError, AttributeError), match=message):
        passes.optimize_trace(trace)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (None, [], [], passes.describe, [], [], [], None),
        ([1.0], [], [], passes.describe, [], [], [], None),
        ([], [(1.0, "<", 2.0, True)], [], passes.describe, [], [], [], None),
        ([], [("a", "<", 2.0, True)], [], passes.describe, [], [], [], None),
        ([], [(1.0, "~", 2.0, True)], [], passes.describe, [], [], [], None),
        ([], [None], ["a"], passes.describe, [], [], [], None),
        ([], [Value(1.0) * 2], [], None, [], [], [], None),
        ([], [Value(1.0) * 2], [], lambda op: (1, 2), [], [], [], None),
        ([], [Value(1.0) * 2], [], lambda op: (1, 0, "a", *4 * [None], "", 0, 0), [], [], [], None),
        (
            [],
            [Value(1.0) ** 2],
            [],
            lambda op: (1, 0, *4 * [None], "square", "", 0, 0),
            [],
            [],
            [],
            None,
        ),
        ([], [Value(1.0) * 2], [], lambda op: (1, 0, *5 * [None], "sum", -1, 0), [], [], [], None),
        ([], [Value(1.0) * 2], [], lambda op: (1, 0, *5 * [None], "pick", -1, 0), [], [], [], None),
        ([], [], [], passes.describe, [1.0], [], [], None),
        ([], [], [], passes.describe, [], [-1], [], None),
        ([Value(1.0)], [], [], passes.describe, [], ["a"], [], None),
    ],
)
def test_nonsense_is_refused_or_left_to_python(arguments):
    with contextlib.suppress(TypeError, ValueError):
        assert extension.optimize(*arguments) is None or len(extension.optimize(*arguments)) == 8


def test_batches_that_meet_are_left_to_python():
    """Or leave, or decide: whatever else is no legal program."""
    x, y = Value(1.0), Value(2.0)
    z = x * y
    total = Value.record(lanes.operation("sum", -1), x)
    for events, outputs, lanes_of_y, wanted in [
        ([z], [z], -2, [-1]), ([z], [z], 0, [0]), ([(x, "<", 1.0, True)], [], 0, []),
        ([Value.record(lanes.operation("sum", -2), x)], [], 0, []),
    ]:  # fmt: skip
        given = [-1, lanes_of_y]
        lengths = [Value(9.0), Value(9.0)]
        call = [x, y], events, outputs, passes.describe, lengths, given, wanted, None
        assert extension.optimize(*call) is None
    call = [x, y], [z, total], [total, z], passes.describe, [Value(9.0)], [-1, 0], [0, -1], None
    assert len(extension.optimize(*call)) == 8


def test_memory_comes_back():
    def once():
        w = Value(2.0, label="w")
        f = value_and_grad(lambda x: (x * w).tanh() ** 2 + functional.relu(x) if x > 0 else x)
        passes.optimize_trace(make_trace(f, 1.0))
        with pytest.raises(TypeError):
            extension.optimize([], make_trace(f, 1.0).events, [], None, [], [], [], None)

    def blocks_after(calls):
        for _ in range(calls):
            once()
        gc.collect()
        return sys.getallocatedblocks()

    assert blocks_after(500) - blocks_after(100) < 250
