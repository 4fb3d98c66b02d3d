"""The tape runs programs at once, and its kernel takes arguments as they are given."""

import gc
import itertools
import math
import random
import sys
import threading
import tracemalloc
from array import array
from collections import namedtuple

import numpy as np
import pytest
from compiled import bits
from special_numbers import SPECIAL

from micrograd_gd import Value, engine_name, grad, jit, trace, value_and_grad, vmap
from micrograd_gd.compiler.backends import tape as tapes
from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.core.tape_format import RecordKind
from micrograd_gd.errors import JitError, NotANumberError, NumberRangeError
from micrograd_gd.functional import dot, exp, mean, relu, total
from micrograd_gd.table.ops import OPERATIONS, Operation, operation
from micrograd_gd.transforms.trees import flatten

if engine_name() != "native":
    pytest.skip("the tape is part of the native engine", allow_module_level=True)

from micrograd_gd.core.native.extension import Kernel, Tape, number_of

Point = namedtuple("Point", "x y")  # noqa: PYI024 — as users have them


def kernel_of(f, *args):
    """What runs `f` on the tape, to be called without jit around it."""
    return tapes.compile_program(trace(f, *args))


# The same bits.


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_row_and_its_slopes_at_special_numbers(name):
    row = OPERATIONS[name]
    count = row.arity(3)
    places = tuple(range(count))
    f = value_and_grad(row, places)
    compiled = jit(f, backend="tape")
    rng = random.Random(name)
    points = [[rng.choice(SPECIAL) for _ in places] for _ in range(60)]
    if count <= 2:
        points += [[*point] for point in itertools.product(SPECIAL, repeat=count)]
    for point in points:
        if row.operands[0] == "n":
            point[0] = float(rng.randrange(5))
        assert bits(compiled(*point)) == bits(f(*point)), point


def test_the_folded_rows_of_any_length():
    for n in (0, 1, 2, 3, 17):
        w, x = [0.1 * i for i in range(n)], [1.5 - i for i in range(n)]
        for f in (lambda w, x: total(x, 0.5), lambda w, x: dot(w, x, 0.5)):
            assert bits(kernel_of(f, w, x)(w, x)) == bits(f(w, x))


def test_slots_are_used_again_and_nothing_is_lost():
    def f(x):
        y, seen = x, []
        for i in range(300):
            y = (y + x).sin() * (1.0 + i)
            if i % 7 == 0:
                seen.append(y)
        return [seen, y, x, 2.5]

    kernel = kernel_of(f, 0.5)
    for x in SPECIAL:
        assert bits(kernel(x)) == bits([getattr(y, "data", y) for y in flatten(f(Value(x)))[0]])


# Lanes.


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_row_and_its_slopes_in_lanes(name):
    row = OPERATIONS[name]
    count = row.arity(3)
    rng = random.Random(name)
    f = value_and_grad(row, tuple(range(count)))
    for varying in {(True,) * count, *(tuple(i == j for i in range(count)) for j in range(count))}:
        lanes = rng.choice([1, 7, 16, 23])
        args = [
            np.array([rng.choice(SPECIAL) for _ in range(lanes)]) if varies else rng.choice(SPECIAL)
            for varies in varying
        ]
        if row.operands[0] == "n":
            args[0] = 2.0
            if not any(varying[1:]):
                continue
        in_axes = [0 if isinstance(x, np.ndarray) else None for x in args]
        results = [jit(vmap(f, in_axes), backend=b)(*args) for b in ("tape", "python")]
        assert bits(results[0]) == bits(results[1]), args


@pytest.mark.parametrize("lanes", [1, 7, 8, 9, 15, 16, 17, 31, 32, 40, 100])
def test_sums_and_what_follows_them(lanes):
    def f(scale, x, y):
        mean_x = mean(vmap(lambda a, b: a * scale + b * a)(x, y))
        spread = total(vmap(lambda a, b: (a * b - mean_x) ** 2)(x, y))
        return spread, vmap(lambda a: (a - mean_x) / spread)(x), vmap(lambda a: a * 2)(y)[::-1]

    rng = np.random.default_rng(lanes)
    args = 1.5, rng.normal(size=lanes), rng.normal(size=lanes)
    g = value_and_grad(lambda *args: f(*args)[0], (0, 1, 2))
    for each in (f, g):
        tape, python = (jit(each, backend=b)(*args) for b in ("tape", "python"))
        assert bits(tape) == bits(python)


def test_lanes_are_read_and_written_where_they_lie():
    def f(x):
        a, b = vmap(lambda row: (row[0] * row[2], row[1] + 1.0))(x)
        c = vmap(lambda v: v * 3.0)(a)
        scattered = [np.array([c[0], b[0]]), np.array([c[1], b[1]]), c[2], b[2], b]
        return scattered, vmap(lambda v: v)(x[:, 1]), a[1], vmap(lambda v: v * v)(b[::-1])

    x = np.random.default_rng(1).normal(size=(3, 4))
    for given in (x, x[::-1], x.T[:3].copy(), x + 1):
        y = np.ascontiguousarray(given[:, :4] if given.shape == (3, 4) else np.ones((3, 4)))
        tape, python = (jit(f, backend=b)(y) for b in ("tape", "python"))
        assert bits(tape) == bits(python)


# Guards.


@pytest.mark.parametrize("relation", ["<", "<=", "==", "!=", ">", ">="])
def test_every_relation_is_checked_both_ways(relation):
    f = eval(f"lambda a, b: a if a {relation} b else b")  # noqa: S307 — one of six relations
    for first in ((1.0, 2.0), (2.0, 1.0), (1.0, 1.0)):
        program = trace(f, *first)
        kernel = tapes.compile_program(program)
        for a, b in itertools.product(SPECIAL, repeat=2):
            taken = eval(f"a {relation} b")  # noqa: S307 — the same one
            result = kernel(a, b)
            if taken == program.guards[0].holds:
                assert bits(result) == bits(a if taken else b)
            else:
                assert result == 0
                assert type(result) is int


def test_the_place_of_the_guard_that_fails_is_told():
    def f(x):
        for i in range(5):
            x = x + 1.0 if x > i else x
        return x

    kernel = kernel_of(f, 10.0)
    assert [kernel(x) for x in (10.0, 0.0, -10.0)] == [15.0, 0, 0]
    kernel = kernel_of(lambda x: [x > 1, x > 2, x > 3, x > 4] and x, 10.0)
    assert [kernel(x) for x in (4.5, 3.5, 2.5, 1.5, 0.5)] == [4.5, 3, 2, 1, 0]


# What goes in.


STRUCTURES = [
    (1.0,),
    (1.0, 2.0),
    ([1.0, 2.0, 3.0],),
    ([],),
    ([1.0, [2.0, (3.0, 4.0)], []], 5.0),
    ({"w": [1.0, 2.0], "b": 3.0}, (4.0,)),
    ({},),
    ({1: 2.0, ("a", 1): 3.0, None: 4.0},),
    (np.arange(6.0).reshape(2, 3),),
    (np.arange(3.0), 1.0, np.arange(2.0), [np.arange(4.0).reshape(2, 2), 5.0]),
    (np.empty((0, 3)), 1.0),
    ({"p": (np.arange(3.0), [1.0]), "q": {"r": 2.0}},),
    ([[float(i + 4 * j) for i in range(4)] for j in range(80)],),
]


@pytest.mark.parametrize("args", STRUCTURES, ids=repr)
def test_structures_go_in_and_come_out_by_the_direct_way(args):
    def f(*args):
        return args

    kernel = kernel_of(f, *args)
    for numbers in (args, tuple(move(x) for x in args)):
        result = kernel(*numbers)
        assert flatten(result)[1] == flatten(numbers)[1]
        assert bits(result) == bits(numbers)
    assert bits(kernel.run(flatten(args)[0])) == bits(args)


def move(tree):
    """The same structure with other numbers, and arrays that own none."""
    if isinstance(tree, dict):
        return {key: move(x) for key, x in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(move(x) for x in tree)
    return tree * -1.25


def test_whole_numbers_and_floats_of_numpy_are_numbers():
    kernel = kernel_of(lambda a, b: (a, b), 1.0, 2.0)
    assert kernel(1, np.float64(2.5)) == (1.0, 2.5)
    assert [type(x) for x in kernel(1, np.float64(2.5))] == [float, float]


def test_a_result_of_another_kind_is_made_by_its_class():
    class Numbers(list):
        pass

    kernel = kernel_of(lambda x: {"p": Point(x, [x]), "l": Numbers([x, Point(x, x)])}, 1.0)
    result = kernel(2.0)
    assert result == {"p": Point(2.0, [2.0]), "l": [2.0, Point(2.0, 2.0)]}
    assert type(result["p"]) is Point
    assert type(result["l"]) is Numbers


class SomeList(list):
    pass


class SomeFloat(float):
    def __float__(self):
        return 7.0


def as_read_only(x):
    x.flags.writeable = False
    return x


ARRAY = np.arange(3.0)
UNUSUAL = [
    ([1.0, 2.0, 3.0], [1.0, 2.0], "a list of another length"),
    ([1.0, 2.0], (1.0, 2.0), "a tuple for a list"),
    ([1.0, 2.0], SomeList([1.0, 2.0]), "a subclass of list"),
    ((1.0, 2.0), Point(1.0, 2.0), "a named tuple"),
    (1.0, SomeFloat(1.0), "a float with an opinion"),
    (1.0, True, "a bool"),
    (1.0, np.float32(0.1), "a short float of NumPy"),
    (1.0, np.array(2.0), "an array of no dimension"),
    (1.0, [1.0], "a list for a number"),
    ([1.0], 1.0, "a number for a list"),
    ({"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 2.0}, "keys in another order"),
    ({"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 2.0}, "another key"),
    ({"a": 1.0, "b": 2.0}, {"a": 1.0}, "a key less"),
    ({1: 1.0}, {True: 1.0}, "a key that is equal, not the same"),
    (ARRAY, np.arange(4.0), "an array of another length"),
    (ARRAY, np.arange(3.0).reshape(1, 3), "an array of another shape"),
    (ARRAY, np.arange(6.0)[::2], "an array with gaps"),
    (ARRAY, np.arange(3.0)[::-1], "an array backwards"),
    (np.ones((2, 2)), np.arange(4.0).reshape(2, 2).T, "an array by columns"),
    (ARRAY, np.arange(3, dtype="float32"), "short floats"),
    (ARRAY, np.arange(3), "whole numbers"),
    (ARRAY, np.arange(3.0).astype(">f8"), "floats of the other byte order"),
    (ARRAY, np.frombuffer(b"\0" + np.arange(3.0).tobytes(), offset=1), "floats off their place"),
    (ARRAY, np.rec.array(np.arange(3.0)), "a subclass of array"),
    (ARRAY, np.array([1.0, 2, 3], dtype=object), "objects"),
    (ARRAY, [0.0, 1.0, 2.0], "a list for an array"),
]


@pytest.mark.parametrize(
    ("planned", "given"), [case[:2] for case in UNUSUAL], ids=[case[2] for case in UNUSUAL]
)
def test_what_is_unusual_goes_the_general_way_to_the_same_result(planned, given):
    def f(x):
        return x

    assert kernel_of(f, planned)(given) is NotImplemented
    compiled = jit(f, backend="tape")
    compiled(planned)
    for _ in range(2):
        result = compiled(given)
        assert bits(result) == bits(jit(f, backend="python")(given))
        assert bits(compiled(planned)) == bits(planned)


def test_arrays_that_cannot_be_written_are_read():
    kernel = kernel_of(lambda x: x.sum(), ARRAY)
    assert kernel(as_read_only(np.arange(3.0))) == 3.0


@pytest.mark.parametrize(
    ("given", "error"),
    [("1.0", NotANumberError), ({1.0}, NotANumberError), (10**400, NumberRangeError)],
)
def test_what_is_no_number_is_refused_as_ever(given, error):
    compiled = jit(lambda x: x * 2, backend="tape")
    compiled(1.0)
    with pytest.raises(error, match="argument x"):
        compiled(given)
    assert compiled(2.0) == 4.0


def test_values_and_other_calls_find_the_function():
    compiled = jit(lambda a, b=2.0: a * b, backend="tape")
    assert compiled(3.0) == 6.0
    assert compiled(3.0, 4.0) == 12.0
    assert compiled(3.0, b=5.0) == 15.0
    assert compiled(3.0) == 6.0
    x = Value(3.0)
    compiled(x).backward()
    assert x.grad == 2.0
    with pytest.raises(TypeError):
        compiled()


def test_structures_take_turns():
    compiled = jit(lambda x: x, backend="tape")
    given = [1.0, [1.0], (1.0,), {"a": 1.0}, [[1.0]], np.ones(2), [1.0, 2.0]]
    for _ in range(3):
        for x in given:
            assert bits(compiled(x)) == bits(x)
    assert len(compiled.variants) == len(given)


def test_branches_take_turns():
    compiled = jit(lambda x: [x, 1.0] if x[0] > 0 else x, backend="tape")
    for x in ([1.0], [-1.0], [2.0], [-2.0], [math.inf]):
        assert compiled(x) == ([x, 1.0] if x[0] > 0 else x)
    assert len(compiled.variants) == 2


def test_what_is_captured_is_read_at_every_call():
    w, v = Value(2.0), Value(3.0)
    kernel = kernel_of(lambda x: (x * w, v), np.ones(2))
    for w.data, v.data in ((5.0, 7.0), (-1.0, 0.5)):
        products, same = kernel(np.array([1.0, 2.0]))
        assert [*products, same] == [w.data, 2 * w.data, v.data]


def test_results_are_the_caller_s_own():
    kernel = kernel_of(lambda x: [x, x * 2], ARRAY)
    first, second = kernel(ARRAY), kernel(ARRAY + 1)
    first[0][0] = 99.0
    assert [*ARRAY] == [0.0, 1.0, 2.0]
    assert [*second[0]] == [1.0, 2.0, 3.0]
    assert [*first[1]] == [0.0, 2.0, 4.0]


# Python code, and what else the tape does not run.


def test_python_code_is_left_to_python():
    sine = Operation("own sine", ("x",), math.sin, (lambda x, _: math.cos(x),), "Sine.")
    with pytest.raises(JitError, match="own sine is not compiled into the native engine"):
        jit(sine, backend="tape")(1.0)
    assert jit(sine)(1.0) == math.sin(1.0)
    assert not number_of(sine)
    assert number_of(operation("add"))


# Memory and threads.


def test_many_calls_take_no_memory():
    kernel = kernel_of(lambda x, m: ({"a": [x[0], m]}, (x[1] > 0) and x[1]), [1.0, 2.0], ARRAY)
    good, bad = [1.0, 2.0], [1.0, -2.0]
    plain = kernel_of(lambda a, b: (a, b), 1.0, 2.0)
    for _ in range(100):
        kernel(good, ARRAY)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20_000):
            kernel(good, ARRAY)
            kernel(bad, ARRAY)
            kernel(good, [1.0])
            kernel.run([1.0, 2.0, 3.0, 4.0, 5.0])
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    for _ in range(1_000_000):
        plain(1.5, 2.5)
    assert grown < 10_000


def test_a_kernel_dies_with_what_it_holds():
    w = Value(1.0)
    kernel = kernel_of(lambda x: x * w, 1.0)
    before = [id(w), len(gc.get_referrers(w))]
    del kernel
    gc.collect()
    assert len(gc.get_referrers(w)) < before[1]


def test_threads_call_one_function():
    compiled = jit(value_and_grad(lambda x: sum(y.sin() * y for y in x)), backend="tape")
    points = [[0.1 * i + j for i in range(40)] for j in range(4)]
    expected = [bits(compiled(point)) for point in points]
    failed = []

    def work(k):
        failed.extend(1 for _ in range(500) if bits(compiled(points[k])) != expected[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_call_may_come_in_the_middle_of_another():
    calls, asked = [], []

    class Nosy(list):
        def __init__(self, items):
            super().__init__(items)
            if asked:
                asked.pop()
                calls.append(kernel(100.0))

    kernel = kernel_of(lambda x: [Nosy([x, x * 2]), x * 3], 1.0)
    asked[:] = [None] * 3
    calls.clear()
    assert kernel(1.0) == [[1.0, 2.0], 3.0]
    assert calls == [[[100.0, 200.0], 300.0]] * 3


# Wrong input is refused, whatever it is.


PLACES = ([(1, 0, 0)], [(1, 0, 0)])
ADD, EXP, TOTAL = (number_of(operation(name)) for name in ("add", "exp", "total"))


def tape(code, constants=(), outputs=(0,), x=PLACES[0], y=PLACES[1]):
    return Tape(array("i", code), array("d", constants), array("i", outputs), x, y)


def test_a_tape_by_hand():
    made = tape([ADD, 1, 2, 0, ~0, EXP, 7, 1, 1, -10, 7, ~0], [1.5], [7])
    kernel = Kernel(made, [(2, 1, ()), (0, 0, ())], [(0, 0, ())], (), None)
    assert kernel(2.0) == math.exp(3.5)
    assert kernel(-math.inf) == 0
    assert type(kernel(-math.inf)) is int


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"code": [ADD, 1]}, "a record is cut off"),
        ({"code": [ADD, 1, 2, 0]}, "a record is cut off"),
        ({"code": [ADD, 1, 2**31 - 1, 0, 0]}, "a record is cut off"),
        ({"code": [-1, 0]}, "a record is cut off"),
        ({"code": [0, 1, 1, 0]}, "no such operation"),
        ({"code": [10_000, 1, 1, 0]}, "no such operation"),
        ({"code": [min(RecordKind) - 1, 1, 0]}, "no such operation"),
        ({"code": [-(2**31), 0, 0]}, "no such operation"),
        ({"code": [ADD, 1, 1, 0]}, "wrong number of operands"),
        ({"code": [TOTAL, 1, 0]}, "wrong number of operands"),
        ({"code": [EXP, 0, 1, 0]}, "a result has the number of an input"),
        ({"code": [EXP, -5, 1, 0]}, "a result has the number of an input"),
        ({"code": [EXP, 1, 1, 0, EXP, 1, 1, 0]}, "computed twice"),
        ({"code": [EXP, 1, 1, 1]}, "not computed before"),
        ({"code": [EXP, 1, 1, 2, EXP, 2, 1, 0]}, "not computed before"),
        ({"code": [EXP, 1, 1, 5]}, "an operand is out of range"),
        ({"code": [EXP, 1, 1, ~0]}, "an operand is out of range"),
        ({"code": [EXP, 3, 1, 0], "outputs": [2]}, "not computed before"),
        ({"code": [], "outputs": [1]}, "an output is out of range"),
        ({"code": [], "outputs": [~0]}, "an output is out of range"),
        ({"code": [], "outputs": [0, 0]}, "not as many places as numbers"),
        ({"code": [], "x": [(-1, 0, 0)]}, "a place is out of range"),
        ({"code": [], "x": [(1, 5, 0)]}, "a place is out of range"),
        ({"code": [], "x": [(1, 0, -1)]}, "a place is out of range"),
        ({"code": [], "x": [(2**60, 0, 0)]}, "a place is out of range"),
        ({"code": [], "y": [[1, 0, 0]]}, "places are tuples"),
    ],
)
def test_a_malformed_program_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        tape(**wrong)


STRIDED = [-14, 1, 4, 1, 0, 1, 3]
BATCH = {"x": [(3, 1, 0)], "y": [(3, 1, 0)], "outputs": [-(2**31)] * 3}


def test_a_batch_by_hand():
    code = [
        -13,
        0,
        0,
        *STRIDED[:1],
        5,
        *STRIDED[2:],
        -13,
        3,
        0,
        EXP,
        7,
        1,
        5,
        -19,
        0,
        4,
        7,
        1,
        0,
        1,
    ]
    kernel = Kernel(tape(code, **BATCH), [(2, 1, ()), (4, 3, (3,))], [(4, 3, (3,))], (), np)
    x = np.array([0.0, 1.0, -math.inf])
    assert [*kernel(x)] == [*map(math.exp, x)]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ([-13, -1, 0], "wrong number of operands"),
        ([-13, 3, 1, 0], "wrong number of operands"),
        ([-14, 5, 3, 1, 0, 1], "wrong number of operands"),
        ([-15, 5, 0], "wrong number of operands"),
        ([-17, 5, 2, 0, -1], "wrong number of operands"),
        ([-18, 5, 2, 0, 0], "wrong number of operands"),
        ([-14, 5, 4, 1, 0, 1, 4], "a place is out of range"),
        ([-14, 5, 4, 1, 0, -1, 2], "a place is out of range"),
        ([-14, 5, 4, 1, 2, 2**31 - 1, 3], "a place is out of range"),
        ([-14, 5, 4, 2, 0, 1, 1], "a place is out of range"),
        ([-14, 5, 4, 1, 0, 1, 0], "a place is out of range"),
        ([-14, 5, 4, 1, 0, 1, -3], "a place is out of range"),
        ([-14, 5, 4, 1, 0, 1, 3, -14, 5, 4, 1, 0, 1, 3], "computed twice"),
        ([-14, 5, 4, 1, 0, 1, 3, EXP, 6, 1, 5], "not computed before, or not for all lanes"),
        ([-14, 5, 4, 1, 0, 1, 3, -16, 6, 2, 5, 3], "no such lane"),
        ([-16, 6, 2, 0, 0], "no such lane"),
        ([-17, 6, 2, 0, 0], "belongs in a loop"),
        ([-18, 6, 1, 0], "belongs in a loop"),
        ([-13, 3, 0, -14, 5, 4, 1, 0, 1, 3], "belongs outside of loops"),
        ([-13, 3, 0, -1, 0, 0], "belongs outside of loops"),
        ([-13, 3, 0, -18, 5, 1, 0], "other lanes than the loop"),
        ([-14, 5, 4, 1, 0, 1, 3, -13, 2, 0, -19, 0, 4, 5, 1, 0, 1], "other lanes than the loop"),
        ([-13, 3, 0, -17, 5, 2, 0, 3], "no such lane"),
        ([-13, 3, 0, -17, 5, 2, 0, 0, -17, 6, 2, 5, 0], "other lanes than the loop"),
        ([-13, 3, 0, -17, 5, 2, 0, 0, -13, 2, 0, EXP, 6, 1, 5], "other lanes than the loop"),
        ([-13, 3, 0, -17, 5, 2, 0, 0, EXP, 5, 1, 0], "computed twice"),
        ([-13, 3, 0, EXP, 5, 1, 6, EXP, 6, 1, 0], "not computed before"),
        ([-13, 3, 0, -17, 5, 2, 0, 0, -18, 6, 1, 5, ADD, 7, 2, 5, 6], "not computed before"),
        ([-13, 3, 0, -17, 5, 2, 0, 0, -19, 0, 4, 5, 1, 1, 1], "a place is out of range"),
        ([-13, 3, 0, -17, 5, 2, 0, 0, -19, 0, 4, 5, 0, 0, 1], "a place is out of range"),
        ([-13, 2**31 - 5, 0, EXP, 5, 1, 0, -13, 0, 0, -16, 6, 2, 5, 0], "too much memory"),
    ],
)
def test_a_malformed_batch_is_refused(code, message):
    with pytest.raises(ValueError, match=message):
        tape([-13, 0, 0, *code], **BATCH)


OPEN = 2**31 - 1  # what stands for the lanes of the first open length
OPEN_BATCH = {"x": [(2, 1, 0, 1), (1, 0, 0)], "y": [(1, 1, 0, 1)], "outputs": [-(2**31)]}
ADD_ROWS = [
    *(-14, 5, 4, 1, 0, 2, OPEN, -14, 6, 4, 1, 1, 2, OPEN),
    *(-13, OPEN, 0, ADD, 7, 2, 5, 6, -19, 0, 4, 7, 1, 0, 1),
]


def test_an_open_batch_by_hand():
    code, plans = tape(ADD_ROWS, **OPEN_BATCH), ([(2, 1, ()), (4, 2, (-1, 2))], [(4, 1, (-1,))])
    kernel = Kernel(code, *plans, (), np)
    for n in (1, 5, 100):
        x = np.arange(2.0 * n).reshape(n, 2)
        assert [*kernel(x)] == [*x.sum(axis=1)]
    assert kernel(np.ones((0, 2))) is kernel(np.ones((3, 1))) is NotImplemented
    for arguments, result in (
        ([(2, 1, ()), (4, 2, (1, 2))], plans[1]),
        ([(2, 1, ()), (4, 2, (-2, 2))], plans[1]),
        ([(2, 1, ()), (4, 3, (-1, 3))], plans[1]),
        (plans[0], [(4, 1, (1,))]),
        (plans[0], [(4, 1, (-2,))]),
        (plans[0], [(4, 2, (-1, 2))]),
    ):
        with pytest.raises(ValueError, match=r"another one|is not known"):
            Kernel(code, arguments, result, (), np)
    with pytest.raises(ValueError, match="out of range"):
        Kernel(code, [(2, 1, ()), (4, 2, (-5, 2))], plans[1], (), np)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ([-14, 5, 4, 1, 0, 1, OPEN], "a place is out of range"),
        ([-14, 5, 4, 1, 2, 2, OPEN], "a place is out of range"),
        ([-14, 5, 4, 1, -1, 2, OPEN], "a place is out of range"),
        ([-14, 5, 4, 1, 0, 2, OPEN - 1], "a place is out of range"),
        ([-14, 5, 4, 0, 0, 1, OPEN], "a place is out of range"),
        ([-14, 5, 4, 1, 0, 2, OPEN, -16, 6, 2, 5, 0], "no such lane"),
        ([-14, 5, 4, 1, 0, 2, OPEN, -13, OPEN - 1, 0, EXP, 6, 1, 5], "other lanes than the loop"),
        ([-13, OPEN, 0, EXP, 5, 1, 2, -19, 0, 4, 5, 1, 0, 2], "a place is out of range"),
        ([-22, 5, 5, 1, 0, 2, OPEN, 1], "belongs in a loop"),
        ([-13, OPEN, 0, -22, 5, 4, 1, 0, 2, OPEN], "wrong number of operands"),
        ([-13, OPEN, 0, -22, 5, 5, 1, 0, 1, OPEN, 1], "a place is out of range"),
        ([-13, OPEN, 0, -22, 5, 5, 1, 0, 2, OPEN - 1, 1], "a place is out of range"),
        ([-13, OPEN, 0, -22, 5, 5, 1, 0, 2, 3, 1], "a place is out of range"),
    ],
)
def test_a_malformed_open_batch_is_refused(code, message):
    with pytest.raises(ValueError, match=message):
        tape([-13, 0, 0, *code], **OPEN_BATCH)


def shift_rows(by, cuts):
    """A kernel that gives what is in the second column, so many rows further on."""
    code = [-13, OPEN - 1, 0, -22, 5, 5, 1, 1, 2, OPEN, by, -19, 0, 4, 5, 1, 0, 1]
    places = {"x": [(2, 1, 0, 1), (2, 0, 0)], "y": [(1, 1, 0, 2)], "outputs": [-(2**31)]}
    plans = [(2, 1, ()), (4, 2, (-1, 2))], [(4, 1, (-2,))]
    return Kernel(tape(code, **places), *plans, (), np, (), -1, (), cuts)


@pytest.mark.parametrize("by", [0, 2, 3, 7, -1, -40, 2**31 - 1, -(2**31)])
def test_a_shift_by_hand(by):
    kernel = shift_rows(by, [(1, 0, 3)])
    for n in (4, 20, 21, 100):
        x = np.arange(2.0 * n).reshape(n, 2) + 1.0
        assert [*kernel(x)] == [x[i, 1] if 0 <= i < n else 0.0 for i in range(by, by + n - 3)]
    assert kernel(np.ones((3, 2))) is NotImplemented


@pytest.mark.parametrize(
    ("cuts", "message"),
    [
        ([(1, 0, 0)], "a cut is out of range"),
        ([(4, 0, 1)], "a cut is out of range"),
        ([(1, -1, 1)], "a cut is out of range"),
        ([(1, 1, 1)], "a cut is out of range"),
        ([(1, 0, 1)] * 5, "too many cuts"),
        ([[1, 0, 1]], "cuts are tuples"),
        ([], "another one"),
    ],
)
def test_cuts_that_do_not_fit_are_refused(cuts, message):
    with pytest.raises(ValueError, match=message):
        shift_rows(1, cuts)


@pytest.mark.parametrize(
    ("arguments", "result", "message"),
    [
        ([(2, 2, ()), (0, 0, ())], [(0, 0, ())], "too few parts"),
        ([(2, 0, ()), (0, 0, ())], [(0, 0, ())], "too many parts"),
        ([(2, 1, ()), (0, 0, ())], [], "too few parts"),
        ([(2, 1, ()), (9, 0, ())], [(0, 0, ())], "a part is out of range"),
        ([(2, 1, ()), (1, -1, ())], [(0, 0, ())], "a part is out of range"),
        ([(2, 1, ()), (3, 1, ())], [(0, 0, ())], "a part is out of range"),
        ([(2, 1, ()), (4, 3, (2, 2))], [(0, 0, ())], "a part is out of range"),
        ([(2, 1, ()), (4, 0, (2**40, 2**40))], [(0, 0, ())], "a part is out of range"),
        ([(2, 1, ()), (4, 0, (2, 0))], [(0, 0, ())], "another one"),
        ([(2, 0, ())], [(0, 0, ())], "another one"),
        ([(2, 1, ()), (0, 0, ())], [(1, 0, ())], "another one"),
        ([(1, 1, ()), (0, 0, ())], [(0, 0, ())], "the arguments are a tuple"),
        ([(2, 1, ()), (0, 0, ())], [(4, 1, (1,))], "arrays need NumPy"),
        ([(2, 1, ()), *[(1, 1, ())] * 2000, (0, 0, ())], [(0, 0, ())], "nested too deeply"),
        ([[2, 1, ()]], [(0, 0, ())], "parts are tuples"),
    ],
)
def test_a_plan_that_does_not_hold_is_refused(arguments, result, message):
    with pytest.raises(ValueError, match=message):
        Kernel(tape([]), arguments, result, (), None)


def test_a_kernel_is_of_values_and_code():
    plans = [(2, 1, ()), (0, 0, ())], [(0, 0, ())]
    with pytest.raises(TypeError, match="what is captured are values"):
        Kernel(tape([]), *plans, (1.0,), None)
    with pytest.raises(TypeError, match="a Tape or a tuple"):
        Kernel(17, *plans, (), None)
    with pytest.raises(ValueError, match="that is no address"):
        Kernel((0, None, 0), *plans, (), None)
    with pytest.raises(TypeError, match=r"run\(\) takes a list of 1 numbers"):
        Kernel(tape([]), *plans, (), None).run([])


def test_a_kernel_asks_to_be_replaced_after_so_many_calls():
    kernel = kernel_of(lambda x: x * 2, 1.0)
    kernel.patience = 3
    assert [kernel(1.0) for _ in range(4)] == [2.0, 2.0, NotImplemented, NotImplemented]
    assert kernel.run([1.0]) == 2.0
    kernel.patience = -1
    assert kernel(1.0) == 2.0
    code = BACKENDS["python"](trace(lambda x: x * 2, 1.0))
    code.patience = 2
    assert [code(1.0) for _ in range(3)] == [2.0, NotImplemented, NotImplemented]


def test_a_first_call_decodes_no_statement():
    """What it asks of a program beside its numbers costs the same for any length."""
    compiled = jit(grad(lambda x: relu(x) ** 2))
    compiled(3.0)
    [program] = compiled.variants
    assert program.derivatives == {0: True}
    assert "as_tuple" not in vars(program.statements)


def test_a_long_call_leaves_the_lock_to_others_whatever_was_called_before():
    """That a batch of few rows is over at once says nothing about one of many."""
    compiled = jit(vmap(lambda x: exp(x) * x), backend="tape")
    for _ in range(3):
        compiled(np.ones(64))
    rows, seen = np.ones(200_000), []

    def work():
        started.set()
        compiled(rows)
        done.append(True)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1_000)  # so that nobody loses the lock who does not let go of it
    try:
        while True not in seen and len(seen) < 100:
            started, done = threading.Event(), []
            thread = threading.Thread(target=work)
            thread.start()
            started.wait()
            seen.append(not done)
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert True in seen
