"""What a block of code switches on: no recording, a watch for nan and inf, a name, a trace.

It is on in the thread, or the asynchronous task, that opened the block, and in the tasks that were
started inside. It ends with the block, whatever comes between: an interrupt, the end of memory, a
generator that is left or closed elsewhere.
"""

import gc
import sys
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from functools import partial, wraps
from threading import Lock
from typing import Any, Literal, Protocol, TypeVar

from micrograd_gd.core.anomaly import Watch, find_user_line, reads_itself
from micrograd_gd.core.notes import Notes
from micrograd_gd.errors import ArgumentError, GraphError

open_blocks: set["Switch"] = set()  # in all threads; while it is empty, no engine calls `observe`

Function = TypeVar("Function", bound=Callable[..., Any])
Variable = ContextVar["Switch | None"]
_recording: Variable = ContextVar("_recording", default=None)
_watch: Variable = ContextVar("_watch", default=None)
_trace: Variable = ContextVar("_trace", default=None)
comparisons: Variable = ContextVar("comparisons", default=None)  # a list of all there were
_scope: Variable = ContextVar("_scope", default=None)

scopes: Notes[tuple[str, ...]] = Notes()  # of nodes recorded in one


class _Exit:
    """How a `with` ends: by a function in C, before which no signal is handled."""

    def __get__(self, switch: "Switch | None", _: type) -> Callable[..., None]:
        return (lambda each, *_: each.lock.release()) if switch is None else switch.lock.__exit__


class Switch:
    """What one block turns on: `variable` has a value from its beginning to its end.

    A switch is on or off by itself, and nothing is put back at its end. The context holds the
    innermost one, and that the one around it, as they were opened: they may end in any order, and
    wherever the collector ends a generator. The native engine has a twin in C.
    """

    __slots__ = ("_again", "_has_begun", "_is_observed", "lock", "outer", "value", "variable")

    def __init__(
        self,
        variable: Variable,
        value: Any,
        again: "Callable[[], Switch] | None" = None,
        *,
        is_observed: bool = True,
    ) -> None:
        self.variable, self.value = variable, value
        self._again = again  # another one: what a decorator opens at each call
        self._is_observed = is_observed  # whether engines tell `observe` what they do inside
        self.outer: Switch | None = None
        self.lock = Lock()  # nobody waits for it: it is locked while the block is open
        self._has_begun = False

    @property
    def is_open(self) -> bool:
        """Whether this is inside of the block."""
        return self.lock.locked()

    def __enter__(self) -> None:
        if self._has_begun:
            raise GraphError(
                "a block is entered once: write the call anew, as in `with no_grad():`"
            )
        self._has_begun = True
        try:
            self.lock.acquire()
            drop_closed()
            self.outer = _find_switch(self.variable)
            if self._is_observed:
                open_blocks.add(self)
            set_variable(self.variable, self)
        except BaseException:  # an interrupt, which is handled after a call: from here on, inside
            if self.lock.locked():
                self.lock.release()
            raise

    __exit__ = _Exit()

    def __call__(self, function: Function) -> Function:
        """As a decorator."""
        return decorate(self._again, function)


def drop_closed() -> None:
    """Leave out of `open_blocks` those that are closed: the twin in C does so at once."""
    open_blocks.difference_update([each for each in [*open_blocks] if not each.is_open])


def _find_switch(variable: Variable) -> Switch | None:
    switch = innermost = variable.get()
    while switch is not None and not switch.is_open:
        open_blocks.discard(switch)
        switch = switch.outer
    if switch is not innermost:
        set_variable(variable, switch)  # so that nothing keeps what is over
    return switch


def set_variable(variable: Variable, switch: Switch | None) -> None:
    """Set a context variable.

    Python 3.11 may collect meanwhile, and would read what it had freed if a finalizer set another.
    """
    collects = sys.version_info < (3, 12) and gc.isenabled()
    try:
        if collects:
            gc.disable()
        variable.set(switch)
    finally:
        if collects:
            gc.enable()


def find(variable: Variable, default: Any = None) -> Any:
    """What the innermost open block here gives a variable."""
    switch = _find_switch(variable)
    return default if switch is None else switch.value


def decorate(again: Callable[[], Switch] | None, function: Function) -> Function:
    """The function, each call of which is inside of such a block."""
    if again is None or not callable(function):
        raise ArgumentError(f"this block decorates functions, not {function!r}")

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with again():
            return function(*args, **kwargs)

    return call  # type: ignore[return-value]  # called as the function is


def no_grad() -> Switch:
    """Compute without recording: every result inside the block is a leaf.

    It also decorates functions. (A generator function runs after its call: put the block inside.)

    >>> from micrograd_gd import Value
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.operands
    ()
    """
    return Switch(_recording, value=False, again=no_grad)


def recording() -> Switch:
    """Record inside the block, also within a `no_grad`."""
    return Switch(_recording, value=True)


def is_recording() -> bool:
    """Whether results here are recorded."""
    return find(_recording, default=True)  # type: ignore[no-any-return]  # a bool


def detect_anomaly() -> Switch:
    """Raise NonFiniteError at the first operation that makes a nan or inf out of finite numbers.

    Forward and backward; the error names the operation, its operands and the line that made it.

    >>> from micrograd_gd import Value
    >>> with detect_anomaly():
    ...     Value(0.0, label="x").log()
    Traceback (most recent call last):
    micrograd_gd.errors.NonFiniteError: log(x = 0.0) is -inf...
    """
    return Switch(_watch, Watch(), again=detect_anomaly)


def unwatched() -> Switch:
    """Do without a watch for nan and inf inside of the block."""
    return Switch(_watch, None)


def scope(name: str) -> Switch:
    """Name what is recorded inside: a picture puts it in one frame, or folds it up.

    Scopes may be nested. Raises ArgumentError for a name that is empty or no text.

    >>> from micrograd_gd import Value
    >>> with scope("penalty"):
    ...     y = Value(3.0) ** 2
    >>> scopes[y]
    ('penalty',)
    """
    if not (isinstance(name, str) and name):
        raise ArgumentError(f"a scope is called {name!r}; expected a name such as 'loss'")
    return Switch(_scope, (*find(_scope, ()), name), again=partial(scope, name))


def observe(node: Any) -> None:
    """Do to a new node what the open blocks ask for; engines call this."""
    trace = find(_trace)
    if trace is not None:
        if not is_recording():
            trace.report_use(node, "no_grad()")
        trace.events.append(node)
        return
    watch = find(_watch)
    if watch is not None:
        watch.forward(node)
    path = find(_scope)
    if path:
        scopes[node] = path
    if not is_recording():
        node.forget()


class Tracer(Protocol):
    """What the compiler is told while it calls a function to see what it computes."""

    events: list[Any]  # every node, in the order in which they are made

    constant_op: Any  # the operation of what `constant` gives

    def report_comparison(self, node: Any, relation: str, other: Any, answer: Any) -> Any:
        """A comparison was made, which may decide a branch: the answer that it is to give."""

    def report_use(self, node: Any, what: str) -> None:
        """Something was done that a compiled program could not repeat."""

    def constant(self, node: Any) -> Any:
        """The same number as a node that no derivative flows through."""

    def attempt(self, call: Callable[[], Any]) -> Any:
        """What the call gives; None where it fails, with all that it recorded dropped."""

    # What the sweeps and a few functions leave to it.

    def arithmetic(self, direction: Literal["down", "up"], *, last: bool) -> Any:
        """What a sweep in that direction computes with; see `core.arithmetic`."""

    def partial(self, node: Any, i: int, *, last: bool) -> Any:
        """The partial for operand i as a value; `last` if nobody differentiates it again."""

    def takes_all(self, node: Any, i: int) -> bool:
        """Whether in a last sweep the partial for operand i is a number, if a choice leaves it."""

    def fresh(self, x: Any) -> Any:
        """A node of the trace's own for x, to differentiate along; None leaves it to the caller."""

    def settle(self, x: Any) -> Any:
        """A derivative as a sweep found it, as a value for what is computed with it."""

    def cut(self, xs: Any, first: int, last: int) -> Any:
        """A whole array without so many first and last rows."""

    def total(self, xs: Any) -> Any:
        """The sum as one node of the trace's own; None leaves it to the caller."""

    def length(self, xs: Any) -> Any:
        """How many rows an array has that the trace takes whole, whatever their number."""

    def reduce(self, xs: Any, kind: str) -> Any:
        """The `sum` of such an array, or the `largest` number as a constant."""

    def compute(self, operate: Callable[..., Any], xs: Any, other: Any) -> Any:
        """What an operator gives for each row of such an array."""

    def spread(self, x: Any, size: int) -> Any:
        """The number for each row of an array with that open length."""

    def fix_length(self, xs: Any) -> int:
        """How many it has, and is to have in every run."""

    def is_varying(self, x: Any) -> bool:
        """Whether x stands for many numbers at once, which no check can look at."""


def tracing(trace: Tracer | None) -> Switch:
    """Report to `trace` what happens to values; None: to nobody."""
    return Switch(_trace, trace)


def quiet_numpy() -> Any:
    """Let NumPy not warn inside the block: the numbers of a trace stand for others."""
    numpy = sys.modules.get("numpy")
    return numpy.errstate(all="ignore") if numpy else nullcontext()


def trace() -> Tracer | None:
    """The trace that is under way here, if any."""
    return find(_trace) if open_blocks else None


def is_varying(x: Any) -> bool:
    """Whether x stands for the numbers of all samples of a batch, which no check can look at."""
    under_way = trace()
    return under_way is not None and under_way.is_varying(x)


def is_value(x: Any) -> bool:
    """Whether x is a `Value`, of whichever engine: one that records."""
    return hasattr(type(x), "record")


def value_class(x: Any) -> Any:
    """The `Value` of the engine that x is of, also if x is of a subclass."""
    return [kind for kind in type(x).__mro__ if hasattr(kind, "record")][-1]


def constant(x: Any) -> Any:
    """The same number, without a history if it is that of a value: no derivative flows through."""
    return x.detach() if is_value(x) else x


# What engines report while blocks are open.


def report_comparison(node: Any, relation: str, other: Any, answer: Any) -> Any:
    """Report that `node` was compared with `other`; how that ends is the answer, or a trace's."""
    under_way = find(_trace)
    if under_way is not None:
        return under_way.report_comparison(node, relation, other, answer)
    if (seen := find(comparisons)) is not None:
        seen.append((node, other, find_user_line()))
    return answer


def report_use(node: Any, what: str) -> None:
    """Report that a number was taken out of the graph or changed."""
    under_way = find(_trace)
    if under_way is not None:
        under_way.report_use(node, what)


def report_reading(node: Any, what: str) -> None:
    """Report that a number was read by way of `what`, unless it was the package that read it."""
    under_way = find(_trace)
    if under_way is not None and not reads_itself():
        under_way.report_use(node, what)


def record_constant(node: Any) -> Any:
    """While a trace is under way, a node with the same number as a constant; else None."""
    under_way = find(_trace)
    return None if under_way is None else under_way.constant(node)


def call_unwatched(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that computes a partial: its own steps are not watched."""
    if not watch():
        return function(*arguments)
    with unwatched():
        return function(*arguments)


def watch() -> Watch | None:
    """The watch for nan and inf that is on here, if any."""
    return find(_watch) if open_blocks else None
