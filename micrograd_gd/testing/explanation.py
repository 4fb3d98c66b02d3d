"""The checker's lines, hidden from hypothesis while it looks for those that explain a failure.

It then has every line of a test told to it, some hundred times over. A check runs many, and none of
its own explains anything: what fails is the derivative.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LISTENER = "scrutineer"  # the module of hypothesis that listens, and its name among the tools


@contextmanager
def hide_lines() -> Iterator[None]:
    """Let hypothesis see no lines in here; debuggers, and tools that measure coverage, see them."""
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = [i for i in range(6) if monitoring and monitoring.get_tool(i) == _LISTENER]
    trace = sys.gettrace()
    is_listening = _LISTENER in type(getattr(trace, "__self__", None)).__module__
    events = {tool: monitoring.get_events(tool) for tool in tools}
    try:
        for tool in tools:
            monitoring.set_events(tool, 0)
        if is_listening:
            sys.settrace(None)
        yield
    finally:
        for tool, kinds in events.items():
            monitoring.set_events(tool, kinds)
        if is_listening:
            sys.settrace(trace)
