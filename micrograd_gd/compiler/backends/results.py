"""The result of a program as a Python expression, in lists, tuples, dicts and arrays."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from micrograd_gd.core.whole import is_open
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.trees import Structure


def build_result(
    structure: Structure, texts: Sequence[str], names: dict[str, Any]
) -> Callable[[Any], Any]:
    """A function that evaluates expressions of its argument `y`, and returns them in the structure.

    >>> build_result(trees.flatten([0.0, (0.0,)])[1], ["y[1]", "y[0]"], {})([2.0, 3.0])
    [3.0, (2.0,)]
    """
    source = write_result(structure, texts, names)
    build: Callable[[Any], Any] = eval(f"lambda y: {source}", names)  # noqa: S307 — made here
    return build


def write_result(structure: Structure, texts: Sequence[str], names: dict[str, Any]) -> str:
    """An expression for a result with these expressions as its numbers.

    What it refers to is added to `names`.
    """
    names |= {"unflatten": trees.unflatten, "stack": stack}
    return _write_tree(structure, iter(texts), names)


def stack(shape: tuple[int, ...], columns: list[list[float]]) -> Any:
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
