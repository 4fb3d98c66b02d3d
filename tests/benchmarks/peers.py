"""Compiled programs beside peers: `python tests/benchmarks/peers.py`.

    python tests/benchmarks/peers.py [--slow] [--cpu] [readme moons rosenbrock chain digits …]

Every job is done in a process of its own, by one thread, in doubles, the collector on. First all
must agree on value and gradient, then they take turns. `ready` is the time until the first result,
imports apart. What takes long to compile is left out unless `--slow` is given. With `--cpu` times
are those of the processor, which a busy machine changes less. Peers that are not installed are left
out, and said so; for all of them:

    pip install micrograd casadi jax torch autograd scikit-learn heyoka drjit
"""

import argparse
import importlib
import os
import subprocess
import sys
import time

from job import tell
from timing import CLOCK, machine

JOBS = ("readme", "moons", "rosenbrock", "chain", "digits", "structures")

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def main() -> None:
    """Run the jobs, each in a fresh process, since libraries read the environment only once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="job", help=f"of {', '.join(JOBS)}")
    parser.add_argument("--slow", action="store_true", help="also what takes long to compile")
    parser.add_argument("--cpu", action="store_true", help="times of the processor")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.names or JOBS
    if not {*names} <= {*JOBS}:
        parser.error(f"the jobs are {', '.join(JOBS)}")
    if given.here:
        CLOCK["now"] = time.process_time if given.cpu else time.perf_counter
        for job in importlib.import_module(f"jobs.{names[0]}").JOBS:
            job.run(with_slow=given.slow)
        return
    tell(machine())
    asked = [f"--{name}" for name in ("slow", "cpu") if getattr(given, name)]
    command = [sys.executable, __file__, "--here", *asked]
    environment = os.environ | ONE_THREAD
    codes = [subprocess.run([*command, x], env=environment, check=False).returncode for x in names]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
