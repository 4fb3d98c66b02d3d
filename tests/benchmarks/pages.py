"""How fast a page is made, ready, and drawn again while it is used, in Chromium.

`python tests/benchmarks/pages.py`. All figures are CPU time, so that they hold on a busy machine,
of the thread that runs and paints the page. Sixty frames a second leave 16.7 ms for each.
"""

import json
import shutil
import statistics
import tempfile
import time
from bisect import bisect_right
from functools import partial
from pathlib import Path

from playwright.sync_api import sync_playwright

from micrograd_gd import MLP, Value, data, live, losses, parse

TRACED = ["-*", "devtools.timeline", "toplevel"]
SETTLED = "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"


def build_chain(nodes):
    """Products and activations, one after the other, of ten leaves."""
    x = [Value(0.1 * i, label=f"x{i}") for i in range(10)]
    y = x[0]
    for i in range((nodes - 10) // 2):
        y = (y * x[i % 10]).tanh()
    return y


def build_loss(samples):
    """The loss of a network, which is folded."""
    rows, targets = data.moons(samples, seed=0)
    model = MLP(2, [16, 16, 1], seed=0)
    return losses.binary_cross_entropy([model(row) for row in rows], targets)


def open_network():
    model = MLP(2, [16, 16, 1], "tanh", seed=1)
    return live(model, data=data.moons(200, seed=0), learning_rate=0.3)


def open_valley():
    return live(parse("(1 - x)**2 + 10*(y - x**2)**2"), start={"x": -1.2, "y": 1.0})


def measure(browser, name, build, use, path):
    """One line of figures."""
    start = time.process_time()
    page = build()
    figures = [f"{name}: {len(page.html) / 1e3:.0f} kB"]
    figures.append(f"made in {time.process_time() - start:.2f} s")
    page.save(path)
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    tab.goto(path.as_uri())
    tab.evaluate(SETTLED)
    metrics = session.send("Performance.getMetrics")["metrics"]
    busy = next(x["value"] for x in metrics if x["name"] == "TaskDuration")
    figures.append(f"ready in {1e3 * busy:.0f} ms")
    if use:
        browser.start_tracing(page=tab, categories=TRACED)
        use(tab)
        frames = sorted(find_frames(json.loads(browser.stop_tracing())["traceEvents"]))
        worst = frames[int(0.99 * len(frames))]
        figures.append(
            f"{len(frames)} frames of {statistics.median(frames):.1f} ms, 99 % below {worst:.1f} ms"
        )
    tab.close()
    return "; ".join(figures)


def find_frames(events):
    """The milliseconds of each task in which the page drew."""
    fired = [event for event in events if event["name"] == "FireAnimationFrame"]
    threads = {(event["pid"], event["tid"]) for event in fired}
    tasks = sorted(
        (event["ts"], event["dur"], event.get("tdur", 0) / 1e3)
        for event in events
        if event["name"].endswith("RunTask") and event.get("dur")
        if (event["pid"], event["tid"]) in threads
    )
    starts = [start for start, *_ in tasks]
    places = {bisect_right(starts, event["ts"]) - 1 for event in fired}
    return [tasks[place][2] for place in places if place >= 0]


def drag(selector):
    """Drags what a selector finds to and fro."""

    def use(tab):
        if tab.locator("[data-part=last]").count():
            tab.click("[data-part=last]")
        box = tab.locator(selector).first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 10)
        tab.mouse.move(x, y)
        tab.mouse.down()
        for i in range(300):
            tab.mouse.move(x + i % 100, y)
        tab.mouse.up()

    return use


def train(tab):
    tab.click("[data-part=play]")
    tab.wait_for_timeout(5000)


PAGES = [
    ("graph of 200 nodes, a leaf dragged", partial(live, build_chain(200)), drag(".node.leaf")),
    ("loss of 64,000 nodes", partial(live, build_loss(900)), None),
    ("landscape, the start dragged", open_valley, drag(".start .ring")),
    ("network 2-16-16-1 on 200 points, trained", open_network, train),
]


if __name__ == "__main__":
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for each in PAGES:
            print(measure(browser, *each, Path(folder) / "page.html"))  # noqa: T201 — a command that prints
        browser.close()
