"""When a program that runs on a tier which is there at once is worth machine code.

As who rents before buying: compiling begins when the program has run for so long that compiling
would have taken not much longer. So little is lost whether calls stop then or go on for ever.
"""

import functools
import threading
import warnings
from collections.abc import Callable, Iterator

from micrograd_gd.compiler.backends import python, tape
from micrograd_gd.compiler.backends.llvm import callable_code, is_there, steps
from micrograd_gd.compiler.backends.python import Code
from micrograd_gd.compiler.background import Worker
from micrograd_gd.compiler.cache import Cache
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.schedule import schedule
from micrograd_gd.errors import JitError

# Measured on one core: nanoseconds to run a step, on the tape once or for each sample of a batch.
ON_TAPE, ON_TAPE_IN_LANES, IN_PYTHON = 1.9, 0.25, 35.0

# Nanoseconds to compile a program: its engine, and each step.
ENGINE, STEP = 4e6, 50e3

# What a program must have run for, in parts of the time that compiling takes. It is less than one,
# since another core compiles.
PATIENCE = 0.25

# Steps beyond which straight-line code gains nothing over the tape: it is read from memory once a
# call, some 20 bytes a step.
LARGEST_FROM_TAPE = 50_000

Improvement = threading.Event  # that machine code is there, or will not come

_worker = Worker()


def at_once(program: Program) -> Code:
    """The program, ready without delay: on the tape, or else as Python; and patient for so long."""
    try:
        code, nanoseconds = tape.compiled(program), ON_TAPE
    except JitError:
        code, nanoseconds = python.compiled(program), IN_PYTHON
    calls = patience(program, nanoseconds)
    if calls is not None:
        code.patience = calls
    return code


def patience(program: Program, nanoseconds: float) -> int | None:
    """The number of calls after which the program is worth compiling; None: it never is.

    `nanoseconds` are what a step takes as the program runs today.

    >>> from micrograd_gd import trace
    >>> patience(trace(lambda x: x.exp() * x, 1.0), ON_TAPE)
    269737
    """
    steps = len(program.steps)
    if not steps or (nanoseconds == ON_TAPE and steps > LARGEST_FROM_TAPE):
        return None
    work = nanoseconds * steps
    if program.has_batches:
        in_lanes = ON_TAPE_IN_LANES if nanoseconds == ON_TAPE else nanoseconds
        work = sum(
            len(stage.steps) * (stage.lanes * in_lanes if stage.lanes else nanoseconds)
            for stage in schedule(program).stages
        )
    return int(PATIENCE * (ENGINE + STEP * steps) / work) + 1


def improve(
    program: Program, ready: Callable[[Code], None], cache: Cache | None = None
) -> Improvement:
    """Make machine code in the background, and call `ready` with it there.

    The event tells that this is over; where it fails, `ready` is never called.
    """
    if not is_there():
        _say_what_is_missing()

    def job() -> Iterator[None]:
        for code in steps(program, cache):
            if code is not None:
                ready(callable_code(program, code))
            yield

    return _worker.start(job())


@functools.cache
def _say_what_is_missing() -> None:
    warnings.warn(
        "jit runs on without machine code, which needs llvmlite: pip install 'micrograd_gd[jit]'",
        RuntimeWarning,
        stacklevel=2,
    )
