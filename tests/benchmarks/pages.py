"""How fast a page is made, ready, and drawn again while a leaf is dragged, in Chromium.

`python tests/benchmarks/pages.py`. Sixty frames a second are 16.7 ms a frame.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from micrograd_gd import MLP, Value, data, live, losses

WATCH = """
window.frames = [];
window.scripts = [];
const ask = requestAnimationFrame.bind(window);
window.requestAnimationFrame = (callback) => ask((now) => {
    const start = performance.now();
    callback(now);
    window.scripts.push(performance.now() - start);
});
let last = performance.now();
const tick = (now) => { window.frames.push(now - last); last = now; ask(tick); };
ask(tick);
"""
READY = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


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


def measure(browser, root, path):
    """One line of figures."""
    start = time.process_time()
    page = live(root, path)
    figures = [f"{len(root.nodes()):,} nodes, {len(page.html) / 1e3:.0f} kB"]
    figures.append(f"made in {time.process_time() - start:.2f} s of CPU")
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.add_init_script(WATCH)
    tab.goto(path.as_uri())
    figures.append(f"ready in {tab.evaluate(READY):.0f} ms")
    if tab.locator(".field").count():
        frames, scripts = drag(tab)
        figures.append(f"dragged: {frames:.1f} ms a frame, of which script {scripts:.1f} ms")
    tab.close()
    return "; ".join(figures)


def drag(tab):
    """What a frame takes, and the script in it, while the first leaf follows the pointer."""
    tab.click("[data-part=last]")
    box = tab.locator(".node.leaf").first.bounding_box()
    tab.mouse.move(box["x"] + 20, box["y"] + 10)
    tab.mouse.down()
    tab.evaluate("frames.length = scripts.length = 0")
    for i in range(200):
        tab.mouse.move(box["x"] + 20 + i, box["y"] + 10)
    tab.mouse.up()
    return map(statistics.median, tab.evaluate("[frames, scripts]"))


if __name__ == "__main__":
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for root in (build_chain(200), build_loss(900)):
            print(measure(browser, root, Path(folder) / "page.html"))  # noqa: T201 — a command that prints
        browser.close()
