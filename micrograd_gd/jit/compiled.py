"""`jit`: a function that is traced once for each kind of call, and then run as a program."""

import warnings
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from micrograd_gd import modes, recording
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, JitError
from micrograd_gd.jit import llvm, python
from micrograd_gd.jit.batch import Axes, vmap
from micrograd_gd.jit.call import Call, Function
from micrograd_gd.jit.passes import optimized
from micrograd_gd.jit.program import Program

MOST_VARIANTS = 64  # programs for one kind of call; beyond, branches change too often to compile

BACKENDS: dict[str, Callable[[Program], python.Run]] = {
    "auto": python.compiled,  # and llvm once that pays
    "python": python.compiled,
    "llvm": llvm.compiled,
}

# A program of so many steps that ran so often as Python is worth the time of making machine code,
# 0.1 ms a step: it then runs some 50 ns a step faster, and its way in and out 1 µs slower.
WORTHWHILE, HOT = 100, 1_000


def jit(f: Function, *, static_argnames: Sequence[str] = (), backend: str = "auto") -> "Compiled":
    """The same function, traced at its first call and run as a compiled program from then on.

    It takes and returns what `f` does: numbers, nested lists, tuples, dicts and NumPy arrays. Its
    results are plain numbers, those of `f` on values bit for bit. Arguments in `static_argnames` go
    to `f` as they are; each of their values gets programs of its own.

    Raises JitError for what a program could not repeat, ArgumentError for an unknown backend.

    >>> from micrograd_gd.transforms import value_and_grad
    >>> f = jit(value_and_grad(lambda x: x.exp() if x > 0 else -x))
    >>> f(0.0), f(-2.0)
    ((-0.0, -1.0), (2.0, -1.0))
    >>> print(f.variants[0])
    program(x)
        guard not x > 0.0
        v2 = neg(x)
        return v2, -1.0
    """
    return Compiled(f, static_argnames, backend)


def trace(f: Function, *args: Any, **kwargs: Any) -> Program:
    """The program that `jit(f)` would run for these arguments, to be printed.

    Raises JitError for what a program could not repeat.
    """
    f = f.f if isinstance(f, Compiled) else f
    call = Call(f, (), args, kwargs)
    return optimized(call.trace(call.leaves).program())


class Compiled:
    """A function with the programs that it was traced to."""

    def __init__(self, f: Function, static_argnames: Sequence[str], backend: str) -> None:
        if backend not in BACKENDS:
            raise ArgumentError(f"backend is {backend!r}; expected one of {', '.join(BACKENDS)}")
        update_wrapper(self, f)
        self.f = f
        self.static_argnames = static_argnames
        self._backend = backend
        self._kinds: dict[Any, _Kind] = {}
        self._of_floats: dict[tuple[type, ...], _Kind] = {}  # the short way to some kinds

    @property
    def variants(self) -> tuple[Program, ...]:
        """The programs so far, a branch's after those that it was taken from."""
        return tuple(variant.program for kind in self._kinds.values() for variant in kind.variants)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, by a program, unless somebody is at work who needs to see every step."""
        if modes.open_blocks or recording.depth():
            return self._watched(args, kwargs)
        kind = None if kwargs else self._of_floats.get(tuple(map(type, args)))
        if kind is None:
            return self._call(args, kwargs)
        result = kind.run(*args)
        return kind(args) if type(result) is int else result

    def _watched(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Inside of a transform or a trace every step counts; so it does for a watch for nan."""
        if recording.depth() or modes.trace() or modes.watch():
            return self.f(*args, **kwargs)
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = Call(self.f, self.static_argnames, args, kwargs)
        if any(isinstance(leaf, Value) for leaf in call.leaves):
            return self.f(*args, **kwargs)
        kind = self._kinds.get(call.key)
        if kind is None:
            kind = self._kinds[call.key] = _Kind(call, self._backend)
            if not (kwargs or self.static_argnames) and all(type(x) is float for x in args):
                self._of_floats[(float,) * len(args)] = kind
        return kind(call.leaves)

    def mapped(self, in_axes: Axes) -> "Compiled":
        """The same for a batch of samples, as `vmap` asks for it."""
        return Compiled(vmap(self.f, in_axes), self.static_argnames, self._backend)

    def __repr__(self) -> str:
        return f"jit({self.f!r})"


class _Variant:
    """A program, and what to run instead where one of its guards fails, by that guard's place."""

    def __init__(self, program: Program, run: python.Run) -> None:
        self.program = program
        self.run = run
        self.instead: dict[int, _Variant] = {}


class _Kind:
    """All calls of one structure: a tree of variants, which branches where a guard fails."""

    def __init__(self, call: Call, backend: str) -> None:
        self._call = call
        self._backend = backend
        self._root: dict[int, _Variant] = {}
        self.run: python.Run = lambda *_: 0  # the first variant; nothing holds before there is one
        self.variants: list[_Variant] = []
        self._has_warned = False

    def __call__(self, leaves: Sequence[float]) -> Any:
        place, tree = 0, self._root
        while place in tree:
            variant = tree[place]
            result = variant.run(*leaves)
            if type(result) is not int:
                return result
            place, tree = result, variant.instead
        traced = self._call.trace(leaves)
        if len(self.variants) < MOST_VARIANTS:
            program = optimized(traced.program())
            variant = tree[place] = _Variant(program, BACKENDS[self._backend](program))
            self.variants.append(variant)
            if self._backend == "auto" and len(program.steps) >= WORTHWHILE:
                variant.run = self._warming_up(variant, variant.run)
            self.run = self._root[0].run
            if program.has_batches:  # the trace computed one sample alone
                return variant.run(*leaves)
        elif not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"{self._call.name} took another branch in {MOST_VARIANTS} calls: such calls are "
                f"not compiled from now on; functional.where chooses without a branch",
                RuntimeWarning,
                stacklevel=3,
            )
        return self._call.eagerly(leaves) if traced.has_lanes else traced.result()

    def _warming_up(self, variant: _Variant, run: python.Run) -> python.Run:
        """The same function, which counts its calls and is replaced by machine code in the end."""
        remaining = HOT

        def counted(*leaves: float) -> Any:
            nonlocal remaining
            remaining -= 1
            if remaining == 0:
                try:
                    variant.run = llvm.compiled(variant.program)
                except JitError:  # no llvmlite, or Python code in the program
                    variant.run = run
                self.run = self._root[0].run
            return run(*leaves)

        return counted
