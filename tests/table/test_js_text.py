"""The table in JavaScript: every row's value and partials beside those in Python."""

import itertools
import random

import pytest

from micrograd_gd.table import ieee, js_text
from micrograd_gd.table.ops import OPERATIONS

pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is not installed")

import javascript
from special_numbers import SPECIAL


@pytest.fixture(scope="module")
def rows():
    with javascript.start(javascript.table()) as v8:
        yield v8


@pytest.mark.parametrize("row", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_a_row_has_the_numbers_of_python_at_special_and_random_ones(row, rows):
    """Equal bits for arithmetic, and the functions' own ulps, carried through the formula."""
    points = list(
        itertools.product(SPECIAL[: 9 if len(row.operands) > 2 else None], repeat=len(row.operands))
    )
    points = random.Random(row.name).sample(points, min(len(points), 200))
    points += [draw(row, seed) for seed in range(50)]
    found = javascript.run(rows, f"{javascript.write(points)}.map(rows.{row.name})")
    for point, numbers in zip(points, found, strict=True):
        expected = row.rule((True,) * len(point))(*point)
        if list(map(repr, expected)) == list(map(repr, numbers)):
            continue
        y = javascript.record(row, row.value, *point)
        partials = [javascript.record(row, p, *point, y=y) for p in row.partials]
        for x, wanted, recorded in zip(numbers, expected, [y, *partials], strict=True):
            assert javascript.is_near(x, wanted, recorded), (point, x, wanted)


def draw(row, seed):
    generator = random.Random(f"{row.name} {seed}")
    numbers = [generator.uniform(-1, 1) * 10 ** generator.uniform(-3, 2) for _ in row.operands]
    return [
        abs(round(x)) % 9 if letter == "n" else x
        for letter, x in zip(row.operands, numbers, strict=True)
    ]


def test_every_function_that_a_row_may_call_is_there():
    for name in ieee.__all__:
        assert f"ieee_{name}" in js_text.write_library(f"ieee_{name}(1)")


def test_a_program_takes_what_it_calls_alone():
    assert js_text.write_library("_a + _b") == ""
    assert js_text.write_library("ieee_exp(_x)") == "const ieee_exp = Math.exp;\n\n"
    assert "BERNOULLI" in js_text.write_library("value_digamma(ieee_digamma(_x))")
