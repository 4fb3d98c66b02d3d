"""The command line in this process."""

import pytest


class Run:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """The command line in this process, with an empty folder to stand in."""
    from micrograd_gd import cli  # once an engine is chosen

    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        with pytest.raises(SystemExit) as exited:
            cli.main([*map(str, arguments)])
        return Run(exited.value.code, *capsys.readouterr())

    return command
