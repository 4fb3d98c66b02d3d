"""Open every page of the built site in Chromium, on a phone and in the dark.

`python docs/look.py SITE` works without network. It prints what is wrong: text without contrast
(WCAG AA), what scrolls sideways, controls without a name, formulas that are not set, links that
lead nowhere, errors of scripts, what cannot be loaded, and a size of more than 10 MB. The live
pages have tests of their own, and JupyterLite is not ours.
"""  # noqa: INP001 — a script, no package

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import BrowserContext, sync_playwright

LOOK = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
MAY_SCROLL = "pre, .table-wrapper, .math"
LINKS = "() => [...document.links].map((link) => link.href)"


def look(context: BrowserContext, page: Path) -> Iterator[str]:
    """What is wrong with a page."""
    tab, wrong = context.new_page(), []
    tab.on("requestfailed", lambda request: wrong.append(f"cannot be loaded: {request.url}"))
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.goto(page.as_uri())
    yield from tab.evaluate(LOOK, MAY_SCROLL)
    for link in map(urlsplit, tab.evaluate(LINKS)):
        if link.scheme == "file" and not Path(unquote(link.path)).exists():
            yield f"leads nowhere: {link.path}"
    tab.close()
    yield from wrong


def look_at_all(site: Path) -> Iterator[str]:
    """What is wrong with the site."""
    ours = [path for path in site.rglob("*") if path.relative_to(site).parts[0] != "lab"]
    pages = sorted(path for path in ours if path.suffix == ".html" and "live" not in path.parts)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width, scheme in ((390, "light"), (1440, "dark")):
            size = {"width": width, "height": 900}
            context = browser.new_context(viewport=size, color_scheme=scheme, offline=True)
            for page in pages:
                where = f"{page.relative_to(site)}, {width} pixels, {scheme}"
                yield from (f"{where}: {wrong}" for wrong in look(context, page))
        browser.close()
    size = sum(path.stat().st_size for path in ours if ".doctrees" not in path.parts)
    if size > 10_000_000:
        yield f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    wrong = list(look_at_all(Path(sys.argv[1]).resolve()))
    sys.exit("\n".join(wrong) or 0)
