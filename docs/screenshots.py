"""The pictures of a page in the README, light and dark: `python docs/screenshots.py`.

It needs Chromium, and the fonts of this machine are what the pictures show.
"""  # noqa: INP001 — a script, no package

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from micrograd_gd import Value, live

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


def photograph(browser: Browser, page: Path, scheme: str) -> bytes:
    """The page at the end of its steps, with the first path of `a` lit."""
    size = {"width": 1360, "height": 900}
    tab = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    tab.goto(page.as_uri())
    tab.click("[data-part=last]")
    tab.hover(".paths li")
    png = tab.screenshot()
    tab.close()
    return png


if __name__ == "__main__":
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "page.html"
        live(example(), page)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            picture = Image.open(io.BytesIO(photograph(browser, page, scheme)))
            few = picture.convert("RGB").quantize(96, dither=Image.Dither.NONE)
            few.save(DOCS / f"readme-page-{scheme}.png", optimize=True)
        browser.close()
