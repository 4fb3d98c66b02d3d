"""`python -m micrograd_gd`: the command line."""

import os
import signal
import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line, which takes a moment to load: Ctrl-C may come before it has."""
    try:
        if sys.stdout is None:
            sys.exit("micrograd-gd: standard output is closed; write to /dev/null for no answer")
        if sys.stderr is None:
            sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
        try:
            from micrograd_gd.cli import main  # noqa: PLC0415 — see above
        except ModuleNotFoundError as error:
            if error.name != "typer":
                raise
            from micrograd_gd.names import missing_package  # noqa: PLC0415 — see above

            sys.exit(f"micrograd-gd: {missing_package(error.name, 'the command line')}")
        main()
    except KeyboardInterrupt:
        print("micrograd-gd: interrupted; nothing more was written", file=sys.stderr)  # noqa: T201 — the command line
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end is near anyhow


if __name__ == "__main__":
    run()
