"""The backend `auto`: a program runs at once, and as machine code once that is worth making.

Compiling begins when the program has run for about as long as compiling takes. So little is lost,
whether calls stop then or go on forever.
"""

import functools
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator

from micrograd_gd.compiler.backends import python, tape
from micrograd_gd.compiler.backends.kernel import Kernel
from micrograd_gd.compiler.backends.llvm import compile_stepwise, is_available, make_kernel
from micrograd_gd.compiler.background import Worker
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.schedule import find_loop
from micrograd_gd.compiler.stages import may_have_loops
from micrograd_gd.errors import JitError

# Nanoseconds to run a statement, on the tape once or for each sample of a batch. Measured on one
# core.
ON_TAPE, ON_TAPE_IN_LANES, IN_PYTHON = 1.9, 0.25, 35.0

# Nanoseconds to compile a program, and each of its statements.
PROGRAM, STATEMENT = 4e6, 50e3

# What a program must have run for, in parts of the time that compiling takes. It is less than one,
# since another core compiles.
PATIENCE = 0.25

# Statements beyond which straight-line code gains nothing over the tape: it is read from memory
# once a call, some 20 bytes a statement. Up to there sums and products run 2 to 6 times as fast.
LARGEST_FROM_TAPE = 150_000

# The same where there may be loops, and nanoseconds to find them, for each statement. More would
# keep the interpreter busy for too long.
LARGEST_IN_LOOPS, LOOPS = 500_000, 5e3

Improvement = threading.Event  # that machine code is there, or will not come

_worker = Worker()


def compile_program(program: Program) -> Kernel:
    """The program on the tape, or else in Python, with the patience that it deserves."""
    kernel, nanoseconds = interpret(program)
    calls = count_patience(program, nanoseconds)
    if calls is not None:
        kernel.patience = calls
    return kernel


def interpret(program: Program) -> tuple[Kernel, float]:
    """The program as it can run at once, and the nanoseconds that a statement takes there."""
    try:
        return tape.compile_program(program), ON_TAPE
    except JitError:
        return python.compile_program(program), IN_PYTHON


def count_patience(program: Program, nanoseconds: float) -> int | None:
    """The number of calls after which the program is worth compiling, or None if it never is.

    `nanoseconds` are what a statement takes as the program runs today.

    >>> from micrograd_gd import trace
    >>> count_patience(trace(lambda x: x.exp() * x, 1.0), ON_TAPE)
    269737
    """
    statements = len(program.statements)
    is_large = nanoseconds == ON_TAPE and statements > LARGEST_FROM_TAPE
    most = LARGEST_IN_LOOPS if may_have_loops(program) else LARGEST_FROM_TAPE
    if not statements or (is_large and statements > most):
        return None
    work = nanoseconds * statements
    if program.has_batches:
        in_lanes = ON_TAPE_IN_LANES if nanoseconds == ON_TAPE else nanoseconds
        work = sum(
            count * (program.count_lanes(n) * in_lanes if n else nanoseconds)
            for n, count in Counter(find_loop(each, program) for each in program.statements).items()
        )
    each = LOOPS if is_large else STATEMENT
    return int(PATIENCE * (PROGRAM + each * statements) / work) + 1


def improve(program: Program, replace: Callable[[Kernel], None]) -> Improvement:
    """Make machine code in the background, and call `replace` with it there.

    The event tells that this is over. Where it fails, `replace` is never called.
    """
    if not is_available():
        _warn_once()

    def compile_in_background() -> Iterator[None]:
        for code in compile_stepwise(program, most=LARGEST_FROM_TAPE):
            if code is not None:
                replace(make_kernel(program, code))
            yield

    return _worker.start(compile_in_background())


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "jit runs on without machine code, which needs llvmlite: pip install 'micrograd_gd[jit]'",
        RuntimeWarning,
        stacklevel=2,
    )
