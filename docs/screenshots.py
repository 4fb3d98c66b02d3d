"""The pictures of pages in the documentation, light and dark: `python docs/screenshots.py`.

It needs Chromium, and the fonts of this machine are what the pictures show.
"""  # noqa: INP001 — a script, no package

import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from micrograd_gd import Value, live, parse

DOCS = Path(__file__).parent


def example() -> Value:
    """The graph of the README, in one expression a step."""
    a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    c, d = a + b, a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2
    g = f / 2 + 10 / f
    g.label = "g"
    return g


def show_paths(tab: Page) -> None:
    """To the end of the steps, with the first path of `a` lit."""
    tab.click("[data-part=last]")
    tab.hover(".paths li")


def descend(tab: Page) -> None:
    """Some steps from two starts, each above a valley of its own."""
    tab.click("[data-part=add]")
    tab.fill("[aria-label=x]", "0.6")
    tab.click("[data-part=fit]")
    for _ in range(6):
        tab.click("[data-part=next]")
    tab.evaluate("scrollTo(0, 0)")


def photograph(browser: Browser, page: Path, scheme: str, act: Callable[[Page], None]) -> bytes:
    """What a page looks like after it was used."""
    size = {"width": 1360, "height": 900}
    tab = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    tab.goto(page.as_uri())
    act(tab)
    png = tab.screenshot()
    tab.close()
    return png


if __name__ == "__main__":
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "page.html"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        valleys = parse("(x**2 - 1)**2 + y**2 + 0.3*x")
        both = ("light", "dark")
        landscape = live(valleys, start=(-0.5, 1.2), learning_rate=0.08)
        for name, made, act, schemes, colors in (
            ("readme-page", live(example()), show_paths, both, 96),
            ("page-descent", landscape, descend, ["light"], None),  # shades take all colors
        ):
            made.save(page)
            for scheme in schemes:
                picture = Image.open(io.BytesIO(photograph(browser, page, scheme, act)))
                picture = picture.convert("RGB")
                if colors:
                    picture = picture.quantize(colors, dither=Image.Dither.NONE)
                picture.save(DOCS / f"{name}-{scheme}.png", optimize=True)
        browser.close()
