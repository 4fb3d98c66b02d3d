"""How an answer is checked: on random cases, beside the right one and the mistakes people make."""

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.keywords import find_similar

CASES = 20  # drawn for each function
TOLERANCE = 1e-4  # relative: four digits are enough, also of a slope by differences

Draw = Callable[[Random], tuple[Any, ...]]


class _Exercise(NamedTuple):
    question: str
    answer: Any
    mistakes: Mapping[str, Any]  # what one who makes it answers, by what to say then
    draw: Draw | None  # the arguments of a case; None where the answer is a number


_exercises: dict[str, _Exercise] = {}


class Verdict(NamedTuple):
    """What `check` found: true if the answer is right, and text that says what is wrong if not."""

    is_right: bool
    message: str

    def __bool__(self) -> bool:
        return self.is_right

    def __repr__(self) -> str:
        return self.message


def add(
    name: str, question: str, answer: Any, mistakes: Mapping[str, Any], draw: Draw | None = None
) -> None:
    """Add an exercise, for `check` to know.

    `answer` is a function, which is compared on the arguments that `draw` takes from a generator of
    random numbers, or a number. `mistakes` has wrong answers, of the same kind, by the hint that
    each of them gets. Raises ArgumentError where the right answer would be taken for a mistake.

    >>> from micrograd_gd.exercises import add, check
    >>> add(
    ...     "area",
    ...     "area(r): the area of a circle.",
    ...     lambda r: 3.14159265 * r**2,
    ...     {"That is the length of the circle.": lambda r: 2 * 3.14159265 * r},
    ...     draw=lambda random: (random.uniform(1, 2),),
    ... )
    >>> check("area", lambda r: 6.2832 * r)
    not yet: That is the length of the circle.
    """
    exercise = _Exercise(question, answer, dict(mistakes), draw)
    cases = _draw_cases(name, exercise)
    for hint, mistake in mistakes.items():
        if _agree(_answer_all(mistake, cases), _answer_all(answer, cases)):
            raise ArgumentError(f"the mistake with the hint {hint!r} gives the right answer")
    _exercises[name] = exercise


def names() -> list[str]:
    """The names of all exercises.

    >>> from micrograd_gd.exercises import names
    >>> "two paths" in names()
    True
    """
    return [*_exercises]


def question(name: str) -> str:
    """What an exercise asks for. Raises ArgumentError for an unknown name.

    >>> from micrograd_gd.exercises import question
    >>> print(question("critical rate"))
    A number: the critical learning rate of J(w) = 4 * w**2 + w.
    """
    return _find(name).question


def check(name: str, answer: Any) -> Verdict:
    """Whether the answer to an exercise is right; if not, which mistake it comes from.

    Functions are called with random arguments, the same each time, and numbers compared to four
    digits. Raises ArgumentError for an unknown name, and for a function in place of a number or the
    reverse.

    >>> from micrograd_gd.exercises import check
    >>> check("critical rate", 0.125)
    not yet: A rate of 1 / curvature arrives in one step. The critical one is twice as large.
    >>> bool(check("critical rate", 1 / 4))
    True
    """
    exercise = _find(name)
    if callable(answer) != callable(exercise.answer):
        kind = "a function" if callable(exercise.answer) else "a number"
        raise ArgumentError(f"the answer is {answer!r}; expected {kind}: {exercise.question}")
    cases = _draw_cases(name, exercise)
    right = _answer_all(exercise.answer, cases)
    try:
        given = _answer_all(answer, _draw_cases(name, exercise))  # which it may change
    except _AnswerError as error:
        return Verdict(is_right=False, message=f"not yet: {error}")
    if _agree(given, right):
        return Verdict(is_right=True, message="right")
    hint = _find_hint(exercise, cases, given, right)
    return Verdict(is_right=False, message=f"not yet: {hint or _show_case(cases, given, right)}")


class _AnswerError(Exception):
    """An answer that gives no numbers."""


def _find(name: str) -> _Exercise:
    if name in _exercises:
        return _exercises[name]
    close = find_similar(str(name), _exercises)
    meant = f"did you mean {close!r}?" if close else f"there are {', '.join(_exercises)}"
    raise ArgumentError(f"there is no exercise {name!r}; {meant}")


def _draw_cases(name: str, exercise: _Exercise) -> list[tuple[Any, ...]]:
    random = Random(name)  # noqa: S311 — the same cases each time
    return [exercise.draw(random) for _ in range(CASES)] if exercise.draw else [()]


def _answer_all(answer: Any, cases: list[tuple[Any, ...]]) -> list[list[float]]:
    """The numbers that an answer gives in each case."""
    return [_read(answer, case) for case in cases]


def _read(answer: Any, case: tuple[Any, ...]) -> list[float]:
    try:
        result = answer(*case) if callable(answer) else answer
    except Exception as error:
        raise _AnswerError(
            f"for {_show(case)} your function ends in {type(error).__name__}: {error}"
        ) from error
    results = result if isinstance(result, list | tuple) else [result]
    try:
        return [float(x.data if isinstance(x, Value) else x) for x in results]
    except (TypeError, ValueError, OverflowError):
        where = f"for {_show(case)} your function gives" if case else "your answer is"
        hint = ": does it `return` one?" if case and result is None else ""
        raise _AnswerError(f"{where} {result!r}, which is no number{hint}") from None


def _agree(given: list[list[float]], right: list[list[float]]) -> bool:
    return all(map(_equal, given, right))


def _equal(xs: list[float], ys: list[float]) -> bool:
    return len(xs) == len(ys) and all(
        math.isclose(x, y, rel_tol=TOLERANCE, abs_tol=TOLERANCE / 10)
        for x, y in zip(xs, ys, strict=True)
    )


def _find_hint(
    exercise: _Exercise,
    cases: list[tuple[Any, ...]],
    given: list[list[float]],
    right: list[list[float]],
) -> str:
    """The mistake that gives the same numbers, or the sign or factor that is wrong in all."""
    for hint, mistake in exercise.mistakes.items():
        if _agree(given, _answer_all(mistake, cases)):
            return hint
    if any(len(xs) != len(ys) for xs, ys in zip(given, right, strict=True)):
        return f"expected {len(right[0])} numbers; got {len(given[0])}."
    pairs = [
        (x, y)
        for xs, ys in zip(given, right, strict=True)
        for x, y in zip(xs, ys, strict=True)
        if x or y
    ]
    factor = next((x / y for x, y in pairs if y), 0.0)
    if not factor or not all(math.isclose(x, factor * y, rel_tol=TOLERANCE) for x, y in pairs):
        return ""
    if math.isclose(factor, -1, rel_tol=TOLERANCE):
        return "The size is right, and the sign is wrong."
    return f"It is {factor:.4g} times the right answer: a factor is wrong."


def _show_case(
    cases: list[tuple[Any, ...]], given: list[list[float]], right: list[list[float]]
) -> str:
    """The first case that is wrong."""
    if not cases[0]:
        return "that is another number."
    wrong = next(i for i in range(len(cases)) if not _equal(given[i], right[i]))
    numbers = ", ".join(f"{x:.4g}" for x in given[wrong])
    return f"for {_show(cases[wrong])} your function gives {numbers}, which is not right."


def _show(case: tuple[Any, ...]) -> str:
    return ", ".join(f"{x:.4g}" if isinstance(x, float) else _name(x) for x in case)


def _name(x: Any) -> str:
    return "a function" if callable(x) else repr(x)
