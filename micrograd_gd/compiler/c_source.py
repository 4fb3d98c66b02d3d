"""A program written out as C, for small devices and for programs in other languages."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from micrograd_gd.compiler.program import Program
from micrograd_gd.compiler.source import (
    Language,
    find_rows,
    list_inputs,
    trace_one_sample,
    write_body,
)
from micrograd_gd.errors import ArgumentError
from micrograd_gd.table.c_text import c_expression, word
from micrograd_gd.table.elementary_c import write_header
from micrograd_gd.table.numbers import shorten
from micrograd_gd.table.ops import Operation


def to_c(f: Callable[..., Any], *args: Any, name: str = "compute") -> str:
    """C99 source of `int compute(const double *x, double *y)`, which needs the C library alone.

    `x` holds the numbers of the arguments, and `y` gets those of the result, both from left to
    right. What `f` closes over becomes a constant, and what it does in loops is in loops again. The
    function returns -1; or, where the numbers in `x` take another branch than those in `args`, the
    place of that branch, and `y` is not complete then. Functions of several names can stand in one
    file.

    Raises JitError for what cannot be traced, TranslationError for an operation in Python code, and
    ArgumentError for a `name` that is none in C, or is taken there.

    >>> print(to_c(lambda a, b: a * b + 1, 2.0, 3.0).rpartition("/*")[2])  # doctest: +ELLIPSIS
     x: a, b */
    int compute(const double *x, double *y)
    {
        y[0] = x[0] * x[1] + 1.0;
        return -1;
    }
    <BLANKLINE>
    """
    library = _read_library()
    _require_name(name, library)
    return write_function(trace_one_sample(f, args), name)


@cache
def _read_library() -> str:
    """The functions of `ieee` in C, as the native engine has them."""
    header = resources.files("micrograd_gd.core.native") / "ieee.h"
    return write_header() + "\n" + header.read_text(encoding="utf-8")


# A function or an array of the library, on one line or on several.
_DEFINITION = re.compile(
    r"^(?:IN_PLACE|static inline|static const) \w+ (\w+)(?:.*\}|.*\n(?:[^}].*\n|\n)*\};?)\n",
    re.MULTILINE,
)


def _write_library(text: str) -> Iterator[str]:
    """What a text calls of the library, and what that calls, where it was not there before."""
    library = re.sub('#(include "elementary|define EACH).*\n', "", _read_library())
    definitions = {match[1]: match[0] for match in _DEFINITION.finditer(library)}
    rest = re.sub(r"^/\*.*?\*/\n", "", _DEFINITION.sub("", library), flags=re.MULTILINE | re.DOTALL)
    yield re.sub(r"\n{3,}", "\n\n", rest)
    needed, unread = set[str](), [text]
    while unread:
        called = definitions.keys() & {*re.findall(r"\w+", unread.pop())} - needed
        needed |= called
        unread += [definitions[name] for name in called]
    for name, definition in definitions.items():
        if name in needed:
            yield _write_once(name, definition)


def _write_once(name: str, text: str) -> str:
    """A definition that another program in the same file may have, too."""
    once = f"MICROGRAD_GD_{name}"
    return f"#ifndef {once}\n#define {once}\n{text}#endif\n"


def write_function(program: Program, name: str) -> str:
    """C99 source of a program without batches."""
    lines = [*write_body(program, _C)]
    if not any("x[" in line for line in lines):
        lines.insert(0, "(void)x;")
    functions = [_write_row(row) for row in find_rows(program)]
    text = "\n".join([*functions, *lines])
    heads = re.findall(r"^static inline .*", text, re.MULTILINE)
    return "\n".join(
        [
            *_write_library(text),
            *[f"{head};" for head in heads],
            *functions,
            f"/* x: {list_inputs(program)} */",
            f"int {name}(const double *x, double *y)",
            "{",
            *[f"    {line}" for line in lines],
            "}\n",
        ]
    )


_C = Language(
    constant="const double",
    variable="double",
    array="double {name}[{size}];",
    table="static const double c[{size}] = {{{entries}}};",
    counter="int",
    nan="NAN",
    infinity="INFINITY",
)

# What C keeps for itself: keywords, and the functions of its library, whether used here or not.
_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while alignas alignof asm bool constexpr false nullptr static_assert thread_local true
typeof typeof_unqual main
"""
_LIBRARY = """
EOF HUGE_VAL INFINITY NAN NULL
abort abs asctime asm assert atexit atof atoi atol atoll bsearch calloc clearerr clock ctime
difftime div errno exit fclose feof ferror fflush fgetc fgetpos fgets fopen fpclassify fprintf
fputc fputs fread free freopen fscanf fseek fsetpos ftell fwrite gamma getc getchar getenv gets
gmtime isalnum isalpha isblank iscntrl isdigit isfinite isgraph isgreater isgreaterequal isinf
isless islessequal islessgreater islower isnan isnormal isprint ispunct isspace isunordered
isupper isxdigit j0 j1 jn labs ldiv llabs lldiv localtime longjmp malloc memchr memcmp memcpy
memmove memset mktime offsetof perror printf putc putchar puts qsort raise rand realloc remove
rename rewind scanf setbuf setjmp setlocale setvbuf signal signbit signgam snprintf sprintf srand
sscanf stderr stdin stdout strcat strchr strcmp strcoll strcpy strcspn strerror strlen strncat
strncmp strncpy strpbrk strrchr strspn strstr strtod strtof strtok strtol strtold strtoll strtoul
strtoull strxfrm system time tmpfile tmpnam tolower toupper ungetc va_arg va_end va_start vfprintf
vprintf vsnprintf vsprintf y0 y1 yn
"""
_MATHEMATICS = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp10 exp2 expm1
fabs fdim floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p
log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow pow10 remainder remquo rint
round scalb scalbln scalbn sin sincos sinh sqrt tan tanh tgamma trunc
"""
_TAKEN = {
    *_KEYWORDS.split(),
    *_LIBRARY.split(),
    *(f"{name}{kind}" for name in _MATHEMATICS.split() for kind in ("", "f", "l")),
}


def _require_name(name: str, library: str) -> None:
    """Raise ArgumentError unless C lets a function be called that, beside the library here."""
    is_name = isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
    is_reserved = is_name and re.match(r"_|(ieee|value|MICROGRAD_GD)_|u?int\w*_t$", name)
    if not is_name or is_reserved or name in {*_TAKEN, *re.findall(r"#define (\w+)", library)}:
        raise ArgumentError(
            f"name is {shorten(name)}; expected the name of a C function that is no word of C, of "
            f"its library or of this source: {f'my_{name}' if is_name else 'compute'}, say"
        )


def _write_row(row: Operation) -> str:
    """The function that computes a row."""
    text = c_expression(row.tree(row.value))
    parameters = ", ".join([f"double _{x}" for x in row.operands])
    unused = [x for x in row.operands if not re.search(rf"\b_{x}\b", text)]
    casts = "".join([f"    (void)_{x};\n" for x in unused])
    head = f"static inline double value_{word(row)}({parameters})"
    return _write_once(f"value_{word(row)}", f"{head}\n{{\n{casts}    return {text};\n}}\n")
