"""The programs of a function travel with it, are made once for all threads, and are bounded."""

import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from compiled import backends, bits, needs_core, needs_llvmlite

from micrograd_gd import Value, functional, jit, value_and_grad, vmap
from micrograd_gd.compiler import programs, specialization


class Traces:
    """Which threads traced; a class, since what a function changes has it traced twice."""

    threads: ClassVar[list[int]] = []


def branching(x):
    """A function with an endless number of branches, that tells how often it runs."""
    Traces.threads.append(threading.get_ident())
    y, i = functional.total(x), 0
    while y > i:
        i += 1
    return (y * i).sin() * x[0] * 1e-3


def of_batch(w, x):
    Traces.threads.append(threading.get_ident())
    return functional.mean(vmap(lambda a: (w * a).tanh())(x))


def again(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301 — our own


@backends
@pytest.mark.parametrize("transform", [lambda f: f, value_and_grad])
def test_a_worker_needs_no_trace(transform, backend):
    calls = [([0.5, 0.25],), ([1.5, 0.25],), (np.array([2.5, 1.0, 0.5]),)]
    for f, points in ((branching, calls), (of_batch, [(0.5, np.arange(9.0))])):
        compiled = jit(transform(f), backend=backend)
        expected = [bits(compiled(*each)) for each in points]
        travelled = again(again(compiled))
        Traces.threads.clear()
        assert [bits(travelled(*each)) for each in points] == expected
        assert Traces.threads == []
        assert [*map(str, travelled.variants)] == [*map(str, compiled.variants)]


def test_a_pickle_names_nothing_of_this_machine():
    compiled = jit(value_and_grad(branching))
    compiled([0.5])
    text = pickle.dumps(compiled)
    assert __file__.encode() not in text
    assert sys.prefix.encode() not in text


W = Value(2.0)


def of_module(x):
    Traces.threads.append(threading.get_ident())
    return W * x


class Line:
    def __init__(self, slope):
        self.slope = Value(slope)

    def __call__(self, x):
        Traces.threads.append(threading.get_ident())
        return self.slope * x


def test_values_that_are_read_at_every_call_are_those_of_the_function():
    compiled, line = jit(of_module), Line(3.0)
    lines = jit(line)
    assert (compiled(5.0), lines(5.0)) == (10.0, 15.0)
    there, (lines_there, line_there) = again(compiled), again((lines, line))
    Traces.threads.clear()
    try:
        W.data, line_there.slope.data = 7.0, 8.0
        assert (there(5.0), lines_there(5.0), lines(5.0)) == (35.0, 40.0, 15.0)
    finally:
        W.data = 2.0
    assert len(Traces.threads) == 1, "the program of what stands in a module is traced there"


def with_option(x, option):
    Traces.threads.append(threading.get_ident())
    return x * len(option.__name__)


def test_what_cannot_travel_is_traced_again():
    compiled = jit(with_option, static_argnames="option")
    assert [compiled(2.0, option=each) for each in (int, lambda: 0)] == [6.0, 16.0]
    there = again(compiled)
    Traces.threads.clear()
    assert [there(2.0, option=each) for each in (int, lambda: 0)] == [6.0, 16.0]
    assert len(Traces.threads) == 1


@backends
def test_threads_share_one_program_for_each_branch(backend):
    compiled = jit(value_and_grad(branching), backend=backend)
    points = [[i + 0.5, 0.25] for i in range(4)] * 8
    expected = [bits(jit(value_and_grad(branching))(each)) for each in points]
    Traces.threads.clear()
    with ThreadPoolExecutor(8) as pool:
        assert [*map(bits, pool.map(compiled, points))] == expected
    assert len(compiled.variants) == len(Traces.threads) == 4


@backends
def test_threads_compute_batches_at_the_same_time(backend):
    def loss(w, x):
        return functional.mean(vmap(lambda a: (w * a).tanh() + (w + a).exp())(x))

    compiled = jit(value_and_grad(loss), backend=backend)
    batches = [np.linspace(i, i + 1, 1_000) for i in range(4)]
    expected = [bits(compiled(0.5, x)) for x in batches]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert [*map(bits, pool.map(partial(compiled, 0.5), batches))] == expected


@needs_core
@pytest.mark.parametrize("backend", ["tape", pytest.param("llvm", marks=needs_llvmlite)])
@pytest.mark.parametrize(("steps", "lets_others_work"), [(5_000, True), (2, False)])
def test_long_calls_let_other_threads_work(backend, steps, lets_others_work):
    def f(x):
        for _ in range(steps):
            x = x.sin()
        return x

    compiled, gate, others = jit(f, backend=backend), threading.Lock(), []

    def work():
        with gate:
            others.append(compiled(0.5))

    for _ in range(10):
        expected = compiled(0.5)
    interval = sys.getswitchinterval()
    with gate:
        thread = threading.Thread(target=work)
        thread.start()
        sys.setswitchinterval(100)  # seconds: no thread is asked to make room for another one
    try:
        for _ in range(500):
            assert compiled(0.5) == expected
            if others:
                break
        assert bool(others) == lets_others_work
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    assert others == [expected]


@backends
def test_a_program_is_compiled_ahead_of_its_first_call(backend):
    compiled = jit(value_and_grad(branching), backend=backend)
    for point in ([0.5, 0.25], [1.5, 0.25], np.array([2.5])):
        assert compiled.compile(point).is_set(), "nothing is left to be done in the background"
        Traces.threads.clear()
        assert bits(compiled(point)) == bits(value_and_grad(branching)(point))
        assert len(Traces.threads) == 1, "eagerly"


@needs_llvmlite
def test_machine_code_is_made_ahead_of_the_first_call():
    compiled = jit(branching)
    for point in ([0.5, 0.25], [1.5, 0.25]):
        ready = compiled.compile(point)
        assert compiled.compile(point) is ready
        assert ready.wait(timeout=60)
    (specialization,) = compiled._programs
    assert all(each.improvement.is_set() for each in specialization.variants)
    assert [each.kernel.patience for each in specialization.variants] == [-1, -1], "no tape is left"
    assert compiled([0.5, 0.25]) == jit(branching)([0.5, 0.25])


def test_programs_are_forgotten():
    compiled = jit(branching)
    compiled([0.5])
    compiled.clear()
    assert compiled.variants == ()
    Traces.threads.clear()
    assert compiled([0.5]) == compiled([0.5])
    assert len(Traces.threads) == 1


def test_the_arrays_that_programs_hold_are_counted(monkeypatch):
    monkeypatch.setattr(programs, "MOST_STATEMENTS", 20 * specialization.A_PROGRAM)
    numbers = np.arange(100_000.0)
    ends = jit(lambda w, n: functional.mean(vmap(lambda x: x * w)(numbers[:n])), static_argnums=1)
    whole = jit(lambda w, n: functional.mean(vmap(lambda x: x * w)(numbers)) + n, static_argnums=1)
    for n in range(15):
        ends(0.5, 90_000 + n)
        whole(0.5, n)
    assert len(ends.variants) == programs.ALWAYS_KEPT + 1, "which have an array each"
    assert len(whole.variants) == 15, "which share it"


def test_the_programs_that_are_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(programs, "MOST_STATEMENTS", 20 * specialization.A_PROGRAM)
    compiled = jit(branching)
    for n in range(1, 100):
        compiled([0.25] * n)
        compiled([0.25])  # which is called often
    assert programs.ALWAYS_KEPT <= len([*compiled._programs]) <= 20
    Traces.threads.clear()
    compiled([0.25] * 99)
    compiled([0.25])
    assert Traces.threads == []
    compiled([0.25] * 10)
    assert len(Traces.threads) == 1
