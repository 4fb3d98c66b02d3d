"""What all tests share: both engines, how hypothesis runs, and the cases with known answers.

One run of the suite is two: the native engine here, and beside it, in a process of its own, the
Python engine with the same arguments. `--engine=python` or `--engine=native` runs one alone.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, print_blob=True)  # a failure can be replayed
settings.load_profile("default")

CASES = Path(__file__).parents[2] / "shared" / "cases"

# What does not depend on the engine runs once: here, or in the other process, which has less to do.
RUN_HERE = {"test_native.py", "data", "test_estimators.py", "project"}
RUN_BESIDE = {
    "test_mutations.py",
    "test_parse.py",
    "persist",
    "test_plugin.py",
    "test_strategies.py",
    "test_architecture.py",
    "plots",
    "test_machines.py",
    "test_zoo.py",
}


@pytest.fixture
def cases():
    """The folder of real cases with known answers, where it stands beside the project."""
    if not CASES.is_dir():
        pytest.skip(f"the cases are not beside this checkout: {CASES} is missing")
    return CASES


@pytest.fixture
def table():
    """The table of operations, rid afterwards of what a test adds to it."""
    from micrograd_gd import Value, engine, functional
    from micrograd_gd.table.ops import OPERATIONS

    before = set(OPERATIONS)
    yield OPERATIONS
    for added in OPERATIONS.keys() - before:
        del OPERATIONS[added]
        for kind in {Value, engine.PythonValue}:
            delattr(kind, added)
        delattr(functional, added)
        functional.__all__.remove(added)


def pytest_addoption(parser):
    parser.addoption(
        "--engine",
        choices=["both", "native", "python"],
        default="both",
        help="which engine the tests run on; both: a second process runs the Python engine",
    )


def pytest_configure(config):
    """Choose the engine before anything imports the package."""
    engine = config.getoption("engine")
    assert "micrograd_gd" not in sys.modules, "too late to choose an engine"
    os.environ["MICROGRAD_GD_ENGINE"] = {"both": ""}.get(engine, engine)
    config.python_engine = None
    if engine == "both" and not config.option.collectonly and native_was_built():
        config.python_engine = Companion(config)


def pytest_ignore_collect(collection_path, config):
    """Leave out what the other process runs all the same.

    And the examples of a module that needs scikit-learn, where there is none.
    """
    if collection_path.name == "estimators.py" and importlib.util.find_spec("sklearn") is None:
        return True
    elsewhere = RUN_HERE if config.getoption("engine") == "python" else set()
    if config.python_engine:
        elsewhere = RUN_BESIDE
    in_tests = collection_path.is_relative_to(Path(__file__).parent)
    return True if in_tests and collection_path.name in elsewhere else None


def pytest_report_header(config):
    from micrograd_gd import engine_name

    beside = "; the python engine runs beside" if config.python_engine else ""
    return f"engine: {engine_name()}{beside}"


def pytest_sessionfinish(session):
    companion = session.config.python_engine
    if companion is None:
        return
    nothing = pytest.ExitCode.NO_TESTS_COLLECTED
    beside = companion.wait()
    if beside not in {pytest.ExitCode.OK, nothing}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif session.exitstatus == nothing:  # all that was asked for ran beside
        session.exitstatus = beside


def pytest_terminal_summary(terminalreporter, config):
    if config.python_engine:
        terminalreporter.section("the same tests on the python engine")
        terminalreporter.write(config.python_engine.report())


def pytest_unconfigure(config):
    if getattr(config, "python_engine", None):
        config.python_engine.end()


def native_was_built():
    """Ask another process: this one has not chosen its engine yet."""
    question = "from micrograd_gd import engine_name; raise SystemExit(engine_name() != 'native')"
    return subprocess.run([sys.executable, "-c", question], check=False).returncode == 0


class Companion:
    """The same run on the Python engine, in another process."""

    def __init__(self, config):
        arguments = [*config.invocation_params.args, "--engine=python", "-p", "no:cacheprovider"]
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 — see end()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=config.invocation_params.dir,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def wait(self):
        return self.process.wait()

    def report(self):
        """Its last line, and all it said where it failed."""
        self.output.seek(0)
        lines = self.output.read().splitlines(keepends=True)
        return "".join(lines if self.process.returncode else lines[-1:])

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.output.close()
