"""Formulas that people type: what is of the language, and how all else is refused."""

import math
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_formula import graphs, number, same

from micrograd_gd import Value, formula, grad, parse
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.formula import leaf_names
from micrograd_gd.notation.handwriting import transcribe
from micrograd_gd.notation.parse import DEPTH, LENGTH, WORD, Expression
from micrograd_gd.table.ops import OPERATIONS


@pytest.mark.parametrize(
    ("text", "names", "numbers", "value"),
    [
        ("(a*b + b**3).tanh()", ("a", "b"), (-4.0, 2.0), 0.0),
        ("tanh(b*a)", ("b", "a"), (0.5, 0.5), math.tanh(0.25)),
        ("x**4 - 3*x**3 + 2", ("x",), (2.0,), -6.0),
        ("maximum(a, 0) + minimum(b, -a)", ("a", "b"), (2.0, 5.0), 0.0),
        ("-x**2 + (-x)**2 - 2**-x", ("x",), (1.0,), -0.5),
        ("a - (b - c)", ("a", "b", "c"), (1.0, 2.0, 3.0), 2.0),
        ("x if x > 0 else leaky_relu(x) * 10", ("x",), (-2.0,), -0.2),
        ("where(0 <= x < 1, 1, x // 2 + x % 2)", ("x",), (5.0,), 3.0),
        ("(a > b) + (not a) + (a and b)", ("a", "b"), (3.0, 2.0), 3.0),
        ("arctan(x) - x.atan()", ("x",), (3.0,), 0.0),
        ("1/x + inf", ("x",), (0.0,), math.inf),
        ("abs(-3)", (), (), 3.0),
        (" 2 ", (), (), 2.0),
        ("a > 1", ("a",), (2.0,), 1.0),
        ("t = a*b\nu = t + t\nu*t", ("a", "b"), (1.0, 3.0), 18.0),
        ("9**9**9**9", (), (), math.inf),
    ],
)
def test_a_formula_is_a_function_of_floats_and_of_values(text, names, numbers, value):
    f = parse(text)
    assert f.names == names
    assert f(*numbers) == value
    assert type(f(*numbers)) is float
    assert number(f(*map(Value, numbers))) == value
    assert f(**dict(zip(names, numbers, strict=True))) == value


def test_a_formula_is_differentiated_like_any_function():
    assert grad(parse("x**4 - 3*x**3 + 2"))(2.0) == 4 * 2.0**3 - 9 * 2.0**2
    assert grad(parse("a*b"), argnums=(0, 1))(2.0, 3.0) == (3.0, 2.0)


def test_a_formula_takes_all_that_is_a_number_once():
    f = parse("a / b")
    assert f(1, b=Value(2.0)).data == 0.5
    for wrong in [(1.0,), (1.0, 2.0, 3.0)]:
        with pytest.raises(ArgumentError, match=r"parse\('a / b'\) takes a, b; it was called with"):
            f(*wrong)
    with pytest.raises(ArgumentError, match="takes a, b; it was called with"):
        f(1.0, a=2.0)
    with pytest.raises(ArgumentError, match="takes a, b; it was called with"):
        f(1.0, c=2.0)
    with pytest.raises(TypeError, match="a must be one real number"):
        f("1", 2.0)


def test_a_formula_can_be_pickled():
    assert pickle.loads(pickle.dumps(parse("a + 1")))(2) == 3.0  # noqa: S301 — our own bytes


@given(graphs())
def test_what_formula_writes_parse_reads(root):
    f = parse(formula(root))
    leaves = leaf_names(root)
    assert set(f.names) <= leaves.keys()
    assert same(f(*(leaves[name] for name in f.names)), root)
    assert same(f(*(leaves[name].data for name in f.names)), root)


IDENTIFIERS = st.text(st.characters(categories=["L", "Mn", "Mc", "Nd", "Pc"]), max_size=8).filter(
    str.isidentifier
)


@given(IDENTIFIERS, IDENTIFIERS)
@example("x\u0302", "\u0905\u093e")
@example("__debug__", "lambda")
def test_whatever_a_leaf_is_called_parse_reads_what_formula_writes(one, other):
    x, y = Value(2.0, label=one), Value(3.0, label=other)
    root = x - y
    leaves = leaf_names(root)
    assert parse(formula(root))(**leaves).data == -1.0


HOSTILE = [
    ("(" * 100_000, "100,000 characters are too many"),
    ("(" * 5000, "nested"),
    ("(" * 250 + "a" + ")" * 250, "nested"),
    ("-" * 9000 + "1", "nested too deep"),
    ("not " * 2000 + "a", "nested deeper"),
    ("a**" * 3000 + "a", "nested too deep"),
    ("+".join("a" * (DEPTH + 1)), "nested deeper than 200 times"),
    ("9" * 5000, "is longer than 100 characters"),
    ("0x" + "f" * 5000, "is longer than 100 characters"),
    ("_" * 9000, "is longer than 100 characters"),
    ("().__class__", "Attribute"),
    ("a.__class__", "Attribute"),
    ("a.__class__()", "no operation is called '__class__'"),
    ("__import__(a)", "no operation is called '__import__'"),
    ("a.data", "Attribute"),
    ("a.backward()", "no operation is called 'backward'"),
    ("lambda: 1", "':' has no meaning here"),
    ("(a:=1)", "':' has no meaning here"),
    ("'a'", "has no meaning here"),
    ("f'{a}'", "has no meaning here"),
    ("a\0", "has no meaning here"),
    ("[a for a in b]", "has no meaning here"),
    ("a; b", "';' has no meaning here"),
    ("a @ b", "'@' has no meaning here"),
    ("a if b", "expected 'else'"),
    ("await a", "Await"),
    ("yield", "invalid syntax"),
    ("import os", "invalid syntax"),
    ("a b", "invalid syntax"),
    ("", "invalid syntax"),
    ("a, b", "Tuple"),
    ("a is b", "Is"),
    ("a in b", "In"),
    ("1if a else b", "invalid decimal literal"),
    ("1j", "1j is no number"),
    ("None", "None is no number"),
    ("True", "True is no number"),
    ("__debug__", "cannot assign to __debug__"),
    ("exp + 1", r"exp is an operation: write exp\(x\)"),
    ("a(b)(c)", "what is called must be the name of an operation"),
    ("max(a, b)", "did you mean maximum"),
    ("total(a, b)", "no operation is called 'total'"),
    ("tanh(a, b)", r"tanh\(x\) cannot be called so"),
    ("tanh()", r"tanh\(x\) cannot be called so"),
    ("tanh(x=a)", r"tanh\(x\) cannot be called so"),
    ("tanh(*a)", "Starred"),
    ("a = 1", "invalid syntax"),
    ("a\n+ b", "does not begin with 'name ='"),
    ("inf = 1\ninf", "does not begin with 'name ='"),
    ("exp = 1\nexp", "exp is an operation"),
]


@pytest.mark.parametrize(("text", "reason"), HOSTILE, ids=lambda text: repr(text)[:30])
def test_all_else_is_refused_in_one_line(text, reason):
    with pytest.raises(ArgumentError, match=reason) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


ON_PAPER = {
    "x^2": "x**2",
    "3x": "3*x",
    "3 x + 2.5y^2": "3*x + 2.5*y**2",
    "2(x+1)": "2*(x+1)",
    "(x+1)(x-1)": "(x+1)*(x-1)",
    "x(x+1)": "x*(x+1)",
    "(x+1)x": "(x+1)*x",
    "a b": "a*b",
    "x² + x¹⁰": "x**2 + x**10",
    "−x ÷ 2 × y": "-x / 2 * y",
    "|x - 1|": "abs(x - 1)",
    "√x + √(x + 1)": "sqrt(x) + sqrt(x + 1)",
    "ln(x)": "log(x)",
    "sin x": "sin(x)",
    "sin(x)cos(x)": "sin(x)*cos(x)",
    "y = x**2": "x**2",
    "f(x) = 2x": "2*x",
    "3e5x if x > 1 else 2x": "3e5*x if x > 1 else 2*x",
    " -x^2 ": "-x**2",
}


@pytest.mark.parametrize("written", ON_PAPER)
def test_a_formula_as_on_paper_is_answered_with_what_was_meant(written):
    with pytest.raises(ArgumentError, match="expected a formula: did you mean") as caught:
        parse(written)
    assert str(caught.value).endswith(f"did you mean {ON_PAPER[written]!r}?")


@given(graphs())
def test_what_can_be_read_means_what_it_says(root):
    text = formula(root, max_length=WORD)
    assert "\n" in text or "…" in text or transcribe(text) == text


def test_what_is_no_text_is_refused():
    with pytest.raises(ArgumentError, match="3 is no text"):
        parse(3)


def test_numbers_stay_floats_however_often_they_are_squared():
    lines = ["t = (a > b) + (a > b)", *["t = t * t"] * 20, "t"]
    assert parse("\n".join(lines))(2.0, 1.0) == math.inf


WORDS = [*OPERATIONS, *"abcxyz", "inf", "nan", "1", "2.5", "1e9", "0x1f", "if", "else", "and", "or"]
WORDS += [
    "not",
    "lambda",
    "is",
    "in",
    "for",
    "None",
    "=",
    "==",
    "<",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
]
WORDS += ["%", "(", ")", ",", ".", ":", "'", " ", "\n", "_", "__class__", "\\", "@", "[", "]", "\0"]


@given(st.text() | st.lists(st.sampled_from(WORDS), max_size=30).map("".join))
@example("\ud800")
@example("a" * (LENGTH + 1))
@example("\N{LATIN SMALL LIGATURE FI} + \N{MATHEMATICAL BOLD SMALL I}\N{MATHEMATICAL BOLD SMALL F}")
def test_any_text_is_a_formula_or_one_clear_error(text):
    try:
        f = parse(text)
    except ArgumentError as error:
        assert "expected a formula" in str(error)  # noqa: PT017 — most texts are none
    else:
        assert isinstance(f, Expression)
        assert type(f(*[0.5] * len(f.names))) is float
        f(*[Value(0.5) for _ in f.names])
