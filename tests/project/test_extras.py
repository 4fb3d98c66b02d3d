"""What a missing package keeps from working says which extra brings it, and `all` has enough."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"scikit-learn": "sklearn"}  # what distributions bring, where it has another name

SETUP = """
import os, sys
import warnings
os.environ["PATH"] = ""  # no program dot

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocked())
import micrograd_gd as m
from micrograd_gd import cli, viz
from types import SimpleNamespace as Record

rows = [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 0.5}]
model = m.MLP(2, [2, 1], seed=0)
descent = m.minimize(lambda x: x * x, 1.0)

open("a.safetensors", "w").close()
if "polars" in BLOCKED:
    open("a.parquet", "w").write("PAR1")
else:
    import polars
    polars.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}).write_parquet("a.parquet")
"""

# What needs an extra, by the extra.
USES = {
    "check": ["m.check_gradients(lambda x: x * x, 1.0)", "m.testing.GradientReport"],
    "viz": [
        "m.graph(m.Value(1.0)).svg()",
        "m.graph(m.Value(1.0)).save('a.pdf')",
        "viz.render(m.draw_dot(m.Value(1.0)), 'a.svg')",
        "viz.architecture(model).png()",
        "viz.plot_history(rows, 'a.svg')",
        "viz.plot_descent(descent, 'a.svg')",
        "viz.plot_sweep(m.sweep_learning_rates(lambda x: x * x, 1.0, [0.1]), 'a.svg')",
        "viz.plot_learning_rates(Record(rates=[0.1], losses=[1.0], suggestion=0.1), 'a.svg')",
        "viz.plot_gradients(model, 'a.svg')",
        "viz.plot_decision_boundary(model, [[0, 1], [1, 0]], [0, 1], 'a.svg', resolution=2)",
    ],
    "jit": [
        "m.jit(lambda x: x * x, backend='llvm')(1.0)",
        "m.fit(model, [[1, 2]], [1], loss='mse', epochs=1, compiled=True)",
    ],
    "safetensors": [
        "m.save(model, 'b.safetensors')",
        "m.load('a.safetensors' if 'safetensors' in BLOCKED else 'b.safetensors')",
    ],
    "scipy": ["m.curve_fit(lambda x, a: a * x, [1, 2], [1, 2], [1.0])"],
    "sklearn": ["import micrograd_gd.training.estimators"],
    "tables": ["m.data.read_csv('a.parquet')"],
    "testing": ["import micrograd_gd.testing.strategies"],
    "progress": ["m.fit(model, [[1, 2]], [1], epochs=1, progress=True)"],
}


def packages(*extras):
    """The modules that the extras bring, without what these need in turn."""
    found = set()
    for extra in extras:
        for requirement in PROJECT["optional-dependencies"][extra]:
            name = re.match(r"[\w-]+", requirement)[0]
            inner = re.search(r"\[(.*)\]", requirement)
            found |= packages(*inner[1].split(",")) if inner else {MODULES.get(name, name)}
    return found


def run(python, tmp_path, blocked, lines):
    """What the lines print, in a process that does not find some packages."""
    (tmp_path / "uses.py").write_text("\n".join([SETUP, *lines]), encoding="utf-8")
    return python("uses.py", ",".join(sorted(blocked)), cwd=tmp_path).stdout


def test_what_is_missing_says_what_to_install(python, tmp_path):
    uses = [(extra, use) for extra, lines in USES.items() for use in lines]
    lines = [
        line
        for _, use in uses
        for line in ("try:", f"    {use}", "    print()",
                     "except Exception as error:", "    print(str(error).replace('\\n', ' '))")
    ]  # fmt: skip
    printed = run(python, tmp_path, packages(*USES), lines).splitlines()
    for (extra, use), line in zip(uses, printed, strict=True):
        offered = use == "m.testing.GradientReport" and line == ""  # a name is there to be listed
        assert offered or f"pip install 'micrograd_gd[{extra}]'" in line, use


TRIED = ("check", "viz", "jit", "safetensors")  # the import of scikit-learn takes seconds


def test_all_is_enough_for_the_readme(python, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    uses = [lines[0] for extra, lines in USES.items() if extra in TRIED]
    lines = [*blocks, *uses, "print('done')"]
    blocked = packages("test", "testing") - packages("all")
    assert run(python, tmp_path, blocked, lines).endswith("done\n")


def test_every_package_is_a_dependency_or_an_extra():
    known = {re.match(r"[\w-]+", each)[0] for each in PROJECT["dependencies"]}
    known |= packages(*PROJECT["optional-dependencies"]) | {*sys.stdlib_module_names}
    known |= {"js", "pyodide"}  # are there where Python runs in a browser
    for path in (ROOT / "micrograd_gd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            roots = {name.partition(".")[0] for name in names} - {"micrograd_gd"}
            assert roots <= known, path


def test_the_command_line_says_what_to_install(python, tmp_path):
    lines = ["import runpy, sys", "sys.modules['typer'] = None", "sys.argv = ['', 'ops']",
             "runpy.run_module('micrograd_gd', run_name='__main__')"]  # fmt: skip
    (tmp_path / "uses.py").write_text("\n".join(lines), encoding="utf-8")
    done = python("uses.py", cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "micrograd-gd: the command line needs typer, which is not installed: "
        "run pip install 'micrograd_gd[cli]'\n"
    )


def test_a_command_that_cannot_draw_says_what_to_install(python, tmp_path):
    command = "cli.main(['graph', 'a*b', '--at', 'a=1,b=2'])"
    (tmp_path / "uses.py").write_text(f"{SETUP}\n{command}", encoding="utf-8")
    done = python("uses.py", ",".join(packages("viz")), cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'micrograd_gd[viz]'" in done.stderr
