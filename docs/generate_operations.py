"""The page of operations, which `python docs/generate.py` writes."""  # noqa: INP001 — a script, no package

import re
from collections.abc import Iterator
from inspect import getsource, signature
from math import isfinite

from micrograd_gd import Value, functional
from micrograd_gd.notation.latex import template
from micrograd_gd.table import ops
from micrograd_gd.table.ops import OPERATIONS, Operation

HEAD = """\
<!-- Written by docs/generate.py. Change micrograd_gd/table/ops.py, not this. -->

# The operations

{count} operations are primitive. Each has a row in
[`micrograd_gd/table/ops.py`](../../micrograd_gd/table/ops.py), and this page is that table in
words. Everything in the package reads the same rows.

How to read an entry:

- **Write** shows the ways to call it: as an operator or a method of a `Value`, or as a function of
  `micrograd_gd.functional`. All of them take plain numbers beside values.
- **Value** is the formula that is computed. It is written in the table's language, a small part of
  Python; a function in it is the operation of that name. Its result is called `y` below.
- **∂y/∂x** is the partial that `backward()` multiplies with, in the form that keeps most digits.
  `None` means that no derivative flows this way.
- **Typeset** is how a formula shows it.
- **Smooth** tells where the derivative exists. **Kinks** tells where the function has a corner or a
  jump, and which derivative is returned there.
- **Properties**: *odd* is f(−x) = −f(x), *even* is f(−x) = f(x), *flat* is slope 0 wherever there
  is a slope, *internal* is what nobody is to call.

[The semantics](semantics.md) say what happens outside the smooth range.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD.format(count=len(OPERATIONS)).rstrip()]
    groups = list(_groups())
    parts.append("| group | operations |\n|---|---|")
    for title, rows in groups:
        links = ", ".join(f"[`{row.name}`](#{row.name})" for row in rows)
        parts[-1] += f"\n| {_heading(title)[0]} | {links} |"
    for title, rows in groups:
        heading, remark = _heading(title)
        parts.append(f"## {heading}")
        if remark:
            parts.append(f"{remark[0].upper()}{remark[1:]}.")
        parts += [_entry(row) for row in rows]
    return "\n\n".join(parts) + "\n"


def _groups() -> Iterator[tuple[str, list[Operation]]]:
    """The comments between the rows of the table, each with the rows below it."""
    rows = dict(OPERATIONS)
    title, names = "", []
    pattern = r'^# (?!fmt)(.+)\.$|^primitive\("(\w+)"'
    for comment, name in re.findall(pattern, getsource(ops), flags=re.MULTILINE):
        if comment and names:
            yield title, [rows.pop(n) for n in names]
            names = []
        title = comment or title
        names += [name] if name else []
    yield title, [rows.pop(n) for n in names]
    if rows:
        raise SystemExit(f"these rows are below no comment of the table: {', '.join(rows)}")


def _heading(title: str) -> tuple[str, str]:
    """The words of a comment up to its first stop, and the rest."""
    heading, *remark = re.split(r"[:.,] ", title, maxsplit=1)
    return heading, "".join(remark)


def _entry(row: Operation) -> str:
    smooth = f"where {_code(row.domain)}" if row.domain else "everywhere"
    facts = [
        ("Write", _write_ways(row)),
        ("Value of a step" if row.folds else "Value", _code(row.value)),
        *zip(_partial_names(row), map(_code, row.partials), strict=True),
        ("Typeset", f"${_typeset(row)}$"),
        ("Smooth", f"{smooth}, but at the kinks" if row.kinks else smooth),
    ]
    if not (row.is_internal or row.folds):
        facts.append(("Example", _compute(row)))
    if row.kinks:
        where = " or ".join(f"{_code(kink)} is 0" for kink in row.kinks)
        there = f"; the derivative there: {row.convention}" if row.convention else ""
        facts.append(("Kinks", f"where {where}{there}"))
    if row.properties:
        facts.append(("Properties", ", ".join(sorted(row.properties))))
    first, *rest = [f"| {name} | {fact} |" for name, fact in facts]
    return "\n".join([f"### {row.name}\n\n{row.doc}\n", first, "|---|---|", *rest])


def _write_ways(row: Operation) -> str:
    if row.is_internal:
        return "not offered: it is there to be the derivative of others"
    first, *others = row.operands
    ways = []
    if row.infix:
        ways.append(f"{first} {row.infix} {others[0]}" if others else f"{row.infix}{first}")
    elif row.method:
        ways.append(f"{row.method}({', '.join(row.operands)})")
    if row.folds:
        parameters = signature(getattr(functional, row.name)).parameters
        ways.append(f"{row.name}({', '.join(parameters)})")
    else:
        ways.append(f"{first}.{row.name}({', '.join(others)})")
        ways.append(f"{row.name}({', '.join(row.operands)})")
    also = f"; also as {', '.join(map(_code, row.aliases))}" if row.aliases else ""
    defaults = [f"; {x} is {d:g} if left out" for x, d in row.optional().items()]
    return ", ".join(map(_code, dict.fromkeys(ways))) + also + "".join(defaults)


def _compute(row: Operation) -> str:
    """A call at numbers where the result and its slopes are finite, and what it gives."""
    needed = len(row.operands) - len(row.optional())
    for numbers in ((0.75, 2.0, 3.0), (1.5, 2.0, 3.0)):
        operands = [Value(number) for number in numbers[:needed]]
        y = row(*operands)
        y.backward()
        slopes = [operand.grad for operand in operands]
        if all(map(isfinite, (y.data, *slopes))):
            break
    call = f"{row.name}({', '.join(f'{operand.data:g}' for operand in operands)})"
    shown = ", ".join(f"`{slope:.4g}`" for slope in slopes)
    return f"`{call}` is `{y.data:.4g}`, with the slope{'s' * (needed > 1)} {shown}"


def _partial_names(row: Operation) -> list[str]:
    return [f"∂y/∂{operand}" for operand in row.operands]


def _code(formula: object) -> str:
    if not isinstance(formula, str):
        return "Python code"
    return f"`{formula}`"


def _typeset(row: Operation) -> str:
    return re.sub(r"<(\w+)>", lambda match: _letter(match[1]), template(row)).replace(
        "|", r"\vert "
    )


def _letter(operand: str) -> str:
    return operand if len(operand) == 1 else rf"\text{{{operand}}}"
