"""Compiled programs beside peers: `python tests/benchmarks/peers.py`.

    python tests/benchmarks/peers.py [--slow] [readme moons rosenbrock chain digits]

Every job is done in a process of its own, by one thread, in doubles, the collector on. First all
must agree on value and gradient, then they take turns. `ready` is the time until the first result,
imports apart. What takes long to compile is left out unless `--slow` is given. Peers that are not
installed are left out, and said so; for all of them:

    pip install micrograd casadi jax torch autograd scikit-learn
"""

import argparse
import importlib
import os
import subprocess
import sys

from job import tell
from timing import machine

JOBS = ("readme", "moons", "rosenbrock", "chain", "digits")

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
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.names or JOBS
    if not {*names} <= {*JOBS}:
        parser.error(f"the jobs are {', '.join(JOBS)}")
    if given.here:
        for job in importlib.import_module(f"jobs.{names[0]}").JOBS:
            job.run(with_slow=given.slow)
        return
    tell(machine())
    command = [sys.executable, __file__, "--here", *(["--slow"] if given.slow else [])]
    environment = os.environ | ONE_THREAD
    codes = [subprocess.run([*command, x], env=environment, check=False).returncode for x in names]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
