"""The stubs of `engine` and `functional`, which `python docs/generate.py` writes."""  # noqa: INP001 — a script, no package

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import micrograd_gd
from micrograd_gd.table.ops import OPERATIONS, Operation
from micrograd_gd.table.relations import RELATIONS

PACKAGE = Path(micrograd_gd.__file__).parent

HEAD = """\
# Generated from the table and from {name}.py by `python docs/generate.py`.

{imports}
"""

PROTOCOLS = """\
grad: Any
label: str
op: Operation | None
_prev: set[Value]
_op: str
@property
def data(self) -> float: ...
@data.setter
def data(self, data: Any) -> None: ...
def __bool__(self) -> bool: ...
def __pos__(self) -> Value: ...
def conjugate(self, /) -> Value: ...
def __divmod__(self, other: Any, /) -> tuple[Value, Value]: ...
def __rdivmod__(self, other: Any, /) -> tuple[Value, Value]: ...
""".splitlines()  # what slots and core/protocols.py give to `Value`


def engine() -> str:
    """The stub of `engine`: what is written there, and a method for each row of the table."""
    tree = ast.parse((PACKAGE / "engine.py").read_text(encoding="utf-8"))
    (value,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    lines = ["class Value:", *(f"    {line}" for line in _members(value))]
    lines += ["", "PythonValue = Value", "", *_functions(tree)]
    imports = "from typing import Any\n\nfrom micrograd_gd.table.operation import Operation\n"
    return HEAD.format(name="engine", imports=imports) + "\n".join(lines) + "\n"


def functional() -> str:
    """The stub of `functional`: what is written there, and a function for each row of the table."""
    tree = ast.parse((PACKAGE / "functional.py").read_text(encoding="utf-8"))
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    rows = [row for row in OPERATIONS.values() if not row.is_internal and row.name not in own]
    lines = [f"def {row.name}{_write_signature(row, method=False)} -> Any: ..." for row in rows]
    lines = [*_functions(tree), *lines]
    imports = "from collections.abc import Iterable, Sequence\nfrom typing import Any\n"
    imports = f"# ruff: noqa: A001 — abs, pow and round are names of the table\n\n{imports}"
    return HEAD.format(name="functional", imports=imports) + "\n".join(lines) + "\n"


def _members(value: ast.ClassDef) -> Iterator[str]:
    """What the class shows of what is written in it; then what the table gives it."""
    for node in value.body:
        if isinstance(node, ast.FunctionDef) and _is_offered(node):
            node.args.kwarg = None  # it is there to be refused
            if node.name == "__init__":  # as more operands are, and a call without a number
                node.args.vararg = None
                del node.args.defaults[0]
            yield from _stub(node)
    yield from PROTOCOLS
    for relation in RELATIONS:
        of = "object" if relation.name in {"eq", "ne"} else "Any"
        yield f"def __{relation.name}__(self, other: {of}, /) -> bool: ..."
    for row in OPERATIONS.values():
        if not row.is_internal:
            yield from _methods(row)


def _methods(row: Operation) -> Iterator[str]:
    text = f"{_write_signature(row, method=True)} -> Value: ..."
    for name in (row.name, *row.aliases, *([f"__{row.method}__"] if row.method else [])):
        yield f"def {name}{text}"
    if row.method and len(row.operands) == 2:
        yield f"def __r{row.method}__{text}"


def _write_signature(row: Operation, *, method: bool) -> str:
    signature = row.signature(method=method)
    parameters = [
        parameter if parameter.name == "self" else parameter.replace(annotation=ast.Name)
        for parameter in signature.parameters.values()
    ]
    text = str(signature.replace(parameters=parameters))
    return text.replace("ast.Name", "Any")


def _functions(tree: ast.Module) -> Iterator[str]:
    """The public functions of a module."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and _is_offered(node):
            yield from _stub(node)


def _is_offered(node: ast.FunctionDef) -> bool:
    return node.name == "__init__" or not node.name.startswith("_")


def _stub(node: ast.FunctionDef) -> list[str]:
    node.body = [ast.Expr(ast.Constant(...))]
    text = ast.unparse(node).replace(":\n    ...", ": ...").replace("''", '""')
    return re.sub(r"'(\w+)'", r"\1", re.sub(r"(: [^=():]+)=", r"\1 = ", text)).split("\n")
