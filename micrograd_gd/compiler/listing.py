"""A program as text: a line for each statement, those of long programs in loops."""

import ast
from collections.abc import Iterable, Iterator

from micrograd_gd.compiler.instructions import Guard, Operand
from micrograd_gd.compiler.loop_listing import (
    LoopListing,
    name_length,
    write_line,
    write_lines,
)
from micrograd_gd.compiler.loop_text import Line
from micrograd_gd.compiler.loops import lay_out_as_text
from micrograd_gd.compiler.nests import Nest
from micrograd_gd.compiler.program import Program
from micrograd_gd.table.expression import write_number
from micrograd_gd.text import escape
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.trees import Structure

LONGEST = 40  # statements of which all are written out
MOST_NAMES = 16  # of the numbers of an argument


def write_program(program: Program) -> str:
    """The program as its `str`."""
    names, first = name_results(program), program.input_count
    count = len(program.arguments) - len(program.held)
    given, held = program.arguments[:count], program.arguments[count:]
    lines = [f"program({', '.join(_write_parameters(program, given))})"]
    captured = [names[i] for i in range(first, first + len(program.captured))]
    lines += [f"    {x} = captured" for x in (*_write_parameters(program, held), *captured)]
    lines += [
        f"    {name_length(-1 - each.lanes)} = {name_length(-1 - each.of)} - {each.by}"
        for each in program.cuts
    ]
    lines += [f"    {line}" for line in _write_body(program, names)]
    return "\n".join(lines)


def _write_body(program: Program, names: dict[int, str]) -> Iterator[str]:
    """The statements and the outputs."""
    outputs = [*_find_outputs(program)]
    if len(program.statements) > LONGEST:
        given = [x for x, _ in outputs], [kind for _, kind in outputs]
        reading = lay_out_as_text(program, *given)
        if any(isinstance(part, Nest) for part in reading.nests.parts):
            yield from LoopListing(reading, names).write_program()
            return
    yield from write_lines(_write_statements(program, names))
    texts = [ast.unparse(_write_operand(x, names)) + kind for x, kind in outputs]
    yield f"return {', '.join(texts)}"


def name_results(program: Program) -> dict[int, str]:
    """The name under which each number is printed; all of them differ."""
    first = len(program.inputs)
    names = dict(enumerate(program.inputs))
    names |= {first + i: f"c{i}" for i in range(len(program.captured))}
    names |= {program.find_length(-1 - i): name_length(i) for i in range(len(program.lengths))}
    names |= {each.result: f"v{each.result}" for each in program.instructions}
    taken = {*names.values()}
    for result, label in zip(program.labels, map(escape, program.labels.values()), strict=True):
        if result in names and label not in taken:
            taken.add(label)
            names[result] = label
    return names


def _write_statements(program: Program, names: dict[int, str]) -> Iterator[Line]:
    """A line for each; where the length of a batch is open, inside of a loop over the samples.

    A sum over these stands behind the loop.
    """
    for each in program.statements:
        lanes = 0 if isinstance(each, Guard) else min(program.find_lanes(each.result), 0)
        operands = [_write_operand(x, names) for x in each.operands]
        result = "" if isinstance(each, Guard) else names[each.result]
        yield Line(lanes, write_line(each, result, operands))


def _write_parameters(
    program: Program, arguments: Iterable[tuple[str, Structure]]
) -> Iterator[str]:
    """The names of the inputs. Of a long program, or with batches, an array has one for all."""
    is_long = program.has_batches or len(program.statements) > LONGEST
    for name, structure in arguments:
        names: list[str] = []
        for each, piece in trees.pieces(structure, name):
            if piece.shape and is_long:
                names.append(f"{each}[{', '.join(map(_write_length, piece.shape))}]")
            else:
                names += trees.names(piece, each)
        if is_long and len(names) > MOST_NAMES:
            names[2:-1] = ["…"]
        yield from names


def _find_outputs(program: Program) -> Iterator[tuple[Operand, str]]:
    """The outputs, and what stands behind those that are one number for each sample."""
    batches = {each.start: each for each in program.batch_outputs}
    columns = program.output_layout.find_columns() if program.lengths else {}
    for place, x in enumerate(program.outputs):
        if x is not None:
            yield x, "[:]" if place in columns else ""
        elif place in batches:
            yield batches[place].number, "[:]"


def _write_length(n: int) -> str:
    return name_length(-1 - n) if n < 0 else str(n)


def _write_operand(x: Operand, names: dict[int, str]) -> ast.expr:
    return write_number(x) if isinstance(x, float) else ast.Name(names[x])
