"""Formulas: text that Python evaluates to the same number again, and LaTeX."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import (
    MLP,
    Value,
    formula,
    functional,
    no_grad,
    notebook,
    primitive,
)
from micrograd_gd.core import sweep
from micrograd_gd.errors import ArgumentError, GraphError
from micrograd_gd.notation.formula import leaf_names
from micrograd_gd.notation.terms import LABEL
from micrograd_gd.table.ops import OPERATIONS

FUNCTIONS = {name: getattr(functional, name) for name in OPERATIONS}
FUNCTIONS |= {"inf": math.inf, "nan": math.nan, "__builtins__": {}}


def evaluate(text, root):
    """What Python makes of a formula: its lines one after the other, the last one for the value."""
    names = FUNCTIONS | leaf_names(root)
    *lines, last = text.splitlines()
    exec("\n".join(lines), names)  # noqa: S102 — the text is what this test is about
    return eval(last, names)  # noqa: S307 — as above


def number(x):
    return getattr(x, "data", x)


def same(a, b):
    """Whether two numbers are the same to the last bit; all nans are."""
    a, b = number(a), number(b)
    return (a != a and b != b) or (a == b and math.copysign(1, a) == math.copysign(1, b))


CONSTANTS = st.sampled_from(
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        -3.0,
        0.1,
        0.5,
        1e15,
        1e16,
        1e300,
        -1e-300,
        5e-324,
        -1.5e-7,
        math.inf,
        -math.inf,
        math.nan,
    ]
) | st.floats(width=64)


@st.composite
def graphs(draw):
    """A graph of all rows, with numbers of every kind for operands."""
    nodes = [Value(draw(CONSTANTS), label=draw(st.sampled_from(["", "a", "w", "exp"])))]
    nodes += [Value(draw(CONSTANTS)) for _ in range(draw(st.integers(0, 2)))]
    for _ in range(draw(st.integers(1, 12))):
        row = draw(st.sampled_from(sorted(OPERATIONS.values(), key=lambda row: row.name)))
        count = row.arity(draw(st.integers(0, 3)) if row.folds else 0)
        operands = [draw(st.sampled_from(nodes[-4:]) | CONSTANTS) for _ in range(count)]
        if not any(isinstance(operand, Value) for operand in operands):
            operands[draw(st.integers(0, count - 1))] = nodes[-1]
        nodes.append(row(*operands))
    return nodes[-1]


@given(graphs())
def test_the_text_is_python_that_gives_the_same_number_to_the_last_bit(root):
    assert same(evaluate(formula(root), root), root)


@given(graphs(), st.data())
def test_the_text_of_a_derivative_gives_what_the_sweep_gives(root, data):
    wrt = data.draw(st.sampled_from([*leaf_names(root).values()]))
    expected = sweep.adjoints(root, differentiable=True).get(wrt, 0.0)
    assert same(evaluate(formula(root, wrt=wrt), root), expected)


@given(graphs())
def test_latex_is_balanced_and_names_no_operand_placeholder(root):
    text = formula(root, style="latex")
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")
    assert not re.search(r"<\w+>", text)
    assert re.fullmatch(r"\$.* = .*\$", root._repr_latex_(), re.DOTALL)


a, b, c = (Value(x, label=label) for x, label in [(2.0, "a"), (-3.0, "b"), (0.5, "c")])


@pytest.mark.parametrize(
    ("root", "text", "latex"),
    [
        (a, "a", "a"),
        (a - (b - c), "a - (b - c)", r"a - \left(b - c\right)"),
        ((a - b) - c, "a - b - c", "a - b - c"),
        (a / (b * c), "a / (b * c)", r"\frac{a}{b \cdot c}"),
        (a * (b + c), "a * (b + c)", r"a \cdot \left(b + c\right)"),
        (a * (b / c), "a * (b / c)", r"a \cdot \frac{b}{c}"),
        (-(a**2), "-a ** 2", "-a^{2}"),
        ((-a) ** 2, "(-a) ** 2", r"\left(-a\right)^{2}"),
        (a**-3, "a ** (-3)", "a^{-3}"),
        ((-2) ** a, "(-2) ** a", r"\left(-2\right)^{a}"),
        (a**b**c, "a ** b ** c", "a^{b^{c}}"),
        ((a**b) ** c, "(a ** b) ** c", r"\left(a^{b}\right)^{c}"),
        (a.exp() ** b, "exp(a) ** b", r"\left(e^{a}\right)^{b}"),
        ((a / b).square(), "square(a / b)", r"\left(\frac{a}{b}\right)^2"),
        (a.neg().neg(), "--a", r"-\left(-a\right)"),
        (a - -b, "a - -b", r"a - \left(-b\right)"),
        (a + 0.0, "a + 0", "a + 0"),
        (a + -0.0, "a + -0.0", r"a + \left(-0\right)"),
        (a * math.inf, "a * inf", r"a \cdot \infty"),
        (a * 1e-7, "a * 1e-07", r"a \cdot \left(1 \cdot 10^{-7}\right)"),
        (a.expm1() * b, "expm1(a) * b", r"\left(e^{a} - 1\right) \cdot b"),
        (a.xlogy(b + c), "xlogy(a, b + c)", r"a \ln \left(b + c\right)"),
        (a.xlogy(b**2), "xlogy(a, b ** 2)", r"a \ln \left(b^{2}\right)"),
        (
            a.where(b, c) ** 2,
            "where(a, b, c) ** 2",
            r"\left(\begin{cases} b & a \neq 0 \\ c & \text{otherwise} \end{cases}\right)^{2}",
        ),
        ((a * b).sinc(), "sinc(a * b)", r"\operatorname{sinc}\left(a \cdot b\right)"),
        ((a + b).sqrt(), "sqrt(a + b)", r"\sqrt{a + b}"),
        (a.hypot(b * c), "hypot(a, b * c)", r"\sqrt{a^2 + \left(b \cdot c\right)^2}"),
        (functional.total([a, b, c]), "0 + a + b + c", "0 + a + b + c"),
        (a.dot(b, c, 2.0, b), "a + b * 2 + c * b", r"a + b \cdot 2 + c \cdot b"),
    ],
)  # fmt: skip
def test_it_is_written_as_a_person_would(root, text, latex):
    assert formula(root) == text
    assert formula(root, style="latex") == latex


def test_the_derivative_of_a_neuron_is_its_formula():
    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    assert formula((w * x + 1).tanh(), wrt=w) == "sech(w * x + 1) ** 2 * x"


def test_a_derivative_may_be_a_number():
    assert formula(a + b, wrt=a) == "1"
    assert formula(a + b, wrt=c) == "0"
    assert formula(a, wrt=a, style="latex") == "1"


def test_a_derivative_drops_a_power_and_a_factor_of_one_alone():
    assert formula(a**2, wrt=a) == "2 * a"
    assert formula(a**2) == "a ** 2"
    assert formula(a**1) == "a ** 1"


def test_a_derivative_inside_of_no_grad_is_the_same():
    y = a.tanh()
    with no_grad():
        assert formula(y, wrt=a) == "sech(a) ** 2"


def test_a_derivative_where_data_was_changed_is_an_error():
    x = Value(3.0)
    y = x * x * x
    x.data = 4.0
    with pytest.raises(GraphError, match="data was changed"):
        formula(y, wrt=x)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["", ""], ["x1", "x2"]),
        (["", "x1", "x2"], ["x3", "x1", "x2"]),
        (["w", "w", "w_2", "w"], ["w", "w_2", "w_2_2", "w_3"]),
        (["exp", "lambda", "inf", "_"], ["exp_", "lambda_", "inf_", "_"]),
        (["layers.0.w.1", "2nd", "a b", "!"], ["layers_0_w_1", "x1", "a_b", "x2"]),
        (["ﬁ", "α", "x" * (LABEL + 1), '"; import os'], ["fi", "α", "x1", "import_os"]),
    ],
)
def test_leaves_are_called_by_their_labels_where_these_are_names(labels, names):
    leaves = [Value(1.0, label=label) for label in labels]
    root = functional.total(leaves)
    assert list(leaf_names(root)) == names
    assert list(leaf_names(root).values()) == leaves


def test_names_are_typeset_and_stay_apart():
    leaves = [Value(1.0, label=x) for x in ["w_1", "w1", "alpha", "loss", "x_i_2", "_", "lambda"]]
    assert formula(functional.total(leaves[1:], leaves[0]), style="latex") == (
        r"w_{1} + \mathtt{w1} + \alpha + \mathrm{loss} + x_{i, 2} + \mathrm{\_} + \lambda"
    )


def test_what_is_used_again_in_a_long_formula_gets_a_line():
    s = (a * b + c).tanh()
    y = s * s + s.exp() + (s - a) * (s - b)
    assert formula(y).splitlines() == [
        "t1 = tanh(a * b + c)",
        "t1 * t1 + exp(t1) + (t1 - a) * (t1 - b)",
    ]
    s.label = "s"
    assert formula(y, style="latex").splitlines() == [
        r"\begin{aligned}",
        r"s &= \tanh\left(a \cdot b + c\right) \\",
        r"& s \cdot s + e^{s} + \left(s - a\right) \cdot \left(s - b\right)",
        r"\end{aligned}",
    ]
    s.label = ""


@pytest.mark.parametrize("style", ["text", "latex"])
def test_an_expression_that_doubles_a_hundred_times_grows_with_its_graph(style):
    x = Value(1e-9)
    y = x
    for _ in range(100):
        y = y + y
    assert formula(y, style=style).count("\n") < 110
    assert same(evaluate(formula(y), y), y)


@pytest.mark.parametrize("wrt", [False, True])
def test_a_chain_of_ten_thousand_nodes_is_cut_and_says_so(wrt):
    x = y = Value(0.5)
    for _ in range(5_000):
        y = (y * 1.0001).sin()
    text = formula(y, wrt=x if wrt else None, max_length=500)
    remark, *lines = text.splitlines()
    assert re.fullmatch(r"# the [\d,]+ lines before are left out", remark)
    assert len("\n".join(lines)) <= 500
    latex = formula(y, style="latex", max_length=500)
    assert r"\text{(the " in latex
    assert latex.endswith(r"\end{aligned}")


def test_a_long_chain_is_evaluated_line_by_line():
    y = Value(0.5)
    for i in range(500):
        y = (y * 1.0001 + i).sin() if i % 2 else 1 - y / 3
    assert same(evaluate(formula(y, max_length=10**6), y), y)


def test_a_wide_sum_is_evaluated_line_by_line():
    ws = [Value(0.1 * i) for i in range(800)]
    y = functional.dot(ws, ws[::-1], bias=-0.0)
    assert same(evaluate(formula(y, max_length=10**6), y), y)


def test_numbers_of_a_sum_are_added_as_floats():
    y = functional.dot([1e15 - 1, 3.0, a], [1e15 - 1, 0.0, 0.5], bias=1.0)
    assert formula(y).startswith("1 + 999999999999999.0 * 999999999999999.0 + 3.0 * 0.0 + a * 0.5")
    y = functional.total([-1e14, 3.0, a], start=-0.0)
    assert formula(y) == "-0.0 + -100000000000000.0 + 3 + a"


def test_a_line_longer_than_the_limit_is_cut():
    assert formula(a + b * c, max_length=6) == "a + b…"
    assert formula(a + b * c, max_length=6, style="latex") == r"\cdots"


def test_operations_that_users_add_are_written_with_their_own_columns():
    primitive("shifted", "x by=1", "x + by", ["1", "1"], "Shifted.", latex=r"<x>\!\uparrow_{<by>}")
    primitive("pairwise_product", "s *w *x", "s + (w * x if w > 0 else 0)",
              ["1", "x if w > 0 else 0", "w if w > 0 else 0"], "Some products.")  # fmt: skip
    primitive("joined", "a b", "a + b", ["1", "1"], "Without an operator.", infix="⊕")
    try:
        assert formula(a.shifted(2.0)) == "shifted(a, 2)"
        assert formula(a.shifted(2.0), style="latex") == r"a\!\uparrow_{2}"
        y = OPERATIONS["pairwise_product"](a, b, c, 2.0, b)
        assert formula(y) == "pairwise_product(a, b, c, 2, b)"
        assert formula(a.joined(b)) == "joined(a, b)"
    finally:
        for name in ("shifted", "pairwise_product", "joined"):
            del OPERATIONS[name]
            delattr(Value, name)
            delattr(functional, name)
            functional.__all__.remove(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"root": 2.0}, "root is 2.0; expected a Value"),
        ({"root": a, "wrt": 2.0}, "wrt is 2.0; expected a Value"),
        ({"root": a, "style": "html"}, "style is 'html'; expected 'text' or 'latex'"),
        ({"root": a, "max_length": 0}, "max_length is 0; expected a whole number, at least 1"),
    ],
)
def test_what_is_no_graph_or_no_style_is_an_error(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        formula(**arguments)


def test_a_notebook_shows_formula_number_and_gradient():
    w, x = Value(-0.5, label="w"), Value(2.0)
    y = (w * x**2).tanh()
    y.backward()
    assert y._repr_latex_() == (
        r"$\displaystyle \tanh\left(w \cdot 2^{2}\right) = -0.964028, \quad \mathrm{grad} = 1$"
    )
    assert w._repr_latex_() == r"$\displaystyle w = -0.5, \quad \mathrm{grad} = 0.282603$"
    assert x._repr_latex_() == r"$\displaystyle 2, \quad \mathrm{grad} = -0.141302$"
    assert (Value(-1.0) ** w)._repr_latex_().startswith(r"$\displaystyle \left(-1\right)^{w} =")


def test_a_notebook_shows_no_more_than_fits():
    y = Value(0.5)
    for _ in range(300):
        y = (y * 1.1).sin()
    assert r"\text{(601 nodes)} = " in y._repr_latex_()
    sizes = [layers for layers in range(1, 9) if "nodes" not in show([1] * layers)]
    assert sizes == [*range(1, len(sizes) + 1)]  # what is shown is whole, and one line
    assert "nodes)} = " in show([3, 1])
    assert "aligned" not in show([3, 1])


def show(widths):
    shown = MLP(1, widths, seed=0)([2.0])._repr_latex_()
    assert len(shown) < notebook.LENGTH + 100
    return shown


def test_a_notebook_shows_the_text_of_what_cannot_be_typeset(monkeypatch):
    def fail(*_):
        raise RuntimeError

    y = Value(1.0) * 2
    assert y._repr_latex_()
    monkeypatch.setattr(notebook, "latex_with_numbers", fail)
    assert y._repr_latex_() is None
