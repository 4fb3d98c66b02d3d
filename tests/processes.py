"""Processes that tests start: none outlives its test, and none the run, however that ends.

All that a run starts inherits a mark in its environment. The watch, a process of its own, waits
for the run to end, be it by Ctrl-C or by a signal that nothing catches, and kills what still bears
the mark. It reads the marks in `/proc`; on a system without that folder it does nothing.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

MARK = "MICROGRAD_GD_TEST_RUN"


def watch():
    """Start the watch; within a run that is watched there is nothing to do."""
    if MARK not in os.environ:
        os.environ[MARK] = uuid.uuid4().hex
        command = [sys.executable, "-S", __file__, str(os.getpid())]
        silent = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.DEVNULL)
        process = subprocess.Popen(command, start_new_session=True, **silent)
        process.returncode = 0  # it ends after this process, which therefore cannot wait for it


def start(command, **options):
    """`subprocess.Popen` of a command, in a group of its own, that Ctrl-C can interrupt."""
    watch()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:  # a run that a script starts with `&` ignores Ctrl-C, and its processes would too
        return subprocess.Popen(command, start_new_session=True, **options)
    finally:
        signal.signal(signal.SIGINT, before)


def end(process):
    """Kill a process with all of its group, and close its pipes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
    with process:
        pass


def kill_all(mark):
    """Kill every other process with this mark, until there is none."""
    while found := [number for number in find_marked(mark) if number != os.getpid()]:
        for number in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.01)


def find_marked(mark):
    """The numbers of the processes with this mark."""
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


if __name__ == "__main__":
    while os.getppid() == int(sys.argv[1]):
        time.sleep(0.1)
    kill_all(os.environ[MARK])
