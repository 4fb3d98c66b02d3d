"""Throw anything at the native engine.

    python tests/benchmarks/fuzz_core.py --seconds 600 --seed 1

Every entry of the C code is called with arbitrary objects, in arbitrary shapes and orders, many of
which strike back: what they are asked, their end, or the collector's visit changes the values that
are being worked on. Right answers are not the question here (`test_native.py` asks that): no call
may crash, hang, or break the interpreter's own rules, which it reports as a SystemError.

Rounds are played in a process of their own. The seed and the rounds since that process began bring
a crash back, in a process with the same hashes and addresses: the command that does so is printed.
"""

import argparse
import copy
import ctypes
import faulthandler
import gc
import math
import operator
import os
import pickle
import random
import subprocess
import sys
import time
import warnings
import weakref
from array import array
from collections import Counter
from fractions import Fraction

from micrograd_gd import engine
from micrograd_gd.core import blocks
from micrograd_gd.core import native as twin
from micrograd_gd.table.ops import OPERATIONS

try:
    import numpy as np
except ImportError:  # arrays are left out then
    np = None

BLOCKS = [
    blocks.no_grad, blocks.recording, blocks.detect_anomaly, blocks.unwatched,
    lambda: blocks.scope("s"),
]  # fmt: skip
CALLS = 2000  # in a round
LONGEST = 60  # seconds for a round, else it hangs
SAME_HASHES = {"PYTHONHASHSEED": "0"}  # sets of texts have one order then, and rounds play again

Native, native = getattr(twin, "Value", None), getattr(twin, "extension", None)
JUNK = [
    None, True, 0, -1, 2, 10**400, -(10**30), 1.5, -0.0, math.inf, math.nan, 5e-324, 1j, "", "text",
    "1.5", b"1", (), [], {}, [1.0], (1.0, 2.0), Fraction(1, 3), object(), int, len, Ellipsis, "\0",
    range(3), {"data": 1.0}, float("1e308"), "data", "grad", "label", ".3f", "create_graph",
]  # fmt: skip
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, operator.matmul, operator.and_, operator.lshift, divmod, operator.eq, operator.ne,
    operator.lt, operator.le, operator.gt, operator.ge, operator.iadd, operator.imul, operator.ipow,
    operator.isub, operator.itruediv, operator.contains, isinstance, format, round, getattr,
    delattr, hasattr,
]  # fmt: skip
UNARY = [
    operator.neg, operator.pos, operator.invert, abs, bool, float, int, complex, repr, str, hash,
    round, math.floor, math.ceil, math.trunc, math.exp, len, iter, list, dir, sum, copy.copy,
    copy.deepcopy, pickle.dumps, gc.get_referrers, gc.get_referents, sys.getsizeof, type, vars,
    operator.index, memoryview,
]  # fmt: skip
ATTRIBUTES = ["data", "grad", "label", "op", "operands", "__class__", "__dict__", "other"]
NAMES = ["data", "label", "seed", "create_graph", "whole", "slope", "alpha", "low", "high", "x"]
# What Python asks of an object, and may be lied to about.
QUESTIONS = [
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow", "mod",
    "rmod", "floordiv", "rfloordiv", "divmod", "rdivmod", "neg", "float", "int", "index", "bool",
    "len", "array", "array_ufunc", "eq", "ne", "lt", "le", "gt", "hash", "str", "repr", "format",
    "iter", "getitem", "complex", "round", "trunc", "reduce", "copy", "deepcopy", "call",
    "contains", "instancecheck",
]  # fmt: skip


class Stopped(BaseException):
    """No Exception, so nothing catches it by chance."""


class OddFloat(float):
    """A float, and yet not exactly."""

    def __float__(self):
        return self

    def __repr__(self):
        return self  # no text


class OddInt(int):
    """An int, and yet not exactly."""


class OddText(str):  # noqa: SLOT000 — an attribute makes the collector track it
    """A text that is tracked by the collector."""

    __hash__ = str.__hash__

    def __init__(self, *_):
        self.me = self


class Round:
    """One round: a pool of objects, and calls on them."""

    def __init__(self, seed, number):
        self.rng = random.Random(f"{seed} {number}")
        self.calls, self.errors = 0, Counter()
        self.depth = 0
        self.pool = [Native(1.0), Native(2.0, "w"), Native(0.5)]
        self.references = []
        self.hostile = self.hostile_class()
        self.subclasses = self.subclasses_of_value()

    def run(self):
        if self.rng.random() < 0.3:
            gc.set_threshold(self.rng.choice([1, 5, 50]))
        try:
            while self.calls < CALLS:
                self.step()
        finally:
            gc.set_threshold(700, 10, 10)
        for block in [*blocks.open_blocks]:
            block.__exit__()
        self.pool.clear()
        self.references.clear()
        gc.collect()

    def step(self):
        self.calls += 1
        action = self.rng.choice(self.ACTIONS)
        try:
            result = action(self)
        except SystemError as error:  # the C code broke a rule of the interpreter
            # Python 3.11's own parser did, which counts its depth in one place for all: a formula
            # was parsed, and in a strike of the collector's another one.
            if "AST constructor recursion depth mismatch" not in str(error):
                raise
            self.errors["SystemError"] += 1
        except (Exception, Stopped) as error:  # only a crash is a finding
            if getattr(error, "obj", None) is self:  # a mistake of this file, not of the caller
                raise
            self.errors[type(error).__name__] += 1
        else:
            if self.depth == 0 or self.rng.random() < 0.3:
                self.pool.append(result)
        if len(self.pool) > 60:
            del self.pool[self.rng.randrange(30) : self.rng.randrange(30, 60)]

    def strike(self):
        """What a hostile object does when it is its turn: anything."""
        if self.depth < 3 and not is_making_an_exception():
            self.depth += 1
            try:
                for _ in range(self.rng.randrange(3)):
                    self.step()
            finally:
                self.depth -= 1

    # Things.

    def value(self):
        values = [x for x in self.pool if isinstance(x, Native)]
        return self.rng.choice(values) if values else Native(self.rng.gauss(0, 1))

    def thing(self):  # noqa: PLR0911 — one return a kind of thing
        chance = self.rng.random()
        if chance < 0.45:
            return self.value()
        if chance < 0.6:
            return self.rng.gauss(0, 1)
        if chance < 0.8:
            return self.rng.choice(JUNK)
        if chance < 0.9:
            return self.hostile()
        if chance < 0.93:
            return self.rng.choice(list(OPERATIONS.values()))
        if chance < 0.96:
            return self.rng.choice([OddFloat(1.5), OddInt(3), OddText("odd"), self.garbage()])
        if chance < 0.98 and np is not None:
            arrays = [
                np.float32(1.5),
                np.array(2.0),
                np.array([1.0, 2.0]),
                np.array([self.value()]),
            ]
            return self.rng.choice(arrays)
        return self.rng.choice(self.pool) if self.pool else None

    def things(self, most=4):
        return [self.thing() for _ in range(self.rng.randrange(most + 1))]

    def names(self):
        if self.rng.random() < 0.8:
            return {}
        return {self.rng.choice(NAMES): self.thing() for _ in range(self.rng.randrange(3))}

    def reply(self):
        """What a hostile object answers."""
        if self.rng.random() < 0.15:
            raise self.rng.choice([ValueError, AttributeError, Stopped, MemoryError])("no")
        if self.rng.random() < 0.2:
            return NotImplemented
        return self.thing()

    def hostile_class(self):
        def answer(name):
            def method(_self, *_args, **_kwargs):
                self.strike()
                if name in {"float", "index", "int", "bool", "len"} and self.rng.random() < 0.5:
                    return {"float": 1.5, "bool": True}.get(name, 1)
                return self.reply()

            return method

        chosen = self.rng.sample(QUESTIONS, self.rng.randrange(len(QUESTIONS)))
        body = {f"__{name}__": answer(name) for name in chosen}
        body.setdefault("__hash__", object.__hash__)
        body["__del__"] = lambda _: self.strike()
        if self.rng.random() < 0.2:
            body["__getattr__"] = answer("getattr")
        return type("Hostile", (), body)

    def subclasses_of_value(self):
        def strike_first(name):
            def method(this, *args):
                self.strike()
                return getattr(Native, name)(this, *args)

            return method

        def revive(this):
            self.strike()
            if self.rng.random() < 0.3:
                self.pool.append(this)

        several = ["__init__", "__add__", "__rmul__", "__hash__", "__eq__", "tanh", "__repr__"]
        return [
            type("Plain", (Native,), {}),
            type("Other", (Native,), {}),
            type("Slotted", (Native,), {"__slots__": ()}),
            type("Own", (Native,), {"__slots__": ("mine", "__dict__")}),
            type("Mixed", (type("Mixin", (), {}), Native), {}),
            type("Striking", (Native,), {name: strike_first(name) for name in several}),
            type("Reviving", (Native,), {"__del__": revive}),
        ]

    def garbage(self):
        """A cycle that ends with a strike whenever the collector comes by."""
        knot = [self.hostile(), self.value()]
        knot.append(knot)
        return knot

    # Actions.

    def construct(self):
        kind = self.rng.choice([Native, Native, *self.subclasses])
        return kind(*self.things(3), **self.names())

    def construct_well(self):
        kind = self.rng.choice([Native, *self.subclasses])
        return kind(self.rng.gauss(0, 1), self.rng.choice(["", "w", OddText("w"), self.garbage()]))

    def call_method(self):
        value = self.value()
        name = self.rng.choice(dir(Native))
        return getattr(value, name)(*self.things(), **self.names())

    def call_operation(self):
        op = self.rng.choice(list(OPERATIONS.values()))
        count = len(op.operands) - 1 if self.rng.random() < 0.7 else self.rng.randrange(20)
        return getattr(self.value(), op.name)(*[self.thing() for _ in range(count)])

    def call_unbound(self):
        return getattr(Native, self.rng.choice(dir(Native)))(*self.things(), **self.names())

    def binary(self):
        pair = [self.value(), self.thing()]
        self.rng.shuffle(pair)
        return self.rng.choice(BINARY)(*pair)

    def ternary(self):
        triple = [self.value(), self.thing(), self.thing()]
        self.rng.shuffle(triple)
        return pow(*triple)

    def unary(self):
        return self.rng.choice(UNARY)(self.value())

    def record(self):
        op = self.rng.choice([self.thing(), *OPERATIONS.values()])
        kind = self.rng.choice([Native, *self.subclasses])
        return kind.record(op, *self.things(self.rng.choice([3, 20])))

    def look(self):
        return getattr(self.value(), self.rng.choice([*dir(Native), "other"]))

    def assign(self):
        setattr(self.value(), self.rng.choice(ATTRIBUTES), self.thing())

    def set_class(self):
        self.value().__class__ = self.rng.choice([Native, *self.subclasses])

    def set_gradient(self):
        self.value().grad = self.value()

    def backward(self):
        options = {"create_graph": True} if self.rng.random() < 0.1 else {}
        self.value().backward(*self.things(1), **options)

    def forget(self):
        self.value().forget()

    def begin_again(self):
        value = self.value()
        value.__init__(*self.things(2))

    def blocks(self):
        with self.rng.choice(BLOCKS)():
            return self.rng.choice([Round.binary, Round.call_operation, Round.backward])(self)

    def restore(self):
        if self.rng.random() < 0.2:
            return Native(1.0)._put_together(*self.things(8))
        op = self.rng.choice([None, *OPERATIONS.values()])
        operands, partials = tuple(self.things(6)), tuple(self.things(6))
        if self.rng.random() < 0.7:
            partials = tuple([self.rng.choice([None, 1.0, self.thing()]) for _ in operands])
        parts = op, operands, partials, 1.5, self.thing(), self.thing()
        node = Native(1.0)
        node._put_together(*parts)
        return node

    def adopt(self):
        if self.rng.random() < 0.05:  # each one that succeeds stays for good
            name = self.rng.choice(list(OPERATIONS))
            return native.adopt(self.thing(), name, self.rng.choice(["", "formulas", name]))
        return native.adopt(*[x for x in self.things(2) if not isinstance(x, Native)])

    def switch(self):
        """Open and close blocks in any order, from anywhere."""
        blocks_here = [x for x in self.pool if isinstance(x, native.Switch)]
        if blocks_here and self.rng.random() < 0.7:
            block = self.rng.choice(blocks_here)
            return block.__exit__(*self.things(3)) if block.is_open else block.__enter__()
        if self.rng.random() < 0.3:
            return native.Switch(*self.things(4), **self.names())
        return self.rng.choice(BLOCKS)()

    def decorate(self):
        return self.rng.choice(BLOCKS)()(self.thing())

    # Programs. What is wrong with them may be anything, save for addresses of machine code.

    def make_tape(self):
        code, constants, outputs, x, y = self.flat_program()
        if self.rng.random() < 0.5:
            for _ in range(self.rng.randrange(1, 4)):
                place = self.rng.randrange(len(code))
                code[place] = self.rng.choice([*code, -1, 0, 1, 3, -13, 10**6, -(2**31)])
        parts = [array("i", code), array("d", constants), array("i", outputs), x, y]
        if self.rng.random() < 0.2:
            parts[self.rng.randrange(5)] = self.thing()
        if self.rng.random() < 0.2:
            parts[3] = [(self.rng.choice([-1, 0, 1, 3, self.thing()]), 0, 0) for _ in range(2)]
        return native.Tape(*parts)

    def flat_program(self):
        """Three numbers and an array of three, some steps, half of the time in a loop.

        Or that is one row of many, and the loop is over these.
        """
        code, known, lanes, stride, axis = [], [0, 1, 2, -1, -2], 0, 1, ()
        uniform = [*known]
        if self.rng.random() < 0.5:
            lanes = 3
            code += [-13, 0, 0, -14, 6, 4, 1, 0, 1, 3, -15, 7, 3, 0, 1, -1, -13, 3, 0]
            known += [6, 7]
            if self.rng.random() < 0.5:
                many, stride, axis = 2**31 - 1, 3, (1,)
                code = [-13, 0, 0, -14, 6, 4, 1, 0, 3, many, -14, 7, 4, 1, 2, 3, many, -13, many, 0]
        rows = [row for row in OPERATIONS.values() if native.number_of(row)]
        for result in range(8, 8 + self.rng.randrange(12)):
            row = self.rng.choice(rows)
            count = row.arity(2)
            operands = [self.rng.choice(known) for _ in range(count)]
            code += [native.number_of(row), result, count, *operands]
            (known if not lanes or {*operands} - {*uniform} else uniform).append(result)
            if lanes and self.rng.random() < 0.3:
                code += [-19, 0, 4, self.rng.choice(known), 1, 0, stride]
                code += [-18, 30 + result, 1, self.rng.choice(known)]
            elif not lanes and self.rng.random() < 0.3:
                code += [-self.rng.randrange(1, 13), *self.rng.choices(known, k=2)]
        outputs = [-(2**31)] * 3 if lanes else self.rng.choices(known, k=3)
        places = [(3, 0, 0), (3, 1, 0, *axis)]
        given = [(3, 1, 0, *axis), (1, 0, 0)]
        return code or [-1, 0, 0], [0.5, -0.0], [*outputs, 0], places, given

    def make_kernel(self):
        tapes = [x for x in self.pool if isinstance(x, native.Tape)]
        code = self.rng.choice(tapes) if tapes else self.make_tape()
        kind = (
            self.thing() if self.rng.random() < 0.2 else self.rng.choice([list, tuple, self.pair])
        )
        shapes = [self.rng.choice([(3,), (-1, 3), (-1, 3)])] * 2
        if self.rng.random() < 0.1:
            shapes[self.rng.randrange(2)] = self.rng.choice([(3,), (-2, 3), (-1, 1, 3), (-9, 3)])
        arguments = [(2, 2, ()), (1, 3, ()), *[(0, 0, ())] * 3, (4, 3, shapes[0])]
        result = [(3, 2, ("a", "b")), (4, 3, shapes[1]), (5, 1, kind), (0, 0, ())]
        parts = [code, arguments, result, self.things(), np]
        for place in range(1, 5):
            chance = self.rng.random()
            if place < 3 and chance < 0.2:
                plan = parts[place]
                plan[self.rng.randrange(len(plan))] = (self.rng.randrange(7), 3, self.thing())
            elif chance > 0.95:
                parts[place] = self.thing()
            elif place == 3:
                parts[place] = [self.value() for _ in range(self.rng.randrange(2))]
        return native.Kernel(*parts)

    def pair(self, numbers):
        self.strike()
        return [numbers, self.reply()]

    def draw_rows(self):
        return [np.ones((n, 3)) for n in (0, 1, 40)]

    def draw_leaves(self):
        return [0.5, 2.0, -1.0, self.rng.choice([*self.draw_rows(), self.thing()])]

    def call_kernel(self):
        kernels = [x for x in self.pool if isinstance(x, native.Kernel)]
        kernel = self.rng.choice(kernels) if kernels else self.make_kernel()
        if self.rng.random() < 0.1:
            kernel.patience = self.rng.choice([self.thing(), -1, 0, 2])
        if self.rng.random() < 0.1:
            place = self.thing(), self.rng.choice([None, "data", self.thing()]), self.thing()
            kernel.watch = self.rng.choice([self.thing(), [], [place], [self.thing()]])
        arrays = (
            np.arange(3.0),
            np.arange(6.0)[::2],
            np.arange(3),
            np.ones((3, 1)),
            *self.draw_rows(),
            self.thing(),
        )
        arrays += arrays[:1] * 5
        numbers = self.rng.choice([[1.0, 2, np.float64(3)], [1.0, 2.0, -3.0], self.things(3)])
        if self.rng.random() < 0.3:
            return kernel.run(
                self.rng.choice([[0.5] * 6, self.things(6), self.thing(), self.draw_leaves()])
            )
        if self.rng.random() < 0.2:
            return kernel(*self.things(), **self.names())
        return kernel(numbers, self.rng.choice(arrays))

    def through_pickle(self):
        return pickle.loads(pickle.dumps(self.value()))  # noqa: S301 — our own

    def refer(self):
        self.references.append(weakref.ref(self.value(), lambda _: self.strike()))

    def follow(self):
        if self.references:
            return self.rng.choice(self.references)()
        return None

    def look_around(self):
        """Reach values as the collector does, also those that are only half made."""
        found = [x for x in gc.get_referrers(self.value()) if isinstance(x, Native)]
        return self.rng.choice(found) if found else None

    def poke_young(self):
        young = [x for x in gc.get_objects(0) if isinstance(x, Native)]
        if young:
            value = self.rng.choice(young)
            self.rng.choice([Native.forget, repr, Native.backward, Native.nodes])(value)
            value.label = "found"

    def collect(self):
        gc.collect(self.rng.randrange(2))

    def drop(self):
        if self.pool:
            del self.pool[self.rng.randrange(len(self.pool)) :][:5]

    ACTIONS = (
        construct, construct_well, construct_well, call_method, call_method, call_operation,
        call_operation, call_unbound, binary, binary, binary, ternary, unary, record, look, assign,
        assign,
        set_class, set_gradient, backward, forget, begin_again, blocks, restore, adopt,
        make_tape, make_kernel, call_kernel, call_kernel, switch, switch, decorate, through_pickle,
        refer, follow, look_around, poke_young, collect, drop,
    )  # fmt: skip


def is_making_an_exception():
    """Whether Python is, and would end itself at a recursion without end, such as a value's label
    that is the value: "Cannot recover from stack overflow". Only the end of an object comes then.
    """
    if sys.version_info >= (3, 12):  # which recovers
        return False
    before = 3 * ctypes.sizeof(ctypes.c_void_p) + 4 * ctypes.sizeof(ctypes.c_int)
    recursion_headroom = ctypes.c_int.from_address(this_thread() + before)  # of PyThreadState
    return recursion_headroom.value > 0


this_thread = ctypes.pythonapi.PyThreadState_Get
this_thread.restype = ctypes.c_void_p


def play_rounds(seed, first, last, deadline):
    """In a process of its own: tell each round before it is played, and the calls after it."""
    sys.unraisablehook = lambda _: None
    warnings.simplefilter("ignore")
    faulthandler.enable()
    engine.Value = Native  # where pickles look it up
    errors = Counter()
    for number in range(first, last + 1):
        tell(f"round {number}")
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        played = Round(seed, number)
        played.run()
        faulthandler.cancel_dump_traceback_later()
        errors.update(played.errors)
        tell(f"calls {played.calls}")
        if time.time() > deadline:
            break
    counts = [f"{name}={count}" for name, count in errors.most_common()]
    tell(f"raised {' '.join(counts)}")


def watch_rounds(seed, first, last, deadline):
    """Play rounds in another process; the last one that began, the calls, and whether it failed."""
    command = [sys.executable, __file__, "--seed", str(seed), "--rounds", str(first)]
    with subprocess.Popen(
        [*command, str(last), "--until", str(deadline)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | SAME_HASHES,
    ) as child:
        number, calls = first, 0
        for line in child.stdout:
            word, *rest = line.split()
            if word == "round":
                number = int(rest[0])
            elif word == "calls":
                calls += int(rest[0])
            else:
                tell(line.rstrip())
    if child.returncode:
        tell(f"round {number} ended with {child.returncode}: {' '.join(command)} {number}")
    return number, calls, child.returncode != 0


def fix_addresses():
    """Have processes that begin after this find what they allocate at the same places each time.

    The collector comes by when so many objects are there, and hashes are addresses.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).personality(0x0040000)  # ADDR_NO_RANDOMIZE; some containers refuse it


def tell(text):
    print(text, flush=True)  # noqa: T201 — a command that prints


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=10**9, help="at most so many rounds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", nargs=2, type=int, help="replay these, the first and the last")
    parser.add_argument("--until", type=float, default=math.inf, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if Native is None:
        parser.error("the native engine is not built here")
    fix_addresses()
    if options.rounds:
        if SAME_HASHES.items() - os.environ.items():
            return subprocess.call([sys.executable, *sys.argv], env=os.environ | SAME_HASHES)
        play_rounds(options.seed, *options.rounds, options.until)
        return 0
    tell(f"seed {options.seed}")
    start = time.time()
    rounds = calls = crashes = 0
    until = start + options.seconds
    while time.time() < until and rounds < options.count:
        number, played, crashed = watch_rounds(options.seed, rounds, options.count - 1, until)
        rounds, calls, crashes = number + 1, calls + played, crashes + crashed
    seconds = time.time() - start
    tell(f"{seconds:.0f} seconds, {rounds} rounds, {calls} calls, {crashes} crashes")
    return 1 if crashes else 0


if __name__ == "__main__":
    raise SystemExit(main())
