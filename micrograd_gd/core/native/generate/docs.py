"""Docstrings and signatures for C, each from the one place where it stands.

What `Value` has in both engines is documented in Python, and C gets the text from there. What is in
C alone is declared there, in a comment `/*[python] … */` above the function or the type: a stub of
it with its docstring. The stub `extension.pyi` is made of these declarations too.
"""

import inspect
import re
from collections.abc import Iterator
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

from micrograd_gd.core.native.generate.text import write_string

SOURCES = Path(__file__).parents[1]
STUB = SOURCES / "extension.pyi"

_STUB_HEAD = """\
# Generated from the C by `python docs/generate.py`.

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from micrograd_gd.engine import Value as Value
from micrograd_gd.table.operation import Operation

"""


def write_docs(value: type) -> str:
    """The header `docs.h`: a macro DOC_name for each docstring, with its signature before it."""
    docs = {"Value": _document("Value", value)}
    for name in dir(value):
        method = getattr(value, name, None)  # None for a name that raises: see core/foreign.py
        if method is None or name in dir(object) or not inspect.getdoc(method):
            continue
        if inspect.isroutine(method):
            of_type = isinstance(inspect.getattr_static(value, name), classmethod)
            docs[f"Value_{name}"] = _document(name, method, "type" if of_type else "self")
        elif name[0] != "_":
            docs[f"Value_{name}"] = inspect.getdoc(method) or ""
    docs |= _document_declarations()
    return "".join(f"#define DOC_{name} {write_string(text)}\n" for name, text in docs.items())


def write_stub() -> str:
    """The text of `extension.pyi`."""
    functions: list[str] = []
    classes: list[str] = []
    for declaration in _declarations():
        text = re.sub(r'(class \w+:)\n +""".*?"""\n', r"\1", declaration, flags=re.DOTALL)
        text = re.sub(r':\n +""".*?"""', ": ...", text, flags=re.DOTALL)
        (classes if text.startswith("class") else functions).append(text)
    return _STUB_HEAD + "\n".join([*functions, "", "\n\n".join(classes)]) + "\n"


def _declarations() -> Iterator[str]:
    for path in sorted(SOURCES.rglob("*.c")):
        yield from re.findall(r"/\*\[python\]\n(.*?)\n\*/", path.read_text("utf-8"), re.DOTALL)


def _document_declarations() -> dict[str, str]:
    """The docstrings of what is declared in C."""
    names: dict[str, Any] = {}
    source = "from __future__ import annotations\n" + "\n".join(_declarations())
    exec(source, names)  # noqa: S102 — our own stubs
    docs = {}
    for name, thing in names.items():
        if inspect.isfunction(thing):
            docs[name] = _document(name, thing, "module")
        elif inspect.isclass(thing):
            docs[name] = _document(name, thing)
            for each in vars(thing).values():
                if inspect.isfunction(each) and each.__doc__:
                    docs[f"{name}_{each.__name__}"] = _document(each.__name__, each, "self")
    return docs


def _document(name: str, thing: Any, first: str = "") -> str:
    """The docstring as CPython keeps it; `first` is what that calls the first parameter."""
    parameters = [*inspect.signature(thing).parameters.values()]
    if first == "self":
        del parameters[0]
    if first:
        parameters = [Parameter(first, Parameter.POSITIONAL_ONLY), *parameters]
    signature = str(Signature([p.replace(annotation=Parameter.empty) for p in parameters]))
    return (
        f"{name}{signature.replace('(', '($' if first else '(', 1)}\n--\n\n{inspect.getdoc(thing)}"
    )
