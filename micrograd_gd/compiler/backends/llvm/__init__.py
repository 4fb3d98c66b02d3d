"""The backend `llvm`: a program as straight-line machine code, made by llvmlite without a compiler.

Functions of the C library are called under names of our own, so that LLVM does not know them and
rewrites none. Nothing is reassociated or contracted. So the bits are those of the engines.
"""

import mmap
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from micrograd_gd.compiler.backends import tape
from micrograd_gd.compiler.backends.kernel import Kernel
from micrograd_gd.compiler.backends.llvm.foreign import build_function
from micrograd_gd.compiler.backends.llvm.module import ModuleWriter
from micrograd_gd.compiler.backends.llvm.rolled import RolledWriter
from micrograd_gd.compiler.backends.llvm.staged import StagedWriter
from micrograd_gd.compiler.loops import has_loops, lay_out, lay_out_in_lanes
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.references import UnresolvedError
from micrograd_gd.compiler.stages import may_have_loops
from micrograd_gd.core.choice import native_part
from micrograd_gd.errors import JitError

# Lines of one function of the code. Rosenbrock's gradient in 1,000 variables (17,000 lines) is
# compiled in 34 to 42 µs a line, whatever the functions' length between 100 and 1,000 is; and runs
# in 0.22 ns a line, in 0.38 ns on level 0, which takes 7 µs a line to compile.
LONGEST = 500

# In lanes any length from 500 on gives the same: 9 µs for the gradient of a small network by 100
# points, 0.95 ms by 1,797 digits. Shorter functions pass on more numbers.
LONGEST_IN_LANES = 1_000

TOGETHER = 10  # functions of one module, whose compilation nothing interrupts: 0.2 s
OPTIMIZED = 200_000  # lines beyond which code takes minutes to optimize, and leaves the caches

# Statements from which on loops are searched, and times that these have to make a program shorter.
# Code in loops is ready in a quarter of the time, and runs as fast or up to twice as fast.
FEWEST, SHORTER = 2_000, 4
FEWEST_RUNS = 8  # of a loop; one with fewer is written out

# Where LLVM finds no memory, it ends the process. So what it will take is asked for before: 0.4 to
# 0.6 KiB a line were measured, and 16 MiB for a step.
MOST_LINES = 2**21  # 2 GiB
A_LINE, A_STEP = 2**10, 2**25  # bytes

# LLVM's own passes are left out. They make the code no faster, since ours did their work, and take
# longer than all the rest. So the only thing done to the program is the translation of its lines.


class MachineCode(NamedTuple):
    """What calls it: `int32_t run(const double *const *x, double *const *y, double *v)`.

    `x` has a pointer for each buffer of the inputs, `y` for each of the outputs, as
    `compiler/layout.py` counts them, and `v` room for `scratch` numbers. It returns -1, or the
    place of the guard that fails. The code is there as long as `owner` is.
    """

    address: int
    owner: Any
    scratch: int
    kept: tuple[int, ...]  # beside that, for each sample of the open lengths


def compile_program(program: Program) -> Kernel:
    """The program as machine code.

    Raises JitError where llvmlite is missing, for operations that are Python code, and where memory
    is short.
    """
    return make_kernel(program, generate_code(program))


def make_kernel(program: Program, code: MachineCode) -> Kernel:
    """What calls machine code: the native core, or `ctypes` where that is not there."""
    if native_part("Kernel"):
        return tape.make_kernel(program, (*code[:3], *code.kept))
    return Kernel(build_function(program, code), program)


def generate_code(program: Program, fewest: int = FEWEST) -> MachineCode:
    """The machine code of the program, in loops if it has so many statements."""
    *_, code = compile_stepwise(program, fewest)
    assert code is not None  # noqa: S101 — for the types
    return code


def compile_stepwise(
    program: Program, fewest: int = FEWEST, most: int = sys.maxsize
) -> Iterator[MachineCode | None]:
    """The same in steps, after each of which one may stop; the last gives the code.

    Raises JitError for more than `most` statements if they are in no loops.
    """
    llvm = _load_binding()
    writer = _choose_writer(program, fewest, most)
    _require_memory(writer.weight)
    level = 2 if writer.weight <= OPTIMIZED else 0
    texts = [*writer.write(TOGETHER)]
    if len(texts) == 1:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(texts[0]), _make_target(level))
    else:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _make_target(level))
        for text in texts:
            yield None
            _require_memory(0)
            code = _make_target(level).emit_object(llvm.parse_assembly(text))
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    yield MachineCode(
        engine.get_function_address("run"), engine, writer.scratch, tuple(writer.kept)
    )


def _choose_writer(program: Program, fewest: int, most: int) -> ModuleWriter | RolledWriter:
    count = len(program.statements)
    if count >= fewest and may_have_loops(program) and has_loops(program):
        lay, make = (
            (lay_out_in_lanes, StagedWriter) if program.has_batches else (lay_out, RolledWriter)
        )
        with suppress(UnresolvedError):
            nests = lay(program, fewest=FEWEST_RUNS)
            if SHORTER * len(nests.nodes) <= count:
                return make(program, nests, LONGEST)
    if count > most:
        raise JitError(f"machine code of {count} instructions gains nothing without loops")
    return ModuleWriter(program, LONGEST, LONGEST_IN_LANES)


def _require_memory(lines: int) -> None:
    """Raise JitError unless there is memory now to compile so many lines."""
    try:
        size = A_STEP + A_LINE * lines if lines <= MOST_LINES else sys.maxsize
        mmap.mmap(-1, size).close()
    except (MemoryError, OSError):
        raise JitError(
            f"there is no memory to make machine code of {lines} lines, where {MOST_LINES} are the "
            f"most and {A_LINE} bytes are taken for each: take the backend 'tape', or 'auto', "
            f"which stays on it"
        ) from None


def is_available() -> bool:
    """Whether llvmlite is installed."""
    try:
        _load_binding()
    except JitError:
        return False
    return True


def _make_target(level: int) -> Any:
    """What emits code for this machine."""
    cpu, features = _read_host()
    target = _load_binding().Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=level, jit=True)


@cache
def _read_host() -> tuple[str, str]:
    llvm = _load_binding()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _load_binding() -> Any:
    try:
        from llvmlite import binding  # noqa: PLC0415 — only who asks for it needs it
    except ImportError:
        raise JitError(
            "backend 'llvm' needs llvmlite: pip install 'micrograd_gd[jit]', or take 'python'"
        ) from None
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding
