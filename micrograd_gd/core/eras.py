"""Eras: what was made before a transform called a function cannot depend on its arguments.

An era begins with each such call, in whatever thread. A sweep for the arguments of a call leaves
out nodes of earlier eras, however long the history is that the function closes over. The Python
engine keeps the era in each node; the native one keeps the latest of 64 nodes that lie together.
"""

from threading import RLock

from micrograd_gd.core.choice import native_part

latest = 0  # of the Python engine
_lock = RLock()  # a finalizer may come by


def _begin() -> int:
    """The number of an era that begins: above 0, and above all before."""
    global latest  # noqa: PLW0603 — each node reads it when it is made
    with _lock:
        latest += 1
        return latest


begin = native_part("begin_era") or _begin
