"""The elementary functions in C."""

from functools import cache

from micrograd_gd.table.elementary import FUNCTIONS, POWERS
from micrograd_gd.table.straight_line import BITS, DOUBLE, Term, record

_TYPES = {DOUBLE: "double", BITS: "uint64_t", "test": "int"}
_STEPS = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "neg": "-{}",
    "root": "sqrt({})",
    "less": "{} < {}", "equal": "{} == {}", "choose": "{} ? {} : {}",
    "bits": "ieee_bits({})", "number": "ieee_number({})",
    "and": "{} & {}", "or": "{} | {}",
    "add bits": "{} + {}", "sub bits": "{} - {}",
    "shift left": "{} << {}", "shift right": "{} >> {}",
}  # fmt: skip

_HEAD = """\
#ifndef MICROGRAD_GD_ELEMENTARY_H
#define MICROGRAD_GD_ELEMENTARY_H

#include <float.h>
#include <math.h>
#include <stdint.h>

typedef union {
    double number;
    uint64_t bits;
} ieee_word;

/* A loop over lanes runs side by side only if what it calls stands in it. */
#ifdef __GNUC__
#define IN_PLACE static inline __attribute__((always_inline))
#else
#define IN_PLACE static inline
#endif

IN_PLACE uint64_t ieee_bits(double x) { return ((ieee_word){.number = x}).bits; }
IN_PLACE double ieee_number(uint64_t i) { return ((ieee_word){.bits = i}).number; }
"""


@cache
def write_header() -> str:
    """The file `elementary.h`."""
    each = f"#define EACH_FUNCTION(X) {' '.join([f'X({name})' for name in FUNCTIONS])}\n"
    return "\n".join([_HEAD, *map(_write_function, FUNCTIONS), _write_power(), each, "#endif\n"])


def _write_power() -> str:
    """Any power but the square and the first, which a compiler is to see through."""
    cases = [f"    if (b == {n}) return ieee_{name}(a);\n" for n, name in POWERS.items()]
    return _POWER.format("".join(cases))


_POWER = """\
static inline double ieee_power(double a, double b)
{{
    if (b == -1) return 1 / a;
    if (b == 0.5) return a < -DBL_MAX ? a * a : sqrt(a + 0);
{}    return pow(a, b);
}}
"""


def _write_function(name: str) -> str:
    _, *steps = record(FUNCTIONS[name], 1)
    body = "\n".join([*map(_write_step, steps), f"    return t{len(steps)};"])
    return f"IN_PLACE double ieee_{name}(double t0)\n{{\n{body}\n}}\n"


def _write_step(step: Term) -> str:
    computed = _STEPS[step.name].format(*map(_write, step.operands))
    return f"    const {_TYPES[step.kind]} t{step.place} = {computed};"


def _write(x: Term | float) -> str:
    """An operand: the number of a step, or a constant."""
    if isinstance(x, Term):
        return f"t{x.place}"
    if isinstance(x, int):
        return f"{x % 2**64}u" if x % 2**64 < 2**16 else f"0x{x % 2**64:x}u"
    return {"inf": "INFINITY", "nan": "NAN"}.get(repr(x), repr(x))
