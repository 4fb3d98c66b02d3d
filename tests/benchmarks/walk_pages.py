"""Walk through the live pages in Chromium as a reader does, and print what was seen.

`python tests/benchmarks/walk_pages.py` opens every page from a file, without network: on a phone
and on a desk, light and dark. They are used by the keyboard alone. What is wrong anywhere
ends it with an error.
"""

import csv
import math
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from playwright.sync_api import Error, sync_playwright

from micrograd_gd import MLP, Value, data, fit, live, minimize, parse, sweep_learning_rates
from micrograd_gd.pages.lesson import EXAMPLE, write_lesson

LOOK = (Path(__file__).parents[2] / "docs/look.js").read_text(encoding="utf-8")
MAY_SCROLL = ".view, .scroll"  # pictures and tables that are wider than their place
HOSTILE = "</script><script>done=1</script><img src=x onerror='done=1'>"

# Each control that the keyboard should reach, and those that it has reached with a ring around.
CONTROLS = """
const isControl = (x) => x.tabIndex >= 0 && !x.disabled && x.checkVisibility();
const kinds = "a[href], button, input, select, textarea, [tabindex]";
const controls = [...document.querySelectorAll(kinds)];
const reached = new Set();
Object.assign(window, { isControl, controls, reached });
addEventListener("focusin", ({ target }) => {
    const marks = [target, ...target.querySelectorAll("rect, .ring")].map(getComputedStyle);
    if (marks.some((x) => x.outlineStyle !== "none" || parseFloat(x.strokeWidth) > 3)) {
        reached.add(target);
    }
});
"""
LEFT = (
    "controls.filter((x) => isControl(x) && !reached.has(x)).map((x) => x.ariaLabel ?? x.outerHTML)"
)


class Reader:
    """Somebody who reads a page, and has nothing but a keyboard."""

    def __init__(self, context, path):
        self.tab, self.wrong = context.new_page(), []
        self.tab.on("console", lambda said: self.wrong.append(said.text))
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on("request", self._note)
        self.address = path.as_uri()
        self.tab.goto(self.address)

    def _note(self, request):
        if request.url != self.address:
            self.wrong.append(f"asks for {request.url}")

    def look(self):
        """What is wrong with the page as it is now."""
        width = self.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        foreign = self.tab.evaluate("typeof done !== 'undefined' || document.scripts.length > 2")
        images = self.tab.locator("main img").count()
        return [
            *self.wrong,
            *self.tab.evaluate(LOOK, MAY_SCROLL),
            *([f"wider than the screen by {width} pixels"] if width > 0 else []),
            *(["markup from elsewhere"] if foreign or images else []),
        ]

    def walk(self):
        """Goes through all controls, and tells their number and those that were not reached."""
        self.tab.evaluate(f"{{ {CONTROLS} }}")
        count = self.tab.evaluate("controls.filter(isControl).length")
        for _ in range(2 * count):  # what scrolls is a stop on the way, too
            self.tab.keyboard.press("Tab")
            if not (left := self.tab.evaluate(LEFT)):
                break
        return count, left

    def reach(self, name):
        """Press Tab until the part, or the control of that label or text, has the focus."""
        for _ in range(300):
            found = self.tab.evaluate(
                """(({ dataset, ariaLabel, textContent }) =>
                    [dataset.part, ariaLabel, textContent])(document.activeElement)"""
            )
            if name in found:
                return self
            self.tab.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {name}")

    def press(self, *keys):
        for key in keys:
            self.tab.keyboard.press(key)
        self.tab.evaluate("new Promise(requestAnimationFrame)")
        return self

    def write(self, text):
        """Type in place of what is there."""
        self.tab.keyboard.press("ControlOrMeta+a")
        self.tab.keyboard.type(text)
        self.tab.evaluate("new Promise(requestAnimationFrame)")
        return self

    def read(self, selector):
        return self.tab.locator(selector).first.text_content()


def example(a=-4.0, b=2.0):
    """The expression of the README."""
    g = parse(EXAMPLE)(Value(a, label="a"), Value(b, label="b"))
    g.backward()
    return g


def nodes_of(reader):
    """Number and gradient of every node, as the page says them."""
    labels = reader.tab.eval_on_selector_all(".node", "all => all.map((x) => x.ariaLabel)")
    found = [re.search(r"data (.*), grad (.*)$", label.replace("−", "-")) for label in labels]
    return sorted(tuple(map(read, each.groups())) for each in found)


def read(text):
    """A number, or nan for the signs of one that is not there yet."""
    return math.nan if text in "·…" else float(text)


def in_python(root):
    return sorted((float(f"{x.data:.6g}"), float(f"{x.grad:.6g}")) for x in root.nodes())


def step_through_the_graph(visit):
    reader = visit("graph").reach("next")
    steps = int(reader.tab.get_attribute("[data-part=slider]", "max"))
    reader.press(*["Enter"] * steps)
    assert nodes_of(reader) == in_python(example())
    count = len(nodes_of(reader))
    reader.reach("slider").press("Home")
    assert all(math.isnan(grad) for _, grad in nodes_of(reader))
    return f"{steps} steps, {count} numbers and gradients as in Python, and back to none"


def change_a_leaf(visit):
    reader = visit("graph").reach("last").press("Enter").reach("a").write("0.25")
    assert nodes_of(reader) == in_python(example(0.25))
    slope = next(x.grad for x in example(0.25).nodes() if x.label == "a")
    return f"a = 0.25: all gradients as in Python, that of a is {slope:.6g}"


def ask_me(visit):
    reader = visit("quiz").reach("ask").press("Enter")
    name = reader.tab.get_attribute(".answer input", "aria-label").split()[-1]
    right = {"x": "3", "w": "2"}[name]
    wrong, praise = (reader.write(x).press("Enter").read(".verdict") for x in ("7", right))
    assert wrong.startswith("Not yet"), wrong
    assert praise.startswith("Right"), praise
    return f"7 for the gradient of {name}: {wrong} {right}: {praise}"


def cross_the_critical_rate(visit):
    reader = visit("parabola").reach("Learning rate")
    critical = float(reader.read(".mark").split()[-1])
    seen = []
    for share in (0.4, 0.9, 1.1, 2):
        reader.write(f"{share * critical:g}")
        word = reader.read("[data-part=judgement] strong")
        (swept,) = sweep_learning_rates(PARABOLA, (0.0,), [share * critical], max_steps=100)
        assert word == swept.verdict, (word, swept.verdict)
        seen.append(f"{word} at {share:g}")
    return f"{', '.join(seen)} times the critical rate, {critical:g}"


def descend(visit):
    reader = visit("curve").reach("next")
    steps = int(reader.tab.get_attribute("[data-part=slider]", "max"))
    reader.press(*["Enter"] * steps)
    end = reader.read("[data-part=telling] .equation .data")
    expected = minimize(CURVE, 3.2, learning_rate=0.02).parameters
    assert float(end) == float(f"{expected:.6g}")
    begin = reader.reach("slider").press("Home").read("[data-part=telling] .equation")
    return f"{steps} steps to x = {end} as in Python, and back to {begin}"


def learn_moons(visit):
    reader = visit("network").reach("next").press("Enter")
    assert reader.read("[data-part=epoch]") == "1"
    reader.reach("first").press("Enter")
    assert reader.read("[data-part=epoch]") == "0"
    reader.reach("play")
    begin = reader.tab.evaluate("performance.now()")
    reader.press("Enter")
    reader.tab.locator("[data-part=figures] dd strong").first.filter(has_text="100 %").wait_for(
        timeout=60_000
    )
    seconds = (reader.tab.evaluate("performance.now()") - begin) / 1000
    reader.press("Enter")
    assert seconds < 10, f"{seconds:.1f} s"
    return f"all right after {reader.read('[data-part=epoch]')} epochs, {seconds:.1f} s of the page"


def why_138(visit):
    reader = visit("graph")
    paths = re.search(r"(\d+) paths lead there", reader.read("[data-part=panel]"))[1]
    reader.reach("ask").press("Enter")
    while reader.tab.get_attribute(".answer input", "aria-label") != "The gradient of a":
        reader.reach("Show me").press("Enter", "Enter")  # and on to the next question
    said = reader.write("166.6").press("Enter").read(".verdict")
    assert "A part is missing" in said, said
    return f"{paths} paths from a; 166.6 for its gradient: {said}"


def stop_learning(visit):
    reader = visit("network").reach("activation")
    reader.tab.keyboard.type("relu")
    critical = float(reader.read(".mark").split()[-1])
    reader.reach("Learning rate").write(f"{10 * critical:g}").reach("play").press("Enter")
    told = reader.tab.locator("[data-part=diagnosis]")
    told.filter(has_text="Dead units").wait_for()
    reader.press("Enter").reach("Learning rate").write(f"{critical / 10:g}")
    seen = re.search(r"Dead units: (.*?) samples", told.text_content())
    assert seen, told.text_content()
    return f"relu at ten times the critical rate: {seen[1]} samples, at a tenth of it as well"


def learn_a_table(visit):
    reader = visit("a table").reach("next").press("Enter")
    loss = re.search(r"loss ([\d.]+)", reader.read("[data-part=figures]"))[1]
    inputs = ", ".join(reader.tab.locator(".wires .name").all_inner_texts())
    assert inputs
    return f"from a file of 60 rows by micrograd-gd play, with the inputs {inputs}; loss {loss}"


def read_a_report(visit):
    reader = visit("report").reach("epoch").press("Home")
    begin = reader.read("[data-part=row]")
    end = reader.press("End").read("[data-part=row]")
    assert begin != end
    return f"{begin.split('.', 1)[0]} to {end.split('.', 1)[0].lower()}"


def type_what_is_foreign(visit):
    for name in ("graph", "curve"):
        reader = visit(name)
        reader.tab.keyboard.press("Tab")
        reader.write(HOSTILE).press("Enter")
        assert reader.read("[data-part=problem]"), name
        assert not reader.look(), reader.look()
    return "what is no formula is refused, and stays text"


LINES = {
    "a graph, step by step": step_through_the_graph,
    "a leaf is changed": change_a_leaf,
    "ask me": ask_me,
    "a descent, step by step": descend,
    "across the critical rate": cross_the_critical_rate,
    "why is this 138.83": why_138,
    "moons": learn_moons,
    "why did it stop": stop_learning,
    "a page from a table": learn_a_table,
    "a report": read_a_report,
    "foreign text is typed": type_what_is_foreign,
}
CURVE, PARABOLA = parse("x**4 - 3*x**3 + 2"), parse("(x - 3)**2 + 1")


def write_pages(folder):
    """Every kind of page, plain and with text from elsewhere in it, as files."""
    points = data.moons(200, seed=0)
    settings = {"loss": "binary_cross_entropy", "learning_rate": 0.3}
    network = MLP(2, [16, 16, 1], "tanh", seed=1)
    learner = MLP(2, [4, 1], "tanh", seed=1)
    large = MLP(2, [8, 1], "tanh", seed=0)
    a, b = Value(2.0, label=HOSTILE), Value(3.0, label="b")
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    made = {
        "graph": live(example()),
        "quiz": live(x * w),
        "folded graph": live(sum(large(row) for row in points.inputs[:40])),
        "curve": live(CURVE, start={"x": 3.2}, learning_rate=0.02),
        "parabola": live(PARABOLA, start={"x": 0.0}),
        "landscape": live(parse("(x**2 - 1)**2 + y**2"), start=(-0.5, 1.2), learning_rate=0.08),
        "network": live(network, data=points, validation=data.moons(60, seed=1), **settings),
        "report": live(fit(learner, *points, epochs=20, seed=0, progress=False, **settings)),
        "lesson": write_lesson(),
        "foreign labels": live(a * b + b**3),
    }
    for name, page in made.items():
        page.save(folder / f"{name}.html")
    random = Random(0)
    rows = [[random.random(), random.gauss(0, 9), f"{HOSTILE}{i % 2}"] for i in range(60)]
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["x1", f"size {HOSTILE}", "kind"], *rows])
    command = [sys.executable, "-m", "micrograd_gd"]
    for arguments in (["play", "--data", "rows.csv", "--page", "a table.html"],
                      ["train", "rows.csv", "--epochs", "5", "--out", "run"]):  # fmt: skip
        subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / "run/report.html", folder / "report of a table.html")
    return [*made, "a table", "report of a table"]


def look_at(browser, folder, name):
    """What is wrong with a page, and how many controls it has."""
    wrong, count = [], 0
    for width, scheme in ((390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        reader = Reader(context, folder / f"{name}.html")
        found = reader.look()
        if (width, scheme) == (390, "light"):
            count, left = reader.walk()
            found += [f"the keyboard does not reach {each}" for each in left]
        for each in ("last", "next"):
            if reader.tab.locator(f"[data-part={each}]").count():
                reader.reach(each).press("Enter")
        found += reader.look()
        wrong += [f"{name}, {width} pixels, {scheme}: {each}" for each in dict.fromkeys(found)]
        context.close()
    return wrong, count


def main(folder):
    """Print a line for each page, and for each way to use one."""
    names = write_pages(folder)
    wrong = []
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print("On a phone and on a desk, light and dark, without network:")  # noqa: T201 — a command that prints
        for name in names:
            found, count = look_at(browser, folder, name)
            size = (folder / f"{name}.html").stat().st_size / 1000
            said = f"{len(found)} things are wrong" if found else "nothing is wrong"
            print(f"{name:25} {size:4.0f} kB, {count:3} controls: {said}")  # noqa: T201 — a command that prints
            wrong += found

        def visit(name):
            size = {"width": 1440, "height": 900}
            context = browser.new_context(viewport=size, offline=True, reduced_motion="reduce")
            return Reader(context, folder / f"{name}.html")

        print("\nBy the keyboard:")  # noqa: T201 — a command that prints
        for line, use in LINES.items():
            try:
                seen = use(visit)
            except (AssertionError, Error) as error:
                seen = f"wrong: {error}"
                wrong.append(f"{line}: {error}")
            print(f"{line:25} {seen}")  # noqa: T201 — a command that prints
        browser.close()
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(place))
