"""What is switched on for a block of code: no recording, a watch for nan and inf, a name, a trace.

They follow the thread, or the asynchronous task, that opened the block.
"""

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from micrograd_gd.errors import ArgumentError, NonFiniteError

open_blocks = 0  # in all threads; while there is none, an engine need not ask `observe`
_listeners: list[Callable[[int], None]] = []  # engines that keep the count where they read it fast

_lock = threading.Lock()
_recording = ContextVar("_recording", default=True)
_watch: ContextVar["Watch | None"] = ContextVar("_watch", default=None)
_trace: ContextVar["Trace | None"] = ContextVar("_trace", default=None)
_scope: ContextVar[tuple[str, ...]] = ContextVar("_scope", default=())

scopes: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()  # of nodes recorded in one


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: every result inside the block, or the function, is a leaf.

    (A generator function runs outside of its own call: put the block inside it.)

    >>> from micrograd_gd import Value
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.operands
    ()
    """
    with _switched(_recording, to=False):
        yield


@contextmanager
def recording() -> Iterator[None]:
    """Record inside the block, although a `no_grad` is open around it."""
    with _switched(_recording, to=True):
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
    with _switched(_watch, to=Watch()):
        yield


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Note that what is recorded inside belongs together: a picture frames it, or folds it up.

    Blocks may stand in one another. Raises ArgumentError for a name that is empty or no text.

    >>> from micrograd_gd import Value
    >>> with scope("penalty"):
    ...     y = Value(3.0) ** 2
    >>> scopes[y]
    ('penalty',)
    """
    if not (isinstance(name, str) and name):
        raise ArgumentError(f"a scope is called {name!r}; expected a name such as 'loss'")
    with _switched(_scope, to=(*_scope.get(), name)):
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
def _switched(variable: ContextVar[Any], *, to: Any) -> Iterator[None]:
    token = variable.set(to)
    _count(+1)
    try:
        yield
    finally:
        _count(-1)
        variable.reset(token)


def observe(node: Any) -> None:
    """Treat a node that an engine has just made as the open blocks demand."""
    trace = _trace.get()
    if trace is not None:
        if not _recording.get():
            trace.touched(node, "no_grad()")
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
    """What the compiler hears of a function that it calls to see what it computes."""

    events: list[Any]  # every node, in the order in which they are made

    def compared(self, node: Any, relation: str, other: Any, answer: Any) -> None:
        """A branch may now be taken by a number."""

    def touched(self, node: Any, what: str) -> None:
        """Something was done that a compiled program could not repeat."""

    def constant(self, node: Any) -> Any:
        """The same number as a node that no derivative flows through."""

    def partial(self, node: Any, i: int, *, last: bool) -> Any:
        """The partial for operand i as a value; `last` if nobody differentiates it again."""

    # Batches, of which one sample is traced for all.

    lanes: int  # samples of the batch that is being traced; 0 outside of one
    has_lanes: bool  # whether there was a batch

    def batch(self, lanes: int) -> AbstractContextManager[None]:
        """While one sample is traced that stands for so many."""

    def lanes_of(self, x: Any) -> int:
        """How many lanes a number has that is another one in each; 0 for all others."""

    def total(self, xs: Sequence[Any]) -> Any:
        """The sum of a whole batch as one node, if that is what the numbers are, or None."""

    def fresh(self, x: Any) -> Any:
        """A node of its own with the same number."""

    def flows(self, node: Any, i: int) -> bool:
        """Whether a derivative reaches operand i for other samples, if for these numbers none."""

    def pulled(self, node: Any, i: int, g: Any, step: Any) -> Any:
        """What of the adjoint's step reaches operand i, where that enters or leaves a batch."""

    def joined(self, a: Any, b: Any) -> Any:
        """The sum of two steps that reach the same operand."""

    def pushed(self, node: Any, i: int, dx: Any, step: Any) -> Any:
        """What of the tangent's step from operand i reaches the node, likewise."""


@contextmanager
def tracing(trace: Trace) -> Iterator[None]:
    """Let `trace` hear what happens to values; of the other blocks, none is in force inside."""
    with _switched(_recording, to=True), _switched(_watch, to=None), _switched(_trace, to=trace):
        yield


def trace() -> Trace | None:
    """The trace that is under way here, if any."""
    return _trace.get() if open_blocks else None


def is_varying(x: Any) -> bool:
    """Whether x stands for the numbers of all samples of a batch, which no check can look at."""
    under_way = trace()
    return under_way is not None and under_way.lanes_of(x) > 0


def constant(x: Any) -> Any:
    """The number of `x`; while a trace is under way, a value that no derivative flows through."""
    if not hasattr(type(x), "record"):
        return x
    under_way = trace()
    return under_way.constant(x) if under_way else x.data


# What engines report while blocks are open.

RELATIONS = {"<": "lt", "<=": "le", "==": "eq", "!=": "ne", ">": "gt", ">=": "ge"}


def compared(node: Any, relation: str, other: Any, answer: Any) -> None:
    """Report that `node` was compared with `other`, and how that ended."""
    under_way = _trace.get()
    if under_way is not None:
        under_way.compared(node, relation, other, answer)


def touched(node: Any, what: str) -> None:
    """Report that a number was taken out of the graph or changed."""
    under_way = _trace.get()
    if under_way is not None:
        under_way.touched(node, what)


def detached(node: Any) -> Any:
    """What stands for a leaf with the node's number while a trace is under way; else None."""
    under_way = _trace.get()
    return None if under_way is None else under_way.constant(node)


def unwatched(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function whose numbers are no step of the user's: what computes a partial."""
    if not watch():
        return function(*arguments)
    with _switched(_watch, to=None):
        return function(*arguments)


def watch() -> "Watch | None":
    """The watch for nan and inf that is on here, if any."""
    return _watch.get() if open_blocks else None


class Watch:
    """Remembers the line that made each node, and raises at the first number that is not finite."""

    def __init__(self) -> None:
        self.lines: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def forward(self, node: Any) -> None:
        """Check a node that was just computed."""
        self.lines[node] = line = line_of_the_user()
        numbers = [getattr(operand, "data", operand) for operand in node.operands]
        if not math.isfinite(node.data) and all(map(math.isfinite, numbers)):
            raise NonFiniteError(f"{_call(node)} is {node.data}, at {line}")

    def backward(self, node: Any, operand: Any, adjoint: float, partial: float) -> None:
        """Check one step of the chain rule, from a node to one of its operands."""
        numbers = [adjoint, *(getattr(each, "data", each) for each in node.operands)]
        if all(map(math.isfinite, numbers)) and not math.isfinite(adjoint * partial):
            line = self.lines.get(node, "a line outside of this block")
            raise NonFiniteError(
                f"backward through {_call(node)} = {node.data}: its gradient {adjoint} times "
                f"its partial {partial} for {_named(operand)} is {adjoint * partial}; "
                f"it was computed at {line}"
            )

    def sum(self, operand: Any, so_far: float, more: float) -> None:
        """Check one addition to the gradient of an operand that is used more than once."""
        if math.isfinite(so_far) and math.isfinite(more) and not math.isfinite(so_far + more):
            raise NonFiniteError(
                f"backward: the gradient of {_named(operand)} overflows, being the sum of "
                f"{so_far} and {more}"
            )


def _call(node: Any) -> str:
    return f"{node.op.name}({', '.join(map(_named, node.operands))})"


def _named(operand: Any) -> str:
    number = repr(getattr(operand, "data", operand))
    label = getattr(operand, "label", "")
    return f"{label} = {number}" if label else number


PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 — pathlib would slow the import


def line_of_the_user() -> str:
    """The line outside of the package that is being run."""
    frame = sys._getframe(1)  # noqa: SLF001 — the documented way to one's callers
    while frame.f_back and frame.f_code.co_filename.startswith((PACKAGE, "<operation table>")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"
