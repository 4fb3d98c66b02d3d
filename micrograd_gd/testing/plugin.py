"""The plugin for pytest: the fixture `check_gradients`, and gradients that differ as a table.

Where the package is installed, pytest loads it at its start, for everybody. So it imports no engine
before a test asks for it: a test run may still choose one. And it takes no name that a suite may
have for itself; a fixture `check_gradients` of the suite's own is none of its business.
"""

from collections.abc import Callable, Generator
from functools import wraps
from operator import methodcaller
from typing import Any

import pytest

_ITEM, _CHECK = pytest.StashKey[pytest.Item](), pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that raises the order of the checks that name none."""
    parser.getgroup("micrograd_gd").addoption(
        "--micrograd-gd-order",
        type=int,
        default=1,
        metavar="N",
        help="check derivatives up to this order where a test asks for none (default: 1)",
    )


@pytest.fixture(scope="session")
def check_gradients(pytestconfig: pytest.Config) -> Callable[..., Any]:
    """`micrograd_gd.check_gradients`, to the order that the command line asks for."""
    from micrograd_gd.errors import GradientError  # noqa: PLC0415 — see the top
    from micrograd_gd.testing import check_gradients  # noqa: PLC0415 — see the top

    @wraps(check_gradients)
    def check(f: Callable[..., Any], *args: Any, order: int | None = None, **options: Any) -> Any:
        __tracebackhide__ = methodcaller("errisinstance", GradientError)
        if order is None:
            order = 1 if options.get("gradient") else pytestconfig.getoption("--micrograd-gd-order")
        return check_gradients(f, *args, order=order, **options)

    pytestconfig.stash[_CHECK] = check
    return check


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember which test runs."""
    item.config.stash[_ITEM] = item
    return (yield)


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Show two gradients that should be equal as a table, in tests that have our fixture."""
    item, check = config.stash.get(_ITEM, None), config.stash.get(_CHECK, None)
    if op != "==" or check is None or check not in getattr(item, "funcargs", {}).values():
        return None
    from micrograd_gd.testing.report import list_differences  # noqa: PLC0415 — see the top

    return list_differences(left, right)
