"""Numbers that C and Python must agree on, written down for C."""

import ast
from enum import IntEnum

from micrograd_gd.core.native.generate.postfix import DEEPEST, KINDS, MOST_TAKEN
from micrograd_gd.core.native.generate.text import write_macro
from micrograd_gd.core.tape_format import BY_ROW, PartKind, RecordKind
from micrograd_gd.table.ops import Operation, by_syntax
from micrograd_gd.table.relations import RELATIONS


def write_numbers(rows: list[Operation]) -> str:
    """The header `numbers.h`; `rows` are those that are compiled in, by number."""
    add, mul = (1 + rows.index(by_syntax()[node]) for node in (ast.Add, ast.Mult))
    weighing = next(number for number, row in enumerate(rows, 1) if is_weighing(row))
    guards = 2 * len(RELATIONS)
    relations = [f'[Py_{each.name.upper()}] = "{each.sign}",' for each in RELATIONS]
    return "\n".join(
        [
            "#ifndef MICROGRAD_GD_NUMBERS_H\n#define MICROGRAD_GD_NUMBERS_H\n",
            "/* Rows, counted from 1; a + b; a * b; a sum of such products. */",
            _write_enum(
                ROW_COUNT=len(rows) + 1,
                ROW_OF_SUM=add,
                ROW_OF_PRODUCT=mul,
                ROW_THAT_WEIGHS=weighing,
            ),
            "/* The steps of a partial over values: generate/postfix.py. */",
            _write_enum(**{kind: number for number, kind in enumerate(KINDS)}),
            _write_enum(DEEPEST=DEEPEST, MOST_TAKEN=MOST_TAKEN),
            "/* The encoded form of a program: core/tape_format.py. */",
            _write_enum(GUARD_COUNT=guards, LAST_GUARD=-guards, LAST_RECORD=min(RecordKind)),
            _write_enum(**_list_members("RECORD", RecordKind), BY_ROW=BY_ROW),
            _write_enum(**_list_members("PART", PartKind), PART_KINDS=len(PartKind)),
            "/* Relations, by number; the numbers are Python's own. */",
            write_macro("RELATION_TEXTS", relations),
            "#endif\n",
        ]
    )


def is_weighing(row: Operation) -> bool:
    """Whether a row that folds takes pairs, the first of which may be the same in all lanes."""
    return row.folds and len(row.operands) == 3


def _list_members(prefix: str, kinds: type[IntEnum]) -> dict[str, int]:
    return {f"{prefix}_{kind.name}": int(kind) for kind in kinds}


def _write_enum(**numbers: int) -> str:
    # The smallest integer is no literal in C.
    texts = {name: f"{n}" if n > BY_ROW else f"({n + 1} - 1)" for name, n in numbers.items()}
    return f"enum {{ {', '.join(f'{name} = {text}' for name, text in texts.items())} }};\n"
