"""`jit`: a function that is traced once for each kind of call, and then run as a program."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, overload
from weakref import ref

from micrograd_gd.compiler.arguments import Arguments, Arrays, Signature
from micrograd_gd.compiler.passes import optimize_trace
from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.programs import Programs
from micrograd_gd.compiler.specialization import BACKENDS, Settings, Specialization, refuse
from micrograd_gd.compiler.vmap import Axes, vmap
from micrograd_gd.core import blocks
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, JitError
from micrograd_gd.table.numbers import require_count, shorten, warn_of_flushing
from micrograd_gd.text import escape
from micrograd_gd.transforms import recording
from micrograd_gd.transforms.wrapper import Wrapper


@overload
def jit(
    f: Callable[..., Any],
    *,
    static_argnums: int | Sequence[int] = ...,
    static_argnames: str | Sequence[str] = ...,
    backend: str = ...,
    fast_math: bool = ...,
    threads: int = ...,
) -> "CompiledFunction": ...
@overload
def jit(
    f: None = None,
    *,
    static_argnums: int | Sequence[int] = ...,
    static_argnames: str | Sequence[str] = ...,
    backend: str = ...,
    fast_math: bool = ...,
    threads: int = ...,
) -> "Callable[[Callable[..., Any]], CompiledFunction]": ...
def jit(
    f: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    backend: str = "auto",
    fast_math: bool = False,
    threads: int = 1,
) -> "CompiledFunction | Callable[[Callable[..., Any]], CompiledFunction]":
    """The same function, traced at its first call and run as a compiled program from then on.

    It takes and returns what `f` does: numbers, NumPy arrays, and containers of them. Its results
    are plain numbers, those of `f` on values bit for bit.

    Static arguments go to `f` as they are, and each of their values gets a program of its own:
    give their places in `static_argnums` or their names in `static_argnames`. `backend` is `auto`,
    `python`, `tape` or `llvm`. `fast_math` gives up equal bits for fewer instructions. So many
    `threads` share the samples of a batch, where no step adds over all of them.

    As a decorator it may have arguments, as in `@jit(backend="llvm")`. On a method, each object has
    programs of its own, and `self` is not among the arguments that are counted.

    Raises ArgumentError for what is no function, an unknown backend, no threads, and static
    arguments that `f` does not take. A call raises JitError for what a program could not repeat.

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
    settings = Settings(static_argnums, static_argnames, backend, fast_math, threads)
    if f is None:
        return lambda f: CompiledFunction(f, settings)
    return CompiledFunction(f, settings)


def trace(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Program:
    """The program that `jit(f)` would run for these arguments, to be printed.

    Raises JitError for what a program could not repeat.

    >>> print(trace(lambda a, b: a * b + 1, 2.0, 3.0))
    program(a, b)
        v2 = a * b
        v3 = v2 + 1.0
        return v3
    """
    f = f.f if isinstance(f, CompiledFunction) else f
    program: Program = Arrays().use(
        (Signature(f), args, kwargs),
        lambda arguments: optimize_trace(arguments.trace(arguments.leaves)),
    )
    return program


class CompiledFunction(Wrapper):
    """A function with the programs that it was traced to; for a method, with those of each object.

    Threads may call it at once.
    """

    def __init__(self, f: Callable[..., Any], settings: Settings) -> None:
        if settings.backend not in BACKENDS:
            raise ArgumentError(
                f"backend is {settings.backend!r}; expected one of {', '.join(BACKENDS)}"
            )
        require_count("threads", settings.threads)
        self._settings = settings
        super().__init__(f)
        self._signature: Signature | None = None
        self._read_signature()  # which refuses what it cannot take now rather than later
        self._programs = Programs()
        self._of_objects: dict[int, tuple[ref[Any], Programs]] = {}
        self._latest: Any = refuse  # the kernel that is called first

    def _read_signature(self) -> Signature:
        """What the function calls its arguments, read once.

        As a cached_property it would give the object a dict of its own, and calls would take
        longer to find what they need.
        """
        if self._signature is None:
            static = self._settings.static_argnums, self._settings.static_argnames
            self._signature = Signature(self.f, *static)
        return self._signature

    @property
    def variants(self) -> tuple[Program, ...]:
        """The programs so far, a branch's after those that it was taken from."""
        return tuple([variant.program for each in self._programs for variant in each.variants])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, by a program unless every operation has to be seen."""
        if blocks.open_blocks or recording.find_call():
            return self._call_in_blocks(args, kwargs)
        if kwargs:
            return self._call_leaves(args, kwargs)
        result = self._latest(*args)
        if result is NotImplemented or type(result) is int:
            return self._call_recent(args)
        return result

    def _call_in_blocks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A transform and a trace have to see every operation."""
        blocks.drop_closed()
        if recording.is_transforming() or blocks.trace():
            return self.f(*args, **kwargs)
        return self._call_leaves(args, kwargs)

    def _call_recent(self, args: tuple[Any, ...]) -> Any:
        """The result by a program that takes these arguments as they are, if there is one."""
        for each in self._programs.recent:
            result = each.call(args)
            if result is not NotImplemented:
                self._remember(each)
                return result
        return self._call_leaves(args, {})

    def _call_leaves(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result by a program for the numbers of the arguments, which are taken apart."""

        def run(arguments: Arguments) -> Any:
            if any(isinstance(leaf, Value) for leaf in arguments.leaves):
                return self.f(*args, **kwargs)
            if blocks.watch():
                return arguments.evaluate()
            specialization = self._programs.find(arguments, self._settings)
            result = specialization.run(arguments)
            if not (kwargs or arguments.static):
                self._remember(specialization)
            return result

        return self._use(run, args, kwargs)

    def _use(
        self, run: Callable[[Arguments], Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What `run` gives for the arguments, some of whose arrays are whole."""
        return self._programs.arrays.use((self._read_signature(), args, kwargs), run)

    def _remember(self, latest: Specialization) -> None:
        self._programs.remember(latest)
        self._latest = latest.kernel

    def map_batch(self, in_axes: Axes) -> "CompiledFunction":
        """The same for a batch of samples, as `vmap` asks for it."""
        return CompiledFunction(vmap(self.f, in_axes), self._settings)

    def compile(self, *args: Any, **kwargs: Any) -> Event:
        """Trace for these arguments, and begin with machine code, ahead of the first call.

        The event is set when that is ready: `f.compile(*args).wait()`.
        """

        def prepare(arguments: Arguments) -> Event:
            arguments.leaves = [x.data if isinstance(x, Value) else x for x in arguments.leaves]
            return self._programs.find(arguments, self._settings).prepare(arguments)

        ready: Event = self._use(prepare, args, kwargs)
        return ready

    def wait(self) -> None:
        """Return when no machine code is being made for this function any more."""
        for each in self._programs:
            for variant in each.variants:
                if variant.improvement:
                    variant.improvement.wait()

    def clear(self) -> None:
        """Forget all programs, so that calls are traced anew."""
        self._programs.clear()
        self._of_objects.clear()
        self._latest = refuse

    def _bind(self, instance: Any) -> None:
        """Keep programs for the instance as long as it lives."""
        self._latest = refuse
        self._signature = None
        key, of_objects, programs = id(instance), self._of_objects, Programs()
        try:
            alive = ref(instance, lambda _: of_objects.pop(key, None))
        except TypeError:
            raise JitError(
                f"{self!r} cannot keep programs for {shorten(instance)}, which has no weak "
                f"references: let its class have '__weakref__' among its slots"
            ) from None
        _, self._programs = of_objects.setdefault(key, (alive, programs))

    def _take_apart(self) -> tuple[Any, ...]:
        return self.f, self._settings

    def __reduce__(self) -> Any:
        """As every wrapper, with its programs."""
        reduced = super().__reduce__()
        if isinstance(reduced, str) or reduced[0] is not CompiledFunction:
            return reduced
        return (*reduced, self._programs.pack(self.f))

    def __setstate__(self, packed: Any) -> None:
        self._programs.unpack(packed, self.f, self._settings)

    def __repr__(self) -> str:
        return f"jit({escape(getattr(self.f, '__qualname__', self.f))})"


warn_of_flushing()
