"""What every operation returns at its edges: zeros, poles, kinks, infinities, nan, and the door."""

import math
import operator
import re
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf
from oracle import ORACLES, truth

from micrograd_gd import Value, functional
from micrograd_gd.errors import NotANumberError, NumberRangeError
from micrograd_gd.functional import (
    abs,  # noqa: A004 — the operation of that name
    atan2,
    clip,
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    sqrt,
    where,
    xlogy,
)
from micrograd_gd.table import ops as table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "edge-cases.md"
DOCUMENT = ROOT.parent / "shared" / "EDGE_CASES.md"  # the source of the page's tables

# What is called otherwise than the operation is.
OPERATIONS = {
    "x/y": [lambda x, y: x / y],
    "x*y": [lambda x, y: x * y],
    "x+y": [lambda x, y: x + y],
    "x-y": [lambda x, y: x - y],
    "-x": [lambda x: -x],
    "x**2 (const int)": [lambda x: x**2],
    "x**0 (const int)": [lambda x: x**0],
    "x**1 (const)": [lambda x: x**1.0],
    "x**-1 (const int)": [lambda x: x**-1],
    "x**0.5 (const)": [lambda x: x**0.5],
    "x**1.5 (const)": [lambda x: x**1.5],
    "x**y (both active)": [lambda x, y: x**y],
    "c**y (c=0)": [lambda y: 0.0**y],
    "c**y (c=-2)": [lambda y: (-2.0) ** y],
    "leaky_relu(0.01)": [leaky_relu, lambda x: leaky_relu(x, 0.01)],
    "elu(1)": [elu, lambda x: elu(x, 1.0)],
    "gelu (erf)": [gelu],
    "hardtanh/clip(-1,1)": [hardtanh, lambda x: clip(x, -1.0, 1.0)],
    "abs": [abs, lambda x: x.__abs__()],
    "atan2(y,x)": [atan2],
    "x % y": [lambda x, y: x % y],
    "x // y": [lambda x, y: x // y],
    "where(x>0,sqrt(x),0)": [lambda x: where(x > 0, sqrt(x), 0.0)],
    "norm sqrt(x*x+y*y)": [lambda x, y: sqrt(x * x + y * y)],
    "xlogy(x,x)": [lambda x: xlogy(x, x)],
    "x*x at huge": [lambda x: x * x],
}


def _read(document, heading):
    """The cells of the table below a heading, row by row."""
    section = document.read_text(encoding="utf-8").split(f"\n## {heading}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


# Operation, operands, value, slopes, second derivatives; the page says how to read the numbers.
ROWS = [(row[0].strip("`"), *row[1:]) for row in _read(PAGE, "The table")]


@pytest.mark.parametrize(("operation", "at", "value", "slopes", "second"), ROWS)
def test_edge_case(operation, at, value, slopes, second):
    for function in _functions(operation):
        results = _derivatives(function, _numbers(at))
        for got, wanted in zip(results, ([value], _split(slopes), _split(second)), strict=True):
            for x, text in zip(got, wanted or ["~"] * len(got), strict=True):
                assert _fits(x, text), f"{got}, not {wanted}"


def test_every_operation_stands_in_the_table():
    recorded = set()
    for operation, at, *_ in ROWS:
        for function in _functions(operation):
            recorded |= {node.op for node in function(*map(Value, _numbers(at))).nodes()}
    for row in table.OPERATIONS.values():
        is_listed = row in recorded or row.folds or "internal" in row.properties
        assert is_listed, f"{PAGE} does not say what {row.name} returns at its edges"


def test_both_ways_of_backward_give_the_same_gradient_at_every_edge():
    for operation, at, *_ in ROWS:
        for function in _functions(operation):
            leaves = [Value(x) for x in _numbers(at)]
            function(*leaves).backward()
            plain = [leaf.grad for leaf in leaves]
            recorded = _derivatives(function, _numbers(at))[1]
            np.testing.assert_array_equal(recorded, plain, err_msg=f"{operation} at {at}")


FAR = mpf("12345.678")


@pytest.mark.parametrize("end", [1, -1])
@pytest.mark.parametrize("name", ORACLES)
def test_infinity_has_the_limits_of_the_derivatives(name, end):
    """Where they have one: 0 if they fall without end, inf if they grow, or a number."""
    row = table.operation(name)
    if len(row.operands) > 1 or row.folds or name in {"sin", "cos", "tan", "round", "floor"}:
        pytest.skip("it has no limits in one operand")
    near, far = (truth(name, [end * x]).quantities for x in (FAR, FAR**2))
    has_poles = name in {"gamma", "lgamma", "digamma"} and end < 0
    if has_poles or not all(isinstance(y, mpf) and mp.isfinite(y) for y in (near[0], far[0])):
        pytest.skip("that is outside of its domain")
    results = chain.from_iterable(_derivatives(row, [end * math.inf]))
    for got, a, b in zip(results, near, far, strict=True):
        ratio = mp.fabs(b) / mp.fabs(a) if a else mpf(0)
        if ratio <= FAR ** mpf("-0.3"):
            assert got == 0
        elif ratio >= FAR ** mpf("0.3"):
            assert got == math.copysign(math.inf, float(mp.sign(b)))
        elif mp.fabs(ratio - 1) <= FAR ** mpf("-0.3"):
            assert got == pytest.approx(float(b), rel=float(2 / FAR))


def _functions(operation):
    return OPERATIONS.get(operation) or [getattr(functional, operation)]


def _derivatives(function, point):
    """The value, the gradient, and the second derivative by each operand."""
    leaves = [Value(x) for x in point]
    y = function(*leaves)
    y.backward(create_graph=True)
    slopes = [leaf.grad for leaf in leaves]
    curvatures = []
    for slope, leaf in zip(slopes, leaves, strict=True):
        leaf.grad = 0.0
        if isinstance(slope, Value):
            slope.backward()
        curvatures.append(leaf.grad)
    return [y.data], [getattr(slope, "data", slope) for slope in slopes], curvatures


def _numbers(text):
    return [float(x) for x in text.split(", ")]


def _split(text):
    return re.split(r", (?![^[]*\])", text) if text else []


def _fits(got, wanted):
    if wanted == "~":
        return type(got) is float
    if wanted == "~0":
        return -1e-320 <= got <= 1e-320
    shown, _, bounds = wanted.removesuffix(" (any)").partition(" of ")
    if bounds:
        low, high = _numbers(bounds.strip("[]"))
        assert low <= float(shown) <= high
    return math.isnan(got) if shown == "nan" else float(f"{got:.4g}") == float(shown)


# The door: what becomes of whatever is given where a number is due.


def _numbers_are_converted_once():
    for number in (3, True, np.float32(0.1), np.int64(3), Fraction(1, 3), Decimal("0.1")):
        for value in (Value(number), Value(0.0) + number, number + Value(0.0)):
            assert type(value.data) is float
            assert value.data == float(number)
    with pytest.raises(NumberRangeError) as raised:
        Value(10**400)
    assert isinstance(raised.value, OverflowError)


def _a_numpy_scalar_keeps_the_value():
    v = Value(3.0)
    product = np.float64(2) * v
    assert type(product) is Value
    product.backward()
    assert v.grad == 2


def _arrays_go_element_by_element():
    v = Value(3.0)
    array = np.array([1.0, 2.0])
    for product in (v * array, array * v):
        assert product.dtype == object
        assert [type(each) for each in product] == [Value, Value]
        assert [each.data for each in product] == [3, 6]


def _what_is_no_scalar_is_turned_away():
    for thing in (1j, "2", None, [1.0]):
        for give in (Value, lambda x: Value(1.0) + x, lambda x: x * Value(1.0), Value(1.0).hypot):
            with pytest.raises(TypeError, match=r"(data|operand [12] of .*) must be"):
                give(thing)


def _nan_and_inf_are_numbers():
    for x in (math.nan, math.inf, -math.inf):
        assert str(Value(x).data) == str(x)


def _comparisons_are_of_numbers():
    v, w = Value(1.0), Value(1.0)
    for answer in (v == w, v < 2, v <= w, v >= w, v > 0, v == 1, v != 2):
        assert answer is True
    assert v != Value(2.0)
    assert len({v, w}) == 2


def _a_value_is_true_unless_0():
    assert [bool(Value(x)) for x in (0.0, -0.0, 2.0, math.nan)] == [False, False, True, True]


def _nothing_drops_the_gradient_silently():
    for convert in (float, int, math.exp, range, operator.index, [1.0, 2.0].__getitem__):
        with pytest.raises(NotANumberError, match=r"v\.data.*v\.exp\(\)"):
            convert(Value(1.0))


def _builtins_work():
    v, w = Value(-2.0), Value(1.5)
    assert sum([v, w]).data == -0.5
    assert max(v, w) is w
    assert min(v, w) is v
    assert v.__abs__().data == 2
    assert f"{w:.3f}" == "1.500"
    assert sorted([w, v]) == [v, w]


def _backward_twice():
    x = Value(3.0)
    square = x * x
    root = square * x
    root.backward()
    assert (x.grad, square.grad) == (27, 3)
    root.backward()
    assert (x.grad, square.grad) == (54, 3)


def _the_pass_that_ran_counts():
    x = Value(3.0)
    root = x * x
    x.data = 100.0
    root.backward()
    assert x.grad == 6


def _a_leaf_seeds_itself():
    x = Value(3.0)
    x.backward()
    assert x.grad == 1


CHECKS = [  # of the rows of the page, in order
    _numbers_are_converted_once,
    _a_numpy_scalar_keeps_the_value,
    _arrays_go_element_by_element,
    _what_is_no_scalar_is_turned_away,
    _nan_and_inf_are_numbers,
    _comparisons_are_of_numbers,
    _a_value_is_true_unless_0,
    _nothing_drops_the_gradient_silently,
    _builtins_work,
    _backward_twice,
    _the_pass_that_ran_counts,
    _a_leaf_seeds_itself,
]
DOOR = [given for given, _ in _read(PAGE, "What goes in at the door")]


@pytest.mark.parametrize("check", CHECKS, ids=DOOR)
def test_door(check):
    check()


# The document that decided all this, in a notation of its own.

NUMBER = r"[^ ,;(]+"


def test_the_rows_of_the_document_are_those_of_the_page():
    if not DOCUMENT.is_file():
        pytest.skip(f"the document is not beside this checkout: {DOCUMENT} is missing")
    decided = {tuple(row[:2]): row[2] for row in _read(DOCUMENT, "The table")}
    rows = {(f"`{name}`", at.replace(", ", ",")): row for name, at, *row in ROWS}
    assert decided
    for key, text in decided.items():
        value, slopes, second = rows[key]
        written = f"{value}; {slopes}" + f" (h {second})" * bool(second)
        written = re.sub(rf"{NUMBER} \(any\)", "doc", written.replace(", ", ","))
        with_choice = re.sub(rf"({NUMBER}) of (\[.*?\])", r"\2 pref \1", written)
        without = re.sub(rf"{NUMBER} of (\[.*?\])", r"\1", written)
        assert text in {with_choice, without}, key
    assert _read(DOCUMENT, "What goes in at the door") == _read(PAGE, "What goes in at the door")
