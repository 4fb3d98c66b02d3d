"""Work in the background: one thread, which takes its jobs in turn, and each of them in steps.

A job is an iterator. Between two of its steps a process can be forked, and can end without waiting
for the rest.
"""

import atexit
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

_NOTHING = object()


class Worker:
    """A thread that lives while there are jobs.

    >>> done = Worker().start(iter(()))
    >>> done.wait(timeout=10)
    True
    """

    def __init__(self) -> None:
        self._reset()
        atexit.register(self._stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._hold,
                after_in_parent=self._go_on,
                after_in_child=self._give_up,
            )

    def _reset(self) -> None:
        self._jobs: deque[tuple[Iterator[object], threading.Event]] = deque()
        # A signal handler or a finalizer may start a job, or fork, in a thread that holds one.
        self._guard = threading.RLock()  # of the jobs
        self._step = threading.RLock()  # held while a step runs
        self._thread: threading.Thread | None = None
        self._ends = False

    def start(self, job: Iterator[object]) -> threading.Event:
        """Do the job later. The event is set when it is done or has failed."""
        done = threading.Event()
        thread = threading.Thread(target=self._work, name="compiler", daemon=True)
        with self._guard:
            self._jobs.append((job, done))
            if self._thread is None:
                self._thread = thread
                try:
                    thread.start()
                except BaseException:  # the next one starts what is waiting
                    self._thread = None
                    raise
        return done

    def _work(self) -> None:
        while True:
            with self._guard:
                if self._ends or not self._jobs:
                    self._thread = None
                    return
                job, done = self._jobs[0]
            try:
                self._do(job)
            finally:
                with self._guard:
                    self._jobs.popleft()
                done.set()

    def _do(self, job: Iterator[object]) -> None:
        with suppress(Exception):  # the job's owner does without its result
            going_on = True
            while going_on:
                with self._step:
                    going_on = not self._ends and next(job, _NOTHING) is not _NOTHING

    def _stop(self) -> None:
        """Let the running step end: it may be in a library that is about to be unloaded."""
        self._ends = True
        with self._step:
            pass

    def _hold(self) -> None:
        self._step.acquire()

    def _go_on(self) -> None:
        self._step.release()

    def _give_up(self) -> None:
        """In a forked process, which has no such thread, nobody is to wait for it."""
        jobs = self._jobs
        self._reset()
        for _, done in jobs:
            done.set()
