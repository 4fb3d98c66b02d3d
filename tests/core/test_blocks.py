"""Recording can be switched off, and nan and inf can be traced to their origin."""

import contextvars
import gc
import inspect
import opcode
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import Value, detect_anomaly, engine_name, fit, grad, jit, no_grad, scope, vmap
from micrograd_gd.core import blocks
from micrograd_gd.errors import ArgumentError, GraphError, NonFiniteError
from micrograd_gd.nn import MLP
from micrograd_gd.transforms import custom, recording


def test_no_grad_records_nothing_inside_and_everything_outside():
    x = Value(2.0)
    with no_grad():
        inside = x * x + x.clip(0, 1)
    assert (inside.data, inside.operands) == (5.0, ())
    assert (x * x).operands == (x, x)


def test_no_grad_decorates_functions():
    @no_grad()
    def square(x):
        return x * x

    assert square(Value(2.0)).operands == ()
    assert square(Value(2.0)).operands == ()


def test_no_grad_ends_with_an_error_too():
    with pytest.raises(RuntimeError), no_grad():
        raise RuntimeError
    assert (Value(1.0) + 1).operands


def test_blocks_stay_in_their_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append((Value(1.0) + 1).operands))
        thread.start()
        thread.join()
    assert seen[0] != ()


def test_the_first_bad_operation_is_named_with_operands_and_line():
    x = Value(-1.0, label="x")
    with pytest.raises(NonFiniteError) as caught, detect_anomaly():
        y = x * 2
        y.sqrt() + 1
    line = inspect.getsourcelines(test_the_first_bad_operation_is_named_with_operands_and_line)[1]
    assert str(caught.value).startswith("sqrt(-2.0) is nan, at ")
    assert f"{__file__}, line {line + 4}" in str(caught.value)


def test_an_operation_on_a_bad_number_is_not_blamed():
    with detect_anomaly():
        assert Value(float("inf")) + 1 == float("inf")


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_bad_gradient_is_traced_to_the_operation(create_graph):
    x = Value(0.0, label="x")
    with detect_anomaly():
        y = x.sqrt() * 3
        with pytest.raises(
            NonFiniteError,
            match=r"backward through sqrt\(x = 0\.0\) = 0\.0: its gradient 3\.0 times its partial "
            r"inf for x = 0\.0 is inf; it was computed at .*test_blocks",
        ):
            y.backward(create_graph=create_graph)


def test_backward_under_a_watch_gives_the_same_gradients():
    x = Value(3.0)
    y = x * x * x
    with detect_anomaly():
        y.backward()
        y.backward()
    assert x.grad == 54.0


def test_a_graph_from_outside_the_block_is_blamed_without_a_line():
    x = Value(0.0)
    y = x.sqrt()
    with detect_anomaly(), pytest.raises(NonFiniteError, match="a line outside of this block"):
        y.backward()


def test_an_overflow_in_a_sum_of_gradients_is_noticed():
    x = Value(1e-300, label="x")
    a = x * 1.0
    with detect_anomaly():
        s = a * 1.7e308 + a * 1.7e308
        with pytest.raises(NonFiniteError, match=r"being the sum of 1\.7e"):
            s.backward()


def test_an_infinite_operand_is_nobodys_fault():
    x = Value(float("inf"))
    with detect_anomaly():
        (x * Value(2.0)).backward()


def test_what_a_partial_is_computed_from_is_not_watched():
    x = Value(1e200)
    with detect_anomaly():
        x.erf().backward(create_graph=True)
    assert x.grad == 0.0


# Whatever comes between its beginning and its end, a block ends.

KINDS = {
    "no_grad": no_grad,
    "recording": blocks.recording,
    "scope a": lambda: scope("a"),
    "scope b": lambda: scope("b"),
    "watch": detect_anomaly,
}


def what_is_on():
    """What operations do here, found by trying."""
    x = Value(1.0)
    y = x * x
    try:
        _ = Value(0.0).log() * 1.0
        watched = False
    except NonFiniteError:
        watched = True
    return bool(y.operands), blocks.scopes.get(y, ()), watched


def nothing_is_on():
    return what_is_on() == (True, (), False) and not recording.is_transforming()


@given(st.data())
def test_blocks_end_in_any_order_and_in_any_context(data):
    contexts = [contextvars.copy_context() for _ in range(2)]
    opened = [[], []]  # in each context: (kind, block, path of its scopes), the innermost last

    def path_in(place):
        return [(), *(path for kind, _, path in opened[place] if kind.startswith("scope"))][-1]

    def look():
        for place, context in enumerate(contexts):
            kinds = ["recording", *(kind for kind, *_ in opened[place])]
            last = [kind for kind in kinds if kind in {"no_grad", "recording"}][-1]
            expected = last == "recording", path_in(place), "watch" in kinds
            assert context.run(what_is_on) == expected

    def close(place, i, where):
        _, block, _ = opened[place].pop(i)
        contexts[where].run(block.__exit__, None, None, None)  # elsewhere, as the collector may

    try:
        for _ in range(data.draw(st.integers(1, 12))):
            place = data.draw(st.integers(0, 1))
            if opened[place] and data.draw(st.booleans()):
                i = data.draw(st.integers(0, len(opened[place]) - 1))
                close(place, i, data.draw(st.integers(0, 1)))
            else:
                kind = data.draw(st.sampled_from(sorted(KINDS)))
                block = contexts[place].run(KINDS[kind])
                contexts[place].run(block.__enter__)
                opened[place].append((kind, block, (*path_in(place), kind[-1])))
            look()
    finally:
        while any(opened):
            place = 0 if opened[0] else 1
            close(place, 0, place)
    look()


def test_generators_that_are_zipped_or_left_leak_nothing():
    def inside(block, count):
        with block():
            yield from range(count)

    for kind in KINDS.values():
        assert [*zip(inside(kind, 2), inside(no_grad, 3), inside(kind, 3), strict=False)]
        gc.collect()
        assert nothing_is_on()
        left = inside(kind, 3)
        next(left)
        thread = threading.Thread(target=left.close)
        thread.start()
        thread.join()
        assert nothing_is_on()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it does no harm there")
def test_nothing_is_collected_while_a_context_variable_is_set():
    variable = contextvars.ContextVar("variable", default=None)
    block = blocks.Switch(variable, 1)
    calls = [partial(blocks.set_variable, variable, None)]
    if engine_name() == "native":  # whose blocks set theirs in C
        calls += [block.__enter__, partial(block.__exit__, None, None, None)]
    phases = []
    threshold = gc.get_threshold()
    gc.callbacks.append(lambda phase, _: phases.append(phase))
    try:
        for call in calls:
            gc.collect()
            phases.clear()
            gc.set_threshold(1)
            call()
            gc.set_threshold(*threshold)
            assert not phases
    finally:
        gc.callbacks.pop()
        gc.set_threshold(*threshold)


def test_a_block_is_entered_once_and_decorates_many_times():
    block = no_grad()
    with block, pytest.raises(GraphError, match="a block is entered once"), block:
        pass
    with pytest.raises(GraphError, match="a block is entered once"), block:
        pass
    with pytest.raises(ArgumentError, match="decorates functions, not 3"):
        no_grad()(3)
    assert nothing_is_on()

    @scope("inner")
    def product(x):
        return x * x

    for _ in range(2):
        with scope("outer"):
            y = product(Value(2.0))
        assert blocks.scopes[y] == ("outer", "inner")


def test_blocks_are_entered_by_an_exit_stack():
    with ExitStack() as stack:
        stack.enter_context(no_grad())
        stack.enter_context(detect_anomaly())
        assert what_is_on() == (False, (), True)
    assert nothing_is_on()


# What is done by way of blocks.


def fit_a_little():
    fit(MLP(1, [1], seed=0), [[0.5]], [1.0], loss="mse", epochs=1, learning_rate=0.1,
        validation=([[0.5]], [1.0]))  # fmt: skip


@custom.custom_vjp
def take_square(x):
    return x * x


take_square.defvjp(lambda x: (x * x, x), lambda x, g: (2.0 * x * g,))


@no_grad()
def record_nothing():
    assert not (Value(2.0) * 2.0).operands


USES = {
    "no_grad": record_nothing,
    "nested": lambda: grad(lambda x: grad(lambda y: x * y * y)(x))(2.0),
    "watched": detect_anomaly()(lambda: grad(lambda x: x * x.sqrt())(2.0)),
    "custom": lambda: grad(take_square)(2.0),
    "jit": lambda: jit(grad(lambda x: x * x), backend="python")(2.0),
    "vmap": lambda: vmap(grad(lambda x: x * x))(np.arange(3.0)),
    "fit": fit_a_little,
}


class Interrupt(BaseException):
    """What comes at any time."""


def run_with(use, act, place):
    """Run it with an act at one line of code; whether there were as many lines."""
    left = place

    def step(frame, event, _):
        nonlocal left
        code = frame.f_code
        if (
            event == "line"
            and Path(code.co_filename).name in FILES
            and opcode.opname[code.co_code[frame.f_lasti]] not in ENDS_A_WITH
        ):
            left -= 1
            if left == 0:
                act()
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        use()
    except Interrupt:
        pass
    finally:
        sys.settrace(before)
    return left <= 0


# Where a `with` begins to end, no signal is handled before its exit has run.
ENDS_A_WITH = {"LOAD_CONST", "SWAP", "POP_TOP"}
FILES = {"blocks.py", "recording.py", "custom.py", "trace.py", "samples.py", "derivatives.py"}


@pytest.mark.parametrize("use", USES)
def test_an_interrupt_at_any_line_leaves_no_block_open(use):
    def interrupt():
        raise Interrupt

    place = 1
    while run_with(USES[use], interrupt, place):
        assert nothing_is_on(), f"line number {place}"
        place += 1 + place // 12
    assert place > 5
    assert nothing_is_on()
    blocks.drop_closed()
    assert not blocks.open_blocks


@pytest.mark.parametrize("use", ["no_grad", "custom"])
def test_a_handler_may_open_a_block_at_any_line(use):
    def handle():
        with no_grad(), scope("in a handler"):
            assert not (Value(2.0) * 2.0).operands

    place = 1
    while run_with(USES[use], handle, place):
        assert nothing_is_on(), f"line number {place}"
        place += 1 + place // 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_process_that_is_forked_while_threads_are_in_blocks_goes_on():
    ends = threading.Event()

    def open_and_close():
        while not ends.is_set():
            with no_grad(), scope("s"):
                _ = Value(1.0) * 2.0

    threads = [threading.Thread(target=open_and_close) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if not child:
                signal.alarm(20)
                with no_grad():
                    inside = what_is_on() == (False, (), False)
                os._exit(0 if inside and nothing_is_on() else 1)
            assert os.waitpid(child, 0)[1] == 0
            time.sleep(0.001)
    finally:
        ends.set()
        for thread in threads:
            thread.join()


OUT_OF_MEMORY = """
import _testcapi
from micrograd_gd import Value, no_grad, scope
from micrograd_gd.core import blocks

x = Value(2.0)


def use():
    with no_grad():
        with scope("s"):
            x * 2.0


use()
for place in range(1, 80):  # one at a time: where two fail in turn, ContextVar.set itself crashes
    try:
        _testcapi.set_nomemory(place, place + 1)
        use()
    except (MemoryError, RuntimeError):  # "can't allocate lock"
        pass
    finally:
        _testcapi.remove_mem_hooks()
    assert (x * 2.0).operands == (x, 2.0), place
    blocks.drop_closed()
    assert not blocks.open_blocks, place
print("done")
"""


def test_a_block_ends_when_memory_does(python):
    pytest.importorskip("_testcapi")
    assert python("-c", OUT_OF_MEMORY).stdout == "done\n"
