"""Settings of the documentation: `sphinx-build -W -b html docs OUT`."""

from micrograd_gd import __version__

project = "micrograd_gd"
author = "The micrograd_gd authors"
version = release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_theme = "alabaster"
html_theme_options = {
    "description": "Scalar autodiff to learn gradient descent from",
    "page_width": "1180px",
    "sidebar_width": "240px",
    "code_font_size": "0.8em",  # lines of 100 columns fit
}
html_copy_source = False
html_show_sourcelink = False
exclude_patterns = ["_build"]
