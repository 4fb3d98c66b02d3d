"""Python functions that are written as text, and the result of a program in one of them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from micrograd_gd.compiler.program import Program
from micrograd_gd.core.whole import is_open
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.trees import Structure


def define_run(
    program: Program,
    parameters: str,
    lines: Iterable[str],
    texts: Sequence[str],
    names: dict[str, Any],
) -> Callable[..., Any]:
    """The function with these lines that returns the outputs, which have these texts.

    Where a derivative is nan that is checked, it returns the place of the guard for that. `names`
    are what the texts refer to.
    """
    columns = program.output_layout.find_columns() if program.lengths else {}
    texts, checked = [*texts], []
    for place, is_checked in program.derivatives.items():
        text = texts[place]
        checked += [f"sum({text})" if place in columns else text] if is_checked else []
        texts[place] = f"add_zero({text})" if place in columns else f"{text} + 0.0"
    doubt = f"if isnan(sum([{', '.join(checked)}])): return {program.guard_of_derivatives}"
    names |= {
        "unflatten": trees.unflatten,
        "stack": stack,
        "add_zero": add_zero,
        "isnan": math.isnan,
    }
    result = f"return {_write_tree(program.structure, iter(texts), names)}"
    return define("run", parameters, [*lines, *([doubt] if checked else []), result], names)


def define(
    name: str, parameters: str, lines: Iterable[str], names: dict[str, Any]
) -> Callable[..., Any]:
    """The Python function with these lines.

    >>> define("f", "x", ["return x * two"], {"two": 2.0})(3.0)
    6.0
    """
    source = "\n    ".join([f"def {name}({parameters}):", *lines])
    scope = {"inf": math.inf, "nan": math.nan} | names
    exec(compile(source, "<compiled program>", "exec"), scope)  # noqa: S102 — made here
    defined: Callable[..., Any] = scope[name]
    return defined


def add_zero(column: Sequence[float]) -> Any:
    """The column with 0.0 for -0.0."""
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    return np.add(column, 0.0)


def stack(shape: tuple[int, ...], columns: list[Sequence[float]]) -> Any:
    """The array with these columns."""
    import numpy as np  # noqa: PLC0415 — only those who brought an array need it

    return np.array(columns).T.reshape((-1, *shape[1:]))


def _write_tree(structure: Structure, leaves: Iterator[str], names: dict[str, Any]) -> str:
    if structure.kind is None:
        return next(leaves)
    if structure.is_container:
        parts = [_write_tree(below, leaves, names) for below in structure.below]
        return _write_container(structure, parts, names)
    inside = ", ".join(next(leaves) for _ in range(structure.size))
    if is_open(structure.shape):
        return f"stack({structure.shape}, [{inside}])"
    name = f"s{len(names)}"
    names[name] = structure
    return f"unflatten({name}, [{inside}])"


def _write_container(structure: Structure, parts: list[str], names: dict[str, Any]) -> str:
    inside = ", ".join(parts)
    if structure.kind is list:
        return f"[{inside}]"
    if structure.kind is tuple:
        return f"({''.join(f'{part}, ' for part in parts)})"
    if structure.kind is dict:
        pairs = zip(structure.keys, parts, strict=True)
        return f"{{{', '.join(f'{_write_key(key, names)}: {part}' for key, part in pairs)}}}"
    name = f"s{len(names)}"
    names[name] = structure
    return f"{name}.fill([{inside}])"


def _write_key(key: Any, names: dict[str, Any]) -> str:
    """A dict's key as it is written, or a name for it."""
    if type(key) in {str, int, bool}:
        return repr(key)
    name = f"k{len(names)}"
    names[name] = key
    return name
