"""What a row means is in its columns: its formula, written otherwise, changes the formula alone."""

import difflib
import json
import os
import re
import shutil
from pathlib import Path

import micrograd_gd

PACKAGE = Path(micrograd_gd.__file__).parent
OTHERWISE = {
    "add": ('"a + b"', '"b + a"'),
    "sub": ('"a - b"', '"-b + a"'),
    "mul": ('"a * b"', '"b * a"'),
    "pow": ('"a ** b"', '"pow(a, b)"'),
    "square": ('"x * x"', '"x ** 2"'),
    "dot": ('"s + w * x"', '"x * w + s"'),
}
READ = """
import json, sys
from pathlib import Path
from micrograd_gd import Value, formula, grad, trace
from micrograd_gd.compiler.fast_math import relax
from micrograd_gd.compiler.passes import describe
from micrograd_gd.core.native.generate import generate
from micrograd_gd.functional import dot
from micrograd_gd.table.ops import OPERATIONS

def f(a, b):
    y = (a * 1.0 + -0.0) * (1.0 * b) - 0.0 + a**1.0 + b**2.0 + a / 1.0
    return y + (a * 0.0 + (b - b)) * a + a**3.0 + b / 4.0

folder = Path(sys.argv[1])
generate(folder, Value)
program = trace(grad(lambda a, b: dot([f(a, b), a], [b, 2.0], b), (0, 1)), 2.0, 3.0)
a, b = Value(2.0, label="a"), Value(3.0, label="b")
texts = {path.name: path.read_text() for path in sorted(folder.glob("*.[ch]"))}
texts["traits"] = "\\n".join(f"{row!r}: {describe(row)}" for row in OPERATIONS.values())
texts["program"], texts["fast"] = str(program), str(relax(program))
texts["formula"] = formula(f(a, b)) + formula(f(a, b), wrt=a)
print(json.dumps(texts))
"""


def read_rows(python, house, folder):
    """Everything that is written from the table of the package in `house`."""
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(house), "MICROGRAD_GD_ENGINE": "python"}
    return json.loads(python("-c", READ, folder, env=environment, cwd=house).stdout)


def test_a_row_written_otherwise_changes_nothing_but_its_own_formula(tmp_path, python):
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "micrograd_gd", ignore=ignored)
    before = read_rows(python, tmp_path, tmp_path / "before")
    table = tmp_path / "micrograd_gd" / "table" / "ops.py"
    text = table.read_text()
    for name, (formula, otherwise) in OTHERWISE.items():
        row = re.search(rf'primitive\("{name}", "[^"]*", ', text)
        assert text.startswith(formula, row.end()), name
        text = text[: row.end()] + otherwise + text[row.end() + len(formula) :]
    table.write_text(text)
    after = read_rows(python, tmp_path, tmp_path / "after")
    names = "|".join(OTHERWISE)
    own = re.compile(
        rf"\b(value|step|rule)_({names})\b|/\* ({names})\(|\"({names})\"|_s = "
    )  # of dot
    for name, lines in before.items():
        changed = difflib.unified_diff(lines.split("\n"), after[name].split("\n"), n=0, lineterm="")
        others = [line for line in [*changed][2:] if not line.startswith("@@")]
        assert [line for line in others if not own.search(line)] == [], name
