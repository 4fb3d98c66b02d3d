"""Machine code: what calls it, how it is cut, and that nothing in it is rewritten."""

import ctypes
import math
import re
import sys

import numpy as np
import pytest
from compiled import bits

pytest.importorskip("llvmlite")

from micrograd_gd import functional, grad, hessian, jit, trace, value_and_grad, vmap
from micrograd_gd.compiler.backends import llvm
from micrograd_gd.compiler.backends.llvm import memory
from micrograd_gd.compiler.backends.llvm.module import ModuleWriter
from micrograd_gd.errors import JitError


def text_of(program):
    """All of it in LLVM's language."""
    return "".join(ModuleWriter(program, llvm.LONGEST, llvm.LONGEST_IN_LANES).write(llvm.TOGETHER))


def call(program, inputs, outputs):
    """Call machine code as a kernel does: a pointer for each buffer."""
    code = llvm.generate_code(program)
    x, y, v = inputs, outputs, np.full(code.scratch + 100, 7.25)
    tables = [(ctypes.c_void_p * len(z))(*[part.ctypes.data for part in z]) for z in (x, y)]
    run = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(code.address)
    failed = run(*tables, v.ctypes.data)
    assert np.all(v[code.scratch :] == 7.25), "it keeps to its memory"
    return failed


def test_arrays_are_read_and_written_where_they_are():
    program = trace(lambda a, m, b, v: [m @ v, a + b, v * a], 2.0, np.ones((2, 3)), 5.0, np.ones(3))
    m, v = np.arange(6.0).reshape(2, 3), np.array([1.0, -1.0, 0.5])
    outputs = [np.empty(1), np.empty(2), np.empty(3)]
    assert call(program, [np.array([2.0, 5.0]), m, v], outputs) == -1
    assert [y.tolist() for y in outputs] == [[7.0], (m @ v).tolist(), (2 * v).tolist()]


def test_the_place_of_the_guard_that_fails_is_returned():
    program = trace(lambda a, b: a * b if a > 0 and b * b > 1 else -a, 1.0, 2.0)
    y = [np.empty(1)]
    assert call(program, [np.array([3.0, 4.0])], y) == -1
    assert call(program, [np.array([-1.0, 4.0])], y) == 0
    assert call(program, [np.array([1.0, 0.5])], y) == 1


def test_numbers_that_wait_share_the_room():
    def chain(x):
        for i in range(5 * llvm.LONGEST):
            x = x * 0.5 + i
        return x

    program = trace(chain, 1.0)
    module = ModuleWriter(program, llvm.LONGEST, llvm.LONGEST_IN_LANES)
    assert module.weight == 2 * 5 * llvm.LONGEST
    assert module.scratch == 2, "what is made waits beside what is used"
    assert text_of(program).count("define i32 @part") == 10


def test_a_program_of_many_functions_keeps_to_its_memory():
    def f(x):
        return functional.total([x[i] * x[i - 1] for i in range(len(x))]) ** 2

    x = np.linspace(-1, 1, 2 * llvm.LONGEST)
    program, outputs = trace(value_and_grad(f), x), [np.empty(1), np.empty(len(x))]
    assert call(program, [np.empty(0), x], outputs) == -1
    value, slope = value_and_grad(f)(x)
    assert outputs[0] == value
    assert np.array_equal(outputs[1], slope)


def test_a_batch_keeps_to_its_memory_wherever_that_begins():
    def f(w, x):
        return functional.mean(vmap(lambda x: functional.tanh(functional.dot([*w], [*x])))(x))

    w, x = np.linspace(-1, 1, 6), np.linspace(-1, 1, 78).reshape(13, 6)
    program = trace(value_and_grad(f), w, x)
    expected = jit(value_and_grad(f), backend="python")(w, x)
    outputs = [np.empty(1), np.empty(6)]
    assert call(program, [np.empty(0), w, x], outputs) == -1
    assert outputs[0] == expected[0]
    assert bits(outputs[1]) == bits(expected[1])


def test_a_sum_of_any_length_is_cut_too():
    program = trace(lambda x: functional.dot(x, x, 0.0), np.ones(2 * llvm.LONGEST))
    assert len(program.statements) == 1
    assert "@part3" in text_of(program)
    compiled = jit(lambda x: functional.dot(x, x, 0.0), backend="llvm")
    x = np.linspace(-1, 1, 2 * llvm.LONGEST)
    assert compiled(x) == functional.dot([*x], [*x], 0.0)
    assert compiled(x) == functional.dot([*x], [*x], 0.0)


def test_a_constant_exponent_leaves_no_choice_to_the_machine():
    program = trace(value_and_grad(lambda x: x**3.5), 2.0)
    text = text_of(program)
    assert text.count("call double @micrograd_gd_pow") == 2
    assert "fcmp" not in text


def test_functions_have_names_that_llvm_does_not_know():
    program = trace(lambda x: functional.cbrt(x) + functional.digamma(x) + abs(x).sqrt(), 1.0)
    text = text_of(program)
    known = set(re.findall(r"@([\w.]+)\(", text)) - {"run"}
    ours = {"micrograd_gd_cbrt", "micrograd_gd_digamma"}
    assert known == {*ours, "llvm.fabs.f64", "llvm.sqrt.f64"}
    assert "inttoptr" not in text, "no address of today is in it"
    assert not re.search(r"\b(fast|reassoc|contract|nnan|ninf|nsz|arcp|afn)\b", text)


def test_a_branch_with_a_function_in_it_calls_it_there_alone():
    text = text_of(trace(lambda a, b: a**b, 2.0, 0.5))
    assert "phi double" in text
    power = jit(lambda a, b: a**b, backend="llvm")
    for b in (2.0, 1.0, 0.5, -0.0, math.nan):
        power(3.0, b)
        assert str(power(3.0, b)) == str(functional.pow(3.0, b))


# Batches.


@pytest.mark.parametrize("lanes", [1, 7, 8, 9, 16, 40, 300])
def test_lanes_are_those_of_python_bit_for_bit_whatever_their_number(lanes):
    def f(w, x, y):
        def sample(x, y):
            hidden = [functional.relu(w[i] * x[0] + x[1] / w[0]) for i in range(3)]
            z = functional.total(hidden) - y
            return functional.sigmoid(z) + abs(z) ** 1.5 + functional.tanh(z * x[2]), z

        a, b = vmap(sample)(x, y)
        return functional.mean(a), a, b * functional.total(a)

    rng = np.random.default_rng(lanes)
    args = rng.normal(size=3), rng.normal(size=(lanes, 3)), rng.normal(size=lanes)
    args[1][lanes // 2, 0] = math.nan if lanes > 8 else math.inf
    machine, python = (jit(f, backend=backend) for backend in ("llvm", "python"))
    for ours, expected in zip(machine(*args), python(*args), strict=True):
        assert bits(ours) == bits(expected)


@pytest.mark.parametrize(
    ("f", "arguments"),
    [
        (vmap(lambda *_: 3.0), lambda n: [np.ones(n)]),
        (vmap(lambda x: [x * x] * 3), lambda n: [np.ones(n)]),
        (vmap(hessian(lambda x: x[0] * x[1] ** 2)), lambda n: [np.ones((n, 2))]),
        (vmap(lambda w, x: [w, w * w, x], (None, 0)), lambda n: [2.0, np.ones(n)]),
        (lambda x: [3.0, x[0] * x[1], *x], lambda n: [[1.0] * n]),
        (lambda x: [x[0] * x[1], np.array([0.0, 1.0] * len(x))], lambda n: [[1.0] * n]),
    ],
)
def test_results_that_nothing_computes_make_the_code_no_longer(f, arguments):
    sizes = 9, 60, 90, 900  # few rows are taken apart, many are taken whole
    few, more, many, most = (len(text_of(trace(f, *arguments(n))).splitlines()) for n in sizes)
    assert few == more
    assert many == most


def test_the_functions_of_a_stage_pass_numbers_on_in_tiles(monkeypatch):
    def f(w, x):
        def sample(x):
            for i in range(40):
                x = [x[0] * w[i] + x[2], functional.sin(x[1]), x[0] - x[1]]
            return x[0] * x[0] + x[1] + x[2]

        return functional.total(vmap(sample)(x))

    rng = np.random.default_rng(0)
    args = rng.normal(size=40), rng.normal(size=(150, 3))
    expected = jit(value_and_grad(f), backend="python")(*args)
    for longest, most in ((20, 3), (60, 1), (1_000, 16)):
        monkeypatch.setattr(llvm, "LONGEST_IN_LANES", longest)
        monkeypatch.setattr(memory, "MOST_BLOCKS", most)
        value, slope = jit(value_and_grad(f), backend="llvm")(*args)
        assert value == expected[0]
        assert bits(slope) == bits(expected[1])


def test_lanes_beyond_the_last_sample_touch_nothing():
    program = trace(vmap(lambda x: [x * 2, functional.exp(x)]), np.ones(3))
    x, y = np.array([1.0, 2.0, 3.0]), [np.empty(0), np.full(16, -7.0), np.full(16, -7.0)]
    assert call(program, [np.empty(0), x], y) == -1
    assert y[1].tolist() == [2.0, 4.0, 6.0, *[-7.0] * 13]
    assert y[2].tolist() == [*map(math.exp, x), *[-7.0] * 13]


def test_a_function_is_called_only_where_a_lane_wants_it():
    program = trace(vmap(grad(functional.relu)), np.ones(20))
    text = text_of(program)
    assert len(re.findall(r"call <8 x double> @exp", text)) == 1, "for a nan"
    assert "branch_weights" in text
    mapped = jit(vmap(grad(functional.relu)), backend="llvm")
    x = np.array([1.0, -1.0, 0.0, math.nan, *[2.0] * 16])
    assert mapped(x).tolist()[:3] == [1.0, 0.0, 0.0]
    assert math.isnan(mapped(x)[3])


SHORT_OF_MEMORY = """
import os, resource
from micrograd_gd import trace
from micrograd_gd.compiler import tiers
from micrograd_gd.compiler.backends import llvm
from micrograd_gd.errors import JitError


def chain(x):
    for _ in range(3000):
        x = x.tanh() * 1.0001
    return x


def improve():
    kernels = []
    tiers.improve(program, kernels.append).wait()
    return 0 if kernels else 1


def compile_now():
    try:
        llvm.compile_program(program)
    except (JitError, MemoryError):
        return 1
    return 0


program = trace(chain, 0.5)
llvm.is_available()
ends = []
for megabytes in (2, 8, 500):
    for use in (compile_now, improve):
        child = os.fork()
        if not child:
            pages = int(open("/proc/self/statm").read().split()[0])
            limit = pages * resource.getpagesize() + megabytes * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            os._exit(use())
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(*ends)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads how much memory it has")
def test_where_memory_is_short_no_code_is_made_and_the_process_goes_on(python):
    assert python("-c", SHORT_OF_MEMORY).stdout == "1 1 1 1 0 0\n"


def test_a_program_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(llvm, "MOST_LINES", 3)
    with pytest.raises(JitError, match="no memory to make machine code of 4 lines, where 3 are"):
        llvm.compile_program(trace(lambda x: x * 2.0 + 1.0 - x * 3.0, 1.0))
