"""Formulas as MathML, which every browser sets by itself: no script, no font, no network."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def write(formula: str, *, display: bool) -> str:
    """A formula in MathML; the names of operators keep no backslash of LaTeX."""
    return tex2mathml(formula, as_block=display).replace(r"\_", "_")


def visit_formula(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(write(node.astext(), display=False))
    raise nodes.SkipNode


def visit_display(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    translator.body.append(f'<div class="math">{write(node.astext(), display=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx find this way of writing formulas."""
    app.add_html_math_renderer("mathml", (visit_formula, None), (visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
