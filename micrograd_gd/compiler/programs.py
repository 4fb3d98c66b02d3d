"""All programs of one function, by the kinds of its calls. The least recently used are forgotten.

Their pickle goes with that of the function. Each kind of call is packed for itself, so that one
that cannot be read where it arrives is traced again there, and no harm done.
"""

import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

from micrograd_gd._version import __version__
from micrograd_gd.compiler.arguments import Arguments, Arrays
from micrograd_gd.compiler.specialization import Settings, Specialization
from micrograd_gd.compiler.watch import find_again
from micrograd_gd.transforms.wrapper import carries

# What is kept at most, in statements: some 200 bytes each on the tape, 600 as machine code.
MOST_STATEMENTS = 1_000_000
A_STATEMENT = 200
ALWAYS_KEPT = 8  # kinds of calls, however long their programs are

MOST_STATES = 16  # of what a function sees beside its arguments, for one kind of call

MOST_TRIED = 4  # kinds of calls that are offered the arguments before these are taken apart

_uses = count()


class Programs:
    """The programs, and those that are likely to be called next."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[Any, int], Specialization] = {}  # and counted for each key
        self._has_warned = False
        self.arrays = Arrays()
        self.recent: list[Specialization] = []  # without static arguments, the latest first

    def __iter__(self) -> Iterator[Specialization]:
        return iter([*self._by_key.values()])

    def find(self, arguments: Arguments, settings: Settings) -> Specialization:
        """All calls of this kind, while the function sees the same beside its arguments."""
        states: list[Specialization] = []
        for i in range(MOST_STATES):
            key = arguments.key, i
            found = self._by_key.get(key)
            if found is None:
                self._forget_some()
                found = self._by_key.setdefault(key, Specialization(settings))
            if found.watch.holds():
                found.last_use = next(_uses)
                return found
            states.append(found)
        self._warn(arguments.name, states[0])
        oldest = min(range(MOST_STATES), key=lambda i: states[i].last_use)
        self._by_key.pop((arguments.key, oldest), None)
        return self.find(arguments, settings)

    def _warn(self, name: str, latest: Specialization) -> None:
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"{name} is traced anew whenever {latest.watch.find_change()} changes, which it "
                f"reads beside its arguments: give it as an argument",
                RuntimeWarning,
                stacklevel=7,
            )

    def _forget_some(self) -> None:
        """Make room for one more."""
        kinds = sorted(self._by_key.items(), key=lambda kind: kind[1].last_use)
        for key, each in kinds[:-ALWAYS_KEPT]:
            if self._count_statements() <= MOST_STATEMENTS:
                return
            if each not in self.recent:
                self._by_key.pop(key, None)

    def _count_statements(self) -> int:
        """How much memory all take, counted in these; programs share the arrays that they hold."""
        held: dict[int, int] = {id(x): x.nbytes for each in self for x in each.held}
        return sum(each.size for each in self) + sum(held.values()) // A_STATEMENT

    def remember(self, latest: Specialization) -> None:
        """Offer the next call to it first."""
        others = [each for each in self.recent if each is not latest]
        self.recent = [latest, *others[: MOST_TRIED - 1]]

    def clear(self) -> None:
        """Forget all."""
        self._by_key.clear()
        self.arrays = Arrays()
        self.recent = []

    def pack(self, f: Callable[..., Any]) -> tuple[str, list[Any], Arrays]:
        """What a pickle of f takes along: no program with values that it does not take along."""
        packed: list[Any] = []
        for key, each in [*self._by_key.items()]:
            with suppress(Exception):  # whatever cannot be pickled
                captured, programs = each.pack()
                is_bound = any(program.held for *_, program in programs)
                if not is_bound and (not captured or carries(f, captured)):
                    seen = each.watch.describe()
                    packed.append((captured, pickle.dumps(key), pickle.dumps(programs), seen))
        return __version__, packed, self.arrays

    def unpack(
        self, packed: tuple[str, list[Any], Arrays], f: Callable[..., Any], settings: Settings
    ) -> None:
        """Take the programs of a pickle, if it is one of this version and f sees the same here."""
        version, kinds, arrays = packed
        self.arrays = arrays if version == __version__ else self.arrays
        for captured, key, programs, seen in kinds if version == __version__ else ():
            watch = find_again(f, seen)
            with suppress(Exception):  # a class may be missing here
                found = Specialization(settings, watch, captured, programs)
                if watch is not None:
                    self._by_key[pickle.loads(key)] = found  # noqa: S301 — part of what is read
