"""Compiled functions beside eager ones, bit for bit: random programs, with branches and batches.

    python tests/benchmarks/random_programs.py [how many] [seed] [backend …]

A program is a Python function, written by the grammar below: branches and loops, `where`, ties,
derivatives inside, operations of the user's own, at points of special numbers. Every other one is a
function of one sample, in a batch. A failure is cut down as far as it still fails in its way, and
printed as Python that shows it again, after the prelude; `random_programs.py 1 SEED` repeats it.

Values, gradients and Hessians have to have the bits of those on values, and where these come
without an exception, so does the compiled call. Two things are judged otherwise, as the page on
`jit` states, since they are added up in another order: sums over a batch with the slopes by what
its samples share, and reverse derivatives in a batch of what chooses. They may be off by what the
steps of the eager graph can round away; how many needed that is printed as excused.
"""

import random
import re
import sys
import time
import warnings
from collections import Counter
from itertools import count, zip_longest
from math import inf, isfinite, nan
from struct import pack
from typing import NamedTuple

import numpy as np
from cut_down import cut_down, cuts

from micrograd_gd.compiler.specialization import BACKENDS
from micrograd_gd.core import whole
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.transforms.trees import flatten

PRELUDE = """
from math import inf, nan

from numpy import array

from micrograd_gd import (
    Value, custom_vjp, derivative, grad, hessian, hvp, jit, jvp, linearize, primitive,
    stop_gradient, value_and_grad, vjp, vmap,
)
from micrograd_gd.functional import *
from micrograd_gd.transforms.trees import flatten, unflatten

bend = primitive("bend", "x", "x * exp(-x)", "exp(-x) - y", "A formula.")
knee = primitive("knee", "a b", "a if a > b else b * b",
                 ["1 if a > b else None", "None if a > b else 2 * b"], "A formula that chooses.")
cube = primitive("cube", "x", lambda x: x * x * x, lambda x, y: 3 * x * x, "Python code.")


@custom_vjp
def hand(a, b):
    return a * b + a


hand.defvjp(lambda a, b: (a * b + a, (a, b)), lambda kept, g: (g * (kept[1] + 1), g * kept[0]))


def eager(g, *args):
    leaves, structure = flatten(args)
    return g(*unflatten(structure, [*map(Value, leaves)]))
"""
LACKING = {"tape": ["bend(", "knee(", "cube("], "llvm": ["cube("]}  # what they do not run

# The grammar. Braces stand for an expression, or for what WORDS or `Writer.fill` have of that name.
EXPRESSIONS = [
    *["({} + {})", "({} - {})", "({} * {})", "({} / {})"] * 2,
    *["{unary}({})", "{binary}({}, {})", "where({test}({}, {}), {}, {})"] * 3,
    "(-{})", "({} ** {c})", "({} ** {})", "where({}, {}, {})", "clip({}, {c}, {})", "abs({})",
    "total([{}, {}, {}])", "dot([{}, {c}], [{}, {}], {})", "mean([{}, {}])", "hardtanh({})",
    "logsumexp([{}, {}])", "softmax([{}, {}, {}])[1]", "stop_gradient({})", "leaky_relu({}, {c})",
    "bend({})", "knee({}, {})", "cube({})", "hand({}, {})",
    "grad(lambda {t}: {of t})({})", "value_and_grad(lambda {t}: {of t})({})[1]",
    "derivative(lambda {t}: {of t}, 2)({})", "jvp(lambda {t}: {of t}, {}, {})[1]",
    "vjp(lambda {t}: {of t}, {})[1]({})[0]", "hvp(lambda {t}: {of t}, {}, {})",
    "linearize(lambda {t}: {of t}, {})[1]({})",
    "hessian(lambda {t}: {of t[0]} * {of t[1]})([{}, {}])[0][1]",
    "max({asked}, {asked})", "sorted([{asked}, {asked}, {asked}])[1]",
]  # fmt: skip
TESTS = ["{asked} {relation} {asked}", "{asked} {relation} {c}", "not {asked}"]
STATEMENTS = [
    *["{name} = {}"] * 6,
    "{name} += {}",
    "{name}, {name} = {name}, {}",
    "p = {unary}({binary}({asked}, {asked}))",
    "if {branch}:\n    {name} = {}\nelse:\n    {name} = {}",
    "for i in range(3):\n    {name} = {}",
    "for i in range(3):\n    if {branch}:\n        break\n    {name} = {} + i",
    "if {branch}:\n    return {}",
    "if {branch}:\n    if {branch}:\n        {name} = {}\n    {name} = {}",
    "a = {}\nwhile 0.3 < abs(a) < 99:\n    a = 0.5 * a - 0.01",
    "b = {}\nwhile 0.1 < abs(b - c) < 99:\n    b, c = 0.5 * (b + c), b",
]
ROWS = [row for row in OPERATIONS.values() if not (row.is_internal or row.folds or row.defaults)]
WORDS = {
    "unary": [row.name for row in ROWS if len(row.operands) == 1],
    "binary": [row.name for row in ROWS if len(row.operands) == 2],
    "name": ["a", "b", "c"],
    "test": ["less", "less_equal", "equal", "greater"],
    "relation": ["<", "<=", "==", "!=", ">", ">="],
    "c": ["0.0", "1.0", "2.0", "-1.0", "0.5", "-0.0", "3.0", "0.3"],
}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 710.0, -745.0, 5e-324, 1e308, inf, -inf, nan]
SIZES = [*[1, 7, 8, 9] * 10, 1_000]  # the last takes as long as twenty others

FORMS = ["f", "value_and_grad(f, (0, 1))", "hessian(f, 1)"]
REVERSE = r"grad\(|hessian\(|hvp\(|vjp\(|derivative\("  # what sweeps back
MAPPED = "vmap(f, (None, 0))(w, x)"
BATCH_FORMS = [
    "vmap(f, (None, 0))",
    "vmap(value_and_grad(f, (0, 1)), (None, 0))",
    "vmap(hessian(f, 1), (None, 0))",
    "vmap(hessian(f, 0), (None, 0))",
    f"value_and_grad(lambda w, x: {MAPPED}[-1], (0, 1))",
    f"hessian(lambda w, x: {MAPPED}[-1])",
    f"value_and_grad(lambda w, x: total({MAPPED}), (0, 1))",
    f"value_and_grad(lambda w, x: sum({MAPPED}), (0, 1))",
]


class Writer:
    """Writes one random function of `w`, which samples share, and `x`, of two numbers each."""

    def __init__(self, rng):
        self.choose = rng.choice
        self.fresh = count()

    def function(self):
        lines = ["p, q = w", "a, b = x", "c = a * q"]
        for _ in range(self.choose([1, 2, 3, 4, 5])):
            lines += self.fill(self.choose(STATEMENTS), [], 2).splitlines()
        lines.append(f"return {self.expression([], 2)}")
        return "\n    ".join(["def f(w, x):", *lines]) + "\n"

    def expression(self, inner, depth):
        """Of the names, and of those that stand for the arguments of functions around it."""
        if depth > 0 and self.choose([True] * 6 + [False]):
            return self.fill(self.choose(EXPRESSIONS), inner, depth - 1)
        return self.choose([*inner * 3, *"aabbccppqq", self.choose(WORDS["c"])])

    def fill(self, template, inner, depth):
        """The template with something in place of each brace."""
        t = f"t{next(self.fresh)}"
        asked = ["p", "q", "a", "b", "c", *inner]
        parts = {
            "": lambda: self.expression(inner, depth),
            "t": lambda: t,
            "of t": lambda: self.expression([*inner, t], max(depth, 1)),
            "of t[0]": lambda: self.expression([*inner, f"{t}[0]"], max(depth, 1)),
            "of t[1]": lambda: self.expression([*inner, f"{t}[1]"], max(depth, 1)),
            "asked": lambda: self.choose(asked),
            "branch": lambda: self.fill(self.choose(TESTS), inner, depth),
        }

        def part(match):
            return parts[match[1]]() if match[1] in parts else self.choose(WORDS[match[1]])

        return re.sub(r"\{(.*?)\}", part, template)


def write_cases(seed):
    """The cases of one seed: a program, and all that is asked of it."""
    rng = random.Random(f"random programs {seed}")
    size = seed % 2 and rng.choice(SIZES)
    source = Writer(rng).function()
    numbers = [rng.choice(SPECIAL), rng.gauss(0, 2), rng.gauss(0, 1)]  # few, so that there are ties

    def draw():
        return rng.choice([rng.choice(SPECIAL), *numbers, rng.choice([-2.0, -1.0, 0.5, 1.0, 2.0])])

    def draw_call():
        samples = [[draw(), draw()] for _ in range(size or 1)]
        return [draw(), draw()], np.array(samples) if size else samples[0]

    calls = [draw_call() for _ in range(1 if size == max(SIZES) else 3)]
    return [Case(source, form, calls) for form in (BATCH_FORMS if size else FORMS)]


class Case(NamedTuple):
    """One function, what is asked of it, and the arguments of its calls, one after another."""

    source: str
    form: str
    calls: list

    def fault(self, backends):
        """What is wrong with the compiled function: kind, backend, arguments, words; or None."""
        try:
            scope = define(self.source)
            g = eval(self.form, scope)  # noqa: S307 — a form of those above
            expected = [flatten(scope["eager"](g, *args))[0] for args in self.calls]
        except Exception:  # noqa: BLE001 — then there is nothing to compare with
            return None
        for backend in backends:
            if any(name in self.source for name in LACKING.get(backend, [])):
                continue
            compiled = scope["jit"](g, backend=backend)
            for args, leaves in zip(self.calls, expected, strict=True):
                try:
                    found = numbers_of(compiled(*args))
                except Exception as error:  # noqa: BLE001 — any is a finding
                    return "exception", backend, args, f"{type(error).__name__}: {error}"
                for each in compiled.variants:
                    excused["branches of samples"] += any(each.ways) and args is self.calls[0]
                if kind := self.compare(found, leaves):
                    numbers = [*map(number, leaves)]
                    return kind, backend, args, f"{found[:9]}, on values {numbers[:9]}"
        return None

    def compare(self, found, leaves):
        """The kind of difference from the leaves of an eager result, or None."""
        kinds = set()
        is_sum = "total(vmap" in self.form or "sum(vmap" in self.form
        is_reverse = "vmap" in self.form and re.search(REVERSE, self.form + self.source)
        for a, y in zip_longest(found, leaves):
            b = number(y)
            if pack("d", a) == pack("d", b) or (a != a and b != b):  # all nans are one
                continue
            if is_sum or (is_reverse and chooses(y)):
                slack = allowance(y, len(self.calls[0][1]), is_sum)
                if slack == inf or abs(a - b) <= slack:
                    excused["excused"] += 1
                    continue
            kinds.add("zeros" if a == b else "bits")
        return min(kinds, default=None)

    def smaller(self):
        """The same with fewer calls, fewer samples, or less of a program."""
        for i in range(len(self.calls) * (len(self.calls) > 1)):
            yield self._replace(calls=self.calls[:i] + self.calls[i + 1 :])
        samples = len(self.calls[0][1]) if "vmap" in self.form else 1
        for part in [slice(samples // 2), slice(samples // 2, None), slice(1, None), slice(-1)]:
            if samples > 1:
                yield self._replace(calls=[(w, x[part]) for w, x in self.calls])
        for source in cuts(self.source):
            yield self._replace(source=source)


def define(source, names={}):  # noqa: B006 — the prelude runs once
    """The names of the prelude and of the program."""
    if not names:
        exec(PRELUDE, names)  # noqa: S102 — programs are what is tested
    exec(source, scope := dict(names))  # noqa: S102 — as above
    return scope


def numbers_of(tree):
    return [*map(number, flatten(tree)[0])]


def number(leaf):
    return getattr(leaf, "data", leaf)


def chooses(y):
    """Whether a partial of an operation in the graph takes a branch."""
    partials = [p for node in getattr(y, "nodes", list)() if node.op for p in node.op.partials]
    return any(" if " in p for p in partials if isinstance(p, str))


def allowance(y, samples, is_sum):
    """How far the number may lie from that of the same steps in another order.

    For a sum over a batch it may be anything where steps are infinite.
    """
    if getattr(y, "op", None) is None:  # a sum of so many constants, which are equal
        return samples * abs(number(y)) * 2.0**-53
    nodes = y.nodes()
    reach, shares = dict.fromkeys(nodes, 0.0) | {y: 1.0}, []
    for node in reversed(nodes):
        shares.append(reach[node] * (abs(node.data) + sys.float_info.min))  # it may underflow
        for operand, partial in zip(node.operands, node.partials, strict=True):
            if partial is not None:
                reach[operand] += reach[node] * abs(partial) + sys.float_info.min
                share = reach[node] * abs(operand.data * partial)
                shares.append(len(node.operands) * share)
    if is_sum and not all(map(isfinite, shares)):
        return inf
    return 2 * sum(filter(isfinite, shares)) * 2.0**-53  # others lie below an infinite partial


excused: Counter[str] = Counter()  # and what else was counted


def choose_whole(seed):
    """Have programs take arrays of any length whole, or none of those drawn here."""
    whole.FEWEST_ROWS = 1 if seed % 2 else 1_000_000


def compare_programs(programs, start, backends):
    """Print what is wrong with so many programs, one fault of a kind for each, and how many are."""
    counts, begun = excused, time.monotonic()
    for seed in range(start, start + programs):
        shown = set()
        choose_whole(seed)
        for case in write_cases(seed):
            counts["functions"] += 1
            fault = case.fault(backends)
            if fault and fault[0] not in shown:
                counts[f"faults: {fault[0]}"] += 1
                shown.add(fault[0])
                tell(f"# seed {seed}, {show(case, backends, fault[0])}")
    told = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    tell(f"{', '.join(backends)}: {programs:,} programs, {told}; {time.monotonic() - begun:.0f} s")


def show(case, backends, kind):
    """Python that shows what is wrong with it, cut down."""
    case = cut_down(case, Case.smaller, lambda x: (x.fault(backends) or [""])[0] == kind)
    _, backend, args, words = case.fault(backends)
    asked = ", ".join(map(repr, args))
    return (
        f"{kind}: {words}\n{case.source}\n\ng = {case.form}\nprint(eager(g, {asked}))\n"
        f'print(jit(g, backend="{backend}")({asked}))\n'
    )


def tell(text):
    print(text, flush=True)  # noqa: T201 — a command that prints


def main(programs=5_000, start=0, *backends):
    warnings.simplefilter("ignore")  # of calls that branch too often, and of programs cut down
    np.set_printoptions(floatmode="unique", threshold=sys.maxsize)
    tell(f"{PRELUDE}\n")
    known = [name for name in BACKENDS if name != "auto"]
    compare_programs(int(programs), int(start), list(backends) or known)


if __name__ == "__main__":
    main(*sys.argv[1:])
