"""Samples of a batch take ways of their own through the branches of a compiled function."""

import gc
import warnings
from weakref import ref

import numpy as np
import pytest
from compiled import AVAILABLE, bits

from micrograd_gd import Value, grad, hessian, jit, trace, value_and_grad, vmap
from micrograd_gd.compiler import specialization, ways
from micrograd_gd.compiler.batches import Batches
from micrograd_gd.compiler.vmap import call_some
from micrograd_gd.core import whole
from micrograd_gd.errors import JitError, ShapeError
from micrograd_gd.functional import log, mean, relu, sqrt, total
from micrograd_gd.transforms.trees import leaves


@pytest.fixture(params=[1, 64], ids=["whole arrays", "few rows"])
def rows(request, monkeypatch):
    """The fewest rows of an array that is taken whole."""
    monkeypatch.setattr(whole, "FEWEST_ROWS", request.param)


def eager(f, xs):
    """The numbers of one sample after another."""
    return [getattr(y, "data", y) for y in (f(Value(x)) for x in xs)]


def halve(x):
    """As many steps as the number says."""
    while x > 1:
        x = x / 2
    return x


def root(x):
    """Newton's iteration, until it stands still."""
    y = 1.0 + x
    while abs(y * y - x) > 1e-9:
        y = 0.5 * (y + x / y)
    return y


def choose(x):
    """Slopes that are infinite, or none, where the number lies elsewhere."""
    if x > 1:
        return sqrt(x - 1) if x < 4 else log(x - 4)
    return x * x if x else 7.0


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("f", [halve, root, choose])
def test_each_sample_gets_the_numbers_of_its_way(f, backend):
    xs = np.array([0.3, 5.0, 17.0, 1e3, 0.0 if f is not root else 0.25, 2.0, 0.3])
    for g in (f, grad(f), grad(grad(f)))[backend == "llvm" and 2 :]:  # which takes a while
        assert bits(jit(vmap(g), backend=backend)(xs)) == bits(eager(g, xs))


@pytest.mark.usefixtures("rows")
def test_a_way_that_no_sample_took_before_joins_the_program():
    f = jit(vmap(grad(halve)))
    for size in range(1, 8):
        xs = np.array([0.5, 2.0**size, 3.0])
        assert bits(f(xs)) == bits(eager(grad(halve), xs))
        assert len(f.variants) == 1
    (found,) = f.variants
    assert len(found.ways[0]) == 8
    for xs in (np.array([0.5, 3.0, 128.0]), np.array([1.5, 8.0, 9.0])):
        assert bits(f(xs)) == bits(eager(grad(halve), xs))
        assert f.variants == (found,)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(("limit", "most"), [("MOST_WAYS", 3), ("MOST_ANSWERS", 5)])
def test_samples_that_take_too_many_ways_are_not_compiled_with_one_warning(
    monkeypatch, limit, most
):
    monkeypatch.setattr(ways, limit, most)
    few, many = np.array([0.5, 1.5, 0.7]), np.array([*2.0 ** np.arange(8), 0.5, 0.25])
    places = []

    def note(call, chosen):
        places.append(chosen)
        return call_some(call, chosen)

    monkeypatch.setattr(specialization, "call_some", note)
    for g in (halve, grad(halve), lambda x: {"a": [halve(x), x], "b": x * np.ones((2, 1))}):
        f, mapped = jit(vmap(g)), vmap(g)
        assert bits(f(few)) == bits(leaves(mapped(few)))
        with pytest.warns(RuntimeWarning, match="those that take others are not"):
            assert bits(f(many)) == bits(leaves(mapped(many)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert bits(f(many[::-1])) == bits(leaves(mapped(many[::-1])))
            assert bits(f(few)) == bits(leaves(mapped(few)))
    assert [*map(len, places)] == [5, 5] * 3


def test_ways_that_no_sample_takes_any_more_make_room_for_others(monkeypatch):
    monkeypatch.setattr(ways, "MOST_WAYS", 3)
    f = jit(vmap(halve))
    for size in range(1, 8):
        xs = np.array([0.5, 2.0**size, 0.7])
        assert bits(f(xs)) == bits(eager(halve, xs))
        assert 1 < len(f.variants[0].ways[0]) <= 3


def test_a_function_of_a_batch_with_too_many_ways_is_not_compiled(monkeypatch):
    monkeypatch.setattr(ways, "MOST_WAYS", 3)
    loss = value_and_grad(lambda w, xs: total(vmap(lambda x: halve(w * x))(xs)))
    f, xs = jit(loss), 2.0 ** np.arange(8)
    with pytest.warns(RuntimeWarning, match="more ways through the branches"):
        assert f(1.0, xs) == loss(1.0, xs)
    assert f(1.0, xs) == loss(1.0, xs)


@pytest.mark.parametrize("backend", AVAILABLE)
def test_what_a_sample_does_not_take_leaves_shared_slopes_alone(backend):
    """Though there it is infinite, or no number."""

    def sample(w, x):
        if x > 0:
            return w * log(x) + sqrt(w * x)
        return w * w * x

    def loss(w, xs):
        return mean(vmap(sample, (None, 0))(w, xs))

    xs = np.array([0.5, -2.0, 0.0, 3.0])
    for g in (value_and_grad(loss), value_and_grad(loss, 1), hessian(loss)):
        found, expected = leaves(jit(g, backend=backend)(0.7, xs)), leaves(g(0.7, xs))
        assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.usefixtures("rows")
def test_a_program_that_needs_care_takes_the_place_of_the_other():
    """Where a sample does not go, a derivative may be no number in some calls."""

    slope = grad(lambda x: relu(log(x)) * x if x > 0.1 else x * x)
    f, doubtful = jit(vmap(slope)), np.array([0.5, 2.0, 0.0])
    for xs in (np.array([0.5, 0.01, 2.0]), doubtful, -doubtful, doubtful):
        assert bits(f(xs)) == bits(eager(slope, xs))
        assert len(f.variants) == 1
    assert f.variants[0].is_careful


@pytest.mark.usefixtures("rows")
def test_a_branch_on_the_whole_batch_is_a_guard_that_the_whole_batch_decides():
    def f(xs):
        ys = vmap(halve)(xs)
        return total(ys) if mean(ys) > 0.7 else -total(ys)

    compiled, up, down = jit(f), np.array([0.125, 1, 2, 8]), np.array([0.75, 0.125, 0.25, 0.125])
    for xs in (up, down, up, down):
        assert compiled(xs) == f(np.array([*map(Value, xs)])).data
    assert len(compiled.variants) == 2


def test_ways_may_depend_on_what_a_batch_before_gave():
    """Its numbers are not those of the first sample, which a trace computes."""

    def f(xs):
        center = mean(vmap(halve)(xs))
        above = vmap(lambda x: x - center if x > center else center * x)(xs)
        return vmap(lambda y: y * y if y > center / 2 else y)(above)

    xs = np.array([0.25, 0.75, 0.5, 6.0, 2.0])
    assert bits(jit(f)(xs)) == bits([y.data for y in f(np.array([*map(Value, xs)]))])


def test_ways_are_lost_where_another_branch_changes_them():
    def f(w, x):
        if w > 0:
            return x if x > w else w * 2
        return halve(x) * w

    compiled, xs = jit(vmap(f, (None, 0))), np.array([0.5, 3.0, 9.0])
    for w in (1.0, -1.0, 5.0, 0.1):
        assert bits(compiled(w, xs)) == bits([float(f(w, float(x))) for x in xs])


def test_results_of_all_ways_have_one_form_and_errors_are_those_of_the_function():
    f, xs = vmap(lambda x: [x, x] if x > 1 else x), np.arange(3.0)
    with pytest.raises(ShapeError, match="for some samples"):
        trace(f, xs)
    with pytest.raises(ShapeError, match="for sample 0, and"):
        jit(f)(xs)

    def refuse(x):
        if x > 1:
            raise ZeroDivisionError("a sample of 2")
        return x

    with pytest.raises(ZeroDivisionError, match="a sample of 2"):
        jit(vmap(refuse))(np.arange(3.0))


def test_a_loop_of_many_steps_takes_work_in_proportion(monkeypatch):
    asked = 0

    def lanes_of(batches, x, original=Batches.lanes_of):
        nonlocal asked
        asked += 1
        return original(batches, x)

    monkeypatch.setattr(Batches, "lanes_of", lanes_of)

    def count(steps):
        before = asked
        f = jit(vmap(lambda x: halve(x * 2.0**steps)), backend="python")
        assert f(np.array([1.0])) == 1.0
        return asked - before

    few, some, many = map(count, (50, 100, 200))
    assert many - some < 2.2 * (some - few)


def test_a_trace_ends_without_the_collector():
    """Of which no more is kept than its program."""
    seen = []

    def f(x):
        seen.append(ref(x))
        return x * x if x > 0 else -x

    gc.disable()
    try:
        jit(vmap(f))(np.array([1.0, -1.0]))
        jit(lambda x: x)(1.0)  # until then the engine in Python remembers the latest
    finally:
        gc.enable()
    assert [each() for each in seen] == [None] * len(seen)


def test_a_program_shows_the_choice_among_its_ways():
    program = trace(vmap(lambda x: x * x if x > 0 else -x), np.array([1.0, -1.0] * 40))
    assert [line.strip() for line in str(program).splitlines()[2:]] == [
        "v2 = x[i] * x[i]",
        "v3 = less(0.0, x[i])",
        "v5 = -x[i]",
        "v8 = where(v3, v2, v5)",
        "return v8[:]",
    ]


def test_a_function_that_branches_otherwise_in_its_next_call_is_refused():
    calls = []

    def f(x):
        calls.append(x)
        return x if len(calls) > 1 or x > 0 else -x

    with pytest.raises(JitError, match="branches differently when it is called again"):
        jit(vmap(f))(np.array([1.0, -1.0]))
