"""What is written is run: README, documentation, demos, commands."""

import doctest
import io
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from itertools import dropwhile, pairwise
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pictures
import pytest

import micrograd_gd
from micrograd_gd import functional
from micrograd_gd.cli import main
from micrograd_gd.pages import write_engine

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
DEMOS = sorted((ROOT / "demos").glob("*.py"))

CONTRIBUTING = DOCS / "contributing.md"
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


class Block(NamedTuple):
    """A fenced block of a page, and the line of the page before its first one."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    fence, language, start, lines = "", "", 0, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        opening = re.match(r"(```+)(.*)", line)
        if not fence and opening:
            fence, language, start, lines = opening[1], opening[2].strip(), number, []
        elif fence and line == fence:
            found.append(Block(language, "".join(f"{each}\n" for each in lines), start))
            fence = ""
        else:
            lines.append(line)
    assert not fence, f"{page}: the block of line {start} has no end"
    return found


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def having(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(block.language in languages for block in blocks(page))]


def links(page: Path) -> Iterator[str]:
    """Where the links and the pictures of a page lead to, code left out."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    text = re.sub(r"`[^`\n]*`", "", text)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r'(?:src|srcset|href)="([^"]+)"', text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and Sphinx make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading).strip().lower() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", having("python", "sh"), ids=name)
def test_blocks_and_commands_print_and_draw_what_the_page_shows(page, tmp_path):
    """They run in the order of the page, in one folder."""
    with chdir(tmp_path), mpl.rc_context(pictures.STYLE):
        run_blocks(page)
    if page in pictures.PAGES:
        drawn = pictures.places(page, tmp_path)
        assert drawn
        for saved, where in drawn.items():
            assert texts(saved) == texts(where), f"{name(where)}: run python docs/generate.py"
            assert str(where.relative_to(page.parent)) in page.read_text(encoding="utf-8")


def texts(picture):
    return re.findall(r"<text.*?>(.*?)</text>", picture.read_text(encoding="utf-8"))


def run_blocks(page):
    names = {"__name__": "__main__"}
    found = blocks(page)
    for block, following in zip(found, [*found[1:], Block("", "", 0)], strict=True):
        shown = following.text if following.language == "text" else ""
        if block.language == "sh":
            printed = "".join(map(check_command, block.text.splitlines()))
            assert printed == shown or not shown, f"{name(page)}, line {block.line}"
        elif block.language == "python" and ">>>" in block.text:
            run_doctest(page, block, names)
        elif block.language == "python":
            code = compile("\n" * block.line + block.text, str(page), "exec")
            with redirect_stdout(io.StringIO()) as out:
                exec(code, names)  # noqa: S102 — the page's own code
            assert out.getvalue() == shown, f"{name(page)}, line {block.line}"


def run_doctest(page, block, names):
    parser = doctest.DocTestParser()
    test = parser.get_doctest(block.text, names, name(page), str(page), block.line)
    report = io.StringIO()
    failed, _ = doctest.DocTestRunner().run(test, out=report.write, clear_globs=False)
    names.update(test.globs)
    assert not failed, report.getvalue()


@pytest.mark.parametrize("page", having("js"), ids=name)
def test_javascript_blocks_print_what_the_page_shows(page):
    pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is missing")
    import javascript

    found = blocks(page)
    with javascript.start(write_engine()) as v8:
        v8.eval("const lines = [], console = { log: (...x) => lines.push(x.join(' ')) };")
        for block, following in pairwise([*found, Block("", "", 0)]):
            if block.language == "js":
                v8.eval(block.text)
                shown = following.text if following.language == "text" else ""
                printed = v8.eval("lines.splice(0).map((line) => line + '\\n').join('')")
                assert printed == shown, f"{name(page)}, line {block.line}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_text_block_shows_what_the_block_before_it_prints(page):
    before = ""
    for block in blocks(page):
        kind = block.language.partition(" ")[0]
        known = {"python", "js", "text", "sh", "diff", "", "{toctree}", "{names}"}
        assert kind in known, f"{name(page)}, line {block.line}"
        if block.language == "text":
            assert before in {"python", "js", "sh"}, f"{name(page)}, line {block.line}"
        before = block.language


def test_the_row_that_contributors_are_shown_can_be_added():
    added, edges = (block.text for block in blocks(CONTRIBUTING) if block.language == "diff")
    row = "".join(re.findall(r"^\+(.*\n)", added, flags=re.MULTILINE))
    exec(row.replace('"versin"', '"shown"'), {"primitive": micrograd_gd.primitive})  # noqa: S102 — the page's own code
    assert edges.count("+| `versin` | ") == 3
    assert functional.shown(1e-9) == pytest.approx(5e-19, rel=1e-14)
    assert micrograd_gd.grad(functional.shown)(-0.5) == pytest.approx(-0.47943, rel=1e-4)


def check_command(line):
    """Run a command of the package; of others, know that something else runs them.

    The files that they are given are there.
    """
    printed = ""
    if line.startswith("python -m pip install"):
        assert f"'{line}'" in CI, f"{line!r} is not run by .ci/run"
    for command in line.split(" && "):
        words = [*dropwhile(lambda word: "=" in word, shlex.split(command))]
        for word in words:
            named = re.match(r"(tests|docs)/(?!_build)", word)
            assert not named or (ROOT / word).exists(), f"{command}: there is no {word}"
        if words[0] == "micrograd-gd":
            with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as end:
                main(words[1:])
            assert end.value.code == 0, command
            printed += out.getvalue()
        elif words[:2] == ["git", "clone"]:
            assert f'Source = "{words[2]}"\n' in (ROOT / "pyproject.toml").read_text("utf-8")
        elif words[0] == "python" and words[1][0] != "-":
            assert (ROOT / words[1]).is_file(), f"{command}: there is no {words[1]}"
        else:
            checked_elsewhere = {"pip", "pytest", "ruff", "mypy", "sphinx-build", "venv", ".", "cd"}
            assert checked_elsewhere & {*words}, f"{command!r} is run by no test"
    return printed


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{name(page)} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{name(page)} links to {link}"


def test_the_readme_links_to_the_same_files_where_an_index_shows_it(python):
    page = python("setup.py", "-q", "--long-description", cwd=ROOT).stdout
    there = re.findall(r"\]\(([^)\s]+)\)", page) + re.findall(r'src(?:set)?="([^"]+)"', page)
    source = "https://github.com/micrograd-gd/micrograd_gd"
    assert there == [
        f"{source}/{'raw' if link.endswith(('.svg', '.png')) else 'blob'}/main/{link}"
        for link in links(ROOT / "README.md")
    ]


def test_the_readme_says_what_ci_runs():
    commands = re.findall(r"^in_fresh_environment \w+ '(.+)'$", CI, flags=re.MULTILINE)
    shown = [block.text.strip() for block in blocks(ROOT / "README.md") if block.language == "sh"]
    assert len(commands) == 2
    for command in commands:
        assert command in "\n".join(shown).splitlines(), f"the README does not show {command!r}"


@pytest.mark.parametrize("path", [*having("python"), *DEMOS], ids=name)
def test_what_the_package_itself_offers_is_imported_from_it(path):
    text = path.read_text(encoding="utf-8")
    imports = r"^(?:>>> )?from micrograd_gd\.(\S+) import (.+)$"
    for module, names in re.findall(imports, text, flags=re.MULTILINE):
        if module.startswith("micrograd."):
            continue  # micrograd's own names
        offered = {*names.split(", ")} & {*micrograd_gd.__all__}
        assert not offered, f"{name(path)} imports {offered} from {module}"
