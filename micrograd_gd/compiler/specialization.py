"""All calls of one kind: their programs, and which of them runs."""

import os
import pickle
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakSet

from micrograd_gd.compiler import slices, tiers
from micrograd_gd.compiler.arguments import Arguments
from micrograd_gd.compiler.backends import llvm, python, tape
from micrograd_gd.compiler.backends.kernel import Kernel
from micrograd_gd.compiler.fast_math import relax
from micrograd_gd.compiler.passes import optimize, optimize_trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.trace import Trace
from micrograd_gd.compiler.vmap import call_some, choose, is_mapped
from micrograd_gd.compiler.watch import Watch
from micrograd_gd.compiler.ways import MOST_WAYS
from micrograd_gd.engine import Value
from micrograd_gd.errors import JitError

MOST_VARIANTS = 64  # programs for one kind of call; beyond, branches change too often to compile
A_PROGRAM = 1_000  # what one takes beside its statements, counted in these

BACKENDS: dict[str, Callable[[Program], Kernel]] = {
    "auto": tiers.compile_program,  # and machine code once that pays
    "python": python.compile_program,
    "tape": tape.compile_program,
    "llvm": llvm.compile_program,
}


class Settings(NamedTuple):
    """What `jit` was asked for, and whether machine code may be worth making."""

    static_argnums: int | Sequence[int] = ()
    static_argnames: str | Sequence[str] = ()
    backend: str = "auto"
    fast_math: bool = False
    threads: int = 1
    improves: bool = True


class Variant:
    """A program, and what to run instead where one of its guards fails, by that guard's place."""

    def __init__(self, program: Program, kernel: Kernel) -> None:
        self.program = program
        self.kernel = kernel
        self.instead: dict[int, Variant] = {}
        self.is_full = False  # whether it has all the ways of samples that are ever compiled
        self.some: Variant | None = None  # what then computes the samples that take these
        self.improvement: tiers.Improvement | None = None  # of the kernel, once it has begun

    def has_all(self, *, is_careful: bool) -> bool:
        """Whether no other program has more ways, or takes more care where that is called for."""
        return self.is_full and (self.program.is_careful or not is_careful)

    def run(self, arguments: Arguments) -> Any:
        """The result for the numbers of the arguments, or the place of the guard that fails."""
        program, leaves = self.program, arguments.leaves
        if not program.fits(arguments.lengths):
            return program.guard_of_lengths
        return self.kernel.run([*leaves, *program.held] if program.held else leaves)


class _Missing(NamedTuple):
    """The place where a program is missing, what it belongs to, and whether it needs care.

    Where a program is there that samples take other ways than, these are its own.
    """

    place: int
    tree: dict[int, Variant]
    is_careful: bool
    ways: tuple[Any, ...] = ()


_all: WeakSet["Specialization"] = WeakSet()


def _renew_locks() -> None:
    """In a forked process, no thread is there to open what one had locked."""
    for each in [*_all]:
        each._renew_lock()  # noqa: SLF001 — our own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class Specialization:
    """All calls with arguments of one structure: a tree of variants, one for each branch taken.

    They are for what the function saw beside its arguments when they were traced, the `watch`.

    Threads may call it at once. One of them traces, and the others wait for its program.
    """

    def __init__(
        self,
        settings: Settings,
        watch: Watch | None = None,
        captured: Sequence[Value] = (),
        packed: bytes = b"",
    ) -> None:
        self._settings = settings
        self.watch = watch or Watch()
        self._root: dict[int, Variant] = {}
        self._variants: list[Variant] = []
        self._captured, self._packed = captured, packed  # what `pack` gave, until it is needed
        self._renew_lock()
        _all.add(self)
        self._has_warned = False
        self._traces = 0
        self.last_use = 0

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()

    @property
    def kernel(self) -> Any:
        """That of the first variant."""
        return self._root[0].kernel if self._root else refuse

    @property
    def variants(self) -> list[Variant]:
        """All of them, each after the one that it branches off from."""
        if self._packed:
            self._unpack()
        return [*self._variants]

    @property
    def size(self) -> int:
        """How much memory the programs take, counted in statements."""
        return sum(A_PROGRAM + len(each.program.statements) for each in self._variants)

    @property
    def held(self) -> list[Any]:
        """The arrays that they hold."""
        return [x for each in self._variants for x in each.program.held]

    def call(self, args: tuple[Any, ...]) -> Any:
        """The result for the arguments as the user gave them, or NotImplemented."""
        place, tree = 0, self._root
        while place in tree:
            variant = tree[place]
            result = variant.kernel(*args)
            if type(result) is not int:
                return result
            place, tree = result, variant.instead
        return NotImplemented

    def run(self, arguments: Arguments) -> Any:
        """The result for the numbers of the arguments."""
        result = self._run(arguments)
        if type(result) is not _Missing:
            return result
        with self._lock:
            if self._packed:
                self._unpack()
            result = self._run(arguments)  # which another thread may have made possible
            return self._trace(arguments, result) if type(result) is _Missing else result

    def prepare(self, arguments: Arguments) -> tiers.Improvement:
        """Have the program for these numbers, and its machine code made if that ever pays.

        The event is set when it is ready.
        """
        self.run(arguments)
        variant = self._find(arguments)
        if variant and variant.kernel.patience > 0:
            self._improve(variant)
        if variant and variant.improvement:
            return variant.improvement
        ready = tiers.Improvement()
        ready.set()
        return ready

    def _find(self, arguments: Arguments) -> Variant | None:
        """The variant that computes the result for these numbers."""
        place, tree = 0, self._root
        while place in tree:
            variant = tree[place]
            result = variant.run(arguments)
            if type(result) is not int:
                return variant
            place, tree = result, variant.instead
        return None

    def _run(self, arguments: Arguments) -> Any:
        place, tree, is_careful = 0, self._root, False
        while place in tree:
            variant = tree[place]
            result = variant.run(arguments)
            if variant.kernel.patience == 0:
                self._improve(variant)
            if type(result) is not int:
                return result
            program = variant.program
            is_careful = program.needs_care(result)
            is_doubtful = is_careful and not program.is_careful and program.branches
            if is_doubtful or program.is_new_way(result):
                return _Missing(place, tree, is_careful, program.ways)
            place, tree = result, variant.instead
        return _Missing(place, tree, is_careful)

    def _trace(self, arguments: Arguments, missing: _Missing) -> Any:
        """The result for numbers that take a new branch, whose program comes to this place."""
        place, tree, is_careful, ways = missing
        is_full = max(self._traces, len(self._variants)) >= MOST_VARIANTS
        if ways and (is_full or tree[place].has_all(is_careful=is_careful)):
            return self._call_samples(arguments, tree[place])
        self._traces += 1
        try:
            traced = arguments.trace_steadily(is_careful=is_careful or is_full, ways=ways)
        except JitError:
            raise
        except Exception:
            arguments.evaluate()  # which raises the same, with the numbers of this call
            raise
        self.watch[:] = arguments.watch
        if not is_full:
            if ways:
                self._drop(tree[place])
            variant = self._add(self._optimize(traced), place, tree)
            variant.is_full = traced.ways.is_full
            if traced.batches.any:  # the trace computed one sample alone
                return self._run_batch(variant, arguments, missing)
            return self.run(arguments) if traced.is_doubtful() else traced.result()
        self._warn(
            f"{arguments.name} took another branch in {MOST_VARIANTS} calls: such calls are not "
            f"compiled from now on; functional.where chooses without a branch"
        )
        if traced.batches.any:
            program = self._optimize(traced)
            variant = Variant(program, tiers.compile_program(program))
            return self._run_batch(variant, arguments, missing)
        return traced.result()

    def _call_samples(self, arguments: Arguments, variant: Variant) -> Any:
        """The result where samples take too many ways: of those samples, by the function itself.

        Where they are mapped inside of a function, it is called for all.
        """
        self._warn(
            f"the samples of a batch take more ways through the branches of {arguments.name} than "
            f"are compiled, {MOST_WAYS}: those that take others are not; functional.where chooses "
            f"without a branch"
        )
        if not (is_mapped(arguments.f) and variant.program.guards_ways):
            return arguments.evaluate()
        if variant.some is None:
            program = optimize(variant.program.tell_missing())
            variant.some = Variant(program, self._compile(program))
        found = variant.some.run(arguments)
        if type(found) is int:
            return arguments.evaluate()
        result, missing = found
        places = missing.nonzero()[0].tolist()
        return choose(missing != 0, call_some(arguments.evaluate, places), result)

    def _warn(self, message: str) -> None:
        """Warn once."""
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(message, RuntimeWarning, stacklevel=6)

    def _add(self, program: Program, place: int, tree: dict[int, Variant]) -> Variant:
        variant = Variant(program, self._compile(program))
        variant.kernel.watch = self.watch
        self._variants.append(variant)
        tree[place] = variant
        return variant

    def _drop(self, variant: Variant) -> None:
        """Forget a variant, and those that branch off from it."""
        self._variants.remove(variant)
        for each in variant.instead.values():
            self._drop(each)

    def pack(self) -> tuple[list[Value], list[tuple[int, int, list[int], Program]]]:
        """All values that the programs read, and the programs without them.

        Before each program stand the place of the one that it branches off from, that guard, and
        the places of its values.
        """
        variants = self.variants
        number = {id(each): i for i, each in enumerate(variants)}
        origin = {number[id(each)]: (-1, place) for place, each in self._root.items()}
        for i, variant in enumerate(variants):
            origin |= {number[id(each)]: (i, place) for place, each in variant.instead.items()}
        programs = [each.program for each in variants]
        captured = [*dict.fromkeys(x for each in programs for x in each.captured)]
        place_of = {x: i for i, x in enumerate(captured)}
        return captured, [
            (*origin[i], [place_of[x] for x in each.captured], replace(each, captured=()))
            for i, each in enumerate(programs)
        ]

    def _unpack(self) -> None:
        """Make the variants that were packed; none of them where that is not possible here."""
        with self._lock:
            packed, self._packed = self._packed, b""
            with suppress(Exception):  # an operation may be missing
                programs = pickle.loads(packed) if packed else []  # noqa: S301 — of one that is read
                for origin, place, places, program in programs:
                    captured = tuple([self._captured[i] for i in places])
                    tree = self._root if origin < 0 else self._variants[origin].instead
                    self._add(replace(program, captured=captured), place, tree)

    def _run_batch(self, variant: Variant, arguments: Arguments, missing: _Missing) -> Any:
        """The result of a program fresh from its trace, for which the first sample stood.

        Where it cannot be had so, the function itself is called, on values.
        """
        result = variant.run(arguments)
        if type(result) is not int:
            return result
        program = variant.program
        if program.is_new_way(result):
            return self._call_samples(arguments, variant)
        if program.needs_care(result) and not program.is_careful:
            if program.branches:  # a derivative may always be nan where a way is not taken
                instead = missing._replace(ways=program.ways)
            else:
                instead = _Missing(result, variant.instead, is_careful=True)
            return self._trace(arguments, instead._replace(is_careful=True))
        return arguments.evaluate()

    def _optimize(self, traced: Trace) -> Program:
        program = optimize_trace(traced)
        return relax(program) if self._settings.fast_math else program

    def _compile(self, program: Program) -> Kernel:
        if self._settings.improves:
            kernel = BACKENDS[self._settings.backend](program)
        else:
            kernel, _ = tiers.interpret(program)
        return self._spread(kernel, program)

    def _spread(self, kernel: Kernel, program: Program) -> Kernel:
        return slices.spread(kernel, program, self._settings.threads)

    def _improve(self, variant: Variant) -> None:
        """Have machine code made, and run that as soon as it is there."""
        kernel = variant.kernel
        kernel.patience = -1

        def put(better: Kernel) -> None:
            better.watch = self.watch
            variant.kernel = self._spread(better, variant.program)
            kernel.patience = 1  # then it answers NotImplemented, and the call comes here

        with self._lock:
            if variant.improvement is None:
                variant.improvement = tiers.improve(variant.program, put)


def refuse(*_: Any) -> Any:
    """The kernel of a specialization that has no program yet."""
    return NotImplemented
