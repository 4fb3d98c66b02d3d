"""How the suite runs, and what all tests share.

`python -m pytest` runs the suite in two processes. This one has the native engine. It runs what
depends on the engine, and then the rest, the tests in `ENGINE_FREE`. The other runs what depends on
the engine, on the Python engine; then it starts again on the native one and takes tests of the
rest, from the back, until the two meet. So what knows no engine runs once.

Where paths are given (`python -m pytest tests/core`), or one engine (`--engine=python`), a single
process runs all that was asked for. `--engine=both` gives two processes again.

`--hypothesis-profile=thorough` draws fifteen times as many examples, and looks at all points of the
tests of accuracy.

However a run ends, the processes that it started end too; see `processes.py`.
"""

import contextlib
import functools
import gc
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from itertools import chain, pairwise
from pathlib import Path

import processes
import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
CASES = ROOT.parent / "shared" / "cases"

# Folders here and in the package, and files. What they hold sees a `Value` through its public names
# alone.
ENGINE_FREE = {
    "cli",
    "data",
    "descent",
    "exercises",
    "notation",
    "pages",
    "persist",
    "project",
    "test_known_derivatives.py",
    "test_nist.py",
    "testing",
    "training",
    "viz",
}

# How many examples hypothesis draws. What a failure prints replays it.
settings.register_profile("default", max_examples=20, deadline=None, print_blob=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=300)
settings.load_profile("default")

# All processes read what the first has compiled. Some containers forbid to write it down.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

FINE = {None, pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}  # None: not yet over


@pytest.fixture
def cases():
    """The folder of real cases with known answers, where it stands beside the project."""
    if not CASES.is_dir():
        pytest.skip(f"the cases are not beside this checkout: {CASES} is missing")
    return CASES


@pytest.fixture
def start():
    """Starts a process as `subprocess.Popen` does; after the test it is ended."""
    with contextlib.ExitStack() as stack:

        def start(command, **options):
            process = processes.start(command, **options)
            stack.callback(processes.end, process)
            return process

        yield start


@pytest.fixture
def python(start):
    """Runs `python` with some arguments to its end, and gives what it printed."""

    def python(*arguments, check=True, **options):
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        defaults = {"env": {**os.environ, "PYTHONPATH": path}, **pipes}
        process = start([sys.executable, *map(str, arguments)], **{**defaults, **options})
        out, err = process.communicate()
        if check and process.returncode != 0:
            pytest.fail(f"{process.args} gave {process.returncode}\n{out}{err}")
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return python


def pytest_addoption(parser):
    parser.addoption(
        "--engine",
        choices=["both", "native", "python"],
        help="which engine the tests run on; both, where no paths are given: a second process "
        "runs the Python engine",
    )
    parser.addoption("--shared", type=Path, help="a folder: what two processes share in one run")


def pytest_configure(config):
    """Choose the engine before anything imports the package."""
    assert "micrograd_gd.engine" not in sys.modules, "too late to choose an engine"
    engine = config.getoption("engine")
    if engine is None and config.args_source != pytest.Config.ArgsSource.ARGS:
        engine = "both"
    os.environ["MICROGRAD_GD_ENGINE"] = engine if engine in {"native", "python"} else ""
    from micrograd_gd import engine_name

    config.companion = None
    if engine == "both" and not config.option.collectonly and engine_name() == "native":
        config.companion = Companion(config)
        config.option.shared = config.companion.shared


def pytest_sessionstart(session):
    """Let Ctrl-C end the run, where a script started it with `&` too."""

    def interrupt(*_):
        session.shouldstop = "interrupted"  # whatever the code under test makes of the exception
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol():
    """Run a test, or an example in a docstring; what it adds to the table is gone afterwards."""
    from micrograd_gd import Value, engine, functional
    from micrograd_gd.table.ops import OPERATIONS

    before = set(OPERATIONS)
    result = yield
    for added in OPERATIONS.keys() - before:
        row = OPERATIONS.pop(added)
        operators = [f"__{prefix}{row.method}__" for prefix in ("", "r") if row.method]
        native = getattr(sys.modules.get("micrograd_gd.core.native"), "Value", Value)
        for kind in {Value, engine.PythonValue, native}:  # a test may have asked for both engines
            for name in {added, *row.aliases, *operators} & vars(kind).keys():
                delattr(kind, name)
        delattr(functional, added)
        functional.__all__.remove(added)
    return result


def pytest_ignore_collect(collection_path, config):
    """Leave out the examples of the module that needs scikit-learn, where there is none.

    The other process leaves out what it does not run.
    """
    if collection_path.name == "estimators.py" and importlib.util.find_spec("sklearn") is None:
        return True
    if config.option.shared and not config.companion and is_inner(collection_path):
        return is_engine_free(collection_path) == (config.getoption("engine") == "python") or None
    return None


def pytest_collection_finish():
    """Keep what the collection has made from being searched through whenever garbage is."""
    gc.freeze()


def pytest_report_header(config):
    from micrograd_gd import engine_name

    beside = "; the python engine runs beside" if config.companion else ""
    return f"engine: {engine_name()}{beside}"


def is_inner(path):
    """Whether the path is within `tests` or the package."""
    return len(path.relative_to(ROOT).parts) > 1


def is_engine_free(path):
    return not ENGINE_FREE.isdisjoint(path.relative_to(ROOT).parts[1:])


def pytest_runtestloop(session):
    """Run what depends on the engine, then what the other process has not taken."""
    config = session.config
    shared, companion = config.option.shared, config.companion
    if shared is None or session.testsfailed or config.option.collectonly:
        return None  # pytest's own loop
    free = [item for item in session.items if is_engine_free(item.path)]
    bound = [item for item in session.items if not is_engine_free(item.path)]
    if companion is None:  # this is the other process
        free.reverse()
        free, bound = ([], bound) if config.getoption("engine") == "python" else (free, [])
    mine = chain(bound, (item for item in free if take(item, shared)))
    for item, following in pairwise(chain(mine, [None])):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if companion and companion.follow() and config.option.maxfail:
            session.shouldfail = "stopping after a failure beside"
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
    return True


def take(item, shared):
    """Whether this process is the first to take the test."""
    name = hashlib.sha256(item.nodeid.encode()).hexdigest()
    try:
        (shared / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def pytest_sessionfinish(session, exitstatus):
    companion = session.config.companion
    if companion is None or exitstatus == pytest.ExitCode.INTERRUPTED or session.shouldfail:
        return  # at once
    beside = companion.wait()
    if beside:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:  # all was run beside
        session.exitstatus = pytest.ExitCode.OK


def pytest_terminal_summary(terminalreporter, config):
    if config.companion:
        for engine, text in config.companion.reports():
            terminalreporter.section(f"beside, on the {engine} engine")
            terminalreporter.write(text)


def pytest_unconfigure(config):
    if getattr(config, "companion", None):
        config.companion.end()


class Companion:
    """The other process: on the Python engine, and then on the native one to share what is left."""

    def __init__(self, config):
        self.config = config
        self.shared = Path(tempfile.mkdtemp())
        self.runs = {}  # by engine: the process and what it says
        self.start("python")

    def start(self, engine):
        given = self.config.invocation_params
        options = [f"--engine={engine}", f"--shared={self.shared}"]
        if self.config.pluginmanager.has_plugin("cacheprovider"):
            options += ["-o", f"cache_dir=.pytest_cache/{engine}"]  # its failures, --last-failed
        output = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 — see end()
        process = processes.start(
            [sys.executable, "-m", "pytest", *given.args, *options],
            cwd=given.dir,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        self.runs[engine] = process, output

    def follow(self):
        """Whether a test failed there, as far as is known; and start what comes next."""
        failed = [process.poll() not in FINE for process, _ in self.runs.values()]
        if len(failed) == 1 and self.runs["python"][0].returncode is not None:
            self.start("native")
        return any(failed)

    def wait(self):
        """Whether a test failed there."""
        return bool({process.wait() for process, _ in self.runs.values()} - FINE)

    def reports(self):
        """For each engine its last line, and all it said where a test failed."""
        for engine, (process, output) in self.runs.items():
            output.seek(0)
            lines = output.read().splitlines(keepends=True)
            yield engine, "".join(lines[-1:] if process.poll() in FINE else lines)

    def end(self):
        for process, output in self.runs.values():
            processes.end(process)
            output.close()
        shutil.rmtree(self.shared)


class Run:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


@functools.cache
def build_command():
    """What the command line builds of its functions in each process."""
    import typer

    from micrograd_gd import cli

    return typer.main.get_command(cli.app)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """The command line in this process, with an empty folder to stand in."""
    from micrograd_gd import cli  # once an engine is chosen

    monkeypatch.setattr(cli, "app", build_command())
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        with pytest.raises(SystemExit) as exited:
            cli.main([*map(str, arguments)])
        return Run(exited.value.code, *capsys.readouterr())

    return command


@pytest.fixture
def undrawn(monkeypatch):
    """Trainings of the command line without their pictures, which take most of the time."""
    monkeypatch.setattr("micrograd_gd.cli.run._draw", lambda *_: [])
