# Generated from the C by `python docs/generate.py`.

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from micrograd_gd.engine import Value as Value
from micrograd_gd.table.operation import Operation

def adopt(op: Operation, name: str, formulas: str, /) -> bool: ...
def number_of(op: Operation, /) -> int: ...
def optimize(
    inputs: Sequence[Value],
    events: Sequence[Any],
    outputs: Sequence[Any],
    traits: Callable[[Operation], tuple[Any, ...]],
    lengths: Sequence[Value],
    given: Sequence[int],
    wanted: Sequence[int],
    shorten: Callable[[int, Operation, tuple[Any, ...]], Any],
    /,
) -> (
    tuple[tuple[Value, ...], dict[int, Any], bytes, bytes, bytes, int, int, dict[int, Operation]]
    | None
): ...
def call_row(self: Operation, *operands: Any, **named: Any) -> Any: ...
def slopes(root: Value, leaves: Any, era: int, /) -> Any: ...
def call_on_leaves(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Any,
    calls: Any,
    /,
) -> tuple[Any, Any, int] | None: ...
def begin_era() -> int: ...
def in_order(
    roots: Iterable[Value], stop: Iterable[Value], constant: Operation | None, era: int, /
) -> list[Value]: ...
def pull_back(
    seeds: Mapping[Value, Any],
    stop: Collection[Value],
    differentiable: bool,
    trace: Any,
    last: bool,
    era: int,
    /,
) -> dict[Value, Any]: ...
def push_forward(
    nodes: Iterable[Value],
    seeds: Mapping[Value, Any],
    differentiable: bool,
    trace: Any,
    last: bool,
    /,
) -> dict[Value, Any]: ...

class Kernel:
    patience: int  # calls until it answers NotImplemented, to be replaced; negative: never
    watch: list[tuple[Any, Any, Any]]  # (container, key, what is there), else NotImplemented

    def __init__(
        self,
        code: Tape | tuple[int, Any, *tuple[int, ...]],
        arguments: Sequence[tuple[int, int, Any]],
        result: Sequence[tuple[int, int, Any]],
        captured: Sequence[Value],
        numpy: Any,
        derivatives: Sequence[tuple[int, int, int, bool]] = (),
        doubt: int = -1,
        held: tuple[Any, ...] = (),
        cuts: Sequence[tuple[int, int, int]] = (),
    ) -> None: ...
    def __call__(self, *args: Any) -> Any: ...
    def run(self, leaves: list[float], /) -> Any: ...

class Switch:
    is_open: bool
    outer: Switch | None
    value: Any

    def __init__(
        self,
        variable: Any,
        value: Any,
        again: Callable[[], Switch] | None = None,
        *,
        is_observed: bool = True,
    ) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...
    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]: ...

class Tape:
    def __init__(
        self,
        code: bytes,
        constants: bytes,
        outputs: bytes,
        x: Sequence[tuple[int, int, int]],
        y: Sequence[tuple[int, int, int]],
    ) -> None: ...
