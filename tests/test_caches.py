"""A property that is computed once does so in a process of its own, too."""

import ast
import os
import signal
import threading
from pathlib import Path

import pytest

import micrograd_gd
from micrograd_gd.caches import cached_property


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_while_a_thread_computes_one_may_compute_it():
    is_inside, may_end = threading.Event(), threading.Event()

    class Slow:
        @cached_property
        def answer(self):
            is_inside.set()
            may_end.wait(20)
            return 42

    thread = threading.Thread(target=lambda: Slow().answer)
    thread.start()
    try:
        assert is_inside.wait(20)
        child = os.fork()
        if not child:
            signal.alarm(20)
            may_end.set()
            os._exit(0 if Slow().answer == 42 else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        may_end.set()
        thread.join()


def test_the_package_uses_no_other():
    root = Path(micrograd_gd.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "functools":
                assert "cached_property" not in {alias.name for alias in node.names}, path
