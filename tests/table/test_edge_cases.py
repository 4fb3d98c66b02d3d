"""What every operation returns at its edges: zeros, poles, kinks, infinities, nan, and the door."""

import math
import operator
import re
from decimal import Decimal
from fractions import Fraction
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

DOCUMENT = Path(__file__).parents[3] / "shared" / "EDGE_CASES.md"  # the table's source

# What is called otherwise than the operation is.
OPERATIONS = {
    "x/y": [lambda x, y: x / y],
    "x*y": [lambda x, y: x * y],
    "x+y": [lambda x, y: x + y],
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

# Operation; operands; value; gradients (h second derivatives by each operand). "doc": any number.
# "[a,b] pref p": anything from a to b is a subgradient, p is ours. "~0": 0 or a smallest subnormal.
# Other numbers are given to 4 digits.
ROWS = [
    ("x/y", "1,0", "inf; inf,-inf"),
    ("x/y", "0,0", "nan; doc,nan"),
    ("x/y", "1,inf", "0; 0,0"),
    ("x/y", "1,-0", "-inf; -inf,-inf"),
    ("x*y", "0,inf", "nan; inf,0"),
    ("x*y", "1e200,1e200", "inf; 1e200,1e200"),
    ("x+y", "inf,-inf", "nan; 1,1"),
    ("x**2 (const int)", "0", "0; 0 (h 2)"),
    ("x**0 (const int)", "0", "1; 0 (h 0)"),
    ("x**0 (const int)", "nan", "1; 0 (h 0)"),
    ("x**0 (const int)", "inf", "1; 0 (h 0)"),
    ("x**1 (const)", "0", "0; 1 (h 0)"),
    ("x**-1 (const int)", "0", "inf; -inf"),
    ("x**0.5 (const)", "0", "0; inf (h -inf)"),
    ("x**0.5 (const)", "-4", "nan; nan"),
    ("x**1.5 (const)", "0", "0; 0 (h inf)"),
    ("x**1.5 (const)", "-1", "nan; nan"),
    ("x**y (both active)", "0,0", "1; 0,doc"),
    ("x**y (both active)", "0,2", "0; 0,0"),
    ("x**y (both active)", "0,1", "0; 1,0"),
    ("x**y (both active)", "0,0.5", "0; inf,0"),
    ("x**y (both active)", "-2,3", "-8; 12,nan"),
    ("x**y (both active)", "-2,2", "4; -4,nan"),
    ("x**y (both active)", "-2,0.5", "nan; nan,nan"),
    ("x**y (both active)", "2,1025", "inf; inf,inf"),
    ("x**y (both active)", "2,-1080", "0; 0,0"),
    ("x**y (both active)", "nan,0", "1; doc,doc"),
    ("x**y (both active)", "1,nan", "1; doc,doc"),
    ("c**y (c=0)", "2", "0; 0"),
    ("c**y (c=-2)", "2", "4; nan"),
    ("sqrt", "0", "0; inf (h -inf)"),
    ("sqrt", "-0", "0; inf"),
    ("sqrt", "-1", "nan; nan"),
    ("sqrt", "inf", "inf; 0"),
    ("log", "0", "-inf; inf (h -inf)"),
    ("log", "-0", "-inf; inf"),
    ("log", "-1", "nan; nan"),
    ("log1p", "-1", "-inf; inf"),
    ("log1p", "-2", "nan; nan"),
    ("log1p", "1e-20", "1e-20; 1"),
    ("log2", "8", "3; 0.1803"),
    ("exp", "710", "inf; inf (h inf)"),
    ("exp", "-746", "0; 0 (h 0)"),
    ("exp", "-inf", "0; 0"),
    ("expm1", "-800", "-1; ~0"),
    ("expm1", "1e-20", "1e-20; 1"),
    ("tanh", "20", "1; 1.699e-17"),
    ("tanh", "19", "1; 1.256e-16"),
    ("tanh", "-400", "-1; ~0"),
    ("tanh", "inf", "1; 0 (h 0)"),
    ("sigmoid", "40", "1; 4.248e-18"),
    ("sigmoid", "-40", "4.248e-18; 4.248e-18"),
    ("sigmoid", "800", "1; ~0"),
    ("sigmoid", "-800", "~0; ~0"),
    ("sigmoid", "-inf", "0; 0"),
    ("sigmoid", "inf", "1; 0"),
    ("logsigmoid", "-800", "-800; 1"),
    ("logsigmoid", "40", "-4.248e-18; 4.248e-18 (h -4.248e-18)"),
    ("logsigmoid", "0", "-0.6931; 0.5 (h -0.25)"),
    ("softplus", "0", "0.6931; 0.5 (h 0.25)"),
    ("softplus", "21", "21; 1 (h 7.583e-10)"),
    ("softplus", "800", "800; 1"),
    ("softplus", "-800", "~0; ~0"),
    ("softplus", "inf", "inf; 1"),
    ("relu", "0", "0; [0,1] pref 0 (h 0)"),
    ("relu", "-0", "0; [0,1] pref 0"),
    ("relu", "nan", "nan; nan"),
    ("relu", "inf", "inf; 1"),
    ("relu", "-inf", "0; 0"),
    ("leaky_relu(0.01)", "0", "0; [0.01,1] pref 0.01"),
    ("elu(1)", "0", "0; 1 (h [0,1])"),
    ("selu", "0", "0; [1.051,1.758]"),
    ("silu", "inf", "inf; 1"),
    ("silu", "-inf", "0; 0"),
    ("gelu (erf)", "-8", "-4.977e-15; -3.98e-14"),
    ("gelu (erf)", "-40", "~0; ~0"),
    ("hardtanh/clip(-1,1)", "1", "1; [0,1]"),
    ("hardtanh/clip(-1,1)", "2", "1; 0"),
    ("hardtanh/clip(-1,1)", "nan", "nan; nan"),
    ("abs", "0", "0; [-1,1] pref 0 (h 0)"),
    ("abs", "-2", "2; -1 (h 0)"),
    ("abs", "inf", "inf; 1"),
    ("abs", "nan", "nan; nan"),
    ("sign", "0", "0; 0"),
    ("sign", "nan", "nan; doc"),
    ("maximum", "1,1", "1; [0,1] pref 0.5,[0,1] pref 0.5"),
    ("maximum", "nan,1", "nan; doc,doc"),
    ("maximum", "1,nan", "nan; doc,doc"),
    ("minimum", "1,1", "1; [0,1] pref 0.5,[0,1] pref 0.5"),
    ("minimum", "nan,1", "nan; doc,doc"),
    ("minimum", "1,nan", "nan; doc,doc"),
    ("sin", "inf", "nan; nan"),
    ("sin", "1e22", "-0.8522; 0.5232"),
    ("tan", "0", "0; 1 (h 0)"),
    ("asin", "1", "1.571; inf (h inf)"),
    ("asin", "2", "nan; nan"),
    ("acos", "1", "0; -inf"),
    ("acosh", "1", "0; inf"),
    ("acosh", "0.5", "nan; nan"),
    ("atanh", "1", "inf; inf"),
    ("atanh", "2", "nan; nan"),
    ("atan", "inf", "1.571; 0 (h 0)"),
    ("atan2(y,x)", "0,0", "0; doc,doc"),
    ("atan2(y,x)", "0,-1", "3.142; -1,0"),
    ("atan2(y,x)", "-0,-1", "-3.142; -1,0"),
    ("atan2(y,x)", "1e200,1e200", "0.7854; 5e-201,-5e-201"),
    ("atan2(y,x)", "1e-200,1e-200", "0.7854; 5e199,-5e199"),
    ("hypot", "0,0", "0; 0,0"),
    ("hypot", "3,4", "5; 0.6,0.8"),
    ("hypot", "1e200,1e200", "1.414e200; 0.7071,0.7071"),
    ("hypot", "1e-200,1e-200", "1.414e-200; 0.7071,0.7071"),
    ("erf", "30", "1; ~0"),
    ("erf", "0", "0; 1.128 (h 0)"),
    ("erfc", "30", "~0; ~0"),
    ("lgamma", "1", "0; -0.5772 (h 1.645)"),
    ("floor", "2", "2; 0"),
    ("floor", "-0.5", "-1; 0"),
    ("round", "2.5", "2; 0"),
    ("x % y", "5.5,2", "1.5; 1,-2"),
    ("x % y", "-5.5,2", "0.5; 1,3"),
    ("x % y", "5.5,-2", "-0.5; 1,3"),
    ("x // y", "5.5,2", "2; 0,0"),
    ("fmod", "-5.5,2", "-1.5; 1,2"),
    ("where(x>0,sqrt(x),0)", "0", "0; 0"),
    ("where(x>0,sqrt(x),0)", "-1", "0; 0"),
    ("norm sqrt(x*x+y*y)", "0,0", "0; doc,doc"),
    ("xlogy(x,x)", "0", "0; doc"),
    ("sinc", "0", "1; 0 (h -3.29)"),
    ("sinc", "1e-9", "1; -3.29e-9 (h -3.29)"),
    ("logaddexp", "1000,1001", "1001; 0.2689,0.7311"),
    ("logaddexp", "-inf,-inf", "-inf; doc,doc"),
    ("logaddexp", "inf,1", "inf; 1,0"),
    ("logaddexp", "0,0", "0.6931; 0.5,0.5 (h 0.25,0.25)"),
    ("cbrt", "0", "0; inf (h doc)"),
    ("cbrt", "-8", "-2; 0.08333"),
    ("x*x at huge", "1e200", "inf; 2e200"),
]


@pytest.mark.parametrize(("operation", "at", "expected"), ROWS)
def test_edge_case(operation, at, expected):
    point = [float(x) for x in at.split(",")]
    value, gradients, second = _expect(expected, len(point))
    for function in _functions(operation):
        y, slopes, curvatures = _derivatives(function, point)
        assert _fits(y, value), f"value: {y}"
        for got, wanted in zip(slopes, gradients, strict=True):
            assert _fits(got, wanted), f"gradients: {slopes}"
        for got, wanted in zip(curvatures, second, strict=True):
            assert _fits(got, wanted), f"second derivatives: {curvatures}"


def test_both_ways_of_backward_give_the_same_gradient_at_every_edge():
    for operation, at, _ in ROWS:
        for function in _functions(operation):
            point = [float(x) for x in at.split(",")]
            leaves = [Value(x) for x in point]
            function(*leaves).backward()
            plain = [leaf.grad for leaf in leaves]
            recorded = _derivatives(function, point)[1]
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
    has_poles = name in {"lgamma", "digamma"} and end < 0
    if has_poles or not all(isinstance(y, mpf) and mp.isfinite(y) for y in (near[0], far[0])):
        pytest.skip("that is outside of its domain")
    y, slopes, curvatures = _derivatives(row, [end * math.inf])
    for got, a, b in zip([y, *slopes, *curvatures], near, far, strict=True):
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
    return y.data, [getattr(slope, "data", slope) for slope in slopes], curvatures


def _expect(text, operands):
    """The value, a list of gradients and a list of second derivatives, each still a text."""
    value, _, rest = text.partition("; ")
    gradients, _, second = rest.rstrip(")").partition(" (h ")
    return value, _list(gradients), _list(second) or ["doc"] * operands


def _list(text):
    return re.findall(r"\[[^]]*\](?: pref [^,]+)?|[^,]+", text)


def _fits(got, wanted):
    if wanted == "doc":
        return type(got) is float
    if wanted == "nan":
        return math.isnan(got)
    if wanted == "~0":
        return -1e-320 <= got <= 1e-320
    if wanted.startswith("["):
        bounds, _, preferred = wanted.partition(" pref ")
        low, high = map(float, bounds.strip("[]").split(","))
        return got == float(preferred) if preferred else low <= float(f"{got:.4g}") <= high
    return float(f"{got:.4g}") == float(wanted)


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


DOOR = {
    "int, bool, NumPy scalar, `Fraction`, `Decimal`": (
        "converted to float once; `10**400` is an `OverflowError` at construction",
        _numbers_are_converted_once,
    ),
    "`np.float64(2) * v`": ("stays a `Value`", _a_numpy_scalar_keeps_the_value),
    "array with `Value`, either order": (
        "element-wise object array",
        _arrays_go_element_by_element,
    ),
    "complex, str, None, list where a scalar is due": (
        "`TypeError` at the door, naming the argument",
        _what_is_no_scalar_is_turned_away,
    ),
    "nan, inf": ("fine", _nan_and_inf_are_numbers),
    "`v == w`, `v < 2`": (
        "compare numbers, give `bool`; hash by identity",
        _comparisons_are_of_numbers,
    ),
    "`bool(v)`": ("`v.data != 0`", _a_value_is_true_unless_0),
    "`float(v)`, `int(v)`, `math.exp(v)`": (
        "`TypeError` naming `v.data` and `v.exp()`",
        _nothing_drops_the_gradient_silently,
    ),
    "`sum([...])`, `max`, `min`, `abs`, `format`, `sorted`": ("work", _builtins_work),
    "`backward()` twice": (
        "leaves get exactly once more (27, then 54), interior nodes stay",
        _backward_twice,
    ),
    "`.data` changed after the forward pass": (
        "gradient of the pass that ran",
        _the_pass_that_ran_counts,
    ),
    "`backward` of a value that depends on nothing": ("fine: seeds itself", _a_leaf_seeds_itself),
}


@pytest.mark.parametrize("given", DOOR)
def test_door(given):
    _, check = DOOR[given]
    check()


# The document that decided all this.


def test_the_rows_of_the_document_are_here():
    cells = _cells("The table")
    assert cells
    assert {(row[0].strip("`"), *row[1:3]) for row in cells} <= {*ROWS}
    assert [row[:2] for row in _cells("What goes in at the door")] == [
        [given, answer] for given, (answer, _) in DOOR.items()
    ]


def _cells(heading):
    if not DOCUMENT.is_file():
        pytest.skip(f"the document is not beside this checkout: {DOCUMENT} is missing")
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
