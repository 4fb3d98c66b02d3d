"""A program written out as JavaScript, for pages and for programs in other languages."""

import re
from collections.abc import Callable
from textwrap import indent
from typing import Any

from micrograd_gd.compiler.source import (
    Language,
    find_rows,
    list_inputs,
    trace_one_sample,
    write_body,
)
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.js_text import write_library, write_value
from micrograd_gd.table.numbers import shorten


def to_js(f: Callable[..., Any], *args: Any, name: str = "compute") -> str:
    """JavaScript source of `compute(x, y)`, which needs nothing but the language.

    `x` holds the numbers of the arguments, and `y` gets those of the result, both from left to
    right: arrays, or typed arrays of 64-bit floats. What `f` closes over becomes a constant. The
    function returns -1; or, where the numbers in `x` take another branch than those in `args`, the
    place of that branch, and `y` is not complete then. Functions of several names can stand in one
    file. JavaScript leaves the last bits of `exp` and its like to the browser.

    Raises JitError for what cannot be traced, TranslationError for an operation in Python code, and
    ArgumentError for a `name` that is none in JavaScript, or is taken there.

    >>> print(to_js(lambda a, b: a * b + 1, 2.0, 3.0))
    const compute = (() => {
    <BLANKLINE>
        /* x: a, b */
        return function compute(x, y) {
            y[0] = x[0] * x[1] + 1.0;
            return -1;
        };
    })();
    <BLANKLINE>
    """
    _require_name(name)
    program = trace_one_sample(f, args)
    functions = [write_value(row) for row in find_rows(program)]
    lines = [
        *write_library("\n".join(functions)).splitlines(),
        *functions,
        "",
        f"/* x: {list_inputs(program)} */",
        f"return function {name}(x, y) {{",
        *[f"    {line}" for line in write_body(program, _JAVASCRIPT)],
        "};",
    ]
    body = indent("\n".join(lines), "    ")
    return f"const {name} = (() => {{\n{body}\n}})();\n"


_JAVASCRIPT = Language(
    constant="const",
    variable="let",
    array="const {name} = new Float64Array({size});",
    table="const c = [{entries}];",
    counter="let",
    nan="NaN",
    infinity="Infinity",
)

# What JavaScript keeps for itself, in strict mode too: words, its own objects, and what no page may
# define anew.
_WORDS = """
arguments await break case catch class const continue debugger default delete do else enum eval
export extends false finally for function if implements import in instanceof interface let new null
package private protected public return static super switch this throw true try typeof using var
void while with yield
"""
_OBJECTS = """
AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array
Boolean DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array
Float64Array Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN
Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String
SuppressedError Symbol SyntaxError Temporal TypeError URIError Uint16Array Uint32Array Uint8Array
Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly decodeURI decodeURIComponent document
encodeURI encodeURIComponent exports globalThis isFinite isNaN location module parseFloat parseInt
require self top undefined window
"""
_TAKEN = {*_WORDS.split(), *_OBJECTS.split()}


def _require_name(name: str) -> None:
    """Raise ArgumentError unless JavaScript lets a function be called that everywhere."""
    is_name = isinstance(name, str) and re.fullmatch(r"[A-Za-z_$][\w$]*", name, re.ASCII)
    if not is_name or name in _TAKEN or re.match("(ieee|value)_", name):
        raise ArgumentError(
            f"name is {shorten(name)}; expected the name of a JavaScript function that is no word "
            f"or object of the language, and none of this source: "
            f"{f'my_{name}' if is_name else 'compute'}, say"
        )
