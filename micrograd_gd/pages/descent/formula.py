"""The function of a reader as a formula, which a page can compute anywhere."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from micrograd_gd.compiler.jit import trace
from micrograd_gd.descent.trajectory import Descent
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.formula import formula
from micrograd_gd.notation.parse import Expression, parse
from micrograd_gd.notation.terms import leaf_names
from micrograd_gd.transforms import trees

LONGEST = 10_000  # characters that `parse` reads


def read_descent(descent: Descent) -> tuple[Expression, dict[str, float], float]:
    """The formula of a descent, its start and its learning rate: that of the first step."""
    first, *others = descent.trajectory
    expression, start = write_formula(descent.function, (first.parameters,), ["x", "y"])
    rate = 0.1
    if others:
        (before, _), (after, _), (slopes, _) = map(
            trees.flatten, (first.parameters, others[0].parameters, first.gradient)
        )
        i = max(range(len(slopes)), key=lambda i: abs(slopes[i]))
        rate = float(f"{(before[i] - after[i]) / slopes[i]:.9g}")
    return expression, start, rate


def read_function(f: Callable[..., Any], start: Any) -> tuple[Expression, dict[str, float]]:
    """The formula of a function at a start of `minimize`, and the start by the formula's names."""
    if isinstance(f, Expression):
        if start is None:
            start = dict(zip(f.names, (2.0, 1.5), strict=False))
        if not isinstance(start, Mapping):
            leaves, _ = trees.flatten_numbers(start, "start")
            start = dict(zip(f.names, leaves, strict=False)) if len(leaves) == len(f.names) else {}
        return f, dict(start)
    if start is None:
        raise ArgumentError("no place to start from; expected a start, as minimize takes it")
    return write_formula(f, start if type(start) is tuple else (start,))


def write_formula(
    f: Callable[..., Any], arguments: tuple[Any, ...], others: list[str] | None = None
) -> tuple[Expression, dict[str, float]]:
    """What `f` computes from the numbers of its arguments, by their names, or by `others`.

    Raises ArgumentError for what is no formula of these numbers alone: a function that branches on
    them, or that holds other values; JitError for what cannot be traced at all.
    """
    numbers, structure = trees.flatten_numbers(arguments, "start")
    if len(numbers) not in {1, 2}:
        raise ArgumentError(f"the start has {len(numbers)} numbers; a page shows one or two")
    program = trace(f, *arguments)
    if program.guards:
        raise ArgumentError(
            "the function decides by its numbers which way to go, so that it is no formula; "
            "expected maximum, abs, where and their like, or parse('a if x > 0 else b')"
        )
    paths = [path for name, part in program.arguments for path in trees.names(part, name)]
    names = [re.sub(r".*\['(\w+)'\]$", r"\1", path) for path in paths]
    if others and names == paths:
        names = others
    leaves = [Value(x, name) for x, name in zip(numbers, names, strict=False)]
    root = f(*trees.unflatten(structure, leaves))
    known = leaf_names(root) if isinstance(root, Value) else {}
    if foreign := [leaf for leaf in known.values() if leaf not in leaves]:
        raise ArgumentError(
            f"the function holds {len(foreign)} values beside its arguments; "
            f"expected plain numbers there, such as x.data"
        )
    if not known:
        raise ArgumentError("the function depends on none of its numbers; expected one that does")
    text = formula(root, max_length=LONGEST)
    if text.startswith("#"):
        raise ArgumentError(f"the function is too long; a page takes {LONGEST} characters")
    return parse(text), {name: leaf.data for name, leaf in known.items()}
