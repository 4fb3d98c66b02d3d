"""Machine code: what calls it, how it is cut, and that nothing in it is rewritten."""

import ctypes
import math
import re

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from micrograd_gd import functional
from micrograd_gd.jit import jit, llvm, trace
from micrograd_gd.jit.ir import Module
from micrograd_gd.transforms import value_and_grad


def text_of(program):
    """All of it in LLVM's language."""
    return "".join(Module(program, llvm.LONGEST).texts(llvm.TOGETHER))


def called(program, inputs, outputs):
    """Call machine code as a kernel does: a pointer for each buffer."""
    code = llvm.machine_code(program)
    x, y, v = inputs, outputs, np.empty(code.scratch)
    tables = [(ctypes.c_void_p * len(z))(*[part.ctypes.data for part in z]) for z in (x, y)]
    run = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(code.address)
    return run(*tables, v.ctypes.data)


def test_arrays_are_read_and_written_where_they_are():
    program = trace(lambda a, m, b, v: [m @ v, a + b, v * a], 2.0, np.ones((2, 3)), 5.0, np.ones(3))
    m, v = np.arange(6.0).reshape(2, 3), np.array([1.0, -1.0, 0.5])
    outputs = [np.empty(1), np.empty(2), np.empty(3)]
    assert called(program, [np.array([2.0, 5.0]), m, v], outputs) == -1
    assert [y.tolist() for y in outputs] == [[7.0], (m @ v).tolist(), (2 * v).tolist()]


def test_the_place_of_the_guard_that_fails_is_returned():
    program = trace(lambda a, b: a * b if a > 0 and b * b > 1 else -a, 1.0, 2.0)
    y = [np.empty(1)]
    assert called(program, [np.array([3.0, 4.0])], y) == -1
    assert called(program, [np.array([-1.0, 4.0])], y) == 0
    assert called(program, [np.array([1.0, 0.5])], y) == 1


def test_numbers_that_wait_share_the_room():
    def chain(x):
        for i in range(5 * llvm.LONGEST):
            x = x * 0.5 + i
        return x

    program = trace(chain, 1.0)
    module = Module(program, llvm.LONGEST)
    assert module.weight == 2 * 5 * llvm.LONGEST
    assert module.slots == 2, "what is made waits beside what is used"
    assert text_of(program).count("define i32 @part") == 10


def test_a_sum_of_any_length_is_cut_too():
    program = trace(lambda x: functional.dot(x, x, 0.0), np.ones(2 * llvm.LONGEST))
    assert len(program.steps) == 1
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
    program = trace(lambda x: functional.exp(x) + functional.digamma(x) + abs(x).sqrt(), 1.0)
    text = text_of(program)
    known = set(re.findall(r"@([\w.]+)\(", text)) - {"run"}
    assert known == {"micrograd_gd_exp", "micrograd_gd_digamma", "llvm.fabs.f64", "llvm.sqrt.f64"}
    assert "inttoptr" not in text, "no address of today is in it"
    assert not re.search(r"\b(fast|reassoc|contract|nnan|ninf|nsz|arcp|afn)\b", text)


def test_a_branch_with_a_function_in_it_calls_it_there_alone():
    text = text_of(trace(lambda a, b: a**b, 2.0, 0.5))
    assert "phi double" in text
    power = jit(lambda a, b: a**b, backend="llvm")
    for b in (2.0, 1.0, 0.5, -0.0, math.nan):
        power(3.0, b)
        assert str(power(3.0, b)) == str(functional.pow(3.0, b))
