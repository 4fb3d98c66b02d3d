"""Compiled code that is kept is what would be compiled, or it is not used; programs are pickled."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from micrograd_gd import Value, functional, jit, trace, value_and_grad
from micrograd_gd.compiler.backends import llvm
from micrograd_gd.compiler.backends.llvm import compile_program
from micrograd_gd.compiler.backends.python import build_function
from micrograd_gd.compiler.cache import Cache
from micrograd_gd.errors import OperationError
from micrograd_gd.table.ops import operation


def curve(x):
    return functional.tanh(functional.exp(x) * 0.5) + functional.digamma(x) + abs(x) ** 2.5


@pytest.fixture
def program():
    return trace(value_and_grad(curve), 1.0)


@pytest.fixture
def counted(monkeypatch):
    """How often code was made."""
    made = []
    real = llvm._emit

    def counting(text, level):
        made.append(text)
        return real(text, level)

    monkeypatch.setattr(llvm, "_emit", counting)
    return made


def test_code_is_made_once(program, tmp_path, counted):
    results = {
        compile_program(program, Cache(tmp_path / "new" / "folder")).run([1.5]) for _ in range(3)
    }
    assert results == {compile_program(program).run([1.5])}
    assert len(counted) == 1
    other = trace(lambda x: curve(x) + 1, 1.0)
    compile_program(other, Cache(tmp_path / "new" / "folder"))
    assert len(counted) == 2


def test_another_machine_or_version_makes_its_own(program, tmp_path, counted, monkeypatch):
    compile_program(program, Cache(tmp_path))
    monkeypatch.setattr(llvm, "_read_host", lambda: ("x86-64", ""))
    compile_program(program, Cache(tmp_path))
    monkeypatch.setattr(llvm, "__version__", "0")
    compile_program(program, Cache(tmp_path))
    assert len(counted) == len([*tmp_path.iterdir()]) == 3


def test_what_was_damaged_anywhere_is_replaced(program, tmp_path, counted):
    cache = Cache(tmp_path)
    expected = compile_program(program, cache).run([1.5])
    (path,) = tmp_path.iterdir()
    entry = path.read_bytes()
    places = [*range(0, len(entry), len(entry) // 12), len(entry) - 1]
    damaged = [entry[:i] + bytes([entry[i] ^ 1]) + entry[i + 1 :] for i in places]
    damaged += [entry[:i] for i in places] + [entry + b"\0"]
    for content in damaged:
        counted.clear()
        path.write_bytes(content)
        assert compile_program(program, cache).run([1.5]) == expected
        assert len(counted) == 1
        assert path.read_bytes() == entry


def test_an_entry_of_another_program_is_not_taken(program, tmp_path, counted):
    cache = Cache(tmp_path)
    compile_program(program, cache)
    (own,) = tmp_path.iterdir()
    compile_program(trace(lambda x: x + 1, 1.0), cache)
    (other,) = {*tmp_path.iterdir()} - {own}
    own.write_bytes(other.read_bytes())
    assert compile_program(program, cache).run([1.5]) == compile_program(program).run([1.5])
    assert len(counted) == 3


def test_a_folder_that_cannot_be_written_is_done_without(program, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(RuntimeWarning, match="compiled code cannot be kept: .*file"):
        run = compile_program(program, Cache(tmp_path / "file"))
    assert run.run([1.5]) == compile_program(program).run([1.5])


def test_processes_write_at_once(tmp_path, start):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_cache import curve
from micrograd_gd.compiler.backends.llvm import compile_program
from micrograd_gd import trace
from micrograd_gd.compiler.cache import Cache
for i in range(8):
    program = trace(lambda x: curve(x) + i, 1.0)
    run = compile_program(program, Cache({str(tmp_path)!r}))
    assert run.run([1.5]) == compile_program(program).run([1.5])
"""
    command = [sys.executable, "-c", script]
    running = [start(command) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert len([*tmp_path.iterdir()]) == 8


# Pickles.


def test_a_program_is_pickled():
    w = Value(2.0, label="w")
    x = np.array([1.0, -2.0])
    f = value_and_grad(lambda x: (functional.relu(x[0] * w) + abs(x[1])) ** 2)
    program = trace(f, x)
    again = pickle.loads(pickle.dumps(program))  # noqa: S301 — our own
    assert str(again) == str(program)
    assert {step.op for step in again.statements} == {step.op for step in program.statements}
    assert build_function(again)(1.0, -2.0)[0] == build_function(program)(1.0, -2.0)[0]


def power(x, n):
    assert type(n) is int, "static arguments come as they are"
    return x**n


by_name, by_place = jit(power, static_argnames="n"), jit(power, static_argnums=1)


@jit
def in_place(x):
    return x * x


def test_a_compiled_function_is_pickled_as_its_function_is():
    for compiled in (by_name, by_place):
        again = pickle.loads(pickle.dumps(compiled))  # noqa: S301 — our own
        assert again(1.5, 3) == compiled(1.5, 3) == 1.5**3
    assert pickle.loads(pickle.dumps(in_place)) is in_place  # noqa: S301 — our own


def test_a_function_takes_its_code_from_the_folder(tmp_path, counted):
    for cache in (tmp_path, str(tmp_path)):
        compiled = jit(curve, backend="llvm", cache=cache)
        assert [compiled(1.5), compiled(1.5)] == [curve(1.5)] * 2
    assert len(counted) == 1


@pytest.mark.parametrize("name", ["drelu/dy", "dexp/dx", "dnothing/dx", "relu/dx", "d/d"])
def test_other_slopes_are_unknown(name):
    with pytest.raises(OperationError, match="no operation is called"):
        operation(name)
