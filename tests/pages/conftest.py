"""A real browser, and pages opened in it from a file."""

import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def phone(browser):
    """A tab as on a phone, which lists what happens in it."""
    tab = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    tab.set_default_timeout(10_000)
    events = []
    tab.on("console", lambda message: events.append(message.text))
    tab.on("pageerror", lambda error: events.append(str(error)))
    tab.on("request", lambda request: events.append(request.url))
    tab.on("dialog", lambda dialog: events.append(dialog.message))
    return tab, events


@pytest.fixture
def visit(phone, tmp_path):
    """Opens a page; in the end it has asked for nothing and complained of nothing.

    Nor is anything wider than the phone.
    """
    tab, events = phone
    events.clear()

    def visit(page):
        path = tmp_path / "page.html"
        page.save(path)
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == 390
        return tab

    yield visit
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert all(event.endswith("/page.html") for event in events), events
