"""Imports point one way, and importing the package is cheap."""

import ast
import re
import sys
from pathlib import Path

import pytest

import micrograd_gd

PACKAGE = Path(micrograd_gd.__file__).parent

# The drawing of the house: a room knows the floors below its own, and nothing else.
PAGE = (PACKAGE.parent / "docs" / "contributing.md").read_text(encoding="utf-8")
DRAWING = re.search(r"^## The house\n.*?^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]
FLOORS = [re.findall(r"^\w+", rooms, re.MULTILINE) for rooms in DRAWING.split("\n\n")]
LEVEL = {room: -depth for depth, rooms in enumerate(FLOORS) for room in rooms}

STANDARD = sys.stdlib_module_names
THIRD_PARTY_HOMES = {
    "cli": {"typer"},
    "viz": {"graphviz"},
    "descent/curve_fit.py": {"numpy", "scipy"},
    "testing": {"hypothesis", "mpmath", "pytest"},
    "training/estimators.py": {"numpy", "sklearn"},
}  # the modules made for them


MODULES = [
    pytest.param(path, id=str(path.relative_to(PACKAGE))) for path in sorted(PACKAGE.rglob("*.py"))
]

SOURCES = [
    pytest.param(path, id=str(path.relative_to(PACKAGE)))
    for path in sorted(PACKAGE.rglob("*.[ch]"))
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


def test_the_drawing_shows_the_rooms_that_are_there():
    assert sorted(room for rooms in FLOORS for room in rooms) == sorted(
        set(map(home, PACKAGE.rglob("*.py")))
    )


@pytest.mark.parametrize("path", MODULES)
def test_a_room_imports_only_from_the_layers_below(path):
    importer = home(path)
    assert importer in LEVEL, f"{importer} has no place in the drawing"
    for name, _ in imports(path):
        top, _, rest = name.partition(".")
        imported = rest.split(".")[0]
        if top != "micrograd_gd" or importer == imported:
            continue
        if imported not in LEVEL:
            assert hasattr(micrograd_gd, imported), name  # a name of the face
            imported = "__init__"
        assert LEVEL[imported] < LEVEL[importer], f"{importer} must not know {imported}"


@pytest.mark.parametrize("path", SOURCES)
def test_the_c_sources_import_only_from_the_layers_below(path):
    """What stands after `.name =` says where users find a type, and imports nothing."""
    for name in re.findall(r'(?<!name = )"micrograd_gd\.(\w+)', path.read_text()):
        assert name == "core" or LEVEL[name] < LEVEL["core"], f"{path.name} must not know {name}"


@pytest.mark.parametrize("path", MODULES)
def test_third_party_packages_are_imported_where_they_are_needed(path):
    place = path.relative_to(PACKAGE).as_posix()
    offered = set().union(
        *(names for at, names in THIRD_PARTY_HOMES.items() if place.startswith(at))
    )
    for name, inside_function in imports(path):
        top = name.partition(".")[0]
        if top == "micrograd_gd" or top in STANDARD:
            continue
        assert inside_function or top in offered, f"{place} imports {top} for all who import it"


@pytest.mark.parametrize("path", [*MODULES, *SOURCES])
def test_no_module_is_longer_than_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


def test_no_two_files_of_tests_have_one_name():
    """pytest imports them by it, and collects none where two are the same."""
    names = [path.name for path in (PACKAGE.parent / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted({*names})


def test_the_page_that_people_print_is_short_and_has_the_chain_rule():
    page = (PACKAGE / "engine.py").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 250
    assert "operand._grad += node._grad * partial" in page


def test_importing_the_package_needs_the_standard_library_alone(python):
    code = "import sys, micrograd_gd; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = python("-S", "-c", code, env={"PYTHONPATH": str(PACKAGE.parent)}).stdout.split()
    foreign = set(loaded) - STANDARD - {"__main__", "micrograd_gd", "sitecustomize"}
    assert not foreign


def test_no_code_asks_for_an_operation_by_name():
    """Whatever differs between operations is a column of the table."""
    from micrograd_gd.table.ops import OPERATIONS

    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare | ast.MatchValue):
                constants = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
                names = ast.unparse(node)
                asked = constants & OPERATIONS.keys() if ".name" in names or "op" in names else ()
                assert not asked, f"{path.name}:{node.lineno} asks for {asked}"
