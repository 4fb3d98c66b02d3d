"""Exercises of the chapter on a GPT."""

from collections.abc import Sequence
from math import exp, log, log2, log10
from random import Random

from micrograd_gd.exercises.checking import add
from micrograd_gd.functional import dot, softmax

Row = Sequence[float]

add(
    "no idea",
    "A number: the loss, -log(share), of a model that gives each of 27 letters the\nsame share.",
    log(27),
    {
        "That is the share. The loss is minus its logarithm.": 1 / 27,
        "The logarithm of a share is negative, and the minus makes it positive.": -log(27),
        "That is in bits. The loss uses the natural logarithm.": log2(27),
        "That is the logarithm to base 10. The loss uses the natural one.": log10(27),
        "That is how many letters there are: take the logarithm of it.": 27.0,
    },
)


def _draw_scores(random: Random) -> tuple[Row, float]:
    return [random.uniform(-2, 2) for _ in range(4)], random.uniform(0.3, 0.8)


add(
    "temperature",
    "shares(scores, temperature): a positive share for each score, with a sum of 1;\n"
    "the logarithms of two shares differ as their scores do, by the temperature.",
    lambda scores, temperature: softmax([x / temperature for x in scores]),
    {
        "The temperature is missing.": lambda scores, temperature: softmax(scores),
        "Divide by the temperature: a low one makes large scores larger.": (
            lambda scores, temperature: softmax([x * temperature for x in scores])
        ),
        "The temperature divides the scores, before exp, and not the shares.": (
            lambda scores, temperature: [x / temperature for x in softmax(scores)]
        ),
        "They do not add up to 1: divide by their sum.": (
            lambda scores, temperature: [exp(x / temperature) for x in scores]
        ),
        "Scores may be negative, shares may not: take exp of them first.": (
            lambda scores, temperature: [x / sum(scores) for x in scores]
        ),
    },
    _draw_scores,
)


def _see(shares: Row, values: Sequence[Row]) -> Row:
    return [dot(shares, column) for column in zip(*values, strict=True)]


def _fit(query: Row, keys: Sequence[Row], scale: float) -> Row:
    return [dot(query, key) / scale for key in keys]


def _draw_attention(random: Random) -> tuple[Row, Sequence[Row], Sequence[Row]]:
    query, *rows = ([random.uniform(-1, 1) for _ in range(4)] for _ in range(7))
    return query, rows[:3], rows[3:]


add(
    "attention",
    "seen(query, keys, values): the sum of the values, by the shares that softmax\n"
    "makes of query · key / √n; n is how many numbers the query has.",
    lambda query, keys, values: _see(softmax(_fit(query, keys, 2)), values),
    {
        "The root is missing: without it, long rows make one share nearly 1.": (
            lambda query, keys, values: _see(softmax(_fit(query, keys, 1)), values)
        ),
        "You divided by the number itself. It is its root.": (
            lambda query, keys, values: _see(softmax(_fit(query, keys, 4)), values)
        ),
        "The softmax is missing: what is there are products, not shares.": (
            lambda query, keys, values: _see(_fit(query, keys, 2), values)
        ),
        "The query is compared with the keys, not with the values.": (
            lambda query, keys, values: _see(softmax(_fit(query, values, 2)), values)
        ),
        "The shares are of the values; you summed the keys.": (
            lambda query, keys, values: _see(softmax(_fit(query, keys, 2)), keys)
        ),
        "All positions count the same there. The shares say how much each counts.": (
            lambda query, keys, values: _see([1 / len(keys)] * len(keys), values)
        ),
        "The sum of all positions is asked, not the one that fits best.": (
            lambda query, keys, values: values[max(range(3), key=_fit(query, keys, 2).__getitem__)]
        ),
    },
    _draw_attention,
)
