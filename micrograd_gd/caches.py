"""Properties that are computed once, and hold no lock meanwhile."""

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

T = TypeVar("T")


class cached_property(functools.cached_property[T]):  # noqa: N801 — it stands for that of Python
    """A property that is computed at its first use, and kept in the object.

    That of Python 3.11 holds a lock meanwhile, one for all objects: a process that is forked while
    another thread is in there would wait forever. Later ones hold none.

    >>> class Circle:
    ...     radius = 2.0
    ...     @cached_property
    ...     def area(self):
    ...         return 3.0 * self.radius**2
    >>> Circle().area
    12.0
    """

    def __init__(self, f: Callable[[Any], T]) -> None:
        super().__init__(f)
        self.lock = nullcontext()
