"""Imports point one way, and importing the package is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd_gd

PACKAGE = Path(micrograd_gd.__file__).parent

# A module imports only from groups to its left.
ORDER = [
    {"_version", "errors", "ieee", "files", "text"},
    {"expression"},
    {"operation"},
    {"ops"},
    {"modes", "choice", "latex"},
    {"copies"},
    {"engine", "_core"},
    {"sweep"},
    {"functional", "trees", "sparsity", "terms", "parse", "explain"},
    {"formula", "recording"},
    {"transforms", "custom"},
    {"module", "losses", "optim", "tables", "jit"},
    {"nn"},
    {"data", "history"},
    {"viz"},
    {"samples", "testing"},
    {"training"},
    {"persist"},
    {"descent", "objective", "curvature"},
    {"learning_rate", "callbacks"},
    {"diagnosis", "experiment", "estimators"},
    {"reports"},
    {"cli"},
    {"__init__", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}

# Imports inside functions, against the order: backward() runs the sweeps, which are built on the
# engines; a notebook shows a value by its formula, which is built on both, and a module by its
# picture; the Python engine gives way to its twin where that was built; and what was pickled comes
# back as a value of the engine in use.
EXCEPTIONS = {
    ("engine", "sweep"), ("_core", "sweep"), ("engine", "formula"), ("_core", "formula"),
    ("choice", "_core"), ("copies", "engine"), ("module", "viz"),
}  # fmt: skip

STANDARD = sys.stdlib_module_names
THIRD_PARTY_HOMES = {
    "cli": {"typer"},
    "viz": {"graphviz"},
    "testing": {"hypothesis", "mpmath", "pytest"},
    "estimators": {"numpy", "sklearn"},
}  # the modules made for them


MODULES = [
    pytest.param(path, id=str(path.relative_to(PACKAGE))) for path in sorted(PACKAGE.rglob("*.py"))
]


def home(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """(module, whether inside a function) for every import in the file."""
    tree = ast.parse(path.read_text())
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            if node.module == "micrograd_gd":
                yield from ((f"micrograd_gd.{a.name}", node in inside) for a in node.names)
            else:
                yield node.module, node in inside


@pytest.mark.parametrize("path", MODULES)
def test_a_module_imports_only_from_its_left(path):
    importer = home(path)
    assert importer in LEVEL, f"{importer} has no place in the order of modules"
    for name, inside_function in imports(path):
        top, _, rest = name.partition(".")
        if top != "micrograd_gd" or importer in {"__init__", "__main__"}:
            continue
        imported = rest.split(".")[0]
        if imported not in LEVEL or imported == importer:
            assert imported == importer or hasattr(micrograd_gd, imported), name
            continue
        if not (inside_function and (importer, imported) in EXCEPTIONS):
            assert LEVEL[imported] < LEVEL[importer], f"{importer} must not know {imported}"


@pytest.mark.parametrize("path", MODULES)
def test_third_party_packages_are_imported_where_they_are_needed(path):
    importer = home(path)
    for name, inside_function in imports(path):
        top = name.partition(".")[0]
        if top == "micrograd_gd" or top in STANDARD:
            continue
        assert inside_function or top in THIRD_PARTY_HOMES.get(importer, ()), (
            f"{importer} imports {top} for everybody who imports {importer}"
        )


@pytest.mark.parametrize("path", MODULES)
def test_no_module_is_longer_than_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


def test_importing_the_package_needs_the_standard_library_alone():
    code = "import sys, micrograd_gd; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    ).stdout.split()
    foreign = set(loaded) - STANDARD - {"__main__", "micrograd_gd", "sitecustomize"}
    assert not foreign


def test_no_code_asks_for_an_operation_by_name():
    """Whatever differs between operations is a column of the table."""
    from micrograd_gd.ops import OPERATIONS

    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare | ast.MatchValue):
                constants = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
                names = ast.unparse(node)
                asked = constants & OPERATIONS.keys() if ".name" in names or "op" in names else ()
                assert not asked, f"{path.name}:{node.lineno} asks for {asked}"
