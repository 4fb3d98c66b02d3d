"""A training on a Parquet file of 4,000,000 rows: memory and time on each executor, and the bits.

`python tests/benchmarks/chunks.py [ROWS]` writes the file, with 8 numbers and a class in each row,
and trains on chunks of 100,000 rows for two epochs, on each executor in a process of its own.
"""

import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
from job import tell

from micrograd_gd import MLP, data, fit

COLUMNS, EPOCHS = 8, 2
SPAWN = multiprocessing.get_context("spawn")  # polars has threads, which a fork would lose
EXECUTORS = {
    "none": nullcontext,
    "threads": partial(ThreadPoolExecutor, 2),
    "processes, spawn": partial(ProcessPoolExecutor, 2, SPAWN),
    "batches of 1,000": nullcontext,
}


def write(path, rows):
    import polars as pl

    xs = np.random.default_rng(0).normal(size=(rows, COLUMNS))
    names = [f"x{i}" for i in range(COLUMNS)]
    frame = pl.DataFrame(xs, schema=names)
    frame = frame.with_columns(y=pl.sum_horizontal(names) > 0)
    frame.write_parquet(path, row_group_size=100_000)


def train(path, name):
    """Print what a training costs, as JSON."""
    before = peak()
    model, began, used = MLP(COLUMNS, 1, seed=0), time.perf_counter(), time.process_time()
    with EXECUTORS[name]() as executor:
        history = fit(
            model,
            data.read_chunks(path, "y"),
            loss="binary_cross_entropy",
            learning_rate=1.0,
            epochs=EPOCHS,
            batch_size=1_000 if name.startswith("batches") else None,
            seed=0,
            executor=executor,
            progress=False,
        )
    figures = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "before": before,
        "peak": peak(),
        "accuracy": history.rows[-1]["accuracy"],
        "bits": [parameter.data.hex() for parameter in model.parameters()],
    }
    sys.stdout.write(json.dumps(figures))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "points.parquet")
        subprocess.run([sys.executable, __file__, str(rows), "write", path], check=True)
        tell(f"{rows:,} rows of {COLUMNS} numbers, a file of {path.stat().st_size / 1e6:.0f} MB")
        expected = None
        for name in EXECUTORS:
            command = [sys.executable, __file__, "0", name, path]
            figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            expected = expected or figures["bits"]
            same = "the same bits" if figures["bits"] == expected else "other bits"
            tell(
                f"{name}: {EPOCHS} epochs in {figures['seconds']:.1f} s ({figures['cpu']:.1f} s of "
                f"this process), {figures['peak']:.0f} MB, {figures['before']:.0f} before; "
                f"accuracy {figures['accuracy']:.3f}, {same}"
            )


if __name__ == "__main__":
    if len(sys.argv) < 4:
        main()
    elif sys.argv[2] == "write":
        write(sys.argv[3], int(sys.argv[1]))
    else:
        train(sys.argv[3], sys.argv[2])
