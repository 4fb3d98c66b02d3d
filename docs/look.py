"""Open every page of the built site in Chromium, on a phone and in the dark.

`python docs/look.py SITE` works without network. It prints what is wrong: text without contrast
(WCAG AA), what scrolls sideways, controls without a name, formulas that are not set, links that
lead nowhere, errors of scripts, what cannot be loaded, and a size of more than 10 MB.
"""  # noqa: INP001 — a script, no package

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import BrowserContext, sync_playwright

LOOK = """() => {
  const found = new Set(), mayScroll = "pre, .table-wrapper, .math";
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
    return { color: [r, g, b], a };
  };
  const background = (element) => {
    if (!element) return [255, 255, 255];
    const { color, a } = parse(getComputedStyle(element).backgroundColor);
    if (a === 1) return color;
    const below = background(element.parentElement);
    return color.map((c, i) => a * c + (1 - a) * below[i]);
  };
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => {
    const [r, g, b] = color.map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const element of document.querySelectorAll("*")) {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const what = `${element.localName}.${element.className}`;
    const wide = element.scrollWidth - element.clientWidth;
    if (wide > 1 && /auto|scroll/.test(style.overflowX) && !element.matches(mayScroll)) {
      found.add(`${what} scrolls sideways, by ${wide} pixels`);
    }
    if (element.matches("a, button, input, iframe")) {
      const inside = element.textContent.trim() || element.querySelector("img")?.alt;
      const label = element.ariaLabel || element.title || element.placeholder;
      if (!(inside || label || element.labels?.length)) found.add(`${what} has no name`);
    }
    const own = [...element.childNodes].filter((n) => n.nodeType === 3 && n.data.trim());
    if (!own.length) continue;
    const text = own[0].data.trim().slice(0, 30);
    if (!element.closest("pre, code") && text.includes("\\\\")) found.add(`not set: ${text}`);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (style.fontWeight >= 600 && size >= 18.66);
    const both = [parse(style.color).color, background(element)].map(luminance);
    const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.add(`contrast ${ratio.toFixed(2)} of ${what}: ${text}`);
  }
  return [...found];
}"""
LINKS = "() => [...document.links].map((link) => link.href)"


def look(context: BrowserContext, page: Path) -> Iterator[str]:
    """What is wrong with a page."""
    tab, wrong = context.new_page(), []
    tab.on("requestfailed", lambda request: wrong.append(f"cannot be loaded: {request.url}"))
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.goto(page.as_uri())
    yield from tab.evaluate(LOOK)
    for link in map(urlsplit, tab.evaluate(LINKS)):
        if link.scheme == "file" and not Path(unquote(link.path)).exists():
            yield f"leads nowhere: {link.path}"
    tab.close()
    yield from wrong


def look_at_all(site: Path) -> Iterator[str]:
    """What is wrong with the site. The pages that live in it have tests of their own."""
    pages = sorted({*site.rglob("*.html")} - {*site.glob("live/**/*.html")})
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
    size = sum(path.stat().st_size for path in site.rglob("*") if ".doctrees" not in path.parts)
    if size > 10_000_000:
        yield f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    wrong = list(look_at_all(Path(sys.argv[1]).resolve()))
    sys.exit("\n".join(wrong) or 0)
