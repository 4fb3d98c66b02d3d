"""`Value` behaves as a number, records what happens to it, and backpropagates."""

import copy
import gc
import math
import pickle
import threading
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import Value, detect_anomaly, no_grad
from micrograd_gd.engine import PythonValue
from micrograd_gd.errors import GraphError, NotANumberError, NumberRangeError

LONG = 100_000  # far beyond what recursion reaches, be it in Python or in C

floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.0])


def chain(length):
    root = x = Value(1.0, label="x")
    for _ in range(length):
        root = root + 1.0
    return x, root


# The door.


@pytest.mark.parametrize(
    "number",
    [3, True, 2.5, np.float32(2.5), np.int64(3), np.bool_(True), Fraction(1, 3), Decimal("0.1")],
)
def test_every_real_number_becomes_a_float_once(number):
    for value in (Value(number), Value(0.0) + number, number + Value(0.0)):
        assert type(value.data) is float
        assert value.data == float(number)


@pytest.mark.parametrize("thing", ["2", b"2", None, 1j, np.complex128(1), [1.0], (1.0,), {}, {1}])
def test_what_is_no_number_is_turned_away_by_name(thing):
    with pytest.raises(NotANumberError, match=f"data must be .* {type(thing).__name__}"):
        Value(thing)
    with pytest.raises(NotANumberError, match=r"operand 2 of mul\(a, b\) must be one real number"):
        Value(1.0) * thing
    with pytest.raises(NotANumberError, match=r"operand 2 of hypot\(a, b\)"):
        Value(1.0).hypot(thing)
    with pytest.raises(NotANumberError, match="grad must be one real number"):
        Value(1.0).grad = thing


def test_an_array_is_no_scalar():
    with pytest.raises(NotANumberError, match="data must be one real number, but came as ndarray"):
        Value(np.array([1.0]))


def test_an_int_beyond_all_floats_is_an_overflow_at_the_door():
    with pytest.raises(NumberRangeError, match="data is too large for a float"):
        Value(10**400)
    with pytest.raises(NumberRangeError, match=r"operand 2 of add\(a, b\) is too large"):
        Value(1.0) + 10**5000


def test_a_value_is_not_a_number_for_those_who_would_drop_its_gradient():
    for convert in (float, int, math.exp, Value):
        with pytest.raises(NotANumberError, match=r"take v\.data .* or call v\.exp\(\)"):
            convert(Value(1.0))


@given(floats, floats)
def test_comparisons_compare_numbers_and_give_bools(a, b):
    v, w = Value(a), Value(b)
    for result, truth in [
        (v == w, a == b), (v != w, a != b), (v < w, a < b), (v <= w, a <= b), (v > w, a > b),
        (v >= w, a >= b), (v == b, a == b), (v < b, a < b), (a < w, a < b), (bool(v), bool(a)),
    ]:  # fmt: skip
        assert type(result) is bool
        assert result == truth


def test_equality_with_other_things_is_false_and_order_an_error():
    assert Value(1.0) != "1"
    assert Value(1.0) != None  # noqa: E711 — the operator is what is tested
    with pytest.raises(TypeError):
        Value(1.0) < "1"  # noqa: B015 — the comparison is what is tested


def test_values_are_keys_by_identity():
    v, w = Value(1.0), Value(1.0)
    assert {v: "v", w: "w"}[v] == "v"
    assert len({v, w}) == 2


def test_the_builtins_of_numbers_work():
    values = [Value(3.0), Value(-1.0), Value(2.0)]
    assert [v.data for v in sorted(values)] == [-1.0, 2.0, 3.0]
    assert max(values) is values[0]
    assert min(values) is values[1]
    assert sum(values).data == 4.0
    assert abs(values[1]).data == 1.0
    assert f"{values[0]:.3f}" == "3.000"
    assert round(Value(2.5)).data == 2.0
    assert math.floor(Value(-0.5)).data == -1.0
    assert +values[0] is values[0]
    assert [v.data for v in (*divmod(Value(7.0), 2), *divmod(7, Value(2.0)))] == [3, 1, 3, 1]


def test_repr_shows_number_gradient_and_label():
    v = Value(2, label="w")
    assert repr(v) == str(v) == f"{v}" == "Value(data=2.0, grad=0.0, label='w')"
    assert repr(-v) == "Value(data=-2.0, grad=0.0)"


# NumPy.


def test_arrays_go_through_their_elements_on_either_side():
    v = Value(3.0)
    array = np.array([1.0, 2.0])
    for result in (v * array, array * v):
        assert result.dtype == object
        assert [x.data for x in result] == [3.0, 6.0]
    assert [x.data for x in array - v] == [-2.0, -1.0]
    assert isinstance(np.float64(2) * v, Value)
    assert isinstance(v ** np.float32(2), Value)


def test_numpy_functions_work_on_arrays_of_values():
    v = np.array([Value(0.5)])
    for function in [
        np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sqrt, np.cbrt, np.sin,
        np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh,
        np.arctanh, np.floor, np.ceil, np.rint, np.abs, np.fabs, np.square, np.negative,
    ]:  # fmt: skip
        (result,) = function(v)
        assert isinstance(result, Value)
        assert result.data == pytest.approx(float(function(0.5)), rel=1e-15)
    assert np.arctan2(v, v)[0].data == pytest.approx(math.pi / 4)
    assert np.hypot(v, v)[0].data == pytest.approx(math.sqrt(0.5))
    assert np.dot(v, v).data == 0.25


# The graph.


def test_operands_keep_order_duplicates_and_plain_numbers():
    a = Value(3.0)
    assert (a + a).operands == (a, a)
    assert (2 / a).operands == (2.0, a)
    assert (2 / a).partials == (None, -2 / 9)
    assert a.clip(0, 1).operands == (a, 0.0, 1.0)
    assert a.operands == a.partials == ()


def test_nodes_go_operands_first():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    d = c + a
    assert d.nodes() == [a, b, c, d]


def test_a_branch_not_taken_is_part_of_the_graph_but_no_derivative_goes_there():
    x = Value(-1.0)
    root = x.sqrt()
    y = Value.record(_where(), x > 0, root, 0.0)
    assert root in set(y.nodes())
    root.grad = x.grad = 7.0
    y.backward()
    assert (x.grad, root.grad) == (7.0, 0.0)


def _where():
    from micrograd_gd.table.ops import operation

    return operation("where")


def test_what_micrograd_calls_the_same_things():
    a, b = Value(2.0), Value(3.0)
    assert (a * b)._prev == {a, b}
    assert ((a * b)._op, a.relu()._op, a._op) == ("*", "relu", "")


def test_the_readme_program_of_micrograd():
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


# Backpropagation.


def test_second_backward_doubles_only_leaves():
    x = Value(3.0)
    square = x * x
    y = square * x
    y.backward()
    assert (x.grad, square.grad, y.grad) == (27.0, 3.0, 1.0)
    y.backward()
    assert (x.grad, square.grad, y.grad) == (54.0, 3.0, 1.0)


@given(st.lists(floats, min_size=2, max_size=6))
def test_second_backward_doubles_leaves_exactly(numbers):
    leaves = [Value(x) for x in numbers]
    root = sum(leaf.tanh() * other for leaf in leaves for other in leaves)
    root.backward()
    first = [leaf.grad for leaf in leaves]
    root.backward()
    assert [leaf.grad for leaf in leaves] == [2 * grad for grad in first]


def test_a_value_that_depends_on_nothing_seeds_itself():
    x = Value(3.0)
    x.backward()
    x.backward(seed=2)
    assert x.grad == 3.0


def test_the_seed_scales_every_gradient():
    x = Value(3.0)
    (x * x).backward(seed=0.5)
    assert x.grad == 3.0


def test_gradients_belong_to_the_forward_pass_that_ran():
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    y.backward()
    assert (x.grad, y.data) == (6.0, 9.0)


def test_a_graph_of_gradients_refuses_numbers_that_were_changed():
    x = Value(3.0)
    y = x * x * x
    x.data = 100.0
    with pytest.raises(GraphError, match=r"data was changed after mul\(a, b\) was computed"):
        y.backward(create_graph=True)
    assert x.grad == 0.0


def test_training_may_change_parameters_between_passes():
    w = Value(1.0)
    for _ in range(3):
        (w * w).backward()
        w.data -= 0.1 * w.grad
        w.grad = 0
    assert w.data == pytest.approx(0.8**3)


def test_derivatives_of_every_order():
    x = Value(2.0)
    y = x**5
    for truth in (80.0, 160.0, 240.0, 240.0, 120.0):
        x.grad = 0.0
        y.backward(create_graph=True)
        y = x.grad
        assert y.data == truth


def test_a_leaf_that_was_not_reached_keeps_its_gradient():
    x, y = Value(1.0), Value(2.0)
    y.grad = 7.0
    (x * 2).backward()
    assert y.grad == 7.0


def test_detach_and_forget_cut_the_graph():
    x = Value(3.0, label="x")
    detached = (x * x).detach()
    assert (detached.data, detached.operands) == (9.0, ())
    y = x * x
    y.forget()
    (y * 2).backward()
    assert (x.grad, y.grad) == (0.0, 2.0)


# Many operations.


def test_a_long_chain_is_built_differentiated_copied_pickled_and_freed():
    x, root = chain(LONG)
    assert root.data == LONG + 1
    root.backward()
    assert x.grad == 1.0
    clone = copy.deepcopy(root)
    del root
    clone.backward()
    assert clone.nodes()[0].grad == 2.0  # the copy brought its gradient along
    text = pickle.dumps(clone)
    del clone
    back = pickle.loads(text)  # noqa: S301 — our own bytes
    back.backward()
    assert back.data == LONG + 1
    assert back.nodes()[0].grad == 3.0


def test_a_wide_and_a_doubling_graph():
    x = Value(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad == 2.0**60
    x.grad = 0.0
    s = 0.0
    for _ in range(100_000):
        s = x * 1.0 + s
    s.backward()
    assert x.grad == 100_000


# Copies and pickles.


def through_pickle(thing):
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 — our own bytes


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_duplicates_share_what_was_shared(duplicate):
    x = Value(2.0, label="x")
    h = x * x
    y = h.clip(0, 3) * 3
    y.backward()
    x2, h2, y2 = duplicate((x, h, y))
    assert y2.operands[0].operands[0] is h2
    assert h2.operands == (x2, x2)
    assert (x2.label, x2.grad, y2.data, h2.op) == ("x", x.grad, y.data, h.op)
    x2.grad = 0.0
    h2.backward()
    assert (x2.grad, x.grad) == (4.0, 0.0)


@pytest.mark.parametrize("kind", sorted({PythonValue, Value}, key=repr))
def test_a_pickle_of_either_engine_comes_back_on_the_engine_in_use(kind):
    y = kind(2.0, label="x") * 3
    y.backward()
    back = through_pickle(y)
    assert {*map(type, back.nodes())} == {Value}
    assert (back.data, back.op, back.operands[0].label) == (6.0, y.op, "x")
    assert back.operands[0].grad == 3.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_a_gradient_that_is_a_graph_travels_as_its_number(duplicate):
    x = Value(2.0)
    (x**3).backward(create_graph=True)
    assert duplicate(x).grad == 12.0


def test_a_shallow_copy_stands_on_the_same_operands():
    x = Value(2.0)
    y = x * 3
    z = copy.copy(y)
    assert z is not y
    assert z.operands == y.operands


def test_copies_are_made_whatever_mode_is_on():
    x = Value(float("nan"))
    with detect_anomaly(), no_grad():
        leaf, node = copy.copy(x), through_pickle(Value.record(_where(), 1.0, x, 0.0))
    assert (leaf.operands, node.operands) == ((), ())
    y = x * 2
    with no_grad():
        assert len(copy.deepcopy(y).operands) == 2


def test_copies_hold_branches_that_were_not_taken():
    x, other = Value(1.0), Value(2.0)
    y = Value.record(_where(), True, x, other * 2)
    clone = copy.deepcopy(y)
    assert clone.operands[2] is not y.operands[2]
    assert through_pickle(y).operands[2].data == 4.0


# Life in Python.


def test_values_can_be_watched_weakly_and_leave_no_cycles():
    gc.disable()
    try:
        x = Value(1.0)
        y = (x * 2).tanh()
        y.backward()
        seen = weakref.ref(y)
        del y
        assert seen() is None
    finally:
        gc.enable()


def test_graphs_of_gradients_are_collected():
    x = Value(2.0)
    (x**3).backward(create_graph=True)
    seen = weakref.ref(x)
    del x
    gc.collect()
    assert seen() is None


def test_subclasses_are_values():
    class Parameter(Value):
        def __init__(self, data, unit):
            super().__init__(data)
            self.unit = unit

    p = Parameter(2.0, unit="m")
    (3 - p * Value(2.0)).backward()
    assert (p.grad, p.unit) == (-2.0, "m")


def test_threads_do_not_disturb_each_other():
    shared = Value(2.0)
    results = []

    def work(k):
        x = Value(float(k))
        y = x
        for _ in range(300):
            y = (y * shared).tanh()
        results.append((k, [n.data for n in y.nodes() if n is not shared][-1], len(y.nodes())))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {size for _, _, size in results} == {602}


def test_a_named_method_turns_arrays_away():
    for name in ("maximum", "hypot", "add"):
        with pytest.raises(NotANumberError, match=rf"operand 2 of {name}\(a, b\)"):
            getattr(Value(2.0), name)(np.array([1.0, 2.0]))


def test_a_method_may_be_kept_before_its_first_call():
    tangent = Value.tan
    assert tangent(Value(0.0)) == tangent(Value(0.0)) == 0.0


@pytest.mark.parametrize("f", [lambda x: 3 * x, lambda x: x**0 * 2, lambda x: x.relu(), abs])
@pytest.mark.parametrize("at", [2.0, -2.0])
def test_gradients_of_a_graph_are_values_where_they_are_constant_too(f, at):
    x, unused = Value(at), Value(1.0)
    y = f(x) + unused.detach()
    y.backward(create_graph=True)
    assert all(isinstance(node.grad, Value) for node in y.nodes())
    again = Value(at)
    f(again).backward()
    assert x.grad.data == getattr(again.grad, "data", again.grad)
    (x.grad.exp() + x.grad).backward()  # what a value can do
