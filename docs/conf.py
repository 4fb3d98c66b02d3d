"""Settings of the site: `sphinx-build -W -b html docs OUT`."""

import os
import sys
from pathlib import Path

os.environ["MICROGRAD_GD_ENGINE"] = "python"  # the reference shows the engine that people read
sys.path.append(str(Path(__file__).parent))

from micrograd_gd import __version__

project = "micrograd_gd"
author = "The micrograd_gd authors"
version = release = __version__
extensions = [
    "myst_parser",
    "sphinx_copybutton",
    "book.formulas",
    "book.glossary",
    "book.live",
    "book.notebooks",
    "book.reference",
    "book.sources",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
add_module_names = False
python_maximum_signature_line_length = 80
html_theme = "furo"
html_title = "micrograd_gd"
html_static_path = ["book/static"]
html_css_files = ["book.css"]
html_js_files = [("live.js", {"defer": ""})]
html_math_renderer = "mathml"
html_copy_source = False
html_use_index = False  # the search finds names
html_domain_indices = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": "https://github.com/micrograd-gd/micrograd_gd",
    "source_branch": "main",
    "source_directory": "docs/",
    "light_css_variables": {
        "color-brand-primary": "#0b5fae",
        "color-brand-content": "#0b5fae",
        "color-brand-visited": "#6d3fb0",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cb8ff",
        "color-brand-content": "#7cb8ff",
        "color-brand-visited": "#c3a3f7",
    },
}
copybutton_selector = "div:not(.highlight-text) > div.highlight > pre"  # output is not to be copied
copybutton_prompt_text = ">>> |... "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
