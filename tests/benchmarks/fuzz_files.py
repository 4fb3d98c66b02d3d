"""Give any bytes for a saved model: `python tests/benchmarks/fuzz_files.py 100000 --seed 1`.

Random bytes, and files of every kind that were damaged: bytes changed, cut, doubled, moved; entries
of the JSON replaced by what strikes back, such as a list in a list in a list, numbers of a thousand
digits, keys that come twice; headers that lie about lengths and shapes. Each must be read, or
refused with one line, as a `ModelFileError`, within seconds, and without running, importing or
opening anything.
"""

import argparse
import json
import random
import signal
import struct
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from micrograd_gd import MLP, Layer, fit, load, save
from micrograd_gd.data import Scaling
from micrograd_gd.errors import ModelFileError
from micrograd_gd.optim import Adam
from micrograd_gd.training.predictor import Predictor

SECONDS = 20  # for one file, on a busy machine

HOSTILE = [
    "[" * 2000 + "]" * 2000, "[" * 100_000, '{"a":' * 2000 + "1" + "}" * 2000, "9" * 4000,
    "9" * 5000, "-" + "9" * 400, "1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity", "nan",
    '"nan"', '"inf"', "null", "true", "[]", "{}", '""', "0", "-1", "1.5", "[1, 2]", '"\\ud800"',
    '"__import__(\\"os\\").system(\\"true\\")"', '"../../etc/passwd"', '{"a": 1, "a": 2}',
    "[[1], [1, 2]]", "1000000000000", '"relu"', '"exp"', '"no"', "[0]",
    "[1000000000, 1000000000]",
    '"micrograd_gd model"', '"micrograd_gd training"', '"micrograd_gd optimizer"',
    "18446744073709551616",
]  # fmt: skip

# What happens in Python when something is run, imported, opened for writing or looked up elsewhere.
FORBIDDEN = (
    "exec", "compile", "import", "os.", "subprocess.", "socket.", "ctypes.", "pickle.", "marshal.",
    "shutil.", "code.", "sys.set", "webbrowser.",
)  # fmt: skip


class Guard:
    """Notes each forbidden event while a file is read."""

    def __init__(self):
        self.path, self.seen = None, []
        sys.addaudithook(self.hear)

    def hear(self, event, arguments):
        if self.path is None:
            return
        is_another_file = event == "open" and str(arguments[0]) != str(self.path)
        if is_another_file or event.startswith(FORBIDDEN):
            self.seen.append((event, repr(arguments)[:200]))

    @contextmanager
    def over(self, path):
        self.path, self.seen = path, []
        try:
            yield
        finally:
            self.path = None


def wholes(folder):
    """A whole file of every kind, as bytes, with its suffix and what it is loaded into."""
    mlp = MLP(2, [3, 2], activation="tanh", seed=1)
    things = [
        Predictor(mlp, Scaling((0.1, -2.0), (3.0, 0.7)), None, ("a", "b"), "kind", ("x", "y")),
        mlp,
        Layer(1, 1, seed=0),
        Adam(mlp.parameters(), 0.1),
        fit(MLP(1, 1, seed=0), [[0.0], [1.0]], [1.0, 2.0], epochs=2, progress=False).training,
    ]
    found = []
    for suffix in (".json", ".safetensors"):
        for thing in things:
            save(thing, folder / f"whole{suffix}")
            into = thing if isinstance(thing, (Layer, Adam)) else None
            found.append(((folder / f"whole{suffix}").read_bytes(), suffix, into))
    return found


def damage(raw, suffix, generator):
    """The bytes of a file, damaged once or more."""
    for _ in range(generator.choice((1, 1, 2, 5))):
        raw = generator.choice(DAMAGES)(raw, suffix, generator)
    return raw


def change_bytes(raw, _, generator):
    raw = bytearray(raw)
    for _ in range(generator.randint(1, 8)):
        if raw:
            raw[generator.randrange(len(raw))] = generator.randrange(256)
    return bytes(raw)


def cut(raw, _, generator):
    return raw[: generator.randint(0, len(raw))]


def double_or_move(raw, _, generator):
    a, b = sorted(generator.randint(0, len(raw)) for _ in range(2))
    return generator.choice((raw[:a] + raw[b:], raw[:b] + raw[a:], raw[b:] + raw[:b]))


def header_of(raw):
    if len(raw) < 8:
        return None
    (length,) = struct.unpack_from("<Q", raw)
    return raw[8 : 8 + length] if length <= len(raw) - 8 else None


def replace_entry(raw, suffix, generator):
    """Some value or key of the JSON becomes something hostile."""
    head = raw if suffix == ".json" else header_of(raw)
    try:
        content = json.loads(head)
        inner = content.get("__metadata__", {}).get("micrograd_gd") if suffix != ".json" else None
        if inner is not None and generator.random() < 0.7:
            content["__metadata__"]["micrograd_gd"] = hit(json.loads(inner), generator)
            text = json.dumps(content)
        else:
            text = hit(content, generator)
    except (TypeError, ValueError, RecursionError, AttributeError):
        return raw
    changed = text.encode("utf-8", "surrogatepass")
    if suffix == ".json":
        return changed
    return struct.pack("<Q", len(changed)) + changed + raw[8 + len(head) :]


def hit(content, generator):
    """The content as JSON, one entry of it replaced."""
    places = []

    def walk(node):
        if isinstance(node, dict):
            places.extend((node, key) for key in node)
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            places.extend((node, i) for i in range(min(len(node), 4)))
            for child in node[:4]:
                walk(child)

    walk(content)
    if not places:
        return generator.choice(HOSTILE)
    node, key = generator.choice(places)
    if isinstance(node, dict) and generator.random() < 0.2:
        del node[key]
        return json.dumps(content)
    node[key] = "@@@"
    return json.dumps(content).replace('"@@@"', generator.choice(HOSTILE), 1)


def lie_about_lengths(raw, suffix, generator):
    if suffix == ".json" or len(raw) < 8:
        return raw
    length = generator.choice((0, 1, len(raw), 2**31, 2**63, 2**64 - 1, generator.randrange(2000)))
    return struct.pack("<Q", length) + raw[8:]


DAMAGES = [change_bytes, cut, double_or_move, replace_entry, replace_entry, replace_entry,
           lie_about_lengths]  # fmt: skip


def noise(generator):
    raw = generator.randbytes(generator.choice((0, 1, 7, 8, 9, 50, 1000)))
    return generator.choice((b"", b"{", b"[", b'{"format": ', struct.pack("<Q", 20) + b"{")) + raw


def out_of_time(*_):
    raise TimeoutError(f"a file was read for more than {SECONDS} seconds")


def fuzz(count, seed):
    """Read so many files; how many of them were refused, and how many were fine all the same."""
    generator, guard, outcomes = random.Random(seed), Guard(), Counter()
    signal.signal(signal.SIGALRM, out_of_time)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seeds = wholes(folder)
        for raw, suffix, into in seeds:  # so that what is imported lazily is there
            (folder / f"file{suffix}").write_bytes(raw)
            load(folder / f"file{suffix}", into=into)
        for i in range(count):
            raw, suffix, into = generator.choice(seeds)
            is_noise = generator.random() < 0.2
            raw = noise(generator) if is_noise else damage(raw, suffix, generator)
            path = folder / f"file{suffix}"
            path.write_bytes(raw)
            outcomes[once(path, into, guard, raw, i)] += 1
    return outcomes


def once(path, into, guard, raw, i):
    signal.alarm(SECONDS)
    try:
        with guard.over(path):
            load(path, into=into)
        outcome = "read"
    except ModelFileError as error:
        message = str(error)
        assert message.startswith(f"{path}: "), message
        assert "\n" not in message, message
        assert len(message) < 1000, message
        outcome = "refused"
    except BaseException:
        Path("fuzz_files.bytes").write_bytes(raw)
        sys.stderr.write(f"file {i} is kept as fuzz_files.bytes ({path.suffix})\n")
        raise
    finally:
        signal.alarm(0)
    assert not guard.seen, guard.seen
    return outcome


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes = fuzz(options.count, options.seed)
    print(f"{options.count} files: {dict(outcomes)}; no crash, no hang, nothing run")  # noqa: T201 — the answer of this program
