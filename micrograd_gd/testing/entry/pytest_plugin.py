"""The plugin for pytest: the fixture `check_gradients`, the marker `gradients`, an option."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

_ITEM = pytest.StashKey[pytest.Item]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that raises the order of the checks that name none."""
    parser.getgroup("micrograd_gd").addoption(
        "--gradient-order",
        type=int,
        default=1,
        metavar="N",
        help="check derivatives up to this order where a test asks for none (default: 1)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "gradients(order=, gradient=, modes=, examples=, **arguments): the test returns a function "
        "of its arguments, whose gradients are checked over what hypothesis draws for them.",
    )


@pytest.fixture(scope="session")
def check_gradients(pytestconfig: pytest.Config) -> Callable[..., Any]:
    """`micrograd_gd.testing.check_gradients`, to the order of --gradient-order unless told."""
    from micrograd_gd.testing import marked  # noqa: PLC0415 — only where a test asks for it

    return marked.checker(pytestconfig)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> Any:
    """Put in the place of a marked function the test of its gradients."""
    if not collector.istestfunction(obj, name):
        return None
    marks = [mark for mark in getattr(obj, "pytestmark", ()) if mark.name == "gradients"]
    outside = [*collector.iter_markers("gradients")]
    if not (marks or outside):
        return None
    from micrograd_gd.testing import marked  # noqa: PLC0415 — only where a test asks for it

    test = marked.test_of_gradients(collector, name, obj, marks, outside)
    if test is None:
        return None
    setattr(collector.obj, name, test)  # where pytest looks for it again
    return collector.ihook.pytest_pycollect_makeitem(collector=collector, name=name, obj=test)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember which test runs."""
    item.config.stash[_ITEM] = item
    return (yield)


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Show two gradients that should be equal as a table, in tests that check gradients."""
    item = config.stash.get(_ITEM, None)
    if item is None or op != "==" or not _is_about_gradients(item):
        return None
    from micrograd_gd.testing import marked  # noqa: PLC0415 — it is there already

    return marked.side_by_side(left, right)


def _is_about_gradients(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return "check_gradients" in fixtures or item.get_closest_marker("gradients") is not None
