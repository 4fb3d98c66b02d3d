"""The engine in JavaScript: its rows made from the table, the rest from the files beside."""

import json
import keyword
from importlib import resources

from micrograd_gd.table.c_text import word
from micrograd_gd.table.js_text import write_library, write_partial, write_value
from micrograd_gd.table.ops import OPERATIONS, Operation


def write_engine(name: str = "micrograd") -> str:
    """JavaScript source of an object that has `Value`, `parse`, the sweeps and the rows.

    It needs nothing but the language. A row added as Python code is not in it.

    >>> print(write_engine()[:26])
    const micrograd = (() => {
    """
    rows = [row for row in OPERATIONS.values() if _is_text(row)]
    aliases = {alias: row.name for row in rows for alias in row.aliases}
    table = ",\n".join([f"{json.dumps(row.name)}: {_write_row(row)}" for row in rows])
    parts = [
        *map(write_value, rows),
        f"const ROWS = Object.assign(Object.create(null), {{\n{table}\n}});",
        f"const ALIASES = {json.dumps(aliases)};",
        f"const BINARY = {{{_write_signs(rows, 2)}}};",
        f"const UNARY = {{{_write_signs(rows, 1)}}};",
        f"const KEYWORDS = new Set({json.dumps(keyword.kwlist)});",
    ]
    text = "\n".join(parts)
    here = resources.files("micrograd_gd.pages")
    files = [(here / f"{file}.js").read_text(encoding="utf-8") for file in ("engine", "parse")]
    body = "\n".join([write_library(text).strip(), text, *files])
    offered = "Value, parse, call, pullBack, pushForward, ROWS"
    return f"const {name} = (() => {{\n{body}\nreturn {{ {offered} }};\n}})();\n"


def _is_text(row: Operation) -> bool:
    return all(isinstance(formula, str) for formula in (row.value, *row.partials))


def _write_row(row: Operation) -> str:
    """What is known of a row: text for people, and its functions."""
    facts = {
        "name": row.name,
        "operands": row.operands,
        "defaults": row.defaults,
        "folds": row.folds,
        "fixing": row.fixing,
        "doc": row.doc,
        "infix": row.infix,
        "value": row.value,
        "partials": row.partials,
        "kinks": row.kinks,
    }
    slopes = ", ".join([write_partial(row, partial) for partial in row.partials])
    told = json.dumps(facts).replace("</", "<\\/")
    return f"{{ ...{told}, compute: value_{word(row)}, slopes: [{slopes}] }}"


def _write_signs(rows: list[Operation], count: int) -> str:
    signs = {row.infix: row.name for row in rows if row.syntax and len(row.operands) == count}
    return ", ".join([f"{json.dumps(sign)}: ROWS.{name}" for sign, name in signs.items()])
