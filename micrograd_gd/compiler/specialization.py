"""All calls of one kind: their programs, and which of them runs."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from micrograd_gd.compiler import tiers
from micrograd_gd.compiler.arguments import Arguments
from micrograd_gd.compiler.backends import llvm, python, tape
from micrograd_gd.compiler.backends.kernel import Kernel
from micrograd_gd.compiler.fast_math import relax
from micrograd_gd.compiler.passes import optimize_trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.trace import Trace

MOST_VARIANTS = 64  # programs for one kind of call; beyond, branches change too often to compile

BACKENDS: dict[str, Callable[[Program], Kernel]] = {
    "auto": tiers.compile_program,  # and machine code once that pays
    "python": python.compile_program,
    "tape": tape.compile_program,
    "llvm": llvm.compile_program,
}


class Settings(NamedTuple):
    """What `jit` was asked for."""

    static_argnums: int | Sequence[int]
    static_argnames: str | Sequence[str]
    backend: str
    fast_math: bool


class Variant:
    """A program, and what to run instead where one of its guards fails, by that guard's place."""

    def __init__(self, program: Program, kernel: Kernel) -> None:
        self.program = program
        self.kernel = kernel
        self.instead: dict[int, Variant] = {}
        self.improvement: tiers.Improvement | None = None  # of the kernel, once it has begun


class Specialization:
    """All calls with arguments of one structure: a tree of variants, one for each branch taken."""

    def __init__(self, arguments: Arguments, settings: Settings) -> None:
        self._arguments = arguments
        self._settings = settings
        self._root: dict[int, Variant] = {}
        self.variants: list[Variant] = []
        self._has_warned = False

    @property
    def kernel(self) -> Any:
        """That of the first variant."""
        return self._root[0].kernel if self._root else refuse

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

    def run(self, leaves: list[float]) -> Any:
        """The result for the numbers of the arguments."""
        place, tree = 0, self._root
        while place in tree:
            variant = tree[place]
            result = variant.kernel.run(leaves)
            if variant.kernel.patience == 0:
                self._improve(variant)
            if type(result) is not int:
                return result
            place, tree = result, variant.instead
        return self._trace(leaves, place, tree)

    def _trace(self, leaves: list[float], place: int, tree: dict[int, Variant]) -> Any:
        """The result for numbers that take a new branch, whose program comes to this place."""
        traced = self._arguments.trace_steadily(leaves)
        if len(self.variants) < MOST_VARIANTS:
            program = self._optimize(traced)
            variant = tree[place] = Variant(program, self._compile(program))
            self.variants.append(variant)
            if traced.batches.any:  # the trace computed one sample alone
                return self._run_batch(variant.kernel, leaves)
            return traced.result()
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"{self._arguments.name} took another branch in {MOST_VARIANTS} calls: such calls "
                f"are not compiled from now on; functional.where chooses without a branch",
                RuntimeWarning,
                stacklevel=6,
            )
        if traced.batches.any:
            kernel = tiers.compile_program(self._optimize(traced))  # and then forgotten
            return self._run_batch(kernel, leaves)
        return traced.result()

    def _run_batch(self, kernel: Kernel, leaves: list[float]) -> Any:
        """The result of a program fresh from its trace, where the first sample decided branches.

        Where the whole batch takes another one, the function itself is called, on values.
        """
        result = kernel.run(leaves)
        return self._arguments.evaluate(leaves) if type(result) is int else result

    def _optimize(self, traced: Trace) -> Program:
        program = optimize_trace(traced)
        return relax(program) if self._settings.fast_math else program

    def _compile(self, program: Program) -> Kernel:
        return BACKENDS[self._settings.backend](program)

    def _improve(self, variant: Variant) -> None:
        """Have machine code made, and run that as soon as it is there."""
        kernel = variant.kernel
        kernel.patience = -1

        def replace(better: Kernel) -> None:
            variant.kernel = better
            kernel.patience = 1  # then it answers NotImplemented, and the call comes here

        if variant.improvement is None:
            variant.improvement = tiers.improve(variant.program, replace)


def refuse(*_: Any) -> Any:
    """The kernel of a specialization that has no program yet."""
    return NotImplemented
