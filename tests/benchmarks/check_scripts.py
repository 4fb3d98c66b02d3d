"""Check the scripts of the pages by TypeScript, which finds most types by itself.

`python tests/benchmarks/check_scripts.py` needs Node, whose npx fetches the compiler. The scripts
of a kind share their names with those of `frame` and with the engine, so they are checked together.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import micrograd_gd
from micrograd_gd.pages import write_engine

PAGES = Path(micrograd_gd.__file__).parent / "pages"
OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "noEmit": True,
    "strict": False,
    "noImplicitThis": True,
    "noUnusedLocals": True,
    "lib": ["esnext", "dom", "dom.iterable"],
    "target": "esnext",
    "module": "esnext",
    "moduleDetection": "legacy",  # scripts, which share their names
    "types": [],
}


def run_compiler(*arguments):
    """What the compiler says; None where it is not to be had."""
    npx = shutil.which("npx")
    command = [npx, "--yes", "--package=typescript@7.0.2", "tsc", *arguments]
    return npx and subprocess.run(command, check=False, capture_output=True, text=True)


def check(folder, kind):
    """What is wrong with the scripts of a kind."""
    sources = [file for part in (PAGES / "frame", kind) for file in sorted(part.glob("*.js"))]
    files = [str(folder / "engine.js"), *map(str, sources)]
    config = folder / f"{kind.name}.json"
    config.write_text(json.dumps({"compilerOptions": OPTIONS, "files": files}))
    return run_compiler("-p", config).stdout.splitlines()


def main(folder):
    """Print what was checked; end with an error where something is wrong."""
    found = run_compiler("--version")
    if not found or found.returncode:
        print("not checked: npx is not here, or cannot fetch the compiler")  # noqa: T201 — a command that prints
        return
    (folder / "engine.js").write_text(write_engine(), encoding="utf-8")
    kinds = sorted({file.parent for file in PAGES.glob("*/*.js")} - {PAGES / "frame"})
    wrong = [line for kind in kinds for line in check(folder, kind)]
    print(f"checked the scripts of {', '.join(kind.name for kind in kinds)}")  # noqa: T201 — a command that prints
    sys.exit("\n".join(dict.fromkeys(wrong)) or 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(place))
