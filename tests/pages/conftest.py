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


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page on a phone; in the end it has asked for nothing and complained of nothing."""
    events = []
    phone = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"}
    page = browser.new_page(**phone)
    page.set_default_timeout(10_000)
    page.on("console", lambda message: events.append(message.text))
    page.on("pageerror", lambda error: events.append(str(error)))
    page.on("request", lambda request: events.append(request.url))
    page.on("dialog", lambda dialog: events.append(dialog.message))

    def visit(live_page):
        path = tmp_path / "page.html"
        live_page.save(path)
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        return page

    yield visit
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()
    assert all(event.endswith("/page.html") for event in events), events
