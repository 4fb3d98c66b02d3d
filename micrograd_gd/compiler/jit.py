"""`jit`: a function that is traced once for each kind of call, and then run as a program."""

import sys
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from micrograd_gd.compiler.arguments import Signature
from micrograd_gd.compiler.passes import optimize_trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.specialization import BACKENDS, Settings, Specialization, refuse
from micrograd_gd.compiler.vmap import Axes, vmap
from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.transforms import recording

MOST_TRIED = 4  # kinds of calls that are offered the arguments before these are taken apart


def jit(
    f: Callable[..., Any],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    backend: str = "auto",
    fast_math: bool = False,
) -> "CompiledFunction":
    """The same function, traced at its first call and run as a compiled program from then on.

    It takes and returns what `f` does: numbers, nested lists, tuples, dicts and NumPy arrays. Its
    results are plain numbers, those of `f` on values bit for bit.

    Static arguments go to `f` as they are, and each of their values gets a program of its own:
    give their places in `static_argnums` or their names in `static_argnames`. `backend` is `auto`,
    `python`, `tape` or `llvm`. `fast_math` gives up equal bits for fewer instructions.

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
    settings = Settings(static_argnums, static_argnames, backend, fast_math)
    return CompiledFunction(f, settings)


def trace(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Program:
    """The program that `jit(f)` would run for these arguments, to be printed.

    Raises JitError for what a program could not repeat.
    """
    f = f.f if isinstance(f, CompiledFunction) else f
    arguments = Signature(f).bind(args, kwargs)
    return optimize_trace(arguments.trace(arguments.leaves))


class CompiledFunction:
    """A function with the programs that it was traced to."""

    def __init__(self, f: Callable[..., Any], settings: Settings) -> None:
        if settings.backend not in BACKENDS:
            raise ArgumentError(
                f"backend is {settings.backend!r}; expected one of {', '.join(BACKENDS)}"
            )
        signature = Signature(f, settings.static_argnums, settings.static_argnames)
        update_wrapper(self, f)  # first, since it copies the attributes of f
        self.f = f
        self._signature = signature
        self._settings = settings
        self._specializations: dict[Any, Specialization] = {}
        self._recent: list[Specialization] = []  # without static arguments, the latest first
        self._latest: Any = refuse  # the kernel of the first of them

    @property
    def variants(self) -> tuple[Program, ...]:
        """The programs so far, a branch's after those that it was taken from."""
        return tuple([
            variant.program for each in self._specializations.values() for variant in each.variants
        ])  # fmt: skip

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, by a program unless every operation has to be seen."""
        if blocks.open_blocks or recording.count_transforms():
            return self._call_in_blocks(args, kwargs)
        if kwargs:
            return self._call_leaves(args, kwargs)
        result = self._latest(*args)
        if result is NotImplemented or type(result) is int:
            return self._call_recent(args)
        return result

    def _call_in_blocks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A transform and a trace have to see every operation."""
        if recording.count_transforms() or blocks.trace():
            return self.f(*args, **kwargs)
        return self._call_leaves(args, kwargs)

    def _call_recent(self, args: tuple[Any, ...]) -> Any:
        """The result by a program that takes these arguments as they are, if there is one."""
        for each in self._recent[:MOST_TRIED]:
            result = each.call(args)
            if result is not NotImplemented:
                self._remember(each)
                return result
        return self._call_leaves(args, {})

    def _call_leaves(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result by a program for the numbers of the arguments, which are taken apart."""
        arguments = self._signature.bind(args, kwargs)
        if any(isinstance(leaf, Value) for leaf in arguments.leaves):
            return self.f(*args, **kwargs)
        if blocks.watch():
            return arguments.evaluate(arguments.leaves)
        specialization = self._specializations.get(arguments.key)
        if specialization is None:
            specialization = Specialization(arguments, self._settings)
            self._specializations[arguments.key] = specialization
        result = specialization.run(arguments.leaves)
        if not (kwargs or arguments.static):
            self._remember(specialization)
        return result

    def _remember(self, latest: Specialization) -> None:
        self._recent = [latest, *(each for each in self._recent if each is not latest)]
        self._latest = latest.kernel

    def map_batch(self, in_axes: Axes) -> "CompiledFunction":
        """The same for a batch of samples, as `vmap` asks for it."""
        return CompiledFunction(vmap(self.f, in_axes), self._settings)

    def wait(self) -> None:
        """Return when no machine code is being made for this function any more."""
        for each in [*self._specializations.values()]:
            for variant in [*each.variants]:
                if variant.improvement:
                    variant.improvement.wait()

    def __reduce__(self) -> Any:
        """By name where it stands in a module in place of its function; without its programs."""
        module = sys.modules.get(getattr(self, "__module__", ""))
        name: str = getattr(self, "__qualname__", "")
        if getattr(module, name, None) is self:
            return name
        return CompiledFunction, (self.f, self._settings)

    def __repr__(self) -> str:
        return f"jit({getattr(self.f, '__qualname__', self.f)})"
