"""Tests that bear the marker `gradients`, and what the plugin for pytest shows of a failure."""

import functools
import inspect
from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import Any

import pytest

from micrograd_gd.errors import ArgumentError, GradientError, MicrogradError
from micrograd_gd.testing.check import check_gradients
from micrograd_gd.testing.report import table
from micrograd_gd.transforms import trees

_OPTIONS = {"order", "gradient", "modes", "examples"}
_hidden = methodcaller("errisinstance", GradientError)  # frames that say nothing about a test


def checker(config: pytest.Config) -> Callable[..., Any]:
    """`check_gradients` to the order that the command line asks for."""

    @functools.wraps(check_gradients)
    def check(f: Callable[..., Any], *args: Any, order: int | None = None, **options: Any) -> Any:
        __tracebackhide__ = _hidden
        if order is None:
            order = 1 if options.get("gradient") else config.getoption("--gradient-order")
        return check_gradients(f, *args, order=order, **options)

    return check


def test_of_gradients(
    collector: Any,
    name: str,
    test: Any,
    marks: Sequence[pytest.Mark],
    outside: Sequence[pytest.Mark],
) -> Callable[..., Any] | None:
    """The test that checks the gradients of what `test` returns, or None if it is none to check.

    Marks on the function count before those `outside`, on its class or module, which are for the
    functions that take one of their arguments.

    Raises an error of pytest's collection for a mark that does not fit the function.
    """
    import hypothesis  # noqa: PLC0415 — only for those who mark tests

    if hypothesis.is_hypothesis_test(test):  # the result of this function comes here again
        return None
    options: dict[str, Any] = {}
    for mark in [*outside, *marks]:
        if mark.args:
            raise collector.CollectError(f"{name}: gradients() takes keywords, not {mark.args!r}")
        options |= mark.kwargs
    parameters = inspect.signature(test).parameters
    given = {key: options[key] for key in options.keys() - _OPTIONS if key in parameters}
    unknown = {key for mark in marks for key in mark.kwargs} - _OPTIONS - {*parameters}
    if unknown:
        told = ", ".join(sorted(unknown))
        raise collector.CollectError(f"{name} has no argument called {told}, as in gradients()")
    if not given:
        if marks:
            raise collector.CollectError(
                f"{name}: gradients() names no argument of the test, as in x=floats(-1, 1)"
            )
        return None
    return _over_drawn_arguments(test, given, options, collector.config)


def _over_drawn_arguments(
    test: Callable[..., Any], given: dict[str, Any], options: dict[str, Any], config: pytest.Config
) -> Callable[..., Any]:
    import hypothesis  # noqa: PLC0415 — as above
    from hypothesis import strategies as st  # noqa: PLC0415 — as above

    check = checker(config)
    signature = inspect.signature(test)
    names = [name for name in signature.parameters if name in given]
    how = {key: options[key] for key in ("order", "gradient", "modes") if key in options}

    def gradients_are_right(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        others = signature.bind(*args, **kwargs).arguments
        drawn = [others.pop(name) for name in names]

        def f(*numbers: Any) -> Any:
            result = test(**others, **dict(zip(names, numbers, strict=True)))
            if result is None:
                raise ArgumentError(
                    f"{test.__name__} returned nothing; a test that is marked with gradients "
                    f"returns what is to be differentiated"
                )
            return result

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        f.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # for the names
            [inspect.Parameter(name, kind) for name in names]
        )
        check(f, *drawn, **how)

    # To pytest it is the test, with the lines of the test; but no fixtures are to be found for it.
    functools.update_wrapper(gradients_are_right, test)
    vars(gradients_are_right).update(__signature__=signature)
    vars(gradients_are_right).pop("__wrapped__")
    code, place = gradients_are_right.__code__, inspect.unwrap(test).__code__
    gradients_are_right.__code__ = code.replace(
        co_filename=place.co_filename, co_firstlineno=place.co_firstlineno
    )
    drawn_from = {
        name: x if isinstance(x, st.SearchStrategy) else st.just(x) for name, x in given.items()
    }
    wrapped = hypothesis.given(**drawn_from)(gradients_are_right)
    phases = [phase for phase in hypothesis.Phase if phase.name != "explain"]  # of our lines
    examples = {"max_examples": options["examples"]} if "examples" in options else {}
    try:
        return hypothesis.settings(deadline=None, phases=phases, **examples)(wrapped)
    except hypothesis.errors.InvalidArgument:  # it brought settings of its own
        return wrapped


def side_by_side(left: object, right: object) -> list[str] | None:
    """The numbers of two trees of one structure that differ, or None for anything else."""
    try:
        a, structure = trees.flatten(left, "left")
        b = trees.matched(right, structure, "right")
    except MicrogradError:
        return None
    if len(a) < 2:
        return None
    pairs = [
        (name.removeprefix("gradient"), float(getattr(x, "data", x)), float(getattr(y, "data", y)))
        for name, x, y in zip(trees.names(structure, "gradient"), a, b, strict=True)
    ]
    rows = [
        [name, repr(x), repr(y), f"{x - y:.3g}", f"{abs(x - y) / abs(y):.1e}" if y else ""]
        for name, x, y in pairs
        if x != y
    ]
    headings = ["at", "left", "right", "left - right", "relative"]
    return [f"{len(rows)} of {len(pairs)} numbers differ", *table(headings, rows)]
