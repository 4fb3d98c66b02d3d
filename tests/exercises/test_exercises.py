"""Exercises: right answers are accepted, and each mistake is told by its name."""

import ast
import re
from pathlib import Path

import pytest

from micrograd_gd import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.exercises import add, check, checking, names, question

SHIPPED = [name for name in names() if name != "area"]
MISTAKES = [
    pytest.param(name, hint, mistake, id=f"{name}: {hint}")
    for name in SHIPPED
    for hint, mistake in checking._exercises[name].mistakes.items()
]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_right_answer_is_right_and_five_mistakes_are_known(name):
    exercise = checking._exercises[name]
    assert check(name, exercise.answer)
    assert len(exercise.mistakes) >= 5
    assert question(name)


def test_each_chapter_asks_three_of_them_and_all_are_asked():
    chapters = sorted((Path(__file__).parents[2] / "docs" / "tutorial").glob("*.md"))
    asked = []
    for chapter in chapters:
        (found,) = re.findall(r'^for name in (\[".*\]):$', chapter.read_text("utf-8"), re.MULTILINE)
        asked += ast.literal_eval(found)
    assert len(asked) == 3 * len(chapters)
    assert sorted(asked) == sorted(SHIPPED)


@pytest.mark.parametrize(("name", "hint", "mistake"), MISTAKES)
def test_a_mistake_gets_its_own_hint(name, hint, mistake):
    assert check(name, mistake) == (False, f"not yet: {hint}")


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, w, b: x / (x * w + b).cosh() ** 2,
        lambda x, w, b: ((x * (w + 1e-6) + b).tanh() - (x * (w - 1e-6) + b).tanh()) / 2e-6,
    ],
    ids=["another formula", "a difference"],
)
def test_a_right_answer_may_be_found_in_any_way(answer):
    assert check("neuron", lambda x, w, b: answer(Value(x), Value(w), Value(b)))


def test_backward_answers_what_is_asked_by_hand():
    def slope(a, b):
        a, b = Value(a), Value(b)
        (a * b + a**2).backward()
        return a.grad

    assert check("two paths", slope)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda a, b: -(b + 2 * a), "The size is right, and the sign is wrong."),
        (lambda a, b: 3 * (b + 2 * a), "It is 3 times the right answer: a factor is wrong."),
        (lambda a, b: None, "which is no number: does it `return` one?"),
        (lambda a, b: (a, b), "expected 1 numbers; got 2."),
        (lambda a, b: a / 0, "your function ends in ZeroDivisionError: float division by zero"),
        (lambda a, b: float("nan"), "your function gives nan, which is not right."),
        (lambda a, b: a**3 + b, "which is not right."),
        (lambda a, b: 10**400, "which is no number"),
    ],
)
def test_what_is_wrong_in_another_way_is_told_too(answer, message):
    verdict = check("two paths", answer)
    assert not verdict
    assert message in str(verdict)


def test_a_verdict_shows_as_its_text():
    assert repr(check("critical rate", 0.25)) == "right"
    assert repr(check("critical rate", 0.3)) == (
        "not yet: It is 1.2 times the right answer: a factor is wrong."
    )


def test_what_is_no_answer_is_refused():
    with pytest.raises(ArgumentError, match="did you mean 'two paths'"):
        check("two path", lambda a, b: a)
    with pytest.raises(ArgumentError, match="expected a number: A number: the critical"):
        check("critical rate", lambda: 0.25)
    with pytest.raises(ArgumentError, match="expected a function: slope"):
        check("two paths", 3.0)


def test_a_mistake_that_is_right_is_refused():
    with pytest.raises(ArgumentError, match=r"'Twice\.' gives the right answer"):
        add("double", "double(x)", lambda x: 2 * x, {"Twice.": lambda x: x + x}, lambda r: (1.0,))
    assert "double" not in names()


def test_a_factor_that_is_not_the_same_in_all_cases_is_none():
    verdict = check("hinge", lambda label, score: -2 * label if label * score < 1 else 1.0)
    assert "which is not right." in str(verdict)


def test_an_answer_may_change_its_arguments():
    def is_dead(weights, bias, points):
        answer = all(sum(w * x for w, x in zip(weights, p, strict=True)) + bias > 0 for p in points)
        points.clear()
        return answer

    assert "That is the reverse" in str(check("dead neuron", is_dead))
