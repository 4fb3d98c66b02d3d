"""However a run of tests ends, all that it started ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import processes
import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")

# Like a run of the suite: it has a child, and that has a child in a session of its own.
RUN = """
import os, processes, sys, time
child = '''
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
'''
processes.start([sys.executable, "-c", child])
print(os.environ[processes.MARK], flush=True)
time.sleep(600)
"""


def wait_for(condition):
    for _ in range(6000):  # far longer than it takes on a busy machine
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not happen in two minutes")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_nothing_outlives_a_run(name, start):
    unmarked = {key: text for key, text in os.environ.items() if key != processes.MARK}
    environment = {**unmarked, "PYTHONPATH": str(Path(processes.__file__).parent)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    run = start([sys.executable, "-c", RUN], env=environment, **pipes)
    mark = run.stdout.readline().strip()
    wait_for(lambda: len([*processes.find_marked(mark)]) == 3)  # a child, its own, and the watch
    run.send_signal(getattr(signal, name))
    assert run.wait() != 0
    wait_for(lambda: not [*processes.find_marked(mark)])
