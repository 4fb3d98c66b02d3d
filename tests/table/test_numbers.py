"""What an argument must be: one form of the refusals, one meaning of a seed."""

import math
import random

import numpy as np
import pytest

from micrograd_gd.errors import ArgumentError, NotANumberError
from micrograd_gd.table.numbers import (
    generator,
    require_count,
    require_finite,
    require_positive,
    shorten,
)


@pytest.mark.parametrize("x", [1, True, np.int64(3), 10**30])
def test_a_count_is_any_whole_number(x):
    assert require_count("steps", x) == int(x)


@pytest.mark.parametrize("x", [0, -1, 1.0, "3", None, math.nan, [1]])
def test_what_is_no_count_is_shown_with_what_is_expected(x):
    with pytest.raises(ArgumentError) as caught:
        require_count("steps", x)
    assert str(caught.value) == f"steps is {x!r}; expected a whole number, at least 1"


def test_a_count_may_begin_elsewhere():
    assert require_count("resolution", 2, least=2) == 2
    with pytest.raises(ArgumentError, match=r"^depth is -1; expected a whole number, at least 0$"):
        require_count("depth", -1, least=0)


def test_a_count_of_many_digits_is_cut_in_the_message():
    with pytest.raises(ArgumentError, match=r"^n is 'x{56}\.\.\.; expected"):
        require_count("n", "x" * 10**6)


@pytest.mark.parametrize("x", [0, -0.0, -1, math.inf, math.nan])
def test_a_positive_number_is_above_0_and_finite(x):
    with pytest.raises(ArgumentError) as caught:
        require_positive("rate", x)
    assert str(caught.value) == f"rate is {float(x)}; expected a finite number above 0"
    assert require_positive("rate", 5e-324) == 5e-324


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan])
def test_a_finite_number_is_none_of_three(x):
    with pytest.raises(ArgumentError, match=rf"^scale is {x}; expected a finite number$"):
        require_finite("scale", x)
    assert require_finite("scale", -1e308) == -1e308


def test_a_finite_number_may_have_a_least_one():
    assert require_finite("noise", 0, least=0) == 0.0
    with pytest.raises(
        ArgumentError, match=r"^noise is -0\.1; expected a finite number, at least 0$"
    ):
        require_finite("noise", -0.1, least=0)


@pytest.mark.parametrize("require", [require_finite, require_positive])
def test_what_is_no_number_at_all_is_an_error_of_type(require):
    with pytest.raises(NotANumberError, match=r"^rate must be one real number, but came as str"):
        require("rate", "low")


def test_no_seed_leaves_the_choice_to_pythons_own_generator():
    random.seed(1337)
    expected = [random.random() for _ in range(3)]
    random.seed(1337)
    assert [generator(None).random() for _ in range(3)] == expected


def test_a_seed_gives_a_generator_of_its_own():
    random.seed(1337)
    before = random.getstate()
    assert generator(7).random() == generator(np.int64(7)).random() == random.Random(7).random()
    assert random.getstate() == before
    own = random.Random(3)
    assert generator(own) is own


@pytest.mark.parametrize("seed", [0.5, "zero", b"0"])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ArgumentError) as caught:
        generator(seed)
    expected = "expected a whole number, a random.Random or None"
    assert str(caught.value) == f"seed is {seed!r}; {expected}"


def test_a_text_is_cut_at_60_characters():
    assert shorten("short") == "'short'"
    assert shorten("long" * 100) == "'" + ("long" * 100)[:56] + "..."
    assert shorten(10**5000) == "of too many digits to print"
