"""What a block of code switches on: no recording, a watch for nan and inf, a name, a trace.

It is on in the thread, or the asynchronous task, that opened the block.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Protocol
from weakref import WeakKeyDictionary

from micrograd_gd.core.anomaly import Watch, reads_itself
from micrograd_gd.errors import ArgumentError

open_blocks = 0  # in all threads; while it is 0, engines do not call `observe`
_listeners: list[Callable[[int], None]] = []  # engines that keep a count of their own

_lock = threading.Lock()
_recording = ContextVar("_recording", default=True)
_watch: ContextVar[Watch | None] = ContextVar("_watch", default=None)
_trace: ContextVar["Trace | None"] = ContextVar("_trace", default=None)
_scope: ContextVar[tuple[str, ...]] = ContextVar("_scope", default=())

scopes: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()  # of nodes recorded in one


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: every result inside the block is a leaf.

    It also decorates functions. (A generator function runs after its call: put the block inside.)

    >>> from micrograd_gd import Value
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.operands
    ()
    """
    with _switch(_recording, to=False):
        yield


@contextmanager
def recording() -> Iterator[None]:
    """Record inside the block, also within a `no_grad`."""
    with _switch(_recording, to=True):
        yield


def is_recording() -> bool:
    """Whether results here are recorded."""
    return _recording.get()


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise NonFiniteError at the first operation that makes a nan or inf out of finite numbers.

    Forward and backward; the error names the operation, its operands and the line that made it.

    >>> from micrograd_gd import Value
    >>> with detect_anomaly():
    ...     Value(0.0, label="x").log()
    Traceback (most recent call last):
    micrograd_gd.errors.NonFiniteError: log(x = 0.0) is -inf...
    """
    with _switch(_watch, to=Watch()):
        yield


@contextmanager
def scope(name: str) -> Iterator[None]:
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
    with _switch(_scope, to=(*_scope.get(), name)):
        yield


def on_change(listener: Callable[[int], None]) -> None:
    """Tell `listener` the number of open blocks, now and whenever it changes."""
    with _lock:
        listener(open_blocks)
        _listeners.append(listener)


def _count(change: int) -> None:
    global open_blocks  # noqa: PLW0603 — the one count that engines read
    with _lock:
        open_blocks += change
        for listener in _listeners:
            listener(open_blocks)


@contextmanager
def _switch(variable: ContextVar[Any], *, to: Any) -> Iterator[None]:
    token = variable.set(to)
    _count(+1)
    try:
        yield
    finally:
        _count(-1)
        variable.reset(token)


def observe(node: Any) -> None:
    """Do to a new node what the open blocks ask for; engines call this."""
    trace = _trace.get()
    if trace is not None:
        if not _recording.get():
            trace.report_use(node, "no_grad()")
        trace.events.append(node)
        return
    watch = _watch.get()
    if watch is not None:
        watch.forward(node)
    path = _scope.get()
    if path:
        scopes[node] = path
    if not _recording.get():
        node.forget()


class Trace(Protocol):
    """What the compiler is told while it calls a function to see what it computes."""

    events: list[Any]  # every node, in the order in which they are made

    def report_comparison(self, node: Any, relation: str, other: Any, answer: Any) -> None:
        """A comparison was made, which may decide a branch."""

    def report_use(self, node: Any, what: str) -> None:
        """Something was done that a compiled program could not repeat."""

    def constant(self, node: Any) -> Any:
        """The same number as a node that no derivative flows through."""

    # What the sweeps and a few functions leave to it.

    def arithmetic(
        self, direction: Literal["down", "up"], stop: Collection[Any], *, last: bool
    ) -> Any:
        """What a sweep in that direction computes with; see `core.arithmetic`."""

    def partial(self, node: Any, i: int, *, last: bool) -> Any:
        """The partial for operand i as a value; `last` if nobody differentiates it again."""

    def fresh(self, x: Any) -> Any:
        """A node of the trace's own for x, to differentiate along; None leaves it to the caller."""

    def settle(self, x: Any) -> Any:
        """A derivative as a sweep found it, as a value for what is computed with it."""

    def total(self, xs: Sequence[Any]) -> Any:
        """The sum as one node of the trace's own; None leaves it to the caller."""

    def is_varying(self, x: Any) -> bool:
        """Whether x stands for many numbers at once, which no check can look at."""


@contextmanager
def tracing(trace: Trace) -> Iterator[None]:
    """Report to `trace` what happens to values; blocks around this one have no effect inside."""
    with _switch(_recording, to=True), _switch(_watch, to=None), _switch(_trace, to=trace):
        yield


def trace() -> Trace | None:
    """The trace that is under way here, if any."""
    return _trace.get() if open_blocks else None


def is_varying(x: Any) -> bool:
    """Whether x stands for the numbers of all samples of a batch, which no check can look at."""
    under_way = trace()
    return under_way is not None and under_way.is_varying(x)


def is_value(x: Any) -> bool:
    """Whether x is a `Value`, of whichever engine: one that records."""
    return hasattr(type(x), "record")


def constant(x: Any) -> Any:
    """The same number, without a history if it is that of a value: no derivative flows through."""
    return x.detach() if is_value(x) else x


# What engines report while blocks are open.


def report_comparison(node: Any, relation: str, other: Any, answer: Any) -> None:
    """Report that `node` was compared with `other`, and how that ended."""
    under_way = _trace.get()
    if under_way is not None:
        under_way.report_comparison(node, relation, other, answer)


def report_use(node: Any, what: str) -> None:
    """Report that a number was taken out of the graph or changed."""
    under_way = _trace.get()
    if under_way is not None:
        under_way.report_use(node, what)


def report_reading(node: Any, what: str) -> None:
    """Report that a number was read by way of `what`, unless it was the package that read it."""
    under_way = _trace.get()
    if under_way is not None and not reads_itself():
        under_way.report_use(node, what)


def record_constant(node: Any) -> Any:
    """While a trace is under way, a node with the same number as a constant; else None."""
    under_way = _trace.get()
    return None if under_way is None else under_way.constant(node)


def call_unwatched(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that computes a partial: its own steps are not watched."""
    if not watch():
        return function(*arguments)
    with _switch(_watch, to=None):
        return function(*arguments)


def watch() -> Watch | None:
    """The watch for nan and inf that is on here, if any."""
    return _watch.get() if open_blocks else None
