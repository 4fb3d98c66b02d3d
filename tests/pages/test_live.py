"""Pages that step through a graph, opened in a browser from a file."""

import json
import re
from collections import Counter

import pytest

from micrograd_gd import MLP, Value, custom_vjp, detect_anomaly, fit, live, losses, parse, scope
from micrograd_gd.data import moons
from micrograd_gd.errors import ArgumentError
from micrograd_gd.pages import Page
from micrograd_gd.pages.lesson import write_lesson

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


def numbers(page):
    """The gradients that the boxes show, by name, in the next frame."""
    page.evaluate("new Promise(requestAnimationFrame)")
    labels = page.eval_on_selector_all(".node", "all => all.map(x => x.getAttribute('aria-label'))")
    found = [
        re.match(r"(.+?)(?: = .*)?, data (.*), grad (.*)$", label.replace("−", "-")).groups()
        for label in labels
    ]
    return {name: (data, grad) for name, data, grad in found}


def part(name):
    return f"[data-part={name}]"


def expect(page, root):
    root.backward()
    shown = numbers(page)
    for node in root.nodes():
        if node.label:
            expected = (f"{node.data:.6g}", f"{node.grad:.6g}")
            assert tuple(map(float, shown[node.label])) == tuple(map(float, expected))


def test_to_the_end_and_back_by_the_keyboard(visit):
    root = expression()
    page = visit(live(root))
    assert {grad for _, grad in numbers(page).values()} == {"·"}
    steps = int(page.get_attribute(part("slider"), "max"))
    page.focus(part("next"))
    sentences = []
    for _ in range(steps):
        page.keyboard.press("Enter")
        sentences.append(page.text_content(part("telling")))
    expect(page, root)
    assert len(set(sentences)) == steps
    assert any("Nothing flows" in x for x in sentences)
    assert any("part 2 of 3 of the sum" in x for x in sentences)
    page.focus(part("slider"))
    page.keyboard.press("Home")
    assert {grad for _, grad in numbers(page).values()} == {"·"}


def test_leaves_are_typed_stepped_and_dragged(visit):
    root = expression()
    page = visit(live(root))
    page.click(part("last"))
    leaves = {node.label: node for node in root.nodes() if not node.op}
    page.fill("input[aria-label='a']", "0.25")
    page.focus("input[aria-label='b']")
    page.keyboard.press("ArrowUp")
    page.focus("input[aria-label='c, slider']")
    page.keyboard.press("Shift+ArrowLeft")
    leaves["a"].data, leaves["b"].data, leaves["c"].data = 0.25, -2.9, -0.5
    expect(page, anew(leaves))
    box = page.locator(".node.leaf", has_text="a").locator("rect")
    box.scroll_into_view_if_needed()
    box = box.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 9, steps=5)
    page.mouse.up()
    leaves["a"].data = 0.28  # a hundredth for every two pixels
    expect(page, anew(leaves))


def anew(leaves):
    """The graph of `expression` with the numbers that its leaves have by now."""
    for leaf in leaves.values():
        leaf.grad = 0.0
    a, b, c = (leaves[name] for name in "abc")
    y = (a * b + b**2).tanh() * a + (c - a).relu() + Value.dot(c, a, b, b, c)
    y.label = "y"
    return y


def test_a_large_graph_follows_a_leaf_to_its_ends(visit):
    def chain(x):
        y, x = Value(1.0), Value(x, label="x")
        for i in range(40):
            y = (y * x + 1).tanh()
            y.label = f"step {i}"
        return y

    page = visit(live(chain(0.5)))
    page.click(part("last"))
    page.fill("input[aria-label='x']", "-0.25")
    page.wait_for_timeout(150)  # what is out of view follows when the reader rests
    expect(page, chain(-0.25))


def test_formulas_are_typed(visit):
    page = visit(live(expression()))
    page.fill(part("formula"), "exp(k) * a")
    page.keyboard.press("Enter")
    page.click(part("last"))
    assert numbers(page)["a"] == ("2", "7.38906")  # as it was; a new name begins at 2
    page.fill(part("formula"), "exp(<b>)")
    page.keyboard.press("Enter")
    assert "is not expected here" in page.text_content(part("problem"))


def test_ask_me_says_what_is_right_and_which_path_is_missing(visit):
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b + b**3
    y.label = "y"
    page = visit(live(y))
    page.click(part("ask"))
    assert {grad for _, grad in numbers(page).values()} == {"1", "?"}

    def answer(text):
        page.fill(".answer input", text)
        page.keyboard.press("Enter")
        return page.text_content(".verdict")

    def question():
        return page.get_attribute(".answer input", "aria-label")

    page.locator(".node.leaf").nth(1).click()
    assert question() == "The gradient of b"
    assert "find" in page.text_content(part("panel"))
    assert "comes through v1 adds 2. That is the path b → v1 → y" in answer("27")
    assert "the sign is not" in answer("-29")
    assert "a sum of 2 parts" in answer("7")
    assert "Write a number" in answer("<b>")
    assert answer("1 * a + 3 * b**2") == "Right. 1 × 27 + 1 × 2 = 29."
    assert numbers(page)["b"][1] == "29"
    page.keyboard.press("Enter")
    for _ in range(3):  # v2, v1, a
        assert question() != "The gradient of b"
        page.get_by_role("button", name="Show me").click()
        page.keyboard.press("Enter")
    assert "3 of 4 found" not in page.text_content(part("telling"))
    assert "4 of 4 found, 0 at the first try" in page.text_content(part("telling"))
    expect(page, y)


def test_the_slope_and_the_gradient_alone_are_told_apart(visit):
    a = Value(3.0, label="a")
    y = (a * 2) * 5.0
    page = visit(live(y))
    page.click(part("ask"))
    for typed, said in [("5", "Right"), ("2", "That is the slope ∂v1/∂a"), ("5", "gradient of v1")]:
        page.fill(".answer input", typed)
        page.keyboard.press("Enter")
        assert said in page.text_content(".verdict")
        if said == "Right":
            page.keyboard.press("Enter")


def test_a_node_tells_its_paths_and_its_line(visit):
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    with detect_anomaly():
        product = a * b
    product.label = "product"
    page = visit(live(product + b**3))
    page.locator(".node.leaf").nth(1).click()
    paths = page.locator(".paths li").all_text_contents()
    assert paths == ["27b → v1 → y27 × 1", "2b → product → y2 × 1"]
    page.locator(".paths li").nth(1).focus()
    assert page.locator(".edge.on").count() == 2
    page.locator(".node", has_text="product = a * b").click()
    source = page.text_content(".source")
    assert source.startswith("product = a * btest_live.py, line ")
    assert page.locator(".source").count() == 1


def test_the_lesson_can_be_followed(visit):
    page = visit(write_lesson())
    sections = page.locator("section.graph")
    assert sections.count() == 7
    nudge = sections.nth(1)
    nudge.locator("input[aria-label='w']").press("ArrowUp")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert "y = v1 + b, data −4.8, grad 1" in [
        node.get_attribute("aria-label") for node in nudge.locator(".node").all()
    ]
    example = sections.nth(5)
    assert "138.834" in example.locator(part("panel")).text_content()
    quiz = sections.nth(4)
    for text in ("3", "2", "1*3 + 1*2", "2"):
        quiz.locator(".answer input").fill(text)
        quiz.locator(".answer input").press("Enter")
        quiz.locator(".answer input").press("Enter")
    assert "4 of 4 found" in quiz.locator(part("telling")).text_content()
    first = sections.nth(0)
    assert first.locator("output").text_content() == "0 of 7"
    first.locator("input[aria-label='x']").press("ArrowUp")  # so all is there to follow
    page.evaluate("new Promise(requestAnimationFrame)")
    assert first.locator(".node.root").get_attribute("aria-label").endswith("data −5.3, grad 1")
    first.locator(part("first")).click()
    first.locator(part("play")).click()
    assert first.locator("output").text_content() in {f"{i} of 7" for i in range(1, 8)}


def test_a_large_graph_is_folded_and_gone_through_box_by_box(visit):
    model = MLP(2, [4, 1], seed=0)
    rows = [[i / 40, 1.0] for i in range(40)]
    y = losses.mse([model(row) for row in rows], [0.0] * 40)
    y.label = HOSTILE[0]
    page = visit(live(y))
    assert len(y.nodes()) > 300
    assert "…rs.0.neurons.0+" in page.locator(".node.inner").first.text_content()
    assert page.locator(".node").count() == 7
    page.focus(part("next"))
    steps = int(page.get_attribute(part("slider"), "max"))
    sentences = set()
    for _ in range(steps):
        page.keyboard.press("Enter")
        sentences.add(page.text_content(part("telling")))
    assert len(sentences) == steps
    shown = numbers(page)
    assert shown[HOSTILE[0]] == (f"{y.data:.6g}", "1")
    y.backward()
    norm = sum(x.grad**2 for x in model.layers[1].parameters()) ** 0.5
    assert shown["layers.1.neurons.0"] == ("120 ops", f"norm {norm:.4g}")


def test_a_box_opens_and_closes_by_the_keyboard(visit):
    model = MLP(2, [4, 1], seed=0)
    y = losses.mse([model([i / 40, 1.0]) for i in range(40)], [0.0] * 40)
    y.backward()
    page = visit(live(y))
    page.click(part("last"))
    page.locator(".node.inner").nth(1).focus()
    page.keyboard.press("Enter")
    leaves = {node.label: node for node in y.nodes() if node.label}
    for name in ("b", "w.0", "w.1"):
        leaf = leaves[f"layers.0.neurons.1.{name}"]
        assert numbers(page)[leaf.label] == (f"{leaf.data:.6g}", f"{leaf.grad:.6g}")
    focused = "document.activeElement.ariaLabel"
    assert page.evaluate(focused).startswith("40 × relu, data last 0")
    assert page.locator(".node.kin").count() == 5
    page.keyboard.press("Enter")
    results = [node for node in y.nodes() if node.op and node.op.name == "relu"][1::4]
    found = [value for name, value in numbers(page).items() if name[1:].isdigit()][:40]
    assert found == [(f"{node.data:.6g}", f"{node.grad:.6g}") for node in results]
    assert page.locator("output").text_content() == "97 of 97"
    for name, count in [("40 × relu", 11), ("layers.0.neurons.1", 7), ("layers.0", 4)]:
        page.keyboard.press("Escape")
        assert page.evaluate(focused).startswith(f"{name}, data")
        assert page.locator(".node").count() == count
    page.keyboard.press("Escape")  # it is in no other
    page.locator(".node.inner").first.click()
    page.get_by_role("button", name="Close layers.0").click()
    assert page.locator(".node").count() == 4


def test_a_page_says_when_no_more_boxes_fit(visit):
    x = y = Value(1.0, label="x")
    for i in range(4):
        with scope(f"{HOSTILE[1]} {i}"):
            for _ in range(59):
                y = (y * x).tanh()
    page = visit(live(y))
    for _ in range(3):
        page.locator(".node[aria-expanded]").first.click()
    assert "no more than 300 boxes" in page.text_content(part("panel"))
    page.locator(".node.inner:not([aria-expanded])").first.press("Escape")
    page.locator(".node[aria-expanded]").first.click()
    assert page.locator(".problem", has_text="300").count() == 0
    assert f"Close {HOSTILE[1]}" in page.text_content(part("panel"))
    assert page.evaluate("typeof done") == "undefined"


def test_boxes_that_do_not_open_use_what_their_nodes_use():
    rows, targets = moons(130, seed=0)
    model = MLP(2, [3, 1], "tanh", seed=0)
    y = losses.binary_cross_entropy([model(row) for row in rows], targets)
    nodes = y.nodes()
    for i, node in enumerate(nodes):
        node.label = node.label or f"node {i}"
    boxes = live(y).html
    boxes = json.loads(re.search(r'<script id="data" [^>]+>(.*?)</script>', boxes)[1])[0]["boxes"]
    opening = [box for box in boxes if "isOpen" in box]
    ends = [box for box in boxes if "isOpen" not in box]
    assert all(boxes[box["within"]] in opening for box in ends if "within" in box)
    single = {box["name"]: box for box in ends if not box.get("isStack")}
    assert 10 < len(single) < len(nodes)
    for node in nodes:
        if node.label in single:
            used = Counter(x.label for x in node.operands if isinstance(x, Value))
            uses = single[node.label]["uses"]
            assert sum(times for _, times in uses) == used.total()
            found = {boxes[i]["name"]: times for i, times in uses if not boxes[i].get("isStack")}
            assert found == {name: times for name, times in used.items() if name in single}
    total = sum(int(re.match(r"[\d,]+", box["about"])[0].replace(",", "")) for box in boxes
                if box.get("isStack") and "within" not in box)  # fmt: skip
    outside = sum(not (box.get("isStack") or box["isLeaf"] or "within" in box) for box in boxes)
    assert total + outside == sum(node.op is not None for node in nodes)


def test_a_recurrence_is_folded_too(visit):
    w, state = Value(0.5, label="cell.w"), Value(1.0, label="start")
    for _ in range(150):
        with scope("cell"):
            state = (state * w).tanh()
        with scope("outside"):
            state = state + w
    page = visit(live(state))
    assert page.locator(".node").count() >= 2


def test_a_notebook_shows_the_page_in_a_frame_also_where_it_had_no_room_at_first(browser):
    tab = browser.new_page()
    said = []
    tab.on("console", lambda message: said.append(message.text))
    history = fit(MLP(1, 1, seed=0), [[0.0], [1.0], [2.0]], [1.0, 3.0, 4.0], epochs=2)
    for page in (live(history), live(parse("x*y"), max_steps=3), live(expression())):
        framed = Page(page.html, page.title)._repr_html_()
        tab.set_content(f"<!doctype html><div hidden>{framed}</div>")
        tab.evaluate("document.querySelector('div').hidden = false")
        frame = tab.frame_locator("iframe")
        frame.locator("svg, canvas").first.wait_for()
    frame.locator(part("last")).click()
    assert "grad 1" in frame.locator(".node.root").get_attribute("aria-label")
    assert not said
    tab.close()


def test_the_picture_is_walked_by_the_keyboard(visit):
    page = visit(live(expression()))
    page.focus(".node.root")

    def focused():
        return page.evaluate("document.activeElement.ariaLabel").split(",")[0].split(" = ")[0]

    assert focused() == "y"
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert focused() == "a"
    page.keyboard.press("ArrowDown")
    leaf = focused()
    assert leaf in {"b", "c"}
    before = float(numbers(page)[leaf][0])
    page.keyboard.press("+")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.node.selected') === document.activeElement")
    assert float(numbers(page)[leaf][0]) > before
    assert page.locator(".node[tabindex='0']").count() == 1
    page.keyboard.press("ArrowRight")
    assert " = " in page.evaluate("document.activeElement.ariaLabel")


def test_nothing_moves_for_readers_who_asked_for_that(visit):
    page = visit(live(expression()))
    page.click(part("next"))
    moving = "getComputedStyle(document.querySelector('.edge.forward')).animationName"
    assert page.evaluate(moving) == "none"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) == "flow"
    page.emulate_media(reduced_motion="reduce")


ODD = [
    Value(2.0),
    Value(0.0, label="a").log() * Value(float("inf"), label="b") + Value(float("nan")),
    Value(1e300, label="w" * 300) * Value(-5e-324, label="-0") ** 2,
    Value.total(Value(1.0), Value(2.0), 3.0),
]


def test_any_graph_is_shown_stepped_and_asked_about(visit):
    for root in ODD:
        page = visit(live(root))
        page.focus(part("next"))
        for _ in range(int(page.get_attribute(part("slider"), "max"))):
            page.keyboard.press("Enter")
        click = "document.querySelectorAll('.node').forEach((node) => node.dispatchEvent(enter))"
        enter = "const enter = new KeyboardEvent('keydown', { key: 'Enter' });"
        page.evaluate(f"{{ {enter} {click} }}")
        page.click(part("ask"))
        page.evaluate(f"{{ {enter} {click} }}")
        page.click(part("ask"))
        for field in page.locator(".field input:not([type=range])").all():
            field.press("ArrowUp")


def test_a_formula_keeps_the_numbers_of_leaves_whose_labels_are_no_names(visit):
    w, x = Value(3.0, label="layers.0.w"), Value(7.0)
    page = visit(live(w * x))
    page.locator(part("formula")).press("End")
    page.keyboard.type(" + 1")
    page.keyboard.press("Enter")
    page.click(part("last"))
    assert numbers(page)["layers_0_w"] == ("3", "7")


def test_foreign_text_stays_text(visit):
    page = visit(live(sum([Value(2.0, label=text) for text in HOSTILE], Value(1.0))))
    for node in page.locator(".node").all():
        node.click()
    for text in HOSTILE:
        page.fill(part("formula"), text)
        page.keyboard.press("Enter")
        assert page.text_content(part("problem"))
    assert page.evaluate("typeof done") == "undefined"
    assert page.locator("img, b").count() == 0
    assert page.locator("script").count() == 2


def test_the_box_in_question_is_in_view(visit):
    x = y = Value(2.0, label="x")
    for _ in range(12):
        y = (y + x).tanh()
    page = visit(live(y))
    for button in ("next", "last", "back"):
        page.click(part(button))
        box, view = (page.locator(each).bounding_box() for each in (".node.now rect", ".view"))
        said, player = (page.locator(part(each)).bounding_box() for each in ("telling", "player"))
        assert said["y"] < view["y"] < player["y"]
        assert player["y"] + player["height"] - said["y"] < 844  # so both are in view
        assert view["x"] <= box["x"]
        assert box["x"] + box["width"] <= view["x"] + view["width"]
        page.evaluate("document.querySelector('.view').scrollLeft = 1e6")
    page.click(part("fit"))
    view = page.locator(".view").bounding_box()
    boxes = [page.locator(".node rect").nth(i).bounding_box() for i in (0, -1)]
    assert view["x"] <= min(box["x"] for box in boxes)
    assert max(box["x"] + box["width"] for box in boxes) <= view["x"] + view["width"]


def test_a_page_asks_for_nothing():
    text = live(expression()).html
    policy = re.search(r'content="(default-src[^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']|@import|url\(""", text)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", text)
    assert len(text) < 1_000_000
    assert 'sandbox="allow-scripts"' in live(expression())._repr_html_()


def test_what_a_page_cannot_show_is_refused():
    with pytest.raises(ArgumentError, match="live was given 2; expected a Value"):
        live(2)

    @custom_vjp
    def twice(x):
        return 2 * x

    twice.defvjp(lambda x: (2 * x, ()), lambda _, g: (2 * g,))
    with pytest.raises(ArgumentError, match="no row of the table; a page shows rows alone"):
        live(twice(Value(1.0)))
