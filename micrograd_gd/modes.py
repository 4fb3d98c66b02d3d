"""What is switched on for a block of code: no recording, a watch for nan and inf, a name.

They follow the thread, or the asynchronous task, that opened the block.
"""

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from micrograd_gd.errors import ArgumentError, NonFiniteError

open_blocks = 0  # in all threads; while there is none, an engine need not ask `observe`
_listeners: list[Callable[[int], None]] = []  # engines that keep the count where they read it fast

_lock = threading.Lock()
_recording = ContextVar("_recording", default=True)
_watch: ContextVar["Watch | None"] = ContextVar("_watch", default=None)
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
    watch = _watch.get()
    if watch is not None:
        watch.forward(node)
    path = _scope.get()
    if path:
        scopes[node] = path
    if not _recording.get():
        node.forget()


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
        self.lines[node] = line = _line_of_the_user()
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


_PACKAGE = os.path.dirname(__file__) + os.sep  # noqa: PTH120 — pathlib would slow the import


def _line_of_the_user() -> str:
    frame = sys._getframe(1)  # noqa: SLF001 — the documented way to one's callers
    while frame.f_back and frame.f_code.co_filename.startswith((_PACKAGE, "<operation table>")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"
