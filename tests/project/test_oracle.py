"""The oracle's textbook derivatives are those of its values, by differences of many digits."""

import random

import pytest
from mpmath import mp, mpf
from oracle import INDICES, ORACLES, differences

from micrograd_gd.table.ops import OPERATIONS

POINTS = 12


@pytest.mark.parametrize("name", ORACLES)
def test_the_textbook_says_what_differences_say(name):
    row, oracle = OPERATIONS[name], ORACLES[name]
    index, rng, seen = INDICES.get(name, 0), random.Random(name), 0
    inside = row.on_floats(row.domain) if row.domain else lambda *_: True
    for _ in range(10 * POINTS):
        operands = [rng.uniform(-3, 3) for _ in range(row.arity(2))]
        operands[:index] = [float(rng.randrange(4))] * index
        if seen == POINTS or not inside(*operands):
            continue
        seen += 1
        with mp.workdps(120):
            family, x = operands[:index], [*map(mpf, operands[index:])]
            _, first, second = oracle(*family, *x)
            alone = differences(lambda *x, family=family: oracle(*family, *x)[0])
            _, slopes, bends = alone(*x)
        textbook = [*first[index:], *(q for line in second[index:] for q in line[index:])]
        found = [*slopes, *(q for line in bends for q in line)]
        for q, expected in zip(textbook, found, strict=True):
            assert abs(q - expected) <= mpf("1e-20") * (1 + abs(expected)), operands
    assert seen
