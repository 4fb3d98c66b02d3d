"""The native engine is the Python engine: same numbers to the last bit, same errors, no leaks."""

import copy
import gc
import itertools
import math
import operator
import os
import pickle
import random
import struct
import sys
import weakref
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from micrograd_gd import engine, engine_name, grad, jit, primitive
from micrograd_gd.core import blocks, native
from micrograd_gd.errors import NotANumberError
from micrograd_gd.table.ops import OPERATIONS

if engine_name() != "native":
    pytest.skip("both engines are compared where the native one runs", allow_module_level=True)

Native = native.Value
Python = engine.PythonValue
both_engines = pytest.mark.parametrize("kind", [Python, Native], ids=["python", "native"])

INF, NAN = math.inf, math.nan
SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 0.1, 1e-20, -1e-20, 1e-300, 5e-324, -5e-324,
    40.0, -40.0, 710.0, -746.0, 800.0, -800.0, 1e16, 1e200, -1e200, 1e308, 2.5, -2.5, 1.4, 9.0,
    INF, -INF, NAN,
]  # fmt: skip


def bits(x):
    """The bits of a float, all nans alike; None as it is."""
    return x if x is None else "nan" if x != x else struct.pack("d", x)


def any_double(rng):
    kind = rng.randrange(3)
    if kind == 0:
        return struct.unpack("d", rng.randbytes(8))[0]
    return rng.gauss(0, 1) if kind == 1 else rng.uniform(-50, 50)


def points(op, rng, count):
    """Operands for a row: special points in every combination, then random ones."""
    arity = op.arity(3)
    special = itertools.product(SPECIAL, repeat=arity)
    if len(SPECIAL) ** arity > count:
        special = ([rng.choice(SPECIAL) for _ in range(arity)] for _ in range(count // 2))
    chosen = [*special, *([any_double(rng) for _ in range(arity)] for _ in range(count))]
    if "n == abs(floor(n))" in op.domain:  # an order of differentiation, whole to mean anything
        orders = [0.0, 1.0, 2.0, 3.0, 4.0, 7.0, 12.0, 100.0, 101.0, 0.5]
        chosen += [(rng.choice(orders), *rest) for _, *rest in chosen]
    return chosen


def record_node(kind, op, numbers, active):
    """The bits of value and partials."""
    y = kind.record(op, *[kind(x) if a else x for x, a in zip(numbers, active, strict=True)])
    return [bits(y.data), *map(bits, y.partials)]


def patterns(op, arity):
    """Which operands are values: every combination, some of them for a row that folds."""
    if op.folds:
        return [(True,) * arity, (False,) * (arity - 1) + (True,), (True,) + (False,) * (arity - 1)]
    return list(itertools.product([True, False], repeat=arity))


def test_every_operation_that_is_stated_in_text_is_compiled_in():
    in_python = [name for name, op in OPERATIONS.items() if not native.extension.number_of(op)]
    assert in_python == []  # else build again: the table was changed since


@pytest.mark.parametrize("op", list(OPERATIONS.values()), ids=lambda op: op.name)
def test_every_operation_gives_the_same_bits(op):
    rng = random.Random(op.name)
    for numbers in points(op, rng, 2000):
        every = patterns(op, len(numbers))
        for active in every if rng.random() < 0.1 else [rng.choice(every)]:
            native, python = (record_node(k, op, numbers, active) for k in (Native, Python))
            assert native == python, (op, numbers, active)
        given = numbers[: len(numbers) - rng.choice([0, len(op.defaults)])]
        complete = op.complete(tuple(given), {})
        in_python = op.rule((False,) * len(complete))(*complete)[0]
        assert bits(op(*given)) == bits(in_python), (op, given)


OFFERED = [op for op in OPERATIONS.values() if not op.is_internal]


def test_a_row_that_is_there_for_derivatives_is_no_method():
    for op in OPERATIONS.values():
        for kind in (Python, Native):
            assert hasattr(kind, op.name) == (op in OFFERED)


@pytest.mark.parametrize("op", OFFERED, ids=lambda op: op.name)
def test_every_operation_is_a_method_under_all_its_names(op):
    operands = [0.5, 0.25, 0.75][: len(op.operands)] if not op.folds else [0.5, 0.25, 0.75]
    names = [op.name, *op.aliases, *([f"__{op.method}__"] if op.method else [])]
    for name in names:
        for make in (float, Native):
            y = getattr(Native(operands[0]), name)(*map(make, operands[1:]))
            assert type(y) is Native
            assert y.op is op
            assert bits(y.data) == bits(op(*operands))
            assert [getattr(x, "data", x) for x in y.operands] == operands
    assert getattr(Native, op.name).__doc__ == op.doc


# One random program, two engines.


numbers = st.one_of(
    st.floats(), st.sampled_from(SPECIAL), st.integers(-5, 5), st.booleans(), st.just(10**400),
    st.sampled_from(["text", None, 1j, [1.0]]),
)  # fmt: skip
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
          operator.floordiv, divmod]  # fmt: skip
IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow]
COMPARE = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
UNARY = [operator.neg, operator.pos, abs, round, math.floor, math.ceil, bool, float, int, repr, str,
         hash]  # fmt: skip
SAFE = [op.name for op in OPERATIONS.values() if "n" not in op.operands]


def through_pickle(value):
    """A pickle brings values of the engine in use, so that is the value's own meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "Value", type(value))
        return pickle.loads(pickle.dumps(value))  # noqa: S301 — our own


def outcome(action):
    try:
        return action()
    except Exception as error:  # noqa: BLE001 — whatever it is, both engines must agree on it
        return type(error), str(error)


class TwoEngines(RuleBasedStateMachine):
    """Every step is taken by both engines, on values at the same places of two lists."""

    def __init__(self):
        super().__init__()
        self.pairs = [(Python(x), Native(x)) for x in (2.0, -3.0)]

    index = st.integers(0, 30)

    def pair(self, i):
        return self.pairs[i % len(self.pairs)]

    def both(self, action, *operands):
        """Take one step with both; operands that are pairs are split."""
        results = [
            outcome(lambda k=k: action(*[x[k] if type(x) is tuple else x for x in operands]))
            for k in (0, 1)
        ]
        if isinstance(results[1], Native):
            assert type(results[0]) is Python
            self.pairs.append(tuple(results))
            self.same(*results)
        elif type(results[1]) is tuple and isinstance(results[1][0], Native):
            for pair in zip(*results, strict=True):
                self.same(*pair)
        elif type(results[0]) is float:
            assert bits(results[0]) == bits(results[1])
        elif action is not hash:
            assert results[0] == results[1]

    def same(self, python, native):
        assert bits(python.data) == bits(native.data)
        assert bits(python.grad) == bits(native.grad)
        assert python.op is native.op
        assert python.label == native.label
        assert python._op == native._op
        assert list(map(bits, python.partials)) == list(map(bits, native.partials))
        for a, b in zip(python.operands, native.operands, strict=True):
            assert bits(getattr(a, "data", a)) == bits(getattr(b, "data", b))
            assert isinstance(a, Python) == isinstance(b, Native)
        assert len(python._prev) == len(native._prev)
        assert repr(python) == repr(native)
        assert f"{python:.3f}" == f"{native:.3f}"

    @rule(x=numbers, label=st.sampled_from(["", "w", "long label"]))
    def make(self, x, label):
        for k, kind in enumerate((Python, Native)):
            result = outcome(lambda kind=kind: kind(x, label))
            if k == 0:
                python = result
        if isinstance(python, Python):
            self.pairs.append((python, result))
        else:
            assert python == result

    @rule(i=index, j=index, f=st.sampled_from(BINARY + IN_PLACE + COMPARE))
    def two_values(self, i, j, f):
        self.both(f, self.pair(i), self.pair(j))

    @rule(i=index, x=numbers, f=st.sampled_from(BINARY + IN_PLACE + COMPARE), swap=st.booleans())
    def value_and_number(self, i, x, f, swap):
        operands = (self.pair(i), x)
        self.both(f, *(operands[::-1] if swap else operands))

    @rule(i=index, f=st.sampled_from(UNARY))
    def one_value(self, i, f):
        self.both(f, self.pair(i))

    @rule(i=index, name=st.sampled_from(SAFE), rest=st.lists(st.one_of(numbers, index), max_size=4))
    def named_method(self, i, name, rest):
        op = OPERATIONS[name]
        rest = [self.pair(x) if type(x) is int else x for x in rest]
        if not op.defaults and len(op.operands) < 3:
            rest = [*rest, 1.5][: len(op.operands) - 1]  # Python words a wrong count itself
        self.both(lambda v, *xs: getattr(v, name)(*xs), self.pair(i), *rest)

    @rule(
        name=st.sampled_from(SAFE),
        operands=st.lists(st.one_of(numbers, index.map(lambda i: (i,))), max_size=4),
        named=st.dictionaries(st.sampled_from(["x", "slope", "b", "other"]), numbers, max_size=1),
    )
    def function(self, name, operands, named):
        operands = [self.pair(*x) if type(x) is tuple else x for x in operands]
        self.both(lambda *xs: OPERATIONS[name](*xs, **named), *operands)

    @rule(i=index, x=numbers, name=st.sampled_from(["slope", "alpha", "low", "other"]))
    def named_operand(self, i, x, name):
        for method in ("leaky_relu", "elu", "clip"):
            self.both(lambda v, x, m=method: getattr(v, m)(**{name: x}), self.pair(i), x)

    @rule(i=index, seed=st.one_of(st.none(), numbers))
    def backward(self, i, seed):
        self.both(lambda v: v.backward(*[] if seed is None else [seed]), self.pair(i))

    @rule(i=index)
    def zero_grad(self, i):
        for value in self.pair(i):
            for node in value.nodes():
                node.grad = 0.0

    @rule(i=index, x=numbers, name=st.sampled_from(["data", "grad"]))
    def change(self, i, x, name):
        self.both(lambda v: setattr(v, name, x), self.pair(i))

    @rule(i=index, label=st.sampled_from(["", "renamed"]))
    def rename(self, i, label):
        self.both(lambda v: setattr(v, "label", label), self.pair(i))

    @rule(i=index, f=st.sampled_from([copy.copy, copy.deepcopy]))
    def make_copy(self, i, f):
        self.both(f, self.pair(i))

    @rule(i=index)
    def make_pickle(self, i):
        self.both(through_pickle, self.pair(i))

    @rule(i=index)
    def make_detached(self, i):
        self.both(lambda v: v.detach(), self.pair(i))

    @rule(i=index)
    def forgotten(self, i):
        self.both(lambda v: v.forget(), self.pair(i))

    @rule(i=index, j=index, f=st.sampled_from(BINARY))
    def without_recording(self, i, j, f):
        with blocks.no_grad():
            self.both(f, self.pair(i), self.pair(j))

    @precondition(lambda self: len(self.pairs) > 30)
    @rule()
    def drop(self):
        del self.pairs[5:20]

    @invariant()
    def every_number_is_equal(self):
        for python, twin in self.pairs:
            self.same(python, twin)
            for nodes in zip(python.nodes(), twin.nodes(), strict=True):
                assert len({bits(node.data) for node in nodes}) == 1


TestTwoEngines = TwoEngines.TestCase
TestTwoEngines.settings = settings(stateful_step_count=50)


# Depth, memory, references.


def test_a_chain_through_gradients_is_freed_without_recursion():
    first = value = Native(1.0)
    for _ in range(200_000):
        following = Native(1.0)
        value.grad = following * 2.0
        value = following
    del first, value, following


@both_engines
def test_gradients_are_the_same_bits_on_a_random_graph(kind):
    def gradients(kind):
        rng = random.Random(7)
        leaves = [kind(rng.gauss(0, 1)) for _ in range(20)]
        pool = list(leaves)
        for _ in range(3000):
            f = rng.choice([operator.add, operator.mul, operator.sub, kind.maximum, kind.hypot])
            pool.append(f(rng.choice(pool), rng.choice(pool[-50:])).tanh())
        kind.dot(pool[-1], *pool[-10:], *pool[:10]).backward(0.3)
        return [bits(node.grad) for node in pool]

    assert gradients(kind) == gradients(Python)


def test_memory_stays_constant_over_many_operations():
    w, b = Native(0.5, label="w"), Native(-0.25)

    def use():
        for _ in range(4_000):
            y = ((w * 2.0 + b) ** 2).tanh().clip(-1.0, w)
            y.backward()
            y.label = "y"
            repr((y.operands, y.partials, y.nodes(), y._prev, y._op, f"{y}"))
            for wrong in (None, "text", 10**400):
                with suppress(TypeError, OverflowError):
                    y + wrong
            copy.copy(y)
            with suppress(TypeError):
                Native.record(y.op, w)
            y.grad = w * 2.0
            y.forget()

    def count():
        gc.collect()
        return [sys.getallocatedblocks(), *map(sys.getrefcount, (Native, w, OPERATIONS["mul"]))]

    use()
    before = count()
    for _ in range(9):
        use()
    for n, m in zip(before, count(), strict=True):
        assert abs(n - m) < 1000  # one block leaked in a round would be 90,000


def test_plain_nodes_are_hidden_from_the_collector():
    x = Native(1.0, label="x")
    y = (x * 2.0 + x).relu()
    assert not any(map(gc.is_tracked, (x, y)))


@both_engines
def test_cycles_through_gradients_are_collected(kind):
    x = kind(3.0)
    y = x * x
    y = y + y.tanh()
    x.grad = y.exp() * x
    gone = weakref.ref(x), weakref.ref(y)
    del x, y
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_the_collector_comes_by_where_nothing_but_values_is_made():
    for _ in range(100_000):
        x = Native(3.0)
        x.grad = x * x
    assert sum(type(x) is Native for x in gc.get_objects()) < 100_000  # of 200,000
    del x
    gc.collect()


@pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="in a build for sanitizers each value has memory of its own",
)
def test_values_that_are_made_together_lie_together_whatever_died_before():
    before = [Native(0.0) for _ in range(10_000)]
    random.Random(0).shuffle(before)
    while before:
        before.pop()
    addresses = [id(x) for x in [Native(0.0) for _ in range(10_000)]]
    size = sys.getsizeof(Native(0.0))
    neighbors = [b - a == size for a, b in itertools.pairwise(addresses)]
    assert sum(neighbors) > 9000


def test_a_value_keeps_its_memory_when_all_around_it_die():
    kept = []
    for i in range(200_000):
        x = Native(float(i), "w" if i % 1000 == 0 else "")
        if x.label:
            kept.append(x)
    more = [Native(-1.0) for _ in range(200_000)]
    assert [x.data for x in kept] == [1000.0 * i for i in range(200)]
    assert {id(x) for x in kept}.isdisjoint(map(id, more))


@both_engines
def test_cycles_through_attributes_of_subclasses_are_collected(kind):
    class Parameter(kind):
        pass

    x = Parameter(3.0)
    x.cache = [(x * 2.0).exp()]
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None


def test_the_interpreter_ends_well_whatever_is_still_there(python):
    program = """
from micrograd_gd import Value
for _ in range(100):
    class Parameter(Value):
        pass
    p = Parameter(2.0)
    p.cache = (p * 3.0).exp()
    p.grad = p * p.cache
    x = Value(1.0, label="x")
    x.grad = x * 2.0
    for _ in range(1000):
        x = x * p.cache
"""
    done = python("-c", program)
    assert (done.stdout, done.stderr) == ("", "")


@both_engines
def test_weak_references_die_with_the_value(kind):
    x = kind(1.0)
    seen = []
    ref = weakref.ref(x, seen.append)
    assert ref() is x
    del x
    assert ref() is None
    assert seen == [ref]


def test_a_callback_of_a_weak_reference_may_use_values_while_a_graph_is_freed():
    made = []
    leaf = Native(2.0)
    inner = leaf * 3.0
    ref = weakref.ref(inner, lambda _: made.append((Native(1.0) + leaf) * 2.0))
    root = (inner + 1.0) * 2.0
    del inner, root
    assert ref() is None
    assert made[0].data == 6.0


@both_engines
def test_subclasses_take_part_and_give_plain_values(kind):
    class Parameter(kind):
        def __init__(self, data):
            super().__init__(data, "p")
            self.frozen = False

    p = Parameter(2.0)
    for y in (p * 3.0, 3.0 * p, p * p, kind(3.0) * p, p * kind(3.0), p.tanh()):
        assert type(y) is kind
        y.backward()
    assert p.grad == 3 + 3 + 4 + 3 + 3 + (1 / math.cosh(2)) ** 2
    assert p == 2
    assert p.label == "p"
    assert type(p.detach()) is kind


@both_engines
def test_no_grad_gives_leaves(kind):
    x = kind(3.0)
    with blocks.no_grad():
        y = x * x + 1.0
    assert (y.data, y.operands, y.op) == (10.0, (), None)
    assert (x * x).operands == (x, x)


@both_engines
def test_detect_anomaly_names_the_operation(kind):
    with blocks.detect_anomaly(), pytest.raises(ArithmeticError, match=r"log\(x = 0.0\) is -inf"):
        kind(0.0, label="x").log()
    with blocks.detect_anomaly():
        y = kind(0.0, label="x").sqrt()
        with pytest.raises(ArithmeticError, match=r"backward through sqrt\(x = 0.0\)"):
            y.backward()
        (kind(4.0) * 2.0).backward()


@both_engines
def test_gradients_can_be_differentiated_again(kind):
    x = kind(0.7)
    (x.tanh() * x).backward(create_graph=True)
    slope = x.grad
    assert type(slope) is kind
    x.grad = 0.0
    slope.backward()
    second = 2 / math.cosh(0.7) ** 2 * (1 - 0.7 * math.tanh(0.7))
    assert x.grad == pytest.approx(second, rel=1e-12)


@both_engines
def test_a_float_is_added_to_a_gradient_that_is_a_value(kind):
    x = kind(2.0)
    x.grad = x * 3.0
    (x * 5.0).backward()
    assert type(x.grad) is kind
    assert x.grad.data == 11.0
    assert x.grad.op.name == "add"


@both_engines
def test_operations_of_users_take_part(kind):
    def install(op):
        return kind.record(op, kind(3.0), 2.0)

    slopes = ["3 * a * a * b", "a * a * a"]
    text = primitive("cubed_times", "a b", "a * a * a * b", slopes, "Text.")
    slope = [lambda x, _y: 3 * x * x]
    code = primitive("code_cube", "x", lambda x: x**3, slope, "Code.", method="invert")
    y = install(text)
    assert (y.data, y.partials) == (54.0, (54.0, None))
    assert kind(3.0).cubed_times(2.0).data == 54.0
    assert (~kind(3.0)).partials == (27.0,)
    assert code(kind(2.0)).op is code
    y.backward()


@both_engines
def test_arrays_go_through_their_elements(kind):
    np = pytest.importorskip("numpy")
    x = kind(2.0)
    assert type(np.float64(3) * x) is kind
    assert [y.data for y in x * np.array([1.0, 2.0])] == [2.0, 4.0]
    assert [y.data for y in np.array([1.0, 2.0]) ** x] == [1.0, 4.0]
    assert np.tanh(np.array([x]))[0].op.name == "tanh"
    assert (np.array([x, x]) @ np.array([3.0, 4.0])).data == 14.0


@both_engines
def test_a_named_method_refuses_an_array_and_an_operator_leaves_it_its_turn(kind):
    np = pytest.importorskip("numpy")
    for array in (np.array([1.0, 2.0]), [1.0]):
        for name in ("maximum", "hypot", "add", "pow"):
            with pytest.raises(NotANumberError, match=rf"operand 2 of {name}\(a, b\) must be one"):
                getattr(kind(2.0), name)(array)
    assert kind(2.0).__add__(np.array([1.0])) is NotImplemented


@both_engines
def test_what_an_operand_changes_while_it_is_asked_for_its_number_counts(kind):
    x = kind(2.0)

    class Changing:
        def __float__(self):
            x.data = 5.0
            return 3.0

    for multiply in (operator.mul, kind.mul, lambda a, b: kind.record(OPERATIONS["mul"], a, b)):
        x.data = 2.0
        y = multiply(x, Changing())
        assert (y.data, y.partials) == (15.0, (3.0, None))


def test_a_label_that_replaces_itself_while_it_is_shown_is_held():
    class Label(str):
        __slots__ = ()

        def __bool__(self):
            x.label = ""
            return True

        def __repr__(self):
            return "gone"

    x = Native(1.0, Label("w"))
    assert repr(x) == "Value(data=1.0, grad=0.0, label=gone)"
    assert x.label == ""


def test_a_value_that_is_made_one_of_a_subclass_dies_once():
    class Slotted(Native):
        __slots__ = ()

    for _ in range(100):
        x = Native(1.0)
        with suppress(TypeError):
            x.__class__ = Slotted
        del x
        gc.collect(0)


@pytest.mark.parametrize("name", ["sqrt", "add", "total"])
def test_a_value_that_is_half_made_is_found_by_nobody(name):
    class Weight(Native):
        pass

    class Finder:
        def __float__(self):
            found.extend(x for x in gc.get_objects() if type(x) is Weight and x is not w)
            return 2.0

    found, w = [], Weight(1.0)
    operands = [w, Finder(), 3.0, 4.0, w][: OPERATIONS[name].arity(5)]
    y = Weight.record(OPERATIONS[name], *reversed(operands))
    assert not found
    assert gc.is_tracked(y)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_parts_are_put_together_whatever_asking_for_a_number_does(count):
    class Forgetful:
        def __float__(self):
            y.forget()
            y._put_together(OPERATIONS["exp"], (x,), (1.0,), 0.0, 0.0, "w")
            return 2.0

    x, y = Native(1.0), Native(1.0)
    op = OPERATIONS["add" if count == 2 else "total"]
    y._put_together(op, (x, *[Forgetful()] * (count - 1)), (1.0,) * count, 7.0, 0.0, "y")
    assert (y.op, y.operands, y.label) == (op, (x, *[2.0] * (count - 1)), "y")


@both_engines
def test_a_format_that_is_no_text_is_refused(kind):
    with pytest.raises(TypeError, match=r"format\(\) argument 2 must be str, not int"):
        kind(1.0).__format__(3)


@pytest.mark.parametrize(
    "hostile",
    [
        lambda: Native.record(None, 1.0),
        lambda: Native.record(OPERATIONS["add"], Native(1.0)),
        lambda: Native.record(OPERATIONS["total"]),
        Native.record,
        lambda: Native(0.0)._put_together(None, (1.0,), (None,), 0.0, 0.0, ""),
        lambda: Native(0.0)._put_together(OPERATIONS["add"], (), (), 0.0, 0.0, ""),
        lambda: Native(0.0)._put_together(
            OPERATIONS["add"], (Native(1.0),), (1.0, 2.0), 0.0, 0.0, ""
        ),
        lambda: Native(0.0)._put_together(
            OPERATIONS["exp"], (Native(1.0),) * 3, (1.0,) * 3, 0, 0, ""
        ),
        Native,
        lambda: Native(1.0, "w", 3),
        lambda: Native(1.0, name="w"),
        lambda: Native(1.0).backward(1.0, 2.0),
        lambda: Native(1.0).backward(create_graph=1, other=2),
        lambda: Native.tanh(3.0),
        lambda: Native.__add__(3.0, 4.0),
        lambda: delattr(Native(1.0), "data"),
        lambda: setattr(Native(1.0), "operands", ()),
        lambda: setattr(Native(1.0), "unknown", 1),
    ],
)
def test_wrong_uses_raise(hostile):
    with pytest.raises((TypeError, AttributeError)):
        hostile()


def test_a_pickle_of_one_engine_is_read_by_the_other(monkeypatch):
    for writer, reader in [(Native, Python), (Python, Native)]:
        x = writer(2.0, label="x")
        text = pickle.dumps(x * x)
        monkeypatch.setattr(engine, "Value", reader)
        y = pickle.loads(text)  # noqa: S301 — our own
        y.backward()
        assert type(y) is reader
        assert (y.data, y.operands[0].grad, y.operands[0].label) == (4.0, 4.0, "x")


# The processor's flags, which NumPy takes for its own.


def call_by_numpy(f, *operands):
    """`f` of each, in a loop of NumPy's that raises where a flag was."""
    arrays = [np.array([*x, None])[:-1] for x in operands]  # of objects, also where all are floats
    with np.errstate(all="raise"):
        return np.frompyfunc(f, len(arrays), 1)(*arrays)


@pytest.mark.parametrize("op", [x for x in OPERATIONS.values() if not x.is_internal], ids=repr)
def test_numpy_sees_no_flags_of_methods_and_sweeps(op):
    operands = zip(*points(op, random.Random(8), 60), strict=True)
    leaves = [[Native(x) for x in column] for column in operands]
    results = call_by_numpy(getattr(Native, op.name), *leaves)
    call_by_numpy(Native.backward, results)
    for leaf in itertools.chain(*leaves):
        leaf.grad = 0.0  # so that there is nothing to be added to, which may overflow
    call_by_numpy(lambda y: y.backward(create_graph=True), results)


def test_numpy_sees_no_flags_of_its_own_functions():
    values = np.array([Native(x) for x in SPECIAL])
    with np.errstate(all="raise"):
        for f in (np.sqrt, np.exp, np.log, np.log1p, np.tanh, np.sinh, np.arccos, np.cbrt):
            f(values)


@pytest.mark.parametrize("backend", ["tape", "llvm"])
def test_numpy_sees_no_flags_of_compiled_calls(backend):
    def f(x):
        return x.exp() * x.log() + 1.0 / x + x.square().sinh() - x.acos()

    for compiled in (jit(f, backend=backend), jit(grad(f), backend=backend)):
        compiled(0.5)
        call_by_numpy(compiled, SPECIAL)


def test_sums_and_products_raise_the_flags_that_floats_raise():
    for f in (operator.add, operator.sub, operator.mul):
        for x, y in itertools.product(SPECIAL, repeat=2):
            raised = []
            for operands in ((x, y), (Native(x), y), (Native(x), Native(y))):
                try:
                    call_by_numpy(f, *[[operand] for operand in operands])
                except FloatingPointError as error:
                    raised.append(str(error))
            assert len(raised) in {0, 3}, (f, x, y)
