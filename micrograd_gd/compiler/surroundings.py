"""What a function sees beside its arguments: attributes, globals, and generators of random numbers.

A program keeps what they were when it was traced. What changes while a function runs is a reason to
look whether it would be traced to the same program once more.
"""

import dis
import pickle
import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from micrograd_gd.engine import Value
from micrograd_gd.table.ops import Operation

MOST = 10_000  # things that are looked at
PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LISTS = (list, tuple, set, frozenset)
OWN = __name__.partition(".")[0]
NOTHING = NotImplemented  # what is found where nothing is


class Surroundings(NamedTuple):
    """The numbers and words that functions and models see, generators' states, and which values."""

    constants: list[Any]
    generators: list[Any]
    values: dict[int, Value]  # by their ids: another one may have the same number


def look_around(*roots: Any) -> Surroundings:
    """What functions and models see now, and the state of the generators that all share.

    The data of values are not among it, because a program reads those at every call.

    >>> settings = {"rate": 0.5}
    >>> before = look_around(settings)
    >>> settings["rate"] = 0.25
    >>> look_around(settings) == before
    False
    """
    constants: list[Any] = []
    generators: list[Any] = [random.getstate()]
    values: dict[int, Value] = {}
    if "numpy" in sys.modules:
        roots = (*roots, sys.modules["numpy"].random.mtrand._rand)  # noqa: SLF001 — the one of all
    seen: dict[int, Any] = {}  # keeps what it saw alive, so that no id is used again
    stack = [*roots]
    while stack and len(seen) < MOST and len(constants) < 10 * MOST:
        x = stack.pop()
        if issubclass(type(x), PLAIN):
            constants.append((type(x), x))
        elif issubclass(type(x), Value):
            values[id(x)] = x
        elif id(x) not in seen and not issubclass(type(x), type):
            seen[id(x)] = x
            with suppress(Exception):  # what does not let itself be looked at
                if state := _state(x):
                    generators.append(state)
                elif isinstance(x, _LISTS):
                    of_class = [each for each in x if type(each) is Value]
                    values.update(zip(map(id, of_class), of_class, strict=True))
                    stack += [each for each in x if type(each) is not Value]
                elif hasattr(type(x), "tobytes") and getattr(x, "size", MOST) < MOST:  # of NumPy
                    constants.append(x.tobytes())
                else:
                    stack += _parts(x)
    return Surroundings(constants, generators, values)


def _state(x: Any) -> Any:
    """The state of a generator of random numbers; nothing for all else.

    That of the system has none, and many functions see it that draw nothing.
    """
    if isinstance(x, random.Random) and not isinstance(x, random.SystemRandom):
        return x.getstate()
    if type(x).__module__.startswith("numpy.random"):
        generator = getattr(x, "bit_generator", x)
        return pickle.dumps(getattr(generator, "state", "") or x.get_state(legacy=False))
    return ""


def _parts(x: Any) -> Iterator[Any]:
    """What something consists of, or sees."""
    if isinstance(x, dict):
        yield from x.values()
    elif isinstance(x, Operation):  # whose caches are filled while it is differentiated
        yield from filter(callable, (x.value, *x.partials))
    elif isinstance(x, partial):
        yield from (x.func, *x.args, *x.keywords.values())
    elif isinstance(x, FunctionType):
        yield from _seen_by(x)
    elif isinstance(x, MethodType):
        yield from (x.__func__, x.__self__)
    elif type(x).__name__ == "builtin_function_or_method":
        yield getattr(x, "__self__", None)
    elif not isinstance(x, ModuleType):
        yield from getattr(x, "__dict__", {}).values()
        call = getattr(type(x), "__call__", None)  # noqa: B004 — what it does is of interest
        if isinstance(call, FunctionType):
            yield call


def _seen_by(f: FunctionType) -> Iterator[Any]:
    """What a Python function closes over, its defaults, and the globals that it names."""
    yield from f.__defaults__ or ()
    yield from (f.__kwdefaults__ or {}).values()
    yield from map(look_into, f.__closure__ or ())
    if (f.__module__ or "").partition(".")[0] == OWN:
        return  # what the package itself has does not change
    names = frozenset.union(*find_names(f.__code__))
    for name in names & f.__globals__.keys():
        x = f.__globals__[name]
        if isinstance(x, ModuleType):
            if x.__name__.partition(".")[0] != OWN:
                yield from (vars(x)[each] for each in names & vars(x).keys())
        else:
            yield x


def look_into(cell: CellType) -> Any:
    """What a cell holds."""
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return NOTHING


@lru_cache(maxsize=1000)
def find_names(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The names of globals, and of attributes, that code and the functions in it read."""
    of_globals: set[str] = set()
    of_attributes: set[str] = set()
    for each in dis.get_instructions(code):
        if each.opcode in dis.hasname and each.opname.startswith("LOAD"):
            is_global = each.opname in {"LOAD_GLOBAL", "LOAD_NAME"}
            (of_globals if is_global else of_attributes).add(each.argval)
    of_globals = {name for name in of_globals if name.isidentifier()}  # others are of test tools
    for x in code.co_consts:
        if isinstance(x, str) and x.isidentifier():  # as in getattr(model, "training")
            of_attributes.add(x)
        elif isinstance(x, CodeType):
            inside = find_names(x)
            of_globals |= inside[0]
            of_attributes |= inside[1]
    return frozenset(of_globals), frozenset(of_attributes)
