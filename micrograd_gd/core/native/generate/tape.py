"""Write the cases of the interpreters of tapes, which tape/run.c holds."""

from micrograd_gd.core.native.generate.numbers import is_weighing
from micrograd_gd.core.native.generate.text import write_macro
from micrograd_gd.table import expression
from micrograd_gd.table.c_text import c_expression, word
from micrograd_gd.table.elementary import FUNCTIONS
from micrograd_gd.table.ops import Operation
from micrograd_gd.table.relations import RELATIONS


def write_tape_rows(rows: list[Operation]) -> str:
    """The cases of the interpreters of tapes, one for each row."""
    labels = ", ".join(f"&&opcode_{number}" for number, _ in enumerate(rows, 1))
    functions = [_write_fold_step(row) for row in rows if row.folds]
    steps = [_write_step(row, number) for number, row in enumerate(rows, 1)]
    lanes = [_write_lane_step(row, number) for number, row in enumerate(rows, 1)]
    lanes += [_write_weighing_step(row) for row in rows if is_weighing(row)]
    guards = [
        f"GUARD({2 * i + holds}, {relation.sign}, {'true' if holds else 'false'})"
        for i, relation in enumerate(RELATIONS)
        for holds in (0, 1)
    ]
    guard_labels = ", ".join(f"&&guard_{i}" for i, _ in enumerate(guards))
    return "\n".join(
        [
            *functions,
            f"#define TAPE_LABELS {labels}\n",
            f"#define GUARD_LABELS {guard_labels}\n",
            write_macro("GUARDS", guards),
            write_macro("TAPE_STEPS", steps),
            write_macro("LANE_STEPS", lanes),
        ]
    )


def _write_fold_step(row: Operation) -> str:
    arguments = ", ".join(f"double _{letter}" for letter in row.operands)
    value = c_expression(row.tree(row.value))
    return f"static inline double step_{row.name}({arguments}) {{ return {value}; }}\n"


def _write_step(row: Operation, number: int) -> str:
    if row.folds:
        added = ", ".join(f"ADDED({i})" for i, _ in enumerate(row.operands[1:]))
        groups = len(row.operands) - 1
        return f"FOLD({number}, {groups}, step_{row.name}(sum_so_far, {added}))"
    return f"STEP({number}, {len(row.operands)}, {_write_call(row, 'OPERAND')})"


def _write_lane_step(row: Operation, number: int) -> str:
    """The same for LANES lanes; where a function is called, for those only that count."""
    if row.folds:
        return _write_lane_fold(row, str(number), set())
    if f"near_{row.name}" in FUNCTIONS:
        return f"LANE_WAVE({number}, {row.name})"
    called = expression.calls(row.tree(row.value)).keys() - {"abs", *FUNCTIONS}
    lanes = "n" if called or "**" in str(row.value) else "LANES"
    return f"LANE_STEP({number}, {len(row.operands)}, {lanes}, {_write_call(row, 'LANE')})"


def _write_weighing_step(row: Operation) -> str:
    return _write_lane_fold(row, "WEIGH", {row.operands[1]})


def _write_lane_fold(row: Operation, opcode: str, uniform: set[str]) -> str:
    letters = row.operands[1:]
    slots = [
        f"const double _{x} = v[p[{i}]];" if x in uniform else f"const double *_{x} = v + p[{i}];"
        for i, x in enumerate(letters)
    ]
    added = ", ".join(f"_{x}" if x in uniform else f"_{x}[j]" for x in letters)
    value = f"step_{row.name}(sum_so_far[j], {added})"
    return f"LANE_FOLD({opcode}, {len(letters)}, {' '.join(slots)}, {value})"


def _write_call(row: Operation, operand: str) -> str:
    operands = ", ".join(f"{operand}({i})" for i, _ in enumerate(row.operands))
    return f"value_{word(row)}({operands})"
