"""The backend `llvm`: a program as straight-line machine code, made by llvmlite without a compiler.

Functions of the C library are called under names of our own, so that LLVM does not know them and
rewrites none; nothing is reassociated or contracted. So the bits are those of the engines.
"""

import ctypes
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from micrograd_gd._version import __version__
from micrograd_gd.compiler.backends import tape
from micrograd_gd.compiler.backends.llvm.module import Module
from micrograd_gd.compiler.backends.python import Code, Run, structured
from micrograd_gd.compiler.cache import Cache
from micrograd_gd.compiler.layout import Layout
from micrograd_gd.compiler.program import Program
from micrograd_gd.core.choice import native_part
from micrograd_gd.errors import JitError

# Lines of one function of the code. Rosenbrock's gradient in 1,000 variables (17,000 lines) is
# compiled in 34 to 42 µs a line, whatever the functions' length between 100 and 1,000 is; and runs
# in 0.22 ns a line, in 0.38 ns on level 0, which takes 7 µs a line to compile.
LONGEST = 500

# In lanes any length from 500 on gives the same: 9 µs for the gradient of a small network by 100
# points, 0.95 ms by 1,797 digits. Shorter functions pass on more numbers.
LONGEST_IN_LANES = 1_000

TOGETHER = 10  # functions of one module, whose making nothing interrupts: 0.2 s
OPTIMISED = 40_000  # lines beyond which code is too large for the caches to gain from optimising

# LLVM's own passes are left out: they make the code no faster, since ours did their work, and take
# longer than all the rest. So nothing but the translation of single lines is done to the program.


class MachineCode(NamedTuple):
    """What calls it: `int32_t run(const double *const *x, double *const *y, double *v)`.

    x has a pointer for each buffer of the inputs, y for each of the outputs, as `jit.layout` counts
    them, and v room for `scratch` numbers. It returns -1 or the place of the guard that fails. The
    code is there as long as `owner` is.
    """

    address: int
    owner: Any
    scratch: int


def machine_code(program: Program, cache: Cache | None = None) -> MachineCode:
    """The program as machine code, which is taken from the cache if it is there.

    Raises JitError where llvmlite is missing, and for operations that are Python code.
    """
    *_, code = steps(program, cache)
    assert code is not None  # noqa: S101 — for the types
    return code


def steps(program: Program, cache: Cache | None = None) -> Iterator[MachineCode | None]:
    """The same in steps, after each of which one may stop; the last gives the code."""
    llvm = _binding()
    module = Module(program, LONGEST, LONGEST_IN_LANES)
    level = 2 if module.weight <= OPTIMISED else 0
    texts = [*module.texts(TOGETHER)]
    if len(texts) == 1 and cache is None:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(texts[0]), _machine(level))
    else:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(level))
        for text in texts:
            yield None
            code = _kept(text, level, cache) if cache else _object(text, level)
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    yield MachineCode(engine.get_function_address("run"), engine, module.slots)


def _kept(text: str, level: int, cache: Cache) -> bytes:
    """The code of a module from the cache, which has it from now on."""
    llvm = _binding()
    versions = __version__, *map(str, llvm.llvm_version_info)
    key = cache.key([text, str(level), llvm.get_process_triple(), *_host(), *versions])
    code = cache.get(key)
    if code is None:
        code = _object(text, level)
        cache.put(key, code)
    return code


def _object(text: str, level: int) -> bytes:
    """A module as a file of objects."""
    code: bytes = _machine(level).emit_object(_binding().parse_assembly(text))
    return code


def is_there() -> bool:
    """Whether llvmlite is installed."""
    try:
        _binding()
    except JitError:
        return False
    return True


def compiled(program: Program, cache: Cache | None = None) -> Code:
    """The program as machine code.

    Raises JitError where llvmlite is missing, and for operations that are Python code.
    """
    return callable_code(program, machine_code(program, cache))


def callable_code(program: Program, code: MachineCode) -> Code:
    """What calls machine code: a kernel of the native core, or `ctypes` where that is not there."""
    if native_part("Kernel"):
        return tape.kernel(program, code)
    return Code(through_ctypes(program, code), program)


def through_ctypes(program: Program, code: MachineCode) -> Run:
    """A function of the program's leaves that calls machine code."""
    inputs = _Buffers(program.input_layout, program.size)
    outputs = _Buffers(program.output_layout, len(program.outputs))
    result = structured(program.structure, [f"y[{place}]" for place in outputs.places], {})
    machine_run = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(code.address)
    captured = program.captured
    memory = _Memory(code.scratch)

    def run(*leaves: float) -> Any:
        x = inputs.filled([*leaves, *[leaf.data for leaf in captured]] if captured else leaves)
        y = outputs.empty()
        failed = machine_run(inputs.pointers(x), outputs.pointers(y), memory.numbers)
        return result(y) if failed < 0 else failed

    run.code = code  # type: ignore[attr-defined]  # it lives as long as what calls it
    return run


class _Buffers:
    """The buffers of a layout, one after another in one array."""

    def __init__(self, places: Layout, count: int) -> None:
        starts = [*accumulate(places.sizes, initial=0)]
        self.places = [starts[buffer] + i for buffer, i in map(places.place, range(count))]
        self._order = sorted(range(count), key=self.places.__getitem__)
        self._is_in_order = self.places == self._order
        self._array = ctypes.c_double * count
        self._table = ctypes.c_void_p * len(places.sizes)
        self._offsets = [8 * start for start in starts[:-1]]

    def filled(self, numbers: Sequence[float]) -> Any:
        """The array with these numbers at their places."""
        if not self._is_in_order:
            numbers = [numbers[i] for i in self._order]
        return self._array(*numbers)

    def empty(self) -> Any:
        """The array, to be written."""
        return self._array()

    def pointers(self, array: Any) -> Any:
        """Where each buffer begins."""
        start = ctypes.addressof(array)
        return self._table(*[start + offset for offset in self._offsets])


class _Memory(threading.local):
    """Where the functions that a program is cut into leave numbers for each other."""

    def __init__(self, size: int) -> None:
        self.numbers = (ctypes.c_double * size)()


def _machine(level: int) -> Any:
    """What makes code for this machine."""
    cpu, features = _host()
    target = _binding().Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=level, jit=True)


@cache
def _host() -> tuple[str, str]:
    llvm = _binding()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _binding() -> Any:
    try:
        from llvmlite import binding  # noqa: PLC0415 — only who asks for it needs it
    except ImportError:
        raise JitError(
            "backend 'llvm' needs llvmlite: pip install 'micrograd_gd[jit]', or take 'python'"
        ) from None
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding
