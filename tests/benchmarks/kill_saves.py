"""Kill a training again and again, mostly while it saves, and see that nothing was lost.

    python tests/benchmarks/kill_saves.py 200

trains on iris in a process that is killed 200 times by SIGKILL, resumes
after every kill, and compares the bytes of all that was written with those of a training
that nobody disturbed.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from micrograd_gd import load

TRAIN = ["train", "iris", "--hidden", "3", "--out", "run"]


def command(*arguments):
    return [sys.executable, "-m", "micrograd_gd", *arguments]


def environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def run(folder, *arguments):
    subprocess.run(
        command(*arguments), cwd=folder, env=environment(), check=True, capture_output=True
    )


def look(folder):
    """The checkpoint and what is on its way to become one: a save changes this twice."""
    run = folder / "run"
    return {
        (file.name, file.inode())  # so that a save is noticed also when it is over
        for file in (os.scandir(run) if run.is_dir() else ())
        if file.name == "checkpoint.json" or file.name.endswith(".part")
    }


def kill_once(folder, arguments, generator, most):
    """Start the training, kill it at one of its first saves; whether it was in the middle of one.

    None where the training ended before it could be killed.
    """
    process = subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    old = before = look(folder)
    changes, wanted = 0, generator.randint(1, most)
    if "--resume" not in arguments:
        wanted += 1  # what is killed within its first save has nothing to go on from
    while process.poll() is None:
        now = look(folder)
        if any(name == "checkpoint.json" for name, _ in now):  # that save is over
            changes += now != before
        before = now
        if changes >= wanted:
            process.kill()
            process.wait()
            return any(name.endswith(".part") for name, _ in look(folder) - old)
        time.sleep(generator.random() * 1e-4)
    assert process.returncode == 0
    return None


def disturb(folder, epochs, kills, most, seed=0):
    """Train under so many kills; how many there were, and how many in the middle of a save."""
    generator = random.Random(seed)
    arguments = [*TRAIN, "--epochs", str(epochs), "--checkpoint-seconds", "0"]
    done = halves = 0
    while done < kills:
        result = kill_once(folder, arguments, generator, most)
        if result is None:
            return done, halves
        done, halves = done + 1, halves + result
        checkpoint = folder / "run" / "checkpoint.json"
        if checkpoint.exists():  # always whole, or load complains
            load(checkpoint)
            arguments = ["train", "--resume", "run", "--checkpoint-seconds", "0"]
    run(folder, *arguments)
    return done, halves


def contents(folder):
    """The bytes by file; a training knows the folder that it was started in."""
    files = (folder / "run").iterdir()
    return {path.name: path.read_bytes().replace(str(folder).encode(), b"") for path in files}


def compare(kills, epochs, most):
    """Train disturbed and undisturbed; the kills, those within a save, and the files compared."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        done, halves = disturb(Path(one), epochs, kills, most)
        run(Path(other), *TRAIN, "--epochs", str(epochs))
        assert contents(Path(one)) == contents(Path(other))
        return done, halves, sorted(contents(Path(one)))


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    done, halves, names = compare(count, epochs=30 * count, most=12)
    print(  # noqa: T201 — the answer of this program
        f"killed {done} times, {halves} of them in the middle of a save; "
        f"the same bytes in {', '.join(names)}"
    )
