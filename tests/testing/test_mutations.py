"""Wrong rules, planted into every row of the table: the checker finds them all, and nothing else.

A mutant is a row with one partial changed: its sign, a factor, a term left out, operands swapped,
one branch, a slope where there is none, the second derivative alone. It has to be found at a point
where it differs from the row; where no point of many tells the two apart, it is none.
"""

import ast
import copy
from collections import Counter
from dataclasses import replace
from itertools import islice, product

import pytest
from hypothesis import HealthCheck, assume, given, settings

from micrograd_gd import Value, check_gradients, engine_name
from micrograd_gd.core import native
from micrograd_gd.errors import GradientError
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.testing.check import examine
from micrograd_gd.testing.smoothness import is_smooth
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.testing.subject import Subject

if engine_name() == "python" and hasattr(native, "Value"):
    reason = "the checker is the same, and so are the bits it looks at (test_native.py)"
    pytest.skip(reason, allow_module_level=True)

NUMBERS = (
    0.3, 0.7, 1.9, 2.0, 1.0, -0.6, 2.6, -1.3, 0.04, -0.02, 12.0, 45.0, -42.0, -850.0, 900.0, 0.0,
    1e-20, 1e-200, 1e-305, 1e50, 1e155, 1e301, -1e301, 1.5e308,
)  # fmt: skip
POINTS = 2000  # of a row, that are looked at
KINDS = (
    "sign", "factor 2.001/2", "term left out", "operands swapped", "one branch",
    "slope from nowhere", "second derivative alone",
)  # fmt: skip


# Mutants.


def mutants(row):
    """(kind, place of the operand, changed partial), each as text."""
    for i, partial in enumerate(row.partials):
        if row.folds and i == 0:
            continue  # the sum so far, whose slope of 1 is no formula
        if partial != "None":
            yield "sign", i, write_around(partial, "-({})")
            yield "factor 2.001/2", i, write_around(partial, "1.0005 * ({})")
        tree = ast.parse(partial, mode="eval").body
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
                yield "term left out", i, change(tree, node, node.left)
                yield "term left out", i, change(tree, node, node.right)
            elif isinstance(node, ast.IfExp):
                yield from (("one branch", i, text) for text in change_a_branch(tree, node))
            elif isinstance(node, ast.Constant) and node.value is None:
                nowhere = "one branch" if node is not tree else "slope from nowhere"
                yield nowhere, i, change(tree, node, ast.Constant(3.0))
        if len(row.operands) - row.folds == 2:
            a, b = row.operands[-2:]
            letters = {a: ast.Name(b), b: ast.Name(a)}
            yield "operands swapped", i, ast.unparse(Renamed(letters).visit(copy.deepcopy(tree)))


def write_around(partial, pattern):
    """The partial with each branch, but those that no derivative flows along, put into the text."""

    def write(node):
        if isinstance(node, ast.IfExp):
            return ast.IfExp(node.test, write(node.body), write(node.orelse))
        if isinstance(node, ast.Constant) and node.value is None:
            return node
        return ast.parse(pattern.format(ast.unparse(node)), mode="eval").body

    return ast.unparse(write(ast.parse(partial, mode="eval").body))


def change_a_branch(tree, node):
    for branch in ("body", "orelse"):
        if not isinstance(getattr(node, branch), ast.IfExp | ast.Constant) or (
            isinstance(getattr(node, branch), ast.Constant)
            and getattr(node, branch).value is not None
        ):
            wrong = ast.parse(f"2 * ({ast.unparse(getattr(node, branch))}) + 3", mode="eval").body
            yield change(tree, getattr(node, branch), wrong)


def change(tree, node, other):
    """The formula with one of its nodes replaced."""

    class Replaced(ast.NodeTransformer):
        def visit(self, each):
            return other if each is node else super().generic_visit(each)

    # The tree stays as it is: the node is found in it by identity, so the copy shares none.
    kept = copy.deepcopy(tree, {id(node): node})
    return ast.unparse(Replaced().visit(kept))


class Renamed(ast.NodeTransformer):
    def __init__(self, names):
        self.names = names

    def visit_Name(self, node):
        return copy.copy(self.names.get(node.id, node))


def plant(row, i, partial):
    partials = (*row.partials[:i], partial, *row.partials[i + 1 :])
    return replace(row, name=f"{row.name}_wrong", partials=partials, _compiled={})


# Where they differ.


def points(row, terms=2):
    """Operands inside of the domain, the usual ones first, with the places that may move.

    A row that folds gets so many `terms`.
    """
    count = row.arity(terms)
    fixed = 1 if row.operands[0] == "n" else 0  # it numbers a family: no slope along it
    inside = row.on_floats(row.domain) if row.domain else lambda *_: True
    for numbers in islice(product(NUMBERS, repeat=count), POINTS):
        operands = (float(round(abs(numbers[0]) % 3)), *numbers[1:]) if fixed else numbers
        if inside(*operands):
            yield operands, range(fixed, count)


def place_of(row, i):
    """Where operand i stands in a call: of a row that folds, in its first term."""
    return 1 + 2 * (i - 1) if row.folds else i


def partial_at(row, operands, i):
    return row.rule((True,) * len(operands))(*operands)[1 + place_of(row, i)]


def differ(row, mutant, operands, i):
    """Whether the rules give different partials here, far enough for any doubt to be excluded."""
    right, wrong = (partial_at(each, operands, i) for each in (row, mutant))
    if right is None or wrong is None:
        return right is not wrong and (right or wrong or 0) != 0
    return abs(right - wrong) > 1e-6 * abs(right) + 1e-290 and abs(wrong) < 1e300


def wrong_orders(mutant, operands, moving, order):
    """The orders of the derivatives that are found to be wrong."""
    constants = {k: x for k, x in enumerate(operands) if k not in moving}

    def f(*values):
        given = iter(values)
        return mutant(
            *(constants[k] if k in constants else next(given) for k in range(len(operands)))
        )

    subject = Subject(f, [x for k, x in enumerate(operands) if k in moving])
    return {1 + comparison.name.count(",") for comparison in examine(subject, order).wrong}


counts = Counter()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_planted_rule_is_found(name):
    row = OPERATIONS[name]
    missed = []
    for kind, i, partial in mutants(row):
        if i not in range(row.operands[0] == "n", len(row.operands)):
            continue
        mutant = plant(row, i, partial)
        where = [*islice(((o, m) for o, m in points(row) if differ(row, mutant, o, i)), 12)]
        if not where:
            counts[kind, "never differs"] += 1
            continue
        is_caught = any(wrong_orders(mutant, o, m, order=1) for o, m in where)
        counts[kind, "found" if is_caught else "missed"] += 1
        if not is_caught:
            missed.append((kind, row.operands[i], partial, where[:3]))
    assert not missed


@pytest.mark.parametrize("name", [*OPERATIONS][:: 1 if settings().max_examples > 100 else 3])
def test_every_wrong_second_derivative_is_found(name):
    """The partial is right at the point, and its slope is off by a half."""
    row = OPERATIONS[name]
    checked = False
    for i, partial in enumerate(row.partials):
        if (row.folds and i == 0) or row.operands[i] == "n":
            continue
        letter = row.operands[i]
        for operands, moving in points(row, terms=1):
            if "None" in partial and partial_at(row, operands, i) is None:
                continue
            if len({*operands}) == len(operands) and is_smooth(row, operands, moving):  # no tie
                beside = f"{{}} + 0.5 * ({letter} - {operands[i]!r})"
                mutant = plant(row, i, write_around(partial, beside))
                found = wrong_orders(mutant, operands, moving, order=2)
                counts["second derivative alone", "found" if found else "missed"] += 1
                assert found == {2}, (letter, operands)
                checked = True
                break
    assert checked or "flat" in row.properties or row.folds or "None" in row.partials


def test_the_counts():
    """Told with `pytest -rP`."""
    print()  # noqa: T201 — the report
    for kind in KINDS:
        told = ", ".join(f"{n} {what}" for (k, what), n in counts.items() if k == kind)
        print(f"{kind}: {told}")  # noqa: T201 — the report


# And nothing else.


@given(expressions())
def test_no_right_derivative_is_taken_for_wrong(f):
    report = check_gradients(f, *f.inputs, order=2)
    assert {comparison.verdict for comparison in report.comparisons} <= {"right", "kink", "unknown"}


@given(expressions(smooth=False))
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_no_derivative_is_taken_for_wrong_at_special_points(f):
    numbers = []
    for node in f(*map(Value, f.inputs)).nodes():
        numbers += [node.data, *(x for x in (*node.operands, *node.partials) if type(x) is float)]
    # Beyond, a product of slopes may overflow or underflow half way, which is no wrong rule.
    assume(all(x == 0 or 1e-75 < abs(x) < 1e75 for x in numbers))
    check_gradients(f, *f.inputs, order=2)


@given(expressions(max_operations=3, operations=[r for r in OPERATIONS if r != "where"]))
@settings(max_examples=settings().max_examples // 2)  # each takes long
def test_a_wrong_rule_inside_of_an_expression_is_found_and_named(f):
    wrong = replace(
        OPERATIONS["tanh"], name="planted", partials=("1.001 * sech(x) ** 2",), _compiled={}
    )
    x = f.inputs[0]
    with pytest.raises(GradientError, match=r"planted\("):
        check_gradients(lambda x, *rest: wrong(x) + f(x, *rest), x, *f.inputs[1:])
    assert isinstance(wrong(Value(x)), Value)
