"""The arguments of a call: what they are called, and the numbers that they consist of."""

import inspect
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from micrograd_gd.compiler.held import HELD, Held, find_first_row, is_plain
from micrograd_gd.compiler.layout import Layout
from micrograd_gd.compiler.surroundings import look_around
from micrograd_gd.compiler.trace import Trace
from micrograd_gd.compiler.watch import Watch, find_places, watch_both
from micrograd_gd.compiler.writing import write_program
from micrograd_gd.core import whole
from micrograd_gd.core.whole import RefusedError, TakenApart
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError, JitError, NotANumberError
from micrograd_gd.table.numbers import shorten
from micrograd_gd.text import escape
from micrograd_gd.transforms import trees
from micrograd_gd.transforms.recording import require_function


class Signature:
    """What a function calls its arguments, and which of them are static.

    A static argument reaches the function as it is. All others are trees of numbers.

    Raises ArgumentError for what is no function, and for static arguments that it does not take.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        static_argnums: int | Sequence[int] = (),
        static_argnames: str | Sequence[str] = (),
    ) -> None:
        require_function(f)
        self.f = f
        self.name = escape(getattr(f, "__qualname__", repr(f)))
        self._read(f)
        argnums = [static_argnums] if isinstance(static_argnums, int) else [*static_argnums]
        argnames = [static_argnames] if isinstance(static_argnames, str) else [*static_argnames]
        self.static = {
            *(same for i in argnums for same in self._find_place(i)),
            *(same for name in argnames for same in self._find_name(name)),
        }

    def _read(self, f: Callable[..., Any]) -> None:
        """Find the names of the arguments."""
        self._names: list[str] = []  # of those that may be given by place
        self._keywords: list[str] = []  # of those that may be given by name
        self._rest = "x"  # and a number: the name of those by place that follow
        self._takes_any_place = self._takes_any_name = False
        try:
            parameters = inspect.signature(f).parameters.values()
        except (TypeError, ValueError):  # written in C
            self._takes_any_place = self._takes_any_name = True
            return
        for each in parameters:
            match each.kind:
                case each.VAR_POSITIONAL:
                    self._rest, self._takes_any_place = f"{each.name}_", True
                case each.VAR_KEYWORD:
                    self._takes_any_name = True
                case each.POSITIONAL_ONLY:
                    self._names.append(each.name)
                case each.KEYWORD_ONLY:
                    self._keywords.append(each.name)
                case _:
                    self._names.append(each.name)
                    self._keywords.append(each.name)

    def _find_place(self, i: int) -> list[int | str]:
        """Argument i, by its place and by the name that it may also be given by."""
        count = len(self._names)
        if not isinstance(i, int):
            raise ArgumentError(
                f"static_argnums has {shorten(i)}; expected places of arguments, such as 0; names "
                f"go into static_argnames"
            )
        if self._takes_any_place and i >= count:
            return [i]
        if self._takes_any_place and i < 0:
            raise ArgumentError(
                f"static_argnums has {i}, but {self.name} takes any number of arguments: count "
                f"from the first, which is 0"
            )
        if not -count <= i < count:
            raise ArgumentError(
                f"static_argnums has {i}, but {self.name} takes {count} arguments by place; the "
                f"first is 0"
            )
        name = self._names[i]
        return [i % count, *([name] if name in self._keywords else [])]

    def _find_name(self, name: str) -> list[int | str]:
        """The argument of that name, and its place if it has one."""
        if not isinstance(name, str):
            raise ArgumentError(
                f"static_argnames has {shorten(name)}; expected names of arguments; places go "
                f"into static_argnums"
            )
        if name in self._names and (name in self._keywords or not self._takes_any_name):
            return [name, self._names.index(name)]
        if not (self._takes_any_name or name in self._keywords):
            takes = ", ".join(dict.fromkeys([*self._names, *self._keywords])) or "no arguments"
            raise ArgumentError(f"static_argnames has {name!r}, but {self.name} takes {takes}")
        return [name]

    def name_argument(self, place: int | str) -> str:
        """What the function calls the argument at this place, or of this name."""
        if isinstance(place, str):
            return place
        if place < len(self._names):
            return self._names[place]
        return f"{self._rest}{place - len(self._names)}"


def _write(traced: Trace) -> str:
    """All that makes a program another one, as a text."""
    program = write_program(traced)
    captured = [x.data for x in program.captured], [*map(id, program.held)]
    return repr((captured, [*program.statements], program.outputs, program.batch_outputs))


MANY_ROWS = 10_000  # that a user should know of where they are traced one by one: for seconds


class Arrays:
    """Which arrays among the arguments of a function are taken whole, by names and row shapes."""

    def __init__(
        self, whole: Iterable[Any] = (), apart: Iterable[Any] = (), many: Iterable[Any] = ()
    ) -> None:
        self.whole = {*whole}  # whose programs are there: for any number of rows
        self.apart = {*apart}  # whose rows the function uses one by one
        self.many = {*many}  # whose programs are not for few rows, which would add in another order

    def use(
        self,
        given: tuple[Signature, tuple[Any, ...], dict[str, Any]],
        run: Callable[["Arguments"], Any],
    ) -> Any:
        """What `run` gives for the arguments, of which it may need some arrays taken apart."""
        tried = self
        while True:
            arguments = Arguments(*given, tried)
            try:
                result = run(arguments)
            except TakenApart as needed:
                if not arguments.whole:
                    raise JitError(
                        f"{arguments.name} cannot be compiled: it uses an array that was kept from "
                        f"the trace of another call; return it there, and hand it in here"
                    ) from None
                array = needed.array
                apart = (array is not None and arguments.find(array)) or arguments.whole
                tried = Arrays(tried.whole, tried.apart | apart, tried.many)
                if array is not None and array.is_batch and arguments.rows >= MANY_ROWS:
                    self._warn(arguments, needed)
            else:
                self.apart |= tried.apart
                self.many |= tried.many
                self.whole |= arguments.whole - self.many
                return result

    def _warn(self, arguments: "Arguments", needed: TakenApart) -> None:
        warnings.warn(
            f"{arguments.name} takes {arguments.rows} rows one by one, at {needed.line}, and its "
            f"program grows with their number; it need not for what vmap gives, added up by sum, "
            f"total or mean, or computed with by operators",
            RuntimeWarning,
            stacklevel=7,
        )


class Arguments:
    """The arguments of a call: their numbers from left to right, and the structure around them.

    Arrays that are taken whole stand among the numbers, and `lengths` are those that are open.

    Raises NotANumberError for what is neither a number nor static, and JitError for a static
    argument without a hash.
    """

    def __init__(
        self,
        signature: Signature,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arrays: Arrays | None = None,  # which of them are taken whole
    ) -> None:
        self._given = signature, args, kwargs
        self._arrays = arrays
        self.lengths: list[int] = []
        self._kept: list[tuple[Any, int]] = []  # what is taken whole, in order, and its axis
        self._origins: dict[Any, tuple[Any, int]] = {}  # the same by its columns in a trace
        self.whole: set[Any] = set()  # what is taken whole
        self.rows = 0  # of the longest of these
        self.f = signature.f
        self.name = signature.name
        self.leaves: list[Any] = []
        self.static: dict[int | str, Any] = {}
        self._structures: dict[int | str, trees.Structure] = {}
        self.named: list[tuple[str, trees.Structure]] = []
        self.watch = Watch()  # what the latest trace took over
        places: dict[int | str, Any] = dict(enumerate(args)) | kwargs
        for place, x in places.items():
            if place in signature.static:
                self.static[place] = x
                continue
            name = signature.name_argument(place)
            leaves, structure = trees.flatten(x, f"argument {name}", self._keep)
            self.leaves += leaves
            self._structures[place] = structure
            self.named.append((name, structure))
        try:
            static = [(place, trees.tell_apart(x)) for place, x in self.static.items()]
            self.key = (*self._structures.items(), *static)
            hash(self.key)
        except TypeError:
            raise JitError(
                f"{self.name}: static arguments are told apart by their hash, and one of "
                f"{shorten(self.static)} has none"
            ) from None

    def trace(
        self, leaves: Sequence[float], *, is_careful: bool = False, ways: Sequence[Any] = ()
    ) -> Trace:
        """Call the function on fresh values, and write down what it does.

        `ways` are those that samples took before.
        """
        inputs = [Value(x) for leaf in leaves for x in _find_first(leaf)]
        names = [name for name, _ in self.named]
        can_hold = self._arrays is not None and HELD not in self._arrays.apart
        held = Held(self.lengths, names, is_open=can_hold)
        try:
            traced = Trace(
                self.name,
                inputs,
                tuple(self.named),
                lambda: self.call(inputs),
                is_careful=is_careful,
                held=held,
                leaves=leaves,
                ways=ways,
            )
        except RefusedError as refused:
            raise refused.error from None
        except Exception as error:
            if held.counts:  # whatever is in the way, there is another form
                raise TakenApart from error
            raise
        finally:
            self.whole |= {HELD} if held.arrays else set()
            self._find_cut = held.find_cut
            self._origins = self._find_origins(inputs, held) if held.counts else {}
            self.rows = max(held.counts, default=0)
        if traced.batches.is_computed_with and self._arrays:
            self._arrays.many |= self.whole
        return traced

    def trace_steadily(self, *, is_careful: bool = False, ways: Sequence[Any] = ()) -> Trace:
        """The same for the numbers that came, once more where the function changed what it sees.

        Raises JitError where it draws random numbers, or the second trace is another program.
        """
        before = look_around(self.f)
        traced = self._watch(is_careful=is_careful, ways=ways)
        after = look_around(self.f)
        if after == before:
            return traced
        again = self._watch(is_careful=is_careful, ways=ways)
        draws = before.generators != after.generators != look_around(self.f).generators
        if draws or _write(again) != _write(traced):
            what = "draws random numbers" if draws else "counts its calls or changes what it reads"
            raise JitError(
                f"{self.name} cannot be compiled: it {what}, and a program would keep what it was "
                f"when it was traced; give it such numbers as arguments"
            )
        return traced

    def _watch(self, *, is_careful: bool, ways: Sequence[Any]) -> Trace:
        """Trace, and keep what the function sees and leaves as it is."""
        names: set[str] = set()
        before = find_places(self.f, names)
        traced = self.trace(self.leaves, is_careful=is_careful, ways=ways)
        self.watch = watch_both(before, find_places(self.f, names))
        return traced

    def evaluate(self) -> Any:
        """The numbers of the result, without a program: the function itself runs on values."""
        if self.lengths:
            return Arguments(*self._given).evaluate()
        result = self.call([*map(Value, self.leaves)])
        numbers, structure = trees.flatten_numbers(result, "the result")
        return trees.unflatten(structure, numbers)

    def _keep(self, x: Any, name: str) -> tuple[Any, trees.Structure] | None:
        """An array that is taken whole, as floats side by side, and its structure."""
        if self._arrays is None or not is_plain(x):
            return None
        import numpy as np  # noqa: PLC0415 — only those who brought an array need it

        name, rows = name.removeprefix("argument "), x.shape[1:]
        what, length = (name, rows), len(x)
        is_tried = length >= whole.FEWEST_ROWS or what in self._arrays.whole
        if what in self._arrays.apart or not is_tried:
            return None
        if length not in self.lengths:
            if len(self.lengths) == whole.MOST_LENGTHS:
                return None
            self.lengths.append(length)
        self.whole.add(what)
        self._kept.append((what, -1 - self.lengths.index(length)))
        shape = (-1 - self.lengths.index(length), *rows)
        return np.ascontiguousarray(x, dtype=float), trees.array_structure(shape)

    def _find_origins(self, inputs: Sequence[Value], held: Held) -> dict[Value, tuple[Any, int]]:
        """What is taken whole, and the axis that its own is a part of, by its columns."""
        columns = Layout([structure for _, structure in self.named]).find_columns()
        kept = dict(zip(dict.fromkeys(columns.values()), self._kept, strict=True))
        origins = {inputs[i]: kept[span] for i, span in columns.items()}
        origins |= {x: (HELD, each.open_shape[0]) for each in held.whole for x in each.columns}
        return {x: (what, held.find_cut(axis)[0]) for x, (what, axis) in origins.items()}

    def find(self, array: whole.WholeArray) -> set[Any]:
        """What has to be taken apart for the rows of an array; all of the axis of a result."""
        if array.is_batch:
            axis, _ = self._find_cut(array.open_shape[0])
            return {what for what, other in self._origins.values() if other == axis}
        x = array.columns[0]
        while x not in self._origins and isinstance(x, Value) and x.operands:
            x = x.operands[0]  # of a transform, which has copies
        return {self._origins[x][0]} if x in self._origins else set()

    def call(self, leaves: Sequence[Value]) -> Any:
        """What the function itself gives for these values.

        Raises JitError where it changes an argument in place, since these are copies.
        """
        remaining = iter(leaves)
        arguments = dict(self.static)
        for place, structure in self._structures.items():
            part = [next(remaining) for _ in range(structure.size)]
            arguments[place] = trees.unflatten(structure, part)
        given = [arguments[place] for place in self._structures]
        before = [*map(trees.flatten, given)]
        args = [arguments[place] for place in sorted(p for p in arguments if isinstance(p, int))]
        kwargs = {name: x for name, x in arguments.items() if isinstance(name, str)}
        result = self.f(*args, **kwargs)
        for (name, _), x, parts in zip(self.named, given, before, strict=True):
            refuse_change(self.name, f"its argument {name}", x, *parts)
        return result


def _find_first(leaf: Any) -> list[float]:
    """The number, or the first row of an array."""
    return find_first_row(leaf) if hasattr(leaf, "ndim") else [leaf]


def refuse_change(
    f: str, name: str, x: Any, leaves: Sequence[Any], structure: trees.Structure
) -> None:
    """Raise JitError where `x` no longer has these values in that structure."""
    try:
        now, form = trees.flatten(x)
        is_same = form == structure and all(map(operator.is_, now, leaves))
    except NotANumberError:
        is_same = False
    if not is_same:
        raise JitError(
            f"{f} cannot be compiled: it changes {name} in place, and what a program is given is "
            f"copied, so that the change would be lost; return what is new, as in w = w - step "
            f"for w -= step"
        )
