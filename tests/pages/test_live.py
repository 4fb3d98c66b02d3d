"""Pages that step through a graph, opened in a browser from a file."""

import re
import shutil

import pytest

from micrograd_gd import Value, custom_vjp, live
from micrograd_gd.errors import ArgumentError

HOSTILE = [
    "</script><script>done=1</script>",
    "<img src=x onerror='done=1'>",
    '"><b>',
    "${1}",
    "a\u2028b",
]


def expression():
    """A graph with a shared leaf, a branch that is not taken, a fold and an internal label."""
    a, b, c = (Value(x, label=name) for x, name in zip((2.0, -3.0, 0.5), "abc", strict=True))
    y = (a * b + b**2).tanh() * a + (c - a).relu() + Value.dot(c, a, b, b, c)
    y.label = "y"
    return y


@pytest.fixture(scope="module")
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
    """Opens the page of a value; in the end it has asked for nothing and complained of nothing."""
    events = []
    page = browser.new_page(viewport={"width": 375, "height": 700})
    page.set_default_timeout(10_000)
    page.on("console", lambda message: events.append(message.text))
    page.on("pageerror", lambda error: events.append(str(error)))
    page.on("request", lambda request: events.append(request.url))
    page.on("dialog", lambda dialog: events.append(dialog.message))

    def visit(value):
        path = tmp_path / "page.html"
        live(value, path)
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        return page

    yield visit
    page.close()
    assert all(event.endswith("/page.html") for event in events), events


def numbers(page):
    """The gradients that the boxes show, by name."""
    labels = page.eval_on_selector_all(".node", "all => all.map(x => x.getAttribute('aria-label'))")
    found = [
        re.match(r"(.+?)(?: = .*)?, data (\S+), grad (\S+)$", label).groups() for label in labels
    ]
    return {name: (data, grad) for name, data, grad in found}


def expect(page, root):
    root.backward()
    shown = numbers(page)
    for node in root.nodes():
        if node.label:
            expected = (f"{node.data:.6g}", f"{node.grad:.6g}")
            assert tuple(map(float, shown[node.label])) == tuple(map(float, expected))


def test_to_the_end_and_back_by_the_keyboard(visit):
    root = expression()
    page = visit(root)
    assert {grad for _, grad in numbers(page).values()} == {"…"}
    steps = int(page.get_attribute("#slider", "max"))
    page.focus("#next")
    sentences = []
    for _ in range(steps):
        page.keyboard.press("Enter")
        sentences.append(page.text_content("#sentence"))
    expect(page, root)
    assert len(set(sentences)) == steps
    assert any("nothing flows" in x for x in sentences)
    assert any("Part 2 of 3 of the sum" in x for x in sentences)
    page.focus("#slider")
    page.keyboard.press("Home")
    assert {grad for _, grad in numbers(page).values()} == {"…"}


def test_leaves_change_and_formulas_are_typed(visit):
    page = visit(expression())
    page.click("#last")
    page.fill("#leaves label:nth-child(2) input", "0.25")
    root = expression()
    leaves = {node.label: node for node in root.nodes() if not node.op}
    order = page.eval_on_selector_all("#leaves label", "all => all.map(x => x.textContent)")
    leaves[order[1]].data = 0.25
    a, b, c = (Value(leaves[x].data, label=x) for x in "abc")
    y = (a * b + b**2).tanh() * a + (c - a).relu() + Value.dot(c, a, b, b, c)
    y.label = "y"
    expect(page, y)
    page.fill("#formula", "exp(k) * a")
    page.keyboard.press("Enter")
    page.click("#last")
    assert numbers(page)["k"] == ("1", "5.43656")
    page.fill("#formula", "exp(<b>)")
    page.keyboard.press("Enter")
    assert "is not expected here" in page.text_content("#problem")


def test_foreign_text_stays_text(visit):
    page = visit(sum([Value(2.0, label=text) for text in HOSTILE], Value(1.0)))
    for text in HOSTILE:
        page.click("#last")
        page.fill("#formula", text)
        page.keyboard.press("Enter")
        assert page.text_content("#problem")
    assert page.evaluate("typeof done") == "undefined"
    assert page.locator("img, b").count() == 0
    assert page.locator("script").count() == 2


def test_the_box_in_question_is_in_view(visit):
    x = y = Value(2.0, label="x")
    for _ in range(12):
        y = (y + x).tanh()
    page = visit(y)
    for button in ("#next", "#last", "#back"):
        page.click(button)
        box, view = (page.locator(each).bounding_box() for each in (".node.now rect", "#view"))
        assert view["x"] <= box["x"]
        assert box["x"] + box["width"] <= view["x"] + view["width"]
        page.evaluate("document.getElementById('view').scrollLeft = 1e6")


def test_a_page_asks_for_nothing():
    text = live(expression()).html
    policy = re.search(r'content="(default-src[^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']|@import|url\(""", text)
    assert len(text) < 1_000_000
    assert 'sandbox="allow-scripts"' in live(expression())._repr_html_()


def test_what_a_page_cannot_show_is_refused():
    with pytest.raises(ArgumentError, match="live was given 2; expected a Value"):
        live(2)
    long = Value(1.0)
    for _ in range(300):
        long = long + 1
    with pytest.raises(ArgumentError, match="301 nodes; a page shows at most 300"):
        live(long)

    @custom_vjp
    def twice(x):
        return 2 * x

    twice.defvjp(lambda x: (2 * x, ()), lambda _, g: (2 * g,))
    with pytest.raises(ArgumentError, match="no row of the table; a page shows rows alone"):
        live(twice(Value(1.0)))
