"""`jit`: a function that is traced once for each kind of call, and then run as a program."""

import sys
import warnings
from collections.abc import Callable, Sequence
from functools import update_wrapper
from os import PathLike
from pathlib import Path
from typing import Any

from micrograd_gd.compiler import tiers
from micrograd_gd.compiler.arguments import Arguments, Signature
from micrograd_gd.compiler.backends import llvm, python, tape
from micrograd_gd.compiler.backends.python import Code
from micrograd_gd.compiler.cache import Cache
from micrograd_gd.compiler.fast_math import loosened
from micrograd_gd.compiler.passes import optimize_trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.vmap import Axes, vmap
from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.transforms import recording

MOST_VARIANTS = 64  # programs for one kind of call; beyond, branches change too often to compile
MOST_TRIED = 4  # kinds of calls whose code is offered the arguments before they are looked at here

BACKENDS: dict[str, Callable[[Program], Code]] = {
    "auto": tiers.at_once,  # and machine code once that pays
    "python": python.compiled,
    "tape": tape.compiled,
    "llvm": llvm.compiled,
}


def jit(
    f: Callable[..., Any],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    backend: str = "auto",
    cache: str | PathLike[str] | None = None,
    fast_math: bool = False,
) -> "Compiled":
    """The same function, traced at its first call and run as a compiled program from then on.

    It takes and returns what `f` does: numbers, nested lists, tuples, dicts and NumPy arrays. Its
    results are plain numbers, those of `f` on values bit for bit.

    Static arguments go to `f` as they are, and each of their values gets a program of its own:
    name them by place in `static_argnums` or by name in `static_argnames`. `backend` is `auto`,
    `python`, `tape` or `llvm`. `cache` is a folder that keeps machine code for the next process.
    `fast_math` gives up equal bits for fewer instructions.

    Raises ArgumentError for what is no function, an unknown backend, and static arguments that `f`
    does not take. A call raises JitError for what a program could not repeat.

    >>> from micrograd_gd import value_and_grad
    >>> f = jit(value_and_grad(lambda x: x.exp() if x > 0 else -x))
    >>> f(0.0), f(-2.0)
    ((-0.0, -1.0), (2.0, -1.0))
    >>> print(f.variants[0])
    program(x)
        guard not x > 0.0
        v2 = -x
        return v2, -1.0
    """
    folder = None if cache is None else Path(cache)
    return Compiled(f, static_argnums, static_argnames, backend, folder, fast_math)


def trace(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Program:
    """The program that `jit(f)` would run for these arguments, to be printed.

    Raises JitError for what a program could not repeat.
    """
    f = f.f if isinstance(f, Compiled) else f
    arguments = Signature(f).bind(args, kwargs)
    return optimize_trace(arguments.trace(arguments.leaves))


class Compiled:
    """A function with the programs that it was traced to."""

    def __init__(
        self,
        f: Callable[..., Any],
        static_argnums: int | Sequence[int],
        static_argnames: str | Sequence[str],
        backend: str,
        cache: Path | None = None,
        fast_math: bool = False,  # noqa: FBT001, FBT002 — as a pickle gives it
    ) -> None:
        if backend not in BACKENDS:
            raise ArgumentError(f"backend is {backend!r}; expected one of {', '.join(BACKENDS)}")
        signature = Signature(f, static_argnums, static_argnames)
        update_wrapper(self, f)  # first, since it copies the attributes of f
        self.f = f
        self._signature = signature
        self._static = static_argnums, static_argnames
        self._backend = backend
        self._cache = cache
        self._fast_math = fast_math
        self._kinds: dict[Any, _Kind] = {}
        self._direct: list[_Kind] = []  # kinds that take arguments as they come, the latest first
        self._latest: Any = _unknown  # the code of the first of them

    @property
    def _settings(self) -> tuple[Any, ...]:
        return *self._static, self._backend, self._cache, self._fast_math

    @property
    def variants(self) -> tuple[Program, ...]:
        """The programs so far, a branch's after those that it was taken from."""
        return tuple(variant.program for kind in self._kinds.values() for variant in kind.variants)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, by a program, unless somebody is at work who needs to see every step."""
        if blocks.open_blocks or recording.count_transforms():
            return self._watched(args, kwargs)
        if kwargs:
            return self._call(args, kwargs)
        result = self._latest(*args)
        if result is NotImplemented or type(result) is int:
            return self._directly(args)
        return result

    def _watched(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Inside of a transform or a trace every step counts; so it does for a watch for nan."""
        if recording.count_transforms() or blocks.trace() or blocks.watch():
            return self.f(*args, **kwargs)
        return self._call(args, kwargs)

    def _directly(self, args: tuple[Any, ...]) -> Any:
        """By a program that takes these arguments as they are, if there is one."""
        for kind in self._direct[:MOST_TRIED]:
            result = kind.directly(args)
            if result is not NotImplemented:
                self._remember(kind)
                return result
        return self._call(args, {})

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        arguments = self._signature.bind(args, kwargs)
        if any(isinstance(leaf, Value) for leaf in arguments.leaves):
            return self.f(*args, **kwargs)
        kind = self._kinds.get(arguments.key)
        if kind is None:
            kind = self._kinds[arguments.key] = _Kind(
                arguments, self._backend, self._cache, fast_math=self._fast_math
            )
        result = kind(arguments.leaves)
        if not (kwargs or arguments.static):
            self._remember(kind)
        return result

    def _remember(self, kind: "_Kind") -> None:
        self._direct = [kind, *(other for other in self._direct if other is not kind)]
        self._latest = kind.code

    def mapped(self, in_axes: Axes) -> "Compiled":
        """The same for a batch of samples, as `vmap` asks for it."""
        f = vmap(self.f, in_axes)
        return Compiled(f, *self._settings)

    def wait(self) -> None:
        """Return when no machine code is being made for this function any more."""
        for kind in [*self._kinds.values()]:
            for variant in [*kind.variants]:
                if variant.improvement:
                    variant.improvement.wait()

    def __reduce__(self) -> Any:
        """By name where it stands in a module in place of its function; without its programs."""
        module = sys.modules.get(getattr(self, "__module__", ""))
        name: str = getattr(self, "__qualname__", "")
        if getattr(module, name, None) is self:
            return name
        return Compiled, (self.f, *self._settings)

    def __repr__(self) -> str:
        return f"jit({self.f!r})"


def _unknown(*_: Any) -> Any:
    """The code of a kind that has no program yet."""
    return NotImplemented


class _Variant:
    """A program, and what to run instead where one of its guards fails, by that guard's place."""

    def __init__(self, program: Program, code: Code) -> None:
        self.program = program
        self.code = code
        self.instead: dict[int, _Variant] = {}
        self.improvement: tiers.Improvement | None = None  # of the code, once it has begun


class _Kind:
    """All calls of one structure: a tree of variants, which branches where a guard fails."""

    def __init__(
        self, arguments: Arguments, backend: str, cache: Path | None, *, fast_math: bool
    ) -> None:
        self._arguments = arguments
        self._backend = backend
        self._cache = None if cache is None else Cache(cache)
        self._fast_math = fast_math
        self._root: dict[int, _Variant] = {}
        self.variants: list[_Variant] = []
        self._has_warned = False

    @property
    def code(self) -> Any:
        """That of the first variant."""
        return self._root[0].code if self._root else _unknown

    def directly(self, args: tuple[Any, ...]) -> Any:
        """The result for the arguments as they came, or NotImplemented."""
        place, tree = 0, self._root
        while place in tree:
            variant = tree[place]
            result = variant.code(*args)
            if type(result) is not int:
                return result
            place, tree = result, variant.instead
        return NotImplemented

    def __call__(self, leaves: list[float]) -> Any:
        """The result for all numbers of the arguments."""
        place, tree = 0, self._root
        while place in tree:
            variant = tree[place]
            result = variant.code.flat(leaves)
            if variant.code.patience == 0:
                self._improve(variant)
            if type(result) is not int:
                return result
            place, tree = result, variant.instead
        traced = self._arguments.trace(leaves)
        if len(self.variants) < MOST_VARIANTS:
            program = optimize_trace(traced)
            if self._fast_math:
                program = loosened(program)
            variant = tree[place] = _Variant(program, self._compiled(program))
            self.variants.append(variant)
            if program.has_batches:  # the trace computed one sample alone
                return variant.code.flat(leaves)
        elif not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"{self._arguments.name} took another branch in {MOST_VARIANTS} calls: such calls "
                f"are not compiled from now on; functional.where chooses without a branch",
                RuntimeWarning,
                stacklevel=5,
            )
        return self._arguments.call(leaves) if traced.batches.any else traced.result()

    def _compiled(self, program: Program) -> Code:
        if self._cache and self._backend == "llvm":
            return llvm.compiled(program, self._cache)
        return BACKENDS[self._backend](program)

    def _improve(self, variant: _Variant) -> None:
        """Have machine code made, which is what runs as soon as it is there."""
        code = variant.code
        code.patience = -1

        def ready(better: Code) -> None:
            variant.code = better
            code.patience = 1  # whoever calls it directly is sent here

        if variant.improvement is None:
            variant.improvement = tiers.improve(variant.program, ready, self._cache)
