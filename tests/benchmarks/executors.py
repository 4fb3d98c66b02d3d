"""The same sum over chunks on every executor that is installed: bits, time, and workers killed.

`python tests/benchmarks/executors.py [ROWS]` adds up a loss and its gradient over ROWS (4,000,000)
rows of 8 numbers in chunks of 100,000, made where they are needed: a pass beside NumPy, the memory
of this process, and 100 passes in which workers are killed. Each of loky, Dask and Ray is used
where it is installed, and MPI under `mpiexec -n 3 python -m mpi4py.futures`.
"""

import contextlib
import multiprocessing
import os
import random
import resource
import signal
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
from job import tell

from micrograd_gd import jit, value_and_grad, vmap
from micrograd_gd.scale import over

CHUNK, COLUMNS, KILLS = 100_000, 8, 100


def distance(w, x, y):
    return (sum(a * b for a, b in zip(w, x, strict=True)) - y) ** 2


def loss(w, xs, ys):
    return vmap(distance, in_axes=(None, 0, 0))(w, xs, ys).sum()


def load(rows, i):
    """A chunk of the data, made from its number."""
    generator = np.random.default_rng(i)
    xs = generator.normal(size=(rows, COLUMNS))
    return xs, xs.sum(axis=1) + generator.normal(size=rows)


def load_or_die(rows, i):
    """The same, where the worker is not killed meanwhile."""
    if random.random() < 0.05:
        os.kill(os.getpid(), signal.SIGKILL)
    return load(rows, i)


def numpy_pass(w, rows, count):
    """What the sums are, by arrays."""
    value, slopes = 0.0, np.zeros(COLUMNS)
    for i in range(count):
        xs, ys = load(rows, i)
        residuals = xs @ w - ys
        value, slopes = value + residuals @ residuals, slopes + 2 * residuals @ xs
    return value, slopes


gradient = jit(value_and_grad(loss))


class RayExecutor:
    """Ray behind `submit`."""

    def __init__(self):
        import ray

        ray.init(num_cpus=2, log_to_driver=False)
        self.task = ray.remote(lambda work, *args: work(*args))

    def submit(self, work, *args):
        return self.task.remote(work, *args).future()


@contextlib.contextmanager
def loky():
    from loky import get_reusable_executor

    executor = get_reusable_executor(2)
    yield executor
    executor.shutdown()


@contextlib.contextmanager
def dask():
    from dask.distributed import Client, LocalCluster

    cluster = LocalCluster(2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        yield client.get_executor()


@contextlib.contextmanager
def ray():
    yield RayExecutor()


@contextlib.contextmanager
def mpi():
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor() as executor:
        yield executor


fork, spawn = (multiprocessing.get_context(name) for name in ("fork", "spawn"))
EXECUTORS = {
    "none": contextlib.nullcontext,
    "threads": partial(ThreadPoolExecutor, 2),
    "processes, fork": partial(ProcessPoolExecutor, 2, fork),
    "processes, spawn": partial(ProcessPoolExecutor, 2, spawn),
    "loky": loky,
    "Dask": dask,
    "Ray": ray,
    "MPI": mpi,
}


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000
    count = max(1, rows // CHUNK)
    w = np.full(COLUMNS, 0.5)
    chunks = [partial(load, CHUNK, i) for i in range(count)]
    times = []
    for _ in range(3):
        began = time.perf_counter()
        value, slopes = numpy_pass(w, CHUNK, count)
        times.append(time.perf_counter() - began)
    tell(f"{count} chunks of {CHUNK:,} rows; NumPy, one process: {statistics.median(times):.2f} s")
    expected = None
    under_mpi = {"PMI_SIZE", "OMPI_COMM_WORLD_SIZE"} & os.environ.keys()
    for name, make in EXECUTORS.items():
        if name != "none" and (name == "MPI") != bool(under_mpi):
            continue
        try:
            with make() as executor:
                total = over(gradient, chunks, executor)
                times = []
                for _ in range(3):
                    began = time.perf_counter()
                    found = total(w)
                    times.append(time.perf_counter() - began)
        except (ImportError, OSError) as error:
            tell(f"{name}: not here ({error})")
            continue
        bits = found[0].hex(), [float(x).hex() for x in found[1]]
        expected = expected or bits
        assert np.isclose(found[0], value, rtol=1e-12)
        assert np.allclose(found[1], slopes, rtol=1e-9)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        same = "the same bits" if bits == expected else "OTHER BITS"
        tell(
            f"{name}: {same}, first pass {times[0]:.2f} s, then {min(times[1:]):.2f} s; "
            f"this process {peak:.0f} MB"
        )
    if under_mpi:
        return
    chunks = [partial(load_or_die, 1_000, i) for i in range(20)]
    right = over(gradient, [partial(load, 1_000, i) for i in range(20)])(w)
    outcomes = {"right": 0, "wrong": 0, "refused": 0}
    for _ in range(KILLS):
        try:
            found = over(gradient, chunks, partial(ProcessPoolExecutor, 2, fork))(w)
        except RuntimeError:
            outcomes["refused"] += 1
        else:
            same = found[0] == right[0] and (found[1] == right[1]).all()
            outcomes["right" if same else "wrong"] += 1
    tell(f"{KILLS} passes, one job in 20 kills its worker: {outcomes}")


if __name__ == "__main__":
    main()
