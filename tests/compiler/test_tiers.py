"""Machine code is made beside the calls that wait for none of it."""

import math
import os
import random
import signal
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from micrograd_gd import engine_name, functional, jit, trace, vmap
from micrograd_gd.compiler import tiers
from micrograd_gd.compiler.background import Worker
from micrograd_gd.compiler.tiers import (
    IN_PYTHON,
    ON_TAPE,
    PATIENCE,
    PROGRAM,
    STATEMENT,
    count_patience,
)
from micrograd_gd.table.ops import Operation

needs_llvmlite = pytest.mark.skipif(not find_spec("llvmlite"), reason="llvmlite is not installed")


def chain(length):
    def f(x):
        for i in range(length):
            x = x * 0.5 + i
        return x

    return trace(f, 1.0)


def test_jobs_are_done_in_order_step_by_step():
    worker, seen = Worker(), []

    def job(name):
        for i in range(2):
            seen.append((name, i))
            yield

    events = [worker.start(job(name)) for name in "ab"]
    assert all(event.wait(60) for event in events)
    assert seen == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_a_job_that_fails_is_over_and_the_next_is_done():
    worker, seen = Worker(), []

    def bad():
        yield
        raise ValueError("of nobody's interest")

    events = [worker.start(job) for job in (bad(), iter([1]), iter(map(seen.append, [7])))]
    assert all(event.wait(60) for event in events)
    assert seen == [7]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_waits_for_nothing_and_starts_anew():
    worker, go_on = Worker(), threading.Event()

    def job():
        yield
        while not go_on.is_set():
            time.sleep(0.001)
            yield

    done = worker.start(job())
    child = os.fork()
    if child == 0:
        right = done.wait(60) and worker.start(iter([1])).wait(60)
        os._exit(0 if right else 1)
    go_on.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert done.wait(60), "the thread goes on in the process that was there"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_the_end_of_the_process_waits_for_a_step_alone(python):
    pytest.importorskip("llvmlite")
    script = """
from test_tiers import chain
from micrograd_gd.compiler import tiers
program = chain(4_000)
for _ in range(100):
    tiers.improve(program, lambda code: print("compiled"))
"""
    done = python("-c", script, cwd=Path(__file__).parent)
    assert done.stdout.count("compiled") < 10, "all would take minutes"


def test_a_program_is_compiled_once_it_has_run_for_part_of_the_time_that_takes():
    steps = 2 * 100
    program = chain(steps // 2)
    seconds = count_patience(program, ON_TAPE) * steps * ON_TAPE
    assert seconds == pytest.approx(PATIENCE * (PROGRAM + STATEMENT * steps), rel=1e-2)
    assert count_patience(program, IN_PYTHON) < count_patience(program, ON_TAPE) / 10


def test_large_programs_stay_on_the_tape_but_not_in_python(monkeypatch):
    monkeypatch.setattr(tiers, "LARGEST_FROM_TAPE", 199)
    monkeypatch.setattr(tiers, "LARGEST_IN_LOOPS", 199)
    program = chain(100)
    assert count_patience(program, ON_TAPE) is None
    assert count_patience(program, IN_PYTHON) is not None
    assert count_patience(trace(lambda x: x, 1.0), ON_TAPE) is None, "there is nothing to run"


@needs_llvmlite
@pytest.mark.skipif(engine_name() == "python", reason="to trace them takes this engine a minute")
def test_a_large_program_has_machine_code_if_it_is_in_loops(monkeypatch):
    monkeypatch.setattr(tiers, "LARGEST_FROM_TAPE", 2_500)
    x = [math.sin(i) for i in range(4_000)]
    shuffled = random.Random(0).sample(range(4_000), 4_000)
    rows = np.linspace(-1.0, 1.0, 100)

    def once(x, places):
        return functional.total(x[i] * x[i - 1] for i in places)

    def each(x, places):
        return functional.total(vmap(lambda row: once([row * a for a in x], places))(rows))

    cases = [(once, range(4_000), True), (once, shuffled, False), (each, range(4_000), True)]
    for function, places, is_made in [*cases, (each, shuffled, False)]:
        f = jit(lambda x, f=function, places=places: f(x, places))
        expected = f(x)
        ((variant,),) = [each.variants for each in f._programs]
        kernel = variant.kernel
        assert kernel.patience > 0
        f.compile(x).wait()
        assert (variant.kernel is not kernel) == is_made
        assert f(x) == expected


# Calls, before and after.


@pytest.fixture
def impatient(monkeypatch):
    """Every program is worth machine code from the third call on."""
    monkeypatch.setattr(tiers, "count_patience", lambda program, nanoseconds: 3)


@needs_llvmlite
@pytest.mark.parametrize("args", [(2.0,), ([2.0, 3.0],), (np.array([1.0, 2.0]),)])
def test_calls_take_the_machine_code_as_soon_as_it_is_there(impatient, args):
    compiled = jit(lambda x: functional.total(x) * 0.5 if isinstance(x, list) else x * x)
    expected = compiled(*args)
    for _ in range(5):
        assert np.array_equal(compiled(*args), expected)
    compiled.wait()
    (specialization,) = compiled._programs
    (variant,) = specialization.variants
    before = compiled._latest
    for _ in range(3):
        assert np.array_equal(compiled(*args), expected)
    assert variant.kernel is compiled._latest is not before, "who calls directly calls it, too"


@needs_llvmlite
def test_a_branch_taken_often_is_compiled_too(impatient):
    compiled = jit(lambda x: x * 2 if x > 0 else -x)
    for _ in range(8):
        assert [compiled(x) for x in (1.0, -1.0)] == [2.0, 1.0]
    compiled.wait()
    (specialization,) = compiled._programs
    assert [variant.improvement.is_set() for variant in specialization.variants] == [True, True]
    assert [compiled(x) for x in (1.0, -1.0, 3.0)] == [2.0, 1.0, 6.0]


def test_what_cannot_be_compiled_stays_as_it_is(impatient):
    sine = Operation("sine", ("x",), math.sin, (lambda x, _: math.cos(x),), "Sine, in Python.")
    compiled = jit(sine)
    for _ in range(8):
        assert compiled(1.0) == math.sin(1.0)
    compiled.wait()
    assert compiled(1.0) == math.sin(1.0)


def test_without_llvmlite_one_warning_says_what_is_missed(impatient, monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    tiers._warn_once.cache_clear()
    f, g = jit(lambda x: x + 1), jit(lambda x: x + 2)
    with pytest.warns(RuntimeWarning, match="without machine code, which needs llvmlite") as said:
        results = [(f(1.0), g(1.0)) for _ in range(8)]
    assert {*results} == {(2.0, 3.0)}
    assert len(said) == 1


@needs_llvmlite
def test_many_threads_call_while_the_code_changes(impatient):
    compiled = jit(lambda x: x * x + 1)
    wrong = []

    def call(x):
        wrong.extend(x for _ in range(2000) if compiled(x) != x * x + 1)

    threads = [threading.Thread(target=call, args=(float(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_batches_are_compiled_soon():
    def step(x):
        for _ in range(30):
            x = x * 0.5 + 1.0
        return x

    few, many = (trace(vmap(step), np.ones(n)) for n in (1, 1000))
    assert count_patience(many, ON_TAPE) < count_patience(few, ON_TAPE) / 500


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_while_a_thread_traces_may_call_the_function():
    is_tracing, may_end = threading.Event(), threading.Event()

    def square(x):
        is_tracing.set()
        may_end.wait(20)
        return x * x

    compiled = jit(square)
    thread = threading.Thread(target=compiled, args=(3.0,))
    thread.start()
    try:
        assert is_tracing.wait(20)
        child = os.fork()
        if not child:
            signal.alarm(20)
            may_end.set()
            os._exit(0 if compiled(3.0) == 9.0 else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        may_end.set()
        thread.join()


def test_jobs_are_started_in_the_middle_of_a_start():
    """As by a signal handler, or by a finalizer, at each line."""
    inner, done = [], []
    worker = Worker()

    def step(frame, event, _):
        if event == "line" and frame.f_code is Worker.start.__code__:
            sys.settrace(None)
            inner.append(worker.start(iter([1])))
            sys.settrace(step)
        return step

    before = sys.gettrace()
    for _ in range(20):
        sys.settrace(step)
        done.append(worker.start(iter([1, 2])))
        sys.settrace(before)
    assert all(event.wait(20) for event in [*inner, *done])
    assert len(inner) > 100
